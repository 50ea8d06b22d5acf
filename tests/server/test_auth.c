/* server/auth.[ch] against tokens that others made: RFC 7515's own, and those of tokens.py. */
#include "server/auth_claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs setjmp.h, stdarg.h, stddef.h and stdint.h before it */

#define NOW INT64_C(1700000000)

static const char secret[] = "0123456789abcdef0123456789abcdef"; /* also in tokens.py */

/* RFC 7515, appendix A.1. */
static const char rfc_token[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
                                "."
                                "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                                "."
                                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const unsigned char rfc_key[] = {
    3,   35,  53, 75,  43,  15, 165, 188, 131, 126, 6,   101, 119, 123, 166, 143,
    90,  179, 40, 230, 240, 84, 201, 40,  169, 15,  132, 178, 210, 80,  46,  191,
    211, 251, 90, 146, 210, 6,  71,  239, 150, 138, 180, 195, 119, 98,  61,  34,
    61,  46,  33, 114, 5,   46, 79,  8,   192, 205, 154, 245, 103, 208, 128, 163};

static struct evd_auth *open_with(const char *audience, const char *events_claim)
{
    struct evd_auth_config config = {.audience = audience, .events_claim = events_claim};
    struct evd_auth *auth = NULL;
    struct evd_error error;
    assert_int_equal(evd_auth_open_secret(&config, EVD_SLICE(secret), &auth, &error), EVD_OK);
    return auth;
}

static void test_rfc_7515(void **state)
{
    (void)state;
    struct evd_auth_config config = {0};
    struct evd_auth *auth = NULL;
    struct evd_grant *grant = NULL;
    struct evd_error error;
    struct evd_slice token = evd_slice_text(rfc_token);
    assert_int_equal(evd_auth_open_secret(&config, evd_slice((const char *)rfc_key, sizeof rfc_key),
                                          &auth, &error),
                     EVD_OK);
    assert_int_equal(evd_auth_check(auth, token, 1300819379, &grant, &error), EVD_OK);
    const char json[] = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                        "\"http://example.com/is_root\":true}";
    assert_true(evd_slice_equal(grant->json, EVD_SLICE(json)));
    assert_int_equal(grant->subject.len, 0);
    assert_false(evd_grant_expired(grant, 1300819380 + EVD_AUTH_LEEWAY_S - 1));
    assert_true(evd_grant_expired(grant, 1300819380 + EVD_AUTH_LEEWAY_S));
    evd_grant_free(grant);
    assert_int_equal(evd_auth_check(auth, token, 1300819390, &grant, &error),
                     EVD_ERR_NO_PERMISSION);
    assert_null(grant);
    evd_auth_close(auth);
}

static const char *given(const char *column)
{
    return strcmp(column, "-") == 0 ? NULL : column;
}

static void check_row(char *line)
{
    char *column[6], *rest = line;
    for (int i = 0; i < 6; i++) {
        column[i] = strsep(&rest, "\t\n");
        assert_non_null(column[i]);
    }
    struct evd_auth *auth = open_with(given(column[1]), given(column[2]));
    struct evd_grant *grant = NULL;
    struct evd_error error = {.text = "ok"};
    /* Of its own size, so that the sanitizer sees a read behind it. */
    size_t len = strlen(column[5]);
    char *token = malloc(len + (len == 0));
    assert_non_null(token);
    memcpy(token, column[5], len);
    int rc =
        evd_auth_check(auth, evd_slice(token, len), strtoll(column[3], NULL, 10), &grant, &error);
    bool ok = strcmp(column[4], "ok") == 0;
    if (rc != (ok ? EVD_OK : EVD_ERR_NO_PERMISSION) || strstr(error.text, column[4]) == NULL ||
        (grant != NULL) != ok)
        fail_msg("%s: status %d, \"%s\"; expected \"%s\"", column[0], rc, error.text, column[4]);
    evd_grant_free(grant);
    free(token);
    evd_auth_close(auth);
}

static void test_tokens(void **state)
{
    (void)state;
    FILE *file = fopen(TOKENS, "r");
    assert_non_null(file);
    char *line = NULL;
    size_t cap = 0, rows = 0;
    while (getline(&line, &cap, file) > 0) {
        check_row(line);
        rows++;
    }
    free(line);
    assert_int_equal(fclose(file), 0);
    assert_true(rows > 100);
}

/* The token of a row of tokens.tsv. */
static struct evd_slice token_of(const char *name, char *out, size_t cap)
{
    FILE *file = fopen(TOKENS, "r");
    assert_non_null(file);
    char *line = NULL, *found = NULL;
    size_t room = 0, len = strlen(name);
    while (found == NULL && getline(&line, &room, file) > 0)
        if (strncmp(line, name, len) == 0 && line[len] == '\t')
            found = strrchr(line, '\t') + 1;
    assert_non_null(found);
    (void)snprintf(out, cap, "%.*s", (int)strcspn(found, "\n"), found);
    free(line);
    assert_int_equal(fclose(file), 0);
    return evd_slice_text(out);
}

/* ---- How signatures are compared: by OpenSSL's function, which takes the same time whatever they
 * are, and by nothing else. auth.c finds it by dlsym(), which is wrapped. ---- */

static struct {
    int (*real)(const void *, const void *, size_t);
    unsigned calls;
    size_t len;
    int verdict; /* -1: the real one's */
} comparison = {.verdict = -1};

void *__real_dlsym(void *library, const char *name);
void *__wrap_dlsym(void *library, const char *name);

static int compare(const void *a, const void *b, size_t len)
{
    comparison.calls++;
    comparison.len = len;
    return comparison.verdict >= 0 ? comparison.verdict : comparison.real(a, b, len);
}

void *__wrap_dlsym(void *library, const char *name)
{
    void *found = __real_dlsym(library, name);
    int (*ours)(const void *, const void *, size_t) = compare;
    if (strcmp(name, "CRYPTO_memcmp") != 0)
        return found;
    memcpy(&comparison.real, &found, sizeof found);
    memcpy(&found, &ours, sizeof found);
    return found;
}

static void test_signatures_are_compared_in_constant_time(void **state)
{
    (void)state;
    char text[EVD_AUTH_TOKEN_MAX + 1];
    struct evd_auth *auth = open_with(NULL, NULL);
    struct evd_slice token = token_of("good", text, sizeof text);
    size_t first = token.len - 43, last = token.len - 1; /* characters of the signature */
    for (int verdict = -1; verdict <= 1; verdict++) {
        for (int wrong = 0; wrong < 3; wrong++) {
            struct evd_grant *grant = NULL;
            size_t at = wrong == 1 ? first : last - 1;
            char right = text[at];
            if (wrong > 0)
                text[at] = right == 'A' ? 'B' : 'A';
            comparison.calls = 0;
            comparison.verdict = verdict;
            int rc = evd_auth_check(auth, token, NOW, &grant, NULL);
            bool good = verdict < 0 ? wrong == 0 : verdict == 0;
            assert_int_equal(rc, good ? EVD_OK : EVD_ERR_NO_PERMISSION);
            assert_int_equal(comparison.calls, 1);
            assert_int_equal(comparison.len, 32);
            evd_grant_free(grant);
            text[at] = right;
        }
    }
    comparison.verdict = -1;
    evd_auth_close(auth);
}

/* No truncation and no change of a single bit is accepted: not one of the characters is idle. */
static void test_mutations(void **state)
{
    (void)state;
    char text[EVD_AUTH_TOKEN_MAX + 1];
    struct evd_auth *auth = open_with(NULL, NULL);
    struct evd_slice token = token_of("good", text, sizeof text);
    struct evd_grant *grant = NULL;
    for (size_t len = 0; len < token.len; len++)
        assert_int_equal(evd_auth_check(auth, evd_slice(text, len), NOW, &grant, NULL),
                         EVD_ERR_NO_PERMISSION);
    for (size_t i = 0; i < token.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ 1 << bit);
            assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_ERR_NO_PERMISSION);
            text[i] = (char)(text[i] ^ 1 << bit);
        }
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_OK);
    assert_true(evd_slice_equal(grant->subject, EVD_SLICE("ada")));
    assert_true(grant->bytes < 200);
    evd_grant_free(grant);
    evd_auth_close(auth);
}

