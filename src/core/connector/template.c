/* What templates share: headers, forms, what configData and credentials hold. And the rows of connector.def. */
#include "connector.h"

const hub_connector_kind_t hub_connector_kinds[] = {
#define START_ALL false
#define START_NOW true
#define LEDGER HUB_KIND_LEDGER
#define INSIST HUB_KIND_INSIST
#define HUB_KIND(symbol, type, provider, feed, start, flags, parallel, auth, write, read)                                                  \
    {provider, HUB_TYPE_##type, HUB_FEED_##feed, START_##start, flags, parallel, HUB_AUTH_##auth, write, read},
#include "connector.def"
#undef HUB_KIND
#undef LEDGER
#undef INSIST
};
const size_t hub_connector_kind_count = HUB_COUNT(hub_connector_kinds);

const hub_connector_kind_t *hub_connector_kind_of(const hub_connector_t *connector)
{
    for (size_t i = 0; i < hub_connector_kind_count; i++) {
        const hub_connector_kind_t *kind = &hub_connector_kinds[i];
        if (kind->type == connector->type && (!kind->provider || hub_slice_eq_str(connector->provider, kind->provider)))
            return kind;
    }
    return NULL;
}

void hub_delivery_header(hub_delivery_t *delivery, const char *name, hub_slice_t value)
{
    hub_call_t *call = &delivery->call;
    HUB_ASSERT(call->header_count < HUB_CALL_HEADERS);
    call->headers[call->header_count++] = (hub_header_t){hub_slice_str(name), value};
}

static hub_slice_t member(hub_pool_t *pool, hub_slice_t json, const char *name)
{
    yyjson_doc *doc;
    if (!json.ptr || ocpi_read(pool, json, &doc, NULL) != HUB_EOK)
        return HUB_SLICE_NONE;
    hub_slice_t text = ocpi_get_str(yyjson_doc_get_root(doc), name);
    return text.len ? hub_pool_copy(pool, text) : HUB_SLICE_NONE;
}

hub_slice_t hub_connector_config(hub_pool_t *pool, const hub_connector_t *connector, const char *name)
{
    return member(pool, connector->config_data, name);
}

hub_slice_t hub_connector_credential(hub_pool_t *pool, const hub_connector_t *connector, const char *name)
{
    return member(pool, connector->credentials, name);
}

hub_slice_t hub_connector_base(hub_pool_t *pool, const hub_connector_t *connector, hub_slice_t otherwise)
{
    hub_slice_t base = hub_connector_config(pool, connector, "baseUrl");
    if (!base.len)
        base = otherwise;
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return base;
}

void hub_form_add(hub_buf_t *out, const char *name, hub_slice_t value)
{
    hub_buf_printf(out, "%s%s=", out->len ? "&" : "", name);
    hub_buf_add_url(out, value);
}
