"""Who may what: by unix groups on the socket, by tokens and certificates over TCP."""

import hashlib
import re
import shutil
import stat

from api import *

ROLES = ["read", "operate", "admin"]
NOBODY = 65534
TOKENS = {role: f"token-of-{role}-0123456789abcdef" for role in ROLES}


def token_lines(*roles):
    """The file has no token, only its SHA-256."""
    return "".join(f"for-{role} {role} {hashlib.sha256(TOKENS[role].encode()).hexdigest()}\n" for role in roles)


def free_port():
    with socket.socket() as peer:
        peer.bind(("127.0.0.1", 0))
        return peer.getsockname()[1]


class RolesTest(ApiTest):
    def configure_api(self, **members):
        self.configure(api=members)

    def of_role(self, role):
        """An operation that needs exactly this role, and a status that says that it was let through."""
        return {"read": ("GET", "/v1/guests", 200), "operate": ("POST", "/v1/guests/web/pause", 409),
                "admin": ("DELETE", "/v1/guests/nobody", 404)}[role]

    def assert_role(self, role, ask):
        """ask(method, target) -> status: what the role may, and that it may no more."""
        for needed in ROLES:
            method, target, through = self.of_role(needed)
            status = ask(method, target)
            allowed = role in ROLES and ROLES.index(role) >= ROLES.index(needed)
            self.assertEqual(status, through if allowed else 403, (role, needed))

    def asks(self, client):
        return lambda method, target: client.request(method, target).status

    def up_with(self, **members):
        self.define_file("web", autostart=False)
        self.configure_api(**members)
        self.up()

    def not_up(self, words, **members):
        """Settings that are refused: one sentence, and nothing runs."""
        self.configure_api(**members)
        process = self.run_program("up", "-d", "--timeout", "2")
        self.assertNotEqual(process.returncode, DONE)
        self.assert_words(words, process.errors)
        wait_until(lambda: not self.manager_pids())


class EveryOperation(RolesTest):
    def test_every_operation_refuses_less_than_its_role(self):
        """What the document says of roles is what the manager does."""
        self.write("tokens", token_lines(*ROLES))
        os.chmod(self.path("tokens"), 0o600)
        port = free_port()
        self.up_with(listen=[f"127.0.0.1:{port}"], tokens="tokens")
        reader, operator = self.client(tcp(port), TOKENS["read"]), self.client(tcp(port), TOKENS["operate"])
        for operation in self.document.operations.values():
            path = re.sub(r"\{(\w+)\}", lambda name: {"port": "1", "task": "1",
                          "name": "guest"}.get(name.group(1), "web"), operation.template)
            headers = {"Content-Type": next(iter(operation.body["content"]))} if operation.body else {}
            body = b"{}" if operation.body else None
            with self.subTest(operation):
                if operation.role != "read":
                    self.assertEqual(reader.request(operation.method, path, body, headers).status, 403)
                elif operation.id != "getEvents":
                    self.assertNotEqual(reader.request(operation.method, path, body, headers).status, 403)
                if operation.role == "admin":
                    self.assertEqual(operator.request(operation.method, path, body, headers).status, 403)
        self.assert_status(200, self.api.getGuest(guest="web"))


@unittest.skipUnless(os.getuid() == 0, "only root may be other users")
@unittest.skipUnless(shutil.which("setpriv") and shutil.which("curl"), "setpriv or curl is not installed")
class Groups(RolesTest):
    GROUPS = {"read": "games", "operate": "mail", "admin": "news"}  # any that every Debian has

    def gid(self, name):
        import grp
        return grp.getgrnam(name).gr_gid

    def ask_as(self, groups, uid=NOBODY):
        gids = ",".join(str(self.gid(group)) for group in groups)

        def ask(method, target):
            command = ["setpriv", "--reuid", str(uid), "--regid", str(uid), *(["--groups", gids] if gids else ["--clear-groups"]),
                       "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "--unix-socket", self.path(API_SOCKET),
                       "http://rastos" + target]
            return int(subprocess.run(command, capture_output=True, timeout=20).stdout or 0)
        return ask

    def test_group_decides(self):
        self.up_with(groups=self.GROUPS)
        for role, group in self.GROUPS.items():
            with self.subTest(role=role):
                self.assert_role(role, self.ask_as([group]))
        self.assert_role("admin", self.ask_as(self.GROUPS.values()))  # the most counts
        self.assert_role("admin", self.asks(self.api))  # root

    def test_nobody_in_particular_may_nothing(self):
        self.up_with(groups=self.GROUPS)
        ask = self.ask_as(["users"])
        self.assertIn(ask("GET", "/v1/mode"), (0, 401, 403))

    def test_socket_is_not_everybodys_unless_groups_are_said(self):
        self.up_with()
        mode = os.stat(self.path(API_SOCKET)).st_mode
        self.assertEqual(stat.S_IMODE(mode) & 0o007, 0, oct(mode))
        self.assertEqual(self.ask_as([])("GET", "/v1/mode"), 0)

    def test_group_that_is_not_there(self):
        self.not_up(["groups", "no-such-group"], groups={"read": "no-such-group"})


