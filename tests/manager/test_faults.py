"""What goes wrong under a manager: full disks, folders that may not be written to, deaths of every process at every instant."""

import contextlib
import ctypes
import glob
import shutil
import unittest

from manager import *

# A variable that a guest's process keeps of its manager's, and which changes nothing: there are no libraries.
MARK = "LD_LIBRARY_PATH"
STATES = ("off", "waiting", "starting", "running", "paused", "stopping", "failed")

needs_root = unittest.skipUnless(os.geteuid() == 0, "wants root, to mount")
libc = ctypes.CDLL(None, use_errno=True)


def can_mount():
    """In a mount namespace, as `unshare -m` tells."""
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


class FaultTest(ManagerTest):
    def bring_to(self, state):
        """A guest "web" in this state, whose process ends well when it is asked to."""
        members = {"waiting": {"depends_on": ["db"]}, "starting": {"ready": "notify"}}.get(state, {})
        self.define_file("db", ready="notify", autostart=False)
        self.define_file("web", "crash" if state == "failed" else "sleep", autostart=False, **members)
        self.up()
        if state != "off":
            self.ok("start", "web")
        if state in ("paused", "stopping"):
            self.wait_state("web", "running")
        if state == "paused":
            self.ok("pause", "web")
        if state == "stopping":
            self.ok("shutdown", "--timeout", "60", "web")
        self.wait_state("web", state)

    def children(self):
        """Of the manager, zombies too."""
        (manager,) = self.manager_pids()
        with open(f"/proc/{manager}/task/{manager}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def name_of(self, pid):
        with open(f"/proc/{pid}/comm") as file:
            return file.read()


class Killed(FaultTest):
    """kill -9."""

    def test_manager_in_each_state_of_a_guest(self):
        for state in STATES:
            with self.subTest(state):
                self.bring_to(state)
                pid = self.guest("web").get("pid")
                self.kill_manager()
                if pid:
                    self.assertTrue(process_alive(pid))
                # A failed guest is off for the next manager: nobody promised it anything.
                after = "off" if state == "failed" else state
                self.up_at_once()
                self.wait_state("web", after)
                self.assertEqual(self.guest("web").get("pid"), pid)
                self.ok("down", "--force")
                wait_until(lambda: not self.manager_pids())

    def test_guest_process_in_each_state(self):
        for state in ("starting", "running", "paused", "stopping"):
            with self.subTest(state):
                self.bring_to(state)
                pid = self.guest("web")["pid"]
                os.kill(pid, signal.SIGKILL)
                self.wait_state("web", "off" if state == "stopping" else "failed")
                self.assertNotIn("pid", self.guest("web"))
                self.ok("start", "web")
                self.ok("down", "--force")
                wait_until(lambda: not self.manager_pids())

    @unittest.skipUnless(shutil.which("strace"), "wants strace")
    def test_manager_at_each_system_call_of_a_start(self):
        """Between the fork of a guest's process and its record, above all: nobody would find that process again."""
        os.environ[MARK] = self.folder.name
        self.addCleanup(os.environ.pop, MARK)
        self.define_file("web", autostart=False)
        for call in ("clone,clone3", "memfd_create", "epoll_ctl", "openat", "fsync", "rename", "sendmsg"):
            number = 1
            while self.start_and_kill(call, number):
                number += 9 if call == "openat" else 1
                self.assertLess(number, 500)
            self.assertGreater(number, 1, call + " is never called")

    @unittest.skipUnless(shutil.which("strace"), "wants strace")
    def test_manager_at_each_system_call_of_a_change(self):
        """A definition is there as it was or as it shall be; what was acknowledged is as it shall be."""
        self.define_file("web", autostart=False)
        old, new = (self.definition("db", memory_mib=size, autostart=False) for size in (16, 24))
        for op, members, before, after in (("define", {"definition": new}, None, 24),
                                           ("define", {"definition": new, "replace": True}, 16, 24),
                                           ("undefine", {"guest": "db"}, 16, None)):
            for call in ("openat", "write", "fsync", "rename", "unlink"):
                acknowledged, number = False, 1
                while not acknowledged:
                    self.write("guests/db.json", json.dumps(old))
                    if before is None:
                        os.unlink(self.path("guests/db.json"))
                    with self.subTest(op=op, call=call, number=number):
                        self.up_at_once()
                        acknowledged = self.ask_and_kill(call, number, op, **members)
                        if not acknowledged:
                            self.up_at_once()
                        found = (self.guest("db") or {}).get("memory_mib")
                        self.assertIn(found, (after,) if acknowledged else (before, after))
                        self.ask("down", force=True)
                        wait_until(lambda: not self.manager_pids())
                    number += 1
                    self.assertLess(number, 50)

    def ask_and_kill(self, call, number, op, **members):
        """Whether it was acknowledged before the manager was killed at that call, or without such a call."""
        strace = self.inject(call, number)
        try:
            answer = self.ask(op, **members)
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        if answer and strace.poll() is None:
            strace.terminate()
        strace.communicate()
        if answer and self.serves():
            return answer["ok"]
        wait_until(lambda: not self.manager_pids())  # before it answered, or at a call that came after its answer
        return False

    def serves(self):
        """Who is as good as killed does not."""
        with contextlib.suppress(OSError):
            return self.ask("list") is not None
        return False

    def start_and_kill(self, call, number):
        """False when a start makes fewer such calls."""
        self.up_at_once()
        answer = self.ask_and_kill(call, number, "start", guest="web")
        if not answer:
            # Whatever process there is now is on record, or about to go.
            wait_until(lambda: self.ours() == [record["pid"] for record in self.guests_on_record() if process_alive(record["pid"])])
            self.up_at_once()
            self.assertIn(self.state("web"), ("off", "starting", "running", "failed"))
        self.ask("down", force=True)
        wait_until(lambda: not self.ours())
        return not answer

    def inject(self, call, number):
        """strace, which kills the manager as it enters that system call for the number-th time."""
        (pid,) = self.manager_pids()
        strace = subprocess.Popen(["strace", "-p", str(pid), "-e", f"trace={call}", "-e",
                                   f"inject={call}:signal=KILL:when={number}"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(strace.stderr.close)
        line = strace.stderr.readline()
        if "attached" not in line:
            strace.kill()
            strace.communicate()
            self.skipTest(f"strace may not attach: {line.strip()}")
        return strace

    def ours(self):
        """The processes of this test's managers and guests, each of which has the variable that this test set."""
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            pid = int(path.split("/")[2])
            with contextlib.suppress(OSError), open(path) as file:
                if f"{MARK}={self.folder.name}\0" in file.read() and process_alive(pid):
                    found.append(pid)
        return found

    def test_what_a_killed_manager_was_writing_is_removed(self):
        """Beside what is there, and whatever is somebody else's stays."""
        self.configure(networks_dir="networks")
        for folder in ("networks", "state", "state/crashes"):
            os.mkdir(self.path(folder))
        self.define_file("web", autostart=False)
        half = ["guests/web.json.new", "guests/db.json.new", "networks/lab.json.new", "state/crashes/web-20260131T120000Z.json.new"]
        others = ["guests/notes.new", "guests/.json.new", "guests/web.json.newer"]
        for name in half + others:
            self.write(name, "{")
        self.up()
        self.assertEqual([name for name in half if os.path.exists(self.path(name))], [])
        self.assertEqual([name for name in others if not os.path.exists(self.path(name))], [])
        self.assertEqual(self.state("web"), "off")

    def test_manager_after_each_operation(self):
        """What was acknowledged has happened, or happens."""
        self.define_file("web", autostart=False)
        for op, members, state in (("start", {"wait": True}, "running"), ("pause", {}, "paused"), ("resume", {}, "running"),
                                   ("kill", {"wait": True}, "off"), ("start", {"wait": True}, "running"),
                                   ("shutdown", {"timeout_s": 0, "wait": True}, "off")):
            with self.subTest(op):
                self.up()
                self.assertTrue(self.ask(op, guest="web", **members)["ok"])
                self.kill_manager()
                self.up()
                self.wait_state("web", state)
        self.assertTrue(self.ask("define", definition=self.definition("db", autostart=False))["ok"])
        self.kill_manager()
        self.up()
        self.assertEqual(self.state("db"), "off")
        self.assertTrue(self.ask("undefine", guest="db")["ok"])
        self.kill_manager()
        self.up()
        self.assertIsNone(self.guest("db"))

    @unittest.skipUnless(shutil.which("passt"), "wants passt")
    def test_passt_leaves_no_zombie(self):
        self.define_file("web", networks=[{"type": "passt"}])
        process = self.run_program("up", "-d", "--timeout", "2")
        if "passt did not start" in process.errors:
            self.skipTest(process.errors)
        (passt,) = [pid for pid in self.children() if "passt" in self.name_of(pid)]
        os.kill(passt, signal.SIGKILL)
        wait_until(lambda: passt not in self.children())
        self.assertEqual(self.state("web"), "running")
        self.assertIn("passt has ended", self.read("run/manager.log").decode())
        self.ok("kill", "--wait", "web")


@needs_root
@unittest.skipUnless(can_mount(), "wants a mount namespace")
class Full(FaultTest):
    """Disks without room, each a small tmpfs in the tests' own mount namespace."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
        if libc.unshare(CLONE_NEWNS) < 0 or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) < 0:
            raise unittest.SkipTest("no mount namespace: " + os.strerror(ctypes.get_errno()))

    def setUp(self):
        self.mounted = []
        super().setUp()

    def end(self):
        super().end()  # it looks for processes by what they have open in there
        for path in self.mounted:
            subprocess.run(["umount", "-l", path], check=True)

    def mount(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "none", self.path(name)], check=True)
        self.mounted.append(self.path(name))

    def fill(self, name):
        with open(self.path(name + "/filler"), "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def empty(self, name):
        os.unlink(self.path(name + "/filler"))

    def refused_for_want_of_room(self, answer):
        self.assertFalse(answer["ok"])
        self.assertEqual(answer["code"], REFUSED)
        self.assertIn("No space left on device", answer["error"])
        self.assertNotIn("\n", answer["error"])

    def test_definitions(self):
        self.mount("guests")
        self.define_file("web", autostart=False)
        self.up()
        self.fill("guests")
        before = self.files()
        self.refused_for_want_of_room(self.ask("define", definition=self.definition("db")))
        self.refused_for_want_of_room(self.ask("define", definition=self.definition("web", memory_mib=24), replace=True))
        self.assertEqual(self.files(), before)
        self.assertEqual([guest["name"] for guest in self.ask("list")["result"]["guests"]], ["web"])
        self.assertEqual(self.guest("web")["memory_mib"], 16)
        self.empty("guests")
        self.assertTrue(self.ask("define", definition=self.definition("db"))["ok"])

    def test_runtime_folder(self):
        self.mount("run")
        self.define_file("web", autostart=False)
        self.define_file("db", autostart=False)
        self.define_file("sub", autostart=False, depends_on=["late"])
        self.define_file("late", autostart=False, ready="notify")
        self.up()
        self.ok("start", "web")
        self.ok("start", "late")
        self.fill("run")
        self.refused_for_want_of_room(self.ask("start", guest="db"))
        self.assertIn("No space left on device", self.guest("db")["why"])
        self.assertEqual(self.state("db"), "failed")
        self.refused_for_want_of_room(self.ask("start", guest="sub"))
        self.assertEqual(self.state("sub"), "off")
        self.assertEqual(len(self.children()), 2, "a process was left")
        # Whoever wants to make room must be able to end a guest.
        self.ok("pause", "web")
        self.ok("resume", "web")
        self.ok("shutdown", "--timeout", "0", "--wait", "late")
        self.ok("kill", "--wait", "web")
        self.empty("run")
        self.ok("start", "db")
        self.ok("start", "web")
        self.wait_state("db", "running")

    def test_guest_prints_on_into_a_full_runtime_folder(self):
        """As much as has room is in its log, and nothing ends it; there is room again, and the log goes on."""
        self.mount("run")
        self.write("echo.elf", elf_kernel(code=ECHO))
        self.define_file("web", "echo")
        self.up()
        self.fill("run")
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(10)
            console.connect(self.path("run/control.sock"))
            console.sendall(b'{"id":1,"op":"console","guest":"web"}\n')
            self.assertIn(b'"ok":true', console.recv(4096))
            self.echo(console, b"0123456789abcdef" * 512)
            self.assertEqual(self.state("web"), "running")
            self.assertLess(len(self.ok("logs", "web")), 8192)
            self.empty("run")
            self.echo(console, b"there is room again\n")
        self.assertIn("there is room again", self.ok("logs", "web"))
        self.ok("kill", "--wait", "web")
        self.assertIn("killed", self.read("run/guests/web/end.json").decode())

    def echo(self, console, text):
        """The guest gets it on its console, and prints it there."""
        for start in range(0, len(text), 64):
            console.sendall(text[start:start + 64])
            got = b""
            while len(got) < len(text[start:start + 64]):
                got += console.recv(4096)

    def test_down_on_a_full_runtime_folder_is_still_polite(self):
        self.mount("run")
        self.define_file("web")
        self.up()
        self.fill("run")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.path("run/control.sock"))
            peer.sendall(b'{"id":1,"op":"down","timeout_s":1}\n')
            said = peer.makefile().read()
        self.assertIn('"waiting for web"', said)
        self.assertIn('"ok":true', said)

    def test_state_folder(self):
        self.mount("state")
        os.makedirs(self.path("state/crashes"))
        self.define_file("web", "crash", autostart=False)
        self.up()
        self.fill("state")
        self.ok("start", "web")
        self.wait_state("web", "failed")
        self.assertEqual(os.listdir(self.path("state/crashes")), [])
        self.assertIn("crash report", self.read("run/manager.log").decode())
        self.empty("state")
        self.ok("start", "web")
        wait_until(lambda: os.listdir(self.path("state/crashes")))

    def test_folders_read_only(self):
        self.mount("guests")
        self.mount("state")
        self.define_file("web", "crash", autostart=False)
        self.up()
        for name in ("guests", "state"):
            subprocess.run(["mount", "-o", "remount,ro", self.path(name)], check=True)
        answer = self.ask("define", definition=self.definition("db"))
        self.assertFalse(answer["ok"])
        self.assertIn("Read-only file system", answer["error"])
        answer = self.ask("undefine", guest="web")
        self.assertFalse(answer["ok"])
        self.assertIn("Read-only file system", answer["error"])
        self.assertEqual(self.state("web"), "off")
        self.ok("start", "web")
        self.wait_state("web", "failed")

    def test_up_in_a_runtime_folder_without_room(self):
        self.mount("run")
        os.makedirs(self.path("run/guests"))
        self.fill("run")
        self.define_file("web")
        process = self.run_program("up", "-d", "--timeout", "2")
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(process.errors, r"\Arastos-vmm: [^\n]*No space left on device[^\n]*\n\Z")


class NoMemory(FaultTest):
    """The manager's own is test_memory.py's."""

    @unittest.skipUnless(shutil.which("prlimit"), "wants prlimit")
    def test_memory_that_cannot_be_had_for_a_guest(self):
        self.configure(overcommit={"cpus": 100, "memory": 100})
        self.define_file("large", autostart=False, memory_mib=4096)
        self.define_file("small")
        self.up()
        (manager,) = self.manager_pids()
        subprocess.run(["prlimit", "--as=1073741824", "--pid", str(manager)], check=True)
        process = self.run_program("start", "--wait", "large")
        self.assertEqual(process.returncode, FAILED, process.errors)
        self.assertRegex(process.errors, r"\Arastos-vmm: guest large: cannot map 4096 MiB of memory: [^\n]*\n")
        self.assertEqual(self.state("large"), "failed")
        self.assertEqual(self.state("small"), "running")
        self.assertEqual(len(self.children()), 1, "a process was left")


class Permissions(FaultTest):
    def test_runtime_folder_of_somebody_else(self):
        os.mkdir(self.path("run"), 0o777)
        os.chmod(self.path("run"), 0o777)
        self.refused(FAILED, ["runtime folder", "run", "others could write"], "up", "-d")
        os.chmod(self.path("run"), 0o755)
        if os.geteuid() == 0:
            os.chown(self.path("run"), 65534, 65534)
            self.refused(FAILED, ["runtime folder", "run", "others could write"], "up", "-d")

    @unittest.skipUnless(os.geteuid() == 0, "wants another user")
    def test_another_user(self):
        self.define_file("web")
        self.up()
        for command in (("list",), ("kill", "web"), ("down",)):
            self.refused(FAILED, ["Permission denied", "control.sock"], *command, user=65534)
        self.assertEqual(self.state("web"), "running")

    def test_two_ups_at_the_same_instant(self):
        self.define_file("web")
        for _ in range(3):
            command = [PROGRAM, "--config", "vmm.json", "up", "-d", "--timeout", "5"]
            processes = [subprocess.Popen(command, cwd=self.folder.name, stderr=subprocess.PIPE, text=True) for _ in range(4)]
            ends = [(process.communicate()[1], process.returncode) for process in processes]
            self.assertEqual(len(self.manager_pids()), 1)
            self.assertEqual([code for _, code in ends], [DONE] * len(ends), ends)
            self.assertEqual(self.state("web"), "running")
            already = [text for text, _ in ends if "rastos-vmm: a manager runs already\n" in text]
            self.assertEqual(len(already), len(ends) - 1, ends)
            self.ok("down", "--force")
            wait_until(lambda: not self.manager_pids())


if __name__ == "__main__":
    main()
