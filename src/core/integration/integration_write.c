/* Creating, updating and removing integrations: everything that happens inside one operation on the store thread, all or nothing. */
#include "integration_setting.h"

#include <string.h>

#include "connector_setting.h"
#include "integration_index.h"
#include "integration_line.h"
#include "object/contract.h"
#include "object/object.h"
#include "registration.h"
#include "settings/collection.h"
#include "sharing/sharing.h"

/* ---- what the rows cannot say ---- */

static hub_setting_mask_t bit(uint32_t row)
{
    return hub_setting_bit(row);
}

/* One setting with two doors, in `models` and in ocpiConnection: what comes in through either holds for both; two that differ are refused.
 */
static void settle_pair(const hub_setting_table_t *table, hub_pool_t *pool, const hub_setting_input_t *in, hub_setting_values_t *now,
                        uint32_t model, uint32_t ocpi, ocpi_problems_t *problems)
{
    bool model_given = hub_setting_given(in, model), ocpi_given = hub_setting_given(in, ocpi);
    if (model_given && ocpi_given && !hub_slice_eq(in->json[model], in->json[ocpi])) {
        ocpi_problem_add(problems, OCPI_ERROR, hub_setting_pointer(pool, table, ocpi), "differs",
                         "differs from %.*s: give one of them or both alike", HUB_SLICE_FMT(hub_setting_pointer(pool, table, model)));
    } else if (ocpi_given) {
        now->json[model] = now->json[ocpi];
    } else if (model_given && now->json[ocpi].ptr) {
        now->json[ocpi] = now->json[model];
    } else if (!now->json[model].ptr && now->json[ocpi].ptr) {
        if (in->nulls & bit(model))
            now->json[ocpi] = HUB_SLICE_NONE;
        else
            now->json[model] = now->json[ocpi]; /* the connection object was kept as a whole */
    }
}

static bool same_party(hub_pool_t *pool, hub_slice_t list, hub_slice_t one)
{
    yyjson_doc *a, *b;
    if (ocpi_read(pool, list, &a, NULL) != HUB_EOK || ocpi_read(pool, one, &b, NULL) != HUB_EOK)
        return false;
    yyjson_val *first = yyjson_arr_get_first(yyjson_doc_get_root(a)), *only = yyjson_doc_get_root(b);
    return hub_slice_caseeq(ocpi_get_str(first, "countryCode"), ocpi_get_str(only, "countryCode")) &&
           hub_slice_caseeq(ocpi_get_str(first, "partyId"), ocpi_get_str(only, "partyId"));
}

/* partyPlatform is another way to write an ourParties of one. */
static void settle_parties(hub_pool_t *pool, const hub_setting_input_t *in, hub_setting_values_t *now, ocpi_problems_t *problems)
{
    bool list = hub_setting_given(in, S_OUR_PARTIES), one = hub_setting_given(in, S_PARTY_PLATFORM);
    if (list && one && !same_party(pool, in->json[S_OUR_PARTIES], now->json[S_PARTY_PLATFORM]))
        ocpi_problem_add(problems, OCPI_ERROR, HUB_SLICE_LIT("/ocpiConnection/partyPlatform"), "differs",
                         "must be the first of ourParties");
    if (list)
        now->json[S_PARTY_PLATFORM] = HUB_SLICE_NONE;
    else if (one)
        now->json[S_OUR_PARTIES] = HUB_SLICE_NONE;
}

bool hub_integration_settle(const hub_setting_table_t *table, hub_pool_t *pool, const hub_setting_input_t *in, hub_setting_values_t *now,
                            ocpi_problems_t *problems)
{
    uint32_t before = problems->errors;
    settle_pair(table, pool, in, now, S_CHARGING_PERIOD, S_OCPI_CHARGING_PERIOD, problems);
    settle_pair(table, pool, in, now, S_STATE_OF_CHARGE, S_OCPI_STATE_OF_CHARGE, problems);
    settle_parties(pool, in, now, problems);
    return problems->errors == before;
}

/* ---- one change ---- */

