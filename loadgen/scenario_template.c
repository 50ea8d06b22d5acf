#include "scenario_template.h"

#include "rng.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_MAX (UINT64_C(1) << 53) /* what a double holds exactly */

/* A value of [low, high] that depends on seed, request, variant and the placeholder's text. */
static uint64_t draw(const struct lg_template *values, const char *name, size_t len, uint64_t low,
                     uint64_t high)
{
    uint64_t state = values->seed ^ ((uint64_t)values->request << 32 | values->variant);
    struct lg_rng rng;

    for (size_t i = 0; i < len; i++)
        state = lg_splitmix64(&state) ^ (unsigned char)name[i];
    lg_rng_init(&rng, state);
    return low + lg_rng_below(&rng, high - low + 1);
}

/* "1..100", up to `end`. */
static bool parse_range(const char *text, const char *end, uint64_t *ret_low, uint64_t *ret_high)
{
    char *at;

    if (*text < '0' || *text > '9')
        return false;
    *ret_low = strtoull(text, &at, 10);
    if (strncmp(at, "..", 2) != 0 || at[2] < '0' || at[2] > '9')
        return false;
    *ret_high = strtoull(at + 2, &at, 10);
    return at == end && *ret_low <= *ret_high && *ret_high <= RANDOM_MAX;
}

/* `text` begins with "${". Returns its length, or 0 when it is no placeholder. */
static size_t put_value(const struct lg_template *values, const char *text, FILE *out)
{
    const char *name = text + 2, *end = strchr(name, '}');
    uint64_t low, high;

    if (end == NULL)
        return 0;
    if (strncmp(name, "seq}", 4) == 0)
        fprintf(out, "%u", values->variant);
    else if (strncmp(name, "random:", 7) == 0 && parse_range(name + 7, end, &low, &high))
        fprintf(out, "%" PRIu64, draw(values, name, (size_t)(end - name), low, high));
    else
        return 0;
    return (size_t)(end - text) + 1;
}

static int fill_text(const struct lg_template *values, const char *text, FILE *out,
                     struct evd_error *error)
{
    while (*text != '\0') {
        size_t len = 0;

        if (strncmp(text, "$${", 3) == 0) {
            fputs("${", out);
            text += 3;
        } else if (strncmp(text, "${", 2) != 0) {
            fputc(*text++, out);
        } else {
            len = put_value(values, text, out);
            if (len == 0)
                return evd_error_set(error, EVD_ERR_USAGE,
                                     "'%.40s' is neither ${seq} nor ${random:A..B} with whole "
                                     "numbers A <= B up to 2^53 ($${ stands for ${)",
                                     text);
            text += len;
        }
    }
    return EVD_OK;
}

static int fill_string(const struct lg_template *values, cJSON *item, struct evd_error *error)
{
    char *text = NULL;
    size_t len;
    FILE *out;
    int rc;

    if (strchr(item->valuestring, '$') == NULL)
        return EVD_OK;
    out = open_memstream(&text, &len);
    if (out == NULL)
        return evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory");
    rc = fill_text(values, item->valuestring, out, error);
    if (fclose(out) != 0 || (rc == EVD_OK && cJSON_SetValuestring(item, text) == NULL))
        rc = evd_error_set(error, EVD_ERR_NO_MEMORY, "no memory");
    free(text);
    return rc;
}

/* As deep as cJSON nests at most (CJSON_NESTING_LIMIT, 1,000). */
int lg_template_fill(const struct lg_template *values, cJSON *json, struct evd_error *ret_error)
{
    cJSON *child;
    int rc = cJSON_IsString(json) ? fill_string(values, json, ret_error) : EVD_OK;

    cJSON_ArrayForEach(child, json)
    {
        if (rc < 0)
            break;
        rc = lg_template_fill(values, child, ret_error);
    }
    return rc;
}