class Tokens(RolesTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.write("tokens", "# who\n\n" + token_lines(*ROLES))
        os.chmod(self.path("tokens"), 0o600)

    def up_tcp(self):
        self.up_with(listen=[f"127.0.0.1:{self.port}"], tokens="tokens")

    def over_tcp(self, token=None):
        return self.client(tcp(self.port), token)

    def test_token_decides(self):
        self.up_tcp()
        for role in ROLES:
            with self.subTest(role=role):
                self.assert_role(role, self.asks(self.over_tcp(TOKENS[role])))

    def test_without_a_token_that_is_known_nothing_is_told(self):
        self.up_tcp()
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Bearer "}, {"Authorization": TOKENS["admin"]},
                        {"Authorization": "Basic " + TOKENS["admin"]},
                        {"Authorization": "Bearer " + TOKENS["admin"] + "x"}, {"Authorization": "Bearer " + TOKENS["admin"][:-1]}):
            for method, target in (("GET", "/v1/guests/web"), ("GET", "/v1/guests/nobody"), ("DELETE", "/v1/guests/web"),
                                   ("GET", "/v1/nothing")):
                answer = self.over_tcp().request(method, target, None, headers)
                self.assert_problem(answer, 401)
                self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
        self.assert_status(200, self.api.getGuest(guest="web"))

    def test_client_that_says_no_more_is_answered(self):
        """Half-closed while its call waits; who is gone for good is known by the RST that a probe gets."""
        self.define_file("slow", ready="notify", autostart=False)
        self.up_tcp()
        peer = tcp(self.port)()
        self.addCleanup(peer.close)
        peer.sendall(f"POST /v1/guests/slow/start?wait=true&timeout_s=2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                     f"Authorization: Bearer {TOKENS['operate']}\r\n\r\n".encode())
        wait_until(lambda: self.api.getGuestState(guest="slow").json["state"] == "starting")
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(peer.recv(4096)[:13], b"HTTP/1.1 504 ")
        gone = tcp(self.port)()
        (pid,) = self.manager_pids()
        before = len(os.listdir(f"/proc/{pid}/fd"))
        gone.sendall(f"GET /v1/guests/slow/boot-report?wait=true&timeout_s=600 HTTP/1.1\r\nHost: x\r\n"
                     f"Authorization: Bearer {TOKENS['read']}\r\n\r\n".encode())
        time.sleep(0.3)
        # As when a process is killed with an answer unread; an orderly end takes a minute longer to be told.
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        wait_until(lambda: len(os.listdir(f"/proc/{pid}/fd")) < before)
        self.assert_serves()

    def test_scheme_is_read_in_any_case(self):
        self.up_tcp()
        self.assert_status(200, self.over_tcp().request("GET", "/v1/mode", None, {"Authorization": "bEARER " + TOKENS["read"]}))

    def test_tokens_that_others_could_read_are_refused(self):
        os.chmod(self.path("tokens"), 0o644)
        self.not_up(["tokens"], listen=[f"127.0.0.1:{self.port}"], tokens="tokens")

    def test_token_files_that_are_wrong(self):
        for text in ("root abc\n", "admin\n", "ci admin short\n", token_lines("admin").replace(" admin ", " root "),
                     token_lines("admin").strip() + " more\n"):
            with self.subTest(text=text):
                self.write("tokens", text)
                self.not_up(["tokens"], listen=[f"127.0.0.1:{self.port}"], tokens="tokens")

    def test_tcp_wants_to_know_who(self):
        self.not_up(["tokens"], listen=[f"127.0.0.1:{self.port}"])

    def test_tcp_beyond_this_host_wants_tls(self):
        self.not_up(["tls"], listen=[f"0.0.0.0:{self.port}"], tokens="tokens")

    def test_addresses_that_are_none(self):
        for address in ("x", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":80", "127.0.0.1:x"):
            with self.subTest(address=address):
                self.not_up(["listen"], listen=[address], tokens="tokens")

    def test_no_tcp_unless_it_is_asked_for(self):
        self.up_with()
        with open("/proc/net/tcp") as file:
            inodes = {line.split()[9] for line in file}
        (pid,) = self.manager_pids()
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
        self.assertFalse([link for link in links if link.startswith("socket:") and link[8:-1] in inodes])


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(RolesTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.authority("ca")
        self.certificate("server", "ca", "127.0.0.1", "subjectAltName=IP:127.0.0.1")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder.name, check=True, capture_output=True, timeout=20)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                     "-out", f"{name}.pem",
                     "-subj", f"/CN={name}", "-days", "2")

    def certificate(self, name, authority, common_name, extension="extendedKeyUsage=clientAuth"):
        """common_name may have an OU before it, as OpenSSL's -subj has them."""
        self.write("ext", extension + "\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr", "-subj",
                     f"/{common_name}" if "=" in common_name else f"/CN={common_name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
                     f"{authority}.key", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")
        os.chmod(self.path(f"{name}.key"), 0o600)

    def up_tls(self, **members):
        self.up_with(listen=[f"127.0.0.1:{self.port}"], tls={"certificate": "server.pem",
                     "key": "server.key"} | members.pop("tls", {}), **members)

    def over_tls(self, certificate=None, token=None, ca="ca.pem"):
        context = tls(self.path(ca), *(self.path(f"{certificate}.{end}")
                      for end in ("pem", "key"))) if certificate else tls(self.path(ca))
        return self.client(tcp(self.port, context=context), token)

    def test_tokens_over_tls(self):
        self.write("tokens", token_lines("read"))
        os.chmod(self.path("tokens"), 0o600)
        self.up_tls(tokens="tokens")
        self.assert_role("read", self.asks(self.over_tls(token=TOKENS["read"])))
        self.assert_problem(self.over_tls().getMode(), 401)

    def test_certificate_decides(self):
        self.up_tls(tls={"client_ca": "ca.pem"})
        for role in ROLES:
            self.certificate(role, "ca", f"OU={role}/CN=somebody")
            with self.subTest(role=role):
                self.assert_role(role, self.asks(self.over_tls(role)))
        self.certificate("nobody", "ca", "OU=nothing/CN=nobody")
        self.assert_problem(self.over_tls("nobody").getMode(), 401)

    def test_strangers_are_not_let_in(self):
        self.up_tls(tls={"client_ca": "ca.pem"})
        self.authority("other")
        self.certificate("stranger", "other", "OU=admin/CN=somebody")
        for client in (self.over_tls(), self.over_tls("stranger")):
            try:
                self.assertIn(client.getMode().status, (401, 403))
            except OSError:
                pass  # not even a handshake
        self.assert_serves()

    def test_plain_http_on_a_tls_port(self):
        self.up_tls(tls={"client_ca": "ca.pem"})
        with tcp(self.port)() as peer:
            try:
                peer.sendall(b"GET /v1/mode HTTP/1.1\r\nHost: x\r\n\r\n")
                peer.shutdown(socket.SHUT_WR)
                self.assertNotIn(b"200", peer.recv(4096))
            except OSError:
                pass  # it hung up
        self.assert_serves()

    def test_handshakes_that_never_end_hold_up_nobody(self):
        self.certificate("admin", "ca", "OU=admin/CN=somebody")
        self.up_tls(tls={"client_ca": "ca.pem"})
        silent = [tcp(self.port)() for _ in range(20)]
        for peer in silent[:10]:
            peer.sendall(b"\x16\x03\x01\x02\x00\x01")
        self.assert_status(200, self.over_tls("admin").getMode())
        self.assert_serves()
        for peer in silent:
            peer.close()

    def test_events_and_streams_over_tls(self):
        self.certificate("operate", "ca", "OU=operate/CN=somebody")
        self.up_tls(tls={"client_ca": "ca.pem"})
        client = self.over_tls("operate")
        with client.follow(since=0) as follower:
            self.assertEqual(follower.events(1)[0]["event"], "manager-started")
        self.assert_status(200, client.startGuest(guest="web", wait=True))
        stream = client.openConsole(guest="web", upgrade="rastos-stream")
        self.assertIsInstance(stream, Stream)
        stream.send(b"x")
        self.assert_status(204, client.killGuest(guest="web", wait=True))
        while stream.receive():
            pass
        stream.close()

    def test_files_that_are_not_there_or_none(self):
        self.write("bad.pem", "nothing\n")
        for members in ({"certificate": "nothing.pem", "key": "server.key"}, {"certificate": "server.pem", "key": "nothing.key"},
                        {"certificate": "bad.pem", "key": "server.key"},
                        {"certificate": "server.pem", "key": "ca.key"}, {"certificate": "server.pem"},
                        {"certificate": "server.pem", "key": "server.key", "client_ca": "bad.pem"}):
            with self.subTest(members=members):
                self.not_up([], listen=[f"127.0.0.1:{self.port}"], tls=members | {"client_ca": members.get("client_ca", "ca.pem")})


main()
