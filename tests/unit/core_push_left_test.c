/* What a partner had and may not have any more: DELETE of tariffs, locations once more with every EVSE REMOVED, and reading everything
 * again after a great change of what it sees. */
#include "push_fixture.h"

#include "sharing/reference.h"

static const fixture_sent_t *last_sent(void)
{
    assert_true(fixture.sent_count > 0);
    return &fixture.sent[fixture.sent_count - 1];
}

static const char *last_body(const char *tail)
{
    for (unsigned i = fixture.sent_count; i-- > 0;)
        if (strcmp(fixture.sent[i].method, "PUT") == 0 && strstr(fixture.sent[i].url, tail))
            return fixture.sent[i].body;
    fail_msg("no PUT of %s", tail);
    return NULL;
}

/* Answers one call that waits; the others stay. */
static void answer_one(void)
{
    fixture.hold = false;
    assert_true(fixture_answer_one());
    fixture.hold = true;
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

#define REMOVED "\"status\":\"REMOVED\""

/* ---- tariffs ---- */

static void tariff_that_goes_before_its_put_is_written_down_is_deleted(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    put_tariff("T1", "0.25", 201);
    put_tariff("T2", "0.25", 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 2);
    answer_one(); /* T1 got through; T2 keeps it from being written down */
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
    fixture_settle();
    assert_int_equal(fixture_count(0, "DELETE", T("T1")), 1);
    fixture.hold = false;
    fixture_advance(1000);
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "DELETE", T("T1")), 1); /* and it is known that it was */
}

static void tariff_that_goes_while_its_put_is_on_the_way_is_deleted(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    put_tariff("T1", "0.25", 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1); /* one call for an object at a time */
    fixture.hold = false;
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "DELETE", T("T1")), 1);
}

static void lose_answer(hub_call_t *call, unsigned number)
{
    if (number == 1)
        call->err = HUB_EPEER_TIMEOUT;
    else
        fixture_ok(call, 200, 1000, NULL);
}

static void tariff_whose_put_was_not_answered_is_deleted_too(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = lose_answer;
    put_tariff("T1", "0.25", 201);
    fixture_settle();
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
    fixture_advance(10000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(fixture_count(1, "DELETE", T("T1")), 1);
}

static void tariff_comes_and_goes_and_comes(void **state)
{
    (void)state;
    connect(BOTH);
    for (unsigned i = 1; i <= 3; i++) {
        put_tariff("T1", "0.25", 201);
        fixture_settle();
        assert_int_equal(fixture_count(0, "PUT", T("T1")), i);
        fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", "", 204);
        fixture_settle();
        assert_int_equal(fixture_count(0, "DELETE", T("T1")), i);
    }
}

/* ---- locations ---- */

static void publish(const char *id, bool on)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/locations/NL/TNM/%s", id);
    fixture_expect(HUB_PATCH, path.ptr, on ? "{\"publish\":true}" : "{\"publish\":false}", 200);
}

static void share(const char *sharing)
{
    hub_slice_t body = hub_pool_printf(fixture.pool, "{\"ocpiConnection\":{\"locationSharing\":\"%s\"}}", sharing);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", body.ptr, 204);
}

static void unpublished_location_goes_out_once_with_its_evses_removed(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    publish("A", false);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(last_sent()->method, "PUT");
    assert_non_null(strstr(last_sent()->url, L("A")));
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
    /* What becomes of it afterwards is no business of this partner, … */
    set_status("A", "CHARGING");
    fixture_advance(1000);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_restart();
    fixture_expect(HUB_PATCH, "/v1/locations/NL/TNM/A", "{\"name\":\"secret\"}", 200);
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 2);
    assert_int_equal(fixture_count(0, "PATCH", L("A/E1")), 0);
    /* … until it is published again. */
    publish("A", true);
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 3);
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 0);
    publish("A", false);
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 4);
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
}

static void location_unpublished_while_it_waits_or_is_on_the_way(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_settle();
    set_status("A", "CHARGING"); /* waits for A */
    fixture_settle();
    publish("A", false);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    fixture.hold = false;
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(last_sent()->method, "PUT");
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
}

