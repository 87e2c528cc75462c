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
void ocpi__rule_periods_within(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    int64_t start, end, begin, day = 86400000;
    if (!ocpi__get_time(value, rule->a, &start) || start < day) /* D12 */
        return;
    if (!ocpi__get_time(value, rule->b, &end) || end < start)
        end = INT64_MAX;
    size_t i, max;
    yyjson_val *period;
    yyjson_arr_foreach(yyjson_obj_get(value, "charging_periods"), i, max, period)
    {
        if (!ocpi__get_time(period, "start_date_time", &begin) || (begin >= start && begin <= end) ||
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

void ocpi__rule_energy_total(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    double sum = 0, part, total;
    bool some = false;
    size_t i, j, max, most;
    yyjson_val *period, *one;
    yyjson_arr_foreach(yyjson_obj_get(value, "charging_periods"), i, max, period)
    {
        yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), j, most, one)
        {
            if (!ocpi__is(one, "type", "ENERGY") || !ocpi__get_number(one, "volume", &part))
                continue;
            sum += part;
            some = true;
        }
    }
    if (some && ocpi__get_number(value, rule->a, &total) && !close_to(sum, total))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* ---- sessions ---- */

void ocpi__rule_ended_session(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (ocpi__is(value, "status", "COMPLETED") && !ocpi__has(value, rule->a))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_running_session(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    static const char *const running[] = {"ACTIVE", "PENDING", "RESERVATION"};
    if (!ocpi__has(value, rule->a))
        return;
    for (size_t i = 0; i < HUB_COUNT(running); i++)
        if (ocpi__is(value, "status", running[i]))
            ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* S11 */
void ocpi__rule_assigned(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (ocpi__is(value, rule->a, "#NA") && ocpi__is(value, "status", "ACTIVE"))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* ---- CDRs ---- */

static bool is_credit(yyjson_val *cdr)
{
    return yyjson_is_true(yyjson_obj_get(cdr, "credit"));
}

/* D4 */
void ocpi__rule_credit_reference(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (is_credit(value) && !ocpi_get_str(value, rule->a).len)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_only_with(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (ocpi_get_str(value, rule->a).len && !yyjson_is_true(yyjson_obj_get(value, rule->b)))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_other_reference(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    hub_slice_t reference = ocpi_get_str(value, rule->a);
    if (reference.len && hub_slice_caseeq(reference, ocpi_get_str(value, rule->b)))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_credit_sign(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    double cost;
    if (is_credit(value) && ocpi__get_number(yyjson_obj_get(value, rule->a), ocpi__net(ruling), &cost) && cost > 0)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* D5 */
void ocpi__rule_credit_length(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    if (!is_credit(value) && ocpi_get_str(value, rule->a).len > 36)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* D7. The first one is told. */
void ocpi__rule_periods_in_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    int64_t before = INT64_MIN, begin;
    size_t i, max;
    yyjson_val *period;
    yyjson_arr_foreach(yyjson_obj_get(value, rule->a), i, max, period)
    {
        if (!ocpi__get_time(period, rule->b, &begin))
            continue;
        if (begin <= before) {
            ocpi__breach(ruling, rule, "/%s/%zu", rule->a, i);
            return;
        }
        before = begin;
    }
}

/* D8. The first one is told. */
void ocpi__rule_session_dimensions(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    static const char *const types[] = {"CURRENT", "ENERGY_EXPORT", "ENERGY_IMPORT", "POWER", "STATE_OF_CHARGE"};
    size_t i, j, max, most;
    yyjson_val *period, *one;
    yyjson_arr_foreach(yyjson_obj_get(value, "charging_periods"), i, max, period)
    {
        yyjson_arr_foreach(yyjson_obj_get(period, "dimensions"), j, most, one)
        {
            for (size_t t = 0; t < HUB_COUNT(types); t++)
                if (ocpi__is(one, "type", types[t])) {
                    ocpi__breach(ruling, rule, "/charging_periods/%zu/dimensions/%zu/type", i, j);
                    return;
                }
        }
    }
}

/* D9. A reservation that was not used has no energy. */
void ocpi__rule_session_named(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    double energy = 0;
    if (!ocpi_get_str(value, rule->a).len && ocpi__get_number(value, "total_energy", &energy) && energy > 0)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_cost_total(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, yyjson_val *value)
{
    static const char *const parts[] = {"total_fixed_cost", "total_energy_cost", "total_time_cost", "total_parking_cost",
                                        "total_reservation_cost"};
    double sum = 0, part, total;
    bool some = false;
    for (size_t i = 0; i < HUB_COUNT(parts); i++)
        if (ocpi__get_number(yyjson_obj_get(value, parts[i]), ocpi__net(ruling), &part)) {
            sum += part;
            some = true;
        }
    if (some && ocpi__get_number(yyjson_obj_get(value, rule->a), ocpi__net(ruling), &total) && !close_to(sum, total))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}
