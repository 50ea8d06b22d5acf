/* dynamic: a module is a shared object in the modules folder, found by name.
 *
 * cached: loaded and opened on its first call, then kept; no dl* function runs in a call. call:
 * every call loads the object, opens the module, closes and unloads it. A file that is replaced
 * takes effect for the next call: a private image of it (image.h) stands beside the old version, on
 * which the calls that began there end. One that cannot serve leaves the old one serving. */
#include "listing.h"
#include "version.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORGET_FIRST 1024 /* modules; fewer are never forgotten */

struct object;

/* A function that a version of its object has or had. */
struct endpoint {
    struct object *object;
    evd_function_fn fn;  /* cached: what to call. call: each load has its own, at this: */
    uint32_t index;      /* into the functions of the version */
    uint32_t generation; /* the object's, when this was last one of its functions; 0: not yet */
    uint32_t number;     /* of struct evd_target */
};

enum look {
    LOOK_NOT,
    LOOK_COMPARE, /* at the file: it may be another */
    LOOK_LOAD,    /* it has changed, even if it looks the same: time stamps are coarse */
};

/* A module of the folder. It stays known for a while when its file goes: the file may come back. */
struct object {
    struct evd_version *current; /* NULL: nothing can serve */
    int status;                  /* why not */
    enum look look;              /* before the next call */
    uint32_t generation;         /* of versions, from 1 */
    size_t endpoint_count;       /* of the current version */
    char *name, *path;           /* owned */
    bool gone;                   /* its file; about to be forgotten */
    bool linked;                 /* path is where a symbolic link leads */
    bool told;                   /* the log has had of a want that may pass */
    struct stat seen;            /* the file, when it was last looked at */
    struct object *next;
};

struct folder {
    const struct evd_dispatch_config *config;
    struct evd_listing listing;
    struct evd_watch watch;
    struct object *objects;
    size_t object_count, endpoint_count, linked_count, numbered;
    size_t forget_at;           /* so many objects: those whose files are gone are forgotten */
    struct evd_names by_module; /* to struct object * */
    struct evd_names by_event;  /* to struct endpoint */
    struct evd_dispatch_stats stats;
    bool cached;
};

/* ---- Modules of the folder. ---- */

static void free_object(struct object *object)
{
    if (object->current != NULL)
        evd_version_drop(object->current);
    free(object->name);
    free(object->path);
    free(object);
}

static struct object *find_object(const struct folder *folder, struct evd_slice module)
{
    struct object *const *found = evd_names_get(&folder->by_module, module);
    return found != NULL ? *found : NULL;
}

/* Points the object at its file, or where a link in the file's place leads now: one that leads
 * nowhere or out of the folder is left as what it is, and opening it will fail. */
static int point(struct folder *folder, struct object *object)
{
    char own[PATH_MAX], resolved[PATH_MAX];
    struct stat status;
    evd_listing_path(&folder->listing, object->name, own);
    const char *path =
        evd_listing_resolve(&folder->listing, own, resolved) == EVD_OK ? resolved : own;
    bool linked = lstat(own, &status) == 0 && S_ISLNK(status.st_mode);
    folder->linked_count += (size_t)linked - (size_t)object->linked;
    object->linked = linked;
    if (object->path != NULL && strcmp(object->path, path) == 0)
        return EVD_OK;
    char *copy = strdup(path);
    if (copy == NULL)
        return EVD_ERR_NO_MEMORY;
    free(object->path);
    object->path = copy;
    return EVD_OK;
}

static void remove_version(struct folder *folder, struct object *object);

static bool object_stays(const void *value)
{
    struct object *const *object = value;
    return !(*object)->gone;
}

static bool endpoint_stays(const void *value)
{
    const struct endpoint *endpoint = value;
    return !endpoint->object->gone && endpoint->generation == endpoint->object->generation;
}

/* Where files are renamed into place from names that are new each time, names would pile up. Not
 * without inotify: a file that comes back would not be seen. */
