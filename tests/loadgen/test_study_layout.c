/* Layouts of the server: which block runs which, what is missing, and what a report makes of them.
 */
#include "loadgen/report.h"
#include "loadgen/report_data.h"
#include "loadgen/stats_groups.h"
#include "loadgen/study.h"
#include "loadgen/study_json.h"
#include "loadgen/study_layout.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with bin/server and layouts/server-1 to -count, all of them the fake. */
static char *make_builds(unsigned count)
{
    char *folder = folder_make(), path[512];
    snprintf(path, sizeof(path), "%s/bin", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof(path), "%s/bin/server", folder);
    assert_int_equal(symlink(FAKE, path), 0);
    snprintf(path, sizeof(path), "%s/layouts", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    for (unsigned i = 1; i <= count; i++) {
        snprintf(path, sizeof(path), "%s/layouts/server-%u", folder, i);
        assert_int_equal(symlink(FAKE, path), 0);
    }
    return folder;
}

static void remove_builds(char *folder)
{
    char command[600];
    snprintf(command, sizeof(command), "rm -r '%s/bin' '%s/layouts'", folder, folder);
    assert_int_equal(system(command), 0);
    folder_remove(folder);
}

static int take_design(const char *keys, const char *arm, struct lg_design *design,
                       struct evd_error *error)
{
    char *text = NULL;
    cJSON *root;
    assert_true(asprintf(&text,
                         "{\"name\":\"n\",\"warmup\":\"0\",\"duration\":\"1ms\",\"server_cpu\":0,"
                         "\"load_cpu\":0,%s,\"arms\":[{\"name\":\"a\",\"server\":[]%s},"
                         "{\"name\":\"b\",\"server\":[]}],\"scenarios\":[\"s\"],"
                         "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}",
                         keys, arm) > 0);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, error), EVD_OK);
    free(text);
    return lg_design_take(root, "design", design, error);
}

static int execute(const struct lg_design *design, const char *builds, const char *out,
                   struct evd_error *error)
{
    char server[512], folder[512];
    snprintf(server, sizeof(server), "%s/bin/server", builds);
    snprintf(folder, sizeof(folder), "%s/bin/../.", builds); /* not canonical, as loadgen's own */
    struct lg_study_options options = {.design = design,
                                       .out = out,
                                       .server = server,
                                       .builds = folder,
                                       .loadgen = FAKE,
                                       .command = "",
                                       .quiet = true};
    struct lg_study_result result;
    return lg_study_execute(&options, &result, error);
}

/* Five blocks of three layouts: 1 2 3 1 2, the same for both arms. */
static void test_blocks(void **state)
{
    char *builds = make_builds(3), *out = folder_make();
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(take_design("\"blocks\":5,\"layouts\":3", "", &design, &error), EVD_OK);
    assert_int_equal(execute(&design, builds, out, &error), EVD_OK);
    char *text = file_read(out, "trials.jsonl"), *line = text;
    for (unsigned i = 0; i < 10; i++) {
        cJSON *trial;
        char path[512];
        size_t len = strcspn(line, "\n");
        assert_int_equal(lg_json_parse(line, len, "t", 1, &trial, &error), EVD_OK);
        unsigned block = (unsigned)lg_json_number(trial, "block");
        snprintf(path, sizeof(path), "bin/../layouts/server-%u", (block - 1) % 3 + 1);
        const cJSON *command = cJSON_GetObjectItem(trial, "server_command");
        assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(command, 0)), path);
        cJSON_Delete(trial);
        line += len + 1;
    }
    free(text);
    lg_design_release(&design);
    folder_remove(out);
    remove_builds(builds);
}

/* What is measured is weighed: a study does not go on with a layout that is another program. */
static void test_identity(void **state)
{
    char *builds = make_builds(2), *out = folder_make(), path[512];
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(take_design("\"blocks\":2,\"layouts\":2", "", &design, &error), EVD_OK);
    assert_int_equal(execute(&design, builds, out, &error), EVD_OK);
    char *about = file_read(out, "study.json");
    assert_non_null(strstr(about, "\"2 layouts of evd-server\""));
    free(about);
    assert_int_equal(execute(&design, builds, out, &error), EVD_OK);
    snprintf(path, sizeof(path), "%s/layouts", builds);
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/server-2");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/bin/true", path), 0);
    assert_int_equal(execute(&design, builds, out, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "files.2 layouts of evd-server was "));
    lg_design_release(&design);
    folder_remove(out);
    remove_builds(builds);
}

