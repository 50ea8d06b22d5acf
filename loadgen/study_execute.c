#include "study.h"

#include "evd_version.h"
#include "paths.h"
#include "report_data.h"
#include "study_awake.h"
#include "study_disk.h"
#include "study_identity.h"
#include "study_json.h"
#include "study_layout.h"
#include "study_machine.h"
#include "study_maximum.h"
#include "study_order.h"
#include "study_process.h"
#include "study_resume.h"
#include "study_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VERSION_MS 5000

struct study {
    const struct lg_study_options *options;
    const struct lg_design *design;
    struct lg_study_result *result;
    struct lg_trial_setting setting;
    cJSON *about; /* study.json */
    FILE *trials; /* trials.jsonl */
    struct lg_resume resume;
    struct lg_rates rates;
    unsigned measured; /* trials of this run of the program */
    size_t *order;     /* of the current block */
    unsigned total;    /* trials */
    uint64_t began_ns; /* lg_now_ns() */
    bool terminal;
};

static void timestamp(char out[32])
{
    time_t now = time(NULL);
    struct tm utc;
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

/* The CPUs of the design, or the first two there are. Says so when they are others. */
static int choose_cpus(struct study *study, struct evd_error *error)
{
    const struct lg_design *design = study->design;
    struct lg_trial_setting *setting = &study->setting;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "sched_getaffinity: %s", strerror(errno));
    setting->server_cpu = design->server_cpu;
    setting->load_cpu = design->load_cpu;
    if (CPU_ISSET(design->server_cpu, &set) && CPU_ISSET(design->load_cpu, &set))
        return EVD_OK;
    unsigned found = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        if (found++ == 0)
            setting->server_cpu = cpu;
        setting->load_cpu = cpu;
    }
    if (found == 1)
        fprintf(
            stderr,
            "loadgen: there is one CPU (%u): server and load share it, and disturb each other\n",
            setting->server_cpu);
    else
        fprintf(stderr,
                "loadgen: CPUs %u and %u are not both there; the server gets %u, the load "
                "%u\n",
                design->server_cpu, design->load_cpu, setting->server_cpu, setting->load_cpu);
    return EVD_OK;
}

/* `evd-server --version`, its first line. */
static int server_version(const struct lg_study_options *options, char *out, size_t cap,
                          struct evd_error *error)
{
    char *argv[] = {(char *)(uintptr_t)options->server, (char *)(uintptr_t) "--version", NULL};
    int fds[2], status = 0;
    if (access(options->server, X_OK) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot run the server '%s': %s",
                             options->server, strerror(errno));
    if (pipe2(fds, O_CLOEXEC) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "pipe: %s", strerror(errno));
    struct lg_child child;
    struct lg_spawn spawn = {.argv = argv, .cpu = -1, .out = fds[1], .err = -1};
    int rc = lg_child_start(&spawn, &child, error);
    close(fds[1]);
    if (rc == EVD_OK) {
        /* A version is short: it fits the pipe, so that waiting first cannot lock up. */
        bool ended = lg_child_wait(&child, -1, VERSION_MS, &status) == LG_WAIT_DONE;
        ssize_t len = ended ? read(fds[0], out, cap - 1) : 0;
        if (!ended)
            lg_child_stop(&child, 0, &status);
        out[len > 0 ? len : 0] = '\0';
        out[strcspn(out, "\n")] = '\0';
        if (!ended || status != 0 || !out[0])
            rc = evd_error_set(error, EVD_ERR_SYSTEM, "'%s --version' says nothing (exit %d)",
                               options->server, status);
    }
    close(fds[0]);
    return rc;
}

static int write_about(const struct study *study, struct evd_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/study.json", study->options->out);
    char *text = cJSON_Print(study->about);
    if (!text)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for study.json");
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of the NUL: the length says where it ends */
    int rc = lg_write_file(path, text, len + 1, error);
    cJSON_free(text);
    return rc;
}

static cJSON *order_json(struct study *study)
{
    size_t cells = lg_design_cells(study->design);
    cJSON *blocks = cJSON_CreateArray();
    for (unsigned block = 0; block < study->design->blocks; block++) {
        cJSON *order = cJSON_CreateArray();
        lg_order_block(study->design, study->options->seed, block, study->order);
        for (size_t i = 0; i < cells; i++)
            cJSON_AddItemToArray(order, cJSON_CreateNumber((double)study->order[i]));
        cJSON_AddItemToArray(blocks, order);
    }
    return blocks;
}

