/* How a connector proves who it is, as rows of auth.def. Pure: the one call that some schemes need (an access token) is described here and
 * made by the engine.
 *
 * Source AUTH: the setting `auth`, else `credentials`: {"type":…} with the members of its row; a string is a bearer token; neither: nothing
 * is added. Whatever is stored is kept; what is missing or cannot be is told by hub_auth_problem. Source UTILITY: client credentials of
 * utilityCloudConnection at configData.tokenUrl, else {base}/{tenant}/oauth2/token.
 *
 * Salesforce: tokenUrl is /services/oauth2/token of endpointUrl's domain and the audience that domain, unless they are given. Where the
 * token's answer has an instance_url, calls to the domain of tokenUrl go there. A token lives for expires_in less a quarter, at most a
 * minute, of it; 15 minutes less one where that is not said; a day at most. */
#ifndef CORE_CONNECTOR_AUTH_H
#define CORE_CONNECTOR_AUTH_H

#include "core.h"

typedef enum hub_auth_source { HUB_AUTH_NONE, HUB_AUTH_AUTH, HUB_AUTH_UTILITY } hub_auth_source_t;

struct hub_connector;
typedef struct hub_auth hub_auth_t; /* of one connector, with its access token; memory only */

typedef enum hub_auth_state {
    HUB_AUTH_READY,
    HUB_AUTH_TOKEN, /* an access token is needed first: hub_auth_token_write, call, hub_auth_token_read */
    HUB_AUTH_WRONG, /* the settings do: hub_auth_problem */
} hub_auth_state_t;

/* Never NULL; what is wrong with the settings is found here. `connector` must outlive it. base: utility_cloud_url of the hub's
 * configuration, may be none. */
hub_auth_t *hub_auth_create(hub_auth_source_t source, const struct hub_connector *connector, hub_slice_t base);
void hub_auth_destroy(hub_auth_t *auth); /* wipes; takes NULL */
hub_auth_state_t hub_auth_state(const hub_auth_t *auth, int64_t now);
hub_slice_t hub_auth_problem(const hub_auth_t *auth); /* "settings.auth.password is missing" */
/* READY: adds what this scheme adds to a finished request (headers, or call->sign), all of it in call->pool. */
void hub_auth_apply(const hub_auth_t *auth, hub_call_t *call);
/* TOKEN: fills in url, method, headers and body of `call`, whose pool is there. */
void hub_auth_token_write(hub_auth_t *auth, hub_call_t *call, int64_t now);
/* What came back. HUB_EOK: READY for as long as the token lives. HUB_EUNAUTHORIZED: refused; *why in call->pool, without secrets. Others:
 * try again later. */
hub_err_t hub_auth_token_read(hub_auth_t *auth, const hub_call_t *call, int64_t now, hub_slice_t *why);
bool hub_auth_repeats(const hub_auth_t *auth, hub_slice_t text); /* one of its secrets, or the access token */
bool hub_auth_echoed(const hub_call_t *call, hub_slice_t text);  /* the credential in the Authorization header of the call */
/* The receiver answered 401: the token is forgotten. True: another try with a fresh one makes sense (once a delivery). */
bool hub_auth_refused(hub_auth_t *auth);

#endif
