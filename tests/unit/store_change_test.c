#include "store_fixture.h"

static const hub_stream_t binding = {.tenant = 1, .kind = HUB_STREAM_BINDING, .integration = 7, .module = 3};
static const hub_stream_t beside = {.tenant = 1, .kind = HUB_STREAM_BINDING, .integration = 8, .module = 3};

typedef struct note {
    const hub_stream_t *stream;
    const char *key;
    hub_change_kind_t kind;
    int64_t now;
    uint64_t seq;
} note_t;

static hub_err_t note_apply(hub_view_t *view, void *arg)
{
    note_t *n = arg;
    return hub_change_note(view, n->stream, hub_slice_str(n->key), n->kind, n->now, &n->seq);
}

static uint64_t note(fixture_t *f, const hub_stream_t *stream, const char *key, hub_change_kind_t kind, int64_t now)
{
    note_t n = {stream, key, kind, now, 0};
    assert_int_equal(fixture_apply(f, note_apply, &n), HUB_EOK);
    return n.seq;
}

static const char *read_stream(fixture_t *f, const hub_stream_t *stream, uint64_t after)
{
    hub_view_t *view = fixture_view(f);
    hub_buf_t out = HUB_BUF_INIT(f->pool);
    hub_change_scan_t scan;
    hub_change_t change;
    hub_change_scan_init(&scan, view, stream, after);
    while (hub_change_scan_next(&scan, &change))
        hub_buf_printf(&out, "%s%c%llu:%.*s", out.len ? " " : "", "OEDN"[change.kind], (unsigned long long)change.seq,
                       HUB_SLICE_FMT(change.key));
    assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return hub_pool_str(f->pool, hub_buf_slice(&out));
}

static void a_noted_key_has_one_entry_that_moves(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(note(&f, &binding, "a", HUB_CHANGE_OBJECT, 10), 1);
    note(&f, &binding, "b", HUB_CHANGE_OBJECT, 10);
    note(&f, &beside, "a", HUB_CHANGE_OBJECT, 10);
    note(&f, &binding, "a", HUB_CHANGE_OBJECT, 20);
    assert_string_equal(read_stream(&f, &binding, 0), "O2:b O4:a");
    assert_string_equal(read_stream(&f, &binding, 2), "O4:a");
    assert_string_equal(read_stream(&f, &binding, 4), "");
    assert_string_equal(read_stream(&f, &binding, UINT64_MAX), "");
    assert_string_equal(read_stream(&f, &beside, 0), "O3:a");
    fixture_verify(&f);
    fixture_close(&f);
}

static void a_key_that_starts_like_another_is_not_touched_with_it(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    note(&f, &binding, "a", HUB_CHANGE_OBJECT, 10);
    note(&f, &binding, "ab", HUB_CHANGE_OBJECT, 10);
    note(&f, &binding, "a", HUB_CHANGE_OBJECT, 10);
    assert_string_equal(read_stream(&f, &binding, 0), "O2:ab O3:a");
    fixture_verify(&f);
    fixture_close(&f);
}

typedef struct expiry {
    int64_t before;
    unsigned limit;
} expiry_t;

static hub_err_t expire(hub_view_t *view, void *arg)
{
    const expiry_t *e = arg;
    return hub_change_expire(view, e->before, e->limit);
}

static uint64_t horizon(fixture_t *f)
{
    hub_view_t *view = fixture_view(f);
    uint64_t seq = hub_change_horizon(view);
    hub_view_close(view);
    return seq;
}

static void old_deletions_are_forgotten_and_the_horizon_tells(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    note(&f, &binding, "a", HUB_CHANGE_DELETE, 10);
    note(&f, &beside, "b", HUB_CHANGE_DELETE, 20);
    note(&f, &binding, "c", HUB_CHANGE_DELETE, 30);
    note(&f, &binding, "d", HUB_CHANGE_OBJECT, 1);
    expiry_t e = {30, 1};
    assert_int_equal(horizon(&f), 0);
    assert_int_equal(fixture_apply(&f, expire, &e), HUB_EOK);
    assert_int_equal(horizon(&f), 1);
    assert_string_equal(read_stream(&f, &binding, 0), "D3:c O4:d");
    assert_string_equal(read_stream(&f, &beside, 0), "D2:b");
    fixture_verify(&f);
    e.limit = 100;
    assert_int_equal(fixture_apply(&f, expire, &e), HUB_EOK);
    assert_int_equal(horizon(&f), 2);
    assert_string_equal(read_stream(&f, &binding, 0), "D3:c O4:d"); /* `before` itself is kept */
    assert_string_equal(read_stream(&f, &beside, 0), "");
    note(&f, &binding, "c", HUB_CHANGE_OBJECT, 40); /* came back: nothing left to forget */
    e.before = 1000;
    assert_int_equal(fixture_apply(&f, expire, &e), HUB_EOK);
    assert_int_equal(horizon(&f), 2);
    assert_string_equal(read_stream(&f, &binding, 0), "O4:d O5:c");
    fixture_verify(&f);
    fixture_close(&f);
}

