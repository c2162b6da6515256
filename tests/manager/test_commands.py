"""The commands that speak to the manager, as a user or a script sees them: what they print, and how they end."""

import base64

from manager import *


def prints(text):
    """Machine code that prints text on the serial port."""
    return b"".join(b"\xba\xf8\x03\x00\x00\xb0" + bytes([c]) + b"\xee" for c in text)


class CommandTest(ManagerTest):
    def said(self, code, *arguments, **how):
        process = self.run_program(*arguments, **how)
        self.assertEqual(process.returncode, code, process.output + process.errors)
        return process

    def define(self, name, kernel="sleep", **members):
        self.write(f"{name}.json", json.dumps(self.definition(name, kernel, **members)))
        self.ok("define", f"{name}.json")


class Definitions(CommandTest):
    def test_define_keeps_and_undefine_forgets(self):
        self.up()
        self.define("web")
        self.assertEqual(self.ok("list", "-q"), "web\n")
        self.assertTrue(os.path.exists(self.path("guests/web.json")))
        self.ok("undefine", "web")
        self.assertEqual(self.ok("list", "-q"), "")
        self.assertFalse(os.path.exists(self.path("guests/web.json")))

    def test_define_from_standard_input(self):
        self.up()
        text = json.dumps(self.definition("web"))
        process = subprocess.run([PROGRAM, "--config", "vmm.json", "define", "--json", "-"], cwd=self.folder.name,
                                 input=text, capture_output=True, text=True, timeout=20)
        self.assertEqual(process.returncode, DONE, process.stderr)
        self.assertEqual(json.loads(process.stdout)["name"], "web")

    def test_define_reads_paths_as_the_file_means_them(self):
        self.up()
        os.mkdir(self.path("below"))
        self.write("below/web.json", json.dumps(self.definition("web") | {"kernel": {"path": "../sleep.elf"}}))
        self.ok("define", "below/web.json")
        self.ok("start", "--wait", "web")

    def uuid(self, name):
        return json.loads(self.ok("info", "--json", name))["definition"].get("uuid")

    def test_define_gives_a_uuid_that_stays(self):
        self.up()
        self.define("web")
        self.define("db")
        uuid = self.uuid("web")
        self.assertRegex(uuid, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertNotEqual(uuid, self.uuid("db"))
        self.write("web.json", json.dumps(self.definition("web", memory_mib=32)))
        self.ok("define", "--replace", "web.json")
        self.assertEqual(self.uuid("web"), uuid)
        with open(self.path("guests/web.json")) as file:
            self.assertEqual(json.load(file)["uuid"], uuid)
        self.assertIn(uuid, self.ok("info", "web"))

    def test_a_uuid_of_another_guest_is_refused(self):
        self.up()
        uuid = "6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f"
        self.define("web", uuid=uuid)
        self.define("web2", uuid=uuid.replace("6d", "6e"))
        self.write("db.json", json.dumps(self.definition("db", uuid=uuid.upper())))
        self.refused(REFUSED, ["db", "uuid is guest web's"], "define", "db.json")
        self.assertEqual(self.ok("list", "-q"), "web\nweb2\n")

    def test_what_is_only_said_is_kept_and_shown(self):
        self.up()
        said = {"title": "The shop", "description": "Two\nlines.", "metadata": {"http://example.org/x": "<x xmlns='http://example.org/x'/>"}}
        self.define("web", **said)
        shown = json.loads(self.ok("info", "--json", "web"))["definition"]
        self.assertEqual({key: shown[key] for key in said}, said)
        self.assertIn("The shop", self.ok("info", "web"))

    def test_name_that_is_taken_is_refused_but_for_replace(self):
        self.up()
        self.define("web")
        self.refused(REFUSED, ["web", "taken"], "define", "web.json")
        self.write("web.json", json.dumps(self.definition("web", memory_mib=32)))
        self.ok("define", "--replace", "web.json")
        self.assertEqual(self.guest("web")["memory_mib"], 32)

    def test_replacing_a_guest_that_runs_counts_from_its_next_start(self):
        self.up()
        self.define("web")
        self.ok("start", "--wait", "web")
        self.write("web.json", json.dumps(self.definition("web", memory_mib=32)))
        self.assert_words(["web", "running", "next start"], self.said(DONE, "define", "--replace", "web.json").errors)
        self.assertEqual(self.guest("web")["memory_mib"], 16)
        self.ok("kill", "--wait", "web")
        self.ok("start", "--wait", "web")
        self.assertEqual(self.guest("web")["memory_mib"], 32)

    def test_bad_definitions_change_nothing(self):
        self.up()
        for text, words in (
            ("{", ["web.json"]),
            ("[]", ["web.json"]),
            ('{"name": "a/b", "image": "x"}', ["web.json", "name"]),
            ('{"name": "%s", "image": "x"}' % ("a" * 300), ["web.json", "name"]),
            ('{"name": "web", "imag": "x"}', ["web.json", "imag", "image"]),
            ('{"name": "web", "image": "x", "memory_mib": 1}', ["memory_mib"]),
        ):
            with self.subTest(text[:40]):
                self.write("web.json", text)
                self.refused(FAILED, words, "define", "web.json")
        self.refused(FAILED, ["nothing.json"], "define", "nothing.json")
        self.refused(FAILED, ["guest.xml", "No such file"], "define", "guest.xml")
        self.assertEqual(self.ok("list", "-q"), "")

    def test_undefine_of_a_guest_that_runs_is_refused(self):
        self.up()
        self.define("web")
        self.ok("start", "web")
        self.refused(REFUSED, ["guest web", "shut it down first"], "undefine", "web")
        self.refused(NO_GUEST, ["wbe", "did you mean web?"], "undefine", "wbe")


class Several(CommandTest):
    def setUp(self):
        super().setUp()
        for name in ("a", "b", "c"):
            self.define_file(name, autostart=False)
        self.up()

    def states(self):
        return [guest["state"] for guest in json.loads(self.ok("list", "--json"))["guests"]]

    def test_all_are_operated_on(self):
        self.ok("start", "--wait", "a", "b", "c")
        self.assertEqual(self.states(), ["running"] * 3)
        self.ok("pause", "a", "b", "c")
        self.assertEqual(self.states(), ["paused"] * 3)
        self.ok("resume", "a", "b", "c")
        self.assertEqual(self.states(), ["running"] * 3)
        self.ok("kill", "--wait", "a", "b", "c")
        self.assertEqual(self.states(), ["off"] * 3)
        self.ok("undefine", "a", "b", "c")
        self.assertEqual(self.states(), [])

    def test_those_that_can_do_although_others_cannot(self):
        process = self.said(NO_GUEST, "start", "--wait", "a", "nobody", "c")
        self.assertRegex(process.errors, r"\Arastos-vmm: no guest is named nobody[^\n]*\n\Z")
        self.assertEqual(self.states(), ["running", "off", "running"])
        process = self.said(REFUSED, "start", "a", "b", "c")
        self.assertEqual(process.errors.count("\n"), 2)
        self.wait_state("b", "running")

    def test_more_than_are_asked_at_once(self):
        for i in range(40):
            self.write("g.json", json.dumps(self.definition(f"g{i}")))
            self.ok("define", "g.json")
        process = self.said(REFUSED, "shutdown", *(f"g{i}" for i in range(40)))
        self.assertEqual([line.split(":")[1].split()[-1] for line in process.errors.splitlines()],
                         [f"g{i}" for i in range(40)])
        self.ok("undefine", *(f"g{i}" for i in range(40)))

    def test_they_shut_down_together(self):
        self.ok("start", "--wait", "a", "b", "c")
        begin = time.monotonic()
        self.ok("shutdown", "--wait", "--timeout", "1", "a", "b", "c")  # they do not listen
        self.assertLess(time.monotonic() - begin, 2.5)
        self.assertEqual(self.states(), ["off"] * 3)

    def test_wait_times_out(self):
        self.write("slow.json", json.dumps(self.definition("slow", ready="notify")))
        self.ok("define", "slow.json")
        process = self.said(TIMED_OUT, "start", "--wait", "--timeout", "1", "slow", "a")
        self.assert_words(["slow", "not ready in time"], process.errors)
        self.assertEqual(self.state("a"), "running")


class Create(CommandTest):
    def create(self, name, *options, code=DONE):
        return self.said(code, "create", name, "--image", "sleep.elf", "-m", "16", *options)

    def test_guest_is_defined_and_ready(self):
        self.up()
        self.assertEqual(self.create("web", "--ready", "started").errors, "")
        guest = self.guest("web")
        self.assertEqual((guest["state"], guest["role"], guest["vcpus"], guest["memory_mib"], guest["autostart"]),
                         ("running", "guest", 1, 16, True))
        self.kill_manager()
        self.up()
        self.assertEqual(self.state("web"), "running")

    def test_options_are_in_the_definition(self):
        self.write("data.img", bytes(1 << 20))
        self.up()
        self.create("db", "--no-start", "--ready", "started")
        self.create("web", "-c", "2", "-d", "data.img,ro,cache=none", "-v", "data.img", "-p", "18080:80", "-p", "18443:443/tcp",
                    "--autostart", "no", "--depends-on", "db", "--ready", "started", "--no-start")
        definition = json.loads(self.ok("info", "--json", "web"))["definition"]
        self.assertEqual(definition["vcpus"], 2)
        self.assertEqual([(disk["path"], disk.get("read_only", False)) for disk in definition["disks"]],
                         [(self.path("data.img"), True), (self.path("data.img"), False)])
        self.assertEqual(definition["disks"][0]["cache"], "none")
        self.assertEqual(definition["networks"], [{"type": "passt", "publish": ["18080:80", "18443:443/tcp"]}])
        self.assertIs(definition["autostart"], False)
        self.assertEqual(definition["depends_on"], ["db"])
        self.assertEqual(self.state("web"), "off")

    def test_disk_that_is_brought_is_ready_as_soon_as_it_runs(self):
        self.write("disk.img", bytes(510) + b"\x55\xaa" + bytes(1 << 20))
        self.up()
        for image, ready in (("disk.img", "started"), ("sleep.elf", None)):
            self.ok("create", "--no-start", image.split(".")[0], "--image", image)
            definition = json.loads(self.ok("info", "--json", image.split(".")[0]))["definition"]
            self.assertEqual(definition.get("ready"), ready)

    def test_what_does_not_start_stays_defined(self):
        self.up()
        process = self.said(FAILED, "create", "web", "--image", "nothing.elf", "-m", "16")
        self.assertRegex(process.errors, r"\Arastos-vmm: [^\n]*nothing.elf[^\n]*\n\Z")
        self.assertEqual(self.state("web"), "failed")
        self.ok("undefine", "web")

    def test_guest_that_crashes_at_once_is_told_of(self):
        self.up()
        process = self.said(FAILED, "create", "web", "--image", "crash.elf", "-m", "16")
        self.assert_words(["web", "triple fault"], process.errors)

    def test_detach_does_not_wait(self):
        self.up()
        self.create("web", "--detach")
        self.assertEqual(self.state("web"), "starting")
        process = self.create("web2", "-t", "1", code=TIMED_OUT)
        self.assert_words(["web2", "not ready in time"], process.errors)

    def test_bad_input_changes_nothing(self):
        self.up()
        for options, words in (
            (("--role", "servr"), ["role"]),
            (("--autostart", "maybe"), ["--autostart", "yes or no"]),
            (("--ready", "soon"), ["ready", "notify"]),
            (("--timeout", "0"), ["--timeout"]),
            (("-v", "/nowhere:/data"), ["--volume", "there is no directory /nowhere"]),
            (("-v", "."), ["--volume", "where does the guest mount it? give .:DIR"]),
            (("-v", "sleep.elf:/data"), ["--volume", "sleep.elf is no directory"]),
            (("-v", ".:data"), ["filesystems[0].mount", "absolute path"]),
            (("-v", ".:/data:z"), ["filesystems[0].z"]),
            (("-v", ".:/data", "-v", ".:/data:ro"), ["filesystems[1].tag", "another filesystem's"]),
            (("--no-start", "--detach"), ["--no-start"]),
            (("--detatch",), ["--detatch", "did you mean --detach?"]),
        ):
            with self.subTest(options):
                self.usage(words, "create", "web", "--image", "sleep.elf", *options)
        self.usage(["--image"], "create", "web")
        self.usage(["which NAME?"], "create", "--image", "sleep.elf")
        self.usage(["name"], "create", "a/b", "--image", "sleep.elf")
        self.usage(["name"], "create", "a" * 300, "--image", "sleep.elf")
        self.assertEqual(self.ok("list", "-q"), "")
        self.create("web", "--no-start")
        self.refused(REFUSED, ["web", "taken"], "create", "web", "--image", "sleep.elf")


class Info(CommandTest):
    def test_says_what_it_is_and_how(self):
        self.define_file("web", "hello", depends_on=["db"])
        self.define_file("db")
        self.up()
        text = self.ok("info", "web")
        pid = self.guest("web")["pid"]
        for line in ("Name:        web", "Role:        guest", f"Kernel:      {self.path('hello.elf')}", "vCPUs:       1",
                     "Memory:      16 MiB", "Depends on:  db", "Autostart:   yes",
                     f"Definition:  {self.path('guests/web.json')}", f"Folder:      {self.path('run/guests/web')}"):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, rf"State:       running, for \d+s, process {pid}\n")

    def test_json_of_several(self):
        self.define_file("a")
        self.define_file("b")
        self.up()
        process = self.said(NO_GUEST, "info", "--json", "a", "nobody", "b")
        self.assertEqual([json.loads(line)["name"] for line in process.output.splitlines()], ["a", "b"])


