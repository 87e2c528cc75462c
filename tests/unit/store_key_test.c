#include "store_fixture.h"

static int compare(const hub_key_t *a, const hub_key_t *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->bytes, b->bytes, len);
    return order ? order : (int)a->len - (int)b->len;
}

static void numbers_sort_as_numbers(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 255, 256, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
    hub_key_t a, b;
    for (size_t i = 0; i + 1 < HUB_COUNT(numbers); i++) {
        hub_key_init(&a);
        hub_key_u64(&a, numbers[i]);
        hub_key_init(&b);
        hub_key_u64(&b, numbers[i + 1]);
        assert_true(compare(&a, &b) < 0);
        assert_int_equal(a.len, 8);
    }
}

static void a_string_is_never_a_prefix_of_another(void **state)
{
    (void)state;
    hub_key_t a, b;
    hub_key_init(&a);
    hub_key_str(&a, HUB_SLICE_LIT("A"));
    hub_key_str(&a, HUB_SLICE_LIT("Z"));
    hub_key_init(&b);
    hub_key_str(&b, HUB_SLICE_LIT("AB"));
    assert_true(compare(&a, &b) < 0);
    hub_key_init(&a);
    hub_key_str(&a, HUB_SLICE_LIT("A"));
    assert_false(hub_slice_starts(hub_key_slice(&b), hub_key_slice(&a)));
}

static void too_long_or_with_zero_byte_is_spoilt(void **state)
{
    (void)state;
    static char text[600];
    memset(text, 'x', sizeof text);
    hub_key_t key;
    hub_key_init(&key);
    hub_key_str(&key, hub_slice(text, HUB_KEY_MAX - 1));
    assert_false(key.overflow);
    assert_int_equal(key.len, HUB_KEY_MAX);
    hub_key_u8(&key, 1);
    assert_true(key.overflow);
    assert_int_equal(key.len, HUB_KEY_MAX);
    hub_key_init(&key);
    hub_key_str(&key, hub_slice(text, HUB_KEY_MAX));
    assert_true(key.overflow);
    hub_key_init(&key);
    hub_key_folded(&key, hub_slice("a\0b", 3));
    assert_true(key.overflow);
}

static void object_keys_fold_case_and_come_back(void **state)
{
    (void)state;
    hub_object_id_t id = fixture_id(70000, 3, "Loc-1"), back;
    hub_key_t key, other;
    id.type = HUB_SLICE_LIT("RFID");
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    assert_true(hub_object_key_parse(hub_key_slice(&key), &back));
    assert_int_equal(back.tenant, 1);
    assert_int_equal(back.scope, 70000);
    assert_int_equal(back.module, 3);
    assert_slice(back.country, "de");
    assert_slice(back.party, "abc");
    assert_slice(back.id, "loc-1");
    assert_slice(back.type, "rfid");
    id.id = HUB_SLICE_LIT("LOC-1");
    assert_int_equal(hub_object_key(&id, &other), HUB_EOK);
    assert_int_equal(compare(&key, &other), 0);
    id.type = HUB_SLICE_NONE;
    assert_int_equal(hub_object_key(&id, &other), HUB_EOK);
    assert_true(hub_object_key_parse(hub_key_slice(&other), &back));
    assert_int_equal(back.type.len, 0);
}

static void object_ids_over_255_bytes_are_refused(void **state)
{
    (void)state;
    static char text[300];
    hub_key_t key;
    memset(text, 'i', sizeof text);
    hub_object_id_t id = fixture_id(0, 1, "");
    id.id = hub_slice(text, 255);
    assert_int_equal(hub_object_key(&id, &key), HUB_EOK);
    id.id = hub_slice(text, 256);
    assert_int_equal(hub_object_key(&id, &key), HUB_EINVALID);
    id.id = hub_slice("a\0b", 3);
    assert_int_equal(hub_object_key(&id, &key), HUB_EINVALID);
}

static void broken_object_keys_are_not_parsed(void **state)
{
    (void)state;
    hub_object_id_t id;
    assert_false(hub_object_key_parse(HUB_SLICE_NONE, &id));
    assert_false(hub_object_key_parse(HUB_SLICE_LIT("12345678"), &id));
    assert_false(hub_object_key_parse(HUB_SLICE_LIT("123456789a\0b\0"), &id));
    assert_false(hub_object_key_parse(HUB_SLICE_LIT("123456789a\0b\0c"), &id));
    assert_false(hub_object_key_parse(HUB_SLICE_LIT("123456789a\0b\0c\0d\0e\0"), &id));
    assert_true(hub_object_key_parse(HUB_SLICE_LIT("123456789a\0b\0c\0"), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_sort_as_numbers),
        cmocka_unit_test(a_string_is_never_a_prefix_of_another),
        cmocka_unit_test(too_long_or_with_zero_byte_is_spoilt),
        cmocka_unit_test(object_keys_fold_case_and_come_back),
        cmocka_unit_test(object_ids_over_255_bytes_are_refused),
        cmocka_unit_test(broken_object_keys_are_not_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
