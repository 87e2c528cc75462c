/* The levels of a Location: EVSEs and Connectors addressed on their own, and who an object is. */
#include "schema.h"

static yyjson_val *find_in(yyjson_val *parent, const char *list, const char *name, hub_slice_t id)
{
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(yyjson_obj_get(parent, list), i, max, item)
    {
        hub_slice_t own = ocpi_get_str(item, name);
        if (own.ptr && hub_slice_caseeq(own, id))
            return item;
    }
    return NULL;
}

yyjson_val *ocpi_location_find(yyjson_val *location, hub_slice_t evse_uid, hub_slice_t connector_id)
{
    if (!evse_uid.ptr)
        return location;
    yyjson_val *evse = find_in(location, "evses", "uid", evse_uid);
    return evse && connector_id.ptr ? find_in(evse, "connectors", "id", connector_id) : evse;
}

/* Keeps the member's place, unlike yyjson_mut_obj_put. */
static void set(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, yyjson_mut_val *value)
{
    yyjson_mut_val *key = yyjson_mut_str(doc, name);
    if (!yyjson_mut_obj_replace(object, key, value))
        yyjson_mut_obj_add(object, key, value);
}

/* L2, L3, decision I: a parent is at least as new as its children. */
static void raise_updated(yyjson_mut_doc *doc, yyjson_mut_val *parent, hub_slice_t last_updated)
{
    int64_t mine, childs;
    if (!last_updated.ptr || !ocpi_time_parse(last_updated, &childs, NULL))
        return;
    yyjson_mut_val *own = yyjson_mut_obj_get(parent, "last_updated");
    const char *text = yyjson_mut_get_str(own);
    if (text && ocpi_time_parse(hub_slice(text, yyjson_mut_get_len(own)), &mine, NULL) && mine >= childs)
        return;
    set(doc, parent, "last_updated", yyjson_mut_strncpy(doc, last_updated.ptr, last_updated.len));
}

static bool has_id(yyjson_mut_val *item, const char *name, hub_slice_t id)
{
    yyjson_mut_val *own = yyjson_mut_obj_get(item, name);
    if (!yyjson_mut_is_str(own) && !yyjson_mut_is_raw(own))
        return false;
    return hub_slice_caseeq(hub_slice(own->uni.str, yyjson_mut_get_len(own)), id);
}

/* The item of `list` with this id, and its place; NULL when there is none. */
static yyjson_mut_val *find_mut(yyjson_mut_val *list, const char *name, hub_slice_t id, size_t *at)
{
    size_t i, max;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach(list, i, max, item)
    {
        if (has_id(item, name, id)) {
            *at = i;
            return item;
        }
    }
    return NULL;
}

static bool put_into(yyjson_mut_doc *doc, yyjson_mut_val *parent, const char *list_name, const char *name, hub_slice_t id,
                     yyjson_val *child)
{
    yyjson_mut_val *list = yyjson_mut_obj_get(parent, list_name), *copy = yyjson_val_mut_copy(doc, child);
    if (!yyjson_mut_is_arr(list)) { /* filled first: replacing a member copies the list's head */
        list = yyjson_mut_arr(doc);
        yyjson_mut_arr_append(list, copy);
        set(doc, parent, list_name, list);
        return true;
    }
    size_t at;
    if (find_mut(list, name, id, &at)) {
        yyjson_mut_arr_replace(list, at, copy);
        return false;
    }
    yyjson_mut_arr_append(list, copy);
    return true;
}

yyjson_mut_val *ocpi_location_put(hub_pool_t *pool, yyjson_val *location, hub_slice_t evse_uid, hub_slice_t connector_id, yyjson_val *child,
                                  hub_slice_t last_updated, bool *created)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    *created = false;
    if (!evse_uid.ptr) {
        yyjson_mut_val *whole = yyjson_val_mut_copy(doc, child);
        yyjson_mut_doc_set_root(doc, whole);
        return whole;
    }
    if (!yyjson_is_obj(location))
        return NULL;
    yyjson_mut_val *out = yyjson_val_mut_copy(doc, location);
    yyjson_mut_doc_set_root(doc, out);
    if (connector_id.ptr) {
        size_t at;
        yyjson_mut_val *evse = find_mut(yyjson_mut_obj_get(out, "evses"), "uid", evse_uid, &at);
        if (!evse)
            return NULL;
        *created = put_into(doc, evse, "connectors", "id", connector_id, child);
        raise_updated(doc, evse, last_updated);
    } else {
        *created = put_into(doc, out, "evses", "uid", evse_uid, child);
    }
    raise_updated(doc, out, last_updated);
    return out;
}

/* ---- identity ---- */

static bool take(yyjson_val *root, const char *name, hub_slice_t *out)
{
    yyjson_val *value = yyjson_obj_get(root, name);
    *out = ocpi_str(value);
    return !value || yyjson_is_null(value) || out->ptr;
}

hub_err_t ocpi_object_identity(yyjson_val *root, ocpi_module_t module, hub_slice_t *country, hub_slice_t *party, hub_slice_t *id)
{
    *country = *party = *id = HUB_SLICE_NONE;
    if (!yyjson_is_obj(root))
        return HUB_EINVALID;
    bool good =
        take(root, "country_code", country) && take(root, "party_id", party) && take(root, module == OCPI_MODULE_TOKENS ? "uid" : "id", id);
    return good ? HUB_EOK : HUB_EINVALID;
}

bool ocpi_object_last_updated(yyjson_val *root, int64_t *ms)
{
    yyjson_val *value = yyjson_obj_get(root, "last_updated");
    return yyjson_is_str(value) && ocpi_time_parse(ocpi__text(value), ms, NULL);
}
