#include "study_trial.h"

#include "overload.h"
#include "study_disk.h"
#include "study_json.h"
#include "study_layout.h"
#include "study_process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ARGV_MAX = 2 * LG_ARGS_MAX + 40,
    READY_MS = 20000, /* a server that evaluates all its modules first, on a busy machine */
    STOP_MS = 5000,
    /* Beyond warm-up and measurement: connecting, and the 10 s that a request may take at most. */
    RUN_SLACK_MS = 40000,
    LOG_TRIAL_BYTES = 8192,
};
#define LOG_BYTES_MAX ((off_t)1 << 20)
#define RUN_BYTES_MAX ((size_t)1 << 24)

struct argv {
    size_t count;
    char *items[ARGV_MAX + 1];
};

/* Within one trial: the files its children write, and what they are. */
struct trial {
    const struct lg_trial_setting *setting;
    const struct lg_trial_plan *plan;
    struct lg_trial_outcome *outcome;
    struct lg_child server, run;
    struct argv server_argv, run_argv;
    char json_path[LG_PATH_MAX], log_path[LG_PATH_MAX], hlog_path[LG_PATH_MAX];
    char program[LG_PATH_MAX];                        /* the arm's, or the block's layout */
    char modules[LG_PATH_MAX], scenario[LG_PATH_MAX]; /* the arm's; or "" */
    FILE *server_err, *run_err;
    int ready_pipe[2];
    char address[256];
    cJSON *json;
    int server_exit, run_exit;
    uint64_t startup_ns;
};

/* execv() takes char *const[]: it does not write to them (POSIX, "exec", rationale). */
static void push(struct argv *argv, const char *text)
{
    if (argv->count < ARGV_MAX)
        argv->items[argv->count++] = (char *)(uintptr_t)text;
}

static void push_all(struct argv *argv, const struct lg_args *args)
{
    for (size_t i = 0; i < args->count; i++)
        push(argv, args->items[i]);
}

int lg_arm_path(const struct lg_study_options *options, const char *path, char out[LG_PATH_MAX],
                struct evd_error *ret_error)
{
    int len = 0;
    out[0] = '\0';
    if (path)
        len = path[0] == '/' ? snprintf(out, LG_PATH_MAX, "%s", path)
                             : snprintf(out, LG_PATH_MAX, "%s/%s", options->builds, path);
    return len < LG_PATH_MAX
               ? EVD_OK
               : evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long", path);
}

static int arm_paths(struct trial *trial, struct evd_error *error)
{
    const struct lg_study_options *options = trial->setting->options;
    const struct lg_arm *arm = &options->design->arms[trial->plan->arm];
    int rc = arm->program
                 ? lg_arm_path(options, arm->program, trial->program, error)
                 : lg_layout_path(options, lg_layout_of(options->design, trial->plan->block),
                                  trial->program, error);
    if (rc == EVD_OK)
        rc = lg_arm_path(options, arm->modules, trial->modules, error);
    if (rc == EVD_OK)
        rc = lg_arm_path(options, arm->scenario, trial->scenario, error);
    return rc;
}

/* The first problem is the one that counts: what follows is often its consequence. */
__attribute__((format(printf, 2, 3))) static void blame(struct trial *trial, const char *format,
                                                        ...)
{
    char *why = trial->outcome->why;
    if (why[0])
        return;
    va_list list;
    va_start(list, format);
    vsnprintf(why, sizeof(trial->outcome->why), format, list);
    va_end(list);
}

/* A server that was killed is to blame for what else went wrong, which is told behind it. */
static void blame_server(struct trial *trial, bool ended)
{
    char *why = trial->outcome->why, rest[sizeof(trial->outcome->why)];
    int killed_by = trial->server_exit - 128; /* lg_child_wait() */

    if (!ended) {
        blame(trial, "the server did not end within %d s of SIGTERM", STOP_MS / 1000);
    } else if (killed_by > 0 && killed_by != SIGTERM) {
        memcpy(rest, why, sizeof(rest));
        why[0] = '\0';
        blame(trial, "the server was killed by signal %d (%s)%s%.150s", killed_by,
              strsignal(killed_by), rest[0] ? "; " : "", rest);
    } else if (trial->server_exit != 0) {
        blame(trial, "the server ended with exit %d", trial->server_exit);
    }
}

