/* The description of the API (OpenAPI 3.1), made from the rows that the server runs on: v1.def, the tables of settings, ocpi/tbl,
 * embed.def, object/module.def, permission.def, and shape.def for what no other table knows. Private to core/openapi.
 *
 * Made once, at the first request for it. Adding to it: a route is a row of v1.def; an answer that nobody has described yet is a block of
 * shape.def; a new table of settings is a row of schema.c. tests/e2e/test_openapi.py finds what is missing and what is not true.
 */
#ifndef CORE_OPENAPI_H
#define CORE_OPENAPI_H

#include "object/object.h"
#include "settings/setting.h"
#include "v1.h"

/* ---- json.c: JSON as it is written, commas by themselves ---- */

typedef struct hub_doc {
    hub_pool_t *pool;
    hub_core_t *core;
    hub_buf_t out;
    bool comma;           /* before what comes next */
    yyjson_val *examples; /* example.c */
} hub_doc_t;

void hub_doc_open(hub_doc_t *doc, char bracket);
void hub_doc_close(hub_doc_t *doc, char bracket);
void hub_doc_key(hub_doc_t *doc, const char *name);
void hub_doc_begin(hub_doc_t *doc, const char *name); /* "name":{ */
void hub_doc_end(hub_doc_t *doc);                     /* } */
void hub_doc_text(hub_doc_t *doc, const char *text);  /* values */
void hub_doc_slice(hub_doc_t *doc, hub_slice_t text);
void hub_doc_json(hub_doc_t *doc, hub_slice_t json);
void hub_doc_number(hub_doc_t *doc, int64_t n);
void hub_doc_bool(hub_doc_t *doc, bool value);
void hub_doc_member(hub_doc_t *doc, const char *name, const char *text); /* "name":"text"; nothing when text is NULL or "" */
void hub_doc_member_number(hub_doc_t *doc, const char *name, int64_t n);
void hub_doc_flag(hub_doc_t *doc, const char *name); /* "name":true */
/* "$ref" to a schema, and to other components ("parameters", "Prefer"). */
void hub_doc_ref(hub_doc_t *doc, const char *schema);
void hub_doc_ref_to(hub_doc_t *doc, const char *kind, const char *name);
/* The items of "A|B" as strings; a leading | is none. */
void hub_doc_options(hub_doc_t *doc, const char *options);
/* Members of a schema: "type" of one or two types (second NULL: one), "enum" of `options`; with `nulls` null fits, too. */
void hub_doc_types(hub_doc_t *doc, const char *first, const char *second, bool nulls);
void hub_doc_enum(hub_doc_t *doc, const char *options, bool nulls);

/* ---- place.c ---- */

typedef struct hub_doc_place { /* one operation: a route, with each module and level that it has a path for */
    const hub_v1_route_t *route;
    const hub_objects_row_t *row; /* of the module; NULL: the pattern has none */
    unsigned level;               /* 0 object, 1 EVSE, 2 Connector */
    const char *path;             /* "/v1/locations/{cc}/{party}/{id}/{evse}" */
    const char *operation;        /* "objectPutLocationsEvse" */
    const char *tag;              /* "locations" */
} hub_doc_place_t;
/* All of them, in the order of the rows. */
const hub_doc_place_t *hub_doc_places(hub_pool_t *pool, size_t *count);

/* ---- path.c: the paths; component.c: what they refer to ---- */
void hub_doc_paths(hub_doc_t *doc);
void hub_doc_header_refs(hub_doc_t *doc, unsigned headers, const hub_v1_route_t *route); /* "headers":{…} */
void hub_doc_problem(hub_doc_t *doc, int status, const char *text);                      /* "404":{$ref} */
void hub_doc_parameters(hub_doc_t *doc);
void hub_doc_headers(hub_doc_t *doc);
void hub_doc_responses(hub_doc_t *doc);
void hub_doc_security(hub_doc_t *doc);
const char *hub_doc_parameter_name(hub_pool_t *pool, const char *header); /* "IfMatch" */

/* ---- schema_setting.c, schema_ocpi.c, schema_shape.c: members of components.schemas ---- */
void hub_doc_settings(hub_doc_t *doc);
void hub_doc_objects(hub_doc_t *doc);
void hub_doc_shapes(hub_doc_t *doc);
void hub_doc_embedded(hub_doc_t *doc);
/* The members of a shape into `properties`, or into `required`. */
void hub_doc_shape_members(hub_doc_t *doc, const char *shape);
void hub_doc_shape_required(hub_doc_t *doc, const char *shape);

/* ---- example.c: the examples, made part of the program at build (example.json) ---- */

/* "examples":{…} of a place's request (status 0) or of its answers with this status; nothing when it has none. `text`: those that are text,
 * not JSON. */
void hub_doc_examples(hub_doc_t *doc, const hub_doc_place_t *place, int status, bool text);
void hub_doc_example_order(hub_doc_t *doc);

#endif
