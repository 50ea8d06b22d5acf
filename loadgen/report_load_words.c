/* How far each arm goes, in sentences: they rank only what the brackets tell apart. */
#include "report_load.h"
#include "report_parts.h"

#include <stdlib.h>
#include <string.h>

/* What a sentence tells of arms. */
enum told { TOLD_LIMIT, TOLD_KNEE };

struct told_arms {
    const struct lg_summary *summary;
    struct lg_ladder ladder;
    struct lg_reach reaches[LG_ARMS_MAX];
    enum told what;
};

static void take_arms(const struct lg_summary *summary, size_t scenario, enum told what,
                      struct told_arms *ret_arms)
{
    *ret_arms = (struct told_arms){.summary = summary, .what = what};
    lg_ladder_make(&summary->data->design, &ret_arms->ladder);
    for (size_t arm = 0; arm < summary->data->design.arm_count; arm++)
        (void)lg_reach_of(summary, &ret_arms->ladder, scenario, arm,
                          &ret_arms->reaches[arm]); /* none, without memory */
}

static enum lg_reach_order order_of(const struct told_arms *arms, size_t arm)
{
    const struct lg_reach *reach = &arms->reaches[arm],
                          *reference = &arms->reaches[arms->summary->data->design.reference];
    return arms->what == TOLD_LIMIT ? lg_reach_limit_order(&arms->ladder, reach, reference)
                                    : lg_reach_knee_order(reach, reference);
}

static const char *share_at(const struct told_arms *arms, size_t at, char *out)
{
    return lg_print_share(arms->summary->data->design.loads[arms->ladder.loads[at]].share, out);
}

/* "between 50 % and 90 %" */
static void put_limit(const struct told_arms *arms, size_t arm, FILE *out)
{
    const struct lg_reach *reach = &arms->reaches[arm];
    bool under = reach->under < arms->ladder.count, over = reach->over < arms->ladder.count;
    char low[LG_PRINT_MAX] = "", high[LG_PRINT_MAX] = "";
    if (under)
        share_at(arms, reach->under, low);
    if (over)
        share_at(arms, reach->over, high);
    fprintf(out, "%s%s%s%s",
            under && over ? "between "
            : under       ? "beyond "
            : over        ? "before "
                          : "at a rate not shown",
            low, under && over ? " and " : "", high);
}

static void put_place(const struct told_arms *arms, size_t arm, FILE *out)
{
    char knee[LG_KNEE_TEXT];
    if (arms->what == TOLD_LIMIT)
        put_limit(arms, arm, out);
    else
        fputs(lg_reach_knee_words(arms->summary, &arms->ladder, &arms->reaches[arm], knee), out);
}

static bool is_told(const struct told_arms *arms, size_t arm, enum lg_reach_order order)
{
    const struct lg_design *design = &arms->summary->data->design;
    return arm != design->reference && !design->arms[arm].twin_of && order_of(arms, arm) == order;
}

/* "; `b` (between 10 % and 50 %) and `c` (before 10 %) reach it earlier" */
static void put_group(const struct told_arms *arms, enum lg_reach_order order, FILE *out)
{
    static const struct {
        const char *one, *many;
    } ends[][2] = {
        [LG_REACH_EARLIER] = {{"reaches it earlier", "reach it earlier"},
                              {"has it earlier", "have it earlier"}},
        [LG_REACH_LATER] = {{"reaches it later", "reach it later"},
                            {"has it later", "have it later"}},
        [LG_REACH_OVERLAP] = {{"cannot be told from it with this much noise",
                               "cannot be told from it with this much noise"},
                              {"cannot be told from it with this much noise",
                               "cannot be told from it with this much noise"}},
        [LG_REACH_UNKNOWN] = {{"could not be compared", "could not be compared"},
                              {"could not be compared", "could not be compared"}},
    };
    const struct lg_design *design = &arms->summary->data->design;
    unsigned count = 0, done = 0;
    for (size_t arm = 0; arm < design->arm_count; arm++)
        count += is_told(arms, arm, order);
    if (count == 0)
        return;
    fputs("; ", out);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (!is_told(arms, arm, order))
            continue;
        fprintf(out, "%s`%s` (", lg_print_between(done++, count), design->arms[arm].name);
        put_place(arms, arm, out);
        fputs(")", out);
    }
    fprintf(out, " %s", count > 1 ? ends[order][arms->what].many : ends[order][arms->what].one);
}

