/* A data export: CDRs in one file, JSON, NDJSON or CSV, until it is large enough. Pure. */
#ifndef CORE_CONNECTOR_EXPORT_H
#define CORE_CONNECTOR_EXPORT_H

#include "connector.h"

#define HUB_EXPORT_BYTES ((size_t)8 << 20) /* then the file ends and the next one begins */
#define HUB_EXPORT_ITEMS 10000u

typedef struct hub_export hub_export_t;
hub_export_t *hub_export_create(hub_pool_t *pool, const hub_connector_t *connector); /* settings.format */
/* `event`, `object` as in hub_delivery_t. False: the file is full, and this one is not in it. */
bool hub_export_add(hub_export_t *out, hub_slice_t event, hub_slice_t object, uint64_t seq);
uint32_t hub_export_count(const hub_export_t *out);
/* hub_export_write (connector.def) then makes the request: PUT of the file to settings.endpointUrl, named after its first and last seq. */

#endif
