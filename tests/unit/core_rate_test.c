/* Rates of GET /v1/integrations/{id}/delivery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/rate.h"

static void counts_the_last_minute(void **state)
{
    (void)state;
    hub_rate_t rate = {0};
    const int64_t minute = 1000 * HUB_RATE_MS;
    assert_int_equal(hub_rate_read(rate, minute), 0);
    hub_rate_add(&rate, 30, minute);
    hub_rate_add(&rate, 30, minute + 59999);
    assert_int_equal(hub_rate_read(rate, minute + 59999), 60);
    assert_int_equal(hub_rate_read(rate, minute + 90000), 30); /* half of it lies within the last minute */
    hub_rate_add(&rate, 5, minute + 90000);
    assert_int_equal(hub_rate_read(rate, minute + 90000), 35);
    assert_int_equal(hub_rate_read(rate, minute + 119999), 5);
}

static void forgets_what_is_older(void **state)
{
    (void)state;
    hub_rate_t rate = {0};
    const int64_t minute = 1000 * HUB_RATE_MS;
    hub_rate_add(&rate, 100, minute);
    assert_int_equal(hub_rate_read(rate, minute + 2 * HUB_RATE_MS), 0);
    hub_rate_add(&rate, 1, minute + 10 * HUB_RATE_MS);
    assert_int_equal(hub_rate_read(rate, minute + 10 * HUB_RATE_MS), 1);
}

static void survives_a_clock_that_is_set_back(void **state)
{
    (void)state;
    hub_rate_t rate = {0};
    const int64_t minute = 1000 * HUB_RATE_MS;
    hub_rate_add(&rate, 7, minute);
    hub_rate_add(&rate, 2, minute - 10 * HUB_RATE_MS);
    assert_int_equal(hub_rate_read(rate, minute - 10 * HUB_RATE_MS), 2);
    hub_rate_add(&rate, 1, minute - 1); /* a little back only: another minute */
    assert_int_equal(hub_rate_read(rate, minute - 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_last_minute),
        cmocka_unit_test(forgets_what_is_older),
        cmocka_unit_test(survives_a_clock_that_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
