"""A viewer that speaks RFB (RFC 6143) as far as the tests need it, in raw pixels."""
import socket
import struct

RAW, DESKTOP_SIZE, EXTENDED_SIZE, QEMU_KEY = 0, -223, -308, -258


class Closed(Exception):
    pass


def reversed_bits(byte):
    return int(f"{byte:08b}"[::-1], 2)


class Viewer:
    """Connected to (host, port) or to the path of a unix socket."""

    def __init__(self, where, password=None, encodings=(RAW, DESKTOP_SIZE, EXTENDED_SIZE, QEMU_KEY)):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(5)
        self.socket.connect(where)
        self.qemu_keys = False
        self.password, self.encodings = password, encodings

    def begin(self):
        encodings = self.encodings
        self.handshake(self.password)
        self.socket.sendall(struct.pack(">BxH", 2, len(encodings)) + struct.pack(f">{len(encodings)}i", *encodings))

    def close(self):
        self.socket.close()

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise Closed
            data += piece
        return data

    def handshake(self, password):
        assert self.read(12).startswith(b"RFB 003.")
        self.socket.sendall(b"RFB 003.008\n")
        kinds = self.read(self.read(1)[0])
        self.security = kinds
        if password is None:
            assert 1 in kinds, kinds
            self.socket.sendall(b"\1")
        else:
            assert 2 in kinds and 1 not in kinds, kinds
            self.socket.sendall(b"\2")
            self.socket.sendall(des_response(self.read(16), password))
        if struct.unpack(">I", self.read(4))[0]:
            raise PermissionError("wrong password")
        self.socket.sendall(b"\1")
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.read(struct.unpack(">I", self.read(4))[0]).decode()
        # 32 bits, blue first
        self.socket.sendall(struct.pack(">Bxxx BBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.pixels = bytearray(self.width * self.height * 4)

    def ask(self, incremental=False):
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def hear(self):
        """One message; of an update, its rectangles."""
        kind = self.read(1)[0]
        if kind == 0:
            count = struct.unpack(">xH", self.read(3))[0]
            return [self.rectangle() for _ in range(count)]
        if kind == 2:
            return ["bell"]
        if kind == 3:
            self.read(struct.unpack(">xxxI", self.read(7))[0])
            return ["text"]
        raise AssertionError(f"message {kind}")

    def rectangle(self):
        x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
        if encoding == RAW:
            self.paint(x, y, width, height, self.read(width * height * 4))
        elif encoding == QEMU_KEY:
            self.qemu_keys = True
        elif encoding in (DESKTOP_SIZE, EXTENDED_SIZE):
            if encoding == EXTENDED_SIZE:
                self.read(16 * self.read(4)[0])
            if (width, height) != (self.width, self.height):
                self.width, self.height = width, height
                self.pixels = bytearray(width * height * 4)
        else:
            raise AssertionError(f"encoding {encoding}")
        return (encoding, x, y, width, height)

    def paint(self, x, y, width, height, data):
        for line in range(height):
            at = ((y + line) * self.width + x) * 4
            self.pixels[at:at + width * 4] = data[line * width * 4:(line + 1) * width * 4]

    def picture(self):
        """All of it, as lines of (blue, green, red)."""
        self.ask()
        covered = 0
        while covered < self.width * self.height:
            covered += sum(one[3] * one[4] for one in self.hear() if one[0] == RAW)
            self.ask(True)
        return colours(self.pixels)

    def key(self, symbol, down):
        self.socket.sendall(struct.pack(">BBxxI", 4, down, symbol))

    def qemu_key(self, symbol, code, down):
        self.socket.sendall(struct.pack(">BBHII", 255, 0, down, symbol, code))

    def pointer(self, x, y, buttons):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def wish(self, width, height):
        self.socket.sendall(struct.pack(">BxHHBx IHHHHI", 251, width, height, 1, 1, 0, 0, width, height, 0))


def colours(pixels):
    """Without the byte that means nothing."""
    return bytes(byte for at in range(0, len(pixels), 4) for byte in pixels[at:at + 3])


def des_response(challenge, password):
    """DES with the password as its key, each byte's bits the other way round (7.2.2): by openssl."""
    import subprocess

    key = bytes(reversed_bits(byte) for byte in password.encode()[:8].ljust(8, b"\0"))
    return subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider", "legacy", "-provider", "default"],
                          input=challenge, stdout=subprocess.PIPE, check=True).stdout
