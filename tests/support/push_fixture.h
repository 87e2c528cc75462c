/* A scripted eMSP that gets pushes, for unit tests of push. */
#ifndef PUSH_FIXTURE_H
#define PUSH_FIXTURE_H

#include "sync_fixture.h"

#include "object/objects.h"
#include "object/quarantine.h"
#include "sync/push.h"

static const hub_endpoint_t endpoints[] = {
    {OCPI_MODULE_LOCATIONS, OCPI_RECEIVER, HUB_SLICE_LIT("locations"), HUB_SLICE_LIT("http://partner.test/2.2.1/receiver/locations/")},
    {OCPI_MODULE_TARIFFS, OCPI_RECEIVER, HUB_SLICE_LIT("tariffs"), HUB_SLICE_LIT("http://partner.test/2.2.1/receiver/tariffs")},
};
static const char roles[] = "[{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"e\"}}]";

static inline fixture_registration_t registered(uint32_t id)
{
    return (fixture_registration_t){.id = id,
                                    .status = HUB_STATUS_CONNECTED,
                                    .authorized = true,
                                    .token = "their-token-0123456789",
                                    .endpoints = endpoints,
                                    .endpoint_count = 2,
                                    .roles = roles};
}

static inline void add_party(void)
{
    fixture_expect(HUB_POST, "/v1/parties",
                   "{\"countryCode\":\"NL\",\"partyId\":\"TNM\",\"roles\":[\"CPO\"],\"businessDetails\":{\"name\":\"x\"}}", 201);
}

/* An integration with an eMSP, waiting; its id follows from the order. */
static inline void add_integration(const char *models)
{
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"integrationName\":\"p\",\"integrationType\":\"OCPI\",\"models\":%s,\"ocpiConnection\":{"
                                       "\"initialRole\":\"RECEIVER\",\"customerRoles\":[\"CPO\"],\"tariffSharing\":\"ALL\"}}",
                                       models);
    fixture_expect(HUB_POST, "/v1/integrations", body.ptr, 201);
}

#define BOTH "{\"pushLocation\":true,\"pushTariff\":true}"

static inline void connect(const char *models)
{
    add_party();
    add_integration(models);
    fixture_register(registered(1));
    fixture_settle();
}

static inline void put_location(const char *id, const char *name, const char *status, const char *tariff, int expected)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/locations/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(
        fixture.pool,
        "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"publish\":true,\"name\":\"%s\",\"address\":\"Quay 1\","
        "\"city\":\"Delft\",\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\",\"longitude\":\"4.35710\"},"
        "\"time_zone\":\"Europe/Amsterdam\",\"evses\":[{\"uid\":\"E1\",\"status\":\"%s\",\"connectors\":[{\"id\":\"1\",\"standard\":"
        "\"IEC_62196_T2\",\"format\":\"SOCKET\",\"power_type\":\"AC_3_PHASE\",\"max_voltage\":230,\"max_amperage\":16,\"tariff_ids\":[%s%s%"
        "s],"
        "\"last_updated\":\"2026-01-01T00:00:00Z\"}],\"last_updated\":\"2026-01-01T00:00:00Z\"}]}",
        id, name, status, tariff ? "\"" : "", tariff ? tariff : "", tariff ? "\"" : "");
    fixture_expect(HUB_PUT, path.ptr, body.ptr, expected);
}

static inline void put_tariff(const char *id, const char *price, int expected)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/tariffs/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"currency\":\"EUR\",\"elements\":[{"
                                       "\"price_components\":[{\"type\":\"ENERGY\",\"price\":%s,\"step_size\":1}]}]}",
                                       id, price);
    fixture_expect(HUB_PUT, path.ptr, body.ptr, expected);
}

static inline void set_status(const char *location, const char *status)
{
    hub_slice_t body = hub_pool_printf(
        fixture.pool, "[{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"location_id\":\"%s\",\"evse_uid\":\"E1\",\"status\":\"%s\"}]",
        location, status);
    fixture_expect(HUB_POST, "/v1/evse-status", body.ptr, 200);
}

static inline uint64_t cursor_of(uint32_t id, ocpi_module_t module)
{
    hub_view_t *view;
    hub_key_t key;
    assert_int_equal(hub_view_open(fixture.store, &view), HUB_EOK);
    hub_push_reader(&key, id, module);
    uint64_t seq = hub_cursor_get(view, &key);
    hub_view_close(view);
    return seq;
}

static inline uint64_t quarantined(uint32_t id)
{
    hub_view_t *view;
    assert_int_equal(hub_view_open(fixture.store, &view), HUB_EOK);
    uint64_t count = hub_quarantine_count(view, id);
    hub_view_close(view);
    return count;
}

/* Answers of a partner. */
static inline void unreachable(hub_call_t *call, unsigned number)
{
    (void)number;
    call->err = HUB_EPEER_UNREACHABLE;
    call->detail = HUB_SLICE_LIT("Connection refused");
}

static inline void fail_bad(hub_call_t *call, unsigned number)
{
    (void)number;
    bool bad = strstr(hub_pool_str(call->pool, call->url), "BAD");
    fixture_ok(call, bad ? 500 : 200, bad ? 3000 : 1000, NULL);
}

#define L(id) "/receiver/locations/NL/TNM/" id
#define T(id) "/receiver/tariffs/NL/TNM/" id

#endif
