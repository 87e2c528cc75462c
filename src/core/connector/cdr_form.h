/* A CDR as connectors send it: in our JSON, or flat as a line of CSV (RFC 4180); both by the rows of cdr_column.def. Numbers come out as
 * they are written in the CDR; an amount is never turned into a binary fraction. Pure.
 *
 *   {"seq":12,"direction":"received","integrationId":"3","time":"2026-…","summary":{"countryCode":"SE",…},"cdr":{…}}
 *
 * `cdr` is the object in OCPI 2.2.1; what a CDR does not say is null in `summary` and empty in CSV. The same CDR always comes out the same,
 * byte for byte: a receiver may compare what is sent again under one Idempotency-Key. */
#ifndef CORE_CONNECTOR_CDR_FORM_H
#define CORE_CONNECTOR_CDR_FORM_H

#include "integration/connector_setting.h"

typedef enum hub_cdr_format { HUB_CDR_JSON, HUB_CDR_NDJSON, HUB_CDR_CSV, HUB_CDR_FORMATS } hub_cdr_format_t;
typedef struct hub_cdr_format_row {
    const char *name, *content_type; /* name: of the setting, and the ending of a file's name */
} hub_cdr_format_row_t;
extern const hub_cdr_format_row_t hub_cdr_formats[HUB_CDR_FORMATS];
hub_cdr_format_t hub_cdr_format(const hub_connector_t *connector); /* settings.format in any case; JSON where there is none */

typedef struct hub_cdr {
    hub_pool_t *pool;
    yyjson_val *event, *cdr;
} hub_cdr_t;
/* `event`, `object` as in hub_delivery_t. False: not both are JSON objects. */
bool hub_cdr_read(hub_pool_t *pool, hub_slice_t event, hub_slice_t object, hub_cdr_t *out);
/* One line without an end. `first`: members that stand before the others ("\"id\":\"7\","). */
void hub_cdr_add_json(const hub_cdr_t *cdr, hub_slice_t first, hub_buf_t *out);
/* For JSON of another build: the members of the event, or of `summary`; all of them, or those in `names` (NULL at the end). Commas between
 * them, and in front unless an object or a comma is. */
void hub_cdr_add_members(const hub_cdr_t *cdr, bool of_event, const char *const *names, hub_buf_t *out);
void hub_cdr_add_csv_header(hub_buf_t *out); /* with CRLF, as every line */
void hub_cdr_add_csv(const hub_cdr_t *cdr, hub_buf_t *out);

/* ---- for tests ---- */

typedef struct hub_cdr_column {
    const char *name;
    enum { HUB_CDR_FROM_EVENT, HUB_CDR_FROM_CDR, HUB_CDR_FROM_VAT } from;
    const char *path;
} hub_cdr_column_t;
extern const hub_cdr_column_t hub_cdr_columns[];
extern const size_t hub_cdr_column_count;

#endif
