/* The window of a pump: reading the change streams, what can be left out, what is done. */
#include "pump.h"
#include "sharing/sharing.h"

#define WINDOW 64u  /* items in memory a pump */
#define BUDGET 2000 /* entries read at a time, so that a worker never stands still */

/* ---- the list ---- */

static void link_by_seq(hub_pump_t *pump, hub_push_item_t *item)
{
    hub_push_item_t *before = pump->tail;
    while (before && before->seq > item->seq)
        before = before->prev;
    item->prev = before;
    item->next = before ? before->next : pump->head;
    *(item->next ? &item->next->prev : &pump->tail) = item;
    *(before ? &before->next : &pump->head) = item;
    item->in_window = true;
    pump->count++;
    pump->unfinished++;
}

static void free_if_unused(hub_push_item_t *item)
{
    if (item->in_window || item->unsettled || item->state == HUB_PUSH_INFLIGHT)
        return;
    hub_push__item_free(item);
}

static void unlink_item(hub_push_item_t *item)
{
    hub_pump_t *pump = item->pump;
    *(item->prev ? &item->prev->next : &pump->head) = item->next;
    *(item->next ? &item->next->prev : &pump->tail) = item->prev;
    item->in_window = false;
    pump->count--;
    if (item->state != HUB_PUSH_DONE)
        pump->unfinished--;
    free_if_unused(item);
}

static hub_push_item_t *queue(hub_pump_t *pump, uint64_t seq, hub_slice_t key, hub_slice_t evse_uid, hub_push_kind_t kind)
{
    hub_push_item_t *item = hub_push__item_create(pump, key, evse_uid);
    item->seq = seq;
    item->kind = kind;
    link_by_seq(pump, item);
    return item;
}

/* What is done from the bottom up leaves the window and moves the cursor. */
static void advance(hub_pump_t *pump)
{
    while (pump->head && pump->head->state == HUB_PUSH_DONE && pump->head->seq <= pump->scanned)
        unlink_item(pump->head);
    uint64_t limit = pump->scanned;
    for (hub_push_item_t *item = pump->head; item; item = item->next) {
        if (item->state == HUB_PUSH_DONE || item->seq == 0)
            continue;
        if (item->seq <= limit)
            limit = item->seq - 1;
        break;
    }
    if (limit > pump->cursor)
        pump->cursor = limit;
}

void hub_pump__pass(hub_pump_t *pump, uint64_t seq)
{
    if (seq > pump->scanned)
        pump->scanned = seq;
    advance(pump);
}

void hub_pump__finish(hub_push_item_t *item, hub_push_result_t result)
{
    hub_pump_t *pump = item->pump;
    hub_push_t *push = pump->push;
    item->state = HUB_PUSH_DONE;
    item->result = result;
    if (item->in_window)
        pump->unfinished--;
    if (result != HUB_PUSH_NOTHING) {
        item->unsettled = true;
        pump->unwritten++;
        item->next_result = push->results;
        push->results = item;
        push->result_count++;
    }
    advance(pump);
}

void hub_pump__settled(hub_push_item_t *item)
{
    item->pump->unwritten -= item->unsettled;
    item->unsettled = false;
    free_if_unused(item);
}

static void drop_queued(hub_pump_t *pump, bool tried_too)
{
    for (hub_push_item_t *item = pump->head, *next; item; item = next) {
        next = item->next;
        bool kept = item->attempts || (item->seq == 0 && item->kind == HUB_PUSH_GONE); /* no reading finds these again */
        if (item->state == HUB_PUSH_QUEUED && (tried_too || !kept))
            unlink_item(item);
    }
}

/* Items that were tried keep their count of attempts; those in flight and done are recognised by their seq when it is read again. */
void hub_pump__restart(hub_pump_t *pump)
{
    drop_queued(pump, false);
    pump->scanned = pump->cursor;
    pump->start_cursor = pump->cursor;
    pump->start_seq = hub_store_seq(pump->push->agent->worker->core->store);
    pump->exhausted = false;
    pump->next_due = 0;
}

/* What was sent before now may have arrived without our knowing: in another life, or while nobody listened. */
void hub_pump__doubt(hub_pump_t *pump)
{
    pump->known_seq = hub_store_seq(pump->push->agent->worker->core->store);
    pump->known_ms = hub_now_ms();
}

/* What is in flight stays in the window, so that no second call for its object starts beside it, but says nothing any more about what will
 * be read again. */
