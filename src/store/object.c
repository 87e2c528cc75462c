/* Objects with their indexes. */
#include <stdlib.h>

#include "room.h"

/* In front of every object's bytes. The store's files belong to one kind of machine (as LMDB's do), so it lies as it is in memory. */
typedef struct head {
    uint8_t format, marks, audience_count, spare;
    uint32_t flags;
    uint64_t seq, created_seq, version;
    int64_t last_updated, received_at;
    hub_audience_t audiences[HUB_OBJECT_AUDIENCES]; /* always room for all: the bytes never move when audiences do */
} head_t;
_Static_assert(sizeof(head_t) == 80, "no holes, no surprise");

#define FORMAT 1
#define MARK_ENTRIES 1 /* ENTRY has rows of this object */

static bool decode(hub_slice_t value, hub_object_t *out, uint8_t *marks)
{
    head_t head;
    if (value.len < sizeof head)
        return false;
    memcpy(&head, value.ptr, sizeof head);
    if (head.format != FORMAT || head.audience_count > HUB_OBJECT_AUDIENCES)
        return false;
    *out = (hub_object_t){.seq = head.seq,
                          .created_seq = head.created_seq,
                          .version = head.version,
                          .last_updated = head.last_updated,
                          .received_at = head.received_at,
                          .flags = head.flags,
                          .audience_count = head.audience_count,
                          .bytes = hub_slice(value.ptr + sizeof head, value.len - sizeof head)};
    memcpy(out->audiences, head.audiences, sizeof head.audiences);
    *marks = head.marks;
    return true;
}

/* Inside apply out->bytes are valid until the next write only. */
static hub_err_t find(hub_view_t *view, const hub_key_t *key, hub_object_t *out, uint8_t *marks)
{
    hub_slice_t value;
    hub_err_t err = hub_store__result(view, hub_store__get_object(view, key, &value));
    return !err && !decode(value, out, marks) ? HUB_ESTORE : err;
}

hub_err_t hub_store__object_find(hub_view_t *view, hub_slice_t bytes, hub_object_t *out)
{
    hub_key_t key;
    uint8_t marks;
    hub_key_init(&key);
    hub_key_bytes(&key, bytes);
    return find(view, &key, out, &marks);
}

static hub_err_t find_kept(hub_view_t *view, const hub_key_t *key, hub_object_t *out)
{
    uint8_t marks;
    hub_err_t err = find(view, key, out, &marks);
    if (!err)
        out->bytes = hub_store__keep(view, out->bytes);
    return err;
}

hub_err_t hub_object_get(hub_view_t *view, const hub_object_id_t *id, hub_object_t *out)
{
    hub_key_t key;
    hub_err_t err = hub_object_key(id, &key);
    return err ? err : find_kept(view, &key, out);
}

hub_err_t hub_object_get_key(hub_view_t *view, hub_slice_t bytes, hub_object_t *out)
{
    hub_key_t key;
    hub_key_init(&key);
    hub_key_bytes(&key, bytes);
    return find_kept(view, &key, out);
}

/* ---- writing ---- */

static hub_err_t save(hub_view_t *view, const hub_key_t *key, const hub_object_t *object, uint8_t marks)
{
    head_t head = {.format = FORMAT,
                   .marks = marks,
                   .audience_count = (uint8_t)object->audience_count,
                   .flags = object->flags,
                   .seq = object->seq,
                   .created_seq = object->created_seq,
                   .version = object->version,
                   .last_updated = object->last_updated,
                   .received_at = object->received_at};
    memcpy(head.audiences, object->audiences, object->audience_count * sizeof *object->audiences);
    char *at;
    hub_err_t err = hub_store__reserve(view, HUB_TABLE_OBJECT, key, sizeof head + object->bytes.len, &at);
    if (err)
        return err;
    memcpy(at, &head, sizeof head);
    if (object->bytes.len)
        memcpy(at + sizeof head, object->bytes.ptr, object->bytes.len);
    return HUB_EOK;
}

/* Bytes of the object's old value lie in pages that writing changes: they are copied first. */
static hub_slice_t keep(hub_view_t *view, hub_slice_t bytes, hub_slice_t old)
{
    uintptr_t at = (uintptr_t)bytes.ptr, begin = (uintptr_t)old.ptr;
    if (!bytes.len || !old.len || at < begin || at >= begin + old.len)
        return bytes;
    batch_t *batch = view->batch;
    if (batch->scratch_size < bytes.len) {
        free(batch->scratch);
        batch->scratch = malloc(bytes.len);
        HUB_ASSERT(batch->scratch);
        batch->scratch_size = bytes.len;
    }
    memcpy(batch->scratch, bytes.ptr, bytes.len);
    return hub_slice(batch->scratch, bytes.len);
}

static uint32_t without_doubles(hub_audience_t *to, const hub_audience_t *from, uint32_t count)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < n; j++)
            seen |= to[j] == from[i];
        if (!seen)
            to[n++] = from[i];
    }
    return n;
}

