"""What virt-install prints today is read as what it printed when tests/data/domain-xml was made."""

import shlex

from domain_xml import *

EVERY = 6  # of the forms is run; each takes half a second


def forms():
    lines = (DATA / "virt-install-forms").read_text().splitlines()
    return [shlex.split(line) for line in lines if line and not line.startswith("#")]


def virt_install(name, *options):
    command = ["virt-install", "--connect", "test:///default", "--name", name, "--check", "all=off", "--print-xml", *options]
    if "--osinfo" not in options:
        command += ["--osinfo", "detect=off,require=off"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("</domain>")[0] + "</domain>"  # an installation has a second domain, for afterwards


def without_chance(answer):
    """UUIDs and MAC addresses are new each time."""
    definition = answer.get("definition", {})
    definition.pop("uuid", None)
    for card in definition.get("networks", []):
        card.pop("mac", None)
    return answer


class Forms(unittest.TestCase):
    def test_there_are_forty_and_more(self):
        self.assertGreaterEqual(len(forms()), 60)
        for name, *options in forms():
            self.assertTrue((DATA / f"{name}.xml").exists(), name)

    def test_most_define(self):
        self.assertGreaterEqual(sum("definition" in expected(DATA / f"{name}.xml") for name, *options in forms()), 40)

    @needs_schema
    @needs("virt-install")
    def test_today(self):
        for name, *options in forms()[::EVERY]:
            if "--osinfo" in options:
                continue  # what is known of a system is another package's
            with self.subTest(name):
                xml = virt_install(name, *options)
                self.assertEqual(without_chance(to_json(xml)[1]), without_chance(expected(DATA / f"{name}.xml")))


if __name__ == "__main__":
    main()
