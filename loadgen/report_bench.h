/* A folder of `./evdispatch bench`: what single operations cost. Private to report*.c.
 *
 * bench.json        Google Benchmark's output of evd-bench: all repetitions, and on what they ran
 * instructions.json optional; evdispatch.instructions/1 of tests/instructions/instructions.sh
 * targets.tsv       optional; what the figures are held against, as it was when they were taken
 *
 * A figure is the CPU time of one iteration, in nanoseconds; the unit of its statistics is the
 * repetition. Repetitions of all benchmarks run in one random order, so the i-th ones of two stand
 * at about the same place of the run: differences and ratios are made of such pairs. */
#ifndef LG_REPORT_BENCH_H
#define LG_REPORT_BENCH_H

#include "dispatch/status.h"
#include "report_doc.h"
#include "stats.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

enum {
    LG_BENCH_MAX = 1024, /* benchmarks */
    LG_BENCH_REPETITIONS_MAX = 1000,
    LG_BENCH_NAME_MAX = 128,
    LG_BENCH_ARMS_MAX = 64,
    LG_BENCH_TARGETS_MAX = 64,
    LG_BENCH_TERMS = 2, /* of a bare operation: a sum of so many benchmarks at most */
};

/* One benchmark. "codec/base64/decode/size:64K": group "codec", row "base64 decode", parameter
 * "size", value 65536, tail "". */
struct lg_bench {
    char name[LG_BENCH_NAME_MAX];
    char group[LG_BENCH_NAME_MAX], row[LG_BENCH_NAME_MAX], parameter[LG_BENCH_NAME_MAX],
        tail[LG_BENCH_NAME_MAX];
    double value;            /* NaN: no parameter */
    double order;            /* where it stands in the program */
    double *cpu, *wall;      /* [LG_BENCH_REPETITIONS_MAX] ns; NaN where there is none; owned */
    double bytes;            /* an iteration deals with; NaN: unknown */
    double longest_probe;    /* of an attack; NaN: none */
    char *failure;           /* what it reported instead of a figure, or NULL; owned */
    struct lg_interval cost; /* median over the repetitions, ns */
    bool shown;              /* in a table */
};

struct lg_bench_arm {
    char name[LG_BENCH_NAME_MAX];
    double instructions;
};

enum lg_target_kind {
    LG_TARGET_AT_MOST,  /* ns */
    LG_TARGET_ABOVE,    /* ns above the base, at most */
    LG_TARGET_RATIO,    /* to the base, at most */
    LG_TARGET_AT_LEAST, /* GB/s */
};

struct lg_target {
    enum lg_target_kind kind;
    double limit;
    char benchmark[LG_BENCH_NAME_MAX];
    char base[2 * LG_BENCH_NAME_MAX];  /* "" for none, or "a + b" */
    char yardstick[LG_BENCH_NAME_MAX]; /* "": none, the target is a ratio */
    double yardstick_ns;               /* where the target was set */
    char what[128];
};

struct lg_bench_data {
    cJSON *root, *context; /* bench.json; its "context" */
    struct lg_bench *list; /* in the program's order; owned */
    size_t count, repetitions;
    bool counted;                    /* there is an instructions.json */
    char valgrind[48], compiler[96]; /* of the counts */
    /* What was counted: a scenario, its requests, and the calls of it that the mean is of; "" and
     * 0: a handler that answers with a constant. */
    char counted_scenario[64];
    unsigned counted_requests, counted_calls, counted_deck;
    struct lg_bench_arm arms[LG_BENCH_ARMS_MAX];
    size_t arm_count;
    struct lg_target targets[LG_BENCH_TARGETS_MAX];
    size_t target_count;
    char sha256[65];        /* of bench.json */
    char counts_sha256[65]; /* of instructions.json; "" where there is none */
    size_t bytes;
};

/* Whether DIR has a bench.json. */
bool lg_bench_is(const char *dir);

/* Reads a folder. An error names the file, and the benchmark or line and the field. */
int lg_bench_read(const char *dir, struct lg_bench_data *ret_data, struct evd_error *ret_error);
void lg_bench_release(struct lg_bench_data *data);

/* Reads instructions.json alone, into what is all zero; EVD_OK also when there is no such file.
 * Nothing is to be released. */
int lg_bench_counts(const char *dir, struct lg_bench_data *data, struct evd_error *ret_error);

/* report_bench_targets.c: parses targets.tsv into data. `path` is for errors. */
int lg_targets_take(const char *path, const char *text, struct lg_bench_data *data,
                    struct evd_error *ret_error);

/* NULL: not measured. */
struct lg_bench *lg_bench_find(const struct lg_bench_data *data, const char *name);

/* NaN: not counted. */
double lg_bench_instructions(const struct lg_bench_data *data, const char *arm);

/* One benchmark beside the operation it cannot do without: "a", or "a + b". */
struct lg_bench_pair {
    struct lg_bench *bench;
    struct lg_bench *terms[LG_BENCH_TERMS];
    size_t term_count;
    struct lg_interval base, difference, ratio; /* medians over pairs of repetitions */
};

/* False: one of them was not measured. */
bool lg_bench_pair(const struct lg_bench_data *data, const char *name, const char *base,
                   struct lg_bench_pair *ret_pair);

/* What became of a target. OPEN: the interval holds the limit, or there is none. */
struct lg_judged_target {
    bool measured;
    struct lg_interval value; /* in the limit's unit */
    enum lg_tone tone;        /* GOOD: held, BAD: not held, OPEN */
    double pace;              /* the yardstick here, as a ratio to yardstick_ns; NaN: none */
    enum lg_tone paced;       /* the same against the limit at this machine's pace */
};

void lg_target_judge(const struct lg_bench_data *data, const struct lg_target *target,
                     struct lg_judged_target *ret_judged);

struct lg_report;

/* report_bench_targets.c */
void lg_targets_write(const struct lg_bench_data *data, struct lg_doc *doc);
void lg_targets_item(const struct lg_bench_data *data, struct lg_doc *doc); /* of a list */

/* report_bench_tables.c: each marks what it shows. */
void lg_bench_matrix(const struct lg_bench_data *data, const char *group, const char *parameter,
                     const char *tail, const char *head, const char *caption, struct lg_doc *doc);
void lg_bench_dispatches(const struct lg_bench_data *data, struct lg_doc *doc);
void lg_bench_bares(const struct lg_bench_data *data, const char *group, struct lg_doc *doc);
void lg_bench_attacks(const struct lg_bench_data *data, struct lg_doc *doc);
void lg_bench_scans(const struct lg_bench_data *data, struct lg_doc *doc);
void lg_bench_others(const struct lg_bench_data *data, struct lg_doc *doc);

/* report_bench_figures.c: slots of lg_report.figures. */
enum lg_bench_figure {
    LG_BENCH_LOOKUPS,
    LG_BENCH_DISPATCHES,
    LG_BENCH_INSTANCES,
    LG_BENCH_LOADS,
    LG_BENCH_ENVELOPES,
    LG_BENCH_CODECS,
    LG_BENCH_FIGURES
};

int lg_bench_figures_make(struct lg_report *report, struct evd_error *ret_error);

/* report_bench.c: the answer in a sentence, to be freed; what it means, as a list; the whole page.
 */
char *lg_bench_lead(const struct lg_bench_data *data);
void lg_bench_meaning(const struct lg_bench_data *data, struct lg_doc *doc);
void lg_bench_write(const struct lg_report *report, struct lg_doc *doc);

#endif
