/* Routes of the management API: the rows of v1.def. */
#ifndef CORE_V1_H
#define CORE_V1_H

#include "core.h"

enum { HUB_V1_BULK = 1 /* bulk body limit */, HUB_V1_OPEN = 2 /* no API key: not below /v1, authenticates by itself if it needs to */ };

typedef struct hub_v1_route {
    hub_method_t method;
    const char *pattern; /* "/v1/integrations/{id}"; {…?} trailing segments may be absent */
    uint32_t permission;
    unsigned flags;
    void (*handle)(hub_exchange_t *x); /* ends the exchange, now or later */
    const char *name;
} hub_v1_route_t;

extern const hub_v1_route_t hub_v1_routes[];
extern const size_t hub_v1_route_count;
/* The row for method and path, decoded parameters into x->state; NULL: *allowed says which methods the path has (0: no such path). */
const hub_v1_route_t *hub_v1_match(hub_exchange_t *x, uint32_t *allowed);

const char *hub_v1_permission_name(uint32_t permission); /* "INTEGRATION.READ" */

#define HUB_V1(method, pattern, permission, flags, handler) void handler(hub_exchange_t *x);
#include "v1.def"
#undef HUB_V1

#endif
