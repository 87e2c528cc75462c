/* What the files of core share: the core, its workers, the state of an exchange. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdatomic.h>

#include "hub/core.h"
#include "ocpi/ocpi.h"

#define HUB_TENANT_DEFAULT 1u /* x-platform-id "default" */
#define HUB_PAGE_LIMIT 100u   /* most objects a list page */

/* What hub_key_u32 wrote. */
static inline uint32_t hub_u32_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct hub_core {
    hub_core_config_t config;
    hub_store_t *store;
    hub_crypto_t *crypto;
    hub_pool_t *pool; /* what lives as long as the core */
    struct hub_worker **workers;
    atomic_uint worker_count; /* 0 until all have started: then commits wake them */
    atomic_uint started;      /* workers that have loaded their agents; the last one sets worker_count and ready */
    atomic_bool ready, stopping;
    hub_slice_t public_url;                   /* "https://hub.example" */
    hub_slice_t versions_url;                 /* "https://hub.example/ocpi/versions" */
    uint64_t process;                         /* a number of this process alone */
    struct hub_metrics *metrics;              /* metrics.h */
    struct hub_usages *usages;                /* access/usage.h */
    struct hub_openapi *openapi;              /* openapi/document.c */
    unsigned char admin_hash[HUB_SHA256_LEN]; /* of config.admin_key */
};

struct hub_worker {
    hub_core_t *core;
    unsigned index;
    hub_port_t port;
    hub_mailbox_t *mailbox;
    struct hub_integration_cache *integrations; /* core/integration.c */
    struct hub_seen *seen;                      /* core/token.c: headers that opened something */
    struct hub_agents *agents;                  /* core/agent.c */
    struct hub_waiters *waiters;                /* core/event_stream.c: event streams that wait for a commit */
    struct hub_waiting_preference *preferences; /* core/object/preference.c: partners that wait for the backend */
    unsigned preferences_dropping;
    struct hub_chores *chores;   /* core/chore.c: worker 0 */
    struct hub_denials *denials; /* core/audit/denied.c */
    hub_task_t commit_task;
    atomic_bool commit_posted; /* commit_task lies in the mailbox: not to be posted again before it ran */
    bool stopping;
};

/* The worker that runs an integration's handshakes, pushes and pulls. */
hub_worker_t *hub_worker_home(hub_core_t *core, uint32_t integration);

/* Permissions of an API key, one bit each. */
typedef enum hub_permission {
    HUB_PERMIT_NONE = 0,
#define HUB_PERMISSION(name, bit, text) HUB_PERMIT_##name = 1 << bit,
#include "permission.def"
#undef HUB_PERMISSION
} hub_permission_t;

/* ---- the state of an exchange ---- */

#define HUB_PATH_PARAMS 8
typedef struct hub_exchange_state {
    char trace_id[HUB_UUID_LEN + 1]; /* X-Request-ID of our answers on /v1, trace_id in errors, and in the log */
    int64_t started;                 /* us, hub_mono_us; on /v1 */
    hub_view_t *view;                /* opened on demand: hub_exchange_view; closed when the reply is ready */
    /* /v1 */
    uint32_t tenant;
    bool all_tenants;                   /* the credential may act for every tenant: sees what belongs to none */
    uint32_t permissions;               /* of the key */
    uint32_t key_id;                    /* of the key; 0: the admin key of the configuration */
    hub_slice_t actor;                  /* "key:<name>", "client:<name>": for createdBy, lastModifiedBy and the audit log */
    const struct hub_v1_route *route;   /* v1.h */
    hub_slice_t challenge;              /* WWW-Authenticate of a 401 or 403 */
    uint32_t retry_after;               /* seconds; 0: as the error has it */
    hub_slice_t param[HUB_PATH_PARAMS]; /* decoded path parameters in order */
    uint32_t param_count;
    /* /ocpi */
    struct hub_integration *integration; /* the caller; a reference held until the exchange ends */
    uint8_t token_kind;                  /* hub_token_kind_t */
    uint8_t token_used;                  /* of the token record: not its first use */
    ocpi_target_t target;
    bool ocpi, face_v1;
    hub_slice_t problem;       /* detail of the problem that is answered on /v1, for the log */
    hub_slice_t problem_extra; /* further members of a problem body, e.g. "\"version\":7"; set before the reply */
} hub_exchange_state_t;

/* The exchange's snapshot, opened at first use. NULL: the reply has been made (store failure). Bytes from it must be copied before waiting:
 * hub_exchange_wait closes it. */
hub_view_t *hub_exchange_view(hub_exchange_t *x);
void hub_exchange_view_close(hub_exchange_t *x);
/* The reply is complete: closes the view, adds the common headers, hands it to the driver. */
void hub_exchange_done(hub_exchange_t *x);
void hub_exchange_add_allow(hub_exchange_t *x, uint32_t methods); /* header Allow; OCPI_GET … */

/* Answers 403 on /v1, and has it told in the audit log. `permission` NULL: none would help. */
void hub_exchange_forbid(hub_exchange_t *x, const char *permission, hub_slice_t detail);

/* A write on behalf of an exchange: apply on the store thread, then `then` on the worker with op->err.
 * The pool is the exchange's: apply may allocate there, the worker does not touch it meanwhile. A full queue answers 503 by itself. */
typedef struct hub_audit_note {   /* what the audit log shall say; each apply starts from an empty one */
    hub_slice_t action, resource; /* none: by method and path */
    hub_slice_t before, after;    /* JSON; none: null */
    bool skip;                    /* nothing was changed yet */
} hub_audit_note_t;
typedef struct hub_write {
    hub_op_t op; /* first */
    hub_exchange_t *x;
    hub_err_t (*apply)(hub_view_t *view, hub_op_t *op);
    hub_audit_note_t audit;
    void (*then)(struct hub_write *write);
    void *arg;
} hub_write_t;
void hub_exchange_write(hub_exchange_t *x, hub_err_t (*apply)(hub_view_t *view, hub_op_t *op), void (*then)(hub_write_t *write), void *arg);
static inline hub_write_t *hub_write_of(hub_op_t *op) /* inside apply */
{
    return (hub_write_t *)op;
}

#endif
