/* GET versions and version details: printed from the route rows. Rules V1-V4, V7. */
#include "face.h"
#include "offer.h"
#include "reply.h"

void hub_ocpi_versions(hub_exchange_t *x)
{
    hub_core_t *core = x->worker->core;
    uint32_t mask = hub_offer_versions(x->state->integration);
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    if (!mask) { /* V1: never an empty list */
        hub_reply_ocpi(x, 200, 3000, HUB_SLICE_LIT("no OCPI version is offered on this connection yet"), HUB_SLICE_NONE);
        return;
    }
    hub_buf_add_char(&out, '[');
    for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++) {
        const char *name = ocpi_version_name(ocpi_versions[i]);
        if (!(mask & ocpi_versions[i]))
            continue;
        if (out.ptr[out.len - 1] != '[')
            hub_buf_add_char(&out, ',');
        hub_buf_printf(&out, "{\"version\":\"%s\",\"url\":", name);
        hub_buf_add_json(&out, hub_pool_printf(x->pool, "%.*s/ocpi/%s", HUB_SLICE_FMT(core->public_url), name));
        hub_buf_add_char(&out, '}');
    }
    hub_buf_add_char(&out, ']');
    hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, hub_buf_slice(&out));
}

void hub_ocpi_details(hub_exchange_t *x)
{
    const hub_integration_t *integration = x->state->integration;
    ocpi_version_t version = x->state->target.version;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_printf(&out, "{\"version\":\"%s\",\"endpoints\":", ocpi_version_name(version));
    ocpi_endpoints_write(&out, x->worker->core->public_url, version, hub_offer_roles(integration, version));
    hub_buf_add_char(&out, '}');
    hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, hub_buf_slice(&out));
}
