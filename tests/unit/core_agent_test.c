/* Agents and their calls: who runs where, what a request carries, what happens at the end. */
#include "sync_fixture.h"

#include "sync/push.h"

static const hub_endpoint_t endpoints[] = {
    {OCPI_MODULE_LOCATIONS, OCPI_RECEIVER, HUB_SLICE_LIT("locations"), HUB_SLICE_LIT("http://partner.test/locations")},
};
static const char roles[] = "[{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"e\"}}]";

static void connect(const char *profile)
{
    fixture_expect(HUB_POST, "/v1/parties",
                   "{\"countryCode\":\"NL\",\"partyId\":\"TNM\",\"roles\":[\"CPO\"],\"businessDetails\":{\"name\":\"x\"}}", 201);
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"integrationName\":\"p\",\"integrationType\":\"OCPI\",\"ocpiConnection\":{"
                                       "\"initialRole\":\"RECEIVER\",\"customerRoles\":[\"CPO\"],\"profile\":%s}}",
                                       profile);
    fixture_expect(HUB_POST, "/v1/integrations", body.ptr, 201);
    fixture_register((fixture_registration_t){.id = 1,
                                              .status = HUB_STATUS_CONNECTED,
                                              .authorized = true,
                                              .token = "their-token",
                                              .endpoints = endpoints,
                                              .endpoint_count = 1,
                                              .roles = roles});
    fixture_settle();
}

static struct {
    int calls, status_code;
    hub_err_t err;
} seen;

static void then(hub_ocpi_call_t *call)
{
    seen.calls++;
    seen.err = call->call.err;
    seen.status_code = call->envelope.status_code;
}

static hub_ocpi_call_t *call(hub_method_t method, const char *body)
{
    memset(&seen, 0, sizeof seen);
    hub_ocpi_call_t *made = hub_ocpi_call_create(fixture_agent(1), method, HUB_SLICE_LIT("http://partner.test/x"));
    made->call.body = hub_slice_str(body);
    made->then = then;
    return made;
}

static const char *headers(void)
{
    return fixture.sent[fixture.sent_count - 1].headers;
}

static void T15_token_is_base64_on_2_2_1_and_raw_where_the_profile_says_so(void **state)
{
    (void)state;
    connect("{}");
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_non_null(strstr(headers(), "Authorization: Token dGhlaXItdG9rZW4=\n"));
    assert_null(strstr(headers(), "Content-Type"));
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"ocpiConnection\":{\"profile\":{\"tokenEncoding\":\"raw\"}}}", 204);
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_non_null(strstr(headers(), "Authorization: Token their-token\n"));
    hub_ocpi_call_t *asked = call(HUB_POST, "{}");
    asked->encoding = HUB_TOKEN_BASE64;
    asked->token = HUB_SLICE_LIT("a");
    hub_ocpi_call_start(asked);
    assert_non_null(strstr(headers(), "Authorization: Token YQ==\n"));
    assert_non_null(strstr(headers(), "Content-Type: application/json\n"));
    fixture_settle();
}

static void C24_routing_headers_only_where_asked_for(void **state)
{
    (void)state;
    connect("{}");
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_null(strstr(headers(), "OCPI-"));
    hub_ocpi_call_t *routed = call(HUB_GET, NULL);
    routed->routed = true;
    hub_ocpi_call_start(routed);
    assert_non_null(strstr(headers(), "OCPI-from-party-id: TNM\n"));
    assert_non_null(strstr(headers(), "OCPI-to-party-id: EMS\n"));
    fixture_settle();
}

