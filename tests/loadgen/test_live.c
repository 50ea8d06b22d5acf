/* The line of a terminal: golden texts. */
#include "loadgen/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct lg_live_view usual(void)
{
    return (struct lg_live_view){
        .measuring = true,
        .rate = 998,
        .target = 1000,
        .p50_ns = 93100,
        .p99_ns = 1200000,
        .left_s = 7.4,
        .p99s = {100, 200, 300, 400, 500, 600, 700, 800, 0, 1},
        .p99_count = 10,
        .width = 200,
    };
}

static void check(const struct lg_live_view *view, const char *expected)
{
    char out[LG_LIVE_TEXT];

    assert_string_equal(lg_live_format(view, out), expected);
}

static void whole_lines(void **state)
{
    (void)state;
    struct lg_live_view view = usual();

    check(&view, "measuring  ▁▂▃▄▅▆▇█ ▁  p99 1.20 ms  p50 93.1 µs  998/s of 1,000/s  errors 0  "
                 "valid so far  7 s left");
    view.measuring = false;
    view.target = 0;
    view.p99_count = 0;
    view.errors = 12345;
    view.invalid = "requests went wrong";
    check(&view, "warm-up  p99 1.20 ms  p50 93.1 µs  998/s  errors 12,345  "
                 "INVALID so far: requests went wrong  7 s left");
    view.colour = true;
    check(&view, "warm-up  p99 1.20 ms  p50 93.1 µs  998/s  errors 12,345  "
                 "\033[31mINVALID so far: requests went wrong\033[0m  7 s left");
    view.invalid = NULL;
    check(&view, "warm-up  p99 1.20 ms  p50 93.1 µs  998/s  errors 12,345  "
                 "\033[32mvalid so far\033[0m  7 s left");
}

/* The least important goes first, and no line is as wide as the terminal. */
static void narrow_ones(void **state)
{
    (void)state;
    struct lg_live_view view = usual();

    view.width = 80;
    check(&view, "▁▂▃▄▅▆▇█ ▁  p99 1.20 ms  998/s of 1,000/s  errors 0  valid so far  7 s left");
    view.width = 98;
    check(&view, "measuring  ▃▄▅▆▇█ ▁  p99 1.20 ms  p50 93.1 µs  998/s of 1,000/s  errors 0  valid "
                 "so far  7 s left");
    view.width = 60;
    check(&view, "p99 1.20 ms  998/s of 1,000/s  errors 0  valid so far");
    view.width = 20;
    check(&view, "p99 1.20 ms");
    for (view.width = 0; view.width < 11; view.width++)
        check(&view, "");
}

static void every_width_is_kept(void **state)
{
    (void)state;
    struct lg_live_view view = usual();
    char out[LG_LIVE_TEXT];

    view.p99_count = LG_LIVE_SECONDS;
    for (unsigned i = 0; i < LG_LIVE_SECONDS; i++)
        view.p99s[i] = UINT64_MAX / 2 + i;
    view.invalid = "something with a long text that goes on and on, far beyond what one would say";
    view.errors = UINT64_MAX;
    for (view.width = 1; view.width < 400; view.width++) {
        unsigned columns = 0;

        lg_live_format(&view, out);
        for (const char *c = out; *c != '\0'; c++)
            columns += ((unsigned char)*c & 0xc0) != 0x80;
        assert_true(columns < view.width);
        assert_true(strlen(out) < LG_LIVE_TEXT);
    }
}

static void sparklines(void **state)
{
    (void)state;
    const uint64_t rising[] = {1, 2, 3, 4, 5, 6, 7, 8}, flat[] = {5, 5, 5};
    char out[64];

    assert_string_equal(lg_live_sparkline(rising, 8, 8, out), "▁▂▃▄▅▆▇█");
    assert_string_equal(lg_live_sparkline(rising, 8, 3, out), "▆▇█");
    assert_string_equal(lg_live_sparkline(flat, 3, 8, out), "███");
    assert_string_equal(lg_live_sparkline(flat, 0, 8, out), "");
}

/* ---- While a run goes on ---- */

/* Each limit from both sides, a second after the start of 1,000 a second. */
static void the_verdict_so_far(void **state)
{
    (void)state;
    static struct lg_histogram response;
    struct lg_live_state s = {.now_ns = 1000000000,
                              .answered =
                                  980, /* 1 % of 1,000, and 10 at the edges, may be missing */
                              .response = &response,
                              .woke_late_p99 = 250000,
                              .target = 1000};

    lg_histogram_init(&response);
    lg_histogram_record_times(&response, 1000, 10);
    assert_null(lg_live_why_invalid(&s));
    s.answered = 979;
    assert_string_equal(lg_live_why_invalid(&s), "the rate is missed");
    s.target = 0; /* a closed loop, or a rate that changes */
    assert_null(lg_live_why_invalid(&s));
    s.woke_late_p99 = 250001;
    assert_string_equal(lg_live_why_invalid(&s), "the generator woke late");
    lg_histogram_record_times(&response, 2600000, 20); /* a tenth of the median is allowed, too */
    assert_null(lg_live_why_invalid(&s));
    s.errors = 1;
    assert_string_equal(lg_live_why_invalid(&s), "requests went wrong");
}

/* The bars are the p99 of what came since the line before; the oldest goes first. */
static void bars_of_each_second(void **state)
{
    (void)state;
    static struct lg_live live;
    static struct lg_histogram response;
    struct lg_live_state s = {.response = &response, .end_ns = UINT64_C(1000000000000)};

    lg_histogram_init(&response);
    lg_live_start(&live, false, 0);
    live.terminal = false;
    for (unsigned i = 0; i < LG_LIVE_SECONDS + 2; i++) {
        lg_histogram_record_times(&response, 1, 990);
        lg_histogram_record_times(&response, i == 0 ? 200 : 10 + i, 10);
        lg_histogram_record(&response, 250); /* above the p99 */
        s.now_ns = live.next_ns - 1;
        lg_live_update(&live, &s);
        s.now_ns++;
        lg_live_update(&live, &s);
        assert_int_equal(live.p99_count, i < LG_LIVE_SECONDS ? i + 1 : LG_LIVE_SECONDS);
        assert_int_equal(live.p99s[live.p99_count - 1], i == 0 ? 200 : 10 + i);
    }
    assert_int_equal(live.p99s[0], 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_lines),         cmocka_unit_test(narrow_ones),
        cmocka_unit_test(every_width_is_kept), cmocka_unit_test(sparklines),
        cmocka_unit_test(the_verdict_so_far),  cmocka_unit_test(bars_of_each_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
