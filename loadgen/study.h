/* The running of a study: see study.c for its command line. */
#ifndef LG_STUDY_H
#define LG_STUDY_H

#include "study_design.h"

#include <stdbool.h>
#include <stdint.h>

struct lg_study_options {
    const struct lg_design *design;
    const char *out;      /* the study's folder; made if it is missing */
    const char *server;   /* path of evd-server */
    const char *builds;   /* folder at which relative paths of the design's arms start */
    const char *loadgen;  /* path of the program whose `run` measures */
    const char *payloads; /* for `loadgen run --payloads`, or NULL */
    const char *command;  /* the command line, for the report */
    uint64_t seed;
    bool hlog;  /* an interval log of each trial in DIR/hlog */
    bool quiet; /* no progress on stderr */
};

struct lg_study_result {
    unsigned trials, bad, invalid; /* done; of them with a problem; of them called INVALID by run */
    unsigned measured;             /* of the trials: not there before */
    int signal;                    /* the signal that stopped the study, or 0 */
};

/* Runs all trials; in a folder that holds some of the same study, those that are missing. EVD_OK
 * also when trials went wrong or a signal came: see *ret_result. An error is one of the study
 * itself: a folder that holds trials of another one, a full disk. */
int lg_study_execute(const struct lg_study_options *options, struct lg_study_result *ret_result,
                     struct evd_error *ret_error);

#endif
