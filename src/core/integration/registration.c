/* The record of a registration: 8 bytes version, 4 bytes command, 1 byte wanted, then JSON with sealed tokens. Any thread with a view. */
#include "registration.h"

#include <string.h>

#include "integration_index.h"
#include "object/projection.h"

#define HEAD_LEN 13

/* ---- the rows of the record's JSON ---- */

typedef struct row {
    const char *name;
    size_t offset;
} row_t;

static const row_t tokens[] = {
    {"tokenA", offsetof(hub_registration_t, token_a)},
    {"ourToken", offsetof(hub_registration_t, our_token)},
    {"previousToken", offsetof(hub_registration_t, previous_token)},
    {"theirToken", offsetof(hub_registration_t, their_token)},
    {"pendingToken", offsetof(hub_registration_t, pending_token)},
};
static const row_t texts[] = {
    {"description", offsetof(hub_registration_t, status_description)}, {"versionsUrl", offsetof(hub_registration_t, versions_url)},
    {"detailsUrl", offsetof(hub_registration_t, details_url)},         {"hubPartyId", offsetof(hub_registration_t, hub_party_id)},
    {"lastError", offsetof(hub_registration_t, last_error)},
};
static const row_t numbers[] = {
    {"previousSince", offsetof(hub_registration_t, previous_since)},
    {"registeredAt", offsetof(hub_registration_t, registered_at)},
    {"lastOk", offsetof(hub_registration_t, last_ok)},
    {"lastErrorAt", offsetof(hub_registration_t, last_error_at)},
    {"tokenEncoding", offsetof(hub_registration_t, token_encoding)},
};
static const row_t flags[] = {
    {"authorized", offsetof(hub_registration_t, authorized)},
    {"tokenUsed", offsetof(hub_registration_t, token_used)},
};

#define AT(type, registration, row) ((type *)(void *)((char *)(registration) + (row)->offset))

/* A sealed token opens only in its own place of its own record. */
static hub_slice_t seal_context(hub_pool_t *pool, uint32_t tenant, uint32_t id, const char *name)
{
    return hub_pool_printf(pool, "registration/%u/%u/%s", tenant, id, name);
}

/* ---- writing ---- */

static void add_name(hub_buf_t *out, const char *name)
{
    hub_buf_printf(out, ",\"%s\":", name);
}

static void write_endpoint(hub_buf_t *out, const hub_endpoint_t *endpoint)
{
    hub_buf_add_str(out, "{\"identifier\":");
    hub_buf_add_json(out, endpoint->identifier);
    hub_buf_add_str(out, ",\"role\":");
    hub_buf_add_json(out, endpoint->side ? hub_slice_str(ocpi_side_name((ocpi_side_t)endpoint->side)) : HUB_SLICE_NONE);
    hub_buf_add_str(out, ",\"url\":");
    hub_buf_add_json(out, endpoint->url);
    hub_buf_add_char(out, '}');
}

static void write_endpoints(hub_buf_t *out, const hub_registration_t *registration)
{
    hub_buf_add_char(out, '[');
    for (uint32_t i = 0; i < registration->endpoint_count; i++) {
        if (i)
            hub_buf_add_char(out, ',');
        write_endpoint(out, &registration->endpoints[i]);
    }
    hub_buf_add_char(out, ']');
}

