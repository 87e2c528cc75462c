/* Alerts: each provider's request byte for byte as its documentation has it, what a partner's words may not do, and the reading of answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "connector/message.h"

#define SID "AC0123456789abcdef0123456789abcdef"
#define SINCE 1763744589123 /* 2025-11-21T17:03:09.123Z */

typedef struct fixture {
    hub_pool_t *pool;
    hub_integration_t integration;
    hub_connector_t connector;
    hub_connector_member_t members[12];
    hub_delivery_t delivery;
} fixture_t;

static int open_fixture(void **state)
{
    hub_pool_t *pool = hub_pool_create();
    fixture_t *f = HUB_POOL_NEW(pool, fixture_t);
    f->pool = pool;
    f->connector.type = HUB_TYPE_MESSAGING;
    f->connector.members = f->members;
    f->delivery = (hub_delivery_t){
        .call = {.pool = pool},
        .integration = &f->integration,
        .connector = &f->connector,
        .id = "msg_9_41",
        .seq = 41,
        .now = SINCE + 1000,
        .public_url = HUB_SLICE_LIT("https://hub.example"),
        .alert = {.id = HUB_SLICE_LIT("7"),
                  .name = HUB_SLICE_LIT("Acme"),
                  .status = HUB_SLICE_LIT("OFFLINE"),
                  .description = HUB_SLICE_LIT("The partner cannot be reached (Connection refused)."),
                  .reference = HUB_SLICE_LIT("acme-1"),
                  .since = SINCE},
    };
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_t *f = *state;
    hub_pool_destroy(f->pool);
    return 0;
}

static void set(fixture_t *f, const char *name, const char *text)
{
    f->members[f->connector.member_count++] =
        (hub_connector_member_t){name, HUB_SLICE_NONE, hub_slice_str(text), strcmp(name, "auth_token") == 0};
}

static void provider(fixture_t *f, const char *name, const char *config)
{
    memset(f->members, 0, sizeof f->members);
    f->connector.member_count = 0;
    f->connector.provider = hub_slice_str(name);
    f->connector.config_data = hub_slice_str(config);
    f->delivery.call = (hub_call_t){.pool = f->pool};
    f->delivery.problem = f->delivery.reference = HUB_SLICE_NONE;
    f->delivery.part = f->delivery.parts = 0;
    f->delivery.kind = hub_connector_kind_of(&f->connector);
    assert_non_null(f->delivery.kind);
    assert_ptr_equal(f->delivery.kind->write, hub_message_write);
    assert_ptr_equal(f->delivery.kind->read, hub_message_read);
    assert_int_equal(f->delivery.kind->feed, HUB_FEED_ALERTS);
}

static const char *text(const fixture_t *f, hub_slice_t s)
{
    return s.ptr ? hub_pool_str(f->pool, s) : "";
}

static const char *header(const fixture_t *f, const char *name)
{
    const char *found = NULL;
    for (uint32_t i = 0; i < f->delivery.call.header_count; i++) {
        if (!hub_slice_caseeq_str(f->delivery.call.headers[i].name, name))
            continue;
        assert_null(found);
        found = text(f, f->delivery.call.headers[i].value);
    }
    return found ? found : "";
}

static void write(fixture_t *f)
{
    f->delivery.call = (hub_call_t){.pool = f->pool};
    if (!hub_message_write(&f->delivery))
        fail_msg("%s", text(f, f->delivery.problem));
}

static const char *refused(fixture_t *f)
{
    f->delivery.call = (hub_call_t){.pool = f->pool};
    assert_false(hub_message_write(&f->delivery));
    return text(f, f->delivery.problem);
}

#define LONG_TEXT(newline)                                                                                                                 \
    "Partner Acme is OFFLINE." newline newline "Name:        Acme" newline "Reference:   acme-1" newline "Integration: 7" newline          \
    "Status:      OFFLINE" newline "Description: The partner cannot be reached (Connection refused)." newline                              \
    "Since:       2025-11-21 17:03:09 UTC" newline newline "Where to look: https://hub.example/v1/integrations/7/delivery" newline
#define BRIEF "ocpi-hub: Acme is OFFLINE since 2025-11-21 17:03 UTC: The partner cannot be reached (Connection refused)."

/* ---- requests ---- */

static void twilio(fixture_t *f, const char *config)
{
    provider(f, "twilio_sms", config);
    set(f, "account_sid", SID);
    set(f, "auth_token", "secret-token");
    set(f, "default_phone_number", "+15551234567");
}

