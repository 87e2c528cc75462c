/* RS256 against openssl, and keys that do not sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/crypto.h"

static hub_pool_t *pool;
static char folder[] = "/tmp/hub-rsa-XXXXXX";

static bool shell(const char *command)
{
    return system(command) == 0; /* NOLINT(cert-env33-c): fixed commands of this file */
}

static bool openssl(const char *arguments)
{
    return shell(hub_pool_printf(pool, "cd %s && openssl %s >/dev/null 2>&1", folder, arguments).ptr);
}

static hub_slice_t load(const char *name)
{
    char *text = hub_pool_zalloc(pool, 65536);
    FILE *file = fopen(hub_pool_printf(pool, "%s/%s", folder, name).ptr, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, 65535, file);
    assert_int_equal(fclose(file), 0);
    return hub_slice(text, len);
}

static void save(const char *name, hub_slice_t bytes)
{
    FILE *file = fopen(hub_pool_printf(pool, "%s/%s", folder, name).ptr, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static int open_all(void **state)
{
    (void)state;
    pool = hub_pool_create();
    return mkdtemp(folder) ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    bool gone = shell(hub_pool_printf(pool, "rm -f %s/* && rmdir %s", folder, folder).ptr);
    hub_pool_destroy(pool);
    return gone ? 0 : -1;
}

static void signatures_are_openssls(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0", "x"};
    static const char *const keys[] = {"pkcs8.pem", "pkcs1.pem"};
    assert_true(openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem"));
    assert_true(openssl("rsa -in pkcs8.pem -traditional -out pkcs1.pem"));
    assert_true(openssl("pkey -in pkcs8.pem -pubout -out public.pem"));
    for (size_t i = 0; i < HUB_COUNT(texts) * HUB_COUNT(keys); i++) {
        const char *why = NULL;
        hub_slice_t signature, other, data = hub_slice_str(texts[i / 2]), key = load(keys[i % 2]);
        assert_int_equal(hub_rs256_check(key, &why), HUB_EOK);
        assert_int_equal(hub_rs256_sign(pool, key, data, &signature, &why), HUB_EOK);
        assert_string_equal(why, "");
        assert_int_equal(signature.len, 256);
        save("data", data);
        save("signature", signature);
        assert_true(openssl("dgst -sha256 -verify public.pem -signature signature data"));
        assert_int_equal(hub_rs256_sign(pool, key, data, &other, &why), HUB_EOK);
        assert_true(hub_slice_eq(signature, other)); /* PKCS #1 v1.5 has no salt */
        save("data", HUB_SLICE_LIT("another"));
        assert_false(openssl("dgst -sha256 -verify public.pem -signature signature data"));
    }
}

static void refuse(hub_slice_t key, const char *word)
{
    const char *why = NULL, *why_check = NULL;
    hub_slice_t signature;
    assert_int_equal(hub_rs256_sign(pool, key, HUB_SLICE_LIT("x"), &signature, &why), HUB_ECRYPTO);
    assert_null(signature.ptr);
    if (!strstr(why, word))
        fail_msg("%s, expected %s", why, word);
    assert_int_equal(hub_rs256_check(key, &why_check), HUB_ECRYPTO);
    assert_string_equal(why, why_check);
}

static void keys_that_do_not_sign_say_why(void **state)
{
    (void)state;
    assert_true(openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"));
    assert_true(openssl("pkey -in key.pem -pubout -out public.pem"));
    assert_true(openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -out sealed8.pem"));
    assert_true(openssl("rsa -in key.pem -traditional -aes128 -passout pass:secret -out sealed1.pem"));
    assert_true(openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out ec.pem"));
    assert_true(openssl("genpkey -algorithm ED25519 -out ed.pem"));
    assert_true(openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem"));
    refuse(load("sealed8.pem"), "encrypted");
    refuse(load("sealed1.pem"), "encrypted");
    refuse(load("ec.pem"), "not an RSA key");
    refuse(load("ed.pem"), "cannot be read");
    refuse(load("short.pem"), "2048");
    refuse(load("public.pem"), "no private key");
    refuse(HUB_SLICE_NONE, "no private key");
    refuse(HUB_SLICE_LIT("secret"), "no private key");
    refuse(HUB_SLICE_LIT("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "cannot be read");
    hub_slice_t whole = load("key.pem");
    for (size_t len = 0; len < whole.len - 30; len += 97)
        refuse(hub_slice(whole.ptr, len), "");
}

static void base64url_has_its_own_alphabet(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"\xfb\xff\xfe", "-__-"}, {"\xff", "_w"}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        assert_true(hub_slice_eq_str(hub_base64url_encode(pool, hub_slice_str(rows[i].bytes)), rows[i].text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_openssls),
        cmocka_unit_test(keys_that_do_not_sign_say_why),
        cmocka_unit_test(base64url_has_its_own_alphabet),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
