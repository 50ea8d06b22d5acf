/* What a result says: the JSON's schema, the verdict's limits, the exit status. */
#include "loadgen/result.h"

#include <cjson/cJSON.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char *argv_of_test[] = {(char[]){"run"}, (char[]){"--rate"}, (char[]){"1000"}};

/* A run in which all went well: 1,000 requests in a second. */
struct fixture {
    struct lg_run_options options;
    struct lg_scenario scenario;
    struct lg_result result;
};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lg_result *r = &f->result;

    assert_non_null(f);
    f->options = (struct lg_run_options){
        .argc = 3,
        .argv = argv_of_test,
        .target = "tcp://127.0.0.1:1",
        .transport = &evd_transport_frame,
        .scenario = "services",
        .rate = UINT64_C(1000) * LG_RATE_UNIT,
        .connections = 4,
        .depth = 2,
        .threads = 1,
        .seed = UINT64_MAX,
        .warmup_ns = 500000000,
        .duration_ns = 1000000000,
        .timeout_ns = 2000000000,
        .cpus = {1, 3},
        .cpu_count = 2,
        .server_pid = 42,
        .wire_one_in = LG_WIRE_AUTO,
    };
    strcpy(f->scenario.name, "services");
    strcpy(f->scenario.payloads, "inline");
    f->scenario.count = f->scenario.endpoints = 1;
    f->scenario.payload_mean = 9;
    r->options = &f->options;
    r->scenario = &f->scenario;
    strcpy(r->started, "2026-01-02T03:04:05Z");
    strcpy(r->congestion, "reno");
    r->measured_ns = 1000000000;
    r->accounts[LG_MEASURED].scheduled = r->accounts[LG_MEASURED].outcomes[LG_OK] = 1000;
    r->accounts[LG_WARMUP].scheduled = r->accounts[LG_WARMUP].outcomes[LG_OK] = 500;
    r->ok_in_window = 1000;
    r->throughput = 1000;
    lg_histogram_init(&r->response);
    for (int i = 0; i < LG_BLOCKS; i++)
        lg_histogram_init(&r->blocks[i]);
    lg_histogram_init(&r->service);
    lg_histogram_init(&r->lateness);
    lg_histogram_init(&r->woke_late);
    lg_histogram_init(&r->no_free_slot);
    lg_histogram_init(&r->censored);
    lg_histogram_init(&r->wire);
    r->wire_lost = 17;
    for (uint64_t i = 0; i < 1000; i++) {
        lg_histogram_record(&r->response, 90000 + i * 20);
        lg_histogram_record(&r->service, 80000 + i * 10);
        lg_histogram_record(&r->lateness, 10000 + i * 10);
        lg_histogram_record(&r->woke_late, 10000 + i * 10);
        lg_histogram_record(&r->no_free_slot, 0);
    }
    r->client_user_ns = 7;
    r->client_system_ns = 8;
    r->client_share = 0.25;
    r->server_sampled = true;
    r->server = (struct lg_process_sample){
        .cpu_ns = 11, .user_ns = 12, .system_ns = 13, .context_switches = 14, .wait_ns = 15};
    r->server_memory = (struct lg_process_memory){21, 22, 23};
    r->server_calls = 1000;
    *state = f;
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

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

