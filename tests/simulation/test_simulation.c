/* Clients of all manners, and faults at every place where one can be: each allocation and each
 * system call of the workers fails, once and for good, in turn and by chance.
 *
 * After each run: whoever was not hit got every answer, right and in order; whoever was got right
 * answers, an error that says what was short, or an end; nobody waits for ever; the server serves
 * on; nothing is lost: no block, no descriptor, no connection, no byte of the budget.
 *
 * A failure names its seed; EVD_SIM_SEED=N runs that one alone, EVD_SIM_SEEDS=N more of them. */
#include "sim_run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES_MAX 20000 /* of one run: more, and the loops below would not end */

static struct sim_server server;

static uint64_t seeds(uint64_t usual)
{
    const char *text = getenv("EVD_SIM_SEEDS");
    return text == NULL ? usual : strtoull(text, NULL, 10);
}

/* The seed of a round, or the one that was asked for in all of them. */
static uint64_t seed_of(uint64_t round)
{
    const char *text = getenv("EVD_SIM_SEED");
    return text == NULL ? round : strtoull(text, NULL, 10);
}

static void begin(const char *name, uint64_t seed)
{
    sim_begin(name, seed);
    sim_configure(&server, 1 + (unsigned)sim_below(SIM_WORKERS));
}

/* Peers who behave, of every protocol. */
static void make_good_peers(size_t count, size_t calls)
{
    for (size_t i = 0; i < count; i++) {
        enum sim_manner manner = (enum sim_manner)sim_below(SIM_ORDERLY + 1);
        (void)sim_peer_make((int)i, manner, (enum sim_protocol)(i % SIM_PROTOCOLS),
                            1 + sim_below(calls), sim.now_ns + sim_below(SIM_SECOND / 10));
    }
    server.peers = count;
}

static void make_all_peers(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum sim_manner manner = (enum sim_manner)sim_below(SIM_MANNERS);
        enum sim_protocol protocol = manner == SIM_STUCK || manner == SIM_CLINGER
                                         ? SIM_LINES
                                         : (enum sim_protocol)sim_below(3);
        bool silent = manner == SIM_TRICKLE || manner == SIM_SILENT || manner == SIM_CLINGER;
        (void)sim_peer_make((int)i, manner, protocol, silent ? 0 : sim_below(SIM_CALLS_MAX),
                            sim.now_ns + sim_below(SIM_SECOND));
        if (manner == SIM_STUCK || manner == SIM_CLINGER)
            sim_peers[i].cut = true;
    }
    server.peers = count;
}

static void nothing_fails(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(200); round++) {
        begin("nothing fails", seed_of(round));
        assert_int_equal(sim_open(&server), EVD_OK);
        make_all_peers(1 + sim_below(12));
        sim_run(&server);
        sim_serves_on(&server);
        sim_close(&server);
    }
}

/* One run with one plan, from the same seed as all of its family. Returns the sites it passed. */
static long run_with(const char *name, uint64_t seed, const struct sim_plan *plan, bool at_start)
{
    begin(name, seed);
    if (at_start)
        sim_arm(plan);
    int rc = sim_open(&server);
    long asked = sim.asked;
    if (at_start) {
        sim_arm(NULL);
        SIM_CHECK((sim.failed > 0) || rc == EVD_OK);
    } else {
        assert_int_equal(rc, EVD_OK);
        make_good_peers(6, 5);
        sim_arm(plan);
        sim_run_until(&server, sim.now_ns + 20 * SIM_SECOND);
        asked = sim.asked;
    }
    if (rc < 0)
        return asked;
    sim_serves_on(&server);
    sim_close(&server);
    return asked;
}

/* Each site in turn; how: for how long it fails. */
static long fail_each(const char *name, uint64_t seed, unsigned sites, bool for_good, bool at_start)
{
    for (long n = 1;; n++) {
        struct sim_plan plan = {.sites = sites, .from = n, .to = for_good ? LONG_MAX : n};
        long asked = run_with(name, seed, &plan, at_start);
        SIM_CHECK(n < SITES_MAX);
        if (asked < n)
            return n - 1;
    }
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(6); round++)
        print_message("%ld sites\n", fail_each("each allocation fails once", seed_of(round),
                                               SIM_ALLOC, false, false));
}

