/* Access tokens: asking, reading the answer, keeping, forgetting. */
#include <stdlib.h>
#include <string.h>

#include "auth_scheme.h"
#include "hub/url.h"

#define TELLING 16u /* characters by which a secret is known */
#define ANSWER_MOST 65536u
#define TOKEN_MOST 32768u
#define LIFE_UNKNOWN 900 /* s, when the answer does not say: the shortest session that Salesforce, who never says, lets one set up */
#define LIFE_MOST 86400  /* s */
#define MARGIN_MOST 60   /* s that a token is given up before its end */
#define WORDS_MOST 200u  /* bytes of error_description */

hub_slice_t hub_auth__origin(hub_slice_t url)
{
    const char *at = url.len ? memmem(url.ptr, url.len, "://", 3) : NULL;
    if (!at)
        return HUB_SLICE_NONE;
    at += 3;
    while (at < url.ptr + url.len && *at != '/' && *at != '?')
        at++;
    return hub_slice(url.ptr, (size_t)(at - url.ptr));
}

/* ---- keeping ---- */

static void wipe(hub_slice_t *text)
{
    char *bytes = (char *)text->ptr;
    if (bytes)
        explicit_bzero(bytes, text->len);
    free(bytes);
    *text = HUB_SLICE_NONE;
}

static hub_slice_t keep(hub_slice_t text)
{
    char *bytes = malloc(text.len + 1);
    HUB_ASSERT(bytes != NULL);
    memcpy(bytes, text.ptr, text.len);
    bytes[text.len] = '\0';
    return hub_slice(bytes, text.len);
}

void hub_auth__forget(hub_auth_t *auth)
{
    wipe(&auth->token);
    wipe(&auth->instance);
    auth->until = 0;
}

bool hub_auth_refused(hub_auth_t *auth)
{
    bool had = auth->token.len > 0;
    hub_auth__forget(auth);
    return had;
}

/* ---- asking ---- */

void hub_auth_token_write(hub_auth_t *auth, hub_call_t *call, int64_t now)
{
    hub_buf_t form = HUB_BUF_INIT(call->pool);
    HUB_ASSERT(auth->scheme && auth->scheme->grant);
    call->method = HUB_POST;
    call->url = hub_pool_copy(call->pool, auth->field[HUB_AUTH_FIELD_TOKEN_URL]);
    call->headers[0] = (hub_header_t){HUB_SLICE_LIT("Content-Type"), HUB_SLICE_LIT("application/x-www-form-urlencoded")};
    call->headers[1] = (hub_header_t){HUB_SLICE_LIT("Accept"), HUB_SLICE_LIT("application/json")};
    call->header_count = 2;
    call->answer_limit = ANSWER_MOST;
    auth->scheme->grant(auth, call, &form, now);
    call->body = hub_buf_slice(&form);
}

/* ---- the answer ---- */

/* Also its beginning alone: words are cut before people read them. */
static bool contains(hub_slice_t text, hub_slice_t secret)
{
    if (secret.len > TELLING)
        secret.len = TELLING;
    return secret.len && text.len >= secret.len && memmem(text.ptr, text.len, secret.ptr, secret.len);
}

/* As it stands in a form. */
static bool contains_encoded(hub_slice_t text, hub_slice_t secret)
{
    hub_buf_t encoded = HUB_BUF_INIT(NULL);
    hub_buf_add_url(&encoded, secret);
    bool found = contains(text, hub_buf_slice(&encoded));
    explicit_bzero(encoded.ptr, encoded.len);
    hub_buf_finish(&encoded);
    return found;
}

bool hub_auth_repeats(const hub_auth_t *auth, hub_slice_t text)
{
    for (unsigned i = 0; i < HUB_AUTH_FIELDS; i++)
        if ((auth->secrets >> i & 1u) && auth->field[i].len && (contains(text, auth->field[i]) || contains_encoded(text, auth->field[i])))
            return true;
    return contains(text, auth->token);
}

bool hub_auth_echoed(const hub_call_t *call, hub_slice_t text)
{
    for (uint32_t i = 0; i < call->header_count; i++) {
        hub_slice_t scheme, rest = call->headers[i].value;
        if (hub_slice_caseeq_str(call->headers[i].name, "Authorization") && hub_slice_split(&rest, ' ', &scheme) && contains(text, rest))
            return true;
    }
    return false;
}