/* One that is missing is named before anything is measured; one that no block runs is not missed.
 */
static void test_missing(void **state)
{
    char *builds = make_builds(2), *out = folder_make();
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(take_design("\"blocks\":2,\"layouts\":3", "", &design, &error), EVD_OK);
    assert_int_equal(execute(&design, builds, out, &error), EVD_OK);
    lg_design_release(&design);
    folder_remove(out);
    out = folder_make();
    assert_int_equal(take_design("\"blocks\":3,\"layouts\":3", "", &design, &error), EVD_OK);
    assert_int_equal(execute(&design, builds, out, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "asks for 3 layouts of the server, and '"));
    assert_non_null(strstr(error.text, "/layouts/server-3' cannot be run: No such file"));
    assert_non_null(strstr(error.text, "evd_server_layouts"));
    char path[512];
    snprintf(path, sizeof(path), "%s/trials.jsonl", out);
    assert_int_not_equal(access(path, F_OK), 0);
    lg_design_release(&design);
    folder_remove(out);
    remove_builds(builds);
}

static void test_design(void **state)
{
    struct lg_design design;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(take_design("\"blocks\":2,\"layouts\":30", "", &design, &error), EVD_OK);
    assert_int_equal(design.layouts, 30);
    assert_int_equal(lg_layouts_used(&design), 2);
    lg_design_release(&design);
    assert_int_equal(take_design("\"blocks\":2,\"layouts\":31", "", &design, &error),
                     EVD_ERR_USAGE);
    assert_string_equal(error.text, "design: layouts: must be a whole number of 1 to 30");
    assert_int_equal(take_design("\"blocks\":2,\"layouts\":0", "", &design, &error), EVD_ERR_USAGE);
    assert_int_equal(
        take_design("\"blocks\":2,\"layouts\":2", ",\"program\":\"p\"", &design, &error),
        EVD_ERR_USAGE);
    assert_string_equal(error.text,
                        "design: layouts: are the study's server's: no arm may have a 'program'");
    assert_int_equal(take_design("\"blocks\":2", "", &design, &error), EVD_OK);
    assert_int_equal(lg_layout_of(&design, 2), 0);
    lg_design_release(&design);
}

/* Hollander and Wolfe, "Nonparametric Statistical Methods" (1973), p. 116, as in R's ?kruskal.test:
 * H = 0.77143, 2 degrees of freedom, of which chi-squared has exp(-H / 2) above. With ties by hand:
 * ranks 2 2 2 | 4.5 4.5 6 give 4.5 before the correction, and 4.5 / (1 - 30 / 210) after it, with
 * erfc(sqrt(H / 2)) above. */
static void test_groups(void **state)
{
    const double x[] = {2.9, 3.0, 2.5, 2.6, 3.2, 3.8, 2.7, 4.0, 2.4, 2.8, 3.4, 3.7, 2.2, 2.0, NAN};
    const size_t group[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 7, 7, 7, 7, 7, 8};
    const double tied[] = {1, 1, 1, 2, 2, 3}, same[] = {5, 5, 5, 5};
    const size_t two[] = {0, 0, 0, 1, 1, 1}, pair[] = {0, 0, 1, 1}, one[] = {3, 3, 3, 3, 3, 3};
    (void)state;
    assert_true(fabs(lg_groups_p(x, group, 15) - 0.68) < 0.0005);
    double corrected = 12.0 / 42 * (36 + 225) / 3 - 21;
    corrected /= 1 - 30.0 / 210;
    assert_true(fabs(lg_groups_p(tied, two, 6) - erfc(sqrt(corrected / 2))) < 1e-12);
    assert_true(isnan(lg_groups_p(same, pair, 4)));
    assert_true(isnan(lg_groups_p(tied, one, 6)));
}

/* A study of `blocks` blocks under a load of this mode: b takes 10 % more than a in layout 2, and
 * the same in the others. */
