/* Whether a run can be trusted: each limit from both sides, and the exit status. */
#include "result_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>

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

/* 250 us, or a tenth of the median response: whichever is more, to the ns. */
static void the_limit_of_lateness(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t response, late;
        bool valid;
    } cases[] = {{1000000, 250000, true}, {1000000, 250001, false}, {2500000, 250000, true},
                 {2500010, 250001, true}, {2500010, 250002, false}, {4000000, 400000, true},
                 {4000000, 400001, false}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        lg_histogram_init(&f->result.response);
        lg_histogram_init(&f->result.woke_late);
        lg_histogram_record_times(&f->result.response, cases[i].response, 1000);
        lg_histogram_record_times(&f->result.woke_late, cases[i].late, 1000);
        f->result.invalid_count = 0;
        lg_verdict(&f->result);
        assert_int_equal(f->result.invalid_count, !cases[i].valid);
    }
}

static void full_cpu_and_stolen_time(void **state)
{
    struct fixture *f = *state;

    f->result.client_share_max = 0.86; /* of one thread: the others may be idle */
    expect_invalid(f,
                   "the generator's CPU was full: a thread took 86 % of a core; 85 % are allowed");
    assert_string_equal(f->result.note, "");
    f->result.invalid_count = 0;
    f->result.client_share_max = 0.85;
    f->result.steal_share = 0.011;
    expect_invalid(f, "the host stole 1.1 % of the CPU time; 1 % are allowed");
}

/* Polling for what is due is no work: it neither fills the CPU nor counts for a request. */
static void spinning_is_not_busy(void **state)
{
    struct fixture *f = *state;

    f->result.client_user_ns = 600;
    f->result.client_system_ns = 300;
    f->result.client_spun_ns = 800;
    assert_int_equal(lg_client_busy_ns(&f->result), 100);
    f->result.client_spun_ns = 901; /* it was off its CPU for some of that */
    assert_int_equal(lg_client_busy_ns(&f->result), 0);
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
    f->result.client_share_max = 0.85;
    lg_verdict(&f->result);
    assert_string_equal(f->result.note, "");
    f->result.client_share_max = 1;
    f->result.ok_in_window = 1;
    for (int i = 0; i < 1000; i++)
        lg_histogram_record(&f->result.woke_late, 5000000);
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    assert_string_equal(f->result.note,
                        "the generator's CPU was full, a thread took 100 % of a core: the "
                        "throughput may be the generator's, not the server's");
}

/* A thousand responses have a p99 and no p99.9, whoever asks. */
static void too_few_for_the_quantile(void **state)
{
    struct fixture *f = *state;

    f->options.quantiles_asked = true;
    f->options.quantile_count = 3;
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
    f->options.quantile_count = 4;
    expect_invalid(f,
                   "too few responses for p99.9, ten above it: 1,000 of the 10,000 that it takes");
    assert_string_equal(f->result.invalid_causes[0], "samples");
    f->result.invalid_count = 0;
    f->options.quantiles_asked = false; /* the table has a dash there */
    lg_verdict(&f->result);
    assert_int_equal(f->result.invalid_count, 0);
}

