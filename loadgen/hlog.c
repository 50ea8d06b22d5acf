#include "hlog.h"

#include "server/wire/base64.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_V2         0x1c849303u
#define COOKIE_COMPRESSED 0x1c849304u
#define COOKIE_WORD       0x10u    /* of the word size, which V2 always says is variable */
#define COOKIE_MASK       (~0xf0u) /* the word size stands in these bits */
#define HEADER            40
#define DIGITS            2
#define INFLATED_MAX      (512 * 1024)

/* ---- Bytes ---- */

static void put32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void put64(unsigned char *at, uint64_t value)
{
    put32(at, (uint32_t)(value >> 32));
    put32(at + 4, (uint32_t)value);
}

static uint32_t get32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t get64(const unsigned char *at)
{
    return (uint64_t)get32(at) << 32 | get32(at + 4);
}

#define COUNT_BYTES 9

static size_t put_count(unsigned char *at, int64_t value)
{
    uint64_t bits = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (size_t i = 0; i < COUNT_BYTES - 1; i++, bits >>= 7) {
        if (bits < 0x80) {
            at[i] = (unsigned char)bits;
            return i + 1;
        }
        at[i] = (unsigned char)(bits | 0x80);
    }
    at[COUNT_BYTES - 1] = (unsigned char)bits; /* the last one has eight bits of its own */
    return COUNT_BYTES;
}

/* Returns the bytes read, 0 when the text ends within one. */
static size_t get_count(const unsigned char *at, size_t len, int64_t *ret_value)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < len && i < COUNT_BYTES; i++) {
        bool last = i == COUNT_BYTES - 1;
        bits |= (uint64_t)(last ? at[i] : at[i] & 0x7f) << (7 * i);
        if (last || at[i] < 0x80) {
            *ret_value = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return i + 1;
        }
    }
    return 0;
}

/* ---- Writing ---- */

static size_t put_counts(const struct lg_histogram *histogram, unsigned char *at)
{
    size_t last = lg_histogram_index(histogram->max) + 1, len = 0;
    for (size_t i = 0; i < last;) {
        size_t zeros = 0;
        while (i + zeros < last && histogram->counts[i + zeros] == 0)
            zeros++;
        if (zeros > 1) {
            len += put_count(at + len, -(int64_t)zeros);
            i += zeros;
        } else {
            uint64_t count = histogram->counts[i++];
            len += put_count(at + len, (int64_t)(count > INT64_MAX ? INT64_MAX : count));
        }
    }
    return len;
}

int lg_hlog_encode(const struct lg_histogram *histogram, struct evd_buf *out)
{
    const size_t most = HEADER + (size_t)LG_HISTOGRAM_BUCKETS * COUNT_BYTES;
    uLongf packed_len = compressBound((uLong)most);
    unsigned char *plain = malloc(most), *packed = malloc(8 + packed_len);
    int rc = EVD_ERR_NO_MEMORY;

    if (plain != NULL && packed != NULL) {
        const double ratio = 1.0;
        uint64_t ratio_bits;
        size_t counts = put_counts(histogram, plain + HEADER);
        memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
        put32(plain, COOKIE_V2 | COOKIE_WORD);
        put32(plain + 4, (uint32_t)counts);
        put32(plain + 8, 0); /* no offset of the indexes */
        put32(plain + 12, DIGITS);
        put64(plain + 16, 1);
        put64(plain + 24, LG_HISTOGRAM_MAX);
        put64(plain + 32, ratio_bits);
        if (compress2(packed + 8, &packed_len, plain, (uLong)(HEADER + counts), 6) == Z_OK) {
            put32(packed, COOKIE_COMPRESSED | COOKIE_WORD);
            put32(packed + 4, (uint32_t)packed_len);
            rc = evd_base64_append_encoded(evd_slice((char *)packed, 8 + packed_len), out);
        }
    }
    free(plain);
    free(packed);
    return rc;
}

int lg_hlog_begin(FILE *file, const char *written_by, uint64_t zero_ns)
{
    double zero = (double)(zero_ns / 1000000) / 1e3;
    int rc = fprintf(file,
                     "#[Logged with %s]\n"
                     "#[Histogram log format version 1.3]\n"
                     "#[StartTime: %.3f (seconds since epoch)]\n"
                     "#[BaseTime: %.3f (seconds since epoch)]\n"
                     "#[Values are nanoseconds; Interval_Max is in milliseconds]\n"
                     "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                     "\"Interval_Compressed_Histogram\"\n",
                     written_by, zero, zero);
    return rc < 0 ? EVD_ERR_SYSTEM : EVD_OK;
}

