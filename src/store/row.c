/* The rows that make an object appear in lists: CREATED, UPDATED and the counters, an audience each. */
#include "room.h"

#define TAGGED_HEAD 9 /* tag, last_updated */

/* ---- counters ---- */

static hub_err_t total_flush(hub_view_t *view, total_t *total)
{
    hub_key_t key;
    if (!total->dirty)
        return HUB_EOK;
    total->dirty = false;
    hub_store__key_audience(&key, total->audience, total->module);
    if (total->rows)
        return hub_store__number_put(view, HUB_TABLE_TOTAL, &key, total->rows);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_TOTAL, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

hub_err_t hub_store__totals_flush(hub_view_t *view)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; !err && i < view->batch->total_count; i++)
        err = total_flush(view, &view->batch->totals[i]);
    return err;
}

static hub_err_t total_of(hub_view_t *view, hub_audience_t audience, uint8_t module, total_t **out)
{
    batch_t *batch = view->batch;
    for (unsigned i = 0; i < batch->total_count; i++)
        if (batch->totals[i].audience == audience && batch->totals[i].module == module) {
            *out = &batch->totals[i];
            return HUB_EOK;
        }
    hub_err_t err = HUB_EOK;
    if (batch->total_count == TOTAL_SLOTS) {
        err = hub_store__totals_flush(view);
        batch->total_count = 0;
    }
    hub_key_t key;
    total_t *total = &batch->totals[batch->total_count];
    *total = (total_t){.audience = audience, .module = module};
    hub_store__key_audience(&key, audience, module);
    if (!err)
        err = hub_store__number_get(view, HUB_TABLE_TOTAL, &key, &total->rows);
    if (!err)
        batch->total_count++;
    *out = total;
    return err;
}

static hub_err_t total_add(hub_view_t *view, hub_audience_t audience, uint8_t module, int by)
{
    total_t *total;
    hub_err_t err = total_of(view, audience, module, &total);
    if (err)
        return err;
    total->rows += (uint64_t)(int64_t)by;
    total->dirty = true;
    hub_store__wrote(view);
    return HUB_EOK;
}

uint64_t hub_audience_count(hub_view_t *view, hub_audience_t audience, uint8_t module)
{
    hub_key_t key;
    uint64_t rows;
    total_t *total;
    if (view->batch)
        return total_of(view, audience, module, &total) ? 0 : total->rows;
    hub_store__key_audience(&key, audience, module);
    hub_store__number_get(view, HUB_TABLE_TOTAL, &key, &rows);
    return rows;
}

/* ---- refusals ---- */

static uint8_t refusals(uint8_t module, unsigned form)
{
    HUB_ASSERT(module < 1 << MODULE_BITS);
    return (uint8_t)(module | (form + 1) << MODULE_BITS);
}

uint64_t hub_audience_refused(hub_view_t *view, hub_audience_t audience, uint8_t module, uint8_t form)
{
    return hub_audience_count(view, audience, refusals(module, form));
}

static hub_err_t refusals_add(hub_view_t *view, uint8_t module, const hub_object_t *object, unsigned form, int by)
{
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; object && object->form_state[form] == HUB_FORM_REFUSED && !err && i < object->audience_count; i++)
        err = total_add(view, object->audiences[i], refusals(module, form), by);
    return err;
}

hub_err_t hub_store__refusals_move(hub_view_t *view, uint8_t module, const hub_object_t *old, const hub_object_t *now)
{
    hub_err_t err = HUB_EOK;
    for (unsigned form = 0; form < HUB_OBJECT_FORMS && !err; form++) {
        err = refusals_add(view, module, old, form, -1);
        if (!err)
            err = refusals_add(view, module, now, form, 1);
    }
    return err;
}

/* ---- rows ---- */

