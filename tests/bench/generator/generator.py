#!/usr/bin/env python3
"""What a request costs the load generator: its CPU time, against the same server, beside wrk's.

Each round has all arms at both shapes in random order, each against a fresh evd-server on a CPU of its
own. A figure is the CPU time of the whole process, user and system, over all requests that it made.
Writes every trial to OUT (JSON lines) and a page in Markdown to standard output.
"""
import argparse
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

SCHEMA = 'evdispatch.generator/1'
SHAPES = ((64, 1), (64, 16))
# The most CPU a request, in us, and the least rate a core as a multiple of wrk's.
TARGETS = {(64, 1): (6.5, 1.15), (64, 16): (0.55, 1.25)}
# wrk pipelines when it is given several requests at once.
PIPELINE = """local depth = tonumber(os.getenv('DEPTH'))
init = function(args)
  local one, all = wrk.format('GET', '/healthz'), {}
  for i = 1, depth do all[i] = one end
  batch = table.concat(all)
end
request = function() return batch end
"""


def pinned(cpu):
    return None if cpu is None else lambda: os.sched_setaffinity(0, {cpu})


class Server:
    def __init__(self, program, cpu):
        self.process = subprocess.Popen(
            [program, '--listen=tcp://127.0.0.1:0', '--tcp-congestion=reno'], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, preexec_fn=pinned(cpu))
        line = self.process.stdout.readline()
        if not line.startswith('listening on tcp://'):
            sys.exit(f'generator: {program} did not start')
        self.address = line.removeprefix('listening on ').strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        self.process.wait()