typedef struct changing {
    hub_view_t *view;
    hub_integration_change_t *c;
    bool create;
    hub_setting_values_t old, now;
    hub_setting_mask_t changed; /* rows */
    hub_integration_t before, after;
} changing_t;

static bool differs(hub_slice_t a, hub_slice_t b)
{
    return !a.ptr != !b.ptr || !hub_slice_eq(a, b);
}

static hub_err_t load_old(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_key_t key;
    hub_slice_t record;
    hub_integration_key(&key, c->tenant, c->id);
    hub_err_t err = hub_view_get(w->view, HUB_TABLE_INTEGRATION, &key, &record);
    /* Mapped memory moves under our own writes: what is kept of the record is a copy. */
    if (!err)
        err = hub_setting_decode(&hub_integration_settings, hub_pool_copy(c->pool, record), &w->old, &c->version);
    if (err)
        return err;
    if (!hub_etag_matches(c->if_match, c->version))
        return HUB_EPRECONDITION;
    if (hub_setting_given(&c->in, S_VERSION) && hub_setting_int(c->in.json[S_VERSION], -1) != (int64_t)c->version)
        return HUB_ESTALE;
    return HUB_EOK;
}

/* A RECEIVER's answer shows the token A in force, which may be one that was issued since: sending that back is no change. */
static hub_err_t keep_issued_token(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_registration_t registration;
    if (w->create || !hub_setting_given(&c->in, S_INITIAL_TOKEN))
        return HUB_EOK;
    hub_err_t err = hub_registration_get(c->core, w->view, c->pool, c->tenant, c->id, &registration);
    if (!err && registration.token_a.len && hub_slice_eq(registration.token_a, hub_setting_text(c->pool, c->in.json[S_INITIAL_TOKEN])))
        c->in.given &= ~bit(S_INITIAL_TOKEN);
    return err;
}

static bool is_masked(const changing_t *w, uint32_t row)
{
    return hub_setting_given(&w->c->in, row) && hub_setting_masked(hub_setting_text(w->c->pool, w->c->in.json[row]));
}

/* The mask of a token that the hub issued itself stands for a secret that the settings do not have. */
static hub_err_t drop_issued_mask(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_registration_t registration;
    if (w->create || w->old.json[S_INITIAL_TOKEN].ptr || !is_masked(w, S_INITIAL_TOKEN))
        return HUB_EOK;
    hub_err_t err = hub_registration_get(c->core, w->view, c->pool, c->tenant, c->id, &registration);
    if (!err && registration.token_a.len)
        c->in.given &= ~bit(S_INITIAL_TOKEN);
    return err;
}

static void resolve_parties(changing_t *w)
{
    static const uint8_t named[] = {S_OUR_PARTIES, S_PARTY_PLATFORM, S_CUSTOMER_ROLES};
    hub_integration_change_t *c = w->c;
    hub_slice_t before = w->old.json[S_RESOLVED];
    bool again = w->create || !before.ptr, said = false;
    for (size_t i = 0; i < HUB_COUNT(named); i++)
        again = again || differs(w->old.json[named[i]], w->now.json[named[i]]);
    for (size_t i = 0; i < 2; i++)
        said = said || w->old.json[named[i]].ptr;
    if (again)
        w->now.json[S_RESOLVED] =
            hub_integration_resolve(w->view, c->pool, c->tenant, &w->now, said ? HUB_SLICE_NONE : before, &c->problems);
}

/* ---- what types other than OCPI have ---- */

static void refuse(hub_integration_change_t *c, const char *pointer, const char *rule, const char *message)
{
    ocpi_problem_add(&c->problems, OCPI_ERROR, hub_slice_str(pointer), rule, "%s", message);
}

