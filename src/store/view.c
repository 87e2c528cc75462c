/* Views: pooled read transactions, and single keys read and written through them. */
#include <errno.h>
#include <stdlib.h>

#include "room.h"

static void *must(void *p)
{
    HUB_ASSERT(p);
    return p;
}

/* ---- the pool ---- */

static void put_away(hub_view_t *view)
{
    mdb_txn_reset(view->txn);
    thread_cache_t *cache = view->cache;
    view->next_free = cache->free;
    cache->free = view;
    cache->open--;
    hub_store__leave(view->store);
}

/* A thread ends: its idle views serve other threads. */
static void thread_ended(void *arg)
{
    thread_cache_t *cache = arg;
    hub_store_t *store = cache->store;
    if (cache->warm)
        put_away(cache->warm);
    pthread_mutex_lock(&store->pool);
    while (cache->free) {
        hub_view_t *view = cache->free;
        cache->free = view->next_free;
        view->next_free = store->orphans;
        store->orphans = view;
    }
    thread_cache_t **at = &store->caches;
    while (*at != cache)
        at = &(*at)->next;
    *at = cache->next;
    pthread_mutex_unlock(&store->pool);
    free(cache);
}

hub_err_t hub_store__views_init(hub_store_t *store)
{
    store->has_key = pthread_key_create(&store->key, thread_ended) == 0;
    return store->has_key ? HUB_EOK : HUB_ESTORE;
}

void hub_store__views_finish(hub_store_t *store)
{
    if (store->has_key)
        pthread_key_delete(store->key);
    while (store->caches) {
        thread_cache_t *cache = store->caches;
        store->caches = cache->next;
        HUB_ASSERT(cache->open == 0); /* a view is still open */
        free(cache);
    }
    while (store->all) {
        hub_view_t *view = store->all;
        store->all = view->next_all;
        for (size_t t = 0; t < HUB_TABLE_COUNT; t++)
            while (view->idle_count[t])
                mdb_cursor_close(view->idle[t][--view->idle_count[t]]);
        if (view->finger)
            mdb_cursor_close(view->finger);
        if (view->txn)
            mdb_txn_abort(view->txn);
        free(view);
    }
}

static thread_cache_t *thread_cache(hub_store_t *store)
{
    thread_cache_t *cache = pthread_getspecific(store->key);
    if (cache)
        return cache;
    cache = must(calloc(1, sizeof *cache));
    cache->store = store;
    pthread_mutex_lock(&store->pool);
    cache->next = store->caches;
    store->caches = cache;
    pthread_mutex_unlock(&store->pool);
    HUB_ASSERT(pthread_setspecific(store->key, cache) == 0);
    return cache;
}

static hub_view_t *idle_view(hub_store_t *store, thread_cache_t *cache)
{
    hub_view_t *view = cache->free;
    if (view) {
        cache->free = view->next_free;
        return view;
    }
    pthread_mutex_lock(&store->pool);
    view = store->orphans;
    if (view) {
        store->orphans = view->next_free;
    } else {
        view = must(calloc(1, sizeof *view));
        view->store = store;
        view->next_all = store->all;
        store->all = view;
    }
    pthread_mutex_unlock(&store->pool);
    return view;
}

static int begin(hub_store_t *store, hub_view_t *view)
{
    return view->txn ? mdb_txn_renew(view->txn) : mdb_txn_begin(store->env, NULL, MDB_RDONLY, &view->txn);
}

void hub_store_keep_warm(hub_store_t *store)
{
    thread_cache(store)->keeps_warm = true;
}

void hub_store_rest(hub_store_t *store)
{
    thread_cache_t *cache = thread_cache(store);
    hub_view_t *view = cache->warm;
    cache->warm = NULL;
    if (view)
        put_away(view);
}

/* The number of the last commit moves before anybody hears of that commit, so an unmoved one means that a new snapshot would be the same.
 */
