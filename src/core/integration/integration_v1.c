/* /v1/integrations: the handlers. What a request wants is read and checked here, on its worker; what is stored meets it in
 * integration_write.c. */
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "handshake/handshake.h"
#include "idempotency.h"
#include "integration_setting.h"
#include "registration.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

#define REMOVE_STEP 500u /* objects an operation removes: a batch that others wait for only briefly */

/* ---- what is asked for beside the body ---- */

typedef enum prefer { PREFER_NOTHING, PREFER_MINIMAL, PREFER_WHOLE } prefer_t;

/* RFC 7240: the first `return` counts, parameters behind ';' say nothing to us. */
static prefer_t preference(const hub_exchange_t *x)
{
    hub_slice_t rest = x->header[HUB_HEADER_PREFER], one, pair, name;
    while (hub_slice_split(&rest, ',', &one)) {
        hub_slice_split(&one, ';', &pair);
        hub_slice_split(&pair, '=', &name);
        hub_slice_t value = hub_slice_trim(pair);
        if (!hub_slice_caseeq_str(hub_slice_trim(name), "return"))
            continue;
        if (value.len >= 2 && value.ptr[0] == '"')
            value = hub_slice(value.ptr + 1, value.len - 2);
        return hub_slice_caseeq_str(value, "minimal")          ? PREFER_MINIMAL
               : hub_slice_caseeq_str(value, "representation") ? PREFER_WHOLE
                                                               : PREFER_NOTHING;
    }
    return PREFER_NOTHING;
}

static unsigned read_include(hub_exchange_t *x)
{
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {{"all", HUB_INCLUDE_ALL | HUB_INCLUDE_EVERY},
                 {"none", 0},
                 {"locations", HUB_INCLUDE_LOCATIONS},
                 {"tariffs", HUB_INCLUDE_TARIFFS},
                 {"receivedTariffs", HUB_INCLUDE_RECEIVED_TARIFFS}};
    hub_slice_t text, one;
    unsigned include = 0;
    if (!hub_v1_text(x, "include", &text))
        return HUB_INCLUDE_EVERY;
    while (hub_slice_split(&text, ',', &one))
        for (size_t i = 0; i < HUB_COUNT(names); i++)
            include |= hub_slice_eq_str(one, names[i].name) ? names[i].bits : 0;
    return include;
}

bool hub_integration_show_read(hub_exchange_t *x, hub_integration_show_t *show)
{
    hub_slice_t reveal;
    *show = (hub_integration_show_t){.lists = true, .include = read_include(x), .reveal = hub_v1_text(x, "reveal", &reveal)};
    if (!show->reveal || (x->state->permissions & HUB_PERMIT_KEY_ADMIN))
        return true;
    hub_exchange_forbid(x, "KEY.ADMIN", HUB_SLICE_LIT("reveal=secrets needs the permission KEY.ADMIN"));
    return false;
}

/* ---- answers ---- */

static void reply_whole(hub_exchange_t *x, int status, uint32_t id, const hub_integration_show_t *show)
{
    uint64_t version;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    hub_buf_reserve(&out, 4096);
    hub_err_t err = hub_integration_write(x->worker->core, view, x->pool, x->state->tenant, id, show, &out, &version);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_add_etag(x, version);
    hub_reply_json(x, status, hub_buf_slice(&out));
}

void hub_v1_integration_get(hub_exchange_t *x)
{
    uint32_t id;
    hub_integration_show_t show;
    if (!hub_v1_id(x, &id) || !hub_integration_show_read(x, &show))
        return;
    if (show.include & HUB_INCLUDE_ALL)
        hub_integration_stream(x, id, &show);
    else
        reply_whole(x, 200, id, &show);
}

/* ---- create and update ---- */

typedef struct updating {
    hub_integration_change_t change; /* first */
    hub_integration_show_t show;
    hub_idempotency_t idempotency;
} updating_t;

