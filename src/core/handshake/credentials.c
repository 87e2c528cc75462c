/* The credentials module, /ocpi/{version}/credentials: what a partner asks of us. Rules C4-C15, C25; decisions J and K. */
#include "face.h"
#include "handshake_run.h"
#include "reply.h"

enum { ON_A = 1, ON_SPENT = 2, ON_OURS = 4, ON_PENDING = 8 };

static unsigned kind_bit(uint8_t kind)
{
    switch (kind) {
    case HUB_TOKEN_KIND_A:
        return ON_A;
    case HUB_TOKEN_KIND_A_SPENT:
        return ON_SPENT;
    case HUB_TOKEN_KIND_PENDING:
        return ON_PENDING;
    default:
        return ON_OURS;
    }
}

/* ---- GET: our object with the token that the caller has ---- */

static void get(hub_exchange_t *x)
{
    hub_core_t *core = x->worker->core;
    const hub_integration_t *integration = x->state->integration;
    hub_registration_t reg;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    hub_err_t err = hub_registration_get(core, view, x->pool, integration->tenant, integration->id, &reg);
    unsigned kind = kind_bit(x->state->token_kind);
    hub_slice_t token = kind & (ON_A | ON_SPENT) ? reg.token_a : kind & ON_PENDING ? reg.pending_token : reg.our_token;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    if (!err)
        err = hub_offer_write(core, view, x->pool, integration, x->state->target.version, token, &out);
    if (err == HUB_EINVALID)
        hub_reply_ocpi(x, 200, 3000, HUB_SLICE_LIT("this connection has no party with a role yet"), HUB_SLICE_NONE);
    else if (err)
        hub_reply_ocpi_err(x, err, HUB_SLICE_NONE);
    else
        hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, hub_buf_slice(&out));
}

/* ---- POST and PUT: to the home worker, which asks back at the partner, and then answers ---- */

static void reply(hub_task_t *task)
{
    hub_incoming_t *incoming = (hub_incoming_t *)(void *)((char *)task - offsetof(hub_incoming_t, back));
    if (incoming->err)
        hub_reply_ocpi_err(incoming->x, incoming->err, HUB_SLICE_NONE);
    else
        hub_reply_ocpi(incoming->x, 200, incoming->ocpi_status, incoming->message, incoming->data);
}

void hub_handshake__reply(hub_incoming_t *incoming)
{
    incoming->back.run = reply;
    hub_mailbox_post(incoming->x->worker->mailbox, &incoming->back);
}

typedef struct refusal {
    hub_op_t op; /* first */
    hub_core_t *core;
    hub_pool_t *pool;
    uint32_t tenant, id;
    hub_slice_t text;
} refusal_t;

static hub_err_t refusal_apply(hub_view_t *view, hub_op_t *op)
{
    refusal_t *refusal = (refusal_t *)op;
    hub_registration_t reg;
    hub_err_t err = hub_registration_get(refusal->core, view, refusal->pool, refusal->tenant, refusal->id, &reg);
    if (err)
        return err;
    reg.last_error = reg.status_description = refusal->text;
    reg.last_error_at = hub_now_ms();
    if (!reg.authorized)
        reg.status = HUB_STATUS_FAILED;
    return hub_registration_put(refusal->core, view, refusal->tenant, refusal->id, &reg);
}

static void refusal_done(hub_op_t *op)
{
    hub_pool_destroy(((refusal_t *)op)->pool);
}

/* The operator shall see why the partner was turned away. */
static void note_refusal(hub_exchange_t *x, hub_slice_t why)
{
    hub_pool_t *pool = hub_pool_create();
    refusal_t *refusal = HUB_POOL_NEW(pool, refusal_t);
    *refusal = (refusal_t){.op = {.apply = refusal_apply, .done = refusal_done, .reply_to = x->worker->mailbox},
                           .core = x->worker->core,
                           .pool = pool,
                           .tenant = x->state->tenant,
                           .id = x->state->integration->id,
                           .text = hub_pool_printf(pool, "The partner's credentials were refused (2001): %.*s.", HUB_SLICE_FMT(why))};
    if (hub_store_submit(x->worker->core->store, &refusal->op))
        hub_pool_destroy(pool);
}

