#include "report_method.h"

#include "report_format.h"
#include "stats_count.h"
#include "stats_parts.h"
#include "stats_rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const enum lg_metric lg_method_metrics[LG_METHOD_MEASURES] = {
    [LG_METHOD_CPU] = LG_CPU, [LG_METHOD_RATE] = LG_RATE};

/* ---- One comparison. ---- */

/* The trials of comparison `index` as a study of its own; `trials` has room for all. */
static struct lg_data cut(const struct lg_data *data, unsigned index, struct lg_trial *trials)
{
    unsigned blocks = data->design.method.blocks, first = index * blocks;
    struct lg_data part = *data;
    part.trials = trials;
    part.count = 0;
    part.design.blocks = blocks;
    for (size_t i = 0; i < data->count; i++) {
        if (data->trials[i].block <= first || data->trials[i].block > first + blocks)
            continue;
        trials[part.count] = data->trials[i];
        trials[part.count++].block -= first;
    }
    return part;
}

static int compare(const struct lg_data *data, unsigned index, struct lg_trial *trials,
                   struct lg_method *method)
{
    struct lg_data part = cut(data, index, trials);
    struct lg_summary summary;
    int rc = lg_summary_make(&part, &summary);
    if (rc != EVD_OK)
        return rc;
    const struct lg_cell *cell = lg_summary_cell(&summary, 0, 0, method->other);
    const struct lg_cell *reference = lg_summary_cell(&summary, 0, 0, part.design.reference);
    method->done += cell->done == part.design.blocks && reference->done == part.design.blocks;
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
        enum lg_metric metric = lg_method_metrics[i];
        method->counts[i].comparisons[index] = (struct lg_comparison){
            .ratio = cell->ratios[metric],
            .p = cell->p[metric],
            .verdict = cell->verdicts[metric],
            .compared = cell->ratios[metric].bounded && isfinite(cell->p[metric])};
    }
    lg_summary_release(&summary);
    return EVD_OK;
}

/* ---- All of them. ---- */

double lg_method_expected(const struct lg_method_count *count, double p)
{
    double sum = 0;
    unsigned of = 0;
    size_t pairs = 0;
    double last = 0;
    for (size_t i = 0; of < count->compared; i++) {
        const struct lg_comparison *one = &count->comparisons[i];
        if (!one->compared)
            continue;
        if (one->ratio.n != pairs) /* most have all their blocks */
            last = lg_signed_rank_attained(one->ratio.n, p);
        pairs = one->ratio.n;
        sum += last;
        of++;
    }
    return of > 0 ? sum / of : NAN;
}

/* Those of equal arms take few values, and so the largest difference is where one of ours is, or
 * just below. */
static double distance(const struct lg_method_count *count, const double *p)
{
    double farthest = 0;
    for (size_t i = 0; i < count->compared; i++) {
        size_t end = i;
        while (end < count->compared && p[end] <= p[i])
            end++;
        double at = (double)end / count->compared - lg_method_expected(count, p[i]);
        double below = (double)i / count->compared - lg_method_expected(count, nextafter(p[i], 0));
        farthest = fmax(farthest, fmax(fabs(at), fabs(below)));
        i = end - 1;
    }
    return farthest;
}

