#include "report_parts.h"

#include "report_format.h"
#include "stats_count.h"
#include "stats_parts.h"
#include "study_json.h"
#include "verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SENTENCE_MAX = 2000 };

static bool is_compared(const struct lg_design *design, size_t arm)
{
    return arm != design->reference && !design->arms[arm].twin_of;
}

enum lg_finding lg_findings_of(const struct lg_summary *summary, size_t load, enum lg_metric metric,
                               size_t arm)
{
    unsigned seen[4] = {0}, compared = 0;
    for (size_t scenario = 0; scenario < summary->data->design.scenario_count; scenario++) {
        if (!lg_summary_comparable(summary, scenario, load, arm, metric))
            continue;
        seen[lg_summary_cell(summary, scenario, load, arm)->verdicts[metric]]++;
        compared++;
    }
    if (compared == 0)
        return LG_FINDING_UNKNOWN;
    if (seen[LG_WORSE] && seen[LG_BETTER])
        return LG_FINDING_MIXED;
    if (seen[LG_WORSE] || seen[LG_BETTER])
        return seen[LG_WORSE] ? LG_FINDING_WORSE : LG_FINDING_BETTER;
    return seen[LG_EQUIVALENT] == summary->data->design.scenario_count ? LG_FINDING_EQUIVALENT
                                                                       : LG_FINDING_UNRESOLVED;
}

/* "(27 times slower on `services`, unresolved on `github-webhooks`)" */
static void put_scenarios(FILE *out, const struct lg_summary *summary, size_t load,
                          enum lg_metric metric, size_t arm)
{
    const struct lg_design *design = &summary->data->design;
    const char *above = lg_verdict_word(lg_verdict_above(metric), metric);
    const char *below = lg_verdict_word(lg_verdict_below(metric), metric);
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        enum lg_verdict verdict = cell->verdicts[metric];
        char change[LG_PRINT_MAX];
        bool known = cell->ratios[metric].bounded;
        bool differs = known && (verdict == LG_BETTER || verdict == LG_WORSE);
        fprintf(out, "%s%s on `%s`", scenario ? ", " : "",
                differs ? lg_print_change(cell->ratios[metric].estimate, above, below, change)
                : known ? lg_verdict_word(verdict, metric)
                        : "not compared",
                design->scenarios[scenario]);
    }
}

/* "`a`, `b` and `c`" of the arms with this finding; returns how many. */
static unsigned put_names(FILE *out, const struct lg_design *design,
                          const enum lg_finding *findings, enum lg_finding which)
{
    unsigned count = 0, done = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        count += is_compared(design, arm) && findings[arm] == which;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (!is_compared(design, arm) || findings[arm] != which)
            continue;
        fprintf(out, "%s`%s`", lg_print_between(done++, count), design->arms[arm].name);
    }
    return count;
}

static void put_groups(FILE *out, const struct lg_summary *summary, const enum lg_finding *findings,
                       bool *any)
{
    static const struct {
        enum lg_finding which;
        const char *one, *many;
    } groups[] = {{LG_FINDING_EQUIVALENT, " is equivalent to it (within 2 %)",
                   " are equivalent to it (within 2 %)"},
                  {LG_FINDING_UNRESOLVED, " cannot be told from it with this much noise",
                   " cannot be told from it with this much noise"},
                  {LG_FINDING_UNKNOWN, " could not be compared", " could not be compared"}};
    const struct lg_design *design = &summary->data->design;
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        bool there = false;
        for (size_t arm = 0; arm < design->arm_count; arm++)
            there = there || (is_compared(design, arm) && findings[arm] == groups[i].which);
        if (!there)
            continue;
        fputs(*any ? "; " : " ", out);
        *any = true;
        unsigned count = put_names(out, design, findings, groups[i].which);
        fputs(count > 1 ? groups[i].many : groups[i].one, out);
    }
}

/* Trials that are INVALID, and that estimates rest on all the same. */
static size_t stolen_trials(const struct lg_summary *summary)
{
    size_t count = 0;
    for (size_t i = 0; i < lg_design_cells(&summary->data->design); i++)
        count += summary->cells[i].trusted ? summary->cells[i].stolen : 0;
    return count;
}

