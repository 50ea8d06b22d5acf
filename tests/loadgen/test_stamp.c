/* Wire latency: which stamp belongs to which request, by made-up stamps; then what the kernel
 * really gives, by counts. */
#include "peer.h"

#include "loadgen/run.h"
#include "loadgen/socket.h"
#include "loadgen/stamp.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MOST UINT64_C(1000)

/* ---- By hand ---- */

/* Requests 5 to 7 in one send of 30 bytes, behind 12 that were not asked for. */
static struct lg_stamp asked(void)
{
    struct lg_stamp stamp = {0};

    lg_stamp_sent(&stamp, 12);
    lg_stamp_asked(&stamp, 30, 5, 7);
    return stamp;
}

static void all_requests_of_a_send_have_its_stamp(void **state)
{
    (void)state;
    struct lg_stamp stamp = asked();
    uint64_t wire = 0;

    assert_true(lg_stamp_told(&stamp, 41, 1000)); /* the last of bytes 0 to 41 */
    assert_int_equal(lg_stamp_answered(&stamp, 4, 1100, MOST, &wire), LG_STAMP_OTHER);
    assert_int_equal(lg_stamp_answered(&stamp, 5, 1100, MOST, &wire), LG_STAMP_GOOD);
    assert_int_equal(wire, 100);
    assert_int_equal(lg_stamp_answered(&stamp, 6, 1100, MOST, &wire), LG_STAMP_GOOD);
    assert_int_equal(stamp.state, LG_STAMP_TOLD);
    assert_int_equal(lg_stamp_answered(&stamp, 7, 1250, MOST, &wire), LG_STAMP_GOOD);
    assert_int_equal(wire, 250);
    assert_int_equal(stamp.state, LG_STAMP_NONE); /* the next send may be asked for */
    assert_int_equal(lg_stamp_answered(&stamp, 8, 1300, MOST, &wire), LG_STAMP_OTHER);
}

static void stamps_of_other_bytes_are_nobodys(void **state)
{
    (void)state;
    struct lg_stamp stamp = asked();
    uint64_t wire;

    assert_false(lg_stamp_told(&stamp, 40, 900));
    assert_false(lg_stamp_told(&stamp, 42, 900));
    assert_int_equal(lg_stamp_answered(&stamp, 5, 1000, MOST, &wire), LG_STAMP_LOST);
    assert_true(lg_stamp_told(&stamp, 41, 900));
    assert_false(lg_stamp_told(&stamp, 41, 950)); /* sent again: the first counts */
    assert_int_equal(lg_stamp_answered(&stamp, 6, 1000, MOST, &wire), LG_STAMP_GOOD);
    assert_int_equal(wire, 100);
}

static void stamps_that_lack_or_cannot_be(void **state)
{
    (void)state;
    static const struct {
        uint64_t rx_ns;
        enum lg_stamp_verdict verdict;
    } cases[] = {
        {0, LG_STAMP_LOST},    /* the kernel said nothing of the reply */
        {4999, LG_STAMP_LOST}, /* the clock was set back */
        {5000, LG_STAMP_GOOD},
        {5000 + MOST, LG_STAMP_GOOD},
        {5000 + MOST + 1, LG_STAMP_LOST}, /* set forward: longer than the request was under way */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lg_stamp stamp = asked();
        uint64_t wire;

        assert_true(lg_stamp_told(&stamp, 41, 5000));
        assert_int_equal(lg_stamp_answered(&stamp, 5, cases[i].rx_ns, MOST, &wire),
                         cases[i].verdict);
    }
}

/* A send that the socket did not take whole ends in the middle of a request. */
static void half_a_send_is_of_no_request(void **state)
{
    (void)state;
    struct lg_stamp stamp = {0};
    uint64_t wire;

    lg_stamp_asked(&stamp, 10, 0, 0);
    assert_int_equal(stamp.state, LG_STAMP_NONE);
    assert_false(lg_stamp_told(&stamp, 9, 100));
    lg_stamp_asked(&stamp, 5, 3, 3); /* its other half */
    assert_true(lg_stamp_told(&stamp, 14, 100));
    assert_int_equal(lg_stamp_answered(&stamp, 3, 160, MOST, &wire), LG_STAMP_GOOD);
    assert_int_equal(wire, 60);
}

