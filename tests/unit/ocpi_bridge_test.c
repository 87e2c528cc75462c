/* The rows of the bridge, one by one: what an object becomes in another version, and what is recorded as lost. */
#include "bridge_fixture.h"

static int setup(void **state)
{
    knowledge = (knowledge_t){0};
    return json_setup(state);
}
#define bridge_test(name) cmocka_unit_test_setup_teardown(name, setup, json_teardown)

/* ---- Connector, EVSE ---- */

#define CONNECTOR_211                                                                                                                      \
    "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_3_PHASE','voltage':230,'amperage':32,'tariff_id':'T1',"        \
    "'last_updated':'2026-01-02T03:04:05Z'}"
#define CONNECTOR_221                                                                                                                      \
    "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_3_PHASE','max_voltage':230,'max_amperage':32,"                 \
    "'tariff_ids':['T1'],'last_updated':'2026-01-02T03:04:05Z'}"

static void connector_up_and_down(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_CONNECTOR, V211, V221, CONNECTOR_211, CONNECTOR_221, "");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V211, V230, CONNECTOR_211, CONNECTOR_221, "");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V211, CONNECTOR_221, CONNECTOR_211, "");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V230, V211, CONNECTOR_221, CONNECTOR_211, "");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V230, CONNECTOR_221, CONNECTOR_221, "");
}

#define PLUG(standard, rest)                                                                                                               \
    "{'id':'1','standard':'" standard "','format':'SOCKET','power_type':'DC','max_voltage':400,'max_amperage':32," rest                    \
    "'last_updated':'2026-01-02T03:04:05Z'}"
#define OLD_PLUG(standard, rest)                                                                                                           \
    "{'id':'1','standard':'" standard "','format':'SOCKET','power_type':'DC','voltage':400,'amperage':32," rest                            \
    "'last_updated':'2026-01-02T03:04:05Z'}"

static void tariff_ids_to_the_first_that_may_be_named(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V211, PLUG("CHADEMO", "'tariff_ids':['T1','T2'],"),
                   OLD_PLUG("CHADEMO", "'tariff_id':'T1',"), "LOSSY /tariff_ids/1 Connector.tariff_ids");
    knowledge.named = "T2";
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V211, PLUG("CHADEMO", "'tariff_ids':['T1','T2'],"),
                   OLD_PLUG("CHADEMO", "'tariff_id':'T2',"), "LOSSY /tariff_ids/0 Connector.tariff_ids");
    knowledge.named = "T3";
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V211, PLUG("CHADEMO", "'tariff_ids':['T1'],"), OLD_PLUG("CHADEMO", ""),
                   "LOSSY /tariff_ids/0 Connector.tariff_ids");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V211, PLUG("CHADEMO", "'tariff_ids':[],"), OLD_PLUG("CHADEMO", ""), "");
}

static void plugs_that_a_version_lacks(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_CONNECTOR, V230, V221, PLUG("SAE_J3400", ""), PLUG("TESLA_S", ""),
                   "LOSSY /standard ConnectorType.SAE_J3400");
    expect_refused(OCPI_OBJECT_CONNECTOR, V230, V221, PLUG("MCS", ""), "ConnectorType.MCS", "/standard");
    expect_refused(OCPI_OBJECT_CONNECTOR, V221, V211, PLUG("GBT_DC", ""), "ConnectorType.GBT_DC", "/standard");
    expect_refused(OCPI_OBJECT_CONNECTOR, V230, V221, PLUG("NEW_PLUG", ""), "ConnectorType.*", "/standard"); /* T24 */
    expect_bridged(OCPI_OBJECT_CONNECTOR, V221, V230, PLUG("NEW_PLUG", ""), PLUG("NEW_PLUG", ""), "");
    expect_bridged(OCPI_OBJECT_CONNECTOR, V230, V211,
                   PLUG("CHADEMO", "'max_electric_power':9,'capabilities':['ISO_15118_2_PLUG_AND_CHARGE'],"), OLD_PLUG("CHADEMO", ""),
                   "LOSSY /max_electric_power Connector.max_electric_power\nLOSSY /capabilities Connector.capabilities");
}

static void power_type_is_never_more_than_there_is(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_CONNECTOR, V221, V211,
                              "{'id':'1','standard':'IEC_62196_T2','format':'SOCKET','power_type':'AC_2_PHASE','max_voltage':230,"
                              "'max_amperage':32,'last_updated':'2026-01-02T03:04:05Z'}");
    assert_int_equal(b.err, HUB_EOK);
    assert_slice(ocpi_get_str(json_read(b.text), "power_type"), "AC_1_PHASE");
    assert_losses(&b, "LOSSY /power_type PowerType.AC_2_PHASE");
}