static void forget_gone(struct folder *folder)
{
    char path[PATH_MAX];
    struct stat status;
    if (folder->watch.fd < 0)
        return;
    for (struct object *object = folder->objects; object != NULL; object = object->next) {
        evd_listing_path(&folder->listing, object->name, path);
        object->gone = lstat(path, &status) < 0 && (errno == ENOENT || errno == ENOTDIR);
    }
    bool out = evd_names_keep(&folder->by_event, endpoint_stays) >= 0 &&
               evd_names_keep(&folder->by_module, object_stays) >= 0;
    for (struct object **link = &folder->objects; out && *link != NULL;) {
        struct object *object = *link;
        if (!object->gone) {
            link = &object->next;
            continue;
        }
        *link = object->next;
        folder->object_count--;
        folder->linked_count -= object->linked;
        remove_version(folder, object);
        free_object(object);
    }
    folder->forget_at = folder->object_count * 2 + FORGET_FIRST;
}

static int add_object(struct folder *folder, const char *name)
{
    if (folder->object_count >= folder->forget_at || folder->object_count == EVD_LISTING_MAX)
        forget_gone(folder);
    if (folder->object_count == EVD_LISTING_MAX)
        return EVD_ERR_TOO_LARGE;
    struct object *object = calloc(1, sizeof *object);
    if (object == NULL)
        return EVD_ERR_NO_MEMORY;
    object->name = strdup(name);
    object->look = LOOK_LOAD;
    int rc = object->name == NULL ? EVD_ERR_NO_MEMORY : point(folder, object);
    if (rc >= 0)
        rc = evd_names_put(&folder->by_module, evd_slice_text(object->name), &object);
    if (rc < 0) {
        folder->linked_count -= object->linked;
        free_object(object);
        return rc;
    }
    object->next = folder->objects;
    folder->objects = object;
    folder->object_count++;
    return EVD_OK;
}

static void look_again(struct object *object)
{
    if (object->look == LOOK_NOT)
        object->look = LOOK_COMPARE;
}

/* A walk found a module's file, for the first time or again. */
static int on_file(void *context, const char *name, const char *path)
{
    struct folder *folder = context;
    struct object *object = find_object(folder, evd_slice_text(name));
    (void)path; /* point() */
    if (object == NULL)
        return add_object(folder, name);
    look_again(object);
    return EVD_OK;
}

/* Without inotify, or past its limits: slower, and blind to modules that are new. */
static void watch_not(struct folder *folder, const char *path, int error)
{
    evd_dispatch_log(folder->config, EVD_LOG_WARNING,
                     "%s cannot be watched (%s): every call looks at its module's file, and new "
                     "modules are not seen",
                     path, strerror(error));
    evd_watch_close(&folder->watch);
}

static int on_folder(void *context, const char *prefix, const char *path)
{
    struct folder *folder = context;
    int rc = evd_watch_add(&folder->watch, path, prefix);
    if (rc != EVD_ERR_SYSTEM)
        return rc;
    if (errno == ENOSPC || errno == ENOMEM) /* fs.inotify.max_user_watches */
        watch_not(folder, path, errno);
    return EVD_OK; /* else it is gone again, or closed to us: the walk will see */
}

/* ---- Events of the folder. ---- */

/* The module whose file has this name, if it is known. */
static struct object *object_of(struct folder *folder, const struct evd_watched *dir,
                                const char *entry)
{
    char name[EVD_EVENT_MAX + 1];
    size_t len = strlen(entry);
    if (len <= 3 || strcmp(entry + len - 3, ".so") != 0)
        return NULL;
    int wrote = snprintf(name, sizeof name, "%s%s%.*s", dir->prefix,
                         dir->prefix[0] == '\0' ? "" : ".", (int)len - 3, entry);
    if (wrote < 0 || (size_t)wrote >= sizeof name)
        return NULL;
    return find_object(folder, evd_slice_text(name));
}

/* Looks again at what lies below a folder, "" being all. */
static void look_below(struct folder *folder, const char *prefix)
{
    size_t len = strlen(prefix);
    for (struct object *object = folder->objects; object != NULL; object = object->next) {
        if (len == 0 || (strncmp(object->name, prefix, len) == 0 && object->name[len] == '.'))
            look_again(object);
    }
}

