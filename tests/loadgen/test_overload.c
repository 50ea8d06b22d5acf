/* Which runs are of a server that was offered more than it takes: by causes, figures and
 * accounting. */
#include "loadgen/cause.h"
#include "loadgen/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of 1,000 calls due in half a second, of which so many were answered in it; the causes are
 * those of its being INVALID. What `sums` and `warmup` say of
 * how calls ended, in both windows, stands before zeros, and the first of a name counts. */
static cJSON *make_run(const char *causes, double answered, const char *sums, const char *warmup)
{
    static const char none[] = "\"bad\":0,\"timeout\":0,\"reset\":0,\"eof\":0,\"refused\":0";
    char *text;
    assert_true(
        asprintf(&text,
                 "{\"valid\":false,\"invalid_causes\":[%s],\"throughput\":%.1f,\"measured_ns\":"
                 "500000000,\"accounting\":{%s%s,\"scheduled\":1000},\"warmup_accounting\":{%s%s}}",
                 causes, 2 * answered, sums, none, warmup, none) > 0);
    cJSON *run = cJSON_Parse(text);
    free(text);
    assert_non_null(run);
    return run;
}

/* Each set of the causes that a queue makes is overload where the answers stayed behind, and there
 * is one that says that something was not answered in time; with any other cause it is not. */
static void test_overloaded(void **state)
{
    static const char *const queue[] = {LG_CAUSE_RATE, LG_CAUSE_ERRORS, LG_CAUSE_WARMUP,
                                        LG_CAUSE_RANGE};
    static const char *const others[] = {NULL,
                                         LG_CAUSE_LATE,
                                         LG_CAUSE_CLIENT_CPU,
                                         LG_CAUSE_WAIT,
                                         LG_CAUSE_STEAL,
                                         LG_CAUSE_SAMPLES,
                                         LG_CAUSE_BROKEN,
                                         LG_CAUSE_SERVER,
                                         LG_CAUSE_INTERRUPTED,
                                         LG_CAUSE_UNSOLICITED,
                                         LG_CAUSE_ACCOUNTING};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        for (unsigned set = 0; set < 16; set++) {
            char causes[160] = "";
            const char *between = "";
            for (size_t k = 0; k < 5; k++) {
                const char *cause = k == 4 ? others[i] : set >> k & 1 ? queue[k] : NULL;
                if (!cause)
                    continue;
                size_t len = strlen(causes);
                snprintf(causes + len, sizeof(causes) - len, "%s\"%s\"", between, cause);
                between = ",";
            }
            cJSON *run = make_run(causes, 979, "", "");
            if (lg_run_overloaded(run) != ((set & 3) && !others[i]))
                fail_msg("[%s]", causes);
            cJSON_Delete(run);
        }
    }
}

/* How many answers, and how the calls ended. */
static void test_overloaded_figures(void **state)
{
    static const struct {
        const char *causes;
        double answered; /* 20 of 1,000 may be missing */
        const char *sums, *warmup;
        bool overloaded;
    } table[] = {
        {"\"rate\"", 981, "", "", false},
        {"\"errors\"", 981, "\"in_flight\":8,", "", false}, /* behind, but no more than may be */
        {"\"errors\"", 979, "\"in_flight\":8,", "", true},
        {"\"errors\",\"rate\"", 0, "\"in_flight\":16,\"unsent\":984,", "", true},
        {"\"warm-up\",\"rate\"", 1021, "", "", false}, /* what a stall before left behind */
        {"\"errors\"", 900, "\"bad\":1,", "", false},
        {"\"errors\"", 900, "\"timeout\":1,", "", false},
        {"\"errors\"", 900, "\"reset\":1,", "", false},
        {"\"errors\"", 900, "\"eof\":1,", "", false},
        {"\"errors\"", 900, "\"refused\":1,", "", false},
        {"\"rate\"", 900, "", "\"reset\":1,", false},
        {"\"rate\"", 900, "", "\"in_flight\":1,", true},
        {"\"rate\",7", 900, "", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        cJSON *run = make_run(table[i].causes, table[i].answered, table[i].sums, table[i].warmup);
        if (lg_run_overloaded(run) != table[i].overloaded)
            fail_msg("case %zu", i);
        cJSON_Delete(run);
    }
    /* What is valid, or has no accounting, is none, whatever it says; one without the figures goes
     * by its causes. */
    cJSON *run = make_run("\"rate\"", 900, "", "");
    cJSON_DeleteItemFromObject(run, "measured_ns");
    assert_true(lg_run_overloaded(run));
    cJSON_ReplaceItemInObject(run, "valid", cJSON_CreateTrue());
    assert_false(lg_run_overloaded(run));
    cJSON_ReplaceItemInObject(run, "valid", cJSON_CreateFalse());
    cJSON_DeleteItemFromObject(run, "accounting");
    assert_false(lg_run_overloaded(run));
    cJSON_Delete(run);
    run = make_run("\"errors\"", 900, "", "");
    cJSON_DeleteItemFromObject(run, "measured_ns");
    assert_false(lg_run_overloaded(run));
    cJSON_Delete(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overloaded),
        cmocka_unit_test(test_overloaded_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
