#include "options.h"

#include "server/wire/http_get.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPT_TARGET = 256,
    OPT_TRANSPORT,
    OPT_SCENARIO,
    OPT_ENCODING,
    OPT_PAYLOADS,
    OPT_RATE,
    OPT_ARRIVALS,
    OPT_CLOSED,
    OPT_CONNECTIONS,
    OPT_DEPTH,
    OPT_THREADS,
    OPT_RETRY,
    OPT_RECONNECT_EVERY,
    OPT_SOURCE,
    OPT_HALF_OPEN,
    OPT_PARTIAL,
    OPT_SLOW_READERS,
    OPT_READ_RATE,
    OPT_SEED,
    OPT_CONGESTION,
    OPT_SPIN,
    OPT_CPUS,
    OPT_WARMUP,
    OPT_DURATION,
    OPT_TIMEOUT,
    OPT_DRAIN,
    OPT_SERVER_PID,
    OPT_QUANTILES,
    OPT_JSON,
    OPT_COMPARE,
    OPT_SERVER_METRICS,
    OPT_SERVER_SYSCALLS,
    OPT_WIRE,
    OPT_HLOG,
    OPT_ARM,
    OPT_FAIL_ON_INVALID,
    OPT_QUIET,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"transport", required_argument, NULL, OPT_TRANSPORT},
    {"scenario", required_argument, NULL, OPT_SCENARIO},
    {"encoding", required_argument, NULL, OPT_ENCODING},
    {"payloads", required_argument, NULL, OPT_PAYLOADS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"arrivals", required_argument, NULL, OPT_ARRIVALS},
    {"closed", no_argument, NULL, OPT_CLOSED},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"retry", no_argument, NULL, OPT_RETRY},
    {"reconnect-every", required_argument, NULL, OPT_RECONNECT_EVERY},
    {"source", required_argument, NULL, OPT_SOURCE},
    {"half-open", required_argument, NULL, OPT_HALF_OPEN},
    {"partial", required_argument, NULL, OPT_PARTIAL},
    {"slow-readers", required_argument, NULL, OPT_SLOW_READERS},
    {"read-rate", required_argument, NULL, OPT_READ_RATE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"congestion", required_argument, NULL, OPT_CONGESTION},
    {"spin", required_argument, NULL, OPT_SPIN},
    {"cpus", required_argument, NULL, OPT_CPUS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"drain", required_argument, NULL, OPT_DRAIN},
    {"server-pid", required_argument, NULL, OPT_SERVER_PID},
    {"quantiles", required_argument, NULL, OPT_QUANTILES},
    {"json", required_argument, NULL, OPT_JSON},
    {"compare", required_argument, NULL, OPT_COMPARE},
    {"server-metrics", no_argument, NULL, OPT_SERVER_METRICS},
    {"server-syscalls", no_argument, NULL, OPT_SERVER_SYSCALLS},
    {"wire-timestamps", required_argument, NULL, OPT_WIRE},
    {"hlog", required_argument, NULL, OPT_HLOG},
    {"arm", required_argument, NULL, OPT_ARM},
    {"fail-on-invalid", no_argument, NULL, OPT_FAIL_ON_INVALID},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int parse_count(const char *text, unsigned max, unsigned *ret_count, struct evd_error *error)
{
    uint64_t value;
    int rc = evd_parse_uint(text, 1, max, &value, error);

    if (rc == EVD_OK)
        *ret_count = (unsigned)value;
    return rc;
}

int lg_parse_rate(const char *text, uint64_t *ret_rate, struct evd_error *error)
{
    char *end;
    double rate;

    errno = 0;
    rate = strtod(text, &end);
    if (end != text && (*end == 'k' || *end == 'K'))
        rate *= 1e3, end++;
    else if (end != text && (*end == 'm' || *end == 'M'))
        rate *= 1e6, end++;
    rate = rint(rate * LG_RATE_UNIT);
    if (end == text || *end != '\0' || errno != 0 ||
        text[strspn(text, "0123456789.kKmM")] != '\0' ||
        !(rate >= LG_RATE_MIN && rate <= LG_RATE_MAX))
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' is not a rate: requests a second, 0.001 to 10000000, such as "
                             "1000, 2.5 or 20k",
                             text);
    *ret_rate = (uint64_t)rate;
    return EVD_OK;
}

