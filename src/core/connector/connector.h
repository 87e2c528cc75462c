/* Connectors: delivery to integrations that are not OCPI. One engine over the change index for all of them: a durable cursor, a filter, a
 * template and an auth scheme, all of them columns of connector.def. Home worker only, but for the pure parts (templates, auth, export),
 * which know no sockets and no store.
 *
 * A delivery that fails is tried again by itself with growing pauses for three days, then parked in the integration's quarantine, from
 * where it can be sent again. A receiver that cannot be reached makes the whole connector pause; since the change index has one entry an
 * object, what changes meanwhile goes once, in its latest state. Delivery is at least once; a receiver tells repeats by hub_delivery_t.id.
 */
#ifndef CORE_CONNECTOR_H
#define CORE_CONNECTOR_H

#include "auth.h"
#include "integration/connector_setting.h"

typedef enum hub_connector_feed {
    HUB_FEED_EVENTS,  /* every event of /v1/events whose type settings.events names; all when it names none */
    HUB_FEED_CDRS,    /* CDRs, own and received (configData.direction: own, received; else both) */
    HUB_FEED_BILLING, /* CDRs and sessions, the same */
    HUB_FEED_ALERTS,  /* an integration turned FAILED, OFFLINE or DEGRADED, or is well again */
    HUB_FEED_EXPORT,  /* CDRs as FEED_CDRS, many in one delivery, by settings.schedule */
} hub_connector_feed_t;

enum { HUB_KIND_LEDGER = 1, HUB_KIND_INSIST = 2 };

/* What an answer means. */
typedef enum hub_outcome {
    HUB_OUTCOME_ACCEPTED,
    HUB_OUTCOME_REFUSED, /* this delivery: it will not be taken as it is */
    HUB_OUTCOME_FAILED,  /* this delivery: later perhaps (5xx, 408, 425) */
    HUB_OUTCOME_BUSY,    /* nobody gets through: not reached, 429, 503 */
    HUB_OUTCOME_DENIED,  /* our credentials are not taken: 401, 403 */
    HUB_OUTCOME_GONE,    /* 410: nothing is sent until the settings change */
} hub_outcome_t;

/* One delivery: what the templates read and write. Everything lies in call.pool. */
typedef struct hub_delivery {
    hub_call_t call; /* first. write: method, url, headers, body, mail; auth adds its headers afterwards */
    const hub_integration_t *integration;
    const hub_connector_t *connector;
    const struct hub_connector_kind *kind;
    /* what it is about */
    char id[64];                   /* of this delivery, the same whenever it is tried again: "msg_<integration>_<seq>" */
    uint64_t seq;                  /* as in /v1/events */
    hub_slice_t type;              /* "cdr.created" */
    hub_slice_t event;             /* JSON: the event as /v1/events?include=object shows it */
    hub_slice_t object;            /* JSON: the object in OCPI 2.2.1; none of what is deleted */
    bool received;                 /* a partner gave it (integrationId of the event), else our own */
    int64_t now;                   /* ms */
    hub_slice_t public_url;        /* of this hub: where people may look */
    hub_slice_t utility_cloud_url; /* of the hub's configuration (hub_core_config_t), none: not set */
    bool insecure;                 /* --insecure-peers */
    /* A delivery may take several calls (one a recipient): write tells how many, each is made with a fresh call, in order, and the next one
     * whatever became of the one before, but for BUSY, DENIED and GONE. What the delivery comes to is the worst of them; tried again, those
     * that were ACCEPTED are left out as long as that is remembered. */
    uint32_t part;     /* which of them this is, from 0 */
    uint32_t parts;    /* write: of so many; 0: one */
    struct hub_alert { /* FEED_ALERTS */
        hub_slice_t id, name, status, description, reference;
        bool recovered; /* CONNECTED again after trouble */
        int64_t since;  /* ms: when its status changed */
    } alert;
    struct hub_export *export; /* FEED_EXPORT: export.h */
    /* out */
    bool unsayable;      /* write returned false because of what this delivery is about, not because of a setting: it is parked */
    hub_slice_t problem; /* write returned false: why, naming the setting ("configData.recipients is missing"); read: the answer's words */
    hub_slice_t reference; /* read: what the receiver calls it; flag LEDGER: kept (sync/receipt.h) */
    hub_slice_t answer;    /* read: JSON of the answer that is kept beside it; none */
} hub_delivery_t;

