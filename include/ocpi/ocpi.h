/* libocpi: OCPI as tables. One validator, one PATCH merge, one writer and one router read the rows of ocpi/tbl/.
 *
 * Nothing here does I/O. JSON comes in as yyjson values read with OCPI_READ_FLAGS: numbers stay raw text, so that 2.50 stays 2.50.
 * Memory: everything returned lies in the pool given. Thread: the tables are constant; all functions are safe on any thread.
 */
#ifndef OCPI_OCPI_H
#define OCPI_OCPI_H

#include <yyjson.h>

#include "hub/base.h"

/* ---- versions, modules, sides, roles ---- */

typedef enum ocpi_version { /* also bits of a mask */
#define OCPI_VERSION(name, bit, text) OCPI_V##name = 1 << bit,
#include "ocpi/tbl/version.def"
#undef OCPI_VERSION
} ocpi_version_t;
enum {
    OCPI_VERSION_COUNT = 0
#define OCPI_VERSION(name, bit, text) +1
#include "ocpi/tbl/version.def"
#undef OCPI_VERSION
};
#define OCPI_V_ALL ((1 << OCPI_VERSION_COUNT) - 1)
#define OCPI_V_22UP (OCPI_V_ALL & ~OCPI_V2_1_1)        /* 2.2.1 and every later one */
const char *ocpi_version_name(ocpi_version_t version); /* "2.2.1" */
bool ocpi_version_parse(hub_slice_t name, ocpi_version_t *out);
extern const ocpi_version_t ocpi_versions[OCPI_VERSION_COUNT]; /* oldest first */

typedef enum ocpi_module {
    OCPI_MODULE_NONE = 0,
#define OCPI_MODULE(name, identifier, versions, object, kind) OCPI_MODULE_##name,
#include "ocpi/tbl/module.def"
#undef OCPI_MODULE
    OCPI_MODULE_COUNT
} ocpi_module_t;                                    /* the number is stored: rows are only ever added at the end */
const char *ocpi_module_name(ocpi_module_t module); /* "locations" */
ocpi_module_t ocpi_module_parse(hub_slice_t identifier);
uint32_t ocpi_module_versions(ocpi_module_t module);

typedef enum ocpi_side { OCPI_SENDER = 1, OCPI_RECEIVER = 2 } ocpi_side_t; /* InterfaceRole; also a mask */
const char *ocpi_side_name(ocpi_side_t side);                              /* "SENDER" */

typedef enum ocpi_role { /* bits of a mask; OPEN_DATA and UNDEFINED never go on the wire */
#define OCPI_ROLE(name, bit, text, on_wire) OCPI_ROLE_##name = 1 << bit,
#include "ocpi/tbl/role.def"
#undef OCPI_ROLE
} ocpi_role_t;
const char *ocpi_role_name(ocpi_role_t role);
bool ocpi_role_parse(hub_slice_t name, ocpi_role_t *out);
/* Which sides of `module` a platform with these roles has (terminology chapter: role table, NSP, NAP, SCSP, OTHER included). */
uint32_t ocpi_role_sides(uint32_t roles, ocpi_module_t module);

/* ---- objects, fields, enums ---- */

typedef enum ocpi_object_id {
    OCPI_OBJECT_NONE = 0,
#define OCPI_OBJECT(name, text, module) OCPI_OBJECT_##name,
#include "ocpi/tbl/object.def"
#undef OCPI_OBJECT
    OCPI_OBJECT_COUNT
} ocpi_object_id_t;

typedef enum ocpi_type { /* the base types of the specification's types chapter, and the two that refer to another row */
                         OCPI_TYPE_STRING,
                         OCPI_TYPE_CISTRING,
                         OCPI_TYPE_INT,
                         OCPI_TYPE_NUMBER,
                         OCPI_TYPE_BOOLEAN,
                         OCPI_TYPE_DATETIME,
                         OCPI_TYPE_URL,
                         OCPI_TYPE_ENUM,   /* ref: ocpi_enum row */
                         OCPI_TYPE_OBJECT, /* ref: ocpi_object row */
                         OCPI_TYPE_ANY
} ocpi_type_t;

