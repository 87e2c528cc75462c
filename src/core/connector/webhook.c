/* Webhook: events, signed as the Standard Webhooks specification says (https://www.standardwebhooks.com). */
#include "connector.h"

/* {"type":"cdr.created","timestamp":"…","data":{the event as in /v1/events?include=object}} */
static hub_slice_t body_of(const hub_delivery_t *delivery)
{
    yyjson_doc *doc;
    hub_pool_t *pool = delivery->call.pool;
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_slice_t time = HUB_SLICE_NONE;
    if (ocpi_read(pool, delivery->event, &doc, NULL) == HUB_EOK)
        time = ocpi_get_str(yyjson_doc_get_root(doc), "time");
    hub_buf_add_str(&out, "{\"type\":");
    hub_buf_add_json(&out, delivery->type);
    hub_buf_add_str(&out, ",\"timestamp\":");
    hub_buf_add_json(&out, time);
    hub_buf_add_str(&out, ",\"data\":");
    hub_buf_add(&out, delivery->event);
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

/* The key is the Base64 behind whsec_. */
static bool signature(const hub_delivery_t *delivery, hub_slice_t timestamp, hub_slice_t *out)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_slice_t key;
    hub_pool_t *pool = delivery->call.pool;
    if (!hub_setting_signing_key(pool, hub_connector_text(delivery->connector, "secret"), &key))
        return false;
    hub_slice_t text = hub_pool_printf(pool, "%s.%.*s.%.*s", delivery->id, HUB_SLICE_FMT(timestamp), HUB_SLICE_FMT(delivery->call.body));
    hub_hmac_sha256(key, text, digest);
    *out = hub_pool_printf(pool, "v1,%.*s", HUB_SLICE_FMT(hub_base64_encode(pool, hub_slice((const char *)digest, sizeof digest))));
    return true;
}

bool hub_webhook_write(hub_delivery_t *delivery)
{
    hub_slice_t signed_with, timestamp = hub_pool_printf(delivery->call.pool, "%lld", (long long)(delivery->now / 1000));
    delivery->call.method = HUB_POST;
    delivery->call.url = hub_connector_text(delivery->connector, "url");
    delivery->call.body = body_of(delivery);
    if (!signature(delivery, timestamp, &signed_with)) {
        delivery->problem = HUB_SLICE_LIT("settings.secret must be whsec_ and Base64");
        return false;
    }
    hub_delivery_header(delivery, "Content-Type", HUB_SLICE_LIT("application/json"));
    hub_delivery_header(delivery, "webhook-id", hub_slice_str(delivery->id));
    hub_delivery_header(delivery, "webhook-timestamp", timestamp);
    hub_delivery_header(delivery, "webhook-signature", signed_with);
    return true;
}
