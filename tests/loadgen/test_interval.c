/* The interval log: what is recorded while sets are swapped is written once, in its second, under
 * its tag. Without threads and clocks but for the last test, a run. */
#include "peer.h"

#include "loadgen/hlog.h"
#include "loadgen/interval.h"
#include "loadgen/run.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define S     UINT64_C(1000000000)
#define START (100 * S)

/* ---- A log, read back ---- */

struct line {
    char tag[LG_HLOG_TAG_MAX + 1];
    double start_s, length_s;
    struct lg_histogram histogram;
};

struct log {
    struct line lines[64];
    unsigned count;
};

static struct log *read_log(const char *path)
{
    FILE *file = fopen(path, "r");
    struct log *log = calloc(1, sizeof(*log));
    struct lg_hlog_line parsed;
    struct evd_error error;
    char *text = NULL;
    size_t room = 0;
    ssize_t len;

    assert_non_null(file);
    assert_non_null(log);
    while ((len = getline(&text, &room, file)) > 0) {
        struct line *line = &log->lines[log->count];
        int rc = lg_hlog_parse(evd_slice(text, (size_t)len), &parsed, &error);

        if (rc == EVD_MORE)
            continue;
        assert_int_equal(rc, EVD_OK);
        assert_in_range(log->count, 0, 63);
        snprintf(line->tag, sizeof(line->tag), "%.*s", (int)parsed.tag.len, parsed.tag.ptr);
        line->start_s = parsed.start_s;
        line->length_s = parsed.length_s;
        assert_int_equal(lg_hlog_decode(parsed.histogram, &line->histogram, &error), EVD_OK);
        log->count++;
    }
    free(text);
    fclose(file);
    return log;
}

/* ---- By hand ---- */

struct fixture {
    struct lg_scenario scenario;
    struct lg_request requests[LG_TAGS_MAX + 6];
    char events[LG_TAGS_MAX + 6][16];
    struct lg_tags tags;
    struct lg_intervals threads[2], *both[2];
    char path[TEST_SCRATCH_MAX];
    struct lg_interval_log *log;
};

static struct fixture *make(unsigned events)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct evd_error error;

    assert_non_null(f);
    f->scenario.requests = f->requests;
    f->scenario.count = events;
    for (unsigned i = 0; i < events; i++) {
        snprintf(f->events[i], sizeof(f->events[i]), "e%u", i);
        f->requests[i].event = evd_slice_text(f->events[i]);
    }
    assert_int_equal(lg_tags_init(&f->tags, &f->scenario), EVD_OK);
    for (int i = 0; i < 2; i++) {
        f->both[i] = &f->threads[i];
        assert_int_equal(lg_intervals_init(f->both[i], &f->tags), EVD_OK);
        lg_intervals_start(f->both[i], START);
    }
    test_scratch_file(f->path);
    assert_int_equal(lg_interval_log_open(f->path, &f->tags, &f->log, &error), EVD_OK);
    lg_interval_log_start(f->log, START, 5 * S);
    return f;
}

static void write_both(struct fixture *f)
{
    lg_interval_log_write(f->log, f->both, 2);
}

static struct log *finish(struct fixture *f, uint64_t now)
{
    struct evd_error error;
    struct log *log;

    for (int i = 0; i < 2; i++)
        lg_intervals_end(f->both[i], now);
    write_both(f);
    assert_int_equal(lg_interval_log_close(f->log, &error), EVD_OK);
    log = read_log(f->path);
    unlink(f->path);
    for (int i = 0; i < 2; i++)
        lg_intervals_release(f->both[i]);
    lg_tags_release(&f->tags);
    free(f);
    return log;
}

static void check(const struct log *log, unsigned index, const char *tag, double start_s,
                  double length_s, uint64_t count)
{
    const struct line *line = &log->lines[index];

    assert_true(index < log->count);
    assert_string_equal(line->tag, tag);
    assert_true(line->start_s == start_s);
    assert_true(line->length_s == length_s);
    assert_int_equal(line->histogram.count, count);
}

