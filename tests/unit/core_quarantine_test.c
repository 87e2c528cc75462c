/* Quarantine: one record an object, the newest 10,000, nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "object/quarantine.h"
#include "own.h"

static hub_integration_t partner;

typedef struct job {
    int from, to;
    bool clear;
} job_t;

static hub_err_t do_job(hub_view_t *view, void *arg)
{
    const job_t *job = arg;
    hub_err_t err = HUB_EOK;
    hub_pool_t *own = hub_pool_create();
    const hub_slice_t country = HUB_SLICE_LIT("BE"), party = HUB_SLICE_LIT("BEC");
    for (int i = job->from; i < job->to && !err; i++) {
        const hub_object_id_t what = {
            .module = OCPI_MODULE_TARIFFS, .country = country, .party = party, .id = hub_pool_printf(own, "T%d", i)};
        if (job->clear)
            err = hub_quarantine_clear(view, &partner, &what, HUB_QUARANTINE_RECEIVED);
        else
            err = hub_quarantine_put(&core, view, own, &partner, &what, HUB_QUARANTINE_RECEIVED, HUB_SLICE_LIT("{}"), NULL);
        hub_pool_clear(own);
    }
    hub_pool_destroy(own);
    return err;
}

static void run(int from, int to, bool clear)
{
    job_t job = {from, to, clear};
    partner = own_partner(7);
    assert_int_equal(fixture_apply(&fixture, do_job, &job), HUB_EOK);
}

static uint32_t records(hub_table_t table, uint32_t *oldest)
{
    hub_view_t *view = fixture_view(&fixture);
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    uint32_t count = 0;
    hub_key_init(&prefix);
    if (table == HUB_TABLE_REFERENCE)
        hub_key_u8(&prefix, 'Q');
    hub_scan_init(&scan, view, table, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value)) {
        if (count++ == 0 && oldest)
            *oldest = (unsigned char)key.ptr[key.len - 1];
    }
    hub_err_t err = hub_scan_finish(&scan);
    uint64_t counted = hub_quarantine_count(view, 7);
    hub_view_close(view);
    assert_int_equal(err, HUB_EOK);
    if (table == HUB_TABLE_QUARANTINE)
        assert_int_equal(counted, count);
    return count;
}

static void one_record_an_object(void **state)
{
    (void)state;
    run(0, 5, false);
    run(0, 5, false);
    assert_int_equal(records(HUB_TABLE_QUARANTINE, NULL), 5);
    run(0, 3, true);
    run(0, 3, true); /* what is not there is harmless */
    assert_int_equal(records(HUB_TABLE_QUARANTINE, NULL), 2);
}

static void the_oldest_gives_way(void **state)
{
    (void)state;
    uint32_t oldest = 0;
    const int limit = (int)HUB_QUARANTINE_LIMIT;
    uint64_t counted = atomic_load(&metrics.value[partner.tenant][HUB_METRIC_QUARANTINED]);
    run(0, limit, false);
    assert_int_equal(records(HUB_TABLE_QUARANTINE, &oldest), limit);
    assert_int_equal(oldest, 1);
    run(limit, limit + 10, false);
    assert_int_equal(records(HUB_TABLE_QUARANTINE, &oldest), limit);
    assert_int_equal(oldest, 11);
    run(0, 5, false); /* which had given way: they come back as new ones */
    assert_int_equal(records(HUB_TABLE_QUARANTINE, &oldest), limit);
    assert_int_equal(oldest, 16);
    assert_int_equal(records(HUB_TABLE_REFERENCE, NULL), limit); /* whoever gave way left no key behind */
    assert_int_equal(atomic_load(&metrics.value[partner.tenant][HUB_METRIC_QUARANTINED]) - counted, limit + 15);
}

static hub_err_t do_forget(hub_view_t *view, void *arg)
{
    (void)arg;
    return hub_quarantine_forget(view, OWN_TENANT, 7);
}

static void of_a_deleted_integration_nothing_is_left(void **state)
{
    (void)state;
    run(0, 50, false);
    assert_int_equal(fixture_apply(&fixture, do_forget, NULL), HUB_EOK);
    assert_int_equal(records(HUB_TABLE_QUARANTINE, NULL), 0);
    assert_int_equal(records(HUB_TABLE_REFERENCE, NULL), 0);
}

static hub_err_t do_odd(hub_view_t *view, void *arg)
{
    char longest[600];
    memset(longest, 'x', sizeof longest);
    const hub_slice_t ids[] = {HUB_SLICE_NONE, hub_slice("a\0b", 3), hub_slice(longest, sizeof longest), hub_slice("\xff\xfe", 2)};
    (void)arg;
    hub_err_t err = HUB_EOK;
    for (size_t i = 0; i < HUB_COUNT(ids) && !err; i++) {
        const hub_object_id_t what = {.module = OCPI_MODULE_TARIFFS, .country = ids[i], .party = ids[i], .id = ids[i]};
        err = hub_quarantine_put(&core, view, pool, &partner, &what, HUB_QUARANTINE_RECEIVED, ids[i], NULL);
    }
    return err;
}

static void ids_that_no_object_can_have_are_kept_too(void **state)
{
    (void)state;
    partner = own_partner(7);
    assert_int_equal(fixture_apply(&fixture, do_odd, NULL), HUB_EOK);
    assert_int_equal(records(HUB_TABLE_QUARANTINE, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        own_test(one_record_an_object),
        own_test(the_oldest_gives_way),
        own_test(of_a_deleted_integration_nothing_is_left),
        own_test(ids_that_no_object_can_have_are_kept_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
