/* --module-config: whatever is accepted, cJSON finds the same modules and values in it. */
#include "fuzz.h"

#include "dispatch/module_config.h"

#include <cjson/cJSON.h>

static void check_entries(const struct evd_module_config *table, const cJSON *tree)
{
    size_t count = 0;
    const cJSON *item;
    FUZZ_CHECK(cJSON_IsObject(tree));
    cJSON_ArrayForEach(item, tree)
    {
        struct evd_slice json = evd_module_config_get(table, item->string);
        FUZZ_CHECK(json.len > 0);
        cJSON *value = cJSON_ParseWithLength(json.ptr, json.len);
        FUZZ_CHECK(value != NULL);
        /* cJSON_Compare() looks members up by name, so it cannot judge a repeated one. */
        char *ours = cJSON_PrintUnformatted(value), *theirs = cJSON_PrintUnformatted(item);
        FUZZ_CHECK(ours != NULL && theirs != NULL && strcmp(ours, theirs) == 0);
        cJSON_free(ours);
        cJSON_free(theirs);
        cJSON_Delete(value);
        count++;
    }
    FUZZ_CHECK(count == table->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct evd_dispatch_config config = {
        .max_depth = 16,
        .module_config = fuzz_input(data, size),
        .module_config_from = "modules.json",
    };
    struct evd_module_config table;
    struct evd_error error = {0};
    int rc = evd_module_config_open(&table, &config, &error);
    if (rc < 0) {
        FUZZ_CHECK(rc == EVD_ERR_USAGE && error.status == rc);
        FUZZ_CHECK(strncmp(error.text, "modules.json", 12) == 0);
        return 0;
    }
    if (size > 0) {
        cJSON *tree = cJSON_ParseWithLength((const char *)data, size);
        check_entries(&table, tree);
        cJSON_Delete(tree);
    }

    evd_module_config_close(&table);
    return 0;
}
