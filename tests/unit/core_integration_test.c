/* Integrations decoded, cached and followed: without sockets, on a store of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core_fixture.h"
#include "face.h"
#include "integration/integration_setting.h"
#include "integration/party.h"
#include "integration/registration.h"
#include "object/objects.h"

static fixture_t f;
static hub_pool_t *pool;

static int open_all(void **state)
{
    (void)state;
    fixture_open(&f, "https://hub.example");
    pool = hub_pool_create();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    fixture_close(&f);
    return 0;
}

/* One request on the engine; the body of the answer lies in the pool. */
static int ask(hub_method_t method, const char *path, const char *body, hub_slice_t *answer)
{
    fixture_request_t *request = fixture_request(&f, method, path, hub_slice_str(body));
    request->x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_ADMIN_KEY);
    hub_exchange_run(&request->x);
    for (int i = 0; i < 5000 && !request->done; i++) {
        (void)hub_mailbox_drain(f.mailbox);
        usleep(500);
    }
    assert_true(request->done);
    int status = request->x.reply.status;
    if (answer)
        *answer = hub_pool_copy(pool, request->x.reply.body);
    fixture_request_free(request);
    return status;
}

static uint32_t make(const char *body)
{
    hub_slice_t answer;
    yyjson_doc *doc;
    uint64_t id;
    int status = ask(HUB_POST, "/v1/integrations", body, &answer);
    if (status != 201)
        fail_msg("%d %.*s", status, HUB_SLICE_FMT(answer));
    assert_int_equal(ocpi_read(pool, answer, &doc, NULL), HUB_EOK);
    assert_true(hub_slice_u64(ocpi_get_str(yyjson_doc_get_root(doc), "id"), &id));
    return (uint32_t)id;
}

static int patch(uint32_t id, const char *body)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/integrations/%u", id);
    return ask(HUB_PATCH, path, body, NULL);
}

static hub_err_t get(uint32_t id, hub_integration_t **out)
{
    hub_view_t *view;
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    hub_err_t err = hub_integration_get(f.worker, view, HUB_TENANT_DEFAULT, id, out);
    hub_view_close(view);
    return err;
}

static void decoded(void **state)
{
    (void)state;
    hub_integration_t *i;
    assert_int_equal(ask(HUB_POST, "/v1/parties", "{\"countryCode\":\"NL\",\"partyId\":\"ABC\",\"roles\":[\"CPO\",\"EMSP\"]}", NULL), 201);
    uint32_t id =
        make("{\"integrationName\":\"\\u00e9\",\"models\":{\"pushLocation\":true,\"pullCdr\":true,\"chargingPeriodIntervalInMinutes\":9},"
             "\"ocpiConnection\":{\"initialRole\":\"RECEIVER\",\"initialToken\":\"decoded-token\",\"customerRoles\":[\"CPO\",\"OpenData\"],"
             "\"thirdPartyId\":\"BET\",\"thirdPartyCountryCode\":\"DE\",\"versions\":[\"2.2.1\"],\"locationSharing\":\"BOUND\","
             "\"tariffSharing\":\"ALL\",\"profile\":{\"tokenEncoding\":\"raw\",\"strict\":true,\"timeoutMs\":700},\"schedule\":{"
             "\"fullHours\":3}}}");
    assert_int_equal(get(id, &i), HUB_EOK);
    assert_true(hub_slice_eq_str(i->name, "\xC3\xA9") && i->is_ocpi && i->enabled && i->version == 1);
    assert_int_equal(i->models, HUB_MODEL_PUSH_LOCATION | HUB_MODEL_PULL_CDR);
    assert_int_equal(i->charging_period_minutes, 9);
    assert_int_equal(i->state_of_charge, -1);
    assert_true(i->has_initial_role && !i->initial_sender && hub_slice_eq_str(i->initial_token, "decoded-token"));
    assert_int_equal(i->customer_roles, OCPI_ROLE_CPO | OCPI_ROLE_OPEN_DATA);
    assert_true(hub_slice_eq_str(i->third_party, "BET") && hub_slice_eq_str(i->third_country, "DE"));
    assert_int_equal(i->versions, OCPI_V2_2_1);
    assert_true(i->sharing_bound && i->tariffs_all);
    assert_int_equal(i->party_count, 1);
    assert_true(strcmp(i->parties[0].country, "NL") == 0 && strcmp(i->parties[0].party, "ABC") == 0 && i->parties[0].id > 0);
    assert_int_equal(i->parties[0].roles, OCPI_ROLE_CPO); /* what party and connection have in common */
    assert_true(i->profile.token_encoding == HUB_TOKEN_RAW && i->profile.strict && i->profile.timeout_ms == 700 &&
                i->profile.page_limit == 0);
    assert_true(i->delta_minutes == 60 && i->full_hours == 3);
    assert_int_equal(i->status, HUB_STATUS_AWAITING_PARTNER);
    hub_integration_unref(i);
}

