/* The embedded lists of an integration's answer: every member of the contract, in camelCase, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "own.h"
#include "spec.h"

static hub_slice_t embed(hub_integration_t *partner, hub_embedded_t what, uint32_t chunk, uint32_t *count)
{
    hub_view_t *view = fixture_view(&fixture);
    hub_embed_position_t position = {0};
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool first = true;
    uint32_t written;
    *count = 0;
    hub_buf_add_char(&out, '[');
    for (int turns = 0; !position.end && turns < 1000; turns++) {
        hub_err_t err = hub_embed_write(view, pool, partner, what, chunk, &position, &first, &out, &written);
        if (err)
            break;
        *count += written;
    }
    uint64_t total = hub_embed_total(view, pool, partner, what);
    hub_view_close(view);
    hub_buf_add_char(&out, ']');
    assert_true(position.end);
    assert_int_equal(total, *count);
    return hub_buf_slice(&out);
}

static yyjson_val *parsed(hub_slice_t text)
{
    yyjson_doc *doc = NULL;
    assert_int_equal(ocpi_read(pool, text, &doc, NULL), HUB_EOK);
    return yyjson_doc_get_root(doc);
}

static const char full_location[] =
    "{\"country_code\":\"NL\",\"party_id\":\"AAA\",\"id\":\"LOC1\",\"publish\":true,\"publish_allowed_to\":[{\"uid\":\"U\",\"type\":"
    "\"RFID\",\"visual_number\":\"V\","
    "\"issuer\":\"I\",\"group_id\":\"G\"}],\"name\":\"N\",\"address\":\"A\",\"city\":\"C\",\"postal_code\":\"P\",\"state\":\"S\","
    "\"country\":\"NLD\","
    "\"coordinates\":{\"latitude\":\"51.047599\",\"longitude\":\"3.729944\"},\"related_locations\":[{\"latitude\":\"51.047599\","
    "\"longitude\":\"3.729944\",\"name\":"
    "{\"language\":\"nl\",\"text\":\"T\"}}],\"parking_type\":\"ON_STREET\",\"evses\":[{\"uid\":\"E1\",\"status\":\"AVAILABLE\","
    "\"connectors\":[{\"id\":\"1\","
    "\"standard\":\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,\"max_amperage\":32,\"tariff_"
    "ids\":[\"T1\"],"
    "\"last_updated\":\"2026-01-01T00:00:00Z\"}],\"last_updated\":\"2026-01-01T00:00:00Z\"}],\"directions\":[{\"language\":\"nl\",\"text\":"
    "\"D\"}],"
    "\"operator\":{\"name\":\"not "
    "shown\"},\"suboperator\":{\"name\":\"Sub\",\"website\":\"https://sub.example\",\"logo\":{\"url\":\"https://sub.example/"
    "l\",\"thumbnail\":"
    "\"https://sub.example/"
    "t\",\"category\":\"OWNER\",\"type\":\"png\",\"width\":10,\"height\":20}},\"owner\":{\"name\":\"Own\",\"website\":\"https://"
    "own.example\","
    "\"logo\":{\"url\":\"https://own.example/l\",\"thumbnail\":\"https://own.example/"
    "t\",\"category\":\"OWNER\",\"type\":\"png\",\"width\":10,\"height\":20}},"
    "\"facilities\":[\"HOTEL\"],\"time_zone\":\"Europe/"
    "Amsterdam\",\"opening_times\":{\"twentyfourseven\":false,\"regular_hours\":[{\"weekday\":1,\"period_begin\":"
    "\"08:00\",\"period_end\":\"20:00\"}],\"exceptional_openings\":[{\"period_begin\":\"2026-01-01T00:00:00Z\",\"period_end\":\"2026-01-"
    "02T00:00:00Z\"}],"
    "\"exceptional_closings\":[{\"period_begin\":\"2026-01-03T00:00:00Z\",\"period_end\":\"2026-01-04T00:00:00Z\"}]},\"charging_when_"
    "closed\":true,\"images\":[{\"url\":"
    "\"https://own.example/i\",\"thumbnail\":\"https://own.example/"
    "it\",\"category\":\"CHARGER\",\"type\":\"png\",\"width\":10,\"height\":20}],\"energy_mix\":"
    "{\"is_green_energy\":true,\"energy_sources\":[{\"source\":\"SOLAR\",\"percentage\":99.50}],\"environ_impact\":[{\"category\":\"CARBON_"
    "DIOXIDE\",\"amount\":1.5}],"
    "\"supplier_name\":\"Sun\",\"energy_product_name\":\"Light\"},\"last_updated\":\"2026-01-01T00:00:00Z\"}";

#define FULL_TARIFF(owner, tariff_id)                                                                                                      \
    "{" owner ",\"id\":\"" tariff_id                                                                                                       \
    "\",\"currency\":\"EUR\",\"type\":\"REGULAR\",\"tariff_alt_text\":[{\"language\":\"nl\",\"text\":\"T\"}],\"tariff_alt_url\":"          \
    "\"https://"                                                                                                                           \
    "t.example\",\"min_price\":{\"excl_vat\":1.00,\"incl_vat\":1.21},\"max_price\":{\"excl_vat\":10,\"incl_vat\":12.1},\"elements\":[{"    \
    "\"price_components\":"                                                                                                                \
    "[{\"type\":\"ENERGY\",\"price\":0.250,\"vat\":21.0,\"step_size\":1}],\"restrictions\":{\"start_time\":\"08:00\",\"end_time\":\"20:"   \
    "00\",\"start_date\":"                                                                                                                 \
    "\"2026-01-01\",\"end_date\":\"2026-02-01\",\"min_kwh\":1,\"max_kwh\":2,\"min_current\":1,\"max_current\":2,\"min_power\":1,\"max_"    \
    "power\":2,\"min_duration\":1,"                                                                                                        \
    "\"max_duration\":2,\"day_of_week\":[\"MONDAY\"],\"reservation\":\"RESERVATION\"}}],\"start_date_time\":\"2026-01-01T00:00:00Z\","     \
    "\"end_date_time\":"                                                                                                                   \
    "\"2026-02-01T00:00:00Z\",\"energy_mix\":{\"is_green_energy\":true,\"energy_sources\":[{\"source\":\"SOLAR\",\"percentage\":100}],"    \
    "\"environ_impact\":"                                                                                                                  \
    "[{\"category\":\"CARBON_DIOXIDE\",\"amount\":1}],\"supplier_name\":\"Sun\",\"energy_product_name\":\"Light\"},\"last_updated\":"      \
    "\"2026-01-01T00:00:00Z\"}"

static hub_integration_t fill(void)
{
    hub_integration_t partner = own_partner(42);
    assert_int_equal(fixture_apply(&fixture, own_do_settings, &partner), HUB_EOK);
    assert_int_equal(own_put(NULL, OCPI_MODULE_LOCATIONS, "LOC1", hub_slice_str(full_location)), HUB_EOK);
    assert_int_equal(own_put(NULL, OCPI_MODULE_TARIFFS, "T1", hub_slice_str(FULL_TARIFF(OWN_AAA, "T1"))), HUB_EOK);
    assert_int_equal(own_put(&partner, OCPI_MODULE_TARIFFS, "R1", hub_slice_str(FULL_TARIFF(OWN_BEC, "R1"))), HUB_EOK);
    assert_int_equal(own_put(&partner, OCPI_MODULE_LOCATIONS, "GIVEN", own_location(OWN_BEC, "GIVEN", "AVAILABLE", NULL, true)), HUB_EOK);
    return partner;
}

/* ---- against the contract ---- */

