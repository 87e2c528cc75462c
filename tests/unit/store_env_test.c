#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void key_of(hub_key_t *key, const char *text)
{
    hub_key_init(key);
    hub_key_str(key, hub_slice_str(text));
}

static hub_err_t put_text(hub_view_t *view, void *arg)
{
    hub_key_t key;
    key_of(&key, "k");
    return hub_view_put(view, HUB_TABLE_PARTY, &key, hub_slice_str(arg));
}

static void expect_text(fixture_t *f, const char *text)
{
    hub_key_t key;
    hub_slice_t value;
    hub_view_t *view = fixture_view(f);
    key_of(&key, "k");
    assert_int_equal(hub_view_get(view, HUB_TABLE_PARTY, &key, &value), HUB_EOK);
    assert_slice(value, text);
    hub_view_close(view);
}

static hub_err_t put_object(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    hub_object_t object = {.audience_count = 1, .audiences = {hub_audience(HUB_AUDIENCE_TENANT_OWN, 1)}, .bytes = HUB_SLICE_LIT("{}")};
    return hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

static hub_err_t take_number(hub_view_t *view, void *arg)
{
    return hub_view_next_id(view, "integration", arg);
}

static void what_is_stored_is_there_after_reopening(void **state)
{
    (void)state;
    fixture_t f;
    uint64_t id = 0;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(hub_store_seq(f.store), 0);
    assert_int_equal(fixture_apply(&f, put_text, "one"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, put_object, "L1"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, take_number, &id), HUB_EOK);
    assert_int_equal(id, 1);
    fixture_reopen(&f);
    expect_text(&f, "one");
    assert_int_equal(hub_store_seq(f.store), 1);
    assert_int_equal(fixture_apply(&f, take_number, &id), HUB_EOK);
    assert_int_equal(id, 2);
    assert_int_equal(fixture_apply(&f, put_object, "L2"), HUB_EOK);
    assert_int_equal(hub_store_seq(f.store), 2);
    fixture_verify(&f);
    fixture_close(&f);
}

static void a_backup_opens_and_is_not_overwritten(void **state)
{
    (void)state;
    fixture_t f, copy;
    fixture_open(&f, (hub_store_config_t){0});
    fixture_open(&copy, (hub_store_config_t){0});
    hub_store_close(copy.store);
    copy.store = NULL;
    fixture_remove(copy.path);
    assert_int_equal(fixture_apply(&f, put_text, "saved"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, put_object, "L1"), HUB_EOK);
    assert_int_equal(hub_store_backup(f.store, copy.path), HUB_EOK);
    assert_int_equal(fixture_apply(&f, put_text, "later"), HUB_EOK);
    fixture_reopen(&copy);
    expect_text(&copy, "saved");
    fixture_verify(&copy);
    assert_int_equal(hub_store_seq(copy.store), 1);
    assert_int_equal(hub_store_backup(f.store, copy.path), HUB_ECONFLICT);
    fixture_close(&copy);
    fixture_close(&f);
}

static hub_err_t put_newer(hub_view_t *view, void *arg)
{
    hub_key_t key, value;
    (void)arg;
    key_of(&key, "schema");
    hub_key_init(&value);
    hub_key_u64(&value, 99);
    return hub_view_put(view, HUB_TABLE_META, &key, hub_key_slice(&value));
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    (void)state;
    fixture_t f;
    hub_slice_t why = HUB_SLICE_NONE;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_newer, NULL), HUB_EOK);
    hub_store_close(f.store);
    f.store = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hub_store_open(&f.config, &f.store, f.pool, &why), HUB_ESTORE_SCHEMA);
        assert_non_null(memmem(why.ptr, why.len, "schema 99", 9));
    }
    fixture_close(&f);
}

static void a_second_exclusive_open_names_the_holder(void **state)
{
    (void)state;
    fixture_t f;
    hub_store_t *second = NULL;
    hub_slice_t why = HUB_SLICE_NONE;
    char text[64];
    fixture_open(&f, (hub_store_config_t){.exclusive = true});
    assert_int_equal(hub_store_open(&f.config, &second, f.pool, &why), HUB_ESTORE_LOCKED);
    int len = snprintf(text, sizeof text, "process %ld", (long)getpid());
    assert_non_null(memmem(why.ptr, why.len, text, (size_t)len));
    f.config.exclusive = false;
    assert_int_equal(hub_store_open(&f.config, &second, f.pool, &why), HUB_ESTORE_LOCKED); /* not twice in one process either way */
    f.config.exclusive = true;
    fixture_reopen(&f); /* closing frees it */
    fixture_close(&f);
}

