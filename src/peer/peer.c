/* libcurl's multi interface on a libuv loop; mails: mail.c.
 *
 * libcurl tells which sockets to watch (on_socket) and when it wants to be called at the latest (on_timeout); we call
 * curl_multi_socket_action and then collect what has finished. Calls end in `finished` and are delivered from a timer of 0 ms, so never
 * from inside port->call. */
#include "peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A socket that libcurl wants watched. */
typedef struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
    hub_peer_t *peer;
} watch_t;

/* ---- calls that have ended ---- */

static void unlink_active(hub_transfer_t *transfer)
{
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        transfer->peer->active = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->next = transfer->previous = NULL;
}

static void deliver(uv_timer_t *timer)
{
    hub_peer_t *peer = timer->data;
    hub_transfer_t *transfer = peer->finished;
    peer->finished = peer->finished_last = NULL; /* what the callbacks add comes in the next round */
    while (transfer) {
        hub_transfer_t *next = transfer->next;
        hub_call_t *call = transfer->call;
        call->err = transfer->err;
        call->duration_ms = (uint32_t)(hub_mono_ms() - transfer->started);
        call->port_data = NULL;
        hub_peer__transfer_destroy(transfer);
        call->done(call);
        transfer = next;
    }
}

static void finish(hub_transfer_t *transfer)
{
    hub_peer_t *peer = transfer->peer;
    transfer->next = NULL;
    if (peer->finished_last)
        peer->finished_last->next = transfer;
    else
        peer->finished = transfer;
    peer->finished_last = transfer;
    uv_timer_start(&peer->soon, deliver, 0, 0);
}

void hub_peer__ended(hub_transfer_t *transfer, CURLcode code)
{
    hub_peer__transfer_result(transfer, code);
    unlink_active(transfer);
    finish(transfer);
}

static void collect(hub_peer_t *peer)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(peer->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        CURLcode code = message->data.result; /* the message dies with the handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        hub_transfer_t *transfer = (hub_transfer_t *)(void *)private;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
        curl_multi_remove_handle(peer->multi, transfer->easy);
        hub_peer__ended(transfer, code);
    }
}

static void act(hub_peer_t *peer, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(peer->multi, fd, events, &running);
    collect(peer);
}

/* ---- libcurl's wishes ---- */

static void timeout_fired(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    hub_peer_t *peer = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&peer->timeout);
    else if (!uv_is_closing((uv_handle_t *)&peer->timeout)) /* 0 too waits for the loop: libcurl must not be called from inside itself */
        uv_timer_start(&peer->timeout, timeout_fired, (uint64_t)ms, 0);
    return 0;
}

static void ready(uv_poll_t *poll, int status, int events)
{
    watch_t *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    act(watch->peer, watch->fd, flags); /* may end the watch */
}

static void watch_closed(uv_handle_t *handle)
{
    watch_t *watch = handle->data;
    watch->peer->handles--;
    free(watch);
}

static watch_t *watch_create(hub_peer_t *peer, curl_socket_t fd)
{
    watch_t *watch = calloc(1, sizeof *watch);
    HUB_ASSERT(watch != NULL);
    watch->fd = fd;
    watch->peer = peer;
    HUB_ASSERT(uv_poll_init_socket(peer->loop, &watch->poll, fd) == 0);
    watch->poll.data = watch;
    peer->handles++;
    curl_multi_assign(peer->multi, fd, watch);
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    hub_peer_t *peer = arg;
    watch_t *watch = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl_multi_assign(peer->multi, fd, NULL);
            uv_poll_stop(&watch->poll);
            uv_close((uv_handle_t *)&watch->poll, watch_closed);
        }
        return 0;
    }
    if (!watch)
        watch = watch_create(peer, fd);
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    HUB_ASSERT(uv_poll_start(&watch->poll, events, ready) == 0);
    return 0;
}

/* ---- the port ---- */

static void call_start(void *self, hub_call_t *call)
{
    hub_peer_t *peer = self;
    hub_transfer_t *transfer = hub_peer__transfer_create(peer, call);
    transfer->err = peer->stopping ? HUB_ESTOPPING : hub_peer__transfer_prepare(transfer);
    if (transfer->err != HUB_EOK) {
        finish(transfer);
        return;
    }
    transfer->next = peer->active;
    if (transfer->next)
        transfer->next->previous = transfer;
    peer->active = transfer;
    if (call->mail)
        hub_peer__mail_start(transfer);
    else
        HUB_ASSERT(curl_multi_add_handle(peer->multi, transfer->easy) == CURLM_OK);
}

