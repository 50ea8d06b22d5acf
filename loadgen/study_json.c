#include "study_json.h"

#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int lg_json_parse(const char *text, size_t len, const char *source, size_t line, cJSON **ret_root,
                  struct evd_error *ret_error)
{
    const char *end = text;
    cJSON *root = memchr(text, '\0', len) ? NULL : cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (root) {
        while (end < text + len && strchr(" \t\r\n", *end))
            end++;
        if (end == text + len) {
            *ret_root = root;
            return EVD_OK;
        }
        cJSON_Delete(root);
    }
    size_t column = 1;
    for (const char *c = text; c < end && c < text + len; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "%s:%zu:%zu: this is not valid JSON", source,
                         line, column);
}

int lg_json_read(const char *path, size_t max, cJSON **ret_root, struct evd_error *ret_error)
{
    char *text;
    size_t len;
    int rc = lg_read_file(path, max, &text, &len, ret_error);
    if (rc != EVD_OK)
        return rc;
    rc = lg_json_parse(text, len, path, 1, ret_root, ret_error);
    free(text);
    return rc;
}

const char *lg_json_string(const cJSON *object, const char *key, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : otherwise;
}

double lg_json_number(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

int lg_write_file(const char *path, const char *text, size_t len, struct evd_error *ret_error)
{
    char next[PATH_MAX];
    if (snprintf(next, sizeof(next), "%s.new", path) >= (int)sizeof(next))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "the path '%.60s...' is too long", path);
    FILE *file = fopen(next, "we");
    if (!file)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write '%s': %s", next,
                             strerror(errno));
    size_t written = fwrite(text, 1, len, file);
    int saved = errno;
    if (fclose(file) != 0 && written == len) {
        saved = errno;
        written = 0;
    }
    if (written == len && rename(next, path) == 0)
        return EVD_OK;
    if (written == len)
        saved = errno;
    unlink(next);
    return evd_error_set(ret_error, EVD_ERR_SYSTEM, "cannot write '%s': %s", path, strerror(saved));
}

const char *lg_json_whole(const cJSON *object, const char *key, char out[static 32])
{
    double number = lg_json_number(object, key);
    snprintf(out, 32, fabs(number) < 1e15 ? "%.0f" : "unknown", number);
    return out;
}
