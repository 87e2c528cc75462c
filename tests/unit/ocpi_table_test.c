/* The rows against the facts read off the specification (fields.tsv, enums.tsv, status_codes.tsv, endpoints.tsv), where OCPI_SPEC_DIR has
 * them. Every difference is explained below, or there is none. */
#include <fnmatch.h>

#include "json.h"
#include "ocpi/schema.h"
#include "spec.h"

#define COLUMNS 8

/* ---- differences ---- */

#define LATER "not served yet"
static struct {
    const char *what; /* a pattern of a difference as it is printed */
    const char *why;
    bool used;
} explained[] = {
    {"2.[12].1 enum ModuleID is open", "V6: parties may agree on modules of their own in every version", false},
    {"* status [1234]9xx has no row", "ranges for private use; nothing here sends one", false},
    {"* endpoint * {response_url} is not served", "an address of the module's sender, made for each request: no fixed path", false},
    {"2.[23].[01] endpoint sessions SENDER PUT */charging_preferences is not served", LATER, false},
    {"* endpoint tokens * POST */authorize is not served", LATER, false},
    {"* endpoint commands * is not served", LATER, false},
    {"* endpoint chargingprofiles * is not served", LATER, false},
    {"* endpoint hubclientinfo * is not served", LATER, false},
    {"* endpoint invoicereconciliation * is not served", LATER, false},
    {"* endpoint payments * is not served", LATER, false},
    {"* endpoint bookings * is not served", LATER, false},
};
static unsigned unexplained;
static bool facts_are_here;

HUB_PRINTF(2, 3) static void differs(ocpi_version_t version, const char *format, ...)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s ", ocpi_version_name(version));
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof text - (size_t)n, format, args);
    va_end(args);
    for (size_t i = 0; i < HUB_COUNT(explained); i++)
        if (fnmatch(explained[i].what, text, 0) == 0) {
            explained[i].used = true;
            print_message("%s: %s\n", text, explained[i].why);
            return;
        }
    print_error("%s, and nothing explains it\n", text);
    unexplained++;
}

/* ---- facts ---- */

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

/* Calls each(version, columns) for every line of a file of every version, then rows(version), which looks for rows that no line has. */
static void compare(const char *name, void (*each)(ocpi_version_t version, const hub_slice_t *column), void (*rows)(ocpi_version_t version))
{
    unexplained = 0;
    for (size_t v = 0; v < HUB_COUNT(ocpi_versions); v++) {
        const char *path = spec_path(pool, hub_pool_printf(pool, "ocpi/%s/%s", ocpi_version_name(ocpi_versions[v]), name).ptr);
        if (!path)
            skip();
        facts_are_here = true;
        hub_slice_t text = spec_file(pool, path), column[COLUMNS];
        next_line(&text, column);
        while (next_line(&text, column))
            each(ocpi_versions[v], column);
        rows(ocpi_versions[v]);
    }
    assert_int_equal(unexplained, 0);
}

/* What the lines have named, by version: rows that are not among them are one too many. */
static uint64_t facts_of_field[3][OCPI_OBJECT_COUNT];

/* ---- fields ---- */

static const char *module_of(ocpi_object_id_t id)
{
    static const char *const modules[] = {
#define OCPI_OBJECT(name, text, module) [OCPI_OBJECT_##name] = #module,
#include "ocpi/tbl/object.def"
#undef OCPI_OBJECT
    };
    return modules[id];
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
    const char *what = hub_pool_printf(pool, "field %.*s.%.*s", HUB_SLICE_FMT(column[0]), HUB_SLICE_FMT(column[1])).ptr;
    const ocpi_field_t *field = ocpi_object_parse(column[0], &id) ? ocpi__field(id, version, column[1]) : NULL;
    if (!field) {
        differs(version, "%s has no row", what);
        return;
    }
    if (!type_agrees(field, column[2]))
        differs(version, "%s is %.*s", what, HUB_SLICE_FMT(column[2]));
    uint64_t length = 0;
    bool has_length = field->type != OCPI_TYPE_ENUM && field->type != OCPI_TYPE_OBJECT && hub_slice_u64(column[3], &length);
    if (has_length && field->max_length != length)
        differs(version, "%s has length %llu", what, (unsigned long long)length);
    char cardinality = field->list ? (field->required ? '+' : '*') : (field->required ? '1' : '?');
    if (column[4].len != 1 || column[4].ptr[0] != cardinality)
        differs(version, "%s has cardinality %.*s", what, HUB_SLICE_FMT(column[4]));
    if (!hub_slice_caseeq_str(column[5], module_of(id)) && strcmp(module_of(id), "NONE") != 0)
        differs(version, "%s is of the module %.*s", what, HUB_SLICE_FMT(column[5]));
    facts_of_field[__builtin_ctz(version)][id] |= 1ull << (field - ocpi_object(id)->fields);
}

