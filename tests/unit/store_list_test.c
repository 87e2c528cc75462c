#include "store_fixture.h"

#include <time.h>

#define BASE hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, 1)
#define OTHER hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, 2)
#define OVERLAY hub_audience(HUB_AUDIENCE_OVERLAY, 9)
#define NO_FROM INT64_MIN
#define NO_TO INT64_MAX

typedef struct fill {
    unsigned first, count;
    hub_audience_t audience;
    int64_t (*time)(unsigned i);
} fill_t;

static int64_t falling(unsigned i)
{
    return 100000 - (int64_t)i;
}

static hub_err_t fill_apply(hub_view_t *view, void *arg)
{
    const fill_t *fill = arg;
    for (unsigned i = fill->first; i < fill->first + fill->count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        hub_object_id_t id = fixture_id(0, 1, name);
        hub_object_t object = {
            .last_updated = fill->time(i), .audience_count = 1, .audiences = {fill->audience}, .bytes = HUB_SLICE_LIT("{}")};
        hub_err_t err = hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
        if (err)
            return err;
    }
    return HUB_EOK;
}

static void fill(fixture_t *f, unsigned first, unsigned count, hub_audience_t audience)
{
    fill_t what = {first, count, audience, falling};
    assert_int_equal(fixture_apply(f, fill_apply, &what), HUB_EOK);
}

typedef struct row {
    hub_audience_t audience;
    unsigned object;
    int64_t time;
    uint8_t tag;
} row_t;

/* An overlay row for an object that `fill` made (created seq = its number + 1). */
static hub_err_t row_apply(hub_view_t *view, void *arg)
{
    const row_t *row = arg;
    char name[16];
    hub_key_t key;
    snprintf(name, sizeof name, "%u", row->object);
    hub_object_id_t id = fixture_id(0, 1, name);
    hub_object_key(&id, &key);
    if (!row->tag)
        return hub_row_delete(view, row->audience, 1, row->object + 1);
    return hub_row_put(view, row->audience, 1, row->object + 1, row->time, row->tag, hub_key_slice(&key));
}

static void overlay(fixture_t *f, unsigned object, int64_t time, uint8_t tag)
{
    row_t row = {OVERLAY, object, time, tag};
    assert_int_equal(fixture_apply(f, row_apply, &row), HUB_EOK);
}

static hub_list_page_t list(fixture_t *f, hub_list_query_t *query)
{
    hub_view_t *view = fixture_view(f);
    hub_list_page_t page;
    query->module = 1;
    assert_int_equal(hub_list(view, query, f->pool, &page), HUB_EOK);
    hub_view_close(view);
    return page;
}

/* "0 1 2": the ids on a page. */
static const char *ids(fixture_t *f, const hub_list_page_t *page)
{
    hub_buf_t out = HUB_BUF_INIT(f->pool);
    for (uint32_t i = 0; i < page->count; i++) {
        hub_object_id_t id;
        assert_true(hub_object_key_parse(page->rows[i].key, &id));
        hub_buf_printf(&out, "%s%.*s", i ? " " : "", HUB_SLICE_FMT(id.id));
        if (page->rows[i].tag)
            hub_buf_printf(&out, "/%u@%lld", page->rows[i].tag, (long long)page->rows[i].last_updated);
    }
    return hub_pool_str(f->pool, hub_buf_slice(&out));
}

static void P8_lists_are_in_creation_order_and_pages_join(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 25, BASE);
    hub_list_query_t q = {.audiences = audiences, .audience_count = 1, .from = NO_FROM, .to = NO_TO, .limit = 10, .count = true};
    hub_list_page_t page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 1 2 3 4 5 6 7 8 9");
    assert_int_equal(page.total, 25);
    assert_int_equal(page.rows[3].last_updated, falling(3));
    assert_int_equal(page.rows[3].created_seq, 4);
    q.position = page.next;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "10 11 12 13 14 15 16 17 18 19");
    fill(&f, 0, 1, BASE);  /* a new state moves nothing */
    fill(&f, 25, 1, BASE); /* a new object lengthens the tail */
    q.position = page.next;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "20 21 22 23 24 25");
    assert_int_equal(page.total, 26);
    assert_int_equal(page.next.len, 0);
    q.position = HUB_SLICE_NONE;
    q.offset = 23;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "23 24 25");
    q.offset = 26;
    page = list(&f, &q);
    assert_int_equal(page.count, 0);
    assert_int_equal(page.total, 26);
    q.offset = 0;
    q.limit = 26;
    page = list(&f, &q);
    assert_int_equal(page.count, 26);
    assert_int_equal(page.next.len, 0); /* exactly all: no next page */
    q.limit = 0;
    page = list(&f, &q);
    assert_true(page.count == 0 && page.next.len == 0 && page.total == 26);
    fixture_close(&f);
}

