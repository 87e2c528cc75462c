/* A file of CDRs. */
#include "export.h"

#include <string.h>

struct hub_export {
    hub_pool_t *pool, *scratch; /* scratch: of the CDR that is added */
    hub_buf_t body;             /* on the heap: a pool would keep each size that it grew through */
    hub_cdr_format_t format;
    bool closed;
    uint32_t count;
    uint64_t first, last;
    char date[sizeof "2026-11-21"];
};

static void dispose(void *arg)
{
    hub_export_t *out = arg;
    hub_pool_destroy(out->scratch);
    hub_buf_finish(&out->body);
}

hub_export_t *hub_export_create(hub_pool_t *pool, const hub_connector_t *connector)
{
    hub_export_t *out = HUB_POOL_NEW(pool, hub_export_t);
    out->pool = pool;
    out->scratch = hub_pool_create();
    out->body = HUB_BUF_INIT(NULL);
    out->format = hub_cdr_format(connector);
    hub_pool_link(pool, dispose, out);
    return out;
}

static void add_item(hub_export_t *out, const hub_cdr_t *cdr)
{
    switch (out->format) {
    case HUB_CDR_CSV:
        if (!out->count)
            hub_cdr_add_csv_header(&out->body);
        hub_cdr_add_csv(cdr, &out->body);
        break;
    case HUB_CDR_NDJSON:
        hub_cdr_add_json(cdr, HUB_SLICE_NONE, &out->body);
        hub_buf_add_char(&out->body, '\n');
        break;
    default:
        hub_buf_add_str(&out->body, out->count ? ",\n" : "[\n");
        hub_cdr_add_json(cdr, HUB_SLICE_NONE, &out->body);
        break;
    }
}

bool hub_export_add(hub_export_t *out, hub_slice_t event, hub_slice_t object, uint64_t seq)
{
    hub_cdr_t cdr;
    size_t before = out->body.len;
    if (out->closed || out->count >= HUB_EXPORT_ITEMS)
        return false;
    if (hub_cdr_read(out->scratch, event, object, &cdr)) {
        add_item(out, &cdr);
        if (out->count && out->body.len > HUB_EXPORT_BYTES) {
            out->body.len = before;
            hub_pool_clear(out->scratch);
            return false;
        }
        hub_slice_t time = ocpi_get_str(cdr.event, "time");
        memset(out->date, 0, sizeof out->date);
        memcpy(out->date, time.len ? time.ptr : "", time.len < sizeof out->date - 1 ? time.len : sizeof out->date - 1);
        out->first = out->count ? out->first : seq;
        out->last = seq;
        out->count++;
    }
    hub_pool_clear(out->scratch);
    return true;
}

uint32_t hub_export_count(const hub_export_t *out)
{
    return out->count;
}

hub_cdr_format_t hub_export_format(const hub_export_t *out)
{
    return out->format;
}

hub_slice_t hub_export_body(hub_export_t *out)
{
    if (!out->closed && out->format == HUB_CDR_JSON)
        hub_buf_add_str(&out->body, out->count ? "\n]\n" : "[]\n");
    out->closed = true;
    return hub_buf_slice(&out->body);
}

hub_slice_t hub_export_name(hub_export_t *out)
{
    return hub_pool_printf(out->pool, "cdrs-%020llu-%020llu.%s", (unsigned long long)out->first, (unsigned long long)out->last,
                           hub_cdr_formats[out->format].name);
}

hub_slice_t hub_export_date(const hub_export_t *out)
{
    return hub_slice_str(out->date);
}
