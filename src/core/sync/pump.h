/* What the files of push share: a pump a (integration, module), and the items in its window. Home worker only, except hub_push__settle's
 * apply.
 *
 * A pump reads two change streams merged by sequence (own objects of the tenant, and what changed for this integration only), takes what
 * this partner sees into a window of bounded size, sends it with bounded parallelism, and moves the durable cursor up to the highest
 * sequence below which everything is done. Bytes are read at the moment of sending, so what goes out is always the latest state.
 */
#ifndef CORE_PUMP_H
#define CORE_PUMP_H

#include "agent.h"
#include "object/objects.h"
#include "push.h"
#include "rate.h"

typedef struct hub_push_row {
    uint32_t model; /* hub_model_t */
    const char *flag;
    ocpi_module_t module;
    bool deletes;      /* objects are deleted at the partner; otherwise they go out once more with every EVSE REMOVED */
    bool waits;        /* whole objects wait until the pumps before this one have nothing to do: tariffs before locations */
    unsigned parallel; /* calls to one partner at a time */
} hub_push_row_t;
#define HUB_PUSH_ROWS 2u
extern const hub_push_row_t hub_push_rows[HUB_PUSH_ROWS];

typedef enum hub_push_kind { HUB_PUSH_WHOLE, HUB_PUSH_EVSE, HUB_PUSH_GONE } hub_push_kind_t;
typedef enum hub_push_state { HUB_PUSH_QUEUED, HUB_PUSH_INFLIGHT, HUB_PUSH_DONE } hub_push_state_t;
typedef enum hub_push_result { HUB_PUSH_NOTHING, HUB_PUSH_ACCEPTED, HUB_PUSH_REFUSED, HUB_PUSH_DELETED } hub_push_result_t;

typedef struct hub_push_item {
    struct hub_push_item *next, *prev; /* in the pump's window, by seq */
    struct hub_push_item *next_result; /* in push->results */
    struct hub_pump *pump;
    uint64_t seq;              /* of its change entry; 0: no reading finds it again, or one will find it anew */
    uint64_t covers;           /* the store's sequence when the bytes were read */
    uint64_t hash;             /* of key */
    hub_slice_t key, evse_uid; /* behind the item */
    hub_push_kind_t kind;
    hub_push_state_t state;
    hub_push_result_t result;
    bool in_window, unsettled, whole_instead; /* whole_instead: the PATCH was refused */
    bool left;                                /* it went out of sight: what cannot be deleted goes out with every EVSE REMOVED */
    bool takes_back;                          /* it was sent so, or as a DELETE */
    int64_t left_at;
    unsigned attempts;
    uint64_t successes;                   /* push->successes when it failed first */
    uint64_t epoch;                       /* push->epoch when it was sent */
    hub_slice_t country, party, id, path; /* as last sent, in `names` */
    hub_slice_t text, why;                /* REFUSED: what was sent, what the partner said, in `refusal` */
    char *names, *refusal;                /* malloc: a window would hold 8 KiB an item if each had a pool */
} hub_push_item_t;

typedef struct hub_pump {
    struct hub_push *push;
    const hub_push_row_t *row;
    bool enabled;
    uint64_t durable;                 /* cursor as stored */
    uint64_t rewinds;                 /* hub_push__rewinds when it was read */
    uint64_t nothing_before;          /* up to here this partner was never sent anything */
    uint64_t cursor;                  /* everything up to here is done */
    uint64_t scanned;                 /* everything up to here was read */
    uint64_t start_cursor, start_seq; /* cursor and store when reading began (again) */
    bool exhausted;                   /* nothing beyond `scanned` at the last look */
    hub_push_item_t *head, *tail;
    unsigned count;      /* items in the window */
    unsigned unfinished; /* of them not DONE */
    uint64_t sent, failed, quarantined;
    hub_rate_t sent_rate, failed_rate;   /* failed or refused */
    int64_t last_success, last_error_at; /* ms, 0: none */
    char last_error[200];
} hub_pump_t;

