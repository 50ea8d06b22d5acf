/* Limits on a mocked clock: turns, what accepting costs while it fails, and what the connections of
 * several workers hold together. Those of time: test_simulated_times.c. */
#include "sim_run.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS     20
#define SWEEP_NS   (SIM_SECOND / 4)   /* how often the server looks who is due */
#define SLACK_NS   (SIM_SECOND / 100) /* for a peer to come to its first byte, or to see the end */
#define PAUSE_NS   (SIM_SECOND / 10)  /* of accepting */
#define EPISODE_NS (11 * SIM_SECOND)  /* a shortage behind so long is another one */

static struct sim_server server;

static void begin(const char *name, uint64_t seed, unsigned workers)
{
    sim_begin(name, seed);
    sim_configure(&server, workers);
}

/* One that has sent much gets a few answers, then it is the other's turn. */
static void a_turn_has_an_end(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("--max-calls", round, 1);
        assert_int_equal(sim_open(&server), EVD_OK);
        struct sim_peer *much = sim_puppet(&server, 0), *little = sim_puppet(&server, 1);
        for (int i = 0; i < SIM_CALLS_MAX; i++)
            sim_peer_say(much, STATUS_CALL, STATUS_ANSWER);
        sim_peer_say(little, STATUS_CALL, STATUS_ANSWER);
        while (!sim.sockets[0].accepted || !sim.sockets[1].accepted)
            sim_run_until(&server, sim.now_ns + 1000);
        for (int p = 0; p < 2; p++)
            sim.sockets[p].sent = sim_peers[p].script_len;
        while (sim.sockets[1].out_len == 0)
            sim_run_until(&server, sim.now_ns + 1000);
        SIM_CHECK(server.workers[0].calls <= 1 + 2 * server.config.max_calls);
        sim_run(&server);
        SIM_CHECK(much->answered == SIM_CALLS_MAX && little->answered == 1);
        sim_close(&server);
    }
}

/* ---- Accepting. ---- */

/* What /metrics tells. */
static uint64_t count_refused(void)
{
    uint64_t refused = 0;
    for (unsigned i = 0; i < server.count; i++)
        refused += server.workers[i].measure.metrics->refused;
    return refused;
}

/* Peers who are in and have said nothing yet. */
static void let_in(size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)sim_peer_make((int)i, SIM_ORDERLY, SIM_LINES, 5, sim.now_ns);
    server.peers = count;
    for (size_t i = 0; i < count; i++) {
        while (!sim.sockets[i].accepted)
            sim_run_until(&server, sim.now_ns + 1000);
        sim_peers[i].next_ns = sim.now_ns + SIM_SECOND;
    }
}

static bool all_served(size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (!sim_peers[i].done || sim_peers[i].answered != 5 || sim_peers[i].errors != 0)
            return false;
    return true;
}

/* For five seconds nobody can be accepted, whatever the reason: who is in is served, accepting is
 * tried ten times a second and not more, and told of once; then who waits is served in a second. */
