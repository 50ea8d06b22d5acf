/* What a module is told and may do beside answering, under every way of dispatch. */
#include "tests/dispatch/dispatch_test.h"
#include "tests/dispatch/folder.h"

#include <stdlib.h>
#include <string.h>

#define MODULES(X)                                                                                 \
    X("a.probe", probe)                                                                            \
    X("a.TEMPLATE", TEMPLATE)                                                                      \
    X("a.size_64", size_64)                                                                        \
    X("a.size_1024", size_1024)                                                                    \
    X("a.size_16384", size_16384)                                                                  \
    X("a.size_262144", size_262144)

#define DECLARE(name, ident) extern const struct evd_module evd_module_##ident;
MODULES(DECLARE)
#undef DECLARE

static const struct evd_builtin builtins[] = {
#define ENTRY(name, ident) {name, &evd_module_##ident},
    MODULES(ENTRY)
#undef ENTRY
};

static struct evd_dispatch_config config_of(const struct test_arm *arm, struct test_log *log,
                                            const char *module_config)
{
    struct evd_dispatch_config config = test_config(arm, log);
    config.builtins = builtins;
    config.builtin_count = sizeof builtins / sizeof *builtins;
    config.modules_dir = TEST_API_MODULES;
    if (module_config != NULL)
        config.module_config = evd_slice_text(module_config);
    config.module_config_from = "modules.json";
    return config;
}

static struct evd_dispatch *open_arm(void **state, struct test_log *log, const char *module_config)
{
    struct evd_dispatch_config config = config_of(*state, log, module_config);
    return test_open(&config);
}

/* ---- Configuration. ---- */

static void a_module_is_told_its_configuration(void **state)
{
    char text[] = "{\"a.other\": 1, \"a\\u002eprobe\" : {\"x\": [1, \"\\u00e9\"]} , \"a.pro\": 2}";
    struct evd_dispatch *dispatch = open_arm(state, NULL, text);
    memset(text, 'x', sizeof text - 1); /* it was copied */
    for (int i = 0; i < 3; i++)
        test_expect_reply(dispatch, "a.probe.config", "",
                          "\"1 a.probe {\\\"x\\\": [1, \\\"\\\\u00e9\\\"]}\"");
    evd_dispatch_close(dispatch);
}

static void a_module_may_have_none(void **state)
{
    static const char *const texts[] = {NULL, "", "{}", " {\"a.size_64\": true}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct evd_dispatch *dispatch = open_arm(state, NULL, texts[i]);
        test_expect_reply(dispatch, "a.probe.config", "", "\"1 a.probe \"");
        evd_dispatch_close(dispatch);
    }
}

static void an_unknown_name_is_told(void **state)
{
    const struct test_arm *arm = *state;
    static struct test_log log;
    log.count = 0;
    struct evd_dispatch *dispatch =
        open_arm(state, &log, "{\"a.prob\": 1, \"a.probe\": 2, \"a.size_64\": 3}");
    const char *said = strcmp(arm->backend, "dynamic") == 0
                           ? "modules.json configures a.prob, which is no module yet"
                           : "modules.json configures a.prob, which is no module";
    assert_int_equal(test_log_count(&log, "configures", ""), 1);
    assert_int_equal(test_log_count(&log, said, ""), 1);
    evd_dispatch_close(dispatch);
}

static void a_constructor_that_refuses_fails_that_call(void **state)
{
    const struct test_arm *arm = *state;
    static struct test_log log;
    log.count = 0;
    struct evd_dispatch_config config = config_of(arm, &log, "{\"a.probe\": {\"refuse\": true}}");
    if (arm->at_once) {
        struct evd_dispatch *dispatch = NULL;
        struct evd_error error;
        assert_int_equal(evd_dispatch_open(&config, &dispatch, &error), EVD_ERR_OPEN_FAILED);
        assert_string_equal(error.text, "module a.probe: its open() failed");
    } else {
        struct evd_dispatch *dispatch = test_open(&config);
        for (int i = 0; i < 3; i++) {
            test_expect_error(dispatch, "a.probe.config", "", EVD_ERR_OPEN_FAILED, NULL);
            test_expect_reply(dispatch, "a.size_64.scribble", "",
                              arm->shared && i > 0 ? "64" : "0");
        }
        evd_dispatch_close(dispatch);
    }
    assert_true(test_log_count(&log, "module a.probe: refuses", "") >= 1);
    assert_int_equal(test_log_count(&log, "opens", ""), 0);
}

static void a_new_version_is_told_the_same(void **state)
{
    const struct test_arm *arm = *state;
    static struct test_log log;
    struct test_folder folder;
    if (strcmp(arm->backend, "dynamic") != 0)
        return;
    log.count = 0;
    test_folder_make(&folder);
    struct evd_dispatch_config config = config_of(arm, &log, "{\"b.late\": \"seven\"}");
    config.modules_dir = folder.path;
    struct evd_dispatch *dispatch = test_open(&config);
    assert_int_equal(test_log_count(&log, "configures b.late, which is no module yet", ""), 1);
    for (int i = 0; i < 2; i++) {
        test_folder_copy(&folder, "b/late.so", TEST_API_MODULES "/a/probe.so");
        evd_dispatch_watch(dispatch);
        test_expect_reply(dispatch, "b.late.config", "", "\"1 b.late \\\"seven\\\"\"");
    }
    struct evd_dispatch_stats stats;
    evd_dispatch_get_stats(dispatch, &stats);
    assert_int_equal(stats.reloads, 1);
    evd_dispatch_close(dispatch);
    test_folder_remove(&folder);
}

