#!/usr/bin/env python3
"""Metal tests of rinit: PID 1 of a whole machine of Debian's packages, in QEMU; no virtual machine is in it.

    rinit.py run CASE.sh [--keep]     run one case
    rinit.py shell                    a shell in the machine, for trying things out; Ctrl-] leaves

The machine is booted once; its state is saved, and cases start from it, with a disk whose changes are gone afterwards. A case is
cases/NAME.sh: lib.sh goes before it, bash runs it in the machine, and its exit status is the verdict. Beside it there may be,
both scripts for here, run in a temporary folder of the case's own:

    NAME.before   the case boots a machine of its own from a disk of its own, $DISK. Whatever NAME.disk the script leaves is a
                  disk too (serial number NAME), and what it writes to append takes the place of root=/dev/vda
    NAME.after    the machine must have ended by itself; then this looks at $DISK, and at what the consoles showed, $TTYS0 and
                  $HVC0

A line "# console: TEXT => WORDS" in a case has WORDS typed at ttyS0 once it shows TEXT, before the case can begin. With a line
"# only console" that is all there is to it: the machine's system is not reached.

RASTOS_BUILD names the build folder (default: build).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
sys.path.insert(0, str(SOURCE.parent))
import metal  # noqa: E402
from metal import BOOT_SECONDS, METAL, READY, Emulator, Failure, Qmp, connect  # noqa: E402

DISK = METAL / "rinit.img"            # as it was built
INITRD = METAL / "rinit.initrd"
BOOTED_DISK = METAL / "machine.disk"  # as the saved state left it
END_SECONDS = 60
ROOT = "root=/dev/vda"
CONSOLES = {"ttyS0": "console", "hvc0": "hvc0"}  # and their sockets' names


def drain(line):
    """Whoever is connected to a console must read it, or it stands still. The log has it all."""
    try:
        while line.recv(65536):
            pass
    except OSError:
        pass


class RinitMachine(Emulator):
    """Consoles are the first serial line, hvc0 and the screen; the serial one is /dev/console."""

    def __init__(self, disk, incoming=None, folder=None, keep_writes=True, append=""):
        folder = folder or metal.make_folder()
        self.seen = dict.fromkeys(CONSOLES, 0)
        self.lines = {}
        options = [
            "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1200", "-no-reboot",
            # A processor with few features: what the others ask for (crypto, KVM) takes the emulator long to load.
            "-cpu", "qemu64,-svm",
            "-initrd", str(INITRD),
            # panic=10: what the kernel says must reach the console.
            "-append", f"{append or ROOT} console=tty1 console=hvc0 console=ttyS0 loglevel=4 panic=10 no_timer_check",
            "-device", "VGA",
            "-chardev", f"socket,id=hvc0,path={folder}/hvc0,server=on,wait=off,logfile={folder}/hvc0.log",
            "-device", "virtconsole,chardev=hvc0",
            # What is written outlives the machine, not this computer: nobody needs to wait for it.
            "-drive", f"if=none,id=root,format=raw,cache=unsafe,file={disk}" + ("" if keep_writes else ",snapshot=on"),
            "-device", "virtio-blk-pci,drive=root",
            "-nic", "user,restrict=on,model=virtio-net-pci",
            "-netdev", "user,id=plugged,restrict=on",  # of the card that a case plugs in
            "-object", "rng-random,id=random,filename=/dev/urandom",
            "-device", "pcie-root-port,id=slot1,chassis=1", "-device", "pcie-root-port,id=slot2,chassis=2",
        ]
        for extra in sorted(folder.glob("*.disk")):
            options += ["-drive", f"if=none,id={extra.stem},format=raw,cache=unsafe,file={extra}",
                        "-device", f"virtio-blk-pci,drive={extra.stem},serial={extra.stem}"]
        super().__init__(options, incoming, folder)

    def console_log(self, name):
        return self.folder / f"{CONSOLES[name]}.log"

    def type(self, name, text):
        if name not in self.lines:
            self.lines[name] = connect(self.folder / CONSOLES[name], 5)
            threading.Thread(target=drain, args=[self.lines[name]], daemon=True).start()
        self.lines[name].sendall(text.encode() + b"\r")

    def expect(self, name, text, seconds):
        """Waits until the console has shown text behind what the last expect found."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self.console_log(name).read_bytes()
            at = shown.find(text.encode(), self.seen[name])
            if at >= 0:
                self.seen[name] = at + len(text)
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failure(f"{name} does not show \"{text}\" but: {shown[self.seen[name]:].decode(errors='replace')!r}")
            time.sleep(0.05)

    def answer(self, words):
        """What a case asks for with `outside` (lib.sh)."""
        word, *rest = words
        if word == "qmp":
            arguments = json.loads(rest[1]) if len(rest) > 1 else {}
            return json.dumps(Qmp(self.folder / "qmp").command(rest[0], **arguments))
        if word == "type":
            self.type(rest[0], rest[1])
        elif word == "expect":
            self.expect(rest[0], rest[1], float(rest[2]))
        else:
            raise Failure(f"{word}: nobody knows that word")
        return ""

    def run(self, script, seconds, sink=metal.show):
        """As Emulator's, and answers what the script asks meanwhile."""
        self.send(script)
        deadline = time.monotonic() + seconds
        while True:
            match = self.read_until(rb"METAL-(?:EXIT (\d+)|ASK\t([^\n]*))\n", deadline - time.monotonic(), sink)
            if match.group(1):
                return int(match.group(1))
            try:
                reply = "ok " + self.answer(match.group(2).decode().split("\t"))
            except Failure as failure:
                reply = f"no {failure}"
            self.agent.sendall(reply.replace("\n", " ").encode() + b"\n")

    def wait_end(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the machine did not end within {seconds} s") from None


def copy_disk(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


def boot():
    copy_disk(DISK, BOOTED_DISK)
    return RinitMachine(BOOTED_DISK)


def booted_machine(folder=None, keep_writes=False):
    state = metal.saved_state("machine", (metal.KERNEL, INITRD, DISK, Path(__file__), SOURCE.parent / "metal.py"), boot)
    folder = folder or metal.make_folder()
    disk = BOOTED_DISK
    if keep_writes:
        disk = folder / "disk.img"
        copy_disk(BOOTED_DISK, disk)
    return RinitMachine(disk, incoming=state, folder=folder, keep_writes=keep_writes)


def run_beside(script, folder, **paths):
    """One of the case's scripts for here."""
    environment = {**os.environ, **{name: str(path) for name, path in paths.items()}}
    done = subprocess.run(["bash", "-eu", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    metal.show(done.stdout)
    if done.returncode:
        raise Failure(f"{script.name}: exit status {done.returncode}")


def own_machine(before, text):
    """A machine that boots anew, up to its agent."""
    folder = metal.make_folder()
    disk, append = folder / "disk.img", folder / "append"
    copy_disk(DISK, disk)
    run_beside(before, folder, DISK=disk)
    machine = RinitMachine(disk, folder=folder, append=append.read_text().strip() if append.exists() else "")
    try:
        for shown, typed in re.findall(r"^# console: (.*) => (.*)$", text, re.MULTILINE):
            machine.expect("ttyS0", shown, BOOT_SECONDS)
            machine.type("ttyS0", typed)
        if not only_console(text):
            machine.read_until(READY, BOOT_SECONDS)
    except Failure as failure:
        tail = machine.console_tail()
        machine.close()
        raise Failure(f"{failure}; the serial console ended with:\n{tail}") from None
    return machine


def only_console(text):
    return re.search("^# only console$", text, re.MULTILINE)


def run_case(path, keep):
    path = path.resolve()
    text = path.read_text()
    script = (SOURCE / "lib.sh").read_text() + "\nset -eu\n" + text
    before, after = path.with_suffix(".before"), path.with_suffix(".after")
    machine = own_machine(before, text) if before.exists() else booted_machine(keep_writes=after.exists())
    try:
        try:
            status = 0 if only_console(text) else machine.run(script, metal.case_timeout(text, long=False))
        except Failure:
            if not after.exists():
                raise
            status = 0  # its machine has ended under it, or will not
        if after.exists() and status == 0:
            machine.wait_end(END_SECONDS)
            run_beside(after, machine.folder, DISK=machine.folder / "disk.img", TTYS0=machine.console_log("ttyS0"),
                       HVC0=machine.console_log("hvc0"))
        return status
    except Failure as failure:
        print(f"metal: {path.stem}: {failure}; the serial console ended with:\n{machine.console_tail()}")
        return 1
    finally:
        if keep:
            print(f"metal: kept, in {machine.folder}")
        else:
            machine.close()


def open_shell():
    machine = booted_machine()
    try:
        subprocess.run([metal.BUILD / "bin/rastos-vmm", "console", "--socket", machine.folder / "console"], check=False)
    finally:
        machine.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one case")
    run.add_argument("case", type=Path)
    run.add_argument("--keep", action="store_true", help="leave the machine running afterwards")
    commands.add_parser("shell", help="a shell in the machine")
    arguments = parser.parse_args()
    try:
        if arguments.command == "shell":
            open_shell()
            return 0
        return run_case(arguments.case, arguments.keep)
    except Failure as failure:
        print(f"metal: {failure}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
