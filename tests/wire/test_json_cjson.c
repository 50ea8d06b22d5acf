/* What the scan accepts, cJSON reads, to the same value: asked of the vectors, and of thousands of
 * texts that are made and then broken, the same ones each time. */
#include "json_cases.h"

#include <cjson/cJSON.h>

#define DEPTH    EVD_JSON_DEPTH_DEFAULT
#define TEXT_MAX 4096

/* ---- The same value ---- */

static void assert_same_string(struct evd_slice inside, const char *string)
{
    char text[TEXT_MAX];
    int64_t len = evd_json_unescape(inside, text, sizeof text);
    assert_true(len >= 0);
    assert_int_equal(len, strlen(string));
    assert_memory_equal(text, string, (size_t)len);
}

static void assert_same(struct evd_slice text, const cJSON *tree);

static void assert_same_object(struct evd_slice text, const cJSON *tree)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    const cJSON *child = tree->child;
    evd_json_scan_init(&scan, text, DEPTH);
    assert_int_equal(evd_json_scan_object(&scan), EVD_OK);
    while (evd_json_scan_member(&scan, &key, NULL, &value) == EVD_MORE) {
        assert_non_null(child);
        assert_same_string(key, child->string);
        assert_same(value, child);
        child = child->next;
    }
    assert_null(child);
}

/* An array's items, one by one, between its brackets. */
static void assert_same_array(struct evd_slice text, const cJSON *tree)
{
    struct evd_json_scan scan;
    struct evd_slice item;
    evd_json_scan_init(&scan, evd_slice(text.ptr + 1, text.len - 2), DEPTH);
    for (const cJSON *child = tree->child; child != NULL; child = child->next) {
        assert_int_equal(evd_json_scan_value(&scan, NULL, &item), EVD_OK);
        assert_same(item, child);
        int rc = evd_json_scan_end(&scan);
        assert_int_equal(rc, child->next == NULL ? EVD_OK : EVD_ERR_BAD_DATA);
        scan.pos++; /* the comma */
    }
}

static void assert_same(struct evd_slice text, const cJSON *tree)
{
    char number[EVD_JSON_NUMBER_MAX + 1];
    switch (text.ptr[0]) {
    case '{':
        assert_true(cJSON_IsObject(tree));
        assert_same_object(text, tree);
        break;
    case '[':
        assert_true(cJSON_IsArray(tree));
        assert_same_array(text, tree);
        break;
    case '"':
        assert_true(cJSON_IsString(tree));
        assert_same_string(evd_slice(text.ptr + 1, text.len - 2), tree->valuestring);
        break;
    case 't':
        assert_true(cJSON_IsTrue(tree));
        break;
    case 'f':
        assert_true(cJSON_IsFalse(tree));
        break;
    case 'n':
        assert_true(cJSON_IsNull(tree));
        break;
    default:
        assert_true(cJSON_IsNumber(tree));
        assert_true(text.len <= EVD_JSON_NUMBER_MAX);
        memcpy(number, text.ptr, text.len);
        number[text.len] = '\0';
        assert_memory_equal(&(double){strtod(number, NULL)}, &tree->valuedouble, sizeof(double));
        assert_true(tree->valuedouble - tree->valuedouble == 0); /* finite */
    }
}

/* Returns whether the scan accepted it. */
static bool check(struct evd_slice text)
{
    if (evd_json_validate(text, DEPTH, NULL) < 0)
        return false;
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    if (tree == NULL)
        print_error("cJSON refuses: %.*s\n", (int)text.len, text.ptr);
    assert_non_null(tree);
    struct evd_json_scan scan;
    struct evd_slice span;
    evd_json_scan_init(&scan, text, DEPTH);
    assert_int_equal(evd_json_scan_value(&scan, NULL, &span), EVD_OK);
    assert_same(span, tree);
    cJSON_Delete(tree);
    return true;
}

static void test_vectors(void **state)
{
    const struct json_cases *all = *state;
    for (size_t i = 0; i < all->count; i++) {
        const struct json_case *c = &all->cases[i];
        assert_true(check(evd_slice(c->text, c->len)) == json_case_accepts(c));
    }
}

/* ---- Texts made at random ---- */

struct maker {
    uint64_t random;
    char text[TEXT_MAX];
    size_t len;
};

static size_t below(struct maker *maker, size_t limit)
{
    return (size_t)(test_random(&maker->random) % limit);
}

static void add(struct maker *maker, const char *text)
{
    size_t len = strlen(text);
    assert_true(maker->len + len < TEXT_MAX);
    memcpy(maker->text + maker->len, text, len);
    maker->len += len;
}

static void add_one_of(struct maker *maker, const char *const *texts, size_t count)
{
    add(maker, texts[below(maker, count)]);
}

#define ADD_ONE_OF(maker, ...)                                                                     \
    do {                                                                                           \
        static const char *const texts[] = {__VA_ARGS__};                                          \
        add_one_of(maker, texts, sizeof texts / sizeof *texts);                                    \
    } while (0)

