/* Push: the life of an integration's pumps. Flags, registration and endpoints decide which run; failures of the partner make all of them
 * wait. The window is pump.c, the calls are parcel.c, what is written down is settle.c. Home worker only. */
#include "push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/connector.h"
#include "parcel.h"

#define BACKOFF_MOST_MS 300000u

/* In this order: tariffs go before the locations that name them. A Session waits for nothing: it is news of this minute. */
const hub_push_row_t hub_push_rows[HUB_PUSH_ROWS] = {
    {"pushTariff", "id", HUB_MODEL_PUSH_TARIFF, OCPI_MODULE_TARIFFS, HUB_LEAVE_DELETE, 4, .fill = hub_parcel__put},
    {"pushLocation", "id", HUB_MODEL_PUSH_LOCATION, OCPI_MODULE_LOCATIONS, HUB_LEAVE_REMOVED, 4, .waits = true,
     .fill = hub_parcel__fill_location},
    {"pushToken", "uid", HUB_MODEL_PUSH_TOKEN, OCPI_MODULE_TOKENS, HUB_LEAVE_ALONE, 2, .fill = hub_parcel__fill_token},
    {"pushSession", "id", HUB_MODEL_PUSH_SESSION, OCPI_MODULE_SESSIONS, HUB_LEAVE_ALONE, 4, .remembers = true,
     .fill = hub_parcel__fill_session},
    {"pushCdr", "id", HUB_MODEL_PUSH_CDR, OCPI_MODULE_CDRS, HUB_LEAVE_ALONE, 4, .remembers = true, .insists = true,
     .fill = hub_parcel__fill_cdr},
};

void hub_push__error(hub_pump_t *pump, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text[hub_slice_utf8_cut(hub_slice_str(text), sizeof text).len] = 0;
    free(pump->last_error);
    pump->last_error = strdup(text);
    HUB_ASSERT(pump->last_error);
    pump->last_error_at = hub_now_ms();
}

/* ---- running ---- */

static void on_more(hub_timer_t *timer)
{
    hub_push__run(timer->arg);
}

static void on_settle(hub_timer_t *timer)
{
    hub_push_t *push = timer->arg;
    push->settle_armed = false;
    hub_push__settle(push);
}

/* The partner may be back: what has waited is read again, so that only the latest state goes out. */
static void on_backoff(hub_timer_t *timer)
{
    hub_push_t *push = timer->arg;
    push->backoff_until = 0;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].enabled)
            hub_pump__restart(&push->pumps[i]);
    hub_push__run(push);
}

static bool any_enabled(const hub_push_t *push)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].enabled)
            return true;
    return false;
}

static void read_on(hub_push_t *push)
{
    hub_store_t *store = push->agent->worker->core->store;
    uint64_t seq = hub_store_seq(store);
    hub_view_t *view;
    if (hub_view_open(store, &view) != HUB_EOK)
        return;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        if (!push->pumps[i].enabled)
            continue;
        hub_pump__take_due(&push->pumps[i], view);
        hub_pump__fill(&push->pumps[i], view, seq);
    }
    hub_view_close(view);
}

static bool room_left(const hub_push_t *push)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].enabled && !push->pumps[i].exhausted && !push->pumps[i].unfinished)
            return true;
    return false;
}

void hub_push__run(hub_push_t *push)
{
    hub_agent_t *agent = push->agent;
    if (push->ended || push->running || push->backoff_until || !any_enabled(push) || !hub_agent_may_call(agent))
        return;
    push->running = true;
    read_on(push);
    hub_push__dispatch(push);
    push->running = false;
    hub_push__arm_due(push);
    if (push->results)
        hub_push__settle_soon(push);
    /* Long stretches that do not concern this partner are read in pieces. */
    if (room_left(push) && !push->backoff_until)
        agent->worker->port.timer_start(agent->worker->port.self, &push->more_timer, 1);
}

void hub_push__back_off(hub_push_t *push, hub_slice_t retry_after)
{
    hub_agent_t *agent = push->agent;
    push->epoch++;
    push->failures++;
    uint64_t ms = hub_agent_pause(push->failures, BACKOFF_MOST_MS, retry_after);
    push->backoff_until = hub_now_ms() + (int64_t)ms;
    agent->worker->port.timer_start(agent->worker->port.self, &push->backoff_timer, ms);
    hub_log(HUB_INFO, "push.backoff", HUB_INT("integration", agent->id), HUB_INT("failures", push->failures), HUB_INT("ms", ms));
}

typedef struct hub_tail { /* one look at the streams for all pushes of a worker */
    hub_view_t *view;
    uint64_t after, seq;
    uint32_t tenant;
    int fresh[HUB_PUSH_ROWS]; /* -1: not looked yet */
    bool bindings;            /* some integration's own stream may have something new */
    hub_connector_tail_t events;
} hub_tail_t;

