"""Memory that moves between guests while they run: the division in force, by balloons (vmm/manager/memory_share.h)."""

import shutil

from hostile import HostileGuest
from manager import *

PARTS = 200  # MiB of the host that guests get in these tests


class MemoryShare(ManagerTest):
    def setUp(self):
        super().setUp()
        shutil.copy(os.environ["GUEST_MEMORY"], self.path("memory.elf"))
        total = json.loads(self.ok("plan", "--json"))["host"]["memory_mib"]
        self.configure(reserve={"memory_mib": total - PARTS})

    def server(self, what="give", **members):
        """The guest that has what others leave."""
        definition = self.definition("server", role="server", vcpus=1, memballoon=True, vsock={"cid": 9})
        definition["kernel"] = {"path": self.path("memory.elf"), "cmdline": what}
        del definition["memory_mib"]
        self.write("guests/server.json", json.dumps(definition | members))

    def web(self, memory_mib=64):
        self.define_file("web", memory_mib=memory_mib, autostart=False)

    def memory(self, name="server"):
        return self.guest(name)["current_memory_mib"]

    def wait_memory(self, mib):
        wait_until(lambda: self.memory() == mib, 20)

    def shared(self, name="server"):
        """MiB of the guest's memory that are there."""
        with open(f"/proc/{self.guest(name)['pid']}/status") as file:
            return int(file.read().split("RssShmem:")[1].split()[0]) // 1024

    def driver_there(self):
        wait_until(lambda: self.guest("server").get("live_memory_mib"))

    def events(self, name):
        return [event["detail"] for event in self.ask_all("events") if event["event"] == name]

    def ask_all(self, op):
        return json.loads("[" + ",".join(self.ok(op, "--json").splitlines()) + "]")

    def changes(self):
        return [(change["guest"], change["what"], change["from"], change["to"], change["live"])
                for change in json.loads(self.ok("plan", "--json"))["changes"] if change["what"] == "memory_mib"]

    def test_a_second_guest_gets_what_the_first_gives_back_and_the_first_gets_it_again(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        wait_until(lambda: self.shared() > 170)
        pid = self.guest("server")["pid"]
        self.assertEqual(self.memory(), 200)
        self.ok("start", "--wait", "web")
        self.assertEqual((self.state("web"), self.memory()), ("running", 136))
        self.assertLess(self.shared(), 140)
        self.assertEqual(self.changes(), [])
        self.ok("kill", "--wait", "web")
        self.wait_memory(200)
        wait_until(lambda: self.shared() > 170)
        self.assertEqual(self.guest("server")["pid"], pid)
        self.assertEqual(self.events("memory-asked"), ["136 of 200 MiB"])
        self.assertEqual(self.events("memory-changed"), ["136 of 200 MiB", "200 of 200 MiB"])

    def test_a_change_of_mode_moves_memory(self):
        self.server()
        self.define_file("desk", role="desktop", memory_mib=48, vcpus=1)
        self.write("mode", "server\n")
        self.configure(desktop={"server_percent": 50})
        self.up()
        self.driver_there()
        answer = self.ask("mode", mode="desktop", wait=True)
        self.assertTrue(answer["ok"], answer)
        self.assertEqual((self.state("desk"), self.memory()), ("running", 76))
        self.ok("mode", "--timeout", "0", "server")
        self.wait_memory(200)
        self.assertEqual(self.state("desk"), "off")

    def test_plan_tells_what_changes_at_once(self):
        self.server()
        self.define_file("web", memory_mib=64, autostart=False)
        self.up()
        self.driver_there()
        self.write("web.json", json.dumps(self.definition("web", memory_mib=64)))
        self.ok("define", "--replace", "web.json")  # it starts by itself, and so it counts
        self.assertEqual(self.changes(), [("server", "memory_mib", "200", "136", True)])
        self.assertIn("server: memory_mib 200 -> 136, at once", self.ok("plan"))

    def test_without_a_balloon_that_stays_memory_changes_at_the_next_start(self):
        for balloon in (False, {"autodeflate": True}):
            with self.subTest(balloon):
                self.server(memballoon=balloon)
                self.web()
                self.up()
                self.refused(REFUSED, ["guest web: memory_mib: of its 64 MiB only 0 are free while guest server has 200",
                                       "the plan leaves it 136: shut that one down or reboot it first"], "start", "web")
                self.assertNotIn("current_memory_mib", self.guest("server"))
                self.ok("down", "--force")

    def refuses(self, what):
        self.server(what)
        self.web()
        self.configure(memory={"wait_seconds": 2})
        self.up()
        self.driver_there()
        wait_until(lambda: self.shared() > 170)
        sum_that_does_not_fit = "of its 64 MiB only 0 are free while guest server has 200, of which the plan leaves it 136"
        self.ok("start", "web")
        wait_until(lambda: sum_that_does_not_fit in self.guest("web")["why"])
        self.assertEqual((self.state("web"), self.memory()), ("waiting", 200), "what was not given back is nobody else's")
        answer = self.ask("boot-report", guest="web", wait=True)
        self.assertEqual((answer["ok"], answer["code"]), (False, REFUSED), answer)
        self.assertEqual(answer["error"], f"guest web: memory_mib: {sum_that_does_not_fit}: it has not given back the rest")
        self.assertEqual((self.state("web"), self.memory()), ("failed", 200))
        self.assertEqual(self.events("memory-changed")[-1], "200 of 200 MiB", "it is told that it may keep it")

    def test_a_guest_that_refuses(self):
        self.refuses("refuse")

    def test_a_guest_that_lies(self):
        self.refuses("lie")

    def test_a_guest_that_takes_what_it_gives(self):
        self.refuses("take")

    def test_by_hand_is_the_most(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        self.ok("setmem", "server", "100")
        self.wait_memory(100)
        self.ok("start", "web")
        self.assertEqual(self.memory(), 100)
        self.ok("setmem", "server", "200")
        self.wait_memory(136)
        self.refused(USAGE, ["guest server: has 200 MiB of memory"], "setmem", "server", "201")
        self.ok("setmem", "server", "90")
        self.wait_memory(90)
        self.ok("kill", "--wait", "web")
        self.ok("plan")
        self.assertEqual(self.memory(), 90, "it was said so")

    def test_the_next_manager_goes_on(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        self.ok("setmem", "server", "150")
        self.wait_memory(150)
        self.ok("start", "web")
        self.wait_memory(136)
        self.kill_manager()
        self.up()
        self.assertEqual(self.memory(), 136)
        self.ok("kill", "--wait", "web")
        self.wait_memory(150)

    def test_a_manager_that_is_killed_while_it_waits(self):
        self.server("refuse")
        self.web()
        self.up()
        self.driver_there()
        self.ask("start", guest="web")
        self.assertEqual(self.state("web"), "waiting")
        self.kill_manager()
        self.up(TIMED_OUT)
        self.assertEqual((self.state("web"), self.memory()), ("waiting", 200), "it was promised to start")

    def test_numbers_of_a_guest_that_was_taken_over(self):
        self.server()
        definition = json.loads(self.read("guests/server.json"))
        guest = HostileGuest(self, "server")
        record = json.loads(Path(guest.folder, "state.json").read_text())
        record["definition"] = definition
        record["numbers"] = {"memory_mib": 200, "memory_given_mib": 1e300, "memory_target_mib": -1, "memory_hand_mib": "x"}
        guest.write("state.json", json.dumps(record))
        self.web()
        self.up_at_once()
        control = guest.accept()
        report = {"guest": "server", "ready": True, "steps": [{"name": name, "at_ms": 1.0, "wall_ms": 1, "cpu_ms": 1}
                                                              for name in ("load", "ready")]}
        state = {"event": "state", "status": "", "report": report}
        for memory in ({"driver": "yes", "bytes": 1}, {"driver": True, "bytes": -1}, {"driver": True}, 7, {"bytes": 0}):
            control.send(json.dumps(state | {"memory": memory}).encode())
        self.wait_state("server", "running")
        self.assertEqual(self.memory(), 200)
        control.send(json.dumps(state | {"memory": {"driver": True, "bytes": 0}}).encode())
        self.driver_there()
        self.ask("start", guest="web")
        wait_until(lambda: json.loads(control.recv(4000)) == {"op": "memory-set", "memory_mib": 136})
        control.send(json.dumps(state | {"memory": {"driver": True, "bytes": 136 << 20}}).encode())
        self.wait_state("web", "running")
        self.assertEqual(self.memory(), 136, "its process holds nothing, and the host knows")


if __name__ == "__main__":
    main()
