#!/usr/bin/env python3
"""The judge, on runs whose truth is computed: what is right passes, and what is wrong by a little more than the tolerance does not."""
import copy
import random
import unittest

import judge

MS = judge.MS


def histogram(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts.items())


def run(**latencies):
    out = {'latency_ns': {}, 'valid': True, 'invalid_causes': [], 'throughput': 0}
    for name, values in latencies.items():
        h = histogram(values)
        out['latency_ns'][name] = {'histogram': h, 'mean': sum(values) / len(values),
                                   **{p: judge.quantile(h, q) for p, q in (('p50', 0.5), ('p99', 0.99))}}
    return out


def kept(checks):
    return [c['kept'] for c in checks]


class Stall(unittest.TestCase):
    # 10,000 requests, a thousand of them due in the second in which nothing was answered.
    RESPONSE = [1_000_000_000 - i * MS for i in range(1000)] + [50_000] * 9000
    SERVICE = [1_000_000_000] * 16 + [50_000] * 9984

    def test_truth(self):
        self.assertEqual(kept(judge.stall(run(response=self.RESPONSE, service=self.SERVICE), 1, 1000, 16)), [True] * 4)

    def test_a_closed_loop_in_disguise(self):
        """Coordinated omission: only what was under way when it stood still is slow."""
        checks = judge.stall(run(response=self.SERVICE, service=self.SERVICE), 1, 1000, 16)
        self.assertEqual(kept(checks), [False, False, False, True])

    def test_service_that_waits_in_the_generator(self):
        self.assertFalse(kept(judge.stall(run(response=self.RESPONSE, service=self.RESPONSE), 1, 1000, 16))[3])

    def test_limits(self):
        for slow, right in ((855, True), (854, False), (945, True), (946, False)):
            response = [101 * MS] * slow + [0] * (10000 - slow)
            self.assertEqual(kept(judge.stall(run(response=response, service=[0]), 1, 1000, 16))[0], right, slow)


class Delay(unittest.TestCase):
    def test_limits(self):
        for extra, right in ((0, [True, True]), (100_000, [True, True]), (100_001, [False, True]), (500_001, [False, False]), (-100_001, [False, True])):
            self.assertEqual(kept(judge.delay(run(response=[2 * MS + extra] * 1000), 2 * MS)), right, extra)

    def test_the_tail_alone(self):
        self.assertEqual(kept(judge.delay(run(response=[2 * MS] * 980 + [3 * MS] * 20), 2 * MS)), [True, False])


class Queue(unittest.TestCase):
    def test_formulas(self):
        self.assertAlmostEqual(judge.mean_wait('M/D/1', 0.5, 1.0), 0.5)
        self.assertAlmostEqual(judge.mean_wait('M/D/1', 0.7, 3.0), 3.5)
        self.assertAlmostEqual(judge.mean_wait('M/M/1', 0.5, 1.0), 1.0)

    def test_the_simulation_agrees_with_them(self):
        """An own Lindley recursion, long enough for two per cent."""
        rng, count = random.Random(3), 200_000
        for kind, rho in (('M/D/1', 0.5), ('M/D/1', 0.7), ('M/M/1', 0.5)):
            wait = total = 0.0
            for _ in range(count):
                total += wait
                wait = max(0.0, wait + (1.0 if kind == 'M/D/1' else rng.expovariate(1)) - rng.expovariate(rho))
            self.assertAlmostEqual(total / count / judge.mean_wait(kind, rho, 1), 1, delta=0.04)

    def test_tolerance(self):
        error = judge.queue_error('M/D/1', 0.5, 2000, runs=50)
        self.assertTrue(0.02 < error < 0.2, error)
        self.assertGreater(judge.queue_error('M/M/1', 0.5, 2000, runs=50), error)
        for off, right in ((0.9, True), (1.1, False), (-1.1, False)):
            mean = int(MS + judge.mean_wait('M/D/1', 0.5, MS) + 40_000 + off * error * MS)
            self.assertEqual(kept(judge.queue(run(response=[mean]), 'M/D/1', 0.5, MS, 40_000, error)), [right], off)

    def test_little(self):
        for throughput, right in ((16000, True), (16016, True), (16017, False), (15983, False)):
            one = run(response=[MS])
            one['throughput'] = throughput
            self.assertEqual(kept(judge.little(one, 16)), [right], throughput)


