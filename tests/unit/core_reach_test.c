/* Who sees our sessions, CDRs and tokens: lists, totals, windows and single looks against a model that asks the rule of every object anew,
 * after each of many random operations. */
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
#include "sharing/sharing.h"
#include "store_fixture.h"

#define TENANT 1u
#define OURS 3     /* our parties */
#define THEIRS 6   /* parties whose tokens charge here */
#define PARTNERS 6 /* the last but one a hub, the last one a CPO */
#define OBJECTS 8  /* of a module and party */
#define ROLE_MAX 3

static const uint8_t modules[] = {OCPI_MODULE_SESSIONS, OCPI_MODULE_CDRS, OCPI_MODULE_TOKENS};

static struct model {
    int token_of[HUB_COUNT(modules)][OURS][OBJECTS]; /* the party of its cdr_token (a token: 0); -1: there is none such object */
    struct {
        hub_integration_t integration;
        hub_party_ref_t parties[OURS], roles[ROLE_MAX];
        bool reached[THEIRS];
    } partner[PARTNERS];
} model;

static fixture_t fixture;
static hub_core_t core;
static hub_metrics_t metrics;
static hub_pool_t *pool; /* of one step */
static hub_view_t *view_open;
static int64_t now;

static unsigned pick(unsigned below)
{
    static uint64_t state = 88172645463325252ull;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static const char *our_code(int p)
{
    static const char *const codes[OURS] = {"AAA", "BBB", "CCC"};
    return codes[p];
}

static hub_slice_t their_code(int t, bool odd)
{
    return hub_pool_printf(pool, odd ? "t%dX" : "T%dx", t); /* codes compare without case */
}

/* ---- the store ---- */

static void add_setting(hub_buf_t *out, char id, const char *json)
{
    const char length[4] = {0, 0, 0, (char)strlen(json)};
    hub_buf_add_char(out, id);
    hub_buf_add(out, hub_slice(length, 4));
    hub_buf_add_str(out, json);
}

static hub_err_t put_party(hub_view_t *view, uint32_t id, const char *code)
{
    hub_buf_t record = HUB_BUF_INIT(pool);
    hub_key_t key;
    hub_buf_add(&record, hub_slice("\0\0\0\0\0\0\0\1", 8));
    add_setting(&record, 1, "\"NL\"");
    add_setting(&record, 2, hub_pool_printf(pool, "\"%s\"", code).ptr);
    add_setting(&record, 3, "[\"CPO\",\"EMSP\"]");
    hub_key_init(&key);
    hub_key_u32(&key, TENANT);
    hub_key_u32(&key, id);
    hub_err_t err = hub_view_put(view, HUB_TABLE_PARTY, &key, hub_buf_slice(&record));
    hub_key_init(&key);
    hub_key_u8(&key, 'C');
    hub_key_u32(&key, TENANT);
    hub_key_folded(&key, HUB_SLICE_LIT("NL"));
    hub_key_folded(&key, hub_slice_str(code));
    const char number[4] = {0, 0, 0, (char)id};
    return err ? err : hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice(number, 4));
}

static hub_err_t put_parties(hub_view_t *view, void *arg)
{
    (void)arg;
    hub_err_t err = HUB_EOK;
    for (int p = 0; p < OURS && !err; p++)
        err = put_party(view, (uint32_t)p + 1, our_code(p));
    return err;
}

#define SESSION                                                                                                                            \
    "{\"country_code\":\"NL\",\"party_id\":\"%s\",\"id\":\"%d\",\"start_date_time\":\"2026-01-01T10:00:00Z\",\"kwh\":%d,"                  \
    "\"cdr_token\":{\"country_code\":\"%.*s\",\"party_id\":\"%.*s\",\"uid\":\"U\",\"type\":\"RFID\",\"contract_id\":\"C\"},"               \
    "\"auth_method\":\"WHITELIST\",\"location_id\":\"L\",\"evse_uid\":\"E\",\"connector_id\":\"1\",\"currency\":\"EUR\","                  \
    "\"status\":\"ACTIVE\",\"last_updated\":\"%s\"}"
#define CDR                                                                                                                                \
    "{\"country_code\":\"NL\",\"party_id\":\"%s\",\"id\":\"%d\",\"start_date_time\":\"2026-01-01T10:00:00Z\",\"end_date_time\":"           \
    "\"2026-01-01T11:00:00Z\",\"total_energy\":%d,\"cdr_token\":{\"country_code\":\"%.*s\",\"party_id\":\"%.*s\",\"uid\":\"U\","           \
    "\"type\":\"RFID\",\"contract_id\":\"C\"},\"auth_method\":\"WHITELIST\",\"cdr_location\":{\"id\":\"L\",\"address\":\"A\",\"city\":"    \
    "\"C\",\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\",\"longitude\":\"4.35710\"},\"evse_uid\":\"E\",\"evse_id\":"      \
    "\"NL*AAA*E1\",\"connector_id\":\"1\",\"connector_standard\":\"IEC_62196_T2\",\"connector_format\":\"SOCKET\","                        \
    "\"connector_power_type\":\"AC_3_PHASE\"},\"currency\":\"EUR\",\"charging_periods\":[{\"start_date_time\":"                            \
    "\"2026-01-01T10:00:00Z\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":1}]}],\"total_cost\":{\"excl_vat\":1},\"total_time\":1,"     \
    "\"last_updated\":\"%s\"}"
