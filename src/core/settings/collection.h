/* Collections of /v1 that only rows describe (our parties, the directory of known ones), and pages of lists walked in key order. */
#ifndef CORE_COLLECTION_H
#define CORE_COLLECTION_H

#include "idempotency.h"
#include "setting.h"

/* A collection under /v1: records with an id of their own that only rows describe. */
typedef struct hub_collection hub_collection_t;
typedef struct hub_collection_change {
    const hub_collection_t *collection;
    hub_core_t *core;
    hub_pool_t *pool;
    uint32_t tenant, id; /* id 0: create */
    bool full, remove;
    hub_setting_input_t in;
    hub_setting_values_t old, now;
    ocpi_problems_t problems;
    hub_slice_t conflict; /* why 409 */
    hub_slice_t if_match;
    uint64_t version; /* stored */
    hub_idempotency_t idempotency;
} hub_collection_change_t;

struct hub_collection {
    const char *path;     /* "/v1/parties" */
    const char *sequence; /* of its ids */
    hub_table_t table;
    bool number; /* ids are JSON numbers */
    const hub_setting_table_t *settings;
    uint8_t created, last_updated; /* rows */
    /* Inside apply, before anything is written: rules between records; may write secondary keys as its last act. `remove`: `old` alone
     * counts. */
    hub_err_t (*settle)(hub_view_t *view, hub_collection_change_t *change);
};

void hub_collection_list(hub_exchange_t *x, const hub_collection_t *collection);
void hub_collection_get(hub_exchange_t *x, const hub_collection_t *collection);
void hub_collection_write(hub_exchange_t *x, const hub_collection_t *collection, bool full, bool create);
void hub_collection_delete(hub_exchange_t *x, const hub_collection_t *collection);

/* ---- pages of /v1 lists that are walked in key order (also integrations and keys) ---- */

typedef struct hub_v1_page {
    uint64_t offset;
    uint32_t limit;
    hub_slice_t filters; /* "&type=OCPI", for the links */
} hub_v1_page_t;
void hub_v1_page_read(hub_exchange_t *x, hub_v1_page_t *page);
/* X-Total-Count, X-Limit and Link rel="next" when there is more. */
void hub_v1_page_headers(hub_exchange_t *x, const hub_v1_page_t *page, const char *path, uint64_t total);
/* "N", *, lists of them; no such header: true. One that is empty names nothing. */
bool hub_etag_matches(hub_slice_t if_match, uint64_t version);
void hub_v1_add_etag(hub_exchange_t *x, uint64_t version);
/* What goes with 409 and 412: the version that is stored. */
void hub_v1_tell_version(hub_exchange_t *x, uint64_t version);
/* "7" of the first path parameter; false: answered (404). */
bool hub_v1_id(hub_exchange_t *x, uint32_t *id);
hub_slice_t hub_v1_now(hub_pool_t *pool); /* the time as a JSON string */

#endif