/* What was commanded is stored nowhere, but it was done: the audit log tells it among what is new. */
static hub_slice_t add_commands(const hub_integration_change_t *change, hub_slice_t after)
{
    static const uint8_t commands[] = {S_RETRY, S_REVOKE_OLD};
    hub_buf_t out = HUB_BUF_INIT(change->pool);
    hub_buf_add(&out, hub_slice(after.ptr, after.len - 1));
    for (size_t i = 0; i < HUB_COUNT(commands); i++)
        if (hub_setting_given(&change->in, commands[i]) && hub_setting_true(change->in.json[commands[i]]))
            hub_buf_printf(&out, "%s\"%s\":true", out.len > 1 ? "," : "", hub_integration_settings.rows[commands[i]].name);
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

static hub_err_t apply_change(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    updating_t *u = write->arg;
    hub_integration_change_t *change = &u->change;
    hub_err_t err = hub_idempotency_find(view, &u->idempotency, &change->id);
    change->conflict = err == HUB_ECONFLICT ? HUB_IDEMPOTENCY_CONFLICT : HUB_SLICE_NONE;
    write->audit.skip = u->idempotency.replayed;
    if (err || u->idempotency.replayed)
        return err;
    err = hub_integration_change(view, change);
    if (err)
        return err;
    hub_audit_settings(write, change->create ? hub_pool_printf(change->pool, "/v1/integrations/%u", change->id) : HUB_SLICE_NONE,
                       &hub_integration_settings, change->old, change->now);
    write->audit.after = add_commands(change, write->audit.after);
    return hub_idempotency_note(view, &u->idempotency, change->id);
}

static void reply_refused(hub_exchange_t *x, const hub_integration_change_t *change, hub_err_t err)
{
    if (err == HUB_EINVALID) {
        hub_reply_invalid(x, &change->problems);
        return;
    }
    if (err == HUB_ESTALE || err == HUB_EPRECONDITION)
        hub_v1_tell_version(x, change->version);
    hub_reply_problem(x, err, change->conflict);
}

static void changed(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    updating_t *u = write->arg;
    const hub_integration_change_t *change = &u->change;
    if (write->op.err) {
        reply_refused(x, change, write->op.err);
        return;
    }
    hub_idempotency_tell(x, &u->idempotency);
    if (x->method == HUB_POST)
        hub_reply_add_header(x, "location",
                             hub_pool_printf(x->pool, "%.*s/v1/integrations/%u", HUB_SLICE_FMT(x->worker->core->public_url), change->id));
    prefer_t prefer = preference(x);
    bool minimal = x->method != HUB_POST && prefer == PREFER_MINIMAL; /* what POST made is always shown: nobody knows its id yet */
    if (minimal || prefer == PREFER_WHOLE)
        hub_reply_add_header(x, "preference-applied", minimal ? HUB_SLICE_LIT("return=minimal") : HUB_SLICE_LIT("return=representation"));
    if (minimal || (x->method == HUB_PATCH && prefer != PREFER_WHOLE)) {
        hub_v1_add_etag(x, change->version);
        hub_reply_empty(x, 204);
    } else {
        reply_whole(x, x->method == HUB_POST ? 201 : 200, change->id, &u->show);
    }
}

/* A PATCH must name something that can be updated; `version` alone says only which state is meant. */
static bool says_something(const hub_integration_change_t *change)
{
    hub_setting_mask_t nulls = change->in.nulls & ~hub_setting_bit(S_SETTINGS); /* stays as it is */
    return ((change->in.given | nulls) & ~hub_setting_bit(S_VERSION)) != 0;
}

static void start_change(hub_exchange_t *x, bool create, bool full)
{
    updating_t *u = HUB_POOL_NEW(x->pool, updating_t);
    hub_integration_change_t *change = &u->change;
    if (!create && !hub_v1_id(x, &change->id))
        return;
    if (!hub_integration_show_read(x, &u->show) || !hub_idempotency_read(x, &u->idempotency))
        return;
    yyjson_val *body = hub_body_json(x, false);
    if (!body)
        return;
    change->core = x->worker->core;
    change->pool = x->pool;
    change->tenant = x->state->tenant;
    change->create = create;
    change->full = full;
    change->actor = x->state->actor;
    change->if_match = create ? HUB_SLICE_NONE : x->header[HUB_HEADER_IF_MATCH];
    ocpi_problems_init(&change->problems, x->pool);
    bool ok = (full ? hub_setting_read : hub_setting_read_patch)(x->pool, &hub_integration_settings, change->core->config.insecure_peers,
                                                                 body, &change->in, &change->problems);
    if (create && !hub_setting_given(&change->in, S_TYPE))
        hub_setting_give(&change->in, S_TYPE, HUB_SLICE_LIT("\"OCPI\""));
    if (ok && !full && !says_something(change)) {
        ocpi_problem_add(&change->problems, OCPI_ERROR, HUB_SLICE_LIT(""), "empty", "holds nothing that can be updated");
        ok = false;
    }
    if (ok)
        hub_exchange_write(x, apply_change, changed, u);
    else
        hub_reply_invalid(x, &change->problems);
}

void hub_v1_integration_create(hub_exchange_t *x)
{
    start_change(x, true, true);
}

void hub_v1_integration_put(hub_exchange_t *x)
{
    start_change(x, false, true);
}

void hub_v1_integration_patch(hub_exchange_t *x)
{
    start_change(x, false, false);
}

/* ---- delete: tell the peer (on the integration's home worker), remove what it gave us step by step, then the integration ---- */

typedef struct deleting {
    hub_agent_task_t task; /* first */
    hub_task_t back;       /* carries us home to the exchange's worker */
    hub_exchange_t *x;
    uint32_t id;
    uint64_t version;
    hub_slice_t if_match; /* none: not asked for, or settled before the peer was told */
    bool gone;
} deleting_t;

static void remove_step(hub_exchange_t *x, deleting_t *d);

/* As it is before a step; the record is mapped memory, and the step writes. */
static hub_err_t read_settings(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_setting_values_t *values,
                               uint64_t *version)
{
    hub_key_t key;
    hub_slice_t record;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &record);
    return err ? err : hub_setting_decode(&hub_integration_settings, hub_pool_copy(pool, record), values, version);
}

