#!/usr/bin/env python3
"""What a request to a device costs: instructions and exits of a disk's reads and writes, of bytes and packets through a TAP, and of
bytes through vsock, beside QEMU's microvm and q35.

    devices.py [--explain] [--verbose] [--subject NAME]... [WORK...]

All run the same guest (bench/devices/guest.c on the tuned kernel), with the same disk file, on the rastOS host in an emulated machine
whose clock counts instructions (counted.py). Each work is done in two lengths: the difference is what so many more requests cost,
and whatever is done once falls out. Instructions are those of guest, monitor, kernels, and the other end together.

--explain tells of each work what happens for one request: exits by their reason, system calls of the monitor.

Ends with status 1 only when something could not be run.
"""

import argparse
import json
import re
import shlex
import sys
from collections import Counter
from dataclasses import dataclass, field

import peers
from counted import BUILD, Failure, Stalled, run_on_host
from report import judge, print_table, write_json

RUN_SECONDS = 3000
SILENCE = 60        # seconds of the emulator's work; no work takes a tenth of that
ATTEMPTS = 8        # at machines that stall
# Of each length, after one of the short one that fills caches. The least counts: on one processor the scheduler may settle for
# changing threads after each packet, or for many at once.
ROUNDS = 4
DISK_MIB = 64
# As the monitors see them: their root is the payload.
KERNEL, INITRD, DISK, VSOCK = "/boot/vmlinux", "/boot/devices.cpio", "/tmp/disk.img", "/tmp/vsock"
TAP = "tap0"
MMIO, PCI, PCI_VHOST = "rastos-vmm mmio", "rastos-vmm pci", "rastos-vmm pci, vhost-net"
MICROVM, Q35, Q35_VHOST = "QEMU microvm", "QEMU q35", "QEMU q35, io_uring, iothread, vhost-net"
MOST = 1            # as a part of each QEMU
MOST_OF_DISK_AND_CARD = 0.8


@dataclass
class Work:
    """text: what one of it is; short, long: how many are done."""
    name: str
    text: str
    short: int
    long: int


WORKS = [
    Work("disk-read", "4 KiB random read", 50, 350),
    Work("disk-write", "4 KiB random write", 50, 350),
    Work("disk-read-many", "the same read, 32 at once", 160, 1120),
    Work("disk-write-many", "the same write, 32 at once", 160, 1120),
    Work("disk-stream", "64 KiB sequential read", 50, 250),
    Work("tcp-out", "KiB of TCP, guest to host", 512, 2560),
    Work("tcp-in", "KiB of TCP, host to guest", 512, 2560),
    Work("packet-turn", "small packet there and back", 50, 250),
    Work("packet-out", "small packet of 64, guest to host", 256, 1280),
    Work("packet-in", "small packet of 64, host to guest", 256, 1280),
    Work("vsock-out", "KiB of vsock, guest to host", 256, 1280),
    Work("vsock-in", "KiB of vsock, host to guest", 256, 1280),
    Work("vsock-turn", "byte of vsock there and back", 50, 250),
]


@dataclass
class Subject:
    name: str
    command: list
    definition: str = ""
    counts: dict = field(default_factory=dict)     # by a work's name: (instructions, exits) of one request
    explained: dict = field(default_factory=dict)
    left: list = field(default_factory=list)       # works that it has not done


def all_subjects():
    rastos, qemu = "/usr/bin/rastos-vmm", "/usr/bin/qemu-system-x86_64"
    subjects = []
    for number, (name, transport, vhost) in enumerate(((MMIO, "mmio", False), (PCI, "pci", False), (PCI_VHOST, "pci", True))):
        definition = peers.rastos_definition(KERNEL, INITRD, transport, DISK, TAP, vhost, VSOCK)
        subjects.append(Subject(name, peers.rastos_devices(rastos, f"/tmp/{number}.json"), definition))
    subjects.append(Subject(MICROVM, peers.qemu_devices(qemu, "microvm", KERNEL, INITRD, DISK, TAP)))
    subjects.append(Subject(Q35, peers.qemu_devices(qemu, "q35", KERNEL, INITRD, DISK, TAP)))
    subjects.append(Subject(Q35_VHOST, peers.qemu_devices(
        qemu, "q35", KERNEL, INITRD, DISK, TAP, ",aio=io_uring", ",vhost=on", ["-object", "iothread,id=thread"])))
    return subjects


