/* What a receiver says about a delivery that it did not take: problem details (RFC 9457), OAuth's and other usual members, S3's XML, plain
 * text. */
#include <string.h>

#include "connector.h"

#define WORDS_MOST 300u

static const char *const pointers[] = {
    "/detail",          "/message",          "/error_description", "/error/message", "/error",
    "/errors/0/detail", "/errors/0/message", "/errors/0",          "/0/message",     "/title",
};

static hub_slice_t words_in_json(hub_delivery_t *delivery)
{
    yyjson_doc *doc;
    hub_call_t *call = &delivery->call;
    if (ocpi_read(call->pool, call->answer, &doc, NULL) != HUB_EOK)
        return HUB_SLICE_NONE;
    for (size_t i = 0; i < HUB_COUNT(pointers); i++) {
        hub_slice_t text = ocpi_str(yyjson_ptr_get(yyjson_doc_get_root(doc), pointers[i]));
        if (text.len)
            return text;
    }
    return HUB_SLICE_NONE;
}

static hub_slice_t words_in_xml(hub_slice_t text)
{
    const hub_slice_t open = HUB_SLICE_LIT("<Message>"), close = HUB_SLICE_LIT("</Message>");
    const char *from = text.len ? memmem(text.ptr, text.len, open.ptr, open.len) : NULL;
    if (!from)
        return HUB_SLICE_NONE;
    from += open.len;
    size_t left = text.len - (size_t)(from - text.ptr);
    const char *to = memmem(from, left, close.ptr, close.len);
    return to ? hub_slice(from, (size_t)(to - from)) : HUB_SLICE_NONE;
}

/* In one line, not cut in the middle of a character. */
static hub_slice_t one_line(hub_pool_t *pool, hub_slice_t text)
{
    text = hub_slice_trim(text);
    size_t len = text.len < WORDS_MOST ? text.len : WORDS_MOST;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    if (!len || !hub_slice_utf8_ok(hub_slice(text.ptr, len)))
        return HUB_SLICE_NONE;
    char *out = hub_pool_str(pool, hub_slice(text.ptr, len));
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
            out[i] = ' ';
    return hub_slice(out, len);
}

hub_slice_t hub_delivery_words(hub_delivery_t *delivery)
{
    hub_call_t *call = &delivery->call;
    hub_slice_t words = call->answer.len ? words_in_json(delivery) : HUB_SLICE_NONE;
    if (!words.len)
        words = words_in_xml(call->answer);
    if (!words.len && hub_slice_starts(hub_slice_trim(call->content_type), HUB_SLICE_LIT("text/plain")))
        words = call->answer;
    return one_line(call->pool, words);
}
