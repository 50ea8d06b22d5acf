#!/usr/bin/env python3
"""The bench of the generator, in short: generator_test.py SERVER LOADGEN

Every trial is there, what it says can be added up, and its page is a function of the raw data."""
import json
import os
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'generator.py')
HEAD = {'schema': 'evdispatch.generator/1', 'loadgen': 'loadgen 1', 'kernel': '6', 'cpus': [0, 1], 'rounds': 9,
        'duration_s': 1.0, 'seed': 1}


def bench(*arguments):
    return subprocess.run([sys.executable, '-B', BENCH, *arguments], capture_output=True, text=True, check=False)


def check_rounds(server, loadgen, path):
    # Without wrk in its path: its trials are a second at the least.
    environment = {**os.environ, 'PATH': '/nonesuch'}
    result = subprocess.run([sys.executable, '-B', BENCH, '--server', server, '--loadgen', loadgen, '--rounds', '2',
                             '--duration', '0.3', path], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    assert 'no wrk here' in result.stderr, result.stderr
    with open(path, encoding='utf-8') as file:
        head, *trials = [json.loads(line) for line in file]
    assert head['schema'] == HEAD['schema'] and head['loadgen'].startswith('loadgen '), head
    assert sorted((t['round'], t['arm'], t['depth']) for t in trials) == [
        (r, arm, depth) for r in (0, 1) for arm in ('frame', 'jsonl') for depth in (1, 16)], trials
    assert all(t['requests'] > 0 and t['cpu_user_ns'] + t['cpu_system_ns'] > 0 for t in trials), trials
    assert bench('--render', path).stdout == result.stdout


def check_page(path):
    """Nine rounds of known figures: 6 us beside 9 at depth 1, 0.6 beside 0.6 at depth 16."""
    with open(path, 'w', encoding='utf-8') as file:
        print(json.dumps(HEAD), file=file)
        for number in range(9):
            for arm, depth, cpu in (('frame', 1, 6000 + number), ('wrk', 1, 9000), ('frame', 16, 600),
                                    ('wrk', 16, 600)):
                print(json.dumps({'round': number, 'arm': arm, 'connections': 64, 'depth': depth, 'requests': 1000,
                                  'cpu_user_ns': cpu * 400, 'cpu_system_ns': cpu * 600, 'wall_ns': 10**7}), file=file)
    page = bench('--render', path).stdout
    # Of nine values the 2nd to the 8th hold the median with 96 % (Conover, table A3).
    assert '| frame | 6.004 [6.001, 6.007] | 6.5: held | 1.50 [1.50, 1.50] | 1.15: held | 100000 |' in page, page
    assert '| frame | 0.600 [0.600, 0.600] | 0.55: **missed** | 1.00 [1.00, 1.00] | 1.25: **missed** | ' in page, page


def check_mistakes(path):
    result = bench('--rounds', '2')
    assert result.returncode == 2 and '--loadgen, --server' in result.stderr, result.stderr
    with open(path, 'w', encoding='utf-8') as file:
        print('{"schema": "other"}', file=file)
    result = bench('--render', path)
    assert result.returncode == 1 and 'must have the schema' in result.stderr, result.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_rounds(sys.argv[1], sys.argv[2], os.path.join(folder, 'a'))
        check_page(os.path.join(folder, 'b'))
        check_mistakes(os.path.join(folder, 'c'))


if __name__ == '__main__':
    main()
