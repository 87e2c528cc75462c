/* Inside the store: what its files share. Threads: the store thread owns `writer`; everything else says who locks it. */
#ifndef STORE_ROOM_H
#define STORE_ROOM_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#include "hub/store.h"

#define IDLE_CURSORS 4 /* kept a table and view, so that lists need not allocate */
#define TOTAL_SLOTS 64 /* counters of a batch held in memory until its commit */
#define VOID_SLOTS 64  /* places of a batch with rows made void */

typedef struct total {
    hub_audience_t audience;
    uint64_t rows;
    uint8_t module;
    bool dirty;
} total_t;

/* How many rows that start with `prefix` the batch has made void (sweep.c). */
typedef struct void_rows {
    hub_table_t table; /* CHANGE, UPDATED */
    unsigned count;
    uint8_t prefix_len;
    unsigned char prefix[10];
} void_rows_t;

/* What only the write transaction has. */
typedef struct batch {
    int rc;              /* the first LMDB error that spoils the transaction; 0: none */
    unsigned writes;     /* by the operation being applied */
    bool access;         /* a table that decides on access was written, or another process has written */
    bool dirty;          /* anything written in this transaction */
    uint64_t seq, first; /* the newest sequence number given; as it was when the transaction began */
    total_t totals[TOTAL_SLOTS];
    unsigned total_count;
    void_rows_t voids[VOID_SLOTS];
    unsigned void_count;
    const char *map, *map_end; /* what lies in here cannot change while the transaction runs; pages it has written lie elsewhere */
    hub_pool_t *kept;          /* of the operation being applied: copies of bytes that it has read from such pages */
    char *scratch;             /* a copy of bytes that lie in pages about to change */
    size_t scratch_size;
} batch_t;

typedef struct thread_cache thread_cache_t;

struct hub_view {
    hub_store_t *store;
    MDB_txn *txn;
    batch_t *batch; /* the store thread's view; NULL: a snapshot */
    thread_cache_t *cache;
    hub_view_t *next_free, *next_all;
    MDB_cursor *idle[HUB_TABLE_COUNT][IDLE_CURSORS];
    uint8_t idle_count[HUB_TABLE_COUNT];
    /* Where the last object was found: the next one of a page mostly lies in the same leaf. Snapshots only. */
    MDB_cursor *finger;
    bool finger_set; /* in this snapshot */
};

/* One a thread and store. Touched by its thread only, apart from its end. */
struct thread_cache {
    hub_store_t *store;
    hub_view_t *free;
    hub_view_t *warm; /* closed, but its snapshot still stands: hub_store_keep_warm. Counts as open, and is inside the gate */
    bool keeps_warm;
    unsigned open;
    thread_cache_t *next;
};

struct hub_store {
    char *path;
    MDB_env *env;
    MDB_dbi dbi[HUB_TABLE_COUNT];
    hub_store_config_t config;
    int lock_fd; /* exclusive: flock held; else -1 */
    dev_t device;
    ino_t inode;
    hub_store_t *next; /* stores open in this process; env.c's lock */

    /* The gate: the map may only be moved while no transaction of this process is active. `active` counts them; `closed` lets no new one
     * in. Entering and leaving touch the atomics alone; the mutex is for those that wait, and for who closes and opens. */
    _Atomic unsigned active;
    _Atomic bool closed;
    pthread_mutex_t gate;
    pthread_cond_t gate_moved;

    pthread_key_t key; /* thread_cache_t of the calling thread */
    bool has_key;
    pthread_mutex_t pool; /* the three lists below */
    thread_cache_t *caches;
    hub_view_t *all, *orphans; /* orphans: idle views of threads that have ended */

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t queue; /* first, last, queued, stopping; never held while applying or committing */
    pthread_cond_t queue_moved, finished;
    hub_task_t *first, **last;
    unsigned queued;
    bool stopping;

    hub_view_t writer;
    batch_t batch;
    _Atomic uint64_t seq, last_txn;                            /* of our own newest commit */
    _Atomic uint64_t binding_seq;                              /* hub_store_binding_seq */
    _Atomic uint64_t access;                                   /* hub_view_access; moved after last_txn */
    _Atomic uint64_t commits, operations, refused, last_batch; /* for people only */
};

/* LMDB's MDB_val has no const form; it does not write through these. */
static inline void *hub_store__unconst(const void *p)
{
    union {
        const void *from;
        void *to;
    } both = {p};
    return both.to;
}

