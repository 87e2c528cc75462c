/* The rows against the facts read off the specification (fields.tsv, enums.tsv, status_codes.tsv), where OCPI_SPEC_DIR has them. */
#include "json.h"
#include "ocpi/schema.h"
#include "spec.h"

#define COLUMNS 8

static bool next_line(hub_slice_t *rest, hub_slice_t column[COLUMNS])
{
    hub_slice_t line;
    if (!hub_slice_split(rest, '\n', &line) || line.len == 0)
        return false;
    for (size_t i = 0; i < COLUMNS; i++)
        if (!hub_slice_split(&line, '\t', &column[i]))
            column[i] = HUB_SLICE_LIT("");
    return true;
}

/* The file without its header line; none when it is not there. */
static hub_slice_t facts(ocpi_version_t version, const char *name)
{
    const char *path = spec_path(pool, hub_pool_printf(pool, "ocpi/%s/%s", ocpi_version_name(version), name).ptr);
    if (!path)
        return HUB_SLICE_NONE;
    hub_slice_t text = spec_file(pool, path), header[COLUMNS];
    next_line(&text, header);
    return text;
}

/* "CiString(36)[]" against a row: the base type, or the name of the enum or object that the row refers to. */
static bool type_agrees(const ocpi_field_t *field, hub_slice_t type)
{
    static const char *const names[] = {
        [OCPI_TYPE_STRING] = "string",   [OCPI_TYPE_CISTRING] = "CiString", [OCPI_TYPE_INT] = "int", [OCPI_TYPE_NUMBER] = "number",
        [OCPI_TYPE_BOOLEAN] = "boolean", [OCPI_TYPE_DATETIME] = "DateTime", [OCPI_TYPE_URL] = "URL", [OCPI_TYPE_ANY] = "any"};
    bool list = type.len > 2 && memcmp(type.ptr + type.len - 2, "[]", 2) == 0;
    size_t base = 0;
    while (base < type.len && type.ptr[base] != '(' && type.ptr[base] != '[')
        base++;
    type.len = base;
    if (list != field->list)
        return false;
    if (field->type == OCPI_TYPE_ENUM)
        return hub_slice_eq_str(type, ocpi__enum(field->ref)->name);
    if (field->type == OCPI_TYPE_OBJECT)
        return hub_slice_eq_str(type, ocpi_object((ocpi_object_id_t)field->ref)->name);
    return hub_slice_eq_str(type, names[field->type]);
}

static void one_field(ocpi_version_t version, const hub_slice_t *column)
{
    ocpi_object_id_t id;
    if (!ocpi_object_parse(column[0], &id))
        fail_msg("no object %.*s", HUB_SLICE_FMT(column[0]));
    const ocpi_field_t *field = ocpi__field(id, version, column[1]);
    const char *what =
        hub_pool_printf(pool, "%s %.*s.%.*s", ocpi_version_name(version), HUB_SLICE_FMT(column[0]), HUB_SLICE_FMT(column[1])).ptr;
    if (!field)
        fail_msg("no row for %s", what);
    if (!type_agrees(field, column[2]))
        fail_msg("%s is %.*s", what, HUB_SLICE_FMT(column[2]));
    uint64_t length = 0;
    bool has_length = field->type != OCPI_TYPE_ENUM && field->type != OCPI_TYPE_OBJECT && hub_slice_u64(column[3], &length);
    if (has_length && field->max_length != length)
        fail_msg("%s has length %llu", what, (unsigned long long)length);
    char cardinality = field->list ? (field->required ? '+' : '*') : (field->required ? '1' : '?');
    if (column[4].len != 1 || column[4].ptr[0] != cardinality)
        fail_msg("%s has cardinality %.*s", what, HUB_SLICE_FMT(column[4]));
}

