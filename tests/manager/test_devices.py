"""Devices of guests: in the definition of one that is off, and in one that runs. These guests have no driver, so none of them
ever lets a device go; who does is in the metal tests."""

import re
import resource
import shutil
import unittest

from keepers import children_of, daemons_of_folder
from manager import *


# Asks the hot plug controller for what is to go, and lets it go, without end.
EJECT = b"\xba\x14\x06\x00\x00\xed\xba\x18\x06\x00\x00\xef\xeb\xf2"

CAP_SYS_RESOURCE = 24


def can_raise_limits():
    status = Path("/proc/self/status").read_text()
    return bool(int(re.search("CapEff:\\s*(\\w+)", status).group(1), 16) >> CAP_SYS_RESOURCE & 1)


class Devices(ManagerTest):
    def setUp(self):
        super().setUp()
        for name in ("data", "more"):
            self.write(f"{name}.img", bytes(1 << 20))

    def result(self, op, **members):
        answer = self.ask(op, guest="web", **members)
        self.assertTrue(answer["ok"], answer)
        return answer.get("result")

    def refused_op(self, op, code, words, **members):
        before = json.loads(self.read("guests/web.json"))
        answer = self.ask(op, **({"guest": "web"} | members))
        self.assertEqual((answer["ok"], answer.get("code")), (False, code), answer)
        self.assertNotIn("\n", answer["error"])
        self.assert_words(words, answer["error"])
        self.assertEqual(json.loads(self.read("guests/web.json")), before)

    def define(self, **members):
        self.up()
        answer = self.ask("define", definition=self.definition("web", **members))
        self.assertTrue(answer["ok"], answer)

    def ids(self):
        return [device["id"] for device in self.result("device-list")["devices"]]

    def disk(self, name="data", **members):
        return {"path": self.path(f"{name}.img")} | members

    def definition_now(self, key="definition"):
        return self.ask("info", guest="web")["result"].get(key)