static void each_call_fails_once(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(6); round++)
        print_message("%ld sites\n", fail_each("each system call fails once", seed_of(round),
                                               SIM_CALLS, false, false));
}

static void memory_runs_out_for_good(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(2); round++)
        print_message("%ld sites\n",
                      fail_each("no memory from here on", seed_of(round), SIM_ALLOC, true, false));
}

/* Each kind of call alone, as all of them together would hide what follows the first. */
static void calls_fail_for_good(void **state)
{
    (void)state;
    static char name[64];
    for (unsigned site = SIM_RECV; site < 1u << SIM_SITES; site <<= 1) {
        (void)snprintf(name, sizeof name, "calls 0x%x fail from here on", site);
        for (uint64_t round = 0; round < seeds(1); round++)
            print_message("0x%x: %ld sites\n", site,
                          fail_each(name, seed_of(round), site, true, false));
    }
}

/* The end comes while peers are at it, with input that was not read yet, and fails on its way. */
static long drain_with(uint64_t seed, const struct sim_plan *plan)
{
    begin("a fault while draining", seed);
    assert_int_equal(sim_open(&server), EVD_OK);
    make_all_peers(10);
    sim_run_until(&server, sim.now_ns + sim_below(SIM_SECOND));
    sim_arm(plan);
    sim_close(&server);
    return sim.asked;
}

static void draining_fails(void **state)
{
    (void)state;
    static const unsigned sites[] = {SIM_ALLOC, SIM_RECV, SIM_SEND,
                                     SIM_CALLS & ~(unsigned)SIM_CLOSE};
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
        long passed = 0;
        for (uint64_t round = 0; round < seeds(20) * 2; round++) {
            long asked = 1;
            for (long n = 1; n <= asked; n++) {
                struct sim_plan plan = {
                    .sites = sites[i], .from = n, .to = round % 2 == 0 ? n : LONG_MAX};
                asked = drain_with(seed_of(round / 2), &plan);
                SIM_CHECK(n < SITES_MAX);
            }
            passed += asked;
        }
        print_message("0x%x: %ld sites\n", sites[i], passed);
        assert_true(passed > 5);
    }
}

static void a_start_fails_in_order(void **state)
{
    (void)state;
    static const unsigned sites[] = {SIM_ALLOC, SIM_CALLS};
    for (size_t i = 0; i < 2; i++)
        for (int for_good = 0; for_good < 2; for_good++) {
            long n = fail_each("the start fails", seed_of(1), sites[i], for_good != 0, true);
            print_message("%ld sites\n", n);
            assert_true(n > 5);
        }
}

/* Faults, interrupts and short reads and writes by chance, and peers of all manners. */
static void anything_fails_by_chance(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(300); round++) {
        begin("anything fails by chance", seed_of(round));
        struct sim_plan plan = {
            .sites = sim_one_in(3)   ? SIM_ALLOC
                     : sim_one_in(2) ? SIM_CALLS
                                     : SIM_CALLS | SIM_ALLOC,
            .chance = 1u << (3 + sim_below(8)),
            .interrupts = sim_one_in(2) ? 3 : 0,
            .shorts = sim_one_in(2) ? 1 + (unsigned)sim_below(4) : 0,
        };
        assert_int_equal(sim_open(&server), EVD_OK);
        make_all_peers(1 + sim_below(12));
        sim_arm(&plan);
        sim_run_until(&server, sim.now_ns + sim_below(20) * SIM_SECOND);
        if (sim_one_in(2)) {
            sim_arm(NULL);
            sim_run(&server);
            sim_serves_on(&server);
        }
        sim_close(&server); /* while it fails, and peers are at it, in the other half */
    }
}

static void reads_and_writes_are_short(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < seeds(10); round++) {
        struct sim_plan plan = {.shorts = 1, .interrupts = 2};
        (void)run_with("each read and write is of one byte", seed_of(round), &plan, false);
        SIM_CHECK(sim.failed == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_fails),
        cmocka_unit_test(reads_and_writes_are_short),
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(memory_runs_out_for_good),
        cmocka_unit_test(each_call_fails_once),
        cmocka_unit_test(calls_fail_for_good),
        cmocka_unit_test(draining_fails),
        cmocka_unit_test(a_start_fails_in_order),
        cmocka_unit_test(anything_fails_by_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