static bool allows(const struct evd_grant *grant, const char *event)
{
    return evd_grant_allows(grant, evd_slice_text(event));
}

static void test_events(void **state)
{
    (void)state;
    char text[EVD_AUTH_TOKEN_MAX + 1];
    struct evd_auth *auth = open_with(NULL, NULL);
    struct evd_grant *grant = NULL;
    struct evd_slice token = token_of("events", text, sizeof text);
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_OK);
    static const char *const yes[] = {"api.hello.greeting", "api.services.status",
                                      "api.services.deep.er"};
    static const char *const no[] = {"",
                                     "a",
                                     "api.hello.greetin",
                                     "api.hello.greetings",
                                     "api.hello.greeting.x",
                                     "api.services",
                                     "api.servicesx",
                                     "api.service.status",
                                     "api.test.x",
                                     "zz"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(allows(grant, yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(allows(grant, no[i]));
    evd_grant_free(grant);
    token = token_of("events empty", text, sizeof text);
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_OK);
    assert_false(allows(grant, "api.hello.greeting"));
    assert_false(allows(grant, ""));
    evd_grant_free(grant);
    token = token_of("no claims at all", text, sizeof text);
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_OK);
    assert_true(allows(grant, "api.hello.greeting"));
    evd_grant_free(grant);
    evd_auth_close(auth);
}

