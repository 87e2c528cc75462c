#include "position.h"

#include "room.h"

#define FORMAT 1
#define RAW_LEN 30 /* format, marks, total, created seq, last_updated, check: a multiple of three, so that base64 needs no padding */
#define TEXT_LEN ((size_t)RAW_LEN / 3 * 4)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Against slips, not against malice. */
static uint32_t check(const unsigned char *bytes, size_t len)
{
    uint32_t n = 2166136261u;
    for (size_t i = 0; i < len; i++)
        n = (n ^ bytes[i]) * 16777619u;
    return n;
}

hub_slice_t hub_store__position_write(hub_pool_t *pool, const position_t *position)
{
    hub_key_t raw;
    hub_key_init(&raw);
    hub_key_u8(&raw, FORMAT);
    hub_key_u8(&raw, (uint8_t)(position->by_update | position->has_total << 1));
    hub_key_u64(&raw, position->total);
    hub_key_u64(&raw, position->created_seq);
    hub_store__key_time(&raw, position->last_updated);
    hub_key_u32(&raw, check(raw.bytes, raw.len));
    HUB_ASSERT(raw.len == RAW_LEN);
    char *text = hub_pool_alloc(pool, TEXT_LEN), *to = text;
    for (const unsigned char *p = raw.bytes; p < raw.bytes + RAW_LEN; p += 3) {
        uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = alphabet[bits >> shift & 63];
    }
    return hub_slice(text, TEXT_LEN);
}

bool hub_store__position_read(hub_slice_t text, position_t *out)
{
    unsigned char raw[RAW_LEN], *to = raw;
    if (text.len != TEXT_LEN)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t bits = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *at = memchr(alphabet, text.ptr[i + j], 64);
            if (!at)
                return false;
            bits = bits << 6 | (uint32_t)(at - alphabet);
        }
        *to++ = (unsigned char)(bits >> 16);
        *to++ = (unsigned char)(bits >> 8);
        *to++ = (unsigned char)bits;
    }
    const unsigned char *sum = raw + RAW_LEN - 4;
    if (((uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | sum[3]) != check(raw, RAW_LEN - 4))
        return false;
    if (raw[0] != FORMAT || raw[1] > 3)
        return false;
    *out = (position_t){.by_update = raw[1] & 1,
                        .has_total = raw[1] & 2,
                        .total = hub_store__read_u64(raw + 2),
                        .created_seq = hub_store__read_u64(raw + 10),
                        .last_updated = hub_store__read_time(raw + 18)};
    return true;
}
