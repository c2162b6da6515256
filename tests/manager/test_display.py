"""A guest's screen as its manager has it: where it is, that it comes back, that it ends with its guest. These guests draw nothing:
their screens are dark. Who draws is in the metal tests."""

import threading

from hostile import HostileGuest
from manager import *

sys.path.insert(0, os.path.join(SOURCE, "tests", "display"))
from rfb import Viewer

DESK = f"desk-{os.getpid()}"  # of this test alone: other runs have theirs
VIDEO = {"model": "virtio", "resolution": {"x": 640, "y": 480}}


def children_named(name):
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as file:
                if file.read().strip() == name:
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass  # it has ended
    return set(found)


class Display(ManagerTest):
    def desk(self, name=DESK, graphics=None, cid=3, **members):
        self.define_file(name, video=VIDEO, graphics=[{"type": "vnc"} | (graphics or {})], vsock={"cid": cid}, **members)

    def uri(self, name=DESK):
        return wait_until(lambda: self.guest(name).get("display"))

    def port(self, name=DESK):
        uri = self.uri(name)
        self.assertTrue(uri.startswith("vnc://127.0.0.1:"), uri)
        return int(uri.rsplit(":", 1)[1])

    def look(self, where, password=None):
        viewer = Viewer(where, password)
        self.addCleanup(viewer.close)
        viewer.begin()
        return viewer

    def keepers(self):
        """The processes that show this test's guests: they are in a process' children of ours, or were."""
        mine = set()
        for pid in children_named("rastos-display"):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if b"\0" + DESK.encode() in file.read():
                        mine.add(pid)
            except OSError:
                pass
        return mine

    def test_it_is_where_the_commands_say(self):
        self.desk()
        self.up()
        port = self.port()
        self.assertGreaterEqual(port, 5900)
        self.assertEqual(self.ok("domdisplay", DESK), f"vnc://127.0.0.1:{port}\n")
        self.assertEqual(json.loads(self.ok("domdisplay", "--json", DESK)), {"uri": f"vnc://127.0.0.1:{port}"})
        self.assert_words(["DISPLAY", f"vnc://127.0.0.1:{port}"], self.ok("list"))
        self.assert_words(["Display:", f"vnc://127.0.0.1:{port}"], self.ok("info", DESK))
        viewer = self.look(("127.0.0.1", port))
        self.assertEqual(viewer.name, DESK)
        self.assertEqual(set(viewer.picture()), {0}, "dark")
        self.ok("kill", DESK)
        self.wait_state(DESK, "off")
        self.assertNotIn("display", self.guest(DESK))
        self.refused(REFUSED, [f"guest {DESK}: is off: its screen is nowhere"], "domdisplay", DESK)
        wait_until(lambda: not self.keepers())

    def test_each_has_a_port_of_its_own(self):
        self.desk()
        self.desk(DESK + "b", cid=4)
        self.up()
        self.assertNotEqual(self.port(), self.port(DESK + "b"))

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.desk(graphics={"port": port}, autostart=False)
            self.up()
            self.refused(FAILED, [f"guest {DESK}: graphics[0]: cannot listen at 127.0.0.1", str(port), "Address already in use"],
                         "start", DESK)
        self.assertEqual(self.state(DESK), "failed")
        self.ok("start", DESK)
        self.assertEqual(self.port(), port)

    def test_a_unix_socket_and_a_password(self):
        path = self.path("desk.vnc")
        self.write("password", "s3cret\nmore")
        self.desk(graphics={"socket": path, "password_file": self.path("password")})
        self.up()
        self.assertEqual(self.uri(), f"vnc+unix://{path}")
        self.assertEqual(os.stat(path).st_mode & 0o007, 0, "not for everybody")
        self.assertEqual(self.look(path, "s3cret").name, DESK)
        with self.assertRaises(Exception):
            self.look(path, "wrong")
        self.ok("kill", DESK)
        wait_until(lambda: not os.path.exists(path))

    def test_passwords_that_cannot_be(self):
        self.write("long", "123456789")
        self.write("empty", "")
        for name, words in (("long", ["1 to 8 bytes"]), ("empty", ["1 to 8 bytes"]), ("none", ["cannot read"])):
            self.desk(f"{DESK}-{name}", graphics={"password_file": self.path(name)}, autostart=False, cid=3)
        self.up()
        for name, words in (("long", ["1 to 8 bytes"]), ("empty", ["1 to 8 bytes"]), ("none", ["cannot read"])):
            self.refused(FAILED, [f"guest {DESK}-{name}: graphics[0]: password_file", *words], "start", f"{DESK}-{name}")

    def test_it_is_opened_again_and_the_guest_does_not_care(self):
        self.desk()
        self.up()
        port, pid = self.port(), self.guest(DESK)["pid"]
        viewer = self.look(("127.0.0.1", port))
        for keeper in self.keepers():
            os.kill(keeper, signal.SIGKILL)
        with self.assertRaises(Exception):
            while True:
                viewer.picture()
        wait_until(lambda: "display" not in self.guest(DESK))
        self.assertEqual(self.port(), port, "the same")
        self.assertEqual(self.look(("127.0.0.1", port)).name, DESK)
        self.assertEqual(self.guest(DESK)["pid"], pid)

    def test_it_outlives_its_manager_and_is_found_again(self):
        self.desk()
        self.up()
        port = self.port()
        viewer = self.look(("127.0.0.1", port))
        self.kill_manager()
        self.assertEqual(set(viewer.picture()), {0})
        self.up()
        self.assertEqual(self.port(), port)
        self.assertEqual(set(viewer.picture()), {0})

    def test_one_that_ended_while_there_was_no_manager(self):
        self.desk()
        self.up()
        port = self.port()
        self.kill_manager()
        for keeper in self.keepers():
            os.kill(keeper, signal.SIGKILL)
        self.up()
        self.assertEqual(self.port(), port)
        self.assertEqual(self.look(("127.0.0.1", port)).name, DESK)

    def test_it_ends_with_its_guest_whatever_ends_that(self):
        self.desk()
        self.up()
        self.port()
        os.kill(self.guest(DESK)["pid"], signal.SIGKILL)
        wait_until(lambda: not self.keepers())

    def test_it_is_in_a_jail(self):
        self.desk()
        self.up()
        port = self.port()
        self.look(("127.0.0.1", port))
        for pid in self.keepers():
            with open(f"/proc/{pid}/status") as file:
                status = file.read()
            self.assertIn("CapEff:\t0000000000000000", status)
            self.assertIn("NoNewPrivs:\t1", status)
            if os.geteuid() == 0:
                self.assertNotIn("Uid:\t0\t", status)
                self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
            self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/net"), os.readlink("/proc/self/ns/net"))

    def test_pictures_of_a_dark_display_and_of_none(self):
        self.desk()
        self.define_file("web", vsock={"cid": 4})
        self.up()
        self.refused(REFUSED, [f"guest {DESK}: its display is dark"], "screenshot", DESK, self.path("x.ppm"))
        self.assertFalse(os.path.exists(self.path("x.ppm")))
        self.refused(REFUSED, ["guest web: has no display"], "screenshot", "web", self.path("x.ppm"))
        self.usage(["pictures are PPM"], "screenshot", DESK, "x.png")

    def test_keys(self):
        self.desk()
        self.define_file("web", vsock={"cid": 4})
        self.up()
        self.ok("send-key", DESK, "KEY_LEFTCTRL", "key_c", "30")
        self.ok("send-key", "--holdtime", "0", DESK, "KEY_A")
        self.assertIn("guest web: has no keyboard", self.run_program("send-key", "web", "KEY_A").errors)
        for word in ("KEY_", "KEY_NONE", "0", "249", "A", ""):
            process = self.run_program("send-key", DESK, word)
            self.assertIn("keys: must be names as KEY_LEFTCTRL", process.errors, word)

    def test_over_the_api(self):
        self.desk()
        self.up()
        self.port()
        status, problem = self.api("GET", f"/v1/guests/{DESK}/screenshot")
        self.assertEqual((status, problem["detail"]), (409, f"guest {DESK}: its display is dark, or somebody else takes a picture of it"))
        self.assertEqual(self.api("POST", f"/v1/guests/{DESK}/keys", {"keys": ["KEY_A"]})[0], 204)
        status, problem = self.api("POST", f"/v1/guests/{DESK}/keys", {"keys": ["KEY_X", "NO"]})
        self.assertEqual((status, problem["errors"][0]["pointer"] if "errors" in problem else problem["pointer"]), (422, "/keys"))

    def api(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(self.path("run/api.sock"))
            peer.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(rest) if rest else None


class Screenshots(ManagerTest):
    """Of a guest process in the test's hands, which may write what it likes."""

    def taken_over(self):
        members = {"video": VIDEO}
        self.define_file("desk", autostart=False, **members)
        guest = HostileGuest(self, "desk", **members)
        self.up_at_once()
        return guest.accept()

    def write_when_asked(self, control, bytes):
        """Answers what comes until it is the picture's turn."""
        def serve():
            while True:
                text, fds, _, _ = socket.recv_fds(control, 65536, 4)
                if json.loads(text)["op"] == "screenshot":
                    break
                for fd in fds:
                    os.close(fd)
            with socket.socket(fileno=fds[0]) as client:
                client.settimeout(10)
                try:
                    client.sendall(bytes)
                except OSError:
                    pass  # it was too much

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)

    def test_a_picture(self):
        control = self.taken_over()
        picture = b"P6\n700 300\n255\n" + bytes(range(210)) * 3000
        self.write_when_asked(control, picture)
        self.ok("screenshot", "desk", self.path("desk.ppm"))
        self.assertEqual(self.read("desk.ppm"), picture)
        self.write_when_asked(control, picture)
        status, head, body = self.get_picture()
        self.assertEqual(status, 200)
        self.assertIn("content-type: image/x-portable-pixmap", head.lower())
        self.assertEqual(body, picture)

    def test_what_is_no_picture(self):
        control = self.taken_over()
        self.write("desk.ppm", "old")
        for bytes in (b"", b"P5\n1 1\n255\nxxx", b"P6\n2 2\n255\n" + b"x" * 11, b"P6\n2 2\n255\n" + b"x" * 13,
                      b"P6\n99999999999 1\n255\nx", b"x" * 100000):
            self.write_when_asked(control, bytes)
            process = self.run_program("screenshot", "desk", "desk.ppm")
            self.assertEqual(process.returncode, REFUSED if not bytes else FAILED, bytes[:20])
            self.assert_words(["guest desk", "is dark" if not bytes else "not a whole picture"], process.errors)
            self.assertEqual(self.read("desk.ppm"), b"old")
        self.assertEqual([name for name in os.listdir(self.folder.name) if name.startswith("desk.ppm.")], [])
        self.write_when_asked(control, b"")
        self.assertEqual(self.get_picture()[0], 409)

    def get_picture(self):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(self.path("run/api.sock"))
            peer.sendall(b"GET /v1/guests/desk/screenshot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while piece := peer.recv(65536):
                answer += piece
        head, _, rest = answer.partition(b"\r\n\r\n")
        head = head.decode()
        body = b""
        while "chunked" in head.lower() and rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[:int(size, 16)]
            rest = rest[int(size, 16) + 2:]
        return int(head.split()[1]), head, body


main()
