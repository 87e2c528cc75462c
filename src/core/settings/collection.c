/* Collections of /v1: list, get, POST, PUT, PATCH, DELETE of records that only rows describe. */
#include "collection.h"

#include <inttypes.h>
#include <string.h>

#include "audit/audit.h"
#include "reply.h"
#include "v1.h"

hub_slice_t hub_v1_now(hub_pool_t *pool)
{
    char text[OCPI_TIME_MAX + 1];
    size_t len = ocpi_time_format(hub_now_ms(), text);
    return hub_setting_json(pool, hub_slice(text, len));
}

bool hub_v1_id(hub_exchange_t *x, uint32_t *id)
{
    uint64_t n;
    hub_slice_t text = x->state->param[0];
    bool ok = hub_slice_u64(text, &n) && n > 0 && n <= UINT32_MAX && text.ptr[0] != '0';
    if (ok)
        *id = (uint32_t)n;
    else
        hub_reply_problem(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    return ok;
}

/* ---- versions ---- */

bool hub_etag_matches(hub_slice_t if_match, uint64_t version)
{
    hub_slice_t rest = hub_slice_trim(if_match), tag;
    char text[24];
    int len = snprintf(text, sizeof text, "\"%llu\"", (unsigned long long)version);
    if (!if_match.ptr)
        return true;
    while (hub_slice_split(&rest, ',', &tag)) {
        tag = hub_slice_trim(tag);
        if (hub_slice_eq_str(tag, "*") || hub_slice_eq(tag, hub_slice(text, (size_t)len)))
            return true; /* W/"N" never matches: RFC 9110 asks for a strong comparison here */
    }
    return false;
}

void hub_v1_add_etag(hub_exchange_t *x, uint64_t version)
{
    hub_reply_add_header(x, "etag", hub_pool_printf(x->pool, "\"%llu\"", (unsigned long long)version));
}

void hub_v1_tell_version(hub_exchange_t *x, uint64_t version)
{
    x->state->problem_extra = hub_pool_printf(x->pool, "\"version\":%llu", (unsigned long long)version);
    hub_v1_add_etag(x, version);
}

/* ---- pages ---- */

void hub_v1_page_read(hub_exchange_t *x, hub_v1_page_t *page)
{
    uint32_t most = x->worker->core->config.page_limit ? x->worker->core->config.page_limit : HUB_PAGE_LIMIT;
    uint64_t limit = hub_v1_number(x, "limit", most);
    page->offset = hub_v1_number(x, "offset", 0);
    page->filters = HUB_SLICE_NONE;
    page->limit = limit < most ? (uint32_t)limit : most;
}

void hub_v1_page_headers(hub_exchange_t *x, const hub_v1_page_t *page, const char *path, uint64_t total)
{
    hub_reply_add_header(x, "x-total-count", hub_pool_printf(x->pool, "%llu", (unsigned long long)total));
    hub_reply_add_header(x, "x-limit", hub_pool_printf(x->pool, "%u", page->limit));
    uint64_t next = page->offset + page->limit;
    if (next > page->offset && next < total)
        hub_reply_add_header(x, "link",
                             hub_pool_printf(x->pool, "<%.*s%s?offset=%" PRIu64 "&limit=%u%.*s>; rel=\"next\"",
                                             HUB_SLICE_FMT(x->worker->core->public_url), path, next, page->limit,
                                             HUB_SLICE_FMT(page->filters)));
}

/* ---- reading ---- */

static void record_key(hub_key_t *key, uint32_t tenant, uint32_t id)
{
    hub_key_init(key);
    hub_key_u32(key, tenant);
    hub_key_u32(key, id);
}

static void write_record(hub_pool_t *pool, const hub_collection_t *collection, uint32_t id, const hub_setting_values_t *values,
                         hub_buf_t *out)
{
    hub_buf_printf(out, collection->number ? "{\"id\":%u," : "{\"id\":\"%u\",", id);
    hub_setting_write_members(pool, collection->settings, values, NULL, false, 0, out);
    hub_buf_add_char(out, '}');
}

void hub_collection_list(hub_exchange_t *x, const hub_collection_t *collection)
{
    hub_v1_page_t page;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    hub_v1_page_read(x, &page);
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_setting_values_t values;
    uint64_t total = 0, version;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_key_init(&prefix);
    hub_key_u32(&prefix, x->state->tenant);
    hub_scan_init(&scan, view, collection->table, &prefix, NULL, false);
    hub_buf_add_char(&out, '[');
    while (hub_scan_next(&scan, &key, &value)) {
        if (total++ < page.offset || total > page.offset + page.limit ||
            hub_setting_decode(collection->settings, value, &values, &version) != HUB_EOK)
            continue;
        if (out.len > 1)
            hub_buf_add_char(&out, ',');
        write_record(x->pool, collection, hub_u32_at(key.ptr + 4), &values, &out);
    }
    hub_buf_add_char(&out, ']');
    hub_err_t err = hub_scan_finish(&scan);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &page, collection->path, total);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}

