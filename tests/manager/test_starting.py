"""A guest whose start waits for other processes: nobody else waits with it, it can be ended, and a manager that is killed
meanwhile loses nothing. Guests whose daemons end slowly are the other end of the same."""

import shutil
import threading
import unittest

from keepers import children_of, daemons_of_folder
from manager import *

TOOLS = ("qemu-storage-daemon", "qemu-img", "qemu-nbd")
AT_ONCE_S = 4  # far less than what is waited for, on a host that is busy with other tests


class Silent:
    """An NBD server that takes connections and never says a word."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)

    def close(self):
        self.listener.close()


class StartingTest(ManagerTest):
    def silent_disk(self, name="nbd.sock"):
        if not os.path.exists(self.path(name)):
            server = Silent(self.path(name))
            self.addCleanup(server.close)
        return {"source": {"protocol": "nbd", "socket": self.path(name), "name": "store"}}

    def silent_passt(self):
        """It never says that its ports are bound."""
        os.makedirs(self.path("bin"), exist_ok=True)
        self.write("bin/passt", f"#!/bin/sh\necho $$ >{self.path('passt.pid')}\nexec sleep 300\n")
        os.chmod(self.path("bin/passt"), 0o755)
        path = os.environ["PATH"]
        os.environ["PATH"] = self.path("bin") + ":" + path
        self.addCleanup(os.environ.__setitem__, "PATH", path)

    def passt_pid(self):
        return int(self.read("passt.pid"))

    def begin(self, name):
        """Asks for its start; the answer comes into the list."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.ask("start", guest=name)))
        thread.start()
        self.addCleanup(thread.join)
        self.wait_state(name, "starting")
        return answers

    def at_once(self, *arguments):
        begun = time.monotonic()
        output = self.ok(*arguments)
        self.assertLess(time.monotonic() - begun, AT_ONCE_S, arguments)
        return output

    def keepers(self):
        """Of this test's manager: an NBD server's socket shows nowhere else whose they are."""
        (manager,) = self.manager_pids()
        mine = children_of(manager)
        return {keeper: daemon for keeper, daemon in daemons_of_folder("").items() if keeper in mine}

    def events(self, name):
        return [event["event"] for event in self.ask("events")["result"] if event.get("guest") == name]


