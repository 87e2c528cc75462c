/* An integration as /v1 shows it: settings by their rows, what the registration adds, and the embedded lists, at once or streamed. */
#include "integration_setting.h"

#include <string.h>

#include "connector_setting.h"

#include "registration.h"
#include "reply.h"
#include "settings/collection.h"
#include "sharing/sharing.h"

#define EMBED_FIRST 100u /* items of each list, unless everything is asked for */
#define EMBED_CHUNK 100u /* items a chunk of a stream */

typedef struct answer {
    hub_core_t *core;
    hub_view_t *view;
    hub_pool_t *pool;
    const hub_integration_show_t *show;
    hub_setting_values_t values;
    hub_setting_seal_t seal;
    hub_integration_t *integration; /* in the pool */
    hub_registration_t registration;
    hub_buf_t *out;
} answer_t;

static void add_name(answer_t *a, const char *name)
{
    hub_buf_add_str(a->out, ",\"");
    hub_buf_add_str(a->out, name);
    hub_buf_add_str(a->out, "\":");
}

static void add_row(answer_t *a, uint32_t row)
{
    add_name(a, hub_integration_settings.rows[row].name);
    hub_setting_write(a->pool, &hub_integration_settings, &a->values, &a->seal, a->show->reveal, row, a->out);
}

static void add_text(answer_t *a, const char *name, hub_slice_t text)
{
    add_name(a, name);
    hub_buf_add_json(a->out, text.len ? text : HUB_SLICE_NONE);
}

static bool group_set(const answer_t *a, uint8_t group)
{
    for (uint32_t row = 0; row < S_COUNT; row++)
        for (uint8_t g = hub_integration_settings.rows[row].group; g; g = hub_integration_settings.groups[g].parent)
            if (g == group && a->values.json[row].ptr)
                return true;
    return false;
}

/* ---- parts ---- */

static hub_slice_t description(const answer_t *a)
{
    const hub_integration_t *integration = a->integration;
    const hub_connector_t *connector = integration->connector;
    if (!integration->enabled && connector)
        return HUB_SLICE_LIT("Switched off (enabled is false): nothing is delivered.");
    if (!integration->enabled)
        return HUB_SLICE_LIT("Switched off (enabled is false): we neither call nor push, and the partner is answered 403.");
    if (connector && connector->unreadable)
        return HUB_SLICE_LIT("A secret does not open: is this the right master key? Set the secrets anew.");
    return integration->status_description;
}

static void add_customer_roles(answer_t *a)
{
    static const struct {
        uint32_t bit;
        const char *text;
    } names[] = {
#define OCPI_ROLE(name, bit, text, on_wire) {OCPI_ROLE_##name, text},
#include "ocpi/tbl/role.def"
#undef OCPI_ROLE
    };
    bool first = true;
    add_name(a, "customerRoles");
    if (a->values.json[S_CUSTOMER_ROLES].len > 2) {
        hub_buf_add(a->out, a->values.json[S_CUSTOMER_ROLES]);
        return;
    }
    hub_buf_add_char(a->out, '[');
    for (size_t i = 0; i < HUB_COUNT(names); i++) {
        if (!(a->integration->customer_roles & names[i].bit))
            continue;
        hub_buf_printf(a->out, "%s\"%s\"", first ? "" : ",", names[i].text);
        first = false;
    }
    hub_buf_add_char(a->out, ']');
}

/* The connection to the utility cloud under its name in answers. */
static void add_billing(answer_t *a)
{
    static const struct {
        const char *name;
        uint8_t row;
    } members[] = {{"tenant", S_UTILITY_TENANT},
                   {"clientId", S_UTILITY_CLIENT_ID},
                   {"clientSecret", S_UTILITY_CLIENT_SECRET},
                   {"scope", S_UTILITY_SCOPE},
                   {"meterValuesAreSent", S_UTILITY_METERED}};
    add_name(a, "billingConnection");
    if (!group_set(a, SETTING_UTILITY)) {
        hub_buf_add_str(a->out, "null");
        return;
    }
    for (size_t i = 0; i < HUB_COUNT(members); i++) {
        hub_buf_printf(a->out, "%s\"%s\":", i ? "," : "{", members[i].name);
        hub_setting_write(a->pool, &hub_integration_settings, &a->values, &a->seal, a->show->reveal, members[i].row, a->out);
    }
    hub_buf_add_char(a->out, '}');
}

static void add_party_platform(answer_t *a)
{
    const hub_integration_t *integration = a->integration;
    const hub_party_ref_t *party = integration->party_count ? &integration->parties[0] : NULL;
    add_name(a, "partyPlatform");
    if (!party && !integration->platform_integration_id.len) {
        hub_buf_add_str(a->out, "null");
        return;
    }
    hub_buf_add_str(a->out, "{\"platformIntegrationId\":");
    hub_buf_add_json(a->out, integration->platform_integration_id.len ? integration->platform_integration_id : HUB_SLICE_NONE);
    hub_buf_add_str(a->out, ",\"partyId\":");
    hub_buf_add_json(a->out, hub_slice_str(party ? party->party : NULL));
    hub_buf_add_str(a->out, ",\"countryCode\":");
    hub_buf_add_json(a->out, hub_slice_str(party ? party->country : NULL));
    hub_buf_add_char(a->out, '}');
}