static void test_twilio(void **state)
{
    fixture_t *f = *state;
    twilio(f, "{\"recipients\":[\"+49 170 123-4567\",\"+1 (555) 000.1111\"]}");
    write(f);
    assert_int_equal(f->delivery.call.method, HUB_POST);
    assert_string_equal(text(f, f->delivery.call.url), "https://api.twilio.com/2010-04-01/Accounts/" SID "/Messages.json");
    assert_false(f->delivery.call.secret_url);
    assert_null(f->delivery.call.mail);
    assert_string_equal(header(f, "Content-Type"), "application/x-www-form-urlencoded");
    /* printf %s SID:secret-token | base64 */
    assert_string_equal(header(f, "Authorization"), "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzZWNyZXQtdG9rZW4=");
    assert_string_equal(text(f, f->delivery.call.body),
                        "To=%2B491701234567&From=%2B15551234567&Body=ocpi-hub%3A%20Acme%20is%20OFFLINE%20since%202025-11-21%2017%3A03%20UTC"
                        "%3A%20The%20partner%20cannot%20be%20reached%20%28Connection%20refused%29.");
    assert_int_equal(f->delivery.parts, 2);
    f->delivery.part = 1;
    write(f);
    assert_non_null(strstr(text(f, f->delivery.call.body), "To=%2B15550001111&"));
    f->delivery.part = 2; /* the settings changed in between */
    refused(f);
    assert_true(f->delivery.unsayable);
}

static void test_mitto(void **state)
{
    fixture_t *f = *state;
    static const char *const keys[] = {"{\"type\":\"api_key\",\"key\":\"k-1\"}", "{\"type\":\"api_key\",\"apiKey\":\"k-1\"}",
                                       "{\"token\":\"k-1\"}"};
    provider(f, "mitto_sms", "{\"to\":\"+491701234567\",\"baseUrl\":\"https://rest-fra.mittoapi.net/\"}");
    set(f, "sender_name", "Hub \"1\"");
    f->connector.credentials = HUB_SLICE_NONE;
    assert_string_equal(refused(f), "credentials.key is missing");
    for (size_t i = 0; i < HUB_COUNT(keys); i++) {
        f->connector.credentials = hub_slice_str(keys[i]);
        write(f);
        assert_string_equal(header(f, "X-Mitto-API-Key"), "k-1");
    }
    assert_string_equal(text(f, f->delivery.call.url), "https://rest-fra.mittoapi.net/sms");
    assert_string_equal(header(f, "Content-Type"), "application/json");
    assert_string_equal(header(f, "Authorization"), "");
    assert_string_equal(text(f, f->delivery.call.body), "{\"from\":\"Hub \\\"1\\\"\",\"to\":\"491701234567\",\"text\":\"" BRIEF "\"}");
    assert_int_equal(f->delivery.parts, 1);
    provider(f, "mitto_sms", "{\"to\":\"+491701234567\"}");
    set(f, "sender_name", "Hub");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://rest.mittoapi.net/sms");
}

static void test_telegram(void **state)
{
    fixture_t *f = *state;
    provider(f, "telegram", NULL);
    set(f, "auth_token", "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11");
    set(f, "chat_id", "-100123");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://api.telegram.org/bot123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11/sendMessage");
    assert_true(f->delivery.call.secret_url);
    assert_string_equal(text(f, f->delivery.call.body), "{\"chat_id\":\"-100123\",\"text\":\"" LONG_TEXT("\\n") "\"}");
    assert_string_equal(header(f, "Authorization"), "");
    assert_int_equal(f->delivery.parts, 0);
    provider(f, "telegram", NULL);
    set(f, "auth_token", "1:a/../../x?y#z"); /* stays one segment */
    set(f, "chat_id", "@ops");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://api.telegram.org/bot1:a%2F..%2F..%2Fx%3Fy%23z/sendMessage");
}

