/* key: API keys from the command line. The requests that /v1/keys takes are run on the engine itself, without a socket: one way to make a
 * key, one set of rules. Works beside a running server. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"

#define PAGE 100u /* keys asked for at a time */

typedef struct desk {
    app_store_t data;
    hub_core_t *core;
    hub_worker_t *worker;
    hub_mailbox_t *mailbox;
    int bell; /* eventfd: something lies in the mailbox */
    bool answered;
    char admin[HUB_TOKEN_LEN + 1]; /* credential of this run, never stored */
} desk_t;

static void ring(void *arg)
{
    const desk_t *desk = arg;
    uint64_t one = 1;
    ssize_t ignored = write(desk->bell, &one, sizeof one);
    (void)ignored;
}

static void on_done(hub_exchange_t *x)
{
    ((desk_t *)x->driver)->answered = true;
}

static bool desk_open(desk_t *desk, const app_config_t *config)
{
    struct stat there;
    if (stat(config->data, &there) != 0) {
        fprintf(stderr, "ocpi-hub: %s: %s\n", config->data, strerror(errno));
        return false;
    }
    hub_store_config_t store = {.exclusive = false};
    if (!app_store_open(&desk->data, config, &store))
        return false;
    hub_token_make(desk->data.crypto, desk->admin);
    const hub_core_config_t settings = {.store = desk->data.store,
                                        .crypto = desk->data.crypto,
                                        .public_url = hub_slice_str(config->public_url ? config->public_url : ""),
                                        .admin_key = hub_slice_str(desk->admin),
                                        .workers = 1,
                                        .version = HUB_SLICE_LIT(HUB_VERSION)};
    char made[HUB_TOKEN_LEN + 1];
    hub_err_t err = hub_core_create(&settings, &desk->core, made);
    if (err) {
        fprintf(stderr, "ocpi-hub: %s\n", hub_err_info(err)->text);
        app_store_close(&desk->data);
        return false;
    }
    static const hub_port_t no_port;
    desk->bell = eventfd(0, EFD_CLOEXEC);
    desk->mailbox = hub_mailbox_create(ring, desk);
    desk->worker = hub_worker_create(desk->core, 0, &no_port, desk->mailbox);
    return true;
}

static void desk_close(desk_t *desk)
{
    hub_worker_destroy(desk->worker);
    hub_store_close(desk->data.store);
    desk->data.store = NULL;
    hub_core_destroy(desk->core);
    app_store_close(&desk->data);
    hub_mailbox_destroy(desk->mailbox);
    close(desk->bell);
}

typedef struct request {
    hub_method_t method;
    hub_slice_t path, query, body, platform;
} request_t;

/* Runs the exchange to its end: the status. */
static int run(desk_t *desk, hub_pool_t *pool, const request_t *request, hub_slice_t *body)
{
    hub_exchange_t x = {.pool = pool,
                        .worker = desk->worker,
                        .method = request->method,
                        .path = request->path,
                        .query = request->query,
                        .body = request->body};
    x.header[HUB_HEADER_API_KEY] = hub_slice_str(desk->admin);
    x.header[HUB_HEADER_PLATFORM_ID] = request->platform;
    x.header[HUB_HEADER_CONTENT_TYPE] = HUB_SLICE_LIT("application/json");
    x.remote = HUB_SLICE_LIT("command line");
    x.done = on_done;
    x.driver = desk;
    desk->answered = false;
    hub_exchange_run(&x);
    while (!desk->answered) {
        uint64_t rings;
        if (read(desk->bell, &rings, sizeof rings) > 0)
            hub_mailbox_drain(desk->mailbox);
    }
    *body = x.reply.body;
    return x.reply.status;
}

/* Prints the answer, of a list all pages as one array. The exit code. */
static int ask(desk_t *desk, hub_pool_t *pool, request_t *request)
{
    hub_slice_t body;
    hub_buf_t list = HUB_BUF_INIT(pool);
    int status;
    for (unsigned offset = 0;; offset += PAGE) {
        if (request->method == HUB_GET)
            request->query = hub_pool_printf(pool, "offset=%u&limit=%u", offset, PAGE);
        status = run(desk, pool, request, &body);
        if (status >= 300 || request->method != HUB_GET || body.len <= 2)
            break;
        hub_buf_add_char(&list, list.len ? ',' : '[');
        hub_buf_add(&list, hub_slice(body.ptr + 1, body.len - 2));
    }
    if (status < 300 && list.len) {
        hub_buf_add_char(&list, ']');
        body = hub_buf_slice(&list);
    }
    if (body.len)
        fprintf(status < 300 ? stdout : stderr, "%.*s\n", HUB_SLICE_FMT(body));
    return status < 300 ? APP_OK : APP_FAILED;
}

