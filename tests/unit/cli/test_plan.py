"""rastos-vmm plan: the division of a host that is only files, and of this one; a manager that is only a socket."""

import json
import os
import socket
import threading

from program import *


class PlanTest(ProgramTest):
    def host(self, cores=2, threads=1, mib=2048, pages_2m=0, nodes=1):
        """A host's /proc and /sys in the folder "host": siblings are numbered as Linux does, cores first."""
        cpu, node = "host/sys/devices/system/cpu", "host/sys/devices/system/node"
        count = cores * threads
        files = {"host/proc/meminfo": f"MemTotal: {mib * 1024} kB\n", f"{cpu}/online": f"0-{count - 1}\n",
                 f"{node}/online": f"0-{nodes - 1}\n"}
        for number in range(count):
            siblings = ",".join(str(sibling) for sibling in range(number % cores, count, cores))
            files[f"{cpu}/cpu{number}/topology/thread_siblings_list"] = siblings + "\n"
        for number in range(nodes):
            on = [other for other in range(count) if other % cores * nodes // cores == number]
            pages = pages_2m // nodes
            files[f"{node}/node{number}/cpulist"] = ",".join(map(str, on)) + "\n"
            files[f"{node}/node{number}/meminfo"] = f"Node {number} MemTotal: {mib * 1024 // nodes} kB\n"
            files[f"{node}/node{number}/hugepages/hugepages-2048kB/nr_hugepages"] = f"{pages}\n"
        for name, text in files.items():
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.write(name, text)

    def guest(self, name, role="guest", **keys):
        self.write(f"guests/{name}.json", json.dumps({"name": name, "role": role, "image": "i.itb", **keys}))

    def settings(self, **keys):
        with open(self.path("vmm.json")) as file:
            settings = json.load(file)
        self.write("vmm.json", json.dumps({**settings, **keys}))

    def shown(self, *arguments, host=True):
        process = self.run_program("plan", *(["--host", "host"] if host else []), *arguments)
        self.assertEqual(process.returncode, DONE, process.errors)
        self.assertEqual(process.errors, "")
        return process.output

    def plan(self, *arguments, **how):
        output = self.shown("--json", *arguments, **how)
        self.assertEqual(output.count("\n"), 1, "not one line")
        return json.loads(output)

    def does_not_fit(self, *words):
        self.refused(REFUSED, words, "plan", "--host", "host")


class Division(PlanTest):
    def test_server_guest_gets_the_rest(self):
        self.host(cores=4, mib=4096)
        self.guest("server", "server")
        self.guest("web", vcpus=1, memory_mib=1024)
        self.settings(reserve={"memory_mib": 512})
        if MODE == "server":
            self.assertEqual(self.shown(), """\
Mode     server
Host     4 CPUs on 4 cores, 1 node, 4096 MiB
Reserve  512 MiB

GUEST   ROLE     VCPUS      MEMORY  PLACEMENT  CPUS  NODES  PAGES
server  server       3    2560 MiB  shared     0-3   -      4K
web     guest        1    1024 MiB  shared     0-3   -      4K
(left)               0       0 MiB
""")
        guests = {guest["name"]: guest for guest in self.plan()["guests"]}
        self.assertEqual(guests["web"], {"name": "web", "role": "guest", "vcpus": 1, "memory_mib": 1024,
                                         "placement": "shared", "cpus": "0-3", "weight": 100, "pages": "4K"})

    def test_host_and_reserve(self):
        self.host(cores=8, threads=2, mib=16384, pages_2m=512, nodes=2)
        plan = self.plan()
        self.assertEqual(plan["host"]["cores"], 8)
        self.assertEqual(plan["host"]["hugepages_mib"], 1024)
        self.assertEqual([node["cpus"] for node in plan["host"]["nodes"]], ["0-3,8-11", "4-7,12-15"])
        self.assertEqual(plan["reserve"], {"cpus": "0,8", "memory_mib": 2048})
        self.assertEqual(plan["left"], {"cpus": 14, "memory_mib": 13312, "hugepages_mib": 1024})
        self.assertIn("16 CPUs on 8 cores, 2 nodes, 16384 MiB, 1024 of them huge pages\n"
                      "Reserve  2048 MiB, CPUs 0,8\n", self.shown())

    def test_exclusive_guest_on_a_node_with_huge_pages(self):
        self.host(cores=8, threads=2, mib=16384, pages_2m=1024, nodes=2)
        self.guest("db", vcpus=4, memory_mib=1024, cpus={"placement": "exclusive", "weight": 300},
                   numa={"nodes": "1"}, memory_backing={"hugepages": "2M"})
        self.assertEqual(self.plan()["guests"], [{
            "name": "db", "role": "guest", "vcpus": 4, "memory_mib": 1024, "placement": "exclusive",
            "cpus": "4-5,12-13", "pins": [4, 12, 5, 13], "weight": 300, "pages": "2M", "nodes": "1",
            "numa_mode": "strict"}])

    def test_mode_of_the_command_line(self):
        self.host()
        self.guest("server", "server")
        self.guest("seat", "desktop")
        self.assertEqual([guest["name"] for guest in self.plan("--mode", MODE)["guests"]],
                         ["server"] if MODE == "server" else ["seat", "server"])
        self.refused(FAILED, ["--mode", "sever", "must be server or desktop"], "plan", "--mode", "sever")

    def test_guest_that_does_not_start_by_itself(self):
        self.host()
        self.guest("spare", vcpus=2, memory_mib=64, autostart=False)
        self.guest("web", vcpus=1, memory_mib=64)
        plan = self.plan()
        self.assertEqual([guest["name"] for guest in plan["guests"]], ["web"])
        self.assertEqual(plan["not_counted"], ["spare"])
        self.assertIn("\nOff, and not to start by themselves: spare\n", self.shown())

    def test_this_host(self):
        plan = self.plan(host=False)
        self.assertGreaterEqual(plan["host"]["cpu_count"], 1)
        self.assertNotIn("changes", plan)


class Refusals(PlanTest):
    def setUp(self):
        super().setUp()
        self.host()
        self.settings(reserve={"memory_mib": 248})

    def test_cpus(self):
        self.guest("web", vcpus=3, memory_mib=64)
        self.does_not_fit("guest web: vcpus: 3 do not fit: of 2 CPUs the host keeps 0", "leaves 2",
                          "overcommit.cpus 1.00")
        self.settings(overcommit={"cpus": 1.5})
        self.assertEqual(self.plan()["guests"][0]["vcpus"], 3)

    def test_memory(self):
        self.guest("a", memory_mib=1024)
        self.guest("b", memory_mib=1024)
        self.does_not_fit("guest b: memory_mib: 1024 MiB do not fit: of 2048 MiB the host keeps 248, huge pages 0, and "
                          "other guests take 1024, which leaves 776")
        self.settings(overcommit={"memory": 1.2})
        self.assertEqual(self.plan()["left"]["memory_mib"], 0)

    def test_huge_pages(self):
        self.guest("db", memory_mib=64, memory_backing={"hugepages": True})
        self.does_not_fit("guest db: memory_mib: 64 MiB of 2M pages do not fit", "pool has 0 MiB", "nr_hugepages")

    def test_cpus_and_nodes_that_are_not_there(self):
        self.guest("a", cpus={"pin": "2"})
        self.does_not_fit("guest a: cpus.pin: 2 is not all there: the host's CPUs are 0-1")
        self.guest("a", numa={"nodes": "0-1"})
        self.does_not_fit("guest a: numa.nodes: 0-1 is not all there: the host's nodes are 0")

    def test_reserve(self):
        self.settings(reserve={"cpus": 2})
        self.does_not_fit("reserve.cpus: 2 of the host's 2 CPUs would leave none for guests")

    def test_files_that_cannot_be_read(self):
        self.refused(FAILED, ["host: nowhere/sys/devices/system/cpu/online", "are /proc and /sys mounted?"],
                     "plan", "--host", "nowhere")
        self.write("guests/bad.json", "{}")
        self.refused(FAILED, ["guests/bad.json", "name: is missing"], "plan", "--host", "host")
        os.remove(self.path("guests/bad.json"))
        self.settings(overcommit={"cpus": 0})
        self.refused(FAILED, ["overcommit.cpus: must be a number from 1 to 100"], "plan", "--host", "host")

    def test_connect_is_another_host(self):
        process = self.run_program("plan", "--host", "host", through=())
        self.assertEqual(process.returncode, DONE)
        self.refused(FAILED, ["no manager listens"], "--connect", "none.sock", "plan")
        self.usage(["--mode and --host"], "--connect", "none.sock", "plan", "--mode", MODE)


class AgainstAManager(PlanTest):
    """The manager is played: it answers "list", as vmm/manager/control.h says."""

    def serve(self, guests):
        os.makedirs(self.path("run"), exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path("run/control.sock"))
        listener.listen()
        self.addCleanup(listener.close)

        def answer():
            connection, _ = listener.accept()
            with connection, connection.makefile("rw") as stream:
                request = json.loads(next(line for line in stream if line.strip()))
                result = {"mode": MODE, "guests": guests} if request["op"] == "list" else {"wrong": request}
                stream.write(json.dumps({"id": request["id"], "ok": True, "result": result}) + "\n")
                stream.flush()

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)

    def changes(self, guests):
        self.serve(guests)
        return self.shown(host=False).partition("\n\n")[2].partition("\n\n")[2]

    def planned(self):
        return self.plan(host=False)["guests"]

    def test_nothing_differs(self):
        self.guest("web", vcpus=1, memory_mib=64)
        runs = [{**guest, "state": "running", "pid": 7} for guest in self.planned()]
        self.assertEqual(self.changes(runs), "Nothing differs from what runs.\n")

    def test_what_differs_and_when_it_changes(self):
        self.guest("web", vcpus=1, memory_mib=64, cpus={"weight": 200})
        self.guest("new", vcpus=1, memory_mib=64)
        self.settings(overcommit={"cpus": 8})
        runs = [{**guest, "pid": 7, "vcpus": 2, "memory_mib": 128, "weight": 100}
                for guest in self.planned() if guest["name"] == "web"]
        runs.append({"name": "old", "pid": 8})
        self.assertEqual(self.changes(runs), """\
Against what runs:
  new: added
  web: vcpus 2 -> 1, when it starts next
  web: memory_mib 128 -> 64, when it starts next
  web: weight 100 -> 200, at once
  old: not in this mode
""")

    def test_guest_that_runs_counts(self):
        self.guest("spare", vcpus=1, memory_mib=64, autostart=False)
        self.assertEqual(self.planned(), [])
        self.serve([{"name": "spare", "pid": 7, "vcpus": 1, "memory_mib": 64}])
        plan = self.plan(host=False)
        self.assertEqual([guest["name"] for guest in plan["guests"]], ["spare"])
        self.assertEqual(plan["changes"], [])

    def test_list_that_cannot_be_read(self):
        self.serve([{"name": 7}])
        self.refused(FAILED, ["the manager's list of guests cannot be read"], "plan")


if __name__ == "__main__":
    main()
