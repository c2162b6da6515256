"""Tasks: what takes long is listed, watched and cancelled; nothing of one that did not end stays."""

import ctypes
import io
import shutil
import tarfile
import unittest

from manager import *

TASKS_RUNNING_MAX = 64  # vmm/manager/task.h
TASKS_KEPT_MAX = 256
PROCESSES_MAX = 8  # vmm/manager/task_process.h

libc = ctypes.CDLL(None, use_errno=True)


def can_make_filesystems():
    return shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/sbin:/usr/sbin") and subprocess.run(
        ["unshare", "--user", "--map-root-user", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL).returncode == 0


def can_mount():
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


class TaskTest(ManagerTest):
    def setUp(self):
        super().setUp()
        self.up()

    def result(self, op, **members):
        answer = self.ask(op, **members)
        self.assertTrue(answer["ok"], answer)
        return answer.get("result")

    def refused(self, op, code, words, **members):
        answer = self.ask(op, **members)
        self.assertEqual((answer["ok"], answer.get("code")), (False, code), answer)
        self.assertNotIn("\n", answer["error"])
        self.assert_words(words, answer["error"])

    def task(self, number):
        return self.result("task-info", task=number)

    def wait_task(self, number, state, seconds=20):
        wait_until(lambda: self.task(number)["state"] != "running", seconds)
        task = self.task(number)
        self.assertEqual(task["state"], state, task)
        self.assertIn("ended", task)
        return task

    def pool(self):
        try:
            return sorted(os.listdir(self.path("state/disks")))
        except FileNotFoundError:
            return []

    def manager(self):
        """By its own word: a process that it is just making has its files for a moment, too."""
        return self.result("host")["pid"]

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not process_alive(pid))

    def drafts(self):
        return [name for name in self.pool() if name.startswith(".draft")]

    def children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]

    def large_source(self):
        """What takes a while to import."""
        with tarfile.open(self.path("root.tar"), "w") as tar:
            for number in range(6000):
                info = tarfile.TarInfo(f"file{number}")
                info.size = 1000
                tar.addfile(info, io.BytesIO(os.urandom(info.size)))
        return self.path("root.tar")

    def stop_worker(self):
        """The process of the task that runs stands still; its id."""
        manager = self.manager()
        workers = wait_until(lambda: self.children(manager))
        os.kill(workers[0], signal.SIGSTOP)
        return workers[0]


