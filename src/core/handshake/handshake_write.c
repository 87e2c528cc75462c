/* The handshake's operations. Each starts from the stored record: what the run saw may have changed meanwhile, then it is HUB_ECONFLICT and
 * nothing happens. */
#include <string.h>

#include "audit/audit.h"
#include "handshake_run.h"
#include "sync/push.h"

/* ---- submitting ---- */

static void written(hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_handshake_t *h = write->h;
    hub_agent_t *agent = write->agent;
    hub_err_t err = op->err;
    hub_agents_commit(agent->worker); /* so that what follows sees what was written; still `writing`, so it leaves this run alone */
    h->writing = false;
    write->then(h, err); /* h may be freed */
    hub_agent_release(agent);
}

void hub_handshake__write(hub_handshake_t *h, hub_err_t (*apply)(hub_view_t *view, hub_op_t *op),
                          void (*then)(hub_handshake_t *h, hub_err_t err), hub_slice_t text, bool final)
{
    hub_agent_t *agent = h->agent;
    hub_handshake_write_t *write = HUB_POOL_NEW(h->pool, hub_handshake_write_t);
    hub_slice_t steps = hub_buf_slice(&h->transcript);
    *write =
        (hub_handshake_write_t){.op = {.apply = apply, .done = written, .reply_to = agent->worker->mailbox},
                                .core = agent->worker->core,
                                .agent = agent,
                                .h = h,
                                .pool = h->pool,
                                .tenant = agent->tenant,
                                .id = agent->id,
                                .transcript = steps.len ? hub_pool_printf(h->pool, "%.*s]", HUB_SLICE_FMT(steps)) : HUB_SLICE_LIT("[]"),
                                .then = then,
                                .text = text,
                                .final = final};
    h->writing = true;
    hub_agent_hold(agent);
    hub_err_t err = hub_store_submit(agent->worker->core->store, &write->op);
    if (!err)
        return;
    h->writing = false;
    then(h, err);
    hub_agent_release(agent);
}

/* ---- what they have in common ---- */

static hub_err_t open_record(hub_view_t *view, const hub_handshake_write_t *write, hub_registration_t *reg)
{
    const hub_registration_t *before = &write->h->before;
    hub_key_t key;
    hub_slice_t settings;
    hub_integration_key(&key, write->tenant, write->id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &settings); /* deleted meanwhile: nothing may come back */
    if (!err)
        err = hub_registration_get(write->core, view, write->pool, write->tenant, write->id, reg);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_ECONFLICT : err;
    bool same = reg->authorized == before->authorized && hub_slice_eq(reg->our_token, before->our_token) &&
                hub_slice_eq(reg->their_token, before->their_token);
    return same ? HUB_EOK : HUB_ECONFLICT;
}

static hub_err_t close_record(hub_view_t *view, const hub_handshake_write_t *write, hub_registration_t *reg)
{
    hub_key_t key;
    hub_integration_key(&key, write->tenant, write->id);
    hub_err_t err = hub_view_put(view, HUB_TABLE_TRANSCRIPT, &key, write->transcript);
    return err ? err : hub_registration_put(write->core, view, write->tenant, write->id, reg);
}

/* The command is carried out, unless another one came meanwhile. */
static void carried_out(const hub_handshake_t *h, hub_registration_t *reg)
{
    if (reg->command == h->command)
        reg->wanted = HUB_WANT_NOTHING;
}

static hub_err_t set_token(hub_view_t *view, const hub_handshake_write_t *write, hub_slice_t *slot, hub_slice_t token,
                           hub_token_kind_t kind)
{
    return hub_registration_token_set(view, write->tenant, write->id, slot, token, kind, false);
}

/* Our new token becomes the current one. `keep` (none: no old one stays) goes on as the previous one until the new one is used (decision
 * J). */
static hub_err_t rotate(hub_view_t *view, const hub_handshake_write_t *write, hub_registration_t *reg, hub_slice_t fresh, hub_slice_t keep)
{
    hub_slice_t *const slots[] = {&reg->our_token, &reg->previous_token};
    hub_err_t err = HUB_EOK;
    for (size_t i = 0; i < HUB_COUNT(slots) && !err; i++)
        err = hub_registration_token_set(view, write->tenant, write->id, slots[i], HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE,
                                         keep.len && hub_slice_eq(*slots[i], keep));
    if (!err)
        err = set_token(view, write, &reg->previous_token, keep, HUB_TOKEN_KIND_PREVIOUS);
    if (!err)
        err = set_token(view, write, &reg->our_token, fresh, HUB_TOKEN_KIND_OURS);
    reg->previous_since = keep.len ? hub_now_ms() : 0;
    reg->token_used = false;
    return err;
}

