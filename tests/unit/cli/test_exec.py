"""rastos-vmm exec and cp, with the guest's real helper at the other end and no guest between: a manager that is the test
hands each connection to rinit-exec, as guest and vsock do, or plays a guest that is an enemy.

Started as `test_exec.py PROGRAM SOURCE_FOLDER RINITCTL`.
"""

import fcntl
import io
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import termios
import threading
import time

RINITCTL = os.path.abspath(sys.argv.pop(3))

from program import *

INPUT, OUTPUT, ERROR, CREDIT, EXIT = 2, 16, 17, 18, 19  # common/exec_wire.h
EXITED, SIGNALED, CANNOT = 0, 1, 2
TIMED_OUT, LOST = 5, 125
MEGABYTE = 1 << 20
BUSYBOX = shutil.which("busybox")


def frame(kind, payload=b""):
    return struct.pack("<BxxxI", kind, len(payload)) + payload


def exited(status=0):
    return frame(EXIT, bytes([EXITED, status]))


class Manager(threading.Thread):
    """Answers vsock-connect, then lets guest(connection) be the guest."""

    def __init__(self, path, guest):
        super().__init__(daemon=True)
        self.guest = guest
        self.requests = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.serve(connection)

    def serve(self, connection):
        line = b""
        while line.strip() == b"" or not line.endswith(b"\n"):
            line += connection.recv(1)
        request = json.loads(line)
        self.requests.append(request)
        if request["guest"] == "nosuch":
            answer = {"id": request["id"], "ok": False, "code": NO_GUEST, "error": "no guest is named nosuch"}
        else:
            answer = {"id": request["id"], "ok": True}
        connection.sendall(json.dumps(answer).encode() + b"\n")
        if answer["ok"]:
            self.guest(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def run_helper(connection, program=RINITCTL, **options):
    """What the guest's socket unit does."""
    connection.sendall(b"OK 1073741824\n")

    def prepare():
        os.dup2(connection.fileno(), 3)
        os.set_inheritable(3, True)

    return subprocess.Popen(["rinit-exec"], executable=program, env={"LISTEN_FDS": "1"}, pass_fds=[3],
                            preexec_fn=prepare, stdin=subprocess.DEVNULL, start_new_session=True, **options)


class ExecTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.helpers = []
        self.manager = Manager(self.path("control"), self.guest)
        self.addCleanup(self.manager.close)

    def guest(self, connection):
        self.helpers.append(run_helper(connection))

    def helper(self):
        """The first one; the manager's thread may not have noted it yet."""
        while not self.helpers:
            time.sleep(0.01)
        return self.helpers[0]

    def command(self, *arguments):
        return [PROGRAM, "--connect", self.path("control"), *arguments]

    def run_command(self, *arguments, data=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL if data is None else None)
        if data is not None:
            options["input"] = data
            options.pop("stdin")
        return subprocess.run(self.command(*arguments), cwd=self.folder.name, capture_output=True, timeout=30,
                              **options)

    def run_in_guest(self, *words, data=None, options=()):
        return self.run_command("exec", *options, "web", "--", *words, data=data)

    def ends(self, helper, seconds=8):
        self.assertIsNotNone(helper.wait(seconds))


class Exec(ExecTest):
    def test_output_and_error_come_apart(self):
        done = self.run_in_guest("sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.stdout, done.stderr, done.returncode), (b"out\n", b"err\n", 0))
        self.assertEqual(self.manager.requests[0]["op"], "vsock-connect")
        self.assertEqual(self.manager.requests[0]["port"], 9998)

    def test_exit_status_is_the_commands(self):
        for status in (0, 1, 3, 42, 255):
            self.assertEqual(self.run_in_guest("sh", "-c", f"exit {status}").returncode, status)

    def test_death_by_a_signal_is_128_and_its_number(self):
        self.assertEqual(self.run_in_guest("sh", "-c", "kill -KILL $$").returncode, 137)

    def test_command_that_is_not_there_is_127_and_one_that_cannot_run_126(self):
        done = self.run_in_guest("no-such-command")
        self.assertEqual(done.returncode, 127)
        self.assertEqual(done.stderr, b"rastos-vmm: guest web: no-such-command: No such file or directory\n")
        done = self.run_in_guest("/etc/passwd")
        self.assertEqual(done.returncode, 126)
        self.assertEqual(done.stderr, b"rastos-vmm: guest web: /etc/passwd: Permission denied\n")
        for options, words in ((["-w", "/no/such"], b"/no/such"), (["-u", "nobody-here"], b"no user nobody-here"),
                               (["-u", ":x"], b"no user :x")):
            done = self.run_in_guest("true", options=options)
            self.assertEqual(done.returncode, 126)
            self.assertIn(words, done.stderr)

    def test_standard_input_is_empty_without_i(self):
        self.assertEqual(self.run_in_guest("cat", data=b"not for you").stdout, b"")

    def test_ten_megabytes_go_through_and_back(self):
        data = os.urandom(10 * MEGABYTE)
        done = self.run_in_guest("cat", data=data, options=["-i"])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, data)

    def test_command_that_does_not_read_its_input_ends_all_the_same(self):
        self.assertEqual(self.run_in_guest("true", data=bytes(5 * MEGABYTE), options=["-i"]).returncode, 0)
        self.assertEqual(self.run_in_guest("sh", "-c", "exec <&-; sleep 0.5", data=bytes(5 * MEGABYTE),
                                           options=["-i"]).returncode, 0)

    def test_reader_that_goes_away_ends_the_command(self):
        done = subprocess.run(["sh", "-c", '"$@" | head -n 1', "sh", *self.command("exec", "web", "yes")],
                              capture_output=True, timeout=20)
        self.assertEqual((done.stdout, done.stderr), (b"y\n", b""))
        self.ends(self.helper())

    def test_command_in_the_background_is_not_waited_for(self):
        begin = time.monotonic()
        done = self.run_in_guest("sh", "-c", "sleep 20 & echo started")
        self.assertEqual(done.stdout, b"started\n")
        self.assertLess(time.monotonic() - begin, 10)

    def test_options_are_taken_before_and_behind_the_guest(self):
        for arguments in (["-i", "web", "cat"], ["web", "-i", "--", "cat"], ["web", "-i", "cat"]):
            self.assertEqual(self.run_command("exec", *arguments, data=b"x").stdout, b"x")
        # what is behind the command is the command's
        self.assertEqual(self.run_command("exec", "web", "echo", "-i", "--help").stdout, b"-i --help\n")

    def test_folder_and_environment(self):
        done = self.run_command("exec", "-w", "/usr", "-e", "A=1 2", "-e", "HERE", "-e", "NOT_HERE", "web", "sh", "-c",
                                'pwd; echo "$A/$HERE/${NOT_HERE-unset}/$HOME/$PATH"; env | grep -c LISTEN',
                                env={"HERE": "there", "PATH": os.environ["PATH"]})
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[0], "/usr")
        self.assertRegex(lines[1], r"\A1 2/there/unset/[^/:]*/[^:]*")
        self.assertIn("/usr/local/sbin:", lines[1])
        self.assertEqual(lines[2], "0")
        self.assertEqual(self.run_in_guest("pwd").stdout, b"/\n")

    @unittest.skipUnless(os.geteuid() == 0, "only root becomes another user")
    def test_user_and_group(self):
        done = self.run_in_guest("sh", "-c", "id -un; id -gn; id -G; echo $HOME", options=["-u", "nobody"])
        self.assertEqual(done.stdout.split()[:2], [b"nobody", b"nogroup"])
        self.assertNotIn(b"0", done.stdout.split()[2:-1])
        done = self.run_in_guest("sh", "-c", "id -u; id -g", options=["-u", "1234:sys"])
        self.assertEqual(done.stdout, b"1234\n3\n")

    def test_signals_reach_the_command(self):
        for number, status in ((signal.SIGINT, 7), (signal.SIGTERM, 9)):
            process = subprocess.Popen(self.command("exec", "web", "sh", "-c",
                                                    "trap 'exit 7' INT; trap 'exit 9' TERM; echo up; "
                                                    "while :; do sleep 0.1; done"), stdout=subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"up\n")
            process.send_signal(number)
            self.assertEqual(process.wait(10), status)
            process.stdout.close()

    def test_second_signal_ends_the_session_and_the_command(self):
        process = subprocess.Popen(self.command("exec", "web", "sh", "-c", "trap 'echo heard' INT; echo up; while :; do sleep 1; done"),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"up\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stdout.readline(), b"heard\n")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        process.communicate()
        self.ends(self.helper())

    def test_killed_client_ends_the_command_whatever_it_ignores(self):
        process = subprocess.Popen(self.command("exec", "web", "sh", "-c", "trap '' HUP TERM; echo $$; sleep 100"),
                                   stdout=subprocess.PIPE)
        pid = int(process.stdout.readline())
        process.kill()
        process.communicate()
        self.ends(self.helper())
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_input_that_is_not_read_keeps_no_signal_from_arriving(self):
        process = subprocess.Popen(self.command("exec", "-i", "web", "sh", "-c", "echo up; sleep 100"),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"up\n")
        threading.Thread(target=lambda: self.fill(process.stdin), daemon=True).start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 128 + signal.SIGTERM)
        process.stdout.close()

    @staticmethod
    def fill(pipe):
        try:
            with pipe:
                pipe.write(bytes(MEGABYTE))
        except OSError:
            pass


