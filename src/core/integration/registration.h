/* Registration: what the credentials handshake with a peer brought, and what is still to do. One record an integration, written by the
 * handshake (both directions) and by the agent (status). Stored as JSON with sealed tokens. Chapter: credentials. */
#ifndef CORE_REGISTRATION_H
#define CORE_REGISTRATION_H

#include "integration.h"

typedef enum hub_token_kind {
    HUB_TOKEN_KIND_NONE,
    HUB_TOKEN_KIND_A,        /* registration token that we gave out: versions and credentials only (T14) */
    HUB_TOKEN_KIND_A_SPENT,  /* a registration succeeded with it: only a repeated POST counts, until token C was used (decision J) */
    HUB_TOKEN_KIND_OURS,     /* what the peer sends us now (C, or B) */
    HUB_TOKEN_KIND_PREVIOUS, /* after a PUT: still good until the new one is first used (decision J) */
    HUB_TOKEN_KIND_PENDING,  /* sent to the peer in an exchange of ours that has not ended: opens versions and credentials (C4); elsewhere
                                "try again" (503), since  the peer may know already that the exchange has succeeded */
} hub_token_kind_t;

/* What table TOKEN holds, fixed size: one look-up authenticates. */
typedef struct hub_token_record {
    uint32_t tenant, integration;
    uint8_t kind;
    uint8_t used; /* OURS: the peer has called with it */
    uint8_t reserved[6];
} hub_token_record_t;
/* `Token x`: looked up as given, then Base64-decoded (one trailing newline tolerated), on every version. HUB_EUNAUTHORIZED. */
hub_err_t hub_token_find(hub_worker_t *worker, hub_view_t *view, hub_pool_t *pool, hub_slice_t authorization, hub_token_record_t *out);
hub_err_t hub_token_get(hub_view_t *view, hub_slice_t token, hub_token_record_t *out);    /* the token in clear; HUB_ENOT_FOUND */
bool hub_token_presented(hub_pool_t *pool, hub_slice_t authorization, hub_slice_t token); /* is this the header's token, in either form? */
hub_err_t hub_token_put(hub_view_t *view, hub_slice_t token, const hub_token_record_t *record); /* apply only */
hub_err_t hub_token_drop(hub_view_t *view, hub_slice_t token);                                  /* apply only */

/* After a request was authenticated: at the first use of our current token the previous one and a spent token A end (decision J). Costs two
 * comparisons afterwards; the write goes on by itself, the exchange does not wait for it. */
void hub_registration_token_used(hub_exchange_t *x, const hub_token_record_t *record);

/* What the agent still has to start. Durable, so that kill -9 loses no command. */
typedef enum hub_wanted { HUB_WANT_NOTHING, HUB_WANT_POST, HUB_WANT_PUT, HUB_WANT_DELETE, HUB_WANT_DETAILS } hub_wanted_t;

typedef struct hub_registration {
    uint64_t version; /* +1 per write */
    hub_integration_status_t status;
    hub_slice_t status_description;
    hub_wanted_t wanted;
    bool authorized, token_used; /* token_used: the peer has called with our current token */
    ocpi_version_t ocpi_version;
    hub_slice_t token_a, our_token, previous_token, their_token; /* in clear here; sealed in the record */
    int64_t previous_since;                                      /* ms; when previous_token became previous */
    hub_slice_t versions_url;                                    /* the peer's */
    hub_slice_t details_url;
    hub_endpoint_t *endpoints;
    uint32_t endpoint_count;
    hub_slice_t roles_json; /* the peer's `roles` array as received (2.1.1: made from its fields) */
    hub_slice_t hub_party_id;
    int64_t registered_at, last_ok, last_error_at;
    hub_slice_t last_error;
    hub_slice_t pending_token; /* in clear here; sealed in the record */
    int64_t token_encoding;    /* hub_token_encoding_t found out in the handshake; AUTO: the version's */
    uint32_t command;          /* +1 whenever `wanted` is set: tells a repeated command from our own writes */
} hub_registration_t;

/* A record that does not exist reads as all empty, status DRAFT. */
hub_err_t hub_registration_get(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_registration_t *out);
/* The status alone, without opening the tokens: lists ask it of every integration. */
hub_integration_status_t hub_registration_status(hub_view_t *view, uint32_t tenant, uint32_t id);
/* apply only; version + 1; also notes the change of the integration (event integration.status when status changed). */
hub_err_t hub_registration_put(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_registration_t *registration);

/* The same, but silent: nobody needs to hear of it (a token's first use). */
hub_err_t hub_registration_put_quiet(hub_core_t *core, hub_view_t *view, uint32_t tenant, uint32_t id, hub_registration_t *registration);
/* What is wanted and the command's number, without decoding the record. */
hub_wanted_t hub_registration_wanted(hub_view_t *view, uint32_t tenant, uint32_t id, uint32_t *command);
/* apply only. Every token that opens our API to this integration ends, in the table and in *registration; no longer authorized. */
hub_err_t hub_registration_void(hub_view_t *view, hub_registration_t *registration);
/* apply only. One token of the registration becomes another: `slot` is a token member of *registration; the old one leaves the table unless
 * `keep_old`, the new one (none: no new one) enters it under `kind`. */
hub_err_t hub_registration_token_set(hub_view_t *view, uint32_t tenant, uint32_t id, hub_slice_t *slot, hub_slice_t token,
                                     hub_token_kind_t kind, bool keep_old);

/* Called by integration.c inside apply, after the settings were stored: `old` is NULL at creation. Issues or exchanges token A (RECEIVER),
 * sets `wanted` (SENDER: at creation; at an update while unregistered when endpointUrl or initialToken changed; `retry`: PUT when
 * registered, POST when not, on a RECEIVER a fresh token A; whoever is registered: PUT when our parties or roles are others), sets the
 * status. HUB_ECONFLICT: this token A belongs to another integration.
 */
hub_err_t hub_registration_follow(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, const hub_integration_t *old,
                                  const hub_integration_t *now, bool retry);
/* apply only: the token before the last PUT ends at once (decision J, revokeOld). */
hub_err_t hub_registration_revoke(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id);
/* apply only: forgets tokens, registration, transcript. */
hub_err_t hub_registration_forget(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id);

/* Parts of the integration's answer; secrets masked unless `reveal`. */
void hub_registration_write_version_details(const hub_registration_t *registration, hub_buf_t *out); /* versionDetails value */
void hub_registration_write_credentials_info(const hub_registration_t *registration, const hub_integration_t *integration, bool reveal,
                                             hub_pool_t *pool, hub_buf_t *out); /* credentialsInfo value */

#endif
