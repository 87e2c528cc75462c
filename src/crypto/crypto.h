/* What the files of crypto share. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include <pthread.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>

#include "hub/crypto.h"

#define HUB_MASTER_KEY_LEN 32

struct hub_crypto {
    unsigned char key[HUB_MASTER_KEY_LEN];
    pthread_mutex_t lock; /* of the generator: the packaged mbedTLS does no locking of its own */
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
};

/* Random bytes on any thread; a generator that fails is no state to go on in. */
void hub_crypto__random(hub_crypto_t *crypto, unsigned char *out, size_t len);
/* The master key from a file, made there when there is none. `crypto` needs its generator only. */
hub_err_t hub_crypto__key_file(hub_crypto_t *crypto, const char *path, const char **why);
/* 32 bytes from base64 text, surrounding white space ignored. */
bool hub_crypto__key_text(hub_slice_t text, unsigned char key[HUB_MASTER_KEY_LEN]);

#endif
