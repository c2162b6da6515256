#!/usr/bin/env python3
"""What the jail costs: the CPU time of a manager and its guest processes for each start of a guest that ends at once.

    jail.py [--rounds N] [--starts N]

Every round runs a manager whose guests are jailed and one whose guests are not ("jail": false), each with the same number of
starts; the time is all that the manager and its guest processes took, from first to last, without what a manager takes that
starts no guest. Differences are taken within a round, and their median counts. Wants /dev/kvm, and as root measures root's jail.
Firecracker's jailer is a peer where it is found on PATH: with a program that ends at once, less that program alone.
RASTOS_BUILD names the build folder (default: build).

Ends with status 1 only when something could not be run: numbers are for reading, not for failing on a busy machine.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers
from report import judge, print_table, write_json
from startup import spawn

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
GUEST = BUILD / "bench/guest_exit"
NAME = "bench"
PATIENCE = 20  # seconds


class Failure(Exception):
    """One sentence for whoever reads the output."""


class Manager:
    """`rastos-vmm up` in the foreground, with a folder of its own."""

    def __init__(self, folder, jailed):
        self.folder = folder
        for name in ("guests", "keys"):
            (folder / name).mkdir(parents=True)
        (folder / "mode").write_text("server\n")
        (folder / "vmm.json").write_text(json.dumps(
            {"mode_file": "mode", "guests_dir": "guests", "keys_dir": "keys", "runtime_dir": "run", "state_dir": "state",
             "jail": jailed}))
        (folder / f"guests/{NAME}.json").write_text(json.dumps(
            {"name": NAME, "role": "guest", "autostart": False, "ready": "started", "vcpus": 1, "memory_mib": 64,
             "on_reboot": "destroy", "on_poweroff": "destroy", "kernel": {"path": str(GUEST)}}))
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(
            [BUILD / "bin/rastos-vmm", "--config", folder / "vmm.json", "up", "--no-console"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.wait_for(self.listens, "the manager does not listen")

    def listens(self):
        with socket.socket(socket.AF_UNIX) as peer:
            return peer.connect_ex(str(self.folder / "run/control.sock")) == 0

    def wait_for(self, what, sentence):
        deadline = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.log.seek(0)
                raise Failure(f"{sentence}: {self.log.read()[-500:].decode(errors='replace')}")
            time.sleep(0.002)

    def ask(self, **request):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(str(self.folder / "run/control.sock"))
            peer.sendall((json.dumps({"id": 1} | request) + "\n").encode())
            answer = json.loads(peer.makefile().readline())
        if not answer.get("ok"):
            raise Failure(f"{request['op']}: {answer.get('error')}")

    def guest_is_off(self):
        """As its record says, which costs the manager nothing."""
        try:
            return json.loads((self.folder / f"run/guests/{NAME}/state.json").read_text())["pid"] == 0
        except (OSError, ValueError):
            return False

    def start_guest(self):
        self.ask(op="start", guest=NAME)
        self.wait_for(self.guest_is_off, "the guest does not end")

    def end(self):
        """CPU seconds of the manager and all the processes it had."""
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime


def cpu_ms(jailed, starts):
    with tempfile.TemporaryDirectory(prefix="rastos-bench-") as name:
        manager = Manager(Path(name) / "config", jailed)
        try:
            begun = time.monotonic()
            for _ in range(starts):
                manager.start_guest()
            wall = time.monotonic() - begun
        finally:
            cpu = manager.end()
    return cpu * 1e3, wall * 1e3


def measure(starts):
    """A round: CPU and wall milliseconds a start, without jail and with it."""
    found = {}
    for jailed in (False, True):
        idle, _ = cpu_ms(jailed, 0)
        cpu, wall = cpu_ms(jailed, starts)
        found[jailed] = ((cpu - idle) / starts, wall / starts)
    return found


class Jailer:
    """Firecracker's jailer, which makes device files: root's work."""

    def __init__(self, program, folder):
        self.program, self.jail = program, folder / "jail"
        self.inner = folder / "firecracker"  # it starts programs with this word in their name
        shutil.copy(BUILD / "bench/program_exit", self.inner)

    def cost_ms(self):
        """CPU time that it adds to a start."""
        self.jail.mkdir()
        cost = spawned_ms(peers.firecracker_jailer(self.program, self.inner, self.jail)) - spawned_ms([str(self.inner)])
        shutil.rmtree(self.jail)
        return cost


def spawned_ms(command):
    with tempfile.TemporaryFile() as output:
        status, _, _, cpu = spawn(command, output)
        output.seek(0)
        if status != 0:
            raise Failure(f"{command[0]}: {output.read().decode(errors='replace').strip()[-300:]}")
    return cpu / 1e6


def measure_jailer(count):
    """The median, None when it is not installed or refuses this machine, which is said."""
    program = shutil.which("jailer")
    if not program:
        print("jail: left out: Firecracker's jailer is not installed", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory(prefix="rastos-bench-") as name:
        jailer = Jailer(program, Path(name))
        try:
            jailer.cost_ms()
            return statistics.median(jailer.cost_ms() for _ in range(count))
        except Failure as failure:
            print(f"jail: left out: {failure}", file=sys.stderr)
            return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (default 7)")
    parser.add_argument("--starts", type=int, default=30, help="guests started in one of them (default 30)")
    arguments = parser.parse_args()
    try:
        measure(2)  # fills the caches
        rounds = [measure(arguments.starts) for _ in range(arguments.rounds)]
        jailer = measure_jailer(arguments.starts)
    except (Failure, OSError) as failure:
        print(f"jail: {failure}", file=sys.stderr)
        return 1
    subjects = [{"name": name, "cpu_ms": statistics.median(r[jailed][0] for r in rounds),
                 "wall_ms": statistics.median(r[jailed][1] for r in rounds)}
                for name, jailed in (("without jail", False), ("jailed", True))]
    more = statistics.median(r[True][0] - r[False][0] for r in rounds)
    print(f"A start of a guest that ends at once, manager and guest process; {arguments.rounds} rounds of "
          f"{arguments.starts} starts:\n")
    print_table(["", "CPU", "wall"], [[s["name"], f"{s['cpu_ms']:.2f} ms", f"{s['wall_ms']:.2f} ms"] for s in subjects])
    print(f"\nThe jail adds {more:.2f} ms of CPU" + (f", Firecracker's jailer {jailer:.2f} ms" if jailer else "") + "\n")
    judged = judge([("CPU milliseconds that the jail adds to a start", more, 3)])
    write_json(BUILD / "bench/jail.json", {"rounds": arguments.rounds, "starts": arguments.starts, "subjects": subjects,
                                           "firecracker_jailer_ms": jailer,
                                           "promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