static int make_about(struct study *study, struct evd_error *error)
{
    const struct lg_study_options *options = study->options;
    const struct lg_design *design = study->design;
    cJSON *about = study->about = cJSON_CreateObject(), *pinning, *build;
    char text[256];

    cJSON_AddStringToObject(about, "schema", "evdispatch.study/1");
    cJSON_AddStringToObject(about, "name", design->name);
    cJSON_AddStringToObject(about, "title", design->title);
    cJSON_AddStringToObject(about, "command", options->command);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)options->seed);
    cJSON_AddStringToObject(about, "seed", text);
    timestamp(text);
    cJSON_AddStringToObject(about, "started", text);
    cJSON_AddNullToObject(about, "finished");
    cJSON_AddStringToObject(about, "version", EVD_VERSION);
    cJSON_AddStringToObject(about, "commit", EVD_COMMIT);
    build = cJSON_AddObjectToObject(about, "build");
    cJSON_AddStringToObject(build, "type", EVD_BUILD_TYPE);
    cJSON_AddStringToObject(build, "sanitize", EVD_BUILD_SANITIZE);
    cJSON_AddStringToObject(build, "compiler", EVD_COMPILER);
    cJSON_AddStringToObject(build, "flags", EVD_C_FLAGS);
    int rc = server_version(options, text, sizeof(text), error);
    if (rc != EVD_OK)
        return rc;
    cJSON_AddStringToObject(about, "server_version", text);
    cJSON_AddItemToObject(about, "machine", lg_machine(study->setting.server_cpu));
    cJSON_AddItemToObject(about, "libraries", lg_libraries());
    pinning = cJSON_AddObjectToObject(about, "pinning");
    cJSON_AddNumberToObject(pinning, "server_cpu", study->setting.server_cpu);
    cJSON_AddNumberToObject(pinning, "load_cpu", study->setting.load_cpu);
    cJSON_AddNumberToObject(about, "trials", study->total);
    rc = lg_study_disk(options, about, error);
    if (rc == EVD_OK)
        rc = lg_identity_add_files(options, about, error);
    if (rc != EVD_OK)
        return rc;
    cJSON_AddItemToObject(about, "design", cJSON_Duplicate(design->root, 1));
    /* A cell's number is (scenario * loads + load) * arms + arm, each counted from 0 in the design.
     */
    cJSON_AddItemToObject(about, "order", order_json(study));
    return EVD_OK;
}

/* Opens the folder, and reads what an earlier run of the same study left there. */
static int open_folder(struct study *study, struct evd_error *error)
{
    const struct lg_study_options *options = study->options;
    struct lg_resume *resume = &study->resume;
    cJSON *before;
    int rc = lg_resume_open(options->out, &study->trials, error);
    if (rc == EVD_OK)
        rc = make_about(study, error);
    if (rc == EVD_OK)
        rc = lg_resume_read(options->out, study->trials, study->about, resume, &before, error);
    if (rc != EVD_OK)
        return rc;
    if (resume->cut_bytes > 0)
        fprintf(stderr,
                "loadgen: %s/trials.jsonl:%zu: the line is cut off; its %zu bytes are taken out\n",
                options->out, resume->data.count + 1, resume->cut_bytes);
    if (!before)
        return write_about(study, error);
    cJSON_Delete(study->about);
    study->about = before;
    if (!options->quiet)
        fprintf(stderr, "loadgen: '%s' holds %zu trials of this study already\n", options->out,
                resume->data.count);
    return EVD_OK;
}

/* A study without a trial leaves nothing, so that its folder can be used again. */
static void remove_folder(const struct study *study)
{
    const char *out = study->options->out;
    char path[PATH_MAX];
    struct stat status;
    if (fstat(fileno(study->trials), &status) != 0 || status.st_size > 0)
        return;
    snprintf(path, sizeof(path), "%s/trials.jsonl", out);
    unlink(path);
    snprintf(path, sizeof(path), "%s/study.json", out);
    unlink(path);
    snprintf(path, sizeof(path), "%s/maximum.jsonl", out);
    unlink(path);
    rmdir(out); /* stays if there is something else in it */
}

static int append_trial(struct study *study, const cJSON *line, struct evd_error *error)
{
    char *text = cJSON_PrintUnformatted(line);
    if (!text)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory for a line of trials.jsonl");
    int failed = fputs(text, study->trials) < 0 || fputc('\n', study->trials) < 0 ||
                 fflush(study->trials) != 0 || fdatasync(fileno(study->trials)) != 0;
    cJSON_free(text);
    if (failed)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot write '%s/trials.jsonl': %s",
                             study->options->out, strerror(errno));
    return EVD_OK;
}

