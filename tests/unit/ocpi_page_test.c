/* Query strings, pages and links: rules P1-P7, decision G. */
#include "json.h"

static ocpi_page_t parse(const char *query)
{
    ocpi_page_t page;
    ocpi_problem_t problem = {0};
    if (ocpi_page_parse(pool, hub_slice_str(query), 50, false, &page, &problem) != HUB_EOK)
        fail_msg("%s: %.*s", query, HUB_SLICE_FMT(problem.message));
    return page;
}

static void refused(const char *query, bool need_date_from, const char *pointer)
{
    ocpi_page_t page;
    ocpi_problem_t problem = {0};
    assert_int_equal(ocpi_page_parse(pool, hub_slice_str(query), 50, need_date_from, &page, &problem), HUB_EINVALID);
    assert_slice(problem.pointer, pointer);
    assert_true(problem.message.len > 0);
}

static void P1_all_parameters_are_optional(void **state)
{
    (void)state;
    ocpi_page_t page = parse("");
    assert_int_equal(page.offset, 0);
    assert_int_equal(page.limit, 50);
    assert_true(page.from == INT64_MIN && page.to == INT64_MAX);
    assert_null(page.position.ptr);
    page = parse("offset=20&limit=10&date_from=2026-01-02T03:04:05Z&date_to=2026-01-03T00%3A00%3A00Z&position=a%2Fb&other=1");
    assert_int_equal(page.offset, 20);
    assert_int_equal(page.limit, 10);
    assert_int_equal(page.from, 1767323045000);
    assert_int_equal(page.to, 1767398400000);
    assert_slice(page.position, "a/b");
}

static void P7_limit_is_capped(void **state)
{
    (void)state;
    assert_int_equal(parse("limit=51").limit, 50);
    assert_int_equal(parse("limit=99999999999999999999999").limit, 50);
    assert_int_equal(parse("limit=4294967297").limit, 50);
    assert_int_equal(parse("limit=1").limit, 1);
}

static void P1_dates_as_clients_write_them(void **state)
{
    (void)state;
    assert_int_equal(parse("date_from=2022-01-02T02:00:00+02:00").from, 1641081600000);
    assert_int_equal(parse("date_from=2022-01-02T02:00:00%2B02:00").from, 1641081600000);
    assert_int_equal(parse("date_from=2022-01-02+00:00:00").from, 1641081600000);
    assert_int_equal(parse("date_from=2022-01-02%2000:00:00").from, 1641081600000);
    assert_int_equal(parse("date_from=2022-01-02T00:00:00.250").from, 1641081600250);
}

static void G_wrong_parameters_are_named(void **state)
{
    (void)state;
    refused("limit=0", false, "/query/limit");
    refused("limit=-1", false, "/query/limit");
    refused("limit=ten", false, "/query/limit");
    refused("limit=", false, "/query/limit");
    refused("limit=1.5", false, "/query/limit");
    refused("offset=-1", false, "/query/offset");
    refused("offset=x", false, "/query/offset");
    refused("offset=%zz", false, "/query/offset");
    refused("date_from=yesterday", false, "/query/date_from");
    refused("date_to=2026-13-01T00:00:00Z", false, "/query/date_to");
    refused("date_to=", false, "/query/date_to");
}

static void P11_date_from_where_it_is_needed(void **state)
{
    (void)state;
    ocpi_page_t page;
    refused("limit=5", true, "/query/date_from");
    assert_int_equal(ocpi_page_parse(pool, HUB_SLICE_LIT("date_from=2026-01-01T00:00:00Z"), 50, true, &page, NULL), HUB_EOK);
}

static void P5_no_link_on_last_page(void **state)
{
    (void)state;
    ocpi_page_t page = parse("limit=5");
    assert_null(ocpi_page_link(pool, HUB_SLICE_LIT("https://hub/x"), &page, 5, HUB_SLICE_NONE).ptr);
}