static void json_has_the_schema(void **state)
{
    static const char accounting[] = "scheduled ok bad timeout reset eof refused unsent in_flight";
    static const char histogram[] = "count min mean p50 p90 p99 p99_9 max histogram";
    struct fixture *f = *state;
    cJSON *json = to_json(&f->result);
    const cJSON *latency = get(json, "latency_ns"), *config = get(json, "config");

    check_keys(json, "schema version commit build command started config scenario measured_ns "
                     "accounting warmup_accounting reconnects resent throughput latency_ns "
                     "wire_timestamps censored bytes "
                     "client server host "
                     "valid invalid invalid_causes note first_bad");
    assert_string_equal(get(json, "schema")->valuestring, "evdispatch.run/1");
    check_keys(get(json, "build"), "type sanitize compiler");
    check_keys(config, "target transport scenario mode rate rate_shape rates arrivals burst_on_ns "
                       "burst_off_ns connections depth threads warmup_ns duration_ns timeout_ns "
                       "seed congestion cpus");
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
    check_keys(latency, "response service lateness woke_late no_free_slot censored wire");
    check_keys(get(latency, "censored"), histogram);
    check_keys(get(json, "censored"), "count timeout reset eof unsent in_flight lower_bounds");
    assert_int_equal(cJSON_GetArraySize(get(get(json, "censored"), "lower_bounds")), 0);
    check_keys(get(latency, "wire"), histogram);
    check_keys(get(json, "wire_timestamps"), "one_in lost error");
    assert_int_equal(get(get(json, "wire_timestamps"), "one_in")->valueint, 4);
    assert_int_equal(get(get(json, "wire_timestamps"), "lost")->valueint, 17);
    check_keys(get(latency, "response"), histogram);
    check_keys(get(latency, "service"), histogram);
    check_keys(get(latency, "lateness"), histogram);
    check_keys(get(latency, "woke_late"), histogram);
    check_keys(get(latency, "no_free_slot"), histogram);
    check_keys(get(json, "bytes"), "sent received");
    check_keys(get(json, "client"), "cpu_user_ns cpu_system_ns cpu_share cpu_wait_ns");
    check_keys(get(json, "server"), "pid cpu_ns cpu_user_ns cpu_system_ns rss_bytes rss_peak_bytes "
                                    "pss_bytes context_switches cpu_wait_ns calls");
    assert_int_equal(get(get(json, "server"), "pid")->valueint, 42);
    assert_int_equal(get(get(json, "server"), "pss_bytes")->valueint, 23);
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

/* ---- The verdict ---- */

static void expect_invalid(struct fixture *f, const char *text)
{
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 1);
    assert_string_equal(f->result.invalid[0], text);
}

static void a_good_run_is_valid(void **state)
{
    struct fixture *f = *state;

    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    assert_int_equal(lg_result_status(&f->result), 0);
}

static void late_generator(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++)
        lg_histogram_record(&f->result.woke_late, 255);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    for (int i = 0; i < 11; i++)
        lg_histogram_record(&f->result.woke_late, 300000);
    expect_invalid(f, "the generator woke late: one request in a hundred by 300 us or more; 250 us "
                      "are allowed");
    assert_int_equal(lg_result_status(&f->result), 0);
}

/* A wait for a slot is the server's doing, and a slow server forgives a late generator. */
static void lateness_is_measured_against_the_response(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 1000; i++)
        lg_histogram_record(&f->result.lateness, 5000000);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    for (int i = 0; i < 100; i++)
        lg_histogram_record(&f->result.woke_late, 300000);
    for (int i = 0; i < 2000; i++)
        lg_histogram_record(&f->result.response, 4000000);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
}

static void full_cpu_and_stolen_time(void **state)
{
    struct fixture *f = *state;

    f->result.client_share = 0.86;
    expect_invalid(f, "the generator's CPU was full: 86 % of a core per thread; 85 % are allowed");
    assert_string_equal(f->result.note, "");
    f->result.invalid_count = 0;
    f->result.client_share = 0.85;
    f->result.steal_share = 0.011;
    expect_invalid(f, "the host stole 1.1 % of the CPU time; 1 % are allowed");
}

static void others_on_the_cpu(void **state)
{
    struct fixture *f = *state;

    f->result.server_wait_share = f->result.client_wait_share = 0.05;
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    f->result.server_wait_share = 0.62;
    expect_invalid(f, "the server waited for its CPU for 62 % of the time, for other processes or "
                      "the host; 5 % are allowed");
    f->result.server_wait_share = 0;
    f->result.client_wait_share = 0.062;
    f->result.invalid_count = 0;
    expect_invalid(f, "the generator waited for its CPU for 6 % of the time, for other processes "
                      "or the host; 5 % are allowed");
}