static void add_paths(yyjson_val *value, hub_slice_t path, hub_buf_t *out)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_arr(value)) {
        path = hub_pool_printf(pool, "%.*s[]", HUB_SLICE_FMT(path));
        assert_true(yyjson_arr_size(value) > 0);
        if (!yyjson_is_obj(yyjson_arr_get_first(value)))
            hub_buf_printf(out, "%.*s\n", HUB_SLICE_FMT(path));
        else
            add_paths(yyjson_arr_get_first(value), path, out);
    } else if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, i, n, key, item)
            add_paths(item, hub_pool_printf(pool, "%.*s.%s", HUB_SLICE_FMT(path), yyjson_get_str(key)), out);
    } else {
        assert_false(yyjson_is_null(value));
        hub_buf_printf(out, "%.*s\n", HUB_SLICE_FMT(path));
    }
}

static void compare_contract(hub_slice_t contract, const char *list, yyjson_val *items)
{
    hub_buf_t have = HUB_BUF_INIT(pool);
    hub_slice_t rest = contract, line, path, side;
    hub_slice_t prefix = hub_pool_printf(pool, "%s[].", list);
    size_t wanted = 0, found = 0;
    hub_buf_add_char(&have, '\n');
    add_paths(items, hub_slice_str(list), &have);
    hub_buf_add_char(&have, 0);
    while (hub_slice_split(&rest, '\n', &line)) {
        if (!hub_slice_split(&line, '\t', &side) || !hub_slice_eq_str(side, "response") || !hub_slice_split(&line, '\t', &path) ||
            !hub_slice_starts(path, prefix))
            continue;
        wanted++;
        if (!strstr(have.ptr, hub_pool_printf(pool, "\n%.*s\n", HUB_SLICE_FMT(path)).ptr))
            fail_msg("missing: %.*s", HUB_SLICE_FMT(path));
    }
    for (const char *p = have.ptr + 1; *p; p++)
        found += *p == '\n';
    assert_true(wanted > 0);
    assert_int_equal(found, wanted); /* nothing that the contract does not know */
}

