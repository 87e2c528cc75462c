/* API keys. Table KEY: 'h' + the first half of the SHA-256 -> head and settings; 'i' tenant id -> that half. The other half is compared in
 * constant time, so that neither the look-up nor the comparison tells how close a guess was. Nothing is cached: a key revoked by another
 * process is refused at once. */
#include <string.h>

#include "face.h"
#include "integration/integration.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

enum {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias) K_##symbol,
#include "key.def"
#undef HUB_SETTING
};
#define ROOT 0
#define HUB_PERMISSION(name, bit, text) "|" text
static const char permission_names[] =
#include "permission.def"
    ;
#undef HUB_PERMISSION
static const hub_setting_t rows[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, group, type, flags, name, min, max, options, fallback, alias),
#include "key.def"
#undef HUB_SETTING
};

/* "10/s": how often in which unit. */
static bool is_rate(yyjson_val *value)
{
    uint64_t n;
    hub_slice_t rest = ocpi_str(value), count;
    return yyjson_is_str(value) && hub_slice_split(&rest, '/', &count) && hub_slice_u64(count, &n) && n > 0 && rest.len == 1 &&
           memchr("smhd", rest.ptr[0], 4);
}

static hub_slice_t check_rate(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    (void)row;
    size_t i, n;
    yyjson_val *key, *member;
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
            ocpi_problem_add(problems, OCPI_ERROR, at, "unknown", "there is no such setting");
        else if (!yyjson_is_null(member) && !is_rate(member))
            ocpi_problem_add(problems, OCPI_ERROR, at, "pattern", "must be like 10/s, 150/m, 5000/h or 20000/d");
    }
    return problems->errors == before ? ocpi_write(pool, value) : HUB_SLICE_NONE;
}

static const hub_setting_group_t groups[] = {{NULL, 0, false}};
static const char *const read_only[] = {"id", NULL};
static const hub_setting_table_t table = {rows, HUB_COUNT(rows), groups, HUB_COUNT(groups), read_only, check_rate};

/* ---- records ---- */

#define HALF (HUB_SHA256_LEN / 2)
typedef struct head {
    unsigned char hash[HUB_SHA256_LEN];
    uint32_t id, tenant, permissions, reserved;
    int64_t expires; /* ms; 0: never */
} head_t;

static void hash_key(hub_key_t *key, const unsigned char *hash)
{
    hub_key_init(key);
    hub_key_u8(key, 'h');
    hub_key_bytes(key, hub_slice((const char *)hash, HALF));
}

static void id_key(hub_key_t *key, uint32_t tenant, uint32_t id)
{
    hub_key_init(key);
    hub_key_u8(key, 'i');
    hub_key_u32(key, tenant);
    if (id)
        hub_key_u32(key, id);
}

static bool split_record(hub_slice_t record, head_t *head, hub_slice_t *settings)
{
    if (record.len < sizeof *head)
        return false;
    memcpy(head, record.ptr, sizeof *head);
    *settings = hub_slice(record.ptr + sizeof *head, record.len - sizeof *head);
    return true;
}

static hub_err_t find(hub_view_t *view, const hub_key_t *key, head_t *head, hub_setting_values_t *values)
{
    hub_slice_t record, settings;
    uint64_t version;
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, key, &record);
    if (!err && !split_record(record, head, &settings))
        err = HUB_ESTORE;
    return err ? err : hub_setting_decode(&table, settings, values, &version);
}

static hub_err_t find_id(hub_view_t *view, uint32_t tenant, uint32_t id, head_t *head, hub_setting_values_t *values)
{
    hub_key_t by_id, key;
    hub_slice_t half;
    id_key(&by_id, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, &by_id, &half);
    if (!err && half.len != HALF)
        err = HUB_ESTORE;
    if (err)
        return err;
    hash_key(&key, (const unsigned char *)half.ptr);
    return find(view, &key, head, values);
}

/* ---- authentication ---- */

#define HUB_PERMIT_EVERYTHING 0xFFFFFFFFu

