/* Sessions and CDRs between versions: who charged, and where. 2.1.1 names a contract and carries a Location cut to one EVSE and Connector;
 * from 2.2 there is a cdr_token, and ids or a cdr_location. */
#include <string.h>

#include "bridge.h"

static const hub_slice_t not_known = HUB_SLICE_LIT("#NA"); /* T27 */

static bool is_known(hub_slice_t text)
{
    return text.len && !hub_slice_eq(text, not_known);
}

static const ocpi_field_t *field_of(ocpi_object_id_t object, ocpi_version_t version, hub_slice_t name)
{
    return ocpi__field(object, version, name);
}

static void member(bridge_run_t *run, bridge_pen_t *pen, const char *name, hub_slice_t text)
{
    ocpi__bridge_begin(run, pen, name);
    hub_buf_add_json(&run->out, text);
}

/* A member of `source_id`'s object as the field `name` of the object being written. */
static bool take(bridge_call_t *c, bridge_pen_t *pen, ocpi_object_id_t source_id, yyjson_val *from, const char *source_name,
                 const char *name, const ocpi_frame_t *at)
{
    yyjson_val *value = yyjson_obj_get(from, source_name);
    const ocpi_field_t *source = field_of(source_id, c->run->from, hub_slice_str(source_name));
    const ocpi_field_t *target = field_of(pen->object, c->run->to, hub_slice_str(name));
    ocpi_frame_t here = {at, hub_slice_str(source_name), 0};
    if (!value || yyjson_is_null(value) || !source || !target)
        return true;
    return ocpi__bridge_put(c->run, pen, source, target, false, value, &here);
}

/* Whether all that is required in an object written here is there. */
static bool complete(bridge_run_t *run, const bridge_pen_t *pen, const ocpi_frame_t *at)
{
    const ocpi_object_t *object = ocpi_object(pen->object);
    for (unsigned f = 0; f < object->count; f++) {
        const ocpi_field_t *field = &object->fields[f];
        if (field->required && (field->versions & run->to) && !(field->flags & OCPI_FIELD_STAMPED) && !(pen->seen >> f & 1))
            return ocpi__bridge_cannot(run, BRIDGE_REFUSED, at, "required", "%s is required in %s", field->name,
                                       ocpi_version_name(run->to));
    }
    return true;
}

/* ---- who ---- */

bool ocpi__bridge_rule_CONTRACT(bridge_call_t *c)
{
    if (!take(c, c->pen, OCPI_OBJECT_CDR_TOKEN, c->value, "contract_id", "auth_id", c->at))
        return false;
    ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out but for the contract_id: %s", c->move->why);
    return true;
}

static bool letters(hub_slice_t text, size_t from, size_t count, bool digits)
{
    for (size_t i = from; i < from + count; i++) {
        char low = (char)((unsigned char)text.ptr[i] | 0x20);
        if (!(low >= 'a' && low <= 'z') && !(digits && text.ptr[i] >= '0' && text.ptr[i] <= '9'))
            return false;
    }
    return true;
}

/* An eMA id begins with the country and the provider: NL-TNM-C00122045-K, NLTNMC00122045. */
static bool issuer_of(hub_slice_t contract, ocpi_bridge_token_t *out)
{
    const size_t shortest = 11;
    if (!contract.ptr || contract.len < shortest || !letters(contract, 0, 2, false))
        return false;
    size_t party = contract.ptr[2] == '-' ? 3 : 2;
    if (!letters(contract, party, 3, true) || (party == 3 && contract.ptr[6] != '-'))
        return false;
    *out = (ocpi_bridge_token_t){.country = hub_slice(contract.ptr, 2), .party = hub_slice(contract.ptr + party, 3)};
    return true;
}

