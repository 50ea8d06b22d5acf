#!/usr/bin/env python3
"""Where a run's output goes, and what becomes of it when it cannot: output_test.py SERVER LOADGEN

How fast the machine is decides nothing here."""

import fcntl
import json
import os
import pty
import re
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


if __name__ == "__main__":
    SERVER, LOADGEN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
