/* What a report says, part by part. Private to report_*.c. */
#ifndef LG_REPORT_PARTS_H
#define LG_REPORT_PARTS_H

#include "plot_charts.h"
#include "report_bench.h"
#include "report_doc.h"
#include "report_edits.h"
#include "report_format.h"
#include "report_growth.h"
#include "report_method.h"
#include "report_summary.h"

#include <string.h>

/* A figure of one scenario and load, with the memory it needs. */
struct lg_report_figure {
    struct lg_figure figure;
    char file[160], title[256], caption[640];
    char *svg;             /* owned */
    struct lg_table *data; /* owned; NULL: none */
    char x_name[64];       /* a head of data that is not static */
    unsigned number;       /* as in "Figure 3"; 0: there is none */
};

/* Of each scenario and load, in the order of the page. */
enum {
    LG_FIGURE_MAIN,      /* throughput as ratios; of an open load the percentiles */
    LG_FIGURE_SECOND,    /* CPU; of an open load latencies as ratios */
    LG_FIGURE_PARTS,     /* of an open load: where the time went */
    LG_FIGURE_TIME,      /* of an open load: over the time within a trial */
    LG_FIGURE_BREAKEVEN, /* of the main load, if closed: what longer handlers leave of the costs */
    LG_FIGURE_SLOPES,
    LG_FIGURE_ORDER,
    LG_FIGURES_PER_LOAD
};

struct lg_report {
    const struct lg_bench_data *bench; /* of a bench; NULL: of a study, and so is what follows */
    const struct lg_data *data;
    const struct lg_summary *summary;
    const struct lg_growth *growth; /* without axes, where the design has no curves */
    const struct lg_method *method; /* NULL, where the design has none */
    const struct lg_edits *edits;   /* empty, where the folder has none */
    const struct lg_bench_data
        *counts; /* instructions.json of a study's folder; or of no arm, or NULL */
    struct lg_report_figure *figures; /* [slots]; owned */
    size_t slots;                     /* growth: [axis][LG_GROWTH_MEASURES];
                                         else [scenario][load][LG_FIGURES_PER_LOAD]; and one of edits.
                                         Of a bench: [LG_BENCH_FIGURES] */
    unsigned figure_count;
};

/* A figure in the making: its gnuplot script. */
struct lg_script {
    char *text;
    size_t len;
    FILE *out;
};

int lg_script_open(struct lg_script *script, struct evd_error *ret_error);

/* Renders a script into a figure whose title, caption and data are there; the file is
 * "figure-<number>-<stem>.svg". Releases the script. */
int lg_figure_finish(struct lg_report *report, struct lg_script *script,
                     struct lg_report_figure *figure, const char *stem,
                     struct evd_error *ret_error);

/* The place of a figure of a scenario and load, and the end of its making: `kind` ends its name. */
struct lg_report_figure *lg_figure_slot(const struct lg_report *report, size_t scenario,
                                        size_t load, size_t which);
int lg_figure_finish_load(struct lg_report *report, struct lg_script *script,
                          struct lg_report_figure *figure, size_t scenario, size_t load,
                          const char *kind, struct evd_error *ret_error);

/* report_spectrum.c: latency over percentile. Leaves no figure where no trial has a latency. */
int lg_spectrum_make(struct lg_report *report, size_t scenario, size_t load,
                     struct evd_error *ret_error);

/* report_trials.c: block by block, and in the order they ran. report_breakdown.c: where the time
 * went. None leaves a figure where there is nothing to show. */
int lg_slopes_make(struct lg_report *report, size_t scenario, size_t load,
                   struct evd_error *ret_error);
int lg_order_make(struct lg_report *report, size_t scenario, size_t load,
                  struct evd_error *ret_error);
int lg_breakdown_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error);

/* report_over_time.c: latency within a trial. Leaves no figure where no trial that counts has
 * recorded it. The section: that figure, and what is farthest off; nothing without one. */
int lg_over_time_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error);
void lg_over_time_section(const struct lg_report *report, size_t scenario, size_t load,
                          struct lg_doc *doc);

/* report_breakeven.c: when the choice stops mattering, of a closed load. */
int lg_breakeven_make(struct lg_report *report, size_t scenario, size_t load,
                      struct evd_error *ret_error);
void lg_breakeven_table(const struct lg_summary *summary, size_t scenario, size_t load,
                        struct lg_doc *doc);

