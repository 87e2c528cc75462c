/* Pushing to a scripted partner: order, coalescing, cursors, flags. */
#include "push_fixture.h"

/* ---- what goes out ---- */

static void new_partner_gets_everything_tariffs_first(void **state)
{
    (void)state;
    add_party();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    put_tariff("T1", "0.25", 201);
    put_location("B", "b", "AVAILABLE", "T1", 200);
    add_integration(BOTH);
    fixture_register(registered(1));
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(fixture_count(0, "PUT", T("T1")), 1);
    assert_non_null(strstr(fixture.sent[0].url, T("T1")));
    assert_int_equal(fixture_count(0, "PUT", L("A")), 1);
    assert_int_equal(fixture_count(0, "PUT", L("B")), 1);
    assert_string_equal(fixture.sent[1].url, "http://partner.test/2.2.1/receiver/locations/NL/TNM/A");
    const char *headers = fixture.sent[1].headers;
    assert_non_null(strstr(headers, "Authorization: Token dGhlaXItdG9rZW4tMDEyMzQ1Njc4OQ==\n"));
    assert_non_null(
        strstr(headers, "OCPI-from-country-code: NL\nOCPI-from-party-id: TNM\nOCPI-to-country-code: DE\nOCPI-to-party-id: EMS\n"));
    assert_non_null(strstr(headers, "X-Request-ID: "));
    assert_non_null(strstr(headers, "X-Correlation-ID: "));
    assert_non_null(strstr(headers, "Content-Type: application/json\n"));
    assert_true(cursor_of(1, OCPI_MODULE_LOCATIONS) > 0);
}

static void evse_status_goes_as_a_patch(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    set_status("A", "CHARGING");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(fixture.sent[1].method, "PATCH");
    assert_string_equal(fixture.sent[1].url, "http://partner.test/2.2.1/receiver/locations/NL/TNM/A/E1");
    assert_non_null(strstr(fixture.sent[1].body, "{\"status\":\"CHARGING\",\"last_updated\":\"20"));
}

static void status_under_a_location_that_is_itself_ahead_is_not_sent_twice(void **state)
{
    (void)state;
    add_party();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    set_status("A", "CHARGING");
    add_integration(BOTH);
    fixture_register(registered(1));
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_string_equal(fixture.sent[0].method, "PUT");
    assert_non_null(strstr(fixture.sent[0].body, "CHARGING"));
}

static void first_load_sends_no_status_that_went_with_its_location(void **state)
{
    (void)state;
    add_party();
    for (int i = 0; i < 90; i++) /* more than fits into memory at a time */
        put_location(hub_pool_printf(fixture.pool, "L%d", i).ptr, "n", "AVAILABLE", NULL, 201);
    set_status("L0", "CHARGING");
    add_integration(BOTH);
    fixture_register(registered(1));
    fixture_settle();
    assert_int_equal(fixture.sent_count, 90);
    assert_int_equal(fixture_count(0, "PATCH", L("L0/E1")), 0);
    set_status("L0", "AVAILABLE");
    fixture_settle();
    assert_int_equal(fixture_count(0, "PATCH", L("L0/E1")), 1);
}

static void many_changes_of_one_object_go_out_once_and_one_at_a_time(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "first", "AVAILABLE", NULL, 201);
    fixture.hold = true;
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    for (int i = 0; i < 5; i++)
        put_location("A", i == 4 ? "last" : "between", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1); /* never two calls for one object */
    fixture.hold = false;
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_non_null(strstr(fixture.sent[1].body, "\"last\""));
}

static void parallel_calls_to_one_partner_are_bounded(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    for (int i = 0; i < 12; i++)
        put_location(hub_pool_printf(fixture.pool, "L%d", i).ptr, "n", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 4);
    fixture.hold = false;
    fixture_settle();
    assert_int_equal(fixture.sent_count, 12);
    assert_int_equal(fixture.most_waiting, 4);
}

