/* When schedules come: samples, a model that goes minute by minute, and whatever text there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ocpi/ocpi.h"
#include "settings/schedule.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

static int64_t at(const char *text)
{
    int64_t ms;
    if (!ocpi_time_parse(hub_slice_str(text), &ms, NULL))
        fail_msg("%s is no time", text);
    return ms;
}

static const struct {
    const char *schedule, *after, *next; /* next NULL: never */
} samples[] = {
    {"hourly", "2026-11-21T17:35:10Z", "2026-11-21T18:00:00Z"},
    {"hourly", "2026-11-21T17:59:59.999Z", "2026-11-21T18:00:00Z"},
    {"hourly", "2026-11-21T18:00:00Z", "2026-11-21T19:00:00Z"},
    {"daily", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
    {"weekly", "2026-11-21T17:35:10Z", "2026-11-23T00:00:00Z"}, /* a Monday */
    {"weekly", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
    {"monthly", "2026-11-21T17:35:10Z", "2026-12-01T00:00:00Z"},
    /* cron(5) */
    {"* * * * *", "2026-11-21T17:35:10Z", "2026-11-21T17:36:00Z"},
    {"*/15 * * * *", "2026-11-21T17:35:10Z", "2026-11-21T17:45:00Z"},
    {"5-59/20 * * * *", "2026-11-21T17:46:00Z", "2026-11-21T18:05:00Z"},
    {"30 2 * * *", "2026-11-21T17:35:10Z", "2026-11-22T02:30:00Z"},
    {"0 22,4 * * *", "2026-11-21T22:00:00Z", "2026-11-22T04:00:00Z"},
    {"  0\t0  1 1 *  ", "2026-11-21T17:35:10Z", NULL}, /* a tab is no blank here */
    {"  0 0  1 1 *  ", "2026-11-21T17:35:10Z", "2027-01-01T00:00:00Z"},
    {"0 0 29 2 *", "2026-11-21T17:35:10Z", "2028-02-29T00:00:00Z"},
    {"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},   /* 2100 is no leap year */
    {"0 0 29 2 */7", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"}, /* a Sunday, forty years on */
    {"0 0 13 * 5", "2026-11-21T17:35:10Z", "2026-11-27T00:00:00Z"},   /* the 13th or a Friday */
    {"0 0 13 * 5", "2026-12-12T00:00:00Z", "2026-12-13T00:00:00Z"},
    {"0 0 * * 5", "2026-11-21T17:35:10Z", "2026-11-27T00:00:00Z"},
    {"0 0 1 * *", "2026-11-21T17:35:10Z", "2026-12-01T00:00:00Z"},
    {"0 0 1-7 * */7", "2026-11-21T17:35:10Z", "2026-12-06T00:00:00Z"}, /* starts with a star: the first Sunday of the month */
    {"0 0 * * 0", "2026-11-21T17:35:10Z", "2026-11-22T00:00:00Z"},
    {"0 0 * * 7", "2026-11-21T17:35:10Z", "2026-11-22T00:00:00Z"},
    {"0 0 * * 6-7", "2026-11-22T00:00:00Z", "2026-11-28T00:00:00Z"},
    {"0 6 * JAN-mar mon-Fri", "2026-11-21T17:35:10Z", "2027-01-01T06:00:00Z"},
    {"0 0 30 2 *", "2026-11-21T17:35:10Z", NULL},
    {"0 0 31 2,4,6,9,11 *", "2026-11-21T17:35:10Z", NULL},
    {"59 23 31 12 *", "9999-12-31T00:00:00Z", "9999-12-31T23:59:00Z"},
    /* ISO 8601 */
    {"PT1S", "2026-11-21T17:35:10.123Z", "2026-11-21T17:35:11.123Z"},
    {"PT15M", "2026-11-21T17:35:10Z", "2026-11-21T17:50:10Z"},
    {"PT90M", "2026-12-31T23:00:00Z", "2027-01-01T00:30:00Z"},
    {"P1D", "2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z"},
    {"P2W", "2026-11-21T17:35:10Z", "2026-12-05T17:35:10Z"},
    {"P1DT2H3M4S", "2026-11-21T17:35:10Z", "2026-11-22T19:38:14Z"},
    {"P1M", "2027-01-31T08:00:00Z", "2027-02-28T08:00:00Z"},
    {"P1M", "2028-01-31T08:00:00Z", "2028-02-29T08:00:00Z"},
    {"P14M", "2026-12-31T08:00:00Z", "2028-02-29T08:00:00Z"},
    {"P1Y", "2028-02-29T08:00:00Z", "2029-02-28T08:00:00Z"},
    {"P1Y2M3DT4H", "2026-11-21T00:00:00Z", "2028-01-24T04:00:00Z"},
    {"PT0H1M", "2026-11-21T00:00:00Z", "2026-11-21T00:01:00Z"},
    {"P100Y", "2026-11-21T00:00:00Z", "2126-11-21T00:00:00Z"},
};

static void samples_come_when_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(samples); i++) {
        char text[OCPI_TIME_MAX + 1] = "never";
        hub_slice_t schedule = hub_slice_str(samples[i].schedule);
        int64_t next = hub_schedule_next(schedule, at(samples[i].after));
        if (next)
            ocpi_time_format(next, text);
        if (next != (samples[i].next ? at(samples[i].next) : 0))
            fail_msg("%s after %s: %s", samples[i].schedule, samples[i].after, text);
        assert_int_equal(hub_schedule_valid(schedule), samples[i].next != NULL);
    }
}

static const char *const wrong[] = {
    "",
    " ",
    "sometimes",
    "Hourly",
    "yearly",
    "@daily",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 0 *",
    "* * * 13 *",
    "* * * * 8",
    "-1 * * * *",
    "1- * * * *",
    "-5 * * * *",
    "5-1 * * * *",
    "22-4 * * * *",
    "1-2-3 * * * *",
    "1,,2 * * * *",
    ",1 * * * *",
    "1, * * * *",
    "*/0 * * * *",
    "*/ * * * *",
    "5/15 * * * *",
    "*/5/2 * * * *",
    "** * * * *",
    "*-5 * * * *",
    "*/100 * * * *",
    "001 * * * *",
    "jan * * * *",
    "* * * janu *",
    "* * * mon *",
    "* * * * su",
    "1.5 * * * *",
    "+1 * * * *",
    "? * * * *",
    "* * L * *",
    "P",
    "PT",
    "P1",
    "PT1",
    "1D",
    "p1D",
    "P0D",
    "PT0S",
    "P0Y0M0DT0H0M0S",
    "P1DT",
    "P1H",
    "PT1D",
    "P1M1Y",
    "PT1S1M",
    "P1D1D",
    "P1W1D",
    "P1Y1W",
    "P-1D",
    "-P1D",
    "P1.5D",
    "PT0.5S",
    "P1,5D",
    "P 1D",
    "P1D ",
    "PTT1S",
    "PT1HT1M",
    "P101Y",
    "P1201M",
    "P99999999999D",
    "P18446744073709551617D",
    "PT9999999999S",
    "P100Y1D1D",
    "R5/PT1H",
};

static void what_is_no_schedule_never_comes(void **state)
{
    (void)state;
    for (size_t i = 0; i < HUB_COUNT(wrong); i++)
        if (hub_schedule_valid(hub_slice_str(wrong[i])) || hub_schedule_next(hub_slice_str(wrong[i]), at("2026-11-21T17:35:10Z")))
            fail_msg("\"%s\" was taken", wrong[i]);
    assert_false(hub_schedule_valid(HUB_SLICE_NONE));
    assert_int_equal(hub_schedule_next(HUB_SLICE_LIT("daily"), -1), 0);
    assert_int_equal(hub_schedule_next(HUB_SLICE_LIT("PT1S"), INT64_MAX), 0);
    assert_int_equal(hub_schedule_next(HUB_SLICE_LIT("daily"), INT64_MIN), 0);
}

static void never_is_found_out_quickly(void **state)
{
    (void)state;
    int64_t start = hub_mono_ms();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(hub_schedule_next(HUB_SLICE_LIT("0 0 30 2 *"), at("2026-11-21T17:35:10Z")), 0);
        assert_int_equal(hub_schedule_next(HUB_SLICE_LIT("* * 31 2,4,6,9,11 *"), at("2026-11-21T17:35:10Z")), 0);
    }
    assert_true(hub_mono_ms() - start < 5000); /* 200 of them, with sanitizers */
}

/* ---- against a model ---- */

static uint64_t seed = 20261121;

static unsigned pick(unsigned upto)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % upto;
}

