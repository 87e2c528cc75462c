/* What is final stays: CDRs always (D3, decision H), Sessions that are COMPLETED (S1). The same content again is no change, whatever its
 * last_updated says. */
#include <string.h>

#include "object.h"

/* Who it is was found out by the look-up, without regard to case; when it was told says nothing. */
static bool is_told(yyjson_val *key)
{
    static const char *const names[] = {"last_updated", "country_code", "party_id", "id"};
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (yyjson_equals_str(key, names[i]))
            return true;
    return false;
}

static bool same_content(yyjson_val *a, yyjson_val *b)
{
    size_t i, n, in_a = 0, in_b = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(a, i, n, key, value)
    {
        if (is_told(key))
            continue;
        if (!yyjson_equals(value, yyjson_obj_getn(b, yyjson_get_str(key), yyjson_get_len(key))))
            return false;
        in_a++;
    }
    yyjson_obj_foreach(b, i, n, key, value) in_b += !is_told(key);
    return in_a == in_b;
}

static yyjson_val *normal_of(hub_storing_t *s, yyjson_val *root)
{
    bool changed;
    hub_slice_t text = ocpi_normalise(s->pool, root, ocpi_write(s->pool, root), s->row->level[0], s->in->version, &changed);
    return changed ? hub_objects__read(s->pool, text) : root;
}

static hub_err_t check_final(hub_storing_t *s, yyjson_val *after, bool *unchanged, const char *rule, const char *why)
{
    yyjson_val *before = hub_objects__base(s); /* NULL: what is stored cannot be said in this version, so this is something else */
    *unchanged = before && (same_content(before, after) || same_content(normal_of(s, before), normal_of(s, after)));
    if (*unchanged)
        return HUB_EOK;
    return s->in->from ? hub_objects__refuse(s->in, HUB_SLICE_NONE, rule, "%s", why) : HUB_ECONFLICT;
}

hub_err_t hub_objects__check_session(hub_storing_t *s, yyjson_val *after, bool *unchanged)
{
    if (!hub_slice_eq_str(ocpi_get_str(hub_objects__base(s), "status"), "COMPLETED"))
        return HUB_EOK;
    return check_final(s, after, unchanged, "S1", HUB_SESSION_FINAL);
}

hub_err_t hub_objects__check_cdr(hub_storing_t *s, yyjson_val *after, bool *unchanged)
{
    return check_final(s, after, unchanged, "D3", HUB_CDR_FINAL);
}
