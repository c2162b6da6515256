"""Connections to a guest's vsock ports through the manager, as exec and cp make them. These guests have no driver: who does is
in the metal tests."""

from manager import *


class Connect(ManagerTest):
    def test_guest_without_a_driver_is_not_connected(self):
        self.define_file("web")
        self.up()
        descriptors = f"/proc/{self.guest('web')['pid']}/fd"
        before = len(os.listdir(descriptors))
        self.refused(REFUSED, ["guest web", "does not let the host run commands"], "exec", "web", "true")
        wait_until(lambda: len(os.listdir(descriptors)) == before)
        self.assertEqual(self.state("web"), "running")

    def test_connection_is_the_clients_own_after_the_answer(self):
        self.define_file("web")
        self.up()
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(10)
            peer.connect(self.path("run/control.sock"))
            peer.sendall(b'{"id":1,"op":"vsock-connect","guest":"web","port":80}\n')
            with peer.makefile() as lines:
                self.assertTrue(json.loads(lines.readline())["ok"])
                self.assertEqual(lines.readline(), "", "the end: nobody is there")

    def test_guest_that_is_paused_or_off_or_unknown_is_refused(self):
        self.define_file("web")
        self.define_file("mute", vsock={"cid": 4}, autostart=False)
        self.up()
        self.ok("pause", "web")
        self.refused(REFUSED, ["guest web: is paused", "rastos-vmm resume web"], "exec", "web", "true")
        self.refused(REFUSED, ["guest mute", "off"], "cp", "mute:/x", ".")
        self.refused(NO_GUEST, ["wep", "did you mean web?"], "exec", "wep", "true")

    def test_ports_that_are_none_are_named(self):
        self.define_file("web")
        self.up()
        for members in ({}, {"port": -1}, {"port": "x"}, {"port": 4294967295}, {"port": 1.5}):
            answer = self.ask("vsock-connect", guest="web", **members)
            self.assertEqual((answer["ok"], answer["code"]), (False, USAGE), members)
            self.assertIn("port", answer["error"])


class Exec(ManagerTest):
    """exec as an operation, as far as a guest without a helper goes."""

    def refused_exec(self, code, words, **members):
        answer = self.ask("exec", **({"guest": "web", "command": ["true"]} | members))
        self.assertEqual((answer["ok"], answer.get("code")), (False, code), answer)
        self.assert_words(words, answer["error"])

    def test_what_is_refused(self):
        self.define_file("web")
        self.define_file("off", autostart=False, vsock={"cid": 4})
        self.up()
        self.refused_exec(REFUSED, ["web", "does not let the host run commands"])
        self.refused_exec(REFUSED, ["off"], guest="off")
        self.refused_exec(NO_GUEST, ["wep", "web"], guest="wep")
        for words, members in ((["command", "missing"], {"command": []}), (["command", "array"], {"command": "true"}),
                               (["command", "strings"], {"command": ["true", 7]}), (["command", "name"], {"command": [""]}),
                               (["command", "at most 1024"], {"command": ["x"] * 1025}),
                               (["environment", "NAME=VALUE"], {"environment": ["=x"]}),
                               (["environment", "array"], {"environment": {"NAME": "x"}}),
                               (["input", "string"], {"input": 7}), (["timeout_s"], {"timeout_s": 0}),
                               (["user"], {"user": ""}), (["comand", "command"], {"comand": ["true"]})):
            with self.subTest(members=str(members)[:60]):
                self.refused_exec(USAGE, words, **members)
        self.ok("pause", "web")
        self.refused_exec(REFUSED, ["web", "is paused"])

    def test_client_that_goes_leaves_nothing(self):
        self.define_file("web")
        self.up()
        (manager,) = self.manager_pids()
        before = len(os.listdir(f"/proc/{manager}/fd"))
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(self.path("run/control.sock"))
                peer.sendall(b'{"id":1,"op":"exec","guest":"web","command":["true"]}\n')
        wait_until(lambda: len(os.listdir(f"/proc/{manager}/fd")) == before)


main()
