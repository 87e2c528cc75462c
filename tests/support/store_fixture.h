/* A store in a directory of its own for unit tests: open, apply a function, close, remove. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/store.h"

typedef struct fixture {
    char path[256];
    hub_store_config_t config;
    hub_store_t *store;
    hub_pool_t *pool;
} fixture_t;

static inline void fixture_remove(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static inline void fixture_reopen(fixture_t *f)
{
    hub_slice_t why = HUB_SLICE_NONE;
    hub_store_close(f->store);
    f->store = NULL;
    hub_err_t err = hub_store_open(&f->config, &f->store, f->pool, &why);
    if (err)
        fail_msg("%.*s", HUB_SLICE_FMT(why));
}

static inline void fixture_open(fixture_t *f, hub_store_config_t config)
{
    const char *base = getenv("TMPDIR");
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/store-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(f->path));
    f->pool = hub_pool_create();
    f->config = config;
    f->config.path = f->path;
    if (!f->config.map_size)
        f->config.map_size = (size_t)256 << 20;
    fixture_reopen(f);
}

static inline void fixture_close(fixture_t *f)
{
    hub_store_close(f->store);
    hub_pool_destroy(f->pool);
    fixture_remove(f->path);
}

/* Runs on the store thread, where cmocka's assertions cannot jump back: HUB_ASSERT inside. */
typedef hub_err_t fixture_apply_t(hub_view_t *view, void *arg);
typedef struct fixture_op {
    hub_op_t op;
    fixture_apply_t *apply;
    void *arg;
} fixture_op_t;

static inline hub_err_t fixture_op_apply(hub_view_t *view, hub_op_t *op)
{
    fixture_op_t *own = (fixture_op_t *)op;
    return own->apply(view, own->arg);
}

static inline hub_err_t fixture_apply(fixture_t *f, fixture_apply_t *apply, void *arg)
{
    fixture_op_t op = {{.apply = fixture_op_apply}, apply, arg};
    return hub_store_apply(f->store, &op.op);
}

static inline hub_view_t *fixture_view(fixture_t *f)
{
    hub_view_t *view;
    assert_int_equal(hub_view_open(f->store, &view), HUB_EOK);
    return view;
}

static inline void fixture_verify(fixture_t *f)
{
    hub_buf_t report = HUB_BUF_INIT(f->pool);
    if (hub_store_verify(f->store, &report))
        fail_msg("%.*s", HUB_SLICE_FMT(hub_buf_slice(&report)));
}

static inline hub_object_id_t fixture_id(uint32_t scope, uint8_t module, const char *id)
{
    return (hub_object_id_t){.tenant = 1,
                             .scope = scope,
                             .module = module,
                             .country = HUB_SLICE_LIT("DE"),
                             .party = HUB_SLICE_LIT("ABC"),
                             .id = hub_slice_str(id)};
}

#define assert_slice(s, text) assert_true(hub_slice_eq_str((s), (text)))

#endif
