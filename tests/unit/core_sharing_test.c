/* Sharing against a model that works everything out anew after each of many random operations: lists, totals, pages, windows, single looks
 * and the tariffs that a partner sees named agree for every integration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "object/objects.h"
#include "sharing/reference.h"
#include "sharing/sharing.h"
#include "sharing_model.h"
#include "store_fixture.h"

static fixture_t fixture;
static hub_core_t core;
static hub_metrics_t metrics;
static hub_pool_t *pool; /* of one step */
static int64_t now;
static const char *const codes[PARTIES] = {"AAA", "BBB"};

/* ---- the store ---- */

static unsigned pick(unsigned below)
{
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static void add_setting(hub_buf_t *out, char id, const char *json)
{
    const char length[4] = {0, 0, 0, (char)strlen(json)};
    hub_buf_add_char(out, id);
    hub_buf_add(out, hub_slice(length, 4));
    hub_buf_add_str(out, json);
}

static hub_err_t put_parties(hub_view_t *view, void *arg)
{
    (void)arg;
    hub_err_t err = HUB_EOK;
    for (int p = 0; p < PARTIES && !err; p++) {
        hub_buf_t record = HUB_BUF_INIT(pool);
        hub_buf_add(&record, hub_slice("\0\0\0\0\0\0\0\1", 8));
        add_setting(&record, 1, "\"NL\"");
        add_setting(&record, 2, p ? "\"BBB\"" : "\"AAA\"");
        add_setting(&record, 3, "[\"CPO\"]");
        hub_key_t key;
        hub_key_init(&key);
        hub_key_u32(&key, TENANT);
        hub_key_u32(&key, (uint32_t)p + 1);
        err = hub_view_put(view, HUB_TABLE_PARTY, &key, hub_buf_slice(&record));
        hub_key_init(&key);
        hub_key_u8(&key, 'C');
        hub_key_u32(&key, TENANT);
        hub_key_folded(&key, HUB_SLICE_LIT("NL"));
        hub_key_folded(&key, hub_slice_str(codes[p]));
        const char id[4] = {0, 0, 0, (char)(p + 1)};
        err = err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice(id, 4));
    }
    return err;
}

static hub_object_id_t object_id(uint8_t module, int p, int n)
{
    hub_slice_t id = hub_pool_printf(pool, "%s%d", module == OCPI_MODULE_LOCATIONS ? "LOC" : "Tariff", n);
    return (hub_object_id_t){
        .tenant = TENANT, .module = module, .country = HUB_SLICE_LIT("NL"), .party = hub_slice_str(codes[p]), .id = id};
}

static void add_names(hub_buf_t *out, unsigned mask, bool odd)
{
    bool first = true;
    for (int t = 0; t < PRICES; t++) {
        if (!(mask >> t & 1))
            continue;
        hub_buf_printf(out, "%s\"%s%d\"", first ? "" : ",", odd ? "TARIFF" : "tariff", t); /* ids compare without case */
        first = false;
    }
}

static hub_slice_t place_json(int p, int l)
{
    const place_t *place = &model.place[p][l];
    char time[OCPI_TIME_MAX + 1];
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_time_format(now, time);
    hub_buf_printf(
        &out,
        "{\"country_code\":\"NL\",\"party_id\":\"%s\",\"id\":\"LOC%d\",\"publish\":%s,\"address\":\"Street "
        "1\",\"city\":\"Town\",\"country\":\"NLD\","
        "\"coordinates\":{\"latitude\":\"51.047599\",\"longitude\":\"3.729944\"},\"time_zone\":\"Europe/Amsterdam\",\"name\":\"%u\"",
        codes[p], l, place->publish ? "true" : "false", pick(1000));
    if (place->allowed)
        hub_buf_add_str(&out, ",\"publish_allowed_to\":[{\"uid\":\"A1\",\"type\":\"RFID\"}]");
    hub_buf_add_str(&out, ",\"evses\":[");
    for (int e = 0; e < EVSES; e++) {
        hub_buf_printf(&out, "%s{\"uid\":\"E%d\",\"status\":\"%s\",\"connectors\":[", e ? "," : "", e,
                       place->gone[e] ? "REMOVED" : "AVAILABLE");
        for (int c = 0; c < CONNECTORS; c++) {
            hub_buf_printf(
                &out,
                "%s{\"id\":\"%d\",\"standard\":\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,"
                "\"max_amperage\":32,\"tariff_ids\":[",
                c ? "," : "", c);
            add_names(&out, place->names[e][c], c);
            hub_buf_printf(&out, "],\"last_updated\":\"%s\"}", time);
        }
        hub_buf_printf(&out, "],\"last_updated\":\"%s\"}", time);
    }
    hub_buf_printf(&out, "],\"last_updated\":\"%s\"}", time);
    return hub_buf_slice(&out);
}