void hub_pump__rewind(hub_pump_t *pump, uint64_t cursor)
{
    for (hub_push_item_t *item = pump->head, *next; item; item = next) {
        next = item->next;
        if (item->state == HUB_PUSH_INFLIGHT) {
            item->seq = item->covers = 0;
        } else if (item->state == HUB_PUSH_DONE || item->seq || item->kind != HUB_PUSH_GONE) {
            unlink_item(item);
        }
    }
    pump->cursor = pump->durable = cursor;
    hub_pump__doubt(pump);
    hub_pump__restart(pump);
}

void hub_pump__clear(hub_pump_t *pump)
{
    drop_queued(pump, true);
    for (hub_push_item_t *item = pump->head, *next; item; item = next) {
        next = item->next;
        unlink_item(item);
    }
    pump->scanned = pump->cursor;
    pump->exhausted = false;
}

bool hub_pump__busy_with(const hub_pump_t *pump, const hub_push_item_t *item)
{
    for (const hub_push_item_t *other = pump->head; other; other = other->next)
        if (other != item && other->state == HUB_PUSH_INFLIGHT && other->hash == item->hash && hub_slice_eq(other->key, item->key))
            return true;
    return false;
}

bool hub_pump__pending(const hub_pump_t *pump, uint64_t hash, uint64_t seq)
{
    if (!pump->enabled || !hash)
        return false;
    for (const hub_push_item_t *item = pump->head; item; item = item->next)
        if (item->hash == hash && item->state != HUB_PUSH_DONE)
            return true;
    return seq > pump->scanned;
}

/* ---- reading ---- */

/* Is this change already on its way, or sent, with an item of the window? */
static bool covered(const hub_pump_t *pump, const hub_change_t *change, hub_push_kind_t kind)
{
    uint64_t hash = hub_push__hash(change->key);
    for (const hub_push_item_t *item = pump->head; item; item = item->next) {
        if (item->hash != hash || !hub_slice_eq(item->key, change->key))
            continue;
        if (item->seq == change->seq)
            return true; /* read before a restart */
        bool includes =
            item->kind != HUB_PUSH_EVSE || item->whole_instead || (kind == HUB_PUSH_EVSE && hub_slice_eq(item->evse_uid, change->evse_uid));
        if (includes && (item->state == HUB_PUSH_QUEUED || item->covers >= change->seq))
            return true;
    }
    return false;
}

/* What was last tried for an object and is not written down yet. */
static const hub_push_item_t *last_tried(const hub_pump_t *pump, hub_slice_t key)
{
    const hub_push_item_t *found = NULL, *item;
    uint64_t hash = hub_push__hash(key);
    for (item = pump->head; item; item = item->next) {
        if (item->hash != hash || !item->attempts || item->state == HUB_PUSH_DONE || !hub_slice_eq(item->key, key))
            continue;
        if (item->state == HUB_PUSH_INFLIGHT)
            return item;
        found = item;
    }
    if (!found)
        found = hub_push__among(pump->push->results, hash, key); /* newest first */
    for (item = found ? NULL : pump->push->settling_list; (item = hub_push__among(item, hash, key)); item = item->next_result)
        found = item; /* oldest first */
    return found;
}

bool hub_pump__given(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, hub_slice_t *path)
{
    const hub_push_item_t *item = last_tried(pump, key);
    if (!item) {
        bool marked = hub_push__marked(view, pump->push->agent->id, pump->row->module, key, path);
        return pump->row->leave == HUB_LEAVE_DELETE ? marked : !marked;
    }
    *path = item->path;
    if (item->state == HUB_PUSH_DONE && pump->row->leave == HUB_LEAVE_DELETE)
        return item->result != HUB_PUSH_DELETED;
    return item->state == HUB_PUSH_QUEUED || !item->takes_back;
}

/* Did the partner see it? An entry of its own stream says so; an object may have been shown before this partner was here, which is told by
 * its place in the stream when nothing had been sent yet. Otherwise a Location that was shown to others only may go out REMOVED. */
static bool has_left(const hub_pump_t *pump, hub_view_t *view, const hub_change_t *change, const hub_object_t *object, bool binding)
{
    hub_sharing_t sharing;
    if (pump->row->leave != HUB_LEAVE_REMOVED)
        return pump->row->leave == HUB_LEAVE_DELETE; /* what was sent is written down */
    if (!object || change->seq <= pump->nothing_before)
        return false;
    return binding || hub_sharing_left(view, pump->push->agent->integration, pump->row->module, change->key, object, HUB_STREAM_OWN,
                                       change->kind, &sharing);
}

