/* evd_dispatch_open: what is refused at the start, and in which words. */
#include "dispatch/builtins.h"

#include "dispatch_test.h"

#include <stdio.h>
#include <string.h>

static int answer(void *state, struct evd_call *call)
{
    (void)state;
    return evd_reply(call, EVD_SLICE("1"));
}

static const struct evd_function functions[] = {{"one", answer}, {"two", answer}};
static const struct evd_function twice[] = {{"one", answer}, {"one", answer}};
static const struct evd_function nameless[] = {{"one", answer}, {"", answer}};

#define MODULE .abi_version = EVD_ABI_VERSION, .size = sizeof(struct evd_module), .name = "m"

static const struct evd_module sound = {MODULE, EVD_FUNCTIONS(functions)};
static const struct evd_module doubled = {MODULE, EVD_FUNCTIONS(twice)};
static const struct evd_module unnamed = {MODULE, EVD_FUNCTIONS(nameless)};
static const struct evd_module empty = {MODULE};
static const struct evd_module older = {.abi_version = EVD_ABI_VERSION + 1,
                                        .size = sizeof(struct evd_module),
                                        EVD_FUNCTIONS(functions)};
static const struct evd_module smaller = {
    .abi_version = EVD_ABI_VERSION, .size = 8, EVD_FUNCTIONS(functions)};

static bool is_linked_in(const struct test_arm *arm)
{
    return strcmp(arm->backend, "dynamic") != 0;
}

static struct evd_dispatch_config config_of(const struct test_arm *arm,
                                            const struct evd_builtin *builtins, size_t count)
{
    struct evd_dispatch_config config = test_config(arm, NULL);
    config.builtins = builtins;
    config.builtin_count = count;
    return config;
}

static void expect_refused(const struct evd_dispatch_config *config, int status, const char *a,
                           const char *b)
{
    struct evd_dispatch *dispatch = NULL;
    struct evd_error error = {.text = ""};
    assert_int_equal(evd_dispatch_open(config, &dispatch, &error), status);
    assert_null(dispatch);
    assert_int_equal(error.status, status);
    if (strstr(error.text, a) == NULL || strstr(error.text, b) == NULL)
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", error.text, a, b);
    assert_int_equal(evd_dispatch_open(config, &dispatch, NULL), status);
}

