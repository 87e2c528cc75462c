/* What goes out of an object: method, path and body of a call, read from the store at the moment of sending. */
#include "parcel.h"

#include <ctype.h>

#include "sharing/sharing.h"

/* ---- its name ---- */

static hub_slice_t spelled(const hub_parcel_t *parcel, const char *name, hub_slice_t folded)
{
    hub_slice_t s = parcel->root ? ocpi_get_str(parcel->root, name) : HUB_SLICE_NONE;
    if (s.len)
        return s;
    /* Before 2.2 the object does not say: codes are written in capitals, as nearly everybody does. */
    hub_buf_t out = HUB_BUF_INIT(parcel->pool);
    for (size_t i = 0; i < folded.len; i++)
        hub_buf_add_char(&out, (char)toupper((unsigned char)folded.ptr[i]));
    return hub_buf_slice(&out);
}

bool hub_parcel__name(hub_parcel_t *parcel, hub_slice_t evse_uid)
{
    hub_object_id_t id;
    hub_push_item_t *item = parcel->item;
    if (!hub_object_key_parse(item->key, &id))
        return false;
    hub_slice_t object_id = ocpi_get_str(parcel->root, item->pump->row->id);
    hub_buf_t out = HUB_BUF_INIT(parcel->pool);
    const hub_slice_t parts[] = {spelled(parcel, "country_code", id.country), spelled(parcel, "party_id", id.party),
                                 object_id.len ? object_id : id.id, evse_uid};
    for (size_t i = 0; i < HUB_COUNT(parts) && parts[i].len; i++) {
        if (i)
            hub_buf_add_char(&out, '/');
        hub_buf_add_url(&out, parts[i]);
    }
    if (id.type.len && item->pump->push->agent->integration->ocpi_version & OCPI_V_22UP) { /* K2 */
        hub_slice_t type = ocpi_get_str(parcel->root, "type");
        hub_buf_add_str(&out, "?type=");
        hub_buf_add_url(&out, type.len ? type : id.type);
    }
    hub_push__item_name(item, parts[0], parts[1], parts[2], hub_buf_slice(&out));
    return true;
}

void hub_parcel__to_token_party(hub_parcel_t *parcel)
{
    const hub_integration_t *to = parcel->item->pump->push->agent->integration;
    yyjson_val *token = yyjson_obj_get(parcel->root, "cdr_token");
    hub_slice_t country = ocpi_get_str(token, "country_code"), party = ocpi_get_str(token, "party_id");
    if (!country.len || !party.len || !hub_integration_has_peer_party(to, country, party))
        return;
    parcel->to_country = country;
    parcel->to_party = party;
}

/* ---- Locations ---- */

/* What a connector names: a list from 2.2 on, one before. */
static bool insert_tariff(hub_parcel_t *parcel, hub_slice_t tariff_id)
{
    hub_key_t key;
    hub_push_item_t *item = parcel->item;
    hub_pump_t *tariffs = &item->pump->push->pumps[0];
    hub_object_id_t id = {.tenant = item->pump->push->agent->tenant,
                          .scope = HUB_SCOPE_OWN,
                          .module = (uint8_t)tariffs->row->module,
                          .country = item->country,
                          .party = item->party,
                          .id = tariff_id};
    return id.id.len && hub_object_key(&id, &key) == HUB_EOK &&
           hub_pump__insert_tariff(tariffs, parcel->view, parcel->pool, hub_key_slice(&key));
}

/* True: a tariff that this location names must go first. */
static bool waits_for_tariff(hub_parcel_t *parcel)
{
    bool waits = false;
    yyjson_val *evse, *connector, *tariff;
    size_t i, n, j, m, k, l;
    if (!parcel->item->pump->row->waits || !parcel->item->pump->push->pumps[0].enabled)
        return false;
    yyjson_arr_foreach(yyjson_obj_get(parcel->root, "evses"), i, n, evse)
    {
        yyjson_arr_foreach(yyjson_obj_get(evse, "connectors"), j, m, connector)
        {
            waits |= insert_tariff(parcel, ocpi_get_str(connector, "tariff_id"));
            yyjson_arr_foreach(yyjson_obj_get(connector, "tariff_ids"), k, l, tariff)
            {
                waits |= insert_tariff(parcel, ocpi_str(tariff));
            }
        }
    }
    return waits;
}

/* L4, L3: a status change alone, with the EVSE's own last_updated. False: there is no such EVSE now. */
static bool fill_patch(hub_parcel_t *parcel)
{
    hub_push_item_t *item = parcel->item;
    yyjson_val *evse = ocpi_location_find(parcel->root, item->evse_uid, HUB_SLICE_NONE);
    hub_slice_t status = evse ? ocpi_get_str(evse, "status") : HUB_SLICE_NONE;
    hub_slice_t updated = evse ? ocpi_get_str(evse, "last_updated") : HUB_SLICE_NONE;
    if (!status.len || !updated.len || !hub_parcel__name(parcel, ocpi_get_str(evse, "uid")))
        return false;
    hub_buf_t out = HUB_BUF_INIT(parcel->pool);
    hub_buf_add_str(&out, "{\"status\":");
    hub_buf_add_json(&out, status);
    hub_buf_add_str(&out, ",\"last_updated\":");
    hub_buf_add_json(&out, updated);
    hub_buf_add_char(&out, '}');
    parcel->method = HUB_PATCH;
    parcel->body = hub_buf_slice(&out);
    return true;
}

