#!/usr/bin/env python3
"""The schema of scenarios and loadgen's parser agree: schema_test.py LOADGEN SCENARIOS

Each scenario below is given to both. Needs Debian's python3-jsonschema; exit 77 without it."""

import copy
import json
import os
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

LOADGEN, SCENARIOS = None, None
REQUEST = {"event": "a.b.c", "expect": 1}
GOOD = {"name": "n", "requests": [REQUEST]}
PAYLOADS = {"name": "n", "expect": {"a": "/b/~0~1"},
            "payloads": {"table": "table.tsv", "package": "@a/b", "version": "1", "file": "f.json"}}


def with_request(**changes):
    request = {**REQUEST, **changes}
    return {"name": "n", "requests": [{key: value for key, value in request.items() if value is not ...}]}


def with_top(base=None, **changes):
    top = {**copy.deepcopy(base or GOOD), **changes}
    return {key: value for key, value in top.items() if value is not ...}


GOOD_ONES = [
    GOOD, PAYLOADS, with_top(description="d"), with_top(name="n" * 63), with_request(event="e" * 255),
    with_request(data={"x": [1, None, "y"]}), with_request(data_file="data.json"), with_request(weight=1),
    with_request(weight=1000), with_request(weight=2.0), with_request(variants=1), with_request(variants=1000),
    with_request(expect=None), with_request(expect=..., expect_error="no_such_function"),
    with_request(expect=..., expect_error="e" * 63), with_request(encoding="base64+gzip"),
    with_request(then=[REQUEST]), with_request(then=[{**REQUEST, "think": "50ms"}] * 100, variants=2),
    with_request(then=[{"event": "a", "think": "0.5", "data_file": "data.json", "expect_error": "busy"}]),
    with_top(PAYLOADS, expect={}), with_top(PAYLOADS, expect={"whole": ""}),
]
BAD_ONES = [
    [], "text", {}, with_top(name=...), with_top(name=7), with_top(name=""), with_top(name="n" * 64),
    with_top(description=""), with_top(description="d" * 1001), with_top(description=None), with_top(more=1),
    with_top(requests=...), with_top(requests=[]), with_top(requests={}), with_top(requests=[7]),
    with_top(expect={"a": "/b"}), with_top(payloads=PAYLOADS["payloads"], expect={}),
    with_request(event=...), with_request(event=""), with_request(event=7), with_request(event="e" * 256),
    with_request(weight=0), with_request(weight=1001), with_request(weight=1.5), with_request(weight="2"),
    with_request(variants=0), with_request(variants=1001), with_request(variants=True),
    with_request(encoding="zip"), with_request(encoding=7), with_request(more=1), with_request(Data=1),
    with_request(expect=...), with_request(expect_error="x"), with_request(expect=..., expect_error=""),
    with_request(expect=..., expect_error="e" * 64), with_request(expect=..., expect_error=7),
    with_request(data=1, data_file="data.json"), with_request(data_file=""), with_request(data_file=7),
    with_request(then=[]), with_request(then={}), with_request(then=[REQUEST] * 101), with_request(then=[7]),
    with_request(then=[{**REQUEST, "think": ""}]), with_request(then=[{**REQUEST, "think": 5}]),
    with_request(then=[{**REQUEST, "think": "-1"}]), with_request(then=[{**REQUEST, "think": "soon"}]),
    with_request(then=[{**REQUEST, "weight": 1}]), with_request(then=[{**REQUEST, "variants": 1}]),
    with_request(then=[{**REQUEST, "then": [REQUEST]}]), with_request(then=[{"event": "a"}]),
    with_request(then=[{**REQUEST, "data": 1, "data_file": "data.json"}]), with_request(think="5ms"),
    with_top(PAYLOADS, expect=...), with_top(PAYLOADS, expect=[]), with_top(PAYLOADS, expect={"a": 7}),
    with_top(PAYLOADS, expect={"a": "b"}), with_top(PAYLOADS, expect={"a": "/~2"}), with_top(PAYLOADS, payloads=7),
] + [with_top(PAYLOADS, payloads={k: v for k, v in PAYLOADS["payloads"].items() if k != key})
     for key in PAYLOADS["payloads"]
] + [with_top(PAYLOADS, payloads={**PAYLOADS["payloads"], key: value})
     for key, value in (("table", ""), ("package", "p" * 101), ("version", "v" * 41), ("file", 7), ("more", 1))]


class Agreement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        with open(os.path.join(SCENARIOS, "scenario.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.validator.check_schema(schema)
        for name, text in (("data.json", '{"a": 1}'), ("table.tsv", "event\tbytes\napi.a.received\t600\n")):
            with open(os.path.join(cls.folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def parse(self, scenario):
        """None, or what loadgen has against it. Nothing listens there: a scenario that is read ends in an error
        of another kind, and status 1."""
        path = os.path.join(self.folder.name, "scenario.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(scenario, file)
        done = subprocess.run([LOADGEN, "run", "--quiet", "--target", "unix:///nowhere/socket", "--rate", "1",
                               "--scenario", path], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (1, 2), done.stderr)
        return None if done.returncode == 1 and "cannot connect" in done.stderr else done.stderr

    def test_good_ones(self):
        for scenario in GOOD_ONES:
            self.assertEqual(list(self.validator.iter_errors(scenario)), [], scenario)
            self.assertIsNone(self.parse(scenario), scenario)

    def test_bad_ones(self):
        for scenario in BAD_ONES:
            self.assertFalse(self.validator.is_valid(scenario), scenario)
            self.assertIsNotNone(self.parse(scenario), scenario)

    def test_ours(self):
        names = [name for name in os.listdir(SCENARIOS) if name.endswith(".json") and "schema" not in name]
        self.assertGreaterEqual(len(names), 3)
        for name in names:
            with open(os.path.join(SCENARIOS, name), encoding="utf-8") as file:
                self.assertEqual(list(self.validator.iter_errors(json.load(file))), [], name)

    def test_where_it_is_wrong(self):
        words = self.parse({"name": "n", "requests": [REQUEST, {**REQUEST, "wait": 1}]})
        self.assertIn("request 2: unknown key 'wait'; allowed are event, data", words)
        words = self.parse({"name": "n", "requests": [{**REQUEST, "then": [REQUEST, {**REQUEST, "think": "2h"}]}]})
        self.assertIn("request 1: step 2: key 'think' is '2h'; allowed is a time of up to 60s", words)


if __name__ == "__main__":
    LOADGEN, SCENARIOS = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
