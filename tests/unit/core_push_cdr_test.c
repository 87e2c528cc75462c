/* CDRs on their way to a partner: POSTed until they are acknowledged, never after that. Rules D1, D3, D4, decision H. */
#include "roaming_fixture.h"

/* ---- a partner that stores each id once ---- */

static struct {
    char ids[64][16];
    unsigned count, conflicts;
    int fail; /* so many answers are HTTP 500, nothing stored */
    int lose; /* so many answers are lost after it was stored */
    const char *poison;
} partner;

static void store(hub_call_t *call, unsigned number)
{
    (void)number;
    if (call->method != HUB_POST) {
        fixture_ok(call, 200, 1000, NULL);
        return;
    }
    yyjson_doc *doc;
    unsigned at = 0;
    assert_int_equal(ocpi_read(fixture.pool, call->body, &doc, NULL), HUB_EOK);
    const char *id = hub_pool_str(fixture.pool, ocpi_get_str(yyjson_doc_get_root(doc), "id"));
    if (partner.fail > 0 || (partner.poison && strcmp(partner.poison, id) == 0)) {
        partner.fail--;
        fixture_ok(call, 500, 3000, NULL);
        return;
    }
    while (at < partner.count && strcmp(partner.ids[at], id) != 0)
        at++;
    bool known = at < partner.count;
    if (!known)
        snprintf(partner.ids[partner.count++], sizeof partner.ids[0], "%s", id);
    partner.conflicts += known;
    fixture_ok(call, known ? 200 : 201, 1000, NULL); /* decision H */
    call->location = hub_pool_printf(call->pool, "https://partner.test/my/cdrs/%u", at);
    if (partner.lose > 0) {
        partner.lose--;
        call->err = HUB_EPEER_TIMEOUT;
    }
}

static int set_up(void **state)
{
    memset(&partner, 0, sizeof partner);
    return fixture_set_up(state);
}

static void start(void)
{
    roam("");
    fixture.answer = store;
}

static const char *receipt(const char *id, int expected)
{
    hub_slice_t answer;
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/integrations/1/receipts/NL/TNM/%s", id);
    assert_int_equal(fixture_request(HUB_GET, path.ptr, "", &answer), expected);
    return hub_pool_str(fixture.pool, answer);
}

/* ---- until it is acknowledged ---- */

static void D1_H_posted_until_acknowledged_and_the_url_kept(void **state)
{
    (void)state;
    start();
    partner.fail = 3;
    put_cdr("C1", "S1", NULL, 201);
    fixture_settle();
    receipt("C1", 404);
    fixture_advance(60000);
    assert_int_equal(fixture.sent_count, 4);
    assert_int_equal(partner.count, 1);
    assert_string_equal(fixture.sent[0].method, "POST");
    assert_string_equal(fixture.sent[0].url, "http://partner.test/receiver/cdrs/"); /* as it was given */
    assert_non_null(strstr(fixture.sent[0].headers, "OCPI-to-country-code: DE\nOCPI-to-party-id: EMS\n"));
    assert_non_null(strstr(receipt("C1", 200), "\"url\":\"https://partner.test/my/cdrs/0\""));
    fixture_advance(3600000);
    assert_int_equal(fixture.sent_count, 4);
}

static void H_a_lost_answer_leads_to_one_more_post(void **state)
{
    (void)state;
    start();
    partner.lose = 1;
    put_cdr("C1", "S1", NULL, 201);
    fixture_advance(60000);
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(partner.count, 1);
    assert_int_equal(partner.conflicts, 1);
    assert_non_null(strstr(receipt("C1", 200), "/my/cdrs/0"));
}

/* ---- never after that ---- */

static hub_err_t rewind_cdrs(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    return hub_push_rewind(view, 1, OCPI_MODULE_CDRS);
}

static void D3_never_again_once_acknowledged(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 10; i++)
        put_cdr(hub_pool_printf(fixture.pool, "C%d", i).ptr, "S1", NULL, 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 10);
    fixture_restart();
    fixture_advance(1000);
    hub_op_t op = {.apply = rewind_cdrs};
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"description\":\"again\"}", 204);
    fixture_advance(1000);
    fixture_registration_t gone = roaming(1, OCPI_V2_2_1);
    gone.authorized = false;
    gone.status = HUB_STATUS_UNREGISTERED;
    fixture_register(gone);
    fixture_advance(1000);
    assert_int_equal(cursor_of(1, OCPI_MODULE_CDRS), 0);
    fixture_register(roaming(1, OCPI_V2_2_1));
    fixture_advance(1000);
    fixture_expect(HUB_PUT, "/v1/integrations/1", "{\"integrationName\":\"p\",\"integrationType\":\"OCPI\",\"models\":{\"pushCdr\":false}}",
                   200);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushCdr\":true}}", 204);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 10);
    assert_int_equal(partner.count, 10);
    put_cdr("NEW", "S1", NULL, 201);
    fixture_advance(1000);
    assert_int_equal(partner.count, 11);
    assert_int_equal(fixture.sent_count, 11);
}

