#include "store_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static void key_of(hub_key_t *key, uint32_t n)
{
    hub_key_init(key);
    hub_key_u32(key, n);
}

/* An operation that puts its number and then answers `answer`. */
typedef struct put {
    hub_op_t op;
    uint32_t n, size;
    hub_err_t answer;
    bool early; /* answers before writing */
    int runs, done;
} put_t;

static hub_err_t put_apply(hub_view_t *view, hub_op_t *op)
{
    static char bytes[65536];
    put_t *put = (put_t *)op;
    hub_key_t key;
    put->runs++;
    if (put->early)
        return put->answer;
    HUB_ASSERT(hub_view_writable(view));
    key_of(&key, put->n);
    hub_err_t err = hub_view_put(view, HUB_TABLE_PARTY, &key, hub_slice(bytes, put->size));
    return err ? err : put->answer;
}

static void put_done(hub_op_t *op)
{
    ((put_t *)op)->done++;
}

static bool stored(fixture_t *f, uint32_t n)
{
    hub_key_t key;
    hub_slice_t value;
    hub_view_t *view = fixture_view(f);
    key_of(&key, n);
    hub_err_t err = hub_view_get(view, HUB_TABLE_PARTY, &key, &value);
    hub_view_close(view);
    return err == HUB_EOK;
}

static void post(void *arg)
{
    sem_post(arg);
}

typedef struct worker {
    sem_t wake;
    hub_mailbox_t *box;
} worker_t;

static void worker_init(worker_t *w)
{
    sem_init(&w->wake, 0, 0);
    w->box = hub_mailbox_create(post, &w->wake);
}

static void worker_run(worker_t *w, size_t results)
{
    while (results) {
        sem_wait(&w->wake);
        size_t n = hub_mailbox_drain(w->box);
        assert_true(n <= results);
        results -= n;
    }
}

/* Holds the store thread until let go, so that what is submitted meanwhile becomes one batch. */
typedef struct hold {
    hub_op_t op;
    sem_t entered, go;
} hold_t;

static hub_err_t hold_apply(hub_view_t *view, hub_op_t *op)
{
    hold_t *hold = (hold_t *)op;
    (void)view;
    sem_post(&hold->entered);
    sem_wait(&hold->go);
    return HUB_EOK;
}

static void hold_done(hub_op_t *op)
{
    (void)op;
}

static void hold_begin(fixture_t *f, hold_t *hold, worker_t *w)
{
    *hold = (hold_t){.op = {.apply = hold_apply, .done = hold_done, .reply_to = w->box}};
    sem_init(&hold->entered, 0, 0);
    sem_init(&hold->go, 0, 0);
    assert_int_equal(hub_store_submit(f->store, &hold->op), HUB_EOK);
    sem_wait(&hold->entered);
}

static void one_bad_operation_leaves_the_others_of_its_batch(void **state)
{
    (void)state;
    fixture_t f;
    worker_t w;
    hold_t hold;
    put_t puts[6] = {{.n = 0},
                     {.n = 1, .answer = HUB_ECONFLICT},
                     {.n = 2},
                     {.n = 3, .answer = HUB_EINVALID, .early = true},
                     {.n = 4, .answer = HUB_ESTALE},
                     {.n = 5}};
    fixture_open(&f, (hub_store_config_t){0});
    worker_init(&w);
    hold_begin(&f, &hold, &w);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        puts[i].op = (hub_op_t){.apply = put_apply, .done = put_done, .reply_to = w.box};
        assert_int_equal(hub_store_submit(f.store, &puts[i].op), HUB_EOK);
    }
    sem_post(&hold.go);
    worker_run(&w, HUB_COUNT(puts) + 1);
    hub_store_stats_t stats;
    hub_store_stats(f.store, &stats);
    assert_int_equal(stats.last_batch, 6);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        assert_int_equal(puts[i].op.err, puts[i].answer);
        assert_int_equal(puts[i].done, 1);
        assert_int_equal(stored(&f, (uint32_t)i), puts[i].answer == HUB_EOK);
    }
    assert_int_equal(puts[0].runs, 3); /* two rollbacks */
    assert_int_equal(puts[1].runs, 1); /* and never applied again itself */
    assert_int_equal(puts[3].runs, 2); /* an early error rolls nothing back */
    assert_int_equal(puts[5].runs, 1);
    hub_mailbox_destroy(w.box);
    fixture_close(&f);
}

