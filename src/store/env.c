/* Opening and closing: the directory, the lock against a second server, the tables, the schema and its migrations, backup. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "room.h"

#define MAP_DEFAULT ((size_t)64 << 30)
#define MAP_LEAST ((size_t)256 << 10)
#define READERS_MAX 2048
#define LOCK_FILE "server.lock"
#define FULL_BELOW ((uint64_t)1 << 20)

static const char *const table_names[HUB_TABLE_COUNT] = {
#define HUB_TABLE(name, text, doc) text,
#include "hub/table.def"
#undef HUB_TABLE
};

/* LMDB forbids two environments on one directory in one process (the second's end would drop the first's locks). */
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;
static hub_store_t *stores;

/* ---- errors ---- */

hub_err_t hub_store__err(int rc)
{
    switch (rc) {
    case 0:
        return HUB_EOK;
    case MDB_NOTFOUND:
        return HUB_ENOT_FOUND;
    case MDB_BAD_VALSIZE:
        return HUB_EINVALID;
    case MDB_MAP_FULL:
        return HUB_EMAP_FULL;
    case EBUSY:
        return HUB_EBUSY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return HUB_EDISK_FULL;
    default:
        return HUB_ESTORE;
    }
}

/* LMDB reports a write that the file system cut short as EIO, whatever the cause. */
hub_err_t hub_store__err_disk(const hub_store_t *store, int rc)
{
    struct statvfs room;
    struct rlimit limit;
    if (rc != EIO)
        return hub_store__err(rc);
    bool full = statvfs(store->path, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < FULL_BELOW;
    bool limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return full || limited ? HUB_EDISK_FULL : HUB_ESTORE;
}

typedef struct why {
    hub_pool_t *pool;
    hub_slice_t *text;
} why_t;

static hub_err_t fail(why_t *why, hub_err_t err, const char *path, const char *reason)
{
    if (why->pool && why->text)
        *why->text = hub_pool_printf(why->pool, "%s: %s", path, reason);
    return err;
}

static hub_err_t fail_rc(why_t *why, int rc, const char *path)
{
    return fail(why, rc == ENOENT ? HUB_ENOT_FOUND : hub_store__err(rc), path, mdb_strerror(rc));
}

/* ---- schema ---- */

/* Each row takes a store from the schema of its place to the next one. Runs in the transaction that opens the tables. */
static hub_err_t create(hub_view_t *view)
{
    (void)view; /* the tables exist now, nothing to convert */
    return HUB_EOK;
}

static hub_err_t (*const migrations[])(hub_view_t *view) = {create, hub_store__migrate_forms};
#define SCHEMA HUB_COUNT(migrations)

static hub_err_t migrate(hub_store_t *store, hub_view_t *view, why_t *why)
{
    hub_key_t key;
    uint64_t schema;
    hub_store__meta_key(&key, "schema");
    hub_err_t err = hub_store__number_get(view, HUB_TABLE_META, &key, &schema);
    if (err)
        return fail(why, err, store->path, "the schema number cannot be read");
    if (schema > SCHEMA) {
        char text[160];
        snprintf(text, sizeof text, "written by a newer ocpi-hub (schema %llu, this one knows %u)", (unsigned long long)schema,
                 (unsigned)SCHEMA);
        return fail(why, HUB_ESTORE_SCHEMA, store->path, text);
    }
    if (schema == SCHEMA)
        return HUB_EOK;
    if (store->config.read_only)
        return fail(why, HUB_ESTORE_SCHEMA, store->path, "written by an older ocpi-hub: start the server once, it converts the store");
    for (; !err && schema < SCHEMA; schema++)
        err = migrations[schema](view);
    if (!err)
        err = hub_store__number_put(view, HUB_TABLE_META, &key, SCHEMA);
    return err ? fail(why, err, store->path, "conversion to this schema failed") : HUB_EOK;
}

static int open_tables(hub_store_t *store, MDB_txn *txn)
{
    unsigned flags = store->config.read_only ? 0 : MDB_CREATE;
    int rc = 0;
    for (size_t t = 0; !rc && t < HUB_TABLE_COUNT; t++)
        rc = mdb_dbi_open(txn, table_names[t], flags, &store->dbi[t]);
    return rc;
}

/* A newer store is refused before any table is added to it: the transaction is then dropped. */
static hub_err_t load(hub_store_t *store, why_t *why)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, store->config.read_only ? MDB_RDONLY : 0, &txn);
    if (rc)
        return fail_rc(why, rc, store->path);
    hub_view_t view = {.store = store, .txn = txn, .batch = &store->batch};
    hub_err_t err = HUB_EOK;
    rc = open_tables(store, txn);
    if (rc)
        err = rc == MDB_NOTFOUND ? fail(why, HUB_ESTORE_SCHEMA, store->path, "not a complete store: start the server once")
                                 : fail_rc(why, rc, store->path);
    if (!err)
        err = migrate(store, &view, why);
    hub_key_t key;
    uint64_t seq = 0;
    hub_store__meta_key(&key, "seq");
    if (!err)
        err = hub_store__number_get(&view, HUB_TABLE_META, &key, &seq);
    if (err) {
        mdb_txn_abort(txn);
        return err;
    }
    rc = mdb_txn_commit(txn);
    if (rc)
        return fail(why, hub_store__err_disk(store, rc), store->path, mdb_strerror(rc));
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    atomic_store(&store->seq, seq);
    atomic_store(&store->last_txn, info.me_last_txnid);
    return HUB_EOK;
}

