/* Integrations as the rest of the core sees them: both records decoded into one immutable value, and each worker's cache of these. */
#include "integration.h"

#include <stdlib.h>
#include <string.h>

#include "integration_setting.h"
#include "registration.h"

/* ---- names and keys ---- */

const char *hub_integration_status_name(hub_integration_status_t status)
{
    static const char *const names[] = {
        [HUB_STATUS_DRAFT] = "DRAFT",
        [HUB_STATUS_AWAITING_PARTNER] = "AWAITING_PARTNER",
        [HUB_STATUS_EXCHANGING] = "EXCHANGING",
        [HUB_STATUS_CONNECTED] = "CONNECTED",
        [HUB_STATUS_DEGRADED] = "DEGRADED",
        [HUB_STATUS_OFFLINE] = "OFFLINE",
        [HUB_STATUS_SUSPENDED] = "SUSPENDED",
        [HUB_STATUS_FAILED] = "FAILED",
        [HUB_STATUS_UNREGISTERED] = "UNREGISTERED",
    };
    HUB_ASSERT((unsigned)status < HUB_COUNT(names));
    return names[status];
}

void hub_integration_key(hub_key_t *key, uint32_t tenant, uint32_t id)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u32(key, id);
}

#define CHANGE_STATUS 's' /* a ninth byte: an entry of its own, so that "updated" and "status" never hide one another */

hub_err_t hub_integration_note(hub_view_t *view, uint32_t tenant, uint32_t id, hub_change_kind_t kind, uint64_t *seq)
{
    hub_key_t key;
    const hub_stream_t stream = {.tenant = tenant, .kind = HUB_STREAM_OWN, .module = HUB_MODULE_INTEGRATION};
    hub_integration_key(&key, tenant, id);
    if (kind == HUB_CHANGE_EVSE) {
        hub_key_u8(&key, CHANGE_STATUS);
        kind = HUB_CHANGE_OBJECT;
    }
    return hub_change_note(view, &stream, hub_key_slice(&key), kind, hub_now_ms(), seq);
}

bool hub_integration_change_parse(hub_slice_t key, uint32_t *tenant, uint32_t *id, bool *status)
{
    if (key.len != 8 && key.len != 9)
        return false;
    *tenant = hub_u32_at(key.ptr);
    *id = hub_u32_at(key.ptr + 4);
    *status = key.len == 9;
    return true;
}

hub_err_t hub_integration_each(hub_view_t *view, uint32_t tenant, bool (*visit)(void *arg, uint32_t tenant, uint32_t id), void *arg)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    if (tenant)
        hub_key_u32(&prefix, tenant);
    hub_scan_init(&scan, view, HUB_TABLE_INTEGRATION, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        if (key.len == 8 && !visit(arg, hub_u32_at(key.ptr), hub_u32_at(key.ptr + 4)))
            break;
    return hub_scan_finish(&scan);
}

bool hub_integration_uses_party(hub_view_t *view, uint32_t tenant, uint32_t party)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'P');
    hub_key_u32(&prefix, tenant);
    hub_key_u32(&prefix, party);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    bool found = hub_scan_next(&scan, &key, &value);
    hub_scan_finish(&scan);
    return found;
}

/* ---- the peer ---- */

const hub_endpoint_t *hub_integration_endpoint(const hub_integration_t *integration, ocpi_module_t module, ocpi_side_t side)
{
    for (uint32_t i = 0; i < integration->endpoint_count; i++)
        if (integration->endpoints[i].module == module && integration->endpoints[i].side == side)
            return &integration->endpoints[i];
    return NULL;
}

bool hub_integration_other_roles(const hub_integration_t *a, const hub_integration_t *b)
{
    bool same = a->party_count == b->party_count && a->customer_roles == b->customer_roles;
    for (uint32_t i = 0; same && i < a->party_count; i++)
        same = a->parties[i].id == b->parties[i].id && a->parties[i].roles == b->parties[i].roles;
    return !same;
}

bool hub_integration_has_peer_party(const hub_integration_t *integration, hub_slice_t country, hub_slice_t party)
{
    if (integration->peer_is_hub)
        return true;
    for (uint32_t i = 0; i < integration->peer_role_count; i++)
        if (hub_slice_caseeq_str(country, integration->peer_roles[i].country) &&
            hub_slice_caseeq_str(party, integration->peer_roles[i].party))
            return true;
    return false;
}

static void add_peer_role(hub_integration_t *out, hub_slice_t country, hub_slice_t party, uint32_t roles)
{
    if (!country.len || !party.len)
        return;
    hub_party_ref_t *ref = &out->peer_roles[out->peer_role_count++];
    hub_setting_copy(ref->country, sizeof ref->country, country);
    hub_setting_copy(ref->party, sizeof ref->party, party);
    ref->roles = roles;
    out->peer_role_mask |= roles;
}

