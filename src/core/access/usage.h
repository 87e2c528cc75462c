/* What a process remembers of each credential in use: when it was last used, and its token buckets. One entry a credential, made at its
 * first use and never moved, found without a lock. Last uses are written to the store once a minute, all at once, and at the end. */
#ifndef CORE_USAGE_H
#define CORE_USAGE_H

#include "core.h"
#include "limit.h"

typedef struct hub_usage {
    struct hub_usage *next;
    uint32_t id;                /* of the credential */
    hub_limit_t limits[2];      /* burst, steady */
    _Atomic(int64_t) last_used; /* ms */
    int64_t written;            /* ms; last_used as stored. Worker 0 */
} hub_usage_t;

/* `rate_limit`: the JSON text of {"burst","steady"}, or none. Any thread. Lives as long as the core. */
hub_usage_t *hub_usage_of(hub_core_t *core, uint32_t id, hub_slice_t rate_limit);
hub_usage_t *hub_usage_find(hub_core_t *core, uint32_t id); /* NULL: not used since the start */
/* Counts a use. False: too many; *state says how things stand when there is a limit (else limit 0). */
bool hub_usage_count(hub_usage_t *usage, hub_limit_state_t *state);
int64_t hub_usage_last(hub_core_t *core, hub_view_t *view, uint32_t id); /* ms; 0: never */
hub_err_t hub_usage_forget(hub_view_t *view, uint32_t id);               /* apply only */

struct hub_usages *hub_usages_create(void);
void hub_usages_destroy(struct hub_usages *usages); /* takes NULL */

#endif
