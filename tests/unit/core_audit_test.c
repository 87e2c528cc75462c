/* The audit log: masks, numbers, what time takes away; access tokens of a client that asks for too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "access/credential.h"
#include "audit/audit.h"
#include "core_fixture.h"

#define DAY_MS (24ll * 3600 * 1000)
static fixture_t f;
static hub_pool_t *pool;

static int open_all(void **state)
{
    (void)state;
    pool = hub_pool_create();
    fixture_open(&f, "https://hub.example");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    fixture_close(&f);
    hub_pool_destroy(pool);
    return 0;
}

/* ---- before and after ---- */

enum { ROOT, CONNECTION };
enum { R_NAME, R_SECRET, R_URL, R_OWN };
static const hub_setting_t rows[] = {
    HUB_SETTING_ROW(1, ROOT, STRING, NONE, "name", 0, 0, NULL, NULL, NULL),
    HUB_SETTING_ROW(2, CONNECTION, STRING, SECRET, "secret", 0, 0, NULL, NULL, NULL),
    HUB_SETTING_ROW(3, CONNECTION, STRING, NONE, "url", 0, 0, NULL, NULL, NULL),
    HUB_SETTING_ROW(4, ROOT, STRING, OWN, "created", 0, 0, NULL, NULL, NULL),
};
static const hub_setting_group_t groups[] = {{NULL, 0, false}, {"connection", ROOT, false}};
static const char *const none[] = {NULL};
static const hub_setting_table_t table = {rows, HUB_COUNT(rows), groups, HUB_COUNT(groups), none, NULL, NULL};

static void assert_text(hub_slice_t got, const char *want)
{
    assert_string_equal(hub_pool_str(pool, got), want);
}

static void only_what_differs_is_told_and_secrets_are_masked(void **state)
{
    (void)state;
    hub_setting_values_t old = {{HUB_SLICE_NONE}}, now = {{HUB_SLICE_NONE}};
    old.json[R_NAME] = now.json[R_NAME] = HUB_SLICE_LIT("\"same\"");
    old.json[R_SECRET] = HUB_SLICE_LIT("\"v1.sealed-one\"");
    now.json[R_SECRET] = HUB_SLICE_LIT("\"v1.sealed-two\"");
    now.json[R_URL] = HUB_SLICE_LIT("\"https://a.example\"");
    now.json[R_OWN] = HUB_SLICE_LIT("\"2026-01-01T00:00:00Z\"");
    assert_text(hub_audit_diff(pool, &table, &old, &now), "{\"connection.secret\":\"••••\",\"connection.url\":null}");
    assert_text(hub_audit_diff(pool, &table, &now, &old), "{\"connection.secret\":\"••••\",\"connection.url\":\"https://a.example\"}");
    assert_text(hub_audit_diff(pool, &table, &now, NULL),
                "{\"name\":\"same\",\"connection.secret\":\"••••\",\"connection.url\":\"https://a.example\"}");
    assert_text(hub_audit_diff(pool, &table, NULL, &now), "null");
    assert_text(hub_audit_diff(pool, &table, &now, &now), "{}");
    char *large = hub_pool_zalloc(pool, 5001);
    memset(large, 'x', 5000);
    large[0] = large[4999] = '"';
    now.json[R_NAME] = hub_slice(large, 5000);
    assert_text(hub_audit_diff(pool, &table, &now, &old),
                "{\"name\":\"5000 bytes\",\"connection.secret\":\"••••\",\"connection.url\":\"https://a.example\"}");
}

/* ---- the log ---- */

typedef struct job {
    hub_op_t op; /* first */
    hub_err_t (*run)(hub_view_t *view, struct job *job);
    int64_t now;
    unsigned n, count;
} job_t;

static hub_err_t run_job(hub_view_t *view, hub_op_t *op)
{
    return ((job_t *)op)->run(view, (job_t *)op);
}

