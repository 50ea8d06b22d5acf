/* RESULTS/PITFALLS.md: mistakes of benchmarks, and what each would have said of the very data that
 * lie beside the page. All figures are computed from the raw data; what these do not show is left
 * out. Private to results_*.c. */
#ifndef LG_RESULTS_PITFALLS_H
#define LG_RESULTS_PITFALLS_H

#include "report_parts.h"

/* In the order of the page. */
enum lg_pitfall {
    LG_PITFALL_ONE_RUN,     /* each of two things measured once */
    LG_PITFALL_TURNS,       /* first all of one, then all of the other */
    LG_PITFALL_CALLS,       /* calls counted as if they were independent */
    LG_PITFALL_PERCENTILES, /* averaged */
    LG_PITFALL_SENDING,     /* latency from the time of sending */
    LG_PITFALL_CLOSED,      /* latency of a closed loop */
    LG_PITFALL_FULL,        /* a generator as full as the server */
    LG_PITFALL_LAYOUT,      /* one order of the code */
    LG_PITFALL_HALTED,      /* CPUs that are halted while they have nothing to do */
    LG_PITFALLS
};

enum { LG_PITFALL_TEXT = 1600 };

/* An open load, where CPUs were kept awake, and where not. */
struct lg_pitfall_load {
    bool known;
    char scenario[LG_NAME_MAX + 1];
    double rate, connections, depth;
    double trials, invalid;    /* of the reference and its twin, with those that were repeated */
    double woke_late_p99;      /* ns, of the median trial of the reference that counts */
    double p50, p99;           /* ns, of all its calls */
    bool awake;                /* its CPUs were not halted */
    char arm[LG_NAME_MAX + 1]; /* the reference */
    struct lg_interval median_p50; /* ns, over its trials */
};

struct lg_pitfalls {
    char found[LG_PITFALLS][LG_PITFALL_TEXT]; /* what our data say; "": nothing */
    struct lg_table *tables[LG_PITFALLS];     /* or NULL; owned */
    struct lg_pitfall_load awake, halted;
};

/* What DIR/FOLDER, a study that has been read, shows. Folders that no pitfall asks for are passed
 * over. EVD_ERR_NO_MEMORY, EVD_ERR_BAD_DATA. */
int lg_pitfalls_study(struct lg_pitfalls *pitfalls, const char *folder,
                      const struct lg_report *report, struct evd_error *ret_error);

/* The same of a truth.json. */
int lg_pitfalls_truth(struct lg_pitfalls *pitfalls, const char *folder, const cJSON *root,
                      struct evd_error *ret_error);

/* Whether there is anything to tell. */
bool lg_pitfalls_any(const struct lg_pitfalls *pitfalls);

void lg_pitfalls_write(const struct lg_pitfalls *pitfalls, struct lg_doc *doc);

/* Frees the tables. */
void lg_pitfalls_release(struct lg_pitfalls *pitfalls);

/* results_pitfalls_load.c: of a study's loads. */
int lg_pitfalls_calls(struct lg_pitfalls *pitfalls, const struct lg_summary *summary);
int lg_pitfalls_percentiles(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                            struct evd_error *ret_error);
int lg_pitfalls_closed(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                       struct evd_error *ret_error);
int lg_pitfalls_full(struct lg_pitfalls *pitfalls, const struct lg_summary *summary);
/* Says something once both loads are there. */
int lg_pitfalls_halted(struct lg_pitfalls *pitfalls, const struct lg_summary *summary,
                       struct lg_pitfall_load *ret_load, struct evd_error *ret_error);

/* What CPUs that may be halted make of the median, beside those of `reference`, as sentences to be
 * freed; NULL where the two loads are not there, or without memory. */
char *lg_pitfalls_halted_lead(const struct lg_pitfalls *pitfalls);

/* Adds to a text of LG_PITFALL_TEXT bytes what printf's format says. */
void lg_pitfalls_say(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether an arm repeats the reference under another name. */
bool lg_pitfalls_twin(const struct lg_design *design, size_t arm);

#endif
