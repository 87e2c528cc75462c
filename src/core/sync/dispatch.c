/* Which items of a push may go now, and in what order. */
#include "parcel.h"

/* DELETEs do not count: these wait for the others. */
static bool has_unsent(const hub_pump_t *pump)
{
    for (const hub_push_item_t *item = pump->unfinished ? pump->head : NULL; item; item = item->next)
        if (item->state != HUB_PUSH_DONE && item->kind != HUB_PUSH_GONE)
            return true;
    return false;
}

static bool pumps_before_idle(const hub_pump_t *pump)
{
    const hub_push_t *push = pump->push;
    for (const hub_pump_t *before = push->pumps; before < pump; before++)
        if (before->enabled && (!before->exhausted || has_unsent(before)))
            return false;
    return true;
}

bool hub_push__named_still(const hub_push_item_t *item)
{
    const hub_push_t *push = item->pump->push;
    if (hub_pump__full(item->pump))
        return false;
    for (const hub_pump_t *after = item->pump + 1; after < push->pumps + HUB_PUSH_ROWS; after++) {
        if (!after->enabled || !after->row->waits)
            continue;
        if (after->scanned < item->seq && !after->exhausted)
            return true;
        for (const hub_push_item_t *other = after->head; other && other->seq < item->seq; other = other->next)
            if (other->state != HUB_PUSH_DONE && other->seq)
                return true;
    }
    return false;
}

static bool waits_for_another(const hub_push_item_t *item)
{
    if (!item->after_hash)
        return false;
    const hub_push_t *push = item->pump->push;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].row->module == item->after_module)
            return hub_pump__pending(&push->pumps[i], item->after_hash, item->after_seq);
    return false;
}

static bool may_go(const hub_push_item_t *item)
{
    const hub_pump_t *pump = item->pump;
    if (item->state != HUB_PUSH_QUEUED || hub_pump__busy_with(pump, item) || waits_for_another(item))
        return false;
    if (item->kind == HUB_PUSH_GONE && hub_push__named_still(item))
        return false;
    bool whole = item->kind != HUB_PUSH_EVSE || item->whole_instead;
    return !whole || !pump->row->waits || pumps_before_idle(pump);
}

/* False: nothing more can be done now. */
static bool try(hub_push_item_t *item)
{
    hub_pump_t *pump = item->pump;
    hub_filling_t filling = hub_push__send(item);
    if (filling != HUB_FILL_FAILED)
        return true; /* sent, left out, or a tariff was put before it */
    hub_push__error(pump, "The object cannot be read from the store");
    hub_push__back_off(pump->push, HUB_SLICE_NONE);
    return false;
}

/* After a failure one call at a time feels its way: the object that was tried least, so that one object that makes the partner fail does
 * not keep the others waiting. */
static bool probe(hub_push_t *push)
{
    hub_push_item_t *best = NULL;
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        for (hub_push_item_t *item = push->pumps[i].head; item && push->pumps[i].enabled; item = item->next)
            if (may_go(item) && (!best || item->attempts < best->attempts))
                best = item;
    return best && push->inflight == 0 && try(best);
}

/* What insists goes no further than a few beyond what is written down: so many would go twice if the server ended now. */
static bool has_room(const hub_pump_t *pump)
{
    return pump->inflight + (pump->row->insists ? pump->unwritten : 0) < pump->row->parallel;
}

static bool send_next(hub_pump_t *pump)
{
    for (hub_push_item_t *item = pump->head; item; item = item->next)
        if (may_go(item))
            return try(item);
    return false;
}

/* True: something was sent or settled, so that more may follow. */
static bool send_any(hub_push_t *push)
{
    for (unsigned i = 0; i < HUB_PUSH_ROWS; i++)
        if (push->pumps[i].enabled && has_room(&push->pumps[i]) && send_next(&push->pumps[i]))
            return true;
    return false;
}

void hub_push__dispatch(hub_push_t *push)
{
    while (hub_agent_may_call(push->agent) && !push->backoff_until && (push->failures ? probe(push) : send_any(push)))
        ;
}
