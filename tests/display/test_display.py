#!/usr/bin/env python3
"""rastos-display between a guest process that is played here and real viewers: gvnccapture, and one of ours.

    test_display.py RASTOS_DISPLAY
"""
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import fake_guest
import rfb
from fake_guest import ABSOLUTE, INPUT, RELATIVE, RESIZE, Display, Picture
from rfb import Closed, Viewer

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/bin/rastos-display"
EV_KEY, EV_REL, EV_ABS = 1, 2, 3
KEY_A, KEY_LEFTSHIFT, KEY_ENTER, KEY_RIGHTCTRL = 30, 42, 28, 97
BTN_LEFT, BTN_RIGHT = 0x110, 0x111
REL_X, REL_Y, REL_WHEEL = 0, 1, 8


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def wait_until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError("it does not come")
        time.sleep(0.02)


class Case(unittest.TestCase):
    password, unix = "", False

    def setUp(self):
        self.display = Display(PROGRAM, self.password, self.unix)
        self.addCleanup(self.display.close)

    def view(self, picture=None, password=None, pointer=ABSOLUTE):
        """A viewer, and its link to the guest."""
        viewer = Viewer(self.display.where, password)
        self.addCleanup(viewer.close)
        link = self.display.link()
        self.addCleanup(link.close)
        link.hello(pointer=pointer)
        if picture:
            link.show(picture)
        else:
            link.off()
        viewer.begin()
        if picture:
            self.assertEqual((viewer.width, viewer.height), (picture.width, picture.height))
        return viewer, link


def wait_for_size(viewer, picture):
    while (viewer.width, viewer.height) != (picture.width, picture.height):
        viewer.ask(True)
        viewer.hear()


class Pictures(Case):
    def test_each_format_pixel_for_pixel(self):
        for form in fake_guest.FORMATS:
            with self.subTest(form):
                picture = Picture(97, 61, form, offset=40, stride=400, seed=form)
                viewer, link = self.view(picture)
                self.assertEqual(viewer.picture(), picture.expected())
                viewer.close()
                self.assertTrue(link.ended())

    def test_what_is_flushed_is_seen_and_no_more(self):
        picture = Picture(64, 32)
        viewer, link = self.view(picture)
        before = bytearray(viewer.picture())
        picture.change(10, 5, b"\1\2\3\4")
        picture.change(40, 20, b"\5\6\7\0")
        link.flush(8, 4, 8, 4)
        viewer.ask(True)
        areas = viewer.hear()
        self.assertEqual(areas, [(rfb.RAW, 8, 4, 8, 4)])
        before[(5 * 64 + 10) * 3:(5 * 64 + 10) * 3 + 3] = b"\1\2\3"
        self.assertEqual(rfb.colours(viewer.pixels), bytes(before))
        link.flush(0, 0, 64, 32)
        viewer.ask(True)
        viewer.hear()
        self.assertEqual(rfb.colours(viewer.pixels), picture.expected())

    def test_another_size(self):
        small, large = Picture(40, 30), Picture(800, 600, seed=2)
        viewer, link = self.view(small)
        self.assertEqual(viewer.picture(), small.expected())
        link.show(large)
        wait_for_size(viewer, large)
        self.assertEqual(viewer.picture(), large.expected())

    def test_a_size_that_changes_before_the_viewer_is_there(self):
        viewer, link = Viewer(self.display.where), self.display.link()
        self.addCleanup(viewer.close)
        link.hello()
        link.show(Picture(40, 30))
        large = Picture(80, 60)
        viewer.handshake(None)
        self.assertEqual((viewer.width, viewer.height), (40, 30))
        link.show(large)
        time.sleep(0.3)
        viewer.socket.sendall(struct.pack(">BxHi", 2, 1, rfb.DESKTOP_SIZE))
        wait_for_size(viewer, large)
        self.assertEqual(viewer.picture(), large.expected())

    def test_dark(self):
        picture = Picture(40, 30)
        viewer, link = self.view(picture)
        viewer.picture()
        link.off()
        viewer.ask(True)
        viewer.hear()
        self.assertEqual(rfb.colours(viewer.pixels), bytes(40 * 30 * 3))

    def test_a_part_outside_is_no_part(self):
        picture = Picture(40, 30)
        viewer, link = self.view(picture)
        viewer.picture()
        for area in ((0, 0, 41, 1), (40, 0, 1, 1), (0, 0, 0, 0), (2**32 - 1, 2, 2, 2), (1, 1, 2**32 - 1, 2**32 - 1)):
            link.flush(*area)
        picture.change(0, 0, b"\1\2\3\4")
        link.flush(0, 0, 1, 1)
        viewer.ask(True)
        self.assertEqual(viewer.hear(), [(rfb.RAW, 0, 0, 1, 1)])

    def test_two_viewers(self):
        picture = Picture(50, 50)
        first, link = self.view(picture)
        second, _ = self.view(picture)
        self.assertEqual(first.picture(), second.picture())
        first.close()
        self.assertTrue(link.ended())
        self.assertEqual(second.picture(), picture.expected())

    def test_the_name(self):
        viewer, _ = self.view()
        self.assertEqual(viewer.name, "desk")


