/* What `loadgen slo` was asked for. */
#ifndef LG_SLO_OPTIONS_H
#define LG_SLO_OPTIONS_H

#include "options.h"
#include "slo.h"
#include "slo_judge.h"

/* Texts are borrowed from argv. */
struct lg_slo_options {
    struct lg_objective objectives[LG_OBJECTIVES_MAX];
    unsigned objective_count; /* at least 1 */
    struct lg_slo_config search;
    const char *json; /* file, "-" for stdout, or NULL */
    const char *svg;  /* file or NULL */
    bool quiet;       /* no progress and no table */

    int argc; /* the command as it was given, for the record */
    char **argv;

    char **run_argv;           /* owned: what is left of it for each run */
    struct lg_run_options run; /* without its rate */
};

extern const char lg_slo_help[];

/* Reads argv[1..argc): takes what is its own, lg_options_parse() the rest. EVD_ERR_USAGE or
 * EVD_ERR_NO_MEMORY in words, or EVD_OK with *ret_result. Released by lg_slo_options_release() in
 * both cases. */
int lg_slo_options_parse(int argc, char **argv, struct lg_slo_options *ret_options,
                         enum lg_options_result *ret_result, struct evd_error *ret_error);
void lg_slo_options_release(struct lg_slo_options *options);

#endif