class Logs(CommandTest):
    def setUp(self):
        super().setUp()
        self.text = b"".join(b"line %d\r\n" % i for i in range(20)) + "caf\u00e9 \x1b[31mred\x07 \x9b1m\r\nend".encode()
        self.write("talk.elf", elf_kernel(code=prints(self.text)))
        self.define_file("talk", "talk")
        self.up()
        wait_until(lambda: self.ok("logs", "talk").endswith("end"))

    def run_raw(self, *arguments):
        return subprocess.run([PROGRAM, "--config", "vmm.json", *arguments], cwd=self.folder.name, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=20, check=True).stdout

    def test_pipe_gets_the_guests_bytes(self):
        self.assertEqual(self.run_raw("logs", "talk"), self.text)

    def test_bytes_that_are_no_text(self):
        data = b"\xff\xfe caf\xe9 \xc3\xa9\r\nend"
        self.write("bytes.elf", elf_kernel(code=prints(data)))
        self.ok("define", self.write("bytes.json", json.dumps(self.definition("bytes", "bytes", vsock={"cid": 4}))))
        self.ok("start", "bytes")
        wait_until(lambda: self.run_raw("logs", "bytes").endswith(b"end"))
        self.assertEqual(self.run_raw("logs", "bytes"), data)
        lines = self.run_raw("logs", "--json", "bytes").decode("utf-8", "strict").splitlines()
        pieces = [json.loads(line) for line in lines]
        self.assertEqual("".join(piece["text"] for piece in pieces), data.decode("utf-8", "replace"))
        self.assertEqual(b"".join(base64.b64decode(piece["base64"]) for piece in pieces), data)
        self.assertEqual(json.loads(self.run_raw("logs", "--json", "talk"))["text"].encode(), self.text)

    def test_newest_lines(self):
        self.assertEqual(self.run_raw("logs", "-n", "1", "talk"), b"end")
        self.assertEqual(self.run_raw("logs", "-n", "3", "talk"), b"line 19\r\n" + self.text.split(b"line 19\r\n")[1])
        self.assertEqual(self.run_raw("logs", "-n", "1000", "talk"), self.text)
        self.assertEqual(self.run_raw("logs", "-n", "0", "talk"), b"")

    def test_log_of_an_earlier_run_is_kept(self):
        self.ok("kill", "--wait", "talk")
        self.assertEqual(self.run_raw("logs", "talk"), self.text)
        self.ok("start", "--wait", "talk")
        wait_until(lambda: self.run_raw("logs", "talk") == 2 * self.text)

    def test_guest_that_never_ran_has_none(self):
        self.define("quiet")
        self.assertEqual(self.run_raw("logs", "quiet"), b"")

    def test_long_log_comes_whole(self):
        long = b"".join(b"%07d\x01\x1b\n" % i for i in range(30000))  # control characters are six in JSON
        with open(self.path("run/guests/talk/console.log"), "wb") as file:
            file.write(console_log(long))
        self.assertEqual(self.run_raw("logs", "talk"), long)
        self.assertEqual(self.run_raw("logs", "-n", "20000", "talk"), long[100000:])

    def test_follow_goes_on_over_starts_and_managers(self):
        follower = subprocess.Popen([PROGRAM, "--config", "vmm.json", "logs", "-f", "-n", "1", "talk"], cwd=self.folder.name,
                                    stdout=subprocess.PIPE)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        os.set_blocking(follower.stdout.fileno(), False)
        got = b""

        def whole(times):
            nonlocal got
            got += follower.stdout.read() or b""
            return got.count(b"end") == times

        wait_until(lambda: whole(1))  # the line that was there: it follows from here on
        for times in (2, 3):
            self.ok("kill", "--wait", "talk")
            self.ok("start", "--wait", "talk")
            wait_until(lambda: whole(times))
            self.kill_manager()
            self.up()
        self.assertEqual(got, b"end" + 2 * self.text)
        self.assertIsNone(follower.poll())


