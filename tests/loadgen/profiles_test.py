#!/usr/bin/env python3
"""Load profiles against the real server: profiles_test.py SERVER LOADGEN. Only counts are asserted."""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

SERVER, LOADGEN = None, None
SCRIPT = """loadgen=$0; ip link set lo up && sysctl -qw net.ipv4.ip_local_port_range="40000 40019" || exit 77
rm -f "$3"; "$1" --listen tcp://127.0.0.1:8000 >"$3" & server=$!
until grep -qs listening "$3"; do sleep 0.02; done
shift 3; "$loadgen" run --target tcp://127.0.0.1:8000 --warmup 0 "$@"; status=$?
kill $server; wait $server; exit $status"""


def start_server():
    server = subprocess.Popen([SERVER, "--listen", "tcp://127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    assert line.startswith("listening on "), line
    return server, line.split()[-1]


def run(target, *arguments, **keywords):
    return subprocess.run([LOADGEN, "run", "--target", target, "--warmup", "0", "--drain", "60", "--timeout", "60",
                           "--json", "-", *arguments],
                          capture_output=True, text=True, timeout=120, check=False, **keywords)


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, cls.target = start_server()

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()

    def load(self, *arguments):
        began = time.monotonic()
        done = run(self.target, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["accounting"]["ok"], result["accounting"]["scheduled"])
        return result, time.monotonic() - began

    def test_ten_thousand(self):
        # From one thread. Each connection gets one of as many requests: a second one would renew it.
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 11000:
            self.skipTest("fewer than 11,000 descriptors here")
        for threads in "1", "3":
            result, _ = self.load("--rate", "20000", "--duration", "500ms", "--connections", "10000", "--threads", threads,
                                  "--reconnect-every", "2", "--wire-timestamps", "off")
            self.assertEqual((result["accounting"]["scheduled"], result["renewed"], result["reconnects"]), (10000, 0, 0))

    def test_churn(self):
        # 1,000 requests, 10 a connection: whichever of them a connection gets, each is closed after its tenth.
        for depth in "1", "4", "64":
            result, _ = self.load("--rate", "2000", "--duration", "500ms", "--connections", "1", "--depth", depth,
                                  "--reconnect-every", "10")
            self.assertEqual(result["accounting"]["scheduled"], 1000)
            self.assertEqual((result["renewed"], result["reconnects"]), (100, 0))
        result, _ = self.load("--closed", "--duration", "500ms", "--connections", "3", "--reconnect-every", "1")
        self.assertGreaterEqual(result["renewed"], result["accounting"]["ok"] - 3)

    def test_bystanders(self):
        rate = 200
        result, seconds = self.load("--rate", "500", "--duration", "500ms", "--half-open", "5", "--partial", "3",
                                    "--slow-readers", "2", "--read-rate", str(rate))
        self.assertEqual(result["accounting"]["scheduled"], 250)
        for kind, wanted in ("half_open", 5), ("partial", 3), ("slow", 2):
            counts = result["bystanders"][kind]
            self.assertEqual((counts["wanted"], counts["failed"]), (wanted, 0))
            self.assertGreaterEqual(counts["made"], wanted)
            self.assertEqual(counts["made"] - counts["ended"], counts["open"])
        self.assertEqual(result["bystanders"]["half_open"]["sent_bytes"], 0)
        partial = result["bystanders"]["partial"]
        self.assertEqual(partial["sent_bytes"], 24 * partial["made"]) # of 48, in frames
        self.assertLessEqual(result["bystanders"]["slow"]["received_bytes"], 2 * rate * (seconds + 1))

    def test_bystanders_say_the_host(self):
        # Of HTTP: what they send is what the load sends, and a request without its host would be another.
        listener = socket.create_server(("127.0.0.1", 0))
        host, seen = f"127.0.0.1:{listener.getsockname()[1]}", []

        def serve():
            for _ in range(2): # the load's, and the slow reader's
                peer, _ = listener.accept()
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

        def answer(peer):
            with contextlib.suppress(ConnectionError), peer, peer.makefile("rb") as lines:
                for line in lines:
                    if line.startswith(b"Host: "):
                        seen.append(line.decode().strip())
                    elif line == b"\r\n":
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")

        threading.Thread(target=serve, daemon=True).start()
        done = run("tcp://" + host, "--transport", "http", "--scenario", "healthz", "--rate", "10", "--duration", "300ms",
                   "--connections", "1", "--slow-readers", "1")
        listener.close()
        self.assertNotEqual(done.stdout, "", done.stderr)
        self.assertGreater(json.loads(done.stdout)["bystanders"]["slow"]["sent_bytes"], 0)
        self.assertGreater(len(seen), 0)
        self.assertEqual(set(seen), {"Host: " + host})

    def test_a_closed_bystander_comes_back(self):
        # A server that closes whatever connects, but for the first connection, which is the load's.
        listener = socket.create_server(("127.0.0.1", 0))
        seen = []

        def serve():
            kept, _ = listener.accept()
            while len(seen) < 3:
                peer, address = listener.accept()
                seen.append(address)
                peer.close()
            kept.close()
            listener.close()

        thread = threading.Thread(target=serve)
        thread.start()
        done = subprocess.Popen(
            [LOADGEN, "run", "--quiet", "--target", f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--rate", "1",
             "--duration", "60s", "--drain", "0", "--connections", "1", "--half-open", "1"],
            stderr=subprocess.DEVNULL)
        thread.join(60)
        done.terminate()
        done.wait(60)
        self.assertEqual(len(seen), 3)

    def test_sources(self):
        listener, peers = socket.create_server(("127.0.0.1", 0)), []

        def serve():
            for _ in range(4):
                peer, address = listener.accept()
                peers.append(address[0])
                peer.close()
            listener.close()

        thread = threading.Thread(target=serve)
        thread.start()
        run(f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--rate", "1", "--duration", "1ms", "--drain", "0",
            "--connections", "4", "--source", "127.0.0.2,127.0.0.3", "--wire-timestamps", "off")
        thread.join(60)
        self.assertEqual(sorted(peers), ["127.0.0.2"] * 2 + ["127.0.0.3"] * 2)

    def test_no_port_is_left(self):
        # In a network of its own there are 20 ports; each further address has 20 more.
        if shutil.which("unshare") is None or shutil.which("ip") is None:
            self.skipTest("no unshare or no ip here")
        log = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"evd-ports-{os.getpid()}")
        self.addCleanup(lambda: os.path.exists(log) and os.remove(log))
        for more, status, words in (([], 1, "no source port is left (EADDRNOTAVAIL)"),
                                    (["--source", "127.0.0.2,127.0.0.3"], 0, "")):
            done = subprocess.run(["unshare", "-rn", "sh", "-c", SCRIPT, LOADGEN, SERVER, "", log, "--rate",
                                   "1000", "--duration", "20ms", "--drain", "60", "--timeout", "60", "--connections", "30",
                                   "--quiet", *more], capture_output=True, text=True, timeout=120, check=False)
            if done.returncode == 77 or "unshare:" in done.stderr:
                self.skipTest("no network of one's own here")
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertEqual("--source" in done.stderr, status == 1)

    def test_descriptors(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        def raisable():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 1000))

        arguments = ("--closed", "--duration", "500ms", "--connections", "150", "--half-open", "50")
        done = run(self.target, *arguments, preexec_fn=few)
        self.assertEqual(done.returncode, 1)
        self.assertIn("200 connections need 264 file descriptors; the limit is 100 (ulimit -Hn)", done.stderr)
        done = run(self.target, *arguments, preexec_fn=raisable)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout[:4000])

    def test_mistakes(self):
        for arguments, words in (
                (("--source", "localhost"), "--source: 'localhost' is not an address"),
                (("--source", "127.0.0.1,"), "--source: '' is not an address"),
                (("--source", "::1"), "--source needs addresses of the target's kind"),
                (("--reconnect-every", "0"), "--reconnect-every: "),
                (("--slow-readers", "1025"), "--slow-readers: "),
                (("--half-open", "-1"), "--half-open: "),
                (("--read-rate", "1m"), "--read-rate goes with --slow-readers")):
            done = run(self.target, "--rate", "1", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(words, done.stderr)
        done = run(self.target, "--rate", "1", "--source", "192.0.2.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--source: cannot use", done.stderr)


if __name__ == "__main__":
    SERVER, LOADGEN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
