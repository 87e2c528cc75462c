/* DateTime: RFC 3339, and the spellings of it that real peers send (decision S). */

#include "schema.h"
#include "text.h"

static bool number(hub_slice_t s, size_t at, size_t digits, int *out)
{
    if (at + digits > s.len)
        return false;
    int n = 0;
    for (size_t i = at; i < at + digits; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        n = n * 10 + (s.ptr[i] - '0');
    }
    *out = n;
    return true;
}

/* Days since 1970-01-01 of a proleptic Gregorian date, counted in years that begin in March. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t era = y / 400, of_era = y % 400;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "+02:00", "+0200", "+02": minutes. */
static bool offset_of(hub_slice_t s, size_t at, int *minutes)
{
    int h, m = 0;
    if (!number(s, at + 1, 2, &h))
        return false;
    size_t left = s.len - at - 3;
    if (left == 3 && s.ptr[at + 3] == ':') {
        if (!number(s, at + 4, 2, &m))
            return false;
    } else if (left == 2) {
        if (!number(s, at + 3, 2, &m))
            return false;
    } else if (left != 0) {
        return false;
    }
    *minutes = (h * 60 + m) * (s.ptr[at] == '-' ? -1 : 1);
    return h <= 23 && m <= 59;
}

/* Digits after the second; the first three count. */
static bool fraction_of(hub_slice_t s, size_t *at, int *ms)
{
    int scale = 100;
    size_t first = *at;
    for (; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; (*at)++, scale /= 10)
        *ms += (s.ptr[*at] - '0') * scale;
    return *at > first;
}

bool ocpi_time_parse(hub_slice_t s, int64_t *ms, unsigned *flags)
{
    int year, month, day, hour, minute, second, fraction = 0, offset = 0;
    unsigned odd = 0;
    if (!number(s, 0, 4, &year) || !number(s, 5, 2, &month) || !number(s, 8, 2, &day) || !number(s, 11, 2, &hour) ||
        !number(s, 14, 2, &minute) || !number(s, 17, 2, &second))
        return false;
    if (s.ptr[4] != '-' || s.ptr[7] != '-' || s.ptr[13] != ':' || s.ptr[16] != ':')
        return false;
    if (s.ptr[10] == ' ')
        odd |= OCPI_TIME_BLANK;
    else if (s.ptr[10] != 'T' && s.ptr[10] != 't')
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    size_t at = 19;
    if (at < s.len && s.ptr[at] == '.') {
        at++;
        odd |= OCPI_TIME_FRACTION;
        if (!fraction_of(s, &at, &fraction))
            return false;
    }
    if (at == s.len) {
        odd |= OCPI_TIME_NO_ZONE;
    } else if (s.ptr[at] == '+' || s.ptr[at] == '-') {
        odd |= OCPI_TIME_OFFSET;
        if (!offset_of(s, at, &offset))
            return false;
    } else if ((s.ptr[at] != 'Z' && s.ptr[at] != 'z') || at + 1 != s.len) {
        return false;
    }
    int64_t minutes = days_of(year, month, day) * 1440 + (int64_t)hour * 60 + minute - offset;
    if (ms)
        *ms = (minutes * 60 + second) * 1000 + fraction;
    if (flags)
        *flags = odd;
    return true;
}

/* Eight bytes against `form`, where 0 is any digit. `limit` is for each byte what makes one too many reach the top bit: 0x76 for a digit
 * (10), 0x7F for a character that must be the form's own (1). */
static bool shaped(const char *at, const char form[9], const char limit[9])
{
    uint64_t differs = ocpi__load8(at) ^ ocpi__load8(form);
    return !((((differs & OCPI_EACH_BYTE(0x7F)) + ocpi__load8(limit)) | differs) & OCPI_EACH_BYTE(0x80));
}

static int two(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* A day after the 28th is left to ocpi_time_parse. */
bool ocpi__time_fits(hub_slice_t s)
{
    if (s.len != 20 && s.len != 24)
        return false;
    if (!shaped(s.ptr, "0000-00-", "\x76\x76\x76\x76\x7F\x76\x76\x7F") ||
        !shaped(s.ptr + 8, "00T00:00", "\x76\x76\x7F\x76\x76\x7F\x76\x76"))
        return false;
    if (s.len == 20 ? !shaped(s.ptr + 12, "0:00:00Z", "\x76\x7F\x76\x76\x7F\x76\x76\x7F")
                    : !shaped(s.ptr + 16, ":00.000Z", "\x7F\x76\x76\x7F\x76\x76\x76\x7F"))
        return false;
    int month = two(s.ptr + 5), day = two(s.ptr + 8);
    if (day > 28)
        return ocpi_time_parse(s, NULL, NULL);
    return day >= 1 && month >= 1 && month <= 12 && two(s.ptr + 11) <= 23 && two(s.ptr + 14) <= 59 && two(s.ptr + 17) <= 60 &&
           (two(s.ptr) || two(s.ptr + 2));
}

/* Every answer has a timestamp: printf would be a tenth of a small one. */
static char *digits(char *out, unsigned n, int width, char then)
{
    for (int i = width; i-- > 0; n /= 10)
        out[i] = (char)('0' + n % 10);
    out[width] = then;
    return out + width + 1;
}

size_t ocpi__time_write(int64_t ms, bool fraction, char out[OCPI_TIME_MAX + 1])
{
    int64_t second = ms / 1000, milli = ms % 1000;
    if (milli < 0) {
        milli += 1000;
        second--;
    }
    int64_t day = second / 86400, of_day = second % 86400;
    if (of_day < 0) {
        of_day += 86400;
        day--;
    }
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    int64_t mday = doy - (153 * mp + 2) / 5 + 1;
    if (year < 0 || year > 9999) /* no DateTime has such a year */
        year = year < 0 ? 0 : 9999;
    char *p = out;
    p = digits(p, (unsigned)year, 4, '-');
    p = digits(p, (unsigned)month, 2, '-');
    p = digits(p, (unsigned)mday, 2, 'T');
    p = digits(p, (unsigned)(of_day / 3600), 2, ':');
    p = digits(p, (unsigned)(of_day / 60 % 60), 2, ':');
    p = digits(p, (unsigned)(of_day % 60), 2, fraction || milli ? '.' : 'Z');
    if (fraction || milli)
        p = digits(p, (unsigned)milli, 3, 'Z');
    *p = '\0';
    return (size_t)(p - out);
}

size_t ocpi_time_format(int64_t ms, char out[OCPI_TIME_MAX + 1])
{
    return ocpi__time_write(ms, false, out);
}
