/* Operator alerts: what is said (message_text.c), as a mail (message_mail.c), to whom and through whom (message.c, rows of message.def),
 * and what came of it (message_read.c). Pure. Names and status texts may hold a partner's words: nothing here takes them for more than
 * words. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "connector.h"

#define HUB_MESSAGE_RECIPIENTS 50u /* most in one integration */

/* ---- the text ---- */

typedef struct hub_alert_text {
    hub_slice_t subject; /* one line: "[ocpi-hub] Partner X is OFFLINE" */
    hub_slice_t brief;   /* one SMS: 160 characters of GSM 03.38, or 70 where the name has others */
    hub_slice_t text;    /* lines, each ended by \n */
} hub_alert_text_t;
/* Valid UTF-8 without control characters, whatever the alert holds. */
void hub_alert_text(const hub_delivery_t *delivery, hub_alert_text_t *out);
/* Words of others on one line: UTF-8, no control characters, at most `most` characters ("..." says that some are missing). */
hub_slice_t hub_message_line(hub_pool_t *pool, hub_slice_t words, size_t most);
/* Takes one character off the front; '?' stands for a byte that is none. False: there is none left. */
bool hub_message_take(hub_slice_t *rest, hub_slice_t *character);

/* ---- mail ---- */

typedef struct hub_mail {
    hub_slice_t from, from_name; /* name: may be none */
    const hub_slice_t *to;
    uint32_t to_count;
    hub_slice_t subject, text;
    hub_slice_t id, domain; /* Message-ID: <id@domain> */
    int64_t now;
} hub_mail_t;
/* RFC 5322 with CRLF; addresses must be hub_mail_is_address, the rest may be anything. */
hub_slice_t hub_mail_write(hub_pool_t *pool, const hub_mail_t *mail);
/* "Name" <address>, in UTF-8: for APIs that make the mail themselves. */
hub_slice_t hub_mail_mailbox(hub_pool_t *pool, hub_slice_t name, hub_slice_t address);
/* An address that needs no quoting (RFC 5321 dot-string @ domain, ASCII). */
bool hub_mail_is_address(hub_slice_t s);

/* ---- providers ---- */

typedef enum hub_message_to {
    HUB_TO_PHONES, /* configData.recipients, numbers: one call each */
    HUB_TO_MAILS,  /* configData.recipients, else the answer address, else the sender: all in one call… */
    HUB_TO_EACH,   /* … one call each, so that an address which is refused keeps the mail from no other */
    HUB_TO_CHAT,   /* in the settings */
} hub_message_to_t;

typedef enum hub_message_form { HUB_FORM_URL, HUB_FORM_JSON, HUB_FORM_MAIL } hub_message_form_t;

typedef struct hub_message_row {
    const char *provider;
    hub_message_to_t to;
    hub_message_form_t form;
    const char *base, *path; /* of the documented URL; configData.baseUrl stands for the base */
    const char *body;        /* template */
    struct {
        const char *header, *scheme, *secret; /* template */
        bool base64;
    } auth;
    struct {
        const char *proof;     /* JSON pointer to what says that it was taken; NULL: the HTTP status does */
        const char *accepted;  /* the values that say so, "sent|queued"; NULL: any */
        const char *reference; /* the provider's name for it */
        const char *words;     /* what it says for people: the first of these that is there */
    } answer;
} hub_message_row_t;

/* Answers that mean something else than their HTTP status or proof says. */
typedef struct hub_message_code {
    const char *provider, *pointer, *value;
    hub_outcome_t outcome;
} hub_message_code_t;

extern const hub_message_row_t hub_message_rows[];
extern const size_t hub_message_row_count;
extern const hub_message_code_t hub_message_codes[];
extern const size_t hub_message_code_count;
const hub_message_row_t *hub_message_row_of(const hub_connector_t *connector);

#endif
