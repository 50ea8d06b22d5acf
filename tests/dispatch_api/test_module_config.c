/* The configuration of modules: what is read, and what is refused and where. */
#include "dispatch/json.h"
#include "dispatch/module_config.h"
#include "tests/dispatch/dispatch_test.h"

#include <stdlib.h>
#include <string.h>

static int open_text(struct evd_module_config *table, struct evd_slice text,
                     struct evd_error *error)
{
    const struct evd_dispatch_config config = {
        .module_config = text, .module_config_from = "m.json", .max_depth = EVD_JSON_DEPTH_DEFAULT};
    return evd_module_config_open(table, &config, error);
}

static void expect(const struct evd_module_config *table, const char *name, const char *json)
{
    struct evd_slice got = evd_module_config_get(table, name);
    assert_int_equal(got.len, strlen(json));
    assert_memory_equal(got.ptr, json, got.len);
}

static void test_values(void **state)
{
    (void)state;
    struct evd_module_config table;
    struct evd_error error;
    const char *text =
        "\n{ \"a\" : null, \"b.c\":[1 , 2],\t\"d\\u0065\\u002Ef\":\"s\" ,\"-_9\": {}}";
    assert_int_equal(open_text(&table, evd_slice_text(text), &error), EVD_OK);
    assert_int_equal(table.count, 4);
    expect(&table, "a", "null");
    expect(&table, "b.c", "[1 , 2]");
    expect(&table, "de.f", "\"s\"");
    expect(&table, "-_9", "{}");
    assert_int_equal(evd_module_config_get(&table, "b").len, 0);
    assert_int_equal(evd_module_config_get(&table, "A").len, 0);
    evd_module_config_close(&table);
    assert_int_equal(evd_module_config_get(&table, "a").len, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *parts[3];
    } cases[] = {
        {"{\"a\": 1", {"m.json: ", "not JSON", "at byte 7"}},
        {"{\"a\" 1}", {"m.json: ", "expected ':'", "at byte 5"}},
        {"{} {}", {"m.json: ", "at byte 3"}},
        {"  ", {"m.json: ", "at byte 2"}},
        {"[{\"a\": 1}]", {"m.json: ", "must be an object", "an array"}},
        {"\"a\"", {"m.json: ", "must be an object", "a string"}},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}", {"m.json: ", "a is there twice", "byte 17"}},
        {"{\"a\": 1, \"\\u0061\": 3}", {"m.json: ", "a is there twice", "byte 9"}},
        {"{\"\": 1}", {"m.json: ", "byte 1", "[A-Za-z0-9_-]"}},
        {"{\"a\":1, \"a b\": 1}", {"m.json: ", "byte 8", "[A-Za-z0-9_-]"}},
        {"{\"a..b\": 1}", {"m.json: ", "byte 1"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evd_module_config table;
        struct evd_error error;
        assert_int_equal(open_text(&table, evd_slice_text(cases[i].text), &error), EVD_ERR_USAGE);
        for (size_t p = 0; p < 3 && cases[i].parts[p] != NULL; p++) {
            if (strstr(error.text, cases[i].parts[p]) == NULL)
                fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, error.text,
                         cases[i].parts[p]);
        }
        assert_int_equal(table.count, 0); /* nothing is held: the leak sanitizer looks too */
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct evd_module_config table;
    struct evd_error error;
    char *text = malloc(EVD_MODULE_CONFIG_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', EVD_MODULE_CONFIG_MAX + 1);
    memcpy(text, "{\"a\":1}", 7);
    assert_int_equal(open_text(&table, evd_slice(text, EVD_MODULE_CONFIG_MAX), &error), EVD_OK);
    evd_module_config_close(&table);
    assert_int_equal(open_text(&table, evd_slice(text, EVD_MODULE_CONFIG_MAX + 1), &error),
                     EVD_ERR_USAGE);
    assert_string_equal(error.text, "m.json has more than 1048576 bytes");
    memset(text, '[', EVD_MODULE_CONFIG_MAX);
    assert_int_equal(open_text(&table, evd_slice(text, EVD_MODULE_CONFIG_MAX), &error),
                     EVD_ERR_USAGE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
