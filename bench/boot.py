#!/usr/bin/env python3
"""How many instructions a virtual machine monitor takes to boot a kernel to its init.

The monitors run on the rastOS host in an emulated machine (tests/metal) whose clock ticks once an instruction (QEMU's -icount), one
after the other, with the same kernel, initrd and command line. init resets the machine with its first system call, so what is
counted is the monitor's start, the kernel's boot, and the end of both. RASTOS_BUILD names the build folder (default: build).

Ends with status 1 only when something could not be run.
"""

import re
import shlex
import sys
from dataclasses import dataclass

import peers
from counted import BUILD, Failure, run_on_host
from report import judge, print_table, write_json

RUN_SECONDS = 600
GUEST_SECONDS = 10  # by the machine's own clock: thirty times what a boot takes
RUNS = 3            # the first fills the caches; of the others the least counts: this machine's disk may delay one
RASTOS = "rastos-vmm"

# Paths as the monitors see them: they run in the payload disk's root.
VMLINUX, BZIMAGE, INITRD, IMAGE = "/boot/vmlinux", "/boot/bzImage", "/boot/boot.cpio", "/boot/boot.itb"
FIRECRACKER_CONFIG = "/tmp/firecracker.json"


@dataclass
class Subject:
    name: str
    command: list
    instructions: int = 0  # from the monitor's start to its end
    cpu: int = 0           # of these, not spent waiting

    @property
    def program(self):
        return self.command[0]


def all_subjects():
    """Ours, and every peer whose place on the disk is known; those that are not there are left out on the host."""
    rastos, qemu = "/usr/bin/rastos-vmm", "/usr/bin/qemu-system-x86_64"
    return [
        Subject(RASTOS, peers.rastos(rastos, VMLINUX, INITRD)),
        Subject(f"{RASTOS}, bzImage", peers.rastos(rastos, BZIMAGE, INITRD)),
        Subject(f"{RASTOS}, signed image", peers.rastos(rastos, IMAGE)),
        Subject("QEMU microvm", peers.qemu_microvm(qemu, VMLINUX, INITRD, False, ["-cpu", "host"])),
        Subject("QEMU microvm, lean", peers.qemu_microvm(qemu, VMLINUX, INITRD, True, ["-cpu", "host"])),
        Subject("kvmtool, bzImage", peers.kvmtool("/usr/bin/lkvm", BZIMAGE, INITRD)),
        Subject("Firecracker", peers.firecracker("/usr/bin/firecracker", FIRECRACKER_CONFIG)),
        Subject("cloud-hypervisor", peers.cloud_hypervisor("/usr/bin/cloud-hypervisor", VMLINUX, INITRD)),
    ]


def host_script(subjects):
    """Runs each monitor RUNS times; every run prints a line "spent NUMBER STATUS WALL_NS CPU_NS"."""
    lines = [
        "cd /payload",
        "export HOME=/tmp",  # kvmtool wants one it can write to
        "mount --bind /dev dev",
        "mount -t proc proc proc",
        "mount -t tmpfs tmpfs tmp",
        f"cat >.{FIRECRACKER_CONFIG} <<'END'\n{peers.firecracker_config(VMLINUX, INITRD)}\nEND",
    ]
    for number, subject in enumerate(subjects):
        run = f"chroot . /usr/bin/spend {number} {GUEST_SECONDS} {shlex.join(subject.command)} 2>tmp/output"
        lines.append(f"if [ -e .{subject.program} ]; then")
        lines += [run] * RUNS
        lines.append(f"tail -n 3 tmp/output | sed 's/^/{number}: /'")
        lines.append("fi")
    return "\n".join(lines) + "\n"


def read_results(subjects, text):
    """Those that are on the disk and whose guest came to its end."""
    measured = []
    for number, subject in enumerate(subjects):
        runs = re.findall(rf"^spent {number} (\d+) (\d+) (\d+)$", text, re.MULTILINE)
        if not runs:
            continue
        statuses, walls, cpus = zip(*(map(int, run) for run in runs[1:]))
        subject.instructions, subject.cpu = min(walls), min(cpus)
        status = max(statuses)
        if status == 0:
            measured.append(subject)
            continue
        said = "; ".join(re.findall(rf"^{number}: (.*)$", text, re.MULTILINE))
        message = f"{subject.name}: ended with status {status}: {said}"
        if subject.name.startswith(RASTOS):
            raise Failure(message)
        print(f"boot: {message}", file=sys.stderr)
    return measured


def promises(subjects):
    """Each peer against ours with the same kernel file."""
    by_name = {subject.name: subject for subject in subjects}
    for peer in subjects:
        if peer.name.startswith(RASTOS):
            continue
        ours = by_name[f"{RASTOS}, bzImage" if BZIMAGE in peer.command else RASTOS]
        yield f"{ours.name}, as a part of {peer.name}", ours.instructions / peer.instructions, 1


def show(subjects):
    ours = subjects[0].instructions
    print("Instructions from a monitor's start to its end, with a guest whose init resets it at once:\n")
    print_table(["", "instructions", "not waiting", "to rastos-vmm"],
                [[s.name, f"{s.instructions / 1e6:.1f} M", f"{s.cpu / 1e6:.1f} M", f"{s.instructions / ours:.2f}"]
                 for s in subjects])


def main():
    subjects = all_subjects()
    try:
        subjects = read_results(subjects, run_on_host(host_script(subjects), RUN_SECONDS))
    except Failure as failure:
        print(f"boot: {failure}", file=sys.stderr)
        return 1
    show(subjects)
    print()
    judged = judge(promises(subjects))
    write_json(BUILD / "bench/boot.json", {
        "subjects": [{"name": s.name, "command": s.command, "instructions": s.instructions, "cpu": s.cpu}
                     for s in subjects],
        "promises": judged,
    })
    return 0


if __name__ == "__main__":
    sys.exit(main())
