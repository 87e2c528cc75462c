/* Normalised form (decisions, "Validation of what peers send"): what is optional and defective is left out, what is required stays and is
 * coerced where it can be. Unknown fields stay. */
#include <string.h>

#include "index.h"

typedef struct run {
    hub_buf_t out;
    ocpi_version_t version;
    bool changed;
} run_t;

static void put(run_t *run, char c)
{
    hub_buf_add_char(&run->out, c);
}

/* ---- what stays as it is ---- */

static bool clean_object(ocpi_object_id_t id, ocpi_version_t version, yyjson_val *value);

static bool clean_one(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *value)
{
    if (field->type == OCPI_TYPE_OBJECT)
        return yyjson_is_obj(value) && clean_object((ocpi_object_id_t)field->ref, version, value);
    return ocpi__fits(field, version, value);
}

static bool clean_list(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *list)
{
    size_t i, max;
    yyjson_val *item;
    if (!yyjson_is_arr(list))
        return false;
    yyjson_arr_foreach(list, i, max, item)
    {
        if (!clean_one(field, version, item))
            return false;
    }
    return !field->required || max;
}

/* Quick, and enough for most of what comes: every known member fits and none that is required is missing, so that nothing changes. False
 * says nothing. */
static bool clean_object(ocpi_object_id_t id, ocpi_version_t version, yyjson_val *value)
{
    const ocpi_object_t *object = ocpi_object(id);
    const ocpi_index_t *index = ocpi__index(id, version);
    uint64_t seen = 0;
    size_t i, max;
    yyjson_val *key, *member;
    yyjson_obj_foreach(value, i, max, key, member)
    {
        int row = ocpi__find(index, ocpi__text(key));
        if (row < 0)
            continue;
        const ocpi_field_t *field = &object->fields[row];
        if (field->list ? !clean_list(field, version, member) : !clean_one(field, version, member))
            return false;
        seen |= 1ull << row;
    }
    return (index->required & ~seen) == 0;
}

/* ---- what can be used ---- */

static bool usable_one(run_t *run, const ocpi_field_t *field, yyjson_val *value);

static bool usable_member(run_t *run, const ocpi_field_t *field, yyjson_val *value)
{
    if (!field->list)
        return usable_one(run, field, value);
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(value, i, max, item)
    {
        if (usable_one(run, field, item))
            return true;
    }
    return false;
}

/* An object of an optional member: every required field is there and usable itself. */
static bool usable_object(run_t *run, ocpi_object_id_t id, yyjson_val *value)
{
    if (!yyjson_is_obj(value))
        return false;
    const ocpi_object_t *object = ocpi_object(id);
    for (unsigned f = 0; f < object->count; f++) {
        const ocpi_field_t *field = &object->fields[f];
        if (!field->required || !(field->versions & run->version))
            continue;
        yyjson_val *member = yyjson_obj_getn(value, field->name, field->name_len);
        if (!member || yyjson_is_null(member) || !usable_member(run, field, member))
            return false;
    }
    return true;
}

static bool usable_one(run_t *run, const ocpi_field_t *field, yyjson_val *value)
{
    if (yyjson_is_null(value))
        return false;
    if (field->type == OCPI_TYPE_OBJECT)
        return usable_object(run, (ocpi_object_id_t)field->ref, value);
    if (ocpi__fits(field, run->version, value))
        return true;
    ocpi_finding_t finding;
    ocpi__judge(field, run->version, value, &finding);
    return finding.verdict < OCPI_UNKNOWN;
}

/* An EVSE or Connector breaks the hard rules: what ocpi_check refuses an object itself for. */
static bool broken_member(run_t *run, const ocpi_field_t *field, yyjson_val *value)
{
    if (field->list)
        return !yyjson_is_arr(value);
    if (field->type == OCPI_TYPE_OBJECT)
        return !yyjson_is_obj(value);
    ocpi_finding_t finding;
    ocpi__judge(field, run->version, value, &finding);
    return finding.verdict == OCPI_BAD && (strcmp(finding.rule, "type") == 0 || strcmp(finding.rule, "datetime") == 0);
}

static bool broken_level(run_t *run, ocpi_object_id_t id, yyjson_val *value)
{
    if (!yyjson_is_obj(value))
        return true;
    const ocpi_object_t *object = ocpi_object(id);
    uint64_t seen = 0;
    size_t i, max;
    yyjson_val *key, *member;
    yyjson_obj_foreach(value, i, max, key, member)
    {
        const ocpi_field_t *field = ocpi__field(id, run->version, ocpi__text(key));
        if (!field || !field->required || yyjson_is_null(member))
            continue;
        if (broken_member(run, field, member))
            return true;
        seen |= 1ull << (field - object->fields);
    }
    for (unsigned f = 0; f < object->count; f++)
        if (object->fields[f].required && (object->fields[f].versions & run->version) && !(seen >> f & 1))
            return true;
    return false;
}

