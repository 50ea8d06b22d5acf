#!/usr/bin/env python3
"""GET /metrics, read by the rules of the format and, where it is there, by Prometheus' own parser:
metrics_test.py SERVER TOP_OF_THE_TREE FOLDER

FOLDER holds the modules of these tests: modules/ and reload/."""

import http.client
import os
import re
import shutil
import socket
import struct
import sys
import tempfile
import unittest

from http_client import Server, read_all, wait_until

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whichever python3 this is
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None

SERVER = TOP = MODULES = None

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
            self.assertGreaterEqual(value(samples, "evd_buffer_peak_bytes"), value(samples, "evd_buffer_bytes"))
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


class Table(unittest.TestCase):
    """The table in docs/OPERATIONS.md and the page tell of the same metrics."""

    def test_names_types_labels(self):
        with open(f"{TOP}/docs/OPERATIONS.md", encoding="utf-8") as file:
            section = re.search(r"^## Metrics\n(.*?)^## ", file.read(), re.M | re.S)[1]
        told = {}
        for names, types, labels in re.findall(r"^\| (`evd_[^|]+) \| ([^|]+) \|([^|]*)\|", section, re.M):
            names, types = re.findall(r"`(\w+)`", names), types.split(", ")
            for name, type_ in zip(names, types * len(names) if len(types) == 1 else types, strict=True):
                told[name] = (type_, tuple(sorted(re.findall(r"`(\w+)`", labels))))
        with Server(SERVER) as server:
            server.call({"event": "api.services.status"})
            text = server.get("/metrics").text
        samples, found = parse(text), {}
        for name, type_ in re.findall(r"^# TYPE (evd_\w+) (\w+)$", text, re.M):
            group = samples[name + "_count" if type_ == "histogram" else name]
            found[name] = (type_, tuple(label.split("=")[0] for label in next(iter(group))))
        self.assertEqual(told, found)

    def test_codes(self):
        with open(f"{TOP}/dispatch/status.h", encoding="utf-8") as file:
            codes = re.findall(r'X\([A-Z_]+,\s*-\d+,\s*"([a-z_]+)"', file.read())
        with Server(SERVER) as server:
            samples = scrape(server)
        told = [labels[0] for labels in samples["evd_errors_total"]]
        self.assertEqual(sorted(told), sorted(f'code="{code}"' for code in [*codes, "module"]))


