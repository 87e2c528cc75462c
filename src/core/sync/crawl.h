/* What the files of pull share: a job a (integration, module), and the walk over a peer's pages. Home worker only, except the apply of its
 * operations. */
#ifndef CORE_CRAWL_H
#define CORE_CRAWL_H

#include "agent.h"
#include "object/objects.h"
#include "pull.h"
#include "rate.h"

typedef struct hub_pull_row {
    uint32_t model; /* hub_model_t */
    const char *flag;
    ocpi_module_t module;
    bool details; /* not a list: the handshake reads version details anew */
    bool all;     /* always the whole list */
    bool since;   /* date_from must be given (decision G): also where all is asked for */
    bool lasts;   /* what a complete list no longer shows is not stale: partners let go of what is long over */
} hub_pull_row_t;
#define HUB_PULL_ROWS 6u
extern const hub_pull_row_t hub_pull_rows[HUB_PULL_ROWS];

typedef struct hub_pull_state { /* durable; times in ms, 0: never */
    int64_t last_full;          /* start of the last complete full pull */
    int64_t last_delta;         /* start of the last good pull by date_from */
    int64_t last_start;         /* start of the last good pull of either kind */
    int64_t last_success;       /* end of it */
    int64_t last_error_at;
    char last_error[240];
    char alert[240]; /* for statusDescription: full pull refused to mark so much as stale */
} hub_pull_state_t;

typedef struct hub_fingerprints { /* fingerprints of pages and links of one crawl */
    uint64_t *slots;
    size_t size, count;
} hub_fingerprints_t;

typedef struct hub_pull_job {
    struct hub_pull *pull;
    const hub_pull_row_t *row;
    hub_timer_t timer;
    bool enabled, loaded;
    bool running, forced;   /* forced: asked for by name, whatever the flag says */
    bool again, again_full; /* asked for while running */
    bool busy;              /* a call or an operation is under way */
    hub_pull_state_t state;
    hub_rate_t received_rate, refused_rate;
    unsigned failures; /* runs in a row */
    int64_t next;      /* ms; when the timer fires */
    /* the run */
    bool full, shrunk;
    int64_t started;
    char *url;             /* the page to fetch; malloc */
    hub_ocpi_call_t *page; /* being stored */
    hub_slice_t *texts;    /* its elements, in the page's pool */
    size_t count, at;
    unsigned tries;
    uint32_t pages;
    uint64_t received, bad, total;
    bool has_total, wrong_total;
    hub_fingerprints_t seen;
} hub_pull_job_t;

typedef struct hub_pull {
    hub_agent_t *agent;
    bool ended;
    hub_pull_job_t jobs[HUB_PULL_ROWS];
} hub_pull_t;

/* crawl.c */
void hub_crawl__start(hub_pull_job_t *job, bool full);
void hub_crawl__go_on(hub_pull_job_t *job); /* the timer of a run that waits */
void hub_crawl__drop(hub_pull_job_t *job);  /* ends a run; nothing may be under way */

/* link.c */
/* The next page's URL (malloc), on the origin of `endpoint`; NULL: it leads elsewhere. */
char *hub_link__resolve(hub_slice_t endpoint, hub_slice_t current, hub_slice_t link);
bool hub_fingerprints__add(hub_fingerprints_t *seen, uint64_t fingerprint); /* false: it was there already */
void hub_fingerprints__finish(hub_fingerprints_t *seen);
uint64_t hub_fingerprint__hash(uint64_t hash, hub_slice_t s);
/* The elements of the array `data` of an envelope (valid JSON), byte for byte; at most `most`. Returns how many there are. */
size_t hub_page__elements(hub_slice_t body, hub_slice_t *out, size_t most);

/* pull.c */
void hub_pull__over(hub_pull_job_t *job, const char *error); /* a run has ended; NULL: well. Plans the next one. */
void hub_pull__wait(hub_pull_job_t *job, uint64_t ms);       /* hub_crawl__go_on after a while */
bool hub_pull__may_go_on(const hub_pull_job_t *job);
void hub_pull__free_if_ended(hub_pull_t *pull);

/* pull_state.c */
void hub_pull__load(hub_pull_job_t *job, hub_view_t *view);
hub_err_t hub_pull__put(hub_view_t *view, uint32_t integration, ocpi_module_t module, const hub_pull_state_t *state);
void hub_pull__save(hub_pull_job_t *job);            /* an operation of its own, for errors */
bool hub_pull__remembered(const hub_agent_t *agent); /* is anything written down? */

#endif
