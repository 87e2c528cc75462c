/* Sights: one object as one integration sees it (table BINDING), the rows of its overlay, and what they take from sums of counters. */
#include <string.h>

#include "object/objects.h"
#include "reference.h"

#define SIGHT_STORED offsetof(hub_sight_t, body)

static void sight_key(hub_key_t *key, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t object_key)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u32(key, integration);
    hub_key_u8(key, module);
    hub_key_bytes(key, object_key);
}

static void by_object_key(hub_key_t *key, hub_slice_t object_key)
{
    hub_key_init(key);
    hub_key_u8(key, 'B');
    hub_key_bytes(key, object_key);
}

hub_err_t hub_sight_get(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key,
                        hub_sight_t *out)
{
    hub_key_t at;
    hub_slice_t value;
    memset(out, 0, sizeof *out);
    sight_key(&at, tenant, integration, module, key);
    hub_err_t err = hub_view_get(view, HUB_TABLE_BINDING, &at, &value);
    if (err == HUB_ENOT_FOUND)
        return HUB_EOK;
    if (err != HUB_EOK)
        return err;
    if (value.len < SIGHT_STORED)
        return HUB_ESTORE;
    memcpy(out, value.ptr, SIGHT_STORED);
    if (out->body_len > value.len - SIGHT_STORED)
        return HUB_ESTORE;
    out->body = hub_slice(value.ptr + SIGHT_STORED, out->body_len);
    out->named = hub_slice(value.ptr + SIGHT_STORED + out->body_len, value.len - SIGHT_STORED - out->body_len);
    if (pool) {
        out->body = hub_pool_copy(pool, out->body);
        out->named = hub_pool_copy(pool, out->named);
    }
    return HUB_EOK;
}

hub_err_t hub_sight_put(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key,
                        const hub_sight_t *sight)
{
    hub_key_t at, by;
    hub_sight_t stored = *sight;
    hub_buf_t buf = HUB_BUF_INIT(pool);
    stored.body_len = (uint32_t)sight->body.len;
    stored.exists = 1;
    hub_buf_add(&buf, hub_slice((const char *)&stored, SIGHT_STORED));
    hub_buf_add(&buf, sight->body);
    hub_buf_add(&buf, sight->named);
    sight_key(&at, tenant, integration, module, key);
    hub_err_t err = hub_view_put(view, HUB_TABLE_BINDING, &at, hub_buf_slice(&buf));
    if (err != HUB_EOK || sight->exists)
        return err;
    by_object_key(&by, key);
    hub_key_u32(&by, integration);
    return hub_view_put(view, HUB_TABLE_REFERENCE, &by, HUB_SLICE_LIT("1"));
}

hub_err_t hub_sight_drop(hub_view_t *view, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t key)
{
    hub_key_t at, by;
    sight_key(&at, tenant, integration, module, key);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_BINDING, &at);
    if (err != HUB_EOK && err != HUB_ENOT_FOUND)
        return err;
    by_object_key(&by, key);
    hub_key_u32(&by, integration);
    err = hub_view_delete(view, HUB_TABLE_REFERENCE, &by);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

hub_err_t hub_sight_integrations(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, uint32_t **out, uint32_t *count)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t at, value;
    hub_buf_t buf = HUB_BUF_INIT(pool);
    by_object_key(&prefix, key);
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (hub_scan_next(&scan, &at, &value)) {
        const unsigned char *end = (const unsigned char *)at.ptr + at.len - 4;
        uint32_t id = (uint32_t)end[0] << 24 | (uint32_t)end[1] << 16 | (uint32_t)end[2] << 8 | end[3];
        if (at.len == (size_t)prefix.len + 4)
            hub_buf_add(&buf, hub_slice((const char *)&id, sizeof id));
    }
    *out = (uint32_t *)(void *)buf.ptr;
    *count = (uint32_t)(buf.len / sizeof(uint32_t));
    return hub_scan_finish(&scan);
}

