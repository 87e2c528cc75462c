/* Forms of an object in one value with its bytes, and the store of before there were any. */
#include "store_fixture.h"

#include <lmdb.h>

#define OWN hub_audience(HUB_AUDIENCE_TENANT_OWN, 1)
#define ALL hub_audience(HUB_AUDIENCE_PARTY_ALL, 5)

static hub_err_t put_forms(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    hub_object_t object = {.received_at = 1,
                           .flags = 7,
                           .audience_count = 1,
                           .audiences = {OWN},
                           .written = 2,
                           .form_state = {HUB_FORM_SAME, HUB_FORM_STORED, HUB_FORM_NONE},
                           .bytes = HUB_SLICE_LIT("{\"v\":3}"),
                           .form = {HUB_SLICE_LIT("ignored"), HUB_SLICE_LIT("{\"v\":1}")}};
    return hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

static void expect(fixture_t *f, const char *id, const char *bytes, const char *const form[HUB_OBJECT_FORMS])
{
    hub_object_id_t name = fixture_id(0, 1, id);
    hub_object_t found;
    hub_view_t *view = fixture_view(f);
    assert_int_equal(hub_object_get(view, &name, &found), HUB_EOK);
    assert_slice(found.bytes, bytes);
    for (unsigned i = 0; i < HUB_OBJECT_FORMS; i++) {
        if (form[i])
            assert_slice(found.form[i], form[i]);
        else
            assert_null(found.form[i].ptr);
    }
    hub_view_close(view);
    fixture_verify(f);
}

static const char *const three[HUB_OBJECT_FORMS] = {"{\"v\":3}", "{\"v\":1}", "{\"v\":3}"};

static void forms_lie_beside_the_bytes(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_forms, "L1"), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", three);
    fixture_reopen(&f);
    expect(&f, "L1", "{\"v\":3}", three);
    fixture_close(&f);
}

static hub_err_t audiences(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    const hub_audience_t both[] = {OWN, ALL};
    return hub_object_audiences(view, &id, both, 2);
}

/* As a stale mark does it: what was read is put back, whatever page it lies in. */
static hub_err_t mark(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    hub_object_t object;
    hub_err_t err = hub_object_get(view, &id, &object);
    object.flags |= 8;
    for (int i = 0; i < 2 && !err; i++)
        err = hub_object_put(view, &id, &object, HUB_CHANGE_NONE, HUB_SLICE_NONE);
    return err;
}

static void audiences_and_marks_carry_the_forms_along(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_forms, "L1"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, audiences, "L1"), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", three);
    assert_int_equal(fixture_apply(&f, mark, "L1"), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", three);
    fixture_close(&f);
}

static hub_err_t put_and_change(hub_view_t *view, void *arg)
{
    hub_err_t err = put_forms(view, arg);
    if (!err)
        err = audiences(view, arg);
    return err ? err : mark(view, arg);
}

static void so_they_do_inside_one_operation(void **state)
{
    (void)state;
    fixture_t f;
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_and_change, "L1"), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", three);
    fixture_close(&f);
}

typedef struct later {
    uint64_t version;
    hub_form_t state;
} later_t;

static hub_err_t put_later(hub_view_t *view, void *arg)
{
    const later_t *later = arg;
    hub_object_id_t id = fixture_id(0, 1, "L1");
    hub_key_t key;
    hub_object_t object;
    hub_err_t err = hub_object_key(&id, &key);
    if (!err)
        err = hub_object_get(view, &id, &object);
    object.version = later->version;
    object.form_state[0] = (uint8_t)later->state;
    object.form[0] = HUB_SLICE_LIT("{\"v\":2}");
    return err ? err : hub_object_forms(view, hub_key_slice(&key), &object);
}

