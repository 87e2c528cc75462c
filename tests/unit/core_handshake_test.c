/* Credentials exchanges that we start: against another hub and against a scripted partner. */
#include "handshake_fixture.h"

/* ---- two hubs ---- */

static void C2_C6_two_hubs_register_with_each_other(void **state)
{
    (void)state;
    connect_hubs();
    const char *a = show(&alpha), *b = show(&beta);
    assert_string_equal(member_of(a, "authorized"), "true");
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), member_of(b, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(b, "credentialsInfo/theirToken"), member_of(a, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(a, "versionDetails/version"), speaks);
    assert_string_equal(member_of(a, "credentialsInfo/credentialsRoles/0/party_id"), "BBB");
    assert_string_equal(member_of(a, "credentialsInfo/credentialsRoles/0/business_details/name"), "BBB Ltd");
    assert_string_equal(member_of(b, "credentialsInfo/credentialsRoles/0/role"), "EMSP");
    assert_string_equal(member_of(b, "credentialsInfo/url"), "https://alpha.example/ocpi/versions");
    const char *steps_a = text_of(v1(&alpha, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL));
    assert_string_equal(member_of(steps_a, "0/step"), "GET versions");
    assert_string_equal(member_of(steps_a, "2/step"), "POST credentials");
    assert_string_equal(member_of(steps_a, "2/ocpiStatus"), "1000");
    const char *steps_b = text_of(v1(&beta, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL));
    assert_string_equal(member_of(steps_b, "2/result"), "ok");
    assert_null(strstr(steps_a, member_of(a, "credentialsInfo/ourToken")));
    assert_null(strstr(steps_a, TOKEN_A));
    /* T14 C6: with token C everything opens, and token A is dead from its first use */
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", member_of(a, "credentialsInfo/theirToken"), NULL)->x.reply.status,
                     200);
    steps(50);
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&beta, HUB_POST, "/ocpi/2.2.1/credentials", TOKEN_A, "{}")->x.reply.status, 401);
}

static void C11_retry_rotates_both_tokens_by_PUT(void **state)
{
    (void)state;
    connect_hubs();
    const char *before = show(&alpha);
    steps(50);
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int64_t end = hub_mono_ms() + 5000; hub_mono_ms() < end;) {
        steps(20);
        if (strcmp(member_of(before, "credentialsInfo/theirToken"), member_of(show(&alpha), "credentialsInfo/theirToken")) != 0)
            break;
    }
    const char *a = show(&alpha), *b = show(&beta);
    assert_string_not_equal(member_of(a, "credentialsInfo/ourToken"), member_of(before, "credentialsInfo/ourToken"));
    assert_string_not_equal(member_of(a, "credentialsInfo/theirToken"), member_of(before, "credentialsInfo/theirToken"));
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), member_of(b, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(b, "credentialsInfo/theirToken"), member_of(a, "credentialsInfo/ourToken"));
    assert_string_equal(member_of(a, "integrationStatus"), "CONNECTED");
}

static void C13_unregister_ends_both_sides(void **state)
{
    (void)state;
    connect_hubs();
    const char *a = show(&alpha);
    fixture_request_t *request = v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL);
    assert_int_equal(request->x.reply.status, 200);
    assert_string_equal(member_of(text_of(request), "integrationStatus"), "UNREGISTERED");
    wait_status(&beta, "UNREGISTERED");
    assert_string_equal(member_of(show(&alpha), "authorized"), "false");
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/versions", member_of(a, "credentialsInfo/theirToken"), NULL)->x.reply.status, 401);
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", member_of(a, "credentialsInfo/ourToken"), NULL)->x.reply.status, 401);
}

