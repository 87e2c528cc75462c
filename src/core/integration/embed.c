/* The lists embedded in an integration's answer: OCPI objects in camelCase, by the rows of embed.def. */
#include <string.h>

#include "object/objects.h"
#include "object/projection.h"
#include "sharing/sharing.h"

typedef enum shape {
    NONE,
    LOCATION,
    ALLOWED,
    COORDINATES,
    RELATED,
    TEXT,
    BUSINESS,
    IMAGE,
    HOURS,
    REGULAR,
    PERIOD,
    ENERGY_MIX,
    SOURCE,
    IMPACT,
    EVSE,
    CONNECTOR,
    TARIFF,
    RECEIVED_TARIFF,
    PRICE,
    ELEMENT,
    COMPONENT,
    RESTRICTIONS,
    SHAPE_COUNT
} shape_t;

typedef enum how { COPY, COPIES, ONE, MANY, INTEGRATION } how_t;

static const struct row {
    uint8_t shape, how, member;
    const char *name, *ocpi;
} rows[] = {
#define HUB_EMBED(shape, name, ocpi, how, member) {shape, how, member, name, ocpi},
#include "embed.def"
#undef HUB_EMBED
};

/* Where each shape's rows begin: they stand together. */
static const struct row *shape_rows(uint8_t shape)
{
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        if (rows[i].shape == shape)
            return &rows[i];
    }
    return rows + HUB_COUNT(rows);
}

typedef struct embedding {
    hub_pool_t *pool; /* of one item */
    hub_buf_t *out;
    uint32_t integration;
} embedding_t;

static void write_shape(const embedding_t *e, uint8_t shape, yyjson_val *object);

static void write_copy(const embedding_t *e, yyjson_val *value)
{
    if (!value || yyjson_is_null(value))
        hub_buf_add_str(e->out, "null");
    else
        hub_buf_add(e->out, ocpi_write(e->pool, value));
}

static void write_many(const embedding_t *e, uint8_t shape, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    bool first = true;
    hub_buf_add_char(e->out, '[');
    if (yyjson_is_arr(list)) {
        yyjson_arr_foreach(list, i, n, item)
        {
            if (!yyjson_is_obj(item))
                continue;
            if (!first)
                hub_buf_add_char(e->out, ',');
            first = false;
            write_shape(e, shape, item);
        }
    }
    hub_buf_add_char(e->out, ']');
}

static void write_member(const embedding_t *e, const struct row *row, yyjson_val *value)
{
    switch ((how_t)row->how) {
    case COPY:
        write_copy(e, value);
        break;
    case COPIES:
        if (yyjson_is_arr(value))
            write_copy(e, value);
        else
            hub_buf_add_str(e->out, "[]");
        break;
    case ONE:
        if (yyjson_is_obj(value))
            write_shape(e, row->member, value);
        else
            hub_buf_add_str(e->out, "null");
        break;
    case MANY:
        write_many(e, row->member, value);
        break;
    case INTEGRATION:
        hub_buf_printf(e->out, "\"%u\"", e->integration);
        break;
    }
}

static void write_shape(const embedding_t *e, uint8_t shape, yyjson_val *object)
{
    const struct row *first = shape_rows(shape), *end = rows + HUB_COUNT(rows);
    for (const struct row *row = first; row < end && row->shape == shape; row++) {
        hub_buf_add_char(e->out, row == first ? '{' : ',');
        hub_buf_printf(e->out, "\"%s\":", row->name);
        write_member(e, row, row->how == INTEGRATION ? NULL : yyjson_obj_get(object, row->ocpi));
    }
    hub_buf_add_char(e->out, '}');
}

/* ---- which objects ---- */

static const struct what {
    ocpi_module_t module;
    uint8_t shape[2]; /* of our own, of received ones; NONE: there are no such */
} whats[] = {
    [HUB_EMBED_LOCATIONS] = {OCPI_MODULE_LOCATIONS, {LOCATION, LOCATION}},
    [HUB_EMBED_TARIFFS] = {OCPI_MODULE_TARIFFS, {TARIFF, NONE}},
    [HUB_EMBED_RECEIVED_TARIFFS] = {OCPI_MODULE_TARIFFS, {NONE, RECEIVED_TARIFF}},
};

