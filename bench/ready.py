"""How many instructions are executed until a guest has said READY=1: by `run`, and by `up` with the manager and the jail.

Both on the rastOS host in the emulated machine of counted.py, whose clock ticks once an instruction, with one definition. Counted is
the time that the processor did not idle, by the kernel's own book (/proc/schedstat), from the command's start until the machine is
quiet again, less what an idle machine does in as much time. So waiting does not count, and nobody's work is left out: the
client's, the manager's, the kernel's for them, and the guest's.
"""

import json
import re
from dataclasses import dataclass, field

import peers
from counted import Failure as HostFailure
from counted import run_on_host

RUN_SECONDS = 600
RUNS = 3            # the first fills the caches; of the others the least counts
SETTLE_SECONDS = 3  # by the machine's own clock: ten times what it takes
LIMIT_SECONDS = 60
KERNEL = "/payload/boot/vmlinux"
IDLE, RUN, UP = "idle", "run", "up"
RINIT, ONE_MESSAGE = "rinit", "an init that is one message"
RAN = re.compile(r"^ran (\S+) (\d+)$", re.MULTILINE)

# count NAME COMMAND...: runs it in the background; prints "ran NAME NS". $guest is its process.
COUNT = f"""
ran() {{
	while read -r cpu _ _ _ _ _ _ ns _; do
		[ "$cpu" != cpu0 ] || echo "$ns"
	done </proc/schedstat
}}
count() {{
	name=$1
	shift
	before=$(ran)
	"$@" </dev/null >output 2>&1 &
	guest=$!
	sleep {SETTLE_SECONDS}
	echo "ran $name $(($(ran) - before))"
}}
is_ready() {{
	grep -q '"ready":true' report || {{ cat output report; exit 1; }}
}}
"""


@dataclass
class Guest:
    """Who says that it is up, and the instructions until then."""
    name: str
    initrd: str
    counts: dict = field(default_factory=dict)  # by IDLE, RUN and UP

    @property
    def run(self):
        return self.counts[RUN] - self.counts[IDLE]

    @property
    def up(self):
        return self.counts[UP] - self.counts[IDLE]

    @property
    def ratio(self):
        return self.up / self.run


def all_guests():
    """The smallest guest of ours, and one with nothing in it, which shows best what `up` adds."""
    return [Guest(RINIT, "/payload/boot/minimal.initrd"), Guest(ONE_MESSAGE, "/payload/boot/ready.cpio")]


def definition(guest):
    return json.dumps({"name": "ready", "vcpus": 1, "memory_mib": peers.MEMORY_MIB,
                       "kernel": {"path": KERNEL, "initrd": guest.initrd, "cmdline": peers.CMDLINE}})


def host_script(guests):
    """Whether the guest was ready is for its boot report to say: the second signal ends `run`, which writes it."""
    lines = [COUNT, "mkdir -p /etc/rastos/guests", "rm -f /etc/rastos/guests/*", "cd /tmp"]
    for number, guest in enumerate(guests):
        lines.append(f"cat >/etc/rastos/guests/ready.json <<'END'\n{definition(guest)}\nEND")
        lines += [f"count {number}-{IDLE} :"] * RUNS
        lines += [f"""
count {number}-{RUN} rastos-vmm run --boot-report report /etc/rastos/guests/ready.json
kill -TERM $guest
sleep 1
kill -TERM $guest 2>/dev/null || true
wait $guest || true
is_ready
"""] * RUNS
        lines += [f"""
count {number}-{UP} rastos-vmm up -d --timeout {LIMIT_SECONDS}
wait $guest
rastos-vmm boot-report --json ready >report
is_ready
rastos-vmm down --force
sleep 1
"""] * RUNS
    return "\n".join(lines) + "\n"


def read_results(guests, text):
    """The first of the runs fills the caches; of the others the least counts."""
    for number, guest in enumerate(guests):
        for how in (IDLE, RUN, UP):
            counts = [int(ns) for name, ns in RAN.findall(text) if name == f"{number}-{how}"]
            if len(counts) < RUNS:
                raise HostFailure(f"the guest with {guest.name} was not counted: {text[-1500:]}")
            guest.counts[how] = min(counts[1:])
    return guests


def measure():
    guests = all_guests()
    return read_results(guests, run_on_host(host_script(guests), RUN_SECONDS))