static void P2_window_from_is_inclusive_to_is_exclusive(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 10, BASE); /* times 100000 down to 99991 */
    hub_list_query_t q = {.audiences = audiences, .audience_count = 1, .from = 99994, .to = 99998, .limit = 10, .count = true};
    hub_list_page_t page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "3 4 5 6"); /* 99997 … 99994, in creation order (P8) */
    assert_int_equal(page.total, 4);
    assert_int_equal(page.rows[0].last_updated, 99997);
    q.from = NO_FROM;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "3 4 5 6 7 8 9");
    q.from = 99998;
    q.to = NO_TO;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 1 2");
    q.to = 99998;
    page = list(&f, &q);
    assert_int_equal(page.count, 0);
    assert_int_equal(page.total, 0);
    fixture_close(&f);
}

static void a_window_is_paged_by_position_and_offset(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 10, BASE);
    hub_list_query_t q = {.audiences = audiences, .audience_count = 1, .from = 99992, .to = 99999, .limit = 3, .count = true};
    hub_list_page_t page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "2 3 4");
    q.position = page.next;
    q.count = false; /* the position carries the total */
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "5 6 7");
    assert_int_equal(page.total, 7);
    q.position = page.next;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "8");
    assert_int_equal(page.next.len, 0);
    q.position = HUB_SLICE_NONE;
    q.offset = 5;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "7 8");
    q.offset = 7;
    page = list(&f, &q);
    assert_int_equal(page.count, 0);
    q.offset = UINT64_MAX;
    page = list(&f, &q);
    assert_int_equal(page.count, 0);
    fixture_close(&f);
}

static bool not_excluded(void *arg, const hub_list_row_t *row)
{
    ++*(unsigned *)arg;
    assert_true(row->key.len > 0);
    return row->tag != 2;
}

static void audiences_are_merged_and_the_first_named_wins(void **state)
{
    (void)state;
    fixture_t f;
    unsigned asked = 0;
    hub_audience_t audiences[] = {OVERLAY, BASE, OTHER};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 3, BASE);
    fill(&f, 3, 3, OTHER);
    fill(&f, 6, 2, BASE);
    overlay(&f, 1, 500, 2);    /* excluded */
    overlay(&f, 4, 200000, 1); /* as this partner sees it: later */
    hub_list_query_t q = {.audiences = audiences,
                          .audience_count = 3,
                          .from = NO_FROM,
                          .to = NO_TO,
                          .limit = 20,
                          .count = true,
                          .take = not_excluded,
                          .take_arg = &asked,
                          .total_adjust = -3};
    hub_list_page_t page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 2 3 4/1@200000 5 6 7");
    assert_int_equal(page.total, 7); /* 2 + 5 + 3 - 3: the caller knows what is counted twice */
    q.limit = 3;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 2 3");
    q.position = page.next;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "4/1@200000 5 6");
    fixture_verify(&f);
    overlay(&f, 4, 0, 0); /* taken away again */
    q.position = HUB_SLICE_NONE;
    q.limit = 20;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 2 3 4 5 6 7");
    row_t missing = {OVERLAY, 4, 0, 0};
    assert_int_equal(fixture_apply(&f, row_apply, &missing), HUB_ENOT_FOUND);
    fixture_verify(&f);
    fixture_close(&f);
}

static void with_a_window_the_overlay_decides_even_from_outside(void **state)
{
    (void)state;
    fixture_t f;
    unsigned asked = 0;
    hub_audience_t audiences[] = {OVERLAY, BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 6, BASE);     /* 100000 … 99995 */
    overlay(&f, 1, 5, 1);     /* seen long ago by this partner: not in the window, although the base's row is */
    overlay(&f, 2, 99999, 2); /* excluded */
    overlay(&f, 5, 99999, 1); /* moved into the window */
    overlay(&f, 5, 99998, 1); /* replaced: no second row */
    hub_list_query_t q = {.audiences = audiences,
                          .audience_count = 2,
                          .from = 99997,
                          .to = NO_TO,
                          .limit = 20,
                          .count = true,
                          .take = not_excluded,
                          .take_arg = &asked};
    hub_list_page_t page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 3 5/1@99998");
    assert_int_equal(page.total, 3);
    q.from = 1;
    page = list(&f, &q);
    assert_string_equal(ids(&f, &page), "0 1/1@5 3 4 5/1@99998");
    assert_int_equal(page.total, 5);
    fixture_verify(&f);
    fixture_close(&f);
}

static int64_t spread(unsigned i)
{
    return (int64_t)(i * 7919u % 10007u) / 2; /* two or three objects a millisecond */
}

