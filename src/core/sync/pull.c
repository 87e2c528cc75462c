/* Pull: which jobs run, and when. Full at first and every schedule.fullHours, by date_from every deltaMinutes, with jitter. One run of a
 * job at a time. The walk is crawl.c. Home worker only. */
#include "pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crawl.h"

#define DELTA_MINUTES 60
#define FULL_HOURS 168
#define RETRY_FIRST_MS 10000u
#define RETRY_MOST_MS 3600000u
#define START_SPREAD_MS 3000u /* overdue pulls after a restart do not all begin at once */

const hub_pull_row_t hub_pull_rows[HUB_PULL_ROWS] = {
    {HUB_MODEL_PULL_TARIFF, "pullTariff", OCPI_MODULE_TARIFFS, .details = false},
    {HUB_MODEL_PULL_LOCATION, "pullLocation", OCPI_MODULE_LOCATIONS, .details = false},
    {HUB_MODEL_PULL_TOKENS_ALL, "pullTokensAll", OCPI_MODULE_TOKENS, .all = true},
    {HUB_MODEL_PULL_SESSION, "pullSession", OCPI_MODULE_SESSIONS, .since = true, .lasts = true},
    {HUB_MODEL_PULL_CDR, "pullCdr", OCPI_MODULE_CDRS, .lasts = true},
    {HUB_MODEL_PULL_VERSION_DETAILS, "pullVersionDetails", OCPI_MODULE_VERSIONS, .details = true},
};

static void set_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
    to[hub_slice_utf8_cut(hub_slice_str(to), size).len] = 0;
}

/* ---- version details ---- */

typedef struct hub_details_op {
    hub_op_t op; /* first */
    hub_pull_job_t *job;
    hub_agent_t *agent;
    hub_core_t *core;
    uint32_t tenant, id;
    hub_pull_state_t state;
} hub_details_op_t;

/* The handshake does what the registration wants, at the commit of this. */
static hub_err_t apply_details(hub_view_t *view, hub_op_t *op)
{
    hub_details_op_t *details = (hub_details_op_t *)op;
    hub_pool_t *pool = hub_pool_create();
    hub_registration_t registration;
    hub_err_t err = hub_registration_get(details->core, view, pool, details->tenant, details->id, &registration);
    if (err == HUB_EOK && registration.authorized && registration.wanted == HUB_WANT_NOTHING) {
        registration.wanted = HUB_WANT_DETAILS;
        err = hub_registration_put(details->core, view, details->tenant, details->id, &registration);
    }
    hub_pool_destroy(pool);
    return err ? err : hub_pull__put(view, details->id, OCPI_MODULE_VERSIONS, &details->state);
}

static void details_done(hub_op_t *op)
{
    hub_details_op_t *details = (hub_details_op_t *)op;
    hub_pull_job_t *job = details->job;
    hub_agent_t *agent = details->agent;
    hub_err_t err = op->err;
    job->busy = job->running = false;
    if (!err)
        job->state = details->state;
    free(details);
    hub_pull__over(job, err ? hub_err_info(err)->text : NULL);
    hub_agent_release(agent);
}

static void start_details(hub_pull_job_t *job)
{
    hub_agent_t *agent = job->pull->agent;
    hub_details_op_t *details = malloc(sizeof *details);
    HUB_ASSERT(details);
    *details = (hub_details_op_t){.op = {.apply = apply_details, .done = details_done, .reply_to = agent->worker->mailbox},
                                  .job = job,
                                  .agent = agent,
                                  .core = agent->worker->core,
                                  .tenant = agent->tenant,
                                  .id = agent->id,
                                  .state = job->state};
    details->state.last_full = details->state.last_start = details->state.last_success = hub_now_ms();
    if (hub_store_submit(agent->worker->core->store, &details->op) != HUB_EOK) {
        free(details);
        hub_pull__over(job, "the write queue is full");
        return;
    }
    job->running = job->busy = true;
    hub_agent_hold(agent);
}

/* ---- running ---- */

static const char *why_not(const hub_agent_t *agent, const hub_pull_row_t *row, char *text, size_t size)
{
    const hub_integration_t *from = agent->integration;
    if (!from->is_ocpi || !from->enabled || !from->authorized) {
        snprintf(text, size, "the integration is not connected");
        return text;
    }
    if (row->details)
        return NULL;
    if (!(ocpi_role_sides(from->customer_roles, row->module) & OCPI_RECEIVER))
        snprintf(text, size, "with our customerRoles we do not receive %s", ocpi_module_name(row->module));
    else if (!hub_integration_endpoint(from, row->module, OCPI_SENDER))
        snprintf(text, size, "the partner offers no %s SENDER endpoint", ocpi_module_name(row->module));
    else
        return NULL;
    return text;
}

