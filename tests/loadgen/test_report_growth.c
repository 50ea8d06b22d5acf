/* Reports of growth: what grows by a known factor is found and drawn, edits are shown, and pages
 * are a pure function of the data. */
#include "loadgen/report.h"
#include "loadgen/report_edits.h"
#include "loadgen/report_format.h"
#include "loadgen/report_growth_model.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 6, ARMS = 6 };

/* Of each arm: its point, and what it costs. Curve a doubles, curve b stays. */
static const struct arm {
    const char *name, *point;
    double cpu, startup, memory;
} arms[ARMS] = {
    {"a large", ",\"curve\":\"a\",\"factor\":{\"core_bytes\":4194304,\"number\":100}", 2000, 30, 9},
    {"a small", ",\"curve\":\"a\",\"factor\":{\"core_bytes\":512,\"number\":1}", 1000, 1, 3},
    {"b small", ",\"curve\":\"b\",\"factor\":{\"core_bytes\":512}", 700, 1, 3},
    {"b large", ",\"curve\":\"b\",\"factor\":{\"core_bytes\":4194304}", 700, 1, 3},
    {"twin", ",\"twin_of\":\"a small\"", 1000, 1, 3},
    /* Halfway: curve a is 1,000 ns + 1,000 ns / 4,095.5 KiB. */
    {"a middle", ",\"curve\":\"a\",\"factor\":{\"core_bytes\":2097408}", 1500, 1, 3},
};

static char *design_text(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out,
            "{\"name\":\"g\",\"title\":\"Growth\",\"blocks\":%d,\"warmup\":\"0\",\"duration\":"
            "\"1s\",\"server_cpu\":0,\"load_cpu\":1,\"reference\":\"a small\",\"arms\":[",
            BLOCKS);
    for (size_t i = 0; i < ARMS; i++) {
        const char *program = i == 0 ? "big" : "small";
        fprintf(out, "%s{\"name\":\"%s\",\"server\":[],\"scenario\":\"s\",\"program\":\"%s\"%s}",
                i ? "," : "", arms[i].name, program, arms[i].point);
    }
    fputs("],\"loads\":[{\"name\":\"full\",\"args\":[\"--closed\"]}]}", out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* share: how far apart the trials of an arm may be, as a share of the least */
static void write_noisy(const char *folder, double share)
{
    char *design = design_text(), *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out,
            "{\"schema\":\"evdispatch.study/1\",\"command\":\"x\",\"disk\":[{\"program_bytes\":"
            "1048576,\"modules\":3,\"modules_bytes\":524288}],\"design\":%s}",
            design);
    assert_int_equal(fclose(out), 0);
    file_write(folder, "study.json", text);
    free(text);
    out = open_memstream(&text, &len);
    for (unsigned i = 0; i < BLOCKS * ARMS; i++) {
        const struct arm *arm = &arms[i % ARMS];
        double noise = 1 + share / 4 * (double)((i * 7) % 5);
        fprintf(out,
                "{\"trial\":%u,\"block\":%u,\"arm\":\"%s\",\"scenario\":\"own\",\"load\":\"full\","
                "\"startup_ns\":%.0f,\"problem\":null,\"run\":{\"schema\":\"evdispatch.run/1\","
                "\"config\":{\"mode\":\"closed\"},\"scenario\":{\"payloads\":\"inline\"},"
                "\"accounting\":{\"scheduled\":9,\"ok\":9},\"throughput\":%.0f,\"latency_ns\":{"
                "\"response\":{\"count\":1,\"histogram\":[[5,1]]}},\"server\":{\"cpu_ns\":%.0f,"
                "\"calls\":1000,\"rss_peak_bytes\":%.0f,\"pss_bytes\":%.0f},\"valid\":true}}\n",
                i + 1, i / ARMS + 1, arm->name, arm->startup * 1e6 * noise, 1e9 / arm->cpu,
                arm->cpu * 1000 * noise, arm->memory * 1048576, arm->memory * 1048576);
    }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", text);
    free(text);
    free(design);
}

static void write_study(const char *folder)
{
    write_noisy(folder, 0.008);
}

#define EDIT(arm, bytes, restart, compile)                                                         \
    "{\"schema\":\"evdispatch.edit/1\",\"arm\":\"" arm "\",\"module_bytes\":" bytes                \
    ",\"restart\":" restart ",\"phases_ns\":{\"compile\":" compile                                 \
    ",\"link\":2000000,\"deploy\":3000000,\"answer\":4000000},\"total_ns\":" compile "}\n"