static void each_second_has_its_lines(void **state)
{
    (void)state;
    struct fixture *f = make(2);
    struct log *log;

    lg_intervals_record(f->both[0], 0, 100, START);
    lg_intervals_record(f->both[0], 1, 200, START + S - 1);
    lg_intervals_record(f->both[1], 1, 201, START + 5);
    write_both(f);                                      /* nothing is over yet */
    lg_intervals_record(f->both[0], 0, 101, START + S); /* the next second's first moment */
    lg_intervals_pass(f->both[1], START + S);
    write_both(f);
    lg_intervals_pass(f->both[0], START + 2 * S);
    lg_intervals_pass(f->both[1], START + 2 * S + 7);
    write_both(f);
    log = finish(f, START + 5 * S / 2);
    check(log, 0, "e0", 0, 1, 1);
    check(log, 1, "e1", 0, 1, 2);
    check(log, 2, "", 0, 1, 3);
    check(log, 3, "e0", 1, 1, 1);
    check(log, 4, "", 1, 1, 1);
    check(log, 5, "", 2, 0.5, 0);
    assert_int_equal(log->count, 6);
    assert_int_equal(log->lines[1].histogram.counts[200], 1);
    assert_int_equal(log->lines[1].histogram.counts[201], 1);
    free(log);
}

/* The longest names there are: nothing is cut off. */
static void an_arm_stands_before_each_tag(void **state)
{
    (void)state;
    static const char arm[] = "dynamic/call-01234567890123456789012345678901234567890123456789";
    struct fixture *f = make(1);
    char event[EVD_EVENT_MAX + 1], tag[400];
    struct log *log;

    assert_int_equal(strlen(arm), LG_ARM_MAX);
    memset(event, 'e', EVD_EVENT_MAX);
    event[EVD_EVENT_MAX] = '\0';
    strcpy(f->tags.names[0], event);
    f->tags.arm = arm;
    lg_intervals_record(f->both[0], 0, 100, START);
    lg_intervals_record_extra(f->both[0], LG_EXTRA_WIRE, 50, START);
    log = finish(f, START + S);
    snprintf(tag, sizeof(tag), "%s:%s", arm, event);
    check(log, 0, tag, 0, 1, 1);
    snprintf(tag, sizeof(tag), "%s:(wire)", arm);
    check(log, 1, tag, 0, 1, 1);
    check(log, 2, arm, 0, 1, 1);
    assert_int_equal(log->count, 3);
    free(log);
}

/* Until the main thread has taken the first set, the second takes in all that comes. */
static void a_late_main_thread_loses_nothing(void **state)
{
    (void)state;
    struct fixture *f = make(1);
    struct log *log;

    for (uint64_t i = 0; i < 50; i++) /* five seconds */
        lg_intervals_record(f->both[0], 0, i, START + i * S / 10);
    write_both(f);                                         /* has the first second */
    lg_intervals_record(f->both[0], 0, 50, START + 5 * S); /* ends four seconds more */
    write_both(f);
    log = finish(f, START + 6 * S);
    check(log, 1, "", 0, 1, 10);
    check(log, 3, "", 1, 4, 40);
    check(log, 5, "", 5, 1, 1);
    for (unsigned i = 0; i < 51; i++)
        assert_int_equal(log->lines[1].histogram.counts[i] + log->lines[3].histogram.counts[i] +
                             log->lines[5].histogram.counts[i],
                         1);
    free(log);
}

static void both_sets_at_the_end(void **state)
{
    (void)state;
    struct fixture *f = make(1);
    struct log *log;

    lg_intervals_record(f->both[0], 0, 1, START);
    lg_intervals_record(f->both[0], 0, 2, START + S);
    lg_intervals_record(f->both[1], 0, 3, START + 1);
    log = finish(f, START + 2 * S);
    check(log, 0, "e0", 0, 2, 3);
    check(log, 1, "", 0, 2, 3);
    assert_int_equal(log->count, 2);
    free(log);
}

