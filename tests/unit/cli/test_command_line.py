"""The command line itself: help, usage errors, JSON, and no manager to talk to."""

import json
import pathlib

from program import *

COMMANDS = ["up", "down", "mode", "plan", "run", "create", "define", "undefine", "start", "shutdown", "reboot", "kill", "pause",
            "resume", "console", "list", "info", "logs", "events", "stats", "top", "boot-report", "crashes", "check"]
VERBS = ["build", "sign", "verify", "inspect"]
OF_A_GUEST = ["start", "shutdown", "reboot", "kill", "console", "boot-report", "undefine", "pause", "resume", "info", "logs"]


class Help(ProgramTest):
    def shown(self, *arguments):
        process = self.run_program(*arguments)
        self.assertEqual(process.returncode, DONE)
        self.assertEqual(process.errors, "")
        self.assertTrue(process.output.startswith("Usage: rastos-vmm "), process.output)
        return process.output

    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.assertIn(f"rastos-vmm {command}", self.shown(command, "--help"))
                self.assertEqual(self.shown("help", command), self.shown(command, "--help"))

    def test_every_verb_of_image_has_help(self):
        self.shown("image", "--help")
        for verb in VERBS:
            with self.subTest(verb):
                self.assertIn(f"rastos-vmm image {verb}", self.shown("image", verb, "--help"))

    def test_help_lists_all_commands(self):
        listed = self.shown("--help")
        self.assertEqual(listed, self.shown("help"))
        for command in COMMANDS + ["image", "help"]:
            self.assertIn(f"\n  {command} ", listed)

    def test_version(self):
        process = self.run_program("--version")
        self.assertEqual(process.returncode, DONE)
        self.assertRegex(process.output, r"\Arastos-vmm \d+\.\d+\.\d+\n\Z")


class Usage(ProgramTest):
    def test_unknown_command_names_the_nearest(self):
        self.refused(USAGE, ["lst", "did you mean list?"], "lst")
        self.refused(USAGE, ["lst", "did you mean list?"], "help", "lst")

    def test_unknown_command_that_resembles_none(self):
        self.refused(USAGE, ["xyzzy", "--help"], "xyzzy")

    def test_unknown_verb(self):
        self.refused(USAGE, ["buidl", "build"], "image", "buidl")

    def test_no_command_prints_help(self):
        for arguments in ([], ["image"]):
            process = self.run_program(*arguments)
            self.assertEqual((process.returncode, process.output), (USAGE, ""))
            self.assertTrue(process.errors.startswith("Usage: rastos-vmm "))

    def test_unknown_option(self):
        self.usage(["--nothing"], "--nothing")
        for command in [[command] for command in COMMANDS] + [["image", verb] for verb in VERBS]:
            with self.subTest(command):
                self.usage([f"rastos-vmm {' '.join(command)}: ", "--nothing"], *command, "--nothing")

    def test_option_without_its_argument(self):
        self.usage(["--config"], "up", "--config")
        self.usage(["--memory"], "run", "--memory")

    def test_unwanted_argument(self):
        for command in ("up", "down", "list", "plan", "check", "events", "top"):
            with self.subTest(command):
                self.usage([f"rastos-vmm {command}: ", "argument"], command, "extra")
        self.usage(["extra"], "image", "build", "extra")

    def test_image_has_the_nearest_word(self):
        self.usage(["rastos-vmm image build: there is no option --kernle, did you mean --kernel?"], "image", "build", "--kernle", "x")
        self.usage(["rastos-vmm image verify: there is no option --kye, did you mean --key?"], "image", "verify", "--kye", "x", "y")
        self.usage(["rastos-vmm image sign: there is no option -x"], "image", "sign", "-x")
        self.usage(["rastos-vmm image inspect: there is no option --jsn, did you mean --json?"], "image", "inspect", "--jsn", "x")
        self.usage(["rastos-vmm image sign: --key needs an argument"], "image", "sign", "--key")
        self.refused(USAGE, ['has no verb "verfy", did you mean verify?'], "image", "verfy")
        self.refused(USAGE, ['has no verb "x": build, sign, verify and inspect are there'], "image", "x")

    def test_missing_argument(self):
        for command in OF_A_GUEST:
            with self.subTest(command):
                self.usage([f"rastos-vmm {command}: which guest?"], command)
        self.usage(["which FILE?"], "run")
        self.usage(["--kernel"], "image", "build")
        self.usage(["--output"], "image", "build", "--kernel", "vmlinux")
        for verb in ("sign", "verify", "inspect"):
            self.usage(["one image"], "image", verb)
        self.usage(["--key"], "image", "sign", "guest.itb")

    def test_bad_number(self):
        for command in (["up"], ["down"], ["shutdown", "guest"], ["boot-report", "guest"], ["start", "guest"],
                        ["create", "guest"]):
            for number in ("soon", "-1", "1s", "", "999999999999999999999"):
                with self.subTest(command=command, number=number):
                    self.usage(["--timeout"], *command, "--timeout", number)
        for option, number in (("--cpus", "0"), ("--cpus", "256"), ("--memory", "1"), ("--memory", "1G")):
            with self.subTest(option=option, number=number):
                self.usage([option], "run", option, number, "vmlinux")

    def test_bad_value_of_run(self):
        for options, words in (
            (["-d", "data.img,rw"], ["disks[0].rw", "not a known key"]),
            (["-n", "bridg"], ["networks[0].type", '"tap", "passt"']),
            (["-n", "bridge"], ["networks[0].bridge", "is missing"]),
            (["-n", "tap"], ["networks[0].device", "which TAP"]),
            (["--console", "vga"], ["console", '"serial", "virtio"']),
            (["--protocol", "multiboot"], ["protocol", '"pvh"']),
        ):
            with self.subTest(options):
                self.usage(words, "run", *options, "vmlinux")

    def test_option_that_the_definition_says(self):
        self.write("guest.json", '{"name": "guest", "kernel": {"path": "vmlinux"}}')
        self.usage(["--memory", "definition"], "run", "--memory", "64", "guest.json")

    def test_option_of_another_command(self):
        self.usage(["no option --wait"], "down", "--wait")

    def test_unknown_option_names_the_nearest(self):
        for command in (["start", "--wiat"], ["down", "--froce"], ["list", "--jsno"], ["up", "--detatch"],
                        ["run", "--memroy=12"], ["--confg", "list"]):
            with self.subTest(command):
                self.usage(["there is no option", "did you mean --"], *command)
        self.usage(["--allow-unsigned takes no argument"], "run", "--allow-unsigned=yes", "vmlinux")
        self.usage(["there is no option -x"], "list", "-x")
        self.usage(["--c is the start of more than one option"], "run", "--c")

    def test_word_of_other_tools_names_ours(self):
        self.refused(USAGE, ["restart", "did you mean reboot?"], "restart", "web")


