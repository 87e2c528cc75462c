/* SHA-256, HMAC, comparison in constant time, base64. No state: safe on any thread. */
#include <string.h>

#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>

#include "crypto.h"

void hub_sha256(hub_slice_t data, unsigned char out[HUB_SHA256_LEN])
{
    HUB_ASSERT(mbedtls_sha256_ret((const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out, 0) == 0);
}

void hub_hmac_sha256(hub_slice_t key, hub_slice_t data, unsigned char out[HUB_SHA256_LEN])
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    HUB_ASSERT(mbedtls_md_hmac(info, (const unsigned char *)(key.ptr ? key.ptr : ""), key.len,
                               (const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out) == 0);
}

bool hub_equal_secret(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < len; i++)
        difference = (unsigned char)(difference | (x[i] ^ y[i]));
    return difference == 0;
}

hub_slice_t hub_base64_encode(hub_pool_t *pool, hub_slice_t data)
{
    size_t size = (data.len + 2) / 3 * 4 + 1, len = 0;
    char *text = hub_pool_alloc(pool, size);
    text[0] = '\0';
    if (data.len > 0)
        HUB_ASSERT(mbedtls_base64_encode((unsigned char *)text, size, &len, (const unsigned char *)data.ptr, data.len) == 0);
    return hub_slice(text, len);
}

hub_slice_t hub_base64url_encode(hub_pool_t *pool, hub_slice_t data)
{
    hub_slice_t text = hub_base64_encode(pool, data);
    char *out = hub_pool_str(pool, text);
    size_t len = text.len;
    while (len > 0 && out[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(out[i] == '+' ? '-' : (out[i] == '/' ? '_' : out[i]));
    return hub_slice(out, len);
}

/* -1: no letter of Base64. */
static int sextet(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What mbedTLS has for this takes the same time for every letter, as nothing that is decoded here needs: half of the time of opening a
 * sealed secret. */
bool hub_base64_decode(hub_pool_t *pool, hub_slice_t text, hub_slice_t *data)
{
    size_t letters = text.len, len = 0;
    *data = HUB_SLICE_NONE;
    if (text.len % 4 != 0)
        return false;
    while (letters > 0 && text.len - letters < 2 && text.ptr[letters - 1] == '=')
        letters--;
    unsigned char *bytes = hub_pool_alloc(pool, text.len / 4 * 3 + 1);
    uint32_t bits = 0;
    for (size_t i = 0; i < letters; i++) {
        int value = sextet((unsigned char)text.ptr[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4)
            bytes[len++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    bytes[len] = '\0';
    *data = hub_slice((const char *)bytes, len);
    return true;
}
