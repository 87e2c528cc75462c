/* Sessions on their way to a partner: PUT, then PATCHes with what is new; intervals; what a lost answer and a restart lead to. */
#include "roaming_fixture.h"

/* ---- the partner's copy of one session, kept as S2 and S3 ask ---- */

static struct {
    unsigned periods[64], count; /* by their minute */
    bool twice;
    char status[16];
} copy;

static void take(hub_slice_t body, bool append)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *period;
    assert_int_equal(ocpi_read(fixture.pool, body, &doc, NULL), HUB_EOK);
    yyjson_val *root = yyjson_doc_get_root(doc), *periods = yyjson_obj_get(root, "charging_periods");
    if (!append)
        copy.count = 0;
    yyjson_arr_foreach(periods, i, n, period)
    {
        unsigned minute = (unsigned)atoi(ocpi_get_str(period, "start_date_time").ptr + 14);
        for (unsigned k = 0; k < copy.count; k++)
            copy.twice |= copy.periods[k] == minute;
        assert_true(copy.count < HUB_COUNT(copy.periods));
        copy.periods[copy.count++] = minute;
    }
    hub_slice_t status = ocpi_get_str(root, "status");
    if (status.len)
        snprintf(copy.status, sizeof copy.status, "%.*s", HUB_SLICE_FMT(status));
}

static void keep_copy(hub_call_t *call, unsigned number)
{
    (void)number;
    take(call->body, call->method == HUB_PATCH);
    fixture_ok(call, 200, 1000, NULL);
}

static void assert_copy(unsigned periods, const char *status)
{
    assert_false(copy.twice);
    assert_int_equal(copy.count, periods);
    for (unsigned i = 0; i < periods; i++)
        assert_int_equal(copy.periods[i], i);
    assert_string_equal(copy.status, status);
}

static int set_up(void **state)
{
    memset(&copy, 0, sizeof copy);
    return fixture_set_up(state);
}

static const fixture_sent_t *last(void)
{
    assert_true(fixture.sent_count > 0);
    return &fixture.sent[fixture.sent_count - 1];
}

/* ---- what goes out ---- */

static void S1_S3_put_first_then_patches_with_what_is_new(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    put_session("S1", "PENDING", 0, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_string_equal(last()->method, "PUT");
    assert_string_equal(last()->url, "http://partner.test" S("S1"));
    put_session("S1", "ACTIVE", 1, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(last()->method, "PATCH");
    assert_string_equal(last()->url, "http://partner.test" S("S1"));
    assert_non_null(strstr(last()->body, "\"status\":\"ACTIVE\""));
    assert_non_null(strstr(last()->body, "\"last_updated\":\"20")); /* O7 */
    assert_null(strstr(last()->body, "location_id"));
    assert_null(strstr(last()->body, "country_code"));
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    assert_null(strstr(last()->body, "status"));
    assert_null(strstr(last()->body, "10:00:00Z"));
    assert_non_null(strstr(last()->body, "10:02:00Z"));
    put_session("S1", "COMPLETED", 3, 200);
    fixture_settle();
    assert_null(strstr(last()->body, "charging_periods"));
    assert_int_equal(fixture.sent_count, 4);
    assert_copy(3, "COMPLETED");
}

static void twenty_periods_one_by_one_arrive_once_each(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    for (unsigned n = 0; n <= 20; n++) {
        put_session("S1", "ACTIVE", n, n ? 200 : 201);
        fixture_settle();
    }
    put_session("S1", "COMPLETED", 20, 200);
    fixture_settle();
    assert_copy(20, "COMPLETED");
    assert_int_equal(fixture_count(0, "PUT", S("S1")), 1);
    assert_int_equal(fixture_count(0, "PATCH", S("S1")), 21);
}

static void S2_what_a_patch_cannot_say_goes_whole(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 5, 201);
    fixture_settle();
    put_session("S1", "ACTIVE", 2, 200);
    fixture_settle();
    assert_string_equal(last()->method, "PUT");
    assert_copy(2, "ACTIVE");
}

static void the_party_of_the_token_is_named(void **state)
{
    (void)state;
    static const char two[] = "[{\"role\":\"EMSP\",\"party_id\":\"OTH\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"o\"}},"
                              "{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"e\"}}]";
    add_party();
    add_integration("{\"pushSession\":true}");
    fixture_registration_t r = roaming(1, OCPI_V2_2_1);
    r.roles = two;
    fixture_register(r);
    put_session("S1", "ACTIVE", 0, 201);
    fixture_settle();
    assert_non_null(strstr(last()->headers, "OCPI-to-country-code: DE\nOCPI-to-party-id: EMS\n"));
}

static void sessions_of_a_role_that_comes_later_go_too(void **state)
{
    (void)state;
    static const char one[] = "[{\"role\":\"EMSP\",\"party_id\":\"OTH\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"o\"}}]";
    static const char two[] = "[{\"role\":\"EMSP\",\"party_id\":\"OTH\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"o\"}},"
                              "{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"e\"}}]";
    add_party();
    add_integration("{\"pushSession\":true}");
    fixture_registration_t r = roaming(1, OCPI_V2_2_1);
    r.roles = one;
    fixture_register(r);
    put_session("S1", "ACTIVE", 0, 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 0);
    r.roles = two;
    fixture_register(r);
    fixture_advance(1000);
    assert_int_equal(fixture_count(0, "PUT", S("S1")), 1);
}

static void before_2_2_a_patch_replaces_the_periods(void **state)
{
    (void)state;
    roam_as(OCPI_V2_1_1, "");
    put_location("L1", "l", "AVAILABLE", NULL, 201);
    put_session("S1", "ACTIVE", 1, 201);
    fixture_settle();
    assert_string_equal(last()->method, "PUT");
    assert_string_equal(last()->url, "http://partner.test" S("S1"));
    assert_non_null(strstr(last()->body, "\"start_datetime\""));
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    assert_string_equal(last()->method, "PATCH");
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(last()->body, hub_pool_printf(fixture.pool, "10:%02d:00Z", i).ptr));
    assert_null(strstr(last()->headers, "OCPI-"));
}