static void accepting_fails_for_a_while(void **state)
{
    (void)state;
    static const int errors[] = {EMFILE, ENFILE,     ENOBUFS,      ENOMEM,     EPERM,  EACCES,
                                 EPROTO, EOPNOTSUPP, ECONNABORTED, ENETDOWN,   EINVAL, EIO,
                                 ENOSR,  ETIMEDOUT,  EHOSTUNREACH, ENOPROTOOPT};
    enum { IN = 3, WAIT = 4, SECONDS = 5, TRIES = 8 }; /* TRIES: in one turn at most */
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        for (unsigned workers = 1; workers <= SIM_WORKERS; workers++) {
            begin("accepting fails", i, workers);
            assert_int_equal(sim_open(&server), EVD_OK);
            let_in(IN);
            struct sim_plan plan = {
                .sites = SIM_ACCEPT, .from = 1, .to = LONG_MAX, .accept_errno = errors[i]};
            for (int p = IN; p < IN + WAIT; p++)
                (void)sim_peer_make(p, SIM_ORDERLY, SIM_LINES, 5, sim.now_ns);
            server.peers = IN + WAIT;
            sim.accepts = server.turns = sim.lines = 0;
            sim_arm(&plan);
            sim_run_until(&server, sim.now_ns + SECONDS * SIM_SECOND);
            long pauses = (long)(SECONDS * SIM_SECOND / PAUSE_NS + 1) * workers;
            print_message("%s: %ld calls of accept, %ld turns, %ld lines\n", strerror(errors[i]),
                          sim.accepts, server.turns, sim.lines);
            SIM_CHECK(all_served(0, IN));
            SIM_CHECK(sim.accepts >= SECONDS && sim.accepts <= pauses * TRIES);
            SIM_CHECK(server.turns < pauses + 1000);
            SIM_CHECK(sim.lines == workers && strstr(sim.line, strerror(errors[i])));
            uint64_t now = sim.now_ns;
            sim_arm(NULL);
            sim_run_until(&server, now + SIM_SECOND);
            SIM_CHECK(all_served(IN, IN + WAIT));
            sim.now_ns += EPISODE_NS; /* long afterwards: it is told again */
            (void)sim_peer_make(IN + WAIT, SIM_ORDERLY, SIM_LINES, 5, sim.now_ns);
            server.peers = IN + WAIT + 1;
            sim_arm(&plan);
            sim_run_until(&server, sim.now_ns + SIM_SECOND);
            SIM_CHECK(sim.lines == workers + 1);
            sim_arm(NULL);
            sim_run(&server);
            sim_serves_on(&server);
            sim_close(&server);
        }
    }
}

/* The process has as many descriptors as it may have: the spare one refuses who is too many, each
 * at once, and who leaves makes room within a second. */
static void descriptors_run_out(void **state)
{
    (void)state;
    enum { IN = 5, MORE = 20 };
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("no descriptors", round, 1 + (unsigned)(round % SIM_WORKERS));
        assert_int_equal(sim_open(&server), EVD_OK);
        let_in(IN);
        sim.descriptor_limit = sim.descriptors;
        for (int p = IN; p < IN + MORE; p++) {
            (void)sim_peer_make(p, SIM_ORDERLY, SIM_LINES, 5, sim.now_ns);
            sim_peers[p].cut = true;
        }
        server.peers = IN + MORE;
        sim.accepts = sim.lines = 0;
        sim_run_until(&server, sim.now_ns + SIM_SECOND / 2);
        for (int p = IN; p < IN + MORE; p++) {
            SIM_CHECK(sim_peers[p].done);
            SIM_CHECK(strstr(sim.sockets[p].out, "\"code\":\"busy\"") != NULL);
        }
        SIM_CHECK(count_refused() == MORE);
        /* A refusal is a try that fails, one that does not, and then the end of the queue. */
        SIM_CHECK(sim.accepts <= 3 * MORE && sim.lines <= (long)server.config.workers);
        sim_run(&server);
        SIM_CHECK(all_served(0, IN));
        sim_serves_on(&server); /* with the limit still there: all of them have left */
        sim_close(&server);
    }
}

/* When the spare one was lent, another took the last number there was. It is had again as soon as
 * there is one, and refuses who is too many the next time. */
