/* GET /v1/integrations: the index says which ones, their lines say what is shown. */
#include <inttypes.h>
#include <string.h>

#include "integration_index.h"
#include "integration_line.h"
#include "integration_setting.h"
#include "reply.h"
#include "settings/collection.h"
#include "v1.h"

typedef struct listing {
    hub_exchange_t *x;
    hub_view_t *view;
    hub_v1_page_t page;
    hub_integration_pick_t pick;
    hub_integration_show_t show;
    hub_buf_t filters; /* for the links */
    bool none;         /* a filter that nothing can fit */
} listing_t;

static bool get_filter(listing_t *l, const char *name, hub_slice_t *value)
{
    if (!hub_v1_text(l->x, name, value))
        return false;
    hub_buf_printf(&l->filters, "&%s=", name);
    hub_buf_add_url(&l->filters, *value);
    return true;
}

static int parse_status(hub_slice_t text)
{
    for (int status = 0; status <= HUB_STATUS_UNREGISTERED; status++)
        if (hub_slice_eq_str(text, hub_integration_status_name((hub_integration_status_t)status)))
            return status;
    return -1;
}

static hub_err_t read_filters(listing_t *l)
{
    hub_slice_t text;
    hub_integration_type_t type;
    hub_err_t err = HUB_EOK;
    l->pick.type = l->pick.status = -1;
    if (get_filter(l, "type", &text)) {
        l->none = !hub_integration_type_parse(text, &type);
        l->pick.type = l->none ? -1 : (int)type;
    }
    if (get_filter(l, "status", &text)) {
        l->pick.status = parse_status(text);
        l->none = l->none || l->pick.status < 0;
    }
    if (get_filter(l, "reference", &text)) {
        err = hub_integration_by_reference(l->view, l->pick.tenant, text, &l->pick.only);
        l->none = l->none || !l->pick.only;
    }
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* By the last one shown: what is made or deleted meanwhile moves nothing. */
static void add_headers(listing_t *l)
{
    hub_exchange_t *x = l->x;
    const hub_integration_pick_t *pick = &l->pick;
    hub_reply_add_header(x, "x-total-count", hub_pool_printf(x->pool, "%" PRIu64, pick->total));
    hub_reply_add_header(x, "x-limit", hub_pool_printf(x->pool, "%u", pick->limit));
    if (pick->more && pick->count)
        hub_reply_add_header(x, "link",
                             hub_pool_printf(x->pool, "<%.*s/v1/integrations?after=%u&limit=%u%.*s>; rel=\"next\"",
                                             HUB_SLICE_FMT(x->worker->core->public_url), pick->ids[pick->count - 1], pick->limit,
                                             HUB_SLICE_FMT(hub_buf_slice(&l->filters))));
}

static hub_err_t one(listing_t *l, uint32_t id, hub_slice_t *text)
{
    hub_exchange_t *x = l->x;
    if (!l->show.reveal)
        return hub_integration_line(x->worker->core, l->view, x->pool, l->pick.tenant, id, text);
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_err_t err = hub_integration_write(x->worker->core, l->view, x->pool, l->pick.tenant, id, &l->show, &out, NULL);
    *text = hub_buf_slice(&out);
    return err;
}

/* The lines go out from where they lie: parts are the body. */
static hub_err_t write_page(listing_t *l)
{
    hub_reply_t *reply = &l->x->reply;
    hub_slice_t *parts = hub_pool_alloc(l->x->pool, (2 * (size_t)l->pick.count + 2) * sizeof *parts);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->pick.count; i++) {
        parts[n++] = i ? HUB_SLICE_LIT(",") : HUB_SLICE_LIT("[");
        hub_err_t err = one(l, l->pick.ids[i], &parts[n++]);
        if (err)
            return err;
    }
    if (!n)
        parts[n++] = HUB_SLICE_LIT("[");
    parts[n++] = HUB_SLICE_LIT("]");
    reply->parts = parts;
    reply->part_count = n;
    reply->status = 200;
    return HUB_EOK;
}

void hub_v1_integration_list(hub_exchange_t *x)
{
    listing_t l = {.x = x, .filters = HUB_BUF_INIT(x->pool), .pick = {.tenant = x->state->tenant}};
    l.view = hub_exchange_view(x);
    if (!l.view || !hub_integration_show_read(x, &l.show))
        return;
    hub_v1_page_read(x, &l.page);
    uint64_t after = hub_v1_number(x, "after", 0);
    l.pick.after = after < UINT32_MAX ? (uint32_t)after : UINT32_MAX;
    l.show.lists = false;
    l.pick.offset = l.page.offset;
    l.pick.limit = l.page.limit;
    l.pick.ids = hub_pool_alloc(x->pool, l.page.limit * sizeof *l.pick.ids);
    hub_err_t err = read_filters(&l);
    if (!err && !l.none)
        err = hub_integration_pick(l.view, &l.pick);
    if (!err)
        err = write_page(&l);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    add_headers(&l);
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/json"));
    hub_exchange_done(x);
}
