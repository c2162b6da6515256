"""The event stream: what it has, how it resumes, and who stops reading it."""

from api import *


class Events(ApiTest):
    def setUp(self):
        super().setUp()
        self.define_file("web", autostart=False)
        self.up()

    def cycle(self, count=1):
        for _ in range(count):
            self.assert_status(200, self.api.startGuest(guest="web", wait=True))
            self.assert_status(204, self.api.killGuest(guest="web", wait=True))

    def test_kept_events_as_json(self):
        self.cycle()
        events = self.assert_status(200, self.api.getEvents()).json
        ids = [event["id"] for event in events]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))
        self.assertIn("running", [event["event"] for event in events])
        self.assertEqual(self.api.getEvents(since=ids[-2]).json, events[-1:])
        self.assertEqual(self.api.getEvents(since=ids[-1]).json, [])
        self.assertEqual(self.api.getEvents(last_event_id=ids[-2]).json, events[-1:])

    def test_stream_has_what_is_kept_and_what_comes(self):
        kept = self.api.getEvents().json
        with self.api.follow(since=0) as follower:
            self.assertEqual(follower.status, 200)
            self.assertEqual(follower.headers["Content-Type"].split(";")[0], "text/event-stream")
            self.assertIn("no-cache", follower.headers["Cache-Control"])
            self.assertEqual(follower.events(len(kept)), kept)
            self.cycle()
            names = [follower.events(1)[0]["event"] for _ in range(3)]
            self.assertIn("running", names)

    def test_fields_are_those_of_the_event(self):
        with self.api.follow(since=0) as follower:
            fields = next(follower)
            event = json.loads(fields["data"])
            self.assertEqual((fields["id"], fields["event"]), (str(event["id"]), event["event"]))

    def test_stream_resumes_without_loss_or_repetition(self):
        seen = []
        last = self.api.getEvents().json[-1]["id"]
        for _ in range(3):
            with self.api.follow(last_event_id=last) as follower:
                self.cycle()
                seen += follower.events(2)
                last = seen[-1]["id"]
            self.cycle()  # while nobody listens
        with self.api.follow(last_event_id=last) as follower:
            seen += follower.events(self.api.getEvents().json[-1]["id"] - last)
        ids = [event["id"] for event in seen]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))

    def test_stream_without_a_place_begins_with_what_is_kept(self):
        kept = self.api.getEvents().json
        with self.api.follow() as follower:
            self.assertEqual(follower.events(len(kept)), kept)

    def test_place_that_is_none(self):
        for target, headers, parameter in (("/v1/events?since=x", {}, "since"), ("/v1/events?since=-1", {}, "since"),
                                           ("/v1/events", {"Last-Event-ID": "x"}, "Last-Event-ID")):
            for accept in (JSON, "text/event-stream"):
                answer = self.api.request("GET", target, None, headers | {"Accept": accept})
                self.assert_problem(answer, 400, [], None, parameter)
        self.assert_problem(self.api.getEvents(accept="application/xml"), 406)

    def test_follower_that_does_not_read_is_dropped_and_nobody_else_notices(self):
        (pid,) = self.manager_pids()
        before = memory_kib(pid)
        deaf = self.raw()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        send_request(deaf, "/v1/events?since=0", {"Accept": "text/event-stream"})
        for _ in range(400):  # two events each: more than a socket takes
            self.api.putGuest(self.definition("often"), guest="often")
            self.api.deleteGuest(guest="often")
        self.assert_serves()
        if not SANITIZED:
            self.assertLess(memory_kib(pid) - before, 2048)

    def test_followers_that_go_leave_nothing(self):
        (pid,) = self.manager_pids()
        self.api.getMode()
        before = descriptors(pid)
        for _ in range(5):
            followers = [self.api.follow(since=0) for _ in range(20)]
            for follower in followers:
                next(follower)
                follower.close()
        wait_until(lambda: descriptors(pid) <= before)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Anonymous:"):
                return int(line.split()[1])


main()