bool ocpi__bridge_rule_TOKEN(bridge_call_t *c)
{
    bridge_run_t *run = c->run;
    hub_slice_t contract = ocpi_str(c->value);
    ocpi_bridge_token_t token = {0};
    bridge_pen_t pen = {.object = OCPI_OBJECT_CDR_TOKEN};
    bool known = contract.ptr && run->bridge->token && run->bridge->token(run->bridge->arg, contract, &token);
    if (!known && !issuer_of(contract, &token))
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "whose token this is is not known");
    const ocpi_field_t *uid = field_of(OCPI_OBJECT_CDR_TOKEN, run->to, HUB_SLICE_LIT("uid"));
    const ocpi_field_t *type = field_of(OCPI_OBJECT_CDR_TOKEN, run->to, HUB_SLICE_LIT("type"));
    bool has_uid = token.uid.len && token.uid.len <= uid->max_length;
    bool has_type = token.type.len && ((ocpi__enum(type->ref)->open & run->to) || ocpi_enum_has(type->ref, run->to, token.type));
    if (token.country.len != 2 || token.party.len == 0 || token.party.len > 3)
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "whose token this is is not known");
    ocpi__bridge_begin(run, c->pen, "cdr_token");
    hub_buf_add_char(&run->out, '{');
    member(run, &pen, "country_code", token.country);
    member(run, &pen, "party_id", token.party);
    member(run, &pen, "uid", has_uid ? token.uid : not_known);
    member(run, &pen, "type", has_type ? token.type : HUB_SLICE_LIT("OTHER"));
    if (!take(c, &pen, c->object_id, c->object, "auth_id", "contract_id", c->at->up))
        return false;
    hub_buf_add_char(&run->out, '}');
    if (!complete(run, &pen, c->at))
        return false;
    if (!known || !has_uid || !has_type)
        ocpi__bridge_loss(run, c->move->mark, c->at, ocpi__bridge_row(c), "filled in: the token of this contract is not known");
    return true;
}

/* ---- where, of Sessions ---- */

/* Whether the cut Location names the one Connector. */
static bool holds(yyjson_val *location, hub_slice_t evse, hub_slice_t connector)
{
    return is_known(evse) && is_known(connector) && ocpi_location_find(location, evse, connector) != NULL;
}

bool ocpi__bridge_rule_EMBED(bridge_call_t *c)
{
    bridge_run_t *run = c->run;
    const ocpi_bridge_t *bridge = run->bridge;
    hub_slice_t country = ocpi_get_str(c->object, "country_code"), party = ocpi_get_str(c->object, "party_id"), id = ocpi_str(c->value);
    yyjson_val *location = id.ptr && bridge->location ? bridge->location(bridge->arg, country, party, id) : NULL;
    if (!yyjson_is_obj(location))
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "the Location that 2.1.1 wants in here is not known");
    bridge_run_t outer = *run;
    run->embedded = true;
    run->evse = ocpi_get_str(c->object, "evse_uid");
    run->connector = ocpi_get_str(c->object, "connector_id");
    bool whole = holds(location, run->evse, run->connector);
    uint32_t count = run->losses->count, total = run->losses->total;
    ocpi__bridge_begin(run, c->pen, "location");
    bool good = ocpi__bridge_object(run, OCPI_OBJECT_LOCATION, OCPI_OBJECT_LOCATION, location, c->at);
    run->embedded = outer.embedded;
    run->evse = outer.evse;
    run->connector = outer.connector;
    if (!good)
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "its Location cannot be said: %.*s",
                                   HUB_SLICE_FMT(run->why.message));
    /* What the Location itself loses is told where it is bridged; its pointers mean nothing here. */
    bool complete = whole && run->losses->total == total;
    run->losses->count = count;
    run->losses->total = total;
    if (!complete)
        ocpi__bridge_loss(run, c->move->mark, c->at, ocpi__bridge_row(c), "%s",
                          whole ? "the Location in it loses what it loses on its own"
                                : "the EVSE or Connector is not known in the Location");
    return true;
}