@unittest.skipUnless(all(shutil.which(tool) for tool in TOOLS), "needs " + ", ".join(TOOLS))
class Daemons(StartingTest):
    def setUp(self):
        super().setUp()
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.path("data.qcow2"), "8M"], check=True)

    def test_others_do_not_wait(self):
        for name in ("web", "late"):
            self.define_file(name, autostart=False, disks=[self.silent_disk(name + ".sock")])
        self.define_file("db", autostart=False)
        self.up()
        begun = time.monotonic()
        late = self.begin("late")
        answers = self.begin("web")
        self.assertIn("waits for the storage daemon of disk nbd", self.guest("web")["why"])
        self.assertIn("waits for the storage daemon", self.at_once("list"))
        self.at_once("start", "db")
        self.at_once("info", "web")
        self.at_once("plan")
        self.wait_state("db", "running")
        self.assertEqual(self.run_program("start", "web").returncode, REFUSED)  # already starting
        self.assertEqual(self.run_program("pause", "web").returncode, REFUSED)
        self.assertEqual(self.run_program("undefine", "web").returncode, REFUSED)
        self.at_once("kill", "web")
        self.assertEqual(self.state("web"), "off")
        wait_until(lambda: answers)
        self.assertFalse(answers[0]["ok"])
        self.assertEqual(answers[0]["error"], "guest web: was ended before it ran")
        # The other one is not answered, either, and is told so.
        wait_until(lambda: late, 20)
        self.assertGreater(time.monotonic() - begun, 8, "it was waited for")
        self.assertFalse(late[0]["ok"])
        self.assertNotIn("\n", late[0]["error"])
        self.assert_words(["disk nbd", "late.sock"], late[0]["error"])
        self.assertEqual(self.guest("late")["why"], late[0]["error"])
        self.assertEqual(self.state("late"), "failed")
        wait_until(lambda: not self.keepers())
        self.assertEqual(self.events("late")[-2:], ["starting", "failed"])

    def test_daemon_that_dies_at_its_start(self):
        self.define_file("web", autostart=False, disks=[self.silent_disk()])
        self.up()
        answers = self.begin("web")
        daemon = wait_until(lambda: next((pid for pid in self.keepers().values() if pid), 0))
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda: answers)
        self.assertFalse(answers[0]["ok"])
        self.assertNotIn("\n", answers[0]["error"])
        self.assert_words(["disk nbd", "nbd.sock", "qemu-storage-daemon", "signal 9"], answers[0]["error"])

    def test_image_that_shrank(self):
        disk = {"path": self.path("data.qcow2"), "format": "qcow2"}
        self.define_file("web", autostart=False, disks=[disk])
        self.up()
        self.ok("start", "web")
        self.ok("kill", "web")
        self.wait_state("web", "off")
        wait_until(lambda: not daemons_of_folder(self.folder.name))
        os.truncate(self.path("data.qcow2"), 100)
        process = self.run_program("start", "web")
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(process.errors, r"\Arastos-vmm: [^\n]+\n\Z")
        self.assert_words(["disk", "data.qcow2"], process.errors)

    def test_down_does_not_wait_for_a_start(self):
        self.define_file("web", autostart=False, disks=[self.silent_disk()])
        self.up()
        self.begin("web")
        self.at_once("down")
        wait_until(lambda: not daemons_of_folder(self.folder.name))

    def test_killed_manager(self):
        self.define_file("web", autostart=False, disks=[self.silent_disk()])
        self.up_at_once()
        self.begin("web")
        (keeper,) = wait_until(self.keepers)
        self.kill_manager()
        wait_until(lambda: not process_alive(keeper), 5)
        os.unlink(self.path("nbd.sock"))
        server = subprocess.Popen(["qemu-nbd", "-f", "qcow2", "--persistent", "-x", "store", "-k", self.path("nbd.sock"),
                                   self.path("data.qcow2")], stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: os.path.exists(self.path("nbd.sock")))
        self.up_at_once()
        self.wait_state("web", "running")  # as it was promised

    def test_daemon_that_does_not_end(self):
        self.define_file("web", autostart=False, disks=[{"path": self.path("data.qcow2"), "format": "qcow2"}])
        self.up()
        self.ok("start", "web")
        keeper, daemon = next(iter(daemons_of_folder(self.folder.name).items()))
        os.kill(daemon, signal.SIGSTOP)
        os.kill(self.guest("web")["pid"], signal.SIGKILL)
        self.wait_state("web", "failed", AT_ONCE_S)
        self.at_once("list")
        self.assertTrue(process_alive(keeper))
        answers = self.begin("web")
        self.assertEqual(self.guest("web")["why"], "waits for the storage daemons of its last run")
        self.at_once("list")
        wait_until(lambda: answers, 15)
        self.assertTrue(answers[0]["ok"], answers)
        self.wait_state("web", "running")
        self.assertFalse(process_alive(keeper))
        self.assertNotEqual(list(daemons_of_folder(self.folder.name)), [keeper])
        self.assertFalse(process_alive(daemon))

    def test_killed_manager_while_a_daemon_ends(self):
        self.define_file("web", autostart=False, disks=[{"path": self.path("data.qcow2"), "format": "qcow2"}])
        self.up_at_once()
        self.ok("start", "web")
        _, daemon = next(iter(daemons_of_folder(self.folder.name).items()))
        os.kill(daemon, signal.SIGSTOP)
        os.kill(self.guest("web")["pid"], signal.SIGKILL)
        self.wait_state("web", "failed", AT_ONCE_S)
        self.begin("web")
        self.kill_manager()
        self.up_at_once()
        self.wait_state("web", "running", 15)
        self.assertFalse(process_alive(daemon))


class Passt(StartingTest):
    def test_others_do_not_wait(self):
        self.silent_passt()
        self.define_file("web", autostart=False, networks=[{"type": "passt"}])
        self.define_file("db", autostart=False)
        self.up()
        answers = self.begin("web")
        self.assertEqual(self.guest("web")["why"], "waits for passt")
        self.at_once("start", "db")
        self.at_once("shutdown", "web")
        self.assertEqual(self.state("web"), "off")
        wait_until(lambda: answers)
        self.assertFalse(process_alive(self.passt_pid()))

    def test_killed_manager(self):
        self.silent_passt()
        self.define_file("web", autostart=False, networks=[{"type": "passt"}])
        self.up_at_once()
        self.begin("web")
        pid = wait_until(lambda: os.path.exists(self.path("passt.pid")) and self.passt_pid())
        self.addCleanup(lambda: process_alive(pid) and os.kill(pid, signal.SIGKILL))  # this one does not see its guest go
        self.kill_manager()
        self.write("bin/passt", "#!/bin/sh\necho $$\nexec sleep 60\n")
        self.up_at_once()
        self.wait_state("web", "running")

    def test_complaint(self):
        self.silent_passt()
        self.write("bin/passt", "#!/bin/sh\nsleep 0.2\necho 'no ports today' >&2\nexit 1\n")
        self.define_file("web", autostart=False, networks=[{"type": "passt"}])
        self.up()
        process = self.run_program("start", "web")
        self.assertEqual(process.returncode, FAILED)
        self.assertEqual(process.errors, "rastos-vmm: network of guest web: passt did not start: no ports today\n")


if __name__ == "__main__":
    main()
