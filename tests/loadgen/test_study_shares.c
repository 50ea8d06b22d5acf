/* Rates as shares of the measured maximum, in studies of a fake server by a fake load generator. */
#include "loadgen/study.h"
#include "loadgen/study_json.h"
#include "loadgen/study_rates.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int execute(const struct lg_design *design, const char *folder,
                   struct lg_study_result *result, struct evd_error *error)
{
    struct lg_study_options options = {.design = design,
                                       .out = folder,
                                       .server = FAKE,
                                       .loadgen = FAKE,
                                       .command = "loadgen study fake",
                                       .seed = 3,
                                       .quiet = true};
    return lg_study_execute(&options, result, error);
}

static void no_child_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static bool exists(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

#define SHARES                                                                                     \
    "{\"name\":\"fake\",\"blocks\":2,\"repeats\":2,\"warmup\":\"0\",\"duration\":\"1ms\","         \
    "\"server_cpu\":0,\"load_cpu\":0,\"arms\":[{\"name\":\"a\",\"server\":[]},"                    \
    "{\"name\":\"b\",\"server\":[],\"transport\":\"jsonl\",\"load\":[\"--depth\",\"9\"]}],"        \
    "\"scenarios\":[\"%s\"],\"loads\":[{\"name\":\"half\",\"rate_share\":0.5,\"args\":[]},"        \
    "{\"name\":\"closed\",\"args\":[\"--closed\"]}],"                                              \
    "\"maximum\":{\"trials\":3,\"args\":[\"--closed\"]}}"

static void make_shares(const char *scenario, struct lg_design *design)
{
    char text[1024];
    struct evd_error error = {0};
    cJSON *root;
    snprintf(text, sizeof(text), SHARES, scenario);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", design, &error), EVD_OK);
}

static unsigned lines_of(const char *text, const char *with)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, with)); at++)
        count++;
    return count;
}

/* The fake answers 100 a second at most: half of it is offered to all arms. What an arm says of
 * its load is behind what the load says. */
static void test_shares(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_shares("s", &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 8);
    assert_int_equal(result.bad, 0);
    char *about = file_read(folder, "study.json"), *maximum = file_read(folder, "maximum.jsonl"),
         *trials = file_read(folder, "trials.jsonl");
    assert_non_null(strstr(about, "\"maximum\":\t100"));
    assert_non_null(strstr(about, "\"half\":\t50"));
    assert_int_equal(lines_of(maximum, "\n"), 3);
    assert_int_equal(lines_of(maximum, "\"load\":\"maximum\""), 3);
    assert_int_equal(lines_of(maximum, "\"arm\":\"a\""), 3);
    assert_int_equal(lines_of(trials, "\"mode\":\"open\",\"rate\":50,"), 4);
    assert_int_equal(lines_of(trials, "\"mode\":\"closed\",\"rate\":0,"), 4);
    assert_int_equal(lines_of(trials, "\"transport\":\"jsonl\",\"depth\":\"9\""), 4);
    assert_int_equal(lines_of(trials, "\"transport\":\"frame\",\"depth\":\"\""), 4);

    /* Once a study: what is complete is not measured again, and neither is its maximum. */
    char *mark = strstr(maximum, "\"attempt\":1");
    assert_non_null(mark);
    mark[strlen("\"attempt\":")] = '9';
    file_write(folder, "maximum.jsonl", maximum);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.measured, 0);
    char *again = file_read(folder, "maximum.jsonl");
    assert_string_equal(again, maximum);
    free(again);
    free(maximum);

    /* Nor does a study go on whose rates come from nowhere. */
    file_write(folder, "maximum.jsonl", "{}\n");
    assert_true(execute(&design, folder, &result, &error) < 0);
    assert_non_null(strstr(error.text, "maximum.jsonl:1: 'trial' must be 1 here"));
    free(trials);
    free(about);
    lg_design_release(&design);
    folder_remove(folder);
}

