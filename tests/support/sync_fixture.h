/* A whole hub without sockets for unit tests: real store in a folder of its own, one worker, a scripted port (calls are answered by a
 * function of the test, timers run on a clock that the test moves), /v1 requests as values. */
#ifndef SYNC_FIXTURE_H
#define SYNC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core.h"
#include "integration/registration.h"
#include "sync/agent.h"

#define FIXTURE_KEY "test-admin-key-0123456789abcdef"
#define FIXTURE_CALLS 4096

typedef struct fixture_sent { /* a call that was made, copied */
    char method[8];
    char *url, *body, *headers; /* headers: "name: value\n…" */
} fixture_sent_t;

typedef struct fixture_timer {
    hub_timer_t *timer;
    int64_t at;
} fixture_timer_t;

static struct {
    char folder[64];
    hub_pool_t *pool;
    hub_store_t *store;
    hub_crypto_t *crypto;
    hub_core_t *core;
    hub_worker_t *worker;
    hub_mailbox_t *mailbox;
    hub_call_t *waiting[64]; /* calls not yet answered */
    unsigned waiting_count, most_waiting;
    hub_call_t *cancelled[64];
    unsigned cancelled_count;
    fixture_timer_t timers[256];
    unsigned timer_count;
    int64_t clock;
    fixture_sent_t sent[FIXTURE_CALLS];
    unsigned sent_count;
    bool hold; /* calls stay unanswered */
    /* Fills in the answer; NULL: HTTP 200, OCPI 1000. */
    void (*answer)(hub_call_t *call, unsigned number);
} fixture;

static inline void fixture_ok(hub_call_t *call, int http, int ocpi, const char *data)
{
    call->err = HUB_EOK;
    call->http_status = http;
    call->answer = hub_pool_printf(call->pool, "{\"status_code\":%d,\"timestamp\":\"2026-01-01T00:00:00Z\"%s%s}", ocpi,
                                   data ? ",\"data\":" : "", data ? data : "");
}

/* ---- the port ---- */

static void fixture_call(void *self, hub_call_t *call)
{
    (void)self;
    assert_true(fixture.waiting_count < HUB_COUNT(fixture.waiting) && fixture.sent_count < FIXTURE_CALLS);
    fixture_sent_t *sent = &fixture.sent[fixture.sent_count++];
    hub_buf_t headers = HUB_BUF_INIT(fixture.pool);
    for (uint32_t i = 0; i < call->header_count; i++)
        hub_buf_printf(&headers, "%.*s: %.*s\n", HUB_SLICE_FMT(call->headers[i].name), HUB_SLICE_FMT(call->headers[i].value));
    snprintf(sent->method, sizeof sent->method, "%s", hub_method_name(call->method));
    sent->url = hub_pool_str(fixture.pool, call->url);
    sent->body = hub_pool_str(fixture.pool, call->body);
    sent->headers = hub_pool_str(fixture.pool, hub_buf_slice(&headers));
    fixture.waiting[fixture.waiting_count++] = call;
    if (fixture.waiting_count > fixture.most_waiting)
        fixture.most_waiting = fixture.waiting_count;
}

static void fixture_cancel(void *self, hub_call_t *call)
{
    (void)self;
    for (unsigned i = 0; i < fixture.waiting_count; i++) {
        if (fixture.waiting[i] != call)
            continue;
        fixture.waiting[i] = fixture.waiting[--fixture.waiting_count];
        fixture.cancelled[fixture.cancelled_count++] = call;
        return;
    }
}

static void fixture_timer_stop(void *self, hub_timer_t *timer)
{
    (void)self;
    for (unsigned i = 0; i < fixture.timer_count; i++)
        if (fixture.timers[i].timer == timer) {
            fixture.timers[i] = fixture.timers[--fixture.timer_count];
            return;
        }
}

static void fixture_timer_start(void *self, hub_timer_t *timer, uint64_t ms)
{
    fixture_timer_stop(self, timer);
    assert_true(fixture.timer_count < HUB_COUNT(fixture.timers));
    fixture.timers[fixture.timer_count++] = (fixture_timer_t){timer, fixture.clock + (int64_t)ms};
}

/* ---- the loop ---- */

static inline bool fixture_answer_one(void)
{
    if (fixture.cancelled_count) {
        hub_call_t *call = fixture.cancelled[--fixture.cancelled_count];
        call->err = HUB_ESTOPPING;
        call->done(call);
        return true;
    }
    if (!fixture.waiting_count || fixture.hold)
        return false;
    hub_call_t *call = fixture.waiting[0];
    memmove(&fixture.waiting[0], &fixture.waiting[1], --fixture.waiting_count * sizeof fixture.waiting[0]);
    if (fixture.answer)
        fixture.answer(call, fixture.sent_count);
    else
        fixture_ok(call, 200, 1000, NULL);
    call->done(call);
    return true;
}

