#!/usr/bin/env python3
"""loadgen slo against the real server: slo_test.py SERVER LOADGEN

How fast the machine is decides nothing here: what is asserted are counts, and that the answer is the one that
follows from the runs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SERVER, LOADGEN = None, None
LEAD, INVALID_ROW = 3, 5


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen([SERVER, "--listen", "unix://" + cls.path("socket")],
                                      stdout=subprocess.PIPE, text=True)
        assert cls.server.stdout.readline().startswith("listening on ")
        cls.target = "unix://" + cls.path("socket")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def slo(self, *arguments):
        done = subprocess.run([LOADGEN, "slo", "--target", self.target, "--warmup", "0", "--connections", "2",
                               *arguments], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def check(self, answer):
        """What must hold of any search."""
        self.assertEqual(answer["schema"], "evdispatch.slo/1")
        tally = {}
        for run in answer["runs"]:
            account = dict(run["accounting"])
            self.assertEqual(account.pop("scheduled"), sum(account.values()))
            row = tally.setdefault(run["rate"], {"met": 0, "missed": 0, "invalid": 0})
            row[run["outcome"]] += 1
            self.assertEqual(run["outcome"] == "invalid", run["worst"] is None and run["invalid"] != "")
        self.assertEqual(len({run["seed"] for run in answer["runs"]}), len(answer["runs"]))
        for end, more, less in (("low", "met", "missed"), ("high", "missed", "met")):
            if answer["state"] in ("found", "at_least", "unreachable") and answer[end] is not None:
                row = tally[answer[end]]
                self.assertGreaterEqual(row[more] - row[less], LEAD, end)
        return tally

    def test_never_missed(self):
        # 60 s is above what any reply may take: no run can miss it.
        code, out, err = self.slo("--p50", "60s", "--from", "200", "--to", "300", "--duration", "100ms",
                                  "--json", "-")
        answer = json.loads(out)
        tally = self.check(answer)
        self.assertTrue(all(row["missed"] == 0 for row in tally.values()), tally)
        self.assertTrue(all(run["accounting"]["scheduled"] >= 20 for run in answer["runs"]))
        if answer["state"] == "at_least":
            self.assertEqual((code, answer["low"], answer["high"]), (0, 300, None))
        else:  # on a machine that lets no run be valid
            self.assertEqual((code, answer["state"]), (3, "unmeasurable"))
        self.assertIn("run 1: ", err)

    def test_wrong_answers_miss_it(self):
        # However late the generator is, a wrong answer is the server's.
        scenario = self.path("wrong.json")
        with open(scenario, "w", encoding="utf-8") as file:
            json.dump({"name": "wrong", "requests": [
                {"event": "api.services.status", "data": "welcome", "expect": "offline"}]}, file)
        kept, figure = self.path("kept.json"), self.path("curve.svg")
        arguments = ["--p50", "1ms", "--p90", "2ms", "--from", "200", "--duration", "100ms", "--scenario",
                     scenario, "--json", kept]
        if shutil.which("gnuplot"):
            arguments += ["--svg", figure]
        code, out, _ = self.slo(*arguments)
        with open(kept, encoding="utf-8") as file:
            answer = json.load(file)
        tally = self.check(answer)
        self.assertEqual((code, answer["state"], answer["low"], answer["high"]), (1, "unreachable", None, 200))
        self.assertEqual(tally, {200: {"met": 0, "missed": LEAD, "invalid": 0}})
        for run in answer["runs"]:
            self.assertEqual(run["accounting"]["bad"], run["accounting"]["scheduled"])
        self.assertIn("p50 <= 1.00 ms and p90 <= 2.00 ms does not hold at 200/s, the lowest rate", out)
        if shutil.which("gnuplot"):
            tree = xml.etree.ElementTree.parse(figure)
            self.assertTrue(tree.getroot().tag.endswith("svg"))

    def test_a_server_that_is_not_there(self):
        self.target, kept = "unix://" + self.path("nothing"), self.target
        code, _, err = self.slo("--p50", "1ms")
        self.target = kept
        self.assertEqual(code, 1)
        self.assertIn("cannot connect", err)

    def test_mistakes(self):
        for arguments, words in (
                ((), "an objective is missing, such as --p99 5ms"),
                (("--p99", "0"), "--p99: '0' is not a limit above 0 and up to 60s"),
                (("--p99",), "option '--p99' needs a value"),
                (("--p100", "1s"), "--p100: not a percentile"),
                (("--p9x", "1s"), "--p9x: not a percentile"),
                (("--p99", "1s", "--p99.0", "2s"), "--p99.0: given twice"),
                (("--p99", "1s", "--precision", "60%"), "--precision: '60%' is not a precision"),
                (("--p99", "1s", "--from=2k", "--to=1k"), "--from must not be above --to"),
                (("--p99", "1s", "--runs", "0"), '--runs: number "0" is not valid'),
                (("--p99", "1s", "--rate", "5"), "--rate does not go with slo"),
                (("--p99", "1s", "--closed"), "--closed does not go with slo"),
                (("--p99", "1s", "--nothing"), "loadgen slo --help lists them"),
                (("--p99", "1s", "--json", "/nowhere/x"), "--json: cannot write /nowhere/x")):
            code, out, err = self.slo(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertTrue(err.startswith("loadgen: "), err)
            self.assertIn(words, err)


if __name__ == "__main__":
    SERVER, LOADGEN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