typedef struct ocpi_field {
    const char *name;
    uint8_t name_len;
    uint8_t type;        /* ocpi_type_t */
    uint8_t list;        /* cardinality * or + */
    uint8_t required;    /* cardinality 1 or + */
    uint16_t ref;        /* enum or object */
    uint16_t max_length; /* characters; 0: none */
    uint8_t versions;    /* mask */
    uint8_t identity;    /* part of the object's own identity: never left out */
    uint8_t flags;       /* OCPI_FIELD_… */
    const char *pattern; /* name of a check of its own (latitude, time_of_day, date, …) or NULL */
} ocpi_field_t;
enum {
    OCPI_FIELD_LEVEL = 1,   /* a list of EVSEs or Connectors: each is as strict as an object of its own, and is left out when it breaks */
    OCPI_FIELD_DERIVED = 2, /* time_zone of a Location: worked out when it is missing */
    OCPI_FIELD_STAMPED = 4, /* last_updated: our own backend may leave it out */
};

typedef struct ocpi_object {
    const char *name; /* "Location" */
    const ocpi_field_t *fields;
    uint16_t count;
} ocpi_object_t;
const ocpi_object_t *ocpi_object(ocpi_object_id_t id);
bool ocpi_object_parse(hub_slice_t name, ocpi_object_id_t *out); /* case-insensitive: "location", "Location" */
ocpi_object_id_t ocpi_module_object(ocpi_module_t module);       /* Location for locations, … NONE where there is none */
bool ocpi_enum_has(uint16_t enum_id, ocpi_version_t version, hub_slice_t value);

/* ---- reading JSON ---- */

#define OCPI_READ_FLAGS YYJSON_READ_NUMBER_AS_RAW
#define OCPI_MAX_DEPTH 64
typedef struct ocpi_problem ocpi_problem_t;
/* Parses `text` into the pool: UTF-8 checked, nesting ≤ OCPI_MAX_DEPTH, no object key twice, no NUL inside strings. On failure
 * HUB_EMALFORMED and *problem (may be NULL) says what and where (pointer and byte position). */
hub_err_t ocpi_read(hub_pool_t *pool, hub_slice_t text, yyjson_doc **doc, ocpi_problem_t *problem);
const yyjson_alc *ocpi_alc(hub_pool_t *pool); /* yyjson allocator over the pool */
hub_slice_t ocpi_str(yyjson_val *value);      /* string or raw number as text; none for NULL and other types */
hub_slice_t ocpi_get_str(yyjson_val *object, const char *name);
hub_slice_t ocpi_write(hub_pool_t *pool, yyjson_val *value); /* compact */
hub_slice_t ocpi_write_mut(hub_pool_t *pool, yyjson_mut_val *value);

/* ---- validation ---- */

struct ocpi_problem {
    enum { OCPI_WARNING, OCPI_ERROR } severity;
    hub_slice_t pointer; /* RFC 6901, "" is the whole */
    const char *rule; /* "required", "type", "length", "enum", "datetime", "pattern", "duplicate", "depth", … or a rule number ("L10") */
    hub_slice_t message; /* one sentence for people, never repeats secrets */
};
typedef struct ocpi_problems {
    hub_pool_t *pool;
    ocpi_problem_t *list;
    uint32_t count, capacity;
    uint32_t errors; /* of them of severity ERROR */
} ocpi_problems_t;   /* at most OCPI_PROBLEMS_MAX are kept */
#define OCPI_PROBLEMS_MAX 100
void ocpi_problems_init(ocpi_problems_t *problems, hub_pool_t *pool);
void ocpi_pointer_add(hub_buf_t *pointer, hub_slice_t key); /* "/key", escaped (RFC 6901) */
void ocpi_problem_add(ocpi_problems_t *problems, int severity, hub_slice_t pointer, const char *rule, const char *format, ...)
    HUB_PRINTF(5, 6);
/* [{"pointer","rule","severity","message"}] */
void ocpi_problems_write(const ocpi_problems_t *problems, hub_buf_t *out);

typedef struct ocpi_check {
    ocpi_object_id_t object;
    ocpi_version_t version;
    bool partial; /* a PATCH body: required fields may be missing (not null: decision B); last_updated needed from 2.2 (O7) for objects
                     that have one */
    bool strict;  /* profile strict, and the CLI: every warning is an error, save the advice among the rules between fields (rule.def) */
    bool own;     /* our own backend's object: strict about what we would send (types, enums, lengths are errors), but its last_updated and
                     those of its EVSEs and Connectors may be missing, and unknown fields stay */
} ocpi_check_t;
/* A partner's object is refused for: no object, a required field of its own absent or null (time_zone excepted), another JSON type in one
 * of these or in evses, a required DateTime of its own that cannot be read. True when there is no ERROR. An EVSE or Connector inside a
 * Location that breaks a hard rule is a WARNING with rule "left-out" there: it is left out of normalised output, the Location stays. */