/* The last line a child wrote to its stderr, in out. */
static const char *last_line(FILE *err, char *out, size_t cap)
{
    char text[4096];
    off_t size = lseek(fileno(err), 0, SEEK_END);
    off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
    ssize_t len = pread(fileno(err), text, sizeof(text) - 1, from);
    if (len < 0)
        len = 0;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    text[len] = '\0';
    const char *line = strrchr(text, '\n');
    line = len == 0 ? "it said nothing" : line ? line + 1 : text;
    snprintf(out, cap, "%.*s", (int)cap - 1, line);
    return out;
}

static void append_tail(FILE *log, const char *title, FILE *err)
{
    char text[LOG_TRIAL_BYTES];
    off_t size = lseek(fileno(err), 0, SEEK_END);
    off_t from = size > (off_t)sizeof(text) ? size - (off_t)sizeof(text) : 0;
    ssize_t len = pread(fileno(err), text, sizeof(text), from);
    if (len <= 0)
        return;
    fprintf(log, "--- %s%s\n", title, from > 0 ? ", the end of it" : "");
    fwrite(text, 1, (size_t)len, log);
    if (text[len - 1] != '\n')
        fputc('\n', log);
}

/* Only when something went wrong, and never more than LOG_BYTES_MAX in all. */
static void keep_log(struct trial *trial)
{
    struct stat info;
    if (stat(trial->log_path, &info) == 0 && info.st_size > LOG_BYTES_MAX - 4 * LOG_TRIAL_BYTES)
        return;
    FILE *log = fopen(trial->log_path, "ae");
    if (!log)
        return;
    const struct lg_design *design = trial->setting->options->design;
    const struct lg_trial_plan *plan = trial->plan;
    fprintf(log, "=== trial %u: %s, %s, %s: %s\n", plan->number, design->arms[plan->arm].name,
            design->scenarios[plan->scenario], design->loads[plan->load].name, trial->outcome->why);
    append_tail(log, "server", trial->server_err);
    append_tail(log, "loadgen run", trial->run_err);
    fclose(log);
}

static void server_argv(struct trial *trial)
{
    const struct lg_study_options *options = trial->setting->options;
    struct argv *argv = &trial->server_argv;
    push(argv, trial->program);
    push_all(argv, &options->design->arms[trial->plan->arm].server);
    if (trial->modules[0]) {
        push(argv, "--modules");
        push(argv, trial->modules);
    }
    push(argv, "--listen");
    push(argv, "tcp://127.0.0.1:0");
    push(argv, "--tcp-congestion");
    push(argv, options->design->congestion);
}

/* Starts the server and waits for its address. Sets outcome->stopped, or blames. */
static int start_server(struct trial *trial, struct evd_error *error)
{
    const struct lg_trial_setting *setting = trial->setting;
    server_argv(trial);
    if (pipe2(trial->ready_pipe, O_CLOEXEC) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "pipe: %s", strerror(errno));
    struct lg_spawn spawn = {.argv = trial->server_argv.items,
                             .cpu = (int)setting->server_cpu,
                             .out = trial->ready_pipe[1],
                             .err = fileno(trial->server_err)};
    uint64_t began = lg_now_ns();
    int rc = lg_child_start(&spawn, &trial->server, error);
    if (rc != EVD_OK)
        return rc;
    close(trial->ready_pipe[1]);
    trial->ready_pipe[1] = -1;
    enum lg_wait ready = lg_child_ready(trial->ready_pipe[0], setting->stop_fd, READY_MS,
                                        trial->address, sizeof(trial->address));
    trial->startup_ns = lg_now_ns() - began;
    trial->outcome->stopped = ready == LG_WAIT_STOPPED;
    char line[160];
    if (ready == LG_WAIT_TIMEOUT)
        blame(trial, "the server was not ready after %d s", READY_MS / 1000);
    else if (ready == LG_WAIT_DONE && !trial->address[0]) {
        lg_child_wait(&trial->server, -1, STOP_MS, &trial->server_exit);
        blame(trial, "the server did not start: %s",
              last_line(trial->server_err, line, sizeof(line)));
    }
    return EVD_OK;
}