static inline bool fixture_timers(void)
{
    for (unsigned i = 0; i < fixture.timer_count; i++)
        if (fixture.timers[i].at <= fixture.clock) {
            hub_timer_t *timer = fixture.timers[i].timer;
            fixture_timer_stop(NULL, timer);
            timer->run(timer);
            return true;
        }
    return false;
}

/* One round; true when something happened. */
static inline bool fixture_step(void)
{
    bool any = hub_mailbox_drain(fixture.mailbox) > 0;
    any = fixture_timers() || any;
    return fixture_answer_one() || any;
}

static hub_err_t fixture_nothing(hub_view_t *view, hub_op_t *op)
{
    (void)view;
    (void)op;
    return HUB_EOK;
}

/* Until nothing happens any more: what waits for the store thread has come back when an operation behind it has been applied. */
static inline void fixture_settle(void)
{
    for (int quiet = 0, rounds = 0; quiet < 3 && rounds < 100000; rounds++) {
        quiet = fixture_step() ? 0 : quiet + 1;
        if (quiet) {
            hub_op_t barrier = {.apply = fixture_nothing};
            hub_store_apply(fixture.store, &barrier);
        }
    }
}

/* Moves the clock to each timer on the way, so that what a timer starts has its own timers in time. */
static inline void fixture_advance(int64_t ms)
{
    int64_t end = fixture.clock + ms;
    for (;;) {
        fixture_settle();
        int64_t next = end;
        for (unsigned i = 0; i < fixture.timer_count; i++)
            if (fixture.timers[i].at < next)
                next = fixture.timers[i].at;
        if (next >= end)
            break;
        fixture.clock = next;
    }
    fixture.clock = end;
    fixture_settle();
}

/* ---- start and stop ---- */

static hub_core_t *fixture_core_for_commits;
static void fixture_on_commit(void *arg, uint64_t seq)
{
    hub_core_t **core = arg;
    if (*core)
        hub_core_on_commit(*core, seq);
}

static void fixture_wake(void *arg)
{
    (void)arg;
}

static inline void fixture_start_core(void)
{
    hub_slice_t why = HUB_SLICE_NONE;
    char key[HUB_TOKEN_LEN + 1];
    const char *crypto_why = "";
    fixture_core_for_commits = NULL;
    const hub_store_config_t config = {
        .path = fixture.folder, .map_size = (size_t)256 << 20, .on_commit = fixture_on_commit, .on_commit_arg = &fixture_core_for_commits};
    assert_int_equal(hub_store_open(&config, &fixture.store, fixture.pool, &why), HUB_EOK);
    hub_slice_t path = hub_pool_printf(fixture.pool, "%s/key", fixture.folder);
    assert_int_equal(hub_crypto_open(path.ptr, HUB_SLICE_NONE, &fixture.crypto, &crypto_why), HUB_EOK);
    const hub_core_config_t core_config = {.store = fixture.store,
                                           .crypto = fixture.crypto,
                                           .public_url = HUB_SLICE_LIT("http://127.0.0.1:8080"),
                                           .admin_key = HUB_SLICE_LIT(FIXTURE_KEY),
                                           .insecure_peers = true,
                                           .workers = 1,
                                           .version = HUB_SLICE_LIT("test")};
    assert_int_equal(hub_core_create(&core_config, &fixture.core, key), HUB_EOK);
    fixture.mailbox = hub_mailbox_create(fixture_wake, NULL);
    const hub_port_t port = {
        .call = fixture_call, .call_cancel = fixture_cancel, .timer_start = fixture_timer_start, .timer_stop = fixture_timer_stop};
    fixture.worker = hub_worker_create(fixture.core, 0, &port, fixture.mailbox);
    fixture_core_for_commits = fixture.core;
    hub_worker_start(fixture.worker);
    fixture_settle();
}

static inline void fixture_stop_core(void)
{
    for (int i = 0; i < 2000 && !hub_worker_stop(fixture.worker); i++) {
        fixture_step();
        usleep(500);
    }
    assert_true(hub_worker_stop(fixture.worker));
    assert_int_equal(fixture.waiting_count, 0);
    fixture_core_for_commits = NULL;
    hub_store_close(fixture.store);
    hub_mailbox_drain(fixture.mailbox);
    hub_worker_destroy(fixture.worker);
    hub_mailbox_destroy(fixture.mailbox);
    hub_core_destroy(fixture.core);
    hub_crypto_close(fixture.crypto);
    assert_int_equal(fixture.timer_count, 0);
}

