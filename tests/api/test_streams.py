"""Connections that become a console, a vsock connection or a command's, and commands that are run and waited for."""

from api import *


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


main()
