/* The bridge: one walk over an object of one version that writes it in another. What differs is rows of tbl/bridge.def; everything else is
 * judged against the field's row in the target version, so that what is written always fits there. */
#include <string.h>

#include "bridge.h"
#include "rule.h"

bool ocpi__bridge_empty(yyjson_val *value)
{
    return !value || yyjson_is_null(value) || (yyjson_is_arr(value) && yyjson_arr_size(value) == 0);
}

bridge_place_t ocpi__bridge_mark(const bridge_run_t *run, const bridge_pen_t *pen)
{
    return (bridge_place_t){run->out.len, run->losses->count, run->losses->total, pen ? *pen : (bridge_pen_t){0}};
}

void ocpi__bridge_back(bridge_run_t *run, bridge_pen_t *pen, bridge_place_t place)
{
    run->out.len = place.len;
    run->losses->count = place.count;
    run->losses->total = place.total;
    if (pen)
        *pen = place.pen;
}

static void begin(bridge_run_t *run, bridge_pen_t *pen, hub_slice_t name)
{
    if (pen->begun)
        hub_buf_add_char(&run->out, ',');
    pen->begun = true;
    hub_buf_add_json(&run->out, name);
    hub_buf_add_char(&run->out, ':');
}

static void begin_field(bridge_run_t *run, bridge_pen_t *pen, const ocpi_field_t *field)
{
    const size_t around = 4; /* ,"": */
    hub_buf_reserve(&run->out, field->name_len + around);
    char *p = run->out.ptr + run->out.len;
    if (pen->begun)
        *p++ = ',';
    *p++ = '"'; /* names of rows need no escape */
    memcpy(p, field->name, field->name_len);
    memcpy(p + field->name_len, "\":", 2);
    run->out.len = (size_t)(p + field->name_len + 2 - run->out.ptr);
    pen->begun = true;
    pen->seen |= 1ull << (field - ocpi_object(pen->object)->fields);
}

const ocpi_field_t *ocpi__bridge_begin(bridge_run_t *run, bridge_pen_t *pen, const char *name)
{
    const ocpi_field_t *field = ocpi__field(pen->object, run->to, hub_slice_str(name));
    HUB_ASSERT(field != NULL);
    begin_field(run, pen, field);
    return field;
}

void ocpi__bridge_unknown(bridge_run_t *run, bridge_pen_t *pen, hub_slice_t name, yyjson_val *value)
{
    begin(run, pen, name);
    ocpi__add_json(&run->out, value);
}

/* ---- one value ---- */

static const char *version_of(const bridge_run_t *run)
{
    return ocpi_version_name(run->to);
}

static const bridge_nearest_t *nearest_of(bridge_run_t *run, uint16_t enum_id, hub_slice_t text)
{
    const bridge_nearest_t *any = NULL;
    for (size_t i = 0; i < ocpi__bridge_nearest_count; i++) {
        const bridge_nearest_t *row = &ocpi__bridge_nearest[i];
        if (row->enum_id != enum_id || !(row->to & run->to))
            continue;
        if (hub_slice_eq_str(text, row->value))
            return row;
        if (row->value[0] == '*' && !ocpi_enum_has(enum_id, run->from, text) && (ocpi__enum(enum_id)->open & run->from))
            any = row;
    }
    return any;
}

/* So much of a text as a message shows, not cut inside a character. */
static hub_slice_t shown(hub_slice_t text)
{
    const size_t most = 64;
    size_t len = text.len < most ? text.len : most;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return hub_slice(text.ptr, len);
}

#define UNKNOWN "UNKNOWN" /* what enums call it that have a word for it */

