/* Private to the files of objects (objects.c, object_*.c, objects_v1.c, objects_ocpi.c, bulk.c, evse_status.c). */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "objects.h"
#include "projection.h"

#define HUB_REMOVED_KEPT_MS (90ll * 24 * 3600 * 1000) /* how long what was removed stays listed for pullers */
#define HUB_TIME_AHEAD_MS (5ll * 60 * 1000)           /* decision I: a stored time further ahead of its receipt never blocks */
#define HUB_NO_TIME INT64_MIN

/* ---- one store or remove under way; store thread ---- */

typedef struct hub_storing {
    hub_core_t *core;
    hub_view_t *view;
    hub_pool_t *pool;
    hub_incoming_t *in;
    const struct hub_objects_row *row;
    unsigned level; /* 0 the object, 1 EVSE, 2 Connector */
    hub_object_id_t id;
    hub_key_t key;
    bool exists;
    hub_object_t head; /* as stored before; zero when it does not exist */
    /* What is stored, parsed on demand in the version of `in`: hub_objects__base. NULL when it cannot be said in that version; what it
     * loses on the way is in the list. */
    yyjson_val *base;
    ocpi_losses_t base_losses;
} hub_storing_t;

/* ---- rows of module.def ---- */

typedef struct hub_settling {
    hub_pool_t *pool;
    yyjson_mut_doc *doc;
    int64_t now;
    bool keep_status;
} hub_settling_t;

enum {                          /* traits of a module's objects */
       HUB_TRAIT_TYPED = 1,     /* their `type` is part of their identity: ?type=, default RFID (K2) */
       HUB_TRAIT_DATE_FROM = 2, /* lists ask for date_from (P11) */
       HUB_TRAIT_FINAL = 4,     /* never changes, so age says nothing; received by POST: a foreign owner is told and quarantined (D3) */
       HUB_TRAIT_REACH = 8,     /* received ones tell which parties are reached through the giver (sharing.h) */
};
#define HUB_TOKEN_TYPE "RFID" /* where no ?type= is given */
#define HUB_V1_ALL (OCPI_GET | OCPI_PUT | OCPI_PATCH | OCPI_DELETE)

typedef struct hub_objects_row {
    ocpi_module_t module;
    ocpi_object_id_t level[3];
    const char *id;
    hub_err_t unknown;
    uint32_t traits;
    uint32_t methods; /* OCPI_GET …, on /v1 */
    void (*settle)(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored);
    hub_err_t (*audiences)(hub_storing_t *s, yyjson_val *after, hub_object_t *head);
    hub_err_t (*check)(hub_storing_t *s, yyjson_val *after, bool *unchanged);
    hub_err_t (*follow)(hub_storing_t *s, yyjson_val *after);
    hub_err_t (*remove)(hub_storing_t *s);
} hub_objects_row_t;
const hub_objects_row_t *hub_objects__row(ocpi_module_t module); /* NULL: objects of this module are not stored here */

/* ---- objects.c ---- */

/* The names of the members that say who an object is, in the order country, party, id, type (typed ones); how many. */
uint32_t hub_objects__names(const hub_objects_row_t *row, const char *names[4]);
/* Where no type is given (2.1.1 has none in its URLs): that of the stored RFID token, or else of the first one with this uid. */
void hub_objects__find_type(hub_view_t *view, hub_pool_t *pool, hub_object_id_t *id);

hub_err_t hub_objects__begin(hub_storing_t *s, hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in);
yyjson_val *hub_objects__base(hub_storing_t *s);
yyjson_val *hub_objects__read(hub_pool_t *pool, hub_slice_t text); /* our own bytes: never fails on what we wrote; NULL when damaged */
hub_err_t hub_objects__refuse(hub_incoming_t *in, hub_slice_t pointer, const char *rule, const char *format, ...) HUB_PRINTF(4, 5);
/* apply only: hub_object_delete, and the DELETE entry keeps the spelling that the object itself has. */
hub_err_t hub_objects__delete(hub_view_t *view, hub_pool_t *pool, const hub_object_id_t *id, const hub_object_t *head, int64_t now);
/* An error after the first write must undo the operation: it is never one that only refuses. */
hub_err_t hub_objects__written(hub_err_t err);
void hub_objects__forget(ocpi_problems_t *problems, uint32_t count); /* keeps the first `count`: apply may run again */
/* The stored whole with the body merged in at its level (PUT of a level, PATCH of any). NULL: the parent or the level is unknown (decision
 * C). `parents` is written up to the parents as in L3. *created: the level is new. */