static const char *time_left(const struct study *study, char out[32])
{
    double spent = (double)(lg_now_ns() - study->began_ns) / 1e9;
    unsigned done = study->measured, more = study->total - study->result->trials;
    double left =
        done ? spent / done * more
             : (double)(study->design->warmup_ns + study->design->duration_ns) / 1e9 * more;
    unsigned seconds = (unsigned)lround(left);
    snprintf(out, 32, "%u:%02u left", seconds / 60, seconds % 60);
    return out;
}

/* Before a trial on a terminal, where the line is overwritten; after it elsewhere. */
static void show(const struct study *study, const struct lg_trial_plan *plan,
                 const struct lg_trial_outcome *outcome)
{
    if (study->options->quiet || (study->terminal && outcome && !outcome->why[0]))
        return;
    const struct lg_design *design = study->design;
    char left[32], what[200], rate[32] = "";
    snprintf(what, sizeof(what), "trial %u of %u%s: %s, %s, %s", plan->number, study->total,
             plan->attempt > 1 ? ", a repeat" : "", design->arms[plan->arm].name,
             design->scenarios[plan->scenario], design->loads[plan->load].name);
    if (!outcome) {
        if (study->terminal)
            fprintf(stderr, "\r\033[K%s; %s", what, time_left(study, left));
        return;
    }
    if (isfinite(outcome->rate))
        snprintf(rate, sizeof(rate), ": %.0f/s", outcome->rate);
    fprintf(stderr, "%s%s%s%s%s%s; %s\n", study->terminal ? "\r\033[K" : "", what, rate,
            outcome->invalid ? ", INVALID" : "", outcome->why[0] ? ": PROBLEM: " : "", outcome->why,
            time_left(study, left));
}

/* The trial was measured by an earlier run of the study. */
static int take_kept(struct study *study, const struct lg_trial_plan *plan, bool *ret_again,
                     struct evd_error *error)
{
    const struct lg_trial *kept = &study->resume.data.trials[plan->number - 1];
    int rc = lg_resume_check(&study->resume, study->options->out, plan, error);
    if (rc != EVD_OK)
        return rc;
    study->result->trials++;
    study->result->bad += kept->problem != NULL;
    study->result->invalid += kept->invalid;
    *ret_again = kept->invalid && !kept->problem;
    return EVD_OK;
}

/* The first trial behind those that were there. */
static int note_resumption(struct study *study, struct evd_error *error)
{
    char now[32];
    if (study->resume.data.count == 0 || study->measured > 0)
        return EVD_OK;
    timestamp(now);
    lg_resume_note(&study->resume, now, study->about);
    return write_about(study, error);
}

/* One attempt at a cell. *ret_again: it was INVALID. */
static int attempt(struct study *study, struct lg_trial_plan *plan, bool *ret_again,
                   struct evd_error *error)
{
    struct lg_trial_outcome outcome = {0};
    plan->number = study->result->trials + 1;
    *ret_again = false;
    if (plan->number <= study->resume.data.count)
        return take_kept(study, plan, ret_again, error);
    show(study, plan, NULL);
    int rc = note_resumption(study, error);
    if (rc == EVD_OK)
        rc = lg_trial_execute(&study->setting, plan, &outcome, error);
    if (rc == EVD_OK && outcome.line)
        rc = lg_resume_check_payloads(&study->resume, plan, outcome.line, error);
    if (rc == EVD_OK && outcome.line)
        rc = append_trial(study, outcome.line, error);
    cJSON_Delete(outcome.line);
    if (rc != EVD_OK)
        return rc;
    study->result->signal = lg_stop_signal(study->setting.stop_fd);
    if (outcome.stopped)
        return EVD_OK;
    study->measured++;
    study->result->trials++;
    study->result->bad += outcome.why[0] != '\0';
    study->result->invalid += outcome.invalid;
    *ret_again = outcome.invalid && !outcome.why[0];
    show(study, plan, &outcome);
    return EVD_OK;
}

/* An INVALID trial is repeated at once: most often the machine was busy with something else for a
 * moment. Once for each cell, and not more often in a block than the design says. */
static int run_block(struct study *study, unsigned block, struct evd_error *error)
{
    const struct lg_design *design = study->design;
    size_t cells = lg_design_cells(design);
    unsigned repeats = design->repeats;
    int rc = EVD_OK;
    lg_order_block(design, study->options->seed, block, study->order);
    for (size_t i = 0; i < cells && rc == EVD_OK && study->result->signal == 0; i++) {
        size_t cell = study->order[i], pair = cell / design->arm_count;
        struct lg_trial_plan plan = {
            .block = block + 1,
            .attempt = 1,
            .scenario = pair / design->load_count,
            .load = pair % design->load_count,
            .arm = cell % design->arm_count,
            .rate = study->rates.rates[pair / design->load_count][pair % design->load_count],
            .seed = lg_order_load_seed(study->options->seed, block)};
        bool again;
        rc = attempt(study, &plan, &again, error);
        if (rc != EVD_OK || !again || repeats == 0 || study->result->signal != 0)
            continue;
        repeats--;
        study->total++;
        plan.attempt = 2;
        rc = attempt(study, &plan, &again, error);
    }
    return rc;
}