/* A peer with several roles: the party that has the called side of the module is named, on both ends. */
static void H2_routing_headers_name_the_parties_of_the_module(void **state)
{
    (void)state;
    static const char several[] = "[{\"role\":\"CPO\",\"party_id\":\"CP1\",\"country_code\":\"DE\"},"
                                  "{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\"},"
                                  "{\"role\":\"CPO\",\"party_id\":\"CP2\",\"country_code\":\"DE\"}]";
    static const char hub[] = "[{\"role\":\"CPO\",\"party_id\":\"CP1\",\"country_code\":\"DE\"},"
                              "{\"role\":\"HUB\",\"party_id\":\"HUB\",\"country_code\":\"DE\"}]";
    static const struct {
        const char *roles;
        hub_method_t method;
        ocpi_side_t side;
        const char *from, *to;
    } rows[] = {{several, HUB_PUT, OCPI_RECEIVER, "OCPI-from-party-id: TNM\n", "OCPI-to-party-id: EMS\n"},
                {several, HUB_PUT, OCPI_SENDER, "OCPI-from-party-id: MSP\n", "OCPI-to-party-id: CP1\n"},
                {several, HUB_GET, OCPI_SENDER, "OCPI-from-party-id: MSP\n", NULL}, /* decision O: all of them */
                {hub, HUB_GET, OCPI_SENDER, "OCPI-from-party-id: MSP\n", "OCPI-to-party-id: HUB\n"},
                {hub, HUB_PUT, OCPI_RECEIVER, "OCPI-from-party-id: TNM\n", "OCPI-to-party-id: HUB\n"}};
    connect("{}");
    fixture_expect(HUB_POST, "/v1/parties",
                   "{\"countryCode\":\"NL\",\"partyId\":\"MSP\",\"roles\":[\"EMSP\"],\"businessDetails\":{\"name\":\"x\"}}", 201);
    fixture_expect(HUB_PATCH, "/v1/integrations/1",
                   "{\"ocpiConnection\":{\"customerRoles\":[\"CPO\",\"EMSP\"],\"ourParties\":["
                   "{\"countryCode\":\"NL\",\"partyId\":\"TNM\",\"roles\":[\"CPO\"]},"
                   "{\"countryCode\":\"NL\",\"partyId\":\"MSP\",\"roles\":[\"EMSP\"]}]}}",
                   204);
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        fixture_register((fixture_registration_t){.id = 1,
                                                  .status = HUB_STATUS_CONNECTED,
                                                  .authorized = true,
                                                  .token = "their-token",
                                                  .endpoints = endpoints,
                                                  .endpoint_count = 1,
                                                  .roles = rows[i].roles});
        fixture_settle();
        hub_ocpi_call_t *routed = call(rows[i].method, rows[i].method == HUB_PUT ? "{}" : NULL);
        routed->routed = true;
        routed->module = OCPI_MODULE_LOCATIONS;
        routed->side = rows[i].side;
        hub_ocpi_call_start(routed);
        assert_non_null(strstr(headers(), rows[i].from));
        if (rows[i].to)
            assert_non_null(strstr(headers(), rows[i].to));
        else
            assert_null(strstr(headers(), "OCPI-to-"));
        fixture_settle();
    }
}

static void T19_every_request_has_ids_of_its_own(void **state)
{
    (void)state;
    connect("{}");
    char first[80], second[80];
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_int_equal(sscanf(strstr(headers(), "X-Request-ID: "), "X-Request-ID: %79s", first), 1);
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_int_equal(sscanf(strstr(headers(), "X-Request-ID: "), "X-Request-ID: %79s", second), 1);
    assert_int_equal(strlen(first), HUB_UUID_LEN);
    assert_string_not_equal(first, second);
    fixture_settle();
}

/* The forms of 2.1.1: the token as it is, no ids, no routing headers. A call may be in another version than the connection. */
static void T15_T19_H1_what_2_1_1_does_not_have(void **state)
{
    (void)state;
    static const struct {
        ocpi_version_t connection, call;
        bool old;
    } rows[] = {{OCPI_V2_1_1, 0, true},
                {OCPI_V2_2_1, 0, false},
                {OCPI_V2_3_0, 0, false},
                {OCPI_V2_1_1, OCPI_V2_2_1, false},
                {OCPI_V2_2_1, OCPI_V2_1_1, true}};
    connect("{}");
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        fixture_register((fixture_registration_t){.id = 1,
                                                  .status = HUB_STATUS_CONNECTED,
                                                  .authorized = true,
                                                  .token = "their-token",
                                                  .endpoints = endpoints,
                                                  .endpoint_count = 1,
                                                  .version = rows[i].connection,
                                                  .roles = "[{\"role\":\"EMSP\",\"party_id\":\"EMS\",\"country_code\":\"DE\"}]"});
        fixture_settle();
        hub_ocpi_call_t *made = call(HUB_PUT, "{}");
        made->version = rows[i].call;
        made->routed = true;
        hub_ocpi_call_start(made);
        const char *token = rows[i].old ? "Authorization: Token their-token\n" : "Authorization: Token dGhlaXItdG9rZW4=\n";
        assert_non_null(strstr(headers(), token));
        assert_int_equal(strstr(headers(), "X-Request-ID") == NULL, rows[i].old);
        assert_int_equal(strstr(headers(), "X-Correlation-ID") == NULL, rows[i].old);
        assert_int_equal(strstr(headers(), "OCPI-") == NULL, rows[i].old);
        assert_non_null(strstr(headers(), "Content-Type: application/json\n"));
        fixture_settle();
    }
}

static void broken(hub_call_t *made, unsigned number)
{
    (void)number;
    made->http_status = 200;
    made->answer = HUB_SLICE_LIT("{\"status_code\":");
}

static void answer_is_parsed_when_it_is_an_envelope(void **state)
{
    (void)state;
    connect("{}");
    hub_ocpi_call_start(call(HUB_GET, NULL));
    fixture_settle();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.status_code, 1000);
    fixture.answer = broken;
    hub_ocpi_call_start(call(HUB_GET, NULL));
    fixture_settle();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.status_code, 0);
    assert_int_equal(fixture_agent(1)->calls, 0);
}

static void at_the_end_calls_are_cancelled(void **state)
{
    (void)state;
    connect("{}");
    fixture.hold = true;
    hub_ocpi_call_start(call(HUB_GET, NULL));
    assert_false(hub_worker_stop(fixture.worker));
    fixture_settle();
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.err, HUB_ESTOPPING);
    assert_true(hub_worker_stop(fixture.worker));
}

