/* Secrets at rest: AES-256-GCM under the master key. Form: "v1." + base64(nonce, tag, cipher text). */
#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "crypto.h"

#define NONCE_LEN 12
#define TAG_LEN 16
#define SEAL_VERSION "v1."

static void gcm_open(mbedtls_gcm_context *gcm, const hub_crypto_t *crypto)
{
    mbedtls_gcm_init(gcm);
    HUB_ASSERT(mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, crypto->key, HUB_MASTER_KEY_LEN * 8) == 0);
}

hub_slice_t hub_seal(hub_crypto_t *crypto, hub_pool_t *pool, hub_slice_t plain, hub_slice_t context)
{
    size_t len = NONCE_LEN + TAG_LEN + plain.len;
    unsigned char *bytes = hub_pool_alloc(pool, len);
    mbedtls_gcm_context gcm;
    hub_crypto__random(crypto, bytes, NONCE_LEN);
    gcm_open(&gcm, crypto);
    int failed = mbedtls_gcm_crypt_and_tag(
        &gcm, MBEDTLS_GCM_ENCRYPT, plain.len, bytes, NONCE_LEN, (const unsigned char *)(context.ptr ? context.ptr : ""), context.len,
        (const unsigned char *)(plain.ptr ? plain.ptr : ""), bytes + NONCE_LEN + TAG_LEN, TAG_LEN, bytes + NONCE_LEN);
    mbedtls_gcm_free(&gcm);
    HUB_ASSERT(failed == 0);
    hub_slice_t text = hub_base64_encode(pool, hub_slice((const char *)bytes, len));
    return hub_pool_printf(pool, SEAL_VERSION "%.*s", HUB_SLICE_FMT(text));
}

hub_err_t hub_unseal(hub_crypto_t *crypto, hub_pool_t *pool, hub_slice_t sealed, hub_slice_t context, hub_slice_t *plain)
{
    const size_t head = sizeof SEAL_VERSION - 1;
    hub_slice_t raw;
    *plain = HUB_SLICE_NONE;
    if (!hub_slice_starts(sealed, HUB_SLICE_LIT(SEAL_VERSION)) ||
        !hub_base64_decode(pool, hub_slice(sealed.ptr + head, sealed.len - head), &raw) || raw.len < NONCE_LEN + TAG_LEN)
        return HUB_ECRYPTO;
    const unsigned char *bytes = (const unsigned char *)raw.ptr;
    size_t len = raw.len - NONCE_LEN - TAG_LEN;
    unsigned char *out = hub_pool_alloc(pool, len + 1);
    mbedtls_gcm_context gcm;
    gcm_open(&gcm, crypto);
    int failed = mbedtls_gcm_auth_decrypt(&gcm, len, bytes, NONCE_LEN, (const unsigned char *)(context.ptr ? context.ptr : ""), context.len,
                                          bytes + NONCE_LEN, TAG_LEN, bytes + NONCE_LEN + TAG_LEN, out);
    mbedtls_gcm_free(&gcm);
    if (failed)
        return HUB_ECRYPTO;
    out[len] = '\0';
    *plain = hub_slice((const char *)out, len);
    return HUB_EOK;
}
