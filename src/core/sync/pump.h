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

/* What is done about an object that went out of the partner's sight. */
typedef enum hub_push_leave {
    HUB_LEAVE_ALONE,   /* nothing: it keeps what it got */
    HUB_LEAVE_DELETE,  /* DELETE */
    HUB_LEAVE_REMOVED, /* it goes out once more with every EVSE REMOVED */
} hub_push_leave_t;

typedef enum hub_filling { HUB_FILL_SEND, HUB_FILL_SKIP, HUB_FILL_WAIT, HUB_FILL_PUT_OFF, HUB_FILL_SAME, HUB_FILL_FAILED } hub_filling_t;
struct hub_parcel;

typedef struct hub_push_row {
    const char *flag, *id; /* id: the member that names an object in its URL */
    uint32_t model;        /* hub_model_t */
    ocpi_module_t module;
    hub_push_leave_t leave;
    unsigned parallel; /* calls to one partner at a time */
    bool waits;        /* whole objects wait until the pumps before this one have nothing to do: tariffs before locations */
    bool remembers;    /* what each partner was told about an object is written down, and an object may be put off: put_off.c */
    bool insists;      /* objects are POSTed until they are acknowledged, and never after that */
    /* What goes out of an object that the partner sees (parcel->root): method, path, body. */
    hub_filling_t (*fill)(struct hub_parcel *parcel);
} hub_push_row_t;
#define HUB_PUSH_ROWS 5u
extern const hub_push_row_t hub_push_rows[HUB_PUSH_ROWS];

typedef enum hub_push_kind { HUB_PUSH_WHOLE, HUB_PUSH_EVSE, HUB_PUSH_GONE } hub_push_kind_t;
typedef enum hub_push_state { HUB_PUSH_QUEUED, HUB_PUSH_INFLIGHT, HUB_PUSH_DONE } hub_push_state_t;
typedef enum hub_push_result {
    HUB_PUSH_NOTHING,
    HUB_PUSH_ACCEPTED,
    HUB_PUSH_REFUSED,
    HUB_PUSH_DELETED,
    HUB_PUSH_PUT_OFF, /* its memo says until when */
    HUB_PUSH_SAME,    /* the partner has it already: it need not wait any longer */
} hub_push_result_t;

/* The beginning of what is remembered of an object of a row that remembers, in table CURSOR under its mark (settle.c); native bytes.
 * Behind it: a Session's members as they were sent (parcel_session.c), the URL of a CDR at the partner (parcel_cdr.c). */
typedef struct hub_memo {
    int64_t due;       /* ms; put off until then; 0: it is not */
    int64_t sent_at;   /* ms; when the partner last accepted it; 0: never */
    uint32_t attempts; /* how often it was put off because the partner failed */
    uint32_t version;  /* ocpi_version_t that it was sent in */
    uint32_t periods;  /* of a Session: how many charging periods the partner has … */
    uint32_t members;
    uint64_t periods_hash; /* … and which */
} hub_memo_t;

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
    bool uncertain;                           /* it may have been sent before without our knowing the answer */
    int64_t left_at;
    unsigned attempts;
    uint64_t successes;                   /* push->successes when it failed first */
    uint64_t epoch;                       /* push->epoch when it was sent */
    hub_slice_t country, party, id, path; /* as last sent, in `names` */
    hub_slice_t text, why;                /* REFUSED: what was sent, what the partner said, in `refusal` */
    hub_slice_t memo;                     /* a hub_memo_t and what follows, as it will be remembered; none: to be forgotten */
    ocpi_module_t after_module;           /* it waits for an object of this module, … */
    uint64_t after_hash, after_seq;       /* … by the hash of its key (0: none), and for its change to have been read */
    char *names, *refusal, *memo_bytes;   /* malloc: a window would hold 8 KiB an item if each had a pool */
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
    uint64_t known_seq;               /* what is read again up to here may have been sent in another life … */
    int64_t known_ms;                 /* … as what was put off until then */
    int64_t next_due;                 /* ms; when something put off is due next; 0: not known */
    hub_push_item_t *head, *tail;
    unsigned count;               /* items in the window */
    unsigned unfinished;          /* of them not DONE */
    unsigned inflight, unwritten; /* unwritten: done, but not settled */
    uint64_t sent, failed, quarantined;
    hub_rate_t sent_rate, failed_rate;   /* failed or refused */
    int64_t last_success, last_error_at; /* ms, 0: none */
    char *last_error;                    /* malloc, since most have none */
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
    hub_timer_t backoff_timer, settle_timer, more_timer, due_timer;
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
void hub_push__item_memo(hub_push_item_t *item, const hub_memo_t *memo, hub_slice_t rest); /* NULL: none */
uint64_t hub_push__hash(hub_slice_t key);
/* The first result for this object (its key tells the module, too) in a list linked by next_result; NULL: none. */
const hub_push_item_t *hub_push__among(const hub_push_item_t *results, uint64_t hash, hub_slice_t key);

