#include "command_line.h"

#include "evd_version.h"
#include "options.h"
#include "systemd.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_head[] =
    "usage: evd-server [--dispatch=static|dynamic|instance] [options]\n"
    "\n"
    "Serves events over JSON lines and binary frames on the same port.\n"
    "\n";

static const char usage_tail[] =
    "\n"
    "  --help, --version        --help=markdown: as a table, with reasons;\n"
    "                           --help=man: as a page\n"
    "\n"
    "Examples:\n"
    "  evd-server --listen tcp://127.0.0.1:7000\n"
    "  evd-server --dispatch=dynamic --modules ./modules --listen unix:///run/evd.sock\n"
    "  evd-server --dispatch=instance --instance-alloc=pool --port-file /run/evd.port\n"
    "\n"
    "  echo '{\"event\":\"api.services.status\",\"data\":\"welcome\"}' | nc -N 127.0.0.1 7000\n";

enum { OPT_FIRST = 256, OPT_HELP = OPT_FIRST + EVD_OPTIONS_MAX, OPT_VERSION };

/* For getopt_long(): the value of an option is OPT_FIRST + its place in evd_options[]. */
static void list_options(struct option ret_list[EVD_OPTIONS_MAX + 3])
{
    size_t count = 0;
    for (size_t i = 0; i < evd_option_count; i++) {
        const struct evd_option *o = &evd_options[i];
        if (o->kind != EVD_OPTION_GROUP)
            ret_list[count++] = (struct option){
                o->name, o->kind == EVD_OPTION_SWITCH ? no_argument : required_argument, NULL,
                OPT_FIRST + (int)i};
    }
    ret_list[count++] = (struct option){"help", optional_argument, NULL, OPT_HELP};
    ret_list[count++] = (struct option){"version", no_argument, NULL, OPT_VERSION};
    ret_list[count] = (struct option){NULL, 0, NULL, 0};
}

static void set_defaults(struct evd_server_config *config)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = '\0';

    *config = (struct evd_server_config){0};
    evd_options_set_defaults(config);
    (void)snprintf(config->modules_dir, sizeof config->modules_dir, "%.*s/../modules",
                   (int)sizeof config->modules_dir - 16, exe);
}

/* What only one backend reads: given with another, it would be ignored in silence. */
static int check_backend(const struct evd_server_config *config, const bool *given,
                         struct evd_error *ret_error)
{
    for (size_t i = 0; i < evd_option_count; i++) {
        const struct evd_option *o = &evd_options[i];
        if (given[i] && o->backend != NULL && strcmp(o->backend, config->dispatch.backend) != 0)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "--%s needs --dispatch=%s, not --dispatch=%s", o->name, o->backend,
                                 config->dispatch.backend);
    }
    return EVD_OK;
}

static int check_auth(const struct evd_auth_config *auth, struct evd_error *ret_error)
{
    if (auth->secret_file == NULL && (auth->audience != NULL || auth->events_claim != NULL))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--auth-%s needs --auth-secret-file",
                             auth->audience != NULL ? "audience" : "events-claim");
    if (auth->events_claim != NULL && auth->events_claim[0] == '\0')
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--auth-events-claim must not be empty");
    return EVD_OK;
}

/* "auto": all that the process may use. */
static int choose_cpus(struct evd_server_config *config, struct evd_error *ret_error)
{
    cpu_set_t set;
    struct evd_error error;
    const char *text = config->cpus_text;
    if (text == NULL)
        return EVD_OK;
    if (strcmp(text, "auto") != 0) {
        int rc = evd_parse_cpus(text, config->cpus, EVD_CPUS_MAX, &config->cpu_count, &error);
        return rc < 0 ? evd_error_set(ret_error, rc, "--cpus: %.200s, or auto", error.text) : rc;
    }
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--cpus auto: %s", strerror(errno));
    for (int cpu = 0; cpu < CPU_SETSIZE && config->cpu_count < EVD_CPUS_MAX; cpu++)
        if (CPU_ISSET((size_t)cpu, &set))
            config->cpus[config->cpu_count++] = cpu;
    return EVD_OK;
}

static int check_combination(struct evd_server_config *config, const bool *given,
                             struct evd_error *ret_error)
{
    int rc = check_backend(config, given, ret_error);
    if (rc < 0)
        return rc;
    config->dispatch.max_depth = config->wire.max_depth;
    if (config->output_pause > config->max_output)
        config->output_pause = config->max_output;
    rc = check_auth(&config->auth_config, ret_error);
    if (rc < 0)
        return rc;
    if (config->dispatch.modules_dir == NULL)
        config->dispatch.modules_dir = config->modules_dir;
    rc = choose_cpus(config, ret_error);
    if (rc < 0)
        return rc;
    rc = evd_systemd_listeners(config->passed, EVD_LISTEN_MAX, &config->passed_count, ret_error);
    if (rc < 0)
        return rc;
    if (config->passed_count + config->listen_count > EVD_LISTEN_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%zu addresses and %zu passed sockets: at most %d in all",
                             config->listen_count, config->passed_count, EVD_LISTEN_MAX);
    if (config->listen_count + config->passed_count == 0)
        return evd_parse_address(EVD_LISTEN_DEFAULT, &config->listen[config->listen_count++],
                                 ret_error);
    return EVD_OK;
}

