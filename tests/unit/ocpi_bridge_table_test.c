/* Keeps bridge.def complete: a field or value that one version has and another has not, or has in another shape, must have a row, so that
 * nobody adds one without thinking of the other versions. */
#include "json.h"
#include "ocpi/bridge.h"

static const ocpi_object_id_t roots[] = {OCPI_OBJECT_LOCATION, OCPI_OBJECT_TARIFF, OCPI_OBJECT_SESSION,
                                         OCPI_OBJECT_CDR,      OCPI_OBJECT_TOKEN,  OCPI_OBJECT_LOCATION_REFERENCES};

static bool is_text_type(unsigned type)
{
    return type == OCPI_TYPE_STRING || type == OCPI_TYPE_CISTRING;
}

static bool same_shape(const ocpi_field_t *a, const ocpi_field_t *b)
{
    bool type = a->type == b->type || (is_text_type(a->type) && is_text_type(b->type));
    bool length = !b->max_length || (a->max_length && a->max_length <= b->max_length);
    return type && length && a->list == b->list && (a->type == OCPI_TYPE_OBJECT || a->type == OCPI_TYPE_ENUM ? a->ref == b->ref : true);
}

/* "a | b" has the name. */
static bool has_name(const char *targets, const char *name)
{
    hub_slice_t rest = hub_slice_str(targets), part;
    while (hub_slice_split(&rest, '|', &part))
        if (hub_slice_eq_str(hub_slice_trim(part), name))
            return true;
    return false;
}

static void missing(const char *what, const char *of, const char *name, ocpi_version_t from, ocpi_version_t to)
{
    fail_msg("bridge.def: no row for %s %s.%s from %s to %s", what, of, name, ocpi_version_name(from), ocpi_version_name(to));
}

/* ---- values ---- */

static const bridge_nearest_t *row_of(uint16_t id, ocpi_version_t to, const char *value)
{
    for (size_t i = 0; i < ocpi__bridge_nearest_count; i++)
        if (ocpi__bridge_nearest[i].enum_id == id && (ocpi__bridge_nearest[i].to & to) && strcmp(ocpi__bridge_nearest[i].value, value) == 0)
            return &ocpi__bridge_nearest[i];
    return NULL;
}

static void one_value(const ocpi_field_t *source, const ocpi_field_t *target, const char *value, ocpi_version_t from, ocpi_version_t to)
{
    const bridge_nearest_t *row = row_of(source->ref, to, value);
    if (!row)
        missing("value", ocpi__enum(source->ref)->name, value, from, to);
    if (row->nearest)
        assert_true(ocpi_enum_has(target->ref, to, hub_slice_str(row->nearest)));
}

static void enums(const ocpi_field_t *source, const ocpi_field_t *target, ocpi_version_t from, ocpi_version_t to)
{
    const ocpi_enum_t *e = ocpi__enum(source->ref);
    if ((ocpi__enum(target->ref)->open & to) && source->ref == target->ref)
        return;
    for (unsigned i = 0; i < e->count; i++)
        if ((e->values[i].versions & from) && !ocpi_enum_has(target->ref, to, hub_slice_str(e->values[i].text)))
            one_value(source, target, e->values[i].text, from, to);
    if (e->open & from)
        one_value(source, target, "*", from, to);
}

/* ---- fields ---- */

static void field_goes_on(ocpi_object_id_t id, const ocpi_field_t *field, ocpi_version_t from, ocpi_version_t to)
{
    const bridge_move_t *move = ocpi__bridge_move_of(id, field, from, to);
    const ocpi_field_t *target = ocpi__field(id, to, hub_slice_str(move ? move->target : field->name));
    if (!move && !target)
        missing("field", ocpi_object(id)->name, field->name, from, to);
    if (!move && !same_shape(field, target))
        missing("the other shape of", ocpi_object(id)->name, field->name, from, to);
    if (target && field->type == OCPI_TYPE_ENUM && target->type == OCPI_TYPE_ENUM)
        enums(field, target, from, to);
}

/* What the target requires comes from a field that the source requires, or a row fills it in. */
static void field_is_met(ocpi_object_id_t id, const ocpi_field_t *target, ocpi_version_t from, ocpi_version_t to)
{
    const ocpi_object_t *object = ocpi_object(id);
    if (ocpi__bridge_fill_of(id, target, from, to))
        return;
    for (unsigned f = 0; f < object->count; f++) {
        const ocpi_field_t *source = &object->fields[f];
        const bridge_move_t *move = ocpi__bridge_move_of(id, source, from, to);
        if ((source->versions & from) && source->required && has_name(move ? move->target : source->name, target->name))
            return;
    }
    missing("required field", object->name, target->name, from, to);
}

