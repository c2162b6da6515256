"""The commands on a terminal: tables that fit it, colour, progress, consoles, and a terminal that is whole afterwards."""

import select
import struct
import unicodedata

from manager import *
from terminal import Terminal


def prints(text):
    """Machine code that prints text on the serial port."""
    return b"".join(b"\xba\xf8\x03\x00\x00\xb0" + bytes([c]) + b"\xee" for c in text)


def width(text):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 0 if unicodedata.combining(letter) else 1
               for letter in text)


class TerminalTest(ManagerTest):
    def shown(self, *arguments, code=DONE, **how):
        terminal = Terminal(self, *arguments, **how)
        self.assertEqual(terminal.end(), code, terminal.text)
        return terminal


class Tables(TerminalTest):
    def test_fits_the_terminal(self):
        self.define_file("a-guest-whose-name-is-longer-than-usual")
        self.define_file("b", kernel="nothing", autostart=False)
        self.up()
        self.run_program("start", "b")
        for columns in (200, 100, 80, 60, 40, 20, 5, 1):
            with self.subTest(columns):
                lines = self.shown("list", columns=columns, NO_COLOR="1").lines()
                self.assertEqual(len(lines), 3)
                self.assertLessEqual(max(width(line) for line in lines), columns, lines)
                if columns == 80:
                    self.assertIn("\u2026", lines[2])
                    self.assertIn("failed", lines[2])

    def test_narrow_terminal_does_without_spare_columns(self):
        self.define_file("web")
        self.up()
        wide = self.shown("stats", columns=120).text
        narrow = self.shown("stats", columns=74).text
        for word in (b"AVERAGE", b"OVERHEAD"):
            self.assertIn(word, wide)
            self.assertNotIn(word, narrow)
        self.assertIn(b"SENT", narrow)

    def test_colours_on_a_terminal_only_and_not_against_the_user(self):
        self.define_file("web")
        self.up()
        self.assertIn(b"\x1b[32mrunning", self.shown("list").text)
        self.assertIn(b"\x1b[1mNAME", self.shown("list").text)
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn(b"\x1b", self.shown("list", **environment).text)
        self.assertIn(b"\x1b[32m", self.shown("list", NO_COLOR="").text)  # no-color.org: when it is not empty

    def test_without_a_locale_there_is_no_letter_that_is_not_ascii(self):
        self.define_file("web", kernel="nothing", autostart=False)
        self.up()
        self.run_program("start", "web")
        self.shown("list", columns=70, LC_ALL="C").text.decode("ascii")


class Logs(TerminalTest):
    def test_control_characters_are_visible(self):
        self.write("talk.elf", elf_kernel(code=prints("caf\u00e9 \x1b[31mred\x07\x7f \x9b1m \u202e!\r\n".encode() + b"\xff\xc3(end")))
        self.define_file("talk", "talk")
        self.up()
        wait_until(lambda: "end" in self.run_program("logs", "-n", "0", "talk").output or
                   b"end" in self.read("run/guests/talk/console.log"))
        self.assertEqual(self.shown("logs", "talk").text.decode(), "caf\u00e9 ^[[31mred^G^? ?1m ?!\r\r\n??(end")


class Progress(TerminalTest):
    def test_waiting_says_for_what_and_leaves_nothing(self):
        self.define_file("slow", autostart=False, ready="notify")
        self.up()
        terminal = self.shown("start", "--wait", "-t", "1", "slow", code=TIMED_OUT)
        self.assertIn(b"guest slow: starting", terminal.text)
        self.assertTrue(terminal.text.endswith(b"\r\x1b[Krastos-vmm: guest slow: is not ready in time\r\n"), terminal.text)

    def test_down_says_whom_it_waits_for(self):
        self.define_file("web")
        self.define_file("db")
        self.up()
        terminal = self.shown("down", "-t", "1")
        self.assertRegex(terminal.text, rb"waiting for (web, db|db, web)")
        self.assertTrue(terminal.text.endswith(b"\r\x1b[K"), terminal.text)

    def test_create_says_that_it_is_ready(self):
        self.up()
        terminal = self.shown("create", "web", "--image", "sleep.elf", "-m", "16", "--ready", "started")
        self.assertRegex(terminal.text, rb"guest web: ready after \d+\.\d s\r\n$")


