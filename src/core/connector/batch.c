/* FEED_EXPORT: many events in one delivery. A file is made in pieces, so that nobody else on this thread waits for it; one that has to go
 * again is made again of what its range of sequence numbers holds then. */
#include <stdio.h>

#include "export.h"
#include "run.h"

#define PIECE 100u

/* ---- a range as a shipment ---- */

static hub_shipment_t *ship(hub_run_t *run, uint64_t from, uint64_t upto)
{
    hub_key_t key;
    hub_key_init(&key);
    hub_key_u64(&key, from);
    hub_key_u64(&key, upto);
    const hub_ship_key_t what = {HUB_SHIP_EXPORT, hub_key_slice(&key), HUB_SLICE_NONE};
    hub_shipment_t *s = hub_shipment_create(run, &what);
    s->floor = from + 1;
    return s;
}

static uint64_t number_at(hub_slice_t key, size_t at)
{
    return at + 8 <= key.len ? (uint64_t)hub_u32_at(key.ptr + at) << 32 | hub_u32_at(key.ptr + at + 4) : 0;
}

/* What is to go again does not fit into one file any more (the format has changed since): it becomes two. */
static void split(hub_shipment_t *s, uint64_t from, uint64_t at, uint64_t upto)
{
    const uint64_t ends[] = {from, at, upto};
    for (unsigned i = 0; i < 2; i++) {
        hub_shipment_t *half = ship(s->run, ends[i], ends[i + 1]);
        half->first = s->first;
        half->attempts = s->attempts;
        half->failures = s->failures;
        hub_run__add(s->run, half);
        hub_run__end(half, HUB_SHIP_LATER);
    }
    hub_run__end(s, HUB_SHIP_NOTHING);
}

/* ---- making it ---- */

void hub_batch__drop(hub_run_t *run)
{
    if (run->batch.package)
        hub_run__unpack(run->batch.package);
    run->batch.package = NULL;
    run->batch.again = NULL;
}

static void begin(hub_run_t *run, hub_shipment_t *again)
{
    hub_package_t *package = hub_run__pack(run, again);
    package->delivery.export = hub_export_create(package->delivery.call.pool, package->delivery.connector);
    run->batch.package = package;
    run->batch.again = again;
    run->batch.from = run->batch.position = again ? number_at(again->what.key, 0) : run->scanned;
    run->batch.upto = again ? number_at(again->what.key, 8) : run->tick.until;
    run->batch.last = 0;
}

/* False: the file is full. */
static bool add(hub_run_t *run, hub_view_t *view, hub_pool_t *pool, hub_event_t *event)
{
    hub_buf_t text = HUB_BUF_INIT(pool);
    if (!hub_event_look(view, pool, run->batch.from, run->batch.from, event) || event->verb == HUB_EVENT_DELETED)
        return true;
    hub_slice_t object = hub_event_object(view, pool, event, false);
    hub_event_write(pool, event, NULL, &text);
    if (!hub_export_add(run->batch.package->delivery.export, hub_buf_slice(&text), object, event->change.seq))
        return false;
    run->batch.last = event->change.seq;
    return true;
}

/* One piece. True: the file is complete. */
static bool make(hub_run_t *run, hub_view_t *view)
{
    hub_event_reader_t reader;
    hub_event_t event;
    hub_pool_t *pool = hub_pool_create();
    unsigned count = 0;
    bool more = true, room = true;
    hub_event_reader_init(&reader, view, run->agent->tenant, run->sources, run->batch.position);
    while (room && count++ < PIECE && (more = hub_event_reader_next(&reader, &event) && event.change.seq <= run->batch.upto)) {
        room = add(run, view, pool, &event);
        if (room)
            run->batch.position = event.change.seq;
        hub_pool_clear(pool);
    }
    hub_event_reader_finish(&reader);
    hub_pool_destroy(pool);
    if (!more)
        run->batch.position = run->batch.upto;
    return !more || !room;
}

/* ---- sending it ---- */

static void describe(hub_run_t *run, hub_delivery_t *delivery)
{
    (void)snprintf(delivery->id, sizeof delivery->id, "msg_%u_%llu", run->agent->id, (unsigned long long)run->batch.last);
    delivery->seq = run->batch.last;
    delivery->type = HUB_SLICE_LIT("cdrs.export");
    delivery->now = hub_now_ms();
    delivery->event =
        hub_pool_printf(delivery->call.pool, "{\"type\":\"cdrs.export\",\"after\":%llu,\"upTo\":%llu,\"count\":%u}",
                        (unsigned long long)run->batch.from, (unsigned long long)run->batch.position, hub_export_count(delivery->export));
}

static void send(hub_run_t *run)
{
    hub_package_t *package = run->batch.package;
    hub_shipment_t *s = run->batch.again;
    run->batch.package = NULL;
    run->batch.again = NULL;
    if (!s) {
        run->scanned = run->batch.position;
        run->exhausted = run->scanned >= run->batch.upto;
    }
    if (!hub_export_count(package->delivery.export)) {
        if (s)
            hub_run__end(s, HUB_SHIP_NOTHING);
        hub_run__unpack(package);
        return;
    }
    if (s && run->batch.position < run->batch.upto) {
        split(s, run->batch.from, run->batch.position, run->batch.upto);
        hub_run__unpack(package);
        return;
    }
    describe(run, &package->delivery);
    if (!s) {
        s = ship(run, run->batch.from, run->batch.position);
        hub_run__add(run, s);
    }
    s->seq = run->batch.last;
    package->shipment = s;
    package->delivery.call.done = hub_run__answered;
    if (hub_run__authorized(run))
        hub_run__ship(package);
    else
        hub_run__unpack(package); /* it is made again */
}

void hub_batch__go(hub_run_t *run)
{
    hub_view_t *view;
    if (run->inflight)
        return;
    if (!run->batch.package) {
        hub_shipment_t *s = hub_run__next(run);
        bool fresh = !s && run->tick.open && !run->exhausted && !run->window_count && run->waiting_count < HUB_RUN_WAITING;
        if ((s || fresh) && hub_run__authorized(run))
            begin(run, s);
    }
    if (!run->batch.package || hub_view_open(run->agent->worker->core->store, &view) != HUB_EOK)
        return;
    bool complete = make(run, view);
    hub_view_close(view);
    if (complete)
        send(run);
}
