/* FEED_ALERTS: whether there is something to tell of an integration that changed its status. What was last told of it is written down, so
 * that the same is not told twice, and that trouble which nobody heard of is not followed by news that it is over.
 *
 * Table CURSOR: u8 'A', u32 integration, u32 the other integration -> hub_told_t. */
#include <string.h>

#include "integration/registration.h"
#include "run.h"

#define INTERVAL_S 60u

typedef struct hub_told {
    uint32_t status; /* hub_integration_status_t */
    uint32_t reserved;
    int64_t at; /* ms */
} hub_told_t;

static void told_key(hub_key_t *key, uint32_t integration, uint32_t other)
{
    hub_key_init(key);
    hub_key_u8(key, 'A');
    hub_key_u32(key, integration);
    hub_key_u32(key, other);
}

static hub_told_t told_get(hub_view_t *view, uint32_t integration, uint32_t other)
{
    hub_key_t key;
    hub_slice_t value;
    hub_told_t told = {.status = HUB_STATUS_CONNECTED}; /* nobody was told of trouble */
    told_key(&key, integration, other);
    if (hub_view_get(view, HUB_TABLE_CURSOR, &key, &value) == HUB_EOK && value.len == sizeof told)
        memcpy(&told, value.ptr, sizeof told);
    return told;
}

hub_err_t hub_alert_told(hub_view_t *view, const hub_shipment_t *s)
{
    hub_key_t key;
    uint32_t tenant, other;
    bool status;
    const hub_told_t told = {.status = s->told, .at = hub_now_ms()};
    if (!hub_integration_change_parse(s->what.key, &tenant, &other, &status))
        return HUB_EOK;
    told_key(&key, s->run->agent->id, other);
    return hub_view_put(view, HUB_TABLE_CURSOR, &key, hub_slice((const char *)&told, sizeof told));
}

static bool is_trouble(uint32_t status)
{
    return status == HUB_STATUS_FAILED || status == HUB_STATUS_OFFLINE || status == HUB_STATUS_DEGRADED;
}

static int64_t interval(const hub_package_t *package)
{
    uint64_t seconds = INTERVAL_S;
    const hub_delivery_t *delivery = &package->delivery;
    hub_slice_t text = hub_connector_config(delivery->call.pool, delivery->connector, "alertIntervalSeconds");
    if (text.len && (!hub_slice_u64(text, &seconds) || seconds > 86400))
        seconds = INTERVAL_S;
    return (int64_t)seconds * 1000;
}

bool hub_alert_fill(hub_view_t *view, hub_package_t *package, const hub_event_t *event)
{
    hub_integration_t *other;
    hub_run_t *run = package->run;
    hub_shipment_t *s = package->shipment;
    hub_delivery_t *delivery = &package->delivery;
    hub_pool_t *pool = delivery->call.pool;
    hub_told_t told = told_get(view, run->agent->id, event->integration);
    bool tell = hub_integration_load(run->agent->worker->core, view, run->agent->tenant, event->integration, &other) == HUB_EOK;
    if (tell) {
        uint32_t heard = s->partly ? s->told : told.status; /* by those who have it already */
        s->told = (uint8_t)other->status;
        if (s->parts && heard != s->told)
            s->parts = delivery->part = 0;
        delivery->alert.id = hub_pool_printf(pool, "%u", other->id);
        delivery->alert.name = hub_pool_copy(pool, other->name);
        delivery->alert.status = hub_slice_str(hub_integration_status_name(other->status));
        delivery->alert.description = hub_pool_copy(pool, other->status_description);
        delivery->alert.reference = hub_pool_copy(pool, other->reference);
        delivery->alert.recovered = other->status == HUB_STATUS_CONNECTED;
        delivery->alert.since = event->change.time;
        tell = s->parts || /* not everybody has heard of it */
               (told.status != s->told && (is_trouble(s->told) || (delivery->alert.recovered && is_trouble(told.status))));
        hub_integration_unref(other);
    }
    int64_t due = told.at + interval(package);
    if (tell && due <= delivery->now)
        return true;
    s->due = due; /* what then still differs is told */
    hub_run__end(s, tell ? HUB_SHIP_LATER : HUB_SHIP_NOTHING);
    return false;
}
