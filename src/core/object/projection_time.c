/* Objects that a version cannot say yet: a tariff without a start in 2.1.1 is one that holds now. REFERENCE 'Y', time, object key. A row
 * that is left of an object which has changed since does no harm: the object is made anew as it is. */
#include <string.h>

#include "object.h"

static void due_key(hub_key_t *key)
{
    hub_key_init(key);
    hub_key_u8(key, 'Y');
}

hub_err_t hub_projection_await(hub_view_t *view, hub_slice_t object_key, yyjson_val *root, int64_t now)
{
    hub_key_t key;
    hub_object_id_t id;
    int64_t start;
    unsigned odd;
    hub_slice_t text = ocpi_get_str(root, "start_date_time");
    if (!hub_object_key_parse(object_key, &id) || id.scope != HUB_SCOPE_OWN || id.module != OCPI_MODULE_TARIFFS ||
        !ocpi_time_parse(text, &start, &odd) || start <= now)
        return HUB_EOK;
    due_key(&key);
    hub_key_u64(&key, (uint64_t)start);
    hub_key_bytes(&key, object_key);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
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
    if (root)
        err = hub_projection_make(view, pool, key, root, hub_projection_demand(view, id.tenant), &head);
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
