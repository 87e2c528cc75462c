#include "store_fixture.h"

#define OWN hub_audience(HUB_AUDIENCE_TENANT_OWN, 1)
#define ALL hub_audience(HUB_AUDIENCE_PARTY_ALL, 5)
#define PUBLIC hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, 5)

typedef struct change {
    enum { PUT, DELETE, AUDIENCES } what;
    const char *id;
    uint32_t scope;
    hub_object_t object;
    hub_change_kind_t kind;
    const char *evse;
} change_t;

static hub_err_t change_apply(hub_view_t *view, void *arg)
{
    change_t *c = arg;
    hub_object_id_t id = fixture_id(c->scope, 1, c->id);
    if (c->what == DELETE)
        return hub_object_delete(view, &id, c->object.received_at);
    if (c->what == AUDIENCES)
        return hub_object_audiences(view, &id, c->object.audiences, c->object.audience_count);
    return hub_object_put(view, &id, &c->object, c->kind, hub_slice_str(c->evse));
}

static hub_object_t put(fixture_t *f, const char *id, const char *bytes, hub_change_kind_t kind, const char *evse)
{
    change_t c = {PUT,  id,  0, {.last_updated = 1000, .received_at = 2000, .flags = 6, .audience_count = 2, .audiences = {OWN, PUBLIC}},
                  kind, evse};
    c.object.bytes = hub_slice_str(bytes);
    assert_int_equal(fixture_apply(f, change_apply, &c), HUB_EOK);
    return c.object;
}

static hub_err_t get(fixture_t *f, const char *id, hub_object_t *out)
{
    hub_object_id_t name = fixture_id(0, 1, id);
    hub_view_t *view = fixture_view(f);
    hub_err_t err = hub_object_get(view, &name, out);
    if (!err)
        out->bytes = hub_pool_copy(f->pool, out->bytes);
    hub_view_close(view);
    return err;
}

static uint64_t count(fixture_t *f, hub_audience_t audience)
{
    hub_view_t *view = fixture_view(f);
    uint64_t n = hub_audience_count(view, audience, 1);
    hub_view_close(view);
    return n;
}

