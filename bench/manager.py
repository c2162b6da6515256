#!/usr/bin/env python3
"""What the manager costs: its memory, its jail, what guests leave behind, and `up` beside `run`.

    manager.py [--rounds N] [--no-count]

Guests of a few instructions run on this machine's /dev/kvm: their processes, jails and ends are those of any guest. Only `up`
beside `run` boots a kernel, in the emulated machine whose clock counts instructions (ready.py); --no-count leaves that out.
RASTOS_BUILD names the build folder (default: build).

Ends with status 1 only when something could not be run.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import managed
import peers
import ready
from managed import Failure, Manager
from report import judge, print_table, write_json
from startup import spawn

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
PROGRAM = BUILD / "bin/rastos-vmm"
SLEEPER, EXITER = BUILD / "bench/guest_sleep", BUILD / "bench/guest_exit"
MANY = 20          # guests at once
LEAK_GUESTS = 100
AT_ONCE = 10       # of these
SETTLE_SECONDS = 0.05
OVERCOMMIT = {"overcommit": {"cpus": 64}}  # they sleep
JAILED, FREE, JAILER = "rastos-vmm, in its jail", "rastos-vmm, without", "Firecracker's jailer"
KB = 1.024         # in a KiB


# --- What guests leave behind ---

def kill(manager, name):
    manager.ask("kill", guest=name)


def shut_down(manager, name):
    manager.ask("shutdown", guest=name, timeout_s=1)  # it does not listen, and is stopped


def reboot(manager, name):
    manager.ask("reboot", guest=name, timeout_s=1)
    managed.wait_until(lambda: manager.guests()[name]["state"] == "running", f"guest {name}'s reboot")
    manager.ask("kill", guest=name)


def murder(manager, name):
    os.kill(manager.guests()[name]["pid"], signal.SIGKILL)


def wait_for_it(manager, name):
    pass


# How guests end, in turn: what they are and who does what.
ENDS = [(SLEEPER, kill), (SLEEPER, shut_down), (EXITER, wait_for_it), (SLEEPER, murder), (SLEEPER, reboot)]


def live(manager, names):
    """Defines the guests, starts them, brings each to its end, forgets them. Returns the namespaces they had."""
    had = set()
    for number, name in enumerate(names):
        kernel, _ = ENDS[number % len(ENDS)]
        manager.define(name, kernel)
        manager.start(name)
    for guest in manager.guests().values():
        if "pid" in guest:
            had |= managed.namespaces(guest["pid"])
    for number, name in enumerate(names):
        ENDS[number % len(ENDS)][1](manager, name)
    for name in names:
        manager.wait_off(name)
        manager.ask("undefine", guest=name)
    return had


def snapshot(manager, mark):
    """What must be the same after any number of guests. Crash reports are kept on purpose."""
    return {
        "descriptors": managed.descriptors(manager.pid).total(),
        "processes": len(managed.children(manager.pid)),
        "cgroups": len(managed.cgroups(mark)),
        "mounts": len(Path(f"/proc/{manager.pid}/mountinfo").read_text().splitlines()),
        "files": len({path for path in managed.files(manager.folder) if "/crashes" not in path}),
        "memory_kib": managed.memory_kib(manager.pid)["Anonymous"],
    }


def namespaces_left(manager, had):
    """Those of the guests' that somebody is still in; what holds one without a process is a descriptor or a mount."""
    own = managed.namespaces(manager.pid)
    return set().union(*managed.processes_of(PROGRAM).values()) & (had - own)


def live_many(manager, mark, generation):
    had = set()
    for first in range(0, LEAK_GUESTS, AT_ONCE):
        had |= live(manager, [f"{mark}-{generation}-{first + number}" for number in range(AT_ONCE)])
    return had


def measure_leaks(manager):
    """
    The first hundred guests fill what the manager keeps and has room for, like its last events; what the second hundred leave
    behind is a leak.
    """
    mark = f"bench-{os.getpid()}"
    live_many(manager, mark, 1)
    before = snapshot(manager, mark)
    had = live_many(manager, mark, 2)
    after = snapshot(manager, mark)
    left = {what: after[what] - before[what] for what in before}
    return left | {"namespaces": len(namespaces_left(manager, had)), "namespaces_had": len(had)}


# --- Memory ---

def measure_memory(manager):
    names = [f"guest-{number}" for number in range(MANY)]
    for name in names:
        manager.define(name, SLEEPER)
        manager.start(name)
    time.sleep(SETTLE_SECONDS)
    guests = [managed.pss_beside_ram_kib(guest["pid"]) for guest in manager.guests().values()]
    memory = managed.memory_kib(manager.pid)
    result = {"manager_pss_kib": memory["Pss"], "manager_rss_kib": memory["Rss"], "manager_own_kib": memory["Anonymous"],
              "guest_beside_ram_kib": statistics.median(guests), "guests": MANY}
    for name in names:
        manager.ask("kill", guest=name, wait=True)
        manager.ask("undefine", guest=name)
    return result


# --- A start, in a jail and without ---

def start_cost_ms(manager, name):
    """CPU time of the manager and of the guest's process, until its guest runs."""
    before = managed.cpu_ns(manager.pid)
    manager.start(name)
    time.sleep(SETTLE_SECONDS)
    cost = managed.cpu_ns(manager.pid) - before + managed.cpu_ns(manager.guests()[name]["pid"])
    manager.ask("kill", guest=name, wait=True)
    return cost / 1e6


