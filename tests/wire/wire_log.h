/* Reads a stream of bytes through a transport, in pieces of any size, and writes down what came
 * out, one line a message: two ways of cutting the same bytes must give the same log. Holds every
 * decode to the contract of transport.h on the way. */
#ifndef EVD_WIRE_LOG_H
#define EVD_WIRE_LOG_H

#include "server/wire/transport.h"
#include "wire_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct wire_log {
    char text[128 * 1024];
    size_t len;
    size_t messages, errors;
};

static inline void log_text(struct wire_log *log, const char *text)
{
    size_t len = strlen(text);
    assert_true(log->len + len < sizeof log->text);
    memcpy(log->text + log->len, text, len + 1);
    log->len += len;
}

/* " name=[bytes]", what is not printable as \xNN; nothing for no bytes */
static inline void log_slice(struct wire_log *log, const char *name, struct evd_slice slice)
{
    char piece[8];
    if (slice.len == 0)
        return;
    log_text(log, " ");
    log_text(log, name);
    log_text(log, "=[");
    for (size_t i = 0; i < slice.len; i++) {
        unsigned char c = (unsigned char)slice.ptr[i];
        (void)snprintf(piece, sizeof piece, c >= ' ' && c < 0x7F ? "%c" : "\\x%02X", c);
        log_text(log, piece);
    }
    log_text(log, "]");
}

static inline void log_id(struct wire_log *log, const struct evd_id *id)
{
    char number[32];
    (void)snprintf(number, sizeof number, " #%" PRIu64, id->number);
    if (id->kind == EVD_ID_UINT)
        log_text(log, number);
    else if (id->kind == EVD_ID_TEXT)
        log_slice(log, "id", id->text);
}

static inline void log_envelope(struct wire_log *log, const struct evd_envelope *envelope)
{
    static const char *const kinds[] = {"call", "reply", "error"};
    log_text(log, kinds[envelope->kind]);
    log_id(log, &envelope->id);
    log_slice(log, "event", envelope->event);
    assert_non_null(envelope->codec);
    if (!envelope->codec->identity)
        log_slice(log, "encoding", evd_slice_text(envelope->codec->name));
    log_slice(log, "data", envelope->data);
    log_slice(log, "code", envelope->code);
    log_slice(log, "message", envelope->message);
    log_text(log, "\n");
}

static inline void log_error(struct wire_log *log, const struct evd_error *error,
                             const struct evd_id *id)
{
    log_text(log, evd_status_code(error->status));
    log_id(log, id);
    log_text(log, ": ");
    log_text(log, error->text);
    log_text(log, "\n");
}

/* One decode, of a copy that is just as long as what is given: a sanitizer sees a byte too far, and
 * what was kept from an earlier one. Returns its status; *ret_used as decode gave it. */
static inline int log_decode(struct wire_log *log, struct evd_decoder *decoder,
                             struct evd_slice given, bool eof, size_t *ret_used)
{
    char *copy = given.len > 0 ? malloc(given.len) : NULL;
    struct evd_envelope envelope = {0};
    if (given.len > 0)
        memcpy(copy, given.ptr, given.len);
    *ret_used = SIZE_MAX;
    int rc = evd_decode(decoder, evd_slice(copy, given.len), eof, ret_used, &envelope);
    assert_true(*ret_used <= given.len);
    if (rc == EVD_OK) {
        assert_true(*ret_used > 0);
        log_envelope(log, &envelope);
        log->messages++;
    } else if (rc < 0) {
        assert_int_equal(decoder->error.status, rc);
        assert_true(strlen(decoder->error.text) > 0);
        assert_true(*ret_used > 0);
        log_error(log, &decoder->error, &envelope.id);
        log->errors++;
    } else {
        assert_int_equal(rc, EVD_MORE);
        assert_true(!eof || *ret_used == given.len);
    }
    free(copy);
    return rc;
}

