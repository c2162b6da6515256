"""A client of the manager's API, made of docs/openapi.json when it is used: each operation is a method by its operationId.

    client = Client(document, unix("/run/rastos/api.sock"))
    client.putGuest(guest="web", body={...}, if_none_match="*").status

Every answer is checked against the document (document.Undocumented). Arguments are the operation's parameters by name, those of headers
with underscores; `body` becomes JSON unless it is text or bytes.
"""

import http.client
import io
import json
import socket
import ssl
import urllib.parse


def unix(path):
    def connect():
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(path)  # waits while too many do so
        peer.settimeout(30)
        return peer
    return connect


def tcp(port, host="127.0.0.1", context=None):
    def connect():
        peer = socket.create_connection((host, port), timeout=30)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(peer, server_hostname=host) if context else peer
    return connect


def tls(ca, certificate=None, key=None):
    context = ssl.create_default_context(cafile=ca)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def etag(self):
        return self.headers.get("ETag")

    def __repr__(self):
        return f"{self.status}: {self.text[:400]}"


class Connection(http.client.HTTPConnection):
    """http.client's, over whatever connect makes."""

    def __init__(self, connect):
        super().__init__("rastos")
        self.make = connect

    def connect(self):
        self.sock = self.make()


class Client:
    def __init__(self, document, connect, token=None):
        self.document, self.make, self.token = document, connect, token
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        operation = self.document.operations.get(name)
        if not operation:
            raise AttributeError(f"the API has no {name}")
        return lambda body=None, **arguments: self.call(operation, body, arguments)

    # --- One operation ---

    def call(self, operation, body, arguments):
        target, headers = self.target(operation, dict(arguments))
        if operation.stream and "Upgrade" in headers:
            return self.open_stream(target, headers)
        media = headers.get("Content-Type")
        if body is not None and not media and operation.body:
            headers["Content-Type"] = next(iter(operation.body["content"]))
        return self.request(operation.method, target, body, headers)

    @staticmethod
    def target(operation, arguments):
        """The request's target and headers."""
        path, query, headers = operation.template, {}, {}
        for special in ("Accept", "Content-Type"):
            if (value := arguments.pop(special.lower().replace("-", "_"), None)) is not None:
                headers[special] = value
        for parameter in operation.parameters:
            name = parameter["name"]
            key = name if parameter["in"] != "header" else name.lower().replace("-", "_")
            if key not in arguments:
                continue
            value = arguments.pop(key)
            value = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else str(value)
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
            elif parameter["in"] == "query":
                query[name] = value
            else:
                headers[name] = value
        if arguments:
            raise TypeError(f"{operation}: has no parameter {', '.join(arguments)}")
        return path + ("?" + urllib.parse.urlencode(query) if query else ""), headers

    # --- One request ---

    def request(self, method, target, body=None, headers=None, check=True):
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        answer = self.exchange(method, target, body.encode() if isinstance(body, str) else body, headers)
        if check:
            self.document.check(method, target, answer)
        return answer

    def exchange(self, method, target, body, headers):
        """Once more on a new connection when the manager had closed the kept one meanwhile."""
        kept = self.connection is not None
        try:
            return self.exchange_once(method, target, body, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.close()
            if not kept:
                raise
        return self.exchange_once(method, target, body, headers)

    def exchange_once(self, method, target, body, headers):
        self.connection = self.connection or Connection(self.make)
        try:
            try:
                self.connection.request(method, target, body, headers)
            except BrokenPipeError:
                if not body:
                    raise
                # It was refused before all of it came; why may still be read.
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except Exception:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    # --- Streams ---

    def open_stream(self, target, headers):
        """A socket when it was upgraded, else the answer. Bytes that came with it are in its `early`."""
        stream = Stream(self.make(), target, headers | self.authorization() | {"Connection": "Upgrade"})
        answer = stream.answer
        self.document.check("GET", target, answer)
        if answer.status != 101:
            stream.close()
            return answer
        return stream

    def follow(self, since=None, last_event_id=None, timeout=10):
        """The event stream; an iterable of events."""
        headers = {"Accept": "text/event-stream"} | self.authorization()
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        target = "/v1/events" + (f"?since={since}" if since is not None else "")
        return Follower(self.make(), target, headers, timeout)

    def authorization(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def send_request(peer, target, headers, method="GET"):
    lines = [f"{method} {target} HTTP/1.1", "Host: rastos", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    peer.sendall("\r\n".join(lines).encode())


class Stream:
    """A connection that becomes a stream of bytes."""

    def __init__(self, peer, target, headers):
        self.peer = peer
        send_request(peer, target, headers)
        self.answer = self.read_answer()

    def read_answer(self):
        """Not a byte behind the answer is lost: they are the stream's."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.peer.recv(4096)
            if not more:
                raise ConnectionResetError(f"the end after {data!r}")
            data += more
        head, self.early = data.split(b"\r\n\r\n", 1)
        status, _, lines = head.partition(b"\r\n")
        headers = http.client.parse_headers(io.BytesIO(lines + b"\r\n\r\n"))
        code = int(status.split()[1])
        body = b""
        if code != 101:
            wanted = int(headers.get("Content-Length", 0))
            body = self.early
            while len(body) < wanted:
                body += self.peer.recv(65536)
        return Answer(code, headers, body)

    def send(self, data):
        self.peer.sendall(data)

    def receive(self, most=65536):
        if self.early:
            data, self.early = self.early, b""
            return data
        return self.peer.recv(most)

    def receive_until(self, end):
        data = b""
        while end not in data:
            more = self.receive()
            if not more:
                break
            data += more
        return data

    def close(self):
        self.peer.close()


class Follower:
    """text/event-stream (HTML, 9.2), as far as it is sent here: id, event and data, and comments."""

    def __init__(self, peer, target, headers, timeout):
        self.peer = peer
        peer.settimeout(timeout)
        send_request(peer, target, headers)
        self.response = http.client.HTTPResponse(peer)
        self.response.begin()
        self.status, self.headers = self.response.status, self.response.headers

    def __iter__(self):
        return self

    def __next__(self):
        fields = {}
        while True:
            line = self.response.readline()
            if not line:
                raise StopIteration
            line = line.decode().rstrip("\n")
            if not line and fields:
                return fields
            if not line or line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            fields[name] = value

    def events(self, count):
        return [json.loads(next(self)["data"]) for _ in range(count)]

    def close(self):
        self.response.close()
        self.peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
