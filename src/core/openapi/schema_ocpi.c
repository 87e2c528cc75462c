/* Schemas of OCPI objects, from the rows of ocpi/tbl: those of module.def and all that lies inside them, in each version. 2.2.1 has no
 * suffix.
 *
 * What is shown: the whole object. …Input is what a backend writes: what the hub stamps or works out may be left out, and what the hub
 * would only find odd is not said. …Put is that where the URL tells who the object is, …Patch any part of it. Other members are welcome
 * everywhere, and are kept. */
#include <string.h>

#include "ocpi/rule.h"
#include "openapi.h"

typedef enum form { SHOWN, INPUT, PUT, PATCH, FORM_COUNT } form_t;

#define NESTED_MOST 8u /* objects inside each other: no row goes deeper */

static const char *const suffixes[FORM_COUNT] = {"", "Input", "Put", "Patch"};

typedef struct naming {
    hub_doc_t *doc;
    ocpi_version_t version;
    bool reached[OCPI_OBJECT_COUNT]; /* in this version */
} naming_t;

/* The row of those that are put by themselves; NULL: none. */
static const hub_objects_row_t *row_of(ocpi_object_id_t id)
{
    for (unsigned module = 1; module < OCPI_MODULE_COUNT; module++) {
        const hub_objects_row_t *row = hub_objects__row((ocpi_module_t)module);
        for (unsigned level = 0; row && level < 3; level++)
            if (row->level[level] == id)
                return row;
    }
    return NULL;
}

static bool is_strict(const ocpi_field_t *field)
{
    return field->pattern || (field->list && field->required) || (field->type == OCPI_TYPE_INT && field->max_length);
}

static bool has_input(ocpi_object_id_t id, ocpi_version_t version, unsigned depth)
{
    const ocpi_object_t *object = ocpi_object(id);
    if (row_of(id))
        return true;
    for (unsigned f = 0; depth && f < object->count; f++) {
        const ocpi_field_t *field = &object->fields[f];
        if ((field->versions & version) &&
            (is_strict(field) || (field->type == OCPI_TYPE_OBJECT && has_input((ocpi_object_id_t)field->ref, version, depth - 1))))
            return true;
    }
    return false;
}

/* Is there such a schema? */
static bool has(ocpi_object_id_t id, ocpi_version_t version, form_t form)
{
    switch (form) {
    case SHOWN:
        return true;
    case INPUT:
        return has_input(id, version, NESTED_MOST);
    case PUT:
        return row_of(id) != NULL;
    default:
        return row_of(id) && (row_of(id)->methods & OCPI_PATCH);
    }
}

static const char *name_of(const naming_t *n, ocpi_object_id_t id, form_t form)
{
    hub_pool_t *pool = n->doc->pool;
    const char *suffix = has(id, n->version, form) ? suffixes[form] : "";
    char version[16] = "";
    if (n->version != OCPI_V2_2_1)
        snprintf(version, sizeof version, "_%s", ocpi_version_name(n->version));
    for (char *p = version; *p; p++)
        *p = (char)(*p == '.' ? '_' : *p);
    return hub_pool_printf(pool, "%s%s%s", ocpi_object(id)->name, suffix, version).ptr;
}

/* ---- one field ---- */

static void add_values(hub_doc_t *doc, const ocpi_field_t *field, ocpi_version_t version)
{
    const ocpi_enum_t *row = ocpi__enum(field->ref);
    hub_doc_member(doc, "type", "string");
    hub_doc_key(doc, row->open & version ? "examples" : "enum");
    hub_doc_open(doc, '[');
    for (unsigned i = 0; i < row->count; i++)
        if (row->values[i].versions & version)
            hub_doc_text(doc, row->values[i].text);
    hub_doc_close(doc, ']');
}

