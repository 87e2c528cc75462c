/* Own objects: stored canonical (normalised, compact), whatever door of /v1 they come through. */
#include "object.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "contract.h"
#include "sharing/sharing.h"

/* ---- what only our own backend is held to ---- */

static int by_name(const void *a, const void *b)
{
    const hub_slice_t *left = a, *right = b;
    size_t len = left->len < right->len ? left->len : right->len;
    int order = len ? strncasecmp(left->ptr, right->ptr, len) : 0;
    return order ? order : (left->len > right->len) - (left->len < right->len);
}

/* L9: an id stands once in its list. */
static bool names_twice(hub_pool_t *pool, yyjson_val *list, const char *name, hub_slice_t *twice)
{
    size_t count = yyjson_arr_size(list), i, n;
    if (count < 2)
        return false;
    hub_slice_t *names = hub_pool_alloc(pool, count * sizeof *names);
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item) names[i] = ocpi_get_str(item, name);
    qsort(names, count, sizeof *names, by_name);
    for (i = 1; i < count; i++) {
        *twice = names[i];
        if (names[i].ptr && !by_name(&names[i - 1], &names[i]))
            return true;
    }
    return false;
}

static hub_err_t check_unique(hub_storing_t *s, yyjson_val *root)
{
    hub_slice_t twice;
    yyjson_val *evses = yyjson_obj_get(root, "evses"), *evse;
    if (names_twice(s->pool, evses, "uid", &twice))
        return hub_objects__refuse(s->in, HUB_SLICE_LIT("/evses"), "L9", "the EVSE uid %.*s stands there twice", HUB_SLICE_FMT(twice));
    size_t i, n;
    yyjson_arr_foreach(evses, i, n, evse)
    {
        if (names_twice(s->pool, yyjson_obj_get(evse, "connectors"), "id", &twice))
            return hub_objects__refuse(s->in, hub_pool_printf(s->pool, "/evses/%zu/connectors", i), "L9",
                                       "the Connector id %.*s stands there twice", HUB_SLICE_FMT(twice));
    }
    return HUB_EOK;
}

/* ---- times that the backend leaves to us ---- */

static const char *const children[] = {"evses", "connectors", NULL};

static bool lacks_time(yyjson_val *object, const char *const *below)
{
    if (!yyjson_is_str(yyjson_obj_get(object, "last_updated")))
        return true;
    size_t i, n;
    yyjson_val *child;
    yyjson_arr_foreach(*below ? yyjson_obj_get(object, *below) : NULL, i, n, child)
    {
        if (yyjson_is_obj(child) && lacks_time(child, below + 1))
            return true;
    }
    return false;
}

static void mark(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *const *below)
{
    if (!yyjson_mut_is_str(yyjson_mut_obj_get(object, "last_updated"))) {
        yyjson_mut_obj_remove_key(object, "last_updated"); /* null */
        hub_objects__set_time(doc, object, HUB_TIME_ABSENT);
    }
    size_t i, n;
    yyjson_mut_val *child;
    yyjson_mut_arr_foreach(*below ? yyjson_mut_obj_get(object, *below) : NULL, i, n, child)
    {
        if (yyjson_mut_is_obj(child))
            mark(doc, child, below + 1);
    }
}

yyjson_val *hub_objects__mark_times(hub_pool_t *pool, yyjson_val *root, hub_slice_t *text)
{
    if (!lacks_time(root, children))
        return root;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *copy = yyjson_val_mut_copy(doc, root);
    mark(doc, copy, children);
    *text = ocpi_write_mut(pool, copy);
    return hub_objects__read(pool, *text);
}

/* ---- writing ---- */

#define LOSES (7u * HUB_OBJECT_LOSES) /* flags that say nothing about the object itself */

static bool all_removed(yyjson_val *root)
{
    size_t i, n;
    yyjson_val *evse;
    yyjson_arr_foreach(yyjson_obj_get(root, "evses"), i, n, evse)
    {
        if (!hub_slice_eq_str(ocpi_get_str(evse, "status"), "REMOVED"))
            return false;
    }
    return true;
}

