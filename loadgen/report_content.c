#include "report_parts.h"

#include "report_format.h"
#include "report_pairs.h"
#include "study_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_figure(const struct lg_report *report, struct lg_doc *doc, size_t scenario,
                       size_t load, size_t which)
{
    const struct lg_figure *figure = lg_figures_get(report, scenario, load, which);
    if (figure)
        doc->format->figure(doc, figure);
}

static void put_trials(const struct lg_report *report, struct lg_doc *doc, size_t scenario,
                       size_t load, const char *title)
{
    doc->format->heading(doc, 3, title);
    put_figure(report, doc, scenario, load, LG_FIGURE_SLOPES);
    put_figure(report, doc, scenario, load, LG_FIGURE_ORDER);
}

static void put_load(const struct lg_report *report, struct lg_doc *doc, size_t scenario,
                     size_t load)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &report->data->design;
    char title[400];
    lg_doc_plain(design->loads[load].title, title, sizeof(title));
    if (lg_has_share(summary, load)) {
        if (lg_is_first_share(summary, load))
            lg_load_section(report, scenario, load, doc);
        return;
    }
    if (!lg_is_known(summary, load)) {
        doc->format->heading(doc, 3, design->loads[load].name);
        lg_doc_paragraph(doc, "There is no measurement of this load.");
        return;
    }
    if (lg_is_closed(summary, load)) {
        doc->format->heading(doc, 3, "Throughput");
        lg_doc_paragraph(doc, "Load `%s`: %s.", design->loads[load].name, title);
        lg_tables_rate(summary, scenario, load, doc);
        put_figure(report, doc, scenario, load, LG_FIGURE_MAIN);
        doc->format->heading(doc, 3, "Server CPU per call");
        lg_tables_cpu(summary, scenario, load, doc);
        put_figure(report, doc, scenario, load, LG_FIGURE_SECOND);
        doc->format->heading(doc, 3, "When the choice stops mattering");
        put_figure(report, doc, scenario, load, LG_FIGURE_BREAKEVEN);
        lg_breakeven_table(summary, scenario, load, doc);
        put_trials(report, doc, scenario, load, "Throughput, trial by trial");
        return;
    }
    doc->format->heading(doc, 3, "Latency");
    lg_doc_paragraph(doc, "Load `%s`: %s.", design->loads[load].name, title);
    lg_tables_latency(summary, scenario, load, doc);
    const struct lg_cell *reference = lg_summary_cell(summary, scenario, load, design->reference);
    char count[LG_PRINT_MAX], slowest[LG_PRINT_MAX] = "one";
    if (reference->samples > 1000)
        lg_print_count(ceil(reference->samples * 0.001), slowest);
    if (reference->samples < 10000)
        lg_doc_paragraph(
            doc,
            "A trial has at least %s calls: its p99.9 rests on the slowest %s of them. "
            "Read that column as a hint.",
            lg_print_count(reference->samples, count), slowest);
    put_figure(report, doc, scenario, load, LG_FIGURE_MAIN);
    put_figure(report, doc, scenario, load, LG_FIGURE_SECOND);
    put_figure(report, doc, scenario, load, LG_FIGURE_PARTS);
    lg_over_time_section(report, scenario, load, doc);
    put_trials(report, doc, scenario, load, "Latency, trial by trial");
}

static void put_scenario(const struct lg_report *report, struct lg_doc *doc, size_t scenario)
{
    const struct lg_data *data = report->data;
    const struct lg_design *design = &data->design;
    const struct lg_scenario_facts *facts = &data->scenarios[scenario];
    char text[200], bytes[LG_PRINT_MAX], endpoints[LG_PRINT_MAX];
    snprintf(text, sizeof(text), "Scenario %s", design->scenarios[scenario]);
    doc->format->heading(doc, 2, text);
    if (facts->known)
        lg_doc_paragraph(doc, "%s; %s endpoint%s, requests of %s bytes in the mean.",
                         lg_origin_payloads(facts, text, sizeof(text)),
                         lg_print_count(facts->endpoints, endpoints),
                         facts->endpoints > 1 ? "s" : "",
                         lg_print_number(facts->bytes_mean, bytes));
    for (size_t load = 0; load < design->load_count; load++)
        put_load(report, doc, scenario, load);
    for (size_t load = 0; load < design->load_count; load++) {
        if (!lg_is_known(report->summary, load))
            continue;
        doc->format->heading(doc, 3, "Memory and start-up");
        lg_tables_memory(report->summary, scenario, load, doc);
        break;
    }
}

