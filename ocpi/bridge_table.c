/* The rows of tbl/bridge.def as arrays, and an index over them that is made once before main. */
#include <string.h>

#include "bridge.h"

#define OCPI_MOVE(object, field, from, to, rule, target, value, mark, why)                                                                 \
    {#field, #rule, #target, value, why, ocpi__bridge_rule_##rule, OCPI_OBJECT_##object, BRIDGE_##mark, from, to},
#define OCPI_FILL(object, field, from, to, rule, value, mark, why)
#define OCPI_NEAREST(enum_name, value, to, nearest, mark, why)
#define OCPI_WHOLE(object, field)
const bridge_move_t ocpi__bridge_moves[] = {
#include "ocpi/tbl/bridge.def"
};
const size_t ocpi__bridge_move_count = HUB_COUNT(ocpi__bridge_moves);
#undef OCPI_MOVE
#undef OCPI_FILL
#define OCPI_MOVE(object, field, from, to, rule, target, value, mark, why)
#define OCPI_FILL(object, field, from, to, rule, value, mark, why)                                                                         \
    {#field, value, why, ocpi__bridge_rule_##rule, OCPI_OBJECT_##object, BRIDGE_##mark, from, to},
const bridge_fill_t ocpi__bridge_fills[] = {
#include "ocpi/tbl/bridge.def"
};
const size_t ocpi__bridge_fill_count = HUB_COUNT(ocpi__bridge_fills);
#undef OCPI_FILL
#undef OCPI_NEAREST
#define OCPI_FILL(object, field, from, to, rule, value, mark, why)
#define NONE NULL
#define OCPI_NEAREST(enum_name, value, to, nearest, mark, why) {value, nearest, why, BRIDGE_##mark, OCPI_ENUM_##enum_name, to},
const bridge_nearest_t ocpi__bridge_nearest[] = {
#include "ocpi/tbl/bridge.def"
};
const size_t ocpi__bridge_nearest_count = HUB_COUNT(ocpi__bridge_nearest);
#undef NONE
#undef OCPI_NEAREST
#undef OCPI_WHOLE
#define OCPI_NEAREST(enum_name, value, to, nearest, mark, why)
#define OCPI_WHOLE(object, field) {OCPI_OBJECT_##object, #field},
const bridge_whole_t ocpi__bridge_wholes[] = {
#include "ocpi/tbl/bridge.def"
};
const size_t ocpi__bridge_whole_count = HUB_COUNT(ocpi__bridge_wholes);

/* ---- the index: for each row of an object's fields and each pair of versions the row of the bridge, counted from 1; 0: none ---- */

#define MOST_FIELDS 64
#define PAIRS (OCPI_VERSION_COUNT * OCPI_VERSION_COUNT)
static uint8_t move_of[OCPI_OBJECT_COUNT][MOST_FIELDS][PAIRS];
static uint8_t fill_of[OCPI_OBJECT_COUNT][MOST_FIELDS][PAIRS];
static bool whole_of[OCPI_OBJECT_COUNT][MOST_FIELDS];
_Static_assert(HUB_COUNT(ocpi__bridge_moves) < 256 && HUB_COUNT(ocpi__bridge_fills) < 256, "the index keeps a row in a byte");

static unsigned pair_of(ocpi_version_t from, ocpi_version_t to)
{
    return (unsigned)(__builtin_ctz(from) * OCPI_VERSION_COUNT + __builtin_ctz(to));
}

static void enter(uint8_t index[OCPI_OBJECT_COUNT][MOST_FIELDS][PAIRS], size_t row, ocpi_object_id_t id, const char *name, unsigned from,
                  unsigned to, unsigned in)
{
    const ocpi_object_t *object = ocpi_object(id);
    for (unsigned f = 0; f < object->count; f++)
        for (size_t a = 0; strcmp(object->fields[f].name, name) == 0 && a < HUB_COUNT(ocpi_versions); a++)
            for (size_t b = 0; b < HUB_COUNT(ocpi_versions); b++)
                if ((ocpi_versions[a] & from) && (ocpi_versions[b] & to) &&
                    (object->fields[f].versions & (in ? ocpi_versions[b] : ocpi_versions[a])))
                    index[id][f][pair_of(ocpi_versions[a], ocpi_versions[b])] = (uint8_t)(row + 1);
}

__attribute__((constructor)) static void make_index(void)
{
    for (size_t i = 0; i < ocpi__bridge_move_count; i++)
        enter(move_of, i, ocpi__bridge_moves[i].object, ocpi__bridge_moves[i].field, ocpi__bridge_moves[i].from, ocpi__bridge_moves[i].to,
              0);
    for (size_t i = 0; i < ocpi__bridge_fill_count; i++)
        enter(fill_of, i, ocpi__bridge_fills[i].object, ocpi__bridge_fills[i].field, ocpi__bridge_fills[i].from, ocpi__bridge_fills[i].to,
              1);
    for (size_t i = 0; i < ocpi__bridge_whole_count; i++) {
        const ocpi_object_t *object = ocpi_object(ocpi__bridge_wholes[i].object);
        for (unsigned f = 0; f < object->count; f++)
            whole_of[ocpi__bridge_wholes[i].object][f] |= strcmp(object->fields[f].name, ocpi__bridge_wholes[i].field) == 0;
    }
}

const bridge_move_t *ocpi__bridge_move_of(ocpi_object_id_t object, const ocpi_field_t *field, ocpi_version_t from, ocpi_version_t to)
{
    unsigned row = move_of[object][field - ocpi_object(object)->fields][pair_of(from, to)];
    return row ? &ocpi__bridge_moves[row - 1] : NULL;
}

const bridge_fill_t *ocpi__bridge_fill_of(ocpi_object_id_t object, const ocpi_field_t *field, ocpi_version_t from, ocpi_version_t to)
{
    unsigned row = fill_of[object][field - ocpi_object(object)->fields][pair_of(from, to)];
    return row ? &ocpi__bridge_fills[row - 1] : NULL;
}

bool ocpi__bridge_whole(ocpi_object_id_t object, const ocpi_field_t *field)
{
    return whole_of[object][field - ocpi_object(object)->fields];
}
