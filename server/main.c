/* evd-server: see options.def for its options, life.c for its life, serve.c for what serves. */
#include "command_line.h"
#include "life.h"
#include "loop.h"
#include "memory.h"
#include "process.h"

#include "dispatch/builtins.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OWN_FDS 8 /* of the process, and of a worker: its loop's, its listeners' aside */

static void print_addresses(const struct evd_workers *workers, const char *before, FILE *out)
{
    char text[160];
    for (size_t i = 0; i < evd_workers_listeners(workers); i++)
        (void)fprintf(out, "%s%s\n", before,
                      evd_format_address(evd_workers_address(workers, i), text, sizeof text));
}

/* One address a line; written beside and renamed, so that who finds it finds all of it. */
static int write_port_file(const struct evd_workers *workers, const char *path,
                           struct evd_error *ret_error)
{
    char temporary[4096];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid()) >=
        sizeof temporary)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--port-file: the path is too long");
    FILE *file = fopen(temporary, "w");
    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--port-file %s: %s", path,
                             strerror(errno));
    print_addresses(workers, "", file);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed || rename(temporary, path) < 0) {
        int why = errno;
        (void)unlink(temporary);
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--port-file %s: %s", path, strerror(why));
    }
    return EVD_OK;
}

/* All that --max-connections asks for, whatever the shell allows at first: its soft limit is made
 * for programs that use select(). Said where the hard one is too low. */
static void print_descriptors(const struct evd_server_config *config, size_t allowed)
{
    const size_t listeners = config->listen_count + config->passed_count;
    size_t need = config->max_connections + OWN_FDS +
                  config->workers * (EVD_SURPLUS_MAX + OWN_FDS + 2 * listeners);
    if (allowed < need)
        (void)printf("descriptors: %zu are allowed (ulimit -Hn, LimitNOFILE=), %zu connections "
                     "need %zu: those that are too many will be refused\n",
                     allowed, config->max_connections, need);
}

static int serve(const struct evd_server_config *config, struct evd_life *life,
                 struct evd_workers *workers)
{
    char text[120];
    unsigned stuck = evd_life_run(life, workers);
    if (config->port_file != NULL)
        (void)unlink(config->port_file);
    if (stuck > 0) { /* a thread in a module's hands cannot be ended, only the process */
        (void)snprintf(text, sizeof text,
                       "%u of %u workers did not end: a module does not return; cut off", stuck,
                       config->workers);
        evd_log_write(config->log, EVD_LOG_ERROR, text);
        evd_workers_abandon(workers);
        _exit(EXIT_FAILURE);
    }
    size_t cut_off = evd_workers_close(workers);
    if (cut_off > 0) {
        (void)snprintf(text, sizeof text, "%zu connections were cut off at the end", cut_off);
        evd_log_write(config->log, EVD_LOG_WARNING, text);
    }
    return EXIT_SUCCESS;
}

static int run(struct evd_server_config *config, struct evd_error *ret_error)
{
    struct evd_life life;
    struct evd_workers *workers = NULL;
    char text[200];
    /* A loop's tables go by descriptors, which are the process's: each may need room for all. */
    size_t most = config->max_connections + config->workers * EVD_SURPLUS_MAX;
    if (evd_memory_reserve(most * config->workers) < 0)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the tables of the loops");
    size_t allowed = evd_process_allow_fds();
    int rc = evd_life_open(&life, config, ret_error);
    if (rc >= 0)
        rc = evd_config_load(config, ret_error);
    if (rc >= 0)
        rc = evd_workers_open(config, &life.shared, &workers, ret_error);
    evd_config_release(config); /* each dispatch has its own */
    if (rc >= 0 && config->port_file != NULL)
        rc = write_port_file(workers, config->port_file, ret_error);
    if (rc >= 0) {
        print_addresses(workers, "listening on ", stdout);
        (void)printf("%s\n", evd_memory_text(config, text, sizeof text));
        print_descriptors(config, allowed);
        (void)fflush(stdout);
        rc = serve(config, &life, workers);
    } else if (workers != NULL) {
        evd_workers_give_up(workers);
    }
    evd_life_close(&life);
    return rc;
}

int main(int argc, char **argv)
{
    /* A log that nobody reads any more must not end the server. */
    (void)signal(SIGPIPE, SIG_IGN);
    evd_loop_guard();
    struct evd_server_config config;
    switch (evd_config_parse(argc, argv, &config)) {
    case EVD_CONFIG_RUN:
        break;
    case EVD_CONFIG_SHOWN:
        return EXIT_SUCCESS;
    case EVD_CONFIG_USAGE:
        return 2;
    }
    config.dispatch.builtins = evd_builtins;
    config.dispatch.builtin_count = evd_builtin_count;

    struct evd_metrics_all metrics = {.started = time(NULL)};
    config.metrics = &metrics;
    struct evd_log log;
    struct evd_error error;
    int rc = evd_log_open(&log, config.log_file, &error);
    config.log = config.dispatch.log_context = &log;
    log.json = config.log_format == 1;
    log.quieter = config.log_level;
    config.dispatch.log = evd_log_write;
    if (rc >= 0)
        rc = run(&config, &error);
    if (rc < 0) {
        evd_log_write(NULL, EVD_LOG_ERROR, error.text); /* who started it is still there */
        rc = EXIT_FAILURE;
    }
    evd_metrics_release(&metrics);
    evd_auth_close(config.auth);
    evd_log_close(&log);
    return rc;
}
