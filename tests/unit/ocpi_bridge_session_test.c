/* Sessions and CDRs between versions: tokens, places, costs, times. */
#include "bridge_fixture.h"

static int setup(void **state)
{
    knowledge = (knowledge_t){0};
    return json_setup(state);
}
#define bridge_test(name) cmocka_unit_test_setup_teardown(name, setup, json_teardown)

#define T0 "2026-01-02T03:04:05Z"
#define WHEN "'last_updated':'" T0 "'}"
#define OWNER "'country_code':'NL','party_id':'ABC',"
#define PLUG "'standard':'CHADEMO','format':'CABLE','power_type':'DC',"
#define KNOWN                                                                                                                              \
    "{" OWNER "'id':'L','publish':false,'address':'A 1','city':'B','postal_code':'1','country':'NLD','parking_type':'ON_STREET',"          \
    "'coordinates':{'latitude':'51.047760','longitude':'3.729460'},'time_zone':'UTC','evses':[{'uid':'X','status':'CHARGING',"             \
    "'connectors':[{'id':'C'," PLUG "'max_voltage':9,'max_amperage':9," WHEN "]," WHEN ",{'uid':'E','status':'CHARGING','connectors':["    \
    "{'id':'B'," PLUG "'max_voltage':8,'max_amperage':8," WHEN ",{'id':'C'," PLUG "'max_voltage':400,'max_amperage':100," WHEN "]," WHEN   \
    "]," WHEN
#define CARRIED(evses)                                                                                                                     \
    "{'id':'L','address':'A 1','city':'B','postal_code':'1','country':'NLD','type':'ON_STREET','coordinates':{'latitude':'51.047760',"     \
    "'longitude':'3.729460'},'time_zone':'UTC','evses':[" evses "]," WHEN
#define CARRIED_EVSE "{'uid':'E','status':'CHARGING','connectors':[{'id':'C'," PLUG "'voltage':400,'amperage':100," WHEN "]," WHEN

#define SESSION(evse, rest)                                                                                                                \
    "{" OWNER "'id':'S','start_date_time':'" T0 "','end_date_time':'" T0                                                                   \
    "','kwh':1.50,'cdr_token':{'country_code':'DE','party_id':'8AA','uid':'012345678','type':'RFID','contract_id':'DE8AA12345678'},"       \
    "'auth_method':'WHITELIST','location_id':'L','evse_uid':'" evse "','connector_id':'C','currency':'EUR'," rest WHEN
#define OLD_SESSION(location, rest)                                                                                                        \
    "{'id':'S','start_datetime':'" T0 "','end_datetime':'" T0                                                                              \
    "','kwh':1.50,'auth_id':'DE8AA12345678','auth_method':'WHITELIST','location':" location ",'currency':'EUR'," rest WHEN
#define TOKEN_LOSS "LOSSY /cdr_token Session.cdr_token"

static void session_down_carries_its_location(void **state)
{
    (void)state;
    const char *now = SESSION("E", "'status':'ACTIVE',");
    expect_refused(OCPI_OBJECT_SESSION, V221, V211, now, "Session.location_id", "/location_id");
    knowledge.location = KNOWN; /* a publish of false does not hide it from who charged there, and is said to be lost */
    expect_bridged(OCPI_OBJECT_SESSION, V221, V211, now, OLD_SESSION(CARRIED(CARRIED_EVSE), "'status':'ACTIVE',"),
                   TOKEN_LOSS "\nLOSSY /location_id Session.location_id");
    expect_bridged(OCPI_OBJECT_SESSION, V230, V211, SESSION("Q", "'status':'ACTIVE',"), OLD_SESSION(CARRIED(""), "'status':'ACTIVE',"),
                   TOKEN_LOSS "\nLOSSY /location_id Session.location_id");
    knowledge.location = "{'id':'L'}";
    expect_refused(OCPI_OBJECT_SESSION, V221, V211, now, "Session.location_id", "/location_id");
}

