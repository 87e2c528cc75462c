/* Objects with their indexes. */
#include <stdlib.h>

#include "room.h"

/* In front of every object's bytes. The store's files belong to one kind of machine (as LMDB's do), so it lies as it is in memory. After it
 * come a u32 length of each form of a text of its own, the bytes, and these texts. */
typedef struct head {
    uint8_t format, marks, audience_count;
    uint8_t forms; /* two bits each, hub_form_t; above them which form the bytes are in */
    uint32_t flags;
    uint64_t seq, created_seq, version;
    int64_t last_updated, received_at;
    hub_audience_t audiences[HUB_OBJECT_AUDIENCES]; /* always room for all: the bytes never move when audiences do */
} head_t;
_Static_assert(sizeof(head_t) == 80, "no holes, no surprise");

#define FORMAT 1
#define MARK_ENTRIES 1 /* ENTRY has rows of this object */

typedef struct found {
    hub_object_t object;
    hub_slice_t value; /* all that the slices lie in */
    uint8_t marks;
} found_t;

static bool decode_forms(uint8_t forms, hub_slice_t rest, hub_object_t *out)
{
    uint32_t len[HUB_OBJECT_FORMS] = {0};
    size_t texts = 0;
    out->form[0] = HUB_SLICE_NONE;
    out->written = forms >> 6;
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++) {
        out->form_state[i] = forms >> 2 * i & 3;
        if (out->form_state[i] != HUB_FORM_STORED)
            continue;
        if (rest.len < sizeof *len)
            return false;
        memcpy(&len[i], rest.ptr, sizeof *len);
        rest = hub_slice(rest.ptr + sizeof *len, rest.len - sizeof *len);
        texts += len[i];
    }
    if (out->written >= HUB_OBJECT_FORMS || texts > rest.len)
        return false;
    out->bytes = hub_slice(rest.ptr, rest.len - texts);
    const char *at = out->bytes.ptr + out->bytes.len;
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++) {
        if (out->form_state[i] == HUB_FORM_STORED)
            out->form[i] = hub_slice(at, len[i]);
        else if (out->form_state[i] == HUB_FORM_SAME || (i == out->written && out->form_state[i] == HUB_FORM_NONE))
            out->form[i] = out->bytes;
        at += len[i];
    }
    return true;
}

static bool decode(found_t *found)
{
    head_t head;
    hub_slice_t value = found->value;
    if (value.len < sizeof head)
        return false;
    memcpy(&head, value.ptr, sizeof head);
    if (head.format != FORMAT || head.audience_count > HUB_OBJECT_AUDIENCES)
        return false;
    hub_slice_t rest = hub_slice(value.ptr + sizeof head, value.len - sizeof head);
    found->object = (hub_object_t){.seq = head.seq,
                                   .created_seq = head.created_seq,
                                   .version = head.version,
                                   .last_updated = head.last_updated,
                                   .received_at = head.received_at,
                                   .flags = head.flags,
                                   .audience_count = head.audience_count,
                                   .bytes = rest,
                                   .form = {rest}};
    memcpy(found->object.audiences, head.audiences, sizeof head.audiences);
    found->marks = head.marks;
    return !head.forms || decode_forms(head.forms, rest, &found->object);
}

/* Inside apply the slices are valid until the next write only. */
static hub_err_t find(hub_view_t *view, const hub_key_t *key, found_t *out)
{
    hub_err_t err = hub_store__result(view, hub_store__get_object(view, key, &out->value));
    return !err && !decode(out) ? HUB_ESTORE : err;
}

hub_err_t hub_store__object_find(hub_view_t *view, hub_slice_t bytes, hub_object_t *out)
{
    hub_key_t key;
    found_t found;
    hub_key_init(&key);
    hub_key_bytes(&key, bytes);
    hub_err_t err = find(view, &key, &found);
    if (!err)
        *out = found.object;
    return err;
}

static hub_err_t find_kept(hub_view_t *view, const hub_key_t *key, hub_object_t *out)
{
    found_t found;
    hub_err_t err = find(view, key, &found);
    if (!err && view->batch) {
        found.value = hub_store__keep(view, found.value);
        err = decode(&found) ? HUB_EOK : HUB_ESTORE;
    }
    if (!err)
        *out = found.object;
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

static char *add(char *at, hub_slice_t s)
{
    if (s.len)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static hub_err_t save(hub_view_t *view, const hub_key_t *key, const hub_object_t *object, uint8_t marks)
{
    head_t head = {.format = FORMAT,
                   .marks = marks,
                   .audience_count = (uint8_t)object->audience_count,
                   .forms = (uint8_t)(object->written << 6),
                   .flags = object->flags,
                   .seq = object->seq,
                   .created_seq = object->created_seq,
                   .version = object->version,
                   .last_updated = object->last_updated,
                   .received_at = object->received_at};
    memcpy(head.audiences, object->audiences, object->audience_count * sizeof *object->audiences);
    uint32_t len[HUB_OBJECT_FORMS];
    size_t count = 0, texts = 0;
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++) {
        head.forms = (uint8_t)(head.forms | object->form_state[i] << 2 * i);
        if (object->form_state[i] != HUB_FORM_STORED)
            continue;
        if (object->form[i].len > UINT32_MAX)
            return HUB_EINVALID;
        len[count++] = (uint32_t)object->form[i].len;
        texts += object->form[i].len;
    }
    char *at;
    hub_err_t err = hub_store__reserve(view, HUB_TABLE_OBJECT, key, sizeof head + count * sizeof *len + object->bytes.len + texts, &at);
    if (err)
        return err;
    at = add(at, hub_slice((const char *)&head, sizeof head));
    at = add(at, hub_slice((const char *)len, count * sizeof *len));
    at = add(at, object->bytes);
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++)
        if (object->form_state[i] == HUB_FORM_STORED)
            at = add(at, object->form[i]);
    return HUB_EOK;
}

