/* DELETE, and what time does: deleted locations are forgotten after 90 days, what a full pull no longer shows is stale. */
#include "object.h"

#include <string.h>

#include "sharing/sharing.h"

/* Deleted locations by time, so that the sweep need not look at all objects: kind, deletion time, object key. */
#define REMOVED_KIND 'x'

static void removed_key(hub_key_t *key, int64_t time, hub_slice_t object_key)
{
    hub_key_init(key);
    hub_key_u8(key, REMOVED_KIND);
    hub_key_u64(key, (uint64_t)time);
    hub_key_bytes(key, object_key);
}

/* ---- own ---- */

static hub_err_t remove_evse(hub_storing_t *s, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *evse = hub_objects__find_mut(yyjson_mut_obj_get(root, "evses"), "uid", s->in->evse_uid);
    if (!evse)
        return s->row->unknown;
    hub_objects__set_str(doc, evse, "status", HUB_SLICE_LIT("REMOVED"));
    yyjson_mut_obj_remove_key(evse, "last_updated");
    return HUB_EOK;
}

static hub_err_t remove_connector(hub_storing_t *s, yyjson_mut_val *root)
{
    yyjson_mut_val *evse = hub_objects__find_mut(yyjson_mut_obj_get(root, "evses"), "uid", s->in->evse_uid);
    yyjson_mut_val *list = evse ? yyjson_mut_obj_get(evse, "connectors") : NULL, *connector;
    size_t at, n;
    yyjson_mut_arr_foreach(list, at, n, connector)
    {
        if (hub_slice_caseeq(hub_objects__str_mut(connector, "id"), s->in->connector_id))
            break;
    }
    if (at == n)
        return s->row->unknown;
    if (n == 1)
        return HUB_ECONFLICT; /* an EVSE has at least one */
    yyjson_mut_arr_remove(list, at);
    yyjson_mut_obj_remove_key(evse, "last_updated");
    return HUB_EOK;
}

static void remove_all(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    size_t i, n;
    yyjson_mut_val *evse;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(root, "evses"), i, n, evse)
    {
        if (hub_slice_eq_str(hub_objects__str_mut(evse, "status"), "REMOVED"))
            continue;
        hub_objects__set_str(doc, evse, "status", HUB_SLICE_LIT("REMOVED"));
        yyjson_mut_obj_remove_key(evse, "last_updated");
    }
    yyjson_mut_obj_remove_key(root, "last_updated");
}

hub_err_t hub_objects__remove_location(hub_storing_t *s)
{
    if (s->level == 0 && (s->head.flags & HUB_OBJECT_REMOVED))
        return HUB_EOK; /* deleted already */
    if (!hub_objects__base(s))
        return HUB_EINTERNAL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(s->pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, s->base);
    hub_err_t err = HUB_EOK;
    if (s->level == 2)
        err = remove_connector(s, root);
    else if (s->level == 1)
        err = remove_evse(s, doc, root);
    else
        remove_all(doc, root);
    if (!err)
        err = hub_objects__put_own(s, doc, root, s->level ? 0 : HUB_OBJECT_REMOVED);
    if (err || s->level)
        return err;
    hub_key_t key;
    removed_key(&key, s->in->now, hub_key_slice(&s->key));
    return hub_view_put(s->view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT(""));
}

hub_err_t hub_objects__delete(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, const hub_object_t *head, int64_t now)
{
    const char *names[4];
    hub_object_id_t own = *id;
    hub_slice_t *const parts[] = {&own.country, &own.party, &own.id, &own.type};
    yyjson_val *root = hub_objects__read(pool, hub_projection_own(head));
    own.country = hub_projection_code(pool, id->country); /* in 2.1.1 the object does not say */
    own.party = hub_projection_code(pool, id->party);
    for (uint32_t i = 0, n = hub_objects__names(hub_objects__row((ocpi_module_t)id->module), names); i < n; i++) {
        hub_slice_t value = ocpi_get_str(root, names[i]);
        if (hub_slice_caseeq(value, *parts[i]))
            *parts[i] = value;
    }
    return hub_object_delete(view, &own, now);
}

/* F2: not while a connector names it. */
hub_err_t hub_objects__remove_tariff(hub_storing_t *s)
{
    if (hub_sharing_tariff_named(s->view, &s->id))
        return HUB_ECONFLICT;
    hub_err_t err = hub_projection_forget(s->view, hub_key_slice(&s->key), &s->head);
    if (!err)
        err = hub_objects__delete(s->view, s->pool, &s->id, &s->head, s->in->now);
    return hub_objects__written(err ? err : s->row->follow(s, NULL));
}

/* K1: there is no deletion, the token is no longer valid. */
hub_err_t hub_objects__remove_token(hub_storing_t *s)
{
    if (!hub_objects__base(s))
        return HUB_EINTERNAL;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(s->pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, s->base);
    if (yyjson_is_false(yyjson_obj_get(s->base, "valid")))
        return HUB_EOK;
    yyjson_mut_obj_put(root, yyjson_mut_str(doc, "valid"), yyjson_mut_false(doc));
    yyjson_mut_obj_remove_key(root, "last_updated");
    return hub_objects__put_own(s, doc, root, 0);
}

/* ---- received ---- */

static hub_err_t remove_received(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    if (s->level)
        return s->row->unknown; /* levels are never deleted by a partner (L4) */
    hub_err_t err = hub_quarantine_clear(s->view, in->from, &s->id, HUB_QUARANTINE_RECEIVED);
    if (!err || err == HUB_ENOT_FOUND)
        err = hub_objects__delete(s->view, s->pool, &s->id, &s->head, in->now);
    return hub_objects__written(err);
}

