"""Guests as virt-install describes them (tests/data/domain-xml), defined as XML over HTTP and started: the machine with all that the
form asks for is made and runs. Its kernel is the test's, of a few instructions; whole Linux guests boot by such XML in tests/metal."""

import shutil
import xml.etree.ElementTree as tree

from api import *

FORMS = Path(SOURCE, "tests/data/domain-xml")
DISK = 1 << 20


def form_names():
    """Of those that are guests here."""
    for line in (FORMS / "virt-install-forms").read_text().splitlines():
        name = line.split()[0] if line.strip() and not line.startswith("#") else None
        if name and "definition" in json.loads((FORMS / f"{name}.json").read_text()):
            yield name


class Forms(ApiTest):
    def setUp(self):
        super().setUp()
        self.up()

    def here(self, name):
        """The form with files that are here; None: it wants what a test may not take from its host."""
        domain = tree.fromstring((FORMS / f"{name}.xml").read_text())
        if domain.find("memoryBacking/hugepages") is not None:
            return None
        domain.find("name").text = name
        system, devices = domain.find("os"), domain.find("devices")
        for element in [*system.findall("kernel"), *system.findall("initrd"), *system.findall("boot")]:
            system.remove(element)
        tree.SubElement(system, "kernel").text = self.path("sleep.elf")
        for number, source in enumerate(devices.findall("disk/source")):
            source.attrib = {"file": self.path(f"{name}-{number}.img")}
            with open(source.get("file"), "wb") as file:
                file.truncate(DISK)
        for disk in devices.findall("disk"):
            disk.set("type", "file")
        vcpu = domain.find("vcpu")
        if vcpu is not None and "cpuset" in vcpu.attrib:
            vcpu.set("cpuset", "0")
        for card in devices.findall("interface"):
            if card.get("type") != "user" or not shutil.which("passt"):
                devices.remove(card)  # the host's networks are not the test's
        for channel in devices.findall("channel/source[@path]"):
            channel.set("path", self.path("channel.sock"))
        return tree.tostring(domain, encoding="unicode")

    def test_every_form_starts(self):
        started = 0
        for name in form_names():
            with self.subTest(form=name):
                xml = self.here(name)
                if not xml:
                    continue
                self.assert_status(201, self.api.putGuest(xml, guest=name, content_type=XML))
                self.assert_status(200, self.api.startGuest(guest=name, wait=True, timeout_s=10))
                self.assertEqual(self.api.getGuestState(guest=name).json["state"], "running")
                definition = self.api.getGuest(guest=name).json
                kinds = [device["type"] for device in self.api.listDevices(guest=name).json["devices"]]
                for kind, key in (("disk", "disks"), ("network", "networks")):
                    self.assertEqual(kinds.count(kind), len(definition.get(key, [])))
                self.assert_status(204, self.api.killGuest(guest=name, wait=True))
                self.assert_status(204, self.api.deleteGuest(guest=name))
                started += 1
        self.assertGreaterEqual(started, 40)


main()
