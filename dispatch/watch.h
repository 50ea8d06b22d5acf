/* Watching folders for files that appear, change and go, by inotify(7). No thread, no loop: the
 * owner waits for watch->fd and calls evd_watch_read(). */
#ifndef EVD_WATCH_H
#define EVD_WATCH_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#define EVD_WATCH_MAX 65536 /* folders */

struct evd_watched {
    int descriptor; /* inotify's; the list is in its order */
    char *path;     /* owned */
    char *prefix;   /* owned: the folder's own name as a module's, "api.billing", or "" */
};

struct evd_watch {
    int fd; /* non-blocking; -1: inotify is not to be had */
    struct evd_watched *list;
    size_t count, room;
};

enum evd_watch_kind {
    EVD_WATCH_CHANGED,   /* a file is whole and new: closed after writing, renamed or linked here */
    EVD_WATCH_GONE,      /* a file was removed or renamed away */
    EVD_WATCH_FOLDER,    /* a folder appeared */
    EVD_WATCH_NO_FOLDER, /* a folder was removed or renamed away: it is watched no more */
    EVD_WATCH_LOST,      /* events were lost, or the folder whose prefix is "" is another or gone:
                            look at everything anew; name and folder are NULL */
};

/* `name` is the entry in `folder`; both are valid until the callback returns. It may add folders.
 */
typedef void (*evd_watch_fn)(void *context, enum evd_watch_kind kind,
                             const struct evd_watched *folder, const char *name);

/* Never fails: without inotify, watch->fd is -1, errno says why, and nothing is ever told. */
void evd_watch_open(struct evd_watch *watch);
void evd_watch_close(struct evd_watch *watch);

/* Adds a folder; one that is there already may have a new name. Nothing is done, and EVD_OK
 * returned, without inotify. EVD_ERR_SYSTEM, errno says why; EVD_ERR_NO_MEMORY. */
int evd_watch_add(struct evd_watch *watch, const char *path, const char *prefix);

/* Tells of all that has happened, in order, without waiting. */
void evd_watch_read(struct evd_watch *watch, evd_watch_fn fn, void *context);

#endif
