#include "connection_oracle.h"

#include "fuzz.h"
#include "grammar.h"

#include <cjson/cJSON.h>

#define DEPTH_MAX 512 /* of an answer: what it carries, and what it is wrapped in */

/* ---- JSON lines ---- */

static bool is_blank(struct evd_slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (memchr(" \t\r", line.ptr[i], 3) == NULL)
            return false;
    return true;
}

/* The next line that says something, or false. *text moves behind it. */
static bool next_line(struct evd_slice *text, struct evd_slice *ret_line)
{
    while (text->len > 0) {
        const char *end = memchr(text->ptr, '\n', text->len);
        size_t len = end == NULL ? text->len : (size_t)(end - text->ptr);
        size_t used = end == NULL ? len : len + 1;
        *ret_line = evd_slice(text->ptr, len);
        *text = evd_slice(text->ptr + used, text->len - used);
        if (!is_blank(*ret_line))
            return true;
    }
    return false;
}

/* A line's whole answer, with its end; false: there is no more. */
static bool next_answer(struct evd_slice *out, struct evd_slice *ret_line)
{
    const char *end = out->len == 0 ? NULL : memchr(out->ptr, '\n', out->len);
    if (end == NULL)
        return false;
    size_t len = (size_t)(end - out->ptr);
    *ret_line = evd_slice(out->ptr, len);
    *out = evd_slice(end + 1, out->len - len - 1);
    return true;
}

/* {"id":…,"data":…} or {"id":…,"error":{"code":"…","message":"…"}}: these, in this order. */
static cJSON *read_answer(struct evd_slice line)
{
    FUZZ_CHECK(grammar_accepts(line, DEPTH_MAX, true));
    cJSON *tree = cJSON_ParseWithLength(line.ptr, line.len);
    FUZZ_CHECK(cJSON_IsObject(tree));
    const cJSON *item = tree->child;
    if (item != NULL && strcmp(item->string, "id") == 0) {
        FUZZ_CHECK(cJSON_IsNumber(item) || cJSON_IsString(item));
        item = item->next;
    }
    FUZZ_CHECK(item != NULL && item->next == NULL);
    if (strcmp(item->string, "data") == 0)
        return tree;
    FUZZ_CHECK(strcmp(item->string, "error") == 0 && cJSON_IsObject(item));
    const cJSON *code = item->child;
    FUZZ_CHECK(code != NULL && strcmp(code->string, "code") == 0 && cJSON_IsString(code));
    FUZZ_CHECK(code->valuestring[0] != '\0');
    const cJSON *message = code->next;
    FUZZ_CHECK(message != NULL && strcmp(message->string, "message") == 0);
    FUZZ_CHECK(cJSON_IsString(message) && message->next == NULL);
    return tree;
}

static size_t count(const cJSON *object, const char *name, const cJSON **ret_first)
{
    size_t found = 0;
    const cJSON *item;
    *ret_first = NULL;
    cJSON_ArrayForEach(item, object)
    {
        if (strcmp(item->string, name) != 0)
            continue;
        if (found++ == 0)
            *ret_first = item;
    }
    return found;
}

static void check_equal(const cJSON *a, const cJSON *b)
{
    char *left = cJSON_PrintUnformatted(a), *right = cJSON_PrintUnformatted(b);
    FUZZ_CHECK(left != NULL && right != NULL && strcmp(left, right) == 0);
    cJSON_free(left);
    cJSON_free(right);
}

/* An id of which nothing need be known but its value: not near the limit of its length. */
static bool is_short_id(const cJSON *id)
{
    return cJSON_IsString(id)
               ? strlen(id->valuestring) < 10 && strchr(id->valuestring, '\\') == NULL
               : id == NULL || cJSON_IsNull(id) || cJSON_IsNumber(id);
}

