/* A private copy of a shared object's file, in memory: what is loaded is never the file itself, so
 * overwriting the file in place cannot change code that runs, and each version is an object of its
 * own for the loader, which would otherwise give back the one it already has. */
#ifndef EVD_IMAGE_H
#define EVD_IMAGE_H

#include "status.h"

#include <sys/stat.h>

#define EVD_IMAGE_MAX ((off_t)1 << 30) /* bytes of one shared object */

struct evd_image {
    int fd;        /* a sealed memfd; kept open as long as anything is loaded from it, because its
                      number is the name the loader knows it by */
    char path[40]; /* "/proc/self/fd/N" */
};

/* Copies the file. `name` is what /proc/PID/maps and debuggers will show. *ret_status is the file's
 * identity, as far as it was found. Refuses a file that another process has open for writing, one
 * that changed while it was copied, and one that is not a whole ELF shared object (a truncated one
 * maps, and kills the process when it is touched).
 * EVD_MORE: it is being written, try again; EVD_ERR_LOAD_FAILED, *ret_error in words; errno is
 * ENOENT when there is no such file, EMFILE and the like when it could not be read just now, else
 * 0.
 */
int evd_image_open(const char *path, const char *name, struct evd_image *ret_image,
                   struct stat *ret_status, struct evd_error *ret_error);

/* Another copy of the same bytes. EVD_ERR_LOAD_FAILED, *ret_error in words. */
int evd_image_copy(const struct evd_image *image, const char *name, struct evd_image *ret_copy,
                   struct evd_error *ret_error);

/* Nothing is loaded from it any more. */
void evd_image_close(struct evd_image *image);

#endif