static hub_slice_t encode(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id, const hub_registration_t *registration)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    unsigned char head[HEAD_LEN];
    hub_record_version_put(head, registration->version);
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (unsigned char)(registration->command >> (24 - 8 * i));
    head[12] = (unsigned char)registration->wanted;
    hub_buf_add(&out, hub_slice((const char *)head, sizeof head));
    hub_buf_printf(&out, "{\"status\":%d", (int)registration->status);
    if (registration->ocpi_version)
        hub_buf_printf(&out, ",\"ocpiVersion\":\"%s\"", ocpi_version_name(registration->ocpi_version));
    for (size_t i = 0; i < HUB_COUNT(tokens); i++) {
        hub_slice_t token = *AT(const hub_slice_t, registration, &tokens[i]);
        if (token.len == 0)
            continue;
        add_name(&out, tokens[i].name);
        hub_buf_add_json(&out, hub_seal(core->crypto, pool, token, seal_context(pool, tenant, id, tokens[i].name)));
    }
    for (size_t i = 0; i < HUB_COUNT(texts); i++) {
        hub_slice_t text = *AT(const hub_slice_t, registration, &texts[i]);
        if (text.len == 0)
            continue;
        add_name(&out, texts[i].name);
        hub_buf_add_json(&out, text);
    }
    for (size_t i = 0; i < HUB_COUNT(numbers); i++)
        hub_buf_printf(&out, ",\"%s\":%lld", numbers[i].name, (long long)*AT(const int64_t, registration, &numbers[i]));
    for (size_t i = 0; i < HUB_COUNT(flags); i++)
        hub_buf_printf(&out, ",\"%s\":%s", flags[i].name, *AT(const bool, registration, &flags[i]) ? "true" : "false");
    if (registration->roles_json.len) {
        add_name(&out, "roles");
        hub_buf_add(&out, registration->roles_json);
    }
    add_name(&out, "endpoints");
    write_endpoints(&out, registration);
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

/* ---- reading ---- */

static int64_t get_number(yyjson_val *root, const char *name)
{
    uint64_t n = 0;
    (void)hub_slice_u64(ocpi_get_str(root, name), &n);
    return (int64_t)n;
}

static void read_endpoints(hub_pool_t *pool, yyjson_val *list, hub_registration_t *out)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(list))
        return;
    out->endpoints = hub_pool_zalloc(pool, (yyjson_arr_size(list) + 1) * sizeof *out->endpoints);
    yyjson_arr_foreach(list, i, n, item)
    {
        hub_endpoint_t *endpoint = &out->endpoints[out->endpoint_count++];
        hub_slice_t side = ocpi_get_str(item, "role");
        endpoint->identifier = ocpi_get_str(item, "identifier");
        endpoint->url = ocpi_get_str(item, "url");
        endpoint->module = (uint8_t)ocpi_module_parse(endpoint->identifier);
        endpoint->side = hub_slice_eq_str(side, "SENDER") ? OCPI_SENDER : hub_slice_eq_str(side, "RECEIVER") ? OCPI_RECEIVER : 0;
    }
}

static hub_err_t read_tokens(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id, yyjson_val *root, hub_registration_t *out)
{
    for (size_t i = 0; i < HUB_COUNT(tokens); i++) {
        hub_slice_t sealed = ocpi_get_str(root, tokens[i].name);
        if (sealed.len == 0)
            continue;
        hub_err_t err =
            hub_unseal(core->crypto, pool, sealed, seal_context(pool, tenant, id, tokens[i].name), AT(hub_slice_t, out, &tokens[i]));
        if (err)
            return err;
    }
    return HUB_EOK;
}

static uint32_t head_command(hub_slice_t record)
{
    uint32_t command = 0;
    for (size_t i = 8; i < 12; i++)
        command = command << 8 | (unsigned char)record.ptr[i];
    return command;
}

static hub_err_t decode(hub_core_t *core, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_slice_t record, hub_registration_t *out)
{
    yyjson_doc *doc;
    if (record.len <= HEAD_LEN || ocpi_read(pool, hub_slice(record.ptr + HEAD_LEN, record.len - HEAD_LEN), &doc, NULL))
        return HUB_ESTORE;
    yyjson_val *root = yyjson_doc_get_root(doc), *roles = yyjson_obj_get(root, "roles");
    out->version = hub_record_version(record);
    out->command = head_command(record);
    out->wanted = (hub_wanted_t)(unsigned char)record.ptr[12];
    out->status = (hub_integration_status_t)get_number(root, "status");
    (void)ocpi_version_parse(ocpi_get_str(root, "ocpiVersion"), &out->ocpi_version);
    for (size_t i = 0; i < HUB_COUNT(texts); i++)
        *AT(hub_slice_t, out, &texts[i]) = ocpi_get_str(root, texts[i].name);
    for (size_t i = 0; i < HUB_COUNT(numbers); i++)
        *AT(int64_t, out, &numbers[i]) = get_number(root, numbers[i].name);
    for (size_t i = 0; i < HUB_COUNT(flags); i++)
        *AT(bool, out, &flags[i]) = yyjson_is_true(yyjson_obj_get(root, flags[i].name));
    if (roles)
        out->roles_json = ocpi_write(pool, roles);
    read_endpoints(pool, yyjson_obj_get(root, "endpoints"), out);
    return read_tokens(core, pool, tenant, id, root, out);
}