class Moves(unittest.TestCase):
    """Each metric tells what has happened, exactly where that can be known."""

    REQUEST = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

    def scrape(self, connection):
        """On a connection that is kept: the samples, and the bytes that the answer took."""
        connection.sendall(self.REQUEST)
        text = b""
        while b"\r\n\r\n" not in text:
            text += connection.recv(65536)
        head = text.index(b"\r\n\r\n") + 4
        size = head + int(re.search(rb"Content-Length: (\d+)", text)[1])
        while len(text) < size:
            text += connection.recv(65536)
        return parse(text[head:].decode()), size

    def one_call(self, connection, call, count=1):
        """Sends it so many times in one piece; the answers."""
        connection.sendall(call * count)
        text = b""
        while text.count(b"\n") < count:
            text += connection.recv(65536)
        return text

    def test_bytes_and_reads(self):
        with Server(SERVER) as server, server.connect() as http, server.connect() as caller:
            first, size = self.scrape(http)
            call, answers = b'{"event":"api.services.status"}\n', b""
            for _ in range(3):
                answers += self.one_call(caller, call, 10)
            second, _ = self.scrape(http)
            grown = lambda name: value(second, name) - value(first, name)
            self.assertEqual(grown("evd_received_bytes_total"), len(call) * 30 + len(self.REQUEST))
            self.assertEqual(grown("evd_sent_bytes_total"), len(answers) + size)
            self.assertEqual(grown("evd_reads_total"), 3 + 1)

    def test_connections(self):
        with Server(SERVER) as server, server.connect() as http:
            alone, _ = self.scrape(http)
            with server.connect() as one, server.connect() as two:
                for connection in one, two:
                    self.one_call(connection, b'{"event":"api.services.status"}\n')
                together, _ = self.scrape(http)
            self.assertEqual(value(together, "evd_connections", worker="0"), 3)
            each = value(alone, "evd_connection_bytes")
            self.assertTrue(100 < each < 600)
            self.assertEqual(value(together, "evd_connection_bytes"), 3 * each)
            self.assertEqual(value(together, "evd_connections_accepted_total"), 3)
            self.assertEqual(value(together, "evd_connections_closed_total"), 0)
            wait_until(lambda: value(self.scrape(http)[0], "evd_connections_closed_total") == 2)
            self.assertEqual(value(self.scrape(http)[0], "evd_connections_accepted_total"), 3)

    def test_requests_that_are_none(self):
        with Server(SERVER) as server:
            self.assertIn(b" 400 ", server.say(b"hello\n"))
            self.assertIn(b" 404 ", server.say(b"GET /x HTTP/1.0\r\n\r\n"))
            samples = scrape(server)
            self.assertEqual(value(samples, "evd_http_requests_total"), 3)
            self.assertEqual(value(samples, "evd_http_requests_refused_total"), 1)

    def test_calls_that_fail(self):
        with Server(SERVER) as server:
            server.call({"event": "api.hello.greeting", "name": "x" * 600}, {"event": "api.hello.greeting"})
            samples = scrape(server)
            endpoint = {"endpoint": "api.hello.greeting", "backend": "static"}
            self.assertEqual(value(samples, "evd_calls_total", **endpoint), 2)
            self.assertEqual(value(samples, "evd_calls_failed_total", **endpoint), 1)
            self.assertEqual(value(samples, "evd_errors_total", code="module"), 1)

    def test_calls_that_wait_and_peers_that_go(self):
        options = ("--dispatch=dynamic", "--modules", f"{MODULES}/modules")
        with Server(SERVER, *options) as server, server.connect() as http:
            caller = server.connect()
            caller.sendall(b'{"event":"defer.hold"}\n')
            wait_until(lambda: value(self.scrape(http)[0], "evd_calls_unfinished") == 1)
            samples, _ = self.scrape(http)
            self.assertEqual(value(samples, "evd_calls_cancelled_total"), 0)
            self.assertIsNone(value(samples, "evd_calls_total", endpoint="defer.hold", backend="dynamic"))
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()  # by a reset
            wait_until(lambda: value(self.scrape(http)[0], "evd_calls_cancelled_total") == 1)
            self.assertEqual(value(self.scrape(http)[0], "evd_calls_unfinished"), 0)

    def test_what_ends_connections(self):
        call = b'{"event":"api.test.board","data":"' + b"x" * 60000 + b'"}\n'

        def send_and_read_nothing(connection):
            try:
                while True:  # until it is not read any more, and then closed
                    connection.sendall(call)
            except ConnectionError:
                pass

        def ended(server, limit):
            while True:
                try:
                    timeouts = scrape(server)["evd_timeouts_total"]
                    break
                except (ConnectionError, http.client.HTTPException):  # it was too slow to ask
                    self.assertIn(limit, ("idle", "first_byte"))
            by_limit = timeouts[(f'limit="{limit}"',)]
            return by_limit, sum(timeouts.values()) - by_limit

        half = b'{"event":"' + b"x" * 700_000
        for limit, options, count, act in (
            ("idle", ["--idle-timeout=100ms"], 1, lambda c: self.one_call(c, b'{"event":"api.services.status"}\n')),
            ("write", ["--write-timeout=100ms"], 1, send_and_read_nothing),
            ("linger", [], 1, lambda c: c.sendall(b"[\n")),
            ("first_byte", ["--first-byte-timeout=100ms"], 1, lambda c: None),
            ("message", ["--message-timeout=100ms"], 1, lambda c: c.sendall(b"{")),
            ("call", ["--call-timeout=100ms"], 1, lambda c: self.one_call(c, b'{"event":"defer.hold"}\n')),
            ("memory", ["--max-memory=1m"], 2, lambda c: c.sendall(half)),
        ):
            options += ["--dispatch=dynamic", "--modules", f"{MODULES}/modules"] if limit == "call" else []
            with self.subTest(limit), Server(SERVER, *options) as server:
                self.assertEqual(ended(server, limit), (0, 0))
                connections = [server.connect() for _ in range(count)]
                for connection in connections:
                    act(connection)
                wait_until(lambda: ended(server, limit)[0] > 0)
                by_limit, by_others = ended(server, limit)
                self.assertEqual(by_others, 0)
                if limit not in ("idle", "first_byte"):  # which who asks may run into, too, on a slow machine
                    self.assertEqual(by_limit, 1)
                for connection in connections:
                    connection.close()

    def test_trees_take_memory(self):
        with Server(SERVER) as server:
            before = scrape(server)
            server.call({"event": "api.hello.greeting", "data": {"name": "Ada"}})
            self.assertEqual(value(before, "evd_arena_bytes"), 0)
            self.assertGreater(value(scrape(server), "evd_arena_bytes"), 4096)

    def test_modules_are_loaded_anew_or_not(self):
        with tempfile.TemporaryDirectory() as folder:

            def install(name):
                shutil.copy(f"{MODULES}/reload/{name}.so", f"{folder}/new")
                os.rename(f"{folder}/new", f"{folder}/reload.so")

            def counts():
                samples = scrape(server)
                names = "loads", "reloads", "load_failures"
                return tuple(value(samples, f"evd_module_{name}_total") for name in names)

            install("reload_a")
            with Server(SERVER, "--dispatch=dynamic", "--modules", folder) as server:
                for module, answer, expected in (
                    (None, "A", (1, 0, 0)),
                    ("reload_b", "B", (2, 1, 0)),
                    ("reload_refuses", "B", (2, 1, 1)),
                    ("reload_a", "A", (3, 2, 1)),
                ):
                    if module:
                        install(module)
                    self.assertEqual(server.call({"event": "reload.version"}), [{"data": answer}])
                    self.assertEqual(counts(), expected)
                self.assertEqual(value(scrape(server), "evd_instances"), 1)
                self.assertEqual(value(scrape(server), "evd_modules"), 1)

    def test_the_process(self):
        with Server(SERVER, "--workers", "2") as server:
            samples = scrape(server)
            with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as file:
                limit = re.search(r"^Max open files +(\d+)", file.read(), re.M)[1]
            self.assertEqual(value(samples, "process_max_fds"), int(limit))
            threads = len(os.listdir(f"/proc/{server.process.pid}/task"))
            self.assertEqual(value(samples, "process_threads"), threads)
            resident = value(samples, "process_resident_memory_bytes")
            self.assertGreater(value(samples, "process_virtual_memory_bytes"), resident)
            self.assertGreater(value(samples, "process_cpu_seconds_total"), 0)


if __name__ == "__main__":
    SERVER, TOP, MODULES = (sys.argv.pop(1) for _ in range(3))
    unittest.main()
