/* Own objects: stamping, times, levels, deletion, owners; and bulk bodies, which are split without being parsed. */
#include "objects_fixture.h"

/* ---- own ---- */

static void own_times_are_stamped_and_an_identical_object_is_unchanged(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", ""), ""));
    assert_int_equal(save(&in), HUB_EOK);
    assert_int_equal(in.outcome, HUB_CREATED);
    hub_object_t first = object_of(&in);
    assert_int_equal(first.last_updated, NOW);
    assert_true(holds(first.bytes, "\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"L1\""));
    hub_incoming_t again = own("l1", NULL, NULL, LOCATION(" \"id\" : \"l1\", ", EVSE("e1", "AVAILABLE", ""), ""));
    again.now = NOW + 1000;
    assert_int_equal(save(&again), HUB_EOK);
    assert_int_equal(again.outcome, HUB_UNCHANGED);
    assert_int_equal(object_of(&in).seq, first.seq);
    assert_true(hub_slice_eq(object_of(&in).bytes, first.bytes));
    hub_incoming_t named = own("L1", NULL, NULL, LOCATION("\"name\":\"Quay\",", EVSE("E1", "AVAILABLE", ""), ""));
    named.now = NOW + 2000;
    assert_int_equal(save(&named), HUB_EOK);
    assert_int_equal(named.outcome, HUB_UPDATED);
    assert_int_equal(object_of(&in).last_updated, NOW + 2000);
    assert_true(holds(object_of(&in).bytes, "\"status\":\"AVAILABLE\",\"connectors\""));
    assert_true(object_of(&in).seq > first.seq);
}

static void own_times_never_go_backwards(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", NEWER), NEWER));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t older = own("L1", NULL, NULL, LOCATION("\"name\":\"Q\",", EVSE("E1", "AVAILABLE", NEWER), OLD));
    assert_int_equal(save(&older), HUB_EOK);
    assert_int_equal(older.outcome, HUB_UPDATED);
    assert_int_equal(object_of(&in).last_updated, NOW);
    hub_incoming_t same = own("L1", NULL, NULL, LOCATION("\"name\":\"Q\",", EVSE("E1", "AVAILABLE", NEWER), OLD));
    assert_int_equal(save(&same), HUB_EOK);
    assert_int_equal(same.outcome, HUB_UNCHANGED);
}

static void L2_an_evse_status_bumps_its_location_and_is_an_entry_of_its_own(void **state)
{
    (void)state;
    char uids[64];
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD) "," EVSE("E2", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    uint64_t seq = object_of(&in).seq;
    hub_incoming_t patch = own("L1", "e2", NULL, "{\"status\":\"CHARGING\"}");
    patch.patch = true;
    assert_int_equal(save(&patch), HUB_EOK);
    assert_int_equal(patch.outcome, HUB_UPDATED);
    assert_int_equal(object_of(&in).last_updated, NOW);
    assert_int_equal(entries(&in, HUB_CHANGE_EVSE, 0, uids), 1);
    assert_string_equal(uids, "E2");
    assert_int_equal(entries(&in, HUB_CHANGE_OBJECT, seq, uids), 0);
    patch = own("L1", "E2", NULL, "{\"status\":\"CHARGING\",\"floor_level\":\"-1\"}");
    patch.patch = true;
    patch.now = NOW + 5;
    assert_int_equal(save(&patch), HUB_EOK);
    assert_int_equal(entries(&in, HUB_CHANGE_OBJECT, seq, uids), 1);
    assert_int_equal(entries(&in, HUB_CHANGE_EVSE, 0, uids), 0);
}

static void L4_an_evse_missing_from_a_put_becomes_removed(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD) "," EVSE("E2", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t put = own("L1", NULL, NULL, LOCATION("", EVSE("E2", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&put), HUB_EOK);
    assert_int_equal(put.outcome, HUB_UPDATED);
    hub_slice_t bytes = object_of(&in).bytes;
    assert_true(holds(bytes, "\"uid\":\"E1\",\"status\":\"REMOVED\""));
    assert_int_equal(object_of(&in).last_updated, NOW);
    put.prepared = false, put.root = NULL;
    assert_int_equal(save(&put), HUB_EOK);
    assert_int_equal(put.outcome, HUB_UNCHANGED);
    hub_incoming_t later = own("L1", NULL, NULL, LOCATION("", EVSE("E2", "AVAILABLE", OLD), OLD));
    later.now = NOW + HUB_REMOVED_KEPT_MS + 1;
    assert_int_equal(save(&later), HUB_EOK);
    assert_false(holds(object_of(&in).bytes, "E1"));
}

static void keep_status_leaves_the_status_as_stored(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "CHARGING", OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t put = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD), OLD));
    put.keep_status = true;
    assert_int_equal(save(&put), HUB_EOK);
    assert_int_equal(put.outcome, HUB_UNCHANGED);
    assert_true(holds(object_of(&in).bytes, "CHARGING"));
}

static hub_err_t expire_run(hub_view_t *view, void *arg)
{
    unsigned count;
    hub_err_t err = hub_objects_expire(&core, view, pool, *(int64_t *)arg, 100, &count);
    *(int64_t *)arg = count;
    return err;
}

static void a_deleted_location_is_removed_and_forgotten_after_90_days(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t gone = own("L1", NULL, NULL, NULL);
    assert_int_equal(run(remove_run, &gone), HUB_EOK);
    assert_true(object_of(&in).flags & HUB_OBJECT_REMOVED);
    assert_true(holds(object_of(&in).bytes, "\"status\":\"REMOVED\""));
    int64_t time = NOW + HUB_REMOVED_KEPT_MS - 1;
    assert_int_equal(run(expire_run, &time), HUB_EOK);
    assert_int_equal(time, 0);
    time = NOW + HUB_REMOVED_KEPT_MS + 1;
    assert_int_equal(run(expire_run, &time), HUB_EOK);
    assert_int_equal(time, 1);
    assert_null(object_of(&in).bytes.ptr);
    gone = own("L9", NULL, NULL, NULL);
    assert_int_equal(run(remove_run, &gone), HUB_EUNKNOWN_LOCATION);
}