int lg_hlog_interval(FILE *file, const char *tag, uint64_t start_ns, uint64_t length_ns,
                     const struct lg_histogram *histogram)
{
    char clean[LG_HLOG_TAG_MAX + 1] = "";
    struct evd_buf text;
    evd_buf_init(&text, LG_HLOG_TEXT_MAX);
    int rc = lg_hlog_encode(histogram, &text);
    if (rc == EVD_OK) {
        size_t len = tag == NULL ? 0 : strnlen(tag, LG_HLOG_TAG_MAX);
        for (size_t i = 0; i < len; i++)
            clean[i] = (unsigned char)tag[i] <= ' ' || tag[i] == ',' ? '_' : tag[i];
        struct evd_slice base64 = evd_buf_slice(&text);
        if (fprintf(file, "%s%s%s%.3f,%.3f,%.3f,%.*s\n", len > 0 ? "Tag=" : "", clean,
                    len > 0 ? "," : "", (double)start_ns / 1e9, (double)length_ns / 1e9,
                    (double)histogram->max / 1e6, (int)base64.len, base64.ptr) < 0)
            rc = EVD_ERR_SYSTEM;
    }
    evd_buf_release(&text);
    return rc;
}

/* ---- Reading ---- */

/* Where values lie in the histogram that is read. */
struct layout {
    unsigned half_bits; /* sub-buckets of a bucket's upper half: 2^half_bits */
    unsigned unit_bits; /* of the lowest discernible value */
};

static int bad(struct evd_error *ret_error, const char *what)
{
    return evd_error_set(ret_error, EVD_ERR_BAD_DATA, "not a V2 histogram: %s", what);
}

/* The middle of bucket `index`; false: it lies beyond what a histogram can hold. */
static bool middle(const struct layout *layout, uint64_t index, uint64_t *ret_value)
{
    uint64_t half = UINT64_C(1) << layout->half_bits;
    uint64_t shift = index < 2 * half ? 0 : (index >> layout->half_bits) - 1;
    uint64_t sub = index - (shift << layout->half_bits);
    unsigned bits = (unsigned)shift + layout->unit_bits;
    if (shift > 63 || bits + layout->half_bits + 1 > 63)
        return false;
    *ret_value = (sub << bits) + ((UINT64_C(1) << bits) >> 1);
    return true;
}

static void add(struct lg_histogram *histogram, uint64_t value, uint64_t count)
{
    size_t index = lg_histogram_index(value);
    uint64_t lowest = lg_histogram_lowest(index), highest = lg_histogram_highest(index);
    histogram->counts[index] += count;
    histogram->count += count;
    histogram->sum += (unsigned __int128)value * count;
    histogram->saturated += value > LG_HISTOGRAM_MAX ? count : 0;
    histogram->min = lowest < histogram->min ? lowest : histogram->min;
    histogram->max = highest > histogram->max ? highest : histogram->max;
}

static int read_counts(const struct layout *layout, const unsigned char *at, size_t len,
                       struct lg_histogram *histogram, struct evd_error *ret_error)
{
    uint64_t index = 0;
    while (len > 0) {
        int64_t count;
        uint64_t value;
        size_t used = get_count(at, len, &count);
        if (used == 0)
            return bad(ret_error, "it ends within a count");
        at += used;
        len -= used;
        if (count <= 0) {
            uint64_t zeros = count == 0 ? 1 : -(uint64_t)count;
            if (zeros > UINT32_MAX)
                return bad(ret_error, "a run of empty buckets is too long");
            index += zeros;
            continue;
        }
        if (!middle(layout, index++, &value))
            return bad(ret_error, "it has more buckets than there are");
        if ((uint64_t)count > UINT64_MAX - histogram->count)
            return bad(ret_error, "its counts overflow");
        add(histogram, value, (uint64_t)count);
    }
    return EVD_OK;
}