static hub_err_t record_body(hub_view_t *view, hub_pool_t *pool, const hub_collection_t *collection, uint32_t tenant, uint32_t id,
                             hub_slice_t *body, uint64_t *version)
{
    hub_key_t key;
    hub_slice_t record;
    hub_setting_values_t values;
    hub_buf_t out = HUB_BUF_INIT(pool);
    record_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, collection->table, &key, &record);
    if (!err)
        err = hub_setting_decode(collection->settings, record, &values, version);
    if (!err) {
        write_record(pool, collection, id, &values, &out);
        *body = hub_buf_slice(&out);
    }
    return err;
}

void hub_collection_get(hub_exchange_t *x, const hub_collection_t *collection)
{
    uint32_t id;
    hub_slice_t body;
    uint64_t version;
    if (!hub_v1_id(x, &id))
        return;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    hub_err_t err = record_body(view, x->pool, collection, x->state->tenant, id, &body, &version);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_add_etag(x, version);
    hub_reply_json(x, 200, body);
}

/* ---- writing ---- */

static hub_err_t load(hub_view_t *view, hub_collection_change_t *change, const hub_key_t *key)
{
    hub_slice_t record;
    hub_err_t err = hub_view_get(view, change->collection->table, key, &record);
    /* The record is mapped memory and settle writes: what is kept must not lie there. */
    if (!err)
        err = hub_setting_decode(change->collection->settings, hub_pool_copy(change->pool, record), &change->old, &change->version);
    return !err && !hub_etag_matches(change->if_match, change->version) ? HUB_EPRECONDITION : err;
}

static hub_err_t conflict(hub_collection_change_t *change, hub_err_t err)
{
    if (err == HUB_ECONFLICT)
        change->conflict = HUB_IDEMPOTENCY_CONFLICT;
    return err;
}

static hub_err_t replay(hub_view_t *view, hub_collection_change_t *change)
{
    hub_key_t key;
    record_key(&key, change->tenant, change->id);
    hub_err_t err = load(view, change, &key);
    change->now = change->old;
    return err;
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_collection_change_t *change = hub_write_of(op)->arg;
    const hub_collection_t *collection = change->collection;
    bool create = !hub_write_of(op)->x->state->param_count;
    hub_key_t key;
    uint64_t id = change->id;
    hub_setting_mask_t changed;
    hub_err_t err = HUB_EOK;
    change->version = 0;
    ocpi_problems_init(&change->problems, change->pool);
    change->conflict = HUB_SLICE_NONE;
    if (create) {
        err = hub_idempotency_find(view, &change->idempotency, &change->id);
        hub_write_of(op)->audit.skip = change->idempotency.replayed;
        if (err || change->idempotency.replayed)
            return err ? conflict(change, err) : replay(view, change);
        err = hub_view_next_id(view, collection->sequence, &id);
        change->id = (uint32_t)id;
    }
    record_key(&key, change->tenant, change->id);
    if (!err && !create)
        err = load(view, change, &key);
    if (err)
        return err;
    if (!change->remove) {
        if (!hub_setting_merge(change->pool, collection->settings, NULL, &change->in, create ? NULL : &change->old, change->full,
                               &change->now, &changed, &change->problems))
            return HUB_EINVALID;
        change->now.json[collection->last_updated] = hub_v1_now(change->pool);
        if (create)
            change->now.json[collection->created] = change->now.json[collection->last_updated];
    }
    err = collection->settle ? collection->settle(view, change) : HUB_EOK;
    if (!err && change->problems.errors)
        err = HUB_EINVALID;
    if (err)
        return err;
    hub_audit_settings(hub_write_of(op), create ? hub_pool_printf(change->pool, "%s/%u", collection->path, change->id) : HUB_SLICE_NONE,
                       collection->settings, create ? NULL : &change->old, change->remove ? NULL : &change->now);
    if (change->remove)
        return hub_view_delete(view, collection->table, &key);
    change->version++;
    err =
        hub_view_put(view, collection->table, &key, hub_setting_encode(change->pool, collection->settings, &change->now, change->version));
    return err ? err : hub_idempotency_note(view, &change->idempotency, change->id);
}

