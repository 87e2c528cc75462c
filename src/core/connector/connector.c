/* The life of a connector's run: it begins when the integration is active, ends when it is not or when its settings change (then a new one
 * begins), and makes everything wait while nobody gets through. */
#include "connector.h"

#include <stdlib.h>

#include "object/quarantine.h"
#include "run.h"

#define BACKOFF_BUSY_MS 300000u
#define BACKOFF_DENIED_MS 900000u
#define BEGIN_AGAIN_MS 1000u

/* ---- running ---- */

bool hub_run__may_send(const hub_run_t *run)
{
    return !run->ended && run->loaded && !run->pause_until && run->trouble != HUB_OUTCOME_GONE && !run->wrong.len &&
           hub_agent_may_call(run->agent);
}

static void read_on(hub_run_t *run)
{
    hub_store_t *store = run->agent->worker->core->store;
    uint64_t seq = hub_store_seq(store);
    hub_view_t *view;
    if (hub_view_open(store, &view) != HUB_EOK)
        return;
    hub_run__read(run, view, seq);
    hub_view_close(view);
}

/* What is due now and was not taken goes on with the next answer: no timer for it. */
static void arm_due(hub_run_t *run)
{
    int64_t next = 0, now = hub_now_ms();
    const hub_port_t *port = &run->agent->worker->port;
    for (const hub_shipment_t *s = run->waiting; s; s = s->next)
        if (s->state == HUB_SHIP_QUEUED && s->due > now && (!next || s->due < next))
            next = s->due;
    if (!run->tick.open && run->tick.at > now && (!next || run->tick.at < next))
        next = run->tick.at;
    if (next)
        port->timer_start(port->self, &run->due_timer, (uint64_t)(next - now));
}

void hub_run__go(hub_run_t *run)
{
    hub_agent_t *agent = run->agent;
    if (run->running || !hub_run__may_send(run))
        return;
    run->running = true;
    bool open = hub_tick__open(run);
    if (run->kind->feed == HUB_FEED_EXPORT) {
        hub_batch__go(run);
    } else {
        if (open)
            read_on(run);
        hub_run__dispatch(run);
    }
    run->running = false;
    hub_tick__close(run);
    arm_due(run);
    hub_run__settle_soon(run);
    /* Long stretches that do not concern it are read in pieces. */
    if ((run->batch.package || (run->tick.open && !run->exhausted && run->window_count == 0)) && hub_run__may_send(run))
        agent->worker->port.timer_start(agent->worker->port.self, &run->more_timer, 1);
}

static void on_more(hub_timer_t *timer)
{
    hub_run__go(timer->arg);
}

static void on_settle(hub_timer_t *timer)
{
    hub_run_t *run = timer->arg;
    run->settle_armed = false;
    hub_run__settle(run);
}

/* The receiver may be back: what has waited is read again, so that only the latest state goes out. */
static void on_pause(hub_timer_t *timer)
{
    hub_run_t *run = timer->arg;
    run->pause_until = 0;
    hub_run__reread(run);
    hub_run__go(run);
}

void hub_run__back_off(hub_run_t *run, hub_outcome_t why, hub_slice_t retry_after)
{
    hub_agent_t *agent = run->agent;
    run->epoch++;
    run->failures++;
    run->trouble = why;
    uint64_t ms = hub_agent_pause(run->failures, why == HUB_OUTCOME_DENIED ? BACKOFF_DENIED_MS : BACKOFF_BUSY_MS, retry_after);
    hub_log(HUB_INFO, "connector.backoff", HUB_INT("integration", agent->id), HUB_INT("failures", run->failures), HUB_INT("ms", ms));
    if (run->ended)
        return;
    run->pause_until = hub_now_ms() + (int64_t)ms;
    agent->worker->port.timer_start(agent->worker->port.self, &run->pause_timer, ms);
}

/* ---- beginning ---- */

static void load(hub_run_t *run, hub_view_t *view, uint64_t cursor)
{
    hub_key_t key;
    uint64_t seq = hub_store_seq(run->agent->worker->core->store);
    /* A cursor beyond the store belongs to another life of it: everything is sent again. */
    run->durable = run->scanned = cursor > seq ? 0 : cursor;
    hub_connector__known_key(&key, run->agent->id);
    run->known = hub_cursor_get(view, &key);
    if (run->known > run->durable)
        run->known = run->durable;
    run->loaded = true;
    if (run->durable && run->durable < hub_change_horizon(view))
        hub_log(HUB_WARN, "connector.missed", HUB_INT("integration", run->agent->id), HUB_STR("what", "deletions that are no longer kept"));
    hub_run__load(run, view);
    hub_tick__load(run, view);
    run->parked_now = hub_quarantine_count(view, run->agent->id);
}

typedef struct hub_beginning {
    hub_op_t op; /* first */
    hub_agent_t *agent;
    hub_integration_t *integration; /* a reference */
} hub_beginning_t;

static hub_err_t apply_begin(hub_view_t *view, hub_op_t *op)
{
    return hub_connector_begin(view, ((hub_beginning_t *)op)->integration);
}

static void begin_later(hub_run_t *run)
{
    const hub_port_t *port = &run->agent->worker->port;
    port->timer_start(port->self, &run->pause_timer, BEGIN_AGAIN_MS);
}

static void begun(hub_op_t *op)
{
    hub_beginning_t *beginning = (hub_beginning_t *)op;
    hub_agent_t *agent = beginning->agent;
    hub_err_t err = op->err;
    if (err)
        hub_log(HUB_WARN, "connector.begin", HUB_INT("integration", agent->id), HUB_STR("error", hub_err_info(err)->name));
    hub_integration_unref(beginning->integration);
    free(beginning);
    if (agent->connector && !agent->connector->ended && err)
        begin_later(agent->connector);
    else if (agent->connector && !agent->connector->ended)
        hub_connector_reload(agent);
    hub_agent_release(agent);
}

