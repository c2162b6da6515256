"""What HTTP itself is expected to do: HEAD, compression, rates, and what a command changes while the manager runs."""

import gzip
import struct

from api import *

# \xff and the first byte of two, which are not UTF-8, on the serial port
BYTES = b"".join(b"\xba\xf8\x03\x00\x00\xb0" + bytes([c]) + b"\xee" for c in b"a\xff\xc3\n")


def free_port():
    with socket.socket() as peer:
        peer.bind(("127.0.0.1", 0))
        return peer.getsockname()[1]


class Http(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)

    def curl(self, *arguments):
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--unix-socket", self.path(API_SOCKET), *arguments],
                              capture_output=True, check=True)
        return done.stdout

    def test_head_tells_what_get_would(self):
        self.up()
        for target in ("/v1/guests", "/v1/guests/web", "/openapi.json", "/v1/nothing"):
            head = self.api.request("HEAD", target, check=False)
            get = self.api.request("GET", target, check=False)
            self.assertEqual(head.body, b"")
            self.assertEqual(head.status, get.status)
            self.assertEqual(head.headers["Content-Length"], str(len(get.body)))
            self.assertEqual(head.etag, get.etag)

    def test_document_is_the_one_of_the_source_packed_or_not(self):
        self.up()
        plain = self.api.request("GET", "/openapi.json")
        packed = self.api.request("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"}, check=False)
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertEqual(plain.json, self.document.json)
        self.assertEqual(json.loads(self.curl("--compressed", "http://localhost/openapi.json")), plain.json)

    def test_who_asks_too_often_is_told_so(self):
        self.configure(api={"requests_per_second": 5})
        self.up()
        statuses = [self.api.request("GET", "/v1/mode").status for _ in range(30)]
        self.assertEqual(statuses[:10], [200] * 10)
        answer = self.assert_status(429, self.api.request("GET", "/v1/mode"))
        time.sleep(int(answer.headers["Retry-After"]))
        self.assert_status(200, self.api.request("GET", "/v1/mode"))

    def test_words_of_a_guest_are_utf_8_whatever_it_says(self):
        self.write("bytes.elf", elf_kernel(code=BYTES))
        self.up()
        self.put("bytes", "bytes")
        self.assert_status(200, self.api.startGuest(guest="bytes", wait=True))
        answer = wait_until(lambda: (logs := self.api.getLogs(guest="bytes")).json["text"].endswith("\n") and logs)
        self.assertEqual(answer.body.decode(), answer.text)  # which replaces what is not
        self.assertEqual((answer.json["text"][0], len(answer.json["text"])), ("a", 4))

    def test_token_counts_as_soon_as_it_is_made(self):
        port = free_port()
        self.configure(api={"listen": [f"127.0.0.1:{port}"], "tokens": "tokens"})
        self.up()
        token = self.ok("token", "add", "ci", "read").strip()
        client = self.client(tcp(port), token)
        self.assert_status(200, client.getMode())
        self.assert_status(403, client.deleteGuest(guest="web"))
        self.assertEqual(json.loads(self.ok("token", "list", "--json")), [{"name": "ci", "role": "read"}])
        self.assertNotIn(token.encode(), self.read("tokens"))
        self.ok("token", "remove", "ci")
        self.assert_status(401, client.getMode())

    def test_who_hangs_up_waits_no_longer(self):
        self.up()
        (pid,) = self.manager_pids()
        self.put("slow", ready="notify")
        before = len(os.listdir(f"/proc/{pid}/fd"))
        self.assert_status(202, self.api.startGuest(guest="slow"))
        running = wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")))
        for _ in range(20):
            peer = self.raw()
            peer.sendall(b"GET /v1/guests/slow/boot-report?wait=true HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assert_status(200, self.api.getMode())
            peer.close()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= running)
        self.assertGreaterEqual(running, before)

    def test_headers_that_say_where_a_request_ends_are_there_once(self):
        """A proxy in between may take another of two for the right one."""
        self.up()
        for header in ("Content-Length: 17\r\nContent-Length: 1", "Transfer-Encoding: chunked\r\ntransfer-encoding: identity",
                       "Content-Length: 17\r\nTransfer-Encoding: chunked", "Host: y"):
            with self.subTest(header=header):
                peer = self.raw()
                peer.sendall(f"PUT /v1/mode HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode() + b'{"mode":"server"}')
                answer = b"".join(iter(lambda: peer.recv(4096), b""))  # and its end
                self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
                self.assertIn(b"Connection: close", answer)
        self.assert_serves()

    def test_pages_have_a_size_that_can_be(self):
        self.up()
        for limit in (0, 1001, (1 << 32) + 1, (1 << 53) + 1):
            answer = self.api.request("GET", f"/v1/guests?limit={limit}", check=False)
            self.assert_problem(answer, 400, [], parameter="limit")

    def test_reset_connections_leave_nothing(self):
        """A TCP client that resets its connection in the midst of an answer."""
        port = free_port()
        self.configure(api={"listen": [f"127.0.0.1:{port}"], "tokens": "tokens"})
        self.up()
        (pid,) = self.manager_pids()
        token = self.ok("token", "add", "ci", "read").strip()
        self.assert_status(200, self.api.getMode())
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(50):
            peer = tcp(port)()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.sendall(f"GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode() * 3)
            peer.close()
        self.assert_serves()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before + 1)


main()