/* ---- Every list of some names over a small alphabet, against the plain reading of it. ---- */

static const char *const entries[] = {"a.b",   "a.*", "a.b.*", "a.b.c", "ab.c",
                                      "b.b.b", "*",   "a.c",   "ab.*",  "a.b-c.d"};
static const char *const events[] = {"a.b",  "a.b.c", "a.b.d",   "a.c",   "ab.c",  "ab.d",
                                     "a",    "ab",    "b",       "b.b.b", "b.b.c", "a.b-c",
                                     "zz.z", "a.bb",  "a.b-c.d", "a."};

static bool plainly_allows(unsigned list, const char *event)
{
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        size_t len = strlen(entries[i]) - 1;
        if ((list >> i & 1) == 0)
            continue;
        if (entries[i][len] == '*' ? strncmp(event, entries[i], len) == 0
                                   : strcmp(event, entries[i]) == 0)
            return true;
    }
    return false;
}

/* Signs by way of the grant alone: the token's payload is read by the function under test. */
static struct evd_grant *grant_of(unsigned list)
{
    char json[512] = "{\"events\":[";
    size_t len = strlen(json);
    const char *comma = "";
    for (size_t i = sizeof entries / sizeof *entries; i-- > 0;)
        if ((list >> i & 1) != 0) {
            len += (size_t)snprintf(json + len, sizeof json - len, "%s\"%s\"", comma, entries[i]);
            comma = ",";
        }
    (void)snprintf(json + len, sizeof json - len, "]}");
    static const struct evd_auth_config config = {0};
    struct evd_grant *grant = NULL;
    assert_int_equal(evd_grant_read(&config, evd_slice_text(json), NOW, &grant, NULL), EVD_OK);
    return grant;
}

static void test_every_list(void **state)
{
    (void)state;
    for (unsigned list = 0; list < 1u << sizeof entries / sizeof *entries; list++) {
        struct evd_grant *grant = grant_of(list);
        for (size_t i = 0; i < sizeof events / sizeof *events; i++)
            if (allows(grant, events[i]) != plainly_allows(list, events[i]))
                fail_msg("list %x, event %s: %d", list, events[i], allows(grant, events[i]));
        evd_grant_free(grant);
    }
}

