/* http: the server side of HTTP/1.1, with or without TLS. The only room that includes h2o and OpenSSL. Requests become exchanges of
 * core (hub/core.h), replies go out through one place.
 *
 * Threads: one hub_http_t for the process, made before the workers; one hub_http_worker_t a worker, on its thread and its loop. Every
 * worker listens on a socket of its own (SO_REUSEPORT) and keeps the connections that it accepted.
 */
#ifndef HUB_HTTP_H
#define HUB_HTTP_H

#include "hub/core.h"

struct uv_loop_s;

typedef struct hub_http hub_http_t;
typedef struct hub_http_worker hub_http_worker_t;

typedef struct hub_http_config {
    hub_core_t *core;
    const char *listen;   /* "HOST:PORT", "[::1]:PORT", ":PORT" (all addresses); port 0: a free one */
    const char *tls_cert; /* PEM chain; NULL: plain HTTP */
    const char *tls_key;  /* PEM key */
    const char *spill;    /* directory for bodies above 1 MiB (unlinked files) */
    unsigned workers;
    size_t bulk_limit;         /* largest body at all; each route's own limit is hub_core_body_limit. 0: 512 MiB */
    unsigned connection_limit; /* open connections of all workers; 0: 16384 */
    uint32_t idle_ms;          /* a kept connection without a request; 0: 75 s */
    uint32_t request_ms;       /* TLS handshake, header block; a body gets as much again and 1 s for every 16 KiB received; 0: 20 s */
    uint32_t send_ms;          /* a client that takes nothing of our answer; 0: 30 s */
} hub_http_config_t;

bool hub_http_listen_ok(const char *listen); /* is it written as hub_http_config_t.listen must be? */

/* Opens the sockets of all workers (they queue connections from now on) and reads the certificate. `why` tells the operator. Copies of
 * nothing: the strings of *config must outlive it. */
hub_err_t hub_http_create(const hub_http_config_t *config, hub_http_t **out, char why[256]);
unsigned hub_http_port(const hub_http_t *http); /* the real port */
void hub_http_destroy(hub_http_t *http);        /* after all workers; takes NULL */

/* All on the worker's thread. Starts to accept. */
hub_http_worker_t *hub_http_worker_create(hub_http_t *http, unsigned index, struct uv_loop_s *loop, hub_worker_t *worker);
/* Accepts no more, closes idle connections, ends streams; requests under way are answered with Connection: close. */
void hub_http_worker_drain(hub_http_worker_t *worker);
/* True when no connection is left. */
bool hub_http_worker_idle(const hub_http_worker_t *worker);
/* Ends what is left; an exchange that core has not answered yet keeps its connection (the bytes of its request are in use). */
void hub_http_worker_abort(hub_http_worker_t *worker);
/* Only when idle. The loop must run once more afterwards, so that closed handles are released. */
void hub_http_worker_destroy(hub_http_worker_t *worker);

typedef struct hub_http_stats {
    uint64_t accepted, refused, requests, timeouts, open;
} hub_http_stats_t;
/* Any thread: counters, read one by one. */
void hub_http_worker_stats(const hub_http_worker_t *worker, hub_http_stats_t *out);

#endif