static void state_of_charge_is_left_out_where_it_is_not_sent(void **state)
{
    (void)state;
    roam(",\"stateofChargeIsSent\":false");
    put_session("S1", "ACTIVE", 2, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_null(strstr(last()->body, "STATE_OF_CHARGE"));
    assert_non_null(strstr(last()->body, "ENERGY"));
}

/* ---- chargingPeriodIntervalInMinutes ---- */

static void progress_goes_once_an_interval(void **state)
{
    (void)state;
    roam(",\"chargingPeriodIntervalInMinutes\":5");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 0, 201);
    fixture_settle();
    for (unsigned n = 1; n <= 20; n++) { /* a period a minute */
        put_session("S1", "ACTIVE", n, 200);
        fixture_advance(60000);
    }
    fixture_advance(300000);
    assert_copy(20, "ACTIVE");
    assert_in_range(fixture_count(0, "PATCH", S("S1")), 4, 5);
    assert_int_equal(fixture_count(0, "PUT", S("S1")), 1);
    unsigned before = fixture.sent_count;
    fixture_advance(3600000);
    assert_int_equal(fixture.sent_count, before); /* and nothing without news */
}

static void status_and_completion_go_at_once(void **state)
{
    (void)state;
    roam(",\"chargingPeriodIntervalInMinutes\":60");
    fixture.answer = keep_copy;
    put_session("S1", "PENDING", 0, 201);
    fixture_settle();
    put_session("S1", "ACTIVE", 1, 200);
    fixture_settle();
    assert_copy(1, "ACTIVE");
    put_session("S1", "ACTIVE", 4, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    put_session("S1", "COMPLETED", 5, 200);
    fixture_settle();
    assert_copy(5, "COMPLETED");
    fixture_advance(7200000);
    assert_int_equal(fixture.sent_count, 3);
}

static void many_that_wait_hold_nobody_up(void **state)
{
    (void)state;
    roam(",\"chargingPeriodIntervalInMinutes\":10");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 100; i++) {
            put_session(hub_pool_printf(fixture.pool, "M%d", i).ptr, "ACTIVE", (unsigned)round, round ? 200 : 201);
            fixture_settle();
        }
    assert_int_equal(fixture.sent_count, 100);
    put_session("NEW", "ACTIVE", 0, 201);
    fixture_settle();
    assert_int_equal(fixture_count(100, "PUT", S("NEW")), 1);
    fixture_advance(620000);
    assert_int_equal(fixture.sent_count, 201);
    for (int i = 0; i < 100; i++)
        assert_int_equal(fixture_count(101, "PATCH", hub_pool_printf(fixture.pool, S("M%d"), i).ptr), 1);
}

