/* evd-server: see config.c for its options, worker.c for its life. */
#include "memory.h"
#include "worker.h"

#include "dispatch/builtins.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One address a line; written beside and renamed, so that who finds it finds all of it. */
static int write_port_file(const struct evd_worker *worker, const char *path,
                           struct evd_error *ret_error)
{
    char temporary[4096], text[160];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid()) >=
        sizeof temporary)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--port-file: the path is too long");
    FILE *file = fopen(temporary, "w");
    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--port-file %s: %s", path,
                             strerror(errno));
    for (size_t i = 0; i < worker->config->listen_count; i++)
        (void)fprintf(file, "%s\n",
                      evd_format_address(&worker->listeners[i].bound, text, sizeof text));
    int failed = ferror(file);
    if (fclose(file) != 0 || failed || rename(temporary, path) < 0) {
        int why = errno;
        (void)unlink(temporary);
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--port-file %s: %s", path, strerror(why));
    }
    return EVD_OK;
}

static int announce(const struct evd_worker *worker, struct evd_error *ret_error)
{
    char text[200];
    if (worker->config->port_file != NULL) {
        int rc = write_port_file(worker, worker->config->port_file, ret_error);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < worker->config->listen_count; i++)
        (void)printf("listening on %s\n",
                     evd_format_address(&worker->listeners[i].bound, text, sizeof text));
    (void)printf("%s\n", evd_memory_text(worker->config, text, sizeof text));
    (void)fflush(stdout);
    return EVD_OK;
}

int main(int argc, char **argv)
{
    /* A log that nobody reads any more must not end the server. */
    (void)signal(SIGPIPE, SIG_IGN);
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

    struct evd_worker worker = {0};
    struct evd_log log;
    struct evd_error error;
    int rc = evd_log_open(&log, NULL, &error);
    config.log = config.dispatch.log_context = &log;
    config.dispatch.log = evd_log_write;
    if (rc >= 0)
        rc = evd_config_load(&config, &error);
    if (rc >= 0 && evd_memory_reserve(config.max_connections) < 0)
        rc = evd_error_set(&error, EVD_ERR_NO_MEMORY, "no memory for the tables of the loop");
    if (rc >= 0)
        rc = evd_worker_open(&worker, &config, &error);
    evd_config_release(&config); /* the dispatch has its own */
    if (rc >= 0)
        rc = announce(&worker, &error);
    if (rc < 0) {
        evd_log_write(&log, EVD_LOG_ERROR, error.text);
        if (worker.loop != NULL)
            evd_worker_close(&worker);
        evd_auth_close(config.auth);
        return EXIT_FAILURE;
    }
    size_t cut_off = evd_worker_run(&worker);
    if (cut_off > 0) {
        char text[80];
        (void)snprintf(text, sizeof text, "%zu connections were cut off at the end", cut_off);
        evd_log_write(&log, EVD_LOG_WARNING, text);
    }
    if (config.port_file != NULL)
        (void)unlink(config.port_file);
    evd_worker_close(&worker);
    evd_auth_close(config.auth);
    return EXIT_SUCCESS;
}
