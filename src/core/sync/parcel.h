/* One object on its way to a partner: what the files that fill it share. Home worker only. */
#ifndef CORE_PARCEL_H
#define CORE_PARCEL_H

#include "pump.h"

typedef struct hub_parcel {
    hub_push_item_t *item;
    hub_view_t *view;
    hub_pool_t *pool;  /* of the call to be */
    hub_slice_t bytes; /* the object as this partner sees it, in its version */
    yyjson_val *root;
    hub_method_t method;
    hub_slice_t body;
    hub_slice_t to_country, to_party; /* of the partner's parties the one that is meant; none: left to the roles */
} hub_parcel_t;

hub_filling_t hub_push__send(hub_push_item_t *item); /* fills a parcel and starts the call */

/* Names the item and its path below the endpoint, as this object's URL has it. */
bool hub_parcel__name(hub_parcel_t *parcel, hub_slice_t evse_uid);
hub_filling_t hub_parcel__put(hub_parcel_t *parcel); /* PUT of the whole; for `fill` of rows with nothing of their own */
hub_filling_t hub_parcel__fill_location(hub_parcel_t *parcel);
hub_filling_t hub_parcel__fill_token(hub_parcel_t *parcel);
hub_filling_t hub_parcel__fill_session(hub_parcel_t *parcel); /* parcel_session.c */
hub_filling_t hub_parcel__fill_cdr(hub_parcel_t *parcel);     /* parcel_cdr.c */
/* Sessions and CDRs are meant for the party of their token. */
void hub_parcel__to_token_party(hub_parcel_t *parcel);

/* parcel_cdr.c */
void hub_parcel__receipt(hub_push_item_t *item, const hub_ocpi_call_t *call); /* the partner has it: its URL there is kept */
/* The partner fails with this CDR while others get through: it is put off, longer each time, but never given up. */
void hub_parcel__put_off_cdr(hub_push_item_t *item);
bool hub_parcel__was_put_off(const hub_push_item_t *item); /* so before: once more is enough to know */

#endif