char *lg_findings_lead(const struct lg_summary *summary)
{
    const struct lg_design *design = &summary->data->design;
    size_t load = lg_main_load(summary), len, compared = 0;
    enum lg_metric metric = summary->answers[load];
    enum lg_finding findings[LG_ARMS_MAX] = {0};
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    bool any = false;
    if (2 * (summary->invalid - summary->repeated - stolen_trials(summary)) > summary->planned)
        fputs("**Most trials are INVALID: take this for a hint at most.** ", out);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        findings[arm] = lg_findings_of(summary, load, metric, arm);
        compared += is_compared(design, arm);
    }
    fprintf(out, compared ? "%s, against `%s`:" : "%s: there is no arm but `%s`",
            metric == LG_RATE  ? "At full load"
            : metric == LG_CPU ? "By the server's CPU per call at full load"
                               : "By median latency",
            design->arms[design->reference].name);
    for (int which = LG_FINDING_WORSE; which <= LG_FINDING_MIXED; which++) {
        for (size_t arm = 0; arm < design->arm_count; arm++) {
            if (!is_compared(design, arm) || (int)findings[arm] != which)
                continue;
            fprintf(out, "%s `%s` is ", any ? ";" : "", design->arms[arm].name);
            any = true;
            put_scenarios(out, summary, load, metric, arm);
        }
    }
    put_groups(out, summary, findings, &any);
    fputs(".", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* How many arms have an interval against the reference there. */
static unsigned compared_arms(const struct lg_summary *summary, size_t scenario, size_t load,
                              enum lg_metric metric)
{
    unsigned compared = 0;
    for (size_t arm = 0; arm < summary->data->design.arm_count; arm++)
        compared += is_compared(&summary->data->design, arm) &&
                    lg_summary_comparable(summary, scenario, load, arm, metric);
    return compared;
}

/* "no arm is shown to differ" takes arms that could have been shown to: all of them, or it is said
 * of how many. */
static const char *nothing_shown(const struct lg_summary *summary, size_t scenario, size_t load,
                                 enum lg_metric metric, char out[static 120])
{
    const struct lg_design *design = &summary->data->design;
    unsigned compared = compared_arms(summary, scenario, load, metric), arms = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        arms += is_compared(design, arm);
    if (arms == 0)
        snprintf(out, 120, "there is no other arm");
    else if (compared == 0)
        snprintf(out, 120, "no arm could be compared: too few trials count");
    else if (compared < arms)
        snprintf(out, 120,
                 "of the %u arms of %u that could be compared none is shown to differ by more "
                 "than 2 %%",
                 compared, arms);
    else
        snprintf(out, 120, "no arm is shown to differ by more than 2 %%");
    return out;
}

/* One item: what the arms' calls cost more, or less, on a scenario at full load. */
static void meaning_of_cpu(const struct lg_summary *summary, size_t scenario, size_t load,
                           struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    char text[SENTENCE_MAX] = "", a[LG_PRINT_MAX], b[LG_PRINT_MAX], c[LG_PRINT_MAX], none[120];
    size_t len = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        double extra = cell->extra_cpu.estimate;
        double seconds = fabs(extra) * 1e-9 * (fabs(extra) < 100 ? 1e6 : 1e4); /* not 0 % */
        if (!is_compared(design, arm) || !cell->ratios[LG_CPU].bounded ||
            (cell->verdicts[LG_CPU] != LG_WORSE && cell->verdicts[LG_CPU] != LG_BETTER))
            continue;
        if (len < sizeof(text))
            len += (size_t)snprintf(
                text + len, sizeof(text) - len, "%s `%s` takes %s %s (at %s calls/s: %s of a core)",
                len ? "," : "", design->arms[arm].name,
                lg_print_value(fabs(extra), LG_UNIT_TIME, a), extra > 0 ? "more" : "less",
                fabs(extra) < 100 ? "1,000,000" : "10,000", lg_print_share(seconds, c));
    }
    const struct lg_cell *reference = lg_summary_cell(summary, scenario, load, design->reference);
    if (!isfinite(reference->values[LG_CPU].estimate))
        return;
    lg_print_value(reference->values[LG_CPU].estimate, LG_UNIT_US, b);
    if (len)
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**CPU** on `%s`: a call of `%s` takes %s of server CPU;%s. The "
                    "other arms are not shown to differ by more than 2 %%.",
                    design->scenarios[scenario], design->arms[design->reference].name, b, text);
    else
        lg_doc_item(doc, LG_TONE_PLAIN,
                    "**CPU** on `%s`: a call of `%s` takes %s of server CPU; %s.",
                    design->scenarios[scenario], design->arms[design->reference].name, b,
                    nothing_shown(summary, scenario, load, LG_CPU, none));
}