/* A call that has nothing but what is listed, and nothing wrong: what must it give? */
static void check_known(const cJSON *call, const cJSON *answer)
{
    const cJSON *event, *id, *data, *encoding;
    if (count(call, "event", &event) != 1 || count(call, "id", &id) > 1 ||
        count(call, "data", &data) > 1 || count(call, "encoding", &encoding) != 0)
        return;
    if (!cJSON_IsString(event) || !is_short_id(id))
        return;
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(answer, "data");
    if (strcmp(event->valuestring, "api.services.status") == 0) {
        FUZZ_CHECK(cJSON_IsString(given) && strcmp(given->valuestring, "online") == 0);
    } else if (strcmp(event->valuestring, "api.test.board") == 0) {
        FUZZ_CHECK(given != NULL);
        if (data == NULL)
            FUZZ_CHECK(cJSON_IsNull(given));
        else
            check_equal(data, given);
    }
}

/* limit: whether the line kept to the server's. */
static void check_line(struct evd_slice line, bool fits, const struct oracle_limits *limits,
                       const cJSON *answer)
{
    const cJSON *answered, *id;
    size_t ids = count(answer, "id", &answered);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    bool known = !limits->tokens || error == NULL;
    if (limits->memory_failed && error != NULL)
        return;
    /* No \u0000: cJSON would end the string there, the server reads on. */
    if (!fits || !grammar_accepts(line, limits->max_depth, false)) {
        bool nul = fits && grammar_accepts(line, limits->max_depth, true);
        FUZZ_CHECK(error != NULL || nul);
        return;
    }
    cJSON *call = cJSON_ParseWithLength(line.ptr, line.len);
    FUZZ_CHECK(call != NULL);
    if (!cJSON_IsObject(call)) {
        FUZZ_CHECK(error != NULL && ids == 0);
    } else if (count(call, "id", &id) == 0 || cJSON_IsNull(id)) {
        FUZZ_CHECK(ids == 0 || count(call, "id", &id) > 1);
        if (known)
            check_known(call, answer);
    } else if (is_short_id(id) && (cJSON_IsNumber(id) || cJSON_IsString(id))) {
        if (cJSON_IsString(id))
            FUZZ_CHECK(ids == 1 && cJSON_Compare(id, answered, true));
        else /* of 63 digits at most, so never too long */
            FUZZ_CHECK(ids == 1 && cJSON_IsNumber(answered) &&
                       memcmp(&id->valuedouble, &answered->valuedouble, sizeof(double)) == 0);
        if (known)
            check_known(call, answer);
    }
    cJSON_Delete(call);
}

static void check_lines(struct evd_slice in, struct evd_slice out, bool cut_off,
                        const struct oracle_limits *limits)
{
    struct evd_slice line, text;
    bool may_end = false;
    while (next_line(&in, &line)) {
        bool whole = line.ptr + line.len < in.ptr; /* it had its end */
        if (!next_answer(&out, &text)) {
            FUZZ_CHECK(cut_off || may_end);
            return;
        }
        size_t start = 0; /* white space before an envelope does not count */
        while (memchr(" \t\r", line.ptr[start], 3) != NULL)
            start++;
        bool fits = line.len - start + (whole ? 1 : 0) <= limits->max_frame &&
                    (whole || line.len - start < limits->max_frame);
        cJSON *answer = read_answer(text);
        check_line(line, fits, limits, answer);
        may_end = limits->tokens && cJSON_HasObjectItem(answer, "error");
        cJSON_Delete(answer);
    }
    FUZZ_CHECK(out.len == 0);
}

/* ---- Binary frames ---- */

struct frame {
    unsigned magic, type, flags, codec;
    uint64_t length, id;
    size_t event_len, extra_len;
    struct evd_slice body; /* as far as it is there */
};

static uint64_t number(const char *p, size_t bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value * 256 + (unsigned char)*p++;
    return value;
}

/* False: not even a header is left; *text is empty then. */
static bool next_frame(struct evd_slice *text, struct frame *ret_frame)
{
    const char *p = text->ptr;
    if (text->len < 20)
        return false;
    *ret_frame = (struct frame){
        .magic = (unsigned)number(p, 1),
        .type = (unsigned)number(p + 1, 1),
        .flags = (unsigned)number(p + 2, 1),
        .codec = (unsigned)number(p + 3, 1),
        .length = number(p + 4, 4),
        .id = number(p + 8, 8),
        .event_len = (size_t)number(p + 16, 2),
        .extra_len = (size_t)number(p + 18, 2),
    };
    size_t left = text->len - 20;
    size_t len = ret_frame->length < left ? (size_t)ret_frame->length : left;
    ret_frame->body = evd_slice(p + 20, len);
    *text = evd_slice(p + 20 + len, left - len);
    return true;
}

