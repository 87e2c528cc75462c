/* Parked deliveries of connectors as they lie in quarantine: what they are about, as one text of its own. */
#include <string.h>

#include "quarantine.h"

typedef struct hub_parked_head { /* native bytes; behind it: key, evse_uid */
    uint64_t seq, parts;
    uint16_t key_len, evse_len;
    uint8_t source, verb, kind, reserved;
} hub_parked_head_t;

hub_slice_t hub_parked_write(hub_pool_t *pool, const hub_parked_t *parked)
{
    const hub_parked_head_t head = {.seq = parked->seq,
                                    .parts = parked->parts,
                                    .key_len = (uint16_t)parked->key.len,
                                    .evse_len = (uint16_t)parked->evse_uid.len,
                                    .source = parked->source,
                                    .verb = parked->verb,
                                    .kind = parked->kind};
    const hub_slice_t parts[] = {hub_slice((const char *)&head, sizeof head), parked->key, parked->evse_uid};
    return hub_base64_encode(pool, hub_pool_join(pool, parts, HUB_COUNT(parts)));
}

bool hub_parked_read(hub_pool_t *pool, hub_slice_t text, hub_parked_t *out)
{
    hub_parked_head_t head;
    hub_slice_t bytes;
    if (!text.len || !hub_base64_decode(pool, text, &bytes) || bytes.len < sizeof head)
        return false;
    memcpy(&head, bytes.ptr, sizeof head);
    if (bytes.len != sizeof head + head.key_len + head.evse_len)
        return false;
    const char *behind = bytes.ptr + sizeof head;
    *out = (hub_parked_t){.source = head.source,
                          .verb = head.verb,
                          .kind = head.kind,
                          .seq = head.seq,
                          .parts = head.parts,
                          .key = hub_slice(behind, head.key_len),
                          .evse_uid = hub_slice(behind + head.key_len, head.evse_len)};
    return true;
}

/* 'Q', integration, no module, 'p': beside the keys of objects (quarantine.c), by digest, since both together may be longer than a key. */
void hub_parked_key(hub_key_t *key, uint32_t integration, uint8_t source, hub_slice_t what, hub_slice_t evse_uid)
{
    unsigned char digest[HUB_SHA256_LEN];
    hub_buf_t text = HUB_BUF_INIT(NULL);
    hub_buf_add_char(&text, (char)source);
    hub_buf_add(&text, what);
    hub_buf_add_char(&text, 0);
    hub_buf_add(&text, evse_uid);
    hub_sha256(hub_buf_slice(&text), digest);
    hub_buf_finish(&text);
    hub_key_init(key);
    hub_key_u8(key, 'Q');
    hub_key_u32(key, integration);
    hub_key_u8(key, 0);
    hub_key_u8(key, 'p');
    hub_key_bytes(key, hub_slice((const char *)digest, sizeof digest));
}