/* The partner may not see it (any more): what it has is taken back, once. */
static void take_unseen(hub_pump_t *pump, hub_view_t *view, const hub_change_t *change, const hub_object_t *object, bool binding)
{
    hub_slice_t path;
    uint64_t hash = hub_push__hash(change->key);
    if (!has_left(pump, view, change, object, binding))
        return;
    hub_push_item_t *item = pump->head;
    while (item &&
           !(item->hash == hash && (item->state == HUB_PUSH_QUEUED || item->seq == change->seq) && hub_slice_eq(item->key, change->key)))
        item = item->next;
    if (!item && hub_pump__given(pump, view, change->key, &path))
        item = queue(pump, change->seq, change->key, HUB_SLICE_NONE, pump->row->leave == HUB_LEAVE_DELETE ? HUB_PUSH_GONE : HUB_PUSH_WHOLE);
    if (!item || item->state != HUB_PUSH_QUEUED)
        return;
    item->left = true;
    item->left_at = change->time;
}

static bool visible(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, const hub_object_t *object)
{
    hub_sharing_t sharing;
    const hub_integration_t *to = pump->push->agent->integration;
    return hub_sharing_get(view, to, pump->row->module, key, object, &sharing) == HUB_EOK &&
           !(pump->row->leave == HUB_LEAVE_DELETE && sharing.withdrawn);
}

static bool sees(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key)
{
    hub_object_t object;
    return hub_object_get_key(view, key, &object) == HUB_EOK && visible(pump, view, key, &object);
}

static bool can_be_said(const hub_pump_t *pump, hub_view_t *view, hub_pool_t *pool, hub_slice_t key)
{
    hub_object_t head;
    hub_slice_t bytes;
    int64_t last_updated;
    const hub_integration_t *to = pump->push->agent->integration;
    return hub_objects_view(view, pool, to, pump->row->module, key, to->ocpi_version, &bytes, &head, &last_updated) != HUB_ENOT_FOUND;
}

void hub_pump__take_back(hub_pump_t *pump, hub_view_t *view, hub_slice_t key)
{
    if (!sees(pump, view, key))
        queue(pump, 0, key, HUB_SLICE_NONE, HUB_PUSH_GONE);
}

/* What was to be deleted goes out as it is now, and others wait for it again. */
static bool comes_back(hub_pump_t *pump, hub_slice_t key)
{
    uint64_t hash = hub_push__hash(key);
    bool found = false;
    for (hub_push_item_t *item = pump->row->leave == HUB_LEAVE_DELETE ? pump->head : NULL; item; item = item->next) {
        if (item->hash != hash || item->state == HUB_PUSH_DONE || !hub_slice_eq(item->key, key))
            continue;
        found = true;
        if (item->state == HUB_PUSH_QUEUED && item->kind == HUB_PUSH_GONE)
            item->kind = HUB_PUSH_WHOLE;
    }
    return found;
}

static void take(hub_pump_t *pump, hub_view_t *view, const hub_change_t *change, bool binding)
{
    hub_object_t object;
    hub_push_kind_t kind = change->kind == HUB_CHANGE_EVSE && !binding ? HUB_PUSH_EVSE : HUB_PUSH_WHOLE;
    bool exists = hub_object_get_key(view, change->key, &object) == HUB_EOK;
    if (!exists || !visible(pump, view, change->key, &object)) {
        take_unseen(pump, view, change, exists ? &object : NULL, binding);
        return;
    }
    if (kind == HUB_PUSH_EVSE) {
        /* Its Location is itself ahead, or was sent whole since this reading began: the status went with it. */
        bool went_whole = object.seq > pump->start_cursor && change->seq <= pump->start_seq;
        if (object.seq > change->seq || went_whole)
            return;
    }
    comes_back(pump, change->key);
    if (covered(pump, change, kind))
        return;
    hub_push_item_t *item = queue(pump, change->seq, change->key, kind == HUB_PUSH_EVSE ? change->evse_uid : HUB_SLICE_NONE, kind);
    item->uncertain = change->seq <= pump->known_seq;
}

typedef struct hub_pump_source {
    hub_change_scan_t scan;
    hub_change_t change;
    bool has;
} hub_pump_source_t;