static hub_err_t forget_marks(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    return hub_push_forget(view, 1, true);
}

static void tariff_that_was_never_sent_goes_before_the_location_that_names_it(void **state)
{
    (void)state;
    connect(BOTH);
    put_tariff("T1", "0.25", 201);
    fixture_advance(1000);
    hub_op_t op = {.apply = forget_marks};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    put_location("A", "one", "AVAILABLE", "T1", 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 3);
    assert_non_null(strstr(fixture.sent[1].url, T("T1")));
    assert_non_null(strstr(fixture.sent[2].url, L("A")));
    put_location("A", "two", "AVAILABLE", "T1", 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 4); /* now it is known that it was */
}

static void deleted_tariff_is_deleted_where_it_was_sent(void **state)
{
    (void)state;
    connect(BOTH);
    put_tariff("T1", "0.25", 201);
    fixture_settle();
    fixture_advance(1000);
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
    fixture_settle();
    assert_int_equal(fixture_count(0, "PUT", T("T1")), 1);
    assert_int_equal(fixture_count(1, "DELETE", T("T1")), 1);
    /* The second partner never had it. */
    add_integration(BOTH);
    fixture_register(registered(2));
    fixture_settle();
    assert_int_equal(fixture_count(2, "DELETE", T("T1")), 0);
}

/* ---- cursors and flags ---- */

static void cursor_survives_a_restart(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "one", "AVAILABLE", NULL, 201);
    put_tariff("T1", "0.25", 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    fixture_restart();
    fixture_advance(5000);
    assert_int_equal(fixture.sent_count, 2);
    put_location("A", "two", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
}

static hub_err_t spoil_cursor(hub_view_t *view, hub_op_t *op)
{
    hub_key_t key;
    (void)op;
    hub_push_reader(&key, 1, OCPI_MODULE_LOCATIONS);
    return hub_cursor_put(view, &key, 1000000);
}

static void cursor_does_not_pass_what_has_not_got_through(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = fail_bad;
    fixture.hold = true;
    put_location("BAD", "x", "AVAILABLE", NULL, 201);
    put_location("GOOD", "x", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 2);
    fixture.hold = false;
    fixture_advance(300);
    unsigned before = fixture.sent_count;
    fixture_restart();
    fixture_settle();
    assert_int_equal(fixture_count(before, "PUT", L("BAD")), 1);
}

static void cursor_from_another_life_of_the_store_sends_everything_again(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    hub_op_t op = {.apply = spoil_cursor};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 2);
}

static hub_err_t expire(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    return hub_change_expire(view, hub_now_ms() + 1000, 100);
}

static void deletion_that_is_no_longer_kept_still_reaches_the_partner(void **state)
{
    (void)state;
    connect(BOTH);
    put_tariff("T1", "0.25", 201);
    put_tariff("T2", "0.25", 201);
    fixture_advance(1000);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushTariff\":false}}", 204);
    fixture_settle();
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
    hub_op_t op = {.apply = expire};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushTariff\":true}}", 204);
    fixture_settle();
    assert_int_equal(fixture_count(2, "DELETE", T("T1")), 1);
    assert_int_equal(fixture.sent_count, 3);
}

static void deleted_integration_leaves_nothing_behind(void **state)
{
    (void)state;
    connect(BOTH);
    put_tariff("T1", "0.25", 201);
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    assert_true(cursor_of(1, OCPI_MODULE_LOCATIONS) > 0);
    bool done = false;
    hub_exchange_t x = {.pool = hub_pool_create(),
                        .worker = fixture.worker,
                        .method = HUB_DELETE,
                        .path = HUB_SLICE_LIT("/v1/integrations/1"),
                        .done = fixture_done,
                        .driver = &done};
    x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_KEY);
    hub_exchange_run(&x);
    fixture_advance(20000);
    assert_true(done);
    assert_int_equal(x.reply.status, 204);
    hub_pool_destroy(x.pool);
    fixture_settle();
    assert_null(hub_agent_find(fixture.worker, HUB_TENANT_DEFAULT, 1));
    assert_int_equal(cursor_of(1, OCPI_MODULE_LOCATIONS), 0);
    assert_int_equal(cursor_of(1, OCPI_MODULE_TARIFFS), 0);
    unsigned before = fixture.sent_count;
    put_location("A", "two", "AVAILABLE", NULL, 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, before);
}

