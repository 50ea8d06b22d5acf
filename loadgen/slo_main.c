/* `loadgen slo`: runs, one after the other, at the rates that the search asks for. */
#include "commands.h"
#include "format.h"
#include "now.h"
#include "run.h"
#include "slo_output.h"

#include "evd_version.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { EXIT_DONE = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

static int complain(const struct evd_error *error, int status)
{
    fprintf(stderr, "loadgen: %s\n", error->text);
    return status;
}

/* The run's options, with its rate, and as long as its quantiles need. */
static void make_run(const struct lg_slo_search *search, uint64_t rate, struct lg_run_options *ret)
{
    const struct lg_slo_options *options = search->options;
    uint64_t needed = lg_slo_needed(options->objectives, options->objective_count);
    double least_ns = (double)needed * 1.1 / ((double)rate / LG_RATE_UNIT) * 1e9;

    *ret = options->run;
    ret->rate = ret->rates[0] = rate;
    ret->rate_count = 1;
    ret->ramp = false;
    ret->seed = options->run.seed + search->slo.runs;
    if ((double)ret->duration_ns < least_ns)
        ret->duration_ns = (uint64_t)least_ns;
}

static void keep(struct lg_slo_search *search, const struct lg_result *result)
{
    const struct lg_slo_options *options = search->options;
    struct lg_slo_run *run = &search->runs[search->slo.runs];
    const char *why;

    run->rate = result->options->rate;
    run->seed = result->options->seed;
    run->duration_ns = result->options->duration_ns;
    run->worst = lg_slo_judge(result, options->objectives, options->objective_count, &why);
    run->account = result->accounts[LG_MEASURED];
    run->throughput = result->throughput;
    snprintf(run->why, sizeof(run->why), "%s", why == NULL ? "" : why);
    for (unsigned i = 0; i < options->objective_count; i++)
        run->quantiles[i] =
            lg_histogram_quantile(&result->response, options->objectives[i].quantile);
}

/* How long it goes on, as far as one can tell: once there is a bracket, its halvings and the runs
 * that make its ends sure. */
static void print_left(const struct lg_slo_search *search, uint64_t begin_ns)
{
    const struct lg_slo_view view = lg_slo_look(&search->slo);
    double per_run = (double)(lg_now() - begin_ns) / search->slo.runs / 1e9, width, steps;

    if (view.state != LG_SLO_SEARCHING || view.low == 0 || view.high == 0)
        return;
    width = (double)(view.high - view.low) / (double)view.high / search->options->search.precision;
    steps = (width > 1 ? ceil(log2(width)) : 0) + 2 * (LG_SLO_LEAD - 1);
    fprintf(stderr, "; about %.0f s left", steps * per_run);
}

static void print_progress(const struct lg_slo_search *search, uint64_t begin_ns)
{
    const struct lg_slo_run *run = &search->runs[search->slo.runs - 1];
    const struct lg_slo_view view = lg_slo_look(&search->slo);
    char rate[LG_FORMAT_MAX], low[LG_FORMAT_MAX], high[LG_FORMAT_MAX], text[LG_FORMAT_MAX];
    char name[16];

    lg_format_rate((double)run->rate / LG_RATE_UNIT, rate);
    lg_format_rate((double)view.low / LG_RATE_UNIT, low);
    lg_format_rate((double)view.high / LG_RATE_UNIT, high);
    fprintf(stderr, "run %u: %s", search->slo.runs, rate);
    for (unsigned i = 0; i < search->options->objective_count; i++)
        fprintf(stderr, "  %s %s", lg_slo_name(&search->options->objectives[i], name),
                lg_format_ns((double)run->quantiles[i], text));
    if (isnan(run->worst))
        fprintf(stderr, "  INVALID: %s", run->why);
    else
        fprintf(stderr, "  %s", run->worst <= 1 ? "met" : "missed");
    fprintf(stderr, "  [%s, %s]", view.low == 0 ? "?" : low, view.high == 0 ? "?" : high);
    print_left(search, begin_ns);
    fputc('\n', stderr);
}

static int walk(struct lg_slo_search *search, const struct lg_scenario *scenario,
                struct lg_result *result, struct evd_error *ret_error)
{
    uint64_t begin_ns = lg_now();

