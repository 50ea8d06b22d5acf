#!/usr/bin/env python3
"""Holds loadgen against servers whose behaviour is known, and says what it should have measured and what it did.

  a  a server that stands still for a second        e  loadgen itself, or the server, stopped for 200 ms
  b  requests that carry their own delay            f  requests a second, beside wrk
  c  queues: M/D/1, M/M/1, Little's law             g  what loadgen adds of its own, at 1,000/s
  d  arrivals at a sink, against the schedule

The server has one CPU and never sleeps, loadgen has the other, which a process of the class SCHED_IDLE keeps awake (an idle
virtual CPU is slow to come back, whoever asks). First it is seen whether the machine is quiet enough to say anything; and of each
run, by witnesses that know nothing of what loadgen says, whether somebody took the CPUs meanwhile: such a run is made again.

Exit: 0 all as it should be; 1 something is not; 2 usage; 3 the machine is not quiet enough now.

examples:
  ./evdispatch truth
  ./evdispatch truth --only a,e --out /var/tmp/truth
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import judge

SCHEMA = 'evdispatch.truth/1'
NAMES = 'abcdefg'
PATIENCE = 60
STOLEN_MOST = 0.01   # of each CPU's time, in gaps that a p99 of 250 µs would show; with more it says nothing
LATE_MOST_US = 500    # p99 of a sleep's lateness, both CPUs awake
GAP_NS = 200_000      # shorter ones are the timer's ticks: 20 to 150 µs each on a virtual machine
LONG_NS = 1_000_000   # loadgen's CPU: longer than loadgen itself is ever at work in one go, but for a backlog
TAKEN_MOST = 0.01     # of both CPUs' time together, during a run
P99_MOST = 0.005      # where a p99 is judged by hundreds of microseconds: a request meets each CPU twice, and a p99 is what one in a hundred met
TRIES = 8             # of a run, until nobody took more


class Unmeasurable(Exception):
    pass


class Broken(Exception):
    pass


def pinned(cpu, idle=False):
    def prepare():
        if idle:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        elif cpu is not None:
            try:
                os.nice(-20)  # a process that always runs gives one of SCHED_IDLE a slice of milliseconds now and then; this makes them rare
            except PermissionError:
                pass
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
    return prepare


class Machine:
    """The two CPUs, kept awake while it is open; one CPU, or none of its own, in a short run of the tests."""

    def __init__(self, smoke):
        cpus = sorted(os.sched_getaffinity(0))
        self.smoke = smoke
        self.server, self.load = (None, None) if smoke or len(cpus) < 2 else cpus[:2]
        self.awake = []
        self.gaps = tempfile.NamedTemporaryFile() if self.load is not None else None

    def __enter__(self):
        return self

    def keep_awake(self):
        """The generator's CPU. Not the server's: that is never idle, and a process of whatever class beside one that always runs
        gets a slice of milliseconds now and then."""
        if self.load is not None:
            self.awake.append(subprocess.Popen([sys.executable, __file__, '--look', 'on'], stdout=self.gaps, preexec_fn=pinned(self.load, idle=True)))

    def taken(self, begin, end):
        """The share of the time from `begin` to `end` in which neither that process nor, for longer than loadgen is at work, anyone
        could be seen to run: the host had the CPU, or somebody else."""
        with open(self.gaps.name, encoding='ascii') as file:
            gaps = [tuple(map(int, line.split())) for line in file if line.endswith('\n')]
        return sum(min(at, end) - max(at - gap, begin) for at, gap in gaps if at > begin and at - gap < end) / (end - begin)

    def __exit__(self, *_):
        for process in self.awake:
            process.kill()
            process.wait()
        if self.gaps:
            self.gaps.close()

    def quiet(self):
        """What is taken from a process that only looks at the clock, on each CPU; then how late a sleep ends, on the one that is
        kept awake."""
        found = {str(cpu): self.look(cpu, 'taken') for cpu in (self.server, self.load) if cpu is not None}
        self.keep_awake()
        if self.load is not None:
            found[str(self.load)].update(self.look(self.load, 'late'))
        return found

    @staticmethod
    def look(cpu, what):
        return json.loads(subprocess.run([sys.executable, __file__, '--look', what], check=True, capture_output=True, text=True,
                                         preexec_fn=pinned(cpu)).stdout)


def look(what):
    """Run on one CPU: the share of two seconds that was not ours, or the lateness of 300 sleeps; or, until it is killed, each time
    that was not ours for long: when it ended, and how long it was."""
    begin = last = time.monotonic_ns()
    while what == 'on':
        now = time.monotonic_ns()
        if now - last > LONG_NS:
            os.write(1, b'%d %d\n' % (now, now - last))
        last = now
    lost = 0
    while what == 'taken' and last < begin + 2_000_000_000:
        now = time.monotonic_ns()
        if now - last > GAP_NS:
            lost += now - last
        last = now
    if what == 'taken':
        print(json.dumps({'taken': lost / (last - begin)}))
        return
    late = []
    for _ in range(300):
        due = time.monotonic_ns() + 1_000_000
        time.sleep(0.001)
        late.append((time.monotonic_ns() - due) / 1000)
    print(json.dumps({'sleep_late_p50_us': judge.percentile(late, 0.5), 'sleep_late_p99_us': judge.percentile(late, 0.99)}))


class Server:
    def __init__(self, tools, *mode):
        machine = tools.machine
        command = [tools.options.server, *(['--block'] if machine.smoke else []), *mode]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(machine.server))
        line = self.process.stdout.readline()
        if not line.startswith('listening on '):
            raise Broken(f'{command[0]} did not start')
        self.address = line.split()[-1]
        self.taken_ns, self.watched_ns = 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # In this order: a SIGCONT takes back the stop by which LeakSanitizer looks at a process that ends.
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        told = re.search(r'^taken ([0-9]+) of ([0-9]+)$', self.process.stdout.read(), re.MULTILINE)
        if told:
            self.taken_ns, self.watched_ns = int(told[1]), int(told[2])
        self.process.wait(PATIENCE)
        self.process.stdout.close()


class Tools:
    """Runs loadgen, and keeps what it said."""

    def __init__(self, options, machine, folder):
        self.options, self.machine, self.folder, self.runs, self.again = options, machine, folder, [], []

    def seconds(self, full):
        return full / 20 if self.machine.smoke else full

    def scenario(self, data):
        path = os.path.join(self.folder, 'scenario.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'name': 'truth', 'requests': [{'event': 'api.services.status', 'data': data, 'expect': 'online'}]}, file)
        return path

    def start(self, server, *arguments, data='0', warmup=2):
        report = os.path.join(self.folder, 'run.json')
        command = [self.options.loadgen, 'run', '--quiet', '--target', server.address, '--transport', 'frame', '--scenario', self.scenario(data),
                   '--warmup', f'{self.seconds(warmup):g}', '--timeout', '30', '--drain', '30', '--json', report, *arguments]
        if self.machine.load is not None:
            command += ['--cpus', str(self.machine.load)]
        if os.path.exists(report):
            os.remove(report)
        return subprocess.Popen(command, preexec_fn=pinned(self.machine.load))

    def finish(self, process):
        code = process.wait(PATIENCE * 3)
        if code != 0:
            raise Broken(f'loadgen ended with {code}')
        with open(os.path.join(self.folder, 'run.json'), encoding='utf-8') as file:
            run = json.load(file)
        return run

    def keep(self, run):
        self.runs.append({key: run[key] for key in ('config', 'accounting', 'throughput', 'latency_ns', 'valid', 'invalid', 'invalid_causes', 'client')})
        return self.runs[-1]

    def run(self, mode, *arguments, meanwhile=None, most=TAKEN_MOST, **keywords):
        """Against a fresh server, of that mode; what `meanwhile` does to the processes, it returns for how long. Both are returned."""
        for _ in range(TRIES):
            run, held, taken = self.watched(mode, arguments, meanwhile, keywords)
            lost = sum(taken.values())
            if self.options.anyway or lost <= most:
                self.keep(run)['taken'] = taken
                return run, held
            self.again.append(taken)
            print(f'truth: again: {100 * lost:.1f} % of the CPUs was taken by others ({100 * most:g} % are allowed)', file=sys.stderr)
        raise Unmeasurable(f'in each of {TRIES} runs others took more than {100 * most:g} % of the CPUs, in the last one {100 * lost:.1f} %')

    def watched(self, mode, arguments, meanwhile, keywords):
        """Who was disturbed: the server says what it lost between two looks at the clock, and so does the process that keeps
        loadgen's CPU awake."""
        who, held, taken = None, 0, {}
        with Server(self, *mode) as server:
            process = self.start(server, *arguments, **keywords)
            begin = time.monotonic_ns()
            if meanwhile:
                who, held = meanwhile(process, server)
            run = self.finish(process)
        if server.watched_ns > 0:
            taken['the server'] = (server.taken_ns - (held * 1e9 if who == 'server' else 0)) / server.watched_ns
        if self.machine.load is not None:
            warm, long = run['config']['warmup_ns'], run['config']['duration_ns']
            taken['loadgen'] = self.machine.taken(begin + warm // 2, begin + warm + long)
        return run, held, taken


def load(tools, rate, seconds, connections=16, depth=4):
    return ['--rate', str(rate), '--duration', f'{tools.seconds(seconds):g}', '--connections', str(connections), '--depth', str(depth)]


# ---- The truths ----

def truth_a(tools):
    stall = tools.seconds(1)
    run, _ = tools.run(('stall', str(int(tools.seconds(5) * 1e9)), str(int(stall * 1e9))), *load(tools, 1000, 10, depth=1))
    return judge.stall(run, stall, 1000, 16)


def truth_b(tools):
    checks = []
    # Up to 5 ms: above, a bucket of the histogram is as wide as what is allowed.
    for delay_ns in (500_000, 1_000_000, 2_000_000, 5_000_000):
        run, _ = tools.run(('delay',), *load(tools, 1000, 5, connections=64), '--spin', '100us', data=str(delay_ns), warmup=1, most=P99_MOST)
        checks += judge.delay(run, delay_ns)
    return checks


def truth_c(tools):
    service_ns, seconds, checks = 1_000_000, 20, []
    # Nobody waits: evenly, at a fifth of what it can do.
    run, _ = tools.run(('det', str(service_ns)), *load(tools, 200, 10, connections=64, depth=64), '--spin', '100us')
    network_ns = run['latency_ns']['response']['mean'] - service_ns
    for kind, rho in (('M/D/1', 0.5), ('M/D/1', 0.7), ('M/M/1', 0.5)):
        mode = ('det', str(service_ns)) if kind == 'M/D/1' else ('exp', str(service_ns), '7')
        rate = rho * 1e9 / service_ns
        error = judge.queue_error(kind, rho, int(rate * tools.seconds(seconds)), runs=10 if tools.machine.smoke else 200)
        run, _ = tools.run(mode, *load(tools, f'{rate:g}', seconds, connections=64, depth=64), '--arrivals', 'poisson', '--spin', '100us')
        checks += judge.queue(run, kind, rho, service_ns, network_ns, error)
    run, _ = tools.run(('delay',), '--closed', '--duration', f'{tools.seconds(5):g}', '--connections', '16', data=str(service_ns))
    return checks + judge.little(run, 16)


def arrivals(tools, *arguments):
    path = os.path.join(tools.folder, 'stamps')
    tools.run(('sink', path), *arguments, warmup=0)
    with open(path, encoding='ascii') as file:
        stamps = [int(line) for line in file]
    tools.runs[-1]['arrival_gaps_ns'] = [b - a for a, b in zip(stamps, stamps[1:])]
    return stamps


def truth_d(tools):
    checks = judge.constant(arrivals(tools, *load(tools, 1000, 10)), 1000)
    # Two requests cannot be sent closer than some microseconds; at 1,000/s that is half of a per cent of the gaps.
    return checks + judge.poisson(arrivals(tools, *load(tools, 1000, 20, depth=64), '--arrivals', 'poisson', '--spin', '200us'))


def hold(process, seconds):
    """Stops a process; returns for how long."""
    begin = time.monotonic()
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)
    return time.monotonic() - begin


