/* Pulling from a scripted partner: pages, broken pages, windows, stale marks. */
#include "sync_fixture.h"

#include "object/objects.h"
#include "object/quarantine.h"
#include "sync/crawl.h"
#include "sync/pull.h"

#define BASE "http://partner.test/2.2.1/sender/locations"
static const hub_endpoint_t endpoints[] = {
    {OCPI_MODULE_LOCATIONS, OCPI_SENDER, HUB_SLICE_LIT("locations"), HUB_SLICE_LIT(BASE)},
    {OCPI_MODULE_TARIFFS, OCPI_SENDER, HUB_SLICE_LIT("tariffs"), HUB_SLICE_LIT("http://partner.test/2.2.1/sender/tariffs")},
};
static const char roles[] = "[{\"role\":\"CPO\",\"party_id\":\"ABC\",\"country_code\":\"DE\",\"business_details\":{\"name\":\"e\"}}]";

static fixture_registration_t registered(void)
{
    return (fixture_registration_t){.id = 1,
                                    .status = HUB_STATUS_CONNECTED,
                                    .authorized = true,
                                    .token = "their-token-0123456789",
                                    .endpoints = endpoints,
                                    .endpoint_count = 2,
                                    .roles = roles};
}

/* ---- the partner's list ---- */

static struct {
    unsigned from, to; /* ids L<from> … L<to - 1> */
    unsigned page;
    const char *party;
    int bad;          /* this one has no id */
    int total;        /* said; -1: the right one, -2: none */
    const char *link; /* instead of the right one */
    unsigned fail_at; /* the call that is answered 500 */
    bool html, endless;
    const char *data; /* instead of the list; "": none */
} list;

static hub_slice_t location(hub_pool_t *pool, unsigned i)
{
    hub_slice_t id = (int)i == list.bad ? HUB_SLICE_LIT("") : hub_pool_printf(pool, "\"id\":\"L%u\",", i);
    return hub_pool_printf(pool,
                           "{\"country_code\": \"DE\",\"party_id\":\"%s\",%.*s\"publish\":true,\"address\":\"Quay 1\",\"city\":\"Delft\","
                           "\"country\":\"NLD\",\"coordinates\":{\"latitude\":\"52.01160\",\"longitude\":\"4.35710\"},"
                           "\"time_zone\":\"Europe/Amsterdam\",\"last_updated\":\"2026-01-01T00:00:00Z\"}",
                           list.party, HUB_SLICE_FMT(id));
}

static unsigned offset_of(hub_call_t *call)
{
    const char *at = strstr(hub_pool_str(call->pool, call->url), "offset=");
    return at ? (unsigned)atoi(at + 7) : list.from;
}

static void serve(hub_call_t *call, unsigned number)
{
    if (number == list.fail_at) {
        fixture_ok(call, 500, 3000, NULL);
        return;
    }
    if (list.html) {
        call->http_status = 200;
        call->answer = HUB_SLICE_LIT("<html></html>");
        return;
    }
    if (list.data) {
        fixture_ok(call, 200, 1000, *list.data ? list.data : NULL);
        call->total_count = list.total == -2 ? HUB_SLICE_NONE : hub_pool_printf(call->pool, "%d", list.total);
        return;
    }
    hub_buf_t data = HUB_BUF_INIT(call->pool);
    unsigned start = offset_of(call), end = start + list.page < list.to ? start + list.page : list.to;
    if (list.endless)
        end = start + list.page;
    for (unsigned i = start; i < end; i++) {
        hub_slice_t one = location(call->pool, i);
        hub_buf_printf(&data, "%s %.*s ", i > start ? "," : "", HUB_SLICE_FMT(one));
    }
    fixture_ok(call, 200, 1000, hub_pool_printf(call->pool, "[%.*s]", HUB_SLICE_FMT(hub_buf_slice(&data))).ptr);
    if (list.total != -2)
        call->total_count = hub_pool_printf(call->pool, "%d", list.total < 0 ? (int)(list.to - list.from) : list.total);
    if (list.link)
        call->link = hub_slice_str(list.link);
    else if (end < list.to || list.endless)
        call->link = hub_pool_printf(call->pool, "<" BASE "?offset=%u&limit=%u>; rel=\"next\"", end, list.page);
}