static hub_slice_t price_json(int p, int t)
{
    char time[OCPI_TIME_MAX + 1];
    ocpi_time_format(now, time);
    return hub_pool_printf(
        pool,
        "{\"country_code\":\"NL\",\"party_id\":\"%s\",\"id\":\"Tariff%d\",\"currency\":\"EUR\",\"elements\":[{\"price_components\":"
        "[{\"type\":\"ENERGY\",\"price\":0.%u,\"step_size\":1}]}],\"last_updated\":\"%s\"}",
        codes[p], t, 10 + pick(80), time);
}

static hub_err_t do_store(hub_view_t *view, void *arg)
{
    return hub_objects_store(&core, view, pool, arg);
}

static hub_err_t do_remove(hub_view_t *view, void *arg)
{
    return hub_objects_remove(&core, view, pool, arg);
}

static void put_object(uint8_t module, int p, int n, hub_slice_t text)
{
    hub_object_id_t id = object_id(module, p, n);
    hub_incoming_t in = {.tenant = TENANT,
                         .module = module,
                         .version = OCPI_V2_2_1,
                         .country = id.country,
                         .party = id.party,
                         .id = id.id,
                         .text = text,
                         .now = now};
    hub_err_t err = fixture_apply(&fixture, do_store, &in);
    if (err != HUB_EOK)
        fail_msg("%s: %.*s", hub_err_info(err)->name, HUB_SLICE_FMT(hub_objects_explain(pool, &in.problems)));
}

static hub_err_t remove_object(uint8_t module, int p, int n)
{
    hub_object_id_t id = object_id(module, p, n);
    hub_incoming_t in = {
        .tenant = TENANT, .module = module, .version = OCPI_V2_2_1, .country = id.country, .party = id.party, .id = id.id, .now = now};
    return fixture_apply(&fixture, do_remove, &in);
}

/* ---- operations ---- */

static void op_put_place(void)
{
    int p = (int)pick(PARTIES), l = (int)pick(PLACES);
    place_t *place = &model.place[p][l];
    *place = (place_t){.exists = true, .publish = pick(3) > 0, .allowed = pick(4) == 0};
    for (int e = 0; e < EVSES; e++) {
        place->gone[e] = pick(6) == 0;
        for (int c = 0; c < CONNECTORS; c++)
            place->names[e][c] = pick(4) ? 0 : pick(4) ? 1u << pick(PRICES) : pick(1u << PRICES); /* few: a tariff is often named once */
    }
    put_object(OCPI_MODULE_LOCATIONS, p, l, place_json(p, l));
}

static void op_remove_place(void)
{
    int p = (int)pick(PARTIES), l = (int)pick(PLACES);
    hub_err_t err = remove_object(OCPI_MODULE_LOCATIONS, p, l);
    assert_int_equal(err == HUB_EOK, model.place[p][l].exists);
    model.place[p][l].removed = true;
}

static hub_err_t do_expire(hub_view_t *view, void *arg)
{
    unsigned count;
    (void)arg;
    return hub_objects_expire(&core, view, pool, now + 91ll * 24 * 3600 * 1000, 1000, &count);
}

static void op_expire(void)
{
    assert_int_equal(fixture_apply(&fixture, do_expire, NULL), HUB_EOK);
    for (int p = 0; p < PARTIES; p++) {
        for (int l = 0; l < PLACES; l++) {
            if (!model.place[p][l].removed)
                continue;
            model.place[p][l] = (place_t){0};
            for (int i = 0; i < PARTNERS; i++)
                model.partner[i].bound[p][l] = (bound_t){0};
        }
    }
}

static void op_put_price(void)
{
    int p = (int)pick(PARTIES), t = (int)pick(PRICES);
    model.price[p][t] = true;
    put_object(OCPI_MODULE_TARIFFS, p, t, price_json(p, t));
}

static void op_remove_price(void)
{
    int p = (int)pick(PARTIES), t = (int)pick(PRICES);
    hub_err_t err = remove_object(OCPI_MODULE_TARIFFS, p, t);
    if (!model.price[p][t]) {
        assert_int_not_equal(err, HUB_EOK);
        return;
    }
    assert_int_equal(err, price_named(p, t) ? HUB_ECONFLICT : HUB_EOK);
    if (err != HUB_EOK)
        return;
    model.price[p][t] = false;
    for (int i = 0; i < PARTNERS; i++)
        model.partner[i].grant[p][t] = false;
}