typedef struct hub_push {
    hub_agent_t *agent;
    hub_pump_t pumps[HUB_PUSH_ROWS];
    unsigned inflight;
    bool ended;            /* freed when inflight is 0 and nothing is being settled */
    bool settling;         /* an operation is under way */
    bool forgetting;       /* cursors are being reset: nothing is loaded before that is done */
    bool running;          /* inside hub_push__run */
    unsigned failures;     /* in a row, of the partner as a whole */
    uint64_t successes;    /* calls that got through */
    uint64_t epoch;        /* counts the failures that were acted on */
    int64_t backoff_until; /* ms; 0: none */
    hub_timer_t backoff_timer, settle_timer, more_timer;
    bool settle_armed;
    hub_push_item_t *results; /* done, not yet settled */
    unsigned result_count;
    hub_push_item_t *settling_list; /* of the operation under way */
    uint64_t refused[64];           /* hashes of keys that are refused now */
    unsigned refused_count;
} hub_push_t;

/* push_item.c; copies what it is given */
hub_push_item_t *hub_push__item_create(hub_pump_t *pump, hub_slice_t key, hub_slice_t evse_uid);
void hub_push__item_free(hub_push_item_t *item);
void hub_push__item_name(hub_push_item_t *item, hub_slice_t country, hub_slice_t party, hub_slice_t id, hub_slice_t path);
void hub_push__item_refused(hub_push_item_t *item, hub_slice_t why, hub_slice_t text);
uint64_t hub_push__hash(hub_slice_t key);

/* pump.c */
void hub_pump__fill(hub_pump_t *pump, hub_view_t *view, uint64_t view_seq); /* reads on; view_seq: hub_store_seq before the view */
void hub_pump__pass(hub_pump_t *pump, uint64_t seq);                        /* nothing up to here concerns it */
void hub_pump__restart(hub_pump_t *pump);                                   /* forgets what is queued and reads again from the cursor */
void hub_pump__finish(hub_push_item_t *item, hub_push_result_t result);
void hub_pump__clear(hub_pump_t *pump);                   /* frees everything that is not in flight */
void hub_pump__rewind(hub_pump_t *pump, uint64_t cursor); /* to where other eyes may be needed for what was read before */
void hub_pump__settled(hub_push_item_t *item);
/* Does the partner have this object, as far as is known: what is on its way, what was answered, what is written down? *path: in its
 * spelling, when it can be deleted. */
bool hub_pump__given(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, hub_slice_t *path);
/* Queues a DELETE of what was sent, unless the partner may still see it. */
void hub_pump__take_back(hub_pump_t *pump, hub_view_t *view, hub_slice_t key);
bool hub_pump__insert_tariff(hub_pump_t *pump, hub_view_t *view, hub_slice_t key); /* true: it must be sent first */
bool hub_pump__busy_with(const hub_pump_t *pump, const hub_push_item_t *item);     /* another call for the same object */

/* parcel.c */
void hub_push__dispatch(hub_push_t *push);

/* settle.c */
void hub_push__settle(hub_push_t *push);
void hub_push__settle_soon(hub_push_t *push);
bool hub_push__marked(hub_view_t *view, uint32_t integration, ocpi_module_t module, hub_slice_t key, hub_slice_t *path);
uint64_t hub_push__rewinds(hub_view_t *view, uint32_t integration, ocpi_module_t module);
void hub_push__sweep(hub_pump_t *pump, hub_view_t *view); /* after deletions were missed */
void hub_push__forget(hub_push_t *push);                  /* submits the reset of all cursors and marks */

/* push.c */
void hub_push__run(hub_push_t *push); /* reads on and sends */
void hub_push__back_off(hub_push_t *push, hub_slice_t retry_after);
void hub_push__free_if_ended(hub_push_t *push);
void hub_push__error(hub_pump_t *pump, const char *format, ...) HUB_PRINTF(2, 3);

#endif