class Off(Devices):
    def test_list_and_info(self):
        self.define(rng=True, disks=[self.disk(id="root", read_only=True), self.disk("more")], networks=[{"type": "passt"}])
        self.assertEqual(self.ids(), ["root", "disk1", "net0", "rng0", "vsock0", "console0"])
        device = self.result("device-info", device="root")
        self.assertEqual((device["type"], device["index"], device["hotplug"]), ("disk", 0, False))
        self.assertEqual(device["disk"], self.disk(id="root", read_only=True))
        self.assertEqual(self.result("device-info", device="net0")["network"], {"type": "passt"})
        self.refused_op("device-info", REFUSED, ["no device", "rot"], device="rot")

    def test_put_and_remove(self):
        self.define()
        device = self.result("device-add", device="data", kind="disk", definition=self.disk())
        self.assertEqual(device["disk"], self.disk(id="data"))
        self.assertEqual(self.result("device-add", device="data", kind="disk", definition=self.disk())["disk"], self.disk(id="data"))  # once more
        self.assertEqual(self.result("device-add", device="disk1", kind="disk", definition=self.disk("more"))["disk"], self.disk("more"))
        self.result("device-add", device="data", kind="disk", definition=self.disk(read_only=True))
        self.assertEqual(json.loads(self.read("guests/web.json"))["disks"], [self.disk(id="data", read_only=True),
                                                                             self.disk("more")])
        self.result("device-add", device="lan", kind="network", definition={"type": "passt"})
        self.assertEqual(self.ids()[:3], ["data", "disk1", "lan"])
        self.result("device-remove", device="data")
        self.assertEqual(self.ids()[:2], ["disk1", "lan"])  # it keeps its name
        self.result("device-remove", device="disk1")
        self.result("device-remove", device="lan")
        self.assertEqual(self.ids(), ["vsock0", "console0"])

    def test_bad_members(self):
        self.define(disks=[self.disk(id="root")], networks=[{"type": "passt"}])
        for op, code, words, members in (
                ("device-add", USAGE, ["device", "missing"], {"kind": "disk", "definition": {}}),
                ("device-add", USAGE, ["device", "letters"], {"device": "a/b", "kind": "disk", "definition": {}}),
                ("device-add", USAGE, ["device", "at most 20"], {"device": "x" * 21, "kind": "disk", "definition": {}}),
                ("device-add", USAGE, ["id", "at most 20"], {"kind": "disk", "definition": {"id": "x" * 21}}),
                ("device-add", USAGE, ["kind", "missing"], {"device": "new", "definition": {}}),
                ("device-add", USAGE, ["kind", "disk", "network"], {"device": "new", "kind": "disc", "definition": {}}),
                ("device-add", USAGE, ["definition", "missing"], {"device": "new", "kind": "disk"}),
                ("device-add", USAGE, ["definition", "object"], {"device": "new", "kind": "disk", "definition": 7}),
                ("device-add", USAGE, ["id", "another"], {"device": "new", "kind": "disk", "definition": {"id": "old"}}),
                ("device-add", USAGE, ["disks[1]", "path"], {"device": "new", "kind": "disk", "definition": {}}),
                ("device-add", USAGE, ["disks[1]", "pth", "path"], {"device": "new", "kind": "disk", "definition": {"pth": "/x"}}),
                ("device-add", USAGE, ["networks[1]", "type"],
                 {"device": "new", "kind": "network", "definition": {"type": "pasta"}}),
                ("device-add", REFUSED, ["root", "is a disk"],
                 {"device": "root", "kind": "network", "definition": {"type": "passt"}}),
                ("device-add", USAGE, ["next_start"],
                 {"device": "new", "kind": "disk", "definition": {"path": "/x"}, "next_start": 1}),
                ("device-remove", USAGE, ["device", "missing"], {}),
                ("device-remove", REFUSED, ["no device", "new"], {"device": "new"}),
                ("device-remove", REFUSED, ["no device", "rng0"], {"device": "rng0"}),
                ("device-list", NO_GUEST, ["wep", "web"], {"guest": "wep"})):
            with self.subTest(op=op, members=str(members)[:50]):
                self.refused_op(op, code, words, **members)

    def test_most_devices(self):
        self.define(disks=[self.disk(read_only=True) for _ in range(16)])
        self.refused_op("device-add", USAGE, ["disks", "at most 16"], device="new", kind="disk", definition=self.disk())

    def test_disk_with_the_kernel_stays(self):
        self.up()
        answer = self.ask("define", definition={"name": "web", "role": "guest", "kernel": {"from_disk": 0},
                                                "disks": [self.disk(id="root"), self.disk("more")]})
        self.assertTrue(answer["ok"], answer)
        self.refused_op("device-remove", REFUSED, ["root", "kernel"], device="root")
        self.result("device-remove", device="disk1")


class OnPci(Devices):
    def start(self, **members):
        self.define(**{"transport": "pci"} | members)
        self.ok("start", "web")
        self.wait_state("web", "running")


