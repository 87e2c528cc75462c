/* Rows that newer ones have made void: nobody sees them, and they stay few. */
#include "store_fixture.h"

#define RECEIVED ((hub_audience_t)HUB_AUDIENCE_RECEIVED << 56 | 7)
#define TENANT ((hub_audience_t)HUB_AUDIENCE_RECEIVED_TENANT << 56 | 1)
#define PUBLIC ((hub_audience_t)HUB_AUDIENCE_PARTY_PUBLIC << 56 | 1)
#define MOST 300u /* objects */

static const hub_stream_t received = {.tenant = 1, .kind = HUB_STREAM_RECEIVED, .module = 1};

typedef struct known {
    uint64_t seq, created_seq;
    int64_t time;
    unsigned member; /* bits of `audiences` */
} known_t;

typedef struct world {
    fixture_t f;
    known_t known[MOST];
    unsigned objects, random, steps;
    unsigned deletes, moves, hot; /* in a hundred: deletions, other audiences, changes of object 0 */
    int64_t clock;
    bool fail;
} world_t;

static const hub_audience_t audiences[] = {RECEIVED, TENANT, PUBLIC};

static unsigned draw(world_t *w, unsigned below)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % below;
}

static hub_object_id_t name_of(unsigned n, char text[16])
{
    snprintf(text, 16, "L%03u", n);
    return fixture_id(7, 1, text);
}

static uint32_t members(unsigned member, hub_audience_t *out)
{
    uint32_t n = 0;
    for (unsigned a = 0; a < 3; a++)
        if (member >> a & 1)
            out[n++] = audiences[a];
    return n;
}

static void one_step(world_t *w, hub_view_t *view)
{
    char text[16];
    unsigned n = draw(w, 100) < w->hot ? 0 : draw(w, w->objects), what = draw(w, 100);
    known_t *known = &w->known[n];
    hub_object_id_t id = name_of(n, text);
    w->clock += draw(w, 3);
    if (what < w->deletes) {
        HUB_ASSERT(hub_object_delete(view, &id, w->clock) == (known->seq ? HUB_EOK : HUB_ENOT_FOUND));
        *known = (known_t){0};
        return;
    }
    unsigned member = known->seq ? known->member : 7;
    if (what < w->deletes + w->moves)
        member = draw(w, 8);
    hub_object_t object = {
        .last_updated = what % 2 ? w->clock : 1000 + (int64_t)draw(w, 50), .received_at = w->clock, .bytes = HUB_SLICE_LIT("{}")};
    object.audience_count = members(member, object.audiences);
    hub_change_kind_t kind = what % 10 == 9 ? HUB_CHANGE_EVSE : HUB_CHANGE_OBJECT;
    HUB_ASSERT(hub_object_put(view, &id, &object, kind, kind == HUB_CHANGE_EVSE ? HUB_SLICE_LIT("Ev") : HUB_SLICE_NONE) == HUB_EOK);
    *known = (known_t){object.seq, object.created_seq, object.last_updated, member};
}

static hub_err_t steps(hub_view_t *view, void *arg)
{
    world_t *w = arg;
    for (unsigned i = 0; i < w->steps; i++)
        one_step(w, view);
    return w->fail ? HUB_ECONFLICT : HUB_EOK;
}

static void run(world_t *w, unsigned count)
{
    w->steps = count;
    assert_int_equal(fixture_apply(&w->f, steps, w), HUB_EOK);
}

