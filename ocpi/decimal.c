/* Exact arithmetic on numbers as they are written. */
#include "decimal.h"

#define MOST_DIGITS 18

typedef __int128 wide_t;

static wide_t power(int exponent)
{
    wide_t p = 1;
    while (exponent-- > 0)
        p *= 10;
    return p;
}

static bool fits(wide_t digits)
{
    return digits < power(MOST_DIGITS) && digits > -power(MOST_DIGITS);
}

static bool is_digit(hub_slice_t text, size_t i)
{
    return i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

/* The exponent at text[*i] ("e-3"), 0 when there is none. */
static bool parse_exponent(hub_slice_t text, size_t *i, int *out)
{
    *out = 0;
    if (*i >= text.len || (text.ptr[*i] != 'e' && text.ptr[*i] != 'E'))
        return true;
    ++*i;
    bool minus = *i < text.len && text.ptr[*i] == '-';
    if (*i < text.len && (text.ptr[*i] == '-' || text.ptr[*i] == '+'))
        ++*i;
    if (!is_digit(text, *i))
        return false;
    for (; is_digit(text, *i); ++*i)
        if ((*out = *out * 10 + (text.ptr[*i] - '0')) > MOST_DIGITS)
            return false;
    *out = minus ? -*out : *out;
    return true;
}

bool ocpi__decimal_parse(hub_slice_t text, ocpi_decimal_t *out)
{
    size_t i = text.len && text.ptr[0] == '-';
    bool minus = i == 1;
    wide_t digits = 0;
    int scale = 0, exponent;
    if (!is_digit(text, i))
        return false;
    for (; is_digit(text, i); i++)
        if (!fits(digits = digits * 10 + (text.ptr[i] - '0')))
            return false;
    if (i < text.len && text.ptr[i] == '.')
        for (i++; is_digit(text, i); i++, scale++)
            if (!fits(digits = digits * 10 + (text.ptr[i] - '0')))
                return false;
    if (!parse_exponent(text, &i, &exponent) || i != text.len)
        return false;
    scale -= exponent;
    if (scale < 0) {
        digits *= power(-scale);
        scale = 0;
    }
    if (scale > MOST_DIGITS || !fits(digits))
        return false;
    *out = (ocpi_decimal_t){(int64_t)(minus ? -digits : digits), scale};
    return true;
}

bool ocpi__decimal_add(ocpi_decimal_t a, ocpi_decimal_t b, ocpi_decimal_t *sum)
{
    int scale = a.scale > b.scale ? a.scale : b.scale;
    wide_t digits = a.digits * power(scale - a.scale) + b.digits * power(scale - b.scale);
    *sum = (ocpi_decimal_t){(int64_t)digits, scale};
    return fits(digits);
}

bool ocpi__decimal_subtract(ocpi_decimal_t a, ocpi_decimal_t b, ocpi_decimal_t *difference)
{
    b.digits = -b.digits;
    return ocpi__decimal_add(a, b, difference);
}

static wide_t divide_rounded(wide_t a, wide_t b) /* b > 0 */
{
    wide_t half = b / 2;
    return a < 0 ? -((-a + half) / b) : (a + half) / b;
}

bool ocpi__decimal_round(ocpi_decimal_t a, int scale, ocpi_decimal_t *out)
{
    wide_t digits = scale >= a.scale ? a.digits * power(scale - a.scale) : divide_rounded(a.digits, power(a.scale - scale));
    *out = (ocpi_decimal_t){(int64_t)digits, scale};
    return fits(digits);
}

bool ocpi__decimal_net(ocpi_decimal_t gross, ocpi_decimal_t percent, int scale, ocpi_decimal_t *net, bool *exact)
{
    const int most_scale = 6;
    if (percent.digits < 0 || percent.scale > most_scale || gross.scale > most_scale)
        return false;
    wide_t above = (wide_t)gross.digits * 100 * power(percent.scale) * power(scale);
    wide_t below = (100 * power(percent.scale) + percent.digits) * power(gross.scale);
    wide_t digits = divide_rounded(above, below);
    *exact = digits * below == above;
    for (; *exact && scale > gross.scale && digits % 10 == 0; scale--)
        digits /= 10;
    *net = (ocpi_decimal_t){(int64_t)digits, scale};
    return fits(digits);
}

void ocpi__decimal_write(hub_buf_t *out, ocpi_decimal_t a)
{
    char text[2 * MOST_DIGITS + 4];
    size_t at = sizeof text;
    uint64_t digits = a.digits < 0 ? (uint64_t)-a.digits : (uint64_t)a.digits;
    for (int i = 0; i <= a.scale || digits; i++, digits /= 10) {
        if (i && i == a.scale)
            text[--at] = '.';
        text[--at] = (char)('0' + digits % 10);
    }
    if (a.digits < 0)
        text[--at] = '-';
    hub_buf_add(out, hub_slice(text + at, sizeof text - at));
}
