/* Memory that runs out: every allocation from open to close is made to fail, once and for good, and
 * how many there are in steady state. Runs for every arm. */
#include "dispatch_test.h"
#include "test_memory.h"

#include <string.h>

#define ALLOCATIONS_MAX 5000 /* from open to close: more, and the loops below would not end */

/* What is asked for between open and close. Each is answered the same whenever it is asked. */
static const struct {
    const char *event, *data, *reply;
} script[] = {
    {"t.answers.raw", "", "{\"raw\": [1,  2]}"},
    {"t.answers.tree", " {\"a\": [1, \"two\", null]} ", "{\"a\":[1,\"two\",null]}"},
    {"t.answers.own_tree", "[[1], \"x\"]", "{\"copy\":[[1],\"x\"]}"},
    {"t.flights.fourth", "", "4"},
    {"t.flights.keep_tree", "[1, 2]", "[1,2]"},
    {"t.fickle.ask", "", "1"},
    {"t.deep.er.nested.whoami", "", "\"t.deep.er.nested\""},
    {"t.blank_1.scribble", "", NULL}, /* what it finds is the backend's matter */
    {"t.blank_24.scribble", "", NULL},
};
enum { SCRIPT = sizeof script / sizeof *script };

static struct test_call call;

static bool is_want_of_memory(const char *code)
{
    static const int allowed[] = {EVD_ERR_NO_MEMORY, EVD_ERR_OPEN_FAILED, EVD_ERR_LOAD_FAILED};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (strcmp(code, evd_status_code(allowed[i])) == 0)
            return true;
    }
    return false;
}

/* An answer longer than the stack has room for: its text is in the arena. */
static void run_long(struct evd_dispatch *dispatch, bool may_fail)
{
    static char text[3001];
    memset(text, 'x', sizeof text - 1);
    test_run(dispatch, &call, "t.answers.text", text);
    if (call.sink.fails == 0)
        assert_int_equal(call.sink.len, sizeof text + 1);
    else
        assert_true(may_fail && is_want_of_memory(call.sink.code));
}

static void run_cancelled(struct evd_dispatch *dispatch, bool may_fail)
{
    int rc = test_start(dispatch, &call, EVD_SLICE("t.flights.never"), EVD_SLICE("[1]"));
    if (rc == EVD_MORE)
        evd_dispatch_cancel(&call.flight);
    else
        assert_true(may_fail && call.sink.fails == 1 && is_want_of_memory(call.sink.code));
}

static void run_script(struct evd_dispatch *dispatch, bool may_fail)
{
    for (size_t i = 0; i < SCRIPT; i++) {
        test_run(dispatch, &call, script[i].event, script[i].data);
        if (call.sink.fails > 0) {
            if (!may_fail || !is_want_of_memory(call.sink.code))
                fail_msg("%s: %s: %s", script[i].event, call.sink.code, call.sink.text);
        } else if (script[i].reply != NULL) {
            assert_string_equal(call.sink.text, script[i].reply);
        }
    }
    run_long(dispatch, may_fail);
    run_cancelled(dispatch, may_fail);
}

/* From open to close, with the allocations number `from` to `to` failing. Returns whether any did.
 */
static bool survives(const struct test_arm *arm, size_t from, size_t to)
{
    struct evd_dispatch_config config = test_config(arm, NULL);
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {.status = EVD_OK, .text = "untouched"};
    long held = test_memory.held;

    test_memory_fail(from, to);
    int rc = evd_dispatch_open(&config, &dispatch, &error);
    if (rc >= 0)
        run_script(dispatch, true);
    bool failed = test_memory.asked >= from;
    test_memory_fail(0, 0);
    if (rc < 0) {
        assert_true(failed);
        assert_true(rc == EVD_ERR_NO_MEMORY || rc == EVD_ERR_OPEN_FAILED);
        assert_int_equal(error.status, rc);
        assert_string_not_equal(error.text, "untouched");
        assert_true(error.text[0] != '\0');
    } else {
        run_script(dispatch, false); /* memory is back, and nothing else was lost */
        evd_dispatch_close(dispatch);
    }
    assert_int_equal(test_memory.held, held);
    return failed;
}

