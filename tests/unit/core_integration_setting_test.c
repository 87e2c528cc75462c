/* The absent/null rules of an integration's settings, as a table of cases; the settings of every type and provider, by their rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "integration/connector_setting.h"
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
    hub_setting_mask_t changed;
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
    out->ok = (full ? hub_setting_read : hub_setting_read_patch)(pool, &hub_integration_settings, true, yyjson_doc_get_root(doc), &in,
                                                                 &out->problems);
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
    {"inside an object, RFC 7396", "{" WHOLE ",\"configData\":{\"a\":1,\"b\":{\"c\":2,\"d\":3.50},\"e\":[1]}}",
     "{\"configData\":{\"a\":null,\"b\":{\"c\":9},\"e\":[2],\"f\":{\"g\":null}}}", PATCH, S_CONFIG_DATA,
     "{\"b\":{\"c\":9,\"d\":3.50},\"e\":[2],\"f\":{}}"},
    {"nulls of a PATCH are not stored", "{" WHOLE "}", "{\"configData\":{\"a\":null,\"b\":1}}", PATCH, S_CONFIG_DATA, "{\"b\":1}"},
    {"an object in PUT is the whole", "{" WHOLE ",\"configData\":{\"a\":1}}", "{" WHOLE ",\"configData\":{\"b\":null}}", PUT, S_CONFIG_DATA,
     "{\"b\":null}"},
    {"a secret object is replaced as a whole", "{" WHOLE ",\"credentials\":{\"type\":\"basic\",\"user\":\"u\"}}",
     "{\"credentials\":{\"type\":\"bearer\"}}", PATCH, S_CREDENTIALS, "{\"type\":\"bearer\"}"},
    {"a part of partyPlatform", "{" WHOLE ",\"ocpiConnection\":{\"partyPlatform\":{\"countryCode\":\"NL\",\"partyId\":\"ABC\"}}}",
     "{\"ocpiConnection\":{\"partyPlatform\":{\"partyId\":\"DEF\"}}}", PATCH, S_PARTY_PLATFORM,
     "{\"countryCode\":\"NL\",\"partyId\":\"DEF\"}"},
    {"minus nothing is nothing", "{" WHOLE "}", "{\"approvedPartyId\":-0}", PATCH, S_APPROVED_PARTY, "0"},
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
    {"{" WHOLE ",\"settings\":[]}", "/settings", "type"},
    {"{" WHOLE ",\"provider\":\"pigeon\"}", "/provider", "enum"},
    {"{" WHOLE ",\"destination\":\"\"}", "/destination", "length"},
    {"{" WHOLE ",\"destination\":\"a b\"}", "/destination", "pattern"},
    {"{" WHOLE ",\"destination\":\"\xC3\xA9\"}", "/destination", "pattern"},
    {"{" WHOLE ",\"entityId\":\"123e4567-e89b-12d3-a456-42661417400\"}", "/entityId", "pattern"},
    {"{" WHOLE ",\"entityId\":\"123e4567-e89b-12d3-a456-42661417400g\"}", "/entityId", "pattern"},
    {"{" WHOLE ",\"destinationId\":\"123e4567ae89b-12d3-a456-426614174000\"}", "/destinationId", "pattern"},
    {"{" WHOLE ",\"triggerType\":\"event\"}", "/triggerType", "enum"},
    {"{" WHOLE ",\"configData\":[]}", "/configData", "type"},
    {"{" WHOLE ",\"credentials\":{\"user\":\"u\"}}", "/credentials/type", "required"},
    {"{" WHOLE ",\"credentials\":\"plain\"}", "/credentials", "type"},
    {"{" WHOLE ",\"models\":{\"chargingPeriodIntervalInMinutes\":-0}}", "/models/chargingPeriodIntervalInMinutes", "range"},
    {"{" WHOLE ",\"ocpiConnection\":{\"partyPlatform\":{\"countryCode\":\"NL\",\"partyId\":\"ABC\",\"a/b~c\":1}}}",
     "/ocpiConnection/partyPlatform/a~1b~0c", "unknown"},
    {"{" WHOLE ",\"linkedResources\":[\"a\",1]}", "/linkedResources/1", "type"},
    {"{" WHOLE ",\"utilityCloudConnection\":{\"meteredValuesAreSent\":true,\"meterValuesAreSent\":false}}",
     "/utilityCloudConnection/meteredValuesAreSent", "duplicate"},
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

static void ids_differ(const hub_setting_table_t *table)
{
    for (uint32_t a = 0; a < table->row_count; a++)
        for (uint32_t b = 0; b < a; b++)
            assert_int_not_equal(table->rows[a].id, table->rows[b].id);
}

static void stored_ids_are_unique(void **state)
{
    (void)state;
    ids_differ(&hub_integration_settings);
    for (size_t i = 0; i < hub_connector_row_count; i++)
        ids_differ(&hub_connector_rows[i].table);
}

/* ---- every type and provider ---- */