static bool enum_value(bridge_run_t *run, const ocpi_field_t *source, const ocpi_field_t *target, yyjson_val *value, const ocpi_frame_t *at)
{
    uint16_t source_enum = source->type == OCPI_TYPE_ENUM ? source->ref : target->ref;
    hub_slice_t text = ocpi_str(value);
    if (!text.ptr)
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this must be a value of %s, not %s", ocpi__enum(target->ref)->name,
                                   ocpi__json_type(value));
    bool has = ocpi_enum_has(target->ref, run->to, text);
    const bridge_nearest_t *row = has ? NULL : nearest_of(run, source_enum, text);
    if (has || (!row && (ocpi__enum(target->ref)->open & run->to))) {
        hub_buf_add_json(&run->out, text);
        return true;
    }
    if (!row && ocpi_enum_has(target->ref, run->to, HUB_SLICE_LIT(UNKNOWN))) { /* an EVSE is not lost with its status */
        ocpi__bridge_loss(run, BRIDGE_LOSSY, at, "shape", "%.*s is no value of %s in %s; the nearest is " UNKNOWN,
                          HUB_SLICE_FMT(shown(text)), ocpi__enum(target->ref)->name, version_of(run));
        hub_buf_add_json(&run->out, HUB_SLICE_LIT(UNKNOWN));
        return true;
    }
    if (!row)
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "%.*s is no value of %s in %s", HUB_SLICE_FMT(shown(text)),
                                   ocpi__enum(target->ref)->name, version_of(run));
    const char *name =
        row->mark == BRIDGE_LOSSLESS ? "" : hub_pool_printf(run->losses->pool, "%s.%s", ocpi__enum(source_enum)->name, row->value).ptr;
    if (!row->nearest)
        return ocpi__bridge_cannot(run, row->mark, at, name, "%s has no %.*s%s%s", version_of(run), HUB_SLICE_FMT(shown(text)),
                                   row->why[0] ? ": " : "", row->why);
    ocpi__bridge_loss(run, row->mark, at, name, "%s has no %.*s; the nearest is %s%s%s", version_of(run), HUB_SLICE_FMT(shown(text)),
                      row->nearest, row->why[0] ? ": " : "", row->why);
    hub_buf_add_json(&run->out, hub_slice_str(row->nearest));
    return true;
}

static bool scalar(bridge_run_t *run, const ocpi_field_t *target, yyjson_val *value, const ocpi_frame_t *at)
{
    ocpi_finding_t f;
    ocpi__judge(target, run->to, value, &f);
    if (f.verdict == OCPI_BAD && strcmp(f.rule, "pattern") == 0)
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this must be %s", ocpi__pattern_text(target->pattern));
    if (f.verdict == OCPI_BAD)
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this must be %s, not %s", ocpi__type_text(target),
                                   ocpi__json_type(value));
    if (f.verdict != OCPI_FIT && strcmp(f.rule, "length") == 0 && target->type != OCPI_TYPE_DATETIME)
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "%s allows at most %u %s here", version_of(run), target->max_length,
                                   target->type == OCPI_TYPE_INT ? "digits" : "characters");
    ocpi__rewrite(&run->out, target, &f, value);
    return true;
}

static bool one(bridge_run_t *run, const ocpi_field_t *source, const ocpi_field_t *target, yyjson_val *value, const ocpi_frame_t *at)
{
    if (target->type == OCPI_TYPE_ANY) {
        ocpi__add_json(&run->out, value);
        return true;
    }
    if (target->type == OCPI_TYPE_ENUM)
        return enum_value(run, source, target, value, at);
    if (target->type != OCPI_TYPE_OBJECT)
        return scalar(run, target, value, at);
    if (!yyjson_is_obj(value))
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this must be an object, not %s", ocpi__json_type(value));
    ocpi_object_id_t to_id = (ocpi_object_id_t)target->ref;
    return ocpi__bridge_object(run, source->type == OCPI_TYPE_OBJECT ? (ocpi_object_id_t)source->ref : to_id, to_id, value, at);
}

/* Inside a Location that a Session carries: only the one EVSE and the one Connector. */
static bool cut_away(const bridge_run_t *run, const ocpi_field_t *target, yyjson_val *item)
{
    if (!run->embedded || !(target->flags & OCPI_FIELD_LEVEL))
        return false;
    bool evse = target->ref == OCPI_OBJECT_EVSE;
    return !hub_slice_caseeq(evse ? run->evse : run->connector, ocpi_get_str(item, evse ? "uid" : "id"));
}

static bool list(bridge_run_t *run, const ocpi_field_t *source, const ocpi_field_t *target, bool whole, yyjson_val *value,
                 const ocpi_frame_t *at)
{
    size_t i, max, written = 0, failed = 0;
    yyjson_val *item;
    if (!yyjson_is_arr(value))
        return ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this must be a list, not %s", ocpi__json_type(value));
    hub_buf_add_char(&run->out, '[');
    yyjson_arr_foreach(value, i, max, item)
    {
        ocpi_frame_t here = {at, HUB_SLICE_NONE, i};
        if (cut_away(run, target, item))
            continue;
        bridge_place_t place = ocpi__bridge_mark(run, NULL);
        if (written)
            hub_buf_add_char(&run->out, ',');
        bool good = yyjson_is_null(item) ? ocpi__bridge_cannot(run, BRIDGE_LOSSY, &here, "null-item", "a list must not hold null")
                                         : one(run, source, target, item, &here);
        if (good) {
            written++;
            continue;
        }
        if (whole)
            return false;
        ocpi__bridge_back(run, NULL, place);
        ocpi__bridge_left_out(run, &here);
        failed++;
    }
    hub_buf_add_char(&run->out, ']');
    if (!written && target->required)
        return failed ? false : ocpi__bridge_cannot(run, BRIDGE_LOSSY, at, "shape", "this list must have at least one item");
    return true;
}

