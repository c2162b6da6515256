"""Thousands of requests that are drawn from docs/openapi.json, right ones and wrong ones: no answer is undocumented, none is a
failure of ours, and what the document calls wrong is refused. The same requests each time; RASTOS_API_REQUESTS says how many."""

try:
    import hypothesis.configuration
except ImportError:
    import sys
    print("skipped: python3-hypothesis is not installed")
    sys.exit(77)

import http.client
import re
import tempfile

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from api import *
from strategies import ANYTHING, HOSTILE_TEXT, Drawn

HOME = tempfile.TemporaryDirectory(prefix="rastos-hypothesis-")  # else it leaves a folder where it is run
hypothesis.configuration.set_hypothesis_home_dir(HOME.name)

REQUESTS = int(os.environ.get("RASTOS_API_REQUESTS", 3000))
SECONDS = 35 * max(1, REQUESTS // 3000)  # on a machine that is busy it ends sooner
BATCH = 250
# These end the manager, or are streams: tests of their own ask for them.
LEFT_OUT = {"down", "openConsole", "openVsock", "openExec"}
# What can go wrong in most ways is asked more often.
CHANGES = ["putGuest", "patchGuest", "putDisk", "putNetwork", "plugDevice"]
# What must not be drawn at random: how long the test would wait.
SHORT = {"timeout_s": st.just("1")}

WRONG_BYTES = st.sampled_from([b"", b"{", b"[", b"\xff\xfe", b"{}x", b"\0", b"[" * 2000,
                              b'{"a":' * 2000, b'"', b"nul", b"{'a':1}", b'{"a":1,"a":2}'])
HEADERS = st.fixed_dictionaries({}, optional={
    "Accept": st.sampled_from(["*/*", "application/json", "text/html", "application/*", "application/json;q=0", ";", "a/b,",
                               "*/*;q=x"]),
    "If-Match": st.sampled_from(["*", '"x"', "x", '"', 'W/"x"', ",", '"a", "b"']),
    "If-None-Match": st.sampled_from(["*", '"x"', ""]),
    "Last-Event-ID": st.sampled_from(["0", "1", "x", "-1", "99999999999999999999"]),
    "Authorization": st.sampled_from(["", "Bearer x", "Basic eDp5", "Bearer"]),
    "Range": st.just("bytes=0-1"),
    "Expect": st.just("100-continue"),
})
MEDIA = st.sampled_from(["application/json", "application/xml", "application/merge-patch+json",
                        "text/plain", "", "x", "application/json; charset=x"])


PATCH = {"type": "object", "properties": {name: {"$ref": f"#/components/schemas/GuestDefinition/properties/{name}"}
                                           for name in ("memory_mib", "vcpus", "autostart", "rng", "on_crash", "cpus", "console")}}


class Request:
    """One that was drawn; `right` when the document says so."""

    def __init__(self, draw, drawn, operation):
        self.operation, self.right, self.body_wrong = operation, True, False
        self.path, self.query, self.headers, self.body = operation.template, {}, {}, None
        self.draw, self.drawn = draw, drawn
        for parameter in operation.named("path"):
            text = self.parameter(parameter)
            self.path = self.path.replace("{" + parameter["name"] + "}", urllib.parse.quote(text, safe=""))
        for parameter in operation.named("query"):
            if draw(st.booleans()):
                self.query[parameter["name"]] = self.parameter(parameter)
        if "timeout_s" in [parameter["name"] for parameter in operation.named("query")] and self.query.get("wait") != "false":
            self.query.setdefault("timeout_s", "1")  # not the minute that is the default
        if self.rarely():
            self.right = False
            self.query[draw(st.text(min_size=1, max_size=8))] = draw(HOSTILE_TEXT)
        if self.rarely():
            self.right = False
            self.headers |= draw(HEADERS)
        if operation.body and (operation.body["required"] or draw(st.booleans())):
            self.draw_body()

    def rarely(self):
        return self.draw(st.integers(0, 7)) == 0

    def parameter(self, parameter):
        wrong = self.rarely()
        self.right = self.right and not wrong
        if not wrong and parameter["name"] in SHORT:
            return self.draw(SHORT[parameter["name"]])
        if not wrong and parameter["name"] == "wait":
            return "false" if "timeout_s" not in [other["name"] for other in self.operation.parameters] else self.draw(st.sampled_from(["true", "false"]))
        return self.draw(self.drawn.parameter(parameter, not wrong))

    def draw_body(self):
        if BYTES in self.operation.body["content"]:
            if self.rarely():
                self.headers["Content-Type"] = BYTES
                self.body, self.right = self.draw(st.binary(min_size=1, max_size=2048)), False
                return
            for name in ("format", "size", "tag"):  # of such a body alone
                self.query.pop(name, None)
        media, item = next(iter(self.operation.body["content"].items()))
        self.headers["Content-Type"] = media
        kind = self.draw(st.sampled_from(["right", "right", "wrong", "wrong", "anything", "bytes", "media"]))
        if kind in ("right", "media"):
            value = self.draw(self.drawn.value(item["schema"]))
            if self.operation.id == "patchGuest":  # of which the schema says only that it is an object
                value = self.draw(self.drawn.value(PATCH))
        elif kind == "wrong":
            value = self.draw(self.drawn.wrong(item["schema"]))
        else:
            value = self.draw(ANYTHING)
        if kind == "right" and isinstance(value, dict) and "name" in value:
            value["name"] = urllib.parse.unquote(self.path.split("/")[3])
        if isinstance(value, dict) and isinstance(value.get("timeout_s"), int):
            value["timeout_s"] = 1
        self.body_wrong = bool(self.drawn.document.errors(item["schema"], value))
        self.body = json.dumps(value).encode()
        if kind == "bytes":
            self.body, self.body_wrong = self.draw(WRONG_BYTES), True
        if kind == "media":
            self.headers["Content-Type"] = self.draw(MEDIA)
            self.right = False

    @property
    def target(self):
        return self.path + ("?" + urllib.parse.urlencode(self.query) if self.query else "")


BYTES = "application/octet-stream"


class Generated(ApiTest):
    def setUp(self):
        super().setUp()
        self.configure(networks_dir="networks")
        self.define_file("web", autostart=False)
        self.define_file("db", autostart=False)
        self.up()
        self.assert_status(201, self.api.putDisk({"size": 4096}, disk="data", wait=True))
        self.seen = {}

    def ask(self, request):
        answer = self.api.request(request.operation.method, request.target, request.body, request.headers)
        self.seen.setdefault(request.operation.id, set()).add(answer.status)
        if request.right and not request.body_wrong:
            self.assertNotIn(answer.status, (400, 405, 406, 412, 413, 414, 415), f"{answer} for what is right: {request.body}")
        if request.body_wrong:
            self.assertGreaterEqual(answer.status, 400, f"{answer} for what is wrong: {request.body}")
        self.assertNotEqual(answer.status, 500, f"{answer} for {request.target} {request.body}")
        if request.operation.id == "deleteGuest" and answer.status == 204:  # for those that come after it
            self.api.putGuest(self.definition(request.path.split("/")[3]), guest=request.path.split("/")[3])
        return answer

    def ask_and_note(self, operation, draw, drawn, wrong):
        """One of each kind of wrong answers is noted; what comes after it is asked all the same."""
        request = Request(draw, drawn, operation)
        if request.headers.get("Accept") == "text/event-stream":
            return
        try:
            self.ask(request)
        except (AssertionError, OSError, http.client.HTTPException) as error:
            kind = operation.id, type(error), re.sub(r"[^a-zA-Z ]+", "", str(error))[:60]
            wrong.setdefault(kind, f"{operation.method} {request.target} {request.headers} {request.body}: {error!r}")

    def test_every_answer_is_documented(self):
        drawn, wrong = Drawn(self.document), {}
        operations = sorted(set(self.document.operations) - LEFT_OUT) + 2 * CHANGES
        (before,) = self.manager_pids()
        end = time.monotonic() + SECONDS
        asked = 0
        while asked < REQUESTS and time.monotonic() < end:

            @seed(asked)
            @settings(max_examples=BATCH, deadline=None, database=None, phases=(Phase.generate,),
                      suppress_health_check=list(HealthCheck))
            @given(st.data())
            def ask_some(data):
                operation = self.document.operations[data.draw(st.sampled_from(operations))]
                self.ask_and_note(operation, data.draw, drawn, wrong)

            ask_some()
            asked += BATCH
        print(f"{asked} requests")
        self.assertFalse(wrong, "\n" + "\n\n".join(wrong.values()))
        self.assertEqual(self.manager_pids(), [before])
        self.assert_serves()
        # Those that were drawn have been refused and carried out, when there were enough of them.
        for operation in ("putGuest", "patchGuest", "putDisk", "listGuests"):
            self.assertTrue(asked < 3000 or {status // 100 for status in self.seen[operation]} >= {2, 4},
                            (operation, self.seen[operation]))


main()
