/* What a partner's answers to pushed objects lead to (decisions.md "Push outcomes"). */
#include "push_fixture.h"

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

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