static const hub_pull_row_t *row_of(ocpi_module_t module)
{
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        if (hub_pull_rows[i].module == module)
            return &hub_pull_rows[i];
    return NULL;
}

hub_slice_t hub_pull_names(hub_pool_t *pool)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        hub_buf_printf(&out, "%s%s", i ? ", " : "", ocpi_module_name(hub_pull_rows[i].module));
    return hub_buf_slice(&out);
}

bool hub_pull_knows(ocpi_module_t module)
{
    return row_of(module) != NULL;
}

bool hub_pull_why_not(const hub_agent_t *agent, ocpi_module_t module, char *text, size_t size)
{
    const hub_pull_row_t *row = row_of(module);
    if (row)
        return why_not(agent, row, text, size) != NULL;
    snprintf(text, size, "this module cannot be pulled");
    return true;
}

uint32_t hub_pull_wanted(const hub_agent_t *agent)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        if (agent->integration->models & hub_pull_rows[i].model)
            mask |= 1u << hub_pull_rows[i].module;
    return mask;
}

bool hub_pull__may_go_on(const hub_pull_job_t *job)
{
    char text[160];
    return !job->pull->ended && (job->enabled || job->forced) && hub_agent_may_call(job->pull->agent) &&
           !why_not(job->pull->agent, job->row, text, sizeof text);
}

static void start(hub_pull_job_t *job, bool full)
{
    const hub_port_t *port = &job->pull->agent->worker->port;
    char text[160];
    port->timer_stop(port->self, &job->timer);
    if (job->running) {
        job->again = true;
        job->again_full = job->again_full || full;
    } else if (hub_agent_may_call(job->pull->agent) && !why_not(job->pull->agent, job->row, text, sizeof text)) {
        if (job->row->details)
            start_details(job);
        else
            hub_crawl__start(job, full);
    }
}

static int64_t full_ms(const hub_integration_t *from)
{
    return (from->full_hours ? (int64_t)from->full_hours : FULL_HOURS) * 3600000;
}

static int64_t delta_ms(const hub_integration_t *from)
{
    return (from->delta_minutes ? (int64_t)from->delta_minutes : DELTA_MINUTES) * 60000;
}

static bool full_is_due(const hub_pull_job_t *job)
{
    return !job->state.last_full || hub_now_ms() >= job->state.last_full + full_ms(job->pull->agent->integration);
}

static uint64_t pause_after_failures(const hub_pull_job_t *job, uint64_t most)
{
    uint64_t ms = RETRY_FIRST_MS;
    for (unsigned i = 1; i < job->failures && ms < RETRY_MOST_MS; i++)
        ms *= 2;
    if (ms > most)
        ms = most;
    return ms / 2 + hub_jitter((uint32_t)(ms / 2) + 1);
}

/* The moment of the next run, and the timer for it. */
static void plan(hub_pull_job_t *job)
{
    const hub_integration_t *from = job->pull->agent->integration;
    const hub_port_t *port = &job->pull->agent->worker->port;
    int64_t now = hub_now_ms(), interval = job->row->details ? full_ms(from) : delta_ms(from), due = now;
    if (!job->enabled || job->running)
        return;
    if (job->failures) {
        due = now + (int64_t)pause_after_failures(job, RETRY_MOST_MS);
    } else if (job->state.last_start) {
        int64_t full = job->state.last_full + full_ms(from);
        due = job->state.last_start + interval;
        if (full < due)
            due = full;
        due = due > now ? due + hub_jitter((uint32_t)(interval / 10 < 600000 ? interval / 10 : 600000) + 1)
                        : now + hub_jitter(START_SPREAD_MS);
    }
    job->next = due;
    port->timer_start(port->self, &job->timer, due > now ? (uint64_t)(due - now) : 1);
}

static void on_timer(hub_timer_t *timer)
{
    hub_pull_job_t *job = timer->arg;
    if (!job->running) {
        start(job, full_is_due(job));
    } else if (!job->busy) {
        if (hub_pull__may_go_on(job)) {
            hub_crawl__go_on(job);
        } else {
            hub_crawl__drop(job);
            hub_pull__over(job, "stopped");
        }
    }
}

void hub_pull__wait(hub_pull_job_t *job, uint64_t ms)
{
    const hub_port_t *port = &job->pull->agent->worker->port;
    port->timer_start(port->self, &job->timer, ms);
}

/* What was pulled under another registration says nothing about what the next one gives. */
static void forget(hub_pull_job_t *job)
{
    memset(&job->state, 0, sizeof job->state);
    hub_pull__save(job);
}

