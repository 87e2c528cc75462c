/* Tariffs between versions: which elements apply, since when, and whether tax is in the price. A tariff whose price would change meaning is
 * refused. */
#include <string.h>

#include "bridge.h"
#include "decimal.h"

/* ---- elements: 2.1.1 takes the first that matches as a whole, 2.2 for each dimension the first that matches and has it (F3) ---- */

#define MOST_ELEMENTS 128 /* pairs are compared */

typedef struct elements {
    bridge_call_t *call;
    const ocpi_field_t *components, *restrictions; /* rows of TariffElement in the target version */
    size_t count;
    yyjson_val *element[MOST_ELEMENTS], *restriction[MOST_ELEMENTS]; /* NULL: none */
    unsigned dimensions[MOST_ELEMENTS];                              /* mask */
} elements_t;

static unsigned dimension(yyjson_val *component)
{
    static const char *const names[] = {"ENERGY", "FLAT", "PARKING_TIME", "TIME"};
    for (unsigned i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(ocpi_get_str(component, "type"), names[i]))
            return 1u << i;
    return 1u << HUB_COUNT(names);
}
#define DIMENSION_FLAT 2u

static yyjson_val *restrictions_of(yyjson_val *element)
{
    yyjson_val *r = yyjson_obj_get(element, "restrictions"), *key, *value;
    size_t i, max;
    if (!yyjson_is_obj(r))
        return NULL;
    yyjson_obj_foreach(r, i, max, key, value)
    {
        if (!ocpi__bridge_empty(value))
            return r;
    }
    return NULL;
}

static bool read_elements(elements_t *e, bridge_call_t *call)
{
    size_t i, max, j, most;
    yyjson_val *element, *component;
    *e = (elements_t){.call = call};
    e->components = ocpi__field(OCPI_OBJECT_TARIFF_ELEMENT, call->run->to, HUB_SLICE_LIT("price_components"));
    e->restrictions = ocpi__field(OCPI_OBJECT_TARIFF_ELEMENT, call->run->to, HUB_SLICE_LIT("restrictions"));
    yyjson_arr_foreach(call->value, i, max, element)
    {
        if (e->count == MOST_ELEMENTS)
            return false;
        e->element[e->count] = element;
        e->restriction[e->count] = restrictions_of(element);
        yyjson_arr_foreach(yyjson_obj_get(element, "price_components"), j, most, component)
        {
            e->dimensions[e->count] |= dimension(component);
        }
        e->count++;
    }
    return true;
}

/* Both restrictions hold a number each, and the one ends where the other begins. */
static bool apart(yyjson_val *a, yyjson_val *b, const char *least, const char *most)
{
    ocpi_decimal_t from, to, gap;
    hub_slice_t begin = ocpi_get_str(b, least), end = ocpi_get_str(a, most);
    return begin.ptr && end.ptr && ocpi__decimal_parse(begin, &from) && ocpi__decimal_parse(end, &to) &&
           ocpi__decimal_subtract(from, to, &gap) && gap.digits >= 0;
}

