/* Where a page ended, as text for a URL. Anything may come back from a client: it is taken apart without trust, and can only ever name
 * another place in a list that the caller may see. */
#ifndef STORE_POSITION_H
#define STORE_POSITION_H

#include "hub/store.h"

typedef struct position {
    bool by_update; /* (last_updated, creation), else creation */
    bool has_total;
    uint64_t total, created_seq;
    int64_t last_updated; /* by_update only */
} position_t;

hub_slice_t hub_store__position_write(hub_pool_t *pool, const position_t *position);
bool hub_store__position_read(hub_slice_t text, position_t *out);

#endif