def truth_e(tools):
    """Answers take a millisecond, so that a twentieth of the wire's latency is more than the machine's noise; there is room for
    all that fall due in the stop, so that none waits for a place."""
    def stop(who):
        def meanwhile(process, server):
            time.sleep(tools.seconds(4))  # into the middle of what is measured
            return who, hold(process if who == 'loadgen' else server.process, tools.seconds(0.2))
        return meanwhile
    arguments = load(tools, 1000, 6, connections=64, depth=8)
    keywords = {'warmup': 1, 'data': '1000000'}
    control, _ = tools.run(('delay',), *arguments, **keywords)
    run, held = tools.run(('delay',), *arguments, meanwhile=stop('loadgen'), **keywords)
    checks = judge.stopped_client(run, control, held, 1000)
    run, _ = tools.run(('delay',), *arguments, meanwhile=stop('server'), **keywords)
    return checks + judge.stopped_server(run)


def wrk(tools, address):
    """Requests a second of wrk: one thread, 64 connections."""
    text = subprocess.run(['wrk', '-t1', '-c64', f"-d{max(1, round(tools.seconds(3)))}s", address.replace('tcp://', 'http://') + '/healthz'],
                          check=True, capture_output=True, text=True, preexec_fn=pinned(tools.machine.load)).stdout
    if 'Non-2xx' in text or 'Socket errors' in text:
        raise Broken('wrk: ' + text)
    return float(re.search(r'Requests/sec: +([0-9.]+)', text)[1])