#define EVSE(uid, rest, connectors)                                                                                                        \
    "{'uid':'" uid "','status':'AVAILABLE'," rest "'connectors':[" connectors "],'last_updated':'2026-01-02T03:04:05Z'}"

static void evse_loses_what_a_version_lacks(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_EVSE, V221, V211, EVSE("1", "'capabilities':['RFID_READER','PED_TERMINAL'],", PLUG("CHADEMO", "")),
                   EVSE("1", "'capabilities':['RFID_READER'],", OLD_PLUG("CHADEMO", "")), "LOSSY /capabilities/1 Capability.PED_TERMINAL");
    expect_bridged(OCPI_OBJECT_EVSE, V230, V221,
                   EVSE("1", "'parking':[{'parking_id':'P'}],'accepted_service_providers':['X'],'parking_restrictions':['TAXIS'],",
                        PLUG("CHADEMO", "")),
                   EVSE("1", "'parking_restrictions':['CUSTOMERS'],", PLUG("CHADEMO", "")),
                   "LOSSY /parking EVSE.parking\nLOSSY /accepted_service_providers EVSE.accepted_service_providers\n"
                   "LOSSY /parking_restrictions/0 ParkingRestriction.TAXIS");
    expect_bridged(OCPI_OBJECT_EVSE, V221, V211, EVSE("1", "", PLUG("CHADEMO", "") "," PLUG("GBT_DC", "")),
                   EVSE("1", "", OLD_PLUG("CHADEMO", "")), "LOSSY /connectors/1 ConnectorType.GBT_DC");
    expect_refused(OCPI_OBJECT_EVSE, V221, V211, EVSE("1", "", PLUG("GBT_DC", "")), "ConnectorType.GBT_DC", "/connectors/0/standard");
    expect_refused(OCPI_OBJECT_EVSE, V211, V221, EVSE("1234567890123456789012345678901234567", "", OLD_PLUG("CHADEMO", "")), "shape",
                   "/uid");
}

/* ---- Location ---- */

#define WHEN "'last_updated':'2026-01-02T03:04:05Z'}"
#define PLACE(rest)                                                                                                                        \
    "{'country_code':'NL','party_id':'ABC','id':'L','publish':true,'address':'A 1','city':'B','postal_code':'1','country':'NLD',"          \
    "'coordinates':{'latitude':'51.04776','longitude':'3.7294612'},'time_zone':'Europe/Amsterdam'," rest WHEN
#define OLD_PLACE(rest)                                                                                                                    \
    "{'id':'L','address':'A 1','city':'B','postal_code':'1','country':'NLD','coordinates':{'latitude':'51.047760','longitude':'3.729461'}" \
    ",'time_zone':'Europe/Amsterdam'," rest "}"
#define ROUNDED "LOSSY /coordinates/longitude GeoLocation.longitude\n"

static void location_down(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_LOCATION, V221, V211, PLACE("'parking_type':'ON_STREET',"),
                   OLD_PLACE("'type':'ON_STREET','last_updated':'2026-01-02T03:04:05Z'"),
                   "LOSSY /coordinates/longitude GeoLocation.longitude");
    expect_bridged(OCPI_OBJECT_LOCATION, V230, V211, PLACE("'parking_type':'ALONG_MOTORWAY','state':'X',"),
                   OLD_PLACE("'type':'OTHER','last_updated':'2026-01-02T03:04:05Z'"),
                   ROUNDED "LOSSY /parking_type ParkingType.ALONG_MOTORWAY\nLOSSY /state Location.state");
    expect_bridged(OCPI_OBJECT_LOCATION, V230, V211, PLACE(""), OLD_PLACE("'last_updated':'2026-01-02T03:04:05Z','type':'UNKNOWN'"),
                   ROUNDED "DEFAULTED /type Location.type");
    expect_bridged(OCPI_OBJECT_LOCATION, V230, V221, PLACE("'help_phone':'112','parking_type':'ON_A_ROOF',"), PLACE(""),
                   "LOSSY /help_phone Location.help_phone\nLOSSY /parking_type ParkingType.*");
}

static void L7_what_is_not_published_never_reaches_2_1_1(void **state)
{
    (void)state;
    const char *hidden = "{'country_code':'NL','party_id':'ABC','id':'L','publish':false,'address':'A 1','city':'B','country':'NLD',"
                         "'coordinates':{'latitude':'51.047760','longitude':'3.729461'},'time_zone':'Europe/Amsterdam'," WHEN;
    expect_refused(OCPI_OBJECT_LOCATION, V221, V211, hidden, "Location.publish", "/publish");
    expect_refused(OCPI_OBJECT_LOCATION, V230, V211, hidden, "Location.publish", "/publish");
    expect_bridged(OCPI_OBJECT_LOCATION, V221, V230, hidden, json_text(hidden).ptr, "");
    expect_bridged(OCPI_OBJECT_LOCATION, V221, V211, PLACE("'publish_allowed_to':[{'group_id':'G'}],'parking_type':'ON_STREET',"),
                   OLD_PLACE("'type':'ON_STREET','last_updated':'2026-01-02T03:04:05Z'"),
                   ROUNDED "LOSSY /publish_allowed_to Location.publish_allowed_to");
}

