#include "chore.h"

#include <stdlib.h>

#define SOON_MS 1ull

static const hub_chore_kind_t *const kinds[] = {&hub_sweep_chore, &hub_projection_chore, &hub_line_chore, &hub_usage_chore};

struct hub_chores {
    hub_chore_t *list[HUB_COUNT(kinds)];
};

static void wait(hub_chore_t *chore, uint64_t ms)
{
    hub_pool_destroy(chore->pool);
    chore->pool = NULL;
    if (!chore->worker->stopping)
        chore->worker->port.timer_start(chore->worker->port.self, &chore->timer, ms);
}

static uint64_t next_ms(const hub_chore_t *chore)
{
    return chore->soon ? SOON_MS : chore->kind->idle_ms;
}

static void failed(hub_chore_t *chore, hub_err_t err)
{
    if (err != HUB_ENOT_FOUND && err != HUB_EBUSY && err != HUB_ESTOPPING)
        hub_log(HUB_WARN, "chore.failed", HUB_STR("chore", chore->kind->name), HUB_STR("error", hub_err_info(err)->name));
    wait(chore, err == HUB_ENOT_FOUND ? next_ms(chore) : chore->kind->idle_ms);
}

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    hub_chore_t *chore = (hub_chore_t *)op;
    return chore->kind->apply(chore, view);
}

static void done(hub_op_t *op)
{
    hub_chore_t *chore = (hub_chore_t *)op;
    if (op->err)
        failed(chore, op->err);
    else
        wait(chore, chore->kind->written ? chore->kind->written(chore) : next_ms(chore));
}

static hub_err_t look(hub_chore_t *chore)
{
    hub_view_t *view;
    if (!chore->kind->look)
        return HUB_EOK;
    hub_err_t err = hub_view_open(chore->worker->core->store, &view);
    if (err)
        return err;
    err = chore->kind->look(chore, view);
    hub_view_close(view);
    return err;
}

static void run(hub_chore_t *chore)
{
    chore->pool = hub_pool_create();
    chore->soon = false;
    hub_err_t err = look(chore);
    chore->op.reply_to = chore->worker->mailbox;
    if (!err)
        err = hub_store_submit(chore->worker->core->store, &chore->op);
    if (err)
        failed(chore, err);
}

static void on_timer(hub_timer_t *timer)
{
    run(timer->arg);
}

void hub_chores_start(hub_worker_t *worker)
{
    worker->chores = calloc(1, sizeof *worker->chores);
    HUB_ASSERT(worker->chores);
    for (size_t i = 0; i < HUB_COUNT(kinds); i++) {
        hub_chore_t *chore = calloc(1, kinds[i]->size);
        HUB_ASSERT(chore);
        chore->op.apply = apply;
        chore->op.done = done;
        chore->kind = kinds[i];
        chore->worker = worker;
        chore->timer = (hub_timer_t){.run = on_timer, .arg = chore};
        worker->chores->list[i] = chore;
        wait(chore, kinds[i]->first_ms);
    }
}

bool hub_chores_stop(hub_worker_t *worker)
{
    bool stopped = true;
    for (size_t i = 0; worker->chores && i < HUB_COUNT(kinds); i++) {
        hub_chore_t *chore = worker->chores->list[i];
        worker->port.timer_stop(worker->port.self, &chore->timer);
        if (!chore->pool && chore->kind->at_end && !chore->ended) {
            chore->ended = true;
            run(chore);
        }
        stopped = stopped && !chore->pool;
    }
    return stopped;
}

void hub_chores_destroy(hub_worker_t *worker)
{
    for (size_t i = 0; worker->chores && i < HUB_COUNT(kinds); i++)
        free(worker->chores->list[i]);
    free(worker->chores);
}
