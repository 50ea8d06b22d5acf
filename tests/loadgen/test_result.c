/* What a result says: the JSON's schema, and the table. */
#include "result_fixture.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- JSON ---- */

static cJSON *to_json(const struct lg_result *result)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    cJSON *json;

    assert_non_null(out);
    assert_int_equal(lg_result_json(result, out), EVD_OK);
    assert_int_equal(fclose(out), 0);
    assert_ptr_equal(strchr(text, '\n'), text + len - 1); /* one line */
    json = cJSON_ParseWithLength(text, len);
    assert_non_null(json);
    free(text);
    return json;
}

/* The members of `object` are these and no others, in this order. */
static void check_keys(const cJSON *object, const char *keys)
{
    char all[512] = "";
    const cJSON *child;

    cJSON_ArrayForEach(child, object)
    {
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", *all ? " " : "",
                 child->string);
    }
    assert_string_equal(all, keys);
}

static const cJSON *get(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_non_null(item);
    return item;
}

/* A thousand values: p99 is the last that has ten above it. */
static void check_quantiles(const cJSON *list)
{
    assert_int_equal(cJSON_GetArraySize(list), 4);
    for (int i = 0; i < 4; i++) {
        const cJSON *one = cJSON_GetArrayItem(list, i);

        check_keys(one, "quantile needed response_ns service_ns lateness_ns woke_late_ns "
                        "no_free_slot_ns wire_ns");
        assert_true(cJSON_IsNumber(get(one, "response_ns")) == (i < 3));
        assert_true(cJSON_IsNull(get(one, "wire_ns")));
    }
    assert_int_equal(get(cJSON_GetArrayItem(list, 3), "needed")->valueint, 10000);
    assert_true(cJSON_IsNull(get(cJSON_GetArrayItem(list, 3), "response_ns")));
}

static void json_has_the_schema(void **state)
{
    static const char accounting[] = "scheduled ok bad timeout reset eof refused unsent in_flight";
    static const char histogram[] = "count min mean p50 p90 p99 p99_9 max histogram";
    struct fixture *f = *state;
    cJSON *json = to_json(&f->result);
    const cJSON *latency = get(json, "latency_ns"), *config = get(json, "config");

    check_keys(
        json,
        "schema version commit build command started config scenario measured_ns "
        "accounting warmup_accounting reconnects resent renewed bystanders throughput latency_ns "
        "wire_timestamps censored quantiles bytes "
        "client server server_metrics server_metrics_error host "
        "valid invalid invalid_causes note first_bad");
    assert_string_equal(get(json, "schema")->valuestring, "evdispatch.run/1");
    check_keys(get(json, "build"), "type sanitize compiler");
    check_keys(
        config,
        "target transport scenario arm encoding mode rate rate_shape rates arrivals burst_on_ns "
        "burst_off_ns connections depth threads warmup_ns duration_ns timeout_ns "
        "drain_ns retry "
        "spin_ns seed congestion cpus sources reconnect_every read_rate");
    assert_string_equal(get(config, "mode")->valuestring, "open");
    assert_true(get(config, "rate")->valuedouble == 1000);
    assert_string_equal(get(config, "arrivals")->valuestring, "constant");
    assert_string_equal(get(config, "seed")->valuestring, "18446744073709551615");
    assert_int_equal(cJSON_GetArraySize(get(config, "cpus")), 2);
    assert_int_equal(cJSON_GetArraySize(get(json, "command")), 4);
    check_keys(get(json, "scenario"), "name payloads requests endpoints request_bytes_mean");
    check_keys(get(json, "accounting"), accounting);
    check_keys(get(json, "warmup_accounting"), accounting);
    assert_int_equal(get(get(json, "warmup_accounting"), "scheduled")->valueint, 500);
    check_keys(latency, "response service lateness woke_late no_free_slot censored wire over_time");
    check_keys(get(latency, "censored"), histogram);
    check_keys(get(json, "censored"), "count timeout reset eof unsent in_flight lower_bounds");
    assert_int_equal(cJSON_GetArraySize(get(get(json, "censored"), "lower_bounds")), 0);
    check_keys(get(latency, "wire"), histogram);
    check_quantiles(get(json, "quantiles"));
    check_keys(get(json, "wire_timestamps"), "one_in lost error");
    assert_int_equal(get(get(json, "wire_timestamps"), "one_in")->valueint, 4);
    assert_int_equal(get(get(json, "wire_timestamps"), "lost")->valueint, 17);
    check_keys(get(latency, "response"), histogram);
    check_keys(get(latency, "service"), histogram);
    check_keys(get(latency, "lateness"), histogram);
    check_keys(get(latency, "woke_late"), histogram);
    check_keys(get(latency, "no_free_slot"), histogram);
    check_keys(get(json, "bytes"), "sent received");
    check_keys(get(json, "client"),
               "cpu_user_ns cpu_system_ns cpu_spun_ns cpu_share cpu_share_max cpu_wait_ns");
    check_keys(get(json, "server"),
               "pid cpu_ns cpu_user_ns cpu_system_ns rss_bytes rss_peak_bytes "
               "pss_bytes context_switches minor_faults major_faults cpu_wait_ns "
               "system_calls system_calls_error calls");
    assert_int_equal(get(get(json, "server"), "pid")->valueint, 42);
    assert_int_equal(get(get(json, "server"), "pss_bytes")->valueint, 23);
    assert_int_equal(get(get(json, "server"), "system_calls")->valueint, 3000);
    check_keys(get(json, "server_metrics"), "calls calls_failed bytes_received bytes_sent reads "
                                            "loads reloads instances_constructed");
    assert_int_equal(get(get(json, "server_metrics"), "reads")->valueint, 77);
    check_keys(get(json, "host"), "steal_share");
    assert_true(cJSON_IsTrue(get(json, "valid")));
    assert_int_equal(cJSON_GetArraySize(get(json, "invalid")), 0);
    assert_true(cJSON_IsNull(get(json, "first_bad")));
    cJSON_Delete(json);
}