static bool reply_failed(hub_exchange_t *x, const hub_collection_change_t *change, hub_err_t err)
{
    if (err == HUB_EPRECONDITION)
        hub_v1_tell_version(x, change->version);
    if (err == HUB_EINVALID)
        hub_reply_invalid(x, &change->problems);
    else if (err)
        hub_reply_problem(x, err, change->conflict);
    return err != HUB_EOK;
}

static void written(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    hub_collection_change_t *change = write->arg;
    if (reply_failed(x, change, write->op.err))
        return;
    if (change->remove) {
        hub_reply_empty(x, 204);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    write_record(x->pool, change->collection, change->id, &change->now, &out);
    hub_v1_add_etag(x, change->version);
    hub_idempotency_tell(x, &change->idempotency);
    if (x->method == HUB_POST)
        hub_reply_add_header(
            x, "location",
            hub_pool_printf(x->pool, "%.*s%s/%u", HUB_SLICE_FMT(x->worker->core->public_url), change->collection->path, change->id));
    hub_reply_json(x, x->method == HUB_POST ? 201 : 200, hub_buf_slice(&out));
}

static hub_collection_change_t *change_of(hub_exchange_t *x, const hub_collection_t *collection)
{
    hub_collection_change_t *change = HUB_POOL_NEW(x->pool, hub_collection_change_t);
    change->collection = collection;
    change->core = x->worker->core;
    change->pool = x->pool;
    change->tenant = x->state->tenant;
    change->if_match = x->header[HUB_HEADER_IF_MATCH];
    return change;
}

void hub_collection_write(hub_exchange_t *x, const hub_collection_t *collection, bool full, bool create)
{
    hub_collection_change_t *change = change_of(x, collection);
    change->full = full;
    if (!create && !hub_v1_id(x, &change->id))
        return;
    if (!hub_idempotency_read(x, &change->idempotency))
        return;
    yyjson_val *body = hub_body_json(x, false);
    if (!body)
        return;
    ocpi_problems_init(&change->problems, x->pool);
    bool ok = (full ? hub_setting_read : hub_setting_read_patch)(x->pool, collection->settings, change->core->config.insecure_peers, body,
                                                                 &change->in, &change->problems);
    if (ok && !full && !change->in.given && !change->in.nulls) {
        ocpi_problem_add(&change->problems, OCPI_ERROR, HUB_SLICE_LIT(""), "empty", "holds nothing that can be updated");
        ok = false;
    }
    if (ok)
        hub_exchange_write(x, apply, written, change);
    else
        hub_reply_invalid(x, &change->problems);
}

void hub_collection_delete(hub_exchange_t *x, const hub_collection_t *collection)
{
    hub_collection_change_t *change = change_of(x, collection);
    change->remove = true;
    if (hub_v1_id(x, &change->id))
        hub_exchange_write(x, apply, written, change);
}
