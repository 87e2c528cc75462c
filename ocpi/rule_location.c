/* Rules between fields of the locations chapter. */
#include "rule.h"

/* L5. The first EVSE answers for nearly every Location. */
void ocpi__rule_live_evse(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    yyjson_val *evses = ocpi__top(ruling, "evses"), *evse;
    size_t i, max;
    yyjson_arr_foreach(evses, i, max, evse)
    {
        if (!ocpi__is(evse, "status", "REMOVED"))
            return;
    }
    ocpi__breach(ruling, rule, "%s", "");
}

/* L8 */
void ocpi__rule_names_tokens(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (!ocpi__top_str(ruling, "uid").len && !ocpi__top_str(ruling, "visual_number").len && !ocpi__top_str(ruling, "group_id").len)
        ocpi__breach(ruling, rule, "%s", "");
}

static bool has_place(yyjson_val *places, hub_slice_t id)
{
    size_t i, max;
    yyjson_val *place;
    yyjson_arr_foreach(places, i, max, place)
    {
        if (hub_slice_caseeq(ocpi_get_str(place, "id"), id))
            return true;
    }
    return false;
}

/* L13 */
void ocpi__rule_known_parking(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    size_t i, j, max, most;
    yyjson_val *evse, *parking, *places = ocpi__top(ruling, "parking_places");
    yyjson_arr_foreach(ocpi__top(ruling, "evses"), i, max, evse)
    {
        yyjson_arr_foreach(yyjson_obj_get(evse, "parking"), j, most, parking)
        {
            hub_slice_t id = ocpi_get_str(parking, "parking_id");
            if (id.len && !has_place(places, id))
                ocpi__breach(ruling, rule, "/evses/%zu/parking/%zu", i, j);
        }
    }
}

/* L15. Percentages are rounded to whole ones by some. */
void ocpi__rule_adds_to_hundred(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    yyjson_val *list = ocpi__top(ruling, rule->a), *one;
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
