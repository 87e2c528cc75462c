/* Objects on a store of the test's own, without sockets: one party of ours (NL*TNM) and one partner (BE*BEC). */
#ifndef OBJECTS_FIXTURE_H
#define OBJECTS_FIXTURE_H
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

static inline hub_err_t job_apply(hub_view_t *view, hub_op_t *op)
{
    job_t *job = (job_t *)op;
    job->err = job->run(view, job->arg);
    return hub_objects_refused(job->err) ? HUB_EOK : job->err;
}

static inline hub_err_t run(hub_err_t (*apply)(hub_view_t *view, void *arg), void *arg)
{
    job_t job = {.op.apply = job_apply, .run = apply, .arg = arg};
    hub_err_t err = hub_store_apply(store, &job.op);
    return err ? err : job.err;
}

static inline void add_setting(hub_buf_t *out, char id, const char *json)
{
    const char length[4] = {0, 0, 0, (char)strlen(json)};
    hub_buf_add_char(out, id);
    hub_buf_add(out, hub_slice(length, 4));
    hub_buf_add_str(out, json);
}

static inline hub_err_t put_party(hub_view_t *view, void *arg)
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
{
    (void)state;
    hub_store_close(store);
    hub_pool_destroy(pool);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- short hands ---- */

static inline hub_err_t store_run(hub_view_t *view, void *arg)
{
    return hub_objects_store(&core, view, pool, arg);
}

static inline hub_err_t remove_run(hub_view_t *view, void *arg)
{
    return hub_objects_remove(&core, view, pool, arg);
}

static inline hub_incoming_t own(const char *id, const char *evse, const char *connector, const char *text)
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

static inline hub_incoming_t given(const char *id, const char *evse, const char *connector, const char *text)
{
    hub_incoming_t in = own(id, evse, connector, text);
    in.from = &partner;
    in.country = HUB_SLICE_LIT("BE");
    in.party = HUB_SLICE_LIT("BEC");
    return in;
}

static inline hub_err_t save(hub_incoming_t *in)
{
    return run(store_run, in);
}

static inline hub_object_t object_of(const hub_incoming_t *in)
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

static inline bool holds(hub_slice_t text, const char *part)
{
    return text.ptr && memmem(text.ptr, text.len, part, strlen(part));
}

/* The first error's pointer and rule. */
static inline void assert_problem(const hub_incoming_t *in, const char *pointer, const char *rule)
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

static inline unsigned entries(const hub_incoming_t *in, hub_change_kind_t kind, uint64_t after, char *uids)
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
