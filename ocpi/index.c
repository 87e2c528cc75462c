#include "index.h"

enum {
    FIELDS = 0
#define OCPI_FIELDS(object)
#define OCPI_FIELD(name, type, ref, length, cardinality, versions, mark, pattern) +1
#define OCPI_FIELDS_END
#include "ocpi/tbl/field.def"
#undef OCPI_FIELDS
#undef OCPI_FIELD
#undef OCPI_FIELDS_END
    ,
    VALUES = 0
#define OCPI_ENUM(name, text, open)
#define OCPI_VALUE(text, versions) +1
#define OCPI_ENUM_END
#include "ocpi/tbl/enum.def"
#undef OCPI_ENUM
#undef OCPI_VALUE
#undef OCPI_ENUM_END
    ,
    TABLES = OCPI_OBJECT_COUNT + OCPI_ENUM_COUNT,
    MOST_BITS = 10, /* of a table of the most rows */
};

ocpi_index_t ocpi__field_index[OCPI_OBJECT_COUNT][OCPI_VERSION_COUNT];
ocpi_index_t ocpi__value_index[OCPI_ENUM_COUNT][OCPI_VERSION_COUNT];

static ocpi_name_t names[FIELDS + VALUES + TABLES];
static uint8_t slots[(FIELDS + VALUES + TABLES) * OCPI_VERSION_COUNT * 8];
static size_t names_used, slots_used;

/* Tries one factor: false when two of the names would share a slot. */
static bool fill(const ocpi_name_t *rows, const uint8_t *versions, unsigned count, unsigned version, const ocpi_index_t *index, uint8_t *of)
{
    memset(of, 0, (size_t)1 << (64 - index->shift));
    for (unsigned i = 1; i <= count; i++) {
        uint8_t *slot = &of[ocpi__slot(index->factor, index->shift, rows[i].code, rows[i].len)];
        if (!(versions[i - 1] >> version & 1))
            continue;
        if (*slot)
            return false;
        *slot = (uint8_t)i;
    }
    return true;
}

/* `rows`: [0] and then `count` names. From the smallest size that can do, each with some factors, to one that nearly always does. */
static ocpi_index_t make_one(const ocpi_name_t *rows, const uint8_t *versions, unsigned count, unsigned version)
{
    ocpi_index_t index = {.names = rows, .slots = slots + slots_used, .factor = 0x9E3779B97F4A7C15u};
    unsigned bits = 2, tries = 0;
    while (1u << bits < count * 2)
        bits++;
    for (;; tries++, index.factor = index.factor * 6364136223846793005u + 2) { /* stays odd */
        if (tries == 100) {
            tries = 0;
            bits++;
        }
        index.shift = 64 - bits;
        HUB_ASSERT(bits <= MOST_BITS && slots_used + (1u << bits) <= sizeof slots);
        if (fill(rows, versions, count, version, &index, slots + slots_used))
            break;
    }
    slots_used += (size_t)1 << bits;
    return index;
}

static void add_name(hub_slice_t text, unsigned row)
{
    HUB_ASSERT(names_used < HUB_COUNT(names));
    names[names_used++] = (ocpi_name_t){ocpi__code(text), text.ptr, (uint32_t)text.len, row};
}

static const ocpi_name_t *begin_names(void)
{
    names[names_used] = (ocpi_name_t){.len = UINT32_MAX};
    return &names[names_used++];
}

static void index_object(unsigned id)
{
    const ocpi_object_t *object = ocpi_object((ocpi_object_id_t)id);
    const ocpi_name_t *first = begin_names();
    uint8_t versions[UINT8_MAX];
    HUB_ASSERT(object->count < HUB_COUNT(versions));
    for (unsigned i = 0; i < object->count; i++) {
        add_name(hub_slice(object->fields[i].name, object->fields[i].name_len), i);
        versions[i] = object->fields[i].versions;
    }
    for (unsigned v = 0; v < OCPI_VERSION_COUNT; v++) {
        ocpi_index_t *index = &ocpi__field_index[id][v];
        *index = make_one(first, versions, object->count, v);
        for (unsigned i = 0; i < object->count; i++)
            index->required |= (uint64_t)(object->fields[i].required && (versions[i] >> v & 1)) << i;
    }
}

static void index_enum(unsigned id)
{
    const ocpi_enum_t *e = ocpi__enum((uint16_t)id);
    const ocpi_name_t *first = begin_names();
    uint8_t versions[UINT8_MAX];
    HUB_ASSERT(e->count < HUB_COUNT(versions));
    for (unsigned i = 0; i < e->count; i++) {
        add_name(hub_slice(e->values[i].text, e->values[i].len), i);
        versions[i] = e->values[i].versions;
    }
    for (unsigned v = 0; v < OCPI_VERSION_COUNT; v++)
        ocpi__value_index[id][v] = make_one(first, versions, e->count, v);
}

__attribute__((constructor)) static void make_indexes(void)
{
    for (unsigned id = 1; id < OCPI_OBJECT_COUNT; id++)
        index_object(id);
    for (unsigned id = 1; id < OCPI_ENUM_COUNT; id++)
        index_enum(id);
}

const ocpi_field_t *ocpi__field(ocpi_object_id_t object, ocpi_version_t version, hub_slice_t name)
{
    int row = ocpi__find(ocpi__index(object, version), name);
    return row < 0 ? NULL : &ocpi_object(object)->fields[row];
}

bool ocpi_enum_has(uint16_t enum_id, ocpi_version_t version, hub_slice_t value)
{
    HUB_ASSERT(enum_id && enum_id < OCPI_ENUM_COUNT);
    return ocpi__find(&ocpi__value_index[enum_id][ocpi__version_row(version)], value) >= 0;
}
