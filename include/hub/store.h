/* store: what the hub keeps, in LMDB. The only room that includes lmdb.h.
 *
 * Reads: a view is a snapshot; it never blocks and is never blocked by writing. Bytes got from a view are mapped memory: valid until the
 * view closes, to be copied when they outlive it (a client may be slow). Keep views short: an open one keeps old pages alive.
 * Writes: workers submit operations; one store thread applies what has queued up in one LMDB transaction, commits with fsync, and
 * only then posts each operation's result back to its worker. No worker ever waits.
 * One change index (DESIGN): every write of an object gives it the next sequence number and moves its single entry in its change
 * stream to the end. (Inside the store the earlier entry stays for a while, void: nobody sees it, and there are never more of them than
 * of the others.) Push and the event feed are durable cursors over these streams.
 */
#ifndef HUB_STORE_H
#define HUB_STORE_H

#include "hub/base.h"

typedef struct hub_store hub_store_t;
typedef struct hub_view hub_view_t;

/* ---- environment ---- */

typedef struct hub_store_config {
    const char *path;                                /* directory; created 0700 when missing */
    size_t map_size;                                 /* address space to reserve; 0: 64 GiB. Grows by itself when full. */
    unsigned queue_limit;                            /* operations that may wait; 0: 4096 */
    unsigned batch_limit;                            /* operations per commit; 0: 256 */
    bool exclusive;                                  /* a server: lock the store against a second server (HUB_ESTORE_LOCKED) */
    bool read_only;                                  /* CLI readers: no store thread, hub_store_submit is refused */
    void (*on_commit)(void *arg, uint64_t last_seq); /* store thread, after each commit that moved the sequence; must only signal */
    void *on_commit_arg;
} hub_store_config_t;

/* Opens, migrates an older schema, starts the store thread. HUB_ESTORE_SCHEMA: written by a newer hub. *why: text for the operator,
 * in `why_pool`. */
hub_err_t hub_store_open(const hub_store_config_t *config, hub_store_t **out, hub_pool_t *why_pool, hub_slice_t *why);
void hub_store_close(hub_store_t *store); /* applies what is queued, then stops; all views must be closed; takes NULL */
/* Consistent compacted copy of a running store into directory `to` (created; must not hold a store). Blocks. */
hub_err_t hub_store_backup(hub_store_t *store, const char *to);
uint64_t hub_store_seq(hub_store_t *store); /* the newest committed sequence number */
/* The last sequence number that this process gave to an entry of a BINDING stream, committed or not; 0: none. A reader that has seen the
 * store as of a later one need not look into these streams. */
uint64_t hub_store_binding_seq(hub_store_t *store);
/* Walks objects against their created, updated, total and change rows, both ways, in one snapshot (which keeps old pages alive meanwhile).
 * HUB_ESTORE: they do not agree; the first hundred faults are lines in `report`. */
hub_err_t hub_store_verify(hub_store_t *store, hub_buf_t *report);

typedef struct hub_store_stats {
    uint64_t commits, operations, refused, queue_depth, map_size, used_bytes, last_batch;
} hub_store_stats_t;
void hub_store_stats(hub_store_t *store, hub_store_stats_t *out);

/* ---- views ---- */

/* Views are pooled a thread and renewed (0.3 µs). Close on the thread that opened it. HUB_ESTORE when LMDB fails. */
hub_err_t hub_view_open(hub_store_t *store, hub_view_t **out);
void hub_view_close(hub_view_t *view); /* takes NULL */
/* A thread that opens views many times between two waits (a worker's loop) may keep the snapshot of the one it closed last: opening takes
 * it again as long as nothing has been committed since. It must call hub_store_rest before it waits, so that no snapshot grows old. (What
 * another process commits is seen after the next rest.) */
void hub_store_keep_warm(hub_store_t *store);
void hub_store_rest(hub_store_t *store);
hub_store_t *hub_view_store(hub_view_t *view);
bool hub_view_writable(const hub_view_t *view); /* true inside hub_op.apply */