hub_err_t hub_sight_keys(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t integration, uint8_t module, hub_slice_t **out,
                         uint32_t *count)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t at, value;
    hub_buf_t buf = HUB_BUF_INIT(pool);
    sight_key(&prefix, tenant, integration, module, HUB_SLICE_LIT(""));
    hub_scan_init(&scan, view, HUB_TABLE_BINDING, &prefix, NULL, false);
    while (hub_scan_next(&scan, &at, &value)) {
        hub_slice_t key = hub_pool_copy(pool, hub_slice(at.ptr + prefix.len, at.len - prefix.len));
        hub_buf_add(&buf, hub_slice((const char *)&key, sizeof key));
    }
    *out = (hub_slice_t *)(void *)buf.ptr;
    *count = (uint32_t)(buf.len / sizeof(hub_slice_t));
    return hub_scan_finish(&scan);
}

/* ---- what the base says ---- */

static uint32_t party_of(const hub_object_t *object)
{
    for (uint32_t i = 0; i < object->audience_count; i++) {
        if (object->audiences[i] >> 56 == HUB_AUDIENCE_PARTY_ALL)
            return (uint32_t)object->audiences[i];
    }
    return 0;
}

hub_err_t hub_fact_get(hub_view_t *view, hub_pool_t *pool, uint8_t module, hub_slice_t key, hub_fact_t *out)
{
    hub_object_t object;
    memset(out, 0, sizeof *out);
    hub_err_t err = hub_object_get_key(view, key, &object);
    if (err != HUB_EOK)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    out->exists = true;
    out->party = party_of(&object);
    out->last_updated = object.last_updated;
    out->created_seq = object.created_seq;
    if (module == OCPI_MODULE_LOCATIONS) {
        hub_place_t place;
        err = hub_place_get(view, pool, key, &place);
        out->shown = place.shown;
    } else {
        hub_price_t price;
        err = hub_price_get(view, key, &price);
        out->shown = price.shown;
    }
    return err;
}

static bool in_base(const hub_share_t *share, uint8_t module, const hub_fact_t *fact)
{
    if (!fact->exists || !hub_share_has(share, fact->party))
        return false;
    if (module == OCPI_MODULE_TARIFFS && share->tariffs_all)
        return true;
    return !share->bound && fact->shown > 0;
}

static bool is_visible(const hub_share_t *share, uint8_t module, const hub_fact_t *fact, const hub_sight_t *sight)
{
    if (!fact->exists || !hub_share_has(share, fact->party))
        return false;
    if (sight->bound)
        return true;
    if (module == OCPI_MODULE_LOCATIONS || share->tariffs_all)
        return in_base(share, module, fact);
    int64_t named = (int64_t)sight->names;
    if (!share->bound)
        named += (int64_t)fact->shown - (int64_t)sight->hides;
    return named > 0;
}

hub_err_t hub_sight_open(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, hub_slice_t key,
                         const hub_fact_t *fact, hub_sight_t *out)
{
    hub_err_t err = hub_sight_get(view, pool, share->tenant, share->integration, module, key, out);
    if (err == HUB_EOK && !out->exists)
        out->visible = in_base(share, module, fact);
    return err;
}

/* ---- the overlay row ---- */

static void adjust_key(hub_key_t *key, uint32_t integration, uint8_t module)
{
    hub_key_init(key);
    hub_key_u8(key, 'A');
    hub_key_u32(key, integration);
    hub_key_u8(key, module);
}

int64_t hub_adjust_get(hub_view_t *view, uint32_t integration, uint8_t module)
{
    hub_key_t key;
    hub_slice_t value;
    int64_t adjust = 0;
    adjust_key(&key, integration, module);
    if (hub_view_get(view, HUB_TABLE_REFERENCE, &key, &value) == HUB_EOK && value.len == sizeof adjust)
        memcpy(&adjust, value.ptr, sizeof adjust);
    return adjust;
}

static hub_err_t adjust_add(hub_view_t *view, uint32_t integration, uint8_t module, int64_t more)
{
    hub_key_t key;
    int64_t adjust = hub_adjust_get(view, integration, module) + more;
    adjust_key(&key, integration, module);
    if (adjust != 0)
        return hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)&adjust, sizeof adjust));
    hub_err_t err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

