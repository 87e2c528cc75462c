/* Writing down what became of shipments, with the cursor, in one operation. */
#include <stdlib.h>

#include "object/quarantine.h"
#include "run.h"
#include "sync/receipt.h"

#define SETTLE_MS 200u
#define RETRY_MS 1000u
#define RESULTS_MOST 64u   /* then it is not worth waiting longer */
#define CURSOR_STEP 10000u /* a cursor that has only passed what does not concern this connector is written this seldom */

typedef struct hub_run_settling {
    hub_op_t op; /* first */
    hub_run_t *run;
    uint32_t tenant, id;
    uint64_t cursor, known;
    bool moved, tick;
    int64_t at;           /* run->tick.at */
    hub_shipment_t *list; /* oldest first */
} hub_run_settling_t;

/* ---- the operation ---- */

static hub_err_t deliver(hub_view_t *view, hub_pool_t *pool, const hub_shipment_t *s)
{
    const hub_run_t *run = s->run;
    uint32_t id = run->agent->id;
    hub_err_t err = HUB_EOK;
    if (run->kind->flags & HUB_KIND_LEDGER) {
        const hub_delivery_t *delivery = &s->package->delivery;
        const hub_receipt_t receipt = {.acknowledged = delivery->now, .reference = delivery->reference, .answer = delivery->answer};
        err = hub_receipt_put(view, pool, id, s->what.key, &receipt);
    }
    if (!err && run->kind->feed == HUB_FEED_ALERTS)
        err = hub_alert_told(view, s);
    return err ? err : hub_quarantine_unpark(view, run->integration, s->what.source, s->what.key, s->what.evse_uid);
}

static hub_err_t park(hub_view_t *view, hub_pool_t *pool, const hub_shipment_t *s)
{
    const hub_package_t *package = s->package;
    const hub_parked_t parked = {.source = s->what.source,
                                 .verb = s->verb,
                                 .kind = s->kind,
                                 .seq = s->seq,
                                 .parts = s->parts,
                                 .key = s->what.key,
                                 .evse_uid = s->what.evse_uid,
                                 .module = hub_slice_str(s->what.source == HUB_SHIP_EXPORT ? "cdrs" : hub_event_module(s->what.source)),
                                 .country = package->country,
                                 .party = package->party,
                                 .id = package->id,
                                 .text = package->delivery.event,
                                 .problem = s->attempts ? hub_pool_printf(pool, "%u attempts, the last: %s", s->attempts, s->error)
                                                        : hub_slice_str(s->error)};
    return hub_quarantine_park(s->run->agent->worker->core, view, pool, s->run->integration, &parked);
}

static hub_err_t settle(hub_view_t *view, hub_pool_t *pool, const hub_shipment_t *s)
{
    uint32_t id = s->run->agent->id;
    hub_err_t err = HUB_EOK;
    if (s->partly && s->end != HUB_SHIP_DELIVERED && s->run->kind->feed == HUB_FEED_ALERTS)
        err = hub_alert_told(view, s); /* those who heard of it count */
    if (!err && s->end == HUB_SHIP_LATER)
        return hub_record_put(view, id, s);
    if (!err && s->recorded)
        err = hub_record_delete(view, id, &s->what);
    if (!err && s->end == HUB_SHIP_DELIVERED)
        err = deliver(view, pool, s);
    if (!err && s->end == HUB_SHIP_PARKED)
        err = park(view, pool, s);
    return err;
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    const hub_run_settling_t *settling = (hub_run_settling_t *)op;
    hub_key_t key;
    hub_slice_t value;
    hub_err_t err = HUB_EOK;
    hub_integration_key(&key, settling->tenant, settling->id);
    if (hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &value) != HUB_EOK)
        return HUB_EOK; /* deleted meanwhile */
    hub_pool_t *pool = hub_pool_create();
    for (const hub_shipment_t *s = settling->list; s && !err; s = s->next_result)
        err = settle(view, pool, s);
    hub_pool_destroy(pool);
    if (!err && settling->tick)
        err = hub_tick__put(view, settling->id, settling->at, settling->run->tick.schedule);
    if (err || !settling->moved)
        return err;
    hub_connector__reader(&key, settling->id);
    err = hub_cursor_put(view, &key, settling->cursor);
    hub_connector__known_key(&key, settling->id);
    return err ? err : hub_cursor_put(view, &key, settling->known);
}

/* ---- before and after ---- */

