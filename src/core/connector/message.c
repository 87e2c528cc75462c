/* Operator alerts through the providers of message.def: recipients, templates, requests. */
#include "message.h"

#include <string.h>

const hub_message_row_t hub_message_rows[] = {
#define BASIC(secret)                                                                                                                      \
    {                                                                                                                                      \
        "Authorization", "Basic ", secret, true                                                                                            \
    }
#define BEARER(secret)                                                                                                                     \
    {                                                                                                                                      \
        "Authorization", "Bearer ", secret, false                                                                                          \
    }
#define HEADER(name, secret)                                                                                                               \
    {                                                                                                                                      \
        name, "", secret, false                                                                                                            \
    }
#define NOTHING                                                                                                                            \
    {                                                                                                                                      \
        NULL, NULL, NULL, false                                                                                                            \
    }
#define ANSWER(proof, accepted, reference, words)                                                                                          \
    {                                                                                                                                      \
        proof, accepted, reference, words                                                                                                  \
    }
#define HUB_MESSAGE(provider, to, base, path, form, body, auth, answer)                                                                    \
    {provider, HUB_TO_##to, HUB_FORM_##form, base, path, body, auth, answer},
#define HUB_MESSAGE_CODE(provider, pointer, value, outcome)
#include "message.def"
#undef HUB_MESSAGE
#undef HUB_MESSAGE_CODE
};
const size_t hub_message_row_count = HUB_COUNT(hub_message_rows);

const hub_message_code_t hub_message_codes[] = {
#define HUB_MESSAGE(provider, to, base, path, form, body, auth, answer)
#define HUB_MESSAGE_CODE(provider, pointer, value, outcome) {provider, pointer, value, HUB_OUTCOME_##outcome},
#include "message.def"
#undef HUB_MESSAGE
#undef HUB_MESSAGE_CODE
};
const size_t hub_message_code_count = HUB_COUNT(hub_message_codes);

const hub_message_row_t *hub_message_row_of(const hub_connector_t *connector)
{
    for (size_t i = 0; i < hub_message_row_count; i++)
        if (hub_slice_eq_str(connector->provider, hub_message_rows[i].provider))
            return &hub_message_rows[i];
    return NULL;
}

/* ---- what a template may name ---- */

typedef struct hub_message {
    hub_delivery_t *delivery;
    hub_pool_t *pool;
    const hub_connector_t *connector;
    const hub_message_row_t *row;
    hub_alert_text_t text;
    hub_slice_t recipients[HUB_MESSAGE_RECIPIENTS]; /* of phones: digits alone */
    uint32_t count;
} hub_message_t;

static bool fail(hub_message_t *message, hub_slice_t problem)
{
    message->delivery->problem = problem;
    return false;
}

static hub_slice_t first_setting(const hub_connector_t *connector, const char *const *names, size_t count)
{
    hub_slice_t text = HUB_SLICE_NONE;
    for (size_t i = 0; i < count && !text.len; i++)
        text = hub_connector_text(connector, names[i]);
    return text;
}

static hub_slice_t sender(const hub_connector_t *connector)
{
    static const char *const names[] = {"default_sender_email", "sender_email"};
    return first_setting(connector, names, HUB_COUNT(names));
}

static hub_slice_t sender_name(const hub_connector_t *connector)
{
    static const char *const names[] = {"default_sender_name", "sender_name"};
    return first_setting(connector, names, HUB_COUNT(names));
}

static hub_slice_t key(hub_pool_t *pool, const hub_connector_t *connector)
{
    static const char *const names[] = {"key", "apiKey", "token"};
    hub_slice_t text = HUB_SLICE_NONE;
    for (size_t i = 0; i < HUB_COUNT(names) && !text.len; i++)
        text = hub_connector_credential(pool, connector, names[i]);
    return text;
}

static hub_slice_t value_of(const hub_message_t *message, hub_slice_t name)
{
    hub_pool_t *pool = message->pool;
    hub_slice_t number = message->row->to == HUB_TO_PHONES ? message->recipients[message->delivery->part] : HUB_SLICE_NONE;
    const struct {
        const char *name;
        hub_slice_t value;
    } own[] = {
        {"subject", message->text.subject},
        {"brief", message->text.brief},
        {"text", message->text.text},
        {"msisdn", number},
        {"recipient", hub_pool_printf(pool, "+%.*s", HUB_SLICE_FMT(number))},
        {"recipients", message->recipients[0]}, /* add_recipients writes all of them */
        {"from", hub_mail_mailbox(pool, sender_name(message->connector), sender(message->connector))},
        {"key", key(pool, message->connector)},
    };
    for (size_t i = 0; i < HUB_COUNT(own); i++)
        if (hub_slice_eq_str(name, own[i].name))
            return own[i].value;
    return hub_connector_text(message->connector, hub_pool_str(pool, name));
}

/* ---- templates ---- */

static void add_raw(hub_buf_t *out, hub_slice_t value)
{
    hub_buf_add(out, value);
}

/* A colon is fine in a path (RFC 3986), and how Telegram documents its tokens. */
static void add_path(hub_buf_t *out, hub_slice_t value)
{
    hub_slice_t part;
    for (bool first = true; hub_slice_split(&value, ':', &part); first = false) {
        hub_buf_add_str(out, first ? "" : ":");
        hub_buf_add_url(out, part);
    }
}

typedef void add_value_t(hub_buf_t *out, hub_slice_t value);

static void add_recipients(const hub_message_t *message, add_value_t *add, hub_buf_t *out)
{
    bool json = add == hub_buf_add_json_any;
    for (uint32_t i = 0; i < message->count; i++) {
        hub_buf_add_str(out, json ? (i ? ",{\"email\":" : "[{\"email\":") : i ? "%2C" : "");
        add(out, message->recipients[i]);
        hub_buf_add_str(out, json ? "}" : "");
    }
    hub_buf_add_str(out, json ? "]" : "");
}

static hub_slice_t take_name(const char **p)
{
    const char *start = *p;
    *p += strspn(start, "abcdefghijklmnopqrstuvwxyz_");
    return hub_slice(start, (size_t)(*p - start));
}

/* False: a name outside of <> has no value; delivery->problem. */
static bool expand(hub_message_t *message, const char *template, add_value_t *add, hub_slice_t *result)
{
    hub_buf_t out = HUB_BUF_INIT(message->pool);
    size_t group = 0;
    bool in_group = false, lacks = false;
    for (const char *p = template; *p;) {
        char c = *p++;
        if (c == '<' || c == '>') {
            if (c == '>' && lacks)
                out.len = group;
            in_group = c == '<';
            lacks = false;
            group = out.len;
            continue;
        }
        if (c != '$') {
            hub_buf_add_char(&out, c);
            continue;
        }
        hub_slice_t name = take_name(&p), value = value_of(message, name);
        if (!value.len && !in_group)
            return fail(message, hub_pool_printf(message->pool, "%s%.*s is missing",
                                                 hub_slice_eq_str(name, "key") ? "credentials." : "settings.", HUB_SLICE_FMT(name)));
        lacks = lacks || !value.len;
        if (hub_slice_eq_str(name, "recipients"))
            add_recipients(message, add, &out);
        else
            add(&out, value);
    }
    *result = hub_buf_slice(&out);
    return true;
}

/* ---- recipients ---- */

/* Digits of an international number. */
static hub_slice_t phone(hub_pool_t *pool, hub_slice_t s)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
            hub_buf_add_char(&out, s.ptr[i]);
        else if (!strchr(i ? " -./()" : "+", s.ptr[i]) || !s.ptr[i])
            return HUB_SLICE_NONE;
    }
    return out.len >= 5 && out.len <= 15 && out.ptr[0] != '0' ? hub_buf_slice(&out) : HUB_SLICE_NONE;
}

