/* core: the engine. A request value in, a reply value out (or "waiting"); no sockets. Three drivers: http (h2o), tests, fuzzers.
 *
 * Threads: one hub_core_t for the process; one hub_worker_t a thread with a loop. An exchange lives on the worker that took it.
 * Each integration has one home worker (hash of its id), which runs its handshakes, pushes and pulls.
 */
#ifndef HUB_CORE_H
#define HUB_CORE_H

#include "hub/base.h"
#include "hub/crypto.h"
#include "hub/port.h"
#include "hub/store.h"

typedef struct hub_core hub_core_t;
typedef struct hub_worker hub_worker_t;
typedef struct hub_exchange hub_exchange_t;

typedef struct hub_core_config {
    hub_store_t *store;
    hub_crypto_t *crypto;
    hub_slice_t public_url; /* without a trailing slash; /ocpi/… and /v1/… hang below it */
    hub_slice_t admin_key;  /* OCPI_HUB_ADMIN_KEY; none: a key is made when the store has none */
    bool insecure_peers;
    unsigned workers;
    uint32_t page_limit;           /* most objects a list page; 0: 100 */
    size_t body_limit;             /* 0: 8 MiB */
    size_t bulk_limit;             /* 0: 512 MiB: POST of NDJSON or arrays over /v1 */
    uint32_t token_seconds;        /* how long an access token lives; 0: an hour */
    uint32_t audit_days;           /* how long the audit log is kept; 0: 400 days … */
    uint32_t audit_entries;        /* … and how many entries of a tenant and kind; 0: 100,000 */
    hub_slice_t utility_cloud_url; /* where UtilityCloud is, for integrations that do not say; none: they must */
    hub_slice_t version;           /* of the program, for User-Agent and /metrics */
} hub_core_config_t;

/* `made_key` (HUB_TOKEN_LEN + 1 bytes) receives the bootstrap key when one was made, else "". */
hub_err_t hub_core_create(const hub_core_config_t *config, hub_core_t **out, char *made_key);
void hub_core_destroy(hub_core_t *core); /* after all workers; takes NULL */
/* For hub_store_config_t.on_commit: wakes every worker (coalesced). arg: the hub_core_t, or a hub_core_t ** that is filled later. */
void hub_core_on_commit(hub_core_t *core, uint64_t last_seq);
bool hub_core_ready(hub_core_t *core);

/* Bytes that a request's body may have: body_limit, or bulk_limit where the route takes bulk. `path` raw, without query. */
size_t hub_core_body_limit(const hub_core_t *core, hub_method_t method, hub_slice_t path);

/* `mailbox` wakes this worker's loop. */
hub_worker_t *hub_worker_create(hub_core_t *core, unsigned index, const hub_port_t *port, hub_mailbox_t *mailbox);
void hub_worker_start(hub_worker_t *worker); /* on its thread, when every worker exists: loads the agents of its integrations */
/* Begins to end: no new calls; pending ones are cancelled. True when nothing is under way any more. Call again until true. */
bool hub_worker_stop(hub_worker_t *worker);
void hub_worker_destroy(hub_worker_t *worker); /* on its thread; takes NULL */

/* ---- exchange: one request through the hub ---- */

typedef enum hub_header_id {
    HUB_HEADER_AUTHORIZATION,
    HUB_HEADER_API_KEY,
    HUB_HEADER_PLATFORM_ID,
    HUB_HEADER_CONTENT_TYPE,
    HUB_HEADER_ACCEPT,
    HUB_HEADER_IF_MATCH,
    HUB_HEADER_IF_NONE_MATCH,
    HUB_HEADER_PREFER,
    HUB_HEADER_IDEMPOTENCY_KEY,
    HUB_HEADER_LAST_EVENT_ID,
    HUB_HEADER_REQUEST_ID,
    HUB_HEADER_CORRELATION_ID,
    HUB_HEADER_TO_PARTY,
    HUB_HEADER_TO_COUNTRY,
    HUB_HEADER_FROM_PARTY,
    HUB_HEADER_FROM_COUNTRY,
    HUB_HEADER_CONTENT_ENCODING,
    HUB_HEADER_COUNT
} hub_header_id_t;
extern const char *const hub_header_names[HUB_HEADER_COUNT]; /* lower case, as HTTP/2 would have them */

#define HUB_REPLY_HEADERS 20
typedef struct hub_reply {
    int status;
    hub_header_t headers[HUB_REPLY_HEADERS]; /* names lower case; Content-Length is the driver's */
    uint32_t header_count;
    hub_slice_t body; /* in the exchange's pool or static */
    /* Instead of body, for drivers that take parts: the pieces of it, in order. They may lie in the store's map: the exchange's view stays
     * open for them until the driver calls hub_exchange_sent. A view that stays open keeps old pages alive, so a driver that cannot pass
     * everything on at once takes a copy. */
    const hub_slice_t *parts;
    uint32_t part_count;
    /* Instead of body: the driver pulls until false. Fill *out (in a buffer that the driver empties after each call). Returning true with
     * nothing added means: wait, hub_exchange_resume will come. */
    bool (*more)(hub_exchange_t *x, hub_buf_t *out);
    void *more_arg;
} hub_reply_t;

struct hub_exchange {
    /* the driver fills in, before hub_exchange_run; borrowed until done */
    hub_pool_t *pool;
    hub_worker_t *worker;
    hub_method_t method;
    hub_slice_t path;  /* raw, starts with '/', without query */
    hub_slice_t query; /* raw, without '?' */
    hub_slice_t header[HUB_HEADER_COUNT];
    hub_slice_t body;
    hub_slice_t remote;                /* address text, for the audit */
    void (*done)(hub_exchange_t *x);   /* the reply is ready; exactly once, on the worker; may run inside hub_exchange_run */
    void (*resume)(hub_exchange_t *x); /* a waiting `more` has something to say again */
    void *driver;
    bool takes_parts;                   /* set by the driver; otherwise reply.body is always one piece */
    bool gone;                          /* the client went away while waiting: done must still come; `more` is not called again */
    void (*on_gone)(hub_exchange_t *x); /* set by core: called when a streaming client has gone, before the pool dies */

    hub_reply_t reply;

    /* core's own */
    struct hub_exchange_state *state;
};

/* Of a request only the head is here, and a large body is announced: is its credential one that somebody holds? Nothing is counted; who is
 * turned away on /v1 is told in the audit log. No `done` comes. */
bool hub_exchange_known(hub_exchange_t *x);
/* Runs it. The reply comes through x->done, at once or later. */
void hub_exchange_run(hub_exchange_t *x);
/* reply.parts are not needed any more. Harmless when there are none, and when called again. */
void hub_exchange_sent(hub_exchange_t *x);

#endif
