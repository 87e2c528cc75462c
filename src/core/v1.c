/* The router: rows of v1.def. */
#include "v1.h"

#include <string.h>

#include "reply.h"

#define FORM_LIMIT ((size_t)16 << 10)

#define HUB_V1(method, pattern, permission, flags, handler, summary) static const hub_v1_detail_t details_##handler[] = {
#define HUB_V1_DETAIL(kind, type, status, headers, least, name, options, text)                                                             \
    {HUB_V1_IS_##kind, HUB_V1_AS_##type, status, headers, least, name, options, text},
#define HUB_V1_END                                                                                                                         \
    {                                                                                                                                      \
        HUB_V1_IS_END, 0, 0, 0, 0, NULL, NULL, NULL                                                                                        \
    }                                                                                                                                      \
    }                                                                                                                                      \
    ;
#include "v1.def"

#define HUB_V1(method, pattern, permission, flags, handler, summary)                                                                       \
    {HUB_##method, pattern, HUB_PERMIT_##permission, flags, handler, #handler, summary, details_##handler},
const hub_v1_route_t hub_v1_routes[] = {
#include "v1.def"
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

/* ---- query parameters ---- */

static bool all_digits(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static uint64_t number_of(hub_slice_t digits)
{
    uint64_t n;
    return hub_slice_u64(digits, &n) && n <= INT64_MAX ? n : INT64_MAX;
}

static bool among(const char *options, hub_slice_t s)
{
    hub_slice_t rest = hub_slice_str(options), option;
    while (hub_slice_split(&rest, '|', &option))
        if (hub_slice_eq(option, s))
            return true;
    return false;
}

static bool all_among(const char *options, hub_slice_t s)
{
    hub_slice_t one;
    while (hub_slice_split(&s, ',', &one))
        if (!among(options, one))
            return false;
    return true;
}

/* A blank for T may be written as +, as forms do. */
static bool time_of(hub_pool_t *pool, hub_slice_t s, int64_t *ms)
{
    if (s.len <= 10 || s.ptr[10] != '+')
        return ocpi_time_parse(s, ms, NULL);
    char *copy = hub_pool_str(pool, s);
    copy[10] = ' ';
    return ocpi_time_parse(hub_slice(copy, s.len), ms, NULL);
}

/* What is wrong with it; none: nothing. */
static hub_slice_t misfit(hub_pool_t *pool, const hub_v1_detail_t *row, hub_slice_t value, const char **rule)
{
    int64_t ms;
    switch (row->type) {
    case HUB_V1_AS_NUMBER:
        *rule = "range";
        if (all_digits(value) && number_of(value) >= row->least)
            return HUB_SLICE_NONE;
        return hub_pool_printf(pool, "must be a number from %u", row->least);
    case HUB_V1_AS_TIME:
        *rule = "datetime";
        return time_of(pool, value, &ms) ? HUB_SLICE_NONE : HUB_SLICE_LIT("must be an RFC 3339 time");
    case HUB_V1_AS_ENUM:
        *rule = "enum";
        return !value.len || among(row->options, value) ? HUB_SLICE_NONE : hub_pool_printf(pool, "must be one of %s", row->options);
    case HUB_V1_AS_LIST:
        *rule = "enum";
        return !value.len || all_among(row->options, value)
                   ? HUB_SLICE_NONE
                   : hub_pool_printf(pool, "must be some of %s, with commas between", row->options);
    default:
        return HUB_SLICE_NONE;
    }
}

bool hub_v1_query_fits(hub_exchange_t *x, const hub_v1_route_t *route)
{
    const char *rule = NULL;
    hub_slice_t value;
    for (const hub_v1_detail_t *row = route->details; x->query.len && row->kind != HUB_V1_IS_END; row++) {
        if (row->kind != HUB_V1_IS_QUERY || !ocpi_query_get(x->pool, x->query, row->name, &value))
            continue;
        hub_slice_t why = misfit(x->pool, row, value, &rule);
        if (!why.ptr)
            continue;
        hub_reply_wrong(x, hub_pool_printf(x->pool, "/query/%s", row->name).ptr, rule, hub_pool_str(x->pool, why));
        return false;
    }
    return true;
}

uint64_t hub_v1_number(hub_exchange_t *x, const char *name, uint64_t otherwise)
{
    hub_slice_t text;
    return ocpi_query_get(x->pool, x->query, name, &text) ? number_of(text) : otherwise;
}

int64_t hub_v1_time(hub_exchange_t *x, const char *name, int64_t otherwise)
{
    hub_slice_t text;
    int64_t ms;
    return ocpi_query_get(x->pool, x->query, name, &text) && time_of(x->pool, text, &ms) ? ms : otherwise;
}

bool hub_v1_text(hub_exchange_t *x, const char *name, hub_slice_t *value)
{
    if (ocpi_query_get(x->pool, x->query, name, value) && value->len)
        return true;
    *value = HUB_SLICE_NONE;
    return false;
}

size_t hub_core_body_limit(const hub_core_t *core, hub_method_t method, hub_slice_t path)
{
    hub_slice_t raw[HUB_PATH_PARAMS];
    uint32_t count, allowed;
    if (hub_slice_starts(path, HUB_SLICE_LIT("/ocpi/")))
        return core->config.body_limit;
    if (!hub_slice_starts(path, HUB_SLICE_LIT("/v1/")))
        return FORM_LIMIT; /* anybody may send one */
    if (method != HUB_POST)
        return core->config.body_limit;
    const hub_v1_route_t *route = find(method, path, raw, &count, &allowed);
    return route && (route->flags & HUB_V1_BULK) ? core->config.bulk_limit : core->config.body_limit;
}
