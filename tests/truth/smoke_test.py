#!/usr/bin/env python3
"""./evdispatch truth in a twentieth of its time: every truth is told, whatever it says.

smoke_test.py LOADGEN EVD_SERVER TRUTH_SERVER"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = []
CALL = bytes.fromhex('ed 01 01 00 00000013 0000000000000007 0013 0000') + b'api.services.status'
ANSWER = 20 + len('"online"')  # all of it: a rest would pass for the next one
FIGURES = {'a': 4, 'b': 8, 'c': 4, 'd': 4, 'e': 5, 'f': 1, 'g': 2}


def truth(*arguments):
    return subprocess.run([sys.executable, '-B', os.path.join(HERE, 'truth.py'), '--loadgen', TOOLS[0], '--evd-server', TOOLS[1], '--server', TOOLS[2],
                           *arguments], capture_output=True, text=True, timeout=200, check=False)


class Smoke(unittest.TestCase):
    def test_all(self):
        with tempfile.TemporaryDirectory() as folder:
            done = truth('--smoke', '--out', folder)
            self.assertIn(done.returncode, (0, 1, 3), done.stderr)
            with open(os.path.join(folder, 'truth.json'), encoding='utf-8') as file:
                result = json.load(file)
            self.assertEqual(result['schema'], 'evdispatch.truth/1')
            for row in result['truths']:
                if row['unmeasurable']:  # wrk is not everywhere
                    self.assertEqual((row['name'], row['unmeasurable']), ('f', 'wrk is not installed'))
                else:
                    self.assertEqual(len(row['checks']), FIGURES[row['name']], (row['name'], row['checks'], done.stderr))
            self.assertEqual([row['name'] for row in result['truths']], list(FIGURES))
            for check in (c for row in result['truths'] for c in row['checks']):
                self.assertIn(check['what'], done.stdout)
            page = truth('--render', os.path.join(folder, 'truth.json')).stdout
            with open(os.path.join(folder, 'report.md'), encoding='utf-8') as file:
                self.assertEqual(file.read(), page)

    def test_mistakes(self):
        for arguments in (['--only', 'h'], ['--only', ''], ['--faster']):
            self.assertEqual(truth(*arguments).returncode, 2, arguments)

    def test_a_server_that_was_disturbed(self):
        """It says what it lost; loadgen's figures, whatever they are, count for nothing then."""
        for lost, unmeasurable in ((6, True), (5, False)):
            with tempfile.TemporaryDirectory() as folder:
                server, kept = os.path.join(folder, 'server'), TOOLS[2]
                with open(server, 'w', encoding='ascii') as file:
                    file.write(f'#!/bin/bash\n"{kept}" "$@" & child=$!\ntrap "kill $child" TERM\nwait; wait $child\necho taken {lost} of 1000\n')
                os.chmod(server, 0o755)
                TOOLS[2] = server
                done = truth('--smoke', '--only', 'g', '--out', folder)
                TOOLS[2] = kept
                with open(os.path.join(folder, 'truth.json'), encoding='utf-8') as file:
                    row = json.load(file)['truths'][0]
            self.assertEqual(bool(row['unmeasurable']), unmeasurable, done.stderr)
            self.assertEqual(len(row['again']), 8 if unmeasurable else 0)
            if unmeasurable:
                self.assertEqual((done.returncode, row['checks'], row['runs']), (3, [], []))
                self.assertIn('in the last one 0.6 %', done.stdout)

    def test_a_server_that_is_stopped_says_so(self):
        with subprocess.Popen([TOOLS[2], 'delay'], stdout=subprocess.PIPE, text=True) as server:
            try:
                port = int(server.stdout.readline().split(':')[-1])
                with socket.create_connection(('127.0.0.1', port)) as peer:
                    # A call by hand, as in docs/PROTOCOL.md; the answer says that the server has looked at the clock since.
                    peer.sendall(CALL)
                    self.assertEqual(len(peer.recv(ANSWER, socket.MSG_WAITALL)), ANSWER)
                    server.send_signal(signal.SIGSTOP)
                    os.waitid(os.P_PID, server.pid, os.WSTOPPED)
                    begin = time.monotonic_ns()
                    while time.monotonic_ns() < begin + 2_000_000:
                        pass
                    held = time.monotonic_ns() - begin
                    server.send_signal(signal.SIGCONT)
                    peer.sendall(CALL)
                    self.assertEqual(len(peer.recv(ANSWER, socket.MSG_WAITALL)), ANSWER)
            finally:
                server.send_signal(signal.SIGTERM)
            taken, _ = re.fullmatch(r'taken (\d+) of (\d+)\n', server.stdout.read()).groups()
            self.assertGreaterEqual(int(taken), held)

    def test_a_server_that_is_none(self):
        TOOLS[2], kept = '/bin/false', TOOLS[2]
        done = truth('--smoke', '--only', 'a')
        TOOLS[2] = kept
        self.assertEqual(done.returncode, 1)
        self.assertIn('/bin/false did not start', done.stderr)


if __name__ == '__main__':
    TOOLS += [os.path.abspath(path) for path in (sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1))]
    unittest.main()