class Arrivals(unittest.TestCase):
    def test_constant(self):
        stamps = [7 + i * MS for i in range(1000)]
        self.assertEqual(kept(judge.constant(stamps, 1000)), [True])
        for late, right in ((250_000, True), (250_001, False)):
            self.assertEqual(kept(judge.constant([at + (late if i % 50 == 1 else 0) for i, at in enumerate(stamps)], 1000)), [right])

    def test_drift(self):
        self.assertEqual(kept(judge.constant([int(i * MS * 1.0005) for i in range(1000)], 1000)), [False])

    @staticmethod
    def stamps(gaps):
        at, out = 0, [0]
        for gap in gaps:
            at += gap
            out.append(at)
        return out

    def test_poisson(self):
        rng = random.Random(11)
        gaps = [rng.expovariate(1 / 500_000) for _ in range(20_000)]
        self.assertEqual(kept(judge.poisson(self.stamps(gaps))), [True] * 3)
        self.assertEqual(kept(judge.poisson(self.stamps([400_000, 600_000] * 10_000))),
                         [False, False, False])
        # Right by the variance, and no exponential: most gaps short, some long.
        self.assertFalse(kept(judge.poisson(self.stamps([rng.choice((1, 1_000_000)) for _ in range(20_000)])))[0])
        # The same gaps in an order: each is like the one before.
        self.assertEqual(kept(judge.poisson(self.stamps(sorted(gaps)))), [True, True, False])
        # Sent in batches of what was due in a tenth of a millisecond.
        at = [int(x // 100_000) * 100_000 for x in self.stamps(gaps)]
        self.assertFalse(kept(judge.poisson(at))[0])


class Stopped(unittest.TestCase):
    CONTROL = run(woke_late=[40_000], wire=[50_000] * 100)

    def stopped(self, late, wire=50_000):
        # Ten more by less than 10 ms, and another twenty that have nothing to do with it.
        one = run(woke_late=[12 * MS] * (late - 10) + [9 * MS] * 30 + [40_000] * (6000 - late - 20), wire=[wire] * 100)
        one['valid'], one['invalid_causes'] = False, ['late']
        return one

    def test_client(self):
        self.assertEqual(kept(judge.stopped_client(self.stopped(200), self.CONTROL, 0.2, 1000)), [True] * 3)
        for late, right in ((190, True), (189, False), (210, True), (211, False)):
            self.assertEqual(kept(judge.stopped_client(self.stopped(late), self.CONTROL, 0.2, 1000))[1], right, late)
        for wire, right in ((52_400, True), (52_600, False)):
            self.assertEqual(kept(judge.stopped_client(self.stopped(200, wire), self.CONTROL, 0.2, 1000))[2], right, wire)

    def test_a_verdict_of_valid(self):
        one = self.stopped(200)
        one['valid'], one['invalid_causes'] = True, []
        self.assertFalse(kept(judge.stopped_client(one, self.CONTROL, 0.2, 1000))[0])

    def test_server(self):
        clean = copy.deepcopy(self.CONTROL)
        self.assertEqual(kept(judge.stopped_server(clean)), [True, True])
        clean['invalid_causes'] = ['late']
        self.assertEqual(kept(judge.stopped_server(clean)), [True, False])
        self.assertEqual(kept(judge.stopped_server(run(woke_late=[251_000]))), [False, True])


class Others(unittest.TestCase):
    def test_beside_wrk(self):
        for ratios, right in (([1.1, 0.9, 0.97], True), ([0.9, 0.96, 1.2], False), ([0.9, 1.2], True), ([0.8, 1.1], False)):
            self.assertEqual(kept(judge.beside_wrk(ratios)), [right], ratios)

    def test_own_error(self):
        for p50, p99, right in ((50_000, 250_000, [True, True]), (50_001, 250_001, [False, False])):
            one = run(response=[40_000 + p50] * 900 + [40_000 + p99] * 100, wire=[40_000] * 1000)
            self.assertEqual(kept(judge.own_error(one)), right)


if __name__ == '__main__':
    unittest.main()