class NoManager(ProgramTest):
    def test_is_said_with_the_way_out(self):
        words = ["no manager", "run/control.sock", "`rastos-vmm up -d`"]
        self.refused(FAILED, words, "list")
        self.refused(FAILED, words, "list", "--json")
        self.refused(FAILED, words, "down")
        for command in OF_A_GUEST:
            with self.subTest(command):
                self.refused(FAILED, words, command, "guest")

    def test_another_socket(self):
        self.refused(FAILED, ["no manager", "nothing.sock"], "--connect", "nothing.sock", "list")


class Json(ProgramTest):
    def parsed(self, *arguments, codes=(DONE,)):
        process = self.run_program(*arguments)
        self.assertIn(process.returncode, codes, process.errors)
        self.assertEqual(process.errors, "")
        self.assertEqual(process.output.count("\n"), 1, "not one line")
        return json.loads(process.output)

    def test_check(self):
        report = self.parsed("check", "--json", codes=(DONE, FAILED))
        self.assertIsInstance(report["usable"], bool)
        self.assertLessEqual({"cpu", "kvm", "mode", "keys"}, {check["name"] for check in report["checks"]})
        for check in report["checks"]:
            self.assertIn(check["verdict"], ("ok", "warning", "failed"))
            self.assertTrue(check["text"])

    def test_check_warns_of_small_pages(self):
        try:
            choice = pathlib.Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled").read_text()
        except OSError:
            choice = "[never]"
        report = self.parsed("check", "--json", codes=(DONE, FAILED))
        finding = next(check for check in report["checks"] if check["name"] == "huge-pages")
        if "[never]" in choice or "[deny]" in choice:
            self.assertEqual(finding["verdict"], "warning")
            self.assertTrue(finding["mend"])
        else:
            self.assertEqual(finding["verdict"], "ok")
            self.assertNotIn("mend", finding)

    def test_check_names_a_bad_mode(self):
        self.write("mode", "sever\n")
        report = self.parsed("check", "--json", codes=(FAILED,))
        mode = next(check for check in report["checks"] if check["name"] == "mode")
        self.assertEqual(mode["verdict"], "failed")
        self.assertIn('"sever"', mode["text"])

    def test_image(self):
        self.write("vmlinux", elf_kernel())
        built = self.parsed("image", "build", "--json", "--kernel", "vmlinux", "--cmdline", "quiet", "-o", "guest.itb")
        self.assertEqual(built["image"], "guest.itb")
        shown = self.parsed("image", "inspect", "--json", "guest.itb")
        self.assertEqual(shown["size"], len(self.read("guest.itb")))
        self.assertIn("kernel", {image["type"].split("_")[0] for image in shown["images"]})
        self.assertEqual(len(shown["configurations"]), 1)


if __name__ == "__main__":
    main()