# What the monitors read is read before: while this machine's disk works, the other's clock runs ahead.
HOST = f"""
cd /payload
find . -type f -exec cat {{}} + >/dev/null
export HOME=/tmp
mount --bind /dev dev
mount -t proc proc proc
mount -t tmpfs tmpfs tmp
mount -t debugfs debugfs /sys/kernel/debug
modprobe vhost_vsock
modprobe vhost_net || true
tunctl -t {TAP} >/dev/null
echo 1 >/proc/sys/net/ipv6/conf/{TAP}/disable_ipv6
ip address add 10.9.0.1/24 dev {TAP}
ip link set {TAP} up
dd if=/dev/zero of=.{DISK} bs=1M count={DISK_MIB} 2>/dev/null
"""

# /payload/tmp/look begin|end WORK: the kernel's own tables of how often which exit and which system call came.
LOOK = """
cat >/payload/tmp/look <<'END'
cd /sys/kernel/tracing/events
exits=hist:keys=exit_reason:size=256
calls=hist:keys=common_pid.execname,id.syscall:size=2048
if [ $1 = begin ]; then
	echo $exits >kvm/kvm_exit/trigger
	echo $calls >raw_syscalls/sys_enter/trigger
else
	grep '^{' kvm/kvm_exit/hist | sed "s/^/exit $2 /"
	grep '^{' raw_syscalls/sys_enter/hist | sed "s/^/call $2 /"
	echo "!$exits" >kvm/kvm_exit/trigger
	echo "!$calls" >raw_syscalls/sys_enter/trigger
fi
END
mount -t tracefs tracefs /sys/kernel/tracing
"""
# AMD64 Architecture Programmer's Manual, volume 2, appendix C.
EXITS = {0x60: "interrupt of the host", 0x64: "window for an interrupt", 0x72: "cpuid", 0x77: "pause", 0x78: "hlt", 0x7b: "port",
         0x7c: "msr", 0x400: "nested page fault"}
RARE = 0.02  # less often for a request it is not told


def requests(works, explain):
    for work in works:
        yield from [f"{work.name} {work.short}"] * (1 + ROUNDS)
        yield from [f"{work.name} {work.long}"] * ROUNDS
        if explain:
            yield f"!sh /payload/tmp/look begin {work.name}"
            yield f"{work.name} {work.long}"
            yield f"!sh /payload/tmp/look end {work.name}"


def host_script(subjects, explain):
    """For each subject the works that it has not done, in one guest. What is printed then begins with "subject NUMBER"."""
    lines = [HOST, LOOK]
    for number, subject in enumerate(subjects):
        if not subject.left:
            continue
        if subject.definition:
            lines.append(f"cat >.{subject.command[-1]} <<'END'\n{subject.definition}\nEND")
        lines.append(f"echo subject {number}")
        command = shlex.join(["boot/devices-host", f"/payload{VSOCK}", "chroot", "/payload", *subject.command])
        asked = "\n".join(requests(subject.left, explain))
        lines.append(f"{command} 2>&1 <<'END' || echo failed\n{asked}\nEND")
    return "\n".join(lines) + "\n"


def least(said, work, length):
    """(instructions, exits)"""
    counts = re.findall(rf"^counted {work.name} {length} (\d+) (\d+)$", said, re.MULTILINE)
    counts = counts[1:] if length == work.short else counts
    if len(counts) < ROUNDS:
        return None
    return tuple(min(int(count[which]) for count in counts[:ROUNDS]) for which in (0, 1))


def explained(work, said):
    """(how often for one request, what), the most often first; threads of one name are one."""
    found = Counter()
    for what, keys, count in re.findall(rf"^(exit|call) {work.name} {{(.*)}} hitcount: *(\d+)", said, re.MULTILINE):
        if what == "exit":
            reason = int(re.search(r"exit_reason: *(\d+)", keys).group(1))
            text = "exit: " + EXITS.get(reason, f"{reason:#x}")
        else:
            thread = re.search(r"common_pid: *(.*?) *\[", keys).group(1)
            call = re.search(r", id: *(?:sys_)?(\S+)", keys).group(1)
            text = f"{thread}: {call}"
        found[text] += int(count)
    return [(count / work.long, text) for text, count in found.most_common()]


