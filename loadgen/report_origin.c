#include "report_parts.h"

#include "report_format.h"
#include "study_json.h"
#include "study_layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *lg_origin_payloads(const struct lg_scenario_facts *facts, char *out, size_t cap)
{
    char count[LG_PRINT_MAX], plain[64];
    lg_print_count(facts->requests, count);
    if (!facts->known)
        snprintf(out, cap, "unknown: no trial of it ended");
    else if (strcmp(facts->payloads, "inline") == 0)
        snprintf(out, cap, "%s request%s written in the scenario", count,
                 facts->requests > 1 ? "s" : "");
    else if (strcmp(facts->payloads, "generated") == 0)
        snprintf(out, cap, "%s generated payloads of the same names and sizes as the real ones",
                 count);
    else
        snprintf(out, cap, "%s real payloads of %s", count,
                 lg_doc_plain(facts->payloads, plain, sizeof(plain)));
    return out;
}

static void machine_rows(const struct lg_data *data, struct lg_table *table)
{
    const cJSON *machine = member(data->about, "machine"),
                *pinning = member(data->about, "pinning");
    char memory[LG_PRINT_MAX], one[32], other[32];
    lg_print_number(lg_json_number(machine, "memory_bytes") / 1073741824, memory);
    lg_tables_add(table, "CPU", "%s, %s online%s", lg_json_string(machine, "cpu", "unknown"),
                  lg_json_whole(machine, "cores", one),
                  cJSON_IsTrue(member(machine, "virtual")) ? ", in a virtual machine" : "");
    lg_tables_add(table, "Memory", "%s GiB", memory);
    lg_tables_add(table, "System", "%s, Linux %s", lg_json_string(machine, "os", "unknown"),
                  lg_json_string(machine, "kernel", "unknown"));
    lg_tables_add(table, "CPU governor", "%s",
                  lg_json_string(machine, "governor", "none to be seen"));
    lg_tables_add(table, "Clock source", "%s",
                  lg_json_string(machine, "clocksource", "not recorded"));
    lg_tables_add(
        table, "Pinning", "server on CPU %s, load on CPU %s; CPUs that share the server's core: %s",
        lg_json_whole(pinning, "server_cpu", one), lg_json_whole(pinning, "load_cpu", other),
        lg_json_string(machine, "siblings", "unknown"));
    lg_tables_add(table, "Idle CPUs", "%s",
                  data->design.keep_awake ? "kept awake: a process of the class SCHED_IDLE on each"
                                          : "halted, as the system does");
    lg_tables_add(table, "TCP congestion control", "%s on both sides (the system's default: %s)",
                  data->design.congestion, lg_json_string(machine, "congestion", "unknown"));
}

static void build_rows(const struct lg_data *data, struct lg_table *table)
{
    const cJSON *build = member(data->about, "build");
    lg_tables_add(table, "Commit", "%s", lg_json_string(data->about, "commit", "unknown"));
    lg_tables_add(table, "Server", "%s", lg_json_string(data->about, "server_version", "unknown"));
    lg_tables_add(table, "Load generator", "loadgen %s, %s, %s%s%s",
                  lg_json_string(data->about, "version", "unknown"),
                  lg_json_string(build, "type", "unknown"),
                  lg_json_string(build, "compiler", "unknown compiler"),
                  lg_json_string(build, "sanitize", "")[0] ? ", sanitizer " : "",
                  lg_json_string(build, "sanitize", ""));
}

static void library_rows(const struct lg_data *data, struct lg_table *table)
{
    const cJSON *libraries = member(data->about, "libraries"), *item;
    char text[LG_TABLE_TEXT] = "not recorded";
    size_t len = 0;
    cJSON_ArrayForEach(item, libraries)
    {
        const char *version = cJSON_GetStringValue(item);
        if (version && len < sizeof(text))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.20s %.30s",
                                    len ? ", " : "", item->string, version);
    }
    lg_tables_add(table, "Libraries", "%s", text);
    lg_tables_add(table, "Compiler's flags", "%s",
                  lg_json_string(member(data->about, "build"), "flags", "not recorded"));
}

static void design_rows(const struct lg_data *data, struct lg_table *table)
{
    const struct lg_design *design = &data->design;
    char text[200];
    lg_tables_add(table, "Trials",
                  "%zu in %u blocks; each %s warm-up and %s measured, a fresh server for each",
                  data->count, design->blocks, design->warmup, design->duration);
    if (design->layouts > 0)
        lg_tables_add(
            table, "Layout of the code",
            "%u: the server's object files in an order of its own for each, by block in turn",
            lg_layouts_used(design));
    else
        lg_tables_add(table, "Layout of the code",
                      "one: it can make an arm faster or slower by itself");
    lg_tables_add(table, "Transport", "%s", design->transport);
    if (design->own_scenarios)
        lg_tables_add(table, "Payloads", "each arm has a scenario of its own, named in the design");
    for (size_t i = 0; i < design->scenario_count && !design->own_scenarios; i++)
        lg_tables_add(table, "Payloads", "%s: %s", design->scenarios[i],
                      lg_origin_payloads(&data->scenarios[i], text, sizeof(text)));
    lg_tables_add(table, "Seed", "%s: of the order of trials, and of each block's load",
                  lg_json_string(data->about, "seed", "unknown"));
    lg_tables_add(table, "Started, finished", "%s, %s",
                  lg_json_string(data->about, "started", "unknown"),
                  lg_json_string(data->about, "finished", "not finished"));
    const cJSON *resumed;
    char after[32];
    cJSON_ArrayForEach(resumed, member(data->about, "resumed"))
        lg_tables_add(table, "Stopped, and resumed", "%s, after trial %s of %zu",
                      lg_json_string(resumed, "at", "unknown"),
                      lg_json_whole(resumed, "after_trials", after), data->count);
}