static unsigned apply(hub_err_t (*run)(hub_view_t *view, job_t *job), int64_t now, unsigned n)
{
    job_t job = {.op.apply = run_job, .run = run, .now = now, .n = n};
    assert_int_equal(hub_store_apply(f.store, &job.op), HUB_EOK);
    return job.count;
}

static hub_err_t put_many(hub_view_t *view, job_t *job)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < job->n && !err; i++) {
        uint64_t number = 0;
        const hub_audit_entry_t entry = {.tenant = 7,
                                         .kind = HUB_AUDIT_CHANGE,
                                         .time = job->now,
                                         .actor = HUB_SLICE_LIT("key:x"),
                                         .action = HUB_SLICE_LIT("update"),
                                         .resource = HUB_SLICE_LIT("/v1/x"),
                                         .method = "PUT",
                                         .more = HUB_SLICE_LIT("\"before\":null")};
        err = hub_audit_put(view, pool, &entry, &number);
        job->count = (unsigned)number;
    }
    return err;
}

static hub_err_t expire(hub_view_t *view, job_t *job)
{
    return hub_audit_expire(f.core, view, job->now, job->n, &job->count);
}

static void numbers_follow_and_the_newest_stays(void **state)
{
    (void)state;
    const int64_t now = 2000 * DAY_MS;
    assert_int_equal(apply(put_many, now - 500 * DAY_MS, 10), 10);
    assert_int_equal(apply(put_many, now - 10 * DAY_MS, 5), 15);
    assert_int_equal(apply(expire, now, 4), 4); /* a little at a time */
    assert_int_equal(apply(expire, now, 100), 6);
    assert_int_equal(apply(expire, now, 100), 0);
    assert_int_equal(apply(expire, now + 1000 * DAY_MS, 100), 4);
    assert_int_equal(apply(put_many, now, 1), 16);
}

static void no_more_than_so_many_entries(void **state)
{
    (void)state;
    const int64_t now = 2000 * DAY_MS;
    apply(put_many, now, 20);
    f.core->config.audit_entries = 8;
    unsigned gone = apply(expire, now, 1000);
    assert_true(gone >= 10);
    assert_int_equal(apply(expire, now, 1000), 0);
    hub_view_t *view;
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    unsigned left = 0;
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    hub_audit_prefix(&prefix, 7, HUB_AUDIT_CHANGE);
    hub_scan_init(&scan, view, HUB_TABLE_AUDIT, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value))
        left++;
    assert_int_equal(hub_scan_finish(&scan), HUB_EOK);
    hub_view_close(view);
    assert_int_equal(left, 8);
}

/* ---- access tokens ---- */

static hub_err_t put_tokens(hub_view_t *view, job_t *job)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < job->n && !err; i++) {
        hub_access_token_t token = {.client = 5, .permissions = 1, .expires = job->now + i};
        hub_sha256(hub_pool_printf(pool, "token %u", i), token.hash);
        err = hub_access_token_put(view, &token);
    }
    return err;
}

static hub_err_t expire_tokens(hub_view_t *view, job_t *job)
{
    return hub_access_token_expire(view, job->now, job->n, &job->count);
}

static void a_client_has_so_many_tokens_and_expired_ones_go(void **state)
{
    (void)state;
    const int64_t now = 1000000;
    apply(put_tokens, now, HUB_ACCESS_TOKENS_MOST + 10); /* the first ten made room */
    assert_int_equal(apply(expire_tokens, now + 9, 1000), 0);
    assert_int_equal(apply(expire_tokens, now + 14, 2), 2);
    assert_int_equal(apply(expire_tokens, now + 14, 1000), 3);
    assert_int_equal(apply(expire_tokens, INT64_MAX, 1000), HUB_ACCESS_TOKENS_MOST - 5);
    hub_view_t *view;
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    assert_false(hub_credential_any(view));
    hub_view_close(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs_is_told_and_secrets_are_masked),
        cmocka_unit_test(numbers_follow_and_the_newest_stays),
        cmocka_unit_test(no_more_than_so_many_entries),
        cmocka_unit_test(a_client_has_so_many_tokens_and_expired_ones_go),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
