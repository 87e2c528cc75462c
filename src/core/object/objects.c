/* The one place where an OCPI object is stored, from every door: own over /v1, received by push and by pull. */
#include "objects.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "object.h"

static const hub_objects_row_t rows[] = {
#define HUB_OBJECTS(module, object, level1, level2, id, unknown, traits, methods, settle, audiences, check, follow, remove)                \
    {OCPI_MODULE_##module,                                                                                                                 \
     {OCPI_OBJECT_##object, OCPI_OBJECT_##level1, OCPI_OBJECT_##level2},                                                                   \
     id,                                                                                                                                   \
     HUB_E##unknown,                                                                                                                       \
     traits,                                                                                                                               \
     methods,                                                                                                                              \
     settle,                                                                                                                               \
     audiences,                                                                                                                            \
     check,                                                                                                                                \
     follow,                                                                                                                               \
     remove},
#include "module.def"
#undef HUB_OBJECTS
};

const hub_objects_row_t *hub_objects__row(ocpi_module_t module)
{
    for (size_t i = 0; i < HUB_COUNT(rows); i++)
        if (rows[i].module == module)
            return &rows[i];
    return NULL;
}

uint32_t hub_objects__names(const hub_objects_row_t *row, const char *names[4])
{
    names[0] = "country_code";
    names[1] = "party_id";
    names[2] = row->id;
    names[3] = "type";
    return row->traits & HUB_TRAIT_TYPED ? 4 : 3;
}

bool hub_objects_refused(hub_err_t err)
{
    switch (err) {
    case HUB_EMALFORMED:
    case HUB_EINVALID:
    case HUB_ENOT_FOUND:
    case HUB_EUNKNOWN_LOCATION:
    case HUB_EUNKNOWN_TOKEN:
    case HUB_ECONFLICT:
        return true;
    default:
        return false;
    }
}

hub_err_t hub_objects__written(hub_err_t err)
{
    return hub_objects_refused(err) ? HUB_EINTERNAL : err;
}

hub_err_t hub_objects__refuse(hub_incoming_t *in, hub_slice_t pointer, const char *rule, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ocpi_problem_add(&in->problems, OCPI_ERROR, pointer, rule, "%s", text);
    return HUB_EINVALID;
}

hub_slice_t hub_objects_explain(hub_pool_t *pool, const ocpi_problems_t *problems)
{
    for (uint32_t i = 0; i < problems->count; i++) {
        const ocpi_problem_t *p = &problems->list[i];
        if (p->severity != OCPI_ERROR)
            continue;
        hub_slice_t more = problems->errors > 1 ? hub_pool_printf(pool, " (and %u more)", problems->errors - 1) : HUB_SLICE_NONE;
        return hub_pool_printf(pool, "%.*s: %s: %.*s%.*s", HUB_SLICE_FMT(p->pointer.len ? p->pointer : HUB_SLICE_LIT("/")), p->rule,
                               HUB_SLICE_FMT(p->message), HUB_SLICE_FMT(more));
    }
    return HUB_SLICE_NONE;
}

yyjson_val *hub_objects__read(hub_pool_t *pool, hub_slice_t text)
{
    yyjson_doc *doc;
    return ocpi_read(pool, text, &doc, NULL) == HUB_EOK ? yyjson_doc_get_root(doc) : NULL;
}

/* ---- prepare: what needs no stored state ---- */

static unsigned level_of(const hub_incoming_t *in)
{
    return in->connector_id.len ? 2 : in->evse_uid.len ? 1 : 0;
}

/* The members that name the object (or level of it), and where the URL says the same. */
typedef struct identity {
    const char *name;
    hub_slice_t *url;
    const char *rule;
} identity_t;

static size_t identities(hub_incoming_t *in, identity_t out[4])
{
    hub_slice_t *const urls[] = {&in->country, &in->party, &in->id, &in->type};
    static const char *const rules[] = {"O2", "O2", "O3", "K2"};
    const char *names[4];
    switch (level_of(in)) {
    case 1:
        out[0] = (identity_t){"uid", &in->evse_uid, "O3"};
        return 1;
    case 2:
        out[0] = (identity_t){"id", &in->connector_id, "O3"};
        return 1;
    default:
        break;
    }
    uint32_t count = hub_objects__names(hub_objects__row(in->module), names), n = 0;
    for (uint32_t i = in->version == OCPI_V2_1_1 ? 2 : 0; i < count; i++) /* 2.1.1 has no owner in its objects */
        out[n++] = (identity_t){names[i], urls[i], rules[i]};
    return n;
}

static hub_slice_t pointer_to(hub_pool_t *pool, const char *name)
{
    return hub_pool_printf(pool, "/%s", name);
}

/* O2, O3, decision D: body and URL name the same. Where there is no URL (pull, bulk) the body says who it is. */
static void check_identity(hub_pool_t *pool, hub_incoming_t *in)
{
    identity_t list[4];
    size_t count = identities(in, list);
    for (size_t i = 0; i < count; i++) {
        hub_slice_t body = ocpi_get_str(in->root, list[i].name);
        if (!body.ptr)
            continue; /* the check of required fields says so, or it was filled in */
        if (!list[i].url->ptr)
            *list[i].url = body;
        else if (!hub_slice_caseeq(body, *list[i].url))
            hub_objects__refuse(in, pointer_to(pool, list[i].name), list[i].rule, "the body says %.*s, the URL %.*s",
                                HUB_SLICE_FMT(hub_slice(body.ptr, body.len < 64 ? body.len : 64)),
                                HUB_SLICE_FMT(hub_slice(list[i].url->ptr, list[i].url->len < 64 ? list[i].url->len : 64)));
    }
}

/* Our own backend need not repeat what the URL says. */
static hub_err_t fill_identity(hub_pool_t *pool, hub_incoming_t *in)
{
    identity_t list[4];
    size_t count = identities(in, list), missing = 0;
    for (size_t i = 0; i < count; i++)
        missing += list[i].url->ptr && !yyjson_obj_get(in->root, list[i].name);
    if (!missing || in->patch)
        return HUB_EOK;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, in->root);
    for (size_t i = 0; i < count; i++)
        if (list[i].url->ptr && !yyjson_obj_get(in->root, list[i].name))
            yyjson_mut_obj_insert(root, yyjson_mut_str(doc, list[i].name), yyjson_mut_strncpy(doc, list[i].url->ptr, list[i].url->len), i);
    in->text = ocpi_write_mut(pool, root);
    in->root = hub_objects__read(pool, in->text);
    return in->root ? HUB_EOK : hub_objects__refuse(in, HUB_SLICE_NONE, "type", "the URL holds what cannot stand in JSON");
}

