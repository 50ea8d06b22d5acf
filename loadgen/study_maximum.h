/* What the reference arm answers at most, for each scenario: measured before the study's trials. */
#ifndef LG_STUDY_MAXIMUM_H
#define LG_STUDY_MAXIMUM_H

#include "study_rates.h"
#include "study_trial.h"

/* Measures design->maximum_trials closed-loop trials of each scenario, and writes them to
 * OUT/maximum.jsonl, a line a trial as trials.jsonl has, with the load "maximum". The maximum is
 * the median of those that are valid, of all where none is. *ret_stopped: a signal came. A trial
 * that went wrong is an error: without a maximum there is no study. */
int lg_maximum_measure(const struct lg_trial_setting *setting, struct lg_rates *ret_rates,
                       bool *ret_stopped, struct evd_error *ret_error);

#endif
