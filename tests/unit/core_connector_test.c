/* Connectors: what is delivered when, what is tried again and until when, what is written down. Receivers are scripts, the clock moves. */
#include "roaming_fixture.h"

#include "connector/connector.h"

#define SECOND 1000ll
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static int status_of_answers; /* what every call is answered */
static unsigned failing;      /* so many of the next calls get it, the others 200 */
static const char *only;      /* only calls whose body has this */
static hub_err_t error_of_answers;

static int64_t when[FIXTURE_CALLS]; /* the clock at each answer */

static void answer(hub_call_t *call, unsigned number)
{
    when[number - 1] = fixture.clock;
    bool fails = failing && (!only || (call->body.len && memmem(call->body.ptr, call->body.len, only, strlen(only))));
    if (fails)
        failing--;
    call->err = fails ? error_of_answers : HUB_EOK;
    call->http_status = fails ? status_of_answers : 200;
    call->answer = HUB_SLICE_LIT("{\"ok\":true,\"id\":\"ref-1\"}");
}

static int set_up(void **state)
{
    int err = fixture_set_up(state);
    fixture.answer = answer;
    status_of_answers = 500;
    failing = 0;
    only = NULL;
    error_of_answers = HUB_EOK;
    add_party();
    return err;
}

#define connector_test(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
/* `more`: further members, with a comma before. */
static void add_webhook(const char *events, const char *more)
{
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"integrationName\":\"hook\",\"integrationType\":\"Webhook\",\"settings\":{\"url\":"
                                       "\"http://hook.test/in\",\"secret\":\"" SECRET "\",\"events\":[%s]}%s}",
                                       events, more);
    fixture_expect(HUB_POST, "/v1/integrations", body.ptr, 201);
    fixture_settle();
}

static void add_gateway(const char *more)
{
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"integrationName\":\"pay\",\"integrationType\":\"PaymentGateway\",\"settings\":{\"endpointUrl\":"
                                       "\"http://pay.test/cdrs\",\"schedule\":\"hourly\"}%s}",
                                       more);
    fixture_expect(HUB_POST, "/v1/integrations", body.ptr, 201);
    fixture_settle();
}

static void put_price(const char *id, const char *price)
{
    hub_slice_t path = hub_pool_printf(fixture.pool, "/v1/tariffs/NL/TNM/%s", id);
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"currency\":\"EUR\",\"elements\":[{"
                                       "\"price_components\":[{\"type\":\"ENERGY\",\"price\":%s,\"step_size\":1}]}]}",
                                       id, price);
    hub_slice_t said;
    int got = fixture_request(HUB_PUT, path.ptr, body.ptr, &said);
    if (got != 200 && got != 201)
        fail_msg("%d %.*s", got, HUB_SLICE_FMT(said));
}

/* T<first>, … in one request. */
static void put_many(unsigned count, unsigned step, const char *price)
{
    hub_buf_t body = HUB_BUF_INIT(fixture.pool);
    for (unsigned i = 0; i < count; i += step)
        hub_buf_printf(&body,
                       "%s{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"T%u\",\"currency\":\"EUR\",\"elements\":[{"
                       "\"price_components\":[{\"type\":\"ENERGY\",\"price\":%s,\"step_size\":1}]}]}",
                       i ? "," : "[", i, price);
    hub_buf_add_char(&body, ']');
    fixture_expect(HUB_POST, "/v1/tariffs", hub_pool_str(fixture.pool, hub_buf_slice(&body)), 200);
}

/* The clock, in large steps: what is due in between comes a little late. */
static void leap(int64_t ms, int64_t step)
{
    for (int64_t end = fixture.clock + ms; fixture.clock < end;) {
        fixture.clock += fixture.clock + step < end ? step : end - fixture.clock;
        fixture_settle();
    }
}

static hub_slice_t get(const char *path)
{
    hub_slice_t text;
    assert_int_equal(fixture_request(HUB_GET, path, NULL, &text), 200);
    return text;
}

/* A member at a path like "modules/0/sent", as text. */
static const char *at(hub_slice_t json, const char *path)
{
    yyjson_doc *doc;
    hub_slice_t rest = hub_slice_str(path), name;
    assert_int_equal(ocpi_read(fixture.pool, json, &doc, NULL), HUB_EOK);
    yyjson_val *value = yyjson_doc_get_root(doc);
    while (hub_slice_split(&rest, '/', &name)) {
        uint64_t index;
        value =
            yyjson_is_arr(value) && hub_slice_u64(name, &index) ? yyjson_arr_get(value, index) : yyjson_obj_getn(value, name.ptr, name.len);
    }
    return !value || yyjson_is_null(value)
               ? ""
               : hub_pool_str(fixture.pool,
                              yyjson_is_str(value) || yyjson_is_raw(value) ? ocpi_str(value) : ocpi_write(fixture.pool, value));
}

