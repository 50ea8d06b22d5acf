/* Single characters of JSON (RFC 8259) and UTF-8 (RFC 3629), for the scan (json.c), its strings
 * (json_string.c) and the lines of modules (module_log.c). Private to these. */
#ifndef EVD_JSON_CHARS_H
#define EVD_JSON_CHARS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    WHITE = 1,
    DIGIT = 2,
    PLAIN = 4,  /* one byte that stands for itself in a string */
    ESCAPE = 8, /* may follow a backslash ('u' apart) */
};

static const unsigned char classes[256] = {
    ['\t'] = WHITE,         ['\n'] = WHITE,         ['\r'] = WHITE,
    [' '] = WHITE | PLAIN,  ['!'] = PLAIN,          ['"'] = ESCAPE,
    ['#' ... '.'] = PLAIN,  ['/'] = PLAIN | ESCAPE, ['0' ... '9'] = PLAIN | DIGIT,
    [':' ... '['] = PLAIN,  ['\\'] = ESCAPE,        [']' ... 'a'] = PLAIN,
    ['b'] = PLAIN | ESCAPE, ['c' ... 'e'] = PLAIN,  ['f'] = PLAIN | ESCAPE,
    ['g' ... 'm'] = PLAIN,  ['n'] = PLAIN | ESCAPE, ['o' ... 'q'] = PLAIN,
    ['r'] = PLAIN | ESCAPE, ['s'] = PLAIN,          ['t'] = PLAIN | ESCAPE,
    ['u' ... 0x7F] = PLAIN,
};

static inline bool is(char c, int class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

/* Bytes of the UTF-8 sequence at p (RFC 3629, section 4), or 0 where none is; p < end, and *p is
 * not ASCII. */
static inline size_t utf8_sequence(const char *p, const char *end)
{
    unsigned char lead = (unsigned char)*p;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((size_t)(end - p) < len)
        return 0;
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    if (lead == 0xE0)
        low = 0xA0; /* below: overlong */
    else if (lead == 0xED)
        high = 0x9F; /* above: surrogates */
    else if (lead == 0xF0)
        low = 0x90; /* below: overlong */
    else if (lead == 0xF4)
        high = 0x8F; /* above: beyond U+10FFFF */
    unsigned char second = (unsigned char)p[1];
    if (second < low || second > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (((unsigned char)p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

#define NOT_HEX 0x10000u

/* Four hex digits at p as a number, or NOT_HEX. */
static inline unsigned hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return NOT_HEX;
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i], lower = (unsigned char)(c | 0x20);
        if (is(p[i], DIGIT))
            code = code << 4 | (unsigned)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            code = code << 4 | (unsigned)(lower - 'a' + 10);
        else
            return NOT_HEX;
    }
    return code;
}

#endif