static bool add_recipient(hub_message_t *message, hub_slice_t text, const char *where)
{
    bool phones = message->row->to == HUB_TO_PHONES;
    hub_slice_t s = hub_slice_trim(text);
    if (!s.len)
        return true;
    s = phones ? phone(message->pool, s) : hub_mail_is_address(s) ? hub_pool_copy(message->pool, s) : HUB_SLICE_NONE;
    if (!s.len)
        return fail(message, hub_pool_printf(message->pool, "%s holds what is no %s", where,
                                             phones ? "phone number in international form (+491701234567)" : "e-mail address"));
    for (uint32_t i = 0; i < message->count; i++)
        if (hub_slice_caseeq(message->recipients[i], s))
            return true;
    if (message->count == HUB_MESSAGE_RECIPIENTS)
        return fail(message, hub_pool_printf(message->pool, "%s holds more than %u recipients", where, HUB_MESSAGE_RECIPIENTS));
    message->recipients[message->count++] = s;
    return true;
}

static bool add_listed(hub_message_t *message, hub_slice_t list, const char *where)
{
    hub_slice_t text;
    while (hub_slice_split(&list, ',', &text))
        if (!add_recipient(message, text, where))
            return false;
    return true;
}

/* configData.recipients, or `to`: a string (commas between several) or an array of them. */
static bool add_configured(hub_message_t *message, const char *name)
{
    yyjson_doc *doc;
    size_t i, n;
    yyjson_val *item;
    if (!message->connector->config_data.ptr || ocpi_read(message->pool, message->connector->config_data, &doc, NULL) != HUB_EOK)
        return true;
    const char *where = hub_pool_printf(message->pool, "configData.%s", name).ptr;
    yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(doc), name);
    if (!yyjson_is_arr(value))
        return add_listed(message, ocpi_str(value), where);
    yyjson_arr_foreach(value, i, n, item)
    {
        if (!add_listed(message, ocpi_str(item), where))
            return false;
    }
    return true;
}

