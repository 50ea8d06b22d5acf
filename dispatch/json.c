/* One pass over JSON text: nothing is built, nothing is copied, nothing recurses. Where containers
 * nest, one bit of a fixed stack remembers which kind to return to. */
#include "json.h"

#include "json_chars.h"

/* Limits of ours: the text may be JSON all the same. */
static const char why_depth[] = "nested too deeply";
static const char why_number[] = "a number of more than 63 bytes";
static const char why_range[] = "a number beyond the range of a double";
static const char why_nul[] = "\\u0000 in a string";

/* The parts below return where they stopped, or fail(): NULL, with the reason in the scan. */
static const char *fail(struct evd_json_scan *scan, const char *at, const char *why)
{
    scan->pos = at;
    scan->why = why;
    return NULL;
}

static inline const char *skip_white(const char *p, const char *end)
{
    while (p < end && is(*p, WHITE))
        p++;
    return p;
}

/* ---- Strings ---- */

/* p is at a backslash. */
static const char *skip_escape(struct evd_json_scan *scan, const char *p, const char *end)
{
    if (end - p < 2)
        return fail(scan, end, "a string without an end");
    if (is(p[1], ESCAPE))
        return p + 2;
    if (p[1] != 'u')
        return fail(scan, p, "an unknown escape");
    unsigned code = hex4(p + 2, end);
    if (code == NOT_HEX)
        return fail(scan, p, "\\u without four hex digits");
    if (code == 0 && scan->nul == NULL)
        scan->nul = p;
    if (code < 0xD800 || code > 0xDFFF)
        return p + 6;
    if (code > 0xDBFF || end - p < 8 || p[6] != '\\' || p[7] != 'u' ||
        (hex4(p + 8, end) & ~0x3FFu) != 0xDC00)
        return fail(scan, p, "half a surrogate pair");
    return p + 12;
}

/* p is behind the opening quote; returns what is behind the closing one. */
static inline const char *skip_string(struct evd_json_scan *scan, const char *p, const char *end)
{
    for (;;) {
        p = evd_json_skip_plain(p, end);
        if (p == end)
            return fail(scan, p, "a string without an end");
        if (*p == '"')
            return p + 1;
        if (*p == '\\') {
            p = skip_escape(scan, p, end);
            if (p == NULL)
                return NULL;
        } else if ((unsigned char)*p < 0x80) {
            return fail(scan, p, "a control character in a string");
        } else {
            do {
                size_t len = utf8_sequence(p, end);
                if (len == 0)
                    return fail(scan, p, "not UTF-8");
                p += len;
            } while (p < end && (unsigned char)*p >= 0x80);
        }
    }
}

/* ---- Numbers ---- */

/* Whether rounding to a double makes the number infinite. It does from 2^1024 - 2^970 on, of whose
 * 309 digits these are the first: more than a number may have, so equal up to here is below it. */
static bool is_beyond_double(const char *p, const char *exponent, const char *end)
{
    static const char limit[] = "17976931348623158079372897140530341507993413271003782693617377";
    char digits[sizeof limit - 1];
    size_t count = 0;
    int magnitude = -1; /* power of ten of the first digit that isn't 0 */
    bool point = false;
    for (; p < exponent; p++) {
        if (*p == '.')
            point = true;
        if (!is(*p, DIGIT))
            continue;
        if (count > 0 || *p != '0')
            digits[count++] = *p;
        /* Before the point each digit behind the first raises it, after it each 0 lowers it. */
        if (!point && count > 0)
            magnitude++;
        else if (point && count == 0)
            magnitude--;
    }
    if (count == 0)
        return false;
    bool negative = exponent[1] == '-';
    int power = 0;
    for (p = exponent + 1; p < end; p++)
        if (is(*p, DIGIT) && power < 100000)
            power = power * 10 + (*p - '0');
    magnitude += negative ? -power : power;
    if (magnitude != 308)
        return magnitude > 308;
    return memcmp(digits, limit, count) > 0;
}

static const char *skip_digits(struct evd_json_scan *scan, const char *p, const char *end)
{
    if (p == end || !is(*p, DIGIT))
        return fail(scan, p, "expected a digit");
    do
        p++;
    while (p < end && is(*p, DIGIT));
    return p;
}

/* p is at '-' or a digit. */
static inline const char *skip_number(struct evd_json_scan *scan, const char *p, const char *end)
{
    const char *start = p, *exponent = NULL;
    if (*p == '-')
        p++;
    const char *digits = p;
    p = skip_digits(scan, p, end);
    if (p == NULL)
        return NULL;
    if (*digits == '0' && p - digits > 1)
        return fail(scan, digits, "a number that starts with 0");
    if (p < end && *p == '.') {
        p = skip_digits(scan, p + 1, end);
        if (p == NULL)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        exponent = p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        p = skip_digits(scan, p, end);
        if (p == NULL)
            return NULL;
    }
    if (p - start > EVD_JSON_NUMBER_MAX)
        return fail(scan, start, why_number);
    if (exponent != NULL && is_beyond_double(start, exponent, p))
        return fail(scan, start, why_range);
    return p;
}