static uint64_t rows_in(fixture_t *f, hub_table_t table, const hub_key_t *prefix)
{
    hub_view_t *view = fixture_view(f);
    hub_scan_t scan;
    hub_slice_t key, value;
    uint64_t rows = 0;
    hub_scan_init(&scan, view, table, prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        rows++;
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return rows;
}

static uint64_t updated_rows(fixture_t *f, hub_audience_t audience)
{
    hub_key_t prefix;
    hub_key_init(&prefix);
    hub_key_u64(&prefix, audience);
    return rows_in(f, HUB_TABLE_UPDATED, &prefix);
}

static uint64_t change_rows(fixture_t *f)
{
    hub_key_t all;
    hub_key_init(&all);
    return rows_in(f, HUB_TABLE_CHANGE, &all);
}

/* Every object once, at the seq of its last whole change, and nothing out of order. */
static uint64_t expect_stream(world_t *w, uint64_t after)
{
    hub_view_t *view = fixture_view(&w->f);
    hub_change_scan_t scan;
    hub_change_t change;
    uint64_t last = after, entries = 0;
    unsigned found = 0, expected = 0;
    hub_change_scan_init(&scan, view, &received, after);
    while (hub_change_scan_next(&scan, &change)) {
        hub_object_id_t id;
        assert_true(change.seq > last);
        last = change.seq;
        entries++;
        assert_true(hub_object_key_parse(change.key, &id));
        const known_t *known = &w->known[atoi(id.id.ptr + 1)];
        if (change.kind == HUB_CHANGE_DELETE)
            assert_int_equal(known->seq, 0);
        else
            assert_int_equal(change.created_seq, known->created_seq);
        if (change.kind != HUB_CHANGE_OBJECT)
            continue;
        assert_int_equal(change.seq, known->seq);
        found++;
    }
    assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    for (unsigned n = 0; n < w->objects; n++)
        expected += w->known[n].seq > after;
    assert_int_equal(found, expected);
    return entries;
}

static void expect_window(world_t *w, unsigned set, int64_t from, int64_t to)
{
    hub_audience_t of[3];
    hub_list_page_t page;
    hub_list_query_t q = {.audiences = of, .module = 1, .from = from, .to = to, .limit = 1 + draw(w, 40), .count = true};
    q.audience_count = members(set, of);
    uint64_t expected = 0, found = 0, last = 0;
    for (unsigned n = 0; n < w->objects; n++)
        expected += (w->known[n].member & set) && w->known[n].time >= from && w->known[n].time < to;
    hub_view_t *view = fixture_view(&w->f);
    do {
        assert_int_equal(hub_list(view, &q, w->f.pool, &page), HUB_EOK);
        assert_int_equal(page.total, expected);
        for (uint32_t i = 0; i < page.count; i++) {
            hub_object_id_t id;
            assert_true(hub_object_key_parse(page.rows[i].key, &id));
            const known_t *known = &w->known[atoi(id.id.ptr + 1)];
            assert_int_equal(page.rows[i].last_updated, known->time);
            assert_int_equal(page.rows[i].created_seq, known->created_seq);
            assert_true(known->created_seq > last);
            last = known->created_seq;
        }
        found += page.count;
        q.position = page.next;
        q.count = found % 2; /* the position carries the total */
    } while (page.next.len);
    hub_view_close(view);
    assert_int_equal(found, expected);
}

static world_t *world(unsigned objects)
{
    world_t *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fixture_open(&w->f, (hub_store_config_t){0});
    w->objects = objects;
    w->random = 20261121;
    w->clock = 1000;
    return w;
}

static void world_end(world_t *w)
{
    fixture_verify(&w->f);
    fixture_close(&w->f);
    free(w);
}

static void readers_see_every_object_once_and_where_it_is(void **state)
{
    (void)state;
    world_t *w = world(MOST), *spoilt = calloc(1, sizeof *spoilt);
    w->deletes = 5;
    w->moves = 10;
    for (int round = 0; round < 60; round++) {
        *spoilt = *w; /* what fails leaves nothing behind */
        spoilt->fail = true;
        spoilt->steps = 30;
        assert_int_equal(fixture_apply(&w->f, steps, spoilt), HUB_ECONFLICT);
        run(w, 1 + draw(w, 60));
        expect_stream(w, 0);
        expect_stream(w, draw(w, 2000));
        expect_window(w, 1 + draw(w, 7), 1000 + (int64_t)draw(w, 60), 1000 + (int64_t)draw(w, 3000));
        expect_window(w, 1 + draw(w, 7), 0, INT64_MAX);
        fixture_verify(&w->f);
    }
    free(spoilt);
    world_end(w);
}

typedef struct many {
    unsigned count, every;
    int64_t time;
} many_t;

/* Object i at time + i, every so many of them. */
static hub_err_t put_many(hub_view_t *view, void *arg)
{
    const many_t *many = arg;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; !err && i < many->count; i += many->every) {
        char text[16];
        snprintf(text, sizeof text, "L%u", i);
        hub_object_id_t id = fixture_id(7, 1, text);
        hub_object_t object = {.last_updated = many->time + i, .audience_count = 2, .audiences = {RECEIVED, TENANT}};
        err = hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
    }
    return err;
}