/* What was found out is kept only where it is not what the version says: an upgrade then sends as its version does. */
static void take_encoding(const hub_handshake_t *h, hub_registration_t *reg)
{
    if (h->switched)
        reg->token_encoding = h->encoding == hub_ocpi_call_encoding(h->offer.version) ? HUB_TOKEN_AUTO : h->encoding;
}

static void take_offer(const hub_handshake_t *h, hub_registration_t *reg)
{
    reg->ocpi_version = h->offer.version;
    reg->details_url = h->offer.details_url;
    reg->endpoints = h->offer.endpoints;
    reg->endpoint_count = h->offer.endpoint_count;
}

static void forget_offer(hub_registration_t *reg)
{
    reg->ocpi_version = 0;
    reg->details_url = HUB_SLICE_NONE;
    reg->endpoints = NULL;
    reg->endpoint_count = 0;
    reg->token_encoding = HUB_TOKEN_AUTO;
}

static void take_credentials(const hub_handshake_t *h, hub_registration_t *reg)
{
    take_offer(h, reg);
    reg->their_token = h->offer.token;
    take_encoding(h, reg);
    reg->versions_url = h->offer.versions_url;
    reg->roles_json = h->offer.roles_json;
    reg->hub_party_id = h->offer.hub_party_id;
    if (!reg->authorized)
        reg->registered_at = hub_now_ms();
    reg->authorized = true;
    reg->status = HUB_STATUS_CONNECTED;
    reg->status_description = HUB_SLICE_NONE;
    reg->last_ok = hub_now_ms();
}

/* The connection moves to another version (C12): what the partner got in the old one it need not see in the new one, so everything is sent
 * again, as to a new partner; all but CDRs, which are sent once. With other roles it sees other sessions and CDRs: those are looked through
 * again, and what it was told already is not told twice. */
static hub_err_t follow_version(hub_view_t *view, const hub_handshake_write_t *write, const hub_registration_t *reg)
{
    const hub_registration_t *before = &write->h->before;
    if (!before->authorized)
        return HUB_EOK;
    if (before->ocpi_version != reg->ocpi_version)
        return hub_push_rewind_all(view, write->id);
    if (hub_slice_eq(before->roles_json, reg->roles_json))
        return HUB_EOK;
    hub_err_t err = hub_push_rewind(view, write->id, OCPI_MODULE_SESSIONS);
    return err ? err : hub_push_rewind(view, write->id, OCPI_MODULE_CDRS);
}

/* ---- the operations ---- */

/* With the token goes where it is sent to: when the answer is lost, and the partner has registered us, token A opens nothing but the same
 * POST again. */
hub_err_t hub_handshake__prepare(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_handshake_t *h = write->h;
    hub_registration_t reg;
    hub_err_t err = open_record(view, write, &reg);
    if (err)
        return err;
    if (!reg.pending_token.len) /* else of an earlier try: the partner may know it already */
        err = set_token(view, write, &reg.pending_token, write->text, HUB_TOKEN_KIND_PENDING);
    h->our_token = reg.pending_token;
    if (!reg.authorized) {
        take_offer(h, &reg);
        take_encoding(h, &reg);
    }
    return err ? err : hub_registration_put_quiet(write->core, view, write->tenant, write->id, &reg);
}

hub_err_t hub_handshake__registered(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_handshake_t *h = write->h;
    hub_registration_t reg;
    hub_err_t err = open_record(view, write, &reg);
    if (!err && !hub_slice_eq(reg.pending_token, h->our_token))
        err = HUB_ECONFLICT;
    if (err)
        return err;
    bool put = h->plan->wanted == HUB_WANT_PUT;
    reg.pending_token = HUB_SLICE_NONE; /* its record becomes the current one's */
    err = rotate(view, write, &reg, h->our_token, put ? reg.our_token : HUB_SLICE_NONE);
    if (err)
        return err;
    take_credentials(h, &reg);
    carried_out(h, &reg);
    err = follow_version(view, write, &reg);
    return err ? err : close_record(view, write, &reg);
}

