/* A study on a disk that is full: how much is left is what this test says. */
#include "loadgen/study.h"
#include "loadgen/study_disk.h"
#include "loadgen/study_json.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

static uint64_t bytes_left;
static bool unknown; /* how many they are */

/* In statvfs()'s place, by the linker. */
int __wrap_statvfs(const char *path, struct statvfs *ret_disk);
int __wrap_statvfs(const char *path, struct statvfs *ret_disk)
{
    (void)path;
    if (unknown)
        return -1;
    *ret_disk = (struct statvfs){.f_frsize = 512, .f_bsize = 4096, .f_bavail = bytes_left / 512};
    return 0;
}

/* A study whose runs leave no measurement: the fake's scenario "none", or "s", which leaves one. */
static int execute(const char *scenario, const char *folder, struct lg_study_result *result,
                   struct evd_error *error)
{
    struct lg_design design;
    char text[400];
    cJSON *root;
    snprintf(text, sizeof(text),
             "{\"name\":\"n\",\"blocks\":2,\"warmup\":\"0\",\"duration\":\"1ms\","
             "\"server_cpu\":0,\"load_cpu\":0,\"arms\":[{\"name\":\"a\",\"server\":[]}],"
             "\"scenarios\":[\"%s\"],\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}",
             scenario);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", &design, error), EVD_OK);
    struct lg_study_options options = {.design = &design,
                                       .out = folder,
                                       .server = FAKE,
                                       .loadgen = FAKE,
                                       .command = "",
                                       .quiet = true};
    int rc = lg_study_execute(&options, result, error);
    lg_design_release(&design);
    return rc;
}

/* A run that could not write is no trial that went wrong: the study stops, and keeps nothing of it.
 */
static void test_full(void **state)
{
    char *folder = folder_make();
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    bytes_left = LG_DISK_LEAST_BYTES - 512;
    assert_int_equal(execute("none", folder, &result, &error), EVD_ERR_SYSTEM);
    assert_non_null(strstr(error.text, "is full: 1048064 bytes are left; the study goes on when"));
    assert_int_equal(result.trials, 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    /* With room it is the run's own fault, which is kept. */
    bytes_left = LG_DISK_LEAST_BYTES;
    assert_int_equal(execute("none", folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 2);
    assert_int_equal(result.bad, 2);
    folder_remove(folder);
}

/* What was measured all the same is measured. */
static void test_measured(void **state)
{
    char *folder = folder_make();
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    bytes_left = 0;
    assert_int_equal(execute("s", folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 2);
    assert_int_equal(result.bad, 0);
    folder_remove(folder);
}

/* A disk that does not say how much it holds is not taken for a full one. */
static void test_unknown(void **state)
{
    char *folder = folder_make();
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    bytes_left = 0;
    unknown = true;
    assert_int_equal(execute("none", folder, &result, &error), EVD_OK);
    assert_int_equal(result.bad, 2);
    unknown = false;
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full), cmocka_unit_test(test_measured),
                                       cmocka_unit_test(test_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
