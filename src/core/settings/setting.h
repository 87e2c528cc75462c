/* Settings: a record that /v1 sets, as rows of a table. Reading a request, the absent/null rules, PUT and PATCH, what is stored, masking
 * and the answer all read the same rows, so that a new setting is one row (setting.def, party.def, approved_party.def, key.def).
 *
 * A value is kept as the compact JSON text that goes out. Stored form: 8 bytes version, then for each value that is set u8 row id, u32
 * length, text (secrets: sealed). Thread: pure functions; any thread.
 */
#ifndef CORE_SETTING_H
#define CORE_SETTING_H

#include "core.h"

typedef enum hub_setting_type {
    HUB_SETTING_STRING, /* min, max: characters */
    HUB_SETTING_LINE,   /* a string without line ends */
    HUB_SETTING_WORD,   /* a string without white space */
    HUB_SETTING_TOKEN,  /* 1..max printable ASCII characters (C20) */
    HUB_SETTING_URL,    /* hub_url_check; "" is null */
    HUB_SETTING_CODE,   /* min..max letters or digits; "" is null */
    HUB_SETTING_SLUG,   /* letters, digits, _ and - */
    HUB_SETTING_UUID,
    HUB_SETTING_EMAIL,
    HUB_SETTING_PORT,     /* "1" to "65535", as a string */
    HUB_SETTING_SCHEDULE, /* hourly, daily, weekly, monthly, five fields of cron, or an ISO 8601 duration */
    HUB_SETTING_SIGNING,  /* "whsec_" and Base64 */
    HUB_SETTING_ENUM,     /* one of `options` */
    HUB_SETTING_ENUMS,    /* array of such */
    HUB_SETTING_BOOL,
    HUB_SETTING_INT,
    HUB_SETTING_TIME,   /* DateTime */
    HUB_SETTING_OBJECT, /* any JSON object; max: bytes of its text */
    HUB_SETTING_ANY,    /* any string or object; max as OBJECT */
    HUB_SETTING_CHECKED /* by the table's own `check`; options: its schema in the API description, "[…]" a list of it, "…@" with …Input for
                           requests */
} hub_setting_type_t;

enum {                                /* hub_setting_t.flags */
       HUB_SETTING_KEEP = 1,          /* absent or null: stays as it is, in PUT as in PATCH */
       HUB_SETTING_SECRET = 2,        /* sealed at rest, masked in answers; implies KEEP */
       HUB_SETTING_REQUIRED = 4,      /* must be set in the end */
       HUB_SETTING_COMMAND = 8,       /* read, never stored nor shown */
       HUB_SETTING_OWN = 16,          /* the hub's own: in requests it is ignored */
       HUB_SETTING_REGISTRATION = 32, /* a change of it concerns the registration */
       HUB_SETTING_SHARING = 64,      /* … the sharing */
       HUB_SETTING_HIDDEN = 128,      /* stored, not shown */
       HUB_SETTING_NEEDED = 256,      /* must be set before the integration can be active */
       HUB_SETTING_NESTED = 512,      /* an object with rows of its own: who reads the table merges and writes it */
};

typedef struct hub_setting {
    uint8_t id; /* stored: never reused */
    uint8_t group;
    uint8_t type;
    uint16_t flags;
    const char *name;
    int64_t min, max;     /* max 0: none */
    const char *options;  /* ENUM, ENUMS: "A|B|C" or "|A|B|C" */
    const char *fallback; /* JSON text shown while it is not set; NULL: null */
    const char *alias;    /* another spelling taken in requests, or NULL */
} hub_setting_t;

/* What a row of a .def file becomes; `flags` is the word that stands there. */
#define HUB_SETTING_ROW(id, group, type, flags, name, min, max, options, fallback, alias)                                                  \
    {                                                                                                                                      \
        id, group, HUB_SETTING_##type, HUB_FLAGS_##flags, name, min, max, options, fallback, alias                                         \
    }