static void test_sendgrid(void **state)
{
    fixture_t *f = *state;
    provider(f, "sendgrid_email", "{\"recipients\":[\"ops@example.com\",\"OPS@example.com\",\"boss@example.com\"]}");
    set(f, "api_key", "SG.key");
    set(f, "default_reply_to_email", "reply@example.com");
    set(f, "default_sender_email", "hub@example.com");
    set(f, "default_sender_name", "The Hub");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://api.sendgrid.com/v3/mail/send");
    assert_string_equal(header(f, "Authorization"), "Bearer SG.key");
    assert_string_equal(text(f, f->delivery.call.body),
                        "{\"personalizations\":[{\"to\":[{\"email\":\"ops@example.com\"},{\"email\":\"boss@example.com\"}]}],"
                        "\"from\":{\"email\":\"hub@example.com\",\"name\":\"The Hub\"},\"reply_to\":{\"email\":\"reply@example.com\"},"
                        "\"subject\":\"[ocpi-hub] Partner Acme is OFFLINE\","
                        "\"content\":[{\"type\":\"text/plain\",\"value\":\"" LONG_TEXT("\\n") "\"}]}");
    provider(f, "sendgrid_email", NULL); /* nobody is named: whoever gets the answers, else the sender */
    set(f, "api_key", "SG.key");
    set(f, "default_sender_email", "hub@example.com");
    write(f);
    assert_non_null(strstr(text(f, f->delivery.call.body), "{\"personalizations\":[{\"to\":[{\"email\":\"hub@example.com\"}]}],"
                                                           "\"from\":{\"email\":\"hub@example.com\"},\"subject\":"));
    set(f, "default_reply_to_email", "reply@example.com");
    write(f);
    assert_non_null(strstr(text(f, f->delivery.call.body), "[{\"to\":[{\"email\":\"reply@example.com\"}]}]"));
}

static void test_mandrill(void **state)
{
    fixture_t *f = *state;
    provider(f, "mandrill_email", "{\"recipients\":\"ops@example.com, boss@example.com\"}");
    set(f, "api_key", "md-key");
    set(f, "default_reply_to_email", "reply@example.com");
    set(f, "default_sender_email", "hub@example.com");
    set(f, "default_sender_name", "The Hub");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://mandrillapp.com/api/1.0/messages/send.json");
    assert_string_equal(header(f, "Authorization"), "");
    assert_string_equal(text(f, f->delivery.call.body),
                        "{\"key\":\"md-key\",\"message\":{\"text\":\"" LONG_TEXT(
                            "\\n") "\",\"subject\":\"[ocpi-hub] Partner Acme is OFFLINE\","
                                   "\"from_email\":\"hub@example.com\",\"from_name\":\"The Hub\","
                                   "\"to\":[{\"email\":\"ops@example.com\"},{\"email\":\"boss@example.com\"}],"
                                   "\"headers\":{\"Reply-To\":\"reply@example.com\"}}}");
}

static void test_mailgun(void **state)
{
    fixture_t *f = *state;
    provider(f, "mailgun_email", "{\"to\":[\"ops@example.com\",\"boss@example.com\"],\"baseUrl\":\"https://api.eu.mailgun.net\"}");
    set(f, "api_key", "mg-key");
    set(f, "domain", "mg.example.com");
    set(f, "sender_email", "hub@mg.example.com");
    set(f, "sender_name", "H\xC3\xBC\"b");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "https://api.eu.mailgun.net/v3/mg.example.com/messages");
    assert_string_equal(header(f, "Authorization"), "Basic YXBpOm1nLWtleQ=="); /* api:mg-key */
    const char *body = text(f, f->delivery.call.body);
    const char *want = "from=%22H%C3%BC%5C%22b%22%20%3Chub%40mg.example.com%3E&to=ops%40example.com%2Cboss%40example.com"
                       "&subject=%5Bocpi-hub%5D%20Partner%20Acme%20is%20OFFLINE&text=Partner%20Acme%20is%20OFFLINE.%0A%0AName%3A";
    assert_memory_equal(body, want, strlen(want));
    assert_non_null(strstr(body, "%20https%3A%2F%2Fhub.example%2Fv1%2Fintegrations%2F7%2Fdelivery%0A"));
}

static void smtp(fixture_t *f, const char *config, const char *port)
{
    provider(f, "custom_email_provider", config);
    set(f, "default_sender_email", "hub@example.com");
    set(f, "default_sender_name", "The Hub");
    set(f, "password", "pass-word");
    set(f, "port", port);
    set(f, "sending_domain", "mail.example.com");
    set(f, "username", "hub");
}