typedef struct binding {
    int i;
    bool set;
    hub_key_t key;
    hub_slice_t body;
    bool created;
} binding_t;

static hub_err_t do_bind(hub_view_t *view, void *arg)
{
    binding_t *b = arg;
    hub_share_t share;
    hub_object_t object;
    yyjson_doc *location = NULL, *body = NULL;
    assert_int_equal(hub_share_get(view, TENANT, model.partner[b->i].integration.id, &share), HUB_EOK);
    if (hub_object_get_key(view, hub_key_slice(&b->key), &object) == HUB_EOK)
        assert_int_equal(ocpi_read(pool, hub_pool_copy(pool, object.bytes), &location, NULL), HUB_EOK);
    if (b->set)
        assert_int_equal(ocpi_read(pool, b->body, &body, NULL), HUB_EOK);
    return hub_sharing_bind(view, pool, &share, hub_key_slice(&b->key), yyjson_doc_get_root(location), b->set ? b->body : HUB_SLICE_NONE,
                            yyjson_doc_get_root(body), now, &b->created);
}

static hub_slice_t binding_json(bound_t *bound)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool first = true;
    hub_buf_add_str(&out, "{\"evses\":[");
    for (int e = 0; e < EVSES; e++) {
        for (int c = 0; c < CONNECTORS; c++)
            bound->override[e][c] = -1;
        if (pick(2))
            continue;
        hub_buf_printf(&out, "%s{\"uid\":\"e%d\",\"connectors\":[", first ? "" : ",", e);
        first = false;
        bool none = true;
        for (int c = 0; c < CONNECTORS; c++) {
            if (pick(3) == 0)
                continue;
            bound->override[e][c] = (int)(pick(4) ? 1u << pick(PRICES) : pick(1u << PRICES));
            hub_buf_printf(&out, "%s{\"id\":\"%d\",\"tariffIds\":[", none ? "" : ",", c);
            add_names(&out, (unsigned)bound->override[e][c], true);
            hub_buf_add_str(&out, "]}");
            none = false;
        }
        hub_buf_add_str(&out, "]}");
    }
    hub_buf_add_str(&out, "]}");
    return hub_buf_slice(&out);
}

static void op_bind(void)
{
    int p = (int)pick(PARTIES), l = (int)pick(PLACES);
    binding_t b = {.i = (int)pick(PARTNERS), .set = pick(3) > 0};
    bound_t *bound = &model.partner[b.i].bound[p][l], was = *bound;
    hub_object_id_t id = object_id(OCPI_MODULE_LOCATIONS, p, l);
    bool seen = sees_place(b.i, p, l);
    if (!has_party(b.i, p))
        return;
    assert_int_equal(hub_object_key(&id, &b.key), HUB_EOK);
    if (b.set) {
        b.body = binding_json(bound);
        bound->bound = true;
    } else {
        bound->bound = false;
    }
    hub_err_t err = fixture_apply(&fixture, do_bind, &b);
    assert_int_equal(err, model.place[p][l].exists && (b.set || was.bound) ? HUB_EOK : HUB_ENOT_FOUND);
    if (err != HUB_EOK)
        *bound = was;
    else if (b.set)
        assert_int_equal(b.created, !was.bound);
    else if (seen && !sees_place(b.i, p, l))
        bound->withdrawn = true;
}

static hub_err_t do_grant(hub_view_t *view, void *arg)
{
    binding_t *b = arg;
    hub_share_t share;
    assert_int_equal(hub_share_get(view, TENANT, model.partner[b->i].integration.id, &share), HUB_EOK);
    return hub_sharing_grant(view, pool, &share, hub_key_slice(&b->key), b->set, now, &b->created);
}

static void op_grant(void)
{
    int p = (int)pick(PARTIES), t = (int)pick(PRICES);
    binding_t b = {.i = (int)pick(PARTNERS), .set = pick(2)};
    bool *grant = &model.partner[b.i].grant[p][t];
    hub_object_id_t id = object_id(OCPI_MODULE_TARIFFS, p, t);
    if (!has_party(b.i, p))
        return;
    assert_int_equal(hub_object_key(&id, &b.key), HUB_EOK);
    hub_err_t err = fixture_apply(&fixture, do_grant, &b);
    assert_int_equal(err, model.price[p][t] && (b.set || *grant) ? HUB_EOK : HUB_ENOT_FOUND);
    if (err == HUB_EOK)
        *grant = b.set;
}

typedef struct settings {
    const hub_integration_t *old, *now;
} settings_t;

