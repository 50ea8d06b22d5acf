/* Histograms as others read them: HdrHistogram's "V2 compressed" encoding, and its interval log.
 *
 * Source: the HdrHistogram project (Gil Tene, http://hdrhistogram.org), format of version 2 of an
 * encoded histogram and 1.3 of a log. Integers are big-endian; counts are ZigZag LEB128 with at
 * most nine bytes, a negative one standing for so many empty buckets; the whole is deflated (zlib,
 * RFC 1950) and, in a log, in base64. The layout is that of histogram.h: two significant digits and
 * a lowest discernible value of 1, so a histogram comes back with the same counts. */
#ifndef LG_HLOG_H
#define LG_HLOG_H

#include "histogram.h"

#include "server/wire/buf.h"

#include <stdio.h>

/* Characters of one encoded histogram; more are neither written nor read. */
#define LG_HLOG_TEXT_MAX (64 * 1024)

#define LG_HLOG_TAG_MAX 320 /* characters of a line's tag */

/* Appends the base64 text ("HISTFAAA..."). EVD_ERR_NO_MEMORY, EVD_ERR_TOO_LARGE of *out. */
int lg_hlog_encode(const struct lg_histogram *histogram, struct evd_buf *out);

/* Reads what lg_hlog_encode() or another implementation wrote. With another number of digits, or
 * another lowest value, each count goes to the bucket of its bucket's middle. The format carries
 * neither sum nor least and greatest value: those are taken from the buckets. EVD_ERR_BAD_DATA in
 * words, EVD_ERR_NO_MEMORY. */
int lg_hlog_decode(struct evd_slice text, struct lg_histogram *ret_histogram,
                   struct evd_error *ret_error);

/* The head of a log: who wrote it, and when the run's clock was zero (since 1970, ns).
 * EVD_ERR_SYSTEM: writing failed. */
int lg_hlog_begin(FILE *file, const char *written_by, uint64_t zero_ns);

/* One line: what was recorded in `length_ns` from `start_ns` on (of the run's clock). The tag tells
 * lines of one time apart; NULL for none; commas, spaces and line ends in it become '_', as the
 * format wants, and it is cut at LG_HLOG_TAG_MAX. EVD_ERR_SYSTEM, EVD_ERR_NO_MEMORY. */
int lg_hlog_interval(FILE *file, const char *tag, uint64_t start_ns, uint64_t length_ns,
                     const struct lg_histogram *histogram);

/* One line of a log as it was written, borrowed from it. */
struct lg_hlog_line {
    struct evd_slice tag; /* "" for none */
    double start_s, length_s;
    struct evd_slice histogram; /* for lg_hlog_decode() */
};

/* EVD_OK; EVD_MORE: a comment, the head of the columns, or blank; EVD_ERR_BAD_DATA in words. */
int lg_hlog_parse(struct evd_slice line, struct lg_hlog_line *ret_line,
                  struct evd_error *ret_error);

#endif
