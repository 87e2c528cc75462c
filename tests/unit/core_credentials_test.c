/* Credentials exchanges that a partner starts: the credentials module. */
#include "handshake_fixture.h"

/* ---- the partner starts: we are beta ---- */

#define BODY_B CREDENTIALS("token-b-of-partner-0001", "PPP")
#define PARTNER_IS_EMSP                                                                                                                    \
    DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER                    \
         "/2.2.1/credentials\"},{\"identifier\":\"locations\",\"role\":\"RECEIVER\",\"url\":\"" PARTNER "/2.2.1/l\"}]}")

static fixture_request_t *credentials(hub_method_t method, const char *token, const char *body)
{
    return ocpi(&beta, method, "/ocpi/2.2.1/credentials", token, body);
}

static int open_receiver(void **state)
{
    int failed = open_partner(state);
    partner.details = PARTNER_IS_EMSP;
    make_receiver("");
    return failed;
}

static const char *register_partner(const char *token)
{
    fixture_request_t *request = credentials(HUB_POST, token, BODY_B);
    assert_int_equal(request->x.reply.status, 200);
    if (ocpi_status(request) != 1000)
        fail_msg("%s", text_of(request));
    return member_of(text_of(request), "data/token");
}

static void C4_C5_partner_registers_with_us(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(partner.gets, 2);
    assert_true(hub_slice_eq(partner.seen, sent_token("token-b-of-partner-0001")));
    assert_int_equal(partner.wrong_ids, 0);
    assert_int_equal(strlen(c), HUB_TOKEN_LEN);
    assert_string_equal(status_of(&beta), "CONNECTED");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", c, NULL)->x.reply.status, 200);
    assert_no_token(text_of(v1(&beta, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL)));
}

static void C7_C8_C9_wrong_methods_get_405_with_Allow(void **state)
{
    (void)state;
    assert_int_equal(credentials(HUB_PUT, TOKEN_A, BODY_B)->x.reply.status, 405);
    assert_int_equal(credentials(HUB_DELETE, TOKEN_A, NULL)->x.reply.status, 405);
    const char *c = register_partner(TOKEN_A);
    fixture_request_t *request = credentials(HUB_POST, c, BODY_B);
    assert_int_equal(request->x.reply.status, 405);
    bool allow = false;
    for (uint32_t i = 0; i < request->x.reply.header_count; i++)
        allow |= hub_slice_eq_str(request->x.reply.headers[i].name, "allow") &&
                 hub_slice_eq_str(request->x.reply.headers[i].value, "GET, HEAD, PUT, DELETE");
    assert_true(allow);
    assert_int_equal(credentials(HUB_PATCH, c, "{}")->x.reply.status, 405); /* C25 */
}

static void C14_C15_C16_C18_failed_post_leaves_no_registration(void **state)
{
    (void)state;
    partner.http_versions = 500;
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3001);
    partner.http_versions = 0;
    partner.versions = "no JSON";
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3001);
    partner.versions = DATA("[{\"version\":\"2.0\",\"url\":\"" PARTNER "/2.0\"}]");
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, BODY_B)), 3002);
    partner.versions = NULL;
    partner.details = strcmp(speaks, "2.1.1") == 0 ? NOTHING_IN_COMMON : USUAL_DETAILS; /* a CPO like us */
    fixture_request_t *request = credentials(HUB_POST, TOKEN_A, BODY_B);
    assert_int_equal(request->x.reply.status, 200);
    assert_int_equal(ocpi_status(request), 3003);
    assert_string_equal(member_of(show(&beta), "authorized"), "false");
    assert_string_equal(member_of(show(&beta), "credentialsInfo/ourToken"), "");
    partner.details = PARTNER_IS_EMSP;
    (void)register_partner(TOKEN_A); /* not 405 */
}