class Terminal(ExecTest):
    def on_terminal(self, *arguments):
        """The program on a terminal of 91 columns; its other end."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 91, 0, 0))
        before = termios.tcgetattr(theirs)

        def prepare():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(self.command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs,
                                   preexec_fn=prepare, env=dict(os.environ, TERM="vt102"))
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        return process, ours, theirs, before

    def expect(self, fd, text, seconds=10):
        deadline = time.monotonic() + seconds
        seen = b""
        while text not in seen:
            self.assertLess(time.monotonic(), deadline, seen)
            seen += os.read(fd, 4096)
        return seen

    def test_command_has_a_terminal_of_this_ones_size_and_kind(self):
        process, ours, theirs, before = self.on_terminal("exec", "-it", "web", "sh", "-c",
                                                         "tty; stty size; echo $TERM; read -r x; echo got $x; exit 5")
        seen = self.expect(ours, b"vt102")
        self.assertIn(b"/dev/pts/", seen)
        self.assertIn(b"33 91", seen)
        os.write(ours, b"hello\r")
        self.expect(ours, b"got hello")
        self.assertEqual(process.wait(10), 5)
        self.assertEqual(termios.tcgetattr(theirs), before, "the terminal is as it was")

    def test_ctrl_c_goes_to_the_command(self):
        process, ours, *_ = self.on_terminal("exec", "-it", "web", "sh", "-c",
                                             "trap 'echo caught; exit 6' INT; echo up; while :; do sleep 0.1; done")
        self.expect(ours, b"up")
        os.write(ours, b"\x03")
        self.expect(ours, b"caught")
        self.assertEqual(process.wait(10), 6)

    def test_window_size_follows(self):
        process, ours, theirs, _ = self.on_terminal("exec", "-it", "web", "sh", "-c",
                                                    "trap 'stty size; exit' WINCH; echo up; "
                                                    "while :; do sleep 0.1; done")
        self.expect(ours, b"up")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
        self.expect(ours, b"50 132")
        self.assertEqual(process.wait(10), 0)

    def test_all_of_the_output_is_there_when_it_ends(self):
        done = self.run_command("exec", "-t", "web", "seq", "20000")
        self.assertEqual(done.stdout.replace(b"\r", b""), b"".join(b"%d\n" % i for i in range(1, 20001)))

    def test_terminal_alone_needs_none_here(self):
        done = self.run_command("exec", "-t", "web", "tty")
        self.assertIn(b"/dev/pts/", done.stdout)

    def test_keys_that_are_no_terminals_are_refused(self):
        done = self.run_command("exec", "-it", "web", "true", data=b"")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"-t with -i wants a terminal", done.stderr)


class Refused(ExecTest):
    def guest(self, connection):
        connection.close()

    def test_guest_that_does_not_allow_it(self):
        done = self.run_in_guest("true")
        self.assertEqual(done.returncode, REFUSED)
        self.assertEqual(done.stderr, b"rastos-vmm: guest web: does not let the host run commands; in it, "
                                      b"`rinitctl enable --now rastos-exec.socket` does\n")

    def test_guest_that_is_not_there(self):
        done = self.run_command("exec", "nosuch", "true")
        self.assertEqual((done.returncode, done.stderr), (NO_GUEST, b"rastos-vmm: no guest is named nosuch\n"))
        done = self.run_command("cp", "nosuch:/x", ".")
        self.assertEqual(done.returncode, NO_GUEST)

    def test_what_is_missing_is_named(self):
        self.usage(["in which guest"], "exec")
        self.usage(["which command", "web"], "exec", "web")
        self.usage(["which command"], "exec", "web", "--")
        self.usage(["no option --ttx", "--tty"], "exec", "--ttx", "web", "true")
        self.usage(["no option --quit", "--quiet"], "cp", "--quit", "a", "b:/")
        self.usage(["a variable has a name"], "exec", "-e", "=x", "web", "true")
        self.usage(["GUEST:PATH"], "cp", "a")
        self.usage(["neither ./a nor /b"], "cp", "./a", "/b")
        self.usage(["two steps"], "cp", "a:/x", "b:/y")

    def test_command_that_is_too_long(self):
        done = self.run_command("exec", "web", "x" * 70000)
        self.assertEqual(done.returncode, REFUSED)  # by the guest: it is not even asked


class TooLong(ExecTest):
    def test_command_that_is_too_long(self):
        done = self.run_in_guest("echo", "x" * 70000)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"too long", done.stderr)


@unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
class Stranger(ExecTest):
    """The helper is another user's: who connects is not the host."""

    def guest(self, connection):
        shutil.copy(RINITCTL, self.path("rinitctl"))  # where that user may read
        self.stranger = run_helper(connection, self.path("rinitctl"), user=65534, group=65534, extra_groups=[],
                                   stderr=subprocess.PIPE)

    def test_stranger_is_not_served(self):
        done = self.run_in_guest("true")
        self.assertEqual(done.returncode, LOST)
        self.assertEqual(self.stranger.communicate(timeout=20)[1], b"rinit-exec: serves the host only, for rastos-exec.socket\n")

    def test_nobody_is_served_without_a_connection(self):
        for variables in ({}, {"LISTEN_FDS": "2"}):
            done = subprocess.run(["rinit-exec"], executable=RINITCTL, env=variables, capture_output=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"serves the host only", done.stderr)