static void V1_V7_versions_open_with_token_A(void **state)
{
    (void)state;
    make_receiver("");
    assert_string_equal(status_of(&beta), "AWAITING_PARTNER");
    fixture_request_t *request = ocpi(&beta, HUB_GET, "/ocpi/versions", TOKEN_A, NULL);
    assert_int_equal(request->x.reply.status, 200);
    const char *list = text_of(request);
    assert_non_null(strstr(list, spoken("{\"version\":\"2.2.1\",\"url\":\"https://beta.example/ocpi/2.2.1\"}")));
    request = ocpi(&beta, HUB_GET, "/ocpi/2.2.1", TOKEN_A, NULL);
    assert_string_equal(member_of(text_of(request), "data/version"), speaks);
    assert_non_null(strstr(text_of(request), spoken("\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\"")));
    assert_null(strstr(text_of(request), "receiver/locations")); /* a CPO has the sender side only */
    assert_int_equal(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/sender/locations", TOKEN_A, NULL)->x.reply.status, 401);
}

/* The Credentials object of each version; all three are read and written by the same tests above. */
static void C10_credentials_in_the_shape_of_the_version(void **state)
{
    (void)state;
    make_receiver("");
    const char *shown = text_of(ocpi(&beta, HUB_GET, "/ocpi/2.2.1/credentials", TOKEN_A, NULL));
    bool old = strcmp(speaks, "2.1.1") == 0;
    assert_string_equal(member_of(shown, "data/token"), TOKEN_A);
    assert_string_equal(member_of(shown, "data/url"), "https://beta.example/ocpi/versions");
    assert_string_equal(member_of(shown, "data/roles/0/role"), old ? "" : "CPO");
    assert_string_equal(member_of(shown, old ? "data/party_id" : "data/roles/0/party_id"), "BBB");
    assert_string_equal(member_of(shown, old ? "data/country_code" : "data/roles/0/country_code"), "DE");
    assert_string_equal(member_of(shown, old ? "data/business_details/name" : "data/roles/0/business_details/name"), "BBB Ltd");
    assert_string_equal(member_of(shown, "data/hub_party_id"), "");
    ocpi_problems_t problems;
    ocpi_check_t check = {.object = OCPI_OBJECT_CREDENTIALS, .strict = true};
    yyjson_doc *doc;
    ocpi_problems_init(&problems, pool);
    assert_true(ocpi_version_parse(hub_slice_str(speaks), &check.version));
    assert_int_equal(ocpi_read(pool, hub_slice_str(shown), &doc, NULL), HUB_EOK);
    assert_true(ocpi_check(yyjson_obj_get(yyjson_doc_get_root(doc), "data"), &check, &problems));
}

/* ---- we start ---- */

static void C3_sender_registers_with_a_partner(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    assert_int_equal(partner.posts, 1);
    const char *a = show(&alpha);
    assert_string_equal(member_of(a, "credentialsInfo/theirToken"), TOKEN_C);
    assert_string_equal(member_of(a, "credentialsInfo/ourToken"), partner.token_b[0]);
    assert_string_equal(member_of(a, "versionDetails/endpoints/2/identifier"), "acme-extra");
    assert_true(hub_slice_eq(partner.seen, sent_token(TOKEN_A)));
    assert_int_equal(partner.wrong_ids, 0); /* T19 T20: only from 2.2.1 */
    assert_no_token(text_of(v1(&alpha, HUB_GET, "/v1/integrations/1/credentials-exchange", NULL)));
}

/* A partner that does not take tokens in the form that its version has. */
static void partner_that_takes_only_the_other_form_of_tokens_is_found_out(void **state)
{
    (void)state;
    bool old = strcmp(speaks, "2.1.1") == 0;
    partner.raw = !old;
    partner.base64 = old;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    hub_slice_t a = old ? hub_base64_encode(pool, HUB_SLICE_LIT(TOKEN_A)) : HUB_SLICE_LIT(TOKEN_A);
    assert_true(hub_slice_eq(partner.seen, hub_pool_printf(pool, "Token %.*s", HUB_SLICE_FMT(a))));
    steps(20);
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int i = 0; i < 2000 && !partner.puts; i++)
        step();
    assert_int_equal(partner.puts, 1); /* remembered: also with the new token */
    hub_slice_t c = old ? hub_base64_encode(pool, HUB_SLICE_LIT(TOKEN_C)) : HUB_SLICE_LIT(TOKEN_C);
    assert_true(hub_slice_eq(partner.seen, hub_pool_printf(pool, "Token %.*s", HUB_SLICE_FMT(c))));
}

static void partner_that_calls_during_our_exchange_shall_try_again(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    partner.hold = true;
    assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
    for (int i = 0; i < 1000 && !alpha.calls; i++)
        step();
    fixture_request_t *request =
        ocpi(&alpha, HUB_PUT, "/ocpi/2.2.1/credentials", partner.token_b[0], CREDENTIALS("token-b-of-partner-0009", "PPP"));
    assert_int_equal(request->x.reply.status, 200);
    assert_int_equal(ocpi_status(request), 3000);
    assert_non_null(strstr(text_of(request), "try again"));
    partner.hold = false;
    for (fixture_call_t *entry = alpha.calls; entry; entry = entry->next)
        entry->taken = false;
    for (int i = 0; i < 2000 && !partner.puts; i++)
        step();
    steps(20);
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/theirToken"), TOKEN_C);
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), partner.token_b[1]);
}