/* A handler's time by lg_breakeven() as a cell. */
void lg_breakeven_put(const struct lg_interval *handler, enum lg_verdict verdict,
                      struct lg_table_cell *cell);

/* report_load.c, report_load_words.c: loads with a share are told together, where the first of them
 * stands. The answer in a sentence, to be freed, where no load is closed; items of a list, of the
 * arms and of the copy of the reference; the section; its figure. */
char *lg_load_lead(const struct lg_summary *summary);
void lg_load_meaning(const struct lg_summary *summary, size_t scenario, struct lg_doc *doc);
void lg_load_twins(const struct lg_summary *summary, size_t twin, struct lg_doc *doc);
/* Items of a list, where nothing else of a report stands: each arm's smallest p99, what those that
 * are overloaded answer at most, and whether what the answer is about tells the copy apart. */
void lg_load_brief(const struct lg_summary *summary, struct lg_doc *doc);
void lg_load_section(const struct lg_report *report, size_t scenario, size_t first,
                     struct lg_doc *doc);
int lg_load_figure_make(struct lg_report *report, size_t scenario, size_t first,
                        struct evd_error *ret_error);

/* Whether it is the reference under another name. */
static inline bool lg_is_copy(const struct lg_design *design, size_t arm)
{
    const char *twin = design->arms[arm].twin_of;
    return twin && strcmp(twin, design->arms[design->reference].name) == 0;
}

static inline bool lg_has_share(const struct lg_summary *summary, size_t load)
{
    return summary->data->design.loads[load].share > 0;
}

/* Whether it is the first load with a share. */
static inline bool lg_is_first_share(const struct lg_summary *summary, size_t load)
{
    for (size_t i = 0; i < load; i++)
        if (lg_has_share(summary, i))
            return false;
    return lg_has_share(summary, load);
}

/* report_decision.c: "choose this when". */
void lg_decision_write(const struct lg_report *report, struct lg_doc *doc);

/* How calls ended: report_breakdown.c. */
void lg_errors_write(const struct lg_data *data, struct lg_doc *doc);

/* report_figure_data.c: what figures show, as tables to be freed; NULL without memory. Heads
 * must outlive them. Of rows: each one's name and text. */
struct lg_table *lg_figure_rows(const struct lg_chart_row *rows, size_t count, const char *head);
/* A row for each point, its place by the tics, or as a number where it has none. */
struct lg_table *lg_figure_lines(const struct lg_chart_line *lines, size_t count,
                                 const struct lg_chart_tic *tics, size_t tic_count,
                                 const char *x_title, const char *y_title);
/* A row for each bar; with at most LG_TABLE_COLUMNS - 2 parts. */
struct lg_table *lg_figure_stacks(const struct lg_chart_stack *rows, size_t count,
                                  const char *const *parts, size_t part_count);

/* report_growth_figures.c */
int lg_growth_figures_make(struct lg_report *report, struct evd_error *ret_error);

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
/* What the verdicts of all scenarios on an arm come to. */
enum lg_finding {
    LG_FINDING_WORSE, /* somewhere, and nowhere better */
    LG_FINDING_BETTER,
    LG_FINDING_MIXED,
    LG_FINDING_EQUIVALENT, /* everywhere */
    LG_FINDING_UNRESOLVED,
    LG_FINDING_UNKNOWN /* nothing could be compared */
};
enum lg_finding lg_findings_of(const struct lg_summary *summary, size_t load, enum lg_metric metric,
                               size_t arm);

void lg_findings_meaning(const struct lg_report *report, struct lg_doc *doc);
void lg_findings_validity(const struct lg_summary *summary, struct lg_doc *doc);
/* Without the reasons, trial by trial, and the machine. */
void lg_findings_brief(const struct lg_summary *summary, struct lg_doc *doc);

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

/* report_layouts.c: how far the layouts of the server are apart, where blocks repeat them: of an
 * arm the mean logarithms of its ratios to the reference, server CPU per call, by layout. */
struct lg_layouts_spread {
    size_t layouts;                   /* that have enough blocks */
    double means[LG_LAYOUTS_MAX + 1]; /* [layout]; NaN: too few */
    unsigned least, greatest;         /* which; 0: none */
    double p;                         /* lg_groups_p() */
};

/* EVD_ERR_NO_MEMORY. */
int lg_layouts_of(const struct lg_summary *summary, size_t scenario, size_t load, size_t arm,
                  struct lg_layouts_spread *ret_spread);

/* How far the greatest mean is above the least, 0.03: three per cent. */
double lg_layouts_apart(const struct lg_layouts_spread *spread);