static uint64_t walk_window(fixture_t *f, int64_t from, int64_t to, uint64_t *total)
{
    hub_audience_t of = TENANT;
    hub_list_page_t page;
    hub_list_query_t q = {.audiences = &of, .audience_count = 1, .module = 1, .from = from, .to = to, .limit = 3000, .count = true};
    hub_view_t *view = fixture_view(f);
    uint64_t rows = 0;
    int64_t last = from;
    do {
        assert_int_equal(hub_list(view, &q, f->pool, &page), HUB_EOK);
        for (uint32_t i = 0; i < page.count; i++) {
            assert_true(page.rows[i].last_updated >= last && page.rows[i].last_updated < to); /* no two have the same time */
            last = page.rows[i].last_updated + 1;
        }
        rows += page.count;
        *total = page.total;
        q.position = page.next;
    } while (page.next.len);
    hub_view_close(view);
    return rows;
}

static void P3_the_total_of_a_large_window_leaves_out_void_rows(void **state)
{
    (void)state;
    static const struct {
        int64_t from, to;
        uint64_t rows;
    } windows[] = {{0, INT64_MAX, 24000}, {INT64_MIN, 23000, 23000}, {1000, 23000, 22000},
                   {3, 14003, 14000},     {9000, INT64_MAX, 15000},  {1000, 1001, 1},
                   {0, 200000, 24000},    {11000, 110000, 13000},    {100000, INT64_MAX, 0}};
    fixture_t f;
    uint64_t total;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_many, &(many_t){24000, 1, 0}), HUB_EOK);
    for (size_t i = 0; i < HUB_COUNT(windows); i++) {
        assert_int_equal(walk_window(&f, windows[i].from, windows[i].to, &total), windows[i].rows);
        assert_int_equal(total, windows[i].rows);
    }
    assert_int_equal(fixture_apply(&f, put_many, &(many_t){24000, 3, 100000}), HUB_EOK); /* every third goes elsewhere */
    for (size_t i = 0; i < HUB_COUNT(windows); i++) {
        uint64_t rows = walk_window(&f, windows[i].from, windows[i].to, &total);
        assert_int_equal(rows, total);
        uint64_t expected = 0;
        for (int64_t n = 0; n < 24000; n++) {
            int64_t time = n % 3 ? n : 100000 + n;
            expected += time >= windows[i].from && time < windows[i].to;
        }
        assert_int_equal(rows, expected);
    }
    assert_true(updated_rows(&f, TENANT) > 24000); /* otherwise nothing was proved */
    fixture_close(&f);
}

/* Twice the objects and what one batch adds. */
static void expect_few(world_t *w, unsigned batch)
{
    uint64_t entries = expect_stream(w, 0), there = 0;
    for (unsigned n = 0; n < w->objects; n++)
        there += w->known[n].member & 1;
    assert_true(change_rows(&w->f) <= 2 * entries + 2 * batch);
    assert_true(updated_rows(&w->f, RECEIVED) <= 2 * there + 2 * batch);
    assert_true(updated_rows(&w->f, TENANT) <= 2 * there + 2 * batch);
    for (there = 0; w->objects--;) /* the rows of what partners poll are moved at once */
        there += w->known[w->objects].member >> 2 & 1;
    assert_int_equal(updated_rows(&w->f, PUBLIC), there);
}