static void test_smtp(void **state)
{
    fixture_t *f = *state;
    smtp(f, "{\"recipients\":[\"ops@example.com\",\"boss@example.com\"],\"plain\":true}", "587");
    write(f);
    const hub_call_mail_t *mail = f->delivery.call.mail;
    assert_string_equal(text(f, f->delivery.call.url), "smtp://mail.example.com:587/mail.example.com");
    assert_int_equal(f->delivery.call.header_count, 0);
    assert_string_equal(text(f, mail->from), "hub@example.com");
    assert_int_equal(mail->to_count, 1);
    assert_string_equal(text(f, mail->to[0]), "ops@example.com");
    assert_int_equal(f->delivery.parts, 2);
    assert_string_equal(text(f, mail->username), "hub");
    assert_string_equal(text(f, mail->password), "pass-word");
    assert_false(mail->plain); /* only where insecure peers are allowed */
    assert_string_equal(text(f, f->delivery.call.body), "Date: Fri, 21 Nov 2025 17:03:10 +0000\r\n"
                                                        "From: \"The Hub\"\r\n <hub@example.com>\r\n"
                                                        "To: ops@example.com\r\n"
                                                        "Subject: [ocpi-hub] Partner Acme is OFFLINE\r\n"
                                                        "Message-ID: <msg_9_41.0.1763744589123@mail.example.com>\r\n"
                                                        "MIME-Version: 1.0\r\n"
                                                        "Content-Type: text/plain; charset=utf-8\r\n"
                                                        "Content-Transfer-Encoding: quoted-printable\r\n"
                                                        "Auto-Submitted: auto-generated\r\n"
                                                        "\r\n" LONG_TEXT("\r\n"));
    f->delivery.insecure = true;
    f->delivery.part = 1;
    write(f);
    assert_true(f->delivery.call.mail->plain);
    assert_string_equal(text(f, f->delivery.call.mail->to[0]), "boss@example.com");
    assert_non_null(strstr(text(f, f->delivery.call.body), "\r\nTo: boss@example.com\r\n"));
    assert_non_null(strstr(text(f, f->delivery.call.body), "<msg_9_41.1.1763744589123@"));
    smtp(f, "{\"host\":\"relay.example.net\"}", "465");
    write(f);
    assert_string_equal(text(f, f->delivery.call.url), "smtps://relay.example.net:465/mail.example.com");
    assert_string_equal(text(f, f->delivery.call.mail->to[0]), "hub@example.com");
    assert_false(f->delivery.call.mail->plain);
    smtp(f, "{\"host\":\"relay/x@y\"}", "465");
    assert_non_null(strstr(refused(f), "configData.host"));
    f->delivery.insecure = false;
}

/* ---- recipients ---- */

static void test_recipients(void **state)
{
    fixture_t *f = *state;
    static const char *const phones[] = {"170123",     "+49",        "+4917012345678901", "+49170a1234",
                                         "0170123456", "49+1701234", "tel:+491701234567"};
    static const char *const mails[] = {
        "ops",         "a@b@c.d", "@b.c",   "a@",           "a b@c.d", "<a@b.c>", "a@b.c\\r\\nBcc: x@y.z", "a@b.c>\\r\\nRCPT TO:<x@y.z",
        "\\u00fc@b.c", "a@b..c",  ".a@b.c", "\\\"a\\\"@b.c"};
    for (size_t i = 0; i < HUB_COUNT(phones); i++) {
        twilio(f, hub_pool_printf(f->pool, "{\"recipients\":[\"+491701234567\",\"%s\"]}", phones[i]).ptr);
        if (i == 0) /* digits alone are taken for an international number */
            write(f);
        else
            assert_string_equal(refused(f), "configData.recipients holds what is no phone number in international form (+491701234567)");
    }
    for (size_t i = 0; i < HUB_COUNT(mails); i++) {
        smtp(f, hub_pool_printf(f->pool, "{\"to\":\"%s\"}", mails[i]).ptr, "25");
        assert_string_equal(refused(f), "configData.to holds what is no e-mail address");
    }
    twilio(f, "{\"recipients\":[]}");
    assert_string_equal(refused(f), "configData.recipients is missing: the phone numbers that get the alerts");
    twilio(f, NULL);
    assert_string_equal(refused(f), "configData.recipients is missing: the phone numbers that get the alerts");
    hub_buf_t many = HUB_BUF_INIT(f->pool);
    hub_buf_add_str(&many, "{\"to\":\"");
    for (unsigned i = 0; i <= HUB_MESSAGE_RECIPIENTS; i++)
        hub_buf_printf(&many, "a%u@b.c,", i);
    hub_buf_add_str(&many, "\"}");
    smtp(f, hub_pool_str(f->pool, hub_buf_slice(&many)), "25");
    assert_string_equal(refused(f), "configData.to holds more than 50 recipients");
    provider(f, "sendgrid_email", NULL);
    set(f, "api_key", "SG\r\nX-Evil: 1");
    set(f, "default_sender_email", "hub@example.com");
    assert_string_equal(refused(f), "the key holds a character that no header can carry");
}

/* ---- words of others ---- */

