/* What the operator wrote for each module, by its name. Read once; versions that are loaded later
 * are told the same. */
#ifndef EVD_MODULE_CONFIG_H
#define EVD_MODULE_CONFIG_H

#include "dispatch.h"
#include "names.h"

struct evd_module_config_entry {
    struct evd_slice name; /* "api.services" */
    struct evd_slice json; /* any JSON value, validated; a part of text */
};

struct evd_module_config {
    char *text;                              /* owned */
    char *keys;                              /* owned: the names, their escapes undone */
    struct evd_module_config_entry *entries; /* owned; in the order of the text */
    size_t count;
    struct evd_names by_name;
};

/* Copies and reads config->module_config: a JSON object whose keys are names of modules, none of
 * them twice, of at most EVD_MODULE_CONFIG_MAX bytes. EVD_ERR_USAGE: *ret_error says where it comes
 * from, what is wrong and at which byte (from 0); EVD_ERR_NO_MEMORY. Nothing is held then. */
int evd_module_config_open(struct evd_module_config *table,
                           const struct evd_dispatch_config *config, struct evd_error *ret_error);
void evd_module_config_close(struct evd_module_config *table);

/* A module's configuration; "" when there is none. */
struct evd_slice evd_module_config_get(const struct evd_module_config *table, const char *name);

/* Where it comes from, in words. */
const char *evd_module_config_from(const struct evd_dispatch_config *config);

#endif
