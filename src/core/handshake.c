/* The credentials handshake: the one machine that runs the plans of handshake_plan.c. Rules C1-C25.
 *
 * A run is one try of one plan. It ends in one operation: everything of a success at once, or what failed. What is to be done is durable
 * (registration.wanted), so a run that was lost with the process starts again; our new token is stored before it is sent, and a later try
 * sends the same one. */
#include "handshake_run.h"

#include <stdlib.h>
#include <string.h>

#include "pull.h"

static void next(hub_handshake_t *h);
static void after_run(hub_agent_t *agent);

/* ---- the end of a run ---- */

static void answer(hub_incoming_t *incoming, hub_err_t err, int ocpi_status, hub_slice_t message, hub_slice_t data)
{
    hub_pool_t *pool = incoming->x->pool;
    incoming->err = err;
    incoming->ocpi_status = ocpi_status;
    incoming->message = message.len ? hub_pool_copy(pool, message) : HUB_SLICE_NONE;
    incoming->data = data.len ? hub_pool_copy(pool, data) : HUB_SLICE_NONE;
    hub_handshake__reply(incoming);
}

static void tell_waiters(hub_handshake_t *h, hub_err_t err)
{
    while (h->waiters) {
        hub_unregister_waiter_t *waiter = h->waiters;
        h->waiters = waiter->next;
        waiter->done(waiter->arg, err);
        free(waiter);
    }
}