static hub_err_t do_settings(hub_view_t *view, void *arg)
{
    const settings_t *s = arg;
    return hub_sharing_follow_integration(view, pool, s->old, s->now);
}

static void choose_settings(int i)
{
    hub_integration_t *integration = &model.partner[i].integration;
    integration->tenant = TENANT;
    integration->id = (uint32_t)i + 10;
    integration->sharing_bound = pick(2);
    integration->tariffs_all = pick(4) == 0;
    integration->parties = model.partner[i].parties;
    integration->party_count = 0;
    for (int p = 0; p < PARTIES; p++) {
        if (pick(4))
            model.partner[i].parties[integration->party_count++] = (hub_party_ref_t){.id = (uint32_t)p + 1};
    }
}

static void op_settings(void)
{
    int i = (int)pick(PARTNERS);
    settings_t s = {.now = &model.partner[i].integration};
    if (pick(4) == 0) { /* deleted, and another made with its id */
        assert_int_equal(fixture_apply(&fixture, do_settings, &(settings_t){.old = &model.partner[i].integration}), HUB_EOK);
        memset(model.partner[i].bound, 0, sizeof model.partner[i].bound);
        memset(model.partner[i].grant, 0, sizeof model.partner[i].grant);
    }
    choose_settings(i);
    assert_int_equal(fixture_apply(&fixture, do_settings, &s), HUB_EOK);
}

/* ---- comparing ---- */

static bool listed(hub_view_t *view, int i, uint8_t module, int64_t from, uint32_t limit, hub_slice_t *keys, uint32_t *count)
{
    hub_list_query_t query = {.from = from, .to = INT64_MAX, .limit = limit, .count = true};
    hub_list_page_t page;
    uint64_t last = 0;
    *count = 0;
    assert_int_equal(hub_sharing_list(view, pool, &model.partner[i].integration, module, &query), HUB_EOK);
    do {
        assert_int_equal(hub_list(view, &query, pool, &page), HUB_EOK);
        for (uint32_t n = 0; n < page.count; n++) {
            assert_true(page.rows[n].created_seq > last);
            last = page.rows[n].created_seq;
            keys[(*count)++] = page.rows[n].key;
        }
        query.position = page.next;
    } while (page.next.len);
    return page.total == *count;
}

static bool contains(const hub_slice_t *keys, uint32_t count, const hub_key_t *key)
{
    for (uint32_t n = 0; n < count; n++) {
        if (hub_slice_eq(keys[n], hub_key_slice(key)))
            return true;
    }
    return false;
}

static void check_names(int i, int p, int l, yyjson_val *location)
{
    const bound_t *bound = &model.partner[i].bound[p][l];
    for (int e = 0; e < EVSES; e++) {
        char uid[16];
        snprintf(uid, sizeof uid, "E%d", e);
        yyjson_val *evse = ocpi_location_find(location, hub_slice_str(uid), HUB_SLICE_NONE);
        assert_non_null(evse);
        bool gone = model.place[p][l].gone[e] || model.place[p][l].removed || bound->withdrawn;
        assert_int_equal(hub_slice_eq_str(ocpi_get_str(evse, "status"), "REMOVED"), gone);
        for (int c = 0; c < CONNECTORS && !gone; c++) {
            unsigned mask = 0;
            size_t n, max;
            yyjson_val *id, *ids = yyjson_obj_get(yyjson_arr_get(yyjson_obj_get(evse, "connectors"), (size_t)c), "tariff_ids");
            if (ids) {
                yyjson_arr_foreach(ids, n, max, id) mask |= 1u << (yyjson_get_str(id)[6] - '0');
            }
            assert_int_equal(mask, names(&model.place[p][l], bound, e, c));
        }
    }
}

static void check_one(hub_view_t *view, int i, uint8_t module, int p, int n, bool sees)
{
    hub_object_id_t id = object_id(module, p, n);
    hub_object_t head;
    hub_key_t key;
    hub_slice_t bytes;
    int64_t updated = 0, shown;
    unsigned odd;
    yyjson_doc *doc;
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    hub_err_t err =
        hub_objects_view(view, pool, &model.partner[i].integration, module, hub_key_slice(&key), OCPI_V2_2_1, &bytes, &head, &updated);
    assert_int_equal(err, sees ? HUB_EOK : HUB_ENOT_FOUND);
    if (!sees)
        return;
    assert_int_equal(ocpi_read(pool, bytes, &doc, NULL), HUB_EOK);
    assert_true(ocpi_time_parse(ocpi_get_str(yyjson_doc_get_root(doc), "last_updated"), &shown, &odd));
    assert_true(shown == updated); /* lists filter by what the object says */
    if (module == OCPI_MODULE_LOCATIONS)
        check_names(i, p, n, yyjson_doc_get_root(doc));
}

