/* The store thread: takes what has queued up, applies it in one transaction, commits with fsync, then posts the results. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "room.h"

#define GROW_TRIES 3000 /* × 20 ms and what the gate waits: minutes, while views stay open */

/* ---- one transaction ---- */

static int begin(hub_store_t *store)
{
    for (int tries = 50;; tries--) {
        hub_err_t err = hub_store__enter(store, false);
        if (err && !tries)
            return EBUSY;
        if (err)
            continue;
        int rc = mdb_txn_begin(store->env, NULL, 0, &store->writer.txn);
        if (!rc)
            break;
        hub_store__leave(store);
        if (rc != MDB_MAP_RESIZED || !tries)
            return rc;
        hub_store__map_adopt(store);
    }
    batch_t *batch = &store->batch;
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    batch->map = info.me_mapaddr;
    batch->map_end = batch->map + info.me_mapsize;
    batch->rc = 0;
    batch->dirty = false;
    batch->access = false;
    batch->total_count = 0;
    batch->void_count = 0;
    batch->seq = atomic_load(&store->seq);
    if (mdb_txn_id(store->writer.txn) != atomic_load(&store->last_txn) + 1) { /* another process has written */
        hub_key_t key;
        batch->access = true;
        hub_store__meta_key(&key, "seq");
        if (hub_store__number_get(&store->writer, HUB_TABLE_META, &key, &batch->seq) && !batch->rc)
            batch->rc = MDB_CORRUPTED;
    }
    batch->first = batch->seq;
    return 0;
}

static void roll_back(hub_store_t *store)
{
    mdb_txn_abort(store->writer.txn);
    hub_store__cursors_drop(&store->writer);
    store->writer.txn = NULL;
    hub_store__leave(store);
}

static int commit(hub_store_t *store)
{
    batch_t *batch = &store->batch;
    if (!batch->dirty || batch->rc) {
        roll_back(store);
        return batch->rc;
    }
    hub_key_t key;
    hub_store__meta_key(&key, "seq");
    hub_store__sweep(&store->writer);
    hub_pool_clear(batch->kept);
    hub_store__totals_flush(&store->writer);
    if (!batch->rc && batch->seq != batch->first)
        hub_store__number_put(&store->writer, HUB_TABLE_META, &key, batch->seq);
    if (batch->rc) {
        roll_back(store);
        return batch->rc;
    }
    size_t id = mdb_txn_id(store->writer.txn);
    int rc = mdb_txn_commit(store->writer.txn);
    hub_store__cursors_drop(&store->writer);
    store->writer.txn = NULL;
    hub_store__leave(store);
    if (rc)
        return rc;
    atomic_fetch_add(&store->commits, 1);
    atomic_store(&store->last_txn, id); /* before seq: who has read a sequence number gets no snapshot from before it (view.c) */
    atomic_store(&store->seq, batch->seq);
    if (batch->access)
        atomic_fetch_add(&store->access, 1); /* after last_txn: hub_view_access */
    return 0;
}

/* ---- one batch ---- */

/* True: all applied. False: one operation has failed after it had written; it is taken out and the others must be applied again. An error
 * before the first write costs nothing. */
static bool apply_all(hub_store_t *store, hub_op_t **ops, bool *out, unsigned count)
{
    batch_t *batch = &store->batch;
    for (unsigned i = 0; i < count && !batch->rc; i++) {
        if (out[i])
            continue;
        batch->writes = 0;
        ops[i]->err = ops[i]->apply(&store->writer, ops[i]);
        hub_pool_clear(batch->kept);
        if (ops[i]->err && batch->writes && !batch->rc) {
            out[i] = true;
            return false;
        }
    }
    return true;
}

static bool grow(hub_store_t *store)
{
    int rc = EBUSY;
    for (int i = 0; i < GROW_TRIES && rc == EBUSY; i++) {
        if (i)
            nanosleep(&(struct timespec){0, 20000000}, NULL);
        rc = hub_store__map_grow(store);
    }
    if (rc)
        hub_log(HUB_ERROR, "store.grow_failed", HUB_STR("reason", mdb_strerror(rc)));
    else
        hub_log(HUB_INFO, "store.grown", HUB_STR("path", store->path));
    return rc == 0;
}

static void run_batch(hub_store_t *store, hub_op_t **ops, bool *out, unsigned count)
{
    memset(out, 0, count);
    for (;;) {
        int rc = begin(store);
        if (!rc) {
            if (!apply_all(store, ops, out, count)) {
                roll_back(store);
                continue;
            }
            rc = commit(store);
        }
        if (!rc)
            return;
        if (rc == MDB_MAP_FULL && grow(store))
            continue;
        hub_err_t err = hub_store__err_disk(store, rc);
        hub_log(HUB_ERROR, "store.commit_failed", HUB_STR("reason", mdb_strerror(rc)), HUB_INT("operations", count));
        for (unsigned i = 0; i < count; i++)
            ops[i]->err = err;
        return;
    }
}

