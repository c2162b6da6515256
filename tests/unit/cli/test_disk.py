"""rastos-vmm disk: the pool of images, what it is made from, and what is refused."""

import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import tarfile
import tempfile
import time

from program import *

MIB = 1 << 20


def sparse(path, size, *pieces):
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)


def namespaces_work():
    return subprocess.run(["unshare", "-U", "-r", "-n", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0


needs_namespaces = unittest.skipUnless(namespaces_work(), "no user namespaces here, in which programs unpack")


def needs(program):
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return unittest.skipUnless(shutil.which(program, path=path), f"{program} is not installed")


class DiskTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("vmm.json", '{"keys_dir": "keys", "guests_dir": "guests", "runtime_dir": "run", "state_dir": "state", '
                               '"pool_dir": "pool"}')

    def disk(self, *arguments, **how):
        process = self.run_program("disk", *arguments, **how)
        self.assertEqual(process.returncode, DONE, process.errors)
        self.assertEqual(process.errors, "")
        return process.output

    def made(self, *arguments, **how):
        return json.loads(self.disk(*arguments, "--json", **how))

    def not_done(self, code, words, *arguments, **how):
        """Refused with one sentence; no image, no draft, no half of one stays."""
        self.refused(code, words, "disk", *arguments, **how)
        if os.path.isdir(self.path("pool")):
            self.assertEqual([name for name in os.listdir(self.path("pool")) if name.startswith(".")], [])

    def files(self):
        """Images are large: what their inodes say is enough."""
        return {os.path.join(folder, name): (os.lstat(os.path.join(folder, name)).st_size,
                                             os.lstat(os.path.join(folder, name)).st_mtime_ns)
                for folder, _, names in os.walk(self.folder.name) for name in names}

    def names(self):
        return [disk["name"] for disk in self.made("list")["disks"]]

    def image(self, name):
        return self.path(f"pool/{name}.img")

    def in_image(self, name, request):
        """What debugfs says of the file system in an image."""
        environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        return subprocess.run(["debugfs", "-R", request, self.image(name)], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment, text=True).stdout


class Pool(DiskTest):
    def test_empty_pool_is_listed_and_not_made(self):
        self.assertEqual(self.names(), [])
        self.assertFalse(os.path.exists(self.path("pool")))

    def test_create(self):
        made = self.made("create", "data", "10G")
        self.assertEqual((made["name"], made["size"], made["allocated"], made["in_use"], made["content"]),
                         ("data", 10 << 30, 0, False, "empty"))
        self.assertEqual(os.stat(self.image("data")).st_mode & 0o777, 0o600)
        self.assertEqual(self.names(), ["data"])
        self.assertIn("10 GiB", self.disk("list"))
        self.assertIn("10737418240 bytes", self.disk("info", "data"))

    def lines(self, code, *arguments):
        """What a program is told, a JSON object a line."""
        process = self.run_program("disk", *arguments, "--json-lines")
        self.assertEqual((process.returncode, process.errors), (code, ""))
        return [json.loads(line) for line in process.output.splitlines()]

    def test_lines_for_programs(self):
        (made,) = self.lines(DONE, "create", "data", "1M")
        self.assertEqual((made["result"]["name"], made["result"]["size"]), ("data", MIB))
        self.assertEqual(self.lines(REFUSED, "create", "data", "1M"),
                         [{"error": "disk data: there is one of that name already", "code": REFUSED, "errno": 17}])
        lines = self.lines(DONE, "clone", "data", "copy")
        self.assertEqual(lines[-1]["result"]["name"], "copy")
        self.assertTrue(all("progress" in line for line in lines[:-1]), lines)
        self.assertEqual(self.lines(DONE, "delete", "copy"), [{"result": None}])
        self.assertEqual(self.lines(FAILED, "resize", "data", "512")[0]["code"], FAILED)
        self.assertEqual(self.run_program("disk", "list", "--json-lines").returncode, USAGE)

    def test_prune_removes_what_the_killed_left(self):
        self.disk("create", "data", "1M")
        os.makedirs(self.path("pool/.draft-00000001/root"))
        self.write("pool/.draft-00000001/root/file", b"x")
        self.assertEqual(self.lines(DONE, "prune"), [{"result": None}])
        self.assertEqual(os.listdir(self.path("pool")), ["data.img"])
        self.assertEqual(self.disk("prune"), "")

    def test_sizes(self):
        for size, wanted in (("512", 512), ("8K", 8 << 10), ("3m", 3 * MIB), ("1GiB", 1 << 30), ("1T", 1 << 40)):
            with self.subTest(size):
                self.assertEqual(self.made("create", f"d{size}", size)["size"], wanted)
        for size in ("0", "100", "65T"):
            self.not_done(FAILED, ["disk"], "create", "data", size)
        for size in ("", "G", "1X", "+1", "1e9", "99999999999999999999", "18446744073709551615K"):
            self.not_done(USAGE, ["disk data", "K, M, G or T"], "create", "data", size)

    def test_names(self):
        for name in ("a/b", "../a", ".a", "é", "x" * 300, "a b", ""):
            self.not_done(FAILED, ["letters, digits"], "create", name, "1M")
        self.not_done(REFUSED, ["is not in the pool"], "delete", "data")
        self.disk("create", "debian", "1M")
        self.not_done(REFUSED, ["disk debina", "did you mean debian?"], "delete", "debina")
        self.not_done(REFUSED, ["disk debian", "already"], "create", "debian", "1M")

    def test_verbs_and_forms(self):
        self.usage(["did you mean resize?"], "disk", "rezise")
        self.usage(["disk create NAME SIZE"], "disk", "create", "a")
        self.usage(["delete does not have"], "disk", "delete", "--json", "a")
        self.usage(["--format"], "disk", "import", "--format", "vmdk", "a", "b")
        self.usage(["--size"], "disk", "import", "--size", "x", "a", "b")

    def test_resize_grows_only(self):
        self.disk("create", "data", "1M")
        self.assertEqual(self.made("resize", "data", "3M")["size"], 3 * MIB)
        self.not_done(FAILED, ["disk data", "smaller"], "resize", "data", "1M")

    def test_clone_is_a_copy_with_the_holes(self):
        os.mkdir(self.path("pool"))
        sparse(self.image("data"), 64 * MIB, (0, b"begin"), (40 * MIB, b"x" * 4096))
        made = self.made("clone", "data", "copy")
        self.assertEqual(self.read("pool/copy.img"), self.read("pool/data.img"))
        self.assertLess(made["allocated"], MIB)
        self.not_done(REFUSED, ["disk copy", "already"], "clone", "data", "copy")

    @unittest.skipUnless(shutil.which("qemu-img"), "needs qemu-img")
    def test_overlay_is_made_and_what_is_behind_it_stays(self):
        os.mkdir(self.path("pool"))
        sparse(self.image("base"), 8 * MIB, (0, b"begin"))
        made = self.made("clone", "--overlay", "base", "web")
        self.assertEqual((made["size"], made["backing"], made["content"]), (8 * MIB, "base", "qcow2"))
        self.assertLess(made["allocated"], MIB)
        self.assertEqual(self.made("clone", "--overlay", "web", "more")["backing"], "web")  # on an overlay
        self.assertEqual(self.made("clone", "more", "copy")["backing"], "web")  # a copy of one
        for verb in (["delete", "base"], ["resize", "base", "16M"]):
            with self.subTest(verb):
                before = self.files()
                self.not_done(REFUSED, ["disk base", "behind disk", "web"], *verb)
                self.assertEqual(self.files(), before)
        self.assertEqual(self.made("resize", "copy", "16M")["size"], 16 * MIB)
        self.assertEqual(self.made("info", "copy")["backing"], "web")
        self.not_done(FAILED, ["disk copy", "smaller"], "resize", "copy", "8M")
        self.not_done(REFUSED, ["disk web", "already"], "clone", "--overlay", "base", "web")
        self.not_done(REFUSED, ["disk bse", "base"], "clone", "--overlay", "bse", "other")
        self.assertEqual(self.run_program("disk", "create", "--overlay", "other", "1M").returncode, USAGE)
        self.assertIn("Overlay:   on base", self.disk("info", "web"))
        for name in ("copy", "more", "web", "base"):
            self.disk("delete", name)
        self.assertEqual(os.listdir(self.path("pool")), [])

    def test_note_without_its_image_means_nothing(self):
        self.disk("create", "base", "1M")
        self.write("pool/gone.backing", "base\n")
        self.write("pool/base.backing", "../../etc/passwd\n")
        self.assertNotIn("backing", self.made("info", "base"))
        self.disk("delete", "base")

    def test_what_is_no_image_is_left_out(self):
        os.mkdir(self.path("pool"))
        os.symlink("/etc/passwd", self.image("link"))
        os.mkdir(self.image("folder"))
        os.mkfifo(self.image("fifo"))
        self.write("pool/-a.img", "x")
        self.write("pool/readme", "x")
        self.assertEqual(self.names(), [])
        for name in ("link", "folder", "fifo"):
            self.assertNotEqual(self.run_program("disk", "delete", name).returncode, DONE)
            self.assertTrue(os.path.lexists(self.image(name)))

    def test_image_in_use_is_left_alone(self):
        self.disk("create", "data", "1M")
        with open(self.image("data"), "r+b") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
            self.assertTrue(self.made("info", "data")["in_use"])
            for verb in (["delete", "data"], ["resize", "data", "2M"], ["clone", "data", "copy"]):
                self.not_done(REFUSED, ["disk data", "in use"], *verb)
        self.disk("delete", "data")

    def test_full_disk(self):
        mount = ["unshare", "-U", "-r", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m none pool && "$@"; status=$?; '
                 'ls -A pool >left; exit $status', "sh"]
        if not namespaces_work():
            self.skipTest("no user namespaces here, in which a small disk can be mounted")
        os.mkdir(self.path("pool"))
        self.write("large.img", os.urandom(2 * MIB))
        process = self.run_program("disk", "import", "--format", "raw", "large", "large.img", through=mount)
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(process.errors, r"\Arastos-vmm: disk large: [^\n]*No space left[^\n]*\n\Z")
        self.assertEqual(self.read("left"), b"")

    def test_folder_that_cannot_be_made(self):
        self.write("pool", "a file")
        self.refused(FAILED, ["pool ", "Not a directory"], "disk", "create", "a", "1M")

    def test_leftovers_of_the_killed_are_removed(self):
        os.makedirs(self.path("pool/.draft-00000001/tree"))
        self.write("pool/.draft-00000001/image", "half")
        self.write("pool/.draft-00000001/tree/file", "x")
        self.disk("create", "data", "1M")
        self.assertEqual(os.listdir(self.path("pool")), ["data.img"])

    def test_draft_of_the_living_is_kept(self):
        os.makedirs(self.path("pool/.draft-00000001"))
        folder = os.open(self.path("pool/.draft-00000001"), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        self.disk("create", "data", "1M")
        self.assertIn(".draft-00000001", os.listdir(self.path("pool")))
        os.close(folder)


@needs_kvm
class Run(DiskTest):
    """Guests that have images and disks; none starts."""

    def test_disk_that_must_be_imported(self):
        self.write("a.qcow2", b"QFI\xfb".ljust(1024, b"\0"))
        self.refused(FAILED, ["disk /", "a.qcow2", "`rastos-vmm disk import NAME FILE`"], "run", "a.qcow2")

    def test_image_of_the_pool_by_its_name(self):
        self.disk("create", "data", "1M")
        self.refused(FAILED, ["disk data", "it is empty"], "run", "data")
        self.write("data", elf_kernel(machine=EM_AARCH64))  # a file of that name comes first
        self.refused(FAILED, ["kernel", "aarch64"], "run", "data")

    def test_image_of_the_pool_as_another_disk(self):
        self.write("vmlinux", elf_kernel(machine=EM_AARCH64))
        self.disk("create", "data", "1M")
        with open(self.image("data"), "r+b") as file:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
            self.refused(FAILED, ["disk data", "in use"], "run", "-d", "data", "vmlinux")
        self.refused(FAILED, ["aarch64"], "run", "-d", "data,ro", "vmlinux")
        self.refused(FAILED, ["disk", "dat", "No such file"], "run", "-d", "dat", "vmlinux")

    def test_disk_brings_its_initrd(self):
        sparse(self.path("disk.raw"), MIB, (510, b"\x55\xaa"))
        self.usage(["--initrd", "disk.raw"], "run", "-i", "initrd", "disk.raw")

    @needs_namespaces
    @needs("sfdisk")
    def test_disks_without_a_kernel(self):
        sparse(self.path("disk.raw"), MIB, (510, b"\x55\xaa"))
        self.refused(FAILED, ["disk.raw", "without partitions"], "run", "disk.raw")
        sparse(self.path("gpt.raw"), MIB, (510, b"\x55\xaa"), (512, b"EFI PART"))
        self.refused(FAILED, ["gpt.raw"], "run", "gpt.raw")


class Disks(DiskTest):
    """Disk images."""

    def test_raw_disk(self):
        sparse(self.path("disk.raw"), 8 * MIB, (510, b"\x55\xaa"))
        self.assertEqual(self.made("import", "web", "disk.raw")["content"], "MBR")
        self.assertEqual(self.read("pool/web.img"), self.read("disk.raw"))
        self.assertEqual(self.made("import", "large", "disk.raw", "--size", "16M")["size"], 16 * MIB)
        self.not_done(FAILED, ["do not fit"], "import", "small", "disk.raw", "--size", "4M")

    def test_zeros_take_no_room(self):
        self.write("disk.raw", bytes(510) + b"\x55\xaa" + bytes(8 * MIB - 512))
        made = self.made("import", "web", "disk.raw")
        self.assertLessEqual(made["allocated"], 128 << 10)
        self.assertEqual(self.read("pool/web.img"), self.read("disk.raw"))

    def test_standard_input(self):
        sparse(self.path("disk.raw"), 8 * MIB, (510, b"\x55\xaa"), (5 * MIB, b"x" * 70000))
        for name, options in (("web", []), ("counted", ["--length", "8M"])):
            with open(self.path("disk.raw"), "rb") as file:
                made = self.made("import", name, "-", *options, stdin=file)
            self.assertEqual((made["content"], made["size"]), ("MBR", 8 * MIB))
            self.assertLessEqual(made["allocated"], 512 << 10)
            self.assertEqual(self.read(f"pool/{name}.img"), self.read("disk.raw"))
        with open(self.path("disk.raw"), "rb") as file:
            self.not_done(FAILED, ["broken", "8388608 of 9437184"], "import", "broken", "-", "--length", "9M", stdin=file)
        with open("/dev/null", "rb") as file:
            self.not_done(FAILED, ["--format raw"], "import", "empty", "-", stdin=file)
        with open("/dev/null", "rb") as file:
            self.not_done(FAILED, ["no room"], "import", "huge", "-", "--length", "60T", stdin=file)

    @needs_namespaces
    @needs("qemu-img")
    def test_qcow2_by_standard_input(self):
        self.write("raw", os.urandom(MIB) + bytes(3 * MIB))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", self.path("raw"), self.path("a.qcow2")], check=True)
        with open(self.path("a.qcow2"), "rb") as file:
            self.made("import", "web", "-", stdin=file)
        self.assertEqual(self.read("pool/web.img"), self.read("raw"))
        self.assertEqual(os.listdir(self.path("pool")), ["web.img"])

    def test_what_it_is_must_be_known_or_said(self):
        self.write("text", "hello\n")
        self.write("blank", bytes(4096))
        self.not_done(FAILED, ["text", "--format raw"], "import", "web", "text")
        self.not_done(FAILED, ["blank", "--format raw"], "import", "web", "blank")
        self.not_done(FAILED, ["text", "512"], "import", "web", "text", "--format", "raw")
        self.disk("import", "web", "blank", "--format", "raw")

    def test_others_are_named(self):
        self.write("a.vmdk", b"KDMV".ljust(1024, b"\0"))
        self.write("vmlinux", elf_kernel())
        self.not_done(FAILED, ["VMDK", "qemu-img convert"], "import", "a", "a.vmdk")
        self.not_done(FAILED, ["ELF", "rastos-vmm run"], "import", "a", "vmlinux")
        self.not_done(FAILED, ["/dev/null", "neither a file"], "import", "a", "/dev/null")
        self.not_done(REFUSED, ["nothing", "No such file"], "import", "a", "nothing")

    @needs_namespaces
    @needs("qemu-img")
    def test_qcow2(self):
        self.write("raw", os.urandom(MIB) + bytes(3 * MIB))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", self.path("raw"),
                        self.path("a.qcow2")], check=True)
        made = self.made("import", "web", "a.qcow2")
        self.assertEqual(self.read("pool/web.img"), self.read("raw"))
        self.assertLess(made["allocated"], 2 * MIB)

    @needs("qemu-img")
    def test_qcow2_that_names_other_files(self):
        self.write("secret", b"secret".ljust(MIB, b"\0"))
        for option in (["-b", self.path("secret"), "-F", "raw"], ["-o", f"data_file={self.path('secret')}"]):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *option, self.path("a.qcow2"), "1M"], check=True)
            self.not_done(FAILED, ["a.qcow2", "needs another file"], "import", "web", "a.qcow2")

    @needs_namespaces
    def test_damaged_qcow2(self):
        header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, MIB)
        for content, words in ((header, ["is not a qcow2 image"]), (header.ljust(80, b"\0"), ["a.qcow2", "qemu-img"]),
                               (b"QFI\xfb" + struct.pack(">I", 9).ljust(80, b"\0"), ["version 9"]),
                               (header[:24] + struct.pack(">Q", 1 << 60).ljust(60, b"\0"), ["64 TiB"])):
            self.write("a.qcow2", content)
            self.not_done(FAILED, words, "import", "web", "a.qcow2")

    def test_program_that_is_missing(self):
        self.write("a.qcow2", struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, MIB).ljust(104, b"\0"))
        process = self.run_program("disk", "import", "web", "a.qcow2", through=["env", "PATH=/nonexistent"])
        self.assertIn("qemu-img is not installed: apt-get install qemu-utils", process.errors)


