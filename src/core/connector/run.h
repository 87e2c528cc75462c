/* What the files of the connector engine share: a run an active connector, and the shipments that it has to do with. Home worker only,
 * except hub_run__settle's apply.
 *
 * A run reads the change streams that its kind is fed from (feed.c) into a window of bounded size, sends what lies there (send.c), judges
 * the answers (outcome.c) and writes down what became of it (settle.c): in one operation the durable cursor moves up to the highest
 * sequence below which everything is done, and records are made of what failed. Such a record lies in the store, not in the window, so
 * that nothing waits behind it. What an object looks like is read at the moment of sending. */
#ifndef CORE_CONNECTOR_RUN_H
#define CORE_CONNECTOR_RUN_H

#include "connector.h"
#include "event/event.h"
#include "sync/agent.h"
#include "sync/rate.h"

#define HUB_RUN_WINDOW 64u
#define HUB_RUN_WAITING 1000u                       /* failed deliveries that wait; then nothing more is read */
#define HUB_RUN_KEPT_MS ((int64_t)72 * 3600 * 1000) /* so long after the first try a delivery is parked */

typedef struct hub_connector_run hub_run_t;

/* What a shipment is about: an object, an EVSE's status, an integration's status, …, by the source that told of it. Of an export: the
 * first and last sequence number, source HUB_SHIP_EXPORT. */
typedef struct hub_ship_key {
    uint8_t source; /* index of hub_event_sources */
    hub_slice_t key, evse_uid;
} hub_ship_key_t;
#define HUB_SHIP_EXPORT 255u

typedef enum hub_ship_state { HUB_SHIP_QUEUED, HUB_SHIP_INFLIGHT, HUB_SHIP_DONE } hub_ship_state_t;
typedef enum hub_ship_end { HUB_SHIP_NOTHING, HUB_SHIP_DELIVERED, HUB_SHIP_LATER, HUB_SHIP_PARKED } hub_ship_end_t;

typedef struct hub_shipment {
    struct hub_shipment *next;        /* in the window (by seq of reading), or in run->waiting */
    struct hub_shipment *next_result; /* DONE: until it is settled */
    hub_run_t *run;
    hub_ship_key_t what; /* its bytes lie behind the shipment */
    uint64_t hash;       /* of what */
    uint64_t seq;        /* of the change entry; moves on when the object changes before it is sent */
    uint64_t floor;      /* the first of them: the cursor stays below until it is done */
    uint8_t verb;        /* hub_event_verb_t */
    uint8_t kind;        /* hub_change_kind_t */
    bool waiting;        /* in run->waiting: its record lies in the store, the cursor has passed it */
    bool recorded;       /* there may be a record of it */
    bool retokened;      /* 401: was tried again with a fresh access token */
    hub_ship_state_t state;
    hub_ship_end_t end;
    uint32_t attempts;  /* that were not accepted, whatever the reason */
    uint32_t failures;  /* of them those that were about this one: the next pause goes by them */
    int64_t first, due; /* ms; first attempt that failed, and when it is tried again; 0: none */
    uint64_t successes; /* run->successes then */
    uint64_t epoch;     /* run->epoch when it was sent */
    uint64_t tokens;    /* run->tokens, the same */
    uint64_t parts;     /* of several calls: a bit for each that was ACCEPTED */
    bool partly;        /* FEED_ALERTS: some of them were, at the last try */
    hub_outcome_t worst;
    uint8_t told;                /* FEED_ALERTS: the status that this tells */
    char *error;                 /* malloc; of the last attempt */
    struct hub_package *package; /* DONE: holds what is to be written down; may be NULL */
} hub_shipment_t;

/* One call, for a shipment or for an access token. */
typedef struct hub_package {
    hub_delivery_t delivery; /* first */
    hub_calling_t calling;
    hub_run_t *run;
    hub_shipment_t *shipment;       /* NULL: an access token */
    hub_slice_t country, party, id; /* of the object, for people */
} hub_package_t;

struct hub_connector_run {
    hub_agent_t *agent;
    hub_integration_t *integration; /* a reference: as it was when the run began; another version begins a new one */
    const hub_connector_kind_t *kind;
    hub_auth_t *auth; /* NULL: `write` does it */
    hub_pool_t *pool;
    /* what it wants */
    uint32_t sources;
    hub_slice_t *types; /* settings.events; 0: all */
    uint32_t type_count;
    /* reading */
    uint64_t durable; /* cursor as stored */
    uint64_t scanned; /* everything up to here was read */
    uint64_t known;   /* the store when everything was read last: what is of later is new */
    bool loaded;      /* the cursor was found */
    bool exhausted;   /* nothing beyond `scanned` at the last look */
    hub_shipment_t *window, *waiting;
    unsigned window_count, waiting_count, inflight, unsettled;
    struct {
        uint64_t *list;
        unsigned count, capacity;
    } passed;                 /* done, but beyond the cursor: not to be read again */
    struct {                  /* tick.c: when it may read */
        hub_slice_t schedule; /* none: always */
        int64_t at;           /* ms; the next time; 0: never */
        uint64_t until;       /* while `open`: so far it reads */
        bool open, dirty;     /* dirty: `at` is not written down yet */
    } tick;
    struct {                    /* batch.c: a file that is being made */
        hub_package_t *package; /* NULL: none */
        hub_shipment_t *again;  /* of this shipment; NULL: of what is read next */
        uint64_t from, position, upto, last;
    } batch;
    /* the receiver */
    bool heard, renewed;   /* an answer, or a failure, since it began; it began with other settings than before */
    hub_outcome_t trouble; /* what keeps everything waiting; ACCEPTED: nothing */
    unsigned failures;     /* in a row, of the receiver as a whole */
    unsigned unreached;    /* of them without any answer */
    uint64_t successes, epoch;
    uint64_t tokens;      /* access tokens that were refused */
    int64_t pause_until;  /* ms; 0: none */
    hub_slice_t wrong;    /* what is wrong with the settings; none */
    char detail[200];     /* of the last trouble or failure */
    hub_package_t *token; /* the call for an access token */
    hub_timer_t pause_timer, settle_timer, more_timer, due_timer;
    bool ended, running, settling, settle_armed;
    hub_shipment_t *results; /* DONE, not yet settled, newest first */
    /* for people */
    uint64_t sent, failed, parked;
    uint64_t parked_now; /* in quarantine */
    hub_rate_t sent_rate, failed_rate;
    int64_t last_success, last_error_at;
};

