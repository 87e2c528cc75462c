/* DataExport: the request that carries a file. */
#include <string.h>

#include "export.h"
#include "hub/url.h"

/* `text` with every `what` replaced; *found: there was one. */
static hub_slice_t replace(hub_pool_t *pool, hub_slice_t text, const char *what, hub_slice_t by, bool *found)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    size_t len = strlen(what);
    *found = false;
    for (size_t i = 0; i < text.len;) {
        bool here = hub_slice_starts(hub_slice(text.ptr + i, text.len - i), hub_slice_str(what));
        *found = *found || here;
        hub_buf_add(&out, here ? by : hub_slice(text.ptr + i, 1));
        i += here ? len : 1;
    }
    return hub_buf_slice(&out);
}

static hub_slice_t target(hub_delivery_t *delivery, hub_slice_t name)
{
    bool found;
    hub_pool_t *pool = delivery->call.pool;
    hub_slice_t url = hub_connector_text(delivery->connector, "endpointUrl"), path;
    url = replace(pool, url, "{date}", hub_export_date(delivery->export), &found);
    url = replace(pool, url, "{file}", name, &found);
    hub_slice_t rest = url;
    if (found || !hub_slice_split(&rest, '?', &path) || !path.len || path.ptr[path.len - 1] != '/')
        return url;
    const hub_slice_t parts[] = {path, name, hub_slice(path.ptr + path.len, url.len - path.len)};
    return hub_pool_join(pool, parts, HUB_COUNT(parts));
}

bool hub_export_write(hub_delivery_t *delivery)
{
    const char *why;
    hub_call_t *call = &delivery->call;
    if (!delivery->export || !hub_export_count(delivery->export)) {
        delivery->problem = HUB_SLICE_LIT("there is nothing to export");
        return false;
    }
    call->url = target(delivery, hub_export_name(delivery->export));
    if (!hub_url_check(call->url, delivery->insecure, &why)) {
        delivery->problem = hub_pool_printf(call->pool, "settings.endpointUrl with the name of a file: %s", why);
        return false;
    }
    call->method = HUB_PUT;
    hub_delivery_header(delivery, "Content-Type", hub_slice_str(hub_cdr_formats[hub_export_format(delivery->export)].content_type));
    call->body = hub_export_body(delivery->export);
    return true;
}
