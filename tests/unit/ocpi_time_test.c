/* DateTime: rule Y3, decision S. */
#include "json.h"

static int64_t ms_of(const char *text, unsigned *flags)
{
    int64_t ms = -1;
    unsigned odd = 0;
    if (!ocpi_time_parse(hub_slice_str(text), &ms, &odd))
        fail_msg("%s was refused", text);
    *flags = odd;
    return ms;
}

static void Y3_utc_with_and_without_z(void **state)
{
    (void)state;
    unsigned flags;
    assert_int_equal(ms_of("1970-01-01T00:00:00Z", &flags), 0);
    assert_int_equal(flags, 0);
    assert_int_equal(ms_of("2015-06-29T20:39:09Z", &flags), 1435610349000);
    assert_int_equal(ms_of("2015-06-29T20:39:09", &flags), 1435610349000);
    assert_int_equal(flags, OCPI_TIME_NO_ZONE);
    assert_int_equal(ms_of("2016-12-29T17:45:09.2Z", &flags), 1483033509200);
    assert_int_equal(flags, OCPI_TIME_FRACTION);
    assert_int_equal(ms_of("2018-01-01T01:08:01.123", &flags), 1514768881123);
    assert_int_equal(flags, OCPI_TIME_FRACTION | OCPI_TIME_NO_ZONE);
    assert_int_equal(ms_of("1969-12-31T23:59:59.500Z", &flags), -500);
    assert_int_equal(ms_of("2024-02-29T00:00:00Z", &flags), 1709164800000);
    assert_int_equal(ms_of("2026-01-02T03:04:05.1239999Z", &flags), 1767323045123);
}

static void S_offsets_are_converted(void **state)
{
    (void)state;
    unsigned flags;
    assert_int_equal(ms_of("2022-01-02 00:00:00+00:00", &flags), 1641081600000);
    assert_int_equal(flags, OCPI_TIME_OFFSET | OCPI_TIME_BLANK);
    assert_int_equal(ms_of("2022-01-02T02:00:00+02:00", &flags), 1641081600000);
    assert_int_equal(flags, OCPI_TIME_OFFSET);
    assert_int_equal(ms_of("2022-01-01T19:30:00-0430", &flags), 1641081600000);
    assert_int_equal(ms_of("2022-01-02T05:00:00.250+05", &flags), 1641081600250);
}

static void Y3_others_are_no_datetime(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2022",
                                      "yesterday",
                                      "2022-01-02",
                                      "2022-13-01T00:00:00Z",
                                      "2022-00-01T00:00:00Z",
                                      "2022-02-29T00:00:00Z",
                                      "2100-02-29T00:00:00Z",
                                      "2022-01-32T00:00:00Z",
                                      "2022-01-01T24:00:00Z",
                                      "2022-01-01T00:60:00Z",
                                      "2025-03-23T23:59:99Z",
                                      "2022-01-01T00:00:00.Z",
                                      "2022-01-01T00:00:00ZZ",
                                      "2022-01-01T00:00:00+",
                                      "2022-01-01T00:00:00+2:00",
                                      "2022-01-01T00:00:00+25:00",
                                      "2022-01-01T00:00:00 Z",
                                      "1970-1-1T00:00:00Z",
                                      "2022-01-01_00:00:00Z",
                                      "2022-01-01T00:00:0",
                                      "1641081600"};
    for (size_t i = 0; i < HUB_COUNT(bad); i++) {
        int64_t ms;
        if (ocpi_time_parse(hub_slice_str(bad[i]), &ms, NULL))
            fail_msg("%s was accepted", bad[i]);
    }
}

static void S_sent_with_z_and_no_or_three_decimals(void **state)
{
    (void)state;
    char text[OCPI_TIME_MAX + 1];
    assert_int_equal(ocpi_time_format(1435610349000, text), 20);
    assert_string_equal(text, "2015-06-29T20:39:09Z");
    assert_int_equal(ocpi_time_format(1483033509200, text), 24);
    assert_string_equal(text, "2016-12-29T17:45:09.200Z");
    ocpi_time_format(-500, text);
    assert_string_equal(text, "1969-12-31T23:59:59.500Z");
    ocpi_time_format(INT64_MAX, text);
    ocpi_time_format(INT64_MIN, text);
}

static void format_and_parse_agree(void **state)
{
    (void)state;
    for (int64_t day = -719162; day < 2932896; day += 97) {
        int64_t ms = day * 86400000 + (day & 1 ? 86399999 : 0), back;
        char text[OCPI_TIME_MAX + 1];
        size_t len = ocpi_time_format(ms, text);
        assert_true(ocpi_time_parse(hub_slice(text, len), &back, NULL));
        assert_int_equal(back, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(Y3_utc_with_and_without_z), json_test(S_offsets_are_converted),
        json_test(Y3_others_are_no_datetime), json_test(S_sent_with_z_and_no_or_three_decimals),
        json_test(format_and_parse_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