/* A peer that has forgotten the roles of its endpoints: they are the other side of ours. */
static void V3_endpoints_without_a_role_are_the_other_side_of_ours(void **state)
{
    (void)state;
    partner.details = DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"url\":\"" PARTNER
                           "/c\"},{\"identifier\":\"locations\",\"url\":\"" PARTNER
                           "/l\"},{\"identifier\":\"tariffs\",\"role\":\"X\",\"url\":\"" PARTNER "/t\"}]}");
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    assert_string_equal(member_of(show(&alpha), "versionDetails/endpoints/0/role"), "SENDER");
    assert_string_equal(member_of(show(&alpha), "versionDetails/endpoints/1/role"), "SENDER");
    if (strcmp(speaks, "2.1.1") != 0) /* which has no roles at all */
        assert_string_equal(member_of(show(&alpha), "versionDetails/endpoints/2/role"), "");
}

static hub_err_t want_details(hub_view_t *view, hub_op_t *op)
{
    hub_registration_t reg;
    (void)op;
    assert_int_equal(hub_registration_get(alpha.core, view, pool, HUB_TENANT_DEFAULT, 1, &reg), HUB_EOK);
    reg.wanted = HUB_WANT_DETAILS;
    return hub_registration_put(alpha.core, view, HUB_TENANT_DEFAULT, 1, &reg);
}

static void details_are_read_again_without_new_tokens(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    steps(20);
    partner.details = DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER
                           "/c\"},{\"identifier\":\"locations\",\"role\":\"SENDER\",\"url\":\"" PARTNER "/moved\"}]}");
    hub_op_t op = {.apply = want_details};
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && !strstr(show(&alpha), "/moved"); i++)
        steps(2);
    assert_string_equal(member_of(show(&alpha), "versionDetails/endpoints/1/url"), PARTNER "/moved");
    assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), partner.token_b[0]);
    assert_int_equal(partner.posts + partner.puts, 1);
    /* and when that fails, the connection stays as it is */
    partner.http_versions = 404;
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && !strstr(show(&alpha), "answered 404"); i++)
        steps(2);
    assert_string_equal(status_of(&alpha), "CONNECTED");
    assert_string_equal(member_of(show(&alpha), "authorized"), "true");
    partner.http_versions = 0;
    assert_int_equal(hub_store_apply(alpha.store, &op), HUB_EOK);
    for (int i = 0; i < 500 && strstr(show(&alpha), "answered 404"); i++)
        steps(2);
    assert_null(strstr(show(&alpha), "answered 404"));
}

static void C17_no_POST_without_a_common_module(void **state)
{
    (void)state;
    partner.details = DATA("{\"version\":\"2.2.1\",\"endpoints\":[{\"identifier\":\"credentials\",\"role\":\"SENDER\",\"url\":\"" PARTNER
                           "/c\"},{\"identifier\":\"locations\",\"role\":\"RECEIVER\",\"url\":\"" PARTNER "/l\"}]}");
    if (strcmp(speaks, "2.1.1") == 0) /* which does not say whose side it is */
        partner.details = NOTHING_IN_COMMON;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "FAILED");
    assert_int_equal(partner.posts, 0);
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "customerRoles"));
}

