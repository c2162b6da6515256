"""The processes that keep a daemon beside a guest (vmm/storage/storage_daemon.h), and their daemons."""
import glob
import os
from pathlib import Path

from manager import process_alive


def children_of(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def target_of(link):
    try:
        return os.readlink(link)
    except OSError:  # closed meanwhile
        return ""


def keepers(is_ours):
    """Those of which is_ours(pid) is true, each with its daemon (0: none at the moment)."""
    found = {}
    for path in glob.glob("/proc/[0-9]*"):
        pid = int(path.rsplit("/", 1)[1])
        if command_of(pid)[:2] == ["rastos-vmm", "storage-daemon"] and process_alive(pid) and is_ours(pid):
            found[pid] = next(iter(children_of(pid)), 0)
    return found


def daemons_of_folder(folder):
    """The keepers of disks whose files are in this folder, each with its qemu-storage-daemon."""
    return keepers(lambda pid: any(target_of(link).startswith(folder) for link in glob.glob(f"/proc/{pid}/fd/*")))
