#include "report_summary.h"

#include "report_pairs.h"
#include "stats_rank.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>

static bool higher_is_better(enum lg_metric metric)
{
    return metric == LG_RATE;
}

/* What now and then is many times the usual is told by its median. */
static bool by_median(enum lg_metric metric)
{
    return metric == LG_P50 || metric == LG_P99 || metric == LG_P99_9 || metric == LG_STARTUP;
}

static size_t cell_of(const struct lg_design *design, const struct lg_trial *trial)
{
    return lg_design_cell(design, trial->scenario, trial->load, trial->arm);
}

static void count_trial(struct lg_summary *summary, const struct lg_trial *trial)
{
    struct lg_cell *cell = &summary->cells[cell_of(&summary->data->design, trial)];
    summary->repeated += trial->superseded && trial->invalid;
    summary->overloaded += trial->overloaded && !trial->superseded;
    summary->problems += trial->problem != NULL;
    summary->invalid += trial->invalid;
    if (!trial->superseded) {
        cell->done++;
        cell->problems += trial->problem != NULL;
        cell->invalid += !trial->problem && trial->invalid;
        cell->stolen += !trial->problem && trial->stolen;
        cell->overloaded += !trial->problem && trial->overloaded;
    }
    summary->exact = summary->exact && trial->exact;
    summary->checked += trial->ok + trial->bad;
    summary->bad += trial->bad;
    summary->lost += trial->lost;
    if (isfinite(trial->steal) && !(trial->steal <= summary->steal_max))
        summary->steal_max = trial->steal;
}

bool lg_summary_counts(const struct lg_summary *summary, const struct lg_trial *trial)
{
    const struct lg_cell *cell = &summary->cells[cell_of(&summary->data->design, trial)];
    if (trial->superseded || trial->problem)
        return false;
    return !cell->trusted || !trial->invalid || (cell->stolen > 0 && trial->stolen);
}

/* A metric of all cells by block: column[cell * blocks + block]. NaN where no trial counts. */
static void fill_column(const struct lg_summary *summary, enum lg_metric metric, double *column)
{
    const struct lg_data *data = summary->data;
    size_t blocks = data->design.blocks;
    for (size_t i = 0; i < lg_design_cells(&data->design) * blocks; i++)
        column[i] = NAN;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        size_t cell = cell_of(&data->design, trial);
        if (lg_summary_counts(summary, trial))
            column[cell * blocks + trial->block - 1] = trial->metrics[metric];
    }
}

/* One arm against the reference of its scenario and load. */
static void compare(struct lg_summary *summary, enum lg_metric metric, const double *column,
                    size_t index, size_t reference)
{
    size_t blocks = summary->data->design.blocks;
    struct lg_cell *cell = &summary->cells[index];
    const double *x = column + index * blocks, *ref = column + reference * blocks;
    double differences[LG_RANK_MAX];
    cell->values[metric] = metric == LG_STARTUP ? lg_median_interval(x, blocks)
                           : by_median(metric)  ? lg_middle_interval(x, blocks)
                                                : lg_geometric_interval(x, blocks);
    cell->ratios[metric] = lg_shift_ratio_interval(x, ref, blocks);
    cell->p[metric] = index == reference ? NAN : lg_pairs_p(x, ref, blocks);
    cell->shapes[metric].trend = lg_trend_of(x, blocks);
    cell->shapes[metric].outliers =
        lg_outliers(x, ref, blocks, &cell->shapes[metric].farthest, &cell->shapes[metric].block);
    if (metric == LG_RATE && index != reference)
        cell->total_rate = lg_pairs_totals(x, ref, blocks, index);
    for (size_t i = 0; i < blocks && i < LG_RANK_MAX; i++)
        differences[i] = x[i] - ref[i];
    if (metric == LG_CPU)
        cell->extra_cpu = lg_shift_interval(differences, blocks);
    if (!cell->trusted)
        cell->values[metric].bounded = false;
    if (!cell->trusted || !summary->cells[reference].trusted) {
        cell->ratios[metric].bounded = cell->extra_cpu.bounded = cell->total_rate.bounded = false;
        cell->p[metric] = NAN;
    }
}

