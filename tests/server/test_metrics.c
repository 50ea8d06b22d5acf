/* What a worker counts, and the page that is made of it. The clock stands where a test puts it. */
#include "server/metrics.h"
#include "server/metrics_page.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static struct evd_metrics *fresh(size_t own, uint32_t every)
{
    struct evd_metrics *metrics;
    assert_int_equal(evd_metrics_new(own, every, &metrics), EVD_OK);
    return metrics;
}

static void call(struct evd_metrics *metrics, uint32_t number, const char *event, const char *error)
{
    uint64_t began = evd_metrics_begin(metrics);
    if (error != NULL)
        evd_metrics_error(metrics, evd_slice_text(error));
    evd_metrics_end(metrics, number, evd_slice_text(event), began);
}

static const struct evd_process process = {.cpu_ns = 1500000000,
                                           .resident_bytes = 4096,
                                           .virtual_bytes = 8192,
                                           .open_fds = 7,
                                           .max_fds = 1024,
                                           .threads = 2};

/* The page, as text that the next call overwrites. */
static const char *page(const struct evd_metrics_all *all)
{
    static char text[1 << 20];
    const struct evd_server_config config = {.dispatch = {.backend = "static"}, .call_latency = 3};
    struct evd_buf out;
    evd_buf_init(&out, sizeof text - 1);
    assert_int_equal(evd_metrics_page(all, &config, &process, &out), EVD_OK);
    memcpy(text, evd_buf_slice(&out).ptr, out.len);
    text[out.len] = '\0';
    evd_buf_release(&out);
    return text;
}

