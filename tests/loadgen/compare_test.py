#!/usr/bin/env python3
"""loadgen run --compare: compare_test.py SERVER LOADGEN. Nothing depends on how fast anything is."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SERVER, LOADGEN = None, None
LOAD = ("--warmup", "0", "--rate", "2000", "--duration", "100ms", "--connections", "2")


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        socket = os.path.join(cls.folder.name, "socket")
        cls.server = subprocess.Popen([SERVER, "--listen", "unix://" + socket], stdout=subprocess.PIPE, text=True)
        assert cls.server.stdout.readline().startswith("listening on ")
        cls.target = "unix://" + socket
        cls.old = os.path.join(cls.folder.name, "old.json")
        done = cls.run_load(*LOAD, "--json", cls.old)
        assert done.returncode == 0, done.stderr
        with open(cls.old, encoding="utf-8") as file:
            cls.result = json.load(file)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.folder.cleanup()

    @classmethod
    def run_load(cls, *arguments):
        return subprocess.run([LOADGEN, "run", "--target", cls.target, *arguments], capture_output=True, text=True,
                              timeout=60, check=False)

    def write(self, change):
        path = os.path.join(self.folder.name, "changed.json")
        result = json.loads(json.dumps(self.result))
        change(result)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file)
        return path

    def test_side_by_side(self):
        def change(result):
            result["latency_ns"]["response"]["p50"] = 1000000
            result["latency_ns"]["response"]["p90"] = 0
            result["latency_ns"]["response"]["count"] = 1000000
            result["throughput"] = 500
            result["valid"] = False

        done = self.run_load(*LOAD, "--compare", self.write(change), "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        new = json.loads(done.stdout)
        rows = {line[:18].strip(): line[18:].split() for line in done.stderr.splitlines()}
        # 200 requests: a p90 and no p99; what was 0 has no ratio.
        self.assertEqual(rows["response p50"][:2], ["1.00", "ms"])
        self.assertEqual(rows["response p50"][-1], f"{new['latency_ns']['response']['p50'] / 1e6:.3f}")
        self.assertEqual((rows["response p90"][0], rows["response p90"][-1]), ("0", "-"))
        self.assertEqual(rows["throughput"][-1], f"{new['throughput'] / 500:.3f}")
        self.assertNotIn("response p99", rows)
        self.assertIn("one run each: no verdict is possible", done.stderr)
        self.assertIn("both runs are INVALID" if not new["valid"] else "the old run is INVALID", done.stderr)
        self.assertIn(self.result["started"], done.stderr)

    def test_on_stdout_without_json(self):
        done = self.run_load(*LOAD, "--compare", self.old)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("compared with " + self.old, done.stdout)

    def test_another_load_is_refused(self):
        for arguments, words in ((("--rate", "1000"), "rate is 2000 there and 1000 here"),
                                 (("--transport", "jsonl"), "transport is frame there and jsonl here"),
                                 (("--connections", "3"), "connections is 2 there and 3 here"),
                                 (("--depth", "2"), "depth is 1 there and 2 here"),
                                 (("--arrivals", "poisson"), "arrivals is constant there and poisson here"),
                                 (("--rate", "1000..3000"), "shape of the rate is constant there and ramp here"),
                                 (("--rate", "1000,3000"), "shape of the rate is constant there and steps here"),
                                 (("--encoding", "gzip"), "encoding is none there and gzip here"),
                                 (("--arrivals", "burst:5ms,5ms"), "pauses, ns, is 0 there and 5000000 here"),
                                 (("--reconnect-every", "7"), "--reconnect-every is 0 there and 7 here"),
                                 (("--half-open", "1"), "half_open is 0 there and 1 here"),
                                 (("--threads", "2"), "threads is 1 there and 2 here"),
                                 (("--scenario", "github-webhooks"),
                                  "scenario is services there and github-webhooks here")):
            done = self.run_load(*LOAD, *arguments, "--compare", self.old)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn("is of another load: ", done.stderr)
            self.assertIn(words, done.stderr)

    def test_files_that_are_none(self):
        def set_schema(result):
            result["schema"] = "evdispatch.run/2"

        def drop_rate(result):
            del result["config"]["rate"]

        def spoil_mode(result):
            result["config"]["mode"] = 7

        for change, words in ((set_schema, "is no result of loadgen run --json (evdispatch.run/1)"),
                              (drop_rate, "no config/rate of the right type"),
                              (spoil_mode, "no config/mode of the right type")):
            done = self.run_load(*LOAD, "--compare", self.write(change))
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words, done.stderr)
        broken = os.path.join(self.folder.name, "broken.json")
        with open(broken, "w", encoding="utf-8") as file:
            file.write('{"schema": "evdispatch.run/1"')
        for path, words in ((broken, "is no result"), ("/nowhere/old.json", "/nowhere/old.json")):
            done = self.run_load(*LOAD, "--compare", path)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(words, done.stderr)
        done = self.run_load(*LOAD, "--compare", self.old, "--quiet")
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    SERVER, LOADGEN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