/* ---- queue ---- */

static void run_done(hub_task_t *task)
{
    hub_op_t *op = (hub_op_t *)task;
    op->done(op);
}

/* Marks an operation that hub_store_apply waits for; never called. */
static void waited_for(hub_task_t *task)
{
    (void)task;
}

static hub_err_t enqueue(hub_store_t *store, hub_op_t *op, void (*run)(hub_task_t *), bool bounded)
{
    if (store->config.read_only)
        return HUB_EFORBIDDEN;
    hub_err_t err = HUB_EOK;
    pthread_mutex_lock(&store->queue);
    if (store->stopping) {
        err = HUB_ESTOPPING;
    } else if (bounded && store->queued >= store->config.queue_limit) {
        err = HUB_EBUSY;
        atomic_fetch_add(&store->refused, 1);
    } else {
        op->task.next = NULL;
        op->task.run = run;
        *store->last = &op->task;
        store->last = &op->task.next;
        if (store->queued++ == 0)
            pthread_cond_signal(&store->queue_moved);
    }
    pthread_mutex_unlock(&store->queue);
    return err;
}

hub_err_t hub_store_submit(hub_store_t *store, hub_op_t *op)
{
    return enqueue(store, op, run_done, true);
}

hub_err_t hub_store_apply(hub_store_t *store, hub_op_t *op)
{
    hub_err_t err = enqueue(store, op, waited_for, false);
    if (err)
        return err;
    pthread_mutex_lock(&store->queue);
    while (op->task.run)
        pthread_cond_wait(&store->finished, &store->queue);
    pthread_mutex_unlock(&store->queue);
    return op->err;
}

/* Waits for work; 0 when the store is closing and nothing is left. */
static unsigned take(hub_store_t *store, hub_op_t **ops)
{
    unsigned count = 0;
    pthread_mutex_lock(&store->queue);
    while (!store->first && !store->stopping)
        pthread_cond_wait(&store->queue_moved, &store->queue);
    for (; store->first && count < store->config.batch_limit; count++) {
        ops[count] = (hub_op_t *)store->first;
        store->first = store->first->next;
    }
    if (!store->first)
        store->last = &store->first;
    store->queued -= count;
    pthread_mutex_unlock(&store->queue);
    return count;
}

/* The memory of an operation is its owner's again as soon as its result is posted. */
static void give_back(hub_store_t *store, hub_op_t **ops, unsigned count)
{
    bool waiting = false;
    for (unsigned i = 0; i < count; i++) {
        if (ops[i]->task.run == waited_for) {
            waiting = true;
            continue;
        }
        hub_mailbox_post(ops[i]->reply_to, &ops[i]->task);
        ops[i] = NULL;
    }
    if (!waiting)
        return;
    pthread_mutex_lock(&store->queue);
    for (unsigned i = 0; i < count; i++)
        if (ops[i])
            ops[i]->task.run = NULL;
    pthread_cond_broadcast(&store->finished);
    pthread_mutex_unlock(&store->queue);
}

static void *store_thread(void *arg)
{
    hub_store_t *store = arg;
    unsigned limit = store->config.batch_limit, count;
    hub_op_t **ops = calloc(limit, sizeof *ops);
    bool *out = calloc(limit, sizeof *out);
    HUB_ASSERT(ops && out);
    while ((count = take(store, ops))) {
        uint64_t before = atomic_load(&store->seq);
        run_batch(store, ops, out, count);
        atomic_fetch_add(&store->operations, count);
        atomic_store(&store->last_batch, count);
        /* Before the results: who sees its result finds the sequence number current and the readers of the stream woken. */
        uint64_t after = atomic_load(&store->seq);
        if (after != before && store->config.on_commit)
            store->config.on_commit(store->config.on_commit_arg, after);
        give_back(store, ops, count);
    }
    free(ops);
    free(out);
    return NULL;
}

hub_err_t hub_store__writer_start(hub_store_t *store)
{
    store->last = &store->first;
    store->writer.store = store;
    store->writer.batch = &store->batch;
    store->has_thread = pthread_create(&store->thread, NULL, store_thread, store) == 0;
    return store->has_thread ? HUB_EOK : HUB_ESTORE;
}

void hub_store__writer_stop(hub_store_t *store)
{
    if (store->has_thread) {
        pthread_mutex_lock(&store->queue);
        store->stopping = true;
        pthread_cond_signal(&store->queue_moved);
        pthread_mutex_unlock(&store->queue);
        pthread_join(store->thread, NULL);
    }
    free(store->batch.scratch);
}
