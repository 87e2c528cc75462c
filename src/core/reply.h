/* Replies: problem+json on /v1, the OCPI envelope on /ocpi. Every function ends the exchange (hub_exchange_done) unless it says "add". */
#ifndef CORE_REPLY_H
#define CORE_REPLY_H

#include "core.h"

void hub_reply_add_header(hub_exchange_t *x, const char *lower_case_name, hub_slice_t value);

/* /v1: JSON body (in the pool). */
void hub_reply_json(hub_exchange_t *x, int status, hub_slice_t body);
void hub_reply_empty(hub_exchange_t *x, int status);
/* RFC 9457. detail none: the error's own text. */
void hub_reply_problem(hub_exchange_t *x, hub_err_t err, hub_slice_t detail);
void hub_reply_problemf(hub_exchange_t *x, hub_err_t err, const char *format, ...) HUB_PRINTF(3, 4);
/* {"pointer","rule","message"} of one problem. */
void hub_reply_add_error(hub_buf_t *out, const ocpi_problem_t *problem);
/* With errors: [{pointer, rule, message}] of severity ERROR. */
void hub_reply_invalid(hub_exchange_t *x, const ocpi_problems_t *problems);
/* 400 for one thing. */
void hub_reply_wrong(hub_exchange_t *x, const char *pointer, const char *rule, const char *message);

/* /ocpi: envelope with HTTP status `status`; mirrors the routing headers (H2; not on 2.1.1). A status code that the version does not have
 * is sent as the one that stands for it there. */
void hub_reply_ocpi(hub_exchange_t *x, int status, int ocpi_status, hub_slice_t message, hub_slice_t data);
/* HTTP 200, status 1000, `data` in parts (hub_reply_t.parts) with room for one more at either end. */
void hub_reply_ocpi_parts(hub_exchange_t *x, hub_slice_t *parts, uint32_t count);
/* hub_exchange_done on /ocpi: X-Request-ID and X-Correlation-ID (T19, T20); none on 2.1.1. */
void hub_reply_add_ids(hub_exchange_t *x);
/* By the error's row, with HTTP 200 for all OCPI errors on an existing resource (T6, decision F). */
void hub_reply_ocpi_err(hub_exchange_t *x, hub_err_t err, hub_slice_t message);

/* A failure on whichever face the exchange is: problem+json or envelope. */
void hub_reply_err(hub_exchange_t *x, hub_err_t err, hub_slice_t detail);

/* False: the body is compressed, which nobody here undoes; answered already (415). */
bool hub_body_plain(hub_exchange_t *x);
/* Parses a JSON body: object (or, with `array_too`, an array). NULL: answered already (400, 415). An absent Content-Type is taken on /ocpi.
 */
yyjson_val *hub_body_json(hub_exchange_t *x, bool array_too);

#endif
