/* A CPO's hub with a scripted eMSP that gets Sessions and CDRs, for unit tests of push. The clock of hub_now_ms moves with the fixture's.
 */
#ifndef ROAMING_FIXTURE_H
#define ROAMING_FIXTURE_H

#include "push_fixture.h"

int64_t __real_hub_now_ms(void);
int64_t __wrap_hub_now_ms(void);
int64_t __wrap_hub_now_ms(void)
{
    return __real_hub_now_ms() + fixture.clock;
}

static const hub_endpoint_t roaming_endpoints[] = {
    {OCPI_MODULE_SESSIONS, OCPI_RECEIVER, HUB_SLICE_LIT("sessions"), HUB_SLICE_LIT("http://partner.test/receiver/sessions")},
    {OCPI_MODULE_CDRS, OCPI_RECEIVER, HUB_SLICE_LIT("cdrs"), HUB_SLICE_LIT("http://partner.test/receiver/cdrs/")},
};

static inline fixture_registration_t roaming(uint32_t id, ocpi_version_t version)
{
    return (fixture_registration_t){.id = id,
                                    .status = HUB_STATUS_CONNECTED,
                                    .authorized = true,
                                    .token = "their-token-0123456789",
                                    .endpoints = roaming_endpoints,
                                    .endpoint_count = 2,
                                    .roles = roles,
                                    .version = version};
}

/* `more`: further members of models, with a comma before. */
static inline void roam_as(ocpi_version_t version, const char *more)
{
    add_party();
    add_integration(hub_pool_printf(fixture.pool, "{\"pushSession\":true,\"pushCdr\":true%s}", more).ptr);
    fixture_register(roaming(1, version));
    fixture_settle();
}

static inline void roam(const char *more)
{
    roam_as(OCPI_V2_2_1, more);
}

#define TOKEN_OF(country, party)                                                                                                           \
    "{\"country_code\":\"" country "\",\"party_id\":\"" party "\",\"uid\":\"U1\",\"type\":\"RFID\",\"contract_id\":\"K1\"}"

static inline const char *period_list(unsigned count)
{
    hub_buf_t out = HUB_BUF_INIT(fixture.pool);
    for (unsigned i = 0; i < count; i++)
        hub_buf_printf(&out,
                       "%s{\"start_date_time\":\"2026-01-01T10:%02u:00Z\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":%u},{\"type\":"
                       "\"STATE_OF_CHARGE\",\"volume\":%u}]}",
                       i ? "," : "", i, i + 1, 10 + i);
    return hub_pool_str(fixture.pool, hub_buf_slice(&out));
}

static inline void put_session(const char *id, const char *status, unsigned periods, int expected)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/sessions/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(
        fixture.pool,
        "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"start_date_time\":\"2026-01-01T10:00:00Z\",\"kwh\":%u,"
        "\"cdr_token\":" TOKEN_OF("DE", "EMS") ",\"auth_method\":\"WHITELIST\",\"location_id\":\"L1\",\"evse_uid\":\"E1\","
                                               "\"connector_id\":\"1\",\"currency\":\"EUR\",\"charging_periods\":[%s],\"status\":\"%s\"}",
        id, periods, period_list(periods), status);
    fixture_expect(HUB_PUT, path.ptr, body.ptr, expected);
}

static inline void put_cdr(const char *id, const char *session, const char *credits, int expected)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/cdrs/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(
        fixture.pool,
        "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"start_date_time\":\"2026-01-01T10:00:00Z\",\"end_date_time\":"
        "\"2026-01-01T11:00:00Z\",\"session_id\":\"%s\",%s%s%s\"cdr_token\":" TOKEN_OF(
            "DE", "EMS") ",\"auth_method\":\"WHITELIST\","
                         "\"cdr_location\":{\"id\":\"L1\",\"address\":\"Quay "
                         "1\",\"city\":\"Delft\",\"country\":\"NLD\",\"coordinates\":{\"latitude\":"
                         "\"52.01160\",\"longitude\":\"4.35710\"},\"evse_uid\":\"E1\",\"evse_id\":\"NL*TNM*E1\",\"connector_id\":\"1\","
                         "\"connector_standard\":\"IEC_62196_T2\",\"connector_format\":\"SOCKET\",\"connector_power_type\":\"AC_3_PHASE\"},"
                         "\"currency\":\"EUR\",\"charging_periods\":[{\"start_date_time\":\"2026-01-01T10:00:00Z\",\"dimensions\":[{"
                         "\"type\":\"ENERGY\","
                         "\"volume\":1}]}],\"total_cost\":{\"excl_vat\":%s2.5},\"total_energy\":1.5,\"total_time\":1}",
        id, session, credits ? "\"credit\":true,\"credit_reference_id\":\"" : "", credits ? credits : "", credits ? "\"," : "",
        credits ? "-" : "");
    fixture_expect(HUB_PUT, path.ptr, body.ptr, expected);
}

#define S(id) "/receiver/sessions/NL/TNM/" id
#define CDRS "/receiver/cdrs/"

#endif
