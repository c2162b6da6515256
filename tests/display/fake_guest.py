"""A guest process for rastos-display: it shows what the test wants, and hears what viewers do (vmm/display/wire.h)."""
import ctypes
import fcntl
import os
import random
import socket
import struct
import subprocess
import tempfile

HELLO, SCANOUT, OFF, FLUSH, CURSOR, MOVE, LEDS = range(1, 8)
INPUT, RESIZE = 32, 33
RELATIVE, ABSOLUTE = 1, 2
SIZE = 8 + 16 * 8
CHANNEL, LISTENER = 4, 5

# VIRTIO_GPU_FORMAT_*: the order of a pixel's bytes
FORMATS = {1: "bgra", 2: "bgrx", 3: "argb", 4: "xrgb", 67: "rgba", 68: "xbgr", 121: "abgr", 134: "rgbx"}

F_ADD_SEALS, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE = 1033, 2, 4, 8


def message(kind, data=b"", count=0):
    return (struct.pack("=II", kind, count) + data).ljust(SIZE, b"\0")


class Picture:
    """Of chance, in a sealed memfd."""

    def __init__(self, width, height, form=2, seals=F_SEAL_SHRINK | F_SEAL_GROW, offset=0, stride=None, seed=1):
        self.width, self.height, self.format, self.offset = width, height, form, offset
        self.stride = stride or width * 4
        self.size = offset + self.stride * height
        self.fd = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.bytes = bytearray(random.Random(seed).randbytes(self.size))
        os.pwrite(self.fd, self.bytes, 0)
        if seals:
            fcntl.fcntl(self.fd, F_ADD_SEALS, seals)

    def expected(self):
        """As a viewer with blue first has it, without the fourth byte."""
        order = [FORMATS[self.format].index(colour) for colour in "bgr"]
        lines = []
        for y in range(self.height):
            at = self.offset + y * self.stride
            lines.append(bytes(self.bytes[at + x * 4 + place] for x in range(self.width) for place in order))
        return b"".join(lines)

    def change(self, x, y, colour):
        at = self.offset + y * self.stride + x * 4
        self.bytes[at:at + 4] = colour
        os.pwrite(self.fd, colour, at)

    def said(self):
        return message(SCANOUT, struct.pack("=IIIIQQ", self.width, self.height, self.stride, self.format, self.offset, self.size))


class Link:
    """One viewer's."""

    def __init__(self, fd):
        self.socket = socket.socket(fileno=fd)
        self.socket.settimeout(5)

    def hello(self, keyboard=1, pointer=ABSOLUTE):
        self.socket.send(message(HELLO, struct.pack("=III", 1, keyboard, pointer)))

    def show(self, picture):
        socket.send_fds(self.socket, [picture.said()], [picture.fd])

    def flush(self, x, y, width, height):
        self.socket.send(message(FLUSH, struct.pack("=IIII", x, y, width, height)))

    def off(self):
        self.socket.send(message(OFF))

    def hear(self):
        """(kind, [(type, code, value)...]) or (RESIZE, (width, height)); None at its end."""
        data = self.socket.recv(65536)
        if not data:
            return None
        assert len(data) == SIZE, len(data)
        kind, count = struct.unpack_from("=II", data)
        if kind == RESIZE:
            return kind, struct.unpack_from("=II", data, 8)
        return kind, [struct.unpack_from("=HHi", data, 8 + 8 * i) for i in range(count)]

    def ended(self):
        try:
            return self.hear() is None
        except ConnectionError:
            return True

    def close(self):
        self.socket.close()


class Display:
    """rastos-display, started as rastos-vmm does, without the jail, which wants what the manager has."""

    def __init__(self, program, password="", unix=False):
        self.folder = tempfile.TemporaryDirectory()
        if unix:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.where = f"{self.folder.name}/vnc"
            listener.bind(self.where)
        else:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind(("127.0.0.1", 0))
            self.where = listener.getsockname()
        listener.listen(16)
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(5)
        secret = os.memfd_create("password", os.MFD_CLOEXEC)
        os.write(secret, password.encode())
        places = {3: secret, CHANNEL: theirs.fileno(), LISTENER: listener.fileno()}

        def place():
            ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: it ends with the test
            lifted = {at: fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for at, fd in places.items()}
            for at, fd in lifted.items():
                os.dup2(fd, at)

        self.process = subprocess.Popen([program, "desk"], preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL)
        for one in (listener, theirs):
            one.close()
        os.close(secret)
        assert self.channel.recv(16) == b"R"

    def link(self):
        """Of the viewer that has just connected."""
        data, fds, _, _ = socket.recv_fds(self.channel, 16, 1)
        assert data == b"L" and len(fds) == 1
        return Link(fds[0])

    def close(self):
        self.channel.close()
        self.process.wait(20)
        self.folder.cleanup()
