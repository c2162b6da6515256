"""rastos-domain-xml as a program: how it closes itself in, what it stands, how it ends; and the commands that people use."""

import contextlib
import re
import time

from domain_xml import *

GUEST = "<domain type='kvm'><name>g</name><os><type>hvm</type><kernel>/k1</kernel></os></domain>"
MIB = 1 << 20


class Program(unittest.TestCase):
    def test_usage(self):
        for arguments in ((), ("nonsense",), ("to-json", "--nonsense"), ("to-xml", "--no-validate"), ("table", "x")):
            self.assertEqual(run(*arguments).returncode, USAGE, arguments)
        self.assertEqual(run("--help").returncode, DONE)

    def test_the_page_is_the_table(self):
        page = pathlib.Path(SOURCE, "docs/domain-xml.md").read_text()
        self.assertEqual(run("table").stdout.decode(), page,
                         "docs/domain-xml.md is stale: rastos-domain-xml table > docs/domain-xml.md")

    @needs_schema
    @unittest.skipIf(os.environ.get("RASTOS_SANITIZE"), "a sanitizer needs what would be closed")
    def test_is_closed_in_before_it_reads(self):
        process = subprocess.Popen([PROGRAM, "to-json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        status = {}
        deadline = time.monotonic() + 10
        while status.get("Seccomp") != "2" and time.monotonic() < deadline:
            time.sleep(0.01)
            lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        self.assertEqual((status["Seccomp"].strip(), status["NoNewPrivs"].strip()), ("2", "1"))
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max address space +268435456 ")
        self.assertRegex(limits, r"Max cpu time +16 ")

    def test_refuses_what_is_too_large_without_reading_it_all(self):
        """50 MB, of which it takes a little more than the first."""
        process = subprocess.Popen([PROGRAM, "to-json", "--no-validate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        written = 0
        try:
            for piece in range(50):
                process.stdin.write(b"<a>" * (MIB // 3))
                written += 1
            process.stdin.close()
        except BrokenPipeError:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        answer = json.loads(process.stdout.read())
        process.wait(timeout=20)
        process.stdout.close()
        self.assertEqual(process.returncode, REFUSED)
        self.assertIn("larger than 1024 KiB", answer["error"])
        self.assertLess(written, 5)

    def test_exactly_the_limit_is_taken(self):
        padded = GUEST + " " * (MIB - len(GUEST))
        self.assertEqual(run("to-json", "--no-validate", give=padded).returncode, DONE)
        self.assertEqual(run("to-json", "--no-validate", give=padded + " ").returncode, REFUSED)

    def test_screens_are_nothing_to_a_server_and_refused_for_a_desktop(self):
        for role, element in ((role, element) for role in ("server", "guest", "desktop")
                              for element in ("<graphics type='spice'/>", "<video><model type='vga'/></video>", "<input type='tablet' bus='usb'/>")):
            with self.subTest(role=role, element=element):
                metadata = f"<metadata><r:guest xmlns:r='urn:rastos:guest:1' role='{role}'/></metadata>"
                status, answer = to_json(GUEST.replace("</os>", f"</os>{metadata}<devices>{element}</devices>"), "--no-validate")
                if role == "desktop":
                    self.assertEqual(status, REFUSED)
                    self.assertEqual(answer["xpath"], "/domain/devices/" + re.match(r"<(\w+)", element)[1])
                    self.assertRegex(answer["error"], "virtio GPU|type=\"vnc\"|bus=\"virtio\"")
                else:
                    self.assertEqual(status, DONE, answer)
                    self.assertEqual(len(answer["ignored"]), 1)

    def test_a_screen_is_the_desktops_or_has_a_size(self):
        default = "<video><model type='virtio' heads='1' primary='yes'/></video>"
        sized = "<video><model type='virtio' vram='65536' heads='2'><resolution x='1024' y='768'/></model></video>"
        said = {"model": "virtio", "heads": 2, "vram": 65536, "resolution": {"x": 1024, "y": 768}}
        for role, element, video in (("server", default, None), ("guest", default, None),
                                     ("desktop", default, {"model": "virtio", "heads": 1}),
                                     ("server", sized, said), ("guest", sized, said), ("desktop", sized, said),
                                     ("desktop", "<video><model type='none'/></video>", None)):
            with self.subTest(role=role, element=element):
                metadata = f"<metadata><r:guest xmlns:r='urn:rastos:guest:1' role='{role}'/></metadata>"
                status, answer = to_json(GUEST.replace("</os>", f"</os><devices>{element}</devices>{metadata}"), "--no-validate")
                self.assertEqual(status, DONE, answer)
                self.assertEqual(answer["definition"].get("video"), video)

    def test_a_desktops_viewers_and_what_they_type_on(self):
        screen = "<video><model type='virtio'/></video>"
        for elements, graphics, inputs, refused in (
                ("<graphics type='vnc' port='-1' autoport='yes'/>", {"type": "vnc", "autoport": True}, None, None),
                ("<graphics type='vnc' port='5901' autoport='no' listen='::1'><listen type='address' address='::1'/></graphics>",
                 {"type": "vnc", "port": 5901, "autoport": False, "listen": "::1"}, None, None),
                ("<graphics type='vnc'><listen type='address' address='127.0.0.1'/></graphics>",
                 {"type": "vnc", "listen": "127.0.0.1"}, None, None),
                ("<graphics type='vnc' socket='/run/a'><listen type='socket' socket='/run/a'/></graphics>",
                 {"type": "vnc", "socket": "/run/a"}, None, None),
                ("<input type='tablet' bus='virtio'/><input type='keyboard' bus='ps2'/>", None, [{"type": "tablet", "bus": "virtio"}], None),
                ("<graphics type='spice'/>", None, None, ("/domain/devices/graphics", "type=\"vnc\"")),
                ("<graphics type='vnc' passwd='x'/>", None, None, ("/domain/devices/graphics/@passwd", "password_file")),
                ("<graphics type='vnc' websocket='5700'/>", None, None, ("/domain/devices/graphics/@websocket", "RFB")),
                ("<graphics type='vnc'><listen type='network' network='x'/></graphics>", None, None,
                 ("/domain/devices/graphics/listen", "type=\"address\"")),
                ("<input type='tablet' bus='usb'/>", None, None, ("/domain/devices/input", "bus=\"virtio\"")),
                ("<input type='passthrough' bus='virtio'><source evdev='/dev/input/event0'/></input>", None, None,
                 ("/domain/devices/input", "type=\"keyboard\""))):
            with self.subTest(elements):
                metadata = "<metadata><r:guest xmlns:r='urn:rastos:guest:1' role='desktop'/></metadata>"
                status, answer = to_json(GUEST.replace("</os>", f"</os>{metadata}<devices>{screen}{elements}</devices>"), "--no-validate")
                if refused:
                    self.assertEqual((status, answer.get("xpath")), (REFUSED, refused[0]), answer)
                    self.assertIn(refused[1], answer["error"])
                    continue
                self.assertEqual(status, DONE, answer)
                self.assertEqual(answer["definition"].get("graphics"), [graphics] if graphics else None)
                self.assertEqual(answer["definition"].get("inputs"), inputs)

    def test_many_of_everything_is_refused_in_time(self):
        hostile = {
            "elements": "<domain type='kvm'><metadata>" + "<x:a xmlns:x='urn:x'/>" * 45000,
            "attributes": "<domain " + " ".join(f"a{i}='1'" for i in range(70000)) + "/>",
            "namespaces": "<domain " + " ".join(f"xmlns:a{i}='urn:{i}'" for i in range(30000)) + "/>",
            "depth": "<a>" * 300000,
            "depth in attributes": "<a b='" * 100000,
            "text": "<domain type='kvm'><name>" + "n" * 1000000 + "</name></domain>",
            "comments": "<domain>" + "<!---->" * 140000 + "</domain>",
            "instructions": "<domain>" + "<?a?>" * 200000 + "</domain>",
            "cdata": "<domain><name>" + "<![CDATA[x]]>" * 70000 + "</name></domain>",
            "references": "<domain><name>" + "&amp;" * 200000 + "</name></domain>",
            "features": "<domain type='kvm'><name>g</name><cpu>" + "".join(
                f"<feature name='f{i}' policy='require'/>" for i in range(20000)) + "</cpu></domain>",
            "ignored": "<domain type='kvm'><name>g</name><devices>" + "<input type='mouse' bus='ps2'/>" * 30000 +
                       "</devices></domain>",
            "values": "<domain type='kvm'><name>g</name><metadata><r:guest xmlns:r='urn:rastos:guest:1'>" + "".join(
                f"<r:value pointer='/a{i}'>1</r:value>" for i in range(20000)) + "</r:guest></metadata></domain>",
            "ports": "<domain type='kvm'><name>g</name><devices><interface type='user'><portForward proto='tcp'>" +
                     "<range start='80'/>" * 30000 + "</portForward></interface></devices></domain>",
        }
        for name, xml in hostile.items():
            with self.subTest(name):
                started = time.monotonic()
                done = run("to-json", give=xml[:MIB])
                self.assertLess(time.monotonic() - started, 4)
                self.assertEqual(done.returncode, REFUSED, done.stdout[:300])
                self.assertLess(len(done.stdout), 2000)

    def test_bad_json_is_refused(self):
        for text in ("", "[]", "5", "{", '{"name": }', "{}x", "<a/>", "{" * 5000, "\0"):
            done = run("to-xml", give=text)
            self.assertEqual(done.returncode, REFUSED, text[:20])
            self.assertIn("error", json.loads(done.stdout))

    def test_odd_json_becomes_no_broken_xml(self):
        """Whatever is in it comes back, for the definition's reader to refuse."""
        for odd in ({"name": 5}, {"disks": 5}, {"disks": [5]}, {"disks": {"a": 1}}, {"networks": [[]]}, {"kernel": "x"},
                    {"cpu": {"features": {"a": 1}}}, {"cpu": 1}, {"metadata": 1}, {"unknown": {"a": [1, {"b": None}]}},
                    {"disks": [{}] * 20}, {"vcpus": 1e300}, {"memory_mib": -1}, {"depends_on": [1, ""]}, {"role": "king"},
                    {"kernel": {"from_disk": 9}}, {"vsock": []}, {"networks": [{"type": "passt", "publish": [1]}]},
                    {"networks": [{"type": "passt", "publish": "x"}]}, {"depends_on": ["a"] * 17}, {"depends_on": ["a"] * 100000}):
            with self.subTest(odd):
                definition = {"name": "g", "image": "/x"} | odd
                done = run("to-xml", give=json.dumps(definition))
                if done.returncode == REFUSED:
                    continue
                self.assertEqual(done.returncode, DONE, done.stdout)
                status, answer = to_json(done.stdout, "--no-validate")
                if status == DONE:
                    for key, value in odd.items():
                        self.assertEqual(answer["definition"].get(key), value)

    def test_metadata_that_is_no_xml_is_refused(self):
        for text in ("<a", "text", "<a xmlns='urn:b'/>", "<a xmlns='urn:a'/><b xmlns='urn:a'/>", "<!DOCTYPE a><a xmlns='urn:a'/>",
                     "<x:a xmlns:x='urn:a'>" * 40 + "</x:a>" * 40, "", "</metadata>"):
            done = run("to-xml", give=json.dumps({"name": "g", "image": "/x", "metadata": {"urn:a": text}}))
            self.assertEqual(done.returncode, REFUSED, text[:40])
            self.assertEqual(json.loads(done.stdout)["pointer"], "/metadata")

    @needs_schema
    def test_large_metadata_is_mapped(self):
        """How long that takes is for bench/api to say."""
        xml = (DATA / "canonical-full.xml").read_text()
        extra = "".join(f'<note:n xmlns:note="urn:note:{i}"><note:a b="c">text</note:a>{"<note:d/>" * 1500}</note:n>'
                        for i in range(10))
        xml = xml.replace("<metadata>", "<metadata>" + extra)
        self.assertGreater(len(xml), 130 * 1024)
        self.assertEqual(run("to-json", give=xml).returncode, DONE)


class Commands(unittest.TestCase):
    """rastos-vmm convert; what needs a manager is in tests/manager."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rastos-xml-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        pathlib.Path(self.path(name)).write_text(text)
        return name

    def vmm(self, *arguments, give=None, environment=None):
        return subprocess.run([VMM, *arguments], cwd=self.folder.name, input=give, capture_output=True, text=True, timeout=30,
                              env=environment)

    def refused(self, status, words, *arguments, **how):
        done = self.vmm(*arguments, **how)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr.splitlines()[0], r"\Arastos-vmm[^\n]*: ")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_convert_there_and_back(self):
        self.write("guest.json", '{"name": "web", "kernel": {"path": "vmlinux"}, "memory_mib": 256}')
        self.assertEqual(self.vmm("convert", "guest.json", "guest.xml").returncode, DONE)
        kernel = os.path.realpath(self.path("vmlinux"))
        self.assertIn(f"<kernel>{kernel}</kernel>", pathlib.Path(self.path("guest.xml")).read_text())
        done = self.vmm("convert", "--no-validate", "guest.xml", "-")
        self.assertEqual(done.returncode, DONE, done.stderr)
        self.assertEqual(json.loads(done.stdout)["memory_mib"], 256)
        self.assertEqual(done.stderr, "")

    def test_standard_input_is_seen_by_its_content(self):
        done = self.vmm("convert", "--no-validate", "-", "-", give=GUEST)
        self.assertEqual(json.loads(done.stdout)["name"], "g")
        done = self.vmm("convert", "-", "-", give='{"name": "g", "kernel": {"path": "/k1"}}')
        self.assertTrue(done.stdout.startswith("<domain"), done.stderr)
        done = self.vmm("convert", "--no-validate", "-", "-", give="\ufeff\n  " + GUEST)
        self.assertEqual(json.loads(done.stdout)["name"], "g", "with the mark of UTF-8")

    def test_what_is_ignored_is_told_once_a_rule(self):
        devices = "<devices>" + "<input type='mouse' bus='ps2'/>" * 3 + "</devices>"
        self.write("guest.xml", GUEST.replace("</domain>", devices + "</domain>"))
        done = self.vmm("convert", "--no-validate", "guest.xml", "guest.json")
        self.assertEqual(done.returncode, DONE)
        self.assertEqual(done.stderr, "guest.xml: ignored /domain/devices/input[1] and 2 more: "
                                      "a guest has no screen: its console is `rastos-vmm console`\n")
        done = self.vmm("convert", "--no-validate", "--json", "guest.xml", "guest.json")
        self.assertEqual(done.stderr, "")
        answer = json.loads(done.stdout)
        self.assertEqual((answer["output"], answer["ignored"][0]["count"]), ("guest.json", 3))

    def test_refusals_name_file_and_place_and_change_nothing(self):
        self.write("xen.xml", GUEST.replace("kvm", "xen"))
        self.refused(REFUSED, ["xen.xml: /domain/@type is not supported"], "convert", "xen.xml", "out.json")
        self.write("bad.xml", "<domain")
        self.refused(REFUSED, ["bad.xml: line 1: is not well-formed XML"], "convert", "bad.xml", "out.json")
        self.write("bad.xml", "")
        self.refused(REFUSED, ["bad.xml: line 1: is not well-formed XML"], "convert", "bad.xml", "out.json")
        self.write("bad.json", '{"name": "g"}')
        self.refused(FAILED, ["bad.json: image: is missing"], "convert", "bad.json", "out.xml")
        self.refused(FAILED, ["none.xml", "No such file"], "convert", "none.xml", "out.json")
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["bad.json", "bad.xml", "xen.xml"])

    def test_a_file_of_50_mb(self):
        with open(self.path("large.xml"), "w") as file:
            for piece in range(50):
                file.write("<a>" * (MIB // 3))
        self.refused(FAILED, ["large.xml", "larger than"], "convert", "large.xml", "out.json")

    def test_usage(self):
        self.write("guest.xml", GUEST)
        self.refused(USAGE, ["which IN"], "convert")
        self.refused(USAGE, ["which IN"], "convert", "guest.xml")
        self.refused(USAGE, ["one IN and one OUT"], "convert", "a", "b", "c")
        self.refused(USAGE, ["NAME.xml or NAME.json"], "convert", "guest.xml", "guest.txt")
        self.refused(USAGE, ["--json"], "convert", "--json", "guest.xml", "-")
        self.refused(USAGE, ["no option --jsno"], "convert", "--jsno", "guest.xml", "-")
        self.refused(USAGE, ["which GUEST"], "dumpxml")

    def test_options_beside_a_definition(self):
        self.write("guest.xml", GUEST)
        self.refused(USAGE, ["--memory", "definition"], "run", "-m", "64", "guest.xml")
        self.refused(USAGE, ["--image", "definition"], "create", "guest.xml", "--image", "x")
        self.refused(USAGE, ["--autostart", "definition"], "create", "guest.xml", "--autostart", "no")
        self.refused(USAGE, ["--no-validate"], "create", "web", "--no-validate", "--image", "x")

    def test_without_the_program(self):
        """A copy of rastos-vmm that has no rastos-domain-xml beside it."""
        shutil.copy(VMM, self.path("rastos-vmm"))
        self.write("guest.xml", GUEST)
        done = subprocess.run([self.path("rastos-vmm"), "convert", "guest.xml", "-"], cwd=self.folder.name, capture_output=True,
                              text=True, env={"PATH": "/nowhere"})
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("rastos-domain-xml", done.stderr)


if __name__ == "__main__":
    main()
