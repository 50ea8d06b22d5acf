#!/usr/bin/env python3
"""Holds evd-server with ten thousand connections, of which one in a hundred is busy, and proves that nothing fails and that the
memory stays under the server's own formula.

  tests/soak/connections.py [--for 600] [--connections 10000] [--json FILE] [--bin build/release/bin] [-- SERVER OPTION...]

The busy ones send all the time (`loadgen run --rate`); the others one request in 100 seconds each, as clients that are merely
there. The server's own limits stay at their defaults but for the time to a first byte, which such clients would exceed.

What is proved, each second from /proc/PID/smaps_rollup and GET /metrics:
  - every request that fell due was answered as expected, by loadgen's account: no reset, no end, no timeout, none in flight;
  - the server refused, timed out and shed nothing, and served the same connections from beginning to end;
  - its memory without the pages of files (code, which the kernel can drop) was at most what it had when it was ready, which is
    in the A of the line "memory: A + B x connections + ..." that it prints then, + B x connections + the largest sum of its buffers
    so far (evd_buffer_peak_bytes), the connections counted at their most so far, + eight pages that are used in part. The memory is
    read first: what a connection that opens meanwhile takes is allowed for, never the other way round.

Exit status: 0 all of it holds; 1 something does not; 2 usage.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PATIENCE = 30.0  # seconds; only ever waited for when something is broken
SHARE = 100      # one connection in so many is busy
QUIET_GAP = 100  # seconds between two requests of one that is not
PAGES = 8 * 4096 # bytes; memory is counted by pages, and each pool's last one is used in part


class Broken(Exception):
    pass


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--for", type=int, default=600, dest="seconds", help="seconds (default 600)")
    parser.add_argument("--connections", type=int, default=10000, help="in all, 200 to 16000")
    parser.add_argument("--rate", type=int, default=2000, help="requests a second of the busy ones together")
    parser.add_argument("--transport", default="jsonl")
    parser.add_argument("--json", help="write the figures and all samples to this file")
    parser.add_argument("--bin", default="build/release/bin", help="the folder of evd-server and loadgen")
    parser.add_argument("server", nargs="*", help="options for the server, behind --")
    options = parser.parse_args()
    if options.seconds < 1 or not 200 <= options.connections <= 16000:
        parser.error("--for takes seconds from 1, --connections 200 to 16000")
    return options


class Server:
    def __init__(self, options, folder):
        port_file = os.path.join(folder, "port")
        self.log = os.path.join(folder, "server.log")
        self.command = [os.path.join(options.bin, "evd-server"), "--port-file", port_file, "--first-byte-timeout",
                        "%d" % (3 * QUIET_GAP), "--max-connections", str(options.connections + 16)] + options.server
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        formula = self.wait_for(port_file)
        with open(port_file, encoding="utf-8") as file:
            self.address = file.readline().strip()
        self.base, self.each = self.memory(), int(formula.group(2))
        if self.base > int(formula.group(1)) * 1024:
            raise Broken("%d bytes at the start, and the formula says %s KiB" % (self.base, formula.group(1)))

    def wait_for(self, port_file):
        """Until it is ready; returns the match of its memory formula."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Broken("the server ended with status %d: %s" % (self.process.returncode, self.said()))
            formula = re.search(r"memory: (\d+) KiB \+ (\d+) bytes x connections", self.said())
            if formula and os.path.exists(port_file):
                return formula
            time.sleep(0.01)
        raise Broken("the server is not ready after %g s, or printed no memory formula: %s" % (PATIENCE, self.said()))

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def metrics(self):
        """Sums over workers and labels: name -> value."""
        url = self.address.replace("tcp://", "http://") + "/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            text = page.read().decode()
        sums = {}
        for name, value in re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE):
            sums[name] = sums.get(name, 0) + float(value)
        return sums

    def memory(self):
        with open("/proc/%d/smaps_rollup" % self.process.pid, encoding="ascii") as file:
            return int(re.search(r"^Anonymous:\s+(\d+) kB", file.read(), re.MULTILINE).group(1)) * 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def load(options, server, report, connections, rate):
    return subprocess.Popen(
        [os.path.join(options.bin, "loadgen"), "run", "--quiet", "--target", server.address, "--transport", options.transport,
         "--connections", str(connections), "--rate", str(rate), "--warmup", "2", "--duration", str(options.seconds),
         "--timeout", "30", "--json", report])


