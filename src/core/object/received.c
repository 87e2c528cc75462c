/* /v1/received: what partners gave us, normalised, with what was odd about it. */
#include <string.h>

#include "object.h"
#include "projection.h"
#include "reply.h"
#include "v1.h"

static void reply_one_problem(hub_exchange_t *x, hub_slice_t pointer, const char *rule, hub_slice_t message)
{
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, x->pool);
    ocpi_problem_add(&problems, OCPI_ERROR, pointer, rule, "%.*s", HUB_SLICE_FMT(message));
    hub_reply_invalid(x, &problems);
}

/* The module of the path; NULL: answered. */
static const hub_objects_row_t *row_of(hub_exchange_t *x)
{
    const hub_objects_row_t *row = hub_objects__row(ocpi_module_parse(x->state->param[0]));
    if (!row)
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    return row;
}

/* Only an object that was not clean is looked at again. */
static void write_warnings(hub_pool_t *pool, const hub_objects_row_t *row, const hub_object_t *head, hub_buf_t *out)
{
    yyjson_doc *doc;
    ocpi_problems_t problems;
    const ocpi_check_t check = {.object = row->level[0], .version = OCPI_V2_2_1};
    ocpi_problems_init(&problems, pool);
    if ((head->flags & HUB_OBJECT_WARNINGS) && ocpi_read(pool, head->bytes, &doc, NULL) == HUB_EOK)
        ocpi_check(yyjson_doc_get_root(doc), &check, &problems);
    ocpi_problems_write(&problems, out);
}

static void write_entry(hub_pool_t *pool, const hub_objects_row_t *row, uint32_t integration, const hub_object_t *head, hub_slice_t object,
                        hub_buf_t *out)
{
    char time[OCPI_TIME_MAX + 1];
    ocpi_time_format(head->received_at, time);
    hub_buf_reserve(out, object.len + 160);
    hub_buf_printf(out, "{\"integrationId\":\"%u\",\"seq\":%llu,\"receivedAt\":\"%s\",\"stale\":%s,\"warnings\":", integration,
                   (unsigned long long)head->seq, time, head->flags & HUB_OBJECT_STALE ? "true" : "false");
    write_warnings(pool, row, head, out);
    hub_buf_add_str(out, ",\"object\":");
    hub_buf_add(out, object);
    hub_buf_add_char(out, '}');
}

/* ?integration=: false when it is none of this tenant. */
static bool audience_of(hub_exchange_t *x, hub_view_t *view, hub_audience_t *out)
{
    hub_slice_t text;
    uint64_t id;
    hub_integration_t *integration;
    *out = hub_audience(HUB_AUDIENCE_RECEIVED_TENANT, x->state->tenant);
    if (!ocpi_query_get(x->pool, x->query, "integration", &text))
        return true;
    if (!hub_slice_u64(text, &id) || id > UINT32_MAX)
        return false;
    if (hub_integration_get(x->worker, view, x->state->tenant, (uint32_t)id, &integration) != HUB_EOK)
        return false;
    hub_integration_unref(integration);
    *out = hub_audience(HUB_AUDIENCE_RECEIVED, (uint32_t)id);
    return true;
}

static hub_err_t write_list(hub_view_t *view, hub_pool_t *pool, const hub_objects_row_t *row, const hub_list_page_t *list, hub_buf_t *out)
{
    hub_err_t err = HUB_EOK;
    bool first = true;
    for (uint32_t i = 0; i < list->count && err == HUB_EOK; i++) {
        hub_object_t head;
        hub_object_id_t id;
        hub_slice_t bytes;
        err = hub_object_get_key(view, list->rows[i].key, &head);
        if (err == HUB_EOK)
            bytes = hub_projection_show(view, pool, list->rows[i].key, &head, OCPI_V2_2_1);
        if (err != HUB_EOK || !hub_object_key_parse(list->rows[i].key, &id)) {
            err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
            continue;
        }
        if (!first)
            hub_buf_add_char(out, ',');
        first = false;
        write_entry(pool, row, id.scope, &head, bytes, out);
    }
    return err;
}

