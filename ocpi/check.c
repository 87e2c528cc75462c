/* The validator: an object against its rows, a problem for each defect.
 *
 * Two measures (decisions, "Validation of what peers send"). What a partner sends is refused only for what makes the object itself
 * unusable; every other defect is a warning, and normalised output leaves it out. What our own backend sends, and everything under a
 * strict profile, is held to the rows. */
#include <string.h>

#include "index.h"
#include "rule.h"

/* Where in the object a value stands. */
enum {
    AT_SELF = 1,    /* a field of the object itself (or of an EVSE or Connector, which are objects of their own) */
    AT_LEVEL = 2,   /* … of an EVSE or Connector inside another object */
    AT_PARTIAL = 4, /* a PATCH: members may be missing, not null */
};

typedef struct run {
    const ocpi_check_t *check;
    ocpi_problems_t *problems;
    unsigned inside; /* objects around this one, but for those whose EVSE or Connector it is: the hub stamps none of its own there */
    /* While inside a level that may be left out: its frame, and the first reason. */
    bool broken;
    const char *reason;
    hub_slice_t reason_field;
} run_t;

static hub_slice_t name_of(const ocpi_frame_t *frame)
{
    while (frame && !frame->key.ptr)
        frame = frame->up;
    return frame ? frame->key : HUB_SLICE_LIT("the object");
}

#define report(run, frame, where, weight, rule, ...)                                                                                       \
    do {                                                                                                                                   \
        if (noted(run, frame, where, weight, rule))                                                                                        \
            ocpi_problem_add((run)->problems, severity(run, where, weight), ocpi__pointer((run)->problems->pool, frame), rule,             \
                             __VA_ARGS__);                                                                                                 \
    } while (0)

static bool lenient(const run_t *run)
{
    return !run->check->strict && !run->check->own;
}

static int severity(const run_t *run, unsigned where, weight_t weight)
{
    if (weight == ADVICE)
        return OCPI_WARNING;
    if (run->check->strict || (weight == HARD && (where & AT_SELF)))
        return OCPI_ERROR;
    return run->check->own && weight != MILD ? OCPI_ERROR : OCPI_WARNING;
}

/* False: the defect breaks a level that will be left out as a whole, which is reported once. */
static bool noted(run_t *run, const ocpi_frame_t *frame, unsigned where, weight_t weight, const char *rule)
{
    if (weight != HARD || !(where & AT_LEVEL) || !lenient(run))
        return true;
    if (!run->broken) {
        run->broken = true;
        run->reason = rule;
        run->reason_field = name_of(frame);
    }
    return false;
}

/* At most 40 bytes of a value, without control characters: enough to recognise it. */
#define EXCERPT 40
typedef struct excerpt {
    char text[EXCERPT + 4];
} excerpt_t;

