/* Rules between fields: the rows of rule.def, and the functions that more than one module uses. */
#include "rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const ocpi_rule_t ocpi__rules[] = {
#define OCPI_RULE(number, object, versions, weight, function, a, b, text)                                                                  \
    {number, OCPI_OBJECT_##object, versions, weight, ocpi__rule_##function, a, b, text, #function},
#include "tbl/rule.def"
#undef OCPI_RULE
};
const size_t ocpi__rule_count = HUB_COUNT(ocpi__rules);

/* Made once before main. The rows of an object stand together: where they begin, counted from 1. And in each version the field a of a row,
 * as a bit of ocpi_ruling_t.seen; no bit: nothing is asked for. */
static uint8_t first_rule[OCPI_OBJECT_COUNT];
static uint64_t asked[HUB_COUNT(ocpi__rules)][OCPI_VERSION_COUNT];
_Static_assert(HUB_COUNT(ocpi__rules) < UINT8_MAX, "first_rule counts in bytes");

__attribute__((constructor)) static void make_index(void)
{
    for (size_t i = HUB_COUNT(ocpi__rules); i-- > 0;) {
        const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)ocpi__rules[i].object);
        first_rule[ocpi__rules[i].object] = (uint8_t)(i + 1);
        for (unsigned f = 0; f < object->count; f++)
            for (size_t v = 0; strcmp(object->fields[f].name, ocpi__rules[i].a) == 0 && v < HUB_COUNT(ocpi_versions); v++)
                if (object->fields[f].versions & ocpi_versions[v])
                    asked[i][ocpi__version_row(ocpi_versions[v])] = 1ull << f;
    }
}

void ocpi__rules_apply(const ocpi_ruling_t *ruling, ocpi_object_id_t object)
{
    unsigned version = ocpi__version_row(ruling->version);
    if (!first_rule[object])
        return;
    for (size_t i = first_rule[object] - 1u; i < HUB_COUNT(ocpi__rules) && ocpi__rules[i].object == object; i++)
        if ((ocpi__rules[i].versions & ruling->version) && !(asked[i][version] & ~ruling->seen))
            ocpi__rules[i].check(ruling, &ocpi__rules[i]);
}

void ocpi__rules_apply_to(ocpi_ruling_t *ruling, ocpi_object_id_t object, yyjson_val *value)
{
    yyjson_val *key, *member, *members[64];
    size_t i, max;
    ruling->index = ocpi__index(object, ruling->version);
    ruling->seen = 0;
    ruling->members = members;
    yyjson_obj_foreach(value, i, max, key, member)
    {
        int row = ocpi__find(ruling->index, ocpi__text(key));
        if (row < 0 || yyjson_is_null(member))
            continue;
        members[row] = member;
        ruling->seen |= 1ull << row;
    }
    ocpi__rules_apply(ruling, object);
    ruling->members = NULL;
}

void ocpi__breach(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, const char *below, ...)
{
    char text[160];
    va_list args;
    va_start(args, below);
    int n = vsnprintf(text, sizeof text, below, args);
    va_end(args);
    HUB_ASSERT(n >= 0 && (size_t)n < sizeof text); /* field names of the rows and numbers */
    ruling->breach(ruling->arg, rule, hub_slice(text, (size_t)n));
}

/* ---- values ---- */

static size_t digits_of(hub_slice_t text, size_t from, double *number, double *scale)
{
    size_t i = from;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        *number = *number * 10 + (text.ptr[i] - '0');
        *scale *= 10;
    }
    return i;
}

/* Not strtod: its decimal point is the locale's. Close enough for sums and comparisons; what has an exponent is not judged. */
bool ocpi__number(yyjson_val *value, double *out)
{
    hub_slice_t text = ocpi_str(value);
    bool minus = text.len && text.ptr[0] == '-';
    double number = 0, scale = 1;
    size_t i = digits_of(text, minus, &number, &scale);
    bool some = i > minus;
    scale = 1;
    if (i < text.len && text.ptr[i] == '.')
        i = digits_of(text, i + 1, &number, &scale);
    *out = (minus ? -number : number) / scale;
    return some && i == text.len && text.len < 200;
}

bool ocpi__get_number(yyjson_val *object, const char *name, double *out)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return value && ocpi__number(value, out);
}

bool ocpi__time(yyjson_val *value, int64_t *ms)
{
    unsigned odd;
    hub_slice_t text = ocpi_str(value);
    return text.len && ocpi_time_parse(text, ms, &odd);
}

/* ---- functions for rows of any module ---- */

