/* Token buckets of API keys, with a clock of the test's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/limit.h"

#define MS 1000000ll
#define NOW (1000000 * MS)

static void rates_are_read(void **state)
{
    (void)state;
    hub_limit_t limit;
    const char *const bad[] = {
        "", "10", "10/", "/s", "0/s", "10/x", "10/ss", "-1/s", "1.5/s", " 1/s", "1 /s", "1000001/s", "99999999999999999999/s"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++)
        assert_false(hub_limit_parse(hub_slice_str(bad[i]), &limit));
    assert_true(hub_limit_parse(HUB_SLICE_LIT("10/s"), &limit));
    assert_true(limit.count == 10 && limit.step == 100 * MS);
    assert_true(hub_limit_parse(HUB_SLICE_LIT("150/m"), &limit));
    assert_true(limit.count == 150 && limit.step == 400 * MS);
    assert_true(hub_limit_parse(HUB_SLICE_LIT("1000000/s"), &limit) && limit.step == 1000);
    assert_true(hub_limit_parse(HUB_SLICE_LIT("1/d"), &limit) && limit.step == 86400000 * MS);
}

static void a_full_bucket_is_spent_and_fills_again(void **state)
{
    (void)state;
    hub_limit_t limit;
    hub_limit_state_t said;
    assert_true(hub_limit_parse(HUB_SLICE_LIT("10/s"), &limit));
    for (unsigned i = 0; i < 10; i++) {
        assert_true(hub_limit_take(&limit, 1, NOW, &said));
        assert_int_equal(said.limit, 10);
        assert_int_equal(said.remaining, 9 - i);
        assert_int_equal(said.reset_ns, (i + 1) * 100 * MS);
    }
    assert_false(hub_limit_take(&limit, 1, NOW, &said));
    assert_true(said.remaining == 0 && said.reset_ns == 100 * MS);
    assert_false(hub_limit_take(&limit, 1, NOW + 99 * MS, &said)); /* a refused one takes nothing */
    assert_int_equal(said.reset_ns, 1 * MS);
    assert_true(hub_limit_take(&limit, 1, NOW + 100 * MS, &said));
    assert_false(hub_limit_take(&limit, 1, NOW + 100 * MS, &said));
    assert_true(hub_limit_take(&limit, 1, NOW + 100000 * MS, &said)); /* never more than full */
    assert_int_equal(said.remaining, 9);
}

static void two_buckets_hold_both(void **state)
{
    (void)state;
    hub_limit_t limits[2];
    hub_limit_state_t said;
    assert_true(hub_limit_parse(HUB_SLICE_LIT("2/s"), &limits[0]));
    assert_true(hub_limit_parse(HUB_SLICE_LIT("3/m"), &limits[1]));
    assert_true(hub_limit_take(limits, 2, NOW, &said));
    assert_true(said.limit == 2 && said.remaining == 1); /* the one that has least left */
    assert_true(hub_limit_take(limits, 2, NOW, &said));
    assert_false(hub_limit_take(limits, 2, NOW, &said));
    assert_int_equal(said.limit, 2);
    assert_true(hub_limit_take(limits, 2, NOW + 1000 * MS, &said));
    assert_true(said.limit == 3 && said.remaining == 0);
    assert_false(hub_limit_take(limits, 2, NOW + 1000 * MS, &said));
    assert_true(said.limit == 3 && said.reset_ns == 19000 * MS);
    /* What the burst gave to the refused one came back. */
    limits[1].count = 0;
    assert_true(hub_limit_take(limits, 2, NOW + 1000 * MS, &said));
}

static void the_longest_wait_is_told(void **state)
{
    (void)state;
    hub_limit_t limits[2];
    hub_limit_state_t said;
    assert_true(hub_limit_parse(HUB_SLICE_LIT("1/s"), &limits[0]));
    assert_true(hub_limit_parse(HUB_SLICE_LIT("1/m"), &limits[1]));
    assert_true(hub_limit_take(limits, 2, NOW, &said));
    assert_int_equal(said.reset_ns, 60000 * MS); /* nothing left in both: the one that comes back later */
    for (unsigned i = 0; i < 2; i++) {
        assert_false(hub_limit_take(limits, 2, NOW + 500 * MS, &said)); /* the burst refuses, the steady rate would for longer */
        assert_true(said.limit == 1 && said.remaining == 0 && said.reset_ns == 59500 * MS);
        assert_false(hub_limit_take(limits, 2, NOW + 2000 * MS, &said)); /* the burst has room again */
        assert_int_equal(said.reset_ns, 58000 * MS);
    }
    assert_true(hub_limit_take(limits, 2, NOW + 60000 * MS, &said));
    hub_limit_t fresh[2];
    assert_true(hub_limit_parse(HUB_SLICE_LIT("1/m"), &fresh[0]));
    assert_true(hub_limit_parse(HUB_SLICE_LIT("5/s"), &fresh[1]));
    assert_true(hub_limit_take(fresh, 1, NOW, &said));
    assert_false(hub_limit_take(fresh, 2, NOW, &said)); /* the second has never been used */
    assert_int_equal(said.reset_ns, 60000 * MS);
}

static void none_is_no_limit(void **state)
{
    (void)state;
    hub_limit_t none[2] = {{.count = 0}, {.count = 0}};
    hub_limit_state_t said;
    for (int i = 0; i < 100; i++)
        assert_true(hub_limit_take(none, 2, NOW, &said));
    assert_int_equal(said.limit, 0);
}

#define THREADS 4
static hub_limit_t shared;
static atomic_uint taken;

static void *take_many(void *arg)
{
    (void)arg;
    hub_limit_state_t said;
    for (int i = 0; i < 20000; i++)
        if (hub_limit_take(&shared, 1, NOW, &said))
            atomic_fetch_add(&taken, 1);
    return NULL;
}

static void threads_share_a_bucket(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    assert_true(hub_limit_parse(HUB_SLICE_LIT("10000/s"), &shared));
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&taken), 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_read),           cmocka_unit_test(a_full_bucket_is_spent_and_fills_again),
        cmocka_unit_test(two_buckets_hold_both),    cmocka_unit_test(none_is_no_limit),
        cmocka_unit_test(the_longest_wait_is_told), cmocka_unit_test(threads_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