/* "O3 E4:uid D5 …": what a reader of the own stream finds. */
static const char *stream(fixture_t *f, uint64_t after)
{
    hub_view_t *view = fixture_view(f);
    hub_buf_t out = HUB_BUF_INIT(f->pool);
    hub_stream_t own = {.tenant = 1, .kind = HUB_STREAM_OWN, .module = 1};
    hub_change_scan_t scan;
    hub_change_t change;
    hub_change_scan_init(&scan, view, &own, after);
    while (hub_change_scan_next(&scan, &change)) {
        hub_buf_printf(&out, "%s%c%llu", out.len ? " " : "", "OEDN"[change.kind], (unsigned long long)change.seq);
        if (change.evse_uid.len)
            hub_buf_printf(&out, ":%.*s", HUB_SLICE_FMT(change.evse_uid));
    }
    assert_int_equal(hub_change_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    return hub_pool_str(f->pool, hub_buf_slice(&out));
}

static void an_object_is_created_and_replaced(void **state)
{
    (void)state;
    fixture_t f;
    hub_object_t object, found;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(get(&f, "L1", &found), HUB_ENOT_FOUND);
    object = put(&f, "L1", "{\"a\":1}", HUB_CHANGE_OBJECT, NULL);
    assert_int_equal(object.version, 1);
    assert_int_equal(object.created_seq, 1);
    assert_int_equal(object.seq, 1);
    object = put(&f, "l1", "{\"a\":22}", HUB_CHANGE_OBJECT, NULL); /* the same: ids are case-insensitive */
    assert_int_equal(object.version, 2);
    assert_int_equal(object.created_seq, 1);
    assert_int_equal(object.seq, 2);
    assert_int_equal(get(&f, "L1", &found), HUB_EOK);
    assert_slice(found.bytes, "{\"a\":22}");
    assert_int_equal(found.last_updated, 1000);
    assert_int_equal(found.received_at, 2000);
    assert_int_equal(found.flags, 6);
    assert_int_equal(found.audience_count, 2);
    assert_int_equal(found.audiences[1], PUBLIC);
    assert_int_equal(found.version, 2);
    assert_string_equal(stream(&f, 0), "O2"); /* one entry an object */
    assert_int_equal(count(&f, OWN), 1);
    fixture_verify(&f);
    fixture_close(&f);
}

static void a_put_without_change_moves_no_entry(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    put(&f, "L2", "{}", HUB_CHANGE_OBJECT, NULL);
    hub_object_t object = put(&f, "L1", "{}", HUB_CHANGE_NONE, NULL);
    assert_int_equal(object.seq, 1);
    assert_int_equal(object.version, 2);
    assert_string_equal(stream(&f, 0), "O1 O2");
    assert_int_equal(hub_store_seq(f.store), 2);
    fixture_verify(&f);
    fixture_close(&f);
}

static void an_evse_status_is_an_entry_of_its_own_until_the_whole_object_changes(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    put(&f, "L2", "{}", HUB_CHANGE_OBJECT, NULL);
    hub_object_t object = put(&f, "L1", "{}", HUB_CHANGE_EVSE, "E1");
    assert_int_equal(object.seq, 1);
    put(&f, "L1", "{}", HUB_CHANGE_EVSE, "E2");
    assert_string_equal(stream(&f, 0), "O1 O2 E3:E1 E4:E2");
    put(&f, "L1", "{}", HUB_CHANGE_EVSE, "e1"); /* the same EVSE: moves to the end */
    assert_string_equal(stream(&f, 0), "O1 O2 E4:E2 E5:e1");
    fixture_verify(&f);
    put(&f, "L1", "{}", HUB_CHANGE_NONE, NULL);
    assert_string_equal(stream(&f, 3), "E4:E2 E5:e1");
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    assert_string_equal(stream(&f, 0), "O2 O6");
    fixture_verify(&f);
    fixture_close(&f);
}

static void a_deleted_object_leaves_an_entry_until_it_comes_back(void **state)
{
    (void)state;
    fixture_t f;
    hub_object_t found;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    put(&f, "L1", "{}", HUB_CHANGE_EVSE, "E1");
    change_t gone = {.what = DELETE, .id = "L1", .object = {.received_at = 77}};
    assert_int_equal(fixture_apply(&f, change_apply, &gone), HUB_EOK);
    assert_int_equal(get(&f, "L1", &found), HUB_ENOT_FOUND);
    assert_string_equal(stream(&f, 0), "D3");
    assert_int_equal(count(&f, OWN), 0);
    assert_int_equal(count(&f, PUBLIC), 0);
    assert_int_equal(fixture_apply(&f, change_apply, &gone), HUB_ENOT_FOUND);
    fixture_verify(&f);
    hub_object_t back = put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    assert_int_equal(back.created_seq, 4);
    assert_int_equal(back.version, 1);
    assert_string_equal(stream(&f, 0), "O4");
    fixture_verify(&f);
    fixture_close(&f);
}

static void audiences_move_alone(void **state)
{
    (void)state;
    fixture_t f;
    hub_object_t before, after;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{\"kept\":true}", HUB_CHANGE_OBJECT, NULL);
    assert_int_equal(get(&f, "L1", &before), HUB_EOK);
    change_t move = {.what = AUDIENCES, .id = "L1", .object = {.audience_count = 3, .audiences = {OWN, ALL, ALL}}};
    assert_int_equal(fixture_apply(&f, change_apply, &move), HUB_EOK);
    assert_int_equal(get(&f, "L1", &after), HUB_EOK);
    assert_slice(after.bytes, "{\"kept\":true}");
    assert_int_equal(after.version, before.version);
    assert_int_equal(after.seq, before.seq);
    assert_int_equal(after.audience_count, 2);
    assert_int_equal(count(&f, OWN), 1);
    assert_int_equal(count(&f, ALL), 1);
    assert_int_equal(count(&f, PUBLIC), 0);
    assert_int_equal(hub_store_seq(f.store), 1);
    fixture_verify(&f);
    fixture_close(&f);
}

/* A stale mark puts the object's own mapped bytes back: small ones lie in a leaf, large ones in pages of their own. */
static hub_err_t put_own_bytes(hub_view_t *view, void *arg)
{
    hub_object_t object;
    hub_object_id_t id = fixture_id(0, 1, arg);
    for (int i = 0; i < 3; i++) {
        hub_err_t err = hub_object_get(view, &id, &object);
        if (err)
            return err;
        object.flags++;
        object.bytes.len -= object.bytes.len / 4;
        err = hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
        if (err)
            return err;
    }
    return HUB_EOK;
}

static void an_objects_own_mapped_bytes_may_be_put_again(void **state)
{
    (void)state;
    static const size_t sizes[] = {40, 1500, 5000, 100000};
    static char bytes[100001];
    fixture_t f;
    hub_object_t found;
    fixture_open(&f, (hub_store_config_t){0});
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        bytes[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < HUB_COUNT(sizes); i++) {
        char *text = hub_pool_str(f.pool, hub_slice(bytes, sizes[i]));
        put(&f, "L0", "{}", HUB_CHANGE_OBJECT, NULL);
        put(&f, "L1", text, HUB_CHANGE_OBJECT, NULL);
        put(&f, "L2", "{}", HUB_CHANGE_OBJECT, NULL);
        assert_int_equal(fixture_apply(&f, put_own_bytes, "L1"), HUB_EOK);
        assert_int_equal(get(&f, "L1", &found), HUB_EOK);
        assert_true(found.bytes.len < sizes[i] / 2 && memcmp(found.bytes.ptr, bytes, found.bytes.len) == 0);
    }
    fixture_verify(&f);
    fixture_close(&f);
}

/* What is read from pages that the same batch has written would otherwise change under the reader. */
static hub_err_t read_then_write(hub_view_t *view, void *arg)
{
    hub_object_t object, more;
    hub_object_id_t id = fixture_id(0, 1, "L1"), other = fixture_id(0, 1, "L0");
    (void)arg;
    for (int i = 0; i < 3; i++) {
        char text[40];
        hub_object_t next = {.bytes = hub_slice(text, (size_t)snprintf(text, sizeof text, "state %d", i))};
        HUB_ASSERT(hub_object_put(view, &id, &next, HUB_CHANGE_OBJECT, HUB_SLICE_NONE) == HUB_EOK);
        HUB_ASSERT(hub_object_get(view, &id, &object) == HUB_EOK);
        more = (hub_object_t){.bytes = HUB_SLICE_LIT("something longer that moves what lies in the page")};
        HUB_ASSERT(hub_object_put(view, &other, &more, HUB_CHANGE_OBJECT, HUB_SLICE_NONE) == HUB_EOK);
        HUB_ASSERT(hub_object_delete(view, &id, 1) == HUB_EOK);
        HUB_ASSERT(hub_slice_eq_str(object.bytes, text));
    }
    return HUB_EOK;
}

static void bytes_read_inside_apply_stay_until_it_returns(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    assert_int_equal(fixture_apply(&f, read_then_write, NULL), HUB_EOK);
    fixture_verify(&f);
    fixture_close(&f);
}

/* ---- against a model ---- */

#define OBJECTS 40
#define AUDIENCES 6
static const hub_audience_t pool_of_audiences[AUDIENCES] = {(1ull << 56) | 1, (2ull << 56) | 1, (2ull << 56) | 2,
                                                            (3ull << 56) | 1, (3ull << 56) | 2, (3ull << 56) | 3};
typedef struct model {
    bool there[OBJECTS];
    uint64_t version[OBJECTS];
    unsigned member[OBJECTS]; /* bits */
    char text[OBJECTS][40];
} model_t;

typedef struct step {
    fixture_t *f;
    model_t model;
    unsigned random;
    unsigned count;
} step_t;

static unsigned draw(step_t *s, unsigned below)
{
    s->random = s->random * 1664525u + 1013904223u;
    return (s->random >> 8) % below;
}

static unsigned draw_audiences(step_t *s, hub_object_t *object)
{
    unsigned member = 0;
    object->audience_count = draw(s, HUB_OBJECT_AUDIENCES + 1);
    for (uint32_t i = 0; i < object->audience_count; i++) {
        unsigned a = draw(s, AUDIENCES);
        object->audiences[i] = pool_of_audiences[a];
        member |= 1u << a;
    }
    return member;
}

static hub_err_t random_step(hub_view_t *view, step_t *s)
{
    unsigned n = draw(s, OBJECTS), what = draw(s, 10);
    model_t *m = &s->model;
    char name[16], text[40];
    snprintf(name, sizeof name, "L%u", n);
    hub_object_id_t id = fixture_id(n % 2 ? 9 : 0, 1, name);
    if (what < 2) {
        hub_err_t err = hub_object_delete(view, &id, 100 + (int64_t)draw(s, 50));
        HUB_ASSERT(err == (m->there[n] ? HUB_EOK : HUB_ENOT_FOUND));
        m->there[n] = false;
        m->member[n] = 0;
        return HUB_EOK;
    }
    hub_object_t object = {.last_updated = 1000 + (int64_t)draw(s, 5), .received_at = 2000};
    unsigned member = draw_audiences(s, &object);
    if (what == 2) {
        hub_err_t err = hub_object_audiences(view, &id, object.audiences, object.audience_count);
        HUB_ASSERT(err == (m->there[n] ? HUB_EOK : HUB_ENOT_FOUND));
        m->member[n] = m->there[n] ? member : 0;
        return HUB_EOK;
    }
    snprintf(text, sizeof text, "%u", draw(s, 1000000));
    object.bytes = hub_slice_str(text);
    hub_change_kind_t kind = what == 3 ? HUB_CHANGE_NONE : what < 6 ? HUB_CHANGE_EVSE : HUB_CHANGE_OBJECT;
    hub_err_t err = hub_object_put(view, &id, &object, kind, kind == HUB_CHANGE_EVSE ? HUB_SLICE_LIT("EV") : HUB_SLICE_NONE);
    m->version[n] = m->there[n] ? m->version[n] + 1 : 1;
    HUB_ASSERT(object.version == m->version[n]);
    m->there[n] = true;
    m->member[n] = member;
    memcpy(m->text[n], text, sizeof text);
    return err;
}

static hub_err_t random_steps(hub_view_t *view, void *arg)
{
    step_t *s = arg;
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; !err && i < s->count; i++)
        err = random_step(view, s);
    return err;
}

