#!/usr/bin/env python3
"""How long a virtual machine monitor takes from its process's start to its end, with a guest that ends at once.

    startup.py [--rounds N]

Every round runs each monitor once, so that what disturbs this machine disturbs all of them; ratios are taken within a round,
and their median counts. The floor (floor.c) is the least that any monitor must do. RASTOS_BUILD names the build folder (default:
build).

Ends with status 1 only when something could not be run: numbers are for reading, not for failing on a busy machine.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import peers
from report import judge, print_table, write_json

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
GUEST = BUILD / "bench/guest_exit"
FLAT_GUEST = bytes.fromhex("b0fee664")  # mov $0xfe, %al; out %al, $0x64: for kvmtool, in 16-bit mode
WARM_UP = 3
FLOOR, RASTOS, QEMU = "floor", "rastos-vmm", "QEMU microvm"


class Failure(Exception):
    """One sentence for whoever reads the output."""


@dataclass
class Subject:
    """What is measured, and the milliseconds of each round."""
    name: str
    command: list
    end_status: int = 0
    wall: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    first_run: list = field(default_factory=list)  # to the first KVM_RUN, for those that tell


def find_subjects(folder):
    """The floor, ours, and each peer that is installed."""
    flat = folder / "flat"
    flat.write_bytes(FLAT_GUEST)
    config = folder / "firecracker.json"
    config.write_text(peers.firecracker_config(GUEST))
    subjects = [Subject(FLOOR, [str(BUILD / "bench/floor"), str(peers.MEMORY_MIB)]),
                Subject(RASTOS, peers.rastos(str(BUILD / "bin/rastos-vmm"), GUEST))]
    known = [
        (QEMU, "qemu-system-x86_64", lambda program: peers.qemu_microvm(program, GUEST), peers.QEMU_END_STATUS),
        ("kvmtool", "lkvm", lambda program: peers.kvmtool(program, flat), 0),
        ("Firecracker", "firecracker", lambda program: peers.firecracker(program, config), 0),
        ("cloud-hypervisor", "cloud-hypervisor", lambda program: peers.cloud_hypervisor(program, GUEST), 0),
    ]
    for name, program, command, end_status in known:
        found = shutil.which(program)
        if found:
            subjects.append(Subject(name, command(found), end_status))
    return subjects


def spawn(command, output):
    """Runs the command; its status, and its start and end by the monotonic clock and its CPU time, in ns."""
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
               (os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
    start = time.monotonic_ns()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    end = time.monotonic_ns()
    return os.waitstatus_to_exitcode(status), start, end, (usage.ru_utime + usage.ru_stime) * 1e9


def run_checked(subject, command):
    with tempfile.TemporaryFile() as output:
        status, start, end, cpu = spawn(command, output)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status != subject.end_status:
        raise Failure(f"{subject.name}: ended with status {status}, not {subject.end_status}: {text.strip()[-500:]}")
    return text, start, end, cpu


def measure(subject):
    text, start, end, cpu = run_checked(subject, subject.command)
    subject.wall.append((end - start) / 1e6)
    subject.cpu.append(cpu / 1e6)
    told = re.match(r"first-run (\d+)$", text, re.MULTILINE)
    if told:
        subject.first_run.append((int(told.group(1)) - start) / 1e6)


def measure_first_run(subject, folder):
    """
    Ours, in a run of its own, because writing the boot report takes time. Its clock starts in main and counts what came before
    by CPU time: what it waited for until then is not in it. So the quickest run is told, which waited for nothing.
    """
    report = folder / "report.json"
    run_checked(subject, [*subject.command[:2], "--boot-report", str(report), *subject.command[2:]])
    steps = {step["name"]: step for step in json.loads(report.read_text())["steps"]}
    subject.first_run.append(steps["run"]["at_ms"])


def warm_up(subjects):
    """Fills the caches. Returns those that run here: a peer may refuse this machine, the floor and ours may not."""
    able = []
    for subject in subjects:
        try:
            for _ in range(WARM_UP):
                run_checked(subject, subject.command)
            able.append(subject)
        except Failure as failure:
            if subject.name in (FLOOR, RASTOS):
                raise
            print(f"startup: left out: {failure}", file=sys.stderr)
    return able


def measure_all(subjects, rounds, folder):
    for number in range(rounds):
        first = number % len(subjects)  # nobody always comes after the same neighbour
        for subject in subjects[first:] + subjects[:first]:
            measure(subject)
            if subject.name == RASTOS:
                measure_first_run(subject, folder)


def ratio(subject, other):
    """The median over the rounds of subject's time as a multiple of other's."""
    return statistics.median(a / b for a, b in zip(subject.wall, other.wall))


def summary(subject, floor):
    result = {
        "name": subject.name,
        "command": subject.command,
        "median_ms": statistics.median(subject.wall),
        "min_ms": min(subject.wall),
        "cpu_ms": statistics.median(subject.cpu),
        "to_floor": ratio(subject, floor),
    }
    if subject.first_run:
        result["first_run_min_ms"] = min(subject.first_run)
    return result


def promises(subjects):
    by_name = {subject.name: subject for subject in subjects}
    ours, floor, qemu = by_name[RASTOS], by_name[FLOOR], by_name.get(QEMU)
    yield "rastos-vmm, as a multiple of the floor", ratio(ours, floor), 1.5
    if qemu:
        yield "rastos-vmm, as a part of QEMU microvm", ratio(ours, qemu), 0.2


def show(summaries):
    print_table(["", "median", "min", "CPU", "first KVM_RUN, min", "to floor"],
                [[s["name"], f"{s['median_ms']:.2f} ms", f"{s['min_ms']:.2f} ms", f"{s['cpu_ms']:.2f} ms",
                  f"{s['first_run_min_ms']:.2f} ms" if "first_run_min_ms" in s else "", f"{s['to_floor']:.2f}"]
                 for s in summaries])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="how often each is run (default 30)")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: at least one")
    with tempfile.TemporaryDirectory(prefix="rastos-bench-") as name:
        folder = Path(name)
        try:
            subjects = warm_up(find_subjects(folder))
            measure_all(subjects, arguments.rounds, folder)
        except (Failure, OSError) as failure:
            print(f"startup: {failure}", file=sys.stderr)
            return 1
    summaries = [summary(subject, subjects[0]) for subject in subjects]
    print(f"From a process's start to its end, with a guest that ends at once; {arguments.rounds} rounds:\n")
    show(summaries)
    print()
    judged = judge(promises(subjects))
    write_json(BUILD / "bench/startup.json",
               {"rounds": arguments.rounds, "subjects": summaries, "promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
