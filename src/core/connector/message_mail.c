/* A mail as text: RFC 5322, 2045 (quoted-printable), 2047 (encoded words), 3834 (Auto-Submitted). */
#include <string.h>
#include <time.h>

#include "message.h"

#define LINE 76u      /* characters a line, RFC 2045 and 2047 */
#define WORD_BYTES 39 /* of UTF-8 in one encoded word: with "Subject: " before it the line has 73 characters */

/* ---- header values ---- */

static bool is_plain(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return !s.len || !memmem(s.ptr, s.len, "=?", 2);
}

static void add_word(hub_buf_t *out, hub_slice_t bytes)
{
    hub_slice_t text = hub_base64_encode(out->pool, bytes);
    hub_buf_printf(out, "=?UTF-8?B?%.*s?=", HUB_SLICE_FMT(text));
}

/* Whole characters into each word; a line each. */
static void add_words(hub_buf_t *out, hub_slice_t text)
{
    hub_buf_t word = HUB_BUF_INIT(out->pool);
    hub_slice_t character;
    while (hub_message_take(&text, &character)) {
        if (word.len + character.len > WORD_BYTES) {
            add_word(out, hub_buf_slice(&word));
            hub_buf_add_str(out, "\r\n ");
            word.len = 0;
        }
        hub_buf_add(&word, character);
    }
    add_word(out, hub_buf_slice(&word));
}

static void add_text(hub_buf_t *out, hub_slice_t text)
{
    if (is_plain(text) && text.len < LINE - sizeof "Subject:")
        hub_buf_add(out, text);
    else
        add_words(out, text);
}

static void add_quoted(hub_buf_t *out, hub_slice_t text)
{
    hub_buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            hub_buf_add_char(out, '\\');
        hub_buf_add_char(out, text.ptr[i]);
    }
    hub_buf_add_char(out, '"');
}

hub_slice_t hub_mail_mailbox(hub_pool_t *pool, hub_slice_t name, hub_slice_t address)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_slice_t line = hub_message_line(pool, name, 256);
    if (!line.len)
        return address;
    add_quoted(&out, line);
    hub_buf_printf(&out, " <%.*s>", HUB_SLICE_FMT(address));
    return hub_buf_slice(&out);
}

static void add_from(hub_buf_t *out, const hub_mail_t *mail)
{
    hub_slice_t name = hub_message_line(out->pool, mail->from_name, 256);
    hub_buf_add_str(out, "From: ");
    if (!name.len) {
        hub_buf_printf(out, "%.*s\r\n", HUB_SLICE_FMT(mail->from));
        return;
    }
    if (is_plain(name) && name.len <= 30) /* all of it escaped stays below a line */
        add_quoted(out, name);
    else
        add_words(out, name);
    hub_buf_printf(out, "\r\n <%.*s>\r\n", HUB_SLICE_FMT(mail->from));
}

/* ---- the body ---- */

/* One line, RFC 2045 section 6.7. */
static void add_quoted_printable(hub_buf_t *out, hub_slice_t line)
{
    size_t column = 0;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        bool blank = c == ' ' || c == '\t';
        bool plain = blank ? i + 1 < line.len : c > ' ' && c <= '~' && c != '=';
        size_t width = plain ? 1 : 3;
        if (column + width > LINE - 1) {
            hub_buf_add_str(out, "=\r\n");
            column = 0;
        }
        if (plain)
            hub_buf_add_char(out, (char)c);
        else
            hub_buf_printf(out, "=%02X", c);
        column += width;
    }
    hub_buf_add_str(out, "\r\n");
}

static void add_body(hub_buf_t *out, hub_slice_t text)
{
    hub_slice_t line;
    while (hub_slice_split(&text, '\n', &line))
        if (line.len || text.len)
            add_quoted_printable(out, line);
}

/* ---- all of it ---- */

hub_slice_t hub_mail_write(hub_pool_t *pool, const hub_mail_t *mail)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    char date[64];
    struct tm tm;
    time_t seconds = (time_t)(mail->now / 1000);
    size_t len = strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &tm));
    hub_buf_printf(&out, "Date: %.*s\r\n", (int)len, date);
    add_from(&out, mail);
    for (uint32_t i = 0; i < mail->to_count; i++)
        hub_buf_printf(&out, "%s%.*s", i ? ",\r\n " : "To: ", HUB_SLICE_FMT(mail->to[i]));
    hub_buf_add_str(&out, "\r\nSubject: ");
    add_text(&out, hub_message_line(pool, mail->subject, 256));
    hub_buf_printf(&out, "\r\nMessage-ID: <%.*s@%.*s>\r\n", HUB_SLICE_FMT(mail->id), HUB_SLICE_FMT(mail->domain));
    hub_buf_add_str(&out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
                          "Auto-Submitted: auto-generated\r\n\r\n");
    add_body(&out, mail->text);
    return hub_buf_slice(&out);
}

/* ---- addresses ---- */

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Words with a dot between them, each of letters, digits and `others`. */
static bool is_dotted(hub_slice_t s, const char *others)
{
    bool word = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && !word)
            return false;
        word = s.ptr[i] != '.';
        if (word && !is_letter_or_digit(s.ptr[i]) && (!s.ptr[i] || !strchr(others, s.ptr[i])))
            return false;
    }
    return word;
}

bool hub_mail_is_address(hub_slice_t s)
{
    hub_slice_t domain = s, local;
    return s.len <= 254 && hub_slice_split(&domain, '@', &local) && local.len <= 64 && is_dotted(local, "!#$%&'*+/=?^_`{|}~-") &&
           is_dotted(domain, "-");
}
