/* When a schedule comes next. */
#include "schedule.h"

#include <string.h>

#define MINUTE_MS 60000
#define DAY_MS 86400000
#define LAST_MS 253402300799999 /* 9999 ends */
#define LONGEST_MONTHS 1200
#define LONGEST_SECONDS 3155760000 /* 100 years */
/* 29 February on a given day of the week is 40 years apart at most (when 2100 lies between): a day that does not come within this does not
 * come at all. */
#define HORIZON_DAYS 15006 /* 41 * 366 */

/* ---- the calendar ---- */

typedef struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
} date_t;

static unsigned month_days(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Days since 1970 and back; years begin in March here, so that 29 February is the last day of one. */
static int64_t days_of(date_t d)
{
    int64_t year = d.year - (d.month <= 2);
    int64_t era = year / 400, of_era = year % 400, of_year = (153 * (int64_t)((d.month + 9) % 12) + 2) / 5 + d.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static date_t date_of(int64_t days)
{
    int64_t z = days + 719468, era = z / 146097, of_era = z % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    date_t d = {.day = (unsigned)(of_year - (153 * month + 2) / 5 + 1), .month = (unsigned)(month < 10 ? month + 3 : month - 9)};
    d.year = year + era * 400 + (d.month <= 2);
    return d;
}

/* ---- cron ---- */

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field {
    unsigned least, most;
    const char *names; /* three letters each; the first is `least` */
} fields[FIELDS] = {
    {0, 59, ""}, {0, 23, ""}, {1, 31, ""}, {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"}, {0, 7, "sunmontuewedthufrisat"}};

typedef struct cron {
    uint64_t bits[FIELDS];
    bool starred[FIELDS];
} cron_t;

static bool read_small(hub_slice_t s, unsigned *out)
{
    uint64_t n;
    if (s.len > 2 || !hub_slice_u64(s, &n))
        return false;
    *out = (unsigned)n;
    return true;
}

static bool read_value(const struct field *field, hub_slice_t s, unsigned *out)
{
    if (read_small(s, out))
        return *out >= field->least && *out <= field->most;
    for (unsigned i = 0; s.len == 3 && field->names[(size_t)i * 3]; i++) {
        *out = field->least + i;
        if (hub_slice_caseeq(s, hub_slice(field->names + (size_t)i * 3, 3)))
            return true;
    }
    return false;
}

/* "*", "5", "1-5", "*" or "1-5" with "/2" */
static bool read_item(const struct field *field, hub_slice_t item, uint64_t *bits)
{
    hub_slice_t range, first;
    unsigned from = field->least, to = field->most, step = 1;
    bool one = false;
    if (!hub_slice_split(&item, '/', &range))
        return false;
    if (!hub_slice_eq_str(range, "*")) {
        hub_slice_split(&range, '-', &first);
        one = !range.ptr;
        if (!read_value(field, first, &from) || !read_value(field, one ? first : range, &to) || from > to)
            return false;
    }
    if (item.ptr && (one || !read_small(item, &step) || step == 0))
        return false;
    for (unsigned n = from; n <= to; n += step)
        *bits |= (uint64_t)1 << n;
    return true;
}

static bool read_cron(hub_slice_t text, cron_t *cron)
{
    hub_slice_t word, item;
    unsigned count = 0;
    memset(cron, 0, sizeof *cron);
    while (hub_slice_split(&text, ' ', &word)) {
        if (!word.len)
            continue;
        if (count == FIELDS)
            return false;
        cron->starred[count] = word.ptr[0] == '*';
        while (word.ptr) {
            hub_slice_split(&word, ',', &item);
            if (!read_item(&fields[count], item, &cron->bits[count]))
                return false;
        }
        count++;
    }
    if (cron->bits[WEEKDAY] >> 7 & 1)
        cron->bits[WEEKDAY] |= 1;
    return count == FIELDS;
}

static bool has(const cron_t *cron, unsigned field, int64_t n)
{
    return cron->bits[field] >> n & 1;
}

static bool is_day(const cron_t *cron, int64_t days, date_t date)
{
    bool day = has(cron, DAY, date.day), weekday = has(cron, WEEKDAY, (days + 4) % 7); /* 1970 began on a Thursday */
    return cron->starred[DAY] || cron->starred[WEEKDAY] ? day && weekday : day || weekday;
}

/* The first minute of the day from `from` on; -1: none is left. */
static int64_t minute_in_day(const cron_t *cron, int64_t from)
{
    for (int64_t minute = from; minute < DAY_MS / MINUTE_MS; minute++)
        if (has(cron, HOUR, minute / 60) && has(cron, MINUTE, minute % 60))
            return minute;
    return -1;
}

static int64_t next_cron(const cron_t *cron, int64_t after)
{
    int64_t start = after - after % MINUTE_MS + MINUTE_MS, from = start % DAY_MS / MINUTE_MS, first = start / DAY_MS;
    for (int64_t day = first; day < first + HORIZON_DAYS; from = 0) {
        date_t date = date_of(day);
        if (!has(cron, MONTH, date.month)) {
            day += month_days(date.year, date.month) - date.day + 1;
            continue;
        }
        int64_t minute = is_day(cron, day, date) ? minute_in_day(cron, from) : -1;
        if (minute >= 0)
            return day * DAY_MS + minute * MINUTE_MS;
        day++;
    }
    return 0;
}

/* ---- durations ---- */

typedef struct duration {
    int64_t months, seconds;
} duration_t;

static const struct part {
    char letter;
    bool time; /* behind the T */
    int64_t months, seconds;
} parts[] = {{'Y', false, 12, 0},  {'M', false, 1, 0}, {'W', false, 0, 604800}, {'D', false, 0, 86400},
             {'H', true, 0, 3600}, {'M', true, 0, 60}, {'S', true, 0, 1}};

/* Takes "12D" off the front: the number, and the part from `least` on. */
static bool take_part(hub_slice_t *s, bool time, size_t *least, int64_t *n)
{
    size_t digits = 0, i = *least;
    uint64_t number;
    while (digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9')
        digits++;
    if (digits == s->len || digits > 10 || !hub_slice_u64(hub_slice(s->ptr, digits), &number))
        return false;
    while (i < HUB_COUNT(parts) && (parts[i].letter != s->ptr[digits] || parts[i].time != time))
        i++;
    *n = (int64_t)number;
    *least = i + 1;
    *s = hub_slice(s->ptr + digits + 1, s->len - digits - 1);
    return i < HUB_COUNT(parts);
}

static bool read_duration(hub_slice_t s, duration_t *out)
{
    size_t least = 0, count = 0;
    bool weeks = false, time = false;
    int64_t n;
    *out = (duration_t){0, 0};
    for (s = hub_slice(s.ptr + 1, s.len - 1); s.len; count++) {
        if (s.ptr[0] == 'T' && !time) {
            time = true;
            s = hub_slice(s.ptr + 1, s.len - 1);
        }
        if (!take_part(&s, time, &least, &n))
            return false;
        const struct part *part = &parts[least - 1];
        out->months += n * part->months;
        out->seconds += n * part->seconds;
        weeks = weeks || part->letter == 'W';
        if (out->months > LONGEST_MONTHS || out->seconds > LONGEST_SECONDS)
            return false;
    }
    return (!weeks || count == 1) && out->months + out->seconds > 0;
}

static int64_t add_duration(int64_t after, duration_t duration)
{
    date_t date = date_of(after / DAY_MS);
    int64_t month = date.year * 12 + date.month - 1 + duration.months;
    date.year = month / 12;
    date.month = (unsigned)(month % 12) + 1;
    unsigned most = month_days(date.year, date.month);
    date.day = date.day < most ? date.day : most;
    return days_of(date) * DAY_MS + after % DAY_MS + duration.seconds * 1000;
}

/* ---- all of them ---- */

static const struct {
    const char *name, *cron;
} names[] = {{"hourly", "0 * * * *"}, {"daily", "0 0 * * *"}, {"weekly", "0 0 * * 1"}, {"monthly", "0 0 1 * *"}};

int64_t hub_schedule_next(hub_slice_t schedule, int64_t after)
{
    cron_t cron;
    duration_t duration;
    if (after < 0 || after > LAST_MS)
        return 0;
    if (schedule.len && schedule.ptr[0] == 'P')
        return read_duration(schedule, &duration) ? add_duration(after, duration) : 0;
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        if (hub_slice_eq_str(schedule, names[i].name))
            schedule = hub_slice_str(names[i].cron);
    return read_cron(schedule, &cron) ? next_cron(&cron, after) : 0;
}

bool hub_schedule_valid(hub_slice_t schedule)
{
    return hub_schedule_next(schedule, 0) != 0;
}
