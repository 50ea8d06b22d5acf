#include "scenario.h"
#include "paths.h"
#include "payloads.h"
#include "pointer.h"
#include "scenario_template.h"

#include "server/wire/args.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What loading passes around. */
struct loader {
    const char *path;
    const struct lg_scenario_options *options;
    struct lg_scenario *scenario;
    struct evd_codec_context codecs;
    struct evd_buf encoded; /* one request's data, before it is copied */
    struct evd_error *error;
};

static int no_memory(struct loader *loader)
{
    return evd_error_set(loader->error, EVD_ERR_NO_MEMORY, "no memory for %s", loader->path);
}

/* ---- Checking what a file says ---- */

static bool is_listed(const char *key, const char *const *allowed)
{
    for (; *allowed != NULL; allowed++)
        if (strcmp(key, *allowed) == 0)
            return true;
    return false;
}

/* Only the allowed keys, each once. `where` is "", or "request 3: ". */
static int check_keys(struct loader *loader, const char *where, const cJSON *object,
                      const char *const *allowed)
{
    const cJSON *child;
    char list[160] = "";

    for (size_t i = 0; allowed[i] != NULL; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i == 0 ? "" : ", ",
                 allowed[i]);
    cJSON_ArrayForEach(child, object)
    {
        if (!is_listed(child->string, allowed))
            return evd_error_set(loader->error, EVD_ERR_USAGE,
                                 "%s: %sunknown key '%.40s'; allowed are %s", loader->path, where,
                                 child->string, list);
        if (cJSON_GetObjectItemCaseSensitive(object, child->string) != child)
            return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: %skey '%.40s' is there twice",
                                 loader->path, where, child->string);
    }
    return EVD_OK;
}

/* A string, not empty and at most `max` bytes; NULL when it is missing and not `required`. */
static int get_string(struct loader *loader, const char *where, const cJSON *object,
                      const char *key, size_t max, bool required, const char **ret_text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    *ret_text = NULL;
    if (item == NULL && !required)
        return EVD_OK;
    if (!cJSON_IsString(item) || *item->valuestring == '\0' || strlen(item->valuestring) > max)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %skey '%s' must be a string of 1 to %zu bytes", loader->path,
                             where, key, max);
    *ret_text = item->valuestring;
    return EVD_OK;
}

/* ---- Requests ---- */

/* A copy that the scenario owns. */
static int copy(struct loader *loader, struct evd_slice from, struct evd_slice *ret_copy)
{
    char *bytes = malloc(from.len + 1);

    if (bytes == NULL)
        return no_memory(loader);
    if (from.len > 0)
        memcpy(bytes, from.ptr, from.len);
    bytes[from.len] = '\0';
    *ret_copy = evd_slice(bytes, from.len);
    return EVD_OK;
}

/* The next free request, with event, codec and data filled in from compact JSON. */
static int add_request(struct loader *loader, const char *event, struct evd_slice json,
                       const struct evd_codec *codec, struct lg_request **ret_request)
{
    struct lg_scenario *scenario = loader->scenario;
    struct lg_request *request = &scenario->requests[scenario->count++];
    int rc;

    if (loader->options->encoding != NULL)
        codec = loader->options->encoding;
    request->codec = codec;
    request->payload_len = json.len;
    request->weight = 1;
    evd_buf_clear(&loader->encoded);
    rc = codec->encode(&loader->codecs, json, &loader->encoded);
    if (rc < 0)
        return evd_error_set(loader->error, rc, "%s: request %zu: its data: %s", loader->path,
                             scenario->count, evd_status_text(rc));
    rc = copy(loader, evd_buf_slice(&loader->encoded), &request->data);
    if (rc == EVD_OK)
        rc = copy(loader, evd_slice_text(event), &request->event);
    *ret_request = request;
    return rc;
}

/* Prints `json` compactly into a slice that the scenario owns. NULL prints as null. */
static int print(struct loader *loader, const cJSON *json, struct evd_slice *ret_text)
{
    char *text = json == NULL ? strdup("null") : cJSON_PrintUnformatted(json);

    if (text == NULL)
        return no_memory(loader);
    *ret_text = evd_slice_text(text);
    return EVD_OK;
}

