/* What libocpi does eight bytes at a time or by hash agrees with the plain way of saying it. */
#include <stdio.h>

#include "json.h"
#include "ocpi/index.h"

static uint64_t state_of_random = 88172645463325252u;

static unsigned any(unsigned below)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return (unsigned)(state_of_random >> 33) % below;
}

/* A copy of its own size, so that the address sanitizer sees a byte read too far. */
static hub_slice_t exact(hub_slice_t s)
{
    char *copy = hub_pool_alloc(pool, s.len);
    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return hub_slice(copy, s.len);
}

static void printable_texts_of_every_length(void **state)
{
    (void)state;
    static const unsigned char odd[] = {0x00, 0x1F, 0x20, 0x7E, 0x7F, 0x80, 0x9F, 0xFF};
    for (size_t len = 0; len <= 40; len++)
        for (unsigned round = 0; round < 200; round++) {
            char text[40];
            bool control = false, high = false;
            for (size_t i = 0; i < len; i++)
                text[i] = (char)(any((unsigned)len) ? 'a' : odd[any(HUB_COUNT(odd))]);
            for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)text[i];
                control |= c < 0x20 || c == 0x7F;
                high |= c >= 0x80;
            }
            hub_slice_t s = exact(hub_slice(text, len));
            assert_int_equal(ocpi__printable(s, false), !control);
            assert_int_equal(ocpi__printable(s, true), !control && !high);
        }
}

static void same_texts_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 40; len++)
        for (size_t at = 0; at <= len; at++) {
            char text[41] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmn";
            hub_slice_t a = exact(hub_slice(text, len));
            text[at] ^= 1;
            assert_int_equal(ocpi__same(a, exact(hub_slice(text, len))), at == len);
            assert_false(ocpi__same(a, exact(hub_slice(text, len + (len < 40)))) && len < 40);
        }
}

static void times_that_fit_are_times_as_we_write_them(void **state)
{
    (void)state;
    static const char *const good[] = {"2026-01-02T03:04:05Z", "2026-01-31T23:59:60Z", "2024-02-29T00:00:00.000Z",
                                       "0001-12-28T23:59:59.999Z"};
    static const char marks[] = "0123456789-:TZ. tz+";
    for (unsigned round = 0; round < 200000; round++) {
        char text[25];
        size_t len = (size_t)snprintf(text, sizeof text, "%s", good[any(HUB_COUNT(good))]);
        assert_true(ocpi__time_fits(hub_slice(text, len)));
        for (unsigned n = any(3); n > 0; n--)
            text[any((unsigned)len)] = any(20) ? marks[any(sizeof marks - 1)] : (char)any(256);
        unsigned odd;
        int64_t ms;
        bool ours = ocpi_time_parse(hub_slice(text, len), &ms, &odd) && text[10] == 'T' && text[len - 1] == 'Z';
        assert_int_equal(ocpi__time_fits(hub_slice(text, len)), ours);
    }
    assert_false(ocpi__time_fits(HUB_SLICE_LIT("2026-01-02T03:04:05")));
    assert_false(ocpi__time_fits(HUB_SLICE_LIT("2026-01-02T03:04:05.12Z")));
    assert_false(ocpi__time_fits(HUB_SLICE_LIT("")));
}

static const ocpi_field_t *plain_field(const ocpi_object_t *object, ocpi_version_t version, hub_slice_t name)
{
    for (unsigned i = 0; i < object->count; i++)
        if ((object->fields[i].versions & version) && hub_slice_eq_str(name, object->fields[i].name))
            return &object->fields[i];
    return NULL;
}

/* Every name of a field in every object and version, and names that differ from one by a character. */
static void every_name_finds_its_row(void **state)
{
    (void)state;
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++) {
        const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)id);
        for (unsigned i = 0; i < object->count; i++)
            for (unsigned v = 0; v < 3; v++) {
                char name[64];
                size_t len = (size_t)snprintf(name, sizeof name, "%s", object->fields[i].name);
                for (size_t at = 0; at <= len; at++) {
                    name[at] ^= at < len;
                    hub_slice_t text = exact(hub_slice(name, len));
                    for (unsigned of = 1; of < OCPI_OBJECT_COUNT; of += 1 + any(20))
                        assert_ptr_equal(ocpi__field((ocpi_object_id_t)of, ocpi_versions[v], text),
                                         plain_field(ocpi_object((ocpi_object_id_t)of), ocpi_versions[v], text));
                    assert_ptr_equal(ocpi__field((ocpi_object_id_t)id, ocpi_versions[v], text),
                                     plain_field(object, ocpi_versions[v], text));
                    name[at] ^= at < len;
                }
            }
    }
}

static bool plain_enum(const ocpi_enum_t *e, ocpi_version_t version, hub_slice_t value)
{
    for (unsigned i = 0; i < e->count; i++)
        if ((e->values[i].versions & version) && hub_slice_eq_str(value, e->values[i].text))
            return true;
    return false;
}

