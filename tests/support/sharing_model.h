/* Who sees what, worked out anew from what is there: the model that core_sharing_test.c holds the store against. */
#ifndef TESTS_SHARING_MODEL_H
#define TESTS_SHARING_MODEL_H

#include "integration/integration.h"

#define TENANT 1u
#define PARTIES 2
#define PLACES 4 /* locations a party */
#define PRICES 6 /* tariffs a party */
#define PARTNERS 5
#define EVSES 2
#define CONNECTORS 2

typedef struct place {
    bool exists, publish, allowed, removed;
    bool gone[EVSES]; /* status REMOVED */
    unsigned names[EVSES][CONNECTORS];
} place_t;

typedef struct bound {
    bool bound, withdrawn;
    int override[EVSES][CONNECTORS]; /* -1: none */
} bound_t;

static struct model {
    place_t place[PARTIES][PLACES];
    bool price[PARTIES][PRICES];
    struct {
        hub_integration_t integration;
        hub_party_ref_t parties[PARTIES];
        bound_t bound[PARTIES][PLACES];
        bool grant[PARTIES][PRICES];
    } partner[PARTNERS];
} model;

static bool has_party(int i, int p)
{
    for (uint32_t n = 0; n < model.partner[i].integration.party_count; n++) {
        if (model.partner[i].parties[n].id == (uint32_t)p + 1)
            return true;
    }
    return false;
}

static bool sees_place(int i, int p, int l)
{
    const place_t *place = &model.place[p][l];
    if (!place->exists || !has_party(i, p))
        return false;
    return model.partner[i].bound[p][l].bound || (!model.partner[i].integration.sharing_bound && (place->publish || place->allowed));
}

/* The tariffs named by one connector, for a partner (NULL: for all). */
static unsigned names(const place_t *place, const bound_t *bound, int e, int c)
{
    if (!place->exists || place->removed || place->gone[e])
        return 0;
    return bound && bound->bound && bound->override[e][c] >= 0 ? (unsigned)bound->override[e][c] : place->names[e][c];
}

static unsigned all_names(const place_t *place, const bound_t *bound)
{
    unsigned all = 0;
    for (int e = 0; e < EVSES; e++) {
        for (int c = 0; c < CONNECTORS; c++)
            all |= names(place, bound, e, c);
    }
    return all;
}

static bool sees_price(int i, int p, int t)
{
    if (!model.price[p][t] || !has_party(i, p))
        return false;
    if (model.partner[i].integration.tariffs_all || model.partner[i].grant[p][t])
        return true;
    for (int l = 0; l < PLACES; l++) {
        if (sees_place(i, p, l) && all_names(&model.place[p][l], &model.partner[i].bound[p][l]) >> t & 1)
            return true;
    }
    return false;
}

static bool price_named(int p, int t)
{
    for (int l = 0; l < PLACES; l++) {
        if (all_names(&model.place[p][l], NULL) >> t & 1)
            return true;
        for (int i = 0; i < PARTNERS; i++) {
            if (model.partner[i].bound[p][l].bound && all_names(&model.place[p][l], &model.partner[i].bound[p][l]) >> t & 1)
                return true;
        }
    }
    return false;
}

/* What was withdrawn and is seen again, or belongs to a party that the partner has no more, is withdrawn no more. */
static void model_settle(void)
{
    for (int i = 0; i < PARTNERS; i++) {
        for (int p = 0; p < PARTIES; p++) {
            for (int l = 0; l < PLACES; l++) {
                if (sees_place(i, p, l) || !has_party(i, p) || !model.place[p][l].exists)
                    model.partner[i].bound[p][l].withdrawn = false;
            }
        }
    }
}

#endif
