"""Server and desktop mode: which guests run, and what a change does to them."""

from manager import *


class Mode(ManagerTest):
    def setUp(self):
        super().setUp()
        self.define_file("server", role="server", memory_mib=32, vcpus=1)
        self.define_file("desk", role="desktop", memory_mib=32, vcpus=1)
        self.define_file("extra")
        self.write("mode", "server\n")

    def states(self):
        return [self.state(name) for name in ("server", "desk", "extra")]

    def test_server_mode_leaves_desktop_guests_off(self):
        self.up()
        self.assertEqual(self.states(), ["running", "off", "running"])
        self.refused(REFUSED, ["guest desk", "role desktop", "mode server"], "start", "desk")

    def test_desktop_mode_runs_all(self):
        self.write("mode", "desktop\n")
        self.up()
        self.assertEqual(self.states(), ["running", "running", "running"])
        self.assertEqual(self.ok("mode"), "desktop\n")

    def test_change_starts_and_ends_desktop_guests_and_no_others(self):
        self.up()
        pids = [self.guest(name)["pid"] for name in ("server", "extra")]
        self.assertEqual(self.ok("mode", "desktop"), "desktop\n")
        wait_until(lambda: self.states() == ["running", "running", "running"])
        self.assertEqual(self.read("mode"), b"desktop\n")
        self.ok("mode", "--timeout", "0", "server")
        wait_until(lambda: self.states() == ["running", "off", "running"])
        self.assertEqual(self.read("mode"), b"server\n")
        self.assertEqual([self.guest(name)["pid"] for name in ("server", "extra")], pids)

    def test_who_waits_hears_when_it_is_done(self):
        self.up()
        answer = self.ask("mode", mode="desktop", wait=True)
        self.assertEqual((answer["ok"], answer["result"]), (True, {"mode": "desktop"}))
        self.assertEqual(self.states(), ["running", "running", "running"])
        task = self.ask("mode", mode="server", timeout_s=0, task=True)["result"]
        self.assertEqual((task["kind"], task["state"]), ("mode", "running"))
        wait_until(lambda: self.ask("task-info", task=task["id"])["result"]["state"] == "done")
        self.assertEqual(self.states(), ["running", "off", "running"])
        self.assertEqual(self.ask("mode", mode="server", task=True)["code"], REFUSED)

    def test_change_does_not_hurry_a_guest_that_crashed(self):
        self.define_file("crash", "crash", on_crash="restart", autostart=False)
        self.up()
        self.ok("start", "crash")
        wait_until(lambda: self.guest("crash").get("restarts", 0) >= 2 and self.state("crash") == "waiting", 20)
        self.ok("mode", "desktop")
        self.assertEqual(self.state("crash"), "waiting")
        self.ok("kill", "crash")

    def test_change_survives_the_manager(self):
        self.up()
        self.ok("mode", "desktop")
        self.wait_state("desk", "running")
        self.kill_manager()
        self.up()
        self.assertEqual((self.ok("mode"), self.state("desk")), ("desktop\n", "running"))

    def test_change_to_what_it_is(self):
        self.up()
        self.refused(REFUSED, ["mode: is server already"], "mode", "server")

    def test_unknown_mode(self):
        self.up()
        self.usage(["sever", "server or desktop"], "mode", "sever")
        self.assertEqual(self.ask("mode", mode="sever")["ok"], False)

    def test_mode_file_that_cannot_be_written(self):
        self.configure(mode_file="nowhere/mode")
        self.up()
        self.refused(FAILED, ["mode file", "nowhere/mode"], "mode", "desktop")
        self.assertEqual(self.ok("mode"), "server\n")

    def test_server_guest_takes_what_the_others_leave(self):
        definition = self.definition("server", role="server")
        del definition["memory_mib"]
        self.write("guests/server.json", json.dumps(definition))
        total = json.loads(self.ok("plan", "--json"))["host"]["memory_mib"]
        self.configure(reserve={"memory_mib": total - 512})
        self.up()
        server = self.guest("server")
        self.assertIn(server["memory_mib"], range(512 - 16 - 64, 512 - 16 + 1))  # less than what extra has
        self.assertEqual(server["vcpus"], len(os.sched_getaffinity(0)) - 1)


class Exclusive(ManagerTest):
    def test_others_leave_the_cpus_of_an_exclusive_guest(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("this host has one CPU")
        self.configure(reserve={"cpus": 0}, overcommit={"cpus": 16})
        self.define_file("plain")
        self.define_file("alone", autostart=False, cpus={"placement": "exclusive"})
        self.up()
        process = self.guest("plain")["pid"]
        everywhere = os.sched_getaffinity(process)
        self.ok("start", "alone")
        wait_until(lambda: os.sched_getaffinity(process) < everywhere)
        alone = self.guest("alone")["pid"]
        wait_until(lambda: not os.sched_getaffinity(alone) & os.sched_getaffinity(process))
        self.ok("kill", "--wait", "alone")
        wait_until(lambda: os.sched_getaffinity(process) == everywhere)

    def test_guest_that_does_not_fit_is_refused(self):
        self.up()
        huge = self.definition("huge", memory_mib=1 << 20)
        answer = self.ask("define", definition=huge)
        self.assertEqual((answer["ok"], answer["code"]), (False, REFUSED))
        self.assertIn("memory", answer["error"])
        self.assertIsNone(self.guest("huge"))


if __name__ == "__main__":
    main()
