/* Conformance: which names reach a function, and that no other bytes reach anything. */
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct evd_dispatch *open_arm(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    return test_open(&config);
}

static void expect_event(struct evd_dispatch *dispatch, struct evd_slice event, int status,
                         const char *message)
{
    static struct test_call call;
    int rc = test_start(dispatch, &call, event, EVD_SLICE("[1]"));
    assert_int_equal(rc, EVD_DONE);
    if (call.sink.replies != 0 || call.sink.fails != 1)
        fail_msg("%.*s: answered %s", (int)(event.len > 99 ? 99 : event.len), event.ptr,
                 call.sink.text);
    assert_string_equal(call.sink.code, evd_status_code(status));
    assert_string_equal(call.sink.text, message != NULL ? message : evd_status_text(status));
}

static void names_lead_through_nested_folders(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    test_expect_reply(dispatch, "t.deep.er.nested.whoami", "", "\"t.deep.er.nested\"");
    evd_dispatch_close(dispatch);
}

static void an_empty_event_is_told(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    expect_event(dispatch, evd_slice(NULL, 0), EVD_ERR_EMPTY_EVENT, "Event cannot be empty");
    expect_event(dispatch, EVD_SLICE(""), EVD_ERR_EMPTY_EVENT, "Event cannot be empty");
    evd_dispatch_close(dispatch);
}

