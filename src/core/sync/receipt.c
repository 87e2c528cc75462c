/* GET /v1/integrations/{id}/receipts/{cc}/{party}/{cdrId}: has this partner acknowledged a CDR of ours, and where does it keep it (D1, D2)?
 */
#include <string.h>

#include "integration/integration.h"
#include "pump.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

static hub_err_t find(hub_exchange_t *x, uint32_t integration, hub_memo_t *memo, hub_slice_t *url)
{
    hub_key_t key;
    hub_slice_t bytes;
    const hub_slice_t *param = x->state->param;
    const hub_object_id_t id = {.tenant = x->state->tenant,
                                .scope = HUB_SCOPE_OWN,
                                .module = OCPI_MODULE_CDRS,
                                .country = param[1],
                                .party = param[2],
                                .id = param[3]};
    if (hub_object_key(&id, &key) != HUB_EOK ||
        !hub_push__marked(x->state->view, integration, OCPI_MODULE_CDRS, hub_key_slice(&key), &bytes) || bytes.len < sizeof *memo)
        return HUB_ENOT_FOUND;
    memcpy(memo, bytes.ptr, sizeof *memo);
    *url = hub_slice(bytes.ptr + sizeof *memo, bytes.len - sizeof *memo);
    return memo->sent_at ? HUB_EOK : HUB_ENOT_FOUND;
}

static hub_err_t check_integration(hub_exchange_t *x, uint32_t id)
{
    hub_integration_t *integration = NULL;
    hub_err_t err = hub_integration_get(x->worker, x->state->view, x->state->tenant, id, &integration);
    hub_integration_unref(integration);
    return err;
}

void hub_v1_receipt_get(hub_exchange_t *x)
{
    uint32_t integration;
    hub_memo_t memo;
    hub_slice_t url;
    char time[OCPI_TIME_MAX + 1];
    if (!hub_v1_id(x, &integration) || !hub_exchange_view(x))
        return;
    hub_err_t err = check_integration(x, integration);
    if (!err)
        err = find(x, integration, &memo, &url);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "{\"id\":");
    hub_buf_add_json(&out, x->state->param[3]);
    (void)ocpi_time_format(memo.sent_at, time);
    hub_buf_printf(&out, ",\"acknowledged\":\"%s\",\"url\":", time);
    hub_buf_add_json(&out, url.len ? url : HUB_SLICE_NONE);
    hub_buf_add_char(&out, '}');
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
