#!/usr/bin/env python3
"""The clients in docs/clients do what they promise: clients_test.py SERVER CLIENT PROGRAM...

PROGRAM... runs CLIENT; "" or nothing: it is not there. Node is not run in CI. With every backend, in both transports, over TCP and a Unix socket."""

import json
import os
import subprocess
import sys
import unittest

from protocol_client import BACKENDS, DEADLINE, TOKEN, server

SERVER, CLIENT, *PROGRAM = sys.argv[1:]


def run(*arguments):
    return subprocess.run([*PROGRAM, CLIENT, *arguments], capture_output=True, text=True, timeout=DEADLINE)


class Clients(unittest.TestCase):
    def expect(self, arguments, answers):
        done = run(*arguments)
        self.assertEqual((done.stdout.splitlines(), done.stderr, done.returncode), (answers, "", 0))

    def test_calls(self):
        board = json.dumps({"a": [1, 2.5, None], "text": 'é "quoted" \\ \n'}, ensure_ascii=False, separators=(",", ":"))
        big = json.dumps("x" * 100_000)
        calls = ["api.services.status", f"api.test.board={board}", "api.test.nothing", "api.test.board"]
        answers = ['"online"', board, "error no_such_function: Nothing doesn't exist", "null"]
        for backend in BACKENDS:
            with server(SERVER, backend) as addresses:
                for transport, address in ([], addresses[0]), (["--frame"], addresses[1]):
                    arguments = [*transport, address, *calls * 60, f"api.test.board={big}"]
                    self.expect(arguments, [*answers * 60, big])

    def test_state_counts_in_the_order_of_the_calls(self):
        with server(SERVER, BACKENDS[0]) as addresses:
            self.expect([addresses[1], *["api.counter.next"] * 500], [str(i) for i in range(1, 501)])
            self.expect(["--frame", addresses[0], *["api.counter.next"] * 500], [str(i) for i in range(501, 1001)])

    def test_tokens(self):
        with server(SERVER, BACKENDS[0], token=True) as addresses:
            for transport in ([], ["--frame"]):
                self.expect([*transport, "--token", TOKEN, addresses[0], "api.services.status"], ['"online"'])
                done = run(*transport, addresses[1], "api.services.status")
                self.assertIn("no_permission: user hasn`t permission", done.stdout + done.stderr)
                self.assertNotIn("online", done.stdout)

    def test_fewer_than_60_lines(self):
        with open(CLIENT, encoding="utf-8") as file:
            self.assertLess(len(file.readlines()), 60)


if __name__ == "__main__":
    if not any(PROGRAM) or (os.environ.get("CI") and CLIENT.endswith(".mjs")):
        print(f"skipped: no program here that runs {CLIENT}" if not any(PROGRAM) else "skipped: CI runs no Node")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
