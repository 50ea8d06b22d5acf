/* Scenario files, good and bad; JSON pointers; payloads from a package and made up. */
#include "loadgen/generate.h"
#include "loadgen/payloads.h"
#include "loadgen/pointer.h"
#include "loadgen/scenario.h"

#include "dispatch/json.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of its own for each test, with the files it writes. */
struct folder {
    char path[TEST_SCRATCH_MAX];
    char files[8][256];
    unsigned count;
};

static const char *write_file(struct folder *folder, const char *name, const char *text)
{
    char *path = folder->files[folder->count++];
    char base[sizeof folder->path]; /* both lie in *folder, which the compiler takes for overlap */
    FILE *file;

    memcpy(base, folder->path, sizeof base);
    snprintf(path, 256, "%s/%s", base, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    assert_non_null(folder);
    test_scratch_folder(folder->path);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;

    for (unsigned i = 0; i < folder->count; i++)
        unlink(folder->files[i]);
    rmdir(folder->path);
    free(folder);
    return 0;
}

/* ---- Files that are wrong ---- */

static void bad_files_are_named(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"name\": \"x\",\n\"requests\": [}\n", ":2: not valid JSON"},
        {"{} x", ":1: not valid JSON"},
        {"[]", "must be a JSON object"},
        {"{\"name\":\"x\"}", "one of the keys 'requests' and 'payloads' must be there"},
        {"{\"requests\":[]}", "key 'name' must be a string of 1 to 63 bytes"},
        {"{\"name\":\"\",\"requests\":[]}", "key 'name' must be a string of 1 to 63 bytes"},
        {"{\"name\":\"x\",\"requests\":[]}", "0 requests; allowed are 1 to 10000"},
        {"{\"name\":\"x\",\"requests\":{}}", "key 'requests' must be an array"},
        {"{\"name\":\"x\",\"request\":[]}",
         "unknown key 'request'; allowed are name, description, requests, payloads, expect"},
        {"{\"name\":\"x\",\"name\":\"y\",\"requests\":[]}", "key 'name' is there twice"},
        {"{\"name\":\"x\",\"requests\":[],\"expect\":{}}", "key 'expect' goes with 'payloads'"},
        {"{\"name\":\"x\",\"requests\":[7]}", "request 1: must be an object"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1},{\"expect\":1}]}",
         "request 2: key 'event' must be a string of 1 to 255 bytes"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\"}]}",
         "request 1: one of the keys 'expect' and 'expect_error' must be there"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1,\"expect_error\":\"x\"}]}",
         "request 1: one of the keys 'expect' and 'expect_error' must be there"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect_error\":7}]}",
         "request 1: key 'expect_error' must be a string of 1 to 63 bytes"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1,\"wieght\":2}]}",
         "request 1: unknown key 'wieght'; allowed are event, data, data_file, encoding, weight, "
         "variants, expect, expect_error"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1,\"weight\":0}]}",
         "request 1: key 'weight' must be a whole number from 1 to 1000"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1,\"weight\":1.5}]}",
         "request 1: key 'weight' must be a whole number from 1 to 1000"},
        {"{\"name\":\"x\",\"requests\":[{\"event\":\"a.b\",\"expect\":1,\"encoding\":\"zip\"}]}",
         "request 1: key 'encoding' is 'zip'; allowed are json, base64, gzip, base64+gzip"},
        {"{\"name\":\"x\",\"payloads\":7,\"expect\":{}}", "key 'payloads' must be an object"},
        {"{\"name\":\"x\",\"payloads\":{}}", "key 'expect' must be an object of JSON pointers"},
        {"{\"name\":\"x\",\"payloads\":{},\"expect\":{\"a\":\"b\"}}",
         "key 'expect': 'a' must be a JSON pointer"},
        {"{\"name\":\"x\",\"payloads\":{},\"expect\":{\"a\":\"/b\"}}",
         "payloads: key 'table' must be a string"},
        {"{\"name\":\"x\",\"payloads\":{\"table\":\"none.tsv\",\"package\":\"p\",\"version\":\"1\","
         "\"file\":\"f\"},\"expect\":{\"a\":\"/b\"}}",
         "none.tsv: No such file or directory"},
    };
    const struct lg_scenario_options options = {.seed = 1};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct folder *folder = *state;
        struct lg_scenario scenario;
        struct evd_error error;
        const char *path = write_file(folder, "s.json", cases[i].text);

        folder->count = 1; /* the same file each time */
        assert_true(lg_scenario_load(path, &options, &scenario, &error) < 0);
        if (strstr(error.text, cases[i].error) == NULL)
            fail_msg("'%s' gave '%s'", cases[i].text, error.text);
        assert_non_null(strstr(error.text, folder->path)); /* each names its file */
    }
}

