"""Which host CPUs guests' threads are on, from their start on and when other guests come and go."""

import os
import unittest

from manager import *

CPUS = sorted(os.sched_getaffinity(0))
needs_two_cpus = unittest.skipUnless(len(CPUS) >= 2, "wants two CPUs")


POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def free_pages():
    try:
        with open(f"{POOL}/free_hugepages") as file:
            return int(file.read())
    except OSError:
        return 0


def siblings(cpu):
    try:
        with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
            return file.read().strip()
    except OSError:
        return str(cpu)


@unittest.skipUnless(all(siblings(cpu) == str(cpu) for cpu in CPUS[:2]), "wants cores of one thread")
@needs_two_cpus
class Placement(ManagerTest):
    def setUp(self):
        super().setUp()
        with open(self.path("vmm.json")) as file:
            settings = json.load(file)
        self.write("vmm.json", json.dumps(settings | {"reserve": {"cpus": 0, "memory_mib": 64}}))

    def threads(self, name):
        """The CPUs of each thread, by the threads' names."""
        pid = self.guest(name)["pid"]
        found = {}
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/comm") as file:
                found[file.read().strip()] = sorted(os.sched_getaffinity(int(thread)))
        return found

    def wait_threads(self, name, wanted):
        wait_until(lambda: self.threads(name).items() >= wanted.items())

    def test_vcpus_are_named_and_share_the_host(self):
        self.define_file("web", vcpus=2)
        self.up()
        self.wait_threads("web", {"vcpu 0": CPUS, "vcpu 1": CPUS})

    def test_threads_with_cpus_of_their_own(self):
        self.define_file("web", vcpus=2, cpus={"vcpupin": {"0": str(CPUS[1])}, "emulatorpin": str(CPUS[0])})
        self.up()
        self.wait_threads("web", {"vcpu 0": CPUS[1:2], "vcpu 1": CPUS})
        for thread, cpus in self.threads("web").items():
            self.assertTrue(thread.startswith(("vcpu", "kvm")) or cpus == CPUS[:1], (thread, cpus))
        self.define_file("other", cpus={"pin": str(CPUS[0]), "vcpupin": {"0": str(CPUS[1])}})
        process = self.run_program("define", "guests/other.json")
        self.assertEqual(process.returncode, REFUSED)
        self.assert_words(["guest other: cpus.vcpupin.0", f"{CPUS[1]} is not within", f"runs on, {CPUS[0]}"], process.errors)

    def test_pinned_guest(self):
        self.define_file("web", vcpus=1, cpus={"pin": str(CPUS[1])})
        self.up()
        self.wait_threads("web", {"vcpu 0": CPUS[1:2]})
        self.assertEqual({tuple(cpus) for cpus in self.threads("web").values()}, {(CPUS[1],)})

    def test_exclusive_guest_pushes_others_aside_and_gives_back(self):
        self.define_file("web", vcpus=1)
        self.define_file("db", vcpus=1, autostart=False, cpus={"placement": "exclusive", "pin": str(CPUS[0])})
        self.up()
        self.wait_threads("web", {"vcpu 0": CPUS})
        self.ok("start", "db")
        self.wait_threads("db", {"vcpu 0": CPUS[:1]})
        self.wait_threads("web", {"vcpu 0": CPUS[1:]})
        self.ok("kill", "--wait", "db")
        self.wait_threads("web", {"vcpu 0": CPUS})

    def test_cpu_that_is_not_there(self):
        self.define_file("web", vcpus=1, cpus={"pin": "1023"})
        process = self.run_program("up", "-d", "--timeout", "2")
        self.assertNotEqual(process.returncode, DONE)
        self.assertIn("guest web: cpus.pin: 1023 is not all there", process.errors)


class HugePages(ManagerTest):
    @unittest.skipIf(free_pages() < 8, f"wants free huge pages: echo 8 >{POOL}/nr_hugepages")
    def test_guest_on_huge_pages(self):
        there = free_pages()
        self.define_file("web", memory_backing={"hugepages": True}, numa={"nodes": "0"})
        self.up()
        self.assertEqual(self.state("web"), "running")
        self.assertEqual(self.guest("web")["pages"], "2M")
        self.assertEqual(free_pages(), there - 8)  # those of a node are allocated at once
        self.ok("kill", "--wait", "web")
        wait_until(lambda: free_pages() == there)

    def test_pool_that_is_too_small(self):
        self.define_file("web", memory_mib=2 * free_pages() + 1024, memory_backing={"hugepages": True})
        process = self.run_program("up", "-d", "--timeout", "2")
        self.assertNotEqual(process.returncode, DONE)
        self.assertIn("of 2M pages do not fit", process.errors)


@needs_kvm
class Run(ProgramTest):
    """Without a manager."""

    @needs_two_cpus
    def test_placement_holds(self):
        self.write("sleep.elf", elf_kernel())
        self.write("guest.json", json.dumps({"name": "one", "kernel": {"path": "sleep.elf"}, "memory_mib": 16,
                                             "vcpus": 1, "cpus": {"pin": str(CPUS[1])}}))
        process = subprocess.Popen([PROGRAM, "--config", "vmm.json", "run", "guest.json"], cwd=self.folder.name,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)

        def vcpu():
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{thread}/comm") as file:
                    if file.read() == "vcpu 0\n":
                        return int(thread)
            return None

        self.assertEqual(os.sched_getaffinity(wait_until(vcpu)), {CPUS[1]})

    def test_host_without_huge_pages_refuses(self):
        self.write("sleep.elf", elf_kernel())
        self.write("guest.json", json.dumps({"name": "one", "kernel": {"path": "sleep.elf"}, "memory_mib": 1 << 20,
                                             "memory_backing": {"hugepages": True}}))
        self.refused(REFUSED, ["guest one: memory_mib: 1048576 MiB of 2M pages do not fit"], "run", "guest.json")


if __name__ == "__main__":
    main()
