/* The ports that core needs from the rooms above it: outbound calls and timers of one worker's loop. `app` plugs in peer (libcurl) and
 * libuv; tests plug in scripts. All functions of a port are called on that worker's thread only, and call back on it. */
#ifndef HUB_PORT_H
#define HUB_PORT_H

#include "hub/base.h"

typedef enum hub_method { HUB_GET, HUB_HEAD, HUB_POST, HUB_PUT, HUB_PATCH, HUB_DELETE, HUB_OPTIONS, HUB_METHOD_OTHER } hub_method_t;
const char *hub_method_name(hub_method_t method);
hub_method_t hub_method_parse(hub_slice_t name);

typedef struct hub_header {
    hub_slice_t name, value;
} hub_header_t;

/* Of a call to smtp:// or smtps:// (hub_url_check_mail), which only mails may be: the body is the message (RFC 5322, CRLF).
 *
 * err is HUB_EOK whenever the server has said yes or no; http_status is its last reply code, `answer` that reply ("550 5.1.1 no such
 * user"): 250: taken. 4yz: not now. 5yz: never, among them 530, 534, 535 and 538: the login. A recipient who is refused refuses the whole
 * message. HUB_EPEER_TLS: also a server without STARTTLS. HUB_EINVALID: an address that cannot go into a command. */
typedef struct hub_call_mail {
    hub_slice_t from; /* addresses without <> */
    const hub_slice_t *to;
    uint32_t to_count;
    hub_slice_t username, password; /* none: no login */
    bool plain;                     /* without TLS when the server has none; else STARTTLS is insisted on (smtps:// has TLS anyway) */
} hub_call_mail_t;

/* AWS Signature Version 4, made by the port over URL, headers and body, as S3 wants it: the path is encoded once. The URL goes out in AWS's
 * canonical form. What else the service asks for (S3: x-amz-content-sha256) stands among the headers; none of them is empty. */
typedef struct hub_call_sign {
    hub_slice_t access_key, secret_key, session_token, region, service; /* session_token: none, or temporary credentials */
} hub_call_sign_t;

#define HUB_CALL_HEADERS 16
/* One outbound HTTP request. The caller owns the memory, which lives until done has run. */
typedef struct hub_call {
    /* in */
    hub_pool_t *pool; /* the answer is put there */
    hub_method_t method;
    hub_slice_t url;
    bool secret_url;                        /* a secret is part of `url` (Telegram): it is not logged, nor told to anybody */
    hub_header_t headers[HUB_CALL_HEADERS]; /* an Authorization value among them is never logged */
    uint32_t header_count;
    hub_slice_t body;                    /* none: no body */
    uint32_t timeout_ms;                 /* whole request; 0: 30 s */
    size_t answer_limit;                 /* bytes; 0: 8 MiB; more is HUB_EPEER_TOO_LARGE */
    void (*done)(struct hub_call *call); /* exactly once, never from inside port->call; err is HUB_EOK when any HTTP answer came */
    void *arg;
    const hub_call_mail_t *mail; /* NULL: HTTP */
    const hub_call_sign_t *sign; /* NULL: not signed */
    /* out */
    hub_err_t err;      /* HUB_EPEER_UNREACHABLE, _TIMEOUT, _TLS, _FORBIDDEN (address not allowed), _TOO_LARGE, HUB_ESTOPPING */
    hub_slice_t detail; /* what went wrong, for the operator ("Connection refused", "certificate has expired") */
    int http_status;    /* of a mail: hub_call_mail_t */
    hub_slice_t link, total_count, limit, location, content_type, retry_after, www_authenticate; /* answer headers; none when absent */
    hub_slice_t answer;                                                                          /* body */
    uint32_t duration_ms;
    /* the port's own */
    void *port_data;
} hub_call_t;

typedef struct hub_timer {
    void (*run)(struct hub_timer *timer);
    void *arg;
    void *port_data; /* zero before the first start */
} hub_timer_t;

typedef struct hub_port {
    void *self;
    void (*call)(void *self, hub_call_t *call);
    void (*call_cancel)(void *self, hub_call_t *call);                /* done runs soon, with HUB_ESTOPPING */
    void (*timer_start)(void *self, hub_timer_t *timer, uint64_t ms); /* once; starting again moves it */
    void (*timer_stop)(void *self, hub_timer_t *timer);               /* idempotent; also frees what the port keeps */
} hub_port_t;

#endif
