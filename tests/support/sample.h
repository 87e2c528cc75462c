/* Objects made from the rows: every required field, optional ones by chance, values of their enums, texts up to their length. */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include <string.h>

#include "ocpi/schema.h"

typedef struct sample {
    uint32_t seed;
    ocpi_version_t version;
    bool full, smallest; /* every optional field; none; else by chance */
    bool longest;        /* texts as long as they may be */
    bool vendor;         /* with members that no version knows */
} sample_t;

static uint32_t sample_next(sample_t *s) /* a small generator of its own: the same everywhere */
{
    s->seed = s->seed * 1664525u + 1013904223u;
    return s->seed >> 16;
}

static void sample_object(sample_t *s, hub_buf_t *out, ocpi_object_id_t id);

static inline const char *sample_of(sample_t *s, const char *const list[], size_t count)
{
    return list[sample_next(s) % count];
}

static inline void sample_string(sample_t *s, hub_buf_t *out, const ocpi_field_t *field)
{
    size_t len = field->max_length ? field->max_length : 8;
    if (!s->longest)
        len = 1 + sample_next(s) % (len < 6 ? len : 6);
    hub_buf_add_char(out, '"');
    for (size_t i = 0; i < len; i++)
        hub_buf_add_char(out, (char)('A' + sample_next(s) % 26));
    hub_buf_add_char(out, '"');
}

static inline bool sample_pattern(sample_t *s, hub_buf_t *out, const ocpi_field_t *field)
{
    static const char *const latitudes[] = {"\"51.04776\"", "\"-3.123456\"", "\"89.1234567\"", "\"0.000000\""};
    static const char *const longitudes[] = {"\"4.04776\"", "\"-103.123456\"", "\"179.1234567\""};
    static const char *const times[] = {"\"00:00\"", "\"08:30\"", "\"18:00\"", "\"23:59\""};
    static const char *const dates[] = {"\"2026-02-28\"", "\"2025-12-31\""};
    static const char *const weekdays[] = {"1", "5", "7"};
#define SAMPLE(name, list)                                                                                                                 \
    if (field->pattern && strcmp(field->pattern, name) == 0) {                                                                             \
        hub_buf_add_str(out, sample_of(s, list, HUB_COUNT(list)));                                                                         \
        return true;                                                                                                                       \
    }
    SAMPLE("latitude", latitudes)
    SAMPLE("longitude", longitudes)
    SAMPLE("time_of_day", times)
    SAMPLE("date", dates)
    SAMPLE("weekday", weekdays)
#undef SAMPLE
    return false;
}

static inline void sample_enum(sample_t *s, hub_buf_t *out, const ocpi_field_t *field)
{
    const ocpi_enum_t *e = ocpi__enum(field->ref);
    unsigned count = 0, wanted;
    for (unsigned i = 0; i < e->count; i++)
        count += (e->values[i].versions & s->version) != 0;
    bool open = (e->open & s->version) && sample_next(s) % 8 == 0;
    wanted = sample_next(s) % count;
    for (unsigned i = 0; i < e->count && !open; i++)
        if ((e->values[i].versions & s->version) && wanted-- == 0)
            hub_buf_add_json(out, hub_slice_str(e->values[i].text));
    if (open)
        hub_buf_add_str(out, "\"VENDOR_VALUE\""); /* T24 */
}

static inline void sample_one(sample_t *s, hub_buf_t *out, const ocpi_field_t *field)
{
    static const char *const numbers[] = {"0", "2.50", "-1.5", "0.3333", "100", "19", "1e2"};
    static const char *const integers[] = {"0", "1", "230"};
    if (sample_pattern(s, out, field))
        return;
    switch ((ocpi_type_t)field->type) {
    case OCPI_TYPE_OBJECT:
        sample_object(s, out, (ocpi_object_id_t)field->ref);
        return;
    case OCPI_TYPE_ENUM:
        sample_enum(s, out, field);
        return;
    case OCPI_TYPE_DATETIME:
        hub_buf_add_str(out, sample_next(s) % 2 ? "\"2026-01-02T03:04:05Z\"" : "\"2026-05-06T07:08:09.120Z\"");
        return;
    case OCPI_TYPE_URL:
        hub_buf_add_str(out, "\"https://example.com/x\"");
        return;
    case OCPI_TYPE_INT:
        hub_buf_add_str(out, field->max_length ? "1" : sample_of(s, integers, HUB_COUNT(integers)));
        return;
    case OCPI_TYPE_NUMBER:
        hub_buf_add_str(out, sample_of(s, numbers, HUB_COUNT(numbers)));
        return;
    case OCPI_TYPE_BOOLEAN:
    case OCPI_TYPE_ANY:
        hub_buf_add_str(out, sample_next(s) % 2 ? "true" : "false");
        return;
    default:
        sample_string(s, out, field);
    }
}

static inline void sample_member(sample_t *s, hub_buf_t *out, const ocpi_field_t *field)
{
    if (out->ptr[out->len - 1] != '{')
        hub_buf_add_char(out, ',');
    hub_buf_printf(out, "\"%s\":", field->name);
    if (!field->list) {
        sample_one(s, out, field);
        return;
    }
    unsigned items = 1 + sample_next(s) % 3;
    for (unsigned i = 0; i < items; i++) {
        hub_buf_add_char(out, i ? ',' : '[');
        sample_one(s, out, field);
    }
    hub_buf_add_char(out, ']');
}

static void sample_object(sample_t *s, hub_buf_t *out, ocpi_object_id_t id)
{
    const ocpi_object_t *object = ocpi_object(id);
    hub_buf_add_char(out, '{');
    for (unsigned i = 0; i < object->count; i++) {
        const ocpi_field_t *field = &object->fields[i];
        bool chance = sample_next(s) % 3 == 0;
        if ((field->versions & s->version) && (field->required || s->full || (!s->smallest && chance)))
            sample_member(s, out, field);
    }
    if (s->vendor)
        hub_buf_printf(out, "%s\"vendor_%u\":{\"a~/\\u00e9\":[1.50,null,true]}", out->ptr[out->len - 1] == '{' ? "" : ",",
                       sample_next(s) % 9);
    hub_buf_add_char(out, '}');
}

#endif