def watch(options, server, loads):
    """A sample a second until the loads have ended."""
    samples, start = [], time.monotonic()
    while any(process.poll() is None for process in loads):
        memory = server.memory()
        counters = server.metrics()
        samples.append({"second": round(time.monotonic() - start, 1), "memory_bytes": memory,
                        "connections": int(counters["evd_connections"]) - 1,  # without the one that asks
                        "buffer_bytes": int(counters["evd_buffer_peak_bytes"])})
        if sys.stderr.isatty():
            left = max(0, options.seconds + 3 - samples[-1]["second"])
            print("\r%(connections)d connections, %(memory_bytes)d bytes" % samples[-1] + ", %d s left " % left,
                  end="", file=sys.stderr)
        if samples[-1]["second"] > options.seconds + 4 * PATIENCE:
            raise Broken("loadgen has not ended %g s after it should have" % (4 * PATIENCE))
        time.sleep(1)  # between two samples
    return samples, counters


def judge(options, server, samples, counters, results):
    wrong = []
    for who, result in results.items():
        for window in ("warmup_accounting", "accounting"):
            account = result[window]
            if account["ok"] != account["scheduled"]:
                wrong.append("%s, %s: %s" % (who, window, ", ".join("%s %d" % item for item in account.items() if item[1] > 0)))
    full = [s for s in samples if s["connections"] == options.connections]
    if len(full) < 0.9 * options.seconds / (samples[-1]["second"] / len(samples)):
        wrong.append("all %d connections were open in %d of %d samples only" % (options.connections, len(full), len(samples)))
    for name in ("evd_timeouts_total", "evd_connections_refused_total", "evd_errors_total", "evd_calls_failed_total"):
        if counters[name] != 0:
            wrong.append("%s is %d" % (name, counters[name]))
    held, most = 0, 0
    for sample in samples:
        # What was given back is kept by the allocator for the next.
        held, most = max(held, sample["buffer_bytes"]), max(most, sample["connections"])
        allowed = server.base + server.each * most + held + PAGES
        if sample["memory_bytes"] > allowed:
            wrong.append("%(memory_bytes)d bytes at second %(second)g" % sample + ", %d allowed" % allowed)
            break
    return wrong, full


def soak(options, folder):
    server = Server(options, folder)
    busy = options.connections // SHARE
    quiet = options.connections - busy
    reports = {who: os.path.join(folder, who + ".json") for who in ("busy", "quiet")}
    loads = []
    try:
        loads.append(load(options, server, reports["quiet"], quiet, max(1, quiet // QUIET_GAP)))
        loads.append(load(options, server, reports["busy"], busy, options.rate))
        samples, counters = watch(options, server, loads)
        status = server.stop()
    finally:
        for process in loads + [server.process]:
            if process.poll() is None:
                process.kill()
                process.wait()
    results = {}
    for who, report in reports.items():
        with open(report, encoding="utf-8") as file:
            results[who] = json.load(file)
    wrong, full = judge(options, server, samples, counters, results)
    if status != 0:
        wrong.append("the server ended with status %d: %s" % (status, server.said()))
    tell(options, server, results, full, wrong)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"what": "tests/soak/connections.py", "connections": options.connections, "busy": busy,
                       "seconds": options.seconds, "base_bytes": server.base, "connection_bytes": server.each,
                       "accounts": {who: r["accounting"] for who, r in results.items()},
                       "wrong": wrong, "samples": samples}, file, separators=(",", ":"))
            file.write("\n")
    return 1 if wrong else 0


def tell(options, server, results, full, wrong):
    start = "\n" if sys.stderr.isatty() else ""
    requests = sum(r[w]["scheduled"] for r in results.values() for w in ("warmup_accounting", "accounting"))
    answered = sum(r[w]["ok"] for r in results.values() for w in ("warmup_accounting", "accounting"))
    print("%s%d connections for %d s: %d requests, %d answered" % (start, options.connections, options.seconds, requests, answered))
    if full:
        most = max(s["memory_bytes"] for s in full)
        held = max(s["buffer_bytes"] for s in full)
        print("memory at most %d KiB = %d KiB at the start + %.0f bytes x %d; formula: %d bytes a connection, and %d KiB of buffers" % (
            most // 1024, server.base // 1024, (most - server.base) / options.connections, options.connections, server.each,
            held // 1024))
    for line in wrong:
        print("WRONG: " + line)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return soak(options, folder)
        except (Broken, OSError, subprocess.TimeoutExpired, urllib.error.URLError) as error:
            print("connections.py: %s" % error, file=sys.stderr)
            return 1


sys.exit(main())