/* Forgets the run; the partner that waits is answered with `err` when nobody has answered it. */
static void close_run(hub_handshake_t *h, hub_err_t err)
{
    if (h->incoming)
        answer(h->incoming, err, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
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
        answer(incoming, HUB_ESTOPPING, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
    }
    if (h->pool)
        close_run(h, HUB_ESTOPPING);
    tell_waiters(h, HUB_ESTOPPING);
    free(h);
}

/* True: the agent has ended meanwhile, and h is gone. */
static bool orphaned(hub_handshake_t *h)
{
    if (h->agent)
        return false;
    free_handshake(h);
    return true;
}

static bool integration_pulls(const hub_agent_t *agent)
{
    return !agent->gone && agent->integration->authorized && agent->integration->enabled;
}

static void pause_over(hub_timer_t *timer)
{
    hub_handshake_t *h = timer->arg;
    h->pausing = false;
    after_run(h->agent);
}

static uint32_t pause_ms(unsigned tries)
{
    uint32_t ms = 1000u << (tries < 7 ? tries : 7);
    return ms - ms / 4 + hub_jitter(ms / 2);
}

static void start_pause(hub_handshake_t *h)
{
    hub_port_t *port = &h->agent->worker->port;
    h->timer.run = pause_over;
    h->timer.arg = h;
    h->pausing = true;
    port->timer_start(port->self, &h->timer, pause_ms(h->tries));
}

static void committed(hub_handshake_t *h, hub_err_t err)
{
    if (orphaned(h))
        return;
    hub_agent_t *agent = h->agent;
    bool started = !err && (h->plan->wanted == HUB_WANT_POST || h->plan->wanted == HUB_WANT_PUT || h->incoming);
    hub_err_t peer = h->plan->wanted == HUB_WANT_DELETE ? h->finding.err : HUB_EOK;
    hub_log(err ? HUB_WARN : HUB_INFO, "handshake.done", HUB_INT("integration", agent->id), HUB_STR("plan", h->plan->name),
            HUB_STR("error", hub_err_info(err)->name));
    if (h->incoming && !err) {
        answer(h->incoming, HUB_EOK, 1000, HUB_SLICE_NONE, h->body);
        h->incoming = NULL;
    }
    bool ended = h->plan->wanted == HUB_WANT_DELETE;
    if (err && err != HUB_ECONFLICT && !h->incoming && !h->delete_next)
        start_pause(h); /* the store is full or failing: not in a circle */
    close_run(h, err == HUB_ECONFLICT ? HUB_EBUSY : err);
    if (ended)
        tell_waiters(h, err ? err : peer);
    if (started && integration_pulls(agent))
        hub_pull_now(agent, hub_pull_wanted(agent), true);
    after_run(agent);
}

/* ---- failure ---- */

static void failure_noted(hub_handshake_t *h, hub_err_t err)
{
    if (orphaned(h))
        return;
    hub_agent_t *agent = h->agent;
    if (h->incoming) {
        answer(h->incoming, HUB_EOK, h->finding.ocpi_status, h->finding.text, HUB_SLICE_NONE);
        h->incoming = NULL;
        close_run(h, HUB_EOK);
        after_run(agent);
        return;
    }
    bool again = (h->finding.again && h->tries + 1 < HUB_HANDSHAKE_TRIES) || (err && err != HUB_ECONFLICT);
    close_run(h, HUB_EOK);
    if (again && !h->delete_next) {
        start_pause(h);
        h->tries++;
        return;
    }
    h->tries = 0;
    after_run(agent);
}

/* A partner that has taken our credentials, and whose own we do not take, shall not keep half a registration: it is told, without waiting.
 */
static void undone(hub_ocpi_call_t *call)
{
    (void)call;
}

static void undo_at_peer(hub_handshake_t *h)
{
    hub_slice_t token = h->offer.token;
    if (!token.len || h->incoming || h->before.authorized || !h->offer.credentials_url.len)
        return;
    hub_ocpi_call_t *call = hub_ocpi_call_create(h->agent, HUB_DELETE, h->offer.credentials_url);
    call->token = hub_pool_copy(call->call.pool, token);
    call->then = undone;
    call->call.timeout_ms = HUB_HANDSHAKE_DELETE_MS;
    hub_ocpi_call_start(call);
}

static void fail(hub_handshake_t *h)
{
    const hub_finding_t *finding = &h->finding;
    bool last = !finding->again || h->tries + 1 >= HUB_HANDSHAKE_TRIES;
    hub_slice_t text = finding->text;
    hub_log(HUB_WARN, "handshake.failed", HUB_INT("integration", h->agent->id), HUB_STR("plan", h->plan->name),
            HUB_INT("try", h->tries + 1), HUB_STR("error", hub_err_info(finding->err)->name), HUB_SLICE("hint", text));
    if (h->incoming)
        hub_handshake__note_answer(h, finding->ocpi_status, text);
    else if (h->plan->wanted == HUB_WANT_DELETE) {
        text = hub_pool_printf(h->pool, "Unregistered here, but the partner could not be told. %.*s", HUB_SLICE_FMT(text));
        hub_handshake__write(h, h->plan->apply, committed, text, true);
        return;
    } else if (!last)
        text =
            hub_pool_printf(h->pool, "%.*s We try again in a moment (%u of %u).", HUB_SLICE_FMT(text), h->tries + 1, HUB_HANDSHAKE_TRIES);
    else if (finding->again)
        text = hub_pool_printf(h->pool, "%.*s Given up after %u tries: start the exchange again when this is solved.", HUB_SLICE_FMT(text),
                               HUB_HANDSHAKE_TRIES);
    if (last)
        undo_at_peer(h);
    hub_handshake__write(h, hub_handshake__failed, failure_noted, text, last);
}

static void fail_with(hub_handshake_t *h, hub_err_t err, const char *text)
{
    h->finding = (hub_finding_t){err, hub_err_info(err)->retryable, err == HUB_EINVALID ? 2001 : 3000, hub_slice_str(text)};
    fail(h);
}

/* ---- running ---- */

/* Raw and Base64 tokens both occur where no version is agreed yet: a 401 to the first request is asked again in the other form. */
static bool other_encoding(hub_handshake_t *h, const hub_ocpi_call_t *call)
{
    bool open = h->step == 0 && h->plan->wanted == HUB_WANT_POST && h->encoding == HUB_TOKEN_AUTO &&
                h->agent->integration->profile.token_encoding == HUB_TOKEN_AUTO;
    if (!open || call->call.err || call->call.http_status != 401)
        return false;
    h->encoding = HUB_TOKEN_RAW;
    return true;
}

static void answered(hub_ocpi_call_t *call)
{
    hub_handshake_t *h = call->arg;
    if (!h)
        return;
    const hub_step_t *step = h->plan->steps[h->step];
    h->call = NULL;
    hub_finding_t finding = hub_handshake__judge(h, step, call);
    hub_handshake__note(h, step, call, &finding);
    if (finding.err && other_encoding(h, call)) {
        next(h);
        return;
    }
    if (finding.err) {
        h->finding = finding;
        fail(h);
        return;
    }
    h->step++;
    next(h);
}

static bool make_body(hub_handshake_t *h)
{
    hub_core_t *core = h->agent->worker->core;
    hub_view_t *view;
    hub_buf_t body = HUB_BUF_INIT(h->pool);
    hub_err_t err = hub_view_open(core->store, &view);
    if (!err) {
        err = hub_offer_write(core, view, h->pool, h->agent->integration, h->offer.version, h->our_token, &body);
        hub_view_close(view);
    }
    h->body = hub_buf_slice(&body);
    if (err == HUB_EINVALID)
        fail_with(h, err, "None of our parties on this integration has a role that OCPI knows: set customerRoles and ourParties.");
    else if (err)
        fail_with(h, err, "The store failed.");
    return err == HUB_EOK;
}

static void prepared(hub_handshake_t *h, hub_err_t err)
{
    if (orphaned(h))
        return;
    if (err == HUB_ECONFLICT || h->delete_next) { /* overtaken: whatever is wanted now starts anew */
        hub_agent_t *agent = h->agent;
        close_run(h, HUB_EBUSY);
        after_run(agent);
    } else if (err) {
        fail_with(h, err, "The store failed.");
    } else if (make_body(h)) {
        next(h);
    }
}

static void fresh_token(hub_handshake_t *h, char token[HUB_TOKEN_LEN + 1])
{
    hub_token_make(h->agent->worker->core->crypto, token);
}

static uint32_t timeout_of(const hub_handshake_t *h)
{
    uint32_t own = h->agent->integration->profile.timeout_ms;
    uint32_t most = h->incoming ? HUB_HANDSHAKE_ANSWER_MS : h->plan->wanted == HUB_WANT_DELETE ? HUB_HANDSHAKE_DELETE_MS : 0;
    return most && (!own || own > most) ? most : own;
}

static void finish_run(hub_handshake_t *h)
{
    if (h->incoming && !h->our_token.len) {
        char token[HUB_TOKEN_LEN + 1];
        fresh_token(h, token);
        h->our_token = hub_pool_copy(h->pool, hub_slice_str(token));
        if (!make_body(h))
            return;
        hub_handshake__note_answer(h, 1000, HUB_SLICE_NONE);
    }
    hub_handshake__write(h, h->plan->apply, committed, HUB_SLICE_NONE, true);
}

static void next(hub_handshake_t *h)
{
    if (h->step == h->plan->step_count) {
        finish_run(h);
        return;
    }
    const hub_step_t *step = h->plan->steps[h->step];
    if (step->sends_credentials && !h->body.len) {
        char token[HUB_TOKEN_LEN + 1];
        fresh_token(h, token);
        hub_handshake__write(h, hub_handshake__prepare, prepared, hub_pool_copy(h->pool, hub_slice_str(token)), false);
        return;
    }
    hub_ocpi_call_t *call = hub_ocpi_call_create(h->agent, step->method, step->url(h));
    call->token = hub_pool_copy(call->call.pool, h->token);
    call->encoding = h->encoding;
    call->call.timeout_ms = timeout_of(h);
    if (step->sends_credentials)
        call->call.body = hub_pool_copy(call->call.pool, h->body);
    call->then = answered;
    call->arg = h;
    h->call = call;
    hub_ocpi_call_start(call);
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
        close_run(h, err);
    }
    return err == HUB_EOK;
}