/* One item: the median latency of the reference, and which arms differ. */
static void meaning_of_latency(const struct lg_summary *summary, size_t scenario, size_t load,
                               struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    char text[SENTENCE_MAX] = "", a[LG_PRINT_MAX], b[LG_PRINT_MAX], c[LG_PRINT_MAX], none[120];
    size_t len = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        const struct lg_cell *cell = lg_summary_cell(summary, scenario, load, arm);
        if (!is_compared(design, arm) || !cell->ratios[LG_P50].bounded ||
            (cell->verdicts[LG_P50] != LG_WORSE && cell->verdicts[LG_P50] != LG_BETTER))
            continue;
        if (len < sizeof(text))
            len += (size_t)snprintf(
                text + len, sizeof(text) - len, "%s `%s` %s (%s)", len ? "," : "",
                design->arms[arm].name,
                lg_print_value(cell->values[LG_P50].estimate, LG_UNIT_US, a),
                lg_print_change(cell->ratios[LG_P50].estimate, "slower", "faster", b));
    }
    const struct lg_cell *reference = lg_summary_cell(summary, scenario, load, design->reference);
    if (!isfinite(reference->values[LG_P50].estimate))
        return;
    lg_doc_item(doc, LG_TONE_PLAIN,
                "**Latency** on `%s` at %s calls/s: half of the calls of `%s` are answered within "
                "%s;%s%s.",
                design->scenarios[scenario], lg_print_count(summary->data->loads[load].rate, c),
                design->arms[design->reference].name,
                lg_print_value(reference->values[LG_P50].estimate, LG_UNIT_US, a), len ? "" : " ",
                len ? text : nothing_shown(summary, scenario, load, LG_P50, none));
}

void lg_findings_meaning(const struct lg_report *report, struct lg_doc *doc)
{
    const struct lg_summary *summary = report->summary;
    const struct lg_design *design = &summary->data->design;
    doc->format->list(doc, true);
    for (size_t load = 0; load < design->load_count; load++) {
        for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
            if (!lg_is_known(summary, load))
                continue;
            if (lg_is_first_share(summary, load))
                lg_load_meaning(summary, scenario, doc);
            else if (lg_has_share(summary, load))
                continue;
            else if (lg_is_closed(summary, load))
                meaning_of_cpu(summary, scenario, load, doc);
            else
                meaning_of_latency(summary, scenario, load, doc);
        }
    }
    lg_instructions_meaning(report, doc);
    doc->format->list(doc, false);
}

/* Why a trial doesn't count, one reason a line. */
static const char *reason_of(const struct lg_trial *trial, bool problems)
{
    const char *reason = problems ? trial->problem : trial->doubt;
    return reason ? reason : "";
}

/* Reasons are of one kind when they start with the same words, up to the first number. */
static bool same_kind(const char *a, const char *b)
{
    size_t len = strcspn(a, "0123456789\n");
    return len == strcspn(b, "0123456789\n") && strncmp(a, b, len) == 0;
}

/* Whether a trial has a reason of this kind. */
static bool has_kind(const struct lg_trial *trial, bool problems, const char *kind)
{
    for (const char *reason = reason_of(trial, problems); *reason;) {
        if (same_kind(reason, kind))
            return true;
        reason += strcspn(reason, "\n");
        reason += strspn(reason, "\n");
    }
    return false;
}

