"""Definitions made by chance, every key of the schema in them, come back from XML as they were; what libvirt's tools say."""

import random

from domain_xml import *

COUNT = 150
SEED = int(os.environ.get("RASTOS_SEED", "20261127"))
SCHEMA_OF_DEFINITIONS = json.loads((pathlib.Path(SOURCE) / "docs/schema/guest.schema.json").read_text())

# Keys whose form the schema cannot say well enough to make one by chance.
TEXTS = ["x", "a b", "<&>\"'", "ünïcödé", " blanks ", "tab\there", "two\nlines", "]]>", "-->", "%s", "/", "a" * 200, "\u0001"]
PATHS = ["/k1", "/srv/a b.img", "/dev/vg/root", "/x/ü", "/x/new\nline", "/x/'q'\"", "/a//b/../c"]


class Maker:
    """Values by the schema of definitions, as far as it goes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def resolve(self, schema):
        return SCHEMA_OF_DEFINITIONS["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema

    def text(self, schema):
        pattern = schema.get("pattern", "")
        if "{8}" in pattern:
            return "%08x-%04x-4%03x-8%03x-%012x" % tuple(self.random.getrandbits(bits) for bits in (32, 16, 12, 12, 48))
        if "){5}" in pattern:
            return self.random.choice(["52:54:00:12:34:56", "52:54:00:AB:CD:EF", "00:16:3e:00:00:01"])
        if pattern.startswith("^[A-Za-z0-9][A-Za-z0-9._-]"):
            return self.random.choice(["web", "db-1", "a.b_c", "0"])
        if "-~]" in pattern:  # a filesystem's tag, or where it is mounted
            return ("/" if pattern.startswith("^(/") else "") + self.random.choice(["data", "srv/a-b", "<&>", "[x]"])
        text = self.random.choice(TEXTS)
        if "n]" in pattern:
            text = text.replace("\n", " ")
        return text[:schema.get("maxLength", 10000)]

    def number(self, schema):
        low, high = schema.get("minimum", 0), schema.get("maximum", 1 << 31)
        return self.random.choice([low, high, self.random.randint(low, high)])

    def object(self, schema, key):
        made = {}
        for name, inner in schema.get("properties", {}).items():
            if name in schema.get("required", []) or self.random.random() < 0.5:
                made[name] = self.value(inner, name)
        if isinstance(schema.get("additionalProperties"), dict):
            return self.open_object(key)
        return made

    def open_object(self, key):
        if key == "features":
            names = self.random.sample(["aes", "svm", "sse4.1", "avx2"], self.random.randint(1, 3))
            return {name: self.random.choice(["disable", "require", "forbid"]) for name in names}
        space = self.random.choice(["urn:a", "http://example.org/b/1.0", "urn:x:y"])
        return {space: f'<x:y xmlns:x="{space}" z="&lt;&amp;">text <x:w/> <v>&#10;</v></x:y>'}

    def value(self, schema, key):
        schema = self.resolve(schema)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if "oneOf" in schema and "type" not in schema:
            return self.value(self.random.choice(schema["oneOf"]), key)
        kind = schema["type"]
        if key in ("path", "initrd", "image", "password_file"):
            return self.random.choice(PATHS)
        if key in ("pin", "nodes"):
            return self.random.choice(["0", "0-3", "0-7,^3", "1,3,5", " 0-1 "])
        if key == "publish":
            rules = ["8080:80", "127.0.0.1:2222:22", "8000-8010:9000-9010/tcp", "53:53/udp", "[::1]:80:80", "0.0.0.0:81:81"]
            return self.random.sample(rules, self.random.randint(1, len(rules)))
        if kind == "array":
            return [self.value(schema["items"], key) for i in range(self.random.randint(0, min(schema["maxItems"], 4)))]
        return {"string": lambda: self.text(schema), "integer": lambda: self.number(schema),
                "boolean": lambda: self.random.random() < 0.5, "object": lambda: self.object(schema, key)}[kind]()


def make(seed):
    """A definition that keeps the rules that are between keys."""
    maker = Maker(seed)
    made = maker.object(SCHEMA_OF_DEFINITIONS, "")
    made["name"] = "guest"
    made.pop("depends_on", None) if maker.random.random() < 0.5 else None
    made["depends_on"] = ["other", "third"][:len(made.get("depends_on", []))]
    for disk in made.get("disks", []):
        disk.pop("image" if maker.random.random() < 0.7 else "path", None)
        if "image" in disk:
            disk["image"] = "debian"
        disk.setdefault("path", "/x/a.img") if "image" not in disk else disk.pop("path", None)
        fix_iotune(disk, maker.random)
        fix_source(disk, maker.random)
        if "block_size" in disk:
            disk["block_size"] = maker.random.choice([{"logical": 512, "physical": 4096}, {"logical": 4096}, {"physical": 8192}])
    for card in made.get("networks", []):
        fix_card(card, maker.random)
    for index, filesystem in enumerate(made.get("filesystems", [])):
        filesystem["path"] = filesystem["path"].replace("\n", " ")
        filesystem["tag"] += str(index)
        if "mount" in filesystem:
            filesystem["mount"] += str(index)
    for index, channel in enumerate(made.get("channels", [])):
        channel["name"] += str(index)
    if made.get("rng", True) not in (True, False):
        made["rng"]["rate"]["bytes"] = maker.random.randint(3600, 1 << 24)
    fix_graphics(made, maker.random)
    fix_video(made)
    fix_memory(made, maker.random)
    fix_memory_devices(made, maker.random)
    fix_boot(made, maker.random)
    fix_cpus(made, maker.random)
    for device in made.get("disks", []) + made.get("networks", []) + made.get("filesystems", []):
        if "iommu" in device.get("driver", {}):
            device["driver"]["iommu"] = False  # there is none
    if "watchdog" in made:
        made.pop("transport", None)
    return made


def fix_memory_devices(made, chance):
    """They are whole blocks, of ordinary pages, and fit into the most."""
    devices = made.get("memory_devices", [])
    for device in devices:
        if "block_mib" in device:
            device["block_mib"] = chance.choice([2, 4, 128, 2048])
        block = device.get("block_mib", 2)
        device["size_mib"] = block * chance.randint(1, 1000)
        if "requested_mib" in device:
            device["requested_mib"] = block * chance.randint(0, device["size_mib"] // block)
    if devices:
        made.get("memory_backing", {}).pop("hugepages", None)
    least = made.get("memory_mib", 64) + sum(device["size_mib"] for device in devices)
    if "max_memory_mib" in made:
        made["max_memory_mib"] = max(made["max_memory_mib"], least)
        if least > 1 << 24:
            del made["max_memory_mib"]


def fix_video(made):
    """The pictures that displays show fit into their memory."""
    if made.get("video", {}).keys() & {"heads", "resolution"}:
        made["video"]["vram"] = 4194304


def fix_graphics(made, chance):
    """A unix socket or a port, and for all the world only with a password; one of each input."""
    for one in made.get("graphics", []):
        one.pop("autoport" if "port" in one else "port", None)
        if one.get("autoport") is False:
            one["port"] = chance.randint(1, 65535)
        if "socket" in one:
            one["socket"] = "/run/desk.vnc"
            for key in ("listen", "port", "autoport"):
                one.pop(key, None)
        if "listen" in one:
            one["listen"] = chance.choice(["127.0.0.1", "::1", "192.0.2.1"])
            one["password_file"] = "/x/password"
        made.setdefault("video", {})
    kinds = ["keyboard", "mouse", "tablet"]
    for index, one in enumerate(made.get("inputs", [])):
        one["type"] = kinds[index]


def fix_memory(made, chance):
    """A balloon is of ordinary pages, and holds no more than there is."""
    if made.get("memballoon", False) is not False:
        made.get("memory_backing", {}).pop("hugepages", None)
    if "current_memory_mib" in made:
        made["memory_mib"] = max(made.get("memory_mib", 16), made["current_memory_mib"])
        if made.get("memballoon", False) is False:
            made["current_memory_mib"] = made["memory_mib"]


def is_raw(disk):
    """Whether its guest's process reads and writes it, without a program beside it."""
    return not (disk.get("format", "raw") != "raw" or "source" in disk or disk.get("transient"))