/* 2.1.1 knows one party a connection: without a URL that says more, what comes is its own. */
static void take_only_party(hub_incoming_t *in)
{
    const hub_integration_t *from = in->from;
    for (uint32_t i = 1; i < from->peer_role_count; i++)
        if (strcasecmp(from->peer_roles[i].country, from->peer_roles[0].country) != 0 ||
            strcasecmp(from->peer_roles[i].party, from->peer_roles[0].party) != 0)
            return;
    if (in->country.ptr || in->party.ptr || !from->peer_role_count)
        return;
    in->country = hub_slice_str(from->peer_roles[0].country);
    in->party = hub_slice_str(from->peer_roles[0].party);
}

static hub_err_t parse(hub_pool_t *pool, hub_incoming_t *in)
{
    if (!in->root) {
        ocpi_problem_t problem = {0};
        yyjson_doc *doc;
        hub_err_t err = ocpi_read(pool, in->text, &doc, &problem);
        if (err) {
            hub_objects__refuse(in, problem.pointer, problem.rule ? problem.rule : "json", "%.*s", HUB_SLICE_FMT(problem.message));
            return err;
        }
        in->root = yyjson_doc_get_root(doc);
    }
    if (!yyjson_is_obj(in->root))
        return hub_objects__refuse(in, HUB_SLICE_NONE, "type", "a JSON object is asked for");
    return HUB_EOK;
}

/* Our own backend names the owner also in 2.1.1, where no URL does (bulk): taken from the object, since 2.1.1 has it nowhere in it. */
static hub_err_t take_owner(hub_pool_t *pool, hub_incoming_t *in)
{
    static const char *const names[] = {"country_code", "party_id"};
    hub_slice_t *const urls[] = {&in->country, &in->party};
    bool said = false;
    for (size_t i = 0; i < HUB_COUNT(names); i++) {
        hub_slice_t body = ocpi_get_str(in->root, names[i]);
        said |= yyjson_obj_get(in->root, names[i]) != NULL;
        if (!urls[i]->ptr)
            *urls[i] = body;
        else if (body.ptr && !hub_slice_caseeq(body, *urls[i]))
            return hub_objects__refuse(in, pointer_to(pool, names[i]), "O2", "the body names another owner than the URL");
    }
    if (!said || in->patch)
        return HUB_EOK;
    yyjson_mut_doc *doc = yyjson_mut_doc_new(ocpi_alc(pool));
    yyjson_mut_val *root = yyjson_val_mut_copy(doc, in->root);
    for (size_t i = 0; i < HUB_COUNT(names); i++)
        yyjson_mut_obj_remove_key(root, names[i]);
    in->text = ocpi_write_mut(pool, root);
    in->root = hub_objects__read(pool, in->text);
    return in->root ? HUB_EOK : HUB_EINTERNAL;
}

