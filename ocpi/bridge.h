/* What the files of the bridge share: the walk over an object (bridge.c), the rules that its rows name (bridge_rule.c, bridge_tariff.c,
 * bridge_session.c), and the list of losses (loss.c). */
#ifndef OCPI_BRIDGE_H
#define OCPI_BRIDGE_H

#include "schema.h"

typedef enum bridge_mark { BRIDGE_LOSSLESS, BRIDGE_DEFAULTED, BRIDGE_LOSSY, BRIDGE_REFUSED } bridge_mark_t;

struct bridge_call;
typedef bool bridge_rule_t(struct bridge_call *call);

typedef struct bridge_move {
    const char *field, *rule_name, *target, *value, *why; /* target: "NONE" when there is none */
    bridge_rule_t *rule;
    ocpi_object_id_t object;
    bridge_mark_t mark;
    uint8_t from, to;
} bridge_move_t;

typedef struct bridge_fill {
    const char *field, *value, *why;
    bridge_rule_t *rule;
    ocpi_object_id_t object;
    bridge_mark_t mark;
    uint8_t from, to;
} bridge_fill_t;

typedef struct bridge_nearest {
    const char *value, *nearest, *why; /* nearest: NULL when there is none */
    bridge_mark_t mark;
    uint16_t enum_id;
    uint8_t to;
} bridge_nearest_t;

typedef struct bridge_whole {
    ocpi_object_id_t object;
    const char *field;
} bridge_whole_t;

/* The rows as arrays, for the walk and for the test that keeps them complete. */
extern const bridge_move_t ocpi__bridge_moves[];
extern const bridge_fill_t ocpi__bridge_fills[];
extern const bridge_nearest_t ocpi__bridge_nearest[];
extern const bridge_whole_t ocpi__bridge_wholes[];
extern const size_t ocpi__bridge_move_count, ocpi__bridge_fill_count, ocpi__bridge_nearest_count, ocpi__bridge_whole_count;
const bridge_move_t *ocpi__bridge_move_of(ocpi_object_id_t object, const ocpi_field_t *field, ocpi_version_t from, ocpi_version_t to);
const bridge_fill_t *ocpi__bridge_fill_of(ocpi_object_id_t object, const ocpi_field_t *field, ocpi_version_t from, ocpi_version_t to);

typedef struct bridge_run {
    hub_pool_t *pool;
    const ocpi_bridge_t *bridge;
    yyjson_val *root;
    ocpi_version_t from, to;
    hub_buf_t out;
    ocpi_losses_t *losses;
    struct { /* why the last false */
        const char *row;
        bridge_mark_t mark;
        hub_slice_t pointer, message;
    } why;
    yyjson_val *tariff;          /* the Tariff around a price component, or NULL */
    bool embedded;               /* inside a Location that a Session carries, cut to this EVSE and Connector: */
    hub_slice_t evse, connector; /* none: not cut */
} bridge_run_t;

/* An object being written. */
typedef struct bridge_pen {
    ocpi_object_id_t object;
    bool begun;
    uint64_t seen; /* rows of the object that are written */
} bridge_pen_t;

/* What a rule gets. For a fill: `source` and `value` are NULL and `at` is the object itself. */
typedef struct bridge_call {
    bridge_run_t *run;
    bridge_pen_t *pen;
    const bridge_move_t *move;
    const bridge_fill_t *fill;
    const ocpi_field_t *source, *target; /* target: NULL when the row names none */
    ocpi_object_id_t object_id;
    yyjson_val *object, *value;
    const ocpi_frame_t *at;
    const char *row; /* the row's name, made when it is needed: ocpi__bridge_row */
} bridge_call_t;

/* All of these return false when the thing cannot be said in the target version; run->why then says why, and run->out may hold a part of
 * it, which the caller cuts off. */
bool ocpi__bridge_object(bridge_run_t *run, ocpi_object_id_t from_id, ocpi_object_id_t to_id, yyjson_val *value, const ocpi_frame_t *at);
bool ocpi__bridge_value(bridge_run_t *run, const ocpi_field_t *source, const ocpi_field_t *target, bool whole, yyjson_val *value,
                        const ocpi_frame_t *at);
/* A member of the object being written. Optional, and it cannot be said: left out with a loss, and true. */
bool ocpi__bridge_put(bridge_run_t *run, bridge_pen_t *pen, const ocpi_field_t *source, const ocpi_field_t *target, bool whole,
                      yyjson_val *value, const ocpi_frame_t *at);
bool ocpi__bridge_whole(ocpi_object_id_t object, const ocpi_field_t *field);

const ocpi_field_t *ocpi__bridge_begin(bridge_run_t *run, bridge_pen_t *pen,
                                       const char *name); /* "name":  and its row, which is marked as seen */
void ocpi__bridge_unknown(bridge_run_t *run, bridge_pen_t *pen, hub_slice_t name, yyjson_val *value);
bool ocpi__bridge_empty(yyjson_val *value); /* null, [], or absent */

typedef struct bridge_place {
    size_t len;
    uint32_t count, total;
    bridge_pen_t pen;
} bridge_place_t;
bridge_place_t ocpi__bridge_mark(const bridge_run_t *run, const bridge_pen_t *pen);
void ocpi__bridge_back(bridge_run_t *run, bridge_pen_t *pen, bridge_place_t place); /* what was written and lost since is forgotten */

/* Losses. */
const char *ocpi__bridge_row(bridge_call_t *call);
void ocpi__bridge_loss(bridge_run_t *run, bridge_mark_t mark, const ocpi_frame_t *at, const char *row, const char *format, ...)
    HUB_PRINTF(5, 6);
bool ocpi__bridge_cannot(bridge_run_t *run, bridge_mark_t mark, const ocpi_frame_t *at, const char *row, const char *format, ...)
    HUB_PRINTF(5, 6);                                                  /* sets run->why; false */
void ocpi__bridge_left_out(bridge_run_t *run, const ocpi_frame_t *at); /* a loss at `at`, for run->why */
void ocpi__bridge_refused(bridge_run_t *run);                          /* the last loss: there is no output, for run->why */

/* The rules. */
bridge_rule_t ocpi__bridge_rule_SAME, ocpi__bridge_rule_RENAME, ocpi__bridge_rule_DROP, ocpi__bridge_rule_OMIT, ocpi__bridge_rule_OWNED,
    ocpi__bridge_rule_REFUSE, ocpi__bridge_rule_ONLY, ocpi__bridge_rule_CUT, ocpi__bridge_rule_NOT, ocpi__bridge_rule_FIRST,
    ocpi__bridge_rule_LISTED, ocpi__bridge_rule_DEGREES, ocpi__bridge_rule_HOURS, ocpi__bridge_rule_ELEMENTS, ocpi__bridge_rule_LIMIT,
    ocpi__bridge_rule_STARTED, ocpi__bridge_rule_TAXED, ocpi__bridge_rule_NET, ocpi__bridge_rule_TAXES, ocpi__bridge_rule_SUM,
    ocpi__bridge_rule_NUMBER, ocpi__bridge_rule_PRICED, ocpi__bridge_rule_CONTRACT, ocpi__bridge_rule_TOKEN, ocpi__bridge_rule_EMBED,
    ocpi__bridge_rule_REFERENCE, ocpi__bridge_rule_PLACE, ocpi__bridge_rule_PLACED, ocpi__bridge_rule_OWNER, ocpi__bridge_rule_VALUE,
    ocpi__bridge_rule_ZONE, ocpi__bridge_rule_ALWAYS;

#endif
