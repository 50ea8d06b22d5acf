/* evd-bench: what things cost alone. See --help. */
#include "suite.h"

#include "evd_version.h"
#include "loadgen/payloads.h"
#include "loadgen/study_machine.h"
#include "names.h"
#include "progress.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char help[] =
    "Usage: evd-bench [--cpu N] [--payloads DIR] [--progress] [--command TEXT]\n"
    "                 [--benchmark_OPTION=VALUE]...\n"
    "\n"
    "Measures look-ups, dispatches, loads, envelopes and codecs alone, each beside the bare\n"
    "operation that it cannot do without. Repetitions run in random order.\n"
    "\n"
    "  --cpu N          run on this CPU only; auto: on CPU 1, or the first there is\n"
    "  --payloads DIR   folder of the npm package @octokit/webhooks-examples; without it the "
    "places\n"
    "                   of a build are looked through, else payloads are generated\n"
    "  --progress       no table: tell on stderr how far it is, and what failed\n"
    "  --command TEXT   how to repeat this, for the output's context\n"
    "  --help, --version\n"
    "\n"
    "Options of Google Benchmark, among others:\n"
    "  --benchmark_list_tests=true, --benchmark_filter=REGEX, --benchmark_repetitions=N,\n"
    "  --benchmark_min_time=SECONDS, --benchmark_out=FILE --benchmark_out_format=json\n"
    "\n"
    "Example:\n"
    "  evd-bench --cpu 1 --benchmark_filter='^lookup/.*names:4096' --benchmark_repetitions=9\n";

struct options {
    const char *cpu, *payloads, *command;
    bool progress;
    const char *filter, *repetitions; /* Google Benchmark's own, to know what is to come */
};

/* Takes note of an option that stays Google Benchmark's. */
static void look_at(const char *argument, struct options *options)
{
    static const char filter[] = "--benchmark_filter=", repetitions[] = "--benchmark_repetitions=";
    if (strncmp(argument, filter, sizeof filter - 1) == 0)
        options->filter = argument + sizeof filter - 1;
    if (strncmp(argument, repetitions, sizeof repetitions - 1) == 0)
        options->repetitions = argument + sizeof repetitions - 1;
}

/* Ours come out of argv, Google Benchmark's stay. Returns -1 to go on, else the exit status. */
static int parse_options(int *argc, char **argv, struct options *options)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        const char **value = strcmp(argv[i], "--cpu") == 0        ? &options->cpu
                             : strcmp(argv[i], "--payloads") == 0 ? &options->payloads
                             : strcmp(argv[i], "--command") == 0  ? &options->command
                                                                  : NULL;
        if (strcmp(argv[i], "--help") == 0)
            return fputs(help, stdout), 0;
        if (strcmp(argv[i], "--version") == 0)
            return printf("evd-bench %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE), 0;
        if (strcmp(argv[i], "--progress") == 0) {
            options->progress = true;
        } else if (value == NULL) {
            look_at(argv[i], options);
            argv[kept++] = argv[i];
        } else if (i + 1 == *argc) {
            fprintf(stderr, "evd-bench: %s needs a value; try 'evd-bench --help'\n", argv[i]);
            return 2;
        } else {
            *value = argv[++i];
        }
    }
    *argc = kept;
    argv[kept] = NULL;
    return -1;
}

/* CPU 0 has the interrupts of most machines. */
static unsigned long choose_cpu(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && !CPU_ISSET(1, &set)) {
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &set))
                return cpu;
        }
    }
    return 1;
}

static int pin(const char *text, unsigned long *ret_cpu)
{
    char *end = NULL;
    cpu_set_t set;
    unsigned long cpu = strcmp(text, "auto") == 0 ? choose_cpu() : strtoul(text, &end, 10);
    CPU_ZERO(&set);
    if (end != NULL && (end == text || *end != '\0' || *text == '-')) {
        fprintf(stderr, "evd-bench: --cpu is '%s'; it is the number of a CPU, or auto\n", text);
        return 2;
    }
    if (cpu < CPU_SETSIZE)
        CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0) {
        fprintf(stderr, "evd-bench: there is no CPU %lu to run on; there are %ld\n", cpu,
                sysconf(_SC_NPROCESSORS_ONLN));
        return 2;
    }
    *ret_cpu = cpu;
    return 0;
}