typedef struct model {
    bool set[5][60], star[5];
} model_t;

static const unsigned least[5] = {0, 0, 1, 1, 0}, most[5] = {59, 23, 31, 12, 7};

static void add_range(model_t *m, unsigned field, unsigned from, unsigned to, unsigned step)
{
    for (unsigned n = from; n <= to; n += step)
        m->set[field][field == 4 ? n % 7 : n] = true;
}

static int write_item(model_t *m, unsigned field, char *out, size_t size)
{
    unsigned span = most[field] - least[field] + 1, from = least[field] + pick(span), to = from + pick(most[field] - from + 1),
             step = 1 + pick(9);
    switch (pick(4)) {
    case 0:
        add_range(m, field, from, from, 1);
        return snprintf(out, size, "%u", from);
    case 1:
        add_range(m, field, from, to, 1);
        return snprintf(out, size, "%u-%u", from, to);
    case 2:
        add_range(m, field, from, to, step);
        return snprintf(out, size, "%u-%u/%u", from, to, step);
    default:
        add_range(m, field, least[field], most[field], step);
        return snprintf(out, size, "*/%u", step);
    }
}

static void write_cron(model_t *m, char *out, size_t size)
{
    size_t len = 0;
    memset(m, 0, sizeof *m);
    for (unsigned field = 0; field < 5; field++) {
        char *word = out + len;
        if (pick(3) == 0) {
            add_range(m, field, least[field], most[field], 1);
            len += (size_t)snprintf(word, size - len, "*");
        } else {
            for (unsigned items = 1 + pick(3), i = 0; i < items; i++) {
                len += (size_t)snprintf(out + len, size - len, "%s", i ? "," : "");
                len += (size_t)write_item(m, field, out + len, size - len);
            }
        }
        m->star[field] = *word == '*';
        len += (size_t)snprintf(out + len, size - len, "%s", field < 4 ? " " : "");
    }
}

