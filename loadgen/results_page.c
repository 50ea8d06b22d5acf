#include "results_page.h"

#include "paths.h"
#include "report_parts.h"
#include "study_json.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lg_results_find(const struct lg_results_section *section, const char *file, char *ret_path,
                     size_t cap)
{
    int len = snprintf(ret_path, cap, "%s/%s/%s", section->dir, section->name, file);
    return len >= 0 && (size_t)len < cap && access(ret_path, R_OK) == 0;
}

void lg_results_links(const struct lg_results_section *section, const char *files)
{
    const char *between = "\nMore: ";
    while (*files) {
        char file[64], path[LG_PATH_MAX];
        size_t len = strcspn(files, "|");
        snprintf(file, sizeof(file), "%.*s", (int)len, files);
        files += len + (files[len] == '|');
        if (!lg_results_find(section, file, path, sizeof(path)))
            continue;
        fprintf(section->doc->out, "%s[%s](%s/%s)", between, file, section->name, file);
        between = ", ";
    }
    if (between[0] == ',')
        fputs(".\n", section->doc->out);
}

/* ---- Studies. ---- */

static void study_made(const struct lg_results_section *section, const struct lg_data *data)
{
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(data->about, "machine");
    char cpu[128], cores[32], text[LG_RESULTS_MACHINE], command[80];
    snprintf(text, sizeof(text), " %s, %s CPUs, Linux %.60s.",
             lg_doc_plain(lg_json_string(machine, "cpu", "unknown CPU"), cpu, sizeof(cpu)),
             lg_json_whole(machine, "cores", cores), lg_json_string(machine, "kernel", "unknown"));
    if (data->design.method.blocks > 0)
        lg_study_command(data, command, sizeof(command));
    else
        snprintf(command, sizeof(command), "./evdispatch study %.60s", data->design.name);
    lg_doc_paragraph(section->doc, "`%s`, commit `%.40s`, %.10s: %zu trials of %s in %u blocks.%s",
                     command, lg_json_string(data->about, "commit", "unknown"),
                     lg_json_string(data->about, "started", "unknown"), data->count,
                     data->design.duration, data->design.blocks,
                     strcmp(text, section->machine) == 0 ? "" : text);
    snprintf(section->machine, LG_RESULTS_MACHINE, "%s", text);
}

static bool of_shares(const struct lg_summary *summary)
{
    return lg_has_share(summary, lg_main_load(summary));
}

static char *study_lead(const struct lg_report *report)
{
    if (report->method)
        return lg_method_lead(report->method, report->summary);
    if (report->data->design.has_curves)
        return lg_growth_lead(report);
    return of_shares(report->summary) ? lg_load_lead(report->summary)
                                      : lg_findings_lead(report->summary);
}

static void study_items(const struct lg_report *report, struct lg_doc *doc)
{
    if (report->method)
        return;
    if (report->data->design.has_curves) {
        doc->format->list(doc, true);
        lg_growth_startup(report, doc);
        lg_edits_meaning(report->edits, doc);
        doc->format->list(doc, false);
    } else if (of_shares(report->summary)) {
        doc->format->list(doc, true);
        lg_load_brief(report->summary, doc);
        doc->format->list(doc, false);
    } else {
        lg_findings_meaning(report, doc);
    }
}

/* The question, and the study that answers it. */
static void first_screen(const struct lg_report *report, const char *lead, struct lg_doc *doc)
{
    lg_doc_paragraph(doc, "**Static, dynamic, or an object for each call?** %s", lead);
    lg_decision_write(report, doc);
    study_items(report, doc);
    doc->format->heading(doc, 2, "Can it be trusted?");
    lg_findings_brief(report->summary, doc);
}

static int put_report(const struct lg_results_section *section, struct lg_report *report,
                      bool first, struct evd_error *error)
{
    struct lg_doc *doc = section->doc;
    const struct lg_data *data = report->data;
    /* Places for figures, none of which is drawn here: nothing cites one. */
    report->slots = data->design.scenario_count * data->design.load_count * LG_FIGURES_PER_LOAD;
    report->figures = calloc(report->slots, sizeof(*report->figures));
    char *lead = study_lead(report), *halted = NULL;
    int rc = lg_pitfalls_study(section->pitfalls, section->name, report, error);
    if (rc == EVD_OK && strcmp(section->name, "halted") == 0)
        halted = lg_pitfalls_halted_lead(section->pitfalls);
    if (rc == EVD_OK && (!report->figures || !lead)) {
        rc = evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for the page of results");
    } else if (rc == EVD_OK && first) {
        first_screen(report, lead, doc);
        study_made(section, data);
    } else if (rc == EVD_OK) {
        doc->format->heading(doc, 2, section->title ? section->title : data->design.title);
        study_made(section, data);
        doc->format->paragraph(doc, halted ? halted : lead);
        if (!halted)
            study_items(report, doc);
    }
    free(halted);
    free(lead);
    free(report->figures);
    return rc;
}