hub_slice_t hub_objects__merge(hub_storing_t *s, bool drop_time, hub_slice_t parents, bool *created);

/* ---- object_own.c, object_received.c, object_remove.c ---- */

/* An own object where levels without last_updated carry HUB_TIME_ABSENT until they are settled: without a time they would count as broken.
 */
#define HUB_TIME_ABSENT 0
yyjson_val *hub_objects__mark_times(hub_pool_t *pool, yyjson_val *root, hub_slice_t *text);
hub_err_t hub_objects__store_own(hub_storing_t *s);
/* Settles, compares, writes, follows. `whole` (of doc) is changed. */
hub_err_t hub_objects__put_own(hub_storing_t *s, yyjson_mut_doc *doc, yyjson_mut_val *whole, uint32_t flags);
hub_err_t hub_objects__store_received(hub_storing_t *s);
void hub_objects__settle_location(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored);
void hub_objects__settle_plain(hub_settling_t *s, yyjson_mut_val *root, yyjson_mut_val *stored);
hub_err_t hub_objects__follow_location(hub_storing_t *s, yyjson_val *after);
hub_err_t hub_objects__follow_tariff(hub_storing_t *s, yyjson_val *after);
hub_err_t hub_objects__follow_token(hub_storing_t *s, yyjson_val *after);
hub_err_t hub_objects__remove_location(hub_storing_t *s);
hub_err_t hub_objects__remove_tariff(hub_storing_t *s);
hub_err_t hub_objects__remove_token(hub_storing_t *s);

/* ---- object_audience.c, object_final.c ---- */

hub_err_t hub_objects__audiences_party(hub_storing_t *s, yyjson_val *after, hub_object_t *head); /* every object of a party of ours */
hub_err_t hub_objects__audiences_pair(hub_storing_t *s, yyjson_val *after, hub_object_t *head);  /* by its owner and its token's party */
/* S1, D3: what is final stays. *unchanged: the same again, but for last_updated. Received: HUB_EINVALID with a problem; own:
 * HUB_ECONFLICT. */
#define HUB_SESSION_FINAL "the session is COMPLETED: it never changes any more"
#define HUB_CDR_FINAL "a CDR with this id and another content is stored: a CDR never changes"
hub_err_t hub_objects__check_session(hub_storing_t *s, yyjson_val *after, bool *unchanged);
hub_err_t hub_objects__check_cdr(hub_storing_t *s, yyjson_val *after, bool *unchanged);

/* ---- object_tree.c: values of a Location ---- */

int64_t hub_objects__time(yyjson_val *object); /* its last_updated in ms, HUB_NO_TIME when absent or no time */
int64_t hub_objects__time_mut(yyjson_mut_val *object);
int64_t hub_objects__latest(yyjson_val *root); /* the maximum of an object's own time and its EVSEs' and Connectors' (decision I) */
yyjson_mut_val *hub_objects__find_mut(yyjson_mut_val *list, const char *name, hub_slice_t id);
hub_slice_t hub_objects__str_mut(yyjson_mut_val *object, const char *name);
void hub_objects__set_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, hub_slice_t value); /* copied */
void hub_objects__set_time(yyjson_mut_doc *doc, yyjson_mut_val *object, int64_t ms);
bool hub_objects__same(yyjson_mut_val *a, yyjson_mut_val *b, const char *const *skip, size_t skip_count); /* members in any order */

typedef enum hub_difference { HUB_SAME, HUB_STATUS_ONLY, HUB_DIFFERENT } hub_difference_t;
#define HUB_STATUS_ENTRIES 16 /* more EVSEs than this at once go out as one whole object */
typedef struct hub_status_change {
    hub_slice_t uid[HUB_STATUS_ENTRIES];
    uint32_t count;
} hub_status_change_t;
/* What changed: HUB_STATUS_ONLY when nothing but `status` and `last_updated` of some EVSEs (and the Location's own last_updated) did. */
hub_difference_t hub_objects__compare(yyjson_mut_val *now, yyjson_mut_val *before, hub_status_change_t *status);