static void list_kind(const struct lg_data *data, size_t first, bool problems, const char *reason,
                      struct lg_doc *doc)
{
    const struct lg_trial *trial = &data->trials[first];
    const struct lg_design *design = &data->design;
    unsigned same = 0;
    char text[300], plain[300];
    for (size_t i = first; i < data->count; i++)
        same += has_kind(&data->trials[i], problems, reason);
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(reason, "\n"), reason);
    lg_doc_item(doc, problems ? LG_TONE_BAD : LG_TONE_WARN,
                "In %u trial%s, first in number %u (`%s`, `%s`, %s): %s.", same,
                same > 1 ? "s" : "", trial->number, design->arms[trial->arm].name,
                design->scenarios[trial->scenario], design->loads[trial->load].name,
                lg_doc_plain(text, plain, sizeof(plain)));
}

/* One item for each kind of reason: how many trials, and the first of them. */
static void list_reasons(const struct lg_summary *summary, struct lg_doc *doc, bool problems)
{
    enum { KINDS_MAX = 12 };
    const struct lg_data *data = summary->data;
    unsigned listed = 0;
    for (size_t i = 0; i < data->count; i++) {
        const char *reason = reason_of(&data->trials[i], problems);
        while (*reason && listed < KINDS_MAX) {
            bool earlier = false;
            for (size_t j = 0; j < i && !earlier; j++)
                earlier = has_kind(&data->trials[j], problems, reason);
            if (!earlier) {
                list_kind(data, i, problems, reason, doc);
                listed++;
            }
            reason += strcspn(reason, "\n");
            reason += strspn(reason, "\n");
        }
    }
}

static void check_replies(const struct lg_summary *summary, struct lg_doc *doc)
{
    char a[LG_PRINT_MAX], b[LG_PRINT_MAX];
    lg_print_count(summary->checked, a);
    if (summary->bad > 0)
        lg_doc_item(doc, LG_TONE_BAD, "**%s bad replies** among %s that were checked.",
                    lg_print_count(summary->bad, b), a);
    else
        lg_doc_item(doc, LG_TONE_GOOD, "Every reply was checked: %s replies, none bad.", a);
    if (!summary->exact)
        lg_doc_item(doc, LG_TONE_BAD,
                    "Accounting is not exact: in some trial the outcomes do not add up to what was "
                    "scheduled.");
    else if (summary->lost > 0)
        lg_doc_item(doc, LG_TONE_WARN,
                    "Accounting is exact in every trial; %s calls timed out, were never sent, or "
                    "were lost with their connection.",
                    lg_print_count(summary->lost, b));
    else
        lg_doc_item(doc, LG_TONE_GOOD,
                    "Accounting is exact in every trial: no scheduled call is missing, none was "
                    "lost.");
}

static void check_trials(const struct lg_summary *summary, bool reasons, struct lg_doc *doc)
{
    size_t there = summary->trials - summary->repeated;
    if (there < summary->planned)
        lg_doc_item(doc, LG_TONE_WARN, "The study did not end: %zu of %zu trials are there.", there,
                    summary->planned);
    else
        lg_doc_item(doc, LG_TONE_GOOD, "All %zu trials of the design are there.", summary->planned);
    if (summary->problems > 0)
        lg_doc_item(doc, LG_TONE_BAD, "%zu trial%s went wrong and %s left out of every figure.",
                    summary->problems, summary->problems > 1 ? "s" : "",
                    summary->problems > 1 ? "are" : "is");
    if (reasons)
        list_reasons(summary, doc, true);
    if (summary->overloaded > 0)
        lg_doc_item(doc, LG_TONE_GOOD,
                    "%zu trial%s offered more calls than were answered. That is a result of loads "
                    "that are shares of the maximum, and counts as one.",
                    summary->overloaded, summary->overloaded > 1 ? "s were" : " was");
    if (summary->invalid == 0) {
        lg_doc_item(doc, LG_TONE_GOOD, "The load generator found no trial INVALID.");
        return;
    }
    size_t left = summary->invalid - summary->repeated, stolen = stolen_trials(summary);
    lg_doc_item(doc, left > 0 ? LG_TONE_WARN : LG_TONE_GOOD,
                "The load generator found %zu of %zu trials INVALID: %zu repeated at once, %zu "
                "left out%s",
                summary->invalid, summary->trials, summary->repeated, left - stolen,
                left > stolen ? ". An arm with less than half of its trials left is shown with all "
                                "of them, and gets neither interval nor verdict."
                              : ".");
    if (stolen > 0)
        lg_doc_item(
            doc, LG_TONE_WARN,
            "%zu INVALID trial%s with no other cause than stolen time %s kept, because some "
            "arms had too few without: it falls on all arms alike, and makes intervals "
            "wide, not wrong. Verdicts that rest on that say so.",
            stolen, stolen > 1 ? "s" : "", stolen > 1 ? "are" : "is");
    if (reasons)
        list_reasons(summary, doc, false);
}