typedef struct probe {
    hub_agent_task_t task;
    bool ran, found;
} probe_t;

static void run_probe(hub_agent_task_t *task, hub_agent_t *agent)
{
    probe_t *probe = (probe_t *)task;
    probe->ran = true;
    probe->found = agent;
}

static void task_finds_the_agent_or_nobody(void **state)
{
    (void)state;
    connect("{}");
    const struct {
        uint32_t tenant, id;
        bool found;
    } rows[] = {{HUB_TENANT_DEFAULT, 1, true}, {HUB_TENANT_DEFAULT, 2, false}, {HUB_TENANT_DEFAULT + 1, 1, false}};
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        probe_t probe = {.task = {.tenant = rows[i].tenant, .integration = rows[i].id, .run = run_probe}};
        hub_agent_post(fixture.core, &probe.task);
        assert_false(probe.ran);
        hub_mailbox_drain(fixture.mailbox);
        assert_true(probe.ran);
        assert_int_equal(probe.found, rows[i].found);
    }
}

static void suspended_integration_sends_nothing(void **state)
{
    (void)state;
    connect("{}");
    assert_true(hub_agent_may_call(fixture_agent(1)));
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"enabled\":false}", 204);
    assert_false(hub_agent_may_call(fixture_agent(1)));
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"enabled\":true}", 204);
    assert_true(hub_agent_may_call(fixture_agent(1)));
}

static void report_writes_only_what_changes(void **state)
{
    (void)state;
    connect("{}");
    hub_agent_t *agent = fixture_agent(1);
    uint64_t version = agent->integration->registration_version;
    for (int i = 0; i < 20; i++)
        hub_agent_report(agent, HUB_EOK, 200, 1000, HUB_SLICE_NONE);
    fixture_settle();
    assert_int_equal(agent->integration->registration_version, version);
    for (int i = 0; i < 20; i++) {
        hub_agent_report(agent, HUB_EPEER_TIMEOUT, 0, 0, HUB_SLICE_LIT("30 s"));
        fixture_settle();
    }
    assert_int_equal(agent->integration->status, HUB_STATUS_OFFLINE);
    assert_int_equal(agent->integration->registration_version, version + 2); /* DEGRADED, OFFLINE */
    hub_agent_report(agent, HUB_EOK, 200, 1000, HUB_SLICE_NONE);
    fixture_settle();
    assert_int_equal(agent->integration->status, HUB_STATUS_CONNECTED);
    assert_int_equal(agent->integration->status_description.len, 0);
}

static void method_names_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < HUB_METHOD_OTHER; i++)
        assert_int_equal(hub_method_parse(hub_slice_str(hub_method_name((hub_method_t)i))), i);
    assert_int_equal(hub_method_parse(HUB_SLICE_LIT("get")), HUB_METHOD_OTHER);
    assert_int_equal(hub_method_parse(HUB_SLICE_NONE), HUB_METHOD_OTHER);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
static int64_t since;
static hub_err_t keep_old_token(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    hub_registration_t reg;
    hub_err_t err = hub_registration_get(fixture.core, view, fixture.pool, HUB_TENANT_DEFAULT, 1, &reg);
    reg.previous_since = since;
    return err ? err : hub_registration_put(fixture.core, view, HUB_TENANT_DEFAULT, 1, &reg);
}

static const char *told_after(int64_t ms)
{
    hub_op_t op = {.apply = keep_old_token};
    since = ms ? hub_now_ms() - ms : 0;
    assert_int_equal(hub_store_apply(fixture.store, &op), HUB_EOK);
    hub_agent_report(fixture_agent(1), HUB_EOK, 200, 1000, HUB_SLICE_NONE);
    fixture_settle();
    hub_agent_t *agent = fixture_agent(1);
    assert_int_equal(agent->integration->status, HUB_STATUS_CONNECTED);
    return hub_pool_str(fixture.pool, agent->integration->status_description);
}

static void J_an_old_token_is_told_after_a_day(void **state)
{
    (void)state;
    connect("{}");
    assert_null(strstr(told_after(23 * 3600000ll), "new token"));
    assert_non_null(strstr(told_after(25 * 3600000ll), "has not used its new token since 20"));
    assert_null(strstr(told_after(0), "new token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(T15_token_is_base64_on_2_2_1_and_raw_where_the_profile_says_so),
        test(C24_routing_headers_only_where_asked_for),
        test(H2_routing_headers_name_the_parties_of_the_module),
        test(T19_every_request_has_ids_of_its_own),
        test(T15_T19_H1_what_2_1_1_does_not_have),
        test(answer_is_parsed_when_it_is_an_envelope),
        test(at_the_end_calls_are_cancelled),
        test(task_finds_the_agent_or_nobody),
        test(suspended_integration_sends_nothing),
        test(report_writes_only_what_changes),
        test(J_an_old_token_is_told_after_a_day),
        cmocka_unit_test(method_names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