static void fields_agree(void **state)
{
    (void)state;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        hub_slice_t text = facts(ocpi_versions[v], "fields.tsv"), column[COLUMNS];
        if (!text.ptr)
            skip();
        size_t lines = 0, rows = 0;
        for (; next_line(&text, column); lines++)
            one_field(ocpi_versions[v], column);
        for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
            for (unsigned f = 0; f < ocpi_object((ocpi_object_id_t)id)->count; f++)
                rows += (ocpi_object((ocpi_object_id_t)id)->fields[f].versions & ocpi_versions[v]) != 0;
        assert_int_equal(rows, lines); /* and nothing besides */
    }
}

static const ocpi_enum_t *enum_named(hub_slice_t name, uint16_t *id)
{
    for (*id = 1; *id < OCPI_ENUM_COUNT; (*id)++)
        if (hub_slice_eq_str(name, ocpi__enum(*id)->name))
            return ocpi__enum(*id);
    return NULL;
}

static void enums_agree(void **state)
{
    (void)state;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        hub_slice_t text = facts(ocpi_versions[v], "enums.tsv"), column[COLUMNS];
        if (!text.ptr)
            skip();
        size_t lines = 0, rows = 0;
        for (; next_line(&text, column); lines++) {
            uint16_t id;
            const ocpi_enum_t *e = enum_named(column[0], &id);
            if (!e || !ocpi_enum_has(id, ocpi_versions[v], column[1]))
                fail_msg("%s: no row for %.*s.%.*s", ocpi_version_name(ocpi_versions[v]), HUB_SLICE_FMT(column[0]),
                         HUB_SLICE_FMT(column[1]));
            bool open = (e->open & ocpi_versions[v]) != 0;
            if (open != hub_slice_eq_str(column[3], "yes") && id != OCPI_ENUM_MODULE_ID) /* V6: custom modules in every version */
                fail_msg("%s: openness of %s", ocpi_version_name(ocpi_versions[v]), e->name);
        }
        for (uint16_t id = 1; id < OCPI_ENUM_COUNT; id++)
            for (unsigned i = 0; i < ocpi__enum(id)->count; i++)
                rows += (ocpi__enum(id)->values[i].versions & ocpi_versions[v]) != 0;
        assert_int_equal(rows, lines);
    }
}

static void status_codes_agree(void **state)
{
    (void)state;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        hub_slice_t text = facts(ocpi_versions[v], "status_codes.tsv"), column[COLUMNS];
        if (!text.ptr)
            skip();
        size_t lines = 0, rows = 0;
        uint64_t code;
        while (next_line(&text, column))
            if (hub_slice_u64(column[0], &code)) { /* 19xx is a range */
                lines++;
                assert_true(ocpi_status_known((int)code, ocpi_versions[v]));
                assert_non_null(ocpi_status_text((int)code));
            }
        for (int c = 1000; c < 5000; c++)
            rows += ocpi_status_known(c, ocpi_versions[v]);
        assert_int_equal(rows, lines);
    }
}

/* Needs no facts: names within an object are unique in each version, and every row finds itself. */
static void rows_find_themselves(void **state)
{
    (void)state;
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
        const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)id);
        ocpi_object_id_t parsed;
        assert_true(ocpi_object_parse(hub_slice_str(object->name), &parsed) && parsed == id);
        for (unsigned f = 0; f < object->count; f++)
            for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++)
                if (object->fields[f].versions & ocpi_versions[v])
                    assert_ptr_equal(ocpi__field(parsed, ocpi_versions[v], hub_slice_str(object->fields[f].name)), &object->fields[f]);
    }
    assert_null(ocpi__field(OCPI_OBJECT_LOCATION, OCPI_V2_2_1, HUB_SLICE_LIT("parking_places")));
    assert_null(ocpi__field(OCPI_OBJECT_LOCATION, OCPI_V2_2_1, HUB_SLICE_LIT("")));
    assert_null(ocpi__field(OCPI_OBJECT_LOCATION, OCPI_V2_1_1, HUB_SLICE_LIT("publish")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(fields_agree),
        json_test(enums_agree),
        json_test(status_codes_agree),
        json_test(rows_find_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
