"""The manager is killed in the midst of each operation that changes something: what was answered has happened, what was not has
happened whole or not at all, and the next manager has it."""

import http.client
import random
import threading

from api import *

GONE = (OSError, http.client.HTTPException)


class Killed(ApiTest):
    ROUNDS = int(os.environ.get("RASTOS_API_KILLS", 4))

    def setUp(self):
        super().setUp()
        self.configure(networks_dir="networks")
        self.random = random.Random(self.id())
        self.up()

    def killed_while(self, work):
        """work(client, i) for i from 0 on, until the manager is gone; what it was told: [(i, answer)], and the i without an answer."""
        told, last = [], []
        (manager,) = self.manager_pids()  # later a process that is about to become a guest's may have its lock, too

        def go():
            client = self.client()
            number = 0
            try:
                while True:
                    last[:] = [number]
                    told.append((number, work(client, number)))
                    number += 1
            except GONE:
                client.close()

        worker = threading.Thread(target=go)
        worker.start()
        wait_until(lambda: told)
        time.sleep(self.random.uniform(0, 0.05))
        os.kill(manager, signal.SIGKILL)
        wait_until(lambda: not process_alive(manager))
        worker.join()
        # It says so when a guest ended that was just being started.
        process = self.run_program("up", "-d", "--timeout", "15")
        self.assertIn(process.returncode, (DONE, FAILED), process.errors)
        return told, last[0]

    def test_definitions_that_were_acknowledged_are_there(self):
        for round_ in range(self.ROUNDS):
            told, last = self.killed_while(lambda client, i: client.putGuest(
                self.definition(f"r{round_}-{i}"), guest=f"r{round_}-{i}"))
            for number, answer in told:
                self.assert_status(201, answer)
                got = self.assert_status(200, self.api.getGuest(guest=f"r{round_}-{number}"))
                self.assertEqual((got.json["name"], got.etag), (f"r{round_}-{number}", answer.etag))
            self.assertIn(self.api.getGuest(guest=f"r{round_}-{last}").status, (200, 404))

    def test_patches_that_were_acknowledged_are_there(self):
        self.put("web")
        for _ in range(self.ROUNDS):
            told, last = self.killed_while(lambda client, i: client.patchGuest({"memory_mib": 16 + i}, guest="web"))
            memory = self.api.getGuest(guest="web").json["memory_mib"]
            self.assertIn(memory, (16 + told[-1][0], 16 + last))

    def test_versions_hold_across_managers(self):
        """Each change names the version before it: none is made twice, none on top of what nobody saw."""
        etag = self.put("web").etag
        for _ in range(self.ROUNDS):
            etags = [etag]

            def change(client, i):
                answer = client.patchGuest({"memory_mib": 16 + i % 2 * 16 + i // 2}, guest="web", if_match=etags[-1])
                self.assert_status(200, answer)
                etags.append(answer.etag)
                return answer

            self.killed_while(change)
            got = self.api.getGuest(guest="web")
            stale = self.api.patchGuest({"memory_mib": 999}, guest="web", if_match=etags[-2])
            self.assert_problem(stale, 412)
            self.assertEqual(self.api.getGuest(guest="web").etag, got.etag)
            etag = got.etag

    def test_guests_that_were_forgotten_stay_away(self):
        for round_ in range(self.ROUNDS):
            for number in range(60):
                self.define_file(f"r{round_}-{number}", autostart=False)
            self.assert_status(204, self.api.down())
            wait_until(lambda: not self.manager_pids())
            self.up()
            told, last = self.killed_while(lambda client, i: client.deleteGuest(guest=f"r{round_}-{i}"))
            left = {guest["name"] for guest in self.api.listGuests(limit=1000).json["guests"]}
            for number, answer in told:
                if number < 60:
                    self.assert_status(204, answer)
                    self.assertNotIn(f"r{round_}-{number}", left)
            self.assertLessEqual({f"r{round_}-{number}" for number in range(last + 1, 60)}, left)

    def test_networks_that_were_acknowledged_are_there(self):
        for round_ in range(self.ROUNDS):
            told, _ = self.killed_while(lambda client, i: client.putNetwork(
                {"name": f"n{round_}-{i}", "address": "192.168.213.1/24"}, network=f"n{round_}-{i}"))
            names = {network["name"] for network in self.api.listNetworks().json["networks"]}
            self.assertLessEqual({f"n{round_}-{number}" for number, answer in told if answer.status == 201}, names)

    def test_disks_that_were_acknowledged_are_there_and_whole(self):
        for round_ in range(self.ROUNDS):
            told, last = self.killed_while(lambda client, i: client.putDisk(
                {"size": 512 * (i + 1)}, disk=f"d{round_}-{i}", wait=True))
            for number, answer in told:
                self.assert_status(201, answer)
                self.assertEqual(self.api.getDisk(disk=f"d{round_}-{number}").json["size"], 512 * (number + 1))
            left = self.api.getDisk(disk=f"d{round_}-{last}")
            self.assertTrue(left.status == 404 or left.json["size"] == 512 * (last + 1), left)

    def test_guests_that_were_to_start_run(self):
        for round_ in range(self.ROUNDS):
            for number in range(6):
                self.put(f"s{round_}-{number}", autostart=False)

            def start(client, i):
                return client.startGuest(guest=f"s{round_}-{i}") if i < 6 else client.getMode()

            told, last = self.killed_while(start)
            for number, answer in told:
                if number < 6:
                    self.assert_status(202, answer)
                    wait_until(lambda: self.api.getGuestState(guest=f"s{round_}-{number}").json["state"] == "running")
            for number in range(last + 1, 6):
                self.assertEqual(self.api.getGuestState(guest=f"s{round_}-{number}").json["state"], "off")

    def test_guests_that_were_stopped_stay_off(self):
        for round_ in range(self.ROUNDS):
            for number in range(4):
                self.put(f"k{round_}-{number}", autostart=False)
                self.assert_status(200, self.api.startGuest(guest=f"k{round_}-{number}", wait=True))

            def stop(client, i):
                return client.killGuest(guest=f"k{round_}-{i}", wait=True) if i < 4 else client.getMode()

            told, _ = self.killed_while(stop)
            for number, answer in told:
                if number < 4:
                    self.assert_status(204, answer)
                    self.assertEqual(self.api.getGuestState(guest=f"k{round_}-{number}").json["state"], "off")

    def test_what_was_paused_is_told_as_it_is(self):
        self.put("web")
        self.assert_status(200, self.api.startGuest(guest="web", wait=True))
        for _ in range(self.ROUNDS):
            told, last = self.killed_while(lambda client, i: (client.pauseGuest if i % 2 == 0 else client.resumeGuest)(guest="web"))
            state = self.api.getGuestState(guest="web").json["state"]
            possible = {"paused" if number % 2 == 0 else "running" for number in (told[-1][0], last)}
            self.assertIn(state, possible)
            if state == "paused":
                self.assert_status(204, self.api.resumeGuest(guest="web"))


main()
