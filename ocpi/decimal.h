/* Exact arithmetic on numbers as they are written: prices are never turned into binary fractions. */
#ifndef OCPI_DECIMAL_H
#define OCPI_DECIMAL_H

#include "hub/base.h"

typedef struct ocpi_decimal {
    int64_t digits; /* at most 18 of them */
    int scale;      /* of which this many stand behind the point: 0..18 */
} ocpi_decimal_t;

bool ocpi__decimal_parse(hub_slice_t text, ocpi_decimal_t *out); /* a JSON number; false: none, or too long to be exact */
bool ocpi__decimal_add(ocpi_decimal_t a, ocpi_decimal_t b, ocpi_decimal_t *sum);
bool ocpi__decimal_subtract(ocpi_decimal_t a, ocpi_decimal_t b, ocpi_decimal_t *difference);
/* Half away from zero; fewer decimals than `scale` are filled with zeros. False: too long. */
bool ocpi__decimal_round(ocpi_decimal_t a, int scale, ocpi_decimal_t *out);
/* gross / (1 + percent / 100), at most `scale` decimals; *exact: nothing was rounded. */
bool ocpi__decimal_net(ocpi_decimal_t gross, ocpi_decimal_t percent, int scale, ocpi_decimal_t *net, bool *exact);
void ocpi__decimal_write(hub_buf_t *out, ocpi_decimal_t a);

#endif
