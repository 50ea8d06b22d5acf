#include "pointer.h"

#include <stdlib.h>
#include <string.h>

bool lg_pointer_valid(const char *pointer)
{
    if (*pointer != '\0' && *pointer != '/')
        return false;
    for (const char *p = strchr(pointer, '~'); p != NULL; p = strchr(p + 1, '~'))
        if (p[1] != '0' && p[1] != '1')
            return false;
    return true;
}

/* Whether the reference token at `token`, `len` bytes, escapes in it, names this key. */
static bool token_is(const char *token, size_t len, const char *key)
{
    size_t i = 0;

    while (i < len) {
        char c = token[i++];

        if (c == '~')
            c = token[i++] == '0' ? '~' : '/';
        if (*key++ != c)
            return false;
    }
    return *key == '\0';
}

static const cJSON *member(const cJSON *object, const char *token, size_t len)
{
    const cJSON *child;

    cJSON_ArrayForEach(child, object)
    {
        if (token_is(token, len, child->string))
            return child;
    }
    return NULL;
}

/* Section 4: digits without leading zeros. Seven digits are beyond any document we load. */
static const cJSON *element(const cJSON *array, const char *token, size_t len)
{
    int index = 0;

    if (len == 0 || len > 7 || (token[0] == '0' && len > 1))
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (token[i] < '0' || token[i] > '9')
            return NULL;
        index = index * 10 + (token[i] - '0');
    }
    return cJSON_GetArrayItem(array, index);
}

const cJSON *lg_pointer_get(const cJSON *document, const char *pointer)
{
    const cJSON *value = document;

    while (value != NULL && *pointer == '/') {
        const char *token = pointer + 1;
        size_t len = strcspn(token, "/");

        if (cJSON_IsObject(value))
            value = member(value, token, len);
        else if (cJSON_IsArray(value))
            value = element(value, token, len);
        else
            value = NULL;
        pointer = token + len;
    }
    return value;
}
