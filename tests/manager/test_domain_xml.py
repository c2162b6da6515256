"""Guests that are given to the manager as libvirt domain XML, and come back as that."""

from manager import *


class DomainXml(ManagerTest):
    def xml(self, name, devices="", memory=16):
        return (f"<domain type='kvm'>\n  <name>{name}</name>\n  <memory unit='MiB'>{memory}</memory>\n  <vcpu>1</vcpu>\n"
                f"  <os><type>hvm</type><kernel>{self.path('sleep.elf')}</kernel></os>\n  <devices>{devices}</devices>\n</domain>\n")

    def test_defined_started_dumped_and_defined_again(self):
        self.up()
        self.write("web.xml", self.xml("web", "<emulator>/usr/bin/qemu</emulator>"))
        process = self.run_program("define", "--no-validate", "web.xml")
        self.assertEqual(process.returncode, DONE, process.errors)
        self.assertEqual(process.errors, "web.xml: ignored /domain/devices/emulator: a guest is run by rastos-vmm\n")
        self.ok("start", "--wait", "web")
        self.assertEqual(self.guest("web")["memory_mib"], 16)
        dumped = self.ok("dumpxml", "web")
        self.assertIn("<memory unit=\"KiB\">16384</memory>", dumped)
        self.assertIn("<uuid>", dumped, "define has made one")
        self.ok("kill", "--wait", "web")
        before = json.loads(self.ok("info", "--json", "web"))["definition"]
        self.ok("undefine", "web")
        self.write("again.xml", dumped)
        self.assertEqual(self.run_program("define", "--no-validate", "again.xml").errors, "")
        self.assertEqual(json.loads(self.ok("info", "--json", "web"))["definition"], before)

    def test_json_says_what_was_ignored(self):
        self.up()
        self.write("web.xml", self.xml("web", "<input type='mouse' bus='ps2'/><input type='tablet' bus='usb'/>"))
        process = self.run_program("define", "--no-validate", "--json", "web.xml")
        self.assertEqual(process.errors, "")
        answer = json.loads(process.output)
        self.assertEqual((answer["name"], answer["ignored"][0]["xpath"], answer["ignored"][0]["count"]),
                         ("web", "/domain/devices/input[1]", 2))

    def test_from_standard_input(self):
        self.up()
        process = subprocess.run([PROGRAM, "--config", "vmm.json", "define", "--no-validate", "-"], cwd=self.folder.name,
                                 input=self.xml("web"), capture_output=True, text=True, timeout=20)
        self.assertEqual(process.returncode, DONE, process.stderr)
        self.assertEqual(self.state("web"), "off")

    def test_create_takes_it_and_starts_it(self):
        self.up()
        self.write("web.xml", self.xml("web"))
        self.ok("create", "--no-validate", "web.xml")
        self.assertEqual(self.state("web"), "running")
        self.write("db.xml", self.xml("db"))
        self.ok("create", "--no-validate", "--no-start", "db.xml")
        self.assertEqual(self.state("db"), "off")

    def test_what_it_runs_by_and_what_comes_next(self):
        self.up()
        self.write("web.xml", self.xml("web"))
        self.ok("create", "--no-validate", "web.xml")
        self.write("web.xml", self.xml("web", memory=32))
        self.ok("define", "--no-validate", "--replace", "web.xml")
        self.assertIn(">16384<", self.ok("dumpxml", "web"))
        self.assertIn(">32768<", self.ok("dumpxml", "--inactive", "web"))
        self.assertEqual(json.loads(self.ok("dumpxml", "--json", "web"))["xml"], self.ok("dumpxml", "web"))

    def test_what_is_refused_changes_nothing(self):
        self.up()
        self.write("web.xml", self.xml("web"))
        self.ok("define", "--no-validate", "web.xml")
        self.write("web.xml", self.xml("web", "<tpm/>", memory=32))
        self.refused(REFUSED, ["web.xml: /domain/devices/tpm is not supported"], "define", "--no-validate", "--replace", "web.xml")
        self.assertIn(">16384<", self.ok("dumpxml", "web"))

    def test_no_such_guest(self):
        self.up()
        self.refused(NO_GUEST, ["nobody"], "dumpxml", "nobody")

    def test_run_takes_it(self):
        self.write("off.xml", self.xml("off").replace("sleep.elf", "poweroff.elf"))
        process = self.run_program("run", "--no-validate", "off.xml")
        self.assertEqual(process.returncode, DONE, process.errors)


if __name__ == "__main__":
    main()
