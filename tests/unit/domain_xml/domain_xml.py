"""What the tests of domain XML share: the program, its files, and XML made comparable.

A test is started as `test_THING.py rastos-domain-xml rastos-vmm SOURCE_FOLDER`, as CMakeLists.txt does.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as tree

PROGRAM, VMM, SOURCE = (os.path.abspath(path) for path in sys.argv[1:4])
DATA = pathlib.Path(SOURCE, "tests/data/domain-xml")
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 4  # vmm/exit_code.h
SCHEMA = "/usr/share/libvirt/schemas/domain.rng"


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"there is no {program} here")


needs_schema = unittest.skipUnless(os.path.exists(SCHEMA), f"there is no {SCHEMA} here")


def run(*arguments, give=b"", timeout=20):
    give = give.encode() if isinstance(give, str) else give
    return subprocess.run([PROGRAM, *arguments], input=give, capture_output=True, timeout=timeout)


def to_json(xml, *options):
    """(exit status, answer)"""
    done = run("to-json", *options, give=xml)
    return done.returncode, json.loads(done.stdout)


def to_xml(definition):
    done = run("to-xml", give=json.dumps(definition))
    assert done.returncode == DONE, done.stdout
    return done.stdout.decode()


def canonical(xml):
    """C14N, without the blanks between elements."""
    return tree.canonicalize(xml, strip_text=True)


def canonical_by_libxml(xml):
    """The same by libxml2."""
    done = subprocess.run(["xmllint", "--noblanks", "--c14n", "-"], input=xml.encode(), capture_output=True, check=True)
    return done.stdout


def valid(xml):
    """What virt-xml-validate says against it; "" when nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(xml)
        file.flush()
        done = subprocess.run(["virt-xml-validate", file.name, "domain"], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def files(pattern="*.xml"):
    return sorted(DATA.glob(pattern))


def expected(path):
    return json.loads(path.with_suffix(".json").read_text())


def accepted():
    return [path for path in files() if "definition" in expected(path)]


def main():
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[4:], verbosity=2)