static void offsets_wrap_as_the_kernels_do(void **state)
{
    (void)state;
    struct lg_stamp stamp = {0};

    lg_stamp_sent(&stamp, (size_t)UINT32_MAX);
    lg_stamp_asked(&stamp, 1, 1, 1);
    assert_int_equal(stamp.key, UINT32_MAX);
    stamp.state = LG_STAMP_NONE;
    lg_stamp_asked(&stamp, 8, 2, 2);
    assert_true(lg_stamp_told(&stamp, 7, 100));
}

/* Of replies that could not be read nobody asks: the next one ends the wait. */
static void a_reply_that_was_passed_over(void **state)
{
    (void)state;
    struct lg_stamp stamp = asked();
    uint64_t wire;

    assert_true(lg_stamp_told(&stamp, 41, 1000));
    assert_int_equal(lg_stamp_answered(&stamp, 9, 1100, MOST, &wire), LG_STAMP_OTHER);
    assert_int_equal(stamp.state, LG_STAMP_NONE);
}

static void one_send_in_so_many(void **state)
{
    (void)state;
    static const uint64_t cases[] = {1, 2, 64};
    struct lg_stamp_sampler sampler = {0};

    assert_false(lg_stamp_sample(&sampler, true));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint64_t sends = 4000 * cases[i], taken = 0;

        lg_stamp_sampler_init(&sampler, cases[i], 7);
        for (uint64_t n = 0; n < sends; n++)
            taken += lg_stamp_sample(&sampler, true);
        /* Gaps are uniform: 4,000 of them stray by less than 1 % of 4,000, one standard deviation.
         */
        assert_in_range(taken, cases[i] == 1 ? 4000 : 3840, cases[i] == 1 ? 4000 : 4160);
        while (sampler.left > 0)
            lg_stamp_sample(&sampler, true);
        assert_false(lg_stamp_sample(&sampler, false)); /* put off, not passed over */
        assert_true(lg_stamp_sample(&sampler, true));
    }
}

/* ---- The kernel's ---- */

struct pair {
    int client, server;
};

static struct pair connect_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pair pair = {.client = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(pair.client, (struct sockaddr *)&address, len), 0);
    pair.server = accept(listener, NULL, NULL);
    assert_true(pair.server >= 0);
    close(listener);
    return pair;
}

static uint64_t receive_stamp(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    uint64_t stamp;
    char byte;

    assert_int_equal(poll(&readable, 1, 60000), 1);
    assert_int_equal(lg_socket_recv(fd, &byte, 1, &stamp), 1);
    return stamp;
}

/* Stamps of what is received begin a moment after they were asked for; then all have one for as
 * long as this socket is open. */
static struct pair stamping_pair(void)
{
    struct pair pair = connect_pair();
    struct evd_error error;

    if (lg_socket_stamping(pair.client, &error) < 0)
        fail_msg("%s", error.text);
    do
        assert_int_equal(send(pair.server, "x", 1, MSG_NOSIGNAL), 1);
    while (receive_stamp(pair.client) == 0);
    return pair;
}

static void the_kernel_stamps_what_it_is_asked_to(void **state)
{
    (void)state;
    struct pair pair = stamping_pair();
    uint32_t key = 0;
    uint64_t tx = 0, rx;

    assert_false(lg_socket_sent_stamp(pair.client, &key, &tx));
    assert_int_equal(lg_socket_send(pair.client, EVD_SLICE("0123"), false), 4);
    assert_false(lg_socket_sent_stamp(pair.client, &key, &tx));
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(lg_socket_send(pair.client, EVD_SLICE("45678"), true), 5);
        assert_true(lg_socket_sent_stamp(pair.client, &key, &tx));
        assert_int_equal(key, 4 + 5 * i - 1);
        assert_false(lg_socket_sent_stamp(pair.client, &key, &tx));
        assert_int_equal(send(pair.server, "y", 1, MSG_NOSIGNAL), 1);
        rx = receive_stamp(pair.client);
        assert_true(tx != 0 && rx >= tx);
    }
    close(pair.client);
    close(pair.server);
}

