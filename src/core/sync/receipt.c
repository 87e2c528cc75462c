/* The ledger, and what /v1 shows of it: has this integration acknowledged a CDR (D1, D2), and which ones have? */
#include "receipt.h"

#include <string.h>

#include "integration/integration.h"
#include "pump.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

/* ---- rows: a hub_memo_t, and behind it the URL of an OCPI partner, or {"reference":…,"answer":…} where `version` is 0 ---- */

static hub_err_t read_kept(hub_pool_t *pool, hub_slice_t json, hub_receipt_t *out)
{
    yyjson_doc *doc;
    hub_err_t err = ocpi_read(pool, json, &doc, NULL);
    if (err)
        return HUB_ESTORE;
    yyjson_val *root = yyjson_doc_get_root(doc), *answer = yyjson_obj_get(root, "answer");
    out->reference = ocpi_get_str(root, "reference");
    out->answer = answer ? ocpi_write(pool, answer) : HUB_SLICE_NONE;
    return HUB_EOK;
}

hub_err_t hub_receipt_get(hub_view_t *view, hub_pool_t *pool, uint32_t integration, hub_slice_t key, hub_receipt_t *out)
{
    hub_memo_t memo;
    hub_slice_t bytes;
    *out = (hub_receipt_t){0};
    if (!hub_push__marked(view, integration, OCPI_MODULE_CDRS, key, &bytes) || bytes.len < sizeof memo)
        return HUB_ENOT_FOUND;
    memcpy(&memo, bytes.ptr, sizeof memo);
    if (!memo.sent_at)
        return HUB_ENOT_FOUND;
    out->acknowledged = memo.sent_at;
    hub_slice_t rest = hub_slice(bytes.ptr + sizeof memo, bytes.len - sizeof memo);
    if (memo.version)
        out->url = rest;
    else if (rest.len)
        return read_kept(pool, rest, out);
    return HUB_EOK;
}

/* Not in the middle of a character. */
static hub_slice_t cut(hub_slice_t text)
{
    size_t len = text.len < HUB_RECEIPT_REFERENCE ? text.len : HUB_RECEIPT_REFERENCE;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return hub_slice(text.ptr, len);
}

hub_err_t hub_receipt_put(hub_view_t *view, hub_pool_t *pool, uint32_t integration, hub_slice_t key, const hub_receipt_t *receipt)
{
    hub_key_t mark;
    hub_buf_t out = HUB_BUF_INIT(pool);
    const hub_memo_t memo = {.sent_at = receipt->acknowledged};
    hub_buf_add(&out, hub_slice((const char *)&memo, sizeof memo));
    hub_buf_add_str(&out, "{\"reference\":");
    hub_buf_add_json(&out, receipt->reference.len ? cut(receipt->reference) : HUB_SLICE_NONE);
    if (receipt->answer.len && receipt->answer.len <= HUB_RECEIPT_ANSWER) {
        hub_buf_add_str(&out, ",\"answer\":");
        hub_buf_add(&out, receipt->answer);
    }
    hub_buf_add_char(&out, '}');
    hub_push__mark_key(&mark, integration, OCPI_MODULE_CDRS, key);
    return hub_view_put(view, HUB_TABLE_CURSOR, &mark, hub_buf_slice(&out));
}

/* ---- /v1 ---- */

/* The CDR that the last three parameters name; ?integration=: of the one that gave it, else our own. False: answered. */
static bool read_cdr(hub_exchange_t *x, uint32_t first, hub_object_id_t *id, hub_key_t *key)
{
    uint64_t scope = hub_v1_number(x, "integration", HUB_SCOPE_OWN);
    const hub_slice_t *param = x->state->param + first;
    *id = (hub_object_id_t){.tenant = x->state->tenant,
                            .scope = (uint32_t)scope,
                            .module = OCPI_MODULE_CDRS,
                            .country = param[0],
                            .party = param[1],
                            .id = param[2]};
    if (scope <= UINT32_MAX && hub_object_key(id, key) == HUB_EOK)
        return true;
    hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    return false;
}

