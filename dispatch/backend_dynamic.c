/* dynamic: a module is a shared object in the modules folder, found by name.
 *
 * cached: loaded and opened on its first call, then kept; a call then is one lookup and one
 * indirect call, and no dl* function runs. call: every call loads the object, opens the module,
 * closes and unloads it.
 *
 * A file that is replaced takes effect for the next call. What is loaded is a private image of the
 * file (image.h), so the new version stands beside the old one, on which the calls that began there
 * end. A version that cannot serve leaves the old one serving. */
#include "listing.h"
#include "version.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct object;

struct endpoint {
    struct object *object;
    size_t index;        /* into the functions of the current version, if it is of this: */
    uint64_t generation; /* the object's, when this was last one of its functions */
    struct endpoint *next;
    char event[]; /* NUL-terminated */
};

/* A module of the folder. It stays known when its file goes, because the file may come back. */
struct object {
    char *name, *path;           /* owned */
    struct evd_version *current; /* NULL: nothing can serve */
    int status;                  /* why not */
    uint64_t generation;         /* of versions */
    bool stale;                  /* the file is to be looked at before the next call */
    bool told;                   /* the log has had why it does not load */
    struct stat seen;            /* the file, when it was last looked at */
    struct endpoint *endpoints;  /* all that it ever had */
    struct object *next;
};

struct folder {
    const struct evd_dispatch_config *config;
    struct evd_listing listing;
    struct evd_watch watch;
    struct object *objects;
    size_t object_count, endpoint_count;
    struct evd_names by_module, by_event;
    struct evd_dispatch_stats stats;
    bool cached;
};

/* ---- Modules of the folder. ---- */

static void free_object(struct object *object)
{
    if (object->current != NULL)
        evd_version_drop(object->current);
    while (object->endpoints != NULL) {
        struct endpoint *endpoint = object->endpoints;
        object->endpoints = endpoint->next;
        free(endpoint);
    }
    free(object->name);
    free(object->path);
    free(object);
}

static int add_object(struct folder *folder, const char *name, const char *path)
{
    if (folder->object_count == EVD_LISTING_MAX)
        return EVD_ERR_TOO_LARGE;
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL)
        return EVD_ERR_NO_MEMORY;
    object->name = strdup(name);
    object->path = strdup(path);
    object->stale = true;
    int rc = EVD_ERR_NO_MEMORY;
    if (object->name != NULL && object->path != NULL)
        rc = evd_names_put(&folder->by_module, evd_slice_text(object->name), object);
    if (rc < 0) {
        free_object(object);
        return rc;
    }
    object->next = folder->objects;
    folder->objects = object;
    folder->object_count++;
    return EVD_OK;
}

/* The file of a module was found, for the first time or anew. */
static int on_file(void *context, const char *name, const char *path)
{
    struct folder *folder = context;
    struct object *object = evd_names_get(&folder->by_module, evd_slice_text(name));
    if (object == NULL)
        return add_object(folder, name, path);
    object->stale = true;
    if (strcmp(object->path, path) != 0) { /* a link that leads elsewhere now */
        char *copy = strdup(path);
        if (copy == NULL)
            return EVD_ERR_NO_MEMORY;
        free(object->path);
        object->path = copy;
    }
    return EVD_OK;
}

static int on_folder(void *context, const char *prefix, const char *path)
{
    struct folder *folder = context;
    int rc = evd_watch_add(&folder->watch, path, prefix);
    if (rc == EVD_ERR_SYSTEM) {
        /* A limit of the system's (fs.inotify.max_user_watches): look at the files instead. */
        evd_dispatch_log(folder->config, EVD_LOG_WARNING,
                         "%s cannot be watched (%s): every call looks at its module's file", path,
                         strerror(errno));
        evd_watch_close(&folder->watch);
        return EVD_OK;
    }
    return rc;
}

/* ---- Events of the folder. ---- */

static void on_gone(struct folder *folder, const struct evd_watched *dir, const char *entry)
{
    char name[EVD_EVENT_MAX + 1];
    size_t len = strlen(entry);
    if (len <= 3 || strcmp(entry + len - 3, ".so") != 0)
        return;
    int wrote = snprintf(name, sizeof name, "%s%s%.*s", dir->prefix,
                         dir->prefix[0] == '\0' ? "" : ".", (int)len - 3, entry);
    if (wrote < 0 || (size_t)wrote >= sizeof name)
        return;
    struct object *object = evd_names_get(&folder->by_module, evd_slice_text(name));
    if (object != NULL)
        object->stale = true;
}

static void on_change(void *context, enum evd_watch_kind kind, const struct evd_watched *dir,
                      const char *entry)
{
    struct folder *folder = context;
    struct evd_error error;
    int rc = EVD_OK;

    switch (kind) {
    case EVD_WATCH_GONE:
        on_gone(folder, dir, entry);
        break;
    case EVD_WATCH_CHANGED:
    case EVD_WATCH_FOLDER:
        rc = evd_listing_entry(&folder->listing, dir->path, dir->prefix, entry);
        break;
    case EVD_WATCH_NO_FOLDER:
    case EVD_WATCH_LOST:
        for (struct object *object = folder->objects; object != NULL; object = object->next)
            object->stale = true;
        if (kind == EVD_WATCH_LOST)
            rc = evd_listing_walk(&folder->listing, &error);
        break;
    }
    if (rc < 0)
        evd_dispatch_log(folder->config, EVD_LOG_ERROR, "the modules folder cannot be followed: %s",
                         evd_status_text(rc));
}

