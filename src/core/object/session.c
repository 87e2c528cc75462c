#include "object/session.h"

#include <string.h>

#define CHARGE "STATE_OF_CHARGE"

static bool mentions_charge(hub_slice_t session)
{
    return session.len && memmem(session.ptr, session.len, "\"" CHARGE "\"", sizeof CHARGE + 1) != NULL;
}

/* The period without its state of charge; NULL: there is nothing else in it. */
static yyjson_mut_val *shape_period(yyjson_mut_doc *doc, yyjson_val *period)
{
    size_t i, n;
    yyjson_val *dimension, *dimensions = yyjson_obj_get(period, "dimensions");
    yyjson_mut_val *kept = yyjson_mut_arr(doc), *out = yyjson_val_mut_copy(doc, period);
    yyjson_arr_foreach(dimensions, i, n, dimension)
    {
        if (!hub_slice_eq_str(ocpi_get_str(dimension, "type"), CHARGE))
            yyjson_mut_arr_append(kept, yyjson_val_mut_copy(doc, dimension));
    }
    size_t left = yyjson_mut_arr_size(kept);
    if (left == yyjson_arr_size(dimensions))
        return out;
    yyjson_mut_obj_replace(out, yyjson_mut_str(doc, "dimensions"), kept);
    return left ? out : NULL;
}

hub_slice_t hub_session_shape(hub_pool_t *pool, const hub_integration_t *to, hub_slice_t session)
{
    yyjson_doc *doc;
    if (to->state_of_charge != 0 || !mentions_charge(session) || ocpi_read(pool, session, &doc, NULL) != HUB_EOK)
        return session;
    yyjson_mut_doc *shaped = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(shaped, yyjson_doc_get_root(doc)), *periods = yyjson_mut_arr(shaped);
    size_t i, n;
    yyjson_val *period, *list = yyjson_obj_get(yyjson_doc_get_root(doc), "charging_periods");
    yyjson_arr_foreach(list, i, n, period)
    {
        yyjson_mut_val *kept = shape_period(shaped, period);
        if (kept)
            yyjson_mut_arr_append(periods, kept);
    }
    if (yyjson_is_arr(list))
        yyjson_mut_obj_replace(root, yyjson_mut_str(shaped, "charging_periods"), periods);
    return ocpi_write_mut(pool, root);
}