typedef struct row {
    uint8_t tag, weight;
    uint64_t created_seq;
    int64_t updated;
} row_t;

static hub_err_t row_set(hub_view_t *view, const hub_share_t *share, uint8_t module, hub_slice_t key, hub_sight_t *sight, const row_t *row)
{
    hub_audience_t overlay = hub_audience(HUB_AUDIENCE_OVERLAY, share->integration);
    hub_err_t err = HUB_EOK;
    bool same = sight->tag == row->tag && sight->created_seq == row->created_seq && sight->row_updated == row->updated;
    if (sight->tag && (!row->tag || sight->created_seq != row->created_seq)) {
        err = hub_row_delete(view, overlay, module, sight->created_seq);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
    }
    if (err == HUB_EOK && row->tag && !same)
        err = hub_row_put(view, overlay, module, row->created_seq, row->updated, row->tag, key);
    if (err == HUB_EOK && sight->weight != row->weight)
        err = adjust_add(view, share->integration, module, (int64_t)sight->weight - (int64_t)row->weight);
    sight->tag = row->tag;
    sight->weight = row->weight;
    sight->created_seq = row->created_seq;
    sight->row_updated = row->updated;
    return err;
}

static row_t row_of(const hub_fact_t *fact, const hub_sight_t *sight, bool base)
{
    row_t row = {0};
    if (sight->visible) {
        if (!base || sight->bound || sight->since > fact->last_updated)
            row.tag = HUB_SHARING_INCLUDE;
        row.updated = sight->since > fact->last_updated ? sight->since : fact->last_updated;
    } else if (sight->withdrawn) {
        row.tag = HUB_SHARING_WITHDRAWN;
        row.updated = sight->since;
    } else if (base) {
        row.tag = HUB_SHARING_EXCLUDE;
        row.updated = fact->last_updated;
    }
    if (!row.tag)
        return (row_t){0};
    row.created_seq = fact->created_seq;
    row.weight = (uint8_t)(!base ? 0 : row.tag == HUB_SHARING_EXCLUDE ? 2 : 1);
    return row;
}

static hub_err_t note(hub_view_t *view, const hub_share_t *share, uint8_t module, hub_slice_t key, hub_change_kind_t kind, int64_t now)
{
    hub_stream_t stream = {.tenant = share->tenant, .kind = HUB_STREAM_BINDING, .integration = share->integration, .module = module};
    uint64_t seq;
    return hub_change_note(view, &stream, key, kind, now, &seq);
}

hub_err_t hub_sight_settle(hub_view_t *view, hub_pool_t *pool, const hub_share_t *share, uint8_t module, hub_slice_t key,
                           const hub_fact_t *fact, hub_sight_t *sight, hub_settle_t how, int64_t now)
{
    bool was = sight->visible, before = was || sight->withdrawn, ours = fact->exists && hub_share_has(share, fact->party);
    sight->visible = is_visible(share, module, fact, sight);
    if (!ours || sight->visible)
        sight->withdrawn = 0;
    else if (was && how == HUB_SETTLE_TOUCH && module == OCPI_MODULE_LOCATIONS)
        sight->withdrawn = 1;
    bool moved = fact->exists && (how == HUB_SETTLE_TOUCH || (how == HUB_SETTLE_PLAIN && sight->visible != was));
    if (moved)
        sight->since = sight->visible || sight->withdrawn ? now : 0;
    row_t row = row_of(fact, sight, in_base(share, module, fact));
    hub_err_t err = row_set(view, share, module, key, sight, &row);
    if (err == HUB_EOK && moved && (sight->visible || before)) {
        bool goes = !sight->visible && !sight->withdrawn;
        err = note(view, share, module, key, goes ? HUB_CHANGE_DELETE : HUB_CHANGE_OBJECT, now);
    }
    if (err != HUB_EOK)
        return err;
    if (sight->bound || sight->names || sight->hides || sight->tag)
        return hub_sight_put(view, pool, share->tenant, share->integration, module, key, sight);
    return sight->exists ? hub_sight_drop(view, share->tenant, share->integration, module, key) : HUB_EOK;
}
