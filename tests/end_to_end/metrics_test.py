#!/usr/bin/env python3
"""GET /metrics, read by the rules of the format and, where it is there, by Prometheus' own parser:
metrics_test.py SERVER"""

import re
import sys
import unittest

from http_client import Server, read_all, wait_until

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whichever python3 this is
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

SERVER = None

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
TYPES = ("counter", "gauge", "histogram")


def parse(text):
    """Text exposition format 0.0.4, strictly: {name: {labels: value}}, labels as a sorted tuple."""
    assert text.endswith("\n")
    samples, types, family = {}, {}, None
    lines = text.split("\n")[:-1]
    for number, line in enumerate(lines):
        where = f"line {number + 1}: {line}"
        if line.startswith("# HELP "):
            family = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line)[1]
            assert family not in types, where  # one group a family
            kind = re.fullmatch(rf"# TYPE {family} (\w+)", lines[number + 1])
            assert kind and kind[1] in TYPES, where
            types[family] = kind[1]
            continue
        if line.startswith("# TYPE "):
            assert line.split()[2] == family, where
            continue
        match = SAMPLE.fullmatch(line)
        assert match, where
        name, value = match[1], float(match[3])
        base = re.sub("_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
        assert base == family, where
        labels = tuple(sorted(re.findall(LABEL, match[2] or "")))
        assert len({label.split("=")[0] for label in labels}) == len(labels), where
        group = samples.setdefault(name, {})
        assert labels not in group, where
        group[labels] = value
        if types[family] == "counter":
            assert name.endswith("_total") and value >= 0, where
    for family, kind in types.items():
        if kind == "histogram":
            check_histogram(samples, family)
    return samples


def check_histogram(samples, family):
    buckets = {}
    for labels, value in samples.get(family + "_bucket", {}).items():
        bound = [label[4:-1] for label in labels if label.startswith('le="')]
        rest = tuple(label for label in labels if not label.startswith('le="'))
        buckets.setdefault(rest, []).append((float(bound[0]), value))
    for labels, list_ in buckets.items():
        assert list_ == sorted(list_), (family, labels)  # bounds grow, and so do counts
        assert all(a[1] <= b[1] for a, b in zip(list_, list_[1:])), (family, labels)
        assert list_[-1][0] == float("inf"), (family, labels)
        assert list_[-1][1] == samples[family + "_count"][labels], (family, labels)
        assert labels in samples[family + "_sum"], (family, labels)


def scrape(server):
    answer = server.get("/metrics")
    assert answer.status == 200, answer.status
    assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    samples = parse(answer.text)
    if text_string_to_metric_families:
        theirs = sum(len(f.samples) for f in text_string_to_metric_families(answer.text))
        assert theirs == sum(len(group) for group in samples.values())
    return samples


def value(samples, name, **labels):
    return samples.get(name, {}).get(tuple(sorted(f'{k}="{v}"' for k, v in labels.items())))


class Metrics(unittest.TestCase):
    def count(self, *options, backend):
        with Server(SERVER, f"--dispatch={backend}", "--call-latency", "1", *options) as server:
            server.call(*[{"id": i, "event": "api.services.status"} for i in range(100)])
            server.call(*[{"event": "api.services.nothing"}] * 3, {}, {"data": 1})
            server.call({"event": "x", "encoding": "rot13"})
            samples = scrape(server)
            endpoint = {"endpoint": "api.services.status", "backend": backend}
            self.assertEqual(value(samples, "evd_calls_total", **endpoint), 100)
            self.assertEqual(value(samples, "evd_calls_failed_total", **endpoint), 0)
            self.assertEqual(value(samples, "evd_call_duration_seconds_count", **endpoint), 100)
            self.assertGreater(value(samples, "evd_call_duration_seconds_sum", **endpoint), 0)
            self.assertEqual(value(samples, "evd_calls_total", endpoint="none", backend=backend), 5)
            self.assertEqual(value(samples, "evd_errors_total", code="no_such_function"), 3)
            self.assertEqual(value(samples, "evd_errors_total", code="empty_event"), 2)
            self.assertEqual(value(samples, "evd_errors_total", code="bad_encoding"), 1)
            self.assertEqual(value(samples, "evd_errors_total", code="bad_data"), 0)
            self.assertEqual(value(samples, "evd_http_requests_total"), 1)
            self.assertEqual(value(samples, "evd_connections_accepted_total"), 4)
            self.assertGreater(value(samples, "evd_received_bytes_total"), 3000)
            self.assertGreater(value(samples, "evd_sent_bytes_total"), 1500)
            self.assertGreater(value(samples, "evd_buffer_bytes"), 0)
            self.assertGreater(value(samples, "evd_loop_turn_seconds_count", worker="0"), 0)
            self.assertGreater(value(samples, "process_resident_memory_bytes"), 1 << 20)
            self.assertGreater(value(samples, "process_open_fds"), 3)
            self.assertGreater(value(samples, "process_start_time_seconds"), 1.6e9)
            info = [dict(l.split("=", 1) for l in labels) for labels in samples["evd_build_info"]]
            self.assertEqual(info[0]["backend"], f'"{backend}"')
            return samples, scrape(server)

    def test_static(self):
        first, second = self.count(backend="static")
        self.assertEqual(value(first, "evd_endpoints"), value(second, "evd_endpoints"))
        self.assertEqual(value(first, "evd_instances"), value(first, "evd_modules"))
        self.assertEqual(value(second, "evd_http_requests_total"), 2)

    def test_dynamic(self):
        samples, _ = self.count(backend="dynamic")
        self.assertEqual(value(samples, "evd_module_loads_total"), 1)
        self.assertEqual(value(samples, "evd_instances"), 1)

    def test_instance(self):
        samples, _ = self.count(backend="instance")
        self.assertEqual(value(samples, "evd_instances"), 0)
        self.assertEqual(value(samples, "evd_instances_constructed_total"), 100)

    def test_whoever_answers_tells_of_all_workers(self):
        with Server(SERVER, "--workers", "3", "--call-latency", "1") as server:
            for _ in range(40):  # connections, which the kernel spreads
                server.call({"event": "api.services.status"})
            for _ in range(10):
                samples = scrape(server)
                endpoint = {"endpoint": "api.services.status", "backend": "static"}
                self.assertEqual(value(samples, "evd_calls_total", **endpoint), 40)
                self.assertEqual(value(samples, "evd_call_duration_seconds_count", **endpoint), 40)
                self.assertEqual(value(samples, "evd_workers"), 3)
                workers = {f'worker="{i}"' for i in range(3)}
                self.assertEqual({labels[0] for labels in samples["evd_connections"]}, workers)

    def test_what_a_client_writes_names_no_series(self):
        with Server(SERVER) as server:
            server.call({"event": "evil.\u2028name"}, {"event": 'a"} 1\nx 2'}, {"event": "no.such"})
            text = server.get("/metrics").text
            self.assertEqual(value(parse(text), "evd_calls_total", endpoint="none", backend="static"), 3)
            for word in ("evil", "such\"", "x 2"):
                self.assertNotIn(word, text)

    def test_the_number_of_series_is_bounded(self):
        with Server(SERVER, "--metrics-endpoints", "1") as server:
            events = [f"api.test.{f}" for f in ("echo", "nothing")] + ["api.services.status", "api.hello.greeting"]
            server.call(*[{"event": event} for event in events])
            self.assertLessEqual(len(scrape(server)["evd_calls_total"]), 3)
            self.assertGreater(value(scrape(server), "evd_calls_total", endpoint="other", backend="static"), 0)

    def test_no_call_is_timed(self):
        with Server(SERVER, "--call-latency", "0") as server:
            server.call(*[{"event": "api.services.status"}] * 100)
            samples = scrape(server)
            self.assertEqual(sum(samples["evd_call_duration_seconds_count"].values()), 0)
            self.assertEqual(value(samples, "evd_call_sample_interval"), 0)

    def test_connections_come_and_go(self):
        with Server(SERVER, "--max-connections", "3") as server:
            client = server.client()  # one for all scrapes, so that there is room for it

            def connections():
                client.request("GET", "/metrics")
                samples = parse(client.getresponse().read().decode())
                return (
                    value(samples, "evd_connections", worker="0"),
                    value(samples, "evd_connections_refused_total"),
                )

            self.assertEqual(connections(), (1, 0))
            held = [server.connect() for _ in range(2)]
            wait_until(lambda: connections() == (3, 0))
            with server.connect() as refused:
                self.assertIn(b'"busy"', read_all(refused))
            self.assertEqual(connections(), (3, 1))
            for connection in held:
                connection.close()
            wait_until(lambda: connections() == (1, 1))
            client.close()

    def test_a_page_over_the_limit_is_told(self):
        with Server(SERVER, "--max-inflated", "64") as server:
            answer = server.get("/metrics")
            self.assertEqual(answer.status, 500)
            self.assertEqual(server.get("/healthz").status, 200)


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