static void permanent_failures_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int http_versions, http_credentials;
        const char *versions, *credentials, *hint;
    } rows[] = {
        {401, 0, "{}", NULL, "401 to token A: ask the partner for a fresh token"},
        {404, 0, "{}", NULL, "check that the URL is the partner's versions URL"},
        {302, 0, "", NULL, "redirects"},
        {200, 0, "<html>hello</html>", NULL, "not an OCPI answer"},
        {200, 0, DATA("[{\"version\":\"2.0\",\"url\":\"" PARTNER "/2.0\"}]"), NULL, "no common OCPI version"},
        {200, 0, DATA("[{\"version\":\"2.2.1\",\"url\":\"https://127.0.0.1/2.2.1\"}]"), NULL, "must not be called"},
        {200, 0, DATA("{}"), NULL, "no array"},
        {0, 405, NULL, "{\"status_code\":2000,\"timestamp\":\"2026-01-01T00:00:00Z\"}", "registered already"},
        {0, 0, NULL, "{\"status_code\":2001,\"status_message\":\"unknown party\",\"timestamp\":\"2026-01-01T00:00:00Z\"}", "unknown party"},
        {0, 0, NULL, "{\"status_code\":3003,\"timestamp\":\"2026-01-01T00:00:00Z\"}", "customerRoles"},
        {0, 0, NULL, DATA("{\"token\":\"with blank\"}"), "/token"},
        {0, 0, NULL, "{\"status_code\":2000,\"status_message\":\"bad token " TOKEN_A "\",\"timestamp\":\"2026-01-01T00:00:00Z\"}",
         "did not accept"},
    };
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL)->x.reply.status, 200);
        memset(&partner, 0, sizeof partner);
        partner.http_versions = rows[i].http_versions;
        partner.http_credentials = rows[i].http_credentials;
        partner.versions = rows[i].versions;
        partner.credentials = rows[i].credentials;
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
        wait_status(&alpha, "FAILED");
        const char *description = member_of(show(&alpha), "statusDescription");
        if (!strstr(description, rows[i].hint))
            fail_msg("row %zu: %s", i, description);
        assert_no_token(description);
        assert_string_equal(member_of(show(&alpha), "authorized"), "false");
        assert_string_equal(member_of(show(&alpha), "credentialsInfo/ourToken"), "");
        if (partner.token_b[0][0]) /* what was sent to the partner opens nothing afterwards */
            assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 401);
    }
}

static void C18_lost_answer_is_repeated_with_the_same_token(void **state)
{
    (void)state;
    partner.lost = 1;
    make_sender(PARTNER "/versions", "");
    wait_posts(1);
    for (int64_t end = hub_mono_ms() + 5000; !strstr(member_of(show(&alpha), "statusDescription"), "try again") && hub_mono_ms() < end;)
        steps(5);
    assert_string_equal(status_of(&alpha), "EXCHANGING");
    /* C4: the partner may ask back at any time; elsewhere it is told to come again */
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 200);
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/2.2.1/receiver/locations/NL/PPP/1", partner.token_b[0], NULL)->x.reply.status, 503);
    static const hub_method_t changing[] = {HUB_POST, HUB_PUT, HUB_DELETE};
    for (size_t i = 0; i < HUB_COUNT(changing); i++)
        assert_int_equal(ocpi(&alpha, changing[i], "/ocpi/2.2.1/credentials", partner.token_b[0], "{}")->x.reply.status, 503);
    for (int i = 0; i < 5000 && partner.posts < 2; i++) { /* other timers may be there, too */
        fixture_fire(&alpha, 3000);
        step();
    }
    wait_status(&alpha, "CONNECTED");
    assert_int_equal(partner.posts, 2);
    assert_string_equal(partner.token_b[0], partner.token_b[1]);
}

static void J_lost_answer_of_a_partner_that_has_spent_token_A(void **state)
{
    (void)state;
    partner.lost = 1;
    partner.spends = true;
    make_sender(PARTNER "/versions", "");
    wait_posts(1);
    fixture_stop(&alpha); /* also when nothing but the store remembers it */
    fixture_start(&alpha, "https://alpha.example");
    wait_status(&alpha, "CONNECTED");
    assert_int_equal(partner.posts, 2);
    assert_string_equal(partner.token_b[0], partner.token_b[1]);
    assert_string_equal(member_of(show(&alpha), "versionDetails/version"), speaks);
}

static void tries_end_after_a_bound(void **state)
{
    (void)state;
    partner.http_versions = 503;
    make_sender(PARTNER "/versions", "");
    unsigned rounds = 0;
    for (int64_t end = hub_mono_ms() + 8000; strcmp(status_of(&alpha), "FAILED") != 0 && hub_mono_ms() < end; steps(5))
        rounds += fixture_fire(&alpha, 200000);
    assert_string_equal(status_of(&alpha), "FAILED");
    assert_true(rounds >= 11);
    assert_int_equal(partner.gets, 12);
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "Given up after 12 tries"));
}

static void wrong_third_party_fails_with_2001_and_takes_the_registration_back(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", ",\"thirdPartyId\":\"XXX\",\"thirdPartyCountryCode\":\"NL\"");
    wait_status(&alpha, "FAILED");
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "NL XXX"));
    for (int i = 0; i < 200 && !partner.deletes; i++)
        steps(5);
    assert_int_equal(partner.deletes, 1);
}

