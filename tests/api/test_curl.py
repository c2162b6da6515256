"""What a person types: the commands of docs/api.md, each as it stands there but for the socket's path, and some more with curl."""

import re
import shlex
import shutil

from api import *


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(ApiTest):
    def setUp(self):
        super().setUp()
        self.configure(networks_dir="networks")
        self.define_file("web", autostart=False)
        self.up()

    def curl(self, *arguments, seconds=20):
        """An answer as the document's check wants it."""
        command = ["curl", "--silent", "--show-error", "--include", "--max-time",
            str(seconds), "--unix-socket", self.path(API_SOCKET), *arguments]
        process = subprocess.run(command, capture_output=True, timeout=60)
        head, _, body = process.stdout.partition(b"\r\n\r\n")
        while head.startswith((b"HTTP/1.1 100 ",)):
            head, _, body = body.partition(b"\r\n\r\n")
        status, _, lines = head.partition(b"\r\n")
        self.assertTrue(status.startswith(b"HTTP/1.1 "), (process.returncode, process.stdout[:300], process.stderr))
        return Answer(int(status.split()[1]), http.client.parse_headers(io.BytesIO(lines + b"\r\n\r\n")), body)

    def commands(self):
        page = (Path(SOURCE) / "docs/api.md").read_text()
        for command in re.findall(r"```sh\n(.*?)\n```", page, re.S):
            words = shlex.split(command)
            self.assertEqual(words[:3], ["curl", "--unix-socket", "/run/rastos/api.sock"])
            yield [word.replace("timeout_s=30", "timeout_s=1") for word in words[3:]]  # these guests do not listen

    def test_commands_of_the_page_do_what_it_says(self):
        self.assert_status(201, self.api.putNetwork({"name": "lab", "address": "192.168.150.1/24"}, network="lab"))
        worked = set()
        for words in self.commands():
            method = words[words.index("-X") + 1] if "-X" in words else "GET"
            target = words[-1].removeprefix("http://rastos")
            operation = self.document.find(method, target.split("?")[0])
            if operation.id == "down":
                continue  # the last word
            self.prepare(operation)
            with self.subTest(operation):
                follows = "-N" in words or operation.stream
                if operation.id == "putGuest":
                    words = [self.ours(word) for word in words]
                if operation.stream:  # curl waits for more to send
                    words = [word for word in words if word not in ("-T", ".")]
                answer = self.curl(*words, seconds=1 if follows else 20)
                self.document.check(method, target, answer) if not operation.stream else None
                if answer.status < 300:
                    worked.add(operation.id)
                self.assertLess(answer.status, 500)
        # Others need a disk, a device or a state that is not there then.
        self.assertLessEqual({"getHost", "getPlan", "getMode", "listGuests", "getGuest", "putGuest", "patchGuest", "getGuestState",
                              "startGuest", "killGuest", "getLogs",
                              "getStats", "getBootReport", "getCrashes", "listNetworks", "putNetwork", "getNetwork", "getPool",
                              "listDisks", "putDisk", "listTasks", "getTask",
                              "getEvents", "getMetrics", "pauseGuest", "resumeGuest", "shutdownGuest", "rebootGuest", "deleteGuest",
                              "listDevices", "getOpenapi", "getSchema", "deleteNetwork"} - worked, set())
        self.assert_status(204, self.curl("-X", "POST", "-H", "Content-Type: application/json",
                           "-d", '{"timeout_s": 1}', "http://rastos/v1/down"))

    def prepare(self, operation):
        """What the command is about is there, and in a state in which it can be done."""
        if "{guest}" not in operation.template or operation.id == "putGuest":
            return
        if self.api.getGuest(guest="web").status == 404:
            self.put("web", autostart=False)
        state = self.api.getGuestState(guest="web").json["state"]
        off = operation.id in ("startGuest", "deleteGuest")
        if off and state != "off":
            self.assert_status(204, self.api.killGuest(guest="web", wait=True))
        if not off and state == "off":
            self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        if operation.id == "resumeGuest" and state != "paused":
            self.api.pauseGuest(guest="web")

    def ours(self, word):
        """The definition with a kernel that is here, and nothing that needs root."""
        if not word.startswith("{"):
            return word
        return json.dumps(json.loads(word) | {"kernel": {"path": self.path("sleep.elf")}, "disks": [], "networks": [],
                                              "memory_mib": 16, "vcpus": 1,
                                              "ready": "started", "autostart": False})

    def test_body_that_is_waited_for(self):
        body = json.dumps(self.definition("db"))
        answer = self.curl("-X", "PUT", "-H", "Expect: 100-continue", "-H",
                           "Content-Type: application/json", "-d", body, "http://rastos/v1/guests/db")
        self.assert_status(201, answer)

    def test_chunked_body(self):
        body = json.dumps(self.definition("db"))
        answer = self.curl("-X", "PUT", "-H", "Transfer-Encoding: chunked", "-H",
                           "Content-Type: application/json", "-d", body, "http://rastos/v1/guests/db")
        self.assert_status(201, answer)

    def test_http_1_0(self):
        process = subprocess.run(["curl", "-s", "-0", "--unix-socket", self.path(API_SOCKET),
                                 "http://rastos/v1/mode"], capture_output=True, timeout=20)
        self.assertEqual(json.loads(process.stdout), {"mode": MODE})

    def test_several_requests_on_one_connection(self):
        process = subprocess.run(["curl", "-s", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ",
                                  "--unix-socket", self.path(API_SOCKET),
                                  *["http://rastos/v1/mode"] * 3], capture_output=True, timeout=20)
        self.assertEqual(process.stdout, b"1 0 0 ")


main()
