"""A guest's definition: what is wrong in it is named by its place, and docs/schema says what the program does."""

import copy
import json
import os

from program import *

WHOLE = {
    "name": "guest",
    "uuid": "6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f",
    "title": "A guest",
    "description": "Of the tests.\nWith all there is.",
    "metadata": {"http://example.org/app/1": "<app:owner xmlns:app='http://example.org/app/1'>me</app:owner>"},
    "role": "server",
    "kernel": {"path": "vmlinux", "initrd": "initrd", "cmdline": "quiet", "protocol": "auto"},
    "vcpus": 4,
    "current_vcpus": 2,
    "topology": {"sockets": 1, "cores": 2, "threads": 2},
    "memory_mib": 64,
    "cpu": {"features": {"avx2": "disable"}},
    "cpus": {"placement": "shared", "pin": "0", "weight": 100, "vcpupin": {"1": "0"}, "emulatorpin": "0",
             "global_period": 100000, "global_quota": 50000},
    "numa": {"nodes": "0", "mode": "strict"},
    "memory_backing": {"hugepages": False},
    "disks": [{"path": "data.img", "id": "data", "read_only": True, "shareable": False, "cache": "none", "discard": "unmap",
               "error_policy": "report", "block_size": {"logical": 512, "physical": 4096},
               "iotune": {"total": {"bytes_sec": 2048, "bytes_sec_max": 4096, "bytes_sec_max_length": 1},
                          "read": {"iops_sec": 100, "iops_sec_max": 200, "iops_sec_max_length": 10},
                          "write": {"iops_sec": 100, "iops_sec_max": 200, "iops_sec_max_length": 10}},
               "driver": {"packed": True, "event_idx": False, "in_order": False, "indirect": False, "iommu": False},
               "io": "threads", "queues": 4},
              {"image": "data", "io": "io_uring"},
              {"path": "web.qcow2", "format": "qcow2", "transient": True, "reconnect": {"enabled": False, "timeout": 5},
               "backing": {"path": "base.vmdk", "format": "vmdk", "backing": {
                   "path": "lower.qcow2", "format": "qcow2", "backing": {"image": "base", "format": "raw"}}}},
              {"image": "data2", "format": "qcow2", "backing": {"image": "base", "format": "qcow2", "backing": {"image": "lower"}}},
              {"path": "safe.luks", "format": "luks", "secret": "phrase"},
              {"source": {"protocol": "nbd", "host": "store.example", "port": 10809, "name": "data"}},
              {"source": {"protocol": "nbd", "socket": "/run/nbd.sock"}}],
    "networks": [{"type": "passt", "id": "uplink", "mac": "52:54:00:12:34:56", "publish": ["8080:80"], "mtu": 1500, "link": "up",
                  "bandwidth": {"inbound": {"average": 1000, "peak": 2000, "burst": 500}, "outbound": {"average": 1000}},
                  "driver": {"packed": True, "event_idx": True, "in_order": True, "indirect": True, "iommu": False}},
                 {"type": "tap", "device": "tap0", "queues": 2, "vhost": True,
                  "host": {"csum": True, "gso": True, "tso4": False, "tso6": True, "ecn": True, "ufo": True, "mrg_rxbuf": True},
                  "guest": {"csum": False, "tso4": True, "tso6": True, "ecn": True, "ufo": True}},
                 {"type": "network", "network": "default"}, {"type": "bridge", "bridge": "br0"},
                 {"type": "direct", "source": "eth0", "mode": "bridge"}],
    "rng": {"rate": {"bytes": 1024, "period": 2000}},
    "channels": [{"name": "org.qemu.guest_agent.0", "path": "agent.sock"}],
    "filesystems": [{"path": "srv", "tag": "data", "mount": "/srv/data", "read_only": True, "cache": "always", "xattr": True,
                     "posix_lock": True, "flock": False, "thread_pool": 4, "queue_size": 64,
                     "driver": {"packed": True, "event_idx": True, "in_order": True, "indirect": True, "iommu": False}}],
    "clock": {"offset": "localtime", "adjustment": -3600},
    "video": {"model": "virtio", "heads": 1, "resolution": {"x": 320, "y": 320}, "vram": 4194304},
    "graphics": [{"type": "vnc", "listen": "127.0.0.1", "port": 5900, "autoport": False, "password_file": "password"}],
    "inputs": [{"type": "keyboard", "bus": "virtio"}],
    "vsock": {"cid": 3, "path": "vsock.sock"},
    "console": "serial",
    "transport": "pci",
    "ready": "notify",
    "autostart": True,
    "depends_on": ["db"],
    "on_poweroff": "destroy",
    "on_reboot": "restart",
    "on_crash": "destroy",
}
# What only a definition with a boot image has.
WITH_IMAGE = {"name": "guest", "image": "guest.itb", "configuration": "conf-1"}
# What only one has that boots from a disk.
FROM_DISK = {"name": "guest", "kernel": {"from_disk": 0}, "disks": [{"image": "debian"}]}

