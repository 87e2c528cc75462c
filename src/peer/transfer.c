/* One call as a libcurl handle: options in, verdict out. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hub/url.h"
#include "peer.h"

#define ANSWER_LIMIT ((size_t)8 << 20)

/* ---- what comes back ---- */

/* Answer headers that core wants to see. */
static const struct {
    const char *name;
    size_t offset;
} wanted[] = {
    {"link", offsetof(hub_call_t, link)},
    {"x-total-count", offsetof(hub_call_t, total_count)},
    {"x-limit", offsetof(hub_call_t, limit)},
    {"location", offsetof(hub_call_t, location)},
    {"content-type", offsetof(hub_call_t, content_type)},
    {"retry-after", offsetof(hub_call_t, retry_after)},
    {"www-authenticate", offsetof(hub_call_t, www_authenticate)},
};

static hub_slice_t *wanted_slot(hub_call_t *call, size_t i)
{
    return (hub_slice_t *)(void *)((char *)call + wanted[i].offset);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    hub_transfer_t *transfer = arg;
    size_t len = size * count;
    hub_slice_t line = hub_slice(bytes, len), name;
    if (hub_slice_starts(line, HUB_SLICE_LIT("HTTP/"))) { /* a status line: what an interim answer said does not count */
        for (size_t i = 0; i < HUB_COUNT(wanted); i++)
            *wanted_slot(transfer->call, i) = HUB_SLICE_NONE;
        return len;
    }
    if (!hub_slice_split(&line, ':', &name) || name.len == len)
        return len;
    for (size_t i = 0; i < HUB_COUNT(wanted); i++)
        if (hub_slice_caseeq_str(name, wanted[i].name) && !wanted_slot(transfer->call, i)->ptr)
            *wanted_slot(transfer->call, i) = hub_pool_copy(transfer->call->pool, hub_slice_trim(line));
    return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    hub_transfer_t *transfer = arg;
    size_t len = size * count;
    if (len > transfer->limit - transfer->body.len) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    hub_buf_add(&transfer->body, hub_slice(bytes, len));
    return len;
}

static bool address_allowed(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return hub_address_public((const unsigned char *)&in->sin_addr, 4);
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        return hub_address_public(in6->sin6_addr.s6_addr, 16);
    }
    return false;
}

/* The last word of the guard: whatever name was asked for, this is where the bytes would go. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    hub_transfer_t *transfer = arg;
    (void)purpose;
    if (!transfer->peer->insecure && !address_allowed(&address->addr)) {
        transfer->blocked = true;
        return CURL_SOCKET_BAD;
    }
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd >= 0 && transfer->threaded && transfer->socket_count < HUB_PEER_SOCKETS)
        transfer->sockets[transfer->socket_count++] = fd;
    return fd;
}

/* ---- setting up ---- */

hub_transfer_t *hub_peer__transfer_create(hub_peer_t *peer, hub_call_t *call)
{
    hub_transfer_t *transfer = calloc(1, sizeof *transfer);
    HUB_ASSERT(transfer != NULL);
    transfer->peer = peer;
    transfer->call = call;
    transfer->body = HUB_BUF_INIT(call->pool);
    transfer->limit = call->answer_limit ? call->answer_limit : ANSWER_LIMIT;
    transfer->started = hub_mono_ms();
    call->port_data = transfer;
    call->err = HUB_EOK;
    call->detail = HUB_SLICE_NONE;
    call->http_status = 0;
    call->answer = HUB_SLICE_NONE;
    for (size_t i = 0; i < HUB_COUNT(wanted); i++)
        *wanted_slot(call, i) = HUB_SLICE_NONE;
    return transfer;
}

static void add_header(hub_transfer_t *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    HUB_ASSERT(list != NULL);
    transfer->headers = list;
}