static void put_reading(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_design *design = &report->data->design;
    doc->format->heading(doc, 2, "How to read this");
    doc->format->list(doc, true);
    lg_doc_item(
        doc, LG_TONE_PLAIN,
        "The unit is the **trial**: one measurement of a fresh server process. Calls within "
        "a trial share its luck, so they are never counted as if they were independent.");
    lg_doc_item(doc, LG_TONE_PLAIN,
                "Trials come in %u **blocks**; in each, every arm meets every scenario and load "
                "once, in random order, the arms of one comparison next to each other. A ratio "
                "compares trials of the same block, so slow drift of the machine cancels out.",
                design->blocks);
    lg_doc_item(
        doc, LG_TONE_PLAIN,
        "▲ **Faster** or ▼ **slower** (**cheaper**, **dearer**): the 95 %% interval of the ratio "
        "leaves 1 out, **and** the adjusted p is at most 0.05. **Equivalent**: the whole interval "
        "lies between 0.98 and 1.02. **Unresolved**: neither; more blocks would tell. No interval, "
        "no ranking. **p** is the signed-rank test's, on the logarithms of the ratios of single "
        "blocks, by Holm: over the arms of one scenario, load and measure, false alarms come in at "
        "most one of twenty such families. With n blocks no single p can be below 2 to the power "
        "of "
        "1 - n: with few blocks and many arms nothing can be shown.");
    lg_doc_item(
        doc, LG_TONE_PLAIN,
        "**Ratios**: the Hodges-Lehmann estimate of the blocks' log ratios, with Wilcoxon's exact "
        "interval, at 95 %% or, below 6 blocks, at what these allow. Of latencies, those of the "
        "trials' percentiles: one trial from which the host stole is one of the blocks, where "
        "in the percentile of all calls it would be most of the slow ones. Ratios of totals and "
        "of all calls' percentiles stand beside them with BCa bootstrap intervals over the blocks, "
        "%d draws from a fixed seed: of few blocks these are too narrow, and no verdict rests on "
        "them.",
        LG_PAIRS_RESAMPLES);
    lg_doc_item(
        doc, LG_TONE_PLAIN,
        "Intervals of an arm's own figure are Student's, of the logarithms of its trials; "
        "those of medians lie between two of the trials. **Smallest effect in reach**: what "
        "this comparison, alone and with this spread, would have shown in four of five "
        "repetitions.");
    lg_doc_item(doc, LG_TONE_PLAIN,
                "Latency counts from the time a call was **due**, not from when it was sent: a "
                "server that stalls is charged for the calls that had to wait. CPU per call is the "
                "server's own CPU time, kernel included, over the calls it answered.");
    doc->format->list(doc, false);
}

/* Whether rates that are shares of the maximum are what the study is about. */
static bool is_of_load(const struct lg_report *report)
{
    return lg_has_share(report->summary, lg_main_load(report->summary));
}

void lg_content_begin(const struct lg_report *report, const char *lead, struct lg_doc *doc)
{
    const struct lg_data *data = report->data;
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(data->about, "machine");
    char title[256], meta[640], cpu[128], cores[32];
    lg_doc_plain(data->design.title, title, sizeof(title));
    snprintf(meta, sizeof(meta),
             "Study `%s`: %zu trials of %s in %u blocks, %zu arms. %s, %s CPUs, Linux %s. Commit "
             "`%s`. %.10s.",
             data->design.name, data->count, data->design.duration, data->design.blocks,
             data->design.arm_count,
             lg_doc_plain(lg_json_string(machine, "cpu", "unknown CPU"), cpu, sizeof(cpu)),
             lg_json_whole(machine, "cores", cores), lg_json_string(machine, "kernel", "unknown"),
             lg_json_string(data->about, "commit", "unknown"),
             lg_json_string(data->about, "started", "unknown"));
    doc->format->begin(doc, title, lead ? lead : "", meta);
    if (data->design.description[0]) {
        char text[1500];
        lg_doc_paragraph(doc, "%s", lg_doc_plain(data->design.description, text, sizeof(text)));
    }
}

static void put_begin(const struct lg_report *report, struct lg_doc *doc)
{
    char *lead = report->data->design.has_curves ? lg_growth_lead(report)
                 : is_of_load(report)            ? lg_load_lead(report->summary)
                                                 : lg_findings_lead(report->summary);
    lg_content_begin(report, lead, doc);
    free(lead);
}

void lg_content_write(const struct lg_report *report, struct lg_doc *doc)
{
    if (report->bench) {
        lg_bench_write(report, doc);
        return;
    }
    if (report->method) {
        lg_method_write(report, doc);
        return;
    }
    const struct lg_design *design = &report->data->design;
    put_begin(report, doc);
    if (!design->has_curves && !is_of_load(report))
        lg_decision_write(report, doc);
    doc->format->heading(doc, 2, "What it means");
    if (design->has_curves)
        lg_growth_meaning(report, doc);
    else
        lg_findings_meaning(report, doc);
    doc->format->heading(doc, 2, "Can it be trusted?");
    lg_findings_validity(report->summary, doc);
    if (design->has_curves)
        lg_growth_sections(report, doc);
    for (size_t scenario = 0; scenario < design->scenario_count && !design->has_curves; scenario++)
        put_scenario(report, doc, scenario);
    lg_edits_section(report, doc);
    lg_instructions_section(report, doc);
    doc->format->heading(doc, 2, "Noise");
    lg_tables_noise(report->summary, doc);
    lg_layouts_write(report->summary, doc);
    lg_errors_write(report->data, doc);
    put_reading(report, doc);
    lg_origin_write(report, doc);
    doc->format->end(doc);
}