static int put_study(const struct lg_results_section *section, const struct lg_data *data,
                     const struct lg_edits *edits, const struct lg_bench_data *counts, bool first,
                     struct evd_error *error)
{
    struct lg_summary summary;
    struct lg_growth growth;
    struct lg_method method;
    struct lg_report report = {
        .data = data, .summary = &summary, .growth = &growth, .edits = edits, .counts = counts};
    int rc = lg_summary_make(data, &summary);
    if (rc != EVD_OK)
        return evd_error_set(error, rc, "no memory for the summary");
    lg_growth_make(&data->design, &growth);
    if (data->design.method.blocks > 0) {
        rc = lg_method_make(data, &method);
        if (rc == EVD_OK)
            report.method = &method;
        else
            evd_error_set(error, rc, "no memory for the comparisons");
    }
    if (rc == EVD_OK)
        rc = put_report(section, &report, first, error);
    if (report.method)
        lg_method_release(&method);
    lg_summary_release(&summary);
    return rc;
}

static int study(const struct lg_results_section *section, bool first, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    struct lg_data data;
    struct lg_edits edits;
    struct lg_bench_data counts = {0};
    snprintf(path, sizeof(path), "%s/%s", section->dir, section->name);
    int rc = lg_data_read(path, &data, error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_edits_read(path, &edits, error);
    if (rc == EVD_OK) {
        rc = lg_bench_counts(path, &counts, error);
        if (rc == EVD_OK)
            rc = put_study(section, &data, &edits, &counts, first, error);
        lg_edits_release(&edits);
    }
    lg_data_release(&data);
    if (rc == EVD_OK)
        lg_results_links(section, "report.md|report.html|study.json|trials.jsonl|edit.jsonl");
    return rc;
}

/* ---- A bench. ---- */

static int bench(const struct lg_results_section *section, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    struct lg_bench_data data;
    snprintf(path, sizeof(path), "%s/%s", section->dir, section->name);
    int rc = lg_bench_read(path, &data, error);
    if (rc != EVD_OK)
        return rc;
    char *lead = lg_bench_lead(&data);
    section->doc->format->heading(section->doc, 2, section->title);
    lg_doc_paragraph(
        section->doc,
        "`./evdispatch bench`, commit `%.40s`, %.10s: %zu benchmarks, %zu repetitions "
        "of each, in random order. %.80s, Linux %.60s. A study may be of another machine "
        "and day: set these figures beside each other, not beside its own.",
        lg_json_string(data.context, "commit", "unknown"),
        lg_json_string(data.context, "date", "unknown"), data.count, data.repetitions,
        lg_json_string(data.context, "machine_cpu", "unknown CPU"),
        lg_json_string(data.context, "machine_kernel", "unknown"));
    section->doc->format->paragraph(section->doc, lead ? lead : "");
    section->doc->format->list(section->doc, true);
    lg_targets_item(&data, section->doc);
    section->doc->format->list(section->doc, false);
    free(lead);
    lg_bench_release(&data);
    lg_results_links(section, "report.md|report.html|bench.json|instructions.json");
    return rc;
}

/* ---- The page. ---- */

/* In the order of the page. A folder that is not here is told where it is a study. */
static const struct known {
    const char *name, *title;
    int (*write)(const struct lg_results_section *, struct evd_error *);
} known[] = {
    {"reference", NULL, NULL},
    {"load", "Under more and more load", NULL},
    {"growth", "How the costs grow", NULL},
    {"workers", "One worker or two", NULL},
    {"layouts", NULL, NULL},
    {"halted", NULL, NULL},
    {"aa", "The same against itself", NULL},
    {"aa-inject", "An effect that is known", NULL},
    {"bench", "Single operations", bench},
    {"roofline", "How near to the kernel", lg_results_roofline},
    {"generator", "What a request costs the generator", lg_results_generator},
    {"truth", "The generator against known truths", lg_results_truth},
    {"soak", "Soaks", lg_results_soak},
    {"fuzz", "Fuzzing", lg_results_fuzz},
};

enum { KNOWN = sizeof(known) / sizeof(*known) };

static bool is_known(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0)
            return true;
    return false;
}