/* `settings` by the rows of the type and provider that they are for; those of another provider do not pass to the new one. */
static void merge_connector(changing_t *w, const hub_setting_seal_t *seal)
{
    hub_integration_change_t *c = w->c;
    const hub_connector_row_t *row = hub_connector_of(c->pool, &w->now);
    hub_integration_type_t type = HUB_TYPE_OCPI;
    bool given = hub_setting_given(&c->in, S_SETTINGS), said = false;
    hub_slice_t stored = differs(w->old.json[S_PROVIDER], w->now.json[S_PROVIDER]) ? HUB_SLICE_NONE : w->old.json[S_SETTINGS];
    w->now.json[S_SETTINGS] = stored;
    if (!hub_integration_type_parse(hub_setting_text(c->pool, w->now.json[S_TYPE]), &type))
        return; /* refused already */
    bool choice = hub_connector_has_providers(type);
    if (w->now.json[S_PROVIDER].ptr && !row)
        refuse(c, "/provider", "enum", choice ? "is no provider of this type" : "integrations of this type have no provider");
    if (!given)
        return;
    if (choice && !w->now.json[S_PROVIDER].ptr)
        refuse(c, "/provider", "required", "must be given: it says which settings there are");
    w->now.json[S_SETTINGS] = hub_connector_merge(c->pool, row, seal, c->core->config.insecure_peers, c->in.json[S_SETTINGS], stored,
                                                  c->full, &said, &c->problems);
    if (!c->full && !said && !c->problems.errors && !((c->in.given | c->in.nulls) & ~(bit(S_SETTINGS) | bit(S_VERSION))))
        refuse(c, "", "empty", "holds nothing that can be updated");
}

/* Switching an integration on needs what it cannot work without. `enabled` is true by default and comes back in a PUT of what GET gave:
 * there it asks for nothing new. */
static void check_activation(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_integration_type_t type = HUB_TYPE_OCPI;
    hub_integration_type_parse(hub_setting_text(c->pool, w->now.json[S_TYPE]), &type);
    uint8_t row = hub_integration_types[type].activate;
    if (row == S_COUNT || !hub_setting_true(w->now.json[row]))
        return;
    bool was_off = w->create || hub_slice_eq_str(w->old.json[row], "false");
    if (row != S_ENABLED || (hub_setting_given(&c->in, row) && (!c->full || was_off)))
        hub_connector_need(c->pool, &w->now, &c->problems);
}

/* ---- `reference` is unique ---- */

static void reference_key(hub_key_t *key, uint32_t tenant, hub_slice_t reference)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_sha256(reference, digest);
    hub_key_init(key);
    hub_key_u8(key, 'r');
    hub_key_u32(key, tenant);
    hub_key_bytes(key, hub_slice((const char *)digest, sizeof digest));
}

static void json_reference_key(hub_pool_t *pool, hub_key_t *key, uint32_t tenant, hub_slice_t json)
{
    reference_key(key, tenant, hub_setting_text(pool, json));
}

hub_err_t hub_integration_by_reference(hub_view_t *view, uint32_t tenant, hub_slice_t reference, uint32_t *id)
{
    hub_key_t key;
    hub_slice_t found;
    reference_key(&key, tenant, reference);
    hub_err_t err = hub_view_get(view, HUB_TABLE_REFERENCE, &key, &found);
    *id = !err && found.len == 4 ? hub_u32_at(found.ptr) : 0;
    return err;
}

static bool has_reference(hub_slice_t json)
{
    return json.len > 2; /* "" names nothing */
}

static hub_err_t check_reference(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_slice_t reference = w->now.json[S_REFERENCE], taken;
    hub_key_t key;
    if (!has_reference(reference) || (w->old.json[S_REFERENCE].ptr && !differs(w->old.json[S_REFERENCE], reference)))
        return HUB_EOK;
    json_reference_key(c->pool, &key, c->tenant, reference);
    hub_err_t err = hub_view_get(w->view, HUB_TABLE_REFERENCE, &key, &taken);
    if (err == HUB_ENOT_FOUND)
        return HUB_EOK;
    if (err)
        return err;
    if (taken.len == 4)
        c->conflict = hub_pool_printf(c->pool, "the reference is taken by integration %u", hub_u32_at(taken.ptr));
    return HUB_ECONFLICT;
}

