/* Conformance: calls that do not end at once. */
#include "conformance.h"

#include <string.h>

static struct evd_dispatch *open_arm(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    return test_open(&config);
}

static void a_call_is_resumed_until_it_answers(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    static const uint64_t waits[] = {1000000, 0, 3000000};
    int rc = test_start(dispatch, &call, EVD_SLICE("t.flights.fourth"), EVD_SLICE(""));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rc, EVD_MORE);
        assert_int_equal(call.flight.wait_ns, waits[i]);
        assert_int_equal((uintptr_t)call.flight.call.context, i + 1);
        assert_int_equal(call.sink.replies + call.sink.fails, 0);
        rc = evd_dispatch_resume(&call.flight);
    }
    assert_int_equal(rc, EVD_DONE);
    assert_int_equal(call.sink.replies, 1);
    assert_string_equal(call.sink.text, "4");

    /* The next call on the same memory begins anew. */
    test_run(dispatch, &call, "t.flights.fourth", "");
    assert_string_equal(call.sink.text, "4");
    evd_dispatch_close(dispatch);
}

static void two_calls_take_turns(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call one, two;
    struct evd_slice event = EVD_SLICE("t.flights.turns");
    assert_int_equal(test_start(dispatch, &one, event, EVD_SLICE("")), EVD_MORE);
    assert_int_equal(test_start(dispatch, &two, event, EVD_SLICE("")), EVD_MORE);
    assert_int_equal(one.flight.target.state == two.flight.target.state, arm->shared);
    assert_int_equal(evd_dispatch_resume(&one.flight), EVD_MORE);
    assert_int_equal(evd_dispatch_resume(&two.flight), EVD_MORE);
    assert_int_equal(evd_dispatch_resume(&one.flight), EVD_DONE);
    assert_int_equal(evd_dispatch_resume(&two.flight), EVD_DONE);
    assert_string_equal(one.sink.text, arm->shared ? "5" : "3");
    assert_string_equal(two.sink.text, arm->shared ? "6" : "3");
    evd_dispatch_close(dispatch);
}

static void other_calls_run_meanwhile(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call call;
    assert_int_equal(
        test_start(dispatch, &call, EVD_SLICE("t.flights.keep_tree"), EVD_SLICE("{\"a\": [1, 2]}")),
        EVD_MORE);
    for (int i = 0; i < 100; i++) {
        test_expect_reply(dispatch, "t.answers.tree", "{\"b\": \"other\"}", "{\"b\":\"other\"}");
        test_expect_reply(dispatch, "t.flights.fourth", "", "4");
        test_expect_error(dispatch, "t.flights.nosuch", "", EVD_ERR_NO_SUCH_FUNCTION,
                          "Nosuch doesn't exist");
    }
    /* The tree of its first step is still there in its second. */
    assert_int_equal(evd_dispatch_resume(&call.flight), EVD_DONE);
    assert_string_equal(call.sink.text, "{\"a\":[1,2]}");
    evd_dispatch_close(dispatch);
}

static void a_call_may_fail_later(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    test_expect_error(dispatch, "t.flights.fail_later", "", EVD_ERR_BUSY, NULL);
    evd_dispatch_close(dispatch);
}

/* What the constructor took is given back: the leak sanitizer would see it. */
static void a_cancelled_call_leaves_nothing(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static struct test_call calls[3];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(
                test_start(dispatch, &calls[i], EVD_SLICE("t.flights.never"), EVD_SLICE("[1,2,3]")),
                EVD_MORE);
            assert_true(calls[i].flight.wait_ns == EVD_WAIT_MAX_NS);
        }
        assert_int_equal(evd_dispatch_resume(&calls[1].flight), EVD_MORE);
        static const int order[] = {1, 0, 2};
        for (int i = 0; i < 3; i++)
            evd_dispatch_cancel(&calls[order[i]].flight);
        for (int i = 0; i < 3; i++)
            assert_int_equal(calls[i].sink.replies + calls[i].sink.fails, 0);
        test_expect_reply(dispatch, "t.flights.fourth", "", "4");
    }
    evd_dispatch_close(dispatch);
}

const struct test_case conformance_flights[] = {
    TEST_CASE(a_call_is_resumed_until_it_answers), TEST_CASE(two_calls_take_turns),
    TEST_CASE(other_calls_run_meanwhile),          TEST_CASE(a_call_may_fail_later),
    TEST_CASE(a_cancelled_call_leaves_nothing),
};
const size_t conformance_flights_count = sizeof conformance_flights / sizeof *conformance_flights;
