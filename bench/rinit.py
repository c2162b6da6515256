#!/usr/bin/env python3
"""How long an init takes to boot the same Debian, and what it costs while it runs: rinit, finit, systemd and sysvinit.

    rinit.py [--keep FOLDER] [NAME...]

NAME is an init; all when none is given. FOLDER gets each machine's report and console.

One root file system (rinit/root.sh) is booted in an emulated machine whose clock ticks one nanosecond an instruction (QEMU's
-icount), once by each init: twelve stock services as Debian ships them, small ones that bring them to thirty, and a login on
the serial console. Time is the machine's own, from its kernel's trace: which programs are executed when, and when a getty first
waits for somebody at its terminal. RASTOS_BUILD names the build folder (default: build).

Ends with status 1 only when something could not be run.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen

from report import judge, print_table, write_json

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
BENCH = BUILD / "bench"
KERNEL = BUILD / "images/kernel/stock/vmlinuz"
MEMORY_MIB = 1024
MANY = 1000
LIMIT_SECONDS = 3600
GETTYS = ("agetty", "getty")
RINIT, FINIT, SYSTEMD, SYSVINIT = "rinit", "finit", "systemd", "sysvinit"
RINIT_MANY = f"rinit, {MANY} more"

# The kernel's clock is the counted one; kprobes tell who waits at a terminal. Without huge pages: where they happen to fit, a
# process has two megabytes more.
CMDLINE = ("console=ttyS0 quiet panic=-1 tsc=reliable transparent_hugepage=never root=LABEL=bench init=/bench/observer"
           " kprobe_event=p:read,n_tty_read;p:poll,n_tty_poll trace_event=sched:sched_process_exec trace_clock=mono"
           " trace_buf_size=4M --")
TRACE = re.compile(r"trace +(?P<comm>.+)-(?P<pid>\d+) +\[\d+\] \S+ +(?P<at>\d+\.\d+): (?P<event>\w+): (?P<rest>.*)")

# What the services' daemons are called; their marks are in rinit/marks.
DAEMONS = {"ssh": "sshd", "cron": "cron", "rsyslog": "rsyslogd", "dbus": "dbus-daemon", "chrony": "chronyd",
           "nginx": "nginx", "redis-server": "redis-server", "atd": "atd", "memcached": "memcached",
           "beanstalkd": "beanstalkd", "dnsmasq": "dnsmasq", "rpcbind": "rpcbind"}


class Failure(Exception):
    """One sentence for whoever reads the output."""


@dataclass
class Subject:
    """An init, how it is executed, and what was found; times in seconds from its exec."""
    name: str
    init: str
    observer: str = ""  # options
    getty: float = 0                             # when the program that asks for a name was executed
    prompt: float = 0
    up: dict = field(default_factory=dict)       # service: when it was
    programs: int = 0                            # executed until the prompt was there and every service up
    cpu: float = 0                               # of process 1, s
    idle_cpu: float = 0                          # of process 1 in the idle minute
    idle_switches: int = 0                       # how often it ran in it
    memory: dict = field(default_factory=dict)   # "PID NAME": KiB

    @property
    def all_up(self):
        return max(self.up.values())

    @property
    def first_memory(self):
        return next(kib for process, kib in self.memory.items() if process.startswith("1 "))

    @property
    def all_memory(self):
        return sum(self.memory.values())


def all_subjects():
    ours = "-b /usr/sbin/rinitctl:/bin/systemctl"  # as where rinit is installed: packages' scripts ask it
    many = f"-b /bench/many:/usr/local/lib/systemd/system -n {MANY}"
    return [
        Subject(RINIT, "/usr/sbin/rinit", ours),
        Subject(FINIT, "/sbin/finit"),
        Subject(SYSTEMD, "/lib/systemd/systemd"),
        Subject(SYSVINIT, "/sbin/init"),
        Subject(RINIT_MANY, "/usr/sbin/rinit", f"{ours} {many}"),
    ]


def machine(subject, folder):
    return ["qemu-system-x86_64", "-name", "rastos-bench", "-M", "q35", "-accel", "tcg",
            "-icount", "shift=0,sleep=off", "-smp", "1", "-cpu", "max", "-m", str(MEMORY_MIB), "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-kernel", str(KERNEL),
            "-initrd", str(BENCH / "rinit.initrd"), "-append", f"{CMDLINE} {subject.observer} {subject.init}",
            "-drive", f"if=virtio,format=raw,snapshot=on,file={BENCH / 'rinit.ext4'}",
            "-chardev", f"file,id=console,path={folder}/console", "-serial", "chardev:console",
            "-chardev", f"file,id=report,path={folder}/report",
            "-device", "isa-serial,chardev=report,iobase=0x2f8,irq=3"]


def read_text(path):
    return path.read_text(errors="replace").replace("\r", "") if path.exists() else ""


def boot(subject, keep):
    """Boots the machine until the observer has come to its end; its report."""
    with tempfile.TemporaryDirectory(prefix="rastos-bench-") as name:
        folder = Path(name)
        with open(folder / "qemu.log", "wb") as log:
            process = Popen(machine(subject, folder), stdin=DEVNULL, stdout=log, stderr=STDOUT)
        deadline = time.monotonic() + LIMIT_SECONDS
        try:
            while not (text := read_text(folder / "report")).endswith("\nend\n"):
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = read_text(folder / "qemu.log") + read_text(folder / "console")
                    raise Failure(f"{subject.name}: the machine came to no end: {tail[-1500:]}")
                time.sleep(0.5)
        finally:
            process.kill()
            process.wait()
        if keep:
            (keep / f"{subject.name}.report").write_text(text)
            (keep / f"{subject.name}.console").write_text(read_text(folder / "console"))
        return text


def read_trace(subject, text):
    """When the init was executed, and from then on: when a getty first waited, and which programs were executed when."""
    executed, begin, prompt = [], None, None
    for found in TRACE.finditer(text):
        at = float(found["at"])
        if found["event"] == "sched_process_exec":
            path = re.match(r"filename=(\S+)", found["rest"])[1]
            if begin is None and found["pid"] == "1" and path == subject.init:
                begin = at
            elif begin is not None:
                executed.append((at - begin, path))
        elif begin is not None and prompt is None and found["comm"] in GETTYS:
            prompt = at - begin
    if begin is None:
        raise Failure(f"{subject.name}: {subject.init} was not executed")
    if prompt is None:
        raise Failure(f"{subject.name}: no login on the console")
    return begin, prompt, executed


def service_up(subject, name, mark, executed):
    """When the service's mark is there and its daemon was executed: another's socket may be there before."""
    daemon = DAEMONS.get(name, "worker")
    first = min((at for at, path in executed if Path(path).name == daemon), default=None)
    if mark < 0 or first is None:
        raise Failure(f"{subject.name}: {name} did not come up")
    return max(mark, first)


def read_report(subject, text):
    begin, subject.prompt, executed = read_trace(subject, text)
    subject.getty = next(at for at, path in executed if Path(path).name in GETTYS)
    for name, ns in re.findall(r"^mark (\S+) (-?\d+)$", text, re.MULTILINE):
        at = int(ns) / 1e9 - begin if int(ns) >= 0 else -1
        subject.up[name] = service_up(subject, name, at, executed)
    last = max(subject.prompt, subject.all_up)
    subject.programs = sum(at <= last for at, _ in executed)
    before, after = (tuple(map(int, re.search(rf"^{word} (\d+) (\d+)$", text, re.MULTILINE).groups()))
                     for word in ("first", "idle"))
    subject.cpu = (before[0] - int(re.search(r"^before (\d+)$", text, re.MULTILINE)[1])) / 1e9
    subject.idle_cpu = (after[0] - before[0]) / 1e9
    subject.idle_switches = after[1] - before[1]
    for pid, kib, name in re.findall(r"^memory (\d+) (\d+) (.*)$", text, re.MULTILINE):
        subject.memory[f"{pid} {name}"] = int(kib)
    if "-n" in subject.observer and f"\nworkers {MANY + len(subject.up) - len(DAEMONS)}\n" not in text:
        raise Failure(f"{subject.name}: not all of the services came up")


def binary_size(path):
    return path.stat().st_size


def measure(subject, keep):
    """Whether the init brought everything up: a peer may fail, which is said, ours may not."""
    print(f"rinit: booting {subject.name}", file=sys.stderr)
    try:
        read_report(subject, boot(subject, keep))
        return True
    except Failure as failure:
        if subject.name in (RINIT, RINIT_MANY):
            raise
        print(f"rinit: left out: {failure}", file=sys.stderr)
        return False


def promises(subjects):
    by_name = {subject.name: subject for subject in subjects}
    ours, finit, systemd, many = (by_name.get(name) for name in (RINIT, FINIT, SYSTEMD, RINIT_MANY))
    yield "rinit's program, stripped, in KiB", binary_size(BUILD / "bin/rinit.static") / 1024, 200
    if ours:
        yield "process 1, in kB of memory (PSS), with 30 services", ours.first_memory * 1.024, 1000
        yield "how often an idle rinit runs in a minute", ours.idle_switches, 0
    if ours and finit:
        yield "time to the login prompt, as a part of finit's", ours.prompt / finit.prompt, 1
        yield "memory of all user space (PSS), as a part of finit's", ours.all_memory / finit.all_memory, 1
    if ours and systemd:
        yield "time to the login prompt, as a part of systemd's", ours.prompt / systemd.prompt, 1 / 3
    if many:
        yield f"s of rinit's CPU for {MANY} services more", many.cpu, 1


def show(subjects):
    ours = subjects[0]
    print("A boot of Debian 12 with 30 services, in the machine's own time from the exec of init:\n")
    print_table(
        ["", "getty", "login prompt", "to rinit", "all services", "to rinit", "programs", "CPU of PID 1", "PSS of PID 1", "PSS of all"],
        [[s.name, f"{s.getty:.3f} s", f"{s.prompt:.3f} s", f"{s.prompt / ours.prompt:.2f}", f"{s.all_up:.3f} s", f"{s.all_up / ours.all_up:.2f}",
          str(s.programs), f"{s.cpu:.3f} s", f"{s.first_memory} KiB", f"{s.all_memory} KiB"] for s in subjects])
    print("\nIn an idle minute:\n")
    print_table(["", "process 1 ran", "CPU of PID 1"],
                [[s.name, str(s.idle_switches), f"{s.idle_cpu * 1e6:.0f} us"] for s in subjects])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="rinit, finit, systemd, sysvinit; all when none is given")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where each machine's report and console are left")
    arguments = parser.parse_args()
    subjects = [s for s in all_subjects() if not arguments.names or s.name.split(",")[0] in arguments.names]
    if not subjects:
        parser.error("no such init")
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # a machine's own time does not care about its neighbours
            measured = pool.map(lambda subject: measure(subject, arguments.keep), subjects)
            subjects = [subject for subject, able in zip(subjects, measured) if able]
    except (Failure, OSError) as failure:
        print(f"rinit: {failure}", file=sys.stderr)
        return 1
    show(subjects)
    print()
    judged = judge(promises(subjects))
    write_json(BENCH / "rinit.json", {
        "subjects": [{"name": s.name, "init": s.init, "getty_s": s.getty, "prompt_s": s.prompt, "services_s": s.up, "all_up_s": s.all_up,
                      "programs": s.programs, "first_cpu_s": s.cpu, "idle_cpu_s": s.idle_cpu,
                      "idle_switches": s.idle_switches, "memory_kib": s.memory} for s in subjects],
        "promises": judged,
    })
    return 0


if __name__ == "__main__":
    sys.exit(main())