static bool header_clean(hub_slice_t s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool has_body(const hub_call_t *call)
{
    return call->body.ptr || call->method == HUB_POST || call->method == HUB_PUT || call->method == HUB_PATCH;
}

static hub_err_t add_headers(hub_transfer_t *transfer)
{
    hub_call_t *call = transfer->call;
    bool typed = false;
    for (uint32_t i = 0; i < call->header_count; i++) {
        const hub_header_t *header = &call->headers[i];
        if (!header_clean(header->name) || !header_clean(header->value) || header->name.len == 0) {
            call->detail = hub_pool_printf(call->pool, "the request header %u holds a control character", i + 1);
            return HUB_EINVALID;
        }
        if (call->sign && header->value.len == 0) { /* 7.88 signs another name than it sends */
            call->detail = HUB_SLICE_LIT("a header of a signed request has no value");
            return HUB_EINVALID;
        }
        typed = typed || hub_slice_caseeq_str(header->name, "content-type");
        /* libcurl's form for a header without a value ends in a semicolon. */
        hub_slice_t line = header->value.len
                               ? hub_pool_printf(call->pool, "%.*s: %.*s", HUB_SLICE_FMT(header->name), HUB_SLICE_FMT(header->value))
                               : hub_pool_printf(call->pool, "%.*s;", HUB_SLICE_FMT(header->name));
        add_header(transfer, line.ptr);
    }
    if ((call->body.ptr || (call->sign && has_body(call))) && !typed) /* the type that libcurl sends by itself is not signed */
        add_header(transfer, "Content-Type: application/json");
    if (call->sign && call->sign->session_token.len) {
        if (!header_clean(call->sign->session_token)) {
            call->detail = HUB_SLICE_LIT("the session token holds a control character");
            return HUB_EINVALID;
        }
        add_header(transfer, hub_pool_printf(call->pool, "x-amz-security-token: %.*s", HUB_SLICE_FMT(call->sign->session_token)).ptr);
    }
    if (!call->sign) /* 7.88 would sign it, although it does not send it */
        add_header(transfer, "Expect:");
    return HUB_EOK;
}

static void set_method(const hub_transfer_t *transfer)
{
    static const char *const names[] = {[HUB_GET] = "GET",     [HUB_HEAD] = "HEAD",     [HUB_POST] = "POST",      [HUB_PUT] = "PUT",
                                        [HUB_PATCH] = "PATCH", [HUB_DELETE] = "DELETE", [HUB_OPTIONS] = "OPTIONS"};
    const hub_call_t *call = transfer->call;
    CURL *easy = transfer->easy;
    HUB_ASSERT(call->method < HUB_METHOD_OTHER);
    if (has_body(call)) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr ? call->body.ptr : "");
    } else if (call->method == HUB_HEAD) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, names[call->method]);
}

static void set_security(const hub_transfer_t *transfer)
{
    CURL *easy = transfer->easy;
    const hub_peer_t *peer = transfer->peer;
    const char *web = peer->insecure ? "http,https" : "https";
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* an id may be ".." */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, transfer->call->mail ? "smtp,smtps" : web);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (peer->ca_file) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, peer->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
}

static void set_limits(hub_transfer_t *transfer)
{
    CURL *easy = transfer->easy;
    const hub_peer_t *peer = transfer->peer;
    uint32_t whole = transfer->call->timeout_ms ? transfer->call->timeout_ms : peer->timeout_ms;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)whole);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(peer->connect_timeout_ms < whole ? peer->connect_timeout_ms : whole));
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->limit);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, peer->user_agent);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    if (peer->resolve)
        curl_easy_setopt(easy, CURLOPT_RESOLVE, peer->resolve);
}

static hub_err_t web_prepare(hub_transfer_t *transfer, hub_slice_t *url)
{
    hub_err_t err = add_headers(transfer);
    if (err == HUB_EOK && transfer->call->sign)
        err = hub_peer__sign_prepare(transfer, url);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    set_method(transfer);
    return err;
}