bool ocpi__bridge_value(bridge_run_t *run, const ocpi_field_t *source, const ocpi_field_t *target, bool whole, yyjson_val *value,
                        const ocpi_frame_t *at)
{
    return target->list ? list(run, source, target, whole, value, at) : one(run, source, target, value, at);
}

bool ocpi__bridge_put(bridge_run_t *run, bridge_pen_t *pen, const ocpi_field_t *source, const ocpi_field_t *target, bool whole,
                      yyjson_val *value, const ocpi_frame_t *at)
{
    bridge_place_t place = ocpi__bridge_mark(run, pen);
    begin_field(run, pen, target);
    if (ocpi__bridge_value(run, source, target, whole, value, at))
        return true;
    if (whole || (target->required && !ocpi__bridge_fill_of(pen->object, target, run->from, run->to)))
        return false;
    ocpi__bridge_back(run, pen, place);
    ocpi__bridge_left_out(run, at);
    return true;
}

/* ---- an object ---- */

typedef struct walk {
    bridge_run_t *run;
    bridge_pen_t pen;
    ocpi_object_id_t from_id;
    yyjson_val *object;
    const ocpi_frame_t *at;
    bool known_elsewhere; /* a member that only the target version knows */
} walk_t;

static const ocpi_field_t *target_named(const walk_t *walk, const char *name)
{
    return strcmp(name, "NONE") == 0 ? NULL : ocpi__field(walk->pen.object, walk->run->to, hub_slice_str(name));
}

static bool known_member(walk_t *walk, const ocpi_field_t *field, yyjson_val *value, const ocpi_frame_t *at)
{
    bridge_run_t *run = walk->run;
    const bridge_move_t *move = ocpi__bridge_move_of(walk->from_id, field, run->from, run->to);
    if (move) {
        bridge_call_t call = {.run = run,
                              .pen = &walk->pen,
                              .move = move,
                              .source = field,
                              .target = target_named(walk, move->target),
                              .object_id = walk->from_id,
                              .object = walk->object,
                              .value = value,
                              .at = at};
        return move->rule(&call);
    }
    const ocpi_field_t *target = target_named(walk, field->name);
    if (target)
        return ocpi__bridge_put(run, &walk->pen, field, target, ocpi__bridge_whole(walk->from_id, field), value, at);
    if (!ocpi__bridge_empty(value))
        ocpi__bridge_loss(run, BRIDGE_LOSSY, at, "shape", "%s has no %s", version_of(run), field->name);
    return true;
}

/* A member that the source version does not know and the target does: it is what its name says, unless the rows make that field of
 * something else, or its meaning there is one that they refuse to leave out. */
static bool adoptable(const walk_t *walk, const ocpi_field_t *target)
{
    static bridge_rule_t *const harmless[] = {ocpi__bridge_rule_DROP, ocpi__bridge_rule_OMIT, ocpi__bridge_rule_OWNED,
                                              ocpi__bridge_rule_ONLY, ocpi__bridge_rule_RENAME};
    if (walk->pen.seen >> (target - ocpi_object(walk->pen.object)->fields) & 1)
        return false;
    const bridge_move_t *back = ocpi__bridge_move_of(walk->pen.object, target, walk->run->to, walk->run->from);
    for (size_t i = 0; back && i < HUB_COUNT(harmless); i++)
        if (back->rule == harmless[i])
            return true;
    return !back;
}

static void adopt(walk_t *walk)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(walk->object, i, max, key, value)
    {
        hub_slice_t name = ocpi__text(key);
        const ocpi_field_t *target = ocpi__field(walk->pen.object, walk->run->to, name);
        if (yyjson_is_null(value) || !target || ocpi__field(walk->from_id, walk->run->from, name))
            continue;
        ocpi_frame_t here = {walk->at, name, 0};
        bridge_place_t place = ocpi__bridge_mark(walk->run, &walk->pen);
        if (adoptable(walk, target) && ocpi__bridge_put(walk->run, &walk->pen, target, target, false, value, &here))
            continue;
        ocpi__bridge_back(walk->run, &walk->pen, place);
        ocpi__bridge_loss(walk->run, BRIDGE_LOSSY, &here, "known-elsewhere", "%s gives this name a meaning of its own",
                          version_of(walk->run));
    }
}

