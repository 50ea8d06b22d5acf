/* Limits of time on a mocked clock: when a peer's time is over, and what the end waits for. */
#include "sim_run.h"

#include <string.h>

#define ROUNDS   20
#define SWEEP_NS (SIM_SECOND / 4)   /* how often the server looks who is due */
#define SLACK_NS (SIM_SECOND / 100) /* for a peer to come to its first byte, or to see the end */
#define DAY_NS   (86400 * SIM_SECOND)

static struct sim_server server;

static void begin(const char *name, uint64_t seed, unsigned workers)
{
    sim_begin(name, seed);
    sim_configure(&server, workers);
}

static const struct {
    enum sim_manner manner;
    enum sim_protocol protocol;
    size_t calls;
    uint64_t seconds; /* from its connecting to its end: of sim_configure() */
} times[] = {
    {SIM_SILENT, SIM_LINES, 0, 4},   /* --first-byte-timeout */
    {SIM_TRICKLE, SIM_LINES, 0, 5},  /* --message-timeout: it does send, a byte now and then */
    {SIM_TRICKLE, SIM_FRAMES, 0, 5}, /* the same */
    {SIM_TRICKLE, SIM_HTTP, 0, 5},   /* the same */
    {SIM_IDLER, SIM_LINES, 3, 7},    /* --idle-timeout */
    {SIM_DEAF, SIM_LINES, 30, 8},    /* --write-timeout */
    {SIM_TALKER, SIM_LINES, 30, 8},  /* the same: what it sends is no sign of life */
    {SIM_STUCK, SIM_LINES, 0, 13},   /* --call-timeout, then --idle-timeout */
    {SIM_CLINGER, SIM_LINES, 0, 1},  /* for its end, whatever it still sends */
};

/* The wall clock is set anywhere, now and then; nobody goes earlier or later for that. */
static void run_with_jumps(bool jumps)
{
    for (uint64_t end = sim.now_ns + 20 * SIM_SECOND; sim.now_ns < end;) {
        if (jumps)
            sim.wall_jump_ns = (int64_t)sim_below(2 * DAY_NS) - (int64_t)DAY_NS;
        sim_run_until(&server, sim.now_ns + 1 + sim_below(SIM_SECOND));
        if (sim_peers[0].done)
            return;
    }
}

static void times_run_out(bool jumps)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        for (uint64_t round = 0; round < ROUNDS; round++) {
            begin("a time runs out", round, 1);
            assert_int_equal(sim_open(&server), EVD_OK);
            struct sim_peer *peer =
                sim_peer_make(0, times[i].manner, times[i].protocol, times[i].calls,
                              sim.now_ns + sim_below(SIM_SECOND));
            peer->cut = times[i].manner == SIM_STUCK || times[i].manner == SIM_CLINGER;
            if (times[i].seconds == 8)
                sim.sockets[0].window = 1; /* its socket holds less than its answers */
            server.peers = 1;
            run_with_jumps(jumps);
            SIM_CHECK(peer->done);
            uint64_t lasted = peer->ended_ns - peer->began_ns, due = times[i].seconds * SIM_SECOND;
            unsigned limits = times[i].manner == SIM_STUCK ? 2 : 1;
            SIM_CHECK(lasted >= due);
            SIM_CHECK(lasted < due + limits * (SWEEP_NS + SLACK_NS));
            SIM_CHECK(times[i].manner != SIM_STUCK || strstr(peer->first_error, "timed_out"));
            sim_serves_on(&server);
            sim_close(&server);
        }
    }
}

static void each_time_is_kept(void **state)
{
    (void)state;
    times_run_out(false);
}

static void the_wall_clock_may_jump(void **state)
{
    (void)state;
    times_run_out(true);
}

/* A limit on a message is none on those behind it: each piece ends one and begins the next. */
static void each_message_has_its_time(void **state)
{
    (void)state;
    enum { CALLS = 6, HALF = 10 };
    begin("each message has its time", 1, 1);
    assert_int_equal(sim_open(&server), EVD_OK);
    struct sim_peer *peer = sim_puppet(&server, 0);
    for (int i = 0; i < CALLS; i++)
        sim_peer_say(peer, STATUS_CALL, STATUS_ANSWER);
    for (size_t i = 0; i < CALLS; i++) {
        sim.sockets[0].sent = i * strlen(STATUS_CALL) + HALF;
        sim_run_until(&server, sim.now_ns + 3 * SIM_SECOND);
        SIM_CHECK(!peer->done && peer->answered == i);
    }
    sim.sockets[0].sent = peer->script_len;
    sim_run(&server);
    SIM_CHECK(peer->answered == CALLS);
    sim_close(&server);
}