#define TOKEN                                                                                                                              \
    "{\"country_code\":\"NL\",\"party_id\":\"%s\",\"uid\":\"%d\",\"type\":\"RFID\",\"contract_id\":\"C%d\",\"issuer\":\"I%.*s%.*s\","      \
    "\"valid\":true,\"whitelist\":\"ALWAYS\",\"last_updated\":\"%s\"}"

typedef struct storing {
    hub_incoming_t in;
    hub_err_t result;
} storing_t;

static hub_err_t do_store(hub_view_t *view, void *arg)
{
    storing_t *storing = arg;
    storing->result = hub_objects_store(&core, view, pool, &storing->in);
    return hub_objects_refused(storing->result) ? HUB_EOK : storing->result;
}

static hub_err_t store(unsigned m, int p, int n, int t)
{
    static const char *const texts[] = {SESSION, CDR, TOKEN};
    char time[OCPI_TIME_MAX + 1];
    hub_slice_t code = their_code(t, pick(2)), country = pick(2) ? HUB_SLICE_LIT("DE") : HUB_SLICE_LIT("de");
    ocpi_time_format(now, time);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    hub_slice_t text = hub_pool_printf(pool, texts[m], our_code(p), n, (int)pick(1000), HUB_SLICE_FMT(country), HUB_SLICE_FMT(code), time);
#pragma GCC diagnostic pop
    storing_t storing = {{.tenant = TENANT, .module = modules[m], .version = OCPI_V2_2_1, .text = text, .now = now}, HUB_EOK};
    assert_int_equal(fixture_apply(&fixture, do_store, &storing), HUB_EOK);
    return storing.result;
}

static void op_store(void)
{
    unsigned m = pick(HUB_COUNT(modules));
    int p = (int)pick(OURS), n = (int)pick(OBJECTS), t = (int)pick(THEIRS);
    bool again = modules[m] == OCPI_MODULE_CDRS && model.token_of[m][p][n] >= 0;
    hub_err_t err = store(m, p, n, t);
    assert_int_equal(err, again ? HUB_ECONFLICT : HUB_EOK); /* D3 (the numbers differ nearly always: when not, nothing changes) */
    if (!again)
        model.token_of[m][p][n] = t;
}

/* ---- partners ---- */

static bool has_role(int i, int t)
{
    const hub_integration_t *partner = &model.partner[i].integration;
    for (uint32_t r = 0; r < partner->peer_role_count; r++)
        if (partner->peer_roles[r].party[1] == '0' + t)
            return true;
    return false;
}

static void choose_roles(int i)
{
    hub_integration_t *partner = &model.partner[i].integration;
    partner->peer_roles = model.partner[i].roles;
    partner->peer_role_count = pick(ROLE_MAX + 1);
    partner->peer_is_hub = i == PARTNERS - 2;
    partner->peer_role_mask = i == PARTNERS - 1 ? OCPI_ROLE_CPO : partner->peer_is_hub ? OCPI_ROLE_HUB : pick(3) ? OCPI_ROLE_EMSP : 0;
    for (uint32_t r = 0; r < partner->peer_role_count; r++) {
        snprintf(partner->peer_roles[r].country, sizeof partner->peer_roles[r].country, "DE");
        snprintf(partner->peer_roles[r].party, sizeof partner->peer_roles[r].party, "T%uX", pick(THEIRS));
    }
}

static void choose_parties(int i)
{
    hub_integration_t *partner = &model.partner[i].integration;
    partner->tenant = TENANT;
    partner->id = (uint32_t)i + 1;
    partner->parties = model.partner[i].parties;
    partner->party_count = 0;
    for (uint32_t p = 0; p < OURS; p++)
        if (pick(3))
            partner->parties[partner->party_count++].id = p + 1;
}

static void op_roles(void)
{
    choose_roles((int)pick(PARTNERS));
}

static void op_parties(void)
{
    choose_parties((int)pick(PARTNERS));
}

typedef struct giving {
    const hub_integration_t *from;
    hub_slice_t party;
} giving_t;

static hub_err_t do_give(hub_view_t *view, void *arg)
{
    const giving_t *giving = arg;
    return hub_reach_note(&core, view, giving->from, HUB_SLICE_LIT("De"), giving->party);
}