static hub_view_t *take_warm(hub_store_t *store, thread_cache_t *cache)
{
    hub_view_t *view = cache->warm;
    if (view && mdb_txn_id(view->txn) != atomic_load(&store->last_txn)) {
        hub_store_rest(store);
        return NULL;
    }
    cache->warm = NULL;
    return view;
}

hub_err_t hub_view_open(hub_store_t *store, hub_view_t **out)
{
    thread_cache_t *cache = thread_cache(store);
    if (cache->warm && (*out = take_warm(store, cache)))
        return HUB_EOK;
    for (int tries = 3;; tries--) {
        hub_err_t err = hub_store__enter(store, cache->open > 0);
        if (err)
            return err;
        hub_view_t *view = idle_view(store, cache);
        view->cache = cache;
        int rc = begin(store, view);
        if (!rc) {
            view->finger_set = false;
            cache->open++;
            *out = view;
            return HUB_EOK;
        }
        view->next_free = cache->free;
        cache->free = view;
        hub_store__leave(store);
        int dead;
        if (tries && rc == MDB_MAP_RESIZED)
            hub_store__map_adopt(store);
        else if (!tries || rc != MDB_READERS_FULL || mdb_reader_check(store->env, &dead))
            return hub_store__err(rc);
    }
}

void hub_view_close(hub_view_t *view)
{
    if (!view)
        return;
    HUB_ASSERT(!view->batch); /* the store ends its own transaction */
    thread_cache_t *cache = view->cache;
    if (cache->keeps_warm && !cache->warm)
        cache->warm = view;
    else
        put_away(view);
}

hub_store_t *hub_view_store(hub_view_t *view)
{
    return view->store;
}

bool hub_view_writable(const hub_view_t *view)
{
    return view->batch != NULL;
}

/* ---- keys ---- */

static MDB_val key_val(const hub_key_t *key)
{
    return (MDB_val){key->len, hub_store__unconst(key->bytes)};
}

/* What makes the whole transaction useless is remembered: apply may not notice it. */
hub_err_t hub_store__result(hub_view_t *view, int rc)
{
    if (rc && rc != MDB_NOTFOUND && rc != MDB_BAD_VALSIZE && view->batch && !view->batch->rc)
        view->batch->rc = rc;
    return hub_store__err(rc);
}

void hub_store__wrote(hub_view_t *view)
{
    HUB_ASSERT(view->batch); /* writing outside apply */
    view->batch->writes++;
    view->batch->dirty = true;
}

int hub_store__get(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t *value)
{
    if (key->overflow)
        return MDB_BAD_VALSIZE;
    MDB_val k = key_val(key), v;
    int rc = mdb_get(view->txn, view->store->dbi[table], &k, &v);
    if (!rc)
        *value = hub_slice(v.mv_data, v.mv_size);
    return rc;
}

static int finger_open(hub_view_t *view)
{
    int rc = view->finger ? mdb_cursor_renew(view->txn, view->finger)
                          : mdb_cursor_open(view->txn, view->store->dbi[HUB_TABLE_OBJECT], &view->finger);
    view->finger_set = rc == 0;
    return rc;
}

int hub_store__get_object(hub_view_t *view, const hub_key_t *key, hub_slice_t *value)
{
    if (view->batch || key->overflow)
        return hub_store__get(view, HUB_TABLE_OBJECT, key, value);
    MDB_val k = key_val(key), v;
    int rc = view->finger_set ? 0 : finger_open(view);
    if (!rc)
        rc = mdb_cursor_get(view->finger, &k, &v, MDB_SET);
    if (!rc)
        *value = hub_slice(v.mv_data, v.mv_size);
    return rc;
}

/* A page that the transaction has written before is changed by its next write, so what was read from it is copied. */
hub_slice_t hub_store__keep(hub_view_t *view, hub_slice_t s)
{
    const batch_t *batch = view->batch;
    if (!batch || !s.len || (s.ptr >= batch->map && s.ptr < batch->map_end))
        return s;
    return hub_pool_copy(batch->kept, s);
}