/* Table REFERENCE 'r'. */
static hub_err_t follow_reference(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, hub_slice_t old, hub_slice_t now)
{
    hub_key_t key;
    hub_err_t err = HUB_EOK;
    const unsigned char bytes[4] = {(unsigned char)(id >> 24), (unsigned char)(id >> 16), (unsigned char)(id >> 8), (unsigned char)id};
    if (!differs(old, now))
        return HUB_EOK;
    if (has_reference(old)) {
        json_reference_key(pool, &key, tenant, old);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err; /* of an older store */
    }
    if (!err && has_reference(now)) {
        json_reference_key(pool, &key, tenant, now);
        err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, hub_slice((const char *)bytes, sizeof bytes));
    }
    return err;
}

/* The new values in w->now, or problems. */
static hub_err_t merge(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    hub_setting_seal_t seal = hub_integration_seal(c->core, c->pool, c->tenant, c->id);
    const hub_setting_table_t *table = &hub_integration_settings;
    hub_err_t err = keep_issued_token(w);
    if (!err)
        err = drop_issued_mask(w);
    if (err)
        return err;
    hub_setting_merge(c->pool, table, &seal, &c->in, w->create ? NULL : &w->old, c->full, &w->now, &w->changed, &c->problems);
    hub_integration_settle(table, c->pool, &c->in, &w->now, &c->problems);
    merge_connector(w, &seal);
    if (!c->problems.errors)
        check_activation(w);
    if (!w->create && w->now.json[S_TYPE].ptr && differs(w->old.json[S_TYPE], w->now.json[S_TYPE]))
        ocpi_problem_add(&c->problems, OCPI_ERROR, HUB_SLICE_LIT("/integrationType"), "immutable",
                         "cannot be changed: make another integration");
    if (!c->problems.errors)
        resolve_parties(w);
    if (c->problems.errors)
        return HUB_EINVALID;
    err = check_reference(w);
    if (err)
        return err;
    w->now.json[S_LAST_UPDATED] = hub_v1_now(c->pool);
    w->now.json[S_MODIFIED_BY] = hub_setting_json(c->pool, c->actor);
    if (w->create) {
        w->now.json[S_CREATED] = w->now.json[S_LAST_UPDATED];
        w->now.json[S_CREATED_BY] = w->now.json[S_MODIFIED_BY];
    }
    w->changed = 0;
    for (uint32_t row = 0; row < S_COUNT; row++)
        if (differs(w->old.json[row], w->now.json[row]))
            w->changed |= bit(row);
    return HUB_EOK;
}

static void party_reference(hub_key_t *key, const hub_integration_t *integration, uint32_t party)
{
    hub_key_init(key);
    hub_key_u8(key, 'P');
    hub_key_u32(key, integration->tenant);
    hub_key_u32(key, party);
    hub_key_u32(key, integration->id);
}

/* Table REFERENCE 'P': which integrations one of our parties is on. */
static hub_err_t follow_parties(hub_view_t *view, const hub_integration_t *old, const hub_integration_t *now)
{
    hub_key_t key;
    hub_err_t err = HUB_EOK;
    for (uint32_t i = 0; old && i < old->party_count && !err; i++) {
        party_reference(&key, old, old->parties[i].id);
        err = hub_view_delete(view, HUB_TABLE_REFERENCE, &key);
        err = err == HUB_ENOT_FOUND ? HUB_EOK : err; /* named twice */
    }
    for (uint32_t i = 0; now && i < now->party_count && !err; i++) {
        party_reference(&key, now, now->parties[i].id);
        err = hub_view_put(view, HUB_TABLE_REFERENCE, &key, HUB_SLICE_LIT("1"));
    }
    return err;
}

static unsigned flags_changed(const changing_t *w)
{
    unsigned flags = 0;
    for (uint32_t row = 0; row < S_COUNT; row++)
        if (w->changed & bit(row))
            flags |= hub_integration_settings.rows[row].flags;
    return flags;
}

