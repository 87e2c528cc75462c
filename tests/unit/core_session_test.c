/* What an integration's settings leave of a Session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "object/session.h"

static const char session[] =
    "{\"id\":\"S1\",\"kwh\":1.50,\"charging_periods\":["
    "{\"start_date_time\":\"2026-01-01T00:00:00Z\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":1.50},{\"type\":\"STATE_OF_CHARGE\","
    "\"volume\":40}]},"
    "{\"start_date_time\":\"2026-01-01T00:05:00Z\",\"dimensions\":[{\"type\":\"STATE_OF_CHARGE\",\"volume\":42}]},"
    "{\"start_date_time\":\"2026-01-01T00:10:00Z\",\"dimensions\":[{\"type\":\"TIME\",\"volume\":0.1}]}]}";
static const char without[] = "{\"id\":\"S1\",\"kwh\":1.50,\"charging_periods\":["
                              "{\"start_date_time\":\"2026-01-01T00:00:00Z\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":1.50}]},"
                              "{\"start_date_time\":\"2026-01-01T00:10:00Z\",\"dimensions\":[{\"type\":\"TIME\",\"volume\":0.1}]}]}";

static void state_of_charge_goes_only_where_it_is_wanted(void **state)
{
    hub_pool_t *pool = *state = hub_pool_create();
    hub_integration_t to = {.state_of_charge = 0};
    assert_string_equal(hub_pool_str(pool, hub_session_shape(pool, &to, hub_slice_str(session))), without);
    for (to.state_of_charge = -1; to.state_of_charge < 2; to.state_of_charge = (int8_t)(to.state_of_charge + 2))
        assert_ptr_equal(hub_session_shape(pool, &to, hub_slice_str(session)).ptr, session);
    to.state_of_charge = 0;
    assert_ptr_equal(hub_session_shape(pool, &to, hub_slice_str(without)).ptr, without);
    assert_int_equal(hub_session_shape(pool, &to, HUB_SLICE_LIT("{\"STATE_OF_CHARGE\"")).len, 18);
    hub_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(state_of_charge_goes_only_where_it_is_wanted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
