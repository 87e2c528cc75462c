#include "credential.h"

#include <string.h>

#include "usage.h"

/* ---- permissions ---- */

#define HUB_PERMISSION(name, bit, text) "|" text
const char hub_permission_names[] =
#include "permission.def"
    ;
#undef HUB_PERMISSION

static const struct {
    const char *text;
    uint32_t bit;
} permissions[] = {
#define HUB_PERMISSION(name, bit, text) {text, HUB_PERMIT_##name},
#include "permission.def"
#undef HUB_PERMISSION
};

uint32_t hub_permission_parse(hub_slice_t name)
{
    for (size_t i = 0; i < HUB_COUNT(permissions); i++)
        if (hub_slice_eq_str(name, permissions[i].text))
            return permissions[i].bit;
    return 0;
}

hub_slice_t hub_permissions_json(hub_pool_t *pool, uint32_t mask)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_char(&out, '[');
    for (size_t i = 0; i < HUB_COUNT(permissions); i++)
        if (mask & permissions[i].bit)
            hub_buf_printf(&out, "%s\"%s\"", out.len > 1 ? "," : "", permissions[i].text);
    hub_buf_add_char(&out, ']');
    return hub_buf_slice(&out);
}

hub_slice_t hub_permissions_scope(hub_pool_t *pool, uint32_t mask)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (size_t i = 0; i < HUB_COUNT(permissions); i++)
        if (mask & permissions[i].bit)
            hub_buf_printf(&out, "%s%s", out.len ? " " : "", permissions[i].text);
    return hub_buf_slice(&out);
}

/* ---- records ---- */

static hub_slice_t half_of(const unsigned char *hash)
{
    return hub_slice((const char *)hash, HUB_HASH_HALF);
}

static void half_key(hub_key_t *key, uint8_t kind, const unsigned char *hash)
{
    hub_key_init(key);
    hub_key_u8(key, kind);
    hub_key_bytes(key, half_of(hash));
}

static void id_key(hub_key_t *key, uint32_t tenant, uint32_t id)
{
    hub_key_init(key);
    hub_key_u8(key, 'i');
    hub_key_u32(key, tenant);
    if (id)
        hub_key_u32(key, id);
}

static void client_key(hub_key_t *key, hub_slice_t client_id)
{
    hub_key_init(key);
    hub_key_u8(key, 'c');
    hub_key_str(key, client_id);
}

static hub_err_t read_half(hub_view_t *view, const unsigned char *half, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_key_t key;
    hub_slice_t record;
    uint64_t version;
    half_key(&key, 'h', half);
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, &key, &record);
    if (!err && record.len < sizeof *head)
        err = HUB_ESTORE;
    if (err)
        return err;
    memcpy(head, record.ptr, sizeof *head);
    return hub_setting_decode(&hub_key_settings, hub_slice(record.ptr + sizeof *head, record.len - sizeof *head), values, &version);
}

static hub_err_t find_by(hub_view_t *view, const hub_key_t *index, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_slice_t half;
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, index, &half);
    if (!err && half.len != HUB_HASH_HALF)
        err = HUB_ESTORE;
    return err ? err : read_half(view, (const unsigned char *)half.ptr, head, values);
}

hub_err_t hub_credential_find(hub_view_t *view, uint32_t tenant, uint32_t id, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_key_t key;
    id_key(&key, tenant, id);
    return find_by(view, &key, head, values);
}

hub_err_t hub_credential_find_client(hub_view_t *view, hub_slice_t client_id, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_key_t key;
    if (client_id.len != HUB_UUID_LEN || memchr(client_id.ptr, 0, client_id.len))
        return HUB_ENOT_FOUND;
    client_key(&key, client_id);
    return find_by(view, &key, head, values);
}

hub_err_t hub_credential_put(hub_view_t *view, hub_pool_t *pool, hub_credential_t *head, const hub_setting_values_t *values)
{
    uint64_t n;
    hub_key_t key;
    hub_err_t err = hub_view_next_id(view, "key", &n);
    if (err)
        return err;
    head->id = (uint32_t)n;
    hub_buf_t record = HUB_BUF_INIT(pool);
    hub_buf_add(&record, hub_slice((const char *)head, sizeof *head));
    hub_buf_add(&record, hub_setting_encode(pool, &hub_key_settings, values, 1));
    half_key(&key, 'h', head->hash);
    err = hub_view_put(view, HUB_TABLE_KEY, &key, hub_buf_slice(&record));
    id_key(&key, head->tenant, head->id);
    if (!err)
        err = hub_view_put(view, HUB_TABLE_KEY, &key, half_of(head->hash));
    if (err || head->kind != HUB_CREDENTIAL_CLIENT)
        return err;
    client_key(&key, hub_setting_text(pool, values->json[K_CLIENT_ID]));
    return hub_view_put(view, HUB_TABLE_KEY, &key, half_of(head->hash));
}

