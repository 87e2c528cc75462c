/* What the files of auth share. */
#ifndef CORE_CONNECTOR_AUTH_SCHEME_H
#define CORE_CONNECTOR_AUTH_SCHEME_H

#include "auth.h"
#include "connector.h"

typedef enum hub_auth_field {
    HUB_AUTH_FIELD_USERNAME,
    HUB_AUTH_FIELD_PASSWORD,
    HUB_AUTH_FIELD_TOKEN, /* or key */
    HUB_AUTH_FIELD_HEADER,
    HUB_AUTH_FIELD_TOKEN_URL,
    HUB_AUTH_FIELD_CLIENT_ID,
    HUB_AUTH_FIELD_CLIENT_SECRET,
    HUB_AUTH_FIELD_SCOPE,
    HUB_AUTH_FIELD_IN,
    HUB_AUTH_FIELD_SUBJECT,
    HUB_AUTH_FIELD_AUDIENCE,
    HUB_AUTH_FIELD_PRIVATE_KEY,
    HUB_AUTH_FIELD_KEY_ID,
    HUB_AUTH_FIELD_ACCESS_KEY,
    HUB_AUTH_FIELD_SECRET_KEY,
    HUB_AUTH_FIELD_SESSION_TOKEN,
    HUB_AUTH_FIELD_REGION,
    HUB_AUTH_FIELD_SERVICE,
    HUB_AUTH_FIELDS
} hub_auth_field_t;

typedef struct hub_auth_scheme {
    const char *names;
    void (*grant)(const hub_auth_t *auth, hub_call_t *call, hub_buf_t *form, int64_t now);
    void (*apply)(const hub_auth_t *auth, hub_call_t *call);
} hub_auth_scheme_t;

struct hub_auth {
    hub_pool_t *pool;
    const hub_auth_scheme_t *scheme; /* NULL: none */
    hub_slice_t prefix;              /* "settings.auth" */
    hub_slice_t problem;
    hub_slice_t field[HUB_AUTH_FIELDS];
    uint32_t secrets; /* mask of fields */
    bool salesforce;
    /* what the last token answer gave; on the heap */
    hub_slice_t token, instance;
    int64_t until; /* ms */
};

/* auth_scheme.c */
void hub_auth__basic(const hub_auth_t *auth, hub_call_t *call);
void hub_auth__bearer(const hub_auth_t *auth, hub_call_t *call); /* the token that was given, or that was got */
void hub_auth__key(const hub_auth_t *auth, hub_call_t *call);
void hub_auth__sigv4(const hub_auth_t *auth, hub_call_t *call);
void hub_auth__client_credentials(const hub_auth_t *auth, hub_call_t *call, hub_buf_t *form, int64_t now);
void hub_auth__jwt_bearer(const hub_auth_t *auth, hub_call_t *call, hub_buf_t *form, int64_t now);
/* "https://host:port" of a URL. */
hub_slice_t hub_auth__origin(hub_slice_t url);
/* auth_token.c */
void hub_auth__forget(hub_auth_t *auth);

#endif