hub_filling_t hub_parcel__put(hub_parcel_t *parcel)
{
    if (!hub_parcel__name(parcel, HUB_SLICE_NONE))
        return HUB_FILL_FAILED;
    parcel->method = HUB_PUT;
    parcel->body = hub_pool_copy(parcel->pool, parcel->bytes);
    return HUB_FILL_SEND;
}

/* K11: a contract of ISO 15118 is not for a list of cards. */
hub_filling_t hub_parcel__fill_token(hub_parcel_t *parcel)
{
    bool contract = hub_slice_eq_str(ocpi_get_str(parcel->root, "type"), "EMAID");
    return contract ? HUB_FILL_SKIP : hub_parcel__put(parcel);
}

hub_filling_t hub_parcel__fill_location(hub_parcel_t *parcel)
{
    hub_push_item_t *item = parcel->item;
    if (item->kind == HUB_PUSH_EVSE && !item->whole_instead && fill_patch(parcel))
        return HUB_FILL_SEND;
    item->whole_instead = true; /* and waits its turn with the whole ones */
    if (!hub_parcel__name(parcel, HUB_SLICE_NONE))
        return HUB_FILL_FAILED;
    return waits_for_tariff(parcel) ? HUB_FILL_WAIT : hub_parcel__put(parcel);
}

/* ---- what went out of sight ---- */

static hub_filling_t fill_gone(hub_parcel_t *parcel)
{
    hub_push_item_t *item = parcel->item;
    if (item->kind != HUB_PUSH_GONE) { /* it went only after it was queued */
        item->kind = HUB_PUSH_GONE;
        if (hub_push__named_still(item))
            return HUB_FILL_WAIT;
    }
    hub_slice_t path;
    hub_object_id_t id;
    const hub_pump_t *pump = item->pump;
    if (!hub_pump__given(pump, parcel->view, item->key, &path) || !hub_object_key_parse(item->key, &id))
        return HUB_FILL_SKIP;
    hub_push__item_name(item, spelled(parcel, "", id.country), spelled(parcel, "", id.party), id.id, path);
    parcel->method = HUB_DELETE;
    item->takes_back = true;
    return HUB_FILL_SEND;
}

/* It is seen, but this version cannot say it any more: what is published to some only is nothing that 2.1.1 knows. */
static bool became_unsayable(const hub_parcel_t *parcel, const hub_object_t *head)
{
    hub_slice_t path;
    hub_sharing_t sharing;
    const hub_push_item_t *item = parcel->item;
    const hub_pump_t *pump = item->pump;
    const hub_integration_t *to = pump->push->agent->integration;
    return to->ocpi_version == OCPI_V2_1_1 && item->seq > pump->nothing_before &&
           hub_sharing_get(parcel->view, to, pump->row->module, item->key, head, &sharing) == HUB_EOK &&
           hub_sharing_was_open(parcel->view, item->key) && hub_pump__given(pump, parcel->view, item->key, &path);
}

/* What cannot be deleted is sent as it is now, with every EVSE REMOVED. SKIP: this partner never had it. When it went out of sight only
 * after it was queued, the entry that says so is still to be read. */
static hub_filling_t fill_left(hub_parcel_t *parcel)
{
    hub_object_t head;
    yyjson_doc *doc;
    hub_push_item_t *item = parcel->item;
    hub_err_t err = hub_object_get_key(parcel->view, item->key, &head);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_FILL_SKIP : HUB_FILL_FAILED;
    if (!item->left && !became_unsayable(parcel, &head))
        return HUB_FILL_SKIP;
    hub_sharing_t sharing = {.withdrawn = true, .render = true, .since = item->left_at, .last_updated = item->left_at};
    if (sharing.last_updated < head.last_updated)
        sharing.last_updated = sharing.since = head.last_updated;
    const hub_integration_t *to = item->pump->push->agent->integration;
    err = hub_objects_render(parcel->view, parcel->pool, item->key, &head, &sharing, to->ocpi_version, &parcel->body);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_FILL_SKIP : HUB_FILL_FAILED;
    if (ocpi_read(parcel->pool, parcel->body, &doc, NULL) != HUB_EOK)
        return HUB_FILL_FAILED;
    parcel->root = yyjson_doc_get_root(doc);
    if (!hub_parcel__name(parcel, HUB_SLICE_NONE))
        return HUB_FILL_FAILED;
    parcel->method = HUB_PUT;
    item->takes_back = true;
    return HUB_FILL_SEND;
}

/* ---- all of them ---- */

