/* What the raw data say: one estimate, with its interval, for every figure in the report. */
#ifndef LG_REPORT_SUMMARY_H
#define LG_REPORT_SUMMARY_H

#include "report_data.h"
#include "stats.h"
#include "stats_trend.h"

enum { LG_PAIRS_QUANTILES = 3 }; /* p50, p99, p99.9 */

/* What no estimate says about a cell: shown, and nothing is left out for it. */
struct lg_shape {
    struct lg_trend trend; /* of the values over the blocks */
    unsigned outliers;     /* blocks whose ratio is one by lg_outliers() */
    double farthest;       /* of these from the median ratio, as a ratio to it; NaN: none */
    unsigned block;        /* where that was, from 1 */
};

/* One arm under a scenario and a load. Ratios and differences are to the reference arm of the same
 * scenario and load, paired by block. */
struct lg_cell {
    unsigned done;       /* trials that there are, repeats in place of what they repeat */
    unsigned problems;   /* of them left out: no measurement, bad replies, ... */
    unsigned invalid;    /* of them called INVALID */
    unsigned overloaded; /* of them offered more than they could: results like any other */
    /* What the estimates rest on. If three quarters of the trials are neither left out nor INVALID,
     * on these alone. Else on these and on those that are INVALID for stolen time only: it falls on
     * all arms alike, and what it adds is noise that the intervals show. Not trusted is a cell
     * where that is less than two trials, or less than half: its estimates rest on INVALID trials
     * too, have no interval and get no verdict. */
    bool trusted;
    unsigned stolen; /* of the trials that the estimates rest on, those INVALID for stolen time */
    struct lg_interval values[LG_METRIC_COUNT]; /* means; medians for latencies and start-up */
    /* lg_shift_ratio_interval() over the blocks; of latencies: of the trials' quantiles. */
    struct lg_interval ratios[LG_METRIC_COUNT];
    /* Of the signed-rank test on the same ratios of single blocks, by Holm over the arms that have
     * one under this scenario and load. NaN: none. */
    double p[LG_METRIC_COUNT];
    enum lg_verdict verdicts[LG_METRIC_COUNT];     /* lg_judge_pair() of these two */
    struct lg_interval total_rate;                 /* LG_RATE: lg_pairs_totals() */
    struct lg_interval merged[LG_PAIRS_QUANTILES]; /* of an open load: lg_pairs_quantiles() */
    struct lg_interval extra_cpu;                  /* ns per call: lg_shift_interval() */
    struct lg_shape shapes[LG_METRIC_COUNT];
    double samples; /* latencies of a trial, the fewest */
    /* Of a core, by the generator's busiest thread, in the mean over the trials that count; NaN:
     * not known. Above LG_CLIENT_SHARE_MAX it was full, and the throughput of a closed load is that
     * of the pair. */
    double generator_share;
    bool generator_full;
};

struct lg_summary {
    const struct lg_data *data;
    struct lg_cell *cells; /* lg_design_cells(); owned */
    size_t trials, planned, problems, invalid;
    size_t overloaded; /* by a load with a share: a result */
    size_t repeated;   /* INVALID trials that a repeat stands for: among trials and invalid */
    double checked, bad, lost; /* calls of all trials */
    bool exact;                /* accounting, in every trial with a measurement */
    double steal_max;          /* of a trial; NaN: unknown */
    /* What an answer on a load rests on: LG_P50 of an open one, the throughput of a closed one; or,
     * where the generator was full somewhere and every arm's CPU is known, the server's CPU per
     * call. */
    enum lg_metric answers[LG_LOADS_MAX];
};

/* The data must outlive the summary. EVD_ERR_NO_MEMORY. */
int lg_summary_make(const struct lg_data *data, struct lg_summary *ret_summary);

void lg_summary_release(struct lg_summary *summary);

static inline const struct lg_cell *lg_summary_cell(const struct lg_summary *summary,
                                                    size_t scenario, size_t load, size_t arm)
{
    return &summary->cells[lg_design_cell(&summary->data->design, scenario, load, arm)];
}

/* Whether estimates rest on this trial. */
bool lg_summary_counts(const struct lg_summary *summary, const struct lg_trial *trial);

/* Whether a metric can be compared: both cells are trusted, and the ratio has an interval. */
bool lg_summary_comparable(const struct lg_summary *summary, size_t scenario, size_t load,
                           size_t arm, enum lg_metric metric);

/* The load that an answer rests on: the first closed one, else the first that was measured. */
size_t lg_main_load(const struct lg_summary *summary);

/* A metric of an arm as a ratio to that of another arm, whichever the reference is: paired by
 * block, from the trials that count: lg_shift_ratio_interval(), for every metric. Without an
 * interval where one of the two is not trusted. */
struct lg_interval lg_summary_ratio(const struct lg_summary *summary, size_t scenario, size_t load,
                                    size_t arm, size_t other, enum lg_metric metric);

/* A metric of a cell, block by block: column[blocks], NaN where no trial of the block counts. */
void lg_summary_column(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                       enum lg_metric metric, double *ret_column);

/* The latencies of all of a cell's trials that count, merged by adding counts (never by averaging
 * percentiles). EVD_ERR_BAD_DATA if a bucket is not one of lg_histogram's. */
int lg_summary_histogram(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                         struct lg_histogram *ret_histogram, struct evd_error *ret_error);

#endif
