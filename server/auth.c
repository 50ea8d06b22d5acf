#include "auth.h"

#include "auth_claims.h"
#include "server/wire/base64.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CRYPTO_LIBRARY "libcrypto.so.3" /* the ABI of the headers above */
#define SIGNATURE_LEN  32               /* bytes: SHA-256 */

#define REFUSE(error, ...) evd_error_set(error, EVD_ERR_NO_PERMISSION, __VA_ARGS__)

/* Of libcrypto, which is loaded by the servers that check tokens only: in any other it would be
 * nearly half of the memory and a third of the start-up time. */
struct crypto {
    __typeof__(&EVP_sha256) sha256;
    __typeof__(&HMAC) hmac;
    __typeof__(&CRYPTO_memcmp) compare;
};

struct secret {
    size_t len;
    char bytes[EVD_AUTH_SECRET_MAX];
};

struct evd_auth {
    struct evd_auth_config config;
    struct crypto crypto;
    pthread_rwlock_t lock; /* of the secret, which evd_auth_reload() replaces */
    struct secret secret;
};

/* ---- libcrypto ---- */

static int find_symbol(void *library, const char *name, void *ret_function,
                       struct evd_error *ret_error)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "libcrypto has no %s", name);
    memcpy(ret_function, &symbol, sizeof symbol);
    return EVD_OK;
}

/* It stays loaded: it is not made to be unloaded. */
static int load_crypto(struct crypto *ret_crypto, struct evd_error *ret_error)
{
    void *library = dlopen(CRYPTO_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "tokens need OpenSSL 3: %.200s", dlerror());
    int rc = find_symbol(library, "EVP_sha256", &ret_crypto->sha256, ret_error);
    if (rc >= 0)
        rc = find_symbol(library, "HMAC", &ret_crypto->hmac, ret_error);
    if (rc >= 0)
        rc = find_symbol(library, "CRYPTO_memcmp", &ret_crypto->compare, ret_error);
    return rc;
}

/* ---- The secret ---- */

static int set_secret(struct secret *secret, struct evd_slice bytes, struct evd_error *ret_error)
{
    if (bytes.len < EVD_AUTH_SECRET_MIN || bytes.len > EVD_AUTH_SECRET_MAX)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "a secret of %zu bytes; it must have %d to %d (RFC 7518, 3.2): "
                             "openssl rand -hex 32 makes one",
                             bytes.len, EVD_AUTH_SECRET_MIN, EVD_AUTH_SECRET_MAX);
    secret->len = bytes.len;
    memcpy(secret->bytes, bytes.ptr, bytes.len);
    return EVD_OK;
}

/* Without a secret yet. */
static int new_auth(const struct evd_auth_config *config, struct evd_auth **ret_auth,
                    struct evd_error *ret_error)
{
    struct evd_auth *auth = calloc(1, sizeof *auth);
    if (auth == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    int rc = load_crypto(&auth->crypto, ret_error);
    if (rc < 0) {
        free(auth);
        return rc;
    }
    auth->config = *config;
    (void)pthread_rwlock_init(&auth->lock, NULL); /* on Linux it cannot fail without attributes */
    *ret_auth = auth;
    return EVD_OK;
}

int evd_auth_open_secret(const struct evd_auth_config *config, struct evd_slice secret,
                         struct evd_auth **ret_auth, struct evd_error *ret_error)
{
    struct evd_auth *auth = NULL;
    int rc = new_auth(config, &auth, ret_error);
    if (rc >= 0)
        rc = set_secret(&auth->secret, secret, ret_error);
    if (rc >= 0)
        *ret_auth = auth;
    else
        evd_auth_close(auth);
    return rc;
}

/* Its permissions: who may write it may sign; who may read it may too. `again`: a pipe was read at
 * the start, and would be waited for now. */
static int check_file(int fd, const char *path, bool again, struct evd_error *ret_warning,
                      struct evd_error *ret_error)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "%.150s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return evd_error_set(ret_error, EVD_ERR_USAGE, "%.150s is a folder", path);
    if (again && !S_ISREG(st.st_mode))
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%.150s is no regular file, which can be read again", path);
    unsigned mode = st.st_mode & 0777;
    if (S_ISREG(st.st_mode) && (mode & S_IWOTH) != 0)
        return evd_error_set(ret_error, EVD_ERR_USAGE,
                             "%.150s can be written by everybody (mode %03o): chmod 600", path,
                             mode);
    if (S_ISREG(st.st_mode) && (mode & (S_IRWXG | S_IRWXO)) != 0)
        (void)evd_error_set(ret_warning, EVD_OK,
                            "--auth-secret-file %.150s is open to others than its owner (mode "
                            "%03o): chmod 600",
                            path, mode);
    return EVD_OK;
}