static void take(hub_exchange_t *x)
{
    hub_core_t *core = x->worker->core;
    const hub_integration_t *integration = x->state->integration;
    hub_slice_t why = HUB_SLICE_NONE;
    yyjson_val *body = hub_body_json(x, true); /* what is no Credentials object is told to the operator too */
    if (!body)
        return;
    hub_incoming_t *incoming = HUB_POOL_NEW(x->pool, hub_incoming_t);
    incoming->offer.version = x->state->target.version;
    if (hub_offer_read_credentials(core, x->pool, integration, body, &incoming->offer, &why)) {
        note_refusal(x, why);
        hub_reply_ocpi(x, 200, 2001, why, HUB_SLICE_NONE);
        return;
    }
    incoming->x = x;
    incoming->put = x->method == HUB_PUT;
    incoming->token_kind = x->state->token_kind;
    incoming->authorization = x->header[HUB_HEADER_AUTHORIZATION];
    incoming->task.tenant = integration->tenant;
    incoming->task.integration = integration->id;
    incoming->task.run = hub_handshake__incoming;
    hub_exchange_view_close(x);
    hub_agent_post(core, &incoming->task);
}

/* ---- DELETE (C13) ---- */

static hub_err_t end_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_exchange_t *x = write->x;
    hub_core_t *core = x->worker->core;
    uint32_t tenant = x->state->tenant, id = x->state->integration->id;
    hub_pool_t *pool = hub_pool_create();
    hub_registration_t reg;
    hub_err_t err = hub_registration_get(core, view, pool, tenant, id, &reg);
    if (!err && !reg.authorized)
        err = HUB_EMETHOD;
    if (!err)
        err = hub_registration_void(view, &reg);
    if (!err) {
        reg.wanted = HUB_WANT_NOTHING;
        reg.status = HUB_STATUS_UNREGISTERED;
        reg.status_description =
            HUB_SLICE_LIT("The partner has ended the registration. To connect again, start the credentials exchange with a fresh token A.");
        err = hub_registration_put(core, view, tenant, id, &reg);
    }
    hub_pool_destroy(pool);
    return err;
}

static void refuse_method(hub_exchange_t *x, const char *allow, const char *why)
{
    hub_reply_add_header(x, "allow", hub_slice_str(allow));
    hub_reply_ocpi_err(x, HUB_EMETHOD, hub_slice_str(why));
}

static void end_done(hub_write_t *write)
{
    if (write->op.err == HUB_EMETHOD)
        refuse_method(write->x, "GET, HEAD, POST", "this client is not registered");
    else if (write->op.err)
        hub_reply_ocpi_err(write->x, write->op.err, HUB_SLICE_NONE);
    else
        hub_reply_ocpi(write->x, 200, 1000, HUB_SLICE_NONE, HUB_SLICE_NONE);
}

static void end(hub_exchange_t *x)
{
    hub_exchange_write(x, end_apply, end_done, NULL);
}

/* ---- who may do what ---- */

static const struct {
    hub_method_t method;
    unsigned kinds;
    void (*handle)(hub_exchange_t *x);
    const char *allow, *why; /* for the others: 405 (C7, C8, C9) */
} rows[] = {
    {HUB_GET, ON_A | ON_SPENT | ON_OURS | ON_PENDING, get, "", ""},
    {HUB_HEAD, ON_A | ON_SPENT | ON_OURS | ON_PENDING, get, "", ""},
    {HUB_POST, ON_A | ON_SPENT, take, "GET, HEAD, PUT, DELETE", "this client is registered already: update with PUT"},
    {HUB_PUT, ON_OURS, take, "GET, HEAD, POST", "this client is not registered: register with POST"},
    {HUB_DELETE, ON_OURS, end, "GET, HEAD, POST", "this client is not registered"},
};

void hub_ocpi_credentials(hub_exchange_t *x)
{
    unsigned kind = kind_bit(x->state->token_kind);
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        if (rows[i].method != x->method)
            continue;
        if (rows[i].kinds & kind)
            rows[i].handle(x);
        else if (kind & ON_PENDING) /* it may be registered in a moment: the partner knows of our exchange's success before us */
            hub_reply_ocpi_err(x, HUB_EBUSY, HUB_SLICE_LIT("a credentials exchange is under way: try again in a moment"));
        else
            refuse_method(x, rows[i].allow, rows[i].why);
        return;
    }
    hub_reply_ocpi_err(x, HUB_EMETHOD, HUB_SLICE_NONE);
}
