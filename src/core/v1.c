/* The router of /v1: rows of v1.def. */
#include "v1.h"

#include <string.h>

#define FORM_LIMIT ((size_t)16 << 10)

const hub_v1_route_t hub_v1_routes[] = {
#define HUB_V1(method, pattern, permission, flags, handler) {HUB_##method, pattern, HUB_PERMIT_##permission, flags, handler, #handler},
#include "v1.def"
#undef HUB_V1
};
const size_t hub_v1_route_count = HUB_COUNT(hub_v1_routes);

const char *hub_v1_permission_name(uint32_t permission)
{
    switch (permission) {
#define HUB_PERMISSION(name, bit, text)                                                                                                    \
    case 1u << bit:                                                                                                                        \
        return text;
#include "permission.def"
#undef HUB_PERMISSION
    default:
        return "";
    }
}

/* Does the path fit the pattern? Raw (still encoded) parameters into raw[]. A trailing slash is the same resource. */
static bool fits(const char *pattern, hub_slice_t path, hub_slice_t *raw, uint32_t *count)
{
    hub_slice_t want = hub_slice_str(pattern), w, p;
    *count = 0;
    while (hub_slice_split(&want, '/', &w)) {
        bool parameter = w.len && w.ptr[0] == '{';
        bool optional = parameter && w.ptr[w.len - 2] == '?';
        if (!hub_slice_split(&path, '/', &p))
            return optional;
        if (parameter && p.len == 0)
            return optional && !path.ptr;
        if (parameter && *count < HUB_PATH_PARAMS)
            raw[(*count)++] = p;
        else if (!hub_slice_eq(w, p))
            return false;
    }
    return !path.ptr || path.len == 0;
}

static uint32_t bit_of(hub_method_t method)
{
    static const uint32_t bits[] = {
        [HUB_GET] = OCPI_GET, [HUB_POST] = OCPI_POST, [HUB_PUT] = OCPI_PUT, [HUB_PATCH] = OCPI_PATCH, [HUB_DELETE] = OCPI_DELETE};
    return (unsigned)method < HUB_COUNT(bits) ? bits[method] : 0;
}

/* Fixed rows stand before those with a parameter in the same place, so the first pattern that fits is the right one. */
static const hub_v1_route_t *find(hub_method_t method, hub_slice_t path, hub_slice_t *raw, uint32_t *count, uint32_t *allowed)
{
    const char *pattern = NULL;
    const hub_v1_route_t *found = NULL;
    *allowed = 0;
    for (size_t i = 0; i < hub_v1_route_count; i++) {
        const hub_v1_route_t *route = &hub_v1_routes[i];
        if (pattern ? strcmp(pattern, route->pattern) != 0 : !fits(route->pattern, path, raw, count))
            continue;
        pattern = route->pattern;
        *allowed |= bit_of(route->method);
        if (route->method == method)
            found = route;
    }
    return found;
}

const hub_v1_route_t *hub_v1_match(hub_exchange_t *x, uint32_t *allowed)
{
    hub_slice_t raw[HUB_PATH_PARAMS];
    hub_exchange_state_t *state = x->state;
    const hub_v1_route_t *route = find(x->method == HUB_HEAD ? HUB_GET : x->method, x->path, raw, &state->param_count, allowed);
    for (uint32_t i = 0; route && i < state->param_count; i++) {
        if (!ocpi_url_decode(x->pool, raw[i], &state->param[i])) {
            *allowed = 0; /* a broken escape names nothing */
            return NULL;
        }
    }
    return route;
}

size_t hub_core_body_limit(const hub_core_t *core, hub_method_t method, hub_slice_t path)
{
    hub_slice_t raw[HUB_PATH_PARAMS];
    uint32_t count, allowed;
    if (hub_slice_starts(path, HUB_SLICE_LIT("/oauth2/")))
        return FORM_LIMIT; /* anybody may send one */
    if (method != HUB_POST || !hub_slice_starts(path, HUB_SLICE_LIT("/v1/")))
        return core->config.body_limit;
    const hub_v1_route_t *route = find(method, path, raw, &count, &allowed);
    return route && (route->flags & HUB_V1_BULK) ? core->config.bulk_limit : core->config.body_limit;
}