/* Most updates switch flags: what hangs on the other settings is not even decoded then. */
static hub_err_t follow(changing_t *w)
{
    hub_integration_change_t *c = w->c;
    bool retry = hub_setting_given(&c->in, S_RETRY) && hub_setting_true(c->in.json[S_RETRY]);
    bool revoke = !w->create && hub_setting_given(&c->in, S_REVOKE_OLD) && hub_setting_true(c->in.json[S_REVOKE_OLD]);
    unsigned flags = flags_changed(w);
    if (revoke) {
        hub_err_t err = hub_registration_revoke(c->core, w->view, c->pool, c->tenant, c->id);
        if (err)
            return err;
    }
    if (!w->create && !retry && !(flags & (HUB_SETTING_REGISTRATION | HUB_SETTING_SHARING)))
        return HUB_EOK;
    const hub_integration_t *old = w->create ? NULL : &w->before;
    hub_err_t err = w->create ? HUB_EOK : hub_integration_decode(c->core, c->pool, c->tenant, c->id, &w->old, c->version - 1, &w->before);
    if (!err)
        err = hub_integration_decode(c->core, c->pool, c->tenant, c->id, &w->now, c->version, &w->after);
    if (!err && (w->changed & bit(S_RESOLVED)))
        err = follow_parties(w->view, old, &w->after);
    if (!err && (w->create || (flags & HUB_SETTING_SHARING)))
        err = hub_sharing_follow_integration(w->view, c->pool, old, &w->after);
    if (!err && (w->create || retry || (flags & HUB_SETTING_REGISTRATION)))
        err = hub_registration_follow(c->core, w->view, c->pool, old, &w->after, retry && w->after.is_ocpi);
    if (err == HUB_ECONFLICT)
        c->conflict = HUB_SLICE_LIT("this initialToken is in use by another integration");
    return err;
}

static hub_err_t follow_index(const changing_t *w)
{
    const hub_integration_change_t *c = w->c;
    bool enabled = hub_integration_is_enabled(&w->now);
    if (w->create)
        return hub_integration_index_add(w->view, c->tenant, c->id, hub_integration_type_of(c->pool, &w->now), enabled);
    return w->changed & bit(S_ENABLED) ? hub_integration_index_enabled(w->view, c->tenant, c->id, enabled) : HUB_EOK;
}

hub_err_t hub_integration_change(hub_view_t *view, hub_integration_change_t *change)
{
    changing_t *w = HUB_POOL_NEW(change->pool, changing_t);
    hub_setting_input_t asked = change->in;
    hub_key_t key;
    uint64_t id = change->id;
    w->view = view;
    w->c = change;
    w->create = change->create;
    ocpi_problems_init(&change->problems, change->pool);
    change->conflict = HUB_SLICE_NONE;
    change->version = 0;
    hub_err_t err = w->create ? hub_view_next_id(view, "integration", &id) : load_old(w);
    change->id = (uint32_t)id;
    if (!err)
        err = merge(w);
    if (!err) {
        change->version++;
        hub_integration_key(&key, change->tenant, change->id);
        err = hub_view_put(view, HUB_TABLE_INTEGRATION, &key,
                           hub_setting_encode(change->pool, &hub_integration_settings, &w->now, change->version));
    }
    if (!err)
        err = follow_index(w);
    if (!err)
        err = follow_reference(view, change->pool, change->tenant, change->id, w->old.json[S_REFERENCE], w->now.json[S_REFERENCE]);
    if (!err)
        err = hub_integration_note(view, change->tenant, change->id, HUB_CHANGE_OBJECT, NULL);
    if (!err)
        err = follow(w);
    change->in = asked; /* apply may run again */
    change->old = w->create ? NULL : &w->old;
    change->now = &w->now;
    return err;
}

/* ---- removing ---- */

typedef struct purge {
    hub_table_t table;
    hub_key_t prefix;
} purge_t;