static bool has_after(hub_view_t *view, const hub_stream_t *stream, uint64_t after)
{
    hub_change_scan_t scan;
    hub_change_t change;
    hub_change_scan_init(&scan, view, stream, after);
    bool has = hub_change_scan_next(&scan, &change);
    return hub_change_scan_finish(&scan) != HUB_EOK || has;
}

static bool concerns(hub_tail_t *tail, const hub_agent_t *agent, unsigned row)
{
    hub_stream_t stream = {.tenant = agent->tenant, .kind = HUB_STREAM_OWN, .module = (uint8_t)hub_push_rows[row].module};
    if (tail->tenant != agent->tenant) {
        tail->tenant = agent->tenant;
        memset(tail->fresh, -1, sizeof tail->fresh);
    }
    if (tail->fresh[row] < 0)
        tail->fresh[row] = has_after(tail->view, &stream, tail->after);
    stream.kind = HUB_STREAM_BINDING;
    stream.integration = agent->id;
    return tail->fresh[row] || (tail->bindings && has_after(tail->view, &stream, tail->after));
}

static void wake_one(hub_agent_t *agent, void *arg)
{
    hub_tail_t *tail = arg;
    hub_push_t *push = agent->push;
    bool run = false;
    if (agent->connector)
        hub_connector_wake(agent, &tail->events);
    if (!push || push->backoff_until || !any_enabled(push))
        return;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        hub_pump_t *pump = &push->pumps[i];
        if (!pump->enabled)
            continue;
        if (pump->exhausted && pump->scanned >= tail->after && !concerns(tail, agent, i))
            hub_pump__pass(pump, tail->seq);
        else
            run = true;
    }
    if (run)
        hub_push__run(push);
}

void hub_agents_wake(hub_worker_t *worker, uint64_t after)
{
    hub_tail_t tail = {.after = after, .seq = hub_store_seq(worker->core->store)};
    memset(tail.fresh, -1, sizeof tail.fresh);
    tail.bindings = hub_store_binding_seq(worker->core->store) > after;
    if (hub_view_open(worker->core->store, &tail.view) != HUB_EOK)
        return;
    tail.events = (hub_connector_tail_t){.view = tail.view, .after = after, .seq = tail.seq};
    hub_agents_each(worker, wake_one, &tail);
    hub_view_close(tail.view);
}

/* ---- following the integration ---- */

/* NULL: it runs. "": the flag is off, or nobody is registered; otherwise a sentence for the operator. */
static const char *why_not(const hub_agent_t *agent, const hub_push_row_t *row, char *text, size_t size)
{
    const hub_integration_t *to = agent->integration;
    if (!to->is_ocpi || !to->enabled || !to->authorized || !(to->models & row->model))
        return "";
    if (!(ocpi_role_sides(to->customer_roles, row->module) & OCPI_SENDER)) {
        snprintf(text, size, "%s is on but with our customerRoles we do not send %s.", row->flag, ocpi_module_name(row->module));
        return text;
    }
    if (to->peer_role_mask && !(ocpi_role_sides(to->peer_role_mask, row->module) & OCPI_RECEIVER)) {
        snprintf(text, size, "%s is on but the partner's roles do not receive %s.", row->flag, ocpi_module_name(row->module));
        return text;
    }
    if (!hub_integration_endpoint(to, row->module, OCPI_RECEIVER)) {
        snprintf(text, size, "%s is on but the partner offers no %s RECEIVER endpoint: nothing is sent, it can only pull.", row->flag,
                 ocpi_module_name(row->module));
        return text;
    }
    return NULL;
}

static void load(hub_pump_t *pump, hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t record;
    uint32_t id = pump->push->agent->id;
    uint64_t seq = hub_store_seq(pump->push->agent->worker->core->store);
    hub_push_reader(&key, id, pump->row->module);
    uint64_t cursor = hub_cursor_get(view, &key);
    /* After a rewind what was sent before is read again: then nothing is said of what was never sent. */
    bool fresh = !pump->sent && hub_view_get(view, HUB_TABLE_CURSOR, &key, &record) == HUB_ENOT_FOUND;
    pump->nothing_before = fresh ? seq : 0;
    pump->rewinds = hub_push__rewinds(view, id, pump->row->module);
    /* A cursor beyond the store belongs to another life of it: everything is sent again. */
    hub_pump__rewind(pump, cursor > seq ? 0 : cursor);
}

static void enable(hub_pump_t *pump, hub_view_t *view)
{
    if (!pump->cursor)
        load(pump, view);
    pump->enabled = true;
    hub_pump__restart(pump);
    hub_pump__doubt(pump);
    if (pump->row->leave == HUB_LEAVE_DELETE && pump->cursor < hub_change_horizon(view))
        hub_push__sweep(pump, view);
}

