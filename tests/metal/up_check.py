#!/usr/bin/env python3
"""./rastos up --check --json: firmware, host, manager, server guest, READY=1, and everything down again."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CTEST")}
    done = subprocess.run([ROOT / "rastos", "up", "--check", "--json", "--metal", "--no-install"], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, f"exit status {done.returncode}"
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ready"] is True, report
    assert report["where"] == "metal", report
    assert report["guest"] == "server", report
    names = [step["name"] for step in report["steps"]]
    assert names[:5] == ["exec", "verify", "vm", "load", "run"] and names[-1] == "ready", names
    assert sorted(names[5:-1]) == ["init", "kernel"], names  # a quiet kernel leaves the first output to init
    for step in report["steps"]:
        assert step["wall_ms"] >= 0 and step["cpu_ms"] >= 0, step


if __name__ == "__main__":
    main()
