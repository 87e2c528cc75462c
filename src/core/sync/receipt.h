/* The ledger of CDRs: which integration has acknowledged which CDR, when, and what it calls it. A row of it lies under the mark that push
 * keeps of a CDR (settle.c), so that it goes when the integration goes. Push writes those of OCPI partners itself (parcel_cdr.c). */
#ifndef CORE_RECEIPT_H
#define CORE_RECEIPT_H

#include "core.h"

#define HUB_RECEIPT_REFERENCE 1024u       /* bytes; a longer reference is cut */
#define HUB_RECEIPT_ANSWER ((size_t)4096) /* bytes; a longer answer is not kept */

typedef struct hub_receipt {
    int64_t acknowledged;  /* ms */
    hub_slice_t url;       /* where an OCPI partner keeps it; none */
    hub_slice_t reference; /* what another receiver calls it; none */
    hub_slice_t answer;    /* JSON of that receiver worth keeping, e.g. the amounts of a tax service; none */
} hub_receipt_t;

/* HUB_ENOT_FOUND: not acknowledged (yet). `key` of the object; slices in the view or the pool. */
hub_err_t hub_receipt_get(hub_view_t *view, hub_pool_t *pool, uint32_t integration, hub_slice_t key, hub_receipt_t *out);
/* apply only. For integrations that are not OCPI: `url` is not kept. */
hub_err_t hub_receipt_put(hub_view_t *view, hub_pool_t *pool, uint32_t integration, hub_slice_t key, const hub_receipt_t *receipt);

#endif