struct twin_check {
    unsigned compared, differ;
    double worst;
};

static void check_twin(const struct lg_cell *cell, enum lg_metric metric, struct twin_check *check)
{
    const struct lg_interval *ratio = &cell->ratios[metric];
    if (!ratio->bounded)
        return;
    check->compared++;
    check->differ += lg_interval_off_one(ratio);
    check->worst = fmax(check->worst, fabs(ratio->estimate - 1));
}

/* The reference against its twin: whatever they differ by is noise. */
static void check_twins(const struct lg_summary *summary, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    struct twin_check check = {0};
    bool copied = false;
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (!lg_is_copy(design, arm))
            continue;
        copied = true;
        for (size_t i = 0; i < design->scenario_count * design->load_count; i++) {
            size_t load = i % design->load_count;
            bool closed = lg_is_closed(summary, load);
            const struct lg_cell *cell =
                lg_summary_cell(summary, i / design->load_count, load, arm);
            check_twin(cell, closed ? LG_RATE : LG_P50, &check);
            check_twin(cell, closed ? LG_CPU : LG_P99, &check);
        }
    }
    char share[LG_PRINT_MAX];
    lg_print_share(check.worst, share);
    if (check.compared == 0)
        lg_doc_item(doc, LG_TONE_WARN, "%s: this report cannot show its own noise.",
                    copied ? "Of the comparison of the reference with itself (A/A) too few trials "
                             "count"
                           : "There is no comparison of the reference with itself (A/A)");
    else if (check.differ == 0)
        lg_doc_item(doc, LG_TONE_GOOD,
                    "The reference against itself (A/A), by throughput, CPU, p50 and p99: at most "
                    "%s apart, and each of %u intervals holds 1.",
                    share, check.compared);
    else
        lg_doc_item(doc,
                    check.differ > lg_binomial_limit(check.compared, 1 - LG_LEVEL, 0.025)
                        ? LG_TONE_WARN
                        : LG_TONE_GOOD,
                    "The reference against itself (A/A): up to %s apart, and %u of %u intervals "
                    "%s not hold 1, where 1 in 20 is to be expected. See Noise below.",
                    share, check.differ, check.compared, check.differ > 1 ? "do" : "does");
    for (size_t arm = 0; arm < design->arm_count; arm++)
        if (lg_is_copy(design, arm))
            lg_load_twins(summary, arm, doc);
}

/* What the answer rests on, where the generator was full under some closed load. */
static const char *rests_on(const struct lg_summary *summary)
{
    const struct lg_design *design = &summary->data->design;
    size_t load = lg_main_load(summary);
    if (summary->answers[load] == LG_CPU)
        return " The answer rests on the server's own CPU time.";
    for (size_t i = 0; i < design->scenario_count * design->arm_count; i++)
        if (lg_summary_cell(summary, i / design->arm_count, load, i % design->arm_count)
                ->generator_full)
            return " The answer rests on throughput all the same: the server's CPU time was not "
                   "recorded under every arm.";
    return "";
}