static void add_connection(answer_t *a, uint8_t group, const char *type)
{
    add_name(a, hub_integration_settings.groups[group].name);
    if (hub_slice_eq_str(a->integration->type, type) || group_set(a, group))
        hub_setting_write_group(a->pool, &hub_integration_settings, &a->values, &a->seal, a->show->reveal, group, a->out);
    else
        hub_buf_add_str(a->out, "null");
}

/* ---- the embedded lists ---- */

static const struct {
    const char *name, *total;
    unsigned bit;
} lists[] = {
    [HUB_EMBED_LOCATIONS] = {"locations", "locationsTotal", HUB_INCLUDE_LOCATIONS},
    [HUB_EMBED_TARIFFS] = {"tariffs", "tariffsTotal", HUB_INCLUDE_TARIFFS},
    [HUB_EMBED_RECEIVED_TARIFFS] = {"receivedTariffs", "receivedTariffsTotal", HUB_INCLUDE_RECEIVED_TARIFFS},
};

static hub_err_t add_lists(answer_t *a)
{
    hub_err_t err = HUB_EOK;
    for (unsigned i = 0; i < HUB_COUNT(lists) && !err; i++) {
        hub_embed_position_t position = {0};
        bool first = true;
        uint32_t written;
        uint64_t total = a->integration->is_ocpi ? hub_embed_total(a->view, a->pool, a->integration, (hub_embedded_t)i) : 0;
        add_name(a, lists[i].name);
        hub_buf_add_char(a->out, '[');
        if (total && (a->show->include & lists[i].bit))
            err = hub_embed_write(a->view, a->pool, a->integration, (hub_embedded_t)i, EMBED_FIRST, &position, &first, a->out, &written);
        hub_buf_add_char(a->out, ']');
        add_name(a, lists[i].total);
        hub_buf_add_u64(a->out, total);
    }
    return err;
}

/* ---- the whole ---- */

/* A RECEIVER's initial token is the token A in force: given, or issued by the hub. */
static void show_issued_token(answer_t *a)
{
    hub_slice_t token = a->registration.token_a;
    if (a->integration->has_initial_role && !a->integration->initial_sender && token.len &&
        !hub_slice_eq(token, a->integration->initial_token))
        a->values.json[S_INITIAL_TOKEN] = hub_setting_json(a->pool, hub_seal(a->core->crypto, a->pool, token, a->seal.context));
}

static hub_err_t open_answer(answer_t *a, uint32_t tenant, uint32_t id)
{
    hub_key_t key;
    hub_slice_t record;
    uint64_t version;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(a->view, HUB_TABLE_INTEGRATION, &key, &record);
    if (!err)
        err = hub_setting_decode(&hub_integration_settings, record, &a->values, &version);
    if (!err)
        err = hub_registration_get(a->core, a->view, a->pool, tenant, id, &a->registration);
    a->integration = HUB_POOL_NEW(a->pool, hub_integration_t);
    if (!err)
        err = hub_integration_make(a->core, a->view, a->pool, tenant, id, &a->values, version, &a->registration, a->integration);
    if (err)
        return err;
    a->seal = hub_integration_seal(a->core, a->pool, tenant, id);
    show_issued_token(a);
    return HUB_EOK;
}

static void write_head(answer_t *a)
{
    const hub_integration_t *integration = a->integration;
    hub_buf_printf(a->out, "{\"id\":\"%u\"", integration->id);
    add_row(a, S_NAME);
    add_row(a, S_REFERENCE);
    add_row(a, S_DESCRIPTION);
    add_row(a, S_TYPE);
    add_text(a, "integrationStatus", hub_slice_str(hub_integration_status_name(integration->status)));
    add_text(a, "statusDescription", description(a));
    add_row(a, S_ENABLED);
    add_name(a, "authorized");
    hub_buf_add_str(a->out, integration->authorized ? "true" : "false");
    add_name(a, "version");
    hub_buf_add_u64(a->out, integration->version);
    add_row(a, S_APPROVED_PARTY);
    add_customer_roles(a);
}

static void write_tail(answer_t *a)
{
    static const uint8_t common[] = {S_ENTITY_TYPE,  S_ENTITY_ID,   S_DESTINATION, S_DESTINATION_ID,
                                     S_TRIGGER_TYPE, S_CONFIG_DATA, S_CREDENTIALS, S_LINKED_RESOURCES};
    add_name(a, "versionDetails");
    hub_registration_write_version_details(&a->registration, a->out);
    add_name(a, "credentialsInfo");
    if (a->integration->is_ocpi)
        hub_registration_write_credentials_info(&a->registration, a->integration, a->show->reveal, a->pool, a->out);
    else
        hub_buf_add_str(a->out, "null");
    add_billing(a);
    add_party_platform(a);
    add_name(a, "models");
    hub_setting_write_group(a->pool, &hub_integration_settings, &a->values, &a->seal, a->show->reveal, SETTING_MODELS, a->out);
    hub_buf_add_str(a->out, ",\"freeVendingWithIdtagAllowed\":null");
    add_row(a, S_CREATED);
    add_row(a, S_LAST_UPDATED);
    add_row(a, S_CREATED_BY);
    add_row(a, S_MODIFIED_BY);
    for (size_t i = 0; i < HUB_TYPE_COUNT; i++)
        if (hub_integration_types[i].group)
            add_connection(a, hub_integration_types[i].group, hub_integration_types[i].text);
    add_row(a, S_PROVIDER);
    add_name(a, "settings");
    hub_connector_write(a->pool, &a->values, &a->seal, a->show->reveal, a->out);
    for (size_t i = 0; i < HUB_COUNT(common); i++)
        add_row(a, common[i]);
    hub_buf_add_char(a->out, '}');
}