static void rows_of_fields(ocpi_version_t version)
{
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
        const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)id);
        for (unsigned f = 0; f < object->count; f++)
            if ((object->fields[f].versions & version) && !(facts_of_field[__builtin_ctz(version)][id] >> f & 1))
                differs(version, "field %s.%s is not in the specification", object->name, object->fields[f].name);
    }
}

static void fields_agree(void **state)
{
    (void)state;
    compare("fields.tsv", one_field, rows_of_fields);
}

/* ---- enums ---- */

static const ocpi_enum_t *enum_named(hub_slice_t name, uint16_t *id)
{
    for (*id = 1; *id < OCPI_ENUM_COUNT; (*id)++)
        if (hub_slice_eq_str(name, ocpi__enum(*id)->name))
            return ocpi__enum(*id);
    return NULL;
}

static unsigned enum_lines[3][OCPI_ENUM_COUNT];

static void one_value(ocpi_version_t version, const hub_slice_t *column)
{
    uint16_t id;
    const ocpi_enum_t *e = enum_named(column[0], &id);
    if (!e || !ocpi_enum_has(id, version, column[1])) {
        differs(version, "enum %.*s has no row %.*s", HUB_SLICE_FMT(column[0]), HUB_SLICE_FMT(column[1]));
        return;
    }
    bool open = (e->open & version) != 0;
    if (open != hub_slice_eq_str(column[3], "yes") && !enum_lines[__builtin_ctz(version)][id])
        differs(version, "enum %s is %s", e->name, open ? "open" : "closed");
    enum_lines[__builtin_ctz(version)][id]++;
}

static void rows_of_enums(ocpi_version_t version)
{
    for (uint16_t id = 1; id < OCPI_ENUM_COUNT; id++) {
        unsigned rows = 0;
        for (unsigned i = 0; i < ocpi__enum(id)->count; i++)
            rows += (ocpi__enum(id)->values[i].versions & version) != 0;
        if (rows != enum_lines[__builtin_ctz(version)][id])
            differs(version, "enum %s has %u values, not %u", ocpi__enum(id)->name, rows, enum_lines[__builtin_ctz(version)][id]);
    }
}

static void enums_agree(void **state)
{
    (void)state;
    compare("enums.tsv", one_value, rows_of_enums);
}

/* ---- status codes ---- */

static bool named_code[3][5000];

static void one_code(ocpi_version_t version, const hub_slice_t *column)
{
    uint64_t code;
    if (!hub_slice_u64(column[0], &code) || code >= HUB_COUNT(named_code[0]) || !ocpi_status_known((int)code, version)) {
        differs(version, "status %.*s has no row", HUB_SLICE_FMT(column[0]));
        return;
    }
    if (!hub_slice_eq_str(column[1], ocpi_status_text((int)code)))
        differs(version, "status %d means %.*s", (int)code, HUB_SLICE_FMT(column[1]));
    named_code[__builtin_ctz(version)][code] = true;
}

static void rows_of_codes(ocpi_version_t version)
{
    for (int code = 0; code < (int)HUB_COUNT(named_code[0]); code++)
        if (ocpi_status_known(code, version) && !named_code[__builtin_ctz(version)][code])
            differs(version, "status %d is not in the specification", code);
}

