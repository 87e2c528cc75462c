/* Rules between fields: the rows of rule.def, and what their functions share. */
#ifndef OCPI_RULE_H
#define OCPI_RULE_H

#include "index.h"

/* What kind of defect: decides between warning and error. */
typedef enum weight {
    ADVICE, /* a warning, always */
    MILD,   /* odd but sound: a warning also for our own */
    PLAIN,  /* against the specification: a warning for peers, an error for our own */
    HARD    /* … and the object itself is unusable where it stands on AT_SELF; no rule between fields is */
} weight_t;

typedef struct ocpi_rule ocpi_rule_t;
/* One object under judgement. `breach` is told of each breach: where below the object ("" or "/evses/2"), and of which row. */
typedef struct ocpi_ruling {
    ocpi_version_t version;
    const ocpi_index_t *index;
    uint64_t seen;              /* rows of the object that have a value */
    yyjson_val *const *members; /* theirs, by row */
    void (*breach)(void *arg, const ocpi_rule_t *rule, hub_slice_t below);
    void *arg;
} ocpi_ruling_t;
struct ocpi_rule {
    const char *number;
    uint16_t object;
    uint8_t versions, weight;
    void (*check)(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule);
    const char *a, *b; /* names of fields */
    const char *text, *function;
};
extern const ocpi_rule_t ocpi__rules[];
extern const size_t ocpi__rule_count;

/* Applies the rows of `object`. An object without rows costs one look-up. */
void ocpi__rules_apply(const ocpi_ruling_t *ruling, ocpi_object_id_t object);
/* The same for a JSON object whose members nobody has looked up: index, seen and members of *ruling are filled here. */
void ocpi__rules_apply_to(ocpi_ruling_t *ruling, ocpi_object_id_t object, yyjson_val *value);

/* ---- for the functions of the rows ---- */

#define OCPI_RULE(number, object, versions, weight, function, a, b, text)                                                                  \
    void ocpi__rule_##function(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule);
#include "tbl/rule.def"
#undef OCPI_RULE

void ocpi__breach(const ocpi_ruling_t *ruling, const ocpi_rule_t *rule, const char *below, ...) HUB_PRINTF(3, 4);
/* The number of a raw number or numeric string. */
bool ocpi__number(yyjson_val *value, double *out);
bool ocpi__get_number(yyjson_val *object, const char *name, double *out);
bool ocpi__time(yyjson_val *value, int64_t *ms);
/* A member of the object itself; NULL: absent, null, or no field of this version. */
static inline yyjson_val *ocpi__top(const ocpi_ruling_t *ruling, const char *name)
{
    int row = ocpi__find(ruling->index, hub_slice_str(name));
    return row >= 0 && (ruling->seen >> row & 1) ? ruling->members[row] : NULL;
}
static inline hub_slice_t ocpi__top_str(const ocpi_ruling_t *ruling, const char *name)
{
    return ocpi_str(ocpi__top(ruling, name));
}
static inline bool ocpi__top_is(const ocpi_ruling_t *ruling, const char *name, const char *text)
{
    return hub_slice_eq_str(ocpi__top_str(ruling, name), text);
}
/* A member that is there and not null. */
static inline bool ocpi__has(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return value && !yyjson_is_null(value);
}
/* The member of a Price that is the net amount. */
static inline const char *ocpi__net(const ocpi_ruling_t *ruling)
{
    return ruling->version == OCPI_V2_2_1 ? "excl_vat" : "before_taxes";
}
static inline bool ocpi__is(yyjson_val *object, const char *name, const char *text)
{
    return hub_slice_eq_str(ocpi_get_str(object, name), text);
}

#endif
