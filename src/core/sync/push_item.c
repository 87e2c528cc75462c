/* Items of a push and their memory: a few hundred bytes each, since a hub with many partners holds many of them. */
#include <stdlib.h>
#include <string.h>

#include "pump.h"

uint64_t hub_push__hash(hub_slice_t key)
{
    return hub_hash(HUB_HASH_START, key);
}

static char *append(char *at, hub_slice_t s, hub_slice_t *copy)
{
    if (s.len)
        memcpy(at, s.ptr, s.len);
    *copy = hub_slice(at, s.len);
    return at + s.len;
}

hub_push_item_t *hub_push__item_create(hub_pump_t *pump, hub_slice_t key, hub_slice_t evse_uid)
{
    hub_push_item_t *item = calloc(1, sizeof *item + key.len + evse_uid.len);
    HUB_ASSERT(item);
    item->pump = pump;
    item->hash = hub_push__hash(key);
    append(append((char *)(item + 1), key, &item->key), evse_uid, &item->evse_uid);
    return item;
}

void hub_push__item_free(hub_push_item_t *item)
{
    free(item->names);
    free(item->refusal);
    free(item->memo_bytes);
    free(item);
}

const hub_push_item_t *hub_push__among(const hub_push_item_t *results, uint64_t hash, hub_slice_t key)
{
    while (results && (results->hash != hash || !hub_slice_eq(results->key, key)))
        results = results->next_result;
    return results;
}

/* The old names may be among the new ones. */
void hub_push__item_name(hub_push_item_t *item, hub_slice_t country, hub_slice_t party, hub_slice_t id, hub_slice_t path)
{
    char *names = malloc(country.len + party.len + id.len + path.len + 1);
    HUB_ASSERT(names);
    char *at = append(names, country, &item->country);
    at = append(at, party, &item->party);
    at = append(at, id, &item->id);
    append(at, path, &item->path);
    free(item->names);
    item->names = names;
}

void hub_push__item_refused(hub_push_item_t *item, hub_slice_t why, hub_slice_t text)
{
    char *refusal = malloc(why.len + text.len + 1);
    HUB_ASSERT(refusal);
    append(append(refusal, why, &item->why), text, &item->text);
    free(item->refusal);
    item->refusal = refusal;
}

void hub_push__item_memo(hub_push_item_t *item, const hub_memo_t *memo, hub_slice_t rest)
{
    char *bytes = NULL;
    item->memo = HUB_SLICE_NONE;
    if (memo) {
        bytes = malloc(sizeof *memo + rest.len);
        HUB_ASSERT(bytes);
        memcpy(bytes, memo, sizeof *memo);
        if (rest.len)
            memcpy(bytes + sizeof *memo, rest.ptr, rest.len);
        item->memo = hub_slice(bytes, sizeof *memo + rest.len);
    }
    free(item->memo_bytes); /* `rest` may have lain there */
    item->memo_bytes = bytes;
}
