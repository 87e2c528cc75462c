/* The walk over a peer's pages: ask, check, store in bounded operations, only then ask for the next. Rules P1-P10, T25. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crawl.h"
#include "metrics.h"

#define PAGES_MOST 100000u
#define PAGE_LIMIT 100u
#define ANSWER_LIMIT ((size_t)64 << 20)
#define CHUNK_OBJECTS 50u
#define CHUNK_BYTES ((size_t)256 << 10)
#define TRIES_MOST 4u
#define RETRY_MS 2000u
#define QUEUE_FULL_MS 200u
#define OVERLAP_MS 3600000 /* decisions: Pull */

static void fetch(hub_pull_job_t *job);
static void store_chunk(hub_pull_job_t *job);

static void fail(hub_pull_job_t *job, const char *format, ...) HUB_PRINTF(2, 3);
static void fail(hub_pull_job_t *job, const char *format, ...)
{
    char text[240];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hub_crawl__drop(job);
    hub_pull__over(job, text);
}

void hub_crawl__drop(hub_pull_job_t *job)
{
    HUB_ASSERT(!job->busy);
    hub_ocpi_call_destroy(job->page);
    job->page = NULL;
    free(job->url);
    job->url = NULL;
    hub_fingerprints__finish(&job->seen);
    job->running = false;
}

/* ---- storing a page ---- */

typedef struct hub_chunk {
    hub_op_t op; /* first */
    hub_pull_job_t *job;
    hub_agent_t *agent;
    hub_core_t *core;
    hub_pool_t *pool;
    hub_integration_t *from; /* a reference */
    hub_incoming_t *list;
    unsigned count;
    uint32_t bad;
} hub_chunk_t;

static hub_err_t apply_chunk(hub_view_t *view, hub_op_t *op)
{
    hub_chunk_t *chunk = (hub_chunk_t *)op;
    chunk->bad = 0;
    for (unsigned i = 0; i < chunk->count; i++) {
        hub_err_t err = hub_objects_store(chunk->core, view, chunk->pool, &chunk->list[i]);
        if (err && !hub_objects_refused(err))
            return err;
        chunk->bad += err != HUB_EOK; /* T25: in quarantine now, the others go on */
    }
    return HUB_EOK;
}

static void end_chunk(hub_chunk_t *chunk)
{
    hub_integration_unref(chunk->from);
    hub_pool_destroy(chunk->pool);
}

static void page_done(hub_pull_job_t *job);

static void chunk_done(hub_op_t *op)
{
    hub_chunk_t *chunk = (hub_chunk_t *)op;
    hub_pull_job_t *job = chunk->job;
    hub_agent_t *agent = chunk->agent;
    hub_err_t err = op->err;
    unsigned count = chunk->count;
    job->bad += chunk->bad;
    hub_rate_add(&job->refused_rate, chunk->bad, hub_now_ms());
    end_chunk(chunk);
    job->busy = false;
    if (!err) {
        hub_metric_add(agent->worker->core, agent->tenant, HUB_METRIC_PULLED, count);
        job->at += count;
    }
    if (!hub_pull__may_go_on(job))
        fail(job, "stopped");
    else if (err)
        fail(job, "What was pulled cannot be stored: %s", hub_err_info(err)->text);
    else if (job->at < job->count)
        store_chunk(job);
    else
        page_done(job);
    hub_agent_release(agent);
}

static hub_chunk_t *new_chunk(hub_pull_job_t *job)
{
    hub_agent_t *agent = job->pull->agent;
    hub_pool_t *pool = hub_pool_create();
    hub_chunk_t *chunk = HUB_POOL_NEW(pool, hub_chunk_t);
    *chunk = (hub_chunk_t){.op = {.apply = apply_chunk, .done = chunk_done, .reply_to = agent->worker->mailbox},
                           .job = job,
                           .agent = agent,
                           .core = agent->worker->core,
                           .pool = pool,
                           .from = hub_integration_ref(agent->integration)};
    chunk->list = hub_pool_zalloc(pool, CHUNK_OBJECTS * sizeof *chunk->list);
    return chunk;
}

static void add_to_chunk(hub_chunk_t *chunk, hub_slice_t text)
{
    const hub_integration_t *from = chunk->from;
    hub_incoming_t *in = &chunk->list[chunk->count++];
    *in = (hub_incoming_t){.tenant = from->tenant,
                           .from = from,
                           .module = chunk->job->row->module,
                           .version = from->ocpi_version,
                           .text = text,
                           .pulled = true,
                           .now = hub_now_ms()};
    if (from->ocpi_version == OCPI_V2_1_1 && from->peer_role_count) { /* objects do not say whose they are */
        in->country = hub_slice_str(from->peer_roles[0].country);
        in->party = hub_slice_str(from->peer_roles[0].party);
    }
    hub_objects_prepare(chunk->pool, in);
}

