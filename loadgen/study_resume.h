/* Going on with a study that was stopped: its folder holds the first trials of the same order. */
#ifndef LG_STUDY_RESUME_H
#define LG_STUDY_RESUME_H

#include "report_data.h"
#include "study_trial.h"

#include <stdio.h>

struct lg_resume {
    struct lg_data data; /* the trials that were there; none for a new study */
    size_t cut_bytes;    /* of a last line without an end, which was taken out */
};

/* Opens `out`/trials.jsonl to append to, and makes folder and file where they are missing. Nobody
 * else writes there from then on, until the file is closed (a POSIX record lock; closing *another*
 * descriptor of the file would end it, too). EVD_ERR_USAGE when another study is at work there. */
int lg_resume_open(const char *out, FILE **ret_trials, struct evd_error *ret_error);

/* Reads what is there. With trials: refuses them when study.json is not of the same study as
 * `about` (lg_identity_compare()), or when the data are damaged (file and line are named); a last
 * line without an end is cut off. *ret_about is study.json then, the caller's; NULL without trials.
 */
int lg_resume_read(const char *out, FILE *trials, const cJSON *about, struct lg_resume *ret_resume,
                   cJSON **ret_about, struct evd_error *ret_error);

/* Whether the trial plan->number is the one of that number which is there: else EVD_ERR_BAD_DATA.
 */
int lg_resume_check(const struct lg_resume *resume, const char *out,
                    const struct lg_trial_plan *plan, struct evd_error *ret_error);

/* Whether a trial had the payloads of those that are there. `line`: of trials.jsonl. */
int lg_resume_check_payloads(const struct lg_resume *resume, const struct lg_trial_plan *plan,
                             const cJSON *line, struct evd_error *ret_error);

/* Adds to study.json that it went on: "resumed": [{"at","after_trials","cut_bytes"}]. */
void lg_resume_note(const struct lg_resume *resume, const char *at, cJSON *about);

void lg_resume_release(struct lg_resume *resume);

#endif