/* Once a study: one that goes on keeps the rates that it had. */
static int find_rates(struct study *study, struct evd_error *error)
{
    bool stopped;
    if (!study->design->has_shares)
        return EVD_OK;
    if (study->resume.data.count > 0)
        return lg_rates_take(study->design, study->about, &study->rates, error);
    int rc = lg_maximum_measure(&study->setting, &study->rates, &stopped, error);
    study->result->signal = lg_stop_signal(study->setting.stop_fd);
    if (rc != EVD_OK || stopped)
        return rc;
    lg_rates_put(study->design, &study->rates, study->about);
    return write_about(study, error);
}

/* All trials are there: from now on trials.jsonl is held to its SHA-256. */
static int seal(struct study *study, struct evd_error *error)
{
    char path[PATH_MAX], now[32], sha256[65], *text;
    size_t len;
    snprintf(path, sizeof(path), "%s/trials.jsonl", study->options->out);
    int rc = lg_read_file(path, LG_TRIALS_BYTES_MAX, &text, &len, error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_data_sha256(text, len, sha256, error);
    free(text);
    if (rc != EVD_OK)
        return rc;
    timestamp(now);
    cJSON_ReplaceItemInObjectCaseSensitive(study->about, "finished", cJSON_CreateString(now));
    cJSON_DeleteItemFromObjectCaseSensitive(study->about, "trials_sha256");
    cJSON_AddStringToObject(study->about, "trials_sha256", sha256);
    return write_about(study, error);
}

static int run_all(struct study *study, struct evd_error *error)
{
    const unsigned cpus[LG_AWAKE_MAX] = {study->setting.server_cpu, study->setting.load_cpu};
    struct lg_awake awake = {.count = 0};
    int rc = EVD_OK;
    if (study->design->keep_awake)
        rc = lg_awake_start(cpus, &awake, error);
    if (rc == EVD_OK)
        rc = find_rates(study, error);
    study->began_ns = lg_now_ns();
    for (unsigned block = 0;
         block < study->design->blocks && rc == EVD_OK && study->result->signal == 0; block++)
        rc = run_block(study, block, error);
    lg_awake_stop(&awake);
    if (study->terminal && !study->options->quiet)
        fputs("\r\033[K", stderr);
    if (rc != EVD_OK || study->result->signal != 0)
        return rc;
    if (study->resume.data.count > study->result->trials)
        return evd_error_set(error, EVD_ERR_BAD_DATA,
                             "%s/trials.jsonl:%u: a trial more than the order of study.json has",
                             study->options->out, study->result->trials + 1);
    if (study->measured == 0 &&
        cJSON_IsString(cJSON_GetObjectItemCaseSensitive(study->about, "finished")))
        return EVD_OK;
    return seal(study, error);
}

int lg_study_execute(const struct lg_study_options *options, struct lg_study_result *ret_result,
                     struct evd_error *ret_error)
{
    struct study study = {.options = options,
                          .design = options->design,
                          .result = ret_result,
                          .setting = {.options = options, .stop_fd = -1},
                          .total =
                              (unsigned)lg_design_cells(options->design) * options->design->blocks,
                          .terminal = isatty(STDERR_FILENO)};
    sigset_t before;
    *ret_result = (struct lg_study_result){0};
    study.order = calloc(lg_design_cells(options->design), sizeof(*study.order));
    if (!study.order)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the order of trials");
    int rc = lg_layouts_check(options, ret_error);
    if (rc == EVD_OK)
        rc = choose_cpus(&study, ret_error);
    if (rc == EVD_OK)
        rc = open_folder(&study, ret_error);
    if (rc == EVD_OK && (rc = lg_stop_open(&before, &study.setting.stop_fd, ret_error)) == EVD_OK) {
        rc = run_all(&study, ret_error);
        lg_stop_close(study.setting.stop_fd, &before);
    }
    ret_result->measured = study.measured;
    if (study.trials && ret_result->trials == 0)
        remove_folder(&study);
    if (study.trials && fclose(study.trials) != 0 && rc == EVD_OK)
        rc = evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write '%s/trials.jsonl': %s",
                           options->out, strerror(errno));
    lg_resume_release(&study.resume);
    cJSON_Delete(study.about);
    free(study.order);
    return rc;
}
