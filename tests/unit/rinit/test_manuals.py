"""test_manuals.py RINITCTL SOURCE_FOLDER: manual pages are clean, and they, the help, the completion and the parser speak of
the same commands, options and keys."""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

RINITCTL, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])

# What rinitctl takes, for those who know, and need not be in its short help.
NOT_IN_HELP = {"preset-all", "link", "add-wants", "add-requires"}


def read(*names):
    with open(os.path.join(SOURCE, *names), encoding="utf-8") as text:
        return text.read()


def pages():
    return sorted(glob.glob(os.path.join(SOURCE, "docs/man/*.[1-8]")))


def commands_of_help():
    said = subprocess.run([RINITCTL, "--help"], capture_output=True, text=True, check=True).stdout
    words = set()
    for line in said.splitlines():
        if re.match(r"  [a-z]", line):
            first = line.split("  ")[1]
            for part in first.split(", "):
                words.update(part.split()[0].split("|"))
    return words


def commands_of_page():
    """Those that the synopsis has, and those that the description has."""
    text = read("docs/man/rinitctl.1")
    synopsis = text[text.index(".Sh SYNOPSIS"):text.index(".Sh DESCRIPTION")]
    uses = re.findall(r"^\.Nm rinitctl\n(?:\.Op Fl -json\n)?\.Cm (.+)$", synopsis, re.M)
    described = text[text.index(".Sh DESCRIPTION"):text.index(".Ss Other names")]
    items = re.findall(r"^\.It Cm (.+)$", described, re.M)
    names = set()
    for item in items:
        names.update(re.findall(r"(?<![\w=-])([a-z]+(?:-[a-z]+)*)", re.sub(r"\b(Ar|Op|Oo|Oc|Fl|Ns) .*", "", item)))
        names.update(re.findall(r"Cm ([a-z-]+)", item))
    return {word for use in uses for word in use.split(" | ")}, names - {"rinit"}


def commands_of_completion():
    text = read("configs/completion/rinitctl.bash")
    first = re.search(r'"\"\) words="([^"]*)"|""\) words="([^"]*)"', text)
    return {word for word in (first[1] or first[2]).split() if not word.startswith("-")}


def keys_of_parser():
    """Section, key."""
    keys = set()
    keys.update(re.findall(r'\{"(Unit|Install)", "(\w+)",', read("rinit/unit_parse.c")))
    keys.update(("Socket", key) for key in re.findall(r'^\t\{"(\w+)", [A-Z_0-9]+, ', read("rinit/socket_parse.c"), re.M))
    mounts = read("rinit/mounts.c")
    mounts = mounts[mounts.index("mount_keys[] ="):mounts.index(";", mounts.index("mount_keys[] ="))]
    keys.update(("Mount", key) for key in re.findall(r'(\w+)\\0', mounts))
    service = read("rinit/service_parse.c")
    keys.update(("Service", key) for key in re.findall(r'^\t\{"(\w+)", [A-Z_]+, ', service, re.M))
    limits = service[service.index("limits[] = {"):service.index("};", service.index("limits[] = {"))]
    keys.update(("Service", "Limit" + name) for name in re.findall(r'\{"([A-Z]+)"', limits))
    return keys


def kinds_of_conditions():
    return set(re.findall(r'^\t\{"(\w+)", \w+, \w+\},', read("rinit/condition.c"), re.M))


def keys_of_page():
    text = read("docs/man/rinit.unit.5")
    keys, section = set(), None
    for line in text.splitlines():
        at = re.match(r"\.Sh THE \[(\w+)\] (?:AND \[\w+\] )?SECTION", line)
        section = at[1].capitalize() if at else None if line.startswith(".Sh ") else section
        option = section == "Socket" and re.match(r"\.Cm ([A-Z]\w+)(?: [,.:])?$", line)  # what setsockopt(2) is told
        if option:
            keys.add((section, option[1]))
        if section and line.startswith(".It Cm "):
            keys.update((section, key) for key in line[len(".It Cm "):].split(" Ns ")[0].split(" , "))
    # The first two have a list of their own, the others are the service's.
    return {key for key in keys if key not in {("Unit", "Condition"), ("Unit", "Assert")} and
            not (key[0] == "Unit" and key[1].startswith("StartLimit"))}