/* ---- the store ---- */

hub_err_t hub_registration_get(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_registration_t *out)
{
    hub_key_t key;
    hub_slice_t record;
    *out = (hub_registration_t){.status = HUB_STATUS_DRAFT};
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REGISTRATION, &key, &record);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    return decode(core, pool, tenant, id, hub_pool_copy(pool, record), out); /* inside apply the record moves with the next write */
}

hub_wanted_t hub_registration_wanted(hub_view_t *view, uint32_t tenant, uint32_t id, uint32_t *command)
{
    hub_key_t key;
    hub_slice_t record;
    *command = 0;
    hub_integration_key(&key, tenant, id);
    if (hub_view_get(view, HUB_TABLE_REGISTRATION, &key, &record) != HUB_EOK || record.len <= HEAD_LEN)
        return HUB_WANT_NOTHING;
    *command = head_command(record);
    return (hub_wanted_t)(unsigned char)record.ptr[12];
}

hub_err_t hub_registration_put_quiet(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_registration_t *registration)
{
    hub_key_t key;
    hub_pool_t *pool = hub_pool_create();
    registration->version++;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_integration_index_status(view, tenant, id, hub_registration_status(view, tenant, id), registration->status);
    if (!err)
        err = hub_view_put(view, HUB_TABLE_REGISTRATION, &key, encode(core, pool, tenant, id, registration));
    hub_pool_destroy(pool);
    return err ? err : hub_projection_spoken(view, tenant, id, registration->authorized ? registration->ocpi_version : 0);
}

/* The status as it lies in the store now, without opening the tokens. */
hub_integration_status_t hub_registration_status(hub_view_t *view, uint32_t tenant, uint32_t id)
{
    static const char name[] = "{\"status\":";
    hub_key_t key;
    hub_slice_t record;
    uint64_t status = HUB_STATUS_DRAFT;
    hub_integration_key(&key, tenant, id);
    if (hub_view_get(view, HUB_TABLE_REGISTRATION, &key, &record) != HUB_EOK || record.len <= HEAD_LEN + sizeof name)
        return HUB_STATUS_DRAFT;
    size_t at = HEAD_LEN + sizeof name - 1, end = at;
    while (end < record.len && record.ptr[end] >= '0' && record.ptr[end] <= '9')
        end++;
    (void)hub_slice_u64(hub_slice(record.ptr + at, end - at), &status);
    return status <= HUB_STATUS_UNREGISTERED ? (hub_integration_status_t)status : HUB_STATUS_DRAFT;
}

hub_err_t hub_registration_put(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_registration_t *registration)
{
    hub_integration_status_t before = hub_registration_status(view, tenant, id);
    hub_err_t err = hub_registration_put_quiet(core, view, tenant, id, registration);
    if (!err)
        err = hub_integration_note(view, tenant, id, HUB_CHANGE_OBJECT, NULL);
    if (!err && before != registration->status)
        err = hub_integration_note(view, tenant, id, HUB_CHANGE_EVSE, NULL);
    return err;
}

hub_err_t hub_registration_token_set(hub_view_t *view, uint32_t tenant, uint32_t id, hub_slice_t *slot, hub_slice_t token,
                                     hub_token_kind_t kind, bool keep_old)
{
    const hub_token_record_t record = {.tenant = tenant, .integration = id, .kind = (uint8_t)kind};
    hub_err_t err = HUB_EOK;
    if (slot->len && !keep_old && !hub_slice_eq(*slot, token))
        err = hub_token_drop(view, *slot);
    *slot = token;
    if (!err && token.len)
        err = hub_token_put(view, token, &record);
    return err;
}