static const char *delivery(const char *member)
{
    bool done = false;
    hub_exchange_t x = {.pool = hub_pool_create(),
                        .worker = fixture.worker,
                        .method = HUB_GET,
                        .path = HUB_SLICE_LIT("/v1/integrations/1/delivery"),
                        .done = fixture_done,
                        .driver = &done};
    x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_KEY);
    hub_exchange_run(&x);
    for (int i = 0; i < 1000 && !done; i++)
        hub_mailbox_drain(fixture.mailbox);
    assert_true(done && x.reply.status == 200);
    const char *text = at(hub_pool_copy(fixture.pool, x.reply.body), hub_pool_printf(fixture.pool, "modules/0/%s", member).ptr);
    hub_pool_destroy(x.pool);
    return text;
}

static const char *status(const char *id)
{
    return at(get(hub_pool_printf(fixture.pool, "/v1/integrations/%s", id).ptr), "integrationStatus");
}

static const char *header(unsigned call, const char *name)
{
    const char *found = strstr(fixture.sent[call].headers, name);
    assert_non_null(found);
    found += strlen(name) + 2;
    return hub_pool_str(fixture.pool, hub_slice(found, strcspn(found, "\n")));
}

static unsigned sent_with(unsigned first, const char *text)
{
    unsigned count = 0;
    for (unsigned i = first; i < fixture.sent_count; i++)
        count += strstr(fixture.sent[i].body, text) != NULL;
    return count;
}

/* ---- webhooks ---- */

static void a_webhook_is_signed(void **state)
{
    (void)state;
    unsigned char digest[HUB_SHA256_LEN];
    add_webhook("\"tariff.created\"", "");
    put_price("T1", "0.25");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    const fixture_sent_t *sent = &fixture.sent[0];
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "http://hook.test/in");
    hub_slice_t body = hub_slice_str(sent->body);
    assert_string_equal(at(body, "type"), "tariff.created");
    assert_string_equal(at(body, "data/type"), "tariff.created");
    assert_string_equal(at(body, "data/object/id"), "T1");
    assert_string_equal(at(body, "timestamp"), at(body, "data/time"));
    assert_string_equal(header(0, "webhook-id"), hub_pool_printf(fixture.pool, "msg_1_%s", at(body, "data/seq")).ptr);
    hub_slice_t text = hub_pool_printf(fixture.pool, "%s.%s.%s", header(0, "webhook-id"), header(0, "webhook-timestamp"), sent->body);
    hub_hmac_sha256(HUB_SLICE_LIT("0123456789abcdef0123456789abcdef"), text, digest);
    hub_slice_t mac = hub_base64_encode(fixture.pool, hub_slice((const char *)digest, sizeof digest));
    assert_string_equal(header(0, "webhook-signature"), hub_pool_printf(fixture.pool, "v1,%s", mac.ptr).ptr);
    assert_string_equal(status("1"), "CONNECTED");
}

/* ---- trying again ---- */

static void a_failure_is_tried_again_with_growing_pauses_and_parked_after_three_days(void **state)
{
    (void)state;
    static const int64_t pauses[] = {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR};
    failing = 1000;
    only = "\"T1\"";
    add_webhook("\"tariff.created\",\"tariff.updated\"", "");
    put_price("T1", "0.25");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    int64_t begin = fixture.clock;
    for (unsigned i = 0; i < HUB_COUNT(pauses); i++) {
        int64_t next;
        assert_true(ocpi_time_parse(hub_slice_str(delivery("nextAttempt")), &next, NULL));
        fixture.clock += next - hub_now_ms() - SECOND;
        fixture_settle();
        assert_int_equal(fixture.sent_count, i + 1);
        fixture.clock += 2 * SECOND;
        fixture_settle();
    }
    assert_int_equal(fixture.sent_count, HUB_COUNT(pauses) + 1);
    for (unsigned i = 0; i < HUB_COUNT(pauses); i++) {
        int64_t pause = when[i + 1] - when[i];
        assert_true(pause >= pauses[i] - SECOND && pause <= pauses[i] + pauses[i] / 10 + 2 * SECOND);
        assert_string_equal(header(i + 1, "webhook-id"), header(0, "webhook-id"));
    }
    assert_string_equal(delivery("retrying"), "1");
    assert_string_equal(status("1"), "DEGRADED");
    put_price("T2", "0.25"); /* others do not wait */
    fixture_settle();
    assert_int_equal(sent_with(0, "\"T2\""), 1);
    leap(begin + 72 * HOUR + MINUTE - fixture.clock, HOUR);
    unsigned tries = sent_with(0, "\"T1\"");
    assert_int_equal(tries, HUB_COUNT(pauses) + 2); /* the last one when the time is over */
    assert_string_equal(delivery("retrying"), "0");
    assert_string_equal(delivery("parked"), "1");
    hub_slice_t held = get("/v1/integrations/1/quarantine");
    assert_string_equal(at(held, "0/module"), "tariffs");
    assert_string_equal(at(held, "0/objectId"), "t1");
    assert_string_equal(at(held, "0/object/object/id"), "T1");
    assert_string_equal(at(held, "0/problems/0/message"), "10 attempts, the last: HTTP 500");
    leap(100 * HOUR, HOUR);
    assert_int_equal(sent_with(0, "\"T1\""), tries);
}