static int load_webhooks(const char *folder, struct lg_payloads *ret_payloads)
{
    struct evd_error error;
    const struct lg_payloads_spec spec = {.table = BENCH_SCENARIOS "/github-webhooks.tsv",
                                          .package = "@octokit/webhooks-examples",
                                          .version = "7.6.1",
                                          .file = "api.github.com/index.json"};
    int rc = lg_payloads_load(&spec, folder, ret_payloads, &error);
    if (rc < 0) {
        fprintf(stderr, "evd-bench: %s\n", error.text);
        return rc == EVD_ERR_USAGE ? 2 : 1;
    }
    if (ret_payloads->warning[0] != '\0')
        fprintf(stderr, "evd-bench: %s\n", ret_payloads->warning);
    return 0;
}

/* What it ran on, as a study records it. */
static void add_machine(unsigned cpu)
{
    static const struct {
        const char *key, *name;
    } texts[] = {{"cpu", "machine_cpu"},
                 {"kernel", "machine_kernel"},
                 {"os", "machine_os"},
                 {"governor", "machine_governor"},
                 {"siblings", "machine_siblings"}};
    cJSON *machine = lg_machine(cpu);
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(machine, "memory_bytes");
    char memory[32];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(machine, texts[i].key);
        if (cJSON_IsString(text))
            evd_bench_context(texts[i].name, text->valuestring);
    }
    (void)snprintf(memory, sizeof memory, "%.0f", bytes == NULL ? 0 : bytes->valuedouble);
    evd_bench_context("machine_memory_bytes", memory);
    evd_bench_context("machine_virtual",
                      cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(machine, "virtual")) ? "true"
                                                                                         : "false");
    cJSON_Delete(machine);
}

static void add_context(const char *cpu, const char *command, const struct lg_payloads *webhooks)
{
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%u", BENCH_NAMES_SEED);
    evd_bench_context("schema", "evdispatch.bench/1");
    evd_bench_context("version", EVD_VERSION);
    evd_bench_context("commit", EVD_COMMIT);
    evd_bench_context("build_type", EVD_BUILD_TYPE);
    evd_bench_context("sanitize", EVD_BUILD_SANITIZE);
    evd_bench_context("compiler", EVD_COMPILER);
    evd_bench_context("names_seed", seed);
    evd_bench_context("pinned_cpu", cpu);
    evd_bench_context("webhooks", webhooks->source);
    if (command != NULL)
        evd_bench_context("command", command);
    add_machine(strcmp(cpu, "none") == 0 ? 0 : (unsigned)strtoul(cpu, NULL, 10));
}

int main(int argc, char **argv)
{
    struct options options = {0};
    char cpu[24] = "none";
    struct lg_payloads webhooks = {0};
    struct bench_progress progress = {0};
    struct bench_suite suite = {.webhooks = &webhooks, .progress = &progress};
    int rc = parse_options(&argc, argv, &options);
    if (rc >= 0)
        return rc;
    if (options.cpu != NULL) {
        unsigned long number;
        if ((rc = pin(options.cpu, &number)) != 0)
            return rc;
        (void)snprintf(cpu, sizeof cpu, "%lu", number);
    }
    if ((rc = load_webhooks(options.payloads, &webhooks)) != 0)
        return rc;
    add_context(cpu, options.command, &webhooks);
    bench_add_lookups(&suite);
    bench_add_attacks(&suite);
    bench_add_dispatches(&suite);
    bench_add_loads(&suite);
    bench_add_envelopes(&suite);
    bench_add_codecs(&suite);
    if (options.progress)
        bench_progress_begin(
            &progress, bench_suite_count(&suite, options.filter != NULL ? options.filter : ""),
            options.repetitions != NULL ? strtoul(options.repetitions, NULL, 10) : 1);
    rc = evd_bench_main(argc, argv, options.progress);
    bench_progress_end(&progress);
    bench_suite_release(&suite);
    lg_payloads_release(&webhooks);
    return rc;
}
