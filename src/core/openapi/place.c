/* The operations: every route with each module and level that it has a path for. */
#include <string.h>

#include "openapi.h"

#define PLACES_MOST 512u

typedef struct walk {
    hub_pool_t *pool;
    hub_doc_place_t *places;
    size_t count;
} walk_t;

static const char *const levels[] = {"", "Evse", "Connector"};

static void add_capital(hub_buf_t *out, hub_slice_t word)
{
    if (!word.len)
        return;
    hub_buf_add_char(out, (char)(word.ptr[0] >= 'a' && word.ptr[0] <= 'z' ? word.ptr[0] - 0x20 : word.ptr[0]));
    hub_buf_add(out, hub_slice(word.ptr + 1, word.len - 1));
}

/* hub_v1_object_put of an EVSE: objectPutLocationsEvse. */
static const char *operation_of(hub_pool_t *pool, const hub_v1_route_t *route, const char *module, unsigned level)
{
    hub_slice_t rest = hub_slice_str(route->name + strlen("hub_")), word;
    hub_buf_t out = HUB_BUF_INIT(pool);
    while (hub_slice_split(&rest, '_', &word)) {
        if (hub_slice_eq_str(word, "v1"))
            continue;
        if (out.len)
            add_capital(&out, word);
        else
            hub_buf_add(&out, word);
    }
    add_capital(&out, hub_slice_str(module));
    hub_buf_add_str(&out, levels[level]);
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static const char *path_of(hub_pool_t *pool, const char *pattern, const char *module, unsigned level)
{
    hub_slice_t rest = hub_slice_str(pattern + 1), segment;
    hub_buf_t out = HUB_BUF_INIT(pool);
    while (hub_slice_split(&rest, '/', &segment)) {
        bool optional = segment.len > 2 && segment.ptr[segment.len - 2] == '?';
        if (optional && level == 0)
            break;
        level -= optional;
        hub_buf_add_char(&out, '/');
        if (hub_slice_eq_str(segment, "{module}"))
            hub_buf_add_str(&out, module);
        else if (optional)
            hub_buf_printf(&out, "%.*s}", (int)segment.len - 2, segment.ptr);
        else
            hub_buf_add(&out, segment);
    }
    return hub_pool_str(pool, hub_buf_slice(&out));
}

static const char *tag_of(hub_pool_t *pool, const char *path)
{
    hub_slice_t rest = hub_slice_str(path + 1), first, second;
    hub_slice_split(&rest, '/', &first);
    if (hub_slice_eq_str(first, "v1") && hub_slice_split(&rest, '/', &second))
        return hub_pool_str(pool, second);
    return rest.len ? "oauth2" : "service";
}

static void add(walk_t *w, const hub_v1_route_t *route, const hub_objects_row_t *row, unsigned level)
{
    const char *module = row ? ocpi_module_name(row->module) : NULL;
    hub_doc_place_t *place = &w->places[w->count++];
    HUB_ASSERT(w->count <= PLACES_MOST);
    *place = (hub_doc_place_t){.route = route, .row = row, .level = level};
    place->path = path_of(w->pool, route->pattern, module, level);
    place->operation = operation_of(w->pool, route, module, level);
    place->tag = tag_of(w->pool, place->path);
}

static uint32_t method_bit(hub_method_t method)
{
    static const uint32_t bits[] = {
        [HUB_GET] = OCPI_GET, [HUB_POST] = OCPI_POST, [HUB_PUT] = OCPI_PUT, [HUB_PATCH] = OCPI_PATCH, [HUB_DELETE] = OCPI_DELETE};
    return (unsigned)method < HUB_COUNT(bits) ? bits[method] : 0;
}

static void add_modules(walk_t *w, const hub_v1_route_t *route)
{
    static const char object[] = "/v1/{module}/"; /* one of our own: what module.def offers */
    bool single = strncmp(route->pattern, object, sizeof object - 1) == 0;
    bool leveled = strstr(route->pattern, "{evse?}") != NULL;
    for (unsigned module = 1; module < OCPI_MODULE_COUNT; module++) {
        const hub_objects_row_t *row = hub_objects__row((ocpi_module_t)module);
        if (!row || (single && !(row->methods & method_bit(route->method))))
            continue;
        for (unsigned level = 0; level < 3 && row->level[level] != OCPI_OBJECT_NONE && (level == 0 || leveled); level++)
            add(w, route, row, level);
    }
}

const hub_doc_place_t *hub_doc_places(hub_pool_t *pool, size_t *count)
{
    walk_t w = {.pool = pool, .places = hub_pool_alloc(pool, PLACES_MOST * sizeof *w.places)};
    for (size_t i = 0; i < hub_v1_route_count; i++) {
        if (strstr(hub_v1_routes[i].pattern, "{module}"))
            add_modules(&w, &hub_v1_routes[i]);
        else
            add(&w, &hub_v1_routes[i], NULL, 0);
    }
    *count = w.count;
    return w.places;
}