/* pump.c */
void hub_pump__fill(hub_pump_t *pump, hub_view_t *view, uint64_t view_seq); /* reads on; view_seq: hub_store_seq before the view */
void hub_pump__pass(hub_pump_t *pump, uint64_t seq);                        /* nothing up to here concerns it */
void hub_pump__restart(hub_pump_t *pump);                                   /* forgets what is queued and reads again from the cursor */
void hub_pump__finish(hub_push_item_t *item, hub_push_result_t result);
void hub_pump__clear(hub_pump_t *pump);                   /* frees everything that is not in flight */
void hub_pump__rewind(hub_pump_t *pump, uint64_t cursor); /* to where other eyes may be needed for what was read before */
void hub_pump__doubt(hub_pump_t *pump);
void hub_pump__settled(hub_push_item_t *item);
/* Does the partner have this object, as far as is known: what is on its way, what was answered, what is written down? *path: in its
 * spelling, when it can be deleted. */
bool hub_pump__given(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, hub_slice_t *path);
/* Queues a DELETE of what was sent, unless the partner may still see it. */
void hub_pump__take_back(hub_pump_t *pump, hub_view_t *view, hub_slice_t key);
bool hub_pump__insert_tariff(hub_pump_t *pump, hub_view_t *view, hub_pool_t *pool, hub_slice_t key); /* true: it must be sent first */
bool hub_pump__full(const hub_pump_t *pump);                                                         /* enough to do already */
hub_push_item_t *hub_pump__insert_due(hub_pump_t *pump, hub_slice_t key);                            /* NULL: it is there already */
bool hub_pump__busy_with(const hub_pump_t *pump, const hub_push_item_t *item);                       /* another call for the same object */

bool hub_pump__pending(const hub_pump_t *pump, uint64_t hash, uint64_t seq); /* is this object still to be read, or sent? */

/* dispatch.c: which may go */
void hub_push__dispatch(hub_push_t *push);
/* A DELETE of a tariff: does an earlier change of a location, which may be what dropped it, still have to go out? A window full of DELETEs
 * waits for nobody, since locations wait until the tariffs are read. */
bool hub_push__named_still(const hub_push_item_t *item);
void hub_push__answered(hub_ocpi_call_t *call); /* verdict.c: what the answer means */

/* put_off.c: what is remembered of objects, and when what was put off is due */
/* What was last settled, or is to be settled, of this object; zero and false when there is nothing. *rest (may be NULL): what follows. */
bool hub_pump__memo(const hub_pump_t *pump, hub_view_t *view, hub_slice_t key, hub_memo_t *memo, hub_slice_t *rest);
hub_err_t hub_push__remember(hub_view_t *view, uint32_t integration, const hub_push_item_t *item); /* apply only */
void hub_pump__take_due(hub_pump_t *pump, hub_view_t *view);                                       /* into the window */
void hub_push__arm_due(hub_push_t *push);

/* settle.c */
void hub_push__settle(hub_push_t *push);
void hub_push__settle_soon(hub_push_t *push);
bool hub_push__marked(hub_view_t *view, uint32_t integration, ocpi_module_t module, hub_slice_t key, hub_slice_t *path);
void hub_push__mark_key(hub_key_t *key, uint32_t integration, ocpi_module_t module, hub_slice_t object);
uint64_t hub_push__rewinds(hub_view_t *view, uint32_t integration, ocpi_module_t module);
void hub_push__sweep(hub_pump_t *pump, hub_view_t *view); /* after deletions were missed */
void hub_push__forget(hub_push_t *push);                  /* submits the reset of all cursors and marks */
void hub_push__look_again(hub_push_t *push);              /* who sees our Sessions, CDRs and tokens has changed */

/* push.c */
void hub_push__run(hub_push_t *push); /* reads on and sends */
void hub_push__back_off(hub_push_t *push, hub_slice_t retry_after);
void hub_push__free_if_ended(hub_push_t *push);
void hub_push__error(hub_pump_t *pump, const char *format, ...) HUB_PRINTF(2, 3);

#endif