/* Counts the commits that touched tokens, integrations, registrations or approved parties: what was read from these under the same number
 * still holds. 0: cannot tell (a commit is just being published, another process has written, or inside apply). */
uint64_t hub_view_access(hub_view_t *view);

/* ---- tables ---- */

typedef enum hub_table {
#define HUB_TABLE(name, text, doc) HUB_TABLE_##name,
#include "hub/table.def"
#undef HUB_TABLE
    HUB_TABLE_COUNT
} hub_table_t;

/* Keys are built from big-endian integers and strings, so that byte order is the order wanted. A string is followed by a 0 byte
 * (so "A" sorts before "AB" and a prefix never matches half a part); strings with a 0 byte inside must be refused before. */
#define HUB_KEY_MAX 511
typedef struct hub_key {
    uint16_t len;
    bool overflow; /* more than HUB_KEY_MAX was added: using the key gives HUB_EINVALID */
    unsigned char bytes[HUB_KEY_MAX];
} hub_key_t;
void hub_key_init(hub_key_t *key);
void hub_key_u8(hub_key_t *key, uint8_t n);
void hub_key_u32(hub_key_t *key, uint32_t n);
void hub_key_u64(hub_key_t *key, uint64_t n);
void hub_key_str(hub_key_t *key, hub_slice_t s);    /* as it is */
void hub_key_folded(hub_key_t *key, hub_slice_t s); /* ASCII lower case: CiStrings, decision L */
void hub_key_bytes(hub_key_t *key, hub_slice_t s);  /* fixed length, no 0 byte after */
static inline hub_slice_t hub_key_slice(const hub_key_t *key)
{
    return hub_slice((const char *)key->bytes, key->len);
}

/* HUB_ENOT_FOUND when there is none. */
hub_err_t hub_view_get(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t *value);
/* Inside apply only. A put replaces. Deleting what is not there is HUB_ENOT_FOUND and harmless. Bytes got from the view inside apply stay
 * valid until apply returns, whatever is written meanwhile. */
hub_err_t hub_view_put(hub_view_t *view, hub_table_t table, const hub_key_t *key, hub_slice_t value);
hub_err_t hub_view_delete(hub_view_t *view, hub_table_t table, const hub_key_t *key);
/* A number that was never given before under this name (starts at 1): integration ids, party ids, … */
hub_err_t hub_view_next_id(hub_view_t *view, const char *name, uint64_t *out);

/* Walks the keys that start with `prefix`, from `from` (NULL: the first) upward, or downward when `backward`.
 *   hub_scan_t scan; hub_scan_init(&scan, view, table, &prefix, NULL, false);
 *   while (hub_scan_next(&scan, &key, &value)) …;  hub_err_t err = hub_scan_finish(&scan);
 * Inside apply the same table may be written while scanning. */
typedef struct hub_scan {
    void *cursor;
    hub_key_t prefix, from;
    bool backward, started, has_from;
    hub_err_t err;
    hub_view_t *view;
    hub_table_t table;
} hub_scan_t;
void hub_scan_init(hub_scan_t *scan, hub_view_t *view, hub_table_t table, const hub_key_t *prefix, const hub_key_t *from, bool backward);
bool hub_scan_next(hub_scan_t *scan, hub_slice_t *key, hub_slice_t *value);
hub_err_t hub_scan_finish(hub_scan_t *scan);

/* ---- operations ---- */

typedef struct hub_op {
    hub_task_t task; /* private: carries the result back */
    /* Store thread, inside the write transaction. Reads and writes through `view`. An error leaves nothing of this operation behind and
     * does not touch the others of the batch: the store rolls the batch back and applies it again without it (so apply may run more
     * than once and must start from its inputs each time). Prefer to find errors before the first write: that costs nothing. */
    hub_err_t (*apply)(hub_view_t *view, struct hub_op *op);
    /* The submitting worker's thread, after fsync, exactly once. op->err is the result. */
    void (*done)(struct hub_op *op);
    hub_mailbox_t *reply_to;
    hub_err_t err;
} hub_op_t; /* embed it at the start of a struct of your own; memory stays yours and must live until done */

