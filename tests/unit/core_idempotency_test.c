/* Idempotency-Key: what is remembered, for how long, and what it is told apart by. */
#include "store_fixture.h"

#include "idempotency.h"

static const int64_t hour = 3600 * 1000;

static hub_idempotency_t request(unsigned char place, unsigned char body)
{
    hub_idempotency_t out = {.given = true};
    memset(out.place, place, sizeof out.place);
    memset(out.body, body, sizeof out.body);
    return out;
}

static hub_err_t life(hub_view_t *view, void *arg)
{
    (void)arg;
    hub_idempotency_t first = request(1, 1), other_body = request(1, 2), other = request(2, 1), none = {.given = false};
    uint32_t id = 0;
    unsigned count;
    HUB_ASSERT(hub_idempotency_find(view, &first, &id) == HUB_EOK);
    HUB_ASSERT(!(first.replayed));
    HUB_ASSERT(hub_idempotency_note(view, &first, 7) == HUB_EOK);
    HUB_ASSERT(hub_idempotency_find(view, &first, &id) == HUB_EOK);
    HUB_ASSERT(first.replayed && id == 7);
    HUB_ASSERT(hub_idempotency_find(view, &other_body, &id) == HUB_ECONFLICT);
    HUB_ASSERT(hub_idempotency_find(view, &other, &id) == HUB_EOK);
    HUB_ASSERT(hub_idempotency_find(view, &none, &id) == HUB_EOK);
    HUB_ASSERT(!(other.replayed || none.replayed));
    HUB_ASSERT(hub_idempotency_note(view, &none, 8) == HUB_EOK);
    HUB_ASSERT(hub_idempotency_note(view, &other, 9) == HUB_EOK);

    int64_t now = hub_now_ms();
    HUB_ASSERT(hub_idempotency_expire(view, now + 23 * hour, 10, &count) == HUB_EOK);
    HUB_ASSERT(count == 0);
    HUB_ASSERT(hub_idempotency_expire(view, now + 25 * hour, 1, &count) == HUB_EOK); /* a little at a time */
    HUB_ASSERT(count == 1);
    HUB_ASSERT(hub_idempotency_expire(view, now + 25 * hour, 10, &count) == HUB_EOK);
    HUB_ASSERT(count == 1);
    HUB_ASSERT(hub_idempotency_find(view, &other_body, &id) == HUB_EOK);
    HUB_ASSERT(hub_idempotency_find(view, &first, &id) == HUB_EOK);
    HUB_ASSERT(!(first.replayed || other_body.replayed));
    return HUB_EOK;
}

static void remembered_for_a_day(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, life, NULL), HUB_EOK);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembered_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