/* Without stdio, whose buffer would keep a copy. At most cap bytes. */
static int read_all(int fd, char *out, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t got = read(fd, out + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return EVD_ERR_SYSTEM;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    *ret_len = len;
    return EVD_OK;
}

static int read_secret(const char *path, int fd, struct secret *ret_secret,
                       struct evd_error *ret_error)
{
    char text[EVD_AUTH_SECRET_MAX + 3]; /* a line end, and one more to know that it is too long */
    struct evd_error why;
    size_t len = 0;
    int rc = read_all(fd, text, sizeof text, &len);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "%.150s: %s", path, strerror(errno));
    if (len > 0 && text[len - 1] == '\n')
        len -= len > 1 && text[len - 2] == '\r' ? 2 : 1;
    rc = set_secret(ret_secret, evd_slice(text, len), &why);
    explicit_bzero(text, sizeof text);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "%.100s holds %.140s", path, why.text);
    return EVD_OK;
}

static int read_file(const char *path, bool again, struct secret *ret_secret,
                     struct evd_error *ret_warning, struct evd_error *ret_error)
{
    ret_warning->text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (again ? O_NONBLOCK : 0));
    if (fd < 0)
        return evd_error_set(ret_error, EVD_ERR_SYSTEM, "--auth-secret-file %.150s: %s", path,
                             strerror(errno));
    struct evd_error why;
    int rc = check_file(fd, path, again, ret_warning, &why);
    if (rc >= 0)
        rc = read_secret(path, fd, ret_secret, &why);
    (void)close(fd);
    if (rc < 0)
        return evd_error_set(ret_error, rc, "--auth-secret-file %.230s", why.text);
    return EVD_OK;
}

int evd_auth_open(const struct evd_auth_config *config, struct evd_auth **ret_auth,
                  struct evd_error *ret_warning, struct evd_error *ret_error)
{
    struct evd_auth *auth = NULL;
    ret_warning->text[0] = '\0';
    int rc = new_auth(config, &auth, ret_error);
    if (rc >= 0)
        rc = read_file(config->secret_file, false, &auth->secret, ret_warning, ret_error);
    if (rc >= 0)
        *ret_auth = auth;
    else
        evd_auth_close(auth);
    return rc;
}

int evd_auth_reload(struct evd_auth *auth, struct evd_error *ret_warning,
                    struct evd_error *ret_error)
{
    struct secret secret;
    int rc = read_file(auth->config.secret_file, true, &secret, ret_warning, ret_error);
    if (rc >= 0) {
        (void)pthread_rwlock_wrlock(&auth->lock);
        auth->secret = secret;
        (void)pthread_rwlock_unlock(&auth->lock);
    }
    explicit_bzero(&secret, sizeof secret);
    return rc;
}

void evd_auth_close(struct evd_auth *auth)
{
    if (auth == NULL)
        return;
    (void)pthread_rwlock_destroy(&auth->lock);
    explicit_bzero(auth, sizeof *auth);
    free(auth);
}

/* ---- The token ---- */

/* base64url without padding (RFC 7515, 2), of at most EVD_AUTH_TOKEN_MAX characters; out has as
 * much room. Unused bits must be zero. Returns the length, or a negative status. */