class Manuals(unittest.TestCase):
    def test_pages_are_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc here")
        for page in pages():
            with self.subTest(page=os.path.basename(page)):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
                said = [line for line in (done.stdout + done.stderr).splitlines() if "mandoc.db" not in line]
                self.assertEqual(said, [])

    def test_pages_are_clean_for_groff(self):
        if not shutil.which("groff"):
            self.skipTest("there is no groff here")
        for page in pages():
            with self.subTest(page=os.path.basename(page)):
                done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
                self.assertEqual(done.stderr, "")

    def test_help_page_and_completion_have_the_same_commands(self):
        synopsis, described = commands_of_page()
        self.assertEqual(synopsis, described)
        self.assertEqual(synopsis, commands_of_completion())
        self.assertEqual(synopsis, commands_of_help() | NOT_IN_HELP)

    def test_every_command_of_the_page_is_known(self):
        for command in commands_of_page()[0]:
            done = subprocess.run([RINITCTL, command, "--no-such-option"], capture_output=True, text=True, timeout=20)
            self.assertNotIn("unknown command", done.stderr, command)

    def test_page_has_the_keys_that_the_parser_has(self):
        self.assertEqual(keys_of_page(), keys_of_parser())

    def test_page_has_the_conditions_that_there_are(self):
        text = read("docs/man/rinit.unit.5")
        text = text[text.index("The kinds of conditions"):text.index("count as fulfilled")]
        self.assertEqual({word for word in re.findall(r"^\.Cm ([A-Z]\w+)", text, re.M)}, kinds_of_conditions())

    def test_page_has_what_systemctl_takes(self):
        page = read("docs/man/rinitctl.1")
        table = read("rinit/rinitctl_systemctl.c")
        for verb in re.findall(r'^\t\{"([a-z-]+)", (?:TO_RINIT|TO_FILES|BY_ITSELF)', table, re.M):
            self.assertTrue(re.search(rf"(?<![\w-]){verb}(?![\w-])", page), f"{verb} is not in rinitctl(1)")
        for option in set(re.findall(r'"(?:-\w|)", "--([a-z-]+)"|\{" --([a-z-]+) ', table)):
            name = option[0] or option[1]
            if name != "kill-who":  # the older spelling
                self.assertTrue(re.search(rf"(Fl|,) -{name}\b", page), f"--{name} is not in rinitctl(1)")


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = (f"source {SOURCE}/configs/completion/rinitctl.bash\n"
                  "rinitctl() { printf 'UNIT STATE\\nssh.service running\\nrescue.target inactive\\n'; }\n"
                  "systemctl() { printf 'cron.service enabled\\n'; }\n"
                  f"COMP_WORDS=({' '.join(repr(word) for word in ('rinitctl',) + words)}) COMP_CWORD={len(words)}\n"
                  "_rinitctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=SOURCE, check=True)
        return done.stdout.split()

    def test_commands(self):
        self.assertEqual(self.complete("rel"), ["reload"])
        self.assertEqual(self.complete("is-"), ["is-active", "is-failed", "is-enabled"])

    def test_units(self):
        self.assertEqual(self.complete("stop", "ss"), ["ssh", "ssh.service"])
        self.assertEqual(self.complete("enable", "cr"), ["cron", "cron.service"])
        self.assertEqual(self.complete("isolate", "r"), ["rescue.target"])

    def test_options_and_files(self):
        self.assertEqual(self.complete("kill", "--k"),
                         ["--kill-whom=all", "--kill-whom=main", "--kill-whom=control"])
        self.assertEqual(self.complete("kill", "-s", "SIGU"), ["SIGUSR1", "SIGUSR2"])
        self.assertEqual(sorted(self.complete("check", "docs/man/rinit.")), ["docs/man/rinit.8", "docs/man/rinit.unit.5"])

    def test_every_command_has_something_to_offer(self):
        for command in commands_of_completion() - {"daemon-reload", "get-default", "link"}:
            self.assertTrue(self.complete(command, ""), command)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
