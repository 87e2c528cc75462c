/* RS256 (RFC 7518, 3.3: RSASSA-PKCS1-v1_5 with SHA-256) for JWTs. No state: safe on any thread. */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>

#include "crypto.h"

#define BITS_LEAST 2048u /* RFC 7518 */
#define PEM_MOST 65536u

static int from_kernel(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    hub_random(out, len);
    return 0;
}

static const char *parse_problem(int failed)
{
    switch (failed) {
    case MBEDTLS_ERR_PK_PASSWORD_REQUIRED:
    case MBEDTLS_ERR_PK_PASSWORD_MISMATCH:
        return "the private key is encrypted";
    case MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT:
        return "there is no private key in PEM";
    default:
        return "the private key cannot be read; PEM of PKCS #8 or PKCS #1 is expected";
    }
}

/* NULL: fine. mbedTLS wants the text with its NUL, so there is a copy, which is wiped. */
static const char *parse(mbedtls_pk_context *key, hub_slice_t pem)
{
    if (!pem.len || pem.len > PEM_MOST)
        return "there is no private key in PEM";
    unsigned char *text = malloc(pem.len + 1);
    HUB_ASSERT(text != NULL);
    memcpy(text, pem.ptr, pem.len);
    text[pem.len] = '\0';
    /* Looked for here: with several ways to read it mbedTLS tells of the last one that failed. */
    bool sealed = strstr((const char *)text, "BEGIN ENCRYPTED PRIVATE KEY") || strstr((const char *)text, "Proc-Type: 4,ENCRYPTED");
    bool found = strstr((const char *)text, "PRIVATE KEY-----") != NULL;
    int failed = sealed ? MBEDTLS_ERR_PK_PASSWORD_REQUIRED
                        : (found ? mbedtls_pk_parse_key(key, text, pem.len + 1, NULL, 0) : MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT);
    mbedtls_platform_zeroize(text, pem.len);
    free(text);
    if (failed)
        return parse_problem(failed);
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_RSA))
        return "the private key is not an RSA key";
    return mbedtls_pk_get_bitlen(key) < BITS_LEAST ? "the RSA key has fewer than 2048 bits" : NULL;
}

hub_err_t hub_rs256_check(hub_slice_t pem, const char **why)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    const char *problem = parse(&key, pem);
    mbedtls_pk_free(&key); /* wipes */
    *why = problem ? problem : "";
    return problem ? HUB_ECRYPTO : HUB_EOK;
}

hub_err_t hub_rs256_sign(hub_pool_t *pool, hub_slice_t pem, hub_slice_t data, hub_slice_t *signature, const char **why)
{
    unsigned char hash[HUB_SHA256_LEN], out[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
    size_t len = 0;
    mbedtls_pk_context key;
    *signature = HUB_SLICE_NONE;
    mbedtls_pk_init(&key);
    const char *problem = parse(&key, pem);
    if (!problem) {
        hub_sha256(data, hash);
        if (mbedtls_pk_sign(&key, MBEDTLS_MD_SHA256, hash, sizeof hash, out, &len, from_kernel, NULL) != 0)
            problem = "the private key does not sign";
    }
    mbedtls_pk_free(&key); /* wipes */
    *why = problem ? problem : "";
    if (problem)
        return HUB_ECRYPTO;
    *signature = hub_pool_copy(pool, hub_slice((const char *)out, len));
    return HUB_EOK;
}
