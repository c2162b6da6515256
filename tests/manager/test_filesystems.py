"""Directories of the host that virtiofsd serves, with the real program: what a guest's start makes of a definition, who outlives
whom, and what the daemon can reach. These guests have no driver; what they read and write is in the metal tests."""

import contextlib
import re
import unittest

from keepers import children_of, command_of, keepers
from manager import *

VIRTIOFSD = "/usr/lib/qemu/virtiofsd"


@unittest.skipUnless(os.path.exists(VIRTIOFSD), "needs qemu-system-common")
class Filesystems(ManagerTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("share"))
        Path(self.path("share/file")).write_text("of the host\n")
        os.chmod(self.folder.name, 0o755)

    def share(self, **members):
        return {"path": self.path("share"), "tag": "data"} | members

    def define(self, *filesystems):
        return self.ask("define", definition=self.definition("web", filesystems=list(filesystems)), replace=True)

    def started(self, *filesystems):
        answer = self.define(*filesystems)
        self.assertTrue(answer["ok"], answer)
        answer = self.ask("start", guest="web")
        self.assertTrue(answer["ok"], answer)
        wait_until(lambda: self.guest_pid())

    def guest_pid(self):
        return next((record["pid"] for record in self.guests_on_record()), 0)

    def ours(self, pid):
        """Its directory is the one that this test has made."""
        for link in glob.glob(f"/proc/{pid}/fd/*"):
            with contextlib.suppress(OSError):
                if os.readlink(link) == self.path("share"):
                    return True
        with contextlib.suppress(OSError):
            share = f"/proc/{pid}/root/share"
            return os.path.samestat(os.stat(share), os.stat(self.path("share")))
        return False

    def daemons(self):
        return keepers(self.ours)

    def one(self):
        found = wait_until(lambda: [pair for pair in self.daemons().items() if pair[1]])
        self.assertEqual(len(found), 1)
        return found[0]

    def kill(self):
        self.assertTrue(self.ask("kill", guest="web")["ok"])
        wait_until(lambda: not self.guest_pid() and not self.daemons())

    def refused_start(self, words, *filesystems):
        answer = self.define(*filesystems)
        self.assertTrue(answer["ok"], answer)
        answer = self.ask("start", guest="web")
        self.assertFalse(answer["ok"], answer)
        self.assertNotIn("\n", answer["error"])
        self.assert_words([words], answer["error"])
        wait_until(lambda: not self.daemons())

    def test_goes_with_its_guest(self):
        self.up()
        self.started(self.share())
        self.one()
        self.kill()
        self.started(self.share(read_only=True, cache="always", xattr=True, posix_lock=True, flock=True, thread_pool=4,
                                queue_size=64))
        _, daemon = self.one()
        words = command_of(daemon)
        devices = {device["id"]: device for device in json.loads(self.ok("device", "list", "--json", "web"))["devices"]}
        self.assertEqual(devices["fs0"]["type"], "filesystem")
        self.assertEqual(devices["fs0"]["filesystem"]["path"], self.path("share"))
        self.assertIn("tag data, read-only", self.ok("info", "web"))
        for word in ("cache=always", "xattr", "posix_lock", "flock", "--thread-pool-size=4"):
            self.assertIn(word, words)
        os.kill(self.guest_pid(), signal.SIGKILL)
        wait_until(lambda: not self.daemons())

    def test_killed_daemon_is_started_again(self):
        self.up()
        self.started(self.share())
        keeper, first = self.one()
        self.wait_state("web", "running")
        guest = self.guest_pid()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: self.daemons().get(keeper) not in (0, first, None))
        self.assertEqual(self.guest_pid(), guest, "the guest's process is not ended by it")

    def test_killed_manager(self):
        process = self.up_at_once()
        self.started(self.share())
        pair = self.one()
        process.kill()
        process.wait()
        self.assertEqual(self.one(), pair, "it goes on with its guest")
        self.up()
        self.assertEqual(self.one(), pair, "and the next manager has it")
        self.kill()
        self.started(self.share())

    def test_daemon_is_closed_in(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.mkdir(self.path("share/below"))
        self.up()
        self.started(self.share(read_only=True))
        _, daemon = self.one()
        status = Path(f"/proc/{daemon}/status").read_text()
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertIn("Seccomp:\t2", status)
        held = int(re.search(r"CapPrm:\t([0-9a-f]+)", status)[1], 16)
        for number in (12, 16, 17, 19, 21, 22, 25):  # net_admin, sys_module, rawio, ptrace, admin, boot, time
            self.assertFalse(held >> number & 1, f"capability {number}")
        for kind in ("user", "mnt", "pid", "net", "ipc"):
            self.assertNotEqual(os.readlink(f"/proc/{daemon}/ns/{kind}"), os.readlink(f"/proc/self/ns/{kind}"), kind)
        self.assertEqual(sorted(os.listdir(f"/proc/{daemon}/root")), ["below", "file"])
        mounts = Path(f"/proc/{daemon}/mountinfo").read_text().splitlines()
        shared = [line.split()[5].split(",") for line in mounts if line.split()[4] == "/"]
        for options in shared:
            self.assertLessEqual({"ro", "nosuid", "nodev"}, set(options), mounts)

    def test_what_is_not_shared(self):
        self.up()
        os.symlink("share", self.path("link"))
        for path, words in ((self.path("none"), "/none: there is no such directory"),
                            (self.path("share/file"), "/share/file: is not a directory"),
                            (self.path("link"), "is a symbolic link: give the directory that it leads to"),
                            ("/", "is the host's root, which is not shared"),
                            (self.folder.name, "is not shared with a guest, for rastos-vmm keeps its own files in"),
                            (self.path("run"), "is not shared with a guest, for rastos-vmm keeps its own files in")):
            with self.subTest(path):
                self.refused_start(words, self.share(path=path))

    def test_not_installed(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        script = 'mount -t tmpfs none /usr/lib/qemu && exec "$0" --config vmm.json up -d --timeout 15'
        subprocess.run(["unshare", "-m", "sh", "-c", script, PROGRAM], cwd=self.folder.name, check=True, timeout=30,
                       stdin=subprocess.DEVNULL, capture_output=True)
        self.refused_start("filesystem data: virtiofsd is not installed: apt-get install qemu-system-common", self.share())

    def test_two_of_one_tag(self):
        self.up()
        answer = self.define(self.share(), self.share(path=self.path("share")))
        self.assertFalse(answer["ok"])
        self.assert_words(["filesystems[1].tag", "\"data\" is another filesystem's, too"], answer["error"])


main()
