#include "report.h"

#include "commands.h"
#include "evd_version.h"
#include "paths.h"
#include "plot.h"
#include "report_compare.h"
#include "report_parts.h"
#include "results_page.h"
#include "study_json.h"

#include <dirent.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LEFT_OUT_BYTES = 400 /* what is said in place of a drawing, at most */
};

const char lg_report_help[] =
    "Usage: loadgen report DIR\n"
    "       loadgen report --compare A B [--json]\n"
    "       loadgen report --method DIR\n"
    "       loadgen report --calibrate SHARE DIR\n"
    "       loadgen report --results DIR\n"
    "\n"
    "Makes DIR/report.md, DIR/report.html (one file, works offline) and the figures of report.md\n"
    "from raw data. Measures nothing; the same data give the same bytes. Needs gnuplot (Debian:\n"
    "gnuplot-nox). The data are\n"
    "\n"
    "  of a study  study.json, trials.jsonl and, where they are there, edit.jsonl and\n"
    "              instructions.json\n"
    "  of a bench  bench.json and, where they are there, instructions.json and targets.tsv\n"
    "\n"
    "  --compare A B  two studies side by side: each arm, scenario and load that both have, B\n"
    "                 against A, by Mann-Whitney's test with Holm's adjustment. Writes to stdout\n"
    "                 and leaves the folders alone. Exit: 0 nothing is slower or dearer by more\n"
    "                 than 2 %, 1 something is, 2 usage, or data that cannot be compared, 3 no\n"
    "                 row has an interval (too few trials that count).\n"
    "  --json         with --compare: JSON, schema evdispatch.compare/1\n"
    "  --method DIR   of a study whose design has a 'method': whether its comparisons show what "
    "the\n"
    "                 statistics promise, in one sentence. Exit: 0 they do, 1 they do not, 3 this\n"
    "                 machine cannot tell, 2 usage, or data that are none of such a study.\n"
    "  --calibrate SHARE DIR\n"
    "                 of a study that times steps: how many of them add SHARE (as 5%) to the\n"
    "                 reference's CPU per call, then SHARE, ns a call and ns a step, on one line.\n"
    "                 Exit: 0; 3 the data do not tell; 2 usage.\n"
    "  --results DIR  DIR/README.md: what the folders in DIR say, from their raw data; the first\n"
    "                 screen is DIR/reference. DIR/PITFALLS.md: what usual mistakes would have\n"
    "                 said of them. Those of studies, a bench, the roofline, the "
    "generator,\n"
    "                 truths, soaks and fuzzing are known; what is not there is left out\n"
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  loadgen report out/quick\n"
    "  loadgen report out/bench-20261123T101500Z\n"
    "  loadgen report --compare out/before out/after || echo slower\n";

static int write_memory(const char *dir, const char *name, char *text, size_t len,
                        struct evd_error *error)
{
    char path[LG_PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= LG_PATH_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    return lg_write_file(path, text, len, error);
}

static int make_text(const struct lg_report *report, struct lg_doc doc, char **ret_text,
                     size_t *ret_len)
{
    doc.out = open_memstream(ret_text, ret_len);
    if (!doc.out)
        return EVD_ERR_NO_MEMORY;
    lg_content_write(report, &doc);
    bool failed = ferror(doc.out);
    return fclose(doc.out) != 0 || failed ? EVD_ERR_NO_MEMORY : EVD_OK;
}

static int make_page(const struct lg_report *report, const struct lg_doc_format *format,
                     size_t plot_limit, char **ret_text, size_t *ret_len)
{
    struct lg_doc doc = {.format = format, .plot_limit = plot_limit};
    char *contents = NULL;
    size_t len;
    int rc = format == &lg_doc_html
                 ? make_text(report, (struct lg_doc){.format = &lg_doc_contents}, &contents, &len)
                 : EVD_OK;
    doc.contents = contents;
    if (rc == EVD_OK)
        rc = make_text(report, doc, ret_text, ret_len);
    free(contents);
    return rc;
}

/* The largest drawings whose absence makes a page at least so many bytes shorter: what they have
 * at least. */
static size_t limit_for(const struct lg_report *report, size_t excess)
{
    size_t limit = SIZE_MAX, saved = 0;
    while (saved < excess) {
        size_t largest = 0;
        for (size_t i = 0; i < report->slots; i++) {
            size_t len = report->figures[i].svg ? strlen(report->figures[i].svg) : 0;
            if (len < limit && len > largest)
                largest = len;
        }
        if (largest <= LEFT_OUT_BYTES)
            break; /* tables alone are too much: nothing more to leave out */
        saved += largest - LEFT_OUT_BYTES;
        limit = largest;
    }
    return limit;
}

static int write_page(const struct lg_report *report, const char *dir, const char *name,
                      const struct lg_doc_format *format, size_t page_max, struct evd_error *error)
{
    char *text = NULL;
    size_t len = 0;
    int rc = make_page(report, format, 0, &text, &len);
    if (rc == EVD_OK && format == &lg_doc_html && len > page_max) {
        size_t limit = limit_for(report, len - page_max);
        free(text);
        text = NULL;
        rc = make_page(report, format, limit, &text, &len);
    }
    rc = rc == EVD_OK ? write_memory(dir, name, text, len, error)
                      : evd_error_set(error, rc, "no memory for %s", name);
    free(text);
    return rc;
}

static int write_figure(const struct lg_figure *figure, const char *dir, struct evd_error *error)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out)
        lg_plot_standalone(out, figure->svg);
    int rc = !out || fclose(out) != 0
                 ? evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for %s", figure->file)
                 : write_memory(dir, figure->file, text, len, error);
    free(text);
    return rc;
}

