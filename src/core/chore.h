/* Chores: what worker 0 does by itself from time to time. A chore looks in a snapshot whether there is something to do and prepares it
 * there, a little at a time since others wait for the worker, and then has it written by one operation on the store thread. */
#ifndef CORE_CHORE_H
#define CORE_CHORE_H

#include "core.h"

typedef struct hub_chore hub_chore_t;

typedef struct hub_chore_kind {
    const char *name; /* in the log: "<name>.failed" */
    size_t size;      /* of the chore: a struct that starts with hub_chore_t, zeroed at the start */
    uint64_t first_ms, idle_ms;
    /* Worker. HUB_ENOT_FOUND: there is nothing to write now. NULL: there always may be. */
    hub_err_t (*look)(hub_chore_t *chore, hub_view_t *view);
    /* Store thread; from its inputs each time (hub_op_t). */
    hub_err_t (*apply)(hub_chore_t *chore, hub_view_t *view);
    /* Worker, after what look found was written: when to look again. NULL: soon where there is more, else after idle_ms. */
    uint64_t (*written)(hub_chore_t *chore);
    bool at_end; /* once more when the worker stops */
} hub_chore_kind_t;

struct hub_chore {
    hub_op_t op; /* first */
    const hub_chore_kind_t *kind;
    hub_worker_t *worker;
    hub_timer_t timer;
    hub_pool_t *pool; /* from look to written; NULL: not under way */
    bool soon;        /* said by look: there is more to look at */
    bool ended;
};

extern const hub_chore_kind_t hub_sweep_chore;      /* sweep.c */
extern const hub_chore_kind_t hub_projection_chore; /* object/projection_sweep.c */
extern const hub_chore_kind_t hub_line_chore;       /* integration/integration_line.c */
extern const hub_chore_kind_t hub_usage_chore;      /* access/usage.c */

void hub_chores_start(hub_worker_t *worker); /* of worker 0: the others have none */
bool hub_chores_stop(hub_worker_t *worker);  /* true when nothing is under way any more */
void hub_chores_destroy(hub_worker_t *worker);

#endif