static hub_shipment_t *reversed(hub_shipment_t *list)
{
    hub_shipment_t *out = NULL;
    while (list) {
        hub_shipment_t *next = list->next_result;
        list->next_result = out;
        out = list;
        list = next;
    }
    return out;
}

/* What is to be tried again leaves the window for what waits. */
static void settled_one(hub_run_t *run, hub_shipment_t *s)
{
    bool waiting = s->waiting;
    run->unsettled--;
    hub_run__unlink(run, s);
    if (!waiting)
        hub_run__pass(run, s->seq);
    if (s->end != HUB_SHIP_LATER) {
        hub_shipment_free(s);
        return;
    }
    s->state = HUB_SHIP_QUEUED;
    if (s->package)
        hub_pool_destroy(s->package->delivery.call.pool);
    s->package = NULL;
    hub_run__keep(run, s);
}

static void count_parked(hub_run_t *run)
{
    hub_view_t *view;
    if (hub_view_open(run->agent->worker->core->store, &view) != HUB_EOK)
        return;
    run->parked_now = hub_quarantine_count(view, run->agent->id);
    hub_view_close(view);
}

static void arm(hub_run_t *run, uint64_t ms)
{
    const hub_port_t *port = &run->agent->worker->port;
    run->settle_armed = true;
    port->timer_start(port->self, &run->settle_timer, ms);
}

/* Nothing follows an agent that goes: what was not written down then is read again in the next life. */
static void try_again(hub_run_t *run)
{
    if (run->agent->gone || run->agent->worker->stopping)
        run->results = NULL;
    else
        arm(run, RETRY_MS);
}

static void settled(hub_op_t *op)
{
    hub_run_settling_t *settling = (hub_run_settling_t *)op;
    hub_run_t *run = settling->run;
    hub_agent_t *agent = run->agent;
    run->settling = false;
    if (op->err) {
        hub_log(HUB_WARN, "connector.settle", HUB_INT("integration", agent->id), HUB_STR("error", hub_err_info(op->err)->name));
        hub_shipment_t **end = &run->results;
        while (*end)
            end = &(*end)->next_result;
        *end = reversed(settling->list);
        try_again(run);
    } else {
        for (hub_shipment_t *s = settling->list, *next; s; s = next) {
            next = s->next_result;
            settled_one(run, s);
        }
        if (settling->moved)
            run->durable = settling->cursor;
        if (settling->at == run->tick.at)
            run->tick.dirty = false;
        count_parked(run);
        if (!run->ended)
            hub_agent_judge(agent);
        hub_run__go(run);
        hub_run__settle_soon(run);
    }
    free(settling);
    hub_run__free_if_ended(run);
    hub_agent_release(agent);
}

/* Safe at any time; does nothing when there is nothing to write, or when an operation is under way. */
void hub_run__settle(hub_run_t *run)
{
    hub_agent_t *agent = run->agent;
    uint64_t cursor = run->loaded ? hub_run__cursor(run) : 0;
    bool moved = cursor > run->durable && (run->results || cursor - run->durable >= CURSOR_STEP || run->window || run->tick.dirty);
    if ((!moved && !run->results && !run->tick.dirty) || run->settling)
        return;
    hub_run_settling_t *settling = malloc(sizeof *settling);
    HUB_ASSERT(settling);
    *settling = (hub_run_settling_t){.op = {.apply = apply, .done = settled, .reply_to = agent->worker->mailbox},
                                     .run = run,
                                     .tenant = agent->tenant,
                                     .id = agent->id,
                                     .cursor = cursor,
                                     .known = run->known < cursor ? run->known : cursor,
                                     .moved = moved,
                                     .tick = run->tick.dirty,
                                     .at = run->tick.at,
                                     .list = reversed(run->results)};
    if (hub_store_submit(agent->worker->core->store, &settling->op) != HUB_EOK) {
        run->results = reversed(settling->list);
        free(settling);
        try_again(run);
        return;
    }
    run->results = NULL;
    run->settling = true;
    hub_agent_hold(agent);
}

void hub_run__settle_soon(hub_run_t *run)
{
    if (run->settling)
        return;
    bool idle = run->inflight == 0, money = run->kind->flags & HUB_KIND_LEDGER;
    if (idle || money || run->ended || run->unsettled >= RESULTS_MOST)
        hub_run__settle(run);
    else if (!run->settle_armed && run->results)
        arm(run, SETTLE_MS);
}