def truth_f(tools):
    if shutil.which('wrk') is None:
        raise Unmeasurable('wrk is not installed')
    server = subprocess.Popen([tools.options.evd_server, '--listen', 'tcp://127.0.0.1:0', '--tcp-congestion', 'reno'], stdout=subprocess.PIPE,
                              text=True, preexec_fn=pinned(tools.machine.server))
    try:
        server.address = server.stdout.readline().split()[-1]
        rounds = []
        for number in range(1 if tools.machine.smoke else 8):
            pair = {}
            for who in ('loadgen', 'wrk') if number % 2 == 0 else ('wrk', 'loadgen'):
                pair[who] = wrk(tools, server.address) if who == 'wrk' else tools.keep(tools.finish(tools.start(
                    server, '--transport', 'http', '--scenario', 'healthz', '--closed', '--connections', '64', '--duration',
                    f'{tools.seconds(3):g}', warmup=0.2)))['throughput']
            rounds.append(pair)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE)
        server.stdout.close()
    tools.runs.append({'rounds': rounds})
    return judge.beside_wrk([pair['loadgen'] / pair['wrk'] for pair in rounds])


def truth_g(tools):
    run, _ = tools.run(('delay',), *load(tools, 1000, 10), '--spin', '200us', '--wire-timestamps', '4', most=P99_MOST)
    return judge.own_error(run)


