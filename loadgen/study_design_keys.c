#include "study_design_keys.h"

#include "server/wire/args.h"
#include "study_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int lg_key_complain(const struct lg_key_place *place, const char *key, const char *what)
{
    const char *dot = place->path[0] && key[0] ? "." : "";
    return evd_error_set(place->error, EVD_ERR_USAGE, "%s: %s%s%s: %s", place->source, place->path,
                         dot, key, what);
}

int lg_keys_check(const struct lg_key_place *place, const cJSON *object, const char *allowed)
{
    if (!cJSON_IsObject(object))
        return lg_key_complain(place, "", "must be an object");
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        char want[80], text[280];
        if (snprintf(want, sizeof(want), "|%s|", item->string) >= (int)sizeof(want) ||
            strchr(item->string, '|') || !strstr(allowed, want)) {
            snprintf(text, sizeof(text), "no such key; allowed are %s", allowed);
            return lg_key_complain(place, item->string, text);
        }
        if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item)
            return lg_key_complain(place, item->string, "is there twice");
    }
    return EVD_OK;
}

int lg_key_text(const struct lg_key_place *place, const cJSON *object, const char *key,
                const char *otherwise, const char **ret_text)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item && otherwise) {
        *ret_text = otherwise;
        return EVD_OK;
    }
    *ret_text = cJSON_GetStringValue(item);
    if (!*ret_text || !(*ret_text)[0])
        return lg_key_complain(place, key, item ? "must be a text, not empty" : "is missing");
    for (const char *c = *ret_text; *c; c++)
        if ((unsigned char)*c < 0x20)
            return lg_key_complain(place, key, "must not hold control characters");
    return EVD_OK;
}

int lg_key_check_name(const struct lg_key_place *place, const char *key, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  " ._/()+=,:@-";
    if (strlen(name) > LG_NAME_MAX || name[strspn(name, letters)] != '\0')
        return lg_key_complain(
            place, key, "must be at most 48 letters, digits, spaces and characters of ._/()+=,:@-");
    return EVD_OK;
}

int lg_key_name(const struct lg_key_place *place, const cJSON *object, const char **ret_name)
{
    int rc = lg_key_text(place, object, "name", NULL, ret_name);
    return rc == EVD_OK ? lg_key_check_name(place, "name", *ret_name) : rc;
}

int lg_key_number(const struct lg_key_place *place, const cJSON *object, const char *key,
                  double min, double max, unsigned *ret_value)
{
    double value = lg_json_number(object, key);
    if (!(value >= min && value <= max && floor(value) == value)) {
        char text[80];
        snprintf(text, sizeof(text), "must be a whole number of %.0f to %.0f", min, max);
        return lg_key_complain(place, key, text);
    }
    *ret_value = (unsigned)value;
    return EVD_OK;
}

int lg_key_duration(const struct lg_key_place *place, const cJSON *object, const char *key,
                    uint64_t min_ns, const char **ret_text, uint64_t *ret_ns)
{
    int rc = lg_key_text(place, object, key, NULL, ret_text);
    if (rc != EVD_OK)
        return rc;
    struct evd_error why = {0};
    if (evd_parse_duration(*ret_text, ret_ns, &why) < 0)
        return lg_key_complain(place, key, why.text);
    if (*ret_ns < min_ns || *ret_ns > LG_TRIAL_NS_MAX)
        return lg_key_complain(place, key,
                               min_ns > 0 ? "must be at most one hour, and longer than nothing"
                                          : "must be at most one hour");
    return EVD_OK;
}

int lg_key_flag(const struct lg_key_place *place, const cJSON *object, const char *key,
                bool *ret_flag)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    *ret_flag = cJSON_IsTrue(item);
    if (item && !cJSON_IsBool(item))
        return lg_key_complain(place, key, "must be true or false");
    return EVD_OK;
}

int lg_key_args(const struct lg_key_place *place, const cJSON *object, const char *key,
                const char *reserved, struct lg_args *ret_args)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);
    int count = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || count > LG_ARGS_MAX)
        return lg_key_complain(place, key, "must be a list of at most 32 texts");
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetStringValue(item);
        if (!text)
            return lg_key_complain(place, key, "must be a list of texts");
        char option[64];
        size_t len = strcspn(text, "=");
        if (len + 3 <= sizeof(option)) {
            /* getopt takes any beginning of a name for it, so none may begin one. */
            snprintf(option, sizeof(option), "|%.*s", (int)len, text);
            if (strncmp(text, "--", 2) == 0 && strstr(reserved, option)) {
                char why[280];
                snprintf(why, sizeof(why), "the study itself sets %s", reserved);
                return lg_key_complain(place, key, why);
            }
        }
        ret_args->items[ret_args->count++] = text;
    }
    return EVD_OK;
}

int lg_key_list(const struct lg_key_place *place, const cJSON *root, const char *key, int max,
                const cJSON **ret_list)
{
    *ret_list = cJSON_GetObjectItemCaseSensitive(root, key);
    int count = cJSON_GetArraySize(*ret_list);
    if (cJSON_IsArray(*ret_list) && count >= 1 && count <= max)
        return EVD_OK;
    char text[64];
    snprintf(text, sizeof(text), "must be a list of 1 to %d", max);
    return lg_key_complain(place, key, text);
}
