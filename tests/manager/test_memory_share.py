"""Memory that moves between guests while they run: the division in force, by balloons (vmm/manager/memory_share.h)."""

import shutil

from hostile import HostileGuest
from manager import *


class MemoryTest(ManagerTest):
    parts = 120  # MiB of the host that guests get

    def setUp(self):
        super().setUp()
        shutil.copy(os.environ["GUEST_MEMORY"], self.path("memory.elf"))
        total = json.loads(self.ok("plan", "--json"))["host"]["memory_mib"]
        self.configure(reserve={"memory_mib": total - self.parts})

    def server(self, what="give", **members):
        """The guest that has what others leave."""
        definition = self.definition("server", role="server", vcpus=1, memballoon=True, vsock={"cid": 9})
        definition["kernel"] = {"path": self.path("memory.elf"), "cmdline": what}
        del definition["memory_mib"]
        self.write("guests/server.json", json.dumps(definition | members))

    def web(self, memory_mib=48):
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


class MemoryShare(MemoryTest):
    def test_a_second_guest_gets_what_the_first_gives_back_and_the_first_gets_it_again(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        wait_until(lambda: self.shared() > 100)
        pid = self.guest("server")["pid"]
        self.assertEqual(self.memory(), 120)
        self.ok("start", "--wait", "web")
        self.assertEqual((self.state("web"), self.memory()), ("running", 72))
        self.assertLess(self.shared(), 76)
        self.assertEqual(self.changes(), [])
        self.ok("kill", "--wait", "web")
        self.wait_memory(120)
        wait_until(lambda: self.shared() > 100)
        self.assertEqual(self.guest("server")["pid"], pid)
        self.assertEqual(self.events("memory-asked"), ["72 of 120 MiB"])
        self.assertEqual(self.events("memory-changed"), ["72 of 120 MiB", "120 of 120 MiB"])

    def test_a_change_of_mode_moves_memory(self):
        self.server()
        self.define_file("desk", role="desktop", memory_mib=24, vcpus=1)
        self.write("mode", "server\n")
        self.configure(desktop={"server_percent": 80})
        self.up()
        self.driver_there()
        answer = self.ask("mode", mode="desktop", wait=True)
        self.assertTrue(answer["ok"], answer)
        self.assertEqual((self.state("desk"), self.memory()), ("running", 76))
        self.ok("mode", "--timeout", "0", "server")
        self.wait_memory(120)
        self.assertEqual(self.state("desk"), "off")

    def test_plan_tells_what_changes_at_once(self):
        self.server()
        self.define_file("web", memory_mib=48, autostart=False)
        self.up()
        self.driver_there()
        self.write("web.json", json.dumps(self.definition("web", memory_mib=48)))
        self.ok("define", "--replace", "web.json")  # it starts by itself, and so it counts
        self.assertEqual(self.changes(), [("server", "memory_mib", "120", "72", True)])
        self.assertIn("server: memory_mib 120 -> 72, at once", self.ok("plan"))

    def test_without_a_balloon_that_stays_memory_changes_at_the_next_start(self):
        for balloon in (False, {"autodeflate": True}):
            with self.subTest(balloon):
                self.server(memballoon=balloon)
                self.web()
                self.up()
                self.refused(REFUSED, ["guest web: memory_mib: of its 48 MiB only 0 are free while guest server has 120",
                                       "the plan leaves it 72: shut that one down or reboot it first"], "start", "web")
                self.assertNotIn("current_memory_mib", self.guest("server"))
                self.ok("down", "--force")

    def refuses(self, what):
        self.server(what)
        self.web()
        self.configure(memory={"wait_seconds": 1})
        self.up()
        self.driver_there()
        wait_until(lambda: self.shared() > 100)
        sum_that_does_not_fit = "of its 48 MiB only 0 are free while guest server has 120, of which the plan leaves it 72"
        self.ok("start", "web")
        wait_until(lambda: sum_that_does_not_fit in self.guest("web")["why"])
        self.assertEqual((self.state("web"), self.memory()), ("waiting", 120), "what was not given back is nobody else's")
        answer = self.ask("boot-report", guest="web", wait=True)
        self.assertEqual((answer["ok"], answer["code"]), (False, REFUSED), answer)
        self.assertEqual(answer["error"], f"guest web: memory_mib: {sum_that_does_not_fit}: it has not given back the rest")
        self.assertEqual((self.state("web"), self.memory()), ("failed", 120))
        self.assertEqual(self.events("memory-changed")[-1], "120 of 120 MiB", "it is told that it may keep it")

    def test_a_guest_that_lies(self):
        self.refuses("lie")

    def test_a_guest_that_takes_what_it_gives(self):
        self.refuses("take")

    def test_by_hand_is_the_most(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        self.ok("setmem", "server", "68")
        self.wait_memory(68)
        self.ok("start", "web")
        self.assertEqual(self.memory(), 68)
        self.ok("setmem", "server", "120")
        self.wait_memory(72)
        self.refused(USAGE, ["guest server: has 120 MiB of memory"], "setmem", "server", "121")
        self.ok("setmem", "server", "66")
        self.wait_memory(66)
        self.ok("kill", "--wait", "web")
        self.ok("plan")
        self.assertEqual(self.memory(), 66, "it was said so")

    def test_the_next_manager_goes_on(self):
        self.server()
        self.web()
        self.up()
        self.driver_there()
        self.ok("setmem", "server", "100")
        self.wait_memory(100)
        self.ok("start", "web")
        self.wait_memory(72)
        self.kill_manager()
        self.up()
        self.assertEqual(self.memory(), 72)
        self.ok("kill", "--wait", "web")
        self.wait_memory(100)

    def test_a_manager_that_is_killed_while_it_waits(self):
        self.server("refuse")
        self.web()
        self.up()
        self.driver_there()
        self.ask("start", guest="web")
        self.assertEqual(self.state("web"), "waiting")
        self.kill_manager()
        self.up(TIMED_OUT)
        self.assertEqual((self.state("web"), self.memory()), ("waiting", 120), "it was promised to start")

    def test_numbers_of_a_guest_that_was_taken_over(self):
        self.server()
        definition = json.loads(self.read("guests/server.json"))
        guest = HostileGuest(self, "server")
        record = json.loads(Path(guest.folder, "state.json").read_text())
        record["definition"] = definition
        record["numbers"] = {"memory_mib": 120, "memory_given_mib": 1e300, "memory_target_mib": -1, "memory_hand_mib": "x"}
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
        self.assertEqual(self.memory(), 120)
        control.send(json.dumps(state | {"memory": {"driver": True, "bytes": 0}}).encode())
        self.driver_there()
        self.ask("start", guest="web")
        wait_until(lambda: json.loads(control.recv(4000)) == {"op": "memory-set", "memory_mib": 72})
        control.send(json.dumps(state | {"memory": {"driver": True, "bytes": 72 << 20}}).encode())
        self.wait_state("web", "running")
        self.assertEqual(self.memory(), 72, "its process holds nothing, and the host knows")


class MemoryDevices(MemoryTest):
    """Memory that is plugged in, of a guest that has 32 MiB of its own."""

    parts = 200
    DEVICE = {"model": "virtio-mem", "size_mib": 128, "requested_mib": 8}

    def guest_with(self, what="give", **members):
        definition = self.definition("server", memory_mib=32, vsock={"cid": 9}, memory_devices=[self.DEVICE])
        definition["kernel"] = {"path": self.path("memory.elf"), "cmdline": what}
        self.write("guests/server.json", json.dumps(definition | members))

    def plugged(self):
        (stats,) = self.ask("stats", guest="server")["result"]
        return stats["counters"]["memory"]["plugged_bytes"] >> 20

    def wait_plugged(self, mib):
        wait_until(lambda: self.plugged() == mib, 20)

    def test_memory_is_plugged_in_and_out(self):
        self.guest_with()
        self.up()
        self.wait_plugged(8)
        self.assertEqual(self.memory(), 40)
        self.ok("setmem", "server", "96")
        self.wait_plugged(64)
        self.assertEqual(self.memory(), 96)
        wait_until(lambda: self.shared() > 80)
        (stats,) = self.ask("stats", guest="server")["result"]
        mib = 1 << 20
        self.assertEqual(stats["counters"]["memory"],
                         {"size_bytes": 128 * mib, "requested_bytes": 64 * mib, "plugged_bytes": 64 * mib})
        self.ok("setmem", "server", "34")
        self.wait_plugged(2)
        self.wait_memory(34)
        self.assertLess(self.shared(), 40)
        devices = [device["id"] for device in self.ask("device-list", guest="server")["result"]["devices"]]
        self.assertIn("memory0", devices)
        self.assertEqual(self.ask("device-info", guest="server", device="memory0")["result"]["type"], "memory")
        self.ok("kill", "--wait", "server")
        self.ok("start", "server")
        self.wait_plugged(8)
        self.assertEqual(self.memory(), 40, "a new start begins anew")

    def test_what_is_refused(self):
        self.guest_with()
        self.define_file("web", memory_mib=64, autostart=False)
        self.up()
        self.ok("start", "web")
        self.refused(REFUSED, ["guest server: has no balloon"], "setmem", "server", "31")
        self.refused(USAGE, ["guest server: has 160 MiB of memory"], "setmem", "server", "162")
        self.refused(USAGE, ["guest server: beyond its 32 MiB", "whole blocks: 40 MiB is the nearest"], "setmem", "server", "41")
        self.refused(REFUSED, ["guest", "memory_mib", "do not fit", "leaves"], "setmem", "server", "140")
        self.assertEqual(self.memory(), 40)
        self.ok("setmem", "server", "136")
        self.wait_plugged(104)
        self.ok("kill", "--wait", "web")
        self.ok("setmem", "server", "160")
        self.refused(REFUSED, ["guest web: memory_mib: 64 MiB do not fit"], "start", "web")

    def test_what_is_plugged_counts_until_it_is_given_back(self):
        self.guest_with("refuse")
        self.define_file("web", memory_mib=128, autostart=False)
        self.up()
        self.ok("setmem", "server", "160")
        self.wait_plugged(128)
        self.ok("setmem", "server", "32")
        self.refused(REFUSED, ["of its 128 MiB only 40 are free while guest server has 160, of which the plan leaves it 32"],
                     "start", "web")
        self.assertEqual((self.memory(), self.plugged()), (160, 128))

    def test_what_is_unplugged_is_not_there(self):
        self.guest_with("unplugged", on_crash="destroy", autostart=False)
        self.up()
        self.ok("start", "server")
        # KVM either ends it there (EFAULT) or, where it interprets its instructions, finds that no device is there.
        wait_until(lambda: self.state("server") == "failed" or self.plugged() == 8)
        if self.state("server") == "failed":
            self.assert_words(["memory", "unplugged"], self.guest("server")["why"])
        else:
            self.ok("setmem", "server", "48")
            self.wait_plugged(16)
            self.assertLess(self.shared(), 52)

    def test_the_next_manager_knows_what_is_plugged(self):
        self.guest_with()
        self.up()
        self.ok("setmem", "server", "96")
        self.wait_plugged(64)
        self.kill_manager()
        self.up()
        self.assertEqual(self.memory(), 96)
        self.ok("setmem", "server", "36")
        self.wait_memory(36)

    def test_with_a_balloon(self):
        self.guest_with(memballoon=True)
        self.up()
        self.wait_plugged(8)
        self.ok("setmem", "server", "20")
        self.wait_plugged(0)
        wait_until(lambda: self.ask("stats", guest="server")["result"][0]["counters"]["balloon"]["current_bytes"] == 20 << 20)
        self.wait_memory(32)
        self.ok("setmem", "server", "32")
        wait_until(lambda: self.ask("stats", guest="server")["result"][0]["counters"]["balloon"]["current_bytes"] == 32 << 20)
        self.assertEqual(self.plugged(), 0)
        self.ok("setmem", "server", "20")
        wait_until(lambda: self.ask("stats", guest="server")["result"][0]["counters"]["balloon"]["current_bytes"] == 20 << 20)
        self.ok("setmem", "server", "40")
        self.wait_plugged(8)
        wait_until(lambda: self.ask("stats", guest="server")["result"][0]["counters"]["balloon"]["current_bytes"] == 32 << 20)


if __name__ == "__main__":
    main()
