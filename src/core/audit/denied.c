/* Who was turned away: counted by each worker, written a few entries a minute at most. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define SLOTS 16u /* addresses and credentials that a worker tells apart within a minute */
#define WRITE_MS 60000u
#define TEXT_MOST 256

typedef struct denial {
    uint32_t tenant, key_id;
    int status;
    hub_method_t method;
    char remote[64], actor[TEXT_MOST], path[TEXT_MOST], trace_id[HUB_UUID_LEN + 1];
    const char *why;
    int64_t time;
    uint64_t count; /* not yet written */
} denial_t;

/* The last slot stands for all that find none. */
struct hub_denials {
    hub_worker_t *worker;
    hub_timer_t timer;
    bool waiting, last;
    unsigned used, under_way;
    denial_t slots[SLOTS + 1];
};

typedef struct telling {
    hub_op_t op; /* first */
    struct hub_denials *from;
    hub_pool_t *pool;
    unsigned count;
    denial_t list[SLOTS + 1];
} telling_t;

static hub_err_t put(hub_view_t *view, hub_pool_t *pool, const denial_t *d)
{
    uint64_t number = 0;
    const hub_audit_entry_t entry = {.tenant = d->tenant,
                                     .kind = HUB_AUDIT_DENIED,
                                     .time = d->time,
                                     .key_id = d->key_id,
                                     .actor = hub_slice_str(d->actor[0] ? d->actor : NULL),
                                     .remote = hub_slice_str(d->remote),
                                     .action = HUB_SLICE_LIT("denied"),
                                     .resource = hub_slice_str(d->path),
                                     .trace_id = hub_slice_str(d->trace_id),
                                     .method = hub_method_name(d->method),
                                     .more = hub_pool_printf(pool,
                                                             "\"before\":null,\"after\":null,\"status\":%d,\"reason\":\"%s\","
                                                             "\"count\":%llu",
                                                             d->status, d->why, (unsigned long long)d->count)};
    return hub_audit_put(view, pool, &entry, &number);
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    telling_t *telling = (telling_t *)op;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < telling->count && !err; i++)
        err = put(view, telling->pool, &telling->list[i]);
    return err;
}

static void done(hub_op_t *op)
{
    telling_t *telling = (telling_t *)op;
    if (op->err && op->err != HUB_ESTOPPING)
        hub_log(HUB_WARN, "audit.denied", HUB_STR("error", hub_err_info(op->err)->name));
    telling->from->under_way--;
    hub_pool_destroy(telling->pool);
}

/* Those of `count` slots that have something to tell. A full queue: they wait for the next time. */
static void tell(struct hub_denials *denials, denial_t *slots, unsigned count)
{
    hub_pool_t *pool = hub_pool_create();
    telling_t *telling = HUB_POOL_NEW(pool, telling_t);
    telling->op = (hub_op_t){.apply = apply, .done = done, .reply_to = denials->worker->mailbox};
    telling->from = denials;
    telling->pool = pool;
    for (unsigned i = 0; i < count; i++)
        if (slots[i].count)
            telling->list[telling->count++] = slots[i];
    if (!telling->count || hub_store_submit(denials->worker->core->store, &telling->op) != HUB_EOK) {
        hub_pool_destroy(pool);
        return;
    }
    denials->under_way++;
    for (unsigned i = 0; i < count; i++)
        slots[i].count = 0;
}

static void on_timer(hub_timer_t *timer)
{
    struct hub_denials *denials = timer->arg;
    denials->waiting = false;
    tell(denials, denials->slots, SLOTS + 1);
    denials->used = 0;
}

static void copy(char *out, size_t size, hub_slice_t s)
{
    size_t len = s.len < size - 1 ? s.len : size - 1;
    if (len)
        memcpy(out, s.ptr, len);
    out[len] = 0;
}

static const char *reason(hub_err_t err)
{
    switch (err) {
    case HUB_EUNAUTHORIZED:
        return "credential";
    case HUB_EFORBIDDEN:
        return "permission";
    default:
        return "platform";
    }
}

static struct hub_denials *denials_of(hub_worker_t *worker)
{
    if (!worker->denials) {
        worker->denials = calloc(1, sizeof *worker->denials);
        HUB_ASSERT(worker->denials);
        worker->denials->worker = worker;
        worker->denials->timer = (hub_timer_t){.run = on_timer, .arg = worker->denials};
    }
    return worker->denials;
}

static denial_t *slot_of(struct hub_denials *denials, const denial_t *d, bool *fresh)
{
    *fresh = false;
    for (unsigned i = 0; i < denials->used; i++) {
        denial_t *slot = &denials->slots[i];
        if (slot->tenant == d->tenant && slot->status == d->status && slot->key_id == d->key_id && strcmp(slot->remote, d->remote) == 0)
            return slot;
    }
    if (denials->used == SLOTS)
        return &denials->slots[SLOTS];
    *fresh = true;
    return &denials->slots[denials->used++];
}

void hub_audit_denied(hub_exchange_t *x, hub_err_t err)
{
    hub_worker_t *worker = x->worker;
    const hub_exchange_state_t *state = x->state;
    bool fresh;
    denial_t d = {.tenant = state->tenant,
                  .key_id = state->key_id,
                  .status = hub_err_info(err)->http_status,
                  .method = x->method,
                  .why = reason(err),
                  .time = hub_now_ms()};
    if (!worker->port.timer_start || worker->stopping) /* the command line has no loop, and nobody to turn away */
        return;
    copy(d.remote, sizeof d.remote, x->remote);
    copy(d.actor, sizeof d.actor, state->actor);
    copy(d.path, sizeof d.path, x->path);
    copy(d.trace_id, sizeof d.trace_id, hub_slice(state->trace_id, HUB_UUID_LEN));
    struct hub_denials *denials = denials_of(worker);
    denial_t *slot = slot_of(denials, &d, &fresh);
    d.count = fresh ? 1 : slot->count + 1;
    if (slot == &denials->slots[SLOTS]) { /* nobody's in particular */
        d.tenant = d.key_id = 0;
        d.actor[0] = 0;
        copy(d.remote, sizeof d.remote, HUB_SLICE_LIT("many"));
    }
    *slot = d;
    if (fresh)
        tell(denials, slot, 1);
    if (!denials->waiting)
        worker->port.timer_start(worker->port.self, &denials->timer, WRITE_MS);
    denials->waiting = true;
}

bool hub_audit_stop(hub_worker_t *worker)
{
    struct hub_denials *denials = worker->denials;
    if (!denials)
        return true;
    worker->port.timer_stop(worker->port.self, &denials->timer);
    if (!denials->last)
        tell(denials, denials->slots, SLOTS + 1);
    denials->last = true;
    return denials->under_way == 0;
}

void hub_audit_finish(hub_worker_t *worker)
{
    free(worker->denials);
}
