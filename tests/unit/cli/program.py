"""What the tests of rastos-vmm share: the program, a folder to run it in, and files to give to it.

A test is started as `test_THING.py PROGRAM SOURCE_FOLDER`, as CMakeLists.txt does.
"""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])

MODE = os.environ.get("RASTOS_MODE", "server")  # one that this build has

DONE, FAILED, USAGE, NO_GUEST, REFUSED, TIMED_OUT = 0, 1, 2, 3, 4, 5  # vmm/exit_code.h


PAGE = 4096
EM_X86_64, EM_AARCH64 = 62, 183  # elf.h
KERNEL_ADDRESS = 1 << 20


def elf_kernel(machine=EM_X86_64, memory_size=PAGE, code=b""):
    """An ELF file with one segment, a page of hlt instructions after the code. memory_size: what it needs in the guest."""
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, KERNEL_ADDRESS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header += struct.pack("<IIQQQQQQ", 1, 5, PAGE, KERNEL_ADDRESS, KERNEL_ADDRESS, PAGE, memory_size, PAGE)
    return header.ljust(PAGE, b"\0") + code.ljust(PAGE, b"\xf4")


def kvm_opens():
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError:
        return False
    return True


needs_kvm = unittest.skipUnless(kvm_opens(), "/dev/kvm cannot be opened, which the program says first")


class ProgramTest(unittest.TestCase):
    """Each test has a folder of its own, with a configuration that keeps it away from the machine's."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rastos-cli-")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)
        for name in ("keys", "guests"):
            os.mkdir(self.path(name))
        self.write("vmm.json", '{"mode_file": "mode", "guests_dir": "guests", "keys_dir": "keys", '
                               '"runtime_dir": "run", "state_dir": "state"}')
        self.write("mode", MODE + "\n")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def files(self):
        """All there is, but what belongs to a manager that ran."""
        found = {}
        for folder, folders, names in os.walk(self.folder.name):
            if folder == self.folder.name:
                folders[:] = [name for name in folders if name not in ("run", "state")]
            for name in names:
                path = os.path.join(folder, name)
                found[path] = self.read(path) if os.path.isfile(path) else None
        return found

    def run_program(self, *arguments, through=(), user=None, stdin=subprocess.DEVNULL):
        """Runs the program with a test's configuration; through: a command that starts it."""
        command = [*through, PROGRAM, "--config", "vmm.json", *arguments]
        try:
            process = subprocess.Popen(command, cwd=self.folder.name, stdin=stdin, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, user=user, extra_groups=[] if user else None)
        except PermissionError:
            if user is None:
                raise
            self.skipTest("the program's folder is closed to other users")
        try:
            process.output, process.errors = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"{arguments} does not end: did a guest start?")
        return process

    def refused(self, code, words, *arguments, **how):
        """The command ends with code and says one sentence with all the words; no file was changed."""
        before = self.files()
        process = self.run_program(*arguments, **how)
        self.assertEqual(process.returncode, code, process.errors)
        self.assertEqual(process.output, "")
        self.assertRegex(process.errors, r"\Arastos-vmm: [^\n]+\n\Z", "not one line")
        self.assert_words(words, process.errors)
        self.assertEqual(self.files(), before, "files were changed")

    def usage(self, words, *arguments):
        """A command line that is wrong: the sentence, then where help is."""
        process = self.run_program(*arguments)
        self.assertEqual(process.returncode, USAGE, process.errors)
        self.assertEqual(process.output, "")
        self.assertRegex(process.errors, r"\A[^\n]*rastos-vmm[^\n]*: [^\n]+\nTry `rastos-vmm[^\n]* --help`\.\n\Z")
        self.assert_words(words, process.errors)

    def assert_words(self, words, text):
        for word in words:
            self.assertIn(word, text)


def main():
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
