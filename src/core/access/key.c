/* /v1/keys: API keys and OAuth2 clients are made, listed and revoked; the first key of a store. */
#include <string.h>

#include "audit/audit.h"
#include "credential.h"
#include "face.h"
#include "limit.h"
#include "reply.h"
#include "settings/collection.h"
#include "tenant.h"
#include "usage.h"
#include "v1.h"

#define ROOT 0
static const hub_setting_t rows[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, group, type, flags, name, min, max, options, fallback, alias),
#include "key.def"
#undef HUB_SETTING
};

static hub_slice_t check_rate(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    (void)row;
    size_t i, n;
    yyjson_val *key, *member;
    hub_limit_t limit;
    uint32_t before = problems->errors;
    if (!yyjson_is_obj(value)) {
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be of type object");
        return HUB_SLICE_NONE;
    }
    yyjson_obj_foreach(value, i, n, key, member)
    {
        hub_slice_t name = ocpi_str(key);
        hub_slice_t at = hub_pool_printf(pool, "%.*s/%.*s", HUB_SLICE_FMT(pointer), HUB_SLICE_FMT(name));
        if (!hub_slice_eq_str(name, "burst") && !hub_slice_eq_str(name, "steady"))
            hub_setting_unknown(pool, pointer, name, problems);
        else if (!yyjson_is_null(member) && !(yyjson_is_str(member) && hub_limit_parse(ocpi_str(member), &limit)))
            ocpi_problem_add(problems, OCPI_ERROR, at, "pattern", "must be like 10/s, 150/m, 5000/h or 20000/d");
    }
    return problems->errors == before ? ocpi_write(pool, value) : HUB_SLICE_NONE;
}

static const hub_setting_group_t groups[] = {{NULL, 0, false}};
static const char *const read_only[] = {"id", NULL};
const hub_setting_table_t hub_key_settings = {rows, HUB_COUNT(rows), groups, HUB_COUNT(groups), read_only, check_rate, NULL};

/* ---- the first key: at start, in an operation of its own ---- */

typedef struct direct {
    hub_op_t op;
    hub_pool_t *pool;
    hub_credential_t head;
    hub_setting_values_t values;
} direct_t;

static hub_err_t apply_make(hub_view_t *view, hub_op_t *op)
{
    direct_t *d = (direct_t *)op;
    return hub_credential_put(view, d->pool, &d->head, &d->values);
}

hub_err_t hub_key_make(hub_core_t *core, hub_slice_t name, uint32_t permissions, char key[HUB_TOKEN_LEN + 1])
{
    direct_t d = {.op.apply = apply_make, .pool = hub_pool_create(), .head = {.tenant = HUB_TENANT_ALL, .permissions = permissions}};
    hub_token_make(core->crypto, key);
    hub_sha256(hub_slice_str(key), d.head.hash);
    d.values.json[K_NAME] = hub_setting_json(d.pool, name);
    d.values.json[K_PERMISSIONS] = hub_permissions_json(d.pool, permissions);
    d.values.json[K_PLATFORM] = HUB_SLICE_LIT("\"*\"");
    d.values.json[K_CREATED] = hub_v1_now(d.pool);
    d.values.json[K_CREATED_BY] = HUB_SLICE_LIT("\"operator\"");
    hub_err_t err = hub_store_apply(core->store, &d.op);
    hub_pool_destroy(d.pool);
    return err;
}

hub_err_t hub_key_bootstrap(hub_core_t *core, char *made_key)
{
    hub_view_t *view;
    made_key[0] = 0;
    if (core->config.admin_key.len)
        return HUB_EOK;
    hub_err_t err = hub_view_open(core->store, &view);
    if (err)
        return err;
    bool any = hub_credential_any(view);
    hub_view_close(view);
    return any ? HUB_EOK : hub_key_make(core, HUB_SLICE_LIT("bootstrap"), HUB_PERMIT_EVERYTHING, made_key);
}

/* ---- POST ---- */

typedef struct make {
    hub_credential_t head;
    hub_slice_t platform; /* name of the tenant; none: that of the request */
    char secret[HUB_TOKEN_LEN + 1], client_id[HUB_UUID_LEN + 1];
    hub_setting_values_t values;
} make_t;

