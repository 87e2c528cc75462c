/* What the files of http share. Everything here belongs to one worker's thread, except hub_http_t, which is not written after its making.
 */
#ifndef HTTP_ROOM_H
#define HTTP_ROOM_H

#ifndef H2O_USE_LIBUV
#define H2O_USE_LIBUV 1
#endif
#include <h2o.h>
#include <h2o/http1.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <uv.h>

#include "hub/http.h"
#include "wire.h"

struct hub_http {
    hub_http_config_t config;
    h2o_globalconf_t global;
    SSL_CTX *tls;
    int *sockets; /* one a worker, bound; -1 once the worker has it */
    unsigned port;
};

typedef enum hub_http__phase {
    PHASE_TLS,     /* handshake */
    PHASE_IDLE,    /* between requests */
    PHASE_HEAD,    /* some bytes of a header block */
    PHASE_BODY,    /* header block judged good, body not complete */
    PHASE_BUSY,    /* the request is with h2o and core */
    PHASE_REFUSED, /* answered by us, reading off what the client still sends */
    PHASE_CLOSING, /* h2o has let go of it; TLS may still say goodbye */
} hub_http__phase_t;

/* A connection, beside h2o's own (private) one. Found again through the socket's on_close data. */
typedef struct hub_http__conn {
    struct hub_http__conn *next, **link; /* in worker->conns */
    struct hub_http__conn *wake_next;    /* in worker->wake */
    bool waking;
    hub_http__phase_t phase;
    hub_http_worker_t *worker;
    h2o_socket_t *sock;
    h2o_socket_cb read; /* h2o's callback; ours stands before it */
    uint64_t since;     /* loop time when the phase began */
    hub_wire_head_t head;
    hub_wire_chunks_t chunks;
    size_t limit;                      /* of this request's body */
    bool stranger;                     /* its limit is the one of those without a credential */
    size_t discarded;                  /* PHASE_REFUSED */
    hub_buf_t stash;                   /* heap: what came after the end of the request being worked on … */
    size_t stash_from;                 /* … of which this much is used up */
    hub_buf_t refusal;                 /* heap: an answer of ours on its way */
    struct hub_http__request *request; /* PHASE_BUSY */
    char remote[INET6_ADDRSTRLEN];
} hub_http__conn_t;

typedef enum hub_http__stage { STAGE_WAITING, STAGE_STREAMING, STAGE_SENT } hub_http__stage_t;

/* A request at work: the exchange and how its answer goes out. Reused by the worker. */
typedef struct hub_http__request {
    hub_exchange_t x;
    h2o_generator_t generator;
    struct hub_http__request *next; /* in worker->spare */
    hub_http__conn_t *conn;         /* NULL: the client has gone */
    h2o_req_t *req;
    hub_http__stage_t stage;
    bool chunked, parked, resumed, pulling;
    hub_buf_t chunk; /* heap: what the stream sends now */
    char chunk_head[24];
} hub_http__request_t;

struct hub_http_worker {
    hub_http_t *http;
    hub_worker_t *core;
    uv_loop_t *loop;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    uv_tcp_t *listener;
    uv_prepare_t *prepare;
    uv_timer_t *sweep;
    hub_http__conn_t *conns, *wake;
    hub_http__request_t *spare;
    unsigned limit, waiting; /* connections at most; exchanges that core has not answered */
    uint64_t full_told;      /* the log has said that clients are turned away: not again before (loop time, ms) */
    bool draining;
    struct { /* written by the worker alone, read by any thread */
        _Atomic uint64_t accepted, refused, requests, timeouts, open;
    } stats;
};

/* One writer: no locked instruction. */
static inline void hub_http__count(_Atomic uint64_t *counter, int64_t by)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)by, memory_order_relaxed);
}

/* connection.c */
void hub_http__on_connection(uv_stream_t *listener, int status);
void hub_http__accept_rest(hub_http_worker_t *worker);       /* what waits in the listener's queue, before it closes */
bool hub_http__conn_has_input(const hub_http__conn_t *conn); /* bytes that nobody has read yet */
void hub_http__on_prepare(uv_prepare_t *prepare);
void hub_http__on_sweep(uv_timer_t *timer);
hub_http__conn_t *hub_http__conn_of(h2o_req_t *req);
void hub_http__conn_close(hub_http__conn_t *conn); /* h2o ends it and frees what it keeps; conn dies now or soon */
void hub_http__conn_request_ended(hub_http__conn_t *conn, bool closing);

/* request.c */
int hub_http__on_request(h2o_handler_t *handler, h2o_req_t *req);
void hub_http__on_request_end(h2o_logger_t *logger, h2o_req_t *req); /* h2o drops the request: answered, or the connection is gone */
void hub_http__request_free(hub_http__request_t *request);

/* reply.c: the only maker of wire answers */
void hub_http__reply(hub_http__request_t *request); /* x->reply to h2o */
void hub_http__reply_end_stream(hub_http__request_t *request);
void hub_http__on_resume(hub_exchange_t *x);
/* An answer without core, for what never becomes an exchange: the whole response as it goes over the wire. id: gets its trace id. */
void hub_http__refusal(hub_buf_t *out, hub_slice_t path, int status, const char *why, char id[HUB_UUID_LEN + 1]);
/* The same through h2o, which closes the connection after it. */
void hub_http__refuse_request(h2o_req_t *req, int status, const char *why);
const char *hub_http__reason(int status);

/* tls.c */
hub_err_t hub_http__tls_create(const char *cert, const char *key, SSL_CTX **out, char why[256]);

#endif
