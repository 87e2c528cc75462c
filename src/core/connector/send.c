/* Which shipments may go now, and the calls that they become. */
#include <stdio.h>

#include "run.h"
#include "sync/receipt.h"

/* ---- packages ---- */

static void unref(void *integration)
{
    hub_integration_unref(integration);
}

hub_package_t *hub_run__pack(hub_run_t *run, hub_shipment_t *s)
{
    const hub_core_config_t *config = &run->agent->worker->core->config;
    hub_pool_t *pool = hub_pool_create();
    hub_package_t *package = HUB_POOL_NEW(pool, hub_package_t);
    hub_delivery_t *delivery = &package->delivery;
    package->run = run;
    package->shipment = s;
    delivery->call.pool = pool;
    delivery->call.method = HUB_POST;
    delivery->call.done = s ? hub_run__answered : hub_run__token_answered;
    delivery->integration = hub_integration_ref(run->integration);
    hub_pool_link(pool, unref, run->integration);
    delivery->connector = run->integration->connector;
    delivery->kind = run->kind;
    delivery->now = hub_now_ms();
    delivery->public_url = config->public_url;
    delivery->utility_cloud_url = config->utility_cloud_url;
    delivery->insecure = config->insecure_peers;
    return package;
}

void hub_run__unpack(hub_package_t *package)
{
    hub_pool_destroy(package->delivery.call.pool);
}

static void start(hub_package_t *package)
{
    hub_run_t *run = package->run;
    run->inflight++;
    hub_agent_call(run->agent, &package->calling, &package->delivery.call);
}

/* ---- what a shipment is now ---- */

/* Its entry may have moved on. What nobody was told of yet, or what failed, goes in its latest state, under the number that it has now;
 * anything else goes with the entry that is still to be read. */
static bool find(hub_view_t *view, const hub_run_t *run, hub_shipment_t *s, hub_event_t *event)
{
    hub_object_t object;
    uint32_t tenant = run->agent->tenant;
    bool objects = hub_event_sources[s->what.source].module < OCPI_MODULE_COUNT;
    if (hub_event_find(view, tenant, s->what.source, s->seq, event))
        return true;
    if (!objects || s->kind != HUB_CHANGE_OBJECT || !(s->verb == HUB_EVENT_CREATED || s->recorded) ||
        hub_object_get_key(view, s->what.key, &object) != HUB_EOK || !hub_event_find(view, tenant, s->what.source, object.seq, event))
        return false;
    s->seq = object.seq;
    return true;
}

static void describe(hub_view_t *view, hub_package_t *package, const hub_event_t *event)
{
    hub_delivery_t *delivery = &package->delivery;
    hub_pool_t *pool = delivery->call.pool;
    hub_buf_t type = HUB_BUF_INIT(pool), text = HUB_BUF_INIT(pool);
    hub_slice_t object = hub_event_object(view, pool, event, false);
    (void)snprintf(delivery->id, sizeof delivery->id, "msg_%u_%llu", package->run->agent->id, (unsigned long long)event->change.seq);
    delivery->seq = event->change.seq;
    delivery->received = hub_event_sources[event->source].kind == HUB_STREAM_RECEIVED;
    hub_event_add_type(&type, event);
    delivery->type = hub_buf_slice(&type);
    hub_event_write(pool, event, &object, &text);
    delivery->event = hub_buf_slice(&text);
    delivery->object = object.len ? hub_pool_copy(pool, object) : HUB_SLICE_NONE;
    package->country = hub_pool_copy(pool, event->id.country);
    package->party = hub_pool_copy(pool, event->id.party);
    package->id = hub_pool_copy(pool, event->id.id);
}

static bool in_ledger(hub_view_t *view, const hub_package_t *package)
{
    hub_receipt_t receipt;
    const hub_run_t *run = package->run;
    return (run->kind->flags & HUB_KIND_LEDGER) &&
           hub_receipt_get(view, package->delivery.call.pool, run->agent->id, package->shipment->what.key, &receipt) == HUB_EOK;
}