static void missing_scenarios_are_named(void **state)
{
    (void)state;
    const struct lg_scenario_options options = {.seed = 1};
    struct lg_scenario scenario;
    struct evd_error error;

    assert_true(lg_scenario_load("nonesuch", &options, &scenario, &error) < 0);
    assert_non_null(strstr(error.text, "there is no scenario 'nonesuch'"));
    assert_true(lg_scenario_load("./nonesuch.json", &options, &scenario, &error) < 0);
    assert_string_equal(error.text, "cannot read ./nonesuch.json: No such file or directory");
    assert_true(lg_scenario_load("/tmp/", &options, &scenario, &error) < 0);
    assert_string_equal(error.text, "cannot read /tmp/: not a file");
}

/* ---- A file that is right ---- */

static void requests_are_encoded_once(void **state)
{
    const struct lg_scenario_options options = {.seed = 1};
    const struct lg_scenario_options base64 = {.seed = 1, .encoding = &evd_codec_base64};
    struct lg_scenario scenario;
    struct evd_error error;
    const char *path =
        write_file(*state, "s.json",
                   "{\"name\":\"mine\",\"requests\":["
                   "{\"event\":\"a.b\",\"data\":{\"x\": [1, 2]},\"expect\":{\"y\": null}},"
                   "{\"event\":\"a.c\",\"data\":\"hi\",\"encoding\":\"base64\",\"expect\":1},"
                   "{\"event\":\"a.b\",\"expect_error\":\"bad_data\",\"weight\":2}]}");

    assert_int_equal(lg_scenario_load(path, &options, &scenario, &error), EVD_OK);
    assert_string_equal(scenario.name, "mine");
    assert_string_equal(scenario.payloads, "inline");
    assert_int_equal(scenario.count, 3);
    assert_int_equal(scenario.endpoints, 2);
    assert_int_equal(scenario.deck_len, 4);
    assert_string_equal(scenario.requests[0].data.ptr, "{\"x\":[1,2]}");
    assert_string_equal(scenario.requests[0].expect.ptr, "{\"y\":null}");
    assert_string_equal(scenario.requests[1].data.ptr, "ImhpIg=="); /* "hi", RFC 4648 */
    assert_ptr_equal(scenario.requests[1].codec, &evd_codec_base64);
    assert_string_equal(scenario.requests[2].data.ptr, "null");
    assert_true(scenario.requests[2].expect_error);
    assert_string_equal(scenario.requests[2].expect.ptr, "bad_data");
    assert_true(scenario.payload_mean == (11 + 4 + 2 * 4) / 4.0);
    lg_scenario_release(&scenario);
    assert_int_equal(lg_scenario_load(path, &base64, &scenario, &error), EVD_OK);
    assert_string_equal(scenario.requests[0].data.ptr, "eyJ4IjpbMSwyXX0=");
    lg_scenario_release(&scenario);
}