static void json_histogram_holds_every_count(void **state)
{
    struct fixture *f = *state;
    cJSON *json = to_json(&f->result);
    const cJSON *h = get(get(json, "latency_ns"), "response"), *pair;
    double sum = 0, last = -1;

    cJSON_ArrayForEach(pair, get(h, "histogram"))
    {
        double low = cJSON_GetArrayItem(pair, 0)->valuedouble;

        assert_true(low > last);
        assert_true(cJSON_GetArrayItem(pair, 1)->valuedouble > 0);
        sum += cJSON_GetArrayItem(pair, 1)->valuedouble;
        last = low;
    }
    assert_true(sum == 1000);
    assert_int_equal(get(h, "min")->valueint, 90000);
    assert_int_equal(get(h, "max")->valueint, 90000 + 999 * 20);
    assert_in_range(get(h, "p50")->valueint, 99980, 100980);
    cJSON_Delete(json);
}

/* The list of a part's figures is this, and as long as there are parts. */
static void check_part(const cJSON *over_time, const char *key, int part, double value)
{
    const cJSON *list = get(over_time, key), *item = cJSON_GetArrayItem(list, part);

    assert_int_equal(cJSON_GetArraySize(list), LG_BLOCKS);
    if (isnan(value))
        assert_true(cJSON_IsNull(item));
    else
        assert_true(cJSON_IsNumber(item) && item->valuedouble == value);
}

/* A median needs 20 values, a p99 1,000: one less has none. */
static void json_has_the_parts(void **state)
{
    static const struct {
        uint64_t count;
        double p50, p99, max;
    } parts[] = {{0, NAN, NAN, NAN},
                 {19, NAN, NAN, 101},
                 {20, 102, NAN, 102},
                 {999, 103, NAN, 103},
                 {1000, 104, 104, 104}};
    struct fixture *f = *state;
    const cJSON *over_time;
    cJSON *json;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (parts[i].count > 0)
            lg_histogram_record_times(&f->result.blocks[i], 100 + i, parts[i].count);
    json = to_json(&f->result);
    over_time = get(get(json, "latency_ns"), "over_time");
    check_keys(over_time, "count p50 p99 max");
    for (int i = 0; i < (int)(sizeof(parts) / sizeof(*parts)); i++) {
        check_part(over_time, "count", i, (double)parts[i].count);
        check_part(over_time, "p50", i, parts[i].p50);
        check_part(over_time, "p99", i, parts[i].p99);
        check_part(over_time, "max", i, parts[i].max);
    }
    cJSON_Delete(json);
}

static bool has_parts(const struct fixture *f)
{
    cJSON *json = to_json(&f->result);
    bool has = cJSON_IsObject(get(get(json, "latency_ns"), "over_time"));

    cJSON_Delete(json);
    return has;
}

static void json_has_no_parts_without_one_rate(void **state)
{
    struct fixture *f = *state;

    f->options.rate_count = 1;
    assert_true(has_parts(f));
    f->options.rate_count = 2;
    assert_false(has_parts(f));
    f->options.rate_count = 1;
    f->result.interrupted = 2;
    assert_false(has_parts(f));
    f->result.interrupted = 0;
    f->options.closed = true;
    assert_false(has_parts(f));
}

