#include "edit.h"

#include "commands.h"
#include "evd_version.h"
#include "paths.h"
#include "rng.h"
#include "server/wire/args.h"
#include "study_json.h"
#include "study_process.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAN_BYTES_MAX      ((size_t)1 << 24)
#define DEFAULT_REPETITIONS 10

const char lg_edit_help[] =
    "Usage: loadgen edit-to-live PLAN --out DIR [OPTION]...\n"
    "\n"
    "Measures the time from a saved edit to the new answer being served. For each arm of the "
    "plan,\n"
    "N times, in random order: a server serves the old answer; the edit is saved; the file is\n"
    "compiled, the server or the shared object linked and renamed into place; where the arm says\n"
    "so the server is restarted, else it notices; one connection asks as fast as it is answered\n"
    "until the new answer comes. DIR/edit.jsonl gets a line for each, and `loadgen report DIR`\n"
    "shows them beside the study there.\n"
    "\n"
    "  PLAN               a JSON file: {\"arms\": [{\"arm\", \"module_bytes\", \"source\", "
    "\"event\",\n"
    "                     \"compile\", \"link\", \"product\", \"target\", \"server\": [...],\n"
    "                     \"restart\": true|false}, ...]}; loadgen/growth/edit_plan.sh makes one\n"
    "  --out DIR          a folder that is there; it must not hold an edit.jsonl yet\n"
    "  --repetitions N    of each arm; default 10\n"
    "  --seed N           of the order; default 1\n"
    "  --quiet            no progress\n"
    "  --help, --version\n"
    "\n"
    "Exit: 0 done; 1 something went wrong; 2 usage; 128 + the signal that stopped it.\n"
    "\n"
    "Example:\n"
    "  loadgen edit-to-live plan.json --out out/growth --repetitions 20\n";

/* ---- The plan. ---- */

static int complain(const char *path, size_t arm, const char *key, const char *what,
                    struct evd_error *error)
{
    return evd_error_set(error, EVD_ERR_USAGE, "%s: arms[%zu].%s: %s", path, arm, key, what);
}

static int take_server(const char *path, size_t index, const cJSON *item, struct lg_args *server,
                       struct evd_error *error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "server"), *word;
    int count = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || count < 1 || count > LG_ARGS_MAX)
        return complain(path, index, "server", "must be a list of 1 to 32 texts", error);
    cJSON_ArrayForEach(word, list)
    {
        if (!cJSON_IsString(word))
            return complain(path, index, "server", "must be a list of texts", error);
        server->items[server->count++] = word->valuestring;
    }
    return EVD_OK;
}

static int take_arm(const char *path, size_t index, const cJSON *item, struct lg_edit_arm *arm,
                    struct evd_error *error)
{
    const struct {
        const char *key;
        const char **ret_text;
    } texts[] = {{"arm", &arm->name},        {"source", &arm->source}, {"event", &arm->event},
                 {"compile", &arm->compile}, {"link", &arm->link},     {"product", &arm->product},
                 {"target", &arm->target}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        *texts[i].ret_text = lg_json_string(item, texts[i].key, NULL);
        if (!*texts[i].ret_text || !(*texts[i].ret_text)[0])
            return complain(path, index, texts[i].key, "must be a text, not empty", error);
    }
    const cJSON *restart = cJSON_GetObjectItemCaseSensitive(item, "restart");
    if (!cJSON_IsBool(restart))
        return complain(path, index, "restart", "must be true or false", error);
    arm->restart = cJSON_IsTrue(restart);
    arm->module_bytes = lg_json_number(item, "module_bytes");
    if (!(arm->module_bytes > 0 && arm->module_bytes < 1e15))
        return complain(path, index, "module_bytes", "must be a number greater than 0", error);
    return take_server(path, index, item, &arm->server, error);
}