static void extras_have_lines_of_their_own(void **state)
{
    (void)state;
    struct fixture *f = make(2);
    struct log *log;

    lg_intervals_record(f->both[0], 1, 200, START);
    lg_intervals_record_extra(f->both[0], LG_EXTRA_WIRE, 90, START);
    lg_intervals_record_extra(f->both[1], LG_EXTRA_WIRE, 91, START);
    lg_intervals_record_extra(f->both[1], LG_EXTRA_CENSORED, 200, START + S);
    log = finish(f, START + S);
    check(log, 0, "e1", 0, 1, 1);
    check(log, 1, "(wire)", 0, 1, 2);
    check(log, 2, "(censored)", 0, 1, 1);
    check(log, 3, "", 0, 1, 1); /* the sum is of responses */
    assert_int_equal(log->count, 4);
    free(log);
}

static void too_many_events_share_the_last_tag(void **state)
{
    (void)state;
    struct fixture *f = make(LG_TAGS_MAX + 6);
    struct log *log;

    assert_int_equal(f->tags.count, LG_TAGS_MAX);
    lg_intervals_record(f->both[0], LG_TAGS_MAX - 2, 1, START);
    for (unsigned i = 0; i < 7; i++)
        lg_intervals_record(f->both[0], LG_TAGS_MAX - 1 + i, 2, START);
    log = finish(f, START + S);
    check(log, 0, "e62", 0, 1, 1);
    check(log, 1, "other", 0, 1, 7);
    check(log, 2, "", 0, 1, 8);
    free(log);
    f = make(LG_TAGS_MAX); /* as many as there are tags: each has its own */
    assert_string_equal(f->tags.names[LG_TAGS_MAX - 1], "e63");
    free(finish(f, START));
}

static void a_log_that_cannot_be_written(void **state)
{
    (void)state;
    struct lg_tags tags = {.count = 1, .names = {"a"}};
    struct lg_interval_log *log;
    struct evd_error error;

    assert_int_equal(lg_interval_log_open("/nonesuch/a", &tags, &log, &error), EVD_ERR_SYSTEM);
    assert_string_equal(error.text, "--hlog: cannot write /nonesuch/a: No such file or directory");
    assert_int_equal(lg_interval_log_open("/dev/full", &tags, &log, &error), EVD_OK);
    lg_interval_log_start(log, 0, 0);
    assert_int_equal(lg_interval_log_close(log, &error), EVD_ERR_SYSTEM);
    assert_string_equal(error.text,
                        "--hlog: cannot write the interval log: No space left on device");
    assert_int_equal(lg_interval_log_close(NULL, &error), EVD_OK);
}

/* ---- A run ---- */

/* The bucket lists of two histograms are the same, whatever each was made from. */
static void assert_same_counts(const struct lg_histogram *a, const struct lg_histogram *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->counts, b->counts, sizeof(a->counts));
}

static void run_with_log(const char *address, const char *path, struct lg_result *result)
{
    char *argv[] = {(char[]){"run"},           (char[]){"--quiet"},
                    (char[]){"--target"},      (char *)(uintptr_t)address,
                    (char[]){"--scenario"},    (char[]){SCENARIOS "/board.json"},
                    (char[]){"--rate"},        (char[]){"1000"},
                    (char[]){"--warmup"},      (char[]){"50ms"},
                    (char[]){"--duration"},    (char[]){"1500ms"},
                    (char[]){"--threads"},     (char[]){"2"},
                    (char[]){"--connections"}, (char[]){"4"},
                    (char[]){"--hlog"},        (char *)(uintptr_t)path};
    const struct lg_scenario_options how = {.seed = 1};
    static struct lg_run_options options;
    struct lg_scenario scenario;
    enum lg_options_result asked;
    struct evd_error error;

    assert_int_equal(lg_options_parse(sizeof(argv) / sizeof(*argv), argv, &options, &asked, &error),
                     EVD_OK);
    assert_int_equal(lg_scenario_load(options.scenario, &how, &scenario, &error), EVD_OK);
    assert_int_equal(lg_run(&options, &scenario, result, &error), EVD_OK);
    assert_string_equal(result->log_error, "");
    lg_scenario_release(&scenario);
}