static void read_only_reads_and_refuses_to_write(void **state)
{
    (void)state;
    fixture_t f;
    hub_slice_t why;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_text, "x"), HUB_EOK);
    f.config.read_only = true;
    fixture_reopen(&f);
    expect_text(&f, "x");
    assert_int_equal(fixture_apply(&f, put_text, "y"), HUB_EFORBIDDEN);
    fixture_close(&f);
    f.config.path = "/nonexistent/store";
    f.pool = hub_pool_create();
    assert_int_equal(hub_store_open(&f.config, &f.store, f.pool, &why), HUB_ENOT_FOUND);
    hub_pool_destroy(f.pool);
}

/* The CLI writes while a server runs. No fork under load: the child opens a store of its own. */
static void another_process_may_write(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_object, "L1"), HUB_EOK);
    hub_store_close(f.store);
    f.store = NULL;
    int ready[2], go[2];
    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        char byte;
        bool ok = read(go[0], &byte, 1) == 1 && !hub_store_open(&f.config, &f.store, NULL, NULL);
        ok = ok && !fixture_apply(&f, put_object, "L2") && !fixture_apply(&f, put_text, "child");
        hub_store_close(f.store);
        hub_pool_destroy(f.pool);
        _exit(ok && write(ready[1], "x", 1) == 1 ? 0 : 1);
    }
    int status;
    fixture_reopen(&f);
    assert_int_equal(fixture_apply(&f, put_object, "L3"), HUB_EOK);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(hub_store_seq(f.store), 3); /* noticed */
    expect_text(&f, "child");
    assert_int_equal(fixture_apply(&f, put_object, "L4"), HUB_EOK);
    assert_int_equal(hub_store_seq(f.store), 4);
    fixture_verify(&f);
    close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
    fixture_close(&f);
}

static hub_err_t put_much(hub_view_t *view, void *arg)
{
    static char bytes[1 << 20];
    hub_key_t key;
    key_of(&key, arg);
    return hub_view_put(view, HUB_TABLE_PARTY, &key, hub_slice(bytes, sizeof bytes));
}

/* Its map grows there; here both reading and writing must follow. */
static void another_process_may_grow_the_store(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){.map_size = 1});
    hub_store_close(f.store);
    f.store = NULL;
    int go[2], status;
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        static const char *const names[] = {"a", "b", "c"};
        char byte;
        bool ok = read(go[0], &byte, 1) == 1 && !hub_store_open(&f.config, &f.store, NULL, NULL);
        for (size_t i = 0; ok && i < HUB_COUNT(names); i++)
            ok = !fixture_apply(&f, put_much, (void *)(uintptr_t)names[i]);
        ok = ok && !fixture_apply(&f, put_text, "grown");
        hub_store_close(f.store);
        hub_pool_destroy(f.pool);
        _exit(ok ? 0 : 1);
    }
    hub_store_stats_t before, after;
    fixture_reopen(&f);
    hub_store_stats(f.store, &before);
    hub_view_t *view = fixture_view(&f);
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    hub_view_close(view);
    expect_text(&f, "grown");
    hub_store_stats(f.store, &after);
    assert_true(after.map_size > before.map_size);
    assert_int_equal(fixture_apply(&f, put_text, "and on"), HUB_EOK);
    expect_text(&f, "and on");
    close(go[0]), close(go[1]);
    fixture_close(&f);
}

static void a_full_disk_is_said_and_the_store_stays_usable(void **state)
{
    (void)state;
    fixture_t f;
    struct rlimit before, limit;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_text, "before"), HUB_EOK);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 700000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(fixture_apply(&f, put_much, "a"), HUB_EDISK_FULL);
    assert_int_equal(fixture_apply(&f, put_text, "small"), HUB_EOK); /* there is room for this */
    expect_text(&f, "small");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(fixture_apply(&f, put_much, "a"), HUB_EOK);
    fixture_reopen(&f);
    expect_text(&f, "small");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_there_after_reopening),  cmocka_unit_test(a_backup_opens_and_is_not_overwritten),
        cmocka_unit_test(a_newer_schema_is_refused_and_left_alone), cmocka_unit_test(a_second_exclusive_open_names_the_holder),
        cmocka_unit_test(read_only_reads_and_refuses_to_write),     cmocka_unit_test(another_process_may_write),
        cmocka_unit_test(another_process_may_grow_the_store),       cmocka_unit_test(a_full_disk_is_said_and_the_store_stays_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
