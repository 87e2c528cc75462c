/* A whole hub without sockets: store in a temporary folder, one worker driven by the test's own thread, a port whose calls the test
 * answers. */
#ifndef TESTS_CORE_FIXTURE_H
#define TESTS_CORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"

#define FIXTURE_ADMIN_KEY "test-admin-key"

typedef struct fixture_call {
    struct fixture_call *next;
    hub_call_t *call;
    bool taken; /* handed to the other hub, or held by the test */
    bool cancelled;
} fixture_call_t;

typedef struct fixture_timer {
    struct fixture_timer *next;
    hub_timer_t *timer;
    uint64_t ms;
} fixture_timer_t;

typedef struct fixture {
    char folder[64];
    const char *url;
    hub_store_t *store;
    hub_crypto_t *crypto;
    hub_core_t *core;
    hub_worker_t *worker;
    hub_mailbox_t *mailbox;
    hub_port_t port;
    fixture_call_t *calls; /* not yet answered, oldest first */
    fixture_timer_t *timers;
    unsigned call_count;
    bool cut; /* drop calls silently */
} fixture_t;

/* ---- the port ---- */

static void fixture_port_call(void *self, hub_call_t *call)
{
    fixture_t *f = self;
    fixture_call_t *entry = calloc(1, sizeof *entry), **last = &f->calls;
    entry->call = call;
    while (*last)
        last = &(*last)->next;
    *last = entry;
    f->call_count++;
}

static void fixture_port_cancel(void *self, hub_call_t *call)
{
    fixture_t *f = self;
    for (fixture_call_t *entry = f->calls; entry; entry = entry->next)
        if (entry->call == call)
            entry->cancelled = true;
}

static void fixture_timer_stop(void *self, hub_timer_t *timer)
{
    fixture_t *f = self;
    for (fixture_timer_t **at = &f->timers; *at; at = &(*at)->next) {
        if ((*at)->timer != timer)
            continue;
        fixture_timer_t *gone = *at;
        *at = gone->next;
        free(gone);
        return;
    }
}

static void fixture_timer_start(void *self, hub_timer_t *timer, uint64_t ms)
{
    fixture_t *f = self;
    fixture_timer_stop(self, timer);
    fixture_timer_t *entry = calloc(1, sizeof *entry);
    *entry = (fixture_timer_t){f->timers, timer, ms};
    f->timers = entry;
}

/* Ends a call: the entry is freed, `done` runs. */
static inline void fixture_finish(fixture_t *f, fixture_call_t *entry, hub_err_t err)
{
    hub_call_t *call = entry->call;
    for (fixture_call_t **at = &f->calls; *at; at = &(*at)->next) {
        if (*at == entry) {
            *at = entry->next;
            break;
        }
    }
    call->err = entry->cancelled ? HUB_ESTOPPING : err;
    free(entry);
    call->done(call);
}

static inline fixture_call_t *fixture_next_call(fixture_t *f)
{
    fixture_call_t *entry = f->calls;
    while (entry && entry->taken)
        entry = entry->next;
    return entry;
}

static inline void fixture_answer(fixture_t *f, fixture_call_t *entry, int status, hub_slice_t body)
{
    entry->call->http_status = status;
    entry->call->answer = hub_pool_copy(entry->call->pool, body);
    fixture_finish(f, entry, HUB_EOK);
}

/* Runs every timer of at most `most` ms once. */
static inline unsigned fixture_fire(fixture_t *f, uint64_t most)
{
    unsigned fired = 0;
    hub_timer_t *due[64];
    for (fixture_timer_t *entry = f->timers; entry && fired < 64; entry = entry->next)
        if (entry->ms <= most)
            due[fired++] = entry->timer;
    for (unsigned i = 0; i < fired; i++) {
        fixture_timer_stop(f, due[i]);
        due[i]->run(due[i]);
    }
    return fired;
}

/* ---- life ---- */

static void fixture_wake(void *arg)
{
    (void)arg;
}

static void fixture_committed(void *arg, uint64_t seq)
{
    hub_core_t *core = __atomic_load_n((hub_core_t **)arg, __ATOMIC_ACQUIRE);
    if (core)
        hub_core_on_commit(core, seq);
}

