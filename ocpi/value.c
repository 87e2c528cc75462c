/* One value against its row: the judgement that check reports and normalise acts on. */
#include <string.h>

#include "schema.h"
#include "text.h"

/* ---- patterns: rows of pattern.def ---- */

static bool digits(hub_slice_t s, size_t from, size_t to)
{
    if (to > s.len)
        return false;
    for (size_t i = from; i < to; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

static int two(hub_slice_t s, size_t at)
{
    return (s.ptr[at] - '0') * 10 + (s.ptr[at + 1] - '0');
}

/* Y7. A number of degrees with fewer or more decimals is usable. */
static ocpi_verdict_t degrees(hub_slice_t s, unsigned limit, size_t most)
{
    size_t i = s.len && s.ptr[0] == '-', whole = 0, decimals = 0;
    unsigned value = 0;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, whole++)
        value = value < 1000 ? value * 10 + (unsigned)(s.ptr[i] - '0') : value;
    if (whole == 0 || value > limit)
        return OCPI_BAD;
    if (i < s.len && s.ptr[i] == '.')
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
            decimals++;
    if (i != s.len)
        return OCPI_BAD;
    return whole <= most && decimals >= 5 && decimals <= 7 ? OCPI_FIT : OCPI_ODD;
}

static ocpi_verdict_t latitude(hub_slice_t s)
{
    return degrees(s, 90, 2);
}

static ocpi_verdict_t longitude(hub_slice_t s)
{
    return degrees(s, 180, 3);
}

/* 2.1.1 wants exactly six. */
static ocpi_verdict_t six(hub_slice_t s, ocpi_verdict_t verdict)
{
    return verdict == OCPI_FIT && s.ptr[s.len - 7] != '.' ? OCPI_ODD : verdict;
}

static ocpi_verdict_t latitude_6(hub_slice_t s)
{
    return six(s, latitude(s));
}

static ocpi_verdict_t longitude_6(hub_slice_t s)
{
    return six(s, longitude(s));
}

static ocpi_verdict_t time_of_day(hub_slice_t s)
{
    return s.len == 5 && digits(s, 0, 2) && s.ptr[2] == ':' && digits(s, 3, 5) && two(s, 0) <= 23 && two(s, 3) <= 59 ? OCPI_FIT : OCPI_BAD;
}

static ocpi_verdict_t date(hub_slice_t s)
{
    bool shape = s.len == 10 && digits(s, 0, 4) && s.ptr[4] == '-' && digits(s, 5, 7) && s.ptr[7] == '-' && digits(s, 8, 10);
    return shape && (s.ptr[0] == '1' || s.ptr[0] == '2') && two(s, 5) >= 1 && two(s, 5) <= 12 && two(s, 8) >= 1 && two(s, 8) <= 31
               ? OCPI_FIT
               : OCPI_BAD;
}

static ocpi_verdict_t weekday(hub_slice_t s)
{
    return s.len == 1 && s.ptr[0] >= '1' && s.ptr[0] <= '7' ? OCPI_FIT : OCPI_BAD;
}

static ocpi_verdict_t token(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7E)
            return OCPI_ODD;
    return s.len ? OCPI_FIT : OCPI_ODD;
}

static const struct {
    const char *name, *text, *schema;
    ocpi_verdict_t (*check)(hub_slice_t);
} patterns[] = {
#define OCPI_PATTERN(name, check, text, schema) {#check, text, schema, check},
#include "ocpi/tbl/pattern.def"
#undef OCPI_PATTERN
};

ocpi_verdict_t ocpi__pattern(const char *pattern, hub_slice_t text)
{
    for (size_t i = 0; i < HUB_COUNT(patterns); i++)
        if (patterns[i].name[0] == pattern[0] && strcmp(patterns[i].name, pattern) == 0)
            return patterns[i].check(text);
    const bool pattern_has_a_row = false;
    HUB_ASSERT(pattern_has_a_row);
    return OCPI_FIT;
}

const char *ocpi__pattern_text(const char *pattern)
{
    for (size_t i = 0; i < HUB_COUNT(patterns); i++)
        if (strcmp(patterns[i].name, pattern) == 0)
            return patterns[i].text;
    return "";
}

const char *ocpi__pattern_schema(const char *pattern)
{
    for (size_t i = 0; i < HUB_COUNT(patterns); i++)
        if (strcmp(patterns[i].name, pattern) == 0)
            return patterns[i].schema;
    return "";
}

/* ---- types ---- */

size_t ocpi__utf8_count(hub_slice_t text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return n;
}