hub_err_t hub_integration_write(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id,
                                const hub_integration_show_t *show, hub_buf_t *out, uint64_t *version)
{
    answer_t a = {.core = core, .view = view, .pool = pool, .show = show, .out = out};
    hub_err_t err = open_answer(&a, tenant, id);
    if (err)
        return err;
    if (version)
        *version = a.integration->version;
    write_head(&a);
    if (show->lists)
        err = add_lists(&a);
    write_tail(&a);
    return err;
}

/* ---- streamed: each chunk opens a view of its own and goes on from where the last one ended, so that a slow client holds nothing ---- */

typedef struct stream {
    hub_integration_t *integration; /* in the exchange's pool */
    hub_slice_t head, tail;
    unsigned list;
    bool head_done, open, first;
    hub_embed_position_t position;
    char position_text[256]; /* where position.position lies between chunks */
    uint64_t totals[HUB_COUNT(lists)];
} stream_t;

static void keep_position(stream_t *s)
{
    hub_slice_t text = s->position.position;
    HUB_ASSERT(text.len <= sizeof s->position_text);
    memmove(s->position_text, text.ptr ? text.ptr : "", text.len);
    s->position.position = text.len ? hub_slice(s->position_text, text.len) : HUB_SLICE_NONE;
}

static hub_err_t stream_chunk(stream_t *s, hub_view_t *view, hub_pool_t *pool, hub_buf_t *out)
{
    uint32_t written;
    if (!s->open) {
        hub_buf_printf(out, ",\"%s\":[", lists[s->list].name);
        s->position = (hub_embed_position_t){0};
        s->open = s->first = true;
    }
    hub_err_t err =
        hub_embed_write(view, pool, s->integration, (hub_embedded_t)s->list, EMBED_CHUNK, &s->position, &s->first, out, &written);
    if (!err && s->position.end) {
        hub_buf_printf(out, "],\"%s\":%llu", lists[s->list].total, (unsigned long long)s->totals[s->list]);
        s->open = false;
        s->list++;
    } else if (!err) {
        keep_position(s);
    }
    return err;
}

/* False ends the answer; after a failure it ends in the middle, which no client takes for whole JSON. */
static bool stream_more(hub_exchange_t *x, hub_buf_t *out)
{
    stream_t *s = x->reply.more_arg;
    hub_view_t *view;
    if (!s->head_done) {
        hub_buf_add(out, s->head);
        s->head_done = true;
        return true;
    }
    if (s->list == HUB_COUNT(lists)) {
        hub_buf_add(out, s->tail);
        return false;
    }
    if (hub_view_open(x->worker->core->store, &view) != HUB_EOK)
        return false;
    hub_pool_t *pool = hub_pool_create();
    hub_err_t err = stream_chunk(s, view, pool, out);
    hub_pool_destroy(pool);
    hub_view_close(view);
    if (err)
        hub_log(HUB_WARN, "integration.stream", HUB_STR("trace_id", x->state->trace_id), HUB_STR("error", hub_err_info(err)->name));
    return !err;
}

void hub_integration_stream(hub_exchange_t *x, uint32_t id, const hub_integration_show_t *show)
{
    hub_view_t *view = hub_exchange_view(x);
    if (!view)
        return;
    stream_t *s = HUB_POOL_NEW(x->pool, stream_t);
    hub_buf_t head = HUB_BUF_INIT(x->pool), tail = HUB_BUF_INIT(x->pool);
    answer_t a = {.core = x->worker->core, .view = view, .pool = x->pool, .show = show, .out = &head};
    hub_err_t err = open_answer(&a, x->state->tenant, id);
    if (err) {
        hub_reply_problem(x, err, HUB_SLICE_NONE);
        return;
    }
    write_head(&a);
    a.out = &tail;
    write_tail(&a);
    s->integration = a.integration;
    for (unsigned i = 0; i < HUB_COUNT(lists); i++)
        s->totals[i] = hub_embed_total(view, x->pool, a.integration, (hub_embedded_t)i);
    s->head = hub_buf_slice(&head);
    s->tail = hub_buf_slice(&tail);
    hub_reply_add_header(x, "content-type", HUB_SLICE_LIT("application/json"));
    hub_v1_add_etag(x, a.integration->version);
    x->reply.status = 200;
    x->reply.more = stream_more;
    x->reply.more_arg = s;
    hub_exchange_done(x);
}