static int watch_fd(const void *self)
{
    const struct folder *folder = self;
    return folder->watch.fd;
}

static void watch(void *self)
{
    struct folder *folder = self;
    evd_watch_read(&folder->watch, on_change, folder);
}

/* ---- Versions. ---- */

/* The event of one of the object's functions; "" when it is longer than any event can be. */
static struct evd_slice event_of(const struct object *object, const struct evd_function *function,
                                 char out[static EVD_EVENT_MAX + 1])
{
    int len = snprintf(out, EVD_EVENT_MAX + 1, "%s.%s", object->name, function->name);
    return evd_slice(out, len > 0 && len <= EVD_EVENT_MAX ? (size_t)len : 0);
}

/* Makes sure that each function has its endpoint, without touching those of the current version:
 * this may fail, and then nothing has changed for it. */
static int know_endpoints(struct folder *folder, struct object *object,
                          const struct evd_module *module)
{
    for (size_t i = 0; i < module->function_count; i++) {
        char text[EVD_EVENT_MAX + 1];
        struct evd_slice event = event_of(object, &module->functions[i], text);
        if (event.len == 0 || evd_names_get(&folder->by_event, event) != NULL)
            continue;
        struct endpoint *endpoint = calloc(1, sizeof *endpoint + event.len + 1);
        if (endpoint == NULL)
            return EVD_ERR_NO_MEMORY;
        memcpy(endpoint->event, event.ptr, event.len);
        event.ptr = endpoint->event;
        int rc = evd_names_put(&folder->by_event, event, endpoint);
        if (rc < 0) {
            free(endpoint);
            return rc;
        }
        endpoint->object = object;
        endpoint->next = object->endpoints;
        object->endpoints = endpoint;
    }
    return EVD_OK;
}

/* The endpoints of the object are now those of this version. */
static void point_endpoints(struct folder *folder, struct object *object,
                            const struct evd_module *module)
{
    object->generation++;
    for (size_t i = 0; i < module->function_count; i++) {
        char text[EVD_EVENT_MAX + 1];
        struct evd_slice event = event_of(object, &module->functions[i], text);
        struct endpoint *endpoint = event.len > 0 ? evd_names_get(&folder->by_event, event) : NULL;
        if (endpoint != NULL) {
            endpoint->index = i;
            endpoint->generation = object->generation;
        }
    }
}

static void retire(struct folder *folder, struct object *object)
{
    for (struct endpoint *e = object->endpoints; e != NULL; e = e->next)
        folder->endpoint_count -= object->current != NULL && e->generation == object->generation;
    if (object->current != NULL)
        evd_version_drop(object->current);
    object->current = NULL;
}

