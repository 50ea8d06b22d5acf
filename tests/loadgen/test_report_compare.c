/* Two studies side by side, through the command that CI would use. */
#include "loadgen/commands.h"
#include "loadgen/report_compare.h"
#include "loadgen/study_json.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct synthetic usual = {
    .seed = 7, .blocks = 8, .noise = 0.006, .rate = {1, 1, 0.03, 0.95, 1.05, 1}, .calls = 500};

/* loadgen report with these; what it writes to stdout goes to a file of `folder`. */
static int report(const char *folder, const char *const *args, size_t count, char **ret_text)
{
    char *argv[8] = {(char *)(uintptr_t) "report"}, path[512];
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = (char *)(uintptr_t)args[i];
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    snprintf(path, sizeof path, "%s/stdout", folder);
    assert_non_null(freopen(path, "w", stdout));
    int status = lg_report_main((int)count + 1, argv);
    fputs("\n", stdout); /* never empty */
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    *ret_text = file_read(folder, "stdout");
    return status;
}

static int compare(const char *a, const char *b, const char *last, char **ret_text)
{
    const char *args[] = {"--compare", a, b, last};
    return report(a, args, last ? 4 : 3, ret_text);
}

/* Other noise alone is no difference; 5 % less of one arm is, in one direction only. */
static void test_slower(void **state)
{
    struct synthetic again = usual, slower = usual;
    char *a = folder_make(), *b = folder_make(), *c = folder_make(), *text;
    (void)state;
    again.seed = 8;
    slower.seed = 9;
    slower.rate[1] = 0.95;
    synthetic_write(a, &usual);
    synthetic_write(b, &again);
    synthetic_write(c, &slower);
    assert_int_equal(compare(a, b, NULL, &text), 0);
    assert_non_null(strstr(text, "\n0 of 48 rows slower"));
    assert_null(strstr(text, "warning"));
    assert_non_null(strstr(text, "commit 0123456789ab, A CPU | of <numbers>, 192 trials"));
    free(text);
    assert_int_equal(compare(a, c, NULL, &text), 1);
    assert_non_null(strstr(text, " slower *\n"));
    assert_non_null(strstr(text, " dearer *\n"));
    assert_null(strstr(text, " faster"));
    free(text);
    assert_int_equal(compare(c, a, NULL, &text), 0);
    assert_non_null(strstr(text, " faster\n"));
    free(text);
    folder_remove(a);
    folder_remove(b);
    folder_remove(c);
}

/* 1 % less, seen without doubt, is within the margin: equivalent, and 0. */
static void test_margin(void **state)
{
    struct synthetic near = usual;
    char *a = folder_make(), *b = folder_make(), *text;
    (void)state;
    near.rate[1] = 0.99;
    near.noise = 0.0005;
    synthetic_write(b, &near);
    near.rate[1] = 1;
    near.seed = 11;
    synthetic_write(a, &near);
    assert_int_equal(compare(a, b, NULL, &text), 0);
    assert_null(strstr(text, "slower *"));
    assert_non_null(strstr(text, "0.990"));
    free(text);
    folder_remove(a);
    folder_remove(b);
}