class Running(OnPci):
    """On a PCI bus."""

    def test_disk_comes(self):
        self.start()
        pid = self.guest("web")["pid"]
        device = self.result("device-add", device="data", kind="disk", definition=self.disk())
        self.assertEqual((device["hotplug"], device["disk"]), (True, self.disk(id="data")))
        self.assertEqual(self.guest("web")["pid"], pid)
        self.assertIn("data", self.ids())
        self.assertEqual(self.result("device-info", device="data")["counters"]["requests"], 0)
        self.assertEqual(json.loads(self.read("guests/web.json"))["disks"], [self.disk(id="data")])
        self.assertIsNone(self.definition_now("next_definition"))
        self.assertEqual(self.ask("events")["result"][-1]["event"], "device-added")
        self.assertEqual(self.result("device-add", device="data", kind="disk", definition=self.disk())["disk"], self.disk(id="data"))  # once more
        self.refused_op("device-add", REFUSED, ["data", "cannot change while"], device="data", kind="disk", definition=self.disk(read_only=True))
        other = self.run_program("disk", "list")
        self.assertEqual(other.returncode, DONE)

    def test_what_cannot_come_leaves_nothing(self):
        self.start()
        self.refused_op("device-add", REFUSED, ["none.img", "No such file"], device="data", kind="disk", definition=self.disk("none"))
        self.write("odd.img", b"x" * 700)
        self.refused_op("device-add", USAGE, ["odd.img", "512"], device="data", kind="disk", definition=self.disk("odd"))
        self.result("device-add", device="data", kind="disk", definition=self.disk())
        self.refused_op("device-add", REFUSED, ["data.img", "in use"], device="again", kind="disk", definition=self.disk())
        self.assertEqual(self.ids(), ["data", "vsock0", "console0"])

    def test_disk_in_use_by_another(self):
        self.start()
        self.ok("define", self.write("db.json", json.dumps(self.definition("db", disks=[self.disk()], vsock={"cid": 4}))))
        self.ok("start", "db")
        self.refused_op("device-add", REFUSED, ["data.img", "in use"], device="data", kind="disk", definition=self.disk())

    def test_next_start_leaves_the_running_guest_alone(self):
        self.start()
        self.result("device-add", device="data", kind="disk", definition=self.disk(), next_start=True)
        self.assertNotIn("data", self.ids())
        self.assertEqual(self.definition_now("next_definition")["disks"], [self.disk(id="data")])
        self.result("device-add", device="more", kind="disk", definition=self.disk("more"))
        self.assertEqual(self.definition_now()["disks"], [self.disk("more", id="more")])
        self.assertEqual([disk["id"] for disk in self.definition_now("next_definition")["disks"]], ["data", "more"])
        self.result("device-remove", device="data", next_start=True)
        self.ok("kill", "web")
        self.wait_state("web", "off")
        self.assertEqual(self.ids(), ["more", "vsock0", "console0"])

    def test_guest_that_does_not_let_go(self):
        self.start(disks=[self.disk(id="data")])
        self.refused_op("device-remove", TIMED_OUT, ["may still"], device="data", timeout_s=1)
        self.assertTrue(self.result("device-info", device="data")["leaving"])
        self.result("device-add", device="more", kind="disk", definition=self.disk("more"))  # others come nevertheless
        self.assertEqual(self.ids(), ["data", "more", "vsock0", "console0"])
        number = self.result("device-remove", device="data", task=True)["id"]
        self.assertEqual(self.ask("task-info", task=number)["result"]["state"], "running")
        self.ok("kill", "web")
        wait_until(lambda: self.ask("task-info", task=number)["result"]["state"] == "failed")
        self.assert_words(["data", "ended before"], self.ask("task-info", task=number)["result"]["error"])

    def test_transport_mmio(self):
        self.start(transport="mmio", disks=[self.disk("more")])
        self.refused_op("device-add", REFUSED, ["web", "pci"], device="data", kind="disk", definition=self.disk())
        self.refused_op("device-remove", REFUSED, ["web", "pci"], device="disk0")
        self.result("device-add", device="data", kind="disk", definition=self.disk(), next_start=True)
        self.ok("kill", "web")
        self.wait_state("web", "off")
        self.assertEqual(self.ids()[:2], ["disk0", "data"])

    def test_disks_and_cards_of_every_kind_come(self):
        """What they need beside is made by a process that may make little (vmm/jail/filter_make.c)."""
        self.start()
        limits = {"total": {"iops_sec": 100}, "read": {"bytes_sec": 4096, "bytes_sec_max": 8192}}
        disk = self.disk(iotune=limits, discard="unmap", error_policy="stop", block_size={"logical": 4096})
        self.result("device-add", device="data", kind="disk", definition=disk)
        card = {"type": "passt", "bandwidth": {"inbound": {"average": 100}, "outbound": {"average": 100, "burst": 5}}, "mtu": 1400}
        self.result("device-add", device="lan", kind="network", definition=card)
        try:
            os.close(os.open(self.path("more.img"), os.O_RDWR | os.O_DIRECT))
            self.result("device-add", device="more", kind="disk", definition=self.disk("more", cache="none"))
        except OSError:
            self.refused_op("device-add", USAGE, ["more.img", "page cache"], device="more", kind="disk",
                            definition=self.disk("more", cache="none"))
        self.assertEqual(self.state("web"), "running")

    @unittest.skipUnless(os.geteuid() == 0 and os.path.exists("/dev/net/tun"), "wants root, to make a TAP")
    def test_card_with_several_queues_comes(self):
        made = subprocess.run(["ip", "tuntap", "add", "dev", "rtest-many", "mode", "tap", "multi_queue"], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(made.stderr)
        self.addCleanup(subprocess.run, ["ip", "link", "delete", "rtest-many"])
        self.start()
        pid = self.guest("web")["pid"]
        card = {"type": "tap", "device": "rtest-many", "queues": 3}
        self.refused_op("device-add", USAGE, ["queues"], device="many", kind="network", definition=card | {"queues": 9})
        device = self.result("device-add", device="many", kind="network", definition=card)
        self.assertEqual(device["network"], card | {"id": "many"})
        links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        self.assertEqual(links.count("/dev/net/tun"), 3, links)

    def test_link_changes_at_once(self):
        for transport in ("pci", "mmio"):
            card = {"type": "passt", "id": "lan"}
            self.start(transport=transport, networks=[card])
            pid = self.guest("web")["pid"]
            for link in ("down", "down", "up"):
                device = self.result("device-add", device="lan", kind="network", definition=card | {"link": link})
                self.assertEqual(device["network"]["link"], link)
                self.assertEqual(json.loads(self.read("guests/web.json"))["networks"], [card | {"link": link}])
                self.assertEqual(self.definition_now()["networks"], [card | {"link": link}])
                self.assertIsNone(self.definition_now("next_definition"))
            limits = {"bandwidth": {"inbound": {"average": 100}, "outbound": {"average": 50, "peak": 80}}}
            self.result("device-add", device="lan", kind="network", definition=card | limits)
            self.assertEqual(self.definition_now()["networks"], [card | limits])
            self.refused_op("device-add", USAGE, ["average"], device="lan", kind="network",
                            definition=card | {"bandwidth": {"inbound": {"average": 0}}})
            self.assertEqual(self.definition_now()["networks"], [card | limits])
            self.ok("device", "set", "--link", "down", "--inbound", "0", "--outbound", "70", "web", "lan")
            self.assertEqual(self.definition_now()["networks"], [card | {"link": "down", "bandwidth": {"outbound": {"average": 70}}}])
            self.ok("device", "set", "--link", "up", "--outbound", "0", "web", "lan")
            self.assertEqual(self.definition_now()["networks"], [card | {"link": "up"}])
            self.usage(["--inbound", "AVERAGE"], "device", "set", "--inbound", "fast", "web", "lan")
            self.usage(["--link", "up or down"], "device", "set", "--link", "on", "web", "lan")
            self.usage(["--link"], "device", "set", "web", "lan")
            self.refused(REFUSED, ["console0", "no network card"], "device", "set", "--link", "up", "web", "console0")
            self.refused(REFUSED, ["wan"], "device", "set", "--link", "up", "web", "wan")
            self.refused_op("device-add", REFUSED, ["lan", "cannot change while"], device="lan", kind="network",
                            definition=card | {"link": "down", "mtu": 1400})
            self.assertEqual(self.guest("web")["pid"], pid)
            self.ok("kill", "web")
            self.wait_state("web", "off")
            self.ok("undefine", "web")

    def test_disks_that_come_have_io_uring_two_queues_at_a_time(self):
        self.start()
        if not self.rings():
            self.skipTest("this kernel has no io_uring for guests")
        self.assertEqual(self.rings(), 2)
        self.result("device-add", device="data", kind="disk", definition=self.disk(io="io_uring", queues=2))
        self.refused_op("device-add", REFUSED, ["more", "io_uring", "is taken"], device="more", kind="disk",
                        definition=self.disk("more", io="io_uring"))
        self.result("device-add", device="more", kind="disk", definition=self.disk("more"))
        self.assertEqual(self.rings(), 2)

    def test_disks_have_io_uring(self):
        self.define(transport="mmio", disks=[self.disk(io="io_uring", queues=3), self.disk("more", io="threads", queues=2)])
        process = self.run_program("start", "web")
        wait_until(lambda: self.state("web") in ("running", "failed"))
        if self.state("web") == "failed" and "io_uring" in self.guest("web")["why"]:
            self.skipTest("this kernel has no io_uring for guests")
        self.assertEqual(process.returncode, DONE, process.errors)
        self.assertEqual(self.rings(), 3)
        names = [Path(path).read_text() for path in glob.glob(f"/proc/{self.guest('web')['pid']}/task/*/comm")]
        self.assertEqual(len([name for name in names if name.startswith("disk ")]), 5)

    def test_a_disk_with_several_queues_goes(self):
        self.write("eject.elf", elf_kernel(code=EJECT))
        self.start(kernel="eject", disks=[self.disk(queues=3), self.disk("more", id="more", queues=2)])
        pid = self.guest("web")["pid"]
        threads = lambda: len([name for name in (Path(path).read_text() for path in glob.glob(f"/proc/{pid}/task/*/comm"))
                               if name.startswith("disk ")])
        self.assertEqual(threads(), 6)  # one for disks that come
        rings = self.rings()
        self.result("device-remove", device="disk0", timeout_s=20)
        self.assertEqual(threads(), 4)  # that of its first queue stays for others
        self.assertEqual(self.rings(), rings - 3 if rings > 2 else rings)
        self.result("device-add", device="again", kind="disk", definition=self.disk(queues=3))
        self.result("device-remove", device="more", timeout_s=20)
        self.result("device-remove", device="again", timeout_s=20)
        self.assertEqual((threads(), self.rings()), (3, min(rings, 2)))
        self.assertEqual(self.guest("web")["pid"], pid)

    def rings(self):
        folder = f"/proc/{self.guest('web')['pid']}/fd"
        return sum(os.readlink(f"{folder}/{name}") == "anon_inode:[io_uring]" for name in os.listdir(folder))

    def test_limits_change_at_once(self):
        for transport in ("pci", "mmio"):
            self.start(transport=transport, disks=[self.disk(id="root")])
            pid = self.guest("web")["pid"]
            for iotune in ({"total": {"bytes_sec": 1 << 20}}, {"read": {"iops_sec": 50}}, {}):
                disk = self.disk(id="root") | ({"iotune": iotune} if iotune else {})
                self.assertEqual(self.result("device-add", device="root", kind="disk", definition=disk)["disk"], disk)
                self.assertEqual(json.loads(self.read("guests/web.json"))["disks"], [disk])
                self.assertEqual(self.definition_now()["disks"], [disk])
                self.assertIsNone(self.definition_now("next_definition"))
            for iotune, words in (({"total": {"bytes_sec": 0}}, ["bytes_sec", "from 1024"]),
                                  ({"read": {"iops_sec": 0}}, ["iops_sec", "from 1 "])):
                self.refused_op("device-add", USAGE, words, device="root", kind="disk", definition=self.disk(id="root", iotune=iotune))
            self.refused_op("device-add", REFUSED, ["root", "cannot change while"], device="root", kind="disk",
                            definition=self.disk(id="root", iotune={"read": {"iops_sec": 50}}, cache="none"))
            self.ok("device", "set", "--bytes", "read=1M", "--bytes", "write=2M", "--iops", "100", "web", "root")
            self.assertEqual(self.definition_now()["disks"][0]["iotune"],
                             {"read": {"bytes_sec": 1 << 20}, "write": {"bytes_sec": 2 << 20}, "total": {"iops_sec": 100}})
            self.ok("device", "set", "--bytes", "total=4M", "--iops", "0", "web", "root")
            self.assertEqual(self.definition_now()["disks"][0]["iotune"], {"total": {"bytes_sec": 4 << 20}})
            self.ok("device", "set", "--bytes", "0", "web", "root")
            self.assertEqual(self.definition_now()["disks"], [self.disk(id="root")])
            self.usage(["--bytes", "read="], "device", "set", "--bytes", "reads=1", "web", "root")
            self.usage(["--iops", "NUMBER"], "device", "set", "--iops", "read=", "web", "root")
            self.usage(["--link", "--bytes"], "device", "set", "--link", "up", "--bytes", "1M", "web", "root")
            self.refused(REFUSED, ["console0", "no disk"], "device", "set", "--bytes", "1M", "web", "console0")
            self.assertEqual(self.guest("web")["pid"], pid)
            self.ok("kill", "web")
            self.wait_state("web", "off")
            self.ok("undefine", "web")

    def test_a_disk_that_guests_run_with_grows(self):
        self.ok("disk", "create", "data", "1M")
        self.start(transport="mmio", disks=[{"image": "data", "id": "root"}, self.disk("more", cache="none")])
        pid = self.guest("web")["pid"]
        seen = self.ask("events")["result"][-1]["id"]
        size = lambda: os.stat(self.path("state/disks/data.img")).st_size
        limit = resource.prlimit(pid, resource.RLIMIT_FSIZE)[0]  # the guest's memory
        self.ok("disk", "resize", "data", "2M")
        self.assertEqual(size(), 2 << 20)
        self.assertEqual(self.ask("disk-resize", disk="data", size=limit)["result"]["size"], limit)
        answer = self.ask("disk-resize", disk="data", size=limit + (1 << 20), task=True)
        if can_raise_limits():
            task = answer["result"]
            self.assertEqual((task["kind"], task["state"], task["result"]["size"]), ("disk-resize", "done", limit + (1 << 20)))
            self.assertEqual(resource.prlimit(pid, resource.RLIMIT_FSIZE)[0], limit + (1 << 20))
        else:
            self.assert_words(["web", "limit of its process"], answer["error"])
            self.assertEqual(size(), limit)
        grown = [event for event in self.ask("events", since=seen)["result"] if event["event"] == "disk-resized"]
        self.assertEqual([(event["guest"], event["detail"]) for event in grown], [("web", "data")] * (2 + can_raise_limits()))
        self.assertEqual(self.guest("web")["pid"], pid)

    def test_a_disk_that_guests_run_with_does_not_shrink(self):
        self.ok("disk", "create", "data", "2M")
        self.start(disks=[{"image": "data", "block_size": {"logical": 4096}}])
        for size, words in ((1 << 20, ["data", "2097152 bytes", "smaller"]), ((2 << 20) + 512, ["data", "whole blocks of 4096", "web"])):
            answer = self.ask("disk-resize", disk="data", size=size)
            self.assertFalse(answer["ok"], answer)
            self.assert_words(words, answer["error"])
            self.assertEqual(os.stat(self.path("state/disks/data.img")).st_size, 2 << 20)
        self.refused(REFUSED, ["data", "smaller"], "disk", "resize", "data", "1M")

    def test_guests_process_calls_devices_as_the_definition_does(self):
        self.start(disks=[self.disk(id="root"), self.disk("more")], networks=[{"type": "passt", "id": "lan"}, {"type": "passt"}])
        for device in ("root", "disk1", "lan", "net1"):
            self.assertEqual(self.result("device-info", device=device)["counters"]["requests"], 0)
        self.refused_op("device-remove", TIMED_OUT, ["may still"], device="lan", timeout_s=1)
        self.assertTrue(self.result("device-info", device="lan")["leaving"])

    def test_manager_is_killed_while_they_come(self):
        self.start()
        for number in range(5):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self.path("run/control.sock"))
                request = {"id": 1, "op": "device-add", "guest": "web", "device": f"d{number}", "kind": "disk",
                           "definition": self.disk()}
                peer.sendall((json.dumps(request) + "\n").encode())
                time.sleep(0.002 * number)
                self.kill_manager()
            self.up()
            self.assertEqual(self.state("web"), "running")
            if "disks" in json.loads(self.read("guests/web.json")):
                break
        self.result("device-add", device="more", kind="disk", definition=self.disk("more"))
        self.assertIn("more", self.ids())

    def test_the_next_manager_knows_what_came(self):
        self.start()
        self.result("device-add", device="data", kind="disk", definition=self.disk())
        self.kill_manager()
        self.up()
        wait_until(lambda: self.ids() == ["data", "vsock0", "console0"])
        self.assertIsNone(self.definition_now("next_definition"))
        self.refused_op("device-add", REFUSED, ["data.img", "in use"], device="again", kind="disk", definition=self.disk())
        self.result("device-add", device="more", kind="disk", definition=self.disk("more"))


    def test_cards_keep_their_places_and_addresses(self):
        """A guest that lets its first card go, and a manager that is another one then."""
        self.write("eject.elf", elf_kernel(code=EJECT))
        self.start(kernel="eject", networks=[{"type": "passt"}, {"type": "passt"}])
        places = lambda: [id for id in json.loads(self.read("run/guests/web/state.json"))["numbers"]["cards"] if id]
        self.assertEqual(places(), ["net0", "net1"])
        self.result("device-remove", device="net0", timeout_s=20)
        (card,) = self.definition_now()["networks"]
        self.assertEqual(card["id"], "net1")
        self.assertTrue(card["mac"].startswith("52:54:00:"))  # which it had
        self.kill_manager()
        self.up()
        wait_until(lambda: self.ids()[0] == "net1")
        self.result("device-add", device="more", kind="network", definition={"type": "passt"})
        wait_until(lambda: places() == ["more", "net1"])  # each where it is