static void unregister_does_not_wait_for_a_partner_that_is_away(void **state)
{
    (void)state;
    make_sender(PARTNER "/versions", "");
    wait_status(&alpha, "CONNECTED");
    script = NULL; /* unreachable */
    fixture_request_t *request = v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL);
    assert_int_equal(request->x.reply.status, 200);
    assert_string_equal(status_of(&alpha), "UNREGISTERED");
    assert_non_null(strstr(member_of(show(&alpha), "statusDescription"), "could not be told"));
    assert_int_equal(ocpi(&alpha, HUB_GET, "/ocpi/versions", partner.token_b[0], NULL)->x.reply.status, 401);
}

/* kill -9 after each of the partner's answers: what was wanted runs again and ends well. */
static unsigned budget;
static bool play_then_die(fixture_t *f, fixture_call_t *entry)
{
    if (!is_to(entry, PARTNER))
        return false;
    if (budget == 0) {
        entry->taken = !entry->cancelled;
        if (entry->cancelled)
            fixture_finish(f, entry, HUB_ESTOPPING);
        return true;
    }
    budget--;
    return play_partner(f, entry);
}

static void survives_an_end_at_every_step(void **state)
{
    (void)state;
    for (unsigned answers = 0; answers < 3; answers++) {
        budget = answers;
        script = play_then_die;
        if (answers == 0)
            make_sender(PARTNER "/versions", "");
        else
            assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/credentials-exchange", NULL)->x.reply.status, 202);
        for (int i = 0; i < 1000 && !(budget == 0 && alpha.calls && alpha.calls->taken); i++)
            step();
        assert_non_null(alpha.calls);
        for (fixture_call_t *entry = alpha.calls; entry; entry = entry->next)
            entry->taken = false;
        fixture_stop(&alpha);
        alpha.worker = NULL;
        budget = 100;
        fixture_start(&alpha, "https://alpha.example");
        wait_status(&alpha, "CONNECTED");
        assert_string_equal(member_of(show(&alpha), "credentialsInfo/theirToken"), TOKEN_C);
        assert_int_equal(v1(&alpha, HUB_POST, "/v1/integrations/1/unregister", NULL)->x.reply.status, 200);
    }
}

int main(void)
{
#define TWO_HUBS(f) cmocka_unit_test_setup_teardown(f, open_hubs, close_hubs)
#define AS_SENDER(f) cmocka_unit_test_setup_teardown(f, open_partner, close_hubs)
    const struct CMUnitTest tests[] = {
        TWO_HUBS(C2_C6_two_hubs_register_with_each_other),
        TWO_HUBS(C11_retry_rotates_both_tokens_by_PUT),
        TWO_HUBS(C13_unregister_ends_both_sides),
        TWO_HUBS(V1_V7_versions_open_with_token_A),
        TWO_HUBS(C10_credentials_in_the_shape_of_the_version),
        AS_SENDER(C3_sender_registers_with_a_partner),
        AS_SENDER(partner_that_takes_only_the_other_form_of_tokens_is_found_out),
        AS_SENDER(partner_that_calls_during_our_exchange_shall_try_again),
        AS_SENDER(V3_endpoints_without_a_role_are_the_other_side_of_ours),
        AS_SENDER(details_are_read_again_without_new_tokens),
        AS_SENDER(C17_no_POST_without_a_common_module),
        AS_SENDER(permanent_failures_say_what_to_do),
        AS_SENDER(C18_lost_answer_is_repeated_with_the_same_token),
        AS_SENDER(J_lost_answer_of_a_partner_that_has_spent_token_A),
        AS_SENDER(tries_end_after_a_bound),
        AS_SENDER(wrong_third_party_fails_with_2001_and_takes_the_registration_back),
        AS_SENDER(unregister_does_not_wait_for_a_partner_that_is_away),
        AS_SENDER(survives_an_end_at_every_step),
    };
    static const char *const versions[] = {"2.1.1", "2.2.1", "2.3.0"};
    int failed = 0;
    for (size_t i = 0; i < HUB_COUNT(versions); i++) {
        speaks = versions[i];
        failed += cmocka_run_group_tests_name(speaks, tests, NULL, NULL);
    }
    return failed;
}
