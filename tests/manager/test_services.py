"""What a guest and its host say to each other beside disks and networks: channels for agents, the balloon's target, the
console's size. These guests have no driver: who does is in the metal tests."""

from hostile import HostileGuest
from manager import *
from terminal import Terminal

AGENT = "org.qemu.guest_agent.0"
READY = {"guest": "web", "ready": True, "steps": [{"name": name, "at_ms": 1.0, "wall_ms": 1, "cpu_ms": 1} for name in ("load", "ready")]}


class Channels(ManagerTest):
    def connect(self, path):
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.settimeout(10)
        peer.connect(self.path(path))
        return peer

    def test_each_is_a_socket_in_the_guests_folder_or_where_the_definition_says(self):
        self.define_file("web", channels=[{"name": AGENT}, {"name": "other", "path": self.path("other.sock")}])
        self.up()
        self.connect(f"run/guests/web/channel-{AGENT}.sock")
        self.connect("other.sock")
        device = self.ask("device-info", guest="web", device="channels0")["result"]
        self.assertEqual(device["type"], "channels")
        self.assertEqual([channel["name"] for channel in device["channels"]], [AGENT, "other"])
        self.assertEqual(device["channels"][1]["path"], self.path("other.sock"))
        self.assertFalse(device["channels"][0]["open"], "no program of the guest is there")

    def test_a_socket_that_another_guest_listens_at_is_refused(self):
        self.define_file("web", channels=[{"name": "a", "path": self.path("a.sock")}])
        self.define_file("db", channels=[{"name": "a", "path": self.path("a.sock")}], autostart=False, vsock={"cid": 4})
        self.up()
        process = self.run_program("start", "db")
        self.assertEqual(process.returncode, FAILED)
        self.assert_words(["channel path", "a.sock: another guest listens there"], process.errors)
        self.write("plain", "not a socket")
        self.write("log.json", json.dumps(self.definition("log", vsock={"cid": 5}, channels=[{"name": "a", "path": "plain"}])))
        self.ok("define", "log.json")
        process = self.run_program("start", "log")
        self.assertEqual(process.returncode, REFUSED)
        self.assert_words(["channel path", "plain: another file is there"], process.errors)
        self.assertEqual(self.read("plain"), b"not a socket")

    def test_programs_come_and_go_and_nothing_is_left(self):
        self.define_file("web", channels=[{"name": AGENT}])
        self.up()
        descriptors = f"/proc/{self.guest('web')['pid']}/fd"
        before = len(os.listdir(descriptors))
        for _ in range(30):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self.path(f"run/guests/web/channel-{AGENT}.sock"))
                peer.sendall(b"hello\n" * 100)
        wait_until(lambda: len(os.listdir(descriptors)) == before)
        self.assertEqual(self.state("web"), "running")

    def test_one_program_at_a_time(self):
        self.define_file("web", channels=[{"name": AGENT}])
        self.up()
        first = self.connect(f"run/guests/web/channel-{AGENT}.sock")
        with socket.socket(socket.AF_UNIX) as second:
            second.settimeout(10)
            second.connect(self.path("run/control.sock"))
            second.sendall(json.dumps({"id": 1, "op": "console", "guest": "web", "channel": AGENT}).encode() + b"\n")
            with second.makefile() as lines:
                self.assertTrue(json.loads(lines.readline())["ok"])
                self.assertEqual(lines.readline(), "", "the end: another program is there")
        first.sendall(b"still here")

    def test_a_channel_that_is_not_there(self):
        self.define_file("web", channels=[{"name": AGENT}])
        self.define_file("off", autostart=False, vsock={"cid": 4})
        self.up()
        self.refused(REFUSED, ["guest web: has no channel agent"], "console", "--devname", "agent", "web")
        self.refused(REFUSED, ["guest off: is off"], "console", "--devname", AGENT, "off")
        self.usage(["exclude each other"], "console", "--devname", AGENT, "--socket", "x")

    def test_a_program_of_the_guest_shows(self):
        channels = [{"name": AGENT}, {"name": "b"}]
        self.define_file("web", autostart=False, channels=channels)
        guest = HostileGuest(self, "web", channels=channels)
        self.up_at_once()
        control = guest.accept()

        def opened():
            devices = self.ask("device-info", guest="web", device="channels0")["result"]
            return [channel["open"] for channel in devices["channels"]]

        for told, shown in (([True, False], [True, False]), ([False, True], [False, True]), ([True] * 500, [True, True]),
                            (["yes", 1], [False, False]), ([True], [True, False]), (7, [False, False])):
            control.send(json.dumps({"event": "state", "status": "", "report": READY, "channels": told}).encode())
            wait_until(lambda: opened() == shown)