static int read_codec(struct loader *loader, const char *where, const cJSON *item,
                      const struct evd_codec **ret_codec)
{
    const char *name;
    int rc = get_string(loader, where, item, "encoding", 32, false, &name);

    if (rc < 0)
        return rc;
    *ret_codec = evd_codec_by_name(name == NULL ? EVD_SLICE("json") : evd_slice_text(name));
    if (*ret_codec == NULL)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %skey 'encoding' is '%s'; allowed are json, base64, gzip, "
                             "base64+gzip",
                             loader->path, where, name);
    return EVD_OK;
}

static int read_expect(struct loader *loader, const char *where, const cJSON *item,
                       struct lg_request *request)
{
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(item, "expect");
    const char *code;
    int rc = get_string(loader, where, item, "expect_error", 63, false, &code);

    if (rc < 0)
        return rc;
    if ((expect != NULL) == (code != NULL))
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %sone of the keys 'expect' and 'expect_error' must be there",
                             loader->path, where);
    request->expect_error = code != NULL;
    return code != NULL ? copy(loader, evd_slice_text(code), &request->expect)
                        : print(loader, expect, &request->expect);
}

/* 1 to max; *ret_count stays as it is when the key is not there. */
static int read_count(struct loader *loader, const char *where, const cJSON *item, const char *key,
                      unsigned max, unsigned *ret_count)
{
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(item, key);

    if (count == NULL)
        return EVD_OK;
    if (!cJSON_IsNumber(count) || !(count->valuedouble >= 1) || count->valuedouble > max ||
        count->valuedouble != (double)(unsigned)count->valuedouble)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %skey '%s' must be a whole number from 1 to %u", loader->path,
                             where, key, max);
    *ret_count = (unsigned)count->valuedouble;
    return EVD_OK;
}

static int read_request(struct loader *loader, const char *where, const cJSON *item)
{
    const struct evd_codec *codec = NULL;
    struct lg_request *request;
    struct evd_slice json = {0};
    const char *event = NULL;
    int rc;

    rc = get_string(loader, where, item, "event", EVD_EVENT_MAX, true, &event);
    if (rc == EVD_OK)
        rc = read_codec(loader, where, item, &codec);
    if (rc == EVD_OK)
        rc = print(loader, cJSON_GetObjectItemCaseSensitive(item, "data"), &json);
    if (rc < 0)
        return rc;
    rc = add_request(loader, event, json, codec, &request);
    free((char *)json.ptr);
    if (rc == EVD_OK)
        rc = read_expect(loader, where, item, request);
    if (rc == EVD_OK)
        rc = read_count(loader, where, item, "weight", LG_SCENARIO_WEIGHT_MAX, &request->weight);
    return rc;
}

/* Puts what the file says in the place of its name. */
static int read_data_file(struct loader *loader, const char *where, cJSON *item)
{
    const char *name;
    char path[LG_PATH_MAX], *text;
    cJSON *data;
    size_t len;
    int rc = get_string(loader, where, item, "data_file", 255, false, &name);

    if (rc < 0 || name == NULL)
        return rc;
    if (cJSON_GetObjectItemCaseSensitive(item, "data") != NULL)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %sonly one of the keys 'data' and 'data_file' may be there",
                             loader->path, where);
    rc = lg_path_beside_file(loader->path, name, path, loader->error);
    if (rc == EVD_OK)
        rc = lg_read_file(path, LG_SCENARIO_BYTES_MAX, &text, &len, loader->error);
    if (rc < 0)
        return rc;
    data = cJSON_ParseWithLengthOpts(text, len + 1, NULL, true);
    free(text);
    if (data == NULL)
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: %s%s is not valid JSON",
                             loader->path, where, path);
    if (!cJSON_AddItemToObject(item, "data", data)) {
        cJSON_Delete(data);
        return no_memory(loader);
    }
    return EVD_OK;
}

static int read_variant(struct loader *loader, const char *where, const cJSON *item,
                        const struct lg_template *values)
{
    static const char *const filled[] = {"data", "expect"};
    cJSON *variant = cJSON_Duplicate(item, true);
    struct evd_error error;
    int rc = variant == NULL ? no_memory(loader) : read_data_file(loader, where, variant);

    for (size_t i = 0; i < 2 && rc == EVD_OK && values != NULL; i++) {
        rc = lg_template_fill(values, cJSON_GetObjectItemCaseSensitive(variant, filled[i]), &error);
        if (rc < 0)
            evd_error_set(loader->error, rc, "%s: %skey '%s': %s", loader->path, where, filled[i],
                          error.text);
    }
    if (rc == EVD_OK)
        rc = read_request(loader, where, variant);
    cJSON_Delete(variant);
    return rc;
}

