/* The words of an alert, the same for all providers. */
#include <string.h>

#include "message.h"

#define NAME_CHARACTERS 100u
#define DESCRIPTION_CHARACTERS 1000u /* all of it stays below Telegram's 4096 */
#define REFERENCE_CHARACTERS 256u

/* ---- characters ---- */

bool hub_message_take(hub_slice_t *rest, hub_slice_t *character)
{
    if (!rest->len)
        return false;
    *character = HUB_SLICE_LIT("?");
    size_t n = 1;
    while (n < 4 && n < rest->len && !hub_slice_utf8_ok(hub_slice(rest->ptr, n)))
        n++;
    if (hub_slice_utf8_ok(hub_slice(rest->ptr, n)))
        *character = hub_slice(rest->ptr, n);
    else
        n = 1;
    *rest = hub_slice(rest->ptr + n, rest->len - n);
    return true;
}

static uint32_t code_point(hub_slice_t character)
{
    static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (unsigned char)character.ptr[0] & masks[character.len];
    for (size_t i = 1; i < character.len; i++)
        code = code << 6 | ((unsigned char)character.ptr[i] & 0x3F);
    return code;
}

/* Control characters, line and paragraph separators, and what turns the direction of the text that follows. */
static bool is_control(hub_slice_t character)
{
    uint32_t c = code_point(character);
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static size_t count(hub_slice_t words)
{
    hub_slice_t character;
    size_t n = 0;
    while (hub_message_take(&words, &character))
        n++;
    return n;
}

hub_slice_t hub_message_line(hub_pool_t *pool, hub_slice_t words, size_t most)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_slice_t rest = words, character;
    bool cut = count(rest) > most;
    for (size_t left = cut ? most - 3 : most; left && hub_message_take(&rest, &character); left--)
        hub_buf_add(&out, is_control(character) ? HUB_SLICE_LIT(" ") : character);
    hub_buf_add_str(&out, cut ? "..." : "");
    return hub_slice_trim(hub_buf_slice(&out));
}

/* ---- one SMS ---- */

/* GSM 03.38: the default alphabet, and what takes two of its characters. */
static const char gsm[] = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
                          "abcdefghijklmnopqrstuvwxyzäöñüà";
static const char gsm_extended[] = "^{}\\[~]|€";
#define GSM_MAX 160u
#define UCS2_MAX 70u /* UTF-16 units */

static bool among(hub_slice_t character, const char *characters)
{
    return character.ptr && memmem(characters, strlen(characters), character.ptr, character.len);
}

static bool is_gsm(hub_slice_t words)
{
    hub_slice_t character;
    while (hub_message_take(&words, &character))
        if (!among(character, gsm) && !among(character, gsm_extended))
            return false;
    return true;
}

typedef struct hub_sms {
    hub_buf_t out;
    size_t left;
    bool wide; /* UCS-2 */
} hub_sms_t;

static size_t cost(const hub_sms_t *sms, hub_slice_t *character)
{
    if (sms->wide)
        return character->len == 4 ? 2 : 1;
    if (among(*character, gsm_extended))
        return 2;
    if (!among(*character, gsm))
        *character = HUB_SLICE_LIT("?");
    return 1;
}

static void add(hub_sms_t *sms, hub_slice_t words)
{
    hub_slice_t rest = words, character;
    size_t all = 0;
    while (hub_message_take(&rest, &character))
        all += cost(sms, &character);
    bool cut = all > sms->left;
    size_t left = !cut ? all : sms->left > 3 ? sms->left - 3 : 0;
    for (rest = words; hub_message_take(&rest, &character);) {
        size_t n = cost(sms, &character);
        if (n > left)
            break;
        hub_buf_add(&sms->out, character);
        left -= n;
    }
    if (cut && sms->left >= 3)
        hub_buf_add_str(&sms->out, "...");
    sms->left = cut ? 0 : sms->left - all;
}

/* What must be said goes first; the name gets what is left of it, the description what is left then. */
static hub_slice_t brief(hub_pool_t *pool, hub_slice_t name, const char *status, const char *since, hub_slice_t description)
{
    hub_sms_t sms = {.out = HUB_BUF_INIT(pool), .wide = !is_gsm(name)};
    hub_slice_t head = HUB_SLICE_LIT("ocpi-hub: ");
    hub_slice_t tail = hub_pool_printf(pool, " is %s since %s", status, sms.wide ? since + sizeof "2026-11-21" : since);
    sms.left = sms.wide ? UCS2_MAX : GSM_MAX;
    size_t must = head.len + tail.len;
    sms.left = sms.left > must ? sms.left - must : 0;
    hub_buf_add(&sms.out, head);
    add(&sms, name);
    hub_buf_add(&sms.out, tail);
    if (description.len && sms.left > 12) {
        add(&sms, HUB_SLICE_LIT(": "));
        add(&sms, description);
    }
    return hub_buf_slice(&sms.out);
}

/* ---- all of it ---- */

static void add_row(hub_buf_t *out, const char *title, hub_slice_t value)
{
    if (value.len)
        hub_buf_printf(out, "%-13s%.*s\n", title, HUB_SLICE_FMT(value));
}

void hub_alert_text(const hub_delivery_t *delivery, hub_alert_text_t *out)
{
    hub_pool_t *pool = delivery->call.pool;
    const struct hub_alert *alert = &delivery->alert;
    hub_slice_t name = hub_message_line(pool, alert->name, NAME_CHARACTERS),
                description = hub_message_line(pool, alert->description, DESCRIPTION_CHARACTERS);
    hub_slice_t status = hub_pool_printf(pool, "%.*s%s", HUB_SLICE_FMT(alert->status), alert->recovered ? " again" : "");
    char time[OCPI_TIME_MAX + 1];
    (void)ocpi_time_format(alert->since ? alert->since : delivery->now, time);
    hub_slice_t since = hub_pool_printf(pool, "%.10s %.8s UTC", time, time + sizeof "2026-11-21");
    hub_slice_t minute = hub_pool_printf(pool, "%.10s %.5s UTC", time, time + sizeof "2026-11-21");
    hub_buf_t text = HUB_BUF_INIT(pool);
    out->subject = hub_pool_printf(pool, "[ocpi-hub] Partner %.*s is %s", HUB_SLICE_FMT(name), status.ptr);
    out->brief = brief(pool, name, status.ptr, minute.ptr, description);
    hub_buf_printf(&text, "Partner %.*s is %s.\n\n", HUB_SLICE_FMT(name), status.ptr);
    add_row(&text, "Name:", name);
    add_row(&text, "Reference:", hub_message_line(pool, alert->reference, REFERENCE_CHARACTERS));
    add_row(&text, "Integration:", alert->id);
    add_row(&text, "Status:", status);
    add_row(&text, "Description:", description);
    add_row(&text, "Since:", since);
    hub_buf_printf(&text, "\nWhere to look: %.*s/v1/integrations/%.*s/delivery\n", HUB_SLICE_FMT(delivery->public_url),
                   HUB_SLICE_FMT(alert->id));
    out->text = hub_buf_slice(&text);
}
