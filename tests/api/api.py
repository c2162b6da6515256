"""A manager and a client of its API. Every answer that a test gets was held against docs/openapi.json (client.py)."""

import functools

from client import *
from document import Document, Undocumented
from manager import *

JSON, XML, MERGE = "application/json", "application/xml", "application/merge-patch+json"
API_SOCKET = "run/api.sock"
# Then memory that was freed stays, and how much there is says nothing.
SANITIZED = b"__asan_init" in Path(PROGRAM).read_bytes()


@functools.cache
def the_document():
    return Document(os.path.join(SOURCE, "docs/openapi.json"))


class ApiTest(ManagerTest):
    """The manager is started by up(); `api` is a client that may do anything."""

    def setUp(self):
        super().setUp()
        self.document = the_document()
        self.api = self.client()

    def client(self, connect=None, token=None):
        client = Client(self.document, connect or unix(self.path(API_SOCKET)), token)
        self.addCleanup(client.close)
        return client

    def assert_problem(self, answer, status, words=(), pointer=None, parameter=None):
        """One sentence that has the words."""
        self.assertEqual(answer.status, status, answer)
        problem = answer.json
        self.assert_words(words, problem["detail"])
        self.assertNotIn("\n", problem["detail"])
        if pointer is not None:
            self.assertEqual(problem.get("pointer"), pointer, problem)
        if parameter is not None:
            self.assertEqual(problem.get("parameter"), parameter, problem)

    def assert_status(self, status, answer):
        self.assertEqual(answer.status, status, answer)
        return answer

    def put(self, name, kernel="sleep", client=None, **members):
        return self.assert_status(201, (client or self.api).putGuest(self.definition(name, kernel, **members), guest=name))

    def raw(self):
        """A connection to the socket, for what no client would send."""
        peer = unix(self.path(API_SOCKET))()
        self.addCleanup(peer.close)
        return peer

    def assert_serves(self, within=2):
        """The next request is answered at once."""
        begin = time.monotonic()
        self.assert_status(200, self.client().getMode())
        self.assertLess(time.monotonic() - begin, within)

    def files_of_guests(self):
        return {path: content for path, content in self.files().items() if "/guests/" in path}