/* Programs, modules and scenarios, as study.json has them: what else would be measured the second
 * time. */
static void write_files(const struct lg_data *data, struct lg_doc *doc)
{
    static const char *const heads[] = {"File", "SHA-256"};
    const cJSON *files = member(data->about, "files"), *file;
    char text[LG_TABLE_TEXT];
    struct lg_table *table =
        cJSON_GetArraySize(files) > 0
            ? lg_tables_new("What was measured, by content. A folder's is that of its shared "
                            "objects.",
                            2, heads)
            : NULL;
    if (!table)
        return;
    cJSON_ArrayForEach(file, files)
    {
        if (table->rows == LG_TABLE_ROWS)
            break;
        struct lg_table_cell *row = table->cells[table->rows++];
        lg_tables_put(&row[0], LG_TONE_PLAIN,
                      lg_doc_plain(lg_json_string(file, "file", "?"), text, sizeof(text)), "");
        const char *sha256 = lg_json_string(file, "sha256", "");
        snprintf(text, sizeof(text), sha256[0] ? "`%.64s`" : "not there", sha256);
        lg_tables_put(&row[1], LG_TONE_PLAIN, text, "");
    }
    doc->format->table(doc, table);
    free(table);
}

/* Of the raw data that not every study has; "" where this one has none. */
static void write_more_data(const char *what, const char *sha256, struct lg_doc *doc)
{
    if (sha256[0])
        lg_doc_paragraph(doc, "%s (SHA-256 `%s`).", what, sha256);
}

const char *lg_study_command(const struct lg_data *data, char *out, size_t cap)
{
    static const char own[] = "loadgen study ";
    const struct lg_method_design *method = &data->design.method;
    const char *command = lg_json_string(data->about, "command", "unknown"), *rest = command;
    char name[LG_NAME_MAX + 8];
    snprintf(name, sizeof(name), "%s --out ", data->design.name);
    if (strncmp(rest, own, strlen(own)) == 0)
        rest += strlen(own);
    if (method->blocks > 0 && method->steps == 0)
        snprintf(out, cap, "./evdispatch aa");
    else if (method->blocks > 0 && method->share > 0)
        snprintf(out, cap, "./evdispatch aa --inject %g%%", method->share * 100);
    else if (strncmp(rest, name, strlen(name)) == 0 && !strchr(rest + strlen(name), ' '))
        snprintf(out, cap, "./evdispatch study %s", rest);
    else
        snprintf(out, cap, "%s", command);
    return out;
}

void lg_origin_write(const struct lg_report *report, struct lg_doc *doc)
{
    static const char *const heads[] = {"What", "Which"};
    const struct lg_data *data = report->data;
    struct lg_table *table = lg_tables_new("What the study ran on.", 2, heads);
    char size[LG_PRINT_MAX];
    if (!table)
        return;
    machine_rows(data, table);
    build_rows(data, table);
    library_rows(data, table);
    design_rows(data, table);
    doc->format->heading(doc, 2, "What it ran on");
    doc->format->table(doc, table);
    free(table);
    write_files(data, doc);

    doc->format->heading(doc, 2, "Repeat it");
    char command[4096];
    lg_doc_paragraph(doc, "The study, on this commit's release build:");
    doc->format->code(doc, lg_study_command(data, command, sizeof(command)));
    lg_doc_paragraph(doc, "This report from the raw data, without measuring again:");
    doc->format->code(doc, "loadgen report DIR");
    lg_print_count((double)data->bytes, size);
    lg_doc_paragraph(
        doc,
        "The raw data are `trials.jsonl` (a line a trial, %s; %s "
        "bytes, SHA-256 `%s`) and `study.json` (design, order of trials, machine; SHA-256 `%s`). "
        "This page is made from the raw data and nothing else.",
        data->design.method.blocks > 0 ? "its figures alone"
                                       : "with the histogram of its responses",
        size, data->sha256, data->about_sha256);
    write_more_data("`edit.jsonl` has a line for each edit", report->edits->sha256, doc);
    write_more_data("`instructions.json` has the instructions of a dispatch",
                    report->counts->counts_sha256, doc);
    write_more_data("`maximum.jsonl` has the trials that the rates in `study.json` come from",
                    data->maximum_sha256, doc);
}
