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
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (ocpi__is(component, "type", rows[i].text))
            return rows[i].bit;
    return 0;
}

static unsigned dimensions(yyjson_val *element)
{
    unsigned bits = 0;
    size_t i, max;
    yyjson_val *component;
    yyjson_arr_foreach(yyjson_obj_get(element, "price_components"), i, max, component) bits |= dimension(component);
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
void ocpi__rule_reachable_elements(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    unsigned taken = 0;
    bool whole = ruling->version == OCPI_V2_1_1;
    size_t i, max;
    yyjson_val *element;
    yyjson_arr_foreach(yyjson_obj_get(value, "elements"), i, max, element)
    {
        unsigned mine = dimensions(element);
        bool reservation = ocpi__has(yyjson_obj_get(element, "restrictions"), "reservation");
        if (mine && !reservation && (whole ? taken != 0 : (mine & ~taken) == 0))
            ocpi__breach(ruling, rule, "/elements/%zu", i);
        if (!restricted(element))
            taken |= mine;
    }
}

/* F5 */
void ocpi__rule_free_is_flat(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    size_t i, j, max, most, count = 0;
    unsigned seen = 0;
    yyjson_val *element, *component;
    yyjson_arr_foreach(yyjson_obj_get(value, "elements"), i, max, element)
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
void ocpi__rule_price_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    const char *name = ocpi__net(ruling);
    double least, most;
    if (ocpi__get_number(yyjson_obj_get(value, rule->a), name, &least) && ocpi__get_number(yyjson_obj_get(value, rule->b), name, &most) &&
        least > most)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

/* F6 */
void ocpi__rule_reservation_dimensions(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (ocpi__has(yyjson_obj_get(value, "restrictions"), "reservation") && (dimensions(value) & ~(unsigned)(FLAT | TIME)))
        ocpi__breach(ruling, rule, "/price_components");
}

/* ---- tokens ---- */

/* K11 */
void ocpi__rule_app_whitelist(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    bool app = ocpi__is(value, "type", "AD_HOC_USER") || ocpi__is(value, "type", "APP_USER");
    if (app && ocpi__has(value, "whitelist") && !ocpi__is(value, "whitelist", "NEVER"))
        ocpi__breach(ruling, rule, "/whitelist");
}

void ocpi__rule_no_emaid(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (ocpi__is(value, "type", "EMAID"))
        ocpi__breach(ruling, rule, "/type");
}