static hub_slice_t given_key(const hub_exchange_t *x)
{
    hub_slice_t key = hub_slice_trim(x->header[HUB_HEADER_API_KEY]), word, rest = hub_slice_trim(x->header[HUB_HEADER_AUTHORIZATION]);
    if (key.len)
        return key;
    return hub_slice_split(&rest, ' ', &word) && hub_slice_caseeq_str(word, "Bearer") ? hub_slice_trim(rest) : HUB_SLICE_NONE;
}

static bool is_admin_key(const hub_core_t *core, const unsigned char *hash)
{
    unsigned char admin[HUB_SHA256_LEN];
    if (!core->config.admin_key.len)
        return false;
    hub_sha256(core->config.admin_key, admin);
    return hub_equal_secret(admin, hash, sizeof admin);
}

/* The stored key with this hash, if it is good now. */
static hub_err_t find_good(hub_view_t *view, const unsigned char *hash, head_t *head, hub_setting_values_t *values)
{
    hub_key_t key;
    hash_key(&key, hash);
    hub_err_t err = find(view, &key, head, values);
    if (err == HUB_ENOT_FOUND || (!err && !hub_equal_secret(head->hash, hash, HUB_SHA256_LEN)) ||
        (!err && head->expires && head->expires <= hub_now_ms()))
        return HUB_EUNAUTHORIZED;
    return err;
}

hub_err_t hub_key_authenticate(hub_exchange_t *x)
{
    hub_exchange_state_t *state = x->state;
    unsigned char hash[HUB_SHA256_LEN];
    hub_slice_t given = given_key(x);
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return HUB_ESTORE;
    if (!given.len)
        return HUB_EUNAUTHORIZED;
    hub_sha256(given, hash);
    if (is_admin_key(x->worker->core, hash)) {
        state->tenant = HUB_TENANT_DEFAULT;
        state->permissions = HUB_PERMIT_EVERYTHING;
        state->actor = HUB_SLICE_LIT("key:admin");
        return HUB_EOK;
    }
    head_t head;
    hub_setting_values_t values;
    hub_err_t err = find_good(view, hash, &head, &values);
    if (err)
        return err;
    state->tenant = head.tenant;
    state->permissions = head.permissions;
    state->actor = hub_pool_printf(x->pool, "key:%.*s", HUB_SLICE_FMT(hub_setting_text(x->pool, values.json[K_NAME])));
    return HUB_EOK;
}

void hub_key_hash(const hub_exchange_t *x, unsigned char hash[HUB_SHA256_LEN])
{
    hub_sha256(given_key(x), hash);
}

bool hub_key_stands(const hub_core_t *core, hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN])
{
    head_t head;
    hub_setting_values_t values;
    return is_admin_key(core, hash) || find_good(view, hash, &head, &values) == HUB_EOK;
}

/* ---- making and revoking ---- */

static void add_permission(void *arg, hub_slice_t item)
{
    static const struct {
        const char *text;
        uint32_t bit;
    } names[] = {
#define HUB_PERMISSION(name, bit, text) {text, HUB_PERMIT_##name},
#include "permission.def"
#undef HUB_PERMISSION
    };
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(item, names[i].text))
            *(uint32_t *)arg |= names[i].bit;
}

static hub_slice_t permissions_json(hub_pool_t *pool, uint32_t permissions)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
#define HUB_PERMISSION(name, bit, text)                                                                                                    \
    if (permissions & HUB_PERMIT_##name)                                                                                                   \
        hub_buf_add_str(&out, out.len ? ",\"" text "\"" : "[\"" text "\"");
#include "permission.def"
#undef HUB_PERMISSION
    hub_buf_add_str(&out, out.len ? "]" : "[]");
    return hub_buf_slice(&out);
}