static inline int fixture_set_up(void **state)
{
    (void)state;
    memset(&fixture, 0, sizeof fixture);
    hub_log_set(2, HUB_ERROR);
    fixture.pool = hub_pool_create();
    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/hub-core-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    fixture_start_core();
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    (void)state;
    fixture.hold = false;
    fixture_stop_core();
    hub_pool_destroy(fixture.pool);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fixture.folder);
    return system(command);
}

static inline void fixture_restart(void)
{
    fixture_stop_core();
    fixture_start_core();
}

/* ---- requests ---- */

static void fixture_done(hub_exchange_t *x)
{
    *(bool *)x->driver = true;
}

/* The reply's status; the body in *body (in the fixture's pool) when it is not NULL. */
static inline int fixture_request(hub_method_t method, const char *path, const char *body, hub_slice_t *answer)
{
    bool done = false;
    hub_exchange_t x = {.pool = hub_pool_create(),
                        .worker = fixture.worker,
                        .method = method,
                        .path = hub_slice_str(path),
                        .body = hub_slice_str(body),
                        .done = fixture_done,
                        .driver = &done};
    x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_KEY);
    x.header[HUB_HEADER_CONTENT_TYPE] = HUB_SLICE_LIT("application/json");
    hub_exchange_run(&x);
    for (int i = 0; i < 5000 && !done; i++) {
        hub_mailbox_drain(fixture.mailbox);
        usleep(200);
    }
    assert_true(done);
    if (answer)
        *answer = hub_pool_copy(fixture.pool, x.reply.body);
    int status = x.reply.status;
    hub_pool_destroy(x.pool);
    return status;
}

static inline void fixture_expect(hub_method_t method, const char *path, const char *body, int status)
{
    hub_slice_t answer;
    int got = fixture_request(method, path, body, &answer);
    if (got != status)
        fail_msg("%s %s: %d %.*s", hub_method_name(method), path, got, HUB_SLICE_FMT(answer));
}

/* ---- a registered partner without a handshake ---- */

typedef struct fixture_registration {
    hub_op_t op;
    uint32_t id;
    hub_integration_status_t status;
    bool authorized;
    const char *token;
    const hub_endpoint_t *endpoints;
    uint32_t endpoint_count;
    const char *roles;
    ocpi_version_t version; /* 0: 2.2.1 */
} fixture_registration_t;

static hub_err_t fixture_apply_registration(hub_view_t *view, hub_op_t *op)
{
    fixture_registration_t *r = (fixture_registration_t *)op;
    hub_pool_t *pool = hub_pool_create();
    hub_registration_t registration;
    hub_err_t err = hub_registration_get(fixture.core, view, pool, HUB_TENANT_DEFAULT, r->id, &registration);
    registration.status = r->status;
    registration.wanted = HUB_WANT_NOTHING;
    registration.authorized = r->authorized;
    registration.ocpi_version = r->version ? r->version : OCPI_V2_2_1;
    registration.our_token = HUB_SLICE_LIT("our-token-0123456789");
    registration.their_token = hub_slice_str(r->token);
    registration.versions_url = HUB_SLICE_LIT("http://partner.test/versions");
    hub_endpoint_t endpoints[8];
    memcpy(endpoints, r->endpoints, r->endpoint_count * sizeof *endpoints);
    registration.endpoints = endpoints;
    registration.endpoint_count = r->endpoint_count;
    registration.roles_json = hub_slice_str(r->roles);
    if (!err)
        err = hub_registration_put(fixture.core, view, HUB_TENANT_DEFAULT, r->id, &registration);
    hub_pool_destroy(pool);
    return err;
}

static inline void fixture_register(fixture_registration_t r)
{
    r.op.apply = fixture_apply_registration;
    assert_int_equal(hub_store_apply(fixture.store, &r.op), HUB_EOK);
}

static inline hub_agent_t *fixture_agent(uint32_t id)
{
    hub_agents_commit(fixture.worker);
    hub_agent_t *agent = hub_agent_find(fixture.worker, HUB_TENANT_DEFAULT, id);
    assert_non_null(agent);
    return agent;
}

/* How many calls since `first` begin with this method and end with this path. */
static inline unsigned fixture_count(unsigned first, const char *method, const char *tail)
{
    unsigned count = 0;
    for (unsigned i = first; i < fixture.sent_count; i++) {
        size_t len = strlen(fixture.sent[i].url), t = strlen(tail);
        if (strcmp(fixture.sent[i].method, method) == 0 && len >= t && strcmp(fixture.sent[i].url + len - t, tail) == 0)
            count++;
    }
    return count;
}

#endif