/* HUB_EBUSY at once when the queue is full, HUB_ESTOPPING while closing: then done is not called. */
hub_err_t hub_store_submit(hub_store_t *store, hub_op_t *op);
/* For the CLI, tests and start-up: submits and waits. Never on a worker. op->reply_to is ignored, done is not called. */
hub_err_t hub_store_apply(hub_store_t *store, hub_op_t *op);

/* ---- objects: an OCPI object with its indexes ---- */

/* Who may see an object: (kind << 56) | id. Lists never filter row by row, and totals are counters. */
typedef uint64_t hub_audience_t;
typedef enum hub_audience_kind {
    HUB_AUDIENCE_TENANT_OWN = 1,  /* id: tenant. All own objects */
    HUB_AUDIENCE_PARTY_ALL,       /* id: party. All objects of one of our parties */
    HUB_AUDIENCE_PARTY_PUBLIC,    /* id: party. Published locations, and the tariffs that their connectors name */
    HUB_AUDIENCE_OVERLAY,         /* id: integration. What this partner sees differently (core/sharing.h) */
    HUB_AUDIENCE_RECEIVED,        /* id: integration. What this partner gave us */
    HUB_AUDIENCE_RECEIVED_TENANT, /* id: tenant. What all partners gave us */
    HUB_AUDIENCE_PAIR,            /* hub_audience_pair. Sessions and CDRs of one of our parties with tokens of one other party */
} hub_audience_kind_t;
static inline hub_audience_t hub_audience(hub_audience_kind_t kind, uint32_t id)
{
    return ((uint64_t)kind << 56) | id;
}

/* HUB_AUDIENCE_PAIR: the kind, the party (21 bits), country and party of the token folded, seven bits a character: made without a look-up
 * and read back. 0: the party's number is too large, or the codes are not 2 and 3 characters of ASCII at most. */
hub_audience_t hub_audience_pair(uint32_t party, hub_slice_t token_country, hub_slice_t token_party);
/* False: of another kind. The codes are NUL-terminated. */
bool hub_audience_pair_parse(hub_audience_t audience, uint32_t *party, char token_country[3], char token_party[4]);

#define HUB_SCOPE_OWN 0u /* otherwise the id of the integration that gave the object */

typedef struct hub_object_id {
    uint32_t tenant, scope;
    uint8_t module;                 /* ocpi_module_t */
    hub_slice_t country, party, id; /* compared case-insensitively */
    hub_slice_t type;               /* Tokens: part of the identity; else none */
} hub_object_id_t;

/* HUB_EINVALID: a part holds a 0 byte or the id is longer than 255 bytes. */
hub_err_t hub_object_key(const hub_object_id_t *id, hub_key_t *key);
/* The other way; slices point into `key` (folded spelling; the object's own bytes have the spelling first stored). */
bool hub_object_key_parse(hub_slice_t key, hub_object_id_t *id);

/* Forms: the same object in other shapes (core: one a version of OCPI), side by side with its bytes in one value, so that reading one costs
 * no more than reading the bytes, and they never disagree with them. */
#define HUB_OBJECT_FORMS 3
typedef enum hub_form {
    HUB_FORM_NONE,    /* not made; of the form that the bytes are written in: the bytes themselves */
    HUB_FORM_SAME,    /* the bytes themselves */
    HUB_FORM_STORED,  /* text of its own */
    HUB_FORM_REFUSED, /* was tried: there is none */
} hub_form_t;

#define HUB_OBJECT_AUDIENCES 4
typedef struct hub_object {
    uint64_t seq;         /* its place in the change stream */
    uint64_t created_seq; /* its place in lists: creation order, never changes */
    uint64_t version;     /* +1 per put */
    int64_t last_updated; /* ms; what the date window compares */
    int64_t received_at;  /* ms; when it last came in */
    uint32_t flags;       /* the caller's (core/objects.h) */
    uint32_t audience_count;
    hub_audience_t audiences[HUB_OBJECT_AUDIENCES];
    uint8_t written;                      /* which form the bytes are in; 0 until somebody says otherwise */
    uint8_t form_state[HUB_OBJECT_FORMS]; /* hub_form_t */
    hub_slice_t bytes;                    /* as received (given) or canonical (own); mapped memory */
    hub_slice_t form[HUB_OBJECT_FORMS];   /* read: the text of each form, none where there is none; written: of those that are STORED */
} hub_object_t;