/* ---- The caller. ---- */

static void a_module_sees_its_caller(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state, NULL, NULL);
    static struct test_call call;
    const struct evd_caller who = {.size = sizeof who,
                                   .connection = UINT64_MAX,
                                   .transport = "pigeon",
                                   .claims = EVD_SLICE("{\"sub\":1}")};
    test_sink_init(&call.sink);
    call.message = (struct evd_message){.event = EVD_SLICE("a.probe.caller"), .caller = &who};
    assert_int_equal(evd_dispatch_call(dispatch, &call.message, &call.sink.sink, &call.flight),
                     EVD_DONE);
    assert_string_equal(call.sink.text, "\"1 18446744073709551615 pigeon [{\\\"sub\\\":1}]\"");
    /* Nobody in particular is somebody too. */
    test_expect_reply(dispatch, "a.probe.caller", "", "\"1 0  []\"");
    evd_dispatch_close(dispatch);
}

/* ---- The log. ---- */

struct levels {
    size_t count[3], others;
};

static void count_level(void *context, enum evd_log_level level, const char *text)
{
    struct levels *levels = context;
    if (strcmp(text, "module a.probe: hi") == 0)
        levels->count[level]++;
    else
        levels->others++;
}

static void a_line_has_its_level(void **state)
{
    struct levels levels = {0};
    struct evd_dispatch_config config = config_of(*state, NULL, NULL);
    config.log = count_level;
    config.log_context = &levels;
    struct evd_dispatch *dispatch = test_open(&config);
    test_expect_reply(dispatch, "a.probe.say", "\"hi\"", "null");
    evd_dispatch_close(dispatch);
    assert_int_equal(levels.count[EVD_LOG_ERROR], 1);
    assert_int_equal(levels.count[EVD_LOG_WARNING], 1);
    assert_int_equal(levels.count[EVD_LOG_INFO], 2); /* what is no level is the least */
    assert_int_equal(levels.others, 1);              /* "opens" */
}

static void a_line_is_named_cut_and_made_safe(void **state)
{
    static struct test_log log;
    log.count = 0;
    struct evd_dispatch *dispatch = open_arm(state, &log, NULL);
    char data[1026];
    test_expect_reply(dispatch, "a.probe.say", "\"two\\nlines\\u001b[31m\"", "null");
    assert_int_equal(test_log_count(&log, "module a.probe: two\\x0Alines\\x1B[31m", ""), 4);
    memset(data, 'm', sizeof data);
    data[0] = data[1024] = '"';
    data[1025] = '\0';
    test_expect_reply(dispatch, "a.probe.say", data, "null");
    assert_int_equal(strlen(log.lines[log.count - 1]), strlen("module a.probe: ") + 512);
    evd_dispatch_close(dispatch);
}

static void without_a_log_a_module_may_log(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state, NULL, NULL);
    for (int i = 0; i < 200; i++)
        test_expect_reply(dispatch, "a.probe.say", "\"nobody hears this\"", "null");
    evd_dispatch_close(dispatch);
}

/* ---- Calls that wait. ---- */

static void a_wait_is_cut_to_a_day(void **state)
{
    struct evd_dispatch *dispatch = open_arm(state, NULL, NULL);
    static struct test_call call;
    assert_int_equal(test_start(dispatch, &call, EVD_SLICE("a.probe.hold"), EVD_SLICE("")),
                     EVD_MORE);
    assert_true(call.flight.wait_ns == UINT64_C(86400000000000));
    assert_int_equal(evd_dispatch_resume(&call.flight), EVD_MORE);
    assert_int_equal(call.flight.wait_ns, 0);
    assert_int_equal(evd_dispatch_resume(&call.flight), EVD_DONE);
    assert_string_equal(call.sink.text, "0");
    evd_dispatch_close(dispatch);
}

/* The leak sanitizer sees a context that was not freed; cJSON_free() of one that was freed by the
 * function as well would end the process. */