static void S5_a_reservation_is_pending_in_2_1_1(void **state)
{
    (void)state;
    knowledge.location = KNOWN;
    bridged_t b = bridge_text(OCPI_OBJECT_SESSION, V221, V211, SESSION("#NA", "'status':'RESERVATION','authorization_reference':'R',"));
    assert_slice(ocpi_get_str(json_read(b.text), "status"), "PENDING");
    assert_non_null(loss_at(&b, "SessionStatus.RESERVATION", "/status"));
    assert_non_null(loss_at(&b, "Session.authorization_reference", "/authorization_reference"));
}

static void session_costs(void **state)
{
    (void)state;
    knowledge.location = KNOWN;
    bridged_t b =
        bridge_text(OCPI_OBJECT_SESSION, V221, V211, SESSION("E", "'total_cost':{'excl_vat':4.00,'incl_vat':4.84},'status':'ACTIVE',"));
    assert_slice(ocpi_get_str(json_read(b.text), "total_cost"), "4.00");
    assert_non_null(loss_at(&b, "Session.total_cost", "/total_cost/incl_vat"));
    knowledge.has_token = true;
    knowledge.token = (ocpi_bridge_token_t){HUB_SLICE_LIT("DE"), HUB_SLICE_LIT("8AA"), HUB_SLICE_LIT("012345678"), HUB_SLICE_LIT("RFID")};
    for (size_t v = 1; v < HUB_COUNT(ocpi_versions); v++) {
        bridged_t up = bridge_value(OCPI_OBJECT_SESSION, V211, ocpi_versions[v], json_read(b.text));
        assert_json(ocpi_write(pool, yyjson_obj_get(json_read(up.text), "total_cost")),
                    ocpi_versions[v] == V221 ? "{'excl_vat':4.00}" : "{'before_taxes':4.00}");
    }
}

static void session_up_names_its_location(void **state)
{
    (void)state;
    knowledge.has_token = true;
    knowledge.token = (ocpi_bridge_token_t){HUB_SLICE_LIT("DE"), HUB_SLICE_LIT("8AA"), HUB_SLICE_LIT("012345678"), HUB_SLICE_LIT("RFID")};
    const char *wanted = "{'id':'S','start_date_time':'" T0 "','end_date_time':'" T0
                         "','kwh':1.50,'cdr_token':{'country_code':'DE','party_id':'8AA','uid':'012345678','type':'RFID',"
                         "'contract_id':'DE8AA12345678'},'auth_method':'WHITELIST','location_id':'L','evse_uid':'%s','connector_id':'%s',"
                         "'currency':'EUR','status':'ACTIVE','last_updated':'" T0 "','country_code':'NL','party_id':'ABC'}";
    expect_bridged(OCPI_OBJECT_SESSION, V211, V221, OLD_SESSION(CARRIED(CARRIED_EVSE), "'status':'ACTIVE',"),
                   hub_pool_printf(pool, wanted, "E", "C").ptr, "LOSSY /location Session.location");
    expect_bridged(OCPI_OBJECT_SESSION, V211, V230, OLD_SESSION(CARRIED(CARRIED_EVSE "," CARRIED_EVSE), "'status':'ACTIVE',"),
                   hub_pool_printf(pool, wanted, "#NA", "#NA").ptr,
                   "DEFAULTED /location Session.location\nDEFAULTED /location Session.location\nLOSSY /location Session.location");
}

static void token_of(const char *auth_id, const char *wanted)
{
    bridged_t b = bridge_text(OCPI_OBJECT_SESSION, V211, V221,
                              hub_pool_printf(pool,
                                              "{'id':'S','start_datetime':'" T0 "','kwh':1,'auth_id':'%s','auth_method':'WHITELIST',"
                                              "'location':%s,'currency':'EUR','status':'ACTIVE'," WHEN,
                                              auth_id, CARRIED(CARRIED_EVSE))
                                  .ptr);
    if (!wanted) {
        assert_int_equal(b.err, HUB_EINVALID);
        assert_string_equal(b.losses.list[b.losses.count - 1].row, "Session.auth_id");
        return;
    }
    assert_int_equal(b.err, HUB_EOK);
    assert_json(ocpi_write(pool, yyjson_obj_get(json_read(b.text), "cdr_token")), wanted);
    assert_non_null(loss_at(&b, "Session.auth_id", "/auth_id"));
}

