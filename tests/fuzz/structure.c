#include "structure.h"

#include "fuzz.h"

#include <cjson/cJSON.h>

#define TEXT_MAX   8192
#define PIECES_MAX 64
#define HEADER     20 /* of a frame */

size_t structure_mutate_plain(uint8_t *data, size_t size, size_t max_size)
{
    return max_size == 0 ? 0 : LLVMFuzzerMutate(data, size, max_size);
}

/* ---- A stream as its messages ---- */

struct stream {
    struct evd_slice pieces[PIECES_MAX]; /* the last one is all that is left over */
    size_t count;
};

static void add_piece(struct stream *stream, const char *p, size_t len)
{
    stream->pieces[stream->count++] = evd_slice(p, len);
}

static size_t frame_len(const char *p, size_t left)
{
    size_t len = HEADER;
    if (left < HEADER)
        return left;
    for (size_t i = 0, length = 0; i < 4; i++) {
        length = length << 8 | (unsigned char)p[4 + i];
        len = HEADER + length;
    }
    return len < left ? len : left;
}

static size_t line_len(const char *p, size_t left)
{
    const char *end = memchr(p, '\n', left);
    return end == NULL ? left : (size_t)(end - p) + 1;
}

static void split(struct stream *stream, const char *p, size_t size,
                  size_t (*len_of)(const char *p, size_t left))
{
    stream->count = 0;
    while (size > 0) {
        size_t len = stream->count == PIECES_MAX - 1 ? size : len_of(p, size);
        add_piece(stream, p, len);
        p += len;
        size -= len;
    }
}

struct text {
    char bytes[TEXT_MAX];
    size_t len, max;
};

static void append(struct text *text, const void *bytes, size_t len)
{
    size_t room = text->max - text->len;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

static void append_slice(struct text *text, struct evd_slice slice)
{
    append(text, slice.ptr, slice.len);
}

/* The messages one behind the other, but for what `kind` does at `at`: 0 doubles, 1 drops, 2 swaps
 * with the next, 3 puts `other` before it, else puts `other` in its place. */
static void join(struct text *text, const struct stream *stream, unsigned kind, size_t at,
                 struct evd_slice other)
{
    for (size_t i = 0; i < stream->count; i++) {
        struct evd_slice piece = stream->pieces[i];
        if (i == at && kind >= 3)
            append_slice(text, other);
        if (i == at && kind == 2 && i + 1 < stream->count)
            append_slice(text, stream->pieces[++i]);
        if (i == at && (kind == 1 || kind > 3))
            continue;
        append_slice(text, piece);
        if (i == at && kind == 0)
            append_slice(text, piece);
    }
    if (at >= stream->count)
        append_slice(text, other);
}

static struct text *text_of(size_t max_size)
{
    static struct text texts[2];
    static unsigned turn;
    struct text *text = &texts[turn++ % 2];
    text->len = 0;
    text->max = max_size < TEXT_MAX ? max_size : TEXT_MAX;
    return text;
}

static size_t give_back(uint8_t *data, const struct text *text)
{
    if (text->len > 0)
        memcpy(data, text->bytes, text->len);
    return text->len;
}

/* ---- Frames ---- */

static const char *const events[] = {
    "api.services.status", "api.test.board", "api.hello.greeting", "api.counter.next",
    "fuzz.later",          "fuzz.tree",      "fuzz.large",         "fuzz.silent",
    "fuzz.twice",          "fuzz.fail",      "api.no.such",        "",
};

#define EVENT_COUNT (sizeof events / sizeof *events)

static void put(char *p, size_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0; value >>= 8)
        p[i] = (char)(value & 0xFF);
}

/* A frame of these parts, with lengths that are right; the rest of the header from `like`. */
static void make_frame(struct text *frame, struct evd_slice like, const struct evd_slice parts[3])
{
    char header[HEADER] = {(char)0xED, 1};
    if (like.len >= HEADER)
        memcpy(header, like.ptr, HEADER);
    put(header + 4, parts[0].len + parts[1].len + parts[2].len, 4);
    put(header + 16, parts[0].len, 2);
    put(header + 18, parts[1].len, 2);
    append(frame, header, HEADER);
    for (size_t i = 0; i < 3; i++)
        append_slice(frame, parts[i]);
}

