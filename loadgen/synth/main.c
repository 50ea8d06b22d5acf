/* evd-synth: makes synthetic APIs, for the studies of growth and for tests. */
#include "evd_version.h"
#include "server/wire/args.h"
#include "synth.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: evd-synth --out DIR [OPTION]...\n"
    "\n"
    "Writes the sources of synthetic modules: DIR/*.c, DIR/CMakeLists.txt (evd_add_module()), and\n"
    "DIR/scenario.json, by which loadgen calls them and checks every answer. The same options "
    "give\n"
    "the same files; files that stay the same are not touched.\n"
    "\n"
    "  --modules N        how many; default 1, at most 10,000\n"
    "  --functions N      endpoints of each module; default 1, at most 10,000\n"
    "  --code BYTES       machine code (.text) of each module: functions of about 1 KB are added\n"
    "                     to what the endpoints need; default 0, nothing is added; at most 256m\n"
    "  --relocations N    pointers in each module's data that the loader must relocate, beyond "
    "the\n"
    "                     two for each function that any module has; default 0\n"
    "  --constructor BYTES  work of open(): bytes that it hashes and writes into the state;\n"
    "                     default 0\n"
    "  --state BYTES      state of each module; default 0, else 8 at least; at most 256m\n"
    "  --editable         each module has one more function, `edition`, that answers the number "
    "in\n"
    "                     the line `enum { EDITION = 0 };` of its source\n"
    "  --prefix NAME      modules are NAME.m0, NAME.m1, ..., functions f0, f1, ...; default\n"
    "                     api.synth\n"
    "  --sample N         endpoints in the scenario, spread evenly; default all, at most 10,000\n"
    "  --seed N           of the code's constants; default 1\n"
    "  --out DIR          made if it is missing\n"
    "  --help, --version\n"
    "\n"
    "Sizes take k and m (powers of 1,024). Code is counted as gcc and clang make it for x86-64\n"
    "with -O2, within a few per cent; other machines and options give other sizes.\n"
    "\n"
    "Examples:\n"
    "  evd-synth --modules 100 --functions 100 --out api\n"
    "  evd-synth --code 256k --relocations 1024 --prefix api.large --out large\n"
    "  evd-synth --state 16k --constructor 16k --out objects\n"
    "  ./evdispatch build release -DEVD_EXTRA_MODULES=$PWD/api\n";

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "evd-synth: %s: %s; try 'evd-synth --help'\n", what, why);
    return 2;
}

/* Options whose value is a number or a size. */
struct numeric {
    const char *name;
    bool is_size;
    uint64_t min, max;
    uint64_t *value;
};

static bool good_prefix(const char *prefix)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(prefix);
    if (len == 0 || len > SYNTH_PREFIX_MAX || strchr("0123456789-", prefix[0]))
        return false;
    for (const char *segment = prefix;; segment++) {
        size_t span = strspn(segment, letters);
        segment += span;
        if (span == 0 || (*segment != '.' && *segment != '\0'))
            return false;
        if (*segment == '\0')
            return true;
    }
}

static int check(struct synth_options *options)
{
    char text[160];
    if (!options->out || !options->out[0])
        return usage("--out DIR", "is missing");
    if (!good_prefix(options->prefix))
        return usage(
            "--prefix",
            "must be segments of [A-Za-z0-9_-] joined by dots, at most 100 characters, the "
            "first a letter or _");
    if (options->state > 0 && options->state < 8)
        return usage("--state", "must be 0, or at least 8 bytes");
    if (options->constructor > 0 && options->state == 0)
        return usage("--constructor", "needs a --state to write into, of at least 8 bytes");
    uint64_t total = options->modules * options->functions, least = synth_code_least(options);
    if (total > SYNTH_ENDPOINTS_MAX)
        return usage("--modules times --functions", "must be at most 1,000,000 endpoints");
    if (options->code > 0 && options->code < least) {
        snprintf(text, sizeof(text), "the functions of a module alone need %llu bytes",
                 (unsigned long long)least);
        return usage("--code", text);
    }
    if (options->sample == 0)
        options->sample = total < SYNTH_SAMPLE_MAX ? total : SYNTH_SAMPLE_MAX;
    return options->sample <= total ? 0 : usage("--sample", "there are not so many endpoints");
}

/* 0: go on; else the exit status + 1. */
static int parse(int argc, char **argv, struct synth_options *options)
{
    enum { NUMERIC = 8 };
    const struct numeric numbers[NUMERIC] = {
        {"modules", false, 1, SYNTH_MODULES_MAX, &options->modules},
        {"functions", false, 1, SYNTH_FUNCTIONS_MAX, &options->functions},
        {"code", true, 0, SYNTH_CODE_MAX, &options->code},
        {"relocations", false, 0, SYNTH_RELOCATIONS_MAX, &options->relocations},
        {"constructor", true, 0, SYNTH_CONSTRUCTOR_MAX, &options->constructor},
        {"state", true, 0, SYNTH_STATE_MAX, &options->state},
        {"sample", false, 1, SYNTH_SAMPLE_MAX, &options->sample},
        {"seed", false, 0, UINT64_MAX, &options->seed}};
    struct option table[NUMERIC + 6] = {[NUMERIC] = {"prefix", required_argument, NULL, 'p'},
                                        {"out", required_argument, NULL, 'o'},
                                        {"editable", no_argument, NULL, 'e'},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, 'v'}};
    for (int i = 0; i < NUMERIC; i++)
        table[i] = (struct option){numbers[i].name, required_argument, NULL, 256 + i};
    struct evd_error error = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        if (option >= 256) {
            const struct numeric *number = &numbers[option - 256];
            int rc = number->is_size
                         ? evd_parse_size(optarg, number->min, number->max, number->value, &error)
                         : evd_parse_uint(optarg, number->min, number->max, number->value, &error);
            char name[32];
            snprintf(name, sizeof(name), "--%s", number->name);
            if (rc < 0)
                return usage(name, error.text) + 1;
        } else if (option == 'p')
            options->prefix = optarg;
        else if (option == 'o')
            options->out = optarg;
        else if (option == 'e')
            options->editable = true;
        else if (option == 'h')
            return fputs(help, stdout), 1;
        else if (option == 'v')
            return printf("evd-synth %s (%s)\n", EVD_VERSION, EVD_COMMIT), 1;
        else
            return usage(argv[optind - 1],
                         option == ':' ? "needs a value" : "there is no such option") +
                   1;
    }
    return optind < argc ? usage(argv[optind], "is one argument too many") + 1 : 0;
}

int main(int argc, char **argv)
{
    struct synth_options options = {.modules = 1, .functions = 1, .seed = 1, .prefix = "api.synth"};
    struct evd_error error = {0};
    int status = parse(argc, argv, &options);
    if (status != 0)
        return status - 1;
    status = check(&options);
    if (status != 0)
        return status;
    int rc = synth_write(&options, &error);
    if (rc < 0)
        fprintf(stderr, "evd-synth: %s\n", error.text);
    return rc == EVD_OK ? 0 : rc == EVD_ERR_USAGE ? 2 : 1;
}
