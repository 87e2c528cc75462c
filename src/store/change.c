/* The change index: one entry an object, moved to the end by every write; entries of their own for EVSE states and deletions; cursors.
 *
 * A new entry makes the earlier one void but leaves it (sweep.c): an entry counts when the object's head, or the ENTRY row, names its
 * seq. Entries of deletions never become void: they are deleted with their tombstone. */
#include "room.h"

#define STREAM_LEN 10
#define CHANGE_HEAD 19    /* kind, created seq, time, key length */
#define ENTRY_NAMES 0x80u /* beside the kind: ENTRY names it, not the object's head */

uint64_t hub_store__next_seq(hub_view_t *view)
{
    hub_store__wrote(view);
    return ++view->batch->seq;
}

/* ---- keys and values ---- */

void hub_store__key_stream(hub_key_t *key, const hub_stream_t *stream)
{
    hub_key_init(key);
    hub_key_u32(key, stream->tenant);
    hub_key_u8(key, (uint8_t)stream->kind);
    hub_key_u32(key, stream->integration);
    hub_key_u8(key, stream->module);
}

bool hub_store__stream_read(hub_slice_t bytes, hub_stream_t *stream)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    if (bytes.len < STREAM_LEN)
        return false;
    stream->tenant = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    stream->kind = (hub_stream_kind_t)p[4];
    stream->integration = (uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
    stream->module = p[9];
    return true;
}

/* The stream of an object follows from its key (tenant, scope, module, …). */
void hub_store__stream_of(const hub_key_t *object, hub_stream_t *stream)
{
    const unsigned char *p = object->bytes;
    bool own = !(p[4] | p[5] | p[6] | p[7]);
    *stream = (hub_stream_t){.tenant = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3],
                             .kind = own ? HUB_STREAM_OWN : HUB_STREAM_RECEIVED,
                             .module = p[8]};
}

static void key_change(hub_key_t *key, const hub_stream_t *stream, uint64_t seq)
{
    hub_store__key_stream(key, stream);
    hub_key_u64(key, seq);
}

/* The length makes a prefix of one object never match another one's entries. */
void hub_store__key_entry(hub_key_t *key, const hub_stream_t *stream, hub_slice_t object)
{
    hub_store__key_stream(key, stream);
    hub_key_u8(key, (uint8_t)(object.len >> 8));
    hub_key_u8(key, (uint8_t)object.len);
    hub_key_bytes(key, object);
}

static void key_tombstone(hub_key_t *key, int64_t time, uint64_t seq)
{
    hub_key_init(key);
    hub_store__key_time(key, time);
    hub_key_u64(key, seq);
}

bool hub_store__change_decode(hub_slice_t key, hub_slice_t value, hub_change_t *out)
{
    if (key.len != STREAM_LEN + 8 || value.len < CHANGE_HEAD)
        return false;
    const unsigned char *p = (const unsigned char *)value.ptr;
    size_t len = (size_t)(p[17] << 8 | p[18]);
    if (len > value.len - CHANGE_HEAD)
        return false;
    *out = (hub_change_t){.seq = hub_store__read_u64(key.ptr + STREAM_LEN),
                          .kind = (hub_change_kind_t)(p[0] & ~ENTRY_NAMES),
                          .created_seq = hub_store__read_u64(p + 1),
                          .time = hub_store__read_time(p + 9),
                          .key = hub_slice(value.ptr + CHANGE_HEAD, len)};
    *(out->kind == HUB_CHANGE_DELETE ? &out->spelled : &out->evse_uid) =
        hub_slice(value.ptr + CHANGE_HEAD + len, value.len - CHANGE_HEAD - len);
    return true;
}

/* ---- entries ---- */

static hub_err_t change_put(hub_view_t *view, const hub_stream_t *stream, const hub_change_t *change, unsigned mark)
{
    hub_key_t key, value; /* far below a key's limit in size as well */
    key_change(&key, stream, change->seq);
    hub_key_init(&value);
    hub_key_u8(&value, (uint8_t)((unsigned)change->kind | mark));
    hub_key_u64(&value, change->created_seq);
    hub_store__key_time(&value, change->time);
    hub_key_u8(&value, (uint8_t)(change->key.len >> 8));
    hub_key_u8(&value, (uint8_t)change->key.len);
    hub_key_bytes(&value, change->key);
    hub_key_bytes(&value, change->evse_uid);
    if (change->spelled.len <= HUB_KEY_MAX - (size_t)value.len)
        hub_key_bytes(&value, change->spelled);
    return value.overflow ? HUB_EINVALID : hub_view_put(view, HUB_TABLE_CHANGE, &key, hub_key_slice(&value));
}

hub_err_t hub_store__change_put(hub_view_t *view, const hub_stream_t *stream, const hub_change_t *change)
{
    return change_put(view, stream, change, 0);
}

hub_err_t hub_store__change_void(hub_view_t *view, const hub_stream_t *stream)
{
    hub_key_t prefix;
    hub_store__key_stream(&prefix, stream);
    return hub_store__void(view, HUB_TABLE_CHANGE, &prefix);
}

