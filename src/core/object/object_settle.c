/* Own objects get their times: what the backend leaves out is stamped when it changed, times never go backwards, parents are no older than
 * their children (L2), EVSEs that vanished stay as REMOVED (L4, L9). */
#include "object.h"

#include <string.h>

/* Items of a stored list, found by id; mostly they come in the order in which they lie. */
typedef struct shelf {
    yyjson_mut_val **items;
    hub_slice_t *ids;
    bool *taken;
    size_t count, next;
} shelf_t;

static shelf_t shelf_of(hub_pool_t *pool, yyjson_mut_val *list, const char *name)
{
    shelf_t shelf = {.count = yyjson_mut_arr_size(list)};
    if (!shelf.count)
        return shelf;
    shelf.items = hub_pool_alloc(pool, shelf.count * sizeof *shelf.items);
    shelf.ids = hub_pool_alloc(pool, shelf.count * sizeof *shelf.ids);
    shelf.taken = hub_pool_zalloc(pool, shelf.count * sizeof *shelf.taken);
    size_t i, n;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, n, item)
    {
        shelf.items[i] = item;
        shelf.ids[i] = hub_objects__str_mut(item, name);
    }
    return shelf;
}

static yyjson_mut_val *shelf_take(shelf_t *shelf, hub_slice_t id)
{
    for (size_t tried = 0; tried < shelf->count; tried++) {
        size_t at = (shelf->next + tried) % shelf->count;
        if (!hub_slice_caseeq(shelf->ids[at], id))
            continue;
        shelf->taken[at] = true;
        shelf->next = at + 1;
        return shelf->items[at];
    }
    return NULL;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Settles one level whose children (the latest of them: `children`) are settled; returns its time. */
static int64_t stamp(hub_settling_t *s, yyjson_mut_val *object, yyjson_mut_val *stored, int64_t children)
{
    static const char *const skip[] = {"last_updated"};
    int64_t time = hub_objects__time_mut(object);
    if (time == HUB_TIME_ABSENT)
        time = HUB_NO_TIME;
    int64_t old = stored ? hub_objects__time_mut(stored) : HUB_NO_TIME;
    if (time == HUB_NO_TIME || time < old) {
        bool same = stored && hub_objects__same(object, stored, skip, 1);
        time = same ? old : later(s->now, old);
    }
    time = later(time, children);
    hub_objects__set_time(s->doc, object, time);
    return time;
}

/* Decision L: the spelling first stored is kept. */
static void keep_spelling(hub_settling_t *s, yyjson_mut_val *object, yyjson_mut_val *stored, const char *name)
{
    hub_slice_t now = hub_objects__str_mut(object, name), old = stored ? hub_objects__str_mut(stored, name) : HUB_SLICE_NONE;
    if (old.ptr && !hub_slice_eq(now, old))
        hub_objects__set_str(s->doc, object, name, old);
}

static void keep_identity(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored)
{
    keep_spelling(s, root, stored, "country_code");
    keep_spelling(s, root, stored, "party_id");
    keep_spelling(s, root, stored, "id");
    keep_spelling(s, root, stored, "uid");
}

static bool is_removed(yyjson_mut_val *evse)
{
    return hub_slice_eq_str(hub_objects__str_mut(evse, "status"), "REMOVED");
}

static int64_t settle_evse(hub_settling_t *s, yyjson_mut_val *evse, yyjson_mut_val *stored)
{
    int64_t latest = HUB_NO_TIME;
    keep_spelling(s, evse, stored, "uid");
    if (s->keep_status && stored && !is_removed(stored))
        hub_objects__set_str(s->doc, evse, "status", hub_objects__str_mut(stored, "status"));
    shelf_t shelf = shelf_of(s->pool, stored ? yyjson_mut_obj_get(stored, "connectors") : NULL, "id");
    size_t i, n;
    yyjson_mut_val *connector;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(evse, "connectors"), i, n, connector)
    {
        yyjson_mut_val *old = shelf_take(&shelf, hub_objects__str_mut(connector, "id"));
        keep_spelling(s, connector, old, "id");
        latest = later(latest, stamp(s, connector, old, HUB_NO_TIME));
    }
    return stamp(s, evse, stored, latest);
}

/* L4: there is no deletion; after 90 days on the list what is REMOVED is let go. */
static int64_t keep_removed(hub_settling_t *s, yyjson_mut_val *evses, yyjson_mut_val *stored)
{
    int64_t time = hub_objects__time_mut(stored);
    if (is_removed(stored) && time < s->now - HUB_REMOVED_KEPT_MS)
        return HUB_NO_TIME;
    yyjson_mut_val *evse = yyjson_mut_val_mut_copy(s->doc, stored);
    if (!is_removed(stored)) {
        hub_objects__set_str(s->doc, evse, "status", HUB_SLICE_LIT("REMOVED"));
        time = later(s->now, time);
        hub_objects__set_time(s->doc, evse, time);
    }
    yyjson_mut_arr_append(evses, evse);
    return time;
}

void hub_objects__settle_plain(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored)
{
    keep_identity(s, root, stored);
    stamp(s, root, stored, HUB_NO_TIME);
}

void hub_objects__settle_location(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored)
{
    int64_t latest = HUB_NO_TIME;
    yyjson_mut_val *evses = yyjson_mut_obj_get(root, "evses");
    shelf_t shelf = shelf_of(s->pool, stored ? yyjson_mut_obj_get(stored, "evses") : NULL, "uid");
    size_t i, n;
    yyjson_mut_val *evse;
    yyjson_mut_arr_foreach(evses, i, n, evse)
    {
        latest = later(latest, settle_evse(s, evse, shelf_take(&shelf, hub_objects__str_mut(evse, "uid"))));
    }
    for (size_t at = 0; at < shelf.count; at++) {
        if (shelf.taken[at])
            continue;
        if (!evses) {
            evses = yyjson_mut_arr(s->doc);
            yyjson_mut_obj_add(root, yyjson_mut_str(s->doc, "evses"), evses);
        }
        latest = later(latest, keep_removed(s, evses, shelf.items[at]));
    }
    keep_identity(s, root, stored);
    stamp(s, root, stored, latest);
}