static hub_err_t apply_create(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_exchange_t *x = write->x;
    make_t *make = write->arg;
    hub_err_t err = HUB_EOK;
    make->head.tenant = x->state->tenant;
    if (hub_slice_eq_str(make->platform, "*"))
        make->head.tenant = HUB_TENANT_ALL;
    else if (make->platform.ptr)
        err = hub_tenant_ensure(view, make->platform, &make->head.tenant);
    if (!err)
        err = hub_credential_put(view, x->pool, &make->head, &make->values);
    if (!err)
        hub_audit_settings(write, hub_pool_printf(x->pool, "/v1/keys/%u", make->head.id), &hub_key_settings, NULL, &make->values);
    return err;
}

static void created(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    const make_t *make = write->arg;
    uint32_t id = make->head.id;
    if (write->op.err) {
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
        return;
    }
    hub_reply_add_header(x, "location", hub_pool_printf(x->pool, "%.*s/v1/keys/%u", HUB_SLICE_FMT(x->worker->core->public_url), id));
    hub_reply_json(
        x, 201,
        make->head.kind == HUB_CREDENTIAL_CLIENT
            ? hub_pool_printf(x->pool, "{\"id\":\"%u\",\"clientId\":\"%s\",\"clientSecret\":\"%s\"}", id, make->client_id, make->secret)
            : hub_pool_printf(x->pool, "{\"id\":\"%u\",\"key\":\"%s\"}", id, make->secret));
}

/* What the rows cannot say. */
static void check_new(hub_pool_t *pool, make_t *make, ocpi_problems_t *problems)
{
    unsigned flags;
    char shown[OCPI_TIME_MAX + 1];
    make->platform = hub_setting_text(pool, make->values.json[K_PLATFORM]);
    if (make->platform.ptr && !hub_slice_eq_str(make->platform, "*") && !hub_tenant_name_ok(make->platform))
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/platformId"), "pattern",
                         "must be letters, digits, '.', '_' or '-', or * for every platform");
    hub_slice_t text = hub_setting_text(pool, make->values.json[K_EXPIRES]);
    if (!text.len || !ocpi_time_parse(text, &make->head.expires, &flags))
        return;
    make->values.json[K_EXPIRES] = hub_setting_json(pool, hub_slice(shown, ocpi_time_format(make->head.expires, shown)));
    if (make->head.expires <= hub_now_ms())
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/expires"), "range", "must lie in the future");
}

/* Who is bound to a tenant makes keys of this tenant; only who is not makes others, and with them new tenants. False: answered. */
static bool may_name(hub_exchange_t *x, make_t *make)
{
    hub_slice_t own;
    hub_view_t *view = hub_exchange_view(x);
    hub_err_t err = view ? hub_tenant_name(view, x->pool, x->state->tenant, &own) : HUB_ESTORE;
    if (!view)
        return false;
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return false;
    }
    if (!make->platform.ptr)
        make->values.json[K_PLATFORM] = hub_setting_json(x->pool, own);
    else if (!x->state->all_tenants && !hub_slice_eq(own, make->platform)) {
        hub_exchange_forbid(x, NULL, HUB_SLICE_LIT("this key is bound to its platform and makes keys for no other"));
        return false;
    }
    return true;
}

static void add_permission(void *arg, hub_slice_t item)
{
    *(uint32_t *)arg |= hub_permission_parse(item);
}

static void fill(hub_exchange_t *x, make_t *make)
{
    hub_setting_values_t *values = &make->values;
    values->json[K_CREATED] = hub_v1_now(x->pool);
    values->json[K_CREATED_BY] = hub_setting_json(x->pool, x->state->actor);
    hub_setting_each(values->json[K_PERMISSIONS], add_permission, &make->head.permissions);
    hub_token_make(x->worker->core->crypto, make->secret);
    hub_sha256(hub_slice_str(make->secret), make->head.hash);
    if (!hub_slice_eq_str(values->json[K_TYPE], "\"oauth2\""))
        return;
    make->head.kind = HUB_CREDENTIAL_CLIENT;
    hub_uuid(make->client_id);
    values->json[K_CLIENT_ID] = hub_setting_json(x->pool, hub_slice_str(make->client_id));
}

