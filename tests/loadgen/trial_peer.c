/* Trials against peer.c, in real time. */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void run_trial(struct trial *trial, const struct peer_script *script, const char *format, ...)
{
    struct peer *peer = peer_start(script);
    char args[512];
    va_list list;

    va_start(list, format);
    vsnprintf(args, sizeof(args), format, list);
    va_end(list);
    memset(trial, 0, sizeof(*trial));
    load_trial(trial, args, peer_address(peer));
    trial->rc = lg_run(&trial->options, &trial->scenario, trial->result, &trial->error);
    trial->peer_calls = peer_stop(peer);
    if (trial->rc != EVD_OK)
        return;
    check_trial(trial);
    assert_int_equal(trial->result->broken.status, EVD_OK);
}
