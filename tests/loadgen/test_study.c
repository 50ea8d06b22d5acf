/* Studies of a fake server by a fake load generator: what goes wrong is kept and told, what is
 * there is not overwritten, and nothing is left behind. */
#include "loadgen/report_data.h"
#include "loadgen/study.h"
#include "loadgen/study_awake.h"
#include "loadgen/study_json.h"
#include "loadgen/study_order.h"
#include "loadgen/study_process.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A design with one arm in this mode, one good arm, and this scenario. */
static void make_design(const char *mode, const char *scenario, struct lg_design *design)
{
    char *text = NULL;
    cJSON *root;
    struct evd_error error = {0};
    assert_true(
        asprintf(&text,
                 "{\"name\":\"fake\",\"blocks\":2,\"warmup\":\"0\",\"duration\":\"1ms\","
                 "\"server_cpu\":0,\"load_cpu\":0,\"arms\":[{\"name\":\"good\",\"server\":[]},"
                 "{\"name\":\"other\",\"server\":[\"--mode=%s\"]}],\"scenarios\":[\"%s\"],"
                 "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}",
                 mode, scenario) > 0);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", design, &error), EVD_OK);
    free(text);
}

static int execute_with(const struct lg_design *design, const char *folder, bool hlog,
                        struct lg_study_result *result, struct evd_error *error)
{
    struct lg_study_options options = {.design = design,
                                       .out = folder,
                                       .server = FAKE,
                                       .loadgen = FAKE,
                                       .command = "loadgen study fake",
                                       .seed = 3,
                                       .hlog = hlog,
                                       .quiet = true};
    return lg_study_execute(&options, result, error);
}

static int execute(const struct lg_design *design, const char *folder,
                   struct lg_study_result *result, struct evd_error *error)
{
    return execute_with(design, folder, false, result, error);
}

static void no_child_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static bool exists(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* The line of the trial with this number, from 1; to be deleted. */
static cJSON *trial(const char *folder, unsigned number)
{
    char *text = file_read(folder, "trials.jsonl"), *line = text;
    struct evd_error error;
    cJSON *root;
    for (unsigned i = 1; i < number; i++) {
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    assert_int_equal(lg_json_parse(line, strcspn(line, "\n"), "t", 1, &root, &error), EVD_OK);
    free(text);
    return root;
}

static void test_good(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    size_t order[2];
    (void)state;
    make_design("good", "s", &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 4);
    assert_int_equal(result.bad, 0);
    assert_int_equal(result.signal, 0);
    for (unsigned number = 1; number <= 4; number++) {
        cJSON *line = trial(folder, number);
        const cJSON *run = cJSON_GetObjectItem(line, "run");
        unsigned block = (number - 1) / 2;
        char seed[24];
        lg_order_block(&design, 3, block, order);
        assert_string_equal(lg_json_string(line, "arm", ""),
                            design.arms[order[(number - 1) % 2]].name);
        assert_int_equal((int)lg_json_number(line, "block"), block + 1);
        assert_int_equal((int)lg_json_number(line, "server_exit"), 0);
        assert_true(lg_json_number(line, "startup_ns") > 0);
        assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "problem")));
        /* Both arms of a block get the same load. */
        snprintf(seed, sizeof(seed), "%llu", (unsigned long long)lg_order_load_seed(3, block));
        assert_string_equal(lg_json_string(run, "seed", ""), seed);
        cJSON_Delete(line);
    }
    char *about = file_read(folder, "study.json");
    assert_non_null(strstr(about, "\"server_version\":\t\"fake 1.0\""));
    assert_null(strstr(about, "\"finished\":\tnull"));
    free(about);
    assert_false(exists(folder, "server.log"));
    assert_false(exists(folder, ".run.json"));
    no_child_left();

    lg_design_release(&design);
    folder_remove(folder);
}

/* Of a run's latencies a line keeps the responses' histogram, which reports read, and what sums up
 * the others. */
static void test_line(void **state)
{
    static const char *const sums[] = {"count", "min", "mean", "p50", "p90", "p99", "p99_9", "max"};
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_design("good", "s", &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    cJSON *line = trial(folder, 1);
    const cJSON *run = cJSON_GetObjectItem(line, "run");
    const cJSON *latency = cJSON_GetObjectItem(run, "latency_ns");
    const cJSON *service = cJSON_GetObjectItem(latency, "service");
    const cJSON *response = cJSON_GetObjectItem(latency, "response");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(response, "histogram")), 1);
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        assert_int_equal((int)lg_json_number(service, sums[i]), i == 0 ? 1 : 5);
    assert_int_equal(cJSON_GetArraySize(service), 8);
    assert_int_equal((int)lg_json_number(cJSON_GetObjectItem(latency, "woke_late"), "p99"), 4);
    assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(latency, "woke_late"), "histogram"));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(latency, "wire")));
    cJSON_Delete(line);
    lg_design_release(&design);
    folder_remove(folder);
}

