/* /v1/{module}: our own objects, plain. */
#include "object.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

/* The module of the path and, for single objects, what the path names. False: answered, also when `method` is not offered on it. */
static bool addressed(hub_exchange_t *x, uint32_t method, hub_incoming_t *in)
{
    const hub_exchange_state_t *state = x->state;
    *in = (hub_incoming_t){.tenant = state->tenant, .version = OCPI_V2_2_1, .now = hub_now_ms()};
    in->module = ocpi_module_parse(state->param[0]);
    const hub_objects_row_t *row = hub_objects__row(in->module);
    hub_slice_t *const parts[] = {&in->country, &in->party, &in->id, &in->evse_uid, &in->connector_id};
    for (uint32_t i = 0; row && i < HUB_COUNT(parts) && i + 1 < state->param_count; i++)
        *parts[i] = state->param[i + 1];
    unsigned level = in->connector_id.len ? 2 : in->evse_uid.len ? 1 : 0;
    if (!row || row->level[level] == OCPI_OBJECT_NONE) {
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
        return false;
    }
    if (row->traits & HUB_TRAIT_TYPED && (!ocpi_query_get(x->pool, x->query, "type", &in->type) || !in->type.len))
        in->type = HUB_SLICE_LIT(HUB_TOKEN_TYPE);
    if (state->param_count < 2 || row->methods & method)
        return true;
    hub_exchange_add_allow(x, row->methods);
    hub_reply_problem(x, HUB_EMETHOD, HUB_SLICE_NONE);
    return false;
}

ocpi_version_t hub_objects__version(hub_exchange_t *x)
{
    hub_slice_t name;
    ocpi_version_t version = OCPI_V2_2_1;
    if (hub_v1_text(x, "version", &name))
        (void)ocpi_version_parse(name, &version);
    return version;
}

/* ---- reading ---- */

void hub_v1_object_list(hub_exchange_t *x)
{
    hub_incoming_t in;
    hub_objects_page_t page = {.tenant = x->state->tenant, .max_limit = hub_objects__max_limit(x->worker->core, NULL)};
    if (!addressed(x, OCPI_GET, &in))
        return;
    page.module = in.module;
    page.version = hub_objects__version(x);
    ocpi_problem_t problem = {0};
    hub_view_t *view;
    if (ocpi_page_parse(x->pool, x->query, page.max_limit, false, &page.page, &problem) != HUB_EOK) {
        hub_reply_wrong(x, hub_pool_str(x->pool, problem.pointer), problem.rule ? problem.rule : "query",
                        hub_pool_str(x->pool, problem.message));
        return;
    }
    if (!(view = hub_exchange_view(x)))
        return;
    hub_err_t err = hub_objects__page(view, x->pool, &page);
    if (err == HUB_EINVALID) {
        hub_reply_wrong(x, "/query/position", "position", "no position that this server gave");
        return;
    }
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_objects__page_headers(x, &page);
    x->reply.parts = page.parts + 1;
    x->reply.part_count = page.part_count - 2;
    hub_reply_json(x, 200, HUB_SLICE_NONE);
}

static hub_err_t own_object(hub_view_t *view, const hub_incoming_t *in, hub_object_t *head, hub_key_t *key)
{
    const hub_object_id_t id = {
        .tenant = in->tenant, .module = (uint8_t)in->module, .country = in->country, .party = in->party, .id = in->id, .type = in->type};
    hub_err_t err = hub_object_key(&id, key);
    return err ? err : hub_object_get_key(view, hub_key_slice(key), head);
}

void hub_v1_object_get(hub_exchange_t *x)
{
    hub_incoming_t in;
    ocpi_version_t version = hub_objects__version(x);
    hub_view_t *view;
    if (!addressed(x, OCPI_GET, &in) || !(view = hub_exchange_view(x)))
        return;
    hub_object_t head;
    hub_slice_t bytes = HUB_SLICE_NONE;
    hub_key_t key;
    hub_slice_t why = HUB_SLICE_NONE;
    hub_err_t err = own_object(view, &in, &head, &key);
    if (!err && (err = hub_projection_get(view, x->pool, hub_key_slice(&key), &head, version, &bytes)) == HUB_ENOT_FOUND)
        why = hub_pool_printf(x->pool, "this object was put in OCPI %s and cannot be said in %s",
                              ocpi_version_name(hub_projection_written(&head)), ocpi_version_name(version));
    if (!err)
        err = hub_objects_level(x->pool, bytes, in.evse_uid, in.connector_id, &bytes);
    if (err == HUB_EINVALID)
        err = HUB_ENOT_FOUND; /* an id that cannot be one */
    if (err) {
        hub_reply_problem(x, err, why);
        return;
    }
    hub_v1_add_etag(x, head.version); /* of the whole object, whichever level is read */
    hub_reply_json(x, 200, hub_pool_copy(x->pool, bytes));
}

