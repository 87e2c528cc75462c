#include "usage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "chore.h"

#define BUCKETS 1024u
#define WRITE_MS 60000u
#define COARSE_MS 1000 /* a use within the same second is no news: workers would only fight for the line */

struct hub_usages {
    _Atomic(hub_usage_t *) buckets[BUCKETS];
};

struct hub_usages *hub_usages_create(void)
{
    struct hub_usages *usages = calloc(1, sizeof *usages);
    HUB_ASSERT(usages);
    return usages;
}

void hub_usages_destroy(struct hub_usages *usages)
{
    for (unsigned i = 0; usages && i < BUCKETS; i++)
        for (hub_usage_t *usage = atomic_load(&usages->buckets[i]), *next; usage; usage = next) {
            next = usage->next;
            free(usage);
        }
    free(usages);
}

/* ---- one entry ---- */

static hub_usage_t *look_up(hub_usage_t *first, uint32_t id)
{
    while (first && first->id != id)
        first = first->next;
    return first;
}

hub_usage_t *hub_usage_find(hub_core_t *core, uint32_t id)
{
    return look_up(atomic_load_explicit(&core->usages->buckets[id % BUCKETS], memory_order_acquire), id);
}

static void read_limits(hub_usage_t *usage, hub_slice_t json)
{
    static const char *const names[HUB_COUNT(usage->limits)] = {"burst", "steady"};
    yyjson_doc *doc;
    if (!json.len)
        return;
    hub_pool_t *pool = hub_pool_create();
    if (ocpi_read(pool, json, &doc, NULL) == HUB_EOK)
        for (size_t i = 0; i < HUB_COUNT(names); i++)
            hub_limit_parse(ocpi_get_str(yyjson_doc_get_root(doc), names[i]), &usage->limits[i]);
    hub_pool_destroy(pool);
}

hub_usage_t *hub_usage_of(hub_core_t *core, uint32_t id, hub_slice_t rate_limit)
{
    _Atomic(hub_usage_t *) *bucket = &core->usages->buckets[id % BUCKETS];
    hub_usage_t *first = atomic_load_explicit(bucket, memory_order_acquire), *found = look_up(first, id);
    if (found)
        return found;
    hub_usage_t *made = calloc(1, sizeof *made);
    HUB_ASSERT(made);
    made->id = id;
    read_limits(made, rate_limit);
    do {
        if ((found = look_up(first, id))) { /* another worker was faster */
            free(made);
            return found;
        }
        made->next = first;
    } while (!atomic_compare_exchange_weak_explicit(bucket, &first, made, memory_order_release, memory_order_acquire));
    return made;
}

bool hub_usage_count(hub_usage_t *usage, hub_limit_state_t *state)
{
    int64_t now = hub_now_ms();
    if (now - atomic_load_explicit(&usage->last_used, memory_order_relaxed) >= COARSE_MS)
        atomic_store_explicit(&usage->last_used, now, memory_order_relaxed);
    if (usage->limits[0].count || usage->limits[1].count)
        return hub_limit_take(usage->limits, HUB_COUNT(usage->limits), hub_mono_ms() * 1000000, state);
    state->limit = 0;
    return true;
}

/* ---- in the store: table KEY, 'u' id -> ms ---- */

static void usage_key(hub_key_t *key, uint32_t id)
{
    hub_key_init(key);
    hub_key_u8(key, 'u');
    hub_key_u32(key, id);
}

int64_t hub_usage_last(hub_core_t *core, hub_view_t *view, uint32_t id)
{
    hub_key_t key;
    hub_slice_t stored;
    int64_t ms = 0;
    const hub_usage_t *usage = hub_usage_find(core, id);
    usage_key(&key, id);
    if (hub_view_get(view, HUB_TABLE_KEY, &key, &stored) == HUB_EOK && stored.len == sizeof ms)
        memcpy(&ms, stored.ptr, sizeof ms);
    int64_t here = usage ? atomic_load_explicit(&usage->last_used, memory_order_relaxed) : 0;
    return here > ms ? here : ms;
}

hub_err_t hub_usage_forget(hub_view_t *view, uint32_t id)
{
    hub_key_t key;
    usage_key(&key, id);
    hub_err_t err = hub_view_delete(view, HUB_TABLE_KEY, &key);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

/* ---- writing ---- */

typedef struct mark {
    uint32_t id;
    int64_t ms;
} mark_t;

typedef struct writer {
    hub_chore_t chore; /* first */
    mark_t *marks;
    unsigned count;
} writer_t;

/* A key that was revoked meanwhile leaves a mark of a few bytes: its id is never given again. */
static hub_err_t apply(hub_chore_t *chore, hub_view_t *view)
{
    const writer_t *w = (const writer_t *)chore;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < w->count && !err; i++) {
        hub_key_t key;
        usage_key(&key, w->marks[i].id);
        err = hub_view_put(view, HUB_TABLE_KEY, &key, hub_slice((const char *)&w->marks[i].ms, sizeof w->marks[i].ms));
    }
    return err;
}

static uint64_t written(hub_chore_t *chore)
{
    const writer_t *w = (const writer_t *)chore;
    for (unsigned i = 0; i < w->count; i++)
        hub_usage_find(chore->worker->core, w->marks[i].id)->written = w->marks[i].ms;
    return WRITE_MS;
}

static unsigned collect(const hub_core_t *core, mark_t *marks, unsigned most)
{
    unsigned n = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (hub_usage_t *usage = atomic_load_explicit(&core->usages->buckets[i], memory_order_acquire); usage; usage = usage->next) {
            int64_t used = atomic_load_explicit(&usage->last_used, memory_order_relaxed);
            if (used == usage->written || n == most)
                continue;
            if (marks)
                marks[n] = (mark_t){usage->id, used};
            n++;
        }
    return n;
}

static hub_err_t look(hub_chore_t *chore, hub_view_t *view)
{
    (void)view;
    writer_t *w = (writer_t *)chore;
    unsigned most = collect(chore->worker->core, NULL, UINT_MAX);
    if (!most)
        return HUB_ENOT_FOUND;
    w->marks = hub_pool_alloc(chore->pool, most * sizeof *w->marks);
    w->count = collect(chore->worker->core, w->marks, most);
    return HUB_EOK;
}

const hub_chore_kind_t hub_usage_chore = {.name = "usage",
                                          .size = sizeof(writer_t),
                                          .first_ms = WRITE_MS,
                                          .idle_ms = WRITE_MS,
                                          .look = look,
                                          .apply = apply,
                                          .written = written,
                                          .at_end = true};