/* Lines end in CRLF and are short, the header has the lines that it should have, all is ASCII. */
static void check_mail(hub_slice_t mail)
{
    static const char *const names[] = {
        "Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted"};
    size_t next = 0;
    hub_slice_t rest = mail, line;
    bool head = true;
    while (hub_slice_split(&rest, '\n', &line) && (line.len || rest.len)) {
        assert_true(line.len >= 1 && line.len <= 77);
        assert_int_equal(line.ptr[line.len - 1], '\r');
        line.len--;
        for (size_t i = 0; i < line.len; i++)
            assert_true(line.ptr[i] >= ' ' && line.ptr[i] <= '~');
        if (head && !line.len) {
            head = false;
            assert_int_equal(next, HUB_COUNT(names));
        }
        if (!head || line.ptr[0] == ' ')
            continue;
        assert_true(next < HUB_COUNT(names));
        assert_true(hub_slice_starts(line, hub_slice_str(names[next])));
        assert_int_equal(line.ptr[strlen(names[next])], ':');
        next++;
    }
    assert_false(head);
}

static void test_injection(void **state)
{
    fixture_t *f = *state;
    f->delivery.alert.name = HUB_SLICE_LIT("Acme\r\nBcc: evil@example.com\r\n\r\nHello");
    f->delivery.alert.description =
        HUB_SLICE_LIT("down\r\n.\r\nMAIL FROM:<x@y.z>\xE2\x80\xAE&To=+1\",\"to\":[{\"email\":\"x@y.z\"}]\x1B[2J\xFF");
    f->delivery.alert.reference = HUB_SLICE_NONE;
    smtp(f, NULL, "587");
    write(f);
    check_mail(f->delivery.call.body);
    const char *body = text(f, f->delivery.call.body);
    assert_non_null(strstr(body, "\r\nSubject: [ocpi-hub] Partner Acme  Bcc: evil@example.com    Hello is OFFLINE\r\n"));
    assert_non_null(strstr(body, "\r\nDescription: down  .  MAIL FROM:<x@y.z> &To=3D+1\",\"to\":[{\"email\":\"x@y.z\"}] =\r\n[2J?\r\n"));
    assert_null(strstr(body, "Reference"));
    twilio(f, "{\"to\":\"+491701234567\"}");
    write(f);
    body = text(f, f->delivery.call.body);
    assert_ptr_equal(strstr(body, "To="), body);
    assert_null(strstr(body + 1, "&To="));
    assert_non_null(strstr(body, "%26To%3D%2B1%22%2C%22to%22"));
    provider(f, "mandrill_email", NULL);
    set(f, "api_key", "md-key");
    set(f, "default_sender_email", "hub@example.com");
    write(f);
    yyjson_doc *doc;
    assert_int_equal(ocpi_read(f->pool, f->delivery.call.body, &doc, NULL), HUB_EOK);
    yyjson_val *root = yyjson_doc_get_root(doc);
    assert_int_equal(yyjson_arr_size(yyjson_ptr_get(root, "/message/to")), 1);
    assert_string_equal(yyjson_get_str(yyjson_ptr_get(root, "/message/to/0/email")), "hub@example.com");
    assert_non_null(strstr(yyjson_get_str(yyjson_ptr_get(root, "/message/text")),
                           "Description: down  .  MAIL FROM:<x@y.z> &To=+1\",\"to\":[{\"email\":\"x@y.z\"}] [2J?\n"));
}

