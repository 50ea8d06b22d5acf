#include "config.h"

#include "dispatch/json.h"
#include "evd_version.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id {
    OPT_DISPATCH = 256,
    OPT_DYNAMIC_LOAD,
    OPT_INSTANCE_ALLOC,
    OPT_MODULES,
    OPT_MODULE_CONFIG,
    OPT_LISTEN,
    OPT_PORT_FILE,
    OPT_TCP_CONGESTION,
    OPT_MAX_FRAME,
    OPT_MAX_CONNECTIONS,
    OPT_MAX_OUTPUT,
    OPT_MAX_INFLATED,
    OPT_MAX_DEPTH,
    OPT_MAX_TREE,
    OPT_IDLE_TIMEOUT,
    OPT_WRITE_TIMEOUT,
    OPT_DRAIN_TIMEOUT,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option options[] = {
    {"dispatch", required_argument, NULL, OPT_DISPATCH},
    {"dynamic-load", required_argument, NULL, OPT_DYNAMIC_LOAD},
    {"instance-alloc", required_argument, NULL, OPT_INSTANCE_ALLOC},
    {"modules", required_argument, NULL, OPT_MODULES},
    {"module-config", required_argument, NULL, OPT_MODULE_CONFIG},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"tcp-congestion", required_argument, NULL, OPT_TCP_CONGESTION},
    {"max-frame", required_argument, NULL, OPT_MAX_FRAME},
    {"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
    {"max-output", required_argument, NULL, OPT_MAX_OUTPUT},
    {"max-inflated", required_argument, NULL, OPT_MAX_INFLATED},
    {"max-depth", required_argument, NULL, OPT_MAX_DEPTH},
    {"max-tree", required_argument, NULL, OPT_MAX_TREE},
    {"idle-timeout", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"write-timeout", required_argument, NULL, OPT_WRITE_TIMEOUT},
    {"drain-timeout", required_argument, NULL, OPT_DRAIN_TIMEOUT},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: evd-server [--dispatch=static|dynamic|instance] [options]\n"
    "\n"
    "Serves events over JSON lines and binary frames on the same port.\n"
    "\n"
    "How a call finds its code:\n"
    "  --dispatch=NAME         static (default): one table, linked in\n"
    "                          dynamic: shared objects from the modules folder\n"
    "                          instance: an instance allocated for every call\n"
    "  --dynamic-load=POLICY   cached (default): loaded once; call: loaded for every call\n"
    "  --instance-alloc=NAME   malloc (default) or pool (recycled blocks)\n"
    "  --modules DIR           the modules folder of dynamic [<program>/../modules]\n"
    "  --module-config FILE    a JSON object {\"api.hello\": configuration, ...}, of which each "
    "module\n"
    "                          is given its own when it is opened\n"
    "\n"
    "Where it listens:\n"
    "  --listen ADDRESS        tcp://HOST:PORT or unix:///PATH; up to 16 times\n"
    "                          [tcp://127.0.0.1:0; port 0: the kernel chooses]\n"
    "  --port-file FILE        writes the addresses to FILE, one a line, when ready\n"
    "  --tcp-congestion NAME   congestion control of accepted connections [the system's]\n"
    "\n"
    "Limits (sizes: 64k, 1m; durations: 2, 500ms, 2m):\n"
    "  --max-frame SIZE        one message on the wire [1m]\n"
    "  --max-inflated SIZE     a payload when its codec is undone [8m]\n"
    "  --max-depth N           JSON arrays and objects nested, 1 to 512 [64]\n"
    "  --max-tree SIZE         memory of the JSON trees of one call [64m]\n"
    "  --max-connections N     open at a time [10000]\n"
    "  --max-output SIZE       held for a reader that is slow, before its calls wait; also the\n"
    "                          largest answer [4m]\n"
    "  --idle-timeout T        a silent connection is closed, after 250ms at the least; 0: never\n"
    "                          [5m]\n"
    "  --write-timeout T       a reader that takes nothing is closed; 0: never [30s]\n"
    "  --drain-timeout T       from SIGTERM or SIGINT to the end at the latest [5s]\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  evd-server --listen tcp://127.0.0.1:7000\n"
    "  evd-server --dispatch=dynamic --modules ./modules --listen unix:///run/evd.sock\n"
    "  evd-server --dispatch=instance --instance-alloc=pool --port-file /run/evd.port\n"
    "\n"
    "  echo '{\"event\":\"api.services.status\",\"data\":\"welcome\"}' | nc -N 127.0.0.1 7000\n";

/* What only some backends read: given with another, it would be ignored in silence. */
struct given {
    bool dynamic_load, instance_alloc, modules;
};

static int choose(const char *option, const char *text, const char *const *names, size_t count,
                  struct evd_error *ret_error)
{
    char allowed[160] = "";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0)
            return (int)i;
        size_t len = strlen(allowed);
        (void)snprintf(allowed + len, sizeof allowed - len, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    return evd_error_set(ret_error, EVD_ERR_USAGE, "--%s=%s is not one of: %s", option, text,
                         allowed);
}

static int parse_dispatch(int id, const char *text, struct evd_server_config *config,
                          struct given *given, struct evd_error *ret_error)
{
    static const char *const loads[] = {[EVD_LOAD_CACHED] = "cached", [EVD_LOAD_CALL] = "call"};
    static const char *const allocs[] = {[EVD_ALLOC_MALLOC] = "malloc", [EVD_ALLOC_POOL] = "pool"};
    struct evd_dispatch_config *dispatch = &config->dispatch;
    size_t count = 0;
    int rc;

    switch (id) {
    case OPT_DISPATCH:
        while (evd_backend_names[count] != NULL)
            count++;
        rc = choose("dispatch", text, evd_backend_names, count, ret_error);
        if (rc >= 0)
            dispatch->backend = evd_backend_names[rc];
        return rc;
    case OPT_DYNAMIC_LOAD:
        given->dynamic_load = true;
        rc = choose("dynamic-load", text, loads, 2, ret_error);
        dispatch->dynamic_load = rc == EVD_LOAD_CALL ? EVD_LOAD_CALL : EVD_LOAD_CACHED;
        return rc;
    case OPT_INSTANCE_ALLOC:
        given->instance_alloc = true;
        rc = choose("instance-alloc", text, allocs, 2, ret_error);
        dispatch->instance_alloc = rc == EVD_ALLOC_POOL ? EVD_ALLOC_POOL : EVD_ALLOC_MALLOC;
        return rc;
    default:
        given->modules = true;
        dispatch->modules_dir = text;
        return EVD_OK;
    }
}

static int parse_size(const char *text, uint64_t min, uint64_t max, size_t *ret_size,
                      struct evd_error *ret_error)
{
    uint64_t bytes = 0;
    int rc = evd_parse_size(text, min, max, &bytes, ret_error);
    *ret_size = (size_t)bytes;
    return rc;
}

static int parse_limit(int id, const char *text, struct evd_server_config *config,
                       struct evd_error *ret_error)
{
    uint64_t number = 0;
    int rc;

    switch (id) {
    case OPT_MAX_FRAME:
        return parse_size(text, 64, 1u << 30, &config->wire.max_frame, ret_error);
    case OPT_MAX_OUTPUT:
        return parse_size(text, 65536, 1u << 30, &config->max_output, ret_error);
    case OPT_MAX_INFLATED:
        return parse_size(text, 64, 1u << 30, &config->max_inflated, ret_error);
    case OPT_MAX_TREE:
        return parse_size(text, 65536, 1ull << 32, &config->dispatch.max_tree, ret_error);
    case OPT_MAX_DEPTH:
        rc = evd_parse_uint(text, 1, EVD_JSON_DEPTH_MAX, &number, ret_error);
        config->wire.max_depth = config->dispatch.max_depth = (unsigned)number;
        return rc;
    case OPT_MAX_CONNECTIONS:
        rc = evd_parse_uint(text, 1, 1000000, &number, ret_error);
        config->max_connections = (size_t)number;
        return rc;
    case OPT_IDLE_TIMEOUT:
        return evd_parse_duration(text, &config->idle_timeout_ns, ret_error);
    case OPT_WRITE_TIMEOUT:
        return evd_parse_duration(text, &config->write_timeout_ns, ret_error);
    default:
        return evd_parse_duration(text, &config->drain_timeout_ns, ret_error);
    }
}

static int parse_option(int id, const char *text, struct evd_server_config *config,
                        struct given *given, struct evd_error *ret_error)
{
    switch (id) {
    case OPT_DISPATCH:
    case OPT_DYNAMIC_LOAD:
    case OPT_INSTANCE_ALLOC:
    case OPT_MODULES:
        return parse_dispatch(id, text, config, given, ret_error);
    case OPT_LISTEN:
        if (config->listen_count == EVD_LISTEN_MAX)
            return evd_error_set(ret_error, EVD_ERR_USAGE, "--listen: at most %d times",
                                 EVD_LISTEN_MAX);
        return evd_parse_address(text, &config->listen[config->listen_count++], ret_error);
    case OPT_MODULE_CONFIG:
        config->module_config = text;
        return EVD_OK;
    case OPT_PORT_FILE:
        config->port_file = text;
        return EVD_OK;
    case OPT_TCP_CONGESTION:
        config->tcp_congestion = text;
        return EVD_OK;
    default:
        return parse_limit(id, text, config, ret_error);
    }
}

static void set_defaults(struct evd_server_config *config)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = '\0';

    *config = (struct evd_server_config){
        .dispatch = {.backend = "static", .max_depth = EVD_JSON_DEPTH_DEFAULT},
        .wire = {.max_frame = EVD_MAX_FRAME_DEFAULT, .max_depth = EVD_JSON_DEPTH_DEFAULT},
        .max_inflated = 8u << 20,
        .max_output = 4u << 20,
        .max_connections = 10000,
        .idle_timeout_ns = 300000000000ull,
        .write_timeout_ns = 30000000000ull,
        .drain_timeout_ns = 5000000000ull,
    };
    (void)snprintf(config->modules_dir, sizeof config->modules_dir, "%.*s/../modules",
                   (int)sizeof config->modules_dir - 16, exe);
}

