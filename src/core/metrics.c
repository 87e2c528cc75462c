#include "metrics.h"

#include <string.h>

#include "access/tenant.h"

static const struct {
    const char *text, *label, *doc;
} rows[HUB_METRIC_COUNT] = {
#define HUB_METRIC(name, text, label, doc) [HUB_METRIC_##name] = {text, label, doc},
#include "metric.def"
#undef HUB_METRIC
};

static void gauge(hub_buf_t *out, const char *name, const char *type, const char *doc, uint64_t value)
{
    hub_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, doc, name, type, name);
    hub_buf_add_u64(out, value);
    hub_buf_add_char(out, '\n');
}

/* One label more: {platform="…"} or {face="ocpi",platform="…"}. Names of tenants need no escape. */
static void counter(hub_buf_t *out, size_t row, hub_slice_t platform, uint64_t value)
{
    const char *label = rows[row].label;
    size_t len = strlen(label);
    hub_buf_printf(out, "%s{%.*s%splatform=\"%.*s\"} ", rows[row].text, len ? (int)len - 2 : 0, label + (len > 0), len ? "," : "",
                   HUB_SLICE_FMT(platform));
    hub_buf_add_u64(out, value);
    hub_buf_add_char(out, '\n');
}

static hub_slice_t platform_of(hub_view_t *view, hub_pool_t *pool, uint32_t slot, bool named)
{
    hub_slice_t name = HUB_SLICE_LIT("");
    if (slot == HUB_METRIC_TENANTS)
        return HUB_SLICE_LIT("*");
    if (!named && slot > HUB_TENANT_DEFAULT)
        return slot <= hub_tenant_last(view) ? hub_pool_printf(pool, "%u", slot) : HUB_SLICE_LIT("");
    return slot && hub_tenant_name(view, pool, slot, &name) == HUB_EOK ? name : HUB_SLICE_LIT("");
}

/* The tenants that are known, and the slots of none in particular where they have something to say. */
static void counters(hub_core_t *core, size_t row, uint32_t last, const hub_slice_t *names, hub_buf_t *out)
{
    for (uint32_t slot = 0; slot <= HUB_METRIC_TENANTS; slot++) {
        uint64_t value = atomic_load_explicit(&core->metrics->value[slot][row], memory_order_relaxed);
        if (value || (slot && slot <= last && slot < HUB_METRIC_TENANTS))
            counter(out, row, names[slot], value);
    }
}

void hub_metrics_write(hub_core_t *core, hub_view_t *view, bool named, hub_buf_t *out)
{
    hub_slice_t names[HUB_METRIC_TENANTS + 1];
    uint32_t last = hub_tenant_last(view);
    for (uint32_t slot = 0; slot <= HUB_METRIC_TENANTS; slot++)
        names[slot] = platform_of(view, out->pool, slot, named);
    for (size_t i = 0; i < HUB_METRIC_COUNT; i++) {
        if (i == 0 || strcmp(rows[i].text, rows[i - 1].text) != 0)
            hub_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", rows[i].text, rows[i].doc, rows[i].text);
        counters(core, i, last, names, out);
    }
    hub_store_stats_t stats;
    hub_store_stats(core->store, &stats);
    gauge(out, "ocpi_hub_store_commits_total", "counter", "Commits of the store", stats.commits);
    gauge(out, "ocpi_hub_store_operations_total", "counter", "Operations committed", stats.operations);
    gauge(out, "ocpi_hub_store_refused_total", "counter", "Operations refused because the queue was full", stats.refused);
    gauge(out, "ocpi_hub_store_queue_depth", "gauge", "Operations waiting for the store thread", stats.queue_depth);
    gauge(out, "ocpi_hub_store_used_bytes", "gauge", "Bytes of the store in use", stats.used_bytes);
    gauge(out, "ocpi_hub_store_sequence", "counter", "Newest sequence number of the change index", hub_store_seq(core->store));
}
