/* Pushing to a scripted partner: order, coalescing, outcomes (decisions.md "Push outcomes"), cursors, flags. */
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

/* ---- outcomes ---- */

static int down_until;
static void down(hub_call_t *call, unsigned number)
{
    if ((int)number <= down_until)
        fixture_ok(call, 503, 3000, NULL);
    else
        fixture_ok(call, 200, 1000, NULL);
}

static void partner_down_backs_off_and_gets_only_the_latest_state(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = down;
    down_until = 1000;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    put_location("A", "two", "AVAILABLE", NULL, 200);
    put_location("A", "three", "AVAILABLE", NULL, 200);
    set_status("A", "CHARGING");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1); /* it waits */
    fixture_advance(20000);
    unsigned tried = fixture.sent_count;
    assert_in_range(tried, 4, 8); /* 1, 2, 4, 8 s and jitter */
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_DEGRADED);
    down_until = 0;
    fixture_advance(600000);
    assert_int_equal(fixture.sent_count, tried + 1);
    assert_non_null(strstr(fixture.sent[tried].body, "\"three\""));
    assert_non_null(strstr(fixture.sent[tried].body, "CHARGING"));
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
}

static void unreachable(hub_call_t *call, unsigned number)
{
    (void)number;
    call->err = HUB_EPEER_UNREACHABLE;
    call->detail = HUB_SLICE_LIT("Connection refused");
}

static void unreachable_partner_is_offline_and_says_why(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = unreachable;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(60000);
    const hub_integration_t *now = fixture_agent(1)->integration;
    assert_int_equal(now->status, HUB_STATUS_OFFLINE);
    assert_non_null(strstr(hub_pool_str(fixture.pool, now->status_description), "Connection refused"));
}

static void slow_down(hub_call_t *call, unsigned number)
{
    fixture_ok(call, number == 1 ? 429 : 200, number == 1 ? 2000 : 1000, NULL);
    if (number == 1)
        call->retry_after = HUB_SLICE_LIT("120");
}

static void retry_after_is_kept(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = slow_down;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(100000);
    assert_int_equal(fixture.sent_count, 1);
    fixture_advance(30000);
    assert_int_equal(fixture.sent_count, 2);
}

static void refuse_patch(hub_call_t *call, unsigned number)
{
    (void)number;
    if (call->method == HUB_PATCH)
        fixture_ok(call, 404, 2003, NULL);
    else
        fixture_ok(call, 201, 1000, NULL);
}

static void refused_patch_becomes_a_put_of_the_whole(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = refuse_patch;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    set_status("A", "CHARGING");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
    assert_string_equal(fixture.sent[1].method, "PATCH");
    assert_string_equal(fixture.sent[2].method, "PUT");
    assert_non_null(strstr(fixture.sent[2].url, L("A")));
    assert_non_null(strstr(fixture.sent[2].body, "CHARGING"));
    assert_int_equal(quarantined(1), 0);
}

/* decisions.md "Push outcomes", row by row. */
typedef enum outcome { DONE, AGAIN, REFUSED, WHOLE } outcome_t;
typedef struct outcome_row {
    const char *method;
    int http, ocpi; /* ocpi 0: an answer without a body */
    hub_err_t err;
    outcome_t outcome;
} outcome_row_t;
static const outcome_row_t outcome_rows[] = {
    {"PUT", 200, 1000, 0, DONE},
    {"PUT", 201, 1000, 0, DONE},
    {"PUT", 200, 1001, 0, DONE},
    {"PUT", 204, 0, 0, DONE},
    {"PUT", 0, 0, HUB_EPEER_TIMEOUT, AGAIN},
    {"PUT", 0, 0, HUB_EPEER_UNREACHABLE, AGAIN},
    {"PUT", 429, 0, 0, AGAIN},
    {"PUT", 500, 2001, 0, AGAIN},
    {"PUT", 503, 0, 0, AGAIN},
    {"PUT", 200, 3000, 0, AGAIN},
    {"PUT", 200, 3001, 0, AGAIN},
    {"PUT", 301, 0, 0, AGAIN},
    {"PUT", 200, 2000, 0, REFUSED},
    {"PUT", 200, 2001, 0, REFUSED},
    {"PUT", 404, 2003, 0, REFUSED},
    {"PUT", 400, 1000, 0, REFUSED},
    {"PUT", 403, 0, 0, REFUSED},
    {"PUT", 413, 0, 0, REFUSED},
    {"PATCH", 200, 1000, 0, DONE},
    {"PATCH", 404, 0, 0, WHOLE},
    {"PATCH", 404, 2003, 0, WHOLE},
    {"PATCH", 200, 2001, 0, WHOLE},
    {"PATCH", 405, 0, 0, WHOLE},
    {"PATCH", 500, 0, 0, AGAIN},
    {"PATCH", 200, 3000, 0, AGAIN},
    {"PATCH", 0, 0, HUB_EPEER_TIMEOUT, AGAIN},
};
static const outcome_row_t *outcome_row;

