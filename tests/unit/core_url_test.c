/* The guard against request forgery: URLs and addresses. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "hub/url.h"

static const struct {
    const char *url;
    bool secure, insecure; /* taken without and with --insecure-peers */
} urls[] = {
    {"https://hub.example/ocpi/versions", true, true},
    {"HTTPS://hub.example:8443/ocpi?a=b", true, true},
    {"https://8.8.8.8/", true, true},
    {"https://[2606:4700::1111]:443/x", true, true},
    {"https://hub.example", true, true},
    {"http://hub.example/ocpi", false, true},
    {"https://localhost/ocpi", false, true},
    {"https://LocalHost.:443/ocpi", false, true},
    {"https://x.localhost/ocpi", false, true},
    {"https://127.0.0.1/", false, true},
    {"https://127.1/", false, true},
    {"https://2130706433/", false, true},
    {"https://0x7f000001/", false, true},
    {"https://0177.0.0.1/", false, true},
    {"https://127.0.0.1./", false, true},
    {"https://10.1.2.3/", false, true},
    {"https://172.31.0.1/", false, true},
    {"https://172.32.0.1/", true, true},
    {"https://192.168.1.1/", false, true},
    {"https://169.254.169.254/latest", false, true},
    {"https://100.64.0.1/", false, true},
    {"https://100.128.0.1/", true, true},
    {"https://0.0.0.0/", false, true},
    {"https://224.0.0.1/", false, true},
    {"https://255.255.255.255/", false, true},
    {"https://[::1]/", false, true},
    {"https://[::]/", false, true},
    {"https://[::ffff:127.0.0.1]/", false, true},
    {"https://[::ffff:8.8.8.8]/", true, true},
    {"https://[::127.0.0.1]/", false, true},
    {"https://[64:ff9b::7f00:1]/", false, true},
    {"https://[2002:7f00:1::]/", false, true},
    {"https://[fe80::1]/", false, true},
    {"https://[fd00::1]/", false, true},
    {"https://[ff02::1]/", false, true},
    {"https://[2001:db8::1]/", false, true},
    {"file:///etc/passwd", false, false},
    {"FILE:/etc/passwd", false, false},
    {"ftp://hub.example/", false, false},
    {"gopher://hub.example/", false, false},
    {"", false, false},
    {"hub.example/ocpi", false, false},
    {"https:///ocpi", false, false},
    {"https://", false, false},
    {"https://:443/", false, false},
    {"https://user:secret@hub.example/", false, false},
    {"https://hub.example@127.0.0.1/", false, false},
    {"https://hub.example\\@127.0.0.1/", false, false},
    {"https://hub.example:0/", false, false},
    {"https://hub.example:65536/", false, false},
    {"https://hub.example:44x/", false, false},
    {"https://hub.example:/", false, false},
    {"https://hub .example/", false, false},
    {"https://hub.example/a b", false, false},
    {"https://hub.example/a\r\nX: y", false, false},
    {"https://hub%2eexample/", false, false},
    {"https://h\xc3\xbc.example/", false, false},
    {"https://hub.example/#x", false, false},
    {"https://[fe80::1%25eth0]/", false, false},
    {"https://[::1", false, false},
    {"https://[::1]x/", false, false},
};

static void urls_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(urls); i++) {
        const char *why = NULL;
        for (int insecure = 0; insecure < 2; insecure++) {
            bool taken = hub_url_check(hub_slice_str(urls[i].url), insecure, &why);
            if (taken != (insecure ? urls[i].insecure : urls[i].secure))
                fail_msg("%s (insecure %d): %s", urls[i].url, insecure, why);
            assert_int_equal(taken, why[0] == '\0');
        }
    }
    static char big[4000];
    (void)snprintf(big, sizeof big, "https://hub.example/%03000d", 0);
    assert_false(hub_url_check(hub_slice_str(big), true, NULL));
}

/* Everything behind the scheme is judged as above. */
static void mail_has_schemes_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool secure, insecure;
    } mails[] = {
        {"smtp://mail.example:587", true, true}, {"SMTPS://mail.example", true, true},       {"smtp://127.0.0.1:25", false, true},
        {"https://mail.example/", false, false}, {"smtp://user@mail.example", false, false}, {"smtp:mail.example", false, false},
    };
    for (size_t i = 0; i < HUB_COUNT(mails); i++)
        for (int insecure = 0; insecure < 2; insecure++) {
            const char *why = NULL;
            bool taken = hub_url_check_mail(hub_slice_str(mails[i].url), insecure, &why);
            if (taken != (insecure ? mails[i].insecure : mails[i].secure))
                fail_msg("%s (insecure %d): %s", mails[i].url, insecure, why);
        }
    assert_false(hub_url_check(HUB_SLICE_LIT("smtp://mail.example"), true, NULL));
    assert_false(hub_url_check(HUB_SLICE_LIT("smtps://mail.example"), true, NULL));
}

static void odd_lengths_are_not_public(void **state)
{
    (void)state;
    unsigned char bytes[16] = {8, 8, 8, 8};
    assert_true(hub_address_public(bytes, 4));
    assert_false(hub_address_public(bytes, 0));
    assert_false(hub_address_public(bytes, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_judged),
        cmocka_unit_test(mail_has_schemes_of_its_own),
        cmocka_unit_test(odd_lengths_are_not_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