static int check_combination(struct evd_server_config *config, const struct given *given,
                             struct evd_error *ret_error)
{
    bool dynamic = strcmp(config->dispatch.backend, "dynamic") == 0;
    bool instance = strcmp(config->dispatch.backend, "instance") == 0;
    const char *wrong = given->dynamic_load && !dynamic      ? "--dynamic-load"
                        : given->modules && !dynamic         ? "--modules"
                        : given->instance_alloc && !instance ? "--instance-alloc"
                                                             : NULL;
    if (wrong != NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s needs --dispatch=%s, not --dispatch=%s",
                             wrong, given->instance_alloc && !instance ? "instance" : "dynamic",
                             config->dispatch.backend);
    if (config->dispatch.modules_dir == NULL)
        config->dispatch.modules_dir = config->modules_dir;
    if (config->listen_count == 0)
        return evd_parse_address("tcp://127.0.0.1:0", &config->listen[config->listen_count++],
                                 ret_error);
    return EVD_OK;
}

static enum evd_config_result usage(const struct evd_error *error)
{
    (void)fprintf(stderr, "evd-server: %s\nTry 'evd-server --help'.\n", error->text);
    return EVD_CONFIG_USAGE;
}

enum evd_config_result evd_config_parse(int argc, char **argv, struct evd_server_config *ret_config)
{
    struct given given = {0};
    struct evd_error error = {0};
    int id, index = 0;