bool ocpi_check(yyjson_val *root, const ocpi_check_t *check, ocpi_problems_t *problems);

/* Normalised form: what projections and /v1 show. null items and defective optional members (and defective EVSEs and Connectors) left out,
 * null members dropped, scalars coerced, times converted (decision S), time_zone derived where the country has one zone; unknown fields
 * stay. *changed (may be NULL): false when the output equals the input, which then is returned as it was. What is required is never left
 * out. An EVSE or Connector without last_updated is defective here: stamp our own objects before. */
hub_slice_t ocpi_normalise(hub_pool_t *pool, yyjson_val *root, hub_slice_t text, ocpi_object_id_t object, ocpi_version_t version,
                           bool *changed);

/* Who an object is: country_code, party_id and id (uid of a Token, terminal_id …) of `module`'s object as they stand in it, slices into the
 * document; none where the object has no such member (2.1.1). HUB_EINVALID: no object, or an identity member is there but no text. */
hub_err_t ocpi_object_identity(yyjson_val *root, ocpi_module_t module, hub_slice_t *country, hub_slice_t *party, hub_slice_t *id);
/* Its last_updated; false when there is none or it is no DateTime. */
bool ocpi_object_last_updated(yyjson_val *root, int64_t *ms);

/* ---- the bridge between the versions ---- */

/* What a partner of another version does not get, or gets otherwise. Three marks, as the rows of ocpi/tbl/bridge.def have them; what is
 * lossless is not listed. */
typedef enum ocpi_loss_kind {
    OCPI_LOSS_DEFAULTED, /* the target asks for what the object does not say: filled in with a documented value */
    OCPI_LOSS_LOSSY,     /* left out, or the nearest value put in its place */
    OCPI_LOSS_REFUSED    /* nothing right can be said in the target version: there is no output */
} ocpi_loss_kind_t;
const char *ocpi_loss_kind_name(ocpi_loss_kind_t kind); /* "DEFAULTED", "LOSSY", "REFUSED" */

typedef struct ocpi_loss {
    ocpi_loss_kind_t kind;
    hub_slice_t pointer; /* RFC 6901 into the input; of what is filled in: where it would stand, under the name it has in the output */
    const char *row;     /* "Location.parking_places", "Capability.PED_TERMINAL", "Tariff.elements"; of what fits no row of the target's
                            tables: "shape" (type, length, unknown value), "required", "null-item", "known-elsewhere" (a name that only the
                            target     knows), or the number of a rule between fields ("D5") */
    hub_slice_t message; /* one sentence for people */
} ocpi_loss_t;
typedef struct ocpi_losses {
    hub_pool_t *pool;
    ocpi_loss_t *list;
    uint32_t count, capacity;
    uint32_t total; /* with those beyond OCPI_LOSSES_MAX, which are not kept */
} ocpi_losses_t;
#define OCPI_LOSSES_MAX 1000
void ocpi_losses_init(ocpi_losses_t *losses, hub_pool_t *pool);
/* [{"kind","pointer","row","message"}] */
void ocpi_losses_write(const ocpi_losses_t *losses, hub_buf_t *out);

/* What is known of a token beyond its contract: 2.1.1 Sessions and CDRs name a token by its auth_id only. */
typedef struct ocpi_bridge_token {
    hub_slice_t country, party; /* of the eMSP that issued it */
    hub_slice_t uid, type;      /* none: unknown ("#NA", OTHER) */
} ocpi_bridge_token_t;

/* A conversion, and what it may ask its caller. Callbacks may be NULL, run on the calling thread, and give what lives as long as the pool.
 *
 * An object is judged as it stands: give the normalised form of what a partner sent. What breaks a row of the target version is never sent
 * on: of what is optional it is left out (LOSSY), else the object around it is, up to the whole (REFUSED). EVSEs and Connectors may be
 * bridged on their own; whether their Location may be seen at all (publish) is then the caller's question. */
