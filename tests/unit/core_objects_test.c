/* hub_objects_store and its neighbours on a real store in a folder of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "metrics.h"
#include "object/object.h"
#include "object/objects.h"
#include "object/projection.h"
#include "object/quarantine.h"

#define NOW 1790000000000ll /* 2026-09-21 */

static char folder[64];
static hub_store_t *store;
static hub_metrics_t metrics;
static hub_core_t core;
static hub_integration_t partner;
static hub_pool_t *pool;

/* ---- a store with one party of ours (NL*TNM) and one partner (BE*BEC) ---- */

typedef struct job {
    hub_op_t op;
    hub_err_t (*run)(hub_view_t *view, void *arg);
    void *arg;
    hub_err_t err;
} job_t;

static hub_err_t job_apply(hub_view_t *view, hub_op_t *op)
{
    job_t *job = (job_t *)op;
    job->err = job->run(view, job->arg);
    return hub_objects_refused(job->err) ? HUB_EOK : job->err;
}

static hub_err_t run(hub_err_t (*apply)(hub_view_t *view, void *arg), void *arg)
{
    job_t job = {.op.apply = job_apply, .run = apply, .arg = arg};
    hub_err_t err = hub_store_apply(store, &job.op);
    return err ? err : job.err;
}

static void add_setting(hub_buf_t *out, char id, const char *json)
{
    const char length[4] = {0, 0, 0, (char)strlen(json)};
    hub_buf_add_char(out, id);
    hub_buf_add(out, hub_slice(length, 4));
    hub_buf_add_str(out, json);
}

static hub_err_t put_party(hub_view_t *view, void *arg)
{
    (void)arg;
    hub_buf_t record = HUB_BUF_INIT(pool);
    hub_buf_add(&record, hub_slice("\0\0\0\0\0\0\0\1", 8));
    add_setting(&record, 1, "\"NL\"");
    add_setting(&record, 2, "\"TNM\"");
    add_setting(&record, 3, "[\"CPO\"]");
    hub_key_t key;
    hub_key_init(&key);
    hub_key_u32(&key, HUB_TENANT_DEFAULT);
    hub_key_u32(&key, 1);
    hub_err_t err = hub_view_put(view, HUB_TABLE_PARTY, &key, hub_buf_slice(&record));
    hub_key_init(&key);
    hub_key_u8(&key, 'C');
    hub_key_u32(&key, HUB_TENANT_DEFAULT);
    hub_key_folded(&key, HUB_SLICE_LIT("NL"));
    hub_key_folded(&key, HUB_SLICE_LIT("TNM"));
    return err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice("\0\0\0\1", 4));
}