static void expect_model(fixture_t *f, const model_t *m)
{
    hub_view_t *view = fixture_view(f);
    for (unsigned a = 0; a < AUDIENCES; a++) {
        uint64_t expected = 0;
        for (unsigned n = 0; n < OBJECTS; n++)
            expected += m->member[n] >> a & 1;
        assert_int_equal(hub_audience_count(view, pool_of_audiences[a], 1), expected);
    }
    for (unsigned n = 0; n < OBJECTS; n++) {
        char name[16];
        hub_object_t found;
        snprintf(name, sizeof name, "L%u", n);
        hub_object_id_t id = fixture_id(n % 2 ? 9 : 0, 1, name);
        assert_int_equal(hub_object_get(view, &id, &found), m->there[n] ? HUB_EOK : HUB_ENOT_FOUND);
        if (m->there[n])
            assert_slice(found.bytes, m->text[n]);
    }
    hub_view_close(view);
}

static hub_err_t steps_then_fail(hub_view_t *view, void *arg)
{
    hub_err_t err = random_steps(view, arg);
    return err ? err : HUB_ECONFLICT;
}

static void after_many_random_operations_everything_agrees(void **state)
{
    (void)state;
    fixture_t f;
    step_t *s = calloc(1, sizeof *s), *spoilt = calloc(1, sizeof *spoilt);
    fixture_open(&f, (hub_store_config_t){0});
    s->random = 20261121;
    for (int round = 0; round < 25; round++) {
        s->count = 40;
        assert_int_equal(fixture_apply(&f, random_steps, s), HUB_EOK);
        *spoilt = *s; /* what fails leaves nothing behind */
        assert_int_equal(fixture_apply(&f, steps_then_fail, spoilt), HUB_ECONFLICT);
        expect_model(&f, &s->model);
        fixture_verify(&f);
        if (round == 12)
            fixture_reopen(&f);
    }
    free(s);
    free(spoilt);
    fixture_close(&f);
}