static void an_unknown_endpoint_is_told_by_its_function(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char *const cases[][2] = {
        {"t.answers.testFuncFn", "TestFuncFn doesn't exist"},
        {"t.answers.TestFuncFn", "TestFuncFn doesn't exist"},
        {"t.answers.9lives", "9lives doesn't exist"},
        {"t.answers._x", "_x doesn't exist"},
        {"t.answers.-x", "-x doesn't exist"},
        {"t.nosuch.raw", "Raw doesn't exist"},
        {"nosuch.raw", "Raw doesn't exist"},
        {"raw", "Raw doesn't exist"},
        {"f", "F doesn't exist"},
        {"t", "T doesn't exist"},
        {"t.answers", "Answers doesn't exist"},
        {"t.answers.raw.raw", "Raw doesn't exist"},
        {"T.answers.raw", "Raw doesn't exist"},
        {"t.Answers.raw", "Raw doesn't exist"},
        {"t.answers.RAW", "RAW doesn't exist"},
        {"t.deep.er.whoami", "Whoami doesn't exist"},
        {"t.nested.whoami", "Whoami doesn't exist"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_event(dispatch, evd_slice_text(cases[i][0]), EVD_ERR_NO_SUCH_FUNCTION, cases[i][1]);
    evd_dispatch_close(dispatch);
}

/* Beside the modules folder lies outside.so, whose function f would answer. */
static void nothing_outside_the_modules_can_be_reached(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char *const hostile[] = {
        "../../etc/passwd",
        "api/../x.f",
        "../outside.f",
        "...outside.f",
        "..outside.f",
        "t/../../outside.f",
        "t.../outside.f",
        "t.answers/../../../outside.f",
        TEST_OUTSIDE_DIR "/outside.f",
        TEST_OUTSIDE_DIR "/outside.so",
        "file://" TEST_OUTSIDE_DIR "/outside.f",
        "%2e%2e/outside.f",
        "%2e%2e.outside.f",
        "..%2foutside.f",
        "outside.so/f",
        "t/answers.raw",
        "t\\answers.raw",
        "./t.answers.raw",
        "t.answers.so:raw",
        "t.answers.raw ",
        " t.answers.raw",
        "t.answers.raw\n",
        "t.answers.%s%n",
        "$ORIGIN.f",
        "~.f",
        "*.f",
        ".",
        "..",
        ".f",
        "api..f",
        "api.",
        "t.answers.",
        "t.answers..raw",
        ".t.answers.raw",
        "t.answers.r\xc3\xa4w",
        "t.answers.ra\xff",
        "t.answers.\xef\xbc\x8eRAW",
        "t.answers.raw\x7f",
    };
    size_t known = evd_dispatch_endpoints(dispatch);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        expect_event(dispatch, evd_slice_text(hostile[i]), EVD_ERR_BAD_EVENT, NULL);
    expect_event(dispatch, EVD_SLICE("outside.f"), EVD_ERR_NO_SUCH_FUNCTION, "F doesn't exist");
    expect_event(dispatch, EVD_SLICE("outside.so.f"), EVD_ERR_NO_SUCH_FUNCTION, "F doesn't exist");
    test_expect_reply(dispatch, "t.answers.raw", "", "{\"raw\": [1,  2]}");
    assert_true(evd_dispatch_endpoints(dispatch) >= known);
    evd_dispatch_close(dispatch);
}

static void a_nul_ends_nothing(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const struct evd_slice events[] = {
        EVD_SLICE("\0"),
        EVD_SLICE("t.answers.raw\0"),
        EVD_SLICE("t.answers\0.raw"),
        EVD_SLICE("t.answers.raw\0.raw"),
        EVD_SLICE("\0t.answers.raw"),
        EVD_SLICE("t.answers.\0"),
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        expect_event(dispatch, events[i], EVD_ERR_BAD_EVENT, NULL);
    evd_dispatch_close(dispatch);
}

static void long_names_are_refused_not_cut(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static char text[64 * 1024];
    char message[EVD_EVENT_MAX + 32];
    memset(text, 'a', sizeof text);
    expect_event(dispatch, evd_slice(text, 256), EVD_ERR_BAD_EVENT, NULL);
    expect_event(dispatch, evd_slice(text, sizeof text), EVD_ERR_BAD_EVENT, NULL);
    (void)snprintf(message, sizeof message, "A%.*s doesn't exist", 254, text);
    expect_event(dispatch, evd_slice(text, 255), EVD_ERR_NO_SUCH_FUNCTION, message);

    /* A name that is known, with more behind it. */
    memcpy(text, "t.answers.raw", 13);
    expect_event(dispatch, evd_slice(text, sizeof text), EVD_ERR_BAD_EVENT, NULL);
    memcpy(text, "t.answers.", 10);
    memset(text + 10, '.', sizeof text - 10);
    expect_event(dispatch, evd_slice(text, sizeof text), EVD_ERR_BAD_EVENT, NULL);
    evd_dispatch_close(dispatch);
}

/* The event's bytes are read where they stand and no further: they lie at the end of a block. */
static void an_event_is_read_to_its_end_only(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state);
    static const char known[] = "t.answers.raw";
    for (size_t len = 1; len < sizeof known - 1; len++) {
        char *event = malloc(len);
        assert_non_null(event);
        memcpy(event, known, len);
        static struct test_call call;
        assert_int_equal(test_start(dispatch, &call, evd_slice(event, len), EVD_SLICE("")),
                         EVD_DONE);
        assert_int_equal(call.sink.fails, 1);
        free(event);
    }
    evd_dispatch_close(dispatch);
}

extern const struct evd_module evd_module_twice;

/* Which of the two would be called? A module that is linked in is refused at the start, one of a
 * folder when it is loaded; in the same words. */
static void a_function_declared_twice_is_refused(void **state)
{
    static struct test_log log;
    const struct evd_builtin builtin = {"t.twice", &evd_module_twice};
    struct evd_dispatch_config config = test_config(*state, &log);
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {.text = ""};
    const char *said = error.text;

    log.count = 0;
    config.builtins = &builtin;
    config.builtin_count = 1;
    config.modules_dir = TEST_TWICE_DIR;
    if (evd_dispatch_open(&config, &dispatch, &error) >= 0) {
        test_expect_error(dispatch, "t.twice.one", "", EVD_ERR_LOAD_FAILED, NULL);
        test_expect_error(dispatch, "t.twice.a", "", EVD_ERR_LOAD_FAILED, NULL);
        assert_int_equal(evd_dispatch_endpoints(dispatch), 0);
        evd_dispatch_close(dispatch);
        assert_int_equal(log.count, 1);
        said = log.lines[0];
    }
    assert_non_null(strstr(said, "module t.twice"));
    assert_non_null(strstr(said, "its function \"one\" is declared twice"));
}

const struct test_case conformance_names[] = {
    TEST_CASE(names_lead_through_nested_folders),
    TEST_CASE(an_empty_event_is_told),
    TEST_CASE(an_unknown_endpoint_is_told_by_its_function),
    TEST_CASE(nothing_outside_the_modules_can_be_reached),
    TEST_CASE(a_nul_ends_nothing),
    TEST_CASE(long_names_are_refused_not_cut),
    TEST_CASE(an_event_is_read_to_its_end_only),
    TEST_CASE(a_function_declared_twice_is_refused),
};
const size_t conformance_names_count = sizeof conformance_names / sizeof *conformance_names;
