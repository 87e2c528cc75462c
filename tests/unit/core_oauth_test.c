/* Forms and client authentication of /oauth2 (RFC 6749, 2.3.1, 3.2, 5.2), scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access/credential.h"
#include "access/oauth_form.h"
#include "access/tenant.h"

#define FORM "application/x-www-form-urlencoded"
static hub_pool_t *pool;
static hub_oauth_form_t form;

static int open_pool(void **state)
{
    (void)state;
    pool = hub_pool_create();
    return 0;
}

static int close_pool(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    return 0;
}

static const char *read_it(const char *type, const char *authorization, const char *body)
{
    return hub_oauth_read(pool, hub_slice_str(type), hub_slice_str(authorization), hub_slice_str(body), &form).code;
}

static const char *basic(const char *pair)
{
    hub_slice_t text = hub_base64_encode(pool, hub_slice_str(pair));
    return hub_pool_printf(pool, "Basic %.*s", HUB_SLICE_FMT(text)).ptr;
}

static void credentials_in_the_form(void **state)
{
    (void)state;
    assert_null(read_it(FORM "; charset=UTF-8", NULL,
                        "grant_type=client_credentials&client_id=a%2Bb&client_secret=c+d%26&scope=PARTY.READ+EVENT.READ"));
    assert_true(hub_slice_eq_str(form.grant_type, "client_credentials") && hub_slice_eq_str(form.client_id, "a+b"));
    assert_true(hub_slice_eq_str(form.client_secret, "c d&") && hub_slice_eq_str(form.scope, "PARTY.READ EVENT.READ"));
    assert_false(form.basic);
    assert_null(read_it("APPLICATION/X-WWW-FORM-URLENCODED", NULL, "unknown=1&&client_id=a&client_secret=b&scope=&token=t"));
    assert_true(!form.scope.ptr && !form.grant_type.ptr && hub_slice_eq_str(form.token, "t")); /* without a value: as if absent */
}

static void credentials_in_the_header(void **state)
{
    (void)state;
    assert_null(read_it(FORM, basic("a%3Ab:c%20d:e"), "grant_type=client_credentials"));
    assert_true(form.basic && hub_slice_eq_str(form.client_id, "a:b") && hub_slice_eq_str(form.client_secret, "c d:e"));
    assert_null(read_it(FORM, "basic YTpi", "client_id=a"));
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *authorization, *body, *code;
    } rows[] = {
        {"application/json", NULL, "{}", "invalid_request"},
        {NULL, NULL, "client_id=a&client_secret=b", "invalid_request"},
        {FORM, NULL, "client_id=a&client_secret=b&client_id=a", "invalid_request"},
        {FORM, NULL, "scope=&scope=&client_id=a&client_secret=b", "invalid_request"},
        {FORM, NULL, "client_id=%zz&client_secret=b", "invalid_request"},
        {FORM, NULL, "client_id=%00&client_secret=b", "invalid_request"},
        {FORM, NULL, "client_id=%ff&client_secret=b", "invalid_request"},
        {FORM, NULL, "", "invalid_client"},
        {FORM, NULL, "client_id=a", "invalid_client"},
        {FORM, NULL, "client_secret=a", "invalid_client"},
        {FORM, "Basic", "", "invalid_client"},
        {FORM, "Basic ???", "", "invalid_client"},
        {FORM, "Basic YWI=", "", "invalid_client"},
        {FORM, "Basic YTo=", "", "invalid_client"},
        {FORM, "Bearer YTpi", "client_id=a&client_secret=b", "invalid_client"},
        {FORM, "Basic YTpi", "client_secret=b", "invalid_request"},
        {FORM, "Basic YTpi", "client_id=c", "invalid_request"},
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        const char *code = read_it(rows[i].type, rows[i].authorization, rows[i].body);
        assert_non_null(code);
        assert_string_equal(code, rows[i].code);
    }
}

static void scopes(void **state)
{
    (void)state;
    uint32_t got, allowed = HUB_PERMIT_PARTY_READ | HUB_PERMIT_EVENT_READ;
    assert_true(hub_oauth_scope(HUB_SLICE_NONE, allowed, &got) && got == allowed);
    assert_true(hub_oauth_scope(HUB_SLICE_LIT("  "), allowed, &got) && got == allowed);
    assert_true(hub_oauth_scope(HUB_SLICE_LIT("EVENT.READ"), allowed, &got) && got == HUB_PERMIT_EVENT_READ);
    assert_true(hub_oauth_scope(HUB_SLICE_LIT("EVENT.READ  PARTY.READ EVENT.READ"), allowed, &got) && got == allowed);
    assert_false(hub_oauth_scope(HUB_SLICE_LIT("EVENT.READ KEY.ADMIN"), allowed, &got));
    assert_false(hub_oauth_scope(HUB_SLICE_LIT("event.read"), allowed, &got));
    assert_true(hub_slice_eq_str(hub_permissions_scope(pool, allowed), "PARTY.READ EVENT.READ"));
    assert_true(hub_slice_eq_str(hub_permissions_json(pool, 0), "[]"));
}

static void tenant_names(void **state)
{
    (void)state;
    const char *const bad[] = {"", "*", "a b", "a/b", "ü", "a\n"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++)
        assert_false(hub_tenant_name_ok(hub_slice_str(bad[i])));
    assert_true(hub_tenant_name_ok(HUB_SLICE_LIT("default")) && hub_tenant_name_ok(HUB_SLICE_LIT("A-1_b.c")));
    char longest[HUB_TENANT_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_true(hub_tenant_name_ok(hub_slice(longest, HUB_TENANT_NAME_MAX)));
    assert_false(hub_tenant_name_ok(hub_slice(longest, HUB_TENANT_NAME_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_in_the_form),
        cmocka_unit_test(credentials_in_the_header),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(scopes),
        cmocka_unit_test(tenant_names),
    };
    return cmocka_run_group_tests(tests, open_pool, close_pool);
}
