#include "module_config.h"

#include "json.h"

#include <stdlib.h>

const char *evd_module_config_from(const struct evd_dispatch_config *config)
{
    return config->module_config_from != NULL ? config->module_config_from
                                              : "the configuration of modules";
}

static int no_memory(struct evd_error *ret_error)
{
    return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
}

static int add(struct evd_module_config *table, struct evd_slice raw, struct evd_slice json,
               char **key_room, const struct evd_dispatch_config *config,
               struct evd_error *ret_error)
{
    const char *from = evd_module_config_from(config);
    size_t at = (size_t)(raw.ptr - table->text) - 1;          /* its quote */
    int64_t len = evd_json_unescape(raw, *key_room, raw.len); /* never longer */
    struct evd_slice name = evd_slice(*key_room, len > 0 ? (size_t)len : 0);

    if (!evd_name_is_valid(name))
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%s: the key at byte %zu is not the name of a module: segments of "
                             "[A-Za-z0-9_-] joined by dots",
                             from, at);
    if (evd_names_get(&table->by_name, name) != NULL)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s: %.*s is there twice, again at byte %zu",
                             from, (int)name.len, name.ptr, at);
    struct evd_module_config_entry *entry = &table->entries[table->count];
    *entry = (struct evd_module_config_entry){name, json};
    int rc = evd_names_put(&table->by_name, name, &entry);
    if (rc < 0)
        return no_memory(ret_error);
    table->count++;
    *key_room += name.len;
    return EVD_OK;
}

/* The members of the object, which is valid JSON. */
static int count_members(struct evd_slice text, unsigned max_depth, size_t *ret_count)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    *ret_count = 0;
    evd_json_scan_init(&scan, text, max_depth);
    int rc = evd_json_scan_object(&scan);
    while (rc >= 0 && (rc = evd_json_scan_member(&scan, &key, NULL, &value)) == EVD_MORE)
        (*ret_count)++;
    return rc;
}

static int read_members(struct evd_module_config *table, struct evd_slice text,
                        const struct evd_dispatch_config *config, struct evd_error *ret_error)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    char *key_room = table->keys;
    int rc;

    evd_json_scan_init(&scan, text, config->max_depth);
    (void)evd_json_scan_object(&scan);
    while ((rc = evd_json_scan_member(&scan, &key, NULL, &value)) == EVD_MORE) {
        rc = add(table, key, value, &key_room, config, ret_error);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int check(struct evd_slice text, const struct evd_dispatch_config *config,
                 struct evd_error *ret_error)
{
    const char *from = evd_module_config_from(config);
    struct evd_json_scan scan;
    struct evd_error why;
    enum evd_json_type type;

    if (text.len > EVD_MODULE_CONFIG_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s has more than %zu bytes", from,
                             EVD_MODULE_CONFIG_MAX);
    if (evd_json_validate(text, config->max_depth, &why) < 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s: %.180s", from, why.text);
    evd_json_scan_init(&scan, text, config->max_depth);
    (void)evd_json_scan_value(&scan, &type, NULL);
    if (type != EVD_JSON_OBJECT)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%s: it must be an object {\"module\": configuration, ...}, not %s",
                             from, evd_json_type_text(type));
    return EVD_OK;
}

int evd_module_config_open(struct evd_module_config *table,
                           const struct evd_dispatch_config *config, struct evd_error *ret_error)
{
    struct evd_slice given = config->module_config;
    size_t count = 0;

    *table = (struct evd_module_config){0};
    evd_names_init(&table->by_name, sizeof(struct evd_module_config_entry *));
    if (given.len == 0)
        return EVD_OK;
    int rc = check(given, config, ret_error);
    if (rc < 0)
        return rc;
    table->text = malloc(given.len);
    table->keys = malloc(given.len);
    if (table->text != NULL)
        memcpy(table->text, given.ptr, given.len);
    struct evd_slice text = evd_slice(table->text, given.len);
    rc = table->text == NULL || table->keys == NULL
             ? no_memory(ret_error)
             : count_members(text, config->max_depth, &count);
    if (rc >= 0) {
        table->entries = calloc(count + 1, sizeof *table->entries);
        rc = table->entries == NULL ? no_memory(ret_error)
                                    : read_members(table, text, config, ret_error);
    }
    if (rc < 0)
        evd_module_config_close(table);
    return rc;
}

void evd_module_config_close(struct evd_module_config *table)
{
    evd_names_release(&table->by_name);
    free(table->entries);
    free(table->keys);
    free(table->text);
    *table = (struct evd_module_config){0};
}

struct evd_slice evd_module_config_get(const struct evd_module_config *table, const char *name)
{
    if (table->count == 0)
        return (struct evd_slice){0};
    struct evd_module_config_entry *const *entry =
        evd_names_get(&table->by_name, evd_slice_text(name));
    return entry != NULL ? (*entry)->json : (struct evd_slice){0};
}
