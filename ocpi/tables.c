/* The rows of tbl/ as constant arrays, and the look-ups in them. */
#include <string.h>

#include "schema.h"

/* ---- versions, modules, sides, roles, status codes ---- */

const ocpi_version_t ocpi_versions[OCPI_VERSION_COUNT] = {
#define OCPI_VERSION(name, bit, text) OCPI_V##name,
#include "ocpi/tbl/version.def"
#undef OCPI_VERSION
};

const char *ocpi_version_name(ocpi_version_t version)
{
    switch (version) {
#define OCPI_VERSION(name, bit, text)                                                                                                      \
    case OCPI_V##name:                                                                                                                     \
        return text;
#include "ocpi/tbl/version.def"
#undef OCPI_VERSION
    }
    return "";
}

bool ocpi_version_parse(hub_slice_t name, ocpi_version_t *out)
{
    for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++)
        if (hub_slice_eq_str(name, ocpi_version_name(ocpi_versions[i]))) {
            *out = ocpi_versions[i];
            return true;
        }
    return false;
}

static const struct {
    const char *identifier;
    uint8_t versions;
    uint8_t object;
} modules[OCPI_MODULE_COUNT] = {
    [OCPI_MODULE_NONE] = {"", 0, OCPI_OBJECT_NONE},
#define OCPI_MODULE(name, identifier, versions, object, kind) [OCPI_MODULE_##name] = {identifier, versions, OCPI_OBJECT_##object},
#include "ocpi/tbl/module.def"
#undef OCPI_MODULE
};

const char *ocpi_module_name(ocpi_module_t module)
{
    return (unsigned)module < OCPI_MODULE_COUNT ? modules[module].identifier : "";
}

ocpi_module_t ocpi_module_parse(hub_slice_t identifier)
{
    for (unsigned i = 1; i < OCPI_MODULE_COUNT; i++)
        if (hub_slice_eq_str(identifier, modules[i].identifier))
            return (ocpi_module_t)i;
    return OCPI_MODULE_NONE;
}

uint32_t ocpi_module_versions(ocpi_module_t module)
{
    return (unsigned)module < OCPI_MODULE_COUNT ? modules[module].versions : 0;
}

ocpi_object_id_t ocpi_module_object(ocpi_module_t module)
{
    return (unsigned)module < OCPI_MODULE_COUNT ? (ocpi_object_id_t)modules[module].object : OCPI_OBJECT_NONE;
}

const char *ocpi_side_name(ocpi_side_t side)
{
    return side == OCPI_RECEIVER ? "RECEIVER" : "SENDER";
}

static const struct {
    ocpi_role_t role;
    const char *text;
} roles[] = {
#define OCPI_ROLE(name, bit, text, on_wire) {OCPI_ROLE_##name, text},
#include "ocpi/tbl/role.def"
#undef OCPI_ROLE
};

const char *ocpi_role_name(ocpi_role_t role)
{
    for (size_t i = 0; i < HUB_COUNT(roles); i++)
        if (roles[i].role == role)
            return roles[i].text;
    return "";
}

bool ocpi_role_parse(hub_slice_t name, ocpi_role_t *out)
{
    for (size_t i = 0; i < HUB_COUNT(roles); i++)
        if (hub_slice_eq_str(name, roles[i].text)) {
            *out = roles[i].role;
            return true;
        }
    return false;
}

uint32_t ocpi_role_sides(uint32_t role_mask, ocpi_module_t module)
{
    static const struct {
        uint16_t role;
        uint8_t module, sides;
    } rows[] = {
#define OCPI_SIDES(role, module, sides) {OCPI_ROLE_##role, OCPI_MODULE_##module, sides},
#include "ocpi/tbl/side.def"
#undef OCPI_SIDES
    };
    if (module == OCPI_MODULE_VERSIONS || module == OCPI_MODULE_CREDENTIALS)
        return OCPI_SENDER | OCPI_RECEIVER;
    uint32_t sides = 0;
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (rows[i].module == module && (rows[i].role & role_mask))
            sides |= rows[i].sides;
    return sides;
}

static const struct {
    int code;
    uint8_t versions;
    const char *text;
    int otherwise;
} statuses[] = {
#define OCPI_STATUS(code, versions, text, otherwise) {code, versions, text, otherwise},
#include "ocpi/tbl/status.def"
#undef OCPI_STATUS
};

const char *ocpi_status_text(int status_code)
{
    for (size_t i = 0; i < HUB_COUNT(statuses); i++)
        if (statuses[i].code == status_code)
            return statuses[i].text;
    return NULL;
}

bool ocpi_status_known(int status_code, ocpi_version_t version)
{
    for (size_t i = 0; i < HUB_COUNT(statuses); i++)
        if (statuses[i].code == status_code)
            return (statuses[i].versions & version) != 0;
    return false;
}

int ocpi_status_in(int status_code, ocpi_version_t version)
{
    for (size_t i = 0; i < HUB_COUNT(statuses); i++)
        if (statuses[i].code == status_code && !(statuses[i].versions & version))
            return statuses[i].otherwise;
    return status_code;
}

/* ---- enums ---- */

