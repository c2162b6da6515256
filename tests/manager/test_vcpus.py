"""vCPUs that come and go while a guest runs, with guests that take them, refuse them, and say nothing."""

from manager import *

CAME, LEAVE, EJECT, EVENT, STATUS, ANSWER = 0x620, 0x640, 0x680, 0x6A0, 0x6A4, 0x6A8
LAPIC = 0xFEE00000
TRAMPOLINE = 0x8000


def port(number):
    return b"\xba" + struct.pack("<I", number)  # mov $number, %edx


def out(number, value):
    return port(number) + b"\xb8" + struct.pack("<I", value) + b"\xef"  # mov $value, %eax; out %eax, (%dx)


def answering(status=0, ejects=True):
    """Polls its registers as a kernel's ACPI would after the interrupt, and answers for each processor that came."""
    answer = b"\x0f\xbc\xc3" + port(ANSWER) + b"\xef\x8d\x4b\xff\x21\xcb"  # bsf %ebx, %eax; out; %ebx &= %ebx - 1
    answer += b"\x75" + struct.pack("b", -len(answer) - 2)
    came = b"\x89\xc3" + out(EVENT, 1) + out(STATUS, status) + answer  # mov %eax, %ebx
    came = port(CAME) + b"\xed\x85\xc0\x74" + bytes([len(came)]) + came  # in; test; jz
    left = port(EJECT) + b"\xef" if ejects else b"\x89\xc3" + out(EVENT, 3) + out(STATUS, 0x80) + answer
    left = port(LEAVE) + b"\xed\x85\xc0\x74" + bytes([len(left)]) + left
    return came + left + b"\xeb" + struct.pack("b", -len(came + left) - 2)


def put(address, value):
    return b"\xbb" + struct.pack("<I", address) + b"\xc7\x03" + struct.pack("<I", value)


# Starts processor 1 whether it is there or not; in real mode that one prints an x and sleeps.
REAL_MODE = b"\xba\xf8\x03\xb0x\xee\xf4\xeb\xfd\x90\x90\x90"
STARTS = (b"".join(put(TRAMPOLINE + i, struct.unpack_from("<I", REAL_MODE, i)[0]) for i in range(0, len(REAL_MODE), 4)) +
          put(LAPIC + 0xF0, 0x1FF) + put(LAPIC + 0x310, 1 << 24) + put(LAPIC + 0x300, 0x4500) +
          put(LAPIC + 0x310, 1 << 24) + put(LAPIC + 0x300, 0x4608) + HELLO + answering())


class Vcpus(ManagerTest):
    def start(self, code, vcpus=4, current=2, **members):
        self.write("guest.elf", elf_kernel(code=code))
        self.define_file("web", "guest", vcpus=vcpus, current_vcpus=current, **members)
        self.up()

    def refused_vcpus(self, count, code, *words):
        process = self.run_program("setvcpus", "web", str(count))
        self.assertEqual(process.returncode, code, process.errors)
        self.assert_words(words, process.errors)

    def changes(self):
        return [event["detail"] for event in self.ask("events")["result"] if event["event"] == "vcpus-changed"]

    def test_come_and_go_and_come_again(self):
        self.start(answering())
        self.assertEqual((self.guest("web")["vcpus"], self.guest("web")["max_vcpus"]), (2, 4))
        self.assertRegex(self.ok("info", "web"), r"vCPUs: +2 of 4\n")
        self.before = 2
        for count in (4, 1, 3, 2, 4):
            process = self.run_program("setvcpus", "--json", "web", str(count))
            came = count > self.before
            self.before = count
            answer = json.loads(process.output)
            self.assertEqual((process.returncode, answer["vcpus"]), (DONE, count), process.errors)
            self.assertEqual("has not started" in answer.get("note", ""), came)
            self.assertEqual("web: its kernel has not started" in process.errors, came)
            self.assertEqual(self.guest("web")["vcpus"], count)
        self.ok("setvcpus", "web", "4")  # as it is
        self.assertEqual(self.changes()[:5], ["4", "1", "3", "2", "4"])
        (stats,) = json.loads(self.ok("stats", "--json", "web"))
        self.assertEqual(stats["vcpus"], 4)

    def test_one_that_refuses_has_what_it_had(self):
        self.start(answering(status=1, ejects=False))
        self.refused_vcpus(4, REFUSED, "guest web: has 2 vCPUs, not 4", "does not take vCPUs")
        self.refused_vcpus(1, REFUSED, "guest web: has 2 vCPUs, not 1", "does not let vCPUs go")
        self.assertEqual(self.guest("web")["vcpus"], 2)

    def test_one_that_says_nothing_is_not_waited_for_long(self):
        self.start(SLEEP)
        self.refused_vcpus(3, REFUSED, "guest web: has 2 vCPUs, not 3", "did not answer")
        self.assertEqual(self.guest("web")["vcpus"], 2)

    def test_one_that_is_not_there_does_not_run(self):
        self.start(STARTS, vcpus=2, current=1)
        log = lambda: self.read("run/guests/web/console.log").rstrip(b"\0")
        wait_until(lambda: b"hello" in log())
        time.sleep(0.3)
        self.assertNotIn(b"x", log())
        self.assertEqual(json.loads(self.ok("setvcpus", "--json", "web", "2")), {"vcpus": 2})
        wait_until(lambda: b"x" in log())

    def test_bad_input(self):
        self.define_file("plain", vcpus=2)
        self.start(answering())
        self.refused_vcpus(5, USAGE, "guest web: has at most 4 vCPUs")
        for wrong in ("0", "-1", "x", "256", ""):
            process = self.run_program("setvcpus", "web", wrong)
            self.assertEqual(process.returncode, USAGE, wrong)
        process = self.run_program("setvcpus", "plain", "1")
        self.assertEqual(process.returncode, REFUSED)
        self.assert_words(["guest plain", "current_vcpus"], process.errors)
        self.ok("pause", "web")
        self.refused_vcpus(1, REFUSED, "guest web: is paused")
        self.assertIn("vcpus: is missing", self.ask("vcpus-set", guest="web")["error"])
        self.assertEqual(self.guest("web")["vcpus"], 2)

    def test_the_plan_counts_what_is_there(self):
        self.configure(overcommit={"cpus": 1})
        count = len(os.sched_getaffinity(0))
        self.start(answering(), vcpus=count + 1, current=1)
        self.refused_vcpus(count + 1, REFUSED, "guest web: vcpus", "do not fit")
        self.ok("setvcpus", "web", str(count))
        self.assertEqual(self.guest("web")["vcpus"], count)

    def test_the_next_manager_knows_how_many_there_are(self):
        self.start(answering())
        self.ok("setvcpus", "web", "3")
        self.kill_manager()
        self.up()
        wait_until(lambda: self.guest("web")["vcpus"] == 3)
        self.ok("setvcpus", "web", "1")
        self.ok("kill", "--wait", "web")
        self.ok("start", "web")
        self.wait_state("web", "running")
        self.assertEqual(self.guest("web")["vcpus"], 2, "as its definition says")


if __name__ == "__main__":
    main()
