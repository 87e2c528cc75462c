/* Digests against published vectors, base64, tokens, sealing, the master key file. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/crypto.h"

static hub_crypto_t *crypto;
static hub_pool_t *pool;
static char folder[] = "/tmp/hub-crypto-XXXXXX";

static int open_all(void **state)
{
    (void)state;
    const char *why;
    pool = hub_pool_create();
    if (!mkdtemp(folder))
        return 1;
    return hub_crypto_open(NULL, HUB_SLICE_LIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &crypto, &why) != HUB_EOK;
}

static int close_all(void **state)
{
    (void)state;
    hub_crypto_close(crypto);
    hub_pool_destroy(pool);
    return rmdir(folder);
}

static void assert_hex(const unsigned char *bytes, const char *hex)
{
    char text[2 * HUB_SHA256_LEN + 1];
    for (size_t i = 0; i < HUB_SHA256_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

static void digests_match_published_vectors(void **state)
{
    (void)state;
    unsigned char out[HUB_SHA256_LEN];
    hub_sha256(HUB_SLICE_LIT("abc"), out);
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hub_sha256(HUB_SLICE_NONE, out);
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than the block). */
static void hmac_matches_published_vectors(void **state)
{
    (void)state;
    unsigned char out[HUB_SHA256_LEN];
    char key[131];
    memset(key, 0x0b, 20);
    hub_hmac_sha256(hub_slice(key, 20), HUB_SLICE_LIT("Hi There"), out);
    assert_hex(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hub_hmac_sha256(HUB_SLICE_LIT("Jefe"), HUB_SLICE_LIT("what do ya want for nothing?"), out);
    assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hub_hmac_sha256(hub_slice(key, sizeof key), HUB_SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void base64_is_strict(void **state)
{
    (void)state;
    hub_slice_t data;
    assert_true(hub_slice_eq_str(hub_base64_encode(pool, HUB_SLICE_LIT("example-token")), "ZXhhbXBsZS10b2tlbg=="));
    assert_true(hub_base64_decode(pool, HUB_SLICE_LIT("ZXhhbXBsZS10b2tlbg=="), &data));
    assert_true(hub_slice_eq_str(data, "example-token"));
    assert_true(hub_base64_decode(pool, HUB_SLICE_LIT(""), &data));
    assert_int_equal(data.len, 0);
    static const char *const bad[] = {
        "ZXhh\nbXBs", "ZXh hbXBs", "ZXhhbXBsZS10b2tlbg=", "ZXhhbXBsZS10b2tlbg", "====", "A===", "AB=C", "ZXh-", "=", "AA==AAAA"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++)
        if (hub_base64_decode(pool, hub_slice_str(bad[i]), &data))
            fail_msg("taken: %s", bad[i]);
}

static void C20_tokens_are_printable_short_and_fresh(void **state)
{
    (void)state;
    char seen[64][HUB_TOKEN_LEN + 1];
    for (size_t i = 0; i < HUB_COUNT(seen); i++) {
        hub_token_make(crypto, seen[i]);
        assert_int_equal(strlen(seen[i]), HUB_TOKEN_LEN);
        for (const char *c = seen[i]; *c; c++)
            assert_true(*c >= 0x21 && *c <= 0x7E);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
}

static void sealed_opens_only_whole_and_in_its_place(void **state)
{
    (void)state;
    hub_slice_t plain, sealed = hub_seal(crypto, pool, HUB_SLICE_LIT("secret-token"), HUB_SLICE_LIT("integration/7"));
    assert_true(hub_slice_starts(sealed, HUB_SLICE_LIT("v1.")));
    assert_null(memmem(sealed.ptr, sealed.len, "secret", 6));
    assert_int_equal(hub_unseal(crypto, pool, sealed, HUB_SLICE_LIT("integration/7"), &plain), HUB_EOK);
    assert_true(hub_slice_eq_str(plain, "secret-token"));
    assert_int_equal(hub_unseal(crypto, pool, sealed, HUB_SLICE_LIT("integration/8"), &plain), HUB_ECRYPTO);
    for (size_t i = 0; i < sealed.len; i++) {
        hub_slice_t copy = hub_pool_copy(pool, sealed);
        ((char *)(uintptr_t)copy.ptr)[i] ^= 1;
        if (hub_unseal(crypto, pool, copy, HUB_SLICE_LIT("integration/7"), &plain) == HUB_EOK)
            assert_true(hub_slice_eq_str(plain, "secret-token") && i + 3 > sealed.len); /* unused bits of the last letter */
        assert_int_equal(hub_unseal(crypto, pool, hub_slice(sealed.ptr, i), HUB_SLICE_LIT("integration/7"), &plain), HUB_ECRYPTO);
    }
    hub_slice_t again = hub_seal(crypto, pool, HUB_SLICE_LIT("secret-token"), HUB_SLICE_LIT("integration/7"));
    assert_false(hub_slice_eq(sealed, again));
    hub_slice_t none = hub_seal(crypto, pool, HUB_SLICE_NONE, HUB_SLICE_NONE);
    assert_int_equal(hub_unseal(crypto, pool, none, HUB_SLICE_NONE, &plain), HUB_EOK);
    assert_int_equal(plain.len, 0);
}

static void key_given_must_be_32_bytes(void **state)
{
    (void)state;
    hub_crypto_t *other = NULL;
    const char *why = NULL;
    assert_int_equal(hub_crypto_open(NULL, HUB_SLICE_LIT("AAECAwQ="), &other, &why), HUB_ECRYPTO);
    assert_null(other);
    assert_non_null(strstr(why, "32 bytes"));
    assert_int_equal(hub_crypto_open(NULL, HUB_SLICE_LIT("AAECAwQFBgcICQoLDA0O\nxAREhMUFRYXGBkaGxwdHh8="), &other, &why), HUB_ECRYPTO);
}

static void key_file_is_made_private_and_read_again(void **state)
{
    (void)state;
    char path[128];
    const char *why;
    hub_crypto_t *first, *second;
    struct stat st;
    hub_slice_t plain;
    (void)snprintf(path, sizeof path, "%s/master.key", folder);
    mode_t old = umask(0);
    assert_int_equal(hub_crypto_open(path, HUB_SLICE_NONE, &first, &why), HUB_EOK);
    (void)umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    hub_slice_t sealed = hub_seal(first, pool, HUB_SLICE_LIT("x"), HUB_SLICE_NONE);
    assert_int_equal(hub_unseal(crypto, pool, sealed, HUB_SLICE_NONE, &plain), HUB_ECRYPTO);
    assert_int_equal(hub_crypto_open(path, HUB_SLICE_NONE, &second, &why), HUB_EOK);
    assert_int_equal(hub_unseal(second, pool, sealed, HUB_SLICE_NONE, &plain), HUB_EOK);
    hub_crypto_close(first);
    hub_crypto_close(second);

    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(hub_crypto_open(path, HUB_SLICE_NONE, &first, &why), HUB_ECRYPTO);
    assert_non_null(strstr(why, "0600"));
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "short\n", 6), 6);
    assert_int_equal(close(fd), 0);
    assert_int_equal(hub_crypto_open(path, HUB_SLICE_NONE, &first, &why), HUB_ECRYPTO);
    assert_int_equal(unlink(path), 0); /* rmdir in close_all proves that no temporary file stayed */
    (void)snprintf(path, sizeof path, "%s/none/master.key", folder);
    assert_int_equal(hub_crypto_open(path, HUB_SLICE_NONE, &first, &why), HUB_ECRYPTO);
    assert_int_equal(hub_crypto_open(folder, HUB_SLICE_NONE, &first, &why), HUB_ECRYPTO);
}

static void *make_tokens(void *out)
{
    char(*tokens)[HUB_TOKEN_LEN + 1] = out;
    for (int i = 0; i < 500; i++)
        hub_token_make(crypto, tokens[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_never_get_the_same_token(void **state)
{
    (void)state;
    static char tokens[4 * 500][HUB_TOKEN_LEN + 1];
    pthread_t thread[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, make_tokens, tokens[i * 500]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    qsort(tokens, HUB_COUNT(tokens), sizeof tokens[0], by_text);
    for (size_t i = 1; i < HUB_COUNT(tokens); i++)
        assert_string_not_equal(tokens[i - 1], tokens[i]);
}

static void secrets_compare(void **state)
{
    (void)state;
    assert_true(hub_equal_secret("abcd", "abcd", 4));
    assert_false(hub_equal_secret("abcd", "abce", 4));
    assert_false(hub_equal_secret("Abcd", "abcd", 4));
    assert_true(hub_equal_secret("", "x", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_published_vectors),
        cmocka_unit_test(hmac_matches_published_vectors),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(C20_tokens_are_printable_short_and_fresh),
        cmocka_unit_test(sealed_opens_only_whole_and_in_its_place),
        cmocka_unit_test(key_given_must_be_32_bytes),
        cmocka_unit_test(key_file_is_made_private_and_read_again),
        cmocka_unit_test(threads_never_get_the_same_token),
        cmocka_unit_test(secrets_compare),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
