/* static: every module is linked in and declared in one table; each is opened once, at the start.
 * A call is one lookup and one indirect call. */
#include "backend.h"

#include <stdlib.h>

struct table {
    const struct evd_dispatch_config *config;
    struct evd_endpoints endpoints;
    void **states; /* one a module */
    size_t opened; /* modules whose open() went well: the first so many */
};

static void close_table(void *self)
{
    struct table *table = self;
    for (size_t i = table->opened; i-- > 0;) {
        evd_module_close(table->config->builtins[i].module, table->states[i]);
        free(table->states[i]);
    }
    free(table->states);
    evd_endpoints_close(&table->endpoints);
    free(table);
}

static int open_one(struct table *table, size_t index, struct evd_error *ret_error)
{
    const struct evd_builtin *builtin = &table->config->builtins[index];
    struct evd_opening opening;
    void *state = NULL;

    if (builtin->module->state_size > 0) {
        state = malloc(builtin->module->state_size);
        if (state == NULL)
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY,
                                 "module %s: no memory for its state of %zu bytes", builtin->name,
                                 builtin->module->state_size);
    }
    evd_opening_init(&opening, table->config, builtin->name);
    int rc = evd_module_open(builtin->module, &opening, state);
    if (rc < 0) {
        free(state);
        return evd_error_set(ret_error, rc, "module %s: its open() failed", builtin->name);
    }
    table->states[index] = state;
    table->opened = index + 1;
    return EVD_OK;
}

static int open_table(const struct evd_dispatch_config *config, void **ret_self,
                      struct evd_error *ret_error)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    table->config = config;
    int rc = evd_endpoints_open(config, &table->endpoints, ret_error);
    if (rc >= 0) {
        table->states = calloc(config->builtin_count + 1, sizeof *table->states);
        if (table->states == NULL)
            rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < config->builtin_count && rc >= 0; i++)
        rc = open_one(table, i, ret_error);
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
    const struct evd_endpoint *endpoint = evd_names_get(&table->endpoints.names, event);
    if (endpoint == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    ret_target->module = table->config->builtins[endpoint->builtin].module;
    ret_target->function = endpoint->function;
    ret_target->state = table->states[endpoint->builtin];
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
