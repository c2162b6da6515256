"""A manager with guests of a few instructions, for tests of what it does with them."""

import glob
import json
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from program import *

# What a guest does, in machine code that means the same in 32-bit and in 64-bit mode. After it come hlt instructions: with
# interrupts off a guest that reaches them sleeps for good.
SLEEP = b""
POWER_OFF = b"\xba\x00\x06\x00\x00\xb0\x34\xee"  # mov $0x600, %edx; mov $0x34, %al; out %al, (%dx): ACPI's S5
RESET = b"\xba\x02\x06\x00\x00\xb0\x01\xee"  # the same of ACPI's reset register
PANIC = b"\xba\x05\x05\x00\x00\xb0\x01\xee"  # a byte to pvpanic, as Linux does
CRASH = b"\x0f\x0b"  # ud2: without an IDT that is a triple fault
HELLO = b"".join(b"\xba\xf8\x03\x00\x00\xb0" + bytes([c]) + b"\xee" for c in b"hello\n")  # on the serial port


# Sends back what it gets on the serial port: waits for LSR's data ready, reads, writes.
ECHO = b"\xba\xfd\x03\x00\x00\xec\xa8\x01\x74\xfb\xba\xf8\x03\x00\x00\xec\xee\xeb\xed"

CONSOLE_LOG = 512 * 1024  # the file's size (vmm/guest/console_log.h)


def console_log(text):
    """The file of a guest that has printed this."""
    return text.ljust(CONSOLE_LOG - 8, b"\0") + struct.pack("<Q", len(text))


def process_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def fnv1a(data):
    result = 2166136261
    for byte in data:
        result = (result ^ byte) * 16777619 & 0xFFFFFFFF
    return result


def wait_until(what, seconds=10):
    """What must come true soon; the last word that it said otherwise is the failure."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen within {seconds} s: {what}")
        time.sleep(0.01)
    return result


@needs_kvm
class ManagerTest(ProgramTest):
    """Each test has a manager of its own, started by up()."""

    def setUp(self):
        super().setUp()
        for name, code in (("sleep", SLEEP), ("poweroff", POWER_OFF), ("reset", RESET), ("crash", CRASH), ("panic", PANIC),
                           ("hello", HELLO)):
            self.write(name + ".elf", elf_kernel(code=code))
        self.configure(overcommit={"cpus": 100})  # on however few CPUs the tests run
        self.addCleanup(self.end)

    def configure(self, **members):
        self.write("vmm.json", json.dumps(json.loads(self.read("vmm.json")) | members))

    def end(self):
        """Nothing that a test started outlives it."""
        self.run_program("down", "--force")
        for process in (*self.manager_pids(), *(guest["pid"] for guest in self.guests_on_record())):
            if process_alive(process):
                os.kill(process, signal.SIGKILL)
        wait_until(self.cgroups_gone)

    def cgroups_gone(self):
        """Removes what a manager that was killed left (vmm/jail/cgroup.h); false while killed processes are still in there."""
        name = f"rastos-{fnv1a(self.path('run').encode()):08x}"
        for folder in glob.glob(f"/sys/fs/cgroup/{name}") + glob.glob(f"/sys/fs/cgroup/*/{name}"):
            for path in (*glob.glob(folder + "/*.guest"), folder):
                try:
                    if path != folder:
                        Path(path, "cgroup.kill").write_text("1")
                    os.rmdir(path)
                except OSError:
                    return False
        return True

    def manager_pids(self):
        """Who has the lock open."""
        found = set()
        for descriptor in glob.glob("/proc/[0-9]*/fd/*"):
            try:
                if os.readlink(descriptor) == self.path("run/lock"):
                    found.add(int(descriptor.split("/")[2]))
            except OSError:
                pass  # it is closed by now
        return sorted(found)

    def guests_on_record(self):
        for folder, _, names in os.walk(self.path("run/guests")):
            if "state.json" in names:
                with open(os.path.join(folder, "state.json")) as file:
                    record = json.load(file)
                if record["pid"]:
                    yield record

    def define_file(self, name, kernel="sleep", **members):
        """A guest in the definitions' folder, before the manager starts."""
        self.write(f"guests/{name}.json", json.dumps(self.definition(name, kernel, **members)))

    def definition(self, name, kernel="sleep", **members):
        return {"name": name, "role": "guest", "ready": "started", "memory_mib": 16, "rng": False, "vsock": {"cid": 3},
                "kernel": {"path": self.path(kernel + ".elf")}} | members

    def up(self, code=DONE):
        process = self.run_program("up", "-d", "--timeout", "2" if code == TIMED_OUT else "15")
        self.assertEqual(process.returncode, code, process.errors)

    def up_at_once(self):
        """A manager that listens; nobody waits for its guests."""
        with open(self.path("manager.errors"), "ab") as errors:
            process = subprocess.Popen([PROGRAM, "--config", "vmm.json", "up", "--no-console"], cwd=self.folder.name,
                                       stdin=subprocess.DEVNULL, stderr=errors)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(lambda: process.poll() is not None or self.listens())
        self.assertIsNone(process.poll(), self.read("manager.errors"))
        return process

    def listens(self):
        with socket.socket(socket.AF_UNIX) as peer:
            return peer.connect_ex(self.path("run/control.sock")) == 0

    def ok(self, *arguments):
        process = self.run_program(*arguments)
        self.assertEqual(process.returncode, DONE, process.errors)
        return process.output

    def ask(self, op, **members):
        """One request on the control socket; its answer, or None when the manager went away first."""
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(self.path("run/control.sock"))
            peer.sendall((json.dumps({"id": 1, "op": op} | members) + "\n").encode())
            with peer.makefile() as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "ok" in answer:
                        return answer
        return None

    def guest(self, name):
        for guest in json.loads(self.ok("list", "--json"))["guests"]:
            if guest["name"] == name:
                return guest
        return None

    def state(self, name):
        guest = self.guest(name)
        return guest and guest["state"]

    def wait_state(self, name, state, seconds=10):
        wait_until(lambda: self.state(name) == state, seconds)

    def kill_manager(self):
        """SIGKILL, at whatever it is doing."""
        pids = self.manager_pids()
        self.assertEqual(len(pids), 1, pids)
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: not process_alive(pids[0]))
