#include "slo_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char lg_slo_help[] =
    "Usage: loadgen slo --target ADDRESS --pQ LIMIT [--pQ LIMIT]... [OPTION]...\n"
    "The highest rate at which a server that is already running meets an objective, as an\n"
    "interval: the rate doubles until the objective is missed, then the bracket is halved. Each\n"
    "step is a run of its own, as by loadgen run; one that is INVALID is repeated, and a rate "
    "near\n"
    "the limit is decided by several runs.\n"
    "\n"
    "The objective:\n"
    "  --pQ LIMIT             this share of responses within LIMIT: --p50 1ms, --p99 5ms,\n"
    "                         --p99.9 20ms; up to 8 times, all must be met; requests that go\n"
    "                         wrong miss it\n"
    "\n"
    "The search:\n"
    "  --from R               the lowest rate, where it starts (default 1000)\n"
    "  --to R                 the highest rate (default 1M)\n"
    "  --precision P          width of the interval against its upper end, 0.1% to 50%\n"
    "                         (default 5%)\n"
    "  --runs N               at most, 1 to 500 (default 100)\n"
    "\n"
    "What to keep:\n"
    "  --json FILE            all runs and the interval; - for stdout, instead of the table\n"
    "  --svg FILE             the curve: latency over offered load (needs gnuplot)\n"
    "  --quiet                no progress and no table\n"
    "  --help, --version\n"
    "\n"
    "Of each run, as loadgen run --help says: --transport, --scenario, --encoding, --payloads,\n"
    "--arrivals, --connections, --depth, --threads, --seed, --congestion, --cpus, --warmup,\n"
    "--duration, --timeout, --drain, --server-pid, and the others that go with one --rate. A run "
    "is\n"
    "made as long as the highest quantile needs: ten responses above it.\n"
    "\n"
    "Exit status: 0 an interval was found, or the objective was never missed up to --to; 1 it is\n"
    "missed at --from already, or something went wrong; 2 usage; 3 it could not be decided: runs\n"
    "stayed INVALID, or --runs were used up; 130 interrupted.\n"
    "\n"
    "Examples:\n"
    "  loadgen slo --target tcp://127.0.0.1:8080 --p99 5ms\n"
    "  loadgen slo --target tcp://127.0.0.1:8080 --p50 500us --p99.9 20ms --arrivals poisson \\\n"
    "      --from 500 --to 200k --precision 2% --svg slo.svg --json slo.json\n";

/* "p99.9": false when it is no such option. */
static bool is_quantile(const char *name)
{
    return name[0] == 'p' && name[1] >= '0' && name[1] <= '9';
}

static int take_objective(struct lg_slo_options *options, const char *name, const char *value,
                          struct evd_error *error)
{
    struct lg_objective *objective = &options->objectives[options->objective_count];

    if (lg_parse_percentile(name + 1, &objective->quantile) < 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "not a percentile: above 0 and up to 99.999, such as --p99.9");
    if (options->objective_count == LG_OBJECTIVES_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "more than %d objectives", LG_OBJECTIVES_MAX);
    for (unsigned i = 0; i < options->objective_count; i++)
        if (options->objectives[i].quantile == objective->quantile)
            return evd_error_set(error, EVD_ERR_USAGE, "given twice");
    if (evd_parse_duration(value, &objective->limit_ns, error) < 0)
        return EVD_ERR_USAGE;
    if (objective->limit_ns == 0 || objective->limit_ns > LG_TIMEOUT_MAX)
        return evd_error_set(error, EVD_ERR_USAGE, "'%s' is not a limit above 0 and up to 60s",
                             value);
    options->objective_count++;
    return EVD_OK;
}

static int take_precision(const char *value, double *ret_precision, struct evd_error *error)
{
    char *end;
    double precision = strtod(value, &end);

    if (*end == '%')
        precision /= 100, end++;
    if (end == value || *end != '\0' || value[strspn(value, "0123456789.%")] != '\0' ||
        !(precision >= LG_SLO_PRECISION_MIN && precision <= LG_SLO_PRECISION_MAX))
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' is not a precision: 0.1%% to 50%%, such as 5%% or 0.05", value);
    *ret_precision = precision;
    return EVD_OK;
}