static void test_names(void **state)
{
    fixture_t *f = *state;
    hub_alert_text_t said;
    f->delivery.alert.name = HUB_SLICE_LIT("Str\xC3\xB6m & S\xC3\xB6hne {GmbH}");
    hub_alert_text(&f->delivery, &said);
    assert_string_equal(text(f, said.brief),
                        "ocpi-hub: Str\xC3\xB6m & S\xC3\xB6hne {GmbH} is OFFLINE since 2025-11-21 17:03 UTC: The partner cannot "
                        "be reached (Connection refused).");
    f->delivery.alert.recovered = true;
    f->delivery.alert.status = HUB_SLICE_LIT("CONNECTED");
    f->delivery.alert.description = HUB_SLICE_NONE;
    hub_alert_text(&f->delivery, &said);
    assert_string_equal(text(f, said.subject), "[ocpi-hub] Partner Str\xC3\xB6m & S\xC3\xB6hne {GmbH} is CONNECTED again");
    assert_string_equal(text(f, said.brief), "ocpi-hub: Str\xC3\xB6m & S\xC3\xB6hne {GmbH} is CONNECTED again since 2025-11-21 17:03 UTC");
    smtp(f, NULL, "587");
    write(f);
    check_mail(f->delivery.call.body);
    /* python3: email.header.decode_header() of these gives the subject above */
    assert_non_null(strstr(text(f, f->delivery.call.body),
                           "\r\nSubject: =?UTF-8?B?W29jcGktaHViXSBQYXJ0bmVyIFN0csO2bSAmIFPDtmhuZSB7R21i?=\r\n"
                           " =?UTF-8?B?SH0gaXMgQ09OTkVDVEVEIGFnYWlu?=\r\nMessage-ID:"));
    assert_non_null(strstr(text(f, f->delivery.call.body), "\r\nName:        Str=C3=B6m & S=C3=B6hne {GmbH}\r\n"));
    /* Other alphabets: 70 characters, the time of day alone, the name as far as it goes. */
    f->delivery.alert.name = HUB_SLICE_LIT("\xD0\x97\xD0\xB0\xD1\x80\xD1\x8F\xD0\xB4 \xF0\x9F\x94\x8C");
    hub_alert_text(&f->delivery, &said);
    assert_string_equal(text(f, said.brief),
                        "ocpi-hub: \xD0\x97\xD0\xB0\xD1\x80\xD1\x8F\xD0\xB4 \xF0\x9F\x94\x8C is CONNECTED again since 17:03 UTC");
}

/* Characters of GSM 03.38 that take one or two; the test's own count. */
static size_t sms_length(const char *s, bool wide)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if ((*p & 0xC0) == 0x80)
            continue;
        bool two = wide ? *p >= 0xF0 : strchr("^{}\\[~]|", (int)*p) != NULL;
        n += two ? 2 : 1;
    }
    return n;
}

static void test_lengths(void **state)
{
    fixture_t *f = *state;
    static const char *const pieces[] = {"a", "{", "\xC3\xB6", "\xD0\x96", "\xF0\x9F\x94\x8C", "\xFF", "\r\n", "=?x?="};
    for (size_t p = 0; p < HUB_COUNT(pieces); p++) {
        for (size_t n = 1; n < 1200; n += n < 200 ? 1 : 97) {
            hub_pool_t *pool = hub_pool_create();
            hub_buf_t name = HUB_BUF_INIT(pool);
            for (size_t i = 0; i < n; i++)
                hub_buf_add_str(&name, pieces[p]);
            f->delivery.call = (hub_call_t){.pool = pool};
            f->delivery.alert.name = hub_buf_slice(&name);
            f->delivery.alert.description = f->delivery.alert.reference = hub_buf_slice(&name);
            hub_alert_text_t said;
            hub_alert_text(&f->delivery, &said);
            bool wide = p == 3 || p == 4;
            const char *brief = hub_pool_str(pool, said.brief);
            assert_true(hub_slice_utf8_ok(said.brief) && hub_slice_utf8_ok(said.subject) && hub_slice_utf8_ok(said.text));
            assert_true(sms_length(brief, wide) <= (wide ? 70 : 160));
            assert_non_null(strstr(brief, " is OFFLINE since "));
            assert_true(said.text.len < 4096 || p >= 2);
            assert_true(sms_length(hub_pool_str(pool, said.text), true) <= 4096); /* Telegram's */
            const hub_slice_t to[] = {HUB_SLICE_LIT("a@b.c")};
            const hub_mail_t mail = {to[0], hub_buf_slice(&name), to, 1, said.subject, said.text, HUB_SLICE_LIT("id"), HUB_SLICE_LIT("b.c"),
                                     SINCE};
            check_mail(hub_mail_write(pool, &mail));
            hub_pool_destroy(pool);
        }
    }
}

/* ---- answers ---- */