static void the_spare_descriptor_comes_back(void **state)
{
    (void)state;
    enum { IN = 5, MORE = 4, END = 2 * (IN + MORE) };
    static const struct sim_plan plan = {.sites = SIM_OPEN, .from = 1, .to = LONG_MAX};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("the spare is lost", round, 1);
        assert_int_equal(sim_open(&server), EVD_OK);
        let_in(IN);
        size_t full = sim.descriptors;
        sim.descriptor_limit = full;
        sim_arm(&plan);
        for (int p = IN; p < IN + MORE; p++) {
            (void)sim_peer_make(p, SIM_ORDERLY, SIM_LINES, 5, sim.now_ns);
            sim_peers[p].cut = true;
        }
        server.peers = IN + MORE;
        sim_run_until(&server, sim.now_ns + SIM_SECOND / 2);
        SIM_CHECK(server.workers[0].listeners[0].spare < 0);
        sim_arm(NULL);
        sim_run(&server);
        for (int p = IN + MORE; p < END; p++) {
            bool is_one_more = p >= END - MORE;
            (void)sim_peer_make(p, is_one_more ? SIM_ORDERLY : SIM_IDLER, SIM_LINES, 5,
                                sim.now_ns + is_one_more * SIM_SECOND);
            sim_peers[p].cut = is_one_more;
        }
        server.peers = END;
        sim_run_until(&server, sim.now_ns + SIM_SECOND + SIM_SECOND / 2);
        SIM_CHECK(sim.descriptors == full);
        for (int p = END - MORE; p < END; p++)
            SIM_CHECK(strstr(sim.sockets[p].out, "\"code\":\"busy\"") != NULL);
        sim_run(&server);
        sim_close(&server);
    }
}

/* ---- Too many connections. ---- */

/* By the protocol in which it has begun to speak. */
static void expect_busy(int number)
{
    const char *out = sim.sockets[number].out;
    size_t len = sim.sockets[number].out_read;
    static const char line[] =
        "{\"error\":{\"code\":\"busy\",\"message\":\"2 connections are open, "
        "no more are allowed (--max-connections)\"}}\n";
    if (sim_peers[number].manner == SIM_SILENT || sim_peers[number].protocol == SIM_LINES)
        SIM_CHECK(len == sizeof line - 1 && memcmp(out, line, len) == 0);
    else if (sim_peers[number].protocol == SIM_HTTP)
        SIM_CHECK(strncmp(out, "HTTP/1.1 503 ", 13) == 0 && strstr(out, "Connection: close") &&
                  strstr(out, "\r\n\r\n2 connections are open") != NULL);
    else
        SIM_CHECK(len > 24 && memcmp(out, "\xED\x03", 2) == 0 &&
                  memcmp(out + 8, "\0\0\0\0\0\0\0\0", 8) == 0 && memcmp(out + 20, "busy", 4) == 0);
}

static void make_surplus(int first, int end, bool silent)
{
    for (int p = first; p < end; p++) {
        struct sim_peer *peer =
            sim_peer_make(p, silent || p % 4 == 3 ? SIM_SILENT : SIM_EAGER,
                          (enum sim_protocol)(p % 4 % SIM_PROTOCOLS), 5, sim.now_ns);
        sim.sockets[p].window = SIM_TEXT;
        peer->cut = true;
    }
    server.peers = (size_t)end;
}

static void let_in_all_that_may(unsigned workers, uint64_t seed)
{
    begin("too many connections", seed, workers);
    server.config.max_connections = 2;
    assert_int_equal(sim_open(&server), EVD_OK);
    let_in(2);
}

/* Told in its own protocol, with no reset behind it; who says nothing is told after a second. */
static void who_is_too_many_is_told(void **state)
{
    (void)state;
    enum { END = 2 + 16 };
    for (uint64_t round = 0; round < ROUNDS; round++) {
        let_in_all_that_may(1 + (unsigned)(round % SIM_WORKERS), round);
        for (int i = 0; i < 2; i++)
            sim_peers[i].next_ns += 2 * SIM_SECOND;
        uint64_t now = sim.now_ns;
        make_surplus(2, END, false);
        sim_run_until(&server, now + 2 * SIM_SECOND);
        SIM_CHECK(count_refused() == END - 2);
        for (int p = 2; p < END; p++) {
            bool silent = sim_peers[p].manner == SIM_SILENT;
            uint64_t lasted = sim_peers[p].ended_ns - now;
            SIM_CHECK(sim_peers[p].done && !sim.sockets[p].server_reset);
            SIM_CHECK(silent ? lasted >= SIM_SECOND && lasted < SIM_SECOND + SWEEP_NS + SLACK_NS
                             : lasted < SIM_SECOND / 2);
            expect_busy(p);
        }
        sim_run(&server);
        SIM_CHECK(all_served(0, 2));
        sim_serves_on(&server);
        sim_close(&server);
    }
}