static void park_one(void)
{
    failing = 1000;
    only = "\"T1\"";
    add_webhook("\"tariff.created\",\"tariff.updated\"", "");
    put_price("T1", "0.25");
    leap(73 * HOUR, HOUR);
    assert_string_equal(delivery("parked"), "1");
    assert_string_equal(status("1"), "DEGRADED");
}

static void what_is_parked_can_be_sent_again(void **state)
{
    (void)state;
    park_one();
    fixture_restart(); /* it is written down */
    const char *id = at(get("/v1/integrations/1/quarantine"), "0/id");
    const char *again = hub_pool_printf(fixture.pool, "/v1/integrations/1/quarantine/%s/retry", id).ptr;
    unsigned before = fixture.sent_count;
    fixture_expect(HUB_POST, again, NULL, 202); /* still fails: three days more */
    fixture_settle();
    assert_int_equal(fixture.sent_count, before + 1);
    assert_string_equal(delivery("retrying"), "1");
    assert_string_equal(delivery("parked"), "0");
    leap(70 * HOUR, HOUR);
    assert_string_equal(delivery("retrying"), "1");
    leap(3 * HOUR, HOUR);
    assert_string_equal(delivery("parked"), "1");
    failing = 0;
    id = at(get("/v1/integrations/1/quarantine"), "0/id");
    before = fixture.sent_count;
    fixture_expect(HUB_POST, hub_pool_printf(fixture.pool, "/v1/integrations/1/quarantine/%s/retry", id).ptr, NULL, 202);
    fixture_settle();
    assert_int_equal(fixture.sent_count, before + 1);
    assert_string_equal(at(hub_slice_str(fixture.sent[before].body), "type"), "tariff.created");
    assert_string_equal(delivery("parked"), "0");
    assert_string_equal(status("1"), "CONNECTED");
}

static void what_is_parked_can_be_dropped_or_is_overtaken(void **state)
{
    (void)state;
    park_one();
    const char *id = at(get("/v1/integrations/1/quarantine"), "0/id");
    unsigned before = fixture.sent_count;
    fixture_expect(HUB_DELETE, hub_pool_printf(fixture.pool, "/v1/integrations/1/quarantine/%s", id).ptr, NULL, 204);
    fixture_settle();
    assert_int_equal(fixture.sent_count, before);
    assert_string_equal(delivery("parked"), "0");
    put_price("T1", "0.30");
    leap(73 * HOUR, HOUR);
    assert_string_equal(delivery("parked"), "1");
    failing = 0;
    put_price("T1", "0.35"); /* a newer state gets through: the older one is of no interest */
    fixture_settle();
    assert_string_equal(delivery("parked"), "0");
    assert_string_equal(at(get("/v1/integrations/1/quarantine"), "0"), "");
    assert_string_equal(status("1"), "CONNECTED");
}

static void what_is_under_way_when_it_is_asked_for_again_goes_once(void **state)
{
    (void)state;
    park_one();
    const char *id = at(get("/v1/integrations/1/quarantine"), "0/id");
    unsigned before = fixture.sent_count;
    failing = 0;
    fixture.hold = true;
    put_price("T1", "0.30");
    fixture_settle();
    fixture_expect(HUB_POST, hub_pool_printf(fixture.pool, "/v1/integrations/1/quarantine/%s/retry", id).ptr, NULL, 202);
    fixture_settle();
    fixture.hold = false;
    fixture_settle();
    fixture_restart();
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, before + 1);
    assert_string_equal(delivery("retrying"), "0");
}