#define OCPI_ENUM(name, text, open) static const ocpi_value_t values_##name[] = {
#define OCPI_VALUE(text, versions) {text, sizeof(text) - 1, versions},
#define OCPI_ENUM_END                                                                                                                      \
    }                                                                                                                                      \
    ;
#include "ocpi/tbl/enum.def"
#undef OCPI_ENUM
#undef OCPI_VALUE
#undef OCPI_ENUM_END

static const ocpi_enum_t enums[OCPI_ENUM_COUNT] = {
#define OCPI_ENUM(name, text, open) [OCPI_ENUM_##name] = {text, values_##name, HUB_COUNT(values_##name), open},
#define OCPI_VALUE(text, versions)
#define OCPI_ENUM_END
#include "ocpi/tbl/enum.def"
#undef OCPI_ENUM
#undef OCPI_VALUE
#undef OCPI_ENUM_END
};

const ocpi_enum_t *ocpi__enum(uint16_t id)
{
    HUB_ASSERT(id && id < OCPI_ENUM_COUNT);
    return &enums[id];
}

/* ---- objects and fields ---- */

enum { /* cardinalities: required, list */
       ONE = 1,
       MAYBE = 0,
       SOME = 3,
       ANY = 2
};
enum {
    MARK_PLAIN = 0,
    MARK_IDENTITY = 128,
    MARK_LEVEL = OCPI_FIELD_LEVEL,
    MARK_DERIVED = OCPI_FIELD_DERIVED,
    MARK_STAMPED = OCPI_FIELD_STAMPED
};

#define REF_STRING(ref) 0
#define REF_CISTRING(ref) 0
#define REF_INT(ref) 0
#define REF_NUMBER(ref) 0
#define REF_BOOLEAN(ref) 0
#define REF_DATETIME(ref) 0
#define REF_URL(ref) 0
#define REF_ANY(ref) 0
#define REF_ENUM(ref) OCPI_ENUM_##ref
#define REF_OBJECT(ref) OCPI_OBJECT_##ref
#define PATTERN_NONE NULL
#define PATTERN_LATITUDE "latitude"
#define PATTERN_LONGITUDE "longitude"
#define PATTERN_LATITUDE_6 "latitude_6"
#define PATTERN_LONGITUDE_6 "longitude_6"
#define PATTERN_TIME "time_of_day"
#define PATTERN_DATE "date"
#define PATTERN_WEEKDAY "weekday"
#define PATTERN_TOKEN "token"

#define OCPI_FIELDS(object) static const ocpi_field_t fields_##object[] = {
#define OCPI_FIELD(name, type, ref, length, cardinality, versions, mark, pattern)                                                          \
    {#name,                                                                                                                                \
     sizeof(#name) - 1,                                                                                                                    \
     OCPI_TYPE_##type,                                                                                                                     \
     ((cardinality)&2) != 0,                                                                                                               \
     ((cardinality)&1) != 0,                                                                                                               \
     REF_##type(ref),                                                                                                                      \
     length,                                                                                                                               \
     versions,                                                                                                                             \
     MARK_##mark == MARK_IDENTITY,                                                                                                         \
     MARK_##mark & 127,                                                                                                                    \
     PATTERN_##pattern},
#define OCPI_FIELDS_END                                                                                                                    \
    }                                                                                                                                      \
    ;
#include "ocpi/tbl/field.def"

static const ocpi_object_t objects[OCPI_OBJECT_COUNT] = {
#define OCPI_OBJECT(name, text, module) [OCPI_OBJECT_##name] = {text, fields_##name, HUB_COUNT(fields_##name)},
#include "ocpi/tbl/object.def"
#undef OCPI_OBJECT
};

/* check and normalise keep one bit a row. */
#define OCPI_OBJECT(name, text, module) _Static_assert(HUB_COUNT(fields_##name) <= 64, "a seen mask has 64 bits");
#include "ocpi/tbl/object.def"
#undef OCPI_OBJECT

const ocpi_object_t *ocpi_object(ocpi_object_id_t id)
{
    HUB_ASSERT(id > OCPI_OBJECT_NONE && id < OCPI_OBJECT_COUNT);
    return &objects[id];
}

bool ocpi_object_parse(hub_slice_t name, ocpi_object_id_t *out)
{
    for (unsigned i = 1; i < OCPI_OBJECT_COUNT; i++)
        if (hub_slice_caseeq_str(name, objects[i].name)) {
            *out = (ocpi_object_id_t)i;
            return true;
        }
    return false;
}

/* ---- routes ---- */

const ocpi_route_t ocpi__routes[] = {
#define OCPI_ROUTE(module, side, versions, action, methods, segments)                                                                      \
    {OCPI_MODULE_##module, OCPI_##side, versions, OCPI_ACTION_##action, methods, segments},
#include "ocpi/tbl/route.def"
#undef OCPI_ROUTE
};
const size_t ocpi__route_count = HUB_COUNT(ocpi__routes);

/* ---- time zones ---- */

const char *ocpi__zone(hub_slice_t country)
{
    static const struct {
        char country[4];
        const char *zone;
    } rows[] = {
#define OCPI_TIMEZONE(country, zone) {country, zone},
#include "ocpi/tbl/timezone.def"
#undef OCPI_TIMEZONE
    };
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (hub_slice_caseeq_str(country, rows[i].country))
            return rows[i].zone;
    return NULL;
}