/* A log of each trial, which is told its arm's name. */
static void test_logs(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_design("good", "s", &design);
    assert_int_equal(execute_with(&design, folder, true, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 4);
    for (unsigned number = 1; number <= 4; number++) {
        char name[32];
        snprintf(name, sizeof(name), "hlog/%u.hlog", number);
        char *arm = file_read(folder, name);
        cJSON *line = trial(folder, number);
        assert_string_equal(arm, lg_json_string(line, "arm", ""));
        cJSON_Delete(line);
        free(arm);
    }
    lg_design_release(&design);
    folder_remove(folder);
}

/* Of thousands of comparisons only the figures are kept, and they make a report. */
static void test_brief(void **state)
{
    static const char text[] =
        "{\"name\":\"brief\",\"blocks\":4,\"warmup\":\"0\",\"duration\":\"1ms\","
        "\"server_cpu\":0,\"load_cpu\":0,\"method\":{\"blocks\":2},\"arms\":[{\"name\":\"a\","
        "\"server\":[]},{\"name\":\"b\",\"server\":[],\"twin_of\":\"a\"}],\"scenarios\":[\"s\"],"
        "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}";
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct lg_data data;
    struct evd_error error = {0};
    cJSON *root;
    (void)state;
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", &design, &error), EVD_OK);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 8);
    cJSON *line = trial(folder, 8);
    const cJSON *run = cJSON_GetObjectItem(line, "run");
    assert_null(cJSON_GetObjectItem(line, "server_command"));
    assert_null(cJSON_GetObjectItem(run, "latency_ns"));
    assert_null(cJSON_GetObjectItem(run, "seed"));
    assert_true(lg_json_number(run, "throughput") > 0);
    assert_true(lg_json_number(cJSON_GetObjectItem(run, "accounting"), "ok") > 0);
    cJSON_Delete(line);
    assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
    assert_int_equal(data.count, 8);
    assert_null(data.trials[0].problem);
    assert_true(data.trials[7].metrics[LG_RATE] > 0);
    lg_data_release(&data);
    /* Nothing is left to do, and nothing is refused. */
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.measured, 0);
    lg_design_release(&design);
    folder_remove(folder);
}

/* A study in `folder` of one arm that names program, modules and scenario. */
static int execute_own(const char *builds, const char *folder, const char *program,
                       struct evd_error *error)
{
    struct lg_design design;
    struct lg_study_result result;
    char *text = NULL;
    cJSON *root;
    assert_true(asprintf(&text,
                         "{\"name\":\"own\",\"blocks\":1,\"warmup\":\"0\",\"duration\":\"1ms\","
                         "\"server_cpu\":0,\"load_cpu\":0,\"arms\":[{\"name\":\"a\",\"server\":[],"
                         "\"program\":\"%s\",\"modules\":\"m\",\"scenario\":\"s.json\"}],"
                         "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}",
                         program) > 0);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", &design, error), EVD_OK);
    struct lg_study_options options = {.design = &design,
                                       .out = folder,
                                       .server = FAKE, /* of which --version is asked */
                                       .loadgen = FAKE,
                                       .builds = builds,
                                       .command = "",
                                       .quiet = true};
    int rc = lg_study_execute(&options, &result, error);
    lg_design_release(&design);
    free(text);
    return rc;
}