#define HUB_FLAGS_NONE 0
#define HUB_FLAGS_KEEP HUB_SETTING_KEEP
#define HUB_FLAGS_REQUIRED HUB_SETTING_REQUIRED
#define HUB_FLAGS_COMMAND HUB_SETTING_COMMAND
#define HUB_FLAGS_OWN HUB_SETTING_OWN
#define HUB_FLAGS_REGISTRATION HUB_SETTING_REGISTRATION
#define HUB_FLAGS_SHARING HUB_SETTING_SHARING
#define HUB_FLAGS_LINKED (HUB_SETTING_REGISTRATION | HUB_SETTING_SHARING)
#define HUB_FLAGS_OWN_LINKED (HUB_SETTING_OWN | HUB_SETTING_HIDDEN | HUB_FLAGS_LINKED)
#define HUB_FLAGS_SECRET (HUB_SETTING_KEEP | HUB_SETTING_SECRET)
#define HUB_FLAGS_SECRET_LINKED (HUB_FLAGS_SECRET | HUB_SETTING_REGISTRATION)
#define HUB_FLAGS_NEEDED (HUB_SETTING_REGISTRATION | HUB_SETTING_NEEDED)
#define HUB_FLAGS_SECRET_NEEDED (HUB_FLAGS_SECRET | HUB_FLAGS_NEEDED)
#define HUB_FLAGS_KEEP_LINKED (HUB_SETTING_KEEP | HUB_SETTING_REGISTRATION)
#define HUB_FLAGS_NESTED (HUB_FLAGS_KEEP_LINKED | HUB_SETTING_NESTED)

extern const char hub_setting_role_names[]; /* options: every role of the specification, and our two */

typedef struct hub_setting_group {
    const char *name; /* NULL: the root, always the first */
    uint8_t parent;
    bool keep; /* absent or null as a whole: everything in it stays */
} hub_setting_group_t;

struct hub_setting_values;
#define HUB_SETTINGS_MAX 96 /* rows of a table: one bit each in a mask */
__extension__ typedef unsigned __int128 hub_setting_mask_t;
static inline hub_setting_mask_t hub_setting_bit(uint32_t row)
{
    return (hub_setting_mask_t)1 << row;
}
typedef struct hub_setting_table {
    const hub_setting_t *rows;
    uint32_t row_count;
    const hub_setting_group_t *groups;
    uint32_t group_count;
    const char *const *read_only; /* further keys of an answer, ignored when sent back ("?key": only null is); ends with NULL */
    /* Type CHECKED: checks the value and returns the text to store; none: a problem was added. */
    hub_slice_t (*check)(hub_pool_t *pool, uint32_t row, yyjson_val *value, hub_slice_t pointer, ocpi_problems_t *problems);
    /* Rows that are NESTED: the value without its secrets. */
    void (*nested)(hub_pool_t *pool, const struct hub_setting_values *values, uint32_t row, hub_buf_t *out);
} hub_setting_table_t;

/* ---- a request ---- */

typedef struct hub_setting_input {
    hub_setting_mask_t given, nulls, kept; /* masks of rows; in none of them: absent. kept: the whole group stays */
    hub_setting_mask_t merged;             /* of those given: members of an object that meet the stored ones, checked after that */
    hub_slice_t json[HUB_SETTINGS_MAX];    /* where given */
} hub_setting_input_t;
/* Reads and checks a request body. False: problems were added (unknown keys, types, limits). */
bool hub_setting_read(hub_pool_t *pool, const hub_setting_table_t *table, bool insecure_urls, yyjson_val *body, hub_setting_input_t *in,
                      ocpi_problems_t *problems);
/* The same of a PATCH: what it says of an object (RFC 7396: null takes a member away) meets the stored one in hub_setting_merge. A secret
 * is shown as one string, and so replaced as a whole. */
bool hub_setting_read_patch(hub_pool_t *pool, const hub_setting_table_t *table, bool insecure_urls, yyjson_val *body,
                            hub_setting_input_t *in, ocpi_problems_t *problems);