static void op_give(void)
{
    int i = (int)pick(PARTNERS), t = (int)pick(THEIRS);
    giving_t giving = {&model.partner[i].integration, their_code(t, pick(2))};
    assert_int_equal(fixture_apply(&fixture, do_give, &giving), HUB_EOK);
    model.partner[i].reached[t] |= !has_role(i, t);
}

static hub_err_t do_forget(hub_view_t *view, void *arg)
{
    return hub_reach_forget(view, *(uint32_t *)arg);
}

static void op_forget(void)
{
    uint32_t i = pick(PARTNERS), id = i + 1;
    if (pick(6))
        return;
    assert_int_equal(fixture_apply(&fixture, do_forget, &id), HUB_EOK);
    memset(model.partner[i].reached, 0, sizeof model.partner[i].reached);
}

/* ---- the rule ---- */

static bool sees(int i, unsigned m, int p, int n)
{
    const hub_integration_t *partner = &model.partner[i].integration;
    bool ours = false;
    int t = model.token_of[m][p][n];
    for (uint32_t k = 0; k < partner->party_count; k++)
        ours |= partner->parties[k].id == (uint32_t)p + 1;
    if (t < 0 || !ours || (partner->peer_role_mask && !(ocpi_role_sides(partner->peer_role_mask, modules[m]) & OCPI_RECEIVER)))
        return false;
    return modules[m] == OCPI_MODULE_TOKENS || has_role(i, t) || model.partner[i].reached[t];
}

static void check_list(hub_view_t *view, int i, unsigned m, int64_t from, uint32_t limit, uint32_t expected)
{
    hub_list_query_t query = {.from = from, .to = INT64_MAX, .limit = limit, .count = true};
    hub_list_page_t page;
    uint64_t last = 0;
    uint32_t count = 0;
    query.from = from;
    assert_int_equal(hub_sharing_list(view, pool, &model.partner[i].integration, modules[m], &query), HUB_EOK);
    do {
        assert_int_equal(hub_list(view, &query, pool, &page), HUB_EOK);
        for (uint32_t n = 0; n < page.count; n++) {
            hub_object_id_t id;
            assert_true(page.rows[n].created_seq > last);
            last = page.rows[n].created_seq;
            assert_true(hub_object_key_parse(page.rows[n].key, &id));
            assert_true(sees(i, m, id.party.ptr[0] - 'a', id.id.ptr[0] - '0'));
            count++;
        }
        query.position = page.next;
    } while (page.next.len);
    assert_int_equal(count, expected);
    assert_int_equal(page.total, expected);
}

static bool view_shows(hub_view_t *view, int i, unsigned m, int p, int n)
{
    hub_object_id_t id = {.tenant = TENANT,
                          .module = modules[m],
                          .country = HUB_SLICE_LIT("NL"),
                          .party = hub_slice_str(our_code(p)),
                          .id = hub_pool_printf(pool, "%d", n),
                          .type = modules[m] == OCPI_MODULE_TOKENS ? HUB_SLICE_LIT("RFID") : HUB_SLICE_NONE};
    hub_key_t key;
    hub_slice_t bytes;
    hub_object_t head;
    int64_t updated;
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    hub_err_t err =
        hub_objects_view(view, pool, &model.partner[i].integration, modules[m], hub_key_slice(&key), OCPI_V2_2_1, &bytes, &head, &updated);
    assert_true(err == HUB_EOK || err == HUB_ENOT_FOUND);
    return err == HUB_EOK;
}

static void check_all(void)
{
    hub_view_t *view = view_open = fixture_view(&fixture);
    for (int i = 0; i < PARTNERS; i++)
        for (unsigned m = 0; m < HUB_COUNT(modules); m++) {
            uint32_t expected = 0;
            for (int p = 0; p < OURS; p++)
                for (int n = 0; n < OBJECTS; n++) {
                    assert_int_equal(view_shows(view, i, m, p, n), sees(i, m, p, n));
                    expected += sees(i, m, p, n);
                }
            check_list(view, i, m, INT64_MIN, 3, expected);
            check_list(view, i, m, 1, 100, expected);
        }
    hub_view_close(view);
    view_open = NULL;
}

static void (*const operations[])(void) = {op_store, op_store, op_store, op_store, op_give, op_give, op_roles, op_parties, op_forget};

static void a_partner_sees_what_its_tokens_did(void **state)
{
    (void)state;
    const char *steps = getenv("SHARING_STEPS");
    for (int i = 0; i < PARTNERS; i++) {
        choose_parties(i);
        choose_roles(i);
    }
    for (int step = 0; step < (steps ? atoi(steps) : 500); step++) {
        now += 1000;
        operations[pick(HUB_COUNT(operations))]();
        check_all();
        hub_pool_clear(pool);
    }
    fixture_verify(&fixture);
}