/* The only item of a list; NULL when there is none or more than one. */
static yyjson_val *only(yyjson_val *list)
{
    return yyjson_arr_size(list) == 1 ? yyjson_arr_get(list, 0) : NULL;
}

static bool id_or_unknown(bridge_call_t *c, bridge_pen_t *pen, ocpi_object_id_t source, yyjson_val *from, const char *id, const char *name)
{
    if (from && ocpi_get_str(from, id).len)
        return take(c, pen, source, from, id, name, c->at);
    member(c->run, pen, name, not_known);
    ocpi__bridge_loss(c->run, BRIDGE_DEFAULTED, c->at, ocpi__bridge_row(c), "%s is not known: the Location is not cut to one Connector",
                      name);
    return true;
}

bool ocpi__bridge_rule_REFERENCE(bridge_call_t *c)
{
    yyjson_val *evse = only(yyjson_obj_get(c->value, "evses")), *connector = only(yyjson_obj_get(evse, "connectors"));
    if (!take(c, c->pen, OCPI_OBJECT_LOCATION, c->value, "id", "location_id", c->at) ||
        !id_or_unknown(c, c->pen, OCPI_OBJECT_EVSE, evse, "uid", "evse_uid") ||
        !id_or_unknown(c, c->pen, OCPI_OBJECT_CONNECTOR, connector, "id", "connector_id"))
        return false;
    ocpi__bridge_loss(c->run, c->move->mark, c->at, ocpi__bridge_row(c), "left out but for its ids: %s", c->move->why);
    return true;
}

/* ---- where, of CDRs ---- */

/* Voltage and amperage of the Connector, when the caller knows the Location: from 2.2 CDRs have neither. */
static bool write_power(bridge_call_t *c, bridge_pen_t *pen)
{
    static const struct {
        const char *name, *source;
    } rows[] = {{"voltage", "max_voltage"}, {"amperage", "max_amperage"}};
    bridge_run_t *run = c->run;
    const ocpi_bridge_t *bridge = run->bridge;
    hub_slice_t id = ocpi_get_str(c->value, "id"), evse = ocpi_get_str(c->value, "evse_uid"), own = ocpi_get_str(c->value, "connector_id");
    yyjson_val *location = id.ptr && bridge->location ? bridge->location(bridge->arg, ocpi_get_str(c->object, "country_code"),
                                                                         ocpi_get_str(c->object, "party_id"), id)
                                                      : NULL;
    yyjson_val *connector = location && own.ptr ? ocpi_location_find(location, evse, own) : NULL;
    bool known = true;
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        yyjson_val *value = yyjson_obj_get(connector, rows[i].source);
        const ocpi_field_t *target = field_of(OCPI_OBJECT_CONNECTOR, run->to, hub_slice_str(rows[i].name));
        bridge_place_t place = ocpi__bridge_mark(run, pen);
        if (value && ocpi__bridge_put(run, pen, target, target, true, value, c->at))
            continue;
        ocpi__bridge_back(run, pen, place);
        ocpi__bridge_begin(run, pen, rows[i].name);
        hub_buf_add_char(&run->out, '0');
        known = false;
    }
    return known;
}

static void write_updated(bridge_call_t *c, bridge_pen_t *pen)
{
    yyjson_val *updated = yyjson_obj_get(c->object, "last_updated");
    const ocpi_field_t *target = field_of(pen->object, c->run->to, HUB_SLICE_LIT("last_updated"));
    bridge_place_t place = ocpi__bridge_mark(c->run, pen);
    if (!updated || yyjson_is_null(updated) || !ocpi__bridge_put(c->run, pen, target, target, true, updated, c->at))
        ocpi__bridge_back(c->run, pen, place); /* our own may lack it */
}