class Balloon(ManagerTest):
    def balloon(self, name="web"):
        (stats,) = self.ask("stats", guest=name)["result"]
        return stats["counters"].get("balloon")

    def test_its_target_is_what_was_said(self):
        self.define_file("web", memory_mib=64, current_memory_mib=48, memballoon={"stats_period": 1})
        self.define_file("db", vsock={"cid": 4})
        self.up()
        mib = 1 << 20
        self.assertEqual(self.balloon()["target_bytes"], 48 * mib)
        self.assertEqual(self.balloon()["current_bytes"], 64 * mib, "the guest has given nothing")
        self.ok("setmem", "web", "32")
        wait_until(lambda: self.balloon()["target_bytes"] == 32 * mib)
        self.ok("setmem", "web", "64")
        wait_until(lambda: self.balloon()["target_bytes"] == 64 * mib)
        self.assertIsNone(self.balloon("db"))
        devices = [device["id"] for device in self.ask("device-list", guest="web")["result"]["devices"]]
        self.assertIn("balloon0", devices)

    def test_what_is_refused(self):
        self.define_file("web", memory_mib=64, memballoon=True)
        self.define_file("db", vsock={"cid": 4})
        self.define_file("off", vsock={"cid": 5}, memballoon=True, autostart=False)
        self.up()
        self.refused(REFUSED, ["guest db: has no balloon"], "setmem", "db", "16")
        self.refused(REFUSED, ["guest off: is off"], "setmem", "off", "16")
        self.refused(NO_GUEST, ["wep", "did you mean web?"], "setmem", "wep", "16")
        self.refused(USAGE, ["guest web: has 64 MiB of memory"], "setmem", "web", "65")
        for wrong in ("15", "-1", "x", "1.5", "99999999999"):
            self.usage(["setmem", "number of MiB from 16 on"], "setmem", "--", "web", wrong)
        for members in ({}, {"memory_mib": 1}, {"memory_mib": "32"}, {"memory_mib": 32.5}, {"memory_mib": 32, "more": 1}):
            answer = self.ask("memory-set", guest="web", **members)
            self.assertEqual((answer["ok"], answer["code"]), (False, USAGE), members)

    def test_what_the_guest_says_of_its_memory(self):
        self.define_file("web", autostart=False, memballoon=True)
        guest = HostileGuest(self, "web", memballoon=True)
        self.up_at_once()
        control = guest.accept()
        control.send(json.dumps({"event": "state", "status": "", "report": READY}).encode())
        self.wait_state("web", "running")
        said = {"target_bytes": 5, "current_bytes": -7, "returned_bytes": "x", "free_bytes": 1e300, "total_bytes": 99, "new": 1}
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.settimeout(10)
        peer.connect(self.path("run/control.sock"))
        peer.sendall(b'{"id":1,"op":"stats","guest":"web"}\n')
        while json.loads(control.recv(1000)) != {"op": "counters"}:
            pass
        control.send(json.dumps({"event": "counters", "counters": {"vcpus": [{}], "balloon": said}}).encode())
        with peer.makefile() as lines:
            (stats,) = json.loads(lines.readline())["result"]
        self.assertEqual(stats["counters"]["balloon"], {"target_bytes": 5, "current_bytes": 0, "returned_bytes": 0, "age_ms": 0,
                                                        "free_bytes": 0, "total_bytes": 99})


class Size(ManagerTest):
    def test_the_console_follows_the_terminal(self):
        self.define_file("web", autostart=False, console="virtio")
        guest = HostileGuest(self, "web", console="virtio")
        self.up_at_once()
        control = guest.accept()
        control.send(json.dumps({"event": "state", "status": "", "report": READY}).encode())
        self.wait_state("web", "running")

        def heard(op):
            while (message := json.loads(control.recv(4096)))["op"] != op:
                pass
            return message

        terminal = Terminal(self, "console", "web", columns=100, rows=30)
        self.assertEqual(heard("console-resize"), {"op": "console-resize", "columns": 100, "rows": 30})
        terminal.resize(132, 43)
        self.assertEqual(heard("console-resize"), {"op": "console-resize", "columns": 132, "rows": 43})

    def test_a_serial_console_has_none(self):
        self.define_file("web")
        self.define_file("db", console="virtio", vsock={"cid": 4})
        self.up()
        answer = self.ask("console-resize", guest="web", columns=80, rows=25)
        self.assertEqual((answer["ok"], answer["code"]), (False, REFUSED))
        self.assert_words(["guest web", "serial line"], answer["error"])
        self.assertTrue(self.ask("console-resize", guest="db", columns=80, rows=25)["ok"])
        for members in ({}, {"columns": 80}, {"columns": 0, "rows": 1}, {"columns": 65536, "rows": 1}, {"columns": "x", "rows": 1}):
            answer = self.ask("console-resize", guest="db", **members)
            self.assertEqual((answer["ok"], answer["code"]), (False, USAGE), members)


main()
