/* The list of integrations: the index against a model, the lines that the chore makes, a store that has neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core_fixture.h"
#include "face.h"
#include "integration/integration_index.h"
#include "integration/integration_line.h"
#include "integration/integration_setting.h"

#define MOST 64

static fixture_t f;
static hub_pool_t *pool;

static struct model {
    uint32_t id;
    bool gone, disabled, webhook;
} model[MOST];
static unsigned models;

static int open_all(void **state)
{
    (void)state;
    fixture_open(&f, "https://hub.example");
    pool = hub_pool_create();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hub_pool_destroy(pool);
    fixture_close(&f);
    return 0;
}

static hub_slice_t header_of(const hub_exchange_t *x, const char *name)
{
    for (uint32_t i = 0; i < x->reply.header_count; i++)
        if (hub_slice_eq_str(x->reply.headers[i].name, name))
            return hub_pool_copy(pool, x->reply.headers[i].value);
    return HUB_SLICE_NONE;
}

typedef struct answer {
    hub_slice_t body, total, link, timing;
} answer_t;

static int ask(hub_method_t method, const char *path, const char *body, answer_t *answer)
{
    fixture_request_t *request = fixture_request(&f, method, path, hub_slice_str(body));
    request->x.header[HUB_HEADER_API_KEY] = HUB_SLICE_LIT(FIXTURE_ADMIN_KEY);
    hub_exchange_run(&request->x);
    for (int i = 0; i < 5000 && !request->done; i++) {
        (void)hub_mailbox_drain(f.mailbox);
        usleep(500);
    }
    assert_true(request->done);
    int status = request->x.reply.status;
    if (answer)
        *answer = (answer_t){hub_pool_copy(pool, request->x.reply.body), header_of(&request->x, "x-total-count"),
                             header_of(&request->x, "link"), header_of(&request->x, "server-timing")};
    fixture_request_free(request);
    return status;
}

static yyjson_val *root_of(hub_slice_t body)
{
    yyjson_doc *doc;
    assert_int_equal(ocpi_read(pool, body, &doc, NULL), HUB_EOK);
    return yyjson_doc_get_root(doc);
}

static uint32_t make(const char *body)
{
    answer_t answer;
    uint64_t id;
    assert_int_equal(ask(HUB_POST, "/v1/integrations", body, &answer), 201);
    assert_true(hub_slice_u64(ocpi_get_str(root_of(answer.body), "id"), &id));
    return (uint32_t)id;
}

static int on(hub_method_t method, uint32_t id, const char *body)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/integrations/%u", id);
    return ask(method, path, body, NULL);
}

/* ---- against a model ---- */

typedef struct want {
    const char *query;
    bool (*fits)(const struct model *m);
} want_t;

static bool any(const struct model *m)
{
    return !m->gone;
}

static bool webhook(const struct model *m)
{
    return !m->gone && m->webhook;
}

static bool suspended(const struct model *m)
{
    return !m->gone && m->disabled;
}

static bool draft(const struct model *m)
{
    return !m->gone && !m->disabled && m->webhook; /* a Webhook without settings */
}

static bool waiting_ocpi(const struct model *m)
{
    return !m->gone && !m->disabled && !m->webhook;
}

static const want_t wants[] = {{"", any},
                               {"&type=Webhook", webhook},
                               {"&status=SUSPENDED", suspended},
                               {"&status=DRAFT", draft},
                               {"&type=OCPI&status=AWAITING_PARTNER", waiting_ocpi}};

/* The page from `first` on, and its totals; *link: the next one. */
static void check_page(const want_t *want, const answer_t *answer, unsigned first, unsigned limit, unsigned *shown)
{
    unsigned total = 0, at = 0;
    size_t i = 0;
    yyjson_val *list = root_of(answer->body);
    for (unsigned m = 0; m < models; m++) {
        if (!want->fits(&model[m]))
            continue;
        total++;
        if (at++ < first || i == limit)
            continue;
        yyjson_val *item = yyjson_arr_get(list, i++);
        assert_non_null(item);
        uint64_t id;
        assert_true(hub_slice_u64(ocpi_get_str(item, "id"), &id));
        assert_int_equal(id, model[m].id);
    }
    assert_int_equal(yyjson_arr_size(list), i);
    char text[16];
    (void)snprintf(text, sizeof text, "%u", total);
    assert_true(hub_slice_eq_str(answer->total, text));
    *shown = (unsigned)i;
    assert_int_equal(answer->link.len > 0, first + i < total && i > 0);
}

