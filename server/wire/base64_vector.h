/* Base64 by vectors of 16 bytes, where the processor has SSSE3. Private to base64.c, which does the
 * rest: what is short, the end, and whatever is not valid.
 *
 * The method is that of Muła and Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions", 2018 (https://doi.org/10.1145/3132709). */
#ifndef EVD_BASE64_VECTOR_H
#define EVD_BASE64_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

/* EVD_BASE64_SCALAR leaves the vectors out, so that a test can run both on one machine. */
#if defined(__x86_64__) && !defined(EVD_BASE64_SCALAR)
#include <tmmintrin.h>

#define EVD_SSSE3 __attribute__((target("ssse3")))

static inline bool has_vectors(void)
{
    return __builtin_cpu_supports("ssse3");
}

/* 16 characters as 12 bytes in front of 4 that are zero; false: not all are of the alphabet. */
EVD_SSSE3 static inline bool decode_block(const unsigned char *from, char *to)
{
    /* A character is bad where the entries of its two nibbles share a bit. */
    const __m128i of_low = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                         0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
    const __m128i of_high = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10,
                                          0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    /* What takes a character to its value, by its high nibble; '/' has the entry before that of
     * '+'.
     */
    const __m128i distance =
        _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i slash = _mm_set1_epi8('/');

    __m128i text = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i high = _mm_and_si128(_mm_srli_epi32(text, 4), slash); /* '/' is 0x2F: a mask, too */
    __m128i low = _mm_and_si128(text, slash);
    __m128i bad = _mm_and_si128(_mm_shuffle_epi8(of_low, low), _mm_shuffle_epi8(of_high, high));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(bad, _mm_setzero_si128())) != 0xFFFF)
        return false;
    __m128i entry = _mm_add_epi8(_mm_cmpeq_epi8(text, slash), high);
    __m128i six = _mm_add_epi8(text, _mm_shuffle_epi8(distance, entry));
    /* Two of 6 bits to 12, two of 12 to 24, and these with the first byte first. */
    __m128i twelve = _mm_maddubs_epi16(six, _mm_set1_epi32(0x01400140));
    __m128i group = _mm_madd_epi16(twelve, _mm_set1_epi32(0x00011000));
    const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_shuffle_epi8(group, order));
    return true;
}

/* Decodes blocks of 16 characters to 12 bytes, up to the last 8 characters or the first block that
 * is not valid. Returns the characters taken. Those that are left give at least 4 bytes, so nothing
 * is written behind the result. */
EVD_SSSE3 static size_t decode_blocks(const unsigned char *from, size_t len, char *to)
{
    size_t at = 0;
    while (len - at >= 24 && decode_block(from + at, to + at / 4 * 3))
        at += 16;
    return at;
}

/* 12 bytes, of 16 that may be read, as 16 characters. */
EVD_SSSE3 static inline void encode_block(const unsigned char *from, char *to)
{
    const __m128i order = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
    __m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)from), order);
    /* Products for shifts: each 6 bits to a byte of their own. */
    __m128i odd = _mm_mulhi_epu16(_mm_and_si128(bytes, _mm_set1_epi32(0x0FC0FC00)),
                                  _mm_set1_epi32(0x04000040));
    __m128i even = _mm_mullo_epi16(_mm_and_si128(bytes, _mm_set1_epi32(0x003F03F0)),
                                   _mm_set1_epi32(0x01000010));
    __m128i six = _mm_or_si128(odd, even);
    /* From value to character: a..z by entry 0, the digits by 1 to 10, + by 11, / by 12, A..Z by
     * 13. */
    const __m128i distance =
        _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    __m128i capital = _mm_cmpgt_epi8(_mm_set1_epi8(26), six);
    __m128i entry = _mm_or_si128(_mm_subs_epu8(six, _mm_set1_epi8(51)),
                                 _mm_and_si128(capital, _mm_set1_epi8(13)));
    _mm_storeu_si128((__m128i *)(void *)to, _mm_add_epi8(six, _mm_shuffle_epi8(distance, entry)));
}

/* Encodes blocks of 12 bytes to 16 characters, while 16 bytes may be read. Returns the bytes taken.
 */
EVD_SSSE3 static size_t encode_blocks(const unsigned char *from, size_t len, char *to)
{
    size_t at = 0;
    for (; len - at >= 16; at += 12)
        encode_block(from + at, to + at / 3 * 4);
    return at;
}

#else

static inline bool has_vectors(void)
{
    return false;
}

static inline size_t decode_blocks(const unsigned char *from, size_t len, char *to)
{
    (void)from, (void)len, (void)to;
    return 0;
}

static inline size_t encode_blocks(const unsigned char *from, size_t len, char *to)
{
    (void)from, (void)len, (void)to;
    return 0;
}

#endif
#endif