TRUTHS = {'a': ('a server that stands still for 1 s of a run of 10 s at 1,000/s', truth_a),
          'b': ('requests that carry their own delay, 1,000/s', truth_b),
          'c': ("queues, and Little's law", truth_c),
          'd': ('arrivals at a sink', truth_d),
          'e': ('loadgen stopped for 200 ms, the server stopped for 200 ms', truth_e),
          'f': ('a closed loop of GET /healthz, beside wrk', truth_f),
          'g': ("the generator's own error: response, less what the kernel's stamps say", truth_g)}


# ---- What is told ----

def value(x):
    return f'{x:.4g}' if isinstance(x, float) else str(x)


def table(rows):
    out = []
    for row in rows:
        for c in row['checks']:
            out.append((row['name'], c['what'], value(c['expected']), value(c['measured']), '' if c['tolerance'] is None else '± ' + value(c['tolerance']),
                        c['unit'], 'ok' if c['kept'] else 'FAILED'))
        if row['unmeasurable']:
            out.append((row['name'], TRUTHS[row['name']][0], '', '', '', '', 'unmeasurable now: ' + row['unmeasurable']))
    return [('', 'what', 'expected', 'measured', 'tolerance', 'unit', 'verdict')] + out


def show(rows, file):
    lines = table(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    for line in lines:
        print('  '.join(cell.ljust(width) for cell, width in zip(line, widths)) + '  ' + line[6], file=file)


def page(result):
    lines = ['# Known truths', '', f"`{result['command']}`, commit {result['commit']}, {result['started']}, {result['machine']}.", '',
             'What `loadgen` said of servers whose behaviour is known.', '']
    lines += ['The machine: ' + '; '.join(f"CPU {cpu}: {100 * q['taken']:.2f} % taken by others" + (
        f", a sleep ends {q['sleep_late_p50_us']:.0f} µs late at p50 and {q['sleep_late_p99_us']:.0f} µs at p99" if 'sleep_late_p50_us' in q else '')
        for cpu, q in result['quiet'].items()) + '.', '']
    again = [f"{row['name']} {len(row['again'])}" for row in result['truths'] if row['again']]
    lines += [f"Runs made again because others took more than {100 * TAKEN_MOST:g} % of the two CPUs meanwhile, or {100 * P99_MOST:g} % in b and g (as the server saw it, and the "
              f"process that keeps loadgen's CPU awake; never what loadgen said): {', '.join(again) if again else 'none'}.", '']
    rows = table(result['truths'])
    lines += ['| | what | expected | measured | tolerance | unit | verdict |', '|---|---|---|---|---|---|---|']
    lines += ['| ' + ' | '.join(cell.replace('|', r'\|') for cell in row) + ' |' for row in rows[1:]]
    lines += ['', '- ' + '\n- '.join(f'*{name}*: {TRUTHS[name][0]}' for name in TRUTHS), '',
              'Raw data: `truth.json` (every histogram, and the gaps between arrivals).', '']
    return '\n'.join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default=NAMES, help='letters of truths, as a,c (default: all)')
    parser.add_argument('--out', help='a folder for truth.json and report.md')
    parser.add_argument('--loadgen', default='build/release/bin/loadgen', help=argparse.SUPPRESS)
    parser.add_argument('--evd-server', default='build/release/bin/evd-server', help=argparse.SUPPRESS)
    parser.add_argument('--server', default='build/release/tests/truth/truth-server', help=argparse.SUPPRESS)
    parser.add_argument('--commit', default='unknown', help=argparse.SUPPRESS)
    parser.add_argument('--smoke', action='store_true', help=argparse.SUPPRESS)  # a twentieth of the time, nothing pinned: whether it can be told
    parser.add_argument('--anyway', action='store_true', help='also where the machine is not quiet: what fails then may be its fault')
    parser.add_argument('--look', choices=('taken', 'late', 'on'), help=argparse.SUPPRESS)
    parser.add_argument('--render', help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.replace(',', '')
    wrong = set(options.only) - set(NAMES)
    if wrong or not options.only:
        parser.error(f"--only '{''.join(sorted(wrong))}': there are {', '.join(NAMES)}")
    return options


def measure(options, folder):
    result = {'schema': SCHEMA, 'command': './evdispatch truth' + ('' if options.only == NAMES else ' --only ' + ','.join(options.only)),
              'commit': options.commit, 'started': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
              'machine': f'{platform.system()} {platform.release()}, {os.cpu_count()} CPUs', 'quiet': {}, 'truths': []}
    with Machine(options.smoke) as machine:
        result['quiet'] = machine.quiet()
        for cpu, found in result['quiet'].items():
            if not options.anyway and found['taken'] > STOLEN_MOST:
                raise Unmeasurable(f"CPU {cpu}: {100 * found['taken']:.2f} % was taken by others, at {GAP_NS // 1000} µs or more a time ({100 * STOLEN_MOST:g} % are allowed)")
            if not options.anyway and found.get('sleep_late_p99_us', 0) > LATE_MOST_US:
                raise Unmeasurable(f"CPU {cpu}: a sleep ends {found['sleep_late_p99_us']:.0f} µs late at p99 ({LATE_MOST_US} µs are allowed)")
        for name in options.only:
            tools = Tools(options, machine, folder)
            row = {'name': name, 'checks': [], 'unmeasurable': ''}
            print(f'truth: {name}: {TRUTHS[name][0]}', file=sys.stderr)
            try:
                row['checks'] = TRUTHS[name][1](tools)
            except Unmeasurable as error:
                row['unmeasurable'] = str(error)
            except Broken as error:
                print(f'truth: {name}: {error}', file=sys.stderr)
                row['checks'] = [judge.says(TRUTHS[name][0], 'a run', str(error))]
            row['runs'], row['again'] = tools.runs, tools.again
            result['truths'].append(row)
    return result


def tell(result, options):
    show(result['truths'], sys.stdout)
    if options.out:
        os.makedirs(options.out, exist_ok=True)
        with open(os.path.join(options.out, 'truth.json'), 'w', encoding='utf-8') as file:
            json.dump(result, file, separators=(',', ':'))
            file.write('\n')
        with open(os.path.join(options.out, 'report.md'), 'w', encoding='utf-8') as file:
            file.write(page(result))
    failed = sum(not c['kept'] for row in result['truths'] for c in row['checks'])
    lost = [row['name'] for row in result['truths'] if row['unmeasurable']]
    if failed:
        print(f'truth: {failed} figures are not what they should be')
        return 1
    if lost:
        print(f"truth: unmeasurable now: {', '.join(lost)}; the others are as they should be")
        return 3
    print('truth: all as it should be')
    return 0


def main():
    options = arguments()
    if options.look:
        look(options.look)
        return 0
    if options.render:
        with open(options.render, encoding='utf-8') as file:
            print(page(json.load(file)), end='')
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            return tell(measure(options, folder), options)
    except Unmeasurable as error:
        print(f'truth: unmeasurable now: {error}')
        return 3
    except (Broken, OSError, subprocess.SubprocessError) as error:
        print(f'truth: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