hub_slice_t hub_setting_pointer(hub_pool_t *pool, const hub_setting_table_t *table, uint32_t row);
/* The problem of a key that nobody knows, inside of what the JSON pointer `above` names. */
void hub_setting_unknown(hub_pool_t *pool, hub_slice_t above, hub_slice_t key, ocpi_problems_t *problems);
static inline bool hub_setting_given(const hub_setting_input_t *in, uint32_t row)
{
    return (in->given & hub_setting_bit(row)) != 0;
}
void hub_setting_give(hub_setting_input_t *in, uint32_t row, hub_slice_t json);

/* ---- values ---- */

typedef struct hub_setting_values {
    hub_slice_t json[HUB_SETTINGS_MAX]; /* NULL: not set. Secrets: sealed, as a JSON string */
} hub_setting_values_t;

typedef struct hub_setting_seal {
    hub_crypto_t *crypto;
    hub_slice_t context; /* a sealed value opens only in its own record */
} hub_setting_seal_t;

/* The absent/null rules. `old` NULL: creation. `full`: PUT or POST. False: problems were added. *changed: mask of the rows whose value is
 * another one. */
bool hub_setting_merge(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_seal_t *seal, const hub_setting_input_t *in,
                       const hub_setting_values_t *old, bool full, hub_setting_values_t *now, hub_setting_mask_t *changed,
                       ocpi_problems_t *problems);
hub_slice_t hub_setting_encode(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values, uint64_t version);
/* Slices point into `record`. HUB_ESTORE: not such a record. */
hub_err_t hub_setting_decode(const hub_setting_table_t *table, hub_slice_t record, hub_setting_values_t *values, uint64_t *version);

/* ---- one value ---- */

hub_slice_t hub_setting_text(hub_pool_t *pool, hub_slice_t json); /* the string that the JSON text is; none when not set */
bool hub_setting_true(hub_slice_t json);
int64_t hub_setting_int(hub_slice_t json, int64_t otherwise);
/* Calls `visit` for each string of a JSON array of plain strings. */
void hub_setting_each(hub_slice_t json, void (*visit)(void *arg, hub_slice_t item), void *arg);
hub_slice_t hub_setting_json(hub_pool_t *pool, hub_slice_t text); /* as a JSON string */
/* Its secret is JSON text (an object, or either), not the string itself. */
static inline bool hub_setting_is_json(const hub_setting_t *setting)
{
    return setting->type == HUB_SETTING_ANY || setting->type == HUB_SETTING_OBJECT || setting->type == HUB_SETTING_CHECKED;
}
hub_err_t hub_setting_secret(hub_pool_t *pool, const hub_setting_seal_t *seal, hub_slice_t json, hub_slice_t *clear);
bool hub_setting_masked(hub_slice_t text);
bool hub_setting_signing_key(hub_pool_t *pool, hub_slice_t text, hub_slice_t *key); /* the bytes that type SIGNING stands for */
bool hub_setting_is_code(hub_slice_t text);                                         /* letters and digits only */
uint32_t hub_setting_roles(hub_slice_t json);                                       /* ocpi_role_t mask of a JSON array of role names */
void hub_setting_copy(char *out, size_t size, hub_slice_t text);                    /* cut to fit, NUL-terminated */

/* ---- answers ---- */

/* The value as shown: masked secret (clear with `reveal`), fallback, null. */
void hub_setting_write(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                       const hub_setting_seal_t *seal, bool reveal, uint32_t row, hub_buf_t *out);
/* {…} of a group with the groups inside it. */
void hub_setting_write_group(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                             const hub_setting_seal_t *seal, bool reveal, uint8_t group, hub_buf_t *out);
/* "name":value, with commas between, for the shown rows of the group and then the groups inside it. */
void hub_setting_write_members(hub_pool_t *pool, const hub_setting_table_t *table, const hub_setting_values_t *values,
                               const hub_setting_seal_t *seal, bool reveal, uint8_t group, hub_buf_t *out);

#endif
