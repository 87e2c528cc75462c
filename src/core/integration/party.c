/* Our own parties: /v1/parties, and look-ups for the rest of the core. One is unique by (countryCode, partyId): table REFERENCE 'C'. */
#include "party.h"

#include <string.h>

#include "integration.h"
#include "settings/collection.h"
#include "v1.h"

enum {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias) P_##symbol,
#include "party.def"
#undef HUB_SETTING
};
#define ROOT 0
static const hub_setting_t rows[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, group, type, flags, name, min, max, options, fallback, alias),
#include "party.def"
#undef HUB_SETTING
};

static const hub_setting_group_t groups[] = {{NULL, 0, false}};
static const char *const read_only[] = {"id", NULL};

static bool is_detail(hub_slice_t name)
{
    const ocpi_object_t *details = ocpi_object(OCPI_OBJECT_BUSINESS_DETAILS);
    for (uint16_t i = 0; i < details->count; i++)
        if (hub_slice_eq_str(name, details->fields[i].name))
            return true;
    return false;
}

/* BusinessDetails as partners get them: by the rows of the specification, without what is null. */
static hub_slice_t check_details(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems)
{
    (void)row;
    const ocpi_check_t check = {.object = OCPI_OBJECT_BUSINESS_DETAILS, .version = OCPI_V2_2_1, .own = true};
    ocpi_problems_t found;
    uint32_t before = problems->errors;
    size_t i, n;
    yyjson_val *key, *member;
    if (!yyjson_is_obj(value)) {
        ocpi_problem_add(problems, OCPI_ERROR, pointer, "type", "must be of type object");
        return HUB_SLICE_NONE;
    }
    yyjson_obj_foreach(value, i, n, key, member)
    {
        if (!is_detail(ocpi_str(key)))
            hub_setting_unknown(pool, pointer, ocpi_str(key), problems);
    }
    ocpi_problems_init(&found, pool);
    ocpi_check(value, &check, &found);
    for (i = 0; i < found.count; i++)
        ocpi_problem_add(problems, (int)found.list[i].severity,
                         hub_pool_printf(pool, "%.*s%.*s", HUB_SLICE_FMT(pointer), HUB_SLICE_FMT(found.list[i].pointer)),
                         found.list[i].rule, "%.*s", HUB_SLICE_FMT(found.list[i].message));
    bool changed;
    return problems->errors != before
               ? HUB_SLICE_NONE
               : ocpi_normalise(pool, value, ocpi_write(pool, value), OCPI_OBJECT_BUSINESS_DETAILS, OCPI_V2_2_1, &changed);
}

const hub_setting_table_t hub_party_settings = {rows, HUB_COUNT(rows), groups, HUB_COUNT(groups), read_only, check_details, NULL};

/* ---- look-ups ---- */

static hub_err_t decode(hub_pool_t *pool, uint32_t id, hub_slice_t record, hub_party_t *out)
{
    hub_setting_values_t values;
    uint64_t version;
    memset(out, 0, sizeof *out);
    out->bytes = hub_pool_copy(pool, record);
    hub_err_t err = hub_setting_decode(&hub_party_settings, out->bytes, &values, &version);
    if (err)
        return err;
    out->id = id;
    hub_setting_copy(out->country, sizeof out->country, hub_setting_text(pool, values.json[P_COUNTRY]));
    hub_setting_copy(out->party, sizeof out->party, hub_setting_text(pool, values.json[P_PARTY]));
    out->roles = hub_setting_roles(values.json[P_ROLES]);
    out->business_details = values.json[P_BUSINESS_DETAILS];
    return HUB_EOK;
}

static void code_key(hub_key_t *key, uint32_t tenant, hub_slice_t country, hub_slice_t party)
{
    hub_key_init(key);
    hub_key_u8(key, 'C');
    hub_key_u32(key, tenant);
    hub_key_folded(key, country);
    hub_key_folded(key, party);
}

static uint32_t id_at(hub_slice_t bytes)
{
    return bytes.len < 4 ? 0 : hub_u32_at(bytes.ptr);
}

hub_err_t hub_party_get(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_party_t *out)
{
    hub_key_t key;
    hub_slice_t record;
    hub_key_init(&key);
    hub_key_u32(&key, tenant);
    hub_key_u32(&key, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_PARTY, &key, &record);
    return err ? err : decode(pool, id, record, out);
}