static void a_full_queue_is_busy_at_once(void **state)
{
    (void)state;
    fixture_t f;
    worker_t w;
    hold_t hold;
    put_t puts[4] = {0};
    fixture_open(&f, (hub_store_config_t){.queue_limit = 3});
    worker_init(&w);
    hold_begin(&f, &hold, &w);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        puts[i].n = (uint32_t)i;
        puts[i].op = (hub_op_t){.apply = put_apply, .done = put_done, .reply_to = w.box};
        assert_int_equal(hub_store_submit(f.store, &puts[i].op), i < 3 ? HUB_EOK : HUB_EBUSY);
    }
    hub_store_stats_t stats;
    hub_store_stats(f.store, &stats);
    assert_int_equal(stats.queue_depth, 3);
    assert_int_equal(stats.refused, 1);
    sem_post(&hold.go);
    worker_run(&w, 4);
    assert_int_equal(puts[3].done, 0);
    assert_int_equal(hub_store_submit(f.store, &puts[3].op), HUB_EOK);
    worker_run(&w, 1);
    hub_mailbox_destroy(w.box);
    fixture_close(&f);
}

static void closing_applies_what_is_queued(void **state)
{
    (void)state;
    fixture_t f;
    worker_t w;
    static put_t puts[100];
    fixture_open(&f, (hub_store_config_t){.batch_limit = 7});
    worker_init(&w);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        puts[i] = (put_t){.n = (uint32_t)i, .op = {.apply = put_apply, .done = put_done, .reply_to = w.box}};
        assert_int_equal(hub_store_submit(f.store, &puts[i].op), HUB_EOK);
    }
    fixture_reopen(&f);
    worker_run(&w, HUB_COUNT(puts));
    for (size_t i = 0; i < HUB_COUNT(puts); i++)
        assert_true(puts[i].done == 1 && stored(&f, (uint32_t)i));
    hub_mailbox_destroy(w.box);
    fixture_close(&f);
}

static hub_err_t put_object(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    hub_object_t object = {.bytes = HUB_SLICE_LIT("{}")};
    return hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

static hub_err_t nothing(hub_view_t *view, void *arg)
{
    (void)view, (void)arg;
    return HUB_EOK;
}

typedef struct commits {
    _Atomic int calls;
    _Atomic uint64_t last;
} commits_t;

static void committed(void *arg, uint64_t last_seq)
{
    commits_t *c = arg;
    atomic_fetch_add(&c->calls, 1);
    atomic_store(&c->last, last_seq);
}

static void on_commit_comes_before_the_result_and_only_when_the_sequence_moved(void **state)
{
    (void)state;
    fixture_t f;
    commits_t c = {0};
    fixture_open(&f, (hub_store_config_t){.on_commit = committed, .on_commit_arg = &c});
    assert_int_equal(fixture_apply(&f, put_object, "a"), HUB_EOK);
    assert_int_equal(atomic_load(&c.calls), 1);
    assert_int_equal(atomic_load(&c.last), 1);
    assert_int_equal(hub_store_seq(f.store), 1);
    assert_int_equal(fixture_apply(&f, nothing, NULL), HUB_EOK);
    put_t put = {.n = 1, .op = {.apply = put_apply}};
    assert_int_equal(hub_store_apply(f.store, &put.op), HUB_EOK);
    assert_int_equal(atomic_load(&c.calls), 1);
    hub_store_stats_t stats;
    hub_store_stats(f.store, &stats);
    assert_int_equal(stats.commits, 2); /* what wrote nothing costs no commit */
    fixture_close(&f);
}

static void a_view_is_a_snapshot(void **state)
{
    (void)state;
    fixture_t f;
    hub_key_t key;
    hub_slice_t value;
    fixture_open(&f, (hub_store_config_t){0});
    hub_view_t *before = fixture_view(&f);
    put_t put = {.n = 1, .size = 4, .op = {.apply = put_apply}};
    assert_int_equal(hub_store_apply(f.store, &put.op), HUB_EOK);
    hub_view_t *after = fixture_view(&f); /* several may be open on a thread */
    key_of(&key, 1);
    assert_int_equal(hub_view_get(before, HUB_TABLE_PARTY, &key, &value), HUB_ENOT_FOUND);
    assert_int_equal(hub_view_get(after, HUB_TABLE_PARTY, &key, &value), HUB_EOK);
    hub_view_close(before);
    hub_view_close(after);
    before = fixture_view(&f); /* renewed */
    assert_int_equal(hub_view_get(before, HUB_TABLE_PARTY, &key, &value), HUB_EOK);
    assert_ptr_equal(hub_view_store(before), f.store);
    assert_false(hub_view_writable(before));
    hub_view_close(before);
    fixture_close(&f);
}

/* ---- growth, with readers on other threads ---- */

typedef struct reader {
    hub_store_t *store;
    _Atomic bool stop;
    _Atomic uint32_t newest; /* number stored last */
    _Atomic int faults, reads;
} reader_t;

static void *read_always(void *arg)
{
    reader_t *r = arg;
    while (!atomic_load(&r->stop)) {
        hub_view_t *view, *second;
        hub_key_t key;
        hub_slice_t value;
        uint32_t newest = atomic_load(&r->newest);
        if (hub_view_open(r->store, &view)) {
            atomic_fetch_add(&r->faults, 1);
            continue;
        }
        if (hub_view_open(r->store, &second)) /* must not wait for its own thread */
            atomic_fetch_add(&r->faults, 1);
        else
            hub_view_close(second);
        key_of(&key, newest);
        if (newest && (hub_view_get(view, HUB_TABLE_PARTY, &key, &value) || value.len != 40000))
            atomic_fetch_add(&r->faults, 1);
        hub_view_close(view);
        atomic_fetch_add(&r->reads, 1);
    }
    return NULL;
}

static void a_full_map_grows_unnoticed(void **state)
{
    (void)state;
    fixture_t f;
    pthread_t threads[2];
    fixture_open(&f, (hub_store_config_t){.map_size = 1});
    reader_t r = {.store = f.store};
    for (size_t i = 0; i < HUB_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_always, &r), 0);
    hub_store_stats_t before, after;
    hub_store_stats(f.store, &before);
    for (uint32_t n = 1; n <= 200; n++) {
        put_t put = {.n = n, .size = 40000, .op = {.apply = put_apply}};
        assert_int_equal(hub_store_apply(f.store, &put.op), HUB_EOK);
        atomic_store(&r.newest, n);
    }
    hub_store_stats(f.store, &after);
    assert_true(after.map_size >= 8 * before.map_size && after.used_bytes <= after.map_size && after.used_bytes > 8000000);
    atomic_store(&r.stop, true);
    for (size_t i = 0; i < HUB_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&r.faults), 0);
    assert_true(atomic_load(&r.reads) > 0);
    fixture_reopen(&f);
    assert_true(stored(&f, 200));
    fixture_close(&f);
}

