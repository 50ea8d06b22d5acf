/* A study that is killed goes on where it was, and is the study it would have been; two studies are
 * never mixed. With a fake server and a fake `loadgen run`, which kills the study when it is told
 * to.
 */
#include "loadgen/rng.h"
#include "loadgen/study.h"
#include "loadgen/study_identity.h"
#include "loadgen/study_json.h"
#include "loadgen/study_resume.h"
#include "test_study_synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two arms, two scenarios, of which one is INVALID in each trial, and one repeat in a block: six
 * trials a block. */
#define DESIGN                                                                                     \
    "{\"name\":\"fake\",\"blocks\":%d,\"repeats\":1,\"warmup\":\"0\",\"duration\":\"1ms\","        \
    "\"server_cpu\":0,\"load_cpu\":0,\"arms\":[{\"name\":\"a\",\"server\":[%s]},"                  \
    "{\"name\":\"b\",\"server\":[]}],\"scenarios\":[\"s\",\"invalid\"],"                           \
    "\"loads\":[{\"name\":\"l\",\"args\":[\"--closed\"]}]}"

enum { BLOCKS = 4, TRIALS = 5 * BLOCKS };

struct setting {
    int blocks;
    uint64_t seed;
    const char *server;
    const char *told; /* to the server of one arm: texts in JSON */
};

static const struct setting plain = {BLOCKS, 5, FAKE, ""};

static int execute(const struct setting *setting, const char *folder,
                   struct lg_study_result *result, struct evd_error *error)
{
    char text[1280];
    cJSON *root;
    struct lg_design design;
    *result = (struct lg_study_result){0};
    snprintf(text, sizeof(text), DESIGN, setting->blocks, setting->told);
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", &design, error), EVD_OK);
    struct lg_study_options options = {.design = &design,
                                       .out = folder,
                                       .server = setting->server,
                                       .loadgen = FAKE,
                                       .command = "loadgen study fake",
                                       .seed = setting->seed,
                                       .quiet = true};
    int rc = lg_study_execute(&options, result, error);
    lg_design_release(&design);
    return rc;
}

/* In a process of its own, killed in its trial of this number, counted from 0. */
static void execute_and_die(const char *folder, unsigned trials_before)
{
    char number[16], path[512];
    snprintf(number, sizeof(number), "%u\n", trials_before);
    file_write(folder, "countdown", number);
    snprintf(path, sizeof(path), "%s/countdown", folder);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct lg_study_result result;
        struct evd_error error = {0};
        setenv("FAKE_COUNTDOWN", path, 1);
        execute(&plain, folder, &result, &error);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(unlink(path), 0);
}

/* What decides a trial, of each line; to be freed. */
static char *trials_of(const char *folder, unsigned *ret_count)
{
    char *text = file_read(folder, "trials.jsonl"), *out = NULL;
    size_t len;
    FILE *file = open_memstream(&out, &len);
    struct evd_error error;
    *ret_count = 0;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        cJSON *root;
        assert_int_equal(lg_json_parse(line, strcspn(line, "\n"), "t", 1, &root, &error), EVD_OK);
        fprintf(file, "%g %g %g %s %s %s %s\n", lg_json_number(root, "trial"),
                lg_json_number(root, "block"), lg_json_number(root, "attempt"),
                lg_json_string(root, "arm", ""), lg_json_string(root, "scenario", ""),
                lg_json_string(root, "load", ""), lg_json_string(root, "seed", ""));
        cJSON_Delete(root);
        ++*ret_count;
    }
    fclose(file);
    free(text);
    return out;
}

static void truncate_by(const char *folder, size_t bytes)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof(path), "%s/trials.jsonl", folder);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - (off_t)bytes), 0);
}