/* One scenario, as a sentence without its end. */
static void put_sentence(const struct lg_summary *summary, size_t scenario, enum told what,
                         FILE *out)
{
    const struct lg_design *design = &summary->data->design;
    struct told_arms arms;
    char maximum[LG_PRINT_MAX], limit[LG_PRINT_MAX];
    take_arms(summary, scenario, what, &arms);
    lg_print_value(summary->data->rates.maximum[scenario], LG_UNIT_RATE, maximum);
    lg_print_value((double)design->slo_p99_ns, LG_UNIT_TIME, limit);
    if (what == TOLD_LIMIT)
        fprintf(out, "On `%s`, `%s` reaches a p99 of %s ", design->scenarios[scenario],
                design->arms[design->reference].name, limit);
    else
        fprintf(out,
                "On `%s`, the knee of `%s`, beyond which latency grows faster than "
                "throughput, lies ",
                design->scenarios[scenario], design->arms[design->reference].name);
    put_place(&arms, design->reference, out);
    for (int order = 0; order < LG_REACH_ORDERS; order++)
        put_group(&arms, (enum lg_reach_order)order, out);
    fprintf(out, "; 100 %% are the %s that `%s` answers at most", maximum,
            design->arms[design->reference].name);
}

char *lg_load_lead(const struct lg_summary *summary)
{
    const struct lg_design *design = &summary->data->design;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        fputs(scenario ? " " : "", out);
        put_sentence(summary, scenario, design->slo_p99_ns > 0 ? TOLD_LIMIT : TOLD_KNEE, out);
        fputs(".", out);
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void put_item(const struct lg_summary *summary, size_t scenario, enum told what,
                     struct lg_doc *doc)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    put_sentence(summary, scenario, what, out);
    if (fclose(out) == 0)
        lg_doc_item(doc, LG_TONE_PLAIN, "**%s**: %s.", what == TOLD_KNEE ? "Knee" : "Limit", text);
    free(text);
}

void lg_load_meaning(const struct lg_summary *summary, size_t scenario, struct lg_doc *doc)
{
    if (summary->data->design.slo_p99_ns > 0)
        put_item(summary, scenario, TOLD_LIMIT, doc);
    put_item(summary, scenario, TOLD_KNEE, doc);
}

/* One item: where the copy of the reference has what the reference has. */
static void check_twin(const struct told_arms *arms, size_t scenario, size_t twin,
                       struct lg_doc *doc)
{
    const struct lg_design *design = &arms->summary->data->design;
    const char *name = design->arms[design->reference].name, *scene = design->scenarios[scenario];
    const char *what = arms->what == TOLD_LIMIT ? "the limit" : "the knee";
    enum lg_reach_order order = order_of(arms, twin);
    char *places[2] = {NULL, NULL};
    size_t len;
    for (size_t i = 0; i < 2; i++) {
        FILE *out = open_memstream(&places[i], &len);
        if (out) {
            put_place(arms, i == 0 ? design->reference : twin, out);
            fclose(out);
        }
    }
    const char *own = places[0] ? places[0] : "?", *other = places[1] ? places[1] : "?";
    if (order == LG_REACH_OVERLAP)
        lg_doc_item(doc, LG_TONE_GOOD,
                    "A/A on `%s`, %s: `%s` (%s) and its copy `%s` (%s) cannot be told apart.",
                    scene, what, name, own, design->arms[twin].name, other);
    else if (order == LG_REACH_UNKNOWN)
        lg_doc_item(doc, LG_TONE_WARN,
                    "A/A on `%s`, %s: `%s` (%s) and its copy `%s` (%s) could not be compared.",
                    scene, what, name, own, design->arms[twin].name, other);
    else
        lg_doc_item(doc, LG_TONE_WARN,
                    "A/A on `%s`, %s: `%s` (%s) and its copy `%s` (%s) are told apart, though they "
                    "are the same: believe no such difference of another arm here.",
                    scene, what, name, own, design->arms[twin].name, other);
    free(places[0]);
    free(places[1]);
}

