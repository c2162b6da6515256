"""Clients that are slow, silent, endless, many, gone, or talk nonsense: the others do not notice, and nothing is left of them."""

import contextlib
import fcntl
import re
import selectors
import struct
import termios
import threading

from api import *

MANY = 10000      # requests
FOLLOWERS = 200
GET = b"GET /v1/mode HTTP/1.1\r\nHost: x\r\n\r\n"


class Clients(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()
        (self.pid,) = self.manager_pids()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, data):
        """A connection that data was sent on; the manager may hang up before all of it went."""
        peer = self.raw()
        try:
            peer.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return peer

    def heard(self, peer):
        """All that comes until the manager hangs up. It may see an end only if that comes by itself: libmicrohttpd takes a read
        that was not full for the last one."""
        wait_until(lambda: not struct.unpack("i", fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4)))[0])  # it has read all
        with contextlib.suppress(OSError):  # it hung up already
            peer.shutdown(socket.SHUT_WR)
        data = b""
        try:
            while more := peer.recv(65536):
                data += more
        except ConnectionResetError:
            pass
        return data

    def statuses(self, peer):
        """Of all answers. What refuses is a problem, whoever says it: libmicrohttpd itself (no_request.h) and we."""
        data, statuses = self.heard(peer), []
        while data.startswith(b"HTTP/1."):
            head, _, data = data.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            headers = dict(re.findall(rb"(?m)^([\w-]+): *([^\r\n]*)", head.lower()))
            length = int(headers.get(b"content-length", 0))
            data = data.removeprefix(head + b"\r\n\r\n")  # libmicrohttpd 0.9.75 says it twice when Content-Length is none
            body, data = data[:length], data[length:]
            statuses.append(status)
            if status >= 400 and len(body) == length:  # it may have gone before it had heard all
                self.assertEqual(headers[b"content-type"], b"application/problem+json", body[:200])
                problem = json.loads(body)
                self.assertEqual(self.document.errors({"$ref": "#/components/schemas/Problem"}, problem), [])
                self.assertEqual(problem["status"], status)
        return statuses

    # --- Nonsense ---

    def test_what_is_no_http(self):
        for data in (b"garbage\r\n\r\n", b"\0" * 100, b"\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET /v1/mode\r\n\r\n",
                     b"GET /v1/mode HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b'{"id":1,"op":"list"}\n',
                     b"GET /v1/mode HTTP/1.1\r\n\r\n", b"GET /v1/mode HTTP/1.1\r\nHost: x\r\nHost\r\n\r\n"):
            with self.subTest(data=data[:30]):
                peer = self.send(data)
                self.assertFalse([status for status in self.statuses(peer) if status < 400 or status in (500, 501, 502)])
                self.assert_serves()

    def test_bodies_whose_length_lies(self):
        head = b"PUT /v1/guests/web HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for rest in (b"Content-Length: -1\r\n\r\n", b"Content-Length: x\r\n\r\n", b"Content-Length: 99999999999999999999\r\n\r\n",
                     b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                     b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
                     b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
                     b"Transfer-Encoding: gzip\r\n\r\n{}", b"Content-Length: 4000000000\r\n\r\n{}"):
            with self.subTest(rest=rest[:40]):
                peer = self.send(head + rest)
                self.assertFalse([status for status in self.statuses(peer) if status < 400 or status == 500])
                self.assert_serves()
        self.assertEqual(self.api.getGuest(guest="web").json, self.definition("web", autostart=False))

    def test_requests_hidden_in_others(self):
        """Length and chunks at once (RFC 9112, 6.1): either refused, or read by one rule and the connection closed."""
        peer = self.send(b"PUT /v1/mode HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"0\r\n\r\nDELETE /v1/guests/web HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertNotIn(204, self.statuses(peer))
        self.assert_status(200, self.api.getGuest(guest="web"))

    # --- Without end ---

    def endless(self, begin, again, most=64 << 20):
        """Whether the manager ends it: how many bytes went."""
        peer = self.raw()
        sent = 0
        try:
            peer.sendall(begin)
            while sent < most:
                peer.sendall(again)
                sent += len(again)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return sent, peer

    def test_what_never_ends_is_ended(self):
        put = b"PUT /v1/guests/web HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for begin, again, statuses in ((b"", b"x" * 65536, (400, 414, 431)), (b"GET /", b"x" * 65536, (400, 414, 431)),
                                       (GET[:-2], b"X-A: " + b"b" * 1000 + b"\r\n", (400, 413, 431)),
                                       (GET[:-2], b"a", (400, 413, 431)),
                                       (put + b"Transfer-Encoding: chunked\r\n\r\n", chunk, (413,)),
                                       (put + b"Content-Length: 1000000000\r\n\r\n", b"x" * 65536, (413,))):
            with self.subTest(begin=begin[:20], again=again[:10]):
                again *= max(1, 65536 // len(again))
                before = self.memory_kib()
                sent, peer = self.endless(begin, again)
                self.assertLess(sent, 64 << 20)
                self.assertLessEqual(set(self.statuses(peer)), set(statuses))
                self.assert_memory_since(before)
                self.assert_serves()

    def memory_kib(self):
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))

    def assert_memory_since(self, before):
        if not SANITIZED:
            self.assertLess(self.memory_kib() - before, 4096)

    # --- Slow, silent, half-closed, gone ---

    def test_silent_and_slow_ones_hold_up_nobody(self):
        silent = [self.raw() for _ in range(40)]
        slow = [self.send(GET[:5]) for _ in range(40)]
        half = [
            self.send(b"PUT /v1/mode HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{") for _ in range(40)]
        cpu = self.cpu_s()
        for byte in GET[5:-1]:
            for peer in slow:
                peer.sendall(bytes([byte]))
        self.assert_serves(1)
        time.sleep(0.5)
        self.assertLess(self.cpu_s() - cpu, 0.5)
        for peer in slow:
            peer.sendall(GET[-1:])
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 200 "))
        for peer in silent + half:
            peer.close()

    def test_half_closed_client_gets_its_answer(self):
        for request in (GET, GET * 3):
            peer = self.send(request)
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(self.statuses(peer), [200] * request.count(b"GET"))
        peer = self.send(b"POST /v1/guests/web/start?wait=true HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(self.statuses(peer), [200])

    def test_half_closed_client_is_waited_for(self):
        """Its call takes long, others are served meanwhile, and what it asked more is answered too."""
        self.put("slow", ready="notify")
        before = self.descriptors()
        wait = b"GET /v1/guests/slow/boot-report?wait=true&timeout_s=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        self.assert_status(202, self.api.startGuest(guest="slow"))
        for request, wanted in ((wait, [504]), (wait + GET * 2, [504, 200, 200])):
            with self.subTest(wanted=wanted):
                peer = self.send(request)
                self.assert_serves()
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(self.statuses(peer), wanted)
        for _ in range(100):  # more than are carried: the others count as gone
            peer = self.send(wait)
            peer.shutdown(socket.SHUT_WR)
            self.addCleanup(peer.close)
        self.assert_serves()
        self.api.close()
        wait_until(lambda: self.descriptors() <= before + 8)

    def test_clients_that_vanish_leave_nothing(self):
        self.put("slow", ready="notify")
        self.api.close()
        time.sleep(0.2)
        before = self.descriptors()
        for data in (b"", GET[:10], GET, GET * 50, b"PUT /v1/mode HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
                     b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
                     b"GET /v1/guests/slow/boot-report?wait=true HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET /v1/guests/web/console HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: rastos-stream\r\n\r\n"):
            for _ in range(25):
                self.send(data).close()
        wait_until(lambda: self.descriptors() <= before)
        self.assert_serves()

    def test_client_that_reads_nothing(self):
        """Answers to thousands of requests that it never takes; the manager stops reading it instead of keeping them."""
        before = self.memory_kib()
        peer = self.raw()
        peer.setblocking(False)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        sent = 0
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and sent < 8 << 20:
            try:
                sent += peer.send(request * 1000)
            except BlockingIOError:
                time.sleep(0.01)
        self.assertLess(sent, 8 << 20)
        self.assert_memory_since(before)
        self.assert_serves(1)

    # --- Many ---

    def test_pipelined_requests_are_answered_in_order(self):
        targets = [f"/v1/guests/{name}" for name in ("web", "a", "web", "b") * 25]
        peer = self.send("".join(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets[:-1]).encode() +
                         f"GET {targets[-1]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        self.assertEqual(self.statuses(peer), [200, 404] * 50)

    def test_changes_in_a_pipeline_happen_in_order(self):
        requests = b""
        for memory in range(16, 48):
            body = json.dumps({"memory_mib": memory}).encode()
            requests += b"PATCH /v1/guests/web HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
                MERGE.encode(), len(body), body)
        peer = self.send(requests + GET[:-2] + b"Connection: close\r\n\r\n")
        self.assertEqual(self.statuses(peer), [200] * 33)
        self.assertEqual(self.api.getGuest(guest="web").json["memory_mib"], 47)

    def test_many_requests_beside_many_followers(self):
        """10,000 requests of 8 clients while 200 follow what happens; every follower misses nothing."""
        self.api.getMode()
        before = self.descriptors()
        followers = [self.api.follow(last_event_id=self.api.getEvents().json[-1]["id"]) for _ in range(FOLLOWERS)]
        failures = []

        def ask():
            client = self.client()
            peer = self.raw()
            wanted = MANY // 8
            try:
                for first in range(0, wanted, 50):
                    peer.sendall(b"GET /v1/guests/web HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
                    got = b""
                    while got.count(b"HTTP/1.1 200 ") < 50:
                        more = peer.recv(65536)
                        if not more or b"HTTP/1.1 5" in got or b"HTTP/1.1 4" in got:
                            raise AssertionError(got[-500:])
                        got += more
                self.assert_status(200, client.getGuest(guest="web"))
            except Exception as error:
                failures.append(error)
            client.close()
            peer.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for memory in range(17, 27):
            self.put(f"g{memory}")
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        for follower in followers:
            events = follower.events(10)
            self.assertEqual([event["guest"] for event in events], [f"g{memory}" for memory in range(17, 27)])
            follower.close()
        for memory in range(17, 27):
            self.assert_status(204, self.api.deleteGuest(guest=f"g{memory}"))
        wait_until(lambda: self.descriptors() <= before)

    def test_connections_beyond_the_most_are_told(self):
        peers = []
        told = None
        for _ in range(1200):
            peer = self.raw()
            peers.append(peer)
        with selectors.DefaultSelector() as selector:
            for peer in peers:
                selector.register(peer, selectors.EVENT_READ)
            ready = selector.select(2)
        for key, _ in ready[:1]:
            told = key.fileobj.recv(4096)
        self.assertIsNotNone(told, "nobody was turned away")
        self.assertTrue(told.startswith(b"HTTP/1.1 503 "), told)
        self.assertIn(b"Retry-After", told)
        for peer in peers:
            peer.close()
        wait_until(lambda: self.client().request("GET", "/v1/mode", check=False).status == 200)


main()