static hub_setting_seal_t seal_of_test(void)
{
    return (hub_setting_seal_t){crypto, HUB_SLICE_LIT("test")};
}

/* Something that fits the row, as JSON. `other`: another such. */
static const char *sample(hub_pool_t *pool, const hub_setting_t *row, bool other)
{
    switch (row->type) {
    case HUB_SETTING_URL:
        return other ? "\"https://b.example/x\"" : "\"https://a.example/\"";
    case HUB_SETTING_CODE: {
        char *code = hub_pool_alloc(pool, (size_t)row->min + 3);
        memset(code, other ? 'B' : 'A', (size_t)row->min + 2);
        code[0] = code[row->min + 1] = '"';
        code[row->min + 2] = 0;
        return code;
    }
    case HUB_SETTING_EMAIL:
        return other ? "\"b@b.example\"" : "\"a@a.example\"";
    case HUB_SETTING_PORT:
        return other ? "\"25\"" : "\"587\"";
    case HUB_SETTING_ENUM:
        return other ? "\"csv\"" : "\"ndjson\"";
    case HUB_SETTING_ENUMS:
        return other ? "[]" : "[\"cdr.created\",\"integration.status\"]";
    case HUB_SETTING_SCHEDULE:
        return other ? "\"daily\"" : "\"5 4 * * 1-5\"";
    case HUB_SETTING_SIGNING:
        return other ? "\"whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd5\"" : "\"whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\"";
    case HUB_SETTING_ANY:
        return other ? "{\"type\":\"bearer\",\"token\":\"t-2\"}" : "{\"type\":\"basic\",\"user\":\"u\"}";
    default:
        if (row->flags & HUB_SETTING_SECRET)
            return other ? "\"hidden-98765\"" : "\"secret-12345\"";
        return other ? "\"other\"" : "\"value\"";
    }
}

/* {"name":sample,…} of all rows but `left_out` (-1: all). */
static hub_slice_t body_of(hub_pool_t *pool, const hub_setting_table_t *table, int left_out, bool other)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_char(&out, '{');
    for (uint32_t row = 0; row < table->row_count; row++)
        if ((int)row != left_out)
            hub_buf_printf(&out, "%s\"%s\":%s", out.len > 1 ? "," : "", table->rows[row].name, sample(pool, &table->rows[row], other));
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

static hub_setting_values_t values_of(hub_pool_t *pool, const hub_connector_row_t *row, hub_slice_t settings)
{
    hub_setting_values_t values;
    memset(&values, 0, sizeof values);
    values.json[S_TYPE] = hub_setting_json(pool, hub_slice_str(hub_integration_types[row->type].text));
    if (row->provider)
        values.json[S_PROVIDER] = hub_setting_json(pool, hub_slice_str(row->provider));
    values.json[S_SETTINGS] = settings;
    return values;
}

static hub_slice_t merged(hub_pool_t *pool, const hub_connector_row_t *row, hub_slice_t json, hub_slice_t stored, bool full, bool *said)
{
    const hub_setting_seal_t seal = seal_of_test();
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    hub_slice_t out = hub_connector_merge(pool, row, &seal, true, json, stored, full, said, &problems);
    if (problems.errors)
        fail_msg("%s: %.*s %.*s", row->provider ? row->provider : hub_integration_types[row->type].text,
                 HUB_SLICE_FMT(problems.list[0].pointer), HUB_SLICE_FMT(problems.list[0].message));
    return out;
}

