/* Names to rows, one look each: a hash table without collisions for the fields of each object and for the values of each enum, in each
 * version. Made once before main. */
#ifndef OCPI_INDEX_H
#define OCPI_INDEX_H

#include "schema.h"
#include "text.h"

typedef struct ocpi_name { /* of a row, in the order of the rows */
    ocpi_code_t code;
    const char *text;
    uint32_t len, row;
} ocpi_name_t;

typedef struct ocpi_index {
    const ocpi_name_t *names; /* [0] matches nothing */
    const uint8_t *slots;     /* into names */
    uint64_t factor;          /* chosen so that no two names share a slot */
    unsigned shift;
    uint64_t required; /* an object's rows that are required fields, a bit each */
} ocpi_index_t;

extern ocpi_index_t ocpi__field_index[][OCPI_VERSION_COUNT]; /* by object, version row */
extern ocpi_index_t ocpi__value_index[][OCPI_VERSION_COUNT]; /* by enum */

static inline unsigned ocpi__slot(uint64_t factor, unsigned shift, ocpi_code_t code, size_t len)
{
    return (unsigned)(((code.head + len) * factor ^ code.tail * 0xC2B2AE3D27D4EB4Fu) >> shift);
}

/* The row of `name`, or -1. */
static inline int ocpi__find(const ocpi_index_t *index, hub_slice_t name)
{
    ocpi_code_t code = ocpi__code(name);
    const ocpi_name_t *n = &index->names[index->slots[ocpi__slot(index->factor, index->shift, code, name.len)]];
    if ((n->code.head ^ code.head) | (n->code.tail ^ code.tail) | (n->len ^ name.len))
        return -1;
    for (size_t i = 8; i + 8 < name.len; i += 8)
        if (ocpi__load8(n->text + i) != ocpi__load8(name.ptr + i))
            return -1;
    return (int)n->row;
}

static inline const ocpi_index_t *ocpi__index(ocpi_object_id_t object, ocpi_version_t version)
{
    return &ocpi__field_index[object][ocpi__version_row(version)];
}

#endif
