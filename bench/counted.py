"""The rastOS host in an emulated machine (tests/metal) whose clock ticks once an instruction (QEMU's -icount), with one processor.

Time in it is a count of instructions, host and guests together, and does not depend on how busy the machine underneath is.
RASTOS_BUILD names the build folder (default: build).
"""

import os
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/metal"))
from metal import BUILD, METAL, Failure, Machine, READY  # noqa: E402

PROCESSORS = ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"]
BOOT_SECONDS = 300
PAYLOAD = BUILD / "bench/payload.img"  # payload.sh
METAL_PAYLOAD = METAL / "payload.img"
METAL_SCRIPTS = (SOURCE / "tests/metal/lib.sh").read_text()  # what that payload's scripts have at hand


class Stalled(Failure):
    """Nothing came any more: the emulated processor did what none does (docs/architecture.md, "Tests"). `output` came before."""

    def __init__(self, text, output):
        super().__init__(text)
        self.output = output


def as_text(output):
    return output.decode(errors="replace").replace("\r", "")


def processor_seconds(process):
    """What the emulator has had of this machine's processors: how far it has got does not depend on what else they do."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_watched(machine, script, seconds, record, silence):
    """The script's status. Failure when it says nothing for `silence` seconds of the emulator's work, or is not done in time."""
    end = time.monotonic() + seconds
    heard = processor_seconds(machine.process)

    def hear(data):
        nonlocal heard
        if data:
            heard = processor_seconds(machine.process)
            record(data)

    machine.send(script)
    while True:
        try:
            return int(machine.read_until(rb"METAL-EXIT (\d+)\n", min(silence, 5), hear).group(1))
        except Failure:
            if machine.process.poll() is not None or time.monotonic() > end or processor_seconds(machine.process) - heard > silence:
                raise


def run_on_host(script, seconds, payload=PAYLOAD, silence=None, watch=None):
    """
    The output of the script, which has so many seconds (of this machine's clock); the payload is mounted at /payload.
    silence: after so many of its own work without output it has Stalled. watch: is called with the output as it comes.
    """
    output = bytearray()
    machine = Machine(processors=PROCESSORS, payload=payload, disk=None)

    def record(data):
        output.extend(data)
        if watch:
            watch(data)

    try:
        machine.read_until(READY, BOOT_SECONDS)
        status = run_watched(machine, script, seconds, record, silence or seconds)
    except Failure as failure:
        raise Stalled(f"{failure}; {as_text(output)}\n{machine.console_tail()}", as_text(output)) from None
    finally:
        machine.close()
    if status != 0:
        raise Failure(f"the script on the host ended with status {status}: {as_text(output)}")
    return as_text(output)
