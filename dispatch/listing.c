#include "listing.h"

#include "backend.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool inside(const struct evd_listing *listing, const char *path)
{
    return strncmp(path, listing->root, listing->root_len) == 0 && path[listing->root_len] == '/';
}

int evd_listing_resolve(const struct evd_listing *listing, const char *path,
                        char ret_resolved[static PATH_MAX])
{
    if (realpath(path, ret_resolved) == NULL)
        return EVD_ERR_SYSTEM;
    return inside(listing, ret_resolved) ? EVD_OK : EVD_ERR_USAGE;
}

void evd_listing_path(const struct evd_listing *listing, const char *name,
                      char ret_path[static PATH_MAX])
{
    if (snprintf(ret_path, PATH_MAX, "%s/%s.so", listing->root, name) >= PATH_MAX)
        return; /* longer than what the walk has found */
    for (char *p = ret_path + listing->root_len + 1; p[3] != '\0'; p++)
        *p = *p == '.' ? '/' : *p; /* a dot is never part of a file's own name */
}

/* What is just gone again is none of anybody's business. */
static int leave_out(const struct evd_listing *listing, const char *path)
{
    if (errno != ENOENT && errno != ENOTDIR)
        evd_dispatch_log(listing->config, EVD_LOG_WARNING, "%s is left out: %s", path,
                         strerror(errno));
    return EVD_OK;
}

static int visit_file(struct evd_listing *listing, const char *path, const char *name)
{
    char resolved[PATH_MAX];
    struct stat status;

    int rc = evd_listing_resolve(listing, path, resolved);
    int error = errno;
    if (rc == EVD_ERR_USAGE)
        evd_dispatch_log(listing->config, EVD_LOG_WARNING, "%s is left out: it leads outside %s",
                         path, listing->root);
    else if (rc < 0 && lstat(path, &status) == 0) /* it is not just gone again */
        evd_dispatch_log(listing->config, EVD_LOG_WARNING, "%s is left out: %s", path,
                         strerror(error));
    if (rc < 0)
        return EVD_OK;
    if (stat(resolved, &status) < 0)
        return leave_out(listing, resolved);
    if (!S_ISREG(status.st_mode))
        return EVD_OK;
    return listing->visitor.file(listing->visitor.context, name, resolved);
}

static int walk_dir(struct evd_listing *listing, const char *dir, const char *prefix,
                    unsigned depth);

/* One entry: a folder to go into, a shared object to list, or neither. */
static int visit_entry(struct evd_listing *listing, const char *dir, const char *prefix,
                       const char *entry, unsigned depth)
{
    char path[PATH_MAX], name[EVD_EVENT_MAX + 1];
    struct stat status;
    size_t len = strlen(entry);
    bool is_object = len > 3 && strcmp(entry + len - 3, ".so") == 0;

    if (entry[0] == '.')
        return EVD_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, entry) >= sizeof path)
        return EVD_OK;
    /* Folders are entered only as themselves: a link to a folder could make a loop. */
    bool known = lstat(path, &status) == 0, is_folder = known && S_ISDIR(status.st_mode);
    if (!is_folder && !is_object)
        return known ? EVD_OK : leave_out(listing, path);
    struct evd_slice segment = evd_slice(entry, is_folder ? len : len - 3);
    /* A dot would make x.y.so and x/y.so one name. */
    if (memchr(segment.ptr, '.', segment.len) != NULL || !evd_name_is_valid(segment)) {
        evd_dispatch_log(listing->config, EVD_LOG_WARNING,
                         "%s is left out: the names of folders and modules are of [A-Za-z0-9_-]",
                         path);
        return EVD_OK;
    }
    int wrote = snprintf(name, sizeof name, "%s%s%.*s", prefix, prefix[0] == '\0' ? "" : ".",
                         (int)segment.len, segment.ptr);
    if (wrote < 0 || (size_t)wrote >= sizeof name) {
        evd_dispatch_log(listing->config, EVD_LOG_WARNING,
                         "%s is left out: its name is over %d bytes", path, EVD_EVENT_MAX);
        return EVD_OK;
    }
    return is_folder ? walk_dir(listing, path, name, depth + 1) : visit_file(listing, path, name);
}

static int walk_dir(struct evd_listing *listing, const char *dir, const char *prefix,
                    unsigned depth)
{
    if (depth > EVD_EVENT_MAX / 2) /* a deeper name could not be an event */
        return EVD_OK;
    /* Announced before it is read: who watches it misses nothing that appears meanwhile. */
    int rc = listing->visitor.folder(listing->visitor.context, prefix, dir);
    if (rc < 0)
        return rc;
    DIR *stream = opendir(dir);
    if (stream == NULL) {
        if (depth == 0)
            return EVD_ERR_USAGE;
        evd_dispatch_log(listing->config, EVD_LOG_WARNING, "%s is left out: %s", dir,
                         strerror(errno));
        return EVD_OK;
    }
    const struct dirent *entry;
    while (rc >= 0 && (entry = readdir(stream)) != NULL)
        rc = visit_entry(listing, dir, prefix, entry->d_name, depth);
    (void)closedir(stream);
    return rc;
}

int evd_listing_open(struct evd_listing *listing, const struct evd_dispatch_config *config,
                     const struct evd_listing_visitor *visitor, struct evd_error *ret_error)
{
    listing->config = config;
    listing->visitor = *visitor;
    if (config->modules_dir == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "the dynamic backend needs a modules folder");
    if (realpath(config->modules_dir, listing->root) == NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "modules folder %s: %s", config->modules_dir,
                             strerror(errno));
    listing->root_len = strlen(listing->root);
    return EVD_OK;
}

int evd_listing_walk(struct evd_listing *listing, struct evd_error *ret_error)
{
    errno = 0;
    int rc = walk_dir(listing, listing->root, "", 0);
    if (rc == EVD_ERR_USAGE)
        (void)evd_error_set(ret_error, rc, "modules folder %s: %s", listing->root, strerror(errno));
    else if (rc < 0)
        (void)evd_error_set(ret_error, rc, "modules folder %s: %s (%d modules at most)",
                            listing->root, evd_status_text(rc), EVD_LISTING_MAX);
    return rc;
}

int evd_listing_entry(struct evd_listing *listing, const char *dir, const char *prefix,
                      const char *entry)
{
    unsigned depth = 1;
    for (const char *dot = prefix; (dot = strchr(dot, '.')) != NULL; dot++)
        depth++;
    return visit_entry(listing, dir, prefix, entry, depth);
}