static int set_up(void **state)
{
    (void)state;
    static hub_party_ref_t role = {.country = "BE", .party = "BEC", .roles = OCPI_ROLE_CPO};
    pool = hub_pool_create();
    snprintf(folder, sizeof folder, "/tmp/hub-objects-XXXXXX");
    assert_non_null(mkdtemp(folder));
    hub_slice_t why;
    const hub_store_config_t config = {.path = folder, .map_size = 64u << 20};
    assert_int_equal(hub_store_open(&config, &store, pool, &why), HUB_EOK);
    core = (hub_core_t){.store = store, .metrics = &metrics};
    partner = (hub_integration_t){.tenant = HUB_TENANT_DEFAULT, .id = 7, .peer_roles = &role, .peer_role_count = 1};
    assert_int_equal(run(put_party, NULL), HUB_EOK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hub_store_close(store);
    hub_pool_destroy(pool);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- short hands ---- */

static hub_err_t store_run(hub_view_t *view, void *arg)
{
    return hub_objects_store(&core, view, pool, arg);
}

static hub_err_t remove_run(hub_view_t *view, void *arg)
{
    return hub_objects_remove(&core, view, pool, arg);
}

static hub_incoming_t own(const char *id, const char *evse, const char *connector, const char *text)
{
    return (hub_incoming_t){.tenant = HUB_TENANT_DEFAULT,
                            .module = OCPI_MODULE_LOCATIONS,
                            .version = OCPI_V2_2_1,
                            .country = HUB_SLICE_LIT("NL"),
                            .party = HUB_SLICE_LIT("TNM"),
                            .id = hub_slice_str(id),
                            .evse_uid = hub_slice_str(evse),
                            .connector_id = hub_slice_str(connector),
                            .text = hub_slice_str(text),
                            .now = NOW};
}

static hub_incoming_t given(const char *id, const char *evse, const char *connector, const char *text)
{
    hub_incoming_t in = own(id, evse, connector, text);
    in.from = &partner;
    in.country = HUB_SLICE_LIT("BE");
    in.party = HUB_SLICE_LIT("BEC");
    return in;
}

static hub_err_t save(hub_incoming_t *in)
{
    return run(store_run, in);
}

static hub_object_t object_of(const hub_incoming_t *in)
{
    hub_object_id_t id = {.tenant = in->tenant,
                          .scope = in->from ? in->from->id : HUB_SCOPE_OWN,
                          .module = (uint8_t)in->module,
                          .country = in->country,
                          .party = in->party,
                          .id = in->id};
    hub_view_t *view;
    hub_object_t object = {0};
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    if (hub_object_get(view, &id, &object) == HUB_EOK)
        object.bytes = hub_pool_copy(pool, object.bytes);
    hub_view_close(view);
    return object;
}

static bool holds(hub_slice_t text, const char *part)
{
    return text.ptr && memmem(text.ptr, text.len, part, strlen(part));
}

/* The first error's pointer and rule. */
static void assert_problem(const hub_incoming_t *in, const char *pointer, const char *rule)
{
    for (uint32_t i = 0; i < in->problems.count; i++) {
        if (in->problems.list[i].severity != OCPI_ERROR)
            continue;
        assert_string_equal(hub_pool_str(pool, in->problems.list[i].pointer), pointer);
        assert_string_equal(in->problems.list[i].rule, rule);
        return;
    }
    fail_msg("no problem");
}

static unsigned entries(const hub_incoming_t *in, hub_change_kind_t kind, uint64_t after, char *uids)
{
    const hub_stream_t stream = {
        .tenant = in->tenant, .kind = in->from ? HUB_STREAM_RECEIVED : HUB_STREAM_OWN, .module = (uint8_t)in->module};
    hub_change_scan_t scan;
    hub_change_t change;
    hub_view_t *view;
    unsigned n = 0;
    uids[0] = 0;
    assert_int_equal(hub_view_open(store, &view), HUB_EOK);
    hub_change_scan_init(&scan, view, &stream, after);
    while (hub_change_scan_next(&scan, &change)) {
        if (change.kind != kind)
            continue;
        n++;
        if (change.evse_uid.len)
            strncat(uids, hub_pool_str(pool, change.evse_uid), 8);
    }
    assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return n;
}

#define CONNECTOR(id, more)                                                                                                                \
    "{\"id\":\"" id "\",\"standard\":\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,"            \
    "\"max_amperage\":16" more "}"
#define EVSE(uid, status, more) "{\"uid\":\"" uid "\",\"status\":\"" status "\",\"connectors\":[" CONNECTOR("1", more) "]" more "}"
#define LOCATION(head, evses, more)                                                                                                        \
    "{" head "\"publish\":true,\"address\":\"Quay 1\",\"city\":\"Delft\",\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\","  \
    "\"longitude\":\"4.35710\"},\"evses\":[" evses "],\"time_zone\":\"Europe/Amsterdam\"" more "}"
#define OLD ",\"last_updated\":\"2026-01-01T00:00:00Z\""
#define NEWER ",\"last_updated\":\"2026-02-01T00:00:00Z\""
#define BEC(id) "\"country_code\":\"BE\",\"party_id\":\"BEC\",\"id\":\"" id "\","
#define TARIFF "{\"currency\":\"EUR\",\"elements\":[{\"price_components\":[{\"type\":\"ENERGY\",\"price\":0.25,\"step_size\":1}]}]}"

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
        TEST(bulk_bodies_are_split_without_being_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