class Disks(TaskTest):
    def test_life_of_a_disk(self):
        disk = self.result("disk-create", disk="web", size=1 << 20)
        self.assertEqual((disk["name"], disk["size"], disk["in_use"]), ("web", 1 << 20, False))
        self.assertEqual(self.result("disk-resize", disk="web", size=2 << 20)["size"], 2 << 20)
        self.assertEqual(self.result("disk-clone", disk="copy", source="web")["size"], 2 << 20)
        self.assertEqual([disk["name"] for disk in self.result("disk-list")["disks"]], ["copy", "web"])
        self.assertEqual(self.result("disk-info", disk="copy")["guests"], [])
        pool = self.result("pool-info")
        self.assertEqual((pool["folder"], pool["disks"]), (self.path("state/disks"), 2))
        self.assertTrue(0 < pool["free"] <= pool["capacity"])
        self.assertIsNone(self.result("disk-delete", disk="copy"))
        self.assertEqual(self.pool(), ["web.img"])
        kinds = [task["kind"] for task in self.result("task-list")["tasks"]]
        self.assertEqual(kinds, ["disk-delete", "disk-clone", "disk-resize", "disk-create"])

    def test_disk_of_a_guest(self):
        self.result("disk-create", disk="data", size=1 << 20)
        self.result("define", definition=self.definition("web", disks=[{"image": "data"}]))
        self.assertEqual(self.result("disk-info", disk="data")["guests"], ["web"])
        self.ok("start", "web")
        self.wait_state("web", "running")
        self.assertTrue(self.result("disk-info", disk="data")["in_use"])
        self.refused("disk-delete", REFUSED, ["data", "in use"], disk="data")
        self.assertEqual(self.result("disk-resize", disk="data", size=2 << 20)["size"], 2 << 20)  # its guest is told
        self.refused("disk-clone", REFUSED, ["data", "in use"], disk="copy", source="data")
        self.assertEqual(self.pool(), ["data.img"])

    def test_bad_members(self):
        self.result("disk-create", disk="web", size=1 << 20)
        before = len(self.result("task-list")["tasks"])
        for op, code, words, members in (
                ("disk-create", USAGE, ["disk", "missing"], {"size": 512}),
                ("disk-create", USAGE, ["size", "missing"], {"disk": "new"}),
                ("disk-create", USAGE, ["multiple of 512"], {"disk": "new", "size": 1000}),
                ("disk-create", USAGE, ["size", "from 1 to"], {"disk": "new", "size": 1 << 50}),
                ("disk-create", USAGE, ["size"], {"disk": "new", "size": "1G"}),
                ("disk-create", USAGE, ["name must be"], {"disk": "../new", "size": 512}),
                ("disk-create", USAGE, ["name must be"], {"disk": "x" * 300, "size": 512}),
                ("disk-create", REFUSED, ["web", "already"], {"disk": "web", "size": 512}),
                ("disk-create", USAGE, ["sise", "size"], {"disk": "new", "sise": 512}),
                ("disk-create", USAGE, ["task", "true or false"], {"disk": "new", "size": 512, "task": 1}),
                ("disk-import", USAGE, ["source", "missing"], {"disk": "new"}),
                ("disk-import", USAGE, ["source", "absolute"], {"disk": "new", "source": "root.tar"}),
                ("disk-import", USAGE, ["format", "qcow2"], {"disk": "new", "source": "/etc", "format": "qcow3"}),
                ("disk-import", USAGE, ["tag"], {"disk": "new", "source": "/etc", "tag": "x" * 400}),
                ("disk-clone", REFUSED, ["wep", "web"], {"disk": "new", "source": "wep"}),
                ("disk-resize", REFUSED, ["none"], {"disk": "none", "size": 512}),
                ("disk-delete", REFUSED, ["none"], {"disk": "none"}),
                ("disk-info", REFUSED, ["wep", "web"], {"disk": "wep"}),
                ("task-info", USAGE, ["task", "missing"], {}),
                ("task-info", REFUSED, ["99"], {"task": 99}),
                ("task-cancel", REFUSED, ["99"], {"task": 99}),
                ("task-cancel", REFUSED, ["task 1", "done already"], {"task": 1}),
                ("task-list", USAGE, ["state", "running"], {"state": "runing"})):
            with self.subTest(op=op, members=str(members)[:40]):
                self.refused(op, code, words, **members)
        self.assertEqual(self.pool(), ["web.img"])
        self.assertEqual(len(self.result("task-list")["tasks"]), before)  # what is refused at once is no task

    def test_source_that_is_not_there_is_refused_by_the_task(self):
        """The manager does not look: a server that is gone would hold it up."""
        self.refused("disk-import", REFUSED, ["/none/such", "No such file"], disk="new", source="/none/such")
        (task,) = self.result("task-list", state="failed")["tasks"]
        self.assert_words(["/none/such"], task["error"])
        self.assertEqual(self.pool(), [])

    def test_smaller_is_refused_by_the_task(self):
        self.result("disk-create", disk="web", size=1 << 20)
        self.refused("disk-resize", FAILED, ["web", "smaller"], disk="web", size=512)
        (task,) = self.result("task-list", state="failed")["tasks"]
        self.assert_words(["web", "smaller"], task["error"])
        self.assertEqual(task["code"], FAILED)


