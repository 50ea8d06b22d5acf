#!/usr/bin/env python3
"""Restarts evd-server again and again under the load of `loadgen run --retry`, and proves that no reply is lost.

  tests/soak/restarts.py [--restarts 100] [--workers 2] [--plain] [--bin build/release/bin] [-- SERVER OPTION...]

What "no reply is lost" means, exactly: every request that fell due was answered as expected (scheduled = ok, both windows, by
loadgen's account, so neither reset, nor eof, nor timeout, nor in flight at the end); and the servers, one after the other, have
run as many calls as were answered, so that none ran twice or unheard.

The listening socket is this program's and is passed on (LISTEN_FDS), as systemd does: nobody is refused. With --plain each server
binds the port itself: between two of them clients are refused, and come again.

Exit status: 0 nothing was lost; 1 something was, or a server did not end as it should; 2 usage.
"""
import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 30.0  # seconds; only ever waited for when something is broken


class Broken(Exception):
    pass


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--calls", type=int, default=2000, help="in a life, at least")
    parser.add_argument("--transport", default="jsonl")
    parser.add_argument("--plain", action="store_true", help="no socket is passed")
    parser.add_argument("--bin", default="build/release/bin", help="the folder of evd-server and loadgen")
    parser.add_argument("server", nargs="*", help="options for the server, behind --")
    return parser.parse_args()


class Manager:
    """What systemd would be: it holds the sockets and is told how the server is."""

    def __init__(self, folder, options):
        self.options = options
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_path = os.path.join(folder, "notify")
        self.notify.bind(self.notify_path)
        self.notify.settimeout(PATIENCE)
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        if options.plain:
            self.listener.close()
        else:
            self.listener.listen(1024)

    def told(self, pattern):
        text = self.notify.recv(4096).decode()
        found = re.fullmatch(pattern, text)
        if not found:
            raise Broken("the server said %r, expected %s" % (text, pattern))
        return found

    def start(self):
        options = self.options
        command = [os.path.join(options.bin, "evd-server"), "--workers", str(options.workers)]
        command += ["--listen", self.address] if options.plain else []
        command += options.server
        environment = dict(os.environ, NOTIFY_SOCKET=self.notify_path)
        if options.plain:
            self.server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True)
        else:
            # LISTEN_PID is the server's, which the shell becomes.
            command = ["sh", "-c", 'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$0" "$@"'] + command
            self.server = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                pass_fds=(3,), preexec_fn=lambda: os.dup2(self.listener.fileno(), 3, inheritable=True))
        self.told("READY=1")

    def work(self):
        """Until it has answered so many calls."""
        start, calls = time.monotonic(), 0
        while calls < self.options.calls:
            if time.monotonic() - start > PATIENCE:
                raise Broken("only %d calls in %g s" % (calls, PATIENCE))
            self.server.send_signal(signal.SIGUSR1)
            calls = json.loads(self.server.stderr.readline())["calls"]

    def stop(self):
        """Ends it; returns the calls it has run."""
        self.server.send_signal(signal.SIGTERM)
        errors = self.server.stderr.read()
        status = self.server.wait(PATIENCE)
        if status != 0 or errors:
            raise Broken("the server ended with status %d: %s" % (status, errors))
        self.told("STOPPING=1")
        return int(self.told("STATUS=Ended after ([0-9]+) calls on [0-9]+ connections").group(1))


def judge(result, calls):
    """What is wrong, as lines."""
    wrong, answered = [], 0
    for window in ("warmup_accounting", "accounting"):
        account = result[window]
        answered += account["ok"]
        if account["ok"] != account["scheduled"]:
            wrong.append("%s: %s" % (window, ", ".join(
                "%s %d" % item for item in account.items() if item[1] > 0)))
    if answered != calls:
        wrong.append("the servers ran %d calls, %d were answered" % (calls, answered))
    return answered, wrong


def soak(options, folder):
    manager = Manager(folder, options)
    report = os.path.join(folder, "run.json")
    calls = 0
    manager.start()
    load = subprocess.Popen(
        [os.path.join(options.bin, "loadgen"), "run", "--quiet", "--retry", "--closed",
         "--target", manager.address, "--transport", options.transport,
         "--connections", str(options.connections), "--depth", str(options.depth),
         "--warmup", "0", "--duration", "23h", "--timeout", "30", "--drain", "30", "--json", report])
    try:
        for restart in range(options.restarts):
            manager.work()
            calls += manager.stop()
            manager.start()
            if sys.stderr.isatty():
                print("\r%d of %d restarts" % (restart + 1, options.restarts), end="", file=sys.stderr)
        manager.work()
        load.send_signal(signal.SIGINT)
        load.wait(2 * PATIENCE)
        calls += manager.stop()
    finally:
        for process in (load, manager.server):
            if process.poll() is None:
                process.kill()
                process.wait()
    with open(report, encoding="utf-8") as file:
        result = json.load(file)
    answered, wrong = judge(result, calls)
    print("%s%d restarts, %d workers, %s: %d requests, %d answered, %d connections ended, %d requests sent again" % (
        "\n" if sys.stderr.isatty() else "", options.restarts, options.workers,
        "plain" if options.plain else "passed socket",
        sum(result[w]["scheduled"] for w in ("warmup_accounting", "accounting")), answered,
        result["reconnects"], result["resent"]))
    for line in wrong:
        print("LOST: " + line)
    return 1 if wrong else 0


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return soak(options, folder)
        except (Broken, OSError, subprocess.TimeoutExpired) as error:
            print("restarts.py: %s" % error, file=sys.stderr)
            return 1


sys.exit(main())
