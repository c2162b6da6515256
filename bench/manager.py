#!/usr/bin/env python3
"""What the manager costs: its memory, what guests leave behind, and `up` beside `run`. What the jail costs: jail.py.

    manager.py [--no-count]

Guests of a few instructions run on this machine's /dev/kvm: their processes, jails and ends are those of any guest. Only `up`
beside `run` boots a kernel, in the emulated machine whose clock counts instructions (ready.py); --no-count leaves that out.
RASTOS_BUILD names the build folder (default: build).

Ends with status 1 only when something could not be run.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import managed
import ready
from managed import Failure, Manager
from report import judge, print_table, write_json

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
PROGRAM = BUILD / "bin/rastos-vmm"
SLEEPER, EXITER = BUILD / "bench/guest_sleep", BUILD / "bench/guest_exit"
MANY = 20          # guests at once
LEAK_GUESTS = 100
AT_ONCE = 10       # of these
WARM_UP = 3        # hundreds
SETTLE_SECONDS = 0.2
OVERCOMMIT = {"overcommit": {"cpus": 64}}  # they sleep
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
    time.sleep(SETTLE_SECONDS)  # those who asked last have hung up
    return {
        "descriptors": managed.descriptors(manager.pid).total(),
        "processes": len(managed.children(manager.pid)),
        "cgroups": len(managed.cgroups(mark)),
        "namespace mounts": Path(f"/proc/{manager.pid}/mountinfo").read_text().count(" nsfs "),
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
    The first hundreds of guests fill what the manager keeps and has room for, like its last events; what the last hundred leave
    behind is a leak.
    """
    mark = f"bench-{os.getpid()}"
    for generation in range(WARM_UP):
        live_many(manager, mark, generation)
    before = snapshot(manager, mark)
    had = live_many(manager, mark, WARM_UP)
    after = snapshot(manager, mark)
    left = {what: after[what] - before[what] for what in before}
    # A leak is there every time; a page that the heap takes once is not.
    live_many(manager, mark, WARM_UP + 1)
    left["memory_kib"] = min(left["memory_kib"], snapshot(manager, mark)["memory_kib"] - after["memory_kib"])
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


# --- What is told ---

def promises(found):
    memory, left = found["memory"], found["left"]
    yield f"the manager, in kB of memory (PSS), with {MANY} guests", memory["manager_pss_kib"] * KB, 4000
    yield "a guest's process, in KiB of memory (PSS) beside its RAM", memory["guest_beside_ram_kib"], 2048
    for what in ("descriptors", "processes", "cgroups", "namespaces", "namespace mounts", "files"):
        yield f"{what} left by {LEAK_GUESTS} guests", left[what], 0
    yield f"KiB of memory left by {LEAK_GUESTS} guests", left["memory_kib"], 16
    for guest in found.get("ready", ()):
        if guest.name == ready.RINIT:
            yield "instructions of `up` until a guest with rinit is ready, as a multiple of `run`'s", guest.ratio, 1.05


def show(found):
    memory = found["memory"]
    print(f"Memory, with {MANY} guests:\n")
    print_table(["", "PSS", "RSS", "its own"],
                [["the manager", f"{memory['manager_pss_kib']} KiB", f"{memory['manager_rss_kib']} KiB",
                  f"{memory['manager_own_kib']} KiB"],
                 ["a guest's process, beside RAM", f"{memory['guest_beside_ram_kib']:.0f} KiB", "", ""]])
    if "ready" in found:
        print("\nInstructions until a guest has said READY=1:\n")
        print_table(["", "run", "up", "to run"],
                    [[guest.name, f"{guest.run / 1e6:.1f} M", f"{guest.up / 1e6:.1f} M", f"{guest.ratio:.3f}"]
                     for guest in found["ready"]])
    print()


def measure(count):
    with tempfile.TemporaryDirectory(prefix="rastos-bench-") as folder:
        os.chmod(folder, 0o755)  # guests' processes have users of their own
        with Manager(PROGRAM, Path(folder) / "host", **OVERCOMMIT) as manager:
            found = {"left": measure_leaks(manager), "memory": measure_memory(manager)}
    if count:
        found["ready"] = ready.measure()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-count", action="store_true", help="leave out what the emulated machine counts")
    arguments = parser.parse_args()
    try:
        found = measure(not arguments.no_count)
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