static void store_chunk(hub_pull_job_t *job)
{
    size_t bytes = 0;
    hub_chunk_t *chunk = new_chunk(job);
    for (size_t i = job->at; i < job->count && chunk->count < CHUNK_OBJECTS && (bytes < CHUNK_BYTES || !chunk->count); i++) {
        bytes += job->texts[i].len;
        add_to_chunk(chunk, job->texts[i]);
    }
    hub_err_t err = hub_store_submit(chunk->core->store, &chunk->op);
    if (!err) {
        job->busy = true;
        hub_agent_hold(chunk->agent);
        return;
    }
    end_chunk(chunk);
    if (err == HUB_EBUSY)
        hub_pull__wait(job, QUEUE_FULL_MS + hub_jitter(QUEUE_FULL_MS));
    else
        fail(job, "stopped");
}

/* ---- the end of a crawl ---- */

typedef struct hub_crawl_end {
    hub_op_t op; /* first */
    hub_pull_job_t *job;
    hub_agent_t *agent;
    hub_core_t *core;
    hub_integration_t *from; /* a reference */
    hub_pull_state_t state;
    ocpi_module_t module;
    bool mark;
    int64_t since;
    uint32_t marked;
    bool refused;
} hub_crawl_end_t;

static const char alert[] =
    "The last full pull of %s would have made more than 20 %% of what we have stale: nothing was marked. Ask the partner "
    "whether so much is really gone; a POST to /pull with full true tries again.";

static hub_err_t apply_end(hub_view_t *view, hub_op_t *op)
{
    hub_crawl_end_t *end = (hub_crawl_end_t *)op;
    hub_pull_state_t state = end->state;
    end->refused = false;
    end->marked = 0;
    hub_err_t err = end->mark ? hub_objects_mark_stale(view, end->from, end->module, end->since, &end->marked, &end->refused) : HUB_EOK;
    if (end->mark)
        state.alert[0] = 0;
    if (end->refused)
        snprintf(state.alert, sizeof state.alert, alert, ocpi_module_name(end->module));
    return err ? err : hub_pull__put(view, end->from->id, end->module, &state);
}

static void end_done(hub_op_t *op)
{
    hub_crawl_end_t *end = (hub_crawl_end_t *)op;
    hub_pull_job_t *job = end->job;
    hub_agent_t *agent = end->agent;
    hub_err_t err = op->err;
    job->busy = false;
    if (!err) {
        job->state = end->state;
        if (end->mark)
            job->state.alert[0] = 0;
        if (end->refused)
            snprintf(job->state.alert, sizeof job->state.alert, alert, ocpi_module_name(end->module));
        hub_log(end->refused ? HUB_WARN : HUB_INFO, "pull.done", HUB_INT("integration", agent->id),
                HUB_STR("module", ocpi_module_name(end->module)), HUB_BOOL("full", job->full), HUB_INT("pages", job->pages),
                HUB_INT("objects", job->received), HUB_INT("bad", job->bad), HUB_INT("stale", end->marked),
                HUB_BOOL("stale_refused", end->refused), HUB_BOOL("wrong_total", job->wrong_total));
    }
    hub_integration_unref(end->from);
    free(end);
    if (err) {
        fail(job, "The pull cannot be written down: %s", hub_err_info(err)->text);
    } else {
        hub_crawl__drop(job);
        hub_pull__over(job, NULL);
    }
    hub_agent_release(agent);
}

static void finish(hub_pull_job_t *job)
{
    hub_agent_t *agent = job->pull->agent;
    job->wrong_total = job->has_total && job->total != job->received;
    hub_crawl_end_t *end = malloc(sizeof *end);
    HUB_ASSERT(end);
    *end = (hub_crawl_end_t){.op = {.apply = apply_end, .done = end_done, .reply_to = agent->worker->mailbox},
                             .job = job,
                             .agent = agent,
                             .core = agent->worker->core,
                             .from = hub_integration_ref(agent->integration),
                             .state = job->state,
                             .module = job->row->module,
                             /* P9: something was deleted while we read, so that we may have missed another object */
                             .mark = job->full && !job->shrunk && !job->row->lasts,
                             .since = job->started};
    end->state.last_start = job->started;
    *(job->full ? &end->state.last_full : &end->state.last_delta) = job->started;
    end->state.last_success = hub_now_ms();
    hub_err_t err = hub_store_submit(end->core->store, &end->op);
    if (!err) {
        job->busy = true;
        hub_agent_hold(agent);
        return;
    }
    hub_integration_unref(end->from);
    free(end);
    if (err == HUB_EBUSY)
        hub_pull__wait(job, QUEUE_FULL_MS + hub_jitter(QUEUE_FULL_MS));
    else
        fail(job, "stopped");
}