class Console(TerminalTest):
    def setUp(self):
        super().setUp()
        self.write("echo.elf", elf_kernel(code=prints(b"hello\r\n") + ECHO))
        self.define_file("echo", "echo")
        self.up()

    def attach(self, *arguments):
        terminal = Terminal(self, "console", *arguments, "echo")
        terminal.until(b"hello")  # what was printed before
        return terminal

    def assert_restored(self, terminal):
        self.assertEqual(terminal.settings(), terminal.before)

    def test_keys_reach_the_guest_and_the_escape_leaves(self):
        terminal = self.attach()
        self.assertNotEqual(terminal.settings(), terminal.before)
        self.assertIn(b"Attached to echo. Ctrl-] leaves.", terminal.text)
        terminal.type(b"a\x03b")
        terminal.until(b"a\x03b")
        terminal.type(b"\x1d")
        self.assertEqual(terminal.end(), DONE)
        self.assert_restored(terminal)
        self.assertEqual(self.state("echo"), "running")

    def test_other_keys_leave(self):
        terminal = self.attach("--detach-keys", "ctrl-p,ctrl-q")
        self.assertIn(b"ctrl-p,ctrl-q leaves", terminal.text)
        terminal.type(b"\x1d1\x10")
        terminal.until(b"\x1d1")
        terminal.type(b"2")
        terminal.until(b"\x1d1\x102")  # the held one comes with the next
        terminal.type(b"\x10\x11")
        self.assertEqual(terminal.end(), DONE)
        self.assert_restored(terminal)

    def test_bad_keys(self):
        for keys in ("", "ctrl-", "ctrl-1", "esc", "a,,b,", "ctrl-a," * 8 + "b"):
            self.usage(["--detach-keys"], "console", "--detach-keys", keys, "echo")

    def test_terminal_is_whole_after_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(number):
                terminal = self.attach()
                terminal.process.send_signal(number)
                self.assertEqual(terminal.end(), -number)
                self.assert_restored(terminal)

    def test_terminal_that_takes_nothing_is_whole_after_signals(self):
        self.write("flood.elf", elf_kernel(code=prints(b"hello\r\n") + prints(b"x" * 400) + b"\xe9" + struct.pack("<i", -400 * 8 - 5)))
        self.ok("define", self.write("flood.json", json.dumps(self.definition("flood", "flood", vsock={"cid": 4}))))
        self.ok("start", "flood")
        terminal = Terminal(self, "console", "flood")
        terminal.until(b"xxx")
        wait_until(lambda: not select.select([], [terminal.theirs], [], 0)[1], 20)
        time.sleep(0.3)
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.process.wait(5), -signal.SIGTERM)
        self.assert_restored(terminal)
        self.ok("kill", "flood")

    def test_guest_that_ends_ends_it(self):
        terminal = self.attach()
        self.ok("kill", "--wait", "echo")
        self.assertEqual(terminal.end(), DONE)
        self.assertIn(b"guest echo: off", terminal.text)
        self.assert_restored(terminal)

    def test_console_goes_on_without_the_manager_and_with_the_next(self):
        terminal = self.attach()
        self.kill_manager()
        terminal.type(b"alone")
        terminal.until(b"alone")
        self.up()
        terminal.type(b"again")
        terminal.until(b"again")
        self.assertEqual(terminal.text.count(b"hello"), 1)
        self.assertIsNone(terminal.process.poll())

    def test_attaches_again_after_a_reboot_although_the_manager_changed(self):
        terminal = self.attach()
        self.kill_manager()
        self.up()
        self.ok("reboot", "--timeout", "0", "echo")
        wait_until(lambda: terminal.read(0.01).count(b"hello") == 2)
        terminal.type(b"second")
        terminal.until(b"second")


class Log(TerminalTest):
    """Whatever standard error the manager has, its guests' processes have the writing end of a pipe."""

    def is_a_pipe_to_write_to(self):
        self.wait_state("web", "running")
        process = f"/proc/{self.guest('web')['pid']}"
        self.assertTrue(os.readlink(process + "/fd/2").startswith("pipe:"))
        with open(process + "/fdinfo/2") as file:
            flags = next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))
        self.assertEqual(flags & (os.O_ACCMODE | os.O_NONBLOCK), os.O_WRONLY | os.O_NONBLOCK)

    def test_manager_on_a_terminal(self):
        self.define_file("web")
        terminal = Terminal(self, "up", "--no-console")
        wait_until(self.listens)
        self.is_a_pipe_to_write_to()
        self.ok("down", "--force")
        self.assertEqual(terminal.end(), DONE)

    def test_manager_with_a_file(self):
        self.define_file("web")
        with open(self.path("log"), "wb") as log:
            process = subprocess.Popen([PROGRAM, "--config", "vmm.json", "up", "--no-console"], cwd=self.folder.name,
                                       stdin=subprocess.DEVNULL, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(self.listens)
        self.is_a_pipe_to_write_to()

    def test_manager_in_the_background(self):
        self.define_file("web")
        self.up()
        self.is_a_pipe_to_write_to()


class Top(TerminalTest):
    def test_is_live_and_leaves_the_screen_as_it_was(self):
        self.define_file("web")
        self.define_file("db")
        self.up()
        terminal = Terminal(self, "top", "-d", "1", rows=6)
        terminal.until(b"GUEST")
        self.assertTrue(terminal.text.startswith(b"\x1b[?1049h"))
        pictures = terminal.text.count(b"\x1b[H\x1b[J")
        terminal.type(b"n")  # renewed at once
        wait_until(lambda: terminal.read(0.01).count(b"\x1b[H\x1b[J") > pictures, 1)
        picture = terminal.read().rsplit(b"\x1b[H\x1b[J", 1)[1]
        self.assertLess(picture.index(b"db"), picture.index(b"web"))
        wait_until(lambda: terminal.read(0.01).count(b"\x1b[H\x1b[J") > pictures + 1, 3)
        terminal.type(b"q")
        self.assertEqual(terminal.end(), DONE)
        self.assertTrue(terminal.text.endswith(b"\x1b[?25h\x1b[?1049l"))
        self.assertEqual(terminal.settings(), terminal.before)

    def test_screen_is_whole_after_signals(self):
        self.define_file("web")
        self.up()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            terminal = Terminal(self, "top")
            terminal.until(b"GUEST")
            terminal.process.send_signal(number)
            self.assertEqual(terminal.end(), DONE)
            self.assertTrue(terminal.text.endswith(b"\x1b[?25h\x1b[?1049l"))
            self.assertEqual(terminal.settings(), terminal.before)

    def test_more_guests_than_lines(self):
        for i in range(12):
            self.define_file(f"g{i}")
        self.up()
        terminal = Terminal(self, "top", rows=8, columns=60)
        terminal.until(b"GUEST")
        time.sleep(0.2)
        picture = terminal.read().split(b"\x1b[H\x1b[J")[1]
        self.assertLessEqual(picture.count(b"\n"), 7)
        terminal.type(b"q")
        self.assertEqual(terminal.end(), DONE)


if __name__ == "__main__":
    main()