/* Access tokens of a client go with it at once, since a token without its client is none; the sweep takes their bytes away. */
hub_err_t hub_credential_drop(hub_view_t *view, uint32_t tenant, uint32_t id)
{
    hub_credential_t head;
    hub_setting_values_t values;
    hub_key_t key;
    hub_err_t err = hub_credential_find(view, tenant, id, &head, &values);
    if (err)
        return err;
    if (head.kind == HUB_CREDENTIAL_CLIENT) {
        hub_pool_t *pool = hub_pool_create();
        client_key(&key, hub_setting_text(pool, values.json[K_CLIENT_ID]));
        err = hub_view_delete(view, HUB_TABLE_KEY, &key);
        hub_pool_destroy(pool);
    }
    half_key(&key, 'h', head.hash);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    id_key(&key, tenant, id);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    return err ? err : hub_usage_forget(view, id);
}

hub_err_t hub_credential_each(hub_view_t *view, uint32_t tenant,
                              bool (*visit)(void *arg, const hub_credential_t *head, hub_setting_values_t *values), void *arg)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, half;
    hub_credential_t head;
    hub_setting_values_t values;
    id_key(&prefix, tenant, 0);
    hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &half))
        if (half.len == HUB_HASH_HALF && read_half(view, (const unsigned char *)half.ptr, &head, &values) == HUB_EOK &&
            !visit(arg, &head, &values))
            break;
    return hub_scan_finish(&scan);
}

bool hub_credential_any(hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'h');
    hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
    bool any = hub_scan_next(&scan, &key, &value);
    hub_scan_finish(&scan);
    return any;
}

/* ---- is it good? ---- */

static bool is_over(int64_t expires)
{
    return expires && expires <= hub_now_ms();
}

static hub_err_t read_token(hub_view_t *view, const unsigned char *hash, hub_access_token_t *token)
{
    hub_key_t key;
    hub_slice_t record;
    half_key(&key, 't', hash);
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, &key, &record);
    if (err)
        return err;
    if (record.len != sizeof *token)
        return HUB_ESTORE;
    memcpy(token, record.ptr, sizeof *token);
    return hub_equal_secret(token->hash, hash, HUB_SHA256_LEN) ? HUB_EOK : HUB_ENOT_FOUND;
}

static hub_err_t token_good(hub_view_t *view, const unsigned char *hash, hub_credential_t *head, hub_setting_values_t *values)
{
    hub_access_token_t token;
    hub_err_t err = read_token(view, hash, &token);
    if (!err && is_over(token.expires))
        err = HUB_ENOT_FOUND;
    if (!err)
        err = read_half(view, token.client_half, head, values);
    if (!err && (head->id != token.client || is_over(head->expires)))
        err = HUB_ENOT_FOUND;
    if (!err)
        head->permissions &= token.permissions;
    return err;
}

hub_err_t hub_credential_good(hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN], hub_credential_t *head,
                              hub_setting_values_t *values)
{
    hub_err_t err = read_half(view, hash, head, values);
    if (err == HUB_ENOT_FOUND)
        err = token_good(view, hash, head, values);
    else if (!err && (head->kind != HUB_CREDENTIAL_KEY || !hub_equal_secret(head->hash, hash, HUB_SHA256_LEN) || is_over(head->expires)))
        err = HUB_ENOT_FOUND; /* a client's secret opens the token endpoint alone */
    return err == HUB_ENOT_FOUND ? HUB_EUNAUTHORIZED : err;
}

hub_err_t hub_credential_client_good(hub_view_t *view, hub_slice_t client_id, hub_slice_t secret, hub_credential_t *head,
                                     hub_setting_values_t *values)
{
    unsigned char hash[HUB_SHA256_LEN];
    hub_sha256(secret, hash); /* also of a client that is not there: the same work */
    hub_err_t err = hub_credential_find_client(view, client_id, head, values);
    if (!err && (head->kind != HUB_CREDENTIAL_CLIENT || !hub_equal_secret(head->hash, hash, sizeof hash) || is_over(head->expires)))
        err = HUB_ENOT_FOUND;
    return err == HUB_ENOT_FOUND ? HUB_EUNAUTHORIZED : err;
}

