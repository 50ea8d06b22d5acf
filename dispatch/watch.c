#include "watch.h"

#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* IN_CREATE tells of links, which nobody writes and closes; a file that is still being written is
 * told of again by IN_CLOSE_WRITE. */
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF |         \
     IN_DELETE_SELF | IN_ONLYDIR)
#define READS_MAX 1024 /* of one call; more is told next time, because fd stays readable */

void evd_watch_open(struct evd_watch *watch)
{
    *watch = (struct evd_watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
}

void evd_watch_close(struct evd_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        free(watch->list[i].path);
        free(watch->list[i].prefix);
    }
    free(watch->list);
    if (watch->fd >= 0)
        (void)close(watch->fd);
    *watch = (struct evd_watch){.fd = -1};
}

static size_t position(const struct evd_watch *watch, int descriptor)
{
    size_t low = 0, high = watch->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (watch->list[middle].descriptor < descriptor)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct evd_watched *find(const struct evd_watch *watch, int descriptor)
{
    size_t at = position(watch, descriptor);
    return at < watch->count && watch->list[at].descriptor == descriptor ? &watch->list[at] : NULL;
}

static int insert(struct evd_watch *watch, struct evd_watched watched)
{
    if (watched.path == NULL || watched.prefix == NULL || watch->count == EVD_WATCH_MAX)
        return EVD_ERR_NO_MEMORY;
    if (watch->count == watch->room) {
        size_t room = watch->room == 0 ? 16 : watch->room * 2;
        struct evd_watched *list = realloc(watch->list, room * sizeof *list);
        if (list == NULL)
            return EVD_ERR_NO_MEMORY;
        watch->list = list;
        watch->room = room;
    }
    size_t at = position(watch, watched.descriptor);
    memmove(watch->list + at + 1, watch->list + at, (watch->count - at) * sizeof *watch->list);
    watch->list[at] = watched;
    watch->count++;
    return EVD_OK;
}

int evd_watch_add(struct evd_watch *watch, const char *path, const char *prefix)
{
    if (watch->fd < 0)
        return EVD_OK;
    int descriptor = inotify_add_watch(watch->fd, path, EVENTS);
    if (descriptor < 0)
        return EVD_ERR_SYSTEM;
    struct evd_watched *known = find(watch, descriptor);
    struct evd_watched watched = {descriptor, strdup(path), strdup(prefix)};
    if (known != NULL && watched.path != NULL && watched.prefix != NULL) {
        /* The same folder under a new name: it was renamed. */
        free(known->path);
        free(known->prefix);
        *known = watched;
        return EVD_OK;
    }
    int rc = known != NULL ? EVD_ERR_NO_MEMORY : insert(watch, watched);
    if (rc < 0) {
        free(watched.path);
        free(watched.prefix);
    }
    return rc;
}

static void forget(struct evd_watch *watch, int descriptor)
{
    struct evd_watched *watched = find(watch, descriptor);
    if (watched == NULL)
        return;
    free(watched->path);
    free(watched->prefix);
    size_t behind = (size_t)(watch->list + watch->count - (watched + 1));
    memmove(watched, watched + 1, behind * sizeof *watched);
    watch->count--;
}

/* Ends watching a folder and all below it: where it is now, if it is, is for the owner to find. */
static void leave(struct evd_watch *watch, const char *path)
{
    size_t len = strlen(path), kept = 0;
    for (size_t i = 0; i < watch->count; i++) {
        struct evd_watched *watched = &watch->list[i];
        bool below = strncmp(watched->path, path, len) == 0 &&
                     (watched->path[len] == '/' || watched->path[len] == '\0');
        if (below) {
            (void)inotify_rm_watch(watch->fd, watched->descriptor);
            free(watched->path);
            free(watched->prefix);
        } else {
            watch->list[kept++] = *watched;
        }
    }
    watch->count = kept;
}

/* A folder itself: what happens to those inside another is told of that one. */
static void tell_self(struct evd_watch *watch, const struct evd_watched *known, evd_watch_fn fn,
                      void *context)
{
    char path[PATH_MAX];
    if (known == NULL || known->prefix[0] != '\0')
        return;
    (void)snprintf(path, sizeof path, "%s", known->path);
    leave(watch, path);
    fn(context, EVD_WATCH_LOST, NULL, NULL);
}

static void tell(struct evd_watch *watch, const struct inotify_event *event, evd_watch_fn fn,
                 void *context)
{
    if (event->mask & IN_Q_OVERFLOW) {
        fn(context, EVD_WATCH_LOST, NULL, NULL);
        return;
    }
    if (event->mask & IN_IGNORED) {
        forget(watch, event->wd);
        return;
    }
    const struct evd_watched *known = find(watch, event->wd);
    if (event->mask & (IN_MOVE_SELF | IN_DELETE_SELF)) {
        tell_self(watch, known, fn, context);
        return;
    }
    if (known == NULL || event->len == 0)
        return;
    struct evd_watched folder = *known; /* the callback may move the list */
    bool gone = (event->mask & (IN_MOVED_FROM | IN_DELETE)) != 0;
    enum evd_watch_kind kind = event->mask & IN_ISDIR
                                   ? (gone ? EVD_WATCH_NO_FOLDER : EVD_WATCH_FOLDER)
                                   : (gone ? EVD_WATCH_GONE : EVD_WATCH_CHANGED);
    if (kind == EVD_WATCH_NO_FOLDER) {
        char path[PATH_MAX];
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder.path, event->name) < sizeof path)
            leave(watch, path);
    }
    fn(context, kind, &folder, event->name);
}

void evd_watch_read(struct evd_watch *watch, evd_watch_fn fn, void *context)
{
    alignas(struct inotify_event) char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];

    for (int reads = 0; watch->fd >= 0 && reads < READS_MAX; reads++) {
        ssize_t len = read(watch->fd, buf, sizeof buf);
        if (len <= 0)
            return;
        for (const char *p = buf; p < buf + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)p;
            tell(watch, event, fn, context);
            p += sizeof *event + event->len;
        }
    }
}