static void cached_until_something_changes(void **state)
{
    (void)state;
    hub_integration_t *a, *b;
    uint32_t id = make("{\"integrationName\":\"c\",\"ocpiConnection\":{\"initialRole\":\"RECEIVER\"}}");
    assert_int_equal(get(id, &a), HUB_EOK);
    assert_int_equal(get(id, &b), HUB_EOK);
    assert_ptr_equal(a, b);
    hub_integration_unref(b);
    assert_int_equal(patch(id, "{\"models\":{\"pushCdr\":true}}"), 204);
    assert_int_equal(get(id, &b), HUB_EOK);
    assert_ptr_not_equal(a, b);
    assert_int_equal(a->models, 0); /* who holds the old one keeps it as it was */
    assert_int_equal(b->models, HUB_MODEL_PUSH_CDR);
    hub_integration_unref(a);
    assert_int_equal(patch(id, "{\"retryCredentialsExchange\":true}"), 204); /* changes both records */
    assert_int_equal(get(id, &a), HUB_EOK);
    assert_ptr_not_equal(a, b);
    assert_true(a->registration_version > b->registration_version);
    hub_integration_unref(a);
    hub_integration_unref(b);
}

static void gone_when_deleted(void **state)
{
    (void)state;
    hub_integration_t *i;
    char path[64];
    uint32_t id = make("{\"integrationName\":\"d\",\"integrationType\":\"Salesforce\"}");
    assert_int_equal(get(id, &i), HUB_EOK);
    hub_integration_unref(i);
    (void)snprintf(path, sizeof path, "/v1/integrations/%u", id);
    assert_int_equal(ask(HUB_DELETE, path, NULL, NULL), 204);
    assert_int_equal(get(id, &i), HUB_ENOT_FOUND);
    assert_int_equal(get(4000000000u, &i), HUB_ENOT_FOUND);
}

typedef struct removing {
    hub_op_t op;
    uint32_t id;
    bool gone;
} removing_t;

static hub_err_t apply_objects(hub_view_t *view, hub_op_t *op)
{
    removing_t *r = (removing_t *)op;
    hub_err_t err = HUB_EOK;
    for (int i = 0; i < 7 && !err; i++) {
        hub_object_id_t id = {
            HUB_TENANT_DEFAULT, r->id, OCPI_MODULE_TARIFFS, HUB_SLICE_LIT("DE"), HUB_SLICE_LIT("BET"), hub_pool_printf(pool, "T%d", i),
            HUB_SLICE_NONE};
        hub_object_t object = {.last_updated = 1, .received_at = 1, .audience_count = 1, .bytes = HUB_SLICE_LIT("{}")};
        object.audiences[0] = hub_audience(HUB_AUDIENCE_RECEIVED, r->id);
        err = hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
    }
    return err;
}

static hub_err_t apply_remove(hub_view_t *view, hub_op_t *op)
{
    removing_t *r = (removing_t *)op;
    return hub_integration_remove(f.core, view, pool, HUB_TENANT_DEFAULT, r->id, 3, &r->gone);
}

static void removed_step_by_step_with_what_the_partner_gave(void **state)
{
    (void)state;
    hub_integration_t *i;
    hub_view_t *view;
    removing_t r = {.op.apply = apply_objects};
    r.id = make("{\"integrationName\":\"s\"}");
    assert_int_equal(hub_store_apply(f.store, &r.op), HUB_EOK);
    r.op.apply = apply_remove;
    for (uint64_t left = 4; left > 0; left -= left < 3 ? left : 3) { /* 7 objects, 3 at a time */
        assert_int_equal(hub_store_apply(f.store, &r.op), HUB_EOK);
        assert_false(r.gone);
        assert_int_equal(get(r.id, &i), HUB_EOK); /* a crash in between leaves something that can be deleted again */
        hub_integration_unref(i);
        assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
        assert_int_equal(hub_audience_count(view, hub_audience(HUB_AUDIENCE_RECEIVED, r.id), OCPI_MODULE_TARIFFS), left);
        hub_view_close(view);
    }
    assert_int_equal(hub_store_apply(f.store, &r.op), HUB_EOK);
    assert_true(r.gone);
    assert_int_equal(get(r.id, &i), HUB_ENOT_FOUND);
    assert_int_equal(hub_store_apply(f.store, &r.op), HUB_ENOT_FOUND);
}

