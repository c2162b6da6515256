"""The help, the manual pages and the completions for bash and zsh speak of the same commands and options."""

import pathlib
import re
import shutil

from program import *

VERBS = {"token": ["list", "add", "remove"], "image": ["build", "sign", "verify", "inspect"],
         "network": ["list", "info", "define", "undefine"], "device": ["list", "add", "set", "remove"],
         "disk": ["list", "info", "create", "import", "resize", "clone", "delete", "prune"]}


def source(name):
    return (pathlib.Path(SOURCE) / name).read_text()


def options_in(text):
    """Long options, where they begin a word; not those of other commands, which are quoted."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"`[^`]*`", "", text)))


class ManualTest(ProgramTest):
    def help(self, *arguments):
        process = self.run_program(*arguments, "--help")
        self.assertEqual(process.returncode, DONE, process.errors)
        return process.output

    def commands(self):
        return re.findall(r"^  ([a-z][a-z-]*) ", self.run_program("--help").output.split("Options:")[0], re.M)

    def options(self, command):
        """Of a command and its verbs, as their help has them."""
        text = self.help(command) + "".join(self.help(command, verb) for verb in VERBS.get(command, []))
        if command == "help":
            return set()
        return options_in(text) | {"--help"}


class Pages(ManualTest):
    def section(self, command):
        """What the page says of a command: its .Ss sections, and a page of its own."""
        page = source("docs/man/rastos-vmm.1")
        sections = re.findall(rf"^\.Ss {command}(?: .*)?\n(?:(?!\.S[sh] ).*\n)*", page, re.M)
        own = pathlib.Path(SOURCE) / f"docs/man/rastos-vmm-{command}.1"
        return "".join(sections) + (own.read_text() if own.exists() else "")

    def test_every_command_has_a_section(self):
        for command in set(self.commands()) - {"help"}:
            with self.subTest(command):
                self.assertTrue(self.section(command))

    def test_every_section_is_a_command(self):
        page = source("docs/man/rastos-vmm.1")
        commands = page[page.index(".Sh COMMANDS"):page.index(".Sh ENVIRONMENT")]
        self.assertEqual(set(re.findall(r"^\.Ss ([a-z-]+)", commands, re.M)), set(self.commands()) - {"help"})

    def test_options_are_those_of_the_help(self):
        of_run = {"--" + name for name in re.findall(r"Fl -([a-z-]+)", self.section("run"))}
        for command in set(self.commands()) - {"help"}:
            with self.subTest(command):
                section = self.section(command)
                told = {"--" + name for name in re.findall(r"Fl -([a-z][a-z-]+)", section)}
                short = set(re.findall(r"Fl ([a-z])\b", section)) | set("".join(re.findall(r"Fl ([a-z]{2,})\b", section)))
                missing = self.options(command) - told - {"--help"}
                if command == "create":
                    missing -= of_run  # it refers to these
                # A letter in the section's head stands for the long option.
                letters = dict(re.findall(r"-([a-z]), (--[a-z-]+)", self.help(command)))
                missing -= {long for letter, long in letters.items() if letter in short}
                self.assertEqual(missing, set())
                self.assertEqual(told - self.options(command), set())

    def test_pages_are_clean(self):
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc here")
        for page in pathlib.Path(SOURCE, "docs/man").glob("rastos-vmm*.1"):
            with self.subTest(page.name):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
                self.assertEqual([line for line in (done.stdout + done.stderr).splitlines() if "mandoc.db" not in line], [])


class Bash(ManualTest):
    def complete(self, *words):
        """With a rastos-vmm that knows two guests, a disk and a network."""
        script = (f"source {SOURCE}/configs/completion/rastos-vmm.bash\n"
                  "rastos-vmm() { case $* in 'list -q') echo web; echo db ;; '--config x list -q') echo other ;;\n"
                  "'disk list') printf 'NAME SIZE\\ndebian 1G\\n' ;; 'network list') printf 'NAME STATE\\ndefault up\\n' ;;\n"
                  f"--help) {PROGRAM} --help ;; esac; }}\n"
                  f"COMP_WORDS=({' '.join(repr(word) for word in ('rastos-vmm',) + words)}) COMP_CWORD={len(words)}\n"
                  "_rastos_vmm\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=self.folder.name, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_commands(self):
        offered = self.complete("")
        self.assertEqual(sorted(word for word in offered if not word.startswith("-")), sorted(self.commands()))
        self.assertEqual({word for word in offered if word.startswith("-")},
                         options_in(self.help().split("Options:")[1]))
        self.assertEqual(self.complete("--config", "x", "und"), ["undefine"])
        self.assertEqual(sorted(self.complete("help", "s")), ["screenshot", "send-key", "setmem", "setvcpus", "shutdown", "start", "stats"])

    def test_options(self):
        for command in set(self.commands()) - {"help"}:
            with self.subTest(command):
                offered = set(self.complete(command, "--"))
                for verb in VERBS.get(command, []):
                    offered |= set(self.complete(command, verb, "--"))
                self.assertEqual(offered, self.options(command))

    def test_guests(self):
        for command in ("start", "shutdown", "kill", "pause", "resume", "undefine", "console", "logs", "info", "stats",
                        "reboot", "crashes", "boot-report", "exec"):
            self.assertEqual(self.complete(command, "w"), ["web"], command)
        self.assertEqual(self.complete("start", "web", "d"), ["db"])
        self.assertEqual(self.complete("--config", "x", "start", "o"), ["other"])
        self.assertEqual(self.complete("cp", "w"), ["web:"])

    def test_values_and_files(self):
        self.write("some.json", "{}")
        self.assertEqual(self.complete("define", "so"), ["some.json"])
        self.assertEqual(self.complete("create", "x", "--role", "g"), ["guest"])
        self.assertEqual(self.complete("create", "x", "--depends-on", "d"), ["db"])
        self.assertEqual(self.complete("create", "x", "--image", "so"), ["some.json"])
        self.assertEqual(self.complete("up", "--mode", ""), ["server", "desktop"])
        self.assertEqual(self.complete("console", "--socket", "so"), ["some.json"])

    def test_verbs(self):
        for command, verbs in VERBS.items():
            self.assertEqual(sorted(word for word in self.complete(command, "") if word[0] != "-"), sorted(verbs))
        self.assertEqual(self.complete("disk", "delete", "d"), ["debian"])
        self.assertEqual(self.complete("network", "info", "d"), ["default"])


class Zsh(ManualTest):
    def script(self):
        return source("configs/completion/_rastos-vmm")

    def test_commands(self):
        named = re.findall(r"^\t'([a-z-]+):", self.script(), re.M)
        self.assertEqual(sorted(named), sorted(self.commands()))

    def test_options(self):
        text = self.script()
        guest = re.search(r"guest_options=\((.*?)\n\)", text, re.S)[1]
        cases = dict(re.findall(r"^([a-z|-]+)\)\n(.*?)\n\t;;", text[text.index("case $line[1]"):], re.M | re.S))
        branches = {name: body for names, body in cases.items() for name in names.split("|")}
        for command in set(self.commands()) - {"help"}:
            with self.subTest(command):
                body = branches[command].replace("$guest_options", guest)
                self.assertEqual(set(re.findall(r"(?<=['*,}])--[a-z][a-z-]+", body)), self.options(command))

    def test_zsh_reads_it(self):
        if not shutil.which("zsh"):
            self.skipTest("there is no zsh here")
        subprocess.run(["zsh", "-n", f"{SOURCE}/configs/completion/_rastos-vmm"], check=True)


if __name__ == "__main__":
    main()
