/* The agents of a worker: the table, loading, following changes, tasks from other workers. What the calls say about the peer: health.c. */
#include "agent.h"

#include <stdlib.h>
#include <string.h>

#include "access/tenant.h"
#include "connector/connector.h"

#define BUCKETS_FIRST 64u

/* The change stream of a tenant's integrations, as far as read. */
typedef struct hub_agents_tenant {
    uint32_t tenant;
    uint64_t seen;
} hub_agents_tenant_t;

struct hub_agents {
    hub_agent_t **buckets;
    uint32_t bucket_count, count;
    uint64_t seen; /* the store's sequence at the last look */
    hub_agents_tenant_t *tenants;
    uint32_t tenant_count;
    hub_agent_t *gone; /* deleted integrations that wait for their last call */
    bool ended;
};

/* ---- the table ---- */

static hub_agent_t **slot_of(struct hub_agents *agents, uint32_t id)
{
    return &agents->buckets[(id * 2654435769u) & (agents->bucket_count - 1)];
}

static void grow(struct hub_agents *agents)
{
    hub_agent_t **old = agents->buckets;
    uint32_t count = agents->bucket_count;
    agents->bucket_count = count ? count * 2 : BUCKETS_FIRST;
    agents->buckets = calloc(agents->bucket_count, sizeof(hub_agent_t *));
    HUB_ASSERT(agents->buckets);
    for (uint32_t i = 0; i < count; i++)
        for (hub_agent_t *agent = old[i], *next; agent; agent = next) {
            next = agent->next;
            agent->next = *slot_of(agents, agent->id);
            *slot_of(agents, agent->id) = agent;
        }
    free(old);
}

static hub_agent_t *look_up(hub_worker_t *worker, uint32_t tenant, uint32_t id)
{
    struct hub_agents *agents = worker->agents;
    if (!agents || !agents->bucket_count)
        return NULL;
    hub_agent_t *agent = *slot_of(agents, id);
    while (agent && (agent->id != id || agent->tenant != tenant))
        agent = agent->next;
    return agent;
}

static hub_agent_t *add(hub_worker_t *worker, uint32_t tenant, uint32_t id)
{
    struct hub_agents *agents = worker->agents;
    if (agents->count >= agents->bucket_count)
        grow(agents);
    hub_agent_t *agent = calloc(1, sizeof *agent);
    HUB_ASSERT(agent);
    agent->worker = worker;
    agent->tenant = tenant;
    agent->id = id;
    agent->next = *slot_of(agents, id);
    *slot_of(agents, id) = agent;
    agents->count++;
    return agent;
}

static void free_agent(hub_agent_t *agent)
{
    hub_integration_unref(agent->integration);
    free(agent);
}

static void unlink_from(hub_agent_t **list, hub_agent_t *agent)
{
    while (*list && *list != agent)
        list = &(*list)->next;
    if (*list)
        *list = agent->next;
}

static void end(hub_agent_t *agent)
{
    hub_handshake_end(agent);
    hub_push_end(agent);
    hub_pull_end(agent);
    hub_connector_end(agent);
    hub_agent_cancel_calls(agent);
}

static void drop(hub_agent_t *agent)
{
    struct hub_agents *agents = agent->worker->agents;
    unlink_from(slot_of(agents, agent->id), agent);
    agents->count--;
    agent->gone = true;
    agent->next = agents->gone;
    agents->gone = agent;
    hub_agent_hold(agent);
    end(agent);
    hub_agent_release(agent);
}

void hub_agent_hold(hub_agent_t *agent)
{
    agent->holds++;
}

void hub_agent_release(hub_agent_t *agent)
{
    HUB_ASSERT(agent->holds > 0);
    agent->holds--;
    if (!agent->gone || agent->holds || agent->calls)
        return;
    unlink_from(&agent->worker->agents->gone, agent);
    free_agent(agent);
}

bool hub_agent_may_call(const hub_agent_t *agent)
{
    const hub_integration_t *to = agent->integration;
    if (agent->gone || agent->worker->stopping)
        return false;
    return to->connector ? to->connector->active : !agent->unauthorized && to->enabled && to->authorized;
}

/* ---- calls ---- */

void hub_agent_call(hub_agent_t *agent, hub_calling_t *calling, hub_call_t *call)
{
    hub_worker_t *worker = agent->worker;
    calling->call = call;
    calling->next = agent->call_list;
    calling->prev = &agent->call_list;
    if (calling->next)
        calling->next->prev = &calling->next;
    agent->call_list = calling;
    agent->calls++;
    worker->port.call(worker->port.self, call);
    if (worker->stopping || agent->gone)
        worker->port.call_cancel(worker->port.self, call);
}

void hub_agent_called(hub_agent_t *agent, hub_calling_t *calling)
{
    *calling->prev = calling->next;
    if (calling->next)
        calling->next->prev = calling->prev;
    agent->calls--;
}

void hub_agent_cancel_calls(hub_agent_t *agent)
{
    hub_worker_t *worker = agent->worker;
    for (hub_calling_t *calling = agent->call_list, *next; calling; calling = next) {
        next = calling->next;
        worker->port.call_cancel(worker->port.self, calling->call);
    }
}

