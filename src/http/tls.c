/* Inbound TLS: OpenSSL because h2o wants its SSL_CTX. */
#include "room.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

/* HTTP/1.1 or nothing: a client that offers other protocols only is told so in the handshake. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in, unsigned inlen, void *arg)
{
    (void)ssl;
    (void)arg;
    for (unsigned i = 0; i < inlen && i + in[i] < inlen; i += in[i] + 1u) {
        if (in[i] == 8 && memcmp(in + i + 1, "http/1.1", 8) == 0) {
            *out = in + i + 1;
            *outlen = 8;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A key with a passphrase is refused rather than asked for on a terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static hub_err_t failed(SSL_CTX *tls, const char *what, const char *file, char why[256])
{
    char text[120] = "";
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    snprintf(why, 256, "%s %.100s: %s", what, file, text);
    SSL_CTX_free(tls);
    return HUB_EINVALID;
}

hub_err_t hub_http__tls_create(const char *cert, const char *key, SSL_CTX **out, char why[256])
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    HUB_ASSERT(tls);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(tls, (const unsigned char *)"ocpi-hub", 8);
    SSL_CTX_set_default_passwd_cb(tls, no_passphrase);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
        return failed(tls, "cannot use the certificate", cert, why);
    if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        return failed(tls, "cannot use the key", key, why);
    if (SSL_CTX_check_private_key(tls) != 1)
        return failed(tls, "the key does not belong to the certificate:", key, why);
    *out = tls;
    return HUB_EOK;
}