/* The same of calls that answer later. */
static void each_call_has_its_time(void **state)
{
    (void)state;
    enum { CALLS = 4 };
    begin("each call has its time", 1, 1);
    assert_int_equal(sim_open(&server), EVD_OK);
    struct sim_peer *peer = sim_puppet(&server, 0);
    for (int i = 0; i < CALLS; i++)
        sim_peer_say(peer, "{\"event\":\"sim.after\",\"data\":4}\n", "{\"data\":1}\n");
    sim.sockets[0].sent = peer->script_len;
    sim_run(&server);
    SIM_CHECK(peer->answered == CALLS && peer->ended_ns - peer->began_ns > 16 * SIM_SECOND);
    sim_close(&server);
}

/* Until the peer's end, which is due so many seconds after `since_ns`. */
static void ends_after(const struct sim_peer *peer, uint64_t since_ns, uint64_t seconds)
{
    sim_run_until(&server, sim.now_ns + 20 * SIM_SECOND);
    SIM_CHECK(peer->done && peer->ended_ns - since_ns >= seconds * SIM_SECOND - SLACK_NS);
    SIM_CHECK(peer->ended_ns - since_ns < seconds * SIM_SECOND + SWEEP_NS + SLACK_NS);
}

/* What is dropped of a message that was refused has the time of a message, though it goes on. */
static void the_rest_of_a_refused_message_has_its_time(void **state)
{
    (void)state;
    begin("a message too large trickles on", 1, 1);
    server.config.wire.max_frame = 3;
    assert_int_equal(sim_open(&server), EVD_OK);
    struct sim_peer *peer = sim_peer_make(0, SIM_TRICKLE, SIM_LINES, 0, sim.now_ns);
    peer->cut = true;
    server.peers = 1;
    while (!peer->done && peer->answered == 0)
        sim_run_until(&server, sim.now_ns + 1000);
    SIM_CHECK(strstr(peer->first_error, "too_large") != NULL);
    ends_after(peer, sim.now_ns, 5);
    sim_close(&server);
}

/* Who has been told that its first byte is none has the time to read that, not the rest of the time
 * for a first byte. */
static void a_last_answer_has_its_time(void **state)
{
    (void)state;
    begin("a last answer is not read", 1, 1);
    assert_int_equal(sim_open(&server), EVD_OK);
    struct sim_peer *peer = sim_puppet(&server, 0);
    sim_peer_say(peer, "?", "");
    peer->cut = true;
    sim.sockets[0].sent = 1;
    sim.sockets[0].window = 0;
    ends_after(peer, sim.now_ns, 8);
    sim_close(&server);
}

/* The end waits a quarter of a second for who does not go, not the second that it has else. */
static void the_end_waits_less(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("the end waits less", round, 1);
        assert_int_equal(sim_open(&server), EVD_OK);
        (void)sim_peer_make(0, SIM_CLINGER, SIM_LINES, 0, sim.now_ns);
        server.peers = 1;
        while (!sim.sockets[0].accepted)
            sim_run_until(&server, sim.now_ns + 1000);
        uint64_t now = sim.now_ns;
        sim_close(&server);
        SIM_CHECK(sim.now_ns - now >= SIM_SECOND / 4 && sim.now_ns - now < SIM_SECOND / 2);
    }
}

/* Who was connected and had sent its call when the end came is answered, though it stood in the
 * queue still: to close that would reset it. */
static void who_waits_in_the_queue_is_answered_at_the_end(void **state)
{
    (void)state;
    enum { QUEUED = 70 }; /* more than are accepted in one turn */
    for (uint64_t round = 0; round < ROUNDS; round++) {
        begin("the end, and a queue", round, 1 + (unsigned)(round % SIM_WORKERS));
        assert_int_equal(sim_open(&server), EVD_OK);
        for (int p = 0; p < QUEUED; p++) {
            struct sim_peer *peer = sim_puppet(&server, p);
            sim_peer_say(peer, STATUS_CALL, STATUS_ANSWER);
            sim.sockets[p].sent = peer->script_len;
            SIM_CHECK(sim_peer_act(p) && sim.sockets[p].connected);
        }
        sim_close(&server);
        for (int p = 0; p < QUEUED; p++)
            SIM_CHECK(sim_peers[p].answered == 1 && !sim.sockets[p].server_reset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_time_is_kept),
        cmocka_unit_test(the_wall_clock_may_jump),
        cmocka_unit_test(each_message_has_its_time),
        cmocka_unit_test(each_call_has_its_time),
        cmocka_unit_test(the_rest_of_a_refused_message_has_its_time),
        cmocka_unit_test(a_last_answer_has_its_time),
        cmocka_unit_test(the_end_waits_less),
        cmocka_unit_test(who_waits_in_the_queue_is_answered_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