static void say_outcome(hub_call_t *call, unsigned number)
{
    (void)number;
    if (strcmp(hub_method_name(call->method), outcome_row->method) != 0) {
        fixture_ok(call, 200, 1000, NULL);
    } else if (outcome_row->ocpi) {
        fixture_ok(call, outcome_row->http, outcome_row->ocpi, NULL);
    } else {
        call->err = outcome_row->err;
        call->http_status = outcome_row->http;
    }
}

static void push_outcomes(void **state)
{
    (void)state;
    connect(BOTH);
    unsigned in_quarantine = 0;
    for (size_t i = 0; i < HUB_COUNT(outcome_rows); i++) {
        const outcome_row_t *row = outcome_row = &outcome_rows[i];
        const char *id = hub_pool_printf(fixture.pool, "O%zu", i).ptr;
        const char *url = hub_pool_printf(fixture.pool, L("O%zu"), i).ptr, *evse = hub_pool_printf(fixture.pool, L("O%zu/E1"), i).ptr;
        bool patch = strcmp(row->method, "PATCH") == 0;
        unsigned from = fixture.sent_count;
        if (patch) {
            fixture.answer = NULL;
            put_location(id, "n", "AVAILABLE", NULL, 201);
            fixture_settle();
            from = fixture.sent_count;
        }
        fixture.answer = say_outcome;
        if (patch)
            set_status(id, "CHARGING");
        else
            put_location(id, "n", "AVAILABLE", NULL, 201);
        fixture_settle();
        unsigned first = fixture.sent_count - from;
        fixture.answer = NULL;
        fixture_advance(3600000);
        unsigned calls = fixture.sent_count - from, puts = fixture_count(from, "PUT", url) - fixture_count(from, "PUT", evse);
        in_quarantine += row->outcome == REFUSED;
        bool good = quarantined(1) == in_quarantine && first == (row->outcome == WHOLE ? 2u : 1u) &&
                    calls == (row->outcome == AGAIN || row->outcome == WHOLE ? 2u : 1u) && (row->outcome != WHOLE || puts == 1);
        if (!good)
            fail_msg("%s answered %d, %d, %d: %u calls at once, %u in all, %u in quarantine", row->method, row->http, row->ocpi,
                     (int)row->err, first, calls, (unsigned)quarantined(1));
    }
}

static bool still_bad;
static void refuse_bad(hub_call_t *call, unsigned number)
{
    (void)number;
    bool bad = still_bad && strstr(hub_pool_str(call->pool, call->url), "BAD");
    fixture_ok(call, 200, bad ? 2001 : 1000, NULL);
}

static void refused_object_is_quarantined_and_blocks_nobody(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = refuse_bad;
    still_bad = true;
    put_location("BAD", "x", "AVAILABLE", NULL, 201);
    put_location("GOOD", "x", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(quarantined(1), 1);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_DEGRADED);
    uint64_t cursor = cursor_of(1, OCPI_MODULE_LOCATIONS);
    still_bad = false;
    put_location("BAD", "y", "AVAILABLE", NULL, 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(quarantined(1), 0);
    assert_true(cursor_of(1, OCPI_MODULE_LOCATIONS) > cursor);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
}

static void fail_bad(hub_call_t *call, unsigned number)
{
    (void)number;
    bool bad = strstr(hub_pool_str(call->pool, call->url), "BAD");
    fixture_ok(call, bad ? 500 : 200, bad ? 3000 : 1000, NULL);
}

static void object_that_always_makes_the_partner_fail_does_not_keep_the_others(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = fail_bad;
    put_location("BAD", "x", "AVAILABLE", NULL, 201);
    put_location("G1", "x", "AVAILABLE", NULL, 201);
    put_location("G2", "x", "AVAILABLE", NULL, 201);
    fixture_advance(300000);
    assert_int_equal(fixture_count(0, "PUT", L("G1")), 1);
    assert_int_equal(fixture_count(0, "PUT", L("G2")), 1);
    assert_in_range(fixture_count(0, "PUT", L("BAD")), 5, 8);
    assert_int_equal(quarantined(1), 1);
}

static bool one_lost;
static void lose_once(hub_call_t *call, unsigned number)
{
    (void)number;
    if (one_lost)
        call->err = HUB_EPEER_TIMEOUT;
    else
        fixture_ok(call, 200, 1000, NULL);
    one_lost = false;
}

/* The first of many hangs while the others behind it get through, until the window is full; then it is tried again. */
static void object_that_hangs_once_holds_nobody_up_for_good(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    for (int i = 0; i < 150; i++)
        put_location(hub_pool_printf(fixture.pool, "L%d", i).ptr, "n", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 4);
    hub_call_t *first = fixture.waiting[0];
    memmove(&fixture.waiting[0], &fixture.waiting[1], --fixture.waiting_count * sizeof fixture.waiting[0]);
    fixture.hold = false;
    fixture_settle();
    assert_int_equal(fixture.sent_count, 64); /* what a window holds */
    fixture.answer = lose_once;
    one_lost = true;
    fixture.waiting[fixture.waiting_count++] = first;
    fixture_advance(5000);
    assert_int_equal(fixture_count(0, "PUT", L("L0")), 2);
    for (int i = 1; i < 150; i++)
        assert_int_equal(fixture_count(0, "PUT", hub_pool_printf(fixture.pool, "/NL/TNM/L%d", i).ptr), 1);
    uint64_t cursor = cursor_of(1, OCPI_MODULE_LOCATIONS);
    unsigned before = fixture.sent_count;
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, before);
    assert_true(cursor_of(1, OCPI_MODULE_LOCATIONS) >= cursor);
}