    set_defaults(ret_config);
    static char name[] = "evd-server"; /* what getopt's own messages start with */
    argv[0] = name;
    while ((id = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (id == OPT_HELP) {
            (void)fputs(help, stdout);
            return EVD_CONFIG_SHOWN;
        }
        if (id == OPT_VERSION) {
            (void)printf("evd-server %s (%s, %s)\n", EVD_VERSION, EVD_COMMIT, EVD_BUILD_TYPE);
            return EVD_CONFIG_SHOWN;
        }
        if (id == '?') { /* getopt has said what */
            (void)fputs("Try 'evd-server --help'.\n", stderr);
            return EVD_CONFIG_USAGE;
        }
        if (parse_option(id, optarg, ret_config, &given, &error) < 0) {
            if (id > OPT_TCP_CONGESTION || id == OPT_LISTEN) { /* say which option it was */
                struct evd_error named;
                (void)evd_error_set(&named, error.status, "--%s: %.200s", options[index].name,
                                    error.text);
                return usage(&named);
            }
            return usage(&error);
        }
    }
    if (optind < argc) {
        (void)evd_error_set(&error, EVD_ERR_USAGE,
                            "\"%s\" is not an option; there are no other arguments", argv[optind]);
        return usage(&error);
    }
    if (check_combination(ret_config, &given, &error) < 0)
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

int evd_config_load(struct evd_server_config *config, struct evd_error *ret_error)
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

void evd_config_release(struct evd_server_config *config)
{
    free(config->module_config_text);
    config->module_config_text = NULL;
}