static void on_folder_gone(struct folder *folder, const struct evd_watched *dir, const char *entry)
{
    char prefix[EVD_EVENT_MAX + 1];
    int wrote = snprintf(prefix, sizeof prefix, "%s%s%s", dir->prefix,
                         dir->prefix[0] == '\0' ? "" : ".", entry);
    if (wrote > 0 && (size_t)wrote < sizeof prefix)
        look_below(folder, prefix);
}

static void on_change(void *context, enum evd_watch_kind kind, const struct evd_watched *dir,
                      const char *entry)
{
    struct folder *folder = context;
    struct evd_error error = {.text = ""};
    struct object *object = dir != NULL ? object_of(folder, dir, entry) : NULL;
    int rc = EVD_OK;

    if (object != NULL)
        object->look = LOOK_LOAD;
    switch (kind) {
    case EVD_WATCH_CHANGED:
    case EVD_WATCH_FOLDER:
        if (object == NULL)
            rc = evd_listing_entry(&folder->listing, dir->path, dir->prefix, entry);
        break;
    case EVD_WATCH_GONE:
        break;
    case EVD_WATCH_NO_FOLDER:
        on_folder_gone(folder, dir, entry);
        break;
    case EVD_WATCH_LOST:
        look_below(folder, "");
        rc = evd_listing_walk(&folder->listing, &error);
        if (rc == EVD_ERR_USAGE)
            watch_not(folder, folder->listing.root, errno);
        break;
    }
    if (rc < 0)
        evd_dispatch_log(folder->config, EVD_LOG_ERROR, "the modules folder cannot be followed: %s",
                         error.text[0] != '\0' ? error.text : evd_status_text(rc));
    /* What a link leads to may have changed, wherever in the folder that is. */
    for (object = folder->linked_count > 0 ? folder->objects : NULL; object != NULL;
         object = object->next) {
        if (object->linked)
            look_again(object);
    }
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
    int rc = EVD_OK;
    for (size_t i = 0; i < module->function_count && rc >= 0; i++) {
        char text[EVD_EVENT_MAX + 1];
        const struct endpoint none = {.object = object, .number = (uint32_t)folder->numbered + 1};
        struct evd_slice event = event_of(object, &module->functions[i], text);
        if (event.len == 0 || evd_names_get(&folder->by_event, event) != NULL)
            continue;
        rc = evd_names_put(&folder->by_event, event, &none);
        folder->numbered += rc >= 0 ? 1 : 0;
    }
    return rc;
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
        if (endpoint == NULL)
            continue;
        endpoint->fn = module->functions[i].fn;
        endpoint->index = (uint32_t)i;
        endpoint->generation = object->generation;
        object->endpoint_count++;
    }
    folder->endpoint_count += object->endpoint_count;
}

static void retire(struct folder *folder, struct object *object)
{
    if (object->current == NULL)
        return;
    folder->endpoint_count -= object->endpoint_count;
    object->endpoint_count = 0;
    evd_version_drop(object->current);
    object->current = NULL;
}

static void remove_version(struct folder *folder, struct object *object)
{
    if (object->current != NULL)
        evd_dispatch_log(folder->config, EVD_LOG_INFO, "module %s is removed", object->name);
    retire(folder, object);
}

static void install(struct folder *folder, struct object *object, struct evd_version *version)
{
    bool replaces = object->current != NULL;
    retire(folder, object);
    object->current = version;
    object->status = EVD_OK;
    object->told = false;
    point_endpoints(folder, object, version->first.loaded.module);
    folder->stats.loads++;
    if (replaces) {
        folder->stats.reloads++;
        evd_dispatch_log(folder->config, EVD_LOG_INFO, "module %s is replaced by a new version",
                         object->name);
    }
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
        remove_version(folder, object);
        object->status = EVD_ERR_NO_SUCH_FUNCTION;
        return;
    }
    bool serving = object->current != NULL;
    if (rc == EVD_MORE) {
        /* Not to wait for an event: what is closed is told of before it is closed for a lease. */
        object->look = LOOK_LOAD;
        object->status = EVD_ERR_LOAD_FAILED;
        return;
    }
    object->status = rc;
    /* While an old version serves, a new one whose open() fails waits for the next change. */
    bool passing = is_passing(rc, error) && !(serving && rc == EVD_ERR_OPEN_FAILED);
    if (passing)
        object->look = LOOK_LOAD;
    if (!passing || !object->told) {
        folder->stats.load_failures++;
        evd_dispatch_log(folder->config, EVD_LOG_ERROR, "module %s does not load: %s%s",
                         object->name, why->text, serving ? "; the old version keeps serving" : "");
    }
    object->told = passing;
}