/* ---- following changes ---- */

typedef struct hub_loaded { /* collected while the view is open, followed after it was closed */
    uint32_t tenant, id;
    hub_integration_t *integration; /* NULL: deleted */
} hub_loaded_t;

typedef struct hub_loading {
    hub_worker_t *worker;
    hub_view_t *view;
    hub_loaded_t *list;
    uint32_t count, capacity;
    hub_err_t err;
} hub_loading_t;

/* Settings of an integration that is not registered start nothing by themselves (what they ask for is written into the registration), so
 * decoding them can wait. */
static bool can_wait(const hub_loading_t *loading, hub_agent_t *agent)
{
    uint64_t registration;
    if (!agent || agent->integration->authorized || agent->integration->connector || agent->handshake || agent->calls || agent->holds)
        return false;
    hub_err_t err = hub_integration_registration_version(loading->view, agent->tenant, agent->id, &registration);
    return err == HUB_EOK && registration == agent->integration->registration_version;
}

static bool load(hub_loading_t *loading, uint32_t tenant, uint32_t id)
{
    hub_worker_t *worker = loading->worker;
    if (hub_worker_home(worker->core, id) != worker)
        return true;
    hub_agent_t *agent = look_up(worker, tenant, id);
    if (can_wait(loading, agent)) {
        agent->behind = true;
        return true;
    }
    hub_integration_t *integration = NULL;
    hub_err_t err = hub_integration_get(worker, loading->view, tenant, id, &integration);
    if (err && err != HUB_ENOT_FOUND) {
        hub_log(HUB_ERROR, "agent.load", HUB_INT("integration", id), HUB_STR("error", hub_err_info(err)->name));
        loading->err = err;
        return true;
    }
    if (loading->count == loading->capacity) {
        loading->capacity = loading->capacity ? loading->capacity * 2 : 16;
        loading->list = realloc(loading->list, loading->capacity * sizeof *loading->list);
        HUB_ASSERT(loading->list);
    }
    loading->list[loading->count++] = (hub_loaded_t){tenant, id, integration};
    return true;
}

static void follow(hub_agent_t *agent, hub_integration_t *integration)
{
    hub_integration_t *old = agent->integration;
    agent->integration = integration;
    agent->behind = false;
    if (old && (!hub_slice_eq(old->their_token, integration->their_token) ||
                (old->status == HUB_STATUS_FAILED && integration->status != HUB_STATUS_FAILED)))
        agent->unauthorized = false;
    hub_handshake_follow(agent, old);
    hub_push_follow(agent, old);
    hub_pull_follow(agent, old);
    hub_connector_follow(agent, old);
    hub_agent_judge(agent);
    hub_integration_unref(old);
}

static void follow_one(hub_worker_t *worker, hub_loaded_t *loaded)
{
    hub_agent_t *agent = look_up(worker, loaded->tenant, loaded->id);
    hub_integration_t *now = loaded->integration;
    if (!now) {
        if (agent)
            drop(agent);
        return;
    }
    if (!agent)
        agent = add(worker, loaded->tenant, loaded->id);
    else if (agent->integration->version == now->version && agent->integration->registration_version == now->registration_version) {
        hub_integration_unref(now);
        return;
    }
    follow(agent, now);
}

