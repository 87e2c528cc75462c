/* GET /v1/audit: newest first. */
#include <string.h>

#include "access/tenant.h"
#include "audit.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

static const hub_audit_kind_t kinds[] = {HUB_AUDIT_CHANGE, HUB_AUDIT_DENIED, HUB_AUDIT_OBJECT};
#define STREAMS (2 * HUB_COUNT(kinds)) /* of the tenant, and of nobody's: requests without a credential */

typedef struct stream {
    hub_scan_t scan;
    hub_slice_t key, json;
    int64_t time;
    bool live;
} stream_t;

typedef struct listing {
    hub_exchange_t *x;
    hub_v1_page_t page;
    hub_slice_t actor, resource;
    int64_t from, to;
    bool filtered;
    uint64_t total;
    uint32_t stream_count;
    stream_t streams[STREAMS];
    hub_buf_t out;
} listing_t;

/* ---- filters ---- */

static void add_filter(listing_t *l, hub_buf_t *out, const char *name, hub_slice_t *value)
{
    if (!hub_v1_text(l->x, name, value))
        return;
    hub_buf_printf(out, "&%s=", name);
    hub_buf_add_url(out, *value);
    l->filtered = true;
}

static void read_time(listing_t *l, hub_buf_t *out, const char *name, int64_t *ms)
{
    hub_slice_t text;
    add_filter(l, out, name, &text);
    if (text.len)
        *ms = hub_v1_time(l->x, name, *ms);
}

static void read_query(listing_t *l)
{
    hub_buf_t filters = HUB_BUF_INIT(l->x->pool);
    l->from = INT64_MIN;
    l->to = INT64_MAX;
    hub_v1_page_read(l->x, &l->page);
    add_filter(l, &filters, "actor", &l->actor);
    add_filter(l, &filters, "resource", &l->resource);
    read_time(l, &filters, "date_from", &l->from);
    read_time(l, &filters, "date_to", &l->to);
    l->page.filters = hub_buf_slice(&filters);
}

/* A resource and what lies below it. */
static bool is_below(hub_slice_t resource, hub_slice_t root)
{
    return hub_slice_starts(resource, root) && (resource.len == root.len || root.ptr[root.len - 1] == '/' || resource.ptr[root.len] == '/');
}

/* ---- the merge ---- */

/* To the stream's next entry that fits. */
static void advance(listing_t *l, stream_t *s)
{
    hub_slice_t value, actor, resource;
    while ((s->live = hub_scan_next(&s->scan, &s->key, &value))) {
        if (!hub_audit_parse(value, &s->time, &actor, &resource, &s->json))
            continue;
        if ((!l->actor.ptr || hub_slice_eq(actor, l->actor)) && (!l->resource.ptr || is_below(resource, l->resource)) &&
            s->time >= l->from && s->time < l->to)
            return;
    }
}

static uint64_t number_of(hub_slice_t key)
{
    return (uint64_t)hub_u32_at(key.ptr + 5) << 32 | hub_u32_at(key.ptr + 9);
}

/* Without filters: from the first and the last number. */
static uint64_t count_of(hub_view_t *view, const hub_key_t *prefix)
{
    uint64_t ends[2] = {1, 0};
    for (int backward = 0; backward < 2; backward++) {
        hub_scan_t scan;
        hub_slice_t key, value;
        hub_scan_init(&scan, view, HUB_TABLE_AUDIT, prefix, NULL, backward);
        if (hub_scan_next(&scan, &key, &value) && key.len == 13)
            ends[backward] = number_of(key);
        hub_scan_finish(&scan);
    }
    return ends[1] + 1 - ends[0];
}

static void open_streams(listing_t *l, hub_view_t *view)
{
    const uint32_t tenants[2] = {l->x->state->tenant, HUB_TENANT_ALL};
    for (unsigned t = 0; t < (l->x->state->all_tenants ? 2u : 1u); t++)
        for (size_t k = 0; k < HUB_COUNT(kinds); k++) {
            hub_key_t prefix;
            stream_t *s = &l->streams[l->stream_count++];
            hub_audit_prefix(&prefix, tenants[t], kinds[k]);
            if (!l->filtered)
                l->total += count_of(view, &prefix);
            hub_scan_init(&s->scan, view, HUB_TABLE_AUDIT, &prefix, NULL, true);
            advance(l, s);
        }
}

static stream_t *newest(listing_t *l)
{
    stream_t *best = NULL;
    for (uint32_t i = 0; i < l->stream_count; i++)
        if (l->streams[i].live && (!best || l->streams[i].time > best->time))
            best = &l->streams[i];
    return best;
}

static hub_err_t read_all(listing_t *l)
{
    hub_err_t err = HUB_EOK;
    uint64_t seen = 0, end = l->page.offset + l->page.limit;
    stream_t *s;
    while ((l->filtered || seen < end) && (s = newest(l))) {
        if (seen >= l->page.offset && seen < end) {
            hub_buf_printf(&l->out, "%s{\"id\":\"%c%llu\",", l->out.len > 1 ? "," : "", s->key.ptr[4],
                           (unsigned long long)number_of(s->key));
            hub_buf_add(&l->out, s->json);
        }
        seen++;
        advance(l, s);
    }
    if (l->filtered)
        l->total = seen;
    for (uint32_t i = 0; i < l->stream_count; i++) {
        hub_err_t ended = hub_scan_finish(&l->streams[i].scan);
        err = err ? err : ended;
    }
    return err;
}

void hub_v1_audit_list(hub_exchange_t *x)
{
    hub_view_t *view = hub_exchange_view(x);
    listing_t *l = HUB_POOL_NEW(x->pool, listing_t);
    l->x = x;
    l->out = HUB_BUF_INIT(x->pool);
    if (!view)
        return;
    read_query(l);
    hub_buf_add_char(&l->out, '[');
    open_streams(l, view);
    hub_err_t err = read_all(l);
    hub_buf_add_char(&l->out, ']');
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_v1_page_headers(x, &l->page, "/v1/audit", l->total);
    hub_reply_json(x, 200, hub_buf_slice(&l->out));
}
