#!/usr/bin/env python3
"""Where a run's output goes, and what becomes of it when it cannot: output_test.py SERVER LOADGEN

How fast the machine is decides nothing here."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

SERVER, LOADGEN = None, None
SHORT = ("--rate", "200", "--warmup", "0", "--duration", "200ms", "--connections", "2")


class Output(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen([SERVER, "--listen", "unix://" + cls.path("socket")],
                                      stdout=subprocess.PIPE, text=True)
        assert cls.server.stdout.readline().startswith("listening on ")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    def command(self, *arguments):
        return [LOADGEN, "run", "--target", "unix://" + self.path("socket"), *arguments]

    def whole(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            result = json.load(file)
        os.unlink(self.path(name))
        self.assertEqual(result["accounting"]["ok"], result["accounting"]["scheduled"])
        return result

    def test_full(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for options in (), ("--json", "-"):
                done = subprocess.run(self.command(*SHORT, *options), stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=120, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"\Aloadgen: cannot write to the standard output(: No space left on device)?\n\Z")
        for option, words in (("--json", "loadgen: cannot write /dev/full: No space left on device\n"),
                              ("--hlog", "loadgen: --hlog: cannot write the interval log: No space left on device\n")):
            done = subprocess.run(self.command(*SHORT, option, "/dev/full", "--quiet"), capture_output=True, text=True,
                                  timeout=120, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", words))

    def test_no_exit_without_a_word(self):
        # At 10/s the second request is due after 100 ms.
        done = subprocess.run(self.command("--rate", "10", "--warmup", "1ms", "--duration", "1ms", "--quiet"),
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "loadgen: no request fell due in the measured window: 10.00/s for 1.00 ms; "
                                      "a higher --rate or a longer --duration is needed\n")

    def test_a_reader_that_is_gone(self):
        # Nobody reads the table, nor the lines on stderr: the file has the result all the same.
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(self.command("--rate", "20", "--warmup", "0", "--duration", "5500ms", "--connections", "2",
                                           "--json", self.path("json")), stdout=write, stderr=write, timeout=120,
                              check=False)
        os.close(write)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.whole("json")["measured_ns"], 5500000000)

    def test_closed_descriptors(self):
        # What is printed must not go to a connection that got the number of a closed descriptor.
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                               *self.command(*SHORT, "--json", self.path("json"))], timeout=120, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.whole("json")["accounting"]["ok"], 40)


    def test_too_few_for_the_quantile(self):
        # 40 requests have a p50, and no p99.99, whoever asks: each INVALID of --fail-on-invalid is told by 3.
        done = subprocess.run(self.command(*SHORT, "--quantiles", "50,99.99", "--fail-on-invalid", "--json",
                                           self.path("json")), capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("\nINVALID: too few responses for p99.99, ten above it: 40 of the 100,000 that it takes\n",
                      done.stdout)
        result = self.whole("json")
        self.assertIn("samples", result["invalid_causes"])
        self.assertIsNone(result["quantiles"][1]["response_ns"])
        done = subprocess.run(self.command(*SHORT, "--quantiles", "50", "--json", self.path("json")),
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("samples", self.whole("json")["invalid_causes"])

    def terminal(self, *arguments, last=""):
        """What a run writes to a terminal of 200 columns, its lines; they are wiped at the end, and `last` is written."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        text = b""
        with subprocess.Popen(self.command("--rate", "100", "--warmup", "0", "--duration", "3500ms", "--connections", "2",
                                           *arguments), stdout=subprocess.DEVNULL, stderr=slave,
                              env={**os.environ, "NO_COLOR": "1"}) as process:
            os.close(slave)
            try:
                while piece := os.read(master, 4096):
                    text += piece
            except OSError: # the other end is closed: Linux says EIO
                pass
            os.close(master)
            process.wait(60)
        lines = text.decode().split("\r\033[K")
        self.assertEqual((lines[0], lines[-1]), ("", last), text)
        return lines[1:-1]

    def test_terminal(self):
        lines = self.terminal()
        self.assertGreaterEqual(len(lines), 1) # on a machine that lets it look once at least
        for line in lines:
            self.assertRegex(line, r"^measuring  [\u2581-\u2588 ]{1,3}  p99 [0-9.]+ \S+  p50 [0-9.]+ \S+  [0-9.,]+/s of 100/s  "
                                   r"errors 0  (valid so far|INVALID so far: the \S+ .*)  [0-9]+ s left$")

    def test_terminal_of_a_run_gone_wrong(self):
        with open(self.path("wrong.json"), "w", encoding="utf-8") as file:
            json.dump({"name": "n", "requests": [{"event": "api.services.status", "expect": "off"}]}, file)
        for line in self.terminal("--scenario", self.path("wrong.json"), last="loadgen: 350 of 350 requests went wrong, "
                                  "warm-up included: 350 answered wrongly\r\n"):
            self.assertRegex(line, r"errors [1-9][0-9]*  INVALID so far: requests went wrong  ")

    def test_interrupted(self):
        for sign, status in (signal.SIGINT, 130), (signal.SIGTERM, 143):
            with subprocess.Popen(self.command("--rate", "100", "--warmup", "0", "--duration", "10m", "--json",
                                               self.path("json"), "--fail-on-invalid"), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as process:
                process.stderr.readline() # it measures
                process.send_signal(sign)
                table, _ = process.communicate(timeout=60)
                self.assertEqual(process.returncode, status)
            self.assertRegex(table, r"\nINVALID: interrupted after [0-9.]+ s of measuring\n")
            self.assertEqual(self.whole("json")["invalid_causes"][0], "interrupted")


if __name__ == "__main__":
    SERVER, LOADGEN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
