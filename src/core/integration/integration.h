/* Integrations: a partner platform that we exchange data with, as the backend configured it, and what was negotiated with it.
 *
 * Two records, written by different hands: settings (what /v1 sets; `version` counts its updates) and registration (what the handshake
 * brought; registration.h). Both decode into one immutable hub_integration_t, cached by each worker under (id, versions of both).
 */
#ifndef CORE_INTEGRATION_H
#define CORE_INTEGRATION_H

#include "core.h"

typedef enum hub_model { /* models.*: flags that govern what we start */
#define HUB_MODEL(name, bit, json, direction, module) HUB_MODEL_##name = 1 << bit,
#include "model.def"
#undef HUB_MODEL
} hub_model_t;

typedef enum hub_integration_type {
#define HUB_INTEGRATION_TYPE(name, text, group, activate) HUB_TYPE_##name,
#include "integration_type.def"
#undef HUB_INTEGRATION_TYPE
    HUB_TYPE_COUNT
} hub_integration_type_t;

typedef enum hub_integration_status {
    HUB_STATUS_DRAFT,
    HUB_STATUS_AWAITING_PARTNER,
    HUB_STATUS_EXCHANGING,
    HUB_STATUS_CONNECTED,
    HUB_STATUS_DEGRADED,
    HUB_STATUS_OFFLINE,
    HUB_STATUS_SUSPENDED,
    HUB_STATUS_FAILED,
    HUB_STATUS_UNREGISTERED
} hub_integration_status_t;
const char *hub_integration_status_name(hub_integration_status_t status);

typedef struct hub_party_ref {
    char country[9], party[37]; /* as configured, NUL-terminated; our own are of 2 and 3 characters */
    uint32_t id;                /* of our own party (party.h); 0: a peer's */
    uint32_t roles;             /* ocpi_role_t mask */
} hub_party_ref_t;

typedef struct hub_endpoint {
    uint8_t module; /* ocpi_module_t; NONE: a module that we do not know (kept for versionDetails) */
    uint8_t side;   /* ocpi_side_t of the peer */
    hub_slice_t identifier, url;
} hub_endpoint_t;

typedef enum hub_token_encoding { HUB_TOKEN_AUTO, HUB_TOKEN_RAW, HUB_TOKEN_BASE64 } hub_token_encoding_t;

typedef struct hub_integration {
    uint32_t tenant, id;
    uint64_t version;              /* of the settings: the API's `version` */
    uint64_t registration_version; /* of the registration record */
    /* settings */
    hub_slice_t name, type, reference;
    bool is_ocpi, enabled;
    uint32_t models;                         /* hub_model_t mask */
    int32_t charging_period_minutes;         /* -1: not set */
    int8_t state_of_charge;                  /* -1 not set, 0, 1 */
    hub_slice_t endpoint_url, initial_token; /* token in clear, memory only */
    bool initial_sender;                     /* initialRole SENDER: we start */
    bool has_initial_role;
    uint32_t customer_roles; /* OUR roles here */
    hub_slice_t third_country, third_party;
    uint32_t versions;        /* mask; 0: all that we serve */
    bool sharing_bound;       /* locationSharing BOUND */
    bool tariffs_all;         /* tariffSharing ALL */
    hub_party_ref_t *parties; /* our parties on this connection; resolved (ourParties, or the only party that fits) */
    uint32_t party_count;
    struct {
        hub_token_encoding_t token_encoding;
        bool strict, foreign_parties, date_from_optional;
        uint32_t page_limit, timeout_ms; /* 0: default */
    } profile;
    uint32_t delta_minutes, full_hours;
    /* registration */
    hub_integration_status_t status; /* as shown: SUSPENDED when disabled */
    hub_slice_t status_description;
    bool authorized;             /* tokens are exchanged */
    ocpi_version_t ocpi_version; /* negotiated; 0: none yet */
    hub_slice_t their_token;     /* in clear: what we send */
    int64_t previous_since;      /* ms; since when our previous token lives on (decision J); 0: none. May be behind the store */
    hub_slice_t versions_url;    /* the peer's */
    hub_endpoint_t *endpoints;
    uint32_t endpoint_count;
    hub_party_ref_t *peer_roles; /* one entry per (role, party) */
    uint32_t peer_role_count;
    uint32_t peer_role_mask;
    bool peer_is_hub; /* role HUB or hub_party_id: any party is accepted */
    /* own */
    hub_pool_t *pool;
    atomic_uint references; /* the last unref, on whatever thread, destroys the pool with all that lies in it */
    /* further settings */
    int64_t approved_party;    /* 0: none; its profile holds where the integration's own says nothing */
    uint64_t approved_version; /* of that record, for freshness */
    hub_slice_t platform_integration_id;
    const struct hub_connector *connector; /* connector_setting.h; NULL for OCPI */
} hub_integration_t;

