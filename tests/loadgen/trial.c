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

static void check_identity(const struct lg_result *result)
{
    struct evd_error error = {0};

    for (int i = 0; i < LG_WINDOWS; i++)
        if (lg_account_check(&result->accounts[i], "", &error) < 0)
            fail_msg("%s", error.text);
    check_responses(result);
}

__attribute__((format(printf, 3, 0))) static void
run_it(struct trial *trial, const struct peer_script *script, const char *format, va_list list)
{
    struct peer *peer = peer_start(script);
    char args[512];

    vsnprintf(args, sizeof(args), format, list);
    memset(trial, 0, sizeof(*trial));
    load_trial(trial, args, peer_address(peer));
    trial->rc = lg_run(&trial->options, &trial->scenario, trial->result, &trial->error);
    trial->peer_calls = peer_stop(peer);
    if (trial->rc == EVD_OK)
        check_identity(trial->result);
}

void run_trial(struct trial *trial, const struct peer_script *script, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    run_it(trial, script, format, list);
    va_end(list);
    if (trial->rc == EVD_OK)
        assert_int_equal(trial->result->broken.status, EVD_OK);
}

void run_trial_broken(struct trial *trial, const struct peer_script *script, const char *format,
                      ...)
{
    va_list list;

    va_start(list, format);
    run_it(trial, script, format, list);
    va_end(list);
    if (trial->rc == EVD_OK)
        assert_true(trial->result->broken.status < 0);
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