static void add_scalar(const naming_t *n, const ocpi_field_t *field, form_t form)
{
    static const struct {
        const char *type, *format;
    } types[] = {
        [OCPI_TYPE_STRING] = {"string", NULL},
        [OCPI_TYPE_CISTRING] = {"string", NULL},
        [OCPI_TYPE_INT] = {"integer", NULL},
        [OCPI_TYPE_NUMBER] = {"number", NULL},
        [OCPI_TYPE_BOOLEAN] = {"boolean", NULL},
        [OCPI_TYPE_DATETIME] = {"string", "date-time"},
        [OCPI_TYPE_URL] = {"string", "uri-reference"},
        [OCPI_TYPE_ENUM] = {"string", NULL},
        [OCPI_TYPE_OBJECT] = {NULL, NULL},
        [OCPI_TYPE_ANY] = {NULL, NULL},
    };
    hub_doc_t *doc = n->doc;
    int64_t most = 1;
    hub_doc_member(doc, "type", types[field->type].type);
    hub_doc_member(doc, "format", types[field->type].format);
    if (field->pattern && form != SHOWN) /* what is odd is taken, and shown as it is */
        hub_doc_json(doc, hub_slice_str(ocpi__pattern_schema(field->pattern)));
    else if (field->type == OCPI_TYPE_INT && field->max_length && field->max_length < 18 && form != SHOWN) {
        for (unsigned i = 0; i < field->max_length; i++)
            most *= 10;
        hub_doc_member_number(doc, "minimum", 0);
        hub_doc_member_number(doc, "maximum", most - 1);
    }
    if (field->max_length && types[field->type].type && types[field->type].type[0] == 's' && field->type != OCPI_TYPE_DATETIME)
        hub_doc_member_number(doc, "maxLength", field->max_length);
}

static void add_single(const naming_t *n, const ocpi_field_t *field, form_t form)
{
    if (field->type == OCPI_TYPE_OBJECT)
        hub_doc_ref(n->doc, name_of(n, (ocpi_object_id_t)field->ref, form == SHOWN ? SHOWN : INPUT));
    else if (field->type == OCPI_TYPE_ENUM)
        add_values(n->doc, field, n->version);
    else
        add_scalar(n, field, form);
}

static void add_field(const naming_t *n, const ocpi_field_t *field, form_t form)
{
    hub_doc_t *doc = n->doc;
    bool nulls = form == PATCH && !field->required;
    hub_doc_begin(doc, field->name);
    if (nulls) {
        hub_doc_key(doc, "anyOf");
        hub_doc_open(doc, '[');
        hub_doc_open(doc, '{');
    }
    if (field->list) {
        hub_doc_member(doc, "type", "array");
        if (field->required && form != SHOWN)
            hub_doc_member_number(doc, "minItems", 1);
        hub_doc_begin(doc, "items");
    }
    add_single(n, field, form);
    if (field->list)
        hub_doc_end(doc);
    if (nulls) {
        hub_doc_end(doc);
        hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"null\"}"));
        hub_doc_close(doc, ']');
    }
    hub_doc_end(doc);
}

/* ---- one object ---- */

static bool is_required(const ocpi_field_t *field, form_t form)
{
    if (!field->required || form == PATCH)
        return false;
    if (form == PUT && field->identity)
        return false;
    return form == SHOWN || !(field->flags & (OCPI_FIELD_STAMPED | OCPI_FIELD_DERIVED));
}

/* The rules between fields that we are held to. */
static void add_rules(const naming_t *n, ocpi_object_id_t id)
{
    hub_doc_t *doc = n->doc;
    bool some = false;
    for (size_t i = 0; i < ocpi__rule_count; i++) {
        const ocpi_rule_t *rule = &ocpi__rules[i];
        if (rule->object != id || !(rule->versions & n->version) || rule->weight < PLAIN)
            continue;
        if (!some) {
            hub_doc_key(doc, "x-rules");
            hub_doc_open(doc, '[');
        }
        some = true;
        hub_doc_open(doc, '{');
        hub_doc_member(doc, "rule", rule->number);
        hub_doc_member(doc, "text", rule->text);
        hub_doc_end(doc);
    }
    if (some)
        hub_doc_close(doc, ']');
}

static void add_object(const naming_t *n, ocpi_object_id_t id, form_t form)
{
    hub_doc_t *doc = n->doc;
    const ocpi_object_t *object = ocpi_object(id);
    hub_doc_begin(doc, name_of(n, id, form));
    hub_doc_member(doc, "type", "object");
    hub_doc_member(doc, "description", hub_pool_printf(doc->pool, "OCPI %s %s", ocpi_version_name(n->version), object->name).ptr);
    hub_doc_begin(doc, "properties");
    for (unsigned f = 0; f < object->count; f++)
        if (object->fields[f].versions & n->version)
            add_field(n, &object->fields[f], form);
    hub_doc_end(doc);
    hub_doc_key(doc, "required");
    hub_doc_open(doc, '[');
    for (unsigned f = 0; f < object->count; f++)
        if ((object->fields[f].versions & n->version) && is_required(&object->fields[f], form))
            hub_doc_text(doc, object->fields[f].name);
    hub_doc_close(doc, ']');
    if (form == PATCH)
        hub_doc_member_number(doc, "minProperties", 1);
    add_rules(n, id);
    hub_doc_end(doc);
}