/* Throughput is the server's alone where the generator had CPU to spare. */
static void check_generator(const struct lg_summary *summary, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    unsigned full = 0, closed = 0;
    char share[LG_PRINT_MAX];
    for (size_t i = 0; i < lg_design_cells(design); i++) {
        if (!lg_is_closed(summary, i / design->arm_count % design->load_count))
            continue;
        closed++;
        full += summary->cells[i].generator_full;
    }
    lg_print_share(LG_CLIENT_SHARE_MAX, share);
    if (full > 0)
        lg_doc_item(doc, LG_TONE_WARN,
                    "The load generator was as busy as the server, over %s of a core, in %u of %u "
                    "combinations of arm, scenario and closed load: throughput is that of the pair "
                    "there.%s",
                    share, full, closed, rests_on(summary));
    else if (closed > 0)
        lg_doc_item(doc, LG_TONE_GOOD,
                    "The load generator had CPU to spare in each closed load: throughput is the "
                    "server's.");
}

/* The least p of n pairs is 2^(1 - n); Holm holds the least of a family against its size. */
static void check_blocks(const struct lg_summary *summary, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    unsigned pairs = (unsigned)design->arm_count - 1, enough = 1;
    while (pairs * exp2(1 - (double)enough) > LG_FAMILY_LEVEL)
        enough++;
    if (!design->has_curves && pairs > 0 && design->blocks < enough)
        lg_doc_item(
            doc, LG_TONE_WARN,
            "With %u block%s and %u comparisons no arm can be shown to be faster or slower, "
            "whatever the figures: that takes %u blocks.",
            design->blocks, design->blocks > 1 ? "s" : "", pairs, enough);
}

static void check_machine(const struct lg_summary *summary, struct lg_doc *doc)
{
    const cJSON *about = summary->data->about;
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(about, "machine");
    const cJSON *pinning = cJSON_GetObjectItemCaseSensitive(about, "pinning");
    const cJSON *build = cJSON_GetObjectItemCaseSensitive(about, "build");
    double server = lg_json_number(pinning, "server_cpu"),
           load = lg_json_number(pinning, "load_cpu");
    char share[LG_PRINT_MAX];
    if (isfinite(summary->steal_max))
        lg_doc_item(doc, summary->steal_max > 0.01 ? LG_TONE_WARN : LG_TONE_GOOD,
                    "The host took at most %s of the CPU time away in any trial (steal).",
                    lg_print_share(summary->steal_max, share));
    if (fabs(server - load) < 0.5)
        lg_doc_item(
            doc, LG_TONE_WARN,
            "Server and load shared CPU %.0f: they disturbed each other, and no figure here "
            "is that of the server alone.",
            server);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(machine, "virtual")))
        lg_doc_item(doc, LG_TONE_WARN,
                    "This is a virtual machine: absolute figures move with its neighbours. Trust "
                    "the ratios, which were measured side by side.");
    if (lg_json_string(build, "sanitize", "")[0] ||
        strcmp(lg_json_string(build, "type", ""), "Debug") == 0)
        lg_doc_item(
            doc, LG_TONE_BAD,
            "This is a debug or sanitizer build: its figures say nothing about an optimised "
            "one.");
    const char *commit = lg_json_string(about, "commit", "unknown");
    if (strstr(commit, "-dirty") || strcmp(commit, "unknown") == 0)
        lg_doc_item(doc, LG_TONE_WARN,
                    "The source was not a commit (%s): nobody can build exactly this again.",
                    commit);
}

void lg_findings_validity(const struct lg_summary *summary, struct lg_doc *doc)
{
    doc->format->list(doc, true);
    check_replies(summary, doc);
    check_trials(summary, true, doc);
    if (!(summary->data->design.method.steps > 0)) /* which has none, and is all about noise */
        check_twins(summary, doc);
    check_generator(summary, doc);
    check_blocks(summary, doc);
    check_machine(summary, doc);
    doc->format->list(doc, false);
}

void lg_findings_brief(const struct lg_summary *summary, struct lg_doc *doc)
{
    doc->format->list(doc, true);
    check_replies(summary, doc);
    check_trials(summary, false, doc);
    check_twins(summary, doc);
    doc->format->list(doc, false);
}