def fix_source(disk, chance):
    """What another program reads and writes, and what only those disks have."""
    source, backing = disk.pop("source", None), disk.pop("backing", None)
    if disk.get("format") == "luks":
        disk["secret"] = "/x/secret"
    else:
        disk.pop("secret", None)
    if disk.get("format") in ("qcow2", "vmdk") and backing is not None:
        disk["backing"] = {"path": backing.get("path", "/x/base.img")} if chance.random() < 0.7 else {"image": "base"}
        disk["backing"]["format"] = chance.choice(["raw", "qcow2", "vmdk"])
    elif source is not None and disk.get("format", "raw") == "raw":
        disk.pop("path", None)
        disk.pop("image", None)
        disk["source"] = {"protocol": "nbd", "name": source.get("name") or "export"}
        if chance.random() < 0.5:
            disk["source"] |= {"host": chance.choice(["localhost", "::1"]), "port": source.get("port", 10809)}
        else:
            disk["source"]["socket"] = chance.choice([path for path in PATHS if path.isprintable()])
    if disk.get("read_only"):
        disk.pop("transient", None)
    if is_raw(disk):
        disk.pop("reconnect", None)
    else:
        disk.pop("io", None)
        if not disk.get("read_only"):
            disk.pop("shareable", None)


def fix_iotune(disk, chance):
    if "iotune" not in disk:
        return
    limits = {"bytes_sec": 1024 * chance.randint(1, 1000), "iops_sec": chance.randint(1, 1000)}
    if chance.random() < 0.5:
        limits |= {"bytes_sec_max": limits["bytes_sec"] * 2, "bytes_sec_max_length": chance.randint(1, 3600)}
    disk["iotune"] = {"total": limits} if chance.random() < 0.5 else {"read": limits, "write": {"iops_sec": 7}}