@unittest.skipUnless(all(shutil.which(tool) for tool in ("qemu-storage-daemon", "qemu-img")), "needs qemu-storage-daemon, qemu-img")
class WithDaemons(OnPci):
    """Disks that come and go with a program that serves them."""

    def qcow2(self, name="data.qcow2", **members):
        if not os.path.exists(self.path(name)):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.path(name), "8M"], check=True)
        return {"path": self.path(name), "format": "qcow2"} | members

    def test_disk_comes_and_goes(self):
        self.write("eject.elf", elf_kernel(code=EJECT))
        self.start(kernel="eject", disks=[self.qcow2("boot.qcow2", id="boot")])
        for turn in range(2):
            self.result("device-add", device="data", kind="disk", definition=self.qcow2(), timeout_s=20)
            self.assertIn("data", self.ids())
            self.assertEqual(len(daemons_of_folder(self.folder.name)), 2)
            self.result("device-remove", device="data", timeout_s=20)
            wait_until(lambda: len(daemons_of_folder(self.folder.name)) == 1)
        self.result("device-add", device="data", kind="disk", definition=self.qcow2(), timeout_s=20)
        self.ok("kill", "web")
        wait_until(lambda: not daemons_of_folder(self.folder.name))
        self.assertEqual([disk["id"] for disk in self.definition_now()["disks"]], ["boot", "data"])

    def test_what_cannot_come(self):
        self.start()
        self.write("text.qcow2", "hello " * 1000)
        self.refused_op("device-add", FAILED, ["text.qcow2", "not in qcow2 format"], device="data", kind="disk",
                        definition=self.qcow2("text.qcow2"))
        self.refused_op("device-add", REFUSED, ["none.qcow2", "No such file"], device="data", kind="disk",
                        definition={"path": self.path("none.qcow2"), "format": "qcow2"})
        wait_until(lambda: not daemons_of_folder(self.folder.name))
        self.result("device-add", device="data", kind="disk", definition=self.qcow2(), timeout_s=20)

    def test_nobody_waits_for_a_server_that_is_silent(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path("nbd.sock"))
        listener.listen(8)
        self.start()
        disk = {"source": {"protocol": "nbd", "socket": self.path("nbd.sock"), "name": "store"}}
        number = self.result("device-add", device="data", kind="disk", definition=disk, task=True)["id"]
        (manager,) = self.manager_pids()
        (keeper,) = wait_until(lambda: [pid for pid in children_of(manager) if pid in daemons_of_folder("")])
        begun = time.monotonic()
        self.refused_op("device-add", REFUSED, ["data", "just coming"], device="more", kind="disk", definition=self.disk("more"))
        self.ok("list")
        self.assertLess(time.monotonic() - begun, 2)
        self.assertEqual(self.ask("task-info", task=number)["result"]["state"], "running")
        self.ok("kill", "web")
        wait_until(lambda: self.ask("task-info", task=number)["result"]["state"] == "failed")
        self.assert_words(["data", "ended before"], self.ask("task-info", task=number)["result"]["error"])
        wait_until(lambda: not process_alive(keeper))

    def test_killed_manager(self):
        self.start()
        self.result("device-add", device="data", kind="disk", definition=self.qcow2(), timeout_s=20)
        pair = next(iter(daemons_of_folder(self.folder.name).items()))
        self.kill_manager()
        self.up()
        wait_until(lambda: "data" in self.ids())
        self.assertEqual(next(iter(daemons_of_folder(self.folder.name).items())), pair)