static void connect(const char *models)
{
    list.from = 0;
    list.page = 10;
    list.party = "ABC";
    list.bad = list.total = -1;
    fixture.answer = serve;
    fixture_expect(HUB_POST, "/v1/parties",
                   "{\"countryCode\":\"NL\",\"partyId\":\"EMS\",\"roles\":[\"EMSP\"],\"businessDetails\":{\"name\":\"x\"}}", 201);
    hub_slice_t body = hub_pool_printf(fixture.pool,
                                       "{\"integrationName\":\"p\",\"integrationType\":\"OCPI\",\"models\":%s,\"ocpiConnection\":{"
                                       "\"initialRole\":\"RECEIVER\",\"customerRoles\":[\"EMSP\"]}}",
                                       models);
    fixture_expect(HUB_POST, "/v1/integrations", body.ptr, 201);
    fixture_register(registered());
}

static int set_up(void **state)
{
    memset(&list, 0, sizeof list);
    return fixture_set_up(state);
}

#define LOCATIONS "{\"pullLocation\":true}"

static unsigned stored(bool stale)
{
    hub_slice_t answer;
    unsigned count = 0;
    assert_int_equal(fixture_request(HUB_GET, "/v1/received/locations", "", &answer), 200);
    hub_pool_t *pool = hub_pool_create();
    yyjson_doc *doc;
    yyjson_val *item;
    size_t i, n;
    assert_int_equal(ocpi_read(pool, answer, &doc, NULL), HUB_EOK);
    yyjson_arr_foreach(yyjson_doc_get_root(doc), i, n, item) count += yyjson_is_true(yyjson_obj_get(item, "stale")) == stale;
    hub_pool_destroy(pool);
    return count;
}

static uint64_t quarantined(void)
{
    hub_view_t *view;
    assert_int_equal(hub_view_open(fixture.store, &view), HUB_EOK);
    uint64_t count = hub_quarantine_count(view, 1);
    hub_view_close(view);
    return count;
}

static const char *delivery(void)
{
    hub_slice_t answer;
    assert_int_equal(fixture_request(HUB_GET, "/v1/integrations/1/delivery", "", &answer), 200);
    return hub_pool_str(fixture.pool, answer);
}

static void wait_a_moment(void)
{
    fixture_advance(5000);
}

/* ---- pages ---- */

static void P5_follows_the_links_and_stores_every_page(void **state)
{
    (void)state;
    list.to = 95;
    connect(LOCATIONS);
    wait_a_moment();
    assert_int_equal(fixture.sent_count, 10);
    assert_string_equal(fixture.sent[0].url, BASE "?limit=100");
    assert_string_equal(fixture.sent[1].url, BASE "?offset=10&limit=10");
    assert_int_equal(stored(false), 95);
    assert_non_null(strstr(fixture.sent[0].headers, "OCPI-to-party-id: ABC\n"));
    assert_non_null(strstr(delivery(), "\"lastFull\":\"20"));
}

static void received_bytes_are_kept_as_they_came(void **state)
{
    (void)state;
    list.to = 1;
    connect(LOCATIONS);
    wait_a_moment();
    hub_view_t *view;
    hub_object_t object;
    hub_object_id_t id = {.tenant = HUB_TENANT_DEFAULT,
                          .scope = 1,
                          .module = OCPI_MODULE_LOCATIONS,
                          .country = HUB_SLICE_LIT("DE"),
                          .party = HUB_SLICE_LIT("ABC"),
                          .id = HUB_SLICE_LIT("L0")};
    assert_int_equal(hub_view_open(fixture.store, &view), HUB_EOK);
    assert_int_equal(hub_object_get(view, &id, &object), HUB_EOK);
    assert_true(hub_slice_eq(object.bytes, location(fixture.pool, 0)));
    hub_view_close(view);
}

