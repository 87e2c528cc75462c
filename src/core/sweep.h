/* What time takes away: own locations 90 days after they were deleted, entries of deletions after 30 days, access tokens
 * that have expired, old entries of the audit log. Worker 0 does it, a little at a
 * time. */
#ifndef CORE_SWEEP_H
#define CORE_SWEEP_H

#include "core.h"

void hub_sweep_start(hub_worker_t *worker);
bool hub_sweep_stop(hub_worker_t *worker); /* true when nothing is under way any more */
void hub_sweep_destroy(hub_worker_t *worker);

#endif