static void missed_rate(void **state)
{
    struct fixture *f = *state;

    f->result.ok_in_window = 980; /* 1 % of 1,000, and 10 at the edges, may be missing */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    f->result.ok_in_window = 979;
    expect_invalid(f, "the rate was missed: 1000.0/s were due, 979.0/s answered");
    f->result.invalid_count = 0;
    f->result.ok_in_window = 1021;
    expect_invalid(f, "the rate was missed: 1000.0/s were due, 1021.0/s answered");
}

static void unsent_requests(void **state)
{
    struct fixture *f = *state;

    f->result.accounts[LG_MEASURED].outcomes[LG_OK] -= 5;
    f->result.accounts[LG_MEASURED].outcomes[LG_UNSENT] += 5;
    expect_invalid(f, "5 requests were due and never sent: connections x depth is 8");
    assert_int_equal(lg_result_status(&f->result), 0);
}

static void closed_loops_may_be_late_and_busy(void **state)
{
    struct fixture *f = *state;

    f->options.closed = true;
    f->result.client_share = 0.85;
    lg_verdict(&f->result);
    assert_string_equal(f->result.note, "");
    f->result.client_share = 1;
    f->result.ok_in_window = 1;
    for (int i = 0; i < 1000; i++)
        lg_histogram_record(&f->result.woke_late, 5000000);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    assert_string_equal(f->result.note,
                        "the generator's CPU was full, 100 % of a core per thread: the throughput "
                        "may be the generator's, not the server's");
}

/* ---- Stationarity ---- */

static void fill_blocks(struct fixture *f, const uint64_t *medians, uint64_t count)
{
    for (int i = 0; i < LG_BLOCKS; i++) {
        lg_histogram_init(&f->result.blocks[i]);
        for (uint64_t n = 0; n < count; n++)
            lg_histogram_record(&f->result.blocks[i], medians[i]);
    }
}

static void a_warm_up_that_is_not_over(void **state)
{
    struct fixture *f = *state;
    uint64_t falling[LG_BLOCKS], level[LG_BLOCKS], slight[LG_BLOCKS];

    for (unsigned i = 0; i < LG_BLOCKS; i++) {
        falling[i] = 400000 - 10000 * i;
        level[i] = i % 2 == 0 ? 100000 : 300000;
        slight[i] = 400000 - 2000 * i;
    }
    fill_blocks(f, level, 100); /* far apart, and going nowhere */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    fill_blocks(f, slight, 100); /* a trend, of 8 % */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    fill_blocks(f, falling, LG_BLOCK_LEAST - 1); /* too few to tell */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    fill_blocks(f, falling, LG_BLOCK_LEAST);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 1);
    assert_string_equal(f->result.invalid_causes[0], "warm-up");
    assert_non_null(strstr(f->result.invalid[0], "the run was not stationary: the median response "
                                                 "went from 38"));
    f->result.invalid_count = 0;
    f->options.rate_count = 2; /* a ramp is not stationary by design */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
}

/* Mann and Kendall's z of 20 values passes 3.29 between S = 102 and 103: of an ascending row (S =
 * 190), swapping neighbours takes two off each. */
static void the_trend_must_be_clear(void **state)
{
    (void)state;
    double row[LG_BLOCKS];

    for (int i = 0; i < LG_BLOCKS; i++)
        row[i] = i;
    assert_int_equal(lg_mann_kendall(row, LG_BLOCKS), 190);
    for (int i = 0; i < LG_BLOCKS; i += 2) {
        row[i] = i + 1;
        row[i + 1] = i;
    }
    assert_int_equal(lg_mann_kendall(row, LG_BLOCKS), 170);
    for (int i = 0; i < LG_BLOCKS; i++)
        row[i] = -i / 2; /* ties count for nothing */
    assert_int_equal(lg_mann_kendall(row, LG_BLOCKS), -180);
}

/* ---- Exit status ---- */

static void exit_statuses(void **state)
{
    struct fixture *f = *state;

    f->result.invalid_count = 1;
    assert_int_equal(lg_result_status(&f->result), 0);
    f->options.fail_on_invalid = true;
    assert_int_equal(lg_result_status(&f->result), 3);
    f->result.invalid_count = 0;
    assert_int_equal(lg_result_status(&f->result), 0);
    f->result.interrupted = 15;
    f->result.invalid_count = 1;
    assert_int_equal(lg_result_status(&f->result), 143);
    f->result.unsolicited = 1;
    assert_int_equal(lg_result_status(&f->result), 1);
    f->result.unsolicited = 0;
    f->result.interrupted = 0;
    f->result.accounts[LG_MEASURED].outcomes[LG_OK] = 0;
    assert_int_equal(lg_result_status(&f->result), 1);
}