bool hub_store__updated_decode(hub_slice_t key, hub_slice_t value, hub_list_row_t *row)
{
    if (key.len != 25 || !value.len)
        return false;
    row->audience = hub_store__read_u64(key.ptr);
    row->last_updated = hub_store__read_time(key.ptr + 9);
    row->created_seq = hub_store__read_u64(key.ptr + 17);
    row->tag = (uint8_t)value.ptr[0];
    row->key = hub_slice(value.ptr + 1, value.len - 1);
    return hub_store__leaves_rows(row->audience) == (row->key.len > 0);
}

hub_err_t hub_store__updated_live(hub_view_t *view, hub_slice_t key, hub_slice_t value)
{
    hub_list_row_t row;
    hub_object_t object;
    if (!hub_store__updated_decode(key, value, &row))
        return HUB_ESTORE;
    if (!row.key.len)
        return HUB_EOK;
    hub_err_t err = hub_store__object_find(view, row.key, &object);
    if (err)
        return err;
    bool member = false;
    for (uint32_t i = 0; i < object.audience_count; i++)
        member |= object.audiences[i] == row.audience;
    return member && object.created_seq == row.created_seq && object.last_updated == row.last_updated ? HUB_EOK : HUB_ENOT_FOUND;
}

bool hub_store__row_decode(hub_slice_t value, hub_list_row_t *row)
{
    if (value.len < 2)
        return false;
    row->tag = (uint8_t)value.ptr[0];
    row->last_updated = 0;
    if (!row->tag) {
        row->key = hub_slice(value.ptr + 1, value.len - 1);
        return true;
    }
    if (value.len <= TAGGED_HEAD)
        return false;
    row->last_updated = hub_store__read_time(value.ptr + 1);
    row->key = hub_slice(value.ptr + TAGGED_HEAD, value.len - TAGGED_HEAD);
    return true;
}

static hub_err_t put_created(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq, int64_t last_updated,
                             uint8_t tag, hub_slice_t object)
{
    hub_key_t key, value;
    hub_store__key_created(&key, audience, module, created_seq);
    hub_key_init(&value);
    hub_key_u8(&value, tag);
    if (tag) /* an own row's time is in the object: it needs no second home that every write would touch */
        hub_store__key_time(&value, last_updated);
    hub_key_bytes(&value, object);
    return value.overflow ? HUB_EINVALID : hub_view_put(view, HUB_TABLE_CREATED, &key, hub_key_slice(&value));
}

static hub_err_t delete_created(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq)
{
    hub_key_t key;
    hub_store__key_created(&key, audience, module, created_seq);
    return hub_view_delete(view, HUB_TABLE_CREATED, &key);
}

static hub_err_t put_updated(hub_view_t *view, hub_audience_t audience, uint8_t module, int64_t last_updated, uint64_t created_seq,
                             uint8_t tag, hub_slice_t object)
{
    hub_key_t key, value;
    hub_store__key_updated(&key, audience, module, last_updated, created_seq);
    hub_key_init(&value);
    hub_key_u8(&value, tag);
    if (hub_store__leaves_rows(audience))
        hub_key_bytes(&value, object); /* tells whether the row still counts */
    return value.overflow ? HUB_EINVALID : hub_view_put(view, HUB_TABLE_UPDATED, &key, hub_key_slice(&value));
}

static hub_err_t delete_updated(hub_view_t *view, hub_audience_t audience, uint8_t module, int64_t last_updated, uint64_t created_seq)
{
    hub_key_t key;
    hub_store__key_updated(&key, audience, module, last_updated, created_seq);
    return hub_view_delete(view, HUB_TABLE_UPDATED, &key);
}

/* The row of an object that is elsewhere in time now, or (`gone`) no more in this audience. */
static hub_err_t leave_updated(hub_view_t *view, hub_audience_t audience, uint8_t module, int64_t last_updated, uint64_t created_seq,
                               bool gone)
{
    hub_key_t prefix;
    hub_err_t err = HUB_EOK;
    if (gone || !hub_store__leaves_rows(audience))
        err = delete_updated(view, audience, module, last_updated, created_seq);
    if (err || !hub_store__leaves_rows(audience))
        return err;
    hub_store__key_audience(&prefix, audience, module);
    return hub_store__void(view, HUB_TABLE_UPDATED, &prefix);
}

