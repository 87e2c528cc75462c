/* A store with one party of ours (NL*AAA, id 1) and short hands for what the backend and a partner do, for unit tests of core. */
#ifndef TESTS_OWN_H
#define TESTS_OWN_H

#include "metrics.h"
#include "object/objects.h"
#include "sharing/reference.h"
#include "sharing/sharing.h"
#include "store_fixture.h"

#define OWN_TENANT 1u

static fixture_t fixture;
static hub_core_t core;
static hub_metrics_t metrics;
static hub_pool_t *pool;
static int64_t now = 1790000000000ll; /* 2026-09-21 */
static hub_party_ref_t own_party = {.country = "NL", .party = "AAA", .id = 1, .roles = OCPI_ROLE_CPO};

static inline void own_setting(hub_buf_t *out, char id, const char *json)
{
    const char length[4] = {0, 0, 0, (char)strlen(json)};
    hub_buf_add_char(out, id);
    hub_buf_add(out, hub_slice(length, 4));
    hub_buf_add_str(out, json);
}

static hub_err_t own_put_party(hub_view_t *view, void *arg)
{
    hub_buf_t record = HUB_BUF_INIT(pool);
    hub_key_t key;
    (void)arg;
    hub_buf_add(&record, hub_slice("\0\0\0\0\0\0\0\1", 8));
    own_setting(&record, 1, "\"NL\"");
    own_setting(&record, 2, "\"AAA\"");
    own_setting(&record, 3, "[\"CPO\"]");
    hub_key_init(&key);
    hub_key_u32(&key, OWN_TENANT);
    hub_key_u32(&key, 1);
    hub_err_t err = hub_view_put(view, HUB_TABLE_PARTY, &key, hub_buf_slice(&record));
    hub_key_init(&key);
    hub_key_u8(&key, 'C');
    hub_key_u32(&key, OWN_TENANT);
    hub_key_folded(&key, HUB_SLICE_LIT("NL"));
    hub_key_folded(&key, HUB_SLICE_LIT("AAA"));
    return err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice("\0\0\0\1", 4));
}

static int own_setup(void **state)
{
    (void)state;
    fixture_open(&fixture, (hub_store_config_t){0});
    core = (hub_core_t){.store = fixture.store, .metrics = &metrics};
    pool = hub_pool_create();
    return (int)fixture_apply(&fixture, own_put_party, NULL);
}

static int own_teardown(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    fixture_close(&fixture);
    return 0;
}

#define own_test(name) cmocka_unit_test_setup_teardown(name, own_setup, own_teardown)

static inline hub_err_t own_do_store(hub_view_t *view, void *arg)
{
    return hub_objects_store(&core, view, pool, arg);
}

static inline hub_err_t own_do_remove(hub_view_t *view, void *arg)
{
    return hub_objects_remove(&core, view, pool, arg);
}

static inline hub_err_t own_do_settings(hub_view_t *view, void *arg)
{
    return hub_sharing_follow_integration(view, pool, NULL, arg);
}

/* `from` NULL: our own. */
static inline hub_err_t own_put(const hub_integration_t *from, ocpi_module_t module, const char *id, hub_slice_t text)
{
    hub_incoming_t in = {
        .tenant = OWN_TENANT, .from = from, .module = module, .version = OCPI_V2_2_1, .id = hub_slice_str(id), .text = text, .now = now};
    in.country = from ? HUB_SLICE_LIT("BE") : HUB_SLICE_LIT("NL");
    in.party = from ? HUB_SLICE_LIT("BEC") : HUB_SLICE_LIT("AAA");
    hub_err_t err = fixture_apply(&fixture, own_do_store, &in);
    if (err)
        fprintf(stderr, "%s: %.*s\n", hub_err_info(err)->name, HUB_SLICE_FMT(hub_objects_explain(pool, &in.problems)));
    return err;
}

static inline hub_err_t own_remove(ocpi_module_t module, const char *id)
{
    hub_incoming_t in = {.tenant = OWN_TENANT,
                         .module = module,
                         .version = OCPI_V2_2_1,
                         .country = HUB_SLICE_LIT("NL"),
                         .party = HUB_SLICE_LIT("AAA"),
                         .id = hub_slice_str(id),
                         .now = now};
    return fixture_apply(&fixture, own_do_remove, &in);
}

static inline hub_integration_t own_partner(uint32_t id)
{
    static hub_party_ref_t role = {.country = "BE", .party = "BEC", .roles = OCPI_ROLE_CPO | OCPI_ROLE_EMSP};
    return (hub_integration_t){.tenant = OWN_TENANT,
                               .id = id,
                               .parties = &own_party,
                               .party_count = 1,
                               .peer_roles = &role,
                               .peer_role_count = 1,
                               .ocpi_version = OCPI_V2_2_1};
}

static inline hub_slice_t own_time(void)
{
    char time[OCPI_TIME_MAX + 1];
    size_t len = ocpi_time_format(now, time);
    return hub_pool_copy(pool, hub_slice(time, len));
}

/* One EVSE with one connector that names `tariff` (NULL: none). */
static inline hub_slice_t own_location(const char *owner, const char *id, const char *status, const char *tariff, bool publish)
{
    hub_slice_t time = own_time(), names = tariff ? hub_pool_printf(pool, "\"%s\"", tariff) : HUB_SLICE_NONE;
    return hub_pool_printf(
        pool,
        "{%s,\"id\":\"%s\",\"publish\":%s,\"address\":\"Street 1\",\"city\":\"Town\",\"country\":\"NLD\",\"coordinates\":"
        "{\"latitude\":\"51.047599\",\"longitude\":\"3.729944\"},\"time_zone\":\"Europe/Amsterdam\",\"evses\":[{\"uid\":\"E1\","
        "\"status\":\"%s\",\"connectors\":[{\"id\":\"1\",\"standard\":\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":"
        "\"AC_3_PHASE\",\"max_voltage\":230,\"max_amperage\":32,\"tariff_ids\":[%.*s],\"last_updated\":\"2026-01-01T00:00:00Z\"}],"
        "\"last_updated\":\"%.*s\"}],\"last_updated\":\"%.*s\"}",
        owner, id, publish ? "true" : "false", status, HUB_SLICE_FMT(names), HUB_SLICE_FMT(time), HUB_SLICE_FMT(time));
}

static inline hub_slice_t own_tariff(const char *owner, const char *id, const char *price)
{
    return hub_pool_printf(pool,
                           "{%s,\"id\":\"%s\",\"currency\":\"EUR\",\"elements\":[{\"price_components\":[{\"type\":\"ENERGY\",\"price\":%s,"
                           "\"step_size\":1}]}],\"last_updated\":\"%.*s\"}",
                           owner, id, price, HUB_SLICE_FMT(own_time()));
}

#define OWN_AAA "\"country_code\":\"NL\",\"party_id\":\"AAA\""
#define OWN_BEC "\"country_code\":\"BE\",\"party_id\":\"BEC\""

#endif