static hub_err_t put_cursor(hub_view_t *view, void *arg)
{
    hub_key_t reader;
    hub_key_init(&reader);
    hub_key_u8(&reader, 'P');
    hub_key_u32(&reader, 7);
    HUB_ASSERT(hub_cursor_get(view, &reader) == *(uint64_t *)arg - 5);
    return hub_cursor_put(view, &reader, *(uint64_t *)arg);
}

static void cursors_are_kept(void **state)
{
    (void)state;
    fixture_t f;
    hub_key_t reader;
    uint64_t seq = 5;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_cursor, &seq), HUB_EOK); /* never seen: 0 */
    seq = 10;
    assert_int_equal(fixture_apply(&f, put_cursor, &seq), HUB_EOK);
    fixture_reopen(&f);
    hub_key_init(&reader);
    hub_key_u8(&reader, 'P');
    hub_key_u32(&reader, 7);
    hub_view_t *view = fixture_view(&f);
    assert_int_equal(hub_cursor_get(view, &reader), 10);
    hub_view_close(view);
    fixture_close(&f);
}

/* ---- scans ---- */

static hub_err_t put_letters(hub_view_t *view, void *arg)
{
    for (const char *p = arg; *p; p++) {
        hub_key_t key;
        hub_key_init(&key);
        hub_key_bytes(&key, hub_slice(p, 1));
        hub_key_u8(&key, 0xFF);
        hub_key_u8(&key, (uint8_t)*p);
        hub_err_t err = hub_view_put(view, HUB_TABLE_AUDIT, &key, hub_slice(p, 1));
        if (err)
            return err;
    }
    return HUB_EOK;
}

static const char *walk(fixture_t *f, hub_slice_t start, const char *from, bool backward)
{
    hub_view_t *view = fixture_view(f);
    hub_buf_t out = HUB_BUF_INIT(f->pool);
    hub_key_t prefix, at;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_key_init(&prefix);
    hub_key_bytes(&prefix, start);
    hub_key_init(&at);
    if (from)
        hub_key_bytes(&at, hub_slice_str(from));
    hub_scan_init(&scan, view, HUB_TABLE_AUDIT, &prefix, from ? &at : NULL, backward);
    while (hub_scan_next(&scan, &key, &value))
        hub_buf_add(&out, value);
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return hub_pool_str(f->pool, hub_buf_slice(&out));
}

static void scans_walk_both_ways_from_any_place(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_string_equal(walk(&f, HUB_SLICE_NONE, NULL, true), "");
    assert_int_equal(fixture_apply(&f, put_letters, "acegm\xFF"), HUB_EOK);
    assert_string_equal(walk(&f, HUB_SLICE_NONE, NULL, false), "acegm\xFF");
    assert_string_equal(walk(&f, HUB_SLICE_NONE, NULL, true), "\xFFmgeca");
    assert_string_equal(walk(&f, HUB_SLICE_NONE, "e", false), "egm\xFF");
    assert_string_equal(walk(&f, HUB_SLICE_NONE, "e", true), "ca");
    assert_string_equal(walk(&f, HUB_SLICE_NONE,
                             "e\xFF"
                             "e",
                             true),
                        "eca");
    assert_string_equal(walk(&f, HUB_SLICE_NONE, "f", true), "eca");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), NULL, false), "c");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), NULL, true), "c");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c\xFF"), NULL, true), "c");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("\xFF\xFF"), NULL, true), "\xFF");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), "a", false), "c"); /* from before the prefix */
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), "a", true), "");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), "e", true), "c");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("c"), "e", false), "");
    assert_string_equal(walk(&f, HUB_SLICE_LIT("d"), NULL, true), "");
    fixture_close(&f);
}

/* Inside apply the table may be written under the scan: deleting what was returned, and what comes next. */
static hub_err_t thin_out(hub_view_t *view, void *arg)
{
    hub_key_t prefix, at;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_buf_t *seen = arg;
    hub_key_init(&prefix);
    hub_scan_init(&scan, view, HUB_TABLE_AUDIT, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value)) {
        hub_buf_add(seen, value);
        hub_key_init(&at);
        hub_key_bytes(&at, key);
        if (value.ptr[0] == 'c') {
            HUB_ASSERT(put_letters(view, "bd") == HUB_EOK); /* one before, one after the place */
            continue;
        }
        HUB_ASSERT(hub_view_delete(view, HUB_TABLE_AUDIT, &at) == HUB_EOK);
    }
    return hub_scan_finish(&scan);
}

static void a_table_may_be_written_while_it_is_scanned(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    hub_buf_t seen = HUB_BUF_INIT(f.pool);
    assert_int_equal(fixture_apply(&f, put_letters, "acegm"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, thin_out, &seen), HUB_EOK);
    assert_slice(hub_buf_slice(&seen), "acdegm");
    assert_string_equal(walk(&f, HUB_SLICE_NONE, NULL, false), "bc");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_noted_key_has_one_entry_that_moves),
        cmocka_unit_test(a_key_that_starts_like_another_is_not_touched_with_it),
        cmocka_unit_test(old_deletions_are_forgotten_and_the_horizon_tells),
        cmocka_unit_test(cursors_are_kept),
        cmocka_unit_test(scans_walk_both_ways_from_any_place),
        cmocka_unit_test(a_table_may_be_written_while_it_is_scanned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