/* What could wait is read now. */
static void catch_up(hub_agent_t *agent)
{
    hub_view_t *view;
    hub_integration_t *integration = NULL;
    if (hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return;
    hub_err_t err = hub_integration_get(agent->worker, view, agent->tenant, agent->id, &integration);
    hub_view_close(view);
    if (err == HUB_EOK)
        follow(agent, integration);
}

hub_agent_t *hub_agent_find(hub_worker_t *worker, uint32_t tenant, uint32_t id)
{
    hub_agent_t *agent = look_up(worker, tenant, id);
    if (agent && agent->behind)
        catch_up(agent);
    return agent;
}

static void follow_all(hub_loading_t *loading)
{
    for (uint32_t i = 0; i < loading->count; i++)
        follow_one(loading->worker, &loading->list[i]);
    free(loading->list);
}

static hub_agents_tenant_t *tenant_of(struct hub_agents *agents, uint32_t tenant)
{
    for (uint32_t i = 0; i < agents->tenant_count; i++)
        if (agents->tenants[i].tenant == tenant)
            return &agents->tenants[i];
    agents->tenants = realloc(agents->tenants, (agents->tenant_count + 1) * sizeof *agents->tenants);
    HUB_ASSERT(agents->tenants);
    agents->tenants[agents->tenant_count] = (hub_agents_tenant_t){tenant, agents->seen};
    return &agents->tenants[agents->tenant_count++];
}

static bool visit_at_start(void *arg, uint32_t tenant, uint32_t id)
{
    return load(arg, tenant, id);
}

void hub_agents_start(hub_worker_t *worker)
{
    struct hub_agents *agents = calloc(1, sizeof *agents);
    HUB_ASSERT(agents);
    worker->agents = agents;
    grow(agents);
    /* Taken before the view: what is committed meanwhile is read twice rather than never. */
    agents->seen = hub_store_seq(worker->core->store);
    hub_loading_t loading = {.worker = worker};
    hub_err_t err = hub_view_open(worker->core->store, &loading.view);
    if (err == HUB_EOK) {
        for (uint32_t last = hub_tenant_last(loading.view), tenant = HUB_TENANT_DEFAULT; tenant <= last; tenant++)
            tenant_of(agents, tenant);
        err = hub_integration_each(loading.view, 0, visit_at_start, &loading);
        hub_view_close(loading.view);
    }
    if (err)
        hub_log(HUB_ERROR, "agent.start", HUB_STR("error", hub_err_info(err)->name));
    follow_all(&loading);
}

/* The key of an integration's change entry is the one of its record: u32 tenant, u32 id, big-endian. */
static bool parse_key(hub_slice_t key, uint32_t *tenant, uint32_t *id)
{
    if (key.len != 8)
        return false;
    *tenant = hub_u32_at(key.ptr);
    *id = hub_u32_at(key.ptr + 4);
    return true;
}

static void read_changes(hub_loading_t *loading, hub_agents_tenant_t *tenant)
{
    hub_stream_t stream = {.tenant = tenant->tenant, .kind = HUB_STREAM_OWN, .module = HUB_MODULE_INTEGRATION};
    hub_change_scan_t scan;
    hub_change_t change;
    uint64_t seen = tenant->seen;
    hub_change_scan_init(&scan, loading->view, &stream, tenant->seen);
    while (hub_change_scan_next(&scan, &change)) {
        uint32_t tenant_id, id;
        seen = change.seq;
        if (parse_key(change.key, &tenant_id, &id))
            load(loading, tenant_id, id);
    }
    if (hub_change_scan_finish(&scan) == HUB_EOK && !loading->err)
        tenant->seen = seen;
}

void hub_agents_commit(hub_worker_t *worker)
{
    struct hub_agents *agents = worker->agents;
    uint64_t seq = hub_store_seq(worker->core->store);
    if (!agents || agents->ended || seq == agents->seen)
        return;
    hub_loading_t loading = {.worker = worker};
    if (hub_view_open(worker->core->store, &loading.view) != HUB_EOK)
        return;
    for (uint32_t last = hub_tenant_last(loading.view), tenant = agents->tenant_count + 1; tenant <= last; tenant++)
        tenant_of(agents, tenant); /* it has just come into being: nothing of it was missed */
    for (uint32_t i = 0; i < agents->tenant_count; i++)
        read_changes(&loading, &agents->tenants[i]);
    uint64_t after = agents->seen;
    agents->seen = seq;
    hub_view_close(loading.view);
    follow_all(&loading);
    hub_agents_wake(worker, after);
}

void hub_agents_each(hub_worker_t *worker, void (*visit)(hub_agent_t *agent, void *arg), void *arg)
{
    struct hub_agents *agents = worker->agents;
    for (uint32_t i = 0; i < agents->bucket_count; i++)
        for (hub_agent_t *agent = agents->buckets[i], *next; agent; agent = next) {
            next = agent->next;
            visit(agent, arg);
        }
}

/* ---- the end ---- */

static void end_one(hub_agent_t *agent, void *arg)
{
    (void)arg;
    end(agent);
}

static void count_work(hub_agent_t *agent, void *arg)
{
    *(unsigned *)arg += agent->calls + agent->holds;
}

bool hub_agents_stop(hub_worker_t *worker)
{
    struct hub_agents *agents = worker->agents;
    if (!agents)
        return true;
    if (!agents->ended) {
        agents->ended = true;
        hub_agents_each(worker, end_one, NULL);
    }
    unsigned work = 0;
    hub_agents_each(worker, count_work, &work);
    for (hub_agent_t *agent = agents->gone; agent; agent = agent->next)
        count_work(agent, &work);
    return work == 0;
}

static void free_list(hub_agent_t *agent)
{
    for (hub_agent_t *next; agent; agent = next) {
        next = agent->next;
        free_agent(agent);
    }
}

void hub_agents_destroy(hub_worker_t *worker)
{
    struct hub_agents *agents = worker->agents;
    if (!agents)
        return;
    for (uint32_t i = 0; i < agents->bucket_count; i++)
        free_list(agents->buckets[i]);
    free_list(agents->gone);
    free(agents->buckets);
    free(agents->tenants);
    free(agents);
    worker->agents = NULL;
}

/* ---- tasks from other workers ---- */

static void run_task(hub_task_t *posted)
{
    hub_agent_task_t *task = (hub_agent_task_t *)posted;
    hub_worker_t *home = hub_worker_home(task->core, task->integration);
    /* The commit that the poster has seen may not have been looked at here. */
    hub_agents_commit(home);
    task->run(task, hub_agent_find(home, task->tenant, task->integration));
}

void hub_agent_post(hub_core_t *core, hub_agent_task_t *task)
{
    task->core = core;
    task->task.run = run_task;
    hub_mailbox_post(hub_worker_home(core, task->integration)->mailbox, &task->task);
}