static double middle(double *x, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(x, n, sizeof *x, lg_by_value);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

static int tally(const struct lg_method *method, struct lg_method_count *count)
{
    double *p = calloc(method->planned, sizeof *p), *reach = calloc(method->planned, sizeof *reach);
    size_t reaches = 0;
    for (size_t i = 0; i < method->planned && p != NULL && reach != NULL; i++) {
        const struct lg_comparison *one = &count->comparisons[i];
        if (!one->compared)
            continue;
        p[count->compared++] = one->p;
        count->better += one->verdict == LG_BETTER;
        count->worse += one->verdict == LG_WORSE;
        count->equivalent += one->verdict == LG_EQUIVALENT;
        if (isfinite(lg_detectable(&one->ratio)))
            reach[reaches++] = lg_detectable(&one->ratio);
    }
    int rc = p != NULL && reach != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
    if (rc == EVD_OK) {
        unsigned flagged = count->better + count->worse;
        qsort(p, count->compared, sizeof *p, lg_by_value);
        count->expected = count->compared * lg_method_expected(count, LG_METHOD_CHANCE);
        count->limit = lg_binomial_limit(count->compared, LG_METHOD_CHANCE, LG_METHOD_TAIL);
        count->least_p = lg_binomial_least(flagged, count->compared, LG_METHOD_CHANCE);
        count->distance = count->compared > 0 ? distance(count, p) : NAN;
        count->distance_p = lg_kolmogorov_p(count->distance, count->compared);
        count->reach = middle(reach, reaches);
    }
    free(p);
    free(reach);
    return rc;
}

/* An effect is missed by the machine's noise, not by the method, where the comparisons themselves
 * say that they reach no further. */
static enum lg_method_outcome judge(const struct lg_method *method,
                                    const struct lg_method_design *design)
{
    const struct lg_method_count *counts = method->counts;
    bool kept = true;
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++) {
        if (counts[i].compared == 0 || counts[i].compared < LG_METHOD_LEAST * method->planned)
            return LG_METHOD_UNKNOWN;
        kept = kept && counts[i].better + counts[i].worse <= counts[i].limit;
    }
    if (!(design->steps > 0))
        return kept ? LG_METHOD_KEPT : LG_METHOD_BROKEN;
    if (!(design->share > 0))
        return LG_METHOD_UNKNOWN;
    const struct lg_method_count *cpu = &counts[LG_METHOD_CPU];
    if (lg_method_found(cpu) >= LG_METHOD_POWER * cpu->compared)
        return LG_METHOD_KEPT;
    return cpu->reach > design->share ? LG_METHOD_UNKNOWN : LG_METHOD_BROKEN;
}

int lg_method_make(const struct lg_data *data, struct lg_method *ret_method)
{
    const struct lg_design *design = &data->design;
    *ret_method = (struct lg_method){.planned = design->blocks / design->method.blocks,
                                     .other = 1 - design->reference};
    struct lg_trial *trials = calloc(data->count + 1, sizeof *trials);
    int rc = trials != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
    for (size_t i = 0; i < LG_METHOD_MEASURES && rc == EVD_OK; i++) {
        struct lg_method_count *count = &ret_method->counts[i];
        count->comparisons = calloc(ret_method->planned, sizeof *count->comparisons);
        rc = count->comparisons != NULL ? EVD_OK : EVD_ERR_NO_MEMORY;
    }
    for (unsigned i = 0; i < ret_method->planned && rc == EVD_OK; i++)
        rc = compare(data, i, trials, ret_method);
    for (size_t i = 0; i < LG_METHOD_MEASURES && rc == EVD_OK; i++)
        rc = tally(ret_method, &ret_method->counts[i]);
    free(trials);
    if (rc == EVD_OK)
        ret_method->outcome = judge(ret_method, &design->method);
    else
        lg_method_release(ret_method);
    return rc;
}

void lg_method_release(struct lg_method *method)
{
    for (size_t i = 0; i < LG_METHOD_MEASURES; i++)
        free(method->counts[i].comparisons);
    *method = (struct lg_method){0};
}

int lg_method_calibrate(const struct lg_summary *summary, double share,
                        struct lg_calibration *ret_calibration, struct evd_error *ret_error)
{
    const struct lg_design *design = &summary->data->design;
    const struct lg_cell *other = lg_summary_cell(summary, 0, 0, 1 - design->reference);
    double call = lg_summary_cell(summary, 0, 0, design->reference)->values[LG_CPU].estimate;
    double step = other->extra_cpu.estimate / design->method.steps;
    if (!(design->method.steps > 0) || design->method.share > 0)
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "study '%s' is none whose steps are to be timed: its design has a "
                             "'method' with 'steps' and without 'share'",
                             design->name);
    if (!other->extra_cpu.bounded || !(other->extra_cpu.low > 0) || !(call > 0))
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "the steps of study '%s' are not seen in its server's CPU time: too "
                             "few trials are VALID, or the machine is too noisy",
                             design->name);
    *ret_calibration = (struct lg_calibration){.steps = fmax(1, round(share * call / step)),
                                               .call_ns = call,
                                               .step_ns = step,
                                               .extra = other->extra_cpu};
    return EVD_OK;
}