class Capture(Case):
    """Debian's gvnccapture, which makes a PNG of what it sees."""

    @unittest.skipUnless(shutil.which("gvnccapture"), "gvnccapture (package gvncviewer) is not installed")
    def test_pixel_for_pixel(self):
        picture = Picture(160, 120)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/shot.png"
            port = self.display.where[1]
            with subprocess.Popen(["gvnccapture", f"127.0.0.1:{port - 5900}", path], stdout=subprocess.DEVNULL) as capture:
                link = self.display.link()
                link.hello()
                link.show(picture)
                self.assertEqual(capture.wait(30), 0)
            width, height, pixels = read_png(path)
        self.assertEqual((width, height), (160, 120))
        expected = picture.expected()
        self.assertEqual(pixels, bytes(expected[at + 2 - colour] for at in range(0, len(expected), 3) for colour in range(3)))


def read_png(path):
    """Width, height and pixels, 3 bytes each: 8 bits, no palette, not interlaced."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", data, at + 8)
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    assert depth == 8 and colour in (2, 6), (depth, colour)
    step = 3 if colour == 2 else 4
    raw, line, lines = zlib.decompress(packed), bytes(width * step), []
    for y in range(height):
        start = y * (width * step + 1)
        line = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + width * step]), line, step)
        lines.append(line)
    return width, height, b"".join(line[x * step:x * step + 3] for line in lines for x in range(width))


def unfilter(how, line, above, step):
    for i, byte in enumerate(line):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = left + above[i] - corner
        nearest = min((left, above[i], corner), key=lambda one: abs(guess - one))
        line[i] = (byte + [0, left, above[i], (left + above[i]) // 2, nearest][how]) & 255
    return bytes(line)


class Input(Case):
    def test_keys_by_what_is_printed_on_them(self):
        viewer, link = self.view()
        for symbol, key in ((ord("a"), KEY_A), (0xffe1, KEY_LEFTSHIFT), (ord("A"), KEY_A), (0xff0d, KEY_ENTER)):
            viewer.key(symbol, True)
            self.assertEqual(link.hear(), (INPUT, [(EV_KEY, key, 1)]))
            viewer.key(symbol, False)
            self.assertEqual(link.hear(), (INPUT, [(EV_KEY, key, 0)]))

    def test_keys_that_there_are_not(self):
        viewer, link = self.view()
        for symbol in (0, 0x1000000, 0xffffffff, 0xe4):
            viewer.key(symbol, True)
        viewer.key(ord("a"), True)
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, KEY_A, 1)]))

    def test_keys_by_where_they_are(self):
        viewer, link = self.view(Picture(20, 20))
        while not viewer.qemu_keys:
            viewer.ask(True)
            viewer.hear()
        viewer.qemu_key(ord("q"), 0x1e, True)  # of a French keyboard
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, KEY_A, 1)]))
        viewer.qemu_key(0, 0x9d, True)
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, KEY_RIGHTCTRL, 1)]))
        viewer.qemu_key(ord("a"), 0xff, False)  # a place that nobody knows
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, KEY_A, 0)]))

    def test_a_tablet(self):
        viewer, link = self.view(Picture(101, 51))
        viewer.pointer(50, 50, 0)
        self.assertEqual(link.hear(), (INPUT, [(EV_ABS, 0, 16383), (EV_ABS, 1, 32767)]))
        viewer.pointer(50, 50, 1)
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, BTN_LEFT, 1)]))
        viewer.pointer(0, 50, 4)
        self.assertEqual(link.hear(), (INPUT, [(EV_ABS, 0, 0), (EV_KEY, BTN_LEFT, 0), (EV_KEY, BTN_RIGHT, 1)]))
        viewer.pointer(0, 50, 4 | 8)
        self.assertEqual(link.hear(), (INPUT, [(EV_REL, REL_WHEEL, 1)]))
        viewer.pointer(0, 50, 16)
        self.assertEqual(link.hear(), (INPUT, [(EV_KEY, BTN_RIGHT, 0), (EV_REL, REL_WHEEL, -1)]))
        viewer.pointer(60000, 60000, 0)  # beyond
        self.assertEqual(link.hear(), (INPUT, [(EV_ABS, 0, 32767)]))

    def test_a_mouse(self):
        viewer, link = self.view(Picture(100, 100), pointer=RELATIVE)
        viewer.pointer(10, 10, 0)
        viewer.pointer(15, 7, 0)
        self.assertEqual(link.hear(), (INPUT, [(EV_REL, REL_X, 5), (EV_REL, REL_Y, -3)]))

    def test_a_size_that_is_wished_for(self):
        viewer, link = self.view(Picture(100, 100))
        viewer.wish(640, 480)
        self.assertEqual(link.hear(), (RESIZE, (640, 480)))
        viewer.wish(3, 3)
        viewer.wish(60000, 480)
        viewer.wish(800, 600)
        self.assertEqual(link.hear(), (RESIZE, (800, 600)))
        self.assertEqual((viewer.width, viewer.height), (100, 100), "the guest has not followed")

    def test_without_devices_nothing_is_said(self):
        viewer, link = self.view()
        link.hello(keyboard=0, pointer=0)
        time.sleep(0.2)
        viewer.key(ord("a"), True)
        viewer.pointer(3, 3, 1)
        viewer.wish(64, 64)
        self.assertEqual(link.hear(), (RESIZE, (64, 64)))


class Passwords(Case):
    password = "secret"

    def test_right(self):
        picture = Picture(20, 20)
        viewer, _ = self.view(picture, password="secret")
        self.assertEqual(viewer.security, b"\2", "and no way around it")
        self.assertEqual(viewer.picture(), picture.expected())

    def test_wrong(self):
        began = time.monotonic()
        with self.assertRaises((PermissionError, Closed)):
            Viewer(self.display.where, "Secret").begin()
        self.assertGreater(time.monotonic() - began, 0.9, "who tries them all needs long")
        self.assertTrue(self.display.link().ended())

    def test_without(self):
        with self.assertRaises(AssertionError):
            Viewer(self.display.where).begin()


class UnixSocket(Case):
    unix = True

    def test_a_picture(self):
        picture = Picture(20, 20)
        viewer, _ = self.view(picture)
        self.assertEqual(viewer.picture(), picture.expected())


class Hostile(Case):
    """Neither side can do more than end its own session."""

    def still_works(self):
        picture = Picture(20, 20)
        viewer, link = self.view(picture)
        self.assertEqual(viewer.picture(), picture.expected())
        viewer.close()
        self.assertTrue(link.ended())
        self.assertIsNone(self.display.process.poll())

    def refused(self, say):
        viewer, link = self.view()
        say(link)
        while not link.ended():
            pass
        with self.assertRaises((Closed, ConnectionError)):
            while True:
                viewer.ask(True)
                viewer.hear()

    def test_pictures_that_are_not_sealed(self):
        for seals in (0, fake_guest.F_SEAL_SHRINK, fake_guest.F_SEAL_GROW):
            self.refused(lambda link: link.show(Picture(20, 20, seals=seals)))
        self.still_works()

    def test_a_picture_larger_than_its_memory(self):
        picture = Picture(20, 20)
        picture.height = 2000
        picture.size = 20 * 4 * 2000
        self.refused(lambda link: link.show(picture))
        self.still_works()

    def test_pictures_that_cannot_be(self):
        for change in ({"width": 0}, {"height": 0}, {"width": 9000}, {"stride": 79}, {"stride": 2**32 - 1}, {"offset": 1},
                       {"offset": 2**64 - 1}, {"format": 3000}, {"size": 2**63}, {"height": 2**32 - 1}):
            with self.subTest(change):
                picture = Picture(20, 20)
                vars(picture).update(change)
                self.refused(lambda link: link.show(picture))
        self.still_works()

    def test_messages_that_are_none(self):
        sound = fake_guest.message
        for data in (b"", b"x", sound(99), sound(0), sound(INPUT, b"\1\0\36\0\1\0\0\0", 1), sound(1, struct.pack("=III", 2, 1, 1)),
                     sound(1, struct.pack("=III", 1, 1, 9)), sound(fake_guest.SCANOUT), sound(fake_guest.OFF) + b"more",
                     sound(fake_guest.CURSOR, struct.pack("=IIII", 1, 1, 0, 0)), sound(fake_guest.CURSOR, struct.pack("=IIII", 1, 0, 64, 0)),
                     sound(fake_guest.CURSOR, struct.pack("=IIII", 9, 0, 0, 0))):
            with self.subTest(data[:8]):
                self.refused(lambda link: link.socket.send(data))
        self.still_works()

    def test_more_descriptors_than_belong_there(self):
        def two(link):
            picture = Picture(20, 20)
            socket.send_fds(link.socket, [picture.said()], [picture.fd, picture.fd])

        def needless(link):
            socket.send_fds(link.socket, [fake_guest.message(fake_guest.OFF)], [0])

        self.refused(two)
        self.refused(needless)
        self.refused(lambda link: socket.send_fds(link.socket, [Picture(20, 20).said()], [0]))
        self.still_works()

    def test_viewers_that_talk_nonsense(self):
        chance = random.Random(7)
        for stage in range(24):
            viewer = socket.create_connection(self.display.where, 10)
            link = self.display.link()
            link.hello()
            link.off()
            for piece in (b"RFB 003.008\n", b"\1", b"\1")[:stage % 4]:
                viewer.sendall(piece)
            try:
                viewer.sendall(chance.randbytes(4096))
                viewer.shutdown(socket.SHUT_WR)
                while viewer.recv(65536):
                    pass
            except OSError:
                pass
            viewer.close()
            while not link.ended():
                pass
            link.close()
        self.still_works()

    def test_a_session_that_is_killed_is_nobody_elses_end(self):
        picture = Picture(20, 20)
        viewer, link = self.view(picture)
        victim = children_of(self.display.process.pid)[0]
        other, _ = self.view(picture)
        os.kill(victim, signal.SIGKILL)
        self.assertTrue(link.ended())
        with self.assertRaises((Closed, ConnectionError)):
            viewer.picture()
        self.assertEqual(other.picture(), picture.expected())
        self.still_works()

    def test_one_viewer_too_many_waits(self):
        views = [self.view() for _ in range(8)]
        late = socket.create_connection(self.display.where, 10)
        late.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            late.recv(12)
        views[3][0].close()
        self.assertTrue(views[3][1].ended())
        late.settimeout(10)
        self.assertTrue(late.recv(12).startswith(b"RFB"))
        late.close()

    def test_it_ends_with_the_guest_process(self):
        viewer, _ = self.view(Picture(20, 20))
        self.display.channel.close()
        self.assertEqual(self.display.process.wait(10), 0)
        with self.assertRaises((Closed, ConnectionError)):
            viewer.picture()

    def test_a_session_has_no_descriptors_but_its_own(self):
        self.view(Picture(20, 20))
        pid = children_of(self.display.process.pid)[0]
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= 5)
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = file.read()
        if os.environ.get("RASTOS_SANITIZE", "0") == "0":
            self.assertIn("Seccomp:\t2", status)
        self.assertIn("NoNewPrivs:\t1", status)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=1, warnings="ignore")
