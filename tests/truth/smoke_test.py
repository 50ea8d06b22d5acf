#!/usr/bin/env python3
"""./evdispatch truth in a twentieth of its time: every truth is told, whatever it says.

smoke_test.py LOADGEN EVD_SERVER TRUTH_SERVER"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = []
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

    def test_a_server_that_is_none(self):
        TOOLS[2], kept = '/bin/false', TOOLS[2]
        done = truth('--smoke', '--only', 'a')
        TOOLS[2] = kept
        self.assertEqual(done.returncode, 1)
        self.assertIn('/bin/false did not start', done.stderr)


if __name__ == '__main__':
    TOOLS += [os.path.abspath(path) for path in (sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1))]
    unittest.main()