static bool lies_in(hub_slice_t s, hub_slice_t old)
{
    uintptr_t at = (uintptr_t)s.ptr, begin = (uintptr_t)old.ptr;
    return s.len && at >= begin && at < begin + old.len;
}

/* What of an object lies in its old value lies in pages that writing changes: the value is copied first, the slices follow. */
static void keep(hub_view_t *view, hub_object_t *object, hub_slice_t old)
{
    hub_slice_t *const slices[] = {&object->bytes, &object->form[0], &object->form[1], &object->form[2]};
    _Static_assert(HUB_COUNT(slices) == HUB_OBJECT_FORMS + 1, "every form");
    batch_t *batch = view->batch;
    bool copied = false;
    for (size_t i = 0; i < HUB_COUNT(slices); i++) {
        if (!lies_in(*slices[i], old))
            continue;
        if (!copied && batch->scratch_size < old.len) {
            free(batch->scratch);
            batch->scratch = malloc(old.len);
            HUB_ASSERT(batch->scratch);
            batch->scratch_size = old.len;
        }
        if (!copied)
            memcpy(batch->scratch, old.ptr, old.len);
        copied = true;
        slices[i]->ptr = batch->scratch + (slices[i]->ptr - old.ptr);
    }
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
    found_t old = {.marks = 0};
    hub_err_t err = hub_object_key(id, &key);
    if (err || evse_uid.len > 64 || (evse_uid.len && memchr(evse_uid.ptr, 0, evse_uid.len)))
        return HUB_EINVALID;
    err = find(view, &key, &old);
    if (err && err != HUB_ENOT_FOUND)
        return err;
    const hub_object_t *was = err ? NULL : &old.object;
    hub_object_t object = *in;
    if (was)
        keep(view, &object, old.value);
    object.audience_count = without_doubles(object.audiences, in->audiences, in->audience_count);
    object.version = was ? was->version + 1 : 1;
    object.created_seq = was ? was->created_seq : hub_store__next_seq(view);
    err = move_entries(view, &key, was, &object, change, evse_uid, &old.marks);
    if (!err)
        err = hub_store__rows_move(view, &key, id->module, object.created_seq, was, &object);
    if (!err)
        err = save(view, &key, &object, old.marks);
    in->seq = object.seq;
    in->created_seq = object.created_seq;
    in->version = object.version;
    return err;
}

hub_err_t hub_object_delete(hub_view_t *view, const hub_object_id_t *id, int64_t now)
{
    hub_key_t key, spelled;
    found_t old;
    hub_stream_t stream;
    HUB_ASSERT(view->batch);
    hub_err_t err = hub_object_key(id, &key);
    if (!err)
        err = find(view, &key, &old);
    if (err)
        return err;
    hub_store__stream_of(&key, &stream);
    if (old.object.seq)
        err = hub_store__change_drop(view, &stream, old.object.seq);
    if (!err)
        err = hub_store__change_void(view, &stream); /* of its earlier entries some may be left: the sweep goes on */
    if (!err && old.marks & MARK_ENTRIES)
        err = hub_store__entries_drop(view, &stream, &key);
    if (!err)
        err = hub_store__rows_move(view, &key, id->module, old.object.created_seq, &old.object, NULL);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_OBJECT, &key);
    if (err)
        return err;
    hub_store__key_spelled(id, &spelled);
    return hub_store__gone_note(view, &stream, hub_key_slice(&key), hub_key_slice(&spelled), old.object.created_seq, now);
}

hub_err_t hub_object_audiences(hub_view_t *view, const hub_object_id_t *id, const hub_audience_t *audiences, uint32_t count)
{
    HUB_ASSERT(view->batch && count <= HUB_OBJECT_AUDIENCES);
    hub_key_t key;
    found_t old;
    hub_err_t err = hub_object_key(id, &key);
    if (!err)
        err = find(view, &key, &old);
    if (err)
        return err;
    hub_object_t now = old.object;
    now.audience_count = without_doubles(now.audiences, audiences, count);
    if (now.audience_count == old.object.audience_count &&
        !memcmp(now.audiences, old.object.audiences, now.audience_count * sizeof *now.audiences))
        return HUB_EOK;
    keep(view, &now, old.value);
    err = hub_store__rows_move(view, &key, id->module, now.created_seq, &old.object, &now);
    return err ? err : save(view, &key, &now, old.marks);
}

hub_err_t hub_object_forms(hub_view_t *view, hub_slice_t bytes, const hub_object_t *in)
{
    HUB_ASSERT(view->batch);
    hub_key_t key;
    found_t old;
    hub_key_init(&key);
    hub_key_bytes(&key, bytes);
    hub_err_t err = find(view, &key, &old);
    if (err || old.object.version != in->version)
        return err ? err : HUB_ECONFLICT;
    hub_object_id_t id;
    hub_object_t now = old.object;
    if (!hub_object_key_parse(bytes, &id))
        return HUB_EINVALID;
    now.flags = in->flags;
    memcpy(now.form, in->form, sizeof now.form);
    memcpy(now.form_state, in->form_state, sizeof now.form_state);
    keep(view, &now, old.value);
    err = hub_store__refusals_move(view, id.module, &old.object, &now);
    return err ? err : save(view, &key, &now, old.marks);
}