static int put_section(const struct lg_results_section *section, const struct known *what,
                       bool first, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    if (what && what->write)
        return what->write(section, error);
    return lg_results_find(section, "study.json", path, sizeof(path)) ? study(section, first, error)
                                                                      : EVD_OK;
}

static bool is_there(const char *dir, const char *name)
{
    char path[LG_PATH_MAX];
    return snprintf(path, sizeof(path), "%s/%s", dir, name) < LG_PATH_MAX &&
           access(path, X_OK) == 0;
}

/* Studies whose folders nobody named above, by name. */
static int put_others(const struct lg_results_section *page, struct evd_error *error)
{
    struct dirent **entries;
    int count = scandir(page->dir, &entries, NULL, alphasort), rc = EVD_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct lg_results_section section = *page;
        section.name = name;
        if (rc == EVD_OK && name[0] != '.' && !is_known(name))
            rc = put_section(&section, NULL, false, error);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return rc;
}

static int put_page(const char *dir, struct lg_doc *doc, struct lg_pitfalls *pitfalls,
                    struct evd_error *error)
{
    char machine[LG_RESULTS_MACHINE] = "";
    struct lg_results_section page = {
        .dir = dir, .doc = doc, .pitfalls = pitfalls, .machine = machine};
    int rc = EVD_OK;
    fputs("# Results\n\n<!-- Made by `./evdispatch report --results` from the raw data beside it: "
          "what is written here by hand is lost. -->\n",
          doc->out);
    for (size_t i = 0; i < KNOWN && rc == EVD_OK; i++) {
        struct lg_results_section section = page;
        section.name = known[i].name;
        section.title = known[i].title;
        if (is_there(dir, known[i].name))
            rc = put_section(&section, &known[i], i == 0, error);
    }
    if (rc == EVD_OK)
        rc = put_others(&page, error);
    if (rc == EVD_OK && lg_pitfalls_any(pitfalls))
        fputs("\n## Pitfalls\n\n[PITFALLS.md](PITFALLS.md): usual mistakes, and what they would "
              "have said of these data.\n",
              doc->out);
    if (rc == EVD_OK)
        fputs(
            "\n## Again\n\n`./evdispatch report DIR` makes a folder's report from its raw data, "
            "`./evdispatch report --results` this page and PITFALLS.md from all of them, byte for "
            "byte.\n",
            doc->out);
    return rc;
}

/* Closes a page in memory, of which `rc` came. */
static int end_page(struct lg_doc *doc, int rc, struct evd_error *error)
{
    bool failed = ferror(doc->out) != 0;
    if ((fclose(doc->out) != 0 || failed) && rc == EVD_OK)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for the page of results");
    return rc;
}

/* Without a pitfall there is no such page. */
static int write_pitfalls(const char *dir, const struct lg_pitfalls *pitfalls,
                          struct evd_error *error)
{
    char path[LG_PATH_MAX], *text = NULL;
    size_t len = 0;
    snprintf(path, sizeof(path), "%s/PITFALLS.md", dir);
    if (!lg_pitfalls_any(pitfalls)) {
        unlink(path);
        return EVD_OK;
    }
    struct lg_doc doc = {.format = &lg_doc_markdown, .out = open_memstream(&text, &len)};
    if (!doc.out)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for the page of pitfalls");
    lg_pitfalls_write(pitfalls, &doc);
    int rc = end_page(&doc, EVD_OK, error);
    if (rc == EVD_OK)
        rc = lg_write_file(path, text, len, error);
    free(text);
    return rc;
}

int lg_results_make(const char *dir, struct evd_error *ret_error)
{
    char path[LG_PATH_MAX], *text = NULL;
    size_t len = 0;
    struct lg_pitfalls pitfalls = {0};
    /* The longest name of the two. */
    if (snprintf(path, sizeof(path), "%s/PITFALLS.md", dir) >= LG_PATH_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    if (access(dir, X_OK) != 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "there is no folder '%.160s'", dir);
    struct lg_doc doc = {.format = &lg_doc_markdown, .out = open_memstream(&text, &len)};
    if (!doc.out)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the page of results");
    int rc = end_page(&doc, put_page(dir, &doc, &pitfalls, ret_error), ret_error);
    snprintf(path, sizeof(path), "%s/README.md", dir);
    if (rc == EVD_OK)
        rc = write_pitfalls(dir, &pitfalls, ret_error);
    if (rc == EVD_OK)
        rc = lg_write_file(path, text, len, ret_error);
    lg_pitfalls_release(&pitfalls);
    free(text);
    return rc;
}
