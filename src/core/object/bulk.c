/* Bulk: POST of many objects. The body is split lazily; one chunk at a time is prepared on the worker, applied in one operation, and
 * forgotten, so that 100,000 items cost no more memory than one chunk beside the body. A bad item never stops the others. */
#include <inttypes.h>

#include "audit/audit.h"
#include "object.h"
#include "reply.h"
#include "v1.h"

#define RESULTS_LISTED 1000 /* failures named in the answer; more are counted */
#define RETRY_MS 20
#define RETRY_ATTEMPTS 500

static void next_chunk(hub_bulk_t *bulk);

static ocpi_problem_t explained(const hub_bulk_item_t *item)
{
    const hub_err_info_t *info = hub_err_info(item->err);
    if (item->err == HUB_ECONFLICT && item->in.module == OCPI_MODULE_SESSIONS)
        return (ocpi_problem_t){.rule = "S1", .message = HUB_SLICE_LIT(HUB_SESSION_FINAL)};
    if (item->err == HUB_ECONFLICT && item->in.module == OCPI_MODULE_CDRS)
        return (ocpi_problem_t){.rule = "D3", .message = HUB_SLICE_LIT(HUB_CDR_FINAL)};
    return (ocpi_problem_t){.rule = info->name, .message = hub_slice_str(info->text)};
}

static void add_failure(hub_bulk_t *bulk, const hub_bulk_item_t *item)
{
    hub_buf_t *out = &bulk->results;
    if (bulk->failed++ >= RESULTS_LISTED) {
        bulk->omitted++;
        return;
    }
    if (out->len)
        hub_buf_add_char(out, ',');
    hub_buf_printf(out, "{\"index\":%" PRIu64 ",\"id\":", item->index);
    hub_buf_add_json(out, item->in.id);
    hub_buf_add_str(out, ",\"errors\":[");
    uint32_t n = 0;
    for (uint32_t i = 0; i < item->in.problems.count; i++) {
        if (item->in.problems.list[i].severity != OCPI_ERROR)
            continue;
        if (n++)
            hub_buf_add_char(out, ',');
        hub_reply_add_error(out, &item->in.problems.list[i]);
    }
    if (!n) {
        const ocpi_problem_t problem = explained(item);
        hub_reply_add_error(out, &problem);
    }
    hub_buf_add_str(out, "]}");
}

