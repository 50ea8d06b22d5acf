/* dynamic: a module is a shared object in the modules folder, found by name.
 *
 * cached: loaded and opened on its first call, then kept; a call then is one lookup and one
 * indirect call, and no dl* function runs. call: every call loads the file, opens the module,
 * closes and unloads it. Both learn a module's endpoints the first time they see it, so that the
 * lookup is the same hash as in the other backends. */
#include "backend.h"
#include "listing.h"
#include "loader.h"

#include <stdlib.h>
#include <string.h>

struct object; /* a module of the folder */

struct endpoint {
    struct object *object;
    size_t index; /* into the module's functions */
    char *event;  /* owned */
    struct endpoint *next;
};

struct object {
    const struct evd_listed *listed;
    struct stat checked;        /* the file that was last looked at; all zero: there was none */
    int check;                  /* what became of it: EVD_OK or a negative status */
    bool final;                 /* check is negative for what the file is: only another helps */
    bool worked;                /* the file was loaded before */
    struct evd_loaded loaded;   /* cached: what is kept */
    void *state;                /* cached */
    struct endpoint *endpoints; /* known from an earlier load */
    size_t learned;             /* how many of the module's functions they are */
};

struct folder {
    const struct evd_dispatch_config *config;
    struct evd_listing listing;
    struct object *objects;
    struct evd_names by_module, by_event;
    size_t endpoint_count;
};

static void forget_endpoints(struct object *object)
{
    while (object->endpoints != NULL) {
        struct endpoint *endpoint = object->endpoints;
        object->endpoints = endpoint->next;
        free(endpoint->event);
        free(endpoint);
    }
}

static void close_folder(void *self)
{
    struct folder *folder = self;
    for (size_t i = 0; folder->objects != NULL && i < folder->listing.count; i++) {
        struct object *object = &folder->objects[i];
        if (object->loaded.handle != NULL) {
            evd_module_close(object->loaded.module, object->state);
            free(object->state);
            evd_loader_unload(&object->loaded);
        }
        forget_endpoints(object);
    }
    free(folder->objects);
    evd_names_release(&folder->by_event);
    evd_names_release(&folder->by_module);
    evd_listing_close(&folder->listing);
    free(folder);
}

static int open_folder(const struct evd_dispatch_config *config, void **ret_self,
                       struct evd_error *ret_error)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    folder->config = config;
    evd_names_init(&folder->by_module);
    evd_names_init(&folder->by_event);
    int rc = evd_listing_open(config, &folder->listing, ret_error);
    if (rc >= 0) {
        folder->objects = calloc(folder->listing.count + 1, sizeof *folder->objects);
        if (folder->objects == NULL)
            rc = evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; rc >= 0 && i < folder->listing.count; i++) {
        folder->objects[i].listed = &folder->listing.list[i];
        rc = evd_names_put(&folder->by_module, evd_slice_text(folder->listing.list[i].name),
                           &folder->objects[i]);
        if (rc < 0)
            (void)evd_error_set(ret_error, rc, "module %s: %s", folder->listing.list[i].name,
                                evd_status_text(rc));
    }
    if (rc < 0) {
        close_folder(folder);
        return rc;
    }
    *ret_self = folder;
    return EVD_OK;
}

/* The module's functions become endpoints in the table of events. */
static int learn_endpoints(struct folder *folder, struct object *object,
                           const struct evd_module *module)
{
    for (; object->learned < module->function_count; object->learned++) {
        size_t i = object->learned;
        struct endpoint *endpoint = calloc(1, sizeof *endpoint);
        if (endpoint == NULL)
            return EVD_ERR_NO_MEMORY;
        if (asprintf(&endpoint->event, "%s.%s", object->listed->name, module->functions[i].name) <
            0) {
            free(endpoint);
            return EVD_ERR_NO_MEMORY;
        }
        endpoint->object = object;
        endpoint->index = i;
        endpoint->next = object->endpoints;
        object->endpoints = endpoint;
        int rc = evd_names_put(&folder->by_event, evd_slice_text(endpoint->event), endpoint);
        if (rc < 0)
            return rc;
        folder->endpoint_count++;
    }
    return EVD_OK;
}

static int same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int failed(struct folder *folder, struct object *object, bool told, bool final,
                  const struct evd_error *why)
{
    if (!told)
        evd_log(folder->config, EVD_LOG_ERROR, "module %s does not load: %s", object->listed->name,
                why->text);
    object->check = why->status;
    object->final = final;
    return why->status;
}

/* Loads the object's file. A file that is broken is tried again only when it has changed, so that
 * it costs each caller one stat() and the log one line. What failed for want of something else
 * (the file is gone, no descriptor is free) is tried every time, and told once. */