void hub_pull__over(hub_pull_job_t *job, const char *error)
{
    hub_pull_t *pull = job->pull;
    if (pull->ended) {
        hub_pull__free_if_ended(pull);
        return;
    }
    if (!pull->agent->integration->authorized && job->state.last_start)
        forget(job);
    bool on = hub_pull__may_go_on(job), again = job->again, full = job->again_full;
    job->again = job->again_full = false;
    if (!again)
        job->forced = false;
    if (error && on) {
        job->failures++;
        job->state.last_error_at = hub_now_ms();
        set_text(job->state.last_error, sizeof job->state.last_error, error);
        hub_log(HUB_WARN, "pull.failed", HUB_INT("integration", pull->agent->id), HUB_STR("module", ocpi_module_name(job->row->module)),
                HUB_STR("error", job->state.last_error), HUB_INT("failures", job->failures), HUB_INT("pages", job->pages),
                HUB_INT("objects", job->received));
        hub_pull__save(job);
    } else if (!error) {
        job->failures = 0;
    }
    if (again)
        start(job, full);
    else
        plan(job);
    hub_agent_judge(pull->agent);
}

/* ---- following ---- */

static hub_pull_t *create(hub_agent_t *agent)
{
    hub_pull_t *pull = calloc(1, sizeof *pull);
    HUB_ASSERT(pull);
    pull->agent = agent;
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++) {
        pull->jobs[i].pull = pull;
        pull->jobs[i].row = &hub_pull_rows[i];
        pull->jobs[i].timer = (hub_timer_t){.run = on_timer, .arg = &pull->jobs[i]};
    }
    return pull;
}

static void load(hub_pull_t *pull)
{
    hub_view_t *view;
    if (hub_view_open(pull->agent->worker->core->store, &view) != HUB_EOK)
        return;
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        if (!pull->jobs[i].loaded)
            hub_pull__load(&pull->jobs[i], view);
    hub_view_close(view);
}

static void switch_job(hub_pull_job_t *job, const hub_integration_t *old)
{
    hub_agent_t *agent = job->pull->agent;
    const hub_integration_t *now = agent->integration;
    const hub_port_t *port = &agent->worker->port;
    char text[160];
    bool on = (now->models & job->row->model) && !why_not(agent, job->row, text, sizeof text);
    bool was = job->enabled;
    job->enabled = on;
    if (!on && was && !job->running)
        port->timer_stop(port->self, &job->timer);
    if (!on || job->running)
        return;
    bool switched = old && !(old->models & job->row->model);
    bool rescheduled = old && (old->delta_minutes != now->delta_minutes || old->full_hours != now->full_hours);
    bool healed = old && (!hub_slice_eq(old->their_token, now->their_token) || old->status == HUB_STATUS_FAILED);
    if (healed)
        job->failures = 0;
    if (job->row->details && !job->state.last_start && !switched) {
        /* The handshake has just read them. */
        job->state.last_full = job->state.last_start = hub_now_ms();
    }
    if (switched && job->row->details)
        start(job, true);
    else if (!was || switched || rescheduled || healed)
        plan(job);
}

static void unregistered(hub_pull_t *pull)
{
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++) {
        hub_pull_job_t *job = &pull->jobs[i];
        if (!job->state.last_start || job->running)
            continue;
        forget(job);
    }
}

/* Most partners are not pulled from: nothing is kept in memory for those. */
static bool is_needed(const hub_agent_t *agent)
{
    return agent->pull || hub_pull_wanted(agent) || (!agent->integration->authorized && hub_pull__remembered(agent));
}

void hub_pull_follow(hub_agent_t *agent, const hub_integration_t *old)
{
    if (!agent->integration->is_ocpi || agent->gone || agent->worker->stopping || !is_needed(agent))
        return;
    if (!agent->pull)
        agent->pull = create(agent);
    load(agent->pull);
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        switch_job(&agent->pull->jobs[i], old);
    if (!agent->integration->authorized)
        unregistered(agent->pull);
}

void hub_pull__now(hub_agent_t *agent, uint32_t modules, bool full, bool forced)
{
    if (!agent->pull && forced) {
        agent->pull = create(agent);
        load(agent->pull);
    }
    hub_pull_t *pull = agent->pull;
    for (unsigned i = 0; i < HUB_PULL_ROWS && pull; i++) {
        hub_pull_job_t *job = &pull->jobs[i];
        if (!(modules & 1u << job->row->module) || (!job->enabled && !forced))
            continue;
        job->forced = job->forced || forced;
        job->failures = 0;
        start(job, full);
    }
}

void hub_pull_now(hub_agent_t *agent, uint32_t modules, bool full)
{
    hub_pull__now(agent, modules, full, false);
}

void hub_pull_end(hub_agent_t *agent)
{
    hub_pull_t *pull = agent->pull;
    const hub_port_t *port = &agent->worker->port;
    if (!pull)
        return;
    agent->pull = NULL;
    pull->ended = true;
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++) {
        hub_pull_job_t *job = &pull->jobs[i];
        port->timer_stop(port->self, &job->timer);
        if (job->running && !job->busy)
            hub_crawl__drop(job);
    }
    hub_pull__free_if_ended(pull);
}

