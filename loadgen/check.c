#include "check.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DECODED_MAX (64 * 1024 * 1024) /* bytes of one reply's payload */
#define KNOWN_MAX   (64 * 1024)        /* bytes of a reply that is worth remembering */

/* A body is bytes: a string that is expected stands there as it is, without quotes. */
static int expect_bodies(struct lg_checker *checker)
{
    for (size_t i = 0; i < checker->scenario->count; i++) {
        struct evd_slice expect = checker->scenario->requests[i].expect;
        cJSON *value = cJSON_ParseWithLength(expect.ptr, expect.len);
        if (cJSON_IsString(value) && !checker->scenario->requests[i].expect_error)
            checker->known[i] = evd_slice(strdup(value->valuestring), strlen(value->valuestring));
        bool lost = checker->known[i].ptr == NULL && checker->known[i].len > 0;
        cJSON_Delete(value);
        if (lost) {
            checker->known[i].len = 0;
            lg_checker_release(checker);
            return EVD_ERR_NO_MEMORY;
        }
    }
    return EVD_OK;
}

int lg_checker_init(struct lg_checker *checker, const struct lg_scenario *scenario,
                    const struct evd_transport *transport)
{
    int rc;

    memset(checker, 0, sizeof(*checker));
    checker->scenario = scenario;
    checker->transport = transport;
    evd_buf_init(&checker->scratch, DECODED_MAX);
    rc = evd_codec_context_init(&checker->codecs, DECODED_MAX);
    if (rc < 0)
        return rc;
    checker->known = calloc(scenario->count, sizeof(*checker->known));
    if (checker->known == NULL) {
        evd_codec_context_release(&checker->codecs);
        return EVD_ERR_NO_MEMORY;
    }
    return transport->ordered ? expect_bodies(checker) : EVD_OK;
}

void lg_checker_release(struct lg_checker *checker)
{
    if (checker->known == NULL)
        return;
    for (size_t i = 0; i < checker->scenario->count; i++)
        free((char *)checker->known[i].ptr);
    free(checker->known);
    checker->known = NULL;
    evd_buf_release(&checker->scratch);
    evd_codec_context_release(&checker->codecs);
}

/* ---- What was wrong, in words ---- */