static void check_partner(hub_view_t *view, int i, uint8_t module, int per_party)
{
    hub_slice_t keys[3][PARTIES * (PLACES + PRICES)];
    uint32_t counts[3];
    assert_true(listed(view, i, module, INT64_MIN, 3, keys[0], &counts[0]));
    assert_true(listed(view, i, module, INT64_MIN, 100, keys[1], &counts[1]));
    assert_true(listed(view, i, module, 1, 2, keys[2], &counts[2])); /* with a window, counted row by row */
    assert_int_equal(counts[0], counts[1]);
    assert_int_equal(counts[0], counts[2]);
    uint32_t expected = 0;
    for (int p = 0; p < PARTIES; p++) {
        for (int n = 0; n < per_party; n++) {
            bool place = module == OCPI_MODULE_LOCATIONS;
            bool sees = place ? sees_place(i, p, n) || model.partner[i].bound[p][n].withdrawn : sees_price(i, p, n);
            hub_object_id_t id = object_id(module, p, n);
            hub_key_t key;
            assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
            for (int k = 0; k < 3; k++)
                assert_int_equal(contains(keys[k], counts[k], &key), sees);
            check_one(view, i, module, p, n, sees);
            expected += sees;
        }
    }
    assert_int_equal(counts[0], expected);
}

static hub_view_t *view_open; /* closed by tear_down when a check fails */

static void check_all(void)
{
    hub_view_t *view = view_open = fixture_view(&fixture);
    model_settle();
    for (int i = 0; i < PARTNERS; i++) {
        check_partner(view, i, OCPI_MODULE_LOCATIONS, PLACES);
        check_partner(view, i, OCPI_MODULE_TARIFFS, PRICES);
    }
    hub_view_close(view);
    view_open = NULL;
}

static void (*const operations[])(void) = {op_put_place, op_put_place,    op_put_place, op_remove_place, op_put_price,
                                           op_put_price, op_remove_price, op_bind,      op_bind,         op_bind,
                                           op_grant,     op_grant,        op_settings,  op_expire};

static uint32_t records(hub_view_t *view, hub_table_t table, const char *kind)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint32_t count = 0;
    hub_key_init(&prefix);
    if (kind)
        hub_key_u8(&prefix, (uint8_t)*kind);
    hub_scan_init(&scan, view, table, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        count++;
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    return count;
}

/* A deleted integration leaves nothing behind. */
static void check_nothing_is_left(void)
{
    static const char *const kinds[] = {"S", "A", "B"};
    for (int i = 0; i < PARTNERS; i++)
        assert_int_equal(fixture_apply(&fixture, do_settings, &(settings_t){.old = &model.partner[i].integration}), HUB_EOK);
    hub_view_t *view = view_open = fixture_view(&fixture);
    assert_int_equal(records(view, HUB_TABLE_BINDING, NULL), 0);
    for (size_t k = 0; k < HUB_COUNT(kinds); k++)
        assert_int_equal(records(view, HUB_TABLE_REFERENCE, kinds[k]), 0);
    for (int i = 0; i < PARTNERS; i++)
        assert_int_equal(
            hub_audience_count(view, hub_audience(HUB_AUDIENCE_OVERLAY, model.partner[i].integration.id), OCPI_MODULE_LOCATIONS), 0);
    hub_view_close(view);
    view_open = NULL;
}

static void a_partner_sees_what_the_rules_say(void **state)
{
    (void)state;
    const char *steps = getenv("SHARING_STEPS");
    for (int i = 0; i < PARTNERS; i++) {
        choose_settings(i);
        assert_int_equal(fixture_apply(&fixture, do_settings, &(settings_t){.now = &model.partner[i].integration}), HUB_EOK);
    }
    for (int step = 0; step < (steps ? atoi(steps) : 800); step++) {
        unsigned which = pick(HUB_COUNT(operations));
        now += 1000;
        if (operations[which] == op_expire && pick(5))
            continue;
        operations[which]();
        check_all();
        hub_pool_clear(pool);
    }
    fixture_verify(&fixture); /* rows and counters */
    check_nothing_is_left();
}

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, (hub_store_config_t){0});
    core = (hub_core_t){.store = fixture.store, .metrics = &metrics};
    memset(&model, 0, sizeof model);
    pool = hub_pool_create();
    now = 1790000000000ll;
    return (int)fixture_apply(&fixture, put_parties, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    hub_view_close(view_open);
    hub_pool_destroy(pool);
    fixture_close(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_partner_sees_what_the_rules_say, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