/* Gives object->seq and moves the entries. `old`: NULL for a new object. */
static hub_err_t move_entries(hub_view_t *view, const hub_key_t *key, const hub_object_t *old, hub_object_t *object,
                              hub_change_kind_t change, hub_slice_t evse_uid, uint8_t *marks)
{
    hub_stream_t stream;
    hub_err_t err = HUB_EOK;
    hub_store__stream_of(key, &stream);
    hub_change_t entry = {.created_seq = object->created_seq, .kind = change, .time = object->received_at, .key = hub_key_slice(key)};
    object->seq = old ? old->seq : 0;
    if (!old || (change == HUB_CHANGE_OBJECT && *marks & MARK_ENTRIES)) {
        err = hub_store__entries_drop(view, &stream, key); /* of a new object: that it was deleted once */
        *marks &= (uint8_t)~MARK_ENTRIES;
    }
    if (err || change == HUB_CHANGE_NONE)
        return err;
    if (change == HUB_CHANGE_EVSE && old) {
        entry.evse_uid = evse_uid;
        entry.seq = hub_store__next_seq(view);
        *marks |= MARK_ENTRIES;
        return hub_store__evse_note(view, &stream, &entry);
    }
    if (old && old->seq)
        err = hub_store__change_void(view, &stream);
    entry.kind = HUB_CHANGE_OBJECT;
    entry.seq = object->seq = old ? hub_store__next_seq(view) : object->created_seq;
    return err ? err : hub_store__change_put(view, &stream, &entry);
}

hub_err_t hub_object_put(hub_view_t *view, const hub_object_id_t *id, hub_object_t *in, hub_change_kind_t change, hub_slice_t evse_uid)
{
    HUB_ASSERT(view->batch && change != HUB_CHANGE_DELETE && in->audience_count <= HUB_OBJECT_AUDIENCES);
    hub_key_t key;
    hub_object_t old;
    uint8_t marks = 0;
    hub_err_t err = hub_object_key(id, &key);
    if (err || evse_uid.len > 64 || (evse_uid.len && memchr(evse_uid.ptr, 0, evse_uid.len)))
        return HUB_EINVALID;
    err = find(view, &key, &old, &marks);
    if (err && err != HUB_ENOT_FOUND)
        return err;
    const hub_object_t *was = err ? NULL : &old;
    hub_object_t object = *in;
    if (was)
        object.bytes = keep(view, in->bytes, old.bytes);
    object.audience_count = without_doubles(object.audiences, in->audiences, in->audience_count);
    object.version = was ? old.version + 1 : 1;
    object.created_seq = was ? old.created_seq : hub_store__next_seq(view);
    err = move_entries(view, &key, was, &object, change, evse_uid, &marks);
    if (!err)
        err = hub_store__rows_move(view, &key, id->module, object.created_seq, was, &object);
    if (!err)
        err = save(view, &key, &object, marks);
    in->seq = object.seq;
    in->created_seq = object.created_seq;
    in->version = object.version;
    return err;
}

hub_err_t hub_object_delete(hub_view_t *view, const hub_object_id_t *id, int64_t now)
{
    hub_key_t key;
    hub_object_t old;
    hub_stream_t stream;
    uint8_t marks;
    HUB_ASSERT(view->batch);
    hub_err_t err = hub_object_key(id, &key);
    if (!err)
        err = find(view, &key, &old, &marks);
    if (err)
        return err;
    hub_store__stream_of(&key, &stream);
    if (old.seq)
        err = hub_store__change_drop(view, &stream, old.seq);
    if (!err)
        err = hub_store__change_void(view, &stream); /* of its earlier entries some may be left: the sweep goes on */
    if (!err && marks & MARK_ENTRIES)
        err = hub_store__entries_drop(view, &stream, &key);
    if (!err)
        err = hub_store__rows_move(view, &key, id->module, old.created_seq, &old, NULL);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_OBJECT, &key);
    if (err)
        return err;
    return hub_store__gone_note(view, &stream, hub_key_slice(&key), old.created_seq, now);
}

hub_err_t hub_object_audiences(hub_view_t *view, const hub_object_id_t *id, const hub_audience_t *audiences, uint32_t count)
{
    HUB_ASSERT(view->batch && count <= HUB_OBJECT_AUDIENCES);
    hub_key_t key;
    hub_object_t old, now;
    uint8_t marks;
    hub_err_t err = hub_object_key(id, &key);
    if (!err)
        err = find(view, &key, &old, &marks);
    if (err)
        return err;
    now = old;
    now.audience_count = without_doubles(now.audiences, audiences, count);
    if (now.audience_count == old.audience_count && !memcmp(now.audiences, old.audiences, now.audience_count * sizeof *now.audiences))
        return HUB_EOK;
    now.bytes = keep(view, old.bytes, old.bytes);
    err = hub_store__rows_move(view, &key, id->module, old.created_seq, &old, &now);
    return err ? err : save(view, &key, &now, marks);
}