hub_err_t hub_view_get(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t *value)
{
    int rc = hub_store__get(view, table, key, value);
    if (!rc)
        *value = hub_store__keep(view, *value);
    return hub_store__result(view, rc);
}

/* Who may call us, and as whom: read by every request, written seldom. */
static bool decides_access(hub_table_t table)
{
    return table == HUB_TABLE_TOKEN || table == HUB_TABLE_INTEGRATION || table == HUB_TABLE_REGISTRATION ||
           table == HUB_TABLE_APPROVED_PARTY;
}

/* The number is read first and the transaction compared after it; the writer moves them the other way round. So a number that is returned
 * was in force for what this view shows. */
uint64_t hub_view_access(hub_view_t *view)
{
    hub_store_t *store = view->store;
    uint64_t access = atomic_load(&store->access);
    return !view->batch && mdb_txn_id(view->txn) == atomic_load(&store->last_txn) ? access + 1 : 0;
}

hub_err_t hub_view_put(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t value)
{
    if (key->overflow || !key->len)
        return HUB_EINVALID;
    hub_store__wrote(view);
    view->batch->access |= decides_access(table);
    MDB_val k = key_val(key), v = {value.len, hub_store__unconst(value.ptr)};
    return hub_store__result(view, mdb_put(view->txn, view->store->dbi[table], &k, &v, 0));
}

hub_err_t hub_store__reserve(hub_view_t *view, hub_table_t table, const hub_key_t *key, size_t size, char **at)
{
    if (key->overflow || !key->len)
        return HUB_EINVALID;
    hub_store__wrote(view);
    MDB_val k = key_val(key), v = {size, NULL};
    int rc = mdb_put(view->txn, view->store->dbi[table], &k, &v, MDB_RESERVE);
    *at = v.mv_data;
    return hub_store__result(view, rc);
}

hub_err_t hub_view_delete(hub_view_t *view, hub_table_t table, const hub_key_t *key)
{
    HUB_ASSERT(view->batch);
    if (key->overflow || !key->len)
        return HUB_EINVALID;
    MDB_val k = key_val(key);
    int rc = mdb_del(view->txn, view->store->dbi[table], &k, NULL);
    if (rc != MDB_NOTFOUND)
        hub_store__wrote(view);
    view->batch->access |= decides_access(table);
    return hub_store__result(view, rc);
}

hub_err_t hub_store__number_get(hub_view_t *view, hub_table_t table, const hub_key_t *key, uint64_t *out)
{
    hub_slice_t value = HUB_SLICE_NONE;
    hub_err_t err = hub_view_get(view, table, key, &value);
    *out = 0;
    if (err)
        return err == HUB_ENOT_FOUND ? HUB_EOK : err;
    if (value.len != sizeof *out)
        return HUB_ESTORE;
    *out = hub_store__read_u64(value.ptr);
    return HUB_EOK;
}

hub_err_t hub_store__number_put(hub_view_t *view, hub_table_t table, const hub_key_t *key, uint64_t n)
{
    hub_key_t number; /* the encoding of keys serves values as well */
    hub_key_init(&number);
    hub_key_u64(&number, n);
    return hub_view_put(view, table, key, hub_key_slice(&number));
}

hub_err_t hub_view_next_id(hub_view_t *view, const char *name, uint64_t *out)
{
    hub_key_t key;
    hub_key_init(&key);
    hub_key_bytes(&key, HUB_SLICE_LIT("next:"));
    hub_key_str(&key, hub_slice_str(name));
    uint64_t last;
    hub_err_t err = hub_store__number_get(view, HUB_TABLE_META, &key, &last);
    if (err)
        return err;
    *out = last + 1;
    return hub_store__number_put(view, HUB_TABLE_META, &key, *out);
}