static void a_newer_state_takes_the_place_of_one_that_waits(void **state)
{
    (void)state;
    failing = 1;
    add_webhook("\"tariff.created\"", ""); /* of which nobody was told yet */
    put_price("T1", "0.25");
    fixture_settle();
    assert_string_equal(delivery("retrying"), "1");
    put_price("T1", "0.35");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(at(hub_slice_str(fixture.sent[1].body), "type"), "tariff.created");
    assert_non_null(strstr(fixture.sent[1].body, "\"price\":0.35"));
    assert_string_equal(delivery("retrying"), "0");
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 2);
}

static void what_waits_goes_on_after_a_restart(void **state)
{
    (void)state;
    failing = 2;
    add_webhook("\"tariff.created\"", "");
    put_price("T1", "0.25");
    fixture_advance(6 * SECOND);
    assert_int_equal(fixture.sent_count, 2);
    fixture_restart();
    assert_string_equal(delivery("retrying"), "1");
    fixture_advance(4 * MINUTE);
    assert_int_equal(fixture.sent_count, 2);
    fixture_advance(2 * MINUTE);
    assert_int_equal(fixture.sent_count, 3);
    assert_string_equal(delivery("retrying"), "0");
    fixture_restart();
    leap(73 * HOUR, HOUR);
    assert_int_equal(fixture.sent_count, 3);
}

static void a_refusal_is_parked_at_once_where_the_kind_does_not_insist(void **state)
{
    (void)state;
    failing = 1;
    status_of_answers = 422;
    add_gateway("");
    put_cdr("C1", "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_string_equal(delivery("parked"), "1");
    assert_string_equal(at(get("/v1/integrations/1/quarantine"), "0/objectId"), "c1");
}

static void too_many_failures_stop_the_reading(void **state)
{
    (void)state;
    failing = 100000;
    add_webhook("\"tariff.created\"", "");
    put_many(1010, 1, "0.25");
    fixture_settle();
    assert_string_equal(delivery("retrying"), "1000");
    assert_int_equal(fixture.sent_count, 1000);
    assert_non_null(strstr(at(get("/v1/integrations/1"), "statusDescription"), "nothing more is begun"));
    failing = 0;
    fixture_advance(10 * SECOND);
    assert_string_equal(delivery("retrying"), "0");
    assert_int_equal(fixture.sent_count, 2010);
    assert_string_equal(status("1"), "CONNECTED");
}

/* ---- the receiver as a whole ---- */

static void an_unreachable_receiver_gets_the_latest_state_once(void **state)
{
    (void)state;
    failing = 1000;
    error_of_answers = HUB_EPEER_UNREACHABLE;
    add_webhook("\"tariff.created\",\"tariff.updated\"", "");
    put_many(100, 1, "0.25");
    leap(HOUR, MINUTE);
    assert_string_equal(status("1"), "OFFLINE");
    assert_string_equal(delivery("retrying"), "0"); /* they wait where they are */
    assert_true(fixture.sent_count < 30);
    put_many(100, 2, "0.99");
    unsigned before = fixture.sent_count;
    failing = 0;
    leap(6 * MINUTE, MINUTE / 2);
    assert_int_equal(fixture.sent_count, before + 100);
    assert_int_equal(sent_with(before, "tariff.created"), 100);
    assert_int_equal(sent_with(before, "\"price\":0.99"), 50);
    assert_string_equal(status("1"), "CONNECTED");
    assert_int_equal(fixture.most_waiting, 4); /* never more calls at a time */
}

/* One that is answered "busy" again and again while others get through: it is that one. */
static void one_that_makes_the_receiver_busy_does_not_keep_others_waiting(void **state)
{
    (void)state;
    failing = 1000;
    status_of_answers = 503;
    only = "\"T1\"";
    add_webhook("\"tariff.created\"", "");
    put_many(20, 1, "0.25");
    fixture_settle();
    leap(20 * MINUTE, MINUTE / 2);
    assert_int_equal(sent_with(0, "\"T2\""), 1);
    assert_string_equal(delivery("retrying"), "1");
    assert_int_equal(fixture.sent_count - sent_with(0, "\"T1\""), 19);
    failing = 0;
    leap(40 * MINUTE, MINUTE);
    assert_string_equal(delivery("retrying"), "0");
    assert_string_equal(status("1"), "CONNECTED");
}

/* It is that one, too, when its content makes a firewall answer 403, or the receiver's process end. */
static void one_that_stops_everything_is_put_aside(void **state)
{
    static const struct {
        int status;
        hub_err_t err;
    } rows[] = {{403, HUB_EOK}, {0, HUB_EPEER_UNREACHABLE}};
    (void)state;
    only = "\"T1\"";
    for (unsigned i = 0; i < HUB_COUNT(rows); i++) {
        failing = 1000;
        status_of_answers = rows[i].status;
        error_of_answers = rows[i].err;
        unsigned before = fixture.sent_count;
        if (!i)
            add_webhook("\"tariff.created\",\"tariff.updated\"", "");
        put_many(300, 1, i ? "0.26" : "0.25"); /* more than the window has places */
        leap(30 * MINUTE, SECOND);
        assert_int_equal(fixture.sent_count - before - sent_with(before, "\"T1\""), 299);
        assert_string_equal(status("1"), "DEGRADED");
        assert_string_equal(delivery("retrying"), "1");
        failing = 0;
        leap(3 * HOUR, MINUTE);
        assert_string_equal(delivery("retrying"), "0");
        assert_string_equal(status("1"), "CONNECTED");
    }
}

static void what_is_deleted_before_anybody_was_told(void **state)
{
    (void)state;
    failing = 3;
    add_webhook("\"tariff.created\",\"tariff.updated\",\"tariff.deleted\"", "");
    put_price("T1", "0.25");
    fixture_settle();
    fixture_expect(HUB_DELETE, "/v1/tariffs/NL/TNM/T1", NULL, 204);
    fixture_settle();
    assert_string_equal(at(hub_slice_str(fixture.sent[1].body), "type"), "tariff.deleted");
    put_price("T1", "0.30"); /* it is there again before the receiver heard that it was gone */
    fixture_settle();
    assert_string_equal(at(hub_slice_str(fixture.sent[2].body), "type"), "tariff.created");
    leap(2 * HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 4);
    assert_string_equal(at(hub_slice_str(fixture.sent[3].body), "type"), "tariff.created");
    assert_string_equal(delivery("retrying"), "0");
}

static void credentials_that_are_refused(void **state)
{
    (void)state;
    failing = 1000;
    status_of_answers = 401;
    add_webhook("\"tariff.created\"", "");
    put_price("T1", "0.25");
    fixture_settle();
    assert_string_equal(status("1"), "FAILED");
    leap(3 * HOUR, MINUTE * 2);
    unsigned before = fixture.sent_count;
    leap(HOUR, MINUTE);
    assert_true(fixture.sent_count - before >= 4 && fixture.sent_count - before <= 8); /* each 8 to 15 minutes */
    failing = 0;
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"settings\":{\"secret\":\"" SECRET "\"}}", 204);
    fixture_settle(); /* at once */
    assert_string_equal(status("1"), "CONNECTED");
}