/* Inside apply. */
static hub_err_t put_key(hub_view_t *view, hub_pool_t *pool, const char *secret, uint32_t tenant, const hub_setting_values_t *values,
                         uint32_t *id)
{
    head_t head = {.tenant = tenant};
    uint64_t n;
    unsigned flags;
    hub_key_t key;
    hub_slice_t expires = hub_setting_text(pool, values->json[K_EXPIRES]);
    hub_err_t err = hub_view_next_id(view, "key", &n);
    if (err)
        return err;
    head.id = *id = (uint32_t)n;
    hub_sha256(hub_slice_str(secret), head.hash);
    hub_setting_each(values->json[K_PERMISSIONS], add_permission, &head.permissions);
    if (expires.len)
        ocpi_time_parse(expires, &head.expires, &flags);
    hub_buf_t record = HUB_BUF_INIT(pool);
    hub_buf_add(&record, hub_slice((const char *)&head, sizeof head));
    hub_buf_add(&record, hub_setting_encode(pool, &table, values, 1));
    hash_key(&key, head.hash);
    err = hub_view_put(view, HUB_TABLE_KEY, &key, hub_buf_slice(&record));
    id_key(&key, tenant, head.id);
    return err ? err : hub_view_put(view, HUB_TABLE_KEY, &key, hub_slice((const char *)head.hash, HALF));
}

static hub_err_t drop_key(hub_view_t *view, uint32_t tenant, uint32_t id)
{
    head_t head;
    hub_setting_values_t values;
    hub_key_t key;
    hub_err_t err = find_id(view, tenant, id, &head, &values);
    if (err)
        return err;
    hash_key(&key, head.hash);
    err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    id_key(&key, tenant, id);
    return err ? err : hub_view_delete(view, HUB_TABLE_KEY, &key);
}

/* ---- for the CLI and at start: in an operation of its own ---- */

typedef struct direct {
    hub_op_t op;
    hub_pool_t *pool;
    uint32_t tenant, id;
    const char *secret;
    hub_setting_values_t values;
} direct_t;

static hub_err_t apply_make(hub_view_t *view, hub_op_t *op)
{
    direct_t *d = (direct_t *)op;
    return put_key(view, d->pool, d->secret, d->tenant, &d->values, &d->id);
}

hub_err_t hub_key_make(hub_core_t *core, hub_slice_t name, uint32_t tenant, uint32_t permissions, char key[HUB_TOKEN_LEN + 1])
{
    direct_t d = {.op.apply = apply_make, .pool = hub_pool_create(), .tenant = tenant, .secret = key};
    hub_token_make(core->crypto, key);
    d.values.json[K_NAME] = hub_setting_json(d.pool, name);
    d.values.json[K_PERMISSIONS] = permissions_json(d.pool, permissions);
    d.values.json[K_CREATED] = hub_v1_now(d.pool);
    d.values.json[K_CREATED_BY] = HUB_SLICE_LIT("\"operator\"");
    hub_err_t err = hub_store_apply(core->store, &d.op);
    hub_pool_destroy(d.pool);
    return err;
}

static hub_err_t apply_revoke(hub_view_t *view, hub_op_t *op)
{
    direct_t *d = (direct_t *)op;
    return drop_key(view, d->tenant, d->id);
}

hub_err_t hub_key_revoke(hub_core_t *core, uint32_t tenant, uint32_t id)
{
    direct_t d = {.op.apply = apply_revoke, .tenant = tenant, .id = id};
    return hub_store_apply(core->store, &d.op);
}

static bool has_keys(hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
    bool any = hub_scan_next(&scan, &key, &value);
    hub_scan_finish(&scan);
    return any;
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
    bool any = has_keys(view);
    hub_view_close(view);
    return any ? HUB_EOK : hub_key_make(core, HUB_SLICE_LIT("bootstrap"), HUB_TENANT_DEFAULT, HUB_PERMIT_EVERYTHING, made_key);
}

/* ---- /v1/keys ---- */

typedef struct make {
    uint32_t id;
    char secret[HUB_TOKEN_LEN + 1];
    hub_setting_values_t values;
} make_t;

static hub_err_t apply_create(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    make_t *make = write->arg;
    return put_key(view, write->x->pool, make->secret, write->x->state->tenant, &make->values, &make->id);
}

static void created(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    make_t *make = write->arg;
    if (write->op.err) {
        hub_reply_problem(x, write->op.err, HUB_SLICE_NONE);
        return;
    }
    hub_reply_add_header(x, "location", hub_pool_printf(x->pool, "%.*s/v1/keys/%u", HUB_SLICE_FMT(x->worker->core->public_url), make->id));
    hub_reply_add_header(x, "cache-control", HUB_SLICE_LIT("no-store"));
    hub_reply_json(x, 201, hub_pool_printf(x->pool, "{\"id\":\"%u\",\"key\":\"%s\"}", make->id, make->secret));
}

