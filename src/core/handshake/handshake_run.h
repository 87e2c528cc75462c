/* What the files of the handshake share: a run (one try of one plan), its writes, its hints. Home worker only, but for apply functions. */
#ifndef CORE_HANDSHAKE_RUN_H
#define CORE_HANDSHAKE_RUN_H

#include "handshake.h"
#include "offer.h"

#define HUB_HANDSHAKE_TRIES 12u       /* of one command, then it has failed */
#define HUB_HANDSHAKE_QUEUE 4u        /* incoming exchanges that may wait in line */
#define HUB_HANDSHAKE_ANSWER_MS 10000 /* each request back to a partner that waits for our answer (C4) */
#define HUB_HANDSHAKE_DELETE_MS 8000

typedef struct hub_step hub_step_t;
typedef struct hub_plan hub_plan_t;
typedef struct hub_handshake hub_handshake_t;

/* Which row of the tables in handshake.c. */
typedef enum hub_plan_id {
    HUB_PLAN_POST,
    HUB_PLAN_PUT,
    HUB_PLAN_DELETE,
    HUB_PLAN_DETAILS,
    HUB_PLAN_INCOMING,
    HUB_PLAN_COUNT
} hub_plan_id_t;
enum { HUB_STEP_VERSIONS = 1, HUB_STEP_DETAILS = 2, HUB_STEP_POST = 4, HUB_STEP_PUT = 8, HUB_STEP_DELETE = 16, HUB_STEP_ANY = 31 };

struct hub_step {
    unsigned bit;
    const char *name;
    hub_method_t method;
    hub_slice_t (*url)(const hub_handshake_t *h);
    bool sends_credentials; /* body: our Credentials object with a new token, which is stored before it is sent */
    /* What is read from `data`, and checked. *why: text for the operator. */
    hub_err_t (*check)(hub_handshake_t *h, yyjson_val *data, hub_slice_t *why);
};

struct hub_plan {
    hub_wanted_t wanted; /* NOTHING: not started by us */
    unsigned step_count;
    const char *name;
    const hub_step_t *const *steps;
    hub_err_t (*apply)(hub_view_t *view, hub_op_t *op); /* success: everything in one operation (C18) */
};

/* handshake_plan.c */
extern const hub_plan_t hub_handshake__plans[HUB_PLAN_COUNT];
const hub_plan_t *hub_handshake__plan(hub_wanted_t wanted); /* NULL: none */

/* How a step ended. */
typedef struct hub_finding {
    hub_err_t err;
    bool again;       /* the same may succeed later */
    int ocpi_status;  /* for a partner that waits for our answer */
    hub_slice_t text; /* what to do next */
} hub_finding_t;

/* A partner's POST or PUT, on its way from the exchange's worker to the home worker and back. In the exchange's pool, which its worker
 * leaves alone meanwhile. */
typedef struct hub_incoming {
    hub_agent_task_t task; /* first */
    hub_task_t back;
    hub_exchange_t *x;
    bool put;
    uint8_t token_kind;
    hub_slice_t authorization;
    hub_offer_t offer; /* version called, and what the body said */
    /* the answer */
    hub_err_t err; /* of the hub's own: full, unauthorized, stopping */
    int ocpi_status;
    hub_slice_t message, data;
    struct hub_incoming *next;
} hub_incoming_t;

typedef struct hub_unregister_waiter {
    struct hub_unregister_waiter *next;
    hub_unregister_done_t done;
    void *arg;
} hub_unregister_waiter_t;