static void a_cancelled_call_frees_what_it_holds(void **state)
{
    const struct test_arm *arm = *state;
    static struct test_log log;
    static struct test_call calls[3];
    log.count = 0;
    struct evd_dispatch *dispatch = open_arm(state, &log, NULL);
    static const char *const data[] = {"10", "11", "12"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            test_start(dispatch, &calls[i], EVD_SLICE("a.probe.hold"), evd_slice_text(data[i])),
            EVD_MORE);
    evd_dispatch_cancel(&calls[1].flight);
    assert_int_equal(test_log_count(&log, "cancelled", ""), 1);
    assert_int_equal(test_log_count(&log, "module a.probe: cancelled 11, reply -13, fail -13",
                                    arm->shared ? "held 2" : "held 0"),
                     1);
    assert_int_equal(evd_dispatch_resume(&calls[2].flight), EVD_MORE);
    evd_dispatch_cancel(&calls[2].flight);
    assert_int_equal(test_log_count(&log, "cancelled 12", arm->shared ? "held 1" : "held 0"), 1);
    for (int i = 1; i < 3; i++)
        assert_int_equal(calls[i].sink.replies + calls[i].sink.fails, 0);

    /* One that is answered is not cancelled. */
    assert_int_equal(evd_dispatch_resume(&calls[0].flight), EVD_MORE);
    assert_int_equal(evd_dispatch_resume(&calls[0].flight), EVD_DONE);
    assert_string_equal(calls[0].sink.text, "0");
    assert_int_equal(test_log_count(&log, "cancelled", ""), 2);
    evd_dispatch_close(dispatch);
}

/* ---- States of every size. ---- */

/* Each open() sees nothing but zeros (blank.c); what a call leaves behind only a shared state has.
 */
static void a_state_of_any_size_begins_blank(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_dispatch *dispatch = open_arm(state, NULL, NULL);
    static const char *const sizes[] = {"64", "1024", "16384", "262144"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char event[64];
        (void)snprintf(event, sizeof event, "a.size_%s.scribble", sizes[i]);
        test_expect_reply(dispatch, event, "", "0");
        for (int again = 0; again < 3; again++)
            test_expect_reply(dispatch, event, "", arm->shared ? sizes[i] : "0");
    }
    evd_dispatch_close(dispatch);
}

/* ---- The module to copy. ---- */

static void the_template_works_as_it_says(void **state)
{
    const struct test_arm *arm = *state;
    static struct test_log log;
    log.count = 0;
    struct evd_dispatch *dispatch = open_arm(state, &log, NULL);
    test_expect_reply(dispatch, "a.TEMPLATE.add", "[1, 2, \"x\", 0.5]", "3.5");
    test_expect_reply(dispatch, "a.TEMPLATE.add", "[4]", arm->shared ? "7.5" : "4");
    test_expect_error(dispatch, "a.TEMPLATE.add", "{}", EVD_ERR_BAD_DATA,
                      "data must be an array of numbers");
    evd_dispatch_close(dispatch);
    assert_int_equal(test_log_count(&log, "TEMPLATE", ""), 0);
}

static void the_template_is_configured(void **state)
{
    static struct test_log log;
    log.count = 0;
    struct evd_dispatch *dispatch = open_arm(state, &log, "{\"a.TEMPLATE\": {\"start\": 100}}");
    test_expect_reply(dispatch, "a.TEMPLATE.add", "[1]", "101");
    evd_dispatch_close(dispatch);
    dispatch = open_arm(state, &log, "{\"a.TEMPLATE\": {\"start\": \"soon\"}}");
    test_expect_reply(dispatch, "a.TEMPLATE.add", "[1]", "1");
    evd_dispatch_close(dispatch);
    assert_int_equal(test_log_count(&log, "module a.TEMPLATE: start is no number", ""), 1);
}

/* ---- What a module may expect of the host. ---- */

static void a_module_for_a_newer_host_is_refused(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_module newer = evd_module_probe;
    const struct evd_builtin table[] = {{"a.newer", &newer}};
    struct evd_dispatch_config config = config_of(arm, NULL, NULL);
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error;
    if (strcmp(arm->backend, "dynamic") == 0)
        return; /* the same check, on what is loaded */
    config.builtins = table;
    config.builtin_count = 1;
    assert_int_equal(newer.host_size, sizeof(struct evd_host));
    newer.host_size += 8;
    assert_int_equal(evd_dispatch_open(&config, &dispatch, &error), EVD_ERR_LOAD_FAILED);
    assert_non_null(strstr(error.text, "module a.newer: "));
    assert_non_null(strstr(error.text, "newer server"));
    newer.host_size = offsetof(struct evd_host, log); /* an older one is served */
    assert_int_equal(evd_dispatch_open(&config, &dispatch, &error), EVD_OK);
    evd_dispatch_close(dispatch);
}

int main(void)
{
    const struct test_case suite[] = {
        TEST_CASE(a_module_is_told_its_configuration),
        TEST_CASE(a_module_may_have_none),
        TEST_CASE(an_unknown_name_is_told),
        TEST_CASE(a_constructor_that_refuses_fails_that_call),
        TEST_CASE(a_new_version_is_told_the_same),
        TEST_CASE(a_module_sees_its_caller),
        TEST_CASE(a_line_has_its_level),
        TEST_CASE(a_line_is_named_cut_and_made_safe),
        TEST_CASE(without_a_log_a_module_may_log),
        TEST_CASE(a_wait_is_cut_to_a_day),
        TEST_CASE(a_cancelled_call_frees_what_it_holds),
        TEST_CASE(a_state_of_any_size_begins_blank),
        TEST_CASE(the_template_works_as_it_says),
        TEST_CASE(the_template_is_configured),
        TEST_CASE(a_module_for_a_newer_host_is_refused),
    };
    return test_run_arms(suite, sizeof suite / sizeof *suite);
}