static void add_text(hub_buf_t *out, const char *name, const char *value)
{
    if (!value)
        return;
    hub_buf_printf(out, ",\"%s\":", name);
    hub_buf_add_json(out, hub_slice_str(value));
}

static hub_slice_t create_body(const app_config_t *config)
{
    hub_slice_t permissions = hub_slice_str(app_config_own(config, "--permissions")), one;
    hub_buf_t out = HUB_BUF_INIT(config->pool);
    hub_buf_add_str(&out, "{\"name\":");
    hub_buf_add_json(&out, hub_slice_str(app_config_own(config, "--name")));
    hub_buf_add_str(&out, ",\"permissions\":[");
    for (unsigned n = 0; hub_slice_split(&permissions, ',', &one); n++) {
        hub_buf_add_str(&out, n ? "," : "");
        hub_buf_add_json(&out, hub_slice_trim(one));
    }
    hub_buf_add_char(&out, ']');
    add_text(&out, "expires", app_config_own(config, "--expires"));
    add_text(&out, "type", app_config_own(config, "--type"));
    add_text(&out, "platformId", app_config_own(config, "--platform"));
    const char *burst = app_config_own(config, "--burst"), *steady = app_config_own(config, "--steady");
    if (burst || steady) {
        hub_buf_add_str(&out, ",\"rateLimit\":{\"burst\":");
        hub_buf_add_json(&out, hub_slice_str(burst));
        add_text(&out, "steady", steady);
        hub_buf_add_char(&out, '}');
    }
    hub_buf_add_char(&out, '}');
    return hub_buf_slice(&out);
}

static int wrong(const char *what)
{
    fprintf(stderr, "ocpi-hub: %s; see ocpi-hub key --help\n", what);
    return APP_USAGE;
}

static int parse(const app_config_t *config, request_t *out)
{
    const char *verb = config->rest_count ? config->rest[0] : "";
    out->path = HUB_SLICE_LIT("/v1/keys");
    if (strcmp(verb, "create") == 0) {
        if (!app_config_own(config, "--name") || !app_config_own(config, "--permissions"))
            return wrong("key create needs --name and --permissions");
        out->method = HUB_POST;
        out->body = create_body(config);
    } else if (strcmp(verb, "list") == 0) {
        out->method = HUB_GET;
        out->platform = hub_slice_str(app_config_own(config, "--platform"));
    } else if (strcmp(verb, "revoke") == 0) {
        uint64_t id;
        if (config->rest_count < 2 || !hub_slice_u64(hub_slice_str(config->rest[1]), &id))
            return wrong("key revoke needs the id of a key");
        out->method = HUB_DELETE;
        out->path = hub_pool_printf(config->pool, "/v1/keys/%s", config->rest[1]);
        out->platform = hub_slice_str(app_config_own(config, "--platform"));
    } else {
        return wrong("key create, key list or key revoke expected");
    }
    return APP_OK;
}

int app_key(int argc, char **argv)
{
    static const app_setting_id_t only[] = {APP_SETTING_config, APP_SETTING_data, APP_SETTING_public_url, APP_SETTING_COUNT};
    static const char *const own[] = {"name=", "permissions=", "expires=", "type=", "platform=", "burst=", "steady=", "help", NULL};
    app_config_t config;
    if (app_config_read(&config, argc, argv, only, own) != APP_OK)
        return APP_USAGE;
    request_t request = {.method = HUB_GET};
    int code;
    if (app_config_own(&config, "--help")) {
        puts("ocpi-hub key create --name NAME --permissions P,P… [--expires TIME] [--type api_key|oauth2] [--platform NAME|*]\n"
             "                    [--burst 10/s] [--steady 150/m]                    the secret is printed once\n"
             "ocpi-hub key list [--platform NAME]\n"
             "ocpi-hub key revoke ID [--platform NAME]\n");
        app_config_help(only);
        code = APP_OK;
    } else if ((code = parse(&config, &request)) == APP_OK) {
        desk_t desk = {.bell = -1};
        if (!app_require(&config, APP_SETTING_data, config.data)) {
            code = APP_USAGE;
        } else if (!desk_open(&desk, &config)) {
            code = APP_FAILED;
        } else {
            hub_log_set(STDERR_FILENO, HUB_ERROR);
            code = ask(&desk, config.pool, &request);
            desk_close(&desk);
        }
    }
    app_config_free(&config);
    return code;
}
