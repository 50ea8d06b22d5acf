#include "backend.h"

#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 65536 /* in one module */
#define FUNCTIONS_FEW 64    /* compared without an allocation: `dynamic/call` does on each call */

void evd_dispatch_log(const struct evd_dispatch_config *config, enum evd_log_level level,
                      const char *format, ...)
{
    if (config->log == NULL)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config->log(config->log_context, level, text);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Backends would disagree on which of the two is called. */
static int check_different(const struct evd_module *module, struct evd_error *ret_error)
{
    size_t count = module->function_count;
    if (count < 2)
        return EVD_OK;
    const char *few[FUNCTIONS_FEW];
    const char **names = count <= FUNCTIONS_FEW ? few : malloc(count * sizeof *names);
    if (names == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        names[i] = module->functions[i].name;
    qsort(names, count, sizeof *names, compare_texts);
    int rc = EVD_OK;
    for (size_t i = 1; i < count && rc >= 0; i++) {
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                               "its function \"%s\" is declared twice", names[i]);
    }
    if (names != few)
        free(names);
    return rc;
}

int evd_module_check(const struct evd_module *module, struct evd_error *ret_error)
{
    if (module->abi_version != EVD_ABI_VERSION)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                             "its ABI version is %u, this server's is %u: rebuild the module",
                             module->abi_version, (unsigned)EVD_ABI_VERSION);
    if (module->size != sizeof *module)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                             "its struct evd_module has %u bytes, this server's %zu: rebuild the "
                             "module",
                             module->size, sizeof *module);
    if (module->host_size > sizeof(struct evd_host))
        return evd_error_set(
            ret_error, EVD_ERR_LOAD_FAILED,
            "it may call host functions of %u bytes, this server has %zu: it needs "
            "a newer server",
            module->host_size, sizeof(struct evd_host));
    if (module->functions == NULL || module->function_count == 0 ||
        module->function_count > FUNCTIONS_MAX)
        return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                             "it declares %zu functions; 1 to %d are allowed",
                             module->function_count, FUNCTIONS_MAX);
    for (size_t i = 0; i < module->function_count; i++) {
        const struct evd_function *function = &module->functions[i];
        if (function->name == NULL || function->fn == NULL || strchr(function->name, '.') != NULL ||
            !evd_name_is_valid(evd_slice_text(function->name)))
            return evd_error_set(ret_error, EVD_ERR_LOAD_FAILED,
                                 "its function number %zu has no code, or no name of "
                                 "[A-Za-z0-9_-]",
                                 i);
    }
    return check_different(module, ret_error);
}

void evd_module_close(const struct evd_module *module, const struct evd_dispatch_config *config,
                      void *state)
{
    if (config->host != NULL)
        config->host->destroyed++;
    if (module->close != NULL)
        module->close(state);
}

int evd_builtins_check(const struct evd_dispatch_config *config, struct evd_error *ret_error)
{
    for (size_t i = 0; i < config->builtin_count; i++) {
        struct evd_error why;
        int rc = evd_module_check(config->builtins[i].module, &why);
        if (rc < 0)
            return evd_error_set(ret_error, rc, "module %s: %s", config->builtins[i].name,
                                 why.text);
    }
    return EVD_OK;
}

static int add_endpoint(struct evd_names *endpoints, const char *module,
                        const struct evd_function *function, const struct evd_endpoint *endpoint,
                        struct evd_error *ret_error)
{
    char event[EVD_EVENT_MAX + 2]; /* one more than is valid */
    (void)snprintf(event, sizeof event, "%s.%s", module, function->name);
    struct evd_slice name = evd_slice_text(event);

    if (!evd_name_is_valid(name))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "endpoint %s: %s", event,
                             evd_status_text(EVD_ERR_BAD_EVENT));
    if (evd_names_get(endpoints, name) != NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "endpoint %s is declared twice", event);
    int rc = evd_names_put(endpoints, name, endpoint);
    return rc < 0 ? evd_error_set(ret_error, rc, "endpoint %s: %s", event, evd_status_text(rc))
                  : rc;
}

int evd_endpoints_open(const struct evd_dispatch_config *config, void *const *contexts,
                       struct evd_names *ret_endpoints, struct evd_error *ret_error)
{
    int rc = EVD_OK;
    evd_names_init(ret_endpoints, sizeof(struct evd_endpoint));
    for (size_t i = 0; i < config->builtin_count && rc >= 0; i++) {
        const struct evd_module *module = config->builtins[i].module;
        for (size_t f = 0; f < module->function_count && rc >= 0; f++) {
            const struct evd_function *function = &module->functions[f];
            const struct evd_endpoint endpoint = {
                .fn = function->fn,
                .module = module,
                .context = contexts[i],
                .number = (uint32_t)ret_endpoints->count + 1,
            };
            rc = add_endpoint(ret_endpoints, config->builtins[i].name, function, &endpoint,
                              ret_error);
        }
    }
    return rc;
}