/* The arms under one scenario and load, from `first` on: their p are one family. */
static void judge(struct lg_summary *summary, enum lg_metric metric, size_t first)
{
    size_t arms = summary->data->design.arm_count;
    double p[LG_ARMS_MAX];
    for (size_t arm = 0; arm < arms; arm++)
        p[arm] = summary->cells[first + arm].p[metric];
    lg_holm(p, arms);
    for (size_t arm = 0; arm < arms; arm++) {
        struct lg_cell *cell = &summary->cells[first + arm];
        cell->p[metric] = p[arm];
        cell->verdicts[metric] =
            lg_judge_pair(&cell->ratios[metric], p[arm], higher_is_better(metric));
    }
}

static void estimate(struct lg_summary *summary, enum lg_metric metric, const double *column)
{
    const struct lg_design *design = &summary->data->design;
    size_t cells = lg_design_cells(design);
    for (size_t i = 0; i < cells; i++)
        compare(summary, metric, column, i, i - i % design->arm_count + design->reference);
    for (size_t first = 0; first < cells; first += design->arm_count)
        judge(summary, metric, first);
}

/* Before: cell->stolen is all there are. */
static void decide_trust(struct lg_cell *cell)
{
    unsigned good = cell->done - cell->problems - cell->invalid;
    if (good >= 2 && 4 * good >= 3 * cell->done)
        cell->stolen = 0;
    good += cell->stolen;
    cell->trusted = good >= 2 && 2 * good >= cell->done;
    cell->samples = NAN;
}

/* The percentiles of all calls of an open load, against the reference's. */
static int merge(struct lg_summary *summary, size_t index)
{
    const struct lg_design *design = &summary->data->design;
    size_t reference = index - index % design->arm_count + design->reference;
    struct lg_cell *cell = &summary->cells[index];
    if (index == reference ||
        summary->data->loads[index / design->arm_count % design->load_count].closed)
        return EVD_OK;
    int rc = lg_pairs_quantiles(summary, index, reference, cell->merged);
    for (size_t i = 0; i < LG_PAIRS_QUANTILES; i++)
        cell->merged[i].bounded &= cell->trusted && summary->cells[reference].trusted;
    return rc;
}

/* `counts` has room for a number of each cell. */
static void take_generator(struct lg_summary *summary, double *counts)
{
    const struct lg_data *data = summary->data;
    size_t cells = lg_design_cells(&data->design);
    for (size_t i = 0; i < cells; i++)
        counts[i] = summary->cells[i].generator_share = 0;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        size_t cell = cell_of(&data->design, trial);
        if (!lg_summary_counts(summary, trial) || !isfinite(trial->detail.cpu_share))
            continue;
        summary->cells[cell].generator_share += trial->detail.cpu_share;
        counts[cell]++;
    }
    for (size_t i = 0; i < cells; i++) {
        struct lg_cell *cell = &summary->cells[i];
        cell->generator_share = counts[i] > 0 ? cell->generator_share / counts[i] : NAN;
        cell->generator_full = cell->generator_share > LG_CLIENT_SHARE_MAX;
    }
}

static enum lg_metric answer_of(const struct lg_summary *summary, size_t load)
{
    const struct lg_design *design = &summary->data->design;
    bool full = false, known = true;
    if (!summary->data->loads[load].closed)
        return LG_P50;
    for (size_t i = 0; i < design->scenario_count * design->arm_count; i++) {
        const struct lg_cell *cell =
            lg_summary_cell(summary, i / design->arm_count, load, i % design->arm_count);
        full |= cell->generator_full;
        known &= cell->done == 0 || isfinite(cell->values[LG_CPU].estimate);
    }
    return full && known ? LG_CPU : LG_RATE;
}