static hub_err_t seen(hub_parcel_t *parcel, hub_slice_t *bytes)
{
    hub_object_t head;
    hub_sharing_t sharing;
    int64_t last_updated;
    const hub_pump_t *pump = parcel->item->pump;
    const hub_integration_t *to = pump->push->agent->integration;
    hub_slice_t key = parcel->item->key;
    if (pump->row->leave == HUB_LEAVE_DELETE) {
        hub_err_t err = hub_object_get_key(parcel->view, key, &head);
        if (err == HUB_EOK)
            err = hub_sharing_get(parcel->view, to, pump->row->module, key, &head, &sharing);
        if (err || sharing.withdrawn)
            return err ? err : HUB_ENOT_FOUND;
    }
    return hub_objects_view(parcel->view, parcel->pool, to, pump->row->module, key, to->ocpi_version, bytes, &head, &last_updated);
}

static hub_filling_t fill_unseen(hub_parcel_t *parcel)
{
    switch (parcel->item->pump->row->leave) {
    case HUB_LEAVE_DELETE:
        return fill_gone(parcel);
    case HUB_LEAVE_REMOVED:
        return fill_left(parcel);
    default:
        return HUB_FILL_SKIP;
    }
}

static hub_filling_t fill(hub_parcel_t *parcel)
{
    yyjson_doc *doc;
    const hub_push_row_t *row = parcel->item->pump->row;
    hub_err_t err = seen(parcel, &parcel->bytes);
    if (err == HUB_ENOT_FOUND || err == HUB_EUNKNOWN_LOCATION)
        return fill_unseen(parcel);
    if (err || ocpi_read(parcel->pool, parcel->bytes, &doc, NULL) != HUB_EOK)
        return HUB_FILL_FAILED;
    parcel->root = yyjson_doc_get_root(doc);
    parcel->item->takes_back = false;
    return row->fill(parcel);
}

/* A CDR is POSTed to the endpoint itself, which is used as it was given. */
static hub_slice_t url_of(const hub_parcel_t *parcel)
{
    const hub_push_item_t *item = parcel->item;
    const hub_endpoint_t *endpoint = hub_integration_endpoint(item->pump->push->agent->integration, item->pump->row->module, OCPI_RECEIVER);
    hub_slice_t base = endpoint ? endpoint->url : HUB_SLICE_NONE;
    if (parcel->method == HUB_POST)
        return hub_pool_copy(parcel->pool, base);
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return hub_pool_printf(parcel->pool, "%.*s/%.*s", HUB_SLICE_FMT(base), HUB_SLICE_FMT(item->path));
}

static void start(hub_parcel_t *parcel, hub_ocpi_call_t *call)
{
    hub_push_item_t *item = parcel->item;
    hub_push_t *push = item->pump->push;
    call->call.method = parcel->method;
    call->call.url = url_of(parcel);
    call->call.body = parcel->body;
    call->routed = true;
    call->module = item->pump->row->module;
    call->side = OCPI_RECEIVER;
    call->from_country = item->country;
    call->from_party = item->party;
    call->to_country = parcel->to_country;
    call->to_party = parcel->to_party;
    call->then = hub_push__answered;
    call->arg = item;
    item->state = HUB_PUSH_INFLIGHT;
    item->attempts++;
    item->epoch = push->epoch;
    item->pump->inflight++;
    push->inflight++;
    hub_ocpi_call_start(call);
}

/* Nothing is sent. What was remembered of it may have to be forgotten, so that it is not due for ever. */
static void finish_unsent(hub_parcel_t *parcel, hub_filling_t filling)
{
    hub_memo_t memo;
    hub_push_item_t *item = parcel->item;
    if (filling == HUB_FILL_PUT_OFF) {
        hub_pump__finish(item, item->memo.len ? HUB_PUSH_PUT_OFF : HUB_PUSH_NOTHING);
    } else if (item->pump->row->remembers && hub_pump__memo(item->pump, parcel->view, item->key, &memo, NULL) && memo.due) {
        if (filling == HUB_FILL_SKIP)
            hub_push__item_memo(item, NULL, HUB_SLICE_NONE);
        hub_pump__finish(item, HUB_PUSH_SAME);
    } else {
        hub_pump__finish(item, HUB_PUSH_NOTHING);
    }
}

hub_filling_t hub_push__send(hub_push_item_t *item)
{
    hub_agent_t *agent = item->pump->push->agent;
    uint64_t covers = hub_store_seq(agent->worker->core->store);
    hub_view_t *view;
    if (hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return HUB_FILL_FAILED;
    hub_ocpi_call_t *call = hub_ocpi_call_create(agent, HUB_PUT, HUB_SLICE_LIT(""));
    hub_parcel_t parcel = {.item = item, .view = view, .pool = call->call.pool};
    item->covers = covers;
    hub_filling_t filling = fill(&parcel);
    if (filling == HUB_FILL_SKIP || filling == HUB_FILL_SAME || filling == HUB_FILL_PUT_OFF)
        finish_unsent(&parcel, filling);
    hub_view_close(view);
    if (filling == HUB_FILL_SEND)
        start(&parcel, call);
    else
        hub_ocpi_call_destroy(call);
    return filling;
}