static void T25_bad_objects_are_quarantined_and_the_good_ones_stored(void **state)
{
    (void)state;
    list.to = 20;
    connect(LOCATIONS);
    list.bad = 7;
    wait_a_moment();
    assert_int_equal(stored(false), 19);
    assert_int_equal(quarantined(), 1);
}

static void foreign_parties_are_quarantined(void **state)
{
    (void)state;
    list.to = 3;
    connect(LOCATIONS);
    list.party = "XYZ";
    wait_a_moment();
    assert_int_equal(stored(false), 0);
    assert_int_equal(quarantined(), 3);
}

static void wrong_total_is_tolerated_and_reported(void **state)
{
    (void)state;
    list.to = 25;
    connect(LOCATIONS);
    list.total = 7;
    wait_a_moment();
    assert_int_equal(stored(false), 25);
    assert_non_null(strstr(delivery(), "\"wrongTotal\":true"));
}

static void link_that_repeats_itself_ends_the_pull(void **state)
{
    (void)state;
    list.to = 25;
    connect(LOCATIONS);
    list.link = "<" BASE "?limit=100>; rel=\"next\"";
    wait_a_moment();
    assert_in_range(fixture.sent_count, 2, 3);
    assert_non_null(strstr(delivery(), "never ends"));
    assert_non_null(strstr(delivery(), "\"lastFull\":null"));
}

static unsigned serial;
static void same_content(hub_call_t *call, unsigned number)
{
    serve(call, number);
    call->link = hub_pool_printf(call->pool, "<" BASE "?page=%u>; rel=\"next\"", ++serial);
}

static void same_page_under_ever_new_links_ends_the_pull(void **state)
{
    (void)state;
    list.to = 5;
    connect(LOCATIONS);
    fixture.answer = same_content;
    wait_a_moment();
    assert_in_range(fixture.sent_count, 2, 3);
    assert_non_null(strstr(delivery(), "never ends"));
}

static void link_to_another_host_is_not_followed(void **state)
{
    (void)state;
    list.to = 25;
    connect(LOCATIONS);
    list.link = "<http://169.254.169.254/latest?offset=10>; rel=\"next\"";
    wait_a_moment();
    assert_int_equal(fixture.sent_count, 1);
    assert_non_null(strstr(delivery(), "another host"));
}

static void page_that_fails_once_is_asked_again(void **state)
{
    (void)state;
    list.to = 25;
    list.fail_at = 2;
    connect(LOCATIONS);
    fixture_advance(60000);
    assert_int_equal(fixture.sent_count, 4);
    assert_string_equal(fixture.sent[1].url, fixture.sent[2].url);
    assert_int_equal(stored(false), 25);
}

static void html_is_an_error_and_tried_again_later(void **state)
{
    (void)state;
    list.to = 5;
    list.html = true;
    connect(LOCATIONS);
    wait_a_moment();
    assert_non_null(strstr(delivery(), "without an OCPI envelope"));
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_DEGRADED);
    unsigned before = fixture.sent_count;
    list.html = false;
    fixture_advance(120000);
    assert_true(fixture.sent_count > before);
    assert_int_equal(stored(false), 5);
    assert_int_equal(fixture_agent(1)->integration->status, HUB_STATUS_CONNECTED);
}

static void Y4_an_empty_list_may_be_absent_or_null(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        int total;
        bool good;
    } rows[] = {{"null", 0, true},  {"", 0, true},  {"null", -2, true}, {"", -2, true},     {"[]", -2, true},
                {"null", 5, false}, {"", 5, false}, {"{}", 0, false},   {"\"\"", -2, false}};
    list.to = 5;
    connect(LOCATIONS);
    wait_a_moment();
    assert_int_equal(stored(false), 5);
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        list.data = rows[i].data;
        list.total = rows[i].total;
        fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"modules\":[\"locations\"],\"full\":true}", 202);
        wait_a_moment();
        if (!!strstr(delivery(), "has no list in data") == rows[i].good)
            fail_msg("%s, %d: %s", rows[i].data, rows[i].total, delivery());
        assert_int_equal(stored(false), 5); /* so much at once never becomes stale */
        list.data = NULL;
        list.total = -1;
        fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"modules\":[\"locations\"],\"full\":true}", 202);
        wait_a_moment();
    }
}