/* A deleted Location stays deleted until it is put again or one of its EVSEs comes back. */
static uint32_t flags_of(const hub_storing_t *s, yyjson_val *after, uint32_t flags)
{
    bool put = !s->level && !s->in->patch;
    if ((s->head.flags & HUB_OBJECT_REMOVED) && !put && all_removed(after))
        flags |= HUB_OBJECT_REMOVED;
    if (yyjson_is_false(yyjson_obj_get(after, "publish")))
        flags |= HUB_OBJECT_UNPUBLISHED;
    return flags;
}

static hub_err_t put_entries(hub_storing_t *s, hub_object_t *head, hub_difference_t difference, const hub_status_change_t *status)
{
    if (difference != HUB_STATUS_ONLY)
        return hub_object_put(s->view, &s->id, head, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; i < status->count && !err; i++)
        err = hub_object_put(s->view, &s->id, head, HUB_CHANGE_EVSE, status->uid[i]);
    return err;
}

static hub_err_t keep(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    in->outcome = HUB_UNCHANGED;
    in->stored = hub_pool_copy(s->pool, s->head.bytes);
    in->head = s->head;
    return HUB_EOK;
}

/* 2.1.1 does not say whose things are: the next version does. */
static yyjson_val *with_owners(hub_storing_t *s, yyjson_val *after)
{
    hub_slice_t text;
    if (s->in->version != OCPI_V2_1_1 ||
        hub_projection_bridge(s->view, s->pool, hub_key_slice(&s->key), s->in->stored, OCPI_V2_1_1, OCPI_V2_2_1, &text, NULL) != HUB_EOK)
        return after;
    return hub_objects__read(s->pool, text);
}

hub_err_t hub_objects__put_own(hub_storing_t *s, yyjson_mut_doc *doc, yyjson_mut_val *whole, uint32_t flags)
{
    hub_incoming_t *in = s->in;
    hub_settling_t settling = {.pool = s->pool, .doc = doc, .now = in->now, .keep_status = in->keep_status};
    yyjson_val *base = hub_objects__base(s);
    yyjson_mut_val *stored = base ? yyjson_val_mut_copy(doc, base) : NULL;
    s->row->settle(&settling, whole, stored);
    hub_status_change_t status;
    hub_difference_t difference = hub_objects__compare(whole, stored, &status);
    bool turned = s->exists && hub_projection_written(&s->head) != in->version;
    if (turned)
        difference = HUB_DIFFERENT; /* it is in another version from now on */
    if (difference == HUB_SAME && flags_of(s, s->base, flags) == (s->head.flags & ~LOSES))
        return keep(s);
    in->outcome = s->exists ? HUB_UPDATED : HUB_CREATED;
    in->stored = ocpi_write_mut(s->pool, whole);
    yyjson_val *after = hub_objects__read(s->pool, in->stored);
    if (!after)
        return HUB_EINTERNAL;
    in->head = (hub_object_t){
        .last_updated = hub_objects__time(after), .received_at = in->now, .flags = flags_of(s, after, flags), .bytes = in->stored};
    hub_err_t err = s->row->audiences(s, with_owners(s, after), &in->head);
    if (err)
        return err;
    in->head.flags |= s->head.flags & LOSES;
    hub_projection_write(&in->head, in->version, in->stored);
    err = hub_projection_make(s->view, s->pool, hub_key_slice(&s->key), after, hub_projection_demand(s->view, in->tenant), &in->head);
    if (!err)
        err = put_entries(s, &in->head, difference, &status);
    return hub_objects__written(err || !s->row->follow ? err : s->row->follow(s, after));
}

