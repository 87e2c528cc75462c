/* Objects that a version cannot say yet. A tariff without a start in 2.1.1 is one that holds now: REFERENCE 'Y', time, object key. A
 * session of 2.1.1 has its Location in it: REFERENCE 'Z', key of the Location, object key, which becomes due when the Location is stored. A
 * session or CDR that a partner gave in 2.1.1 names a token by its contract: REFERENCE 'z', tenant, contract, object key, due when a token
 * of that contract is stored. A row that is left of an object which has changed since does no harm: the object is made anew as it is. */
#include <string.h>

#include "object.h"

#define WAITING_MOST 1000u /* for one Location or contract, that are looked at in one operation; the rest at its next change */

static void due_key(hub_key_t *key)
{
    hub_key_init(key);
    hub_key_u8(key, 'Y');
}

static hub_err_t put_due(hub_view_t *view, hub_slice_t object_key, int64_t time)
{
    hub_key_t key;
    due_key(&key);
    hub_key_u64(&key, (uint64_t)time);
    hub_key_bytes(&key, object_key);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
}

static void location_key(hub_key_t *key, hub_slice_t location)
{
    hub_key_init(key);
    hub_key_u8(key, 'Z');
    hub_key_bytes(key, location);
}

static hub_err_t await_location(hub_view_t *view, hub_slice_t object_key, const hub_object_id_t *session, hub_slice_t location)
{
    hub_key_t key, of;
    hub_object_id_t id = *session;
    id.module = OCPI_MODULE_LOCATIONS;
    id.id = location;
    id.type = HUB_SLICE_NONE;
    if (!location.len || hub_object_key(&id, &of) != HUB_EOK)
        return HUB_EOK;
    location_key(&key, hub_key_slice(&of));
    hub_key_bytes(&key, object_key);
    return key.overflow ? HUB_EOK : hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
}

static void contract_key(hub_key_t *key, uint32_t tenant, hub_slice_t contract)
{
    hub_key_init(key);
    hub_key_u8(key, 'z');
    hub_key_u32(key, tenant);
    hub_key_folded(key, contract);
}

static hub_err_t await_token(hub_view_t *view, hub_slice_t object_key, const hub_object_id_t *id, hub_slice_t contract)
{
    hub_key_t key;
    contract_key(&key, id->tenant, contract);
    hub_key_bytes(&key, object_key);
    return !contract.len || key.overflow ? HUB_EOK : hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
}

hub_err_t hub_projection_await(hub_view_t *view, hub_slice_t object_key, yyjson_val *root, int64_t now)
{
    hub_object_id_t id;
    int64_t start;
    unsigned odd;
    if (!hub_object_key_parse(object_key, &id))
        return HUB_EOK;
    if (id.scope != HUB_SCOPE_OWN)
        return await_token(view, object_key, &id, ocpi_get_str(root, "auth_id")); /* a member of Sessions and CDRs of 2.1.1 */
    if (id.module == OCPI_MODULE_SESSIONS)
        return await_location(view, object_key, &id, ocpi_get_str(root, "location_id"));
    if (id.module != OCPI_MODULE_TARIFFS || !ocpi_time_parse(ocpi_get_str(root, "start_date_time"), &start, &odd) || start <= now)
        return HUB_EOK;
    return put_due(view, object_key, start);
}

static hub_err_t now_due(hub_view_t *view, const hub_key_t *prefix)
{
    hub_key_t row;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, prefix, NULL, false);
    for (unsigned i = 0; i < WAITING_MOST && !err && hub_scan_next(&scan, &key, &value); i++) {
        hub_key_init(&row);
        hub_key_bytes(&row, key);
        err = put_due(view, hub_slice((const char *)row.bytes + prefix->len, (size_t)(row.len - prefix->len)), 0);
        if (!err)
            err = hub_view_delete(view, HUB_TABLE_REFERENCE, &row);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

hub_err_t hub_projection_location_stored(hub_view_t *view, hub_slice_t location)
{
    hub_key_t prefix;
    location_key(&prefix, location);
    return now_due(view, &prefix);
}

hub_err_t hub_projection_contract_known(hub_view_t *view, uint32_t tenant, hub_slice_t contract)
{
    hub_key_t prefix;
    contract_key(&prefix, tenant, contract);
    return contract.len && !prefix.overflow ? now_due(view, &prefix) : HUB_EOK;
}

static bool first_due(hub_view_t *view, int64_t now, hub_key_t *out)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint64_t time = 0;
    due_key(&prefix);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    bool found = hub_scan_next(&scan, &key, &value) && key.len > 9;
    for (size_t i = 1; found && i < 9; i++)
        time = time << 8 | (unsigned char)key.ptr[i];
    hub_key_init(out);
    if (found)
        hub_key_bytes(out, key);
    return hub_scan_finish(&scan) == HUB_EOK && found && (int64_t)time <= now;
}

bool hub_projection_due(hub_view_t *view, int64_t now)
{
    hub_key_t key;
    return first_due(view, now, &key);
}

static hub_err_t make_anew(hub_view_t *view, hub_pool_t *pool, hub_slice_t key)
{
    hub_object_t head;
    hub_object_id_t id;
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err || !hub_object_key_parse(key, &id))
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    hub_projection_write(&head, hub_projection_written(&head), hub_projection_own(&head));
    yyjson_val *root = hub_objects__read(pool, hub_projection_own(&head));
    bool own = id.scope == HUB_SCOPE_OWN;
    if (root)
        err = hub_projection_make(view, pool, key, root, own ? hub_projection_demand(view, id.tenant) : OCPI_V2_2_1, &head);
    if (!own && head.form_state[hub_projection_slot(OCPI_V2_2_1)] == HUB_FORM_REFUSED)
        return err; /* nothing that anybody would see */
    return err || !root ? err : hub_object_put(view, &id, &head, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

hub_err_t hub_projection_awake(hub_view_t *view, hub_pool_t *pool, int64_t now, unsigned limit)
{
    hub_key_t key;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < limit && !err && first_due(view, now, &key); i++) {
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
        if (!err)
            err = make_anew(view, pool, hub_slice((const char *)key.bytes + 9, key.len - 9u));
    }
    return err;
}
