"""Metrics: what Prometheus would read, read by its own library where that is installed."""

import re
import unittest

from manager import *

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')

OUT = b"\xba\x00\x0c\x00\x00\xee"  # mov $0xc00, %edx; out %al, (%dx): a port where nobody is


class Metrics(ManagerTest):
    def text(self):
        answer = self.ask("metrics")
        self.assertTrue(answer["ok"], answer)
        return answer["result"]

    def samples(self, text=None):
        """{(name, sorted labels): value}; each line is one that may be, each name has its HELP and TYPE before it."""
        result = {}
        family = None
        seen = set()
        for line in (text or self.text()).splitlines():
            if line.startswith("# HELP "):
                family = line.split()[2]
                self.assertNotIn(family, seen)
                seen.add(family)
                self.assertTrue(line.endswith("."), line)
            elif line.startswith("# TYPE "):
                self.assertEqual(line.split()[2], family)
                kind = line.split()[3]
                self.assertEqual(kind == "counter", family.endswith("_total"), line)
            else:
                name, labels, value = SAMPLE.fullmatch(line).groups()
                self.assertTrue(name == family or kind == "histogram" and name.startswith(family + "_"), line)
                key = (name, tuple(sorted(re.findall(r'([a-z]+)="([^"]*)"', labels or ""))))
                self.assertNotIn(key, result)
                result[key] = float(value)
        return result

    def value(self, name, samples=None, **labels):
        return (samples or self.samples()).get((name, tuple(sorted(labels.items()))))

    def test_manager_alone(self):
        self.up()
        samples = self.samples()
        self.assertEqual(self.value("rastos_info", samples, version=self.ask("host")["result"]["version"], mode=MODE), 1)
        self.assertEqual(self.value("rastos_manager_tasks", samples), 0)
        self.assertAlmostEqual(self.value("process_start_time_seconds", samples), time.time(), delta=30)
        self.assertFalse([name for name, _ in samples if name.startswith("rastos_guest")])
        before = self.value("rastos_manager_requests_total")
        self.ask("list")
        self.assertEqual(self.value("rastos_manager_requests_total"), before + 2)

    def test_states_and_what_is_off(self):
        self.define_file("web")
        self.define_file("off", autostart=False, vsock={"cid": 4})
        self.up()
        self.wait_state("web", "running")
        samples = self.samples()
        for guest, state in (("web", "running"), ("off", "off")):
            states = {dict(labels)["state"] for (name, labels), value in samples.items()
                      if name == "rastos_guest_state" and dict(labels)["guest"] == guest and value == 1}
            self.assertEqual(states, {state})
        self.assertIsNone(self.value("rastos_guest_uptime_seconds", samples, guest="off"))
        self.assertEqual(self.value("rastos_guest_memory_bytes", samples, guest="web"), 16 << 20)
        self.assertGreater(self.value("rastos_guest_resident_memory_bytes", samples, guest="web"), 0)

    def test_exits_are_counted_by_reason(self):
        self.write("ports.elf", elf_kernel(code=OUT * 100))
        self.define_file("web", "ports")
        self.up()
        wait_until(lambda: self.value("rastos_guest_exits_total", guest="web", reason="io") == 100)
        samples = self.samples()
        self.assertEqual(self.value("rastos_guest_exits_total", samples, guest="web", reason="mmio"), 0)
        self.assertGreaterEqual(self.value("rastos_guest_vcpu_exits_total", samples, guest="web", vcpu="0"), 100)
        (stats,) = self.ask("stats", guest="web")["result"]
        self.assertEqual(stats["counters"]["exits"]["io"], 100)

    def test_devices_by_their_ids(self):
        self.write("data.img", bytes(1 << 20))
        self.write("more.img", bytes(1 << 20))
        self.define_file("web", rng=True, disks=[{"path": self.path("data.img"), "id": "data"}, {"path": self.path("more.img")}])
        self.up()
        self.wait_state("web", "running")
        samples = self.samples()
        for device in ("data", "disk1", "rng0", "vsock0"):
            self.assertEqual(self.value("rastos_guest_device_requests_total", samples, guest="web", device=device), 0, device)
        for operation in ("read", "write", "flush"):
            name = "rastos_guest_disk_request_duration_seconds"
            labels = {"guest": "web", "device": "disk1", "operation": operation}
            self.assertEqual(self.value(name + "_count", samples, **labels), 0)
            self.assertEqual(self.value(name + "_bucket", samples, le="+Inf", **labels), 0)
            bounds = [float(dict(labels)["le"]) for sample, labels in samples
                      if sample == name + "_bucket" and ("device", "data") in labels and ("operation", operation) in labels]
            self.assertEqual(bounds, sorted(bounds))
        self.assertIsNone(self.value("rastos_guest_disk_read_bytes_total", samples, guest="web", device="rng0"))

    def test_guest_process_that_does_not_answer(self):
        self.define_file("web")
        self.define_file("hung", vsock={"cid": 4})
        self.up()
        pid = self.guest("hung")["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(lambda: process_alive(pid) and os.kill(pid, signal.SIGCONT))
        samples = self.samples()  # in a second or so
        self.assertIsNotNone(self.value("rastos_guest_exits_total", samples, guest="web", reason="io"))
        self.assertIsNone(self.value("rastos_guest_exits_total", samples, guest="hung", reason="io"))
        self.assertEqual(self.value("rastos_guest_state", samples, guest="hung", state="running"), 1)

    @unittest.skipUnless(text_string_to_metric_families, "wants python3-prometheus-client")
    def test_prometheus_reads_it(self):
        self.write("data.img", bytes(1 << 20))
        self.define_file("web", disks=[{"path": self.path("data.img")}])
        self.up()
        self.wait_state("web", "running")
        text = self.text()
        theirs = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
                  for family in text_string_to_metric_families(text) for sample in family.samples}
        self.assertEqual(theirs, self.samples(text))
        kinds = {family.name: family.type for family in text_string_to_metric_families(text)}
        self.assertEqual(kinds["rastos_guest_disk_request_duration_seconds"], "histogram")
        self.assertNotIn("unknown", kinds.values())

    def test_many_guests(self):
        for number in range(20):
            self.define_file(f"guest{number}", vsock={"cid": 3 + number})
        self.up()
        wait_until(lambda: len({labels for name, labels in self.samples() if name == "rastos_guest_exits_total"}) == 80)


main()