static void T27_an_unknown_token_is_said_to_be_unknown(void **state)
{
    (void)state;
    token_of("NL-TNM-C00122045-K", "{'country_code':'NL','party_id':'TNM','uid':'#NA','type':'OTHER','contract_id':'NL-TNM-C00122045-K'}");
    token_of("DE8AACA2B3C4D5L", "{'country_code':'DE','party_id':'8AA','uid':'#NA','type':'OTHER','contract_id':'DE8AACA2B3C4D5L'}");
    token_of("12345", NULL);
    token_of("0123456789ABCDEF", NULL);
    token_of("NL-TNMC-00122045", NULL);
    knowledge.has_token = true;
    knowledge.token = (ocpi_bridge_token_t){HUB_SLICE_LIT("FR"), HUB_SLICE_LIT("XYZ"), HUB_SLICE_LIT("U"), HUB_SLICE_LIT("EMAID")};
    token_of("12345", "{'country_code':'FR','party_id':'XYZ','uid':'U','type':'OTHER','contract_id':'12345'}");
}

/* ---- CDRs ---- */

#define CDR(rest)                                                                                                                          \
    "{" OWNER "'id':'D','start_date_time':'" T0 "','end_date_time':'" T0                                                                   \
    "','cdr_token':{'country_code':'DE','party_id':'8AA','uid':'012345678','type':'RFID','contract_id':'DE8AA12345678'},"                  \
    "'auth_method':'COMMAND','cdr_location':{'id':'L','address':'A 1','city':'B','country':'NLD','state':'X','coordinates':{"              \
    "'latitude':'51.047760','longitude':'3.729460'},'evse_uid':'E','evse_id':'NL*ABC*E1','connector_id':'C','connector_standard':"         \
    "'CHADEMO','connector_format':'CABLE','connector_power_type':'DC'},'currency':'EUR'," rest                                             \
    "'total_cost':{'excl_vat':4.00},'total_energy':1.50,'total_time':1," WHEN
#define OLD_CDR(power, periods)                                                                                                            \
    "{'id':'D','start_date_time':'" T0 "','stop_date_time':'" T0                                                                           \
    "','auth_id':'DE8AA12345678','auth_method':'AUTH_REQUEST','location':{'id':'L','address':'A 1','city':'B','country':'NLD',"            \
    "'coordinates':{'latitude':'51.047760','longitude':'3.729460'},'type':'UNKNOWN','evses':[{'uid':'E','evse_id':'NL*ABC*E1',"            \
    "'status':'UNKNOWN','connectors':[{'id':'C'," PLUG power WHEN "]," WHEN "],'postal_code':'#NA','last_updated':'" T0                    \
    "'},'currency':'EUR'," periods "'total_cost':4.00,'total_energy':1.50,'total_time':1," WHEN
#define PERIOD(dimensions) "'charging_periods':[{'start_date_time':'" T0 "','dimensions':[" dimensions "]}],"
#define CDR_LOSSES                                                                                                                         \
    "LOSSY /cdr_token CDR.cdr_token\nLOSSY /auth_method AuthMethod.COMMAND\nLOSSY /cdr_location/state CDR.cdr_location\n"                  \
    "DEFAULTED /cdr_location CDR.cdr_location"