static bool find_recipients(hub_message_t *message)
{
    if (message->row->to == HUB_TO_CHAT)
        return true;
    if (!add_configured(message, "recipients") || !add_configured(message, "to"))
        return false;
    if (message->count)
        return true;
    if (message->row->to == HUB_TO_PHONES)
        return fail(message, HUB_SLICE_LIT("configData.recipients is missing: the phone numbers that get the alerts"));
    hub_slice_t reply_to = hub_connector_text(message->connector, "default_reply_to_email");
    return reply_to.len ? add_recipient(message, reply_to, "settings.default_reply_to_email")
                        : add_recipient(message, sender(message->connector), "the sender's address");
}

/* ---- requests ---- */

static bool add_auth(hub_message_t *message)
{
    hub_slice_t value;
    if (!message->row->auth.header)
        return true;
    if (!expand(message, message->row->auth.secret, add_raw, &value))
        return false;
    if (message->row->auth.base64)
        value = hub_base64_encode(message->pool, value);
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7F)
            return fail(message, HUB_SLICE_LIT("the key holds a character that no header can carry"));
    hub_delivery_header(message->delivery, message->row->auth.header,
                        hub_pool_printf(message->pool, "%s%.*s", message->row->auth.scheme, HUB_SLICE_FMT(value)));
    return true;
}

static bool names_secret(const hub_connector_t *connector, const char *template)
{
    for (uint32_t i = 0; i < connector->member_count; i++)
        if (connector->members[i].secret && strstr(template, connector->members[i].name))
            return true;
    return false;
}

static bool write_http(hub_message_t *message)
{
    hub_call_t *call = &message->delivery->call;
    const hub_message_row_t *row = message->row;
    bool json = row->form == HUB_FORM_JSON;
    hub_slice_t path;
    if (!expand(message, row->path, add_path, &path) ||
        !expand(message, row->body, json ? hub_buf_add_json_any : hub_buf_add_url, &call->body))
        return false;
    call->method = HUB_POST;
    call->url = hub_pool_printf(message->pool, "%.*s%.*s",
                                HUB_SLICE_FMT(hub_connector_base(message->pool, message->connector, hub_slice_str(row->base))),
                                HUB_SLICE_FMT(path));
    call->secret_url = names_secret(message->connector, row->path);
    hub_delivery_header(message->delivery, "Content-Type",
                        json ? HUB_SLICE_LIT("application/json") : HUB_SLICE_LIT("application/x-www-form-urlencoded"));
    hub_delivery_header(message->delivery, "Accept", HUB_SLICE_LIT("application/json"));
    return add_auth(message);
}