static void test_escapes(void **state)
{
    (void)state;
    static const struct evd_auth_config config = {0};
    static const char json[] = "{\"sub\":\"A\\u0064a \\\"L\\\"\",\"events\":[\"\\u0061pi.x\","
                               "\"api.y.\\u002a\"],\"\\u0069d\":1}";
    struct evd_grant *grant = NULL;
    assert_int_equal(evd_grant_read(&config, EVD_SLICE(json), NOW, &grant, NULL), EVD_OK);
    assert_true(evd_slice_equal(grant->subject, EVD_SLICE("Ada \"L\"")));
    assert_true(evd_slice_equal(grant->json, EVD_SLICE(json)));
    assert_true(allows(grant, "api.x"));
    assert_true(allows(grant, "api.y.z"));
    assert_false(allows(grant, "api.z"));
    evd_grant_free(grant);
}

/* ---- Where tokens come from ---- */

static void test_data(void **state)
{
    (void)state;
    struct evd_slice token;
    struct evd_error error;
    assert_int_equal(
        evd_auth_token_of_data(EVD_SLICE(" { \"token\" : \"a.b.c\" } "), &token, &error), EVD_OK);
    assert_true(evd_slice_equal(token, EVD_SLICE("a.b.c")));
    static const char *const bad[] = {"",
                                      "null",
                                      "\"a.b.c\"",
                                      "{}",
                                      "{\"token\":1}",
                                      "{\"token\":null}",
                                      "{\"token\":\"a\",\"token\":\"b\"}",
                                      "{\"token\":\"a\",\"x\":1}",
                                      "{\"x\":\"a\"}",
                                      "{\"token\":\"a\"",
                                      "{\"token\":\"a\"}x",
                                      "[\"token\",\"a\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(evd_auth_token_of_data(evd_slice_text(bad[i]), &token, &error),
                         EVD_ERR_NO_PERMISSION);
}

