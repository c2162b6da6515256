"""The manager's log and what guests' processes leave: none of them grows for ever."""

from manager import *

LOG_MAX = 8 << 20


class ManagerLog(ManagerTest):
    def size(self, name):
        return os.stat(self.path("run/" + name)).st_size

    def grow(self, name="manager.log"):
        os.makedirs(self.path("run"), exist_ok=True)
        os.chmod(self.path("run"), 0o700)
        with open(self.path("run/" + name), "ab") as file:
            file.write(b"line\n" * (LOG_MAX // 5 + 1))

    def test_long_one_is_put_aside_when_the_manager_starts(self):
        self.grow()
        self.grow("manager.log.1")
        self.grow("manager.log.1")
        self.define_file("web")
        self.up()
        self.assertLess(self.size("manager.log"), 10000)
        self.assertEqual(self.size("manager.log.1"), 5 * (LOG_MAX // 5 + 1))

    def test_long_one_is_put_aside_while_the_manager_runs(self):
        self.define_file("web")
        self.up()
        self.grow()
        wait_until(lambda: os.path.exists(self.path("run/manager.log.1")), 15)
        pid = self.guest("web")["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: b"guest web" in self.read("run/manager.log"))  # it goes on in the new one
        self.assertLess(self.size("manager.log"), 10000)

    def test_short_one_goes_on(self):
        self.define_file("web")
        self.up()
        self.ok("down", "--force")
        before = self.read("run/manager.log")
        self.up()
        self.assertTrue(self.read("run/manager.log").startswith(before))
        self.assertFalse(os.path.exists(self.path("run/manager.log.1")))


class GuestFiles(ManagerTest):
    def test_they_have_their_size_from_the_start(self):
        self.define_file("web", "hello", autostart=False)
        self.up()
        for _ in range(2):
            self.ok("start", "web")
            wait_until(lambda: "hello" in self.ok("logs", "web"))
            for name, size in (("console.log", CONSOLE_LOG), ("end.json", 65536)):
                self.assertEqual(os.stat(self.path(f"run/guests/web/{name}")).st_size, size)
            self.ok("kill", "--wait", "web")

    def test_last_words_are_those_of_the_last_run(self):
        self.define_file("web", "crash", autostart=False)
        self.up()
        self.run_program("start", "web")
        self.wait_state("web", "failed")
        self.assertIn(b"crashed", self.read("run/guests/web/end.json"))
        self.write("crash.elf", self.read("sleep.elf"))
        self.ok("start", "web")
        self.assertEqual(self.read("run/guests/web/end.json"), b"\0" * 65536)

    def test_old_log_of_another_size_is_replaced(self):
        self.define_file("web", "hello", autostart=False)
        self.up()
        self.ok("start", "web")
        self.ok("kill", "--wait", "web")
        self.write("run/guests/web/console.log", "text of a former version\n")
        self.ok("start", "web")
        wait_until(lambda: self.ok("logs", "web") == "hello\n")


if __name__ == "__main__":
    main()