static bool fill(walk_t *walk)
{
    bridge_run_t *run = walk->run;
    const ocpi_object_t *object = ocpi_object(walk->pen.object);
    for (unsigned f = 0; f < object->count; f++) {
        const ocpi_field_t *field = &object->fields[f];
        if (!field->required || !(field->versions & run->to) || (walk->pen.seen >> f & 1))
            continue;
        const bridge_fill_t *row = ocpi__bridge_fill_of(walk->pen.object, field, run->from, run->to);
        if (row) {
            ocpi_frame_t here = {walk->at, hub_slice(field->name, field->name_len), 0};
            bridge_call_t call = {.run = run,
                                  .pen = &walk->pen,
                                  .fill = row,
                                  .target = field,
                                  .object_id = walk->pen.object,
                                  .object = walk->object,
                                  .at = &here};
            if (!row->rule(&call))
                return false;
        } else if (!(field->flags & OCPI_FIELD_STAMPED)) {
            return ocpi__bridge_cannot(run, BRIDGE_LOSSY, walk->at, "required", "%s is required in %s", field->name, version_of(run));
        }
    }
    return true;
}

static bool members(walk_t *walk)
{
    size_t i, max;
    yyjson_val *key, *value;
    yyjson_obj_foreach(walk->object, i, max, key, value)
    {
        hub_slice_t name = ocpi__text(key);
        const ocpi_field_t *field = ocpi__field(walk->from_id, walk->run->from, name);
        if (!field && ocpi__field(walk->pen.object, walk->run->to, name)) {
            walk->known_elsewhere = true;
            continue;
        }
        if (!field) {
            ocpi__bridge_unknown(walk->run, &walk->pen, name, value);
            continue;
        }
        ocpi_frame_t here = {walk->at, name, 0};
        if (!yyjson_is_null(value) && !known_member(walk, field, value, &here))
            return false;
    }
    return true;
}

bool ocpi__bridge_object(bridge_run_t *run, ocpi_object_id_t from_id, ocpi_object_id_t to_id, yyjson_val *value, const ocpi_frame_t *at)
{
    walk_t walk = {.run = run, .pen = {.object = to_id}, .from_id = from_id, .object = value, .at = at};
    yyjson_val *outer = run->tariff;
    if (from_id == OCPI_OBJECT_TARIFF)
        run->tariff = value;
    hub_buf_add_char(&run->out, '{');
    bool good = members(&walk);
    if (good && walk.known_elsewhere)
        adopt(&walk);
    good = good && fill(&walk);
    hub_buf_add_char(&run->out, '}');
    run->tariff = outer;
    return good;
}

/* A rule between fields that is never just a warning holds in the output as in the input: those fields keep their names. */
static void breach(void *arg, const ocpi_rule_t *rule, hub_slice_t below)
{
    bridge_run_t *run = arg;
    (void)below;
    if (rule->weight >= PLAIN && !run->why.row)
        ocpi__bridge_cannot(run, BRIDGE_REFUSED, NULL, rule->number, "%s", rule->text);
}

static bool whole(bridge_run_t *run, yyjson_val *root)
{
    ocpi_object_id_t id = run->bridge->object;
    if (!yyjson_is_obj(root))
        return ocpi__bridge_cannot(run, BRIDGE_REFUSED, NULL, "shape", "this must be an object, not %s", ocpi__json_type(root));
    ocpi_ruling_t ruling = {.version = run->to, .breach = breach, .arg = run};
    ocpi__rules_apply_to(&ruling, id, root);
    return !run->why.row && ocpi__bridge_object(run, id, id, root, NULL);
}

hub_err_t ocpi_bridge(hub_pool_t *pool, yyjson_val *root, const ocpi_bridge_t *bridge, hub_slice_t *out, ocpi_losses_t *losses)
{
    bridge_run_t run = {
        .pool = pool, .bridge = bridge, .root = root, .from = bridge->from, .to = bridge->to, .out = HUB_BUF_INIT(pool), .losses = losses};
    *out = HUB_SLICE_NONE;
    hub_buf_reserve(&run.out, 4096);
    if (!whole(&run, root)) {
        ocpi__bridge_refused(&run);
        return HUB_EINVALID;
    }
    *out = hub_buf_slice(&run.out);
    return HUB_EOK;
}