static void end(hub_bulk_t *bulk, hub_err_t err)
{
    hub_exchange_t *x = bulk->x;
    hub_pool_destroy(bulk->pool);
    bulk->pool = NULL;
    if (x->worker->port.timer_stop)
        x->worker->port.timer_stop(x->worker->port.self, &bulk->timer);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_char(&out, '{');
    if (!bulk->kind->stale)
        hub_buf_printf(&out, "\"created\":%" PRIu64 ",", bulk->outcome[HUB_CREATED]);
    hub_buf_printf(&out, "\"updated\":%" PRIu64 ",\"unchanged\":%" PRIu64, bulk->outcome[HUB_UPDATED], bulk->outcome[HUB_UNCHANGED]);
    if (bulk->kind->stale)
        hub_buf_printf(&out, ",\"stale\":%" PRIu64, bulk->outcome[HUB_STALE_IGNORED]);
    hub_buf_printf(&out, ",\"failed\":%" PRIu64 ",\"results\":[", bulk->failed);
    hub_buf_add(&out, hub_buf_slice(&bulk->results));
    hub_buf_add_char(&out, ']');
    if (bulk->omitted)
        hub_buf_printf(&out, ",\"resultsOmitted\":%" PRIu64, bulk->omitted);
    hub_buf_add_char(&out, '}');
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

/* ---- one chunk ---- */

/* One entry a request, in the transaction of its first change; each further chunk brings the counts up to date. */
static hub_err_t note(hub_bulk_t *bulk, hub_view_t *view)
{
    uint64_t created = bulk->outcome[HUB_CREATED], updated = bulk->outcome[HUB_UPDATED];
    for (uint32_t i = 0; i < bulk->count; i++) {
        created += !bulk->items[i].err && bulk->items[i].in.outcome == HUB_CREATED;
        updated += !bulk->items[i].err && bulk->items[i].in.outcome == HUB_UPDATED;
    }
    bulk->audit_tried = bulk->audit;
    if (created + updated == bulk->outcome[HUB_CREATED] + bulk->outcome[HUB_UPDATED])
        return HUB_EOK;
    return hub_audit_bulk(view, bulk->x, bulk->pool, &bulk->audit_tried,
                          hub_pool_printf(bulk->pool, "{\"created\":%" PRIu64 ",\"updated\":%" PRIu64 "}", created, updated));
}

static hub_err_t chunk_apply(hub_view_t *view, hub_op_t *op)
{
    hub_bulk_t *bulk = (hub_bulk_t *)op;
    hub_err_t err = bulk->kind->apply(bulk, view, bulk->items, bulk->count);
    return err ? err : note(bulk, view);
}

static void chunk_done(hub_op_t *op)
{
    hub_bulk_t *bulk = (hub_bulk_t *)op;
    bulk->attempts = 0;
    if (!op->err)
        bulk->audit = bulk->audit_tried;
    for (uint32_t i = 0; !op->err && i < bulk->count; i++) {
        if (bulk->items[i].err)
            add_failure(bulk, &bulk->items[i]);
        else
            bulk->outcome[bulk->items[i].in.outcome]++;
    }
    if (op->err || bulk->x->gone)
        end(bulk, op->err); /* what was committed stays; the same body may be sent again */
    else
        next_chunk(bulk);
}

static void submit(hub_bulk_t *bulk)
{
    hub_exchange_t *x = bulk->x;
    hub_err_t err = hub_store_submit(x->worker->core->store, &bulk->op);
    bool begun = bulk->split.index > bulk->count;
    if (err == HUB_EBUSY && begun && x->worker->port.timer_start && ++bulk->attempts < RETRY_ATTEMPTS)
        x->worker->port.timer_start(x->worker->port.self, &bulk->timer, RETRY_MS);
    else if (err)
        end(bulk, err);
}

static void submit_again(hub_timer_t *timer)
{
    submit(timer->arg);
}

static void next_chunk(hub_bulk_t *bulk)
{
    hub_pool_destroy(bulk->pool);
    bulk->pool = hub_pool_create();
    bulk->items = hub_pool_zalloc(bulk->pool, bulk->kind->chunk * sizeof *bulk->items);
    bulk->count = 0;
    bulk->now = hub_now_ms();
    while (bulk->count < bulk->kind->chunk) {
        hub_bulk_item_t *item = &bulk->items[bulk->count];
        if (!hub_split_next(&bulk->split, &item->text, &item->index))
            break;
        bulk->kind->prepare(bulk, item);
        bulk->count++;
    }
    if (bulk->count)
        submit(bulk);
    else
        end(bulk, HUB_EOK);
}

void hub_bulk_run(hub_exchange_t *x, const hub_bulk_kind_t *kind, ocpi_module_t module, ocpi_version_t version, bool keep_status)
{
    const char *why;
    if (!hub_body_plain(x))
        return;
    hub_bulk_t *bulk = HUB_POOL_NEW(x->pool, hub_bulk_t);
    bulk->op.apply = chunk_apply;
    bulk->op.done = chunk_done;
    bulk->op.reply_to = x->worker->mailbox;
    bulk->x = x;
    bulk->kind = kind;
    bulk->module = module;
    bulk->version = version;
    bulk->keep_status = keep_status;
    bulk->results = HUB_BUF_INIT(x->pool);
    bulk->timer = (hub_timer_t){.run = submit_again, .arg = bulk};
    hub_exchange_view_close(x); /* long work: a view kept open would keep old pages alive */
    hub_err_t err = hub_split_init(&bulk->split, x->header[HUB_HEADER_CONTENT_TYPE], x->body, &why);
    if (err == HUB_EMALFORMED || err == HUB_EINVALID)
        hub_reply_wrong(x, "", "json", why);
    else if (err)
        hub_reply_problem(x, err, hub_slice_str(why));
    else
        next_chunk(bulk);
}

/* ---- POST /v1/{module} ---- */

static void object_prepare(hub_bulk_t *bulk, hub_bulk_item_t *item)
{
    item->in = (hub_incoming_t){.tenant = bulk->x->state->tenant,
                                .module = bulk->module,
                                .version = bulk->version,
                                .text = item->text,
                                .keep_status = bulk->keep_status,
                                .now = bulk->now};
    hub_objects_prepare(bulk->pool, &item->in);
}

static hub_err_t object_apply(hub_bulk_t *bulk, hub_view_t *view, hub_bulk_item_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        items[i].err = hub_objects_store(bulk->x->worker->core, view, bulk->pool, &items[i].in);
        if (items[i].err && !hub_objects_refused(items[i].err))
            return items[i].err;
    }
    return HUB_EOK;
}

void hub_v1_object_bulk(hub_exchange_t *x)
{
    static const hub_bulk_kind_t kind = {.chunk = 200, .prepare = object_prepare, .apply = object_apply};
    ocpi_module_t module = ocpi_module_parse(x->state->param[0]);
    hub_slice_t keep;
    if (!hub_objects__row(module))
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    else
        hub_bulk_run(x, &kind, module, hub_objects__version(x),
                     ocpi_query_get(x->pool, x->query, "keepStatus", &keep) && !hub_slice_eq_str(keep, "false"));
}
