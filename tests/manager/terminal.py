"""A command on a terminal of its own."""

import fcntl
import pty
import select
import struct
import termios

from manager import *


class Terminal:
    def __init__(self, test, *arguments, columns=80, rows=24, **environment):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.text = b""
        names = {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment
        self.process = subprocess.Popen([PROGRAM, "--config", "vmm.json", *arguments], cwd=test.folder.name,
                                        stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True,
                                        env={"PATH": os.environ["PATH"]} | names)
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def read(self, seconds=0.05):
        while select.select([self.ours], [], [], seconds)[0]:
            self.text += os.read(self.ours, 65536)
        return self.text

    def until(self, word, seconds=10):
        wait_until(lambda: word in self.read(0.01), seconds)

    def type(self, keys):
        os.write(self.ours, keys)

    def end(self):
        wait_until(lambda: (self.read(0.01), self.process.poll() is not None)[1])
        self.read()
        return self.process.returncode

    def settings(self):
        return termios.tcgetattr(self.theirs)

    def lines(self):
        return self.text.decode().replace("\r\n", "\n").splitlines()

    def resize(self, columns, rows):
        """As a terminal emulator does when its window changes."""
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)