static const struct lg_load *load_of(const struct trial *trial)
{
    const struct lg_trial_plan *plan = trial->plan;
    return plan->instead ? plan->instead : &trial->setting->options->design->loads[plan->load];
}

static int start_run(struct trial *trial, struct evd_error *error)
{
    const struct lg_trial_setting *setting = trial->setting;
    const struct lg_study_options *options = setting->options;
    const struct lg_design *design = options->design;
    const struct lg_arm *arm = &design->arms[trial->plan->arm];
    char pid[16], cpu[16], seed[24], rate[24];
    snprintf(pid, sizeof(pid), "%d", (int)trial->server.pid);
    snprintf(cpu, sizeof(cpu), "%u", setting->load_cpu);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)trial->plan->seed);
    const char *scenario =
        trial->scenario[0] ? trial->scenario : design->scenario_files[trial->plan->scenario];
    const char *const fixed[] = {
        options->loadgen, "run",
        "--target",       trial->address,
        "--transport",    arm->transport ? arm->transport : design->transport,
        "--scenario",     scenario,
        "--warmup",       design->warmup,
        "--duration",     design->duration,
        "--seed",         seed,
        "--json",         trial->json_path,
        "--server-pid",   pid,
        "--cpus",         cpu,
        "--congestion",   design->congestion,
        "--quiet"};
    struct argv *argv = &trial->run_argv;
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        push(argv, fixed[i]);
    if (options->payloads) {
        push(argv, "--payloads");
        push(argv, options->payloads);
    }
    if (options->hlog && !trial->plan->instead) {
        push(argv, "--arm");
        push(argv, design->arms[trial->plan->arm].name);
        push(argv, "--hlog");
        push(argv, trial->hlog_path);
    }
    push_all(argv, &load_of(trial)->run);
    if (trial->plan->rate > 0) {
        snprintf(rate, sizeof(rate), "%llu", (unsigned long long)trial->plan->rate);
        push(argv, "--rate");
        push(argv, rate);
    }
    push_all(argv, &arm->load);
    struct lg_spawn spawn = {.argv = argv->items,
                             .cpu = (int)setting->load_cpu,
                             .out = -1,
                             .err = fileno(trial->run_err)};
    return lg_child_start(&spawn, &trial->run, error);
}

static int measure(struct trial *trial, struct evd_error *error)
{
    const struct lg_design *design = trial->setting->options->design;
    int rc = start_run(trial, error);
    if (rc != EVD_OK)
        return rc;
    uint64_t ms = (design->warmup_ns + design->duration_ns) / 1000000u + RUN_SLACK_MS;
    enum lg_wait result =
        lg_child_wait(&trial->run, trial->setting->stop_fd, (int)ms, &trial->run_exit);
    trial->outcome->stopped = result == LG_WAIT_STOPPED;
    if (result == LG_WAIT_TIMEOUT)
        blame(trial, "loadgen run did not end within %llu s", (unsigned long long)(ms / 1000));
    if (result != LG_WAIT_DONE)
        return EVD_OK;
    struct evd_error why = {0};
    if (lg_json_read(trial->json_path, RUN_BYTES_MAX, &trial->json, &why) != EVD_OK) {
        char line[160];
        blame(trial, "loadgen run made no measurement (exit %d): %s", trial->run_exit,
              last_line(trial->run_err, line, sizeof(line)));
        return lg_disk_check(trial->setting->options->out, error);
    }
    return EVD_OK;
}

