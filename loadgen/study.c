#include "study.h"

#include "commands.h"
#include "evd_version.h"
#include "paths.h"
#include "report.h"
#include "server/wire/args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SEED 1
#define COMMAND_MAX  4096

const char lg_study_help[] =
    "Usage: loadgen study DESIGN --out DIR [OPTION]...\n"
    "\n"
    "Measures every arm of a design against every scenario and load, each trial against a fresh\n"
    "server, interleaved in random blocks; keeps the raw data in DIR, and makes the report.\n"
    "\n"
    "  DESIGN             a name of the studies that come with loadgen, or a JSON file\n"
    "  --out DIR          the study's folder; where it holds trials of the same study,\n"
    "                     which was stopped or killed, the others are measured\n"
    "  --server PATH      the server program; default: evd-server beside loadgen\n"
    "  --builds DIR       where relative paths of a design's arms start; default: the folder that\n"
    "                     holds loadgen's build\n"
    "  --blocks N, --warmup TIME, --duration TIME\n"
    "                     in place of what the design says\n"
    "  --one-layout       the server as it was built, where the design has layouts of it\n"
    "  --payloads DIR     the npm package with the webhook payloads, for `loadgen run`\n"
    "  --seed N           of the order of trials and of the load; default 1\n"
    "  --hlog             of each trial an HdrHistogram log, DIR/hlog/TRIAL.hlog: each second,\n"
    "                     tagged with arm and event\n"
    "  --command TEXT     what the report says repeats the study; default: this command line\n"
    "  --quiet            no progress\n"
    "  --help, --version\n"
    "\n"
    "DIR gets study.json (what was measured, on what), trials.jsonl (a line a trial, written as "
    "it\n"
    "ends), report.md, report.html and the figures; server.log when something went wrong. Where a\n"
    "load is a share of the maximum: maximum.jsonl, the trials that it comes from.\n"
    "A study that was killed goes on when the same command is given again. It is refused when "
    "design,\n"
    "seed, commit, build, machine, server, loadgen, modules, what these are told, or scenarios are "
    "not\n"
    "what they were.\n"
    "Exit: 0 done and all replies good; 1 something went wrong; 2 usage; 130 stopped by Ctrl-C.\n"
    "\n"
    "Examples:\n"
    "  loadgen study quick --out out/quick\n"
    "  loadgen study my-design.json --out out/mine --seed 7\n"
    "  loadgen study reference --out out/other --server ../other/build/release/bin/evd-server\n";

struct arguments {
    const char *design, *out, *server, *builds, *payloads, *command;
    struct lg_design_changes changes;
    uint64_t seed;
    bool hlog, quiet;
};

static int usage(const char *format, const char *what)
{
    fputs("loadgen: study: ", stderr);
    fprintf(stderr, format, what);
    fputs("; try 'loadgen study --help'\n", stderr);
    return 2;
}

static int read_design(const char *name, const struct lg_design_changes *changes,
                       struct lg_design *ret_design, struct evd_error *error)
{
    char folder[LG_PATH_MAX], path[LG_PATH_MAX + 64], known[128];
    if (!lg_path_is_file(name)) {
        int rc = lg_path_beside_program("../share/studies", folder, error);
        if (rc != EVD_OK)
            return rc;
        snprintf(path, sizeof(path), "%s/%.48s.json", folder, name);
        if (access(path, R_OK) == 0)
            return lg_design_read(path, changes, ret_design, error);
    }
    if (lg_path_is_file(name) || access(name, R_OK) == 0)
        return lg_design_read(name, changes, ret_design, error);
    return evd_error_set(error, EVD_ERR_USAGE,
                         "there is no design '%.60s': give one of %s, or a file", name,
                         lg_path_known(folder, known, sizeof(known)));
}

/* The command line as one could type it again. */
static void join_command(int argc, char **argv, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "loadgen");
    for (int i = 0; i < argc && len < cap; i++) {
        const char *plain = argv[i][0] && !strpbrk(argv[i], " '\"\\$`*?&;|<>()") ? "" : "'";
        len += (size_t)snprintf(out + len, cap - len, " %s%s%s", plain, argv[i], plain);
    }
}

