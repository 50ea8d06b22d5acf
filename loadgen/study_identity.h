/* What a study's figures are of: so that a study that goes on later does not mix two. */
#ifndef LG_STUDY_IDENTITY_H
#define LG_STUDY_IDENTITY_H

#include "study.h"

#include <cjson/cJSON.h>

/* Adds "files" to `about`: {"file","sha256"} of loadgen, of the server and its modules folder, and
 * of each program, modules folder (one hash of all its shared objects and their names) and scenario
 * file that the design names, once each. What is not there has null: it is for others to miss it.
 */
int lg_identity_add_files(const struct lg_study_options *options, cJSON *about,
                          struct evd_error *ret_error);

/* EVD_OK when two study.json are of the same design, seed, order, commit, build, machine,
 * libraries, pinning and files. Else EVD_ERR_USAGE, and the error says what differs, the first
 * three of it: `before` is what `path` holds, `now` what would be measured. Memory may differ by
 * 1/64: kernels reserve some.
 */
int lg_identity_compare(const char *path, const cJSON *before, const cJSON *now,
                        struct evd_error *ret_error);

#endif
