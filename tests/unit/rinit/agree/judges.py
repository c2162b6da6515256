"""What the two judges say of unit files: `rinitctl check` and systemd's `systemd-analyze verify`, in one form.

A verdict is the lines of the file that a judge leaves out, each with its words, and whether it refuses the file as a
whole. They agree on a file when they leave out the same lines and refuse the same files. What rinit does not do yet is
no matter of judgement: those keys are listed in NOT_DONE, each with its reason.
"""

import os
import re
import shutil
import subprocess
import tempfile

KINDS = (".service", ".socket", ".target", ".mount")

# Keys that systemd takes and rinit names as having no effect: section, key (a pattern), why.
NOT_DONE = [
    ("Service", "Read(Write|Only)Directories", "older names of a sandbox that is not there yet"),
    ("Service", "Bind(ReadOnly)?Paths", "part of the same sandbox"),
    ("Service", "OOMPolicy", "what the kernel killed for want of memory is said, and the service goes on as Restart= says"),
    ("Service", "PermissionsStartOnly", "not done; the prefix + is"),
    ("Unit", "ReloadPropagatedFrom", "one unit's reload is not another's"),
    ("Unit", "ConditionCPUs", "not done: it counts as fulfilled"),
]

# Advice, not a verdict: the line counts as it stands.
ADVICE = re.compile(
    r"Unit uses KillMode=none|is obsolete, automatically updating|is deprecated\. Please|"
    r"references a path below legacy directory|lacks both ExecStart= and|Unit configured to use KillMode"
)
# Notes of rinit's about the file as a whole: it runs, without these.
NOTES = re.compile(r"it runs without the confinement of|is not there or can't be run|is not in /etc/(passwd|group)")
REFUSED = re.compile(r"^Unit (\S+) has a bad unit file setting\.$|^(\S+): Unit configuration has fatal error")
IS_NOT_RUN = ": the unit is not run"  # rinit, of a line that makes it refuse the file


class Verdict:
    def __init__(self):
        self.lines = {}  # number of the line's beginning: what was said
        self.refused = ""
        self.end = None  # of reading, for a line that makes systemd refuse the file

    def __str__(self):
        words = [f"line {number}: {text}" for number, text in sorted(self.lines.items())]
        return "; ".join(words + ([f"refused: {self.refused}"] if self.refused else [])) or "takes it whole"


def logical_lines(path):
    """Where the line begins that each line of the file is a part of, and its section. Lines of a section that nobody
    knows are parts of the section's first line."""
    known = ("Unit", "Install", os.path.splitext(path)[1][1:].capitalize())
    begins, sections, begin, section, unknown = {}, {}, None, "", None
    with open(path, encoding="utf-8", errors="replace") as text:
        for number, line in enumerate(text, 1):
            stripped = line.strip()
            comment = stripped.startswith(("#", ";"))
            if begin is None and stripped.startswith("["):
                section = stripped.strip("[]")
                unknown = None if section in known else number
            begins[number] = begin or unknown or number
            sections[number] = section
            if not comment:
                begin = begins[number] if line.rstrip("\r\n").endswith("\\") else None
    return begins, sections


def judge_systemd(folder):
    """Verdicts of all units in the folder, as systemd sees them when there is nothing but them."""
    units = [name for name in sorted(os.listdir(folder)) if name.endswith(KINDS)]
    verdicts = {name: Verdict() for name in units}
    begins = {name: logical_lines(os.path.join(folder, name))[0] for name in units}
    environment = dict(os.environ, SYSTEMD_UNIT_PATH=folder, LC_ALL="C", SYSTEMD_LOG_COLOR="0")
    command = ["systemd-analyze", "verify", "--man=no", "--generators=no"]
    said = subprocess.run(command + [os.path.join(folder, name) for name in units], env=environment,
                          capture_output=True, text=True, errors="replace", timeout=100).stderr
    for line in said.splitlines():
        at = re.match(r"(\S+):(\d+): (.*)", line)
        refused = REFUSED.match(line)
        name = os.path.basename(at[1]) if at else refused and (refused[1] or refused[2])
        if name and name not in verdicts:  # the instance that it has made of a template
            name = re.sub("@[^.]*", "@", name)
        if name not in verdicts:
            continue
        if refused:
            verdicts[name].refused = verdicts[name].refused or line
            if "fatal error" in line:
                verdicts[name].end = max(verdicts[name].lines, default=None)
        elif at[3].startswith("Invalid section header"):
            verdicts[name].refused, verdicts[name].end = line, int(at[2])
            verdicts[name].lines[int(at[2])] = at[3]
        elif not ADVICE.search(at[3]):
            verdicts[name].lines[begins[name].get(int(at[2]), int(at[2]))] = at[3]
    return verdicts


def is_not_done(section, sentence):
    return any(section == where and re.match(rf"({key})=", sentence) for where, key, _ in NOT_DONE)


def judge_rinit(program, path):
    """rinit's verdict of one file."""
    verdict = Verdict()
    begins, sections = logical_lines(path)
    done = subprocess.run([program, "check", path], capture_output=True, text=True, errors="replace", timeout=20)
    for line in done.stderr.splitlines():
        at = re.match(re.escape(path) + r":(?:(\d+):)? (.*)", line)
        if not at:
            verdict.refused = line
        elif at[1]:
            number = int(at[1])
            if at[2].endswith(IS_NOT_RUN):
                verdict.refused = at[2]
            if not is_not_done(sections.get(number, ""), at[2]):
                verdict.lines[begins.get(number, number)] = at[2]
        elif not NOTES.search(at[2]):
            verdict.refused = at[2]
    if done.returncode not in (0, 1) or (done.returncode == 0) == bool(done.stderr):
        verdict.refused = f"exit status {done.returncode}, and says {done.stderr!r}"
    return verdict


def disagreement(systemd, rinit):
    """A sentence, or None."""
    seen = {number for number in rinit.lines if systemd.end is None or number <= systemd.end}
    if set(systemd.lines) == seen and bool(systemd.refused) == bool(rinit.refused):
        return None
    return f"systemd: {systemd}\n    rinit:   {rinit}"


def scratch():
    """A folder that is gone afterwards. Everybody may read it, as they may unit files."""
    folder = tempfile.TemporaryDirectory()
    os.chmod(folder.name, 0o755)
    return folder


def skip_without_systemd():
    if not shutil.which("systemd-analyze"):
        print("skipped: there is no systemd-analyze here, the other judge (Debian package systemd)")
        raise SystemExit(77)