class Events(CommandTest):
    def test_what_happened_is_told_in_order(self):
        self.up()
        self.define("web")
        self.ok("start", "--wait", "web")
        self.ok("kill", "--wait", "web")
        events = [json.loads(line) for line in self.ok("events", "--json").splitlines()]
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual([event["event"] for event in events if event.get("guest") == "web"],
                         ["defined", "starting", "running", "stopping", "off"])
        self.assertEqual(events[0]["event"], "manager-started")
        last = events[-1]["id"]
        self.assertEqual(self.ok("events", "--since", str(last - 1)).split()[:1], [str(last)])
        self.assertEqual(self.ok("events", "--since", str(last)), "")

    def test_follower_that_reads_slowly_gets_all(self):
        self.define_file("web")
        self.up()
        with socket.socket(socket.AF_UNIX) as peer, socket.socket(socket.AF_UNIX) as follower:
            peer.connect(self.path("run/control.sock"))
            with peer.makefile() as answers:
                # Its process has read what it was told when it has answered: more than a socket holds is refused.
                for op in (["pause", "resume"] * 20 + ["stats"]) * 13:
                    peer.sendall((json.dumps({"id": 1, "op": op, "guest": "web"}) + "\n").encode())
                    answer = json.loads(answers.readline())
                    self.assertTrue(answer["ok"], answer)
            follower.settimeout(10)
            follower.connect(self.path("run/control.sock"))
            follower.sendall(b'{"id":1,"op":"events","follow":true}\n')
            time.sleep(0.5)  # all that is kept was written meanwhile, as far as the socket took it
            with follower.makefile() as items:
                first = json.loads(items.readline())["item"]["id"]
                for number in range(first + 1, first + 512):
                    self.assertEqual(json.loads(items.readline())["item"]["id"], number)

    def test_follower_hears_what_happens_and_the_next_manager(self):
        self.define_file("web")
        self.up()
        follower = subprocess.Popen([PROGRAM, "--config", "vmm.json", "events", "-f", "--json"], cwd=self.folder.name,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.stderr.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)

        def until(word):
            while (event := json.loads(follower.stdout.readline()))["event"] != word:
                pass
            return event

        until("running")
        self.ok("pause", "web")
        self.assertEqual(until("paused")["guest"], "web")
        self.kill_manager()
        self.up()
        self.assertEqual(until("adopted")["guest"], "web")
        self.ok("resume", "web")
        until("running")
        self.ok("down", "--force")
        until("off")
        self.assertEqual(follower.wait(timeout=20), DONE)
        self.assertEqual(follower.stderr.read(), "the manager has ended\n")