static void disable(hub_pump_t *pump)
{
    pump->enabled = false;
    for (hub_push_item_t *item = pump->head; item; item = item->next)
        if (item->state == HUB_PUSH_QUEUED)
            item->attempts = 0;
    hub_pump__restart(pump);
}

static bool remembers(hub_view_t *view, uint32_t id)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        hub_key_t key;
        hub_slice_t record; /* after a rewind it says 0 */
        hub_push_reader(&key, id, hub_push_rows[i].module);
        if (hub_view_get(view, HUB_TABLE_CURSOR, &key, &record) == HUB_EOK)
            return true;
    }
    return false;
}

static hub_push_t *create(hub_agent_t *agent)
{
    hub_push_t *push = calloc(1, sizeof *push);
    HUB_ASSERT(push);
    push->agent = agent;
    push->backoff_timer = (hub_timer_t){.run = on_backoff, .arg = push};
    push->settle_timer = (hub_timer_t){.run = on_settle, .arg = push};
    push->more_timer = (hub_timer_t){.run = on_more, .arg = push};
    push->due_timer = (hub_timer_t){.run = on_more, .arg = push};
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        push->pumps[i].push = push;
        push->pumps[i].row = &hub_push_rows[i];
    }
    return push;
}

static void switch_pumps(hub_push_t *push, hub_view_t *view)
{
    char text[256];
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        hub_pump_t *pump = &push->pumps[i];
        bool on = why_not(push->agent, pump->row, text, sizeof text) == NULL;
        if (pump->rewinds != hub_push__rewinds(view, push->agent->id, pump->row->module))
            load(pump, view);
        if (on && !pump->enabled)
            enable(pump, view);
        else if (!on && pump->enabled)
            disable(pump);
    }
}

static void stop_timers(hub_push_t *push)
{
    const hub_port_t *port = &push->agent->worker->port;
    port->timer_stop(port->self, &push->backoff_timer);
    port->timer_stop(port->self, &push->settle_timer);
    port->timer_stop(port->self, &push->more_timer);
    port->timer_stop(port->self, &push->due_timer);
}

/* Ends this push and leaves the agent without one. */
static void end(hub_agent_t *agent, bool settle)
{
    hub_push_t *push = agent->push;
    stop_timers(push);
    if (settle)
        hub_push__settle(push);
    push->ended = true;
    agent->push = NULL;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        hub_pump__clear(&push->pumps[i]);
    hub_push__free_if_ended(push);
}

/* Nobody is registered: what a partner once got says nothing about the next registration. */
static void unregistered(hub_agent_t *agent, hub_view_t *view)
{
    if (agent->push && agent->push->forgetting)
        return;
    bool forget = remembers(view, agent->id);
    for (unsigned i = 0; i < HUB_PUSH_ROWS && agent->push; i++)
        forget = forget || agent->push->pumps[i].cursor || agent->push->pumps[i].enabled;
    if (agent->push)
        end(agent, false);
    if (!forget)
        return;
    agent->push = create(agent);
    hub_push__forget(agent->push);
}

static bool same_parties(const hub_party_ref_t *a, uint32_t a_count, const hub_party_ref_t *b, uint32_t b_count)
{
    bool same = a_count == b_count;
    for (uint32_t i = 0; same && i < a_count; i++)
        same = a[i].roles == b[i].roles && strcmp(a[i].country, b[i].country) == 0 && strcmp(a[i].party, b[i].party) == 0;
    return same;
}

/* Between which parties Sessions, CDRs and tokens go. */
static bool reach_changed(const hub_integration_t *old, const hub_integration_t *now)
{
    return old && old->authorized && now->authorized &&
           !(same_parties(old->parties, old->party_count, now->parties, now->party_count) &&
             same_parties(old->peer_roles, old->peer_role_count, now->peer_roles, now->peer_role_count));
}

