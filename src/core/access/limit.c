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

bool hub_limit_take(hub_limit_t *limits, unsigned count, int64_t now_ns, hub_limit_state_t *state)
{
    bool any = false;
    *state = (hub_limit_state_t){0, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        hub_limit_state_t one;
        if (!limits[i].count)
            continue;
        if (!take_one(&limits[i], now_ns, &one)) {
            while (i--) /* what the others gave is given back */
                if (limits[i].count)
                    atomic_fetch_sub_explicit(&limits[i].full_at, limits[i].step, memory_order_relaxed);
            *state = one;
            return false;
        }
        if (!any || one.remaining < state->remaining)
            *state = one;
        any = true;
    }
    return true;
}
