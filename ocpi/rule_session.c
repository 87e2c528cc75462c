/* Rules between fields of the sessions and cdrs chapters. */
#include "rule.h"

/* ---- what both have ---- */

static bool has_dimension(yyjson_val *period, const char *type)
{
    size_t i, max;
    yyjson_val *one;
    yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), i, max, one)
    {
        if (ocpi__is(one, "type", type))
            return true;
    }
    return false;
}

/* S6, D7: from a to b. The periods of a reservation come before the start of its session. The first one outside is told. */
void ocpi__rule_periods_within(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    int64_t start, end, begin, day = 86400000;
    if (!ocpi__time(ocpi__top(ruling, rule->a), &start) || start < day) /* D12 */
        return;
    if (!ocpi__time(ocpi__top(ruling, rule->b), &end) || end < start)
        end = INT64_MAX;
    size_t i, max;
    yyjson_val *period;
    yyjson_arr_foreach(ocpi__top(ruling, "charging_periods"), i, max, period)
    {
        if (!ocpi__time(yyjson_obj_get(period, "start_date_time"), &begin) || (begin >= start && begin <= end) ||
            has_dimension(period, "RESERVATION_TIME"))
            continue;
        ocpi__breach(ruling, rule, "/charging_periods/%zu/start_date_time", i);
        return;
    }
}

static bool close_to(double sum, double total)
{
    double off = sum > total ? sum - total : total - sum, size = total < 0 ? -total : total;
    return off <= 0.01 + size / 100; /* rounding of each part */
}

void ocpi__rule_energy_total(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double sum = 0, part, total;
    bool some = false;
    size_t i, j, max, most;
    yyjson_val *period, *one;
    yyjson_arr_foreach(ocpi__top(ruling, "charging_periods"), i, max, period)
    {
        yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), j, most, one)
        {
            if (!ocpi__is(one, "type", "ENERGY") || !ocpi__get_number(one, "volume", &part))
                continue;
            sum += part;
            some = true;
        }
    }
    if (some && ocpi__number(ocpi__top(ruling, rule->a), &total) && !close_to(sum, total))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* ---- sessions ---- */

void ocpi__rule_ended_session(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_is(ruling, rule->a, "COMPLETED") && !ocpi__top(ruling, rule->b))
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

void ocpi__rule_running_session(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    static const char *const running[] = {"ACTIVE", "PENDING", "RESERVATION"};
    if (!ocpi__top(ruling, rule->a))
        return;
    for (size_t i = 0; i < HUB_COUNT(running); i++)
        if (ocpi__top_is(ruling, "status", running[i]))
            ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* S11 */
void ocpi__rule_assigned(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_is(ruling, rule->a, "#NA") && ocpi__top_is(ruling, "status", "ACTIVE"))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* ---- CDRs ---- */

static bool is_credit(const ocpi_ruling_t *ruling)
{
    return yyjson_is_true(ocpi__top(ruling, "credit"));
}

/* D4 */
void ocpi__rule_credit_reference(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (is_credit(ruling) && !ocpi__top_str(ruling, rule->b).len)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

void ocpi__rule_only_with(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_str(ruling, rule->a).len && !yyjson_is_true(ocpi__top(ruling, rule->b)))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_other_reference(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    hub_slice_t reference = ocpi__top_str(ruling, rule->a);
    if (reference.len && hub_slice_caseeq(reference, ocpi__top_str(ruling, rule->b)))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_credit_sign(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double cost;
    if (is_credit(ruling) && ocpi__get_number(ocpi__top(ruling, rule->b), ocpi__net(ruling), &cost) && cost > 0)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

/* D5 */
void ocpi__rule_credit_length(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_str(ruling, rule->a).len > 36 && !is_credit(ruling))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* D7. The first one is told. */
void ocpi__rule_periods_in_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    int64_t before = INT64_MIN, begin;
    size_t i, max;
    yyjson_val *period;
    yyjson_arr_foreach(ocpi__top(ruling, rule->a), i, max, period)
    {
        if (!ocpi__time(yyjson_obj_get(period, rule->b), &begin))
            continue;
        if (begin <= before) {
            ocpi__breach(ruling, rule, "/%s/%zu", rule->a, i);
            return;
        }
        before = begin;
    }
}

/* D8. The first one is told. */
void ocpi__rule_session_dimensions(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    static const char *const types[] = {"CURRENT", "ENERGY_EXPORT", "ENERGY_IMPORT", "POWER", "STATE_OF_CHARGE"};
    size_t i, j, max, most;
    yyjson_val *period, *one;
    yyjson_arr_foreach(ocpi__top(ruling, "charging_periods"), i, max, period)
    {
        yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), j, most, one)
        {
            hub_slice_t type = ocpi_get_str(one, "type");
            for (size_t t = 0; t < HUB_COUNT(types); t++)
                if (hub_slice_eq_str(type, types[t])) {
                    ocpi__breach(ruling, rule, "/charging_periods/%zu/dimensions/%zu/type", i, j);
                    return;
                }
        }
    }
}

/* D9. A reservation that was not used has no energy. */
void ocpi__rule_session_named(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double energy = 0;
    if (!ocpi__top_str(ruling, rule->b).len && ocpi__number(ocpi__top(ruling, rule->a), &energy) && energy > 0)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

void ocpi__rule_cost_total(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    static const char *const parts[] = {"total_fixed_cost", "total_energy_cost", "total_time_cost", "total_parking_cost",
                                        "total_reservation_cost"};
    double sum = 0, part, total;
    bool some = false;
    for (size_t i = 0; i < HUB_COUNT(parts); i++)
        if (ocpi__get_number(ocpi__top(ruling, parts[i]), ocpi__net(ruling), &part)) {
            sum += part;
            some = true;
        }
    if (some && ocpi__get_number(ocpi__top(ruling, rule->a), ocpi__net(ruling), &total) && !close_to(sum, total))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}