/* As of every list of objects; the link keeps the integration asked for. */
static void received_headers(hub_exchange_t *x, const hub_objects_page_t *page, hub_audience_t audience)
{
    uint32_t first = x->reply.header_count;
    hub_objects__page_headers(x, page);
    for (uint32_t i = first; i < x->reply.header_count && audience >> 56 == HUB_AUDIENCE_RECEIVED; i++) {
        hub_header_t *header = &x->reply.headers[i];
        const char *end = hub_slice_eq_str(header->name, "link") ? memchr(header->value.ptr, '>', header->value.len) : NULL;
        if (end)
            header->value = hub_pool_printf(x->pool, "%.*s&integration=%u%s", (int)(end - header->value.ptr), header->value.ptr,
                                            (uint32_t)audience, ">; rel=\"next\"");
    }
}

void hub_v1_received_list(hub_exchange_t *x)
{
    const hub_objects_row_t *row = row_of(x);
    hub_objects_page_t page = {
        .tenant = x->state->tenant, .version = OCPI_V2_2_1, .max_limit = hub_objects__max_limit(x->worker->core, NULL)};
    ocpi_problem_t problem = {0};
    hub_audience_t audience;
    hub_view_t *view;
    if (!row || !(view = hub_exchange_view(x)))
        return;
    page.module = row->module;
    if (ocpi_page_parse(x->pool, x->query, page.max_limit, false, &page.page, &problem) != HUB_EOK) {
        reply_one_problem(x, problem.pointer, problem.rule ? problem.rule : "query", problem.message);
        return;
    }
    hub_list_query_t query = {.audiences = &audience,
                              .audience_count = 1,
                              .module = (uint8_t)row->module,
                              .from = page.page.from,
                              .to = page.page.to,
                              .offset = page.page.offset,
                              .position = page.page.position,
                              .limit = page.page.limit,
                              .count = true};
    hub_err_t err = audience_of(x, view, &audience) ? hub_list(view, &query, x->pool, &page.list) : HUB_ENOT_FOUND;
    if (err == HUB_EINVALID) {
        reply_one_problem(x, HUB_SLICE_LIT("/query/position"), "position", HUB_SLICE_LIT("no position that this server gave"));
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_char(&out, '[');
    if (err == HUB_EOK)
        err = write_list(view, x->pool, row, &page.list, &out);
    if (err != HUB_EOK) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_add_char(&out, ']');
    received_headers(x, &page, audience);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

void hub_v1_received_get(hub_exchange_t *x)
{
    const hub_exchange_state_t *state = x->state;
    const hub_objects_row_t *row = row_of(x);
    const hub_slice_t none = HUB_SLICE_NONE;
    hub_slice_t evse = state->param_count > 5 ? state->param[5] : none, connector = state->param_count > 6 ? state->param[6] : none;
    uint64_t integration = 0;
    hub_view_t *view;
    hub_object_t head;
    hub_key_t key;
    hub_slice_t bytes;
    if (!row || !(view = hub_exchange_view(x)))
        return;
    hub_err_t err = hub_slice_u64(state->param[1], &integration) && integration > 0 && integration <= UINT32_MAX ? HUB_EOK : HUB_ENOT_FOUND;
    if (err == HUB_EOK && evse.len && row->level[connector.len ? 2 : 1] == OCPI_OBJECT_NONE)
        err = HUB_ENOT_FOUND;
    hub_object_id_t id = {.tenant = state->tenant,
                          .scope = (uint32_t)integration,
                          .module = (uint8_t)row->module,
                          .country = state->param[2],
                          .party = state->param[3],
                          .id = state->param[4]};
    if (row->traits & HUB_TRAIT_TYPED && (!ocpi_query_get(x->pool, x->query, "type", &id.type) || !id.type.len))
        id.type = HUB_SLICE_LIT(HUB_TOKEN_TYPE);
    if (err == HUB_EOK)
        err = hub_object_key(&id, &key);
    if (err == HUB_EOK)
        err = hub_object_get(view, &id, &head);
    if (err == HUB_EOK)
        bytes = hub_projection_show(view, x->pool, hub_key_slice(&key), &head, OCPI_V2_2_1);
    if (err == HUB_EOK)
        err = hub_objects_level(x->pool, bytes, evse, connector, &bytes);
    if (err != HUB_EOK) {
        hub_reply_problem(x, err == HUB_EINVALID ? HUB_ENOT_FOUND : err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    write_entry(x->pool, row, (uint32_t)integration, &head, bytes, &out);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