static bool write_connector(bridge_call_t *c, bool *known)
{
    bridge_pen_t pen = {.object = OCPI_OBJECT_CONNECTOR};
    const ocpi_object_id_t source = OCPI_OBJECT_CDR_LOCATION;
    hub_buf_add_char(&c->run->out, '{');
    if (!take(c, &pen, source, c->value, "connector_id", "id", c->at) ||
        !take(c, &pen, source, c->value, "connector_standard", "standard", c->at) ||
        !take(c, &pen, source, c->value, "connector_format", "format", c->at) ||
        !take(c, &pen, source, c->value, "connector_power_type", "power_type", c->at))
        return false;
    *known = write_power(c, &pen);
    write_updated(c, &pen);
    hub_buf_add_char(&c->run->out, '}');
    return complete(c->run, &pen, c->at);
}

/* The EVSE of the CDR, or nothing where it is not known or its plug cannot be said. */
static bool write_evse(bridge_call_t *c, bool *known)
{
    bridge_pen_t pen = {.object = OCPI_OBJECT_EVSE};
    hub_buf_add_str(&c->run->out, "[{");
    if (!take(c, &pen, OCPI_OBJECT_CDR_LOCATION, c->value, "evse_uid", "uid", c->at))
        return false;
    if (is_known(ocpi_get_str(c->value, "evse_id")) && !take(c, &pen, OCPI_OBJECT_CDR_LOCATION, c->value, "evse_id", "evse_id", c->at))
        return false;
    member(c->run, &pen, "status", HUB_SLICE_LIT("UNKNOWN"));
    ocpi__bridge_begin(c->run, &pen, "connectors");
    hub_buf_add_char(&c->run->out, '[');
    if (!write_connector(c, known))
        return false;
    hub_buf_add_char(&c->run->out, ']');
    write_updated(c, &pen);
    hub_buf_add_str(&c->run->out, "}]");
    return complete(c->run, &pen, c->at);
}

static bool of_the_connector(hub_slice_t name)
{
    static const char *const names[] = {"evse_uid",           "evse_id",          "connector_id",
                                        "connector_standard", "connector_format", "connector_power_type"};
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(name, names[i]))
            return true;
    return false;
}

/* The members that Location has too, and the unknown ones. */
static bool write_place(bridge_call_t *c, bridge_pen_t *pen)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(c->value, i, max, key, value)
    {
        hub_slice_t name = ocpi__text(key);
        ocpi_frame_t here = {c->at, name, 0};
        const ocpi_field_t *source = field_of(OCPI_OBJECT_CDR_LOCATION, c->run->from, name);
        const ocpi_field_t *target = field_of(OCPI_OBJECT_LOCATION, c->run->to, name);
        if (yyjson_is_null(value) || (source && of_the_connector(name)))
            continue;
        if (!source && !target)
            ocpi__bridge_unknown(c->run, pen, name, value);
        else if (source && target ? !ocpi__bridge_put(c->run, pen, source, target, false, value, &here) : false)
            return false;
        else if (!source || !target)
            ocpi__bridge_loss(c->run, BRIDGE_LOSSY, &here, ocpi__bridge_row(c), "left out: 2.1.1 has no place for it");
    }
    return true;
}

