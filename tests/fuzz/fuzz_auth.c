/* Tokens. The input is a byte of choices and then either a token, or (bit 0) a header, a line end
 * and a payload, which are signed here: no mutation finds a signature. */
#include "fuzz.h"
#include "grammar.h"

#include "server/auth.h"
#include "server/wire/base64.h"

#include <cjson/cJSON.h>
#include <dlfcn.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW    1700000000

typedef unsigned char *hmac_fn(const void *kind, const void *key, int key_len,
                               const unsigned char *text, size_t len, unsigned char *out,
                               unsigned *ret_len);

struct signer {
    hmac_fn *hmac;
    const void *sha256;
};

/* The library that auth.c loads. */
static const struct signer *signer(void)
{
    static struct signer signer;
    if (signer.hmac == NULL) {
        void *library = dlopen("libcrypto.so.3", RTLD_NOW);
        FUZZ_CHECK(library != NULL);
        const void *(*sha256)(void);
        void *symbol = dlsym(library, "EVP_sha256");
        FUZZ_CHECK(symbol != NULL);
        memcpy(&sha256, &symbol, sizeof symbol);
        signer.sha256 = sha256();
        symbol = dlsym(library, "HMAC");
        FUZZ_CHECK(symbol != NULL);
        memcpy(&signer.hmac, &symbol, sizeof symbol);
    }
    return &signer;
}

/* base64url, RFC 7515, 2; returns the length. */
static size_t encode(struct evd_slice in, char *out)
{
    size_t len = evd_base64_encode(in, out);
    while (len > 0 && out[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    return len;
}

static size_t sign(struct evd_slice header, struct evd_slice payload, char *out)
{
    unsigned char mac[64];
    unsigned len = 0;
    size_t used = encode(header, out);
    out[used++] = '.';
    used += encode(payload, out + used);
    FUZZ_CHECK(signer()->hmac(signer()->sha256, SECRET, sizeof SECRET - 1, (unsigned char *)out,
                              used, mac, &len) != NULL);
    out[used++] = '.';
    return used + encode(evd_slice((char *)mac, len), out + used);
}

/* A name is listed, or begins with a listed prefix that ends in ".*": read anew from the claims. */
static bool listed(const cJSON *list, const char *event)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *name = item->valuestring;
        size_t len = strlen(name);
        if (strcmp(name, event) == 0 || strcmp(name, "*") == 0)
            return true;
        if (len > 2 && strcmp(name + len - 2, ".*") == 0 && strncmp(event, name, len - 1) == 0 &&
            event[len - 1] != '\0')
            return true;
    }
    return false;
}

static void check_events(const struct evd_grant *grant, const cJSON *list)
{
    static const char *const events[] = {
        "api.test.board", "api.services.status", "api.tes", "a.b", "api", "a.b.c"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        bool expected = list == NULL || listed(list, events[i]);
        FUZZ_CHECK(evd_grant_allows(grant, evd_slice_text(events[i])) == expected);
    }
}

/* What was granted stands in the claims. */
static void check_grant(const struct evd_grant *grant, const struct evd_slice *payload)
{
    FUZZ_CHECK(grant->json.len <= EVD_AUTH_TOKEN_MAX && grant->bytes >= sizeof *grant);
    FUZZ_CHECK(payload == NULL || evd_slice_equal(*payload, grant->json));
    FUZZ_CHECK(grammar_accepts(grant->json, 512, false) && !evd_grant_expired(grant, NOW));
    cJSON *claims = cJSON_ParseWithLength(grant->json.ptr, grant->json.len);
    FUZZ_CHECK(cJSON_IsObject(claims));
    const cJSON *subject = cJSON_GetObjectItemCaseSensitive(claims, "sub");
    const cJSON *expires = cJSON_GetObjectItemCaseSensitive(claims, "exp");
    if (cJSON_IsString(subject))
        FUZZ_CHECK(evd_slice_equal(grant->subject, evd_slice_text(subject->valuestring)));
    else
        FUZZ_CHECK(subject == NULL && grant->subject.len == 0);
    if (expires != NULL)
        FUZZ_CHECK(cJSON_IsNumber(expires) && expires->valuedouble + EVD_AUTH_LEEWAY_S > NOW);
    check_events(grant, cJSON_GetObjectItemCaseSensitive(claims, "events"));
    cJSON_Delete(claims);
}

static void check_token(struct evd_slice token, const struct evd_slice *payload)
{
    static struct evd_auth *auth;
    const struct evd_auth_config config = {.secret_file = "secret"};
    struct evd_error error = {0};
    struct evd_grant *grant = NULL;
    if (auth == NULL)
        FUZZ_CHECK(evd_auth_open_secret(&config, EVD_SLICE(SECRET), &auth, &error) == EVD_OK);
    char *copy = fuzz_copy(token);
    int rc = evd_auth_check(auth, evd_slice(copy, token.len), NOW, &grant, &error);
    free(copy);
    if (rc == EVD_OK) {
        FUZZ_CHECK(grant != NULL);
        check_grant(grant, payload);
        evd_grant_free(grant);
    } else {
        FUZZ_CHECK(rc == EVD_ERR_NO_PERMISSION && error.status == rc && grant == NULL);
        FUZZ_CHECK(error.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char made[8192];
    struct evd_slice in = fuzz_input(data, size), token;
    struct evd_error error = {0};
    unsigned choices = fuzz_byte(&in);
    if (in.len > 4096)
        return 0;
    if ((choices & 1) == 0) {
        check_token(in, NULL);
        if (evd_auth_token_of_data(in, &token, &error) == EVD_OK)
            check_token(token, NULL);
        if (evd_auth_token_of_header(in, &token, &error) == EVD_OK)
            check_token(token, NULL);
        return 0;
    }
    const char *end = in.len > 0 ? memchr(in.ptr, '\n', in.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - in.ptr) : 0;
    struct evd_slice header =
        end != NULL ? evd_slice(in.ptr, len) : EVD_SLICE("{\"alg\":\"HS256\"}");
    struct evd_slice payload = end != NULL ? evd_slice(end + 1, in.len - len - 1) : in;
    check_token(evd_slice(made, sign(header, payload, made)), &payload);
    return 0;
}
