/* UtilityCloud: CDRs as invoice lines, or as meter values.
 *
 *   POST {base}/{tenant}/invoice-lines   {"deliveryId","tenant", then flat the members of an event and of `summary` (cdr_column.def)}
 *   POST {base}/{tenant}/meter-values    {"deliveryId","tenant", the event, who and where, "meterValues":[{"start","end","tariffId", then
 *                                        a member for each row of `volumes`}]}, one entry a charging period
 *
 * A receiver tells repeats by Idempotency-Key, which is deliveryId; its `id` or `reference` is kept. */
#include "cdr_form.h"
#include "connector.h"

const char hub_utility_nowhere[] =
    "configData.baseUrl is missing, and the hub has none for all (utility_cloud_url, --utility-cloud-url, OCPI_HUB_UTILITY_CLOUD_URL)";

hub_slice_t hub_utility_root(hub_pool_t *pool, const hub_connector_t *connector, hub_slice_t base)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    base = hub_connector_base(pool, connector, base);
    if (!base.len)
        return HUB_SLICE_NONE;
    hub_buf_add(&out, base);
    hub_buf_add_char(&out, '/');
    hub_buf_add_url(&out, hub_connector_text(connector, "tenant"));
    return hub_buf_slice(&out);
}

/* ---- meter values ---- */

/* Members of `summary` that a meter value needs: no prices. */
static const char *const measured[] = {"countryCode",  "partyId",     "id",       "start",       "end",        "energyKwh",  "timeHours",
                                       "parkingHours", "sessionId",   "tokenUid", "tokenType",   "contractId", "locationId", "evseUid",
                                       "evseId",       "connectorId", "meterId",  "lastUpdated", NULL};

/* Member of an entry, and CdrDimensionType of the period. */
static const struct {
    const char *name, *dimension;
} volumes[] = {
    {"energyKwh", "ENERGY"},
    {"energyImportKwh", "ENERGY_IMPORT"},
    {"energyExportKwh", "ENERGY_EXPORT"},
    {"timeHours", "TIME"},
    {"parkingHours", "PARKING_TIME"},
    {"reservationHours", "RESERVATION_TIME"},
    {"powerKw", "POWER"},
    {"minPowerKw", "MIN_POWER"},
    {"maxPowerKw", "MAX_POWER"},
    {"currentA", "CURRENT"},
    {"minCurrentA", "MIN_CURRENT"},
    {"maxCurrentA", "MAX_CURRENT"},
    {"stateOfCharge", "STATE_OF_CHARGE"},
};

/* Numbers as they are written; null where the period has no such dimension. */
static hub_slice_t volume_of(yyjson_val *period, const char *dimension)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), i, n, item)
    {
        yyjson_val *volume = yyjson_obj_get(item, "volume");
        if (hub_slice_eq_str(ocpi_get_str(item, "type"), dimension) && !yyjson_is_str(volume) && ocpi_str(volume).len)
            return ocpi_str(volume);
    }
    return HUB_SLICE_LIT("null");
}

static void add_period(yyjson_val *period, hub_slice_t end, hub_buf_t *out)
{
    hub_buf_add_str(out, "{\"start\":");
    hub_buf_add_json(out, ocpi_get_str(period, "start_date_time"));
    hub_buf_add_str(out, ",\"end\":");
    hub_buf_add_json(out, end);
    hub_buf_add_str(out, ",\"tariffId\":");
    hub_buf_add_json(out, ocpi_get_str(period, "tariff_id"));
    for (size_t i = 0; i < HUB_COUNT(volumes); i++) {
        hub_slice_t volume = volume_of(period, volumes[i].dimension);
        hub_buf_printf(out, ",\"%s\":%.*s", volumes[i].name, HUB_SLICE_FMT(volume));
    }
    hub_buf_add_char(out, '}');
}

/* A period ends where the next one starts, the last one with the CDR. */
static void add_periods(yyjson_val *cdr, hub_buf_t *out)
{
    size_t i, n;
    yyjson_val *period, *periods = yyjson_obj_get(cdr, "charging_periods");
    hub_buf_add_str(out, ",\"meterValues\":[");
    yyjson_arr_foreach(periods, i, n, period)
    {
        yyjson_val *next = yyjson_arr_get(periods, i + 1);
        if (i)
            hub_buf_add_char(out, ',');
        add_period(period, next ? ocpi_get_str(next, "start_date_time") : ocpi_get_str(cdr, "end_date_time"), out);
    }
    hub_buf_add_char(out, ']');
}

/* ---- the request ---- */

static hub_slice_t body_of(const hub_delivery_t *delivery, const hub_cdr_t *cdr, bool metered)
{
    hub_buf_t out = HUB_BUF_INIT(delivery->call.pool);
    hub_buf_printf(&out, "{\"deliveryId\":\"%s\",\"tenant\":", delivery->id);
    hub_buf_add_json(&out, hub_connector_text(delivery->connector, "tenant"));
    hub_cdr_add_members(cdr, true, NULL, &out);
    hub_cdr_add_members(cdr, false, metered ? measured : NULL, &out);
    if (metered)
        add_periods(cdr->cdr, &out);
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

bool hub_utility_write(hub_delivery_t *delivery)
{
    hub_cdr_t cdr;
    hub_call_t *call = &delivery->call;
    bool metered = hub_setting_true(hub_connector_json(delivery->connector, "meteredValuesAreSent"));
    hub_slice_t root = hub_utility_root(call->pool, delivery->connector, delivery->utility_cloud_url);
    if (!root.len) {
        delivery->problem = hub_slice_str(hub_utility_nowhere);
        return false;
    }
    if (!hub_cdr_read(call->pool, delivery->event, delivery->object, &cdr)) {
        delivery->unsayable = true;
        delivery->problem = HUB_SLICE_LIT("there is no CDR that could be sent (any more)");
        return false;
    }
    call->method = HUB_POST;
    call->url = hub_pool_printf(call->pool, "%.*s/%s", HUB_SLICE_FMT(root), metered ? "meter-values" : "invoice-lines");
    call->body = body_of(delivery, &cdr, metered);
    hub_delivery_header(delivery, "Content-Type", HUB_SLICE_LIT("application/json"));
    hub_delivery_header(delivery, "Idempotency-Key", hub_slice_str(delivery->id));
    return true;
}
