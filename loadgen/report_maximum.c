/* The trials before a study whose rates are shares of the maximum: whether the rates follow. */
#include "report_data_parts.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A member that only one text is right for. */
static int expect_text(const struct lg_place *place, const cJSON *object, const char *key,
                       const char *want)
{
    const char *text = lg_json_string(object, key, NULL);
    if (!text)
        return lg_place_complain(place, "'%s' is missing", key);
    if (strcmp(text, want) != 0)
        return lg_place_complain(place, "'%s' is '%.48s', not '%.48s'", key, text, want);
    return EVD_OK;
}

static int expect_number(const struct lg_place *place, const cJSON *object, const char *key,
                         size_t want)
{
    double number = lg_json_number(object, key);
    if (!(fabs(number - (double)want) < 0.5))
        return lg_place_complain(place, "'%s' must be %zu here", key, want);
    return EVD_OK;
}

/* Trials stand scenario by scenario, in the order that they ran in. */
static int check_place(const struct lg_place *place, const struct lg_design *design,
                       const cJSON *line, size_t scenario)
{
    size_t block = (place->line - 1) % design->maximum_trials + 1;
    int rc = expect_number(place, line, "trial", place->line);
    if (rc == EVD_OK)
        rc = expect_number(place, line, "block", block);
    if (rc == EVD_OK)
        rc = expect_text(place, line, "arm", design->arms[design->reference].name);
    if (rc == EVD_OK)
        rc = expect_text(place, line, "scenario", design->scenarios[scenario]);
    return rc == EVD_OK ? expect_text(place, line, "load", "maximum") : rc;
}

static int take_line(const struct lg_place *place, struct lg_data *data, const cJSON *line)
{
    const struct lg_design *design = &data->design;
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(line, "run");
    struct lg_trial trial = {.number = 1};
    struct lg_maximum_trial *maximum = &data->maximum[data->maximum_count];
    maximum->scenario = data->maximum_count / design->maximum_trials;
    int rc = check_place(place, design, line, maximum->scenario);
    if (rc == EVD_OK && lg_json_string(line, "problem", NULL))
        rc = lg_place_complain(place, "the trial went wrong: %.100s",
                               lg_json_string(line, "problem", NULL));
    if (rc == EVD_OK && !cJSON_IsObject(run))
        rc = lg_place_complain(place, "there is no measurement");
    if (rc == EVD_OK)
        rc = lg_data_take_figures(place, data, run, &trial);
    if (rc == EVD_OK)
        rc = expect_text(place, cJSON_GetObjectItemCaseSensitive(run, "config"), "mode", "closed");
    if (rc == EVD_OK && !(trial.metrics[LG_RATE] > 0))
        rc = lg_place_complain(place, "no call was answered: 'run.throughput' must be above 0");
    if (rc == EVD_OK && !trial.exact)
        rc = lg_place_complain(place, "the accounting is not exact");
    maximum->rate = trial.metrics[LG_RATE];
    maximum->invalid = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(run, "valid"));
    data->maximum_count += rc == EVD_OK;
    free(trial.buckets);
    return rc;
}

static int check_rates(const char *path, const struct lg_data *data, struct evd_error *error)
{
    for (size_t scenario = 0; scenario < data->design.scenario_count; scenario++) {
        size_t count = data->design.maximum_trials;
        double is = lg_rates_maximum(data->maximum + scenario * count, count),
               said = data->rates.maximum[scenario];
        if (!(fabs(is - said) <= 1e-9 * said))
            return evd_error_set(error, EVD_ERR_BAD_DATA,
                                 "%s: the maximum of '%s' is %.10g by its trials; by study.json it "
                                 "is %.10g",
                                 path, data->design.scenarios[scenario], is, said);
    }
    return EVD_OK;
}

int lg_maximum_take(const char *path, struct lg_data *data, const char *text, size_t len,
                    struct evd_error *ret_error)
{
    struct lg_place place = {.path = path, .line = 1, .error = ret_error};
    size_t planned = data->design.scenario_count * data->design.maximum_trials;
    int rc = EVD_OK;
    data->maximum = calloc(planned, sizeof(*data->maximum));
    if (!data->maximum)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for %zu trials", planned);
    for (; len > 0 && rc == EVD_OK; place.line++) {
        const char *end = memchr(text, '\n', len);
        size_t used = end ? (size_t)(end - text) : len;
        cJSON *line;
        if (!end)
            return lg_place_complain(&place, "the line is cut off: it has no end");
        if (data->maximum_count == planned)
            return lg_place_complain(&place, "more trials than the design of study.json has (%zu)",
                                     planned);
        rc = lg_json_parse(text, used, path, place.line, &line, ret_error);
        if (rc != EVD_OK)
            return rc;
        rc = take_line(&place, data, line);
        cJSON_Delete(line);
        text = end + 1;
        len -= used + 1;
    }
    if (rc == EVD_OK && data->maximum_count < planned)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "%s: %zu trials; the design of study.json has %zu", path,
                             data->maximum_count, planned);
    return rc == EVD_OK ? check_rates(path, data, ret_error) : rc;
}
