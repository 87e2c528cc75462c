/* The absent/null rules of an integration's settings, as a table of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "integration/integration_setting.h"
#include "settings/collection.h"

static hub_crypto_t *crypto;

static int open_crypto(void **state)
{
    (void)state;
    const char *why;
    return (int)hub_crypto_open(NULL, HUB_SLICE_LIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &crypto, &why);
}

static int close_crypto(void **state)
{
    (void)state;
    hub_crypto_close(crypto);
    return 0;
}

typedef struct outcome {
    hub_setting_values_t values;
    ocpi_problems_t problems;
    uint64_t changed;
    bool ok;
} outcome_t;

static void update(hub_pool_t *pool, const char *body, const hub_setting_values_t *old, bool full, outcome_t *out)
{
    yyjson_doc *doc;
    hub_setting_input_t in;
    const hub_setting_seal_t seal = {crypto, HUB_SLICE_LIT("test")};
    memset(out, 0, sizeof *out);
    ocpi_problems_init(&out->problems, pool);
    assert_int_equal(ocpi_read(pool, hub_slice_str(body), &doc, NULL), HUB_EOK);
    out->ok = hub_setting_read(pool, &hub_integration_settings, true, yyjson_doc_get_root(doc), &in, &out->problems);
    if (!out->ok)
        return;
    out->ok = hub_setting_merge(pool, &hub_integration_settings, &seal, &in, old, full, &out->values, &out->changed, &out->problems) &&
              hub_integration_settle(&hub_integration_settings, pool, &in, &out->values, &out->problems);
}

static const char *shown(hub_pool_t *pool, const hub_setting_values_t *values, uint32_t row)
{
    const hub_setting_seal_t seal = {crypto, HUB_SLICE_LIT("test")};
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_setting_write(pool, &hub_integration_settings, values, &seal, true, row, &out);
    return hub_pool_str(pool, hub_buf_slice(&out));
}

#define WHOLE "\"integrationName\":\"n\",\"integrationType\":\"OCPI\""
enum { PUT, PATCH };

static const struct {
    const char *name, *before, *update;
    int method;
    uint32_t row;
    const char *want;
} cases[] = {
    {"flag absent at creation", "{" WHOLE "}", "{" WHOLE "}", PUT, S_PUSH_CDR, "false"},
    {"flag absent in PUT", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{" WHOLE "}", PUT, S_PUSH_CDR, "true"},
    {"flag absent in PUT with models", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{" WHOLE ",\"models\":{}}", PUT, S_PUSH_CDR, "true"},
    {"flag null in PUT", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{" WHOLE ",\"models\":{\"pushCdr\":null}}", PUT, S_PUSH_CDR, "true"},
    {"flag null in PATCH", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{\"models\":{\"pushCdr\":null}}", PATCH, S_PUSH_CDR, "true"},
    {"flag false", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{\"models\":{\"pushCdr\":false}}", PATCH, S_PUSH_CDR, "false"},
    {"models null", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{" WHOLE ",\"models\":null}", PUT, S_PUSH_CDR, "true"},
    {"other flag", "{" WHOLE ",\"models\":{\"pushCdr\":true}}", "{\"models\":{\"pullCdr\":true}}", PATCH, S_PUSH_CDR, "true"},
    {"option absent in PATCH", "{" WHOLE ",\"reference\":\"r\"}", "{\"enabled\":false}", PATCH, S_REFERENCE, "\"r\""},
    {"option absent in PUT", "{" WHOLE ",\"reference\":\"r\"}", "{" WHOLE "}", PUT, S_REFERENCE, "null"},
    {"option null in PATCH", "{" WHOLE ",\"reference\":\"r\"}", "{\"reference\":null}", PATCH, S_REFERENCE, "null"},
    {"option null in PUT", "{" WHOLE ",\"reference\":\"r\"}", "{" WHOLE ",\"reference\":null}", PUT, S_REFERENCE, "null"},
    {"enabled absent in PUT", "{" WHOLE ",\"enabled\":false}", "{" WHOLE "}", PUT, S_ENABLED, "true"},
    {"enabled absent in PATCH", "{" WHOLE ",\"enabled\":false}", "{\"reference\":\"x\"}", PATCH, S_ENABLED, "false"},
    {"number in models absent in PUT", "{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":5}}", "{" WHOLE ",\"models\":{}}", PUT,
     S_CHARGING_PERIOD, "null"},
    {"number in models null", "{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":5}}",
     "{\"models\":{\"chargingPeriodIntervalInMinutes\":null}}", PATCH, S_CHARGING_PERIOD, "null"},
    {"number in models absent in PATCH", "{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":5}}",
     "{\"models\":{\"pushCdr\":true}}", PATCH, S_CHARGING_PERIOD, "5"},
    {"secret absent in PUT", "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"token-12345\"}}",
     "{" WHOLE ",\"ocpiConnection\":{\"initialRole\":\"SENDER\"}}", PUT, S_INITIAL_TOKEN, "\"token-12345\""},
    {"secret null in PUT", "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"token-12345\"}}",
     "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":null}}", PUT, S_INITIAL_TOKEN, "\"token-12345\""},
    {"secret null in PATCH", "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"token-12345\"}}",
     "{\"ocpiConnection\":{\"initialToken\":null}}", PATCH, S_INITIAL_TOKEN, "\"token-12345\""},
    {"secret masked", "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"token-12345\"}}",
     "{\"ocpiConnection\":{\"initialToken\":\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"
     "2345\"}}",
     PATCH, S_INITIAL_TOKEN, "\"token-12345\""},
    {"secret new", "{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"token-12345\"}}",
     "{\"ocpiConnection\":{\"initialToken\":\"token-67890\"}}", PATCH, S_INITIAL_TOKEN, "\"token-67890\""},
    {"secret object", "{" WHOLE ",\"salesforceConnection\":{\"auth\":{\"a\":\"b\"}}}", "{" WHOLE "}", PUT, S_SALESFORCE_AUTH,
     "{\"a\":\"b\"}"},
    {"connection absent in PUT", "{" WHOLE ",\"ocpiConnection\":{\"thirdPartyId\":\"ABC\"}}", "{" WHOLE "}", PUT, S_THIRD_PARTY, "\"ABC\""},
    {"connection null in PUT", "{" WHOLE ",\"ocpiConnection\":{\"thirdPartyId\":\"ABC\"}}", "{" WHOLE ",\"ocpiConnection\":null}", PUT,
     S_THIRD_PARTY, "\"ABC\""},
    {"connection null in PATCH", "{" WHOLE ",\"ocpiConnection\":{\"thirdPartyId\":\"ABC\"}}", "{\"ocpiConnection\":null}", PATCH,
     S_THIRD_PARTY, "\"ABC\""},
    {"inside a connection absent in PUT", "{" WHOLE ",\"ocpiConnection\":{\"thirdPartyId\":\"ABC\"}}",
     "{" WHOLE ",\"ocpiConnection\":{\"initialRole\":\"SENDER\"}}", PUT, S_THIRD_PARTY, "null"},
    {"inside a connection absent in PATCH", "{" WHOLE ",\"ocpiConnection\":{\"thirdPartyId\":\"ABC\"}}",
     "{\"ocpiConnection\":{\"initialRole\":\"SENDER\"}}", PATCH, S_THIRD_PARTY, "\"ABC\""},
    {"group in a connection null", "{" WHOLE ",\"ocpiConnection\":{\"schedule\":{\"deltaMinutes\":5}}}",
     "{\"ocpiConnection\":{\"schedule\":null}}", PATCH, S_DELTA_MINUTES, "60"},
    {"group in a connection absent in PUT", "{" WHOLE ",\"ocpiConnection\":{\"schedule\":{\"deltaMinutes\":5}}}",
     "{" WHOLE ",\"ocpiConnection\":{}}", PUT, S_DELTA_MINUTES, "60"},
    {"group in a connection kept whole", "{" WHOLE ",\"ocpiConnection\":{\"schedule\":{\"deltaMinutes\":5}}}", "{" WHOLE "}", PUT,
     S_DELTA_MINUTES, "5"},
    {"state of charge, other spelling", "{" WHOLE "}", "{\"models\":{\"stateOfChargeIsSent\":true}}", PATCH, S_STATE_OF_CHARGE, "true"},
    {"state of charge through the connection", "{" WHOLE "}", "{\"ocpiConnection\":{\"stateOfChargeIsSent\":true}}", PATCH,
     S_STATE_OF_CHARGE, "true"},
    {"state of charge in models moves the other", "{" WHOLE ",\"ocpiConnection\":{\"stateOfChargeIsSent\":true}}",
     "{\"models\":{\"stateofChargeIsSent\":false}}", PATCH, S_OCPI_STATE_OF_CHARGE, "false"},
    {"interval of a kept connection", "{" WHOLE ",\"ocpiConnection\":{\"chargingPeriodIntervalInMinutes\":7}}", "{" WHOLE "}", PUT,
     S_CHARGING_PERIOD, "7"},
    {"command is never stored", "{" WHOLE "}", "{\"retryCredentialsExchange\":true}", PATCH, S_RETRY, "null"},
    {"empty URL is null", "{" WHOLE ",\"ocpiConnection\":{\"endpointUrl\":\"http://a/b\"}}", "{\"ocpiConnection\":{\"endpointUrl\":\"\"}}",
     PATCH, S_ENDPOINT_URL, "null"},
    {"partyPlatform takes the place of ourParties",
     "{" WHOLE ",\"ocpiConnection\":{\"ourParties\":[{\"countryCode\":\"NL\",\"partyId\":\"ABC\"}]}}",
     "{\"ocpiConnection\":{\"partyPlatform\":{\"countryCode\":\"NL\",\"partyId\":\"DEF\"}}}", PATCH, S_OUR_PARTIES, "null"},
};

static void absent_and_null(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(cases); i++) {
        hub_pool_t *pool = hub_pool_create();
        outcome_t before, after;
        update(pool, cases[i].before, NULL, true, &before);
        if (!before.ok)
            fail_msg("%s: creation refused: %.*s", cases[i].name, HUB_SLICE_FMT(before.problems.list[0].message));
        update(pool, cases[i].update, &before.values, cases[i].method == PUT, &after);
        if (!after.ok)
            fail_msg("%s: refused: %.*s %.*s", cases[i].name, HUB_SLICE_FMT(after.problems.list[0].pointer),
                     HUB_SLICE_FMT(after.problems.list[0].message));
        const char *got = shown(pool, &after.values, cases[i].row);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: %s, not %s", cases[i].name, got, cases[i].want);
        hub_pool_destroy(pool);
    }
}

static const struct {
    const char *body, *pointer, *rule;
} refusals[] = {
    {"{\"integrationType\":\"OCPI\"}", "/integrationName", "required"},
    {"{\"integrationName\":\"n\"}", "/integrationType", "required"},
    {"{" WHOLE ",\"colour\":1}", "/colour", "unknown"},
    {"{" WHOLE ",\"a/b~c\":1}", "/a~1b~0c", "unknown"},
    {"{" WHOLE ",\"models\":{\"pushAll\":true}}", "/models/pushAll", "unknown"},
    {"{" WHOLE ",\"ocpiConnection\":{\"profile\":{\"x\":1}}}", "/ocpiConnection/profile/x", "unknown"},
    {"{" WHOLE ",\"models\":{\"pushCdr\":\"true\"}}", "/models/pushCdr", "type"},
    {"{" WHOLE ",\"models\":[]}", "/models", "type"},
    {"{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":0}}", "/models/chargingPeriodIntervalInMinutes", "range"},
    {"{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":2147483648}}", "/models/chargingPeriodIntervalInMinutes", "range"},
    {"{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":1.5}}", "/models/chargingPeriodIntervalInMinutes", "type"},
    {"{" WHOLE ",\"approvedPartyId\":9223372036854775808}", "/approvedPartyId", "range"},
    {"{" WHOLE ",\"reference\":\"a b\"}", "/reference", "pattern"},
    {"{" WHOLE ",\"reference\":\"a\xC2\xA0"
     "b\"}",
     "/reference", "pattern"},
    {"{\"integrationName\":\"a\\nb\",\"integrationType\":\"OCPI\"}", "/integrationName", "pattern"},
    {"{\"integrationName\":\"\",\"integrationType\":\"OCPI\"}", "/integrationName", "length"},
    {"{\"integrationName\":\"n\",\"integrationType\":\"Fax\"}", "/integrationType", "enum"},
    {"{" WHOLE ",\"ocpiConnection\":{\"customerRoles\":[\"CPO\",\"cpo\"]}}", "/ocpiConnection/customerRoles/1", "enum"},
    {"{" WHOLE ",\"ocpiConnection\":{\"initialRole\":\"BOTH\"}}", "/ocpiConnection/initialRole", "enum"},
    {"{" WHOLE ",\"ocpiConnection\":{\"endpointUrl\":\"file:///etc/passwd\"}}", "/ocpiConnection/endpointUrl", "url"},
    {"{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"a b\"}}", "/ocpiConnection/initialToken", "pattern"},
    {"{" WHOLE ",\"ocpiConnection\":{\"initialToken\":\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"
     "1234\"}}",
     "/ocpiConnection/initialToken", "masked"},
    {"{" WHOLE ",\"ocpiConnection\":{\"versions\":[\"9.9\"]}}", "/ocpiConnection/versions/0", "enum"},
    {"{" WHOLE ",\"ocpiConnection\":{\"ourParties\":[{\"countryCode\":\"NLD\",\"partyId\":\"ABC\"}]}}",
     "/ocpiConnection/ourParties/0/countryCode", "pattern"},
    {"{" WHOLE ",\"ocpiConnection\":{\"ourParties\":[{\"countryCode\":\"NL\"}]}}", "/ocpiConnection/ourParties/0/partyId", "required"},
    {"{" WHOLE ",\"models\":{\"stateofChargeIsSent\":true},\"ocpiConnection\":{\"stateOfChargeIsSent\":false}}",
     "/ocpiConnection/stateOfChargeIsSent", "differs"},
    {"{" WHOLE ",\"models\":{\"stateofChargeIsSent\":true,\"stateOfChargeIsSent\":false}}", "/models/stateofChargeIsSent", "duplicate"},
    {"{" WHOLE ",\"settings\":{\"url\":\"x\"}}", "/settings", "unknown"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(refusals); i++) {
        hub_pool_t *pool = hub_pool_create();
        outcome_t out;
        update(pool, refusals[i].body, NULL, true, &out);
        if (out.ok || out.problems.errors == 0)
            fail_msg("%s: accepted", refusals[i].body);
        if (!hub_slice_eq_str(out.problems.list[0].pointer, refusals[i].pointer) ||
            strcmp(out.problems.list[0].rule, refusals[i].rule) != 0)
            fail_msg("%s: %.*s %s", refusals[i].body, HUB_SLICE_FMT(out.problems.list[0].pointer), out.problems.list[0].rule);
        hub_pool_destroy(pool);
    }
}

static void read_only_keys_are_ignored(void **state)
{
    (void)state;
    hub_pool_t *pool = hub_pool_create();
    outcome_t out;
    update(pool,
           "{" WHOLE ",\"id\":\"7\",\"created\":\"x\",\"locations\":[1],\"locationsTotal\":3,\"credentialsInfo\":{\"ourToken\":\"t\"},"
           "\"integrationStatus\":\"CONNECTED\",\"partyPlatform\":null,\"customerRoles\":[],\"freeVendingWithIdtagAllowed\":null,"
           "\"settings\":null}",
           NULL, true, &out);
    assert_true(out.ok);
    assert_null(out.values.json[S_CREATED].ptr);
    hub_pool_destroy(pool);
}

static void what_is_stored_reads_back(void **state)
{
    (void)state;
    hub_pool_t *pool = hub_pool_create();
    outcome_t out;
    hub_setting_values_t again;
    uint64_t version;
    update(
        pool,
        "{\"integrationName\":\"\\u00e9 \\\"x\\\"\",\"integrationType\":\"OCPI\",\"models\":{\"pushToken\":true},\"approvedPartyId\":-5}",
        NULL, true, &out);
    assert_true(out.ok);
    hub_slice_t record = hub_setting_encode(pool, &hub_integration_settings, &out.values, 77);
    assert_int_equal(hub_record_version(record), 77);
    assert_int_equal(hub_setting_decode(&hub_integration_settings, record, &again, &version), HUB_EOK);
    assert_int_equal(version, 77);
    for (uint32_t row = 0; row < S_COUNT; row++)
        assert_true(hub_slice_eq(out.values.json[row], again.json[row]));
    assert_true(hub_slice_eq_str(hub_setting_text(pool, again.json[S_NAME]), "\xC3\xA9 \"x\""));
    for (size_t cut = 0; cut < record.len; cut++) /* a damaged record is refused or shorter, never read past its end */
        (void)hub_setting_decode(&hub_integration_settings, hub_pool_copy(pool, hub_slice(record.ptr, cut)), &again, &version);
    hub_pool_destroy(pool);
}

