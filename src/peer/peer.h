/* What the files of peer share. */
#ifndef PEER_PEER_H
#define PEER_PEER_H

#include <stdatomic.h>

#include <curl/curl.h>
#include <uv.h>

#include "hub/peer.h"

#define HUB_PEER_IDLE_EASY 32 /* curl handles kept for the next call */

#define HUB_PEER_SOCKETS 4 /* that a mail may have open: libcurl tries two families at a time */

/* One call under way. */
typedef struct hub_transfer {
    struct hub_transfer *next, *previous; /* in peer->active or peer->finished */
    hub_peer_t *peer;
    hub_call_t *call;
    CURL *easy;
    struct curl_slist *headers; /* of a mail: its recipients */
    hub_buf_t body;
    int64_t started;
    size_t limit;
    hub_err_t err;  /* when finished */
    bool too_large; /* our own limit ended it */
    bool blocked;   /* the guard refused an address */
    char problem[CURL_ERROR_SIZE];
    long status;
    /* of a mail, which a thread of libuv's makes: mail.c. While it does it, these and what the curl handle holds are its own; `call` is
     * not. */
    bool threaded;
    atomic_bool aborted; /* it is to give up; `call` is NULL then: it has been answered */
    uv_work_t work;
    hub_pool_t *pool;
    hub_slice_t message;
    size_t given; /* bytes of it */
    CURLcode code;
    bool reply_goes_on; /* the last line was not the last of its reply */
    bool leaving;       /* QUIT is out */
    curl_socket_t sockets[HUB_PEER_SOCKETS];
    size_t socket_count;
} hub_transfer_t;

/* Memory of one timer of the port. */
typedef struct hub_peer_timer {
    uv_timer_t handle;
    hub_timer_t *owner; /* NULL: being closed */
    hub_peer_t *peer;
    struct hub_peer_timer *next, *previous;
} hub_peer_timer_t;

struct hub_peer {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timeout; /* libcurl's own */
    uv_timer_t soon;    /* delivers `finished` */
    bool insecure, stopping;
    char *ca_file, *user_agent;
    uint32_t connect_timeout_ms, timeout_ms;
    struct curl_slist *resolve;
    hub_transfer_t *active, *finished, *finished_last;
    hub_peer_timer_t *timers;
    CURL *idle[HUB_PEER_IDLE_EASY];
    unsigned idle_count;
    unsigned handles; /* of the loop, that are not yet closed */
    unsigned working; /* mails that a thread is at */
};

/* transfer.c */
hub_transfer_t *hub_peer__transfer_create(hub_peer_t *peer, hub_call_t *call);
/* Sets up the curl handle; an error says that the call must not be made (call->detail says why). */
hub_err_t hub_peer__transfer_prepare(hub_transfer_t *transfer);
/* Puts libcurl's verdict into the transfer and the call. */
void hub_peer__transfer_result(hub_transfer_t *transfer, CURLcode code);
void hub_peer__transfer_destroy(hub_transfer_t *transfer);
/* peer.c: what is active has ended. */
void hub_peer__ended(hub_transfer_t *transfer, CURLcode code);
/* mail.c */
hub_err_t hub_peer__mail_prepare(hub_transfer_t *transfer);
void hub_peer__mail_start(hub_transfer_t *transfer);
hub_err_t hub_peer__mail_result(const hub_transfer_t *transfer, CURLcode code, hub_err_t err);
/* sign.c: *url in canonical form */
hub_err_t hub_peer__sign_prepare(hub_transfer_t *transfer, hub_slice_t *url);
/* timer.c */
void hub_peer__timer_start(void *self, hub_timer_t *timer, uint64_t ms);
void hub_peer__timer_stop(void *self, hub_timer_t *timer);
void hub_peer__timers_close(hub_peer_t *peer);

#endif