/* ---- audiences of a pair ---- */

static void pairs_go_both_ways(void **state)
{
    (void)state;
    char country[3], party[4];
    uint32_t ours;
    hub_audience_t pair = hub_audience_pair(2097151, HUB_SLICE_LIT("Nl"), HUB_SLICE_LIT("T~z"));
    assert_true(hub_audience_pair_parse(pair, &ours, country, party));
    assert_int_equal(ours, 2097151);
    assert_string_equal(country, "nl");
    assert_string_equal(party, "t~z");
    assert_true(hub_audience_pair(1, HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("AB")) !=
                hub_audience_pair(1, HUB_SLICE_LIT("N"), HUB_SLICE_LIT("LAB")));
    assert_true(hub_audience_pair(1, HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("ABC")) ==
                hub_audience_pair(1, HUB_SLICE_LIT("nl"), HUB_SLICE_LIT("abC")));
    assert_int_equal(hub_audience_pair(2097152, HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("ABC")), 0);
    assert_int_equal(hub_audience_pair(0, HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("ABC")), 0);
    assert_int_equal(hub_audience_pair(1, HUB_SLICE_LIT("NLD"), HUB_SLICE_LIT("ABC")), 0);
    assert_int_equal(hub_audience_pair(1, HUB_SLICE_LIT("NL"), HUB_SLICE_NONE), 0);
    assert_int_equal(hub_audience_pair(1, HUB_SLICE_LIT("NL"), HUB_SLICE_LIT("\xc3\xa9z")), 0);
    assert_false(hub_audience_pair_parse(hub_audience(HUB_AUDIENCE_PARTY_ALL, 7), &ours, country, party));
}

static hub_err_t do_give_many(hub_view_t *view, void *arg)
{
    hub_err_t err = HUB_EOK;
    for (int t = 0; t < *(int *)arg && !err; t++)
        err = hub_reach_note(&core, view, &model.partner[PARTNERS - 2].integration, HUB_SLICE_LIT("FR"), hub_pool_printf(pool, "%03x", t));
    return err;
}

/* More pairs than a list takes: it is cut there; and no more parties are noted than HUB_REACH_PARTIES. */
static void bounds_of_a_large_hub(void **state)
{
    (void)state;
    int many = HUB_REACH_PARTIES + 100, i = PARTNERS - 2;
    choose_roles(i);
    model.partner[i].integration.party_count = 1;
    model.partner[i].integration.parties = model.partner[i].parties;
    model.partner[i].integration.tenant = TENANT;
    model.partner[i].integration.id = 9;
    model.partner[i].parties[0].id = 1;
    assert_int_equal(fixture_apply(&fixture, do_give_many, &many), HUB_EOK);
    for (int n = 0; n < HUB_LIST_AUDIENCES + 20; n++) {
        hub_slice_t text =
            hub_pool_printf(pool, SESSION, "AAA", n, 1, 2, "FR", 3, hub_pool_printf(pool, "%03x", n).ptr, "2026-01-01T00:00:00Z");
        storing_t storing = {{.tenant = TENANT, .module = OCPI_MODULE_SESSIONS, .version = OCPI_V2_2_1, .text = text, .now = now}, HUB_EOK};
        assert_int_equal(fixture_apply(&fixture, do_store, &storing), HUB_EOK);
        assert_int_equal(storing.result, HUB_EOK);
    }
    hub_view_t *view = view_open = fixture_view(&fixture);
    hub_list_query_t query = {.from = 1, .to = INT64_MAX, .limit = 1000, .count = true};
    hub_list_page_t page;
    assert_int_equal(hub_sharing_list(view, pool, &model.partner[i].integration, OCPI_MODULE_SESSIONS, &query), HUB_EOK);
    assert_int_equal(query.audience_count, HUB_LIST_AUDIENCES);
    assert_int_equal(hub_list(view, &query, pool, &page), HUB_EOK);
    assert_int_equal(page.total, HUB_LIST_AUDIENCES);
    for (int n = 0; n < HUB_LIST_AUDIENCES + 20; n++)
        assert_true(view_shows(view, i, 0, 0, n));
    hub_view_close(view);
    view_open = NULL;
}

static int set_up(void **state)
{
    (void)state;
    fixture_open(&fixture, (hub_store_config_t){0});
    core = (hub_core_t){.store = fixture.store, .metrics = &metrics};
    memset(&model, 0, sizeof model);
    memset(model.token_of, -1, sizeof model.token_of);
    pool = hub_pool_create();
    now = 1790000000000ll;
    hub_log_set(2, HUB_ERROR);
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
        cmocka_unit_test(pairs_go_both_ways),
        cmocka_unit_test_setup_teardown(a_partner_sees_what_its_tokens_did, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_of_a_large_hub, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
