/* What a report says, part by part. Private to report_*.c. */
#ifndef LG_REPORT_PARTS_H
#define LG_REPORT_PARTS_H

#include "report_doc.h"
#include "report_summary.h"

/* A figure of one scenario and load, with the memory it needs. */
struct lg_report_figure {
    struct lg_figure figure;
    char file[160], title[256], caption[640];
    char *svg; /* owned */
};

enum { LG_FIGURES_PER_LOAD = 2 };

struct lg_report {
    const struct lg_data *data;
    const struct lg_summary *summary;
    struct lg_report_figure *figures; /* [scenario][load][LG_FIGURES_PER_LOAD]; owned */
    unsigned figure_count;
};

/* Draws all figures. On failure those that are there stay owned by the report. */
int lg_figures_make(struct lg_report *report, struct evd_error *ret_error);
void lg_figures_release(struct lg_report *report);

/* NULL if there is none. */
const struct lg_figure *lg_figures_get(const struct lg_report *report, size_t scenario, size_t load,
                                       size_t which);

/* The whole of it, in the doc's format. */
void lg_content_write(const struct lg_report *report, struct lg_doc *doc);

/* report_findings.c: the answer in one sentence, to be freed; what it means; whether to believe it.
 */
char *lg_findings_lead(const struct lg_summary *summary);
void lg_findings_meaning(const struct lg_summary *summary, struct lg_doc *doc);
void lg_findings_validity(const struct lg_summary *summary, struct lg_doc *doc);

/* report_tables.c: each writes one table. */
void lg_tables_rate(const struct lg_summary *summary, size_t scenario, size_t load,
                    struct lg_doc *doc);
void lg_tables_cpu(const struct lg_summary *summary, size_t scenario, size_t load,
                   struct lg_doc *doc);
void lg_tables_latency(const struct lg_summary *summary, size_t scenario, size_t load,
                       struct lg_doc *doc);
void lg_tables_memory(const struct lg_summary *summary, size_t scenario, size_t load,
                      struct lg_doc *doc);
void lg_tables_noise(const struct lg_summary *summary, struct lg_doc *doc);

/* report_origin.c: the machine, the build, how to repeat it, the raw data. */
void lg_origin_write(const struct lg_data *data, struct lg_doc *doc);
const char *lg_origin_payloads(const struct lg_scenario_facts *facts, char *out, size_t cap);

static inline const char *lg_arm_name(const struct lg_summary *summary, size_t arm)
{
    return summary->data->design.arms[arm].name;
}

static inline bool lg_is_closed(const struct lg_summary *summary, size_t load)
{
    return summary->data->loads[load].closed;
}

/* Whether there is at least one trial of the load. */
static inline bool lg_is_known(const struct lg_summary *summary, size_t load)
{
    return summary->data->loads[load].known;
}

/* The words and looks of a verdict on a metric: "faster", "dearer", ... */
const char *lg_verdict_word(enum lg_verdict verdict, enum lg_metric metric);
enum lg_tone lg_verdict_tone(enum lg_verdict verdict);

#endif