static hub_err_t spoil(hub_view_t *view, void *arg)
{
    hub_key_t key;
    (void)arg;
    hub_key_init(&key);
    hub_key_u64(&key, OWN);
    hub_key_u8(&key, 1);
    hub_key_u64(&key, 1);
    return hub_view_delete(view, HUB_TABLE_CREATED, &key);
}

static void verification_finds_a_missing_row(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    put(&f, "L1", "{}", HUB_CHANGE_OBJECT, NULL);
    assert_int_equal(fixture_apply(&f, spoil, NULL), HUB_EOK);
    hub_buf_t report = HUB_BUF_INIT(f.pool);
    assert_int_equal(hub_store_verify(f.store, &report), HUB_ESTORE);
    assert_non_null(memmem(report.ptr, report.len, "its created row is missing", 26));
    assert_non_null(memmem(report.ptr, report.len, "is not the number of rows", 25));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_created_and_replaced),
        cmocka_unit_test(a_put_without_change_moves_no_entry),
        cmocka_unit_test(an_evse_status_is_an_entry_of_its_own_until_the_whole_object_changes),
        cmocka_unit_test(a_deleted_object_leaves_an_entry_until_it_comes_back),
        cmocka_unit_test(audiences_move_alone),
        cmocka_unit_test(an_objects_own_mapped_bytes_may_be_put_again),
        cmocka_unit_test(bytes_read_inside_apply_stay_until_it_returns),
        cmocka_unit_test(after_many_random_operations_everything_agrees),
        cmocka_unit_test(verification_finds_a_missing_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
