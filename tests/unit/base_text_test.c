/* Text that goes out: JSON strings of any bytes, masks of secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hub/base.h"

static void check(const char *bytes, const char *want)
{
    hub_buf_t out = HUB_BUF_INIT(NULL);
    hub_buf_add_json_any(&out, hub_slice_str(bytes));
    assert_int_equal(out.len, strlen(want));
    assert_memory_equal(out.ptr, want, out.len);
    hub_buf_finish(&out);
}

static void bytes_that_are_no_text_make_json(void **state)
{
    (void)state;
    check("plain \"text\"", "\"plain \\\"text\\\"\"");
    check("Stra\xC3\x9F"
          "e",
          "\"Stra\xC3\x9F"
          "e\"");
    check("a\xFF\xFE"
          "b\xC3",
          "\"a??b?\"");
    check("", "\"\"");
    check(NULL, "null");
}

static void masks_end_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *tail;
    } rows[] = {
        {"short", ""},
        {"long-enough-1234", "1234"},
        {"\xE7\xA7\x98\xE5\xAF\x86\xE7\xA7\x98\xE5\xAF\x86", "\xE5\xAF\x86"}, /* three bytes a character */
        {"secret-\xC3\xBC\xC3\xBC\xC3\xBC", "\xC3\xBC\xC3\xBC"},
        {"secret-\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
        {"secret-x\xF0\x9F\x98\x80y", "y"},
    };
    hub_pool_t *pool = hub_pool_create();
    for (size_t i = 0; i < HUB_COUNT(rows); i++) {
        hub_slice_t mask = hub_mask(pool, hub_slice_str(rows[i].secret));
        assert_true(hub_slice_utf8_ok(mask));
        assert_int_equal(mask.len, 12 + strlen(rows[i].tail)); /* four bullets */
        assert_memory_equal(mask.ptr + 12, rows[i].tail, strlen(rows[i].tail));
    }
    hub_pool_destroy(pool);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    const hub_slice_t text = HUB_SLICE_LIT("a\xC3\xA9\xE2\x82\xAC"
                                           "b");
    const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 7, 7};
    for (size_t most = 0; most < HUB_COUNT(whole); most++)
        assert_int_equal(hub_slice_utf8_cut(text, most).len, whole[most]);
    assert_int_equal(hub_slice_utf8_cut(HUB_SLICE_LIT("ab\xFF"
                                                      "cd"),
                                        9)
                         .len,
                     2);
    assert_int_equal(hub_slice_utf8_cut(HUB_SLICE_NONE, 9).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_text_make_json),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(masks_end_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
