"""A manager without memory: each allocation of each operation fails in turn (no_memory.c). It lives on, answers with a sentence,
and keeps what it has acknowledged."""

import contextlib
import mmap
import struct

from manager import *

LIBRARY = os.environ.get("NO_MEMORY_LIBRARY")

# How many allocations fail once one has: one alone, or all that come before the answer.
ONE, ALL = 1, 1 << 60


class MemoryTest(ManagerTest):
    def setUp(self):
        super().setUp()
        if not LIBRARY:
            self.skipTest("wants NO_MEMORY_LIBRARY, which ctest sets")
        with open(self.path("no-memory"), "wb") as file:
            file.write(bytes(32))
        with open(self.path("no-memory"), "r+b") as file:
            self.plan = mmap.mmap(file.fileno(), 32)
        self.addCleanup(self.plan.close)

    def up_at_once(self):
        os.environ |= {"LD_PRELOAD": LIBRARY, "NO_MEMORY": self.path("no-memory")}
        try:
            self.manager = super().up_at_once()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["NO_MEMORY"]

    def ask(self, op, **members):
        """As ManagerTest's, of a manager that may answer before it is asked."""
        with socket.socket(socket.AF_UNIX) as peer, contextlib.suppress(ConnectionResetError):
            peer.settimeout(10)
            peer.connect(self.path("run/control.sock"))
            with contextlib.suppress(BrokenPipeError):
                peer.sendall((json.dumps({"id": 1, "op": op} | members) + "\n").encode())
            with peer.makefile() as lines:
                for line in lines:
                    if "ok" in (answer := json.loads(line)):
                        return answer
        return None

    def guest(self, name):
        for guest in self.ask("list")["result"]["guests"]:
            if guest["name"] == name:
                return guest
        return None

    def ask_without_memory(self, skip, fail, op, **members):
        """The answer, and how many allocations failed before it: the first one after `skip` that did not."""
        self.plan[:] = struct.pack("4q", self.manager.pid, skip, fail, 0)
        try:
            answer = self.ask(op, **members)
        finally:
            failed = struct.unpack("4q", self.plan[:])[3]
            self.plan[:] = bytes(32)
        self.assertIsNone(self.manager.poll(), f"the manager ended: {self.manager.returncode}")
        self.assertIsNotNone(answer, "no answer: " + self.read("manager.errors").decode())
        if not answer["ok"]:
            self.assertTrue(failed, answer)
            self.assertRegex(answer["error"], "memory|No room|cannot")
            self.assertNotIn("\n", answer["error"])
        return answer, failed

    def each_failure(self, before, op, after, step=1, **members):
        """The operation, with each of its allocations failing in turn; before and after each: what to do, what to look at."""
        for fail in (ONE, ALL):
            skip, failed = 0, 1
            while failed:
                with self.subTest(op=op, skip=skip, fail="one" if fail == ONE else "all"):
                    before()
                    answer, failed = self.ask_without_memory(skip, fail, op, **members)
                    after(answer)
                skip += step
                self.assertLess(skip, 20000)

    def test_what_only_asks(self):
        self.define_file("web", vcpus=1, networks=[])
        self.define_file("db", "crash", autostart=False)
        self.up_at_once()
        self.wait_state("web", "running")
        self.ask("start", guest="db")
        self.wait_state("db", "failed")
        for op, members in (("list", {}), ("info", {"guest": "web"}), ("info", {"guest": "db"}), ("plan", {}),
                            ("boot-report", {"guest": "web"}), ("logs", {"guest": "web"}), ("crashes", {}), ("events", {}),
                            ("network-list", {}), ("network-info", {"network": "default"}), ("device-list", {"guest": "db"}),
                            ("device-info", {"guest": "db", "device": "console0"}), ("host", {}), ("task-list", {}), ("pool-info", {}),
                            ("disk-list", {})):
            whole = self.ask(op, **members)
            self.assertTrue(whole["ok"], whole)
            self.each_failure(lambda: None, op, lambda answer: answer["ok"] and self.assertEqual(shape(answer), shape(whole)),
                              **members)
            self.assertEqual(shape(self.ask(op, **members)), shape(whole))

    def test_stats(self):
        """What cannot be known is left out; the guest is there."""
        self.define_file("web")
        self.up_at_once()
        self.wait_state("web", "running")
        self.each_failure(lambda: None, "stats",
                          lambda answer: answer["ok"] and self.assertEqual(answer["result"][0]["guest"], "web"), step=3)
        self.assertIn("counters", self.ask("stats")["result"][0])

    def look_at_definition(self, answer, before, after):
        """It is as it was or as it shall be, here and on the disk; what was acknowledged is as it shall be."""
        listed = self.ask("list")
        self.assertTrue(listed["ok"])
        found = [guest["memory_mib"] for guest in listed["result"]["guests"] if guest["name"] == "db"]
        on_disk = [json.loads(self.read("guests/db.json"))["memory_mib"]] if os.path.exists(self.path("guests/db.json")) else []
        self.assertIn(on_disk, [after] if answer["ok"] else [before, after])
        self.assertEqual(found, on_disk)

    def test_definitions(self):
        self.up_at_once()
        old, new = (self.definition("db", memory_mib=size, autostart=False) for size in (16, 24))
        self.each_failure(lambda: self.ask("undefine", guest="db"), "define",
                          lambda answer: self.look_at_definition(answer, [], [24]), definition=new)
        self.each_failure(lambda: self.ask("define", definition=old, replace=True), "define",
                          lambda answer: self.look_at_definition(answer, [16], [24]), definition=new, replace=True)
        self.each_failure(lambda: self.ask("define", definition=old, replace=True), "undefine",
                          lambda answer: self.look_at_definition(answer, [16], []), guest="db")

    def make_off(self):
        self.ask("kill", guest="web", wait=True)
        self.assertIn(self.state("web"), ("off", "failed"))

    def make_running(self):
        wait_until(lambda: self.state("web") not in ("starting", "stopping"))
        self.ask("resume" if self.state("web") == "paused" else "start", guest="web")
        self.wait_state("web", "running")

    def make_paused(self):
        self.make_running()
        self.ask("pause", guest="web")
        self.wait_state("web", "paused")

    def look_at_guest(self, answer, states):
        """Nothing is left of one that did not start; who is not told otherwise has the guest in one of these states."""
        guest = self.guest("web")
        if answer["ok"]:
            wait_until(lambda: self.state("web") in states)
        self.assertEqual(self.guest("neighbour")["state"], "running")
        if "pid" in guest and not process_alive(guest["pid"]):
            wait_until(lambda: (self.guest("web") or {}).get("pid") != guest["pid"])
        elif guest["state"] in ("running", "paused"):
            self.assertEqual([record["pid"] for record in self.guests_on_record() if record["definition"]["name"] == "web"],
                             [guest["pid"]])

    def test_life(self):
        self.define_file("neighbour")
        self.define_file("web", autostart=False)
        self.up_at_once()
        self.wait_state("neighbour", "running")
        self.each_failure(self.make_off, "start", lambda answer: self.look_at_guest(answer, ("running",)), step=3, guest="web")
        for op, before, states in (("pause", self.make_running, ("paused",)), ("resume", self.make_paused, ("running",)),
                                   ("kill", self.make_running, ("off",)), ("shutdown", self.make_running, ("off", "stopping"))):
            members = {"timeout_s": 0} if op == "shutdown" else {}
            self.each_failure(before, op, lambda answer: self.look_at_guest(answer, states), step=2, guest="web", **members)

    def test_next_manager(self):
        """It finds the guest that a manager without memory has acknowledged."""
        self.define_file("web", autostart=False)
        skip, failed = 0, 1
        while failed:
            with self.subTest(skip=skip):
                self.up_at_once()
                answer, failed = self.ask_without_memory(skip, ONE, "start", guest="web", wait=True)
                pid = self.guest("web").get("pid")
                self.kill_manager()
                self.up_at_once()
                if answer["ok"]:
                    self.wait_state("web", "running")
                    self.assertEqual(self.guest("web")["pid"], pid)
                self.ask("down", force=True)
                wait_until(lambda: not self.manager_pids())
            skip += 23

    def test_down(self):
        self.define_file("web")
        for skip in range(0, 100, 7):
            for fail in (ONE, ALL):
                with self.subTest(skip=skip, fail=fail):
                    self.up_at_once()
                    self.wait_state("web", "running")
                    self.plan[:] = struct.pack("4q", self.manager.pid, skip, fail, 0)
                    self.ask("down", force=True)
                    self.plan[:] = bytes(32)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.manager.wait(0.3)
                    if self.manager.poll() is None:
                        self.assertTrue(self.ask("list")["ok"])
                        self.ask("down", force=True)
                    # 127: when all is done, the C library ends what its libraries would have done without memory.
                    self.assertIn(self.manager.wait(10), (0, 127))


def shape(value):
    """What a part of an answer is made of, whatever the numbers and words are now."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


if __name__ == "__main__":
    main()