static void unauthorized(hub_call_t *call, unsigned number)
{
    (void)number;
    fixture_ok(call, 401, 2001, NULL);
}

static void http_401_stops_until_the_token_changes(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = unauthorized;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    put_location("B", "one", "AVAILABLE", NULL, 201);
    fixture_advance(3600000);
    assert_int_equal(fixture.sent_count, 1);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_FAILED);
    fixture.answer = NULL;
    fixture_registration_t again = registered(1);
    again.token = "another-token-0123456789";
    fixture_register(again);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
}

static void only_the_new_token(hub_call_t *call, unsigned number)
{
    (void)number;
    bool new = false;
    for (uint32_t i = 0; i < call->header_count; i++)
        new |= hub_slice_eq_str(call->headers[i].value, "Token YW5vdGhlci10b2tlbi0wMTIzNDU2Nzg5");
    fixture_ok(call, new ? 200 : 401, new ? 1000 : 2001, NULL);
}

/* The partner rotated its token (C11) while a call with the old one was under way. */
static void http_401_to_a_token_replaced_meanwhile_stops_nothing(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = only_the_new_token;
    fixture.hold = true;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    fixture_registration_t again = registered(1);
    again.token = "another-token-0123456789";
    fixture_register(again);
    fixture_settle();
    fixture.hold = false;
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(quarantined(1), 0);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
    put_location("A", "two", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
}

static void only_the_new_address(hub_call_t *call, unsigned number)
{
    (void)number;
    bool new = strstr(hub_pool_str(call->pool, call->url), "/moved/");
    fixture_ok(call, new ? 200 : 404, new ? 1000 : 2003, NULL);
}

/* The partner moved its endpoint (C11) while a call to the old one was under way. */
static void refusal_at_an_address_left_meanwhile_is_none(void **state)
{
    (void)state;
    static const hub_endpoint_t moved[] = {
        {OCPI_MODULE_LOCATIONS, OCPI_RECEIVER, HUB_SLICE_LIT("locations"), HUB_SLICE_LIT("http://partner.test/moved/locations")}};
    connect(BOTH);
    fixture.answer = only_the_new_address;
    fixture.hold = true;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_settle();
    fixture_registration_t again = registered(1);
    again.endpoints = moved;
    again.endpoint_count = 1;
    fixture_register(again);
    fixture_settle();
    fixture.hold = false;
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(fixture.sent[1].url, "http://partner.test/moved/locations/NL/TNM/A");
    assert_int_equal(quarantined(1), 0);
}

static void html(hub_call_t *call, unsigned number)
{
    (void)number;
    call->http_status = 200;
    call->answer = HUB_SLICE_LIT("<html>welcome</html>");
}

static void page_of_html_is_no_success(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = html;
    put_location("A", "one", "AVAILABLE", NULL, 201);
    fixture_advance(10000);
    assert_true(fixture.sent_count > 2);
    assert_int_equal(quarantined(1), 0);
    fixture.answer = NULL;
    fixture_advance(60000);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
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
        test(partner_down_backs_off_and_gets_only_the_latest_state),
        test(unreachable_partner_is_offline_and_says_why),
        test(retry_after_is_kept),
        test(refused_patch_becomes_a_put_of_the_whole),
        test(push_outcomes),
        test(refused_object_is_quarantined_and_blocks_nobody),
        test(object_that_always_makes_the_partner_fail_does_not_keep_the_others),
        test(object_that_hangs_once_holds_nobody_up_for_good),
        test(http_401_stops_until_the_token_changes),
        test(http_401_to_a_token_replaced_meanwhile_stops_nothing),
        test(refusal_at_an_address_left_meanwhile_is_none),
        test(page_of_html_is_no_success),
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