/* EVD_MORE: it is an option of a run. */
static int take_one(struct lg_slo_options *options, const char *name, const char *value,
                    struct evd_error *error)
{
    uint64_t runs;
    int rc;

    if (is_quantile(name))
        return take_objective(options, name, value, error);
    if (strcmp(name, "from") == 0)
        return lg_parse_rate(value, &options->search.from, error);
    if (strcmp(name, "to") == 0)
        return lg_parse_rate(value, &options->search.to, error);
    if (strcmp(name, "precision") == 0)
        return take_precision(value, &options->search.precision, error);
    if (strcmp(name, "runs") == 0) {
        rc = evd_parse_uint(value, 1, LG_SLO_RUNS_MAX, &runs, error);
        if (rc == EVD_OK)
            options->search.runs_max = (unsigned)runs;
        return rc;
    }
    if (strcmp(name, "json") == 0)
        options->json = value;
    else if (strcmp(name, "svg") == 0)
        options->svg = value;
    else
        return EVD_MORE;
    return EVD_OK;
}

static bool is_refused(const char *name)
{
    static const char *const refused[] = {"rate",    "closed",   "hlog", "fail-on-invalid",
                                          "compare", "quantiles"};

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (strcmp(name, refused[i]) == 0)
            return true;
    return false;
}

static bool is_own(const char *name)
{
    static const char *const own[] = {"from", "to", "precision", "runs", "json", "svg"};

    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return is_quantile(name);
}

/* One of argv, or two of them: returns how many, or an error. Those of a run go to run_argv. */
static int take(struct lg_slo_options *options, int argc, char **argv, int *run_argc,
                struct evd_error *ret_error)
{
    struct evd_error error;
    char name[40] = "";
    const char *equals = strchr(argv[0], '='), *value;
    size_t len = equals != NULL ? (size_t)(equals - argv[0]) : strlen(argv[0]);

    if (strncmp(argv[0], "--", 2) == 0)
        snprintf(name, sizeof(name), "%.*s", (int)(len > 39 ? 39 : len) - 2, argv[0] + 2);
    if (is_refused(name))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--%s does not go with slo", name);
    if (!is_own(name)) {
        options->run_argv[(*run_argc)++] = argv[0];
        return 1;
    }
    value = equals != NULL ? equals + 1 : argc > 1 ? argv[1] : NULL;
    if (value == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "option '--%s' needs a value", name);
    if (take_one(options, name, value, &error) < 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--%s: %s", name, error.text);
    return equals != NULL ? 1 : 2;
}

static int check(const struct lg_slo_options *options, struct evd_error *error)
{
    if (options->objective_count == 0)
        return evd_error_set(error, EVD_ERR_USAGE, "an objective is missing, such as --p99 5ms");
    if (options->search.from > options->search.to)
        return evd_error_set(error, EVD_ERR_USAGE, "--from must not be above --to");
    return EVD_OK;
}

int lg_slo_options_parse(int argc, char **argv, struct lg_slo_options *ret_options,
                         enum lg_options_result *ret_result, struct evd_error *ret_error)
{
    static char rate[] = "--rate=1";
    struct lg_slo_options *options = ret_options;
    int run_argc = 0, rc;

    *options = (struct lg_slo_options){
        .argc = argc,
        .argv = argv,
        .search = {UINT64_C(1000) * LG_RATE_UNIT, UINT64_C(1000000) * LG_RATE_UNIT, 0.05, 100},
    };
    options->run_argv = calloc((size_t)argc + 2, sizeof(*options->run_argv));
    if (options->run_argv == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory");
    options->run_argv[run_argc++] = argv[0];
    options->run_argv[run_argc++] = rate; /* each run is given its own */
    for (int i = 1; i < argc; i += rc) {
        rc = take(options, argc - i, argv + i, &run_argc, ret_error);
        if (rc < 0)
            return rc;
    }
    rc = lg_options_parse(run_argc, options->run_argv, &options->run, ret_result, ret_error);
    options->quiet = options->run.quiet;
    if (rc < 0 || *ret_result != LG_OPTIONS_RUN)
        return rc;
    return check(options, ret_error);
}

void lg_slo_options_release(struct lg_slo_options *options)
{
    free(options->run_argv);
    options->run_argv = NULL;
}