void hub_pull__free_if_ended(hub_pull_t *pull)
{
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++)
        if (pull->jobs[i].busy || pull->jobs[i].running)
            return;
    free(pull);
}

/* ---- what people see ---- */

void hub_pull_notes(hub_agent_t *agent, hub_buf_t *out)
{
    char text[160];
    const hub_integration_t *from = agent->integration;
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++) {
        const hub_pull_row_t *row = &hub_pull_rows[i];
        if (!(from->models & row->model) || !from->authorized || !from->enabled)
            continue;
        if (why_not(agent, row, text, sizeof text))
            hub_buf_printf(out, "%s" HUB_PULL_NOTE "%s is on but %s.", out->len ? " " : "", row->flag, text);
        else if (agent->pull && agent->pull->jobs[i].failures)
            hub_buf_printf(out, "%s" HUB_PULL_NOTE "%s does not work: %s.", out->len ? " " : "", row->flag,
                           agent->pull->jobs[i].state.last_error);
        else if (agent->pull && agent->pull->jobs[i].state.alert[0])
            hub_buf_printf(out, "%s" HUB_PULL_NOTE "%s", out->len ? " " : "", agent->pull->jobs[i].state.alert);
    }
}

bool hub_pull_failing(const hub_agent_t *agent)
{
    for (unsigned i = 0; i < HUB_PULL_ROWS && agent->pull; i++)
        if (agent->pull->jobs[i].enabled && agent->pull->jobs[i].failures)
            return true;
    return false;
}

static void describe(hub_agent_t *agent, unsigned i, hub_buf_t *out)
{
    static const hub_pull_job_t none = {0};
    char text[160];
    const hub_pull_row_t *row = &hub_pull_rows[i];
    const hub_pull_job_t *job = agent->pull ? &agent->pull->jobs[i] : &none;
    const hub_pull_state_t *state = &job->state;
    const char *why = why_not(agent, row, text, sizeof text);
    hub_buf_printf(out, "{\"module\":\"%s\",\"direction\":\"pull\",\"flag\":\"%s\",\"enabled\":%s,\"endpoint\":%s,\"whyNot\":",
                   ocpi_module_name(row->module), row->flag, agent->integration->models & row->model ? "true" : "false",
                   row->details || hub_integration_endpoint(agent->integration, row->module, OCPI_SENDER) ? "true" : "false");
    hub_buf_add_json(out, why ? hub_slice_str(why) : HUB_SLICE_NONE);
    hub_buf_printf(
        out, ",\"running\":%s,\"full\":%s,\"pages\":%u,\"received\":%llu,\"refused\":%llu,\"totalCount\":", job->running ? "true" : "false",
        job->full ? "true" : "false", job->pages, (unsigned long long)job->received, (unsigned long long)job->bad);
    if (job->has_total)
        hub_buf_add_u64(out, job->total);
    else
        hub_buf_add_str(out, "null");
    hub_buf_printf(out, ",\"wrongTotal\":%s", job->wrong_total ? "true" : "false");
    int64_t now = hub_now_ms();
    hub_buf_printf(out, ",\"rates\":{\"receivedPerMinute\":%llu,\"refusedPerMinute\":%llu}",
                   (unsigned long long)hub_rate_read(job->received_rate, now), (unsigned long long)hub_rate_read(job->refused_rate, now));
    hub_delivery_add_time(out, "cursor", state->last_start); /* the next delta asks from here on, less an hour */
    hub_buf_add_str(out, ",\"lag\":null");
    hub_delivery_add_time(out, "lastFull", state->last_full);
    hub_delivery_add_time(out, "lastDelta", state->last_delta);
    hub_delivery_add_time(out, "lastSuccess", state->last_success);
    hub_delivery_add_time(out, "lastErrorAt", state->last_error_at);
    hub_buf_add_str(out, ",\"lastError\":");
    hub_buf_add_json(out, state->last_error[0] ? hub_slice_str(state->last_error) : HUB_SLICE_NONE);
    hub_buf_add_str(out, ",\"alert\":");
    hub_buf_add_json(out, state->alert[0] ? hub_slice_str(state->alert) : HUB_SLICE_NONE);
    hub_delivery_add_time(out, "next", job->enabled && !job->running ? job->next : 0);
    hub_buf_add_char(out, '}');
}

void hub_pull_describe(hub_agent_t *agent, hub_buf_t *out)
{
    if (!agent->pull && agent->integration->is_ocpi && !agent->worker->stopping && hub_pull__remembered(agent)) {
        agent->pull = create(agent);
        load(agent->pull);
    }
    for (unsigned i = 0; i < HUB_PULL_ROWS; i++) {
        if (i)
            hub_buf_add_char(out, ',');
        describe(agent, i, out);
    }
}
