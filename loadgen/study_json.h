/* JSON files, read whole, with errors that name file, line and column. */
#ifndef LG_STUDY_JSON_H
#define LG_STUDY_JSON_H

#include "dispatch/status.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Parses exactly one JSON value in text[0 .. len). `source` and `line` (of its first byte, from 1)
 * go into the error's text. The tree is the caller's, for cJSON_Delete(). */
int lg_json_parse(const char *text, size_t len, const char *source, size_t line, cJSON **ret_root,
                  struct evd_error *ret_error);

/* Reads a file of at most `max` bytes and parses it. */
int lg_json_read(const char *path, size_t max, cJSON **ret_root, struct evd_error *ret_error);

/* Member `key`, if it is a string, else `otherwise`. */
const char *lg_json_string(const cJSON *object, const char *key, const char *otherwise);

/* Member `key`, if it is a number, else NaN. */
double lg_json_number(const cJSON *object, const char *key);

/* Writes text to `path` so that a reader sees the old file or the new one: a neighbour file, then
 * rename(). */
int lg_write_file(const char *path, const char *text, size_t len, struct evd_error *ret_error);

/* A member that is a whole number, as text in out; "unknown" where it is none. Returns out. */
const char *lg_json_whole(const cJSON *object, const char *key, char out[static 32]);

#endif
