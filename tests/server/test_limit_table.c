/* Every limit of options.def: it has a default and a reason, refuses what is out of its range by
 * its name, stands in --help and in docs/OPERATIONS.md, and a test shows what happens at it. */
#include "server/command_line.h"
#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four before it */

#define TEXT_MAX (256u * 1024) /* of a file that is read */

/* The test of what a peer sees at each limit. A new limit needs a line, and a test to name there.
 */
static const struct {
    const char *option, *file, *test;
} tests_of[] = {
    {"max-frame", "end_to_end/e2e_bytes.c", "test_oversized_line"},
    {"max-inflated", "end_to_end/e2e_hostile.c", "test_bomb"},
    {"max-ratio", "end_to_end/e2e_limits.c", "a_bomb_is_known_by_its_ratio"},
    {"max-depth", "end_to_end/e2e_hostile.c", "test_deep_nesting"},
    {"max-tree", "end_to_end/e2e_limits.c", "a_tree_may_be_too_large"},
    {"max-connections", "end_to_end/e2e_hostile.c", "test_too_many_connections"},
    {"max-calls", "end_to_end/e2e_limits.c", "a_turn_ends"},
    {"max-calls", "simulation/test_simulated_limits.c", "a_turn_has_an_end"},
    {"output-pause", "simulation/test_simulated_limits.c", "who_does_not_read_stops_calling"},
    {"max-output", "end_to_end/e2e_limits.c", "an_answer_may_be_too_large"},
    {"max-http-head", "end_to_end/http_test.py", "test_flags"},
    {"max-http-fields", "end_to_end/http_test.py", "test_flags"},
    {"max-memory", "simulation/test_simulated_limits.c", "workers_share_the_memory"},
    {"max-memory", "end_to_end/e2e_limits.c", "the_largest_holder_goes"},
    {"first-byte-timeout", "end_to_end/e2e_limits.c", "a_first_byte_is_awaited"},
    {"message-timeout", "end_to_end/e2e_limits.c", "a_message_must_end"},
    {"call-timeout", "end_to_end/e2e_limits.c", "a_call_must_end"},
    {"idle-timeout", "end_to_end/e2e_hostile.c", "test_idle_timeout"},
    {"write-timeout", "end_to_end/e2e_hostile.c", "test_write_timeout"},
    {"drain-timeout", "end_to_end/e2e_workers.c", "test_a_stall_does_not_hold_the_end"},
    {"drain-delay", "end_to_end/http_test.py", "test_it_serves_on_while_balancers_hear_of_it"},
};

/* The next limit behind `option`, or the first for NULL; NULL: there is no other. */
static const struct evd_option *next_limit(const struct evd_option *option)
{
    bool in_group = option != NULL;
    const struct evd_option *o = option != NULL ? option + 1 : evd_options;
    for (; o < evd_options + evd_option_count; o++) {
        if (o->kind == EVD_OPTION_GROUP) {
            if (in_group)
                return NULL;
            in_group = strncmp(o->name, "Limits", 6) == 0;
        } else if (in_group) {
            return o;
        }
    }
    return NULL;
}

static const char *read_file(const char *folder, const char *name)
{
    static char text[TEXT_MAX];
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is not there", path);
    size_t len = fread(text, 1, sizeof text - 1, file);
    assert_true(feof(file));
    (void)fclose(file);
    text[len] = '\0';
    return text;
}

static void each_has_a_default_and_a_reason(void **state)
{
    (void)state;
    struct evd_server_config config;
    struct evd_error error;
    size_t count = 0;
    for (const struct evd_option *o = NULL; (o = next_limit(o)) != NULL; count++) {
        if (o->initial == NULL || evd_option_set(o, o->initial, &config, &error) < 0)
            fail_msg("--%s has no default", o->name);
        if (strlen(o->help) < 10 || strlen(o->reason) < 10)
            fail_msg("--%s: what it limits, and why?", o->name);
    }
    assert_true(count >= 18);
}