#define UP_PLACE(type, postal, zone, rest)                                                                                                 \
    "{'id':'L'," type "'address':'A 1','city':'B'," postal "'country':'NLD','coordinates':{'latitude':'51.047760','longitude':'3.729461'}" \
    "," zone "'last_updated':'2026-01-02T03:04:05Z'" rest "}"

static void location_up(void **state)
{
    (void)state;
    const char *owned = ",'country_code':'NL','party_id':'ABC','publish':true";
    const char *zoned = ",'country_code':'NL','party_id':'ABC','publish':true,'time_zone':'Europe/Amsterdam'";
    hub_slice_t out = hub_pool_printf(pool, UP_PLACE("'parking_type':'ON_STREET',", "'postal_code':'1',", "", "%s"), zoned);
    expect_bridged(OCPI_OBJECT_LOCATION, V211, V221, UP_PLACE("'type':'ON_STREET',", "'postal_code':'1',", "", ""), out.ptr,
                   "DEFAULTED /publish Location.publish\nDEFAULTED /time_zone Location.time_zone");
    out = hub_pool_printf(pool, UP_PLACE("", "", "'time_zone':'UTC',", "%s"), owned);
    expect_bridged(OCPI_OBJECT_LOCATION, V211, V230, UP_PLACE("'type':'UNKNOWN',", "'postal_code':'#NA',", "'time_zone':'UTC',", ""),
                   out.ptr, "DEFAULTED /publish Location.publish");
    expect_bridged(OCPI_OBJECT_LOCATION, V211, V230, UP_PLACE("'type':'OTHER',", "'postal_code':'#NA',", "'time_zone':'UTC',", ""), out.ptr,
                   "LOSSY /type LocationType.OTHER\nDEFAULTED /publish Location.publish");
    knowledge.country = HUB_SLICE_LIT("");
    expect_refused(OCPI_OBJECT_LOCATION, V211, V221, UP_PLACE("'type':'OTHER',", "'postal_code':'1',", "", ""), "Location.country_code",
                   "/country_code");
}

static void time_zone_is_not_guessed(void **state)
{
    (void)state;
    expect_refused(OCPI_OBJECT_LOCATION, V211, V221,
                   "{'id':'L','type':'OTHER','address':'A','city':'B','postal_code':'1','country':'USA','coordinates':"
                   "{'latitude':'51.047760','longitude':'3.729461'}," WHEN,
                   "Location.time_zone", "/time_zone");
}

static void long_texts_are_cut_and_long_ids_never(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_LOCATION, V221, V211,
                              "{'country_code':'NL','party_id':'ABC','id':'L','publish':true,'address':"
                              "'1234567890123456789012345678901234567890 12 \xC3\xA9\xC3\xA9\xC3\xA9','city':'B','postal_code':'1',"
                              "'country':'NLD','parking_type':'ON_STREET','time_zone':'UTC','coordinates':{'latitude':'51.047760',"
                              "'longitude':'3.729461'}," WHEN);
    assert_int_equal(b.err, HUB_EOK);
    assert_slice(ocpi_get_str(json_read(b.text), "address"), "1234567890123456789012345678901234567890 12 \xC3\xA9");
    assert_losses(&b, "LOSSY /address Location.address");
    expect_refused(
        OCPI_OBJECT_LOCATION, V211, V221,
        "{'id':'1234567890123456789012345678901234567','type':'OTHER','address':'A','city':'B','postal_code':'1','country':'NLD',"
        "'coordinates':{'latitude':'51.047760','longitude':'3.729461'}," WHEN,
        "shape", "/id");
}

static void L10_hours(void **state)
{
    (void)state;
    const char *both = "{'twentyfourseven':true,'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'}]}";
    const char *regular = "{'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'}]}";
    expect_bridged(OCPI_OBJECT_HOURS, V211, V221, both, "{'twentyfourseven':true}", "LOSSY /regular_hours Hours.regular_hours");
    expect_bridged(OCPI_OBJECT_HOURS, V211, V221, regular,
                   "{'regular_hours':[{'weekday':1,'period_begin':'08:00','period_end':'20:00'}],'twentyfourseven':false}",
                   "DEFAULTED /twentyfourseven Hours.twentyfourseven");
    expect_refused(OCPI_OBJECT_HOURS, V211, V221, "{'exceptional_closings':[]}", "Hours.twentyfourseven", "/twentyfourseven");
}

