/* The bridge in tests: conversions written as JSON with ' for ", and what must hold of every one of them. */
#ifndef TESTS_BRIDGE_FIXTURE_H
#define TESTS_BRIDGE_FIXTURE_H

#include "json.h"

#define V211 OCPI_V2_1_1
#define V221 OCPI_V2_2_1
#define V230 OCPI_V2_3_0

/* What the caller of the bridge knows; tests change it. */
typedef struct knowledge {
    const char *location; /* JSON with ', in version `from`; NULL: unknown */
    const char *named;    /* the only tariff that may be named; NULL: all */
    ocpi_bridge_token_t token;
    bool has_token;
    int64_t now_ms;
    hub_slice_t country, party;
} knowledge_t;

static knowledge_t knowledge;

static inline yyjson_val *know_location(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id)
{
    (void)arg, (void)country, (void)party, (void)id;
    return knowledge.location ? json(knowledge.location) : NULL;
}

static inline bool know_token(void *arg, hub_slice_t auth_id, ocpi_bridge_token_t *out)
{
    (void)arg, (void)auth_id;
    *out = knowledge.token;
    return knowledge.has_token;
}

static inline bool know_tariff(void *arg, hub_slice_t country, hub_slice_t party, hub_slice_t id)
{
    (void)arg, (void)country, (void)party;
    return !knowledge.named || hub_slice_eq_str(id, knowledge.named);
}

typedef struct bridged {
    hub_err_t err;
    hub_slice_t text;
    ocpi_losses_t losses;
} bridged_t;

/* Bridges, and asserts what holds of every conversion: the output fits its version, a refusal has its reason. */
static inline bridged_t bridge_value(ocpi_object_id_t object, ocpi_version_t from, ocpi_version_t to, yyjson_val *root)
{
    bridged_t b;
    ocpi_bridge_t bridge = {.object = object,
                            .from = from,
                            .to = to,
                            .country = knowledge.country.ptr ? knowledge.country : HUB_SLICE_LIT("NL"),
                            .party = knowledge.party.ptr ? knowledge.party : HUB_SLICE_LIT("ABC"),
                            .location = know_location,
                            .token = know_token,
                            .tariff = know_tariff,
                            .now_ms = knowledge.now_ms};
    ocpi_losses_init(&b.losses, pool);
    b.err = ocpi_bridge(pool, root, &bridge, &b.text, &b.losses);
    if (b.err != HUB_EOK) {
        assert_int_equal(b.err, HUB_EINVALID);
        assert_null(b.text.ptr);
        assert_true(b.losses.count > 0);
        assert_int_equal(b.losses.list[b.losses.count - 1].kind, OCPI_LOSS_REFUSED);
    } else {
        ocpi_problems_t problems;
        ocpi_problems_init(&problems, pool);
        ocpi_check_t check = {.object = object, .version = to, .own = true};
        if (!ocpi_check(json_read(b.text), &check, &problems))
            for (uint32_t i = 0; i < problems.count; i++)
                if (problems.list[i].severity == OCPI_ERROR)
                    fail_msg("%s %s to %s: %s at %.*s: %.*s\n%.*s\nfrom %.*s", ocpi_object(object)->name, ocpi_version_name(from),
                             ocpi_version_name(to), problems.list[i].rule, HUB_SLICE_FMT(problems.list[i].pointer),
                             HUB_SLICE_FMT(problems.list[i].message), HUB_SLICE_FMT(b.text), HUB_SLICE_FMT(ocpi_write(pool, root)));
    }
    for (uint32_t i = 0; i < b.losses.count; i++) {
        const ocpi_loss_t *l = &b.losses.list[i];
        assert_true(l->row && l->row[0] && l->pointer.ptr && l->message.len > 0);
        assert_true((l->kind == OCPI_LOSS_REFUSED) == (b.err != HUB_EOK && i == b.losses.count - 1));
    }
    return b;
}

static inline const ocpi_loss_t *loss_at(const bridged_t *b, const char *row, const char *pointer)
{
    for (uint32_t i = 0; i < b->losses.count; i++)
        if (strcmp(b->losses.list[i].row, row) == 0 && hub_slice_eq_str(b->losses.list[i].pointer, pointer))
            return &b->losses.list[i];
    return NULL;
}

static inline hub_slice_t losses_text(const bridged_t *b)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    ocpi_losses_write(&b->losses, &out);
    return hub_buf_slice(&out);
}

/* Each loss as "KIND pointer row", one a line, in their order; "" is none. */
static inline void assert_losses(const bridged_t *b, const char *wanted)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_add_str(&out, "");
    for (uint32_t i = 0; i < b->losses.count; i++)
        hub_buf_printf(&out, "%s%s %.*s %s", i ? "\n" : "", ocpi_loss_kind_name(b->losses.list[i].kind),
                       HUB_SLICE_FMT(b->losses.list[i].pointer), b->losses.list[i].row);
    assert_string_equal(out.len ? hub_pool_str(pool, hub_buf_slice(&out)) : "", wanted);
}

static inline bridged_t bridge_text(ocpi_object_id_t object, ocpi_version_t from, ocpi_version_t to, const char *text)
{
    return bridge_value(object, from, to, json(text));
}

/* text becomes `wanted` with these losses. */
static inline void expect_bridged(ocpi_object_id_t object, ocpi_version_t from, ocpi_version_t to, const char *text, const char *wanted,
                                  const char *losses)
{
    bridged_t b = bridge_text(object, from, to, text);
    if (b.err != HUB_EOK)
        fail_msg("refused: %.*s", HUB_SLICE_FMT(losses_text(&b)));
    assert_json(b.text, wanted);
    assert_losses(&b, losses);
}

static inline void expect_refused(ocpi_object_id_t object, ocpi_version_t from, ocpi_version_t to, const char *text, const char *row,
                                  const char *pointer)
{
    bridged_t b = bridge_text(object, from, to, text);
    if (b.err == HUB_EOK)
        fail_msg("not refused: %.*s", HUB_SLICE_FMT(b.text));
    const ocpi_loss_t *last = &b.losses.list[b.losses.count - 1];
    assert_string_equal(last->row, row);
    assert_slice(last->pointer, pointer);
}

#endif
