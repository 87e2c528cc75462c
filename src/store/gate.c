/* The gate: LMDB may move its map only while this process has no transaction. Every transaction passes here (one atomic addition); who
 * moves the map closes the gate, waits for those inside, and opens it again after a short while even if they did not leave, so that
 * reading never stands still for a backup or a forgotten view. */
#include <errno.h>
#include <time.h>

#include "room.h"

#define CLOSED_AT_MOST_MS 200
#define ENTER_AT_MOST_MS 10000
#define STEP_MAX ((size_t)64 << 30)

static struct timespec from_now(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Under store->gate. False when the time is over first. */
static bool wait_open(hub_store_t *store, const struct timespec *until)
{
    while (atomic_load(&store->closed))
        if (pthread_cond_timedwait(&store->gate_moved, &store->gate, until) == ETIMEDOUT)
            return !atomic_load(&store->closed);
    return true;
}

hub_err_t hub_store__enter(hub_store_t *store, bool inside)
{
    for (;;) {
        atomic_fetch_add(&store->active, 1);
        if (inside || !atomic_load(&store->closed))
            return HUB_EOK;
        hub_store__leave(store);
        struct timespec until = from_now(ENTER_AT_MOST_MS);
        pthread_mutex_lock(&store->gate);
        bool open = wait_open(store, &until);
        pthread_mutex_unlock(&store->gate);
        if (!open)
            return HUB_EBUSY;
    }
}

void hub_store__leave(hub_store_t *store)
{
    if (atomic_fetch_sub(&store->active, 1) != 1 || !atomic_load(&store->closed))
        return;
    pthread_mutex_lock(&store->gate);
    pthread_cond_broadcast(&store->gate_moved);
    pthread_mutex_unlock(&store->gate);
}

/* The gate is closed and nobody inside. 0: as large as the file says. */
static int set_map_size(hub_store_t *store, bool grow)
{
    size_t size = 0;
    if (grow) {
        MDB_envinfo info;
        int rc = mdb_env_info(store->env, &info);
        if (rc)
            return rc;
        size = info.me_mapsize + (info.me_mapsize < STEP_MAX ? info.me_mapsize : STEP_MAX);
    }
    return mdb_env_set_mapsize(store->env, size);
}

static int move_map(hub_store_t *store, bool grow)
{
    struct timespec patience = from_now(ENTER_AT_MOST_MS);
    int rc = EBUSY;
    pthread_mutex_lock(&store->gate);
    if (wait_open(store, &patience)) {
        struct timespec until = from_now(CLOSED_AT_MOST_MS);
        atomic_store(&store->closed, true);
        while (atomic_load(&store->active) && pthread_cond_timedwait(&store->gate_moved, &store->gate, &until) != ETIMEDOUT)
            ;
        if (!atomic_load(&store->active))
            rc = set_map_size(store, grow);
        atomic_store(&store->closed, false);
        pthread_cond_broadcast(&store->gate_moved);
    }
    pthread_mutex_unlock(&store->gate);
    return rc;
}

int hub_store__map_adopt(hub_store_t *store)
{
    return move_map(store, false);
}

int hub_store__map_grow(hub_store_t *store)
{
    return move_map(store, true);
}