static void P6_link_repeats_filters_with_new_offset(void **state)
{
    (void)state;
    ocpi_page_t page = parse("offset=100&limit=5000&date_from=2022-01-02T02:00:00%2B02:00");
    hub_slice_t link = ocpi_page_link(pool, HUB_SLICE_LIT("https://hub/ocpi/2.2.1/sender/locations"), &page, 50, HUB_SLICE_LIT("a.b=1"));
    assert_slice(
        link, "<https://hub/ocpi/2.2.1/sender/locations?date_from=2022-01-02T02%3A00%3A00%2B02%3A00&offset=150&limit=50&position=a.b%3D1>; "
              "rel=\"next\"");
    hub_slice_t url = ocpi_link_next(link), query = url;
    hub_slice_t base;
    hub_slice_split(&query, '?', &base);
    ocpi_page_t next = parse(hub_pool_str(pool, query));
    assert_int_equal(next.from, page.from);
    assert_int_equal(next.offset, 150);
    assert_int_equal(next.limit, 50);
    assert_slice(next.position, "a.b=1");
}

static void link_headers_of_real_peers(void **state)
{
    (void)state;
    static const char *const good[] = {
        "<https://p/x?offset=2>; rel=\"next\"",
        "<https://p/x?offset=2>;rel=next",
        "<https://p/x?offset=2>; rel='next'",
        "<https://p/x?offset=2>; REL=\"Next\"",
        "https://p/x?offset=2; rel=\"next\"",
        "  <https://p/x?offset=2> ; title=\"a,b\"; rel=\"next\"",
        "<https://p/a,b>; rel=\"prev\", <https://p/x?offset=2>; rel=\"next\"",
        "<https://p/first>; rel=\"first\",<https://p/x?offset=2>; rel=\"next last\"",
        "<https://p/x?offset=2; rel=\"next\"",
        "https://p/x?offset=2>; rel=\"next\"",
    };
    for (size_t i = 0; i < HUB_COUNT(good); i++)
        assert_slice(ocpi_link_next(hub_slice_str(good[i])), "https://p/x?offset=2");
    assert_slice(ocpi_link_next(HUB_SLICE_LIT("</x?offset=2>; rel=\"next\"")), "/x?offset=2");
    static const char *const none[] = {"",    ",", "<>",       "<https://p/x>", "<https://p/x>; rel=\"last\"", "<>; rel=\"next\"",
                                       ";;;", "<", "rel=next", "nextpage"};
    for (size_t i = 0; i < HUB_COUNT(none); i++)
        assert_null(ocpi_link_next(hub_slice_str(none[i])).ptr);
    assert_null(ocpi_link_next(HUB_SLICE_NONE).ptr);
}

static void query_values_are_decoded(void **state)
{
    (void)state;
    hub_slice_t value, query = HUB_SLICE_LIT("a=1&type=AD%5FHOC&empty=&flag&bad=%2&a=2");
    assert_true(ocpi_query_get(pool, query, "type", &value));
    assert_slice(value, "AD_HOC");
    assert_true(ocpi_query_get(pool, query, "a", &value));
    assert_slice(value, "1");
    assert_true(ocpi_query_get(pool, query, "empty", &value));
    assert_non_null(value.ptr);
    assert_int_equal(value.len, 0);
    assert_true(ocpi_query_get(pool, query, "flag", &value));
    assert_int_equal(value.len, 0);
    assert_true(ocpi_query_get(pool, query, "bad", &value));
    assert_slice(value, "%2");
    assert_false(ocpi_query_get(pool, query, "typ", &value));
    assert_false(ocpi_query_get(pool, HUB_SLICE_NONE, "a", &value));
}

static void url_escapes(void **state)
{
    (void)state;
    hub_slice_t out;
    assert_true(ocpi_url_decode(pool, HUB_SLICE_LIT("a%2Fb%20c+d"), &out));
    assert_slice(out, "a/b c+d");
    assert_true(ocpi_url_decode(pool, HUB_SLICE_LIT("%C3%A9"), &out));
    assert_slice(out, "\xC3\xA9");
    static const char *const bad[] = {"%", "%4", "a%zz", "%00", "x%C3", "%FF"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++)
        assert_false(ocpi_url_decode(pool, hub_slice_str(bad[i]), &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(P1_all_parameters_are_optional),
        json_test(P7_limit_is_capped),
        json_test(P1_dates_as_clients_write_them),
        json_test(G_wrong_parameters_are_named),
        json_test(P11_date_from_where_it_is_needed),
        json_test(P5_no_link_on_last_page),
        json_test(P6_link_repeats_filters_with_new_offset),
        json_test(link_headers_of_real_peers),
        json_test(query_values_are_decoded),
        json_test(url_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