class Command(Devices):
    """rastos-vmm device."""

    def test_list_add_remove(self):
        self.define(transport="pci", networks=[{"type": "passt"}])
        self.assertEqual(self.ok("device", "add", "web", "data", "--disk", "data.img,ro"), "")
        self.assertEqual(self.result("device-info", device="data")["disk"], self.disk(id="data", read_only=True))
        self.ok("disk", "create", "pooled", "1M")
        added = json.loads(self.ok("device", "add", "--json", "-d", "pooled", "web", "more"))
        self.assertEqual(added["disk"], {"image": "pooled", "id": "more"})
        self.ok("device", "add", "web", "lan", "-n", "network:default:8080:80")
        lines = [line.split() for line in self.ok("device", "list", "web").splitlines()]
        self.assertEqual([line[:2] for line in lines[1:]], [["data", "disk"], ["more", "disk"], ["net0", "network"],
                                                            ["lan", "network"], ["vsock0", "vsock"], ["console0", "console"]])
        self.assertIn("pooled", lines[2])
        self.ok("device", "remove", "web", "data")
        self.assertEqual([device["id"] for device in json.loads(self.ok("device", "list", "--json", "web"))["devices"]][:2],
                         ["more", "net0"])

    def test_while_it_runs(self):
        self.define(transport="pci")
        self.ok("start", "--wait", "web")
        self.ok("device", "add", "web", "data", "-d", "data.img")
        self.assertIn("hot plug", self.ok("device", "list", "web"))
        self.refused(TIMED_OUT, ["may still"], "device", "remove", "--timeout", "1", "web", "data")
        self.assertIn("leaving", self.ok("device", "list", "web"))
        self.ok("device", "remove", "--next-start", "web", "data")
        self.assertEqual(json.loads(self.read("guests/web.json"))["disks"], [])

    def test_refusals(self):
        self.define()
        for code, words, arguments in ((NO_GUEST, ["wep", "web"], ("list", "wep")), (REFUSED, ["no device"], ("remove", "web", "x")),
                                       (USAGE, ["disks[0]", "oops"], ("add", "web", "x", "-d", "data.img,oops"))):
            with self.subTest(arguments):
                self.refused(code, words, "device", *arguments)
        for arguments in ((), ("lst",), ("add", "web", "x"), ("add", "web", "x", "-d", "a", "-n", "passt"), ("list",),
                          ("remove", "web"), ("remove", "-t", "0", "web", "x"), ("list", "-d", "x", "web")):
            with self.subTest(arguments):
                self.assertEqual(self.run_program("device", *arguments).returncode, USAGE)


main()
