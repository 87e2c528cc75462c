#include "sweep.h"

#include <stdlib.h>

#include "access/credential.h"
#include "audit/audit.h"
#include "idempotency.h"
#include "object/objects.h"

#define FIRST_MS 60000ull
#define EVERY_MS 3600000ull
#define MORE_MS 1000ull /* there was more than one operation should take */
#define LIMIT 200u
#define DELETED_KEPT_MS (30ll * 24 * 3600 * 1000)

typedef struct hub_sweep {
    hub_op_t op; /* first */
    hub_worker_t *worker;
    hub_timer_t timer;
    hub_pool_t *pool; /* while under way */
    int64_t now;
    unsigned count;
} hub_sweep_t;

static void wait(hub_sweep_t *sweep, uint64_t ms)
{
    if (!sweep->worker->stopping)
        sweep->worker->port.timer_start(sweep->worker->port.self, &sweep->timer, ms);
}

/* The fullest of what is swept says whether there is more. */
static void more(hub_sweep_t *sweep, unsigned count)
{
    if (count > sweep->count)
        sweep->count = count;
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_sweep_t *sweep = (hub_sweep_t *)op;
    unsigned count = 0;
    hub_err_t err = hub_objects_expire(sweep->worker->core, view, sweep->pool, sweep->now, LIMIT, &sweep->count);
    if (!err)
        err = hub_access_token_expire(view, sweep->now, LIMIT, &count);
    more(sweep, count);
    if (!err)
        err = hub_audit_expire(sweep->worker->core, view, sweep->now, LIMIT, &count);
    more(sweep, count);
    if (!err)
        err = hub_idempotency_expire(view, sweep->now, LIMIT, &count);
    more(sweep, count);
    return err ? err : hub_change_expire(view, sweep->now - DELETED_KEPT_MS, LIMIT);
}

static void done(hub_op_t *op)
{
    hub_sweep_t *sweep = (hub_sweep_t *)op;
    hub_pool_destroy(sweep->pool);
    sweep->pool = NULL;
    if (op->err)
        hub_log(HUB_WARN, "sweep.failed", HUB_STR("error", hub_err_info(op->err)->name));
    wait(sweep, !op->err && sweep->count == LIMIT ? MORE_MS : EVERY_MS);
}

static void run(hub_timer_t *timer)
{
    hub_sweep_t *sweep = timer->arg;
    sweep->pool = hub_pool_create();
    sweep->now = hub_now_ms();
    sweep->op.reply_to = sweep->worker->mailbox;
    hub_err_t err = hub_store_submit(sweep->worker->core->store, &sweep->op);
    if (!err)
        return;
    hub_pool_destroy(sweep->pool);
    sweep->pool = NULL;
    wait(sweep, FIRST_MS);
}

void hub_sweep_start(hub_worker_t *worker)
{
    hub_sweep_t *sweep = calloc(1, sizeof *sweep);
    HUB_ASSERT(sweep);
    sweep->op.apply = apply;
    sweep->op.done = done;
    sweep->worker = worker;
    sweep->timer = (hub_timer_t){.run = run, .arg = sweep};
    worker->sweep = sweep;
    wait(sweep, FIRST_MS);
}

bool hub_sweep_stop(hub_worker_t *worker)
{
    hub_sweep_t *sweep = worker->sweep;
    if (!sweep)
        return true;
    worker->port.timer_stop(worker->port.self, &sweep->timer);
    return !sweep->pool;
}

void hub_sweep_destroy(hub_worker_t *worker)
{
    free(worker->sweep);
}
