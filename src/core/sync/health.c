/* What calls and settings say about a peer: integrationStatus and statusDescription, written only when they change. Home worker only, but
 * for the operation's apply. */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "connector/connector.h"
#include "pull.h"
#include "push.h"

#define OFFLINE_AFTER 3u /* calls in a row that did not get through */
#define SLOW_MS 5000u    /* average answer time that is reported */
#define DESCRIPTION_MAX 1000u
#define OLD_TOKEN_MS (24ll * 3600 * 1000) /* decision J: so long an old token may live on unnoticed */

static const char refused_token[] =
    "The partner answered 401 Unauthorized: it no longer accepts our token. Start the credentials exchange again "
    "(retryCredentialsExchange) or ask the partner for a new registration token.";
static const char not_reached[] = "The partner cannot be reached";
static const char busy[] = "The partner answers with errors of its own";
static const char slow[] = "The partner answers slowly";
static const char old_token[] = "The partner has not used its new token";
static const char refusing[] = "The partner refuses some objects: see the quarantine of this integration.";

/* ---- what should be shown ---- */

typedef struct hub_verdict {
    hub_integration_status_t status;
    hub_buf_t text;
} hub_verdict_t;

static void add_trouble(hub_agent_t *agent, hub_verdict_t *verdict)
{
    const struct hub_health *health = &agent->health;
    hub_slice_t detail = hub_slice_str(health->detail);
    verdict->status = HUB_STATUS_DEGRADED;
    if (agent->unauthorized) {
        verdict->status = HUB_STATUS_FAILED;
        hub_buf_add_str(&verdict->text, refused_token);
    } else if (health->failures) {
        if (health->failures >= OFFLINE_AFTER)
            verdict->status = HUB_STATUS_OFFLINE;
        hub_buf_printf(&verdict->text, "%s (%.*s). We go on trying; what changes meanwhile is sent when it is back.", not_reached,
                       HUB_SLICE_FMT(detail));
    } else if (health->busy) {
        hub_buf_printf(&verdict->text, "%s (%.*s). We try again with growing pauses.", busy, HUB_SLICE_FMT(detail));
    } else if (hub_push_refused(agent)) {
        hub_buf_add_str(&verdict->text, refusing);
    } else if (hub_pull_failing(agent)) {
        verdict->status = HUB_STATUS_DEGRADED; /* the notes say what */
    } else if (health->slow_ms > SLOW_MS) {
        hub_buf_printf(&verdict->text, "%s.", slow);
    } else {
        verdict->status = HUB_STATUS_CONNECTED;
    }
}

static bool starts(hub_slice_t s, const char *with)
{
    return hub_slice_starts(s, hub_slice_str(with));
}

/* Texts that this file wrote; others (the handshake's) stay until we have something to say. */
static bool ours(hub_slice_t text)
{
    return !text.len || starts(text, refused_token) || starts(text, not_reached) || starts(text, busy) || starts(text, slow) ||
           starts(text, refusing) || starts(text, old_token) || starts(text, HUB_PUSH_NOTE) || starts(text, HUB_PULL_NOTE);
}

/* Decision J: after an update both tokens open our door until the new one is used. */
static void add_old_token(const hub_agent_t *agent, hub_buf_t *out)
{
    hub_core_t *core = agent->worker->core;
    int64_t since = agent->integration->previous_since;
    hub_registration_t registration;
    hub_view_t *view;
    char text[OCPI_TIME_MAX + 1];
    if (!since || hub_now_ms() - since < OLD_TOKEN_MS || hub_view_open(core->store, &view) != HUB_EOK)
        return;
    hub_pool_t *pool = hub_pool_create();
    bool waits = hub_registration_get(core, view, pool, agent->tenant, agent->id, &registration) == HUB_EOK && registration.previous_since;
    hub_view_close(view);
    hub_pool_destroy(pool);
    if (!waits)
        return;
    (void)ocpi_time_format(since, text);
    hub_buf_printf(out, "%s%s since %s: the old one stays valid until it does (or is ended by revokeOld).", out->len ? " " : "", old_token,
                   text);
}

static bool may_judge(hub_integration_status_t status, hub_slice_t text)
{
    return status == HUB_STATUS_CONNECTED || status == HUB_STATUS_DEGRADED || status == HUB_STATUS_OFFLINE ||
           (status == HUB_STATUS_FAILED && starts(text, refused_token));
}

/* False: nothing to write. */
static bool judge_connector(hub_agent_t *agent, hub_verdict_t *verdict)
{
    const hub_integration_t *now = agent->integration;
    return now->connector->active && hub_connector_judge(agent, &verdict->status, &verdict->text) &&
           (verdict->status != now->status || !hub_slice_eq(hub_buf_slice(&verdict->text), now->status_description));
}

static bool judge(hub_agent_t *agent, hub_verdict_t *verdict)
{
    const hub_integration_t *now = agent->integration;
    if (now->connector)
        return judge_connector(agent, verdict);
    if (!now->enabled || !now->authorized || !may_judge(now->status, now->status_description))
        return false;
    if (agent->health.known)
        add_trouble(agent, verdict);
    else if (now->status != HUB_STATUS_CONNECTED)
        return false; /* nothing heard yet: what was last known stays */
    else
        verdict->status = HUB_STATUS_CONNECTED;
    hub_push_notes(agent, &verdict->text);
    hub_pull_notes(agent, &verdict->text);
    add_old_token(agent, &verdict->text);
    if (verdict->text.len > DESCRIPTION_MAX)
        verdict->text.len = DESCRIPTION_MAX;
    if (verdict->status != now->status)
        return true;
    if (!verdict->text.len && !ours(now->status_description))
        return false;
    return !hub_slice_eq(hub_buf_slice(&verdict->text), now->status_description) && (verdict->text.len || now->status_description.len);
}