def spawned_cost_ms(command):
    with tempfile.TemporaryFile() as output:
        status, _, _, cpu = spawn([str(word) for word in command], output)
        output.seek(0)
        if status != 0:
            raise Failure(f"{command[0]}: {output.read().decode(errors='replace').strip()[-300:]}")
    return cpu / 1e6


class Jailer:
    """Firecracker's jailer, started with a program that ends at once. It wants to make a device file: root's work."""

    def __init__(self, program, folder):
        self.jail = folder / "jail"
        self.inner = folder / "firecracker"  # a name with this word in it is what it starts
        shutil.copy(BUILD / "bench/program_exit", self.inner)
        self.program = program

    def cost_ms(self):
        self.jail.mkdir()
        cost = spawned_cost_ms(peers.firecracker_jailer(self.program, self.inner, self.jail)) - spawned_cost_ms([self.inner])
        shutil.rmtree(self.jail)
        return cost


def find_jailer(folder):
    program = shutil.which("jailer")
    if not program:
        print("manager: left out: Firecracker's jailer is not installed", file=sys.stderr)
        return None
    jailer = Jailer(program, folder)
    try:
        jailer.cost_ms()
    except Failure as failure:
        print(f"manager: left out: {failure}", file=sys.stderr)
        return None
    return jailer


def measure_jail(managers, jailer, rounds):
    """Each round starts a guest both ways; the median of the rounds' differences is what the jail costs."""
    costs = {name: [] for name in managers} | ({JAILER: []} if jailer else {})
    for name, manager in managers.items():
        manager.define("web", SLEEPER)
        start_cost_ms(manager, "web")
    for number in range(rounds):
        order = list(managers)[::1 if number % 2 else -1]
        for name in order:
            costs[name].append(start_cost_ms(managers[name], "web"))
        if jailer:
            costs[JAILER].append(jailer.cost_ms())
    for manager in managers.values():
        manager.ask("undefine", guest="web")
    jail = statistics.median(a - b for a, b in zip(costs[JAILED], costs[FREE]))
    return {"rounds": rounds, "jail_ms": jail} | {name: statistics.median(cost) for name, cost in costs.items()}


# --- What is told ---

def promises(found):
    memory, jail, left = found["memory"], found["jail"], found["left"]
    yield f"the manager, in kB of memory (PSS), with {MANY} guests", memory["manager_pss_kib"] * KB, 4000
    yield "a guest's process, in KiB of memory (PSS) beside its RAM", memory["guest_beside_ram_kib"], 2048
    yield "ms of CPU that a start in the jail takes more", jail["jail_ms"], 3
    for what in ("descriptors", "processes", "cgroups", "namespaces", "mounts", "files"):
        yield f"{what} left by {LEAK_GUESTS} guests", left[what], 0
    yield f"KiB of memory left by {LEAK_GUESTS} guests", left["memory_kib"], 16
    for guest in found.get("ready", ()):
        yield f"instructions of `up` until {guest.name} is ready, as a multiple of `run`'s", guest.ratio, 1.05


def show(found):
    memory, jail = found["memory"], found["jail"]
    print(f"Memory, with {MANY} guests:\n")
    print_table(["", "PSS", "RSS", "its own"],
                [["the manager", f"{memory['manager_pss_kib']} KiB", f"{memory['manager_rss_kib']} KiB",
                  f"{memory['manager_own_kib']} KiB"],
                 ["a guest's process, beside RAM", f"{memory['guest_beside_ram_kib']:.0f} KiB", "", ""]])
    print(f"\nCPU time of a start, manager and guest's process together, until the guest runs; {jail['rounds']} rounds:\n")
    rows = [[JAILED, f"{jail[JAILED]:.2f} ms", f"{jail['jail_ms']:.2f} ms"], [FREE, f"{jail[FREE]:.2f} ms", ""]]
    if JAILER in jail:
        rows.append([JAILER, "", f"{jail[JAILER]:.2f} ms"])
    print_table(["", "a start", "the jail"], rows)
    if "ready" in found:
        print("\nInstructions until a guest has said READY=1:\n")
        print_table(["", "run", "up", "to run"],
                    [[guest.name, f"{guest.run / 1e6:.1f} M", f"{guest.up / 1e6:.1f} M", f"{guest.ratio:.3f}"]
                     for guest in found["ready"]])
    print()


def measure(rounds, count):
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rastos-bench-")))
        folder.chmod(0o755)
        managers = {JAILED: stack.enter_context(Manager(PROGRAM, folder / "jailed", **OVERCOMMIT)),
                    FREE: stack.enter_context(Manager(PROGRAM, folder / "free", jail=False, **OVERCOMMIT))}
        found = {"jail": measure_jail(managers, find_jailer(folder), rounds),
                 "left": measure_leaks(managers[JAILED]),
                 "memory": measure_memory(managers[JAILED])}
    if count:
        found["ready"] = ready.measure()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="how often a guest is started each way (default 30)")
    parser.add_argument("--no-count", action="store_true", help="leave out what the emulated machine counts")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: at least one")
    try:
        found = measure(arguments.rounds, not arguments.no_count)
    except (Failure, ready.HostFailure, OSError) as failure:
        print(f"manager: {failure}", file=sys.stderr)
        return 1
    show(found)
    judged = judge(promises(found))
    counted = [{"guest": guest.name, "run": guest.run, "up": guest.up} for guest in found.pop("ready", ())]
    write_json(BUILD / "bench/manager.json", found | {"ready": counted, "promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
