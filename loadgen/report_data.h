/* A study's raw data, as study.json and trials.jsonl hold them. */
#ifndef LG_REPORT_DATA_H
#define LG_REPORT_DATA_H

#include "histogram.h"
#include "report_detail.h"
#include "study_rates.h"

#include <stdbool.h>

/* What a trial measures, one number each. NaN where a trial has none. */
enum lg_metric {
    LG_RATE,    /* calls answered ok per second */
    LG_CPU,     /* the server's CPU time per call, ns */
    LG_P50,     /* latency from the due time, ns */
    LG_P99,     /* ns */
    LG_P99_9,   /* ns */
    LG_RSS,     /* bytes */
    LG_PSS,     /* bytes */
    LG_STARTUP, /* from fork() to "listening on", ns */
    LG_METRIC_COUNT
};

#define LG_TRIALS_BYTES_MAX ((size_t)1 << 31) /* of trials.jsonl */

struct lg_bucket {
    uint64_t value, count; /* the bucket's lowest value */
};

struct lg_trial {
    unsigned number, block; /* from 1 */
    size_t scenario, load, arm;
    char seed[21]; /* of its load, the same for all trials of a block; "" where none is recorded */
    /* An INVALID trial that was repeated: the repeat stands for it. Or the repeat of one that is no
     * longer called INVALID. */
    bool superseded;
    bool invalid;    /* loadgen run says that it cannot be trusted */
    bool overloaded; /* lg_run_overloaded() of a load with a share: it counts, and isn't invalid */
    bool stolen;     /* invalid, and for nothing but time that the host took */
    char *problem;   /* why it does not count at all, or NULL; owned */
    char *doubt;     /* why it is invalid, one reason a line, or NULL; owned */
    double metrics[LG_METRIC_COUNT];
    double scheduled, ok, bad, in_flight; /* in_flight: at the end, no error */
    double lost;                          /* timeout + reset + eof + refused + unsent */
    bool exact;                           /* scheduled = the sum of all outcomes */
    double samples;                       /* of the latency */
    double steal;                         /* share of CPU time that the host took, NaN: unknown */
    struct lg_bucket *buckets;            /* of the latency, owned */
    size_t bucket_count;
    double max; /* of the latency, ns */
    struct lg_detail detail;
};

/* What the runs of a load have in common, taken from the first. */
struct lg_load_facts {
    bool known, closed;
    double rate, connections, depth;
};

struct lg_scenario_facts {
    bool known;
    char payloads[64];
    double requests, endpoints, bytes_mean;
};

struct lg_data {
    cJSON *about; /* study.json, without its "design" */
    struct lg_design design;
    struct lg_trial *trials; /* in the order they ran */
    size_t count;
    struct lg_load_facts loads[LG_LOADS_MAX];
    struct lg_scenario_facts scenarios[LG_SCENARIOS_MAX];
    struct lg_rates rates;            /* of loads with a share */
    struct lg_maximum_trial *maximum; /* that these come from, scenario by scenario; owned */
    size_t maximum_count;
    char maximum_sha256[65]; /* of maximum.jsonl; "" where no load has a share */
    char sha256[65];         /* of trials.jsonl */
    char about_sha256[65];   /* of study.json */
    size_t bytes;            /* of trials.jsonl */
};

/* Reads a study's folder. An error names the file, and the line of trials.jsonl and maximum.jsonl.
 * Refused are also trials that stand elsewhere than by the order of study.json, and trials.jsonl
 * when it is not what it was when the study finished ("trials_sha256"). */
int lg_data_read(const char *dir, struct lg_data *ret_data, struct evd_error *ret_error);

/* SHA-256 in hexadecimal, by sha256sum of coreutils. */
int lg_data_sha256(const char *text, size_t len, char out[static 65], struct evd_error *ret_error);

void lg_data_release(struct lg_data *data);

#endif