static void stored_ids_are_unique(void **state)
{
    (void)state;
    for (uint32_t a = 0; a < hub_integration_settings.row_count; a++)
        for (uint32_t b = 0; b < a; b++)
            assert_int_not_equal(hub_integration_settings.rows[a].id, hub_integration_settings.rows[b].id);
}

static void if_match(void **state)
{
    (void)state;
    assert_true(hub_etag_matches(HUB_SLICE_NONE, 7));
    assert_true(hub_etag_matches(HUB_SLICE_LIT("\"7\""), 7));
    assert_true(hub_etag_matches(HUB_SLICE_LIT("*"), 7));
    assert_true(hub_etag_matches(HUB_SLICE_LIT("\"6\", \"7\""), 7));
    assert_false(hub_etag_matches(HUB_SLICE_LIT("\"6\""), 7));
    assert_false(hub_etag_matches(HUB_SLICE_LIT("W/\"7\""), 7));
    assert_false(hub_etag_matches(HUB_SLICE_LIT("7"), 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_null),
        cmocka_unit_test(refused),
        cmocka_unit_test(read_only_keys_are_ignored),
        cmocka_unit_test(what_is_stored_reads_back),
        cmocka_unit_test(stored_ids_are_unique),
        cmocka_unit_test(if_match),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