static void add_peer_roles(hub_integration_t *out, yyjson_val *root)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(root, i, n, item)
    {
        ocpi_role_t role;
        bool known = ocpi_role_parse(ocpi_get_str(item, "role"), &role);
        add_peer_role(out, ocpi_get_str(item, "country_code"), ocpi_get_str(item, "party_id"), known ? role : 0);
    }
}

/* What 2.2.1 says by the role HUB, 2.3.0 says by hub_party_id: country code and party in one. It counts as a party of that role. */
static void decode_peer_roles(hub_integration_t *out, hub_slice_t json, hub_slice_t hub)
{
    yyjson_doc *doc = NULL;
    yyjson_val *root = NULL;
    if (json.len && ocpi_read(out->pool, json, &doc, NULL) == HUB_EOK)
        root = yyjson_doc_get_root(doc);
    out->peer_roles = hub_pool_zalloc(out->pool, ((root ? yyjson_arr_size(root) : 0) + 1) * sizeof *out->peer_roles);
    if (root)
        add_peer_roles(out, root);
    if (hub.len > 2 && hub.len <= 5)
        add_peer_role(out, hub_slice(hub.ptr, 2), hub_slice(hub.ptr + 2, hub.len - 2), OCPI_ROLE_HUB);
    out->peer_is_hub = hub.len || (out->peer_role_mask & OCPI_ROLE_HUB);
}

static void take_registration(hub_integration_t *out, const hub_registration_t *registration)
{
    out->registration_version = registration->version;
    out->status = out->enabled ? registration->status : HUB_STATUS_SUSPENDED;
    out->status_description = registration->status_description;
    out->authorized = registration->authorized;
    out->ocpi_version = registration->ocpi_version;
    out->their_token = registration->their_token;
    out->previous_since = registration->previous_since;
    if (out->profile.token_encoding == HUB_TOKEN_AUTO)
        out->profile.token_encoding = (hub_token_encoding_t)registration->token_encoding;
    out->versions_url = registration->versions_url;
    out->endpoints = registration->endpoints;
    out->endpoint_count = registration->endpoint_count;
    decode_peer_roles(out, registration->roles_json, registration->hub_party_id);
}

/* ---- loading ---- */

static void approved_key(hub_key_t *key, uint32_t tenant, int64_t id)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u32(key, (uint32_t)id);
}

/* The approved party's profile holds where the integration's own says nothing. A directory entry that is gone changes nothing. */
static void take_profile(hub_view_t *view, hub_integration_t *out, hub_setting_values_t *values)
{
    static const uint8_t rows[] = {S_TOKEN_ENCODING, S_STRICT, S_FOREIGN_PARTIES, S_DATE_FROM_OPTIONAL, S_PAGE_LIMIT, S_TIMEOUT_MS};
    hub_key_t key;
    hub_slice_t record;
    hub_setting_values_t known;
    int64_t id = hub_setting_int(values->json[S_APPROVED_PARTY], 0);
    out->approved_version = 0;
    if (id <= 0 || id > UINT32_MAX)
        return;
    approved_key(&key, out->tenant, id);
    if (hub_view_get(view, HUB_TABLE_APPROVED_PARTY, &key, &record) != HUB_EOK ||
        hub_setting_decode(&hub_integration_settings, record, &known, &out->approved_version) != HUB_EOK)
        return;
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (!values->json[rows[i]].ptr)
            values->json[rows[i]] = known.json[rows[i]]; /* profile.def: the same ids in both tables */
}

hub_err_t hub_integration_registration_version(hub_view_t *view, uint32_t tenant, uint32_t id, uint64_t *version)
{
    hub_key_t key;
    hub_slice_t record;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &record);
    if (!err)
        err = hub_view_get(view, HUB_TABLE_REGISTRATION, &key, &record);
    *version = err ? 0 : hub_record_version(record);
    return err;
}

hub_err_t hub_integration_make(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id,
                               const hub_setting_values_t *settings, uint64_t version, const hub_registration_t *registration,
                               hub_integration_t *out)
{
    hub_setting_values_t values = *settings;
    out->tenant = tenant;
    take_profile(view, out, &values);
    hub_err_t err = hub_integration_decode(core, pool, tenant, id, &values, version, out);
    if (err)
        return err;
    take_registration(out, registration);
    if (out->ocpi_version == OCPI_V2_1_1 && !values.json[S_FOREIGN_PARTIES].ptr) /* decision D */
        out->profile.foreign_parties = true;
    return HUB_EOK;
}

