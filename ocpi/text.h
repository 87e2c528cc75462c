/* Short texts compared and searched eight bytes at a time. Never reads outside of the text. */
#ifndef OCPI_TEXT_H
#define OCPI_TEXT_H

#include <string.h>

#include "hub/base.h"

#define OCPI_EACH_BYTE(value) (UINT64_MAX / 255 * (value))

static inline uint64_t ocpi__load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

static inline uint64_t ocpi__load4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

static inline uint16_t ocpi__load2(const char *at)
{
    uint16_t word;
    memcpy(&word, at, 2);
    return word;
}

/* A text in two words: with its length they are the whole of it up to 16 bytes, and its two ends beyond. */
typedef struct ocpi_code {
    uint64_t head, tail;
} ocpi_code_t;

static inline ocpi_code_t ocpi__code(hub_slice_t s)
{
    if (s.len >= 8)
        return (ocpi_code_t){ocpi__load8(s.ptr), ocpi__load8(s.ptr + s.len - 8)};
    if (s.len >= 4)
        return (ocpi_code_t){ocpi__load4(s.ptr), ocpi__load4(s.ptr + s.len - 4)};
    if (s.len == 0)
        return (ocpi_code_t){0, 0};
    return (ocpi_code_t){(uint64_t)(unsigned char)s.ptr[0] | (uint64_t)(unsigned char)s.ptr[s.len / 2] << 8 |
                             (uint64_t)(unsigned char)s.ptr[s.len - 1] << 16,
                         0};
}

/* The upper bits are the good ones. */
static inline uint64_t ocpi__hash(ocpi_code_t code, size_t len)
{
    return (code.head + len) * 0x9E3779B97F4A7C15u ^ code.tail * 0xC2B2AE3D27D4EB4Fu;
}

static inline bool ocpi__same(hub_slice_t a, hub_slice_t b)
{
    if (a.len != b.len)
        return false;
    ocpi_code_t x = ocpi__code(a), y = ocpi__code(b);
    return x.head == y.head && x.tail == y.tail && (a.len <= 16 || memcmp(a.ptr + 8, b.ptr + 8, a.len - 16) == 0);
}

/* Top bits set where a byte of `word` is below 0x20 or is 0x7F; such a byte may also mark the ones above it. */
static inline uint64_t ocpi__unprintable(uint64_t word)
{
    uint64_t other = word ^ OCPI_EACH_BYTE(0x7F);
    return ((word - OCPI_EACH_BYTE(0x20)) & ~word) | ((other - OCPI_EACH_BYTE(1)) & ~other);
}

/* Y1, Y2: no control characters; `ascii`: nothing above 0x7E either. */
static inline bool ocpi__printable(hub_slice_t s, bool ascii)
{
    uint64_t bad = 0, high = 0, word;
    if (s.len >= 8) { /* the last eight may be looked at twice */
        for (size_t i = 0; i + 8 < s.len; i += 8) {
            word = ocpi__load8(s.ptr + i);
            bad |= ocpi__unprintable(word);
            high |= word;
        }
        word = ocpi__load8(s.ptr + s.len - 8);
    } else if (s.len >= 4) {
        word = ocpi__load4(s.ptr) | ocpi__load4(s.ptr + s.len - 4) << 32;
    } else {
        word = s.len ? ocpi__code(s).head | OCPI_EACH_BYTE(0x20) << 24 : OCPI_EACH_BYTE(0x20); /* three bytes, the rest blanks */
    }
    bad |= ocpi__unprintable(word);
    high |= word;
    return !(bad & OCPI_EACH_BYTE(0x80)) && !(ascii && (high & OCPI_EACH_BYTE(0x80)));
}

#endif