static void a_unix_socket_has_none(void **state)
{
    (void)state;
    int fds[2];
    uint32_t key;
    uint64_t stamp = 1;
    char byte;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(lg_socket_send(fds[0], EVD_SLICE("x"), false), 1);
    assert_int_equal(lg_socket_recv(fds[1], &byte, 1, &stamp), 1);
    assert_int_equal(stamp, 0);
    assert_false(lg_socket_sent_stamp(fds[0], &key, &stamp));
    close(fds[0]);
    close(fds[1]);
}

/* ---- A run ---- */

static void run(const char *args, bool unix_socket, struct lg_result *result)
{
    const struct peer_script script = {.transport = &evd_transport_frame,
                                       .unix_socket = unix_socket};
    const struct lg_scenario_options how = {.seed = 1};
    struct peer *peer = peer_start(&script);
    char words[256], *argv[32];
    struct lg_run_options options;
    struct lg_scenario scenario;
    enum lg_options_result asked_for;
    struct evd_error error;
    int argc = 0;

    snprintf(words, sizeof(words), "run --quiet --warmup 0 --target %s %s", peer_address(peer),
             args);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    if (lg_options_parse(argc, argv, &options, &asked_for, &error) < 0 ||
        lg_scenario_load(SCENARIOS "/status.json", &how, &scenario, &error) < 0 ||
        lg_run(&options, &scenario, result, &error) < 0)
        fail_msg("%s", error.text);
    peer_stop(peer);
    lg_scenario_release(&scenario);
}

#define ROUND "--rate 2000 --duration 100ms --connections 2 --depth 4 "

static void a_run_stamps_every_request(void **state)
{
    (void)state;
    struct lg_result *result = malloc(sizeof(*result));
    struct pair pair;

    assert_non_null(result);
    /* The kernel begins to stamp what comes in some time after the first socket wants it: until
     * then requests lack one, and are counted. */
    run("--rate 100 --duration 100ms --connections 10 --wire-timestamps 1", false, result);
    assert_int_equal(result->wire.count + result->wire_lost, 10);
    pair = stamping_pair(); /* open during the next run */
    run(ROUND "--wire-timestamps 1", false, result);
    assert_int_equal(result->accounts[LG_MEASURED].outcomes[LG_OK], 200);
    /* While a connection waits for a stamped reply its other sends are not stamped. */
    assert_in_range(result->wire.count, 1, 200);
    assert_int_equal(result->wire_lost, 0);
    assert_true(result->wire.max <= result->service.max);
    assert_string_equal(result->wire_off, "");
    run(ROUND "--wire-timestamps off", false, result);
    assert_int_equal(result->wire.count + result->wire_lost, 0);
    assert_string_equal(result->wire_off, "");
    run(ROUND, true, result);
    assert_int_equal(result->wire.count + result->wire_lost, 0);
    assert_string_equal(result->wire_off, "Unix sockets have no time stamps");
    assert_int_equal(result->accounts[LG_MEASURED].outcomes[LG_OK], 200);
    free(result);
    close(pair.client);
    close(pair.server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_requests_of_a_send_have_its_stamp),
        cmocka_unit_test(stamps_of_other_bytes_are_nobodys),
        cmocka_unit_test(stamps_that_lack_or_cannot_be),
        cmocka_unit_test(half_a_send_is_of_no_request),
        cmocka_unit_test(offsets_wrap_as_the_kernels_do),
        cmocka_unit_test(a_reply_that_was_passed_over),
        cmocka_unit_test(one_send_in_so_many),
        cmocka_unit_test(the_kernel_stamps_what_it_is_asked_to),
        cmocka_unit_test(a_unix_socket_has_none),
        cmocka_unit_test(a_run_stamps_every_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
