/* crypto: tokens, digests, sealing of secrets, RS256. The only room that includes mbedTLS.
 *
 * Thread: a hub_crypto_t is created once at start and shared; every function is safe on any thread.
 */
#ifndef HUB_CRYPTO_H
#define HUB_CRYPTO_H

#include "hub/base.h"

#define HUB_SHA256_LEN 32
#define HUB_TOKEN_LEN 43 /* 32 random bytes, base64url without padding: printable, below OCPI's 64 (rule C20) */

typedef struct hub_crypto hub_crypto_t;

/* Master key: `key_base64` (32 bytes, from OCPI_HUB_MASTER_KEY) or, when that is empty, the file at `path`: read, or created 0600
 * with a fresh key. HUB_ECRYPTO: unreadable, wrong length, or a file that others can read; *why (static text) says which. */
hub_err_t hub_crypto_open(const char *path, hub_slice_t key_base64, hub_crypto_t **out, const char **why);
void hub_crypto_close(hub_crypto_t *crypto); /* wipes the key; takes NULL */

/* A fresh token from CTR_DRBG. */
void hub_token_make(hub_crypto_t *crypto, char out[HUB_TOKEN_LEN + 1]);

void hub_sha256(hub_slice_t data, unsigned char out[HUB_SHA256_LEN]);
void hub_hmac_sha256(hub_slice_t key, hub_slice_t data, unsigned char out[HUB_SHA256_LEN]); /* RFC 2104 */
bool hub_equal_secret(const void *a, const void *b, size_t len);                            /* constant time */

/* AES-256-GCM with a fresh nonce; text form "v1." + base64, so that it can lie in JSON. `context` is authenticated, not stored:
 * a sealed value moved to another record does not open. Opening something damaged: HUB_ECRYPTO. */
hub_slice_t hub_seal(hub_crypto_t *crypto, hub_pool_t *pool, hub_slice_t plain, hub_slice_t context);
hub_err_t hub_unseal(hub_crypto_t *crypto, hub_pool_t *pool, hub_slice_t sealed, hub_slice_t context, hub_slice_t *plain);

/* RFC 4648 section 4, with padding. Decoding ignores nothing: false on any foreign character or wrong padding. */
hub_slice_t hub_base64_encode(hub_pool_t *pool, hub_slice_t data);
bool hub_base64_decode(hub_pool_t *pool, hub_slice_t text, hub_slice_t *data);
hub_slice_t hub_base64url_encode(hub_pool_t *pool, hub_slice_t data); /* section 5, without padding */

/* RS256 of RFC 7518, for JWTs. pem: an RSA key of 2048 bits or more, PKCS #8 or PKCS #1, not encrypted; every copy that is made of it is
 * wiped. HUB_ECRYPTO: another kind of key or none; *why is static text. */
hub_err_t hub_rs256_sign(hub_pool_t *pool, hub_slice_t pem, hub_slice_t data, hub_slice_t *signature, const char **why);
hub_err_t hub_rs256_check(hub_slice_t pem, const char **why); /* would it sign? */

#endif