@needs_namespaces
@needs("mkfs.ext4")
class Trees(DiskTest):
    """A system's root, as a folder and as a tar archive."""

    def tar(self, name, *members, compression=""):
        with tarfile.open(self.path(name), f"w:{compression}") as archive:
            for member, content in members:
                if isinstance(member, str):
                    member = tarfile.TarInfo(member)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    def member(self, name, kind, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        return info, b""

    def test_folder(self):
        os.makedirs(self.path("root/etc"))
        self.write("root/etc/hostname", "web\n")
        made = self.made("import", "web", "root")
        self.assertEqual((made["content"], made["size"]), ("ext4", 1 << 30))
        self.assertEqual(self.in_image("web", "cat /etc/hostname"), "web\n")
        self.assertIn("User:     0", self.in_image("web", "stat /etc/hostname"))
        self.assertEqual(self.made("import", "small", "root", "--size", "64M")["size"], 64 * MIB)

    def test_ext4_grows_with_its_image(self):
        os.mkdir(self.path("root"))
        self.write("root/file", "kept\n")
        self.disk("import", "web", "root", "--size", "32M")
        self.disk("resize", "web", "128M")
        self.assertEqual(self.in_image("web", "cat /file"), "kept\n")
        self.assertIn("Block count:              32768", self.in_image("web", "show_super_stats -h"))

    def test_size_that_is_too_small(self):
        os.mkdir(self.path("root"))
        self.write("root/file", os.urandom(4 * MIB))
        self.not_done(FAILED, ["4 MiB", "larger size"], "import", "web", "root", "--size", "2M")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_user_without_other_ids(self):
        os.makedirs(self.path("root/etc"))
        self.write("root/etc/hostname", "web\n")
        self.tar("root.tar", ("file", b"x"))
        os.mkdir(self.path("pool"))
        for name in ("pool", "root", "root/etc", "root/etc/hostname"):
            shutil.chown(self.path(name), "nobody")
        self.assertEqual(self.run_program("disk", "import", "web", "root", user="nobody").errors, "")
        self.assertRegex(self.in_image("web", "stat /etc/hostname"), r"User:     0")
        process = self.run_program("disk", "import", "tar", "root.tar", user="nobody")
        self.assertIn("apt-get install uidmap", process.errors)
        self.assertEqual(os.listdir(self.path("pool")), ["web.img"])

    @unittest.skipUnless(os.geteuid() == 0, "keeping owners needs root, or ids of /etc/subuid")
    def test_tar_keeps_owners_and_modes(self):
        info = tarfile.TarInfo("etc/shadow")
        info.uid, info.gid, info.mode = 0, 42, 0o640
        self.tar("root.tar", (info, b"root::\n"), (tarfile.TarInfo("./etc/hostname"), b"web\n"))
        self.disk("import", "web", "root.tar")
        self.assertRegex(self.in_image("web", "stat /etc/shadow"), r"Mode:  0640[^$]*Group:    42")

    @unittest.skipUnless(os.geteuid() == 0, "keeping owners needs root, or ids of /etc/subuid")
    def test_compressions(self):
        for compression in ("gz", "xz", "bz2"):
            with self.subTest(compression):
                self.tar(f"root.{compression}", ("file", b"x"), compression=compression)
                self.disk("import", compression, f"root.{compression}")
                self.assertEqual(self.in_image(compression, "cat /file"), "x")

    def test_nothing_gets_out(self):
        outside = self.path("outside")
        os.mkdir(outside)
        for members in ([("../../outside/file", b"x")], [(f"{outside}/file", b"x")],
                        [self.member("link", tarfile.SYMTYPE, outside), ("link/file", b"x")],
                        [self.member("link", tarfile.SYMTYPE, "../../../outside"), ("link/file", b"x")],
                        [self.member("hard", tarfile.LNKTYPE, self.path("vmm.json")), ("hard", b"x")]):
            before = self.read("vmm.json")
            self.tar("hostile.tar", *members)
            self.run_program("disk", "import", "web", "hostile.tar")
            self.assertEqual(os.listdir(outside), [])
            self.assertEqual(self.read("vmm.json"), before)
            shutil.rmtree(self.path("pool"), ignore_errors=True)

    def test_device_nodes(self):
        device = tarfile.TarInfo("dev/sda")
        device.type, device.devmajor, device.devminor = tarfile.BLKTYPE, 8, 0
        elsewhere = tarfile.TarInfo("sda")
        elsewhere.type, elsewhere.devmajor, elsewhere.devminor = tarfile.BLKTYPE, 8, 0
        self.tar("root.tar", (elsewhere, b""))
        self.not_done(FAILED, ["root.tar", "tar:"], "import", "web", "root.tar")
        if os.geteuid() == 0:
            self.tar("root.tar", (device, b""), ("file", b"x"))
            self.disk("import", "web", "root.tar")

    def test_huge_and_cut_off(self):
        info = tarfile.TarInfo("zeros")
        info.size = 64 * MIB
        with tarfile.open(self.path("bomb.tgz"), "w:gz") as archive:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
        if os.geteuid() == 0:
            self.not_done(FAILED, ["bomb.tgz", "more than 16 MiB"], "import", "web", "bomb.tgz", "--size", "16M")
        self.write("cut.tgz", self.read("bomb.tgz")[:10000])
        self.not_done(FAILED, ["cut.tgz"], "import", "web", "cut.tgz")
        self.write("no.tgz", gzip.compress(b"no archive"))
        self.not_done(FAILED, ["no.tgz"], "import", "web", "no.tgz")

    @unittest.skipUnless(os.geteuid() == 0, "keeping owners needs root, or ids of /etc/subuid")
    def test_killed_at_any_time(self):
        self.tar("root.tar", *((f"file{number}", os.urandom(65536)) for number in range(200)))
        for delay in (0.005, 0.02, 0.05, 0.1):
            process = subprocess.Popen([PROGRAM, "--config", "vmm.json", "disk", "import", "web", "root.tar"],
                                       cwd=self.folder.name)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            if os.path.exists(self.image("web")):  # it was faster
                self.assertIn("file199", self.in_image("web", "ls /"))
                self.disk("delete", "web")
        self.disk("create", "other", "1M")
        deadline = time.monotonic() + 10
        while os.listdir(self.path("pool")) != ["other.img"]:  # a program may take a moment to end with its parent
            self.assertLess(time.monotonic(), deadline, os.listdir(self.path("pool")))
            time.sleep(0.1)
            self.disk("resize", "other", "1M")


@needs_namespaces
@needs("mkfs.ext4")
class Oci(DiskTest):
    """OCI image layouts."""

    def blob(self, content):
        digest = hashlib.sha256(content).hexdigest()
        self.write(f"layout/blobs/sha256/{digest}", content)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    def layer(self, *members):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, content in members:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        data = archive.getvalue()
        return {**self.blob(gzip.compress(data)), "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}, \
            "sha256:" + hashlib.sha256(data).hexdigest()

    def manifest(self, *layers):
        config = {"architecture": "amd64", "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [plain for _, plain in layers]}}
        return {**self.blob(json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {**self.blob(json.dumps(config).encode()), "mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [layer for layer, _ in layers]}).encode()),
            "mediaType": "application/vnd.oci.image.manifest.v1+json"}

    def index(self, *entries):
        self.write("layout/index.json", json.dumps({"schemaVersion": 2, "manifests": list(entries)}))

    def tagged(self, entry, tag):
        return {**entry, "annotations": {"org.opencontainers.image.ref.name": tag}}

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("layout/blobs/sha256"))
        self.write("layout/oci-layout", '{"imageLayoutVersion": "1.0.0"}')
        self.lower = self.layer(("etc/kept", b"kept"), ("etc/gone", b"gone"), ("etc/changed", b"before"))
        self.upper = self.layer(("etc/.wh.gone", b""), ("etc/changed", b"after"))
        self.image_manifest = self.manifest(self.lower, self.upper)

    def with_umoci(self):
        if not shutil.which("umoci"):
            self.skipTest("umoci is not installed")
        if os.geteuid() != 0:
            self.skipTest("keeping owners needs root, or ids of /etc/subuid")

    def check(self, name):
        self.assertEqual(self.in_image(name, "cat /etc/kept"), "kept")
        self.assertEqual(self.in_image(name, "cat /etc/changed"), "after")
        self.assertEqual(self.in_image(name, "cat /etc/gone"), "")

    def test_layers_with_and_without_a_tag(self):
        self.with_umoci()
        self.index(self.image_manifest)
        self.disk("import", "plain", "layout")
        self.check("plain")
        self.index(self.tagged(self.image_manifest, "docker.io/library/web:1"), self.tagged(self.manifest(self.lower), "2"))
        self.disk("import", "tagged", "layout", "--tag", "1")
        self.check("tagged")
        self.disk("import", "whole", "layout", "--tag", "docker.io/library/web:1")

    def test_archive_of_a_layout(self):
        self.with_umoci()
        self.index(self.image_manifest)
        subprocess.run(["tar", "-C", self.path("layout"), "-cf", self.path("web.tar"), "."], check=True)
        self.disk("import", "web", "web.tar")
        self.check("web")

    def test_index_of_processors(self):
        self.with_umoci()
        other = {**self.manifest(self.lower), "platform": {"os": "linux", "architecture": "arm64"}}
        ours = {**self.image_manifest, "platform": {"os": "linux", "architecture": "amd64"}}
        inner = self.blob(json.dumps({"schemaVersion": 2, "manifests": [other, ours]}).encode())
        self.index({**inner, "mediaType": "application/vnd.oci.image.index.v1+json"})
        self.disk("import", "web", "layout")
        self.check("web")

    def test_which_image(self):
        self.index(self.tagged(self.image_manifest, "1"), self.tagged(self.manifest(self.lower), "2"))
        self.not_done(FAILED, ["several images", "--tag", "1, 2"], "import", "web", "layout")
        self.not_done(REFUSED, ["no image with the tag 3", "1, 2"], "import", "web", "layout", "--tag", "3")
        self.index()
        self.not_done(REFUSED, ["no image"], "import", "web", "layout")

    def test_damaged_manifest_and_layer(self):
        self.index(self.image_manifest)
        for descriptor, words in ((self.lower[0], ["layout"]), (self.image_manifest, ["another digest", "damaged"])):
            path = "layout/blobs/sha256/" + descriptor["digest"][7:]
            whole = self.read(path)
            self.write(path, whole[:-1] + bytes([whole[-1] ^ 1]))
            if words[0] == "layout":
                self.with_umoci()
            self.not_done(FAILED, words, "import", "web", "layout")
            self.write(path, whole[:-1])
            self.not_done(FAILED, ["bytes", "damaged"], "import", "web", "layout")
            os.unlink(self.path(path))
            self.not_done(REFUSED, ["is missing"], "import", "web", "layout")
            os.symlink("/etc/passwd", self.path(path))
            self.not_done(FAILED, ["layout"], "import", "web", "layout")
            os.unlink(self.path(path))
            self.write(path, whole)

    def test_hostile_index(self):
        for text, word in (("", "JSON"), ("[]", "list of manifests"), ('{"manifests": {}}', "list of manifests"),
                           ("{" * 100000, "JSON"), (" " * (5 << 20), "4 MiB")):
            self.write("layout/index.json", text)
            self.not_done(FAILED, [word], "import", "web", "layout")
        for digest in ("sha256:../../../etc/passwd", "md5:00", 5, None, "sha256:" + "A" * 64):
            self.index({**self.image_manifest, "digest": digest})
            self.not_done(FAILED, ["digest"], "import", "web", "layout")
        for size in (-1, "5", 1e300, None):
            self.index({**self.image_manifest, "size": size})
            self.not_done(FAILED, ["size"], "import", "web", "layout")

    def test_indices_without_end(self):
        entry = {**self.image_manifest}
        for _ in range(8):
            entry = {**self.blob(json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()),
                     "mediaType": "application/vnd.oci.image.index.v1+json"}
        self.index(entry)
        self.not_done(FAILED, ["name one another"], "import", "web", "layout")

    def test_layer_that_leads_outside(self):
        self.with_umoci()
        outside = self.path("outside")
        os.mkdir(outside)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo("link")
            info.type, info.linkname = tarfile.SYMTYPE, outside
            tar.addfile(info)
        link = {**self.blob(gzip.compress(archive.getvalue())),
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}, \
            "sha256:" + hashlib.sha256(archive.getvalue()).hexdigest()
        self.index(self.manifest(link, self.layer(("link/file", b"x"), ("../../../outside/file", b"x"))))
        self.run_program("disk", "import", "web", "layout")
        self.assertEqual(os.listdir(outside), [])


class Saved(DiskTest):
    """Images as podman and skopeo save them: made here by both, where they are installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in ("podman", "skopeo", "umoci", "busybox"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        if os.geteuid() != 0:
            raise unittest.SkipTest("podman's store is made as root here")
        cls.made_in = tempfile.TemporaryDirectory(prefix="rastos-images-")
        cls.addClassCleanup(cls.made_in.cleanup)
        os.makedirs(cls.saved("root/etc"))
        with open(cls.saved("root/etc/kept"), "w") as file:
            file.write("kept")
        os.chown(cls.saved("root/etc/kept"), 1234, 70000)
        cls.tool("tar", "-C", cls.saved("root"), "-cf", cls.saved("root.tar"), ".")
        cls.podman("import", cls.saved("root.tar"), "localhost/web:1")
        with open(cls.saved("Containerfile"), "w") as file:
            file.write("FROM localhost/web:1\nCOPY root.tar /etc/second\n")
        cls.podman("build", "--isolation", "chroot", "-t", "localhost/db:2", "-f", cls.saved("Containerfile"),
                   cls.made_in.name)
        for form in ("docker-archive", "oci-archive", "oci-dir"):
            cls.podman("save", "--format", form, "-o", cls.saved(form), "localhost/web:1")
        cls.podman("save", "-m", "-o", cls.saved("several"), "localhost/web:1", "localhost/db:2")
        for form in ("oci", "oci-archive"):
            cls.tool("skopeo", "--insecure-policy", "copy", "--quiet", "docker-archive:" + cls.saved("docker-archive"),
                     f"{form}:{cls.saved('skopeo-' + form)}:web")

    @classmethod
    def saved(cls, name):
        return os.path.join(cls.made_in.name, name)

    @classmethod
    def tool(cls, *command):
        process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if process.returncode:
            raise unittest.SkipTest(f"{command[0]} cannot work here: {process.stderr.strip()[-200:]}")

    @classmethod
    def podman(cls, *arguments):
        cls.tool("podman", "--root", cls.saved("store"), "--runroot", cls.saved("run"), "--storage-driver", "vfs",
                 "--cgroup-manager", "cgroupfs", *arguments)

    def check(self, name):
        self.assertEqual(self.in_image(name, "cat /etc/kept"), "kept")
        self.assertRegex(self.in_image(name, "stat /etc/kept"), r"User: *1234 *Group: *70000")

    def test_each_form(self):
        for form in ("docker-archive", "oci-archive", "oci-dir", "skopeo-oci", "skopeo-oci-archive"):
            with self.subTest(form):
                self.disk("import", form, self.saved(form))
                self.check(form)

    def test_one_of_several(self):
        self.not_done(FAILED, ["several", "localhost/web:1", "localhost/db:2"], "import", "x", self.saved("several"))
        self.not_done(REFUSED, ["tag 3", "localhost/db:2"], "import", "x", self.saved("several"), "--tag", "3")
        self.disk("import", "db", self.saved("several"), "--tag", "db:2")
        self.check("db")
        self.assertIn("second", self.in_image("db", "ls -p /etc"))

    def test_compressed_archive_of_docker(self):
        with open(self.saved("docker-archive"), "rb") as file:
            self.write("web.tar.gz", gzip.compress(file.read()))
        self.not_done(FAILED, ["compressed"], "import", "web", "web.tar.gz")

    def test_without_skopeo(self):
        if not os.path.exists("/usr/bin/skopeo") or subprocess.run(["unshare", "-m", "true"]).returncode:
            self.skipTest("wants a mount namespace")
        process = self.run_program("disk", "import", "web", self.saved("docker-archive"),
                                   through=("unshare", "-m", "sh", "-c", 'mount --bind /dev/null /usr/bin/skopeo && exec "$@"', "sh"))
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(process.errors, r"\Arastos-vmm: disk web: [^\n]*skopeo[^\n]*\n\Z")


if __name__ == "__main__":
    main()
