#!/usr/bin/env python3
"""RESULTS/PITFALLS.md from made-up data whose answers are known: pitfalls_test.py LOADGEN. The values are so small that
each has a bucket of its own."""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

LOADGEN = None
TITLES = {"aa": ["One run of each", "First all of A, then all of B"],
          "reference": ["Calls counted as if they were independent", "Percentiles averaged",
                        "Latency read off a full closed loop", "A generator as full as the server"],
          "truth": ["Latency from the time of sending"], "layouts": ["One layout of the code"],
          "halted": ["CPUs that go to sleep"]}
CLOSED = {"name": "throughput", "args": ["--closed"]}
OPEN = {"name": "latency", "args": ["--rate", "4000"]}


def histogram(values):
    values = sorted(values)

    def quantile(q):
        return values[max(math.ceil(q * len(values)), 1) - 1]

    return {"count": len(values), "min": values[0], "mean": sum(values) / len(values), "p50": quantile(0.5),
            "p90": quantile(0.9), "p99": quantile(0.99), "p99_9": quantile(0.999), "max": values[-1],
            "histogram": [list(bucket) for bucket in sorted(Counter(values).items())]}


class Study:
    """A folder of a study, trial by trial."""

    def __init__(self, root, name, **changes):
        self.folder = os.path.join(root, name)
        os.mkdir(self.folder)
        arms = [{"name": "static", "server": []}, {"name": "static (A/A)", "twin_of": "static", "server": []}]
        design = {"name": name, "title": "T", "blocks": 6, "warmup": "100ms", "duration": "1s", "server_cpu": 0,
                  "load_cpu": 1, "arms": arms, "scenarios": ["services"], "loads": [CLOSED], **changes}
        about = {"schema": "evdispatch.study/1", "commit": "0123456789ab", "started": "2026-01-02T03:04:05Z",
                 "machine": {"cpu": "none", "cores": 2, "kernel": "0"}, "design": design}
        with open(os.path.join(self.folder, "study.json"), "w", encoding="utf-8") as file:
            json.dump(about, file)
        self.lines = []

    def trial(self, block, arm, *, load="throughput", rate=1000.0, cpu=100, values=(100,) * 100, valid=True, attempt=1,
              woke_late_p99=50, share=0.5, brief=False):
        closed = load == "throughput"
        sums = {key: 0 for key in ("bad", "timeout", "reset", "eof", "refused", "unsent", "in_flight")}
        run = {"schema": "evdispatch.run/1", "valid": valid, "invalid": [] if valid else ["late"],
               "invalid_causes": [] if valid else ["late"], "throughput": rate,
               "accounting": {"scheduled": 100, "ok": 100, **sums},
               "config": {"mode": "closed" if closed else "open", "rate": 0 if closed else 4000, "connections": 8,
                          "depth": 8},
               "scenario": {"payloads": "inline", "requests": 1, "endpoints": 1, "request_bytes_mean": 4},
               "server": {"cpu_ns": 100 * cpu, "calls": 100}, "client": {"cpu_share_max": share}}
        if not brief:
            run["latency_ns"] = {"response": histogram(values), "woke_late": {"count": 100, "p99": woke_late_p99}}
        self.lines.append({"trial": len(self.lines) + 1, "block": block, "attempt": attempt, "arm": arm,
                           "scenario": "services", "load": load, "seed": str(block), "problem": None, "run": run})

    def write(self):
        with open(os.path.join(self.folder, "trials.jsonl"), "w", encoding="utf-8") as file:
            for line in self.lines:
                file.write(json.dumps(line) + "\n")


