"""Bad input ends the command before a guest starts, with one sentence that says what and what to do."""

import fcntl
import json
import os
import shutil
import struct
import subprocess
import tempfile

from program import *

NOBODY = 65534


def make_key(folder, name):
    """NAME.key and NAME.pem in folder."""
    private, public = (os.path.join(folder, name + ending) for ending in (".key", ".pem"))
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, stderr=subprocess.DEVNULL)


class BadImage(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.TemporaryDirectory(prefix="rastos-cli-keys-")
        for name in ("ours", "theirs"):
            make_key(cls.keys.name, name)

    @classmethod
    def tearDownClass(cls):
        cls.keys.cleanup()

    def setUp(self):
        super().setUp()
        shutil.copy(self.key("ours.pem"), self.path("keys"))
        self.write("vmlinux", elf_kernel())

    def key(self, name):
        return os.path.join(self.keys.name, name)

    def build(self, *options, kernel="vmlinux"):
        process = self.run_program("image", "build", "--kernel", kernel, "-o", "guest.itb", *options)
        self.assertEqual(process.returncode, DONE, process.errors)

    def build_signed(self):
        self.build("--key", self.key("ours.key"))

    def refused_everywhere(self, code, words):
        """By those who boot it and by those who look at it."""
        self.refused(code, words, "run", "guest.itb")
        self.refused(code, words, "image", "verify", "--key", "keys/ours.pem", "guest.itb")

    def test_missing(self):
        self.refused(FAILED, ["boot image", "guest.itb", "No such file"], "run", "guest.itb")
        self.refused(FAILED, ["guest.itb", "No such file"], "image", "verify", "--key", "keys/ours.pem", "guest.itb")

    def test_empty(self):
        self.write("guest.itb", b"")
        self.refused(FAILED, ["guest.itb", "is empty"], "run", "guest.itb")

    @needs_kvm
    def test_truncated(self):
        self.build_signed()
        whole = self.read("guest.itb")
        for size in (len(whole) - 1, len(whole) // 2, 64):
            with self.subTest(size=size):
                self.write("guest.itb", whole[:size])
                self.refused_everywhere(FAILED, ["guest.itb", "truncated", str(size)])

    @needs_kvm
    def test_truncated_in_its_header(self):
        self.build_signed()
        self.write("guest.itb", self.read("guest.itb")[:20])
        self.refused_everywhere(FAILED, ["image", "guest.itb"])

    @needs_kvm
    def test_not_an_image_at_all(self):
        self.write("guest.itb", "a" * 1000)
        self.refused_everywhere(FAILED, ["image", "guest.itb", "not a boot image"])

    @needs_kvm
    def test_unsigned(self):
        self.build()
        self.refused_everywhere(REFUSED, ["guest.itb", "not signed; sign it with `rastos-vmm image sign`"])

    @needs_kvm
    def test_signed_by_another_key(self):
        self.build("--key", self.key("theirs.key"))
        self.refused_everywhere(REFUSED, ["guest.itb", 'signed by key "theirs"', "add its public key"])

    @needs_kvm
    def test_signed_by_another_key_under_our_name(self):
        self.build("--key", self.key("theirs.key"), "--name", "ours")
        self.refused_everywhere(REFUSED, ["guest.itb", 'the signature by key "ours" does not hold'])

    @needs_kvm
    def test_no_key_to_verify_with(self):
        self.build_signed()
        os.unlink(self.path("keys/ours.pem"))
        self.refused(REFUSED, ["guest.itb", "no key", "add the signer's public key"], "run", "guest.itb")

    @needs_kvm
    def test_key_that_is_none(self):
        self.build_signed()
        self.refused(FAILED, ["key nothing.pem", "No such file"], "run", "--key", "nothing.pem", "guest.itb")
        self.refused(FAILED, ["key vmm.json", "PEM"], "run", "--key", "vmm.json", "guest.itb")

    @needs_kvm
    def test_flipped_bits(self):
        self.build_signed()
        whole = self.read("guest.itb")
        kernel = whole.index(b"\xf4" * 64)
        for place in (kernel, kernel + PAGE - 1, whole.index(b"rastOS boot image")):
            with self.subTest(place=place):
                flipped = bytearray(whole)
                flipped[place] ^= 1
                self.write("guest.itb", flipped)
                self.refused_everywhere(REFUSED, ["guest.itb"])

    @needs_kvm
    def test_flipped_bit_is_named_as_damage(self):
        self.build_signed()
        self.write("guest.itb", self.read("guest.itb").replace(b"\xf4" * 64, b"\xf5" + b"\xf4" * 63, 1))
        self.refused(REFUSED, ["kernel-1", "sha256", "damaged"], "run", "guest.itb")

    @needs_kvm
    def test_allow_unsigned_forgives_a_missing_signature(self):
        self.write("large", elf_kernel(memory_size=200 << 20))
        self.build(kernel="large")
        self.refused(REFUSED, ["not signed"], "run", "-m", "64", "guest.itb")
        self.refused(FAILED, ["needs guest memory"], "run", "-m", "64", "--allow-unsigned", "guest.itb")

    @needs_kvm
    def test_allow_unsigned_forgives_no_damage(self):
        self.build()
        self.write("guest.itb", self.read("guest.itb").replace(b"\xf4" * 64, b"\xf5" + b"\xf4" * 63, 1))
        self.refused(REFUSED, ["guest.itb", "damaged"], "run", "--allow-unsigned", "guest.itb")

    @needs_kvm
    def test_up_refuses_it_too(self):
        self.build()
        self.write("guests/server.json", '{"name": "server", "image": "../guest.itb"}')
        self.addCleanup(self.run_program, "down", "--force")
        self.refused(REFUSED, ["guest.itb", "not signed"], "up", "--detach")

    def test_sign_leaves_a_damaged_image_alone(self):
        self.build()
        self.write("guest.itb", self.read("guest.itb")[:-PAGE])
        self.refused(FAILED, ["guest.itb"], "image", "sign", "--key", self.key("ours.key"), "guest.itb")

    def test_build_leaves_the_old_image_alone(self):
        self.build_signed()
        self.write("text", "no kernel\n")
        self.refused(FAILED, ["kernel text"], "image", "build", "--kernel", "text", "-o", "guest.itb")
        self.refused(FAILED, ["key text"], "image", "build", "--kernel", "vmlinux", "--key", "text", "-o", "guest.itb")

    def test_options_of_bare_kernels(self):
        self.build_signed()
        for option in ("--initrd", "--append", "--protocol"):
            self.usage([option, "guest.itb"], "run", option, "auto", "guest.itb")
        self.usage(["--key", "vmlinux"], "run", "--key", "keys/ours.pem", "vmlinux")


class BadKernel(ProgramTest):
    @needs_kvm
    def test_elf_of_another_architecture(self):
        self.write("vmlinux", elf_kernel(machine=EM_AARCH64))
        self.refused(FAILED, ["vmlinux", "aarch64", "x86-64"], "run", "vmlinux")

    def test_elf_of_another_architecture_gets_into_no_image(self):
        self.write("vmlinux", elf_kernel(machine=EM_AARCH64))
        self.refused(FAILED, ["vmlinux", "aarch64"], "image", "build", "--kernel", "vmlinux", "-o", "guest.itb")

    @needs_kvm
    def test_arm64_image(self):
        self.write("Image", bytes(56) + b"ARM\x64" + bytes(PAGE))
        self.refused(FAILED, ["Image", "aarch64", "x86-64"], "run", "Image")

    @needs_kvm
    def test_no_kernel(self):
        self.write("text", "hello\n")
        self.refused(FAILED, ["text", "neither a vmlinux nor a bzImage"], "run", "text")

    def test_missing(self):
        self.refused(FAILED, ["kernel", "vmlinux", "No such file"], "run", "vmlinux")

    def test_missing_initrd(self):
        self.write("vmlinux", elf_kernel())
        self.refused(FAILED, ["initrd", "nothing", "No such file"], "run", "--initrd", "nothing", "vmlinux")

    @needs_kvm
    def test_too_little_guest_memory(self):
        self.write("vmlinux", elf_kernel(memory_size=200 << 20))
        self.refused(FAILED, ["vmlinux", "64 MiB", "give it more"], "run", "-m", "64", "vmlinux")

    @needs_kvm
    def test_long_command_line(self):
        self.write("vmlinux", elf_kernel())
        self.refused(FAILED, ["vmlinux", "command line", "shorten"], "run", "--append", "x" * 5000, "vmlinux")


class BadResource(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("vmlinux", elf_kernel())

    def test_missing_disk(self):
        self.refused(FAILED, ["disk", "data.img", "No such file"], "run", "-d", "data.img", "vmlinux")

    def test_disk_of_odd_size(self):
        self.write("data.img", b"x" * 1000)
        self.refused(FAILED, ["data.img", "1000", "512", "truncate"], "run", "-d", "data.img", "vmlinux")

    def test_empty_disk(self):
        self.write("data.img", b"")
        self.refused(FAILED, ["data.img", "512"], "run", "-d", "data.img", "vmlinux")

    def test_folder_as_disk(self):
        self.refused(FAILED, ["disk", "keys", "is neither"], "run", "-d", "keys,ro", "vmlinux")

    def lock(self, kind):
        """An open file description lock (fcntl(2)) on data.img, for as long as the test runs."""
        self.write("data.img", bytes(PAGE))
        disk = open(self.path("data.img"), "r+b")
        self.addCleanup(disk.close)
        fcntl.fcntl(disk, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))

    def test_disk_in_use(self):
        self.lock(fcntl.F_WRLCK)
        for disk in ("data.img", "data.img,ro"):
            self.refused(FAILED, ["data.img", "in use", "end that one"], "run", "-d", disk, "vmlinux")

    def test_disk_that_others_read(self):
        self.lock(fcntl.F_RDLCK)
        self.refused(FAILED, ["data.img", "in use"], "run", "-d", "data.img", "vmlinux")

    def test_disk_options(self):
        for option, words in (("cache=write", ["disks[0].cache", '"writeback"']), ("cache", ["disks[0].cache"]),
                              ("discard=yes", ["disks[0].discard", '"unmap"']), ("cach=none", ["cach", 'did you mean "cache"']),
                              ("ro=1", ["ro", "not a known key"]), ("", ["not a known key"])):
            self.usage(words, "run", "-d", f"data.img,{option}", "vmlinux")

    def test_disk_that_is_shared(self):
        self.lock(fcntl.F_RDLCK)
        self.write("guest.json", json.dumps({"name": "g", "kernel": {"path": "vmlinux"}, "disks": [{"path": "data.img", "shareable": True},
                                                                                                  {"path": "none.img"}]}))
        self.refused(FAILED, ["none.img", "No such file"], "run", "guest.json")  # its own was opened

    def test_disk_given_twice(self):
        self.write("data.img", bytes(PAGE))
        self.refused(FAILED, ["data.img", "in use"], "run", "-d", "data.img", "-d", "data.img", "vmlinux")

    def test_missing_tap(self):
        self.refused(FAILED, ["nosuchtap0", "ip tuntap add"], "run", "-n", "tap:nosuchtap0", "vmlinux")

    def test_bad_port(self):
        self.refused(FAILED, ["99999:1", "65535"], "run", "-n", "passt:99999:1", "vmlinux")

    def test_vsock_path_is_another_file(self):
        self.write("precious", "text")
        self.refused(FAILED, ["vsock", "precious", "another path"], "run", "--vsock", "precious", "vmlinux")

    def test_more_memory_than_the_host_has(self):
        self.refused(FAILED, ["16777216 MiB", "this host has", "give it less"], "run", "-m", "16777216", "vmlinux")

    def without_dev(self, then):
        """Starts a command where /dev is empty but for what `then` puts there, in a mount namespace of its own."""
        if os.geteuid() != 0:
            self.skipTest("hiding /dev/kvm takes root")
        script = f'mount -t tmpfs none /dev && {then} exec "$@"'
        through = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        if subprocess.run([*through, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a mount namespace of our own is not allowed here")
        return through

    def test_no_kvm(self):
        self.refused(FAILED, ["/dev/kvm", "no KVM"], "run", "vmlinux", through=self.without_dev(":;"))

    def test_something_else_in_the_place_of_kvm(self):
        self.refused(FAILED, ["/dev/kvm", "not a KVM device"], "run", "vmlinux",
                     through=self.without_dev("touch /dev/kvm &&"))

    def test_no_permission_for_kvm(self):
        if shutil.which("setpriv") is None:
            self.skipTest("setpriv is not installed")
        through = self.without_dev("touch /dev/kvm && chmod 600 /dev/kvm &&")
        through += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if subprocess.run([*through, PROGRAM, "--version"], stdout=subprocess.DEVNULL).returncode != 0:
            self.skipTest("the program's folder is closed to other users")
        self.refused(FAILED, ["/dev/kvm", "no permission", "usermod -aG kvm"], "run", "vmlinux", through=through)


class BadMode(ProgramTest):
    def refused_by_up(self, code, words, *arguments):
        for how in ("--detach", "--no-console"):
            self.refused(code, words, "up", how, "--config", "vmm.json", *arguments)

    def test_unknown_word(self):
        self.write("mode", "sever\n")
        self.refused_by_up(FAILED, ["mode", '"sever"', "must be server or desktop"])

    def test_unknown_word_on_the_command_line(self):
        self.usage(["--mode", '"sever"', "server or desktop"], "up", "--mode", "sever")

    def test_definition_with_an_unknown_key(self):
        self.write("guests/server.json", '{"name": "server", "kernel": {"path": "vmlinux"}, "vcpu": 1}')
        self.refused_by_up(FAILED, ["guests/server.json", "vcpu", 'did you mean "vcpus"?'])

    def test_guest_with_a_missing_image(self):
        self.write("guests/server.json", '{"name": "server", "image": "server.itb"}')
        self.refused(FAILED, ["guests/server.itb", "No such file"], "up", "--detach")

    def test_bad_configuration(self):
        self.refused(FAILED, ["configuration nothing.json", "No such file"], "up", "--config", "nothing.json")
        self.write("vmm.json", '{"mode_fil": "mode"}')
        self.refused_by_up(FAILED, ["vmm.json", "mode_fil", 'did you mean "mode_file"?'])
        self.refused(FAILED, ["vmm.json", "mode_fil"], "list")
        self.write("vmm.json", "{")
        self.refused_by_up(FAILED, ["vmm.json", "line 1 is not valid JSON"])


if __name__ == "__main__":
    main()