/* Whether there are layouts to tell apart, if blocks repeat them. */
bool lg_layouts_several(const struct lg_design *design);

/* All closed loads, to be freed; NULL where there is nothing to tell, or no memory. */
struct lg_table *lg_layouts_table(const struct lg_summary *summary);
void lg_layouts_write(const struct lg_summary *summary, struct lg_doc *doc);

/* Ratio and verdict, in two cells. */
void lg_tables_put_verdict(const struct lg_summary *summary, size_t scenario, size_t load,
                           size_t arm, enum lg_metric metric, struct lg_table_cell out[2]);

/* One cell of a table: an interval, or a text. */
void lg_tables_put(struct lg_table_cell *cell, enum lg_tone tone, const char *text,
                   const char *detail);
void lg_tables_put_interval(struct lg_table_cell *cell, const struct lg_interval *interval,
                            enum lg_unit unit);

/* A row of two cells: a name, and what printf's format says, escaped. There must be room. */
void lg_tables_add(struct lg_table *table, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An empty table with these heads, which the caller frees; NULL without memory. */
struct lg_table *lg_tables_new(const char *caption, size_t columns, const char *const *heads);

/* report_growth.c: what grows, in one sentence, to be freed; point by point; curve by curve. */
char *lg_growth_lead(const struct lg_report *report);
/* Items of a list: start-up by how many modules and endpoints there are. */
void lg_growth_startup(const struct lg_report *report, struct lg_doc *doc);
void lg_growth_meaning(const struct lg_report *report, struct lg_doc *doc);
void lg_growth_sections(const struct lg_report *report, struct lg_doc *doc);

/* report_growth_model.c: what is fixed and what grows, as a table, and as an item of a list. */
void lg_growth_model_item(const struct lg_report *report, const struct lg_growth_axis *axis,
                          struct lg_doc *doc);
void lg_growth_model_table(const struct lg_report *report, const struct lg_growth_axis *axis,
                           struct lg_doc *doc);

/* report_method_page.c: the report of a study that tries the method, and its figure. */
void lg_method_write(const struct lg_report *report, struct lg_doc *doc);
int lg_method_figure_make(struct lg_report *report, struct evd_error *ret_error);

/* report_content.c: title, the answer in a sentence, and what was measured. */
void lg_content_begin(const struct lg_report *report, const char *lead, struct lg_doc *doc);

/* report_edits.c */
int lg_edits_figure_make(struct lg_report *report, struct evd_error *ret_error);
void lg_edits_meaning(const struct lg_edits *edits, struct lg_doc *doc); /* one item of a list */
void lg_edits_section(const struct lg_report *report, struct lg_doc *doc);

/* report_instructions.c. Whether an arm's verdict under the main load, in any scenario, points one
 * way and the counted instructions of its dispatch the other, by more than the margin of
 * equivalence; and "though ...", which follows such a verdict, without a stop. */
bool lg_instructions_oppose(const struct lg_report *report, size_t arm, enum lg_metric metric);
void lg_instructions_put(const struct lg_report *report, size_t arm, FILE *out);
/* An item of a list for each arm whose CPU per call is such a case. */
void lg_instructions_meaning(const struct lg_report *report, struct lg_doc *doc);
/* Of the design's arms that were counted; nothing, where none was. */
void lg_instructions_section(const struct lg_report *report, struct lg_doc *doc);

/* report_origin.c: the machine, the build, how to repeat it, the raw data. */
void lg_origin_write(const struct lg_report *report, struct lg_doc *doc);

/* The command that makes such a study, in out[cap]: the launcher's, which also builds what it takes
 * and measures what is beside it, where that is known; else the one that was given. Returns out. */
const char *lg_study_command(const struct lg_data *data, char *out, size_t cap);
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

/* Of a ratio above 1, and below: throughput is better when it is higher, all else when lower. */
static inline enum lg_verdict lg_verdict_above(enum lg_metric metric)
{
    return metric == LG_RATE ? LG_BETTER : LG_WORSE;
}

static inline enum lg_verdict lg_verdict_below(enum lg_metric metric)
{
    return metric == LG_RATE ? LG_WORSE : LG_BETTER;
}

/* The words and looks of a verdict on a metric: "faster", "dearer", ... */
const char *lg_verdict_word(enum lg_verdict verdict, enum lg_metric metric);
enum lg_tone lg_verdict_tone(enum lg_verdict verdict);

#endif
