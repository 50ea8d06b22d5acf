/* One run of the load generator in this process: against a scripted peer (trial_peer.c), or in a
 * simulated world (simulated/). */
#ifndef TRIAL_H
#define TRIAL_H

#include "peer.h"

#include "loadgen/run.h"

/* What a test needs to look at afterwards. */
struct trial {
    struct lg_run_options options;
    struct lg_scenario scenario;
    struct lg_result *result;
    struct evd_error error;
    int rc;
    uint64_t peer_calls;
};

/* Reads the options in `args` for a server at `address`, and the scenario. Fails the test on
 * errors. */
void load_trial(struct trial *trial, char *args, const char *address);

/* Starts a peer, runs, and stops it. `format`: the options beside --target. Where the run took
 * place it is checked by check_trial(). */
__attribute__((format(printf, 3, 4))) void
run_trial(struct trial *trial, const struct peer_script *script, const char *format, ...);

/* The accounts of a run that took place must add up, and its responses be those of the accounts. */
void check_trial(const struct trial *trial);

void end_trial(struct trial *trial);

const struct lg_account *measured(const struct trial *trial);

#endif