/* It was made active by a release that did not deliver, or while its secrets did not open. */
static void begin(hub_run_t *run)
{
    hub_agent_t *agent = run->agent;
    hub_beginning_t *beginning = malloc(sizeof *beginning);
    HUB_ASSERT(beginning);
    *beginning = (hub_beginning_t){.op = {.apply = apply_begin, .done = begun, .reply_to = agent->worker->mailbox},
                                   .agent = agent,
                                   .integration = hub_integration_ref(run->integration)};
    if (hub_store_submit(agent->worker->core->store, &beginning->op) == HUB_EOK) {
        hub_agent_hold(agent);
        return;
    }
    hub_integration_unref(beginning->integration);
    free(beginning);
    begin_later(run);
}

void hub_connector_reload(struct hub_agent *agent)
{
    hub_view_t *view;
    uint64_t cursor;
    hub_run_t *run = agent->connector;
    if (!run || run->ended || hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return;
    if (run->loaded) {
        hub_run__load(run, view);
        run->parked_now = hub_quarantine_count(view, agent->id);
    } else if (hub_connector__begun(view, agent->id, &cursor)) {
        load(run, view, cursor);
    } else {
        begin(run);
    }
    hub_view_close(view);
    hub_agent_judge(agent);
    hub_run__go(run);
}

static void on_begin_again(hub_timer_t *timer)
{
    hub_run_t *run = timer->arg;
    if (run->loaded)
        on_pause(timer);
    else
        hub_connector_reload(run->agent);
}

static void create(hub_agent_t *agent, const hub_connector_kind_t *kind, bool renewed)
{
    hub_run_t *run = calloc(1, sizeof *run);
    HUB_ASSERT(run);
    agent->connector = run;
    run->agent = agent;
    run->integration = hub_integration_ref(agent->integration);
    run->kind = kind;
    run->renewed = renewed;
    run->pool = hub_pool_create();
    if (kind->auth != HUB_AUTH_NONE)
        run->auth = hub_auth_create(kind->auth, run->integration->connector, agent->worker->core->config.utility_cloud_url);
    if (run->auth && hub_auth_state(run->auth, hub_now_ms()) == HUB_AUTH_WRONG)
        run->wrong = hub_pool_copy(run->pool, hub_auth_problem(run->auth));
    run->pause_timer = (hub_timer_t){.run = on_begin_again, .arg = run};
    run->settle_timer = (hub_timer_t){.run = on_settle, .arg = run};
    run->more_timer = (hub_timer_t){.run = on_more, .arg = run};
    run->due_timer = (hub_timer_t){.run = on_more, .arg = run};
    hub_run__choose(run);
    hub_connector_reload(agent);
}

/* ---- ending ---- */

void hub_run__free_if_ended(hub_run_t *run)
{
    hub_agent_t *agent = run->agent;
    if (!run->ended || run->inflight || run->settling || run->results)
        return;
    bool renewed = run->integration->version != agent->integration->version;
    hub_run__clear(run);
    hub_auth_destroy(run->auth);
    hub_integration_unref(run->integration);
    hub_pool_destroy(run->pool);
    free(run);
    agent->connector = NULL;
    const hub_connector_t *connector = agent->integration->connector;
    if (!agent->gone && !agent->worker->stopping && connector && connector->active && hub_connector_kind_of(connector))
        create(agent, hub_connector_kind_of(connector), renewed);
}

/* What is under way still ends by itself, and is written down. */
static void end(hub_run_t *run)
{
    const hub_port_t *port = &run->agent->worker->port;
    hub_timer_t *const timers[] = {&run->pause_timer, &run->settle_timer, &run->more_timer, &run->due_timer};
    for (size_t i = 0; i < HUB_COUNT(timers); i++)
        port->timer_stop(port->self, timers[i]);
    run->ended = true;
    hub_batch__drop(run);
    hub_run__settle(run);
    hub_run__free_if_ended(run);
}

void hub_connector_follow(struct hub_agent *agent, const hub_integration_t *old)
{
    const hub_integration_t *now = agent->integration;
    const hub_connector_kind_t *kind = now->connector && now->connector->active ? hub_connector_kind_of(now->connector) : NULL;
    hub_run_t *run = agent->connector;
    if (!now->connector || agent->gone || agent->worker->stopping || (run && run->ended))
        return;
    if (run && (!kind || run->integration->version != now->version))
        end(run); /* another one begins when it is gone */
    else if (!run && kind)
        create(agent, kind, old && old->version != now->version);
}

void hub_connector_end(struct hub_agent *agent)
{
    hub_run_t *run = agent->connector;
    if (!run)
        return;
    if (!run->ended) {
        end(run);
        return;
    }
    agent->worker->port.timer_stop(agent->worker->port.self, &run->settle_timer);
    run->results = NULL;
    hub_run__free_if_ended(run);
}

/* ---- following the store ---- */

void hub_connector_wake(struct hub_agent *agent, hub_connector_tail_t *tail)
{
    hub_run_t *run = agent->connector;
    if (!hub_run__may_send(run) || !run->tick.open)
        return;
    if (tail->tenant != agent->tenant) {
        tail->tenant = agent->tenant;
        tail->fresh = hub_event_fresh(tail->view, agent->tenant, HUB_EVENT_ALL, tail->after);
    }
    if (run->exhausted && run->scanned >= tail->after && !(tail->fresh & run->sources)) {
        if (tail->seq > run->scanned)
            run->scanned = run->known = tail->seq;
        hub_run__settle_soon(run);
        return;
    }
    hub_run__go(run);
}
