"""Guests over the API: definitions and their versions, patches, pages, life, and what is told of them."""

import re

from api import *


class Definitions(ApiTest):
    def setUp(self):
        super().setUp()
        self.up()

    def test_guest_is_defined_read_and_forgotten(self):
        answer = self.put("web")
        self.assertEqual(answer.json["guest"]["name"], "web")
        self.assertEqual(answer.headers["Location"], "/v1/guests/web")
        got = self.assert_status(200, self.api.getGuest(guest="web"))
        self.assertEqual({name: value for name, value in got.json.items() if name != "uuid"}, self.definition("web"))
        self.assertEqual(got.etag, answer.etag)
        self.assert_status(204, self.api.deleteGuest(guest="web"))
        self.assert_problem(self.api.getGuest(guest="web"), 404, ["web"])
        self.assertEqual(os.listdir(self.path("guests")), [])

    def test_put_is_idempotent(self):
        first = self.put("web")
        again = self.assert_status(200, self.api.putGuest(self.definition("web"), guest="web"))
        self.assertEqual(again.etag, first.etag)
        self.assertEqual([guest["name"] for guest in self.api.listGuests().json["guests"]], ["web"])

    def test_stale_version_changes_nothing(self):
        old = self.put("web").etag
        new = self.assert_status(200, self.api.putGuest(self.definition("web", memory_mib=32), guest="web", if_match=old)).etag
        self.assertNotEqual(new, old)
        before = self.files_of_guests()
        for answer in (self.api.putGuest(self.definition("web", memory_mib=64), guest="web", if_match=old),
                       self.api.patchGuest({"memory_mib": 64}, guest="web", if_match=old),
                       self.api.deleteGuest(guest="web", if_match=old),
                       self.api.putGuest(self.definition("web"), guest="web", if_none_match="*")):
            self.assert_problem(answer, 412, ["web"])
        self.assertEqual(self.files_of_guests(), before)
        self.assertEqual(self.api.getGuest(guest="web").etag, new)
        self.assert_status(204, self.api.deleteGuest(guest="web", if_match=new))

    def test_preconditions_on_what_is_not_there(self):
        for tags in ("", "x", '"x', '"x" "y"', "**", "w/*"):
            with self.subTest(tags=tags):
                self.assert_problem(self.api.putGuest(self.definition("web"), guest="web", if_match=tags), 400, ["If-Match"])
                self.assert_problem(self.api.request("GET", "/v1/guests", None, {"If-None-Match": tags}), 400, ["If-None-Match"])
        for answer in (self.api.putGuest(self.definition("web"), guest="web", if_match='"x"'),
                       self.api.putGuest(self.definition("web"), guest="web", if_match="*")):
            self.assert_problem(answer, 412)
        self.assert_status(201, self.api.putGuest(self.definition("web"), guest="web", if_none_match="*"))

    def test_several_versions_in_one_if_match(self):
        etag = self.put("web").etag
        self.assert_status(200, self.api.patchGuest({"memory_mib": 32}, guest="web", if_match=f'"other", {etag}'))

    def test_not_modified(self):
        etag = self.put("web").etag
        answer = self.assert_status(304, self.api.getGuest(guest="web", if_none_match=etag))
        self.assertEqual(answer.body, b"")
        self.assert_status(200, self.api.getGuest(guest="web", if_none_match='"x"'))

    def test_version_is_the_same_for_the_next_manager(self):
        etag = self.put("web").etag
        self.kill_manager()
        self.up()
        self.assertEqual(self.api.getGuest(guest="web").etag, etag)

    def test_merge_patch(self):
        """The cases of RFC 7396 that a definition has: set, remove, into an object, an array whole."""
        self.put("web", autostart=False, disks=[{"path": "/a", "id": "a"}, {"path": "/b", "id": "b"}])
        for patch, path, wanted in (
            ({"memory_mib": 32}, ["memory_mib"], 32),
            ({"autostart": None}, ["autostart"], None),
            ({"vsock": {"cid": 7}}, ["vsock", "cid"], 7),
            ({"cpus": {"weight": 50}}, ["cpus"], {"weight": 50}),
            ({"cpus": {"weight": None}}, ["cpus"], {}),
            ({"disks": [{"path": "/c", "id": "c"}]}, ["disks"], [{"path": "/c", "id": "c"}]),
            ({}, ["memory_mib"], 32),
        ):
            with self.subTest(patch=patch):
                self.assert_status(200, self.api.patchGuest(patch, guest="web"))
                value = self.api.getGuest(guest="web").json
                for step in path:
                    value = value.get(step)
                self.assertEqual(value, wanted)

    def test_patch_that_is_wrong_changes_nothing(self):
        etag = self.put("web").etag
        for patch, pointer, words in (
            ({"memory_mib": "much"}, "/memory_mib", ["memory_mib"]),
            ({"memory_mb": 32}, "/memory_mb", ["memory_mb", "memory_mib"]),
            ({"kernel": None}, None, ["kernel"]),
            ({"disks": [{"path": "/a", "read_only": 1}]}, "/disks/0/read_only", ["read_only"]),
        ):
            with self.subTest(patch=patch):
                self.assert_problem(self.api.patchGuest(patch, guest="web"), 422, words, pointer)
        self.assert_problem(self.api.patchGuest({"name": "other"}, guest="web"), 409, ["name"], "/name")
        self.assert_problem(self.api.patchGuest(b"[]", guest="web"), 422)
        self.assert_problem(self.api.patchGuest({"memory_mib": 32}, guest="web", content_type=JSON), 415)
        self.assert_problem(self.api.patchGuest({"memory_mib": 32}, guest="nobody"), 404, ["nobody"])
        self.assertEqual(self.api.getGuest(guest="web").etag, etag)

    def test_what_is_wrong_is_pointed_to(self):
        for members, pointer, words in (
            ({"memory_mib": 1}, "/memory_mib", ["from 16 to"]),
            ({"vcpu": 2}, "/vcpu", ["vcpu", 'did you mean "vcpus"?']),
            ({"role": "srever"}, "/role", ['one of "server"']),
            ({"kernel": {"path": "/x", "protocol": "pvg"}}, "/kernel/protocol", ["pvh"]),
            ({"disks": [{"path": "/a"}, {"path": 7}]}, "/disks/1/path", ["path"]),
            ({"networks": [{"type": "passt", "mac": "x"}]}, "/networks/0/mac", ["mac"]),
            ({"cpus": {"wieght": 1}}, "/cpus/wieght", ["weight"]),
        ):
            with self.subTest(members=members):
                answer = self.api.putGuest(self.definition("web") | members, guest="web")
                self.assert_problem(answer, 422, words, pointer)
        self.assertEqual(self.api.listGuests().json["guests"], [])
        self.assertEqual(os.listdir(self.path("guests")), [])

    def test_bodies_that_are_none(self):
        for body, status in ((b"", 400), (b"{", 400), (b"\xff", 400), (b"[]", 422), (b"7", 422), (b"null", 422),
                             (b'{"name":"web"} x', 400),
                             (b"[" * 100000, 400), (b'{"name":' * 3000, 400), (b"\0" * 10, 400)):
            with self.subTest(body=body[:20]):
                answer = self.api.putGuest(body, guest="web")
                self.assertIn(answer.status, (status, 400 if status == 422 else 422), answer)
        self.assert_problem(self.api.putGuest(b"x" * (2 << 20), guest="web"), 413)
        for media in ("text/plain", "application/jsonx", "application/x-www-form-urlencoded", "multipart/form-data", "x"):
            self.assert_problem(self.api.putGuest(self.definition("web"), guest="web", content_type=media), 415)
        self.assert_status(201, self.api.putGuest(self.definition("web"), guest="web",
                           content_type="application/json; charset=utf-8"))

    def test_names_in_the_path(self):
        self.assert_problem(self.api.putGuest(self.definition("db"), guest="web"), 409, ["name"], "/name")
        for name in ("a/b", "..", ".", "x" * 300, "wéb", "web ", "-web", "\x01"):
            with self.subTest(name=name[:10]):
                answer = self.api.request("PUT", "/v1/guests/" + urllib.parse.quote(name, safe=""),
                                          json.dumps(self.definition(name)), {"Content-Type": JSON}, check=False)
                self.assertIn(answer.status, (400, 404, 405, 422), answer)
                self.assertNotIn("\n", answer.json["detail"])
        self.assertEqual(os.listdir(self.path("guests")), [])

    def test_what_a_running_guest_was_defined_as_counts_until_its_next_start(self):
        self.put("web")
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        self.assert_status(200, self.api.patchGuest({"memory_mib": 32}, guest="web"))
        self.assertEqual(self.api.getGuest(guest="web").json["memory_mib"], 32)
        state = self.api.getGuestState(guest="web").json
        self.assertEqual((state["memory_mib"], state["definition"]["memory_mib"],
                         state["next_definition"]["memory_mib"]), (16, 16, 32))

    def test_representations(self):
        self.put("web")
        self.assert_status(200, self.api.getGuest(guest="web", accept="application/*;q=0.5, */*;q=0.1"))
        self.assert_problem(self.api.getGuest(guest="web", accept="text/html"), 406)
        self.assert_problem(self.api.getGuest(guest="web", accept="application/json;q=0, text/html"), 406)

    def test_running_guest_is_not_forgotten(self):
        self.put("web")
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        self.assert_problem(self.api.deleteGuest(guest="web"), 409, ["web"])
        self.assertEqual(self.api.getGuestState(guest="web").json["state"], "running")