/* Each of the two records, settings and registration, starts with its version as 8 bytes, big-endian: what a cache holds is compared
 * without parsing. */
static inline uint64_t hub_record_version(hub_slice_t record)
{
    uint64_t version = 0;
    for (size_t i = 0; i < 8 && i < record.len; i++)
        version = version << 8 | (unsigned char)record.ptr[i];
    return version;
}
static inline void hub_record_version_put(unsigned char out[8], uint64_t version)
{
    for (int i = 7; i >= 0; i--, version >>= 8)
        out[i] = (unsigned char)version;
}

/* Decodes; HUB_ENOT_FOUND. One reference for the caller. */
hub_err_t hub_integration_load(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_t **out);
hub_integration_t *hub_integration_ref(hub_integration_t *integration);
void hub_integration_unref(hub_integration_t *integration); /* takes NULL */
/* The same through the worker's cache: fresh as of the view. */
hub_err_t hub_integration_get(hub_worker_t *worker, hub_view_t *view, uint32_t tenant, uint32_t id, hub_integration_t **out);
void hub_integration_cache_destroy(struct hub_integration_cache *cache); /* takes NULL; the worker's thread */
void hub_integration_key(hub_key_t *key, uint32_t tenant, uint32_t id);  /* of tables INTEGRATION and REGISTRATION, TRANSCRIPT */
/* The peer's endpoint for a module and the PEER's side; NULL when it has none. */
const hub_endpoint_t *hub_integration_endpoint(const hub_integration_t *integration, ocpi_module_t module, ocpi_side_t side);
/* Do our credentials on these two name other parties or roles? */
bool hub_integration_other_roles(const hub_integration_t *a, const hub_integration_t *b);
/* May this party come from this peer (decision D)? */
bool hub_integration_has_peer_party(const hub_integration_t *integration, hub_slice_t country, hub_slice_t party);
/* Every integration of a tenant (0: of all tenants). */
/* Of the integration's registration record, without reading more. HUB_ENOT_FOUND: the integration is gone. */
hub_err_t hub_integration_registration_version(hub_view_t *view, uint32_t tenant, uint32_t id, uint64_t *version);
hub_err_t hub_integration_each(hub_view_t *view, uint32_t tenant, bool (*visit)(void *arg, uint32_t tenant, uint32_t id), void *arg);
/* apply only: notes a change of the integration in the event feed (stream OWN, HUB_MODULE_INTEGRATION): OBJECT created or updated, DELETE
 * deleted, EVSE its status alone (an entry of its own, told apart by its key). */
hub_err_t hub_integration_note(hub_view_t *view, uint32_t tenant, uint32_t id, hub_change_kind_t kind, uint64_t *seq /* or NULL */);
/* The key of such an entry read back; *status: it tells of the status. */
bool hub_integration_change_parse(hub_slice_t key, uint32_t *tenant, uint32_t *id, bool *status);
/* apply only: is this party of ours on any integration? */
bool hub_integration_uses_party(hub_view_t *view, uint32_t tenant, uint32_t party);

/* /v1 handlers: v1.def */

#endif
