"""What a truth expects, and whether a measured figure keeps to it: no clock, no process, no file.

A check is a dict: what, expected, measured, tolerance (all in `unit`), kept. Nothing else decides."""
import math
import random

MS = 1_000_000  # nanoseconds


def check(what, unit, expected, measured, tolerance):
    """|measured - expected| <= tolerance."""
    return {'what': what, 'unit': unit, 'expected': expected, 'measured': measured, 'tolerance': tolerance,
            'kept': abs(measured - expected) <= tolerance + 1e-9}  # 2.1 - 2 is not 0.1


def at_most(what, unit, limit, measured):
    return {'what': what, 'unit': unit, 'expected': f'≤ {limit:g}', 'measured': measured, 'tolerance': None,
            'kept': measured <= limit}


def at_least(what, unit, limit, measured):
    return {'what': what, 'unit': unit, 'expected': f'≥ {limit:g}', 'measured': measured, 'tolerance': None,
            'kept': measured >= limit}


def says(what, expected, measured):
    return {'what': what, 'unit': '', 'expected': expected, 'measured': measured, 'tolerance': None, 'kept': expected == measured}


# ---- Histograms of evdispatch.run/1: [[least value of a bucket, count], ...], ascending. ----

def count_over(histogram, limit):
    """Values in buckets that begin at `limit` or above."""
    return sum(count for value, count in histogram if value >= limit)


def quantile(histogram, q):
    """The least value of the bucket that holds it."""
    left = math.ceil(q * sum(count for _, count in histogram))
    for value, count in histogram:
        left -= count
        if left <= 0:
            return value
    return histogram[-1][0]


# ---- (a) ----

def stall(run, seconds, rate, connections):
    """A server that stands still for `seconds`, under `rate` a second: latencies from the due time are uniform over the
    stall, 1 - 0.1 / seconds of them over 100 ms; p95 and p99 of a run of ten times the stall stand at half and at nine
    tenths of it. Only one request a connection was under way: of those alone the service time knows."""
    response, service = run['latency_ns']['response'], run['latency_ns']['service']
    slow = rate * (seconds - 0.1)
    return [check('requests over 100 ms', '', slow, count_over(response['histogram'], 100 * MS), 0.05 * slow),
            check('p95 of response', 'ms', 500 * seconds, quantile(response['histogram'], 0.95) / MS, 30),
            check('p99 of response', 'ms', 900 * seconds, response['p99'] / MS, 30),
            check('service times over 100 ms: one a connection', '', connections,
                  count_over(service['histogram'], 100 * MS), 2)]


# ---- (b) ----

def delay(run, delay_ns):
    response, name = run['latency_ns']['response'], f'a delay of {delay_ns / MS:g} ms'
    return [check(f'p50 of {name}', 'ms', delay_ns / MS, response['p50'] / MS, 0.1),
            check(f'p99 of {name}', 'ms', delay_ns / MS, response['p99'] / MS, 0.5)]


# ---- (c) ----

def mean_wait(kind, rho, service):
    """Mean time in the queue, without the service: M/D/1 by Pollaczek and Khinchine, M/M/1."""
    return rho * service / (2 * (1 - rho)) if kind == 'M/D/1' else rho * service / (1 - rho)


def queue_error(kind, rho, count, seed=1, runs=200):
    """Three standard errors of the mean wait of `count` arrivals, in units of the service time: from as many simulated
    runs of Lindley's recursion, for waits follow each other closely and no formula is at hand."""
    rng = random.Random(seed)
    means = []
    count = min(count, 20_000)
    for _ in range(runs):
        wait = total = 0.0
        for _ in range(count):
            total += wait
            service = 1.0 if kind == 'M/D/1' else rng.expovariate(1)
            wait = max(0.0, wait + service - rng.expovariate(rho))
        means.append(total / count)
    mean = sum(means) / runs
    return 3 * math.sqrt(sum((m - mean) ** 2 for m in means) / (runs - 1))


