/* What the files of libocpi share: the rows as arrays, and the judgement of one value against its row. */
#ifndef OCPI_SCHEMA_H
#define OCPI_SCHEMA_H

#include "ocpi/ocpi.h"

/* The masks of the rows. */
#define V211 OCPI_V2_1_1
#define V221 OCPI_V2_2_1
#define V230 OCPI_V2_3_0
#define V22UP OCPI_V_22UP
#define VALL OCPI_V_ALL

typedef enum ocpi_enum_id {
    OCPI_ENUM_NONE = 0,
#define OCPI_ENUM(name, text, open) OCPI_ENUM_##name,
#define OCPI_VALUE(text, versions)
#define OCPI_ENUM_END
#include "ocpi/tbl/enum.def"
#undef OCPI_ENUM
#undef OCPI_VALUE
#undef OCPI_ENUM_END
    OCPI_ENUM_COUNT
} ocpi_enum_id_t;

typedef struct ocpi_value {
    const char *text;
    uint8_t len;
    uint8_t versions;
} ocpi_value_t;
typedef struct ocpi_enum {
    const char *name;
    const ocpi_value_t *values;
    uint16_t count;
    uint8_t open; /* versions in which other values are welcome */
} ocpi_enum_t;
const ocpi_enum_t *ocpi__enum(uint16_t id);

extern const ocpi_route_t ocpi__routes[];
extern const size_t ocpi__route_count;

/* index.c. The row of `name` in this version, NULL when the field is unknown. */
const ocpi_field_t *ocpi__field(ocpi_object_id_t object, ocpi_version_t version, hub_slice_t name);
static inline unsigned ocpi__version_row(ocpi_version_t version) /* 0 is the oldest */
{
    return (unsigned)__builtin_ctz((unsigned)version);
}

/* Patterns. What a text is against a pattern: FIT, ODD (usable though not as the specification has it), BAD. */
typedef enum ocpi_verdict { OCPI_FIT, OCPI_ODD, OCPI_UNKNOWN, OCPI_BAD } ocpi_verdict_t;
ocpi_verdict_t ocpi__pattern(const char *pattern, hub_slice_t text);
const char *ocpi__pattern_text(const char *pattern);
const char *ocpi__pattern_schema(const char *pattern); /* members of a JSON Schema */

/* One scalar against its row. */
typedef struct ocpi_finding {
    ocpi_verdict_t verdict;
    const char *rule;  /* of a verdict other than FIT */
    const char *other; /* a second rule, only worth a warning: "type" (coerced) or "datetime" (converted); NULL: none */
    bool rewrite;      /* normalised output spells it otherwise: ocpi__rewrite */
    hub_slice_t text;  /* the value's text */
} ocpi_finding_t;
void ocpi__judge(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *value, ocpi_finding_t *out);
/* The same in short, and quick: true means FIT, nothing else to say of it, and spelt as normalised output has it. False may still be that;
 * never true of null. */
bool ocpi__fits(const ocpi_field_t *field, ocpi_version_t version, yyjson_val *value);
/* Appends the normalised spelling of a judged value that is not BAD. */
void ocpi__rewrite(hub_buf_t *out, const ocpi_field_t *field, const ocpi_finding_t *finding, yyjson_val *value);
const char *ocpi__json_type(yyjson_val *value);         /* "a string" */
const char *ocpi__type_text(const ocpi_field_t *field); /* what a single value of this row must be: "a string" */

/* The zone of a country with a single one; NULL otherwise. */
const char *ocpi__zone(hub_slice_t country);
bool ocpi__time_fits(hub_slice_t text); /* surely a DateTime as we write it: ...Z with no or three decimals */
/* Canonical spelling; with `fraction` three decimals even when they are zero. */
size_t ocpi__time_write(int64_t ms, bool fraction, char out[OCPI_TIME_MAX + 1]);
size_t ocpi__utf8_count(hub_slice_t text);
/* The way from the root to a value, kept on the stack of a walk: a pointer (RFC 6901) is only written when somebody wants one. */
typedef struct ocpi_frame {
    const struct ocpi_frame *up;
    hub_slice_t key; /* none: a list item */
    size_t index;
} ocpi_frame_t;
hub_slice_t ocpi__pointer(hub_pool_t *pool, const ocpi_frame_t *frame); /* "" for NULL, the whole */

static inline hub_slice_t ocpi__text(yyjson_val *value) /* of a string or raw number */
{
    return hub_slice(value->uni.str, (size_t)(value->tag >> YYJSON_TAG_BIT));
}
static inline bool ocpi__is_number(yyjson_val *value)
{
    return yyjson_is_raw(value) || yyjson_is_num(value);
}
/* The value of a Location that time_zone can be worked out for, else NULL. */
const char *ocpi__derived_zone(yyjson_val *location);

/* read.c: any value, compact, behind what is in `out`. */
void ocpi__add_json(hub_buf_t *out, yyjson_val *value);

#endif