static void install(struct folder *folder, struct object *object, struct evd_version *version)
{
    bool replaces = object->current != NULL;
    retire(folder, object);
    object->current = version;
    object->status = EVD_OK;
    object->told = false;
    point_endpoints(folder, object, version->first.loaded.module);
    for (struct endpoint *e = object->endpoints; e != NULL; e = e->next)
        folder->endpoint_count += e->generation == object->generation;
    folder->stats.loads++;
    if (replaces) {
        folder->stats.reloads++;
        evd_dispatch_log(folder->config, EVD_LOG_INFO, "module %s is replaced by a new version",
                         object->name);
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Nothing that a change of the file would mend: try again with every call. */
static bool is_passing(int rc, int error)
{
    return rc == EVD_ERR_NO_MEMORY || rc == EVD_ERR_OPEN_FAILED || error == EMFILE ||
           error == ENFILE || error == ENOMEM;
}

static void fail_version(struct folder *folder, struct object *object, int rc, int error,
                         const struct evd_error *why)
{
    if (error == ENOENT || error == ENOTDIR) {
        if (object->current != NULL)
            evd_dispatch_log(folder->config, EVD_LOG_INFO, "module %s is removed", object->name);
        retire(folder, object);
        object->status = EVD_ERR_NO_SUCH_FUNCTION;
        return;
    }
    bool serving = object->current != NULL;
    object->status = rc == EVD_MORE ? EVD_ERR_LOAD_FAILED : rc;
    if (rc == EVD_MORE) /* told again when it has been written */
        return;
    /* While an old version serves, a new one whose open() fails waits for the next change. */
    object->stale = is_passing(rc, error) && !(serving && rc == EVD_ERR_OPEN_FAILED);
    if (!object->told) {
        folder->stats.load_failures++;
        evd_dispatch_log(folder->config, EVD_LOG_ERROR, "module %s does not load: %s%s",
                         object->name, why->text, serving ? "; the old version keeps serving" : "");
    }
    object->told = object->stale;
}

/* Looks at the file and brings object->current up to date. Afterwards it may serve, or not. */
static void refresh(struct folder *folder, struct object *object)
{
    struct evd_error why = {.status = EVD_ERR_LOAD_FAILED};
    struct evd_version *version;
    struct stat now;

    if (!object->stale) { /* not watched */
        if (stat(object->path, &now) < 0)
            memset(&now, 0, sizeof now);
        if (same_file(&now, &object->seen))
            return;
    }
    object->stale = false;
    errno = 0;
    int rc =
        evd_version_open(folder->config, object->name, object->path, &version, &object->seen, &why);
    int error = errno;
    if (rc == EVD_OK) {
        rc = know_endpoints(folder, object, version->first.loaded.module);
        if (rc == EVD_OK) {
            install(folder, object, version);
            return;
        }
        evd_version_drop(version);
        (void)evd_error_set(&why, rc, "%s: %s", object->name, evd_status_text(rc));
    }
    fail_version(folder, object, rc, error, &why);
}

/* ---- Calls. ---- */

static struct object *find_object(const struct folder *folder, struct evd_slice event)
{
    const char *dot = event.len == 0 ? NULL : memrchr(event.ptr, '.', event.len);
    if (dot == NULL)
        return NULL;
    return evd_names_get(&folder->by_module, evd_slice(event.ptr, (size_t)(dot - event.ptr)));
}

/* One load for this call alone. */
static int load_for_call(struct folder *folder, struct object *object, struct evd_load **ret_load)
{
    struct evd_error why;
    int rc = evd_version_load(object->current, ret_load, &why);
    if (rc >= 0)
        return rc;
    if (!object->told) {
        folder->stats.load_failures++;
        evd_dispatch_log(folder->config, EVD_LOG_ERROR, "module %s does not load: %s", object->name,
                         why.text);
    }
    object->told = true;
    return rc;
}

static int acquire(void *self, struct evd_slice event, struct evd_target *ret_target)
{
    struct folder *folder = self;
    const struct endpoint *endpoint = evd_names_get(&folder->by_event, event);
    struct object *object = endpoint != NULL ? endpoint->object : find_object(folder, event);

    if (object == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    if (object->stale || folder->watch.fd < 0) {
        refresh(folder, object);
        if (endpoint == NULL)
            endpoint = evd_names_get(&folder->by_event, event);
    }
    if (object->current == NULL)
        return object->status;
    if (endpoint == NULL || endpoint->generation != object->generation)
        return EVD_ERR_NO_SUCH_FUNCTION;

    struct evd_load *load = &object->current->first;
    if (folder->cached) {
        evd_version_hold(object->current);
    } else {
        int rc = load_for_call(folder, object, &load);
        if (rc < 0)
            return rc;
    }
    ret_target->module = load->loaded.module;
    ret_target->function = &load->loaded.module->functions[endpoint->index];
    ret_target->state = load->state;
    ret_target->hold = load;
    return EVD_OK;
}

static void release(void *self, struct evd_target *target)
{
    const struct folder *folder = self;
    struct evd_load *load = target->hold;
    if (folder->cached)
        evd_version_drop(load->version);
    else
        evd_version_unload(load);
}

/* ---- The life of the backend. ---- */

static void close_folder(void *self)
{
    struct folder *folder = self;
    while (folder->objects != NULL) {
        struct object *object = folder->objects;
        folder->objects = object->next;
        free_object(object);
    }
    evd_names_release(&folder->by_event);
    evd_names_release(&folder->by_module);
    evd_watch_close(&folder->watch);
    free(folder);
}

static int open_folder(const struct evd_dispatch_config *config, void **ret_self,
                       struct evd_error *ret_error)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (folder == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    const struct evd_listing_visitor visitor = {
        .context = folder, .folder = on_folder, .file = on_file};
    folder->config = config;
    folder->cached = config->dynamic_load == EVD_LOAD_CACHED;
    evd_names_init(&folder->by_module);
    evd_names_init(&folder->by_event);
    evd_watch_open(&folder->watch);
    int rc = evd_listing_open(&folder->listing, config, &visitor, ret_error);
    if (rc >= 0)
        rc = evd_listing_walk(&folder->listing, ret_error);
    if (rc < 0) {
        close_folder(folder);
        return rc;
    }
    *ret_self = folder;
    return EVD_OK;
}

static size_t endpoints(const void *self)
{
    const struct folder *folder = self;
    return folder->endpoint_count;
}

static int knows(const void *self, struct evd_slice module)
{
    const struct folder *folder = self;
    return evd_names_get(&folder->by_module, module) != NULL;
}

static void stats(const void *self, struct evd_dispatch_stats *ret_stats)
{
    const struct folder *folder = self;
    *ret_stats = folder->stats;
    ret_stats->modules = folder->object_count;
}

const struct evd_backend evd_backend_dynamic = {
    .name = "dynamic",
    .open = open_folder,
    .close = close_folder,
    .acquire = acquire,
    .release = release,
    .endpoints = endpoints,
    .watch_fd = watch_fd,
    .watch = watch,
    .knows = knows,
    .stats = stats,
};