const char *ocpi__json_type(yyjson_val *value)
{
    if (!value || yyjson_is_null(value))
        return "null";
    if (ocpi__is_number(value))
        return "a number";
    if (yyjson_is_bool(value))
        return "a boolean";
    if (yyjson_is_str(value))
        return "a string";
    return yyjson_is_arr(value) ? "a list" : "an object";
}

const char *ocpi__type_text(const ocpi_field_t *field)
{
    static const char *const texts[] = {
        [OCPI_TYPE_STRING] = "a string",  [OCPI_TYPE_CISTRING] = "a string", [OCPI_TYPE_INT] = "a whole number",
        [OCPI_TYPE_NUMBER] = "a number",  [OCPI_TYPE_BOOLEAN] = "a boolean", [OCPI_TYPE_DATETIME] = "a DateTime string",
        [OCPI_TYPE_URL] = "a URL string", [OCPI_TYPE_ENUM] = "a string",     [OCPI_TYPE_OBJECT] = "an object",
        [OCPI_TYPE_ANY] = "anything",
    };
    return texts[field->type];
}

/* The number grammar of JSON. *integral: without fraction and exponent, or with a fraction of zeros only. */
static bool json_number(hub_slice_t s, bool *integral)
{
    size_t i = s.len && s.ptr[0] == '-', first = i;
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
        i++;
    if (i == first || (s.ptr[first] == '0' && i > first + 1))
        return false;
    *integral = true;
    if (i < s.len && s.ptr[i] == '.') {
        size_t dot = ++i;
        for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
            *integral &= s.ptr[i] == '0';
        if (i == dot)
            return false;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        *integral = false;
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        first = i;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
            i++;
        if (i == first)
            return false;
    }
    return i == s.len;
}

static void set(ocpi_finding_t *out, ocpi_verdict_t verdict, const char *rule)
{
    if (verdict > out->verdict) {
        out->verdict = verdict;
        out->rule = rule;
    }
}

static void judge_number(const ocpi_field_t *field, ocpi_finding_t *out)
{
    bool integral;
    if (!json_number(out->text, &integral)) {
        set(out, OCPI_BAD, "type");
        return;
    }
    if (field->type != OCPI_TYPE_INT)
        return;
    const char *dot = memchr(out->text.ptr, '.', out->text.len);
    if (!integral) {
        set(out, OCPI_BAD, "integer");
    } else if (dot) { /* 230.0 */
        out->other = "type";
        out->rewrite = true;
        out->text.len = (size_t)(dot - out->text.ptr);
    }
    if (field->max_length && out->text.len - (out->text.ptr[0] == '-') > field->max_length)
        set(out, OCPI_ODD, "length");
}

/* RFC 3986: a scheme, and no blanks. */
static bool url_like(hub_slice_t s)
{
    size_t i = 0;
    while (i < s.len && ((s.ptr[i] | 0x20) >= 'a' && (s.ptr[i] | 0x20) <= 'z'))
        i++;
    if (i == 0 || i >= s.len || s.ptr[i] != ':')
        return false;
    return !memchr(s.ptr, ' ', s.len) && ocpi__printable(s, false);
}

static void judge_time(ocpi_finding_t *out)
{
    int64_t ms;
    unsigned odd;
    if (!ocpi_time_parse(out->text, &ms, &odd)) {
        set(out, OCPI_BAD, "datetime");
        return;
    }
    if (odd & (OCPI_TIME_OFFSET | OCPI_TIME_BLANK))
        out->other = "datetime";
    /* As we write it: …Z with no or three decimals. */
    size_t len = out->text.len;
    bool ours = (len == 20 || len == 24) && out->text.ptr[len - 1] == 'Z' && out->text.ptr[10] == 'T';
    out->rewrite = !ours;
}

/* Y1: a CiString, and every string of 2.1.1, is ASCII. */
static bool ascii_only(const ocpi_field_t *field, ocpi_version_t version)
{
    return field->type == OCPI_TYPE_CISTRING || version == OCPI_V2_1_1;
}

static void judge_text(const ocpi_field_t *field, ocpi_version_t version, ocpi_finding_t *out)
{
    if (field->type == OCPI_TYPE_DATETIME) {
        judge_time(out);
    } else if (field->type == OCPI_TYPE_ENUM) {
        if (!(ocpi__enum(field->ref)->open & version) && !ocpi_enum_has(field->ref, version, out->text))
            set(out, OCPI_UNKNOWN, "enum");
        return;
    } else if (field->type == OCPI_TYPE_URL) {
        if (!url_like(out->text))
            set(out, OCPI_ODD, "url");
    } else if (!ocpi__printable(out->text, ascii_only(field, version))) {
        set(out, OCPI_ODD, "characters");
    }
    if (field->max_length && out->text.len > field->max_length && ocpi__utf8_count(out->text) > field->max_length &&
        out->verdict <= OCPI_ODD) {
        out->verdict = OCPI_ODD;
        out->rule = "length";
    }
}

