#include "payloads.h"
#include "generate.h"
#include "paths.h"

#include "dispatch/message.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lg_payloads_release(struct lg_payloads *payloads)
{
    for (size_t i = 0; i < payloads->count; i++) {
        free(payloads->items[i].event);
        free(payloads->items[i].json);
    }
    free(payloads->items);
    payloads->items = NULL;
    payloads->count = 0;
}

static int no_memory(struct evd_error *ret_error)
{
    return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "no memory for the payloads");
}

/* Takes over json, also when it fails. */
static int add(struct lg_payloads *payloads, const char *event, char *json, size_t len,
               struct evd_error *ret_error)
{
    struct lg_payload *item;

    if (payloads->count == LG_PAYLOADS_MAX) {
        free(json);
        return evd_error_set(ret_error, EVD_ERR_USAGE, "more than %d payloads", LG_PAYLOADS_MAX);
    }
    if (payloads->items == NULL)
        payloads->items = calloc(LG_PAYLOADS_MAX, sizeof(*payloads->items));
    if (payloads->items == NULL) {
        free(json);
        return no_memory(ret_error);
    }
    item = &payloads->items[payloads->count];
    item->event = strdup(event);
    item->json = json;
    item->len = len;
    payloads->count++; /* from here on release() frees both */
    return item->event == NULL ? no_memory(ret_error) : EVD_OK;
}

/* ---- The table ---- */

/* One line "event\tbytes", its end cut off. */
static int read_row(const char *path, unsigned line, char *text, struct lg_payloads *rows,
                    struct evd_error *ret_error)
{
    char *tab = strchr(text, '\t'), *end;
    unsigned long bytes;

    if (tab == NULL || tab == text || tab - text > EVD_EVENT_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%s:%u: expected an event, a tab, and its bytes", path, line);
    *tab = '\0';
    errno = 0;
    bytes = strtoul(tab + 1, &end, 10);
    if (errno != 0 || tab[1] < '0' || tab[1] > '9' || *end != '\0' || bytes < LG_GENERATE_MIN ||
        bytes > LG_PAYLOAD_BYTES_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%s:%u: bytes is '%s', allowed are %d to %d",
                             path, line, tab + 1, LG_GENERATE_MIN, LG_PAYLOAD_BYTES_MAX);
    return add(rows, text, NULL, bytes, ret_error);
}

static int read_table(const char *path, struct lg_payloads *rows, struct evd_error *ret_error)
{
    static const char header[] = "event\tbytes";
    char *text, *next;
    size_t len;
    unsigned line = 1;
    int rc = lg_read_file(path, LG_PACKAGE_BYTES_MAX, &text, &len, ret_error);

    if (rc < 0)
        return rc;
    next = text;
    for (char *row = strsep(&next, "\n"); row != NULL && rc == EVD_OK; row = strsep(&next, "\n")) {
        if (line == 1 && strcmp(row, header) != 0)
            rc = evd_error_set(ret_error, EVD_ERR_USAGE,
                               "%s:1: the first line must be 'event<tab>bytes'", path);
        else if (line > 1 && (*row != '\0' || next != NULL))
            rc = read_row(path, line, row, rows, ret_error);
        line++;
    }
    free(text);
    if (rc == EVD_OK && rows->count == 0)
        rc = evd_error_set(ret_error, EVD_ERR_USAGE, "%s: no payloads in it", path);
    return rc;
}

/* Fills in the payload of each row that has none. */
static int generate(struct lg_payloads *rows, struct evd_error *ret_error)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct lg_payload *item = &rows->items[i];

        item->json = malloc(item->len + 1);
        if (item->json == NULL)
            return no_memory(ret_error);
        lg_generate_payload(item->event, i, item->len, item->json);
        item->json[item->len] = '\0';
    }
    snprintf(rows->source, sizeof(rows->source), "generated");
    return EVD_OK;
}

/* ---- The package ---- */

static int check_version(const struct lg_payloads_spec *spec, const char *folder,
                         struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    const cJSON *version;
    cJSON *json;
    char *text;
    size_t len;
    int rc = EVD_OK;

    if (snprintf(path, sizeof(path), "%s/package.json", folder) >= (int)sizeof(path))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path of the package is too long");
    rc = lg_read_file(path, LG_PAYLOAD_BYTES_MAX, &text, &len, ret_error);
    if (rc < 0)
        return rc;
    json = cJSON_ParseWithLength(text, len);
    free(text);
    version = cJSON_GetObjectItemCaseSensitive(json, "version");
    if (!cJSON_IsString(version) || strcmp(version->valuestring, spec->version) != 0)
        rc = evd_error_set(ret_error, EVD_ERR_USAGE, "%s: the version is %.40s, expected is %s %s",
                           path, cJSON_IsString(version) ? version->valuestring : "not there",
                           spec->package, spec->version);
    cJSON_Delete(json);
    return rc;
}

static int add_example(const char *name, const cJSON *example, struct lg_payloads *payloads,
                       struct evd_error *ret_error)
{
    const cJSON *action = cJSON_GetObjectItemCaseSensitive(example, "action");
    char event[EVD_EVENT_MAX + 1];
    char *json;