static int compare_text(hub_slice_t a, hub_slice_t b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* "start_date", "end_date": the end is exclusive, and both have one length. */
static bool dates_apart(yyjson_val *a, yyjson_val *b)
{
    hub_slice_t begin = ocpi_get_str(b, "start_date"), end = ocpi_get_str(a, "end_date");
    return begin.len == 10 && end.len == 10 && compare_text(begin, end) >= 0;
}

/* Times of day; one that wraps past midnight covers what the other of (end, start) does not. */
static bool in_day(hub_slice_t t, hub_slice_t begin, hub_slice_t end)
{
    bool wraps = compare_text(begin, end) >= 0;
    bool after = compare_text(t, begin) >= 0, before = compare_text(t, end) < 0;
    return wraps ? after || before : after && before;
}

static bool times_apart(yyjson_val *a, yyjson_val *b)
{
    hub_slice_t a0 = ocpi_get_str(a, "start_time"), a1 = ocpi_get_str(a, "end_time");
    hub_slice_t b0 = ocpi_get_str(b, "start_time"), b1 = ocpi_get_str(b, "end_time");
    return a0.len == 5 && a1.len == 5 && b0.len == 5 && b1.len == 5 && !in_day(a0, b0, b1) && !in_day(b0, a0, a1);
}

static bool days_apart(yyjson_val *a, yyjson_val *b)
{
    yyjson_val *x = yyjson_obj_get(a, "day_of_week"), *y = yyjson_obj_get(b, "day_of_week"), *one, *other;
    size_t i, j, max, most;
    if (ocpi__bridge_empty(x) || ocpi__bridge_empty(y) || !yyjson_is_arr(x) || !yyjson_is_arr(y))
        return false;
    yyjson_arr_foreach(x, i, max, one)
    {
        yyjson_arr_foreach(y, j, most, other)
        {
            if (!yyjson_is_str(one) || !yyjson_is_str(other) || yyjson_equals(one, other))
                return false;
        }
    }
    return true;
}

/* These two can never hold at the same time. False when in doubt. */
static bool disjoint(yyjson_val *a, yyjson_val *b)
{
    static const char *const ranges[][2] = {
        {"min_kwh", "max_kwh"}, {"min_power", "max_power"}, {"min_current", "max_current"}, {"min_duration", "max_duration"}};
    if (!a || !b)
        return false;
    for (size_t i = 0; i < HUB_COUNT(ranges); i++)
        if (apart(a, b, ranges[i][0], ranges[i][1]) || apart(b, a, ranges[i][0], ranges[i][1]))
            return true;
    return dates_apart(a, b) || dates_apart(b, a) || times_apart(a, b) || days_apart(a, b);
}

static bool same(yyjson_val *a, yyjson_val *b)
{
    return a && b ? yyjson_equals(a, b) : a == b;
}

/* Where two elements can hold at once, the later adds no dimension to the earlier: then both ways of matching give the same price. */
static bool alike_in_all_versions(const elements_t *e)
{
    for (size_t i = 0; i < e->count; i++)
        for (size_t j = i + 1; j < e->count; j++)
            if ((e->dimensions[j] & ~e->dimensions[i]) && !disjoint(e->restriction[i], e->restriction[j]))
                return false;
    return true;
}

/* Elements that can be joined so that both ways of matching agree: those with the same restrictions become one, and what always holds goes
 * into each. Not where a flat fee would then stand in several: who passes from one to the other might pay it twice. */
static bool can_be_joined(const elements_t *e)
{
    unsigned always = 0;
    bool restricted = false;
    for (size_t i = 0; i < e->count; i++) {
        always |= e->restriction[i] ? 0 : e->dimensions[i];
        restricted |= e->restriction[i] != NULL;
        for (size_t j = i + 1; j < e->count; j++)
            if (e->restriction[i] && e->restriction[j] && !same(e->restriction[i], e->restriction[j]) &&
                !disjoint(e->restriction[i], e->restriction[j]))
                return false;
    }
    return !restricted || !(always & DIMENSION_FLAT);
}

/* The components of element i whose dimension is not yet there. */
static bool write_components(elements_t *e, size_t i, unsigned *there, const ocpi_frame_t *list)
{
    bridge_run_t *run = e->call->run;
    ocpi_frame_t at = {list, HUB_SLICE_NONE, i}, in = {&at, HUB_SLICE_LIT("price_components"), 0};
    size_t j, max;
    yyjson_val *component;
    unsigned before = *there;
    yyjson_arr_foreach(yyjson_obj_get(e->element[i], "price_components"), j, max, component)
    {
        ocpi_frame_t here = {&in, HUB_SLICE_NONE, j};
        if (before & dimension(component))
            continue;
        if (*there)
            hub_buf_add_char(&run->out, ',');
        *there |= dimension(component);
        if (!yyjson_is_obj(component))
            return ocpi__bridge_cannot(run, BRIDGE_REFUSED, &here, "shape", "this must be an object, not %s", ocpi__json_type(component));
        if (!ocpi__bridge_object(run, OCPI_OBJECT_PRICE_COMPONENT, OCPI_OBJECT_PRICE_COMPONENT, component, &here))
            return false;
    }
    return true;
}

/* Unknown members of the element that comes first. */
static void write_unknown(elements_t *e, size_t i, bridge_pen_t *pen)
{
    size_t m, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(e->element[i], m, max, key, value)
    {
        if (!ocpi__field(OCPI_OBJECT_TARIFF_ELEMENT, e->call->run->from, ocpi__text(key)) &&
            !ocpi__field(OCPI_OBJECT_TARIFF_ELEMENT, e->call->run->to, ocpi__text(key)))
            ocpi__bridge_unknown(e->call->run, pen, ocpi__text(key), value);
    }
}

/* The element with the restrictions of element i: all with the same, then what always holds. */
static bool write_joined(elements_t *e, size_t i)
{
    bridge_run_t *run = e->call->run;
    bridge_pen_t pen = {.object = OCPI_OBJECT_TARIFF_ELEMENT};
    unsigned there = 0;
    hub_buf_add_char(&run->out, '{');
    ocpi__bridge_begin(run, &pen, "price_components");
    hub_buf_add_char(&run->out, '[');
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < e->count; j++) {
            bool fits = pass == 0 ? same(e->restriction[i], e->restriction[j]) : e->restriction[i] && !e->restriction[j];
            if (fits && !write_components(e, j, &there, e->call->at))
                return false;
        }
    hub_buf_add_char(&run->out, ']');
    if (!there)
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, e->call->at, "required", "an element has no price component");
    ocpi_frame_t at = {e->call->at, HUB_SLICE_NONE, i}, in = {&at, HUB_SLICE_LIT("restrictions"), 0};
    if (e->restriction[i] && !ocpi__bridge_put(run, &pen, e->restrictions, e->restrictions, true, e->restriction[i], &in))
        return false;
    write_unknown(e, i, &pen);
    hub_buf_add_char(&run->out, '}');
    return true;
}