/* ---- files ---- */

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int rc = fsync(fd) ? errno : 0;
    close(fd);
    return rc;
}

static hub_err_t lock_directory(hub_store_t *store, why_t *why)
{
    char name[4096], holder[32] = "", text[96];
    if ((size_t)snprintf(name, sizeof name, "%s/" LOCK_FILE, store->path) >= sizeof name)
        return fail(why, HUB_EINVALID, store->path, "the path is too long");
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(why, HUB_ESTORE, name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
        close(fd);
        holder[n > 0 ? n : 0] = '\0';
        snprintf(text, sizeof text, "another server has the store open (process %ld)", strtol(holder, NULL, 10));
        return fail(why, HUB_ESTORE_LOCKED, store->path, text);
    }
    int n = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, holder, (size_t)n, 0) != n)
        hub_log(HUB_WARN, "store.lock_file", HUB_STR("reason", strerror(errno))); /* the lock itself holds */
    store->lock_fd = fd;
    return HUB_EOK;
}

static hub_err_t prepare_directory(hub_store_t *store, why_t *why)
{
    struct stat info;
    if (!store->config.read_only && mkdir(store->path, 0700) && errno != EEXIST)
        return fail(why, hub_store__err(errno), store->path, strerror(errno));
    if (stat(store->path, &info))
        return fail(why, errno == ENOENT ? HUB_ENOT_FOUND : HUB_ESTORE, store->path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return fail(why, HUB_EINVALID, store->path, "not a directory");
    store->device = info.st_dev;
    store->inode = info.st_ino;
    return HUB_EOK;
}

static int open_env(hub_store_t *store, size_t map_size)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (store->config.read_only ? MDB_RDONLY : 0);
    int dead, rc = mdb_env_create(&store->env);
    if (rc)
        return rc;
    if ((rc = mdb_env_set_maxdbs(store->env, HUB_TABLE_COUNT + 8)) || (rc = mdb_env_set_maxreaders(store->env, READERS_MAX)) ||
        (rc = mdb_env_set_mapsize(store->env, map_size)) || (rc = mdb_env_open(store->env, store->path, flags, 0600))) {
        mdb_env_close(store->env);
        store->env = NULL;
        return rc;
    }
    return mdb_reader_check(store->env, &dead);
}

/* Address space may be limited: then less is reserved, and the map grows when it must. */
static hub_err_t open_files(hub_store_t *store, why_t *why)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = store->config.map_size ? store->config.map_size : MAP_DEFAULT;
    size = (size < MAP_LEAST ? MAP_LEAST : size) / page * page;
    int rc = open_env(store, size);
    while (rc == ENOMEM && size > MAP_LEAST)
        rc = open_env(store, size = size / 2 / page * page);
    if (!rc && !store->config.read_only)
        rc = sync_directory(store->path);
    return rc ? fail_rc(why, rc, store->path) : HUB_EOK;
}

/* ---- open and close ---- */

static void init_locks(hub_store_t *store)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->gate, NULL);
    pthread_mutex_init(&store->pool, NULL);
    pthread_mutex_init(&store->queue, NULL);
    pthread_cond_init(&store->gate_moved, &monotonic);
    pthread_cond_init(&store->queue_moved, NULL);
    pthread_cond_init(&store->finished, NULL);
    pthread_condattr_destroy(&monotonic);
}

static hub_err_t enlist(hub_store_t *store, why_t *why)
{
    for (const hub_store_t *s = stores; s; s = s->next)
        if (s->device == store->device && s->inode == store->inode)
            return fail(why, HUB_ESTORE_LOCKED, store->path, "this process has the store open already");
    store->next = stores;
    stores = store;
    return HUB_EOK;
}

static void delist(hub_store_t *store)
{
    pthread_mutex_lock(&stores_lock);
    hub_store_t **at = &stores;
    while (*at && *at != store)
        at = &(*at)->next;
    if (*at)
        *at = store->next;
    pthread_mutex_unlock(&stores_lock);
}

