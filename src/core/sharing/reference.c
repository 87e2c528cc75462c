/* The records behind sharing: sets of tariff ids, what locations and tariffs are to all partners, the sharing settings. Kinds of REFERENCE
 * keys used here: 'L' place, 'T' price, 'S' share, 'A' adjust, 'B' sights by object. Records are of fixed native layout: a store does not
 * move between byte orders. */
#include <stdlib.h>
#include <string.h>

#include "reference.h"

static void reference_key(hub_key_t *key, char kind, hub_slice_t object_key)
{
    hub_key_init(key);
    hub_key_u8(key, (uint8_t)kind);
    hub_key_bytes(key, object_key);
}

/* ---- names ---- */

static int name_compare(const void *a, const void *b)
{
    const hub_slice_t *x = a, *y = b;
    size_t least = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->ptr, y->ptr, least);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static hub_slice_t fold(hub_pool_t *pool, hub_slice_t s)
{
    char *out = hub_pool_alloc(pool, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 0x20 : s.ptr[i]);
    out[s.len] = 0;
    return hub_slice(out, s.len);
}

typedef struct names_grow {
    hub_pool_t *pool;
    hub_names_t names;
    uint32_t capacity;
} names_grow_t;

static void names_add(names_grow_t *grow, hub_slice_t id)
{
    if (id.len == 0 || id.len > 255 || memchr(id.ptr, 0, id.len))
        return; /* no tariff can have it */
    if (grow->names.count == grow->capacity) {
        uint32_t capacity = grow->capacity ? grow->capacity * 2 : 8;
        hub_slice_t *list = hub_pool_alloc(grow->pool, capacity * sizeof *list);
        if (grow->names.count)
            memcpy(list, grow->names.list, grow->names.count * sizeof *list);
        grow->names.list = list;
        grow->capacity = capacity;
    }
    grow->names.list[grow->names.count++] = id;
}

static void names_add_list(names_grow_t *grow, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(list))
        return;
    yyjson_arr_foreach(list, i, n, item)
    {
        if (yyjson_is_str(item))
            names_add(grow, fold(grow->pool, hub_slice(yyjson_get_str(item), yyjson_get_len(item))));
    }
}

static yyjson_val *by_id(yyjson_val *list, const char *name, hub_slice_t id)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(list))
        return NULL;
    yyjson_arr_foreach(list, i, n, item)
    {
        if (hub_slice_caseeq(ocpi_get_str(item, name), id))
            return item;
    }
    return NULL;
}

static void names_of_evse(names_grow_t *grow, yyjson_val *evse, yyjson_val *binding)
{
    size_t i, n;
    yyjson_val *connector, *connectors = yyjson_obj_get(evse, "connectors");
    yyjson_val *bound = by_id(yyjson_obj_get(binding, "evses"), "uid", ocpi_get_str(evse, "uid"));
    if (!yyjson_is_arr(connectors) || hub_slice_eq_str(ocpi_get_str(evse, "status"), "REMOVED"))
        return;
    yyjson_arr_foreach(connectors, i, n, connector)
    {
        yyjson_val *mine = by_id(yyjson_obj_get(bound, "connectors"), "id", ocpi_get_str(connector, "id"));
        yyjson_val *ids = yyjson_obj_get(mine, "tariffIds");
        names_add_list(grow, ids ? ids : yyjson_obj_get(connector, "tariff_ids"));
        if (!ids)
            names_add(grow, fold(grow->pool, ocpi_get_str(connector, "tariff_id"))); /* written in 2.1.1 */
    }
}

static void names_sort(hub_names_t *names)
{
    if (names->count < 2)
        return;
    qsort(names->list, names->count, sizeof *names->list, name_compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < names->count; i++) {
        if (!hub_slice_eq(names->list[i], names->list[kept - 1]))
            names->list[kept++] = names->list[i];
    }
    names->count = kept;
}

hub_names_t hub_names_of(hub_pool_t *pool, yyjson_val *location, yyjson_val *binding)
{
    names_grow_t grow = {.pool = pool};
    size_t i, n;
    yyjson_val *evse, *evses = yyjson_obj_get(location, "evses");
    if (yyjson_is_arr(evses)) {
        yyjson_arr_foreach(evses, i, n, evse)
        {
            names_of_evse(&grow, evse, binding);
        }
    }
    names_sort(&grow.names);
    return grow.names;
}

hub_slice_t hub_names_write(hub_pool_t *pool, const hub_names_t *names)
{
    hub_buf_t buf = HUB_BUF_INIT(pool);
    for (uint32_t i = 0; i < names->count; i++) {
        hub_buf_add(&buf, names->list[i]);
        hub_buf_add_char(&buf, 0);
    }
    return hub_buf_slice(&buf);
}

hub_names_t hub_names_read(hub_pool_t *pool, hub_slice_t text)
{
    names_grow_t grow = {.pool = pool};
    hub_slice_t rest = hub_pool_copy(pool, text), name;
    while (rest.len && hub_slice_split(&rest, 0, &name))
        names_add(&grow, name);
    return grow.names;
}

bool hub_names_eq(const hub_names_t *a, const hub_names_t *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!hub_slice_eq(a->list[i], b->list[i]))
            return false;
    }
    return true;
}