static void every_value_is_found_where_it_is(void **state)
{
    (void)state;
    for (uint16_t id = 1; id < OCPI_ENUM_COUNT; id++)
        for (unsigned i = 0; i < ocpi__enum(id)->count; i++)
            for (uint16_t of = 1; of < OCPI_ENUM_COUNT; of++)
                for (unsigned v = 0; v < 3; v++) {
                    hub_slice_t value = hub_slice_str(ocpi__enum(id)->values[i].text);
                    assert_int_equal(ocpi_enum_has(of, ocpi_versions[v], value), plain_enum(ocpi__enum(of), ocpi_versions[v], value));
                }
}

/* Values of all kinds against every row: what fits quickly is what the judgement has nothing to say of. */
static void what_fits_needs_no_judgement(void **state)
{
    (void)state;
    yyjson_val *list = json(
        "[null,true,false,0,-0,7,8,12,-1,1.0,1.5,1e2,123456789012345678901234567890,'','7','A','AVAILABLE','CHARGING','NLD','"
        "51.04776','-3.72946','91.00000','08:00','24:00','2026-01-02','2026-01-02T03:04:05Z','2026-01-02T03:04:05','2026-01-02 03:04:05Z','"
        "2026-02-30T00:00:00Z','https://example.com/x','example.com','https://a b','a\\u0001b','caf\\u00e9','\\u00e9\\u00e9\\u00e9',"
        "'0123456789012345678901234567890123456789',[],{},[null],{'id':1}]");
    size_t i, max, fit = 0;
    yyjson_val *value;
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
        for (unsigned f = 0; f < ocpi_object((ocpi_object_id_t)id)->count; f++)
            yyjson_arr_foreach(list, i, max, value)
            {
                const ocpi_field_t *field = &ocpi_object((ocpi_object_id_t)id)->fields[f];
                for (unsigned v = 0; v < 3; v++) {
                    ocpi_finding_t finding;
                    if (!ocpi__fits(field, ocpi_versions[v], value))
                        continue;
                    fit++;
                    assert_int_not_equal(field->type, OCPI_TYPE_OBJECT);
                    assert_false(yyjson_is_null(value));
                    ocpi__judge(field, ocpi_versions[v], value, &finding);
                    assert_int_equal(finding.verdict, OCPI_FIT);
                    assert_null(finding.other);
                    assert_false(finding.rewrite);
                }
            }
    assert_true(fit > 10000);
}

/* Objects of few keys out of a small alphabet: refused exactly when two are the same, and the second of them is named. */
static void keys_given_twice_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "a",
                                        "b",
                                        "aa",
                                        "ab",
                                        "id",
                                        "min_price",
                                        "max_price",
                                        "k1",
                                        "k2",
                                        "start_date",
                                        "start_time",
                                        "last_updated",
                                        "evse_uids",
                                        "exceptional_openings",
                                        "exceptional_closings"};
    for (unsigned round = 0; round < 5000; round++) {
        hub_buf_t text = HUB_BUF_INIT(pool);
        const char *twice = NULL, *given[90];
        unsigned count = any(12);
        for (unsigned i = 0; i < count; i++) {
            given[i] = any(2) ? names[any(HUB_COUNT(names))] : hub_pool_printf(pool, "field_%u", any(100)).ptr;
            for (unsigned j = 0; j < i && !twice; j++)
                twice = strcmp(given[i], given[j]) == 0 ? given[i] : NULL;
            hub_buf_printf(&text, "%s\"%s\":%s", i ? "," : "{", given[i], any(4) ? "1" : "{\"x\":[{}]}");
        }
        hub_buf_add_str(&text, count ? "}" : "{}");
        yyjson_doc *doc;
        ocpi_problem_t problem;
        hub_err_t err = ocpi_read(pool, hub_buf_slice(&text), &doc, &problem);
        assert_int_equal(err, twice ? HUB_EMALFORMED : HUB_EOK);
        if (!twice)
            continue;
        assert_string_equal(problem.rule, "duplicate");
        assert_slice(problem.pointer, hub_pool_printf(pool, "/%s", twice).ptr);
    }
}

static void keys_are_told_before_values(void **state)
{
    (void)state;
    yyjson_doc *doc;
    ocpi_problem_t problem;
    assert_int_equal(ocpi_read(pool, json_text("{'a':{'x':1,'x':2},'b':1,'b':2}"), &doc, &problem), HUB_EMALFORMED);
    assert_slice(problem.pointer, "/b");
    assert_int_equal(ocpi_read(pool, json_text("{'a':[0,{'x':1,'x':2}],'b':1}"), &doc, &problem), HUB_EMALFORMED);
    assert_slice(problem.pointer, "/a/1/x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(printable_texts_of_every_length),
        json_test(same_texts_of_every_length),
        json_test(times_that_fit_are_times_as_we_write_them),
        json_test(every_name_finds_its_row),
        json_test(every_value_is_found_where_it_is),
        json_test(what_fits_needs_no_judgement),
        json_test(keys_given_twice_are_found),
        json_test(keys_are_told_before_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