class Pages(ApiTest):
    def setUp(self):
        super().setUp()
        self.names = [f"g{number:02}" for number in range(25)]
        for name in self.names:
            self.define_file(name, autostart=False)
        self.up()

    def pages(self, **arguments):
        answer = self.api.listGuests(**arguments)
        while True:
            yield [guest["name"] for guest in answer.json["guests"]]
            link = answer.headers.get("Link")
            self.assertEqual("next" in answer.json, link is not None)
            if not link:
                return
            target = re.fullmatch(r'<([^>]+)>; rel="next"', link).group(1)
            answer = self.assert_status(200, self.api.request("GET", target))

    def test_pages_are_all_there_is_and_once(self):
        for limit in (1, 7, 24, 25, 26, 1000):
            with self.subTest(limit=limit):
                pages = list(self.pages(limit=limit))
                self.assertEqual(sum(pages, []), self.names)
                self.assertTrue(all(len(page) <= limit for page in pages))

    def test_page_after_one_that_went_meanwhile(self):
        self.assert_status(204, self.api.deleteGuest(guest="g10"))
        self.assertEqual(next(self.pages(limit=2, after="g10")), ["g11", "g12"])
        self.assertEqual(list(self.pages(after="g24")), [[]])

    def test_pages_of_one_state(self):
        for name in ("g03", "g20"):
            self.assert_status(200, self.api.startGuest(guest=name, wait=True))
        self.assertEqual(list(self.pages(state="running", limit=1)), [["g03"], ["g20"]])
        self.assertEqual(list(self.pages(state="paused")), [[]])

    def test_queries_that_are_none(self):
        for query, parameter in (("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=", "limit"),
                                 ("limit=-1", "limit"),
                                 ("limit=1&limit=2", "limit"), ("limit=99999999999999999999", "limit"), ("limit=1.5", "limit"),
                                 ("state=of", "state"), ("stat=off", "stat"), ("after=%00", None), ("after=a%2Fb", None),
                                 ("%zz=1", None)):
            with self.subTest(query=query):
                answer = self.api.request("GET", f"/v1/guests?{query}")
                self.assert_problem(answer, 400, [], None, parameter)
        self.assert_problem(self.api.request("GET", "/v1/guests?stat=off"), 400, ["did you mean state?"])


