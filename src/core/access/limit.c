#include "limit.h"

#define SECOND_NS 1000000000ll

static int64_t unit_ns(char unit)
{
    switch (unit) {
    case 's':
        return SECOND_NS;
    case 'm':
        return 60 * SECOND_NS;
    case 'h':
        return 3600 * SECOND_NS;
    case 'd':
        return 86400 * SECOND_NS;
    default:
        return 0;
    }
}

bool hub_limit_parse(hub_slice_t text, hub_limit_t *out)
{
    uint64_t n;
    hub_slice_t count;
    if (!hub_slice_split(&text, '/', &count) || !hub_slice_u64(count, &n) || n == 0 || n > HUB_LIMIT_MOST || text.len != 1 ||
        !unit_ns(text.ptr[0]))
        return false;
    out->count = n;
    out->step = unit_ns(text.ptr[0]) / (int64_t)n;
    atomic_init(&out->full_at, INT64_MIN);
    return true;
}

static bool take_one(hub_limit_t *limit, int64_t now, hub_limit_state_t *state)
{
    const int64_t size = limit->step * (int64_t)limit->count;
    int64_t full_at = atomic_load_explicit(&limit->full_at, memory_order_relaxed), after;
    do {
        after = (full_at > now ? full_at : now) + limit->step;
        if (after - now > size) {
            *state = (hub_limit_state_t){limit->count, 0, after - now - size};
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&limit->full_at, &full_at, after, memory_order_relaxed, memory_order_relaxed));
    *state = (hub_limit_state_t){limit->count, (uint64_t)((size - (after - now)) / limit->step), after - now};
    return true;
}

/* Refused by one, a request waits until all of them have room: the state of the one with the longest wait. Those before `refused` have room
 * now, what they gave is given back. */
static void find_longest(hub_limit_t *limits, unsigned count, unsigned refused, int64_t now, hub_limit_state_t *state)
{
    for (unsigned i = 0; i < count; i++) {
        if (!limits[i].count || i == refused)
            continue;
        if (i < refused)
            atomic_fetch_sub_explicit(&limits[i].full_at, limits[i].step, memory_order_relaxed);
        int64_t full_at = atomic_load_explicit(&limits[i].full_at, memory_order_relaxed);
        int64_t wait = (full_at > now ? full_at - now : 0) + limits[i].step - limits[i].step * (int64_t)limits[i].count;
        if (wait > state->reset_ns)
            *state = (hub_limit_state_t){limits[i].count, 0, wait};
    }
}

bool hub_limit_take(hub_limit_t *limits, unsigned count, int64_t now_ns, hub_limit_state_t *state)
{
    bool any = false;
    *state = (hub_limit_state_t){0, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        hub_limit_state_t one;
        if (!limits[i].count)
            continue;
        if (!take_one(&limits[i], now_ns, &one)) {
            *state = one;
            find_longest(limits, count, i, now_ns, state);
            return false;
        }
        if (!any || one.remaining < state->remaining || (one.remaining == state->remaining && one.reset_ns > state->reset_ns))
            *state = one;
        any = true;
    }
    return true;
}
