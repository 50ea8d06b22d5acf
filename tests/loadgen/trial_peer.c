/* Trials against peer.c, in real time. */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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
        check_trial(trial);
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
