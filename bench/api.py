#!/usr/bin/env python3
"""What the JSON API costs: the first answer, an answer, many answers, a guest through it beside `run`, XML, idle followers.

    api.py [--rounds N] [--requests N]

A manager runs on this machine with a folder of its own; guests of a few instructions on /dev/kvm. Its CPU time is what the kernel
counted for its one thread. Firecracker's API socket is a peer where it is found on PATH. RASTOS_BUILD names the build folder
(default: build).

Ends with status 1 only when something could not be run: numbers are for reading, not for failing on a busy machine.
"""

import argparse
import glob
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import managed
import peers
from managed import Failure, Manager
from report import judge, print_table, write_json
from startup import spawn

BUILD = Path(os.environ.get("RASTOS_BUILD", Path(__file__).resolve().parent.parent / "build")).resolve()
PROGRAM, MAPPER = BUILD / "bin/rastos-vmm", BUILD / "bin/rastos-domain-xml"
SLEEPER, EXITER = BUILD / "bench/guest_sleep", BUILD / "bench/guest_exit"
PATIENCE = 20       # seconds
FOLLOWERS = 200
PIPELINE = 50       # requests on their way at once
XML_BYTES = 200 << 10
XML_NOTES = 10
XML_ITEM = "<n:line at='{}'>somebody changed something</n:line>\n"
XML_BRIDGE = ("<controller type='pci' index='{0}' model='pcie-root-port'><model name='pcie-root-port'/>"
              "<target chassis='1' port='0x10'/>"
              "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/></controller>\n")
SETTLE_SECONDS = 0.2
# Nobody asks more often than this benchmark.
SETTINGS = {"overcommit": {"cpus": 64}, "api": {"requests_per_second": 1000000}}


# --- HTTP, as little of it as takes no time ---

def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(PATIENCE)
    peer.connect(str(path))
    return peer