static void environmental_impact(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_ENERGY_MIX, V211, V221,
                   "{'is_green_energy':true,'environ_impact':[{'source':'NUCLEAR_WASTE','amount':0.10}]}",
                   "{'is_green_energy':true,'environ_impact':[{'category':'NUCLEAR_WASTE','amount':0.10}]}", "");
    expect_bridged(OCPI_OBJECT_ENERGY_MIX, V230, V211, "{'is_green_energy':true,'environ_impact':[{'category':'NOISE','amount':0.10}]}",
                   "{'is_green_energy':true,'environ_impact':[]}", "LOSSY /environ_impact/0 EnvironmentalImpactCategory.*");
}

static void T23_unknown_members_survive(void **state)
{
    (void)state;
    const char *token = "{'uid':'1','type':'RFID','auth_id':'C','issuer':'I','valid':true,'whitelist':'ALWAYS','x_card':{'a':[2.50,null]},"
                        "'null_too':null," WHEN;
    for (size_t v = 1; v < HUB_COUNT(ocpi_versions); v++) {
        bridged_t up = bridge_text(OCPI_OBJECT_TOKEN, V211, ocpi_versions[v], token);
        assert_non_null(strstr(hub_pool_str(pool, up.text), "\"x_card\":{\"a\":[2.50,null]},\"null_too\":null"));
        assert_losses(&up, "");
        bridged_t down = bridge_value(OCPI_OBJECT_TOKEN, ocpi_versions[v], V211, json_read(up.text));
        assert_json(down.text, token);
    }
}

static void what_only_the_target_knows_is_taken_at_its_word(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_CONNECTOR, V211, V221, OLD_PLUG("CHADEMO", "'max_electric_power':9,'max_voltage':9,"));
    assert_slice(ocpi_get_str(json_read(b.text), "max_electric_power"), "9");
    assert_slice(ocpi_get_str(json_read(b.text), "max_voltage"), "400"); /* said by voltage */
    assert_losses(&b, "LOSSY /max_voltage known-elsewhere");
    b = bridge_text(OCPI_OBJECT_TARIFF, V211, V221,
                    "{'id':'T','currency':'EUR','max_price':{'excl_vat':1},'elements':[{'price_components':[{'type':'FLAT','price':1,"
                    "'step_size':1}]}]," WHEN);
    assert_null(yyjson_obj_get(json_read(b.text), "max_price")); /* it was none of this tariff's price */
    assert_losses(&b, "LOSSY /max_price known-elsewhere");
}

static void token_types(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_TOKEN, V230, V221,
                              "{'country_code':'NL','party_id':'TNM','uid':'1','type':'EMAID','contract_id':'C','issuer':'I','valid':true,"
                              "'whitelist':'ALWAYS','group_id':'G'," WHEN);
    assert_slice(ocpi_get_str(json_read(b.text), "type"), "OTHER");
    assert_losses(&b, "LOSSY /type TokenType.EMAID");
    b = bridge_value(OCPI_OBJECT_TOKEN, V221, V211, json_read(b.text));
    assert_json(b.text, "{'uid':'1','type':'OTHER','auth_id':'C','issuer':'I','valid':true,'whitelist':'ALWAYS'," WHEN);
    assert_losses(&b, "LOSSY /group_id Token.group_id");
}

static void location_references(void **state)
{
    (void)state;
    expect_bridged(OCPI_OBJECT_LOCATION_REFERENCES, V211, V221, "{'location_id':'L','evse_uids':['E'],'connector_ids':['C']}",
                   "{'location_id':'L','evse_uids':['E']}", "LOSSY /connector_ids LocationReferences.connector_ids");
}

static void losses_as_json(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_CONNECTOR, V230, V221, PLUG("MCS", ""));
    assert_json(losses_text(&b), "[{'kind':'REFUSED','pointer':'/standard','row':'ConnectorType.MCS','message':"
                                 "'2.2.1 has no MCS: the Connector is left out'}]");
    expect_refused(OCPI_OBJECT_CONNECTOR, V230, V221, "[]", "shape", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bridge_test(connector_up_and_down),
        bridge_test(tariff_ids_to_the_first_that_may_be_named),
        bridge_test(plugs_that_a_version_lacks),
        bridge_test(power_type_is_never_more_than_there_is),
        bridge_test(evse_loses_what_a_version_lacks),
        bridge_test(location_down),
        bridge_test(L7_what_is_not_published_never_reaches_2_1_1),
        bridge_test(location_up),
        bridge_test(time_zone_is_not_guessed),
        bridge_test(long_texts_are_cut_and_long_ids_never),
        bridge_test(L10_hours),
        bridge_test(environmental_impact),
        bridge_test(T23_unknown_members_survive),
        bridge_test(what_only_the_target_knows_is_taken_at_its_word),
        bridge_test(token_types),
        bridge_test(location_references),
        bridge_test(losses_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