/* Looks at what loadgen run counted, whatever it says itself. */
static void judge(struct trial *trial)
{
    const cJSON *sums = cJSON_GetObjectItemCaseSensitive(trial->json, "accounting");
    double scheduled = lg_json_number(sums, "scheduled"), outcomes = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, sums)
    {
        if (strcmp(item->string, "scheduled") != 0)
            outcomes += cJSON_GetNumberValue(item);
    }
    double bad = lg_json_number(sums, "bad");
    char line[160];
    bool overloaded = trial->plan->rate > 0 && lg_run_overloaded(trial->json);
    bool may_fail = trial->plan->rate > 0 && lg_run_lost_nothing(trial->json);
    if (!(lg_json_number(sums, "ok") >= 0 && scheduled >= 0))
        blame(trial, "the measurement has no accounting");
    else if (bad > 0)
        blame(trial, "%.0f bad replies of %.0f", bad, scheduled);
    else if (outcomes < scheduled || outcomes > scheduled)
        blame(trial, "accounting is not exact: %.0f scheduled, %.0f accounted for", scheduled,
              outcomes);
    else if (trial->run_exit != 0 && !may_fail)
        blame(trial, "loadgen run ended with exit %d: %s", trial->run_exit,
              last_line(trial->run_err, line, sizeof(line)));
    trial->outcome->rate = lg_json_number(trial->json, "throughput");
    trial->outcome->invalid =
        !overloaded && cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(trial->json, "valid"));
}

/* What comparisons are made of. The rest of a run, 5 KB and more, is left out where there are
 * thousands of them. Takes the run over. */
static cJSON *brief(cJSON *run)
{
    static const struct {
        const char *key, *members; /* NULL: all of it */
    } kept[] = {
        {"schema", NULL},
        {"valid", NULL},
        {"invalid", NULL},
        {"invalid_causes", NULL},
        {"throughput", NULL},
        {"accounting", NULL},
        {"config", "|mode|connections|depth|"},
        {"scenario", "|payloads|requests|endpoints|request_bytes_mean|"},
        {"server", "|cpu_ns|calls|rss_peak_bytes|"},
        {"client", "|cpu_share|"},
        {"host", "|steal_share|"},
    };
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
        cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(run, kept[i].key), *next;
        for (cJSON *part = item && kept[i].members ? item->child : NULL; part; part = next) {
            char want[64];
            next = part->next;
            snprintf(want, sizeof(want), "|%.60s|", part->string);
            if (!strstr(kept[i].members, want))
                cJSON_Delete(cJSON_DetachItemViaPointer(item, part));
        }
        if (item)
            cJSON_AddItemToObject(out, kept[i].key, item);
    }
    cJSON_Delete(run);
    return out;
}

/* What no report reads: all histograms but that of the responses, more than half of a line. Their
 * summaries stay, which say who was to blame. */
static void leave_out_histograms(cJSON *run)
{
    cJSON *latency;
    cJSON_ArrayForEach(latency, cJSON_GetObjectItemCaseSensitive(run, "latency_ns"))
    {
        if (strcmp(latency->string, "response") != 0)
            cJSON_DeleteItemFromObjectCaseSensitive(latency, "histogram");
    }
}

/* Paths below the folder of builds are written from there on, as a design writes them: where that
 * folder stood is nobody's concern, and differs where the study is repeated. */
static void shorten_paths(cJSON *item, const char *builds, size_t len)
{
    if (cJSON_IsString(item) && strncmp(item->valuestring, builds, len) == 0 &&
        item->valuestring[len] == '/')
        memmove(item->valuestring, item->valuestring + len + 1, strlen(item->valuestring + len));
    for (cJSON *child = item->child; child; child = child->next)
        shorten_paths(child, builds, len);
}

static cJSON *make_line(struct trial *trial)
{
    const struct lg_design *design = trial->setting->options->design;
    const struct lg_trial_plan *plan = trial->plan;
    cJSON *line = cJSON_CreateObject(), *command = NULL;
    bool whole = design->method.blocks == 0;
    char seed[24];

    cJSON_AddNumberToObject(line, "trial", plan->number);
    cJSON_AddNumberToObject(line, "block", plan->block);
    cJSON_AddNumberToObject(line, "attempt", plan->attempt);
    cJSON_AddStringToObject(line, "arm", design->arms[plan->arm].name);
    cJSON_AddStringToObject(line, "scenario", design->scenarios[plan->scenario]);
    cJSON_AddStringToObject(line, "load", load_of(trial)->name);
    snprintf(seed, sizeof(seed), "%llu", (unsigned long long)plan->seed);
    cJSON_AddStringToObject(line, "seed", seed);
    if (whole)
        command = cJSON_AddArrayToObject(line, "server_command");
    for (size_t i = 0; i < trial->server_argv.count && whole; i++)
        cJSON_AddItemToArray(command, cJSON_CreateString(trial->server_argv.items[i]));
    cJSON_AddNumberToObject(line, "startup_ns", (double)trial->startup_ns);
    cJSON_AddNumberToObject(line, "server_exit", trial->server_exit);
    cJSON_AddNumberToObject(line, "run_exit", trial->run_exit);
    if (trial->outcome->why[0])
        cJSON_AddStringToObject(line, "problem", trial->outcome->why);
    else
        cJSON_AddNullToObject(line, "problem");
    if (trial->json && !whole)
        trial->json = brief(trial->json);
    leave_out_histograms(trial->json);
    cJSON_AddItemToObject(line, "run", trial->json ? trial->json : cJSON_CreateNull());
    trial->json = NULL;
    const char *given = trial->setting->options->builds; /* NULL: no path starts there */
    char *builds = given ? realpath(given, NULL) : NULL;
    if (given)
        shorten_paths(line, given, strlen(given));
    if (builds)
        shorten_paths(line, builds, strlen(builds));
    free(builds);
    return line;
}