/* Those who say nothing hold no more than so many places; one more is told at once. */
static void who_is_held_is_counted(void **state)
{
    (void)state;
    enum { END = 2 + EVD_SURPLUS_MAX + 10 };
    let_in_all_that_may(1, 1);
    uint64_t now = sim.now_ns;
    make_surplus(2, END, true);
    size_t at_once = 0, most = 0;
    while (sim.now_ns < now + SIM_SECOND / 2) {
        sim_run_until(&server, sim.now_ns + SIM_SECOND / 100);
        most = server.workers[0].surplus.count > most ? server.workers[0].surplus.count : most;
    }
    for (int p = 2; p < END; p++)
        at_once += sim_peers[p].done;
    assert_int_equal(most, EVD_SURPLUS_MAX);
    assert_int_equal(at_once, 10);
    sim_run(&server);
    for (int p = 2; p < END; p++)
        expect_busy(p);
    assert_int_equal(server.workers[0].surplus.count, 0);
    sim_serves_on(&server);
    sim_close(&server);
}

/* The end does not wait for them, and leaves none open. */
static void who_is_held_does_not_hold_up_the_end(void **state)
{
    (void)state;
    let_in_all_that_may(1, 2);
    make_surplus(2, 10, true);
    sim_run_until(&server, sim.now_ns + SIM_SECOND / 10);
    assert_int_equal(server.workers[0].surplus.count, 8);
    sim_close(&server);
}

static void telling_may_fail(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 4; round++) {
        long asked = 1;
        for (long n = 1; n <= asked; n++) {
            struct sim_plan plan = {
                .sites = SIM_ALLOC | SIM_CALLS, .from = n, .to = round % 2 == 0 ? n : LONG_MAX};
            let_in_all_that_may(1, round);
            make_surplus(2, 10, false);
            sim_arm(&plan);
            sim_run_until(&server, sim.now_ns + 2 * SIM_SECOND);
            asked = sim.asked;
            sim_arm(NULL);
            sim_run(&server);
            assert_int_equal(server.workers[0].surplus.count, 0);
            sim_serves_on(&server);
            sim_close(&server);
        }
        print_message("%ld sites\n", asked);
        assert_true(asked > 20);
    }
}

/* ---- Memory. ---- */

/* It may send 30 calls; they wait while it takes no answer, behind one that is over the limit, and
 * are made as it takes them. */
static void who_does_not_read_stops_calling(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("--output-pause", round, 1);
        server.config.output_pause = 512;
        assert_int_equal(sim_open(&server), EVD_OK);
        struct sim_peer *peer = sim_peer_make(0, SIM_DEAF, SIM_LINES, 30, sim.now_ns);
        sim.sockets[0].window = 1;
        server.peers = 1;
        sim_run_until(&server, sim.now_ns + 3 * SIM_SECOND);
        const struct evd_conn *conn = server.workers[0].conns.first;
        uint64_t calls = server.workers[0].calls;
        SIM_CHECK(conn != NULL && conn->out.len < 512 + SIM_LARGE + 100 && calls < 30);
        peer->manner = SIM_IDLER; /* it reads from now on */
        sim.sockets[0].window = SIM_TEXT;
        sim_run_until(&server, sim.now_ns + 2 * SIM_SECOND);
        SIM_CHECK(peer->answered == 30 && server.workers[0].calls == 30);
        sim_run(&server);
        sim_close(&server);
    }
}

/* Who does not read holds what is for it. All workers together stay under the limit (sim_run.c
 * looks after each event), by closing the largest holders of each; who reads is served. */