class Stats(CommandTest):
    def test_numbers_are_those_of_the_process(self):
        self.write("busy.elf", elf_kernel(code=prints(b"x" * 100) + b"\xeb\xfe"))  # then it jumps to itself
        self.define_file("busy", "busy", memory_mib=32)
        self.define_file("idle")
        self.define_file("off", autostart=False)
        self.up()
        wait_until(lambda: self.ok("logs", "busy") == "x" * 100)
        wait_until(lambda: json.loads(self.ok("stats", "--json", "busy"))[0]["cpu_ns"] > 3e8)
        stats = {guest["guest"]: guest for guest in json.loads(self.ok("stats", "--json"))}
        self.assertEqual(set(stats), {"busy", "idle"})
        busy, idle = stats["busy"], stats["idle"]
        self.assertEqual((busy["state"], busy["memory_mib"], busy["vcpus"]), ("running", 32, 1))
        self.assertGreaterEqual(busy["counters"]["vcpus"][0]["exits"], 100)
        self.assertGreater(busy["counters"]["vcpus"][0]["cpu_ns"], 2e8)
        self.assertLess(idle["counters"]["vcpus"][0]["exits"], 10)
        self.assertLess(idle["cpu_ns"], busy["cpu_ns"])
        with open(f"/proc/{busy['pid']}/status") as status:
            resident = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
        self.assertAlmostEqual(busy["resident_bytes"], resident, delta=1 << 20)
        self.assertLess(busy["own_bytes"], busy["resident_bytes"])

    def test_paused_guest_answers(self):
        self.define_file("web")
        self.up()
        self.ok("pause", "web")
        self.assertIn("counters", json.loads(self.ok("stats", "--json", "web"))[0])

    def test_guest_process_that_hangs_holds_nobody_up(self):
        self.define_file("web")
        self.define_file("db")
        self.up()
        pid = self.guest("web")["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        stats = {guest["guest"]: guest for guest in json.loads(self.ok("stats", "--json"))}
        self.assertNotIn("counters", stats["web"])
        self.assertIn("counters", stats["db"])
        os.kill(pid, signal.SIGCONT)

    def test_bad_input(self):
        self.define_file("web", autostart=False)
        self.up()
        self.refused(REFUSED, ["web", "off"], "stats", "web")
        self.refused(NO_GUEST, ["wbe", "did you mean web?"], "stats", "wbe")
        self.assertEqual(self.ok("stats", "--json"), "[]\n")

    def test_top_in_a_pipe(self):
        self.define_file("web")
        self.define_file("db")
        self.up()
        text = self.ok("top", "-n", "2", "-d", "1")
        self.assertNotIn("\x1b", text)
        self.assertEqual(text.count("GUEST"), 2)
        self.assertEqual(text.count("\nweb "), 2)


class Crashes(CommandTest):
    def test_report_is_listed_and_shown(self):
        self.write("crash.elf", elf_kernel(code=prints(b"last words") + CRASH))
        self.define_file("web", "crash", autostart=False, ready="notify")
        self.up()
        self.assert_words(["web", "triple fault"], self.said(FAILED, "start", "--wait", "web").errors)
        self.wait_state("web", "failed")
        text = self.ok("crashes")
        self.assertEqual(text.count("\n"), 2)
        self.assert_words(["web", "crashed", "triple fault"], text)
        shown = self.ok("crashes", "--show", "web")
        self.assert_words(["web", "triple fault", "--- registers ---", "rip", "last words"], shown)
        report = json.loads(self.ok("crashes", "--show", "--json", "web"))
        self.assertEqual((report["guest"], report["console"]), ("web", "last words"))
        self.assertNotIn("console", json.loads(self.ok("crashes", "--json"))[0])

    def test_none(self):
        self.define_file("web")
        self.up()
        self.assertEqual(self.ok("crashes", "--json"), "[]\n")
        self.refused(FAILED, ["web", "no crash report"], "crashes", "--show", "web")
        self.refused(NO_GUEST, ["wbe"], "crashes", "--show", "wbe")


class Down(CommandTest):
    def test_keep_guests(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.ok("down", "--keep-guests")
        wait_until(lambda: not self.manager_pids())
        self.assertTrue(process_alive(pid))
        self.refused(FAILED, ["no manager", "`rastos-vmm up -d`"], "list")
        self.up()
        self.assertEqual(self.guest("web")["pid"], pid)

    def test_keep_guests_is_not_about_their_end(self):
        for option in ("--force", "--poweroff"):
            self.usage(["--keep-guests"], "down", "--keep-guests", option)


@unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
class Rootless(ProgramTest):
    """A user who is not root, with folders of his own."""

    def test_manager_has_a_folder_that_is_the_users_alone(self):
        for path in (".", "guests"):
            os.chown(self.path(path), 65534, 65534)
        for command in (["up", "-d"], ["list"], ["create", "web", "--image", "nothing", "--no-start"], ["down"]):
            process = self.run_program(*command, user=65534)
            self.assertEqual(process.returncode, DONE, process.errors)
            status = os.stat(self.path("run"))
            self.assertEqual((status.st_uid, status.st_mode & 0o777), (65534, 0o700))
        self.assertTrue(os.path.exists(self.path("guests/web.json")))


class Table(CommandTest):
    def test_pipe_is_plain_and_whole(self):
        name = "a-guest-whose-name-is-longer-than-usual"
        self.define_file(name)
        self.define_file("b", autostart=False)
        self.up()
        lines = self.ok("list").splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "ROLE", "STATE", "VCPUS", "MEMORY", "PID", "UPTIME", "STATUS"])
        self.assertTrue(lines[1].startswith(name + "  guest  running"))
        self.assertEqual([line for line in lines if line != line.rstrip()], [])
        self.assertEqual([line.index("MiB") for line in lines[1:]], [lines[1].index("MiB")] * 2)



class Info(ManagerTest):
    def test_disks_are_named_by_where_they_are(self):
        self.write("disk.img", "\0" * 4096)
        self.up()
        definition = self.definition("web", autostart=False, disks=[
            {"path": self.path("disk.img"), "id": "root", "read_only": True},
            {"image": "data", "cache": "none"},
            {"source": {"protocol": "nbd", "host": "127.0.0.1", "name": "far"}}])
        self.assertTrue(self.ask("define", definition=definition)["ok"])
        shown = self.ok("info", "web")
        self.assertIn(f"Disks:       {self.path('disk.img')}, id root, read-only\n", shown)
        self.assertIn("image data, cache none\n", shown)
        self.assertIn("nbd export far of 127.0.0.1\n", shown)


if __name__ == "__main__":
    main()