/* Words of the endpoint for people: printable ASCII in one line; none when they repeat a secret. */
static hub_slice_t words(const hub_auth_t *auth, const hub_call_t *call, hub_slice_t text)
{
    if (hub_auth_repeats(auth, text) || hub_auth_echoed(call, text))
        return HUB_SLICE_NONE;
    char *out = hub_pool_str(call->pool, hub_slice(text.ptr, text.len < WORDS_MOST ? text.len : WORDS_MOST));
    for (char *c = out; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = *c == '\n' || *c == '\r' || *c == '\t' ? ' ' : '?';
    return hub_slice_trim(hub_slice_str(out));
}

/* RFC 6749, 5.2. Busy endpoints say 429 or 5xx, or the two codes of 4.1.2.1 that mean the same. */
static hub_err_t refused(const hub_auth_t *auth, const hub_call_t *call, yyjson_val *root, hub_slice_t *why)
{
    int status = call->http_status;
    hub_slice_t code = words(auth, call, ocpi_get_str(root, "error"));
    hub_slice_t text = words(auth, call, ocpi_get_str(root, "error_description"));
    hub_buf_t out = HUB_BUF_INIT(call->pool);
    hub_buf_printf(&out, "the token endpoint answered %d", status);
    if (status / 100 == 3)
        hub_buf_add_str(&out, " (redirects are not followed)");
    if (code.len)
        hub_buf_printf(&out, ": %.*s", HUB_SLICE_FMT(code));
    if (text.len)
        hub_buf_printf(&out, " (%.*s)", HUB_SLICE_FMT(text));
    *why = hub_buf_slice(&out);
    bool later = status >= 500 || status == 408 || status == 425 || status == 429 || hub_slice_eq_str(code, "temporarily_unavailable") ||
                 hub_slice_eq_str(code, "server_error");
    return later ? HUB_EPEER_REFUSED : HUB_EUNAUTHORIZED;
}

static bool token_usable(hub_slice_t token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return false;
    return token.len > 0 && token.len <= TOKEN_MOST;
}

/* Seconds that the token is used, from a number or, as some write it, a string. */
static int64_t life_of(yyjson_val *root)
{
    hub_slice_t text = ocpi_get_str(root, "expires_in"), whole;
    uint64_t seconds = 0;
    if (!hub_slice_split(&text, '.', &whole) || !hub_slice_u64(whole, &seconds) || seconds == 0)
        seconds = LIFE_UNKNOWN;
    if (seconds > LIFE_MOST)
        seconds = LIFE_MOST;
    uint64_t margin = seconds / 4 < MARGIN_MOST ? seconds / 4 : MARGIN_MOST;
    return (int64_t)(seconds - margin);
}

static hub_err_t unusable(hub_slice_t *why, hub_slice_t what)
{
    *why = what;
    return HUB_EPEER_PROTOCOL;
}

hub_err_t hub_auth_token_read(hub_auth_t *auth, const hub_call_t *call, int64_t now, hub_slice_t *why)
{
    yyjson_doc *doc;
    yyjson_val *root = NULL;
    hub_auth__forget(auth);
    *why = call->detail;
    if (call->err != HUB_EOK)
        return call->err;
    if (call->answer.len && ocpi_read(call->pool, call->answer, &doc, NULL) == HUB_EOK)
        root = yyjson_doc_get_root(doc);
    if (call->http_status / 100 != 2 || ocpi_get_str(root, "error").len)
        return refused(auth, call, root, why);
    if (!yyjson_is_obj(root))
        return unusable(why, HUB_SLICE_LIT("the token endpoint's answer is no JSON object"));
    hub_slice_t token = yyjson_is_str(yyjson_obj_get(root, "access_token")) ? ocpi_get_str(root, "access_token") : HUB_SLICE_NONE;
    hub_slice_t type = ocpi_get_str(root, "token_type"), instance = ocpi_get_str(root, "instance_url");
    if (!token_usable(token))
        return unusable(why, HUB_SLICE_LIT("the token endpoint's answer has no usable access_token"));
    if (type.len && !hub_slice_caseeq_str(type, "bearer"))
        return unusable(why, HUB_SLICE_LIT("the token endpoint's answer has a token_type that is not Bearer"));
    auth->token = keep(token);
    if (instance.len && hub_url_check(instance, true, NULL))
        auth->instance = keep(instance);
    auth->until = now + life_of(root) * 1000;
    return HUB_EOK;
}
