/* `paths`: every route of v1.def, with what it takes and answers. */
#include <string.h>

#include "openapi.h"

/* ---- schemas by the names that v1.def has for them ---- */

/* "@Input" of a Location: LocationAnyInput; "Received@": ReceivedLocation. */
static const char *schema_name(hub_pool_t *pool, const hub_doc_place_t *place, hub_slice_t name)
{
    const char *at = name.len ? memchr(name.ptr, '@', name.len) : NULL;
    if (!at)
        return hub_pool_str(pool, name);
    const char *object = ocpi_object(place->row->level[place->level])->name;
    size_t before = (size_t)(at - name.ptr);
    return hub_pool_printf(pool, "%.*s%s%s%.*s", (int)before, name.ptr, object, before ? "" : "Any", (int)(name.len - before - 1), at + 1)
        .ptr;
}

static void add_schema(hub_doc_t *doc, const hub_doc_place_t *place, const char *text, bool listed)
{
    hub_slice_t name = hub_slice_str(text);
    bool list = listed || (name.len && name.ptr[0] == '[');
    if (!listed && list)
        name = hub_slice(name.ptr + 1, name.len - 2);
    hub_doc_begin(doc, "schema");
    if (list) {
        hub_doc_member(doc, "type", "array");
        hub_doc_begin(doc, "items");
    }
    if (hub_slice_eq_str(name, "Metrics"))
        hub_doc_member(doc, "type", "string");
    else
        hub_doc_ref(doc, schema_name(doc->pool, place, name));
    if (list)
        hub_doc_end(doc);
    hub_doc_end(doc);
}

static void add_media(hub_doc_t *doc, const hub_doc_place_t *place, const hub_v1_detail_t *row, const char *media, bool listed, bool text)
{
    hub_doc_begin(doc, media);
    add_schema(doc, place, row->name, listed);
    hub_doc_examples(doc, place, row->status, text);
    hub_doc_end(doc);
}

/* ---- parameters ---- */

typedef struct path_parameter {
    const char *under, *name, *pattern, *text;
} path_parameter_t;

/* The first that fits. */
static const path_parameter_t path_parameters[] = {
    {"/v1/received/", "id", NULL, "Of the object; of a token its uid"},
    {"/v1/{module}", "id", NULL, "Of the object; of a token its uid"},
    {"", "id", "^[1-9][0-9]*$", ""},
    {"", "qid", "^[0-9]+$", "Of what is in quarantine"},
    {"", "integration", "^[1-9][0-9]*$", "Of the integration that gave it"},
    {"", "cc", NULL, "Country code of the party that owns it"},
    {"", "party", NULL, "Id of the party that owns it"},
    {"", "evse", NULL, "uid of the EVSE"},
    {"", "connector", NULL, "Id of the connector"},
    {"", "cdrId", NULL, "Id of the CDR"},
    {"", "locationId", NULL, "Id of the location"},
    {"", "tariffId", NULL, "Id of the tariff"},
};

static void begin_parameter(hub_doc_t *doc, const char *in, const char *text)
{
    hub_doc_member(doc, "in", in);
    hub_doc_member(doc, "description", text);
    hub_doc_begin(doc, "schema");
}

static void add_path_parameter(hub_doc_t *doc, const char *pattern, hub_slice_t name)
{
    const path_parameter_t *row = path_parameters, *end = row + HUB_COUNT(path_parameters);
    while (row < end && (strncmp(pattern, row->under, strlen(row->under)) != 0 || !hub_slice_eq_str(name, row->name)))
        row++;
    hub_doc_open(doc, '{');
    hub_doc_key(doc, "name");
    hub_doc_slice(doc, name);
    hub_doc_flag(doc, "required");
    begin_parameter(doc, "path", row < end ? row->text : NULL);
    hub_doc_member(doc, "type", "string");
    hub_doc_member(doc, "pattern", row < end ? row->pattern : NULL);
    hub_doc_end(doc);
    hub_doc_end(doc);
}

static void add_path_parameters(hub_doc_t *doc, const hub_doc_place_t *place)
{
    hub_slice_t rest = hub_slice_str(place->path), segment;
    while (hub_slice_split(&rest, '/', &segment))
        if (segment.len && segment.ptr[0] == '{')
            add_path_parameter(doc, place->route->pattern, hub_slice(segment.ptr + 1, segment.len - 2));
}

