/* The forms that a version's first partner finds missing: made on worker 0 in a snapshot, a few at a time, and stored by an operation that
 * only copies them. Meanwhile readers make their own. */
#include "chore.h"
#include "projection.h"

#define IDLE_MS 5000ull
#define NEXT_MS 1ull
#define MADE_MOST 32u    /* a batch holds its worker up for about a millisecond … */
#define LOOKED_MOST 500u /* … also where there is nothing to do */

typedef struct made {
    hub_slice_t key, text;
    uint64_t object_version;
    ocpi_losses_t losses;
} made_t;

typedef struct sweep {
    hub_chore_t chore; /* first */
    hub_projection_debt_t debt;
    bool counted, owed, done;
    made_t made[MADE_MOST];
    uint32_t count;
} sweep_t;

/* ---- store thread ---- */

static hub_err_t apply(hub_chore_t *chore, hub_view_t *view)
{
    sweep_t *sweep = (sweep_t *)chore;
    if (!sweep->counted)
        return hub_projection_count(chore->worker->core, view, chore->pool);
    hub_err_t err = hub_projection_awake(view, chore->pool, hub_now_ms(), MADE_MOST);
    for (uint32_t i = 0; i < sweep->count && !err; i++) {
        const made_t *made = &sweep->made[i];
        err = hub_projection_add(view, chore->pool, made->key, made->object_version, sweep->debt.version, made->text, &made->losses);
    }
    return err || !sweep->owed ? err : hub_projection_pay(view, &sweep->debt, sweep->done);
}

static uint64_t written(hub_chore_t *chore)
{
    (void)chore;
    return NEXT_MS;
}

/* ---- worker ---- */

static hub_err_t make(sweep_t *sweep, hub_view_t *view, hub_slice_t key)
{
    hub_object_t head;
    unsigned slot = hub_projection_slot(sweep->debt.version);
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (err || slot == head.written || head.form_state[slot] != HUB_FORM_NONE)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    made_t *made = &sweep->made[sweep->count++];
    *made = (made_t){.key = hub_pool_copy(sweep->chore.pool, key), .object_version = head.version};
    ocpi_losses_init(&made->losses, sweep->chore.pool);
    err = hub_projection_bridge(view, sweep->chore.pool, key, hub_projection_own(&head), hub_projection_version(head.written),
                                sweep->debt.version, &made->text, &made->losses);
    if (err == HUB_EINVALID)
        made->text = HUB_SLICE_NONE;
    else if (err)
        sweep->count--; /* damaged: not ours to mend, and no reason to stop here for ever */
    return HUB_EOK;
}

static hub_err_t make_some(sweep_t *sweep, hub_view_t *view)
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

static hub_err_t look(hub_chore_t *chore, hub_view_t *view)
{
    sweep_t *sweep = (sweep_t *)chore;
    sweep->counted = sweep->counted || hub_projection_counted(view);
    sweep->count = 0;
    hub_err_t err = sweep->counted ? hub_projection_debt(view, &sweep->debt) : HUB_EOK;
    sweep->owed = sweep->counted && !err;
    if (sweep->owed)
        return make_some(sweep, view);
    return err == HUB_ENOT_FOUND && hub_projection_due(view, hub_now_ms()) ? HUB_EOK : err;
}

const hub_chore_kind_t hub_projection_chore = {.name = "projection",
                                               .size = sizeof(sweep_t),
                                               .first_ms = IDLE_MS,
                                               .idle_ms = IDLE_MS,
                                               .look = look,
                                               .apply = apply,
                                               .written = written};
