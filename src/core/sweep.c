/* What time takes away: own locations 90 days after they were deleted, entries of deletions after 30 days, access tokens that have expired,
 * old entries of the audit log and of idempotency keys. */
#include "access/credential.h"
#include "audit/audit.h"
#include "chore.h"
#include "idempotency.h"
#include "object/objects.h"

#define FIRST_MS 60000ull
#define EVERY_MS 3600000ull
#define MORE_MS 1000ull /* there was more than one operation should take */
#define LIMIT 200u
#define DELETED_KEPT_MS (30ll * 24 * 3600 * 1000)

typedef struct sweep {
    hub_chore_t chore; /* first */
    unsigned count;
} sweep_t;

/* The fullest of what is swept says whether there is more. */
static void more(sweep_t *sweep, unsigned count)
{
    if (count > sweep->count)
        sweep->count = count;
}

static hub_err_t apply(hub_chore_t *chore, hub_view_t *view)
{
    sweep_t *sweep = (sweep_t *)chore;
    hub_core_t *core = chore->worker->core;
    int64_t now = hub_now_ms();
    unsigned count = 0;
    hub_err_t err = hub_objects_expire(core, view, chore->pool, now, LIMIT, &sweep->count);
    if (!err)
        err = hub_access_token_expire(view, now, LIMIT, &count);
    more(sweep, count);
    if (!err)
        err = hub_audit_expire(core, view, now, LIMIT, &count);
    more(sweep, count);
    if (!err)
        err = hub_idempotency_expire(view, now, LIMIT, &count);
    more(sweep, count);
    return err ? err : hub_change_expire(view, now - DELETED_KEPT_MS, LIMIT);
}

static uint64_t written(hub_chore_t *chore)
{
    return ((sweep_t *)chore)->count == LIMIT ? MORE_MS : EVERY_MS;
}

const hub_chore_kind_t hub_sweep_chore = {
    .name = "sweep", .size = sizeof(sweep_t), .first_ms = FIRST_MS, .idle_ms = EVERY_MS, .apply = apply, .written = written};
