/* What the answer to a pushed object means (decisions.md "Push outcomes"). */
#include "metrics.h"
#include "parcel.h"

#define POISON_ATTEMPTS 5u /* after so many HTTP 5xx for one object, while others get through, it is the object */

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
    hub_metric_add(push->agent->worker->core, push->agent->tenant, HUB_METRIC_PUSHED, 1);
    set_refused(push, item->hash, false);
    if (item->epoch == push->epoch || !push->backoff_until)
        push->failures = 0;
    if (pump->row->insists)
        hub_parcel__receipt(item, call);
    hub_pump__finish(item, call->call.method == HUB_DELETE ? HUB_PUSH_DELETED : HUB_PUSH_ACCEPTED);
}

/* `insists`: it stands in quarantine, for people to see, and is tried again all the same. */
static void refused(hub_push_item_t *item, const hub_ocpi_call_t *call, bool insists)
{
    hub_pump_t *pump = item->pump;
    hub_push_t *push = pump->push;
    hub_push__item_refused(item, said(call, call->call.pool), call->call.body.len ? call->call.body : HUB_SLICE_LIT("{}"));
    pump->quarantined++;
    hub_rate_add(&pump->failed_rate, 1, hub_now_ms());
    hub_push__error(pump, "%.*s", HUB_SLICE_FMT(item->why));
    hub_metric_add(push->agent->worker->core, push->agent->tenant, HUB_METRIC_PUSH_FAILED, 1);
    hub_log(HUB_WARN, "push.refused", HUB_INT("integration", push->agent->id), HUB_STR("module", ocpi_module_name(pump->row->module)),
            HUB_SLICE("path", item->path), HUB_SLICE("answer", item->why));
    set_refused(push, item->hash, true);
    if (insists) {
        hub_parcel__put_off_cdr(item);
        return;
    }
    hub_push__item_memo(item, NULL, HUB_SLICE_NONE);
    hub_pump__finish(item, HUB_PUSH_REFUSED);
}

/* It may have got through all the same: what must not be said twice is said in another way. */
static void requeue(hub_push_item_t *item)
{
    item->uncertain = true;
    item->state = HUB_PUSH_QUEUED;
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
    bool poison = item->attempts >= POISON_ATTEMPTS && push->successes > item->successes;
    if (alive && (poison || hub_parcel__was_put_off(item))) {
        refused(item, call, pump->row->insists);
        return;
    }
    requeue(item);
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
        refused(item, call, false);
        break;
    case WHOLE:
        item->whole_instead = true;
        requeue(item);
        break;
    case AGAIN:
        again(item, call);
        break;
    case STOP:
        hub_push__error(item->pump, "The partner answered HTTP 401");
        requeue(item);
        break;
    case CANCELLED:
        requeue(item);
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

void hub_push__answered(hub_ocpi_call_t *call)
{
    hub_push_item_t *item = call->arg;
    hub_push_t *push = item->pump->push;
    item->pump->inflight--;
    push->inflight--;
    if (push->ended) {
        item->state = HUB_PUSH_DONE;
        hub_pump__settled(item);
        hub_push__free_if_ended(push);
        return;
    }
    act(item, call);
    if (item->pump->row->insists)
        hub_push__settle(push); /* what was acknowledged is not forgotten */
    hub_push__run(push);
    hub_push__settle_soon(push);
}
