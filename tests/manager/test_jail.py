"""Guests' processes in their jail, as the host sees them; what is said when there can be none."""

import re

from manager import *

FIRST_ID = 1900000000


class Jail(ManagerTest):
    def settings(self, **members):
        settings = json.loads(self.read("vmm.json"))
        self.write("vmm.json", json.dumps(settings | members))

    def process(self, name="web"):
        return self.guest(name)["pid"]

    def proc(self, name, file):
        with open(f"/proc/{self.process(name)}/{file}") as text:
            return text.read()

    def status(self, name, key):
        for line in self.proc(name, "status").splitlines():
            if line.startswith(key + ":"):
                return line.split(":")[1].split()
        return None

    def test_process_has_a_user_of_its_own_and_no_rights(self):
        self.define_file("web")
        self.up()
        user = str(FIRST_ID if os.geteuid() == 0 else os.geteuid())
        self.assertEqual(self.status("web", "Uid"), [user] * 4)
        self.assertEqual(self.status("web", "NoNewPrivs"), ["1"])
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(self.status("web", capabilities)[0], 16), 0)
        self.assertEqual(self.status("web", "NSpid")[1:], ["1"])

    def test_every_thread_has_a_filter(self):
        self.write("disk", b"\0" * 65536)
        self.define_file("web", vcpus=2, disks=[{"path": self.path("disk")}], video={})
        self.up()
        tasks = f"/proc/{self.process()}/task"
        for task in os.listdir(tasks):  # one that was just made puts it on with its first instructions
            wait_until(lambda: "\nSeccomp:\t2\n" in Path(f"{tasks}/{task}/status").read_text())

    def test_a_display_has_a_thread_and_room_for_its_pictures(self):
        self.define_file("web", video={"heads": 2, "vram": 1 << 20})
        self.define_file("other")
        self.up()
        process = f"/proc/{self.process()}"
        names = [Path(f"{process}/task/{task}/comm").read_text().strip() for task in os.listdir(f"{process}/task")]
        self.assertEqual(names.count("display"), 1, names)
        self.assertRegex(self.proc("web", "limits"), f"Max file size +{1 << 30} ")
        self.assertEqual(self.ask("device-info", guest="web", device="video0")["result"]["type"], "video")
        self.assertIn("no device of it is called video0", str(self.ask("device-info", guest="other", device="video0")))

    def test_namespaces_and_root_are_its_own(self):
        self.define_file("web")
        self.up()
        for space in ("user", "mnt", "pid", "net", "ipc", "uts"):
            self.assertNotEqual(os.readlink(f"/proc/{self.process()}/ns/{space}"), os.readlink(f"/proc/self/ns/{space}"))
        self.assertEqual(os.listdir(f"/proc/{self.process()}/root/"), [])
        self.assertEqual(len(self.proc("web", "mounts").splitlines()), 1)

    def test_it_holds_nothing_of_the_manager_or_of_another_guest(self):
        self.write("disk", b"\0" * 65536)
        self.define_file("web", disks=[{"path": self.path("disk")}])
        self.define_file("other")
        self.up()
        process = f"/proc/{self.process('web')}"
        held = {int(fd): os.readlink(f"{process}/fd/{fd}") for fd in os.listdir(f"{process}/fd")}
        self.assertEqual([path for path in held.values() if path.startswith(self.folder.name)], [self.path("disk")])
        self.assertNotIn("/dev/kvm", held.values())
        self.assertEqual((held[0], held[1]), ("/dev/null", "/dev/null"))
        self.assertTrue(held[2].startswith("pipe:"), held[2])
        self.assertEqual(set(self.proc("web", "environ").split("\0")) - {""},
                         {f"{name}={os.environ[name]}" for name in ("TZ", "RASTOS_DEBUG", "LD_LIBRARY_PATH") if name in os.environ})

    def memory_has(self, pid, what):
        """As root, or whoever owns the process, can look for it."""
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                place, rights, *_, path = (line + " -").split()[:7]
                if rights[0] != "r" or "/memfd:" in line or "[v" in line:
                    continue
                start, end = (int(number, 16) for number in place.split("-"))
                memory.seek(start)
                if what in memory.read(end - start):
                    return True
        return False

    def test_it_has_no_copy_of_the_managers_memory(self):
        secret = os.urandom(8).hex()
        definition = self.definition("other")
        definition["kernel"]["cmdline"] = f"secret={secret}"
        self.write("guests/other.json", json.dumps(definition))
        self.define_file("web")
        self.up()
        self.assertTrue(self.memory_has(self.manager_pids()[0], secret.encode()), "where it must be found")
        self.assertFalse(self.memory_has(self.process("web"), secret.encode()))
        self.ok("kill", "--wait", "web")
        self.ok("start", "web")  # the manager's memory has everything in it by now
        self.assertFalse(self.memory_has(self.process("web"), secret.encode()))

    def layout(self, pid):
        """Where its program, libraries, heap and stack begin."""
        found = {}
        with open(f"/proc/{pid}/maps") as maps:
            for line in maps:
                fields = line.split()
                if len(fields) > 5 and (fields[5][0] == "/" or fields[5] in ("[heap]", "[stack]")):
                    found.setdefault(os.path.basename(fields[5]), fields[0].split("-")[0])
        return found

    def test_its_address_layout_is_its_own(self):
        if Path("/proc/sys/kernel/randomize_va_space").read_text().strip() != "2":
            self.skipTest("this host does not randomize addresses")
        self.define_file("web")
        self.define_file("other")
        self.up()
        layouts = [self.layout(pid) for pid in (self.manager_pids()[0], self.process("web"), self.process("other"))]
        for name in (os.path.basename(PROGRAM), "libc.so.6", "[heap]", "[stack]"):
            self.assertEqual(len({layout[name] for layout in layouts}), len(layouts), name)

    def test_program_is_linked_with_few_libraries(self):
        """Each is paid for whenever a guest's process executes the program; others are opened by who needs them."""
        dynamic = subprocess.run(["readelf", "-dW", PROGRAM], check=True, capture_output=True, text=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
        if any("san" in library for library in needed):
            self.skipTest("a build with sanitizers needs their libraries, too")
        self.assertEqual(needed, {"libcjson.so.1", "libc.so.6"})

    def test_guests_are_different_users(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives each guest a user of its own")
        for name in ("a", "b", "c"):
            self.define_file(name)
        self.up()
        self.assertEqual(len({self.status(name, "Uid")[0] for name in ("a", "b", "c")}), 3)
        freed = self.status("b", "Uid")[0]
        self.ok("kill", "--wait", "b")
        self.kill_manager()
        self.up()  # it knows from the records who is who
        self.ok("start", "b")
        self.assertEqual(self.status("b", "Uid")[0], freed)

    def test_no_user_left(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives each guest a user of its own")
        self.settings(guest_ids={"first": 1900005000, "count": 1})
        self.define_file("a")
        self.define_file("b", autostart=False)
        self.up()
        self.assertEqual(self.status("a", "Uid")[0], "1900005000")
        self.refused(REFUSED, ["guest b", "all 1 user ids for guests", "guest_ids"], "start", "b")

    def test_break_is_said(self):
        """The kernel's signal; sent from outside here, which only a process without a jail takes."""
        self.settings(jail=False)
        self.define_file("web")
        self.up()
        os.kill(self.process(), signal.SIGSYS)
        self.wait_state("web", "failed")
        self.assertIn("tried to break its jail", self.ok("list"))

    def test_jail_turned_off_by_name(self):
        self.settings(jail=False)
        self.define_file("web")
        self.up()
        self.assertEqual(self.status("web", "Uid"), [str(os.geteuid())] * 4)
        self.assertEqual(self.status("web", "Seccomp"), ["0"])
        self.assertEqual(os.readlink(f"/proc/{self.process()}/ns/net"), os.readlink("/proc/self/ns/net"))

    def test_signed_image_is_verified(self):
        subprocess.run(["openssl", "genrsa", "-out", self.path("me.key"), "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", self.path("me.key"), "-pubout", "-out", self.path("keys/me.pem")], check=True,
                       capture_output=True)
        self.ok("image", "build", "--kernel", "hello.elf", "--cmdline", "console=ttyS0", "--key", "me.key", "-o", "web.itb")
        definition = self.definition("web", image=self.path("web.itb"))
        del definition["kernel"]
        self.write("guests/web.json", json.dumps(definition))
        self.up()
        steps = [step["name"] for step in json.loads(self.ok("boot-report", "--json", "web"))["steps"]]
        self.assertEqual(steps[:4], ["exec", "verify", "vm", "load"])
        self.ok("kill", "--wait", "web")
        image = bytearray(self.read("web.itb"))
        image[-1] ^= 1
        self.write("web.itb", bytes(image))
        self.run_program("start", "web")
        self.wait_state("web", "failed")
        self.assertIn("web.itb", self.ok("list"))

    def test_nothing_is_left_of_many(self):
        name = f"web{os.getpid()}"  # nobody else's, since other managers share the folder of the cgroups
        self.define_file(name, "poweroff", autostart=False)
        self.up()
        manager = f"/proc/{self.manager_pids()[0]}/fd"
        cgroups = set()

        def start():
            self.ok("start", name)
            for record in self.guests_on_record():
                cgroups.add(record.get("cgroup"))
            self.wait_state(name, "off")

        start()
        descriptors = len(os.listdir(manager))
        for _ in range(20):
            start()
        wait_until(lambda: len(os.listdir(manager)) <= descriptors)
        self.assertEqual([path for path in cgroups if path and os.path.exists(path)], [])


if __name__ == "__main__":
    main()