static int64_t by_the_minute(const model_t *m, int64_t after, int days)
{
    for (int64_t t = after / MINUTE * MINUTE + MINUTE; t < after + days * DAY; t += MINUTE) {
        time_t seconds = (time_t)(t / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        bool day = m->set[2][tm.tm_mday], weekday = m->set[4][tm.tm_wday];
        if (m->set[0][tm.tm_min] && m->set[1][tm.tm_hour] && m->set[3][tm.tm_mon + 1] &&
            (m->star[2] || m->star[4] ? day && weekday : day || weekday))
            return t;
    }
    return 0;
}

static void cron_agrees_with_a_model(void **state)
{
    (void)state;
    unsigned found = 0;
    for (int i = 0; i < 400; i++) {
        char text[512];
        model_t m;
        write_cron(&m, text, sizeof text);
        int64_t after = (int64_t)pick(2000000000) * 1000 + pick(1000);
        int64_t want = by_the_minute(&m, after, 120), got = hub_schedule_next(hub_slice_str(text), after);
        found += want != 0;
        if (want ? got != want : got && got < after + 120 * DAY)
            fail_msg("\"%s\" after %lld: %lld, not %lld", text, (long long)after, (long long)got, (long long)want);
    }
    assert_true(found > 200);
}

static void months_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        int64_t after = (int64_t)pick(2000000000) * 3000 + pick(1000);
        unsigned months = 1 + pick(1200);
        time_t seconds = (time_t)(after / 1000);
        struct tm tm, want;
        gmtime_r(&seconds, &tm);
        want = tm;
        want.tm_mon += (int)months;
        for (want.tm_mday = tm.tm_mday;; want.tm_mday--) { /* back from a day that the month does not have */
            struct tm tried = want;
            timegm(&tried);
            if (tried.tm_mon == (tm.tm_mon + (int)months) % 12) {
                want = tried;
                break;
            }
        }
        char text[32];
        snprintf(text, sizeof text, "P%uM", months);
        assert_int_equal(hub_schedule_next(hub_slice_str(text), after), (int64_t)timegm(&want) * 1000 + after % 1000);
    }
}

/* Whatever the text is: no answer, or one that lies ahead; and the next one lies ahead of that. */
static void any_text_at_all(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789*/,- PTYMWDHSmonjan";
    unsigned taken = 0;
    for (int i = 0; i < 200000; i++) {
        char text[24];
        size_t len = pick(sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = alphabet[pick(sizeof alphabet - 1)];
        if (len && pick(2))
            text[0] = 'P';
        hub_slice_t schedule = hub_slice(text, len);
        int64_t after = (int64_t)pick(2000000000) * 1000, next = hub_schedule_next(schedule, after);
        if (!next)
            continue;
        taken++;
        assert_true(next > after && hub_schedule_valid(schedule));
        assert_true(hub_schedule_next(schedule, next) > next);
    }
    assert_true(taken > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_when_they_should),   cmocka_unit_test(what_is_no_schedule_never_comes),
        cmocka_unit_test(never_is_found_out_quickly),      cmocka_unit_test(cron_agrees_with_a_model),
        cmocka_unit_test(months_agree_with_the_c_library), cmocka_unit_test(any_text_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