/* What the rows cannot say. */
static void check_new(hub_pool_t *pool, const hub_setting_values_t *values, ocpi_problems_t *problems)
{
    int64_t expires;
    unsigned flags;
    if (hub_slice_eq_str(values->json[K_TYPE], "\"oauth2\""))
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/type"), "unsupported",
                         "OAuth2 clients are not served by this release: use api_key");
    if (values->json[K_PLATFORM].ptr && !hub_slice_eq_str(values->json[K_PLATFORM], "\"default\""))
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/platformId"), "unknown", "there is no such platform: only default");
    hub_slice_t text = hub_setting_text(pool, values->json[K_EXPIRES]);
    if (text.len && ocpi_time_parse(text, &expires, &flags) && expires <= hub_now_ms())
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/expires"), "range", "must lie in the future");
}

void hub_v1_key_create(hub_exchange_t *x)
{
    make_t *make = HUB_POOL_NEW(x->pool, make_t);
    hub_setting_input_t in;
    ocpi_problems_t problems;
    uint64_t changed;
    yyjson_val *body = hub_body_json(x, false);
    if (!body)
        return;
    ocpi_problems_init(&problems, x->pool);
    if (hub_setting_read(x->pool, &table, false, body, &in, &problems) &&
        hub_setting_merge(x->pool, &table, NULL, &in, NULL, true, &make->values, &changed, &problems))
        check_new(x->pool, &make->values, &problems);
    if (problems.errors) {
        hub_reply_invalid(x, &problems);
        return;
    }
    make->values.json[K_CREATED] = hub_v1_now(x->pool);
    make->values.json[K_CREATED_BY] = hub_setting_json(x->pool, x->state->actor);
    hub_token_make(x->worker->core->crypto, make->secret);
    hub_exchange_write(x, apply_create, created, make);
}

static void write_key(hub_pool_t *pool, uint32_t id, const hub_setting_values_t *values, hub_buf_t *out)
{
    hub_buf_printf(out, "{\"id\":\"%u\",", id);
    hub_setting_write_members(pool, &table, values, NULL, false, 0, out);
    hub_buf_add_char(out, '}');
}

hub_err_t hub_key_list(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint64_t offset, uint64_t limit, hub_buf_t *out,
                       uint64_t *total)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    head_t head;
    hub_setting_values_t values;
    bool first = true;
    *total = 0;
    id_key(&prefix, tenant, 0);
    hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
    hub_buf_add_char(out, '[');
    while (hub_scan_next(&scan, &key, &value)) {
        hub_key_t by_hash;
        if ((*total)++ < offset || *total > offset + limit || value.len != HALF)
            continue;
        hash_key(&by_hash, (const unsigned char *)value.ptr);
        if (find(view, &by_hash, &head, &values) != HUB_EOK)
            continue;
        if (!first)
            hub_buf_add_char(out, ',');
        write_key(pool, head.id, &values, out);
        first = false;
    }
    hub_buf_add_char(out, ']');
    return hub_scan_finish(&scan);
}

void hub_v1_key_list(hub_exchange_t *x)
{
    hub_v1_page_t page;
    uint64_t total;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_page_read(x, &page))
        return;
    hub_err_t err = hub_key_list(view, x->pool, x->state->tenant, page.offset, page.limit, &out, &total);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &page, "/v1/keys", total);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

void hub_v1_key_get(hub_exchange_t *x)
{
    uint32_t id;
    head_t head;
    hub_setting_values_t values;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_view_t *view = hub_exchange_view(x);
    if (!view || !hub_v1_id(x, &id))
        return;
    hub_err_t err = find_id(view, x->state->tenant, id, &head, &values);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    write_key(x->pool, id, &values, &out);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

static hub_err_t apply_delete(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    return drop_key(view, write->x->state->tenant, *(uint32_t *)write->arg);
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