def make_aa(root):
    study = Study(root, "aa", blocks=96, repeats=1, method={"blocks": 8})
    for block in range(1, 97):
        arms = ("static", "static (A/A)") if block % 2 else ("static (A/A)", "static")
        for arm in arms:
            rate, valid = 1000.0, True
            if block <= 8:  # drift alone: 10 % from the first half to the second
                rate = 1100.0 if block > 4 else 1000.0
                if block == 3 and arm == arms[0]:  # INVALID, and repeated
                    study.trial(block, arm, rate=10.0, valid=False, brief=True)
                    study.trial(block, arm, rate=rate, attempt=2, brief=True)
                    continue
            elif block <= 16:  # a difference alone: 3 %
                rate = 1030.0 if arm != "static" else 1000.0
            elif block == 17:
                rate = 1250.0 if arm != "static" else 1000.0
            elif 57 <= block <= 64:  # drift again
                rate = 1100.0 if block > 60 else 1000.0
            elif block == 18:  # lacks one
                valid = arm != "static"
            study.trial(block, arm, rate=rate, valid=valid, brief=True)
    study.write()


def make_reference(root, slow_cpu=300, awake=True):
    arms = [{"name": "static", "server": []}, {"name": "other", "server": []},
            {"name": "static (A/A)", "twin_of": "static", "server": []}]
    study = Study(root, "reference", arms=arms, loads=[CLOSED, OPEN], keep_awake=awake)
    for block in range(1, 7):
        for arm in ("static", "other", "static (A/A)"):
            slow = arm == "other"
            study.trial(block, arm, rate=3.2e8 if slow else 6.4e8, cpu=slow_cpu if slow else 100,
                        values=(200 if slow else 100,) * 100, share=0.95 if slow else 0.9)
            values = [100] * 100
            if arm == "static (A/A)" and block > 4:
                values = [110] * 100
            if slow and block == 6:
                values = [100] * 50 + [200] * 50
            study.trial(block, arm, load="latency", rate=4000, values=values)
    study.write()


def make_layouts(root, other=(95, 110)):
    """other: the CPU of that arm in layouts 1 and 2."""
    arms = [{"name": "static", "server": []}, {"name": "other", "server": []},
            {"name": "static (A/A)", "twin_of": "static", "server": []}]
    study = Study(root, "layouts", blocks=8, layouts=2, arms=arms)
    for block in range(1, 9):
        second = block % 2 == 0
        study.trial(block, "static", cpu=100)
        study.trial(block, "other", cpu=other[second] + (block > 4))
        study.trial(block, "static (A/A)", cpu=102 if second else 100)
    study.write()


def make_halted(root):
    study = Study(root, "halted", blocks=12, loads=[OPEN])
    for block in range(1, 13):
        for arm in ("static", "static (A/A)"):
            study.trial(block, arm, load="latency", rate=4000, values=[200] * 95 + [250] * 5,
                        woke_late_p99=500, valid=block > 2 or arm != "static")
    study.write()


def make_truth(root):
    os.mkdir(os.path.join(root, "truth"))
    service, response = histogram([20000] * 990 + [10**9] * 10), histogram([20000] * 900 + [10**9] * 100)
    run = {"config": {"rate": 1000, "connections": 10, "duration_ns": 10**9},
           "latency_ns": {"service": service, "response": response}}
    truths = [{"name": "a", "checks": [], "runs": [run]}, {"name": "b", "checks": [], "runs": [{}]}]
    with open(os.path.join(root, "truth", "truth.json"), "w", encoding="utf-8") as file:
        json.dump({"truths": truths}, file)


MAKERS = {"aa": make_aa, "reference": make_reference, "layouts": make_layouts, "halted": make_halted, "truth": make_truth}