/* 0: go on; else the exit status + 1. */
static int parse(int argc, char **argv, struct arguments *args)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"server", required_argument, NULL, 's'},
                                            {"builds", required_argument, NULL, 'b'},
                                            {"blocks", required_argument, NULL, 'B'},
                                            {"warmup", required_argument, NULL, 'w'},
                                            {"duration", required_argument, NULL, 'd'},
                                            {"payloads", required_argument, NULL, 'p'},
                                            {"seed", required_argument, NULL, 'n'},
                                            {"command", required_argument, NULL, 'c'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"hlog", no_argument, NULL, 'l'},
                                            {"one-layout", no_argument, NULL, '1'},
                                            {NULL, 0, NULL, 0}};
    struct evd_error error = {0};
    uint64_t blocks = 0;
    int option;
    optind = 0; /* start anew: main() may have used getopt */
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'o')
            args->out = optarg;
        else if (option == 's')
            args->server = optarg;
        else if (option == 'b')
            args->builds = optarg;
        else if (option == 'w')
            args->changes.warmup = optarg;
        else if (option == 'd')
            args->changes.duration = optarg;
        else if (option == 'B' && evd_parse_uint(optarg, 1, LG_BLOCKS_MAX, &blocks, &error) < 0)
            return usage("--blocks: %s", error.text) + 1;
        else if (option == 'p')
            args->payloads = optarg;
        else if (option == 'c')
            args->command = optarg;
        else if (option == 'l')
            args->hlog = true;
        else if (option == '1')
            args->changes.one_layout = true;
        else if (option == 'q')
            args->quiet = true;
        else if (option == 'n' && evd_parse_uint(optarg, 0, UINT64_MAX, &args->seed, &error) < 0)
            return usage("--seed: %s", error.text) + 1;
        else if (option == 'h')
            return fputs(lg_study_help, stdout), 1;
        else if (option == 'v')
            return printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE), 1;
        else if (option == ':')
            return usage("%s needs a value", argv[optind - 1]) + 1;
        else if (option == '?')
            return usage("there is no option '%s'", argv[optind - 1]) + 1;
    }
    args->changes.blocks = (unsigned)blocks;
    if (optind >= argc)
        return usage("%s", "a design is missing") + 1;
    args->design = argv[optind++];
    if (optind < argc)
        return usage("'%s' is one argument too many", argv[optind]) + 1;
    return args->out && args->out[0] ? 0 : usage("%s", "--out DIR is missing") + 1;
}

static int finish(const char *out, const struct lg_study_result *result)
{
    struct evd_error error = {0};
    if (result->trials > 0) {
        if (lg_report_make(out, &error) != EVD_OK) {
            fprintf(stderr, "loadgen: %s\n", error.text);
            return result->signal ? 128 + result->signal : 1;
        }
        printf("report: %s/report.html\n        %s/report.md\n", out, out);
    }
    if (result->signal) {
        fprintf(stderr, "loadgen: stopped after %u trials\n", result->trials);
        return 128 + result->signal;
    }
    if (result->measured == 0)
        fputs("loadgen: all trials were there; nothing was measured\n", stderr);
    if (result->invalid)
        fprintf(stderr, "loadgen: %u of %u trials are INVALID; the report says why\n",
                result->invalid, result->trials);
    if (result->bad)
        fprintf(stderr, "loadgen: %u of %u trials went wrong; see %s/server.log and the report\n",
                result->bad, result->trials, out);
    return result->bad ? 1 : 0;
}

int lg_study_main(int argc, char **argv)
{
    struct arguments args = {.seed = DEFAULT_SEED};
    struct evd_error error = {0};
    struct lg_design design;
    struct lg_study_result result;
    char command[COMMAND_MAX], beside[LG_PATH_MAX], builds[LG_PATH_MAX], self[LG_PATH_MAX];

    join_command(argc, argv, command, sizeof(command));
    int status = parse(argc, argv, &args);
    if (status != 0)
        return status - 1;
    int rc = read_design(args.design, &args.changes, &design, &error);
    if (rc != EVD_OK) {
        fprintf(stderr, "loadgen: %s\n", error.text);
        return 2;
    }
    rc = lg_path_beside_program("evd-server", beside, &error);
    if (rc == EVD_OK)
        rc = lg_path_beside_program("../..", builds, &error);
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (rc == EVD_OK && len > 0) {
        self[len] = '\0';
        struct lg_study_options options = {.design = &design,
                                           .out = args.out,
                                           .server = args.server ? args.server : beside,
                                           .builds = args.builds ? args.builds : builds,
                                           .loadgen = self,
                                           .payloads = args.payloads,
                                           .command = args.command ? args.command : command,
                                           .seed = args.seed,
                                           .hlog = args.hlog,
                                           .quiet = args.quiet};
        rc = lg_study_execute(&options, &result, &error);
    }
    lg_design_release(&design);
    if (rc == EVD_OK)
        return finish(args.out, &result);
    fprintf(stderr, "loadgen: %s\n", error.text);
    return rc == EVD_ERR_USAGE ? 2 : 1;
}