static void open_source(hub_pump_source_t *source, hub_pump_t *pump, hub_view_t *view, bool binding)
{
    const hub_agent_t *agent = pump->push->agent;
    hub_stream_t stream = {.tenant = agent->tenant,
                           .kind = binding ? HUB_STREAM_BINDING : HUB_STREAM_OWN,
                           .integration = binding ? agent->id : 0,
                           .module = (uint8_t)pump->row->module};
    hub_change_scan_init(&source->scan, view, &stream, pump->scanned);
    source->has = hub_change_scan_next(&source->scan, &source->change);
}

/* What is read again after a restart is mostly in the window already: it must be got past even when the window is full. */
static bool read_before(const hub_pump_t *pump)
{
    return pump->tail && pump->scanned < pump->tail->seq;
}

static bool full(const hub_pump_t *pump)
{
    return pump->count >= (read_before(pump) ? 2 * WINDOW : WINDOW);
}

/* Reading costs two look-ups to begin with: not for each item that has gone. */
static bool enough(const hub_pump_t *pump)
{
    return pump->unfinished >= WINDOW / 2 && !read_before(pump);
}

void hub_pump__fill(hub_pump_t *pump, hub_view_t *view, uint64_t view_seq)
{
    hub_pump_source_t sources[2];
    int budget = BUDGET;
    if (pump->exhausted ? pump->scanned >= view_seq : full(pump) || enough(pump))
        return;
    for (int i = 0; i < 2; i++)
        open_source(&sources[i], pump, view, i == 1);
    while ((sources[0].has || sources[1].has) && !full(pump) && budget-- > 0) {
        int i = !sources[0].has || (sources[1].has && sources[1].change.seq < sources[0].change.seq);
        hub_change_t change = sources[i].change;
        take(pump, view, &change, i == 1);
        pump->scanned = change.seq;
        sources[i].has = hub_change_scan_next(&sources[i].scan, &sources[i].change);
    }
    pump->exhausted = !sources[0].has && !sources[1].has;
    for (int i = 0; i < 2; i++)
        if (hub_change_scan_finish(&sources[i].scan) != HUB_EOK)
            pump->exhausted = false;
    if (pump->exhausted && view_seq > pump->scanned)
        pump->scanned = view_seq;
    advance(pump);
}

bool hub_pump__full(const hub_pump_t *pump)
{
    return pump->unfinished >= WINDOW / 2;
}

/* What was put off comes back. What is not written down yet need not: its memo may put it off again. */
hub_push_item_t *hub_pump__insert_due(hub_pump_t *pump, hub_slice_t key)
{
    uint64_t hash = hub_push__hash(key);
    for (const hub_push_item_t *item = pump->head; item; item = item->next)
        if (item->hash == hash && item->state != HUB_PUSH_DONE && hub_slice_eq(item->key, key))
            return NULL;
    if (hub_push__among(pump->push->results, hash, key) || hub_push__among(pump->push->settling_list, hash, key))
        return NULL;
    return queue(pump, 0, key, HUB_SLICE_NONE, HUB_PUSH_WHOLE);
}

static bool is_going(const hub_pump_t *pump, hub_slice_t key)
{
    uint64_t hash = hub_push__hash(key);
    for (const hub_push_item_t *item = pump->head; item; item = item->next)
        if (item->hash == hash && item->kind == HUB_PUSH_GONE && item->state == HUB_PUSH_QUEUED && hub_slice_eq(item->key, key))
            return true;
    return false;
}

/* A location names this tariff. Most were sent when they changed; one that has just come into sight was not. One that cannot be said in
 * this partner's version never goes: a location that waited for it would wait, and ask, for ever. */
bool hub_pump__insert_tariff(hub_pump_t *pump, hub_view_t *view, hub_pool_t *pool, hub_slice_t key)
{
    hub_slice_t path;
    if (is_going(pump, key) && !(sees(pump, view, key) && can_be_said(pump, view, pool, key)))
        return false; /* a connector that is REMOVED, say, still names it: its DELETE waits for this location */
    if (comes_back(pump, key))
        return true;
    if (hub_pump__given(pump, view, key, &path) || !sees(pump, view, key) || !can_be_said(pump, view, pool, key))
        return false;
    queue(pump, 0, key, HUB_SLICE_NONE, HUB_PUSH_WHOLE);
    return true;
}
