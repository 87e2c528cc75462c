/* What a pull remembers over a restart: JSON in table CURSOR under u8 'L', u32 integration, u8 module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crawl.h"

void hub_pull_reader(hub_key_t *key, uint32_t integration, ocpi_module_t module)
{
    hub_key_init(key);
    hub_key_u8(key, 'L');
    hub_key_u32(key, integration);
    hub_key_u8(key, (uint8_t)module);
}

static const struct {
    const char *name;
    size_t offset;
} times[] = {
    {"lastFull", offsetof(hub_pull_state_t, last_full)},        {"lastDelta", offsetof(hub_pull_state_t, last_delta)},
    {"lastStart", offsetof(hub_pull_state_t, last_start)},      {"lastSuccess", offsetof(hub_pull_state_t, last_success)},
    {"lastErrorAt", offsetof(hub_pull_state_t, last_error_at)},
};

static int64_t *time_at(hub_pull_state_t *state, size_t i)
{
    return (int64_t *)(void *)((char *)state + times[i].offset);
}

static void copy(char *to, size_t size, hub_slice_t from)
{
    snprintf(to, size, "%.*s", HUB_SLICE_FMT(from));
}

void hub_pull__load(hub_pull_job_t *job, hub_view_t *view)
{
    hub_key_t key;
    hub_slice_t value;
    yyjson_doc *doc;
    hub_pull_reader(&key, job->pull->agent->id, job->row->module);
    memset(&job->state, 0, sizeof job->state);
    job->loaded = true;
    if (hub_view_get(view, HUB_TABLE_CURSOR, &key, &value) != HUB_EOK)
        return;
    hub_pool_t *pool = hub_pool_create();
    if (ocpi_read(pool, value, &doc, NULL) == HUB_EOK) {
        yyjson_val *root = yyjson_doc_get_root(doc);
        for (size_t i = 0; i < HUB_COUNT(times); i++) {
            uint64_t ms = 0;
            if (hub_slice_u64(ocpi_get_str(root, times[i].name), &ms))
                *time_at(&job->state, i) = (int64_t)ms;
        }
        copy(job->state.last_error, sizeof job->state.last_error, ocpi_get_str(root, "lastError"));
        copy(job->state.alert, sizeof job->state.alert, ocpi_get_str(root, "alert"));
    }
    hub_pool_destroy(pool);
}

hub_err_t hub_pull__put(hub_view_t *view, uint32_t integration, ocpi_module_t module, const hub_pull_state_t *state)
{
    hub_key_t key;
    hub_slice_t value;
    hub_pull_state_t copied = *state;
    hub_buf_t out = HUB_BUF_INIT(NULL);
    hub_buf_add_char(&out, '{');
    for (size_t i = 0; i < HUB_COUNT(times); i++)
        hub_buf_printf(&out, "\"%s\":%lld,", times[i].name, (long long)*time_at(&copied, i));
    hub_buf_add_str(&out, "\"lastError\":");
    hub_buf_add_json(&out, hub_slice_str(state->last_error));
    hub_buf_add_str(&out, ",\"alert\":");
    hub_buf_add_json(&out, hub_slice_str(state->alert));
    hub_buf_add_char(&out, '}');
    hub_pull_reader(&key, integration, module);
    value = hub_buf_slice(&out);
    hub_err_t err = hub_view_put(view, HUB_TABLE_CURSOR, &key, value);
    hub_buf_finish(&out);
    return err;
}

typedef struct hub_pull_save {
    hub_op_t op; /* first */
    hub_agent_t *agent;
    uint32_t tenant, id;
    ocpi_module_t module;
    hub_pull_state_t state;
} hub_pull_save_t;

static hub_err_t apply(hub_view_t *view, hub_op_t *op)
{
    const hub_pull_save_t *save = (hub_pull_save_t *)op;
    hub_key_t key;
    hub_slice_t value;
    hub_integration_key(&key, save->tenant, save->id);
    if (hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &value) != HUB_EOK)
        return HUB_EOK; /* deleted meanwhile */
    return hub_pull__put(view, save->id, save->module, &save->state);
}

static void saved(hub_op_t *op)
{
    hub_agent_t *agent = ((hub_pull_save_t *)op)->agent;
    free(op);
    hub_agent_release(agent);
}

void hub_pull__save(hub_pull_job_t *job)
{
    hub_agent_t *agent = job->pull->agent;
    hub_pull_save_t *save = malloc(sizeof *save);
    HUB_ASSERT(save);
    *save = (hub_pull_save_t){.op = {.apply = apply, .done = saved, .reply_to = agent->worker->mailbox},
                              .agent = agent,
                              .tenant = agent->tenant,
                              .id = agent->id,
                              .module = job->row->module,
                              .state = job->state};
    if (hub_store_submit(agent->worker->core->store, &save->op) != HUB_EOK)
        free(save); /* what it says is only for people: the next one says it again */
    else
        hub_agent_hold(agent);
}

hub_err_t hub_pull_forget(hub_view_t *view, uint32_t integration)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_PULL_ROWS && (err == HUB_EOK || err == HUB_ENOT_FOUND); i++) {
        hub_key_t key;
        hub_pull_reader(&key, integration, hub_pull_rows[i].module);
        err = hub_view_delete(view, HUB_TABLE_CURSOR, &key);
    }
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

bool hub_pull__remembered(const hub_agent_t *agent)
{
    hub_key_t key;
    hub_slice_t state;
    hub_view_t *view;
    bool found = false;
    if (hub_view_open(agent->worker->core->store, &view) != HUB_EOK)
        return false;
    for (unsigned i = 0; i < HUB_PULL_ROWS && !found; i++) {
        hub_pull_reader(&key, agent->id, hub_pull_rows[i].module);
        found = hub_view_get(view, HUB_TABLE_CURSOR, &key, &state) == HUB_EOK;
    }
    hub_view_close(view);
    return found;
}
