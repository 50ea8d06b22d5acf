#!/usr/bin/env python3
"""What loadgen writes is what the schemas say: result_schema_test.py SERVER LOADGEN SCHEMAS [PART]

PART: Agreement, or Strictness; both without.

Needs Debian's python3-jsonschema; exit 77 without it. How fast the machine is decides nothing here."""

import copy
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    print("skipped: no python3-jsonschema here")
    sys.exit(77)

SERVER, LOADGEN, SCHEMAS = None, None, None
SHORT = ("--warmup", "20ms", "--duration", "100ms", "--connections", "2")
RUNS = [
    ("--rate", "500"), ("--rate", "500..1000", "--arrivals", "poisson", "--seed", "18446744073709551615"),
    ("--rate", "100,200", "--encoding", "gzip", "--retry"), ("--rate", "500", "--arrivals", "burst:10ms,10ms"),
    ("--closed", "--duration", "1s", "--threads", "2", "--wire-timestamps", "off", "--reconnect-every", "3"),
    ("--rate", "500", "--half-open", "1", "--partial", "1", "--slow-readers", "1", "--quantiles", "50,99.99"),
    ("--closed", "--duration", "1s", "--transport", "http", "--scenario", "healthz", "--source", "127.0.0.2,127.0.0.3"),
    ("--rate", "0.001"), # nothing falls due in the window
]


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen([SERVER, "--listen", "tcp://127.0.0.1:0"], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        cls.target = cls.server.stdout.readline().split()[-1]
        cls.validators = {}
        for name in "run", "slo":
            with open(os.path.join(SCHEMAS, name + ".schema.json"), encoding="utf-8") as file:
                schema = json.load(file)
            jsonschema.Draft202012Validator.check_schema(schema)
            cls.validators[name] = jsonschema.Draft202012Validator(schema)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.folder.cleanup()

    def write(self, *arguments):
        done = subprocess.run([LOADGEN, arguments[0], "--target", self.target, *SHORT, "--json", "-", *arguments[1:]],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertNotEqual(done.stdout, "", done.stderr)
        return json.loads(done.stdout)

    def check(self, name, result):
        self.assertEqual([error.message for error in self.validators[name].iter_errors(result)], [])


class Agreement(Case):
    def test_runs(self):
        for arguments in RUNS:
            with self.subTest(arguments):
                self.check("run", self.write("run", *arguments))
        full = self.write("run", "--rate", "500", "--server-pid", str(self.server.pid), "--server-metrics",
                          "--server-syscalls")
        self.check("run", full)
        self.assertIsNotNone(full["server"])
        self.assertIsNotNone(full["server_metrics"])

    def test_a_run_gone_wrong(self):
        path = os.path.join(self.folder.name, "wrong.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"name": "n", "requests": [{"event": "api.services.status", "expect": "off"}]}, file)
        result = self.write("run", "--rate", "500", "--scenario", path)
        self.assertGreater(result["accounting"]["bad"], 0)
        self.assertIsNotNone(result["first_bad"])
        self.check("run", result)

    def test_an_interrupted_run(self):
        path = os.path.join(self.folder.name, "interrupted.json")
        with subprocess.Popen([LOADGEN, "run", "--target", self.target, "--rate", "500", "--warmup", "0", "--duration",
                               "10m", "--json", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            process.stderr.readline() # it measures
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(60), 130)
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
        self.check("run", result)
        self.assertIn("interrupted", result["invalid_causes"])
        self.assertLess(result["measured_ns"], 600 * 10 ** 9)

    def test_searches(self):
        for arguments in (("--p50", "50s", "--from", "100", "--to", "200"), ("--p50", "1us", "--from", "500"),
                          ("--p99", "1ms", "--p50", "1ms", "--runs", "1")):
            self.check("slo", self.write("slo", *arguments))

    def test_every_cause_is_in_it(self):
        with open(os.path.join(SCHEMAS, "..", "cause.h"), encoding="utf-8") as file:
            causes = re.findall(r'#define LG_CAUSE_\w+ +"([a-z-]+)"', file.read())
        self.assertEqual(causes, self.validators["run"].schema["properties"]["invalid_causes"]["items"]["enum"])


class Strictness(Case):
    def test_nothing_may_be_missing_or_of_another_type(self):
        def nodes(value, path=()):
            yield path
            children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, child in children:
                yield from nodes(child, path + (key,))

        for name, result in (("run", self.write("run", "--rate", "500", "--server-pid", str(self.server.pid),
                                                "--server-metrics", "--half-open", "1")),
                             ("slo", self.write("slo", "--p50", "50s", "--from", "100", "--to", "100"))):
            for path in list(nodes(result))[1:]:
                for spoil in "drop", "retype", "rename":
                    spoiled = copy.deepcopy(result)
                    at = spoiled
                    for key in path[:-1]:
                        at = at[key]
                    if spoil == "retype":
                        at[path[-1]] = {"no": "such thing"}
                    elif isinstance(at, list) or path[:1] == ("objectives_ns",) or "response_ns" in path[:-1]:
                        continue
                    elif spoil == "drop":
                        del at[path[-1]]
                    else:
                        at[path[-1] + "_"] = at.pop(path[-1])
                    self.assertFalse(self.validators[name].is_valid(spoiled), (name, spoil, path))


if __name__ == "__main__":
    SERVER, LOADGEN, SCHEMAS = sys.argv[1:4]
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