hub_err_t hub_objects_remove(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *what)
{
    hub_storing_t s;
    ocpi_problems_init(&what->problems, pool);
    hub_err_t err = hub_objects__begin(&s, core, view, pool, what);
    if (err)
        return err;
    if (!s.exists)
        return s.row->unknown;
    if (!what->from && !s.row->remove)
        return HUB_ENOT_FOUND;
    what->version = hub_projection_written(&s.head); /* as it is stored: what a deletion changes is called the same in all of them */
    return what->from ? remove_received(&s) : s.row->remove(&s);
}

/* ---- the sweep ---- */

static hub_err_t expire_one(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_slice_t object_key, int64_t time, int64_t now)
{
    hub_incoming_t in = {.now = now};
    hub_storing_t s = {.core = core, .view = view, .pool = pool, .in = &in};
    hub_slice_t copy = hub_pool_copy(pool, object_key);
    hub_err_t err = hub_object_get_key(view, copy, &s.head);
    if (err || !(s.head.flags & HUB_OBJECT_REMOVED) || s.head.received_at > time || !hub_object_key_parse(copy, &s.id))
        return err == HUB_ENOT_FOUND ? HUB_EOK : err; /* it came back meanwhile */
    s.exists = true;
    s.row = hub_objects__row((ocpi_module_t)s.id.module);
    err = hub_projection_forget(view, copy, &s.head);
    if (!err)
        err = hub_objects__delete(view, pool, &s.id, &s.head, now);
    return err ? err : s.row->follow(&s, NULL);
}

hub_err_t hub_objects_expire(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, int64_t now, unsigned limit, unsigned *count)
{
    hub_key_t prefix;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, REMOVED_KIND);
    hub_err_t err = HUB_EOK;
    for (*count = 0; *count < limit && !err; ++*count) {
        hub_scan_t scan;
        hub_slice_t found, value;
        hub_key_t key;
        hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
        bool some = hub_scan_next(&scan, &found, &value) && found.len > 9;
        uint64_t time = 0;
        for (size_t i = 1; some && i < 9; i++)
            time = time << 8 | (unsigned char)found.ptr[i];
        hub_key_init(&key);
        if (some)
            hub_key_bytes(&key, found);
        err = hub_scan_finish(&scan);
        if (err || !some || (int64_t)time > now - HUB_REMOVED_KEPT_MS)
            break;
        err = expire_one(core, view, pool, hub_slice((const char *)key.bytes + 9, key.len - 9u), (int64_t)time, now);
        if (!err)
            err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
    }
    return err;
}

/* ---- stale ---- */

typedef struct vanished {
    hub_pool_t *keys; /* of the list */
    hub_slice_t *list;
    uint32_t count, capacity;
    uint64_t fresh; /* not stale before */
} vanished_t;

static void add_vanished(vanished_t *v, hub_slice_t key)
{
    if (v->count == v->capacity) {
        uint32_t capacity = v->capacity ? v->capacity * 2 : 256;
        hub_slice_t *list = hub_pool_alloc(v->keys, capacity * sizeof *list);
        if (v->count)
            memcpy(list, v->list, v->count * sizeof *list);
        v->list = list;
        v->capacity = capacity;
    }
    v->list[v->count++] = hub_pool_copy(v->keys, key);
}

static hub_err_t find_vanished(hub_view_t *view, const hub_integration_t *from, ocpi_module_t module, int64_t since, vanished_t *v)
{
    hub_audience_t audience = hub_audience(HUB_AUDIENCE_RECEIVED, from->id);
    hub_pool_t *pool = hub_pool_create();
    hub_slice_t position = HUB_SLICE_NONE;
    hub_err_t err = HUB_EOK;
    do {
        hub_list_query_t query = {.audiences = &audience,
                                  .audience_count = 1,
                                  .module = (uint8_t)module,
                                  .from = INT64_MIN,
                                  .to = INT64_MAX,
                                  .position = position,
                                  .limit = 1000};
        hub_list_page_t page;
        err = hub_list(view, &query, pool, &page);
        for (uint32_t i = 0; !err && i < page.count; i++) {
            hub_object_t head;
            err = hub_object_get_key(view, page.rows[i].key, &head);
            if (err || (head.flags & HUB_OBJECT_STALE))
                continue;
            v->fresh++;
            if (head.received_at < since)
                add_vanished(v, page.rows[i].key);
        }
        position = err ? HUB_SLICE_NONE : hub_pool_copy(v->keys, page.next);
        hub_pool_clear(pool);
    } while (position.len);
    hub_pool_destroy(pool);
    return err;
}

static hub_err_t mark(hub_view_t *view, hub_pool_t *pool, hub_slice_t key)
{
    hub_object_id_t id;
    hub_object_t head;
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err || !hub_object_key_parse(key, &id))
        return err;
    head.flags |= HUB_OBJECT_STALE;
    head.bytes = hub_pool_copy(pool, head.bytes);
    return hub_object_put(view, &id, &head, HUB_CHANGE_NONE, HUB_SLICE_NONE);
}

hub_err_t hub_objects_mark_stale(hub_view_t *view, const hub_integration_t *from, ocpi_module_t module, int64_t since, uint32_t *marked,
                                 bool *refused)
{
    vanished_t v = {.keys = hub_pool_create()};
    *marked = 0;
    hub_err_t err = find_vanished(view, from, module, since, &v);
    *refused = !err && (uint64_t)v.count * 5 > v.fresh;
    hub_pool_t *pool = hub_pool_create();
    for (uint32_t i = 0; !err && !*refused && i < v.count; i++) {
        err = mark(view, pool, v.list[i]);
        hub_pool_clear(pool);
        ++*marked;
    }
    hub_pool_destroy(pool);
    hub_pool_destroy(v.keys);
    return err;
}