/* More than 10,000 in the window: by (last_updated, creation), and every row exactly once. */
static void a_large_window_is_walked_by_time(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {OVERLAY, BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill_t what = {0, 10500, BASE, spread};
    assert_int_equal(fixture_apply(&f, fill_apply, &what), HUB_EOK);
    overlay(&f, 17, 3, 1);
    bool *seen = calloc(10501, sizeof *seen);
    hub_list_query_t q = {.audiences = audiences, .audience_count = 2, .from = 0, .to = NO_TO, .limit = 999, .count = true};
    unsigned rows = 0, pages = 0;
    int64_t time = -1;
    uint64_t created = 0;
    hub_list_page_t page;
    do {
        page = list(&f, &q);
        assert_int_equal(page.total, 10500);
        for (uint32_t i = 0; i < page.count; i++) {
            const hub_list_row_t *row = &page.rows[i];
            assert_true(row->last_updated > time || (row->last_updated == time && row->created_seq > created));
            assert_false(seen[row->created_seq]);
            seen[row->created_seq] = true;
            time = row->last_updated;
            created = row->created_seq;
        }
        rows += page.count;
        pages++;
        q.position = page.next;
        q.count = false;
    } while (page.next.len && pages < 100);
    assert_int_equal(rows, 10500);
    assert_int_equal(pages, 11);
    q.position = HUB_SLICE_NONE;
    q.offset = 10499;
    page = list(&f, &q);
    assert_int_equal(page.count, 1);
    free(seen);
    fixture_close(&f);
}

static void a_tampered_position_is_refused_or_harmless(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 10, BASE);
    hub_list_query_t q = {.audiences = audiences, .audience_count = 1, .module = 1, .from = 0, .to = NO_TO, .limit = 2, .count = true};
    hub_list_page_t page = list(&f, &q), ignored;
    char *text = hub_pool_str(f.pool, page.next);
    hub_view_t *view = fixture_view(&f);
    for (size_t i = 0; i < page.next.len; i++)
        for (int c = 0; c < 256; c++) {
            char kept = text[i];
            text[i] = (char)c;
            q.position = hub_slice(text, page.next.len);
            assert_int_equal(hub_list(view, &q, f.pool, &ignored), c == (unsigned char)kept ? HUB_EOK : HUB_EINVALID);
            text[i] = kept;
        }
    for (size_t len = 1; len < page.next.len; len++) {
        q.position = hub_slice(text, len);
        assert_int_equal(hub_list(view, &q, f.pool, &ignored), HUB_EINVALID);
    }
    hub_view_close(view);
    fixture_close(&f);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void a_late_page_by_position_costs_what_the_first_does(void **state)
{
    (void)state;
    fixture_t f;
    hub_audience_t audiences[] = {BASE};
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 20000, BASE);
    hub_list_query_t q = {
        .audiences = audiences, .audience_count = 1, .module = 1, .from = NO_FROM, .to = NO_TO, .limit = 1, .offset = 19900};
    hub_list_page_t page = list(&f, &q);
    hub_slice_t positions[2] = {HUB_SLICE_NONE, page.next};
    double best[2] = {1e9, 1e9};
    hub_view_t *view = fixture_view(&f);
    q.offset = 0;
    q.limit = 50;
    for (int i = 0; i < 60; i++) {
        q.position = positions[i % 2];
        double began = seconds();
        assert_int_equal(hub_list(view, &q, f.pool, &page), HUB_EOK);
        double took = seconds() - began;
        assert_int_equal(page.count, 50);
        best[i % 2] = took < best[i % 2] ? took : best[i % 2];
    }
    hub_view_close(view);
    assert_true(best[1] < best[0] * 3 + 20e-6);
    fixture_close(&f);
}

static void a_page_ends_when_it_has_enough_bytes(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    fill(&f, 0, 30, BASE);
    hub_audience_t base = BASE;
    for (int window = 0; window < 2; window++) {
        unsigned seen = 0;
        hub_slice_t position = HUB_SLICE_NONE;
        for (int pages = 0; pages < 10; pages++) {
            hub_list_query_t query = {.audiences = &base,
                                      .audience_count = 1,
                                      .from = window ? 0 : NO_FROM,
                                      .to = NO_TO,
                                      .limit = 20,
                                      .max_bytes = 7,
                                      .position = position,
                                      .count = true};
            hub_list_page_t page = list(&f, &query);
            assert_int_equal(page.count, seen + 4 <= 30 ? 4 : 2); /* objects of two bytes */
            assert_int_equal(page.total, 30);
            for (uint32_t i = 0; i < page.count; i++)
                assert_int_equal(page.rows[i].created_seq, ++seen);
            position = page.next;
            if (!position.len)
                break;
        }
        assert_int_equal(seen, 30);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_ends_when_it_has_enough_bytes),
        cmocka_unit_test(P8_lists_are_in_creation_order_and_pages_join),
        cmocka_unit_test(P2_window_from_is_inclusive_to_is_exclusive),
        cmocka_unit_test(a_window_is_paged_by_position_and_offset),
        cmocka_unit_test(audiences_are_merged_and_the_first_named_wins),
        cmocka_unit_test(with_a_window_the_overlay_decides_even_from_outside),
        cmocka_unit_test(a_large_window_is_walked_by_time),
        cmocka_unit_test(a_tampered_position_is_refused_or_harmless),
        cmocka_unit_test(a_late_page_by_position_costs_what_the_first_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