class Pitfalls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for make in MAKERS.values():
            make(self.root)
        self.page = self.make()

    def make(self):
        """The page, section by section; None where there is none."""
        done = subprocess.run([LOADGEN, "report", "--results", self.root], capture_output=True, text=True, timeout=300,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        path = os.path.join(self.root, "PITFALLS.md")
        with open(os.path.join(self.root, "README.md"), encoding="utf-8") as file:
            self.assertEqual("(PITFALLS.md)" in file.read(), os.path.exists(path))
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            sections = file.read().split("\n## ")[1:]
        return {section.split("\n", 1)[0]: section.replace("\\", "") for section in sections}

    def assert_says(self, title, *texts):
        for text in texts:
            self.assertIn(text, self.page[title])

    def test_one_run(self):
        # Of 96 blocks one lacks a trial; 8 are 3 % apart, one 25 %.
        self.assert_says("One run of each", "Of 95 pairs of trials", "9 (9.5 %) are more than 2 % apart",
                         "1 (1.1 %) more than 5 %", "farthest two are 25 % apart",
                         "1 of 12 comparisons of 8 pairs say that the two differ")

    def test_turns(self):
        # Of 12 comparisons drift is in two, a difference in one, and one has a single pair that differs, of 7.
        drift, other, pair = math.log(1.1), math.log(1.03), math.log(1.25)
        time = math.sqrt((2 * drift**2 + (pair / 7)**2) / 12)
        arms = math.sqrt((other**2 + (pair / 7)**2) / 12)
        self.assert_says("First all of A, then all of B", "16 in a row", "off by more than 2 % in 3 of 12. ",
                         "Interleaved, as they were: in 2. ",
                         f"is {time:.1%} by time and {arms:.1%} interleaved".replace("%", " %"))
        # The same in two, of 47 pairs and of 48; drift and difference are in the first half of both.
        time = math.sqrt((((8 * drift + 8 * other + pair) / 47)**2 + (8 * drift / 48)**2) / 2)
        arms = math.sqrt(((8 * other + pair) / 47)**2 / 2)
        self.assert_says("First all of A, then all of B",
                         f"With 96 in a row: {time:.1%} and {arms:.2%} (2 comparisons)".replace("%", " %"))

    def test_calls(self):
        self.assert_says("Calls counted as if they were independent", "On `services`", "some 100 calls a trial",
                         "in 2 of 6 blocks", "by chance it would in 0.300", "the twin's p50 is × 1.049 [1.000, 1.100]")

    def test_percentiles(self):
        self.assert_says("Percentiles averaged", "by the mean over 6 trials `other` has × 1.167 of the p99 of `static`",
                         "by rank it has × 1.000 [1.000, 2.000], and of all calls × 2.000",
                         "With 100 calls a trial, its p99.9 rests on 1 of them",
                         "| `other`, `services` | 117 ns | 200 ns | 117 ns | 200 ns |",
                         "| `static (A/A)`, `services` | 103 ns | 110 ns | 103 ns | 110 ns |")

    def test_sending(self):
        self.assert_says("Latency from the time of sending",
                         "asked 1,000 times a second over 10 connections for 1.00 s",
                         "10 of 1,000 requests took 100 ms or longer, and the p99 is 20.0 µs",
                         "from when they were due, 100, and the p99 is 1.00 s", "| p99 | 20.0 µs | 1.00 s |")

    def test_closed(self):
        self.assert_says("Latency read off a full closed loop",
                         "`other` was asked 320 M/s where `static` was asked 640 M/s",
                         "× 2.000 of that of `static` in the closed load, and × 1.000 in the open one, at 4,000/s",
                         "mean response is 8 × 8 calls in flight", "| `other`, `services` | 320 M/s | 200 ns | 64.0 | 108 ns |")

    def test_full(self):
        self.assert_says("A generator as full as the server", "in 1 of 1 rows of the table", "more than 85 % of a core",
                         "each of these gets the verdict that it gets by the server's CPU per call. Nearer to 1 by "
                         "throughput than by CPU, of those whose CPU per call differs from the reference's: 1 of 1.",
                         "| `other`, `services` | 95 % | 9,600 % | 0.500 [0.500, 0.500] | 0.333 [0.333, 0.333] |")

    def test_layouts(self):
        self.assert_says("One layout of the code", "linked in 2 orders",
                         "`other` takes × 0.955 of the server CPU of `static` in layout 1 and × 1.105 in layout 2: 16 % apart",
                         "The A/A arm, which is noise, is 2.0 % apart", "layouts differ in 1 of 1 arms.",
                         "| `other`, `services`, throughput | 0.955 layout 1 | 1.105 layout 2 | 16 % | 0.018 |")

    def test_halted(self):
        self.assert_says("CPUs that go to sleep", "The same load, 4,000/s on `services`",
                         "not paired. Where they are halted the p50 is × 2.000.",
                         "| kept awake (`reference`) | 100 ns | 100 ns | 50.0 ns | 0 of 12 |",
                         "| halted (`halted`) | 200 ns | 250 ns | 500 ns | 2 of 24 |")

    def readme(self):
        with open(os.path.join(self.root, "README.md"), encoding="utf-8") as file:
            return file.read().replace("\\", "")

    def test_halted_says_what_it_is_for(self):
        self.assertIn("a load of `reference`, 4,000 calls a second on `services`, without what keeps them awake there. Half of "
                      "the calls of `static` are answered within 0.200 µs [0.200, 0.200], and within 0.100 µs [0.100, 0.100] in "
                      "`reference`. These are two studies, not paired: no verdict follows.\n", self.readme())
        self.assertNotIn("there is no arm but `static`", self.readme())
        self.assertEqual(self.readme().count("none, 2 CPUs, Linux 0."), 1)  # one machine, told once

    def test_reference_that_was_halted_too(self):
        self.remake("reference", 300, False)
        self.assertNotIn("CPUs that go to sleep", self.make())
        self.assertIn("there is no arm but `static`", self.readme())

    def test_one_arm_and_its_copy(self):
        shutil.rmtree(os.path.join(self.root, "reference"))
        self.make()
        self.assertIn("\nBy median latency: there is no arm but `static`.\n", self.readme())
        self.assertIn("there is no other arm.\n", self.readme())

    def remake(self, folder, *arguments):
        shutil.rmtree(os.path.join(self.root, folder))
        MAKERS[folder](self.root, *arguments)

    def test_what_did_not_bite_is_told_as_such(self):
        self.remake("reference", 150)
        self.remake("layouts", (100, 100))
        self.page = self.make()
        self.assert_says("A generator as full as the server", "more than 85 % of a core. By throughput,")
        self.assertNotIn("Nearer to 1", self.page["A generator as full as the server"])
        self.assert_says("One layout of the code", "layouts differ in 0 of 1 arms: none is shown here.")
        self.remake("reference", 100)
        self.page = self.make()
        self.assert_says("A generator as full as the server", "By throughput, 1 of these gets another verdict than by the server's CPU per call.")

    def test_other_load_is_not_compared(self):
        path = os.path.join(self.root, "halted", "trials.jsonl")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"rate": 4000,', '"rate": 2000,'))
        self.assertNotIn("CPUs that go to sleep", self.make())

    def test_what_is_not_there_is_left_out(self):
        left = sum(TITLES.values(), [])
        self.assertEqual(sorted(self.page), sorted(left))
        for folder in ("aa", "layouts", "truth", "halted", "reference"):
            shutil.rmtree(os.path.join(self.root, folder))
            left = [title for title in left if title not in TITLES[folder]]
            page = self.make()
            self.assertEqual(sorted(page or []), sorted(left))
        self.assertIsNone(page)

    def test_damage_is_named(self):
        path = os.path.join(self.root, "reference", "trials.jsonl")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:  # 301 is no start of a bucket
            file.write(text.replace("[200, 50]", "[301, 50]"))
        with open(os.path.join(self.root, "PITFALLS.md"), encoding="utf-8") as file:
            before = file.read()
        done = subprocess.run([LOADGEN, "report", "--results", self.root], capture_output=True, text=True, timeout=300,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("301 ns is not where a bucket", done.stderr)
        with open(os.path.join(self.root, "PITFALLS.md"), encoding="utf-8") as file:
            self.assertEqual(file.read(), before)


if __name__ == "__main__":
    LOADGEN = sys.argv.pop(1)
    unittest.main()
