#!/usr/bin/env python3
"""Sequences and think times: sequences_test.py SERVER LOADGEN

A server of our own writes down what each connection asks, and when. Upper bounds of times decide nothing."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

LOADGEN = None
THINK = 0.02
SCENARIO = {"name": "s", "requests": [
    {"event": "L", "expect": 1, "then": [{"event": "C", "expect": 2, "think": f"{THINK * 1000:g}ms"},
                                         {"event": "O", "expect": 3}]}]}
ANSWERS = {"L": 1, "C": 2, "O": 3}


class Server:
    """Answers lines of JSON; `seen` has a text of events for each connection, `pauses` the times from the answer
    to L to C."""

    def __init__(self, spoil=None, cut=None, leave=None):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.target = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.leave, self.left = leave, None
        self.spoil, self.cut, self.seen, self.pauses, self.threads = spoil, cut, [], [], []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.seen.append("")
            thread = threading.Thread(target=self.serve, args=(peer, len(self.seen) - 1), daemon=True)
            thread.start()
            self.threads.append(thread)

    def serve(self, peer, number):
        answered = None
        with peer, peer.makefile("rb") as lines:
            for line in lines:
                call = json.loads(line)
                event = call["event"]
                self.seen[number] += event
                if event == "C":
                    self.pauses.append(time.monotonic() - answered)
                if self.left is not None:
                    self.pauses.append(time.monotonic() - self.left)
                if event == self.cut:
                    return
                data = "wrong" if event == self.spoil else ANSWERS[event]
                answered = time.monotonic()
                peer.sendall(json.dumps({"id": call["id"], "data": data}).encode() + b"\n")
                if event == self.leave:
                    self.left = answered
                    return

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(60)
        for thread in self.threads:
            thread.join(60)
        return self.seen, self.pauses


class Sequences(unittest.TestCase):
    def run_load(self, server, *arguments, expected=0):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(SCENARIO, file)
            done = subprocess.run([LOADGEN, "run", "--target", server.target, "--transport", "jsonl", "--scenario", path,
                                   "--warmup", "0", "--drain", "50", "--timeout", "50", "--json", "-", *arguments],
                                  capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, expected, done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def check(self, result, seen, pattern):
        for events in seen:
            self.assertRegex(events, re.compile(f"^{pattern}$"))
        account = dict(result["accounting"])
        scheduled = account.pop("scheduled")
        self.assertEqual(scheduled, sum(account.values()))
        # What found no connection until the end was never seen: on a busy machine, a reconnection takes its time.
        self.assertEqual(scheduled - account["unsent"], sum(map(len, seen)), account)

    def test_open_loop(self):
        server = Server()
        result = self.run_load(server, "--rate", "200", "--duration", "500ms", "--connections", "30")
        seen, pauses = server.stop()
        self.check(result, seen, "(LCO)*(L|LC)?")
        text = "".join(seen)
        self.assertEqual(text.count("L"), 100)
        self.assertEqual(result["accounting"]["ok"], len(text))
        self.assertGreater(text.count("O"), 0)
        self.assertGreaterEqual(min(pauses), THINK)

    def test_closed_loop(self):
        server = Server()
        result = self.run_load(server, "--closed", "--duration", "1s", "--connections", "3", "--threads", "2")
        seen, pauses = server.stop()
        self.check(result, seen, "(LCO)*(L|LC)?")
        self.assertGreaterEqual(len("".join(seen)), 3)
        self.assertTrue(all(pause >= THINK for pause in pauses))

    def test_a_wrong_answer_ends_it(self):
        server = Server(spoil="C")
        result = self.run_load(server, "--closed", "--duration", "1s", "--connections", "2", expected=1)
        seen, _ = server.stop()
        self.check(result, seen, "(LC)*L?")
        self.assertEqual(result["accounting"]["bad"], "".join(seen).count("C"))

    def test_a_lost_connection_ends_it(self):
        server = Server(cut="C")
        result = self.run_load(server, "--rate", "100", "--duration", "300ms", "--connections", "5", expected=1)
        seen, _ = server.stop()
        self.check(result, seen, "(LC?)?")
        self.assertEqual(result["accounting"]["eof"] + result["accounting"]["reset"], "".join(seen).count("C"))

    def test_a_connection_is_lost_while_its_client_thinks(self):
        # What was to follow is never sent, and the connection takes the next sequence when the thinking is over.
        server = Server(leave="L")
        result = self.run_load(server, "--closed", "--duration", "1s", "--connections", "1")
        seen, pauses = server.stop()
        self.check(result, seen, "L?")
        self.assertTrue(all(pause >= THINK for pause in pauses), pauses)

    def test_churn_waits_for_the_end(self):
        server = Server()
        result = self.run_load(server, "--closed", "--duration", "1s", "--connections", "2", "--reconnect-every",
                               "1")
        seen, _ = server.stop()
        self.check(result, seen, "(LCO|LC|L)?")

    def test_depth(self):
        server = Server()
        words = self.run_load(server, "--closed", "--depth", "2", expected=1)
        server.stop()
        self.assertIn("which take a connection each: --depth 1, not 2", words)


if __name__ == "__main__":
    LOADGEN = sys.argv[2]
    unittest.main(argv=sys.argv[:1])