static bool next_answer_frame(struct evd_slice *out, struct frame *ret_frame)
{
    if (out->len < 20 || !next_frame(out, ret_frame))
        return false;
    if (ret_frame->body.len < ret_frame->length) {
        FUZZ_CHECK(out->len == 0);
        return false;
    }
    FUZZ_CHECK(ret_frame->magic == 0xED && (ret_frame->type == 2 || ret_frame->type == 3));
    FUZZ_CHECK(ret_frame->flags <= 1 && (ret_frame->flags == 1 || ret_frame->id == 0));
    FUZZ_CHECK(ret_frame->codec <= 3 && ret_frame->extra_len == 0);
    struct evd_slice body = ret_frame->body;
    if (ret_frame->type == 2) {
        FUZZ_CHECK(ret_frame->event_len == 0);
    } else {
        FUZZ_CHECK(ret_frame->codec == 0 && ret_frame->event_len > 0);
        FUZZ_CHECK(ret_frame->event_len <= body.len && grammar_is_utf8(body));
    }
    return true;
}

/* A frame of which the protocol's document knows the answer. */
static void check_known_frame(const struct frame *call, const struct frame *answer,
                              const struct oracle_limits *limits)
{
    if (call->type != 1 || call->flags > 1 || (call->flags == 0 && call->id != 0) ||
        call->codec != 0 || call->length + 20 > limits->max_frame || call->extra_len != 0 ||
        call->body.len < call->length || call->event_len > call->length ||
        ((limits->memory_failed || limits->tokens) && answer->type == 3))
        return;
    struct evd_slice event = evd_slice(call->body.ptr, call->event_len);
    struct evd_slice data = evd_slice(call->body.ptr + event.len, call->body.len - call->event_len);
    if (evd_slice_equal(event, EVD_SLICE("api.services.status")))
        FUZZ_CHECK(answer->type == 2 && evd_slice_equal(answer->body, EVD_SLICE("\"online\"")));
    if (evd_slice_equal(event, EVD_SLICE("api.test.board")))
        FUZZ_CHECK(answer->type == 2 &&
                   evd_slice_equal(answer->body, data.len > 0 ? data : EVD_SLICE("null")));
    if (event.len == 0)
        FUZZ_CHECK(answer->type == 3);
}

static void check_frames(struct evd_slice in, struct evd_slice out, bool cut_off,
                         const struct oracle_limits *limits)
{
    struct frame call, answer;
    bool may_end = false;
    while (in.len > 0) {
        bool broken = (unsigned char)in.ptr[0] != 0xED;
        bool header = !broken && next_frame(&in, &call);
        if (!next_answer_frame(&out, &answer)) {
            FUZZ_CHECK(cut_off || may_end);
            return;
        }
        may_end = limits->tokens && answer.type == 3;
        if (!header) { /* out of step, or the end within a header: nothing is read behind it */
            FUZZ_CHECK(answer.type == 3 && answer.flags == 0);
            break;
        }
        FUZZ_CHECK(answer.flags == (call.flags & 1));
        FUZZ_CHECK(answer.id == ((call.flags & 1) != 0 ? call.id : 0));
        FUZZ_CHECK(answer.type == 3 || (call.codec <= 3 && answer.codec == call.codec));
        FUZZ_CHECK(answer.type == 3 || call.body.len == call.length);
        check_known_frame(&call, &answer, limits);
    }
    FUZZ_CHECK(out.len == 0);
}

/* ---- Which of them ---- */

