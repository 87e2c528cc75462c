/* Keys: big-endian numbers and strings that end with a 0 byte, so that byte order is the order wanted. */
#include "room.h"

#define ID_MAX 255
#define OBJECT_KEY_MAX 384 /* leaves room for a stream, a version and an EVSE uid around it */

void hub_key_init(hub_key_t *key)
{
    key->len = 0;
    key->overflow = false;
}

static unsigned char *room_for(hub_key_t *key, size_t len)
{
    if (key->overflow || len > (size_t)(HUB_KEY_MAX - key->len)) {
        key->overflow = true;
        return NULL;
    }
    unsigned char *at = key->bytes + key->len;
    key->len = (uint16_t)(key->len + len);
    return at;
}

static void add_number(hub_key_t *key, uint64_t n, size_t width)
{
    unsigned char *at = room_for(key, width);
    for (size_t i = 0; at && i < width; i++)
        at[i] = (unsigned char)(n >> (8 * (width - 1 - i)));
}

void hub_key_u8(hub_key_t *key, uint8_t n)
{
    add_number(key, n, 1);
}

void hub_key_u32(hub_key_t *key, uint32_t n)
{
    add_number(key, n, 4);
}

void hub_key_u64(hub_key_t *key, uint64_t n)
{
    add_number(key, n, 8);
}

void hub_key_bytes(hub_key_t *key, hub_slice_t s)
{
    unsigned char *at = room_for(key, s.len);
    if (at && s.len)
        memcpy(at, s.ptr, s.len);
}

/* A 0 byte inside would make two parts of one: such a key is spoilt like one that is too long. */
static unsigned char *add_string(hub_key_t *key, hub_slice_t s)
{
    if (s.len && memchr(s.ptr, 0, s.len)) {
        key->overflow = true;
        return NULL;
    }
    unsigned char *at = s.len < HUB_KEY_MAX ? room_for(key, s.len + 1) : NULL;
    if (!at) {
        key->overflow = true;
        return NULL;
    }
    if (s.len)
        memcpy(at, s.ptr, s.len);
    at[s.len] = 0;
    return at;
}

void hub_key_str(hub_key_t *key, hub_slice_t s)
{
    add_string(key, s);
}

void hub_key_folded(hub_key_t *key, hub_slice_t s)
{
    unsigned char *at = add_string(key, s);
    for (size_t i = 0; at && i < s.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (unsigned char)(at[i] + 32);
}

static void object_key(const hub_object_id_t *id, hub_key_t *key, void (*add)(hub_key_t *key, hub_slice_t s))
{
    hub_key_init(key);
    hub_key_u32(key, id->tenant);
    hub_key_u32(key, id->scope);
    hub_key_u8(key, id->module);
    add(key, id->country);
    add(key, id->party);
    add(key, id->id);
    if (id->type.len)
        add(key, id->type);
}

void hub_store__key_spelled(const hub_object_id_t *id, hub_key_t *key)
{
    object_key(id, key, hub_key_str);
}

hub_err_t hub_object_key(const hub_object_id_t *id, hub_key_t *key)
{
    object_key(id, key, hub_key_folded);
    return key->overflow || id->id.len > ID_MAX || key->len > OBJECT_KEY_MAX ? HUB_EINVALID : HUB_EOK;
}

bool hub_object_key_parse(hub_slice_t key, hub_object_id_t *id)
{
    if (key.len < 9 || key.len > OBJECT_KEY_MAX || key.ptr[key.len - 1] != 0)
        return false;
    const unsigned char *p = (const unsigned char *)key.ptr;
    *id = (hub_object_id_t){.tenant = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3],
                            .scope = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7],
                            .module = p[8]};
    hub_slice_t rest = hub_slice(key.ptr + 9, key.len - 9);
    hub_slice_t *parts[] = {&id->country, &id->party, &id->id, &id->type};
    size_t count = 0;
    for (; count < HUB_COUNT(parts) && rest.len; count++) {
        size_t len = strnlen(rest.ptr, rest.len);
        *parts[count] = hub_slice(rest.ptr, len);
        rest = hub_slice(rest.ptr + len + 1, rest.len - len - 1);
    }
    return count >= 3 && rest.len == 0;
}

/* ---- audiences of a pair ---- */

#define PAIR_PARTY_BITS 21
#define PAIR_CODE 7 /* bits a character */

static bool add_code(uint64_t *bits, hub_slice_t code, size_t width)
{
    if (!code.len || code.len > width)
        return false;
    for (size_t i = 0; i < width; i++) {
        unsigned char c = i < code.len ? (unsigned char)code.ptr[i] : 0;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        if (c > 127 || (i < code.len && !c))
            return false;
        *bits = *bits << PAIR_CODE | c;
    }
    return true;
}

hub_audience_t hub_audience_pair(uint32_t party, hub_slice_t token_country, hub_slice_t token_party)
{
    uint64_t bits = party;
    if (!party || party >> PAIR_PARTY_BITS || !add_code(&bits, token_country, 2) || !add_code(&bits, token_party, 3))
        return 0;
    return (uint64_t)HUB_AUDIENCE_PAIR << 56 | bits;
}

bool hub_audience_pair_parse(hub_audience_t audience, uint32_t *party, char token_country[3], char token_party[4])
{
    if (audience >> 56 != HUB_AUDIENCE_PAIR)
        return false;
    char code[5];
    for (int i = 0; i < 5; i++)
        code[i] = (char)(audience >> (4 - i) * PAIR_CODE & 127);
    memcpy(token_country, code, 2);
    memcpy(token_party, code + 2, 3);
    token_country[2] = token_party[3] = '\0';
    *party = (uint32_t)(audience >> 5 * PAIR_CODE & ((1u << PAIR_PARTY_BITS) - 1));
    return true;
}

void hub_store__meta_key(hub_key_t *key, const char *name)
{
    hub_key_init(key);
    hub_key_str(key, hub_slice_str(name));
}

void hub_store__key_audience(hub_key_t *key, hub_audience_t audience, uint8_t module)
{
    hub_key_init(key);
    hub_key_u64(key, audience);
    hub_key_u8(key, module);
}

void hub_store__key_created(hub_key_t *key, hub_audience_t audience, uint8_t module, uint64_t created_seq)
{
    hub_store__key_audience(key, audience, module);
    hub_key_u64(key, created_seq);
}

/* Times before 1970 sort before those after: the sign bit is turned over. */
void hub_store__key_time(hub_key_t *key, int64_t ms)
{
    hub_key_u64(key, (uint64_t)ms ^ (1ull << 63));
}

void hub_store__key_updated(hub_key_t *key, hub_audience_t audience, uint8_t module, int64_t last_updated, uint64_t created_seq)
{
    hub_store__key_audience(key, audience, module);
    hub_store__key_time(key, last_updated);
    hub_key_u64(key, created_seq);
}

uint64_t hub_store__read_u64(const void *at)
{
    const unsigned char *p = at;
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | p[i];
    return n;
}

int64_t hub_store__read_time(const void *at)
{
    return (int64_t)(hub_store__read_u64(at) ^ (1ull << 63));
}