/* ---- writing ---- */

typedef struct saving {
    hub_incoming_t in;
    hub_err_t refused;
    uint64_t version; /* stored; 0: none */
    hub_err_t (*run)(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in);
} saving_t;

static hub_slice_t conflict_of(const hub_incoming_t *in)
{
    switch (in->module) {
    case OCPI_MODULE_SESSIONS:
        return HUB_SLICE_LIT(HUB_SESSION_FINAL);
    case OCPI_MODULE_CDRS:
        return HUB_SLICE_LIT(HUB_CDR_FINAL);
    default:
        return in->connector_id.len ? HUB_SLICE_LIT("an EVSE keeps at least one connector")
                                    : HUB_SLICE_LIT("a connector still names this tariff");
    }
}

static void reply_refused(hub_exchange_t *x, saving_t *saving)
{
    if (saving->in.problems.errors)
        hub_reply_invalid(x, &saving->in.problems);
    else
        hub_reply_problem(x, saving->refused, saving->refused == HUB_ECONFLICT ? conflict_of(&saving->in) : HUB_SLICE_NONE);
}

static hub_err_t save_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    saving_t *saving = write->arg;
    hub_slice_t if_match = write->x->header[HUB_HEADER_IF_MATCH];
    hub_object_t head;
    hub_key_t key;
    saving->version = own_object(view, &saving->in, &head, &key) == HUB_EOK ? head.version : 0;
    if (hub_slice_trim(if_match).len && (!saving->version || !hub_etag_matches(if_match, saving->version)))
        return saving->version || write->x->method == HUB_PUT ? HUB_EPRECONDITION : HUB_ENOT_FOUND;
    hub_err_t err = saving->run(write->x->worker->core, view, write->x->pool, &saving->in);
    saving->refused = hub_objects_refused(err) ? err : HUB_EOK;
    if (saving->version)
        write->audit.before = hub_pool_printf(write->x->pool, "{\"version\":%llu}", (unsigned long long)saving->version);
    else
        write->audit.action = HUB_SLICE_LIT("create");
    if (!err)
        saving->version = own_object(view, &saving->in, &head, &key) == HUB_EOK ? head.version : 0;
    if (saving->version)
        write->audit.after = hub_pool_printf(write->x->pool, "{\"version\":%llu}", (unsigned long long)saving->version);
    write->audit.skip = err || saving->in.outcome == HUB_UNCHANGED;
    return saving->refused ? HUB_EOK : err;
}

static void save_then(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    saving_t *saving = write->arg;
    hub_incoming_t *in = &saving->in;
    hub_slice_t bytes = HUB_SLICE_NONE;
    hub_err_t err = write->op.err;
    if (!err && saving->refused) {
        reply_refused(x, saving);
        return;
    }
    if (!err && x->method == HUB_DELETE) {
        hub_reply_empty(x, 204);
        return;
    }
    if (!err)
        err = hub_objects_level(x->pool, in->stored, in->evse_uid, in->connector_id, &bytes);
    if (err == HUB_EPRECONDITION && saving->version)
        hub_v1_tell_version(x, saving->version);
    else if (!err)
        hub_v1_add_etag(x, saving->version);
    if (err)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    else
        hub_reply_json(x, in->outcome == HUB_CREATED && x->method == HUB_PUT ? 201 : 200, bytes);
}

static void save(hub_exchange_t *x, bool patch)
{
    saving_t *saving = HUB_POOL_NEW(x->pool, saving_t);
    if (!addressed(x, patch ? OCPI_PATCH : OCPI_PUT, &saving->in) || !(saving->in.root = hub_body_json(x, false)))
        return;
    saving->in.version = hub_objects__version(x);
    saving->in.text = x->body;
    saving->in.patch = patch;
    saving->run = hub_objects_store;
    hub_objects_prepare(x->pool, &saving->in);
    saving->refused = saving->in.refused;
    if (saving->refused)
        reply_refused(x, saving);
    else
        hub_exchange_write(x, save_apply, save_then, saving);
}

void hub_v1_object_put(hub_exchange_t *x)
{
    save(x, false);
}

void hub_v1_object_patch(hub_exchange_t *x)
{
    save(x, true);
}

void hub_v1_object_delete(hub_exchange_t *x)
{
    saving_t *saving = HUB_POOL_NEW(x->pool, saving_t);
    if (!addressed(x, OCPI_DELETE, &saving->in))
        return;
    saving->run = hub_objects_remove;
    hub_exchange_write(x, save_apply, save_then, saving);
}