typedef struct ocpi_bridge {
    ocpi_object_id_t object;    /* LOCATION EVSE CONNECTOR TARIFF SESSION CDR TOKEN, or any nested type of theirs */
    ocpi_version_t from, to;    /* the same: only what breaks a row is dealt with */
    hub_slice_t country, party; /* who owns it: 2.1.1 objects do not say. Used going up; an object that says so itself is believed */
    /* The Location of `id` in version `from`, NULL when unknown. A 2.1.1 Session carries it whole (unknown: the Session is REFUSED),
     * a 2.1.1 CDR needs voltage and amperage of its Connector (unknown: 0, DEFAULTED). */
    yyjson_val *(*location)(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id);
    /* The token of a 2.1.1 auth_id; false: unknown. Then the issuer is read from an eMA id ("NL-TNM-…"), else the object is REFUSED. */
    bool (*token)(void *arg, hub_slice_t auth_id, ocpi_bridge_token_t *out);
    /* May this tariff be named? 2.1.1 Connectors name one: the first that may. NULL: all may. */
    bool (*tariff)(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id);
    void *arg;
    int64_t now_ms; /* 0: unknown. A tariff's start_date_time in the past needs not be said on 2.1.1; one to come makes it REFUSED */
} ocpi_bridge_t;

/* *out: the object in version `to`, compact JSON that ocpi_check takes with `own`; unknown members are in it as they were, numbers keep
 * their spelling. Adds to *losses. HUB_EINVALID: REFUSED, *out is none and the last loss says by which row and why; the losses before it
 * are those met until then. No state: the same input always gives the same output. */
hub_err_t ocpi_bridge(hub_pool_t *pool, yyjson_val *root, const ocpi_bridge_t *bridge, hub_slice_t *out, ocpi_losses_t *losses);

/* ---- PATCH and the levels of a Location ---- */

/* RFC 7396 (decision B) except Session.charging_periods, which appends from 2.2 (S3; periods already there are not appended again).
 * The result is a value of a new mutable document in the pool; check it with ocpi_write_mut + ocpi_read. */
yyjson_mut_val *ocpi_patch(hub_pool_t *pool, yyjson_val *base, yyjson_val *patch, ocpi_object_id_t object, ocpi_version_t version);

/* One level inside a Location's JSON: whole (evse none), EVSE, or Connector. Ids compare case-insensitively. NULL when absent. */
yyjson_val *ocpi_location_find(yyjson_val *location, hub_slice_t evse_uid, hub_slice_t connector_id);
/* A copy of `location` with the EVSE or Connector replaced or appended by `child`, and the parents' last_updated set to
 * max(own, last_updated) (L2, L3, decision I). NULL: the parent is unknown (decision C). *created: it was appended. */
yyjson_mut_val *ocpi_location_put(hub_pool_t *pool, yyjson_val *location, hub_slice_t evse_uid, hub_slice_t connector_id, yyjson_val *child,
                                  hub_slice_t last_updated, bool *created);

/* ---- DateTime ---- */

/* RFC 3339; also without Z, with a blank for T, with an offset, with fractions. *flags tells what was odd. False: no DateTime. */
enum { OCPI_TIME_OFFSET = 1, OCPI_TIME_BLANK = 2, OCPI_TIME_NO_ZONE = 4, OCPI_TIME_FRACTION = 8 };
bool ocpi_time_parse(hub_slice_t text, int64_t *ms, unsigned *flags);
#define OCPI_TIME_MAX 25
/* "2026-01-02T03:04:05Z", or with exactly three decimals when ms is no whole second. NUL-terminated; the length. */
size_t ocpi_time_format(int64_t ms, char out[OCPI_TIME_MAX + 1]);

/* ---- envelope, status codes, pages ---- */

const char *ocpi_status_text(int status_code); /* generic text of the table; NULL when unknown */
bool ocpi_status_known(int status_code, ocpi_version_t version);
int ocpi_status_in(int status_code, ocpi_version_t version); /* 2004 is 2001 on 2.1.1, 4xxx is 3000; all others stay */
/* {"data":…,"status_code":…,"status_message":…,"timestamp":…}; data none: left out (decision A); message none: the table's text
 * for errors, left out for 1000. */