typedef enum hub_change_kind {
    HUB_CHANGE_OBJECT, /* the whole object: new or replaced */
    HUB_CHANGE_EVSE,   /* only the status of one EVSE: an entry of its own, the object's entry stays where it is */
    HUB_CHANGE_DELETE, /* gone: entry kept 30 days */
    HUB_CHANGE_NONE,   /* put only: no entry moves (a stale mark) */
} hub_change_kind_t;

hub_err_t hub_object_get(hub_view_t *view, const hub_object_id_t *id, hub_object_t *out);
hub_err_t hub_object_get_key(hub_view_t *view, hub_slice_t key, hub_object_t *out);
/* apply only. Creates or replaces. From *in: last_updated, received_at, flags, audiences, bytes and forms; the rest is set by the store and
 * returned in *in (seq, created_seq, version). Moves the created/updated rows and counters of all audiences, old and new, and the change
 * entry: a whole change (OBJECT) also takes away the object's EVSE entries. `evse_uid` with HUB_CHANGE_EVSE only. */
hub_err_t hub_object_put(hub_view_t *view, const hub_object_id_t *id, hub_object_t *in, hub_change_kind_t change, hub_slice_t evse_uid);
/* apply only. Leaves a DELETE entry in the change stream (taken away when the object comes back, which is then a new object), which keeps
 * the spelling of `id`. */
hub_err_t hub_object_delete(hub_view_t *view, const hub_object_id_t *id, int64_t now);
/* apply only. Replaces the audiences (and rows and counters) alone: bytes, forms, version and change entry stay. */
hub_err_t hub_object_audiences(hub_view_t *view, const hub_object_id_t *id, const hub_audience_t *audiences, uint32_t count);

/* apply only. Replaces forms and flags alone, as long as the object is the one they were made of: HUB_ECONFLICT when its version is another
 * than in->version. */
hub_err_t hub_object_forms(hub_view_t *view, hub_slice_t key, const hub_object_t *in);

/* Rows of an audience that are not an object's own: same tables, same order. OVERLAY audiences only; `tag` (not 0) is given back by lists.
 * An overlay stands before the base in a query: its row decides, even when it lies outside of the window and the base's inside. */
hub_err_t hub_row_put(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq, int64_t last_updated, uint8_t tag,
                      hub_slice_t object_key); /* replaces the row of the same created_seq */
hub_err_t hub_row_delete(hub_view_t *view, hub_audience_t audience, uint8_t module, uint64_t created_seq);
uint64_t hub_audience_count(hub_view_t *view, hub_audience_t audience, uint8_t module);
uint64_t hub_audience_refused(hub_view_t *view, hub_audience_t audience, uint8_t module, uint8_t form); /* of them: without this form */

/* ---- lists: pages over one or several audiences, merged ---- */

typedef struct hub_list_row {
    uint64_t created_seq;
    int64_t last_updated; /* inside `take` without a window: 0 for an object's own row */
    uint8_t tag;          /* 0: an object's own row */
    hub_audience_t audience;
    hub_slice_t key;   /* of the object; mapped */
    hub_slice_t bytes; /* on a page: the object's in query->form, mapped, of an object's own row where there is this form; else none */
} hub_list_row_t;

