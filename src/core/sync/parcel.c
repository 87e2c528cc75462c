/* Sending the items of a push: which may go now, what goes over the wire, what the answer means (decisions.md "Push outcomes"). */
#include <ctype.h>
#include <string.h>

#include "metrics.h"
#include "pump.h"
#include "sharing/sharing.h"

#define POISON_ATTEMPTS 5u /* after so many HTTP 5xx for one object, while others get through, it is the object */

/* ---- what the answer means ---- */

typedef enum hub_verdict { DONE, AGAIN, STOP, WHOLE, REFUSED, CANCELLED } hub_verdict_t;

static bool peer_is_down(hub_err_t err)
{
    return err == HUB_EPEER_UNREACHABLE || err == HUB_EPEER_TIMEOUT || err == HUB_EPEER_TLS || err == HUB_EPEER_FORBIDDEN;
}

static hub_verdict_t judge_success(const hub_ocpi_call_t *call)
{
    int ocpi = call->envelope.status_code;
    if (ocpi == 0) /* nothing at all is taken for agreement; a page of HTML is not OCPI */
        return call->call.answer.len == 0 ? DONE : AGAIN;
    if (ocpi < 2000)
        return DONE;
    if (ocpi < 3000 || ocpi == 4001)
        return REFUSED;
    return AGAIN;
}

static hub_verdict_t judge(const hub_ocpi_call_t *call)
{
    int http = call->call.http_status;
    hub_method_t method = call->call.method;
    hub_verdict_t verdict = REFUSED;
    if (call->call.err == HUB_ESTOPPING)
        return CANCELLED;
    if (call->call.err)
        verdict = peer_is_down(call->call.err) ? AGAIN : REFUSED;
    else if (http == 401)
        return STOP;
    else if (http == 429 || http == 408 || http >= 500 || (http >= 300 && http < 400) || http < 200)
        return AGAIN;
    else if (http < 300)
        verdict = judge_success(call);
    else if (method == HUB_DELETE && (http == 404 || http == 410))
        return DONE;
    if (verdict == REFUSED && method == HUB_PATCH)
        return WHOLE;
    return verdict;
}

static hub_slice_t said(const hub_ocpi_call_t *call, hub_pool_t *pool)
{
    if (call->call.err)
        return hub_pool_printf(pool, "%s%s%.*s", hub_err_info(call->call.err)->text, call->call.detail.len ? ": " : "",
                               HUB_SLICE_FMT(call->call.detail));
    if (!call->envelope.status_code)
        return hub_pool_printf(pool, "The partner answered HTTP %d without an OCPI envelope", call->call.http_status);
    hub_slice_t message = call->envelope.message;
    if (message.len > 300)
        message.len = 300;
    while (message.len && !hub_slice_utf8_ok(message))
        message.len--;
    return hub_pool_printf(pool, "The partner answered HTTP %d, OCPI status %d: %.*s", call->call.http_status, call->envelope.status_code,
                           HUB_SLICE_FMT(message));
}

/* ---- the partner refuses some objects ---- */

static void set_refused(hub_push_t *push, uint64_t hash, bool refused)
{
    unsigned i = 0;
    while (i < push->refused_count && push->refused[i] != hash)
        i++;
    if (refused && i == push->refused_count && i < HUB_COUNT(push->refused))
        push->refused[push->refused_count++] = hash;
    else if (!refused && i < push->refused_count)
        push->refused[i] = push->refused[--push->refused_count];
}

static void accepted(hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_pump_t *pump = item->pump;
    hub_push_t *push = pump->push;
    pump->sent++;
    push->successes++;
    pump->last_success = hub_now_ms();
    hub_rate_add(&pump->sent_rate, 1, pump->last_success);
    hub_metric_add(push->agent->worker->core, HUB_METRIC_PUSHED, 1);
    set_refused(push, item->hash, false);
    if (item->epoch == push->epoch || !push->backoff_until)
        push->failures = 0;
    hub_pump__finish(item, call->call.method == HUB_DELETE ? HUB_PUSH_DELETED : HUB_PUSH_ACCEPTED);
}

static void refused(hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_pump_t *pump = item->pump;
    hub_push_t *push = pump->push;
    hub_push__item_refused(item, said(call, call->call.pool), call->call.body.len ? call->call.body : HUB_SLICE_LIT("{}"));
    pump->quarantined++;
    hub_rate_add(&pump->failed_rate, 1, hub_now_ms());
    hub_push__error(pump, "%.*s", HUB_SLICE_FMT(item->why));
    hub_metric_add(push->agent->worker->core, HUB_METRIC_PUSH_FAILED, 1);
    hub_log(HUB_WARN, "push.refused", HUB_INT("integration", push->agent->id), HUB_STR("module", ocpi_module_name(pump->row->module)),
            HUB_SLICE("path", item->path), HUB_SLICE("answer", item->why));
    set_refused(push, item->hash, true);
    hub_pump__finish(item, HUB_PUSH_REFUSED);
}