    if (snprintf(event, sizeof(event), "api.%s.%s", name,
                 cJSON_IsString(action) ? action->valuestring : "received") >= (int)sizeof(event))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the event of a %.100s is too long", name);
    json = cJSON_PrintUnformatted(example);
    if (json == NULL)
        return no_memory(ret_error);
    return add(payloads, event, json, strlen(json), ret_error);
}

static int add_hooks(const char *path, const cJSON *hooks, struct lg_payloads *payloads,
                     struct evd_error *ret_error)
{
    const cJSON *hook, *example;

    cJSON_ArrayForEach(hook, hooks)
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(hook, "name");
        const cJSON *examples = cJSON_GetObjectItemCaseSensitive(hook, "examples");

        if (!cJSON_IsString(name) || !cJSON_IsArray(examples))
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "%s: a webhook has no 'name' or no 'examples'", path);
        cJSON_ArrayForEach(example, examples)
        {
            int rc = add_example(name->valuestring, example, payloads, ret_error);

            if (rc < 0)
                return rc;
        }
    }
    return EVD_OK;
}

/* The package must be what the table was made of: the server's modules come from the table. */
static int compare(const char *path, const struct lg_payloads *package,
                   const struct lg_payloads *rows, struct evd_error *ret_error)
{
    if (package->count != rows->count)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%s: %zu payloads, and the table has %zu rows", path, package->count,
                             rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        const struct lg_payload *a = &package->items[i], *b = &rows->items[i];

        if (strcmp(a->event, b->event) != 0 || a->len != b->len)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "%.100s: payload %zu is %.60s of %zu bytes, and in the table "
                                 "%.60s of %zu",
                                 path, i + 1, a->event, a->len, b->event, b->len);
    }
    return EVD_OK;
}

static int read_package(const struct lg_payloads_spec *spec, const char *folder,
                        const struct lg_payloads *rows, struct lg_payloads *ret_payloads,
                        struct evd_error *ret_error)
{
    char path[LG_PATH_MAX];
    cJSON *hooks;
    char *text;
    size_t len;
    int rc = check_version(spec, folder, ret_error);

    if (rc < 0)
        return rc;
    if (snprintf(path, sizeof(path), "%s/%s", folder, spec->file) >= (int)sizeof(path))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path of the package is too long");
    rc = lg_read_file(path, LG_PACKAGE_BYTES_MAX, &text, &len, ret_error);
    if (rc < 0)
        return rc;
    hooks = cJSON_ParseWithLength(text, len);
    free(text);
    if (!cJSON_IsArray(hooks))
        rc = evd_error_set(ret_error, EVD_ERR_USAGE, "%s: not a JSON array", path);
    else
        rc = add_hooks(path, hooks, ret_payloads, ret_error);
    cJSON_Delete(hooks);
    if (rc == EVD_OK)
        rc = compare(path, ret_payloads, rows, ret_error);
    snprintf(ret_payloads->source, sizeof(ret_payloads->source), "%.100s %.40s", spec->package,
             spec->version);
    return rc;
}

/* Where a build's `npm install` leaves the package, then the working directory's. */
static bool find_package(const char *package, char *ret_folder)
{
    char relative[512];

    snprintf(relative, sizeof(relative), "../../npm/node_modules/%.200s", package);
    if (lg_path_beside_program(relative, ret_folder, NULL) == EVD_OK &&
        access(ret_folder, F_OK) == 0)
        return true;
    snprintf(ret_folder, LG_PATH_MAX, "./node_modules/%.200s", package);
    return access(ret_folder, F_OK) == 0;
}

static int load(const struct lg_payloads_spec *spec, const char *folder, struct lg_payloads *rows,
                struct lg_payloads *ret_payloads, struct evd_error *ret_error)
{
    char found[LG_PATH_MAX];
    struct evd_error error;
    int rc;

    if (folder != NULL)
        return read_package(spec, folder, rows, ret_payloads, ret_error);
    if (find_package(spec->package, found)) {
        rc = read_package(spec, found, rows, ret_payloads, &error);
        if (rc == EVD_OK)
            return rc;
        snprintf(rows->warning, sizeof(rows->warning),
                 "%s; it is not used, the payloads are generated", error.text);
    }
    lg_payloads_release(ret_payloads);
    rc = generate(rows, ret_error);
    *ret_payloads = *rows;
    *rows = (struct lg_payloads){0};
    return rc;
}

int lg_payloads_load(const struct lg_payloads_spec *spec, const char *folder,
                     struct lg_payloads *ret_payloads, struct evd_error *ret_error)
{
    struct lg_payloads rows = {0};
    int rc;

    *ret_payloads = (struct lg_payloads){0};
    rc = read_table(spec->table, &rows, ret_error);
    if (rc == EVD_OK)
        rc = load(spec, folder, &rows, ret_payloads, ret_error);
    lg_payloads_release(&rows);
    if (rc < 0)
        lg_payloads_release(ret_payloads);
    return rc;
}