static void answer_with_tokens(hub_call_t *call, unsigned number)
{
    answer(call, number);
    if (!memmem(call->url.ptr, call->url.len, "/token", 6))
        return;
    call->http_status = 200;
    call->answer = HUB_SLICE_LIT("{\"access_token\":\"abc\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
}

/* Of several under way with an access token that was withdrawn each goes once more, and nobody is told of trouble. */
static void an_access_token_that_is_withdrawn(void **state)
{
    (void)state;
    fixture.answer = answer_with_tokens;
    fixture_expect(HUB_POST, "/v1/integrations",
                   "{\"integrationName\":\"sf\",\"integrationType\":\"Salesforce\",\"salesforceConnection\":{\"endpointUrl\":"
                   "\"http://sf.test/in\",\"activateConnection\":true,\"auth\":{\"type\":\"client_credentials\",\"clientId\":\"me\","
                   "\"clientSecret\":\"secret-of-mine\",\"tokenUrl\":\"http://sf.test/token\"}}}",
                   201);
    fixture_settle();
    put_cdr("C0", "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    fixture.hold = true;
    for (unsigned i = 1; i <= 4; i++)
        put_cdr(hub_pool_printf(fixture.pool, "C%u", i).ptr, "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 4);
    status_of_answers = 401;
    only = "cdr.created";
    failing = 4;
    fixture.hold = false;
    fixture_settle();
    assert_string_equal(delivery("failed"), "0");
    assert_string_equal(delivery("sent"), "5");
    assert_int_equal(sent_with(0, "grant_type"), 2);
    assert_string_equal(status("1"), "CONNECTED");
}

static void a_receiver_that_is_gone_is_left_alone(void **state)
{
    (void)state;
    failing = 1;
    status_of_answers = 410;
    add_webhook("\"tariff.created\"", "");
    put_price("T1", "0.25");
    fixture_settle();
    assert_string_equal(status("1"), "FAILED");
    put_price("T2", "0.25");
    leap(100 * HOUR, HOUR);
    assert_int_equal(fixture.sent_count, 1);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"settings\":{\"url\":\"http://hook.test/other\"}}", 204);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 3);
    assert_string_equal(status("1"), "CONNECTED");
}

/* Of two that are under way the other is still taken: that does not call the receiver back. */
static void a_receiver_that_is_gone_is_gone_whatever_comes_after(void **state)
{
    (void)state;
    add_webhook("\"tariff.created\"", "");
    fixture.hold = true;
    put_price("T1", "0.25");
    put_price("T2", "0.25");
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 2);
    failing = 1;
    status_of_answers = 410;
    fixture.hold = false;
    fixture_settle();
    assert_string_equal(status("1"), "FAILED");
    put_price("T3", "0.25");
    leap(HOUR, HOUR / 60);
    assert_int_equal(fixture.sent_count, 2);
}