static hub_err_t prepare(hub_pool_t *pool, hub_incoming_t *in)
{
    const hub_objects_row_t *row = hub_objects__row(in->module);
    unsigned level = level_of(in);
    if (!row || row->level[level] == OCPI_OBJECT_NONE)
        return HUB_ENOT_FOUND;
    in->text = hub_slice_trim(in->text);
    hub_err_t err = parse(pool, in);
    if (!err && !in->from)
        err = fill_identity(pool, in);
    if (!err && !in->from && !level && in->version == OCPI_V2_1_1)
        err = take_owner(pool, in);
    if (err)
        return err;
    if (in->from && in->version == OCPI_V2_1_1)
        take_only_party(in);
    check_identity(pool, in);
    const ocpi_check_t check = {.object = row->level[level],
                                .version = in->version,
                                .partial = in->patch,
                                .strict = in->from && in->from->profile.strict,
                                .own = !in->from};
    ocpi_check(in->root, &check, &in->problems);
    if (in->problems.errors)
        return HUB_EINVALID;
    if (level || in->patch)
        return HUB_EOK;
    if (!in->from && !(in->root = hub_objects__mark_times(pool, in->root, &in->text)))
        return HUB_EINTERNAL;
    in->normal = ocpi_normalise(pool, in->root, in->text, row->level[0], in->version, &in->normal_changed);
    in->normal_root = in->normal_changed ? hub_objects__read(pool, in->normal) : in->root;
    return in->normal_root ? HUB_EOK : HUB_EINTERNAL;
}

void hub_objects_prepare(hub_pool_t *pool, hub_incoming_t *in)
{
    if (in->prepared)
        return;
    ocpi_problems_init(&in->problems, pool);
    in->refused = prepare(pool, in);
    in->prepared_problems = in->problems.count;
    in->prepared = true;
}

/* ---- store ---- */

/* Back to what prepare found: apply may run again. */
void hub_objects__forget(ocpi_problems_t *problems, uint32_t count)
{
    problems->count = count;
    problems->errors = 0;
    for (uint32_t i = 0; i < count; i++)
        problems->errors += problems->list[i].severity == OCPI_ERROR;
}

void hub_objects__find_type(hub_view_t *view, hub_pool_t *pool, hub_object_id_t *id)
{
    hub_key_t prefix;
    hub_scan_t scan;
    hub_slice_t key, value;
    hub_object_id_t found;
    bool some = false;
    if (id->type.len || hub_object_key(id, &prefix) != HUB_EOK)
        return;
    hub_scan_init(&scan, view, HUB_TABLE_OBJECT, &prefix, NULL, false);
    while (hub_scan_next(&scan, &key, &value) && hub_object_key_parse(key, &found)) {
        bool rfid = hub_slice_caseeq_str(found.type, HUB_TOKEN_TYPE);
        if (!some || rfid)
            id->type = hub_pool_copy(pool, found.type);
        some = true;
        if (rfid)
            break;
    }
    (void)hub_scan_finish(&scan);
    if (!some)
        id->type = HUB_SLICE_LIT(HUB_TOKEN_TYPE);
}

hub_err_t hub_objects__begin(hub_storing_t *s, hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in)
{
    *s = (hub_storing_t){.core = core, .view = view, .pool = pool, .in = in, .row = hub_objects__row(in->module), .level = level_of(in)};
    if (!s->row)
        return HUB_ENOT_FOUND;
    s->id = (hub_object_id_t){.tenant = in->tenant,
                              .scope = in->from ? in->from->id : HUB_SCOPE_OWN,
                              .module = (uint8_t)in->module,
                              .country = in->country,
                              .party = in->party,
                              .id = in->id,
                              .type = in->type};
    if (!in->country.len || !in->party.len || !in->id.len)
        return hub_objects__refuse(in, HUB_SLICE_NONE, "identity",
                                   in->from ? "nothing says whose object this is"
                                            : "nothing says whose object this is: add country_code and party_id (in 2.1.1, too)");
    if (s->row->traits & HUB_TRAIT_TYPED)
        hub_objects__find_type(view, pool, &s->id);
    if (hub_object_key(&s->id, &s->key) != HUB_EOK)
        return hub_objects__refuse(in, HUB_SLICE_LIT("/id"), "length", "the id is longer than 255 bytes");
    ocpi_losses_init(&s->base_losses, pool);
    hub_err_t err = hub_object_get(view, &s->id, &s->head);
    s->exists = err == HUB_EOK;
    return err == HUB_ENOT_FOUND ? HUB_EOK : err;
}