void hub_v1_key_create(hub_exchange_t *x)
{
    make_t *make = HUB_POOL_NEW(x->pool, make_t);
    hub_setting_input_t in;
    ocpi_problems_t problems;
    hub_setting_mask_t changed;
    yyjson_val *body = hub_body_json(x, false);
    if (!body)
        return;
    ocpi_problems_init(&problems, x->pool);
    if (hub_setting_read(x->pool, &hub_key_settings, false, body, &in, &problems) &&
        hub_setting_merge(x->pool, &hub_key_settings, NULL, &in, NULL, true, &make->values, &changed, &problems))
        check_new(x->pool, make, &problems);
    if (problems.errors) {
        hub_reply_invalid(x, &problems);
        return;
    }
    if (!may_name(x, make))
        return;
    fill(x, make);
    hub_exchange_write(x, apply_create, created, make);
}

/* ---- GET ---- */

static void write_key(hub_exchange_t *x, hub_view_t *view, const hub_credential_t *head, hub_setting_values_t *values, hub_buf_t *out)
{
    int64_t used = hub_usage_last(x->worker->core, view, head->id);
    if (used) {
        char text[OCPI_TIME_MAX + 1];
        size_t len = ocpi_time_format(used, text);
        values->json[K_LAST_USED] = hub_setting_json(x->pool, hub_slice(text, len));
    }
    hub_buf_printf(out, "{\"id\":\"%u\",", head->id);
    hub_setting_write_members(x->pool, &hub_key_settings, values, NULL, false, 0, out);
    hub_buf_add_char(out, '}');
}

typedef struct listing {
    hub_exchange_t *x;
    hub_view_t *view;
    hub_v1_page_t page;
    uint64_t total;
    hub_buf_t out;
} listing_t;

static bool list_one(void *arg, const hub_credential_t *head, hub_setting_values_t *values)
{
    listing_t *l = arg;
    if (l->total++ < l->page.offset || l->total > l->page.offset + l->page.limit)
        return true;
    if (l->out.len > 1)
        hub_buf_add_char(&l->out, ',');
    write_key(l->x, l->view, head, values, &l->out);
    return true;
}

/* The keys of the tenant; who may act for all of them also sees the keys that may. */
void hub_v1_key_list(hub_exchange_t *x)
{
    listing_t l = {.x = x, .view = hub_exchange_view(x), .out = HUB_BUF_INIT(x->pool)};
    if (!l.view)
        return;
    hub_v1_page_read(x, &l.page);
    hub_buf_add_char(&l.out, '[');
    hub_err_t err = hub_credential_each(l.view, x->state->tenant, list_one, &l);
    if (!err && x->state->all_tenants)
        err = hub_credential_each(l.view, HUB_TENANT_ALL, list_one, &l);
    hub_buf_add_char(&l.out, ']');
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &l.page, "/v1/keys", l.total);
    hub_reply_json(x, 200, hub_buf_slice(&l.out));
}

static hub_err_t find(const hub_exchange_t *x, hub_view_t *view, uint32_t id, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_err_t err = hub_credential_find(view, x->state->tenant, id, head, values);
    if (err == HUB_ENOT_FOUND && x->state->all_tenants)
        err = hub_credential_find(view, HUB_TENANT_ALL, id, head, values);
    return err;
}

void hub_v1_key_get(hub_exchange_t *x)
{
    uint32_t id;
    hub_credential_t head;
    hub_setting_values_t values;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_id(x, &id))
        return;
    hub_err_t err = find(x, view, id, &head, &values);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    write_key(x, view, &head, &values, &out);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

/* ---- DELETE ---- */

static hub_err_t apply_delete(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    hub_credential_t head;
    hub_setting_values_t values;
    hub_err_t err = find(write->x, view, *(uint32_t *)write->arg, &head, &values);
    if (err)
        return err;
    hub_audit_settings(write, HUB_SLICE_NONE, &hub_key_settings, &values, NULL);
    return hub_credential_drop(view, head.tenant, head.id);
}

static void deleted(hub_write_t *write)
{
    if (write->op.err)
        hub_reply_problem(write->x, write->op.err, HUB_SLICE_NONE);
    else
        hub_reply_empty(write->x, 204);
}

void hub_v1_key_revoke(hub_exchange_t *x)
{
    uint32_t *id = HUB_POOL_NEW(x->pool, uint32_t);
    if (hub_v1_id(x, id))
        hub_exchange_write(x, apply_delete, deleted, id);
}
