#include "slo_output.h"

#include "format.h"
#include "plot.h"
#include "plot_charts.h"

#include "evd_version.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

const char *lg_slo_name(const struct lg_objective *objective, char ret_name[16])
{
    snprintf(ret_name, 16, "p%.7g", objective->quantile * 100);
    return ret_name;
}

static const char *rate_text(uint64_t rate, char out[LG_FORMAT_MAX])
{
    return lg_format_rate((double)rate / LG_RATE_UNIT, out);
}

/* ---- Table ---- */

static void print_objectives(const struct lg_slo_options *options, FILE *out)
{
    char name[16], limit[LG_FORMAT_MAX];

    for (unsigned i = 0; i < options->objective_count; i++)
        fprintf(out, "%s%s <= %s", i > 0 ? " and " : "", lg_slo_name(&options->objectives[i], name),
                lg_format_ns((double)options->objectives[i].limit_ns, limit));
}

/* The middle one of a rate's valid runs that ended as most did: what stands for the rate. NULL:
 * none was valid. */
static int compare_worst(const void *a, const void *b)
{
    double x = (*(const struct lg_slo_run *const *)a)->worst,
           y = (*(const struct lg_slo_run *const *)b)->worst;

    return (x > y) - (x < y);
}

static const struct lg_slo_run *middle_run(const struct lg_slo_search *search, uint64_t rate)
{
    const struct lg_slo_run *valid[LG_SLO_RUNS_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < search->slo.runs; i++)
        if (search->runs[i].rate == rate && !isnan(search->runs[i].worst))
            valid[count++] = &search->runs[i];
    qsort(valid, count, sizeof(valid[0]), compare_worst);
    return count == 0 ? NULL : valid[(count - 1) / 2];
}

static void print_point(const struct lg_slo_search *search, const struct lg_slo_point *point,
                        FILE *out)
{
    static const char *const words[] = {"open", "met", "missed", "unclear"};
    const struct lg_slo_run *run = middle_run(search, point->rate);
    char text[LG_FORMAT_MAX];
    bool sure;
    enum lg_slo_verdict verdict = lg_slo_verdict(point, &sure);

    fprintf(out, "%12s %6u %7u %8u", rate_text(point->rate, text), point->met, point->missed,
            point->invalid);
    for (unsigned i = 0; i < search->options->objective_count; i++) {
        if (run == NULL || run->account.outcomes[LG_OK] == 0)
            strcpy(text, "-");
        else
            lg_format_ns((double)run->quantiles[i], text);
        /* A byte more where the unit has a letter of two bytes. */
        fprintf(out, " %*s", strchr(text, '\xc2') != NULL ? 11 : 10, text);
    }
    fprintf(out, "  %s%s\n", words[verdict], verdict != LG_SLO_OPEN && !sure ? " (far off)" : "");
}

void lg_slo_answer(const struct lg_slo_search *search, FILE *out)
{
    const struct lg_slo_view *view = &search->view;
    char low[LG_FORMAT_MAX], high[LG_FORMAT_MAX], rate[LG_FORMAT_MAX];

    rate_text(view->low, low);
    rate_text(view->high, high);
    rate_text(view->rate, rate);
    print_objectives(search->options, out);
    if (search->interrupted != 0)
        fputs(": interrupted", out);
    else if (view->state == LG_SLO_FOUND)
        fprintf(out, " holds up to a rate between %s and %s", low, high);
    else if (view->state == LG_SLO_AT_LEAST)
        fprintf(out, " holds at %s at least: it was never missed", low);
    else if (view->state == LG_SLO_UNREACHABLE)
        fprintf(out, " does not hold at %s, the lowest rate",
                rate_text(search->options->search.from, rate));
    else if (view->state == LG_SLO_UNMEASURABLE)
        fprintf(out, ": not decided: %d runs in a row at %s were INVALID", LG_SLO_INVALID_MAX,
                rate);
    else
        fprintf(out, ": not decided in %u runs", search->slo.runs);
    if (view->state != LG_SLO_FOUND && view->state != LG_SLO_AT_LEAST && view->low != 0)
        fprintf(out, "; met at %s", low);
    if (view->state != LG_SLO_FOUND && view->high != 0 && view->state != LG_SLO_UNREACHABLE)
        fprintf(out, "; missed at %s", high);
    fputc('\n', out);
    if (view->unclear)
        fputs("the limit is a zone: at some rates in the interval some runs meet it and some do "
              "not\n",
              out);
    if (view->uneven)
        fputs("a rate above one that missed it met it: the server does not simply get slower\n",
              out);
    for (unsigned i = search->slo.runs; i-- > 0 && view->state == LG_SLO_UNMEASURABLE;)
        if (*search->runs[i].why != '\0') {
            fprintf(out, "the last one: %s\n", search->runs[i].why);
            break;
        }
}