static void again(hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_pump_t *pump = item->pump;
    hub_push_t *push = pump->push;
    bool alive = call->call.err == HUB_EOK && call->call.http_status != 429;
    if (item->attempts == 1)
        item->successes = push->successes;
    hub_push__error(pump, "%.*s", HUB_SLICE_FMT(said(call, call->call.pool)));
    pump->failed++;
    hub_rate_add(&pump->failed_rate, 1, hub_now_ms());
    if (alive && item->attempts >= POISON_ATTEMPTS && push->successes > item->successes) {
        refused(item, call);
        return;
    }
    item->state = HUB_PUSH_QUEUED;
    if (item->epoch == push->epoch)
        hub_push__back_off(push, call->call.retry_after);
}

static hub_slice_t base_of(const hub_pump_t *pump)
{
    const hub_endpoint_t *endpoint = hub_integration_endpoint(pump->push->agent->integration, pump->row->module, OCPI_RECEIVER);
    hub_slice_t base = endpoint ? endpoint->url : HUB_SLICE_NONE;
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return base;
}

/* The partner has moved its endpoint while the call was under way: that the old one refuses says nothing about the object. */
static bool moved(const hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_slice_t base = base_of(item->pump);
    return !base.len || !hub_slice_starts(call->call.url, base);
}

static void act(hub_push_item_t *item, const hub_ocpi_call_t *call)
{
    hub_agent_t *agent = item->pump->push->agent;
    hub_verdict_t verdict = judge(call);
    if ((verdict == REFUSED || verdict == WHOLE) && moved(item, call))
        verdict = CANCELLED;
    switch (verdict) {
    case DONE:
        accepted(item, call);
        break;
    case REFUSED:
        refused(item, call);
        break;
    case WHOLE:
        item->whole_instead = true;
        item->state = HUB_PUSH_QUEUED;
        break;
    case AGAIN:
        again(item, call);
        break;
    case STOP:
        hub_push__error(item->pump, "The partner answered HTTP 401");
        item->state = HUB_PUSH_QUEUED;
        break;
    case CANCELLED:
        item->state = HUB_PUSH_QUEUED;
        break;
    }
    /* What concerns one object says nothing against the partner. */
    bool peer = verdict == AGAIN || verdict == STOP;
    int ocpi = call->envelope.status_code;
    if (verdict == AGAIN && !call->call.err && call->call.http_status / 100 == 2 && !ocpi) {
        hub_agent_report(agent, HUB_EPEER_PROTOCOL, call->call.http_status, 0, HUB_SLICE_NONE);
        return;
    }
    hub_agent_report(agent, peer || call->call.err == HUB_ESTOPPING ? call->call.err : HUB_EOK, peer ? call->call.http_status : 200,
                     peer ? ocpi : 1000, call->call.err ? call->call.detail : call->envelope.message);
}

static void on_answer(hub_ocpi_call_t *call)
{
    hub_push_item_t *item = call->arg;
    hub_push_t *push = item->pump->push;
    push->inflight--;
    if (push->ended) {
        item->state = HUB_PUSH_DONE;
        hub_pump__settled(item);
        hub_push__free_if_ended(push);
        return;
    }
    act(item, call);
    hub_push__run(push);
    hub_push__settle_soon(push);
}

/* ---- what goes out ---- */

typedef struct hub_parcel {
    hub_push_item_t *item;
    hub_view_t *view;
    hub_pool_t *pool; /* of the call to be */
    hub_method_t method;
    hub_slice_t body;
    yyjson_val *root;
} hub_parcel_t;

static hub_slice_t spelled(const hub_parcel_t *parcel, const char *name, hub_slice_t folded)
{
    hub_slice_t s = parcel->root ? ocpi_get_str(parcel->root, name) : HUB_SLICE_NONE;
    if (s.len)
        return s;
    /* Before 2.2 the object does not say; codes are written in capitals. */
    hub_buf_t out = HUB_BUF_INIT(parcel->pool);
    for (size_t i = 0; i < folded.len; i++)
        hub_buf_add_char(&out, (char)toupper((unsigned char)folded.ptr[i]));
    return hub_buf_slice(&out);
}