static void a_form_comes_later_unless_the_object_has_changed(void **state)
{
    (void)state;
    fixture_t f;
    later_t late = {.version = 2, .state = HUB_FORM_STORED}, good = {.version = 1, .state = HUB_FORM_STORED};
    later_t refused = {.version = 1, .state = HUB_FORM_REFUSED};
    const char *const now[] = {"{\"v\":2}", "{\"v\":1}", "{\"v\":3}"}, *const none[] = {NULL, "{\"v\":1}", "{\"v\":3}"};
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_forms, "L1"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, put_later, &late), HUB_ECONFLICT);
    expect(&f, "L1", "{\"v\":3}", three);
    assert_int_equal(fixture_apply(&f, put_later, &good), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", now);
    assert_int_equal(fixture_apply(&f, put_later, &refused), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", none);
    assert_int_equal(hub_store_seq(f.store), 1); /* no reader hears of it */
    hub_view_t *view = fixture_view(&f);
    assert_int_equal(hub_audience_refused(view, OWN, 1, 0), 1);
    assert_int_equal(hub_audience_refused(view, OWN, 1, 1), 0);
    hub_view_close(view);
    assert_int_equal(fixture_apply(&f, audiences, "L1"), HUB_EOK);
    expect(&f, "L1", "{\"v\":3}", none);
    view = fixture_view(&f);
    assert_int_equal(hub_audience_refused(view, ALL, 1, 0), 1);
    hub_view_close(view);
    assert_int_equal(fixture_apply(&f, put_forms, "L1"), HUB_EOK);
    view = fixture_view(&f);
    assert_int_equal(hub_audience_refused(view, OWN, 1, 0) + hub_audience_refused(view, ALL, 1, 0), 0);
    hub_view_close(view);
    fixture_close(&f);
}

/* Back to schema 1: no object has forms, the normalised form of one lies in a table of its own. */
static void make_old(const char *path, const char *id, const char *normal)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta, projection;
    hub_object_id_t name = fixture_id(0, 1, id);
    hub_key_t schema, one, key;
    hub_key_init(&schema);
    hub_key_str(&schema, HUB_SLICE_LIT("schema"));
    hub_key_init(&one);
    hub_key_u64(&one, 1);
    assert_int_equal(hub_object_key(&name, &key), HUB_EOK);
    hub_key_u8(&key, 2);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_dbi_open(txn, "projection", MDB_CREATE, &projection), 0);
    MDB_val k = {schema.len, schema.bytes}, v = {one.len, one.bytes};
    assert_int_equal(mdb_put(txn, meta, &k, &v, 0), 0);
    char text[64];
    snprintf(text, sizeof text, "%s", normal);
    k = (MDB_val){key.len, key.bytes};
    v = (MDB_val){strlen(text), text};
    assert_int_equal(mdb_put(txn, projection, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static hub_err_t put_plain(hub_view_t *view, void *arg)
{
    hub_object_id_t id = fixture_id(0, 1, arg);
    hub_object_t object = {.audience_count = 1, .audiences = {OWN}, .bytes = HUB_SLICE_LIT("{\"odd\":1}")};
    return hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

static void a_store_of_before_the_forms_is_converted(void **state)
{
    (void)state;
    fixture_t f;
    hub_slice_t why = HUB_SLICE_NONE;
    const char *const normal[] = {"{\"even\":2}", NULL, NULL}, *const plain[] = {"{\"odd\":1}", NULL, NULL};
    fixture_open(&f, (hub_store_config_t){0});
    assert_int_equal(fixture_apply(&f, put_plain, "L1"), HUB_EOK);
    assert_int_equal(fixture_apply(&f, put_plain, "L2"), HUB_EOK);
    hub_store_close(f.store);
    f.store = NULL;
    make_old(f.path, "L1", "{\"even\":2}");
    f.config.read_only = true;
    assert_int_equal(hub_store_open(&f.config, &f.store, f.pool, &why), HUB_ESTORE_SCHEMA);
    f.config.read_only = false;
    fixture_reopen(&f);
    expect(&f, "L1", "{\"odd\":1}", normal);
    expect(&f, "L2", "{\"odd\":1}", plain);
    fixture_reopen(&f); /* once is enough */
    expect(&f, "L1", "{\"odd\":1}", normal);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_lie_beside_the_bytes),
        cmocka_unit_test(audiences_and_marks_carry_the_forms_along),
        cmocka_unit_test(so_they_do_inside_one_operation),
        cmocka_unit_test(a_form_comes_later_unless_the_object_has_changed),
        cmocka_unit_test(a_store_of_before_the_forms_is_converted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
