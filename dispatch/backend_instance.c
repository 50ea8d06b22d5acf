/* instance: every call gets a state of its own, allocated, constructed, used, destroyed, freed.
 * The allocator is one of two behind a small interface: the C library's, or a pool a module. */
#include "backend.h"

#include <stdlib.h>

#define POOL_SPARE_MAX 64 /* blocks a module keeps when they are free */

/* A free block holds the next one; a block is never smaller than this. */
struct spare {
    struct spare *next;
};

struct class
{
    struct evd_opening opening;
    struct spare *spare;
    size_t spare_count;
};

struct instances {
    const struct evd_dispatch_config *config;
    struct evd_endpoints endpoints;
    struct class *classes; /* one a module */
    bool pooled;
};

static void *allocate(struct instances *self, size_t index, size_t size)
{
    struct class *class = &self->classes[index];
    if (self->pooled && class->spare != NULL) {
        struct spare *block = class->spare;
        class->spare = block->next;
        class->spare_count--;
        return block;
    }
    return malloc(size < sizeof(struct spare) ? sizeof(struct spare) : size);
}

static void deallocate(struct instances *self, size_t index, void *ptr)
{
    struct class *class = &self->classes[index];
    if (self->pooled && class->spare_count < POOL_SPARE_MAX) {
        struct spare *block = ptr;
        block->next = class->spare;
        class->spare = block;
        class->spare_count++;
    } else {
        free(ptr);
    }
}

static void close_instances(void *self)
{
    struct instances *instances = self;
    for (size_t i = 0; instances->classes != NULL && i < instances->config->builtin_count; i++) {
        while (instances->classes[i].spare != NULL) {
            struct spare *block = instances->classes[i].spare;
            instances->classes[i].spare = block->next;
            free(block);
        }
    }
    free(instances->classes);
    evd_endpoints_close(&instances->endpoints);
    free(instances);
}

static int open_instances(const struct evd_dispatch_config *config, void **ret_self,
                          struct evd_error *ret_error)
{
    struct instances *self = calloc(1, sizeof *self);
    if (self == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    self->config = config;
    self->pooled = config->instance_alloc == EVD_ALLOC_POOL;
    int rc = evd_endpoints_open(config, &self->endpoints, ret_error);
    if (rc >= 0) {
        self->classes = calloc(config->builtin_count + 1, sizeof *self->classes);
        if (self->classes == NULL)
            rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    }
    if (rc < 0) {
        close_instances(self);
        return rc;
    }
    for (size_t i = 0; i < config->builtin_count; i++)
        evd_opening_init(&self->classes[i].opening, config, config->builtins[i].name);
    *ret_self = self;
    return EVD_OK;
}

static int acquire(void *self, struct evd_slice event, struct evd_target *ret_target)
{
    struct instances *instances = self;
    struct evd_endpoint *endpoint = evd_names_get(&instances->endpoints.names, event);
    if (endpoint == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;

    const struct evd_builtin *builtin = &instances->config->builtins[endpoint->builtin];
    void *state = allocate(instances, endpoint->builtin, builtin->module->state_size);
    if (state == NULL)
        return EVD_ERR_NO_MEMORY;
    int rc =
        evd_module_open(builtin->module, &instances->classes[endpoint->builtin].opening, state);
    if (rc < 0) {
        deallocate(instances, endpoint->builtin, state);
        return rc;
    }
    ret_target->module = builtin->module;
    ret_target->function = endpoint->function;
    ret_target->state = state;
    ret_target->hold = endpoint;
    return EVD_OK;
}

static void release(void *self, struct evd_target *target)
{
    struct instances *instances = self;
    const struct evd_endpoint *endpoint = target->hold;
    evd_module_close(target->module, target->state);
    deallocate(instances, endpoint->builtin, target->state);
}

static size_t endpoints(const void *self)
{
    const struct instances *instances = self;
    return instances->endpoints.count;
}

const struct evd_backend evd_backend_instance = {
    .name = "instance",
    .open = open_instances,
    .close = close_instances,
    .acquire = acquire,
    .release = release,
    .endpoints = endpoints,
};