def queue(run, kind, rho, service_ns, network_ns, error):
    """`network_ns`: what a response has beside wait and service, from a run without a queue."""
    wait = run['latency_ns']['response']['mean'] - network_ns - service_ns
    return [check(f'mean wait in {kind}, ρ = {rho:g}', 'ms', mean_wait(kind, rho, service_ns) / MS, wait / MS, error * service_ns / MS)]


def little(run, in_flight):
    """L = λ W of a closed loop: what is in flight is rate times mean response."""
    measured = run['throughput'] * run['latency_ns']['response']['mean'] / 1e9
    return [check("in flight, by Little's law", '', in_flight, measured, in_flight / 1000)]


# ---- (d) ----

def percentile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(q * len(values)) - 1)]


def constant(stamps, rate):
    """Behind the schedule, which begins where the earliest of all arrivals says."""
    period = 1e9 / rate
    late = [at - stamps[0] - i * period for i, at in enumerate(stamps)]
    first = min(late)
    return [at_most('p99 of arrivals behind a constant schedule', 'µs', 250, percentile([(x - first) / 1000 for x in late], 0.99))]


def kolmogorov(gaps):
    """Lilliefors' distance of the gaps to the exponential distribution of their mean, times sqrt(n)."""
    gaps, mean = sorted(gaps), sum(gaps) / len(gaps)
    distance = 0.0
    for i, gap in enumerate(gaps):
        f = 1 - math.exp(-gap / mean)
        distance = max(distance, (i + 1) / len(gaps) - f, f - i / len(gaps))
    return distance * math.sqrt(len(gaps))


def poisson(stamps):
    """1.25: 1 % of Lilliefors' test for the exponential distribution with an unknown mean (Lilliefors 1969)."""
    gaps = [b - a for a, b in zip(stamps, stamps[1:])]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    lag = sum((a - mean) * (b - mean) for a, b in zip(gaps, gaps[1:])) / len(gaps) / variance
    return [at_most('Kolmogorov-Smirnov distance of the gaps · √n', '', 1.25, kolmogorov(gaps)),
            check('coefficient of variation', '', 1, math.sqrt(variance) / mean, 0.03),
            check('lag-1 correlation', '', 0, lag, 0.02)]


# ---- (e) ----

def stopped_client(run, control, seconds, rate):
    """Those that fell due in the last 10 ms of the stop are left out on both sides: so late are others, too, where a machine is
    not quite quiet."""
    late = run['latency_ns']['woke_late']
    wire, usual = run['latency_ns']['wire']['p50'], control['latency_ns']['wire']['p50']
    return [says('the verdict when loadgen was stopped', 'INVALID: late', 'VALID' if run['valid'] else
                 'INVALID: ' + ('late' if 'late' in run['invalid_causes'] else ', '.join(run['invalid_causes']))),
            check('requests woken late, by 10 ms or more', '', (seconds - 0.01) * rate, count_over(late['histogram'], 10 * MS), 10),
            check('p50 of wire, to that of a control', '', 1, wire / usual, 0.05)]


def stopped_server(run):
    return [at_most('p99 of woke late when the server was stopped', 'µs', 250, run['latency_ns']['woke_late']['p99'] / 1000),
            says('blame of the generator', False, bool({'late', 'client-cpu'} & set(run['invalid_causes'])))]


# ---- (f) and the generator's own error ----

def beside_wrk(ratios):
    """Of requests a second, ours to wrk's, a pair a round: the median. Two runs of one program differ by 3 % here."""
    ordered = sorted(ratios)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] * ordered[middle]) ** 0.5
    return [at_least("throughput of GET /healthz, as a ratio to wrk's", '', 0.97, median)]


def own_error(run):
    """What the generator adds to the truth, which is between the kernel's stamps on the wire."""
    response, wire = run['latency_ns']['response'], run['latency_ns']['wire']
    return [at_most('p50 of its own error at 1,000/s', 'µs', 50, (response['p50'] - wire['p50']) / 1000),
            at_most('p99 of its own error at 1,000/s', 'µs', 250, (response['p99'] - wire['p99']) / 1000)]