static int bad_ramp(const char *text, struct evd_error *error)
{
    return evd_error_set(error, EVD_ERR_USAGE,
                         "'%s' is not a ramp: two whole rates of at least 1, such as 1000..5k",
                         text);
}

/* "1000", "1000..5000", "1000,2k,4k". */
static int parse_rates(const char *text, struct lg_run_options *options, struct evd_error *error)
{
    const char *dots = strstr(text, ".."), *separator = dots != NULL ? ".." : ",", *at = text;
    uint64_t sum = 0;

    options->rate_count = 0;
    options->ramp = dots != NULL;
    for (bool more = true; more;) {
        const char *end = strstr(at, separator);
        size_t len = end != NULL ? (size_t)(end - at) : strlen(at);
        char one[64];

        if (options->rate_count == LG_STEPS_MAX)
            return evd_error_set(error, EVD_ERR_USAGE, "more than %d steps", LG_STEPS_MAX);
        snprintf(one, sizeof(one), "%.*s", (int)len, at);
        if (len >= sizeof(one) ||
            lg_parse_rate(one, &options->rates[options->rate_count], error) < 0)
            return dots != NULL ? bad_ramp(text, error) : lg_parse_rate(one, &sum, error);
        sum += options->rates[options->rate_count++];
        more = end != NULL;
        at += len + (dots != NULL ? 2 : 1);
    }
    if (dots != NULL && (options->rate_count != 2 || options->rates[0] % LG_RATE_UNIT != 0 ||
                         options->rates[1] % LG_RATE_UNIT != 0))
        return bad_ramp(text, error);
    options->rate = sum / options->rate_count;
    return EVD_OK;
}

/* "constant", "poisson", "burst:100ms,900ms". */
static int parse_arrivals(const char *text, struct lg_run_options *options, struct evd_error *error)
{
    const char *comma = strchr(text, ',');
    struct evd_error ignored;
    char on[32];

    if (strcmp(text, "constant") == 0 || strcmp(text, "poisson") == 0) {
        options->arrivals = *text == 'p' ? LG_ARRIVALS_POISSON : LG_ARRIVALS_CONSTANT;
        options->burst_on_ns = options->burst_off_ns = 0;
        return EVD_OK;
    }
    options->arrivals = LG_ARRIVALS_BURST;
    if (strncmp(text, "burst:", 6) != 0 || comma == NULL)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' is neither constant nor poisson nor burst:ON,OFF", text);
    snprintf(on, sizeof(on), "%.*s", (int)(comma - text - 6), text + 6);
    if (evd_parse_duration(on, &options->burst_on_ns, &ignored) < 0 ||
        evd_parse_duration(comma + 1, &options->burst_off_ns, &ignored) < 0 ||
        options->burst_on_ns < LG_BURST_MIN || options->burst_on_ns > LG_BURST_MAX ||
        options->burst_off_ns < LG_BURST_MIN || options->burst_off_ns > LG_BURST_MAX)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' needs two times from 1ms to 1h, such as burst:100ms,900ms",
                             text);
    return EVD_OK;
}

static int parse_what(int option, char *value, struct lg_run_options *options,
                      struct evd_error *error)
{
    switch (option) {
    case OPT_TARGET:
        options->target = value;
        options->host = evd_slice_text(strncmp(value, "tcp://", 6) == 0 ? value + 6 : "");
        return evd_parse_address(value, &options->address, error);
    case OPT_TRANSPORT:
        options->transport = strcmp(value, evd_transport_http_get.name) == 0
                                 ? &evd_transport_http_get
                                 : evd_transport_by_name(evd_slice_text(value));
        if (options->transport == NULL)
            return evd_error_set(error, EVD_ERR_USAGE,
                                 "'%s' is not a transport: frame, jsonl or http", value);
        return EVD_OK;
    case OPT_SCENARIO:
        options->scenario = value;
        return EVD_OK;
    case OPT_ENCODING:
        options->encoding = evd_codec_by_name(evd_slice_text(value));
        if (options->encoding == NULL)
            return evd_error_set(error, EVD_ERR_USAGE,
                                 "'%s' is not an encoding: json, base64, gzip or base64+gzip",
                                 value);
        return EVD_OK;
    case OPT_PAYLOADS:
        options->payloads = value;
        return EVD_OK;
    default:
        return EVD_MORE; /* of another group */
    }
}