/* ---- Values ---- */

/* A value that is neither array nor object; p is at its first byte, if p < end. */
static inline const char *skip_scalar(struct evd_json_scan *scan, const char *p, const char *end)
{
    if (p < end) {
        size_t left = (size_t)(end - p);
        if (*p == '"')
            return skip_string(scan, p + 1, end);
        if (*p == '-' || is(*p, DIGIT))
            return skip_number(scan, p, end);
        if (*p == 't' && left >= 4 && memcmp(p, "true", 4) == 0)
            return p + 4;
        if (*p == 'f' && left >= 5 && memcmp(p, "false", 5) == 0)
            return p + 5;
        if (*p == 'n' && left >= 4 && memcmp(p, "null", 4) == 0)
            return p + 4;
    }
    return fail(scan, p, "expected a value");
}

/* A key and its colon, and the white space around them. */
static inline const char *skip_key(struct evd_json_scan *scan, const char *p, const char *end,
                                   struct evd_slice *ret_key)
{
    p = skip_white(p, end);
    if (p == end || *p != '"')
        return fail(scan, p, "expected a key in quotes");
    const char *inside = p + 1;
    p = skip_string(scan, inside, end);
    if (p == NULL)
        return NULL;
    *ret_key = evd_slice(inside, (size_t)(p - 1 - inside));
    p = skip_white(p, end);
    if (p == end || *p != ':')
        return fail(scan, p, "expected ':'");
    return p + 1;
}

/* The containers open at this point: a bit each, 1 for an object. */
struct nesting {
    uint64_t bits[EVD_JSON_DEPTH_MAX / 64];
    unsigned depth;
    bool object; /* the innermost */
};

static inline void enter(struct nesting *nesting, bool object)
{
    uint64_t *word = &nesting->bits[nesting->depth / 64];
    uint64_t bit = UINT64_C(1) << (nesting->depth % 64);
    *word = object ? *word | bit : *word & ~bit;
    nesting->depth++;
    nesting->object = object;
}

static inline void leave(struct nesting *nesting)
{
    nesting->depth--;
    if (nesting->depth > 0) {
        unsigned outer = nesting->depth - 1;
        nesting->object = (nesting->bits[outer / 64] >> (outer % 64) & 1) != 0;
    }
}

/* What follows a value: closes the containers that end, up to a comma (and the key behind it) where
 * the next value starts, or to the outermost's end: then nesting->depth is 0. */
static inline const char *skip_ends(struct evd_json_scan *scan, const char *p, const char *end,
                                    struct nesting *nesting)
{
    struct evd_slice key;
    while (nesting->depth > 0) {
        p = skip_white(p, end);
        char c = p < end ? *p : 0;
        if (c == ',')
            return nesting->object ? skip_key(scan, p + 1, end, &key) : p + 1;
        if (c != (nesting->object ? '}' : ']'))
            return fail(scan, p, nesting->object ? "expected ',' or '}'" : "expected ',' or ']'");
        leave(nesting);
        p++;
    }
    return p;
}

/* The array or object at p, with all that is in it. */
static const char *skip_container(struct evd_json_scan *scan, const char *p, const char *end)
{
    struct nesting nesting;
    nesting.depth = 0;
    nesting.object = false;
    do {
        p = skip_white(p, end);
        if (p < end && (*p == '{' || *p == '[')) {
            if (scan->depth + nesting.depth >= scan->max_depth)
                return fail(scan, p, why_depth);
            enter(&nesting, *p == '{');
            p = skip_white(p + 1, end);
            if (p == end || *p != (nesting.object ? '}' : ']')) {
                struct evd_slice key;
                if (nesting.object)
                    p = skip_key(scan, p, end, &key);
                if (p == NULL)
                    return NULL;
                continue;
            }
        } else {
            p = skip_scalar(scan, p, end);
            if (p == NULL)
                return NULL;
        }
        p = skip_ends(scan, p, end, &nesting);
        if (p == NULL)
            return NULL;
    } while (nesting.depth > 0);
    return p;
}

/* The value at p, behind white space. Most are scalars, which need no stack. */
static inline const char *skip_value(struct evd_json_scan *scan, const char *p, const char *end)
{
    if (p < end && (*p == '{' || *p == '['))
        return skip_container(scan, p, end);
    return skip_scalar(scan, p, end);
}