static void cdr_down(void **state)
{
    (void)state;
    const char *now = CDR(PERIOD("{'type':'ENERGY','volume':1.50},{'type':'RESERVATION_TIME','volume':1}"));
    expect_bridged(OCPI_OBJECT_CDR, V221, V211, now, OLD_CDR("'voltage':0,'amperage':0,", PERIOD("{'type':'ENERGY','volume':1.50}")),
                   CDR_LOSSES "\nLOSSY /charging_periods/0/dimensions/1 CdrDimensionType.RESERVATION_TIME");
    knowledge.location = KNOWN;
    expect_bridged(OCPI_OBJECT_CDR, V221, V211, now, OLD_CDR("'voltage':400,'amperage':100,", PERIOD("{'type':'ENERGY','volume':1.50}")),
                   CDR_LOSSES "\nLOSSY /charging_periods/0/dimensions/1 CdrDimensionType.RESERVATION_TIME");
}

static void cdr_up(void **state)
{
    (void)state;
    const char *old = OLD_CDR("'voltage':0,'amperage':0,", PERIOD("{'type':'FLAT','volume':1},{'type':'ENERGY','volume':1.50}"));
    bridged_t b = bridge_text(OCPI_OBJECT_CDR, V211, V221, old);
    assert_int_equal(b.err, HUB_EOK);
    assert_losses(&b, "DEFAULTED /auth_id CDR.auth_id\nLOSSY /location CDR.location\n"
                      "LOSSY /charging_periods/0/dimensions/0 CdrDimensionType.FLAT");
    assert_json(ocpi_write(pool, yyjson_obj_get(json_read(b.text), "cdr_location")),
                "{'id':'L','address':'A 1','city':'B','country':'NLD','coordinates':{'latitude':'51.047760','longitude':'3.729460'},"
                "'evse_uid':'E','evse_id':'NL*ABC*E1','connector_id':'C','connector_standard':'CHADEMO','connector_format':'CABLE',"
                "'connector_power_type':'DC'}");
    expect_refused(OCPI_OBJECT_CDR, V211, V221, OLD_CDR("'voltage':0,'amperage':0,", PERIOD("{'type':'FLAT','volume':1}")),
                   "CdrDimensionType.FLAT", "/charging_periods/0/dimensions/0/type");
}

static void a_cdr_whose_connector_is_not_clear_is_refused(void **state)
{
    (void)state;
    hub_slice_t old = json_text(OLD_CDR("'voltage':0,'amperage':0,", PERIOD("{'type':'ENERGY','volume':1}")));
    char *at = strstr((char *)(uintptr_t)old.ptr, "\"evses\"");
    assert_non_null(at);
    memcpy(at, "\"evsex\"", 7);
    bridged_t b = bridge_value(OCPI_OBJECT_CDR, V211, V221, json_read(old));
    assert_int_equal(b.err, HUB_EINVALID);
    assert_non_null(loss_at(&b, "CDR.location", "/location"));
}

static void D4_a_credit_never_becomes_a_charge(void **state)
{
    (void)state;
    const char *period = PERIOD("{'type':'ENERGY','volume':1}");
    const char *credit = CDR("'credit':true,'credit_reference_id':'C1',%s");
    expect_refused(OCPI_OBJECT_CDR, V221, V211, hub_pool_printf(pool, credit, period).ptr, "CDR.credit", "/credit");
    expect_refused(OCPI_OBJECT_CDR, V230, V211,
                   "{" OWNER "'id':'D','home_charging_compensation':true,'total_cost':{'before_taxes':1}," WHEN,
                   "CDR.home_charging_compensation", "/home_charging_compensation");
    bridged_t b = bridge_text(OCPI_OBJECT_CDR, V221, V230, hub_pool_printf(pool, credit, period).ptr);
    assert_int_equal(b.err, HUB_EOK);
    assert_losses(&b, "");
    b = bridge_text(OCPI_OBJECT_CDR, V221, V211, hub_pool_printf(pool, CDR("'credit':false,%s"), period).ptr);
    assert_int_equal(b.err, HUB_EOK);
    assert_null(yyjson_obj_get(json_read(b.text), "credit"));
}

