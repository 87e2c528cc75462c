/* A data export: CDRs in one file, JSON, NDJSON or CSV, until it is large enough. Pure. What a CDR looks like there: cdr_form.h; JSON is an
 * array, CSV has a header.
 *
 * A file goes by PUT to settings.endpointUrl. In it {file} stands for the file's name, {date} for the day of its last CDR; without {file}
 * the name is put behind a path that ends in "/", in front of the query. A URL that has neither is the same for every file, so that each
 * replaces the one before. The name says which CDRs are in it: cdrs-<first seq>-<last seq>.csv, of 20 digits each, so that names sort; a
 * file that is sent again after an answer was lost has the same name as long as nothing new has come. */
#ifndef CORE_CONNECTOR_EXPORT_H
#define CORE_CONNECTOR_EXPORT_H

#include "cdr_form.h"
#include "connector.h"

#define HUB_EXPORT_BYTES ((size_t)8 << 20) /* then the file ends and the next one begins */
#define HUB_EXPORT_ITEMS 10000u

typedef struct hub_export hub_export_t;
hub_export_t *hub_export_create(hub_pool_t *pool, const hub_connector_t *connector); /* settings.format; goes with the pool */
/* `event`, `object` as in hub_delivery_t. False: the file is full, or its request has been made, and this one is not in it. What is no CDR
 * (any more) is passed over. */
bool hub_export_add(hub_export_t *out, hub_slice_t event, hub_slice_t object, uint64_t seq);
uint32_t hub_export_count(const hub_export_t *out);
/* hub_export_write (connector.def) then makes the request: PUT of the file to settings.endpointUrl, named after its first and last seq. */

/* ---- for export_write.c ---- */

hub_cdr_format_t hub_export_format(const hub_export_t *out);
hub_slice_t hub_export_body(hub_export_t *out); /* the file is closed */
hub_slice_t hub_export_name(hub_export_t *out);
hub_slice_t hub_export_date(const hub_export_t *out); /* "2026-11-21" */

#endif