static int64_t decode_part(struct evd_slice in, char *out)
{
    char text[EVD_AUTH_TOKEN_MAX + 3];
    size_t len = 0;
    for (; len < in.len; len++) {
        char c = in.ptr[len];
        if (c == '+' || c == '/' || c == '=')
            return EVD_ERR_BAD_DATA;
        text[len] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (len % 4 != 0) /* three, for a length that cannot be, are refused there */
        text[len++] = '=';
    return evd_base64_decode(evd_slice(text, len), out, NULL);
}

/* Splits at exactly two dots. */
static bool split(struct evd_slice token, struct evd_slice parts[3])
{
    const char *end = token.ptr + token.len, *pos = token.ptr;
    for (int i = 0; i < 3; i++) {
        const char *dot = memchr(pos, '.', (size_t)(end - pos));
        if ((dot == NULL) != (i == 2))
            return false;
        parts[i] = evd_slice(pos, (size_t)((dot != NULL ? dot : end) - pos));
        pos = dot != NULL ? dot + 1 : end;
    }
    return true;
}

static int check_signature(struct evd_auth *auth, const struct evd_slice parts[3],
                           struct evd_error *ret_error)
{
    /* 43 characters, so that `given` is neither overrun nor compared with something shorter. */
    unsigned char given[SIGNATURE_LEN + 1], made[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (parts[2].len != (SIGNATURE_LEN * 4 + 2) / 3 ||
        decode_part(parts[2], (char *)given) != SIGNATURE_LEN)
        return REFUSE(ret_error, "its signature is not one of HS256");
    size_t signed_len = parts[0].len + 1 + parts[1].len;
    (void)pthread_rwlock_rdlock(&auth->lock);
    bool failed =
        auth->crypto.hmac(auth->crypto.sha256(), auth->secret.bytes, (int)auth->secret.len,
                          (const unsigned char *)parts[0].ptr, signed_len, made, &len) == NULL;
    (void)pthread_rwlock_unlock(&auth->lock);
    if (failed)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    bool same = len == SIGNATURE_LEN && auth->crypto.compare(given, made, SIGNATURE_LEN) == 0;
    explicit_bzero(made, sizeof made);
    return same ? EVD_OK : REFUSE(ret_error, "its signature is not by this secret");
}

static int check_header(struct evd_slice json, struct evd_error *ret_error)
{
    struct evd_members members;
    int rc = evd_members_read(json, "header", &members, ret_error);
    if (rc < 0)
        return rc;
    const struct evd_member *alg = evd_members_find(&members, "alg");
    if (alg == NULL || !evd_slice_equal(alg->value, EVD_SLICE("\"HS256\"")))
        return REFUSE(ret_error, "its alg is not HS256");
    if (evd_members_find(&members, "crit") != NULL) /* RFC 7515, 4.1.11: none is understood */
        return REFUSE(ret_error, "its header has crit, which nothing here understands");
    return EVD_OK;
}

int evd_auth_check(struct evd_auth *auth, struct evd_slice token, int64_t now,
                   struct evd_grant **ret_grant, struct evd_error *ret_error)
{
    char json[EVD_AUTH_TOKEN_MAX];
    struct evd_slice parts[3];

    *ret_grant = NULL;
    if (token.len > EVD_AUTH_TOKEN_MAX)
        return REFUSE(ret_error, "it has %zu bytes, more than %d", token.len, EVD_AUTH_TOKEN_MAX);
    if (token.len == 0 || !split(token, parts))
        return REFUSE(ret_error, "it is not of three parts joined by dots");
    int rc = check_signature(auth, parts, ret_error);
    if (rc < 0)
        return rc;
    int64_t len = decode_part(parts[0], json);
    if (len < 0)
        return REFUSE(ret_error, "its header is not base64url");
    rc = check_header(evd_slice(json, (size_t)len), ret_error);
    if (rc < 0)
        return rc;
    len = decode_part(parts[1], json);
    if (len < 0)
        return REFUSE(ret_error, "its payload is not base64url");
    return evd_grant_read(&auth->config, evd_slice(json, (size_t)len), now, ret_grant, ret_error);
}

/* ---- Where tokens come from ---- */

int evd_auth_token_of_data(struct evd_slice data, struct evd_slice *ret_token,
                           struct evd_error *ret_error)
{
    struct evd_json_scan scan;
    struct evd_slice key, value;
    enum evd_json_type type;
    bool found = false;
    int rc;

    evd_json_scan_init(&scan, data, EVD_JSON_DEPTH_DEFAULT);
    rc = evd_json_scan_object(&scan);
    if (rc == EVD_OK)
        rc = EVD_MORE;
    while (rc == EVD_MORE && (rc = evd_json_scan_member(&scan, &key, &type, &value)) == EVD_MORE) {
        if (found || type != EVD_JSON_STRING || !evd_slice_equal(key, EVD_SLICE("token")))
            return REFUSE(ret_error, "data must be {\"token\":\"...\"} and nothing else");
        found = true;
        *ret_token = evd_slice(value.ptr + 1, value.len - 2); /* an escape is no base64url */
    }
    if (rc < 0 || evd_json_scan_end(&scan) < 0 || !found)
        return REFUSE(ret_error, "data must be {\"token\":\"...\"}");
    return EVD_OK;
}

int evd_auth_token_of_header(struct evd_slice value, struct evd_slice *ret_token,
                             struct evd_error *ret_error)
{
    static const char scheme[] = "Bearer";
    size_t at = sizeof scheme - 1;
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t'))
        value.len--;
    if (value.len <= at || strncasecmp(value.ptr, scheme, at) != 0 || value.ptr[at] != ' ')
        return REFUSE(ret_error, "Authorization must be Bearer and a token");
    while (at < value.len && value.ptr[at] == ' ')
        at++;
    *ret_token = evd_slice(value.ptr + at, value.len - at);
    return EVD_OK;
}

int64_t evd_auth_now(void)
{
    return (int64_t)time(NULL);
}
