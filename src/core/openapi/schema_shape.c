/* Schemas of shape.def and of the lists that are embedded in an integration (embed.def). */
#include <string.h>

#include "ocpi/schema.h"
#include "openapi.h"

/* ---- shape.def ---- */

typedef enum shape_type {
    AS_STRING,
    AS_TIME,
    AS_URL,
    AS_INT,
    AS_NUMBER,
    AS_BOOL,
    AS_OBJECT,
    AS_OBJECTS,
    AS_ANY,
    AS_ENUM,
    AS_ENUMS,
    AS_STRINGS,
    AS_SHAPE,
    AS_SHAPES,
    AS_ROLES,   /* roles of OCPI, and our two */
    AS_RATE,    /* 10/s */
    AS_COUNTRY, /* codes as we take them */
    AS_PARTY,
    AS_NAME, /* a string that is not empty */
    AS_ID,   /* of an object of ours: CiString(36) */
    AS_IDS
} shape_type_t;

enum { NULLS = 1, MAY = 2 };
typedef enum shape_kind { OPEN, CLOSED, PART } shape_kind_t;

typedef struct member {
    const char *name;
    uint8_t type, flags;
    const char *more, *text;
} member_t;

#define HUB_SHAPE(name, kind, text) static const member_t members_##name[] = {
#define HUB_MEMBER(name, type, flags, more, text) {name, AS_##type, flags, more, text},
#define HUB_SHAPE_END                                                                                                                      \
    {                                                                                                                                      \
        NULL, 0, 0, NULL, NULL                                                                                                             \
    }                                                                                                                                      \
    }                                                                                                                                      \
    ;
#include "shape.def"
#undef HUB_SHAPE
#undef HUB_MEMBER
#undef HUB_SHAPE_END

static const struct shape {
    const char *name, *text;
    shape_kind_t kind;
    const member_t *members;
} shapes[] = {
#define HUB_SHAPE(name, kind, text) {#name, text, kind, members_##name},
#define HUB_MEMBER(name, type, flags, more, text)
#define HUB_SHAPE_END
#include "shape.def"
#undef HUB_SHAPE
#undef HUB_MEMBER
#undef HUB_SHAPE_END
};

typedef struct base { /* what JSON Schema says of a type; `item`: of each in a list */
    const char *type, *json;
    bool list;
} base_t;

static const base_t bases[] = {
    [AS_STRING] = {"string", NULL, false},
    [AS_TIME] = {"string", "\"format\":\"date-time\"", false},
    [AS_URL] = {"string", "\"format\":\"uri\"", false},
    [AS_INT] = {"integer", NULL, false},
    [AS_NUMBER] = {"number", NULL, false},
    [AS_BOOL] = {"boolean", NULL, false},
    [AS_OBJECT] = {"object", NULL, false},
    [AS_OBJECTS] = {"object", NULL, true},
    [AS_ANY] = {NULL, NULL, false},
    [AS_ENUM] = {"string", NULL, false},
    [AS_ENUMS] = {"string", NULL, true},
    [AS_STRINGS] = {"string", NULL, true},
    [AS_SHAPE] = {NULL, NULL, false},
    [AS_SHAPES] = {NULL, NULL, true},
    [AS_ROLES] = {"string", NULL, true},
    [AS_RATE] = {"string", "\"pattern\":\"^[1-9][0-9]{0,5}/[smhd]$\"", false},
    [AS_COUNTRY] = {"string", "\"pattern\":\"^[A-Za-z0-9]{2}$\"", false},
    [AS_PARTY] = {"string", "\"pattern\":\"^[A-Za-z0-9]{3}$\"", false},
    [AS_NAME] = {"string", "\"minLength\":1", false},
    [AS_ID] = {"string", "\"minLength\":1,\"maxLength\":36", false},
    [AS_IDS] = {"string", "\"minLength\":1,\"maxLength\":36", true},
};

static void add_ref(hub_doc_t *doc, const char *name, bool nulls)
{
    if (!nulls) {
        hub_doc_ref(doc, name);
        return;
    }
    hub_doc_key(doc, "anyOf");
    hub_doc_open(doc, '[');
    hub_doc_open(doc, '{');
    hub_doc_ref(doc, name);
    hub_doc_end(doc);
    hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"null\"}"));
    hub_doc_close(doc, ']');
}