static hub_slice_t written(hub_pool_t *pool, const hub_connector_row_t *row, hub_slice_t stored, bool reveal)
{
    const hub_setting_seal_t seal = seal_of_test();
    hub_setting_values_t values = values_of(pool, row, stored);
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_connector_write(pool, &values, &seal, reveal, &out);
    return hub_buf_slice(&out);
}

#define EACH_CONNECTOR(row, pool)                                                                                                          \
    for (const hub_connector_row_t *row = hub_connector_rows; row < hub_connector_rows + hub_connector_row_count; row++)                   \
        for (hub_pool_t *pool = hub_pool_create(); pool; hub_pool_destroy(pool), pool = NULL)

static void settings_of_every_type_come_back(void **state)
{
    (void)state;
    EACH_CONNECTOR(row, pool)
    {
        bool said;
        hub_slice_t body = body_of(pool, &row->table, -1, false), stored = merged(pool, row, body, HUB_SLICE_NONE, true, &said);
        assert_true(said);
        assert_true(hub_slice_eq(written(pool, row, stored, true), body));
        hub_slice_t shown = written(pool, row, stored, false);
        assert_true(hub_slice_eq(merged(pool, row, shown, stored, true, &said), stored)); /* masks sent back change nothing */
        assert_true(hub_slice_eq(merged(pool, row, body, stored, true, &said), stored));  /* the same secrets neither */
        hub_slice_t other = body_of(pool, &row->table, -1, true);
        assert_true(hub_slice_eq(written(pool, row, merged(pool, row, other, stored, false, &said), true), other));
    }
}

