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
    const struct evd_module *module;
    struct spare *spare;
    size_t spare_count, spare_max; /* the second is 0 for `malloc` */
    struct evd_opening opening;
};

struct instances {
    const struct evd_dispatch_config *config;
    struct evd_names endpoints; /* to struct evd_endpoint, whose context is the class */
    void **classes;             /* struct class, one a module, owned */
};

static void *allocate(struct class *class)
{
    if (class->spare != NULL) {
        struct spare *block = class->spare;
        class->spare = block->next;
        class->spare_count--;
        return block;
    }
    size_t size = class->module->state_size;
    return malloc(size < sizeof(struct spare) ? sizeof(struct spare) : size);
}

static void deallocate(struct class *class, void *ptr)
{
    if (class->spare_count < class->spare_max) {
        struct spare *block = ptr;
        block->next = class->spare;
        class->spare = block;
        class->spare_count++;
    } else {
        free(ptr);
    }
}

static void free_class(struct class *class)
{
    while (class != NULL && class->spare != NULL) {
        struct spare *block = class->spare;
        class->spare = block->next;
        free(block);
    }
    free(class);
}

static void close_instances(void *self)
{
    struct instances *instances = self;
    for (size_t i = 0; instances->classes != NULL && i < instances->config->builtin_count; i++)
        free_class(instances->classes[i]);
    free(instances->classes);
    evd_names_release(&instances->endpoints);
    free(instances);
}

static int make_classes(struct instances *self, struct evd_error *ret_error)
{
    const struct evd_dispatch_config *config = self->config;
    self->classes = calloc(config->builtin_count + 1, sizeof *self->classes);
    if (self->classes == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < config->builtin_count; i++) {
        struct class *class = self->classes[i] = calloc(1, sizeof *class);
        if (class == NULL)
            return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
        class->module = config->builtins[i].module;
        class->spare_max = config->instance_alloc == EVD_ALLOC_POOL ? POOL_SPARE_MAX : 0;
        evd_opening_init(&class->opening, config, config->builtins[i].name);
    }
    return EVD_OK;
}

static int open_instances(const struct evd_dispatch_config *config, void **ret_self,
                          struct evd_error *ret_error)
{
    struct instances *self = calloc(1, sizeof *self);
    if (self == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    self->config = config;
    int rc = evd_builtins_check(config, ret_error);
    if (rc >= 0)
        rc = make_classes(self, ret_error);
    if (rc >= 0)
        rc = evd_endpoints_open(config, self->classes, &self->endpoints, ret_error);
    if (rc < 0) {
        close_instances(self);
        return rc;
    }
    *ret_self = self;
    return EVD_OK;
}

static int acquire(void *self, struct evd_slice event, struct evd_target *ret_target)
{
    const struct instances *instances = self;
    const struct evd_endpoint *endpoint = evd_names_get(&instances->endpoints, event);
    if (endpoint == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;

    struct class *class = endpoint->context;
    void *state = allocate(class);
    if (state == NULL)
        return EVD_ERR_NO_MEMORY;
    int rc = evd_module_open(endpoint->module, &class->opening, state);
    if (rc < 0) {
        deallocate(class, state);
        return rc;
    }
    ret_target->fn = endpoint->fn;
    ret_target->module = endpoint->module;
    ret_target->state = state;
    ret_target->hold = class;
    ret_target->number = endpoint->number;
    return EVD_OK;
}

static void release(void *self, struct evd_target *target)
{
    const struct instances *instances = self;
    evd_module_close(target->module, instances->config, target->state);
    deallocate(target->hold, target->state);
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