def read_results(subjects, text, explain):
    """What was done is no longer left. A subject that ends by itself in the midst of a work gives that up."""
    parts = re.split(r"^subject (\d+)\n", text, flags=re.MULTILINE)[1:]
    for number, said in zip(parts[::2], parts[1::2]):
        subject = subjects[int(number)]
        for work in subject.left.copy():
            short, long = least(said, work, work.short), least(said, work, work.long)
            if not short or not long:
                break
            subject.counts[work.name] = tuple((b - a) / (work.long - work.short) for a, b in zip(short, long))
            subject.explained[work.name] = explained(work, said) if explain else []
            subject.left.remove(work)
        if subject.left and said.rstrip().endswith("failed"):
            print(f"devices: {subject.name}: {subject.left[0].name} was not counted: {said.strip()[-300:]}", file=sys.stderr)
            del subject.left[0]


def measure(subjects, explain, watch):
    """A machine that stalls is started again for what is left."""
    for _ in range(ATTEMPTS):
        try:
            text = run_on_host(host_script(subjects, explain), RUN_SECONDS, silence=SILENCE, watch=watch)
        except Stalled as stalled:
            print("devices: the machine stalled, and is started again", file=sys.stderr)
            text = stalled.output
        read_results(subjects, text, explain)
        if not any(subject.left for subject in subjects):
            return
    raise Failure(f"the machine stalled {ATTEMPTS} times")


def show_explained(subjects, works):
    for subject in subjects:
        for work in works:
            print(f"\n{subject.name}, {work.text}:")
            for often, what in subject.explained.get(work.name, []):
                if often >= RARE:
                    print(f"  {often:7.2f}  {what}")


def show(subjects, works):
    print("Instructions and exits of one request (guest, monitor, host and peer together), and instructions to the first's:\n")
    rows = []
    for work in works:
        row = [work.text]
        first = subjects[0].counts.get(work.name)
        for subject in subjects:
            count = subject.counts.get(work.name)
            row += [f"{count[0]:.0f}", f"{count[1]:.2f}", f"{count[0] / first[0]:.2f}" if first else ""] if count else ["", "", ""]
        rows.append(row)
    print_table(["", *(cell for subject in subjects for cell in (subject.name, "exits", "ratio"))], rows)


# Who is compared with whom: the like bus, and the card with whoever moves its frames in the same place.
PAIRS = ((MMIO, MICROVM), (PCI, Q35), (PCI_VHOST, Q35_VHOST))


def promises(subjects, works):
    by_name = {subject.name: subject for subject in subjects}
    for ours, peer in PAIRS:
        for work in works:
            most = MOST if work.name.startswith("vsock") else MOST_OF_DISK_AND_CARD
            counts = [by_name[name].counts.get(work.name) for name in (ours, peer) if name in by_name]
            if len(counts) == 2 and all(counts):
                yield f"{work.text}, {ours}, as a part of {peer}", counts[0][0] / counts[1][0], most


def show_bytes(data):
    sys.stderr.write(data.decode(errors="replace"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"all, or of {', '.join(work.name for work in WORKS)}")
    parser.add_argument("--explain", action="store_true", help="also tell what happens for one request")
    parser.add_argument("--verbose", action="store_true", help="show what is counted as it comes")
    parser.add_argument("--subject", action="append", default=[], help="only those that have this in their names")
    arguments = parser.parse_args()
    works = [work for work in WORKS if not arguments.works or work.name in arguments.works]
    subjects = [subject for subject in all_subjects()
                if not arguments.subject or any(name in subject.name for name in arguments.subject)]
    for subject in subjects:
        subject.left = works.copy()
    try:
        measure(subjects, arguments.explain, show_bytes if arguments.verbose else None)
    except Failure as failure:
        print(f"devices: {failure}", file=sys.stderr)
        return 1
    show(subjects, works)
    if arguments.explain:
        show_explained(subjects, works)
    print()
    judged = judge(promises(subjects, works))
    write_json(BUILD / "bench/devices.json", {
        "subjects": [{"name": s.name, "command": s.command,
                      "works": {name: {"instructions": count[0], "exits": count[1]} for name, count in s.counts.items()}}
                     for s in subjects],
        "promises": judged,
    })
    return 0


if __name__ == "__main__":
    sys.exit(main())
