/* The credentials handshake: what runs when. Rules C1-C25; the plans are rows in handshake_plan.c, run by handshake_run.c.
 *
 * A run is one try of one plan. It ends in one operation: everything of a success at once, or what failed. What is to be done is durable
 * (registration.wanted), so a run that was lost with the process starts again; our new token is stored before it is sent, and a later try
 * sends the same one. */
#include "handshake_run.h"

#include <stdlib.h>
#include <string.h>

/* ---- the end of a run ---- */

void hub_handshake__answer(hub_incoming_t *incoming, hub_err_t err, int ocpi_status, hub_slice_t message, hub_slice_t data)
{
    hub_pool_t *pool = incoming->x->pool;
    incoming->err = err;
    incoming->ocpi_status = ocpi_status;
    incoming->message = message.len ? hub_pool_copy(pool, message) : HUB_SLICE_NONE;
    incoming->data = data.len ? hub_pool_copy(pool, data) : HUB_SLICE_NONE;
    hub_handshake__reply(incoming);
}

void hub_handshake__tell(hub_handshake_t *h, hub_err_t err)
{
    while (h->waiters) {
        hub_unregister_waiter_t *waiter = h->waiters;
        h->waiters = waiter->next;
        waiter->done(waiter->arg, err);
        free(waiter);
    }
}

