#!/usr/bin/env python3
"""Metal tests: shell scripts that run on the rastOS host, which runs in QEMU with emulated AMD SVM.

    metal.py run CASE.sh [--keep] [--long]    run one case
    metal.py shell                            a shell on the host, for trying things out; Ctrl-] leaves

The host is booted once; its state is saved (QEMU's migration to a file) and every case starts from it, so a case costs no
boot of the host. A case is tests/metal/cases/NAME.sh: lib.sh goes before it, it runs under `set -eu`, and its exit status is the
verdict: 0 passed, 77 skipped, 75 (what it waited for did not happen) stalled, anything else failed. Its output is the test's.

--long is for the cases that can do more than a test run has time for: they find $long set, and have the seconds of their line
"# long: SECONDS" instead of those of "# timeout: SECONDS". With a line "# long memory: MIB" the host has so much then.

A case that stalls is run again, up to ATTEMPTS times, and says so, as is one that fails with a guest that panicked; one that
finds something wrong is not. The reason is the emulated processor (docs/architecture.md, "Tests"): now and then it enters the
inner guest in a state that is not the guest's. A host whose kernel tells that its processors are locked up is not waited for.

RASTOS_BUILD names the build folder (default: build).
"""

import argparse
import base64
import fcntl
import hashlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("RASTOS_BUILD", SOURCE.parent.parent / "build")).resolve()
KERNEL = BUILD / "images/kernel/stock/vmlinuz"
METAL = BUILD / "metal"
MEMORY_MIB = 2200
PROCESSORS = ["-accel", "tcg,thread=multi", "-smp", "2"]
BOOT_SECONDS = 120
ATTEMPTS = 4
SKIPPED = 77
# What the manager and run say of a guest whose kernel has met what no kernel can meet.
GUEST_DIED = re.compile(rb"guest \S+: (the guest's kernel panicked|triple fault)")
# What its kernel says of a processor that has not left the emulated KVM for so long; it never does any more.
LOCKED_UP = re.compile(rb"soft lockup - CPU#\d+ stuck for ([4-9]\d|\d{3,})s")
STALLED = 75  # EX_TEMPFAIL of sysexits.h; wait_for in lib.sh
READY = b"METAL-READY\n"


class Failure(Exception):
    """One sentence for whoever reads the test's output."""


class Qmp:
    """QEMU's machine protocol, as much of it as saving a state needs."""

    def __init__(self, path):
        self.socket = connect(path, 10)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"QEMU: {name}: {answer['error']['desc']}")


