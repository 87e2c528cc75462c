/* /v1/integrations/{id}/credentials-exchange and …/unregister. */
#include "handshake.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

typedef struct request {
    hub_agent_task_t task; /* first: to the home worker */
    hub_task_t back;
    hub_exchange_t *x;
    hub_integration_t *integration;
    hub_slice_t status;
    hub_err_t err;
} request_t;

static void unref(void *integration)
{
    hub_integration_unref(integration);
}

/* The integration of the path; NULL: answered already. */
static hub_integration_t *find(hub_exchange_t *x)
{
    uint32_t id;
    hub_integration_t *integration = NULL;
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_id(x, &id))
        return NULL;
    hub_err_t err = hub_integration_get(x->worker, view, x->state->tenant, id, &integration);
    if (err) {
        hub_reply_problem(x, err, err == HUB_ENOT_FOUND ? HUB_SLICE_LIT("no such integration") : HUB_SLICE_NONE);
        return NULL;
    }
    hub_pool_link(x->pool, unref, integration);
    return integration;
}

/* An integration of type OCPI, as only that has credentials. */
static hub_integration_t *find_ocpi(hub_exchange_t *x)
{
    hub_integration_t *integration = find(x);
    if (integration && !integration->is_ocpi) {
        hub_reply_problem(x, HUB_EINVALID, HUB_SLICE_LIT("only integrations of type OCPI exchange credentials"));
        return NULL;
    }
    return integration;
}

static hub_slice_t status_json(hub_pool_t *pool, hub_integration_status_t status, hub_slice_t description)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_printf(&out, "{\"integrationStatus\":\"%s\",\"statusDescription\":", hub_integration_status_name(status));
    hub_buf_add_json(&out, description.len ? description : HUB_SLICE_NONE);
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

/* ---- start ---- */

static hub_err_t start_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    request_t *request = write->arg;
    hub_core_t *core = write->x->worker->core;
    const hub_integration_t *seen = request->integration;
    hub_integration_t *now;
    hub_registration_t reg;
    hub_pool_t *pool = hub_pool_create();
    hub_err_t err = hub_integration_load(core, view, seen->tenant, seen->id, &now);
    if (err) {
        hub_pool_destroy(pool);
        return err;
    }
    err = hub_registration_get(core, view, pool, now->tenant, now->id, &reg);
    if (!err && reg.authorized) { /* from either side */
        reg.wanted = HUB_WANT_PUT;
        reg.command++;
        err = hub_registration_put(core, view, now->tenant, now->id, &reg);
    } else if (!err) {
        err = hub_registration_follow(core, view, pool, now, now, true);
    }
    if (!err)
        err = hub_registration_get(core, view, pool, now->tenant, now->id, &reg);
    if (!err)
        request->status = status_json(write->x->pool, reg.status, reg.status_description);
    hub_integration_unref(now);
    hub_pool_destroy(pool);
    return err;
}

static void start_done(hub_write_t *write)
{
    request_t *request = write->arg;
    if (write->op.err)
        hub_reply_problem(write->x, write->op.err, HUB_SLICE_NONE);
    else
        hub_reply_json(write->x, 202, request->status);
}

static const char *missing(const hub_integration_t *integration)
{
    if (!integration->enabled)
        return "the integration is not enabled";
    if (!integration->has_initial_role)
        return "/ocpiConnection/initialRole is not set: SENDER when we start, RECEIVER when the partner does";
    if (integration->authorized || !integration->initial_sender)
        return NULL;
    if (!integration->endpoint_url.len)
        return "/ocpiConnection/endpointUrl is not set: the partner's versions URL";
    return integration->initial_token.len ? NULL : "/ocpiConnection/initialToken is not set: the partner's token A";
}

void hub_v1_exchange_start(hub_exchange_t *x)
{
    hub_integration_t *integration = find_ocpi(x);
    if (!integration)
        return;
    const char *why = missing(integration);
    if (why) {
        hub_reply_problem(x, HUB_EINVALID, hub_slice_str(why));
        return;
    }
    request_t *request = HUB_POOL_NEW(x->pool, request_t);
    request->integration = integration;
    hub_exchange_write(x, start_apply, start_done, request);
}

/* ---- transcript ---- */

void hub_v1_exchange_transcript(hub_exchange_t *x)
{
    hub_integration_t *integration = find_ocpi(x);
    hub_view_t *view = integration ? hub_exchange_view(x) : NULL;
    hub_key_t key;
    hub_slice_t steps = HUB_SLICE_NONE;
    if (!view)
        return;
    hub_integration_key(&key, integration->tenant, integration->id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_TRANSCRIPT, &key, &steps);
    if (err && err != HUB_ENOT_FOUND)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    else
        hub_reply_json(x, 200, err ? HUB_SLICE_LIT("[]") : hub_pool_copy(x->pool, steps));
}

/* ---- unregister: the command is stored first, so that it survives; then the home worker carries it out and we wait for it ---- */

static void unregister_reply(hub_task_t *task)
{
    request_t *request = (request_t *)(void *)((char *)task - offsetof(request_t, back));
    hub_exchange_t *x = request->x;
    hub_registration_t reg;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    hub_err_t err = hub_registration_get(x->worker->core, view, x->pool, request->integration->tenant, request->integration->id, &reg);
    if (err || (request->err && reg.status != HUB_STATUS_UNREGISTERED))
        hub_reply_problem(x, err ? err : request->err, HUB_SLICE_NONE);
    else
        hub_reply_json(x, 200, status_json(x->pool, reg.status, reg.status_description));
}

static void unregistered(void *arg, hub_err_t err)
{
    request_t *request = arg;
    request->err = err;
    request->back.run = unregister_reply;
    hub_mailbox_post(request->x->worker->mailbox, &request->back);
}

static void unregister_at_home(hub_agent_task_t *task, hub_agent_t *agent)
{
    request_t *request = (request_t *)task;
    if (agent)
        hub_handshake_unregister(agent, unregistered, request);
    else
        unregistered(request, HUB_ENOT_FOUND);
}

static hub_err_t unregister_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_core_t *core = write->x->worker->core;
    const hub_integration_t *integration = ((request_t *)write->arg)->integration;
    hub_pool_t *pool = hub_pool_create();
    hub_registration_t reg;
    hub_err_t err = hub_registration_get(core, view, pool, integration->tenant, integration->id, &reg);
    if (!err) {
        reg.wanted = HUB_WANT_DELETE;
        reg.command++;
        err = hub_registration_put(core, view, integration->tenant, integration->id, &reg);
    }
    hub_pool_destroy(pool);
    return err;
}

static void unregister_written(hub_write_t *write)
{
    request_t *request = write->arg;
    if (write->op.err) {
        hub_reply_problem(write->x, write->op.err, HUB_SLICE_NONE);
        return;
    }
    request->task.tenant = request->integration->tenant;
    request->task.integration = request->integration->id;
    request->task.run = unregister_at_home;
    hub_agent_post(write->x->worker->core, &request->task);
}

void hub_v1_unregister(hub_exchange_t *x)
{
    hub_integration_t *integration = find_ocpi(x);
    if (!integration)
        return;
    request_t *request = HUB_POOL_NEW(x->pool, request_t);
    request->x = x;
    request->integration = integration;
    hub_exchange_write(x, unregister_apply, unregister_written, request);
}
