/* Values of a Location: times of its levels, comparing two forms of it. */
#include "object.h"

#include <string.h>

static int64_t time_of(hub_slice_t text)
{
    int64_t ms;
    unsigned flags;
    return text.ptr && ocpi_time_parse(text, &ms, &flags) ? ms : HUB_NO_TIME;
}

int64_t hub_objects__time(yyjson_val *object)
{
    return time_of(ocpi_get_str(object, "last_updated"));
}

int64_t hub_objects__time_mut(yyjson_mut_val *object)
{
    return time_of(hub_objects__str_mut(object, "last_updated"));
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t hub_objects__latest(yyjson_val *root)
{
    int64_t latest = hub_objects__time(root);
    size_t i, n, j, m;
    yyjson_val *evse, *connector;
    yyjson_arr_foreach(yyjson_obj_get(root, "evses"), i, n, evse)
    {
        latest = later(latest, hub_objects__time(evse));
        yyjson_arr_foreach(yyjson_obj_get(evse, "connectors"), j, m, connector) latest = later(latest, hub_objects__time(connector));
    }
    return latest;
}

hub_slice_t hub_objects__str_mut(yyjson_mut_val *object, const char *name)
{
    yyjson_mut_val *value = yyjson_mut_obj_get(object, name);
    return yyjson_mut_is_str(value) ? hub_slice(yyjson_mut_get_str(value), yyjson_mut_get_len(value)) : HUB_SLICE_NONE;
}

yyjson_mut_val *hub_objects__find_mut(yyjson_mut_val *list, const char *name, hub_slice_t id)
{
    size_t i, n;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, n, item)
    {
        hub_slice_t have = hub_objects__str_mut(item, name);
        if (have.ptr && hub_slice_caseeq(have, id))
            return item;
    }
    return NULL;
}

void hub_objects__set_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, hub_slice_t value)
{
    yyjson_mut_val *now = yyjson_mut_obj_get(object, name);
    if (now)
        yyjson_mut_set_strn(now, yyjson_mut_get_str(yyjson_mut_strncpy(doc, value.ptr, value.len)), value.len);
    else
        yyjson_mut_obj_add(object, yyjson_mut_str(doc, name), yyjson_mut_strncpy(doc, value.ptr, value.len));
}

void hub_objects__set_time(yyjson_mut_doc *doc, yyjson_mut_val *object, int64_t ms)
{
    if (hub_objects__time_mut(object) == ms)
        return; /* the spelling stays */
    char text[OCPI_TIME_MAX + 1];
    size_t len = ocpi_time_format(ms, text);
    hub_objects__set_str(doc, object, "last_updated", hub_slice(text, len));
}

static bool skipped(yyjson_mut_val *key, const char *const *skip, size_t skip_count)
{
    for (size_t i = 0; i < skip_count; i++)
        if (yyjson_mut_equals_str(key, skip[i]))
            return true;
    return false;
}

bool hub_objects__same(yyjson_mut_val *a, yyjson_mut_val *b, const char *const *skip, size_t skip_count)
{
    size_t in_a = 0, in_b = 0, i, n;
    yyjson_mut_val *key, *value;
    yyjson_mut_obj_foreach(a, i, n, key, value)
    {
        if (skipped(key, skip, skip_count))
            continue;
        yyjson_mut_val *other = yyjson_mut_obj_getn(b, yyjson_mut_get_str(key), yyjson_mut_get_len(key));
        if (!other || !yyjson_mut_equals(value, other))
            return false;
        in_a++;
    }
    yyjson_mut_obj_foreach(b, i, n, key, value) in_b += !skipped(key, skip, skip_count);
    return in_a == in_b;
}

/* False: more than statuses differ, or too many. */
static bool compare_evses(yyjson_mut_val *now, yyjson_mut_val *before, hub_status_change_t *status)
{
    static const char *const skip[] = {"status", "last_updated"};
    if (yyjson_mut_arr_size(now) != yyjson_mut_arr_size(before))
        return false;
    yyjson_mut_arr_iter others = yyjson_mut_arr_iter_with(before);
    size_t i, n;
    yyjson_mut_val *evse;
    yyjson_mut_arr_foreach(now, i, n, evse)
    {
        yyjson_mut_val *other = yyjson_mut_arr_iter_next(&others);
        if (yyjson_mut_equals(evse, other))
            continue;
        if (!hub_objects__same(evse, other, skip, HUB_COUNT(skip)) || status->count == HUB_STATUS_ENTRIES)
            return false;
        status->uid[status->count++] = hub_objects__str_mut(evse, "uid");
    }
    return true;
}

hub_difference_t hub_objects__compare(yyjson_mut_val *now, yyjson_mut_val *before, hub_status_change_t *status)
{
    static const char *const skip[] = {"evses", "last_updated"};
    status->count = 0;
    if (!before)
        return HUB_DIFFERENT;
    if (yyjson_mut_equals(now, before))
        return HUB_SAME;
    yyjson_mut_val *evses = yyjson_mut_obj_get(now, "evses"), *evses_before = yyjson_mut_obj_get(before, "evses");
    if (!evses || !evses_before || !hub_objects__same(now, before, skip, HUB_COUNT(skip)))
        return HUB_DIFFERENT;
    return compare_evses(evses, evses_before, status) && status->count ? HUB_STATUS_ONLY : HUB_DIFFERENT;
}
