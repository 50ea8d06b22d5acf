/* What the arms of a study take on the disk. */
#ifndef LG_STUDY_DISK_H
#define LG_STUDY_DISK_H

#include "study.h"

#include <cjson/cJSON.h>

/* Adds to `about`, for a design whose arms name a program or a modules folder, "disk": a list of
 * {"arm","program_bytes","modules","modules_bytes"} in the order of the arms; the last two count
 * the shared objects of the arm's modules folder, 0 without one. Says which program or folder is
 * missing: EVD_ERR_USAGE. */
int lg_study_disk(const struct lg_study_options *options, cJSON *about,
                  struct evd_error *ret_error);

/* A disk that has less left than this is full: a trial's files take some 100 KB. */
#define LG_DISK_LEAST_BYTES (UINT64_C(1) << 20)

/* EVD_ERR_SYSTEM, with what is left, when the disk of a study's folder is full: a trial without a
 * measurement is then no result, and to be made again. EVD_OK, too, where that cannot be told. */
int lg_disk_check(const char *folder, struct evd_error *ret_error);

#endif