void ocpi_envelope_write(hub_buf_t *out, int status_code, hub_slice_t message, hub_slice_t data, int64_t now_ms);
typedef struct ocpi_envelope {
    int status_code;
    hub_slice_t message;
    yyjson_val *data; /* NULL when absent or null */
    yyjson_doc *doc;
} ocpi_envelope_t;
/* HUB_EPEER_PROTOCOL when it is no envelope (status_code as a numeric string is taken). */
hub_err_t ocpi_envelope_read(hub_pool_t *pool, hub_slice_t body, ocpi_envelope_t *out);

typedef struct ocpi_page {
    uint64_t offset;
    uint32_t limit;
    int64_t from, to;                         /* ms; INT64_MIN / INT64_MAX when absent */
    hub_slice_t from_text, to_text, position; /* decoded, as given; position: our own opaque parameter "position" */
} ocpi_page_t;
/* Parses a query string (P1, decision G). limit is capped at `max_limit`, default the same. HUB_EINVALID with *problem (pointer
 * "/query/limit", …). */
hub_err_t ocpi_page_parse(hub_pool_t *pool, hub_slice_t query, uint32_t max_limit, bool need_date_from, ocpi_page_t *out,
                          ocpi_problem_t *problem);
/* <url?date_from=…&offset=…&limit=…&position=…>; rel="next" (P5, P6): original filters, effective limit, new offset. None when
 * there is no next position: the last page. */
hub_slice_t ocpi_page_link(hub_pool_t *pool, hub_slice_t url, const ocpi_page_t *page, uint32_t returned, hub_slice_t next_position);
/* rel="next" of a received Link header, as it is (relative ones too); none when there is none. Tolerates missing brackets and quotes. */
hub_slice_t ocpi_link_next(hub_slice_t header);
/* One decoded query parameter; false when absent. HUB_SLICE with len 0 when empty. With a broken escape it comes as it was sent. */
bool ocpi_query_get(hub_pool_t *pool, hub_slice_t query, const char *name, hub_slice_t *value);
bool ocpi_url_decode(hub_pool_t *pool, hub_slice_t text, hub_slice_t *out); /* %XX; false on a broken escape, a NUL, no UTF-8 */

/* ---- routes: what is served; version details are printed from the same rows ---- */

typedef enum ocpi_action {
    OCPI_ACTION_VERSIONS,
    OCPI_ACTION_DETAILS,     /* GET */
    OCPI_ACTION_CREDENTIALS, /* GET POST PUT DELETE */
    OCPI_ACTION_LIST,        /* GET base, sender */
    OCPI_ACTION_OBJECT,      /* one object or level of it, either side: GET PUT PATCH DELETE */
    OCPI_ACTION_CREATE,      /* POST base, receiver: the object says who it is (CDRs) */
    OCPI_ACTION_PREFERENCES, /* PUT base/{id}/charging_preferences, sender (sessions) */
    OCPI_ACTION_LATER        /* a row of a module that this hub does not serve yet: never advertised */
} ocpi_action_t;

typedef struct ocpi_route {
    ocpi_module_t module;
    ocpi_side_t side;
    uint8_t versions; /* mask */
    uint8_t action;   /* ocpi_action_t */
    uint8_t methods;  /* mask of OCPI_GET … */
    uint8_t segments; /* path segments after the module's base: 0 list, sender 1..3, receiver 3..5 */
} ocpi_route_t;
enum { OCPI_GET = 1, OCPI_POST = 2, OCPI_PUT = 4, OCPI_PATCH = 8, OCPI_DELETE = 16 };

/* Layout of our URLs: {public}/ocpi/versions, /ocpi/{version}, /ocpi/{version}/credentials, /ocpi/{version}/{sender|receiver}/{module}[/…].
 */
typedef struct ocpi_target {
    const ocpi_route_t *route; /* NULL: no such resource */
    uint32_t methods;          /* what this resource offers, for Allow (decision E); the request's own method may not be among them */
    ocpi_version_t version;
    hub_slice_t segment[5]; /* decoded */
    uint32_t segment_count;
} ocpi_target_t;
/* `path` without query and without the "/ocpi" in front; a trailing slash is the same resource. HUB_EINVALID: a broken escape. */
hub_err_t ocpi_route_match(hub_pool_t *pool, hub_slice_t path, ocpi_target_t *out);
/* The "endpoints" array of version details for a platform with these roles (V3, V4): only served rows, only the sides of the roles. */
void ocpi_endpoints_write(hub_buf_t *out, hub_slice_t public_url, ocpi_version_t version, uint32_t roles);
uint32_t ocpi_versions_served(void); /* mask */

#endif