int lg_summary_make(const struct lg_data *data, struct lg_summary *ret_summary)
{
    size_t cells = lg_design_cells(&data->design);
    *ret_summary = (struct lg_summary){.data = data,
                                       .cells = calloc(cells, sizeof(struct lg_cell)),
                                       .trials = data->count,
                                       .planned = cells * data->design.blocks,
                                       .exact = true,
                                       .steal_max = NAN};
    double *column = calloc(cells * data->design.blocks, sizeof(*column));
    if (!ret_summary->cells || !column) {
        free(column);
        lg_summary_release(ret_summary);
        return EVD_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < data->count; i++)
        count_trial(ret_summary, &data->trials[i]);
    for (size_t i = 0; i < cells; i++)
        decide_trust(&ret_summary->cells[i]);
    for (size_t i = 0; i < data->count; i++) {
        struct lg_cell *cell = &ret_summary->cells[cell_of(&data->design, &data->trials[i])];
        if (lg_summary_counts(ret_summary, &data->trials[i]) &&
            !(data->trials[i].samples >= cell->samples))
            cell->samples = data->trials[i].samples;
    }
    int rc = EVD_OK;
    for (size_t i = 0; i < cells && rc == EVD_OK; i++)
        rc = merge(ret_summary, i);
    for (int metric = 0; metric < LG_METRIC_COUNT; metric++) {
        fill_column(ret_summary, (enum lg_metric)metric, column);
        estimate(ret_summary, (enum lg_metric)metric, column);
    }
    take_generator(ret_summary, column);
    for (size_t load = 0; load < data->design.load_count; load++)
        ret_summary->answers[load] = answer_of(ret_summary, load);
    free(column);
    if (rc != EVD_OK)
        lg_summary_release(ret_summary);
    return rc;
}

void lg_summary_release(struct lg_summary *summary)
{
    free(summary->cells);
    *summary = (struct lg_summary){0};
}

bool lg_summary_comparable(const struct lg_summary *summary, size_t scenario, size_t load,
                           size_t arm, enum lg_metric metric)
{
    return lg_summary_cell(summary, scenario, load, arm)->ratios[metric].bounded;
}

size_t lg_main_load(const struct lg_summary *summary)
{
    const struct lg_data *data = summary->data;
    for (size_t load = 0; load < data->design.load_count; load++)
        if (data->loads[load].known && data->loads[load].closed)
            return load;
    for (size_t load = 0; load < data->design.load_count; load++)
        if (data->loads[load].known)
            return load;
    return 0;
}

void lg_summary_column(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                       enum lg_metric metric, double *ret_column)
{
    const struct lg_data *data = summary->data;
    size_t cell = lg_design_cell(&data->design, scenario, load, arm);
    for (size_t i = 0; i < data->design.blocks; i++)
        ret_column[i] = NAN;
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (cell_of(&data->design, trial) == cell && lg_summary_counts(summary, trial))
            ret_column[trial->block - 1] = trial->metrics[metric];
    }
}

struct lg_interval lg_summary_ratio(const struct lg_summary *summary, size_t scenario, size_t load,
                                    size_t arm, size_t other, enum lg_metric metric)
{
    size_t blocks = summary->data->design.blocks;
    struct lg_interval ratio = {.estimate = NAN};
    double *x = calloc(blocks * 2, sizeof(*x));
    if (!x)
        return ratio;
    lg_summary_column(summary, scenario, load, arm, metric, x);
    lg_summary_column(summary, scenario, load, other, metric, x + blocks);
    ratio = lg_shift_ratio_interval(x, x + blocks, blocks);
    free(x);
    if (!lg_summary_cell(summary, scenario, load, arm)->trusted ||
        !lg_summary_cell(summary, scenario, load, other)->trusted)
        ratio.bounded = false;
    return ratio;
}

int lg_summary_histogram(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                         struct lg_histogram *ret_histogram, struct evd_error *ret_error)
{
    const struct lg_data *data = summary->data;
    size_t cell = lg_design_cell(&data->design, scenario, load, arm);
    lg_histogram_init(ret_histogram);
    for (size_t i = 0; i < data->count; i++) {
        const struct lg_trial *trial = &data->trials[i];
        if (cell_of(&data->design, trial) != cell || !lg_summary_counts(summary, trial))
            continue;
        for (size_t j = 0; j < trial->bucket_count; j++) {
            const struct lg_bucket *bucket = &trial->buckets[j];
            size_t index = lg_histogram_index(bucket->value);
            if (lg_histogram_lowest(index) != bucket->value)
                return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                                     "trial %u: %llu ns is not where a bucket of the histogram "
                                     "starts",
                                     trial->number, (unsigned long long)bucket->value);
            ret_histogram->counts[index] += bucket->count;
            ret_histogram->count += bucket->count;
        }
        if (trial->max > (double)ret_histogram->max)
            ret_histogram->max = (uint64_t)trial->max;
    }
    return EVD_OK;
}
