#include "grammar.h"

#include <stdint.h>
#include <stdlib.h>

struct text {
    const unsigned char *p, *end;
    unsigned depth, max_depth;
    bool allow_nul;
};

static bool eat(struct text *t, char c)
{
    if (t->p == t->end || *t->p != (unsigned char)c)
        return false;
    t->p++;
    return true;
}

static void white(struct text *t)
{
    while (eat(t, ' ') || eat(t, '\t') || eat(t, '\n') || eat(t, '\r'))
        ;
}

static bool word(struct text *t, const char *word)
{
    while (*word != '\0')
        if (!eat(t, *word++))
            return false;
    return true;
}

/* One code point by its bits; then whether it is one, and written as short as can be. */
static bool code_point(struct text *t)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned lead = *t->p, len = 1;
    uint32_t code = lead;
    if (lead >= 0x80) {
        len = lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
        if (len == 0 || (size_t)(t->end - t->p) < len)
            return false;
        code = lead & (0x7Fu >> len);
        for (unsigned i = 1; i < len; i++) {
            if (t->p[i] >> 6 != 2)
                return false;
            code = code << 6 | (t->p[i] & 63u);
        }
    }
    t->p += len;
    return code >= least[len] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

static bool hex(struct text *t, unsigned *ret_code)
{
    *ret_code = 0;
    for (int i = 0; i < 4; i++) {
        if (t->p == t->end)
            return false;
        unsigned c = *t->p++;
        unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                : 16;
        if (digit == 16)
            return false;
        *ret_code = *ret_code * 16 + digit;
    }
    return true;
}

static bool escape(struct text *t)
{
    unsigned high, low;
    if (!eat(t, 'u'))
        return t->p < t->end && *t->p != '\0' && strchr("\"\\/bfnrt", *t->p) != NULL && t->p++;
    if (!hex(t, &high))
        return false;
    if (high == 0)
        return t->allow_nul;
    if (high < 0xD800 || high > 0xDFFF)
        return true;
    return high < 0xDC00 && eat(t, '\\') && eat(t, 'u') && hex(t, &low) && low >= 0xDC00 &&
           low <= 0xDFFF;
}

static bool string(struct text *t)
{
    if (!eat(t, '"'))
        return false;
    while (t->p < t->end && *t->p != '"') {
        if (*t->p < 0x20)
            return false;
        if (!(eat(t, '\\') ? escape(t) : code_point(t)))
            return false;
    }
    return eat(t, '"');
}

static size_t digits(struct text *t)
{
    const unsigned char *start = t->p;
    while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
        t->p++;
    return (size_t)(t->p - start);
}

static bool number(struct text *t)
{
    const unsigned char *start = t->p;
    (void)eat(t, '-');
    if (!eat(t, '0') && digits(t) == 0)
        return false;
    if (eat(t, '.') && digits(t) == 0)
        return false;
    if (eat(t, 'e') || eat(t, 'E')) {
        (void)(eat(t, '+') || eat(t, '-'));
        if (digits(t) == 0)
            return false;
    }
    char copy[64];
    size_t len = (size_t)(t->p - start);
    if (len > 63)
        return false;
    memcpy(copy, start, len);
    copy[len] = '\0';
    double value = strtod(copy, NULL);
    return value - value == 0; /* finite */
}

static bool value(struct text *t);

static bool members(struct text *t, char close, bool keys)
{
    if (t->depth++ == t->max_depth)
        return false;
    white(t);
    if (!eat(t, close)) {
        do {
            white(t);
            if (keys) {
                if (!string(t))
                    return false;
                white(t);
                if (!eat(t, ':'))
                    return false;
            }
            if (!value(t))
                return false;
        } while (eat(t, ','));
        if (!eat(t, close))
            return false;
    }
    t->depth--;
    return true;
}

static bool value(struct text *t)
{
    white(t);
    if (t->p == t->end)
        return false;
    bool good;
    switch (*t->p) {
    case '{':
        t->p++;
        good = members(t, '}', true);
        break;
    case '[':
        t->p++;
        good = members(t, ']', false);
        break;
    case '"':
        good = string(t);
        break;
    case 't':
        good = word(t, "true");
        break;
    case 'f':
        good = word(t, "false");
        break;
    case 'n':
        good = word(t, "null");
        break;
    default:
        good = number(t);
    }
    white(t);
    return good;
}

bool grammar_accepts(struct evd_slice text, unsigned max_depth, bool allow_nul)
{
    const unsigned char *p = (const unsigned char *)(text.len > 0 ? text.ptr : "");
    struct text t = {.p = p, .end = p + text.len, .max_depth = max_depth, .allow_nul = allow_nul};
    return value(&t) && t.p == t.end;
}

bool grammar_is_utf8(struct evd_slice text)
{
    const unsigned char *p = (const unsigned char *)(text.len > 0 ? text.ptr : "");
    struct text t = {.p = p, .end = p + text.len};
    while (t.p < t.end)
        if (!code_point(&t))
            return false;
    return true;
}
