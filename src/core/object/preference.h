/* Charging preferences (S8-S10): a partner's wish for one of our sessions, handed to the backend as an event, answered within a deadline.
 *
 * The wish is a record (table REFERENCE 'w': tenant, id -> JSON) with an entry in the change stream; the partner's request waits on the
 * worker that took it. The backend's answer is written into the record by whatever worker gets it; that commit wakes the one that waits.
 * Both go when the partner has its answer: the backend's, or NOT_POSSIBLE when the deadline has passed. */
#ifndef CORE_PREFERENCE_H
#define CORE_PREFERENCE_H

#include "core.h"

#define HUB_MODULE_PREFERENCES 201 /* hub_stream_t.module, stream RECEIVED; object key = the record's key */

typedef struct hub_preference {
    uint64_t id;
    uint32_t integration; /* who asks */
    hub_slice_t country, party, session, deadline;
    hub_slice_t result; /* none: not answered yet */
    bool over;          /* the deadline has passed */
    yyjson_val *wish;   /* ChargingPreferences as received */
    hub_slice_t bytes;  /* the whole record */
} hub_preference_t;
/* By the key of its change entry; copied to the pool. HUB_ENOT_FOUND: answered and gone. */
hub_err_t hub_preference_get(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, hub_preference_t *out);

void hub_preference_commit(hub_worker_t *worker); /* something was committed: perhaps an answer */
bool hub_preference_stop(hub_worker_t *worker);   /* answers all that wait; true when nothing is under way any more */

#endif
