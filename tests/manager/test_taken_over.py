"""Guest processes that their guests have taken over, adopted as if a former manager had left them (hostile.py)."""

from hostile import HostileGuest
from manager import *


class TakenOver(ManagerTest):
    def adopt(self, name="web", **members):
        self.define_file(name, autostart=False, **members)
        guest = HostileGuest(self, name)
        self.up_at_once()
        return guest

    def say(self, control, **message):
        control.send(json.dumps({"event": "state", "status": "", "report": {}} | message).encode())

    def report(self, at=1.0, cpu=1.0, guest="db"):
        return {"guest": guest, "ready": True,
                "steps": [{"name": name, "at_ms": at, "wall_ms": 1, "cpu_ms": cpu} for name in ("load", "ready")]}

    def test_lies_are_about_itself(self):
        guest = self.adopt()
        control = guest.accept()
        self.say(control, report=self.report(guest="db"), status="\x1b[2J\x9b\u009bred\n")
        self.wait_state("web", "running")
        report = self.ask("boot-report", guest="web")["result"]
        self.assertEqual(report["guest"], "web")
        status = wait_until(lambda: self.guest("web").get("status"))
        self.assertTrue(status.isprintable(), repr(status))

    def test_bytes_that_are_no_text(self):
        guest = self.adopt()
        control = guest.accept()
        for junk in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"a" * 254 + "\u20ac".encode()):
            control.send(b'{"event":"state","status":"' + junk + b'","report":' + json.dumps(self.report()).encode() + b"}")
            wait_until(lambda: self.guest("web").get("status"))  # list --json is still JSON
            self.ask("list")

    def test_messages_that_are_none(self):
        guest = self.adopt()
        control = guest.accept()
        for message in (b"{", b"[]", b"null", b"\0" * 100, b'{"event":"state"}', b'{"event":"state","report":7}',
                        b'{"event":"counters"}', b'{"event":"counters","counters":{"vcpus":[' + b"{}," * 5000 + b"{}]}}",
                        b"[" * 30000, b"x" * 32768):
            control.send(message)
        for at in (1e300, -1, 1e13, float("nan"), float("inf")):
            self.say(control, report=self.report(at=at))
            self.say(control, report=self.report(cpu=at))
        self.say(control, report=self.report())
        self.wait_state("web", "running")

    def test_endless_talk_does_not_hold_the_manager_up(self):
        guest = self.adopt()
        control = guest.accept()
        control.setblocking(False)
        big = json.dumps({"event": "state", "status": "x", "report": self.report(), "more": ["y" * 20] * 1000}).encode()

        until, sent = time.monotonic() + 1, 0
        while time.monotonic() < until:
            try:
                control.send(big)
                sent += 1
            except BlockingIOError:
                time.sleep(0.001)
        self.assertLess(sent, 1000, "it is listened to without end")
        self.assertTrue(self.ask("list")["ok"])

    def test_one_that_never_accepts(self):
        guest = self.adopt()
        for _ in range(4):  # its backlog is full long before
            self.kill_manager()
            self.up_at_once()
        found = self.guest("web")
        self.assertEqual(found["pid"], guest.process.pid)
        self.assertIn("does not listen", found["why"])
        self.ok("kill", "--wait", "web")
        self.assertIsNotNone(guest.process.wait(10))

    def test_one_that_does_not_listen_any_more(self):
        guest = self.adopt()
        guest.accept()
        self.kill_manager()
        guest.listener.close()
        self.up_at_once()
        found = self.guest("web")
        self.assertEqual((found["pid"], found["state"]), (guest.process.pid, "starting"))
        self.refused(REFUSED, ["web"], "start", "web")
        self.ok("shutdown", "--wait", "--timeout", "1", "web")
        self.assertIsNotNone(guest.process.wait(10))

    def test_one_that_reads_nothing(self):
        guest = self.adopt()
        control = guest.accept()
        self.say(control, report=self.report())
        self.wait_state("web", "running")
        state, last = "running", None
        for _ in range(2000):
            op = "pause" if state == "running" else "resume"
            last = self.ask(op, guest="web")
            if not last["ok"]:
                break
            state = "paused" if op == "pause" else "running"
        self.assertFalse(last["ok"])
        self.assertIn("does not answer", last["error"])
        self.assertEqual(self.state("web"), state, "what did not happen is not told")
        self.ok("kill", "--wait", "web")

    def test_one_that_hangs_up(self):
        guest = self.adopt()
        control = guest.accept()
        self.say(control, report=self.report())
        self.wait_state("web", "running")
        control.close()
        self.assertEqual(self.state("web"), "running")
        self.ok("shutdown", "--wait", "--timeout", "1", "web")

    def test_last_words(self):
        for words in (b"", b"{", b"[]", b'{"end":7}', b'{"end":"running"}', b"\0" * 100, b"x" * (1 << 20),
                      b'{"end":"crashed","why":"\xff\x1b","registers":"' + b"r" * 60000 + b'","console":"\xe2\x82"}',
                      b"[" * 60000):
            with self.subTest(words=words[:20]):
                guest = self.adopt()
                guest.accept()
                guest.end(words)
                self.wait_state("web", "failed")
                why = self.guest("web")["why"]
                self.assertTrue(why.isprintable(), repr(why))
                self.assertTrue(self.ask("crashes", guest="web", newest=True)["ok"])
                self.ask("down")
                wait_until(lambda: not self.manager_pids())

    # --- Its standard error ---

    def errors_of(self, guest):
        """The pipe that the manager hands to a process that it adopted, and the control socket."""
        control = guest.accept()
        message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        self.assertEqual((json.loads(message)["op"], len(descriptors)), ("errors", 1))
        pipe = open(descriptors[0], "wb", 0)
        self.addCleanup(pipe.close)
        return pipe, control

    def log(self):
        return self.read("manager.errors").decode()

    def say_line(self, pipe, line, seen):
        pipe.write(line + b"\n")
        wait_until(lambda: seen in self.log())

    def test_lines_begin_with_its_name(self):
        pipe, _ = self.errors_of(self.adopt())
        self.say_line(pipe, b"<3>guest web: as log_line writes it", "<3>guest web: as log_line writes it\n")
        self.say_line(pipe, b"guest db: it is not", "<4>guest web: guest db: it is not\n")
        self.say_line(pipe, b"<0>guest web: more urgent than anything", "<4>guest web: <0>guest web: more urgent")
        self.say_line(pipe, b"\x1b[2J\xff\x9b red \r x", "guest web: .[2J?? red . x\n")
        self.say_line(pipe, b"x" * 60000, "guest web: " + "x" * 400 + "\n")
        pipe.write(b"half a line")
        pipe.close()
        wait_until(lambda: "guest web: half a line\n" in self.log())

    def test_endless_errors_neither_fill_the_log_nor_hold_the_manager_up(self):
        pipe, _ = self.errors_of(self.adopt())
        before, until, wrote = len(self.log()), time.monotonic() + 3, 0
        while time.monotonic() < until:
            wrote += pipe.write(b"flood " * 600 + b"\n") or 0  # None: it is full
        self.assertGreater(wrote, 10000)
        self.assertTrue(self.ask("list")["ok"])
        self.assertLess(len(self.log()) - before, 20 * 500, "a burst and a line a second")
        wait_until(lambda: "like this left out) guest web: flood" in self.log() or pipe.write(b"again\n"))

    def test_log_is_out_of_its_reach(self):
        pipe, _ = self.errors_of(self.adopt())
        self.say_line(pipe, b"first", "guest web: first\n")
        for attempt in (lambda: os.ftruncate(pipe.fileno(), 0), lambda: os.lseek(pipe.fileno(), 0, os.SEEK_SET),
                        lambda: os.read(pipe.fileno(), 1), lambda: os.pwrite(pipe.fileno(), b"x", 0)):
            self.assertRaises(OSError, attempt)
        self.assertIn("guest web: first\n", self.log())

    def test_errors_outlive_the_manager(self):
        guest = self.adopt()
        pipe, control = self.errors_of(guest)
        self.say(control, report=self.report())
        self.wait_state("web", "running")
        self.kill_manager()
        self.assertRaises(BrokenPipeError, pipe.write, b"nobody reads\n")
        self.up_at_once()
        pipe, _ = self.errors_of(guest)
        self.say_line(pipe, b"again", "guest web: again\n")

    def test_log_that_looks_endless(self):
        guest = self.adopt()
        path = os.path.join(guest.folder, "console.log")
        with open(path, "wb") as file:
            file.write(console_log(b"text\n")[:-8] + b"\xff" * 8)
            file.truncate(1 << 40)
        started = time.monotonic()
        self.assertTrue(self.ask("logs", guest="web", lines=10)["ok"])
        self.assertLess(time.monotonic() - started, 2)


if __name__ == "__main__":
    main()