void hub_push_follow(hub_agent_t *agent, const hub_integration_t *old)
{
    hub_view_t *view;
    const hub_integration_t *now = agent->integration;
    if (!now->is_ocpi || agent->gone || agent->worker->stopping || hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return;
    if (!now->authorized) {
        unregistered(agent, view);
    } else {
        if (!agent->push)
            agent->push = create(agent);
        if (!agent->push->forgetting)
            switch_pumps(agent->push, view);
    }
    hub_view_close(view);
    if (!agent->push)
        return;
    if (reach_changed(old, now))
        hub_push__look_again(agent->push);
    /* A new address or token is worth a try at once. */
    bool moved = old && (!hub_slice_eq(old->their_token, now->their_token) || !hub_slice_eq(old->versions_url, now->versions_url));
    if (moved && agent->push->backoff_until) {
        agent->worker->port.timer_stop(agent->worker->port.self, &agent->push->backoff_timer);
        on_backoff(&agent->push->backoff_timer);
    }
    hub_push__run(agent->push);
    hub_push__settle_soon(agent->push);
}

void hub_push_end(hub_agent_t *agent)
{
    if (!agent->push)
        return;
    if (agent->gone)
        hub_push__forget(agent->push);
    end(agent, !agent->gone);
}

void hub_push__free_if_ended(hub_push_t *push)
{
    if (!push->ended || push->inflight || push->settling)
        return;
    for (hub_push_item_t *item = push->results, *next; item; item = next) {
        next = item->next_result;
        hub_pump__settled(item);
    }
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        free(push->pumps[i].last_error);
    free(push);
}

/* ---- what people see ---- */

void hub_push_notes(hub_agent_t *agent, hub_buf_t *out)
{
    char text[256];
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        const char *why = why_not(agent, &hub_push_rows[i], text, sizeof text);
        if (why && *why)
            hub_buf_printf(out, "%s%s%s", out->len ? " " : "", HUB_PUSH_NOTE, why);
    }
}

bool hub_push_refused(const hub_agent_t *agent)
{
    return agent->push && agent->push->refused_count;
}

#define LAG_MOST 10000u

static uint64_t lag_of(const hub_agent_t *agent, const hub_push_row_t *row, hub_view_t *view, uint64_t cursor)
{
    uint64_t lag = 0;
    for (int binding = 0; binding < 2; binding++) {
        hub_change_scan_t scan;
        hub_change_t change;
        hub_stream_t stream = {.tenant = agent->tenant,
                               .kind = binding ? HUB_STREAM_BINDING : HUB_STREAM_OWN,
                               .integration = binding ? agent->id : 0,
                               .module = (uint8_t)row->module};
        hub_change_scan_init(&scan, view, &stream, cursor);
        while (lag < LAG_MOST && hub_change_scan_next(&scan, &change))
            lag++;
        hub_change_scan_finish(&scan);
    }
    return lag;
}

static void describe(hub_agent_t *agent, unsigned i, hub_view_t *view, hub_buf_t *out)
{
    static const hub_pump_t none = {0};
    char text[256];
    const hub_push_row_t *row = &hub_push_rows[i];
    const hub_pump_t *pump = agent->push ? &agent->push->pumps[i] : &none;
    const char *why = why_not(agent, row, text, sizeof text);
    hub_key_t key;
    hub_push_reader(&key, agent->id, row->module);
    uint64_t cursor = pump->enabled ? pump->cursor : hub_cursor_get(view, &key);
    hub_buf_printf(out, "{\"module\":\"%s\",\"direction\":\"push\",\"flag\":\"%s\",\"enabled\":%s,\"endpoint\":%s,\"whyNot\":",
                   ocpi_module_name(row->module), row->flag, agent->integration->models & row->model ? "true" : "false",
                   hub_integration_endpoint(agent->integration, row->module, OCPI_RECEIVER) ? "true" : "false");
    hub_buf_add_json(out, why && *why ? hub_slice_str(why) : HUB_SLICE_NONE);
    hub_buf_printf(out, ",\"running\":%s,\"cursor\":%llu,\"lag\":%llu,\"sent\":%llu,\"failed\":%llu,\"quarantined\":%llu",
                   pump->enabled && hub_agent_may_call(agent) ? "true" : "false", (unsigned long long)cursor,
                   (unsigned long long)lag_of(agent, row, view, cursor), (unsigned long long)pump->sent, (unsigned long long)pump->failed,
                   (unsigned long long)pump->quarantined);
    int64_t now = hub_now_ms();
    hub_buf_printf(out, ",\"rates\":{\"sentPerMinute\":%llu,\"failedPerMinute\":%llu}",
                   (unsigned long long)hub_rate_read(pump->sent_rate, now), (unsigned long long)hub_rate_read(pump->failed_rate, now));
    hub_delivery_add_time(out, "lastSuccess", pump->last_success);
    hub_delivery_add_time(out, "lastErrorAt", pump->last_error_at);
    hub_buf_add_str(out, ",\"lastError\":");
    hub_buf_add_json(out, pump->last_error ? hub_slice_str(pump->last_error) : HUB_SLICE_NONE);
    hub_delivery_add_time(out, "backoffUntil", agent->push ? agent->push->backoff_until : 0);
    hub_buf_add_char(out, '}');
}

void hub_push_describe(hub_agent_t *agent, hub_view_t *view, hub_buf_t *out)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++) {
        if (i)
            hub_buf_add_char(out, ',');
        describe(agent, i, view, out);
    }
}