hub_names_t hub_names_diff(hub_pool_t *pool, const hub_names_t *old, const hub_names_t *now, int **sign)
{
    names_grow_t grow = {.pool = pool};
    uint32_t a = 0, b = 0;
    *sign = hub_pool_alloc(pool, (old->count + now->count + 1u) * sizeof **sign);
    while (a < old->count || b < now->count) {
        int order = a == old->count ? 1 : b == now->count ? -1 : name_compare(&old->list[a], &now->list[b]);
        if (order != 0) {
            (*sign)[grow.names.count] = order < 0 ? -1 : 1;
            names_add(&grow, order < 0 ? old->list[a] : now->list[b]);
        }
        a += order <= 0;
        b += order >= 0;
    }
    return grow.names;
}

/* ---- place ---- */

typedef struct place_record {
    uint32_t party;
    uint8_t shown, seen, removed, open;
} place_record_t;

hub_err_t hub_place_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_place_t *out)
{
    hub_key_t reference;
    hub_slice_t value;
    place_record_t record;
    memset(out, 0, sizeof *out);
    reference_key(&reference, 'L', key);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &reference, &value);
    if (err == HUB_ENOT_FOUND)
        return HUB_EOK;
    if (err != HUB_EOK)
        return err;
    if (value.len < sizeof record)
        return HUB_ESTORE;
    memcpy(&record, value.ptr, sizeof record);
    out->exists = true;
    out->party = record.party;
    out->shown = record.shown;
    out->seen = record.seen;
    out->removed = record.removed;
    out->open = record.open;
    out->names = hub_names_read(pool, hub_slice(value.ptr + sizeof record, value.len - sizeof record));
    return HUB_EOK;
}

hub_err_t hub_place_put(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, const hub_place_t *place)
{
    hub_key_t reference;
    place_record_t record = {
        .party = place->party, .shown = place->shown, .seen = place->seen, .removed = place->removed, .open = place->open};
    hub_buf_t buf = HUB_BUF_INIT(pool);
    hub_buf_add(&buf, hub_slice((const char *)&record, sizeof record));
    hub_buf_add(&buf, hub_names_write(pool, &place->names));
    reference_key(&reference, 'L', key);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &reference, hub_buf_slice(&buf));
}

hub_err_t hub_place_drop(hub_view_t *view, hub_slice_t key)
{
    hub_key_t reference;
    reference_key(&reference, 'L', key);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_REFERENCE, &reference);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- price ---- */

/* A record of fixed size: zeroes when there is none. */
static hub_err_t fixed_get(hub_view_t *view, const hub_key_t *key, void *out, size_t size)
{
    hub_slice_t value;
    memset(out, 0, size);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, key, &value);
    if (err != HUB_EOK)
        return err;
    if (value.len != size)
        return HUB_ESTORE;
    memcpy(out, value.ptr, size);
    return HUB_EOK;
}

hub_err_t hub_price_get(hub_view_t *view, hub_slice_t key, hub_price_t *out)
{
    hub_key_t reference;
    reference_key(&reference, 'T', key);
    hub_err_t err = fixed_get(view, &reference, out, sizeof *out);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

hub_err_t hub_price_put(hub_view_t *view, hub_slice_t key, const hub_price_t *price)
{
    hub_key_t reference;
    reference_key(&reference, 'T', key);
    if (price->shown || price->named || price->seen || price->moved_seq)
        return hub_view_put(view, HUB_TABLE_REFERENCE, &reference, hub_slice((const char *)price, sizeof *price));
    hub_err_t err = hub_view_delete(view, HUB_TABLE_REFERENCE, &reference);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- share ---- */

static void share_key(hub_key_t *key, uint32_t integration)
{
    hub_key_init(key);
    hub_key_u8(key, 'S');
    hub_key_u32(key, integration);
}

void hub_share_of(const hub_integration_t *integration, hub_share_t *out)
{
    memset(out, 0, sizeof *out);
    out->tenant = integration->tenant;
    out->integration = integration->id;
    out->bound = integration->sharing_bound;
    out->tariffs_all = integration->tariffs_all;
    for (uint32_t i = 0; i < integration->party_count && out->party_count < HUB_SHARE_PARTIES; i++) {
        if (integration->parties[i].id && !hub_share_has(out, integration->parties[i].id))
            out->parties[out->party_count++] = integration->parties[i].id;
    }
}

hub_err_t hub_share_get(hub_view_t *view, uint32_t tenant, uint32_t integration, hub_share_t *out)
{
    hub_key_t key;
    share_key(&key, integration);
    hub_err_t err = fixed_get(view, &key, out, sizeof *out);
    return err == HUB_EOK && out->tenant != tenant ? HUB_ENOT_FOUND : err;
}

hub_err_t hub_share_put(hub_view_t *view, const hub_share_t *share)
{
    hub_key_t key;
    share_key(&key, share->integration);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)share, sizeof *share));
}

hub_err_t hub_share_drop(hub_view_t *view, uint32_t integration)
{
    hub_key_t key;
    share_key(&key, integration);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

bool hub_share_eq(const hub_share_t *a, const hub_share_t *b)
{
    return memcmp(a, b, offsetof(hub_share_t, all_until)) == 0;
}

bool hub_share_has(const hub_share_t *share, uint32_t party)
{
    for (uint32_t i = 0; i < share->party_count; i++) {
        if (share->parties[i] == party)
            return true;
    }
    return false;
}