static void test_killed_three_times(void **state)
{
    char *whole = folder_make(), *folder = folder_make();
    struct lg_study_result result;
    struct evd_error error = {0};
    struct lg_rng rng;
    unsigned count, there;
    (void)state;
    assert_int_equal(execute(&plain, whole, &result, &error), EVD_OK);
    assert_int_equal(result.trials, TRIALS);
    char *should = trials_of(whole, &count);
    assert_int_equal(count, TRIALS);

    lg_rng_init(&rng, 20260506);
    for (int kill_number = 0; kill_number < 3; kill_number++) {
        execute_and_die(folder, 1 + (unsigned)lg_rng_below(&rng, TRIALS / 3 - 1));
        /* The second time it also was killed while it wrote: somewhere in the last line. */
        if (kill_number == 1)
            truncate_by(folder, 1 + (size_t)lg_rng_below(&rng, 300));
    }
    file_write(folder, "countdown", "");
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, TRIALS);
    assert_in_range(result.measured, 1, TRIALS - 1);
    assert_int_equal(result.invalid, 3 * BLOCKS);
    char *is = trials_of(folder, &there);
    assert_string_equal(is, should);

    struct lg_data data;
    char *text = file_read(folder, "study.json");
    cJSON *about = cJSON_Parse(text);
    cJSON *resumed = cJSON_GetObjectItem(about, "resumed");
    assert_int_equal(cJSON_GetArraySize(resumed), 3);
    assert_true(lg_json_number(cJSON_GetArrayItem(resumed, 0), "after_trials") >= 1);
    assert_int_equal((int)lg_json_number(cJSON_GetArrayItem(resumed, 1), "cut_bytes") > 0, true);
    assert_int_equal((int)lg_json_number(cJSON_GetArrayItem(resumed, 2), "cut_bytes"), 0);
    assert_true(cJSON_IsString(cJSON_GetObjectItem(about, "finished")));
    char sha256[65], *raw = file_read(folder, "trials.jsonl");
    assert_int_equal(lg_data_sha256(raw, strlen(raw), sha256, &error), EVD_OK);
    assert_string_equal(lg_json_string(about, "trials_sha256", ""), sha256);
    assert_int_equal(lg_data_read(folder, &data, &error), EVD_OK);
    assert_int_equal(data.count, TRIALS);
    lg_data_release(&data);
    cJSON_Delete(about);

    /* It is complete: once more measures nothing, and changes nothing. */
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_OK);
    assert_int_equal(result.measured, 0);
    assert_int_equal(result.trials, TRIALS);
    char *again = file_read(folder, "study.json");
    assert_string_equal(again, text);
    free(again);
    free(text);

    /* And what has finished is held to its hash: neither shown nor gone on with when it changed. */
    char *startup = strstr(raw, "\"startup_ns\":");
    assert_non_null(startup);
    startup += strlen("\"startup_ns\":");
    startup[0] = startup[0] == '9' ? '8' : (char)(startup[0] + 1);
    file_write(folder, "trials.jsonl", raw);
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_ERR_BAD_DATA);
    assert_non_null(
        strstr(error.text, "/trials.jsonl: it was changed after the study had finished"));
    free(raw);
    free(is);
    free(should);
    folder_remove(folder);
    folder_remove(whole);
}

static void check_refused(const struct setting *setting, const char *folder, int rc,
                          const char *says)
{
    char *before = file_read(folder, "trials.jsonl"), *about = file_read(folder, "study.json");
    struct lg_study_result result;
    struct evd_error error = {0};
    assert_int_equal(execute(setting, folder, &result, &error), rc);
    if (!strstr(error.text, says))
        print_error("it says '%s', not '%s'\n", error.text, says);
    assert_non_null(strstr(error.text, says));
    /* Nothing of what was there is lost. */
    char *after = file_read(folder, "trials.jsonl"), *about_after = file_read(folder, "study.json");
    assert_string_equal(after, before);
    assert_string_equal(about_after, about);
    free(before);
    free(after);
    free(about);
    free(about_after);
}

/* study.json as if the text `from` had been `to` there. */
static void check_changed(const char *folder, const char *from, const char *to, const char *says)
{
    char *text = file_read(folder, "study.json"), *changed = NULL, *at = strstr(text, from);
    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    file_write(folder, "study.json", changed);
    check_refused(&plain, folder, EVD_ERR_USAGE, says);
    file_write(folder, "study.json", text);
    free(text);
    free(changed);
}