static void json_of_a_closed_loop_gone_wrong(void **state)
{
    struct fixture *f = *state;
    cJSON *json;

    f->options.closed = true;
    f->options.rate = 0;
    f->options.wire_one_in = 0;
    f->result.server_sampled = false;
    strcpy(f->result.first_bad.event, "a.b");
    strcpy(f->result.first_bad.got, "\"x\"");
    f->result.accounts[LG_MEASURED].scheduled++;
    f->result.accounts[LG_MEASURED].outcomes[LG_BAD]++;
    lg_verdict(&f->result);
    json = to_json(&f->result);
    assert_string_equal(get(get(json, "config"), "mode")->valuestring, "closed");
    assert_string_equal(get(get(json, "config"), "arrivals")->valuestring, "closed");
    assert_true(cJSON_IsNull(get(json, "server")));
    assert_true(cJSON_IsNull(get(get(json, "latency_ns"), "wire")));
    assert_true(cJSON_IsFalse(get(json, "valid")));
    assert_string_equal(cJSON_GetArrayItem(get(json, "invalid"), 0)->valuestring,
                        "1 of 1001 requests went wrong");
    assert_string_equal(cJSON_GetArrayItem(get(json, "invalid_causes"), 0)->valuestring, "errors");
    assert_int_equal(cJSON_GetArraySize(get(json, "invalid_causes")),
                     cJSON_GetArraySize(get(json, "invalid")));
    check_keys(get(json, "first_bad"), "event expected got");
    cJSON_Delete(json);
}

static void json_that_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    FILE *full = fopen("/dev/full", "w");

    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(lg_result_json(&f->result, full), EVD_ERR_SYSTEM);
    fclose(full);
}

/* ---- The table ---- */

static void table(const struct fixture *f, char *text, size_t room)
{
    FILE *out = fmemopen(text, room, "w");

    assert_non_null(out);
    lg_result_table(&f->result, out);
    assert_int_equal(fclose(out), 0);
}

/* Each figure is where its name is, in the JSON and in the table. */
static void latencies_are_not_mixed_up(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *key, *row;
        int max;
        const char *mean;
    } cases[] = {
        {"response", "\nresponse ", 109980, "100 \xc2\xb5s\n"},
        {"service", "\nservice ", 89990, "85.0 \xc2\xb5s\n"},
        {"lateness", "\nlateness ", 19990, "15.0 \xc2\xb5s\n"},
        {"woke_late", "\n woke late ", 15990, "11.0 \xc2\xb5s\n"},
        {"no_free_slot", "\n no slot ", 4000, "4.00 \xc2\xb5s\n"},
        {"wire", "\nwire ", 777, "777 ns\n"},
    };
    cJSON *json;
    char text[4096];

    lg_histogram_record_times(&f->result.wire, 777, 10);
    json = to_json(&f->result);
    table(f, text, sizeof(text));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *row = strstr(text, cases[i].row), *end;

        assert_int_equal(get(get(get(json, "latency_ns"), cases[i].key), "max")->valueint,
                         cases[i].max);
        assert_non_null(row);
        end = strchr(row + 1, '\n') + 1;
        assert_memory_equal(end - strlen(cases[i].mean), cases[i].mean, strlen(cases[i].mean));
    }
    cJSON_Delete(json);
}

#define FOUR " response %15[0-9.] µs %15[0-9.] µs %15[0-9.] µs %15s"

/* Ages among the responses, as a run has them: 1,000 answered within 90 to 110 us. */
static void censor(struct fixture *f, uint64_t age, int count)
{
    for (int i = 0; i < count; i++) {
        lg_histogram_record(&f->result.response, age);
        lg_histogram_record(&f->result.censored, age);
        f->result.accounts[LG_MEASURED].scheduled++;
        f->result.accounts[LG_MEASURED].outcomes[LG_TIMEOUT]++;
    }
}

/* A quantile is what it would be if all answers had come, unless one of those that did not is at or
 * below it. */
static void censored_values_make_lower_bounds(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    cJSON *json;

    censor(f, 5000000, 5); /* above the p99 of 1,005 values, among the ten above p99 */
    assert_false(lg_result_is_lower_bound(&f->result, 0.5));
    assert_false(lg_result_is_lower_bound(&f->result, 0.99));
    assert_true(lg_result_is_lower_bound(&f->result, 0.999));
    assert_true(lg_result_is_lower_bound(&f->result, 1));
    table(f, text, sizeof(text));
    assert_non_null(strstr(text, "response: 5 were never answered and count as what they waited; "
                                 "lower bounds are max, mean\n"));
    json = to_json(&f->result);
    assert_int_equal(get(get(json, "censored"), "count")->valueint, 5);
    assert_int_equal(get(get(json, "censored"), "timeout")->valueint, 5);
    assert_int_equal(get(get(json, "censored"), "unsent")->valueint, 0);
    assert_int_equal(cJSON_GetArraySize(get(get(json, "censored"), "lower_bounds")), 2);
    cJSON_Delete(json);
    censor(f, 90001, 1); /* given up early: it may belong at the end of any of them */
    assert_true(lg_result_is_lower_bound(&f->result, 0.5));
    table(f, text, sizeof(text));
    assert_non_null(strstr(text, "lower bounds are p50, p90, p99, max, mean\n"));
}