/* Bytes of the UTF-8 character at the start of text (RFC 3629, section 4), or 0. */
static size_t utf8_character(const unsigned char *text, size_t len)
{
    unsigned char c = text[0];
    size_t need = c < 0x80                ? 1
                  : c >= 0xc2 && c < 0xe0 ? 2
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xf0 && c < 0xf5 ? 4
                                          : 0;

    if (need == 0 || need > len)
        return 0;
    for (size_t i = 1; i < need; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
        (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return need;
}

/* Prefix and text, cut to fit at a whole character; what is not text becomes '?'. */
static void show(char *out, const char *prefix, struct evd_slice text)
{
    size_t at = (size_t)snprintf(out, LG_FIRST_BAD_TEXT, "%s", prefix);

    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_character((const unsigned char *)text.ptr + i, text.len - i);

        if (at + (len == 0 ? 1 : len) > LG_FIRST_BAD_TEXT - 1)
            break;
        if (len == 0 || (unsigned char)text.ptr[i] < 0x20)
            out[at] = '?';
        else
            memcpy(out + at, text.ptr + i, len);
        len = len == 0 ? 1 : len;
        at += len;
        i += len;
    }
    out[at] = '\0';
}

static void show_expected(struct lg_checker *checker, const struct lg_request *request)
{
    struct lg_first_bad *bad = &checker->first_bad;

    snprintf(bad->event, sizeof(bad->event), "%s", request->event.ptr);
    show(bad->expected, request->expect_error ? "error " : "", request->expect);
}

static void show_got(struct lg_checker *checker, const struct evd_envelope *reply)
{
    char *got = checker->first_bad.got;
    char prefix[128];
    struct evd_slice payload;
    struct evd_error error;

    if (reply->kind == EVD_KIND_ERROR) {
        snprintf(prefix, sizeof(prefix), "error %.*s: ", (int)reply->code.len, reply->code.ptr);
        show(got, prefix, reply->message);
    } else if (evd_envelope_payload(reply, checker->transport, &checker->codecs, &checker->scratch,
                                    &payload, &error) < 0) {
        show(got, "data that cannot be decoded: ", evd_slice_text(error.text));
    } else {
        show(got, "", payload);
    }
}

static bool wrong(struct lg_checker *checker, const struct lg_request *request,
                  const struct evd_envelope *reply, const char *note)
{
    char got[LG_FIRST_BAD_TEXT];

    if (*checker->first_bad.event != '\0')
        return false;
    show_expected(checker, request);
    show_got(checker, reply);
    if (*note != '\0') {
        memcpy(got, checker->first_bad.got, sizeof(got));
        show(checker->first_bad.got, note, evd_slice_text(got));
    }
    return false;
}

static bool wrong_id(struct lg_checker *checker, const struct lg_request *request, uint64_t id,
                     const struct evd_envelope *reply)
{
    char note[160];

    if (reply->id.kind == EVD_ID_UINT)
        snprintf(note, sizeof(note), "(id %" PRIu64 " where %" PRIu64 " was due) ",
                 reply->id.number, id);
    else
        snprintf(note, sizeof(note), "(id %.*s where %" PRIu64 " was due) ",
                 reply->id.kind == EVD_ID_NONE ? 4 : (int)reply->id.text.len,
                 reply->id.kind == EVD_ID_NONE ? "none" : reply->id.text.ptr, id);
    return wrong(checker, request, reply, note);
}

void lg_check_unreadable(struct lg_checker *checker, size_t request, const char *why)
{
    if (*checker->first_bad.event != '\0')
        return;
    show_expected(checker, &checker->scenario->requests[request]);
    show(checker->first_bad.got, "a reply that cannot be read: ", evd_slice_text(why));
}

/* ---- Comparing ---- */

static bool same_json(struct evd_slice a, struct evd_slice b)
{
    cJSON *x = cJSON_ParseWithLength(a.ptr, a.len), *y = cJSON_ParseWithLength(b.ptr, b.len);
    bool same = x != NULL && y != NULL && cJSON_Compare(x, y, true);

    cJSON_Delete(x);
    cJSON_Delete(y);
    return same;
}

static void remember(struct evd_slice *known, struct evd_slice data)
{
    char *copy;

    if (known->ptr != NULL || data.len == 0 || data.len > KNOWN_MAX)
        return;
    copy = malloc(data.len);
    if (copy == NULL)
        return; /* then the long way stays the way */
    memcpy(copy, data.ptr, data.len);
    *known = evd_slice(copy, data.len);
}

/* The long way: decode, compare, and remember what was right. */
static bool compare_payload(struct lg_checker *checker, size_t index,
                            const struct evd_envelope *reply)
{
    const struct lg_request *request = &checker->scenario->requests[index];
    struct evd_slice payload;
    struct evd_error error;

    if (evd_envelope_payload(reply, checker->transport, &checker->codecs, &checker->scratch,
                             &payload, &error) < 0)
        return wrong(checker, request, reply, "");
    if (!evd_slice_equal(payload, request->expect) && !same_json(payload, request->expect))
        return wrong(checker, request, reply, "");
    remember(&checker->known[index], reply->data);
    return true;
}

bool lg_check_reply(struct lg_checker *checker, size_t index, uint64_t id,
                    struct evd_envelope *reply)
{
    const struct lg_request *request = &checker->scenario->requests[index];

    if (checker->transport->text) /* a text reply does not say: it uses the call's encoding */
        reply->codec = request->codec;
    if (!checker->transport->ordered && (reply->id.kind != EVD_ID_UINT || reply->id.number != id))
        return wrong_id(checker, request, id, reply);
    if (reply->kind == EVD_KIND_ERROR)
        return (request->expect_error && evd_slice_equal(reply->code, request->expect)) ||
               wrong(checker, request, reply, "");
    if (reply->kind != EVD_KIND_REPLY || request->expect_error)
        return wrong(checker, request, reply, "");
    if (reply->codec != request->codec)
        return wrong(checker, request, reply, "(in another encoding than the call) ");
    if (request->codec->identity && evd_slice_equal(reply->data, request->expect))
        return true;
    if (checker->known[index].len > 0 && evd_slice_equal(reply->data, checker->known[index]))
        return true;
    return compare_payload(checker, index, reply);
}