/* An arm's own program, modules and scenario are found in the folder of builds, and weighed. */
static void test_own(void **state)
{
    char *builds = folder_make(), *folder = folder_make(), path[512], *text;
    struct evd_error error = {0};
    (void)state;
    snprintf(path, sizeof(path), "%s/server", builds);
    assert_int_equal(symlink(FAKE, path), 0);
    assert_int_equal(execute_own(builds, folder, "no-server", &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "the server of arm 'a', "));
    assert_non_null(strstr(error.text, "/no-server: No such file"));
    assert_int_equal(execute_own(builds, folder, "server", &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "/m: No such file"));

    snprintf(path, sizeof(path), "%s/m", builds);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof(path), "%s/m/x", builds);
    assert_int_equal(mkdir(path, 0777), 0);
    file_write(path, "a.so", "12345");
    file_write(path, "b.so", "123");
    file_write(path, "c.txt", "1");
    assert_int_equal(execute_own(builds, folder, "server", &error), EVD_OK);
    cJSON *line = trial(folder, 1);
    const cJSON *command = cJSON_GetObjectItem(line, "server_command");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(command, 0)), "server");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(command, 1)), "--modules");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(command, 2)), "m");
    assert_string_equal(lg_json_string(line, "scenario", ""), LG_OWN_SCENARIO);
    assert_string_equal(lg_json_string(cJSON_GetObjectItem(line, "run"), "fake_scenario", ""),
                        "s.json");
    cJSON_Delete(line);
    text = file_read(folder, "study.json");
    assert_non_null(strstr(text, "\"modules\":\t2,"));
    assert_non_null(strstr(text, "\"modules_bytes\":\t8"));
    free(text);
    snprintf(path, sizeof(path), "rm -r '%s/m'", builds);
    assert_int_equal(system(path), 0);
    folder_remove(builds);
    folder_remove(folder);
}

/* One thing goes wrong in every trial it concerns; the study goes on, and says what it was. */
static void check_problem(const char *mode, const char *scenario, unsigned bad, const char *says,
                          const char *log)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    make_design(mode, scenario, &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 4);
    assert_int_equal(result.bad, bad);
    unsigned found = 0;
    for (unsigned number = 1; number <= 4; number++) {
        cJSON *line = trial(folder, number);
        const char *problem = lg_json_string(line, "problem", "");
        if (problem[0] && !strstr(problem, says))
            print_error("it says '%s', not '%s'\n", problem, says);
        found += problem[0] && strstr(problem, says);
        cJSON_Delete(line);
    }
    assert_int_equal(found, bad);
    char *text = file_read(folder, "server.log");
    assert_non_null(strstr(text, log));
    free(text);
    no_child_left();
    lg_design_release(&design);
    folder_remove(folder);
}

static void test_problems(void **state)
{
    (void)state;
    check_problem("crash", "s", 2, "the server did not start: cannot start: no reason",
                  "--- server\nfirst line\ncannot start: no reason\n");
    check_problem("exit3", "s", 2, "the server ended with exit 3", ": other, s, l: the server");
    check_problem("killed", "s", 2, "the server was killed by signal 11 (Segmentation fault)",
                  ": other, s, l: the server was killed");
    check_problem("killed", "bad", 4, "3 bad replies of 103", "(Segmentation fault); 3 bad");
    check_problem("good", "bad", 4, "3 bad replies of 103", "3 bad replies");
    check_problem("good", "inexact", 4, "accounting is not exact: 101 scheduled, 100", "not exact");
    check_problem("good", "excess", 4, "accounting is not exact: 99 scheduled, 100", "not exact");
    check_problem("good", "none", 4, "made no measurement (exit 2): no such scenario",
                  "--- loadgen run\nno such scenario\n");
}

static void test_invalid(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_design("good", "invalid", &design);
    /* Two cells in each of two blocks, and one repeat in a block. */
    design.repeats = 1;
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 6);
    assert_int_equal(result.invalid, 6);
    assert_int_equal(result.bad, 0);
    static const int attempts[] = {1, 2, 1, 1, 2, 1}, blocks[] = {1, 1, 1, 2, 2, 2};
    for (unsigned number = 1; number <= 6; number++) {
        cJSON *line = trial(folder, number);
        assert_int_equal((int)lg_json_number(line, "trial"), number);
        assert_int_equal((int)lg_json_number(line, "attempt"), attempts[number - 1]);
        assert_int_equal((int)lg_json_number(line, "block"), blocks[number - 1]);
        cJSON_Delete(line);
    }
    lg_design_release(&design);
    folder_remove(folder);
}

/* What went wrong is a result, INVALID or not: repeats are for trials that say nothing. */
static void test_invalid_and_wrong(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_design("good", "bad and invalid", &design);
    design.repeats = 1;
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, 4);
    assert_int_equal(result.bad, 4);
    assert_int_equal(result.invalid, 4);
    lg_design_release(&design);
    folder_remove(folder);
}

/* SIGINT while a trial runs: server and load end at once, and a study without trials leaves no
 * file.
 */