void lg_slo_table(const struct lg_slo_search *search, FILE *out)
{
    char name[16];

    fprintf(out, "%12s %6s %7s %8s", "offered", "met", "missed", "INVALID");
    for (unsigned i = 0; i < search->options->objective_count; i++)
        fprintf(out, " %10s", lg_slo_name(&search->options->objectives[i], name));
    fputc('\n', out);
    for (unsigned i = 0; i < search->slo.count; i++)
        print_point(search, &search->slo.points[i], out);
    fprintf(out,
            "  met, missed, INVALID: runs; the quantiles are those of the middle valid one. A rate "
            "is\n  decided by a lead of %d runs, unclear after %d; one run a factor of %g off "
            "steers only\n\n",
            LG_SLO_LEAD, LG_SLO_RUNS_OF_ONE, LG_SLO_FAR);
    lg_slo_answer(search, out);
}

/* ---- JSON ---- */

static cJSON *number_or_null(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static const char *outcome_of(const struct lg_slo_run *run)
{
    return isnan(run->worst) ? "invalid" : run->worst <= 1 ? "met" : "missed";
}

/* Each cJSON_Add function bears NULL and returns NULL without memory. */
static bool add_run(const struct lg_slo_search *search, const struct lg_slo_run *run, cJSON *array)
{
    cJSON *object = cJSON_CreateObject(), *quantiles, *accounting;
    char seed[24], name[16];
    bool ok;

    snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
    if (!cJSON_AddItemToArray(array, object)) {
        cJSON_Delete(object);
        return false;
    }
    ok = cJSON_AddNumberToObject(object, "rate", (double)run->rate / LG_RATE_UNIT) != NULL;
    ok &= cJSON_AddStringToObject(object, "outcome", outcome_of(run)) != NULL;
    ok &= cJSON_AddItemToObject(object, "worst", number_or_null(run->worst));
    ok &= cJSON_AddStringToObject(object, "invalid", run->why) != NULL;
    ok &= cJSON_AddStringToObject(object, "seed", seed) != NULL;
    ok &= cJSON_AddNumberToObject(object, "duration_ns", (double)run->duration_ns) != NULL;
    ok &= cJSON_AddNumberToObject(object, "throughput", run->throughput) != NULL;
    quantiles = cJSON_AddObjectToObject(object, "response_ns");
    for (unsigned i = 0; i < search->options->objective_count; i++)
        ok &= cJSON_AddNumberToObject(quantiles, lg_slo_name(&search->options->objectives[i], name),
                                      (double)run->quantiles[i]) != NULL;
    accounting = cJSON_AddObjectToObject(object, "accounting");
    ok &= cJSON_AddNumberToObject(accounting, "scheduled", (double)run->account.scheduled) != NULL;
    for (int i = 0; i < LG_OUTCOMES; i++)
        ok &= cJSON_AddNumberToObject(accounting, lg_outcome_key((enum lg_outcome)i),
                                      (double)run->account.outcomes[i]) != NULL;
    return ok;
}

static bool add_head(const struct lg_slo_search *search, cJSON *root)
{
    const struct lg_slo_options *options = search->options;
    cJSON *command, *objectives;
    bool ok = cJSON_AddStringToObject(root, "schema", "evdispatch.slo/1") != NULL;
    char name[16];

    ok &= cJSON_AddStringToObject(root, "version", EVD_VERSION) != NULL;
    ok &= cJSON_AddStringToObject(root, "commit", EVD_COMMIT) != NULL;
    ok &= cJSON_AddStringToObject(root, "started", search->started) != NULL;
    command = cJSON_AddArrayToObject(root, "command");
    ok &= cJSON_AddItemToArray(command, cJSON_CreateString("loadgen"));
    for (int i = 0; i < options->argc; i++)
        ok &= cJSON_AddItemToArray(command, cJSON_CreateString(options->argv[i]));
    objectives = cJSON_AddObjectToObject(root, "objectives_ns");
    for (unsigned i = 0; i < options->objective_count; i++)
        ok &= cJSON_AddNumberToObject(objectives, lg_slo_name(&options->objectives[i], name),
                                      (double)options->objectives[i].limit_ns) != NULL;
    ok &=
        cJSON_AddNumberToObject(root, "from", (double)options->search.from / LG_RATE_UNIT) != NULL;
    ok &= cJSON_AddNumberToObject(root, "to", (double)options->search.to / LG_RATE_UNIT) != NULL;
    ok &= cJSON_AddNumberToObject(root, "precision", options->search.precision) != NULL;
    return ok;
}

static bool add_answer(const struct lg_slo_search *search, cJSON *root)
{
    static const char *const states[] = {"searching",   "found",        "at_least",
                                         "unreachable", "unmeasurable", "out_of_runs"};
    const struct lg_slo_view *view = &search->view;
    bool ok =
        cJSON_AddStringToObject(
            root, "state", search->interrupted != 0 ? "interrupted" : states[view->state]) != NULL;

    ok &= cJSON_AddItemToObject(
        root, "low",
        view->low == 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)view->low / LG_RATE_UNIT));
    ok &= cJSON_AddItemToObject(root, "high",
                                view->high == 0
                                    ? cJSON_CreateNull()
                                    : cJSON_CreateNumber((double)view->high / LG_RATE_UNIT));
    ok &= cJSON_AddBoolToObject(root, "zone", view->unclear) != NULL;
    ok &= cJSON_AddBoolToObject(root, "uneven", view->uneven) != NULL;
    return ok;
}