/* Figures of an earlier report, which the design of this one may not have. */
static void remove_old_figures(const char *dir)
{
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        size_t len = strlen(entry->d_name);
        if (strncmp(entry->d_name, "figure-", 7) == 0 && len > 4 &&
            strcmp(entry->d_name + len - 4, ".svg") == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}

static int write_all(const struct lg_report *report, const char *dir, size_t page_max,
                     struct evd_error *error)
{
    remove_old_figures(dir);
    for (size_t i = 0; i < report->slots; i++) {
        if (!report->figures[i].svg)
            continue;
        int rc = write_figure(&report->figures[i].figure, dir, error);
        if (rc != EVD_OK)
            return rc;
    }
    int rc = write_page(report, dir, "report.md", &lg_doc_markdown, page_max, error);
    return rc == EVD_OK ? write_page(report, dir, "report.html", &lg_doc_html, page_max, error)
                        : rc;
}

static int make(const char *dir, const struct lg_data *data, const struct lg_edits *edits,
                const struct lg_bench_data *counts, size_t page_max, struct evd_error *error)
{
    struct lg_summary summary;
    struct lg_growth growth;
    struct lg_method method = {.planned = 0};
    bool tries = data->design.method.blocks > 0;
    int rc = lg_summary_make(data, &summary);
    if (rc == EVD_OK && tries && (rc = lg_method_make(data, &method)) != EVD_OK)
        lg_summary_release(&summary);
    if (rc != EVD_OK)
        return evd_error_set(error, rc, "no memory for the summary");
    lg_growth_make(&data->design, &growth);
    struct lg_report report = {.data = data,
                               .summary = &summary,
                               .growth = &growth,
                               .method = tries ? &method : NULL,
                               .edits = edits,
                               .counts = counts};
    rc = lg_figures_make(&report, error);
    if (rc == EVD_OK)
        rc = write_all(&report, dir, page_max, error);
    lg_figures_release(&report);
    lg_summary_release(&summary);
    lg_method_release(&method);
    return rc;
}

static int make_bench(const char *dir, size_t page_max, struct evd_error *error)
{
    struct lg_bench_data data;
    int rc = lg_bench_read(dir, &data, error);
    if (rc != EVD_OK)
        return rc;
    struct lg_report report = {.bench = &data};
    rc = lg_bench_figures_make(&report, error);
    if (rc == EVD_OK)
        rc = write_all(&report, dir, page_max, error);
    lg_figures_release(&report);
    lg_bench_release(&data);
    return rc;
}

int lg_report_make_within(const char *dir, size_t page_max, struct evd_error *ret_error)
{
    if (lg_bench_is(dir))
        return make_bench(dir, page_max, ret_error);
    struct lg_data data;
    struct lg_edits edits;
    struct lg_bench_data counts = {0};
    int rc = lg_data_read(dir, &data, ret_error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_edits_read(dir, &edits, ret_error);
    if (rc == EVD_OK) {
        rc = lg_bench_counts(dir, &counts, ret_error);
        if (rc == EVD_OK)
            rc = make(dir, &data, &edits, &counts, page_max, ret_error);
        lg_edits_release(&edits);
    }
    lg_data_release(&data);
    return rc;
}

int lg_report_make(const char *dir, struct evd_error *ret_error)
{
    return lg_report_make_within(dir, LG_REPORT_PAGE_MAX, ret_error);
}

static int compare(int argc, char **argv, bool json)
{
    struct evd_error error = {0};
    int status = 2;
    if (argc != 2) {
        fputs("loadgen: report: --compare takes the folders of two studies; try 'loadgen report "
              "--help'\n",
              stderr);
        return 2;
    }
    const char *const dirs[2] = {argv[0], argv[1]};
    if (lg_compare_print(dirs, json, stdout, &status, &error) != EVD_OK) {
        fprintf(stderr, "loadgen: report: %s\n", error.text);
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("loadgen: report: cannot write to stdout\n", stderr);
        return 2;
    }
    return status;
}

/* The data of a study with a method, and the summary of all its blocks: both to be released. */
static int read_method(const char *dir, struct lg_data *ret_data, struct lg_summary *ret_summary,
                       struct evd_error *error)
{
    int rc = lg_data_read(dir, ret_data, error);
    if (rc != EVD_OK)
        return rc;
    if (ret_data->design.method.blocks == 0)
        rc = evd_error_set(error, EVD_ERR_USAGE, "%s: its design has no 'method'", dir);
    else if ((rc = lg_summary_make(ret_data, ret_summary)) != EVD_OK)
        rc = evd_error_set(error, rc, "no memory for the summary");
    if (rc != EVD_OK)
        lg_data_release(ret_data);
    return rc;
}

static int complain(const struct evd_error *error, int status)
{
    fprintf(stderr, "loadgen: report: %s\n", error->text);
    return status;
}

/* A sentence of a report without its markup, on stdout. */
static void say(const char *text)
{
    for (; *text; text++)
        if (*text != '*' && *text != '`')
            putchar(*text);
    putchar('\n');
}

static int method(const char *dir)
{
    static const int statuses[] = {
        [LG_METHOD_KEPT] = 0, [LG_METHOD_BROKEN] = 1, [LG_METHOD_UNKNOWN] = 3};
    struct evd_error error = {0};
    struct lg_data data;
    struct lg_summary summary;
    struct lg_method result;
    if (read_method(dir, &data, &summary, &error) != EVD_OK)
        return complain(&error, 2);
    int status = 2;
    char *lead = NULL;
    if (lg_method_make(&data, &result) == EVD_OK) {
        lead = lg_method_lead(&result, &summary);
        status = lead ? statuses[result.outcome] : 2;
        lg_method_release(&result);
    }
    say(lead ? lead : "no memory for the comparisons");
    free(lead);
    lg_summary_release(&summary);
    lg_data_release(&data);
    return status;
}

/* "5%": 0.05. 0 where it is none, or not between 0 and 100 %. */
static double take_share(const char *text)
{
    char *end;
    double percent = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : 0;
    return percent > 0 && percent <= 100 && strcmp(end, "%") == 0 ? percent / 100 : 0;
}

static int calibrate(const char *text, const char *dir)
{
    struct evd_error error = {0};
    struct lg_data data;
    struct lg_summary summary;
    struct lg_calibration found;
    double share = take_share(text);
    if (!(share > 0)) {
        fprintf(stderr,
                "loadgen: report: --calibrate '%s' is not a share: above 0%%, up to 100%%, "
                "as 5%%\n",
                text);
        return 2;
    }
    if (read_method(dir, &data, &summary, &error) != EVD_OK)
        return complain(&error, 2);
    int rc = lg_method_calibrate(&summary, share, &found, &error);
    if (rc == EVD_OK)
        printf("%.0f %.6g %.6g %.6g\n", found.steps, share, found.call_ns, found.step_ns);
    lg_summary_release(&summary);
    lg_data_release(&data);
    return rc == EVD_OK ? 0 : complain(&error, 3);
}

static int results(int argc, char **argv)
{
    struct evd_error error = {0};
    if (argc != 1) {
        fputs("loadgen: report: --results takes one folder; try 'loadgen report --help'\n", stderr);
        return 2;
    }
    if (lg_results_make(argv[0], &error) != EVD_OK) {
        fprintf(stderr, "loadgen: %s\n", error.text);
        return 1;
    }
    printf("results: %s/README.md\n", argv[0]);
    return 0;
}

int lg_report_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"compare", no_argument, NULL, 'c'},         {"json", no_argument, NULL, 'j'},
        {"results", no_argument, NULL, 'r'},         {"method", no_argument, NULL, 'm'},
        {"calibrate", required_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},         {NULL, 0, NULL, 0}};
    struct evd_error error = {0};
    const char *share = NULL;
    bool two = false, json = false, judge = false, all = false;
    int option;
    optind = 0; /* start anew: main() may have used getopt */
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h')
            return fputs(lg_report_help, stdout), 0;
        if (option == 'v')
            return printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE), 0;
        two = two || option == 'c';
        all = all || option == 'r';
        json = json || option == 'j';
        judge = judge || option == 'm';
        share = option == 'k' ? optarg : share;
        if (strchr("cjmkr", option))
            continue;
        fprintf(stderr, "loadgen: report: there is no option '%s'; try 'loadgen report --help'\n",
                argv[optind - 1]);
        return 2;
    }
    if (two)
        return compare(argc - optind, argv + optind, json);
    if (json) {
        fputs("loadgen: report: --json goes with --compare; try 'loadgen report --help'\n", stderr);
        return 2;
    }
    if (all)
        return results(argc - optind, argv + optind);
    if (argc - optind != 1 || (judge && share)) {
        fputs(
            "loadgen: report: give the folder of one study or bench; try 'loadgen report --help'\n",
            stderr);
        return 2;
    }
    if (judge)
        return method(argv[optind]);
    if (share)
        return calibrate(share, argv[optind]);
    if (lg_report_make(argv[optind], &error) != EVD_OK) {
        fprintf(stderr, "loadgen: %s\n", error.text);
        return 1;
    }
    printf("report: %s/report.html\n        %s/report.md\n", argv[optind], argv[optind]);
    return 0;
}
