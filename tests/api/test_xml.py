"""Guests as libvirt domain XML over the API: what comes in is the definition that it says, what goes out says the definition."""

import threading

from api import *

DOMAIN = """<domain type='kvm'>
  <name>web</name>
  <uuid>6f1e3a52-7c1b-4c55-9c7e-2f0d5e7b8a11</uuid>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type><kernel>%s</kernel></os>
  %s
</domain>
"""


class Xml(ApiTest):
    def setUp(self):
        super().setUp()
        self.up()

    def domain(self, more=""):
        return DOMAIN % (self.path("sleep.elf"), more)

    def put_xml(self, text, **arguments):
        return self.api.putGuest(text, guest="web", content_type=XML, **arguments)

    def get_xml(self):
        return self.assert_status(200, self.api.getGuest(guest="web", accept=XML))

    def test_guest_is_defined_by_xml_and_read_as_json(self):
        answer = self.assert_status(201, self.put_xml(self.domain()))
        self.assertEqual(answer.json["guest"]["name"], "web")
        definition = self.api.getGuest(guest="web").json
        self.assertEqual((definition["memory_mib"], definition["kernel"]["path"], definition["uuid"]),
                         (64, self.path("sleep.elf"), "6f1e3a52-7c1b-4c55-9c7e-2f0d5e7b8a11"))

    def test_what_goes_out_comes_in_again_as_the_same(self):
        self.put("web", memory_mib=32, autostart=False, disks=[{"path": "/srv/a.img", "id": "a", "read_only": True}])
        first = self.api.getGuest(guest="web")
        text = self.get_xml()
        self.assertIn(b"<domain", text.body)
        self.assert_status(204, self.api.deleteGuest(guest="web"))
        self.assert_status(201, self.put_xml(text.body))
        self.assertEqual(self.api.getGuest(guest="web").json, first.json)
        self.assertEqual(self.get_xml().body, text.body)

    def test_forms_have_versions_of_their_own_which_hold_for_both(self):
        etag = self.put("web").etag
        xml = self.get_xml()
        self.assertNotEqual(xml.etag, etag)
        self.assert_status(304, self.api.getGuest(guest="web", accept=XML, if_none_match=xml.etag))
        self.assert_status(200, self.api.getGuest(guest="web", if_none_match=xml.etag))
        self.assert_status(200, self.api.patchGuest({"memory_mib": 32}, guest="web", if_match=xml.etag))
        self.assert_problem(self.put_xml(self.domain(), if_match=xml.etag), 412)
        self.assert_status(200, self.put_xml(self.domain(), if_match=self.get_xml().etag))

    def test_what_says_nothing_to_a_small_vm_is_told(self):
        answer = self.assert_status(201, self.put_xml(self.domain(
            "<devices><controller type='usb' index='0' model='qemu-xhci'/><controller type='usb' index='1' model='qemu-xhci'/></devices>")))
        self.assertIn("/domain/devices/controller", " ".join(item["xpath"] for item in answer.json["ignored"]))
        self.assertEqual(sum(item["count"] for item in answer.json["ignored"] if "controller" in item["xpath"]), 2)

    def test_what_would_change_its_meaning_is_refused_by_its_path(self):
        for more, words in (("<devices><hostdev mode='subsystem' type='pci'><source><address domain='0' bus='6' slot='2' function='0'/></source></hostdev></devices>", ["hostdev"]),
                            ("<launchSecurity type='sev'><policy>1</policy></launchSecurity>", ["launchSecurity"])):
            with self.subTest(more[:30]):
                self.assert_problem(self.put_xml(self.domain(more)), 422, words)
        self.assertEqual(self.api.listGuests().json["guests"], [])

    def test_xml_that_is_none_or_hostile(self):
        for text in ("", "<", "<domain>", "<a/>", "{}", "<domain type='kvm'/>" * 2, "\0", self.domain().replace("hvm", "xen"),
                     "<!DOCTYPE d [<!ENTITY a 'x'>]>" + self.domain("<description>&a;</description>"),
                     "<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + self.domain("<description>&a;</description>"),
                     "<a>" * 5000, self.domain().replace("64", "-1"), self.domain().replace("64", "9" * 30)):
            with self.subTest(text[:30]):
                answer = self.put_xml(text)
                self.assertIn(answer.status, (400, 422), answer)
                self.assertNotIn("\n", answer.json["detail"])
        self.assertIn(self.put_xml("<domain>" + " " * (2 << 20)).status, (413,))
        self.assert_serves()
        self.assertEqual(self.api.listGuests().json["guests"], [])

    def test_client_that_goes_while_it_is_converted(self):
        text = self.domain()
        for _ in range(20):
            peer = self.raw()
            peer.sendall(
                f"PUT /v1/guests/web HTTP/1.1\r\nHost: x\r\nContent-Type: {XML}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            peer.close()
        wait_until(lambda: self.put_xml(text).status in (200, 201))
        (pid,) = self.manager_pids()
        wait_until(lambda: not os.path.exists(f"/proc/{pid}/task/{pid}/children")
                   or not Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def test_many_at_once_are_converted_or_told_to_come_again(self):

        statuses = []

        def ask(number):
            client = self.client()
            statuses.append(client.putGuest(self.domain().replace(">web<", f">g{number}<").replace(
                "6f1e3a52", f"6f1e3a{number:02}"), guest=f"g{number}", content_type=XML).status)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual(set(statuses), {201, 503})
        self.assertIn(201, statuses)
        self.assertEqual(len(self.api.listGuests().json["guests"]), statuses.count(201))


main()