/* "50ms"; no longer than LG_SCENARIO_THINK_MAX. */
static int read_think(struct loader *loader, const char *where, const cJSON *item,
                      uint64_t *ret_think_ns)
{
    const char *text;
    struct evd_error error;
    int rc = get_string(loader, where, item, "think", 32, false, &text);

    *ret_think_ns = 0;
    if (rc < 0 || text == NULL)
        return rc;
    if (evd_parse_duration(text, ret_think_ns, &error) < 0 || *ret_think_ns > LG_SCENARIO_THINK_MAX)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %skey 'think' is '%s'; allowed is a time of up to 60s, such as "
                             "50ms",
                             loader->path, where, text);
    return EVD_OK;
}

static int read_step(struct loader *loader, const char *where, const cJSON *item,
                     const struct lg_template *values)
{
    static const char *const keys[] = {"event",    "data",   "data_file",    "think",
                                       "encoding", "expect", "expect_error", NULL};
    struct lg_scenario *scenario = loader->scenario;
    uint32_t last = (uint32_t)scenario->count - 1;
    uint64_t think_ns;
    int rc;

    if (!cJSON_IsObject(item))
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: %smust be an object", loader->path,
                             where);
    rc = check_keys(loader, where, item, keys);
    if (rc == EVD_OK)
        rc = read_think(loader, where, item, &think_ns);
    if (rc == EVD_OK)
        rc = read_variant(loader, where, item, values);
    if (rc < 0)
        return rc;
    scenario->requests[last].next = last + 1;
    scenario->requests[last + 1].think_ns = think_ns;
    scenario->requests[last + 1].is_step = true;
    scenario->requests[last + 1].weight = scenario->requests[last].weight;
    scenario->sequences = true;
    return EVD_OK;
}

/* A request, and what follows it. */
static int read_sequence(struct loader *loader, unsigned number, const cJSON *item,
                         const struct lg_template *values)
{
    const cJSON *then = cJSON_GetObjectItemCaseSensitive(item, "then"), *step;
    unsigned at = 0;
    char where[64];
    int rc;

    snprintf(where, sizeof(where), "request %u: ", number);
    if (then != NULL && (!cJSON_IsArray(then) || cJSON_GetArraySize(then) < 1 ||
                         cJSON_GetArraySize(then) > LG_SCENARIO_STEPS_MAX))
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: %skey 'then' must be an array of 1 to %d steps", loader->path,
                             where, LG_SCENARIO_STEPS_MAX);
    rc = read_variant(loader, where, item, values);
    cJSON_ArrayForEach(step, then)
    {
        if (rc < 0)
            break;
        snprintf(where, sizeof(where), "request %u: step %u: ", number, ++at);
        rc = read_step(loader, where, step, values);
    }
    return rc;
}

static int read_variants(struct loader *loader, unsigned number, const cJSON *item)
{
    static const char *const keys[] = {"event",    "data",   "data_file",    "encoding", "weight",
                                       "variants", "expect", "expect_error", "then",     NULL};
    struct lg_template values = {.seed = loader->options->seed, .request = number};
    unsigned variants = 0;
    char where[32];
    int rc;

    snprintf(where, sizeof(where), "request %u: ", number);
    if (!cJSON_IsObject(item))
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: %smust be an object", loader->path,
                             where);
    rc = check_keys(loader, where, item, keys);
    if (rc == EVD_OK)
        rc = read_count(loader, where, item, "variants", LG_VARIANTS_MAX, &variants);
    if (rc < 0 || variants == 0) /* no placeholders */
        return rc < 0 ? rc : read_sequence(loader, number, item, NULL);
    for (; values.variant < variants && rc == EVD_OK; values.variant++)
        rc = read_sequence(loader, number, item, &values);
    return rc;
}

static int make_room(struct loader *loader, size_t count)
{
    if (count == 0 || count > LG_SCENARIO_REQUESTS_MAX)
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: %zu requests; allowed are 1 to %d",
                             loader->path, count, LG_SCENARIO_REQUESTS_MAX);
    loader->scenario->requests = calloc(count, sizeof(*loader->scenario->requests));
    return loader->scenario->requests == NULL ? no_memory(loader) : EVD_OK;
}

