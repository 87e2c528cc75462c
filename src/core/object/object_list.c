/* Lists and single objects as they go out: a row without an overriding binding is appended as it is stored, nothing is parsed. */
#include "object.h"

#include <string.h>

#include "reply.h"
#include "session.h"
#include "sharing/sharing.h"

#define PAGE_BYTES (16u << 20) /* large objects come on shorter pages */

hub_err_t hub_objects_view(hub_view_t *view, hub_pool_t *pool, const hub_integration_t *to, ocpi_module_t module, hub_slice_t object_key,
                           ocpi_version_t version, hub_slice_t *bytes, hub_object_t *head, int64_t *last_updated)
{
    hub_sharing_t sharing = {0};
    hub_err_t err = hub_object_get_key(view, object_key, head);
    if (!err)
        err = hub_sharing_get(view, to, module, object_key, head, &sharing);
    if (err)
        return err;
    *last_updated = sharing.last_updated;
    if (sharing.render)
        err = hub_objects_render(view, pool, object_key, head, &sharing, version, bytes);
    else
        err = hub_projection_get(view, pool, object_key, head, version, bytes);
    if (!err && module == OCPI_MODULE_SESSIONS)
        *bytes = hub_session_shape(pool, to, *bytes);
    return err;
}

/* A partner of 2.1.1 that had a Location is told that it is gone; that version cannot say that it is published to nobody now. */
static hub_slice_t as_published(hub_pool_t *pool, hub_slice_t location)
{
    yyjson_val *root = hub_objects__read(pool, location);
    if (!yyjson_is_false(yyjson_obj_get(root, "publish")))
        return location;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *copy = yyjson_val_mut_copy(doc, root);
    yyjson_mut_obj_put(copy, yyjson_mut_str(doc, "publish"), yyjson_mut_true(doc));
    yyjson_mut_obj_remove_key(copy, "publish_allowed_to");
    return ocpi_write_mut(pool, copy);
}

/* Sharing knows the shape of 2.2 and later: what was written in 2.1.1 goes up before it is rendered. */
hub_err_t hub_objects_render(hub_view_t *view, hub_pool_t *pool, hub_slice_t object_key, const hub_object_t *head,
                             const hub_sharing_t *sharing, ocpi_version_t version, hub_slice_t *bytes)
{
    ocpi_version_t from = hub_projection_written(head) == OCPI_V2_1_1 ? OCPI_V2_2_1 : hub_projection_written(head);
    hub_slice_t text;
    hub_err_t err = hub_projection_get(view, pool, object_key, head, from, &text);
    if (err)
        return err;
    *bytes = hub_sharing_render(pool, sharing, text);
    if (from == version)
        return HUB_EOK;
    if (sharing->withdrawn && version == OCPI_V2_1_1)
        *bytes = as_published(pool, *bytes);
    err = hub_projection_bridge(view, pool, object_key, *bytes, from, version, bytes, NULL);
    return err == HUB_EINVALID ? HUB_ENOT_FOUND : err;
}

uint32_t hub_objects__max_limit(const hub_core_t *core, const hub_integration_t *to)
{
    if (to && to->profile.page_limit)
        return to->profile.page_limit;
    return core->config.page_limit ? core->config.page_limit : HUB_PAGE_LIMIT;
}

static hub_err_t add_row(hub_view_t *view, hub_pool_t *pool, const hub_objects_page_t *page, const hub_list_row_t *row, hub_slice_t *bytes)
{
    hub_object_t head;
    int64_t last_updated;
    if (page->to && row->tag)
        return hub_objects_view(view, pool, page->to, page->module, row->key, page->version, bytes, &head, &last_updated);
    *bytes = row->bytes;
    hub_err_t err = HUB_EOK;
    if (!bytes->ptr) {
        err = hub_object_get_key(view, row->key, &head);
        if (!err)
            err = hub_projection_get(view, pool, row->key, &head, page->version, bytes);
    }
    if (!err && page->to && page->module == OCPI_MODULE_SESSIONS)
        *bytes = hub_session_shape(pool, page->to, *bytes);
    return err;
}

/* ---- one of several parties of ours is asked ---- */

typedef struct narrowed {
    const hub_party_ref_t *party;
    bool (*take)(void *arg, const hub_list_row_t *row);
    void *take_arg;
} narrowed_t;

static bool take_of_party(void *arg, const hub_list_row_t *row)
{
    const narrowed_t *narrowed = arg;
    hub_object_id_t id;
    return hub_object_key_parse(row->key, &id) && hub_slice_caseeq_str(id.country, narrowed->party->country) &&
           hub_slice_caseeq_str(id.party, narrowed->party->party) && (!narrowed->take || narrowed->take(narrowed->take_arg, row));
}

