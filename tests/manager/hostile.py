"""A process in the place of a guest's, in the hands of whoever wrote the test: what a guest could do that took its own over.

It is not started by the manager. A record that names it, as a former manager would have left it, makes the next one adopt it.
"""

import json
import os
import shutil
import socket
import subprocess
import sys

HOLD = "import sys; sys.stdin.read()"


def start_time(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[19])


class HostileGuest:
    """The record, the process, and its control socket in the test's hands."""

    def __init__(self, test, name, **members):
        self.test, self.name = test, name
        self.folder = test.path(f"run/guests/{name}")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder, 0o700)
        self.process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE)
        test.addCleanup(self.process.stdin.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        test.addCleanup(self.listener.close)
        self.listener.bind(self.folder + "/process.sock")
        self.listener.listen(1)
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot_id = file.read().strip()
        self.write("state.json", json.dumps({
            "boot_id": boot_id, "goal": "run", "pid": self.process.pid, "start_time": start_time(self.process.pid),
            "started_ns": 1, "restarts": 0, "memory_mib": 16, "definition": test.definition(name, **members)}))

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def accept(self):
        """The manager's connection; until it came."""
        self.listener.settimeout(10)
        control, _ = self.listener.accept()
        self.test.addCleanup(control.close)
        control.settimeout(10)
        return control

    def end(self, words=b""):
        self.write("end.json", words)
        self.process.kill()
