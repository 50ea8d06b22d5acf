#!/usr/bin/env python3
"""A run against evd-server: what the server counts is what the run's requests were, to the byte.

server_side_test.py SERVER LOADGEN
"""
import json
import os
import subprocess
import sys
import tempfile

REQUEST, REPLY = 48, 28  # bytes of one call of the scenario `services` in frames, and of its answer


def run(loadgen, *options):
    result = subprocess.run(
        [loadgen, 'run', '--quiet', '--json', '-', *options], capture_output=True, text=True, check=False)
    return result.returncode, result.stderr, json.loads(result.stdout) if result.stdout else None


def check_counts(loadgen, address, pid):
    status, errors, out = run(loadgen, '--target', address, '--rate', '2000', '--warmup', '300ms', '--duration',
                              '1s', '--depth', '4', '--server-pid', str(pid), '--server-metrics')
    assert status == 0, errors
    own, server = out['server_metrics'], out['server']
    assert out['server_metrics_error'] == '', out['server_metrics_error']
    assert 1 <= own['calls'] <= 2600, own  # between two looks, taken when this machine lets us
    assert own['bytes_received'] == REQUEST * own['calls'], own
    assert own['bytes_sent'] == REPLY * own['calls'], own
    assert own['calls_failed'] == own['loads'] == own['reloads'] == 0, own
    assert own['reads'] >= 1, own
    assert server['system_calls'] is None and server['system_calls_error'] == '', server
    assert server['minor_faults'] >= 0 and server['major_faults'] >= 0, server


def check_system_calls(loadgen, address, pid):
    status, errors, out = run(loadgen, '--target', address, '--rate', '1000', '--warmup', '0', '--duration', '300ms',
                              '--depth', '1', '--server-pid', str(pid), '--server-syscalls')
    assert status == 0, errors
    server = out['server']
    if server['system_calls'] is None:
        assert server['system_calls_error'].startswith('system calls cannot be counted: '), server
    else:  # a read and a write for each, at the least, of which no connection has two at a time
        assert server['system_calls'] >= 2 * (server['calls'] - 64), server
    assert out['server_metrics'] is None


def check_refusals(loadgen, address):
    status, errors, out = run(loadgen, '--target', 'unix:///nonesuch', '--rate', '1', '--server-metrics')
    assert (status, out) == (1, None)
    assert errors.startswith('loadgen: --server-metrics: cannot connect to unix:///nonesuch: '), errors
    status, errors, out = run(loadgen, '--target', address, '--rate', '1', '--server-syscalls')
    assert status == 2 and '--server-syscalls goes with --server-pid' in errors, errors


def main():
    server, loadgen = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        for address in (f'unix://{folder}/s', 'tcp://127.0.0.1:0'):
            with subprocess.Popen([server, '--listen', address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  text=True) as process:
                try:
                    address = process.stdout.readline().removeprefix('listening on ').strip()
                    check_counts(loadgen, address, process.pid)
                    check_system_calls(loadgen, address, process.pid)
                    check_refusals(loadgen, address)
                finally:
                    process.terminate()
                    process.stdout.read()


if __name__ == '__main__':
    main()
