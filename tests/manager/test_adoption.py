"""Guests outlive their manager: what the next one finds, and what was promised."""

import resource

import shutil

from manager import *


class Adoption(ManagerTest):
    def test_guest_goes_on_and_is_taken_over(self):
        self.define_file("web", "hello")
        self.up()
        before = self.guest("web")
        self.kill_manager()
        self.assertTrue(process_alive(before["pid"]))
        self.up()
        after = self.guest("web")
        self.assertEqual((after["pid"], after["state"]), (before["pid"], "running"))
        self.assertIn("adopted", [event["event"] for event in self.ask("events")["result"]])
        self.ok("kill", "--wait", "web")
        self.assertFalse(process_alive(before["pid"]))

    def test_many_times(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        for _ in range(5):
            self.kill_manager()
            self.up()
            self.assertEqual(self.guest("web")["pid"], pid)
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.kill_manager()
        self.up()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) == descriptors)

    def test_guest_process_without_a_free_descriptor(self):
        """Its guest can make it use up all, with connections."""
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.kill_manager()
        used = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
        first_free = min(set(range(len(used) + 1)) - used)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, before[1]))
        self.up()
        self.assertEqual((self.guest("web")["pid"], self.state("web")), (pid, "running"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def test_down_that_keeps_the_guests(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.assertTrue(self.ask("down", keep_guests=True)["ok"])
        wait_until(lambda: not self.manager_pids())
        self.assertTrue(process_alive(pid))
        self.up()
        self.assertEqual(self.guest("web")["pid"], pid)

    def test_new_program_takes_over_from_an_old_one(self):
        self.define_file("web")
        old = shutil.copy(PROGRAM, self.path("rastos-vmm"))
        subprocess.run([old, "--config", "vmm.json", "up", "-d"], cwd=self.folder.name, stderr=subprocess.DEVNULL,
                       check=True)
        pid = self.guest("web")["pid"]
        os.unlink(old)  # as installing a new one does
        self.ok("down", "--keep-guests")
        self.up()
        self.assertEqual((self.guest("web")["pid"], self.state("web")), (pid, "running"))
        self.assertTrue(os.readlink(f"/proc/{pid}/exe").endswith("/rastos-vmm (deleted)"))
        self.ok("shutdown", "--wait", "--timeout", "0", "web")
        self.assertFalse(process_alive(pid))

    def test_guests_are_executed_by_the_program_that_the_manager_runs(self):
        self.define_file("web", autostart=False)
        old = shutil.copy(PROGRAM, self.path("rastos-vmm"))
        subprocess.run([old, "--config", "vmm.json", "up", "-d"], cwd=self.folder.name, stderr=subprocess.DEVNULL,
                       check=True)
        os.unlink(old)
        self.write("rastos-vmm", "#!/bin/false\n")  # something else is in its place
        os.chmod(old, 0o755)
        self.ok("start", "web")
        self.wait_state("web", "running")
        self.assertTrue(os.readlink(f"/proc/{self.guest('web')['pid']}/exe").endswith("/rastos-vmm (deleted)"))

    def standard_error(self, pid):
        return os.readlink(f"/proc/{pid}/fd/2")

    def test_standard_error_is_a_pipe_to_the_present_manager(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        first = self.standard_error(pid)
        self.kill_manager()
        self.up()
        self.wait_state("web", "running")
        wait_until(lambda: self.standard_error(pid) != first)
        manager = self.manager_pids()[0]
        self.assertIn(self.standard_error(pid), [os.readlink(f"/proc/{manager}/fd/{fd}") for fd in os.listdir(f"/proc/{manager}/fd")])
        clients = [self.console_client() for _ in range(17)]  # one more than a console has places for
        wait_until(lambda: b"guest web: console: " in self.read("run/manager.log"))
        for client in clients:
            client.close()

    def console_client(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(self.path("run/control.sock"))
        client.sendall(b'{"id":1,"op":"console","guest":"web"}\n')
        return client

    def test_numbers_of_the_plan_are_known_again(self):
        self.configure(reserve={"cpus": 0})
        self.define_file("web", cpus={"weight": 70})
        self.define_file("alone", autostart=False, cpus={"placement": "exclusive"})
        self.up()
        numbers = lambda: {key: self.guest("web").get(key) for key in ("vcpus", "cpus", "weight", "pages", "topology")}
        first = numbers()
        self.assertEqual(first["weight"], 70)
        if len(os.sched_getaffinity(0)) > 1:  # what changed while it ran counts, not what it began with
            self.ok("start", "alone")
            wait_until(lambda: numbers()["cpus"] != first["cpus"])
        before = numbers()
        self.kill_manager()
        self.up()
        self.assertEqual(numbers(), before)

    def test_console_survives_the_manager(self):
        self.define_file("web", "hello")
        self.up()
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(10)
            console.connect(self.path("run/control.sock"))
            console.sendall(b'{"id":1,"op":"console","guest":"web"}\n')
            text = b""
            while b"hello" not in text:
                text += console.recv(4096)
            self.kill_manager()
            console.setblocking(False)
            self.assertRaises(BlockingIOError, console.recv, 1)  # it has not hung up

    def test_paused_guest_is_still_paused(self):
        self.define_file("web")
        self.up()
        self.ok("pause", "web")
        self.kill_manager()
        self.up()
        self.wait_state("web", "paused")
        self.ok("resume", "web")
        self.assertEqual(self.state("web"), "running")

    def test_guest_that_was_not_ready_is_not_yet(self):
        self.define_file("web", ready="notify", autostart=False)
        self.up()
        self.ok("start", "web")
        self.kill_manager()
        self.up(TIMED_OUT)
        self.assertEqual(self.state("web"), "starting")

    def test_guest_that_was_off_stays_off(self):
        self.define_file("web")
        self.up()
        self.ok("kill", "--wait", "web")
        self.kill_manager()
        self.up()
        self.assertEqual(self.state("web"), "off")

    def test_shutdown_that_was_promised_happens(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.ok("shutdown", "--timeout", "60", "web")
        self.kill_manager()
        self.up()
        self.assertEqual(self.state("web"), "stopping")
        self.ok("shutdown", "--timeout", "0", "web")  # with less patience
        wait_until(lambda: not process_alive(pid))
        self.wait_state("web", "off")

    def test_reboot_that_was_promised_happens(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.ok("reboot", "--timeout", "60", "web")
        self.kill_manager()
        self.up()
        os.kill(pid, signal.SIGKILL)  # in place of a guest that listens to the button
        wait_until(lambda: self.state("web") == "running" and self.guest("web")["pid"] != pid)

    def test_guest_that_ended_meanwhile(self):
        for kernel, state in (("poweroff", "off"), ("crash", "failed")):
            with self.subTest(kernel):
                self.define_file("web", kernel, autostart=False)
                self.up()
                self.ok("start", "web")
                self.wait_state("web", state)
                # As if that manager had died before it heard of the end.
                record = self.path("run/guests/web/state.json")
                self.kill_manager()
                with open(record) as file:
                    content = json.load(file)
                with open(record, "w") as file:
                    json.dump(content | {"goal": "run", "pid": 1, "start_time": 7}, file)
                self.up(FAILED if state == "failed" else DONE)
                self.assertEqual(self.state("web"), state)
                self.ask("down")

    def test_guest_process_that_was_killed_meanwhile(self):
        self.define_file("web", on_crash="restart", on_poweroff="restart")
        self.up()
        pid = self.guest("web")["pid"]
        self.kill_manager()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not process_alive(pid))
        self.up(FAILED)
        self.assertEqual(self.state("web"), "failed")  # killed, it left no word, so that it did not crash by itself

    def test_guest_that_waited_to_start_again_starts(self):
        self.define_file("web", "crash", on_crash="restart")
        self.up()
        self.wait_state("web", "waiting")
        self.kill_manager()
        self.run_program("up", "-d", "--timeout", "2")  # it crashes again, sooner or later
        starts = lambda: [event for event in self.ask("events")["result"] if event["event"] == "starting"]
        wait_until(starts)

    def test_guest_whose_definition_is_gone(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.kill_manager()
        os.unlink(self.path("guests/web.json"))
        self.up()
        self.assertEqual(self.guest("web")["pid"], pid)
        self.ok("kill", "--wait", "web")
        self.assertTrue(self.ask("undefine", guest="web")["ok"])
        self.assertIsNone(self.guest("web"))

    def test_definition_that_changed_meanwhile_counts_from_the_next_start(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.kill_manager()
        self.define_file("web", memory_mib=24)
        self.up()
        self.assertEqual((self.guest("web")["pid"], self.guest("web")["memory_mib"]), (pid, 16))
        self.ok("kill", "--wait", "web")
        self.ok("start", "web")
        self.assertEqual(self.guest("web")["memory_mib"], 24)

    def test_record_that_is_damaged(self):
        self.define_file("web")
        self.up()
        pid = self.guest("web")["pid"]
        self.kill_manager()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not process_alive(pid))
        self.write("run/guests/web/state.json", '{"boot_id":')
        self.up()
        self.assertEqual(self.state("web"), "running")

    def test_two_managers_at_once(self):
        self.define_file("web")
        self.up()
        process = self.run_program("up", "--no-console")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("a manager runs already", process.errors)
        self.assertEqual(self.state("web"), "running")


class Promises(ManagerTest):
    """kill -9 at any instant loses nothing that was acknowledged."""

    def test_definitions(self):
        for round in range(8):
            self.up()
            kept = []
            for number in range(round * 3):
                name = f"g{round}-{number}"
                answer = self.ask("define", definition=self.definition(name, autostart=False), folder=self.folder.name)
                self.assertTrue(answer["ok"], answer)
                kept.append(name)
            with socket.socket(socket.AF_UNIX) as peer:  # one more, perhaps acknowledged, perhaps not
                peer.connect(self.path("run/control.sock"))
                last = self.definition(f"g{round}-last", autostart=False)
                peer.sendall(json.dumps({"id": 1, "op": "define", "definition": last}).encode() + b"\n")
                time.sleep(round * 0.0003)
                self.kill_manager()
                try:
                    acknowledged = b'"ok":true' in peer.recv(65536)
                except ConnectionResetError:
                    acknowledged = False
            if acknowledged:
                kept.append(f"g{round}-last")
            self.up()
            names = [guest["name"] for guest in json.loads(self.ok("list", "--json"))["guests"]]
            self.assertEqual([name for name in kept if name not in names], [])
            self.ask("down")


if __name__ == "__main__":
    main()
