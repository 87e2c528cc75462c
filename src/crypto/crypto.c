/* Life of a hub_crypto_t, random numbers and tokens. */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/platform_util.h>

#include "crypto.h"

void hub_crypto__random(hub_crypto_t *crypto, unsigned char *out, size_t len)
{
    HUB_ASSERT(pthread_mutex_lock(&crypto->lock) == 0);
    int failed = mbedtls_ctr_drbg_random(&crypto->drbg, out, len);
    HUB_ASSERT(pthread_mutex_unlock(&crypto->lock) == 0);
    HUB_ASSERT(failed == 0);
}

static bool generator_open(hub_crypto_t *crypto)
{
    static const unsigned char purpose[] = "ocpi-hub tokens and nonces";
    HUB_ASSERT(pthread_mutex_init(&crypto->lock, NULL) == 0);
    mbedtls_entropy_init(&crypto->entropy);
    mbedtls_ctr_drbg_init(&crypto->drbg);
    return mbedtls_ctr_drbg_seed(&crypto->drbg, mbedtls_entropy_func, &crypto->entropy, purpose, sizeof purpose) == 0;
}

hub_err_t hub_crypto_open(const char *path, hub_slice_t key_base64, hub_crypto_t **out, const char **why)
{
    hub_crypto_t *crypto = calloc(1, sizeof *crypto);
    HUB_ASSERT(crypto != NULL);
    hub_err_t err = HUB_EOK;
    *out = NULL;
    *why = "";
    if (!generator_open(crypto)) {
        *why = "the random number generator has no source of entropy";
        err = HUB_ECRYPTO;
    } else if (hub_slice_trim(key_base64).len > 0) {
        if (!hub_crypto__key_text(key_base64, crypto->key)) {
            *why = "the master key given is not the base64 form of 32 bytes";
            err = HUB_ECRYPTO;
        }
    } else {
        err = hub_crypto__key_file(crypto, path, why);
    }
    if (err != HUB_EOK) {
        hub_crypto_close(crypto);
        return err;
    }
    *out = crypto;
    return HUB_EOK;
}

void hub_crypto_close(hub_crypto_t *crypto)
{
    if (!crypto)
        return;
    mbedtls_ctr_drbg_free(&crypto->drbg);
    mbedtls_entropy_free(&crypto->entropy);
    pthread_mutex_destroy(&crypto->lock);
    mbedtls_platform_zeroize(crypto, sizeof *crypto);
    free(crypto);
}

void hub_token_make(hub_crypto_t *crypto, char out[HUB_TOKEN_LEN + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[33] = {0}; /* the 33rd byte stays 0: the 43rd character carries 4 bits of the 32nd */
    hub_crypto__random(crypto, raw, 32);
    size_t at = 0;
    for (size_t i = 0; i < sizeof raw && at < HUB_TOKEN_LEN; i += 3) {
        uint32_t word = (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 | raw[i + 2];
        for (int shift = 18; shift >= 0 && at < HUB_TOKEN_LEN; shift -= 6)
            out[at++] = alphabet[word >> shift & 63];
    }
    out[at] = '\0';
    mbedtls_platform_zeroize(raw, sizeof raw);
}