static void workers_share_the_memory(void **state)
{
    (void)state;
    enum { DEAF = 40, QUICK = 4 };
    static const size_t max = 192 * 1024;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("--max-memory", round, SIM_WORKERS);
        server.config.max_memory = max;
        assert_int_equal(sim_open(&server), EVD_OK);
        for (int p = 0; p < DEAF; p++) {
            struct sim_peer *peer =
                sim_peer_make(p, SIM_DEAF, (enum sim_protocol)(p % 2), SIM_CALLS_MAX,
                              sim.now_ns + sim_below(SIM_SECOND));
            sim.sockets[p].window = 1;
            peer->cut = true;
        }
        for (int p = DEAF; p < DEAF + QUICK; p++) {
            (void)sim_peer_make(p, SIM_ORDERLY, SIM_HTTP, 5, sim.now_ns + 3 * SIM_SECOND);
            sim.sockets[p].window = SIM_TEXT;
        }
        server.peers = DEAF + QUICK;
        sim_run(&server);
        SIM_CHECK(all_served(DEAF, DEAF + QUICK));
        SIM_CHECK(server.peak_held > max / 2 && server.peak_held <= max);
        for (unsigned i = 0; i < SIM_WORKERS; i++)
            SIM_CHECK(server.workers[i].conns.budget.peak > max / SIM_WORKERS / 2);
        sim_serves_on(&server);
        sim_close(&server);
    }
}

/* What a call holds that does not end counts: its tree, or its payload. So many of them have no
 * room, and some go. */
static void unfinished_calls_hold_memory(void **state)
{
    (void)state;
    enum { CALLS = 12, ITEMS = 2000, BATCH = 64 * 1024 };
    static char tree[ITEMS * 2 + 100];
    static const char payload[] =
        "{\"event\":\"sim.never\",\"encoding\":\"base64+gzip\",\"data\":\""
        /* a string of 60,000 letters */
        "H4sIAAAAAAACA+3BIQEAAAACoC+udL43DEAKAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcCYDawgQm2LqAAA=\"}\n";
    const struct {
        const char *call;
        size_t bytes; /* at least, beside the read that it came with */
    } cases[] = {{tree, ITEMS * sizeof(cJSON)}, {payload, 60000}};
    size_t len = (size_t)sprintf(tree, "{\"event\":\"sim.hold\",\"data\":[1");
    for (int i = 1; i < ITEMS; i++)
        len += (size_t)sprintf(tree + len, ",1");
    (void)sprintf(tree + len, "]}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin("unfinished calls", i, 1);
        server.config.max_memory = 1 << 20;
        assert_int_equal(sim_open(&server), EVD_OK);
        for (int p = 0; p < CALLS; p++) {
            struct sim_peer *peer = sim_puppet(&server, p);
            sim_peer_say(peer, cases[i].call, "");
            peer->cut = true;
            sim.sockets[p].sent = peer->script_len;
        }
        sim_run_until(&server, sim.now_ns + SIM_SECOND);
        size_t open = server.workers[0].conns.count;
        print_message("%zu of %d are open\n", open, CALLS);
        SIM_CHECK(open >= 2 && open * (BATCH + cases[i].bytes) <= server.config.max_memory);
        sim_close(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_has_an_end),
        cmocka_unit_test(unfinished_calls_hold_memory),
        cmocka_unit_test(accepting_fails_for_a_while),
        cmocka_unit_test(descriptors_run_out),
        cmocka_unit_test(the_spare_descriptor_comes_back),
        cmocka_unit_test(who_is_too_many_is_told),
        cmocka_unit_test(who_is_held_is_counted),
        cmocka_unit_test(who_is_held_does_not_hold_up_the_end),
        cmocka_unit_test(telling_may_fail),
        cmocka_unit_test(who_does_not_read_stops_calling),
        cmocka_unit_test(workers_share_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