/* As if that party alone were on this integration. Where the audiences are not its own (an overlay, the owners of tokens) rows are looked
 * at one by one, and counted so: a window that holds all of them does that. */
static hub_err_t list_of_party(hub_view_t *view, hub_pool_t *pool, const hub_objects_page_t *page, hub_list_query_t *query)
{
    hub_integration_t *alone = hub_pool_alloc(pool, sizeof *alone);
    hub_party_ref_t *party = HUB_POOL_NEW(pool, hub_party_ref_t);
    *alone = *page->to;
    *party = *page->asked;
    alone->parties = party;
    alone->party_count = 1;
    hub_err_t err = hub_sharing_list(view, pool, alone, page->module, query);
    bool by_token = hub_reach_governs(page->module) && page->module != OCPI_MODULE_TOKENS;
    if (err || (!query->take && !by_token))
        return err;
    narrowed_t *narrowed = HUB_POOL_NEW(pool, narrowed_t);
    *narrowed = (narrowed_t){.party = party, .take = query->take, .take_arg = query->take_arg};
    query->take = take_of_party;
    query->take_arg = narrowed;
    if (query->from == INT64_MIN && query->to == INT64_MAX)
        query->from++;
    return HUB_EOK;
}

/* ---- pages ---- */

static hub_err_t audiences(hub_view_t *view, hub_pool_t *pool, const hub_objects_page_t *page, hub_list_query_t *query)
{
    if (!page->to)
        return HUB_EOK;
    return page->asked ? list_of_party(view, pool, page, query) : hub_sharing_list(view, pool, page->to, page->module, query);
}

hub_err_t hub_objects__page(hub_view_t *view, hub_pool_t *pool, hub_objects_page_t *page)
{
    hub_audience_t own = hub_audience(HUB_AUDIENCE_TENANT_OWN, page->tenant);
    hub_list_query_t query = {.audiences = &own, .audience_count = 1, .from = page->page.from, .to = page->page.to};
    hub_err_t err = audiences(view, pool, page, &query);
    query.module = (uint8_t)page->module;
    query.form = (uint8_t)hub_projection_slot(page->version);
    query.form_only = true;
    query.offset = page->page.offset;
    query.position = page->page.position;
    query.limit = page->page.limit;
    query.max_bytes = PAGE_BYTES;
    query.count = true;
    if (!err)
        err = hub_list(view, &query, pool, &page->list);
    if (err)
        return err;
    page->parts = hub_pool_alloc(pool, (2 * page->list.count + 4) * sizeof *page->parts);
    uint32_t n = 1; /* the first is the caller's */
    for (uint32_t i = 0; i < page->list.count; i++) {
        hub_slice_t bytes;
        err = add_row(view, pool, page, &page->list.rows[i], &bytes);
        if (err == HUB_ENOT_FOUND)
            continue;
        if (err)
            return err;
        page->parts[n] = n == 1 ? HUB_SLICE_LIT("[") : HUB_SLICE_LIT(",");
        page->parts[n + 1] = bytes;
        n += 2;
    }
    page->parts[n] = n == 1 ? HUB_SLICE_LIT("[]") : HUB_SLICE_LIT("]");
    page->part_count = n + 2;
    return HUB_EOK;
}

void hub_objects__page_headers(hub_exchange_t *x, const hub_objects_page_t *page)
{
    if (page->list.next.len) {
        hub_slice_t public_url = x->worker->core->public_url;
        hub_slice_t url = hub_pool_printf(x->pool, "%.*s%.*s", HUB_SLICE_FMT(public_url), HUB_SLICE_FMT(x->path));
        hub_slice_t link = ocpi_page_link(x->pool, url, &page->page, page->list.count, page->list.next);
        const char *end = memchr(link.ptr, '>', link.len);
        if (!page->to && end) /* on /v1 it keeps what else was asked for */
            link = hub_pool_printf(x->pool, "%.*s&version=%s%.*s>; rel=\"next\"", (int)(end - link.ptr), link.ptr,
                                   ocpi_version_name(page->version), HUB_SLICE_FMT(page->filters));
        hub_reply_add_header(x, "link", link);
    }
    hub_reply_add_header(x, "x-total-count", hub_pool_printf(x->pool, "%llu", (unsigned long long)page->list.total));
    hub_reply_add_header(x, "x-limit", hub_pool_printf(x->pool, "%u", page->max_limit));
}