hub_err_t hub_store__change_live(hub_view_t *view, hub_slice_t bytes, hub_slice_t value)
{
    hub_stream_t stream;
    hub_change_t change;
    hub_object_t object;
    hub_key_t key;
    hub_slice_t seq;
    if (!hub_store__stream_read(bytes, &stream) || !hub_store__change_decode(bytes, value, &change))
        return HUB_ESTORE;
    if (!((unsigned char)value.ptr[0] & ENTRY_NAMES)) {
        hub_err_t err = hub_store__object_find(view, change.key, &object);
        return !err && object.seq != change.seq ? HUB_ENOT_FOUND : err;
    }
    hub_store__key_entry(&key, &stream, change.key);
    if (change.kind == HUB_CHANGE_EVSE)
        hub_key_folded(&key, change.evse_uid);
    hub_err_t err = hub_store__result(view, hub_store__get(view, HUB_TABLE_ENTRY, &key, &seq));
    if (!err && seq.len != 8)
        err = HUB_ESTORE;
    return !err && hub_store__read_u64(seq.ptr) != change.seq ? HUB_ENOT_FOUND : err;
}

hub_err_t hub_store__change_drop(hub_view_t *view, const hub_stream_t *stream, uint64_t seq)
{
    hub_key_t key;
    key_change(&key, stream, seq);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_CHANGE, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

static hub_err_t change_get(hub_view_t *view, const hub_stream_t *stream, uint64_t seq, hub_change_t *out)
{
    hub_key_t key;
    hub_slice_t value;
    key_change(&key, stream, seq);
    hub_err_t err = hub_view_get(view, HUB_TABLE_CHANGE, &key, &value);
    if (!err && !hub_store__change_decode(hub_key_slice(&key), value, out))
        err = HUB_ESTORE;
    return err;
}

/* The entry that an ENTRY row names will be named no more: a deletion goes, with its tombstone; others are void. */
static hub_err_t drop_entry_row(hub_view_t *view, const hub_stream_t *stream, uint64_t seq)
{
    hub_change_t change;
    hub_err_t err = change_get(view, stream, seq, &change);
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    if (change.kind == HUB_CHANGE_DELETE) {
        hub_key_t tombstone;
        key_tombstone(&tombstone, change.time, seq);
        err = hub_view_delete(view, HUB_TABLE_TOMBSTONE, &tombstone);
        if (!err || err == HUB_ENOT_FOUND)
            err = hub_store__change_drop(view, stream, seq);
    }
    return err ? err : hub_store__change_void(view, stream); /* the sweep keeps up with every entry that comes after another */
}

/* All entries of an object that its head does not hold: EVSE states, a deletion. */
hub_err_t hub_store__entries_drop(hub_view_t *view, const hub_stream_t *stream, const hub_key_t *object)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    hub_store__key_entry(&prefix, stream, hub_key_slice(object));
    hub_scan_init(&scan, view, HUB_TABLE_ENTRY, &prefix, NULL, false);
    while (!err && hub_scan_next(&scan, &key, &value)) {
        hub_key_t entry;
        hub_key_init(&entry);
        hub_key_bytes(&entry, key);
        err = value.len == 8 ? drop_entry_row(view, stream, hub_store__read_u64(value.ptr)) : HUB_ESTORE;
        if (!err)
            err = hub_view_delete(view, HUB_TABLE_ENTRY, &entry);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

/* Moves (or makes) the entry that ENTRY finds under `entry`. */
static hub_err_t entry_move(hub_view_t *view, const hub_stream_t *stream, const hub_key_t *entry, const hub_change_t *change)
{
    uint64_t old;
    hub_err_t err = entry->overflow ? HUB_EINVALID : hub_store__number_get(view, HUB_TABLE_ENTRY, entry, &old);
    if (!err && old)
        err = drop_entry_row(view, stream, old);
    if (!err)
        err = change_put(view, stream, change, ENTRY_NAMES);
    if (!err)
        err = hub_store__number_put(view, HUB_TABLE_ENTRY, entry, change->seq);
    if (err || change->kind != HUB_CHANGE_DELETE)
        return err;
    hub_key_t tombstone, value;
    key_tombstone(&tombstone, change->time, change->seq);
    hub_store__key_stream(&value, stream);
    hub_key_bytes(&value, change->key);
    return hub_view_put(view, HUB_TABLE_TOMBSTONE, &tombstone, hub_key_slice(&value));
}

hub_err_t hub_store__evse_note(hub_view_t *view, const hub_stream_t *stream, const hub_change_t *change)
{
    hub_key_t entry;
    hub_store__key_entry(&entry, stream, change->key);
    hub_key_folded(&entry, change->evse_uid);
    return entry_move(view, stream, &entry, change);
}

hub_err_t hub_store__gone_note(hub_view_t *view, const hub_stream_t *stream, hub_slice_t object, hub_slice_t spelled, uint64_t created_seq,
                               int64_t now)
{
    hub_key_t entry;
    hub_change_t change = {
        .seq = hub_store__next_seq(view), .created_seq = created_seq, .kind = HUB_CHANGE_DELETE, .time = now, .key = object};
    if (!hub_slice_eq(spelled, object))
        change.spelled = spelled;
    hub_store__key_entry(&entry, stream, object);
    return entry_move(view, stream, &entry, &change);
}

hub_err_t hub_change_note(hub_view_t *view, const hub_stream_t *stream, hub_slice_t key, hub_change_kind_t kind, int64_t now, uint64_t *seq)
{
    HUB_ASSERT(view->batch);
    hub_key_t entry, copy; /* `key` may lie in a page that is about to change */
    hub_store__key_entry(&entry, stream, key);
    hub_key_init(&copy);
    hub_key_bytes(&copy, key);
    if (entry.overflow)
        return HUB_EINVALID;
    hub_change_t change = {.seq = hub_store__next_seq(view), .kind = kind, .time = now, .key = hub_key_slice(&copy)};
    change.created_seq = change.seq;
    if (seq)
        *seq = change.seq;
    if (stream->kind == HUB_STREAM_BINDING)
        atomic_store(&view->store->binding_seq, change.seq);
    return entry_move(view, stream, &entry, &change);
}

/* ---- reading ---- */

uint64_t hub_store_binding_seq(hub_store_t *store)
{
    return atomic_load(&store->binding_seq);
}

void hub_change_scan_init(hub_change_scan_t *scan, hub_view_t *view, const hub_stream_t *stream, uint64_t after)
{
    hub_key_t prefix, from;
    hub_store__key_stream(&prefix, stream);
    key_change(&from, stream, after + 1);
    hub_scan_init(&scan->scan, view, HUB_TABLE_CHANGE, &prefix, &from, false);
    if (after == UINT64_MAX)
        hub_scan_finish(&scan->scan); /* nothing comes after it */
}

bool hub_change_scan_next(hub_change_scan_t *scan, hub_change_t *out)
{
    hub_slice_t key, value;
    while (hub_scan_next(&scan->scan, &key, &value)) {
        hub_err_t err = hub_store__change_live(scan->scan.view, key, value);
        if (!err && hub_store__change_decode(key, value, out))
            return true;
        if (err == HUB_ENOT_FOUND)
            continue;
        hub_scan_finish(&scan->scan);
        scan->scan.err = HUB_ESTORE;
    }
    return false;
}

hub_err_t hub_change_scan_finish(hub_change_scan_t *scan)
{
    return hub_scan_finish(&scan->scan);
}

/* ---- forgetting ---- */

uint64_t hub_change_horizon(hub_view_t *view)
{
    hub_key_t key;
    uint64_t seq;
    hub_store__meta_key(&key, "horizon");
    hub_store__number_get(view, HUB_TABLE_META, &key, &seq);
    return seq;
}

static hub_err_t forget(hub_view_t *view, const hub_key_t *tombstone, hub_slice_t value, uint64_t seq)
{
    hub_stream_t stream;
    hub_key_t entry;
    if (!hub_store__stream_read(value, &stream))
        return HUB_ESTORE;
    hub_store__key_entry(&entry, &stream, hub_slice(value.ptr + STREAM_LEN, value.len - STREAM_LEN));
    hub_err_t err = hub_store__change_drop(view, &stream, seq);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_ENTRY, &entry);
    if (!err || err == HUB_ENOT_FOUND)
        err = hub_view_delete(view, HUB_TABLE_TOMBSTONE, tombstone);
    return err;
}

hub_err_t hub_change_expire(hub_view_t *view, int64_t before, unsigned limit)
{
    hub_key_t none, horizon;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    uint64_t had = hub_change_horizon(view), newest = had;
    hub_key_init(&none);
    hub_scan_init(&scan, view, HUB_TABLE_TOMBSTONE, &none, NULL, false);
    for (unsigned n = 0; !err && n < limit && hub_scan_next(&scan, &key, &value); n++) {
        if (key.len != 16) {
            err = HUB_ESTORE;
            break;
        }
        if (hub_store__read_time(key.ptr) >= before)
            break;
        uint64_t seq = hub_store__read_u64(key.ptr + 8);
        hub_key_t tombstone;
        hub_key_init(&tombstone);
        hub_key_bytes(&tombstone, key);
        err = forget(view, &tombstone, value, seq);
        newest = seq > newest ? seq : newest;
    }
    hub_err_t ended = hub_scan_finish(&scan);
    if (err || ended || newest == had)
        return err ? err : ended;
    hub_store__meta_key(&horizon, "horizon");
    return hub_store__number_put(view, HUB_TABLE_META, &horizon, newest);
}

/* ---- cursors ---- */

uint64_t hub_cursor_get(hub_view_t *view, const hub_key_t *reader)
{
    uint64_t seq;
    hub_store__number_get(view, HUB_TABLE_CURSOR, reader, &seq);
    return seq;
}

hub_err_t hub_cursor_put(hub_view_t *view, const hub_key_t *reader, uint64_t seq)
{
    return hub_store__number_put(view, HUB_TABLE_CURSOR, reader, seq);
}