#define HUB_LIST_AUDIENCES 256 /* overlays among the first 64 of them only */
typedef struct hub_list_query {
    const hub_audience_t *audiences;
    uint32_t audience_count; /* ≤ HUB_LIST_AUDIENCES */
    uint8_t module;
    uint8_t form;   /* which form the page's rows bring along */
    bool form_only; /* own rows whose object has been refused this form are left out. `total` without a window counts an object that lies in
                       an overlay besides as if it were not refused */
    int64_t from, to; /* last_updated window in ms, from inclusive, to exclusive; INT64_MIN and INT64_MAX: no window */
    /* Where two audiences have a row of the same created_seq the first named wins; false leaves the row out. NULL: takes all. */
    bool (*take)(void *arg, const hub_list_row_t *row);
    void *take_arg;
    uint64_t offset;      /* rows to skip (a client's own offset: costs what it skips) … */
    hub_slice_t position; /* … or the position that the last page ended with: costs nothing. Bad positions: HUB_EINVALID */
    uint32_t limit;
    size_t max_bytes;     /* a page ends with the object that reaches this; 0: no bound */
    bool count;           /* work out `total` (first page, or a position without a total in it) */
    int64_t total_adjust; /* without a window: what to add to the sum of the counters (rows counted twice, rows that `take` refuses) */
} hub_list_query_t;

typedef struct hub_list_page {
    hub_list_row_t *rows; /* in the pool; keys copied */
    uint32_t count;
    uint64_t total;   /* of the window (after `take`); without a window the sum of the counters + total_adjust */
    hub_slice_t next; /* position of the next page (URL-safe text, carries the total and the order), none on the last page */
} hub_list_page_t;

/* Creation order (rule P8). A window of more than 10,000 rows is ordered by (last_updated, creation) instead, so that a page costs what
 * it returns; the position remembers which. (Audiences of a tenant and of what was received may reach that limit earlier, since void rows
 * count, and working out `total` of their windows may look at as many objects as lie inside or outside: about a microsecond each.) */
hub_err_t hub_list(hub_view_t *view, const hub_list_query_t *query, hub_pool_t *pool, hub_list_page_t *page);

/* ---- the change index ---- */

typedef enum hub_stream_kind {
    HUB_STREAM_OWN,      /* own objects of a tenant */
    HUB_STREAM_RECEIVED, /* what partners gave the tenant */
    HUB_STREAM_BINDING,  /* what changed for one integration only: bindings, grants */
} hub_stream_kind_t;

typedef struct hub_stream {
    uint32_t tenant;
    hub_stream_kind_t kind;
    uint32_t integration; /* BINDING only, else 0 */
    uint8_t module;       /* ocpi_module_t, or HUB_MODULE_INTEGRATION */
} hub_stream_t;
#define HUB_MODULE_INTEGRATION 200 /* changes of integrations themselves: object key = hub_integration_change_key */

typedef struct hub_change {
    uint64_t seq, created_seq;
    hub_change_kind_t kind;
    int64_t time;         /* ms */
    hub_slice_t key;      /* object key; mapped */
    hub_slice_t evse_uid; /* kind EVSE */
    hub_slice_t spelled;  /* kind DELETE: the key as who deleted it spelled it; none: in no other way, or too long to be kept */
} hub_change_t;

typedef struct hub_change_scan {
    hub_scan_t scan;
} hub_change_scan_t;
void hub_change_scan_init(hub_change_scan_t *scan, hub_view_t *view, const hub_stream_t *stream, uint64_t after);
bool hub_change_scan_next(hub_change_scan_t *scan, hub_change_t *out);
hub_err_t hub_change_scan_finish(hub_change_scan_t *scan);
/* apply only: an entry for something that is no object of the object table (an integration, a binding). One entry a (stream, key): moves
 * to the end. */
hub_err_t hub_change_note(hub_view_t *view, const hub_stream_t *stream, hub_slice_t key, hub_change_kind_t kind, int64_t now,
                          uint64_t *seq);
/* apply only: forgets DELETE entries older than `before` (ms), at most `limit` of them. The largest seq forgotten is remembered: */
hub_err_t hub_change_expire(hub_view_t *view, int64_t before, unsigned limit);
uint64_t hub_change_horizon(hub_view_t *view); /* a reader with a cursor below this has missed deletions */

/* Durable cursors. `reader` is the reader's own key (core/push.h, …). A reader never seen has cursor 0. */
uint64_t hub_cursor_get(hub_view_t *view, const hub_key_t *reader);
hub_err_t hub_cursor_put(hub_view_t *view, const hub_key_t *reader, uint64_t seq); /* apply only */

#endif