static bool first_of_its_kind(const elements_t *e, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (same(e->restriction[i], e->restriction[j]))
            return false;
    return true;
}

static bool join(elements_t *e)
{
    bridge_call_t *c = e->call;
    bool begun = false;
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_char(&c->run->out, '[');
    for (int always = 0; always < 2; always++) /* what always holds comes last: 2.1.1 would never look past it */
        for (size_t i = 0; i < e->count; i++) {
            if ((e->restriction[i] == NULL) != always || !first_of_its_kind(e, i))
                continue;
            if (begun)
                hub_buf_add_char(&c->run->out, ',');
            begun = true;
            if (!write_joined(e, i))
                return false;
        }
    hub_buf_add_char(&c->run->out, ']');
    ocpi__bridge_loss(c->run, BRIDGE_LOSSY, c->at, ocpi__bridge_row(c),
                      "elements are joined so that the first that matches says the same price");
    return true;
}

bool ocpi__bridge_rule_ELEMENTS(bridge_call_t *c)
{
    elements_t *e = HUB_POOL_NEW(c->run->pool, elements_t);
    if (!read_elements(e, c))
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "more than %d elements are not compared",
                                   MOST_ELEMENTS);
    if (alike_in_all_versions(e))
        return ocpi__bridge_put(c->run, c->pen, c->source, c->target, true, c->value, c->at);
    if (c->run->to == OCPI_V2_1_1 && can_be_joined(e))
        return join(e);
    return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "the price would be another: %s", c->move->why);
}

/* ---- validity ---- */

bool ocpi__bridge_rule_STARTED(bridge_call_t *c)
{
    int64_t start, now = c->run->bridge->now_ms;
    if (!now || !yyjson_is_str(c->value) || !ocpi_time_parse(ocpi__text(c->value), &start, NULL) || start > now)
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "%s", c->move->why);
    ocpi__bridge_loss(c->run, BRIDGE_LOSSY, c->at, ocpi__bridge_row(c), "left out: the tariff has started");
    return true;
}

/* ---- tax ---- */

bool ocpi__bridge_rule_TAXED(bridge_call_t *c)
{
    hub_slice_t text = ocpi_str(c->value);
    if (hub_slice_eq_str(text, "NO"))
        return true;
    if (!hub_slice_eq_str(text, "YES") && !hub_slice_eq_str(text, "N/A"))
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "whether tax is in the prices is not clear");
    ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out: %s", c->move->why);
    return true;
}

/* F8: prices of 2.1.1 and 2.2.1 are without VAT. */
bool ocpi__bridge_rule_NET(bridge_call_t *c)
{
    const int decimals = 4; /* Y5 */
    hub_slice_t included = ocpi_get_str(c->run->tariff, "tax_included");
    if (!c->run->tariff || hub_slice_eq_str(included, "NO") || hub_slice_eq_str(included, "N/A"))
        return ocpi__bridge_put(c->run, c->pen, c->source, c->target, true, c->value, c->at);
    hub_slice_t vat = ocpi_get_str(c->object, "vat"), text = ocpi_str(c->value);
    ocpi_decimal_t percent, gross, net;
    bool exact;
    if (!hub_slice_eq_str(included, "YES"))
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "whether tax is in the price is not clear");
    if (!vat.ptr || !ocpi__decimal_parse(vat, &percent) || !text.ptr || !ocpi__decimal_parse(text, &gross) ||
        !ocpi__decimal_net(gross, percent, decimals, &net, &exact))
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "the price includes a tax that is not known");
    if (percent.digits == 0)
        return ocpi__bridge_put(c->run, c->pen, c->source, c->target, true, c->value, c->at);
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    ocpi__decimal_write(&c->run->out, net);
    ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "without its tax%s", exact ? "" : ", rounded to 4 decimals");
    return true;
}
