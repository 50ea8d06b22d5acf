#include "dispatch_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESUMES_MAX 1000 /* of one call */

/* ---- Where an answer goes. ---- */

static void keep(struct test_sink *sink, struct evd_slice text)
{
    assert_true(text.len <= TEST_TEXT_MAX);
    if (text.len > 0)
        memcpy(sink->text, text.ptr, text.len);
    sink->text[text.len] = '\0';
    sink->len = text.len;
}

static int take_reply(struct evd_sink *base, struct evd_slice json)
{
    struct test_sink *sink = (struct test_sink *)base;
    if (sink->refuse < 0)
        return sink->refuse;
    sink->replies++;
    keep(sink, json);
    return EVD_OK;
}

static int take_fail(struct evd_sink *base, struct evd_slice code, struct evd_slice message)
{
    struct test_sink *sink = (struct test_sink *)base;
    sink->fails++;
    assert_true(code.len < sizeof sink->code);
    memcpy(sink->code, code.ptr, code.len);
    sink->code[code.len] = '\0';
    keep(sink, message);
    return EVD_OK;
}

void test_sink_init(struct test_sink *sink)
{
    sink->sink = (struct evd_sink){.reply = take_reply, .fail = take_fail};
    sink->replies = sink->fails = sink->refuse = 0;
    sink->len = 0;
    sink->text[0] = sink->code[0] = '\0';
}

/* ---- What was logged. ---- */

void test_log_line(void *context, enum evd_log_level level, const char *text)
{
    struct test_log *log = context;
    (void)level;
    assert_true(log->count < TEST_LINES);
    (void)snprintf(log->lines[log->count++], sizeof log->lines[0], "%s", text);
}

size_t test_log_count(const struct test_log *log, const char *a, const char *b)
{
    size_t count = 0;
    for (size_t i = 0; i < log->count; i++)
        count += strstr(log->lines[i], a) != NULL && strstr(log->lines[i], b) != NULL;
    return count;
}

/* ---- What the process holds. ---- */

size_t test_count_lines(const char *path, const char *text)
{
    char *line = NULL;
    size_t size = 0, count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &size, file) >= 0)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    free(line);
    return count;
}

size_t test_count_descriptors(void)
{
    size_t count = 0;
    DIR *stream = opendir("/proc/self/fd");
    assert_non_null(stream);
    while (readdir(stream) != NULL)
        count++;
    (void)closedir(stream);
    return count - 3; /* ".", "..", and the stream's own */
}

/* ---- One call from event to answer. ---- */

int test_start(struct evd_dispatch *dispatch, struct test_call *call, struct evd_slice event,
               struct evd_slice data)
{
    test_sink_init(&call->sink);
    call->message = (struct evd_message){.event = event, .data = data};
    return evd_dispatch_call(dispatch, &call->message, &call->sink.sink, &call->flight);
}

void test_run(struct evd_dispatch *dispatch, struct test_call *call, const char *event,
              const char *data)
{
    int rc = test_start(dispatch, call, evd_slice_text(event), evd_slice_text(data));
    for (int i = 0; rc == EVD_MORE && i < RESUMES_MAX; i++) {
        assert_int_equal(call->sink.replies + call->sink.fails, 0);
        rc = evd_dispatch_resume(&call->flight);
    }
    assert_int_equal(rc, EVD_DONE);
    assert_int_equal(call->sink.replies + call->sink.fails, 1);
}

void test_expect_reply(struct evd_dispatch *dispatch, const char *event, const char *data,
                       const char *reply)
{
    static struct test_call call;
    test_run(dispatch, &call, event, data);
    if (call.sink.fails > 0)
        fail_msg("%s: %s: %s", event, call.sink.code, call.sink.text);
    assert_string_equal(call.sink.text, reply);
    assert_int_equal(call.sink.len, strlen(reply));
}

void test_expect_error(struct evd_dispatch *dispatch, const char *event, const char *data,
                       int status, const char *message)
{
    static struct test_call call;
    test_run(dispatch, &call, event, data);
    if (call.sink.replies > 0)
        fail_msg("%s: answered %s", event, call.sink.text);
    assert_string_equal(call.sink.code, evd_status_code(status));
    assert_string_equal(call.sink.text, message != NULL ? message : evd_status_text(status));
}

/* ---- Arms. ---- */

#define FIXTURES(X)                                                                                \
    X("t.answers", answers)                                                                        \
    X("t.counter", counter)                                                                        \
    X("t.flights", flights)                                                                        \
    X("t.fickle", fickle)                                                                          \
    X("t.deep.er.nested", nested)                                                                  \
    X("t.blank_1", blank_1)                                                                        \
    X("t.blank_24", blank_24)                                                                      \
    X("t.blank_1000", blank_1000)                                                                  \
    X("t.blank_300000", blank_300000)

#define DECLARE(name, ident) extern const struct evd_module evd_module_##ident;
FIXTURES(DECLARE)
#undef DECLARE

static const struct evd_builtin builtins[] = {
#define ENTRY(name, ident) {name, &evd_module_##ident},
    FIXTURES(ENTRY)
#undef ENTRY
};

const struct test_arm test_arms[] = {
    {"static", "static", .shared = true, .at_once = true},
    {"dynamic/cached", "dynamic", .dynamic_load = EVD_LOAD_CACHED, .shared = true},
    {"dynamic/call", "dynamic", .dynamic_load = EVD_LOAD_CALL},
    {"instance/malloc", "instance", .instance_alloc = EVD_ALLOC_MALLOC},
    {"instance/pool", "instance", .instance_alloc = EVD_ALLOC_POOL},
};
enum { ARMS = sizeof test_arms / sizeof *test_arms };
const size_t test_arm_count = ARMS;

struct evd_dispatch_config test_config(const struct test_arm *arm, struct test_log *log)
{
    return (struct evd_dispatch_config){
        .backend = arm->backend,
        .dynamic_load = arm->dynamic_load,
        .instance_alloc = arm->instance_alloc,
        .modules_dir = TEST_MODULES_DIR,
        .builtins = builtins,
        .builtin_count = sizeof builtins / sizeof *builtins,
        .log = log != NULL ? test_log_line : NULL,
        .log_context = log,
    };
}

struct evd_dispatch *test_open(const struct evd_dispatch_config *config)
{
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {.text = "(no text)"};
    if (evd_dispatch_open(config, &dispatch, &error) < 0)
        fail_msg("%s does not open: %s", config->backend, error.text);
    return dispatch;
}

int test_run_backend(const char *backend, const struct test_case *suite, size_t count,
                     CMFixtureFunction setup, CMFixtureFunction teardown)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    char(*names)[160] = calloc(count, sizeof *names);
    int failed = tests == NULL || names == NULL;

    for (size_t a = 0; a < ARMS && tests != NULL && names != NULL; a++) {
        if (backend != NULL && strcmp(test_arms[a].backend, backend) != 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(names[i], sizeof names[i], "%s: %s", test_arms[a].name, suite[i].name);
            tests[i] = (struct CMUnitTest){names[i], suite[i].run, setup, teardown,
                                           (void *)(uintptr_t)&test_arms[a]};
        }
        failed += _cmocka_run_group_tests(test_arms[a].name, tests, count, NULL, NULL);
    }
    free(names);
    free(tests);
    return failed;
}

int test_run_arms(const struct test_case *suite, size_t count)
{
    return test_run_backend(NULL, suite, count, NULL, NULL);
}