/* A thousand requests have a p99, ten above it, and no p99.9. */
static void quantiles_of_too_few(void **state)
{
    struct fixture *f = *state;
    char text[4096], *row;
    char first[16], second[16], third[16], fourth[16];

    table(f, text, sizeof(text));
    row = strstr(text, "\nresponse");
    assert_non_null(row);
    assert_non_null(strstr(text, "-: too few requests"));
    assert_int_equal(sscanf(row, FOUR, first, second, third, fourth), 4);
    assert_string_equal(fourth, "-");
    for (int i = 0; i < 8999; i++)
        lg_histogram_record(&f->result.response, 100000);
    table(f, text, sizeof(text));
    assert_int_equal(sscanf(strstr(text, "\nresponse"), FOUR, first, second, third, fourth), 4);
    assert_string_equal(fourth, "-");
    lg_histogram_record(&f->result.response, 100000);
    table(f, text, sizeof(text));
    assert_null(strstr(text, "-: too few requests"));
}

/* Where nothing was answered there is no time that would be 0, and no CPU for each of none. */
static void table_of_nothing(void **state)
{
    struct fixture *f = *state;
    char text[4096], row[128];

    lg_histogram_init(&f->result.service);
    f->result.ok_in_window = f->result.server_calls = 0;
    table(f, text, sizeof(text));
    snprintf(row, sizeof(row), "\nservice   %11s%11s%11s%11s%11s%11s\n", "-", "-", "-", "-", "-",
             "-");
    assert_non_null(strstr(text, row));
    assert_null(strstr(text, "a core per thread, "));
    assert_null(strstr(text, "a call"));
}

static void table_has_the_quantiles_asked_for(void **state)
{
    struct fixture *f = *state;
    char text[4096];

    f->options.quantiles[0] = 0.75;
    f->options.quantiles[1] = 0.9999;
    f->options.quantile_count = 2;
    table(f, text, sizeof(text));
    assert_non_null(strstr(text, "\nlatency           p75     p99.99        max       mean\n"));
    assert_non_null(strstr(text, "\nresponse       105 \xc2\xb5s          -     110 \xc2\xb5s"));
    assert_non_null(strstr(text, "so p99.99 100,000 requests\n"));
}

static void table_has_the_server(void **state)
{
    struct fixture *f = *state;
    char text[4096];

    f->result.server.wall_ns = 100;
    f->result.server.cpu_ns = 5000;
    f->result.server.user_ns = 2000;
    f->result.server.system_ns = 3000;
    table(f, text, sizeof(text));
    assert_non_null(strstr(text,
                           "\nserver     CPU 5000 % of a core, 5 ns a call (user 2 ns, system "
                           "3 ns); 14 context switches\n"));
    assert_non_null(strstr(text, "3.00 system calls a call\n"));
}

static void table_names_what_went_wrong(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    strcpy(f->result.first_bad.event, "a.b");
    strcpy(f->result.first_bad.expected, "1");
    strcpy(f->result.first_bad.got, "2");
    f->result.accounts[LG_MEASURED].scheduled += 1234;
    f->result.accounts[LG_MEASURED].outcomes[LG_RESET] = 1234;
    lg_verdict(&f->result);
    lg_result_table(&f->result, out);
    fclose(out);
    assert_non_null(strstr(text, "open loop at 1,000/s, constant arrivals"));
    assert_non_null(strstr(text, "reset               1,234  lost when the connection was reset"));
    assert_null(strstr(text, "timeout"));
    assert_non_null(strstr(text, "first bad reply, to a.b\n  expected 1\n  got      2\n"));
    assert_non_null(strstr(text, "INVALID: 1234 of 2234 requests went wrong\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(json_has_the_schema),
        FIXTURE_TEST(latencies_are_not_mixed_up),
        FIXTURE_TEST(json_histogram_holds_every_count),
        FIXTURE_TEST(json_has_the_parts),
        FIXTURE_TEST(json_has_no_parts_without_one_rate),
        FIXTURE_TEST(json_of_a_closed_loop_gone_wrong),
        FIXTURE_TEST(json_that_cannot_be_written),
        FIXTURE_TEST(censored_values_make_lower_bounds),
        FIXTURE_TEST(quantiles_of_too_few),
        FIXTURE_TEST(table_of_nothing),
        FIXTURE_TEST(table_has_the_quantiles_asked_for),
        FIXTURE_TEST(table_has_the_server),
        FIXTURE_TEST(table_names_what_went_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
