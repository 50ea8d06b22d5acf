/* dispatch/json.c: it accepts what the grammar accepts, within its limits, and no more; what it
 * accepts, cJSON reads with the same values; with and without vectors it says the same. */
#include "fuzz.h"
#include "grammar.h"

#include "dispatch/json.h"

#include <cjson/cJSON.h>

int scalar_json_validate(struct evd_slice text, unsigned max_depth, struct evd_error *ret_error);

/* ---- The same values as cJSON's ---- */

static void check_string(struct evd_slice inside, const char *expected)
{
    char *text = malloc(inside.len + 1);
    FUZZ_CHECK(text != NULL);
    int64_t len = evd_json_unescape(inside, text, inside.len); /* never longer */
    FUZZ_CHECK(len >= 0 && (size_t)len == strlen(expected));
    FUZZ_CHECK(memcmp(text, expected, (size_t)len) == 0);

    /* Written and read again it is the same. */
    struct evd_slice plain = evd_slice(text, (size_t)len);
    size_t room = evd_json_escape(plain, NULL);
    FUZZ_CHECK(room <= EVD_JSON_ESCAPED_MAX(plain.len));
    char *escaped = malloc(room + 1), *back = malloc(plain.len + 1);
    FUZZ_CHECK(escaped != NULL && back != NULL);
    FUZZ_CHECK(evd_json_escape(plain, escaped) == room);
    FUZZ_CHECK(evd_json_unescape(evd_slice(escaped, room), back, plain.len) == len);
    FUZZ_CHECK(memcmp(back, text, plain.len) == 0);
    free(back);
    free(escaped);
    free(text);
}

static void check_same(struct evd_slice text, const cJSON *tree);

static void check_object(struct evd_slice text, const cJSON *tree)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    const cJSON *child = tree->child;
    evd_json_scan_init(&scan, text, EVD_JSON_DEPTH_MAX);
    FUZZ_CHECK(evd_json_scan_object(&scan) == EVD_OK);
    while (evd_json_scan_member(&scan, &key, NULL, &value) == EVD_MORE) {
        FUZZ_CHECK(child != NULL);
        check_string(key, child->string);
        check_same(value, child);
        child = child->next;
    }
    FUZZ_CHECK(child == NULL && evd_json_scan_end(&scan) == EVD_OK);
}

static void check_array(struct evd_slice text, const cJSON *tree)
{
    struct evd_json_scan scan;
    struct evd_slice item;
    evd_json_scan_init(&scan, evd_slice(text.ptr + 1, text.len - 2), EVD_JSON_DEPTH_MAX);
    for (const cJSON *child = tree->child; child != NULL; child = child->next) {
        FUZZ_CHECK(evd_json_scan_value(&scan, NULL, &item) == EVD_OK);
        check_same(item, child);
        FUZZ_CHECK((evd_json_scan_end(&scan) == EVD_OK) == (child->next == NULL));
        scan.pos++; /* the comma */
    }
}

static void check_number(struct evd_slice text, const cJSON *tree)
{
    char copy[EVD_JSON_NUMBER_MAX + 1];
    FUZZ_CHECK(cJSON_IsNumber(tree) && text.len < sizeof copy);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = strtod(copy, NULL);
    FUZZ_CHECK(memcmp(&value, &tree->valuedouble, sizeof value) == 0);
}

static void check_same(struct evd_slice text, const cJSON *tree)
{
    switch (text.ptr[0]) {
    case '{':
        FUZZ_CHECK(cJSON_IsObject(tree));
        check_object(text, tree);
        break;
    case '[':
        FUZZ_CHECK(cJSON_IsArray(tree));
        check_array(text, tree);
        break;
    case '"':
        FUZZ_CHECK(cJSON_IsString(tree));
        check_string(evd_slice(text.ptr + 1, text.len - 2), tree->valuestring);
        break;
    case 't':
        FUZZ_CHECK(cJSON_IsTrue(tree));
        break;
    case 'f':
        FUZZ_CHECK(cJSON_IsFalse(tree));
        break;
    case 'n':
        FUZZ_CHECK(cJSON_IsNull(tree));
        break;
    default:
        check_number(text, tree);
    }
}

