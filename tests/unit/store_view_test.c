/* Snapshots that a worker's thread keeps from one request to the next. */
#include "store_fixture.h"

static hub_err_t put_number(hub_view_t *view, void *arg)
{
    hub_key_t key;
    hub_key_init(&key);
    hub_key_str(&key, HUB_SLICE_LIT("n"));
    return hub_view_put(view, HUB_TABLE_META, &key, hub_slice_str(arg));
}

static hub_slice_t number(hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t value = HUB_SLICE_NONE;
    hub_key_init(&key);
    hub_key_str(&key, HUB_SLICE_LIT("n"));
    hub_view_get(view, HUB_TABLE_META, &key, &value);
    return value;
}

static void what_is_committed_is_seen_by_the_next_view(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    hub_store_keep_warm(f.store);
    for (int i = 0; i < 50; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(fixture_apply(&f, put_number, text), HUB_EOK);
        hub_view_t *view = fixture_view(&f), *again, *beside;
        assert_true(hub_slice_eq_str(number(view), text));
        hub_view_close(view);
        again = fixture_view(&f); /* nothing was committed: the same one */
        assert_ptr_equal(again, view);
        beside = fixture_view(&f);
        assert_ptr_not_equal(beside, again);
        assert_true(hub_slice_eq_str(number(beside), text));
        hub_view_close(again);
        hub_view_close(beside);
        if (i % 3 == 0)
            hub_store_rest(f.store);
    }
    hub_store_rest(f.store);
    hub_store_rest(f.store);
    fixture_close(&f);
}

static void a_view_that_is_open_keeps_what_it_saw(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    hub_store_keep_warm(f.store);
    assert_int_equal(fixture_apply(&f, put_number, "one"), HUB_EOK);
    hub_view_close(fixture_view(&f));
    hub_view_t *old = fixture_view(&f);
    assert_int_equal(fixture_apply(&f, put_number, "two"), HUB_EOK);
    hub_view_t *fresh = fixture_view(&f);
    assert_true(hub_slice_eq_str(number(old), "one"));
    assert_true(hub_slice_eq_str(number(fresh), "two"));
    hub_view_close(fresh);
    hub_view_close(old);
    hub_view_t *next = fixture_view(&f);
    assert_true(hub_slice_eq_str(number(next), "two"));
    hub_view_close(next);
    hub_store_rest(f.store);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_committed_is_seen_by_the_next_view),
        cmocka_unit_test(a_view_that_is_open_keeps_what_it_saw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