/* Event, extra and data, as far as the frame has them. */
static void parts_of(struct evd_slice frame, struct evd_slice parts[3])
{
    const unsigned char *p = (const unsigned char *)frame.ptr;
    size_t left = frame.len < HEADER ? 0 : frame.len - HEADER, at = HEADER;
    for (size_t i = 0; i < 3; i++) {
        size_t len = i == 2 || left == 0 ? left : (size_t)p[16 + 2 * i] << 8 | p[17 + 2 * i];
        if (len > left)
            len = left;
        parts[i] = left == 0 ? evd_slice("", 0) : evd_slice(frame.ptr + at, len);
        at += len;
        left -= len;
    }
}

static void mutate_part(struct text *frame, struct evd_slice like, uint64_t *random)
{
    static uint8_t room[TEXT_MAX];
    struct evd_slice parts[3];
    parts_of(like, parts);
    size_t at = fuzz_below(random, 4);
    if (at == 3) {
        parts[0] = evd_slice_text(events[fuzz_below(random, EVENT_COUNT)]);
    } else {
        size_t len = parts[at].len < 1024 ? parts[at].len : 1024;
        memcpy(room, parts[at].ptr, len);
        len = structure_mutate_plain(room, len, 1024);
        parts[at] = evd_slice((const char *)room, len);
    }
    make_frame(frame, like, parts);
}

/* A field of the header, without regard to the rest. */
static void mutate_header(struct text *frame, struct evd_slice like, uint64_t *random)
{
    static const unsigned char at[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19};
    append_slice(frame, like);
    size_t i = at[fuzz_below(random, sizeof at)];
    if (i < frame->len)
        frame->bytes[i] =
            (char)(fuzz_below(random, 2) == 0 ? fuzz_below(random, 5) : fuzz_random(random) & 0xFF);
}

static void new_frame(struct text *frame, uint64_t *random)
{
    static const char *const datas[] = {"", "1", "[1,2]", "{\"a\":\"b\"}", "\"text\"", "AAAA"};
    struct evd_slice parts[3] = {
        evd_slice_text(events[fuzz_below(random, EVENT_COUNT)]),
        evd_slice_text(fuzz_below(random, 4) == 0 ? "{\"name\":\"x\"}" : ""),
        evd_slice_text(datas[fuzz_below(random, sizeof datas / sizeof *datas)]),
    };
    make_frame(frame, evd_slice("", 0), parts);
    frame->bytes[3] = (char)(fuzz_below(random, 3) == 0 ? fuzz_below(random, 4) : 0);
    if (frame->len >= HEADER && fuzz_below(random, 2) == 0) {
        frame->bytes[2] = 1;
        frame->bytes[15] = (char)fuzz_random(random);
    }
}

size_t structure_mutate_frames(uint8_t *data, size_t size, size_t max_size, uint64_t *random)
{
    struct stream stream;
    struct text *text = text_of(max_size), *frame = text_of(TEXT_MAX);
    size_t what = fuzz_below(random, 10);
    if (what == 0 || size > TEXT_MAX)
        return structure_mutate_plain(data, size, max_size);
    split(&stream, (const char *)data, size, frame_len);
    size_t at = fuzz_below(random, stream.count + 1);
    struct evd_slice like = at < stream.count ? stream.pieces[at] : evd_slice("", 0);
    if (what <= 3) {
        join(text, &stream, (unsigned)what - 1, at, evd_slice("", 0));
        return give_back(data, text);
    }
    if (what == 4)
        new_frame(frame, random);
    else if (what == 5)
        mutate_header(frame, like, random);
    else
        mutate_part(frame, like, random);
    join(text, &stream, what == 4 ? 3 : 4, at, evd_slice(frame->bytes, frame->len));
    return give_back(data, text);
}

/* ---- Lines ---- */

static const char *const values[] = {
    "null",
    "true",
    "0",
    "-1.5e3",
    "18446744073709551615",
    "\"\"",
    "\"text\"",
    "[]",
    "[[],{}]",
    "{\"a\":1}",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\xC3\xA9\"",
    "\"AA==\"",
};

#define VALUE_COUNT (sizeof values / sizeof *values)

static const char *const members[] = {"id", "event", "data", "encoding", "name", "error", "code"};

#define MEMBER_COUNT (sizeof members / sizeof *members)

static const char *const encodings[] = {"json", "base64", "gzip", "base64+gzip"};

