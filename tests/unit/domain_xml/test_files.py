"""Each file of tests/data/domain-xml is read as the file beside it says; what is read is printed, and read again as it was."""

import re

from domain_xml import *


@needs_schema
class Files(unittest.TestCase):
    def test_there_are_many(self):
        self.assertGreaterEqual(len(files()), 180)
        self.assertGreaterEqual(len(files("vi-*.xml")) + len(files("qemu-*.xml")), 75, "by virt-install")
        self.assertGreaterEqual(len(files("hostile-*.xml")), 30)

    def test_read_as_expected(self):
        for path in files():
            with self.subTest(path.name):
                status, answer = to_json(path.read_bytes())
                self.assertEqual(answer, expected(path))
                self.assertEqual(status, REFUSED if "error" in answer else DONE)

    def test_refusals_are_one_sentence_at_a_place(self):
        for path in files():
            answer = expected(path)
            if "error" not in answer:
                continue
            with self.subTest(path.name):
                self.assertNotIn("\n", answer["error"])
                self.assertLess(len(answer["error"]), 400)
                self.assertTrue(answer["xpath"].startswith("/") or answer["error"].startswith(("line ", "is ")), answer)

    def test_the_manager_takes_what_was_read(self):
        """Other rules than those of XML hold for a definition; here they hold for what the XML said, too."""
        with tempfile.TemporaryDirectory() as folder:
            for path in accepted():
                with self.subTest(path.name):
                    out = os.path.join(folder, "out.json")
                    done = subprocess.run([VMM, "convert", path, out], capture_output=True, text=True)
                    self.assertEqual(done.returncode, DONE, done.stderr)

    def test_printed_and_read_again(self):
        for path in accepted():
            with self.subTest(path.name):
                definition = expected(path)["definition"]
                xml = to_xml(definition)
                status, answer = to_json(xml)
                self.assertEqual(status, DONE, answer)
                self.assertEqual(answer, {"definition": definition, "ignored": []})
                self.assertEqual(canonical(to_xml(answer["definition"])), canonical(xml))

    def test_canonical_files_stay_as_they_are(self):
        self.assertTrue(files("canonical-*.xml"))
        for path in files("canonical-*.xml"):
            with self.subTest(path.name):
                xml = path.read_text()
                status, answer = to_json(xml)
                self.assertEqual(status, DONE, answer)
                printed = to_xml(answer["definition"])
                self.assertEqual(canonical(printed), canonical(xml))
                if shutil.which("xmllint"):
                    self.assertEqual(canonical_by_libxml(printed), canonical_by_libxml(xml))

    def test_the_same_without_schema(self):
        """The schema only ever refuses."""
        for path in accepted():
            with self.subTest(path.name):
                self.assertEqual(to_json(path.read_bytes(), "--no-validate")[1], expected(path))


@needs_schema
@needs("virt-xml-validate")
class Validate(unittest.TestCase):
    def test_accepts_what_we_print(self):
        for path in accepted():
            with self.subTest(path.name):
                self.assertEqual(valid(to_xml(expected(path)["definition"])), "")


def as_a_test_guest(xml):
    """For libvirt's test driver, whose only machine is this one, and which knows no passt."""
    xml = re.sub(r'<backend type="passt"/>|<portForward .*?</portForward>', "", xml, flags=re.S)
    return xml.replace('<domain type="kvm">', '<domain type="test">').replace('arch="x86_64"', 'arch="i686"')


@needs_schema
@needs("virsh")
class Virsh(unittest.TestCase):
    """libvirt reads what we print, prints it in its own way, and we read that as what we printed."""

    def dump(self, xml, name):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "guest.xml")
            pathlib.Path(path).write_text(as_a_test_guest(xml))
            return subprocess.run(["virsh", "-q", "-c", "test:///default", f"define {path}; dumpxml {name}"],
                                  capture_output=True, text=True, timeout=30)

    def assert_within(self, said, read, place=""):
        """All that is said was read; libvirt may have made up more."""
        if isinstance(said, dict) and isinstance(read, dict):
            for key, value in said.items():
                self.assertIn(key, read, place)
                self.assert_within(value, read[key], f"{place}/{key}")
        elif isinstance(said, list) and isinstance(read, list) and len(said) == len(read):
            for index, value in enumerate(said):
                self.assert_within(value, read[index], f"{place}/{index}")
        else:
            self.assertEqual(read, said, place)

    def test_agrees(self):
        agreed = 0
        for path in accepted():
            definition = expected(path)["definition"]
            with self.subTest(path.name):
                if "memory_mib" not in definition:
                    continue  # libvirt has no plan that could say it
                if "memory_devices" in definition:
                    continue  # libvirt wants NUMA cells for them, which a guest here has not
                done = self.dump(to_xml(definition), definition["name"])
                self.assertEqual(done.returncode, DONE, done.stderr)
                dumped = done.stdout[done.stdout.index("<domain"):]
                status, answer = to_json(dumped)
                self.assertEqual(status, DONE, answer)
                for card in definition.get("networks", []):
                    card.pop("publish", None)
                self.assert_within(definition, answer["definition"])
                agreed += 1
        self.assertGreaterEqual(agreed, 60)


if __name__ == "__main__":
    main()