class EnemyOfTheHelper(ProgramTest):
    """A host that sends the helper what it should not."""

    REQUEST, WINDOW, SIGNAL = 1, 3, 4

    def request(self, *words, flags=2):
        texts = b"\0\0" + b"".join(word.encode() + b"\0" for word in words)
        return frame(self.REQUEST, struct.pack("<BBHHHH", 1, flags, 0, 0, len(words), 0) + texts)

    def says(self, data, hang_up=True):
        """What the helper says to these bytes, and its exit status; nothing may be left behind it."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            helper = run_helper(theirs)
            theirs.close()
            ours.settimeout(20)
            try:
                ours.sendall(data)
                if hang_up:
                    ours.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            said = b""
            try:
                while chunk := ours.recv(65536):
                    said += chunk
            except ConnectionResetError:
                pass
        return said.removeprefix(b"OK 1073741824\n"), helper.wait(20)

    def test_what_is_no_request_is_refused_with_a_sentence(self):
        for data in (b"GET / HTTP/1.0\r\n\r\n", frame(INPUT, b"x"), frame(self.REQUEST), frame(99),
                     frame(self.REQUEST, struct.pack("<BBHHHH", 1, 0, 0, 0, 65535, 0)),
                     frame(self.REQUEST, struct.pack("<BBHHHH", 2, 0, 0, 0, 1, 0) + b"\0\0sh\0"),
                     struct.pack("<BxxxI", self.REQUEST, 1 << 20)):
            said, status = self.says(data)
            self.assertEqual(status, 1)
            if said:  # one that has closed its end may not be told
                self.assertEqual(said[0], EXIT)
                self.assertIn(b"does not understand", said)

    def test_frames_that_are_wrong_end_the_command(self):
        begin = self.request("sh", "-c", "sleep 100")
        for wrong in (frame(INPUT, bytes(65536)) * 3,  # more than a pipe holds and the window
                      frame(INPUT) + frame(INPUT, b"x"),  # after its end
                      frame(self.SIGNAL, b"\0"), frame(self.SIGNAL, b"\x40"), frame(self.SIGNAL), frame(self.SIGNAL, b"12"),
                      frame(self.WINDOW, b"123"), frame(OUTPUT, b"x"), frame(EXIT, b"\0\0"), begin, b"\xff" * 8):
            begun = time.monotonic()
            said, status = self.says(begin + wrong, hang_up=False)
            self.assertIn(said[:1], (b"", bytes([CREDIT])), wrong[:20])  # no exit status: there is none
            self.assertEqual(status, 1, wrong[:20])
            self.assertLess(time.monotonic() - begun, 10)

    def test_host_that_hangs_up_at_any_byte_ends_it(self):
        whole = self.request("sleep", "100") + frame(INPUT, b"x")
        for length in range(0, len(whole), 7):
            said, status = self.says(whole[:length])
            self.assertEqual(status, 1)

    def test_key_that_ends_a_terminals_input_gives_the_host_no_credit(self):
        ours, theirs = socket.socketpair()
        half = 32768  # of the window: so much is credited at once
        with ours:
            helper = run_helper(theirs)
            theirs.close()
            ours.settimeout(20)
            command = f"stty raw -echo; echo up; exec head -c {2 * half} >/dev/null"
            ours.sendall(self.request("sh", "-c", command, flags=3))
            credit = 0
            with ours.makefile("rb") as said:
                self.assertEqual(said.readline(), b"OK 1073741824\n")
                kind = None
                while kind != EXIT:
                    kind, length = struct.unpack("<BxxxI", said.read(8))
                    payload = said.read(length)
                    if kind == OUTPUT:
                        ours.sendall(frame(INPUT, bytes(half)))
                    elif kind == CREDIT:
                        credit += struct.unpack("<I", payload)[0]
                        if credit == half:  # one byte less than the rest; the key makes it whole
                            ours.sendall(frame(INPUT, bytes(half - 1)) + frame(INPUT))
                    elif kind == EXIT:
                        status = payload
        self.assertEqual(status, bytes([EXITED, 0]))  # head closes the terminal before it ends, which hangs nothing up
        self.assertLess(credit, 2 * half, "more than the host has sent")
        helper.wait(20)

    def test_host_that_does_not_read_costs_the_guest_no_memory(self):
        ours, theirs = socket.socketpair()
        with ours:
            helper = run_helper(theirs)
            theirs.close()
            ours.sendall(self.request("yes"))
            time.sleep(1)
            with open(f"/proc/{helper.pid}/status") as file:
                size = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
            self.assertLess(size, 16384)
        self.assertEqual(helper.wait(20), 1)


class Silent(ExecTest):
    def guest(self, connection):
        self.kept = connection.dup()

    def test_guest_that_does_not_answer_is_not_waited_for_long(self):
        done = self.run_in_guest("true")
        self.assertEqual(done.returncode, TIMED_OUT)
        self.assertIn(b"does not answer", done.stderr)


class Enemy(ExecTest):
    """A guest that sends these bytes and goes away."""

    answer = b""

    def guest(self, connection):
        try:
            connection.sendall(b"OK 1\n" + self.answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except OSError:
            pass

    def told(self, answer, *arguments, **options):
        self.answer = answer
        return self.run_command(*(arguments or ("exec", "web", "true")), **options)

    def test_what_is_not_in_the_format_ends_the_session(self):
        for answer in (b"GET / HTTP/1.0\r\n\r\n", frame(99), b"\x10\x01\x00\x00\x00\x00\x00\x00",
                       struct.pack("<BxxxI", OUTPUT, 65537), struct.pack("<BxxxI", OUTPUT, 0xFFFFFFFF),
                       frame(1), frame(INPUT, b"x"), frame(CREDIT, b"123"), frame(CREDIT, struct.pack("<I", 1)),
                       frame(EXIT), frame(EXIT, b"\0"), frame(EXIT, b"\3\0"), frame(EXIT, b"\2\x7e" + b"x" * 256)):
            done = self.told(answer)
            self.assertEqual(done.returncode, LOST, answer)
            self.assertEqual(done.stderr, b"rastos-vmm: guest web: what the guest's helper says is not in its format\n")

    def test_end_before_the_commands_is_named(self):
        for answer in (b"", frame(OUTPUT, b"so far\n"), frame(OUTPUT, b"so far\n")[:-3]):
            done = self.told(answer)
            self.assertEqual(done.returncode, LOST)
            self.assertEqual(done.stderr, b"rastos-vmm: guest web: the connection to the guest ended before the "
                                          b"command did\n")

    def test_sentence_cannot_tell_the_terminal_what_to_do(self):
        done = self.told(frame(EXIT, bytes([CANNOT, 127]) + b"\x1b]0;owned\x07\nrm -rf\x9b"))
        self.assertEqual(done.returncode, 127)
        self.assertEqual(done.stderr, b"rastos-vmm: guest web: ?]0;owned??rm -rf?\n")

    def test_nothing_counts_behind_the_exit(self):
        done = self.told(exited(3) + frame(OUTPUT, b"late"))
        self.assertEqual((done.returncode, done.stdout), (3, b""))

    # ---- archives ----

    def archive(self, *members):
        """A tar of (name, type, link or content, mode) that asks for what no packer would."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, kind, what, mode in members:
                info = tarfile.TarInfo(name)
                info.type, info.mode, info.uid, info.gid = kind, mode, 12345, 12345
                if kind == tarfile.REGTYPE:
                    info.size = len(what)
                    tar.addfile(info, io.BytesIO(what))
                    continue
                info.linkname = what
                info.devmajor, info.devminor = 1, 3
                tar.addfile(info)
        return data.getvalue()

    def copied(self, archive, source="web:/thing", target="into"):
        chunks = [archive[at:at + 60000] for at in range(0, len(archive), 60000)]
        return self.told(b"".join(frame(OUTPUT, chunk) for chunk in chunks) + exited(), "cp", source, target)

    def tree(self):
        found = {}
        for folder, folders, names in os.walk(self.folder.name):
            for name in folders + names:
                path = os.path.join(folder, name)
                if name in ("control", "run", "bin"):
                    continue
                found[os.path.relpath(path, self.folder.name)] = os.lstat(path).st_mode
        return found

    def test_archives_do_not_lead_out_of_their_folder(self):
        """Whatever tar makes of them: nothing is changed outside, and nothing is left."""
        os.mkdir(self.path("into"))
        os.mkdir(self.path("victim"))
        self.write("victim/file", "mine")
        outside = self.path("victim")
        away = "../../../victim"  # from the folder that it is unpacked in
        hostile = [
            [(f"{away}/new", tarfile.REGTYPE, b"x", 0o644)],
            [(f"{outside}/new", tarfile.REGTYPE, b"x", 0o644)],
            [("thing", tarfile.SYMTYPE, outside, 0o777), ("thing/new", tarfile.REGTYPE, b"x", 0o644)],
            [("thing", tarfile.SYMTYPE, away, 0o777), ("thing/new", tarfile.REGTYPE, b"x", 0o644)],
            [("thing", tarfile.DIRTYPE, "", 0o755), ("thing/out", tarfile.SYMTYPE, outside, 0o777),
             ("thing/out/new", tarfile.REGTYPE, b"x", 0o644)],
            [("thing", tarfile.DIRTYPE, "", 0o755), ("thing/out", tarfile.SYMTYPE, outside + "/file", 0o777),
             ("thing/out", tarfile.REGTYPE, b"overwritten", 0o644)],
            [("thing", tarfile.LNKTYPE, f"{outside}/file", 0o644), ("thing", tarfile.REGTYPE, b"overwritten", 0o644)],
            [("thing", tarfile.LNKTYPE, f"{away}/file", 0o644), ("thing", tarfile.REGTYPE, b"overwritten", 0o644)],
            [("other", tarfile.REGTYPE, b"x", 0o644)],
            [("thing", tarfile.REGTYPE, b"x", 0o644), ("other", tarfile.REGTYPE, b"x", 0o644)],
            [],
        ]
        for members in hostile:
            before = {name: mode for name, mode in self.tree().items() if name.startswith("victim")}
            done = self.copied(self.archive(*members))
            after = {name: mode for name, mode in self.tree().items() if name.startswith("victim")}
            self.assertEqual(after, before, members)
            self.assertEqual(self.read("victim/file"), b"mine", members)
            self.assertEqual([name for name in self.tree() if "rastos-cp" in name], [], members)
            # what it made, if anything, is there under its own name
            self.assertLessEqual(set(os.listdir(self.path("into"))), {"thing"}, members)
            if done.returncode:
                self.assertRegex(done.stderr, rb"\Arastos-vmm: guest web: [^\n]+\n\Z", members)
            for name in os.listdir(self.path("into")):
                path = self.path("into/thing")
                subprocess.run(["rm", "-rf", path], check=True)

    def test_devices_pipes_and_special_bits_are_not_copied(self):
        os.mkdir(self.path("into"))
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            done = self.copied(self.archive(("thing", tarfile.DIRTYPE, "", 0o755), ("thing/node", kind, "", 0o666)))
            # busybox' tar goes on when the kernel has refused it the node
            self.assertEqual(os.listdir(self.path("into")), ["thing"] if done.returncode == DONE else [])
            self.assertFalse(os.path.lexists(self.path("into/thing/node")))
            if done.returncode == DONE:
                os.rmdir(self.path("into/thing"))
            else:
                self.assertRegex(done.stderr, rb"\Arastos-vmm: guest web: [^\n]+\n\Z")
        done = self.copied(self.archive(("thing", tarfile.DIRTYPE, "", 0o7777),
                                        ("thing/program", tarfile.REGTYPE, b"x", 0o6755)))
        self.assertEqual((done.returncode, done.stderr), (DONE, b""))
        for name in ("into/thing", "into/thing/program"):
            status = os.lstat(self.path(name))
            self.assertEqual(status.st_mode & 0o7000, 0, name)
            self.assertEqual(status.st_uid, os.geteuid())

    def test_folders_that_nobody_may_enter_can_be_copied_and_removed(self):
        os.mkdir(self.path("into"))
        done = self.copied(self.archive(("thing", tarfile.DIRTYPE, "", 0o755),
                                        ("thing/shut", tarfile.DIRTYPE, "", 0)))
        self.assertEqual(done.returncode, DONE)
        self.assertEqual(os.lstat(self.path("into/thing/shut")).st_mode & 0o777, 0o700)

    def test_link_at_the_destination_is_replaced_and_not_followed(self):
        os.mkdir(self.path("into"))
        self.write("mine", "mine")
        os.symlink(self.path("mine"), self.path("into/thing"))
        done = self.copied(self.archive(("thing", tarfile.REGTYPE, b"new", 0o644)))
        self.assertEqual(done.returncode, DONE)
        self.assertEqual(self.read("mine"), b"mine")
        self.assertEqual(self.read("into/thing"), b"new")

    def test_link_in_a_folder_that_is_merged_is_not_followed(self):
        os.makedirs(self.path("into/thing"))
        os.mkdir(self.path("elsewhere"))
        os.symlink(self.path("elsewhere"), self.path("into/thing/sub"))
        done = self.copied(self.archive(("thing", tarfile.DIRTYPE, "", 0o755), ("thing/first", tarfile.REGTYPE, b"x", 0o644),
                                        ("thing/sub", tarfile.DIRTYPE, "", 0o755),
                                        ("thing/sub/new", tarfile.REGTYPE, b"x", 0o644)))
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(done.stderr, b"rastos-vmm: guest web: sub: a file is in its place\n")
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        self.assertEqual(os.listdir(self.path("into/thing")), ["sub"], "nothing is changed")

    def test_garbage_is_no_archive(self):
        os.mkdir(self.path("into"))
        done = self.copied(b"\x1b[2J" * 5000)
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stderr, rb"\Arastos-vmm: guest web: [ -~]+\n\Z")
        self.assertEqual(os.listdir(self.path("into")), [])

    def test_truncated_archive_is_none(self):
        os.mkdir(self.path("into"))
        whole = self.archive(("thing", tarfile.REGTYPE, bytes(100000), 0o644))
        self.assertEqual(self.copied(whole[:50000]).returncode, FAILED)
        # the guest breaks off
        self.assertEqual(self.told(frame(OUTPUT, whole[:50000]), "cp", "web:/thing", "into").returncode, LOST)
        self.assertEqual(os.listdir(self.path("into")), [])

    def test_words_of_the_guests_tar_cannot_tell_the_terminal_what_to_do(self):
        done = self.told(frame(ERROR, b"tar: \x1b[31mno\x07\nmore") + exited(2), "cp", "web:/thing", ".")
        self.assertEqual((done.returncode, done.stderr), (FAILED, b"rastos-vmm: guest web: tar: ?[31mno?\n"))