void oracle_check(struct evd_slice in, struct evd_slice out, bool cut_off,
                  const struct oracle_limits *limits)
{
    if (in.len == 0) {
        FUZZ_CHECK(out.len == 0);
    } else if (memchr("{ \t\r\n", in.ptr[0], 5) != NULL) {
        check_lines(in, out, cut_off, limits);
    } else if ((unsigned char)in.ptr[0] == 0xED) {
        check_frames(in, out, cut_off, limits);
    } else if ((in.ptr[0] >= 'A' && in.ptr[0] <= 'Z') || (in.ptr[0] >= 'a' && in.ptr[0] <= 'z')) {
        /* HTTP: what is read as a request is for fuzz_http.c to say. */
        FUZZ_CHECK(out.len == 0 || memcmp(out.ptr, "HTTP/1.1 ", out.len < 9 ? out.len : 9) == 0);
    } else if (!cut_off) {
        struct evd_slice line;
        FUZZ_CHECK(next_answer(&out, &line) && out.len == 0);
        cJSON_Delete(read_answer(line));
    }
}

/* ---- Where tokens are asked for ---- */

/* docs/PROTOCOL.md, *Tokens*: for every event; for those of api.hello. No mutation signs another.
 */
static const char token_all[] =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.XZ9KL7ZohTLsRrkBsqXfZb33bIYCzMePxOf3oNBuE5Y";
static const char token_hello[] = "eyJhbGciOiJIUzI1NiJ9.eyJldmVudHMiOlsiYXBpLmhlbGxvLioiXX0."
                                  "3OVEyxlcefHpMi4fqXlV5wMlqEDks24HcfLWLFMsAJ8";

static bool holds(struct evd_slice in, const char *token)
{
    return memmem(in.ptr, in.len, token, strlen(token)) != NULL;
}

bool oracle_may_call(const struct evd_slice *ins, size_t count, const char *event)
{
    for (size_t i = 0; i < count; i++)
        if (holds(ins[i], token_all) ||
            (holds(ins[i], token_hello) && strncmp(event, "api.hello.", 10) == 0))
            return true;
    return false;
}

/* The code of an error, one of those for whom nobody knows. */
static bool is_refusal(const char *code, size_t len)
{
    static const char *const codes[] = {"no_permission", "bad_protocol"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (len == strlen(codes[i]) && memcmp(code, codes[i], len) == 0)
            return true;
    return false;
}

/* Takes an answer off, which is well-formed; false: none is left. */
static bool take_answer(struct evd_slice *out, bool frames, bool *ret_refusal)
{
    if (frames) {
        struct frame answer;
        if (!next_answer_frame(out, &answer))
            return false;
        *ret_refusal = answer.type == 3 && is_refusal(answer.body.ptr, answer.event_len);
        return true;
    }
    struct evd_slice line;
    if (!next_answer(out, &line))
        return false;
    cJSON *answer = read_answer(line);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
    const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
    *ret_refusal = cJSON_IsString(code) && is_refusal(code->valuestring, strlen(code->valuestring));
    cJSON_Delete(answer);
    return true;
}

void oracle_check_stranger(struct evd_slice in, struct evd_slice out, bool cut_off,
                           const struct oracle_limits *limits)
{
    struct evd_slice all_in = in, all_out = out;
    struct oracle_limits with_tokens = *limits;
    bool frames = in.len > 0 && (unsigned char)in.ptr[0] == 0xED;
    bool stranger = !holds(in, token_all) && !holds(in, token_hello), refusal;
    size_t answers = 0;
    if (in.len > 0 &&
        ((in.ptr[0] >= 'A' && in.ptr[0] <= 'Z') || (in.ptr[0] >= 'a' && in.ptr[0] <= 'z')))
        return; /* HTTP */
    while (take_answer(&out, frames, &refusal)) {
        answers++;
        FUZZ_CHECK(!stranger || (refusal && answers == 1));
    }
    FUZZ_CHECK(out.len == 0 || cut_off);
    while (in.len > 0 && memchr(" \t\r\n", in.ptr[0], 4) != NULL)
        in = evd_slice(in.ptr + 1, in.len - 1);
    FUZZ_CHECK(answers > 0 || cut_off || in.len == 0);
    with_tokens.tokens = true;
    oracle_check(all_in, all_out, cut_off, &with_tokens);
}
