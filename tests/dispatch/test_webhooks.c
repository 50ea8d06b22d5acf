/* The modules of the scenario github-webhooks: the bytes of their answers, and that a call of them
 * allocates nothing. Runs for every arm. */
#include "dispatch/builtins.h"

#include "dispatch_test.h"
#include "test_memory.h"

#include <stdio.h>
#include <string.h>

static struct evd_dispatch *open_server_modules(const struct test_arm *arm)
{
    struct evd_dispatch_config config = test_config(arm, NULL);
    config.builtins = evd_builtins;
    config.builtin_count = evd_builtin_count;
    config.modules_dir = TEST_SERVER_MODULES;
    return test_open(&config);
}

static void a_summary_has_the_same_bytes_for_any_payload(void **state)
{
    static const struct {
        const char *payload, *summary;
    } cases[] = {
        {"{\"action\":\"opened\",\"repository\":{\"id\":1,\"full_name\":\"o/r\"},"
         "\"sender\":{\"login\":\"me\"},\"more\":[1,2]}",
         "{\"action\":\"opened\",\"repository\":\"o/r\",\"sender\":\"me\"}"},
        {"{}", "{\"action\":null,\"repository\":null,\"sender\":null}"},
        {"", "{\"action\":null,\"repository\":null,\"sender\":null}"},
        {"[\"action\"]", "{\"action\":null,\"repository\":null,\"sender\":null}"},
        {"{\"action\":1,\"repository\":\"o/r\",\"sender\":{\"login\":{}}}",
         "{\"action\":null,\"repository\":null,\"sender\":null}"},
        {"{\"sender\":{\"login\":\"\"},\"action\":\"a \\\"quote\\\" \\\\ \\n \\u0001 \\u00e4\"}",
         "{\"action\":\"a \\\"quote\\\" \\\\ \\n \\u0001 \xc3\xa4\",\"repository\":null,"
         "\"sender\":\"\"}"},
        {"{\"Action\":\"x\",\"repository\":{\"Full_Name\":\"x\"}}",
         "{\"action\":null,\"repository\":null,\"sender\":null}"},
    };
    struct evd_dispatch *dispatch = open_server_modules(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        test_expect_reply(dispatch, "api.issues.opened", cases[i].payload, cases[i].summary);
    evd_dispatch_close(dispatch);
}

/* Longer than what the printer begins with, by far. */
static void a_summary_may_be_long(void **state)
{
    enum { LEN = 100000 };
    static char payload[LEN + 64], summary[LEN + 64], text[LEN + 1];
    struct evd_dispatch *dispatch = open_server_modules(*state);
    memset(text, 'x', LEN);
    (void)snprintf(payload, sizeof payload, "{\"action\":\"%s\"}", text);
    (void)snprintf(summary, sizeof summary,
                   "{\"action\":\"%s\",\"repository\":null,\"sender\":null}", text);
    test_expect_reply(dispatch, "api.issues.opened", payload, summary);
    evd_dispatch_close(dispatch);
}

/* What the arm itself asks for, for each call of a module without state. */
static size_t allocations_of(const struct test_arm *arm)
{
    return strcmp(arm->backend, "instance") == 0 && arm->instance_alloc == EVD_ALLOC_MALLOC;
}

static void each_webhook_answers_without_an_allocation(void **state)
{
    enum { CALLS = 20 };
    static const char payload[] = "{\"action\":\"a\",\"repository\":{\"full_name\":\"o/r\"},"
                                  "\"sender\":{\"login\":\"me\"},\"list\":[{\"a\":1},\"b\",null]}";
    static const char summary[] = "{\"action\":\"a\",\"repository\":\"o/r\",\"sender\":\"me\"}";
    struct evd_dispatch *dispatch = open_server_modules(*state);
    size_t webhooks = 0;
    for (size_t i = 0; i < evd_builtin_count; i++) {
        const struct evd_builtin *builtin = &evd_builtins[i];
        if (strncmp(builtin->module->name, "webhook_", 8) != 0)
            continue;
        char event[EVD_EVENT_MAX + 1];
        (void)snprintf(event, sizeof event, "%s.%s", builtin->name,
                       builtin->module->functions[0].name);
        test_expect_reply(dispatch, event, payload, summary); /* the first may fill caches */
        test_memory_fail(0, 0);
        for (int n = 0; n < CALLS; n++)
            test_expect_reply(dispatch, event, payload, summary);
        if (test_memory.asked != CALLS * allocations_of(*state))
            fail_msg("%s: %zu allocations in %d calls", event, test_memory.asked, CALLS);
        webhooks++;
    }
    assert_true(webhooks > 50);
    evd_dispatch_close(dispatch);
}

static const struct test_case suite[] = {
    TEST_CASE(a_summary_has_the_same_bytes_for_any_payload),
    TEST_CASE(a_summary_may_be_long),
    TEST_CASE(each_webhook_answers_without_an_allocation),
};

int main(void)
{
    return test_run_arms(suite, sizeof suite / sizeof *suite);
}
