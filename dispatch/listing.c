#include "listing.h"

#include "backend.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct walk {
    const struct evd_dispatch_config *config;
    struct evd_listing *listing;
    char root[PATH_MAX]; /* resolved */
    size_t root_len;
};

static int inside(const struct walk *walk, const char *path)
{
    return strncmp(path, walk->root, walk->root_len) == 0 && path[walk->root_len] == '/';
}

static int add_file(struct walk *walk, const char *path, const char *name)
{
    struct evd_listing *listing = walk->listing;
    char resolved[PATH_MAX];

    if (realpath(path, resolved) == NULL || !inside(walk, resolved)) {
        evd_log(walk->config, EVD_LOG_WARNING, "%s is left out: it leads outside %s", path,
                walk->root);
        return EVD_OK;
    }
    struct stat status;
    if (stat(resolved, &status) < 0 || !S_ISREG(status.st_mode))
        return EVD_OK;
    if (listing->count == EVD_LISTING_MAX)
        return EVD_ERR_TOO_LARGE;
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 64 : listing->room * 2;
        struct evd_listed *list = realloc(listing->list, room * sizeof *list);
        if (list == NULL)
            return EVD_ERR_NO_MEMORY;
        listing->list = list;
        listing->room = room;
    }
    struct evd_listed listed = {strdup(name), strdup(resolved)};
    if (listed.name == NULL || listed.path == NULL) {
        free(listed.name);
        free(listed.path);
        return EVD_ERR_NO_MEMORY;
    }
    listing->list[listing->count++] = listed;
    return EVD_OK;
}

static int walk_dir(struct walk *walk, const char *dir, const char *prefix, unsigned depth);

/* One entry: a folder to go into, a shared object to list, or neither. */
static int walk_entry(struct walk *walk, const char *dir, const char *prefix,
                      const struct dirent *entry, unsigned depth)
{
    char path[PATH_MAX], name[EVD_EVENT_MAX + 1];
    struct stat status;
    size_t len = strlen(entry->d_name);
    bool is_object = len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;

    if (entry->d_name[0] == '.')
        return EVD_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= sizeof path)
        return EVD_OK;
    /* Folders are entered only as themselves: a link to a folder could make a loop. */
    bool is_folder = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
    if (!is_folder && !is_object)
        return EVD_OK;
    struct evd_slice segment = evd_slice(entry->d_name, is_folder ? len : len - 3);
    /* A dot would make x.y.so and x/y.so one name. */
    if (memchr(segment.ptr, '.', segment.len) != NULL || !evd_name_is_valid(segment)) {
        evd_log(walk->config, EVD_LOG_WARNING,
                "%s is left out: the names of folders and modules are of [A-Za-z0-9_-]", path);
        return EVD_OK;
    }
    int wrote = snprintf(name, sizeof name, "%s%s%.*s", prefix, prefix[0] == '\0' ? "" : ".",
                         (int)segment.len, segment.ptr);
    if (wrote < 0 || (size_t)wrote >= sizeof name) {
        evd_log(walk->config, EVD_LOG_WARNING, "%s is left out: its name is over %d bytes", path,
                EVD_EVENT_MAX);
        return EVD_OK;
    }
    return is_folder ? walk_dir(walk, path, name, depth + 1) : add_file(walk, path, name);
}

static int walk_dir(struct walk *walk, const char *dir, const char *prefix, unsigned depth)
{
    if (depth > EVD_EVENT_MAX / 2) /* a deeper name could not be an event */
        return EVD_OK;
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        if (depth == 0)
            return EVD_ERR_USAGE;
        evd_log(walk->config, EVD_LOG_WARNING, "%s is left out: %s", dir, strerror(errno));
        return EVD_OK;
    }
    int rc = EVD_OK;
    const struct dirent *entry;
    while (rc >= 0 && (entry = readdir(stream)) != NULL)
        rc = walk_entry(walk, dir, prefix, entry, depth);
    (void)closedir(stream);
    return rc;
}

int evd_listing_open(const struct evd_dispatch_config *config, struct evd_listing *ret_listing,
                     struct evd_error *ret_error)
{
    struct walk walk = {.config = config, .listing = ret_listing};
    *ret_listing = (struct evd_listing){0};

    if (config->modules_dir == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "the dynamic backend needs a modules folder");
    if (realpath(config->modules_dir, walk.root) == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "modules folder %s: %s", config->modules_dir,
                             strerror(errno));
    walk.root_len = strlen(walk.root);
    int rc = walk_dir(&walk, walk.root, "", 0);
    if (rc == EVD_ERR_USAGE)
        (void)evd_error_set(ret_error, rc, "modules folder %s: %s", config->modules_dir,
                            strerror(errno));
    else if (rc < 0)
        (void)evd_error_set(ret_error, rc, "modules folder %s: %s (%d modules at most)",
                            config->modules_dir, evd_status_text(rc), EVD_LISTING_MAX);
    if (rc < 0)
        evd_listing_close(ret_listing);
    return rc;
}

void evd_listing_close(struct evd_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->list[i].name);
        free(listing->list[i].path);
    }
    free(listing->list);
    *listing = (struct evd_listing){0};
}