static void add_member(hub_doc_t *doc, const member_t *member)
{
    const base_t *base = &bases[member->type];
    bool nulls = member->flags & NULLS, inner = nulls && !base->list;
    const char *options = member->type == AS_ROLES ? hub_setting_role_names : member->more;
    bool enumerated = member->type == AS_ENUM || member->type == AS_ENUMS || member->type == AS_ROLES;
    hub_doc_begin(doc, member->name);
    hub_doc_member(doc, "description", member->text);
    if (base->list) {
        hub_doc_types(doc, "array", NULL, nulls);
        hub_doc_begin(doc, "items");
    }
    if (member->type == AS_SHAPE || member->type == AS_SHAPES)
        add_ref(doc, member->more, inner);
    if (base->type)
        hub_doc_types(doc, base->type, NULL, inner);
    if (base->json)
        hub_doc_json(doc, hub_slice_str(base->json));
    if (enumerated)
        hub_doc_enum(doc, options, inner);
    if (base->list)
        hub_doc_end(doc);
    hub_doc_end(doc);
}

static const struct shape *shape_of(const char *name)
{
    for (size_t i = 0; i < HUB_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    const bool shape_has_a_block = false;
    HUB_ASSERT(shape_has_a_block);
    return NULL;
}

void hub_doc_shape_members(hub_doc_t *doc, const char *shape)
{
    for (const member_t *member = shape_of(shape)->members; member->name; member++)
        add_member(doc, member);
}

void hub_doc_shape_required(hub_doc_t *doc, const char *shape)
{
    for (const member_t *member = shape_of(shape)->members; member->name; member++)
        if (!(member->flags & MAY))
            hub_doc_text(doc, member->name);
}

void hub_doc_shapes(hub_doc_t *doc)
{
    for (size_t i = 0; i < HUB_COUNT(shapes); i++) {
        if (shapes[i].kind == PART)
            continue;
        hub_doc_begin(doc, shapes[i].name);
        hub_doc_member(doc, "type", "object");
        hub_doc_member(doc, "description", shapes[i].text);
        hub_doc_begin(doc, "properties");
        hub_doc_shape_members(doc, shapes[i].name);
        hub_doc_end(doc);
        hub_doc_key(doc, "required");
        hub_doc_open(doc, '[');
        hub_doc_shape_required(doc, shapes[i].name);
        hub_doc_close(doc, ']');
        if (shapes[i].kind == CLOSED) {
            hub_doc_key(doc, "additionalProperties");
            hub_doc_bool(doc, false);
        }
        hub_doc_end(doc);
    }
}

/* ---- embed.def: every member is always there; what OCPI objects do not have is null ---- */

typedef enum how { COPY, COPIES, ONE, MANY, INTEGRATION } how_t;

static const struct embedded {
    const char *shape, *name, *ocpi;
    uint8_t how;
    const char *member;
} embedded[] = {
#define HUB_EMBED(shape, name, ocpi, how, member) {#shape, name, ocpi, how, #member},
#include "integration/embed.def"
#undef HUB_EMBED
};

/* Of which object each shape's members are. */
static const struct {
    const char *shape;
    ocpi_object_id_t object;
} embedded_objects[] = {
    {"LOCATION", OCPI_OBJECT_LOCATION},
    {"ALLOWED", OCPI_OBJECT_PUBLISH_TOKEN_TYPE},
    {"COORDINATES", OCPI_OBJECT_GEO_LOCATION},
    {"RELATED", OCPI_OBJECT_ADDITIONAL_GEO_LOCATION},
    {"TEXT", OCPI_OBJECT_DISPLAY_TEXT},
    {"BUSINESS", OCPI_OBJECT_BUSINESS_DETAILS},
    {"IMAGE", OCPI_OBJECT_IMAGE},
    {"HOURS", OCPI_OBJECT_HOURS},
    {"REGULAR", OCPI_OBJECT_REGULAR_HOURS},
    {"PERIOD", OCPI_OBJECT_EXCEPTIONAL_PERIOD},
    {"ENERGY_MIX", OCPI_OBJECT_ENERGY_MIX},
    {"SOURCE", OCPI_OBJECT_ENERGY_SOURCE},
    {"IMPACT", OCPI_OBJECT_ENVIRONMENTAL_IMPACT},
    {"EVSE", OCPI_OBJECT_EVSE},
    {"CONNECTOR", OCPI_OBJECT_CONNECTOR},
    {"TARIFF", OCPI_OBJECT_TARIFF},
    {"RECEIVED_TARIFF", OCPI_OBJECT_TARIFF},
    {"PRICE", OCPI_OBJECT_PRICE},
    {"ELEMENT", OCPI_OBJECT_TARIFF_ELEMENT},
    {"COMPONENT", OCPI_OBJECT_PRICE_COMPONENT},
    {"RESTRICTIONS", OCPI_OBJECT_TARIFF_RESTRICTIONS},
};

static const char *embedded_name(hub_pool_t *pool, const char *shape)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    bool capital = true;
    hub_buf_add_str(&out, "Embedded");
    for (const char *p = shape; *p; p++) {
        if (*p != '_')
            hub_buf_add_char(&out, (char)(capital || *p < 'A' || *p > 'Z' ? *p : *p + 0x20));
        capital = *p == '_';
    }
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static const ocpi_field_t *embedded_field(const struct embedded *row)
{
    for (size_t i = 0; i < HUB_COUNT(embedded_objects); i++) {
        if (strcmp(embedded_objects[i].shape, row->shape) != 0)
            continue;
        for (size_t v = 0; v < OCPI_VERSION_COUNT; v++) {
            const ocpi_field_t *field = ocpi__field(embedded_objects[i].object, ocpi_versions[v], hub_slice_str(row->ocpi));
            if (field)
                return field;
        }
    }
    return NULL;
}

/* Partners' values are among them: what is said is the type, which normalised forms keep. */
static void add_copy(hub_doc_t *doc, const struct embedded *row)
{
    static const char *const types[] = {
        [OCPI_TYPE_STRING] = "string",   [OCPI_TYPE_CISTRING] = "string", [OCPI_TYPE_INT] = "integer", [OCPI_TYPE_NUMBER] = "number",
        [OCPI_TYPE_BOOLEAN] = "boolean", [OCPI_TYPE_DATETIME] = "string", [OCPI_TYPE_URL] = "string",  [OCPI_TYPE_ENUM] = "string",
        [OCPI_TYPE_OBJECT] = "object",   [OCPI_TYPE_ANY] = NULL,
    };
    const ocpi_field_t *field = embedded_field(row);
    const char *type = field ? types[field->type] : NULL;
    if (row->how == COPIES) {
        hub_doc_member(doc, "type", "array");
        hub_doc_begin(doc, "items");
    }
    if (type)
        hub_doc_types(doc, type, NULL, row->how == COPY);
    if (field && field->type == OCPI_TYPE_ENUM)
        hub_doc_member(doc, "description", hub_pool_printf(doc->pool, "OCPI %s", ocpi__enum(field->ref)->name).ptr);
    if (row->how == COPIES)
        hub_doc_end(doc);
}

static void add_embedded(hub_doc_t *doc, const struct embedded *row)
{
    hub_doc_begin(doc, row->name);
    switch ((how_t)row->how) {
    case COPY:
    case COPIES:
        add_copy(doc, row);
        break;
    case ONE:
        add_ref(doc, embedded_name(doc->pool, row->member), true);
        break;
    case MANY:
        hub_doc_member(doc, "type", "array");
        hub_doc_begin(doc, "items");
        hub_doc_ref(doc, embedded_name(doc->pool, row->member));
        hub_doc_end(doc);
        break;
    case INTEGRATION:
        hub_doc_member(doc, "type", "string");
        break;
    }
    hub_doc_end(doc);
}

void hub_doc_embedded(hub_doc_t *doc)
{
    for (size_t first = 0, end; first < HUB_COUNT(embedded); first = end) {
        hub_doc_begin(doc, embedded_name(doc->pool, embedded[first].shape));
        hub_doc_member(doc, "type", "object");
        hub_doc_begin(doc, "properties");
        for (end = first; end < HUB_COUNT(embedded) && strcmp(embedded[end].shape, embedded[first].shape) == 0; end++)
            add_embedded(doc, &embedded[end]);
        hub_doc_end(doc);
        hub_doc_key(doc, "required");
        hub_doc_open(doc, '[');
        for (size_t i = first; i < end; i++)
            hub_doc_text(doc, embedded[i].name);
        hub_doc_close(doc, ']');
        hub_doc_key(doc, "additionalProperties");
        hub_doc_bool(doc, false);
        hub_doc_end(doc);
    }
}