static void test_interrupt(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    file_write(folder, "kept", "x");
    make_design("good", "interrupt", &design);
    assert_int_equal(execute(&design, folder, &result, &error), EVD_OK);
    assert_int_equal(result.signal, SIGINT);
    assert_int_equal(result.trials, 0);
    assert_false(exists(folder, "trials.jsonl"));
    assert_false(exists(folder, "study.json"));
    assert_false(exists(folder, ".run.json"));
    assert_true(exists(folder, "kept"));
    no_child_left();
    lg_design_release(&design);
    folder_remove(folder);
}

static void test_no_server(void **state)
{
    char *folder = folder_make();
    struct lg_design design;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    make_design("good", "s", &design);
    struct lg_study_options options = {
        .design = &design, .out = folder, .server = "/no/server", .loadgen = FAKE, .command = ""};
    assert_true(lg_study_execute(&options, &result, &error) < 0);
    assert_non_null(strstr(error.text, "cannot run the server '/no/server'"));
    /* Nothing is in the way of another try. */
    assert_false(exists(folder, "trials.jsonl"));
    options.server = FAKE;
    options.quiet = true;
    assert_int_equal(lg_study_execute(&options, &result, &error), EVD_OK);
    lg_design_release(&design);
    folder_remove(folder);
}

/* A server that ignores SIGTERM is killed, and that is told apart. */
static void test_deaf(void **state)
{
    char *argv[] = {FAKE, "--mode=deaf", NULL};
    struct lg_child child;
    struct evd_error error = {0};
    char address[64];
    int fds[2], status = 0;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    struct lg_spawn spawn = {.argv = argv, .cpu = -1, .out = fds[1], .err = -1};
    assert_int_equal(lg_child_start(&spawn, &child, &error), EVD_OK);
    close(fds[1]);
    assert_int_equal(lg_child_ready(fds[0], -1, 60000, address, sizeof(address)), LG_WAIT_DONE);
    assert_string_equal(address, "tcp://127.0.0.1:1");
    assert_false(lg_child_stop(&child, 200, &status));
    assert_int_equal(status, 128 + SIGKILL);
    close(fds[0]);
    no_child_left();
}

static void test_not_a_program(void **state)
{
    char *argv[] = {"/no/program", NULL};
    struct lg_child child;
    struct evd_error error = {0};
    int status = 0;
    (void)state;
    struct lg_spawn spawn = {.argv = argv, .cpu = -1, .out = -1, .err = -1};
    assert_int_equal(lg_child_start(&spawn, &child, &error), EVD_OK);
    assert_int_equal(lg_child_wait(&child, -1, 60000, &status), LG_WAIT_DONE);
    assert_int_equal(status, 127);
}

static unsigned first_cpu(const cpu_set_t *set, unsigned from)
{
    while (from < CPU_SETSIZE && !CPU_ISSET(from, set))
        from++;
    return from;
}

/* What keeps a CPU awake gives way to everything, stays on that CPU, and ends with the study. */
static void cpus_are_kept_awake_by_nobody_else(void **state)
{
    (void)state;
    cpu_set_t all, own;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    unsigned one = first_cpu(&all, 0), two = first_cpu(&all, one + 1);
    if (two == CPU_SETSIZE)
        two = one;
    const unsigned cpus[LG_AWAKE_MAX] = {one, two};
    struct lg_awake awake;
    struct evd_error error;
    assert_int_equal(lg_awake_start(cpus, &awake, &error), EVD_OK);
    assert_int_equal(awake.count, one == two ? 1 : 2);
    pid_t pids[LG_AWAKE_MAX] = {0};
    for (size_t i = 0; i < awake.count; i++) {
        pids[i] = awake.children[i].pid;
        assert_int_equal(sched_getscheduler(pids[i]), SCHED_IDLE);
        assert_int_equal(sched_getaffinity(pids[i], sizeof(own), &own), 0);
        assert_int_equal(CPU_COUNT(&own), 1);
        assert_true(CPU_ISSET(cpus[i], &own));
    }
    size_t count = awake.count;
    lg_awake_stop(&awake);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kill(pids[i], 0), -1); /* reaped: nothing of that number is left */

    const unsigned nowhere[LG_AWAKE_MAX] = {one, CPU_SETSIZE - 1};
    if (!CPU_ISSET(CPU_SETSIZE - 1, &all)) {
        assert_int_equal(lg_awake_start(nowhere, &awake, &error), EVD_ERR_SYSTEM);
        assert_non_null(strstr(error.text, "cannot be kept awake"));
        assert_int_equal(awake.count, 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_are_kept_awake_by_nobody_else),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_brief),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_invalid_and_wrong),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_not_a_program),
        cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