static bool fits_number(const ocpi_field_t *field, hub_slice_t s)
{
    bool integral;
    if (field->type == OCPI_TYPE_INT && !field->pattern && s.len && s.len <= (field->max_length ? field->max_length : 19u) &&
        s.ptr[0] != '0')
        return digits(s, 0, s.len);
    if (!json_number(s, &integral))
        return false;
    if (field->type == OCPI_TYPE_INT && (!integral || memchr(s.ptr, '.', s.len) || (field->max_length && s.len > field->max_length)))
        return false;
    return !field->pattern || ocpi__pattern(field->pattern, s) == OCPI_FIT;
}

static bool fits_text(const ocpi_field_t *field, ocpi_version_t version, hub_slice_t s)
{
    bool good = true;
    if (field->type == OCPI_TYPE_ENUM)
        return (ocpi_enum_has(field->ref, version, s) || (ocpi__enum(field->ref)->open & version)) && !field->pattern;
    if (field->max_length && s.len > field->max_length) /* bytes, not characters: may yet fit */
        return false;
    if (field->type == OCPI_TYPE_STRING || field->type == OCPI_TYPE_CISTRING)
        good = ocpi__printable(s, ascii_only(field, version));
    else if (field->type == OCPI_TYPE_DATETIME)
        good = ocpi__time_fits(s);
    else if (field->type == OCPI_TYPE_URL)
        good = url_like(s);
    else
        return field->type == OCPI_TYPE_ANY;
    return good && (!field->pattern || ocpi__pattern(field->pattern, s) == OCPI_FIT);
}

bool ocpi__fits(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *value)
{
    if (unsafe_yyjson_is_str(value))
        return fits_text(field, version, ocpi__text(value));
    switch ((ocpi_type_t)field->type) {
    case OCPI_TYPE_ANY:
        return !yyjson_is_null(value);
    case OCPI_TYPE_BOOLEAN:
        return yyjson_is_bool(value);
    case OCPI_TYPE_INT:
    case OCPI_TYPE_NUMBER:
        return yyjson_is_raw(value) && fits_number(field, ocpi__text(value));
    default:
        return false;
    }
}

void ocpi__judge(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *value, ocpi_finding_t *out)
{
    *out = (ocpi_finding_t){.verdict = OCPI_FIT};
    if (field->type == OCPI_TYPE_ANY)
        return;
    bool number = yyjson_is_raw(value), string = yyjson_is_str(value);
    if (field->type == OCPI_TYPE_BOOLEAN) {
        if (!yyjson_is_bool(value))
            set(out, OCPI_BAD, "type");
        return;
    }
    if (!number && !string) {
        set(out, OCPI_BAD, "type");
        return;
    }
    out->text = ocpi__text(value);
    bool wants_number = field->type == OCPI_TYPE_INT || field->type == OCPI_TYPE_NUMBER;
    if (wants_number != number) { /* a numeric string, or a number where a string is asked */
        out->other = "type";
        out->rewrite = true;
    }
    if (wants_number)
        judge_number(field, out);
    else
        judge_text(field, version, out);
    if (out->verdict != OCPI_BAD && field->pattern)
        set(out, ocpi__pattern(field->pattern, out->text), "pattern");
}

void ocpi__rewrite(hub_buf_t *out, const ocpi_field_t *field, const ocpi_finding_t *finding, yyjson_val *value)
{
    if (field->type == OCPI_TYPE_BOOLEAN) {
        hub_buf_add_str(out, yyjson_is_true(value) ? "true" : "false");
        return;
    }
    int64_t ms;
    unsigned odd;
    if (field->type == OCPI_TYPE_INT || field->type == OCPI_TYPE_NUMBER) {
        hub_buf_add(out, finding->text);
    } else if (field->type == OCPI_TYPE_DATETIME && finding->rewrite && ocpi_time_parse(finding->text, &ms, &odd)) {
        char text[OCPI_TIME_MAX + 1];
        size_t len = ocpi__time_write(ms, (odd & OCPI_TIME_FRACTION) != 0, text);
        hub_buf_add_json(out, hub_slice(text, len));
    } else {
        hub_buf_add_json(out, finding->text.ptr ? finding->text : HUB_SLICE_LIT(""));
    }
}