static void deck_is_weighted_and_seeded(void **state)
{
    struct lg_scenario a, b, c;
    struct evd_error error;
    size_t counts[3] = {0}, different = 0;
    const char *path =
        write_file(*state, "s.json",
                   "{\"name\":\"x\",\"requests\":[{\"event\":\"a.a\",\"expect\":1,\"weight\":10},"
                   "{\"event\":\"a.b\",\"expect\":1,\"weight\":20},"
                   "{\"event\":\"a.c\",\"expect\":1,\"weight\":70}]}");

    assert_int_equal(lg_scenario_load(path, &(struct lg_scenario_options){.seed = 5}, &a, &error),
                     EVD_OK);
    assert_int_equal(lg_scenario_load(path, &(struct lg_scenario_options){.seed = 5}, &b, &error),
                     EVD_OK);
    assert_int_equal(lg_scenario_load(path, &(struct lg_scenario_options){.seed = 6}, &c, &error),
                     EVD_OK);
    assert_int_equal(a.deck_len, 100);
    for (size_t i = 0; i < 100; i++) {
        counts[a.deck[i]]++;
        assert_int_equal(a.deck[i], b.deck[i]);
        different += a.deck[i] != c.deck[i];
    }
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 20);
    assert_int_equal(counts[2], 70);
    assert_true(different > 0);
    lg_scenario_release(&a);
    lg_scenario_release(&b);
    lg_scenario_release(&c);
}

/* ---- JSON pointers: the examples of RFC 6901, section 5 ---- */

static void pointers_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *pointer, *value;
    } cases[] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/foo/2", NULL},
        {"/foo/00", NULL},
        {"/foo/-", NULL},
        {"/x", NULL},
        {"/foo/0/1", NULL},
        {"/a/b", NULL},
    };
    cJSON *document = cJSON_Parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
                                  "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");

    assert_non_null(document);
    assert_ptr_equal(lg_pointer_get(document, ""), document);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const cJSON *value = lg_pointer_get(document, cases[i].pointer);
        char *text;

        assert_true(lg_pointer_valid(cases[i].pointer));
        assert_true((value == NULL) == (cases[i].value == NULL));
        if (value == NULL)
            continue;
        text = cJSON_PrintUnformatted(value);
        assert_string_equal(text, cases[i].value);
        free(text);
    }
    assert_false(lg_pointer_valid("foo"));
    assert_false(lg_pointer_valid("/a~"));
    assert_false(lg_pointer_valid("/a~2"));
    cJSON_Delete(document);
}

/* ---- Payloads ---- */

static void generated_payloads_are_what_the_table_says(void **state)
{
    (void)state;
    const struct lg_payloads_spec spec = {TABLE, "@nobody/nothing", "0", "x.json"};
    struct lg_payloads payloads, again;
    struct evd_error error;
    char line[512], event[256];
    size_t bytes, row = 0;
    FILE *table = fopen(TABLE, "r");

    assert_non_null(table);
    assert_int_equal(lg_payloads_load(&spec, NULL, &payloads, &error), EVD_OK);
    assert_int_equal(lg_payloads_load(&spec, NULL, &again, &error), EVD_OK);
    assert_string_equal(payloads.source, "generated");
    assert_string_equal(payloads.warning, "");
    assert_int_equal(payloads.count, 329);
    assert_non_null(fgets(line, sizeof(line), table));
    for (; fgets(line, sizeof(line), table) != NULL; row++) {
        const struct lg_payload *item = &payloads.items[row];
        const cJSON *action, *name, *login;
        cJSON *json;

        assert_int_equal(sscanf(line, "%255s %zu", event, &bytes), 2);
        assert_string_equal(item->event, event);
        assert_int_equal(item->len, bytes);
        assert_int_equal(strlen(item->json), bytes);
        assert_string_equal(item->json, again.items[row].json);
        assert_int_equal(evd_json_validate(evd_slice(item->json, item->len), 64, &error), EVD_OK);
        json = cJSON_ParseWithLength(item->json, item->len);
        assert_non_null(json);
        action = lg_pointer_get(json, "/action");
        name = lg_pointer_get(json, "/repository/full_name");
        login = lg_pointer_get(json, "/sender/login");
        if (strcmp(strrchr(event, '.'), ".received") == 0)
            assert_null(action);
        else
            assert_string_equal(action->valuestring, strrchr(event, '.') + 1);
        assert_true(cJSON_IsString(name) && cJSON_IsString(login));
        cJSON_Delete(json);
    }
    assert_int_equal(row, 329);
    fclose(table);
    lg_payloads_release(&payloads);
    lg_payloads_release(&again);
}