/* ---- a page has come ---- */

/* A page may come in any order and size, but the same link or the same content twice means that it never ends. */
static uint64_t fingerprint_of(const hub_pull_job_t *job)
{
    uint64_t hash = hub_fingerprint__hash(1, HUB_SLICE_LIT("page"));
    for (size_t i = 0; i < job->count; i++)
        hash = hub_fingerprint__hash(hash, job->texts[i]);
    return hash;
}

static void page_done(hub_pull_job_t *job)
{
    hub_slice_t link = ocpi_link_next(job->page->call.link);
    const hub_endpoint_t *endpoint = hub_integration_endpoint(job->pull->agent->integration, job->row->module, OCPI_SENDER);
    if (!link.len) {
        finish(job);
        return;
    }
    if (job->pages >= PAGES_MOST) {
        fail(job, "The partner's list has more than %u pages", PAGES_MOST);
        return;
    }
    char *next = endpoint ? hub_link__resolve(endpoint->url, hub_slice_str(job->url), link) : NULL;
    if (!next) {
        fail(job, "The partner's next link leads to another host: %.*s", (int)(link.len < 120 ? link.len : 120), link.ptr);
        return;
    }
    free(job->url);
    job->url = next;
    hub_ocpi_call_destroy(job->page);
    job->page = NULL;
    job->tries = 0;
    fetch(job);
}

static bool repeats(hub_pull_job_t *job)
{
    return !hub_fingerprints__add(&job->seen, hub_fingerprint__hash(2, hub_slice_str(job->url))) ||
           !hub_fingerprints__add(&job->seen, fingerprint_of(job));
}

static bool is_null(hub_slice_t text)
{
    return hub_slice_eq_str(hub_slice_trim(text), "null");
}

static void take_elements(hub_pull_job_t *job)
{
    const hub_ocpi_call_t *page = job->page;
    size_t i, n, most = yyjson_arr_size(page->envelope.data);
    yyjson_val *element;
    job->texts = hub_pool_alloc(page->call.pool, (most + 1) * sizeof *job->texts);
    if (hub_page__elements(page->call.answer, job->texts, most) != most) /* an odd spelling of "data" */
        yyjson_arr_foreach(page->envelope.data, i, n, element)
        {
            job->texts[i] = ocpi_write(page->call.pool, element);
        }
    job->count = 0;
    for (i = 0; i < most; i++)
        if (!is_null(job->texts[i]))
            job->texts[job->count++] = job->texts[i];
    job->at = 0;
}

static void count_total(hub_pull_job_t *job)
{
    uint64_t total = 0;
    if (!hub_slice_u64(hub_slice_trim(job->page->call.total_count), &total))
        return;
    job->shrunk = job->shrunk || (job->has_total && total < job->total);
    job->has_total = true;
    job->total = total;
}

static void take_page(hub_pull_job_t *job, hub_ocpi_call_t *page)
{
    page->keep = true;
    job->page = page;
    job->pages++;
    count_total(job);
    take_elements(job);
    job->received += job->count;
    hub_rate_add(&job->received_rate, job->count, hub_now_ms());
    if (repeats(job)) {
        fail(job, "The partner's list never ends: page %u repeats an earlier one", job->pages);
        return;
    }
    if (job->count)
        store_chunk(job);
    else
        page_done(job);
}

/* ---- a page has not come ---- */

static bool worth_another_try(const hub_ocpi_call_t *page)
{
    int http = page->call.http_status;
    if (page->call.err)
        return page->call.err == HUB_EPEER_TIMEOUT || page->call.err == HUB_EPEER_UNREACHABLE;
    return http == 429 || http >= 500 || page->envelope.status_code >= 3000;
}