# What only one of ordinary pages has.
WITH_BALLOON = {"name": "guest", "kernel": {"path": "vmlinux"}, "memory_mib": 64, "current_memory_mib": 32,
                "memballoon": {"autodeflate": True, "free_page_reporting": True, "stats_period": 10}}

# What only one has whose viewers come to a unix socket.
WITH_SOCKET = {"name": "guest", "kernel": {"path": "vmlinux"}, "video": {}, "graphics": [{"type": "vnc", "socket": "vnc.sock"}]}

# What only one with ordinary pages has, too.
WITH_MEMORY = {"name": "guest", "kernel": {"path": "vmlinux"}, "memory_mib": 64, "max_memory_mib": 4096,
               "memory_devices": [{"model": "virtio-mem", "size_mib": 1024, "block_mib": 128, "requested_mib": 256, "node": 0}]}

# What only one on a PCI bus has.
WITH_WATCHDOG = {"name": "guest", "kernel": {"path": "vmlinux"}, "watchdog": {"model": "i6300esb", "action": "inject-nmi"}}

WRONG_TYPES = {"string": [1, True, None, [], {}, ""], "integer": ["1", True, None, 1.5, [], {}],
               "boolean": [0, "true", None, [], {}], "object": [1, "x", True, None, []],
               "array": [1, "x", True, None, {}]}


