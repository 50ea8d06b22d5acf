/* Conformance: what each backend makes of a module's state, and of a constructor that refuses. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct evd_dispatch *open_arm(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    return test_open(&config);
}

static void state_is_shared_or_private(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state);
    for (int i = 1; i <= 3; i++) {
        char expected[2] = {(char)('0' + (arm->shared ? i : 1)), '\0'};
        test_expect_reply(dispatch, "t.counter.next", "", expected);
    }
    evd_dispatch_close(dispatch);
}

static void a_second_dispatch_has_states_of_its_own(void **state)
{
    struct evd_dispatch *one = open_arm(state), *two = open_arm(state);
    test_expect_reply(one, "t.counter.next", "", "1");
    test_expect_reply(two, "t.counter.next", "", "1");
    evd_dispatch_close(one);
    one = open_arm(state);
    test_expect_reply(one, "t.counter.next", "", "1");
    evd_dispatch_close(two);
    evd_dispatch_close(one);
}

/* The constructor refuses a state that is not zero and aligned; the function leaves none of it zero
 * and answers how much of it it found so. */
static void each_constructor_gets_zeros(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state);
    static const char *const sizes[] = {"1", "24", "1000", "300000"};
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char event[64];
            (void)snprintf(event, sizeof event, "t.blank_%s.scribble", sizes[i]);
            test_expect_reply(dispatch, event, "", arm->shared && round > 0 ? sizes[i] : "0");
        }
    }
    evd_dispatch_close(dispatch);
}

/* More calls at once than a pool keeps blocks, so that some of their blocks are new and some are
 * not; then the same again over the blocks that were given back. */
static void many_states_at_once_are_apart(void **state)
{
    enum { CALLS = 200 };
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state);
    struct test_call *calls = calloc(CALLS, sizeof *calls);
    assert_non_null(calls);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CALLS; i++)
            assert_int_equal(
                test_start(dispatch, &calls[i], EVD_SLICE("t.flights.turns"), EVD_SLICE("")),
                EVD_MORE);
        for (int step = 2; step <= 3; step++)
            for (int i = 0; i < CALLS; i++)
                assert_int_equal(evd_dispatch_resume(&calls[i].flight),
                                 step < 3 ? EVD_MORE : EVD_DONE);
        for (int i = 0; i < CALLS; i++) {
            char expected[16];
            int turns = arm->shared ? round * 3 * CALLS + 2 * CALLS + i + 1 : 3;
            (void)snprintf(expected, sizeof expected, "%d", turns);
            assert_string_equal(calls[i].sink.text, expected);
        }
    }
    free(calls);
    evd_dispatch_close(dispatch);
}

/* ---- A constructor that refuses. ---- */

static void refuse(bool yes)
{
    assert_int_equal(yes ? setenv("EVD_TEST_REFUSE", "1", 1) : unsetenv("EVD_TEST_REFUSE"), 0);
}

static void refuses_at_the_start(const struct test_arm *arm)
{
    struct evd_dispatch_config config = test_config(arm, NULL);
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {0};
    assert_int_equal(evd_dispatch_open(&config, &dispatch, &error), EVD_ERR_OPEN_FAILED);
    refuse(false);
    assert_null(dispatch);
    assert_int_equal(error.status, EVD_ERR_OPEN_FAILED);
    assert_string_equal(error.text, "module t.fickle: its open() failed");
}

static void a_refusing_constructor_fails_its_calls_only(void **state)
{
    const struct test_arm *arm = *state;
    refuse(true);
    if (arm->at_once) {
        refuses_at_the_start(arm);
        return;
    }
    struct evd_dispatch *dispatch = open_arm(state);
    for (int round = 0; round < 3; round++) {
        refuse(true);
        for (int i = 0; i < 3; i++) {
            static struct test_call call;
            test_run(dispatch, &call, "t.fickle.ask", "");
            test_expect_reply(dispatch, "t.answers.raw", "", "{\"raw\": [1,  2]}");
            if (round > 0 && arm->shared) { /* it was opened in the first round, and stays so */
                assert_string_equal(call.sink.text, "1");
                continue;
            }
            assert_string_equal(call.sink.code, "open_failed");
            assert_string_equal(call.sink.text, evd_status_text(EVD_ERR_OPEN_FAILED));
        }
        refuse(false);
        for (int i = 0; i < 3; i++)
            test_expect_reply(dispatch, "t.fickle.ask", "", "1");
    }
    evd_dispatch_close(dispatch);
}

/* What who counts calls goes by: a number that is an endpoint's alone, and stays. */
static void endpoints_have_numbers_and_states_are_counted(void **state)
{
    static const char *const events[] = {"t.counter.next", "t.answers.raw",
                                         "t.deep.er.nested.whoami"};
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state);
    struct evd_dispatch_stats before, after;
    uint32_t numbers[3] = {0};
    static struct test_call call;

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            test_run(dispatch, &call, events[i], "");
            assert_int_not_equal(call.flight.target.number, 0);
            if (round > 0)
                assert_int_equal(call.flight.target.number, numbers[i]);
            numbers[i] = call.flight.target.number;
        }
    }
    assert_true(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2]);
    assert_true(numbers[0] <= evd_dispatch_endpoints(dispatch));
    test_run(dispatch, &call, "t.counter.nothing", "");
    assert_int_equal(call.flight.target.number, 0);

    evd_dispatch_get_stats(dispatch, &before);
    test_run(dispatch, &call, events[0], "");
    evd_dispatch_get_stats(dispatch, &after);
    assert_int_equal(after.constructed, before.constructed + (arm->shared ? 0 : 1));
    assert_int_equal(after.instances, before.instances);
    assert_true(after.modules >= 3);
    evd_dispatch_close(dispatch);
}

const struct test_case conformance_state[] = {
    TEST_CASE(endpoints_have_numbers_and_states_are_counted),
    TEST_CASE(state_is_shared_or_private),
    TEST_CASE(a_second_dispatch_has_states_of_its_own),
    TEST_CASE(each_constructor_gets_zeros),
    TEST_CASE(many_states_at_once_are_apart),
    TEST_CASE(a_refusing_constructor_fails_its_calls_only),
};
const size_t conformance_state_count = sizeof conformance_state / sizeof *conformance_state;