static int open_files(struct trial *trial, struct evd_error *error)
{
    const char *out = trial->setting->options->out;
    if (snprintf(trial->json_path, LG_PATH_MAX, "%s/.run.json", out) >= LG_PATH_MAX ||
        snprintf(trial->log_path, LG_PATH_MAX, "%s/server.log", out) >= LG_PATH_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", out);
    if (trial->setting->options->hlog) {
        int len = snprintf(trial->hlog_path, LG_PATH_MAX, "%s/hlog", out);
        if (mkdir(trial->hlog_path, 0777) != 0 && errno != EEXIST)
            return evd_error_set(error, EVD_ERR_SYSTEM, "cannot make '%s': %s", trial->hlog_path,
                                 strerror(errno));
        if (len + snprintf(trial->hlog_path + len, LG_PATH_MAX - (size_t)len, "/%u.hlog",
                           trial->plan->number) >=
            LG_PATH_MAX)
            return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", out);
    }
    unlink(trial->json_path);
    /* They have no name, so that nothing is left whatever happens. */
    trial->server_err = tmpfile();
    trial->run_err = tmpfile();
    if (!trial->server_err || !trial->run_err ||
        fcntl(fileno(trial->server_err), F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fileno(trial->run_err), F_SETFD, FD_CLOEXEC) != 0)
        return evd_error_set(error, EVD_ERR_SYSTEM, "cannot make a temporary file: %s",
                             strerror(errno));
    return EVD_OK;
}

static void close_files(struct trial *trial)
{
    if (trial->server_err)
        fclose(trial->server_err);
    if (trial->run_err)
        fclose(trial->run_err);
    for (int i = 0; i < 2; i++)
        if (trial->ready_pipe[i] >= 0)
            close(trial->ready_pipe[i]);
    unlink(trial->json_path);
    cJSON_Delete(trial->json);
}

int lg_trial_execute(const struct lg_trial_setting *setting, const struct lg_trial_plan *plan,
                     struct lg_trial_outcome *ret_outcome, struct evd_error *ret_error)
{
    struct trial trial = {.setting = setting,
                          .plan = plan,
                          .outcome = ret_outcome,
                          .server = {0, -1},
                          .run = {0, -1},
                          .ready_pipe = {-1, -1}};
    *ret_outcome = (struct lg_trial_outcome){.rate = NAN};
    int rc = open_files(&trial, ret_error), ignored = 0;
    if (rc == EVD_OK)
        rc = arm_paths(&trial, ret_error);
    if (rc == EVD_OK)
        rc = start_server(&trial, ret_error);
    if (rc == EVD_OK && !ret_outcome->stopped && !ret_outcome->why[0])
        rc = measure(&trial, ret_error);
    lg_child_stop(&trial.run, STOP_MS, &ignored);
    bool ended = lg_child_stop(&trial.server, STOP_MS, &trial.server_exit);
    if (rc == EVD_OK && !ret_outcome->stopped) {
        if (trial.json)
            judge(&trial);
        blame_server(&trial, ended);
        if (ret_outcome->why[0])
            keep_log(&trial);
        ret_outcome->line = make_line(&trial);
    }
    close_files(&trial);
    return rc;
}