static void check_all(void)
{
    for (size_t w = 0; w < HUB_COUNT(wants); w++) {
        for (unsigned limit = 1; limit <= MOST; limit = limit * 3 + 1) {
            answer_t answer;
            char path[256];
            unsigned first = 0, shown;
            (void)snprintf(path, sizeof path, "/v1/integrations?limit=%u%s", limit, wants[w].query);
            for (;;) { /* by the links … */
                assert_int_equal(ask(HUB_GET, path, "", &answer), 200);
                check_page(&wants[w], &answer, first, limit, &shown);
                first += shown;
                if (!answer.link.len)
                    break;
                hub_slice_t rest = hub_slice(answer.link.ptr + 20, answer.link.len - 20), target; /* <https://hub.example */
                assert_true(hub_slice_split(&rest, '>', &target));
                (void)snprintf(path, sizeof path, "%.*s", HUB_SLICE_FMT(target));
            }
            for (first = 0; first < models; first += 7) { /* … and by offset */
                (void)snprintf(path, sizeof path, "/v1/integrations?offset=%u&limit=%u%s", first, limit, wants[w].query);
                assert_int_equal(ask(HUB_GET, path, "", &answer), 200);
                check_page(&wants[w], &answer, first, limit, &shown);
            }
        }
        hub_pool_clear(pool);
    }
}

static hub_err_t jump(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    uint64_t id = 0;
    hub_err_t err = HUB_EOK;
    while (!err && id < 1010)
        err = hub_view_next_id(view, "integration", &id);
    return err;
}

/* Ids on both sides of the end of a block of the index. */
static void like_the_model(void **state)
{
    (void)state;
    hub_op_t op = {.apply = jump};
    assert_int_equal(hub_store_apply(f.store, &op), HUB_EOK);
    for (unsigned i = 0; i < 40; i++) {
        bool hook = i % 3 == 0;
        model[models++] =
            (struct model){.webhook = hook,
                           .id = make(hook ? "{\"integrationName\":\"w\",\"integrationType\":\"Webhook\"}"
                                           : "{\"integrationName\":\"o\",\"ocpiConnection\":{\"initialRole\":\"RECEIVER\"}}")};
    }
    assert_true(model[0].id < 1024 && model[models - 1].id > 1024);
    check_all();
    unsigned seed = 7;
    for (unsigned i = 0; i < 60; i++) {
        seed = seed * 1103515245u + 12345u;
        struct model *m = &model[(seed >> 16) % models];
        if (m->gone)
            continue;
        if (seed >> 30 == 0) {
            assert_int_equal(on(HUB_DELETE, m->id, ""), 204);
            m->gone = true;
        } else {
            m->disabled = !m->disabled;
            assert_int_equal(on(HUB_PATCH, m->id, m->disabled ? "{\"enabled\":false}" : "{\"enabled\":null}"), 204);
        }
    }
    check_all();
}

/* ---- a store that has no index ---- */

static hub_err_t forget(hub_view_t *view, hub_op_t *op)
{
    (void)op;
    hub_key_t prefix, one;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_err_t err = HUB_EOK;
    hub_key_init(&prefix);
    hub_key_u8(&prefix, 'N');
    hub_scan_init(&scan, view, HUB_TABLE_REFERENCE, &prefix, NULL, false);
    while (!err && hub_scan_next(&scan, &key, &value)) {
        hub_key_init(&one);
        hub_key_bytes(&one, key);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &one);
    }
    hub_err_t ended = hub_scan_finish(&scan);
    return err ? err : ended;
}