/* ---- refused, or too much for the partner ---- */

static bool accepting;
static void refuse(hub_call_t *call, unsigned number)
{
    if (accepting)
        store(call, number);
    else
        fixture_ok(call, 200, 2001, NULL);
}

static void H_a_refused_cdr_is_quarantined_until_somebody_tries_again(void **state)
{
    (void)state;
    start();
    fixture.answer = refuse;
    accepting = false;
    put_cdr("C1", "S1", NULL, 201);
    fixture_advance(3600000);
    assert_int_equal(fixture.sent_count, 1);
    assert_int_equal(quarantined(1), 1);
    accepting = true;
    put_cdr("C2", "S1", NULL, 201);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 2);
    fixture_expect(HUB_POST, "/v1/integrations/1/quarantine/1/retry", "", 202);
    fixture_advance(1000);
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(partner.count, 2);
    assert_int_equal(quarantined(1), 0);
    receipt("C1", 200);
}

static void one_that_makes_the_partner_fail_is_put_off_but_never_given_up(void **state)
{
    (void)state;
    start();
    partner.poison = "BAD";
    put_cdr("BAD", "S1", NULL, 201);
    for (int i = 0; i < 8; i++) {
        put_cdr(hub_pool_printf(fixture.pool, "C%d", i).ptr, "S1", NULL, 201);
        fixture_advance(3000);
    }
    fixture_advance(30000);
    assert_int_equal(partner.count, 8);
    assert_int_equal(quarantined(1), 1); /* somebody should look */
    unsigned before = fixture.sent_count;
    fixture_restart();
    fixture_advance(10000);
    assert_int_equal(fixture.sent_count, before);
    fixture_advance(7200000);
    assert_in_range(fixture.sent_count - before, 2, 8); /* 1, 2, 4 … 60 minutes */
    partner.poison = NULL;
    fixture_advance(7200000);
    assert_int_equal(partner.count, 9);
    assert_int_equal(quarantined(1), 0);
    receipt("BAD", 200);
    before = fixture.sent_count;
    fixture_advance(7200000);
    assert_int_equal(fixture.sent_count, before);
}

/* ---- order ---- */

static void a_cdr_goes_after_the_last_state_of_its_session(void **state)
{
    (void)state;
    start();
    fixture.hold = true;
    put_session("S1", "ACTIVE", 1, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    put_session("S1", "COMPLETED", 1, 200);
    put_cdr("C1", "S1", NULL, 201);
    put_cdr("C2", "S2", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 2); /* C2 waits for nobody */
    fixture.hold = false;
    fixture_settle();
    assert_int_equal(fixture.sent_count, 4);
    assert_string_equal(fixture.sent[2].method, "PATCH");
    assert_non_null(strstr(fixture.sent[2].body, "COMPLETED"));
    assert_non_null(strstr(fixture.sent[3].body, "\"id\":\"C1\""));
}

static void D4_a_credit_goes_after_what_it_credits(void **state)
{
    (void)state;
    start();
    partner.fail = 2;
    put_cdr("C1", "S1", NULL, 201);
    put_cdr("C1-CREDIT", "S1", "C1", 201);
    fixture_advance(60000);
    assert_int_equal(partner.count, 2);
    assert_string_equal(partner.ids[0], "C1");
    assert_string_equal(partner.ids[1], "C1-CREDIT");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(D1_H_posted_until_acknowledged_and_the_url_kept),
        test(H_a_lost_answer_leads_to_one_more_post),
        test(D3_never_again_once_acknowledged),
        test(H_a_refused_cdr_is_quarantined_until_somebody_tries_again),
        test(one_that_makes_the_partner_fail_is_put_off_but_never_given_up),
        test(a_cdr_goes_after_the_last_state_of_its_session),
        test(D4_a_credit_goes_after_what_it_credits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
