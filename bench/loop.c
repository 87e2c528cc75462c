#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;

static void on_accept(uv_stream_t *listener, int status)
{
    if (status != 0)
        return;
    uv_tcp_t *connection = h2o_mem_alloc(sizeof *connection);
    uv_tcp_init(listener->loop, connection);
    if (uv_accept(listener, (uv_stream_t *)connection) != 0) {
        uv_close((uv_handle_t *)connection, (uv_close_cb)free);
        return;
    }
    uv_tcp_nodelay(connection, 1);
    h2o_accept(&accept_context, h2o_uv_socket_create((uv_stream_t *)connection, (uv_close_cb)free));
}

static void must(int failed, const char *what)
{
    if (failed) {
        perror(what);
        exit(1);
    }
}

void bench_serve(int port, bench_handler_t handler)
{
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&config);
    config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = handler;

    static uv_loop_t loop;
    static uv_tcp_t listener;
    must(uv_loop_init(&loop), "loop");
    h2o_context_init(&context, &loop, &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(uv_tcp_init(&loop, &listener), "socket");
    must(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0), "bind");
    must(uv_listen((uv_stream_t *)&listener, 1024, on_accept), "listen");
    int len = sizeof address;
    must(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len), "getsockname");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
}

int bench_answer(h2o_req_t *req, int status, const char *body, size_t len)
{
    static h2o_generator_t generator = {NULL, NULL};
    req->res.status = status;
    req->res.reason = "OK";
    req->res.content_length = len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/json"));
    h2o_start_response(req, &generator);
    h2o_iovec_t out = h2o_iovec_init(body, len);
    h2o_send(req, &out, 1, H2O_SEND_STATE_FINAL);
    return 0;
}
