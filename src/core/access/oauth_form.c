#include "oauth_form.h"

#include <string.h>

#include "credential.h"

#define WRONG(code, text)                                                                                                                  \
    (hub_oauth_error_t)                                                                                                                    \
    {                                                                                                                                      \
        code, text                                                                                                                         \
    }

/* application/x-www-form-urlencoded. */
static bool decode(hub_pool_t *pool, hub_slice_t raw, hub_slice_t *out)
{
    char *text = hub_pool_str(pool, raw);
    for (size_t i = 0; i < raw.len; i++)
        if (text[i] == '+')
            text[i] = ' ';
    return ocpi_url_decode(pool, hub_slice(text, raw.len), out);
}

static bool is_form(hub_slice_t content_type)
{
    hub_slice_t type;
    return hub_slice_split(&content_type, ';', &type) && hub_slice_caseeq_str(hub_slice_trim(type), "application/x-www-form-urlencoded");
}

static hub_oauth_error_t read_form(hub_pool_t *pool, hub_slice_t body, hub_oauth_form_t *out)
{
    const struct {
        const char *name;
        hub_slice_t *value;
    } known[] = {{"grant_type", &out->grant_type},
                 {"scope", &out->scope},
                 {"token", &out->token},
                 {"client_id", &out->client_id},
                 {"client_secret", &out->client_secret}};
    bool seen[HUB_COUNT(known)] = {false};
    hub_slice_t part, raw, name, value;
    while (hub_slice_split(&body, '&', &part)) {
        if (!hub_slice_split(&part, '=', &raw))
            continue;
        if (!decode(pool, raw, &name) || !decode(pool, part, &value))
            return WRONG("invalid_request", "the form has a broken escape");
        for (size_t i = 0; i < HUB_COUNT(known); i++) {
            if (!hub_slice_eq_str(name, known[i].name))
                continue;
            if (seen[i])
                return WRONG("invalid_request", "a parameter is given twice");
            seen[i] = true;
            if (value.len)
                *known[i].value = value;
        }
    }
    return WRONG(NULL, NULL);
}

/* Both halves are form-encoded before they are joined (RFC 6749, 2.3.1). */
static bool read_basic(hub_pool_t *pool, hub_slice_t authorization, hub_slice_t *id, hub_slice_t *secret)
{
    hub_slice_t scheme, text, raw, rest = hub_slice_trim(authorization);
    if (!hub_slice_split(&rest, ' ', &scheme) || !hub_slice_caseeq_str(scheme, "Basic") ||
        !hub_base64_decode(pool, hub_slice_trim(rest), &text) || !text.len || !memchr(text.ptr, ':', text.len))
        return false;
    hub_slice_split(&text, ':', &raw);
    return decode(pool, raw, id) && decode(pool, text, secret);
}

hub_oauth_error_t hub_oauth_read(hub_pool_t *pool, hub_slice_t content_type, hub_slice_t authorization, hub_slice_t body,
                                 hub_oauth_form_t *out)
{
    memset(out, 0, sizeof *out);
    if (!is_form(content_type))
        return WRONG("invalid_request", "send the parameters as application/x-www-form-urlencoded");
    hub_oauth_error_t error = read_form(pool, body, out);
    if (error.code)
        return error;
    out->basic = hub_slice_trim(authorization).len > 0;
    if (out->basic) {
        hub_slice_t id, secret;
        if (!read_basic(pool, authorization, &id, &secret))
            return WRONG("invalid_client", "the Authorization header is not one of HTTP Basic");
        if (out->client_secret.ptr || (out->client_id.ptr && !hub_slice_eq(out->client_id, id)))
            return WRONG("invalid_request", "the client authenticates in two ways at once");
        out->client_id = id;
        out->client_secret = secret;
    }
    if (!out->client_id.len || !out->client_secret.len)
        return WRONG("invalid_client", "client authentication is missing");
    return error;
}

bool hub_oauth_scope(hub_slice_t scope, uint32_t allowed, uint32_t *permissions)
{
    hub_slice_t one;
    *permissions = 0;
    while (hub_slice_split(&scope, ' ', &one)) {
        if (!one.len)
            continue;
        uint32_t bit = hub_permission_parse(one);
        if (!bit || (bit & ~allowed))
            return false;
        *permissions |= bit;
    }
    if (!*permissions)
        *permissions = allowed;
    return true;
}