static enum evd_json_type type_of(char first)
{
    switch (first) {
    case '{':
        return EVD_JSON_OBJECT;
    case '[':
        return EVD_JSON_ARRAY;
    case '"':
        return EVD_JSON_STRING;
    case 't':
    case 'f':
        return EVD_JSON_BOOL;
    case 'n':
        return EVD_JSON_NULL;
    default:
        return EVD_JSON_NUMBER;
    }
}

/* ---- The cursor ---- */

void evd_json_scan_init(struct evd_json_scan *scan, struct evd_slice text, unsigned max_depth)
{
    const char *start = text.len > 0 ? text.ptr : "";
    *scan = (struct evd_json_scan){
        .start = start,
        .pos = start,
        .end = start + text.len,
        .max_depth = max_depth < EVD_JSON_DEPTH_MAX ? max_depth : EVD_JSON_DEPTH_MAX,
    };
}

static inline int scan_value(struct evd_json_scan *scan, enum evd_json_type *ret_type,
                             struct evd_slice *ret_span)
{
    const char *start = skip_white(scan->pos, scan->end);
    const char *p = skip_value(scan, start, scan->end);
    if (p == NULL)
        return EVD_ERR_BAD_DATA;
    scan->pos = p;
    if (ret_type != NULL)
        *ret_type = type_of(*start);
    if (ret_span != NULL)
        *ret_span = evd_slice(start, (size_t)(p - start));
    return EVD_OK;
}

int evd_json_scan_value(struct evd_json_scan *scan, enum evd_json_type *ret_type,
                        struct evd_slice *ret_span)
{
    return scan_value(scan, ret_type, ret_span);
}

int evd_json_scan_object(struct evd_json_scan *scan)
{
    const char *p = skip_white(scan->pos, scan->end);
    if (p == scan->end || *p != '{')
        fail(scan, p, "expected '{'");
    else if (scan->depth >= scan->max_depth)
        fail(scan, p, why_depth);
    else {
        scan->pos = p + 1;
        scan->depth++;
        scan->first = true;
        return EVD_OK;
    }
    return EVD_ERR_BAD_DATA;
}

int evd_json_scan_member(struct evd_json_scan *scan, struct evd_slice *ret_key,
                         enum evd_json_type *ret_type, struct evd_slice *ret_value)
{
    const char *p = skip_white(scan->pos, scan->end);
    char c = p < scan->end ? *p : 0;
    if (c == '}') {
        scan->pos = p + 1;
        scan->depth--;
        scan->first = false; /* in the object around it, this one was a member */
        return EVD_DONE;
    }
    if (!scan->first) {
        if (c != ',') {
            fail(scan, p, "expected ',' or '}'");
            return EVD_ERR_BAD_DATA;
        }
        p++;
    }
    p = skip_key(scan, p, scan->end, ret_key);
    if (p == NULL)
        return EVD_ERR_BAD_DATA;
    scan->pos = p;
    scan->first = false;
    int rc = scan_value(scan, ret_type, ret_value);
    return rc < 0 ? rc : EVD_MORE;
}

int evd_json_scan_end(struct evd_json_scan *scan)
{
    scan->pos = skip_white(scan->pos, scan->end);
    if (scan->pos == scan->end)
        return EVD_OK;
    fail(scan, scan->pos, "something behind the value");
    return EVD_ERR_BAD_DATA;
}

int evd_json_scan_error(const struct evd_json_scan *scan, int status, struct evd_error *error)
{
    const char *why = scan->why;
    size_t at = (size_t)(scan->pos - scan->start);
    if (why == why_depth)
        return evd_error_set(error, status, "JSON nested deeper than the limit of %u at byte %zu",
                             scan->max_depth, at);
    bool limit = why == why_number || why == why_range || why == why_nul;
    return evd_error_set(error, status, "%s: %s at byte %zu%s",
                         limit ? "JSON not supported" : "not JSON", why, at,
                         scan->pos == scan->end ? ", where it ends" : "");
}

int evd_json_validate(struct evd_slice text, unsigned max_depth, struct evd_error *ret_error)
{
    struct evd_json_scan scan;
    evd_json_scan_init(&scan, text, max_depth);
    if (evd_json_scan_value(&scan, NULL, NULL) < 0 || evd_json_scan_end(&scan) < 0)
        return evd_json_scan_error(&scan, EVD_ERR_BAD_DATA, ret_error);
    if (scan.nul != NULL) {
        fail(&scan, scan.nul, why_nul);
        return evd_json_scan_error(&scan, EVD_ERR_BAD_DATA, ret_error);
    }
    return EVD_OK;
}

const char *evd_json_type_text(enum evd_json_type type)
{
    static const char *const texts[] = {"null",     "a boolean", "a number",
                                        "a string", "an array",  "an object"};
    return texts[type];
}