int lg_slo_json(const struct lg_slo_search *search, FILE *out)
{
    cJSON *root = cJSON_CreateObject(), *runs;
    bool ok = root != NULL && add_head(search, root) && add_answer(search, root);
    char *text;
    int rc = EVD_OK;

    runs = cJSON_AddArrayToObject(root, "runs");
    for (unsigned i = 0; i < search->slo.runs && ok; i++)
        ok = add_run(search, &search->runs[i], runs);
    text = ok ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    if (text == NULL)
        return EVD_ERR_NO_MEMORY;
    if (fprintf(out, "%s\n", text) < 0)
        rc = EVD_ERR_SYSTEM;
    free(text);
    return rc;
}

/* ---- The curve ---- */

struct curve {
    double x[LG_SLO_RUNS_MAX], y[LG_OBJECTIVES_MAX][LG_SLO_RUNS_MAX];
    bool met[LG_SLO_RUNS_MAX];
    struct lg_chart_load loads[LG_OBJECTIVES_MAX];
};

static void fill_curve(const struct lg_slo_search *search, struct curve *curve)
{
    char name[16], limit[LG_FORMAT_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < search->slo.runs; i++) {
        const struct lg_slo_run *run = &search->runs[i];

        if (isnan(run->worst) || run->account.outcomes[LG_OK] == 0)
            continue;
        curve->x[count] = (double)run->rate / LG_RATE_UNIT;
        curve->met[count] = run->worst <= 1;
        for (unsigned k = 0; k < search->options->objective_count; k++)
            curve->y[k][count] = (double)run->quantiles[k] / 1e6;
        count++;
    }
    for (unsigned k = 0; k < search->options->objective_count; k++) {
        const struct lg_objective *objective = &search->options->objectives[k];
        struct lg_chart_load *load = &curve->loads[k];

        *load = (struct lg_chart_load){.count = count,
                                       .x = curve->x,
                                       .y = curve->y[k],
                                       .met = curve->met,
                                       .limit = (double)objective->limit_ns / 1e6};
        snprintf(load->label, sizeof(load->label), "%s, limit %s", lg_slo_name(objective, name),
                 lg_format_ns((double)objective->limit_ns, limit));
    }
}

static int render(const struct lg_slo_search *search, struct curve *curve, char **ret_svg,
                  struct evd_error *ret_error)
{
    char *script = NULL, *about = NULL;
    size_t len = 0, about_len;
    FILE *out = open_memstream(&script, &len), *words = open_memstream(&about, &about_len);
    int rc = EVD_ERR_NO_MEMORY;

    if (out != NULL && words != NULL) {
        fill_curve(search, curve);
        lg_chart_load(out, curve->loads, search->options->objective_count,
                      (double)search->view.low / LG_RATE_UNIT,
                      (double)search->view.high / LG_RATE_UNIT);
        lg_slo_answer(search, words);
        fputs("Each point is a run, filled where it met the objective; the shaded band is where "
              "the limit is.",
              words);
        rc = EVD_OK;
    }
    if (out != NULL && fclose(out) != 0)
        rc = EVD_ERR_NO_MEMORY;
    if (words != NULL && fclose(words) != 0)
        rc = EVD_ERR_NO_MEMORY;
    rc = rc < 0 ? evd_error_set(ret_error, rc, "no memory for a figure")
                : lg_plot_render(script, len, "slo", "Latency over offered load", about, ret_svg,
                                 ret_error);
    free(script);
    free(about);
    return rc;
}

int lg_slo_svg(const struct lg_slo_search *search, const char *path, struct evd_error *ret_error)
{
    struct curve *curve = calloc(1, sizeof(*curve));
    char *svg = NULL;
    FILE *file;
    int rc = curve == NULL ? evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for a figure")
                           : render(search, curve, &svg, ret_error);

    free(curve);
    if (rc < 0)
        return rc;
    file = fopen(path, "we");
    if (file != NULL)
        lg_plot_standalone(file, svg);
    free(svg);
    if (file == NULL || fclose(file) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write %s: %s", path,
                             strerror(errno));
    return EVD_OK;
}

int lg_slo_status(const struct lg_slo_search *search)
{
    if (search->interrupted != 0)
        return 128 + search->interrupted;
    switch (search->view.state) {
    case LG_SLO_FOUND:
    case LG_SLO_AT_LEAST:
        return 0;
    case LG_SLO_UNREACHABLE:
        return 1;
    default:
        return LG_STATUS_INVALID;
    }
}