/* env.c */
hub_err_t hub_store__err(int rc);
hub_err_t hub_store__err_disk(const hub_store_t *store, int rc); /* tells a full disk from a broken one */
/* migrate.c: rows of `migrations` */
hub_err_t hub_store__migrate_forms(hub_view_t *view);
/* gate.c. `inside`: this thread has a view open already and must not wait for itself. */
hub_err_t hub_store__enter(hub_store_t *store, bool inside);
void hub_store__leave(hub_store_t *store);
int hub_store__map_adopt(hub_store_t *store); /* another process made the map bigger; LMDB code, EBUSY when views stay open */
int hub_store__map_grow(hub_store_t *store);
/* view.c */
hub_err_t hub_store__views_init(hub_store_t *store);
void hub_store__views_finish(hub_store_t *store);
int hub_store__get(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t *value); /* LMDB codes */
int hub_store__get_object(hub_view_t *view, const hub_key_t *key, hub_slice_t *value);             /* of OBJECT, quick on neighbours */
hub_err_t hub_store__result(hub_view_t *view, int rc);
hub_slice_t hub_store__keep(hub_view_t *view, hub_slice_t s); /* s, or a copy where it would not live until the operation ends */
hub_err_t hub_store__reserve(hub_view_t *view, hub_table_t table, const hub_key_t *key, size_t size, char **at);
hub_err_t hub_store__number_get(hub_view_t *view, hub_table_t table, const hub_key_t *key, uint64_t *out); /* 0 when there is none */
hub_err_t hub_store__number_put(hub_view_t *view, hub_table_t table, const hub_key_t *key, uint64_t n);
void hub_store__wrote(hub_view_t *view);
void hub_store__cursors_drop(hub_view_t *view);
/* writer.c */
hub_err_t hub_store__writer_start(hub_store_t *store);
void hub_store__writer_stop(hub_store_t *store);
/* key.c */
void hub_store__meta_key(hub_key_t *key, const char *name);
void hub_store__key_audience(hub_key_t *key, hub_audience_t audience, uint8_t module);
void hub_store__key_created(hub_key_t *key, hub_audience_t audience, uint8_t module, uint64_t created_seq);
void hub_store__key_updated(hub_key_t *key, hub_audience_t audience, uint8_t module, int64_t last_updated, uint64_t created_seq);
void hub_store__key_time(hub_key_t *key, int64_t ms);
uint64_t hub_store__read_u64(const void *at); /* big-endian */
int64_t hub_store__read_time(const void *at);
/* object.c, row.c */
#define MODULE_BITS 6 /* of a TOTAL key's module: above them 1 + the form of which refusals are counted; 0: rows are */
hub_err_t hub_store__refusals_move(hub_view_t *view, uint8_t module, const hub_object_t *old, const hub_object_t *now);
hub_err_t hub_store__object_find(hub_view_t *view, hub_slice_t key, hub_object_t *out); /* inside apply bytes last until the next write */
hub_err_t hub_store__rows_move(hub_view_t *view, const hub_key_t *object, uint8_t module, uint64_t created_seq, const hub_object_t *old,
                               const hub_object_t *now);
hub_err_t hub_store__totals_flush(hub_view_t *view);
bool hub_store__row_decode(hub_slice_t value, hub_list_row_t *row); /* of CREATED */
bool hub_store__updated_decode(hub_slice_t key, hub_slice_t value, hub_list_row_t *row);
hub_err_t hub_store__updated_live(hub_view_t *view, hub_slice_t key, hub_slice_t value); /* HUB_ENOT_FOUND: void */
/* True: a row of UPDATED that has moved in time stays behind, void, and readers look at its object. For audiences of many writes and
 * few windows; windows over those that partners poll cost nothing but their rows. */
static inline bool hub_store__leaves_rows(hub_audience_t audience)
{
    unsigned kind = (unsigned)(audience >> 56);
    return kind == HUB_AUDIENCE_TENANT_OWN || kind == HUB_AUDIENCE_RECEIVED || kind == HUB_AUDIENCE_RECEIVED_TENANT;
}
/* sweep.c */
hub_err_t hub_store__void(hub_view_t *view, hub_table_t table, const hub_key_t *prefix); /* one more row is void */
hub_err_t hub_store__sweep(hub_view_t *view);                                            /* before the commit */
/* change.c */
uint64_t hub_store__next_seq(hub_view_t *view);
void hub_store__stream_of(const hub_key_t *object, hub_stream_t *stream);
hub_err_t hub_store__change_put(hub_view_t *view, const hub_stream_t *stream, const hub_change_t *change); /* of the object's head */
hub_err_t hub_store__change_void(hub_view_t *view, const hub_stream_t *stream);
hub_err_t hub_store__change_live(hub_view_t *view, hub_slice_t key, hub_slice_t value); /* HUB_ENOT_FOUND: void */
hub_err_t hub_store__change_drop(hub_view_t *view, const hub_stream_t *stream, uint64_t seq);
bool hub_store__change_decode(hub_slice_t key, hub_slice_t value, hub_change_t *out);
void hub_store__key_spelled(const hub_object_id_t *id, hub_key_t *key); /* as it is given: hub_object_key before it is folded */
hub_err_t hub_store__gone_note(hub_view_t *view, const hub_stream_t *stream, hub_slice_t object, hub_slice_t spelled, uint64_t created_seq,
                               int64_t now);
bool hub_store__stream_read(hub_slice_t bytes, hub_stream_t *stream);
hub_err_t hub_store__evse_note(hub_view_t *view, const hub_stream_t *stream, const hub_change_t *change);
void hub_store__key_stream(hub_key_t *key, const hub_stream_t *stream);
void hub_store__key_entry(hub_key_t *key, const hub_stream_t *stream, hub_slice_t object);
hub_err_t hub_store__entries_drop(hub_view_t *view, const hub_stream_t *stream, const hub_key_t *object);

#endif
