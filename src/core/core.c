/* The core and its workers: made at start, woken by commits, stopped at the end. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "access/usage.h"
#include "audit/audit.h"
#include "chore.h"
#include "event/events.h"
#include "face.h"
#include "integration/integration_index.h"
#include "metrics.h"
#include "object/preference.h"
#include "object/projection.h"
#include "sync/agent.h"

#define BODY_LIMIT ((size_t)8 << 20)
#define BULK_LIMIT ((size_t)512 << 20)
#define TOKEN_SECONDS 3600u
#define AUDIT_DAYS 400u
#define AUDIT_ENTRIES 100000u

static hub_slice_t without_trailing_slash(hub_slice_t url)
{
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

hub_err_t hub_core_create(const hub_core_config_t *config, hub_core_t **out, char *made_key)
{
    hub_pool_t *pool = hub_pool_create();
    hub_core_t *core = HUB_POOL_NEW(pool, hub_core_t);
    core->pool = pool;
    core->config = *config;
    core->store = config->store;
    core->crypto = config->crypto;
    core->public_url = hub_pool_copy(pool, without_trailing_slash(config->public_url));
    core->versions_url = hub_pool_printf(pool, "%.*s/ocpi/versions", HUB_SLICE_FMT(core->public_url));
    core->config.public_url = core->public_url;
    core->config.utility_cloud_url = hub_pool_copy(pool, without_trailing_slash(config->utility_cloud_url));
    if (core->config.page_limit == 0)
        core->config.page_limit = HUB_PAGE_LIMIT;
    if (core->config.body_limit == 0)
        core->config.body_limit = BODY_LIMIT;
    if (core->config.bulk_limit == 0)
        core->config.bulk_limit = BULK_LIMIT;
    if (core->config.token_seconds == 0)
        core->config.token_seconds = TOKEN_SECONDS;
    if (core->config.audit_days == 0)
        core->config.audit_days = AUDIT_DAYS;
    if (core->config.audit_entries == 0)
        core->config.audit_entries = AUDIT_ENTRIES;
    HUB_ASSERT(config->workers > 0);
    core->workers = hub_pool_zalloc(pool, config->workers * sizeof *core->workers);
    core->metrics = HUB_POOL_NEW(pool, hub_metrics_t);
    core->openapi = hub_openapi_create(pool);
    hub_sha256(core->config.admin_key, core->admin_hash);
    hub_random(&core->process, sizeof core->process);
    hub_err_t err = hub_key_bootstrap(core, made_key);
    if (!err)
        err = hub_integration_index_open(core);
    if (err) {
        hub_pool_destroy(pool);
        return err;
    }
    core->usages = hub_usages_create();
    *out = core;
    return HUB_EOK;
}

void hub_core_destroy(hub_core_t *core)
{
    if (!core)
        return;
    hub_usages_destroy(core->usages);
    hub_pool_destroy(core->pool);
}

bool hub_core_ready(hub_core_t *core)
{
    return atomic_load(&core->ready) && !atomic_load(&core->stopping);
}

void hub_core_on_commit(hub_core_t *core, uint64_t last_seq)
{
    (void)last_seq;
    unsigned count = atomic_load(&core->worker_count);
    for (unsigned i = 0; i < count; i++) {
        hub_worker_t *worker = core->workers[i];
        if (!atomic_exchange(&worker->commit_posted, true))
            hub_mailbox_post(worker->mailbox, &worker->commit_task);
    }
}

static void on_commit_task(hub_task_t *task)
{
    hub_worker_t *worker = (hub_worker_t *)((char *)task - offsetof(hub_worker_t, commit_task));
    /* Lowered before reading: a commit that comes now posts again. */
    atomic_store(&worker->commit_posted, false);
    if (worker->stopping)
        return;
    hub_agents_commit(worker);
    hub_events_commit(worker);
    hub_preference_commit(worker);
}

hub_worker_t *hub_worker_create(hub_core_t *core, unsigned index, const hub_port_t *port, hub_mailbox_t *mailbox)
{
    hub_worker_t *worker = calloc(1, sizeof *worker);
    HUB_ASSERT(worker && index < core->config.workers);
    worker->core = core;
    worker->index = index;
    worker->port = *port;
    worker->mailbox = mailbox;
    worker->commit_task.run = on_commit_task;
    core->workers[index] = worker;
    return worker;
}

void hub_worker_start(hub_worker_t *worker)
{
    hub_core_t *core = worker->core;
    hub_agents_start(worker);
    if (worker->index == 0)
        hub_chores_start(worker);
    atomic_fetch_add(&core->started, 1);
    /* Commits wake workers only when all of them exist: the count is published by the last one. */
    if (atomic_load(&core->started) == core->config.workers) {
        atomic_store(&core->worker_count, core->config.workers);
        atomic_store(&core->ready, true);
        /* What was committed while they started. */
        hub_core_on_commit(core, 0);
    }
}

bool hub_worker_stop(hub_worker_t *worker)
{
    worker->stopping = true;
    atomic_store(&worker->core->stopping, true);
    hub_events_stop(worker);
    bool done = hub_chores_stop(worker), preferred = hub_preference_stop(worker), told = hub_audit_stop(worker);
    return hub_agents_stop(worker) && done && preferred && told;
}

void hub_worker_destroy(hub_worker_t *worker)
{
    if (!worker)
        return;
    hub_agents_destroy(worker);
    hub_chores_destroy(worker);
    hub_audit_finish(worker);
    hub_integration_cache_destroy(worker->integrations);
    free(worker->seen);
    free(worker);
}

hub_worker_t *hub_worker_home(hub_core_t *core, uint32_t integration)
{
    /* Fibonacci hashing: ids are consecutive, and neighbours should not all meet on one worker by their parity. */
    return core->workers[(uint32_t)(((uint64_t)integration * 2654435769u) >> 16) % core->config.workers];
}
