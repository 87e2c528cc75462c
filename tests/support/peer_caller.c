/* One outbound call for each line of standard input, one line of JSON for what came of it: the peer room on its own, for tests.
 *
 * peer_caller [--secure] [--ca FILE] [--resolve HOST:PORT:ADDRESS]
 * in:
 * {"method","url","headers":{…},"body","timeout","cancel","mail":{from,to:[…],username,password,plain},"sign":{access,secret,session,region,
 *      service}}
 *      cancel: after so many milliseconds
 * out: {"err","status","detail","answer","blocked_ms"}: how long the loop stood still at most */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hub/peer.h"
#include "ocpi/ocpi.h"

static uv_loop_t loop;
static bool finished;
static int64_t last_tick, blocked, cancel_at;
static hub_port_t port;
static hub_call_t *current;

static void tick(uv_timer_t *timer)
{
    int64_t now = hub_mono_ms();
    (void)timer;
    if (now - last_tick > blocked)
        blocked = now - last_tick;
    last_tick = now;
    if (cancel_at && now >= cancel_at && !finished) {
        cancel_at = 0;
        port.call_cancel(port.self, current);
    }
}

static void on_done(hub_call_t *call)
{
    (void)call;
    finished = true;
}

static void read_mail(hub_pool_t *pool, yyjson_val *json, hub_call_t *call)
{
    hub_call_mail_t *mail = HUB_POOL_NEW(pool, hub_call_mail_t);
    yyjson_val *to = yyjson_obj_get(json, "to"), *item;
    size_t i, n;
    hub_slice_t *list = hub_pool_alloc(pool, (yyjson_arr_size(to) + 1) * sizeof *list);
    yyjson_arr_foreach(to, i, n, item) list[mail->to_count++] = ocpi_str(item);
    mail->from = ocpi_get_str(json, "from");
    mail->to = list;
    mail->username = ocpi_get_str(json, "username");
    mail->password = ocpi_get_str(json, "password");
    mail->plain = yyjson_is_true(yyjson_obj_get(json, "plain"));
    call->mail = mail;
}

static void read_sign(hub_pool_t *pool, yyjson_val *json, hub_call_t *call)
{
    hub_call_sign_t *sign = HUB_POOL_NEW(pool, hub_call_sign_t);
    sign->access_key = ocpi_get_str(json, "access");
    sign->secret_key = ocpi_get_str(json, "secret");
    sign->session_token = ocpi_get_str(json, "session");
    sign->region = ocpi_get_str(json, "region");
    sign->service = ocpi_get_str(json, "service");
    call->sign = sign;
}

static hub_call_t *read_call(hub_pool_t *pool, const char *line)
{
    yyjson_doc *doc;
    yyjson_val *name, *value;
    size_t i, n;
    uint64_t timeout = 5000, cancel = 0;
    HUB_ASSERT(ocpi_read(pool, hub_slice_str(line), &doc, NULL) == HUB_EOK);
    yyjson_val *root = yyjson_doc_get_root(doc);
    hub_call_t *call = HUB_POOL_NEW(pool, hub_call_t);
    call->pool = pool;
    call->done = on_done;
    call->method = hub_method_parse(ocpi_get_str(root, "method"));
    call->url = ocpi_get_str(root, "url");
    call->body = ocpi_get_str(root, "body");
    hub_slice_u64(ocpi_get_str(root, "timeout"), &timeout);
    call->timeout_ms = (uint32_t)timeout;
    cancel_at = hub_slice_u64(ocpi_get_str(root, "cancel"), &cancel) ? hub_mono_ms() + (int64_t)cancel : 0;
    yyjson_obj_foreach(yyjson_obj_get(root, "headers"), i, n, name, value)
    {
        HUB_ASSERT(call->header_count < HUB_CALL_HEADERS);
        call->headers[call->header_count++] = (hub_header_t){ocpi_str(name), ocpi_str(value)};
    }
    if (yyjson_obj_get(root, "mail"))
        read_mail(pool, yyjson_obj_get(root, "mail"), call);
    if (yyjson_obj_get(root, "sign"))
        read_sign(pool, yyjson_obj_get(root, "sign"), call);
    return call;
}

static void print(hub_pool_t *pool, const hub_call_t *call)
{
    hub_buf_t out = HUB_BUF_INIT(pool);
    hub_buf_printf(&out, "{\"err\":\"%s\",\"status\":%d,\"blocked_ms\":%lld,\"detail\":", hub_err_info(call->err)->name, call->http_status,
                   (long long)blocked);
    hub_buf_add_json_any(&out, call->detail);
    hub_buf_add_str(&out, ",\"answer\":");
    hub_buf_add_json_any(&out, call->answer);
    printf("%.*s}\n", HUB_SLICE_FMT(hub_buf_slice(&out)));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    hub_peer_config_t config = {.insecure = true, .version = HUB_SLICE_LIT("test")};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--secure") == 0)
            config.insecure = false;
        else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc)
            config.ca_file = argv[++i];
        else if (strcmp(argv[i], "--resolve") == 0 && i + 1 < argc)
            config.resolve = argv[++i];
        else
            return 2;
    }
    static char line[1 << 20];
    uv_timer_t timer;
    HUB_ASSERT(uv_loop_init(&loop) == 0);
    hub_peer_t *peer = hub_peer_create(&loop, &config);
    HUB_ASSERT(peer != NULL);
    hub_peer_port(peer, &port);
    HUB_ASSERT(uv_timer_init(&loop, &timer) == 0);
    while (fgets(line, sizeof line, stdin)) {
        hub_pool_t *pool = hub_pool_create();
        hub_call_t *call = read_call(pool, line);
        current = call;
        finished = false;
        blocked = 0;
        last_tick = hub_mono_ms();
        HUB_ASSERT(uv_timer_start(&timer, tick, 5, 5) == 0);
        port.call(port.self, call);
        while (!finished)
            (void)uv_run(&loop, UV_RUN_ONCE);
        tick(&timer);
        HUB_ASSERT(uv_timer_stop(&timer) == 0);
        print(pool, call);
        hub_pool_destroy(pool);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    while (!hub_peer_stop(peer))
        (void)uv_run(&loop, UV_RUN_ONCE);
    hub_peer_destroy(peer);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