/* A whole made of what is stored and a body that addresses a level of it, or changes some members. */
static hub_err_t merge_own(hub_storing_t *s, yyjson_val **out)
{
    hub_incoming_t *in = s->in;
    bool created = false;
    hub_slice_t text = hub_objects__merge(s, true, ocpi_get_str(hub_objects__base(s), "last_updated"), &created);
    if (!text.ptr)
        return s->row->unknown;
    yyjson_val *root = hub_objects__read(s->pool, text);
    if (!root)
        return HUB_EINTERNAL;
    const ocpi_check_t check = {.object = s->row->level[0], .version = in->version, .own = true};
    if (!ocpi_check(root, &check, &in->problems))
        return HUB_EINVALID;
    if (!(root = hub_objects__mark_times(s->pool, root, &text)))
        return HUB_EINTERNAL;
    bool changed;
    text = ocpi_normalise(s->pool, root, text, s->row->level[0], in->version, &changed);
    *out = changed ? hub_objects__read(s->pool, text) : root;
    return *out ? HUB_EOK : HUB_EINTERNAL;
}

/* A body that changes a part is in a version, too. When the object was put in another one, it is first brought into this one; where that
 * would lose something, the backend must say it in the object's own version. A whole object in another version replaces what is stored;
 * but EVSEs that it leaves out stay (L9) and what is final may not change: then the stored one must be sayable in it. */
static hub_err_t open_base(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    bool part = s->level || in->patch;
    ocpi_version_t written = hub_projection_written(&s->head);
    if (!s->exists)
        return HUB_EOK;
    bool read = hub_objects__base(s) != NULL;
    if (written == in->version)
        return read ? HUB_EOK : HUB_EINTERNAL; /* what we wrote is damaged */
    for (uint32_t i = 0; i < s->base_losses.count; i++) {
        const ocpi_loss_t *loss = &s->base_losses.list[i];
        bool stays = s->row->level[1] != OCPI_OBJECT_NONE || s->row->check;
        if (loss->kind == OCPI_LOSS_REFUSED ? part || stays : part && loss->kind == OCPI_LOSS_LOSSY)
            return hub_objects__refuse(
                in, HUB_SLICE_LIT("/query/version"), "version", "this object was put in OCPI %s and %s in %s (%.*s: %s): use ?version=%s",
                ocpi_version_name(written), loss->kind == OCPI_LOSS_REFUSED ? "cannot be said" : "would lose something",
                ocpi_version_name(in->version), HUB_SLICE_FMT(loss->pointer), loss->row, ocpi_version_name(written));
    }
    return HUB_EOK;
}

hub_err_t hub_objects__store_own(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    hub_err_t err = open_base(s);
    if (err)
        return err;
    yyjson_val *root = in->normal_root;
    bool created_level = s->level && !ocpi_location_find(hub_objects__base(s), in->evse_uid, in->connector_id);
    bool unchanged = false;
    if (s->level || in->patch)
        err = merge_own(s, &root);
    if (!err)
        err = check_unique(s, root);
    if (!err && s->exists && s->row->check)
        err = s->row->check(s, root, &unchanged);
    if (err || unchanged)
        return err ? err : keep(s);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(s->pool));
    err = hub_objects__put_own(s, doc, yyjson_val_mut_copy(doc, root), 0);
    if (!err && created_level && in->outcome == HUB_UPDATED)
        in->outcome = HUB_CREATED;
    return err;
}

/* ---- what sharing does after a change ---- */

hub_err_t hub_objects__follow_location(hub_storing_t *s, yyjson_val *after)
{
    hub_err_t err = hub_projection_location_stored(s->view, hub_key_slice(&s->key));
    return err ? err : hub_sharing_follow_location(s->view, s->pool, &s->id, after);
}

hub_err_t hub_objects__follow_tariff(hub_storing_t *s, yyjson_val *after)
{
    (void)after; /* it is read from the store */
    return hub_sharing_follow_tariff(s->view, s->pool, &s->id);
}

hub_err_t hub_objects__follow_token(hub_storing_t *s, yyjson_val *after)
{
    return hub_contract_follow(s->view, s->pool, hub_key_slice(&s->key), s->exists ? &s->head : NULL, after);
}
