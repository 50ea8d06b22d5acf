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

#endif
