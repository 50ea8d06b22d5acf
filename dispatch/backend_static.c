/* static: every module is linked in and declared in one table; each is opened once, at the start.
 * A call is one lookup and one indirect call. */
#include "backend.h"

#include <stdlib.h>

struct table {
    const struct evd_dispatch_config *config;
    struct evd_names endpoints; /* to struct evd_endpoint, whose context is the module's state */
    void **states;              /* one a module, owned */
    size_t opened;              /* modules whose open() went well: the first so many */
};

static void close_table(void *self)
{
    struct table *table = self;
    for (size_t i = table->opened; i-- > 0;)
        evd_module_close(table->config->builtins[i].module, table->config, table->states[i]);
    for (size_t i = 0; table->states != NULL && i < table->config->builtin_count; i++)
        free(table->states[i]);
    free(table->states);
    evd_names_release(&table->endpoints);
    free(table);
}

static int allocate_states(struct table *table, struct evd_error *ret_error)
{
    const struct evd_dispatch_config *config = table->config;
    table->states = calloc(config->builtin_count + 1, sizeof *table->states);
    if (table->states == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < config->builtin_count; i++) {
        size_t size = config->builtins[i].module->state_size;
        if (size > 0 && (table->states[i] = malloc(size)) == NULL)
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY,
                                 "module %s: no memory for its state of %zu bytes",
                                 config->builtins[i].name, size);
    }
    return EVD_OK;
}

static int open_modules(struct table *table, struct evd_error *ret_error)
{
    for (size_t i = 0; i < table->config->builtin_count; i++) {
        const struct evd_builtin *builtin = &table->config->builtins[i];
        struct evd_opening opening;
        evd_opening_init(&opening, table->config, builtin->name);
        int rc = evd_module_open(builtin->module, &opening, table->states[i]);
        if (rc < 0)
            return evd_error_set(ret_error, rc, "module %s: its open() failed", builtin->name);
        table->opened = i + 1;
    }
    return EVD_OK;
}

static int open_table(const struct evd_dispatch_config *config, void **ret_self,
                      struct evd_error *ret_error)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    table->config = config;
    int rc = evd_builtins_check(config, ret_error);
    if (rc >= 0)
        rc = allocate_states(table, ret_error);
    if (rc >= 0)
        rc = evd_endpoints_open(config, table->states, &table->endpoints, ret_error);
    if (rc >= 0)
        rc = open_modules(table, ret_error);
    if (rc < 0) {
        close_table(table);
        return rc;
    }
    *ret_self = table;
    return EVD_OK;
}

static int acquire(void *self, struct evd_slice event, struct evd_target *ret_target)
{
    const struct table *table = self;
    const struct evd_endpoint *endpoint = evd_names_get(&table->endpoints, event);
    if (endpoint == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    ret_target->fn = endpoint->fn;
    ret_target->module = endpoint->module;
    ret_target->state = endpoint->context;
    ret_target->number = endpoint->number;
    return EVD_OK;
}

static void release(void *self, struct evd_target *target)
{
    (void)self;
    (void)target;
}

static size_t endpoints(const void *self)
{
    const struct table *table = self;
    return table->endpoints.count;
}

const struct evd_backend evd_backend_static = {
    .name = "static",
    .open = open_table,
    .close = close_table,
    .acquire = acquire,
    .release = release,
    .endpoints = endpoints,
};