/* Which of our tokens did the partner come with? HUB_EUNAUTHORIZED: it has ended meanwhile. */
static hub_err_t presented(const hub_handshake_write_t *write, const hub_registration_t *reg, hub_slice_t *keep)
{
    const hub_incoming_t *incoming = write->h->incoming;
    *keep = HUB_SLICE_NONE;
    if (!incoming->put) {
        bool spent = incoming->token_kind == HUB_TOKEN_KIND_A_SPENT;
        bool good = hub_token_presented(write->pool, incoming->authorization, reg->token_a) && !(spent && reg->token_used);
        return good ? HUB_EOK : HUB_EUNAUTHORIZED;
    }
    /* The previous one: the answer to an earlier PUT was lost, so the one that it has goes on living. */
    const hub_slice_t tokens[] = {reg->our_token, reg->previous_token};
    for (size_t i = 0; i < HUB_COUNT(tokens); i++)
        if (hub_token_presented(write->pool, incoming->authorization, tokens[i]))
            *keep = tokens[i];
    return reg->authorized && keep->len ? HUB_EOK : HUB_EUNAUTHORIZED;
}

hub_err_t hub_handshake__answered(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_handshake_t *h = write->h;
    hub_registration_t reg;
    hub_slice_t keep;
    hub_err_t err = open_record(view, write, &reg);
    if (!err)
        err = presented(write, &reg, &keep);
    if (err)
        return err;
    err = set_token(view, write, &reg.pending_token, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE);
    if (!err && !h->incoming->put)
        err = set_token(view, write, &reg.token_a, reg.token_a, HUB_TOKEN_KIND_A_SPENT);
    if (!err)
        err = rotate(view, write, &reg, h->our_token, keep);
    if (err)
        return err;
    take_credentials(h, &reg);
    if (reg.wanted == HUB_WANT_POST)
        reg.wanted = HUB_WANT_NOTHING;
    err = follow_version(view, write, &reg);
    if (!err)
        err = hub_audit_request(view, write->pool, h->incoming->x);
    return err ? err : close_record(view, write, &reg);
}

hub_err_t hub_handshake__refreshed(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_registration_t reg;
    hub_err_t err = open_record(view, write, &reg);
    if (err)
        return err;
    take_offer(write->h, &reg);
    carried_out(write->h, &reg);
    if (hub_slice_eq(reg.status_description, reg.last_error))
        reg.status_description = HUB_SLICE_NONE;
    reg.last_ok = hub_now_ms();
    return close_record(view, write, &reg);
}

#define UNREGISTERED                                                                                                                       \
    "Unregistered; the settings are kept. To connect again, set a fresh token A of the partner as initialToken (initialRole SENDER), or "  \
    "start the credentials exchange, which issues one for the partner (RECEIVER)."

hub_err_t hub_handshake__ended(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_registration_t reg;
    hub_key_t key;
    hub_slice_t settings;
    hub_integration_key(&key, write->tenant, write->id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &settings);
    if (err == HUB_ENOT_FOUND)
        return HUB_EOK;
    if (!err)
        err = hub_registration_get(write->core, view, write->pool, write->tenant, write->id, &reg);
    if (!err)
        err = hub_registration_void(view, &reg);
    if (err)
        return err;
    carried_out(write->h, &reg);
    if (reg.wanted != HUB_WANT_POST) /* all others need the registration that has just ended */
        reg.wanted = HUB_WANT_NOTHING;
    if (reg.status != HUB_STATUS_UNREGISTERED || write->text.len)
        reg.status_description = write->text.len ? write->text : HUB_SLICE_LIT(UNREGISTERED);
    reg.status = HUB_STATUS_UNREGISTERED;
    return close_record(view, write, &reg);
}

/* What is shown while a try has failed. A connection that stands is not given up by a failed rotation. */
static hub_integration_status_t status_after(const hub_handshake_write_t *write, const hub_registration_t *reg)
{
    if (reg->authorized)
        return reg->status;
    if (write->h->incoming) /* the partner may simply try again with token A (C18) */
        return write->h->finding.again ? HUB_STATUS_AWAITING_PARTNER : HUB_STATUS_FAILED;
    return write->final ? HUB_STATUS_FAILED : HUB_STATUS_EXCHANGING;
}

hub_err_t hub_handshake__failed(hub_view_t *view, hub_op_t *op)
{
    hub_handshake_write_t *write = (hub_handshake_write_t *)op;
    hub_registration_t reg;
    hub_err_t err = open_record(view, write, &reg);
    if (!err && write->final && !write->h->incoming) {
        carried_out(write->h, &reg);
        err = set_token(view, write, &reg.pending_token, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE);
        if (!reg.authorized)
            forget_offer(&reg);
    }
    if (err)
        return err;
    reg.status = status_after(write, &reg);
    reg.status_description = write->text;
    reg.last_error_at = hub_now_ms();
    reg.last_error = write->text;
    return close_record(view, write, &reg);
}