int lg_edit_plan_read(const char *path, struct lg_edit_plan *ret_plan, struct evd_error *ret_error)
{
    *ret_plan = (struct lg_edit_plan){0};
    int rc = lg_json_read(path, PLAN_BYTES_MAX, &ret_plan->root, ret_error);
    if (rc != EVD_OK)
        return rc;
    const cJSON *arms = cJSON_GetObjectItemCaseSensitive(ret_plan->root, "arms"), *item;
    int count = cJSON_GetArraySize(arms);
    if (!cJSON_IsArray(arms) || count < 1 || count > LG_EDIT_ARMS_MAX)
        rc = evd_error_set(ret_error, EVD_ERR_USAGE, "%s: arms must be a list of 1 to %d", path,
                           LG_EDIT_ARMS_MAX);
    for (item = rc == EVD_OK ? arms->child : NULL; item && rc == EVD_OK; item = item->next) {
        rc = take_arm(path, ret_plan->count, item, &ret_plan->arms[ret_plan->count], ret_error);
        ret_plan->count++;
    }
    if (rc != EVD_OK)
        lg_edit_plan_release(ret_plan);
    return rc;
}

void lg_edit_plan_release(struct lg_edit_plan *plan)
{
    cJSON_Delete(plan->root);
    *plan = (struct lg_edit_plan){0};
}

/* ---- The command. ---- */

struct arguments {
    const char *plan, *out;
    uint64_t repetitions, seed;
    bool quiet;
};

static int usage(const char *format, const char *what)
{
    fputs("loadgen: edit-to-live: ", stderr);
    fprintf(stderr, format, what);
    fputs("; try 'loadgen edit-to-live --help'\n", stderr);
    return 2;
}

/* 0: go on; else the exit status + 1. */
static int parse(int argc, char **argv, struct arguments *args)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"repetitions", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 'n'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct evd_error error = {0};
    int option;
    optind = 0; /* start anew: main() may have used getopt */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'o')
            args->out = optarg;
        else if (option == 'q')
            args->quiet = true;
        else if (option == 'r' &&
                 evd_parse_uint(optarg, 1, LG_EDIT_REPETITIONS_MAX, &args->repetitions, &error) < 0)
            return usage("--repetitions: %s", error.text) + 1;
        else if (option == 'n' && evd_parse_uint(optarg, 0, UINT64_MAX, &args->seed, &error) < 0)
            return usage("--seed: %s", error.text) + 1;
        else if (option == 'h')
            return fputs(lg_edit_help, stdout), 1;
        else if (option == 'v')
            return printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE), 1;
        else if (option == ':')
            return usage("%s needs a value", argv[optind - 1]) + 1;
        else if (option == '?')
            return usage("there is no option '%s'", argv[optind - 1]) + 1;
    }
    if (optind >= argc)
        return usage("%s", "a plan is missing") + 1;
    args->plan = argv[optind++];
    if (optind < argc)
        return usage("'%s' is one argument too many", argv[optind]) + 1;
    return args->out && args->out[0] ? 0 : usage("%s", "--out DIR is missing") + 1;
}

static int append(FILE *out, const struct lg_edit_arm *arm, unsigned repetition,
                  const struct lg_edit_times *times, struct evd_error *error)
{
    cJSON *line = cJSON_CreateObject(), *phases;
    double total = 0;
    cJSON_AddStringToObject(line, "schema", "evdispatch.edit/1");
    cJSON_AddNumberToObject(line, "repetition", repetition);
    cJSON_AddStringToObject(line, "arm", arm->name);
    cJSON_AddNumberToObject(line, "module_bytes", arm->module_bytes);
    cJSON_AddBoolToObject(line, "restart", arm->restart);
    phases = cJSON_AddObjectToObject(line, "phases_ns");
    for (size_t i = 0; i < LG_EDIT_PHASES; i++) {
        cJSON_AddNumberToObject(phases, lg_edit_phase_names[i], (double)times->phases[i]);
        total += (double)times->phases[i];
    }
    cJSON_AddNumberToObject(line, "total_ns", total);
    cJSON_AddNumberToObject(line, "polls", times->polls);
    char *text = cJSON_PrintUnformatted(line);
    cJSON_Delete(line);
    int failed = !text || fprintf(out, "%s\n", text) < 0 || fflush(out) != 0;
    cJSON_free(text);
    return failed ? evd_error_set(error, EVD_ERR_SYSTEM, "cannot write edit.jsonl: %s",
                                  strerror(errno))
                  : EVD_OK;
}

