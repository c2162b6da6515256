"""Connections that become a console, a vsock connection or a command's, and commands that are run and waited for."""

import base64
import struct
import threading

from api import *
from hostile import HostileGuest

# common/exec_wire.h
REQUEST, INPUT, OUTPUT, ERROR, EXIT = 1, 2, 16, 17, 19
EXITED, EXEC_PORT = 0, 9998


class Streams(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", "hello", autostart=False)
        self.define_file("off", autostart=False)
        self.up()
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))

    def console(self):
        stream = self.api.openConsole(guest="web", upgrade="rastos-stream")
        self.assertIsInstance(stream, Stream, stream)
        self.addCleanup(stream.close)
        return stream

    def test_console_has_what_was_printed(self):
        self.assertIn(b"hello\n", self.console().receive_until(b"hello\n"))

    def test_two_consoles_at_once(self):
        for stream in (self.console(), self.console()):
            self.assertIn(b"hello\n", stream.receive_until(b"hello\n"))
            stream.send(b"typed\n")
        self.assert_serves()

    def test_console_ends_with_the_guest(self):
        stream = self.console()
        stream.receive_until(b"hello\n")
        self.assert_status(204, self.api.killGuest(guest="web", wait=True))
        while stream.receive():
            pass

    def test_client_that_leaves_its_console(self):
        (pid,) = self.manager_pids()
        process = self.api.getGuestState(guest="web").json["pid"]
        before = [len(os.listdir(f"/proc/{who}/fd")) for who in (pid, process)]
        for _ in range(10):
            self.console().close()
        wait_until(lambda: all(len(os.listdir(f"/proc/{who}/fd")) <= count for who, count in zip((pid, process), before)))

    def test_stream_survives_the_manager(self):
        stream = self.console()
        stream.receive_until(b"hello\n")
        self.kill_manager()
        stream.peer.settimeout(0.2)
        self.assertRaises(TimeoutError, stream.receive)  # no end
        self.up()
        self.assertEqual(self.api.getGuestState(guest="web").json["state"], "running")

    def test_what_came_with_the_request_is_the_streams(self):
        peer = self.raw()
        peer.sendall(b"GET /v1/guests/web/console HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: rastos-stream\r\n\r\nearly bytes")
        data = b""
        while b"hello\n" not in data:
            data += peer.recv(4096)
        self.assertTrue(data.startswith(b"HTTP/1.1 101 "))

    def test_vsock_ends_when_nobody_listens(self):
        stream = self.api.openVsock(guest="web", port=80, upgrade="rastos-stream")
        self.assertIsInstance(stream, Stream)
        self.assertEqual(stream.receive(), b"")
        stream.close()

    def test_streams_that_cannot_be(self):
        for arguments, status in (({"guest": "off", "upgrade": "rastos-stream"}, 409), ({"guest": "web"}, 426),
                                  ({"guest": "web", "upgrade": "websocket"}, 426),
                                  ({"guest": "off"}, 426)):
            with self.subTest(arguments=arguments):
                answer = self.api.openConsole(**arguments)
                self.assertIn(answer.status, (status, 409), answer)
        for port in ("x", -1, 1 << 32, ""):
            answer = self.api.request("GET", f"/v1/guests/web/vsock/{port}",
                                      None, {"Connection": "Upgrade", "Upgrade": "rastos-stream"})
            self.assertIn(answer.status, (400, 404), answer)
        self.assert_serves()


class Exec(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web")
        self.define_file("off", autostart=False)
        self.up()

    def test_guest_without_a_helper_refuses(self):
        self.assert_problem(self.api.exec({"command": ["true"]}, guest="web"), 409, ["web", "does not let the host run commands"])
        self.assert_problem(self.api.exec({"command": ["true"]}, guest="off"), 409, ["off"])

    def test_commands_that_are_none(self):
        for body, pointer in (({}, None), ({"command": []}, "/command"), ({"command": "true"}, "/command"),
                              ({"command": [1]}, None), ({"comand": ["true"]}, "/comand"),
                              ({"command": ["true"], "timeout_s": 0}, "/timeout_s"),
                              ({"command": ["true"], "encoding": "utf-8"}, "/encoding"),
                              ({"command": ["true"], "encoding": "base64", "input": "a~b"}, "/input"),
                              ({"command": ["true"], "environment": [1]}, None)):
            with self.subTest(body=body):
                self.assert_problem(self.api.exec(body, guest="web"), 422, [], pointer)


class Helper(threading.Thread):
    """In place of the guest's process and of the helper in the guest: a command that prints what it reads, and `complaint` as its
    errors."""

    def __init__(self, control, complaint):
        super().__init__(daemon=True)
        self.control, self.complaint = control, complaint
        self.read, self.words = b"", None

    def run(self):
        message, descriptors, *_ = socket.recv_fds(self.control, 32768, 4)
        while json.loads(message)["op"] != "vsock":
            for descriptor in descriptors:
                os.close(descriptor)
            message, descriptors, *_ = socket.recv_fds(self.control, 32768, 4)
        assert json.loads(message)["port"] == EXEC_PORT
        with socket.socket(fileno=descriptors[0]) as stream:
            stream.setblocking(True)
            stream.sendall(b"OK 1024\n")
            self.serve(stream, stream.makefile("rb"))

    def serve(self, stream, frames):
        while True:
            kind, length = struct.unpack("<BxxxI", frames.read(8))
            payload = frames.read(length)
            if kind == REQUEST:
                self.words = payload
            elif kind == INPUT and payload:
                self.read += payload
            elif kind == INPUT:
                break
        for kind, payload in ((OUTPUT, self.read), (ERROR, self.complaint), (EXIT, bytes([EXITED, 0]))):
            stream.sendall(struct.pack("<BxxxI", kind, len(payload)) + payload)
        frames.read()  # until the host hangs up


class ExecBytes(ApiTest):
    BYTES = bytes(range(256)) * 3 + b"\xff"

    def exec(self, **members):
        """What a command said in a guest whose process and helper are the test's."""
        self.define_file("web", autostart=False)
        guest = HostileGuest(self, "web")
        self.up_at_once()
        control = guest.accept()
        control.send(json.dumps({"event": "state", "status": "", "report": "load 1 1 run 2 2 ready 3 3"}).encode())
        self.wait_state("web", "running")
        helper = Helper(control, b"a\xffb")
        helper.start()
        answer = self.assert_status(200, self.api.exec({"command": ["cat", "-"], **members}, guest="web")).json
        helper.join(10)
        self.assertIn(b"cat\0-\0", helper.words)
        return helper, answer

    def test_bytes_that_are_no_text_come_and_go_as_base64(self):
        helper, answer = self.exec(encoding="base64", input=base64.b64encode(self.BYTES).decode())
        self.assertEqual(helper.read, self.BYTES)
        self.assertEqual(answer["encoding"], "base64")
        self.assertEqual(base64.b64decode(answer["output"], validate=True), self.BYTES)
        self.assertEqual(base64.b64decode(answer["error"], validate=True), b"a\xffb")
        self.assertEqual((answer["end"], answer["status"], answer["truncated"]), ("exited", 0, False))

    def test_text_has_something_in_place_of_such_bytes(self):
        helper, answer = self.exec(input="h\u00e9llo")
        self.assertEqual(helper.read, "h\u00e9llo".encode())
        self.assertNotIn("encoding", answer)
        self.assertEqual(answer["output"], "h\u00e9llo")
        self.assertEqual((answer["error"][0], answer["error"][-1], len(answer["error"])), ("a", "b", 3))


main()