    while ((search->view = lg_slo_look(&search->slo)).state == LG_SLO_SEARCHING &&
           search->interrupted == 0) {
        struct lg_run_options options;
        int rc;

        make_run(search, search->view.rate, &options);
        rc = lg_run(&options, scenario, result, ret_error);
        if (rc < 0)
            return rc;
        search->interrupted = result->interrupted;
        if (search->interrupted != 0)
            break;
        if (result->broken.status < 0) {
            *ret_error = result->broken;
            return ret_error->status;
        }
        keep(search, result);
        lg_slo_take(&search->slo, search->view.rate, search->runs[search->slo.runs].worst);
        if (!search->options->quiet)
            print_progress(search, begin_ns);
    }
    return EVD_OK;
}

static int write_json(const struct lg_slo_search *search, struct evd_error *ret_error)
{
    const char *path = search->options->json;
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdout : fopen(path, "we");
    int rc = file == NULL ? EVD_ERR_SYSTEM : lg_slo_json(search, file);

    if (standard && rc == EVD_ERR_SYSTEM)
        rc = EVD_OK; /* main() says so */
    if (!standard && file != NULL && fclose(file) != 0)
        rc = EVD_ERR_SYSTEM;
    if (rc < 0)
        return evd_error_set(ret_error, rc, "cannot write %s: %s", path,
                             rc == EVD_ERR_SYSTEM ? strerror(errno) : evd_status_text(rc));
    return EVD_OK;
}

static int tell(const struct lg_slo_search *search)
{
    const struct lg_slo_options *options = search->options;
    bool json_on_stdout = options->json != NULL && strcmp(options->json, "-") == 0;
    struct evd_error error;

    if (!options->quiet && !json_on_stdout)
        lg_slo_table(search, stdout);
    if (options->json != NULL && write_json(search, &error) < 0)
        return complain(&error, EXIT_WRONG);
    if (options->svg != NULL && lg_slo_svg(search, options->svg, &error) < 0)
        return complain(&error, EXIT_WRONG);
    return lg_slo_status(search);
}

static void note_start(char started[32])
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(started, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int search_and_tell(const struct lg_slo_options *options, const struct lg_scenario *scenario)
{
    struct lg_slo_search *search = calloc(1, sizeof(*search));
    struct lg_result *result = malloc(sizeof(*result));
    struct evd_error error;
    int status;

    if (search == NULL || result == NULL) {
        evd_error_set(&error, EVD_ERR_NO_MEMORY, "no memory for a search");
        status = complain(&error, EXIT_WRONG);
    } else {
        search->options = options;
        note_start(search->started);
        lg_slo_init(&search->slo, &options->search);
        /* What was measured before a run could not be made is still told. */
        if (walk(search, scenario, result, &error) < 0) {
            if (search->slo.runs > 0)
                tell(search);
            status = complain(&error, EXIT_WRONG);
        } else {
            status = tell(search);
        }
    }
    free(result);
    free(search);
    return status;
}

static int check_file(const char *option, const char *path, struct evd_error *ret_error)
{
    FILE *file;

    if (path == NULL || strcmp(path, "-") == 0)
        return EVD_OK;
    file = fopen(path, "ae");
    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s: cannot write %s: %s", option, path,
                             strerror(errno));
    fclose(file);
    return EVD_OK;
}

static int start(struct lg_slo_options *options)
{
    const struct lg_scenario_options scenario_options = {.payloads = options->run.payloads,
                                                         .encoding = options->run.encoding,
                                                         .seed = options->run.seed};
    struct lg_scenario scenario;
    struct evd_error error;
    int status;

    if (check_file("--json", options->json, &error) < 0 ||
        check_file("--svg", options->svg, &error) < 0 ||
        lg_scenario_load(options->run.scenario, &scenario_options, &scenario, &error) < 0)
        return complain(&error, EXIT_USAGE);
    if (*scenario.warning != '\0')
        fprintf(stderr, "loadgen: %s\n", scenario.warning);
    status = search_and_tell(options, &scenario);
    lg_scenario_release(&scenario);
    return status;
}

int lg_slo_main(int argc, char **argv)
{
    struct lg_slo_options options;
    enum lg_options_result asked;
    struct evd_error error;
    int status = EXIT_DONE;

    if (lg_slo_options_parse(argc, argv, &options, &asked, &error) < 0) {
        status = complain(&error, EXIT_USAGE);
    } else if (asked == LG_OPTIONS_HELP) {
        fputs(lg_slo_help, stdout);
    } else if (asked == LG_OPTIONS_VERSION) {
        printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE);
    } else {
        status = start(&options);
    }
    lg_slo_options_release(&options);
    return status;
}