/* One an agent, made when first needed. */
struct hub_handshake {
    hub_agent_t *agent; /* NULL: ended, freed when its operation comes back */
    hub_timer_t timer;  /* pause between tries */
    bool pausing;
    hub_pool_t *pool;       /* of the run */
    const hub_plan_t *plan; /* NULL: no run */
    unsigned step, tries;
    uint32_t command;          /* the command that this run follows */
    uint64_t settings_version; /* … under these settings */
    hub_ocpi_call_t *call;
    bool writing;                  /* an operation is under way: the run cannot be ended now */
    bool delete_next;              /* hub_handshake_unregister came meanwhile */
    hub_slice_t token;             /* to call with */
    hub_token_encoding_t encoding; /* AUTO: the profile's, or the version's */
    bool switched;                 /* … the other form, since the first was refused */
    hub_registration_t before;     /* when the run began */
    hub_offer_t offer;
    hub_slice_t our_token;    /* the new one of this run */
    hub_slice_t body;         /* Credentials object with it */
    hub_buf_t transcript;     /* JSON array without its end */
    hub_finding_t finding;    /* of the step that failed */
    hub_incoming_t *incoming; /* whom this run answers */
    hub_incoming_t *queue;
    unsigned queued;
    hub_unregister_waiter_t *waiters;
};

/* handshake_hint.c */
hub_finding_t hub_handshake__judge(hub_handshake_t *h, const hub_step_t *step, const hub_ocpi_call_t *call);
void hub_handshake__note(hub_handshake_t *h, const hub_step_t *step, const hub_ocpi_call_t *call, const hub_finding_t *finding);
void hub_handshake__note_answer(hub_handshake_t *h, int ocpi_status, hub_slice_t hint);

/* handshake_write.c: operations. `then` runs on the home worker. */
typedef struct hub_handshake_write {
    hub_op_t op; /* first */
    hub_core_t *core;
    hub_agent_t *agent;
    hub_handshake_t *h;
    hub_pool_t *pool;
    uint32_t tenant, id;
    hub_slice_t transcript;
    void (*then)(hub_handshake_t *h, hub_err_t err);
    /* pause or failure */
    hub_integration_status_t status;
    hub_slice_t text;
    bool final;
} hub_handshake_write_t;
void hub_handshake__write(hub_handshake_t *h, hub_err_t (*apply)(hub_view_t *view, hub_op_t *op),
                          void (*then)(hub_handshake_t *h, hub_err_t err), hub_slice_t text, bool final);
hub_err_t hub_handshake__prepare(hub_view_t *view, hub_op_t *op);    /* stores the token that is about to be sent */
hub_err_t hub_handshake__registered(hub_view_t *view, hub_op_t *op); /* our POST or PUT succeeded */
hub_err_t hub_handshake__answered(hub_view_t *view, hub_op_t *op);   /* a partner's POST or PUT succeeded */
hub_err_t hub_handshake__refreshed(hub_view_t *view, hub_op_t *op);  /* version details were read again */
hub_err_t hub_handshake__ended(hub_view_t *view, hub_op_t *op);      /* unregistered */
hub_err_t hub_handshake__failed(hub_view_t *view, hub_op_t *op);     /* a try failed; `final`: the last one */

/* handshake_run.c */
hub_slice_t hub_handshake__credentials_url(const hub_registration_t *reg);     /* none: no such endpoint is known */
hub_token_encoding_t hub_handshake__encoding(const hub_handshake_t *h);        /* how the next request sends its token */
void hub_handshake__next(hub_handshake_t *h);                                  /* the next step, or the end */
void hub_handshake__fail(hub_handshake_t *h, hub_err_t err, const char *text); /* without any call */

/* handshake.c */
void hub_handshake__answer(hub_incoming_t *incoming, hub_err_t err, int ocpi_status, hub_slice_t message, hub_slice_t data);
void hub_handshake__tell(hub_handshake_t *h, hub_err_t err); /* who waits for the unregistration */
/* Forgets the run; the partner that waits is answered with `err` when nobody has answered it. */
void hub_handshake__close(hub_handshake_t *h, hub_err_t err);
/* After an operation. True: the agent has ended meanwhile, and h is gone. */
bool hub_handshake__orphaned(hub_handshake_t *h);
void hub_handshake__pause(hub_handshake_t *h); /* until the next try */
/* Nothing runs: is there anything to do? A partner that waits goes first, our own commands come after. */
void hub_handshake__after(hub_agent_t *agent);
void hub_handshake__incoming(hub_agent_task_t *task, hub_agent_t *agent); /* hub_agent_task_t.run of a hub_incoming_t */
/* credentials.c: back to the worker of the exchange, which answers. */
void hub_handshake__reply(hub_incoming_t *incoming);

#endif