/* False: there is nothing to send, `s` has ended. */
static bool fill(hub_view_t *view, hub_package_t *package)
{
    hub_event_t event;
    hub_shipment_t *s = package->shipment;
    hub_pool_t *pool = package->delivery.call.pool;
    if (!find(view, package->run, s, &event) || !hub_event_fill(view, pool, &event) || in_ledger(view, package)) {
        hub_run__end(s, HUB_SHIP_NOTHING);
        return false;
    }
    event.verb = (hub_event_verb_t)s->verb;
    describe(view, package, &event);
    return package->run->kind->feed != HUB_FEED_ALERTS || hub_alert_fill(view, package, &event);
}

/* ---- sending ---- */

/* A setting keeps everything from being said: nothing is sent until it changes. */
static void set_wrong(hub_run_t *run, hub_slice_t problem)
{
    run->wrong = hub_pool_copy(run->pool, problem.len ? problem : HUB_SLICE_LIT("the settings do not fit"));
    hub_agent_judge(run->agent);
}

static bool write(hub_package_t *package)
{
    hub_run_t *run = package->run;
    hub_shipment_t *s = package->shipment;
    hub_delivery_t *delivery = &package->delivery;
    if (run->kind->write(delivery)) {
        if (run->auth)
            hub_auth_apply(run->auth, &delivery->call);
        return true;
    }
    if (!delivery->unsayable) {
        set_wrong(run, delivery->problem);
        return false;
    }
    hub_shipment_error(s, delivery->problem);
    s->package = package;
    run->parked++;
    hub_run__end(s, HUB_SHIP_PARKED);
    return false;
}

/* What failed before and has changed since goes on where that was. */
static void take_over(hub_run_t *run, hub_shipment_t *s)
{
    hub_shipment_t *w = s->waiting ? NULL : hub_run__same(run->waiting, s->hash, &s->what);
    if (!w)
        return;
    s->attempts = w->attempts;
    s->failures = w->failures;
    s->first = w->first;
    s->due = w->due;
    s->recorded = true;
    if (s->run->kind->feed == HUB_FEED_ALERTS)
        s->parts = w->parts;
    if (w->verb == HUB_EVENT_CREATED && s->verb == HUB_EVENT_UPDATED)
        s->verb = HUB_EVENT_CREATED;
    hub_run__unlink(run, w);
    hub_shipment_free(w);
}

/* The next of its parts that was not ACCEPTED; false: there is none (any more). */
static bool next_part(const hub_shipment_t *s, uint32_t parts, uint32_t *part)
{
    while (*part < parts && *part < 64 && s->parts & 1ull << *part)
        ++*part;
    return *part < parts;
}

bool hub_run__ship(hub_package_t *package)
{
    hub_shipment_t *s = package->shipment;
    if (!write(package)) {
        if (s->package != package)
            hub_run__unpack(package);
        return false;
    }
    s->state = HUB_SHIP_INFLIGHT;
    s->epoch = s->run->epoch;
    s->tokens = s->run->tokens;
    start(package);
    return true;
}

/* False: nothing went out. */
static bool send_part(hub_view_t *view, hub_shipment_t *s, uint32_t part)
{
    hub_package_t *package = hub_run__pack(s->run, s);
    package->delivery.part = part;
    s->state = HUB_SHIP_QUEUED;
    if (fill(view, package))
        return hub_run__ship(package);
    hub_run__unpack(package);
    return false;
}

bool hub_shipment_next_part(hub_package_t *package)
{
    hub_view_t *view;
    hub_shipment_t *s = package->shipment;
    uint32_t part = package->delivery.part + 1;
    if (!next_part(s, package->delivery.parts, &part))
        return false;
    s->state = HUB_SHIP_QUEUED;
    if (hub_agent_may_call(s->run->agent) && !s->run->ended && hub_view_open(s->run->agent->worker->core->store, &view) == HUB_EOK) {
        send_part(view, s, part);
        hub_view_close(view);
    }
    return true;
}