static const struct {
    const char *provider;
    int status;
    hub_outcome_t by_status;
    const char *answer;
    hub_outcome_t want;
    const char *problem, *reference;
} answers[] = {
    {"twilio_sms", 201, HUB_OUTCOME_ACCEPTED, "{\"sid\":\"SM1\",\"status\":\"queued\",\"error_code\":null}", HUB_OUTCOME_ACCEPTED, "",
     "SM1"},
    {"twilio_sms", 201, HUB_OUTCOME_ACCEPTED,
     "{\"sid\":\"SM1\",\"status\":\"failed\",\"error_code\":30008,\"error_message\":\"Unknown error\"}", HUB_OUTCOME_REFUSED,
     "Unknown error", ""},
    {"twilio_sms", 400, HUB_OUTCOME_REFUSED,
     "{\"code\":21211,\"message\":\"The 'To' number 5551234567 is not a valid phone number.\",\"more_info\":\"x\",\"status\":400}",
     HUB_OUTCOME_REFUSED, "The 'To' number 5551234567 is not a valid phone number.", ""},
    {"twilio_sms", 401, HUB_OUTCOME_DENIED, "{\"code\":20003,\"message\":\"Authenticate\"}", HUB_OUTCOME_DENIED, "Authenticate", ""},
    {"twilio_sms", 200, HUB_OUTCOME_ACCEPTED, "<html>", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"twilio_sms", 503, HUB_OUTCOME_BUSY, "", HUB_OUTCOME_BUSY, "", ""},
    {"mitto_sms", 200, HUB_OUTCOME_ACCEPTED, "{\"id\":\"7d35\",\"timestamp\":\"2019\",\"responseCode\":0,\"responseText\":\"SMS sent\"}",
     HUB_OUTCOME_ACCEPTED, "", "7d35"},
    {"mitto_sms", 200, HUB_OUTCOME_ACCEPTED, "{\"responseCode\":8,\"responseText\":\"Invalid receiver\"}", HUB_OUTCOME_REFUSED,
     "Invalid receiver", ""},
    {"mitto_sms", 200, HUB_OUTCOME_ACCEPTED, "{\"responseCode\":1,\"responseText\":\"Internal error\"}", HUB_OUTCOME_FAILED,
     "Internal error", ""},
    {"mitto_sms", 200, HUB_OUTCOME_ACCEPTED, "{}", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"telegram", 200, HUB_OUTCOME_ACCEPTED, "{\"ok\":true,\"result\":{\"message_id\":42}}", HUB_OUTCOME_ACCEPTED, "", "42"},
    {"telegram", 200, HUB_OUTCOME_ACCEPTED, "{\"ok\":false,\"description\":\"no\"}", HUB_OUTCOME_REFUSED, "no", ""},
    {"telegram", 400, HUB_OUTCOME_REFUSED, "{\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: chat not found\"}",
     HUB_OUTCOME_REFUSED, "Bad Request: chat not found", ""},
    {"telegram", 404, HUB_OUTCOME_REFUSED, "{\"ok\":false,\"error_code\":404,\"description\":\"Not Found\"}", HUB_OUTCOME_DENIED,
     "Not Found", ""},
    {"telegram", 200, HUB_OUTCOME_ACCEPTED, "[]", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"telegram", 200, HUB_OUTCOME_ACCEPTED, "[[[[", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"sendgrid_email", 202, HUB_OUTCOME_ACCEPTED, "", HUB_OUTCOME_ACCEPTED, "", ""},
    {"sendgrid_email", 400, HUB_OUTCOME_REFUSED, "{\"errors\":[{\"message\":\"Does\\nnot match\",\"field\":\"from\",\"help\":null}]}",
     HUB_OUTCOME_REFUSED, "Does not match", ""},
    {"sendgrid_email", 400, HUB_OUTCOME_REFUSED, "{\"errors\":{}}", HUB_OUTCOME_REFUSED, "", ""},
    {"mandrill_email", 200, HUB_OUTCOME_ACCEPTED,
     "[{\"email\":\"a@b.c\",\"status\":\"sent\",\"reject_reason\":null,\"_id\":\"a1\"},{\"email\":\"d@b.c\",\"status\":\"queued\",\"_id\":"
     "\"a2\"}]",
     HUB_OUTCOME_ACCEPTED, "", "a2"},
    {"mandrill_email", 200, HUB_OUTCOME_ACCEPTED,
     "[{\"email\":\"a@b.c\",\"status\":\"sent\",\"_id\":\"a1\"},{\"email\":\"d@b.c\",\"status\":\"rejected\",\"reject_reason\":\"hard-"
     "bounce\"}]",
     HUB_OUTCOME_REFUSED, "hard-bounce", ""},
    {"mandrill_email", 200, HUB_OUTCOME_ACCEPTED, "[{\"email\":\"a@b.c\",\"status\":\"invalid\",\"reject_reason\":null}]",
     HUB_OUTCOME_REFUSED, "invalid", ""},
    {"mandrill_email", 200, HUB_OUTCOME_ACCEPTED, "[]", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"mandrill_email", 200, HUB_OUTCOME_ACCEPTED, "[1]", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"mandrill_email", 500, HUB_OUTCOME_FAILED,
     "{\"status\":\"error\",\"code\":-1,\"name\":\"Invalid_Key\",\"message\":\"Invalid API key\"}", HUB_OUTCOME_DENIED, "Invalid API key",
     ""},
    {"mandrill_email", 500, HUB_OUTCOME_FAILED,
     "{\"status\":\"error\",\"code\":-2,\"name\":\"ValidationError\",\"message\":\"Validation error\"}", HUB_OUTCOME_REFUSED,
     "Validation error", ""},
    {"mandrill_email", 500, HUB_OUTCOME_FAILED, "{\"status\":\"error\",\"code\":-99,\"name\":\"GeneralError\",\"message\":\"x\"}",
     HUB_OUTCOME_FAILED, "x", ""},
    {"mailgun_email", 200, HUB_OUTCOME_ACCEPTED, "{\"id\":\"<1@mg>\",\"message\":\"Queued. Thank you.\"}", HUB_OUTCOME_ACCEPTED, "",
     "<1@mg>"},
    {"mailgun_email", 400, HUB_OUTCOME_REFUSED, "{\"message\":\"to parameter is not a valid address\"}", HUB_OUTCOME_REFUSED,
     "to parameter is not a valid address", ""},
    {"mailgun_email", 200, HUB_OUTCOME_ACCEPTED, "Forbidden", HUB_OUTCOME_FAILED, "its answer is not as documented", ""},
    {"custom_email_provider", 250, HUB_OUTCOME_ACCEPTED, "", HUB_OUTCOME_ACCEPTED, "", ""},
    {"custom_email_provider", 535, HUB_OUTCOME_DENIED, "", HUB_OUTCOME_DENIED, "", ""},
    {"custom_email_provider", 550, HUB_OUTCOME_REFUSED, "550-no\n550 such user", HUB_OUTCOME_REFUSED, "550-no 550 such user", ""},
    {"custom_email_provider", 451, HUB_OUTCOME_FAILED, "", HUB_OUTCOME_FAILED, "", ""},
    {"custom_email_provider", 0, HUB_OUTCOME_BUSY, "", HUB_OUTCOME_BUSY, "", ""},
};