/* `input` comes in pieces that end at cuts[0..count), and the rest, after which the stream ends. */
static inline void log_cut(struct wire_log *log, const struct evd_transport *transport,
                           enum evd_role role, const struct evd_wire_limits *limits,
                           struct evd_slice input, const size_t *cuts, size_t count)
{
    struct evd_decoder decoder;
    size_t from = 0;
    evd_decoder_init(&decoder, transport, role, limits);
    log->len = log->messages = log->errors = 0;
    log->text[0] = '\0';
    for (size_t i = 0; i <= count; i++) {
        size_t to = i < count ? cuts[i] : input.len, used;
        int rc;
        do {
            rc = log_decode(log, &decoder, evd_slice(input.ptr + from, to - from), i == count,
                            &used);
            from += used;
        } while (rc != EVD_MORE);
        /* a buffer of max_frame bytes never fills up */
        assert_true(to - from < limits->max_frame);
    }
    assert_int_equal(from, input.len);
}

static inline void log_whole(struct wire_log *log, const struct evd_transport *transport,
                             enum evd_role role, const struct evd_wire_limits *limits,
                             struct evd_slice input)
{
    log_cut(log, transport, role, limits, input, NULL, 0);
}

static inline void log_byte_by_byte(struct wire_log *log, const struct evd_transport *transport,
                                    enum evd_role role, const struct evd_wire_limits *limits,
                                    struct evd_slice input)
{
    size_t *cuts = malloc((input.len + 1) * sizeof *cuts);
    assert_non_null(cuts);
    for (size_t i = 0; i < input.len; i++)
        cuts[i] = i + 1;
    log_cut(log, transport, role, limits, input, cuts, input.len);
    free(cuts);
}

/* Whole, byte by byte, and cut in two at every place: always `expected`. */
static inline void assert_reads(const struct evd_transport *transport, enum evd_role role,
                                const struct evd_wire_limits *limits, struct evd_slice input,
                                const char *expected)
{
    static struct wire_log log;
    log_whole(&log, transport, role, limits, input);
    assert_string_equal(log.text, expected);
    log_byte_by_byte(&log, transport, role, limits, input);
    assert_string_equal(log.text, expected);
    for (size_t cut = 0; cut <= input.len; cut++) {
        log_cut(&log, transport, role, limits, input, &cut, 1);
        assert_string_equal(log.text, expected);
    }
}

/* Input that ends anywhere: the contract holds, whatever comes out. */
static inline void assert_survives_truncation(const struct evd_transport *transport,
                                              enum evd_role role,
                                              const struct evd_wire_limits *limits,
                                              struct evd_slice input)
{
    static struct wire_log whole, bytes;
    for (size_t len = 0; len <= input.len; len++) {
        log_whole(&whole, transport, role, limits, evd_slice(input.ptr, len));
        log_byte_by_byte(&bytes, transport, role, limits, evd_slice(input.ptr, len));
        assert_string_equal(whole.text, bytes.text);
    }
}

/* The same with bytes changed, dropped and put in. */
static inline void assert_survives_mutation(const struct evd_transport *transport,
                                            enum evd_role role,
                                            const struct evd_wire_limits *limits,
                                            struct evd_slice input, uint64_t seed, size_t rounds)
{
    static struct wire_log whole, bytes;
    char *text = malloc(input.len + rounds + 1);
    size_t len = input.len;
    assert_non_null(text);
    memcpy(text, input.ptr, len);
    for (size_t i = 0; i < rounds; i++) {
        size_t at = (size_t)(test_random(&seed) % (len + 1));
        char byte = (char)test_random(&seed);
        switch (test_random(&seed) % 4) {
        case 0:
            memmove(text + at + 1, text + at, len - at);
            text[at] = byte;
            len++;
            break;
        case 1:
            if (at < len)
                memmove(text + at, text + at + 1, len-- - at - 1);
            break;
        case 2:
            if (at < len)
                text[at] = (char)(text[at] ^ (1 << (byte & 7)));
            break;
        default:
            if (at < len)
                text[at] = byte;
        }
        if (i % 8 == 7) { /* broken enough: start over */
            memcpy(text, input.ptr, input.len);
            len = input.len;
        }
        log_whole(&whole, transport, role, limits, evd_slice(text, len));
        log_byte_by_byte(&bytes, transport, role, limits, evd_slice(text, len));
        assert_string_equal(whole.text, bytes.text);
    }
    free(text);
}

#endif