static void location_that_a_new_partner_never_had_is_not_sent(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_settle();
    publish("A", false);
    fixture_settle();
    unsigned before = fixture.sent_count;
    add_integration(BOTH);
    fixture_register(registered(2));
    fixture_settle();
    assert_int_equal(fixture_count(before, "PUT", L("A")), 0);
    assert_int_equal(fixture_count(before, "PUT", L("B")), 1);
    publish("B", false);
    fixture_settle();
    assert_int_equal(fixture_count(before, "PUT", L("B")), 3); /* to both, REMOVED */
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
}

static void settings_that_close_take_locations_back(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_expect(HUB_PUT, "/v1/integrations/1/locations/NL/TNM/B", "{}", 201);
    fixture_advance(1000);
    unsigned before = fixture.sent_count;
    share("BOUND");
    fixture_advance(1000);
    assert_int_equal(fixture_count(before, "PUT", L("A")), 1);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 1);
    assert_int_equal(occurrences(last_body(L("B")), REMOVED), 0);
    share("ALL");
    fixture_advance(1000);
    assert_int_equal(fixture_count(before, "PUT", L("A")), 2);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 0);
}

/* The partner was away when the settings changed, and so did the location. */
static void location_taken_back_late_is_still_taken_back(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushLocation\":false}}", 204);
    share("BOUND");
    fixture_expect(HUB_PATCH, "/v1/locations/NL/TNM/A", "{\"name\":\"new\"}", 200);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushLocation\":true}}", 204);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
}

static void removed_binding_takes_the_location_back(void **state)
{
    (void)state;
    add_party();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    add_integration(BOTH);
    share("BOUND");
    fixture_register(registered(1));
    fixture_settle();
    assert_int_equal(fixture.sent_count, 0);
    fixture_expect(HUB_PUT, "/v1/integrations/1/locations/NL/TNM/A", "{}", 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    fixture_expect(HUB_DELETE, "/v1/integrations/1/locations/NL/TNM/A", "", 204);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(last_sent()->method, "PUT");
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 1);
}

/* ---- DELETE of a location ---- */

static void put_evses(const char *id, unsigned count, unsigned removed)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/locations/NL/TNM/%s", id);
    hub_buf_t body = HUB_BUF_INIT(fixture.pool);
    hub_buf_printf(&body,
                   "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"publish\":true,\"address\":\"Quay 1\",\"city\":\"Delft\","
                   "\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\",\"longitude\":\"4.35710\"},"
                   "\"time_zone\":\"Europe/Amsterdam\",\"evses\":[",
                   id);
    for (unsigned i = 0; i < count; i++)
        hub_buf_printf(&body,
                       "%s{\"uid\":\"E%u\",\"status\":\"%s\",\"connectors\":[{\"id\":\"1\",\"standard\":\"IEC_62196_T2\",\"format\":"
                       "\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,\"max_amperage\":16}]}",
                       i ? "," : "", i, i < removed ? "REMOVED" : "AVAILABLE");
    hub_buf_add_str(&body, "]}");
    fixture_expect(HUB_PUT, path.ptr, hub_pool_str(fixture.pool, hub_buf_slice(&body)), 201);
}

static unsigned removed_patches(unsigned first)
{
    unsigned count = 0;
    for (unsigned i = first; i < fixture.sent_count; i++)
        count += strcmp(fixture.sent[i].method, "PATCH") == 0 && strstr(fixture.sent[i].body, REMOVED);
    return count;
}

