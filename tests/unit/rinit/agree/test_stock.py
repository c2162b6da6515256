"""test_stock.py RINITCTL: Debian's unit files, as about forty packages ship them, are judged alike.

The packages are downloaded, not installed; what they hold of units is kept in the cache.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import judges

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "rastos", "units")
FOLDERS = ("lib/systemd/system", "usr/lib/systemd/system")
DOWNLOAD = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1",
            "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10", "download"]


def skip(why):
    print(f"skipped: {why}")
    raise SystemExit(77)


def versions(packages):
    """What apt would install now."""
    found, package = {}, None
    policy = subprocess.run(["apt-cache", "policy"] + packages, capture_output=True, text=True).stdout
    for line in policy.splitlines():
        if line and not line[0].isspace():
            package = line.rstrip(":")
        elif line.startswith("  Candidate: ") and not line.endswith("(none)"):
            found[package] = line.split()[1]
    return found


def unpack(deb, folder):
    """The units of the package, into the folder, which is there when it is whole."""
    with tempfile.TemporaryDirectory(dir=CACHE) as half:
        wanted = [f"./{where}/*" for where in FOLDERS]
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", half, "--wildcards"] + wanted, stdin=archive.stdout, stderr=subprocess.DEVNULL)
        archive.stdout.close()
        archive.wait()
        os.makedirs(os.path.join(half, "units"))
        for where in FOLDERS:
            for entry in os.scandir(os.path.join(half, where)) if os.path.isdir(os.path.join(half, where)) else []:
                if entry.is_file(follow_symlinks=False):
                    shutil.copy(entry.path, os.path.join(half, "units"))
        os.rename(os.path.join(half, "units"), folder)


def stock_units(packages):
    """A folder for each package with its units in it."""
    found = versions(packages)
    unknown = sorted(set(packages) - set(found))
    if unknown:
        skip(f"apt knows no package {', '.join(unknown)}: is this Debian, and 'apt-get update' recent?")
    os.makedirs(CACHE, exist_ok=True)
    folders = {name: os.path.join(CACHE, f"{name}_{version.replace(':', '%3a')}") for name, version in found.items()}
    missing = [name for name in packages if not os.path.isdir(folders[name])]
    if missing:
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(DOWNLOAD + missing, cwd=scratch, capture_output=True, text=True)
            if done.returncode:
                skip("packages could not be downloaded: " + (done.stderr.strip().splitlines() or ["?"])[-1])
            for deb in os.listdir(scratch):
                unpack(os.path.join(scratch, deb), folders[deb.split("_")[0]])
    return folders


def main():
    judges.skip_without_systemd()
    program = os.path.abspath(sys.argv[1])
    with open(os.path.join(os.path.dirname(__file__), "packages"), encoding="utf-8") as text:
        packages = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    folders = stock_units(packages)
    bad = 0
    with judges.scratch() as scratch:
        origin = {}
        for package, folder in folders.items():
            names = [name for name in os.listdir(folder) if name.endswith(judges.KINDS)]
            for name in names:
                shutil.copy(os.path.join(folder, name), scratch)
                origin[name] = package
        systemd = judges.judge_systemd(scratch)
        for name, package in sorted(origin.items()):
            difference = judges.disagreement(systemd[name], judges.judge_rinit(program, os.path.join(scratch, name)))
            if difference:
                bad += 1
                print(f"{package}: {name}:\n    {difference}")
    print(f"{len(origin)} units of {len(packages)} packages: {bad} disagreements")
    # What the packages have is what this is about: a folder that was emptied must not pass.
    return bad > 0 or len(origin) < 2 * len(packages)


sys.exit(main())
