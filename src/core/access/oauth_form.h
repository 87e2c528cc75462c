/* What a client sends to /oauth2/token and /oauth2/revoke: a form, and credentials in it or in an Authorization header. Pure functions. */
#ifndef CORE_OAUTH_FORM_H
#define CORE_OAUTH_FORM_H

#include "hub/base.h"

typedef struct hub_oauth_form {
    hub_slice_t grant_type, scope, token, client_id, client_secret; /* none: absent, or without a value */
    bool basic;                                                     /* the client used an Authorization header */
} hub_oauth_form_t;

typedef struct hub_oauth_error {
    const char *code, *description; /* RFC 6749, 5.2; code NULL: none */
} hub_oauth_error_t;

/* RFC 6749, 2.3.1 and 3.2: each parameter once; one way to authenticate. */
hub_oauth_error_t hub_oauth_read(hub_pool_t *pool, hub_slice_t content_type, hub_slice_t authorization, hub_slice_t body,
                                 hub_oauth_form_t *out);
/* The permissions that `scope` asks for, within `allowed`; none asks for all. False: an unknown one, or one too many. */
bool hub_oauth_scope(hub_slice_t scope, uint32_t allowed, uint32_t *permissions);

#endif
