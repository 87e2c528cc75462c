/* The forms that a version's first partner finds missing: made on worker 0 in a snapshot, a few at a time, and stored by an operation that
 * only copies them. Meanwhile readers make their own. */
#include "projection.h"

#include <stdlib.h>

#define IDLE_MS 5000ull
#define NEXT_MS 1ull
#define MADE_MOST 32u    /* a batch holds its worker up for about a millisecond … */
#define LOOKED_MOST 500u /* … also where there is nothing to do */

typedef struct made {
    hub_slice_t key, text;
    uint64_t object_version;
    ocpi_losses_t losses;
} made_t;

typedef struct hub_projection_sweep {
    hub_op_t op; /* first */
    hub_worker_t *worker;
    hub_timer_t timer;
    hub_pool_t *pool; /* while under way */
    hub_projection_debt_t debt;
    bool counted, owed, done;
    made_t made[MADE_MOST];
    uint32_t count;
} hub_projection_sweep_t;

static void wait(hub_projection_sweep_t *sweep, uint64_t ms)
{
    if (!sweep->worker->stopping)
        sweep->worker->port.timer_start(sweep->worker->port.self, &sweep->timer, ms);
}

static void end(hub_projection_sweep_t *sweep, hub_err_t err, uint64_t ms)
{
    hub_pool_destroy(sweep->pool);
    sweep->pool = NULL;
    if (err)
        hub_log(HUB_WARN, "projection.sweep_failed", HUB_STR("error", hub_err_info(err)->name));
    wait(sweep, ms);
}

/* ---- store thread ---- */

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_projection_sweep_t *sweep = (hub_projection_sweep_t *)op;
    if (!sweep->counted)
        return hub_projection_count(sweep->worker->core, view, sweep->pool);
    hub_err_t err = hub_projection_awake(view, sweep->pool, hub_now_ms(), MADE_MOST);
    for (uint32_t i = 0; i < sweep->count && !err; i++) {
        const made_t *made = &sweep->made[i];
        err = hub_projection_add(view, sweep->pool, made->key, made->object_version, sweep->debt.version, made->text, &made->losses);
    }
    return err || !sweep->owed ? err : hub_projection_pay(view, &sweep->debt, sweep->done);
}

static void done(hub_op_t *op)
{
    end((hub_projection_sweep_t *)op, op->err, op->err ? IDLE_MS : NEXT_MS);
}

/* ---- worker ---- */

static hub_err_t make(hub_projection_sweep_t *sweep, hub_view_t *view, hub_slice_t key)
{
    hub_object_t head;
    unsigned slot = hub_projection_slot(sweep->debt.version);
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err || slot == head.written || head.form_state[slot] != HUB_FORM_NONE)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    made_t *made = &sweep->made[sweep->count++];
    *made = (made_t){.key = hub_pool_copy(sweep->pool, key), .object_version = head.version};
    ocpi_losses_init(&made->losses, sweep->pool);
    err = hub_projection_bridge(view, sweep->pool, key, hub_projection_own(&head), hub_projection_version(head.written),
                                sweep->debt.version, &made->text, &made->losses);
    if (err == HUB_EINVALID)
        made->text = HUB_SLICE_NONE;
    else if (err)
        sweep->count--; /* damaged: not ours to mend, and no reason to stop here for ever */
    return HUB_EOK;
}

static hub_err_t make_some(hub_projection_sweep_t *sweep, hub_view_t *view)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    uint32_t looked = 0;
    hub_key_init(&prefix);
    hub_key_u32(&prefix, sweep->debt.tenant);
    hub_key_u32(&prefix, HUB_SCOPE_OWN);
    hub_scan_init(&scan, view, HUB_TABLE_OBJECT, &prefix, sweep->debt.position.len ? &sweep->debt.position : NULL, false);
    sweep->done = true;
    while (!err && hub_scan_next(&scan, &key, &value)) {
        if (sweep->count == MADE_MOST || looked++ == LOOKED_MOST) {
            hub_key_init(&sweep->debt.position);
            hub_key_bytes(&sweep->debt.position, key);
            sweep->done = false;
            break;
        }
        err = make(sweep, view, key);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

static void run(hub_timer_t *timer)
{
    hub_projection_sweep_t *sweep = timer->arg;
    hub_view_t *view;
    sweep->pool = hub_pool_create();
    hub_err_t err = hub_view_open(sweep->worker->core->store, &view);
    if (!err) {
        sweep->counted = sweep->counted || hub_projection_counted(view);
        sweep->count = 0;
        sweep->owed = sweep->counted && (err = hub_projection_debt(view, &sweep->debt)) == HUB_EOK;
        if (sweep->owed)
            err = make_some(sweep, view);
        else if (err == HUB_ENOT_FOUND && hub_projection_due(view, hub_now_ms()))
            err = HUB_EOK;
        hub_view_close(view);
    }
    sweep->op.reply_to = sweep->worker->mailbox;
    if (!err)
        err = hub_store_submit(sweep->worker->core->store, &sweep->op);
    if (err)
        end(sweep, err == HUB_ENOT_FOUND || err == HUB_EBUSY || err == HUB_ESTOPPING ? HUB_EOK : err, IDLE_MS);
}

void hub_projection_sweep_start(hub_worker_t *worker)
{
    hub_projection_sweep_t *sweep = calloc(1, sizeof *sweep);
    HUB_ASSERT(sweep);
    sweep->op.apply = apply;
    sweep->op.done = done;
    sweep->worker = worker;
    sweep->timer = (hub_timer_t){.run = run, .arg = sweep};
    worker->projections = sweep;
    wait(sweep, IDLE_MS);
}

bool hub_projection_sweep_stop(hub_worker_t *worker)
{
    hub_projection_sweep_t *sweep = worker->projections;
    if (!sweep)
        return true;
    worker->port.timer_stop(worker->port.self, &sweep->timer);
    return !sweep->pool;
}

void hub_projection_sweep_destroy(hub_worker_t *worker)
{
    free(worker->projections);
}