/* The thread ends when it sees that nobody waits for it any more; the call is answered now, by a transfer that does nothing else. */
static hub_transfer_t *leave_to_thread(hub_transfer_t *transfer)
{
    hub_transfer_t *answer = hub_peer__transfer_create(transfer->peer, transfer->call);
    answer->started = transfer->started;
    transfer->call = NULL;
    atomic_store(&transfer->aborted, true);
    (void)uv_cancel((uv_req_t *)&transfer->work); /* if it has not begun */
    return answer;
}

static void cancel(hub_transfer_t *transfer)
{
    unlink_active(transfer);
    if (transfer->threaded)
        transfer = leave_to_thread(transfer);
    else
        curl_multi_remove_handle(transfer->peer->multi, transfer->easy);
    transfer->err = HUB_ESTOPPING;
    finish(transfer);
}

static bool is_active(const hub_peer_t *peer, const hub_transfer_t *transfer)
{
    return transfer->previous || peer->active == transfer;
}

static void call_cancel(void *self, hub_call_t *call)
{
    hub_transfer_t *transfer = call->port_data;
    if (!transfer)
        return;
    if (is_active(self, transfer))
        cancel(transfer);
    else
        transfer->err = HUB_ESTOPPING; /* ended, not yet delivered */
}

void hub_peer_port(hub_peer_t *peer, hub_port_t *port)
{
    *port = (hub_port_t){peer, call_start, call_cancel, hub_peer__timer_start, hub_peer__timer_stop};
}

/* ---- life ---- */

static void global_open(void)
{
    HUB_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

hub_peer_t *hub_peer_create(uv_loop_t *loop, const hub_peer_config_t *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char agent[128];
    pthread_once(&once, global_open);
    hub_peer_t *peer = calloc(1, sizeof *peer);
    HUB_ASSERT(peer != NULL);
    peer->multi = curl_multi_init();
    if (!peer->multi) {
        free(peer);
        return NULL;
    }
    peer->loop = loop;
    peer->insecure = config->insecure;
    peer->ca_file = config->ca_file ? strdup(config->ca_file) : NULL;
    (void)snprintf(agent, sizeof agent, "ocpi-hub/%.*s", (int)(config->version.len < 64 ? config->version.len : 64),
                   config->version.ptr ? config->version.ptr : "");
    peer->user_agent = strdup(agent);
    HUB_ASSERT(peer->user_agent != NULL);
    peer->connect_timeout_ms = config->connect_timeout_ms ? config->connect_timeout_ms : 5000;
    peer->timeout_ms = config->timeout_ms ? config->timeout_ms : 30000;
    peer->resolve = config->resolve ? curl_slist_append(NULL, config->resolve) : NULL;
    HUB_ASSERT(uv_timer_init(loop, &peer->timeout) == 0 && uv_timer_init(loop, &peer->soon) == 0);
    peer->timeout.data = peer->soon.data = peer;
    peer->handles = 2;
    curl_multi_setopt(peer->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(peer->multi, CURLMOPT_SOCKETDATA, peer);
    curl_multi_setopt(peer->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(peer->multi, CURLMOPT_TIMERDATA, peer);
    curl_multi_setopt(peer->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(peer->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)(config->host_connections ? config->host_connections : 8));
    curl_multi_setopt(peer->multi, CURLMOPT_MAXCONNECTS, (long)(config->kept_connections ? config->kept_connections : 256));
    return peer;
}

static void handle_closed(uv_handle_t *handle)
{
    hub_peer_t *peer = handle->data;
    peer->handles--;
}

bool hub_peer_stop(hub_peer_t *peer)
{
    peer->stopping = true;
    hub_peer__timers_close(peer);
    while (peer->active)
        cancel(peer->active);
    if (peer->finished)
        return false;
    if (peer->multi) { /* closes the kept connections, and through on_socket what still watches them */
        while (peer->idle_count > 0)
            curl_easy_cleanup(peer->idle[--peer->idle_count]);
        curl_multi_cleanup(peer->multi);
        peer->multi = NULL;
        uv_close((uv_handle_t *)&peer->timeout, handle_closed);
        uv_close((uv_handle_t *)&peer->soon, handle_closed);
    }
    return peer->handles == 0 && peer->working == 0;
}

void hub_peer_destroy(hub_peer_t *peer)
{
    if (!peer)
        return;
    HUB_ASSERT(!peer->multi && peer->handles == 0 && peer->working == 0);
    curl_slist_free_all(peer->resolve);
    free(peer->ca_file);
    free(peer->user_agent);
    free(peer);
}