typedef struct hub_connector_kind {
    const char *provider; /* NULL: none */
    hub_integration_type_t type;
    hub_connector_feed_t feed;
    bool start_now;
    unsigned flags, parallel;
    hub_auth_source_t auth;
    bool (*write)(hub_delivery_t *delivery);                                /* false: cannot be said; delivery->problem */
    hub_outcome_t (*read)(hub_delivery_t *delivery, hub_outcome_t outcome); /* outcome: what the HTTP status says. NULL: that */
} hub_connector_kind_t;
extern const hub_connector_kind_t hub_connector_kinds[];
extern const size_t hub_connector_kind_count;
const hub_connector_kind_t *hub_connector_kind_of(const hub_connector_t *connector); /* NULL: no provider yet */

#define HUB_KIND(symbol, type, provider, feed, start, flags, parallel, auth, write, read) bool write(hub_delivery_t *delivery);
#include "connector.def"
#undef HUB_KIND
hub_outcome_t hub_cdr_post_read(hub_delivery_t *delivery, hub_outcome_t outcome);
hub_outcome_t hub_message_read(hub_delivery_t *delivery, hub_outcome_t outcome);

/* ---- for templates: template.c ---- */

void hub_delivery_header(hub_delivery_t *delivery, const char *name, hub_slice_t value); /* value in the pool or static */
/* A member of configData, and of credentials; none: not there. Text: of a string. */
hub_slice_t hub_connector_config(hub_pool_t *pool, const hub_connector_t *connector, const char *name);
hub_slice_t hub_connector_credential(hub_pool_t *pool, const hub_connector_t *connector, const char *name);
/* configData.baseUrl without a trailing slash, or `otherwise`. */
hub_slice_t hub_connector_base(hub_pool_t *pool, const hub_connector_t *connector, hub_slice_t otherwise);
/* UtilityCloud: {base}/{tenant}, base being configData.baseUrl or that of the hub's configuration; none: nobody says it, and
 * hub_utility_nowhere says so. */
hub_slice_t hub_utility_root(hub_pool_t *pool, const hub_connector_t *connector, hub_slice_t base);
extern const char hub_utility_nowhere[];
/* What the answer says for people, in one line of 300 bytes at most; none. It may repeat what it was sent. */
hub_slice_t hub_delivery_words(hub_delivery_t *delivery);
/* application/x-www-form-urlencoded: name=value, & between; also for query strings. */
void hub_form_add(hub_buf_t *out, const char *name, hub_slice_t value);

/* ---- the engine: for agent.c and delivery.c of sync ---- */

struct hub_agent;
void hub_connector_follow(struct hub_agent *agent, const hub_integration_t *old);
/* After a commit: one look at the streams for all connectors of a worker. */
typedef struct hub_connector_tail {
    hub_view_t *view;
    uint64_t after, seq; /* what was seen before; the store now */
    uint32_t tenant;     /* private: … */
    uint32_t fresh;      /* … the sources of this tenant that have something new */
} hub_connector_tail_t;
void hub_connector_wake(struct hub_agent *agent, hub_connector_tail_t *tail);
void hub_connector_end(struct hub_agent *agent);
/* Records were written by others (a parked delivery is to be sent again): they are read. */
void hub_connector_reload(struct hub_agent *agent);
/* What delivering says about the receiver. False: nothing (yet). */
bool hub_connector_judge(const struct hub_agent *agent, hub_integration_status_t *status, hub_buf_t *text);
/* A member of `modules` in GET …/delivery. */
void hub_connector_describe(struct hub_agent *agent, hub_view_t *view, hub_buf_t *out);

struct hub_parked;
/* apply only. A parked delivery is to be sent again, as if for the first time. hub_connector_reload must follow. */
hub_err_t hub_connector_again(hub_view_t *view, uint32_t integration, const struct hub_parked *parked);
/* apply only. It may deliver from now on: where its cursor begins is written down, unless it has one. */
hub_err_t hub_connector_begin(hub_view_t *view, const hub_integration_t *integration);

#endif