def put(definition, path, value):
    """A copy with value at path, a list of keys and indices."""
    changed = copy.deepcopy(definition)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def place_name(path):
    """As the program says it: disks[0].path."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


class DefinitionTest(ProgramTest):
    def refused_definition(self, definition, *words):
        self.write("guest.json", definition if isinstance(definition, str) else json.dumps(definition))
        self.refused(FAILED, ["guest.json: ", *words], "run", "guest.json")

    def accepted(self, definition):
        """Its reader has no objection: what fails next is the kernel's or the image's file, which is missing."""
        self.write("guest.json", json.dumps(definition))
        if "from_disk" in definition.get("kernel", {}):
            self.refused(FAILED, ["disk debian", "is not in the pool"], "run", "guest.json")
            return
        file = "vmlinux" if "kernel" in definition else "guest.itb"
        self.refused(FAILED, [file, "No such file"], "run", "guest.json")


class Sentences(DefinitionTest):
    def test_missing_file(self):
        self.refused(FAILED, ["definition guest.json", "No such file"], "run", "guest.json")

    def test_what_a_guest_and_its_host_say_to_each_other(self):
        base = {"name": "guest", "kernel": {"path": "vmlinux"}}
        for words, members in (
                (["rng.rate", "is missing"], {"rng": {}}),
                (["rng.rate.bytes", "is missing"], {"rng": {"rate": {}}}),
                (["rng.rate.bytes", "from 1 to"], {"rng": {"rate": {"bytes": 1, "period": 2000}}}),
                (["channels[0].name", "is missing"], {"channels": [{}]}),
                (["channels[0].name", "letters"], {"channels": [{"name": "a/b"}]}),
                (["channels[0].name", "letters"], {"channels": [{"name": "../x"}]}),
                (["channels[0].name", "at most 63"], {"channels": [{"name": "a" * 64}]}),
                (["channels[1].name", "another channel's"], {"channels": [{"name": "a"}, {"name": "a"}]}),
                (["channels", "at most 8"], {"channels": [{"name": f"a{i}"} for i in range(9)]}),
                (["filesystems[0].path", "which directory"], {"filesystems": [{"tag": "a"}]}),
                (["filesystems[0].path", "no control characters"], {"filesystems": [{"path": "a\nb", "tag": "a"}]}),
                (["filesystems[0].tag", "by which name"], {"filesystems": [{"path": "a", "mount": "/a"}]}),
                (["filesystems[0].tag", "1 to 36 bytes"], {"filesystems": [{"path": "a", "tag": "a" * 37}]}),
                (["filesystems[0].tag", "without blanks"], {"filesystems": [{"path": "a", "tag": "a quiet"}]}),
                (["filesystems[0].tag", "without blanks"], {"filesystems": [{"path": "a", "tag": "a\"b"}]}),
                (["filesystems[0].tag", "without blanks"], {"filesystems": [{"path": "a", "tag": "a:b"}]}),
                (["filesystems[1].tag", "another filesystem's"],
                 {"filesystems": [{"path": "a", "tag": "a"}, {"path": "b", "tag": "a"}]}),
                (["filesystems[1].mount", "another filesystem's"],
                 {"filesystems": [{"path": "a", "tag": "a", "mount": "/m"}, {"path": "b", "tag": "b", "mount": "/m"}]}),
                *((["filesystems[0].mount", "an absolute path"], {"filesystems": [{"path": "a", "tag": "a", "mount": mount}]})
                  for mount in ("m", "/", "/m/", "//m", "/m//n", "/m/../n", "/m/..", "/..", "/./m", "/m/.", "/m n", "/m:n",
                                "/m,n", "/m'n", "/m\\n", "/m\tn", "/" + "m" * 255)),
                (["filesystems[0].queue_size", "power of two"], {"filesystems": [{"path": "a", "tag": "a", "queue_size": 48}]}),
                (["filesystems[0].queue_size", "16 to 256"], {"filesystems": [{"path": "a", "tag": "a", "queue_size": 1024}]}),
                (["filesystems", "at most 8"], {"filesystems": [{"path": "a", "tag": f"a{i}"} for i in range(9)]}),
                (["memballoon", "hugepages exclude"], {"memballoon": True, "memory_backing": {"hugepages": True}}),
                (["watchdog.action", "cannot be dump", "crash report"], {"watchdog": {"action": "dump"}}),
                (["watchdog.model", "i6300esb"], {"watchdog": {"model": "itco"}}),
                (["transport", "must be pci: the watchdog"], {"transport": "mmio", "watchdog": {}}),
                (["cpus.vcpupin.2", "is no vCPU", "0 to 1"], {"vcpus": 2, "cpus": {"vcpupin": {"2": "0"}}}),
                (["cpus.vcpupin.x", "is no vCPU"], {"cpus": {"vcpupin": {"x": "0"}}}),
                (["cpus.vcpupin.01", "is no vCPU"], {"cpus": {"vcpupin": {"01": "0"}}}),
                (["cpus.vcpupin.0", "must be a list"], {"cpus": {"vcpupin": {"0": "a"}}}),
                (["cpus.vcpupin", "exclusive exclude"], {"cpus": {"placement": "exclusive", "vcpupin": {"0": "0"}}}),
                (["cpus.global_period", "needs global_quota"], {"cpus": {"global_period": 1000}}),
                (["video.model", "virtio"], {"video": {"model": "vga"}}),
                (["video.resolution.y", "is missing"], {"video": {"resolution": {"x": 640}}}),
                (["video.resolution.x", "is missing"], {"video": {"resolution": {"y": 640}}}),
                (["video.vram", "is too little: 2 of 1920x1080 are 16200 KiB"],
                 {"video": {"heads": 2, "resolution": {"x": 1920, "y": 1080}, "vram": 16199}}),
                (["graphics", "needs video"], {"graphics": [{"type": "vnc"}]}),
                *((["graphics[0]." + key, *words], {"video": {}, "graphics": [graphics]}) for key, words, graphics in (
                    ("type", ["is missing"], {}), ("type", ["cannot be", "spice", "vnc"], {"type": "spice"}),
                    ("type", ["cannot be", "egl-headless"], {"type": "egl-headless"}),
                    ("listen", ["an address of this host"], {"type": "vnc", "listen": "localhost"}),
                    ("listen", ["needs password_file"], {"type": "vnc", "listen": "0.0.0.0"}),
                    ("listen", ["socket exclude"], {"type": "vnc", "listen": "127.0.0.1", "socket": "/x"}),
                    ("port", ["socket exclude"], {"type": "vnc", "port": 5900, "socket": "/x"}),
                    ("autoport", ["exclude each other"], {"type": "vnc", "port": 5900, "autoport": True}),
                    ("port", ["is missing"], {"type": "vnc", "autoport": False}),
                    ("socket", ["too long"], {"type": "vnc", "socket": "/" + "x" * 120}))),
                (["graphics", "at most 1"], {"video": {}, "graphics": [{"type": "vnc"}, {"type": "vnc"}]}),
                (["inputs[0].type", "is missing"], {"inputs": [{}]}),
                (["inputs[0].type", "not passed through"], {"inputs": [{"type": "evdev"}]}),
                (["inputs[0].bus", "usb", "virtio"], {"inputs": [{"type": "tablet", "bus": "usb"}]}),
                (["inputs[1].type", "there already"], {"inputs": [{"type": "mouse"}, {"type": "mouse"}]}),
                (["inputs", "at most 3"], {"inputs": [{"type": "mouse"}] * 4}),
                (["memory_devices", "hugepages exclude"], {"memory_devices": [{"size_mib": 4}], "memory_backing": {"hugepages": True}}),
                (["memory_devices[0].model", "virtio-mem"], {"memory_devices": [{"size_mib": 4, "model": "dimm"}]}),
                (["memory_devices[0].size_mib", "is missing"], {"memory_devices": [{}]}),
                (["memory_devices[0].size_mib", "whole blocks of 2 MiB"], {"memory_devices": [{"size_mib": 5}]}),
                (["memory_devices[0].size_mib", "at most 32768"], {"memory_devices": [{"size_mib": 65538}]}),
                (["memory_devices[0].block_mib", "power of two"], {"memory_devices": [{"size_mib": 6, "block_mib": 6}]}),
                (["memory_devices[0].requested_mib", "more than size_mib"], {"memory_devices": [{"size_mib": 4, "requested_mib": 6}]}),
                (["memory_devices[1].requested_mib", "whole blocks of 4 MiB"],
                 {"memory_devices": [{"size_mib": 4}, {"size_mib": 8, "block_mib": 4, "requested_mib": 2}]}),
                (["memory_devices[0].node", "from 0 to 0"], {"memory_devices": [{"size_mib": 4, "node": 1}]}),
                (["memory_devices", "at most 2"], {"memory_devices": [{"size_mib": 4}] * 3}),
                (["max_memory_mib", "less than memory_mib and the memory devices: 68 MiB"],
                 {"memory_mib": 64, "max_memory_mib": 67, "memory_devices": [{"size_mib": 4}]}),
                (["max_memory_mib", "68 MiB"], {"max_memory_mib": 67, "memory_devices": [{"size_mib": 4}]}),
                (["current_vcpus", "needs vcpus"], {"current_vcpus": 1}),
                (["current_vcpus", "more than vcpus, which is 2"], {"current_vcpus": 3, "vcpus": 2}),
                (["current_memory_mib", "needs memballoon"], {"memory_mib": 64, "current_memory_mib": 32}),
                (["current_memory_mib", "needs memory_mib"], {"memballoon": True, "current_memory_mib": 32}),
                (["current_memory_mib", "more than memory_mib"],
                 {"memballoon": True, "memory_mib": 64, "current_memory_mib": 65})):
            with self.subTest(members=str(members)[:60]):
                self.refused_definition(base | members, *words)

    def test_unknown_key_names_the_nearest(self):
        self.refused_definition(put(WHOLE, ["memroy_mib"], 1), "memroy_mib", 'did you mean "memory_mib"?')
        self.refused_definition(put(WHOLE, ["disks", 0, "readonly"], True), "disks[0].readonly", '"read_only"')

    def test_unknown_key_that_resembles_none(self):
        self.refused_definition(put(WHOLE, ["xyzzy"], 1), "xyzzy", "not a known key")

    def test_key_given_twice(self):
        self.refused_definition('{"name": "a", "name": "b", "image": "x"}', "name", "given twice")

    def test_not_json(self):
        self.refused_definition("hello\n", "line 1 is not valid JSON")
        self.refused_definition('{\n  "name": "a",\n  "vcpus": ,\n}\n', "line 3 is not valid JSON")
        self.refused_definition("", "not valid JSON")
        self.refused_definition('{"name": "a"} trailing', "not valid JSON")

    def test_not_an_object(self):
        for text in ("[]", "1", '"guest"', "null"):
            self.refused_definition(text, "must be a JSON object")

    def test_not_text(self):
        self.write("guest.json", b'{"name": \0}')
        self.refused(FAILED, ["guest.json", "is not text"], "run", "guest.json")

    def test_deep_nesting(self):
        self.refused_definition("[" * 60000, "not valid JSON")

    def test_kernel_and_image(self):
        self.refused_definition(put(WHOLE, ["image"], "guest.itb"), "exclude each other")
        self.refused_definition({"name": "guest"}, "image", "is missing")

    def test_kernel_of_a_disk(self):
        self.refused_definition(put(FROM_DISK, ["kernel", "path"], "vmlinux"), "kernel.from_disk", "exclude each other")
        self.refused_definition(put(FROM_DISK, ["kernel", "initrd"], "initrd"), "kernel.initrd", "is found beside")
        self.refused_definition(put(FROM_DISK, ["kernel", "from_disk"], 1), "kernel.from_disk", "no disks[1]")
        self.refused_definition(put(FROM_DISK, ["image"], "guest.itb"), "kernel", "exclude each other")

    def test_disk_is_a_file_or_an_image(self):
        self.refused_definition(put(WHOLE, ["disks", 0, "image"], "data"), "disks[0].image", "exclude each other")
        for name in ("../data", "a/b", "-a", "a" * 64):
            self.refused_definition(put(WHOLE, ["disks", 1, "image"], name), "disks[1].image", "image of the pool")

    def test_disk_that_another_program_serves(self):
        def disk(**keys):
            return put(WHOLE, ["disks", 2], keys)
        nbd = {"protocol": "nbd", "host": "h"}
        for words, keys in (
                (["disks[2].source", "path exclude"], {"path": "a", "source": nbd}),
                (["disks[2].format", "must be \"raw\" with source"], {"source": nbd, "format": "qcow2"}),
                (["disks[2].format", '"qcow2"'], {"path": "a", "format": "qcow3"}),
                (["disks[2].source.protocol", "is missing"], {"source": {"host": "h"}}),
                (["disks[2].source.host", "where is the server"], {"source": {"protocol": "nbd"}}),
                (["disks[2].source.host", "where is the server"], {"source": nbd | {"socket": "/s"}}),
                (["disks[2].source.host", "name or address"], {"source": nbd | {"host": "-h"}}),
                (["disks[2].source.host", "name or address"], {"source": nbd | {"host": "h,file=/etc/passwd"}}),
                (["disks[2].source.port", "from 1 to 65535"], {"source": nbd | {"port": 0}}),
                (["disks[2].source.name", "longer than 255"], {"source": nbd | {"name": "a" * 256}}),
                (["disks[2].backing", "qcow2"], {"path": "a", "backing": {"path": "b"}}),
                (["disks[2].backing.path", "which file"], {"path": "a", "format": "qcow2", "backing": {}}),
                (["disks[2].backing.path", "which file"],
                 {"path": "a", "format": "qcow2", "backing": {"path": "b", "image": "c"}}),
                (["disks[2].backing.format", "behind another"],
                 {"path": "a", "format": "qcow2", "backing": {"path": "b", "format": "luks"}}),
                (["disks[2].backing.backing", "qcow2"],
                 {"path": "a", "format": "qcow2", "backing": {"path": "b", "backing": {"path": "c"}}}),
                (["disks[2].secret", "is missing"], {"path": "a", "format": "luks"}),
                (["disks[2].secret", "luks"], {"path": "a", "format": "qcow2", "secret": "s"}),
                (["disks[2].transient", "read_only exclude"], {"path": "a", "transient": True, "read_only": True}),
                (["disks[2].shareable", "one writer"], {"path": "a", "format": "qcow2", "shareable": True}),
                (["disks[2].io", "no other program"], {"path": "a", "format": "qcow2", "io": "threads"}),
                (["disks[2].reconnect", "another program serves"], {"path": "a", "reconnect": {"enabled": True}})):
            with self.subTest(keys=str(keys)[:80]):
                self.refused_definition(disk(**keys), *words)
        deep = {"path": "a", "format": "qcow2"}
        for _ in range(9):
            deep = {"path": "a", "format": "qcow2", "backing": deep}
        self.refused_definition(disk(**deep), "backing", "at most 3")
        self.refused_definition(FROM_DISK | {"disks": [{"path": "a", "format": "qcow2"}]}, "kernel.from_disk", "raw disk")

    def test_uuid(self):
        for uuid in ("6d0c4a4e", "6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6g", "{6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f}",
                     "6d0c4a4e9f0e4c568f3a0a2b7c1d5e6f", "00000000-0000-0000-0000-000000000000"):
            self.refused_definition(put(WHOLE, ["uuid"], uuid), "uuid", "must look like")
        self.accepted(put(WHOLE, ["uuid"], WHOLE["uuid"].upper()))

    def test_about(self):
        self.refused_definition(put(WHOLE, ["title"], "two\nlines"), "title", "one line")
        self.refused_definition(put(WHOLE, ["metadata"], {"": "<a/>"}), "metadata", "without a namespace")
        self.refused_definition(put(WHOLE, ["metadata"], {"a:a": "x" * 40000, "b:b": "x" * 40000}), "metadata", "65536 bytes")
        self.refused_definition(put(WHOLE, ["metadata"], {f"a:{i}": "<a/>" for i in range(17)}), "metadata", "more than 16")
        self.refused_definition('{"name": "a", "image": "x", "metadata": {"a:a": "<a/>", "a:a": "<a/>"}}', "metadata.a:a",
                                "given twice")

    def test_disk_block_size(self):
        for size in (0, 513, 768, 8192, -512, 512.5):
            self.refused_definition(put(WHOLE, ["disks", 0, "block_size"], {"logical": size}), "block_size.logical",
                                    "power of two from 512 to 4096")
        self.refused_definition(put(WHOLE, ["disks", 0, "block_size"], {"logical": 4096, "physical": 512}),
                                "disks[0].block_size.physical", "less than logical")

    def test_disk_limits(self):
        def limits(**rates):
            return put(WHOLE, ["disks", 0, "iotune"], rates)
        self.refused_definition(limits(total={"iops_sec": 1}, read={"iops_sec": 1}), "iotune.total.iops_sec", "exclude")
        self.refused_definition(limits(total={"bytes_sec": 2048}, write={"bytes_sec": 2048}), "iotune.total.bytes_sec", "exclude")
        self.accepted(limits(total={"bytes_sec": 2048}, write={"iops_sec": 1}))
        self.refused_definition(limits(read={"iops_sec": 5, "iops_sec_max": 5}), "iotune.read.iops_sec_max", "more than iops_sec")
        self.refused_definition(limits(read={"iops_sec_max": 5}), "iotune.read.iops_sec_max", "needs iops_sec")
        self.refused_definition(limits(read={"iops_sec": 5, "iops_sec_max_length": 5}), "iops_sec_max_length", "needs iops_sec_max")
        self.refused_definition(limits(read={"iops_sex": 5}), "iotune.read.iops_sex", '"iops_sec"')
        self.refused_definition(limits(reed={}), "iotune.reed", '"read"')

    def test_disk_words(self):
        self.refused_definition(put(WHOLE, ["disks", 0, "cache"], "write-back"), "disks[0].cache", '"writeback"', '"unsafe"')
        self.refused_definition(put(WHOLE, ["disks", 0, "error_policy"], "halt"), "error_policy", '"report", "stop", "ignore"')

    def test_two_devices_of_one_id(self):
        self.refused_definition(put(WHOLE, ["disks", 1, "id"], "data"), "disks", 'two devices have the id "data"')
        self.refused_definition(put(WHOLE, ["networks", 0, "id"], "data"), "networks", 'two devices have the id "data"')
        self.refused_definition(put(WHOLE, ["networks", 0, "id"], "disk1"), "networks", 'two devices have the id "disk1"')

    def test_network_card(self):
        for name in ("", "a b", "-a", "a" * 21):
            self.refused_definition(put(WHOLE, ["networks", 0, "id"], name), "networks[0].id")
        self.refused_definition(put(WHOLE, ["networks", 0, "link"], "on"), "networks[0].link", '"up", "down"')
        self.refused_definition(put(WHOLE, ["networks", 0, "bandwidth"], {"inbound": {"peak": 5}}), "bandwidth.inbound.average",
                                "is missing")
        self.refused_definition(put(WHOLE, ["networks", 0, "bandwidth"], {"outbound": {"average": 5, "peak": 5}}),
                                "bandwidth.outbound.peak", "more than average")
        self.refused_definition(put(WHOLE, ["networks", 0, "bandwidth"], {"inbound": {"average": 5, "floor": 5}}),
                                "bandwidth.inbound.floor", "not a known key")

    def test_network_card_queues(self):
        tap = {"type": "tap", "device": "tap0"}

        def refused(card, *words):
            self.refused_definition(put(WHOLE, ["networks", 1], card), *words)
        refused(tap | {"queues": 0}, "networks[1].queues")
        refused(tap | {"queues": 9}, "networks[1].queues")
        refused({"type": "passt", "queues": 2}, "networks[1].queues", "passt")
        refused({"type": "passt", "vhost": True}, "networks[1].vhost", "passt")
        refused(tap | {"vhost": True, "bandwidth": {"inbound": {"average": 5}}}, "networks[1].vhost", "bandwidth")
        refused(tap | {"vhost": True, "driver": {"packed": True}}, "networks[1].vhost", "packed")
        refused(tap | {"host": {"lro": False}}, "networks[1].host.lro", "not a known key")
        refused(tap | {"guest": {"mrg_rxbuf": False}}, "networks[1].guest.mrg_rxbuf", "not a known key")
        refused(tap | {"guest": {"csum": "off"}}, "networks[1].guest.csum", "true or false")
        self.accepted(put(WHOLE, ["networks", 1], {"type": "passt", "queues": 1, "vhost": False}))

    def test_macvtap(self):
        direct = {"type": "direct", "source": "eth0"}

        def refused(card, *words):
            self.refused_definition(put(WHOLE, ["networks", 1], card), *words)
        self.accepted(put(WHOLE, ["networks", 1], direct))
        refused({"type": "direct"}, "networks[1].source", "which interface of the host?")
        refused(direct | {"mode": "bridged"}, "networks[1].mode", '"bridge"')
        refused(direct | {"source": "a/b"}, "networks[1].source", "not a name")
        refused(direct | {"source": "e" * 16}, "networks[1].source", "15 bytes")
        refused(direct | {"publish": ["80:80"]}, "networks[1].publish")
        refused({"type": "tap", "device": "tap0", "mode": "bridge"}, "networks[1].mode", "direct")
        refused({"type": "tap", "device": "tap0", "source": "eth0"}, "networks[1].source", "direct")

    def test_drivers(self):
        for list_name in ("disks", "networks"):
            def driver(**keys):
                return put(WHOLE, [list_name, 0, "driver"], keys)
            self.accepted(driver())
            self.refused_definition(driver(packed="on"), f"{list_name}[0].driver.packed", "true or false")
            self.refused_definition(driver(event_index=True), f"{list_name}[0].driver.event_index", '"event_idx"')
            self.refused_definition(driver(iommu=True), f"{list_name}[0].driver.iommu", "there is no IOMMU")

    def test_cpu_features(self):
        self.refused_definition(put(WHOLE, ["cpu", "features"], {"avx512": "disable"}), "cpu.features.avx512",
                                'did you mean "avx512')
        self.refused_definition(put(WHOLE, ["cpu", "features"], {"hypervisor": "disable"}), "cpu.features.hypervisor", "be chosen")
        self.refused_definition(put(WHOLE, ["cpu", "features"], {"aes": "force"}), "cpu.features.aes", '"require"')
        self.refused_definition('{"name": "a", "image": "x", "cpu": {"features": {"aes": "forbid", "aes": "forbid"}}}',
                                "cpu.features.aes", "given twice")
        self.refused_definition(put(WHOLE, ["cpu", "mode"], "host-model"), "cpu.mode", "not a known key")

    def test_topology_that_makes_another_number(self):
        self.refused_definition(put(WHOLE, ["vcpus"], 3), "topology", "makes 4 vCPUs, but vcpus is 3")

    def test_placement(self):
        self.refused_definition(put(WHOLE, ["cpus", "pin"], "1-"), "cpus.pin", '"0-3,8"')
        self.refused_definition(put(WHOLE, ["cpus", "pinned"], "1"), "cpus.pinned", '"pin"')
        self.refused_definition(put(WHOLE, ["numa"], {"mode": "strict"}), "numa.nodes", "is missing")
        self.refused_definition(put(WHOLE, ["memory_backing", "hugepages"], "4K"), "memory_backing.hugepages", '"1G"')

    def test_networks_that_contradict_themselves(self):
        self.refused_definition(put(WHOLE, ["networks", 0, "device"], "tap0"), "networks[0].device", '"tap"')
        self.refused_definition(put(WHOLE, ["networks", 1, "publish"], ["1:1"]), "networks[1].publish", "passt")
        self.refused_definition(put(WHOLE, ["networks", 1], {"type": "tap"}), "networks[1].device", "is missing")

    def test_mac(self):
        for mac in ("52:54:00:12:34", "52-54-00-12-34-56", "52:54:00:12:34:5g", "01:00:00:00:00:00"):
            self.refused_definition(put(WHOLE, ["networks", 0, "mac"], mac), "networks[0].mac")


class Schema(DefinitionTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(SOURCE, "docs/schema/guest.schema.json")) as file:
            self.schema = json.load(file)

    def properties(self):
        """Every property of the schema: its rules, a definition that has it, and where."""
        for name in self.schema["properties"]:
            base = next((whole for whole in (WHOLE, WITH_BALLOON, WITH_MEMORY, WITH_WATCHDOG) if name in whole), WITH_IMAGE)
            yield from self.walk(self.schema["properties"][name], base, [name])

    def resolve(self, rules):
        """What a $ref stands for."""
        while "$ref" in rules:
            place = self.schema
            for step in rules["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            rules = place
        return rules

    def walk(self, rules, base, path):
        rules = self.resolve(rules)
        if path == ["kernel", "from_disk"]:
            base = FROM_DISK
        yield rules, base, path
        inside = rules.get("items", {}) if rules.get("type") == "array" else rules
        inside = next((form for form in rules.get("oneOf", []) if form.get("type") == "object"), inside)
        place = base
        for step in path:
            place = place.get(step, {}) if isinstance(place, dict) else place[step]
        if isinstance(rules.get("additionalProperties"), dict):
            for name in place:
                yield from self.walk(rules["additionalProperties"], base, [*path, name])
        for name, inner in inside.get("properties", {}).items():
            if rules.get("type") != "array":
                yield from self.walk(inner, base, [*path, name])
                continue
            whole = WITH_SOCKET if path == ["graphics"] and name == "socket" else base
            index = next(i for i, item in enumerate(whole[path[0]] if whole is not base else place) if name in item)
            yield from self.walk(inner, whole, [*path, index, name])

    def test_what_the_tests_start_from_is_accepted(self):
        self.accepted(WHOLE)
        self.accepted(WITH_IMAGE)
        self.accepted(FROM_DISK)
        self.accepted(WITH_BALLOON)
        self.accepted(WITH_SOCKET)
        self.accepted(WITH_MEMORY)
        self.accepted(WITH_WATCHDOG)

    def test_no_other_type_is_accepted(self):
        for rules, base, path in self.properties():
            with self.subTest(place_name(path)):
                wrong = WRONG_TYPES[rules["type"]] if "type" in rules else [1, None, "xyzzy", []]
                for value in wrong:
                    self.refused_definition(put(base, path, value), place_name(path))

    def test_words(self):
        for rules, base, path in self.properties():
            with self.subTest(place_name(path)):
                if path == ["memory_backing", "hugepages"]:  # excludes a balloon
                    base = {key: value for key, value in base.items() if key not in ("memballoon", "current_memory_mib")}
                if path == ["cpus", "placement"]:  # exclusive excludes pins of single vCPUs
                    base = put(base, ["cpus"], {"pin": "0"})
                for word in rules.get("enum", []):
                    # Another type or format wants other keys: Sentences tests it.
                    if path[:1] + path[2:] != ["networks", "type"] and path[-1] != "format":
                        self.accepted(put(base, path, word))

    def test_ends_of_ranges(self):
        for rules, base, path in self.properties():
            with self.subTest(place_name(path)):
                if rules.get("type") != "integer":
                    continue
                self.refused_definition(put(base, path, rules["minimum"] - 1), place_name(path), str(rules["minimum"]))
                self.refused_definition(put(base, path, rules["maximum"] + 1), place_name(path), str(rules["maximum"]))

    def test_lengths(self):
        for rules, base, path in self.properties():
            with self.subTest(place_name(path)):
                if "maxLength" in rules:
                    self.accepted(put(base, path, "x" * rules["maxLength"]))
                    self.refused_definition(put(base, path, "x" * (rules["maxLength"] + 1)), place_name(path))
                if "maxItems" in rules:
                    one = WHOLE[path[0]][0] if path[0] in WHOLE else "8080:80"
                    self.refused_definition(put(base, path, [one] * (rules["maxItems"] + 1)), place_name(path))

    def test_objects_are_closed(self):
        for rules, base, path in self.properties():
            with self.subTest(place_name(path)):
                if "maxProperties" in rules:
                    many = {f"{path[-1]}{i}": value for value in [*WHOLE[path[0]].values()][:1]
                            for i in range(rules["maxProperties"] + 1)}
                    self.refused_definition(put(base, path, many), place_name(path))
                if rules.get("type") == "object" and not isinstance(rules.get("additionalProperties"), dict):
                    self.assertIs(rules["additionalProperties"], False)
                    self.refused_definition(put(base, [*path, "xyzzy"], 1), place_name([*path, "xyzzy"]))

    def test_required(self):
        without_name = {key: value for key, value in WHOLE.items() if key != "name"}
        self.refused_definition(without_name, "name", "is missing")
        self.refused_definition(put(WHOLE, ["kernel"], {}), "kernel.path", "is missing")
        self.refused_definition(put(WHOLE, ["disks", 0], {}), "disks[0].path", "is missing")

    def test_names(self):
        for name in ("-a", "a b", "a/b", "é", "a" * 64):
            self.refused_definition(put(WHOLE, ["name"], name), "name")
        for name in ("a", "A-1_b.c", "a" * 63):
            self.accepted(put(WHOLE, ["name"], name))


if __name__ == "__main__":
    main()
