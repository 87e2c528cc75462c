/* What operations refer to: headers, problems, parameters that several have, security schemes. */
#include <string.h>

#include "openapi.h"

/* ---- headers of answers ---- */

typedef struct header {
    unsigned of; /* HUB_V1_PAGED …; 0: of every answer */
    const char *name, *type, *text;
} header_t;

enum {
    OF_EVERY = 0,
    OF_V1 = 1 << 13,
    OF_LIMITED = 1 << 14,
    OF_RETRY = 1 << 15,
    OF_TIMED = 1 << 16,
    OF_MEDIA = 1 << 17
}; /* beside those of v1.h */

static const header_t headers[] = {
    {OF_EVERY, "X-Request-ID", "string", "Names the request in the log; trace_id of a problem"},
    {HUB_V1_PAGED, "X-Total-Count", "integer", "How many there are"},
    {HUB_V1_PAGED, "X-Limit", "integer", "How many a page holds at most"},
    {HUB_V1_PAGED, "Link", "string", "rel=\"next\" where there is more"},
    {HUB_V1_ETAG, "ETag", "string", "The version, for If-Match"},
    {HUB_V1_LOCATION, "Location", "string", "Where it is now"},
    {HUB_V1_NO_STORE | HUB_V1_CACHED | OF_V1, "Cache-Control", "string", ""},
    {HUB_V1_REPLAYED, "Idempotency-Replayed", "string", "true: nothing new was made"},
    {HUB_V1_PREFERRED, "Preference-Applied", "string", "What was taken of Prefer"},
    {HUB_V1_CHALLENGE, "WWW-Authenticate", "string", "How to authenticate"},
    {HUB_V1_NO_STORE, "Pragma", "string", "no-cache, of OAuth2"},
    {OF_TIMED, "Server-Timing", "string", "How many milliseconds the hub took"},
    {OF_MEDIA, "Accept", "string", "The content types that are taken"},
    {OF_MEDIA, "Accept-Patch", "string", "The content types that are taken by PATCH"},
    {OF_MEDIA, "Accept-Encoding", "string", "identity: no Content-Encoding is taken"},
    {OF_RETRY, "Retry-After", "integer", "Seconds"},
    {OF_LIMITED, "RateLimit-Limit", "integer", "Of a credential with a rate limit"},
    {OF_LIMITED, "RateLimit-Remaining", "integer", "Of a credential with a rate limit"},
    {OF_LIMITED, "RateLimit-Reset", "integer", "Seconds; of a credential with a rate limit"},
};

static void add_header_refs(hub_doc_t *doc, unsigned wanted)
{
    hub_doc_begin(doc, "headers");
    for (size_t i = 0; i < HUB_COUNT(headers); i++) {
        if (headers[i].of && !(headers[i].of & wanted))
            continue;
        hub_doc_begin(doc, headers[i].name);
        hub_doc_ref_to(doc, "headers", headers[i].name);
        hub_doc_end(doc);
    }
    hub_doc_end(doc);
}

void hub_doc_header_refs(hub_doc_t *doc, unsigned wanted, const hub_v1_route_t *route)
{
    bool closed = !(route->flags & HUB_V1_OPEN), client = route->flags & HUB_V1_CLIENT;
    wanted |= closed ? OF_V1 : 0;
    wanted |= closed || client ? OF_LIMITED : 0;
    wanted |= closed || client || strncmp(route->pattern, "/.well-known/", 13) == 0 ? OF_TIMED : 0;
    add_header_refs(doc, wanted);
}

void hub_doc_headers(hub_doc_t *doc)
{
    hub_doc_begin(doc, "headers");
    for (size_t i = 0; i < HUB_COUNT(headers); i++) {
        hub_doc_begin(doc, headers[i].name);
        hub_doc_member(doc, "description", headers[i].text);
        hub_doc_begin(doc, "schema");
        hub_doc_member(doc, "type", headers[i].type);
        hub_doc_end(doc);
        hub_doc_end(doc);
    }
    hub_doc_end(doc);
}

/* ---- problems ---- */

typedef struct problem {
    int status;
    unsigned headers;
    const char *name, *text;
} problem_t;

static const problem_t problems[] = {
    {400, OF_LIMITED, "BadRequest", "Malformed or invalid; `errors` tells what and where"},
    {401, HUB_V1_CHALLENGE, "Unauthorized", "No credential, or none that is good"},
    {403, OF_LIMITED | HUB_V1_CHALLENGE, "Forbidden", "The credential lacks the permission"},
    {404, OF_LIMITED, "NotFound", "There is no such resource, or it is another platform's"},
    {409, OF_LIMITED | HUB_V1_ETAG, "Conflict", "It conflicts with what is stored"},
    {410, OF_LIMITED, "Gone", "It is no longer kept"},
    {412, OF_LIMITED | HUB_V1_ETAG, "PreconditionFailed", "If-Match does not name what is stored"},
    {413, 0, "TooLarge", "The body is larger than allowed"},
    {415, OF_LIMITED | OF_MEDIA, "UnsupportedMediaType", "The body is of another content type than those listed"},
    {429, OF_LIMITED | OF_RETRY, "TooManyRequests", "The credential's rate limit is used up"},
    {500, 0, "InternalError", "Something went wrong; the log knows what"},
    {502, OF_LIMITED | OF_RETRY, "BadGateway", "The partner did not do its part"},
    {503, OF_RETRY, "Unavailable", "The hub is starting, stopping or has too much to do"},
    {504, OF_LIMITED | OF_RETRY, "GatewayTimeout", "The partner did not answer in time"},
};

