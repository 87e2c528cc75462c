/* The envelope: rules T1-T4, T10, decision A. And reading JSON. */
#include "json.h"

static hub_slice_t envelope(int code, hub_slice_t message, hub_slice_t data)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_envelope_write(&out, code, message, data, 1435610349000);
    return hub_buf_slice(&out);
}

static void T1_code_and_timestamp_always(void **state)
{
    (void)state;
    assert_json(envelope(1000, HUB_SLICE_NONE, HUB_SLICE_LIT("[]")), "{'data':[],'status_code':1000,'timestamp':'2015-06-29T20:39:09Z'}");
}

static void T4_A_no_data_where_none_is_given(void **state)
{
    (void)state;
    assert_json(envelope(1000, HUB_SLICE_NONE, HUB_SLICE_NONE), "{'status_code':1000,'timestamp':'2015-06-29T20:39:09Z'}");
    assert_json(envelope(2003, HUB_SLICE_NONE, HUB_SLICE_NONE),
                "{'status_code':2003,'status_message':'unknown location','timestamp':'2015-06-29T20:39:09Z'}");
    assert_json(envelope(1000, HUB_SLICE_LIT("ignored: older"), HUB_SLICE_NONE),
                "{'status_code':1000,'status_message':'ignored: older','timestamp':'2015-06-29T20:39:09Z'}");
    hub_slice_t odd = envelope(2001, HUB_SLICE_LIT("a \"quote\"\n"), HUB_SLICE_NONE);
    assert_true(yyjson_is_obj(json_read(odd)));
}

static void T2_data_of_any_shape_is_read(void **state)
{
    (void)state;
    ocpi_envelope_t e;
    assert_int_equal(ocpi_envelope_read(pool, json_text("{'data':[{'id':1.50}],'status_code':1000,'timestamp':'x'}"), &e), HUB_EOK);
    assert_int_equal(e.status_code, 1000);
    assert_json(ocpi_write(pool, e.data), "[{'id':1.50}]");
    assert_null(e.message.ptr);
    assert_int_equal(ocpi_envelope_read(pool, json_text("{'status_code':'2001','status_message':'no','data':null}"), &e), HUB_EOK);
    assert_int_equal(e.status_code, 2001);
    assert_slice(e.message, "no");
    assert_null(e.data);
}

static void T1_what_is_no_envelope(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "<html>",
                                      "[]",
                                      "{}",
                                      "{'status_code':null}",
                                      "{'status_code':'ok'}",
                                      "{'status_code':-1}",
                                      "{'status_code':99}",
                                      "{'status_code':10000}",
                                      "{'status_code':1000.5}",
                                      "{'status_code':1000"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        ocpi_envelope_t e;
        assert_int_equal(ocpi_envelope_read(pool, json_text(bad[i]), &e), HUB_EPEER_PROTOCOL);
    }
}

static void T10_status_codes_by_version(void **state)
{
    (void)state;
    assert_true(ocpi_status_known(2004, OCPI_V2_2_1));
    assert_false(ocpi_status_known(2004, OCPI_V2_1_1));
    assert_true(ocpi_status_known(4001, OCPI_V2_3_0));
    assert_false(ocpi_status_known(1234, OCPI_V2_2_1));
    for (int code = 1000; code < 5000; code++) { /* dec. C: what a version does not have is said by what it has */
        for (size_t i = 0; i < HUB_COUNT(ocpi_versions); i++) {
            int said = ocpi_status_in(code, ocpi_versions[i]);
            bool moved = ocpi_versions[i] == OCPI_V2_1_1 && (code == 2004 || (code >= 4000 && code <= 4003));
            assert_int_equal(said, !moved ? code : code == 2004 ? 2001 : 3000);
            assert_true(!moved || ocpi_status_known(said, ocpi_versions[i]));
        }
    }
    assert_string_equal(ocpi_status_text(2001), "invalid or missing parameters");
    assert_null(ocpi_status_text(1999));
}

static void refused(hub_slice_t text, const char *rule, const char *pointer)
{
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    assert_int_equal(ocpi_read(pool, text, &doc, &problem), HUB_EMALFORMED);
    assert_null(doc);
    assert_string_equal(problem.rule, rule);
    assert_slice(problem.pointer, pointer);
    assert_true(problem.message.len > 0);
    assert_int_equal(ocpi_read(pool, text, &doc, NULL), HUB_EMALFORMED);
}

static void T5_wrong_json_says_where(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "{",     "nul", "{'a':}", "{'a':01}", "[1,]", "{} {}", "{'a':'\xFF'}", "{'a':'\\ud800'}",
                                      "{'a':NaN}", "'\x01'"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++)
        refused(json_text(bad[i]), "json", "");
}

static void keys_given_twice(void **state)
{
    (void)state;
    refused(json_text("{'id':'1','b':{'c':1,'\\u0063':2},'d':1}"), "duplicate", "/b/c");
    refused(json_text("[{'a~/b':1,'a~/b':1}]"), "duplicate", "/0/a~0~1b");
    refused(json_text("{'':1,'':2}"), "duplicate", "/");
    /* Same mix of length and characters, other keys. */
    assert_non_null(json("{'abcd':1,'axbd':2,'ab':3,'ba':4,'aab':5,'abb':6}"));
}

