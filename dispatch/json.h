/* JSON as bytes: one validating scan, without a tree. RFC 8259, UTF-8 (RFC 3629) included.
 *
 * A leaf below both dispatch (which scans before it lets cJSON build a tree) and wire (which finds
 * the members of an envelope). What evd_json_validate() accepts, cJSON 1.7.15 reads with the same
 * value: the reverse doesn't hold. So that it can be true, some JSON is refused that the grammar
 * allows (RFC 8259, 9: "an implementation may set limits"):
 *   - a number of more than EVD_JSON_NUMBER_MAX bytes (cJSON reads the first 63);
 *   - a number beyond a double, 1e400 (cJSON makes it infinite and prints null);
 *   - nesting deeper than max_depth;
 *   - an escape that is half a surrogate pair (cJSON refuses it too);
 *   - \u0000 in a string (cJSON ends the string there). The cursor alone lets it pass and reports
 *     it in `nul`: a string that carries bytes needs it. */
#ifndef EVD_JSON_H
#define EVD_JSON_H

#include "message.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

/* EVD_JSON_SCALAR leaves the vectors out, so that a test can run both on one machine. */
#if defined(__SSE2__) && !defined(EVD_JSON_SCALAR)
#define EVD_JSON_SSE2 1
#include <emmintrin.h>
#endif

#define EVD_JSON_DEPTH_DEFAULT 64
#define EVD_JSON_DEPTH_MAX     512 /* below cJSON's own limit of 1,000 */
#define EVD_JSON_NUMBER_MAX    63  /* bytes */

enum evd_json_type {
    EVD_JSON_NULL,
    EVD_JSON_BOOL,
    EVD_JSON_NUMBER,
    EVD_JSON_STRING,
    EVD_JSON_ARRAY,
    EVD_JSON_OBJECT,
};

/* For texts: "null", "a boolean", "a number", "a string", "an array", "an object". */
const char *evd_json_type_text(enum evd_json_type type);

/* Scans exactly one JSON value, with white space allowed around it and nothing else.
 * max_depth: arrays and objects nested, 1 to EVD_JSON_DEPTH_MAX (a larger one counts as that).
 * On error returns EVD_ERR_BAD_DATA, and *ret_error (may be NULL) says at which byte and why. */
int evd_json_validate(struct evd_slice text, unsigned max_depth, struct evd_error *ret_error);

/* A cursor over a JSON text that is being validated as it is read. Zero allocation. */
struct evd_json_scan {
    const char *start, *pos, *end;
    unsigned max_depth;
    unsigned depth;  /* objects entered by _object and not left yet */
    bool first;      /* no member of the innermost of them was read yet */
    const char *nul; /* the first \u0000 escape met, or NULL; the reader may set it back */
    const char *why; /* static text, set on failure */
};

void evd_json_scan_init(struct evd_json_scan *scan, struct evd_slice text, unsigned max_depth);

/* Skips white space, then one value. *ret_type and *ret_span (its exact bytes, quotes included) may
 * be NULL. Returns EVD_OK, or EVD_ERR_BAD_DATA with scan->why set and scan->pos at the bad byte. */
int evd_json_scan_value(struct evd_json_scan *scan, enum evd_json_type *ret_type,
                        struct evd_slice *ret_span);

/* Members of an object, one by one: call _object first (it eats '{'), then _member until it
 * returns EVD_DONE, which ate the '}'. EVD_MORE: one member was read. ret_key is the key's bytes
 * between the quotes, escapes not undone; the value is validated and its span returned. */
int evd_json_scan_object(struct evd_json_scan *scan);
int evd_json_scan_member(struct evd_json_scan *scan, struct evd_slice *ret_key,
                         enum evd_json_type *ret_type, struct evd_slice *ret_value);

/* Only white space is left: EVD_OK, else EVD_ERR_BAD_DATA. */
int evd_json_scan_end(struct evd_json_scan *scan);

/* After a failure: fills *error (may be NULL) with why and where ("not JSON: expected ':' at byte
 * 7", counted from 0), and returns `status`. */
int evd_json_scan_error(const struct evd_json_scan *scan, int status, struct evd_error *error);

/* The first byte of [p, end) that does not stand for itself in a string (a quote, a backslash, a
 * control character, or what isn't ASCII), or end. */
static inline const char *evd_json_skip_plain(const char *p, const char *end)
{
#ifdef EVD_JSON_SSE2
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* As signed bytes, below the space lie the control characters and all that isn't ASCII. */
        __m128i special = _mm_or_si128(
            _mm_cmplt_epi8(bytes, space),
            _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask != 0)
            return p + __builtin_ctz(mask);
    }
#endif
    while (p < end && (unsigned char)(*p - ' ') < 0x60 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Undoes the escapes of a validated string's inside (no quotes) into out[0..cap).
 * Returns the length in bytes, as UTF-8, or EVD_ERR_TOO_LARGE when it does not fit: then out holds
 * as many whole code points as fit, and zeros behind them. */
int64_t evd_json_unescape(struct evd_slice inside, char *out, size_t cap);

/* Undoes a string that carries bytes as the code points U+0000 to U+00FF ("binary string").
 * Returns the length, EVD_ERR_BAD_DATA for a code point above U+00FF, or EVD_ERR_TOO_LARGE. */
int64_t evd_json_unescape_bytes(struct evd_slice inside, char *out, size_t cap);

/* The most bytes that escaping `len` bytes can take, without quotes. */
#define EVD_JSON_ESCAPED_MAX(len) ((len)*6)

/* Writes bytes as the inside of a JSON string, no quotes; out has room for EVD_JSON_ESCAPED_MAX, or
 * is NULL: then nothing is written, only counted.
 * _escape takes UTF-8 (a byte that is not valid UTF-8 becomes U+FFFD); _escape_bytes takes any
 * bytes and writes each as a code point. Returns the length written. */
size_t evd_json_escape(struct evd_slice text, char *out);
size_t evd_json_escape_bytes(struct evd_slice bytes, char *out);

/* Copies text, with U+FFFD for each byte that is not valid UTF-8; out has room for three times its
 * length, or is NULL: then nothing is written, only counted. Returns the length written. */
size_t evd_utf8_clean(struct evd_slice text, char *out);

#endif