class Life(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()

    def state_of(self, name):
        return self.api.getGuestState(guest=name).json["state"]

    def test_every_step_of_a_life(self):
        report = self.assert_status(200, self.api.startGuest(guest="web", wait=True, timeout_s=10)).json
        self.assertEqual(report["guest"], "web")
        self.assertEqual(self.state_of("web"), "running")
        self.assert_status(204, self.api.pauseGuest(guest="web"))
        self.assertEqual(self.state_of("web"), "paused")
        self.assert_status(204, self.api.resumeGuest(guest="web"))
        self.assertEqual(self.state_of("web"), "running")
        pid = self.api.getGuestState(guest="web").json["pid"]
        report = self.assert_status(200, self.api.rebootGuest(guest="web", wait=True, timeout_s=1)).json
        self.assertEqual(report["guest"], "web")
        self.assertEqual(self.state_of("web"), "running")
        self.assertNotEqual(self.api.getGuestState(guest="web").json["pid"], pid)
        self.assert_status(204, self.api.shutdownGuest(guest="web", wait=True, timeout_s=1))
        self.assertEqual(self.state_of("web"), "off")
        self.assert_status(202, self.api.startGuest(guest="web"))
        wait_until(lambda: self.state_of("web") == "running")
        self.assert_status(204, self.api.killGuest(guest="web", wait=True))
        self.assertEqual(self.state_of("web"), "off")

    def test_begun_is_a_task(self):
        answer = self.assert_status(202, self.api.startGuest(guest="web"))
        task = answer.json
        self.assertEqual((task["kind"], task["target"]), ("start", "web"))
        self.assertEqual(answer.headers["Location"], f"/v1/tasks/{task['id']}")
        wait_until(lambda: self.api.getTask(task=task["id"]).json["state"] == "done")
        self.assertIn(task["id"], [item["id"] for item in self.api.listTasks(state="done").json["tasks"]])
        self.assert_problem(self.api.cancelTask(task=task["id"]), 409)
        pid = self.api.getGuestState(guest="web").json["pid"]
        task = self.assert_status(202, self.api.rebootGuest(guest="web", timeout_s=1)).json
        self.assertEqual((task["kind"], task["target"], task["state"]), ("reboot", "web", "running"))
        wait_until(lambda: self.api.getTask(task=task["id"]).json["state"] == "done")
        state = self.api.getGuestState(guest="web").json
        self.assertEqual(state["state"], "running")
        self.assertNotEqual(state["pid"], pid)
        self.assert_problem(self.api.getTask(task=99999), 404)

    def test_states_that_forbid_it(self):
        for method in ("shutdownGuest", "killGuest", "pauseGuest", "resumeGuest", "rebootGuest"):
            self.assert_problem(getattr(self.api, method)(guest="web"), 409, ["web"])
        self.assert_problem(self.api.getStats(guest="web"), 409, ["web", "off"])
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        self.assert_problem(self.api.startGuest(guest="web"), 409, ["web", "running"])
        self.assert_problem(self.api.resumeGuest(guest="web"), 409, ["web"])

    def test_guest_that_is_not_there(self):
        for operation in self.document.operations.values():
            names = [parameter["name"] for parameter in operation.named("path")]
            if "/guests/{guest}" not in operation.template or (operation.body and operation.body.get("required")):
                continue
            with self.subTest(operation):
                arguments = {"guest": "wbe"} | {name: 1 for name in names if name != "guest"}
                if operation.stream:
                    arguments["upgrade"] = "rastos-stream"
                self.assert_problem(getattr(self.api, operation.id)(**arguments), 404, ["wbe", "did you mean web?"])

    def test_vcpus_of_one_that_runs(self):
        """Its few instructions answer nothing: who takes vCPUs is seen by manager.vcpus."""
        self.put("db", vcpus=2, current_vcpus=1)
        for name, status in (("wbe", 404), ("db", 409)):
            self.assert_problem(self.api.putVcpus({"vcpus": 1}, guest=name), status)
        self.assert_status(200, self.api.startGuest(guest="db", wait=True))
        state = self.api.getGuestState(guest="db").json
        self.assertEqual((state["vcpus"], state["max_vcpus"]), (1, 2))
        answer = self.api.putVcpus({"vcpus": 1}, guest="db")
        self.assert_status(200, answer)
        self.assertEqual(answer.json, {"vcpus": 1})
        self.assert_problem(self.api.putVcpus({"vcpus": 3}, guest="db"), 422, ["at most 2"])
        self.assert_problem(self.api.putVcpus({"vcpus": 0}, guest="db"), 422, ["vcpus"])
        self.assert_problem(self.api.putVcpus({}, guest="db"), 422, ["vcpus"])

    def test_memory_and_console_of_one_that_runs(self):
        self.put("db", memory_mib=64, memballoon=True, console="virtio", channels=[{"name": "agent"}])
        for name, status in (("wbe", 404), ("db", 409)):
            self.assert_problem(self.api.putMemory({"memory_mib": 32}, guest=name), status)
            self.assert_problem(self.api.putConsoleSize({"columns": 80, "rows": 25}, guest=name), status)
        self.assert_status(200, self.api.startGuest(guest="db", wait=True))
        self.assert_status(204, self.api.putMemory({"memory_mib": 32}, guest="db"))
        self.assertEqual(self.api.getStats(guest="db").json["counters"]["balloon"]["target_bytes"], 32 << 20)
        self.assert_problem(self.api.putMemory({"memory_mib": 65}, guest="db"), 422, ["64 MiB"])
        self.assert_problem(self.api.putMemory({"memory_mib": 15}, guest="db"), 422, ["memory_mib"])
        self.assert_status(204, self.api.putConsoleSize({"columns": 132, "rows": 43}, guest="db"))
        self.assert_problem(self.api.putConsoleSize({"columns": 132}, guest="db"), 422, ["rows"])
        self.assert_problem(self.api.openChannel(guest="db", channel="nobody", upgrade="rastos-stream"), 404, ["no channel nobody"])
        (device,) = [device for device in self.api.listDevices(guest="db").json["devices"] if device["type"] == "channels"]
        self.assertEqual([channel["name"] for channel in device["channels"]], ["agent"])

    def test_wait_ends_in_time(self):
        self.put("slow", ready="notify")
        begin = time.monotonic()
        self.assert_problem(self.api.startGuest(guest="slow", wait=True, timeout_s=1), 504, ["slow"])
        self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual(self.state_of("slow"), "starting")
        self.assert_problem(self.api.getBootReport(guest="slow", wait=True, timeout_s=1), 504)

    def test_what_is_told_of_a_guest(self):
        self.put("talks", "hello")
        self.assert_status(200, self.api.startGuest(guest="talks", wait=True))
        wait_until(lambda: "hello" in self.api.getLogs(guest="talks").json["text"])
        piece = self.api.getLogs(guest="talks", **{"from": 2}).json
        self.assertIn("llo", piece["text"])
        self.assertEqual(self.api.getLogs(guest="talks", lines=0).json["text"], "")
        stats = self.assert_status(200, self.api.getStats(guest="talks")).json
        self.assertEqual(stats["guest"], "talks")
        self.assertEqual([item["guest"] for item in self.api.getAllStats().json], ["talks"])
        self.assertIn("load", [step["name"] for step in self.api.getBootReport(guest="talks").json["steps"]])
        self.assert_status(200, self.api.listDevices(guest="talks"))

    def test_crashes_are_told(self):
        self.put("bad", "crash")
        self.api.startGuest(guest="bad")
        wait_until(lambda: self.state_of("bad") == "failed")
        (report,) = self.api.getGuestCrashes(guest="bad").json
        self.assertNotIn("registers", report)
        (report,) = self.api.getGuestCrashes(guest="bad", newest=True).json
        self.assertIn("rip", report["registers"])
        self.assertEqual([crash["guest"] for crash in self.api.getCrashes().json], ["bad"])
        self.assertEqual(self.api.getGuestCrashes(guest="web").json, [])


class Devices(ApiTest):
    """Of guests that are off, or have no bus on which devices come and go; the others are Linux, in the metal tests."""

    def setUp(self):
        super().setUp()
        self.up()
        self.put("web", autostart=False, disks=[{"path": "/srv/a.img", "id": "root"}])

    def ids(self):
        return [device["id"] for device in self.api.listDevices(guest="web").json["devices"]]

    def test_devices_of_a_guest_that_is_off_are_its_definitions(self):
        self.assertEqual(self.ids(), ["root", "vsock0", "console0"])
        disk = {"path": "/srv/b.img", "read_only": True}
        answer = self.assert_status(201, self.api.plugDevice({"disk": disk}, guest="web", device="data"))
        self.assertEqual(answer.headers["Location"], "/v1/guests/web/devices/data")
        self.assertEqual(self.api.getGuest(guest="web").json["disks"][1], disk | {"id": "data"})
        self.assertEqual(self.api.getDevice(guest="web", device="data").json["disk"], disk | {"id": "data"})
        self.assertIn(self.api.plugDevice({"disk": disk | {"read_only": False}}, guest="web", device="data").status, (200, 201))
        self.assertEqual(len(self.api.getGuest(guest="web").json["disks"]), 2)
        self.assert_status(204, self.api.unplugDevice(guest="web", device="data"))
        self.assertEqual(self.ids(), ["root", "vsock0", "console0"])

    def test_devices_that_are_none(self):
        before = self.api.getGuest(guest="web").etag
        for body, pointer in (({}, None), ({"disk": {}}, None), ({"disk": {"path": 7}}, "/disk/path"),
                              ({"disk": {"pth": "/x"}}, "/disk/pth"), ({"dsik": {}}, "/dsik"),
                              ({"disk": {"path": "/x"}, "network": {}}, None), ({"network": {"mac": "x"}}, "/network/mac")):
            with self.subTest(body=body):
                self.assert_problem(self.api.plugDevice(body, guest="web", device="data"), 422, [], pointer)
        self.assert_problem(self.api.plugDevice({"disk": {"path": "/x", "id": "other"}}, guest="web", device="data"), 409, ["data"],
                            "/disk/id")
        self.assert_problem(self.api.getDevice(guest="web", device="data"), 404, ["data"])
        self.assert_problem(self.api.unplugDevice(guest="web", device="data"), 404, ["data"])
        self.assert_problem(self.api.plugDevice({"network": {"type": "passt"}}, guest="web", device="root"), 409, ["root", "disk"])
        self.assertEqual(self.api.getGuest(guest="web").etag, before)

    def test_guest_without_hot_plug_refuses(self):
        self.put("runs", autostart=False)
        self.assert_status(200, self.api.startGuest(guest="runs", wait=True))
        self.assert_problem(self.api.plugDevice({"disk": {"path": "/srv/b.img"}}, guest="runs", device="data"), 409, ["runs"])
        self.assertEqual(self.api.getGuestState(guest="runs").json["state"], "running")
        # Its definition may change all the same, from its next start on.
        disk = {"disk": {"path": "/srv/b.img"}}
        self.assert_status(201, self.api.plugDevice(disk, guest="runs", device="data", next_start=True))
        self.assert_status(200, self.api.plugDevice(disk, guest="runs", device="data", next_start=True))
        self.assertEqual([item["id"] for item in self.api.getGuest(guest="runs").json["disks"]], ["data"])
        self.assert_status(204, self.api.unplugDevice(guest="runs", device="data", next_start=True))
        self.assert_problem(self.api.plugDevice(disk, guest="runs", device="data", next_start="soon"), 400, [], parameter="next_start")
        self.assert_problem(self.api.unplugDevice(guest="runs", device="data", timeout_s="x"), 400, [], parameter="timeout_s")


class Host(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()

    def test_what_the_host_tells(self):
        host = self.assert_status(200, self.api.getHost()).json
        self.assertEqual(host["pid"], self.manager_pids()[0])
        self.assertEqual(self.api.getMode().json, {"mode": MODE})
        self.assertEqual(self.api.getPlan().json["mode"], MODE)
        metrics = self.assert_status(200, self.api.getMetrics())
        self.assertTrue(metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4"), metrics.headers["Content-Type"])
        for name in ("guest", "network", "vmm"):
            self.assertEqual(self.api.getSchema(name=name).json["$schema"], "https://json-schema.org/draft/2020-12/schema")
        self.assert_problem(self.api.getSchema(name="gust"), 404)

    def test_served_document_is_the_one_in_docs(self):
        self.assertEqual(self.api.getOpenapi().json, self.document.json)

    def test_paths_and_methods_that_are_none(self):
        for method, target, status in (("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v1/gests", 404),
                                       ("GET", "/v2/guests", 404),
                                       ("GET", "/v1/guests/", 404), ("GET", "//v1/guests", 404),
                                       ("GET", "/v1/guests/web/stat", 404),
                                       ("GET", "/v1/../v1/mode", 404), ("POST", "/v1/guests", 405), ("DELETE", "/v1/mode", 405),
                                       ("GET", "/v1/guests/web/start", 405), ("PATCH", "/metrics", 405),
                                       ("PUT", "/openapi.json", 405),
                                       ("OPTIONS", "/v1/mode", 204), ("OPTIONS", "/v1/moda", 404), ("BREW", "/v1/mode", 405)):
            with self.subTest(method=method, target=target):
                self.assert_status(status, self.api.request(method, target))
        self.assert_problem(self.api.request("GET", "/v1/gests"), 404, ["did you mean guests?"])
        self.assertIn("GET", self.api.request("POST", "/v1/mode").headers["Allow"])

    def test_head_is_get_without_the_body(self):
        for target in ("/v1/mode", "/v1/guests/web", "/v1/guests/nobody", "/openapi.json"):
            head, get = self.api.request("HEAD", target), self.api.request("GET", target)
            self.assertEqual((head.status, head.body), (get.status, b""))
            for name in ("Content-Type", "Content-Length", "ETag"):
                self.assertEqual(head.headers.get(name), get.headers.get(name))

    def test_mode_is_changed_only_to_one_that_there_is(self):
        for body, status in (({"mode": "desktp"}, 422), ({"mode": 7}, 422), ({}, 422), ({"mode": MODE, "x": 1}, 422),
                             ({"mode": MODE, "timeout_s": -1}, 422)):
            with self.subTest(body=body):
                self.assert_problem(self.api.putMode(body), status)
        self.assert_status(200, self.api.putMode({"mode": MODE}))

    def test_down_ends_the_manager_and_its_guests(self):
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        (pid,) = self.manager_pids()
        self.assert_problem(self.api.down({"timeout": 1}), 422, ["timeout_s"], "/timeout")
        self.assert_problem(self.api.down({"poweroff": True}), 409)
        self.assert_status(204, self.api.down({"force": True}))
        wait_until(lambda: not process_alive(pid))
        self.assertFalse(os.path.exists(self.path(API_SOCKET)))

    def test_manager_leaves_guests_when_it_is_told_to(self):
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        guest = self.api.getGuestState(guest="web").json["pid"]
        self.assert_status(204, self.api.down({"keep_guests": True}))
        wait_until(lambda: not self.manager_pids())
        self.assertTrue(process_alive(guest))
        self.up()
        self.assertEqual(self.api.getGuestState(guest="web").json["pid"], guest)


class Networks(ApiTest):
    LAB = {"name": "lab", "address": "192.168.213.1/24"}

    def setUp(self):
        super().setUp()
        self.configure(networks_dir="networks")
        self.up()

    def test_network_is_defined_read_and_forgotten(self):
        self.assert_status(201, self.api.putNetwork(self.LAB, network="lab"))
        self.assert_status(200, self.api.putNetwork(self.LAB, network="lab"))
        self.assert_problem(self.api.putNetwork(self.LAB, network="lab", if_none_match="*"), 412)
        self.assertEqual(self.api.getNetwork(network="lab").json["bridge"], "br-lab")
        self.assertEqual([network["name"] for network in self.api.listNetworks().json["networks"]], ["default", "lab"])
        self.assert_status(204, self.api.deleteNetwork(network="lab"))
        self.assert_problem(self.api.getNetwork(network="lab"), 404, ["lab"])
        self.assert_problem(self.api.deleteNetwork(network="lab"), 404, ["lab"])

    def test_more_networks_than_can_be_are_refused(self):
        for number in range(63):
            self.assert_status(201, self.api.putNetwork(self.LAB | {"name": f"n{number}"}, network=f"n{number}"))
        self.assert_problem(self.api.putNetwork(self.LAB, network="lab"), 409, ["lab", "63 networks"])
        self.assertEqual(len(self.api.listNetworks().json["networks"]), 64)

    def test_networks_that_are_wrong(self):
        for members, pointer in (({"address": "x"}, "/address"), ({"adress": "192.168.213.1/24"}, "/adress"),
                                 ({"forward": "nta"}, "/forward"),
                                 ({"mtu": 1}, "/mtu"), ({"dhcp": {"first": "10.0.0.1"}}, "/dhcp/first")):
            with self.subTest(members=members):
                self.assert_problem(self.api.putNetwork(self.LAB | members, network="lab"), 422, [], pointer)
        self.assert_problem(self.api.putNetwork(self.LAB | {"name": "other"}, network="lab"), 409, ["lab"], "/name")
        self.assertEqual([network["name"] for network in self.api.listNetworks().json["networks"]], ["default"])


class Disks(ApiTest):
    def setUp(self):
        super().setUp()
        self.up()

    def test_disk_is_made_grown_copied_and_deleted(self):
        disk = self.assert_status(201, self.api.putDisk({"size": 1 << 20}, disk="data", wait=True)).json
        self.assertEqual((disk["size"], disk["in_use"]), (1 << 20, False))
        self.assert_problem(self.api.putDisk({"size": 1 << 20}, disk="data", wait=True), 409, ["data"])
        disk = self.assert_status(200, self.api.resizeDisk({"size": 2 << 20}, disk="data", wait=True)).json
        self.assertEqual(disk["size"], 2 << 20)
        task = self.assert_status(202, self.api.putDisk({"clone": "data"}, disk="copy")).json
        wait_until(lambda: self.api.getTask(task=task["id"]).json["state"] == "done")
        self.assertEqual([disk["name"] for disk in self.api.listDisks().json["disks"]], ["copy", "data"])
        self.assertEqual(self.api.listDisks(limit=1).json["next"], "copy")
        self.assertEqual(self.api.getPool().json["disks"], 2)
        for name in ("copy", "data"):
            self.assert_status(204, self.api.deleteDisk(disk=name, wait=True))
        self.assert_problem(self.api.getDisk(disk="data"), 404, ["data"])

    def test_disk_is_imported(self):
        self.write("source.img", b"x" * 4096)
        disk = self.assert_status(201, self.api.putDisk(
            {"import": {"source": self.path("source.img"), "format": "raw"}}, disk="data", wait=True)).json
        self.assertEqual(disk["size"], 4096)
        self.assertEqual(self.read("state/disks/data.img"), b"x" * 4096)

    # --- Bytes that are sent ---

    def upload(self, name, data, headers=None, query="", client=None):
        return (client or self.api).request("PUT", f"/v1/disks/{name}{query}", data, {"Content-Type": "application/octet-stream"} | (headers or {}))

    def pool(self):
        folder = self.path("state/disks")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def test_image_is_sent(self):
        image = bytes(510) + b"\x55\xaa" + bytes(1 << 20) + os.urandom(3 << 20)
        image += bytes(-len(image) % 512)
        answer = self.assert_status(201, self.upload("sent", image, query="?wait=true"))
        self.assertEqual(answer.headers["Location"], "/v1/disks/sent")
        self.assertEqual((answer.json["size"], answer.json["content"]), (len(image), "MBR"))
        self.assertLess(answer.json["allocated"], len(image) - (1 << 19), "zeros take no room")
        self.assertEqual(self.read("state/disks/sent.img"), image)
        task = self.assert_status(202, self.upload("larger", image, query="?format=raw&size=8388608")).json
        self.assertEqual((task["kind"], task["target"]), ("disk-import", "larger"))
        wait_until(lambda: self.api.getTask(task=task["id"]).json["state"] == "done")
        task = self.api.getTask(task=task["id"]).json
        self.assertEqual(task["result"]["size"], 8 << 20)
        self.assertEqual((task["progress"]["done"], task["progress"]["total"]), (len(image), len(image)))
        self.assert_problem(self.upload("sent", image, query="?wait=true"), 409, ["sent", "already"])
        self.assertEqual(self.pool(), ["larger.img", "sent.img"])
        self.assert_serves()

    def test_uploads_that_are_none(self):
        for query, status, words in (("?format=vhs", 400, ["format"]), ("?size=511", 400, ["size"]), ("?tag=", 400, ["tag"]),
                                     ("?format=directory", 400, ["format"]), ("?color=red", 400, ["color"])):
            with self.subTest(query=query):
                self.assert_problem(self.upload("sent", b"x" * 512, query=query), status, words)
        self.assert_problem(self.upload("sent", b""), 400, ["body"])
        self.assert_problem(self.upload("..", b"x" * 512, query="?wait=true"), 400, ["name"])
        self.assert_problem(self.upload("sent", b"hello", query="?wait=true&format=raw"), 422, ["512"])
        self.assert_problem(self.upload("sent", b"hello", query="?wait=true"), 422, ["--format raw"])
        self.assert_problem(self.api.putDisk({"size": 512}, disk="sent", format="raw"), 409, ["octet-stream"], parameter="format")
        peer = self.raw()
        peer.sendall(b"PUT /v1/disks/sent HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"2\r\nhi\r\n0\r\n\r\n")
        self.assertEqual(peer.recv(4096)[:13], b"HTTP/1.1 411 ")
        self.assertEqual(self.pool(), [])

    def test_upload_without_room_is_refused_before_it_comes(self):
        peer = self.raw()
        peer.sendall(b"PUT /v1/disks/sent?wait=true HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                     b"Content-Length: 60000000000000\r\nExpect: 100-continue\r\n\r\n")
        answer = peer.recv(4096)
        self.assertEqual(answer[:13], b"HTTP/1.1 409 ")
        self.assertIn(b"no room", answer)
        self.assertEqual(self.api.listTasks().json["tasks"], [])
        self.assertEqual(self.pool(), [])

    def test_who_breaks_off_leaves_nothing(self):
        (pid,) = self.manager_pids()
        self.api.getMode()
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for sent in (0, 1, 100000, 2 << 20):
            peer = self.raw()
            peer.sendall(b"PUT /v1/disks/sent HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                         b"Content-Length: 4194304\r\n\r\n" + b"x" * sent)
            wait_until(lambda: self.api.listTasks(state="running").json["tasks"])
            peer.close()
            wait_until(lambda: not self.api.listTasks(state="running").json["tasks"])
        self.assertEqual({task["state"] for task in self.api.listTasks().json["tasks"]}, {"cancelled"})
        self.assertEqual(self.pool(), [])
        self.api.close()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before)

    def test_task_of_an_upload_is_cancelled(self):
        peer = self.raw()
        peer.sendall(b"PUT /v1/disks/sent?wait=true HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                     b"Content-Length: 200000\r\n\r\n" + b"x" * 100000)
        (task,) = wait_until(lambda: self.api.listTasks(state="running").json["tasks"])
        self.assert_status(202, self.api.cancelTask(task=task["id"]))
        wait_until(lambda: self.api.getTask(task=task["id"]).json["state"] == "cancelled")
        peer.sendall(b"x" * 100000)
        self.assertIn(peer.recv(4096)[:12], (b"HTTP/1.1 409", b"HTTP/1.1 500"))
        self.assertEqual(self.pool(), [])
        self.assert_serves()

    def test_manager_that_dies_leaves_no_half(self):
        peer = self.raw()
        peer.sendall(b"PUT /v1/disks/sent HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                     b"Content-Length: 200000\r\n\r\n" + b"x" * 100000)
        wait_until(lambda: any(name.startswith(".draft") for name in self.pool()))
        os.kill(self.manager_pids()[0], signal.SIGKILL)
        wait_until(lambda: not self.manager_pids())
        self.up()
        wait_until(lambda: self.pool() == [])

    def test_disks_that_are_wrong(self):
        for body, pointer in (({}, None), ({"size": 0}, "/size"), ({"size": 513}, "/size"), ({"size": 1 << 50}, "/size"),
                              ({"size": "1G"}, "/size"), ({"sise": 512}, "/sise"),
                              ({"size": 512, "clone": "x"}, None), ({"import": {"source": "relative"}},
                               None), ({"import": {"source": "/x", "format": "vhs"}}, None),
                              ({"import": {}}, None)):
            with self.subTest(body=body):
                answer = self.api.putDisk(body, disk="data", wait=True)
                self.assertIn(answer.status, (422,), answer)
                if pointer:
                    self.assertEqual(answer.json.get("pointer"), pointer)
        self.assert_problem(self.api.putDisk({"clone": "nothing"}, disk="data", wait=True), 404, ["nothing"])
        self.assert_problem(self.api.putDisk({"import": {"source": "/none/such"}}, disk="data", wait=True), 409,
                            ["/none/such", "No such file"], "/import/source")
        self.assert_problem(self.api.resizeDisk({"size": 512}, disk="nothing", wait=True), 404, ["nothing"])
        self.assert_problem(self.api.deleteDisk(disk="nothing", wait=True), 404, ["nothing"])
        self.assertEqual(self.api.listDisks().json["disks"], [])

    def test_disk_in_use_is_not_deleted_and_may_grow(self):
        self.assert_status(201, self.api.putDisk({"size": 1 << 20}, disk="data", wait=True))
        self.put("web", disks=[{"image": "data"}])
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        self.assertTrue(self.api.getDisk(disk="data").json["in_use"])
        self.assert_problem(self.api.deleteDisk(disk="data", wait=True), 409, ["data"])
        self.assertEqual(self.assert_status(200, self.api.resizeDisk({"size": 2 << 20}, disk="data", wait=True)).json["size"], 2 << 20)
        devices = self.api.listDevices(guest="web").json["devices"]
        self.assertIn("disk", [device["type"] for device in devices])


main()
