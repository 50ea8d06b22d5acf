#include "study_maximum.h"

#include "study_json.h"
#include "study_order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct found {
    struct lg_maximum_trial list[LG_MAXIMUM_TRIALS_MAX];
    size_t count;
};

static int write_line(FILE *out, const cJSON *line, struct evd_error *error)
{
    char *text = cJSON_PrintUnformatted(line);
    if (!text)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for a line of maximum.jsonl");
    bool failed = fprintf(out, "%s\n", text) < 0 || fflush(out) != 0;
    cJSON_free(text);
    return failed ? evd_error_set(error, EVD_ERR_SYSTEM, "cannot write maximum.jsonl: %s",
                                  strerror(errno))
                  : EVD_OK;
}

static int measure_once(const struct lg_trial_setting *setting, struct lg_trial_plan *plan,
                        FILE *out, struct found *found, bool *ret_stopped, struct evd_error *error)
{
    const struct lg_study_options *options = setting->options;
    const struct lg_design *design = options->design;
    struct lg_trial_outcome outcome = {0};
    int rc = lg_trial_execute(setting, plan, &outcome, error);
    if (rc == EVD_OK && outcome.line)
        rc = write_line(out, outcome.line, error);
    cJSON_Delete(outcome.line);
    *ret_stopped = outcome.stopped;
    if (rc != EVD_OK || outcome.stopped)
        return rc;
    if (outcome.why[0] || !(outcome.rate > 0))
        return evd_error_set(error, EVD_ERR_SYSTEM, "the maximum of '%s' on '%s': %s",
                             design->arms[plan->arm].name, design->scenarios[plan->scenario],
                             outcome.why[0] ? outcome.why : "no call was answered");
    if (!options->quiet)
        fprintf(stderr, "maximum %u of %u: %s, %s: %.0f/s%s\n", plan->block, design->maximum_trials,
                design->arms[plan->arm].name, design->scenarios[plan->scenario], outcome.rate,
                outcome.invalid ? ", INVALID" : "");
    found->list[found->count++] = (struct lg_maximum_trial){
        .scenario = plan->scenario, .rate = outcome.rate, .invalid = outcome.invalid};
    return EVD_OK;
}

static int measure_all(const struct lg_trial_setting *setting, FILE *out, struct lg_rates *rates,
                       bool *ret_stopped, struct evd_error *error)
{
    const struct lg_design *design = setting->options->design;
    unsigned number = 0;
    int rc = EVD_OK;
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        struct found found = {.count = 0};
        for (unsigned i = 0; i < design->maximum_trials && rc == EVD_OK && !*ret_stopped; i++) {
            /* Seeds behind those of the last block there can be. */
            struct lg_trial_plan plan = {
                .number = ++number,
                .block = i + 1,
                .attempt = 1,
                .scenario = scenario,
                .arm = design->reference,
                .instead = &design->maximum,
                .seed = lg_order_load_seed(setting->options->seed, LG_BLOCKS_MAX + i)};
            rc = measure_once(setting, &plan, out, &found, ret_stopped, error);
        }
        if (rc != EVD_OK || *ret_stopped)
            return rc;
        rates->maximum[scenario] = lg_rates_maximum(found.list, found.count);
        lg_rates_fill(design, scenario, rates);
    }
    return EVD_OK;
}

int lg_maximum_measure(const struct lg_trial_setting *setting, struct lg_rates *ret_rates,
                       bool *ret_stopped, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    *ret_rates = (struct lg_rates){{0}, {{0}}};
    *ret_stopped = false;
    if (snprintf(path, sizeof(path), "%s/maximum.jsonl", setting->options->out) >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long",
                             setting->options->out);
    FILE *out = fopen(path, "we");
    if (!out)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write '%s': %s", path,
                             strerror(errno));
    int rc = measure_all(setting, out, ret_rates, ret_stopped, ret_error);
    if (fclose(out) != 0 && rc == EVD_OK)
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write '%s': %s", path,
                           strerror(errno));
    return rc;
}
