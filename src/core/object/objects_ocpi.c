/* Objects on /ocpi: the lists and objects that partners read (sender), what they put here (receiver). */
#include <string.h>

#include "face.h"
#include "object.h"
#include "reply.h"

/* ---- sender ---- */

/* Which of our parties is asked (H2); party_count when the headers are missing or name nobody here: all of them (decision O). */
static uint32_t party_asked(const hub_exchange_t *x)
{
    const hub_integration_t *to = x->state->integration;
    uint32_t i = 0;
    while (i < to->party_count && !(hub_slice_caseeq_str(x->header[HUB_HEADER_TO_COUNTRY], to->parties[i].country) &&
                                    hub_slice_caseeq_str(x->header[HUB_HEADER_TO_PARTY], to->parties[i].party)))
        i++;
    return i;
}

/* NULL: all that there is. So it is when a hub is asked (H7). */
static const hub_party_ref_t *party_of_list(const hub_exchange_t *x)
{
    const hub_integration_t *to = x->state->integration;
    uint32_t asked = party_asked(x);
    if (to->party_count < 2 || asked == to->party_count || (to->parties[asked].roles & to->customer_roles & OCPI_ROLE_HUB))
        return NULL;
    return &to->parties[asked];
}

void hub_ocpi_list(hub_exchange_t *x)
{
    const hub_exchange_state_t *state = x->state;
    hub_objects_page_t page = {.to = state->integration,
                               .asked = party_of_list(x),
                               .tenant = state->tenant,
                               .module = state->target.route->module,
                               .version = state->target.version,
                               .max_limit = hub_objects__max_limit(x->worker->core, state->integration)};
    ocpi_problem_t problem = {0};
    hub_view_t *view;
    const hub_objects_row_t *row = hub_objects__row(page.module);
    bool need_date_from = row && row->traits & HUB_TRAIT_DATE_FROM && !state->integration->profile.date_from_optional; /* P11 */
    if (ocpi_page_parse(x->pool, x->query, page.max_limit, need_date_from, &page.page, &problem) != HUB_EOK) {
        hub_reply_ocpi(x, 200, 2001, hub_pool_printf(x->pool, "%.*s: %.*s", HUB_SLICE_FMT(problem.pointer), HUB_SLICE_FMT(problem.message)),
                       HUB_SLICE_NONE); /* decision G */
        return;
    }
    if (!(view = hub_exchange_view(x)))
        return;
    hub_err_t err = hub_objects__page(view, x->pool, &page);
    if (err == HUB_EINVALID) {
        hub_reply_ocpi(x, 200, 2001, HUB_SLICE_LIT("/query/position: no position that this server gave"), HUB_SLICE_NONE);
        return;
    }
    if (err) {
        hub_reply_ocpi_err(x, err, HUB_SLICE_NONE);
        return;
    }
    hub_objects__page_headers(x, &page);
    hub_reply_ocpi_parts(x, page.parts, page.part_count);
}

/* The path of a sender has no party: the object is looked for with each of our parties of this connection, with the one asked first. */
hub_err_t hub_objects__find_shared(hub_exchange_t *x, hub_view_t *view, const hub_objects_row_t *row, hub_key_t *key, hub_slice_t *bytes)
{
    const hub_exchange_state_t *state = x->state;
    const hub_integration_t *to = state->integration;
    uint32_t first = party_asked(x);
    for (uint32_t i = 0; i < to->party_count; i++) {
        const hub_party_ref_t *party = &to->parties[(first + i) % to->party_count];
        hub_object_id_t id = {.tenant = state->tenant,
                              .module = (uint8_t)row->module,
                              .country = hub_slice_str(party->country),
                              .party = hub_slice_str(party->party),
                              .id = state->target.segment[0]};
        hub_object_t head;
        int64_t last_updated;
        if (hub_object_key(&id, key) != HUB_EOK)
            return row->unknown;
        hub_err_t err =
            hub_objects_view(view, x->pool, to, row->module, hub_key_slice(key), state->target.version, bytes, &head, &last_updated);
        if (err != HUB_ENOT_FOUND)
            return err;
    }
    return row->unknown;
}

static void sender_get(hub_exchange_t *x, const hub_objects_row_t *row)
{
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    const hub_slice_t *segment = x->state->target.segment;
    hub_slice_t bytes = HUB_SLICE_NONE;
    hub_key_t key;
    hub_err_t err = hub_objects__find_shared(x, view, row, &key, &bytes);
    if (!err && hub_objects_level(x->pool, bytes, segment[1], segment[2], &bytes) != HUB_EOK)
        err = row->unknown;
    if (err)
        hub_reply_ocpi_err(x, err, HUB_SLICE_NONE);
    else
        hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, bytes);
}