static void generated_payloads_of_any_size(void **state)
{
    (void)state;
    char *out = malloc(5000);
    struct evd_error error;

    for (size_t bytes = LG_GENERATE_MIN; bytes < 5000; bytes++) {
        memset(out, 0, 5000);
        lg_generate_payload("api.x.opened", bytes, bytes, out);
        assert_int_equal(evd_json_validate(evd_slice(out, bytes), 64, &error), EVD_OK);
        assert_int_equal(strlen(out), bytes);
    }
    free(out);
}

#define WEBHOOK(pad)                                                                               \
    "{\"action\":\"opened\",\"repository\":{\"full_name\":\"a/b\"},\"pad\":\"" pad "\"}"
#define FIFTY        "01234567890123456789012345678901234567890123456789"
#define FIVE_HUNDRED FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static const char scenario_text[] =
    "{\"name\":\"p\",\"payloads\":{\"table\":\"t.tsv\",\"package\":\"pkg\",\"version\":\"1.2.3\","
    "\"file\":\"index.json\"},\"expect\":{\"action\":\"/action\",\"repo\":"
    "\"/repository/full_name\",\"who\":\"/sender/login\"}}";

/* Its one payload, printed compactly, has this many bytes. */
#define BYTES (sizeof(WEBHOOK(FIVE_HUNDRED)) - 1)

static void package_is_used_when_it_fits_the_table(void **state)
{
    struct folder *folder = *state;
    const struct lg_scenario_options options = {.payloads = folder->path, .seed = 1};
    struct lg_scenario scenario;
    struct evd_error error = {0};
    char table[128];
    const char *path = write_file(folder, "s.json", scenario_text);

    snprintf(table, sizeof(table), "event\tbytes\napi.pr.opened\t%zu\n", BYTES);
    write_file(folder, "t.tsv", table);
    write_file(folder, "package.json", "{\"version\":\"1.2.3\"}");
    write_file(folder, "index.json",
               "[{\"name\":\"pr\", \"examples\": [" WEBHOOK(FIVE_HUNDRED) "]}]");
    if (lg_scenario_load(path, &options, &scenario, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(scenario.payloads, "pkg 1.2.3");
    assert_int_equal(scenario.count, 1);
    assert_string_equal(scenario.requests[0].event.ptr, "api.pr.opened");
    assert_string_equal(scenario.requests[0].expect.ptr,
                        "{\"action\":\"opened\",\"repo\":\"a/b\",\"who\":null}");
    lg_scenario_release(&scenario);
}

static void package_that_differs_is_refused(void **state)
{
    struct folder *folder = *state;
    const struct lg_scenario_options options = {.payloads = folder->path, .seed = 1};
    struct lg_scenario scenario;
    struct evd_error error;
    char text[256];
    const char *path = write_file(folder, "s.json", scenario_text);

    write_file(folder, "t.tsv", "event\tbytes\napi.pr.opened\t900\n");
    write_file(folder, "package.json", "{\"version\":\"1.2.4\"}");
    assert_true(lg_scenario_load(path, &options, &scenario, &error) < 0);
    assert_non_null(strstr(error.text, "the version is 1.2.4, expected is pkg 1.2.3"));

    write_file(folder, "package.json", "{\"version\":\"1.2.3\"}");
    write_file(folder, "index.json",
               "[{\"name\":\"pr\", \"examples\": [" WEBHOOK(FIVE_HUNDRED) "]}]");
    assert_true(lg_scenario_load(path, &options, &scenario, &error) < 0);
    snprintf(text, sizeof(text),
             "payload 1 is api.pr.opened of %zu bytes, and in the table api.pr.opened of 900",
             BYTES);
    assert_non_null(strstr(error.text, text));

    write_file(folder, "t.tsv", "event\tbytes\napi.pr.opened\t900\napi.pr.closed\t900\n");
    assert_true(lg_scenario_load(path, &options, &scenario, &error) < 0);
    assert_non_null(strstr(error.text, "1 payloads, and the table has 2 rows"));
}

static void bad_tables_are_named(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "t.tsv:1: the first line must be"},
        {"event bytes\n", "t.tsv:1: the first line must be"},
        {"event\tbytes\n", "t.tsv: no payloads in it"},
        {"event\tbytes\napi.a.b 900\n", "t.tsv:2: expected an event, a tab, and its bytes"},
        {"event\tbytes\napi.a.b\t900\napi.a.c\t12x\n", "t.tsv:3: bytes is '12x'"},
        {"event\tbytes\napi.a.b\t511\n", "t.tsv:2: bytes is '511', allowed are 512 to 1048576"},
        {"event\tbytes\napi.a.b\t-900\n", "t.tsv:2: bytes is '-900'"},
    };
    struct folder *folder = *state;
    const struct lg_scenario_options options = {.seed = 1};
    const char *path = write_file(folder, "s.json", scenario_text);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lg_scenario scenario;
        struct evd_error error;

        write_file(folder, "t.tsv", cases[i].text);
        folder->count = 2;
        assert_true(lg_scenario_load(path, &options, &scenario, &error) < 0);
        if (strstr(error.text, cases[i].error) == NULL)
            fail_msg("'%s' gave '%s'", cases[i].text, error.text);
    }
}