static char *make_study(unsigned blocks, unsigned layouts, const char *mode)
{
    char *folder = folder_make(), *text = NULL;
    size_t len;
    unsigned number = 0;
    assert_true(asprintf(&text,
                         "{\"schema\":\"evdispatch.study/1\",\"design\":{\"name\":\"n\","
                         "\"blocks\":%u,\"layouts\":%u,\"warmup\":\"0\",\"duration\":\"1s\","
                         "\"server_cpu\":0,\"load_cpu\":1,\"arms\":[{\"name\":\"a\",\"server\":[]},"
                         "{\"name\":\"b\",\"server\":[\"--x\"]}],\"scenarios\":[\"s\"],"
                         "\"loads\":[{\"name\":\"l\",\"args\":[%s]}]}}",
                         blocks, layouts,
                         strcmp(mode, "open") == 0 ? "\"--rate\",\"100\"" : "\"--closed\"") > 0);
    file_write(folder, "study.json", text);
    free(text);
    text = NULL;
    FILE *out = open_memstream(&text, &len);
    for (unsigned block = 1; block <= blocks; block++) {
        for (unsigned arm = 0; arm < 2; arm++) {
            double noise = 1 + 0.001 * ((block * 7 + arm * 3) % 5);
            double cpu = 1e9 * noise * (arm == 1 && (block - 1) % layouts == 1 ? 1.1 : 1);
            fprintf(out,
                    "{\"trial\":%u,\"block\":%u,\"attempt\":1,\"arm\":\"%s\",\"scenario\":\"s\","
                    "\"load\":\"l\",\"startup_ns\":1000,\"problem\":null,\"run\":{\"schema\":"
                    "\"evdispatch.run/1\",\"config\":{\"mode\":\"%s\"},\"accounting\":{"
                    "\"scheduled\":9,\"ok\":9,\"bad\":0,\"timeout\":0,\"reset\":0,\"eof\":0,"
                    "\"refused\":0,\"unsent\":0,\"in_flight\":0},\"throughput\":%.0f,"
                    "\"latency_ns\":{\"response\":{\"count\":1,\"p50\":1000,\"p99\":1000,\"p99_9\":"
                    "1000,\"max\":1000,\"histogram\":[[1000,1]]}},"
                    "\"server\":{\"cpu_ns\":%.0f,\"calls\":1000000},\"valid\":true,\"invalid\":[],"
                    "\"invalid_causes\":[]}}\n",
                    ++number, block, arm == 0 ? "a" : "b", mode, 1e15 / cpu, cpu);
        }
    }
    fclose(out);
    file_write(folder, "trials.jsonl", text);
    free(text);
    return folder;
}

static char *report_of(const char *folder)
{
    struct evd_error error = {0};
    int rc = lg_report_make(folder, &error);
    if (rc != EVD_OK)
        print_error("%s\n", error.text);
    assert_int_equal(rc, EVD_OK);
    return file_read(folder, "report.md");
}

/* The table names the layout that is apart, and by how much; one of one block each has none. */
static void test_report(void **state)
{
    char *folder = make_study(12, 3, "closed"), *text = report_of(folder);
    (void)state;
    assert_non_null(strstr(text, "| Layout of the code | 3: the server's object files in an order "
                                 "of its own for each, by block in turn |"));
    assert_non_null(strstr(text, "The layout of the code: server CPU per call"));
    const char *row = strstr(text, "| `b`, `s`, l | ");
    assert_non_null(row);
    assert_int_equal(
        strncmp(row, "| `b`, `s`, l | 0.999 layout 3 | 1.101 layout 2 | 10 % | 0.0", 58), 0);
    double p = strtod(strstr(row, "10 % | ") + strlen("10 % | "), NULL);
    assert_true(p > 0 && p < 0.05);
    free(text);
    folder_remove(folder);

    /* Too few blocks of a layout, whatever others have; or the load of an open loop. */
    static const struct {
        unsigned blocks;
        const char *mode;
    } none[] = {{3, "closed"}, {4, "closed"}, {12, "open"}};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        folder = make_study(none[i].blocks, 3, none[i].mode);
        text = report_of(folder);
        assert_null(strstr(text, "The layout of the code: server CPU per call"));
        free(text);
        folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),  cmocka_unit_test(test_identity),
        cmocka_unit_test(test_missing), cmocka_unit_test(test_design),
        cmocka_unit_test(test_groups),  cmocka_unit_test(test_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
