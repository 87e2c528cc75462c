/* How many a minute, from two counters: the minute that runs and the one before, which counts for the part that still lies within the last
 * 60 seconds. Any thread, one at a time. */
#ifndef CORE_RATE_H
#define CORE_RATE_H

#include <stdint.h>

#define HUB_RATE_MS 60000

typedef struct hub_rate {
    int64_t start; /* of the running minute, ms */
    uint64_t now, before;
} hub_rate_t;

static inline void hub_rate_turn(hub_rate_t *rate, int64_t ms)
{
    int64_t minutes = (ms - rate->start) / HUB_RATE_MS;
    if (ms >= rate->start && minutes == 0)
        return;
    rate->before = minutes == 1 ? rate->now : 0;
    rate->now = 0;
    rate->start = ms - ms % HUB_RATE_MS;
}

static inline void hub_rate_add(hub_rate_t *rate, uint64_t count, int64_t ms)
{
    hub_rate_turn(rate, ms);
    rate->now += count;
}

static inline uint64_t hub_rate_read(hub_rate_t rate, int64_t ms)
{
    hub_rate_turn(&rate, ms);
    return rate.now + rate.before * (uint64_t)(HUB_RATE_MS - (ms - rate.start)) / HUB_RATE_MS;
}

#endif