static const char *excerpt(hub_slice_t value, excerpt_t *out)
{
    size_t n = value.len < EXCERPT ? value.len : EXCERPT;
    while (n && n < value.len && ((unsigned char)value.ptr[n] & 0xC0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        out->text[i] = (unsigned char)value.ptr[i] < 0x20 ? '?' : value.ptr[i];
    memcpy(out->text + n, n < value.len ? "..." : "", n < value.len ? 4 : 1);
    return out->text;
}

static void report_finding(run_t *run, const ocpi_field_t *field, const ocpi_finding_t *f, yyjson_val *value, const ocpi_frame_t *at,
                           unsigned where)
{
    hub_slice_t name = name_of(at);
    excerpt_t text;
    if (strcmp(f->rule, "type") == 0) {
        report(run, at, where, HARD, "type", "%.*s must be %s, not %s", HUB_SLICE_FMT(name), ocpi__type_text(field),
               ocpi__json_type(value));
    } else if (strcmp(f->rule, "integer") == 0) {
        report(run, at, where, PLAIN, "integer", "%.*s must be a whole number, not \"%s\"", HUB_SLICE_FMT(name), excerpt(f->text, &text));
    } else if (strcmp(f->rule, "datetime") == 0) {
        report(run, at, where, HARD, "datetime", "%.*s must be a DateTime such as 2026-01-02T03:04:05Z, not \"%s\"", HUB_SLICE_FMT(name),
               excerpt(f->text, &text));
    } else if (strcmp(f->rule, "enum") == 0) {
        report(run, at, where, PLAIN, "enum", "%.*s must be a value of %s, not \"%s\"", HUB_SLICE_FMT(name), ocpi__enum(field->ref)->name,
               excerpt(f->text, &text));
    } else if (strcmp(f->rule, "length") == 0) {
        bool digits = field->type == OCPI_TYPE_INT;
        report(run, at, where, PLAIN, "length", "%.*s must have at most %u %s, not %zu", HUB_SLICE_FMT(name), field->max_length,
               digits ? "digits" : "characters", ocpi__utf8_count(f->text));
    } else if (strcmp(f->rule, "pattern") == 0) {
        report(run, at, where, f->verdict == OCPI_BAD ? PLAIN : MILD, "pattern", "%.*s must be %s", HUB_SLICE_FMT(name),
               ocpi__pattern_text(field->pattern));
    } else if (strcmp(f->rule, "url") == 0) {
        report(run, at, where, MILD, "url", "%.*s must be an absolute URL", HUB_SLICE_FMT(name));
    } else {
        report(run, at, where, MILD, f->rule, "%.*s must hold printable characters only", HUB_SLICE_FMT(name));
    }
}

static void check_scalar(run_t *run, const ocpi_field_t *field, yyjson_val *value, const ocpi_frame_t *at, unsigned where)
{
    ocpi_finding_t f;
    ocpi__judge(field, run->check->version, value, &f);
    if (f.verdict == OCPI_FIT && !f.other)
        return;
    hub_slice_t name = name_of(at);
    if (f.other && f.verdict != OCPI_BAD) {
        if (f.other[0] == 't')
            report(run, at, where, PLAIN, "type", "%.*s must be %s, not %s", HUB_SLICE_FMT(name), ocpi__type_text(field),
                   ocpi__is_number(value) && field->type == OCPI_TYPE_INT ? "a number with a fraction" : ocpi__json_type(value));
        else
            report(run, at, where, MILD, "datetime", "%.*s must be a DateTime in UTC with T and Z", HUB_SLICE_FMT(name));
    }
    if (f.verdict != OCPI_FIT)
        report_finding(run, field, &f, value, at, where);
}

static void check_object(run_t *run, ocpi_object_id_t id, yyjson_val *value, const ocpi_frame_t *at, unsigned where);

/* An EVSE or Connector: an object of its own. A partner's broken one is left out, and nothing else is said of it. */
static void check_level(run_t *run, const ocpi_field_t *field, yyjson_val *item, const ocpi_frame_t *at)
{
    const char *what = ocpi_object((ocpi_object_id_t)field->ref)->name;
    uint32_t mark = run->problems->count;
    run_t outer = *run;
    run->broken = false;
    if (!yyjson_is_obj(item))
        report(run, at, AT_SELF | AT_LEVEL, HARD, "type", "each of %.*s must be an object, not %s", HUB_SLICE_FMT(name_of(at)),
               ocpi__json_type(item));
    else
        check_object(run, (ocpi_object_id_t)field->ref, item, at, AT_SELF | AT_LEVEL);
    bool broken = run->broken;
    const char *reason = run->reason;
    hub_slice_t reason_field = run->reason_field;
    run->broken = outer.broken;
    run->reason = outer.reason;
    run->reason_field = outer.reason_field;
    if (!broken)
        return;
    if (run->problems->count < OCPI_PROBLEMS_MAX)
        run->problems->count = mark;
    ocpi_problem_add(run->problems, OCPI_WARNING, ocpi__pointer(run->problems->pool, at), "left-out",
                     "this %s is left out: %.*s breaks the rule \"%s\"", what, HUB_SLICE_FMT(reason_field), reason);
}

static void check_one(run_t *run, const ocpi_field_t *field, yyjson_val *value, const ocpi_frame_t *at, unsigned where)
{
    if (field->type != OCPI_TYPE_OBJECT) {
        check_scalar(run, field, value, at, where);
        return;
    }
    if (!yyjson_is_obj(value)) {
        report(run, at, where, HARD, "type", "%.*s must be an object, not %s", HUB_SLICE_FMT(name_of(at)), ocpi__json_type(value));
        return;
    }
    /* Whatever is wrong inside leaves the object itself usable; inside a PATCH the members merge (decision B). */
    run->inside++;
    check_object(run, (ocpi_object_id_t)field->ref, value, at, field->list ? 0 : where & AT_PARTIAL);
    run->inside--;
}

static void check_list(run_t *run, const ocpi_field_t *field, yyjson_val *value, const ocpi_frame_t *at, unsigned where)
{
    bool level = (field->flags & OCPI_FIELD_LEVEL) != 0;
    if (!yyjson_is_arr(value)) {
        unsigned self = level ? where : where & ~(unsigned)AT_SELF;
        report(run, at, field->required ? where : self, HARD, "type", "%.*s must be a list, not %s", HUB_SLICE_FMT(name_of(at)),
               ocpi__json_type(value));
        return;
    }
    if (field->required && yyjson_arr_size(value) == 0)
        report(run, at, where, PLAIN, "cardinality", "%.*s must have at least one item", HUB_SLICE_FMT(name_of(at)));
    size_t i, max;
    yyjson_val *item;
    yyjson_arr_foreach(value, i, max, item)
    {
        if (!level && ocpi__fits(field, run->check->version, item))
            continue;
        ocpi_frame_t here = {at, HUB_SLICE_NONE, i};
        if (yyjson_is_null(item))
            report(run, &here, 0, PLAIN, "null-item", "the list %.*s must not hold null", HUB_SLICE_FMT(name_of(at)));
        else if (level)
            check_level(run, field, item, &here);
        else
            check_one(run, field, item, &here, 0);
    }
}

static void check_member(run_t *run, const ocpi_field_t *field, yyjson_val *value, const ocpi_frame_t *at, unsigned where)
{
    /* A wrong optional member never makes the object unusable; `evses` is the exception, and check_list knows it. */
    unsigned here = field->required ? where : where & ~(unsigned)(AT_SELF | AT_LEVEL);
    if (field->list)
        check_list(run, field, value, at, field->flags & OCPI_FIELD_LEVEL ? where : here);
    else
        check_one(run, field, value, at, here);
}

static void report_missing(run_t *run, const ocpi_field_t *field, yyjson_val *object, bool null, const ocpi_frame_t *up, unsigned where)
{
    ocpi_frame_t at = {up, hub_slice(field->name, field->name_len), 0};
    bool partial = (where & AT_PARTIAL) != 0;
    if (run->check->own && !run->inside && (field->flags & OCPI_FIELD_STAMPED) && !(partial && null))
        return; /* the hub stamps it */
    if (partial) {
        if (null)
            ocpi_problem_add(run->problems, OCPI_ERROR, ocpi__pointer(run->problems->pool, &at), "required",
                             "%s is required and cannot be cleared by null", field->name);
        else if ((where & AT_SELF) && (field->flags & OCPI_FIELD_STAMPED) && (run->check->version & OCPI_V_22UP))
            ocpi_problem_add(run->problems, OCPI_ERROR, ocpi__pointer(run->problems->pool, &at), "O7", "a PATCH must carry %s",
                             field->name);
        return;
    }
    if (field->flags & OCPI_FIELD_DERIVED) {
        const char *zone = ocpi__derived_zone(object);
        if (zone)
            report(run, &at, 0, MILD, "required", "%s is required; %s is taken from the country", field->name, zone);
        else
            report(run, &at, 0, PLAIN, "required", "%s is required, and the country does not tell it", field->name);
        return;
    }
    report(run, &at, where, HARD, "required", null ? "%s is required and must not be null" : "%s is required", field->name);
}

/* ---- rules between fields ---- */

typedef struct here {
    run_t *run;
    const ocpi_frame_t *at;
} here_t;

static void breach(void *arg, const ocpi_rule_t *rule, hub_slice_t below)
{
    const here_t *here = arg;
    hub_slice_t pointer = ocpi__pointer(here->run->problems->pool, here->at);
    if (below.len)
        pointer = hub_pool_printf(here->run->problems->pool, "%.*s%.*s", HUB_SLICE_FMT(pointer), HUB_SLICE_FMT(below));
    ocpi_problem_add(here->run->problems, severity(here->run, 0, (weight_t)rule->weight), pointer, rule->number, "%s", rule->text);
}

static void check_rules(run_t *run, ocpi_object_id_t id, uint64_t seen, yyjson_val *const *members, const ocpi_frame_t *at)
{
    here_t here = {run, at};
    ocpi_version_t version = run->check->version;
    ocpi_ruling_t ruling = {version, ocpi__index(id, version), seen, members, breach, &here};
    ocpi__rules_apply(&ruling, id);
}

/* ---- objects ---- */

static void check_object(run_t *run, ocpi_object_id_t id, yyjson_val *value, const ocpi_frame_t *at, unsigned where)
{
    const ocpi_object_t *object = ocpi_object(id);
    ocpi_version_t version = run->check->version;
    const ocpi_index_t *index = ocpi__index(id, version);
    uint64_t seen = 0, null = 0;
    size_t i, max;
    yyjson_val *key, *member, *members[64]; /* those of seen, by row */
    yyjson_obj_foreach(value, i, max, key, member)
    {
        hub_slice_t name = ocpi__text(key);
        int row = ocpi__find(index, name);
        if (row < 0)
            continue; /* T23 */
        const ocpi_field_t *field = &object->fields[row];
        uint64_t bit = 1ull << row;
        if (yyjson_is_null(member)) {
            null |= bit;
            continue;
        }
        seen |= bit;
        members[row] = member;
        if (!field->list && ocpi__fits(field, version, member))
            continue; /* nearly always */
        ocpi_frame_t here = {at, name, 0};
        check_member(run, field, member, &here, where);
    }
    for (uint64_t left = index->required & ~seen; left; left &= left - 1) {
        unsigned f = (unsigned)__builtin_ctzll(left);
        report_missing(run, &object->fields[f], value, null >> f & 1, at, where);
    }
    if (!(where & AT_PARTIAL))
        check_rules(run, id, seen, members, at);
}

bool ocpi_check(yyjson_val *root, const ocpi_check_t *check, ocpi_problems_t *problems)
{
    run_t run = {.check = check, .problems = problems};
    uint32_t before = problems->errors;
    if (!yyjson_is_obj(root))
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT(""), "type", "%s must be an object, not %s", ocpi_object(check->object)->name,
                         ocpi__json_type(root));
    else
        check_object(&run, check->object, root, NULL, AT_SELF | (check->partial ? AT_PARTIAL : 0));
    return problems->errors == before;
}