def run(command, cpu, environment=None):
    """Its output, and the CPU it took: (text, user_ns, system_ns)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=pinned(cpu),
                            env={**os.environ, **(environment or {})})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        sys.exit(f'generator: {" ".join(command)}: {result.stderr.strip() or result.returncode}')
    return (result.stdout, round((after.ru_utime - before.ru_utime) * 1e9),
            round((after.ru_stime - before.ru_stime) * 1e9))


def trial_loadgen(options, transport, address, shape):
    connections, depth = shape
    out, user, system = run(
        [options.loadgen, 'run', '--target', address, '--transport', transport, '--closed', '--warmup', '0',
         '--duration', f'{options.duration}s', '--connections', str(connections), '--depth', str(depth), '--quiet',
         '--json', '-'], options.cpus[1])
    result = json.loads(out)
    account = result['accounting']
    if account['ok'] != account['scheduled']:
        sys.exit(f'generator: {transport}: not all requests were answered: {account}')
    return account['ok'], user, system, result['measured_ns']


def trial_wrk(options, _, address, shape):
    connections, depth = shape
    script = os.path.join(os.path.dirname(os.path.abspath(options.out)), 'pipeline.lua')
    command = ['wrk', '-t1', f'-c{connections}', f'-d{max(1, round(options.duration))}s']
    if depth > 1:
        with open(script, 'w', encoding='ascii') as file:
            file.write(PIPELINE)
        command += ['-s', script]
    try:
        out, user, system = run(command + [address.replace('tcp:', 'http:') + '/healthz'], options.cpus[1],
                                {'DEPTH': str(depth)})
    finally:
        if depth > 1:
            os.unlink(script)
    if 'Non-2xx' in out or 'Socket errors' in out:
        sys.exit(f'generator: wrk: {out}')
    requests = int(re.search(r'(\d+) requests in', out).group(1))
    rate = float(re.search(r'Requests/sec:\s+([\d.]+)', out).group(1))
    return requests, user, system, round(requests / rate * 1e9)


ARMS = {'frame': trial_loadgen, 'jsonl': trial_loadgen, 'wrk': trial_wrk}


def measure(options):
    arms = [arm for arm in ARMS if arm != 'wrk' or shutil.which('wrk')]
    if 'wrk' not in arms:
        print('generator: no wrk here: there is nothing to compare with', file=sys.stderr)
    draw = random.Random(options.seed)
    version = run([options.loadgen, 'run', '--version'], None)[0].strip()
    with open(options.out, 'w', encoding='utf-8') as out:
        print(json.dumps({'schema': SCHEMA, 'loadgen': version, 'kernel': os.uname().release,
                          'cpus': options.cpus, 'rounds': options.rounds, 'duration_s': options.duration,
                          'seed': options.seed}), file=out)
        start = time.monotonic()
        for number in range(options.rounds):
            trials = [(arm, shape) for arm in arms for shape in SHAPES]
            draw.shuffle(trials)
            for arm, shape in trials:
                server = Server(options.server, options.cpus[0])
                try:
                    requests, user, system, wall = ARMS[arm](options, arm, server.address, shape)
                finally:
                    server.stop()
                print(json.dumps({'round': number, 'arm': arm, 'connections': shape[0], 'depth': shape[1],
                                  'requests': requests, 'cpu_user_ns': user, 'cpu_system_ns': system,
                                  'wall_ns': wall}), file=out, flush=True)
            left = (time.monotonic() - start) / (number + 1) * (options.rounds - number - 1)
            print(f'generator: round {number + 1} of {options.rounds}, {left:.0f} s left', file=sys.stderr)


def median_interval(values):
    """The narrowest interval of order statistics that has the median with 95 % or more, else None."""
    values, n = sorted(values), len(values)
    for low in range(n // 2, -1, -1):
        if 1 - 2 * sum(math.comb(n, i) for i in range(low + 1)) / 2**n >= 0.95:
            return values[low], values[n - 1 - low]
    return None


def with_interval(values, digits):
    interval = median_interval(values)
    text = f'{statistics.median(values):.{digits}f}'
    return text if interval is None else f'{text} [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]'


def verdict(value, target, most):
    return 'held' if (value <= target if most else value >= target) else '**missed**'


def render(path):
    with open(path, encoding='utf-8') as file:
        head, *trials = [json.loads(line) for line in file]
    if head.get('schema') != SCHEMA:
        sys.exit(f'generator: {path}: its first line must have the schema {SCHEMA}')
    print(f'''# What a request costs the generator

CPU time of the whole process, user and system, over all requests that it made; evd-server on CPU {head["cpus"][0]}, the generator,
one thread, on CPU {head["cpus"][1]}; {head["rounds"]} rounds, the arms of each in random order, each with a fresh server. `frame` and `jsonl` are `loadgen run
--closed` with every reply checked and accounted for, `wrk` asks for `/healthz` over HTTP and checks that there is an answer. Medians of the rounds, with
distribution-free intervals of 95 %. Ratio: wrk's CPU a request by the arm's in the same round, which is the arm's rate a core by wrk's.

{head["loadgen"]}, Linux {head["kernel"]}, {head["duration_s"]:g} s a trial.''')
    for shape in SHAPES:
        cpu = {}  # arm -> round -> us
        rate = {}
        for trial in trials:
            if (trial['connections'], trial['depth']) == shape:
                spent = (trial['cpu_user_ns'] + trial['cpu_system_ns']) / trial['requests'] / 1e3
                cpu.setdefault(trial['arm'], {})[trial['round']] = spent
                rate.setdefault(trial['arm'], []).append(trial['requests'] / trial['wall_ns'] * 1e9)
        most, least = TARGETS[shape]
        print(f'\n## {shape[0]} connections x depth {shape[1]}\n\n| arm | CPU a request, µs | at most | ratio to wrk | '
              'at least | requests/s |\n|---|--:|---|--:|---|--:|')
        for arm in (arm for arm in ARMS if arm in cpu):
            spent = list(cpu[arm].values())
            row = [arm, with_interval(spent, 3), '', '', '', f'{statistics.median(rate[arm]):.0f}']
            if arm == 'frame':
                row[2] = f'{most}: {verdict(statistics.median(spent), most, True)}'
            if arm != 'wrk' and 'wrk' in cpu:
                ratios = [cpu['wrk'][r] / cpu[arm][r] for r in cpu[arm] if r in cpu['wrk']]
                row[3] = with_interval(ratios, 2)
                if arm == 'frame':
                    row[4] = f'{least}: {verdict(statistics.median(ratios), least, False)}'
            print('| ' + ' | '.join(row) + ' |')


def main():
    parser = argparse.ArgumentParser(prog='generator', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--loadgen', help='the program')
    parser.add_argument('--server', help='evd-server')
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--duration', type=float, default=1.0, help='seconds of a trial')
    parser.add_argument('--cpus', default='0,1', help="the server's CPU and the generator's (default 0,1)")
    parser.add_argument('--seed', type=int, default=1, help='of the order')
    parser.add_argument('--render', metavar='FILE', help='only the page of what was measured before')
    parser.add_argument('out', nargs='?', help='the file to write')
    options = parser.parse_args()
    if options.render:
        return render(options.render)
    if not (options.loadgen and options.server and options.out and options.rounds > 0 and options.duration > 0):
        parser.error('--loadgen, --server and the file to write are needed, --rounds and --duration over 0')
    options.cpus = [int(cpu) for cpu in options.cpus.split(',')] if (os.cpu_count() or 1) > 1 else [None, None]
    measure(options)
    return render(options.out)


if __name__ == '__main__':
    main()
