/* /v1/events: the feed. The latest state of each object once; what a reader has seen is said by `after` alone. */
#include "events.h"

#include "event.h"
#include "reply.h"
#include "v1.h"

#define FEED_LIMIT 100
#define FEED_LIMIT_MAX 1000
#define FEED_BYTES ((size_t)4 << 20) /* then the answer ends: partners decide how large an object is */

static void write_event(hub_view_t *view, hub_pool_t *pool, const hub_feed_t *feed, const hub_event_t *e, hub_buf_t *out)
{
    hub_slice_t object = feed->with_object ? hub_event_object(view, pool, e, feed->stream) : HUB_SLICE_NONE;
    if (feed->stream) {
        hub_buf_printf(out, "id: %llu\nevent: ", (unsigned long long)e->change.seq);
        hub_event_add_type(out, e);
        hub_buf_add_str(out, "\ndata: ");
    } else if (feed->count) {
        hub_buf_add_char(out, ',');
    }
    hub_event_write(pool, e, feed->with_object ? &object : NULL, out);
    if (feed->stream)
        hub_buf_add_str(out, "\n\n");
}

hub_err_t hub_feed_read(hub_view_t *view, hub_feed_t *feed, hub_buf_t *out)
{
    hub_event_reader_t reader;
    hub_event_t event;
    const size_t before = out->len;
    feed->count = 0;
    if (feed->after && feed->after < hub_change_horizon(view))
        return HUB_EGONE;
    hub_event_reader_init(&reader, view, feed->tenant, HUB_EVENT_ALL, feed->after);
    hub_pool_t *pool = hub_pool_create();
    while (feed->count < feed->limit && out->len - before < FEED_BYTES && hub_event_reader_next(&reader, &event)) {
        if (hub_event_look(view, pool, reader.after, reader.after, &event)) {
            write_event(view, pool, feed, &event, out);
            feed->count++;
        }
        hub_pool_clear(pool);
        feed->after = event.change.seq;
    }
    hub_pool_destroy(pool);
    return hub_event_reader_finish(&reader);
}

/* ---- /v1/events ---- */

/* False: answered. */
static bool read_query(hub_exchange_t *x, hub_feed_t *feed)
{
    hub_slice_t text;
    uint64_t limit = hub_v1_number(x, "limit", FEED_LIMIT);
    feed->after = hub_v1_number(x, "after", 0);
    feed->limit = (uint32_t)(limit < FEED_LIMIT_MAX ? limit : FEED_LIMIT_MAX);
    feed->with_object = hub_v1_text(x, "include", &text);
    text = hub_slice_trim(x->header[HUB_HEADER_LAST_EVENT_ID]);
    if (!text.len || hub_slice_u64(text, &feed->after))
        return true;
    hub_reply_wrong(x, "/headers/last-event-id", "query", "a sequence number is asked for");
    return false;
}

static bool wants_stream(const hub_exchange_t *x)
{
    hub_slice_t rest = x->header[HUB_HEADER_ACCEPT], type;
    while (hub_slice_split(&rest, ',', &type)) {
        hub_slice_t name;
        if (hub_slice_split(&type, ';', &name) && hub_slice_caseeq_str(hub_slice_trim(name), "text/event-stream"))
            return true;
    }
    return false;
}

void hub_v1_events(hub_exchange_t *x)
{
    hub_feed_t feed = {.tenant = x->state->tenant};
    if (!read_query(x, &feed))
        return;
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    if (wants_stream(x) && x->method == HUB_GET) {
        hub_events_stream(x, &feed);
        return;
    }
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    hub_buf_add_str(&out, "{\"events\":[");
    hub_err_t err = hub_feed_read(view, &feed, &out);
    if (err == HUB_EGONE)
        hub_reply_problem(x, err, HUB_SLICE_LIT("deletions this old are no longer kept: start again with after=0"));
    else if (err != HUB_EOK)
        hub_reply_problem(x, err, HUB_SLICE_NONE);
    if (err != HUB_EOK)
        return;
    hub_buf_printf(&out, "],\"next\":%llu}", (unsigned long long)feed.after);
    hub_reply_json(x, 200, hub_buf_slice(&out));
}