static int read_plain(const unsigned char *at, size_t len, struct lg_histogram *histogram,
                      struct evd_error *ret_error)
{
    if (len < HEADER)
        return bad(ret_error, "it is shorter than its header");
    if ((get32(at) & COOKIE_MASK) != COOKIE_V2)
        return bad(ret_error, "the cookie inside is another");
    uint32_t counts = get32(at + 4), offset = get32(at + 8), digits = get32(at + 12);
    uint64_t lowest = get64(at + 16);
    if (counts != len - HEADER)
        return bad(ret_error, "the length of its counts is wrong");
    if (offset > 1) /* 1 is what hdr-histogram-js writes for none */
        return bad(ret_error, "shifted indexes are not supported");
    if (digits > 5 || lowest == 0 || lowest > INT64_MAX)
        return bad(ret_error, "its digits must be 0 to 5, its lowest value over 0");
    struct layout layout = {.unit_bits = 63u - (unsigned)__builtin_clzll(lowest)};
    uint64_t single = 2;
    for (uint32_t i = 0; i < digits; i++)
        single *= 10;
    while (UINT64_C(1) << (layout.half_bits + 1) < single)
        layout.half_bits++;
    return read_counts(&layout, at + HEADER, counts, histogram, ret_error);
}

static int read_packed(struct evd_slice packed, struct lg_histogram *histogram,
                       struct evd_error *ret_error)
{
    const unsigned char *at = (const unsigned char *)packed.ptr;
    if (packed.len < 8 || (get32(at) & COOKIE_MASK) != COOKIE_COMPRESSED)
        return bad(ret_error, "the cookie is another");
    if (get32(at + 4) != packed.len - 8)
        return bad(ret_error, "its length is wrong");
    unsigned char *plain = malloc(INFLATED_MAX);
    if (plain == NULL)
        return evd_error_set(ret_error, EVD_ERR_NO_MEMORY, "out of memory");
    uLongf len = INFLATED_MAX;
    int rc = uncompress(plain, &len, at + 8, (uLong)(packed.len - 8)) != Z_OK
                 ? bad(ret_error, "it does not inflate")
                 : read_plain(plain, len, histogram, ret_error);
    free(plain);
    return rc;
}

int lg_hlog_decode(struct evd_slice text, struct lg_histogram *ret_histogram,
                   struct evd_error *ret_error)
{
    struct evd_buf packed;
    evd_buf_init(&packed, LG_HLOG_TEXT_MAX);
    lg_histogram_init(ret_histogram);
    int rc = text.len > LG_HLOG_TEXT_MAX
                 ? bad(ret_error, "it is too long")
                 : evd_base64_append_decoded(text, LG_HLOG_TEXT_MAX, &packed, ret_error);
    if (rc == EVD_OK)
        rc = read_packed(evd_buf_slice(&packed), ret_histogram, ret_error);
    evd_buf_release(&packed);
    return rc;
}

/* The text up to the next comma, which *line is moved behind. */
static struct evd_slice field(struct evd_slice *line)
{
    const char *comma = line->len > 0 ? memchr(line->ptr, ',', line->len) : NULL;
    struct evd_slice found = evd_slice(line->ptr, comma ? (size_t)(comma - line->ptr) : line->len);
    size_t used = comma ? found.len + 1 : found.len;
    *line = evd_slice(line->ptr + used, line->len - used);
    return found;
}

static bool seconds(struct evd_slice text, double *ret_value)
{
    char copy[32], *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret_value = strtod(copy, &end);
    return *end == '\0' && *ret_value >= 0;
}

int lg_hlog_parse(struct evd_slice line, struct lg_hlog_line *ret_line, struct evd_error *ret_error)
{
    double max;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == '"')
        return EVD_MORE;
    *ret_line = (struct lg_hlog_line){.tag = EVD_SLICE("")};
    if (line.len >= 4 && memcmp(line.ptr, "Tag=", 4) == 0) {
        line = evd_slice(line.ptr + 4, line.len - 4);
        ret_line->tag = field(&line);
    }
    if (!seconds(field(&line), &ret_line->start_s) || !seconds(field(&line), &ret_line->length_s) ||
        !seconds(field(&line), &max))
        return evd_error_set(ret_error, EVD_ERR_BAD_DATA,
                             "a line is [Tag=NAME,]START,LENGTH,MAX,HISTOGRAM, the first three "
                             "numbers of at least 0");
    ret_line->histogram = line;
    return EVD_OK;
}
