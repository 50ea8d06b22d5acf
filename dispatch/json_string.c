/* The inside of JSON strings: escapes undone and written. */
#include "json.h"

#include "json_chars.h"

/* ---- Escapes undone ---- */

/* The code point that the escape at *p stands for, in a validated string; *p moves behind it. */
static unsigned read_escape(const char **p, const char *end)
{
    const char *at = *p;
    *p = at + 2;
    switch (at[1]) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        return (unsigned char)at[1];
    }
    unsigned code = hex4(at + 2, end);
    *p = at + 6;
    if ((code & ~0x3FFu) == 0xD800) {
        code = 0x10000 + ((code & 0x3FF) << 10) + (hex4(at + 8, end) & 0x3FF);
        *p = at + 12;
    }
    return code;
}

static size_t utf8_write(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)((0xF00 >> len & 0xFF) | code);
    return len;
}

int64_t evd_json_unescape(struct evd_slice inside, char *out, size_t cap)
{
    if (inside.len == 0)
        return 0;
    const char *p = inside.ptr, *end = p + inside.len;
    size_t used = 0;
    while (p < end) {
        const char *run = p;
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        char bytes[4];
        size_t len;
        if (stop == p) {
            len = utf8_write(read_escape(&p, end), bytes);
            run = bytes;
        } else {
            p = stop == NULL ? end : stop;
            len = (size_t)(p - run);
        }
        if (len > cap - used) {
            len = cap - used;
            while (len > 0 && ((unsigned char)run[len] & 0xC0) == 0x80)
                len--;
            memcpy(out + used, run, len);
            memset(out + used + len, 0, cap - used - len);
            return EVD_ERR_TOO_LARGE;
        }
        memcpy(out + used, run, len);
        used += len;
    }
    return (int64_t)used;
}

int64_t evd_json_unescape_bytes(struct evd_slice inside, char *out, size_t cap)
{
    if (inside.len == 0)
        return 0;
    const char *p = inside.ptr, *end = p + inside.len;
    size_t used = 0;
    while (p < end) {
        unsigned code = (unsigned char)*p;
        if (code == '\\')
            code = read_escape(&p, end);
        else if (code < 0x80)
            p++;
        else if (code <= 0xC3) { /* U+0080 to U+00FF */
            code = (code & 0x03) << 6 | ((unsigned char)p[1] & 0x3F);
            p += 2;
        } else
            return EVD_ERR_BAD_DATA;
        if (code > 0xFF)
            return EVD_ERR_BAD_DATA;
        if (used == cap)
            return EVD_ERR_TOO_LARGE;
        out[used++] = (char)code;
    }
    return (int64_t)used;
}

/* ---- Escapes written ---- */

/* A byte of ASCII that is not PLAIN, escaped. */
static size_t escape_ascii(char c, char out[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(from, c) : NULL;
    out[0] = '\\';
    if (found != NULL) {
        out[1] = to[found - from];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[(unsigned char)c >> 4];
    out[5] = hex[c & 0xF];
    return 6;
}

static inline size_t escape(struct evd_slice text, char *out, bool as_bytes)
{
    size_t used = 0;
    const char *end = text.len > 0 ? text.ptr + text.len : text.ptr;
    for (const char *p = text.ptr; p != end;) {
        const char *run = p;
        char bytes[6];
        p = evd_json_skip_plain(p, end);
        size_t len = (size_t)(p - run);
        if (len == 0) {
            run = bytes;
            if ((unsigned char)*p < 0x80)
                len = escape_ascii(*p++, bytes);
            else if (as_bytes)
                len = utf8_write((unsigned char)*p++, bytes);
            else if ((len = utf8_sequence(p, end)) > 0) {
                memcpy(bytes, p, len);
                p += len;
            } else {
                len = utf8_write(0xFFFD, bytes);
                p++;
            }
        }
        if (out != NULL)
            memcpy(out + used, run, len);
        used += len;
    }
    return used;
}

size_t evd_json_escape(struct evd_slice text, char *out)
{
    return escape(text, out, false);
}

size_t evd_json_escape_bytes(struct evd_slice bytes, char *out)
{
    return escape(bytes, out, true);
}

size_t evd_utf8_clean(struct evd_slice text, char *out)
{
    size_t used = 0;
    const char *end = text.len > 0 ? text.ptr + text.len : text.ptr;
    for (const char *p = text.ptr; p != end;) {
        size_t len = (unsigned char)*p < 0x80 ? 1 : utf8_sequence(p, end);
        char bytes[4];
        const char *from = len > 0 ? p : bytes;
        p += len > 0 ? len : 1;
        if (len == 0)
            len = utf8_write(0xFFFD, bytes);
        if (out != NULL)
            memcpy(out + used, from, len);
        used += len;
    }
    return used;
}