@unittest.skipUnless(can_make_filesystems(), "wants mkfs.ext4 and namespaces")
class Long(TaskTest):
    def test_import_is_watched_to_its_end(self):
        source = self.large_source()
        number = self.result("disk-import", disk="web", source=source, task=True)["id"]
        seen = {}
        while (task := self.task(number))["state"] == "running":
            if progress := task.get("progress"):
                seen.setdefault(progress["text"], []).append(progress)
        self.assertEqual(task["state"], "done", task)
        self.assertEqual(task["result"]["content"], "ext4")
        self.assertTrue(seen, "no progress was told")
        for progress in sum(seen.values(), []):  # tar's in bytes of the archive, mkfs.ext4's of what it copies
            if "total" in progress:
                self.assertLessEqual(progress["done"], progress["total"])
                self.assertEqual(progress["percent"], progress["done"] * 100 // progress["total"])
        for progress in seen.get("unpacking", []):
            self.assertEqual(progress.get("total", os.path.getsize(source)), os.path.getsize(source))
        self.assertEqual(self.pool(), ["web.img"])
        events = [(event["event"], event["task"]) for event in self.result("events") if "task" in event]
        self.assertEqual(events, [("task-started", number), ("task-done", number)])

    def test_cancel_in_the_middle(self):
        number = self.result("disk-import", disk="web", source=self.large_source(), task=True)["id"]
        wait_until(self.drafts)
        worker = self.stop_worker()
        self.assertTrue(self.drafts())
        self.result("task-cancel", task=number)
        self.wait_task(number, "cancelled")
        self.assertFalse(process_alive(worker))
        self.assertEqual(self.pool(), [])
        self.refused("task-cancel", REFUSED, ["cancelled already"], task=number)
        self.assertEqual(self.result("events")[-1]["event"], "task-cancelled")
        self.assertTrue(self.result("disk-create", disk="web", size=512))  # the name is free

    def test_process_that_is_killed_is_a_failure(self):
        number = self.result("disk-import", disk="web", source=self.large_source(), task=True)["id"]
        wait_until(self.drafts)
        os.kill(self.stop_worker(), signal.SIGKILL)
        task = self.wait_task(number, "failed")
        self.assert_words(["disk-import", "web", "signal 9"], task["error"])
        self.assertEqual(self.pool(), [])

    def test_who_waits_hears_of_a_cancelled_task(self):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(self.path("run/control.sock"))
            request = {"id": 1, "op": "disk-import", "disk": "web", "source": self.large_source()}
            peer.sendall((json.dumps(request) + "\n").encode())
            lines = peer.makefile()
            self.assertIn("progress", json.loads(lines.readline()))
            self.stop_worker()
            self.result("task-cancel", task=1)
            while "progress" in (answer := json.loads(lines.readline())):
                pass
            self.assertEqual((answer["ok"], answer["error"]), (False, "the task was cancelled"))

    def test_too_many_at_once(self):
        source = self.large_source()
        numbers = []
        for place in range(PROCESSES_MAX):
            numbers.append(self.result("disk-import", disk=f"disk{place}", source=source, task=True)["id"])
            for worker in self.children(self.manager()):
                os.kill(worker, signal.SIGSTOP)
        self.refused("disk-create", REFUSED, ["8 tasks", "the most"], disk="more", size=512)
        self.assertEqual(len(self.result("task-list", state="running")["tasks"]), PROCESSES_MAX)
        for number in numbers:
            self.result("task-cancel", task=number)
        for number in numbers:
            self.wait_task(number, "cancelled")
        self.assertEqual(self.pool(), [])
        self.result("disk-create", disk="more", size=512)


@unittest.skipUnless(can_make_filesystems(), "wants mkfs.ext4 and namespaces")
class Killed(TaskTest):
    """kill -9 of the manager during each operation that changes the pool: it is done as a whole, or not at all."""

    def killed_during(self, op, **members):
        answer = self.ask(op, task=True, **members)
        self.assertTrue(answer["ok"], answer)
        manager = self.manager()
        workers = self.children(manager)
        self.kill(manager)
        wait_until(lambda: not any(process_alive(worker) for worker in workers))
        self.up()
        wait_until(lambda: not self.drafts())
        self.assertEqual(self.result("task-list")["tasks"], [])  # they end with their manager

    def test_each_operation(self):
        source = self.large_source()
        self.result("disk-create", disk="base", size=64 << 20)
        for op, members, others in (("disk-create", {"disk": "new", "size": 512}, [512]),
                                    ("disk-import", {"disk": "new", "source": source}, [None]),
                                    ("disk-clone", {"disk": "new", "source": "base"}, [64 << 20]),
                                    ("disk-resize", {"disk": "base", "size": 128 << 20}, None),
                                    ("disk-delete", {"disk": "base"}, None)):
            with self.subTest(op):
                self.killed_during(op, **members)
                disks = {disk["name"]: disk for disk in self.result("disk-list")["disks"]}
                if "new" in disks:  # it was faster
                    self.assertTrue(others[0] in (None, disks["new"]["size"]))
                    self.result("disk-delete", disk="new")
                if "base" in disks:
                    self.assertIn(disks["base"]["size"], (64 << 20, 128 << 20))
                else:
                    self.assertEqual(op, "disk-delete")

    def test_in_the_middle_of_an_import(self):
        self.ask("disk-import", task=True, disk="web", source=self.large_source())
        wait_until(self.drafts)
        worker = self.stop_worker()
        self.kill(self.manager())
        wait_until(lambda: not process_alive(worker))
        self.assertNotIn("web.img", self.pool())
        self.up()  # the next manager removes what is left, unasked
        wait_until(lambda: self.pool() == [])


class Guests(TaskTest):
    """The waiting for a guest as a task."""

    def setUp(self):
        super().setUp()
        self.result("define", definition=self.definition("web"))
        self.result("define", definition=self.definition("slow", ready="notify"))

    def test_start_and_shutdown(self):
        task = self.wait_task(self.start_task("slow", timeout_s=1), "failed")
        self.assertEqual(task["code"], TIMED_OUT)
        self.assert_words(["slow", "not ready"], task["error"])
        report = self.wait_task(self.start_task("web"), "done")["result"]
        self.assertIn("steps", report)
        number = self.result("shutdown", guest="web", timeout_s=0, task=True)["id"]
        self.wait_task(number, "done")
        self.assertEqual(self.state("web"), "off")

    def start_task(self, guest, **members):
        return self.result("start", guest=guest, task=True, **members)["id"]

    def test_what_is_refused_at_once_is_no_task(self):
        self.ok("start", "web")
        self.refused("start", REFUSED, ["web", "already"], guest="web", task=True)
        self.refused("shutdown", REFUSED, ["slow"], guest="slow", task=True)
        self.refused("start", NO_GUEST, ["wep", "web"], guest="wep", task=True)
        self.refused("pause", USAGE, ["task"], guest="web", task=True)
        self.assertEqual(self.result("task-list")["tasks"], [])

    def test_cancel_ends_the_waiting_only(self):
        number = self.start_task("slow")
        self.assertEqual(self.result("task-cancel", task=number)["state"], "cancelled")
        self.assertEqual(self.state("slow"), "starting")
        self.ok("kill", "slow")

    def test_most_run_and_most_are_kept(self):
        numbers = [self.start_task("slow")]
        numbers += [self.result("boot-report", guest="slow", task=True)["id"] for _ in range(TASKS_RUNNING_MAX - 1)]
        self.refused("boot-report", REFUSED, ["64 tasks", "the most"], guest="slow", task=True)
        for number in numbers[1:]:
            self.result("task-cancel", task=number)
        for _ in range(TASKS_KEPT_MAX):
            self.result("task-cancel", task=self.result("boot-report", guest="slow", task=True)["id"])
        tasks = self.result("task-list")["tasks"]
        self.assertEqual(len(tasks), TASKS_KEPT_MAX)
        self.assertEqual(tasks[-1]["id"], numbers[0])  # one that runs is never forgotten
        self.refused("task-info", REFUSED, [str(numbers[1])], task=numbers[1])

    def test_manager_goes_while_they_wait(self):
        self.start_task("slow")
        self.ok("down", "--force")
        wait_until(lambda: not self.manager_pids())


@unittest.skipUnless(can_mount(), "wants a mount namespace")
class FullPool(TaskTest):
    def setUp(self):
        super().setUp()
        self.ok("down", "--force")
        wait_until(lambda: not self.manager_pids())
        os.makedirs(self.path("state/disks"))
        if libc.unshare(0x00020000) < 0 or libc.mount(b"none", b"/", None, (1 << 14) | (1 << 18), None) < 0:
            raise unittest.SkipTest("no mount namespace: " + os.strerror(ctypes.get_errno()))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.path("state/disks")], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("state/disks")], check=True)
        self.up()

    def test_nothing_stays(self):
        self.write("large.raw", os.urandom(4 << 20))
        self.refused("disk-import", FAILED, ["web", "No space left"], disk="web", source=self.path("large.raw"), format="raw")
        self.assertEqual(self.pool(), [])
        self.assertGreater(self.result("pool-info")["free"], 1 << 19)
        self.result("disk-create", disk="empty", size=64 << 20)  # holes take no room


if __name__ == "__main__":
    main()