/* The scenarios that come with loadgen. */
static void shipped_scenarios_load(void **state)
{
    (void)state;
    const struct lg_scenario_options options = {.seed = 1};
    struct lg_scenario scenario;
    struct evd_error error = {0};

    if (lg_scenario_load(SHIPPED "/services.json", &options, &scenario, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(scenario.requests[0].event.ptr, "api.services.status");
    assert_string_equal(scenario.requests[0].expect.ptr, "\"online\"");
    lg_scenario_release(&scenario);
    if (lg_scenario_load(SHIPPED "/github-webhooks.json", &options, &scenario, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(scenario.count, 329);
    assert_int_equal(scenario.endpoints, 161);
    lg_scenario_release(&scenario);
}

/* What is sent and what is expected agree in each variant, and the values are spread. */
static void templates(void **state)
{
    struct folder *folder = *state;
    const char *path =
        write_file(folder, "t.json",
                   "{\"name\":\"t\",\"requests\":["
                   "{\"event\":\"a.first\",\"data\":\"${seq} stays\",\"expect\":1},"
                   "{\"event\":\"a.b\",\"variants\":50,\"weight\":3,"
                   "\"data\":[\"${seq}\",{\"k\":\"<${random:5..900}>\"},\"$${seq}$\"],"
                   "\"expect\":[\"${seq}\",{\"k\":\"<${random:5..900}>\"},\"$${seq}$\"]}]}");
    struct lg_scenario_options options = {.seed = 7};
    struct lg_scenario scenario, again, other;
    struct evd_error error;
    unsigned differ = 0, distinct = 0, before = 0;

    if (lg_scenario_load(path, &options, &scenario, &error) < 0 ||
        lg_scenario_load(path, &options, &again, &error) < 0)
        fail_msg("%s", error.text);
    options.seed = 8;
    assert_int_equal(lg_scenario_load(path, &options, &other, &error), EVD_OK);
    assert_int_equal(scenario.count, 51);
    assert_int_equal(scenario.deck_len, 151);
    assert_int_equal(scenario.endpoints, 2);
    assert_string_equal(scenario.requests[0].data.ptr, "\"${seq} stays\"");
    for (unsigned i = 1; i < 51; i++) {
        unsigned seq, value;
        char expected[64];

        assert_int_equal(
            sscanf(scenario.requests[i].data.ptr, "[\"%u\",{\"k\":\"<%u>", &seq, &value), 2);
        assert_int_equal(seq, i - 1);
        assert_in_range(value, 5, 900);
        snprintf(expected, sizeof(expected), "[\"%u\",{\"k\":\"<%u>\"},\"${seq}$\"]", seq, value);
        assert_string_equal(scenario.requests[i].data.ptr, expected);
        assert_string_equal(scenario.requests[i].expect.ptr, expected);
        assert_string_equal(again.requests[i].data.ptr, expected);
        differ += strcmp(other.requests[i].data.ptr, expected) != 0;
        distinct += value != before;
        before = value;
    }
    assert_true(differ > 40 && distinct > 40);
    lg_scenario_release(&scenario);
    lg_scenario_release(&again);
    lg_scenario_release(&other);
}

static void bad_templates(void **state)
{
    struct folder *folder = *state;
    static const char *const bad[] = {"${",
                                      "${}",
                                      "${sequence}",
                                      "${random:9..1}",
                                      "${random:1}",
                                      "${random:-1..5}",
                                      "${random:1..9007199254740993}",
                                      "${random: 1..2}",
                                      "${random:1..2",
                                      "${connection}"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const struct lg_scenario_options options = {.seed = 1};
        struct lg_scenario scenario;
        struct evd_error error;
        char text[256];

        snprintf(text, sizeof(text),
                 "{\"name\":\"t\",\"requests\":[{\"event\":\"a.b\",\"variants\":2,\"data\":1,"
                 "\"expect\":{\"x\":[\"ok ${seq}\",\"%s\"]}}]}",
                 bad[i]);
        assert_int_equal(
            lg_scenario_load(write_file(folder, "s.json", text), &options, &scenario, &error),
            EVD_ERR_USAGE);
        folder->count = 1; /* the same file each time */
        assert_non_null(strstr(error.text, "request 1: key 'expect': '"));
        assert_non_null(strstr(error.text, bad[i]));
    }
}

static void data_of_a_file(void **state)
{
    struct folder *folder = *state;
    const struct lg_scenario_options options = {.seed = 1};
    struct lg_scenario scenario;
    struct evd_error error;

    write_file(folder, "d.json", " {\"a\": [1, \"${seq}\"]}\n");
    const char *path = write_file(folder, "s.json",
                                  "{\"name\":\"t\",\"requests\":[{\"event\":\"a.b\",\"data_file\":"
                                  "\"d.json\",\"variants\":2,\"expect\":null}]}");

    if (lg_scenario_load(path, &options, &scenario, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(scenario.count, 2);
    assert_string_equal(scenario.requests[0].data.ptr, "{\"a\":[1,\"0\"]}");
    assert_string_equal(scenario.requests[1].data.ptr, "{\"a\":[1,\"1\"]}");
    lg_scenario_release(&scenario);
    write_file(folder, "d.json", "{\"a\": 1");
    assert_int_equal(lg_scenario_load(path, &options, &scenario, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "d.json is not valid JSON"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(templates, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(bad_templates, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(data_of_a_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(bad_files_are_named, make_folder, remove_folder),
        cmocka_unit_test(missing_scenarios_are_named),
        cmocka_unit_test_setup_teardown(requests_are_encoded_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(deck_is_weighted_and_seeded, make_folder, remove_folder),
        cmocka_unit_test(pointers_of_the_rfc),
        cmocka_unit_test(generated_payloads_are_what_the_table_says),
        cmocka_unit_test(generated_payloads_of_any_size),
        cmocka_unit_test_setup_teardown(package_is_used_when_it_fits_the_table, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(package_that_differs_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(bad_tables_are_named, make_folder, remove_folder),
        cmocka_unit_test(shipped_scenarios_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