static void test_mixing(void **state)
{
    char *folder = folder_make(), *builds = folder_make(), server[512], says[600];
    struct setting other = plain;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    snprintf(server, sizeof(server), "%s/server", builds);
    execute_and_die(folder, 3);
    other.blocks = BLOCKS + 1;
    snprintf(says, sizeof(says), "%s is of another study", folder);
    check_refused(&other, folder, EVD_ERR_USAGE, says);
    check_refused(&other, folder, EVD_ERR_USAGE, "design.blocks was 4 and is 5");
    other = plain;
    other.seed = 6;
    check_refused(&other, folder, EVD_ERR_USAGE, "seed was \"5\" and is \"6\"");
    check_changed(folder, "\"commit\":\t\"", "\"commit\":\t\"0", "commit was \"0");
    check_changed(folder, "\"kernel\":\t\"", "\"kernel\":\t\"0.9-", "machine.kernel was \"0.9-");
    check_changed(folder, "\"libev\":\t\"", "\"libev\":\t\"3.", "libraries.libev was \"3.");
    check_changed(folder, "\"order\":\t[[", "\"order\":\t[[9, ", "order[0][0] was 9 and is ");
    check_changed(folder, "\"file\":\t\"loadgen\",\n\t\t\t\"sha256\":\t\"",
                  "\"file\":\t\"loadgen\",\n\t\t\t\"sha256\":\t\"00", "files.loadgen was \"00");
    /* Another program of the same version. */
    FILE *file = fopen(server, "w");
    assert_non_null(file);
    fputs("#!/bin/sh\necho fake 1.0\n", file);
    fclose(file);
    assert_int_equal(chmod(server, 0700), 0);
    other = plain;
    other.server = server;
    check_refused(&other, folder, EVD_ERR_USAGE, "files.evd-server was \"");
    /* And after all that, the one that was begun. */
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_OK);
    assert_int_equal(result.trials, TRIALS);
    folder_remove(builds);
    folder_remove(folder);
}

/* What the servers are told to read is part of what is measured. */
static void test_what_servers_read(void **state)
{
    char *folder = folder_make(), *mine = folder_make(), told[1024], says[600];
    struct setting setting = plain;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    file_write(mine, "config.json", "{}");
    file_write(mine, "tax.so", "one");
    snprintf(told, sizeof(told), "\"--module-config=%s/config.json\",\"--modules\",\"%s\"", mine,
             mine);
    setting.told = told;
    setting.blocks = 1;
    assert_int_equal(execute(&setting, folder, &result, &error), EVD_OK);
    file_write(mine, "config.json", "{\"tax\":7}");
    snprintf(says, sizeof(says), "files.%s/config.json was \"", mine);
    check_refused(&setting, folder, EVD_ERR_USAGE, says);
    file_write(mine, "config.json", "{}");
    file_write(mine, "tax.so", "another");
    snprintf(says, sizeof(says), "files.%s was \"", mine);
    check_refused(&setting, folder, EVD_ERR_USAGE, says);
    file_write(mine, "tax.so", "one");
    assert_int_equal(execute(&setting, folder, &result, &error), EVD_OK);
    assert_int_equal(result.measured, 0);
    folder_remove(mine);
    folder_remove(folder);
}

/* What study.json would have of the modules folder of `builds`. */
static void modules_hash(const char *builds, char out[65])
{
    char server[512];
    cJSON *root, *about = cJSON_CreateObject();
    const cJSON *file;
    struct lg_design design;
    struct evd_error error = {0};
    char text[640];
    snprintf(text, sizeof(text), DESIGN, 1, "");
    assert_int_equal(lg_json_parse(text, strlen(text), "design", 1, &root, &error), EVD_OK);
    assert_int_equal(lg_design_take(root, "design", &design, &error), EVD_OK);
    snprintf(server, sizeof(server), "%s/bin/server", builds);
    struct lg_study_options options = {.design = &design, .server = server, .loadgen = FAKE};
    assert_int_equal(lg_identity_add_files(&options, about, &error), EVD_OK);
    out[0] = '\0';
    cJSON_ArrayForEach(file, cJSON_GetObjectItem(about, "files"))
    {
        if (strcmp(lg_json_string(file, "file", ""), "modules of evd-server") == 0)
            snprintf(out, 65, "%s", lg_json_string(file, "sha256", ""));
    }
    assert_int_equal(strlen(out), 64);
    cJSON_Delete(about);
    lg_design_release(&design);
}

/* Another name, another folder, a link that leads elsewhere: other modules. A file that is no
 * module is none of the study's. */