/* ---- the cursor ---- */

static void nothing_goes_twice_after_a_restart(void **state)
{
    (void)state;
    add_webhook("", "");
    put_many(200, 1, "0.25");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 200);
    fixture_restart();
    put_price("T200", "0.25");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 201);
}

static unsigned kept, most_kept; /* answers that are still in memory */

static void let_go(void *unused)
{
    (void)unused;
    kept--;
}

static void answer_and_count(hub_call_t *call, unsigned number)
{
    answer(call, number);
    hub_pool_link(call->pool, let_go, NULL);
    if (++kept > most_kept)
        most_kept = kept;
}

/* A receiver may say megabytes each time. */
static void an_answer_is_not_kept_until_it_is_written_down_that_it_came(void **state)
{
    (void)state;
    kept = most_kept = 0;
    fixture.answer = answer_and_count;
    add_webhook("", "");
    put_many(200, 1, "0.25");
    fixture_settle();
    assert_int_equal(fixture.sent_count, 200);
    assert_int_equal(kept, 0);
    assert_true(most_kept <= 4);
}

static void it_begins_where_it_was_told(void **state)
{
    (void)state;
    put_cdr("C1", "S1", NULL, 201);
    add_gateway(""); /* from now on */
    put_cdr("C2", "S2", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    assert_int_equal(sent_with(0, "C2"), 1);
    add_gateway(",\"configData\":{\"after\":0}"); /* from the beginning */
    assert_int_equal(sent_with(0, "C1"), 1);
    assert_int_equal(sent_with(0, "C2"), 2);
    /* what happens between being made and being switched on is not what was asked for */
    add_gateway(",\"enabled\":false");
    put_cdr("C3", "S3", NULL, 201);
    fixture_settle();
    assert_int_equal(sent_with(0, "C3"), 2);
    fixture_expect(HUB_PATCH, "/v1/integrations/3", "{\"enabled\":true}", 204);
    put_cdr("C4", "S4", NULL, 201);
    fixture_settle();
    assert_int_equal(sent_with(0, "C3"), 2);
    assert_int_equal(sent_with(0, "C4"), 3);
}

typedef struct rewinding {
    hub_op_t op; /* first */
    uint32_t integration;
} rewinding_t;

static hub_err_t rewind_cursor(hub_view_t *view, hub_op_t *op)
{
    hub_key_t key;
    hub_key_init(&key);
    hub_key_u8(&key, 'C');
    hub_key_u32(&key, ((rewinding_t *)op)->integration);
    return hub_cursor_put(view, &key, 0);
}

static void what_is_in_the_ledger_never_goes_again(void **state)
{
    (void)state;
    add_gateway("");
    put_cdr("C1", "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    hub_slice_t receipt = get("/v1/integrations/1/receipts/NL/TNM/C1");
    assert_true(strlen(at(receipt, "acknowledged")) > 0);
    rewinding_t rewinding = {.op = {.apply = rewind_cursor}, .integration = 1};
    assert_int_equal(hub_store_apply(fixture.store, &rewinding.op), HUB_EOK);
    fixture_restart();
    put_cdr("C2", "S2", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 2);
    assert_int_equal(sent_with(1, "C2"), 1);
}

static void money_goes_no_further_than_what_is_written_down(void **state)
{
    (void)state;
    add_gateway("");
    fixture.hold = true;
    for (unsigned i = 0; i < 20; i++)
        put_cdr(hub_pool_printf(fixture.pool, "C%u", i).ptr, "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 4);
    fixture.hold = false;
    fixture_settle();
    assert_int_equal(fixture.sent_count, 20);
}

/* ---- itself ---- */

static void its_own_status_is_not_told(void **state)
{
    (void)state;
    failing = 3;
    add_webhook("", "");
    put_price("T1", "0.25");
    leap(HOUR, MINUTE); /* DEGRADED, then CONNECTED */
    assert_int_equal(fixture.sent_count, 4);
    assert_int_equal(sent_with(0, "\"integration."), 0);
    put_price("T1", "0.35");
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 5);
}

/* ---- by a schedule ---- */

static void by_a_schedule(void **state)
{
    (void)state;
    add_gateway(",\"triggerType\":\"SCHEDULE\"");
    put_cdr("C1", "S1", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 0);
    assert_true(strlen(delivery("nextRun")) > 0);
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 1);
    put_cdr("C2", "S2", NULL, 201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 1);
    fixture_stop_core();
    fixture.clock += HOUR; /* the tick is missed */
    fixture_start_core();
    assert_int_equal(fixture.sent_count, 2);
    leap(3 * HOUR, MINUTE * 2);
    assert_int_equal(fixture.sent_count, 2);
}

static void an_export_has_many_in_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 120; i++)
        put_cdr(hub_pool_printf(fixture.pool, "C%u", i).ptr, "S1", NULL, 201);
    fixture_expect(HUB_POST, "/v1/integrations",
                   "{\"integrationName\":\"x\",\"integrationType\":\"DataExport\",\"settings\":{\"endpointUrl\":\"http://files.test/in/\","
                   "\"format\":\"ndjson\",\"schedule\":\"hourly\"}}",
                   201);
    fixture_settle();
    assert_int_equal(fixture.sent_count, 0); /* not before its first tick */
    failing = 1;
    for (int64_t end = fixture.clock + HOUR; !fixture.sent_count && fixture.clock <= end;)
        fixture_advance(SECOND);
    assert_int_equal(fixture.sent_count, 1);
    assert_string_equal(fixture.sent[0].method, "PUT");
    put_cdr("C120", "S1", NULL, 201);
    fixture_advance(10 * SECOND); /* 500: the same file again */
    assert_int_equal(fixture.sent_count, 2);
    assert_string_equal(fixture.sent[0].url, fixture.sent[1].url);
    assert_string_equal(fixture.sent[0].body, fixture.sent[1].body);
    unsigned lines = 0;
    for (const char *p = fixture.sent[1].body; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 120);
    fixture_restart();
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 3);
    assert_non_null(strstr(fixture.sent[2].body, "C120"));
    assert_null(strstr(fixture.sent[2].body, "C119"));
    leap(5 * HOUR, HOUR / 2);
    assert_int_equal(fixture.sent_count, 3); /* nothing new, no file */
}