static void refused(const char *const *bodies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture_request_t *request = credentials(HUB_POST, TOKEN_A, bodies[i]);
        assert_int_equal(request->x.reply.status, 200);
        assert_int_equal(ocpi_status(request), 2001);
    }
}

static void C19_C20_bad_credentials_get_2001(void **state)
{
    (void)state;
    static const char *const bad_roles[] = {
        "{\"url\":\"" PARTNER "/versions\",\"roles\":[]}",
        "{\"token\":\"a b\",\"url\":\"" PARTNER "/versions\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[]}",
        "{\"token\":\"ok\",\"url\":\"http://127.0.0.1/"
        "versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\",\"party_id\":\"PPP\",\"country_code\":\"NL\"},"
        "{\"role\":\"CPO\",\"party_id\":\"ppp\",\"country_code\":\"nl\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\"}]}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"roles\":{}}",
    };
    static const char *const bad_211[] = {
        "{\"url\":\"" PARTNER "/versions\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}",
        "{\"token\":\"a b\",\"url\":\"" PARTNER "/versions\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"party_id\":\"PPP\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"country_code\":\"NL\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"party_id\":\"PPPP\",\"country_code\":\"NL\"}",
        "{\"token\":\"ok\",\"url\":\"" PARTNER "/versions\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}", /* no business_details */
        "{\"token\":\"ok\",\"url\":\"http://127.0.0.1/versions\",\"party_id\":\"PPP\",\"country_code\":\"NL\"}",
    };
    static const char *const no_object[] = {"[]", /* T6: JSON all the same */ "\"{}\""};
    if (strcmp(speaks, "2.1.1") == 0)
        refused(bad_211, HUB_COUNT(bad_211));
    else
        refused(bad_roles, HUB_COUNT(bad_roles));
    refused(no_object, HUB_COUNT(no_object));
    assert_int_equal(credentials(HUB_POST, TOKEN_A, "{\"token\":")->x.reply.status, 400);
    assert_int_equal(partner.gets, 0);
    (void)register_partner(TOKEN_A);
}

/* What is merely odd is taken, but for the profile `strict`. */
static void strict_profile_refuses_odd_credentials(void **state)
{
    (void)state;
    bool old = strcmp(speaks, "2.1.1") == 0;
    const char *odd = old ? "{\"token\":\"token-b-of-partner-0001\",\"url\":\"" PARTNER
                            "/versions\",\"party_id\":\"PPP\",\"country_code\":\"NL\","
                            "\"business_details\":{\"name\":\"Partner\",\"website\":7}}"
                          : "{\"token\":\"token-b-of-partner-0001\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"KING\","
                            "\"party_id\":\"PPP\",\"country_code\":\"NL\",\"business_details\":{\"name\":\"Partner\"}}]}";
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"profile\":{\"strict\":true}}}")->x.reply.status,
                     204);
    fixture_request_t *request = credentials(HUB_POST, TOKEN_A, odd);
    assert_int_equal(ocpi_status(request), 2001);
    assert_non_null(strstr(text_of(request), old ? "/business_details/website" : "/roles/0/role"));
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"profile\":{\"strict\":false}}}")->x.reply.status,
                     204);
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, odd)), 1000);
}

