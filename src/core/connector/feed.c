/* What a connector wants of the change streams, and reading it into the window. */
#include <string.h>

#include "object/quarantine.h"
#include "run.h"

#define LOOK_MOST 1000u /* entries read at one go */

/* ---- what it wants ---- */

static void choose_types(hub_run_t *run)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *item;
    hub_slice_t json = hub_connector_json(run->integration->connector, "events");
    if (!json.ptr || ocpi_read(run->pool, json, &doc, NULL) != HUB_EOK || !yyjson_is_arr(yyjson_doc_get_root(doc)))
        return;
    run->types = hub_pool_alloc(run->pool, (yyjson_arr_size(yyjson_doc_get_root(doc)) + 1) * sizeof *run->types);
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item)
    {
        if (yyjson_is_str(item))
            run->types[run->type_count++] = hub_pool_copy(run->pool, ocpi_str(item));
    }
}

void hub_run__choose(hub_run_t *run)
{
    hub_slice_t direction = hub_connector_config(run->pool, run->integration->connector, "direction");
    bool own = !hub_slice_eq_str(direction, "received"), received = !hub_slice_eq_str(direction, "own");
    switch (run->kind->feed) {
    case HUB_FEED_EVENTS:
        run->sources = HUB_EVENT_ALL;
        choose_types(run);
        break;
    case HUB_FEED_BILLING:
        run->sources = hub_event_mask(OCPI_MODULE_CDRS, own, received) | hub_event_mask(OCPI_MODULE_SESSIONS, own, received);
        break;
    case HUB_FEED_ALERTS:
        run->sources = hub_event_mask(HUB_MODULE_INTEGRATION, true, false);
        break;
    default:
        run->sources = hub_event_mask(OCPI_MODULE_CDRS, own, received);
        break;
    }
}

/* Of itself a connector tells nothing: its own deliveries would change what it tells. */
static bool wants(const hub_run_t *run, const hub_event_t *event, hub_buf_t *type)
{
    bool integration = hub_event_sources[event->source].module == HUB_MODULE_INTEGRATION;
    if (integration && event->integration == run->agent->id)
        return false;
    if (run->kind->feed == HUB_FEED_ALERTS)
        return event->verb == HUB_EVENT_STATUS;
    if (run->kind->feed != HUB_FEED_EVENTS)
        return event->verb != HUB_EVENT_DELETED;
    if (!run->type_count)
        return true;
    type->len = 0;
    hub_event_add_type(type, event);
    for (uint32_t i = 0; i < run->type_count; i++)
        if (hub_slice_eq(run->types[i], hub_buf_slice(type)))
            return true;
    return false;
}

/* ---- reading ---- */

/* Nobody was told of the first state yet: the newer one is what is new. */
static hub_event_verb_t merged(const hub_shipment_t *with, hub_event_verb_t verb)
{
    return with && with->verb == HUB_EVENT_CREATED && verb == HUB_EVENT_UPDATED ? HUB_EVENT_CREATED : verb;
}

/* Read in pieces: it may have been told of before, when it stood elsewhere. Then it is told as what is asked for. */
static bool choose_verb(const hub_run_t *run, uint64_t after, hub_event_t *event, hub_buf_t *type)
{
    bool unsure = event->verb == HUB_EVENT_CREATED && event->change.created_seq <= after;
    if (unsure && hub_run__knows(run, event->change.created_seq))
        event->verb = HUB_EVENT_UPDATED;
    if (wants(run, event, type))
        return true;
    event->verb = unsure ? HUB_EVENT_UPDATED : event->verb;
    return unsure && wants(run, event, type);
}

static void take(hub_run_t *run, uint64_t after, hub_event_t *event, hub_buf_t *type)
{
    const hub_ship_key_t what = {(uint8_t)event->source, event->change.key, event->change.evse_uid};
    uint64_t hash = hub_ship_hash(&what);
    hub_shipment_t *s = hub_run__same(run->window, hash, &what);
    if (!s)
        s = hub_run__same(run->waiting, hash, &what);
    event->verb = merged(s, event->verb);
    if (!choose_verb(run, s ? 0 : after, event, type))
        return;
    bool fresh = !s;
    if (fresh) {
        s = hub_shipment_create(run, &what);
        s->floor = event->change.seq;
    }
    s->seq = event->change.seq;
    s->verb = (uint8_t)event->verb;
    s->kind = (uint8_t)event->change.kind;
    if (run->kind->feed != HUB_FEED_ALERTS) /* alert.c knows whether it is something else */
        s->parts = 0;
    if (fresh) {
        hub_run__add(run, s);
    } else if (s->waiting) { /* its record must say so before the cursor passes */
        if (run->kind->feed != HUB_FEED_ALERTS)
            s->due = 0;
        hub_run__end(s, HUB_SHIP_LATER);
    }
}

/* Quarantine keeps the newest: what is money must not push its own out of there. */
bool hub_run__parks_full(const hub_run_t *run)
{
    return (run->kind->flags & HUB_KIND_LEDGER) && run->parked_now + run->waiting_count + HUB_RUN_WINDOW > HUB_QUARANTINE_LIMIT;
}

static bool has_room(const hub_run_t *run)
{
    if (hub_run__parks_full(run))
        return false;
    return hub_run__taken(run) < HUB_RUN_WINDOW && run->waiting_count + run->window_count < HUB_RUN_WAITING;
}

void hub_run__read(hub_run_t *run, hub_view_t *view, uint64_t view_seq)
{
    hub_event_reader_t reader;
    hub_event_t event;
    hub_pool_t *pool = hub_pool_create();
    hub_buf_t type = HUB_BUF_INIT(NULL);
    unsigned looked = 0;
    bool more = has_room(run);
    uint64_t until = run->tick.schedule.len ? run->tick.until : UINT64_MAX;
    hub_event_reader_init(&reader, view, run->agent->tenant, more ? run->sources : 0, run->scanned);
    while (more && looked++ < LOOK_MOST && has_room(run) && (more = hub_event_reader_next(&reader, &event) && event.change.seq <= until)) {
        run->scanned = event.change.seq;
        if (!hub_run__knows(run, event.change.seq) && hub_event_look(view, pool, reader.after, run->known, &event))
            take(run, reader.after, &event, &type);
        hub_pool_clear(pool);
    }
    run->exhausted = !more && has_room(run);
    if (run->exhausted && view_seq > until)
        view_seq = until;
    if (run->exhausted && view_seq > run->scanned)
        run->scanned = view_seq;
    if (hub_event_reader_finish(&reader) != HUB_EOK)
        run->exhausted = false;
    if (run->exhausted)
        run->known = run->scanned;
    hub_buf_finish(&type);
    hub_pool_destroy(pool);
}

void hub_run__reread(hub_run_t *run)
{
    for (hub_shipment_t *s = run->window, *next; s; s = next) {
        next = s->next;
        if (s->state != HUB_SHIP_QUEUED || s->attempts || s->recorded)
            continue;
        hub_run__unlink(run, s);
        if (s->floor <= run->scanned)
            run->scanned = s->floor - 1;
        hub_shipment_free(s);
    }
    uint64_t cursor = hub_run__cursor(run);
    if (cursor < run->scanned)
        run->scanned = cursor;
    if (run->known > run->scanned)
        run->known = run->scanned;
    run->exhausted = false;
}