static void keys_given_twice_among_many(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        hub_buf_t out = HUB_BUF_INIT(pool);
        hub_buf_add_str(&out, "{");
        for (int i = 0; i < 5000; i++)
            hub_buf_printf(&out, "%s\"key%d\":%d", i ? "," : "", i, i);
        hub_buf_printf(&out, ",\"key%d\":0}", twice ? 2500 : 5000);
        if (twice)
            refused(hub_buf_slice(&out), "duplicate", "/key2500");
        else
            assert_non_null(json_read(hub_buf_slice(&out)));
    }
}

static hub_slice_t nested(unsigned depth, const char *open, const char *close, const char *inner)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (unsigned i = 0; i < depth; i++)
        hub_buf_add_str(&out, open);
    hub_buf_add_str(&out, inner);
    for (unsigned i = 0; i < depth; i++)
        hub_buf_add_str(&out, close);
    return hub_buf_slice(&out);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    yyjson_doc *doc;
    ocpi_problem_t problem;
    assert_int_equal(ocpi_read(pool, nested(OCPI_MAX_DEPTH, "[", "]", "1"), &doc, &problem), HUB_EOK);
    assert_int_equal(ocpi_read(pool, nested(OCPI_MAX_DEPTH, "{\"a\":", "}", "1"), &doc, &problem), HUB_EOK);
    assert_int_equal(ocpi_read(pool, nested(OCPI_MAX_DEPTH + 1, "[", "]", "1"), &doc, &problem), HUB_EMALFORMED);
    assert_string_equal(problem.rule, "depth");
    assert_int_equal(ocpi_read(pool, nested(200000, "[", "]", ""), &doc, &problem), HUB_EMALFORMED);
    assert_string_equal(problem.rule, "depth");
}

static void nul_inside_strings(void **state)
{
    (void)state;
    refused(json_text("{'a':['x','y\\u0000z']}"), "nul", "/a/1");
    refused(json_text("{'a\\u0000':1}"), "nul", "");
    refused(json_text("'\\u0000'"), "nul", "");
    assert_non_null(json("{'a':'\\\\u0000 is only text'}"));
    refused(hub_slice("{\"a\":\"x\0y\"}", 11), "json", "");
}

static void numbers_stay_as_they_are_spelled(void **state)
{
    (void)state;
    const char *text = "{'a':2.50,'b':1E+2,'c':-0,'d':12345678901234567890123}";
    assert_json(ocpi_write(pool, json(text)), text);
    assert_slice(ocpi_get_str(json(text), "a"), "2.50");
    assert_null(ocpi_get_str(json(text), "z").ptr);
    assert_null(ocpi_str(NULL).ptr);
}

static void problems_are_bounded_and_errors_never_lost(void **state)
{
    (void)state;
    ocpi_problems_t problems;
    ocpi_problems_init(&problems, pool);
    for (int i = 0; i < OCPI_PROBLEMS_MAX + 50; i++)
        ocpi_problem_add(&problems, OCPI_WARNING, HUB_SLICE_LIT("/a"), "type", "%d", i);
    ocpi_problem_add(&problems, OCPI_ERROR, HUB_SLICE_LIT("/b"), "required", "b \"is\" required");
    assert_int_equal(problems.count, OCPI_PROBLEMS_MAX);
    assert_int_equal(problems.errors, 1);
    assert_non_null(json_problem(&problems, "required", "/b"));
    for (size_t shift = 0; shift < 3; shift++) { /* a long message is cut between characters */
        char text[601];
        for (size_t i = 0; i < 600; i++)
            text[i] = "\xE2\x82\xAC"[(i + shift) % 3];
        ocpi_problems_t one;
        ocpi_problems_init(&one, pool);
        ocpi_problem_add(&one, OCPI_ERROR, HUB_SLICE_LIT(""), "type", "%.*s%.*s", (int)((3 - shift) % 3), "aa", 599 - (int)shift,
                         text + (3 - shift) % 3);
        assert_true(one.list[0].message.len > 500 && hub_slice_utf8_ok(one.list[0].message));
    }
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_problems_write(&problems, &out);
    yyjson_val *list = json_read(hub_buf_slice(&out));
    assert_int_equal(yyjson_arr_size(list), OCPI_PROBLEMS_MAX);
    assert_slice(ocpi_get_str(yyjson_arr_get_last(list), "severity"), "error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(T1_code_and_timestamp_always),
        json_test(T4_A_no_data_where_none_is_given),
        json_test(T2_data_of_any_shape_is_read),
        json_test(T1_what_is_no_envelope),
        json_test(T10_status_codes_by_version),
        json_test(T5_wrong_json_says_where),
        json_test(keys_given_twice),
        json_test(keys_given_twice_among_many),
        json_test(nesting_is_bounded),
        json_test(nul_inside_strings),
        json_test(numbers_stay_as_they_are_spelled),
        json_test(problems_are_bounded_and_errors_never_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