/* ---- when ---- */

static void delta_asks_from_the_last_good_start_less_an_hour(void **state)
{
    (void)state;
    list.to = 5;
    connect(LOCATIONS);
    wait_a_moment();
    assert_int_equal(fixture.sent_count, 1);
    int64_t start = hub_now_ms();
    fixture_advance(67ll * 60000); /* 60 minutes and jitter */
    assert_int_equal(fixture.sent_count, 2);
    const char *from = strstr(fixture.sent[1].url, "?date_from=");
    assert_non_null(from);
    hub_slice_t decoded;
    int64_t ms;
    unsigned flags;
    assert_true(ocpi_url_decode(fixture.pool, hub_slice(from + 11, strcspn(from + 11, "&")), &decoded));
    assert_true(ocpi_time_parse(decoded, &ms, &flags));
    assert_in_range(start - 3600000 - ms, 0, 10000);
}

static void schedule_is_kept_over_a_restart(void **state)
{
    (void)state;
    list.to = 5;
    connect(LOCATIONS);
    wait_a_moment();
    fixture_restart();
    fixture_advance(60000);
    assert_int_equal(fixture.sent_count, 1);
}

static void flag_switched_on_pulls_at_once(void **state)
{
    (void)state;
    list.to = 5;
    connect("{}");
    wait_a_moment();
    assert_int_equal(fixture.sent_count, 0);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pullLocation\":true}}", 204);
    wait_a_moment();
    assert_int_equal(stored(false), 5);
    fixture_expect(HUB_PATCH, "/v1/integrations/1", "{\"models\":{\"pullLocation\":false}}", 204);
    unsigned before = fixture.sent_count;
    fixture_advance(3ll * 3600000);
    assert_int_equal(fixture.sent_count, before);
}

static void asked_for_by_name_it_runs_whatever_the_flag_says(void **state)
{
    (void)state;
    list.to = 5;
    connect("{}");
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "", 409);
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"modules\":[\"commands\"]}", 400);
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"modules\":[\"locations\"],\"full\":1}", 400);
    fixture_expect(HUB_POST, "/v1/integrations/7/pull", "{\"modules\":[\"locations\"]}", 404);
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"modules\":[\"locations\"],\"full\":true}", 202);
    wait_a_moment();
    assert_int_equal(stored(false), 5);
}

static void one_pull_at_a_time(void **state)
{
    (void)state;
    list.to = 5;
    connect(LOCATIONS);
    wait_a_moment();
    fixture.hold = true;
    for (int i = 0; i < 5; i++)
        fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"full\":true}", 202);
    fixture_settle();
    assert_int_equal(fixture.waiting_count, 1);
    fixture.hold = false;
    wait_a_moment();
    assert_int_equal(fixture.sent_count, 3); /* first, the one asked for, and one more for all who asked meanwhile */
}

/* ---- stale ---- */

static void P10_objects_missing_from_a_full_pull_are_stale(void **state)
{
    (void)state;
    list.to = 50;
    connect(LOCATIONS);
    wait_a_moment();
    usleep(5000);
    list.from = 3;
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"full\":true}", 202);
    wait_a_moment();
    assert_int_equal(stored(true), 3);
    assert_int_equal(stored(false), 47);
}

static void too_many_missing_mark_nothing_and_alert(void **state)
{
    (void)state;
    list.to = 50;
    connect(LOCATIONS);
    wait_a_moment();
    usleep(5000);
    list.to = 10;
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{\"full\":true}", 202);
    wait_a_moment();
    assert_int_equal(stored(true), 0);
    assert_non_null(strstr(hub_pool_str(fixture.pool, fixture_agent(1)->integration->status_description), "more than 20 %"));
}

static void delta_marks_nothing_stale(void **state)
{
    (void)state;
    list.to = 50;
    connect(LOCATIONS);
    wait_a_moment();
    usleep(5000);
    list.from = 3;
    fixture_expect(HUB_POST, "/v1/integrations/1/pull", "{}", 202);
    wait_a_moment();
    assert_int_equal(fixture_count(1, "GET", "limit=100"), 1);
    assert_int_equal(stored(true), 0);
}

