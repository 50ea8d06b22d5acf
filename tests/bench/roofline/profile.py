#!/usr/bin/env python3
"""Where the server's time goes under the load of evd-roofline, by sampling its CPU.

usage: profile.py --roofline FILE --echo FILE --server FILE --modules DIR [OPTION]... OUT.jsonl
       profile.py --render FILE.jsonl

Runs each of the arms alone at each depth and has perf(1) sample the server's CPU meanwhile. Writes
what was counted to OUT.jsonl and a table to standard output. Each sample is put where its call
chain says: what happens in send() includes bringing the bytes to the peer, for on the loopback
interface the sender does that, and waking it where it sleeps, which is counted by itself. Needs perf and the right to sample a CPU (root, as a rule).

  --seconds N   of each arm and depth; default 4
  --cpus S,C    the server's CPU and the client's; default 0,1
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

SCHEMA = "evdispatch.roofline-profile/1"
ARMS = ("echo", "frame/static", "jsonl/static")
DEPTHS = (16, 64)
COMMS = ("evd-echo", "roofline-server")
FREQUENCY = 3999

# By the function that a sample is in: the file of the tree that it belongs to says the stage.
STAGES = {
    "read the message (transport_*, envelope, json)": {
        "decode", "decode_careful", "evd_envelope_scan", "evd_json_scan_value", "usual_value"},
    "find the endpoint (names, backend)": {"evd_names_get", "hash_front", "acquire", "release"},
    "call it (dispatch, host, module)": {"evd_flight_run", "reply", "board", "evd_flight_init"},
    "write the answer (conn_answer, transport_*)": {
        "sink_reply", "encode", "put_data", "put_start", "evd_buf_make_room"},
    "the connection: limits, counting, turns (conn, metrics)": None,  # what is left of the server
}
REST = list(STAGES)[-1]
COUNTS = {"server_count": "from recv() to send(), 64 calls at a time", "wire_count": "from decode() to encode()"}
WAKING = "kernel: send(), waking the client"
KERNEL = {"sendto": "kernel: send()", "recvfrom": "kernel: recv()", "epoll_wait": "kernel: epoll_wait()"}


def stage_of(chain):
    """chain: (symbol, object) from the innermost outwards."""
    symbol, where = chain[0]
    if "kernel" in where or "guest" in where:
        names = [name for name, _ in chain]
        if "sock_def_readable" in names and any("sys_sendto" in name for name in names):
            return WAKING
        for name in names:
            for call, stage in KERNEL.items():
                if name.startswith(("__x64_sys_" + call, "__se_sys_" + call, "__sys_" + call)):
                    return stage
        return "kernel: else"
    if "vdso" in where:
        return "the clock (vDSO)"
    if "libc" in where:
        return "C library"
    if "libev" in where:
        return "libev"
    symbol = symbol.split(".")[0]
    return next((stage for stage, names in STAGES.items() if names and symbol in names), REST)


def chains(text):
    """The samples of our servers in what perf script prints: a line, then one a frame, then none."""
    chain, ours = [], False
    for line in text.splitlines() + [""]:
        if line and not line[0].isspace():
            ours = line.split()[0] in COMMS
        elif line.strip():
            _, rest = line.strip().split(" ", 1)
            symbol, _, where = rest.rpartition(" (")
            chain.append((symbol.split("+")[0], where.rstrip(")")))
        else:
            if ours and chain:
                yield chain
            chain, ours = [], False


def measure(options, arm, depth, folder):
    data, trials = os.path.join(folder, "perf.data"), os.path.join(folder, "trials.jsonl")
    server_cpu = options.cpus.split(",")[0]
    command = ["perf", "record", "-q", "-a", "-C", server_cpu, "-g", "-e", "cpu-clock", "-F", str(FREQUENCY),
               "-o", data, "--", options.roofline, "--echo", options.echo, "--server", options.server,
               "--modules", options.modules, "--cpus", options.cpus, "--only", f"{arm},{depth}", "--rounds", "2",
               "--warmup", "100ms", "--duration", f"{options.seconds * 500}ms", trials]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode != 0:
        sys.exit(f"profile.py: {arm} at {depth}: {said.stderr.strip() or 'perf ended with ' + str(said.returncode)}")
    script = subprocess.run(["perf", "script", "-i", data, "-F", "comm,ip,sym,dso"], capture_output=True, text=True,
                            check=True)
    stages, symbols = collections.Counter(), collections.Counter()
    for chain in chains(script.stdout):
        stages[stage_of(chain)] += 1
        symbols[chain[0][0]] += 1
    with open(trials, encoding="utf-8") as lines:
        head, *rounds = [json.loads(line) for line in lines]
    calls = sum(r["replies"] for r in rounds)
    return head, {"arm": arm, "connections": rounds[0]["connections"], "depth": depth, "calls": calls,
                  "server_ns": sum(r["server_ns"] for r in rounds), "samples": sum(stages.values()),
                  "stages": dict(stages.most_common()), "symbols": dict(symbols.most_common(40))}


def render(path):
    with open(path, encoding="utf-8") as lines:
        head, *profiles = [json.loads(line) for line in lines]
    if head.get("schema") != SCHEMA:
        sys.exit(f"profile.py: {path}: the first line must have the schema {SCHEMA}")
    folder = os.path.dirname(os.path.abspath(path))
    print(f"# Where the server's time goes\n\nServer CPU by stage, nanoseconds a call: the CPU time a call of each run "
          f"times the share of its samples (cpu-clock at {FREQUENCY} Hz). Commit {head['commit']}, {head['compiler']}, "
          f"Linux {head['kernel']}. Times include the sampling.")
    for depth in DEPTHS:
        shown = [p for p in profiles if p["depth"] == depth]
        if not shown:
            continue
        known = [s for s in [*KERNEL.values(), WAKING, "kernel: else", "libev", "C library", "the clock (vDSO)", *STAGES]
                 if any(s in p["stages"] for p in shown)]
        print(f"\n## {shown[0]['connections']} connections, {depth} in flight on each\n")
        print("| stage | " + " | ".join(p["arm"] for p in shown) + " |")
        print("|---|" + "--:|" * len(shown))
        each = [p["server_ns"] / p["calls"] for p in shown]
        for stage in known:
            cells = [f"{ns * p['stages'].get(stage, 0) / p['samples']:.1f}" for ns, p in zip(each, shown)]
            print(f"| {stage} | " + " | ".join(cells) + " |")
        kernel = [ns * sum(n for s, n in p["stages"].items() if s.startswith("kernel")) / p["samples"]
                  for ns, p in zip(each, shown)]
        print("| **all** | " + " | ".join(f"**{ns:.1f}**" for ns in each) + " |")
        print("| of it in the kernel | " + " | ".join(f"{k / ns:.0%}" for k, ns in zip(kernel, each)) + " |")
        print("| samples | " + " | ".join(str(p["samples"]) for p in shown) + " |")
    for program, what in COUNTS.items():
        try:
            with open(os.path.join(folder, program + ".json"), encoding="utf-8") as file:
                counted = json.load(file)
        except FileNotFoundError:
            continue
        print(f"\n## Instructions of a call, {what}\n\nIn user space, by callgrind ({counted['compiler']}, "
              f"{counted['valgrind']}).\n\n| arm | instructions |\n|---|--:|")
        for arm in counted["arms"]:
            print(f"| {arm['arm']} | {arm['instructions']} |")


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=True)
    for name in ("roofline", "echo", "server", "modules", "render"):
        parser.add_argument("--" + name)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--cpus", default="0,1")
    parser.add_argument("out", nargs="?")
    options = parser.parse_args()
    if options.render:
        return render(options.render)
    if not all((options.roofline, options.echo, options.server, options.modules, options.out)):
        parser.error("--roofline, --echo, --server, --modules and OUT.jsonl are needed")
    with open(options.out, "w", encoding="utf-8") as out, tempfile.TemporaryDirectory() as folder:
        wrote = False
        for depth in DEPTHS:
            for arm in ARMS:
                head, profile = measure(options, arm, depth, folder)
                if not wrote:
                    head = {k: head[k] for k in ("commit", "compiler", "kernel", "congestion", "cpus", "message_bytes")}
                    print(json.dumps({"schema": SCHEMA, **head}), file=out)
                    wrote = True
                print(json.dumps(profile), file=out, flush=True)
    return render(options.out)


if __name__ == "__main__":
    main()