static void each_allocation_may_fail_once(void **state)
{
    size_t nth = 1;
    while (survives(*state, nth, nth))
        assert_true(++nth < ALLOCATIONS_MAX);
    assert_true(nth > 20);
}

static void memory_may_run_out_for_good(void **state)
{
    size_t nth = 1;
    while (survives(*state, nth, SIZE_MAX))
        assert_true(++nth < ALLOCATIONS_MAX);
    assert_true(nth > 20);
}

/* ---- How many there are. ---- */

static void count_calls(struct evd_dispatch *dispatch, const char *event, const char *data,
                        size_t expected)
{
    enum { CALLS = 1000 };
    test_run(dispatch, &call, event, data); /* the first may fill caches */
    test_memory_fail(0, 0);
    for (int i = 0; i < CALLS; i++)
        test_run(dispatch, &call, event, data);
    if (test_memory.asked != expected * CALLS || test_memory.freed != expected * CALLS)
        fail_msg("%s: %zu allocations and %zu frees in %d calls, expected %zu a call", event,
                 test_memory.asked, test_memory.freed, CALLS, expected);
}

static void calls_allocate_no_more_than_their_arm_says(void **state)
{
    const struct test_arm *arm = *state;
    bool by_call = strcmp(arm->backend, "dynamic") == 0 && arm->dynamic_load == EVD_LOAD_CALL;
    bool by_malloc =
        strcmp(arm->backend, "instance") == 0 && arm->instance_alloc == EVD_ALLOC_MALLOC;
    struct evd_dispatch_config config = test_config(arm, NULL);
    struct evd_dispatch *dispatch = test_open(&config);
    count_calls(dispatch, "t.counter.next", "", by_call || by_malloc);
    count_calls(dispatch, "t.answers.raw", "", by_malloc); /* it has no state */
    count_calls(dispatch, "t.answers.echo", "[1]", by_malloc);
    count_calls(dispatch, "t.answers.tree", "{\"a\": [1, 2, {\"b\": \"text\"}]}", by_malloc);
    count_calls(dispatch, "t.answers.nosuch", "", 0);
    count_calls(dispatch, "no.such.module", "", 0);
    count_calls(dispatch, "../no event", "", 0);
    evd_dispatch_close(dispatch);
}

/* A burst of calls at once must not be held in memory for ever after. */
static void what_is_kept_for_later_is_bounded(void **state)
{
    enum { CALLS = 200, KEPT_MAX = 100 };
    static struct test_call calls[CALLS];
    struct evd_dispatch_config config = test_config(*state, NULL);
    struct evd_dispatch *dispatch = test_open(&config);
    test_run(dispatch, &call, "t.flights.fourth", "");
    long held = test_memory.held;
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(
            test_start(dispatch, &calls[i], EVD_SLICE("t.flights.never"), EVD_SLICE("[1]")),
            EVD_MORE);
    assert_true(test_memory.held >= held + CALLS); /* a chunk for each call's tree */
    for (int i = 0; i < CALLS; i++)
        evd_dispatch_cancel(&calls[i].flight);
    assert_true(test_memory.held <= held + KEPT_MAX);
    evd_dispatch_close(dispatch);
}

static const struct test_case suite[] = {
    TEST_CASE(each_allocation_may_fail_once),
    TEST_CASE(memory_may_run_out_for_good),
    TEST_CASE(calls_allocate_no_more_than_their_arm_says),
    TEST_CASE(what_is_kept_for_later_is_bounded),
};

int main(void)
{
    return test_run_arms(suite, sizeof suite / sizeof *suite);
}