yyjson_val *hub_objects__base(hub_storing_t *s)
{
    hub_slice_t text = s->head.bytes;
    ocpi_version_t written = hub_projection_written(&s->head);
    if (s->base || !s->exists)
        return s->base;
    if (s->in->version != written && hub_projection_bridge(s->view, s->pool, hub_key_slice(&s->key), hub_projection_own(&s->head), written,
                                                           s->in->version, &text, &s->base_losses) != HUB_EOK)
        return NULL;
    return s->base = hub_objects__read(s->pool, text);
}

/* The body merged into the level that it addresses; *value stays NULL when that is unknown. */
static yyjson_val *patched_level(hub_storing_t *s, bool drop_time)
{
    hub_incoming_t *in = s->in;
    if (!in->patch)
        return in->root;
    yyjson_val *old = ocpi_location_find(hub_objects__base(s), in->evse_uid, in->connector_id);
    if (!old)
        return NULL;
    yyjson_mut_val *merged = ocpi_patch(s->pool, old, in->root, s->row->level[s->level], in->version);
    if (drop_time && !yyjson_obj_get(in->root, "last_updated"))
        yyjson_mut_obj_remove_key(merged, "last_updated");
    return hub_objects__read(s->pool, ocpi_write_mut(s->pool, merged));
}

hub_slice_t hub_objects__merge(hub_storing_t *s, bool drop_time, hub_slice_t parents, bool *created)
{
    hub_incoming_t *in = s->in;
    *created = false;
    yyjson_val *child = hub_objects__base(s) ? patched_level(s, drop_time) : NULL;
    if (!child)
        return HUB_SLICE_NONE;
    if (!s->level)
        return ocpi_write(s->pool, child);
    yyjson_mut_val *whole = ocpi_location_put(s->pool, s->base, in->evse_uid, in->connector_id, child, parents, created);
    return whole ? ocpi_write_mut(s->pool, whole) : HUB_SLICE_NONE;
}

static hub_err_t store(hub_storing_t *s)
{
    hub_incoming_t *in = s->in;
    if ((s->level || in->patch) && !s->exists)
        return s->row->unknown;
    return in->from ? hub_objects__store_received(s) : hub_objects__store_own(s);
}

/* What a pull shows is there, even when this form of it is refused: the stored one does not become stale. */
static hub_err_t note_seen(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in)
{
    hub_storing_t s;
    if (!in->pulled || !in->country.ptr || !in->party.ptr || !in->id.ptr || hub_objects__begin(&s, core, view, pool, in) || !s.exists)
        return HUB_EOK;
    s.head.received_at = in->now;
    s.head.bytes = hub_pool_copy(pool, s.head.bytes);
    return hub_objects__written(hub_object_put(view, &s.id, &s.head, HUB_CHANGE_NONE, HUB_SLICE_NONE));
}

hub_err_t hub_objects_store(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, hub_incoming_t *in)
{
    hub_objects_prepare(pool, in);
    hub_objects__forget(&in->problems, in->prepared_problems);
    hub_storing_t s = {.id = {.module = (uint8_t)in->module, .country = in->country, .party = in->party, .id = in->id, .type = in->type}};
    hub_err_t err = in->refused;
    if (!err)
        err = hub_objects__begin(&s, core, view, pool, in);
    if (!err)
        err = store(&s);
    if (!in->from || (err != HUB_EINVALID && err != HUB_EMALFORMED))
        return err;
    hub_err_t kept = hub_quarantine_put(core, view, pool, in->from, &s.id, HUB_QUARANTINE_RECEIVED, in->text, &in->problems);
    if (!kept)
        kept = note_seen(core, view, pool, in);
    return kept ? kept : err;
}

/* ---- reading ---- */

hub_err_t hub_objects_level(hub_pool_t *pool, hub_slice_t bytes, hub_slice_t evse_uid, hub_slice_t connector_id, hub_slice_t *out)
{
    *out = bytes;
    if (!evse_uid.len)
        return HUB_EOK;
    yyjson_val *root = hub_objects__read(pool, bytes);
    yyjson_val *level = root ? ocpi_location_find(root, evse_uid, connector_id) : NULL;
    if (!level)
        return HUB_ENOT_FOUND;
    *out = ocpi_write(pool, level);
    return HUB_EOK;
}
