/* Received objects: kept as they came, older ones, patches, owners, quarantine, and what a pull no longer shows. */
#include "objects_fixture.h"

/* ---- received ---- */

static void a_received_object_is_kept_byte_for_byte(void **state)
{
    (void)state;
    const char *text = LOCATION(BEC("L1") " \"vendor\" : {\"x\":2.50} ,", EVSE("E1", "AVAILABLE", OLD), ",\"name\":null" OLD);
    hub_incoming_t in = given("L1", NULL, NULL, text);
    assert_int_equal(save(&in), HUB_EOK);
    assert_int_equal(in.outcome, HUB_CREATED);
    hub_object_t first = object_of(&in);
    assert_true(hub_slice_eq_str(first.bytes, text));
    assert_int_equal(first.audience_count, 2);
    hub_key_t key;
    hub_object_id_t id = {.tenant = 1, .scope = 7, .module = OCPI_MODULE_LOCATIONS, .country = in.country, .party = in.party, .id = in.id};
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    hub_view_t *view;
    hub_slice_t normal;
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    assert_int_equal(hub_object_get(view, &id, &first), HUB_EOK);
    normal = hub_projection_show(view, pool, hub_key_slice(&key), &first, OCPI_V2_2_1);
    assert_false(holds(normal, "\"name\""));
    assert_true(holds(normal, "2.50"));
    hub_view_close(view);
    hub_incoming_t again = given("L1", NULL, NULL, text);
    assert_int_equal(save(&again), HUB_EOK);
    assert_int_equal(again.outcome, HUB_UNCHANGED);
    assert_int_equal(object_of(&in).seq, first.seq);
}

static void I_an_older_object_is_ignored_and_an_equal_one_applied(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION(BEC("L1"), "", NEWER));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t older = given("L1", NULL, NULL, LOCATION(BEC("L1") "\"name\":\"old\",", "", OLD));
    assert_int_equal(save(&older), HUB_EOK);
    assert_int_equal(older.outcome, HUB_STALE_IGNORED);
    assert_false(holds(object_of(&in).bytes, "old"));
    hub_incoming_t equal = given("L1", NULL, NULL, LOCATION(BEC("L1") "\"name\":\"new\",", "", NEWER));
    assert_int_equal(save(&equal), HUB_EOK);
    assert_int_equal(equal.outcome, HUB_UPDATED);
    assert_true(holds(object_of(&in).bytes, "new"));
}

static void I_a_stored_time_far_ahead_never_blocks(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION(BEC("L1"), "", ",\"last_updated\":\"2036-01-01T00:00:00Z\""));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t next = given("L1", NULL, NULL, LOCATION(BEC("L1") "\"name\":\"new\",", "", NEWER));
    assert_int_equal(save(&next), HUB_EOK);
    assert_int_equal(next.outcome, HUB_UPDATED);
}

