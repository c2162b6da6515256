#!/usr/bin/env python3
"""What it costs a kernel that its devices are on a PCI bus: instructions with each transport, from the first KVM_RUN to init, which
is the kernel's own part, and of the whole run, in which init loads the drivers, waits for the disk, and powers off.

The guest is Debian's own kernel, or the tuned one, with the minimal root and a disk, on the rastOS host in an emulated machine whose
clock counts instructions (counted.py). RASTOS_BUILD names the build folder (default: build); it needs the target `metal`.

Ends with status 1 only when something could not be run.
"""

import json
import re
import sys

from counted import BUILD, METAL_PAYLOAD, METAL_SCRIPTS, Failure, run_on_host
from report import judge, print_table, write_json

RUN_SECONDS = 1500
MOST = 1.1
ROUNDS = 3  # the first fills the caches; of the others the least counts
KERNELS = {"stock": "vmlinuz", "tuned": "vmlinux"}
TRANSPORTS = ["mmio", "pci"]

SCRIPT = METAL_SCRIPTS + """
guest_initrd initrd <<'END'
until [ -b /dev/vda ]; do :; done
poweroff
END
truncate -s 16M disk.img
for round in $(seq ROUNDS); do
for kernel in vmlinuz vmlinux; do
for transport in mmio pci; do
cat >guest.json <<END
{ "name": "guest", "memory_mib": 256, "transport": "$transport", "disks": [{ "path": "/tmp/disk.img" }],
  "kernel": { "path": "/payload/kernel/$kernel", "initrd": "/tmp/initrd", "cmdline": "console=ttyS0 quiet panic=-1" } }
END
start=$(cut -d ' ' -f 1 /proc/uptime)
rastos-vmm run --boot-report report guest.json </dev/null >log 2>&1 || { cat log; exit 1; }
echo "run $kernel $transport $start $(cut -d ' ' -f 1 /proc/uptime)"
echo "report $kernel $transport $(cat report)"
done
done
done
"""


def instructions(text, kernel, transport):
    """From the first KVM_RUN to init, of each round but the first: a millisecond is a million of them."""
    boots = []
    for report in re.findall(rf"^report {kernel} {transport} (.*)$", text, re.MULTILINE):
        at = {step["name"]: step["at_ms"] for step in json.loads(report)["steps"]}
        boots.append((at["init"] - at["run"]) * 1e6)
    return min(boots[1:])


def whole(text, kernel, transport):
    """The same of a whole run; the clock's ticks are ten million instructions."""
    runs = re.findall(rf"^run {kernel} {transport} (\S+) (\S+)$", text, re.MULTILINE)
    return min(float(end) - float(start) for start, end in runs[1:]) * 1e9


def promises(measured):
    for kernel, counts in measured.items():
        mmio, pci = counts["mmio"], counts["pci"]
        yield f"a {kernel} kernel's boot with pci, as a part of one with mmio", pci["to_init"] / mmio["to_init"], MOST
        yield f"a whole run of the {kernel} kernel with pci, as a part of one with mmio", pci["whole"] / mmio["whole"], MOST


def main():
    try:
        text = run_on_host(SCRIPT.replace("ROUNDS", str(ROUNDS)), RUN_SECONDS, METAL_PAYLOAD)
    except Failure as failure:
        print(f"transport: {failure}", file=sys.stderr)
        return 1
    measured = {name: {transport: {"to_init": instructions(text, file, transport), "whole": whole(text, file, transport)}
                       for transport in TRANSPORTS} for name, file in KERNELS.items()}
    print("Instructions of a guest:\n")
    print_table(["", "to init", "whole run"],
                [[f"{kernel} kernel, {transport}", f"{count['to_init'] / 1e6:.0f} M", f"{count['whole'] / 1e6:.0f} M"]
                 for kernel, counts in measured.items() for transport, count in counts.items()])
    print()
    judged = judge(promises(measured))
    (BUILD / "bench").mkdir(exist_ok=True)
    write_json(BUILD / "bench/transport.json", {"instructions": measured, "promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