/* What names an item of a list (member b of it, or the item itself) names one. */
void ocpi__rule_unique(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    hub_slice_t ids[256]; /* pairs are compared: among the first so many */
    yyjson_val *list = ocpi__top(ruling, rule->a), *one;
    if (yyjson_arr_size(list) < 2)
        return;
    size_t i, max;
    yyjson_arr_foreach(list, i, max, one)
    {
        hub_slice_t id = rule->b[0] ? ocpi_get_str(one, rule->b) : ocpi_str(one);
        for (size_t j = 0; id.len && j < i && j < HUB_COUNT(ids); j++)
            if (ids[j].len == id.len && hub_slice_caseeq(ids[j], id)) {
                ocpi__breach(ruling, rule, "/%s/%zu", rule->a, i);
                break;
            }
        if (i < HUB_COUNT(ids))
            ids[i] = id;
    }
}

void ocpi__rule_needs(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (ocpi__top_str(ruling, rule->a).len && !ocpi__top_str(ruling, rule->b).len)
        ocpi__breach(ruling, rule, "%s", "");
}

/* The list a is for b false only. */
void ocpi__rule_only_without(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (yyjson_arr_size(ocpi__top(ruling, rule->a)) && yyjson_is_true(ocpi__top(ruling, rule->b)))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_needed_without(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    if (yyjson_is_false(ocpi__top(ruling, rule->a)) && !yyjson_arr_size(ocpi__top(ruling, rule->b)))
        ocpi__breach(ruling, rule, "%s", "");
}

void ocpi__rule_time_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    int64_t a, b, day = 86400000;
    bool unknown = true; /* D12: 1970-01-01 */
    if (ocpi__time(ocpi__top(ruling, rule->a), &a) && ocpi__time(ocpi__top(ruling, rule->b), &b))
        unknown = a < day || b < day;
    if (!unknown && b < a)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

/* Times of day or dates: b is later. */
void ocpi__rule_clock_order(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    hub_slice_t a = ocpi__top_str(ruling, rule->a), b = ocpi__top_str(ruling, rule->b);
    if (a.len && a.len == b.len && (a.len == 5 || a.len == 10) && memcmp(a.ptr, b.ptr, a.len) >= 0)
        ocpi__breach(ruling, rule, "%s", "");
}

/* a is at most b. */
void ocpi__rule_ordered_numbers(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double a, b;
    if (ocpi__number(ocpi__top(ruling, rule->a), &a) && ocpi__number(ocpi__top(ruling, rule->b), &b) && a > b)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* From a (included) to b (excluded) there is something. */
void ocpi__rule_range(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double a, b;
    if (ocpi__number(ocpi__top(ruling, rule->a), &a) && ocpi__number(ocpi__top(ruling, rule->b), &b) && a >= b)
        ocpi__breach(ruling, rule, "/%s", rule->b);
}

void ocpi__rule_not_negative(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    double a;
    if (ocpi__number(ocpi__top(ruling, rule->a), &a) && a < 0)
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

void ocpi__rule_one_decimal(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    hub_slice_t text = ocpi__top_str(ruling, rule->a);
    const char *dot = text.len ? memchr(text.ptr, '.', text.len) : NULL;
    if (!dot)
        return;
    size_t after = text.len - (size_t)(dot + 1 - text.ptr);
    while (after > 1 && dot[after] == '0')
        after--;
    if (after > 1 && !memchr(text.ptr, 'e', text.len) && !memchr(text.ptr, 'E', text.len))
        ocpi__breach(ruling, rule, "/%s", rule->a);
}

/* ---- credentials ---- */

void ocpi__rule_unique_roles(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule)
{
    yyjson_val *list = ocpi__top(ruling, "roles"), *one;
    const size_t most = 256; /* pairs are compared */
    size_t i, max;
    yyjson_arr_foreach(list, i, max, one)
    {
        for (size_t j = 0; j < i && i < most; j++) {
            yyjson_val *other = yyjson_arr_get(list, j);
            if (!ocpi_get_str(one, "role").ptr || !hub_slice_eq(ocpi_get_str(one, "role"), ocpi_get_str(other, "role")) ||
                !hub_slice_caseeq(ocpi_get_str(one, "party_id"), ocpi_get_str(other, "party_id")) ||
                !hub_slice_caseeq(ocpi_get_str(one, "country_code"), ocpi_get_str(other, "country_code")))
                continue;
            ocpi__breach(ruling, rule, "/roles/%zu", i);
            break;
        }
    }
}