static inline void fixture_start(fixture_t *f, const char *url)
{
    const char *why;
    char made_key[HUB_TOKEN_LEN + 1];
    hub_pool_t *pool = hub_pool_create();
    hub_slice_t text;
    f->url = url;
    assert_int_equal(hub_crypto_open(NULL, HUB_SLICE_LIT("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), &f->crypto, &why), HUB_EOK);
    const hub_store_config_t store = {
        .path = f->folder, .map_size = 64u << 20, .exclusive = true, .on_commit = fixture_committed, .on_commit_arg = &f->core};
    assert_int_equal(hub_store_open(&store, &f->store, pool, &text), HUB_EOK);
    const hub_core_config_t config = {.store = f->store,
                                      .crypto = f->crypto,
                                      .public_url = hub_slice_str(url),
                                      .admin_key = HUB_SLICE_LIT(FIXTURE_ADMIN_KEY),
                                      .workers = 1,
                                      .version = HUB_SLICE_LIT("test")};
    hub_core_t *core;
    assert_int_equal(hub_core_create(&config, &core, made_key), HUB_EOK);
    __atomic_store_n(&f->core, core, __ATOMIC_RELEASE);
    f->port = (hub_port_t){f, fixture_port_call, fixture_port_cancel, fixture_timer_start, fixture_timer_stop};
    f->mailbox = hub_mailbox_create(fixture_wake, NULL);
    f->worker = hub_worker_create(core, 0, &f->port, f->mailbox);
    hub_worker_start(f->worker);
    hub_pool_destroy(pool);
}

static inline void fixture_open(fixture_t *f, const char *url)
{
    memset(f, 0, sizeof *f);
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/hub-core-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    fixture_start(f, url);
}

static inline void fixture_cancelled(fixture_t *f)
{
    for (fixture_call_t *entry = f->calls, *next; entry; entry = next) {
        next = entry->next;
        if (entry->cancelled && !entry->taken) {
            fixture_finish(f, entry, HUB_ESTOPPING);
            next = f->calls;
        }
    }
}

/* Ends the hub; the folder stays. */
static inline void fixture_stop(fixture_t *f)
{
    for (int i = 0; i < 2000 && !hub_worker_stop(f->worker); i++) {
        (void)hub_mailbox_drain(f->mailbox);
        fixture_cancelled(f);
        usleep(1000);
    }
    assert_true(hub_worker_stop(f->worker));
    hub_core_t *core = f->core;
    __atomic_store_n(&f->core, NULL, __ATOMIC_RELEASE);
    hub_store_t *store = f->store;
    for (int i = 0; i < 20; i++) { /* operations that come back to nobody in particular */
        (void)hub_mailbox_drain(f->mailbox);
        usleep(1000);
    }
    hub_worker_destroy(f->worker);
    while (f->timers)
        fixture_timer_stop(f, f->timers->timer);
    hub_store_close(store);
    (void)hub_mailbox_drain(f->mailbox);
    hub_core_destroy(core);
    hub_mailbox_destroy(f->mailbox);
    hub_crypto_close(f->crypto);
    assert_null(f->calls);
}

static inline void fixture_close(fixture_t *f)
{
    char command[128];
    fixture_stop(f);
    (void)snprintf(command, sizeof command, "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

/* ---- requests to the hub ---- */

typedef struct fixture_request {
    hub_exchange_t x;
    bool done;
    void (*then)(struct fixture_request *request);
    void *arg;
} fixture_request_t;

static void fixture_done(hub_exchange_t *x)
{
    fixture_request_t *request = x->driver;
    assert_false(request->done);
    request->done = true;
    if (request->then)
        request->then(request);
}

static inline fixture_request_t *fixture_request(fixture_t *f, hub_method_t method, const char *path, hub_slice_t body)
{
    hub_pool_t *pool = hub_pool_create();
    fixture_request_t *request = HUB_POOL_NEW(pool, fixture_request_t);
    hub_slice_t rest = hub_pool_copy(pool, hub_slice_str(path)), part;
    request->x.pool = pool;
    request->x.worker = f->worker;
    request->x.method = method;
    (void)hub_slice_split(&rest, '?', &part);
    request->x.path = part;
    request->x.query = rest;
    request->x.body = body.len ? hub_pool_copy(pool, body) : HUB_SLICE_NONE;
    request->x.remote = HUB_SLICE_LIT("192.0.2.1");
    request->x.done = fixture_done;
    request->x.driver = request;
    return request;
}

static inline void fixture_request_free(fixture_request_t *request)
{
    hub_pool_destroy(request->x.pool);
}

#endif
