/* The cases of tests/vectors/json.tsv, which says what its columns mean. */
#ifndef EVD_JSON_CASES_H
#define EVD_JSON_CASES_H

#include "dispatch/json.h"
#include "wire_test.h"

#include <stdio.h>
#include <stdlib.h>

#define JSON_CASES_MAX 512

struct json_case {
    char verdict[4];
    char name[64];
    char text[256];
    size_t len;
    size_t bad_at; /* of a text to be refused */
};

struct json_cases {
    struct json_case cases[JSON_CASES_MAX];
    size_t count;
};

static inline bool json_case_accepts(const struct json_case *c)
{
    return strcmp(c->verdict, "y") == 0 || strcmp(c->verdict, "i+") == 0;
}

/* %XX -> the byte, %! -> the place of the error. */
static inline void json_case_decode(struct json_case *c, const char *in)
{
    c->len = 0;
    c->bad_at = SIZE_MAX;
    while (*in != '\0' && *in != '\n') {
        assert_true(c->len < sizeof c->text);
        if (in[0] != '%') {
            c->text[c->len++] = *in++;
        } else if (in[1] == '!') {
            c->bad_at = c->len;
            in += 2;
        } else {
            char hex[3] = {in[1], in[2], '\0'}, *end;
            c->text[c->len++] = (char)strtoul(hex, &end, 16);
            assert_true(end == hex + 2);
            in += 3;
        }
    }
    assert_true(json_case_accepts(c) == (c->bad_at == SIZE_MAX));
}

static inline int json_cases_load(void **state)
{
    static struct json_cases all;
    char line[1024], name[64];
    FILE *file = fopen(EVD_VECTORS "/json.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        int text_at = 0;
        if (line[0] == '#')
            continue;
        assert_true(all.count < JSON_CASES_MAX);
        struct json_case *c = &all.cases[all.count++];
        assert_int_equal(sscanf(line, "%3[^\t]\t%63[^\t]%n", c->verdict, name, &text_at), 2);
        assert_true(line[text_at] == '\t');
        (void)snprintf(c->name, sizeof c->name, "%s", name);
        json_case_decode(c, line + text_at + 1);
    }
    assert_int_equal(fclose(file), 0);
    *state = &all;
    return 0;
}

#endif