static void test_header(void **state)
{
    (void)state;
    struct evd_slice token;
    static const char *const good[] = {"Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c \t"};
    static const char *const bad[] = {"",        "Bearer",        "Bearer ",       "Bearera.b.c",
                                      "Basic x", "Bearer\ta.b.c", " Bearer a.b.c", "Bear a.b.c"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(evd_auth_token_of_header(evd_slice_text(good[i]), &token, NULL), EVD_OK);
        assert_true(evd_slice_equal(token, EVD_SLICE("a.b.c")));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(evd_auth_token_of_header(evd_slice_text(bad[i]), &token, NULL),
                         EVD_ERR_NO_PERMISSION);
}

/* ---- The secret's file ---- */

struct file {
    char path[64];
    struct evd_auth_config config;
    struct evd_error warning, error;
    struct evd_auth *auth;
};

static int open_file(struct file *file, const char *text, size_t len, mode_t mode)
{
    (void)snprintf(file->path, sizeof file->path, "test_auth.%d.XXXXXX", (int)getpid());
    int fd = mkstemp(file->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    file->config = (struct evd_auth_config){.secret_file = file->path};
    file->auth = NULL;
    int rc = evd_auth_open(&file->config, &file->auth, &file->warning, &file->error);
    assert_int_equal(unlink(file->path), 0);
    return rc;
}

static void accepts_good(struct evd_auth *auth)
{
    char text[EVD_AUTH_TOKEN_MAX + 1];
    struct evd_grant *grant = NULL;
    struct evd_slice token = token_of("good", text, sizeof text);
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_OK);
    evd_grant_free(grant);
}

static void test_file(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "\n", "\r\n"};
    struct file file;
    char text[EVD_AUTH_SECRET_MAX + 8];
    for (int i = 0; i < 3; i++) {
        int len = snprintf(text, sizeof text, "%s%s", secret, ends[i]);
        assert_int_equal(open_file(&file, text, (size_t)len, 0600), EVD_OK);
        assert_string_equal(file.warning.text, "");
        accepts_good(file.auth);
        evd_auth_close(file.auth);
    }
    assert_int_equal(open_file(&file, secret, 31, 0600), EVD_ERR_USAGE);
    assert_non_null(strstr(file.error.text, "a secret of 31 bytes; it must have 32 to 4096"));
    assert_int_equal(open_file(&file, "", 0, 0600), EVD_ERR_USAGE);
    memset(text, 'x', sizeof text);
    text[EVD_AUTH_SECRET_MAX] = '\n';
    assert_int_equal(open_file(&file, text, EVD_AUTH_SECRET_MAX + 1, 0600), EVD_OK);
    evd_auth_close(file.auth);
    text[EVD_AUTH_SECRET_MAX] = 'x';
    assert_int_equal(open_file(&file, text, EVD_AUTH_SECRET_MAX + 1, 0600), EVD_ERR_USAGE);
    assert_int_equal(open_file(&file, text, EVD_AUTH_SECRET_MAX + 8, 0600), EVD_ERR_USAGE);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_reload(void **state)
{
    (void)state;
    char path[64], text[EVD_AUTH_TOKEN_MAX + 1];
    (void)snprintf(path, sizeof path, "test_auth.reload.%d", (int)getpid());
    struct evd_auth_config config = {.secret_file = path};
    struct evd_auth *auth = NULL;
    struct evd_grant *grant = NULL;
    struct evd_error warning, error;
    struct evd_slice token = token_of("good", text, sizeof text);
    write_file(path, "another secret of more than 32 bytes\n");
    assert_int_equal(evd_auth_open(&config, &auth, &warning, &error), EVD_OK);
    assert_int_equal(evd_auth_check(auth, token, NOW, &grant, NULL), EVD_ERR_NO_PERMISSION);
    write_file(path, secret);
    assert_int_equal(evd_auth_reload(auth, &warning, &error), EVD_OK);
    accepts_good(auth);
    write_file(path, "short");
    assert_int_equal(evd_auth_reload(auth, &warning, &error), EVD_ERR_USAGE);
    accepts_good(auth);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(evd_auth_reload(auth, &warning, &error), EVD_ERR_SYSTEM);
    accepts_good(auth);
    /* Who opens it would wait for somebody who writes, and with him all signals. */
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(60); /* or this would wait, too */
    assert_int_equal(evd_auth_reload(auth, &warning, &error), EVD_ERR_USAGE);
    (void)alarm(0);
    assert_non_null(strstr(error.text, "is no regular file, which can be read again"));
    assert_int_equal(unlink(path), 0);
    accepts_good(auth);
    evd_auth_close(auth);
}

static void test_file_modes(void **state)
{
    (void)state;
    struct file file;
    static const mode_t open_modes[] = {0640, 0604, 0660, 0644};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(open_file(&file, secret, 32, open_modes[i]), EVD_OK);
        assert_non_null(strstr(file.warning.text, "open to others than its owner"));
        evd_auth_close(file.auth);
    }
    assert_int_equal(open_file(&file, secret, 32, 0602), EVD_ERR_USAGE);
    assert_non_null(strstr(file.error.text, "can be written by everybody (mode 602): chmod 600"));
    file.config.secret_file = "/";
    assert_int_equal(evd_auth_open(&file.config, &file.auth, &file.warning, &file.error),
                     EVD_ERR_USAGE);
    file.config.secret_file = "/no/such/file";
    assert_int_equal(evd_auth_open(&file.config, &file.auth, &file.warning, &file.error),
                     EVD_ERR_SYSTEM);
    assert_string_equal(file.error.text,
                        "--auth-secret-file /no/such/file: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_7515),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_signatures_are_compared_in_constant_time),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_every_list),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_modes),
        cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