/* ---- receiver ---- */

/* K2: ?type= is part of a token's name, default RFID. 2.1.1 has no such parameter: none, which stands for whatever is stored. A PUT without
 * one takes what the token says of itself. */
static hub_slice_t type_asked(hub_exchange_t *x, const hub_objects_row_t *row)
{
    hub_slice_t type;
    if (!(row->traits & HUB_TRAIT_TYPED) || x->state->target.version == OCPI_V2_1_1)
        return HUB_SLICE_NONE;
    if (ocpi_query_get(x->pool, x->query, "type", &type) && type.len)
        return type;
    return x->method == HUB_PUT && !x->state->integration->profile.strict ? HUB_SLICE_NONE : HUB_SLICE_LIT(HUB_TOKEN_TYPE);
}

/* As it came; in the words of the version of the URL where it came in those of another, before the partner moved (C12). */
static hub_err_t received_bytes(hub_exchange_t *x, hub_view_t *view, const hub_object_id_t *id, hub_slice_t *bytes)
{
    hub_key_t key;
    hub_object_t head;
    ocpi_version_t version = x->state->target.version;
    hub_err_t err = hub_object_get(view, id, &head);
    if (err)
        return err;
    *bytes = head.bytes;
    if (hub_projection_written(&head) == version)
        return HUB_EOK;
    err = hub_object_key(id, &key);
    return err ? err : hub_projection_get(view, x->pool, hub_key_slice(&key), &head, version, bytes);
}

static void receiver_get(hub_exchange_t *x, const hub_objects_row_t *row)
{
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    const hub_slice_t *segment = x->state->target.segment;
    hub_object_id_t id = {.tenant = x->state->tenant,
                          .scope = x->state->integration->id,
                          .module = (uint8_t)row->module,
                          .country = segment[0],
                          .party = segment[1],
                          .id = segment[2],
                          .type = type_asked(x, row)};
    if (row->traits & HUB_TRAIT_TYPED)
        hub_objects__find_type(view, x->pool, &id);
    hub_slice_t bytes = HUB_SLICE_NONE;
    hub_err_t err = received_bytes(x, view, &id, &bytes);
    if (!err)
        err = hub_objects_level(x->pool, bytes, segment[3], segment[4], &bytes);
    if (err == HUB_ENOT_FOUND || err == HUB_EINVALID)
        err = row->unknown;
    if (err)
        hub_reply_ocpi_err(x, err, HUB_SLICE_NONE);
    else
        hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, bytes);
}

typedef struct receiving {
    hub_incoming_t in;
    hub_err_t refused;
    bool foreign; /* decision D: accepted with a warning */
} receiving_t;

static hub_err_t receive_apply(hub_view_t *view, hub_op_t *op)
{
    hub_write_t *write = hub_write_of(op);
    receiving_t *r = write->arg;
    hub_core_t *core = write->x->worker->core;
    hub_err_t err = write->x->method == HUB_DELETE ? hub_objects_remove(core, view, write->x->pool, &r->in)
                                                   : hub_objects_store(core, view, write->x->pool, &r->in);
    r->refused = hub_objects_refused(err) ? err : HUB_EOK;
    return r->refused ? HUB_EOK : err;
}

static void reply_refused(hub_exchange_t *x, const receiving_t *r)
{
    if (r->in.problems.errors)
        hub_reply_ocpi(x, 200, 2001, hub_objects_explain(x->pool, &r->in.problems), HUB_SLICE_NONE);
    else
        hub_reply_ocpi_err(x, r->refused, HUB_SLICE_NONE);
}

/* D1: where the stored object is read: with the spelling that came first. */
static void add_location(hub_exchange_t *x, const hub_incoming_t *in)
{
    yyjson_val *stored = hub_objects__read(x->pool, in->stored);
    hub_slice_t part[3], url = x->worker->core->public_url;
    hub_buf_t out = HUB_BUF_INIT(x->pool);
    if (ocpi_object_identity(stored, in->module, &part[0], &part[1], &part[2]) != HUB_EOK)
        return;
    const hub_slice_t told[3] = {in->country, in->party, in->id};
    hub_buf_printf(&out, "%.*s/ocpi/%s/receiver/%s", HUB_SLICE_FMT(url), ocpi_version_name(in->version), ocpi_module_name(in->module));
    for (size_t i = 0; i < HUB_COUNT(part); i++) {
        hub_buf_add_char(&out, '/');
        hub_buf_add_url(&out, part[i].len ? part[i] : told[i]);
    }
    hub_reply_add_header(x, "location", hub_buf_slice(&out));
}

