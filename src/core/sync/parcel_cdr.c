/* What goes out of a CDR: one POST, until it is acknowledged, never again after that (D1, D3, decision H). A crash between the answer and
 * its being written down leads to a second POST, which decision H makes harmless; that is why it is written down at once. */
#include <string.h>

#include "parcel.h"

#define PUT_OFF_FIRST_MS 60000
#define PUT_OFF_MOST_MS 3600000

/* The body of 2.1.1 does not name its session: what is stored does. */
static yyjson_val *stored_root(hub_parcel_t *parcel)
{
    hub_object_t head;
    yyjson_doc *doc;
    if (parcel->item->pump->push->agent->integration->ocpi_version & OCPI_V_22UP)
        return parcel->root;
    if (hub_object_get_key(parcel->view, parcel->item->key, &head) != HUB_EOK || ocpi_read(parcel->pool, head.bytes, &doc, NULL) != HUB_EOK)
        return NULL;
    return yyjson_doc_get_root(doc);
}

static const hub_pump_t *pump_of(const hub_push_t *push, ocpi_module_t module)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].row->module == module)
            return &push->pumps[i];
    return NULL;
}

/* The object of this module that the CDR names is still on its way: the CDR goes after it. */
static bool follows(hub_parcel_t *parcel, ocpi_module_t module, hub_slice_t id)
{
    hub_key_t key;
    hub_object_t head;
    hub_object_id_t what;
    hub_push_item_t *item = parcel->item;
    const hub_pump_t *pump = pump_of(item->pump->push, module);
    item->after_hash = 0;
    if (!id.len || !pump || !hub_object_key_parse(item->key, &what))
        return false;
    what.module = (uint8_t)module;
    what.id = id;
    if (hub_object_key(&what, &key) != HUB_EOK || hub_slice_eq(hub_key_slice(&key), item->key) ||
        hub_object_get_key(parcel->view, hub_key_slice(&key), &head) != HUB_EOK)
        return false;
    item->after_module = module;
    item->after_hash = hub_push__hash(hub_key_slice(&key));
    item->after_seq = head.seq;
    if (hub_pump__pending(pump, item->after_hash, item->after_seq))
        return true;
    item->after_hash = 0;
    return false;
}

hub_filling_t hub_parcel__fill_cdr(hub_parcel_t *parcel)
{
    hub_memo_t memo;
    hub_push_item_t *item = parcel->item;
    if (hub_pump__memo(item->pump, parcel->view, item->key, &memo, NULL) && memo.sent_at)
        return HUB_FILL_SAME;
    yyjson_val *stored = stored_root(parcel);
    if (follows(parcel, OCPI_MODULE_SESSIONS, ocpi_get_str(stored, "session_id")) ||
        follows(parcel, OCPI_MODULE_CDRS, ocpi_get_str(stored, "credit_reference_id"))) /* D4 */
        return HUB_FILL_WAIT;
    if (!hub_parcel__name(parcel, HUB_SLICE_NONE))
        return HUB_FILL_FAILED;
    const hub_memo_t sent = {.attempts = memo.attempts, .version = item->pump->push->agent->integration->ocpi_version};
    hub_push__item_memo(item, &sent, HUB_SLICE_NONE);
    hub_parcel__to_token_party(parcel);
    parcel->method = HUB_POST;
    parcel->body = hub_pool_copy(parcel->pool, parcel->bytes);
    return HUB_FILL_SEND;
}

static hub_memo_t memo_of(const hub_push_item_t *item)
{
    hub_memo_t memo = {0};
    if (item->memo.len >= sizeof memo)
        memcpy(&memo, item->memo.ptr, sizeof memo);
    return memo;
}

void hub_parcel__receipt(hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_memo_t memo = memo_of(item);
    hub_slice_t url = hub_slice_trim(call->call.location);
    memo.sent_at = hub_now_ms();
    memo.due = 0;
    if (!url.len)
        hub_log(HUB_WARN, "push.cdr_without_location", HUB_INT("integration", item->pump->push->agent->id), HUB_SLICE("cdr", item->id));
    hub_push__item_memo(item, &memo, url);
}

void hub_parcel__put_off_cdr(hub_push_item_t *item)
{
    hub_memo_t memo = memo_of(item);
    int64_t pause = PUT_OFF_FIRST_MS;
    for (uint32_t i = 0; i < memo.attempts && pause < PUT_OFF_MOST_MS; i++)
        pause *= 2;
    memo.attempts++;
    memo.due = hub_now_ms() + (pause < PUT_OFF_MOST_MS ? pause : PUT_OFF_MOST_MS) + hub_jitter(1000);
    hub_push__item_memo(item, &memo, HUB_SLICE_NONE);
    hub_pump__finish(item, HUB_PUSH_PUT_OFF);
}

bool hub_parcel__was_put_off(const hub_push_item_t *item)
{
    return item->pump->row->insists && memo_of(item).attempts > 0;
}