/* ---- writing ---- */

static void write_object(run_t *run, ocpi_object_id_t id, yyjson_val *value, bool optional);

static void write_one(run_t *run, const ocpi_field_t *field, yyjson_val *value, bool optional)
{
    if (field->type == OCPI_TYPE_OBJECT && yyjson_is_obj(value)) {
        write_object(run, (ocpi_object_id_t)field->ref, value, optional);
        return;
    }
    ocpi_finding_t finding = {.verdict = OCPI_BAD};
    if (field->type != OCPI_TYPE_OBJECT && !ocpi__fits(field, run->version, value))
        ocpi__judge(field, run->version, value, &finding);
    if (finding.verdict == OCPI_BAD || !finding.rewrite) {
        ocpi__add_json(&run->out, value);
        return;
    }
    run->changed = true;
    ocpi__rewrite(&run->out, field, &finding, value);
}

static bool keep_item(run_t *run, const ocpi_field_t *field, yyjson_val *item, bool optional)
{
    if (yyjson_is_null(item))
        return false;
    if (field->flags & OCPI_FIELD_LEVEL)
        return !broken_level(run, (ocpi_object_id_t)field->ref, item);
    return !optional || usable_one(run, field, item);
}

static void write_list(run_t *run, const ocpi_field_t *field, yyjson_val *list, bool optional)
{
    bool level = (field->flags & OCPI_FIELD_LEVEL) != 0;
    size_t i, max;
    yyjson_val *item;
    bool first = true;
    put(run, '[');
    yyjson_arr_foreach(list, i, max, item)
    {
        if (!keep_item(run, field, item, optional)) {
            run->changed = true;
            continue;
        }
        if (!first)
            put(run, ',');
        first = false;
        write_one(run, field, item, optional && !level);
    }
    put(run, ']');
}

/* A member that is there. Optional: inside of something that may be left out, or such a thing itself. */
static bool keep_member(run_t *run, const ocpi_field_t *field, yyjson_val *value, bool optional)
{
    if (yyjson_is_null(value))
        return false;
    if (!optional)
        return true;
    return field->list ? yyjson_is_arr(value) : usable_one(run, field, value);
}

static void begin_member(run_t *run, bool *first, hub_slice_t name)
{
    if (!*first)
        put(run, ',');
    *first = false;
    hub_buf_add_json(&run->out, name);
    put(run, ':');
}

static void write_object(run_t *run, ocpi_object_id_t id, yyjson_val *value, bool optional)
{
    bool first = true, zone = false;
    size_t i, max;
    yyjson_val *key, *member;
    put(run, '{');
    yyjson_obj_foreach(value, i, max, key, member)
    {
        hub_slice_t name = ocpi__text(key);
        const ocpi_field_t *field = ocpi__field(id, run->version, name);
        bool may = optional || (field && !field->required);
        if (field && !keep_member(run, field, member, may)) {
            run->changed = true;
            continue;
        }
        begin_member(run, &first, name);
        if (!field)
            ocpi__add_json(&run->out, member);
        else if (field->list && yyjson_is_arr(member))
            write_list(run, field, member, may);
        else
            write_one(run, field, member, may);
        zone |= field && (field->flags & OCPI_FIELD_DERIVED);
    }
    const char *derived = id == OCPI_OBJECT_LOCATION && !zone && (run->version & OCPI_V_22UP) ? ocpi__derived_zone(value) : NULL;
    if (derived) {
        begin_member(run, &first, HUB_SLICE_LIT("time_zone"));
        hub_buf_add_json(&run->out, hub_slice_str(derived));
        run->changed = true;
    }
    put(run, '}');
}

const char *ocpi__derived_zone(yyjson_val *location)
{
    return ocpi__zone(ocpi_get_str(location, "country"));
}

hub_slice_t ocpi_normalise(hub_pool_t *pool, yyjson_val *root, hub_slice_t text, ocpi_object_id_t object, ocpi_version_t version,
                           bool *changed)
{
    run_t run = {.out = HUB_BUF_INIT(pool), .version = version};
    if (yyjson_is_obj(root) && !clean_object(object, version, root)) {
        hub_buf_reserve(&run.out, text.len + 64);
        write_object(&run, object, root, false);
    }
    if (changed)
        *changed = run.changed;
    return run.changed ? hub_buf_slice(&run.out) : text;
}