static bool exists(ocpi_object_id_t id, ocpi_version_t version)
{
    for (unsigned f = 0; f < ocpi_object(id)->count; f++)
        if (ocpi_object(id)->fields[f].versions & version)
            return true;
    return false;
}

static void one_object(ocpi_object_id_t id, ocpi_version_t from, ocpi_version_t to)
{
    const ocpi_object_t *object = ocpi_object(id);
    for (unsigned f = 0; f < object->count; f++) {
        if (object->fields[f].versions & from)
            field_goes_on(id, &object->fields[f], from, to);
        if ((object->fields[f].versions & to) && object->fields[f].required)
            field_is_met(id, &object->fields[f], from, to);
    }
}

static void reach(ocpi_object_id_t id, bool reached[OCPI_OBJECT_COUNT])
{
    if (reached[id])
        return;
    reached[id] = true;
    for (unsigned f = 0; f < ocpi_object(id)->count; f++)
        if (ocpi_object(id)->fields[f].type == OCPI_TYPE_OBJECT)
            reach((ocpi_object_id_t)ocpi_object(id)->fields[f].ref, reached);
}

static void every_field_and_value_has_a_row(void **state)
{
    (void)state;
    bool reached[OCPI_OBJECT_COUNT] = {false};
    unsigned count = 0;
    for (size_t i = 0; i < HUB_COUNT(roots); i++)
        reach(roots[i], reached);
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
        for (size_t a = 0; a < HUB_COUNT(ocpi_versions); a++)
            for (size_t b = 0; b < HUB_COUNT(ocpi_versions); b++)
                if (a != b && reached[id] && exists((ocpi_object_id_t)id, ocpi_versions[a]) &&
                    exists((ocpi_object_id_t)id, ocpi_versions[b])) {
                    one_object((ocpi_object_id_t)id, ocpi_versions[a], ocpi_versions[b]);
                    count++;
                }
    assert_true(count > 100);
}

/* ---- and no row is there in vain ---- */

static bool known_in(ocpi_object_id_t id, unsigned versions, const char *name)
{
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
        if ((versions & ocpi_versions[v]) && !ocpi__field(id, ocpi_versions[v], hub_slice_str(name)))
            return false;
    return true;
}

static void move_rows_name_what_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ocpi__bridge_move_count; i++) {
        const bridge_move_t *row = &ocpi__bridge_moves[i];
        hub_slice_t rest = hub_slice_str(row->target), part;
        assert_true(known_in(row->object, row->from, row->field));
        while (strcmp(row->target, "NONE") != 0 && hub_slice_split(&rest, '|', &part))
            if (!known_in(row->object, row->to, hub_pool_str(pool, hub_slice_trim(part))))
                fail_msg("%s.%s: no target %s", ocpi_object(row->object)->name, row->field, row->target);
        for (size_t j = 0; j < i; j++)
            if (ocpi__bridge_moves[j].object == row->object && strcmp(ocpi__bridge_moves[j].field, row->field) == 0)
                assert_false((ocpi__bridge_moves[j].from & row->from) && (ocpi__bridge_moves[j].to & row->to));
    }
}

static void fill_rows_name_what_is_required(void **state)
{
    (void)state;
    for (size_t i = 0; i < ocpi__bridge_fill_count; i++) {
        const bridge_fill_t *row = &ocpi__bridge_fills[i];
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
            const ocpi_field_t *field = ocpi__field(row->object, ocpi_versions[v], hub_slice_str(row->field));
            if (row->to & ocpi_versions[v])
                assert_true(field && field->required);
        }
    }
    for (size_t i = 0; i < ocpi__bridge_whole_count; i++)
        assert_true(known_in(ocpi__bridge_wholes[i].object, OCPI_V2_3_0, ocpi__bridge_wholes[i].field));
}

static void value_rows_name_what_is_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ocpi__bridge_nearest_count; i++) {
        const bridge_nearest_t *row = &ocpi__bridge_nearest[i];
        const ocpi_enum_t *e = ocpi__enum(row->enum_id);
        for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
            if ((row->to & ocpi_versions[v]) &&
                (ocpi_enum_has(row->enum_id, ocpi_versions[v], hub_slice_str(row->value)) || (e->open & ocpi_versions[v])))
                fail_msg("%s.%s: %s needs no row", e->name, row->value, ocpi_version_name(ocpi_versions[v]));
        for (size_t j = 0; j < i; j++)
            assert_false(ocpi__bridge_nearest[j].enum_id == row->enum_id && (ocpi__bridge_nearest[j].to & row->to) &&
                         strcmp(ocpi__bridge_nearest[j].value, row->value) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(every_field_and_value_has_a_row),
        json_test(move_rows_name_what_is_there),
        json_test(fill_rows_name_what_is_required),
        json_test(value_rows_name_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
