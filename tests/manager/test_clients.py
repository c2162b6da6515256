"""Clients of the control socket that are slow, silent, endless, many, or talk nonsense: the others do not notice."""

import contextlib
import resource
import stat

from manager import *

CLIENTS_MAX = 64  # vmm/manager/control.h
LINE_MAX = 2 << 20


class Clients(ManagerTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.connect(self.path("run/control.sock"))
        peer.settimeout(20)
        return peer

    def answer(self, peer):
        """The next line as JSON; None when the manager hung up."""
        text = b""
        while not text.endswith(b"\n"):
            try:
                byte = peer.recv(1)
            except ConnectionResetError:
                byte = b""
            if not byte:
                self.assertEqual(text, b"")
                return None
            text += byte
        return json.loads(text)

    def refused_line(self, line, words, code=USAGE):
        peer = self.connect()
        peer.sendall(line + b"\n")
        answer = self.answer(peer)
        self.assertEqual((answer["ok"], answer["code"]), (False, code), line)
        self.assertNotIn("\n", answer["error"])
        self.assert_words(words, answer["error"])
        peer.sendall(b'{"id":2,"op":"list"}\n')  # it may still ask
        self.assertTrue(self.answer(peer)["ok"])
        peer.close()

    def assert_serves(self):
        self.assertTrue(self.ask("list")["ok"])

    def manager_cpu_s(self):
        (pid,) = self.manager_pids()
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_what_is_no_request(self):
        for line in (b"garbage", b"[1]", b"7", b'"list"', b"null", b'{"op":"list"', b'{"op":"list"} more', b"\0", b"\xff\xfe",
                     b'{"op":"list"}{"op":"list"}', b"[" * 5000):
            with self.subTest(line=line[:30]):
                self.refused_line(line, ["a request is one JSON object on one line"])

    def test_every_member_wrong_in_turn(self):
        wrong = {
            "op": [("lst", ["lst", "list"]), (7, ["is not an operation"]), (None, ["is not an operation"]),
                   ("x" * 300, ["is not an operation"])],
            "guest": [(7, ["guest"]), ("", ["guest"]), ([], ["guest"])],
            "wait": [("yes", ["wait", "true or false"]), (1, ["wait", "true or false"])],
            "timeout_s": [(-1, ["timeout_s", "from 0 to"]), (1e99, ["timeout_s"]), (0.5, ["timeout_s", "whole"]),
                          ("1", ["timeout_s"]), (86401, ["timeout_s", "86400"])],
            "wiat": [(True, ["wiat", "wait"])],
        }
        for member, values in wrong.items():
            for value, words in values:
                with self.subTest(member=member, value=str(value)[:20]):
                    request = {"id": 1, "op": "shutdown", "guest": "web"} | {member: value}
                    self.refused_line(json.dumps(request).encode(), words)
        for op, members, words in (("logs", {"guest": "web", "lines": -1}, ["lines"]), ("logs", {"guest": "web", "from": {}}, ["from"]),
                                   ("events", {"since": "x"}, ["since"]), ("events", {"follow": 1}, ["follow"]),
                                   ("down", {"force": "no"}, ["force"]), ("down", {"keep_guests": 0}, ["keep_guests"]),
                                   ("crashes", {"newest": []}, ["newest"]), ("vsock-connect", {"guest": "web", "port": 1 << 32}, ["port"]),
                                   ("list", {"guest": "web"}, ["guest"]), ("start", {}, ["guest", "missing"]),
                                   ("define", {}, ["definition", "missing"]), ("define", {"definition": 1}, ["definition", "object"]),
                                   ("define", {"definition": self.definition("db"), "folder": "guests"}, ["folder", "absolute"]),
                                   ("define", {"definition": self.definition("db"), "replace": "yes"}, ["replace"])):
            with self.subTest(op=op, members=members):
                code = FAILED if op == "define" and "folder" in members or members.get("definition") == 1 or members == {} and op == "define" else USAGE
                self.refused_line(json.dumps({"id": 1, "op": op} | members).encode(), words, code)
        self.assertEqual([guest["name"] for guest in self.ask("list")["result"]["guests"]], ["web"])

    def test_member_given_twice(self):
        self.refused_line(b'{"op":"info","guest":"web","guest":"web"}', ["guest", "twice"])

    def test_guest_names_that_are_paths(self):
        for name in ("../web", "web/..", "/", ".", "x" * 300, "web\n", "\x1b[2J"):
            with self.subTest(name=name[:10]):
                self.refused_line(json.dumps({"op": "info", "guest": name}).encode(), ["no guest is named"], NO_GUEST)

    def test_line_that_comes_byte_by_byte(self):
        peer = self.connect()
        for byte in b'{"id":3,"op":"list"}\n':
            peer.sendall(bytes([byte]))
        self.assertEqual(self.answer(peer)["id"], 3)

    def test_line_without_end(self):
        peer = self.connect()
        peer.sendall(b"x" * LINE_MAX)
        self.assertIn("too long", self.answer(peer)["error"])
        peer.sendall(b'\n{"id":4,"op":"list"}\n')
        self.assertEqual(self.answer(peer)["id"], 4)

    def test_half_closed(self):
        peer = self.connect()
        peer.sendall(b'{"id":5,"op":"list"}\n')
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(self.answer(peer)["id"], 5)
        self.assertIsNone(self.answer(peer))
        peer = self.connect()
        peer.shutdown(socket.SHUT_WR)
        self.assertIsNone(self.answer(peer))
        self.assert_serves()

    def test_one_that_does_not_read(self):
        peer = self.connect()
        late = json.dumps({"op": "define", "definition": self.definition("late", autostart=False)}).encode() + b"\n"
        # Its answers are long: all of them are more than the manager keeps for one.
        big = self.definition("big", autostart=False) | {"kernel": {"path": "/none", "cmdline": "x" * 1500}}
        self.assertTrue(self.ask("define", definition=big)["ok"])
        ask = b'{"op":"info","guest":"big"}\n'
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # when it is dropped
            peer.sendall(ask * ((LINE_MAX - len(late)) // len(ask)) + late)
            while True:
                peer.sendall(ask)
        # Nobody works for whom nobody hears.
        self.assertIsNone(self.guest("late"))
        self.assert_serves()

    def test_one_that_goes_while_it_waits(self):
        for op in ("start", "boot-report"):
            for _ in range(20):
                peer = self.connect()
                peer.sendall(json.dumps({"op": op, "guest": "web", "wait": True}).encode() + b'\n{"op":"events","follow":true}\n')
                peer.close()
        self.assert_serves()

    def test_as_many_as_there_may_be(self):
        peers = [self.connect() for _ in range(CLIENTS_MAX)]
        for peer in peers:  # each is taken
            peer.sendall(b'{"id":6,"op":"list"}\n')
            self.assertTrue(self.answer(peer)["ok"])
        more = self.connect()
        answer = self.answer(more)
        self.assertEqual((answer["ok"], answer["code"]), (False, REFUSED))
        self.assertIsNone(self.answer(more))
        self.refused(REFUSED, ["as many clients as it can serve"], "list")
        for peer in peers:
            peer.close()
        wait_until(lambda: self.run_program("list").returncode == DONE)

    def test_out_of_descriptors(self):
        (pid,) = self.manager_pids()
        used = len(os.listdir(f"/proc/{pid}/fd"))
        peer = self.connect()
        peer.sendall(b'{"id":1,"op":"list"}\n')
        self.assertTrue(self.answer(peer)["ok"])
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, before[1]))
        waiting = self.connect()
        waiting.sendall(b'{"id":2,"op":"list"}\n')
        waiting.settimeout(1)
        cpu = self.manager_cpu_s()
        self.assertRaises(TimeoutError, waiting.recv, 1)
        self.assertLess(self.manager_cpu_s() - cpu, 0.3, "it spins")
        # Who is connected is served, and told what there is not.
        peer.sendall(json.dumps({"id": 3, "op": "define", "definition": self.definition("db")}).encode() + b"\n")
        answer = self.answer(peer)
        self.assertFalse(answer["ok"])
        self.assertIn("Too many open files", answer["error"])
        self.assertEqual(os.listdir(self.path("guests")), ["web.json"])
        peer.sendall(b'{"id":4,"op":"start","guest":"web"}\n')
        self.assertFalse(self.answer(peer)["ok"])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        waiting.settimeout(10)
        self.assertEqual(self.answer(waiting)["id"], 2)
        self.ok("start", "web")
        self.assertTrue(self.ask("define", definition=self.definition("db"))["ok"])

    def test_definition_that_finds_no_descriptor_leaves_no_file(self):
        """With every number of free descriptors, until it succeeds."""
        (pid,) = self.manager_pids()
        peer = self.connect()
        peer.sendall(b'{"id":1,"op":"list"}\n')
        self.assertTrue(self.answer(peer)["ok"])
        used = len(os.listdir(f"/proc/{pid}/fd"))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        request = json.dumps({"id": 1, "op": "define", "definition": self.definition("db", autostart=False)}).encode() + b"\n"
        for free in range(20):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + free, before[1]))
            peer.sendall(request)
            answer = self.answer(peer)
            self.assertIsNotNone(answer, "the manager is gone")
            if answer["ok"]:
                break
            self.assertEqual(sorted(os.listdir(self.path("guests"))), ["web.json"], answer)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertTrue(answer["ok"])
        self.assertGreater(free, 0)
        self.assertEqual([guest["name"] for guest in self.ask("list")["result"]["guests"]], ["web", "db"])

    def test_start_that_finds_no_descriptor_leaves_nothing(self):
        (pid,) = self.manager_pids()
        peer = self.connect()
        peer.sendall(b'{"id":1,"op":"list"}\n')
        self.assertTrue(self.answer(peer)["ok"])
        used = len(os.listdir(f"/proc/{pid}/fd"))
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for free in range(40):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + free, before[1]))
            peer.sendall(b'{"id":1,"op":"start","guest":"web","wait":true}\n')
            while "progress" in (answer := self.answer(peer)):
                pass
            if answer["ok"]:
                break
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            self.assertEqual(len(os.listdir(f"/proc/{pid}/fd")), used, answer)
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                self.assertEqual(file.read(), "", answer)
            peer.sendall(b'{"id":1,"op":"list"}\n')
            self.assertEqual(self.answer(peer)["result"]["guests"][0]["state"], "failed")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.assertTrue(answer["ok"])

    def test_socket_is_nobody_elses(self):
        for umask in (0, 0o077):
            self.ask("down")
            wait_until(lambda: not self.manager_pids())
            old = os.umask(umask)
            try:
                self.up()
            finally:
                os.umask(old)
            mode = os.stat(self.path("run/control.sock")).st_mode
            self.assertEqual(stat.S_IMODE(mode) & 0o117, 0, oct(mode))
            self.assertEqual(stat.S_IMODE(os.stat(self.path("run")).st_mode) & 0o022, 0)


if __name__ == "__main__":
    main()