static void test_modules(void **state)
{
    static const struct {
        const char *command;
        bool differs;
    } steps[] = {
        {"echo 2 > modules/.v2; echo x > modules/README", false},
        {"mv modules/a.so modules/b.so", true},
        {"mkdir modules/sub; mv modules/b.so modules/sub/b.so", true},
        {"ln -s .v1 modules/c.so", true},
        {"rm modules/c.so; ln -s .v2 modules/c.so", true},
        {"echo 3 > modules/.v2", true},
        {"mv modules/sub/b.so modules/.b; ln -s ../.b modules/sub/b.so", true},
        {"echo 4 > modules/.b", true},
        {"mv modules/sub/b.so modules/sub/c.so", true},
        {"mkdir modules/two; mv modules/sub/c.so modules/two", true},
        {"cp modules/.v2 modules/.v4; ln -sf .v4 modules/c.so", true},
        {"true", false},
    };
    char *builds = folder_make(), before[65], now[65], command[700];
    (void)state;
    snprintf(command, sizeof(command),
             "cd '%s' && mkdir bin modules && ln -s '%s' bin/server && echo 1 > modules/a.so && "
             "echo 1 > modules/.v1",
             builds, FAKE);
    assert_int_equal(system(command), 0);
    modules_hash(builds, before);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        snprintf(command, sizeof(command), "cd '%s' && { %s; }", builds, steps[i].command);
        assert_int_equal(system(command), 0);
        modules_hash(builds, now);
        if ((strcmp(before, now) != 0) != steps[i].differs)
            print_error("after: %s\n", steps[i].command);
        assert_int_equal(strcmp(before, now) != 0, steps[i].differs);
        memcpy(before, now, sizeof(before));
    }
    snprintf(command, sizeof(command), "cd '%s' && rm -r bin modules", builds);
    assert_int_equal(system(command), 0);
    folder_remove(builds);
}

/* Payloads are found by `loadgen run`, so that only the next trial shows that they are others. */
static void test_other_payloads(void **state)
{
    static const char from[] = "\"schema\":\"evdispatch.run/1\"";
    char *folder = folder_make(), *whole = NULL;
    size_t len;
    (void)state;
    execute_and_die(folder, 3);
    char *text = file_read(folder, "trials.jsonl");
    FILE *out = open_memstream(&whole, &len);
    for (char *at = text, *next; *at; at = next) {
        next = strstr(at, from);
        fprintf(out, "%.*s%s%s", next ? (int)(next - at) : (int)strlen(at), at, next ? from : "",
                next ? ",\"scenario\":{\"payloads\":\"others 1.0\"}" : "");
        next = next ? next + strlen(from) : at + strlen(at);
    }
    assert_int_equal(fclose(out), 0);
    file_write(folder, "trials.jsonl", whole);
    struct lg_study_result result;
    struct evd_error error = {0};
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "had other payloads (others 1.0) than there are now ("));
    char *after = file_read(folder, "trials.jsonl");
    assert_string_equal(after, whole);
    free(after);
    free(whole);
    free(text);
    folder_remove(folder);
}

/* The file with line `number` (from 1) replaced. */
static void check_line(const char *folder, unsigned number, const char *line, int rc,
                       const char *says)
{
    char *text = file_read(folder, "trials.jsonl"), *changed = NULL, *at = text;
    for (unsigned i = 1; i < number; i++)
        at = strchr(at, '\n') + 1;
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, line, strchr(at, '\n')) > 0);
    file_write(folder, "trials.jsonl", changed);
    check_refused(&plain, folder, rc, says);
    file_write(folder, "trials.jsonl", text);
    free(text);
    free(changed);
}

/* Damage that is no cut: refused, by file and line. */
static void test_damaged(void **state)
{
    char *folder = folder_make(), says[600], path[512];
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    execute_and_die(folder, 7);
    snprintf(says, sizeof(says), "%s/trials.jsonl:3:1: this is not valid JSON", folder);
    check_line(folder, 3, "xxxx", EVD_ERR_BAD_DATA, says);
    snprintf(says, sizeof(says), "%s/trials.jsonl:2: 'arm' is missing", folder);
    check_line(folder, 2, "{}", EVD_ERR_BAD_DATA, says);

    /* A whole trial, at a place where the order has another one. */
    char *text = file_read(folder, "trials.jsonl");
    char *sixth = text;
    for (int i = 0; i < 5; i++)
        sixth = strchr(sixth, '\n') + 1;
    sixth[strcspn(sixth, "\n")] = '\0';
    char *line = strdup(sixth);
    char *number = strstr(line, "\"trial\":6");
    assert_non_null(number);
    number[8] = '7';
    snprintf(says, sizeof(says), "%s/trials.jsonl:6: trial 7 of block 2", folder);
    check_line(folder, 6, line, EVD_ERR_BAD_DATA, says);
    free(line);
    free(text);

    snprintf(path, sizeof(path), "%s/study.json", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "holds trials, and no study.json"));
    snprintf(path, sizeof(path), "%s/trials.jsonl", folder);
    assert_int_equal(access(path, F_OK), 0);
    folder_remove(folder);
}

