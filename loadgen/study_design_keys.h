/* The values of a design's keys, checked one by one: each function takes one out of an object, or
 * says in the error what it must be, and where: EVD_OK or EVD_ERR_USAGE. Texts stay the object's.
 * Private to study_design*.c. */
#ifndef LG_STUDY_DESIGN_KEYS_H
#define LG_STUDY_DESIGN_KEYS_H

#include "study_design.h"

/* Where an error is: the file, and the object in it ("arms[2]", or "" for the whole). */
struct lg_key_place {
    const char *source;
    char path[64];
    struct evd_error *error;
};

/* EVD_ERR_USAGE, always; `key` may be "". */
int lg_key_complain(const struct lg_key_place *place, const char *key, const char *what);

/* `allowed` is "|name|title|...|": it is also what the error shows. */
int lg_keys_check(const struct lg_key_place *place, const cJSON *object, const char *allowed);

/* Not empty, no control characters; `otherwise` where it is left out, NULL: it must be there. */
int lg_key_text(const struct lg_key_place *place, const cJSON *object, const char *key,
                const char *otherwise, const char **ret_text);

/* Names go into tables, figures and file names: a small alphabet keeps all of them readable. */
int lg_key_check_name(const struct lg_key_place *place, const char *key, const char *name);

/* The key "name", which must be there. */
int lg_key_name(const struct lg_key_place *place, const cJSON *object, const char **ret_name);

/* A whole number of min to max. */
int lg_key_number(const struct lg_key_place *place, const cJSON *object, const char *key,
                  double min, double max, unsigned *ret_value);

/* Up to LG_TRIAL_NS_MAX; its text, and what it comes to. */
int lg_key_duration(const struct lg_key_place *place, const cJSON *object, const char *key,
                    uint64_t min_ns, const char **ret_text, uint64_t *ret_ns);

/* A flag that may be left out: false. */
int lg_key_flag(const struct lg_key_place *place, const cJSON *object, const char *key,
                bool *ret_flag);

/* `reserved` is "|--target|...|": the options that the study sets itself. */
int lg_key_args(const struct lg_key_place *place, const cJSON *object, const char *key,
                const char *reserved, struct lg_args *ret_args);

/* Of 1 to max items, of any kind. */
int lg_key_list(const struct lg_key_place *place, const cJSON *root, const char *key, int max,
                const cJSON **ret_list);

#endif