static int parse_time(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ns,
                      struct evd_error *error)
{
    int rc = evd_parse_duration(text, ret_ns, error);

    if (rc == EVD_OK && (*ret_ns < min || *ret_ns > max))
        return evd_error_set(error, EVD_ERR_USAGE, "'%s' is not between %gs and %gs", text,
                             (double)min / 1e9, (double)max / 1e9);
    return rc;
}

static int parse_load(int option, char *value, struct lg_run_options *options,
                      struct evd_error *error)
{
    switch (option) {
    case OPT_RATE:
        return parse_rates(value, options, error);
    case OPT_ARRIVALS:
        return parse_arrivals(value, options, error);
    case OPT_CLOSED:
        options->closed = true;
        return EVD_OK;
    case OPT_RETRY:
        options->retry = true;
        return EVD_OK;
    case OPT_CONNECTIONS:
        return parse_count(value, LG_CONNECTIONS_MAX, &options->connections, error);
    case OPT_DEPTH:
        return parse_count(value, LG_DEPTH_MAX, &options->depth, error);
    case OPT_THREADS:
        return parse_count(value, LG_THREADS_MAX, &options->threads, error);
    case OPT_SEED:
        return evd_parse_uint(value, 0, UINT64_MAX, &options->seed, error);
    case OPT_CONGESTION:
        if (*value == '\0' || strlen(value) >= LG_CONGESTION_MAX)
            return evd_error_set(error, EVD_ERR_USAGE,
                                 "'%s' is not the name of a congestion control", value);
        options->congestion = value;
        return EVD_OK;
    case OPT_SPIN:
        return parse_time(value, LG_SPIN_MIN, LG_SPIN_MAX, &options->spin_ns, error);
    case OPT_CPUS:
        return evd_parse_cpus(value, options->cpus, LG_CPUS_MAX, &options->cpu_count, error);
    default:
        return EVD_MORE;
    }
}

static int parse_profile(int option, char *value, struct lg_profile *profile,
                         struct evd_error *error)
{
    switch (option) {
    case OPT_RECONNECT_EVERY:
        return evd_parse_uint(value, 1, LG_RENEW_MAX, &profile->reconnect_every, error);
    case OPT_SOURCE:
        return lg_profile_sources(value, profile, error);
    case OPT_HALF_OPEN:
    case OPT_PARTIAL:
        return parse_count(value, LG_BYSTANDERS_MAX,
                           &profile->bystanders[option == OPT_PARTIAL ? LG_BYSTANDER_PARTIAL
                                                                      : LG_BYSTANDER_HALF_OPEN],
                           error);
    case OPT_SLOW_READERS:
        return parse_count(value, LG_SLOW_MAX, &profile->bystanders[LG_BYSTANDER_SLOW], error);
    case OPT_READ_RATE:
        return evd_parse_size(value, LG_READ_RATE_MIN, LG_READ_RATE_MAX, &profile->read_rate,
                              error);
    default:
        return EVD_MORE;
    }
}

const char *lg_rate_shape(const struct lg_run_options *options)
{
    return options->ramp ? "ramp" : options->rate_count > 1 ? "steps" : "constant";
}

int lg_parse_percentile(const char *text, double *ret_quantile)
{
    char *end;
    double percent = strtod(text, &end);

    if (end == text || text[strspn(text, "0123456789.")] != '\0' || *end != '\0' ||
        !(percent > 0 && percent <= 99.999))
        return EVD_ERR_USAGE;
    *ret_quantile = percent / 100;
    return EVD_OK;
}

/* "50,99,99.99": ascending. */
static int parse_quantiles(const char *text, struct lg_run_options *options,
                           struct evd_error *error)
{
    const char *at = text;

