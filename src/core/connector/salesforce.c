/* Salesforce: CDRs and sessions, POST to salesforceConnection.endpointUrl (Apex REST, or whatever takes this JSON):
 *
 *   {"id":"msg_…","type":"cdr.created","event":{as GET /v1/events?include=object},"object":{the CDR or Session in OCPI 2.2.1}}
 *
 * `event` is without its object. A receiver tells repeats by Idempotency-Key, which is id. */
#include "connector.h"

static void add_event(hub_pool_t *pool, yyjson_val *event, hub_buf_t *out)
{
    size_t i, n;
    yyjson_val *key, *value;
    const char *comma = "";
    hub_buf_add_char(out, '{');
    yyjson_obj_foreach(event, i, n, key, value)
    {
        if (hub_slice_eq_str(ocpi_str(key), "object"))
            continue;
        hub_buf_add_str(out, comma);
        hub_buf_add_json(out, ocpi_str(key));
        hub_buf_add_char(out, ':');
        hub_buf_add(out, ocpi_write(pool, value));
        comma = ",";
    }
    hub_buf_add_char(out, '}');
}

bool hub_salesforce_write(hub_delivery_t *delivery)
{
    yyjson_doc *doc;
    hub_call_t *call = &delivery->call;
    hub_buf_t out = HUB_BUF_INIT(call->pool);
    if (!delivery->object.len || ocpi_read(call->pool, delivery->event, &doc, NULL) != HUB_EOK) {
        delivery->unsayable = true;
        delivery->problem = HUB_SLICE_LIT("there is no object that could be sent (any more)");
        return false;
    }
    hub_buf_printf(&out, "{\"id\":\"%s\",\"type\":", delivery->id);
    hub_buf_add_json(&out, delivery->type);
    hub_buf_add_str(&out, ",\"event\":");
    add_event(call->pool, yyjson_doc_get_root(doc), &out);
    hub_buf_add_str(&out, ",\"object\":");
    hub_buf_add(&out, delivery->object);
    hub_buf_add_char(&out, '}');
    call->method = HUB_POST;
    call->url = hub_connector_text(delivery->connector, "endpointUrl");
    call->body = hub_buf_slice(&out);
    hub_delivery_header(delivery, "Content-Type", HUB_SLICE_LIT("application/json"));
    hub_delivery_header(delivery, "Idempotency-Key", hub_slice_str(delivery->id));
    return true;
}