def can_mount():
    """In a mount namespace, as root and `unshare -m` can."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(BUSYBOX and can_mount(), "wants busybox, whose tar this is about, and root, to put that in tar's place")
class EnemyOfBusybox(Enemy):
    """The same with the tar that rastOS's own host has."""

    def command(self, *arguments):
        script = 'mount --bind "$1" "$(command -v tar)" && shift && exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, "sh", BUSYBOX, *super().command(*arguments)]


class Copy(ExecTest):
    """Both ends here: the guest's paths are this machine's."""

    def setUp(self):
        super().setUp()
        for folder in ("host", "guest", "guest/tree", "guest/tree/deep"):
            os.mkdir(self.path(folder))
        self.data = os.urandom(2 * MEGABYTE)
        self.write("guest/file", self.data)
        self.write("guest/tree/deep/leaf", "leaf")
        os.symlink("deep/leaf", self.path("guest/tree/link"))
        self.write("-odd name", "odd")

    def copy(self, source, target, code=DONE, **options):
        done = self.run_command("cp", source, target, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        if code == DONE:
            self.assertEqual(done.stderr, b"")
        else:
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertEqual([name for name in os.listdir(self.path("host")) + os.listdir(self.path("guest"))
                          if "rastos-cp" in name], [])
        return done

    def in_guest(self, name):
        return "web:" + self.path(name)

    def test_file_from_the_guest(self):
        self.copy(self.in_guest("guest/file"), "host")
        self.assertEqual(self.read("host/file"), self.data)
        self.copy(self.in_guest("guest/file"), "host/other")
        self.assertEqual(self.read("host/other"), self.data)
        self.copy(self.in_guest("guest/tree/deep/leaf"), "host/other")
        self.assertEqual(self.read("host/other"), b"leaf")

    def test_folder_from_the_guest(self):
        self.copy(self.in_guest("guest/tree"), "host")
        self.copy(self.in_guest("guest/tree"), "host/new")
        self.copy(self.in_guest("guest/tree/."), "host/contents")
        for name in ("host/tree", "host/new", "host/contents"):
            self.assertEqual(self.read(name + "/deep/leaf"), b"leaf")
            self.assertEqual(os.readlink(self.path(name + "/link")), "deep/leaf")
        self.write("host/tree/deep/mine", "mine")
        self.copy(self.in_guest("guest/tree"), "host")
        self.assertEqual(self.read("host/tree/deep/mine"), b"mine", "folders are merged")
        os.mkdir(self.path("host/flat"))
        self.copy(self.in_guest("guest/tree/."), "host/flat")
        self.assertEqual(sorted(os.listdir(self.path("host/flat"))), ["deep", "link"])

    def test_to_the_guest(self):
        self.copy("guest/file", self.in_guest("host"))
        self.copy("guest/file", self.in_guest("host/other"))
        self.copy("guest/tree", self.in_guest("host"))
        self.copy("guest/tree", self.in_guest("host/new"))
        self.copy("guest/tree/.", self.in_guest("host/contents"))
        self.copy("./-odd name", self.in_guest("host/an odd $(name)"))
        self.assertEqual(self.read("host/file"), self.data)
        self.assertEqual(self.read("host/other"), self.data)
        for name in ("host/tree", "host/new", "host/contents"):
            self.assertEqual(self.read(name + "/deep/leaf"), b"leaf")
        self.assertEqual(self.read("host/an odd $(name)"), b"odd")

    def test_archives(self):
        done = self.copy(self.in_guest("guest/tree"), "-")
        self.write("a.tar", done.stdout)
        with tarfile.open(self.path("a.tar")) as tar:
            self.assertIn("./tree/deep/leaf", tar.getnames())
        self.copy("-", self.in_guest("host"), data=done.stdout)
        self.assertEqual(self.read("host/tree/deep/leaf"), b"leaf")
        done = self.copy("-", self.in_guest("host/none"), code=FAILED, data=done.stdout)
        self.assertIn(b"an archive goes into one", done.stderr)

    def test_what_cannot_be_done_changes_nothing(self):
        for source, target, words in (
                (self.in_guest("guest/none"), "host", b"none"),
                (self.in_guest("guest/file"), "host/none/file", b"host/none: there is none"),
                (self.in_guest("guest/file"), "host/none/", b"host/none/: there is none"),
                ("none", self.in_guest("host"), b"none"),
                ("guest/file", self.in_guest("host/none/file"), b"there is no such folder"),
                ("guest/file", self.in_guest("host/none/"), b"there is no such folder"),
                ("guest/tree", self.in_guest("guest/file"), b"a file is in its place"),
                (self.in_guest("guest/tree"), "guest/file", b"a file is in its place")):
            before = self.files()
            done = self.copy(source, target, code=FAILED)
            self.assertIn(words, done.stderr)
            self.assertEqual(self.files(), before)

    def started(self, source, target):
        """A copy of more than will ever be copied, which has begun."""
        os.truncate(self.path("guest/file"), 1 << 40)
        process = subprocess.Popen(self.command("cp", source, target), cwd=self.folder.name, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.listdir(self.path("host")):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return process

    def test_client_that_is_killed_leaves_nothing_in_the_guest(self):
        process = self.started("guest/file", self.in_guest("host/x"))
        process.kill()
        process.wait()
        self.ends(self.helper())
        self.assertEqual(os.listdir(self.path("host")), [])

    def test_copy_that_is_interrupted_leaves_nothing_here(self):
        process = self.started(self.in_guest("guest/file"), "host")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        self.ends(self.helper())
        self.assertEqual(os.listdir(self.path("host")), [])


main()