    options->quantile_count = 0;
    options->quantiles_asked = true;
    for (bool more = true; more;) {
        size_t len = strcspn(at, ",");
        double *q = &options->quantiles[options->quantile_count];
        char one[16];

        if (options->quantile_count == LG_QUANTILES_MAX)
            return evd_error_set(error, EVD_ERR_USAGE, "more than %d percentiles",
                                 LG_QUANTILES_MAX);
        snprintf(one, sizeof(one), "%.*s", (int)(len < sizeof(one) ? len : 0), at);
        if (lg_parse_percentile(one, q) < 0 || (options->quantile_count > 0 && *q <= q[-1]))
            return evd_error_set(error, EVD_ERR_USAGE,
                                 "'%s' are not ascending percentiles, above 0 and up to 99.999, "
                                 "such as 50,99,99.9",
                                 text);
        options->quantile_count++;
        more = at[len] == ',';
        at += len + 1;
    }
    return EVD_OK;
}

static int parse_wire(const char *text, struct lg_run_options *options, struct evd_error *error)
{
    struct evd_error ignored;

    if (strcmp(text, "auto") == 0 || strcmp(text, "off") == 0) {
        options->wire_one_in = *text == 'a' ? LG_WIRE_AUTO : 0;
        return EVD_OK;
    }
    if (evd_parse_uint(text, 1, LG_WIRE_MAX, &options->wire_one_in, &ignored) < 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "'%s' is neither auto nor off nor a number of 1 to %d", text,
                             LG_WIRE_MAX);
    return EVD_OK;
}

uint64_t lg_wire_one_in(const struct lg_run_options *options)
{
    const uint64_t a_second = 250, closed = 64;
    uint64_t one_in = options->rate / LG_RATE_UNIT / a_second;

    if (options->wire_one_in != LG_WIRE_AUTO)
        return options->wire_one_in;
    if (options->closed)
        return closed;
    return one_in > 1 ? one_in : 1;
}

static int parse_rest(int option, char *value, struct lg_run_options *options,
                      struct evd_error *error)
{
    const uint64_t day = UINT64_C(86400000000000);
    uint64_t pid;
    int rc;

    switch (option) {
    case OPT_WARMUP:
        return parse_time(value, 0, day, &options->warmup_ns, error);
    case OPT_DURATION:
        return parse_time(value, 1000000, day, &options->duration_ns, error);
    case OPT_TIMEOUT:
        return parse_time(value, 1000000, LG_TIMEOUT_MAX, &options->timeout_ns, error);
    case OPT_DRAIN:
        return parse_time(value, 0, LG_TIMEOUT_MAX, &options->drain_ns, error);
    case OPT_SERVER_PID:
        rc = evd_parse_uint(value, 1, INT32_MAX, &pid, error);
        if (rc == EVD_OK)
            options->server_pid = (pid_t)pid;
        return rc;
    case OPT_COMPARE:
        options->compare = value;
        return EVD_OK;
    case OPT_JSON:
        options->json = value;
        return EVD_OK;
    case OPT_SERVER_METRICS:
        options->server_metrics = true;
        return EVD_OK;
    case OPT_SERVER_SYSCALLS:
        options->server_syscalls = true;
        return EVD_OK;
    case OPT_WIRE:
        return parse_wire(value, options, error);
    case OPT_QUANTILES:
        return parse_quantiles(value, options, error);
    case OPT_HLOG:
        options->hlog = value;
        return EVD_OK;
    case OPT_ARM:
        if (*value == '\0' || strlen(value) > LG_ARM_MAX)
            return evd_error_set(error, EVD_ERR_USAGE, "'%s' is not a name of 1 to %d bytes", value,
                                 LG_ARM_MAX);
        options->arm = value;
        return EVD_OK;
    case OPT_FAIL_ON_INVALID:
        options->fail_on_invalid = true;
        return EVD_OK;
    default: /* OPT_QUIET */
        options->quiet = true;
        return EVD_OK;
    }
}

