/* Idempotency-Key on a POST of /v1 that creates: the same request sent again within a day, because its answer was lost, makes nothing new
 * and is answered with what the first one made. The same key with another body is refused (409). */
#ifndef CORE_IDEMPOTENCY_H
#define CORE_IDEMPOTENCY_H

#include "core.h"

typedef struct hub_idempotency {
    bool given;
    bool replayed;                       /* out: nothing was made */
    unsigned char place[HUB_SHA256_LEN]; /* of tenant, API key, path and the header: a key of one is nothing to another */
    unsigned char body[HUB_SHA256_LEN];
} hub_idempotency_t;

/* False: answered (400). Call it before the body is parsed. */
bool hub_idempotency_read(hub_exchange_t *x, hub_idempotency_t *out);
/* apply only, before anything is written. HUB_EOK with `replayed` set: *id was made before. HUB_ECONFLICT: by another body. */
hub_err_t hub_idempotency_find(hub_view_t *view, hub_idempotency_t *request, uint32_t *id);
/* apply only, after `id` was made. */
hub_err_t hub_idempotency_note(hub_view_t *view, const hub_idempotency_t *request, uint32_t id);
/* apply only: forgets what is older than a day. */
hub_err_t hub_idempotency_expire(hub_view_t *view, int64_t now, unsigned limit, unsigned *count);

#define HUB_IDEMPOTENCY_CONFLICT HUB_SLICE_LIT("this Idempotency-Key was used with another body")
void hub_idempotency_tell(hub_exchange_t *x, const hub_idempotency_t *request); /* header Idempotency-Replayed */

#endif