static hub_err_t part_query(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, ocpi_module_t module, int part,
                            hub_list_query_t *query)
{
    *query = (hub_list_query_t){.module = (uint8_t)module, .from = INT64_MIN, .to = INT64_MAX};
    if (part == 0)
        return hub_sharing_list(view, pool, integration, module, query);
    hub_audience_t *received = hub_pool_alloc(pool, sizeof *received);
    *received = hub_audience(HUB_AUDIENCE_RECEIVED, integration->id);
    query->audiences = received;
    query->audience_count = 1;
    return HUB_EOK;
}

static hub_err_t item_bytes(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, ocpi_module_t module, int part,
                            hub_slice_t key, hub_slice_t *bytes)
{
    hub_object_t head;
    int64_t last_updated;
    if (part == 0)
        return hub_objects_view(view, pool, integration, module, key, OCPI_V2_2_1, bytes, &head, &last_updated);
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err == HUB_EOK)
        *bytes = hub_projection_show(view, pool, key, &head, OCPI_V2_2_1);
    return err;
}

/* False: nothing was written (the object is gone, or its bytes are damaged). */
static hub_err_t write_item(hub_view_t *view, embedding_t *e, const hub_integration_t *integration, const struct what *what, int part,
                            hub_slice_t key, bool *first, uint32_t *written)
{
    hub_slice_t bytes;
    yyjson_doc *doc;
    hub_err_t err = item_bytes(view, e->pool, integration, what->module, part, key, &bytes);
    if (err != HUB_EOK)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    if (ocpi_read(e->pool, bytes, &doc, NULL) != HUB_EOK)
        return HUB_EOK;
    if (!*first)
        hub_buf_add_char(e->out, ',');
    *first = false;
    write_shape(e, what->shape[part], yyjson_doc_get_root(doc));
    ++*written;
    return HUB_EOK;
}

static hub_err_t write_part(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, const struct what *what,
                            uint32_t limit, hub_embed_position_t *position, bool *first, hub_buf_t *out, uint32_t *written)
{
    hub_list_query_t query;
    hub_list_page_t page = {0};
    hub_err_t err = part_query(view, pool, integration, what->module, position->part, &query);
    if (err == HUB_EOK && query.audience_count) {
        query.position = position->position;
        query.limit = limit;
        err = hub_list(view, &query, pool, &page);
    }
    embedding_t e = {hub_pool_create(), out, integration->id};
    for (uint32_t i = 0; i < page.count && err == HUB_EOK; i++) {
        err = write_item(view, &e, integration, what, position->part, page.rows[i].key, first, written);
        hub_pool_clear(e.pool);
    }
    hub_pool_destroy(e.pool);
    position->position = page.next;
    if (!page.next.len)
        position->part++;
    return err;
}

hub_err_t hub_embed_write(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, hub_embedded_t what, uint32_t limit,
                          hub_embed_position_t *position, bool *first, hub_buf_t *out, uint32_t *written)
{
    const struct what *w = &whats[what];
    hub_err_t err = HUB_EOK;
    *written = 0;
    while (err == HUB_EOK && position->part < 2 && *written < limit) {
        if (w->shape[position->part] == NONE)
            position->part++;
        else
            err = write_part(view, pool, integration, w, limit - *written, position, first, out, written);
    }
    while (position->part < 2 && w->shape[position->part] == NONE)
        position->part++;
    position->end = position->part >= 2;
    return err;
}

uint64_t hub_embed_total(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *integration, hub_embedded_t what)
{
    const struct what *w = &whats[what];
    int64_t total = 0;
    for (int part = 0; part < 2; part++) {
        hub_list_query_t query;
        if (w->shape[part] == NONE || part_query(view, pool, integration, w->module, part, &query) != HUB_EOK)
            continue;
        for (uint32_t i = 0; i < query.audience_count; i++)
            total += (int64_t)hub_audience_count(view, query.audiences[i], query.module);
        total += query.total_adjust;
    }
    return total > 0 ? (uint64_t)total : 0;
}