/* What no single option can tell. */
static int check(const struct lg_run_options *options, bool arrivals_given, struct evd_error *error)
{
    if (options->target == NULL)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--target is missing: tcp://HOST:PORT or unix:///PATH");
    if (options->closed == (options->rate != 0))
        return evd_error_set(
            error, EVD_ERR_USAGE,
            "one of --rate R (open loop) and --closed (closed loop) must be given");
    if (options->closed && arrivals_given)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--arrivals goes with --rate: a closed loop has no arrivals");
    if (options->closed && options->spin_ns != 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--spin goes with --rate: a closed loop waits for replies only");
    if (options->arrivals == LG_ARRIVALS_BURST && options->rate_count > 1)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "bursts go with one --rate, not with a ramp or steps");
    if (options->server_syscalls && options->server_pid == 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--server-syscalls goes with --server-pid: whose are to be counted?");
    if (options->hlog != NULL && strcmp(options->hlog, "-") == 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--hlog: it takes a file; '-', the standard output, is --json's");
    if (options->hlog != NULL && options->json != NULL && strcmp(options->hlog, options->json) == 0)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--hlog and --json need a file each, not both %s", options->json);
    if (options->compare != NULL && options->quiet)
        return evd_error_set(error, EVD_ERR_USAGE, "--compare has nothing to say with --quiet");
    if (options->threads > options->connections)
        return evd_error_set(error, EVD_ERR_USAGE,
                             "--threads %u needs at least as many --connections, not %u",
                             options->threads, options->connections);
    if (options->profile.read_rate != LG_READ_RATE_DEFAULT &&
        options->profile.bystanders[LG_BYSTANDER_SLOW] == 0)
        return evd_error_set(error, EVD_ERR_USAGE, "--read-rate goes with --slow-readers");
    return lg_profile_check(&options->profile, options->address.addr.ss_family, error);
}

static int parse_one(int option, char *value, struct lg_run_options *options,
                     struct evd_error *ret_error)
{
    struct evd_error error;
    int rc = parse_what(option, value, options, &error);

    if (rc == EVD_MORE)
        rc = parse_load(option, value, options, &error);
    if (rc == EVD_MORE)
        rc = parse_profile(option, value, &options->profile, &error);
    if (rc == EVD_MORE)
        rc = parse_rest(option, value, options, &error);
    if (rc < 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--%s: %s",
                             long_options[option - OPT_TARGET].name, error.text);
    return EVD_OK;
}

int lg_options_parse(int argc, char **argv, struct lg_run_options *ret_options,
                     enum lg_options_result *ret_result, struct evd_error *ret_error)
{
    bool arrivals_given = false;
    int option;

    *ret_options = (struct lg_run_options){
        .argc = argc,
        .argv = argv,
        .transport = &evd_transport_frame,
        .congestion = "reno",
        .scenario = "services",
        .connections = 64,
        .depth = 1,
        .threads = 1,
        .seed = 1,
        .warmup_ns = UINT64_C(2000000000),
        .duration_ns = UINT64_C(10000000000),
        .timeout_ns = UINT64_C(10000000000),
        .drain_ns = UINT64_C(5000000000),
        .wire_one_in = LG_WIRE_AUTO,
        .quantiles = {0.5, 0.9, 0.99, 0.999},
        .quantile_count = 4,
        .profile.read_rate = LG_READ_RATE_DEFAULT,
    };
    *ret_result = LG_OPTIONS_RUN;
    optind = 0; /* glibc: start anew */
    while ((option = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1) {
        if (option == '?')
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "unknown option '%s'; loadgen %s --help lists them",
                                 argv[optind - 1], argv[0]);
        if (option == ':')
            return evd_error_set(ret_error, EVD_ERR_USAGE, "option '%s' needs a value",
                                 argv[optind - 1]);
        if (option == 'h' || option == OPT_HELP || option == OPT_VERSION) {
            *ret_result = option == OPT_VERSION ? LG_OPTIONS_VERSION : LG_OPTIONS_HELP;
            return EVD_OK;
        }
        arrivals_given |= option == OPT_ARRIVALS;
        if (parse_one(option, optarg, ret_options, ret_error) < 0)
            return EVD_ERR_USAGE;
    }
    if (optind < argc)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "'%s' is not an option", argv[optind]);
    return check(ret_options, arrivals_given, ret_error);
}
