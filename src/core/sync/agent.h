/* Agents: what a worker runs for each integration at home on it. Owns its handshake (handshake.h), its pushes (push.h) and pulls (pull.h),
 * one lock: the home worker does one credentials exchange of an integration at a time. Thread: the home worker only, except where said. */
#ifndef CORE_AGENT_H
#define CORE_AGENT_H

#include "integration/registration.h"

/* One outbound call of an agent, in its list: so that it can be cancelled, and waited for. */
typedef struct hub_calling {
    hub_call_t *call;
    struct hub_calling *next, **prev;
} hub_calling_t;

typedef struct hub_agent {
    hub_worker_t *worker;
    uint32_t tenant, id;
    hub_integration_t *integration;      /* as last loaded; replaced after a commit that changed it */
    struct hub_handshake *handshake;     /* handshake.c; NULL: none under way */
    struct hub_push *push;               /* push.c */
    struct hub_pull *pull;               /* pull.c */
    struct hub_connector_run *connector; /* connector/run.h: of an integration that is not OCPI, while it delivers */
    bool behind;                         /* its settings have changed since, and nothing of it runs: read again when somebody asks for it */
    unsigned calls;                      /* outbound calls under way */
    bool gone;                           /* the integration was deleted: freed when calls and holds are 0 */
    struct hub_agent *next;              /* in the worker's table */
    hub_calling_t *call_list;            /* the calls under way */
    unsigned holds;                      /* operations under way that will come back to this agent: hub_agent_hold */
    bool unauthorized;                   /* the peer answered 401: nothing is sent until the token or the status changes */
    struct hub_health {
        bool known;        /* at least one answer, or failure, since the agent was made */
        bool busy;         /* the last answer was HTTP 429, 5xx or OCPI 3xxx */
        bool writing;      /* a status is being written */
        unsigned failures; /* calls in a row that did not reach the peer */
        uint32_t slow_ms;  /* moving average of how long answers take */
        char detail[200];  /* of the last failure */
    } health;
} hub_agent_t;

/* Keeps the agent's memory while an operation of it is under way (hub_op_t that comes back); hub_agents_stop waits for it too. */
void hub_agent_hold(hub_agent_t *agent);
void hub_agent_release(hub_agent_t *agent); /* may free the agent when it is gone */
/* May the agent send anything now: registered, enabled, not refused with 401, not stopping? */
bool hub_agent_may_call(const hub_agent_t *agent);
hub_agent_t *hub_agent_find(hub_worker_t *worker, uint32_t tenant, uint32_t id); /* NULL: not at home here. Up to date */
void hub_agents_each(hub_worker_t *worker, void (*visit)(hub_agent_t *agent, void *arg), void *arg);
/* push.c: wakes the pushes of this worker whose streams have something new after `after`. */
void hub_agents_wake(hub_worker_t *worker, uint64_t after);
/* Starts a call that is ready; its `done` calls hub_agent_called first of all. */
void hub_agent_call(hub_agent_t *agent, hub_calling_t *calling, hub_call_t *call);
void hub_agent_called(hub_agent_t *agent, hub_calling_t *calling);
void hub_agent_cancel_calls(hub_agent_t *agent);
/* How long (ms) to leave a peer alone that failed so often in a row: from a second on, doubled each time, with jitter; longer when its
 * Retry-After says so, an hour at most. */
uint64_t hub_agent_pause(unsigned failures, uint64_t most, hub_slice_t retry_after);
/* Works out status and statusDescription anew and writes them when they differ (hub_agent_report does so after each call). */
void hub_agent_judge(hub_agent_t *agent);

void hub_agents_start(hub_worker_t *worker); /* loads the integrations at home here, resumes what is wanted */
bool hub_agents_stop(hub_worker_t *worker);  /* true when nothing is under way */
void hub_agents_destroy(hub_worker_t *worker);
/* After a commit: re-reads integrations that changed, wakes the pushes that have something new. */
void hub_agents_commit(hub_worker_t *worker);

/* Any worker: runs `task` on the integration's home worker with its agent (NULL when the integration is gone). */
typedef struct hub_agent_task {
    hub_task_t task; /* private */
    hub_core_t *core;
    uint32_t tenant, integration;
    void (*run)(struct hub_agent_task *task, hub_agent_t *agent); /* on the home worker */
    void *arg;
} hub_agent_task_t;
void hub_agent_post(hub_core_t *core, hub_agent_task_t *task);

/* One outbound OCPI request of an agent: Authorization, X-Request-ID, X-Correlation-ID and routing headers added (T19, T20, H2, C24), as
 * the version has them. The answer is parsed as an envelope when it is one. */
typedef struct hub_ocpi_call {
    hub_call_t call; /* first */
    hub_agent_t *agent;
    void (*then)(struct hub_ocpi_call *call); /* on the worker; the pool dies when it returns, unless keep is set */
    bool keep;
    bool routed; /* functional module: routing headers; what is left open of them is chosen by module and side */
    ocpi_module_t module;
    ocpi_side_t side; /* the peer's, that is called */
    hub_slice_t from_country, from_party, to_country, to_party;
    hub_slice_t token;             /* none: the registration's their_token */
    hub_slice_t sent;              /* the registration's token that went out, when that was it */
    hub_token_encoding_t encoding; /* AUTO: the profile's, or the version's */
    ocpi_version_t version;        /* 0: the registration's */
    ocpi_envelope_t envelope;      /* status_code 0: none */
    void *arg;
    bool in_then;
    hub_calling_t calling;
} hub_ocpi_call_t;
hub_ocpi_call_t *hub_ocpi_call_create(hub_agent_t *agent, hub_method_t method, hub_slice_t url); /* with a pool of its own: call.pool */
void hub_ocpi_call_start(hub_ocpi_call_t *call);
hub_token_encoding_t hub_ocpi_call_encoding(ocpi_version_t version); /* how this version sends tokens */
void hub_ocpi_call_destroy(hub_ocpi_call_t *call);                   /* only with keep */

/* After a settings or registration change was loaded into agent->integration (`old` NULL: the agent is new). */
void hub_handshake_follow(hub_agent_t *agent, const hub_integration_t *old); /* starts what registration.wanted says */
void hub_push_follow(hub_agent_t *agent, const hub_integration_t *old);
void hub_pull_follow(hub_agent_t *agent, const hub_integration_t *old);
/* The agent ends: cancel calls, stop timers, free. */
void hub_handshake_end(hub_agent_t *agent);
void hub_push_end(hub_agent_t *agent);
void hub_pull_end(hub_agent_t *agent);
/* A registration has just succeeded (initial load: push cursors at 0 go by themselves; pulls start now). */
void hub_pull_now(hub_agent_t *agent, uint32_t modules /* mask of 1 << ocpi_module_t */, bool full);
/* The outcome of any call to the peer, for integrationStatus: CONNECTED, DEGRADED, OFFLINE, FAILED (401). Writes the registration only when
 * it changes. */
void hub_agent_report(hub_agent_t *agent, hub_err_t err, int http_status, int ocpi_status, hub_slice_t detail);

/* delivery.c: a member of its answer: ,"name":"time", or null for 0. */
void hub_delivery_add_time(hub_buf_t *out, const char *name, int64_t ms);

#endif