static void change_while_away_is_sent_after_the_restart(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    fixture.answer = unreachable;
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_settle();
    fixture.answer = NULL;
    unsigned before = fixture.sent_count;
    fixture_restart();
    fixture_settle();
    assert_int_equal(fixture_count(before, "PUT", L("B")), 1);
    assert_int_equal(fixture_count(before, "PUT", L("A")), 0);
}

static void flags_act_at_once(void **state)
{
    (void)state;
    connect("{\"pushLocation\":false,\"pushTariff\":false}");
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 0);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushLocation\":true}}", 204);
    fixture_settle();
    assert_int_equal(fixture_count(0, "PUT", L("A")), 1);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushLocation\":false}}", 204);
    put_location("A", "two", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushLocation\":true}}", 204);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_non_null(strstr(fixture.sent[1].body, "\"two\""));
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"enabled\":false}", 204);
    put_location("A", "three", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
}

static void flag_without_an_endpoint_says_so(void **state)
{
    (void)state;
    add_party();
    add_integration(BOTH);
    fixture_registration_t r = registered(1);
    r.endpoint_count = 1;
    fixture_register(r);
    fixture_settle();
    put_tariff("T1", "0.25", 201);
    put_location("A", "one", "AVAILABLE", "T1", 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    const char *text = hub_pool_str(fixture.pool, fixture_agent(1)->integration->status_description);
    assert_non_null(strstr(text, "pushTariff is on but the partner offers no tariffs RECEIVER endpoint"));
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
}

static void after_unregistering_everything_is_sent_again(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    fixture_registration_t gone = registered(1);
    gone.authorized = false;
    gone.status = HUB_STATUS_UNREGISTERED;
    fixture_register(gone);
    fixture_advance(1000);
    assert_int_equal(cursor_of(1, OCPI_MODULE_LOCATIONS), 0);
    fixture_register(registered(1));
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 2);
}

static void one_change_reaches_every_partner_once(void **state)
{
    (void)state;
    add_party();
    put_location("A", "one", "AVAILABLE", NULL, 201);
    for (uint32_t i = 1; i <= 30; i++) {
        add_integration(BOTH);
        fixture_register(registered(i));
        fixture_settle();
    }
    unsigned before = fixture.sent_count;
    set_status("A", "CHARGING");
    fixture_settle();
    assert_int_equal(fixture_count(before, "PATCH", L("A/E1")), 30);
    assert_int_equal(fixture.sent_count - before, 30);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(new_partner_gets_everything_tariffs_first),
        test(evse_status_goes_as_a_patch),
        test(status_under_a_location_that_is_itself_ahead_is_not_sent_twice),
        test(first_load_sends_no_status_that_went_with_its_location),
        test(many_changes_of_one_object_go_out_once_and_one_at_a_time),
        test(parallel_calls_to_one_partner_are_bounded),
        test(tariff_that_was_never_sent_goes_before_the_location_that_names_it),
        test(deleted_tariff_is_deleted_where_it_was_sent),
        test(cursor_survives_a_restart),
        test(cursor_does_not_pass_what_has_not_got_through),
        test(cursor_from_another_life_of_the_store_sends_everything_again),
        test(deletion_that_is_no_longer_kept_still_reaches_the_partner),
        test(deleted_integration_leaves_nothing_behind),
        test(change_while_away_is_sent_after_the_restart),
        test(flags_act_at_once),
        test(flag_without_an_endpoint_says_so),
        test(after_unregistering_everything_is_sent_again),
        test(one_change_reaches_every_partner_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
