/* Events: the change streams of a tenant, own and received objects of all modules and integrations, merged by sequence number, as a reader
 * sees them: the feed (events.h) and the connectors (connector/). */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include "object/objects.h"
#include "object/preference.h"

typedef struct hub_event_source {
    hub_stream_kind_t kind;
    uint8_t module;
    const char *object; /* in the type of an event */
} hub_event_source_t;
#define HUB_EVENT_SOURCES 12u
extern const hub_event_source_t hub_event_sources[HUB_EVENT_SOURCES];
#define HUB_EVENT_ALL ((1u << HUB_EVENT_SOURCES) - 1)
uint32_t hub_event_mask(uint8_t module, bool own, bool received); /* the sources of a module */

typedef enum hub_event_verb {
    HUB_EVENT_CREATED,
    HUB_EVENT_UPDATED,
    HUB_EVENT_DELETED,
    HUB_EVENT_STATUS,
    HUB_EVENT_PREFERENCES,
    HUB_EVENT_VERBS
} hub_event_verb_t;

typedef struct hub_event {
    unsigned source;     /* index of hub_event_sources */
    hub_change_t change; /* of the view that it was read in */
    hub_event_verb_t verb;
    hub_object_id_t id;
    uint32_t integration; /* 0: none */
    bool status;          /* of an integration */
    bool first;           /* an integration that was never updated */
    bool has_object;
    hub_object_t object;
    hub_preference_t preference; /* id 0: none */
} hub_event_t;

/* ---- reading on: entries of the chosen sources after `after`, oldest first ---- */

typedef struct hub_event_reader {
    hub_view_t *view;
    uint64_t after;
    uint32_t sources;
    struct {
        hub_change_scan_t scan;
        hub_change_t change;
        bool live;
    } streams[HUB_EVENT_SOURCES];
} hub_event_reader_t; /* large */
void hub_event_reader_init(hub_event_reader_t *reader, hub_view_t *view, uint32_t tenant, uint32_t sources, uint64_t after);
/* The next entry: source and change. What it is to this reader, hub_event_look says. */
bool hub_event_reader_next(hub_event_reader_t *reader, hub_event_t *event);
hub_err_t hub_event_reader_finish(hub_event_reader_t *reader);
/* Fills in what it is about, all but the verb. False: that is no more, or of no interest. */
bool hub_event_fill(hub_view_t *view, hub_pool_t *pool, hub_event_t *event);
/* The same, and the verb, for a reader who has everything up to `after`, and has seen all that there was when the store was at `known` (who
 * reads many entries in pieces has not seen what moved on from before `after` to behind it). False, too: it sees this with another entry.
 */
bool hub_event_look(hub_view_t *view, hub_pool_t *pool, uint64_t after, uint64_t known, hub_event_t *event);
/* One entry again, source and change. False: it is no more, something newer has taken its place. */
bool hub_event_find(hub_view_t *view, uint32_t tenant, unsigned source, uint64_t seq, hub_event_t *event);
/* Are there entries of these sources after `after`? A mask of those that have some. */
uint32_t hub_event_fresh(hub_view_t *view, uint32_t tenant, uint32_t sources, uint64_t after);

/* ---- showing it ---- */

void hub_event_add_type(hub_buf_t *out, const hub_event_t *event); /* "cdr.created" */
/* The object in OCPI 2.2.1, or a wish for charging preferences; mapped or in the pool; none of what is gone. `one_line`: without line
 * ends, whatever was received. */
hub_slice_t hub_event_object(hub_view_t *view, hub_pool_t *pool, const hub_event_t *event, bool one_line);
/* {"seq":…}; the member "object" only where `object` is not NULL (none: null). */
void hub_event_write(hub_pool_t *pool, const hub_event_t *event, const hub_slice_t *object, hub_buf_t *out);
const char *hub_event_module(unsigned source); /* "cdrs" */

#endif