static bool name_it(hub_parcel_t *parcel, hub_slice_t evse_uid)
{
    hub_object_id_t id;
    hub_push_item_t *item = parcel->item;
    if (!hub_object_key_parse(item->key, &id))
        return false;
    hub_slice_t object_id = ocpi_get_str(parcel->root, "id");
    hub_buf_t out = HUB_BUF_INIT(parcel->pool);
    const hub_slice_t parts[] = {spelled(parcel, "country_code", id.country), spelled(parcel, "party_id", id.party),
                                 object_id.len ? object_id : id.id, evse_uid};
    for (size_t i = 0; i < HUB_COUNT(parts) && parts[i].len; i++) {
        if (i)
            hub_buf_add_char(&out, '/');
        hub_buf_add_url(&out, parts[i]);
    }
    hub_push__item_name(item, parts[0], parts[1], parts[2], hub_buf_slice(&out));
    return true;
}

/* True: a tariff that this location names must go first. */
static bool waits_for_tariff(hub_parcel_t *parcel)
{
    hub_push_item_t *item = parcel->item;
    hub_pump_t *tariffs = &item->pump->push->pumps[0];
    bool waits = false;
    yyjson_val *evse, *connector, *tariff;
    size_t i, n, j, m, k, l;
    if (!item->pump->row->waits || !tariffs->enabled)
        return false;
    yyjson_arr_foreach(yyjson_obj_get(parcel->root, "evses"), i, n, evse)
    {
        yyjson_arr_foreach(yyjson_obj_get(evse, "connectors"), j, m, connector)
        {
            yyjson_arr_foreach(yyjson_obj_get(connector, "tariff_ids"), k, l, tariff)
            {
                hub_key_t key;
                hub_object_id_t id = {.tenant = item->pump->push->agent->tenant,
                                      .scope = HUB_SCOPE_OWN,
                                      .module = (uint8_t)tariffs->row->module,
                                      .country = item->country,
                                      .party = item->party,
                                      .id = ocpi_str(tariff)};
                if (id.id.len && hub_object_key(&id, &key) == HUB_EOK)
                    waits |= hub_pump__insert_tariff(tariffs, parcel->view, hub_key_slice(&key));
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
    if (!status.len || !updated.len || !name_it(parcel, ocpi_get_str(evse, "uid")))
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

typedef enum hub_filling { SEND, SKIP, WAIT, FAILED } hub_filling_t;

static hub_filling_t fill_gone(hub_parcel_t *parcel)
{
    hub_push_item_t *item = parcel->item;
    hub_slice_t path;
    hub_object_id_t id;
    const hub_pump_t *pump = item->pump;
    if (!hub_pump__given(pump, parcel->view, item->key, &path) || !hub_object_key_parse(item->key, &id))
        return SKIP;
    hub_push__item_name(item, spelled(parcel, "", id.country), spelled(parcel, "", id.party), id.id, path);
    parcel->method = HUB_DELETE;
    item->takes_back = true;
    return SEND;
}

/* What cannot be deleted is sent as it is now, with every EVSE REMOVED. SKIP: this partner never had it. When it went out of sight only
 * after it was queued, the entry that says so is still to be read. */
static hub_filling_t fill_left(hub_parcel_t *parcel)
{
    hub_object_t head;
    yyjson_doc *doc;
    hub_push_item_t *item = parcel->item;
    if (!item->left)
        return SKIP;
    hub_err_t err = hub_object_get_key(parcel->view, item->key, &head);
    if (err)
        return err == HUB_ENOT_FOUND ? SKIP : FAILED;
    hub_sharing_t sharing = {.withdrawn = true, .render = true, .since = item->left_at, .last_updated = item->left_at};
    if (sharing.last_updated < head.last_updated)
        sharing.last_updated = sharing.since = head.last_updated;
    parcel->body = hub_sharing_render(parcel->pool, &sharing, head.bytes);
    if (ocpi_read(parcel->pool, parcel->body, &doc, NULL) != HUB_EOK)
        return FAILED;
    parcel->root = yyjson_doc_get_root(doc);
    if (!name_it(parcel, HUB_SLICE_NONE))
        return FAILED;
    parcel->method = HUB_PUT;
    item->takes_back = true;
    return SEND;
}

static hub_err_t seen(hub_parcel_t *parcel, hub_slice_t *bytes)
{
    hub_object_t head;
    hub_sharing_t sharing;
    int64_t last_updated;
    const hub_pump_t *pump = parcel->item->pump;
    const hub_integration_t *to = pump->push->agent->integration;
    hub_slice_t key = parcel->item->key;
    if (pump->row->deletes) {
        hub_err_t err = hub_object_get_key(parcel->view, key, &head);
        if (err == HUB_EOK)
            err = hub_sharing_get(parcel->view, to, pump->row->module, key, &head, &sharing);
        if (err || sharing.withdrawn)
            return err ? err : HUB_ENOT_FOUND;
    }
    return hub_objects_view(parcel->view, parcel->pool, to, pump->row->module, key, to->ocpi_version, bytes, &head, &last_updated);
}

static hub_filling_t fill(hub_parcel_t *parcel)
{
    hub_slice_t bytes;
    yyjson_doc *doc;
    hub_push_item_t *item = parcel->item;
    hub_err_t err = seen(parcel, &bytes);
    if (err == HUB_ENOT_FOUND || err == HUB_EUNKNOWN_LOCATION)
        return item->pump->row->deletes ? fill_gone(parcel) : fill_left(parcel);
    if (err || ocpi_read(parcel->pool, bytes, &doc, NULL) != HUB_EOK)
        return FAILED;
    parcel->root = yyjson_doc_get_root(doc);
    item->takes_back = false;
    if (item->kind == HUB_PUSH_EVSE && !item->whole_instead && fill_patch(parcel))
        return SEND;
    item->whole_instead = true; /* and waits its turn with the whole ones */
    if (!name_it(parcel, HUB_SLICE_NONE))
        return FAILED;
    if (waits_for_tariff(parcel))
        return WAIT;
    parcel->method = HUB_PUT;
    parcel->body = hub_pool_copy(parcel->pool, bytes);
    return SEND;
}

static void start(hub_parcel_t *parcel, hub_ocpi_call_t *call)
{
    hub_push_item_t *item = parcel->item;
    hub_push_t *push = item->pump->push;
    call->call.method = parcel->method;
    call->call.url = hub_pool_printf(call->call.pool, "%.*s/%.*s", HUB_SLICE_FMT(base_of(item->pump)), HUB_SLICE_FMT(item->path));
    call->call.body = parcel->body;
    call->routed = true;
    call->module = item->pump->row->module;
    call->side = OCPI_RECEIVER;
    call->from_country = item->country;
    call->from_party = item->party;
    call->then = on_answer;
    call->arg = item;
    item->state = HUB_PUSH_INFLIGHT;
    item->attempts++;
    item->epoch = push->epoch;
    push->inflight++;
    hub_ocpi_call_start(call);
}

static hub_filling_t send(hub_push_item_t *item)
{
    hub_agent_t *agent = item->pump->push->agent;
    uint64_t covers = hub_store_seq(agent->worker->core->store);
    hub_view_t *view;
    if (hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return FAILED;
    hub_ocpi_call_t *call = hub_ocpi_call_create(agent, HUB_PUT, HUB_SLICE_LIT(""));
    hub_parcel_t parcel = {.item = item, .view = view, .pool = call->call.pool};
    item->covers = covers;
    hub_filling_t filling = fill(&parcel);
    hub_view_close(view);
    if (filling == SEND) {
        start(&parcel, call);
        return SEND;
    }
    hub_ocpi_call_destroy(call);
    if (filling == SKIP)
        hub_pump__finish(item, HUB_PUSH_NOTHING);
    return filling;
}

/* ---- which may go ---- */

static bool pumps_before_idle(const hub_pump_t *pump)
{
    const hub_push_t *push = pump->push;
    for (const hub_pump_t *before = push->pumps; before < pump; before++)
        if (before->enabled && (before->unfinished || !before->exhausted))
            return false;
    return true;
}

static bool may_go(const hub_push_item_t *item)
{
    const hub_pump_t *pump = item->pump;
    if (item->state != HUB_PUSH_QUEUED || hub_pump__busy_with(pump, item))
        return false;
    bool whole = item->kind != HUB_PUSH_EVSE || item->whole_instead;
    return !whole || !pump->row->waits || pumps_before_idle(pump);
}

/* False: nothing more can be done now. */
static bool try(hub_push_item_t *item)
{
    hub_pump_t *pump = item->pump;
    hub_filling_t filling = send(item);
    if (filling != FAILED)
        return true; /* sent, left out, or a tariff was put before it */
    hub_push__error(pump, "The object cannot be read from the store");
    hub_push__back_off(pump->push, HUB_SLICE_NONE);
    return false;
}

/* After a failure one call at a time feels its way: the object that was tried least, so that one object that makes the partner fail does
 * not keep the others waiting. */
static bool probe(hub_push_t *push)
{
    hub_push_item_t *best = NULL;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        for (hub_push_item_t *item = push->pumps[i].head; item && push->pumps[i].enabled; item = item->next)
            if (may_go(item) && (!best || item->attempts < best->attempts))
                best = item;
    return best && push->inflight == 0 && try(best);
}

static bool send_next(hub_pump_t *pump)
{
    for (hub_push_item_t *item = pump->head; item; item = item->next)
        if (may_go(item))
            return try(item);
    return false;
}

/* True: something was sent or settled, so that more may follow. */
static bool send_any(hub_push_t *push)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].enabled && push->inflight < push->pumps[i].row->parallel && send_next(&push->pumps[i]))
            return true;
    return false;
}

void hub_push__dispatch(hub_push_t *push)
{
    while (hub_agent_may_call(push->agent) && !push->backoff_until && (push->failures ? probe(push) : send_any(push)))
        ;
}