static void test_axes(void **state)
{
    struct lg_design design;
    struct lg_growth growth;
    struct evd_error error;
    char *text = design_text(), title[LG_NAME_MAX + 8], place[LG_PRINT_MAX];
    (void)state;
    cJSON *root = cJSON_Parse(text);
    assert_int_equal(lg_design_take(root, "d", &design, &error), EVD_OK);
    lg_growth_make(&design, &growth);
    assert_int_equal(growth.axis_count, 2);
    assert_int_equal(growth.name_count, 2);
    const struct lg_growth_axis *bytes = &growth.axes[0];
    assert_string_equal(bytes->factor, "core_bytes");
    assert_string_equal(lg_growth_title(bytes, title), "core size");
    assert_string_equal(lg_growth_place(bytes, 4194304, place), "4 MiB");
    assert_string_equal(lg_growth_title(&growth.axes[1], title), "number");
    assert_string_equal(lg_growth_place(&growth.axes[1], 10000, place), "10,000");
    assert_int_equal(bytes->curve_count, 2);
    /* By ascending place, whatever the design's order. */
    assert_int_equal(bytes->curves[0].count, 3);
    assert_int_equal(bytes->curves[0].arms[0], 1);
    assert_int_equal(bytes->curves[0].arms[1], 5);
    assert_int_equal(bytes->curves[0].arms[2], 0);
    assert_true(bytes->starts);
    lg_design_release(&design);
    free(text);
}

static void test_ratio(void **state)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct evd_error error;
    (void)state;
    write_study(folder);
    assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
    assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
    struct lg_interval up = lg_summary_ratio(&summary, 0, 0, 0, 1, LG_CPU);
    struct lg_interval down = lg_summary_ratio(&summary, 0, 0, 1, 0, LG_CPU);
    assert_true(up.bounded);
    assert_int_equal(up.n, BLOCKS);
    assert_true(up.low < 2 && up.high > 2 && up.low > 1.97 && up.high < 2.03);
    assert_true(fabs(up.estimate * down.estimate - 1) < 1e-9);
    lg_summary_release(&summary);
    lg_data_release(&data);
    folder_remove(folder);
}

/* What was put in comes out: fixed, growing, the form, and what a core takes. */
static void test_model(void **state)
{
    char *folder = folder_make();
    struct lg_data data;
    struct lg_summary summary;
    struct lg_growth growth;
    struct lg_model model;
    struct evd_error error;
    (void)state;
    write_study(folder);
    assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
    assert_int_equal(lg_summary_make(&data, &summary), EVD_OK);
    lg_growth_make(&data.design, &growth);
    assert_int_equal(lg_model_of(&summary, &growth.axes[0].curves[0], &model), EVD_OK);
    assert_true(model.known);
    assert_int_equal(model.form, LG_MODEL_LINEAR);
    /* Noise adds 0 to 0.8 %. */
    assert_true(fabs(model.fit.fixed.estimate / 1004 - 1) < 0.006);
    assert_true(fabs(model.fit.growing.estimate * 1024 / 0.2451 - 1) < 0.02);
    assert_true(model.fit.growing.bounded && model.fit.growing.low > 0);
    assert_true(fabs(model.residual) < 0.01);
    assert_true(fabs(lg_model_at(&model, 2097408) / 1506 - 1) < 0.006);
    /* Two places make a line through both: no model. */
    assert_int_equal(lg_model_of(&summary, &growth.axes[0].curves[1], &model), EVD_OK);
    assert_false(model.known);
    lg_summary_release(&summary);
    lg_data_release(&data);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_non_null(strstr(md, "**A call, by core size**: `a` 1.00 µs + 0.24"));
    assert_non_null(strstr(md,
                           " for a KiB; measured, a core takes at most 1.00 M/s at the left end "
                           "and 500 k/s at the right."));
    assert_non_null(strstr(md, "**A call, by number**: no line is shown to grow."));
    assert_non_null(strstr(md, "| Line | Fixed | Growing | Farthest off | Calls a second at 512 B "
                               "| at 4 MiB | 5 % of a call, against a |"));
    free(md);
    folder_remove(folder);
}

