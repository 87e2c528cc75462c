/* The rules that rows of tbl/bridge.def name: those that any object may use. */
#include <string.h>

#include "bridge.h"
#include "decimal.h"

static bool put(bridge_call_t *c)
{
    return ocpi__bridge_put(c->run, c->pen, c->source, c->target, ocpi__bridge_whole(c->object_id, c->source), c->value, c->at);
}

static bool is_text(yyjson_val *value, const char *text)
{
    if (yyjson_is_bool(value))
        return strcmp(text, yyjson_is_true(value) ? "true" : "false") == 0;
    return yyjson_is_str(value) && hub_slice_eq_str(ocpi__text(value), text);
}

bool ocpi__bridge_rule_SAME(bridge_call_t *c)
{
    return put(c);
}

bool ocpi__bridge_rule_RENAME(bridge_call_t *c)
{
    return put(c);
}

bool ocpi__bridge_rule_OMIT(bridge_call_t *c)
{
    (void)c;
    return true;
}

bool ocpi__bridge_rule_OWNED(bridge_call_t *c)
{
    hub_slice_t outer = ocpi_get_str(c->run->root, c->move->field);
    if (!hub_slice_caseeq(outer, ocpi_str(c->value)))
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out: %s", c->move->why);
    return true;
}

bool ocpi__bridge_rule_DROP(bridge_call_t *c)
{
    if (!ocpi__bridge_empty(c->value))
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out: %s", c->move->why);
    return true;
}

bool ocpi__bridge_rule_REFUSE(bridge_call_t *c)
{
    return ocpi__bridge_empty(c->value) || ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "%s", c->move->why);
}

bool ocpi__bridge_rule_ONLY(bridge_call_t *c)
{
    if (is_text(c->value, c->move->value)) {
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out: %s", c->move->why);
        return true;
    }
    if (c->run->embedded) { /* what a Session carries is not published by that */
        ocpi__bridge_loss(c->run, BRIDGE_LOSSY, c->at, ocpi__bridge_row(c), "left out: %s", c->move->why);
        return true;
    }
    return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "%s", c->move->why);
}

bool ocpi__bridge_rule_NOT(bridge_call_t *c)
{
    return is_text(c->value, c->move->value) || put(c);
}

bool ocpi__bridge_rule_CUT(bridge_call_t *c)
{
    hub_slice_t text = ocpi_str(c->value);
    if (!yyjson_is_str(c->value) || text.len <= c->target->max_length || ocpi__utf8_count(text) <= c->target->max_length)
        return put(c);
    size_t len = 0;
    for (size_t count = 0; len < text.len; len++) {
        count += ((unsigned char)text.ptr[len] & 0xC0) != 0x80;
        if (count > c->target->max_length)
            break;
    }
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_json(&c->run->out, hub_slice(text.ptr, len));
    ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "cut: %s", c->move->why);
    return true;
}

/* ---- lists and single values ---- */

static bool may_be_named(bridge_call_t *c, yyjson_val *id)
{
    const ocpi_bridge_t *bridge = c->run->bridge;
    return yyjson_is_str(id) && (!bridge->tariff || bridge->tariff(bridge->arg, bridge->country, bridge->party, ocpi__text(id)));
}

bool ocpi__bridge_rule_FIRST(bridge_call_t *c)
{
    size_t i, max;
    yyjson_val *item;
    bool written = false;
    if (!yyjson_is_arr(c->value)) {
        ocpi__bridge_loss(c->run, BRIDGE_LOSSY, c->at, "shape", "this must be a list");
        return true;
    }
    yyjson_arr_foreach(c->value, i, max, item)
    {
        ocpi_frame_t here = {c->at, HUB_SLICE_NONE, i};
        if (!written && may_be_named(c, item)) {
            if (!ocpi__bridge_put(c->run, c->pen, c->source, c->target, false, item, &here))
                return false;
            written = (c->pen->seen >> (c->target - ocpi_object(c->pen->object)->fields) & 1) != 0;
            continue;
        }
        ocpi__bridge_loss(c->run, c->move->mark, &here, ocpi__bridge_row(c), "left out: %s", c->move->why);
    }
    return true;
}

bool ocpi__bridge_rule_LISTED(bridge_call_t *c)
{
    bridge_place_t place = ocpi__bridge_mark(c->run, c->pen);
    ocpi_field_t item = *c->target;
    item.list = item.required = 0;
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_char(&c->run->out, '[');
    if (ocpi__bridge_value(c->run, c->source, &item, false, c->value, c->at)) {
        hub_buf_add_char(&c->run->out, ']');
        return true;
    }
    ocpi__bridge_back(c->run, c->pen, place);
    ocpi__bridge_left_out(c->run, c->at);
    return true;
}

/* ---- coordinates, hours, time zone ---- */

