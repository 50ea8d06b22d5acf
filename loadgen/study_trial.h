/* One trial: a fresh server, one measurement, the server ended again. */
#ifndef LG_STUDY_TRIAL_H
#define LG_STUDY_TRIAL_H

#include "paths.h"
#include "study.h"

#include <cjson/cJSON.h>

struct lg_trial_setting {
    const struct lg_study_options *options;
    unsigned server_cpu, load_cpu; /* what there is, not what the design asks for */
    int stop_fd;                   /* lg_stop_open() */
};

struct lg_trial_plan {
    unsigned number, block; /* from 1 */
    unsigned attempt;       /* 1, or 2 for the repeat of an INVALID trial */
    size_t scenario, load, arm;
    const struct lg_load *instead; /* of the design's load; NULL: that */
    uint64_t rate;                 /* a second, where the load has a share of the maximum; else 0 */
    uint64_t seed;
};

struct lg_trial_outcome {
    cJSON *line;   /* a line of trials.jsonl; the caller's. NULL when stopped. */
    bool stopped;  /* a signal came; the trial does not count */
    bool invalid;  /* loadgen run called it INVALID, and not for lg_run_overloaded() at a share */
    double rate;   /* calls per second, NaN without a measurement */
    char why[256]; /* what went wrong, "" for nothing */
};

/* A path of the design: as it is when it is absolute, else in the folder of builds. "" for NULL.
 * EVD_ERR_USAGE when it is too long. */
int lg_arm_path(const struct lg_study_options *options, const char *path, char out[LG_PATH_MAX],
                struct evd_error *ret_error);

/* Leaves no process and no file behind, but for DIR/server.log when something went wrong. */
int lg_trial_execute(const struct lg_trial_setting *setting, const struct lg_trial_plan *plan,
                     struct lg_trial_outcome *ret_outcome, struct evd_error *ret_error);

#endif