void hub_doc_problem(hub_doc_t *doc, int status, const char *text)
{
    for (size_t i = 0; i < HUB_COUNT(problems); i++) {
        if (problems[i].status != status)
            continue;
        hub_doc_begin(doc, hub_pool_printf(doc->pool, "%d", status).ptr);
        hub_doc_ref_to(doc, "responses", problems[i].name);
        hub_doc_member(doc, "description", text);
        hub_doc_end(doc);
        return;
    }
    const bool status_has_a_row = false;
    HUB_ASSERT(status_has_a_row);
}

void hub_doc_responses(hub_doc_t *doc)
{
    hub_doc_begin(doc, "responses");
    for (size_t i = 0; i < HUB_COUNT(problems); i++) {
        hub_doc_begin(doc, problems[i].name);
        hub_doc_member(doc, "description", problems[i].text);
        add_header_refs(doc, problems[i].headers | OF_V1 | OF_TIMED);
        hub_doc_begin(doc, "content");
        hub_doc_begin(doc, "application/problem+json");
        hub_doc_begin(doc, "schema");
        hub_doc_ref(doc, "Problem");
        hub_doc_end(doc);
        hub_doc_end(doc);
        hub_doc_end(doc);
        hub_doc_end(doc);
    }
    hub_doc_end(doc);
}

/* ---- request headers ---- */

const char *hub_doc_parameter_name(hub_pool_t *pool, const char *header)
{
    hub_slice_t rest = hub_slice_str(header), word;
    hub_buf_t out = HUB_BUF_INIT(pool);
    while (hub_slice_split(&rest, '-', &word))
        hub_buf_add(&out, word);
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static void add_parameter(hub_doc_t *doc, const char *component, const char *name, const char *text)
{
    hub_doc_begin(doc, component);
    hub_doc_member(doc, "name", name);
    hub_doc_member(doc, "in", "header");
    hub_doc_member(doc, "description", text);
    hub_doc_begin(doc, "schema");
    hub_doc_member(doc, "type", "string");
    hub_doc_end(doc);
    hub_doc_end(doc);
}

static bool before(const hub_v1_detail_t *row, size_t route)
{
    for (size_t i = 0; i <= route; i++)
        for (const hub_v1_detail_t *r = hub_v1_routes[i].details; r->kind != HUB_V1_IS_END && r != row; r++)
            if (r->kind == HUB_V1_IS_HEADER && strcmp(r->name, row->name) == 0)
                return true;
    return false;
}

void hub_doc_parameters(hub_doc_t *doc)
{
    hub_doc_begin(doc, "parameters");
    add_parameter(doc, "PlatformId", "x-platform-id",
                  "The platform (tenant) to act for, where the credential may act for several; else `default`");
    for (size_t i = 0; i < hub_v1_route_count; i++)
        for (const hub_v1_detail_t *row = hub_v1_routes[i].details; row->kind != HUB_V1_IS_END; row++)
            if (row->kind == HUB_V1_IS_HEADER && !before(row, i))
                add_parameter(doc, hub_doc_parameter_name(doc->pool, row->name), row->name, row->text);
    hub_doc_end(doc);
}

/* ---- security ---- */

static void add_scopes(hub_doc_t *doc)
{
    static const char *const names[] = {
#define HUB_PERMISSION(name, bit, text) text,
#include "permission.def"
#undef HUB_PERMISSION
    };
    hub_doc_begin(doc, "scopes");
    for (size_t i = 0; i < HUB_COUNT(names); i++) {
        hub_doc_key(doc, names[i]);
        hub_doc_text(doc, names[i]);
    }
    hub_doc_end(doc);
}

void hub_doc_security(hub_doc_t *doc)
{
    hub_doc_begin(doc, "securitySchemes");
    hub_doc_key(doc, "apiKey");
    hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-KEY\"}"));
    hub_doc_key(doc, "bearer");
    hub_doc_json(doc, HUB_SLICE_LIT("{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API key or an access token\"}"));
    hub_doc_key(doc, "client");
    hub_doc_json(
        doc, HUB_SLICE_LIT("{\"type\":\"http\",\"scheme\":\"basic\",\"description\":\"clientId and clientSecret of an OAuth2 client\"}"));
    hub_doc_begin(doc, "oauth2");
    hub_doc_member(doc, "type", "oauth2");
    hub_doc_begin(doc, "flows");
    hub_doc_begin(doc, "clientCredentials");
    hub_doc_key(doc, "tokenUrl");
    hub_doc_slice(doc, hub_pool_printf(doc->pool, "%.*s/oauth2/token", HUB_SLICE_FMT(doc->core->public_url)));
    add_scopes(doc);
    hub_doc_end(doc);
    hub_doc_end(doc);
    hub_doc_end(doc);
    hub_doc_end(doc);
}