static void add_member(hub_buf_t *out, const char *name, hub_slice_t text)
{
    hub_buf_printf(out, ",\"%s\":", name);
    hub_buf_add_json(out, text.len ? text : HUB_SLICE_NONE);
}

static void add_receipt(hub_buf_t *out, const hub_receipt_t *receipt)
{
    char time[OCPI_TIME_MAX + 1];
    (void)ocpi_time_format(receipt->acknowledged, time);
    hub_buf_printf(out, ",\"acknowledged\":\"%s\"", time);
    add_member(out, "url", receipt->url);
    add_member(out, "reference", receipt->reference);
    hub_buf_add_str(out, ",\"answer\":");
    hub_buf_add(out, receipt->answer.len ? receipt->answer : HUB_SLICE_LIT("null"));
    hub_buf_add_char(out, '}');
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
    hub_key_t key;
    hub_object_id_t id;
    hub_receipt_t receipt;
    if (!hub_v1_id(x, &integration) || !read_cdr(x, 1, &id, &key) || !hub_exchange_view(x))
        return;
    hub_err_t err = check_integration(x, integration);
    if (!err)
        err = hub_receipt_get(x->state->view, x->pool, integration, hub_key_slice(&key), &receipt);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "{\"id\":");
    hub_buf_add_json(&out, id.id);
    add_receipt(&out, &receipt);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

typedef struct listing {
    hub_exchange_t *x;
    hub_key_t key;
    hub_v1_page_t page;
    hub_buf_t out;
    uint64_t total;
    hub_err_t err;
} listing_t;

static void list_receipt(listing_t *l, uint32_t id, const hub_receipt_t *receipt)
{
    hub_integration_t *integration = NULL;
    l->err = hub_integration_get(l->x->worker, l->x->state->view, l->x->state->tenant, id, &integration);
    if (l->err)
        return;
    hub_buf_printf(&l->out, "%s{\"integrationId\":\"%u\"", l->out.len > 1 ? "," : "", id);
    add_member(&l->out, "integrationName", integration->name);
    add_member(&l->out, "integrationType", integration->type);
    add_receipt(&l->out, receipt);
    hub_integration_unref(integration);
}

static bool list_one(void *arg, uint32_t tenant, uint32_t id)
{
    (void)tenant;
    listing_t *l = arg;
    hub_receipt_t receipt;
    hub_err_t err = hub_receipt_get(l->x->state->view, l->x->pool, id, hub_key_slice(&l->key), &receipt);
    if (err)
        l->err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
    else if (l->total++ >= l->page.offset && l->total <= l->page.offset + l->page.limit)
        list_receipt(l, id, &receipt);
    return l->err == HUB_EOK;
}

static const char *list_path(hub_exchange_t *x)
{
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "/v1/receipts");
    for (uint32_t i = 0; i < x->state->param_count; i++) {
        hub_buf_add_char(&out, '/');
        hub_buf_add_url(&out, x->state->param[i]);
    }
    return hub_pool_str(x->pool, hub_buf_slice(&out));
}

void hub_v1_receipt_list(hub_exchange_t *x)
{
    hub_object_id_t id;
    hub_object_t head;
    listing_t l = {.x = x, .out = HUB_BUF_INIT(x->pool)};
    if (!read_cdr(x, 0, &id, &l.key) || !hub_exchange_view(x))
        return;
    hub_v1_page_read(x, &l.page);
    if (id.scope != HUB_SCOPE_OWN)
        l.page.filters = hub_pool_printf(x->pool, "&integration=%u", id.scope);
    hub_buf_add_char(&l.out, '[');
    hub_err_t err = hub_object_get(x->state->view, &id, &head);
    if (!err)
        err = hub_integration_each(x->state->view, x->state->tenant, list_one, &l);
    hub_buf_add_char(&l.out, ']');
    if (err || l.err) {
        hub_reply_problem(x, err ? err : l.err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &l.page, list_path(x), l.total);
    hub_reply_json(x, 200, hub_buf_slice(&l.out));
}