static void L3_a_patched_evse_bumps_its_location_and_unknown_fields_survive(void **state)
{
    (void)state;
    char uids[64];
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION(BEC("L1"), EVSE("E1", "AVAILABLE", ",\"vendor\":1.50" OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t patch = given("L1", "E1", NULL, "{\"status\":\"CHARGING\"" NEWER "}");
    patch.patch = true;
    assert_int_equal(save(&patch), HUB_EOK);
    hub_object_t now = object_of(&in);
    assert_true(holds(now.bytes, "\"status\":\"CHARGING\""));
    assert_true(holds(now.bytes, "\"vendor\":1.50"));
    assert_true(holds(now.bytes, "\"time_zone\":\"Europe/Amsterdam\",\"last_updated\":\"2026-02-01T00:00:00Z\""));
    assert_int_equal(entries(&in, HUB_CHANGE_EVSE, 0, uids), 1);
    hub_incoming_t older = given("L1", "E1", NULL, "{\"status\":\"BLOCKED\"" OLD "}");
    older.patch = true;
    assert_int_equal(save(&older), HUB_EOK);
    assert_int_equal(older.outcome, HUB_STALE_IGNORED);
    hub_incoming_t connector = given("L1", "E1", "1", "{\"max_amperage\":32,\"last_updated\":\"2026-03-01T00:00:00Z\"}");
    connector.patch = true;
    assert_int_equal(save(&connector), HUB_EOK);
    assert_true(holds(object_of(&in).bytes, "\"vendor\":1.50,\"last_updated\":\"2026-03-01T00:00:00Z\""));
}

static void O7_a_patch_without_last_updated_is_refused_and_quarantined(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION(BEC("L1"), "", OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t patch = given("L1", NULL, NULL, "{\"name\":\"x\"}");
    patch.patch = true;
    assert_int_equal(save(&patch), HUB_EINVALID);
    assert_true(holds(hub_objects_explain(pool, &patch.problems), "/last_updated"));
    hub_view_t *view;
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    assert_int_equal(hub_quarantine_count(view, partner.id), 1);
    hub_view_close(view);
    in = given("L1", NULL, NULL, LOCATION(BEC("L1") "\"name\":\"y\",", "", OLD));
    assert_int_equal(save(&in), HUB_EOK);
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    assert_int_equal(hub_quarantine_count(view, partner.id), 0);
    hub_view_close(view);
}

static void C_unknown_parents_and_objects_are_not_found(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", "E1", NULL, EVSE("E1", "AVAILABLE", OLD));
    assert_int_equal(save(&in), HUB_EUNKNOWN_LOCATION);
    in = given("L1", NULL, NULL, "{\"name\":\"x\"" OLD "}");
    in.patch = true;
    assert_int_equal(save(&in), HUB_EUNKNOWN_LOCATION);
    in = given("L1", NULL, NULL, LOCATION(BEC("L1"), "", OLD));
    assert_int_equal(save(&in), HUB_EOK);
    in = given("L1", "E1", "1", CONNECTOR("1", OLD));
    assert_int_equal(save(&in), HUB_EUNKNOWN_LOCATION);
    in = given("L1", "E1", NULL, EVSE("E1", "AVAILABLE", NEWER));
    assert_int_equal(save(&in), HUB_EOK);
    assert_int_equal(in.outcome, HUB_CREATED);
    assert_true(holds(object_of(&in).bytes, "\"time_zone\":\"Europe/Amsterdam\",\"last_updated\":\"2026-02-01T00:00:00Z\""));
}

static void D_a_foreign_party_is_refused(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION("\"country_code\":\"FR\",\"party_id\":\"ABC\",\"id\":\"L1\",", "", OLD));
    in.country = in.party = in.id = HUB_SLICE_NONE;
    in.pulled = true;
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/party_id", "owner");
    in.prepared = false, in.root = NULL;
    partner.profile.foreign_parties = true;
    assert_int_equal(save(&in), HUB_EOK);
    assert_true(object_of(&in).flags & HUB_OBJECT_PULLED);
}

static void what_a_pull_brings_without_an_identity_is_quarantined(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "[]", "7", "{\"country_code\":\"BE\",\"party_id\":\"BEC\",\"id\":null}"};
    for (size_t i = 0; i < HUB_COUNT(texts); i++) {
        hub_incoming_t in = given(NULL, NULL, NULL, texts[i]);
        in.country = in.party = HUB_SLICE_NONE;
        in.pulled = true;
        assert_int_equal(save(&in), HUB_EINVALID);
        assert_true(in.problems.errors > 0);
    }
    hub_view_t *view;
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    assert_true(hub_quarantine_count(view, partner.id) > 0);
    hub_view_close(view);
}

static void strict_profile_refuses_what_is_odd(void **state)
{
    (void)state;
    const char *text = LOCATION(BEC("L1"), "", ",\"last_updated\":\"2026-01-01 00:00:00+01:00\"");
    hub_incoming_t in = given("L1", NULL, NULL, text);
    assert_int_equal(save(&in), HUB_EOK);
    assert_true(object_of(&in).flags & HUB_OBJECT_WARNINGS);
    assert_true(hub_slice_eq_str(object_of(&in).bytes, text));
    partner.profile.strict = true;
    in = given("L2", NULL, NULL, LOCATION(BEC("L2"), "", ",\"last_updated\":\"2026-01-01 00:00:00+01:00\""));
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/last_updated", "datetime");
}

static void a_defective_evse_is_left_out_and_the_location_stays(void **state)
{
    (void)state;
    const char *text = LOCATION(BEC("L1"), EVSE("E1", "AVAILABLE", OLD) ",{\"uid\":\"E2\"}", OLD);
    hub_incoming_t in = given("L1", NULL, NULL, text);
    assert_int_equal(save(&in), HUB_EOK);
    hub_object_t object = object_of(&in);
    assert_true(hub_slice_eq_str(object.bytes, text));
    assert_true(object.flags & HUB_OBJECT_WARNINGS);
    hub_view_t *view;
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    assert_int_equal(hub_quarantine_count(view, partner.id), 1);
    hub_view_close(view);
}

typedef struct stale {
    int64_t since;
    uint32_t marked;
    bool refused;
} stale_t;

static hub_err_t stale_run(hub_view_t *view, void *arg)
{
    stale_t *stale = arg;
    return hub_objects_mark_stale(view, &partner, OCPI_MODULE_LOCATIONS, stale->since, &stale->marked, &stale->refused);
}

static void what_a_full_pull_no_longer_shows_is_stale_up_to_a_fifth(void **state)
{
    (void)state;
    hub_incoming_t in;
    for (int round = 0; round < 3; round++) { /* ten, then nine of them, then six */
        const int count = round == 0 ? 10 : round == 1 ? 9 : 6;
        for (int i = 0; i < count; i++) {
            char id[16];
            snprintf(id, sizeof id, "L%d", i);
            in = given(hub_pool_printf(pool, "%s", id).ptr, NULL, NULL,
                       hub_pool_printf(pool, LOCATION("\"country_code\":\"BE\",\"party_id\":\"BEC\",\"id\":\"%s\",", "", OLD), id).ptr);
            in.pulled = true;
            in.now = NOW + round * 1000;
            assert_int_equal(save(&in), HUB_EOK);
            assert_int_equal(in.outcome, round ? HUB_UNCHANGED : HUB_CREATED);
        }
        stale_t stale = {.since = NOW + round * 1000};
        assert_int_equal(run(stale_run, &stale), HUB_EOK);
        assert_int_equal(stale.marked, round == 1 ? 1 : 0);
        assert_int_equal(stale.refused, round == 2);
    }
    in = given("L9", NULL, NULL, LOCATION(BEC("L9"), "", OLD));
    assert_true(object_of(&in).flags & HUB_OBJECT_STALE);
    assert_int_equal(save(&in), HUB_EOK);
    assert_false(object_of(&in).flags & HUB_OBJECT_STALE);
}

static void what_a_pull_shows_in_a_bad_form_is_not_stale(void **state)
{
    (void)state;
    hub_incoming_t in = given("L1", NULL, NULL, LOCATION(BEC("L1"), "", OLD));
    in.pulled = true;
    assert_int_equal(save(&in), HUB_EOK);
    hub_object_t first = object_of(&in);
    hub_incoming_t bad = given("L1", NULL, NULL, "{\"country_code\":\"BE\",\"party_id\":\"BEC\",\"id\":\"L1\"}");
    bad.pulled = true;
    bad.now = NOW + 1000;
    assert_int_equal(save(&bad), HUB_EINVALID);
    stale_t stale = {.since = NOW + 1000};
    assert_int_equal(run(stale_run, &stale), HUB_EOK);
    assert_int_equal(stale.marked, 0);
    assert_false(stale.refused);
    assert_int_equal(object_of(&in).seq, first.seq);
    assert_true(hub_slice_eq(object_of(&in).bytes, first.bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_received_object_is_kept_byte_for_byte),
        TEST(I_an_older_object_is_ignored_and_an_equal_one_applied),
        TEST(I_a_stored_time_far_ahead_never_blocks),
        TEST(L3_a_patched_evse_bumps_its_location_and_unknown_fields_survive),
        TEST(O7_a_patch_without_last_updated_is_refused_and_quarantined),
        TEST(C_unknown_parents_and_objects_are_not_found),
        TEST(D_a_foreign_party_is_refused),
        TEST(what_a_pull_brings_without_an_identity_is_quarantined),
        TEST(strict_profile_refuses_what_is_odd),
        TEST(a_defective_evse_is_left_out_and_the_location_stays),
        TEST(what_a_full_pull_no_longer_shows_is_stale_up_to_a_fifth),
        TEST(what_a_pull_shows_in_a_bad_form_is_not_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