static void add_string(struct maker *maker)
{
    add(maker, "\"");
    for (size_t n = below(maker, 6); n-- > 0;)
        ADD_ONE_OF(maker, "a", "some plain text", "a run of more than sixteen", "\\n", "\\\"",
                   "\\\\", "\\/", "\\u0041", "\\u00e9", "\\uFFFF", "\\ud83d\\uDE00", "\xC3\xA9",
                   "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\x7F", "{", "]", ",", ":", " ");
    add(maker, "\"");
}

static void add_number(struct maker *maker)
{
    ADD_ONE_OF(maker, "", "-");
    ADD_ONE_OF(maker, "0", "1", "9", "12", "123456789", "18446744073709551615",
               "17976931348623158079372897140530341507993413271003782");
    ADD_ONE_OF(maker, "", "", ".0", ".5", ".000001", ".7976931348623157");
    ADD_ONE_OF(maker, "", "", "e0", "E+5", "e-7", "e290", "e307", "e308", "e-400", "e255", "e256");
}

static void add_white(struct maker *maker)
{
    ADD_ONE_OF(maker, "", "", "", " ", "\n", "\r\n\t", "    ");
}

static void add_value(struct maker *maker, unsigned depth)
{
    size_t kind = below(maker, depth > 0 ? 8 : 5);
    add_white(maker);
    if (kind == 0)
        ADD_ONE_OF(maker, "null", "true", "false", "{}", "[]");
    else if (kind <= 2)
        add_string(maker);
    else if (kind <= 4)
        add_number(maker);
    else {
        bool object = kind != 5;
        add(maker, object ? "{" : "[");
        for (size_t i = 0, n = below(maker, 4); i < n; i++) {
            add(maker, i > 0 ? "," : "");
            add_white(maker);
            if (object) {
                add_string(maker);
                add_white(maker);
                add(maker, ":");
            }
            add_value(maker, depth - 1);
        }
        add(maker, object ? "}" : "]");
    }
    add_white(maker);
}

/* A byte changed, dropped, doubled or put in; more often than not one that means something. */
static void mutate(struct maker *maker)
{
    static const char bytes[] = "\"\\{}[]:,0123456789+-.eEu/ntrbf \t\n\r\x00\x01\x1F\x7F\x80\xBF"
                                "\xC2\xE0\xED\xEF\xF0\xF4\xFF";
    if (maker->len == 0 || maker->len + 1 >= TEXT_MAX)
        return;
    size_t at = below(maker, maker->len);
    char byte = bytes[below(maker, sizeof bytes - 1)];
    char *p = maker->text + at;
    switch (below(maker, 4)) {
    case 0:
        *p = byte;
        break;
    case 1:
        memmove(p, p + 1, maker->len - at - 1);
        maker->len--;
        break;
    case 2:
        memmove(p + 1, p, maker->len - at);
        maker->len++;
        break;
    default:
        memmove(p + 1, p, maker->len - at);
        *p = byte;
        maker->len++;
    }
}

static void test_made_and_broken(void **state)
{
    (void)state;
    size_t made = 0, accepted = 0, broken = 0, still = 0;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        struct maker maker = {.random = seed};
        add_value(&maker, 4);
        /* at its exact size on the heap, so that a sanitizer sees a byte too far */
        char *text = malloc(maker.len);
        memcpy(text, maker.text, maker.len);
        made++;
        accepted += check(evd_slice(text, maker.len));
        free(text);
        for (size_t round = 0; round < 5; round++) {
            mutate(&maker);
            text = malloc(maker.len + 1);
            memcpy(text, maker.text, maker.len);
            broken++;
            still += check(evd_slice(text, maker.len));
            free(text);
        }
    }
    /* Only a number out of range can spoil a text that is made; breaking must leave some whole. */
    assert_true(accepted * 10 > made * 8 && accepted < made);
    assert_true(still * 20 > broken && still * 2 < broken);
}

/* Numbers near the end of a double's range: the scan decides with digits, strtod with a double. */
static void test_range_of_numbers(void **state)
{
    (void)state;
    uint64_t random = 7;
    static const char edge[] = "17976931348623158079372897140530341507993413271003782693617377";
    for (unsigned i = 0; i < 20000; i++) {
        char text[EVD_JSON_NUMBER_MAX + 1];
        size_t digits = 1 + (size_t)(test_random(&random) % 56);
        size_t point = (size_t)(test_random(&random) % (digits + 1));
        int len = snprintf(text, sizeof text, "%.*s%s%.*s", (int)point, edge,
                           point == 0        ? "0."
                           : point == digits ? ""
                                             : ".",
                           (int)(digits - point), edge + point);
        if (test_random(&random) % 2 == 0) { /* one digit up or down */
            size_t at = (size_t)(test_random(&random) % (size_t)len);
            if (at > 1 && text[at] >= '1' && text[at] <= '8')
                text[at] = (char)(text[at] + (test_random(&random) % 2 == 0 ? 1 : -1));
        }
        int exponent = 309 - (int)point - (int)(test_random(&random) % 3 == 0);
        len += snprintf(text + len, sizeof text - (size_t)len, "e%d", exponent);
        double value = strtod(text, NULL);
        bool finite = value - value == 0;
        assert_true(check(evd_slice(text, (size_t)len)) == finite);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_made_and_broken),
        cmocka_unit_test(test_range_of_numbers),
    };
    return cmocka_run_group_tests(tests, json_cases_load, NULL);
}
