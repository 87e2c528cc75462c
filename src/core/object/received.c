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

typedef struct entry {
    hub_view_t *view;
    hub_pool_t *pool;
    const hub_objects_row_t *row;
    ocpi_version_t version; /* asked for */
    hub_slice_t key;
    hub_object_t head;
} entry_t;

/* What it is shown as: in the version asked for, or where it cannot be said in that as it came, with a warning. */
static hub_slice_t text_of(const entry_t *e, ocpi_problems_t *problems)
{
    hub_slice_t bytes;
    ocpi_losses_t losses;
    ocpi_version_t written = hub_projection_written(&e->head);
    if (hub_projection_get(e->view, e->pool, e->key, &e->head, e->version, &bytes) == HUB_EOK)
        return bytes;
    ocpi_losses_init(&losses, e->pool);
    (void)hub_projection_bridge(e->view, e->pool, e->key, hub_projection_own(&e->head), written, e->version, &bytes, &losses);
    const ocpi_loss_t *last = losses.count ? &losses.list[losses.count - 1] : NULL;
    ocpi_problem_add(problems, OCPI_WARNING, last ? last->pointer : HUB_SLICE_NONE, "bridge",
                     "shown as received in %s, since it cannot be said in %s: %.*s", ocpi_version_name(written),
                     ocpi_version_name(e->version), HUB_SLICE_FMT(last ? last->message : HUB_SLICE_NONE));
    return hub_projection_own(&e->head);
}

/* Only an object that was not clean is looked at again. */
static void find_warnings(const entry_t *e, ocpi_problems_t *problems)
{
    yyjson_doc *doc;
    const ocpi_check_t check = {.object = e->row->level[0], .version = hub_projection_written(&e->head)};
    if ((e->head.flags & HUB_OBJECT_WARNINGS) && ocpi_read(e->pool, e->head.bytes, &doc, NULL) == HUB_EOK)
        ocpi_check(yyjson_doc_get_root(doc), &check, problems);
}

/* `evse`, `connector`: one level of it. HUB_ENOT_FOUND. */
static hub_err_t write_entry(const entry_t *e, hub_slice_t evse, hub_slice_t connector, hub_buf_t *out)
{
    char time[OCPI_TIME_MAX + 1];
    hub_object_id_t id;
    hub_slice_t object;
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, e->pool);
    find_warnings(e, &problems);
    hub_slice_t text = text_of(e, &problems);
    hub_err_t err = hub_objects_level(e->pool, text, evse, connector, &object);
    if (err || !hub_object_key_parse(e->key, &id))
        return err ? err : HUB_ESTORE;
    ocpi_time_format(e->head.received_at, time);
    hub_buf_reserve(out, object.len + 160);
    hub_buf_printf(out, "{\"integrationId\":\"%u\",\"seq\":%llu,\"receivedAt\":\"%s\",\"stale\":%s,\"warnings\":", id.scope,
                   (unsigned long long)e->head.seq, time, e->head.flags & HUB_OBJECT_STALE ? "true" : "false");
    ocpi_problems_write(&problems, out);
    hub_buf_add_str(out, ",\"object\":");
    hub_buf_add(out, object);
    hub_buf_add_char(out, '}');
    return HUB_EOK;
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

static hub_err_t write_list(hub_view_t *view, hub_pool_t *pool, const hub_objects_row_t *row, const hub_objects_page_t *page,
                            hub_buf_t *out)
{
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0, n = 0; i < page->list.count && err == HUB_EOK; i++) {
        entry_t e = {.view = view, .pool = pool, .row = row, .version = page->version, .key = page->list.rows[i].key};
        err = hub_object_get_key(view, e.key, &e.head);
        if (err == HUB_EOK && n++)
            hub_buf_add_char(out, ',');
        if (err == HUB_EOK)
            err = write_entry(&e, HUB_SLICE_NONE, HUB_SLICE_NONE, out);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err;
    }
    return err;
}

void hub_v1_received_list(hub_exchange_t *x)
{
    const hub_objects_row_t *row = row_of(x);
    hub_objects_page_t page = {.tenant = x->state->tenant, .max_limit = hub_objects__max_limit(x->worker->core, NULL)};
    ocpi_problem_t problem = {0};
    hub_audience_t audience;
    hub_view_t *view;
    if (!row || !(view = hub_exchange_view(x)))
        return;
    page.version = hub_objects__version(x);
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
        err = write_list(view, x->pool, row, &page, &out);
    if (err != HUB_EOK) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_add_char(&out, ']');
    if (audience >> 56 == HUB_AUDIENCE_RECEIVED)
        page.filters = hub_pool_printf(x->pool, "&integration=%u", (uint32_t)audience);
    hub_objects__page_headers(x, &page);
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
    hub_key_t key;
    ocpi_version_t version = hub_objects__version(x);
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
    entry_t e = {.view = view, .pool = x->pool, .row = row, .version = version};
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    if (err == HUB_EOK)
        err = hub_object_get_key(view, e.key = hub_key_slice(&key), &e.head);
    if (err == HUB_EOK)
        err = write_entry(&e, evse, connector, &out);
    if (err != HUB_EOK) {
        hub_reply_problem(x, err == HUB_EINVALID ? HUB_ENOT_FOUND : err, HUB_SLICE_NONE);
        return;
    }
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
