/* peer: outbound HTTP and mail over libcurl on a worker's libuv loop, and that loop's timers; plugs into hub/port.h.
 *
 * A mail is made by a thread of libuv's pool, the others by libcurl's multi interface on the loop. Redirects are never followed: a 3xx is
 * reported like any other answer, with `location`, so that a credential never travels to a place that nobody configured. Proxies from the
 * environment are ignored: the guard below must see the real address. Guard against request forgery: the URL's form (hub/url.h), and every
 * address again when its socket is made, after DNS. Thread: create, use and destroy on the loop's thread.
 */
#ifndef HUB_PEER_H
#define HUB_PEER_H

#include "hub/port.h"

struct uv_loop_s;
typedef struct hub_peer hub_peer_t;

typedef struct hub_peer_config {
    bool insecure;               /* http:// and loopback or private addresses are allowed too */
    const char *ca_file;         /* PEM bundle; NULL: the system's */
    hub_slice_t version;         /* User-Agent: ocpi-hub/<version> */
    uint32_t connect_timeout_ms; /* 0: 5 s */
    uint32_t timeout_ms;         /* of a call that names none; 0: 30 s */
    unsigned host_connections;   /* at most at once to one host; more calls wait in line; 0: 8 */
    unsigned kept_connections;   /* idle ones kept open; 0: 256 */
    const char *resolve;         /* for tests, "host:port:address": what DNS would say; NULL: none */
} hub_peer_config_t;

/* NULL: libcurl could not be set up. `config` is copied, its strings too. */
hub_peer_t *hub_peer_create(struct uv_loop_s *loop, const hub_peer_config_t *config);
/* Fills the port. It points at the peer. */
void hub_peer_port(hub_peer_t *peer, hub_port_t *port);
/* Begins to end: calls under way finish with HUB_ESTOPPING, new ones too, timers never run again. Run the loop and call again until true.
 */
bool hub_peer_stop(hub_peer_t *peer);
void hub_peer_destroy(hub_peer_t *peer); /* after hub_peer_stop was true; takes NULL */

#endif