/* It goes on with the rates that it had, whatever a maximum would be now. */
static void test_shares_are_kept(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_shares("s", &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    char *about = file_read(folder, "study.json"), *trials = file_read(folder, "trials.jsonl");
    strchr(trials, '\n')[1] = '\0'; /* one trial is there */
    char *closed = strstr(trials, "\"rate\":50,"), *half = strstr(about, "\"half\":\t50"),
         *maximum = strstr(about, "\"maximum\":\t100,");
    if (closed)
        memcpy(closed, "\"rate\":40,", 10);
    memcpy(half, "\"half\":\t40", 10);
    memcpy(maximum, "\"maximum\":\t80, ", 15);
    memcpy(strstr(about, "\"trials_sha256\""), "\"not_finished_\"", 15);
    file_write(folder, "study.json", about);
    file_write(folder, "trials.jsonl", trials);
    char *rates = file_read(folder, "maximum.jsonl");
    for (char *at = rates; (at = strstr(at, "\"throughput\":100,"));)
        memcpy(at, "\"throughput\":80, ", 17);
    file_write(folder, "maximum.jsonl", rates);
    free(rates);
    if (execute(&design, folder, &result, &error) != EVD_OK)
        fail_msg("%s", error.text);
    assert_int_equal(result.measured, 7);
    free(trials);
    trials = file_read(folder, "trials.jsonl");
    assert_int_equal(lines_of(trials, "\"mode\":\"open\",\"rate\":40,"), 4);
    free(trials);

    /* Rates that do not follow from the maximum are nobody's. */
    memcpy(half, "\"half\":\t41", 10);
    file_write(folder, "study.json", about);
    assert_true(execute(&design, folder, &result, &error) < 0);
    assert_non_null(strstr(error.text, "study.json: 'rates' does not hold the maximum of 's'"));
    free(about);
    lg_design_release(&design);
    folder_remove(folder);
}

/* Nor is one that no server and no load could reach, though its rate is what may be asked at most.
 */
static void test_beyond_the_maximum(void **state)
{
    static const struct {
        const char *maximum;
        int rc;
    } cases[] = {{"1e8", EVD_OK}, {"1.01e8", EVD_ERR_BAD_DATA}, {"1e999", EVD_ERR_BAD_DATA}};
    struct lg_design design;
    (void)state;
    make_shares("s", &design);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[160];
        struct lg_rates rates;
        struct evd_error error = {0};
        snprintf(text, sizeof(text),
                 "{\"rates\":[{\"scenario\":\"s\",\"maximum\":%s,\"loads\":{\"half\":1e7}}]}",
                 cases[i].maximum);
        cJSON *about = cJSON_Parse(text);
        assert_non_null(about);
        assert_int_equal(lg_rates_take(&design, about, &rates, &error), cases[i].rc);
        assert_true(cases[i].rc != EVD_OK || rates.rates[0][0] == 10000000);
        cJSON_Delete(about);
    }
    lg_design_release(&design);
}

/* A server that cannot keep up is a result, and is not measured again; a trial that cannot be
 * trusted is INVALID, even if nothing was answered in time. */
static void test_overload(void **state)
{
    static const struct {
        const char *scenario;
        unsigned trials, invalid;
    } table[] = {{"overload", 8, 0}, {"doubt", 12, 8}};
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char *folder = folder_make();
        struct lg_design design;
        struct lg_study_result result;
        struct evd_error error = {0};
        make_shares(table[i].scenario, &design);
        assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
        assert_int_equal(result.bad, 0);
        assert_int_equal(result.trials, table[i].trials);
        assert_int_equal(result.invalid, table[i].invalid);
        lg_design_release(&design);
        folder_remove(folder);
    }
}

static void test_no_maximum(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_shares("none", &design);
    assert_true(execute(&design, folder, &result, &error) < 0);
    assert_non_null(strstr(error.text, "the maximum of 'a' on 'none': loadgen run made no"));
    assert_false(exists(folder, "maximum.jsonl"));
    no_child_left();
    lg_design_release(&design);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_shares_are_kept),
        cmocka_unit_test(test_beyond_the_maximum),
        cmocka_unit_test(test_overload),
        cmocka_unit_test(test_no_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