static bool has(const hub_object_t *object, hub_audience_t audience)
{
    for (uint32_t i = 0; object && i < object->audience_count; i++)
        if (object->audiences[i] == audience)
            return true;
    return false;
}

/* Only what differs is written: for an object that stays where it is that is one UPDATED row an audience. `old`, `now`: NULL when there is
 * none. No audience twice. */
hub_err_t hub_store__rows_move(hub_view_t *view, const hub_key_t *object, uint8_t module, uint64_t created_seq, const hub_object_t *old,
                               const hub_object_t *now)
{
    hub_err_t err = hub_store__refusals_move(view, module, old, now);
    bool moved = !old || !now || old->last_updated != now->last_updated;
    for (uint32_t i = 0; old && !err && i < old->audience_count; i++) {
        hub_audience_t audience = old->audiences[i];
        bool stays = has(now, audience);
        if (!stays || moved)
            err = leave_updated(view, audience, module, old->last_updated, created_seq, !stays);
        if (!err && !stays)
            err = delete_created(view, audience, module, created_seq);
        if (!err && !stays)
            err = total_add(view, audience, module, -1);
    }
    for (uint32_t i = 0; now && !err && i < now->audience_count; i++) {
        hub_audience_t audience = now->audiences[i];
        bool was = has(old, audience);
        if (!was || moved)
            err = put_updated(view, audience, module, now->last_updated, created_seq, 0, hub_key_slice(object));
        if (!err && !was)
            err = put_created(view, audience, module, created_seq, now->last_updated, 0, hub_key_slice(object));
        if (!err && !was)
            err = total_add(view, audience, module, 1);
    }
    return err == HUB_ENOT_FOUND ? HUB_ESTORE : err; /* a row that must be there is not */
}

/* ---- rows that are not an object's own ---- */

static hub_err_t find(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq, hub_list_row_t *row)
{
    hub_key_t key;
    hub_slice_t value;
    hub_store__key_created(&key, audience, module, created_seq);
    hub_err_t err = hub_view_get(view, HUB_TABLE_CREATED, &key, &value);
    return !err && !hub_store__row_decode(value, row) ? HUB_ESTORE : err;
}

hub_err_t hub_row_put(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq, int64_t last_updated, uint8_t tag,
                      hub_slice_t object_key)
{
    HUB_ASSERT(view->batch && tag && audience >> 56 == HUB_AUDIENCE_OVERLAY);
    if (!object_key.len || object_key.len > HUB_KEY_MAX - TAGGED_HEAD)
        return HUB_EINVALID;
    hub_key_t object; /* may lie in a page that is about to change */
    hub_key_init(&object);
    hub_key_bytes(&object, object_key);
    hub_list_row_t old;
    hub_err_t err = find(view, audience, module, created_seq, &old);
    bool was = !err;
    if (err && err != HUB_ENOT_FOUND)
        return err;
    err = was ? HUB_EOK : total_add(view, audience, module, 1);
    if (!err && was && old.last_updated != last_updated)
        err = delete_updated(view, audience, module, old.last_updated, created_seq);
    if (!err)
        err = put_updated(view, audience, module, last_updated, created_seq, tag, HUB_SLICE_NONE);
    return err ? err : put_created(view, audience, module, created_seq, last_updated, tag, hub_key_slice(&object));
}

hub_err_t hub_row_delete(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq)
{
    HUB_ASSERT(view->batch && audience >> 56 == HUB_AUDIENCE_OVERLAY);
    hub_list_row_t old;
    hub_err_t err = find(view, audience, module, created_seq, &old);
    if (err)
        return err;
    err = delete_updated(view, audience, module, old.last_updated, created_seq);
    if (!err)
        err = delete_created(view, audience, module, created_seq);
    if (err)
        return HUB_ESTORE;
    return total_add(view, audience, module, -1);
}