def fix_card(card, chance):
    kind = card.get("type", "passt")
    for key, of in (("network", "network"), ("bridge", "bridge"), ("device", "tap"), ("source", "direct")):
        card.pop(key, None)
        if kind == of:
            card[key] = "br0"
    if kind in ("tap", "bridge", "direct"):
        card.pop("publish", None)
    if kind != "direct":
        card.pop("mode", None)
    if kind == "passt":
        card.pop("queues", None)
    if kind == "passt" or "bandwidth" in card or card.get("driver", {}).get("packed"):
        card.pop("vhost", None)
    for rate in card.get("bandwidth", {}).values():
        rate["average"] = chance.randint(1, 1000)
        if "peak" in rate:
            rate["peak"] = rate["average"] + chance.randint(1, 1000)


def fix_boot(made, chance):
    kernel = made.pop("kernel", {})
    image = made.pop("image", None)
    disks = made.get("disks", [])
    choice = chance.randrange(3)
    if choice == 0:
        made["image"] = image or "/x/web.itb"
        return
    made.pop("configuration", None)
    raw = [index for index, disk in enumerate(disks) if is_raw(disk)]
    if choice == 1 and raw:
        kernel = {key: kernel[key] for key in ("cmdline", "protocol") if key in kernel}
        kernel["from_disk"] = chance.choice(raw)
    else:
        kernel.pop("from_disk", None)
        kernel.setdefault("path", "/boot/vmlinuz")
    made["kernel"] = kernel


def fix_cpus(made, chance):
    product = 1
    if "topology" in made:
        made["topology"] = {key: chance.randint(1, 3) for key in made["topology"]}
        for number in made["topology"].values():
            product *= number
        if "vcpus" in made:
            made["vcpus"] = product
    if "current_vcpus" in made:
        made["vcpus"] = product if "topology" in made else made.get("vcpus", 4)
        made["current_vcpus"] = chance.randint(1, made["vcpus"])
    cpus = made.get("cpus", {})
    if cpus.get("placement") == "exclusive":
        cpus.pop("vcpupin", None)
    if "vcpupin" in cpus:
        cpus["vcpupin"] = {str(index): "0-1" for index in range(made.get("vcpus", 1)) if chance.random() < 0.7}
    if "emulatorpin" in cpus:
        cpus["emulatorpin"] = chance.choice(["0", "0-3"])
    if "global_period" in cpus:
        cpus["global_quota"] = 5000


def defaults_of(schema):
    schema = SCHEMA_OF_DEFINITIONS["$defs"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    for form in schema.get("oneOf", []):  # rng, memballoon: one of them is an object
        if form.get("type") == "object":
            schema = form
    return schema.get("properties", {}), schema.get("items", {})


def plain(value, schema):
    """Without what is the default: said or not, it is the same definition."""
    properties, items = defaults_of(schema)
    if isinstance(value, list):
        return [plain(item, items) for item in value]
    if not isinstance(value, dict) or not properties:
        return value
    made = {}
    for key, inner in value.items():
        small = plain(inner, properties[key])
        if small != {} and not ("default" in properties[key] and properties[key]["default"] == inner):
            made[key] = small
    return made


@needs_schema
class RoundTrip(unittest.TestCase):
    def test_nothing_is_lost(self):
        complaints = 0
        for seed in range(SEED, SEED + COUNT):
            definition = make(seed)
            with self.subTest(seed=seed, definition=json.dumps(definition)):
                xml = to_xml(definition)
                status, answer = to_json(xml)
                self.assertEqual(status, DONE, answer)
                back = answer["definition"]
                self.assertEqual(answer["ignored"], [])
                self.assertEqual(back.pop("metadata", {}).keys(), definition.get("metadata", {}).keys())
                definition.pop("metadata", None)
                self.assertEqual(plain(back, SCHEMA_OF_DEFINITIONS), plain(definition, SCHEMA_OF_DEFINITIONS))
                again = to_xml(answer["definition"])
                complaints += canonical(again) != canonical(to_xml(to_json(again)[1]["definition"]))
        self.assertEqual(complaints, 0)

    def test_most_definitions_are_such_as_the_manager_takes(self):
        """Else the test above would be about nothing."""
        taken = 0
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(SEED, SEED + 40):
                path = os.path.join(folder, "guest.json")
                pathlib.Path(path).write_text(json.dumps(make(seed)))
                done = subprocess.run([VMM, "convert", path, "-"], capture_output=True, text=True)
                taken += done.returncode == DONE
                last = done.stderr
        self.assertGreaterEqual(taken, 20, last)

    @needs("virt-xml-validate")
    def test_virt_xml_validate_accepts_all(self):
        for seed in range(SEED, SEED + 40):
            with self.subTest(seed):
                self.assertEqual(valid(to_xml(make(seed))), "")


if __name__ == "__main__":
    main()