def connect(path, seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(str(path))
            return peer
        except OSError:
            if time.monotonic() > deadline:
                raise Failure(f"QEMU does not listen at {path}") from None
            time.sleep(0.02)


def make_folder():
    return Path(tempfile.mkdtemp(prefix="rastos-metal-"))


def show(data):
    sys.stdout.write(data.decode(errors="replace").replace("\r", ""))
    sys.stdout.flush()


class Emulator:
    """A QEMU with a serial console and an agent in it. Sockets and logs are in a temporary folder of its own."""

    def __init__(self, options, incoming=None, folder=None):
        self.folder = folder or make_folder()
        command = [
            "setpriv", "--pdeathsig", "KILL",  # whoever ends this program, the machine ends with it
            "qemu-system-x86_64", "-name", "rastos-metal", "-M", "q35", "-nodefaults", "-display", "none",
            "-kernel", str(KERNEL),
            "-chardev", f"socket,id=console,path={self.folder}/console,server=on,wait=off,"
                        f"logfile={self.folder}/console.log",
            "-serial", "chardev:console",
            # The agent's line is a virtio port: unlike a serial line it waits for a slow reader.
            "-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=org.rastos.metal.0",
            "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
            *options,
        ]
        if incoming:
            command += ["-incoming", f"exec:cat '{incoming}'"]
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.agent = connect(self.folder / "agent", 10)
            if incoming:
                self.wait_state_loaded()
        except Failure:
            self.close()
            raise
        self.buffer = b""

    def wait_state_loaded(self):
        """What the agent's port is sent before its state is there would be lost."""
        qmp = Qmp(self.folder / "qmp")
        while qmp.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def console_tail(self):
        """The end of the machine's own console, for messages."""
        try:
            text = (self.folder / "console.log").read_bytes() + (self.folder / "qemu.log").read_bytes()
        except OSError:
            return ""
        return text[-3000:].decode(errors="replace")

    def is_locked_up(self):
        try:
            return LOCKED_UP.search((self.folder / "console.log").read_bytes()) is not None
        except OSError:
            return False

    def read_until(self, pattern, seconds, sink=None):
        """Reads the agent's line until pattern (bytes regex) matches; what came before goes to sink as it comes."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.buffer)
            if match:
                if sink:
                    sink(self.buffer[:match.start()])
                self.buffer = self.buffer[match.end():]
                return match
            if sink and b"\n" in self.buffer:
                end = self.buffer.rindex(b"\n") + 1
                sink(self.buffer[:end])
                self.buffer = self.buffer[end:]
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"no answer within {seconds:.0f} s")
            if self.process.poll() is not None:
                raise Failure("the machine ended")
            if select.select([self.agent], [], [], min(left, 1))[0]:
                data = self.agent.recv(65536)
                if not data:
                    raise Failure("the machine hung up")
                self.buffer += data
            elif self.is_locked_up():
                raise Failure("the emulated processors are locked up")

    def send(self, script):
        self.agent.sendall(base64.encodebytes(script.encode()) + b"END\n")

    def run(self, script, seconds, sink=show):
        """Runs a shell script in the machine; its status."""
        self.send(script)
        return int(self.read_until(rb"METAL-EXIT (\d+)\n", seconds, sink).group(1))


class Machine(Emulator):
    """The emulated machine with the host in it."""

    def __init__(self, incoming=None, processors=PROCESSORS, payload=METAL / "payload.img",
                 disk=METAL / "stock-disk.img", memory=MEMORY_MIB):
        super().__init__([
            *processors,
            # Without XSAVE: the emulated SVM does not intercept XSETBV, so that guests' kernels would complain.
            "-cpu", "max,+svm,-xsave,-avx,-avx2,-fma,-f16c,-vaes,-vpclmulqdq,-mpx,-pku", "-m", str(memory),
            "-no-reboot", "-initrd", str(METAL / "host.initrd"),
            # The emulated processors share one time-stamp counter, but do not say that it is constant: without being told, the
            # kernel takes it for unsynchronized, and KVM sets guests' clocks anew whenever a vCPU is scheduled.
            # On a loaded machine the emulated timer may be too late for the kernel's trust in it.
            "-append", "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check",
            "-drive", f"if=virtio,format=raw,readonly=on,file={payload}",
            # What guests write to it is gone with the machine.
            *(["-drive", f"if=virtio,format=raw,snapshot=on,file={disk}"] if disk else []),
            "-nic", "user,model=virtio-net-pci",
        ], incoming)


def state_key(inputs):
    """What a saved state depends on: change one of these files, and the machine is booted anew."""
    digest = hashlib.sha256()
    for path in inputs:
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def saved_state(name, inputs, boot):
    """The file with the state of the machine that boot() starts, once it is booted; boots it when there is none yet."""
    METAL.mkdir(exist_ok=True)
    with open(METAL / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = METAL / f"{name}-{state_key(inputs)}"
        if state.exists():
            return state
        for old in METAL.glob(f"{name}-*"):
            old.unlink()
        machine = boot()
        try:
            print(f"metal: booting the machine of {name}", flush=True)
            machine.read_until(READY, BOOT_SECONDS)
            qmp = Qmp(machine.folder / "qmp")
            unfinished = state.with_suffix(".part")
            qmp.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
            qmp.command("migrate", uri=f"exec:cat > '{unfinished}'")
            while (status := qmp.command("query-migrate")["status"]) != "completed":
                if status == "failed":
                    raise Failure("QEMU cannot save the booted machine's state")
                time.sleep(0.05)
        except Failure as failure:
            raise Failure(f"the machine does not boot: {failure}\n{machine.console_tail()}") from None
        finally:
            machine.close()
        unfinished.rename(state)
        return state


def booted_state():
    return saved_state("host", (KERNEL, METAL / "host.initrd", METAL / "payload.img", Path(__file__)), Machine)


def case_timeout(text, long):
    if long:
        match = re.search(r"^# long: (\d+)$", text, re.MULTILINE)
        if not match:
            raise Failure("--long: the case has no line \"# long: SECONDS\"")
        return int(match.group(1))
    match = re.search(r"^# timeout: (\d+)$", text, re.MULTILINE)
    return int(match.group(1)) if match else 90


def case_machine(text, long):
    match = re.search(r"^# long memory: (\d+)$", text, re.MULTILINE)
    if not long or not match:
        return Machine(incoming=booted_state())
    machine = Machine(memory=int(match.group(1)))
    machine.read_until(READY, BOOT_SECONDS)
    return machine


def run_case(path, keep, long):
    for attempt in range(1, ATTEMPTS + 1):
        status = run_case_once(path, keep, long)
        if status != STALLED:
            return status
        print(f"metal: {path.stem}: stalled, attempt {attempt} of {ATTEMPTS}", flush=True)
    return STALLED


def run_case_once(path, keep, long):
    text = path.read_text()
    seconds = case_timeout(text, long)
    script = f"long={'yes' if long else ''}\n" + (SOURCE / "lib.sh").read_text() + "\nset -eu\n" + text
    machine = case_machine(text, long)
    output = []

    def record(data):
        output.append(data)
        show(data)

    try:
        status = machine.run(script, seconds, record)
        if status not in (0, SKIPPED, STALLED) and GUEST_DIED.search(b"".join(output)):
            print(f"metal: {path.stem}: a guest died that should not have")
            return STALLED
        return status
    except Failure as failure:
        print(f"metal: {path.stem}: {failure}; the host's console ended with:\n{machine.console_tail()}")
        return STALLED
    finally:
        if keep:
            print(f"metal: kept, in {machine.folder}")
        else:
            machine.close()


def open_shell():
    machine = Machine(incoming=booted_state())
    try:
        machine.agent.sendall(base64.encodebytes(b"exec sh -i <$port >$port 2>&1") + b"END\n")
        machine.agent.close()
        subprocess.run([BUILD / "bin/rastos-vmm", "console", "--socket", machine.folder / "agent"], check=False)
    finally:
        machine.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one case")
    run.add_argument("case", type=Path)
    run.add_argument("--keep", action="store_true", help="leave the machine running afterwards")
    run.add_argument("--long", action="store_true", help="all that the case can do")
    commands.add_parser("shell", help="a shell on the host")
    arguments = parser.parse_args()
    try:
        if arguments.command == "shell":
            open_shell()
            return 0
        return run_case(arguments.case, arguments.keep, arguments.long)
    except Failure as failure:
        print(f"metal: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
