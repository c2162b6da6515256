"""A guest's watchdog: what follows when the guest lets it expire, by the action of its definition."""

from manager import *

ECAM = 0xD0000000 + (31 << 15)  # the last slot of the bus
BAR = 0xD1000000 + 31 * 0x10000
CONFIG, LOCK, COMMAND = 0x60, 0x68, 4
TIMER_1, TIMER_2, RELOAD = 0, 4, 12
TICKS = 150  # milliseconds of a stage


def put(address, value, width=4):
    """mov $address, %ebx; mov of a constant to (%ebx), of 1, 2 or 4 bytes: the same in 32-bit and in 64-bit mode"""
    opcode = {1: b"\xc6\x03", 2: b"\x66\xc7\x03", 4: b"\xc7\x03"}[width]
    return b"\xbb" + struct.pack("<I", address) + opcode + value.to_bytes(width, "little")


def put_unlocked(register, value, width=4):
    return put(BAR + RELOAD, 0x80, 1) + put(BAR + RELOAD, 0x86, 1) + put(BAR + register, value, width)


def hang(ticks):
    """What Linux' driver does when /dev/watchdog is opened; then nobody feeds it."""
    return (put(ECAM + COMMAND, 2, 2) + put(ECAM + CONFIG, 3, 2) + put_unlocked(TIMER_1, ticks) + put_unlocked(TIMER_2, ticks) +
            put_unlocked(RELOAD, 0x100, 2) + put(ECAM + LOCK, 2, 1))


class Watchdog(ManagerTest):
    def setUp(self):
        super().setUp()
        self.write("hang.elf", elf_kernel(code=hang(TICKS)))

    def start(self, action, **members):
        self.define_file("web", "hang", transport="pci", watchdog={"action": action}, **members)
        self.up()

    def events(self):
        return [event for event in self.ask("events")["result"] if event["event"] == "watchdog"]

    def wait_expired(self, action):
        wait_until(self.events)
        self.assertEqual(self.events()[0]["guest"], "web")
        self.assertEqual(self.events()[0]["detail"], action)

    def test_reset_starts_it_again_and_keeps_a_report(self):
        self.start("reset")
        self.wait_expired("reset")
        wait_until(lambda: [event["event"] for event in self.ask("events")["result"]].count("starting") > 1)
        (report,) = self.ask("crashes", guest="web", newest=True)["result"]
        self.assertEqual(report["end"], "watchdog")
        self.assertEqual(report["why"], "guest web: its watchdog expired")
        self.assertRegex(report["registers"], r"rip 0000000000100\w{3}")

    def test_reset_obeys_on_reboot(self):
        self.start("reset", on_reboot="destroy")
        self.wait_state("web", "failed")
        self.wait_expired("reset")

    def test_poweroff_ends_it(self):
        self.start("poweroff")
        self.wait_state("web", "failed")
        self.wait_expired("poweroff")
        self.assertIn("watchdog", self.guest("web")["why"])

    def test_pause_lets_somebody_look_and_go_on(self):
        self.start("pause")
        self.wait_state("web", "paused")
        self.wait_expired("pause")
        self.assertIn("watchdog", self.guest("web")["why"])
        self.ok("resume", "web")
        self.wait_state("web", "running")
        wait_until(lambda: "watchdog" not in self.guest("web").get("why", ""))

    def test_pause_of_one_that_is_not_ready_yet(self):
        self.define_file("web", "hang", transport="pci", watchdog={"action": "pause"}, ready="notify")
        self.up_at_once()
        self.wait_state("web", "paused")
        self.ok("kill", "web")

    def test_shutdown_asks_and_is_bounded(self):
        self.start("shutdown")
        self.wait_expired("shutdown")
        self.wait_state("web", "stopping")  # it does not listen: after 30 s it is ended

    def test_none_tells_and_goes_on(self):
        self.start("none")
        self.wait_expired("none")
        self.assertEqual(self.state("web"), "running")

    def test_nmi_reaches_the_guest(self):
        self.start("inject-nmi", vcpus=2)
        self.wait_expired("inject-nmi")
        self.wait_state("web", "failed")  # without an IDT it cannot take it
        self.assertIn("triple fault", self.guest("web")["why"])

    def test_time_stands_still_while_it_is_paused(self):
        self.write("hang.elf", elf_kernel(code=hang(800)))
        self.start("reset", on_reboot="destroy")
        self.ok("pause", "web")
        time.sleep(2)
        self.assertEqual(self.state("web"), "paused")
        self.assertEqual(self.events(), [])
        self.ok("resume", "web")
        self.wait_state("web", "failed")

    def test_run_says_so(self):
        self.write("guest.json", json.dumps(self.definition("web", "hang", transport="pci", watchdog={}, on_reboot="destroy")))
        process = self.run_program("run", "guest.json")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("guest web: its watchdog expired", process.errors)


if __name__ == "__main__":
    main()