static hub_err_t purge_object(hub_view_t *view, hub_pool_t *pool, hub_slice_t key, int64_t now)
{
    hub_object_id_t id;
    hub_object_t head;
    if (!hub_object_key_parse(key, &id))
        return HUB_ESTORE;
    hub_err_t err = hub_object_get_key(view, key, &head);
    if (!err && id.module == OCPI_MODULE_TOKENS)
        err = hub_contract_follow(view, pool, key, &head, NULL);
    return err ? err : hub_objects__delete(view, pool, &id, &head, now);
}

static hub_err_t purge(hub_view_t *view, hub_pool_t *pool, const purge_t *what, uint32_t limit, uint32_t *count)
{
    hub_scan_t scan;
    hub_slice_t key, value, *keys = hub_pool_alloc(pool, limit * sizeof *keys);
    uint32_t found = 0;
    hub_scan_init(&scan, view, what->table, &what->prefix, NULL, false);
    while (found < limit && hub_scan_next(&scan, &key, &value))
        keys[found++] = hub_pool_copy(pool, key);
    hub_err_t err = hub_scan_finish(&scan);
    int64_t now = hub_now_ms();
    for (uint32_t i = 0; i < found && !err; i++) {
        hub_key_t one;
        hub_key_init(&one);
        hub_key_bytes(&one, keys[i]);
        err = what->table == HUB_TABLE_OBJECT ? purge_object(view, pool, keys[i], now) : hub_view_delete(view, what->table, &one);
    }
    *count += found;
    return err;
}

/* What the partner gave us, and what the pushes remember of it. */
static hub_err_t purge_all(hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, uint32_t limit, uint32_t *count)
{
    static const char readers[] = {'P', 'S', 'C', 'F', 'A'}; /* table CURSOR: of the pushes, and of a connector */
    purge_t what = {.table = HUB_TABLE_OBJECT};
    hub_integration_key(&what.prefix, tenant, id);
    hub_err_t err = purge(view, pool, &what, limit, count);
    for (size_t i = 0; i < HUB_COUNT(readers) && !err && *count < limit; i++) {
        what.table = HUB_TABLE_CURSOR;
        hub_key_init(&what.prefix);
        hub_key_u8(&what.prefix, (uint8_t)readers[i]);
        hub_key_u32(&what.prefix, id);
        err = purge(view, pool, &what, limit - *count, count);
    }
    return err;
}

hub_err_t hub_integration_remove(hub_core_t *core, hub_view_t *view, hub_pool_t *pool, uint32_t tenant, uint32_t id, uint32_t limit,
                                 bool *gone)
{
    hub_key_t key;
    hub_slice_t record;
    hub_setting_values_t values;
    uint64_t version;
    uint32_t count = 0;
    *gone = false;
    hub_integration_key(&key, tenant, id);
    hub_err_t err = hub_view_get(view, HUB_TABLE_INTEGRATION, &key, &record);
    if (!err)
        err = hub_setting_decode(&hub_integration_settings, hub_pool_copy(pool, record), &values, &version);
    if (!err) /* first of all: from now on nothing more comes in */
        err = hub_registration_forget(core, view, pool, tenant, id);
    if (!err)
        err = purge_all(view, pool, tenant, id, limit, &count);
    if (err || count == limit)
        return err;
    hub_integration_t *old = HUB_POOL_NEW(pool, hub_integration_t);
    err = hub_integration_decode(core, pool, tenant, id, &values, version, old);
    if (!err || err == HUB_ECRYPTO) /* deleting must work without the master key, too */
        err = hub_sharing_follow_integration(view, pool, old, NULL);
    if (!err)
        err = follow_parties(view, old, NULL);
    if (!err)
        err = follow_reference(view, pool, tenant, id, values.json[S_REFERENCE], HUB_SLICE_NONE);
    if (!err)
        err = hub_integration_index_drop(view, tenant, id, hub_integration_type_of(pool, &values));
    if (!err)
        err = hub_integration_line_drop(view, tenant, id);
    if (!err)
        err = hub_view_delete(view, HUB_TABLE_INTEGRATION, &key);
    if (!err)
        err = hub_integration_note(view, tenant, id, HUB_CHANGE_DELETE, NULL);
    *gone = !err;
    return err;
}
