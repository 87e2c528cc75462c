/* Counters for /metrics, and the text that shows them. Any thread. */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "core.h"

typedef enum hub_metric {
#define HUB_METRIC(name, text, label, doc) HUB_METRIC_##name,
#include "metric.def"
#undef HUB_METRIC
    HUB_METRIC_COUNT
} hub_metric_t;

typedef struct hub_metrics {
    atomic_uint_fast64_t value[HUB_METRIC_COUNT];
} hub_metrics_t;

static inline void hub_metric_add(hub_core_t *core, hub_metric_t metric, uint64_t n)
{
    atomic_fetch_add_explicit(&core->metrics->value[metric], n, memory_order_relaxed);
}

void hub_metrics_write(hub_core_t *core, hub_buf_t *out); /* Prometheus text format */

#endif
