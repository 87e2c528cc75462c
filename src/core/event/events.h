/* The event feed, /v1/events: the change index of a tenant, own and received objects of all modules and integrations, merged by sequence
 * number. */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include "core.h"

/* One read of the feed. */
typedef struct hub_feed {
    uint32_t tenant;
    uint64_t after;   /* in: what the reader has; out: where to go on */
    uint32_t limit;   /* most events; fewer come when they grow large */
    bool with_object; /* include=object */
    bool stream;      /* as text/event-stream; else as the items of a JSON array */
    uint32_t count;   /* out: events written */
} hub_feed_t;
/* HUB_EGONE: deletions after `after` are forgotten. Appends what is there. */
hub_err_t hub_feed_read(hub_view_t *view, hub_feed_t *feed, hub_buf_t *out);

/* Open text/event-stream answers of a worker. Thread: that worker. */
void hub_events_commit(hub_worker_t *worker); /* something was committed: those that wait go on */
void hub_events_stop(hub_worker_t *worker);   /* ends them all */

void hub_events_stream(hub_exchange_t *x, const hub_feed_t *feed); /* event_stream.c */

#endif