static cJSON *new_value(const char *member, uint64_t *random)
{
    if (strcmp(member, "event") == 0 && fuzz_below(random, 4) != 0)
        return cJSON_CreateString(events[fuzz_below(random, EVENT_COUNT)]);
    if (strcmp(member, "encoding") == 0 && fuzz_below(random, 4) != 0)
        return cJSON_CreateString(encodings[fuzz_below(random, 4)]);
    return cJSON_CreateRaw(values[fuzz_below(random, VALUE_COUNT)]);
}

/* Under the same key. */
static void replace(cJSON *object, cJSON *item, cJSON *other)
{
    char key[64];
    (void)snprintf(key, sizeof key, "%s", item->string);
    cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
    cJSON_AddItemToObject(object, key, other);
}

/* One member changed, added or dropped; its string mutated by libFuzzer. */
static void mutate_object(cJSON *object, uint64_t *random)
{
    int count = cJSON_GetArraySize(object);
    int at = (int)fuzz_below(random, (size_t)count + 1);
    const char *name = members[fuzz_below(random, MEMBER_COUNT)];
    cJSON *item = cJSON_GetArrayItem(object, at);
    size_t what = fuzz_below(random, 4);
    if (item == NULL || what == 0) {
        cJSON_AddItemToObject(object, name, new_value(name, random));
    } else if (what == 1) {
        cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
    } else if (cJSON_IsObject(item) && fuzz_below(random, 2) == 0) {
        mutate_object(item, random);
    } else if (cJSON_IsString(item) && what == 2) {
        uint8_t room[512];
        size_t len = strnlen(item->valuestring, sizeof room - 1);
        memcpy(room, item->valuestring, len);
        len = structure_mutate_plain(room, len, sizeof room - 1);
        room[len] = '\0';
        replace(object, item, cJSON_CreateString((char *)room));
    } else {
        replace(object, item, new_value(item->string, random));
    }
}

static void mutate_line(struct text *line, struct evd_slice like, uint64_t *random)
{
    uint8_t room[1024];
    cJSON *tree = cJSON_ParseWithLength(like.ptr, like.len);
    if (cJSON_IsObject(tree) && fuzz_below(random, 5) != 0) {
        mutate_object(tree, random);
        char *printed = cJSON_PrintUnformatted(tree);
        if (printed != NULL)
            append_slice(line, evd_slice_text(printed));
        cJSON_free(printed);
        append(line, "\n", 1);
    } else {
        size_t len = like.len < sizeof room ? like.len : sizeof room;
        memcpy(room, like.ptr, len);
        append(line, room, structure_mutate_plain(room, len, sizeof room));
    }
    cJSON_Delete(tree);
}

static void new_line(struct text *line, uint64_t *random)
{
    static const char *const lines[] = {
        "{\"event\":\"api.test.board\",\"data\":[1]}\n",
        "{\"id\":7,\"event\":\"api.services.status\"}\n",
        "{\"id\":\"a\",\"event\":\"fuzz.later\",\"data\":\"three\"}\n",
        "{\"event\":\"api.test.board\",\"encoding\":\"base64\",\"data\":\"AAAA\"}\n",
        "{\"event\":\"fuzz.large\",\"data\":\"0123456789012345678901234567890123456789\"}\n",
        "{\"id\":1,\"data\":2}\n",
        "{\"id\":1,\"error\":{\"code\":\"c\",\"message\":\"m\"}}\n",
        " \t\r\n",
        "{}\n",
    };
    append_slice(line, evd_slice_text(lines[fuzz_below(random, sizeof lines / sizeof *lines)]));
}

size_t structure_mutate_lines(uint8_t *data, size_t size, size_t max_size, uint64_t *random)
{
    struct stream stream;
    struct text *text = text_of(max_size), *line = text_of(TEXT_MAX);
    size_t what = fuzz_below(random, 10);
    if (what == 0 || size > TEXT_MAX)
        return structure_mutate_plain(data, size, max_size);
    split(&stream, (const char *)data, size, line_len);
    size_t at = fuzz_below(random, stream.count + 1);
    if (what <= 3) {
        join(text, &stream, (unsigned)what - 1, at, evd_slice("", 0));
        return give_back(data, text);
    }
    if (what == 4 || at == stream.count)
        new_line(line, random);
    else
        mutate_line(line, stream.pieces[at], random);
    join(text, &stream, what == 4 ? 3 : 4, at, evd_slice(line->bytes, line->len));
    return give_back(data, text);
}