static void every_member_of_the_contract(void **state)
{
    (void)state;
    uint32_t count;
    hub_integration_t partner = fill();
    const char *path = spec_path(pool, "integration.tsv");
    if (!path)
        skip();
    hub_slice_t contract = spec_file(pool, path);
    compare_contract(contract, "locations", parsed(embed(&partner, HUB_EMBED_LOCATIONS, 100, &count)));
    compare_contract(contract, "tariffs", parsed(embed(&partner, HUB_EMBED_TARIFFS, 100, &count)));
    compare_contract(contract, "receivedTariffs", parsed(embed(&partner, HUB_EMBED_RECEIVED_TARIFFS, 100, &count)));
}

/* ---- values ---- */

static void values_are_as_they_are(void **state)
{
    (void)state;
    uint32_t count;
    hub_integration_t partner = fill();
    yyjson_val *list = parsed(embed(&partner, HUB_EMBED_LOCATIONS, 100, &count));
    assert_int_equal(count, 2); /* what it sees of ours, then what it gave us */
    yyjson_val *own = yyjson_arr_get(list, 0), *given = yyjson_arr_get(list, 1);
    assert_slice(ocpi_get_str(own, "id"), "LOC1");
    assert_slice(ocpi_get_str(own, "externalId"), "LOC1");
    assert_slice(ocpi_get_str(own, "integrationId"), "42");
    yyjson_val *evse = yyjson_arr_get(yyjson_obj_get(own, "evses"), 0);
    assert_slice(ocpi_get_str(evse, "chargerId"), "E1");
    yyjson_val *connector = yyjson_arr_get(yyjson_obj_get(evse, "connector"), 0);
    assert_slice(ocpi_str(yyjson_arr_get(yyjson_obj_get(connector, "tariffIds"), 0)), "T1");
    yyjson_val *sources = yyjson_obj_get(yyjson_obj_get(own, "locationEnergyMix"), "energySources");
    assert_slice(ocpi_get_str(yyjson_arr_get(sources, 0), "percentage"), "99.50"); /* numbers are not rewritten */
    assert_slice(ocpi_get_str(given, "id"), "GIVEN");
    assert_true(yyjson_is_null(yyjson_obj_get(given, "openingTimes")));
    assert_true(yyjson_is_null(yyjson_obj_get(given, "name")));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(given, "images")), 0);
    assert_true(yyjson_is_arr(yyjson_obj_get(given, "images")));
}

static void streamed_in_pieces_it_is_the_same(void **state)
{
    (void)state;
    uint32_t all, pieces;
    hub_integration_t partner = fill();
    for (int i = 0; i < 25; i++) {
        const char *id = hub_pool_printf(pool, "L%d", i).ptr;
        assert_int_equal(own_put(i % 2 ? &partner : NULL, OCPI_MODULE_LOCATIONS, id,
                                 own_location(i % 2 ? OWN_BEC : OWN_AAA, id, "AVAILABLE", NULL, true)),
                         HUB_EOK);
    }
    hub_slice_t whole = embed(&partner, HUB_EMBED_LOCATIONS, 1000, &all);
    assert_int_equal(all, 27);
    for (uint32_t chunk = 1; chunk < 30; chunk += 4) {
        assert_true(hub_slice_eq(embed(&partner, HUB_EMBED_LOCATIONS, chunk, &pieces), whole));
        assert_int_equal(pieces, all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        own_test(every_member_of_the_contract),
        own_test(values_are_as_they_are),
        own_test(streamed_in_pieces_it_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