static void expect_line(const char *text, const char *line)
{
    const char *at = strstr(text, line);
    if (at == NULL || (at != text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line %s in\n%s", line, text);
}

static void test_calls_are_summed_over_workers_by_name(void **state)
{
    (void)state;
    struct evd_metrics *one = fresh(2, 0), *two = fresh(3, 0);
    struct evd_metrics_all all = {.list = {one, NULL, two}, .started = 12345};
    call(one, 1, "a.b", NULL);
    call(one, 1, "a.b", NULL);
    call(one, 2, "a.c", "no_answer");
    call(two, 1, "a.c", NULL); /* another order: the number is the worker's */
    call(two, 3, "a.b", "my_code");
    const char *text = page(&all);
    expect_line(text, "evd_calls_total{endpoint=\"a.b\",backend=\"static\"} 3");
    expect_line(text, "evd_calls_total{endpoint=\"a.c\",backend=\"static\"} 2");
    expect_line(text, "evd_calls_failed_total{endpoint=\"a.b\",backend=\"static\"} 1");
    expect_line(text, "evd_calls_failed_total{endpoint=\"a.c\",backend=\"static\"} 1");
    expect_line(text, "evd_errors_total{code=\"no_answer\"} 1");
    expect_line(text, "evd_errors_total{code=\"module\"} 1");
    expect_line(text, "evd_errors_total{code=\"bad_envelope\"} 0");
    expect_line(text, "evd_workers 2");
    expect_line(text, "evd_connections{worker=\"0\"} 0");
    expect_line(text, "evd_connections{worker=\"2\"} 0");
    expect_line(text, "evd_call_sample_interval 3");
    expect_line(text, "process_cpu_seconds_total 1.5");
    expect_line(text, "process_start_time_seconds 12345");
    expect_line(text, "process_open_fds 7");
    assert_null(strstr(text, "endpoint=\"other\"")); /* nobody called one */
    free(one);
    free(two);
}

static void test_names_are_bounded(void **state)
{
    (void)state;
    struct evd_metrics *one = fresh(1, 0);
    struct evd_metrics_all all = {.list = {one}};
    call(one, 1, "a.b", NULL);
    call(one, 2, "a.c", NULL);
    call(one, 70000, "a.d", NULL);
    call(one, 0, "evil\"} 9\n", "no_such_function"); /* what a client wrote names nothing */
    const char *text = page(&all);
    expect_line(text, "evd_calls_total{endpoint=\"a.b\",backend=\"static\"} 1");
    expect_line(text, "evd_calls_total{endpoint=\"other\",backend=\"static\"} 2");
    expect_line(text, "evd_calls_total{endpoint=\"none\",backend=\"static\"} 1");
    assert_null(strstr(text, "evil"));
    assert_null(strstr(text, "a.c"));
    free(one);
}

static void test_times_fall_into_their_buckets(void **state)
{
    (void)state;
    struct evd_metrics *one = fresh(1, 0);
    struct evd_metrics_all all = {.list = {one}};
    struct evd_series *series = &one->series[1];
    static const uint64_t times[] = {0, 250, 251, 1000000, 1000001, 5000000001, 1ull << 60};
    call(one, 1, "a.b", NULL);
    for (size_t i = 0; i < 5; i++)
        evd_metrics_time(&series->time_ns, series->buckets, times[i]);
    const char *text = page(&all);
#define BUCKET "evd_call_duration_seconds_bucket{endpoint=\"a.b\",backend=\"static\",le="
    expect_line(text, BUCKET "\"0.00000025\"} 2");
    expect_line(text, BUCKET "\"0.0000005\"} 3");
    expect_line(text, BUCKET "\"0.0005\"} 3");
    expect_line(text, BUCKET "\"0.001\"} 4"); /* a bound belongs to its bucket */
    expect_line(text, BUCKET "\"0.0025\"} 5");
    expect_line(text, BUCKET "\"5.0\"} 5");
    expect_line(text, BUCKET "\"+Inf\"} 5");
    expect_line(text,
                "evd_call_duration_seconds_sum{endpoint=\"a.b\",backend=\"static\"} 0.002000502");
    expect_line(text, "evd_call_duration_seconds_count{endpoint=\"a.b\",backend=\"static\"} 5");
    evd_metrics_time(&series->time_ns, series->buckets, times[5]);
    evd_metrics_time(&series->time_ns, series->buckets, times[6]);
    text = page(&all);
    expect_line(text, BUCKET "\"5.0\"} 5");
    expect_line(text, BUCKET "\"+Inf\"} 7");
    free(one);
}

static uint64_t timed_of(uint32_t every, unsigned calls)
{
    struct evd_metrics *one = fresh(1, every);
    uint64_t timed = 0;
    for (unsigned i = 0; i < calls; i++)
        call(one, 1, "a.b", NULL);
    for (size_t i = 0; i <= EVD_TIME_BUCKETS; i++)
        timed += one->series[1].buckets[i];
    assert_int_equal(one->series[1].calls, calls);
    free(one);
    return timed;
}

static void test_one_call_in_so_many_is_timed(void **state)
{
    (void)state;
    assert_int_equal(timed_of(0, 10000), 0);
    assert_int_equal(timed_of(1, 10000), 10000);
    assert_in_range(timed_of(16, 160000), 9000, 11000); /* 10,000 +- 58 at one deviation */
}

static void test_a_page_that_does_not_fit_is_told(void **state)
{
    (void)state;
    struct evd_metrics *one = fresh(1, 0);
    struct evd_metrics_all all = {.list = {one}};
    const struct evd_server_config config = {.dispatch = {.backend = "static"}};
    struct evd_buf out;
    evd_buf_init(&out, 1000);
    assert_int_equal(evd_metrics_page(&all, &config, &process, &out), EVD_ERR_TOO_LARGE);
    evd_buf_release(&out);
    free(one);
}

/* ---- One counts, another reads: a thread sanitizer watches. ---- */

static void *count_to(void *context)
{
    struct evd_metrics *metrics = context;
    for (unsigned i = 0; i < 20000; i++)
        call(metrics, 1 + i % 3, i % 3 == 0 ? "a.b" : i % 3 == 1 ? "a.c" : "a.d", NULL);
    return NULL;
}

static void test_other_threads_may_read(void **state)
{
    (void)state;
    struct evd_metrics *one = fresh(3, 16), *two = fresh(3, 16);
    struct evd_metrics_all all = {.list = {one, two}};
    pthread_t threads[2];
    assert_int_equal(pthread_create(&threads[0], NULL, count_to, one), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, count_to, two), 0);
    for (int i = 0; i < 20; i++)
        (void)page(&all);
    assert_int_equal(pthread_join(threads[0], NULL), 0);
    assert_int_equal(pthread_join(threads[1], NULL), 0);
    const char *text = page(&all);
    expect_line(text, "evd_calls_total{endpoint=\"a.b\",backend=\"static\"} 13334");
    expect_line(text, "evd_calls_total{endpoint=\"a.d\",backend=\"static\"} 13332");
    free(one);
    free(two);
}

static void test_the_process(void **state)
{
    (void)state;
    struct evd_process before, after;
    evd_process_read(&before);
    assert_true(before.resident_bytes > 4096 && before.virtual_bytes > before.resident_bytes);
    assert_true(before.threads >= 1); /* a sanitizer may have one of its own */
    FILE *file = fopen("/dev/null", "re");
    assert_non_null(file);
    evd_process_read(&after);
    (void)fclose(file);
    assert_int_equal(after.open_fds, before.open_fds + 1);
    assert_true(after.cpu_ns > before.cpu_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_summed_over_workers_by_name),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_times_fall_into_their_buckets),
        cmocka_unit_test(test_one_call_in_so_many_is_timed),
        cmocka_unit_test(test_a_page_that_does_not_fit_is_told),
        cmocka_unit_test(test_the_process),
        cmocka_unit_test(test_other_threads_may_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
