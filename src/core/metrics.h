/* Counters for /metrics, one each a tenant, and the text that shows them. Any thread. */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core.h"

typedef enum hub_metric {
#define HUB_METRIC(name, text, label, doc) HUB_METRIC_##name,
#include "metric.def"
#undef HUB_METRIC
    HUB_METRIC_COUNT
} hub_metric_t;

#define HUB_METRIC_TENANTS 64u /* tenants with counters of their own; the others share the last ones */
typedef struct hub_metrics {
    atomic_uint_fast64_t value[HUB_METRIC_TENANTS + 1][HUB_METRIC_COUNT]; /* [0]: nobody's, requests without a credential */
} hub_metrics_t;

static inline void hub_metric_add(hub_core_t *core, uint32_t tenant, hub_metric_t metric, uint64_t n)
{
    uint32_t slot = tenant < HUB_METRIC_TENANTS ? tenant : HUB_METRIC_TENANTS;
    atomic_fetch_add_explicit(&core->metrics->value[slot][metric], n, memory_order_relaxed);
}

/* Prometheus text format. The label `platform` tells the tenant by its name (`named`) or, but for "default", by its number: "" nobody's,
 * "*" those that share counters. */
void hub_metrics_write(hub_core_t *core, hub_view_t *view, bool named, hub_buf_t *out);

#endif