static hub_err_t apply_tokens(hub_view_t *view, hub_op_t *op)
{
    removing_t *r = (removing_t *)op;
    hub_integration_t *from;
    hub_err_t err = hub_integration_load(f.core, view, HUB_TENANT_DEFAULT, r->id, &from);
    for (int n = 0; n < 4 && !err; n++) {
        hub_incoming_t in = {
            .tenant = HUB_TENANT_DEFAULT, .from = from, .module = OCPI_MODULE_TOKENS, .version = OCPI_V2_2_1, .now = 1000 + n};
        in.text = hub_pool_printf(pool,
                                  "{\"country_code\":\"DE\",\"party_id\":\"T%02d\",\"uid\":\"U\",\"type\":\"RFID\",\"contract_id\":\"C%d\","
                                  "\"issuer\":\"I\",\"valid\":true,\"whitelist\":\"ALWAYS\",\"last_updated\":\"2026-01-01T00:00:0%dZ\"}",
                                  n / 3, n, n); /* one token with three contracts in turn, and another */
        err = hub_objects_store(f.core, view, pool, &in);
    }
    hub_integration_unref(from);
    return err;
}

static unsigned references(char kind)
{
    hub_view_t *view;
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    unsigned count = 0;
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    hub_key_init(&prefix);
    hub_key_u8(&prefix, (uint8_t)kind);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        count++;
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return count;
}

/* What tokens leave beside themselves goes with them: contracts, and the parties reached through the partner. */
static void tokens_leave_nothing_when_the_partner_goes(void **state)
{
    (void)state;
    removing_t r = {.op.apply = apply_tokens};
    r.id = make("{\"integrationName\":\"t\",\"ocpiConnection\":{\"profile\":{\"foreignParties\":true}}}");
    assert_int_equal(hub_store_apply(f.store, &r.op), HUB_EOK);
    assert_int_equal(references('E'), 2); /* a contract that changed is not left behind either */
    assert_int_equal(references('G'), 2);
    r.op.apply = apply_remove;
    while (!r.gone)
        assert_int_equal(hub_store_apply(f.store, &r.op), HUB_EOK);
    assert_int_equal(references('E'), 0);
    assert_int_equal(references('G'), 0);
}

static void profile_of_the_approved_party(void **state)
{
    (void)state;
    hub_integration_t *i;
    hub_slice_t answer;
    uint64_t known;
    yyjson_doc *doc;
    char body[256], path[64];
    assert_int_equal(ask(HUB_POST, "/v1/approved-parties", "{\"name\":\"k\",\"profile\":{\"pageLimit\":7,\"strict\":true}}", &answer), 201);
    assert_int_equal(ocpi_read(pool, answer, &doc, NULL), HUB_EOK);
    assert_true(hub_slice_u64(ocpi_get_str(yyjson_doc_get_root(doc), "id"), &known));
    (void)snprintf(
        body, sizeof body,
        "{\"integrationName\":\"p\",\"approvedPartyId\":%u,\"ocpiConnection\":{\"profile\":{\"strict\":false,\"timeoutMs\":900}}}",
        (unsigned)known);
    uint32_t id = make(body);
    assert_int_equal(get(id, &i), HUB_EOK);
    assert_true(i->profile.page_limit == 7 && !i->profile.strict && i->profile.timeout_ms == 900);
    hub_integration_unref(i);
    (void)snprintf(path, sizeof path, "/v1/approved-parties/%u", (unsigned)known);
    assert_int_equal(ask(HUB_PATCH, path, "{\"profile\":{\"pageLimit\":9}}", NULL), 200);
    assert_int_equal(get(id, &i), HUB_EOK); /* a cached integration follows */
    assert_int_equal(i->profile.page_limit, 9);
    hub_integration_unref(i);
    assert_int_equal(ask(HUB_DELETE, path, NULL, NULL), 204);
    assert_int_equal(get(id, &i), HUB_EOK);
    assert_int_equal(i->profile.page_limit, 0);
    hub_integration_unref(i);
}