static void deleted_location_is_pushed_as_removed(void **state)
{
    (void)state;
    static const struct {
        unsigned evses, removed, patches, puts;
    } cases[] = {
        {1, 0, 1, 0}, {16, 0, 16, 0}, {17, 0, 0, 1}, {40, 0, 0, 1}, {20, 10, 10, 0}, {40, 10, 0, 1}, {2, 2, 0, 1},
    };
    connect(BOTH);
    for (unsigned i = 0; i < HUB_COUNT(cases); i++) {
        hub_slice_t id = hub_pool_printf(fixture.pool, "L%u", i);
        put_evses(id.ptr, cases[i].evses, cases[i].removed);
        fixture_advance(1000);
        unsigned before = fixture.sent_count;
        fixture_expect(HUB_DELETE, hub_pool_printf(fixture.pool, "/v1/locations/NL/TNM/%s", id.ptr).ptr, "", 204);
        fixture_advance(1000);
        assert_int_equal(removed_patches(before), cases[i].patches);
        assert_int_equal(fixture_count(before, "PUT", hub_pool_printf(fixture.pool, "/NL/TNM/%s", id.ptr).ptr), cases[i].puts);
        assert_int_equal(fixture.sent_count - before, cases[i].patches + cases[i].puts);
        if (cases[i].puts)
            assert_int_equal(occurrences(last_sent()->body, REMOVED), cases[i].evses);
    }
}

static void deleted_location_of_which_the_partner_was_not_told(void **state)
{
    (void)state;
    add_party();
    put_evses("A", 3, 0);
    fixture_expect(HUB_DELETE, "/v1/locations/NL/TNM/A", "", 204);
    add_integration(BOTH);
    fixture_register(registered(1));
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 3);
}

static void refuse_patches(hub_call_t *call, unsigned number)
{
    (void)number;
    fixture_ok(call, call->method == HUB_PATCH ? 404 : 200, call->method == HUB_PATCH ? 2003 : 1000, NULL);
}

static void deleted_location_where_patches_are_refused(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.answer = refuse_patches;
    put_evses("A", 3, 0);
    fixture_settle();
    fixture_expect(HUB_DELETE, "/v1/locations/NL/TNM/A", "", 204);
    fixture_advance(1000);
    assert_string_equal(last_sent()->method, "PUT");
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 3);
    assert_int_equal(quarantined(1), 0);
}

/* ---- what a version cannot say ---- */

static void put_limited(const char *id, const char *name, int expected)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/locations/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(
        fixture.pool,
        "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"publish\":false,\"publish_allowed_to\":[{\"group_id\":\"G\"}],"
        "\"name\":\"%s\",\"address\":\"Quay 1\",\"city\":\"Delft\",\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\","
        "\"longitude\":\"4.35710\"},\"time_zone\":\"Europe/"
        "Amsterdam\",\"evses\":[{\"uid\":\"E1\",\"status\":\"AVAILABLE\",\"connectors\":[{"
        "\"id\":\"1\",\"standard\":\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,"
        "\"max_amperage\":16}]}]}",
        id, name);
    fixture_expect(HUB_PUT, path.ptr, body.ptr, expected);
}

static void connect_211(void)
{
    fixture_registration_t old = registered(1);
    old.version = OCPI_V2_1_1;
    add_party();
    add_integration(BOTH);
    fixture_register(old);
    fixture_settle();
}

/* 2.1.1 has no word for a location that is published to some only: who has it is told that it is gone, once. */
static void limited_location_goes_out_once_as_removed_on_211(void **state)
{
    (void)state;
    connect_211();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_limited("B", "b", 201); /* never was anything else: nobody is told */
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 1);
    put_limited("A", "a", 200);
    put_limited("B", "c", 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 1);
    assert_null(strstr(last_body(L("A")), "publish"));
    put_limited("A", "aa", 200);
    set_status("A", "CHARGING");
    fixture_advance(1000);
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    put_location("A", "a", "AVAILABLE", NULL, 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 0);
    put_limited("A", "a", 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 4);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 1);
}

/* From 2.2 on it can be said. */
static void limited_location_goes_out_as_it_is_otherwise(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_settle();
    put_limited("A", "a", 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(occurrences(last_sent()->body, REMOVED), 0);
    assert_non_null(strstr(last_sent()->body, "publish_allowed_to"));
}

static void limited_location_is_nothing_to_a_new_partner_of_211(void **state)
{
    (void)state;
    add_party();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_limited("A", "a", 200);
    fixture_registration_t old = registered(1);
    old.version = OCPI_V2_1_1;
    add_integration(BOTH);
    fixture_register(old);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 0);
}

/* ---- a location drops a tariff ---- */

static void referenced_only(void)
{
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"tariffSharing\":\"REFERENCED\"}}", 204);
}

