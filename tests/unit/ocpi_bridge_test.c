/* The rows of the bridge, one by one: what an object becomes in another version, and what is recorded as lost. */
#include "bridge.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        bridge_test(connector_up_and_down),
        bridge_test(tariff_ids_to_the_first_that_may_be_named),
        bridge_test(plugs_that_a_version_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
