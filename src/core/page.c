/* What stands beside /v1 and /ocpi and asks for no credential: is it alive, does it serve, what has it counted. */
#include "face.h"
#include "metrics.h"
#include "reply.h"
#include "v1.h"

void hub_page_health(hub_exchange_t *x)
{
    hub_reply_json(x, 200, HUB_SLICE_LIT("{\"status\":\"alive\"}"));
}

void hub_page_ready(hub_exchange_t *x)
{
    if (hub_core_ready(x->worker->core) && hub_exchange_view(x))
        hub_reply_json(x, 200, HUB_SLICE_LIT("{\"status\":\"ready\"}"));
    else if (!x->reply.status)
        hub_reply_json(x, 503, HUB_SLICE_LIT("{\"status\":\"not ready\"}"));
}

/* Without a credential for all platforms nobody is told their names: who they are may be nobody's business. */
void hub_page_metrics(hub_exchange_t *x)
{
    hub_view_t *view = hub_exchange_view(x);
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    if (!view)
        return;
    hub_metrics_write(x->worker->core, view, hub_key_authenticate(x) == HUB_EOK && x->state->all_tenants, &out);
    x->reply.status = 200;
    x->reply.body = hub_buf_slice(&out);
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("text/plain; version=0.0.4"));
    hub_exchange_done(x);
}
