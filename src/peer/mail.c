/* A call that is a mail: libcurl's SMTP.
 *
 * Its multi interface stands still where a mail waits for the last word on the message, and where it has sent QUIT (7.88: smtp_done,
 * smtp_disconnect). So a mail is made by a thread of libuv's pool, which nothing else here uses, in memory of its own. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define REPLY_MAX 4096

/* ---- setting up ---- */

static bool address_clean(hub_slice_t address)
{
    for (size_t i = 0; i < address.len; i++)
        if ((unsigned char)address.ptr[i] <= ' ' || address.ptr[i] == 0x7f || address.ptr[i] == '<' || address.ptr[i] == '>')
            return false;
    return address.len > 0;
}

static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
    hub_transfer_t *transfer = arg;
    hub_slice_t body = transfer->message;
    size_t len = body.len - transfer->given, room = size * count;
    if (len > room)
        len = room;
    if (len > 0)
        memcpy(out, body.ptr + transfer->given, len);
    transfer->given += len;
    return len;
}

/* libcurl hands every reply line over as a header. Kept: the lines of the last reply. */
static size_t on_reply(char *bytes, size_t size, size_t count, void *arg)
{
    hub_transfer_t *transfer = arg;
    hub_buf_t *reply = &transfer->body;
    hub_slice_t line = hub_slice_trim(hub_slice(bytes, size * count));
    if (transfer->leaving)
        return size * count;
    if (!transfer->reply_goes_on)
        reply->len = 0;
    if (reply->len + line.len < REPLY_MAX) {
        if (reply->len)
            hub_buf_add_char(reply, '\n');
        hub_buf_add(reply, line);
    }
    transfer->reply_goes_on = line.len > 3 && line.ptr[3] == '-';
    return size * count;
}

/* libcurl sends QUIT when it is done and waits two minutes for the answer. With the socket closed for reading there is nothing to wait for.
 * This is the only place that tells of QUIT; nothing else that comes by is looked at. */
static int on_trace(CURL *easy, curl_infotype type, char *bytes, size_t len, void *arg)
{
    hub_transfer_t *transfer = arg;
    (void)easy;
    if (type != CURLINFO_HEADER_OUT || !hub_slice_eq_str(hub_slice(bytes, len), "QUIT\r\n"))
        return 0;
    transfer->leaving = true;
    for (size_t i = 0; i < transfer->socket_count; i++)
        (void)shutdown(transfer->sockets[i], SHUT_RD);
    return 0;
}

static int on_close(void *arg, curl_socket_t fd)
{
    hub_transfer_t *transfer = arg;
    for (size_t i = 0; i < transfer->socket_count; i++)
        if (transfer->sockets[i] == fd)
            transfer->sockets[i] = transfer->sockets[--transfer->socket_count];
    return close(fd);
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    hub_transfer_t *transfer = arg;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&transfer->aborted);
}

static void set_connection(hub_transfer_t *transfer)
{
    CURL *easy = transfer->easy;
    /* One connection a mail: one that is kept would be closed with a QUIT of its own, later, and the login belongs to this call. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, transfer->call->mail->plain ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
}

hub_err_t hub_peer__mail_prepare(hub_transfer_t *transfer)
{
    hub_call_t *call = transfer->call;
    const hub_call_mail_t *mail = call->mail;
    CURL *easy = transfer->easy;
    bool clean = address_clean(mail->from) && mail->to_count > 0;
    for (uint32_t i = 0; clean && i < mail->to_count; i++) {
        clean = address_clean(mail->to[i]);
        struct curl_slist *list = curl_slist_append(transfer->headers, hub_pool_str(call->pool, mail->to[i]));
        HUB_ASSERT(list != NULL);
        transfer->headers = list;
    }
    if (!clean) {
        call->detail = HUB_SLICE_LIT("an address of the mail is missing or has a character that no address has");
        return HUB_EINVALID;
    }
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, hub_pool_str(call->pool, mail->from));
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body.len);
    if (mail->username.len) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, hub_pool_str(call->pool, mail->username));
        curl_easy_setopt(easy, CURLOPT_PASSWORD, hub_pool_str(call->pool, mail->password));
    }
    set_connection(transfer);
    transfer->threaded = true;
    transfer->pool = hub_pool_create();
    transfer->body = HUB_BUF_INIT(transfer->pool);
    transfer->message = hub_pool_copy(transfer->pool, call->body);
    return HUB_EOK;
}

/* ---- the thread ---- */

static void perform(uv_work_t *work)
{
    hub_transfer_t *transfer = work->data;
    transfer->code = curl_easy_perform(transfer->easy);
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_cleanup(transfer->easy);
    transfer->easy = NULL;
}

static void performed(uv_work_t *work, int status)
{
    hub_transfer_t *transfer = work->data;
    (void)status; /* cancelled: then there is no call */
    transfer->peer->working--;
    if (transfer->call)
        hub_peer__ended(transfer, transfer->code);
    else
        hub_peer__transfer_destroy(transfer);
}

void hub_peer__mail_start(hub_transfer_t *transfer)
{
    transfer->work.data = transfer;
    transfer->peer->working++;
    HUB_ASSERT(uv_queue_work(transfer->peer->loop, &transfer->work, perform, performed) == 0);
}

/* ---- the verdict ---- */

hub_err_t hub_peer__mail_result(const hub_transfer_t *transfer, CURLcode code, hub_err_t err)
{
    if (code == CURLE_USE_SSL_FAILED)
        return HUB_EPEER_TLS;
    if (err == HUB_EPEER_TLS || err == HUB_EPEER_TIMEOUT || transfer->blocked)
        return err;
    if (transfer->status >= 400) /* what libcurl then calls a failure to send or to log in is the server's word */
        return HUB_EOK;
    return code == CURLE_LOGIN_DENIED ? HUB_EPEER_PROTOCOL : err;
}