static void expect_refused(const struct evd_option *option, const char *value)
{
    struct evd_server_config config;
    struct evd_error error = {.text = ""};
    char name[64];
    (void)snprintf(name, sizeof name, "--%s", option->name);
    if (evd_option_set(option, value, &config, &error) != EVD_ERR_USAGE)
        fail_msg("%s=%s is taken", name, value);
    if (strstr(error.text, name) == NULL || strstr(error.text, value) == NULL)
        fail_msg("%s=%s: \"%s\" names neither", name, value, error.text);
}

static void each_refuses_what_is_out_of_its_range(void **state)
{
    (void)state;
    char value[32];
    for (const struct evd_option *o = NULL; (o = next_limit(o)) != NULL;) {
        expect_refused(o, "much");
        expect_refused(o, "-1");
        if (o->kind != EVD_OPTION_SIZE && o->kind != EVD_OPTION_COUNT)
            continue;
        assert_true(o->min < o->max);
        if (o->min > 0) {
            (void)snprintf(value, sizeof value, "%llu", (unsigned long long)o->min - 1);
            expect_refused(o, value);
        }
        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)o->max + 1);
        expect_refused(o, value);
    }
}

static void each_is_in_the_help(void **state)
{
    (void)state;
    char *text = NULL, line[128];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    evd_options_print_help(out);
    (void)fclose(out);
    for (const struct evd_option *o = NULL; (o = next_limit(o)) != NULL;) {
        (void)snprintf(line, sizeof line, "\n  --%s %s ", o->name, o->argument);
        char *found = strstr(text, line),
             *next = found == NULL ? NULL : strstr(found + 1, "\n  --");
        (void)snprintf(line, sizeof line, "[%s]", o->initial);
        char *initial = found == NULL ? NULL : strstr(found, line);
        if (initial == NULL || (next != NULL && initial > next))
            fail_msg("--help does not tell --%s and its default", o->name);
    }
    free(text);
}

static void each_is_in_the_document(void **state)
{
    (void)state;
    const char *text = read_file(ROOT, "docs/OPERATIONS.md");
    char row[1024], range[64];
    for (const struct evd_option *o = NULL; (o = next_limit(o)) != NULL;) {
        (void)snprintf(row, sizeof row, "\n| `--%s %s` | `%s` | %s | %s | %s |\n", o->name,
                       o->argument, o->initial, evd_option_range(o, range, sizeof range), o->help,
                       o->reason);
        if (strstr(text, row) == NULL)
            fail_msg("docs/OPERATIONS.md has no row%s", row);
    }
}

/* The test is there and runs, and gives the server this option. */
static void expect_test(const char *option, const char *file, const char *test)
{
    const char *text = read_file(ROOT "/tests", file);
    char part[160];
    bool python = strstr(file, ".py") != NULL;
    (void)snprintf(part, sizeof part, python ? "    def %s(self)" : "cmocka_unit_test(%s)", test);
    if (strstr(text, part) == NULL)
        fail_msg("--%s: tests/%s has no test %s", option, file, test);
    (void)snprintf(part, sizeof part, "\"--%s", option);
    if (strstr(text, part) == NULL)
        fail_msg("--%s: tests/%s does not use it", option, file);
}

static void each_has_a_test(void **state)
{
    (void)state;
    const size_t count = sizeof tests_of / sizeof *tests_of;
    for (const struct evd_option *o = NULL; (o = next_limit(o)) != NULL;) {
        size_t i = 0;
        while (i < count && strcmp(tests_of[i].option, o->name) != 0)
            i++;
        if (i == count)
            fail_msg("--%s: tests_of[] names no test of it", o->name);
    }
    for (size_t i = 0; i < count; i++) {
        const struct evd_option *o = next_limit(NULL);
        while (o != NULL && strcmp(o->name, tests_of[i].option) != 0)
            o = next_limit(o);
        if (o == NULL)
            fail_msg("tests_of[]: --%s is no limit", tests_of[i].option);
        expect_test(tests_of[i].option, tests_of[i].file, tests_of[i].test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_default_and_a_reason),
        cmocka_unit_test(each_refuses_what_is_out_of_its_range),
        cmocka_unit_test(each_is_in_the_help),
        cmocka_unit_test(each_is_in_the_document),
        cmocka_unit_test(each_has_a_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
