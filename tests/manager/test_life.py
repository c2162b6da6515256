"""A guest's life under the manager: from its start to whatever ends it."""

import glob

from manager import *


class Life(ManagerTest):
    def test_guest_is_started_by_up(self):
        self.define_file("web")
        self.up()
        self.assertEqual(self.state("web"), "running")

    def test_guest_without_autostart_is_not(self):
        self.define_file("web", autostart=False)
        self.up()
        self.assertEqual(self.state("web"), "off")
        self.ok("start", "web")
        self.wait_state("web", "running")

    def test_guest_that_powers_off_is_off(self):
        self.define_file("web", "poweroff")
        self.up()
        self.wait_state("web", "off")
        self.assertNotIn("fault", self.guest("web").get("why", ""))

    def test_guest_that_powers_off_and_shall_restart_comes_back(self):
        self.define_file("web", "poweroff", on_poweroff="restart")
        self.up()
        first = wait_until(lambda: self.guest("web").get("pid"))
        wait_until(lambda: self.guest("web").get("pid") not in (None, first))

    def test_guest_that_resets_comes_back(self):
        self.define_file("web", "reset")
        self.up()
        first = wait_until(lambda: self.guest("web").get("pid"))
        wait_until(lambda: self.guest("web").get("pid") not in (None, first))

    def test_guest_that_resets_and_shall_not_come_back_is_off(self):
        self.define_file("web", "reset", on_reboot="destroy")
        self.up()
        self.wait_state("web", "off")

    def test_crash_is_kept(self):
        self.define_file("web", "crash", autostart=False)
        self.up()
        self.ok("start", "web")
        self.wait_state("web", "failed")
        self.assertIn("triple fault", self.guest("web")["why"])
        (path,) = glob.glob(self.path("state/crashes/web-*.json"))
        with open(path) as file:
            report = json.load(file)
        self.assertEqual(report["end"], "crashed")
        self.assertIn("rip ", report["registers"])
        self.assertEqual(report["definition"]["name"], "web")
        (answered,) = self.ask("crashes", guest="web", newest=True)["result"]
        self.assertEqual(answered, report)

    def test_panic_is_kept_with_the_registers_of_who_said_so(self):
        self.define_file("web", "panic", autostart=False, vcpus=2)
        self.up()
        self.ok("start", "web")
        self.wait_state("web", "failed")
        (report,) = self.ask("crashes", guest="web", newest=True)["result"]
        self.assertEqual(report["why"], "guest web: the guest's kernel panicked")
        self.assertRegex(report["registers"], r"rip 0000000000100\w{3}")

    def test_crashes_are_not_kept_for_ever(self):
        self.define_file("web", "crash", autostart=False)
        self.up()
        for number in range(12):
            stamp = f"20200101T0000{number:02}Z"
            os.makedirs(self.path("state/crashes"), exist_ok=True)
            self.write(f"state/crashes/web-{stamp}.json", "{}")
        self.write("state/crashes/web-2-20200101T000000Z.json", "{}")
        self.ok("start", "web")
        self.wait_state("web", "failed")
        self.assertEqual(len(glob.glob(self.path("state/crashes/web-2*T*.json"))), 8 + 1)
        self.assertTrue(os.path.exists(self.path("state/crashes/web-2-20200101T000000Z.json")))

    def starts(self):
        return [event["event"] for event in self.ask("events")["result"]].count("starting")

    def test_crashes_come_ever_later(self):
        self.define_file("web", "crash", on_crash="restart")
        begun = time.monotonic()
        self.up()
        wait_until(lambda: self.starts() >= 3, 30)
        self.assertGreater(time.monotonic() - begun, 3)  # 1 s after the first crash, 2 s after the second
        self.wait_state("web", "waiting")  # for 4 s
        self.assertGreaterEqual(self.guest("web")["restarts"], 2)
        self.ok("shutdown", "web")
        self.assertEqual(self.state("web"), "off")

    def test_start_that_takes_long_is_not_repeated_at_once(self):
        """The manager can do nothing else meanwhile."""
        os.mkdir(self.path("bin"))
        self.write("bin/passt", "#!/bin/sh\nsleep 0.5\necho $$\nexec sleep 60\n")
        os.chmod(self.path("bin/passt"), 0o755)
        self.define_file("web", "reset", networks=[{"type": "passt"}])
        path = os.environ["PATH"]
        os.environ["PATH"] = self.path("bin") + ":" + path
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        begun = time.monotonic()
        self.up_at_once()
        wait_until(lambda: self.starts() >= 2, 30)
        self.assertGreater(time.monotonic() - begun, 1.9)  # four times what the start took
        self.ok("down", "--force")

    def test_pause_and_resume(self):
        self.define_file("web")
        self.up()
        self.ok("pause", "web")
        self.assertEqual(self.state("web"), "paused")
        self.assertEqual(self.run_program("pause", "web").returncode, REFUSED)
        self.ok("resume", "web")
        self.assertEqual(self.state("web"), "running")
        self.assertEqual(self.run_program("resume", "web").returncode, REFUSED)

    def test_shutdown_of_a_deaf_guest_is_bounded(self):
        self.define_file("web")
        self.up()
        started = time.monotonic()
        self.ok("shutdown", "--wait", "--timeout", "1", "web")
        self.assertLess(time.monotonic() - started, 8)
        self.assertEqual(self.state("web"), "off")

    def test_shutdown_of_a_paused_guest(self):
        self.define_file("web")
        self.up()
        self.ok("pause", "web")
        self.ok("shutdown", "--wait", "--timeout", "1", "web")
        self.assertEqual(self.state("web"), "off")

    def test_kill_of_a_paused_guest(self):
        self.define_file("web")
        self.up()
        self.ok("pause", "web")
        self.ok("kill", "--wait", "web")
        self.assertEqual(self.state("web"), "off")

    def test_reboot_starts_a_fresh_process(self):
        self.define_file("web")
        self.up()
        first = self.guest("web")["pid"]
        self.ok("reboot", "--timeout", "1", "web")
        wait_until(lambda: self.state("web") == "running" and self.guest("web")["pid"] != first)

    def test_guest_process_that_is_killed_has_failed(self):
        self.define_file("web")
        self.up()
        os.kill(self.guest("web")["pid"], signal.SIGKILL)
        self.wait_state("web", "failed")
        self.assertIn("signal 9", self.guest("web")["why"])

    def test_what_the_state_refuses(self):
        self.define_file("web")
        self.up()
        for arguments in (("start", "web"), ("resume", "web")):
            self.refused(REFUSED, ["guest web", "already running"], *arguments)
        self.ok("kill", "--wait", "web")
        for command in ("shutdown", "kill", "reboot", "pause", "resume", "console"):
            self.refused(REFUSED, ["guest web", "is off"], command, "web")

    def test_down_ends_everything(self):
        self.define_file("web")
        self.define_file("db")
        self.up()
        pids = [self.guest(name)["pid"] for name in ("web", "db")]
        self.ok("down", "--timeout", "1")
        self.assertEqual([pid for pid in pids if process_alive(pid)], [])
        self.assertEqual(glob.glob(self.path("run/guests/*/state.json")), [])