static void test_answers(void **state)
{
    fixture_t *f = *state;
    for (size_t i = 0; i < HUB_COUNT(answers); i++) {
        provider(f, answers[i].provider, NULL);
        set(f, "auth_token", "secret-token");
        f->delivery.call.http_status = answers[i].status;
        f->delivery.call.answer = hub_slice_str(answers[i].answer);
        hub_outcome_t outcome = hub_message_read(&f->delivery, answers[i].by_status);
        if (outcome != answers[i].want || strcmp(text(f, f->delivery.problem), answers[i].problem) != 0 ||
            strcmp(text(f, f->delivery.reference), answers[i].reference) != 0)
            fail_msg("%s %d %s: %d, '%s', '%s'", answers[i].provider, answers[i].status, answers[i].answer, (int)outcome,
                     text(f, f->delivery.problem), text(f, f->delivery.reference));
    }
    provider(f, "telegram", NULL);
    f->delivery.call.http_status = 429;
    f->delivery.call.answer = HUB_SLICE_LIT("{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests: retry after 35\","
                                            "\"parameters\":{\"retry_after\":35}}");
    assert_int_equal(hub_message_read(&f->delivery, HUB_OUTCOME_BUSY), HUB_OUTCOME_BUSY);
    assert_string_equal(text(f, f->delivery.call.retry_after), "35");
    provider(f, "telegram", NULL); /* nobody was reached */
    f->delivery.call.err = HUB_EPEER_UNREACHABLE;
    assert_int_equal(hub_message_read(&f->delivery, HUB_OUTCOME_BUSY), HUB_OUTCOME_BUSY);
}

/* Each provider of the settings has a row, and the other way round. */
static void test_rows(void **state)
{
    (void)state;
    size_t providers = 0;
    for (size_t i = 0; i < hub_connector_kind_count; i++) {
        if (hub_connector_kinds[i].type != HUB_TYPE_MESSAGING)
            continue;
        const hub_connector_t connector = {.type = HUB_TYPE_MESSAGING, .provider = hub_slice_str(hub_connector_kinds[i].provider)};
        assert_non_null(hub_message_row_of(&connector));
        providers++;
    }
    assert_int_equal(providers, hub_message_row_count);
    for (size_t i = 0; i < hub_message_code_count; i++) {
        const hub_connector_t connector = {.provider = hub_slice_str(hub_message_codes[i].provider)};
        assert_non_null(hub_message_row_of(&connector));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_twilio, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_mitto, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_telegram, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_sendgrid, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_mandrill, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_mailgun, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_smtp, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_recipients, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_injection, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_names, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_lengths, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_answers, open_fixture, close_fixture),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
