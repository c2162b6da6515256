"""The rastOS host in an emulated machine (tests/metal) whose clock ticks once an instruction (QEMU's -icount), with one processor.

Time in it is a count of instructions, host and guests together, and does not depend on how busy the machine underneath is.
RASTOS_BUILD names the build folder (default: build).
"""

import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE / "tests/metal"))
from metal import BUILD, METAL, Failure, Machine, READY  # noqa: E402

PROCESSORS = ["-accel", "tcg", "-icount", "shift=0,sleep=off", "-smp", "1"]
BOOT_SECONDS = 300
PAYLOAD = BUILD / "bench/payload.img"  # payload.sh
METAL_PAYLOAD = METAL / "payload.img"
METAL_SCRIPTS = (SOURCE / "tests/metal/lib.sh").read_text()  # what that payload's scripts have at hand


def run_on_host(script, seconds, payload=PAYLOAD, watch=None):
    """
    The output of the script, which has so many seconds (of this machine's clock); the payload is mounted at /payload.
    watch: is called with the output as it comes.
    """
    output = bytearray()

    def record(data):
        output.extend(data)
        if watch:
            watch(data)

    machine = Machine(processors=PROCESSORS, payload=payload, disk=None)
    try:
        machine.read_until(READY, BOOT_SECONDS)
        status = machine.run(script, seconds, record)
    except Failure as failure:
        raise Failure(f"{failure}; {output.decode(errors='replace')}\n{machine.console_tail()}") from None
    finally:
        machine.close()
    text = output.decode(errors="replace").replace("\r", "")
    if status != 0:
        raise Failure(f"the script on the host ended with status {status}: {text}")
    return text