class Dependencies(ManagerTest):
    def test_guest_starts_after_those_it_depends_on(self):
        self.define_file("a", depends_on=["b"])
        self.define_file("b", depends_on=["c"])
        self.define_file("c")
        self.up()
        for name in "abc":
            self.wait_state(name, "running")
        order = [event["guest"] for event in self.ask("events")["result"] if event["event"] == "running"]
        self.assertEqual(order, ["c", "b", "a"])

    def test_guest_waits_until_they_are_ready(self):
        self.define_file("db", ready="notify", autostart=False)
        self.define_file("web", depends_on=["db"], autostart=False)
        self.up()
        self.ok("start", "web")
        self.assertEqual(self.state("db"), "starting")
        self.assertEqual(self.state("web"), "waiting")
        self.assertEqual(self.guest("web")["why"], "waits for db")
        self.ok("kill", "--wait", "db")
        self.wait_state("web", "failed")
        self.assertEqual(self.guest("web")["why"], "guest web: depends on db, which is off")

    def test_guest_whose_dependency_cannot_start_does_not_start(self):
        self.define_file("db", autostart=False, disks=[{"path": "missing.img"}])
        self.define_file("web", depends_on=["db"], autostart=False)
        self.up()
        self.refused(FAILED, ["missing.img"], "start", "web")
        self.assertEqual(self.state("web"), "off")

    def test_unknown_dependency(self):
        self.define_file("web", depends_on=["nobody"], autostart=False)
        self.up()
        self.refused(FAILED, ["web", "depends_on", "nobody"], "start", "web")

    def test_circle_is_refused(self):
        self.define_file("a", depends_on=["b"])
        self.define_file("b", depends_on=["a"])
        self.refused(FAILED, ["depends_on", "circle", "b -> a -> b"], "up", "-d")

    def test_down_ends_those_others_depend_on_last(self):
        self.define_file("a", depends_on=["b"])
        self.define_file("b")
        self.up()
        self.wait_state("a", "running")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.path("run/control.sock"))
            peer.sendall(b'{"id":1,"op":"down","timeout_s":2}\n')
            said = peer.makefile().read()
        self.assertIn('"waiting for a, b"', said)
        self.assertIn('"waiting for b"', said)
        self.assertNotIn('"waiting for a"', said)

    def test_circle_of_definitions_that_hold_later_is_refused(self):
        self.define_file("a")
        self.define_file("b")
        self.up()
        self.assertTrue(self.ask("define", definition=self.definition("a", depends_on=["b"]), replace=True)["ok"])
        answer = self.ask("define", definition=self.definition("b", depends_on=["a"]), replace=True)
        self.assertIn("makes a circle: b -> a -> b", answer["error"])

    def test_second_server_guest_that_holds_later_is_refused(self):
        self.define_file("a")
        self.up()
        self.assertTrue(self.ask("define", definition=self.definition("a", role="server"), replace=True)["ok"])
        answer = self.ask("define", definition=self.definition("b", role="server"))
        self.assertIn("guest a is the server guest already", answer["error"])

    def test_guest_that_crashed_waits_for_those_it_depends_on(self):
        self.define_file("db", ready="notify", autostart=False)
        self.define_file("web", "crash", on_crash="restart", depends_on=["db"], autostart=False)
        self.up()
        self.ok("start", "db")
        self.assertEqual(self.ask("start", guest="web")["ok"], True)
        self.assertEqual(self.guest("web")["why"], "waits for db")
        time.sleep(1.5)  # longer than a restart's delay
        self.assertEqual((self.state("web"), self.state("db")), ("waiting", "starting"))


class Others(ManagerTest):
    """One guest's trouble is not the others'."""

    def test_up_starts_what_can_start(self):
        self.define_file("a", disks=[{"path": "missing.img"}])
        self.define_file("b")
        self.up(FAILED)
        self.wait_state("b", "running")
        self.assertEqual(self.state("a"), "failed")

    def test_down_has_no_more_time_for_one_that_is_stopping(self):
        self.define_file("web")
        self.up()
        self.ok("shutdown", "--timeout", "600", "web")
        started = time.monotonic()
        self.ok("down", "--timeout", "1")
        self.assertLess(time.monotonic() - started, 10)

    def test_definition_in_a_file_of_another_name_is_not_overwritten(self):
        self.write("guests/web.json", json.dumps(self.definition("other", autostart=False)))
        self.up()
        answer = self.ask("define", definition=self.definition("web", autostart=False))
        self.assertIn("holds another guest's definition", answer["error"])
        self.assertIn(b"other", self.read("guests/web.json"))


if __name__ == "__main__":
    main()