static bool holds(hub_slice_t text, hub_slice_t part)
{
    return memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

static void secrets_of_every_type_are_sealed_masked_and_kept(void **state)
{
    (void)state;
    uint32_t secrets = 0;
    EACH_CONNECTOR(row, pool)
    {
        bool said;
        hub_slice_t stored = merged(pool, row, body_of(pool, &row->table, -1, false), HUB_SLICE_NONE, true, &said);
        hub_slice_t shown = written(pool, row, stored, false), emptied = merged(pool, row, HUB_SLICE_LIT("{}"), stored, true, &said);
        assert_false(said);
        for (uint32_t i = 0; i < row->table.row_count; i++) {
            const hub_setting_t *setting = &row->table.rows[i];
            if (!(setting->flags & HUB_SETTING_SECRET))
                continue;
            hub_slice_t clear = hub_slice_str(sample(pool, setting, false));
            secrets++;
            assert_false(holds(stored, clear) || holds(shown, clear));
            assert_true(holds(written(pool, row, emptied, true), clear)); /* absent in PUT: stays */
        }
    }
    assert_int_equal(secrets, 11);
}

static void settings_of_another_provider_are_dropped(void **state)
{
    (void)state;
    EACH_CONNECTOR(row, pool)
    {
        for (size_t i = 0; i < hub_connector_row_count; i++) {
            const hub_setting_table_t *other = &hub_connector_rows[i].table;
            hub_buf_t body = HUB_BUF_INIT(pool);
            bool said;
            hub_buf_add_char(&body, '{');
            for (uint32_t j = 0; j < other->row_count; j++) {
                bool own = false;
                for (uint32_t k = 0; k < row->table.row_count; k++)
                    own = own || strcmp(row->table.rows[k].name, other->rows[j].name) == 0;
                if (!own) /* of a type that would not even do there */
                    hub_buf_printf(&body, "%s\"%s\":17", body.len > 1 ? "," : "", other->rows[j].name);
            }
            hub_buf_add_char(&body, '}');
            assert_null(merged(pool, row, hub_buf_slice(&body), HUB_SLICE_NONE, true, &said).ptr);
            assert_false(said);
        }
    }
}

static void what_nobody_knows_is_refused(void **state)
{
    (void)state;
    const hub_setting_seal_t seal = seal_of_test();
    EACH_CONNECTOR(row, pool)
    {
        bool said;
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        hub_connector_merge(pool, row, &seal, true, HUB_SLICE_LIT("{\"colour\":1}"), HUB_SLICE_NONE, true, &said, &problems);
        assert_int_equal(problems.errors, 1);
        assert_true(hub_slice_eq_str(problems.list[0].pointer, "/settings/colour"));
    }
}

static void what_is_needed_is_named(void **state)
{
    (void)state;
    EACH_CONNECTOR(row, pool)
    {
        for (int left_out = -1; left_out < (int)row->table.row_count; left_out++) {
            bool said;
            hub_slice_t stored = merged(pool, row, body_of(pool, &row->table, left_out, false), HUB_SLICE_NONE, true, &said);
            hub_setting_values_t values = values_of(pool, row, stored);
            ocpi_problems_t problems;
            ocpi_problems_init(&problems, pool);
            hub_connector_need(pool, &values, &problems);
            bool needed = left_out >= 0 && (row->table.rows[left_out].flags & HUB_SETTING_NEEDED);
            assert_int_equal(problems.errors, needed);
            if (needed)
                assert_true(hub_slice_eq(problems.list[0].pointer, hub_pool_printf(pool, "/settings/%s", row->table.rows[left_out].name)));
        }
    }
}

static void an_engine_reads_every_setting_in_clear(void **state)
{
    (void)state;
    const hub_setting_seal_t seal = seal_of_test(), other = {crypto, HUB_SLICE_LIT("another integration")};
    EACH_CONNECTOR(row, pool)
    {
        bool said, secret = false;
        hub_slice_t stored = merged(pool, row, body_of(pool, &row->table, -1, false), HUB_SLICE_NONE, true, &said);
        hub_setting_values_t values = values_of(pool, row, stored);
        const hub_connector_t *connector = hub_connector_decode(pool, &seal, &values);
        assert_true(connector->complete && connector->active && !connector->unreadable && connector->type == row->type);
        assert_int_equal(connector->member_count, row->table.row_count);
        for (uint32_t i = 0; i < row->table.row_count; i++) {
            const hub_setting_t *setting = &row->table.rows[i];
            secret = secret || (setting->flags & HUB_SETTING_SECRET);
            assert_true(hub_slice_eq_str(hub_connector_json(connector, setting->name), sample(pool, setting, false)));
        }
        assert_null(hub_connector_text(connector, "colour").ptr);
        values.json[S_ENABLED] = HUB_SLICE_LIT("false");
        assert_false(hub_connector_decode(pool, &seal, &values)->active);
        connector = hub_connector_decode(pool, &other, &values);
        assert_true(connector->unreadable == secret && connector->complete); /* a wrong key is told, and hides nothing else */
    }
}

static void connection_objects_are_read_like_settings(void **state)
{
    (void)state;
    hub_pool_t *pool = hub_pool_create();
    const hub_setting_seal_t seal = seal_of_test();
    outcome_t out;
    update(pool,
           "{\"integrationName\":\"n\",\"integrationType\":\"UtilityCloud\",\"triggerType\":\"SCHEDULE\",\"configData\":{\"a\":1},"
           "\"credentials\":{\"type\":\"basic\",\"password\":\"p\"},\"destination\":\"erp_1-a\",\"linkedResources\":[\"x\",{\"y\":1}],"
           "\"entityId\":\"123E4567-e89b-12d3-a456-426614174000\",\"utilityCloudConnection\":{\"tenant\":\"t\",\"clientId\":\"c\","
           "\"clientSecret\":\"secret-77\",\"meterValuesAreSent\":true,\"scope\":\"a b\"}}",
           NULL, true, &out);
    assert_true(out.ok);
    assert_false(holds(out.values.json[S_CREDENTIALS], HUB_SLICE_LIT("basic")));
    const hub_connector_t *connector = hub_connector_decode(pool, &seal, &out.values);
    assert_true(connector->complete && !connector->switched_on && !connector->active);
    assert_true(hub_slice_eq_str(hub_connector_text(connector, "clientSecret"), "secret-77"));
    assert_true(hub_slice_eq_str(hub_connector_json(connector, "meteredValuesAreSent"), "true"));
    assert_true(hub_slice_eq_str(connector->credentials, "{\"type\":\"basic\",\"password\":\"p\"}"));
    assert_true(hub_slice_eq_str(connector->config_data, "{\"a\":1}") && connector->trigger == HUB_TRIGGER_SCHEDULE);
    out.values.json[S_UTILITY_ACTIVATE] = HUB_SLICE_LIT("true");
    assert_true(hub_connector_decode(pool, &seal, &out.values)->active);
    out.values.json[S_UTILITY_TENANT] = HUB_SLICE_NONE;
    connector = hub_connector_decode(pool, &seal, &out.values);
    assert_true(!connector->active && hub_slice_eq_str(connector->missing, "utilityCloudConnection.tenant"));
    hub_pool_destroy(pool);
}

static const struct {
    const char *provider; /* of Messaging; NULL: DataExport, "": Webhook */
    const char *body, *pointer;
} bad_settings[] = {
    {"twilio_sms", "{\"account_sid\":\"AC12345678901234567890123456789012 \"}", "/settings/account_sid"},
    {"twilio_sms", "{\"account_sid\":\"AC123\"}", "/settings/account_sid"},
    {"custom_email_provider", "{\"port\":587}", "/settings/port"},
    {"custom_email_provider", "{\"port\":\"65536\"}", "/settings/port"},
    {"custom_email_provider", "{\"port\":\"5x\"}", "/settings/port"},
    {"custom_email_provider", "{\"default_sender_email\":\"a@b@c\"}", "/settings/default_sender_email"},
    {"mandrill_email", "{\"default_sender_email\":\"abc\"}", "/settings/default_sender_email"},
    {"telegram",
     "{\"auth_token\":\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"
     "1234\"}",
     "/settings/auth_token"},
    {"", "{\"url\":\"ftp://x/\"}", "/settings/url"},
    {"", "{\"secret\":\"plain\"}", "/settings/secret"},
    {"", "{\"secret\":\"whsec_\"}", "/settings/secret"},
    {"", "{\"events\":[\"cdr.created\",\"cdr.eaten\"]}", "/settings/events/1"},
    {NULL, "{\"format\":\"xml\"}", "/settings/format"},
    {NULL, "{\"schedule\":\"* * * *\"}", "/settings/schedule"},
    {NULL, "{\"schedule\":\"P1\"}", "/settings/schedule"},
    {NULL, "{\"schedule\":\"sometimes\"}", "/settings/schedule"},
    {NULL, "{\"schedule\":\"0 0 30 2 *\"}", "/settings/schedule"},
    {NULL, "{\"auth\":7}", "/settings/auth"},
};

static void bad_settings_are_refused(void **state)
{
    (void)state;
    const hub_setting_seal_t seal = seal_of_test();
    for (size_t i = 0; i < HUB_COUNT(bad_settings); i++) {
        hub_pool_t *pool = hub_pool_create();
        const char *provider = bad_settings[i].provider;
        hub_setting_values_t values;
        ocpi_problems_t problems;
        bool said;
        memset(&values, 0, sizeof values);
        values.json[S_TYPE] = hub_slice_str(!provider ? "\"DataExport\"" : *provider ? "\"Messaging\"" : "\"Webhook\"");
        if (provider && *provider)
            values.json[S_PROVIDER] = hub_setting_json(pool, hub_slice_str(provider));
        ocpi_problems_init(&problems, pool);
        hub_connector_merge(pool, hub_connector_of(pool, &values), &seal, true, hub_slice_str(bad_settings[i].body), HUB_SLICE_NONE, true,
                            &said, &problems);
        if (problems.errors != 1 || !hub_slice_eq_str(problems.list[0].pointer, bad_settings[i].pointer))
            fail_msg("%s: %u problems", bad_settings[i].body, problems.errors);
        hub_pool_destroy(pool);
    }
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
        cmocka_unit_test(settings_of_every_type_come_back),
        cmocka_unit_test(secrets_of_every_type_are_sealed_masked_and_kept),
        cmocka_unit_test(settings_of_another_provider_are_dropped),
        cmocka_unit_test(what_nobody_knows_is_refused),
        cmocka_unit_test(what_is_needed_is_named),
        cmocka_unit_test(an_engine_reads_every_setting_in_clear),
        cmocka_unit_test(connection_objects_are_read_like_settings),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(if_match),
    };
    return cmocka_run_group_tests(tests, open_crypto, close_crypto);
}
