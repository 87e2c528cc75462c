/* Rules between fields of the locations chapter. */
#include "rule.h"

/* L5. The first EVSE answers for nearly every Location. */
void ocpi__rule_live_evse(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    yyjson_val *evses = yyjson_obj_get(value, "evses"), *evse;
    size_t i, max;
    yyjson_arr_foreach(evses, i, max, evse)
    {
        if (!ocpi__is(evse, "status", "REMOVED"))
            return;
    }
    ocpi__breach(ruling, rule, "%s", "");
}

/* L8 */
void ocpi__rule_names_tokens(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (!ocpi_get_str(value, "uid").len && !ocpi_get_str(value, "visual_number").len && !ocpi_get_str(value, "group_id").len)
        ocpi__breach(ruling, rule, "%s", "");
}

static bool has_place(yyjson_val *location, hub_slice_t id)
{
    size_t i, max;
    yyjson_val *place;
    yyjson_arr_foreach(yyjson_obj_get(location, "parking_places"), i, max, place)
    {
        if (hub_slice_caseeq(ocpi_get_str(place, "id"), id))
            return true;
    }
    return false;
}

/* L13 */
void ocpi__rule_known_parking(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    size_t i, j, max, most;
    yyjson_val *evse, *parking;
    yyjson_arr_foreach(yyjson_obj_get(value, "evses"), i, max, evse)
    {
        yyjson_arr_foreach(yyjson_obj_get(evse, "parking"), j, most, parking)
        {
            hub_slice_t id = ocpi_get_str(parking, "parking_id");
            if (id.len && !has_place(value, id))
                ocpi__breach(ruling, rule, "/evses/%zu/parking/%zu", i, j);
        }
    }
}

/* L15. Percentages are rounded to whole ones by some. */
void ocpi__rule_adds_to_hundred(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    yyjson_val *list = yyjson_obj_get(value, rule->a), *one;
    double sum = 0, part, slack = 0.5;
    size_t i, max;
    yyjson_arr_foreach(list, i, max, one)
    {
        if (!ocpi__get_number(one, rule->b, &part))
            return;
        sum += part;
    }
    if (yyjson_arr_size(list) && (sum < 100 - slack || sum > 100 + slack))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}
