#include "metrics.h"

#include <string.h>

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

void hub_metrics_write(hub_core_t *core, hub_buf_t *out)
{
    for (size_t i = 0; i < HUB_METRIC_COUNT; i++) {
        if (i == 0 || strcmp(rows[i].text, rows[i - 1].text) != 0)
            hub_buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", rows[i].text, rows[i].doc, rows[i].text);
        hub_buf_printf(out, "%s%s ", rows[i].text, rows[i].label);
        hub_buf_add_u64(out, atomic_load_explicit(&core->metrics->value[i], memory_order_relaxed));
        hub_buf_add_char(out, '\n');
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