static void a_run_and_its_log_agree(void **state)
{
    (void)state;
    const struct peer_script script = {.transport = &evd_transport_frame};
    struct peer *peer = peer_start(&script);
    struct lg_result *result = malloc(sizeof(*result));
    struct lg_histogram *sums = calloc(3, sizeof(*sums));
    char path[TEST_SCRATCH_MAX];
    uint64_t board = 0;
    struct log *log;

    assert_non_null(result);
    assert_non_null(sums);
    test_scratch_file(path);
    run_with_log(peer_address(peer), path, result);
    peer_stop(peer);
    log = read_log(path);
    unlink(path);
    for (unsigned i = 0; i < log->count; i++) {
        unsigned what = *log->lines[i].tag == '\0'                                    ? 0
                        : strcmp(log->lines[i].tag, lg_extra_tag(LG_EXTRA_WIRE)) == 0 ? 2
                                                                                      : 1;

        lg_histogram_merge(&sums[what], &log->lines[i].histogram);
        if (strcmp(log->lines[i].tag, "api.test.board") == 0)
            board += log->lines[i].histogram.count;
    }
    assert_int_equal(result->response.count, 1500);
    assert_same_counts(&sums[0], &result->response);
    assert_same_counts(&sums[1], &result->response);
    assert_same_counts(&sums[2], &result->wire);
    assert_int_equal(board, 750); /* two cards of four; the warm-up's 50 are not in it, nor 75 */
    free(log);
    free(sums);
    free(result);
}

/* What is never answered is in the log as well: in the sum, under its event, and by itself. */
static void a_run_that_lost_some_and_its_log_agree(void **state)
{
    (void)state;
    const struct peer_script script = {
        .transport = &evd_transport_frame, .action = PEER_RESET, .first = 500, .count = 3};
    struct peer *peer = peer_start(&script);
    struct lg_result *result = malloc(sizeof(*result));
    struct lg_histogram *sums = calloc(3, sizeof(*sums));
    char path[TEST_SCRATCH_MAX];
    struct log *log;

    assert_non_null(result);
    assert_non_null(sums);
    test_scratch_file(path);
    run_with_log(peer_address(peer), path, result);
    peer_stop(peer);
    log = read_log(path);
    unlink(path);
    for (unsigned i = 0; i < log->count; i++) {
        const char *tag = log->lines[i].tag;
        unsigned what = *tag == '\0' ? 0 : strcmp(tag, "(censored)") == 0 ? 1 : 2;

        if (strcmp(tag, "(wire)") != 0)
            lg_histogram_merge(&sums[what], &log->lines[i].histogram);
    }
    assert_int_equal(result->response.count, 1500);
    assert_in_range(result->censored.count, 3, 1499); /* connections have one call in flight */
    assert_same_counts(&sums[0], &result->response);
    assert_same_counts(&sums[1], &result->censored);
    assert_same_counts(&sums[2], &result->response);
    free(log);
    free(sums);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_second_has_its_lines),
        cmocka_unit_test(an_arm_stands_before_each_tag),
        cmocka_unit_test(a_late_main_thread_loses_nothing),
        cmocka_unit_test(both_sets_at_the_end),
        cmocka_unit_test(extras_have_lines_of_their_own),
        cmocka_unit_test(too_many_events_share_the_last_tag),
        cmocka_unit_test(a_log_that_cannot_be_written),
        cmocka_unit_test(a_run_and_its_log_agree),
        cmocka_unit_test(a_run_that_lost_some_and_its_log_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