static void a_table_that_is_not_sound_is_refused(void **state)
{
    static char long_name[EVD_EVENT_MAX];
    memset(long_name, 'n', sizeof long_name - 1);
    const struct {
        struct evd_builtin builtins[2];
        int status;
        const char *a, *b;
    } cases[] = {
        {{{"t.a", &sound}, {"t.a", &sound}}, EVD_ERR_USAGE, "t.a.one", "twice"},
        {{{"t.a", &sound}, {"t.b", &doubled}},
         EVD_ERR_LOAD_FAILED,
         "t.b:",
         "\"one\" is declared twice"},
        {{{"t.a", &sound}, {"t..b", &sound}}, EVD_ERR_USAGE, "t..b.one", "[A-Za-z0-9_-]"},
        {{{"t.a", &sound}, {"", &sound}}, EVD_ERR_USAGE, ".one", "[A-Za-z0-9_-]"},
        {{{"t.a", &sound}, {"t/b", &sound}}, EVD_ERR_USAGE, "t/b.one", "[A-Za-z0-9_-]"},
        {{{"t.a", &sound}, {long_name, &sound}}, EVD_ERR_USAGE, "nnn", ""},
        {{{"t.a", &sound}, {"t.b", &unnamed}}, EVD_ERR_LOAD_FAILED, "t.b", "number 1"},
        {{{"t.a", &sound}, {"t.b", &empty}}, EVD_ERR_LOAD_FAILED, "t.b", "0 functions"},
        {{{"t.a", &sound}, {"t.b", &older}}, EVD_ERR_LOAD_FAILED, "t.b", "ABI version is 2"},
        {{{"t.a", &sound}, {"t.b", &smaller}}, EVD_ERR_LOAD_FAILED, "t.b", "has 8 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_dispatch_config config = config_of(*state, cases[i].builtins, 2);
        if (is_linked_in(*state))
            expect_refused(&config, cases[i].status, cases[i].a, cases[i].b);
    }
}

static void an_empty_table_answers_too(void **state)
{
    struct evd_dispatch_config config = config_of(*state, NULL, 0);
    if (!is_linked_in(*state))
        return;
    struct evd_dispatch *dispatch = test_open(&config);
    assert_int_equal(evd_dispatch_endpoints(dispatch), 0);
    test_expect_error(dispatch, "t.a.one", "", EVD_ERR_NO_SUCH_FUNCTION, "One doesn't exist");
    test_expect_error(dispatch, "", "", EVD_ERR_EMPTY_EVENT, "Event cannot be empty");
    evd_dispatch_close(dispatch);
}

static void endpoints_are_counted(void **state)
{
    static const struct evd_builtin builtins[] = {{"t.a", &sound}, {"t.b", &sound}};
    struct evd_dispatch_config config = config_of(*state, builtins, 2);
    if (!is_linked_in(*state))
        return;
    struct evd_dispatch *dispatch = test_open(&config);
    assert_int_equal(evd_dispatch_endpoints(dispatch), 4);
    evd_dispatch_close(dispatch);
}

/* The configuration and its strings are the caller's again when open returns. */
static void the_configuration_is_copied(void **state)
{
    struct evd_dispatch_config config = test_config(*state, NULL);
    char folder[300];
    assert_true(strlen(config.modules_dir) < sizeof folder);
    (void)strcpy(folder, config.modules_dir);
    config.modules_dir = folder;
    struct evd_dispatch *dispatch = test_open(&config);
    memset(folder, 'x', sizeof folder);
    memset(&config, 0xA5, sizeof config);
    test_expect_reply(dispatch, "t.answers.tree", "[1]", "[1]");
    test_expect_reply(dispatch, "t.deep.er.nested.whoami", "", "\"t.deep.er.nested\"");
    evd_dispatch_close(dispatch);
}

static void a_backend_that_is_not_there_is_told_with_those_that_are(void **state)
{
    (void)state;
    static const char *const unknown[] = {"", "Static", "stat", "static ", "dlopen"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        struct evd_dispatch_config config = {.backend = unknown[i]};
        char quoted[32];
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", unknown[i]);
        expect_refused(&config, EVD_ERR_USAGE, quoted, "");
        for (const char *const *name = evd_backend_names; *name != NULL; name++)
            expect_refused(&config, EVD_ERR_USAGE, *name, quoted);
    }
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct evd_dispatch_config config = {.backend = "dynamic"};
    expect_refused(&config, EVD_ERR_USAGE, "modules folder", "");
    config.modules_dir = "/nonexistent/evd-modules";
    expect_refused(&config, EVD_ERR_USAGE, "/nonexistent/evd-modules", "No such file");
}

static void nothing_can_be_closed(void **state)
{
    (void)state;
    evd_dispatch_close(NULL);
}

/* What the server is made of: every linked-in module opens, and answers as its scenario expects. */
static void the_servers_own_modules_answer(void **state)
{
    const struct test_arm *arm = *state;
    struct evd_dispatch_config config = config_of(arm, evd_builtins, evd_builtin_count);
    config.modules_dir = TEST_SERVER_MODULES;
    struct evd_dispatch *dispatch = test_open(&config);
    test_expect_reply(dispatch, "api.services.status", "\"welcome\"", "\"online\"");
    test_expect_reply(dispatch, "api.test.board", "{\"a\": [1,  2]}", "{\"a\": [1,  2]}");
    test_expect_reply(dispatch, "api.test.board", "", "null");
    test_expect_reply(dispatch, "api.hello.greeting", "{\"name\":\"Ada\"}",
                      "\"You're welcome Ada\"");
    test_expect_reply(dispatch, "api.hello.greeting", "", "\"Name is not defined\"");
    test_expect_reply(dispatch, "api.hello.greeting", "{\"name\":7}", "\"Name is not defined\"");
    test_expect_reply(dispatch, "api.counter.next", "", "1");
    test_expect_reply(dispatch, "api.counter.next", "", arm->shared ? "2" : "1");
    test_expect_reply(dispatch, "api.pull_request.opened",
                      "{\"action\":\"opened\",\"repository\":{\"full_name\":\"a/b\"},"
                      "\"sender\":{\"login\":\"ada\"}}",
                      "{\"action\":\"opened\",\"repository\":\"a/b\",\"sender\":\"ada\"}");
    test_expect_reply(dispatch, "api.push.received", "{\"repository\":7}",
                      "{\"action\":null,\"repository\":null,\"sender\":null}");
    test_expect_error(dispatch, "api.services.testFuncFn", "", EVD_ERR_NO_SUCH_FUNCTION,
                      "TestFuncFn doesn't exist");
    evd_dispatch_close(dispatch);
}

static const struct test_case suite[] = {
    TEST_CASE(a_table_that_is_not_sound_is_refused),
    TEST_CASE(an_empty_table_answers_too),
    TEST_CASE(endpoints_are_counted),
    TEST_CASE(the_configuration_is_copied),
    TEST_CASE(the_servers_own_modules_answer),
};

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backend_that_is_not_there_is_told_with_those_that_are),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test(nothing_can_be_closed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + test_run_arms(suite, sizeof suite / sizeof *suite);
}