/* False: nothing more can be done now. */
static bool send(hub_run_t *run, hub_shipment_t *s)
{
    hub_view_t *view;
    uint32_t part = 0;
    if (hub_view_open(run->agent->worker->core->store, &view) != HUB_EOK)
        return false;
    take_over(run, s);
    s->worst = HUB_OUTCOME_ACCEPTED;
    s->partly = false;
    while (part < 64 && s->parts & 1ull << part)
        part++;
    bool sent = send_part(view, s, part);
    hub_view_close(view);
    return sent || s->state == HUB_SHIP_DONE;
}

/* ---- access tokens ---- */

bool hub_run__authorized(hub_run_t *run)
{
    int64_t now = hub_now_ms();
    if (!run->auth)
        return true;
    switch (hub_auth_state(run->auth, now)) {
    case HUB_AUTH_READY:
        return true;
    case HUB_AUTH_WRONG:
        set_wrong(run, hub_auth_problem(run->auth));
        return false;
    case HUB_AUTH_TOKEN:
        break;
    }
    if (!run->token) {
        run->token = hub_run__pack(run, NULL);
        hub_auth_token_write(run->auth, &run->token->delivery.call, now);
        start(run->token);
    }
    return false;
}

/* ---- which ---- */

/* What is under way, or not yet written down: another shipment about the same waits for it. Few at a time. */
#define BUSY_MOST 256u
typedef struct hub_busy {
    uint64_t hash[BUSY_MOST];
    unsigned count;
} hub_busy_t;

static void find_busy(const hub_shipment_t *list, hub_busy_t *busy)
{
    for (const hub_shipment_t *s = list; s && busy->count < BUSY_MOST; s = s->next)
        if (s->state != HUB_SHIP_QUEUED)
            busy->hash[busy->count++] = s->hash;
}

static bool is_busy(const hub_busy_t *busy, const hub_shipment_t *s)
{
    for (unsigned i = 0; i < busy->count; i++)
        if (busy->hash[i] == s->hash)
            return true;
    return false;
}

static bool is_better(const hub_run_t *run, const hub_shipment_t *s, const hub_shipment_t *than)
{
    if (!than)
        return true;
    return run->failures ? s->attempts < than->attempts : s->waiting && than->waiting && s->due < than->due;
}

/* What waits and is due goes first; while the receiver gives trouble the one that was tried least. */
hub_shipment_t *hub_run__next(const hub_run_t *run)
{
    hub_shipment_t *const lists[] = {run->waiting, run->window};
    hub_shipment_t *best = NULL;
    hub_busy_t busy;
    int64_t now = hub_now_ms();
    busy.count = 0;
    find_busy(run->window, &busy);
    find_busy(run->waiting, &busy);
    if (busy.count == BUSY_MOST)
        return NULL; /* first they are written down */
    for (size_t i = 0; i < HUB_COUNT(lists); i++)
        for (hub_shipment_t *s = lists[i]; s; s = s->next)
            if (s->state == HUB_SHIP_QUEUED && (!s->waiting || s->due <= now) && is_better(run, s, best) && !is_busy(&busy, s))
                best = s;
    return best;
}

/* What is money goes no further than a few beyond what is written down: so many would go twice if the server ended now. */
static bool has_room(const hub_run_t *run)
{
    unsigned most = run->failures ? 1 : run->kind->parallel;
    return run->inflight + (run->kind->flags & HUB_KIND_LEDGER ? run->unsettled : 0) < most;
}

void hub_run__dispatch(hub_run_t *run)
{
    hub_shipment_t *s;
    while (hub_run__may_send(run) && has_room(run) && (s = hub_run__next(run)) && hub_run__authorized(run) && send(run, s))
        ;
}