/* Whether the file is the one that was last looked at. */
static bool is_same_file(const struct object *object)
{
    struct stat now;
    const struct stat *old = &object->seen;
    if (lstat(object->path, &now) < 0)
        memset(&now, 0, sizeof now);
    return now.st_ino == old->st_ino && now.st_dev == old->st_dev && now.st_size == old->st_size &&
           memcmp(&now.st_mtim, &old->st_mtim, sizeof now.st_mtim) == 0 &&
           memcmp(&now.st_ctim, &old->st_ctim, sizeof now.st_ctim) == 0;
}

/* Looks at the file and brings object->current up to date. Afterwards it may serve, or not. */
static void refresh(struct folder *folder, struct object *object)
{
    struct evd_error why = {.status = EVD_ERR_LOAD_FAILED};
    struct evd_version *version;

    bool compare = object->look != LOOK_LOAD;
    object->look = LOOK_NOT;
    int rc = compare && !object->linked ? EVD_OK : point(folder, object);
    if (rc >= 0 && compare && is_same_file(object))
        return;
    if (rc >= 0 && compare && !object->linked)
        rc = point(folder, object);
    errno = 0;
    if (rc >= 0)
        rc = evd_version_open(folder->config, object->name, object->path, &version, &object->seen,
                              &why);
    else
        (void)evd_error_set(&why, rc, "%s: %s", object->name, evd_status_text(rc));
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

static struct object *object_of_event(const struct folder *folder, struct evd_slice event)
{
    const char *dot = event.len == 0 ? NULL : memrchr(event.ptr, '.', event.len);
    if (dot == NULL)
        return NULL;
    return find_object(folder, evd_slice(event.ptr, (size_t)(dot - event.ptr)));
}

/* One load for this call alone. */
static int load_for_call(struct folder *folder, struct object *object, struct evd_load **ret_load)
{
    struct evd_error why;
    int rc = evd_version_load(object->current, ret_load, &why);
    if (rc >= 0) {
        object->told = false;
        return rc;
    }
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
    struct object *object = endpoint != NULL ? endpoint->object : object_of_event(folder, event);

    if (object == NULL)
        return EVD_ERR_NO_SUCH_FUNCTION;
    if (object->look != LOOK_NOT || folder->watch.fd < 0) {
        refresh(folder, object);
        endpoint = evd_names_get(&folder->by_event, event); /* it may have moved */
    }
    if (object->current == NULL)
        return object->status;
    if (endpoint == NULL || endpoint->generation != object->generation)
        return EVD_ERR_NO_SUCH_FUNCTION;

    struct evd_load *load = &object->current->first;
    ret_target->fn = endpoint->fn;
    if (folder->cached) {
        evd_version_hold(object->current);
    } else {
        int rc = load_for_call(folder, object, &load);
        if (rc < 0)
            return rc;
        ret_target->fn = load->loaded.module->functions[endpoint->index].fn;
    }
    ret_target->module = load->loaded.module;
    ret_target->state = load->state;
    ret_target->hold = load;
    ret_target->number = endpoint->number;
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
    folder->forget_at = FORGET_FIRST;
    evd_names_init(&folder->by_module, sizeof(struct object *));
    evd_names_init(&folder->by_event, sizeof(struct endpoint));
    evd_watch_open(&folder->watch);
    int error = errno;
    int rc = evd_listing_open(&folder->listing, config, &visitor, ret_error);
    if (rc >= 0 && folder->watch.fd < 0)
        watch_not(folder, folder->listing.root, error);
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
    return find_object(folder, module) != NULL;
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
