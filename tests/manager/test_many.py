"""Many guests at once, and many one after the other: they come, they go, and nothing is left of them."""

import glob

from manager import *

MANY = 20


class Many(ManagerTest):
    def names(self):
        return [f"g{number:02}" for number in range(MANY)]

    def descriptors(self):
        (pid,) = self.manager_pids()
        return len(os.listdir(f"/proc/{pid}/fd"))

    def left_over(self):
        return sorted(os.path.relpath(path, self.folder.name) for path in
                      glob.glob(self.path("run/guests/*")) + glob.glob(self.path("guests/*")))

    def test_up_and_down(self):
        for name in self.names():
            self.define_file(name)
        process = self.run_program("up", "-d", "--timeout", "30")
        self.assertEqual(process.returncode, DONE, process.errors)
        guests = self.ask("list")["result"]["guests"]
        self.assertEqual([guest["state"] for guest in guests], ["running"] * MANY)
        pids = {guest["pid"] for guest in guests}
        self.assertEqual(len(pids), MANY)
        self.kill_manager()
        self.up_at_once()
        wait_until(lambda: {guest["state"] for guest in self.ask("list")["result"]["guests"]} == {"running"})
        self.assertEqual({guest["pid"] for guest in self.ask("list")["result"]["guests"]}, pids)
        self.ok("down", "--force")
        self.assertEqual([pid for pid in pids if process_alive(pid)], [])

    def test_start_and_kill_leave_nothing(self):
        for name in self.names():
            self.define_file(name, autostart=False)
        self.up()
        before = self.descriptors()
        for _ in range(3):
            for name in self.names():
                self.assertTrue(self.ask("start", guest=name)["ok"])
            for name in self.names():
                self.assertTrue(self.ask("kill", guest=name, wait=True)["ok"])
        wait_until(lambda: self.descriptors() <= before)
        (pid,) = self.manager_pids()
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            self.assertEqual(file.read(), "")

    def own_memory(self):
        """KiB of the manager's that are in no file."""
        (pid,) = self.manager_pids()
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))

    def last_event(self):
        return json.loads(self.ok("events", "--json").splitlines()[-1])["id"]

    def reboot(self, names, times):
        """Guests that reset as soon as they run, until they have been started so often, all together."""
        def running():
            events = map(json.loads, self.ok("events", "--json").splitlines())
            return sum(event["event"] == "running" and event["id"] > before for event in events)

        before = self.last_event()
        for name in names:
            self.assertTrue(self.ask("start", guest=name)["ok"])
        wait_until(lambda: running() >= times, 60)
        for name in names:
            self.assertTrue(self.ask("kill", guest=name, wait=True)["ok"])

    def test_reboots_cost_no_memory(self):
        """The newest events are kept, and nothing else: once their ring is full, reboots leave nothing in the manager."""
        names = self.names()
        for number, name in enumerate(names):
            self.define_file(name, "reset", autostart=False, on_reboot="restart", transport=("mmio", "pci")[number % 2])
        self.define_file("fills")
        self.up()
        self.reboot(names, MANY)
        while self.last_event() < 2 * 512:  # EVENTS_MAX of vmm/manager/events.h
            for _ in range(50):
                self.assertTrue(self.ask("pause", guest="fills")["ok"])
                self.assertTrue(self.ask("resume", guest="fills")["ok"])
        descriptors = self.descriptors()
        # The heap grows once for as many starts at the same instant as there ever are; a leak would be there each time.
        for _ in range(4):
            before = self.own_memory()
            self.reboot(names, 150)
            grown = self.own_memory() - before
            if grown <= 4:
                break
        self.assertLessEqual(grown, 4)
        wait_until(lambda: self.descriptors() <= descriptors)

    def test_define_and_undefine_leave_nothing(self):
        self.up()
        files, descriptors = self.left_over(), self.descriptors()
        for number in range(100):
            name = f"g{number}"
            self.assertTrue(self.ask("define", definition=self.definition(name, autostart=False))["ok"])
            if number % 10 == 0:
                self.assertTrue(self.ask("start", guest=name)["ok"])
                self.assertTrue(self.ask("kill", guest=name, wait=True)["ok"])
            self.assertTrue(self.ask("undefine", guest=name)["ok"])
        self.assertEqual(self.left_over(), files)
        wait_until(lambda: self.descriptors() <= descriptors)
        self.assertEqual(self.ask("list")["result"]["guests"], [])

    def test_as_many_as_there_may_be(self):
        self.up()
        most = 256  # MANAGER_GUESTS_MAX of vmm/manager/manager.h
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.path("run/control.sock"))
            lines = peer.makefile()
            for number in range(most + 1):
                definition = self.definition(f"g{number}", autostart=False)
                peer.sendall((json.dumps({"id": 1, "op": "define", "definition": definition}) + "\n").encode())
                answer = json.loads(lines.readline())
                self.assertEqual(answer["ok"], number < most, answer)
        self.assertIn("256 guests already", answer["error"])
        self.assertFalse(os.path.exists(self.path(f"guests/g{most}.json")))
        self.assertEqual(len(self.ask("list")["result"]["guests"]), most)

    def test_definition_of_a_name_that_was_there_before(self):
        """Nothing of the former guest counts for the new one."""
        self.define_file("web", "hello")
        self.up()
        self.ok("kill", "--wait", "web")
        os.makedirs(self.path("run/guests/db"))
        os.rename(self.path("run/guests/web/state.json"), self.path("run/guests/db/state.json"))
        self.assertTrue(self.ask("define", definition=self.definition("db"))["ok"])
        self.kill_manager()
        self.up()
        self.assertEqual(self.state("db"), "running")


if __name__ == "__main__":
    main()
