#include "backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 65536 /* in one module */

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
    return EVD_OK;
}

void evd_module_close(const struct evd_module *module, void *state)
{
    if (module->close != NULL)
        module->close(state);
}

static int add_endpoint(struct evd_endpoints *endpoints, const struct evd_builtin *builtin,
                        size_t index, const struct evd_function *function,
                        struct evd_error *ret_error)
{
    struct evd_endpoint *endpoint = &endpoints->list[endpoints->count];
    if (asprintf(&endpoint->event, "%s.%s", builtin->name, function->name) < 0)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    endpoint->function = function;
    endpoint->builtin = index;
    endpoints->count++;

    struct evd_slice event = evd_slice_text(endpoint->event);
    if (!evd_name_is_valid(event))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "endpoint %s: %s", endpoint->event,
                             evd_status_text(EVD_ERR_BAD_EVENT));
    if (evd_names_get(&endpoints->names, event) != NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "endpoint %s is declared twice",
                             endpoint->event);
    int rc = evd_names_put(&endpoints->names, event, endpoint);
    return rc < 0 ? evd_error_set(ret_error, rc, "endpoint %s: %s", endpoint->event,
                                  evd_status_text(rc))
                  : rc;
}

int evd_endpoints_open(const struct evd_dispatch_config *config,
                       struct evd_endpoints *ret_endpoints, struct evd_error *ret_error)
{
    struct evd_endpoints endpoints = {0};
    size_t total = 0;
    int rc = EVD_OK;

    for (size_t i = 0; i < config->builtin_count; i++) {
        struct evd_error why;
        rc = evd_module_check(config->builtins[i].module, &why);
        if (rc < 0)
            return evd_error_set(ret_error, rc, "module %s: %s", config->builtins[i].name,
                                 why.text);
        total += config->builtins[i].module->function_count;
    }
    evd_names_init(&endpoints.names);
    endpoints.list = calloc(total + 1, sizeof *endpoints.list);
    if (endpoints.list == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < config->builtin_count && rc >= 0; i++) {
        const struct evd_builtin *builtin = &config->builtins[i];
        for (size_t f = 0; f < builtin->module->function_count && rc >= 0; f++)
            rc = add_endpoint(&endpoints, builtin, i, &builtin->module->functions[f], ret_error);
    }
    if (rc < 0) {
        evd_endpoints_close(&endpoints);
        return rc;
    }
    *ret_endpoints = endpoints;
    return EVD_OK;
}

void evd_endpoints_close(struct evd_endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++)
        free(endpoints->list[i].event);
    free(endpoints->list);
    evd_names_release(&endpoints->names);
    *endpoints = (struct evd_endpoints){0};
}