static void of_an_older_store(void **state)
{
    (void)state;
    answer_t answer;
    hub_op_t op = {.apply = forget};
    assert_int_equal(hub_store_apply(f.store, &op), HUB_EOK);
    assert_int_equal(ask(HUB_GET, "/v1/integrations", "", &answer), 200);
    assert_true(hub_slice_eq_str(answer.total, "0"));
    fixture_stop(&f);
    fixture_start(&f, "https://hub.example");
    check_all();
}

/* ---- lines ---- */

static bool has_line(uint32_t id)
{
    hub_view_t *view;
    hub_key_t key;
    hub_slice_t line;
    assert_int_equal(hub_view_open(f.store, &view), HUB_EOK);
    hub_integration_key(&key, HUB_TENANT_DEFAULT, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION_LINE, &key, &line);
    hub_view_close(view);
    return err == HUB_EOK;
}

static void work(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        (void)fixture_fire(&f, 500);
        usleep(20000);
        (void)hub_mailbox_drain(f.mailbox);
    }
}

static bool shows(uint32_t id, const char *what)
{
    answer_t answer;
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/integrations?after=%u&limit=1", id - 1);
    assert_int_equal(ask(HUB_GET, path, "", &answer), 200);
    return memmem(answer.body.ptr, answer.body.len, what, strlen(what)) != NULL;
}

static void lines_are_made_and_never_old(void **state)
{
    (void)state;
    uint32_t id = make("{\"integrationName\":\"first name\",\"integrationType\":\"Webhook\","
                       "\"settings\":{\"secret\":\"whsec_c2VjcmV0LW9mLTI0LWJ5dGVzLWxvbmch\"}}");
    work(3);
    assert_false(has_line(id)); /* just changed: may be changed again */
    assert_true(shows(id, "first name"));
    usleep(1100000);
    answer_t before, after;
    assert_int_equal(ask(HUB_GET, "/v1/integrations", "", &before), 200);
    work(20);
    assert_true(has_line(id));
    assert_int_equal(ask(HUB_GET, "/v1/integrations", "", &after), 200);
    assert_true(hub_slice_eq(before.body, after.body));
    assert_true(shows(id, "\"secret\":\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"));
    assert_false(shows(id, "c2VjcmV0"));
    assert_int_equal(on(HUB_PATCH, id, "{\"integrationName\":\"second name\"}"), 204); /* the settings move on … */
    assert_true(shows(id, "second name"));
    usleep(1100000);
    work(20);
    assert_int_equal(on(HUB_POST, id, ""), 405);
    assert_int_equal(on(HUB_PATCH, id, "{\"settings\":{\"url\":\"https://hooks.example/in\"}}"),
                     204); /* … and the registration with them */
    assert_false(shows(id, "\"integrationStatus\":\"DRAFT\",\"statusDescription\":null"));
    assert_true(shows(id, "hooks.example"));
    assert_int_equal(on(HUB_DELETE, id, ""), 204);
    assert_false(has_line(id));
    assert_false(shows(id, "second name"));
}

static void of_another_process_are_void(void **state)
{
    (void)state;
    uint32_t id = make("{\"integrationName\":\"kept\",\"integrationType\":\"Webhook\"}");
    usleep(1100000);
    work(20);
    assert_true(has_line(id));
    uint64_t process = f.core->process;
    fixture_stop(&f);
    fixture_start(&f, "https://hub.example");
    assert_true(f.core->process != process);
    assert_true(shows(id, "kept"));
    work(20);
    assert_true(shows(id, "kept"));
}

static void tell_how_long_it_took(void **state)
{
    (void)state;
    answer_t answer;
    assert_int_equal(ask(HUB_GET, "/v1/integrations?limit=1", "", &answer), 200);
    assert_true(hub_slice_starts(answer.timing, HUB_SLICE_LIT("hub;dur=")) && answer.timing.len >= 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_the_model),
        cmocka_unit_test(of_an_older_store),
        cmocka_unit_test(lines_are_made_and_never_old),
        cmocka_unit_test(of_another_process_are_void),
        cmocka_unit_test(tell_how_long_it_took),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
