#!/usr/bin/env python3
"""The schema of designs and loadgen's parser agree: study_schema_test.py LOADGEN STUDIES

Each design below is given to both. Needs Debian's python3-jsonschema; exit 77 without it."""

import copy
import json
import os
import re
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

LOADGEN, STUDIES = None, None
ARM = {"name": "a", "server": ["--dispatch=static"]}
LOAD = {"name": "l", "args": ["--closed"]}
SHARE = {"name": "s", "rate_share": 0.5, "args": ["--depth", "4"]}
MAXIMUM = {"trials": 3, "args": ["--closed"]}
GOOD = {"name": "n", "blocks": 3, "warmup": "100ms", "duration": "1s", "server_cpu": 0, "load_cpu": 1,
        "arms": [ARM], "scenarios": ["services"], "loads": [LOAD]}
SAME = {**GOOD, "blocks": 24, "method": {"blocks": 8}, "arms": [ARM, {**ARM, "name": "b", "twin_of": "a"}]}
TIMED = {"blocks": 8, "steps": 86, "share": 0.05, "call_ns": 2420, "step_ns": 1.41}
MORE = {**SAME, "method": TIMED, "arms": [ARM, {**ARM, "name": "b"}]}
SHARES = {**GOOD, "loads": [SHARE], "maximum": MAXIMUM}
CURVES = {**{key: value for key, value in GOOD.items() if key != "scenarios"},
          "arms": [{**ARM, "scenario": "x.json", "curve": "c", "factor": {"endpoints": 10}}]}


def top(base=None, **changes):
    design = {**copy.deepcopy(base or GOOD), **changes}
    return {key: value for key, value in design.items() if value is not ...}


def arm(base=None, **changes):
    design = copy.deepcopy(base or GOOD)
    design["arms"][0] = {key: value for key, value in {**design["arms"][0], **changes}.items() if value is not ...}
    return design


def load(base=None, **changes):
    design = copy.deepcopy(base or GOOD)
    design["loads"][0] = {key: value for key, value in {**design["loads"][0], **changes}.items() if value is not ...}
    return design


def maximum(**changes):
    return top(SHARES, maximum={key: value for key, value in {**MAXIMUM, **changes}.items() if value is not ...})