static hub_err_t apply_remove(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_exchange_t *x = write->x;
    deleting_t *d = write->arg;
    hub_setting_values_t old;
    hub_pool_t *pool = hub_pool_create();
    hub_err_t err = read_settings(view, pool, x->state->tenant, d->id, &old, &d->version);
    if (!err && d->if_match.ptr && !hub_etag_matches(d->if_match, d->version))
        err = HUB_EPRECONDITION;
    if (!err)
        err = hub_integration_remove(x->worker->core, view, pool, x->state->tenant, d->id, REMOVE_STEP, &d->gone);
    if (!err && d->gone)
        hub_audit_settings(write, HUB_SLICE_NONE, &hub_integration_settings, &old, NULL);
    write->audit.skip = !d->gone; /* one entry, with the last step */
    hub_pool_destroy(pool);
    return err;
}

static void removed(hub_write_t *write)
{
    deleting_t *d = write->arg;
    d->if_match = HUB_SLICE_NONE; /* of the first step alone */
    if (write->op.err == HUB_EPRECONDITION)
        hub_v1_tell_version(write->x, d->version);
    if (write->op.err)
        hub_reply_problem(write->x, write->op.err, HUB_SLICE_NONE);
    else if (d->gone)
        hub_reply_empty(write->x, 204);
    else
        remove_step(write->x, d);
}

static void remove_step(hub_exchange_t *x, deleting_t *d)
{
    hub_exchange_write(x, apply_remove, removed, d);
}

static void on_back(hub_task_t *task)
{
    deleting_t *d = (deleting_t *)((char *)task - offsetof(deleting_t, back));
    remove_step(d->x, d);
}

/* Home worker: the peer was told, or could not be: either way we go on. */
static void on_unregistered(void *arg, hub_err_t err)
{
    deleting_t *d = arg;
    if (err)
        hub_log(HUB_INFO, "integration.delete.peer", HUB_INT("integration", d->id), HUB_STR("error", hub_err_info(err)->name));
    hub_mailbox_post(d->x->worker->mailbox, &d->back);
}

static void unregister(hub_agent_task_t *task, hub_agent_t *agent)
{
    deleting_t *d = (deleting_t *)task;
    if (agent)
        hub_handshake_unregister(agent, on_unregistered, d);
    else
        on_unregistered(d, HUB_EOK);
}

void hub_v1_integration_delete(hub_exchange_t *x)
{
    uint32_t id;
    hub_integration_t *integration;
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_id(x, &id))
        return;
    hub_err_t err = hub_integration_get(x->worker, view, x->state->tenant, id, &integration);
    if (!err && !hub_etag_matches(x->header[HUB_HEADER_IF_MATCH], integration->version)) {
        err = HUB_EPRECONDITION;
        hub_v1_tell_version(x, integration->version);
        hub_integration_unref(integration);
    }
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    deleting_t *d = HUB_POOL_NEW(x->pool, deleting_t);
    d->x = x;
    d->id = id;
    d->back.run = on_back;
    bool tell = integration->is_ocpi;
    hub_integration_unref(integration);
    hub_exchange_view_close(x);
    if (!tell) {
        d->if_match = x->header[HUB_HEADER_IF_MATCH]; /* again, with nothing between it and the removal */
        remove_step(x, d);
        return;
    }
    d->task.tenant = x->state->tenant;
    d->task.integration = id;
    d->task.run = unregister;
    hub_agent_post(x->worker->core, &d->task);
}