static void growth_waits_for_an_open_view_and_then_goes_on(void **state)
{
    (void)state;
    fixture_t f;
    worker_t w;
    static put_t puts[40];
    fixture_open(&f, (hub_store_config_t){.map_size = 1});
    worker_init(&w);
    hub_view_t *view = fixture_view(&f);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        puts[i] = (put_t){.n = (uint32_t)i, .size = 40000, .op = {.apply = put_apply, .done = put_done, .reply_to = w.box}};
        assert_int_equal(hub_store_submit(f.store, &puts[i].op), HUB_EOK);
    }
    usleep(300000);
    hub_view_t *other = fixture_view(&f); /* reading goes on meanwhile */
    hub_view_close(other);
    hub_view_close(view);
    worker_run(&w, HUB_COUNT(puts));
    for (size_t i = 0; i < HUB_COUNT(puts); i++)
        assert_true(puts[i].op.err == HUB_EOK && stored(&f, (uint32_t)i));
    hub_mailbox_destroy(w.box);
    fixture_close(&f);
}

/* ---- many threads ---- */

typedef struct client {
    fixture_t *f;
    uint32_t base;
    int wrong;
} client_t;

static void *write_much(void *arg)
{
    client_t *c = arg;
    worker_t w;
    static _Thread_local put_t puts[200];
    worker_init(&w);
    for (size_t i = 0; i < HUB_COUNT(puts); i++) {
        puts[i] = (put_t){.n = c->base + (uint32_t)i,
                          .answer = i % 50 == 7 ? HUB_ECONFLICT : HUB_EOK,
                          .op = {.apply = put_apply, .done = put_done, .reply_to = w.box}};
        if (hub_store_submit(c->f->store, &puts[i].op))
            c->wrong++;
    }
    worker_run(&w, HUB_COUNT(puts));
    for (size_t i = 0; i < HUB_COUNT(puts); i++)
        if (puts[i].op.err != puts[i].answer || puts[i].done != 1 || stored(c->f, puts[i].n) != (puts[i].answer == HUB_EOK))
            c->wrong++;
    hub_mailbox_destroy(w.box);
    return NULL;
}

static void many_threads_get_their_own_results(void **state)
{
    (void)state;
    fixture_t f;
    pthread_t threads[4];
    client_t clients[4];
    fixture_open(&f, (hub_store_config_t){0});
    for (uint32_t i = 0; i < 4; i++) {
        clients[i] = (client_t){&f, i * 1000, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, write_much, &clients[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(clients[i].wrong, 0);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_operation_leaves_the_others_of_its_batch),
        cmocka_unit_test(a_full_queue_is_busy_at_once),
        cmocka_unit_test(closing_applies_what_is_queued),
        cmocka_unit_test(on_commit_comes_before_the_result_and_only_when_the_sequence_moved),
        cmocka_unit_test(a_view_is_a_snapshot),
        cmocka_unit_test(a_full_map_grows_unnoticed),
        cmocka_unit_test(growth_waits_for_an_open_view_and_then_goes_on),
        cmocka_unit_test(many_threads_get_their_own_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