static int load_file(struct folder *folder, struct object *object, struct evd_loaded *ret_loaded)
{
    const char *path = object->listed->path;
    struct evd_error why = {.status = EVD_ERR_LOAD_FAILED};
    struct stat now = {0}, opened;

    (void)stat(path, &now); /* all zero when there is none */
    bool same = same_file(&now, &object->checked);
    bool told = same && object->check < 0;
    if (told && object->final)
        return object->check;
    if (!same || told || now.st_ino == 0) {
        object->checked = now;
        object->worked = object->worked && same;
        if (evd_loader_check(path, &opened, &why) < 0)
            return failed(folder, object, told, opened.st_ino != 0, &why);
    }
    if (evd_loader_load(path, ret_loaded, &why) < 0)
        return failed(folder, object, told, !object->worked, &why);
    object->check = EVD_OK;
    object->worked = true;
    return EVD_OK;
}

/* Loads the object and opens the module. */
static int load(struct folder *folder, struct object *object, struct evd_loaded *ret_loaded,
                void **ret_state)
{
    int rc = load_file(folder, object, ret_loaded);
    if (rc < 0)
        return rc;
    const struct evd_module *module = ret_loaded->module;
    void *state = NULL;
    if (module->state_size > 0 && (state = malloc(module->state_size)) == NULL)
        rc = EVD_ERR_NO_MEMORY;
    if (rc >= 0)
        rc = evd_module_open(module, object->listed->name, state);
    if (rc >= 0) {
        rc = learn_endpoints(folder, object, module);
        if (rc < 0)
            evd_module_close(module, state);
    }
    if (rc < 0) {
        free(state);
        evd_loader_unload(ret_loaded);
        return rc;
    }
    *ret_state = state;
    return EVD_OK;
}

static struct object *find_object(const struct folder *folder, struct evd_slice event)
{
    const char *dot = event.len == 0 ? NULL : memrchr(event.ptr, '.', event.len);
    if (dot == NULL)
        return NULL;
    return evd_names_get(&folder->by_module, evd_slice(event.ptr, (size_t)(dot - event.ptr)));
}

static int acquire_cached(struct folder *folder, struct evd_slice event,
                          struct evd_target *ret_target)
{
    const struct endpoint *endpoint = evd_names_get(&folder->by_event, event);
    struct object *object = endpoint != NULL ? endpoint->object : find_object(folder, event);
    if (object == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    if (object->loaded.handle == NULL) {
        int rc = load(folder, object, &object->loaded, &object->state);
        if (rc < 0)
            return rc;
        endpoint = evd_names_get(&folder->by_event, event);
    }
    if (endpoint == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    ret_target->module = object->loaded.module;
    ret_target->function = &object->loaded.module->functions[endpoint->index];
    ret_target->state = object->state;
    return EVD_OK;
}

/* The function of `event` in a module that was loaded afresh and may differ from the one known. */
static const struct evd_function *find_function(struct folder *folder, struct object *object,
                                                const struct evd_module *module,
                                                struct evd_slice event)
{
    size_t prefix = strlen(object->listed->name) + 1;
    struct evd_slice name = evd_slice(event.ptr + prefix, event.len - prefix);
    const struct endpoint *endpoint = evd_names_get(&folder->by_event, event);

    if (endpoint != NULL && endpoint->index < module->function_count) {
        const struct evd_function *function = &module->functions[endpoint->index];
        if (evd_slice_equal(evd_slice_text(function->name), name))
            return function;
    }
    for (size_t i = 0; i < module->function_count; i++) {
        if (evd_slice_equal(evd_slice_text(module->functions[i].name), name))
            return &module->functions[i];
    }
    return NULL;
}

static int acquire_call(struct folder *folder, struct evd_slice event,
                        struct evd_target *ret_target)
{
    struct object *object = find_object(folder, event);
    struct evd_loaded loaded = {0};
    void *state = NULL;

    if (object == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    int rc = load(folder, object, &loaded, &state);
    if (rc < 0)
        return rc;
    ret_target->module = loaded.module;
    ret_target->state = state;
    ret_target->hold = loaded.handle;
    ret_target->function = find_function(folder, object, loaded.module, event);
    return EVD_OK;
}

static void release(void *self, struct evd_target *target)
{
    (void)self;
    if (target->hold == NULL) /* cached: the folder keeps it */
        return;
    evd_module_close(target->module, target->state);
    free(target->state);
    struct evd_loaded loaded = {target->hold, target->module};
    evd_loader_unload(&loaded);
}

static int acquire(void *self, struct evd_slice event, struct evd_target *ret_target)
{
    struct folder *folder = self;
    if (event.len > EVD_EVENT_MAX) /* a module's name and a function's may be so long together */
        return EVD_ERR_NO_SUCH_FUNCTION;
    if (folder->config->dynamic_load == EVD_LOAD_CACHED)
        return acquire_cached(folder, event, ret_target);
    int rc = acquire_call(folder, event, ret_target);
    if (rc >= 0 && ret_target->function == NULL) {
        release(self, ret_target);
        *ret_target = (struct evd_target){0};
        return EVD_ERR_NO_SUCH_FUNCTION;
    }
    return rc;
}

static size_t endpoints(const void *self)
{
    const struct folder *folder = self;
    return folder->endpoint_count;
}

const struct evd_backend evd_backend_dynamic = {
    .name = "dynamic",
    .open = open_folder,
    .close = close_folder,
    .acquire = acquire,
    .release = release,
    .endpoints = endpoints,
};