static void reach(naming_t *n, ocpi_object_id_t id)
{
    if (id == OCPI_OBJECT_NONE || n->reached[id])
        return;
    n->reached[id] = true;
    const ocpi_object_t *object = ocpi_object(id);
    for (unsigned f = 0; f < object->count; f++)
        if ((object->fields[f].versions & n->version) && object->fields[f].type == OCPI_TYPE_OBJECT)
            reach(n, (ocpi_object_id_t)object->fields[f].ref);
}

/* ---- an object in whichever version ---- */

static void add_any(hub_doc_t *doc, ocpi_object_id_t id, form_t form)
{
    naming_t n = {.doc = doc};
    hub_doc_begin(doc, hub_pool_printf(doc->pool, "%sAny%s", ocpi_object(id)->name, suffixes[form]).ptr);
    hub_doc_member(doc, "description", "In the version that ?version= names, 2.2.1 where it does not");
    hub_doc_key(doc, "anyOf");
    hub_doc_open(doc, '[');
    for (size_t i = 0; i <= OCPI_VERSION_COUNT; i++) { /* 2.2.1 first */
        n.version = i ? ocpi_versions[i - 1] : OCPI_V2_2_1;
        if (i && n.version == OCPI_V2_2_1)
            continue;
        hub_doc_open(doc, '{');
        hub_doc_ref(doc, name_of(&n, id, form));
        hub_doc_end(doc);
    }
    hub_doc_close(doc, ']');
    hub_doc_end(doc);
}

/* What a partner gave may break rules: then its warnings say so, and nothing is said of its members here. */
static void add_received(hub_doc_t *doc, ocpi_object_id_t id)
{
    const char *name = ocpi_object(id)->name;
    hub_doc_begin(doc, hub_pool_printf(doc->pool, "Received%s", name).ptr);
    hub_doc_member(doc, "type", "object");
    hub_doc_begin(doc, "properties");
    hub_doc_shape_members(doc, "ReceivedHead");
    hub_doc_key(doc, "object");
    hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"object\"}"));
    hub_doc_end(doc);
    hub_doc_key(doc, "required");
    hub_doc_open(doc, '[');
    hub_doc_shape_required(doc, "ReceivedHead");
    hub_doc_text(doc, "object");
    hub_doc_close(doc, ']');
    hub_doc_key(doc, "additionalProperties");
    hub_doc_bool(doc, false);
    hub_doc_key(doc, "if");
    hub_doc_json(doc, HUB_SLICE_LIT("{\"properties\":{\"warnings\":{\"maxItems\":0}}}"));
    hub_doc_key(doc, "then");
    hub_doc_json(doc, hub_pool_printf(doc->pool, "{\"properties\":{\"object\":{\"$ref\":\"#/components/schemas/%sAny\"}}}", name));
    hub_doc_end(doc);
}

void hub_doc_objects(hub_doc_t *doc)
{
    for (size_t v = 0; v < OCPI_VERSION_COUNT; v++) {
        naming_t *n = HUB_POOL_NEW(doc->pool, naming_t);
        n->doc = doc;
        n->version = ocpi_versions[v];
        for (unsigned module = 1; module < OCPI_MODULE_COUNT; module++)
            if (hub_objects__row((ocpi_module_t)module))
                reach(n, ocpi_module_object((ocpi_module_t)module));
        for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
            for (unsigned form = 0; n->reached[id] && form < FORM_COUNT; form++)
                if (has((ocpi_object_id_t)id, n->version, (form_t)form))
                    add_object(n, (ocpi_object_id_t)id, (form_t)form);
    }
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
        const hub_objects_row_t *row = row_of((ocpi_object_id_t)id);
        if (!row)
            continue;
        for (unsigned form = 0; form < FORM_COUNT; form++)
            if (has((ocpi_object_id_t)id, OCPI_V2_2_1, (form_t)form) && (form != INPUT || row->level[0] == id))
                add_any(doc, (ocpi_object_id_t)id, (form_t)form);
        add_received(doc, (ocpi_object_id_t)id);
    }
}