def request(method, target, body=None, media="application/json"):
    head = f"{method} {target} HTTP/1.1\r\nHost: bench\r\n"
    if body is None:
        return (head + "\r\n").encode()
    return (head + f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def read_answer(peer):
    """One whole answer: its status and body."""
    data = peer.recv(65536)
    while b"\r\n\r\n" not in data:
        data += receive(peer)
    head, body = data.split(b"\r\n\r\n", 1)
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    while length and len(body) < int(length.group(1)):
        body += receive(peer)
    return int(head.split()[1]), body


def receive(peer):
    data = peer.recv(65536)
    if not data:
        raise Failure("the API hung up")
    return data


def ask(peer, method, target, body=None, media="application/json"):
    peer.sendall(request(method, target, body, media))
    status, body = read_answer(peer)
    if status >= 300:
        raise Failure(f"{method} {target}: {status} {body.decode(errors='replace')[:300]}")
    return body


def api_socket(manager):
    return manager.folder / "run/api.sock"


# --- From exec to the first answer ---

def cpu_ns(pid):
    """Of all its threads that are there (proc(5), schedstat)."""
    return sum(int(Path(path).read_text().split()[0]) for path in glob.glob(f"/proc/{pid}/task/*/schedstat"))


def answers(path, target):
    try:
        with connect(path) as peer:
            ask(peer, "GET", target)
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    return True


def first_answer_ms(command, path, target):
    """CPU milliseconds of the process from its exec until it has answered."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(path, target):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{command[0]}: does not answer: {(process.stderr.read() or b'')[-300:].decode(errors='replace')}")
            time.sleep(0.001)
        return cpu_ns(process.pid) / 1e6
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


def our_first_answer_ms(folder):
    manager = Manager(PROGRAM, folder, **SETTINGS)  # only for its files: it is not entered
    return first_answer_ms([str(PROGRAM), "--config", str(manager.folder / "vmm.json"), "up", "--no-console"],
                           api_socket(manager), "/v1/guests")


def firecracker_first_answer_ms(program, folder):
    path = folder / "firecracker.sock"
    return first_answer_ms([program, "--api-sock", str(path), "--id", "bench"], path, "/")


def measure_first_answer(rounds, folder):
    found = {"rastos-vmm": [our_first_answer_ms(folder / f"first-{number}") for number in range(rounds)]}
    firecracker = shutil.which("firecracker")
    if firecracker:
        found["Firecracker"] = []
        for number in range(rounds):
            place = folder / f"peer-{number}"
            place.mkdir()
            found["Firecracker"].append(firecracker_first_answer_ms(firecracker, place))
    else:
        print("api: left out: Firecracker is not installed", file=sys.stderr)
    return {name: statistics.median(values) for name, values in found.items()}


# --- Answers ---

def measure_latency(manager, count):
    """Microseconds from the request's last byte written to the answer's last byte read, one at a time."""
    times = []
    with connect(api_socket(manager)) as peer:
        text = request("GET", "/v1/guests/web")
        for _ in range(count):
            begin = time.perf_counter_ns()
            peer.sendall(text)
            status, _ = read_answer(peer)
            times.append((time.perf_counter_ns() - begin) / 1e3)
            if status != 200:
                raise Failure(f"GET of a guest: {status}")
    times.sort()
    return {"median_us": statistics.median(times), "p99_us": times[len(times) * 99 // 100], "min_us": times[0]}


def measure_rate(manager, count):
    """Answers in a second, and in a second of the manager's CPU: it has one thread, so that is one core."""
    text = request("GET", "/v1/guests/web") * PIPELINE
    with connect(api_socket(manager)) as peer:
        cpu, begin = cpu_ns(manager.pid), time.perf_counter()
        for _ in range(count // PIPELINE):
            peer.sendall(text)
            answered = 0
            while answered < PIPELINE:
                data = receive(peer)
                if b"HTTP/1.1 4" in data or b"HTTP/1.1 5" in data:
                    raise Failure(f"GET of a guest: {data[:300].decode(errors='replace')}")
                answered += data.count(b"HTTP/1.1 200 ")
        wall, cpu = time.perf_counter() - begin, cpu_ns(manager.pid) - cpu
    asked = count // PIPELINE * PIPELINE
    return {"per_second": asked / wall, "per_cpu_second": asked / (cpu / 1e9), "cpu_us": cpu / 1e3 / asked}


# --- A guest through the API, beside `run` ---

def run_ms(folder):
    """Milliseconds of `run` from its exec until the guest runs, and until all has ended; and of its CPU."""
    report = folder / "report.json"
    command = peers.rastos(str(PROGRAM), EXITER, options=("--boot-report", str(report)))
    with tempfile.TemporaryFile() as output:
        status, start, end, cpu = spawn(command, output)
        if status != 0:
            output.seek(0)
            raise Failure(f"run: {output.read().decode(errors='replace')[-300:]}")
    steps = {step["name"]: step for step in json.loads(report.read_text())["steps"]}
    return steps["run"]["at_ms"], (end - start) / 1e6, cpu / 1e6


def children_cpu_ms(pid):
    """Of those of its children that have ended: proc(5), stat, in steps of a clock tick."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) * 1e3 / os.sysconf("SC_CLK_TCK")


def through_api_ms(peer, follower, name):
    """The same from the first byte of its definition, until the events that it is running, and off again."""
    body = json.dumps({"name": name, "role": "guest", "ready": "started", "autostart": False, "vcpus": 1,
                       "memory_mib": peers.MEMORY_MIB,
                       "on_reboot": "destroy", "on_poweroff": "destroy", "kernel": {"path": str(EXITER)}}).encode()
    begin = time.monotonic_ns()
    ask(peer, "PUT", f"/v1/guests/{name}", body)
    ask(peer, "POST", f"/v1/guests/{name}/start", b"")
    wait_event(follower, "running", name)
    runs = time.monotonic_ns()
    wait_event(follower, "off", name)
    end = time.monotonic_ns()
    ask(peer, "DELETE", f"/v1/guests/{name}")
    return (runs - begin) / 1e6, (end - begin) / 1e6


def wait_event(follower, event, guest):
    for line in follower:
        if line.startswith("data: "):
            told = json.loads(line[6:])
            if told.get("guest") == guest and told["event"] in (event, "failed"):
                if told["event"] != event:
                    raise Failure(f"guest {guest}: {told}")
                return


def measure_guests(manager, rounds):
    """In turn, so that what disturbs this machine disturbs both; ratios are taken within a round."""
    found = {"run_runs_ms": [], "run_ends_ms": [], "api_runs_ms": [], "api_ends_ms": [], "runs": [], "ends": [], "run_cpu_ms": [],
             "manager_cpu_ms": []}
    with connect(api_socket(manager)) as peer, connect(api_socket(manager)) as events:
        events.sendall(b"GET /v1/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n")
        follower = events.makefile()
        for number in range(rounds + 2):
            run, before = run_ms(manager.folder), cpu_ns(manager.pid)
            api, cpu = through_api_ms(peer, follower, f"g{number}"), (cpu_ns(manager.pid) - before) / 1e6
            if number < 2:  # the caches are filled
                children = children_cpu_ms(manager.pid)
                continue
            for name, value in (("run_runs_ms", run[0]), ("run_ends_ms", run[1]), ("api_runs_ms", api[0]), ("api_ends_ms", api[1]),
                                ("runs", api[0] / run[0]), ("ends", api[1] / run[1]), ("run_cpu_ms", run[2]), ("manager_cpu_ms", cpu)):
                found[name].append(value)
    return {name: statistics.median(values) for name, values in found.items()} | {
        "process_cpu_ms": (children_cpu_ms(manager.pid) - children) / rounds}


# --- XML ---

def large_xml():
    """Two domains of that size by name: one with much metadata, which is kept as it is, and one with PCI bridges as virt-manager writes
    them, which say nothing to a small VM."""
    head = f"<domain type='kvm'><name>xml</name><memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type>hvm</type><kernel>{SLEEPER}</kernel></os>"
    disks = "".join(f"<disk type='file' device='disk'><source file='/srv/{n}.img'/><target dev='vd{chr(97 + n)}' bus='virtio'/></disk>"
                    for n in range(8))
    return {
        "metadata": f"{head}<metadata>{''.join(map(xml_note, range(XML_NOTES)))}</metadata><devices>{disks}</devices></domain>".encode(),
        "PCI bridges": f"{head}<devices>{disks}{repeated(XML_BYTES, XML_BRIDGE)}</devices></domain>".encode(),
    }


def xml_note(number):
    """Metadata of one program."""
    return f"<n:note xmlns:n='urn:note:{number}'>{repeated(XML_BYTES // XML_NOTES, XML_ITEM)}</n:note>"


def repeated(size, item):
    """item, numbered, as often as it takes for that many bytes."""
    items, used = [], 0
    while used < size:
        items.append(item.format(len(items) + 1))
        used += len(items[-1])
    return "".join(items)


def measure_xml(manager, rounds):
    """Milliseconds of CPU of the program that maps it, without and with libvirt's schema, which must be read first; and from the
    first byte of a PUT until it is a definition, of the one that is no larger then than a definition may be."""
    found = {}
    for name, text in large_xml().items():
        mapped = [mapper_cpu_ms(text, "--no-validate") for _ in range(rounds)]
        validated = [mapper_cpu_ms(text) for _ in range(rounds)]
        found[name] = {"bytes": len(text), "mapped_cpu_ms": statistics.median(mapped), "validated_cpu_ms": statistics.median(validated)}
    with connect(api_socket(manager)) as peer:
        found["PCI bridges"]["put_ms"] = statistics.median(put_xml_ms(peer, text) for _ in range(rounds))
    return found


def put_xml_ms(peer, text):
    begin = time.monotonic_ns()
    ask(peer, "PUT", "/v1/guests/xml", text, "application/xml")
    taken = (time.monotonic_ns() - begin) / 1e6
    ask(peer, "DELETE", "/v1/guests/xml")
    return taken


def mapper_cpu_ms(text, *options):
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        process = subprocess.Popen([MAPPER, "to-json", *options], stdin=file, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"rastos-domain-xml ended with status {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1e3


# --- Followers ---

def measure_followers(manager):
    """KiB of the manager's own memory that idle followers take."""
    time.sleep(SETTLE_SECONDS)
    before = managed.memory_kib(manager.pid)["Anonymous"]
    followers = []
    for _ in range(FOLLOWERS):
        peer = connect(api_socket(manager))
        peer.sendall(b"GET /v1/events HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n")
        followers.append(peer)
    for peer in followers:
        if not receive(peer).startswith(b"HTTP/1.1 200 "):
            raise Failure("a follower was refused")
    time.sleep(SETTLE_SECONDS)
    taken = managed.memory_kib(manager.pid)["Anonymous"] - before
    for peer in followers:
        peer.close()
    return taken


# --- What is told ---

def promises(found):
    yield "CPU milliseconds from exec of the manager to the API's first answer", found["first"]["rastos-vmm"], 5
    yield "microseconds of a GET of a guest, median", found["latency"]["median_us"], 200
    yield "microseconds of CPU that an answer costs (5,000 a second are 200)", found["rate"]["cpu_us"], 200
    yield "a guest defined and started through the API until its end, as a multiple of `run`", found["guest"]["ends"], 1.3
    for name, xml in found["xml"].items():
        yield f"milliseconds of CPU that check and map 200 KiB of domain XML, {name}", xml["validated_cpu_ms"], 20
    yield f"KiB of memory of {FOLLOWERS} idle followers", found["followers_kib"], 4000


def show(found):
    print("CPU time from exec to the API's first answer:\n")
    print_table(["", "CPU"], [[name, f"{value:.2f} ms"] for name, value in found["first"].items()])
    latency, rate = found["latency"], found["rate"]
    print("\nGET of a guest over the socket:\n")
    print_table(["", ""], [["median", f"{latency['median_us']:.0f} us"], ["99 of 100", f"{latency['p99_us']:.0f} us"],
                           ["pipelined, a second", f"{rate['per_second']:.0f}"],
                           ["pipelined, a second of the manager's CPU", f"{rate['per_cpu_second']:.0f}"]])
    guest = found["guest"]
    print("\nA guest that ends at once, from its definition or the command's exec:\n")
    print_table(["", "until it runs", "until its end"],
                [["run", f"{guest['run_runs_ms']:.2f} ms", f"{guest['run_ends_ms']:.2f} ms"],
                 ["API", f"{guest['api_runs_ms']:.2f} ms", f"{guest['api_ends_ms']:.2f} ms"],
                 ["API to run", f"{guest['runs']:.2f}", f"{guest['ends']:.2f}"]])
    print(f"\nCPU: run {guest['run_cpu_ms']:.2f} ms; the manager {guest['manager_cpu_ms']:.2f} ms, the guest's process "
          f"{guest['process_cpu_ms']:.2f} ms")
    print("\n200 KiB of domain XML:\n")
    print_table(["", "CPU, mapped", "CPU, with libvirt's schema", "until it is a definition by PUT"],
                [[name, *(f"{xml[what]:.1f} ms" if what in xml else "" for what in ("mapped_cpu_ms", "validated_cpu_ms", "put_ms"))]
                 for name, xml in found["xml"].items()])
    print(f"\n{FOLLOWERS} idle followers take {found['followers_kib']} KiB of the manager's memory\n")


def measure(arguments):
    # In memory where that is possible: how long a disk takes to keep a definition is not measured.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="rastos-bench-", dir=memory) as name:
        folder = Path(name)
        os.chmod(folder, 0o755)  # guests' processes have users of their own
        first = measure_first_answer(arguments.rounds, folder)
        with Manager(PROGRAM, folder / "host", **SETTINGS) as manager:
            manager.define("web", SLEEPER)
            measure_latency(manager, 500)  # fills the caches
            return {"first": first, "latency": measure_latency(manager, arguments.requests),
                    "rate": measure_rate(manager, arguments.requests),
                    "followers_kib": measure_followers(manager), "guest": measure_guests(manager, arguments.rounds),
                    "xml": measure_xml(manager, arguments.rounds)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="how often what starts something is measured (default 20)")
    parser.add_argument("--requests", type=int, default=20000, help="how many are asked (default 20000)")
    arguments = parser.parse_args()
    try:
        found = measure(arguments)
    except (Failure, OSError) as failure:
        print(f"api: {failure}", file=sys.stderr)
        return 1
    show(found)
    judged = judge(promises(found))
    write_json(BUILD / "bench/api.json", found | {"promises": judged})
    return 0


if __name__ == "__main__":
    sys.exit(main())