hub_err_t hub_integration_load(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_t **out)
{
    hub_key_t key;
    hub_slice_t record;
    hub_setting_values_t values;
    hub_registration_t registration;
    uint64_t version;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &record);
    if (err)
        return err;
    hub_pool_t *pool = hub_pool_create();
    hub_integration_t *loaded = HUB_POOL_NEW(pool, hub_integration_t);
    err = hub_setting_decode(&hub_integration_settings, record, &values, &version);
    if (!err)
        err = hub_registration_get(core, view, pool, tenant, id, &registration);
    if (!err)
        err = hub_integration_make(core, view, pool, tenant, id, &values, version, &registration, loaded);
    if (err) {
        hub_pool_destroy(pool);
        return err;
    }
    atomic_init(&loaded->references, 1);
    *out = loaded;
    return HUB_EOK;
}

hub_integration_t *hub_integration_ref(hub_integration_t *integration)
{
    atomic_fetch_add_explicit(&integration->references, 1, memory_order_relaxed);
    return integration;
}

void hub_integration_unref(hub_integration_t *integration)
{
    if (integration && atomic_fetch_sub_explicit(&integration->references, 1, memory_order_acq_rel) == 1)
        hub_pool_destroy(integration->pool);
}

/* ---- a worker's cache: its thread only, so no lock; entries are immutable ---- */

#define CACHE_BUCKETS 4096
#define CACHE_MAX 8192 /* then it is emptied: decoding costs some 20 µs an integration, bookkeeping of use would cost every request */

typedef struct cached {
    struct cached *next;
    hub_integration_t *integration;
    uint64_t access; /* hub_view_access when it was last found fresh */
} cached_t;

struct hub_integration_cache {
    cached_t *buckets[CACHE_BUCKETS];
    uint32_t count;
};

static void cache_clear(struct hub_integration_cache *cache)
{
    for (uint32_t i = 0; i < CACHE_BUCKETS; i++)
        while (cache->buckets[i]) {
            cached_t *entry = cache->buckets[i];
            cache->buckets[i] = entry->next;
            hub_integration_unref(entry->integration);
            free(entry);
        }
    cache->count = 0;
}

void hub_integration_cache_destroy(struct hub_integration_cache *cache)
{
    if (cache)
        cache_clear(cache);
    free(cache);
}

static hub_err_t version_of(hub_view_t *view, hub_table_t table, const hub_key_t *key, uint64_t *version)
{
    hub_slice_t record;
    hub_err_t err = hub_view_get(view, table, key, &record);
    *version = err ? 0 : hub_record_version(record);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static hub_err_t is_fresh(hub_view_t *view, const hub_integration_t *integration, bool *fresh)
{
    hub_key_t key;
    uint64_t settings = 0, registration = 0, approved = 0;
    hub_integration_key(&key, integration->tenant, integration->id);
    hub_err_t err = version_of(view, HUB_TABLE_INTEGRATION, &key, &settings);
    if (!err)
        err = version_of(view, HUB_TABLE_REGISTRATION, &key, &registration);
    if (!err && integration->approved_party > 0 && integration->approved_party <= UINT32_MAX) {
        approved_key(&key, integration->tenant, integration->approved_party);
        err = version_of(view, HUB_TABLE_APPROVED_PARTY, &key, &approved);
    }
    *fresh = !err && settings == integration->version && registration == integration->registration_version &&
             approved == integration->approved_version;
    return err;
}

hub_err_t hub_integration_get(hub_worker_t *worker, hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_t **out)
{
    if (!worker->integrations) {
        worker->integrations = calloc(1, sizeof *worker->integrations);
        HUB_ASSERT(worker->integrations);
    }
    struct hub_integration_cache *cache = worker->integrations;
    cached_t **bucket = &cache->buckets[(id * 2654435769u) >> 20], *entry = *bucket;
    while (entry && (entry->integration->id != id || entry->integration->tenant != tenant))
        entry = entry->next;
    uint64_t access = hub_view_access(view);
    bool fresh = entry && access && entry->access == access;
    hub_err_t err = entry && !fresh ? is_fresh(view, entry->integration, &fresh) : HUB_EOK;
    if (!err && !fresh) {
        hub_integration_t *loaded;
        err = hub_integration_load(worker->core, view, tenant, id, &loaded);
        if (err)
            return err;
        if (!entry) {
            if (cache->count >= CACHE_MAX)
                cache_clear(cache);
            entry = calloc(1, sizeof *entry);
            HUB_ASSERT(entry);
            entry->next = *bucket;
            *bucket = entry;
            cache->count++;
        }
        hub_integration_unref(entry->integration);
        entry->integration = loaded;
    }
    if (err)
        return err;
    entry->access = access;
    *out = hub_integration_ref(entry->integration);
    return HUB_EOK;
}