/* Forgets the run; the partner that waits is answered with `err` when nobody has answered it. */
void hub_handshake__close(hub_handshake_t *h, hub_err_t err)
{
    if (h->incoming)
        hub_handshake__answer(h->incoming, err, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
    h->incoming = NULL;
    if (h->call) { /* comes back later, to nobody */
        h->call->arg = NULL;
        hub_port_t *port = &h->call->agent->worker->port;
        port->call_cancel(port->self, &h->call->call);
        h->call = NULL;
    }
    h->plan = NULL;
    hub_pool_destroy(h->pool);
    h->pool = NULL;
}

static void stop_pause(hub_handshake_t *h, hub_agent_t *agent)
{
    agent->worker->port.timer_stop(agent->worker->port.self, &h->timer);
    h->pausing = false;
}

static void free_handshake(hub_handshake_t *h)
{
    while (h->queue) {
        hub_incoming_t *incoming = h->queue;
        h->queue = incoming->next;
        hub_handshake__answer(incoming, HUB_ESTOPPING, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
    }
    if (h->pool)
        hub_handshake__close(h, HUB_ESTOPPING);
    hub_handshake__tell(h, HUB_ESTOPPING);
    free(h);
}

/* True: the agent has ended meanwhile, and h is gone. */
bool hub_handshake__orphaned(hub_handshake_t *h)
{
    if (h->agent)
        return false;
    free_handshake(h);
    return true;
}

static void pause_over(hub_timer_t *timer)
{
    hub_handshake_t *h = timer->arg;
    h->pausing = false;
    hub_handshake__after(h->agent);
}

static uint32_t pause_ms(unsigned tries)
{
    uint32_t ms = 1000u << (tries < 7 ? tries : 7);
    return ms - ms / 4 + hub_jitter(ms / 2);
}

void hub_handshake__pause(hub_handshake_t *h)
{
    hub_port_t *port = &h->agent->worker->port;
    h->timer.run = pause_over;
    h->timer.arg = h;
    h->pausing = true;
    port->timer_start(port->self, &h->timer, pause_ms(h->tries));
}

/* ---- starting ---- */

static hub_handshake_t *handshake_of(hub_agent_t *agent)
{
    if (!agent->handshake) {
        agent->handshake = calloc(1, sizeof *agent->handshake);
        HUB_ASSERT(agent->handshake);
        agent->handshake->agent = agent;
    }
    return agent->handshake;
}

static bool open_run(hub_handshake_t *h, const hub_plan_t *plan)
{
    hub_core_t *core = h->agent->worker->core;
    hub_view_t *view;
    h->pool = hub_pool_create();
    h->plan = plan;
    h->step = 0;
    h->encoding = HUB_TOKEN_AUTO;
    h->switched = false;
    h->offer = (hub_offer_t){0};
    h->our_token = h->body = HUB_SLICE_NONE;
    h->transcript = HUB_BUF_INIT(h->pool);
    h->finding = (hub_finding_t){0};
    h->settings_version = h->agent->integration->version;
    hub_err_t err = hub_view_open(core->store, &view);
    if (!err) {
        err = hub_registration_get(core, view, h->pool, h->agent->tenant, h->agent->id, &h->before);
        hub_view_close(view);
    }
    if (err) {
        hub_log(HUB_ERROR, "handshake.record", HUB_INT("integration", h->agent->id), HUB_STR("error", hub_err_info(err)->name));
        h->before = (hub_registration_t){0};
        hub_handshake__close(h, err);
    }
    return err == HUB_EOK;
}

/* Where to begin and with which token. */
static void aim(hub_handshake_t *h)
{
    const hub_integration_t *integration = h->agent->integration;
    const hub_registration_t *before = &h->before;
    bool first = h->plan->wanted == HUB_WANT_POST;
    h->token = hub_pool_copy(h->pool, first ? integration->initial_token : before->their_token);
    h->offer.versions_url = hub_pool_copy(h->pool, first || !before->versions_url.len ? integration->endpoint_url : before->versions_url);
    if (h->plan->wanted == HUB_WANT_DELETE)
        h->offer.credentials_url = hub_handshake__credentials_url(before);
    if (h->plan->wanted == HUB_WANT_DETAILS)
        h->offer.version = before->ocpi_version; /* another version needs a PUT (C12) */
}

static void start(hub_handshake_t *h, const hub_plan_t *plan, uint32_t command)
{
    if (command != h->command)
        h->tries = 0;
    h->command = command;
    if (!open_run(h, plan))
        return;
    aim(h);
    bool registered = h->before.authorized && h->before.their_token.len > 0;
    if (plan->wanted == HUB_WANT_DELETE && (!registered || !h->offer.credentials_url.len)) {
        h->step = plan->step_count; /* nobody to tell */
        hub_handshake__next(h);
    } else if (plan->wanted == HUB_WANT_POST && (!h->token.len || !h->offer.versions_url.len)) {
        hub_handshake__fail(h, HUB_EINVALID,
                            "Set endpointUrl and initialToken to what the partner gave you (its versions URL and token A).");
    } else if (plan->wanted != HUB_WANT_POST && !registered) {
        hub_handshake__fail(h, HUB_EINVALID, "There is no registration with the partner: start the exchange first.");
    } else {
        hub_handshake__next(h);
    }
}

static void start_incoming(hub_handshake_t *h, hub_incoming_t *incoming)
{
    h->incoming = incoming;
    if (!open_run(h, &hub_handshake__plans[HUB_PLAN_INCOMING]))
        return;
    h->offer.version = incoming->offer.version;
    h->offer.token = hub_pool_copy(h->pool, incoming->offer.token);
    h->offer.versions_url = hub_pool_copy(h->pool, incoming->offer.versions_url);
    h->offer.roles_json = hub_pool_copy(h->pool, incoming->offer.roles_json);
    h->offer.hub_party_id = hub_pool_copy(h->pool, incoming->offer.hub_party_id);
    h->token = h->offer.token;
    hub_handshake__next(h);
}

/* Nothing runs: is there anything to do? A partner that waits goes first, our own commands come after. */
void hub_handshake__after(hub_agent_t *agent)
{
    hub_handshake_t *h = agent->handshake;
    if (!h || h->pool || h->writing || agent->gone || agent->worker->stopping)
        return;
    hub_view_t *view;
    uint32_t command = h->command;
    hub_wanted_t wanted = HUB_WANT_NOTHING;
    if (hub_view_open(agent->worker->core->store, &view) == HUB_EOK) {
        wanted = hub_registration_wanted(view, agent->tenant, agent->id, &command);
        hub_view_close(view);
    }
    if (h->waiters || h->delete_next)
        wanted = HUB_WANT_DELETE;
    h->delete_next = false;
    if (h->pausing &&
        (wanted == HUB_WANT_NOTHING || command != h->command || h->waiters || h->settings_version != agent->integration->version)) {
        stop_pause(h, agent);
        h->tries = 0;
    }
    const hub_integration_t *integration = agent->integration;
    if (h->queue && wanted != HUB_WANT_DELETE) {
        hub_incoming_t *incoming = h->queue;
        h->queue = incoming->next;
        h->queued--;
        start_incoming(h, incoming);
    } else if (wanted != HUB_WANT_NOTHING && !h->pausing && integration->is_ocpi && (integration->enabled || wanted == HUB_WANT_DELETE)) {
        start(h, hub_handshake__plan(wanted), command);
    }
}

/* ---- what others call ---- */

/* What is wanted now makes the run under way pointless. */
static bool overtaken(const hub_handshake_t *h, hub_wanted_t wanted, uint32_t command)
{
    const hub_integration_t *integration = h->agent->integration;
    if (!h->pool || h->incoming || h->waiters)
        return false;
    bool moved = h->plan->wanted == HUB_WANT_POST && h->settings_version != integration->version;
    return moved || wanted != h->plan->wanted || command != h->command || (!integration->enabled && wanted != HUB_WANT_DELETE);
}

void hub_handshake_follow(hub_agent_t *agent, const hub_integration_t *old)
{
    (void)old; /* the command's number tells what is new */
    hub_view_t *view;
    uint32_t command;
    hub_handshake_t *h = agent->handshake;
    if (!agent->integration->is_ocpi || (h && h->writing) || hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return; /* after a write it looks again by itself */
    hub_wanted_t wanted = hub_registration_wanted(view, agent->tenant, agent->id, &command);
    hub_view_close(view);
    if (!h && wanted == HUB_WANT_NOTHING)
        return;
    h = handshake_of(agent);
    if (overtaken(h, wanted, command))
        hub_handshake__close(h, HUB_EBUSY);
    hub_handshake__after(agent);
}

void hub_handshake_end(hub_agent_t *agent)
{
    hub_handshake_t *h = agent->handshake;
    if (!h)
        return;
    stop_pause(h, agent);
    agent->handshake = NULL;
    h->agent = NULL;
    if (!h->writing)
        free_handshake(h);
}

void hub_handshake_unregister(hub_agent_t *agent, hub_unregister_done_t done, void *arg)
{
    if (agent->gone || agent->worker->stopping) {
        done(arg, HUB_ESTOPPING);
        return;
    }
    hub_handshake_t *h = handshake_of(agent);
    hub_unregister_waiter_t *waiter = calloc(1, sizeof *waiter);
    HUB_ASSERT(waiter);
    *waiter = (hub_unregister_waiter_t){h->waiters, done, arg};
    h->waiters = waiter;
    h->delete_next = !h->plan || h->plan->wanted != HUB_WANT_DELETE;
    if (h->pool && !h->writing && h->delete_next)
        hub_handshake__close(h, HUB_EBUSY);
    hub_handshake__after(agent);
}

void hub_handshake__incoming(hub_agent_task_t *task, hub_agent_t *agent)
{
    hub_incoming_t *incoming = (hub_incoming_t *)task;
    if (!agent || agent->gone || agent->worker->stopping) {
        hub_handshake__answer(incoming, agent ? HUB_ESTOPPING : HUB_EUNAUTHORIZED, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
        return;
    }
    hub_handshake_t *h = handshake_of(agent);
    bool ours = h->pool && !h->incoming; /* waiting for each other would last until a timeout */
    if (ours || h->queued >= HUB_HANDSHAKE_QUEUE) {
        hub_handshake__answer(incoming, HUB_EOK, 3000,
                              HUB_SLICE_LIT("another credentials exchange of this connection is under way: try again in a few seconds"),
                              HUB_SLICE_NONE);
        return;
    }
    hub_incoming_t **last = &h->queue;
    while (*last)
        last = &(*last)->next;
    *last = incoming;
    incoming->next = NULL;
    h->queued++;
    hub_handshake__after(agent);
}