/* "228 µs [214, 383] at 10 %": of the rates that an arm kept up with, where its p99 is least. */
static void put_least(const struct told_arms *arms, size_t scenario, size_t arm, FILE *out)
{
    const struct lg_interval *least = NULL;
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX], share[LG_PRINT_MAX];
    size_t at = 0;
    for (size_t i = 0; i < arms->ladder.count; i++) {
        size_t load = arms->ladder.loads[i];
        const struct lg_interval *p99 =
            &lg_summary_cell(arms->summary, scenario, load, arm)->values[LG_P99];
        if (lg_rung_of(arms->summary, scenario, load, arm) != LG_RUNG_KEPT_UP ||
            (least && !(p99->estimate < least->estimate)))
            continue;
        least = p99;
        at = i;
    }
    if (!least) {
        fputs("not known", out);
        return;
    }
    lg_print_value(least->estimate, LG_UNIT_TIME, value);
    lg_print_bounds(least, LG_UNIT_TIME, bounds);
    fprintf(out, "%s%s%s at %s", value, bounds[0] ? " " : "", bounds, share_at(arms, at, share));
}

/* "; `b`, overloaded from 50 % on, answers at most 16.7 k/s [16.5, 17.0]" */
static void put_most(const struct told_arms *arms, size_t scenario, size_t arm, FILE *out)
{
    const struct lg_interval *most = NULL;
    char value[LG_PRINT_MAX], bounds[LG_PRINT_MAX], share[LG_PRINT_MAX];
    size_t from = arms->ladder.count;
    for (size_t i = 0; i < arms->ladder.count; i++) {
        size_t load = arms->ladder.loads[i];
        const struct lg_interval *rate =
            &lg_summary_cell(arms->summary, scenario, load, arm)->values[LG_RATE];
        enum lg_rung rung = lg_rung_of(arms->summary, scenario, load, arm);
        if (rung != LG_RUNG_UNKNOWN && (!most || rate->estimate > most->estimate))
            most = rate;
        if (rung == LG_RUNG_OVERLOADED && from == arms->ladder.count)
            from = i;
    }
    if (from == arms->ladder.count)
        return;
    lg_print_value(most->estimate, LG_UNIT_RATE, value);
    lg_print_bounds(most, LG_UNIT_RATE, bounds);
    fprintf(out, "; `%s`, overloaded from %s on, answers at most %s%s%s",
            arms->summary->data->design.arms[arm].name, share_at(arms, from, share), value,
            bounds[0] ? " " : "", bounds);
}

/* One item: what to expect of an arm at best. */
static void put_best(const struct lg_summary *summary, size_t scenario, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    struct told_arms arms;
    char *text = NULL;
    size_t len, count = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return;
    take_arms(summary, scenario, TOLD_LIMIT, &arms);
    for (size_t arm = 0; arm < design->arm_count; arm++) {
        if (design->arms[arm].twin_of)
            continue;
        fprintf(out, "%s `%s` ", count++ ? "," : "", design->arms[arm].name);
        put_least(&arms, scenario, arm, out);
    }
    for (size_t arm = 0; arm < design->arm_count; arm++)
        if (!design->arms[arm].twin_of)
            put_most(&arms, scenario, arm, out);
    if (fclose(out) == 0)
        lg_doc_item(doc, LG_TONE_PLAIN, "**Smallest p99** on `%s`:%s.", design->scenarios[scenario],
                    text);
    free(text);
}

static void check_twin_of(const struct lg_summary *summary, size_t scenario, size_t twin,
                          enum told what, struct lg_doc *doc)
{
    struct told_arms arms;
    take_arms(summary, scenario, what, &arms);
    check_twin(&arms, scenario, twin, doc);
}

void lg_load_brief(const struct lg_summary *summary, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    enum told what = design->slo_p99_ns > 0 ? TOLD_LIMIT : TOLD_KNEE;
    for (size_t scenario = 0; scenario < design->scenario_count; scenario++) {
        put_best(summary, scenario, doc);
        for (size_t arm = 0; arm < design->arm_count; arm++)
            if (lg_is_copy(design, arm))
                check_twin_of(summary, scenario, arm, what, doc);
    }
}

void lg_load_twins(const struct lg_summary *summary, size_t twin, struct lg_doc *doc)
{
    const struct lg_design *design = &summary->data->design;
    for (size_t scenario = 0; scenario < design->scenario_count && design->has_shares; scenario++) {
        if (design->slo_p99_ns > 0)
            check_twin_of(summary, scenario, twin, TOLD_LIMIT, doc);
        check_twin_of(summary, scenario, twin, TOLD_KNEE, doc);
    }
}
