/* What the loaders of bench/ share: one h2o server thread on a loopback port. */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#define H2O_USE_LIBUV 1
#include <h2o.h>

typedef int (*bench_handler_t)(h2o_handler_t *self, h2o_req_t *req);

/* Prints "port N" and serves for ever. Exits 1 on failure. */
void bench_serve(int port, bench_handler_t handler);
/* 200 with this body; the memory must live for ever or come from the request's pool. */
int bench_answer(h2o_req_t *req, int status, const char *body, size_t len);

#endif