/* Codes that are too long come in objects, too: refused only from who is held to the letter, and never cut. */
static void long_codes_are_taken_but_for_strict(void **state)
{
    (void)state;
    bool old = strcmp(speaks, "2.1.1") == 0;
    const char *body = old ? "{\"token\":\"token-b-of-partner-0001\",\"url\":\"" PARTNER
                             "/versions\",\"party_id\":\"PPPLONG\",\"country_code\":\"NLD\",\"business_details\":{\"name\":\"Partner\"}}"
                           : "{\"token\":\"token-b-of-partner-0001\",\"url\":\"" PARTNER "/versions\",\"roles\":[{\"role\":\"CPO\","
                             "\"party_id\":\"PPPLONG\",\"country_code\":\"NLD\",\"business_details\":{\"name\":\"Partner\"}}]}";
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"profile\":{\"strict\":true}}}")->x.reply.status,
                     204);
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, body)), 2001);
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"profile\":{\"strict\":false}}}")->x.reply.status,
                     204);
    assert_int_equal(ocpi_status(credentials(HUB_POST, TOKEN_A, body)), 1000);
    hub_view_t *view;
    hub_integration_t *integration;
    assert_int_equal(hub_view_open(beta.store, &view), HUB_EOK);
    assert_int_equal(hub_integration_get(beta.worker, view, HUB_TENANT_DEFAULT, 1, &integration), HUB_EOK);
    assert_true(hub_integration_has_peer_party(integration, HUB_SLICE_LIT("nld"), HUB_SLICE_LIT("ppplong")));
    assert_false(integration->peer_is_hub || hub_integration_has_peer_party(integration, HUB_SLICE_LIT("NLD"), HUB_SLICE_LIT("PPP")));
    hub_integration_unref(integration);
    hub_view_close(view);
}

static void J_repeated_post_counts_until_token_C_is_used(void **state)
{
    (void)state;
    const char *first = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL)->x.reply.status, 401);
    const char *second = register_partner(TOKEN_A); /* the answer was lost */
    assert_string_not_equal(first, second);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", first, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", second, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(credentials(HUB_POST, TOKEN_A, BODY_B)->x.reply.status, 401);
}

static void J_after_PUT_both_tokens_live_until_the_new_one_is_used(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    fixture_request_t *request = credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0002", "PPP"));
    assert_int_equal(ocpi_status(request), 1000);
    const char *lost = member_of(text_of(request), "data/token");
    request = credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0003", "PPP")); /* with the old one: the answer was lost */
    assert_int_equal(ocpi_status(request), 1000);
    const char *fresh = member_of(text_of(request), "data/token");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", lost, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", fresh, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", fresh, NULL)->x.reply.status, 200);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/theirToken"), "token-b-of-partner-0003");
}

static void failed_PUT_changes_nothing(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    partner.http_versions = 503;
    assert_int_equal(ocpi_status(credentials(HUB_PUT, c, CREDENTIALS("token-b-of-partner-0002", "PPP"))), 3001);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/theirToken"), "token-b-of-partner-0001");
    assert_string_equal(status_of(&beta), "CONNECTED");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
}

static void C13_partner_deletes_its_credentials(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi_status(credentials(HUB_DELETE, c, NULL)), 1000);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_string_equal(status_of(&beta), "UNREGISTERED");
    /* anew, with a fresh token A */
    assert_int_equal(v1(&beta, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    assert_string_equal(status_of(&beta), "AWAITING_PARTNER");
    const char *fresh = member_of(show(&beta), "credentialsInfo/initialToken");
    assert_string_not_equal(fresh, TOKEN_A);
    (void)register_partner(fresh);
}

static void retry_on_a_receiver_issues_a_fresh_token_A(void **state)
{
    (void)state;
    const char *c = register_partner(TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200);
    steps(50);
    assert_int_equal(v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"retryCredentialsExchange\":true}")->x.reply.status, 204);
    const char *fresh = member_of(show(&beta), "credentialsInfo/initialToken");
    assert_string_not_equal(fresh, TOKEN_A);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 200); /* the connection goes on meanwhile */
    const char *anew = register_partner(fresh);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", c, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", anew, NULL)->x.reply.status, 200);
}

static void a_second_exchange_waits_in_line(void **state)
{
    (void)state;
    partner.hold = true;
    fixture_request_t *first = remember(ocpi_start(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, BODY_B));
    fixture_request_t *second = remember(ocpi_start(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, BODY_B));
    hub_exchange_run(&first->x);
    hub_exchange_run(&second->x);
    steps(30);
    assert_int_equal(beta.call_count, 1); /* never two at once */
    partner.hold = false;
    for (fixture_call_t *entry = beta.calls; entry; entry = entry->next)
        entry->taken = false;
    for (int i = 0; i < 3000 && !(first->done && second->done); i++)
        step();
    assert_int_equal(ocpi_status(first), 1000);
    assert_int_equal(ocpi_status(second), 1000);
    assert_string_equal(member_of(show(&beta), "credentialsInfo/ourToken"), member_of(text_of(second), "data/token"));
}

