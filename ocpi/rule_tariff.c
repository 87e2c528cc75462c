/* Rules between fields of the tariffs and tokens chapters. */
#include "rule.h"

/* ---- tariffs ---- */

enum { ENERGY = 1, FLAT = 2, PARKING_TIME = 4, TIME = 8 };

static unsigned dimension(yyjson_val *component)
{
    static const struct {
        const char *text;
        unsigned bit;
    } rows[] = {{"ENERGY", ENERGY}, {"FLAT", FLAT}, {"PARKING_TIME", PARKING_TIME}, {"TIME", TIME}};
    hub_slice_t type = ocpi_get_str(component, "type");
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (hub_slice_eq_str(type, rows[i].text))
            return rows[i].bit;
    return 0;
}

static unsigned dimensions_of(yyjson_val *components)
{
    unsigned bits = 0;
    size_t i, max;
    yyjson_val *component;
    yyjson_arr_foreach(components, i, max, component) bits |= dimension(component);
    return bits;
}

/* null members restrict nothing, and neither do empty lists. */
static bool restricted(yyjson_val *element)
{
    size_t i, max;
    yyjson_val *restrictions = yyjson_obj_get(element, "restrictions"), *key, *value;
    if (!yyjson_is_obj(restrictions))
        return false;
    yyjson_obj_foreach(restrictions, i, max, key, value)
    {
        if (!yyjson_is_null(value) && !(yyjson_is_arr(value) && yyjson_arr_size(value) == 0))
            return true;
    }
    return false;
}

/* F3: for each dimension the first element that fits applies (2.1.1: for all of them together). Elements for reservations stand apart. */
void ocpi__rule_reachable_elements(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    unsigned taken = 0;
    bool whole = ruling->version == OCPI_V2_1_1;
    size_t i, max;
    yyjson_val *element;
    yyjson_arr_foreach(ocpi__top(ruling, "elements"), i, max, element)
    {
        unsigned mine = dimensions_of(yyjson_obj_get(element, "price_components"));
        bool reservation = ocpi__has(yyjson_obj_get(element, "restrictions"), "reservation");
        if (mine && !reservation && (whole ? taken != 0 : (mine & ~taken) == 0))
            ocpi__breach(ruling, rule, "/elements/%zu", i);
        if (!restricted(element))
            taken |= mine;
    }
}

/* F5 */
void ocpi__rule_free_is_flat(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    size_t i, j, max, most, count = 0;
    unsigned seen = 0;
    yyjson_val *element, *component;
    yyjson_arr_foreach(ocpi__top(ruling, "elements"), i, max, element)
    {
        yyjson_arr_foreach(yyjson_obj_get(element, "price_components"), j, most, component)
        {
            double price;
            if (!ocpi__get_number(component, "price", &price) || price < 0 || price > 0)
                return;
            seen |= dimension(component);
            count++;
        }
    }
    if (count && (count > 1 || seen != FLAT))
        ocpi__breach(ruling, rule, "/elements");
}

/* F7. Limits are before taxes first of all. */
void ocpi__rule_price_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    const char *name = ocpi__net(ruling);
    double least, most;
    if (ocpi__get_number(ocpi__top(ruling, rule->a), name, &least) && ocpi__get_number(ocpi__top(ruling, rule->b), name, &most) &&
        least > most)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

/* F6 */
void ocpi__rule_reservation_dimensions(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__has(ocpi__top(ruling, "restrictions"), "reservation") &&
        (dimensions_of(ocpi__top(ruling, "price_components")) & ~(unsigned)(FLAT | TIME)))
        ocpi__breach(ruling, rule, "/price_components");
}

/* ---- tokens ---- */

/* K11 */
void ocpi__rule_app_whitelist(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    bool app = ocpi__top_is(ruling, "type", "AD_HOC_USER") || ocpi__top_is(ruling, "type", "APP_USER");
    if (app && ocpi__top(ruling, "whitelist") && !ocpi__top_is(ruling, "whitelist", "NEVER"))
        ocpi__breach(ruling, rule, "/whitelist");
}

void ocpi__rule_no_emaid(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_is(ruling, "type", "EMAID"))
        ocpi__breach(ruling, rule, "/type");
}
