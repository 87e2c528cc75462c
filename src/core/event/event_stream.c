/* /v1/events as text/event-stream: an answer that stays open and waits for commits. Everything here runs on the worker that took the
 * request. */
#include <stdlib.h>

#include "events.h"
#include "face.h"
#include "reply.h"

#define STREAMS_MAX 256 /* open streams a worker */
#define STREAM_PAGE 50  /* events between two looks at the client */
#define HEARTBEAT_MS 15000

typedef struct stream {
    hub_exchange_t *x;
    hub_feed_t feed;
    struct stream *next, **at; /* at: NULL when not listed */
    bool greeted, waiting, beat;
    unsigned char key[HUB_SHA256_LEN]; /* hash of the credential */
} stream_t;

/* Made by the first stream, freed with the last one when the worker stops. */
struct hub_waiters {
    hub_worker_t *worker;
    stream_t *first;
    unsigned count;
    bool stopping;
    hub_timer_t timer;
};

static void waiters_release(struct hub_waiters *waiters)
{
    if (waiters->count)
        return;
    waiters->worker->port.timer_stop(waiters->worker->port.self, &waiters->timer);
    waiters->worker->waiters = NULL;
    free(waiters);
}

/* Also when the exchange's pool dies without a word. */
static void stream_unlist(void *arg)
{
    stream_t *stream = arg;
    if (!stream->at)
        return;
    struct hub_waiters *waiters = stream->x->worker->waiters;
    *stream->at = stream->next;
    if (stream->next)
        stream->next->at = stream->at;
    stream->at = NULL;
    waiters->count--;
    waiters_release(waiters);
}

static void stream_gone(hub_exchange_t *x)
{
    stream_unlist(x->reply.more_arg);
}

/* Wakes those that wait. One that ends meanwhile takes only itself off the list. */
static void wake(hub_worker_t *worker, bool beat)
{
    stream_t *next;
    for (stream_t *stream = worker->waiters ? worker->waiters->first : NULL; stream; stream = next) {
        next = stream->next;
        stream->beat = beat;
        if (!stream->waiting)
            continue;
        stream->waiting = false;
        stream->x->resume(stream->x);
    }
}

static void heartbeat(hub_timer_t *timer)
{
    hub_worker_t *worker = timer->arg;
    wake(worker, true);
    if (worker->waiters)
        worker->port.timer_start(worker->port.self, timer, HEARTBEAT_MS);
}

static bool stream_more(hub_exchange_t *x, hub_buf_t *out)
{
    stream_t *stream = x->reply.more_arg;
    hub_view_t *view;
    if (!stream->at || x->worker->waiters->stopping) {
        stream_unlist(stream);
        return false;
    }
    if (!stream->greeted)
        hub_buf_add_str(out, "retry: 2000\n\n");
    else if (stream->beat)
        hub_buf_add_str(out, ": still here\n\n");
    stream->greeted = true;
    stream->beat = false;
    if (hub_view_open(x->worker->core->store, &view) != HUB_EOK) {
        stream_unlist(stream);
        return false;
    }
    stream->feed.limit = STREAM_PAGE;
    hub_err_t err = hub_key_stands(x->worker->core, view, stream->key) ? hub_feed_read(view, &stream->feed, out) : HUB_EUNAUTHORIZED;
    hub_view_close(view);
    if (err != HUB_EOK) {
        stream_unlist(stream);
        return false;
    }
    stream->waiting = out->len == 0;
    return true;
}

static struct hub_waiters *waiters_of(hub_worker_t *worker)
{
    if (worker->waiters)
        return worker->waiters;
    struct hub_waiters *waiters = calloc(1, sizeof *waiters);
    HUB_ASSERT(waiters);
    waiters->worker = worker;
    waiters->timer.run = heartbeat;
    waiters->timer.arg = worker;
    worker->waiters = waiters;
    worker->port.timer_start(worker->port.self, &waiters->timer, HEARTBEAT_MS);
    return waiters;
}

void hub_events_stream(hub_exchange_t *x, const hub_feed_t *feed)
{
    hub_worker_t *worker = x->worker;
    if (worker->stopping || (worker->waiters && (worker->waiters->stopping || worker->waiters->count >= STREAMS_MAX))) {
        hub_reply_problem(x, worker->stopping ? HUB_ESTOPPING : HUB_EBUSY, HUB_SLICE_LIT("too many event streams are open"));
        return;
    }
    if (feed->after && feed->after < hub_change_horizon(x->state->view)) {
        hub_reply_problem(x, HUB_EGONE, HUB_SLICE_LIT("deletions this old are no longer kept: start again with after=0"));
        return;
    }
    struct hub_waiters *waiters = waiters_of(worker);
    stream_t *stream = HUB_POOL_NEW(x->pool, stream_t);
    stream->x = x;
    stream->feed = *feed;
    stream->feed.stream = true;
    hub_key_hash(x, stream->key);
    stream->next = waiters->first;
    stream->at = &waiters->first;
    if (stream->next)
        stream->next->at = &stream->next;
    waiters->first = stream;
    waiters->count++;
    hub_pool_link(x->pool, stream_unlist, stream);
    x->on_gone = stream_gone;
    x->reply.status = 200;
    x->reply.more = stream_more;
    x->reply.more_arg = stream;
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("text/event-stream"));
    hub_exchange_done(x);
}

void hub_events_commit(hub_worker_t *worker)
{
    wake(worker, false);
}

void hub_events_stop(hub_worker_t *worker)
{
    if (!worker->waiters)
        return;
    worker->waiters->stopping = true;
    wake(worker, false);
}