static void wrong_third_party_gets_2001_and_the_operator_is_told(void **state)
{
    (void)state;
    assert_int_equal(
        v1(&beta, HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"thirdPartyId\":\"QQQ\",\"thirdPartyCountryCode\":\"NL\"}}")
            ->x.reply.status,
        204);
    fixture_request_t *request = credentials(HUB_POST, TOKEN_A, BODY_B);
    assert_int_equal(ocpi_status(request), 2001);
    wait_status(&beta, "FAILED");
    assert_non_null(strstr(member_of(show(&beta), "statusDescription"), "NL QQQ"));
}

static void raw_and_padded_tokens_are_accepted(void **state)
{
    (void)state;
    const char *forms[] = {TOKEN_A, "dG9rZW4tYS1vZi1iZXRhLTAwMDAwMDAwMDAwMDAwMQ==", "dG9rZW4tYS1vZi1iZXRhLTAwMDAwMDAwMDAwMDAwMQo="};
    for (size_t i = 0; i < HUB_COUNT(forms); i++) {
        fixture_request_t *request = fixture_request(&beta, HUB_GET, "/ocpi/versions", HUB_SLICE_NONE);
        request->x.header[HUB_HEADER_AUTHORIZATION] = hub_pool_printf(pool, "token %s", forms[i]);
        assert_int_equal(run(request)->x.reply.status, 200);
    }
    static const char *const bad[] = {"", "Token", "Token ", "Bearer " TOKEN_A, "Token " TOKEN_A "x", TOKEN_A};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        fixture_request_t *request = fixture_request(&beta, HUB_GET, "/ocpi/versions", HUB_SLICE_NONE);
        request->x.header[HUB_HEADER_AUTHORIZATION] = hub_slice_str(bad[i]);
        assert_int_equal(run(request)->x.reply.status, 401);
    }
}

int main(void)
{
#define AS_RECEIVER(f) cmocka_unit_test_setup_teardown(f, open_receiver, close_hubs)
    const struct CMUnitTest tests[] = {
        AS_RECEIVER(C4_C5_partner_registers_with_us),
        AS_RECEIVER(C7_C8_C9_wrong_methods_get_405_with_Allow),
        AS_RECEIVER(C14_C15_C16_C18_failed_post_leaves_no_registration),
        AS_RECEIVER(C19_C20_bad_credentials_get_2001),
        AS_RECEIVER(strict_profile_refuses_odd_credentials),
        AS_RECEIVER(long_codes_are_taken_but_for_strict),
        AS_RECEIVER(J_repeated_post_counts_until_token_C_is_used),
        AS_RECEIVER(J_after_PUT_both_tokens_live_until_the_new_one_is_used),
        AS_RECEIVER(failed_PUT_changes_nothing),
        AS_RECEIVER(C13_partner_deletes_its_credentials),
        AS_RECEIVER(retry_on_a_receiver_issues_a_fresh_token_A),
        AS_RECEIVER(a_second_exchange_waits_in_line),
        AS_RECEIVER(wrong_third_party_gets_2001_and_the_operator_is_told),
        AS_RECEIVER(raw_and_padded_tokens_are_accepted),
    };
    static const char *const versions[] = {"2.1.1", "2.2.1", "2.3.0"};
    int failed = 0;
    for (size_t i = 0; i < HUB_COUNT(versions); i++) {
        speaks = versions[i];
        failed += cmocka_run_group_tests_name(speaks, tests, NULL, NULL);
    }
    return failed;
}