/* 2.1.1: exactly six decimals; from 2.2 five to seven. Zeros are added silently; what is rounded away is a loss. */
bool ocpi__bridge_rule_DEGREES(bridge_call_t *c)
{
    const int most_read = 12, least = c->run->to == OCPI_V2_1_1 ? 6 : 5, most = c->run->to == OCPI_V2_1_1 ? 6 : 7;
    hub_slice_t text = ocpi_str(c->value);
    const char *point = text.ptr ? memchr(text.ptr, '.', text.len) : NULL;
    size_t decimals = point ? (size_t)(text.ptr + text.len - point) - 1 : 0;
    if (decimals > (size_t)most_read)
        text.len -= decimals - (size_t)most_read;
    ocpi_finding_t finding = {.verdict = OCPI_BAD};
    ocpi_decimal_t degrees;
    if (text.ptr)
        ocpi__judge(c->target, c->run->to, c->value, &finding);
    if (finding.verdict == OCPI_BAD || ((int)decimals >= least && (int)decimals <= most) || !ocpi__decimal_parse(text, &degrees) ||
        !ocpi__decimal_round(degrees, (int)decimals > most ? most : least, &degrees))
        return put(c);
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_char(&c->run->out, '"');
    ocpi__decimal_write(&c->run->out, degrees);
    hub_buf_add_char(&c->run->out, '"');
    if ((int)decimals > most)
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "rounded to %d decimals", most);
    return true;
}

bool ocpi__bridge_rule_HOURS(bridge_call_t *c)
{
    if (!yyjson_is_true(yyjson_obj_get(c->object, "twentyfourseven")))
        return put(c);
    if (!ocpi__bridge_empty(c->value))
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out beside twentyfourseven: %s", c->move->why);
    return true;
}

/* ---- what the target requires ---- */

static void filled(bridge_call_t *c)
{
    ocpi__bridge_loss(c->run, c->fill->mark, c->at, ocpi__bridge_row(c), "filled in: %s", c->fill->why);
}

bool ocpi__bridge_rule_VALUE(bridge_call_t *c)
{
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_str(&c->run->out, c->fill->value);
    filled(c);
    return true;
}

bool ocpi__bridge_rule_OWNER(bridge_call_t *c)
{
    bool country = strcmp(c->target->name, "country_code") == 0;
    hub_slice_t own = ocpi_get_str(c->run->root, c->target->name);
    hub_slice_t owner = own.len ? own : country ? c->run->bridge->country : c->run->bridge->party;
    if (!owner.len || owner.len > c->target->max_length)
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "the owner is not known");
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_json(&c->run->out, owner);
    filled(c);
    return true;
}

bool ocpi__bridge_rule_ZONE(bridge_call_t *c)
{
    const char *zone = ocpi__derived_zone(c->object);
    if (!zone)
        return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c),
                                   "time_zone is missing, and its country has not just one");
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_json(&c->run->out, hub_slice_str(zone));
    filled(c);
    return true;
}

bool ocpi__bridge_rule_ALWAYS(bridge_call_t *c)
{
    if (ocpi__bridge_empty(yyjson_obj_get(c->object, "regular_hours")))
        return ocpi__bridge_cannot(c->run, BRIDGE_LOSSY, c->at, ocpi__bridge_row(c), "neither twentyfourseven nor regular_hours");
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_str(&c->run->out, "false");
    filled(c);
    return true;
}

/* ---- prices ---- */

static const char *net_name(ocpi_version_t version)
{
    return version == OCPI_V2_2_1 ? "excl_vat" : "before_taxes";
}

static const ocpi_field_t *price_field(ocpi_object_id_t object, ocpi_version_t version, const char *name)
{
    const ocpi_field_t *field = ocpi__field(object, version, hub_slice_str(name));
    HUB_ASSERT(field != NULL);
    return field;
}

bool ocpi__bridge_rule_PRICED(bridge_call_t *c)
{
    bridge_pen_t price = {.object = OCPI_OBJECT_PRICE};
    bridge_place_t place = ocpi__bridge_mark(c->run, c->pen);
    const ocpi_field_t *net = price_field(OCPI_OBJECT_PRICE, c->run->to, net_name(c->run->to));
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_char(&c->run->out, '{');
    if (ocpi__bridge_put(c->run, &price, net, net, true, c->value, c->at)) {
        hub_buf_add_char(&c->run->out, '}');
        return true;
    }
    if (c->target->required)
        return false;
    ocpi__bridge_back(c->run, c->pen, place);
    ocpi__bridge_left_out(c->run, c->at);
    return true;
}