static void delete_of_a_tariff_waits_for_the_location_that_drops_it(void **state)
{
    (void)state;
    connect(BOTH);
    referenced_only();
    put_tariff("T1", "0.25", 201);
    put_location("A", "a", "AVAILABLE", "T1", 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    fixture.hold = true;
    put_location("A", "a", "AVAILABLE", NULL, 200);
    fixture_settle();
    assert_int_equal(fixture_count(2, "PUT", L("A")), 1);
    assert_int_equal(fixture_count(2, "DELETE", T("T1")), 0);
    answer_one();
    fixture_settle();
    assert_int_equal(fixture_count(2, "DELETE", T("T1")), 1);
    fixture.hold = false;
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 4);
}

static unsigned tariffs_sent(const char *method)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fixture.sent_count; i++)
        count += strcmp(fixture.sent[i].method, method) == 0 && strstr(fixture.sent[i].url, "/receiver/tariffs/");
    return count;
}

/* More of them than are kept in memory: nothing may wait for ever. */
static void many_tariffs_dropped_at_once(void **state)
{
    (void)state;
    connect(BOTH);
    referenced_only();
    hub_buf_t names = HUB_BUF_INIT(fixture.pool);
    for (int i = 0; i < 150; i++) {
        hub_slice_t id = hub_pool_printf(fixture.pool, "T%d", i);
        put_tariff(id.ptr, "0.25", 201);
        hub_buf_printf(&names, "%s%s", i ? "\",\"" : "", id.ptr);
    }
    put_location("A", "a", "AVAILABLE", hub_pool_str(fixture.pool, hub_buf_slice(&names)), 201);
    fixture_advance(5000);
    assert_int_equal(tariffs_sent("PUT"), 150);
    put_location("A", "a", "AVAILABLE", NULL, 200);
    fixture_advance(5000);
    assert_int_equal(tariffs_sent("DELETE"), 150);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 2);
}

/* It was dropped and named again before anything of that went out. */
static void tariff_dropped_and_named_again(void **state)
{
    (void)state;
    connect(BOTH);
    referenced_only();
    put_tariff("T1", "0.25", 201);
    put_location("A", "a", "AVAILABLE", "T1", 201);
    fixture_advance(1000);
    fixture.hold = true;
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_settle();
    put_location("A", "a", "AVAILABLE", NULL, 200);
    fixture_settle();
    put_location("A", "a", "AVAILABLE", "T1", 200);
    fixture_settle();
    fixture.hold = false;
    fixture_advance(5000);
    assert_string_equal(last_sent()->method, "PUT");
    assert_int_equal(occurrences(last_body(L("A")), "[\"T1\"]"), 1);
    bool there = false;
    for (unsigned i = 0; i < fixture.sent_count; i++)
        if (strstr(fixture.sent[i].url, T("T1")))
            there = strcmp(fixture.sent[i].method, "PUT") == 0;
    assert_true(there);
}

/* The EVSE that named it is REMOVED: it still does so in the JSON. */
static void tariff_of_an_evse_that_is_removed(void **state)
{
    (void)state;
    connect(BOTH);
    referenced_only();
    put_tariff("T1", "0.25", 201);
    put_location("A", "a", "AVAILABLE", "T1", 201);
    fixture_advance(1000);
    put_location("A", "a", "REMOVED", "T1", 200);
    fixture_advance(5000);
    assert_true(fixture.sent_count > 3);
    assert_int_equal(fixture_count(2, "DELETE", T("T1")), 1);
    assert_string_equal(last_sent()->method, "DELETE");
}

/* ---- everything again ---- */

static hub_err_t rewind_locations(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    return hub_push_rewind(view, 1, OCPI_MODULE_LOCATIONS);
}

static void do_rewind(const char *name)
{
    hub_op_t op = {.apply = rewind_locations};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    hub_slice_t body = hub_pool_printf(fixture.pool, "{\"integrationName\":\"%s\"}", name);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", body.ptr, 204);
}

static void rewound_push_reads_everything_again(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    do_rewind("once");
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 4);
    put_location("B", "c", "AVAILABLE", NULL, 200);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 5);
    uint64_t cursor = cursor_of(1, OCPI_MODULE_LOCATIONS);
    assert_true(cursor > 0);
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 5);
}