static int read_requests(struct loader *loader, const cJSON *requests)
{
    const cJSON *item;
    unsigned number = 0;
    size_t count = 0;
    int rc;

    if (!cJSON_IsArray(requests))
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: key 'requests' must be an array",
                             loader->path);
    cJSON_ArrayForEach(item, requests)
    {
        const cJSON *variants = cJSON_GetObjectItemCaseSensitive(item, "variants");
        const cJSON *then = cJSON_GetObjectItemCaseSensitive(item, "then");
        size_t each = 1 + (size_t)cJSON_GetArraySize(then);

        count += cJSON_IsNumber(variants) && variants->valuedouble >= 1 &&
                         variants->valuedouble <= LG_VARIANTS_MAX
                     ? (size_t)variants->valuedouble * each
                     : each;
    }
    rc = make_room(loader, count);
    cJSON_ArrayForEach(item, requests)
    {
        if (rc < 0)
            break;
        rc = read_variants(loader, ++number, item);
    }
    snprintf(loader->scenario->payloads, sizeof(loader->scenario->payloads), "inline");
    return rc;
}

/* ---- Requests from a package ---- */

static int check_pointers(struct loader *loader, const cJSON *expect)
{
    const cJSON *child;

    if (!cJSON_IsObject(expect))
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: key 'expect' must be an object of JSON pointers", loader->path);
    cJSON_ArrayForEach(child, expect)
    {
        if (!cJSON_IsString(child) || !lg_pointer_valid(child->valuestring))
            return evd_error_set(loader->error, EVD_ERR_USAGE,
                                 "%s: key 'expect': '%.40s' must be a JSON pointer (RFC 6901), "
                                 "such as \"/repository/full_name\"",
                                 loader->path, child->string);
    }
    return EVD_OK;
}

/* The answer to one payload: an object with what each pointer of `pointers` leads to. */
static int resolve(struct loader *loader, const cJSON *pointers, const struct lg_payload *payload,
                   struct lg_request *request)
{
    cJSON *document = cJSON_ParseWithLength(payload->json, payload->len);
    cJSON *answer = cJSON_CreateObject();
    const cJSON *child;
    int rc = document == NULL || answer == NULL ? no_memory(loader) : EVD_OK;

    cJSON_ArrayForEach(child, pointers)
    {
        const cJSON *value;

        if (rc < 0)
            break;
        value = lg_pointer_get(document, child->valuestring);
        if (!cJSON_AddItemToObject(answer, child->string,
                                   value == NULL ? cJSON_CreateNull()
                                                 : cJSON_Duplicate(value, true)))
            rc = no_memory(loader);
    }
    if (rc == EVD_OK)
        rc = print(loader, answer, &request->expect);
    cJSON_Delete(document);
    cJSON_Delete(answer);
    return rc;
}

static int add_payloads(struct loader *loader, const struct lg_payloads *payloads,
                        const cJSON *expect)
{
    int rc = make_room(loader, payloads->count);

    for (size_t i = 0; i < payloads->count && rc == EVD_OK; i++) {
        const struct lg_payload *payload = &payloads->items[i];
        struct lg_request *request;

        rc = add_request(loader, payload->event, evd_slice(payload->json, payload->len),
                         &evd_codec_json, &request);
        if (rc == EVD_OK)
            rc = resolve(loader, expect, payload, request);
    }
    return rc;
}

static int read_payloads(struct loader *loader, const cJSON *spec_json, const cJSON *expect)
{
    static const char *const keys[] = {"table", "package", "version", "file", NULL};
    static const char where[] = "payloads: ";
    struct lg_payloads_spec spec;
    struct lg_payloads payloads;
    const char *table = NULL;
    char path[LG_PATH_MAX];
    int rc = check_pointers(loader, expect);

    if (rc == EVD_OK && !cJSON_IsObject(spec_json))
        rc = evd_error_set(loader->error, EVD_ERR_USAGE, "%s: key 'payloads' must be an object",
                           loader->path);
    if (rc == EVD_OK)
        rc = check_keys(loader, where, spec_json, keys);
    if (rc == EVD_OK)
        rc = get_string(loader, where, spec_json, "table", 255, true, &table);
    if (rc == EVD_OK)
        rc = get_string(loader, where, spec_json, "package", 100, true, &spec.package);
    if (rc == EVD_OK)
        rc = get_string(loader, where, spec_json, "version", 40, true, &spec.version);
    if (rc == EVD_OK)
        rc = get_string(loader, where, spec_json, "file", 255, true, &spec.file);
    if (rc == EVD_OK)
        rc = lg_path_beside_file(loader->path, table, path, loader->error);
    if (rc < 0)
        return rc;
    spec.table = path;
    rc = lg_payloads_load(&spec, loader->options->payloads, &payloads, loader->error);
    if (rc < 0)
        return rc;
    rc = add_payloads(loader, &payloads, expect);
    memcpy(loader->scenario->payloads, payloads.source, sizeof(payloads.source));
    memcpy(loader->scenario->warning, payloads.warning, sizeof(payloads.warning));
    lg_payloads_release(&payloads);
    return rc;
}