static void status_codes_agree(void **state)
{
    (void)state;
    compare("status_codes.tsv", one_code, rows_of_codes);
}

/* ---- endpoints ---- */

static uint32_t sides_of(hub_slice_t face, ocpi_module_t module)
{
    if (hub_slice_eq_str(face, "SENDER"))
        return OCPI_SENDER;
    if (hub_slice_eq_str(face, "RECEIVER"))
        return OCPI_RECEIVER;
    if (module == OCPI_MODULE_VERSIONS || module == OCPI_MODULE_CREDENTIALS)
        return OCPI_SENDER;                                                                         /* both sides' are one */
    return ocpi_role_sides(hub_slice_eq_str(face, "CPO") ? OCPI_ROLE_CPO : OCPI_ROLE_EMSP, module); /* 2.1.1 */
}

static uint32_t method_of(hub_slice_t name)
{
    static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(name, names[i]))
            return 1u << i;
    return 0;
}

/* Segments after the module's base; a URL that the hub makes itself counts as the one of the row that serves it. */
static unsigned segments_of(hub_slice_t path)
{
    unsigned n = 0;
    if (hub_slice_eq_str(path, "{version_details_url}"))
        return 1;
    if (hub_slice_eq_str(path, "{cdr_url}"))
        return 3;
    for (size_t i = 0; i < path.len; i++)
        n += path.ptr[i] == '/';
    return n;
}

static uint32_t spoken[256][3]; /* methods that the facts have, by route row */

static void one_endpoint(ocpi_version_t version, const hub_slice_t *column)
{
    ocpi_module_t module = ocpi_module_parse(column[0]);
    uint32_t sides = sides_of(column[1], module), method = method_of(column[2]);
    bool served = false;
    if (module == OCPI_MODULE_NONE || !method || !sides)
        differs(version, "endpoint %.*s %.*s is unknown", HUB_SLICE_FMT(column[0]), HUB_SLICE_FMT(column[2]));
    for (size_t i = 0; i < ocpi__route_count && !hub_slice_eq_str(column[3], "{response_url}"); i++) {
        const ocpi_route_t *row = &ocpi__routes[i];
        if (row->module != module || !(row->side & sides) || !(row->versions & version) || row->segments != segments_of(column[3]) ||
            !(row->methods & method) || row->action == OCPI_ACTION_LATER)
            continue;
        spoken[i][__builtin_ctz(version)] |= method;
        served = true;
    }
    if (!served)
        differs(version, "endpoint %.*s %.*s %.*s %.*s is not served", HUB_SLICE_FMT(column[0]), HUB_SLICE_FMT(column[1]),
                HUB_SLICE_FMT(column[2]), HUB_SLICE_FMT(column[3]));
}

static void rows_of_routes(ocpi_version_t version)
{
    for (size_t i = 0; i < ocpi__route_count; i++) {
        const ocpi_route_t *row = &ocpi__routes[i];
        uint32_t more = row->methods & ~spoken[i][__builtin_ctz(version)];
        if ((row->versions & version) && row->action != OCPI_ACTION_LATER && more)
            differs(version, "route %s %s with %u segments serves methods %#x that the specification has not",
                    ocpi_module_name(row->module), ocpi_side_name(row->side), row->segments, more);
    }
}

static void endpoints_agree(void **state)
{
    (void)state;
    assert_true(ocpi__route_count <= HUB_COUNT(spoken));
    compare("endpoints.tsv", one_endpoint, rows_of_routes);
}

static void every_explanation_is_needed(void **state)
{
    (void)state;
    if (!facts_are_here)
        skip();
    for (size_t i = 0; i < HUB_COUNT(explained); i++)
        if (!explained[i].used && strcmp(explained[i].why, LATER) == 0)
            print_message("all that \"%s\" explains is served now: take the explanation out\n", explained[i].what);
        else if (!explained[i].used)
            fail_msg("nothing differs as \"%s\" (%s): take the explanation out", explained[i].what, explained[i].why);
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
        json_test(endpoints_agree),
        json_test(every_explanation_is_needed),
        json_test(rows_find_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
