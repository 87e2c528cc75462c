/* Schemes of authentication: none is known yet, every request goes as it is. */
#include "auth.h"

#include <stdlib.h>

struct hub_auth {
    hub_auth_source_t source;
};

hub_auth_t *hub_auth_create(hub_auth_source_t source, const struct hub_connector *connector, hub_slice_t base)
{
    hub_auth_t *auth = calloc(1, sizeof *auth);
    HUB_ASSERT(auth);
    (void)connector;
    (void)base;
    auth->source = source;
    return auth;
}

void hub_auth_destroy(hub_auth_t *auth)
{
    free(auth);
}

hub_auth_state_t hub_auth_state(const hub_auth_t *auth, int64_t now)
{
    (void)auth;
    (void)now;
    return HUB_AUTH_READY;
}

hub_slice_t hub_auth_problem(const hub_auth_t *auth)
{
    (void)auth;
    return HUB_SLICE_NONE;
}

void hub_auth_apply(const hub_auth_t *auth, hub_call_t *call)
{
    (void)auth;
    (void)call;
}

void hub_auth_token_write(hub_auth_t *auth, hub_call_t *call, int64_t now)
{
    (void)auth;
    (void)call;
    (void)now;
}

hub_err_t hub_auth_token_read(hub_auth_t *auth, const hub_call_t *call, int64_t now, hub_slice_t *why)
{
    (void)auth;
    (void)call;
    (void)now;
    (void)why;
    return HUB_EOK;
}

bool hub_auth_refused(hub_auth_t *auth)
{
    (void)auth;
    return false;
}

hub_slice_t hub_auth_instance(const hub_auth_t *auth)
{
    (void)auth;
    return HUB_SLICE_NONE;
}