static void reply_stored(hub_exchange_t *x, const receiving_t *r)
{
    if (x->method == HUB_POST)
        add_location(x, &r->in);
    hub_reply_ocpi(x, r->in.outcome == HUB_CREATED ? 201 : 200, 1000,
                   r->foreign ? HUB_SLICE_LIT("accepted, but its owner is not one of your roles") : HUB_SLICE_NONE,
                   HUB_SLICE_NONE); /* T4, T8 */
}

static void receive_then(hub_write_t *write)
{
    hub_exchange_t *x = write->x;
    const receiving_t *r = write->arg;
    if (write->op.err)
        hub_reply_ocpi_err(x, write->op.err, HUB_SLICE_NONE);
    else if (r->refused)
        reply_refused(x, r);
    else if (x->method == HUB_DELETE)
        hub_reply_ocpi(x, 200, 1000, HUB_SLICE_NONE, HUB_SLICE_NONE);
    else if (r->in.outcome == HUB_STALE_IGNORED) /* decision I */
        hub_reply_ocpi(x, 200, 1000, HUB_SLICE_LIT("ignored: last_updated is older than the stored one"), HUB_SLICE_NONE);
    else
        reply_stored(x, r);
}

/* False: answered. A body that is JSON but no object is judged like any other (2001, quarantine). */
static bool take_body(hub_exchange_t *x, hub_incoming_t *in)
{
    if (x->method == HUB_DELETE)
        return true;
    yyjson_doc *doc;
    ocpi_problem_t problem = {0};
    if (ocpi_read(x->pool, x->body, &doc, &problem) != HUB_EOK) {
        hub_reply_ocpi_err(x, HUB_EMALFORMED, problem.message); /* T5 */
        return false;
    }
    in->text = x->body;
    in->root = yyjson_doc_get_root(doc);
    in->patch = x->method == HUB_PATCH;
    hub_objects_prepare(x->pool, in);
    return true;
}

static void receive(hub_exchange_t *x, const hub_objects_row_t *row)
{
    const hub_integration_t *from = x->state->integration;
    const hub_slice_t *segment = x->state->target.segment;
    bool foreign = !hub_integration_has_peer_party(from, segment[0], segment[1]);
    if (foreign && !from->profile.foreign_parties) { /* O4, decision D */
        hub_reply_ocpi(x, 404, 2001,
                       hub_pool_printf(x->pool, "%.*s*%.*s is not one of your roles", HUB_SLICE_FMT(segment[0]), HUB_SLICE_FMT(segment[1])),
                       HUB_SLICE_NONE);
        return;
    }
    receiving_t *r = HUB_POOL_NEW(x->pool, receiving_t);
    r->foreign = foreign;
    r->in = (hub_incoming_t){.tenant = x->state->tenant,
                             .from = from,
                             .module = row->module,
                             .version = x->state->target.version,
                             .country = segment[0],
                             .party = segment[1],
                             .id = segment[2],
                             .evse_uid = segment[3],
                             .connector_id = segment[4],
                             .type = type_asked(x, row),
                             .now = hub_now_ms()};
    if (take_body(x, &r->in))
        hub_exchange_write(x, receive_apply, receive_then, r);
}

/* POST (CDRs): the body says whose it is. */
void hub_ocpi_create(hub_exchange_t *x)
{
    const hub_integration_t *from = x->state->integration;
    receiving_t *r = HUB_POOL_NEW(x->pool, receiving_t);
    r->in = (hub_incoming_t){.tenant = x->state->tenant,
                             .from = from,
                             .module = x->state->target.route->module,
                             .version = x->state->target.version,
                             .now = hub_now_ms()};
    if (!take_body(x, &r->in))
        return;
    r->foreign = r->in.country.ptr && r->in.party.ptr && !hub_integration_has_peer_party(from, r->in.country, r->in.party);
    hub_exchange_write(x, receive_apply, receive_then, r);
}

void hub_ocpi_object(hub_exchange_t *x)
{
    const ocpi_target_t *target = &x->state->target;
    const hub_objects_row_t *row = hub_objects__row(target->route->module);
    bool get = x->method == HUB_GET || x->method == HUB_HEAD;
    for (uint32_t i = 0; row && i < target->segment_count; i++)
        if (!target->segment[i].len)
            row = NULL; /* an empty id names nothing */
    if (!row)
        hub_reply_ocpi_err(x, HUB_ENOT_FOUND, HUB_SLICE_NONE);
    else if (target->route->side == OCPI_SENDER)
        sender_get(x, row);
    else if (get)
        receiver_get(x, row);
    else
        receive(x, row);
}