/* What is written down about calls of before must not move the cursor past what is to be read again. */
static void rewind_is_not_undone_by_what_is_on_the_way(void **state)
{
    (void)state;
    connect(BOTH);
    put_location("A", "a", "AVAILABLE", NULL, 201);
    fixture_advance(1000);
    fixture.hold = true;
    put_location("B", "b", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    hub_op_t op = {.apply = rewind_locations};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    fixture.hold = false;
    fixture_advance(1000); /* B is answered and written down before the push looks */
    assert_int_equal(cursor_of(1, OCPI_MODULE_LOCATIONS), 0);
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", L("A")), 2);
    assert_int_equal(fixture_count(0, "PUT", L("B")), 2);
}

/* What the settings do when more than can be told of one by one goes out of sight. */
static hub_err_t close_all(hub_view_t *view, hub_op_t *op)
{
    hub_share_t share;
    (void)op;
    hub_err_t err = hub_share_get(view, HUB_TENANT_DEFAULT, 1, &share);
    share.bound = true;
    share.all_until = hub_store_seq(fixture.store);
    if (!err)
        err = hub_share_put(view, &share);
    return err ? err : hub_push_rewind(view, 1, OCPI_MODULE_LOCATIONS);
}

static void rewind_takes_back_what_was_sent(void **state)
{
    (void)state;
    add_party();
    put_location("A", "a", "AVAILABLE", NULL, 201);
    put_location("B", "b", "AVAILABLE", NULL, 201);
    add_integration(BOTH);
    fixture_register(registered(1));
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    hub_op_t op = {.apply = close_all};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    share("BOUND");
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 4);
    assert_int_equal(occurrences(last_body(L("A")), REMOVED), 1);
    assert_int_equal(occurrences(last_body(L("B")), REMOVED), 1);
}

static void rewind_while_calls_are_on_the_way(void **state)
{
    (void)state;
    connect(BOTH);
    fixture.hold = true;
    for (int i = 0; i < 8; i++)
        put_location(hub_pool_printf(fixture.pool, "L%d", i).ptr, "n", "AVAILABLE", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 4);
    do_rewind("again");
    fixture_settle();
    fixture.hold = false;
    fixture_advance(1000);
    for (int i = 0; i < 8; i++)
        assert_in_range(fixture_count(0, "PUT", hub_pool_printf(fixture.pool, "/L%d", i).ptr), 1, 2);
    assert_true(cursor_of(1, OCPI_MODULE_LOCATIONS) > 0);
    unsigned before = fixture.sent_count;
    fixture_restart();
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, before);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(tariff_that_goes_before_its_put_is_written_down_is_deleted),
        test(tariff_that_goes_while_its_put_is_on_the_way_is_deleted),
        test(tariff_whose_put_was_not_answered_is_deleted_too),
        test(tariff_comes_and_goes_and_comes),
        test(unpublished_location_goes_out_once_with_its_evses_removed),
        test(location_unpublished_while_it_waits_or_is_on_the_way),
        test(location_that_a_new_partner_never_had_is_not_sent),
        test(settings_that_close_take_locations_back),
        test(location_taken_back_late_is_still_taken_back),
        test(removed_binding_takes_the_location_back),
        test(deleted_location_is_pushed_as_removed),
        test(deleted_location_of_which_the_partner_was_not_told),
        test(deleted_location_where_patches_are_refused),
        test(limited_location_goes_out_once_as_removed_on_211),
        test(limited_location_goes_out_as_it_is_otherwise),
        test(limited_location_is_nothing_to_a_new_partner_of_211),
        test(delete_of_a_tariff_waits_for_the_location_that_drops_it),
        test(many_tariffs_dropped_at_once),
        test(tariff_dropped_and_named_again),
        test(tariff_of_an_evse_that_is_removed),
        test(rewound_push_reads_everything_again),
        test(rewind_is_not_undone_by_what_is_on_the_way),
        test(rewind_takes_back_what_was_sent),
        test(rewind_while_calls_are_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