static void what_waits_survives_a_restart(void **state)
{
    (void)state;
    roam(",\"chargingPeriodIntervalInMinutes\":5");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 0, 201);
    fixture_settle();
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    fixture_restart();
    fixture_advance(60000);
    assert_int_equal(fixture.sent_count, 1);
    fixture_advance(300000);
    assert_int_equal(fixture.sent_count, 2);
    assert_copy(3, "ACTIVE");
}

/* ---- lost answers, refusals, restarts ---- */

static bool lose;
static void lose_patches(hub_call_t *call, unsigned number)
{
    if (!lose || call->method != HUB_PATCH) {
        keep_copy(call, number);
        return;
    }
    take(call->body, true); /* the partner has it; nobody hears so */
    lose = false;
    call->err = HUB_EPEER_TIMEOUT;
}

static void a_patch_whose_answer_is_lost_is_followed_by_the_whole(void **state)
{
    (void)state;
    roam("");
    fixture.answer = lose_patches;
    put_session("S1", "ACTIVE", 1, 201);
    fixture_settle();
    lose = true;
    put_session("S1", "ACTIVE", 2, 200);
    fixture_advance(10000);
    assert_string_equal(last()->method, "PUT");
    assert_copy(2, "ACTIVE");
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    assert_string_equal(last()->method, "PATCH");
    assert_copy(3, "ACTIVE");
}

static void refuse_patches(hub_call_t *call, unsigned number)
{
    if (call->method == HUB_PATCH)
        fixture_ok(call, 404, 2001, NULL);
    else
        keep_copy(call, number);
}

static void O8_a_refused_patch_becomes_a_put(void **state)
{
    (void)state;
    roam("");
    fixture.answer = refuse_patches;
    put_session("S1", "ACTIVE", 1, 201);
    fixture_settle();
    put_session("S1", "ACTIVE", 2, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
    assert_copy(2, "ACTIVE");
    assert_int_equal(quarantined(1), 0);
}

/* The server ends between the answer and its being written down: what was sent is not known any more. */
static void a_restart_in_the_middle_repeats_no_period(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 1, 201);
    fixture_settle();
    fixture.hold = true;
    put_session("S1", "ACTIVE", 2, 200);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    take(fixture.waiting[0]->body, true);
    fixture_restart();
    fixture.hold = false;
    fixture_settle();
    assert_string_equal(last()->method, "PUT");
    assert_copy(2, "ACTIVE");
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    assert_string_equal(last()->method, "PATCH");
    assert_copy(3, "ACTIVE");
}

static void a_clean_restart_sends_nothing_again(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 2, 201);
    fixture_settle();
    put_session("S2", "COMPLETED", 2, 201);
    fixture_settle();
    fixture_restart();
    fixture_advance(10000);
    assert_int_equal(fixture.sent_count, 2);
}

static hub_err_t rewind_sessions(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    return hub_push_rewind(view, 1, OCPI_MODULE_SESSIONS);
}

static void what_the_partner_has_is_not_sent_when_all_is_read_again(void **state)
{
    (void)state;
    roam("");
    fixture.answer = keep_copy;
    put_session("S1", "ACTIVE", 2, 201);
    fixture_advance(1000);
    hub_op_t op = {.apply = rewind_sessions};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"description\":\"again\"}", 204);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 1);
    put_session("S1", "ACTIVE", 3, 200);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_copy(3, "ACTIVE");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(S1_S3_put_first_then_patches_with_what_is_new),
        test(twenty_periods_one_by_one_arrive_once_each),
        test(S2_what_a_patch_cannot_say_goes_whole),
        test(the_party_of_the_token_is_named),
        test(sessions_of_a_role_that_comes_later_go_too),
        test(before_2_2_a_patch_replaces_the_periods),
        test(state_of_charge_is_left_out_where_it_is_not_sent),
        test(progress_goes_once_an_interval),
        test(status_and_completion_go_at_once),
        test(many_that_wait_hold_nobody_up),
        test(what_waits_survives_a_restart),
        test(a_patch_whose_answer_is_lost_is_followed_by_the_whole),
        test(O8_a_refused_patch_becomes_a_put),
        test(a_restart_in_the_middle_repeats_no_period),
        test(a_clean_restart_sends_nothing_again),
        test(what_the_partner_has_is_not_sent_when_all_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
