#!/usr/bin/env python3
"""What it costs a stock kernel that its devices are on a PCI bus: instructions with each transport, from the first KVM_RUN to init,
which is the kernel's own part, and of the whole run, in which init loads the drivers, waits for the disk, and powers off.

The guest is Debian's own kernel with the minimal root and a disk, on the rastOS host in an emulated machine (tests/metal) whose
clock ticks once an instruction (QEMU's -icount). RASTOS_BUILD names the build folder (default: build); it needs the target `metal`.

Ends with status 1 only when something could not be run.
"""

import json
import re
import sys

from counted import BUILD, METAL_PAYLOAD, METAL_SCRIPTS, Failure, run_on_host
from report import judge, print_table, write_json

RUN_SECONDS = 1500
ROUNDS = 3  # the first fills the caches; of the others the least counts
TRANSPORTS = ["mmio", "pci"]

SCRIPT = METAL_SCRIPTS + """
guest_initrd initrd <<'END'
until [ -b /dev/vda ]; do :; done
poweroff
END
truncate -s 16M disk.img
for round in $(seq ROUNDS); do
for transport in mmio pci; do
cat >guest.json <<END
{ "name": "guest", "memory_mib": 256, "transport": "$transport", "disks": [{ "path": "/tmp/disk.img" }],
  "kernel": { "path": "/payload/kernel/vmlinuz", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
start=$(cut -d ' ' -f 1 /proc/uptime)
rastos-vmm run --boot-report report guest.json </dev/null >log 2>&1 || { cat log; exit 1; }
echo "run $transport $start $(cut -d ' ' -f 1 /proc/uptime)"
echo "report $transport $(cat report)"
done
done
"""


def instructions(text, transport):
    """From the first KVM_RUN to init, of each round but the first: a millisecond is a million of them."""
    boots = []
    for report in re.findall(rf"^report {transport} (.*)$", text, re.MULTILINE):
        at = {step["name"]: step["at_ms"] for step in json.loads(report)["steps"]}
        boots.append((at["init"] - at["run"]) * 1e6)
    return min(boots[1:])


def whole(text, transport):
    """The same of a whole run; the clock's ticks are ten million instructions."""
    runs = re.findall(rf"^run {transport} (\S+) (\S+)$", text, re.MULTILINE)
    return min(float(end) - float(start) for start, end in runs[1:]) * 1e9


def main():
    try:
        text = run_on_host(SCRIPT.replace("ROUNDS", str(ROUNDS)), RUN_SECONDS, METAL_PAYLOAD)
    except Failure as failure:
        print(f"transport: {failure}", file=sys.stderr)
        return 1
    measured = {name: {"to_init": instructions(text, name), "whole": whole(text, name)} for name in TRANSPORTS}
    print("Instructions of a guest with a stock kernel:\n")
    print_table(["", "to init", "whole run"], [[name, f"{counts['to_init'] / 1e6:.0f} M", f"{counts['whole'] / 1e6:.0f} M"]
                                               for name, counts in measured.items()])
    print()
    mmio, pci = measured["mmio"], measured["pci"]
    judged = judge([("a boot with pci, as a part of one with mmio", pci["to_init"] / mmio["to_init"], 1.1),
                    ("a whole run with pci, as a part of one with mmio", pci["whole"] / mmio["whole"], 1.1)])
    (BUILD / "bench").mkdir(exist_ok=True)
    write_json(BUILD / "bench/transport.json", {"instructions": measured, "promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