/* ---- object_list.c: pages, for both faces ---- */

typedef struct hub_objects_page {
    const hub_integration_t *to;  /* NULL: our own, whole */
    const hub_party_ref_t *asked; /* one of its several parties of ours: only what that one owns (H2); NULL: all (decision O) */
    uint32_t tenant;
    ocpi_module_t module;
    ocpi_version_t version;
    ocpi_page_t page;
    hub_slice_t filters; /* what else the link is to keep: "&integration=7" */
    uint32_t max_limit;
    hub_list_page_t list;
    hub_slice_t
        *parts; /* the JSON array, for hub_reply_t.parts: brackets, items as they lie in the map, commas; the first and the last … */
    uint32_t part_count; /* … are left to the caller */
} hub_objects_page_t;
/* HUB_EINVALID: a bad position. */
hub_err_t hub_objects__page(hub_view_t *view, hub_pool_t *pool, hub_objects_page_t *page);
void hub_objects__page_headers(hub_exchange_t *x, const hub_objects_page_t *page); /* Link, X-Total-Count, X-Limit */
uint32_t hub_objects__max_limit(const hub_core_t *core, const hub_integration_t *to);

/* ---- objects_ocpi.c ---- */

/* What the first path segment of a sender names and the caller may see: its key and how it looks. Or the row's error when unknown. */
hub_err_t hub_objects__find_shared(hub_exchange_t *x, hub_view_t *view, const hub_objects_row_t *row, hub_key_t *key, hub_slice_t *bytes);

/* ---- object_split.c: items of a bulk body, one at a time ---- */

typedef struct hub_split {
    hub_slice_t rest;
    bool lines;     /* NDJSON */
    uint64_t index; /* of the next item */
} hub_split_t;
/* By Content-Type: application/json (an array) or application/x-ndjson. HUB_EMEDIA_TYPE; HUB_EMALFORMED: no array, or one that is cut off
 * or has something after its end (*why, static). Nothing is copied. */
hub_err_t hub_split_init(hub_split_t *split, hub_slice_t content_type, hub_slice_t body, const char **why);
bool hub_split_next(hub_split_t *split, hub_slice_t *item, uint64_t *index);

/* ?version= of /v1: in which version objects come, or are asked for; 2.2.1 when it does not say. */
ocpi_version_t hub_objects__version(hub_exchange_t *x);

/* ---- bulk.c: what bulk upsert and evse-status share ---- */

typedef struct hub_bulk hub_bulk_t;
typedef struct hub_bulk_item {
    hub_incoming_t in;
    hub_slice_t text;
    uint64_t index;
    hub_err_t err;
    yyjson_val *root;
} hub_bulk_item_t;
typedef struct hub_bulk_kind {
    uint32_t chunk; /* items an operation */
    /* Worker: whatever needs no view. */
    void (*prepare)(hub_bulk_t *bulk, hub_bulk_item_t *item);
    /* Store thread: all items of a chunk, outcome in item->in.outcome and item->err; an error of the store itself is returned. */
    hub_err_t (*apply)(hub_bulk_t *bulk, hub_view_t *view, hub_bulk_item_t *items, uint32_t count);
    bool stale; /* the answer has a `stale` count instead of `created` */
} hub_bulk_kind_t;
struct hub_bulk {
    hub_op_t op; /* first */
    hub_exchange_t *x;
    const hub_bulk_kind_t *kind;
    ocpi_module_t module;
    ocpi_version_t version;
    bool keep_status;
    hub_pool_t *pool; /* of the chunk: created and destroyed with it */
    hub_split_t split;
    hub_bulk_item_t *items;
    uint32_t count;
    uint64_t outcome[HUB_STALE_IGNORED + 1], failed, omitted;
    uint64_t audit, audit_tried; /* number of the request's entry in the audit log; 0: none yet */
    hub_buf_t results;
    hub_timer_t timer; /* a full queue: the chunk is submitted again a little later */
    unsigned attempts;
    int64_t now;
};
void hub_bulk_run(hub_exchange_t *x, const hub_bulk_kind_t *kind, ocpi_module_t module, ocpi_version_t version, bool keep_status);

#endif
