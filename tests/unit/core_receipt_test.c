/* The ledger of CDRs: what is kept of each integration that acknowledged one, and what /v1 shows of it. Rule D2. */
#include "roaming_fixture.h"

#include "sync/receipt.h"

#define LIST "/v1/receipts/NL/TNM/C1"

static void accept_all(hub_call_t *call, unsigned number)
{
    (void)number;
    fixture_ok(call, 201, 1000, NULL);
    call->location = HUB_SLICE_LIT("https://partner.test/my/cdrs/1");
}

static hub_slice_t cdr_key(const char *id)
{
    hub_key_t key;
    const hub_object_id_t what = {.tenant = HUB_TENANT_DEFAULT,
                                  .module = OCPI_MODULE_CDRS,
                                  .country = HUB_SLICE_LIT("NL"),
                                  .party = HUB_SLICE_LIT("TNM"),
                                  .id = hub_slice_str(id)};
    assert_int_equal(hub_object_key(&what, &key), HUB_EOK);
    return hub_pool_copy(fixture.pool, hub_key_slice(&key));
}

typedef struct put {
    hub_op_t op; /* first */
    uint32_t integration;
    hub_slice_t key;
    hub_receipt_t receipt;
} put_t;

static hub_err_t apply_put(hub_view_t *view, hub_op_t *op)
{
    put_t *put = (put_t *)op;
    return hub_receipt_put(view, fixture.pool, put->integration, put->key, &put->receipt);
}

static void acknowledge(uint32_t integration, const char *id, hub_receipt_t receipt)
{
    put_t put = {.op = {.apply = apply_put}, .integration = integration, .key = cdr_key(id), .receipt = receipt};
    put.receipt.acknowledged = 1790000000000;
    assert_int_equal(hub_store_apply(fixture.store, &put.op), HUB_EOK);
}

static const char *get(const char *path, int expected)
{
    hub_slice_t answer;
    assert_int_equal(fixture_request(HUB_GET, path, "", &answer), expected);
    return hub_pool_str(fixture.pool, answer);
}

static void start(void)
{
    fixture.answer = accept_all;
    roam("");
    fixture_expect(HUB_POST, "/v1/integrations", "{\"integrationName\":\"pay\",\"integrationType\":\"PaymentGateway\"}", 201);
    fixture_expect(HUB_POST, "/v1/integrations", "{\"integrationName\":\"tax\",\"integrationType\":\"TaxCalculation\"}", 201);
}

static void everybody_who_acknowledged_is_listed(void **state)
{
    (void)state;
    start();
    get(LIST, 404);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushCdr\":false}}", 204);
    put_cdr("C1", "S1", NULL, 201);
    fixture_advance(1000);
    assert_string_equal(get(LIST, 200), "[]");
    get("/v1/integrations/2/receipts/NL/TNM/C1", 404);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pushCdr\":true}}", 204);
    fixture_advance(1000);
    acknowledge(2, "C1", (hub_receipt_t){.reference = HUB_SLICE_LIT("pi_\"1\"")});
    acknowledge(3, "C1", (hub_receipt_t){.reference = HUB_SLICE_LIT("T1"), .answer = HUB_SLICE_LIT("{\"vat\":17.10}")});
    acknowledge(3, "C2", (hub_receipt_t){0});
    const char *all = get(LIST, 200);
    assert_non_null(strstr(all, "[{\"integrationId\":\"1\",\"integrationName\":"));
    assert_non_null(strstr(all, "\"integrationType\":\"OCPI\",\"acknowledged\":\""));
    assert_non_null(strstr(all, "\"url\":\"https://partner.test/my/cdrs/1\",\"reference\":null,\"answer\":null},"));
    assert_non_null(strstr(all,
                           "{\"integrationId\":\"2\",\"integrationName\":\"pay\",\"integrationType\":\"PaymentGateway\",\"acknowledged\":"
                           "\"2026-09-21T14:13:20Z\",\"url\":null,\"reference\":\"pi_\\\"1\\\"\",\"answer\":null},"));
    assert_non_null(strstr(all, "\"reference\":\"T1\",\"answer\":{\"vat\":17.10}}]"));
    assert_string_equal(
        get("/v1/integrations/3/receipts/nl/tnm/c1", 200),
        "{\"id\":\"c1\",\"acknowledged\":\"2026-09-21T14:13:20Z\",\"url\":null,\"reference\":\"T1\",\"answer\":{\"vat\":17.10}}");
    assert_string_equal(get("/v1/integrations/3/receipts/NL/TNM/C2", 200),
                        "{\"id\":\"C2\",\"acknowledged\":\"2026-09-21T14:13:20Z\",\"url\":null,\"reference\":null,\"answer\":null}");
    get("/v1/receipts/NL/TNM/C2", 404); /* there is no such CDR */
    get("/v1/receipts/NL/TNM", 404);
}

static void what_is_too_long_is_cut_or_left_out(void **state)
{
    (void)state;
    hub_receipt_t got;
    hub_view_t *view;
    hub_buf_t name = HUB_BUF_INIT(fixture.pool), answer = HUB_BUF_INIT(fixture.pool);
    start();
    hub_buf_add_char(&name, 'x');
    while (name.len < 3000)
        hub_buf_add_str(&name, "€");
    hub_buf_add_char(&answer, '"');
    while (answer.len <= HUB_RECEIPT_ANSWER)
        hub_buf_add_char(&answer, 'a');
    hub_buf_add_char(&answer, '"');
    acknowledge(2, "C1", (hub_receipt_t){.reference = hub_buf_slice(&name), .answer = hub_buf_slice(&answer)});
    assert_int_equal(hub_view_open(fixture.store, &view), HUB_EOK);
    assert_int_equal(hub_receipt_get(view, fixture.pool, 2, cdr_key("C1"), &got), HUB_EOK);
    assert_int_equal(got.reference.len, 1 + (HUB_RECEIPT_REFERENCE - 1) / 3 * 3);
    assert_true(hub_slice_utf8_ok(got.reference));
    assert_null(got.answer.ptr);
    assert_int_equal(hub_receipt_get(view, fixture.pool, 3, cdr_key("C1"), &got), HUB_ENOT_FOUND);
    hub_view_close(view);
}

static void a_deleted_integration_is_not_listed(void **state)
{
    (void)state;
    start();
    put_cdr("C1", "S1", NULL, 201);
    fixture_advance(1000);
    for (uint32_t i = 2; i <= 3; i++)
        acknowledge(i, "C1", (hub_receipt_t){0});
    const char *all = get(LIST, 200);
    assert_non_null(strstr(all, "\"integrationId\":\"1\""));
    assert_non_null(strstr(all, "\"integrationId\":\"3\""));
    /* A deleted integration takes its rows along. */
    fixture_expect(HUB_DELETE, "/v1/integrations/1", "", 204);
    fixture_advance(1000);
    assert_null(strstr(get(LIST, 200), "\"integrationId\":\"1\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_who_acknowledged_is_listed, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_cut_or_left_out, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(a_deleted_integration_is_not_listed, fixture_set_up, fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