static void a_deleted_location_that_was_put_again_stays(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t gone = own("L1", NULL, NULL, NULL);
    assert_int_equal(run(remove_run, &gone), HUB_EOK);
    in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", ""), ""));
    in.now = NOW + 1;
    assert_int_equal(save(&in), HUB_EOK);
    assert_false(object_of(&in).flags & HUB_OBJECT_REMOVED);
    int64_t time = NOW + 2 * HUB_REMOVED_KEPT_MS;
    assert_int_equal(run(expire_run, &time), HUB_EOK);
    assert_non_null(object_of(&in).bytes.ptr);
}

static void O2_O3_ids_in_body_and_url_must_agree(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("\"id\":\"L2\",", "", OLD));
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/id", "O3");
    in = own("L1", NULL, NULL, LOCATION("\"party_id\":\"ABC\",", "", OLD));
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/party_id", "O2");
    assert_null(object_of(&in).bytes.ptr);
}

static void an_own_object_needs_one_of_our_parties(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", "", OLD));
    in.party = HUB_SLICE_LIT("XXX");
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/party_id", "party");
}

static void L9_the_same_evse_twice_is_refused(void **state)
{
    (void)state;
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", OLD) "," EVSE("e1", "AVAILABLE", OLD), OLD));
    assert_int_equal(save(&in), HUB_EINVALID);
    assert_problem(&in, "/evses", "L9");
}

static void F2_a_tariff_that_a_connector_names_is_not_deleted(void **state)
{
    (void)state;
    hub_incoming_t tariff = own("T1", NULL, NULL, TARIFF);
    tariff.module = OCPI_MODULE_TARIFFS;
    assert_int_equal(save(&tariff), HUB_EOK);
    hub_incoming_t in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", ",\"tariff_ids\":[\"T1\"]"), OLD));
    in.text = HUB_SLICE_LIT(
        LOCATION("", "{\"uid\":\"E1\",\"status\":\"AVAILABLE\",\"connectors\":[" CONNECTOR("1", ",\"tariff_ids\":[\"t1\"]") "]}", OLD));
    assert_int_equal(save(&in), HUB_EOK);
    hub_incoming_t gone = own("T1", NULL, NULL, NULL);
    gone.module = OCPI_MODULE_TARIFFS;
    assert_int_equal(run(remove_run, &gone), HUB_ECONFLICT);
    in = own("L1", NULL, NULL, LOCATION("", EVSE("E1", "AVAILABLE", ""), ""));
    assert_int_equal(save(&in), HUB_EOK);
    assert_int_equal(run(remove_run, &gone), HUB_EOK);
    assert_null(object_of(&tariff).bytes.ptr);
}

/* ---- bulk bodies ---- */

static unsigned split(const char *type, const char *body, hub_err_t want, char *out)
{
    hub_split_t items;
    hub_slice_t item;
    const char *why;
    uint64_t index;
    unsigned n = 0;
    out[0] = 0;
    assert_int_equal(hub_split_init(&items, hub_slice_str(type), hub_slice_str(body), &why), want);
    while (want == HUB_EOK && hub_split_next(&items, &item, &index)) {
        assert_int_equal(index, n++);
        strncat(out, hub_pool_str(pool, item), 64);
        strcat(out, "|");
    }
    return n;
}

static void bulk_bodies_are_split_without_being_parsed(void **state)
{
    (void)state;
    char out[256];
    assert_int_equal(split("application/json", " [ {\"a\":\"],{\\\"\"} , [1,2],3 ] ", HUB_EOK, out), 3);
    assert_string_equal(out, "{\"a\":\"],{\\\"\"}|[1,2]|3|");
    assert_int_equal(split("application/json; charset=utf-8", "[]", HUB_EOK, out), 0);
    assert_int_equal(split("application/x-ndjson", "{}\n\n {\"a\":1} \r\nx", HUB_EOK, out), 3);
    assert_string_equal(out, "{}|{\"a\":1}|x|");
    split("application/json", "{}", HUB_EMALFORMED, out);
    split("application/json", "[{},", HUB_EMALFORMED, out);
    split("application/json", "[{},]", HUB_EMALFORMED, out);
    split("application/json", "[{} \"", HUB_EMALFORMED, out);
    split("application/json", "[\"\\", HUB_EMALFORMED, out);
    split("application/json", "[] []", HUB_EMALFORMED, out);
    split("application/json", "", HUB_EMALFORMED, out);
    split("text/csv", "[]", HUB_EMEDIA_TYPE, out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_times_are_stamped_and_an_identical_object_is_unchanged),
        TEST(own_times_never_go_backwards),
        TEST(L2_an_evse_status_bumps_its_location_and_is_an_entry_of_its_own),
        TEST(L4_an_evse_missing_from_a_put_becomes_removed),
        TEST(keep_status_leaves_the_status_as_stored),
        TEST(a_deleted_location_is_removed_and_forgotten_after_90_days),
        TEST(a_deleted_location_that_was_put_again_stays),
        TEST(O2_O3_ids_in_body_and_url_must_agree),
        TEST(an_own_object_needs_one_of_our_parties),
        TEST(L9_the_same_evse_twice_is_refused),
        TEST(F2_a_tariff_that_a_connector_names_is_not_deleted),
        TEST(bulk_bodies_are_split_without_being_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