/* ---- writing it ---- */

typedef struct hub_status_write {
    hub_op_t op; /* first */
    hub_agent_t *agent;
    hub_core_t *core;
    hub_pool_t *pool;
    uint32_t tenant, id;
    hub_integration_status_t status;
    hub_slice_t text, error;
    int64_t now;
    bool connector;
} hub_status_write_t;

static bool may_write(const hub_status_write_t *write, const hub_registration_t *registration)
{
    if (write->connector)
        return registration->status != HUB_STATUS_DRAFT;
    return registration->authorized && may_judge(registration->status, registration->status_description);
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_status_write_t *write = (hub_status_write_t *)op;
    hub_pool_t *pool = hub_pool_create();
    hub_registration_t registration;
    hub_err_t err = hub_registration_get(write->core, view, pool, write->tenant, write->id, &registration);
    /* The handshake may have gone on meanwhile: then its word counts. */
    if (err == HUB_EOK && may_write(write, &registration)) {
        registration.status = write->status;
        registration.status_description = write->text;
        if (write->status == HUB_STATUS_CONNECTED) {
            registration.last_ok = write->now;
        } else {
            registration.last_error_at = write->now;
            registration.last_error = write->error;
        }
        err = hub_registration_put(write->core, view, write->tenant, write->id, &registration);
    }
    hub_pool_destroy(pool);
    return err;
}

static void written(hub_op_t *op)
{
    hub_status_write_t *write = (hub_status_write_t *)op;
    hub_agent_t *agent = write->agent;
    agent->health.writing = false;
    if (op->err)
        hub_log(HUB_WARN, "agent.status", HUB_INT("integration", agent->id), HUB_STR("error", hub_err_info(op->err)->name));
    else
        hub_log(HUB_INFO, "integration.status", HUB_INT("integration", agent->id),
                HUB_STR("status", hub_integration_status_name(write->status)), HUB_SLICE("description", write->text));
    hub_err_t err = op->err;
    hub_pool_destroy(write->pool);
    /* What was reported meanwhile is judged against what has just been written. */
    hub_agents_commit(agent->worker);
    if (err == HUB_EOK)
        hub_agent_judge(agent);
    hub_agent_release(agent);
}

void hub_agent_judge(hub_agent_t *agent)
{
    if (agent->gone || agent->worker->stopping || agent->health.writing)
        return;
    hub_pool_t *pool = hub_pool_create();
    hub_verdict_t verdict = {.text = HUB_BUF_INIT(pool)};
    if (!judge(agent, &verdict)) {
        hub_pool_destroy(pool);
        return;
    }
    hub_status_write_t *write = HUB_POOL_NEW(pool, hub_status_write_t);
    *write = (hub_status_write_t){.op = {.apply = apply, .done = written, .reply_to = agent->worker->mailbox},
                                  .agent = agent,
                                  .core = agent->worker->core,
                                  .pool = pool,
                                  .tenant = agent->tenant,
                                  .id = agent->id,
                                  .status = verdict.status,
                                  .text = hub_buf_slice(&verdict.text),
                                  .error = hub_pool_copy(pool, hub_slice_str(agent->health.detail)),
                                  .now = hub_now_ms(),
                                  .connector = agent->integration->connector != NULL};
    if (hub_store_submit(agent->worker->core->store, &write->op) != HUB_EOK) {
        hub_pool_destroy(pool); /* the next call judges again */
        return;
    }
    agent->health.writing = true;
    hub_agent_hold(agent);
}

/* ---- reports ---- */

static void set_detail(hub_agent_t *agent, const char *what, hub_slice_t detail)
{
    hub_pool_t *pool = hub_pool_create();
    hub_slice_t text = detail.len ? hub_pool_printf(pool, "%s: %.*s", what, HUB_SLICE_FMT(detail)) : hub_slice_str(what);
    size_t len = hub_slice_utf8_cut(text, sizeof agent->health.detail - 1).len;
    for (size_t i = 0; i < len; i++)
        agent->health.detail[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
    agent->health.detail[len] = 0;
    hub_pool_destroy(pool);
}

static void set_answer_detail(hub_agent_t *agent, int http_status, int ocpi_status, hub_slice_t detail)
{
    char what[64] = "";
    hub_buf_t out = HUB_BUF_INIT(NULL);
    hub_buf_printf(&out, "HTTP %d", http_status);
    if (ocpi_status)
        hub_buf_printf(&out, ", OCPI status %d", ocpi_status);
    memcpy(what, out.ptr, out.len < sizeof what ? out.len : sizeof what - 1);
    hub_buf_finish(&out);
    set_detail(agent, what, detail);
}

void hub_agent_report(hub_agent_t *agent, hub_err_t err, int http_status, int ocpi_status, hub_slice_t detail)
{
    struct hub_health *health = &agent->health;
    if (err == HUB_ESTOPPING || agent->gone)
        return;
    health->known = true;
    health->busy = false;
    if (err) {
        health->failures++;
        set_detail(agent, hub_err_info(err)->text, detail);
    } else {
        health->failures = 0;
        agent->unauthorized = http_status == 401;
        health->busy = http_status == 429 || http_status >= 500 || http_status / 100 == 3 || ocpi_status >= 3000;
        set_answer_detail(agent, http_status, ocpi_status, detail);
    }
    hub_agent_judge(agent);
}
