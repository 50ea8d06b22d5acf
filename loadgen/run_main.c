/* `loadgen run`: options in, table and JSON out. */
#include "commands.h"
#include "compare.h"
#include "run.h"

#include "evd_version.h"

#include <errno.h>
#include <stdlib.h>

enum { EXIT_DONE = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

static int complain(const struct evd_error *error, int status)
{
    fprintf(stderr, "loadgen: %s\n", error->text);
    return status;
}

static int write_json(const struct lg_result *result, const char *path, struct evd_error *ret_error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    int rc;

    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write %s: %s", path,
                             strerror(errno));
    rc = lg_result_json(result, file);
    if (file == stdout && rc == EVD_ERR_SYSTEM)
        rc = EVD_OK; /* main() says so */
    if (file != stdout && fclose(file) != 0)
        rc = EVD_ERR_SYSTEM;
    if (rc < 0)
        return evd_error_set(ret_error, rc, "cannot write %s: %s", path,
                             rc == EVD_ERR_SYSTEM ? strerror(errno) : evd_status_text(rc));
    return EVD_OK;
}

static int run_and_tell(const struct lg_run_options *options, const struct lg_scenario *scenario,
                        const struct lg_old *old, struct lg_result *result)
{
    bool json_on_stdout = options->json != NULL && strcmp(options->json, "-") == 0;
    struct evd_error error;

    if (lg_run(options, scenario, result, &error) < 0)
        return complain(&error, EXIT_WRONG);
    if (!options->quiet && !json_on_stdout)
        lg_result_table(result, stdout);
    if (old != NULL)
        lg_old_compare(old, result, json_on_stdout ? stderr : stdout);
    if (options->json != NULL && write_json(result, options->json, &error) < 0)
        return complain(&error, EXIT_WRONG);
    if (*result->log_error != '\0') {
        fprintf(stderr, "loadgen: %s\n", result->log_error);
        return EXIT_WRONG;
    }
    lg_result_why(result, stderr);
    return lg_result_status(result);
}

/* A file that cannot be written should be known before the measurement, not after. */
static int check_json(const char *path, struct evd_error *ret_error)
{
    FILE *file;

    if (path == NULL || strcmp(path, "-") == 0)
        return EVD_OK;
    file = fopen(path, "ae");
    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--json: cannot write %s: %s", path,
                             strerror(errno));
    fclose(file);
    return EVD_OK;
}

static int run_with(const struct lg_run_options *options, const struct lg_scenario *scenario)
{
    struct lg_old *old = NULL;
    struct lg_result *result;
    struct evd_error error;
    int status = EXIT_WRONG;

    if (options->compare != NULL &&
        lg_old_read(options->compare, options, scenario, &old, &error) < 0)
        return complain(&error, EXIT_USAGE);
    result = malloc(sizeof(*result));
    if (result == NULL)
        fputs("loadgen: no memory\n", stderr);
    else
        status = run_and_tell(options, scenario, old, result);
    free(result);
    lg_old_release(old);
    return status;
}

int lg_run_main(int argc, char **argv)
{
    struct lg_scenario_options scenario_options;
    struct lg_run_options options;
    struct lg_scenario scenario;
    enum lg_options_result asked;
    struct evd_error error;
    int status;

    if (lg_options_parse(argc, argv, &options, &asked, &error) < 0)
        return complain(&error, EXIT_USAGE);
    if (asked == LG_OPTIONS_HELP) {
        fputs(lg_run_help, stdout);
        return EXIT_DONE;
    }
    if (asked == LG_OPTIONS_VERSION) {
        printf("loadgen %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE);
        return EXIT_DONE;
    }
    scenario_options = (struct lg_scenario_options){
        .payloads = options.payloads, .encoding = options.encoding, .seed = options.seed};
    if (check_json(options.json, &error) < 0 ||
        lg_scenario_load(options.scenario, &scenario_options, &scenario, &error) < 0)
        return complain(&error, EXIT_USAGE);
    if (*scenario.warning != '\0')
        fprintf(stderr, "loadgen: %s\n", scenario.warning);
    status = run_with(&options, &scenario);
    lg_scenario_release(&scenario);
    return status;
}
