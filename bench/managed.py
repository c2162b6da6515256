"""A manager that runs on this machine for a benchmark, away from the machine's own, and what its processes have."""

import glob
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

UP_SECONDS = 20


class Failure(Exception):
    """One sentence for whoever reads the output."""


def wait_until(what, sentence, seconds=UP_SECONDS):
    deadline = time.monotonic() + seconds
    while not (result := what()):
        if time.monotonic() > deadline:
            raise Failure(f"{sentence} did not happen within {seconds} s")
        time.sleep(0.005)
    return result


class Manager:
    """Its folder has all it reads and writes; what it started ends with it. settings: what else is in its vmm.json."""

    def __init__(self, program, folder, **settings):
        self.program, self.folder = program, Path(folder)
        for name in ("guests", "keys"):
            (self.folder / name).mkdir(parents=True)
        places = {"mode_file": "mode", "guests_dir": "guests", "keys_dir": "keys", "runtime_dir": "run", "state_dir": "state"}
        (self.folder / "vmm.json").write_text(json.dumps(places | settings))
        (self.folder / "mode").write_text("server\n")
        self.pid = 0

    def __enter__(self):
        self.command("up", "-d")
        with self.connect() as peer:
            self.pid, _, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return self

    def __exit__(self, *_):
        try:
            self.command("down", "--force")
        except Failure:
            os.kill(self.pid, signal.SIGKILL)
            raise

    def command(self, *arguments):
        process = subprocess.run([self.program, "--config", self.folder / "vmm.json", *arguments], text=True, check=False,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if process.returncode != 0:
            raise Failure(f"rastos-vmm {arguments[0]}: {process.stderr.strip()}")

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(UP_SECONDS)
        peer.connect(str(self.folder / "run/control.sock"))
        return peer

    def ask(self, op, **members):
        """The result of one operation (vmm/manager/operations.h)."""
        with self.connect() as peer:
            peer.sendall((json.dumps({"id": 1, "op": op} | members) + "\n").encode())
            with peer.makefile() as lines:
                for line in lines:
                    answer = json.loads(line)
                    if "ok" not in answer:
                        continue
                    if not answer["ok"]:
                        raise Failure(f"{op}: {answer['error']}")
                    return answer.get("result")
        raise Failure(f"{op}: the manager went away")

    def define(self, name, kernel, **members):
        definition = {"name": name, "role": "guest", "ready": "started", "autostart": False, "vcpus": 1, "memory_mib": 16,
                      "kernel": {"path": str(kernel)}}
        self.ask("define", definition=definition | members, folder=str(self.folder))

    def start(self, name):
        self.ask("start", guest=name, wait=True, timeout_s=UP_SECONDS)

    def guests(self):
        """By name: its state, its pid while it has one."""
        return {guest["name"]: guest for guest in self.ask("list")["guests"]}

    def wait_off(self, name):
        wait_until(lambda: self.guests()[name]["state"] in ("off", "failed"), f"guest {name}'s end")


# --- What a process has ---

def memory_kib(pid):
    """smaps_rollup: Pss, Rss, Anonymous and the others."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(kib) for name, kib in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def pss_beside_ram_kib(pid):
    """A guest process's share of all mappings but the guest's RAM, which is its memfd."""
    total, ram = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            ram = "/memfd:" in line
        elif line.startswith("Pss:") and not ram:
            total += int(line.split()[1])
    return total


def descriptors(pid):
    """How many of which kind."""
    return Counter(re.sub(r"\d+", "N", os.readlink(path)) for path in glob.glob(f"/proc/{pid}/fd/*"))


def namespaces(pid):
    """None once it has ended, which it may do meanwhile."""
    try:
        return {os.readlink(path) for path in glob.glob(f"/proc/{pid}/ns/*")}
    except FileNotFoundError:
        return set()


def children(pid):
    """Zombies too."""
    return {int(child) for path in glob.glob(f"/proc/{pid}/task/*/children") for child in Path(path).read_text().split()}


def processes_of(program):
    """Who executes it, by pid: the namespaces it is in."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.path.samefile(path, program):
                pid = int(path.split("/")[2])
                found[pid] = namespaces(pid)
        except OSError:
            pass  # it has just ended
    return found


def cgroups(part):
    """cgroup v2 folders with this in their name."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    return {path for mount in mounts for path in glob.glob(f"{mount}/**/*{part}*", recursive=True) if os.path.isdir(path)}


def files(folder):
    return {os.path.join(place, name) for place, folders, names in os.walk(folder) for name in (*folders, *names)}
