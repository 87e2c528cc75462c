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

/* mbedTLS passes over white space, so the form is checked first. */
static bool base64_form(hub_slice_t text)
{
    if (text.len % 4 != 0)
        return false;
    size_t letters = text.len;
    while (letters > 0 && text.len - letters < 2 && text.ptr[letters - 1] == '=')
        letters--;
    for (size_t i = 0; i < letters; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (!good)
            return false;
    }
    return true;
}

bool hub_base64_decode(hub_pool_t *pool, hub_slice_t text, hub_slice_t *data)
{
    *data = HUB_SLICE_NONE;
    if (!base64_form(text))
        return false;
    size_t size = text.len / 4 * 3, len = 0;
    unsigned char *bytes = hub_pool_alloc(pool, size + 1);
    if (text.len > 0 && mbedtls_base64_decode(bytes, size, &len, (const unsigned char *)text.ptr, text.len) != 0)
        return false;
    bytes[len] = '\0';
    *data = hub_slice((const char *)bytes, len);
    return true;
}