/* ---- The scan ---- */

static void check_scan(struct evd_slice text, unsigned max_depth)
{
    struct evd_error error = {0}, scalar = {0};
    struct evd_json_scan scan;
    struct evd_slice span;
    int rc = evd_json_validate(text, max_depth, &error);
    FUZZ_CHECK((rc == EVD_OK) == grammar_accepts(text, max_depth, false));
    FUZZ_CHECK(scalar_json_validate(text, max_depth, &scalar) == rc);
    FUZZ_CHECK(strcmp(error.text, scalar.text) == 0);
    evd_json_scan_init(&scan, text, max_depth);
    int raw = evd_json_scan_value(&scan, NULL, &span);
    if (raw == EVD_OK)
        raw = evd_json_scan_end(&scan);
    FUZZ_CHECK((raw == EVD_OK) == grammar_accepts(text, max_depth, true));
    FUZZ_CHECK(scan.pos >= scan.start && scan.pos <= scan.end);
    if (rc < 0) {
        FUZZ_CHECK(error.status == rc && error.text[0] != '\0');
        return;
    }
    FUZZ_CHECK(grammar_is_utf8(text));
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    FUZZ_CHECK(tree != NULL);
    check_same(span, tree);
    cJSON_Delete(tree);
}

/* Any bytes, written as the inside of a string, are JSON; with _bytes they come back. */
static void check_escapes(struct evd_slice bytes)
{
    size_t len = evd_json_escape(bytes, NULL), wide = evd_json_escape_bytes(bytes, NULL);
    char *text = malloc(len + wide + 2), *back = malloc(bytes.len + 1);
    FUZZ_CHECK(text != NULL && back != NULL);
    text[0] = '"';
    FUZZ_CHECK(evd_json_escape(bytes, text + 1) == len);
    text[len + 1] = '"';
    FUZZ_CHECK(grammar_accepts(evd_slice(text, len + 2), 1, true));
    FUZZ_CHECK(evd_json_escape_bytes(bytes, text + 1) == wide);
    struct evd_slice inside = evd_slice(text + 1, wide);
    FUZZ_CHECK(evd_json_unescape_bytes(inside, back, bytes.len) == (int64_t)bytes.len);
    FUZZ_CHECK(bytes.len == 0 || memcmp(back, bytes.ptr, bytes.len) == 0);
    if (bytes.len > 0)
        FUZZ_CHECK(evd_json_unescape_bytes(inside, back, bytes.len - 1) == EVD_ERR_TOO_LARGE);
    free(back);
    free(text);
}

/* Into less room than it takes: whole code points, and zeros behind them. */
static void check_cut(struct evd_slice text, size_t cap)
{
    if (text.len < 2 || text.ptr[0] != '"' || !grammar_accepts(text, 1, false))
        return;
    struct evd_json_scan scan;
    struct evd_slice span;
    evd_json_scan_init(&scan, text, 1);
    FUZZ_CHECK(evd_json_scan_value(&scan, NULL, &span) == EVD_OK);
    struct evd_slice inside = evd_slice(span.ptr + 1, span.len - 2);
    char *out = malloc(cap + 1), *bytes = malloc(cap + 1);
    FUZZ_CHECK(out != NULL && bytes != NULL);
    int64_t len = evd_json_unescape(inside, out, cap);
    FUZZ_CHECK(len == EVD_ERR_TOO_LARGE || (len >= 0 && (size_t)len <= cap));
    FUZZ_CHECK(grammar_is_utf8(evd_slice(out, len < 0 ? cap : (size_t)len)));
    len = evd_json_unescape_bytes(inside, bytes, cap);
    FUZZ_CHECK(len == EVD_ERR_TOO_LARGE || len == EVD_ERR_BAD_DATA ||
               (len >= 0 && (size_t)len <= cap));
    free(bytes);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evd_slice text = fuzz_input(data, size);
    unsigned first = fuzz_byte(&text); /* a digit in the corpus: readable */
    check_scan(text, 1 + (first & 15));
    check_scan(text, EVD_JSON_DEPTH_MAX);
    check_escapes(text);
    check_cut(text, first & 31);
    return 0;
}