/* connector.c */
void hub_run__go(hub_run_t *run); /* reads on and sends */
void hub_run__back_off(hub_run_t *run, hub_outcome_t why, hub_slice_t retry_after);
void hub_run__free_if_ended(hub_run_t *run);
bool hub_run__may_send(const hub_run_t *run);

/* shipment.c: window and waiting */
hub_shipment_t *hub_shipment_create(hub_run_t *run, const hub_ship_key_t *what);
void hub_shipment_free(hub_shipment_t *s); /* its package, too */
void hub_shipment_error(hub_shipment_t *s, hub_slice_t text);
uint64_t hub_ship_hash(const hub_ship_key_t *what);
bool hub_ship_same(const hub_shipment_t *s, uint64_t hash, const hub_ship_key_t *what);
void hub_run__add(hub_run_t *run, hub_shipment_t *s);                                           /* to the end of the window */
void hub_run__keep(hub_run_t *run, hub_shipment_t *s);                                          /* to what waits */
void hub_run__unlink(hub_run_t *run, hub_shipment_t *s);                                        /* from where it is */
void hub_run__end(hub_shipment_t *s, hub_ship_end_t end);                                       /* DONE, to be settled */
hub_shipment_t *hub_run__same(hub_shipment_t *list, uint64_t hash, const hub_ship_key_t *what); /* QUEUED; NULL */
uint64_t hub_run__cursor(const hub_run_t *run);
void hub_run__pass(hub_run_t *run, uint64_t seq); /* done and written down */
bool hub_run__knows(const hub_run_t *run, uint64_t seq);
unsigned hub_run__taken(const hub_run_t *run); /* places of the window */
void hub_run__clear(hub_run_t *run);

/* feed.c */
void hub_run__choose(hub_run_t *run); /* what it wants, from the settings */
void hub_run__read(hub_run_t *run, hub_view_t *view, uint64_t view_seq);
bool hub_run__parks_full(const hub_run_t *run); /* so much is parked that nothing more is read */
void hub_run__reread(hub_run_t *run);           /* forgets what was not tried, and reads again from the cursor */

/* send.c */
void hub_run__dispatch(hub_run_t *run);
hub_package_t *hub_run__pack(hub_run_t *run, hub_shipment_t *s);
void hub_run__unpack(hub_package_t *package);
hub_shipment_t *hub_run__next(const hub_run_t *run); /* which may go; NULL */
bool hub_run__authorized(hub_run_t *run);            /* false: not now */
/* Makes the request and starts it. False: it cannot be made; the package is gone, or kept for what is written down. */
bool hub_run__ship(hub_package_t *package);
/* A part of a delivery that takes several calls has its answer. False: it was the last one. */
bool hub_shipment_next_part(hub_package_t *package);

/* tick.c: triggerType SCHEDULE, and FEED_EXPORT */
void hub_tick__load(hub_run_t *run, hub_view_t *view);
bool hub_tick__open(hub_run_t *run);                                                               /* may it read now? */
void hub_tick__close(hub_run_t *run);                                                              /* when it has caught up */
hub_err_t hub_tick__put(hub_view_t *view, uint32_t integration, int64_t at, hub_slice_t schedule); /* apply only */

/* batch.c: FEED_EXPORT, instead of reading and dispatching */
void hub_batch__go(hub_run_t *run);
void hub_batch__drop(hub_run_t *run);

/* outcome.c */
void hub_run__answered(hub_call_t *call);
void hub_run__token_answered(hub_call_t *call);
void hub_run__detail(hub_run_t *run, hub_slice_t text);

/* alert.c: FEED_ALERTS. True: to be told now; else `s` has ended. */
bool hub_alert_fill(hub_view_t *view, hub_package_t *package, const hub_event_t *event);
hub_err_t hub_alert_told(hub_view_t *view, const hub_shipment_t *s); /* apply only */

/* record.c: table CURSOR, what is durable of a run */
void hub_connector__reader(hub_key_t *key, uint32_t integration);
bool hub_connector__begun(hub_view_t *view, uint32_t integration, uint64_t *cursor);
void hub_connector__known_key(hub_key_t *key, uint32_t integration);
hub_err_t hub_record_put(hub_view_t *view, uint32_t integration, const hub_shipment_t *s);       /* apply only */
hub_err_t hub_record_delete(hub_view_t *view, uint32_t integration, const hub_ship_key_t *what); /* apply only; harmless */
void hub_run__load(hub_run_t *run, hub_view_t *view);                                            /* what waits */

/* settle.c */
void hub_run__settle(hub_run_t *run);
void hub_run__settle_soon(hub_run_t *run);

#endif