/* ---- The whole ---- */

static int read_document(struct loader *loader, const cJSON *document)
{
    static const char *const keys[] = {"name",     "description", "requests",
                                       "payloads", "expect",      NULL};
    const cJSON *requests = cJSON_GetObjectItemCaseSensitive(document, "requests");
    const cJSON *payloads = cJSON_GetObjectItemCaseSensitive(document, "payloads");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(document, "expect");
    const char *name = NULL, *description;
    int rc;

    if (!cJSON_IsObject(document))
        return evd_error_set(loader->error, EVD_ERR_USAGE, "%s: must be a JSON object",
                             loader->path);
    rc = check_keys(loader, "", document, keys);
    if (rc == EVD_OK)
        rc = get_string(loader, "", document, "name", sizeof(loader->scenario->name) - 1, true,
                        &name);
    if (rc == EVD_OK)
        rc = get_string(loader, "", document, "description", 1000, false, &description);
    if (rc < 0)
        return rc;
    if ((requests != NULL) == (payloads != NULL))
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: one of the keys 'requests' and 'payloads' must be there",
                             loader->path);
    if (requests != NULL && expect != NULL)
        return evd_error_set(loader->error, EVD_ERR_USAGE,
                             "%s: key 'expect' goes with 'payloads'; beside 'requests' each "
                             "request has its own",
                             loader->path);
    snprintf(loader->scenario->name, sizeof(loader->scenario->name), "%s", name);
    return requests != NULL ? read_requests(loader, requests)
                            : read_payloads(loader, payloads, expect);
}

static int parse_file(struct loader *loader)
{
    const char *end = NULL;
    cJSON *document;
    char *text;
    size_t len;
    int rc = lg_read_file(loader->path, LG_SCENARIO_BYTES_MAX, &text, &len, loader->error);

    if (rc < 0)
        return rc;
    document = cJSON_ParseWithLengthOpts(text, len + 1, &end, true);
    if (document == NULL) {
        unsigned line = 1;

        for (const char *p = text; p < end; p++)
            line += *p == '\n';
        rc = evd_error_set(loader->error, EVD_ERR_USAGE, "%s:%u: not valid JSON", loader->path,
                           line);
    } else {
        rc = read_document(loader, document);
    }
    cJSON_Delete(document);
    free(text);
    if (rc == EVD_OK && lg_scenario_deal(loader->scenario, loader->options->seed) < 0)
        return no_memory(loader);
    return rc;
}

int lg_scenario_load(const char *name, const struct lg_scenario_options *options,
                     struct lg_scenario *ret_scenario, struct evd_error *ret_error)
{
    struct loader loader = {.options = options, .scenario = ret_scenario, .error = ret_error};
    char folder[LG_PATH_MAX], path[LG_PATH_MAX + 256], known[128];
    int rc;

    memset(ret_scenario, 0, sizeof(*ret_scenario));
    loader.path = name;
    if (!lg_path_is_file(name)) {
        rc = lg_path_beside_program("../share/scenarios", folder, ret_error);
        if (rc < 0)
            return rc;
        snprintf(path, sizeof(path), "%s/%.200s.json", folder, name);
        if (access(path, F_OK) != 0)
            return evd_error_set(ret_error, EVD_ERR_USAGE,
                                 "there is no scenario '%.60s': give one of %s, or a file with a "
                                 "'/' or a '.json'",
                                 name, lg_path_known(folder, known, sizeof(known)));
        loader.path = path;
    }
    rc = evd_codec_context_init(&loader.codecs, LG_SCENARIO_BYTES_MAX);
    if (rc < 0)
        return no_memory(&loader);
    evd_buf_init(&loader.encoded, 2 * (size_t)LG_SCENARIO_BYTES_MAX);
    rc = parse_file(&loader);
    evd_buf_release(&loader.encoded);
    evd_codec_context_release(&loader.codecs);
    if (rc < 0)
        lg_scenario_release(ret_scenario);
    return rc;
}