/* About 200 KB in JSON, a line in CSV. */
static void put_long_cdr(const char *id)
{
    hub_buf_t body = HUB_BUF_INIT(fixture.pool);
    hub_buf_printf(
        &body,
        "{\"country_code\":\"NL\",\"party_id\":\"TNM\",\"id\":\"%s\",\"start_date_time\":\"2026-01-01T10:00:00Z\","
        "\"end_date_time\":\"2026-01-01T11:00:00Z\",\"session_id\":\"S1\",\"cdr_token\":" TOKEN_OF(
            "DE", "EMS") ",\"auth_method\":\"WHITELIST\",\"cdr_location\":{\"id\":\"L1\",\"address\":\"Quay 1\",\"city\":\"Delft\","
                         "\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\",\"longitude\":\"4.35710\"},\"evse_uid\":\"E1\","
                         "\"evse_id\":\"NL*TNM*E1\",\"connector_id\":\"1\",\"connector_standard\":\"IEC_62196_T2\","
                         "\"connector_format\":\"SOCKET\",\"connector_power_type\":\"AC_3_PHASE\"},\"currency\":\"EUR\","
                         "\"total_cost\":{\"excl_vat\":2.5},\"total_energy\":1.5,\"total_time\":1,\"charging_periods\":[",
        id);
    for (unsigned i = 0; i < 2000; i++)
        hub_buf_printf(&body,
                       "%s{\"start_date_time\":\"2026-01-01T10:%02u:%02uZ\",\"dimensions\":[{\"type\":\"ENERGY\",\"volume\":1.234}]}",
                       i ? "," : "", i / 60, i % 60);
    hub_buf_add_str(&body, "]}");
    fixture_expect(HUB_PUT, hub_pool_printf(fixture.pool, "/v1/cdrs/NL/TNM/%s", id).ptr, hub_pool_str(fixture.pool, hub_buf_slice(&body)),
                   201);
}