static void nothing_was_due(void **state)
{
    struct fixture *f = *state;

    memset(&f->result.accounts[LG_MEASURED], 0, sizeof(f->result.accounts[LG_MEASURED]));
    f->result.ok_in_window = 0;
    expect_invalid(f, "no request fell due in the measured window");
    assert_int_equal(lg_result_status(&f->result), 1);
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

/* The last quarter is off the first by a fifth, or by more; below 256 ns a histogram is exact. */
static void how_far_off_is_too_far(void **state)
{
    struct fixture *f = *state;
    uint64_t medians[LG_BLOCKS];

    for (uint64_t more = 0; more < 2; more++) {
        for (uint64_t i = 0; i < LG_BLOCKS; i++) /* 98 to 102, ..., 118 to 122 or 119 to 123 */
            medians[i] = i < 5 ? 98 + i : i < 15 ? 98 + i : 103 + i + more;
        fill_blocks(f, medians, 100);
        f->result.invalid_count = 0;
        lg_verdict(&f->result);
        assert_int_equal(f->result.invalid_count, more);
    }
}

/* 20 medians of which S is 102, and 104: 44 and 43 pairs of the ten in the middle are in descending
 * order. z passes 3.29 between them. */
static void how_clear_a_trend_must_be(void **state)
{
    struct fixture *f = *state;

    for (int swaps = 1; swaps <= 2; swaps++) {
        uint64_t medians[LG_BLOCKS];
        double row[LG_BLOCKS];

        for (unsigned i = 0; i < LG_BLOCKS; i++)
            medians[i] = 100 + 5 * (i >= 5 && i < 15 ? 19 - i : i);
        for (int i = 0; i < swaps; i++) {
            uint64_t kept = medians[5 + 2 * i];

            medians[5 + 2 * i] = medians[6 + 2 * i];
            medians[6 + 2 * i] = kept;
        }
        for (int i = 0; i < LG_BLOCKS; i++)
            row[i] = (double)medians[i];
        assert_int_equal(lg_mann_kendall(row, LG_BLOCKS), 100 + 2 * swaps);
        fill_blocks(f, medians, 100);
        f->result.invalid_count = 0;
        lg_verdict(&f->result);
        assert_int_equal(f->result.invalid_count, swaps - 1);
    }
}

/* Where a block begins and what belongs to it agree, also where they cannot be equally long. */
static void blocks_begin_where_they_begin(void **state)
{
    (void)state;
    static const uint64_t durations[] = {1, 7, 20, 999, 1000000007, UINT64_C(86400000000000)};

    for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
        uint64_t duration = durations[i];

        for (unsigned block = 0; block < LG_BLOCKS; block++) {
            uint64_t from = lg_block_from(block, duration);

            if (from < lg_block_from(block + 1, duration))
                assert_int_equal(lg_block_of(from, duration), block);
            if (from > 0)
                assert_true(lg_block_of(from - 1, duration) < block);
        }
        assert_int_equal(lg_block_from(0, duration), 0);
        assert_int_equal(lg_block_from(LG_BLOCKS, duration), duration);
    }
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

static void expect_why(const struct fixture *f, const char *text)
{
    char *line = NULL;
    size_t len;
    FILE *out = open_memstream(&line, &len);

    assert_non_null(out);
    lg_result_why(&f->result, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(line, text);
    assert_int_equal(lg_result_status(&f->result) == 0, *text == '\0');
    free(line);
}

/* No exit status but 0 without a line that says why, whatever of the run is printed. */
static void every_status_says_why(void **state)
{
    struct fixture *f = *state;
    struct lg_account *warmup = &f->result.accounts[LG_WARMUP],
                      *measured = &f->result.accounts[LG_MEASURED];

    expect_why(f, "");
    f->options.fail_on_invalid = true;
    f->result.steal_share = 0.02;
    lg_verdict(&f->result);
    expect_why(f, "loadgen: INVALID: the host stole 2.0 % of the CPU time; 1 % are allowed\n");

    measured->outcomes[LG_OK] = 0;
    measured->outcomes[LG_UNSENT] = 1000;
    expect_why(f, "loadgen: none of the 1000 requests that were due could be sent: none of 4 "
                  "connections to tcp://127.0.0.1:1 had a free slot\n");
    measured->scheduled = measured->outcomes[LG_UNSENT] = 0;
    expect_why(f, "loadgen: no request fell due in the measured window: 1,000/s for 1.00 s; a "
                  "higher --rate or a longer --duration is needed\n");
    f->options.closed = true;
    f->options.connections = 1;
    expect_why(f, "loadgen: no request could be made in 1.00 s: none of 1 connection to "
                  "tcp://127.0.0.1:1 was ready\n");
    f->result.interrupted = 2;
    expect_why(f, "loadgen: interrupted by signal 2\n");
    f->result.unsolicited = 3;
    expect_why(f, "loadgen: the server sent 3 replies to nothing\n");
    warmup->scheduled += 2;
    warmup->outcomes[LG_RESET] = 2;
    measured->scheduled = 10;
    measured->outcomes[LG_OK] = 9;
    measured->outcomes[LG_BAD] = 1;
    expect_why(f, "loadgen: 3 of 512 requests went wrong, warm-up included: 1 answered wrongly, 2 "
                  "lost when the connection was reset\n");
    evd_error_set(&f->result.broken, EVD_ERR_SYSTEM, "cannot read the clock");
    expect_why(f, "loadgen: cannot read the clock\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(a_good_run_is_valid),
        FIXTURE_TEST(late_generator),
        FIXTURE_TEST(lateness_is_measured_against_the_response),
        FIXTURE_TEST(the_limit_of_lateness),
        FIXTURE_TEST(full_cpu_and_stolen_time),
        FIXTURE_TEST(spinning_is_not_busy),
        FIXTURE_TEST(others_on_the_cpu),
        FIXTURE_TEST(missed_rate),
        FIXTURE_TEST(unsent_requests),
        FIXTURE_TEST(closed_loops_may_be_late_and_busy),
        FIXTURE_TEST(too_few_for_the_quantile),
        FIXTURE_TEST(nothing_was_due),
        FIXTURE_TEST(a_warm_up_that_is_not_over),
        FIXTURE_TEST(how_far_off_is_too_far),
        FIXTURE_TEST(how_clear_a_trend_must_be),
        FIXTURE_TEST(blocks_begin_where_they_begin),
        FIXTURE_TEST(the_trend_must_be_clear),
        FIXTURE_TEST(exit_statuses),
        FIXTURE_TEST(further_causes),
        FIXTURE_TEST(accounts_that_do_not_add_up),
        FIXTURE_TEST(latencies_past_the_histogram),
        FIXTURE_TEST(every_error_counts_for_the_status),
        FIXTURE_TEST(every_status_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