static void add_query(hub_doc_t *doc, const hub_v1_detail_t *row)
{
    bool list = row->type == HUB_V1_AS_LIST;
    hub_doc_open(doc, '{');
    hub_doc_member(doc, "name", row->name);
    if (list) {
        hub_doc_member(doc, "style", "form");
        hub_doc_key(doc, "explode");
        hub_doc_bool(doc, false);
    }
    begin_parameter(doc, "query", row->text);
    hub_doc_member(doc, "type", list ? "array" : row->type == HUB_V1_AS_NUMBER ? "integer" : "string");
    if (list)
        hub_doc_begin(doc, "items");
    if (row->type == HUB_V1_AS_NUMBER)
        hub_doc_member_number(doc, "minimum", row->least);
    if (row->type == HUB_V1_AS_TIME)
        hub_doc_member(doc, "format", "date-time");
    if (row->options) {
        hub_doc_key(doc, "enum");
        hub_doc_open(doc, '[');
        hub_doc_options(doc, row->options);
        hub_doc_close(doc, ']');
    }
    if (list)
        hub_doc_end(doc);
    hub_doc_end(doc);
    hub_doc_end(doc);
}

static void add_parameters(hub_doc_t *doc, const hub_doc_place_t *place)
{
    bool typed = place->row && (place->row->traits & HUB_TRAIT_TYPED);
    hub_doc_key(doc, "parameters");
    hub_doc_open(doc, '[');
    add_path_parameters(doc, place);
    for (const hub_v1_detail_t *row = place->route->details; row->kind != HUB_V1_IS_END; row++) {
        bool token = place->row && row->kind == HUB_V1_IS_QUERY && strcmp(row->name, "type") == 0;
        if (row->kind == HUB_V1_IS_QUERY && (!token || typed))
            add_query(doc, row);
        if (row->kind != HUB_V1_IS_HEADER)
            continue;
        hub_doc_open(doc, '{');
        hub_doc_ref_to(doc, "parameters", hub_doc_parameter_name(doc->pool, row->name));
        hub_doc_end(doc);
    }
    if (!(place->route->flags & HUB_V1_OPEN)) {
        hub_doc_open(doc, '{');
        hub_doc_ref_to(doc, "parameters", "PlatformId");
        hub_doc_end(doc);
    }
    hub_doc_close(doc, ']');
}

/* ---- request ---- */

static const hub_v1_detail_t *body_of(const hub_v1_route_t *route)
{
    for (const hub_v1_detail_t *row = route->details; row->kind != HUB_V1_IS_END; row++)
        if (row->kind == HUB_V1_IS_BODY)
            return row;
    return NULL;
}

static void add_body(hub_doc_t *doc, const hub_doc_place_t *place)
{
    const hub_v1_detail_t *row = body_of(place->route);
    if (!row)
        return;
    hub_doc_begin(doc, "requestBody");
    hub_doc_member(doc, "description", row->text);
    hub_doc_key(doc, "required");
    hub_doc_bool(doc, row->type != HUB_V1_AS_MAYBE);
    hub_doc_begin(doc, "content");
    if (row->type == HUB_V1_AS_FORM)
        add_media(doc, place, row, "application/x-www-form-urlencoded", false, true);
    else
        add_media(doc, place, row, "application/json", row->type == HUB_V1_AS_BULK, false);
    if (row->type == HUB_V1_AS_PATCH)
        add_media(doc, place, row, "application/merge-patch+json", false, false);
    if (row->type == HUB_V1_AS_BULK)
        add_media(doc, place, row, "application/x-ndjson", false, true);
    hub_doc_end(doc);
    hub_doc_end(doc);
}

/* ---- answers ---- */

static void add_answer(hub_doc_t *doc, const hub_doc_place_t *place, const hub_v1_detail_t *row)
{
    hub_doc_begin(doc, hub_pool_printf(doc->pool, "%u", row->status).ptr);
    hub_doc_key(doc, "description");
    hub_doc_text(doc, row->text[0] ? row->text : place->route->summary);
    hub_doc_header_refs(doc, row->headers, place->route);
    if (row->type != HUB_V1_AS_NOTHING) {
        hub_doc_begin(doc, "content");
        if (row->type == HUB_V1_AS_TEXT)
            add_media(doc, place, row, "text/plain", false, true);
        else
            add_media(doc, place, row, "application/json", false, false);
        if (row->type == HUB_V1_AS_EVENTS) {
            hub_doc_begin(doc, "text/event-stream");
            hub_doc_begin(doc, "schema");
            hub_doc_member(doc, "type", "string");
            hub_doc_member(doc, "description", "Each event has its sequence number as id, its type as event, and an Event as data");
            hub_doc_end(doc);
            hub_doc_end(doc);
        }
        hub_doc_end(doc);
    }
    hub_doc_end(doc);
}

static bool answers(const hub_v1_route_t *route, int status)
{
    for (const hub_v1_detail_t *row = route->details; row->kind != HUB_V1_IS_END; row++)
        if (row->kind == HUB_V1_IS_ANSWER && row->status == status)
            return true;
    return false;
}

static const char *error_of(const hub_v1_route_t *route, int status)
{
    for (const hub_v1_detail_t *row = route->details; row->kind != HUB_V1_IS_END; row++)
        if (row->kind == HUB_V1_IS_ERROR && row->status == status)
            return row->text;
    return NULL;
}