hub_err_t hub_party_find(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_slice_t country, hub_slice_t party, hub_party_t *out)
{
    hub_key_t key;
    hub_slice_t id;
    if (country.len != 2 || party.len != 3 || memchr(country.ptr, 0, 2) || memchr(party.ptr, 0, 3))
        return HUB_ENOT_FOUND;
    code_key(&key, tenant, country, party);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &id);
    return err ? err : hub_party_get(view, pool, tenant, id_at(id), out);
}

hub_err_t hub_party_all(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, hub_party_t **out, uint32_t *count)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_buf_t list = HUB_BUF_INIT(pool);
    hub_key_init(&prefix);
    hub_key_u32(&prefix, tenant);
    *count = 0;
    hub_scan_init(&scan, view, HUB_TABLE_PARTY, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value)) {
        hub_party_t party;
        if (decode(pool, id_at(hub_slice(key.ptr + 4, 4)), value, &party) != HUB_EOK)
            continue;
        hub_buf_add(&list, hub_slice((const char *)&party, sizeof party));
        (*count)++;
    }
    *out = (hub_party_t *)(void *)list.ptr;
    return hub_scan_finish(&scan);
}

/* ---- /v1/parties ---- */

static bool owns_objects(hub_view_t *view, uint32_t party)
{
    for (unsigned module = 1; module < OCPI_MODULE_COUNT; module++)
        if (hub_audience_count(view, hub_audience(HUB_AUDIENCE_PARTY_ALL, party), (uint8_t)module))
            return true;
    return false;
}

static const char *in_use(hub_view_t *view, const hub_collection_change_t *change)
{
    if (hub_integration_uses_party(view, change->tenant, change->id))
        return "an integration still uses this party";
    return owns_objects(view, change->id) ? "this party still owns objects" : NULL;
}

static hub_err_t conflict(hub_collection_change_t *change, const char *why)
{
    change->conflict = hub_slice_str(why);
    return HUB_ECONFLICT;
}

static void key_of(hub_collection_change_t *change, const hub_setting_values_t *values, hub_key_t *key)
{
    code_key(key, change->tenant, hub_setting_text(change->pool, values->json[P_COUNTRY]),
             hub_setting_text(change->pool, values->json[P_PARTY]));
}

static hub_err_t settle(hub_view_t *view, hub_collection_change_t *change)
{
    hub_key_t before, after;
    hub_slice_t taken;
    bool had = change->old.json[P_COUNTRY].ptr != NULL;
    if (had)
        key_of(change, &change->old, &before);
    if (change->remove) {
        const char *why = in_use(view, change);
        return why ? conflict(change, why) : hub_view_delete(view, HUB_TABLE_REFERENCE, &before);
    }
    key_of(change, &change->now, &after);
    bool moved = had && !hub_slice_eq(hub_key_slice(&before), hub_key_slice(&after));
    const char *why = moved ? in_use(view, change) : NULL;
    if (why)
        return conflict(change, hub_pool_printf(change->pool, "countryCode and partyId cannot change: %s", why).ptr);
    if (hub_view_get(view, HUB_TABLE_REFERENCE, &after, &taken) == HUB_EOK && id_at(taken) != change->id)
        return conflict(change, "there is already a party with this countryCode and partyId");
    if (moved)
        hub_view_delete(view, HUB_TABLE_REFERENCE, &before);
    const uint32_t id = change->id;
    const char bytes[4] = {(char)(id >> 24), (char)(id >> 16), (char)(id >> 8), (char)id};
    return hub_view_put(view, HUB_TABLE_REFERENCE, &after, hub_slice(bytes, sizeof bytes));
}

static const hub_collection_t parties = {"/v1/parties",       "party",   HUB_TABLE_PARTY, false,
                                         &hub_party_settings, P_CREATED, P_LAST_UPDATED,  settle};

void hub_v1_party_list(hub_exchange_t *x)
{
    hub_collection_list(x, &parties);
}

void hub_v1_party_create(hub_exchange_t *x)
{
    hub_collection_write(x, &parties, true, true);
}

void hub_v1_party_get(hub_exchange_t *x)
{
    hub_collection_get(x, &parties);
}

void hub_v1_party_put(hub_exchange_t *x)
{
    hub_collection_write(x, &parties, true, false);
}

void hub_v1_party_patch(hub_exchange_t *x)
{
    hub_collection_write(x, &parties, false, false);
}

void hub_v1_party_delete(hub_exchange_t *x)
{
    hub_collection_delete(x, &parties);
}