/* The causes that no other test provokes. */
static void further_causes(void **state)
{
    struct fixture *f = *state;
    static const char *const expected[] = {"broken", "interrupted", "unsolicited", "server"};

    evd_error_set(&f->result.broken, EVD_ERR_INTERNAL, "it broke");
    f->result.interrupted = 2;
    f->result.unsolicited = 3;
    strcpy(f->result.server_error, "it is gone");
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(f->result.invalid_causes[i], expected[i]);
    assert_string_equal(f->result.invalid[2], "the server sent 3 replies to nothing");
}

/* ---- The table ---- */

static void table(const struct fixture *f, char *text, size_t room)
{
    FILE *out = fmemopen(text, room, "w");

    assert_non_null(out);
    lg_result_table(&f->result, out);
    assert_int_equal(fclose(out), 0);
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
                                 "lower bounds are p99.9, max, mean\n"));
    json = to_json(&f->result);
    assert_int_equal(get(get(json, "censored"), "count")->valueint, 5);
    assert_int_equal(get(get(json, "censored"), "timeout")->valueint, 5);
    assert_int_equal(get(get(json, "censored"), "unsent")->valueint, 0);
    assert_int_equal(cJSON_GetArraySize(get(get(json, "censored"), "lower_bounds")), 2);
    cJSON_Delete(json);
    censor(f, 90001, 1); /* given up early: it may belong at the end of any of them */
    assert_true(lg_result_is_lower_bound(&f->result, 0.5));
    table(f, text, sizeof(text));
    assert_non_null(strstr(text, "lower bounds are p50, p90, p99, p99.9, max, mean\n"));
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

static void accounts_that_do_not_add_up(void **state)
{
    struct fixture *f = *state;

    f->result.accounts[LG_WARMUP].outcomes[LG_OK]++;
    expect_invalid(f, "accounting of the warm-up window does not add up: 500 requests scheduled, "
                      "501 accounted for");
    assert_int_equal(lg_result_status(&f->result), 1);
}

static void latencies_past_the_histogram(void **state)
{
    struct fixture *f = *state;

    lg_histogram_record(&f->result.response, LG_HISTOGRAM_MAX + 1);
    expect_invalid(f, "1 latencies were above 68.7 s, where the histogram ends");
}

static void every_error_counts_for_the_status(void **state)
{
    for (int i = 0; i < LG_OUTCOMES; i++) {
        struct fixture *f = *state;
        struct lg_account *warmup = &f->result.accounts[LG_WARMUP];

        warmup->scheduled++;
        warmup->outcomes[i]++;
        assert_int_equal(lg_result_status(&f->result), i != LG_OK && i != LG_UNSENT);
        warmup->scheduled--;
        warmup->outcomes[i]--;
    }
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_has_the_schema),
        TEST(json_histogram_holds_every_count),
        TEST(json_of_a_closed_loop_gone_wrong),
        TEST(json_that_cannot_be_written),
        TEST(a_good_run_is_valid),
        TEST(late_generator),
        TEST(lateness_is_measured_against_the_response),
        TEST(full_cpu_and_stolen_time),
        TEST(missed_rate),
        TEST(others_on_the_cpu),
        TEST(unsent_requests),
        TEST(closed_loops_may_be_late_and_busy),
        TEST(a_warm_up_that_is_not_over),
        TEST(the_trend_must_be_clear),
        TEST(exit_statuses),
        TEST(further_causes),
        TEST(censored_values_make_lower_bounds),
        TEST(quantiles_of_too_few),
        TEST(accounts_that_do_not_add_up),
        TEST(latencies_past_the_histogram),
        TEST(every_error_counts_for_the_status),
        TEST(table_names_what_went_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
