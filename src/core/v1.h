/* Routes: the rows of v1.def, and what each says of itself. */
#ifndef CORE_V1_H
#define CORE_V1_H

#include "core.h"

enum {                   /* hub_v1_route_t.flags */
       HUB_V1_BULK = 1,  /* bulk body limit */
       HUB_V1_OPEN = 2,  /* no API key: not below /v1, authenticates by itself if it needs to … */
       HUB_V1_CLIENT = 4 /* … an OAuth2 client */
};
enum {                   /* headers of an answer, beside those that every answer has */
       HUB_V1_PAGED = 1, /* X-Total-Count, X-Limit; Link where there is more */
       HUB_V1_ETAG = 2,
       HUB_V1_LOCATION = 4,
       HUB_V1_NO_STORE = 8,   /* Cache-Control: no-store */
       HUB_V1_CACHED = 16,    /* Cache-Control */
       HUB_V1_REPLAYED = 32,  /* Idempotency-Replayed, when it is one */
       HUB_V1_PREFERRED = 64, /* Preference-Applied, when one was */
       HUB_V1_CHALLENGE = 128 /* WWW-Authenticate */
};

typedef enum hub_v1_kind {
    HUB_V1_IS_END,
    HUB_V1_IS_QUERY,
    HUB_V1_IS_HEADER,
    HUB_V1_IS_BODY,
    HUB_V1_IS_ANSWER,
    HUB_V1_IS_ERROR,
    HUB_V1_IS_RULE
} hub_v1_kind_t;

typedef enum hub_v1_type {
    HUB_V1_AS_NUMBER, /* parameters */
    HUB_V1_AS_TIME,
    HUB_V1_AS_TEXT, /* also an answer's */
    HUB_V1_AS_ENUM,
    HUB_V1_AS_LIST,
    HUB_V1_AS_JSON, /* bodies */
    HUB_V1_AS_PATCH,
    HUB_V1_AS_BULK,
    HUB_V1_AS_MAYBE,
    HUB_V1_AS_FORM,
    HUB_V1_AS_EVENTS,
    HUB_V1_AS_NOTHING
} hub_v1_type_t;

typedef struct hub_v1_detail {
    uint8_t kind, type;
    uint16_t status, headers;
    uint32_t least;
    const char *name, *options, *text; /* options of a rule: where */
} hub_v1_detail_t;

typedef struct hub_v1_route {
    hub_method_t method;
    const char *pattern; /* "/v1/integrations/{id}"; {…?} trailing segments may be absent */
    uint32_t permission;
    unsigned flags;
    void (*handle)(hub_exchange_t *x); /* ends the exchange, now or later */
    const char *name, *summary;
    const hub_v1_detail_t *details; /* up to HUB_V1_IS_END */
} hub_v1_route_t;

extern const hub_v1_route_t hub_v1_routes[];
extern const size_t hub_v1_route_count;
/* The row for method and path, decoded parameters into x->state; NULL: *allowed says which methods the path has (0: no such path). */
const hub_v1_route_t *hub_v1_match(hub_exchange_t *x, uint32_t *allowed);
/* Are the query parameters as the route's rows have them? False: answered (400). */
bool hub_v1_query_fits(hub_exchange_t *x, const hub_v1_route_t *route);

/* ---- for handlers: parameters that have been checked ---- */

/* A NUMBER; `otherwise` where it is not given. Larger than 2^63 - 1 is that. */
uint64_t hub_v1_number(hub_exchange_t *x, const char *name, uint64_t otherwise);
/* A TIME in milliseconds. */
int64_t hub_v1_time(hub_exchange_t *x, const char *name, int64_t otherwise);
/* Any other; false where nothing is given. */
bool hub_v1_text(hub_exchange_t *x, const char *name, hub_slice_t *value);

const char *hub_v1_permission_name(uint32_t permission); /* "INTEGRATION.READ" */

#define HUB_V1(method, pattern, permission, flags, handler, summary) void handler(hub_exchange_t *x);
#include "v1.def"

#endif