static void page_failed(hub_pull_job_t *job, const hub_ocpi_call_t *page)
{
    uint64_t seconds = 0, ms = (uint64_t)RETRY_MS << job->tries;
    hub_slice_t message = page->call.err ? page->call.detail : page->envelope.message;
    if (message.len > 120)
        message.len = 120;
    if (worth_another_try(page) && ++job->tries < TRIES_MOST && job->pages) {
        if (hub_slice_u64(hub_slice_trim(page->call.retry_after), &seconds) && seconds < 600 && seconds * 1000 > ms)
            ms = seconds * 1000;
        hub_pull__wait(job, ms + hub_jitter((uint32_t)RETRY_MS));
        return;
    }
    if (page->call.err)
        fail(job, "%s: %.*s", hub_err_info(page->call.err)->text, HUB_SLICE_FMT(message));
    else if (!page->envelope.status_code)
        fail(job, "The partner answered HTTP %d without an OCPI envelope", page->call.http_status);
    else if (page->call.http_status / 100 == 2 && page->envelope.status_code < 2000)
        fail(job, "The partner's answer has no list in data");
    else
        fail(job, "The partner answered HTTP %d, OCPI status %d: %.*s", page->call.http_status, page->envelope.status_code,
             HUB_SLICE_FMT(message));
}

/* Y4: an empty list may be absent or null, as long as nothing else says that there is something. */
static bool has_list(const hub_ocpi_call_t *page)
{
    yyjson_val *data = page->envelope.data;
    hub_slice_t total = hub_slice_trim(page->call.total_count);
    return yyjson_is_arr(data) || ((!data || yyjson_is_null(data)) && (!total.len || hub_slice_eq_str(total, "0")));
}

static void on_page(hub_ocpi_call_t *page)
{
    hub_pull_job_t *job = page->arg;
    hub_agent_t *agent = job->pull->agent;
    job->busy = false;
    if (!hub_pull__may_go_on(job)) {
        fail(job, "stopped");
        return;
    }
    bool answered = page->call.err == HUB_EOK && page->call.http_status / 100 == 2 && page->envelope.status_code / 1000 == 1;
    bool good = answered && has_list(page);
    bool html = page->call.err == HUB_EOK && page->call.http_status / 100 == 2 && !page->envelope.status_code;
    hub_agent_report(agent, html ? HUB_EPEER_PROTOCOL : page->call.err, page->call.http_status, page->envelope.status_code,
                     page->call.err ? page->call.detail : page->envelope.message);
    if (good)
        take_page(job, page);
    else
        page_failed(job, page);
}

static void fetch(hub_pull_job_t *job)
{
    hub_ocpi_call_t *call = hub_ocpi_call_create(job->pull->agent, HUB_GET, hub_slice_str(job->url));
    call->routed = true;
    call->module = job->row->module;
    call->side = OCPI_SENDER;
    call->call.answer_limit = ANSWER_LIMIT;
    call->then = on_page;
    call->arg = job;
    job->busy = true;
    hub_ocpi_call_start(call);
}

/* ---- from outside ---- */

static char *first_url(const hub_pull_job_t *job)
{
    const hub_integration_t *from = job->pull->agent->integration;
    const hub_endpoint_t *endpoint = hub_integration_endpoint(from, job->row->module, OCPI_SENDER);
    char since[OCPI_TIME_MAX + 1];
    hub_buf_t url = HUB_BUF_INIT(NULL);
    hub_buf_add(&url, endpoint->url);
    hub_buf_add_char(&url, endpoint->url.len && memchr(endpoint->url.ptr, '?', endpoint->url.len) ? '&' : '?');
    if (!job->full || job->row->since) {
        /* Whole seconds: some partners do not read fractions. */
        int64_t from_ms = job->full ? 0 : job->state.last_start - OVERLAP_MS;
        hub_slice_t text = hub_slice(since, ocpi_time_format(from_ms - from_ms % 1000, since));
        hub_buf_add_str(&url, "date_from=");
        hub_buf_add_url(&url, text);
        hub_buf_add_char(&url, '&');
    }
    hub_buf_printf(&url, "limit=%u", from->profile.page_limit ? from->profile.page_limit : PAGE_LIMIT);
    hub_buf_add_char(&url, 0);
    return url.ptr; /* on the heap */
}

void hub_crawl__start(hub_pull_job_t *job, bool full)
{
    job->running = true;
    job->full = full || job->row->all || !job->state.last_start;
    job->started = hub_now_ms();
    job->shrunk = job->has_total = job->wrong_total = false;
    job->tries = 0;
    job->pages = 0;
    job->received = job->bad = job->total = 0;
    job->count = job->at = 0;
    job->url = first_url(job);
    fetch(job);
}

void hub_crawl__go_on(hub_pull_job_t *job)
{
    if (!job->page)
        fetch(job);
    else if (job->at < job->count)
        store_chunk(job);
    else
        page_done(job);
}
