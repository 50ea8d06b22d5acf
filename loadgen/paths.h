/* Where loadgen finds what comes with it: relative to the program, whatever the working directory.
 */
#ifndef LG_PATHS_H
#define LG_PATHS_H

#include "dispatch/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LG_PATH_MAX 4096

/* "<folder of the program>/<relative>" into out[LG_PATH_MAX]. EVD_ERR_SYSTEM. */
int lg_path_beside_program(const char *relative, char *out, struct evd_error *ret_error);

/* "<folder of `file`>/<relative>" into out[LG_PATH_MAX]. EVD_ERR_TOO_LARGE. */
int lg_path_beside_file(const char *file, const char *relative, char *out,
                        struct evd_error *ret_error);

/* Whether `name` can only mean a file: it has a '/' or ends in ".json". */
bool lg_path_is_file(const char *name);

/* The names of what comes with loadgen in `folder`, its files NAME.json but for schemas, in out:
 * "quick, reference", as far as it has room; "none". Returns out. */
const char *lg_path_known(const char *folder, char *out, size_t cap);

/* A whole file, at most `max` bytes, with a NUL behind it. *ret_text is to be freed by the caller.
 * EVD_ERR_SYSTEM (cannot be read), EVD_ERR_TOO_LARGE, EVD_ERR_NO_MEMORY: the text names the path.
 */
int lg_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len,
                 struct evd_error *ret_error);

#endif