static hub_slice_t credentials_endpoint(const hub_registration_t *reg)
{
    for (uint32_t i = 0; i < reg->endpoint_count; i++)
        if (reg->endpoints[i].module == OCPI_MODULE_CREDENTIALS)
            return reg->endpoints[i].url;
    return HUB_SLICE_NONE;
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
        h->offer.credentials_url = credentials_endpoint(before);
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
        next(h);
    } else if (plan->wanted == HUB_WANT_POST && (!h->token.len || !h->offer.versions_url.len)) {
        fail_with(h, HUB_EINVALID, "Set endpointUrl and initialToken to what the partner gave you (its versions URL and token A).");
    } else if (plan->wanted != HUB_WANT_POST && !registered) {
        fail_with(h, HUB_EINVALID, "There is no registration with the partner: start the exchange first.");
    } else {
        next(h);
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
    h->encoding = h->agent->integration->profile.token_encoding;
    if (h->encoding == HUB_TOKEN_AUTO)
        h->encoding = h->offer.version == OCPI_V2_1_1 ? HUB_TOKEN_RAW : HUB_TOKEN_BASE64;
    next(h);
}

/* Nothing runs: is there anything to do? A partner that waits goes first, our own commands come after. */
static void after_run(hub_agent_t *agent)
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
        close_run(h, HUB_EBUSY);
    after_run(agent);
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
        close_run(h, HUB_EBUSY);
    after_run(agent);
}

void hub_handshake__incoming(hub_agent_task_t *task, hub_agent_t *agent)
{
    hub_incoming_t *incoming = (hub_incoming_t *)task;
    if (!agent || agent->gone || agent->worker->stopping) {
        answer(incoming, agent ? HUB_ESTOPPING : HUB_EUNAUTHORIZED, 0, HUB_SLICE_NONE, HUB_SLICE_NONE);
        return;
    }
    hub_handshake_t *h = handshake_of(agent);
    bool ours = h->pool && !h->incoming; /* waiting for each other would last until a timeout */
    if (ours || h->queued >= HUB_HANDSHAKE_QUEUE) {
        answer(incoming, HUB_EOK, 3000,
               HUB_SLICE_LIT("another credentials exchange of this connection is under way: try again in a few seconds"), HUB_SLICE_NONE);
        return;
    }
    hub_incoming_t **last = &h->queue;
    while (*last)
        last = &(*last)->next;
    *last = incoming;
    incoming->next = NULL;
    h->queued++;
    after_run(agent);
}