static void an_export_that_has_become_larger_than_a_file(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 70; i++)
        put_long_cdr(hub_pool_printf(fixture.pool, "X%02uX", i).ptr);
    fixture_expect(HUB_POST, "/v1/integrations",
                   "{\"integrationName\":\"x\",\"integrationType\":\"DataExport\",\"settings\":{\"endpointUrl\":\"http://files.test/in/\","
                   "\"format\":\"csv\",\"schedule\":\"hourly\"}}",
                   201);
    failing = 1;
    for (int64_t end = fixture.clock + HOUR; !fixture.sent_count && fixture.clock <= end;)
        fixture_advance(SECOND);
    assert_string_equal(delivery("retrying"), "1");
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"settings\":{\"format\":\"json\"}}", 204);
    failing = 0;
    leap(2 * HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 3); /* two files of it */
    assert_string_equal(delivery("retrying"), "0");
    for (unsigned i = 0; i < 70; i++)
        assert_int_equal(sent_with(1, hub_pool_printf(fixture.pool, "\"id\":\"X%02uX\",\"start\"", i).ptr), 1);
}

/* ---- alerts ---- */

static void turn(uint32_t id, hub_integration_status_t value)
{
    fixture_register((fixture_registration_t){
        .id = id, .status = value, .authorized = true, .token = "t", .endpoints = endpoints, .endpoint_count = 2, .roles = roles});
    fixture_settle();
}

static void alerts_tell_of_trouble_and_of_its_end(void **state)
{
    (void)state;
    add_integration("{}"); /* 1 */
    fixture_expect(
        HUB_POST, "/v1/integrations",
        "{\"integrationName\":\"alerts\",\"integrationType\":\"Messaging\",\"provider\":\"telegram\",\"settings\":{\"auth_token\":"
        "\"123:abc\",\"chat_id\":\"42\"}}",
        201);
    fixture_settle();
    turn(1, HUB_STATUS_CONNECTED); /* nothing was wrong */
    assert_int_equal(fixture.sent_count, 0);
    turn(1, HUB_STATUS_OFFLINE);
    assert_int_equal(fixture.sent_count, 1);
    assert_int_equal(sent_with(0, "OFFLINE"), 1);
    turn(1, HUB_STATUS_CONNECTED); /* within the minute: waits, … */
    turn(1, HUB_STATUS_OFFLINE);   /* … and nothing differs then */
    fixture_advance(2 * MINUTE);
    assert_int_equal(fixture.sent_count, 1);
    turn(1, HUB_STATUS_CONNECTED);
    assert_int_equal(fixture.sent_count, 2);
    turn(1, HUB_STATUS_DEGRADED);
    fixture_restart(); /* what waits is written down */
    turn(1, HUB_STATUS_FAILED);
    assert_int_equal(fixture.sent_count, 2);
    fixture_advance(MINUTE + SECOND);
    assert_int_equal(fixture.sent_count, 3);
    assert_int_equal(sent_with(2, "FAILED"), 1);
    turn(1, HUB_STATUS_UNREGISTERED);
    leap(HOUR, MINUTE);
    assert_int_equal(fixture.sent_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        connector_test(a_webhook_is_signed),
        connector_test(a_failure_is_tried_again_with_growing_pauses_and_parked_after_three_days),
        connector_test(what_is_parked_can_be_sent_again),
        connector_test(what_is_parked_can_be_dropped_or_is_overtaken),
        connector_test(what_is_under_way_when_it_is_asked_for_again_goes_once),
        connector_test(a_newer_state_takes_the_place_of_one_that_waits),
        connector_test(what_waits_goes_on_after_a_restart),
        connector_test(a_refusal_is_parked_at_once_where_the_kind_does_not_insist),
        connector_test(too_many_failures_stop_the_reading),
        connector_test(an_unreachable_receiver_gets_the_latest_state_once),
        connector_test(one_that_makes_the_receiver_busy_does_not_keep_others_waiting),
        connector_test(one_that_stops_everything_is_put_aside),
        connector_test(what_is_deleted_before_anybody_was_told),
        connector_test(credentials_that_are_refused),
        connector_test(an_access_token_that_is_withdrawn),
        connector_test(a_receiver_that_is_gone_is_left_alone),
        connector_test(a_receiver_that_is_gone_is_gone_whatever_comes_after),
        connector_test(nothing_goes_twice_after_a_restart),
        connector_test(an_answer_is_not_kept_until_it_is_written_down_that_it_came),
        connector_test(it_begins_where_it_was_told),
        connector_test(what_is_in_the_ledger_never_goes_again),
        connector_test(money_goes_no_further_than_what_is_written_down),
        connector_test(its_own_status_is_not_told),
        connector_test(by_a_schedule),
        connector_test(an_export_has_many_in_one),
        connector_test(an_export_that_has_become_larger_than_a_file),
        connector_test(alerts_tell_of_trouble_and_of_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