static enum evd_config_result usage(const struct evd_error *error)
{
    (void)fprintf(stderr, "evd-server: %s\nTry 'evd-server --help'.\n", error->text);
    return EVD_CONFIG_USAGE;
}

static enum evd_config_result show_help(const char *form)
{
    struct evd_error error;
    if (form != NULL && strcmp(form, "markdown") == 0) {
        evd_options_print_markdown(stdout);
        return EVD_CONFIG_SHOWN;
    }
    if (form != NULL && strcmp(form, "man") == 0) {
        evd_options_print_man(stdout);
        return EVD_CONFIG_SHOWN;
    }
    if (form != NULL) {
        (void)evd_error_set(&error, EVD_ERR_USAGE, "--help=%.100s is not one of: markdown, man",
                            form);
        return usage(&error);
    }
    (void)fputs(usage_head, stdout);
    evd_options_print_help(stdout);
    (void)fputs(usage_tail, stdout);
    return EVD_CONFIG_SHOWN;
}

enum evd_config_result evd_config_parse(int argc, char **argv, struct evd_server_config *ret_config)
{
    struct option list[EVD_OPTIONS_MAX + 3];
    bool given[EVD_OPTIONS_MAX] = {false};
    struct evd_error error = {0};
    int id;

    set_defaults(ret_config);
    list_options(list);
    static char name[] = "evd-server"; /* what getopt's own messages start with */
    argv[0] = name;
    while ((id = getopt_long(argc, argv, "", list, NULL)) != -1) {
        if (id == OPT_HELP)
            return show_help(optarg);
        if (id == OPT_VERSION) {
            (void)printf("evd-server %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE);
            return EVD_CONFIG_SHOWN;
        }
        if (id == '?') { /* getopt has said what */
            (void)fputs("Try 'evd-server --help'.\n", stderr);
            return EVD_CONFIG_USAGE;
        }
        given[id - OPT_FIRST] = true;
        if (evd_option_set(&evd_options[id - OPT_FIRST], optarg, ret_config, &error) < 0)
            return usage(&error);
    }
    if (optind < argc) {
        (void)evd_error_set(&error, EVD_ERR_USAGE,
                            "\"%s\" is not an option; there are no other arguments", argv[optind]);
        return usage(&error);
    }
    if (check_combination(ret_config, given, &error) < 0)
        return usage(&error);
    return EVD_CONFIG_RUN;
}

/* The file may be a pipe, so its size is known at its end. */
static int read_module_config(struct evd_server_config *config, FILE *file,
                              struct evd_error *ret_error)
{
    size_t len = fread(config->module_config_text, 1, EVD_MODULE_CONFIG_MAX + 1, file);
    if (ferror(file))
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--module-config %s: %s",
                             config->module_config, strerror(errno));
    if (len > EVD_MODULE_CONFIG_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "--module-config %s has more than %zu bytes",
                             config->module_config, EVD_MODULE_CONFIG_MAX);
    if (len == 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "--module-config %s is empty; it must be a JSON object",
                             config->module_config);
    config->dispatch.module_config = evd_slice(config->module_config_text, len);
    config->dispatch.module_config_from = config->module_config;
    return EVD_OK;
}

static int open_auth(struct evd_server_config *config, struct evd_error *ret_error)
{
    struct evd_error warning;
    if (config->auth_config.secret_file == NULL)
        return EVD_OK;
    int rc = evd_auth_open(&config->auth_config, &config->auth, &warning, ret_error);
    if (rc >= 0 && warning.text[0] != '\0')
        evd_log_write(config->log, EVD_LOG_WARNING, warning.text);
    return rc;
}

static int load_module_config(struct evd_server_config *config, struct evd_error *ret_error)
{
    if (config->module_config == NULL)
        return EVD_OK;
    FILE *file = fopen(config->module_config, "re");
    if (file == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--module-config %s: %s",
                             config->module_config, strerror(errno));
    config->module_config_text = malloc(EVD_MODULE_CONFIG_MAX + 1);
    int rc = config->module_config_text != NULL
                 ? read_module_config(config, file, ret_error)
                 : evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    (void)fclose(file);
    return rc;
}

int evd_config_load(struct evd_server_config *config, struct evd_error *ret_error)
{
    int rc = open_auth(config, ret_error);
    return rc < 0 ? rc : load_module_config(config, ret_error);
}

void evd_config_release(struct evd_server_config *config)
{
    free(config->module_config_text);
    config->module_config_text = NULL;
}