static void replace(const char *folder, const char *name, const char *from, const char *to)
{
    char *text = file_read(folder, name), *at = strstr(text, from), *whole = NULL;
    assert_non_null(at);
    assert_true(asprintf(&whole, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    file_write(folder, name, whole);
    free(whole);
    free(text);
}

static void test_json(void **state)
{
    char *a = folder_make(), *b = folder_make(), *text;
    struct evd_error error;
    cJSON *root;
    (void)state;
    synthetic_write(a, &usual);
    synthetic_write(b, &usual);
    replace(b, "study.json", "A CPU | of <numbers>", "Another");
    assert_int_equal(compare(a, b, "--json", &text), 0);
    assert_int_equal(lg_json_parse(text, strlen(text), "json", 1, &root, &error), EVD_OK);
    assert_string_equal(lg_json_string(root, "schema", ""), "evdispatch.compare/1");
    const cJSON *warnings = cJSON_GetObjectItem(root, "warnings");
    assert_int_equal(cJSON_GetArraySize(warnings), 1);
    assert_string_equal(cJSON_GetArrayItem(warnings, 0)->valuestring,
                        "machine cpu differs: 'A CPU | of <numbers>' and 'Another'");
    const cJSON *rows = cJSON_GetObjectItem(root, "rows"), *row = cJSON_GetArrayItem(rows, 0);
    assert_int_equal(cJSON_GetArraySize(rows), 48);
    assert_string_equal(lg_json_string(row, "measure", ""), "throughput");
    assert_string_equal(lg_json_string(row, "verdict", ""), "equivalent");
    assert_true(lg_json_number(row, "ratio") == 1 && lg_json_number(row, "p") == 1);
    cJSON_Delete(root);
    free(text);
    folder_remove(a);
    folder_remove(b);
}

/* Two blocks give no interval: nothing was judged, which a CI must not take for good. */
static void test_cannot_tell(void **state)
{
    struct synthetic few = usual;
    char *a = folder_make(), *b = folder_make(), *text;
    (void)state;
    few.blocks = 2;
    synthetic_write(a, &few);
    synthetic_write(b, &few);
    assert_int_equal(compare(a, b, NULL, &text), 3);
    assert_non_null(strstr(text, "0 INVALID, 48 without an interval, 0 of A not in B."));
    assert_non_null(strstr(text, "No row has an interval"));
    free(text);
    folder_remove(a);
    folder_remove(b);
}

/* An arm whose trials are INVALID is not judged, however far apart the two are. */
static void test_invalid_cell(void **state)
{
    static const char from[] = "\"valid\":true";
    struct synthetic slower = usual;
    char *a = folder_make(), *b = folder_make(), *text, *whole = NULL;
    size_t len;
    (void)state;
    slower.rate[1] = 0.5;
    synthetic_write(a, &usual);
    synthetic_write(b, &slower);
    text = file_read(b, "trials.jsonl");
    FILE *out = open_memstream(&whole, &len);
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        char *valid = strstr(line, from);
        *strchr(line, '\n') = '\0';
        bool that = strstr(line, "\"dynamic/cached\"") != NULL;
        fprintf(out, "%.*s%s%s\n", (int)(valid - line), line, that ? "\"valid\":false" : from,
                valid + strlen(from));
        line[strlen(line)] = '\n';
    }
    assert_int_equal(fclose(out), 0);
    file_write(b, "trials.jsonl", whole);
    free(whole);
    free(text);
    assert_int_equal(compare(a, b, NULL, &text), 0);
    assert_non_null(
        strstr(text, "0 of 48 rows slower or dearer by more than 2 % (*); 8 INVALID, 8 "));
    assert_non_null(strstr(text, " -       INVALID\n"));
    free(text);
    folder_remove(a);
    folder_remove(b);
}

/* An arm that B lacks, one that was told something else, and settings that are not the same. */
static void test_other_arms(void **state)
{
    char *a = folder_make(), *b = folder_make(), *text, *whole = NULL;
    (void)state;
    synthetic_write(a, &usual);
    synthetic_write(b, &usual);
    replace(b, "study.json", "\"instance/pool\"", "\"another\"");
    replace(b, "study.json", "\"warmup\":\t\"120ms\"", "\"warmup\":\t\"80ms\"");
    replace(b, "study.json", "\"layouts\":\t8", "\"layouts\":\t4");
    replace(b, "study.json", "\"keep_awake\":\ttrue", "\"keep_awake\":\tfalse");
    replace(b, "study.json", "\"transport\":\t\"frame\"", "\"transport\":\t\"jsonl\"");
    replace(b, "study.json", "\"congestion\":\t\"reno\"", "\"congestion\":\t\"bbr\"");
    replace(b, "study.json", "--dynamic-load=call", "--dynamic-load=cached");
    text = file_read(b, "trials.jsonl");
    size_t len;
    FILE *out = open_memstream(&whole, &len);
    for (char *at = text, *next; *at; at = next) {
        next = strstr(at, "\"instance/pool\"");
        fprintf(out, "%.*s%s", next ? (int)(next - at) : (int)strlen(at), at,
                next ? "\"another\"" : "");
        next = next ? next + strlen("\"instance/pool\"") : at + strlen(at);
    }
    assert_int_equal(fclose(out), 0);
    file_write(b, "trials.jsonl", whole);
    free(whole);
    free(text);
    assert_int_equal(compare(a, b, NULL, &text), 0);
    assert_non_null(strstr(text, "warning: the arm 'instance/pool' is not in the second study"));
    assert_non_null(strstr(text, "warning: the arm 'dynamic/call' differs: '{"));
    assert_non_null(strstr(text, "warning: warmup differs: '\"120ms\"' and '\"80ms\"'"));
    assert_non_null(strstr(text, "warning: layouts differs: '8' and '4'"));
    assert_non_null(strstr(text, "warning: keep_awake differs: 'true' and 'false'"));
    assert_non_null(strstr(text, "warning: transport differs: '\"frame\"' and '\"jsonl\"'"));
    assert_non_null(strstr(text, "warning: congestion differs: '\"reno\"' and '\"bbr\"'"));
    assert_non_null(strstr(text, "0 without an interval, 8 of A not in B."));
    free(text);
    folder_remove(a);
    folder_remove(b);
}

static void test_refused(void **state)
{
    char *a = folder_make(), *none = folder_make(), *text;
    const char *one[] = {"--compare", a}, *json[] = {"--json", a};
    (void)state;
    synthetic_write(a, &usual);
    assert_int_equal(report(a, one, 2, &text), 2);
    free(text);
    assert_int_equal(report(a, json, 2, &text), 2);
    free(text);
    assert_int_equal(compare(a, none, NULL, &text), 2);
    assert_string_equal(text, "\n");
    free(text);
    folder_remove(a);
    folder_remove(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slower),      cmocka_unit_test(test_margin),
        cmocka_unit_test(test_json),        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cannot_tell), cmocka_unit_test(test_other_arms),
        cmocka_unit_test(test_invalid_cell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