/* ---- access tokens ---- */

static void expiry_key(hub_key_t *key, const hub_access_token_t *token)
{
    hub_key_init(key);
    hub_key_u8(key, 'e');
    hub_key_u64(key, (uint64_t)token->expires);
    hub_key_bytes(key, half_of(token->hash));
}

static void owner_key(hub_key_t *key, const hub_access_token_t *token)
{
    hub_key_init(key);
    hub_key_u8(key, 'x');
    hub_key_u32(key, token->client);
    hub_key_u64(key, (uint64_t)token->expires);
    hub_key_bytes(key, half_of(token->hash));
}

static hub_err_t forget(hub_view_t *view, const hub_access_token_t *token)
{
    hub_key_t key;
    half_key(&key, 't', token->hash);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    expiry_key(&key, token);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    owner_key(&key, token);
    return err ? err : hub_view_delete(view, HUB_TABLE_KEY, &key);
}

/* The half of the hash that such an index key ends with; the token read by it. */
static hub_err_t token_of(hub_view_t *view, hub_slice_t index_key, hub_access_token_t *token)
{
    hub_key_t key;
    hub_slice_t record;
    if (index_key.len < HUB_HASH_HALF)
        return HUB_ESTORE;
    half_key(&key, 't', (const unsigned char *)index_key.ptr + index_key.len - HUB_HASH_HALF);
    hub_err_t err = hub_view_get(view, HUB_TABLE_KEY, &key, &record);
    if (!err && record.len != sizeof *token)
        err = HUB_ESTORE;
    if (!err)
        memcpy(token, record.ptr, sizeof *token);
    return err;
}

/* Drops the client's oldest token when it has as many as it may have. */
static hub_err_t make_room(hub_view_t *view, uint32_t client)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_access_token_t oldest;
    unsigned count = 0;
    hub_err_t read = HUB_EOK;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'x');
    hub_key_u32(&prefix, client);
    hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
    while (count < HUB_ACCESS_TOKENS_MOST && hub_scan_next(&scan, &key, &value))
        if (!count++)
            read = token_of(view, key, &oldest);
    hub_err_t err = hub_scan_finish(&scan);
    if (!err)
        err = read;
    return !err && count == HUB_ACCESS_TOKENS_MOST ? forget(view, &oldest) : err;
}

hub_err_t hub_access_token_put(hub_view_t *view, const hub_access_token_t *token)
{
    hub_key_t key;
    hub_err_t err = make_room(view, token->client);
    half_key(&key, 't', token->hash);
    if (!err)
        err = hub_view_put(view, HUB_TABLE_KEY, &key, hub_slice((const char *)token, sizeof *token));
    expiry_key(&key, token);
    if (!err)
        err = hub_view_put(view, HUB_TABLE_KEY, &key, HUB_SLICE_LIT("1"));
    owner_key(&key, token);
    return err ? err : hub_view_put(view, HUB_TABLE_KEY, &key, HUB_SLICE_LIT("1"));
}

hub_err_t hub_access_token_drop(hub_view_t *view, const unsigned char hash[HUB_SHA256_LEN], uint32_t client, bool *foreign)
{
    hub_access_token_t token;
    hub_err_t err = read_token(view, hash, &token);
    *foreign = !err && token.client != client;
    return err || *foreign ? err : forget(view, &token);
}

hub_err_t hub_access_token_expire(hub_view_t *view, int64_t now, unsigned limit, unsigned *count)
{
    hub_key_t prefix;
    hub_err_t err = HUB_EOK;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'e');
    for (*count = 0; *count < limit && !err; ++*count) {
        hub_scan_t scan;
        hub_slice_t key, value;
        hub_access_token_t token;
        hub_scan_init(&scan, view, HUB_TABLE_KEY, &prefix, NULL, false);
        bool some = hub_scan_next(&scan, &key, &value);
        hub_err_t found = some ? token_of(view, key, &token) : HUB_EOK;
        err = hub_scan_finish(&scan);
        if (!err)
            err = found;
        if (err || !some || token.expires > now)
            break;
        err = forget(view, &token);
    }
    return err;
}
