/* Token buckets. A bucket is one number: the time at which it would be full again (a bucket of `count` that gains one each `step`), so that
 * taking is one compare-and-swap, on whatever thread, without a lock. The clock is the caller's. */
#ifndef CORE_LIMIT_H
#define CORE_LIMIT_H

#include <stdatomic.h>

#include "hub/base.h"

#define HUB_LIMIT_MOST 1000000u /* a unit of time */

typedef struct hub_limit {
    uint64_t count;           /* requests that fit; 0: no limit */
    int64_t step;             /* ns until one more fits */
    _Atomic(int64_t) full_at; /* ns; in the past: full */
} hub_limit_t;

typedef struct hub_limit_state { /* of the bucket that has least left, or for which one must wait longest */
    uint64_t limit, remaining;
    int64_t reset_ns; /* until it is full again; when refused: until a request fits */
} hub_limit_state_t;

/* "10/s", "150/m", "5000/h", "20000/d": at most so many in each such time, all at once if need be. Not for a bucket in use. */
bool hub_limit_parse(hub_slice_t text, hub_limit_t *out);
/* One request. False: refused, nothing was taken. */
bool hub_limit_take(hub_limit_t *limits, unsigned count, int64_t now_ns, hub_limit_state_t *state);

#endif