/* configData.plain: without TLS, where insecure peers are allowed. */
static bool wants_plain(const hub_message_t *message)
{
    yyjson_doc *doc;
    const hub_connector_t *connector = message->connector;
    return message->delivery->insecure && connector->config_data.ptr &&
           ocpi_read(message->pool, connector->config_data, &doc, NULL) == HUB_EOK &&
           yyjson_is_true(yyjson_obj_get(yyjson_doc_get_root(doc), "plain"));
}

static bool is_host(hub_slice_t host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", host.ptr[i]) || !host.ptr[i])
            return false;
    return host.len > 0;
}

/* sending_domain is both the domain of the mails and, unless configData.host says otherwise, the server's name. Port 465 speaks TLS from
 * the start (RFC 8314), all others begin in the clear and insist on STARTTLS. The URL's path is the name that libcurl says EHLO with. */
static bool write_smtp(hub_message_t *message)
{
    hub_pool_t *pool = message->pool;
    hub_delivery_t *delivery = message->delivery;
    hub_slice_t domain = hub_connector_text(message->connector, "sending_domain"), port = hub_connector_text(message->connector, "port");
    hub_slice_t host = hub_connector_config(pool, message->connector, "host");
    if (!host.len)
        host = domain;
    if (!is_host(host) || !is_host(domain))
        return fail(message, HUB_SLICE_LIT("settings.sending_domain or configData.host is no host name"));
    hub_call_mail_t *mail = HUB_POOL_NEW(pool, hub_call_mail_t);
    mail->from = sender(message->connector);
    mail->to = &message->recipients[delivery->part];
    mail->to_count = 1;
    mail->username = hub_connector_text(message->connector, "username");
    mail->password = hub_connector_text(message->connector, "password");
    mail->plain = wants_plain(message);
    const hub_mail_t text = {.from = mail->from,
                             .from_name = sender_name(message->connector),
                             .to = mail->to,
                             .to_count = mail->to_count,
                             .subject = message->text.subject,
                             .text = message->text.text,
                             .id = hub_pool_printf(pool, "%s.%u.%lld", delivery->id, delivery->part, (long long)delivery->alert.since),
                             .domain = domain,
                             .now = delivery->now};
    delivery->call.url = hub_pool_printf(pool, "%s://%.*s:%.*s/%.*s", hub_slice_eq_str(port, "465") ? "smtps" : "smtp", HUB_SLICE_FMT(host),
                                         HUB_SLICE_FMT(port), HUB_SLICE_FMT(domain));
    delivery->call.body = hub_mail_write(pool, &text);
    delivery->call.mail = mail;
    return true;
}

bool hub_message_write(hub_delivery_t *delivery)
{
    hub_message_t *message = HUB_POOL_NEW(delivery->call.pool, hub_message_t);
    message->delivery = delivery;
    message->pool = delivery->call.pool;
    message->connector = delivery->connector;
    message->row = hub_message_row_of(delivery->connector);
    HUB_ASSERT(message->row != NULL);
    hub_alert_text(delivery, &message->text);
    if (!find_recipients(message))
        return false;
    bool phones = message->row->to == HUB_TO_PHONES, each = phones || message->row->to == HUB_TO_EACH;
    delivery->unsayable = each && message->count && delivery->part >= message->count; /* the others have it */
    if (delivery->unsayable)
        return fail(message, HUB_SLICE_LIT("configData.recipients has fewer entries than when it was sent to some of them"));
    if (!phones && message->count && !hub_mail_is_address(sender(message->connector)))
        return fail(message, HUB_SLICE_LIT("the sender's address is not one that a mail can carry"));
    if (each)
        delivery->parts = message->count;
    return message->row->form == HUB_FORM_MAIL ? write_smtp(message) : write_http(message);
}