static void D5_an_id_is_never_cut(void **state)
{
    (void)state;
    hub_slice_t text = json_text(CDR("'charging_periods':[{'start_date_time':'" T0 "','dimensions':[{'type':'ENERGY','volume':1}]}],"));
    hub_slice_t id = HUB_SLICE_LIT("\"id\":\"D\"");
    const char *at = strstr(text.ptr, id.ptr);
    hub_slice_t longer =
        hub_pool_printf(pool, "%.*s\"id\":\"1234567890123456789012345678901234567\"%s", (int)(at - text.ptr), text.ptr, at + id.len);
    bridged_t b = bridge_value(OCPI_OBJECT_CDR, V221, V211, json_read(longer));
    assert_string_equal(b.losses.list[b.losses.count - 1].row, "shape");
    assert_slice(b.losses.list[b.losses.count - 1].pointer, "/id");
    b = bridge_value(OCPI_OBJECT_CDR, V221, V230, json_read(longer)); /* wrong in every version: only a credit may be so long */
    assert_string_equal(b.losses.list[b.losses.count - 1].row, "D5");
}

#define EMBEDDED(more, elements) "{" OWNER "'id':'T','currency':'EUR'," more "'elements':[" elements "]," WHEN
#define FREE "{'price_components':[{'type':'FLAT','price':0.00,'step_size':1}]}"

static void tariffs_in_a_cdr_that_cannot_be_said_are_left_out(void **state)
{
    (void)state;
    bridged_t b = bridge_text(OCPI_OBJECT_CDR, V221, V211,
                              CDR("'tariffs':[" EMBEDDED("", FREE) "," EMBEDDED("'max_price':{'excl_vat':1},",
                                                                                FREE) "]," PERIOD("{'type':'ENERGY','volume':1}")));
    assert_int_equal(b.err, HUB_EOK);
    assert_json(ocpi_write(pool, yyjson_obj_get(json_read(b.text), "tariffs")),
                "[{'id':'T','currency':'EUR','elements':[" FREE "]," WHEN "]");
    assert_non_null(loss_at(&b, "Tariff.max_price", "/tariffs/1"));
}

static void what_2_1_1_cdrs_do_not_say(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"session_id", "'S'"},
                                          {"authorization_reference", "'R'"},
                                          {"signed_data", "{'encoding_method':'M','signed_values':[{'nature':'N','plain_data':'P',"
                                                          "'signed_data':'S'}]}"},
                                          {"total_fixed_cost", "{'excl_vat':1}"},
                                          {"total_energy_cost", "{'excl_vat':1}"},
                                          {"total_time_cost", "{'excl_vat':1}"},
                                          {"total_parking_cost", "{'excl_vat':1}"},
                                          {"total_reservation_cost", "{'excl_vat':1}"},
                                          {"invoice_reference_id", "'I'"}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        bridged_t b =
            bridge_text(OCPI_OBJECT_CDR, V221, V211,
                        hub_pool_printf(pool, CDR("'%s':%s,%s"), rows[i][0], rows[i][1], PERIOD("{'type':'ENERGY','volume':1}")).ptr);
        assert_int_equal(b.err, HUB_EOK);
        assert_null(yyjson_obj_get(json_read(b.text), rows[i][0]));
        assert_non_null(loss_at(&b, hub_pool_printf(pool, "CDR.%s", rows[i][0]).ptr, hub_pool_printf(pool, "/%s", rows[i][0]).ptr));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bridge_test(session_down_carries_its_location),
        bridge_test(S5_a_reservation_is_pending_in_2_1_1),
        bridge_test(session_costs),
        bridge_test(session_up_names_its_location),
        bridge_test(T27_an_unknown_token_is_said_to_be_unknown),
        bridge_test(cdr_down),
        bridge_test(cdr_up),
        bridge_test(a_cdr_whose_connector_is_not_clear_is_refused),
        bridge_test(D4_a_credit_never_becomes_a_charge),
        bridge_test(D5_an_id_is_never_cut),
        bridge_test(tariffs_in_a_cdr_that_cannot_be_said_are_left_out),
        bridge_test(what_2_1_1_cdrs_do_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
