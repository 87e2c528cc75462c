/* Shipments of a run: the window in the order of reading, what waits for another try, and which sequence numbers are done. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- one of them ---- */

uint64_t hub_ship_hash(const hub_ship_key_t *what)
{
    uint64_t hash = hub_hash(HUB_HASH_START ^ what->source, what->key);
    return hub_hash(hub_hash(hash, HUB_SLICE_LIT("\xff")), what->evse_uid); /* where the key ends */
}

bool hub_ship_same(const hub_shipment_t *s, uint64_t hash, const hub_ship_key_t *what)
{
    return s->hash == hash && s->what.source == what->source && hub_slice_eq(s->what.key, what->key) &&
           hub_slice_eq(s->what.evse_uid, what->evse_uid);
}

hub_shipment_t *hub_shipment_create(hub_run_t *run, const hub_ship_key_t *what)
{
    hub_shipment_t *s = calloc(1, sizeof *s + what->key.len + what->evse_uid.len + 1);
    HUB_ASSERT(s);
    char *bytes = (char *)(s + 1);
    memcpy(bytes, what->key.ptr, what->key.len);
    if (what->evse_uid.len)
        memcpy(bytes + what->key.len, what->evse_uid.ptr, what->evse_uid.len);
    s->run = run;
    s->what = (hub_ship_key_t){what->source, hub_slice(bytes, what->key.len), hub_slice(bytes + what->key.len, what->evse_uid.len)};
    s->hash = hub_ship_hash(&s->what);
    return s;
}

void hub_shipment_error(hub_shipment_t *s, hub_slice_t text)
{
    free(s->error);
    s->error = text.len ? strndup(text.ptr, text.len) : NULL;
}

void hub_shipment_free(hub_shipment_t *s)
{
    if (s->package)
        hub_pool_destroy(s->package->delivery.call.pool);
    free(s->error);
    free(s);
}

/* ---- the lists ---- */

void hub_run__add(hub_run_t *run, hub_shipment_t *s)
{
    hub_shipment_t **end = &run->window;
    while (*end)
        end = &(*end)->next;
    s->next = NULL;
    *end = s;
    run->window_count++;
}

void hub_run__keep(hub_run_t *run, hub_shipment_t *s)
{
    s->waiting = s->recorded = true;
    s->next = run->waiting;
    run->waiting = s;
    run->waiting_count++;
}

void hub_run__unlink(hub_run_t *run, hub_shipment_t *s)
{
    hub_shipment_t **at = s->waiting ? &run->waiting : &run->window;
    while (*at && *at != s)
        at = &(*at)->next;
    HUB_ASSERT(*at);
    *at = s->next;
    s->next = NULL;
    if (s->waiting)
        run->waiting_count--;
    else
        run->window_count--;
}

void hub_run__end(hub_shipment_t *s, hub_ship_end_t end)
{
    hub_run_t *run = s->run;
    s->state = HUB_SHIP_DONE;
    s->end = end;
    s->next_result = run->results;
    run->results = s;
    run->unsettled++;
}

hub_shipment_t *hub_run__same(hub_shipment_t *list, uint64_t hash, const hub_ship_key_t *what)
{
    for (hub_shipment_t *s = list; s; s = s->next)
        if (s->state == HUB_SHIP_QUEUED && hub_ship_same(s, hash, what))
            return s;
    return NULL;
}

void hub_run__clear(hub_run_t *run)
{
    hub_shipment_t *const lists[] = {run->window, run->waiting};
    for (size_t i = 0; i < HUB_COUNT(lists); i++)
        for (hub_shipment_t *s = lists[i], *next; s; s = next) {
            next = s->next;
            hub_shipment_free(s);
        }
    run->window = run->waiting = run->results = NULL;
    free(run->passed.list);
    run->passed.list = NULL;
    run->passed.count = run->passed.capacity = 0;
}

/* ---- how far it is ---- */

uint64_t hub_run__cursor(const hub_run_t *run)
{
    uint64_t cursor = run->scanned;
    for (const hub_shipment_t *s = run->window; s; s = s->next)
        if (s->state != HUB_SHIP_DONE && s->floor <= cursor)
            cursor = s->floor - 1;
    return cursor;
}

#define AHEAD_MOST 256u /* a few may go twice rather than that this grows */

void hub_run__pass(hub_run_t *run, uint64_t seq)
{
    uint64_t cursor = hub_run__cursor(run);
    unsigned kept = 0;
    for (unsigned i = 0; i < run->passed.count; i++)
        if (run->passed.list[i] > cursor)
            run->passed.list[kept++] = run->passed.list[i];
    run->passed.count = kept;
    if (seq <= cursor || kept >= AHEAD_MOST + HUB_RUN_WINDOW)
        return;
    if (kept == run->passed.capacity) {
        run->passed.capacity = kept ? kept * 2 : 16;
        run->passed.list = realloc(run->passed.list, run->passed.capacity * sizeof *run->passed.list);
        HUB_ASSERT(run->passed.list);
    }
    run->passed.list[run->passed.count++] = seq;
}

bool hub_run__knows(const hub_run_t *run, uint64_t seq)
{
    for (unsigned i = 0; i < run->passed.count; i++)
        if (run->passed.list[i] == seq)
            return true;
    for (const hub_shipment_t *s = run->window; s; s = s->next)
        if (s->seq == seq)
            return true;
    return false;
}

/* What was done out of order takes a place, too, as long as it was read in order. */
unsigned hub_run__taken(const hub_run_t *run)
{
    unsigned taken = run->window_count;
    uint64_t cursor = hub_run__cursor(run);
    for (unsigned i = 0; i < run->passed.count; i++)
        taken += run->passed.list[i] > cursor && run->passed.list[i] <= run->scanned;
    return taken;
}
