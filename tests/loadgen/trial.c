#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARGS_MAX 40

void load_trial(struct trial *trial, char *args, const char *address)
{
    static char program[] = "run", target[] = "--target", quiet[] = "--quiet";
    static char *argv[ARGS_MAX];
    static char where[160], words[512];
    struct lg_scenario_options options;
    enum lg_options_result asked;
    int argc = 0;

    snprintf(where, sizeof(where), "%s", address);
    snprintf(words, sizeof(words), "%s", args);
    argv[argc++] = program;
    argv[argc++] = quiet;
    argv[argc++] = target;
    argv[argc++] = where;
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    if (lg_options_parse(argc, argv, &trial->options, &asked, &trial->error) < 0)
        fail_msg("%s", trial->error.text);
    options = (struct lg_scenario_options){.encoding = trial->options.encoding,
                                           .seed = trial->options.seed};
    if (lg_scenario_load(trial->options.scenario, &options, &trial->scenario, &trial->error) < 0)
        fail_msg("%s", trial->error.text);
    trial->result = malloc(sizeof(*trial->result));
    assert_non_null(trial->result);
}

/* Each request of the measured window is a response, or was answered wrongly, or refused; those
 * that were never answered are marked. The parts of the window add up to it. */
static void check_responses(const struct lg_result *result)
{
    const struct lg_account *account = &result->accounts[LG_MEASURED];
    uint64_t blocks = 0;

    assert_int_equal(result->response.count, account->scheduled - account->outcomes[LG_BAD] -
                                                 account->outcomes[LG_REFUSED]);
    assert_int_equal(result->censored.count, result->response.count - account->outcomes[LG_OK]);
    assert_int_equal(result->service.count, account->outcomes[LG_OK]);
    for (int i = 0; i < LG_BLOCKS; i++)
        blocks += result->blocks[i].count;
    assert_int_equal(blocks, result->response.count);
}

void check_trial(const struct trial *trial)
{
    const struct lg_result *result = trial->result;
    struct evd_error error = {0};

    for (int i = 0; i < LG_WINDOWS; i++)
        if (lg_account_check(&result->accounts[i], "", &error) < 0)
            fail_msg("%s", error.text);
    check_responses(result);
}

void end_trial(struct trial *trial)
{
    free(trial->result);
    lg_scenario_release(&trial->scenario);
}

const struct lg_account *measured(const struct trial *trial)
{
    return &trial->result->accounts[LG_MEASURED];
}
