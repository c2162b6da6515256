"""Disks that qemu-storage-daemon serves, with the real program: what a guest's start makes of a definition, and who outlives
whom. These guests have no driver; what the disks hold is in the unit tests of storage_daemon and in the metal tests."""

import shutil
import unittest

from keepers import daemons_of_folder
from manager import *

TOOLS = ("qemu-storage-daemon", "qemu-img", "qemu-nbd")


@unittest.skipUnless(all(shutil.which(tool) for tool in TOOLS), "needs " + ", ".join(TOOLS))
class StorageDaemon(ManagerTest):
    def setUp(self):
        super().setUp()
        self.image("qcow2", "data.qcow2")

    def image(self, image_format, name, *options):
        subprocess.run(["qemu-img", "create", "-q", "-f", image_format, *options, self.path(name), "8M"], check=True)

    def disk(self, name="data.qcow2", **members):
        return {"path": self.path(name), "format": "qcow2"} | members

    def define(self, *disks):
        return self.ask("define", definition=self.definition("web", disks=list(disks)), replace=True)

    def started(self, *disks):
        self.up()
        answer = self.define(*disks)
        self.assertTrue(answer["ok"], answer)
        answer = self.ask("start", guest="web")
        self.assertTrue(answer["ok"], answer)
        wait_until(lambda: self.guest_pid())

    def kill(self):
        self.assertTrue(self.ask("kill", guest="web")["ok"])
        wait_until(lambda: not self.guest_pid() and not daemons_of_folder(self.folder.name))

    def start(self):
        answer = self.ask("start", guest="web")
        self.assertTrue(answer["ok"], answer)

    def guest_pid(self):
        return next((record["pid"] for record in self.guests_on_record()), 0)

    def refused_start(self, words, *disks):
        answer = self.define(*disks)
        self.assertTrue(answer["ok"], answer)
        answer = self.ask("start", guest="web")
        self.assertFalse(answer["ok"], answer)
        self.assertNotIn("\n", answer["error"])
        self.assert_words(words, answer["error"])
        wait_until(lambda: not daemons_of_folder(self.folder.name))

    def one(self):
        """The keeper and its daemon, once there is one of each."""
        found = wait_until(lambda: [pair for pair in daemons_of_folder(self.folder.name).items() if pair[1]])
        self.assertEqual(len(found), 1)
        return found[0]

    def test_goes_with_its_guest(self):
        self.started(self.disk())
        self.one()
        self.kill()
        self.start()
        self.one()

    def test_killed_daemon_is_started_again(self):
        self.started(self.disk(reconnect={"timeout": 1}))
        keeper, first = self.one()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: daemons_of_folder(self.folder.name).get(keeper) not in (0, first, None))
        self.assertTrue(process_alive(self.guest_pid()), "the guest's process is not ended by it")

    def test_killed_guest_process(self):
        self.started(self.disk())
        self.one()
        os.kill(self.guest_pid(), signal.SIGKILL)
        wait_until(lambda: not daemons_of_folder(self.folder.name))

    def test_killed_manager(self):
        process = self.up_at_once()
        self.assertTrue(self.define(self.disk())["ok"])
        self.start()
        pair = self.one()
        process.kill()
        process.wait()
        self.assertEqual(self.one(), pair, "it goes on with its guest")
        self.up()
        self.assertEqual(self.one(), pair, "and the next manager has it")
        self.kill()
        self.start()

    def test_daemon_is_closed_in(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.started(self.disk())
        keeper, daemon = self.one()
        status = Path(f"/proc/{daemon}/status").read_text()
        self.assertIn("CapEff:\t0000000000000000", status)
        self.assertIn("Seccomp:\t2", status)
        self.assertNotIn("\nUid:\t0", status)
        self.assertNotEqual(os.readlink(f"/proc/{daemon}/ns/net"), os.readlink("/proc/self/ns/net"))
        seen = sorted(os.listdir(f"/proc/{daemon}/root"))
        self.assertEqual(set(seen) - {"bin", "dev", "disk0", "etc", "lib", "lib64", "proc", "run", "sbin", "usr"}, set())

    def test_transient_leaves_nothing(self):
        with open(self.path("raw.img"), "wb") as file:
            file.truncate(8 << 20)
        before = sorted(os.listdir(self.folder.name))
        forgets = self.disk("raw.img", format="raw", transient=True)
        self.started(forgets, forgets)  # who forgets only reads: two may have one image
        wait_until(lambda: len([daemon for daemon in daemons_of_folder(self.folder.name).values() if daemon]) == 2)
        self.assertEqual([name for name in os.listdir(self.folder.name) if "transient" in name], [])
        self.kill()
        self.assertLessEqual(set(os.listdir(self.folder.name)) - set(before), {"guests", "run", "state", "manager.errors"})

    def test_starts_that_are_refused(self):
        self.image("qcow2", "over.qcow2", "-b", self.path("data.qcow2"), "-F", "qcow2")
        self.image("qcow2", "outside.qcow2", "-o", "data_file=" + self.path("data.raw"))
        self.write("text.qcow2", "hello " * 1000)
        self.up()
        for words, disks in ((["disk", "data.qcow2", "in use"], [self.disk(id="one"), self.disk(id="two")]),
                             (["disk", "over.qcow2", "backing"], [self.disk("over.qcow2")]),
                             (["disk", "outside.qcow2"], [self.disk("outside.qcow2")]),
                             (["disk", "text.qcow2", "not in qcow2 format"], [self.disk("text.qcow2")]),
                             (["disk", "none.qcow2", "No such file"], [self.disk("none.qcow2")])):
            with self.subTest(words):
                self.refused_start(words, *disks)
        over = self.disk("over.qcow2", backing={"path": self.path("data.qcow2"), "format": "qcow2"})
        self.assertTrue(self.define(over)["ok"])
        self.start()
        self.one()

    def test_overlays_of_the_pool(self):
        self.ok("disk", "create", "base", "8M")
        self.up()
        self.assertEqual(self.ask("disk-clone", disk="web", source="base", overlay=True)["result"]["backing"], "base")
        self.ok("disk", "clone", "--overlay", "web", "top")
        self.assertTrue(self.define({"image": "web"}, {"image": "top"})["ok"])  # "top" is on "web"
        disks = self.ask("info", guest="web")["result"]["definition"]["disks"]
        base = {"image": "base", "format": "raw"}
        self.assertEqual(disks, [{"image": "web", "format": "qcow2", "backing": base},
                                 {"image": "top", "format": "qcow2", "backing": {"image": "web", "format": "qcow2", "backing": base}}])
        answer = self.ask("start", guest="web")
        self.assert_words(["disk web", "behind disk top", "only be read"], answer["error"])
        self.assertTrue(self.define({"image": "top"})["ok"])
        self.start()
        self.one()
        self.refused(REFUSED, ["disk top", "in use"], "disk", "delete", "top")
        self.refused(REFUSED, ["disk base", "behind disk web"], "disk", "delete", "base")
        self.kill()
        for words, disk in ((["disk base", "behind disk web"], {"image": "base"}),
                            (["disk top", "overlay on disk web", "format"], {"image": "top", "read_only": True, "format": "raw"})):
            self.refused_start(words, disk)

    def test_luks(self):
        self.write("phrase", "open sesame\n")
        self.write("wrong", "open barley\n")
        command = ["qemu-img", "create", "-q", "--object", "secret,id=key,data=open sesame", "-f", "luks", "-o",
                   "key-secret=key,iter-time=10", self.path("safe.luks"), "8M"]
        # It measures how fast its CPU is, and gives up on a busy host now and then.
        self.assertTrue(any(subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0 for attempt in range(10)))
        luks = {"format": "luks", "secret": self.path("phrase")}
        self.started(self.disk("safe.luks", **luks))
        self.one()
        self.kill()
        self.assertTrue(self.define(self.disk("safe.luks", **luks | {"secret": self.path("wrong")}))["ok"])
        answer = self.ask("start", guest="web")
        self.assertFalse(answer["ok"])
        self.assert_words(["disk", "safe.luks", "Invalid password"], answer["error"])

    def nbd(self, *options):
        process = subprocess.Popen(["qemu-nbd", "-f", "qcow2", "--persistent", "--shared", "2", "-x", "store", *options,
                                    self.path("data.qcow2")], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_nbd_socket(self):
        self.nbd("-k", self.path("nbd.sock"))
        wait_until(lambda: os.path.exists(self.path("nbd.sock")))
        self.started({"source": {"protocol": "nbd", "socket": self.path("nbd.sock"), "name": "store"}})
        wait_until(lambda: [daemon for daemon in daemons_of_folder("") .values() if daemon])

    def test_nbd_host(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.nbd("-b", "127.0.0.1", "-p", str(port))

        def answers():
            with socket.socket() as peer:
                return peer.connect_ex(("127.0.0.1", port)) == 0
        wait_until(answers)
        self.started({"source": {"protocol": "nbd", "host": "127.0.0.1", "port": port, "name": "store"}})
        self.kill()
        self.assertTrue(self.define({"source": {"protocol": "nbd", "host": "127.0.0.1", "port": port, "name": "other"}})["ok"])
        answer = self.ask("start", guest="web")
        self.assertFalse(answer["ok"])
        self.assert_words([f"disk nbd://127.0.0.1:{port}/other"], answer["error"])


if __name__ == "__main__":
    main()