bool ocpi__bridge_rule_PLACE(bridge_call_t *c)
{
    bridge_run_t *run = c->run;
    bridge_pen_t pen = {.object = OCPI_OBJECT_LOCATION};
    bool known = false, evse;
    if (!yyjson_is_obj(c->value))
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, "shape", "this must be an object, not %s", ocpi__json_type(c->value));
    ocpi__bridge_begin(run, c->pen, "location");
    hub_buf_add_char(&run->out, '{');
    if (!write_place(c, &pen))
        return false;
    member(run, &pen, "type", HUB_SLICE_LIT("UNKNOWN"));
    bridge_place_t place = ocpi__bridge_mark(run, &pen);
    ocpi__bridge_begin(run, &pen, "evses");
    evse = is_known(ocpi_get_str(c->value, "evse_uid")) && is_known(ocpi_get_str(c->value, "connector_id")) && write_evse(c, &known);
    if (!evse)
        ocpi__bridge_back(run, &pen, place);
    const ocpi_field_t *postal = field_of(OCPI_OBJECT_LOCATION, run->to, HUB_SLICE_LIT("postal_code"));
    if (!(pen.seen >> (postal - ocpi_object(OCPI_OBJECT_LOCATION)->fields) & 1))
        member(run, &pen, "postal_code", not_known);
    write_updated(c, &pen);
    hub_buf_add_char(&run->out, '}');
    ocpi__bridge_loss(run, c->move->mark, c->at, ocpi__bridge_row(c), "%s",
                      !evse   ? "without EVSE: it is not known, or 2.1.1 has no such Connector"
                      : known ? "status and type are filled in with UNKNOWN"
                              : "status and type are filled in with UNKNOWN, voltage or amperage with 0");
    return complete(run, &pen, c->at);
}

/* Every Connector of the Location is like this one, so that it does not matter which it was. */
static bool all_like(yyjson_val *location, yyjson_val *connector)
{
    static const char *const names[] = {"standard", "format", "power_type"};
    size_t i, j, n, max, most;
    yyjson_val *evse, *other;
    yyjson_arr_foreach(yyjson_obj_get(location, "evses"), i, max, evse)
    {
        yyjson_arr_foreach(yyjson_obj_get(evse, "connectors"), j, most, other)
        {
            for (n = 0; n < HUB_COUNT(names); n++)
                if (!hub_slice_eq(ocpi_get_str(other, names[n]), ocpi_get_str(connector, names[n])))
                    return false;
        }
    }
    return true;
}

bool ocpi__bridge_rule_PLACED(bridge_call_t *c)
{
    static const char *const same[] = {"id", "name", "address", "city", "postal_code", "country", "coordinates"};
    bridge_run_t *run = c->run;
    bridge_pen_t pen = {.object = OCPI_OBJECT_CDR_LOCATION};
    yyjson_val *evses = yyjson_obj_get(c->value, "evses"), *evse = only(evses), *connector = only(yyjson_obj_get(evse, "connectors"));
    yyjson_val *sample = connector ? connector : yyjson_arr_get(yyjson_obj_get(yyjson_arr_get(evses, 0), "connectors"), 0);
    if (!yyjson_is_obj(sample) || !all_like(c->value, sample))
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, c->at, ocpi__bridge_row(c), "the Connector of this CDR is not clear");
    ocpi__bridge_begin(run, c->pen, "cdr_location");
    hub_buf_add_char(&run->out, '{');
    for (size_t i = 0; i < HUB_COUNT(same); i++)
        if (!hub_slice_eq(ocpi_get_str(c->value, same[i]), not_known) &&
            !take(c, &pen, OCPI_OBJECT_LOCATION, c->value, same[i], same[i], c->at))
            return false;
    if (!id_or_unknown(c, &pen, OCPI_OBJECT_EVSE, evse, "uid", "evse_uid") ||
        !id_or_unknown(c, &pen, OCPI_OBJECT_EVSE, evse, "evse_id", "evse_id") ||
        !id_or_unknown(c, &pen, OCPI_OBJECT_CONNECTOR, connector, "id", "connector_id") ||
        !take(c, &pen, OCPI_OBJECT_CONNECTOR, sample, "standard", "connector_standard", c->at) ||
        !take(c, &pen, OCPI_OBJECT_CONNECTOR, sample, "format", "connector_format", c->at) ||
        !take(c, &pen, OCPI_OBJECT_CONNECTOR, sample, "power_type", "connector_power_type", c->at))
        return false;
    hub_buf_add_char(&run->out, '}');
    ocpi__bridge_loss(run, c->move->mark, c->at, ocpi__bridge_row(c), "left out but for %s", c->move->why);
    return complete(run, &pen, c->at);
}