static void void_rows_never_outnumber_the_others(void **state)
{
    static const struct {
        unsigned objects, batch, rounds, hot, deletes;
    } cases[] = {{60, 1, 300, 0, 0},  {MOST, 25, 60, 0, 0}, {MOST, 25, 60, 90, 0},
                 {10, 200, 20, 0, 0}, {1, 1, 50, 0, 0},     {MOST, 25, 60, 0, 10}};
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(cases); i++) {
        world_t *w = world(cases[i].objects);
        w->hot = cases[i].hot;
        w->deletes = cases[i].deletes;
        run(w, cases[i].objects);
        for (unsigned round = 0; round < cases[i].rounds; round++) {
            run(w, cases[i].batch);
            if (round % 10)
                continue;
            unsigned objects = w->objects;
            expect_few(w, cases[i].batch);
            w->objects = objects;
        }
        fixture_reopen(&w->f); /* where the sweep was is kept */
        run(w, cases[i].batch);
        expect_few(w, cases[i].batch);
        world_end(w);
    }
}

static void when_all_is_deleted_the_sweep_goes_on(void **state)
{
    (void)state;
    world_t *w = world(MOST);
    for (int i = 0; i < 100; i++)
        run(w, 25);
    w->deletes = 100;
    for (int i = 0; i < 200; i++)
        run(w, 25);
    for (unsigned n = 0; n < MOST; n++)
        assert_int_equal(w->known[n].seq, 0);
    assert_int_equal(updated_rows(&w->f, RECEIVED), 0);
    assert_int_equal(updated_rows(&w->f, TENANT), 0);
    assert_int_equal(expect_stream(w, 0), MOST); /* the deletions */
    assert_true(change_rows(&w->f) <= MOST + MOST / 10);
    world_end(w);
}

typedef struct note {
    uint32_t integration;
    unsigned number;
} note_t;

static hub_err_t note_apply(hub_view_t *view, void *arg)
{
    char text[16];
    const note_t *note = arg;
    hub_stream_t stream = {.tenant = 1, .kind = HUB_STREAM_BINDING, .integration = note->integration, .module = 1};
    hub_slice_t key = hub_slice(text, (size_t)snprintf(text, sizeof text, "%u", note->number % 20));
    return hub_change_note(view, &stream, key, note->number % 7 ? HUB_CHANGE_OBJECT : HUB_CHANGE_DELETE, 5, NULL);
}

/* More streams in a batch than the batch has places to remember. */
static hub_err_t note_many(hub_view_t *view, void *arg)
{
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; !err && i < 200; i++) {
        note_t note = {i + 1, *(unsigned *)arg};
        err = note_apply(view, &note);
    }
    return err;
}

static void notes_of_many_streams_leave_few_void_rows(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(fixture_apply(&f, note_many, &i), HUB_EOK);
        assert_true(change_rows(&f) <= 200 * (2 * 20 + 2));
    }
    hub_view_t *view = fixture_view(&f);
    for (uint32_t i = 1; i <= 200; i++) {
        hub_stream_t stream = {.tenant = 1, .kind = HUB_STREAM_BINDING, .integration = i, .module = 1};
        hub_change_scan_t scan;
        hub_change_t change;
        unsigned entries = 0;
        hub_change_scan_init(&scan, view, &stream, 0);
        while (hub_change_scan_next(&scan, &change))
            entries++;
        assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
        assert_int_equal(entries, 20);
    }
    hub_view_close(view);
    fixture_verify(&f);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_every_object_once_and_where_it_is),
        cmocka_unit_test(P3_the_total_of_a_large_window_leaves_out_void_rows),
        cmocka_unit_test(void_rows_never_outnumber_the_others),
        cmocka_unit_test(when_all_is_deleted_the_sweep_goes_on),
        cmocka_unit_test(notes_of_many_streams_leave_few_void_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