hub_err_t hub_store_open(const hub_store_config_t *config, hub_store_t **out, hub_pool_t *why_pool, hub_slice_t *why_text)
{
    why_t why = {why_pool, why_text};
    hub_store_t *store = calloc(1, sizeof *store);
    HUB_ASSERT(store);
    store->config = *config;
    store->path = strdup(config->path);
    HUB_ASSERT(store->path);
    store->config.path = store->path;
    store->config.queue_limit = config->queue_limit ? config->queue_limit : 4096;
    store->config.batch_limit = config->batch_limit ? config->batch_limit : 256;
    store->lock_fd = -1;
    store->batch.kept = hub_pool_create();
    init_locks(store);
    hub_err_t err = prepare_directory(store, &why);
    if (!err && config->exclusive)
        err = lock_directory(store, &why);
    if (!err) {
        pthread_mutex_lock(&stores_lock);
        err = enlist(store, &why);
        if (!err)
            err = open_files(store, &why);
        pthread_mutex_unlock(&stores_lock);
    }
    if (!err)
        err = load(store, &why);
    if (!err && (err = hub_store__views_init(store)))
        fail(&why, err, store->path, "too many stores");
    if (!err && !config->read_only && (err = hub_store__writer_start(store)))
        fail(&why, err, store->path, "the store thread cannot be started");
    if (err) {
        hub_store_close(store);
        return err;
    }
    *out = store;
    return HUB_EOK;
}

void hub_store_close(hub_store_t *store)
{
    if (!store)
        return;
    hub_store__writer_stop(store);
    hub_store__views_finish(store);
    if (store->env)
        mdb_env_close(store->env);
    delist(store);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_mutex_destroy(&store->gate);
    pthread_mutex_destroy(&store->pool);
    pthread_mutex_destroy(&store->queue);
    pthread_cond_destroy(&store->gate_moved);
    pthread_cond_destroy(&store->queue_moved);
    pthread_cond_destroy(&store->finished);
    hub_pool_destroy(store->batch.kept);
    free(store->path);
    free(store);
}

/* ---- the running store ---- */

hub_err_t hub_store_backup(hub_store_t *store, const char *to)
{
    char name[4096];
    struct stat info;
    if (mkdir(to, 0700) && errno != EEXIST)
        return errno == ENOENT ? HUB_ENOT_FOUND : hub_store__err_disk(store, errno);
    if ((size_t)snprintf(name, sizeof name, "%s/data.mdb", to) >= sizeof name)
        return HUB_EINVALID;
    if (stat(name, &info) == 0)
        return HUB_ECONFLICT;
    hub_err_t err = hub_store__enter(store, false);
    if (err)
        return err;
    int rc = mdb_env_copy2(store->env, to, MDB_CP_COMPACT);
    hub_store__leave(store);
    int fd = rc ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (!rc && (fd < 0 || fsync(fd)))
        rc = errno;
    if (fd >= 0)
        close(fd);
    if (!rc)
        rc = sync_directory(to);
    if (rc) {
        unlink(name); /* half a copy must not be taken for one */
        hub_log(HUB_ERROR, "store.backup_failed", HUB_STR("to", to), HUB_STR("reason", mdb_strerror(rc)));
    }
    return hub_store__err_disk(store, rc);
}

static bool env_info(hub_store_t *store, MDB_envinfo *info, MDB_stat *pages)
{
    if (hub_store__enter(store, true)) /* touches the map for an instant only, and may be called with a view open */
        return false;
    mdb_env_info(store->env, info);
    mdb_env_stat(store->env, pages);
    hub_store__leave(store);
    return true;
}

/* Another process (the CLI) may have written: LMDB's transaction number tells. */
uint64_t hub_store_seq(hub_store_t *store)
{
    hub_view_t *view;
    hub_key_t key;
    uint64_t seq = atomic_load(&store->seq);
    if (hub_view_open(store, &view))
        return seq;
    if (mdb_txn_id(view->txn) != atomic_load(&store->last_txn)) {
        uint64_t newer;
        hub_store__meta_key(&key, "seq");
        if (hub_store__number_get(view, HUB_TABLE_META, &key, &newer) == HUB_EOK && newer > seq)
            seq = newer;
    }
    hub_view_close(view);
    return seq;
}

void hub_store_stats(hub_store_t *store, hub_store_stats_t *out)
{
    MDB_envinfo info = {0};
    MDB_stat pages = {0};
    env_info(store, &info, &pages);
    pthread_mutex_lock(&store->queue);
    unsigned depth = store->queued;
    pthread_mutex_unlock(&store->queue);
    *out = (hub_store_stats_t){.commits = atomic_load(&store->commits),
                               .operations = atomic_load(&store->operations),
                               .refused = atomic_load(&store->refused),
                               .queue_depth = depth,
                               .map_size = info.me_mapsize,
                               .used_bytes = (uint64_t)(info.me_last_pgno + 1) * pages.ms_psize,
                               .last_batch = atomic_load(&store->last_batch)};
}
