/* What the files of a study's raw data have in common. Private to report_data.c and
 * report_maximum.c. */
#ifndef LG_REPORT_DATA_PARTS_H
#define LG_REPORT_DATA_PARTS_H

#include "place.h"
#include "report_data.h"

/* What a run says of itself: schema, commit, accounting, latencies, figures. EVD_ERR_BAD_DATA where
 * that cannot be, EVD_ERR_NO_MEMORY. */
int lg_data_take_figures(const struct lg_place *place, const struct lg_data *data, const cJSON *run,
                         struct lg_trial *trial);

/* The trials of maximum.jsonl into data->maximum, held against study.json's rates, which are there.
 * An error names the file and its line. */
int lg_maximum_take(const char *path, struct lg_data *data, const char *text, size_t len,
                    struct evd_error *ret_error);

#endif