static void changes_are_noted(void **state)
{
    (void)state;
    uint32_t id = make("{\"integrationName\":\"n\"}"), tenant, found, updates = 0;
    bool status;
    hub_view_t *view;
    hub_change_scan_t scan;
    hub_change_t change;
    const hub_stream_t stream = {.tenant = HUB_TENANT_DEFAULT, .kind = HUB_STREAM_OWN, .module = HUB_MODULE_INTEGRATION};
    uint64_t before = hub_store_seq(f.store);
    assert_int_equal(patch(id, "{\"reference\":\"r\"}"), 204);
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    hub_change_scan_init(&scan, view, &stream, before);
    while (hub_change_scan_next(&scan, &change)) {
        assert_true(hub_integration_change_parse(change.key, &tenant, &found, &status));
        assert_true(tenant == HUB_TENANT_DEFAULT && found == id && !status && change.kind == HUB_CHANGE_OBJECT);
        updates++;
    }
    assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    assert_int_equal(updates, 1);
    assert_false(hub_integration_change_parse(HUB_SLICE_LIT("short"), &tenant, &found, &status));
}

static void parties_are_found(void **state)
{
    (void)state;
    hub_view_t *view;
    hub_party_t party, *all;
    uint32_t count;
    assert_int_equal(ask(HUB_POST, "/v1/parties",
                         "{\"countryCode\":\"be\",\"partyId\":\"Xyz\",\"roles\":[\"HUB\"],\"businessDetails\":{\"name\":\"X\"}}", NULL),
                     201);
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    assert_int_equal(hub_party_find(view, pool, HUB_TENANT_DEFAULT, HUB_SLICE_LIT("BE"), HUB_SLICE_LIT("XYZ"), &party), HUB_EOK);
    assert_true(strcmp(party.country, "be") == 0 && strcmp(party.party, "Xyz") == 0 && party.roles == OCPI_ROLE_HUB);
    assert_true(hub_slice_eq_str(party.business_details, "{\"name\":\"X\"}"));
    assert_int_equal(hub_party_get(view, pool, HUB_TENANT_DEFAULT, party.id, &party), HUB_EOK);
    assert_int_equal(hub_party_get(view, pool, HUB_TENANT_DEFAULT + 1, party.id, &party), HUB_ENOT_FOUND);
    assert_int_equal(hub_party_find(view, pool, HUB_TENANT_DEFAULT, HUB_SLICE_LIT("BE"), HUB_SLICE_LIT("XY"), &party), HUB_ENOT_FOUND);
    assert_int_equal(hub_party_find(view, pool, HUB_TENANT_DEFAULT, hub_slice("B\0", 2), HUB_SLICE_LIT("XYZ"), &party), HUB_ENOT_FOUND);
    assert_int_equal(hub_party_all(view, pool, HUB_TENANT_DEFAULT, &all, &count), HUB_EOK);
    assert_int_equal(count, 2);
    assert_true(hub_integration_uses_party(view, HUB_TENANT_DEFAULT, all[0].id));
    assert_false(hub_integration_uses_party(view, HUB_TENANT_DEFAULT, all[1].id));
    hub_view_close(view);
}

static void key_of_the_first_start(void **state)
{
    (void)state;
    char key[HUB_TOKEN_LEN + 1];
    assert_int_equal(hub_key_make(f.core, HUB_SLICE_LIT("first"), HUB_PERMIT_PARTY_READ, key), HUB_EOK);
    fixture_request_t *request = fixture_request(&f, HUB_GET, "/v1/parties", HUB_SLICE_NONE);
    request->x.header[HUB_HEADER_AUTHORIZATION] = hub_pool_printf(pool, "Bearer %s", key);
    hub_exchange_run(&request->x);
    assert_true(request->done && request->x.reply.status == 200);
    fixture_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded),
        cmocka_unit_test(cached_until_something_changes),
        cmocka_unit_test(gone_when_deleted),
        cmocka_unit_test(removed_step_by_step_with_what_the_partner_gave),
        cmocka_unit_test(tokens_leave_nothing_when_the_partner_goes),
        cmocka_unit_test(profile_of_the_approved_party),
        cmocka_unit_test(changes_are_noted),
        cmocka_unit_test(parties_are_found),
        cmocka_unit_test(key_of_the_first_start),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