hub_err_t hub_registration_void(hub_view_t *view, hub_registration_t *registration)
{
    hub_slice_t *const slots[] = {&registration->token_a, &registration->our_token, &registration->previous_token,
                                  &registration->pending_token};
    hub_err_t err = HUB_EOK;
    for (size_t i = 0; i < HUB_COUNT(slots) && !err; i++) {
        if (slots[i]->len)
            err = hub_token_drop(view, *slots[i]);
        *slots[i] = HUB_SLICE_NONE;
    }
    registration->their_token = HUB_SLICE_NONE;
    registration->authorized = registration->token_used = false;
    registration->previous_since = 0;
    registration->token_encoding = HUB_TOKEN_AUTO;
    return err;
}

hub_err_t hub_registration_revoke(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id)
{
    hub_registration_t registration;
    hub_err_t err = hub_registration_get(core, view, pool, tenant, id, &registration);
    if (err || !registration.previous_token.len)
        return err;
    registration.previous_since = 0;
    err = hub_registration_token_set(view, tenant, id, &registration.previous_token, HUB_SLICE_NONE, HUB_TOKEN_KIND_NONE, false);
    return err ? err : hub_registration_put(core, view, tenant, id, &registration);
}

hub_err_t hub_registration_forget(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id)
{
    static const hub_table_t tables[] = {HUB_TABLE_REGISTRATION, HUB_TABLE_TRANSCRIPT};
    hub_registration_t registration;
    hub_key_t key;
    hub_err_t err = hub_registration_get(core, view, pool, tenant, id, &registration);
    if (!err)
        err = hub_integration_index_status(view, tenant, id, hub_registration_status(view, tenant, id), HUB_STATUS_DRAFT);
    if (!err)
        err = hub_registration_void(view, &registration);
    if (!err)
        err = hub_projection_spoken(view, tenant, id, 0);
    hub_integration_key(&key, tenant, id);
    for (size_t i = 0; i < HUB_COUNT(tables) && !err; i++) {
        err = hub_view_delete(view, tables[i], &key);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
    }
    return err;
}

/* ---- parts of the integration's answer ---- */

void hub_registration_write_version_details(const hub_registration_t *registration, hub_buf_t *out)
{
    if (!registration->ocpi_version) {
        hub_buf_add_str(out, "null");
        return;
    }
    hub_buf_printf(out, "{\"version\":\"%s\",\"endpoints\":", ocpi_version_name(registration->ocpi_version));
    write_endpoints(out, registration);
    hub_buf_add_char(out, '}');
}

static void add_secret(hub_buf_t *out, hub_pool_t *pool, const char *name, hub_slice_t secret, bool reveal)
{
    hub_buf_printf(out, "\"%s\":", name);
    hub_buf_add_json(out, !secret.len ? HUB_SLICE_NONE : reveal ? secret : hub_mask(pool, secret));
    hub_buf_add_char(out, ',');
}

void hub_registration_write_credentials_info(const hub_registration_t *registration, const hub_integration_t *integration, bool reveal,
                                             hub_pool_t *pool, hub_buf_t *out)
{
    hub_slice_t initial = registration->token_a.len ? registration->token_a : integration->initial_token;
    const char *role = !integration->has_initial_role ? NULL : integration->initial_sender ? "SENDER" : "RECEIVER";
    hub_buf_add_char(out, '{');
    add_secret(out, pool, "initialToken", initial, reveal);
    hub_buf_add_str(out, "\"initialRole\":");
    hub_buf_add_json(out, hub_slice_str(role));
    hub_buf_add_char(out, ',');
    add_secret(out, pool, "ourToken", registration->our_token, reveal);
    add_secret(out, pool, "theirToken", registration->their_token, reveal);
    hub_buf_add_str(out, "\"url\":");
    hub_buf_add_json(out, registration->versions_url.len ? registration->versions_url : HUB_SLICE_NONE);
    hub_buf_add_str(out, ",\"credentialsRoles\":");
    hub_buf_add(out, registration->roles_json.len ? registration->roles_json : HUB_SLICE_LIT("[]"));
    hub_buf_add_char(out, '}');
}