/* Each arm once, in random order. */
static int repeat(const struct lg_edit_plan *plan, const struct arguments *args, struct lg_rng *rng,
                  unsigned repetition, int stop_fd, FILE *out, struct evd_error *error)
{
    size_t order[LG_EDIT_ARMS_MAX];
    int rc = EVD_OK;
    for (size_t i = 0; i < plan->count; i++) { /* Fisher and Yates, inside out */
        size_t j = (size_t)lg_rng_below(rng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < plan->count && rc == EVD_OK; i++) {
        const struct lg_edit_arm *arm = &plan->arms[order[i]];
        struct lg_edit_times times = {0};
        struct evd_error why = {0};
        rc = lg_edit_once(arm, repetition - 1, stop_fd, &times, &why);
        if (rc < 0)
            return evd_error_set(error, rc, "edit %u of %s, %.0f bytes: %s", repetition, arm->name,
                                 arm->module_bytes, why.text);
        if (rc == EVD_OK)
            rc = append(out, arm, repetition, &times, error);
    }
    if (rc == EVD_OK && !args->quiet)
        fprintf(stderr, "edit %u of %u of each arm\n", repetition, (unsigned)args->repetitions);
    return rc;
}

static int run(const struct lg_edit_plan *plan, const struct arguments *args, int stop_fd,
               FILE *out, struct evd_error *error)
{
    struct lg_rng rng;
    int rc = EVD_OK;
    lg_rng_init(&rng, args->seed);
    for (size_t i = 0; i < plan->count && rc == EVD_OK; i++) {
        struct evd_error why = {0};
        rc = lg_edit_prepare(&plan->arms[i], stop_fd, &why);
        if (rc < 0)
            (void)evd_error_set(error, rc, "%s, %.0f bytes: %s", plan->arms[i].name,
                                plan->arms[i].module_bytes, why.text);
    }
    for (unsigned repetition = 1; repetition <= args->repetitions && rc == EVD_OK; repetition++)
        rc = repeat(plan, args, &rng, repetition, stop_fd, out, error);
    return rc;
}

static int open_out(const char *dir, FILE **ret_out, struct evd_error *error)
{
    char path[LG_PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/edit.jsonl", dir) >= LG_PATH_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "the path '%.60s...' is too long", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' holds an edit.jsonl already; give --out another folder", dir);
    *ret_out = fd < 0 ? NULL : fdopen(fd, "a");
    return *ret_out ? EVD_OK
                    : evd_error_set(error, EVD_ERR_SYSTEM, "cannot write '%s': %s", path,
                                    strerror(errno));
}

int lg_edit_main(int argc, char **argv)
{
    struct arguments args = {.repetitions = DEFAULT_REPETITIONS, .seed = 1};
    struct evd_error error = {0};
    struct lg_edit_plan plan;
    FILE *out = NULL;
    sigset_t before;
    int stop_fd = -1, signal = 0, status = parse(argc, argv, &args);
    if (status != 0)
        return status - 1;
    int rc = lg_edit_plan_read(args.plan, &plan, &error);
    if (rc == EVD_OK)
        rc = open_out(args.out, &out, &error);
    if (rc == EVD_OK && (rc = lg_stop_open(&before, &stop_fd, &error)) == EVD_OK) {
        rc = run(&plan, &args, stop_fd, out, &error);
        if (rc == EVD_MORE)
            signal = lg_stop_signal(stop_fd);
        lg_stop_close(stop_fd, &before);
    }
    if (out && fclose(out) != 0 && rc == EVD_OK)
        rc = evd_error_set(&error, EVD_ERR_SYSTEM, "cannot write edit.jsonl: %s", strerror(errno));
    lg_edit_plan_release(&plan);
    if (rc == EVD_OK)
        return 0;
    if (rc == EVD_MORE)
        return 128 + (signal > 0 ? signal : SIGINT);
    fprintf(stderr, "loadgen: edit-to-live: %s\n", error.text);
    return rc == EVD_ERR_USAGE ? 2 : 1;
}