GOOD_ONES = [
    GOOD, SHARES, CURVES, top(title="t", description="d"), top(name="n" * 48), top(name="A z0._/()+=,:@-"),
    top(blocks=1), top(blocks=2000), top(blocks=2.0), top(repeats=0), top(repeats=2000), top(warmup="0"),
    top(warmup="0.5"), top(duration="1h"), top(server_cpu=1023), top(keep_awake=True), top(transport="jsonl"),
    top(congestion="bbr"), top(reference="a"), top(slo={"p99": "5ms"}), top(scenarios=["s"] + ["t"]),
    top(scenarios=["/" + "long/" * 40 + "~`\n/x.json", "./y.json"]),
    arm(program="p", modules="/m"), arm(transport="jsonl", load=["--encoding", "gzip"]), arm(server=[]),
    arm(server=["x"] * 32), arm(CURVES, factor={"a": 1, "b": 2, "c": 0.5, "d": 1e9}),
    top(arms=[ARM, {"name": "b", "server": ARM["server"], "twin_of": "a"}]),
    load(title="t"), load(args=[]), load(SHARES, rate_share=0.001), load(SHARES, rate_share=2),
    maximum(trials=1), maximum(trials=20), maximum(args=["--closed", "--depth", "16"]),
    top(SHARES, loads=[SHARE, LOAD]), top(SHARES, slo={"p99": "1"}),
    SAME, MORE, top(MORE, method={"blocks": 2, "steps": 500}),
]
BAD_ONES = [
    top(SAME, method={}), top(SAME, method=8), top(SAME, method={"blocks": 1}), top(SAME, method={"blocks": 8, "more": 1}),
    top(SAME, arms=[ARM]), top(SAME, scenarios=["s", "t"]), top(SAME, loads=[LOAD, {**LOAD, "name": "m"}]),
    top(SAME, loads=[{"name": "l", "args": ["--rate", "5"]}]), top(MORE, method={**TIMED, "steps": 0}),
    top(MORE, method={**TIMED, "share": 1.5}), top(MORE, method={"blocks": 8, "share": 0.05}),
    top(MORE, method={"blocks": 8, "steps": 5, "call_ns": 5}),
    [], "text", {}, top(name=...), top(name=7), top(name=""), top(name="n" * 49), top(name="a`b"), top(more=1),
    top(title=""), top(title="a\nb"), top(description=7), top(blocks=...), top(blocks=0), top(blocks=2001),
    top(blocks=2.5), top(blocks="2"), top(repeats=-1), top(repeats=2001), top(warmup=...), top(warmup=5),
    top(warmup="soon"), top(warmup="-1s"), top(duration=...), top(duration=""), top(server_cpu=...),
    top(server_cpu=-1), top(server_cpu=1024), top(load_cpu=...), top(keep_awake=1), top(keep_awake="true"),
    top(transport=""), top(congestion=7), top(reference=7), top(arms=...), top(arms=[]), top(arms={}),
    top(arms=[7]), top(scenarios=...), top(scenarios=[]), top(scenarios=[7]), top(scenarios=[""]),
    top(scenarios=["/a/"]), top(scenarios=["/a/" + "n" * 49]), top(scenarios=["/a/b*"]), top(scenarios=["/" * 4096 + "a"]),
    top(scenarios=["s", "s"]), top(scenarios=["s%d" % i for i in range(17)]), top(loads=...), top(loads=[]),
    top(loads=[7]), top(loads=[{**LOAD, "name": "l%d" % i} for i in range(17)]), top(slo=7), top(slo={}),
    top(slo={"p99": 5}), top(slo={"p50": "5ms"}), top(slo={"p99": "soon"}),
    arm(name=...), arm(name="a*"), arm(server=...), arm(server="x"), arm(server=[7]), arm(server=["x"] * 33),
    arm(server=["--listen=x"]), arm(server=["--port-file", "x"]), arm(server=["--list", "x"]), arm(more=1),
    arm(load=["--rate", "5"]), arm(load=["--closed"]), arm(load=["--seed=5"]), arm(load=7), arm(transport=""),
    arm(program=""), arm(modules=7), arm(curve="c"), arm(factor={"a": 1}), arm(CURVES, factor={}),
    arm(CURVES, factor={"a": 0}), arm(CURVES, factor={"a": "1"}), arm(CURVES, curve="a*b"),
    arm(CURVES, factor={"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}), arm(CURVES, factor={"a*": 1}),
    arm(scenario="x.json"), arm(CURVES, scenario=...),
    load(name=...), load(args=...), load(args=["--target", "x"]), load(args=["--dura", "1s"]), load(more=1),
    load(args=["--json=x"]), load(args=["--quiet"]), load(title=7), load(rate_share=0.5),
    load(SHARES, rate_share=0), load(SHARES, rate_share=2.5), load(SHARES, rate_share="0.5"),
    load(SHARES, args=["--closed"]), load(SHARES, args=["--rate=5"]), top(maximum=MAXIMUM),
    top(SHARES, maximum=...), top(SHARES, maximum=7), maximum(trials=...), maximum(trials=0), maximum(trials=21),
    maximum(args=...), maximum(args=[]), maximum(args=["--depth", "1"]), maximum(args=["--closed", "--rate", "1"]),
    maximum(more=1),
]


class Agreement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        with open(os.path.join(STUDIES, "study.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.validator.check_schema(schema)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def parse(self, design):
        """None, or what loadgen has against it. There is no such server: a design that is read ends in an error of
        another kind, and status 1."""
        path = os.path.join(self.folder.name, "design.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(design, file)
        done = subprocess.run([LOADGEN, "study", path, "--quiet", "--out", os.path.join(self.folder.name, "out"),
                               "--server", "/nowhere/server"], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (1, 2), done.stderr)
        return None if done.returncode == 1 and "cannot run the server" in done.stderr else done.stderr

    def test_good_ones(self):
        for design in GOOD_ONES:
            self.assertEqual(list(self.validator.iter_errors(design)), [], design)
            self.assertIsNone(self.parse(design), design)

    def test_bad_ones(self):
        for design in BAD_ONES:
            self.assertFalse(self.validator.is_valid(design), design)
            self.assertIsNotNone(self.parse(design), design)

    def test_ours(self):
        names = [name for name in os.listdir(STUDIES) if name.endswith(".json") and "schema" not in name]
        self.assertGreaterEqual(len(names), 5)
        for name in names:
            with open(os.path.join(STUDIES, name), encoding="utf-8") as file:
                self.assertEqual(list(self.validator.iter_errors(json.load(file))), [], name)

    def test_the_examples(self):
        """What the README shows holds, with its comments taken out."""
        with open(os.path.join(STUDIES, "README.md"), encoding="utf-8") as file:
            examples = re.findall(r"```jsonc\n(.*?)```", file.read(), re.DOTALL)
        self.assertGreaterEqual(len(examples), 2)
        for example in examples:
            design = json.loads(re.sub(r"(?m)(^|\s)//.*$", "", example))
            self.assertEqual(list(self.validator.iter_errors(design)), [], example)
            self.assertIsNone(self.parse(design), example)

    def test_the_schema_is_no_design(self):
        done = subprocess.run([LOADGEN, "study", "nosuch", "--out", "x"], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("growth, halted, layouts, load, quick, reference, workers", done.stderr)


if __name__ == "__main__":
    LOADGEN, STUDIES = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