hub_err_t hub_peer__transfer_prepare(hub_transfer_t *transfer)
{
    hub_peer_t *peer = transfer->peer;
    hub_call_t *call = transfer->call;
    const char *why;
    if (!(call->mail ? hub_url_check_mail : hub_url_check)(call->url, peer->insecure, &why)) {
        call->detail = hub_slice_str(why);
        return HUB_EPEER_FORBIDDEN;
    }
    transfer->easy = peer->idle_count && !call->mail ? peer->idle[--peer->idle_count] : curl_easy_init();
    HUB_ASSERT(transfer->easy != NULL);
    set_security(transfer);
    set_limits(transfer);
    hub_slice_t url = call->url;
    hub_err_t err = call->mail ? hub_peer__mail_prepare(transfer) : web_prepare(transfer, &url);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, hub_pool_str(call->pool, url));
    return err;
}

/* ---- the verdict ---- */

static const struct {
    CURLcode code;
    hub_err_t err;
} verdicts[] = {
    {CURLE_OK, HUB_EOK},
    {CURLE_OPERATION_TIMEDOUT, HUB_EPEER_TIMEOUT},
    {CURLE_PEER_FAILED_VERIFICATION, HUB_EPEER_TLS},
    {CURLE_SSL_CERTPROBLEM, HUB_EPEER_TLS},
    {CURLE_SSL_CACERT_BADFILE, HUB_EPEER_TLS},
    {CURLE_SSL_ISSUER_ERROR, HUB_EPEER_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, HUB_EPEER_TLS},
    {CURLE_SSL_CIPHER, HUB_EPEER_TLS},
    {CURLE_FILESIZE_EXCEEDED, HUB_EPEER_TOO_LARGE},
    {CURLE_URL_MALFORMAT, HUB_EPEER_FORBIDDEN},
    {CURLE_UNSUPPORTED_PROTOCOL, HUB_EPEER_FORBIDDEN},
    {CURLE_LOGIN_DENIED, HUB_EPEER_FORBIDDEN},
    {CURLE_WEIRD_SERVER_REPLY, HUB_EPEER_PROTOCOL},
    {CURLE_HTTP2, HUB_EPEER_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, HUB_EPEER_PROTOCOL},
}; /* all others, among them a TLS handshake that the network broke: unreachable */

void hub_peer__transfer_result(hub_transfer_t *transfer, CURLcode code)
{
    hub_call_t *call = transfer->call;
    hub_err_t err = HUB_EPEER_UNREACHABLE;
    for (size_t i = 0; i < HUB_COUNT(verdicts); i++)
        if (verdicts[i].code == code)
            err = verdicts[i].err;
    if (transfer->too_large)
        err = HUB_EPEER_TOO_LARGE;
    else if (transfer->blocked && code == CURLE_COULDNT_CONNECT)
        err = HUB_EPEER_FORBIDDEN;
    /* 7.88 answers bytes that are no HTTP with this code: the peer is there, but no web server */
    else if (code == CURLE_UNSUPPORTED_PROTOCOL && call->url.len > 0 && transfer->problem[0] && strstr(transfer->problem, "HTTP/0.9"))
        err = HUB_EPEER_PROTOCOL;
    if (call->mail)
        err = hub_peer__mail_result(transfer, code, err);
    transfer->err = err;
    if (err == HUB_EOK) {
        call->http_status = (int)transfer->status;
        call->answer = call->mail ? hub_pool_copy(call->pool, hub_buf_slice(&transfer->body)) : hub_buf_slice(&transfer->body);
        return;
    }
    if (err == HUB_EPEER_TOO_LARGE)
        call->detail = hub_pool_printf(call->pool, "the answer is larger than %zu bytes", transfer->limit);
    else if (transfer->blocked && err == HUB_EPEER_FORBIDDEN)
        call->detail = HUB_SLICE_LIT("the host name leads to a loopback, private or otherwise closed address");
    else
        call->detail = hub_pool_copy(call->pool, hub_slice_str(transfer->problem[0] ? transfer->problem : curl_easy_strerror(code)));
}

void hub_peer__transfer_destroy(hub_transfer_t *transfer)
{
    hub_peer_t *peer = transfer->peer;
    if (transfer->easy && peer->idle_count < HUB_PEER_IDLE_EASY && !peer->stopping) {
        curl_easy_reset(transfer->easy);
        peer->idle[peer->idle_count++] = transfer->easy;
    } else if (transfer->easy) {
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    hub_pool_destroy(transfer->pool);
    free(transfer);
}