/* Statuses that follow from what the route is. */
static bool follows(const hub_v1_route_t *route, int status)
{
    bool open = route->flags & HUB_V1_OPEN, client = route->flags & HUB_V1_CLIENT;
    const hub_v1_detail_t *body = body_of(route);
    bool takes = body != NULL;
    for (const hub_v1_detail_t *row = route->details; row->kind != HUB_V1_IS_END; row++)
        takes = takes || row->kind == HUB_V1_IS_QUERY;
    switch (status) {
    case 400:
        return takes;
    case 401:
    case 403:
    case 404:
        return !open;
    case 413:
        return body != NULL;
    case 415:
        return body && body->type != HUB_V1_AS_FORM;
    case 429:
        return !open || client;
    case 500:
    case 503:
        return true;
    default:
        return false;
    }
}

static void add_answers(hub_doc_t *doc, const hub_doc_place_t *place)
{
    static const int problems[] = {400, 401, 403, 404, 409, 410, 412, 413, 415, 429, 500, 502, 503, 504};
    hub_doc_begin(doc, "responses");
    for (const hub_v1_detail_t *row = place->route->details; row->kind != HUB_V1_IS_END; row++)
        if (row->kind == HUB_V1_IS_ANSWER)
            add_answer(doc, place, row);
    for (size_t i = 0; i < HUB_COUNT(problems); i++) {
        const char *text = error_of(place->route, problems[i]);
        if (!answers(place->route, problems[i]) && (text || follows(place->route, problems[i])))
            hub_doc_problem(doc, problems[i], text);
    }
    hub_doc_end(doc);
}

/* ---- operations ---- */

static void add_security(hub_doc_t *doc, const hub_v1_route_t *route)
{
    const char *const schemes[] = {"apiKey", "bearer", "oauth2"};
    hub_doc_key(doc, "security");
    hub_doc_open(doc, '[');
    if (route->flags & HUB_V1_CLIENT)
        hub_doc_json(doc, HUB_SLICE_LIT("{\"client\":[]},{}"));
    for (size_t i = 0; !(route->flags & HUB_V1_OPEN) && i < HUB_COUNT(schemes); i++) {
        hub_doc_open(doc, '{');
        hub_doc_key(doc, schemes[i]);
        hub_doc_open(doc, '[');
        hub_doc_text(doc, hub_v1_permission_name(route->permission));
        hub_doc_close(doc, ']');
        hub_doc_end(doc);
    }
    hub_doc_close(doc, ']');
}

static void add_rules(hub_doc_t *doc, const hub_v1_route_t *route)
{
    bool some = false;
    for (const hub_v1_detail_t *row = route->details; row->kind != HUB_V1_IS_END; row++) {
        if (row->kind != HUB_V1_IS_RULE)
            continue;
        if (!some) {
            hub_doc_key(doc, "x-rules");
            hub_doc_open(doc, '[');
        }
        some = true;
        hub_doc_open(doc, '{');
        hub_doc_key(doc, "pointer");
        hub_doc_text(doc, row->options);
        hub_doc_member(doc, "rule", row->name);
        hub_doc_member(doc, "text", row->text);
        hub_doc_end(doc);
    }
    if (some)
        hub_doc_close(doc, ']');
}

static void add_operation(hub_doc_t *doc, const hub_doc_place_t *place)
{
    static const char *const methods[] = {
        [HUB_GET] = "get", [HUB_POST] = "post", [HUB_PUT] = "put", [HUB_PATCH] = "patch", [HUB_DELETE] = "delete"};
    hub_doc_begin(doc, methods[place->route->method]);
    hub_doc_member(doc, "operationId", place->operation);
    hub_doc_key(doc, "tags");
    hub_doc_open(doc, '[');
    hub_doc_text(doc, place->tag);
    hub_doc_close(doc, ']');
    hub_doc_member(doc, "summary", place->route->summary);
    add_security(doc, place->route);
    add_parameters(doc, place);
    add_body(doc, place);
    add_answers(doc, place);
    add_rules(doc, place->route);
    hub_doc_end(doc);
}

void hub_doc_paths(hub_doc_t *doc)
{
    size_t count;
    const hub_doc_place_t *places = hub_doc_places(doc->pool, &count);
    bool *done = hub_pool_zalloc(doc->pool, count * sizeof *done);
    hub_doc_begin(doc, "paths");
    for (size_t i = 0; i < count; i++) {
        if (done[i])
            continue;
        hub_doc_begin(doc, places[i].path);
        for (size_t k = i; k < count; k++) {
            if (strcmp(places[k].path, places[i].path) != 0)
                continue;
            add_operation(doc, &places[k]);
            done[k] = true;
        }
        hub_doc_end(doc);
    }
    hub_doc_end(doc);
}