static bool exists(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void test_pages(void **state)
{
    char *folder = folder_make();
    struct evd_error error;
    (void)state;
    write_study(folder);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md"), *html = file_read(folder, "report.html");
    assert_non_null(strstr(md, "from 512 B to 4 MiB of core size: `a` × "));
    assert_non_null(strstr(md, "`b` the same within 2 %"));
    assert_non_null(strstr(md, "**Start-up time** from 512 B to 4 MiB of core size: `a` 1.0"));
    assert_non_null(strstr(md, "## Growth with core size"));
    assert_non_null(strstr(md, "## Growth with number"));
    assert_non_null(strstr(md, "| 1.50 MiB 512 KiB in 3 .so |")); /* by hand: 1 + 0.5 */
    assert_null(strstr(md, "Scenario own"));
    assert_null(strstr(md, "saved edit"));
    assert_true(exists(folder, "figure-1-cpu-core-size.svg"));
    assert_true(exists(folder, "figure-2-start-up-core-size.svg"));
    assert_true(exists(folder, "figure-3-memory-core-size.svg"));
    assert_true(exists(folder, "figure-4-cpu-number.svg"));
    /* 30 times: the vertical axis of the start-up is logarithmic, that of the CPU is not. */
    assert_non_null(strstr(md, "Start-up time by core size: less is better. Each point is an arm, "
                               "its bar the 95 % interval. The horizontal axis is logarithmic, "));
    assert_non_null(strstr(md, "Server CPU time per call by core size: less is better. Each point "
                               "is an arm, its bar the 95 % interval. The horizontal axis is "
                               "logarithmic; the vertical one starts at 0."));
    assert_non_null(strstr(html, "<title id=\"f1-title\">Server CPU time per call by core size<"));
    assert_null(strstr(html, "rgb("));
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *again = file_read(folder, "report.html");
    assert_string_equal(html, again);
    free(again);
    free(html);
    free(md);
    folder_remove(folder);
}

/* The first sentence names what grows; what noise hides is in the list, and not in it. */
static void test_lead(void **state)
{
    char *folder = folder_make();
    struct evd_error error;
    (void)state;
    write_noisy(folder, 20);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md"), *lead = strstr(md, "\nServer CPU per call, from ");
    assert_non_null(lead);
    lead[1 + strcspn(lead + 1, "\n")] = '\0';
    assert_non_null(strstr(lead, ": no change is shown"));
    assert_null(strstr(lead, "not shown to change"));
    free(md);
    folder_remove(folder);
}

static void test_edits(void **state)
{
    char *folder = folder_make();
    struct lg_edits edits;
    struct evd_error error;
    (void)state;
    write_study(folder);
    file_write(folder, "edit.jsonl",
               EDIT("live", "16384", "false", "50000000") EDIT("again", "16384", "true", "70000000")
                   EDIT("live", "512", "false", "10000000")
                       EDIT("live", "16384", "false", "60000000")
                           EDIT("live", "16384", "false", "40000000"));
    assert_int_equal(lg_edits_read(folder, &edits, &error), EVD_OK);
    /* By size, those that are restarted first. */
    assert_int_equal(edits.count, 3);
    assert_true(edits.groups[0].module_bytes < 513);
    assert_string_equal(edits.groups[1].name, "again");
    assert_int_equal(edits.groups[2].count, 3);
    assert_true(fabs(edits.groups[2].medians[LG_EDIT_COMPILE].estimate - 5e7) < 1);
    char says[160];
    char *text = file_read(folder, "edit.jsonl"), sha256[65];
    assert_int_equal(lg_data_sha256(text, strlen(text), sha256, &error), EVD_OK);
    snprintf(says, sizeof(says), "`edit.jsonl` has a line for each edit (SHA-256 `%s`).", sha256);
    free(text);
    lg_edits_release(&edits);
    assert_int_equal(lg_report_make(folder, &error), EVD_OK);
    char *md = file_read(folder, "report.md");
    assert_non_null(strstr(md, "at 16 KiB `again` 70.0 ms, `live` 50.0 ms."));
    assert_non_null(
        strstr(md, "| `live`, 16 KiB noticed live | 3 | 50.0 ms | 2.00 ms | 3.00 ms | 4.00 ms |"));
    assert_non_null(strstr(md, "-edit-to-live.svg)"));
    assert_non_null(strstr(md, says));
    free(md);
    folder_remove(folder);
}

static void test_broken_edits(void **state)
{
    static const struct {
        const char *text, *says;
    } table[] = {
        {"{}\n", "edit.jsonl:1: the schema is not"},
        {EDIT("a", "1", "true", "1") "x\n", "edit.jsonl:2:1: this is not valid JSON"},
        {EDIT("a", "0", "true", "1"), "edit.jsonl:1: 'module_bytes' must be"},
        {EDIT("a'b", "1", "true", "1"), "edit.jsonl:1: 'arm' must be"},
        {EDIT("a", "1", "true", "-1"), "edit.jsonl:1: a phase, or the total"},
        {"{\"schema\"", "edit.jsonl:1: the line is cut off"},
    };
    char *folder = folder_make();
    (void)state;
    write_study(folder);
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct evd_error error = {0};
        file_write(folder, "edit.jsonl", table[i].text);
        assert_true(lg_report_make(folder, &error) < 0);
        if (!strstr(error.text, table[i].says))
            print_error("it says '%s', not '%s'\n", error.text, table[i].says);
        assert_non_null(strstr(error.text, table[i].says));
    }
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),         cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_broken_edits), cmocka_unit_test(test_model),
        cmocka_unit_test(test_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