bool ocpi__bridge_rule_NUMBER(bridge_call_t *c)
{
    size_t i, max;
    yyjson_val *key, *value, *net = yyjson_obj_get(c->value, net_name(c->run->from));
    if (!net || yyjson_is_null(net)) {
        ocpi__bridge_cannot(c->run, BRIDGE_LOSSY, c->at, "required", "%s is required", net_name(c->run->from));
        if (!c->target->required)
            ocpi__bridge_left_out(c->run, c->at);
        return !c->target->required;
    }
    yyjson_obj_foreach(c->value, i, max, key, value)
    {
        ocpi_frame_t here = {c->at, ocpi__text(key), 0};
        if (value != net && !ocpi__bridge_empty(value))
            ocpi__bridge_loss(c->run, c->move->mark, &here, ocpi__bridge_row(c), "left out: %s", c->move->why);
    }
    ocpi_frame_t here = {c->at, hub_slice_str(net_name(c->run->from)), 0};
    return ocpi__bridge_put(c->run, c->pen, c->source, c->target, false, net, &here);
}

static bool parse(yyjson_val *object, const char *name, ocpi_decimal_t *out)
{
    hub_slice_t text = ocpi_get_str(object, name);
    return text.ptr && ocpi__decimal_parse(text, out);
}

/* What cannot be computed exactly is no tax at all. */
static bool uncountable(bridge_call_t *c)
{
    ocpi__bridge_loss(c->run, BRIDGE_LOSSY, c->at, ocpi__bridge_row(c), "left out: these numbers cannot be computed exactly");
    return true;
}

bool ocpi__bridge_rule_TAXES(bridge_call_t *c)
{
    ocpi_decimal_t net, gross, tax;
    if (!parse(c->object, "excl_vat", &net) || !parse(c->object, "incl_vat", &gross) || !ocpi__decimal_subtract(gross, net, &tax))
        return uncountable(c);
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_printf(&c->run->out, "[{\"name\":\"%s\",\"amount\":", c->move->value);
    ocpi__decimal_write(&c->run->out, tax);
    hub_buf_add_str(&c->run->out, "}]");
    return true;
}

bool ocpi__bridge_rule_SUM(bridge_call_t *c)
{
    ocpi_decimal_t sum, amount;
    size_t i, max;
    yyjson_val *tax;
    if (ocpi__bridge_empty(c->value))
        return true;
    if (!yyjson_is_arr(c->value) || !parse(c->object, "before_taxes", &sum))
        return uncountable(c);
    yyjson_arr_foreach(c->value, i, max, tax)
    {
        if (!parse(tax, "amount", &amount) || !ocpi__decimal_add(sum, amount, &sum))
            return uncountable(c);
    }
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    ocpi__decimal_write(&c->run->out, sum);
    yyjson_val *only = yyjson_arr_get(c->value, 0);
    if (max != 1 || yyjson_obj_size(only) != 2 || !is_text(yyjson_obj_get(only, "name"), c->move->value))
        ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "added up: %s", c->move->why);
    return true;
}

/* Price of 2.2.1 and PriceLimit of 2.3.0 are the same under other names. */
bool ocpi__bridge_rule_LIMIT(bridge_call_t *c)
{
    static const char *const names[][2] = {{"excl_vat", "before_taxes"}, {"incl_vat", "after_taxes"}};
    bool up = c->run->to == OCPI_V2_3_0;
    ocpi_object_id_t from_id = up ? OCPI_OBJECT_PRICE : OCPI_OBJECT_PRICE_LIMIT, to_id = up ? OCPI_OBJECT_PRICE_LIMIT : OCPI_OBJECT_PRICE;
    bridge_pen_t limit = {.object = to_id};
    size_t i, max;
    yyjson_val *key, *value;
    ocpi__bridge_begin(c->run, c->pen, c->target->name);
    hub_buf_add_char(&c->run->out, '{');
    yyjson_obj_foreach(c->value, i, max, key, value)
    {
        hub_slice_t name = ocpi__text(key);
        ocpi_frame_t here = {c->at, name, 0};
        const ocpi_field_t *source = ocpi__field(from_id, c->run->from, name);
        size_t row = hub_slice_eq_str(name, names[0][!up]) ? 0 : hub_slice_eq_str(name, names[1][!up]) ? 1 : HUB_COUNT(names);
        if (source && row < HUB_COUNT(names)) {
            const ocpi_field_t *target = price_field(to_id, c->run->to, names[row][up]);
            if (!yyjson_is_null(value) && !ocpi__bridge_put(c->run, &limit, source, target, true, value, &here))
                return false;
        } else if (ocpi__field(to_id, c->run->to, name)) {
            ocpi__bridge_loss(c->run, BRIDGE_LOSSY, &here, "known-elsewhere", "%s gives this name a meaning of its own",
                              ocpi_version_name(c->run->to));
        } else {
            ocpi__bridge_unknown(c->run, &limit, name, value);
        }
    }
    hub_buf_add_char(&c->run->out, '}');
    const ocpi_field_t *net = price_field(to_id, c->run->to, names[0][up]);
    if (limit.seen >> (net - ocpi_object(to_id)->fields) & 1)
        return true;
    return ocpi__bridge_cannot(c->run, BRIDGE_REFUSED, c->at, "required", "%s is required", names[0][!up]);
}
