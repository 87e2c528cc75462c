/* The directory of known partners: /v1/approved-parties. Its profile holds for an integration that says nothing itself (integration.c). */
#include "party.h"
#include "settings/collection.h"
#include "v1.h"

enum {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias) A_##symbol,
#include "approved_party.def"
#undef HUB_SETTING
};
enum { ROOT, PROFILE };
static const hub_setting_t rows[] = {
#define HUB_SETTING(symbol, id, group, type, flags, name, min, max, options, fallback, alias)                                              \
    HUB_SETTING_ROW(id, group, type, flags, name, min, max, options, fallback, alias),
#include "approved_party.def"
#undef HUB_SETTING
};

static const hub_setting_group_t groups[] = {[ROOT] = {NULL, 0, false}, [PROFILE] = {"profile", ROOT, false}};
static const char *const read_only[] = {"id", NULL};
const hub_setting_table_t hub_approved_settings = {rows, HUB_COUNT(rows), groups, HUB_COUNT(groups), read_only, NULL, NULL};
static const hub_collection_t approved = {"/v1/approved-parties", "approved_party", HUB_TABLE_APPROVED_PARTY, true,
                                          &hub_approved_settings, A_CREATED,        A_LAST_UPDATED,           NULL};

void hub_v1_approved_list(hub_exchange_t *x)
{
    hub_collection_list(x, &approved);
}

void hub_v1_approved_create(hub_exchange_t *x)
{
    hub_collection_write(x, &approved, true, true);
}

void hub_v1_approved_get(hub_exchange_t *x)
{
    hub_collection_get(x, &approved);
}

void hub_v1_approved_put(hub_exchange_t *x)
{
    hub_collection_write(x, &approved, true, false);
}

void hub_v1_approved_patch(hub_exchange_t *x)
{
    hub_collection_write(x, &approved, false, false);
}

void hub_v1_approved_delete(hub_exchange_t *x)
{
    hub_collection_delete(x, &approved);
}