/* trials.jsonl without this line, of those from 1, and the numbers of those behind it set right. */
static char *without_line(const char *text, unsigned number)
{
    char *out = NULL;
    size_t len;
    unsigned at = 0, kept = 0;
    FILE *file = open_memstream(&out, &len);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        struct evd_error error;
        cJSON *trial;
        if (++at == number)
            continue;
        assert_int_equal(lg_json_parse(line, strcspn(line, "\n"), "t", 1, &trial, &error), EVD_OK);
        cJSON_SetNumberHelper(cJSON_GetObjectItem(trial, "trial"), ++kept);
        char *written = cJSON_PrintUnformatted(trial);
        fprintf(file, "%s\n", written);
        cJSON_free(written);
        cJSON_Delete(trial);
    }
    fclose(file);
    return out;
}

/* Each line is where the order has it, and a repeat of an INVALID trial is missing all the same:
 * only the study that goes on can tell. And one that says that it is of another block, and a first
 * attempt that says that it is a repeat. */
static void test_out_of_order(void **state)
{
    char *folder = folder_make(), says[600], *line;
    unsigned number = 1;
    (void)state;
    execute_and_die(folder, 7);
    char *text = file_read(folder, "trials.jsonl");
    for (line = text;
         !strstr(line, "\"attempt\":2") || strstr(line, "\"attempt\":2") > strchr(line, '\n');
         line = strchr(line, '\n') + 1)
        number++;
    char *changed = without_line(text, number);
    file_write(folder, "trials.jsonl", changed);
    snprintf(says, sizeof(says), "trials.jsonl:%u: trial %u of block 1, '", number, number);
    check_refused(&plain, folder, EVD_ERR_BAD_DATA, says);
    snprintf(says, sizeof(says), ": by the order of study.json it is trial %u of block 1, '",
             number);
    check_refused(&plain, folder, EVD_ERR_BAD_DATA, says);
    file_write(folder, "trials.jsonl", text);

    char *first = strndup(text, strcspn(text, "\n")), *block = strstr(first, "\"block\":1");
    assert_non_null(block);
    block[strlen("\"block\":")] = '3';
    check_line(folder, 1, first, EVD_ERR_BAD_DATA,
               "in block 3: by the order of study.json it stands elsewhere");
    free(first);
    first = strndup(text, strcspn(text, "\n"));
    char *attempt = strstr(first, "\"attempt\":1");
    assert_non_null(attempt);
    attempt[strlen("\"attempt\":")] = '2';
    check_line(folder, 1, first, EVD_ERR_BAD_DATA,
               "in block 1: by the order of study.json it stands elsewhere");
    free(first);
    free(changed);
    free(text);
    folder_remove(folder);
}

/* Whatever decides a trial: a repeat more or less may leave one that differs in nothing else. */
static void test_what_decides_a_trial(void **state)
{
    struct lg_arm arms[2] = {{.name = "a"}, {.name = "b"}};
    struct lg_trial trial = {.number = 1, .block = 2, .arm = 1, .scenario = 1, .load = 1};
    struct lg_trial_plan plan = {.number = 1, .block = 2, .arm = 1, .scenario = 1, .load = 1};
    struct lg_resume resume = {.data = {.trials = &trial, .count = 1}};
    struct evd_error error = {0};
    (void)state;
    memcpy(resume.data.design.arms, arms, sizeof(arms));
    assert_int_equal(lg_resume_check(&resume, "f", &plan, &error), EVD_OK);
    plan.block = 1;
    assert_int_equal(lg_resume_check(&resume, "f", &plan, &error), EVD_ERR_BAD_DATA);
    assert_string_equal(error.text, "f/trials.jsonl:1: trial 1 of block 2, 'b': by the order of "
                                    "study.json it is trial 1 of block 1, 'b'");
    plan.block = 2;
    for (size_t i = 0; i < 3; i++) {
        size_t *part = i == 0 ? &plan.arm : i == 1 ? &plan.scenario : &plan.load;
        *part = 0;
        assert_int_equal(lg_resume_check(&resume, "f", &plan, &error), EVD_ERR_BAD_DATA);
        *part = 1;
    }
}

/* Two at once would write each trial twice. */
static void test_lock(void **state)
{
    char *folder = folder_make(), byte;
    int fds[2], status;
    struct lg_study_result result;
    struct evd_error error = {0};
    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        FILE *trials;
        byte = lg_resume_open(folder, &trials, &error) == EVD_OK ? 'y' : 'n';
        if (write(fds[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_ERR_USAGE);
    assert_non_null(strstr(error.text, "another study is at work in"));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(execute(&plain, folder, &result, &error), EVD_OK);
    close(fds[0]);
    close(fds[1]);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_three_times),
        cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_what_servers_read),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_other_payloads),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_what_decides_a_trial),
        cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