/* ---- links and elements ---- */

static void resolves(const char *link, const char *wanted)
{
    char *got = hub_link__resolve(HUB_SLICE_LIT("https://p.test/a/b/locations"), HUB_SLICE_LIT("https://p.test/a/b/locations?limit=2"),
                                  hub_slice_str(link));
    if (wanted)
        assert_string_equal(got, wanted);
    else
        assert_null(got);
    free(got);
}

static void next_links_stay_on_the_endpoints_origin(void **state)
{
    (void)state;
    resolves("https://p.test/x?offset=2", "https://p.test/x?offset=2");
    resolves("https://P.TEST:443/x", "https://p.test/x");
    resolves("http://p.test/x", "https://p.test/x"); /* a proxy in front that the platform does not know of */
    resolves("/x?offset=2#f", "https://p.test/x?offset=2");
    resolves("?offset=2", "https://p.test/a/b/locations?offset=2");
    resolves("next", "https://p.test/a/b/next");
    resolves("https://q.test/x", NULL);
    resolves("https://p.test:8443/x", NULL);
    resolves("https://p.test@q.test/x", NULL);
    resolves("//q.test/x", NULL);
    resolves("file:///etc/passwd", NULL);
    resolves("ftp://p.test/x", NULL);
    resolves("", NULL);
}

static void elements_are_cut_out_byte_for_byte(void **state)
{
    (void)state;
    hub_slice_t out[8];
    hub_slice_t body =
        HUB_SLICE_LIT("{ \"status_message\":\"a \\\"data\\\":[1] \", \"x\":{\"data\":[9,9,9]} , \"data\" : [ {\"a\": \"]}\\\\\"} ,2.50,"
                      "\"s,\\\"\" , [1, [2]] ,null ] , \"status_code\":1000}");
    assert_int_equal(hub_page__elements(body, out, 8), 5);
    assert_true(hub_slice_eq_str(out[0], "{\"a\": \"]}\\\\\"}"));
    assert_true(hub_slice_eq_str(out[1], "2.50"));
    assert_true(hub_slice_eq_str(out[2], "\"s,\\\"\""));
    assert_true(hub_slice_eq_str(out[3], "[1, [2]]"));
    assert_true(hub_slice_eq_str(out[4], "null"));
    assert_int_equal(hub_page__elements(HUB_SLICE_LIT("{\"data\":[]}"), out, 8), 0);
    assert_int_equal(hub_page__elements(HUB_SLICE_LIT("{\"data\":{}}"), out, 8), 0);
    /* Not JSON at all: nothing is read beyond the end. */
    assert_int_equal(hub_page__elements(HUB_SLICE_LIT("{\"data\":[\"abc"), out, 8), 1);
    assert_int_equal(hub_page__elements(HUB_SLICE_LIT("{\"data\""), out, 8), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(P5_follows_the_links_and_stores_every_page),
        test(received_bytes_are_kept_as_they_came),
        test(T25_bad_objects_are_quarantined_and_the_good_ones_stored),
        test(foreign_parties_are_quarantined),
        test(wrong_total_is_tolerated_and_reported),
        test(link_that_repeats_itself_ends_the_pull),
        test(same_page_under_ever_new_links_ends_the_pull),
        test(link_to_another_host_is_not_followed),
        test(page_that_fails_once_is_asked_again),
        test(html_is_an_error_and_tried_again_later),
        test(Y4_an_empty_list_may_be_absent_or_null),
        test(delta_asks_from_the_last_good_start_less_an_hour),
        test(schedule_is_kept_over_a_restart),
        test(flag_switched_on_pulls_at_once),
        test(asked_for_by_name_it_runs_whatever_the_flag_says),
        test(one_pull_at_a_time),
        test(P10_objects_missing_from_a_full_pull_are_stale),
        test(too_many_missing_mark_nothing_and_alert),
        test(delta_marks_nothing_stale),
        cmocka_unit_test(next_links_stay_on_the_endpoints_origin),
        cmocka_unit_test(elements_are_cut_out_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
