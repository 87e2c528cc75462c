/* serve: wires store, core, peer and http together; one thread and one loop a worker; an orderly end. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "app.h"
#include "hub/http.h"
#include "hub/peer.h"
#include "hub/url.h"

#define WORKERS_MOST 64u
#define TICK_MS 10u
#define STEP_MS 2000
#define FILES_SERVER 16u /* store, log, listener, and some to spare */
#define FILES_WORKER 12u
#define FILES_LEAST 16u /* for clients and partners */

typedef struct thread {
    struct serve *serve;
    unsigned index;
    pthread_t id;
    uv_loop_t loop;
    uv_async_t mail;
    uv_timer_t tick;
    uv_prepare_t rest;
    hub_mailbox_t *mailbox;
    hub_peer_t *peer;
    hub_worker_t *worker;
    hub_http_worker_t *http;
    hub_task_t stop;
    int step;         /* of the end, see on_tick */
    int64_t deadline; /* of this step; 0: not begun */
    bool stuck;       /* an exchange never got its answer: its memory is left alone */
} thread_t;

typedef struct serve {
    const app_config_t *config;
    app_store_t data;
    _Atomic(hub_core_t *) core;
    hub_http_t *http;
    thread_t *threads;
    unsigned workers;
    pthread_barrier_t gate; /* all workers and the main thread */
    atomic_uint reached[4]; /* how many workers are past each step of the end */
    atomic_bool failed;
} serve_t;

/* ---- the end, step by step; a worker goes on when all others have come as far, because they post to each other ---- */

enum { STEP_HTTP, STEP_CORE, STEP_PEER, STEP_DONE };

static bool all_past(thread_t *thread, int step)
{
    return atomic_load(&thread->serve->reached[step]) == thread->serve->workers;
}

static bool step_over(thread_t *thread)
{
    switch (thread->step) {
    case STEP_HTTP:
        return hub_http_worker_idle(thread->http);
    case STEP_CORE:
        return hub_worker_stop(thread->worker);
    default:
        return hub_peer_stop(thread->peer);
    }
}

static void on_tick(uv_timer_t *tick)
{
    thread_t *thread = tick->data;
    int64_t now = hub_mono_ms();
    if (thread->step == STEP_DONE || (thread->step > STEP_HTTP && !all_past(thread, thread->step - 1)))
        return;
    if (!thread->deadline)
        thread->deadline = now + STEP_MS;
    bool over = step_over(thread);
    if (!over && now < thread->deadline)
        return;
    if (!over)
        hub_log(HUB_WARN, "stop.late", HUB_INT("worker", thread->index), HUB_INT("step", thread->step));
    if (!over && thread->step == STEP_HTTP)
        hub_http_worker_abort(thread->http); /* core takes no more requests from here on */
    atomic_fetch_add(&thread->serve->reached[thread->step], 1);
    thread->step++;
    thread->deadline = 0;
    if (thread->step == STEP_DONE)
        uv_stop(&thread->loop);
}

static void on_stop(hub_task_t *task)
{
    thread_t *thread = (thread_t *)((char *)task - offsetof(thread_t, stop));
    thread->deadline = hub_mono_ms() + thread->serve->config->drain_timeout_ms;
    hub_http_worker_drain(thread->http);
    uv_timer_start(&thread->tick, on_tick, 0, TICK_MS);
}

/* ---- a worker's thread ---- */

static void on_mail(uv_async_t *mail)
{
    thread_t *thread = mail->data;
    hub_mailbox_drain(thread->mailbox);
}

static void wake(void *arg)
{
    thread_t *thread = arg;
    uv_async_send(&thread->mail);
}

/* Before the loop waits. */
static void on_rest(uv_prepare_t *rest)
{
    thread_t *thread = rest->data;
    hub_store_rest(thread->serve->data.store);
}

static void run_until_closed(thread_t *thread)
{
    for (int i = 0; i < 200 && uv_loop_close(&thread->loop) == UV_EBUSY; i++) {
        uv_run(&thread->loop, UV_RUN_NOWAIT);
        if (i > 10)
            usleep(5000);
    }
}

static bool thread_open(thread_t *thread)
{
    const app_config_t *config = thread->serve->config;
    const hub_peer_config_t peer = {.insecure = config->insecure_peers, .ca_file = config->ca_file, .version = HUB_SLICE_LIT(HUB_VERSION)};
    thread->peer = hub_peer_create(&thread->loop, &peer);
    if (!thread->peer) {
        fprintf(stderr, "ocpi-hub: outbound HTTP cannot be set up%s%s\n", config->ca_file ? "; CA file " : "",
                config->ca_file ? config->ca_file : "");
        atomic_store(&thread->serve->failed, true);
        return false;
    }
    hub_port_t port;
    hub_peer_port(thread->peer, &port);
    thread->worker = hub_worker_create(atomic_load(&thread->serve->core), thread->index, &port, thread->mailbox);
    return true;
}

static void thread_close(thread_t *thread)
{
    if (thread->http) {
        hub_http_worker_abort(thread->http);
        for (int i = 0; i < 200 && !hub_http_worker_idle(thread->http); i++) {
            uv_run(&thread->loop, UV_RUN_NOWAIT);
            usleep(5000);
        }
        thread->stuck = !hub_http_worker_idle(thread->http);
        if (thread->stuck)
            return;
        hub_http_worker_destroy(thread->http);
    }
    hub_worker_destroy(thread->worker);
    if (thread->peer) {
        for (int i = 0; i < 200 && !hub_peer_stop(thread->peer); i++) {
            uv_run(&thread->loop, UV_RUN_NOWAIT);
            usleep(5000);
        }
        hub_peer_destroy(thread->peer);
    }
    if (thread->rest.data)
        uv_close((uv_handle_t *)&thread->rest, NULL);
    uv_close((uv_handle_t *)&thread->tick, NULL);
    uv_close((uv_handle_t *)&thread->mail, NULL);
    run_until_closed(thread);
}

static void *thread_main(void *arg)
{
    thread_t *thread = arg;
    serve_t *serve = thread->serve;
    thread_open(thread);
    pthread_barrier_wait(&serve->gate); /* every worker exists */
    if (!atomic_load(&serve->failed)) {
        hub_store_keep_warm(serve->data.store);
        uv_prepare_init(&thread->loop, &thread->rest);
        thread->rest.data = thread;
        uv_prepare_start(&thread->rest, on_rest); /* started before http's: libuv runs the one that was started last first */
        hub_worker_start(thread->worker);
        thread->http = hub_http_worker_create(serve->http, thread->index, &thread->loop, thread->worker);
    }
    pthread_barrier_wait(&serve->gate); /* every worker listens */
    if (thread->http)
        uv_run(&thread->loop, UV_RUN_DEFAULT);
    hub_store_rest(serve->data.store);
    pthread_barrier_wait(&serve->gate); /* nobody posts to anybody any more */
    thread_close(thread);
    return NULL;
}

/* ---- the process ---- */

static unsigned worker_count(unsigned wanted)
{
    cpu_set_t cpus;
    unsigned n = wanted;
    if (n == 0)
        n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
    return n > WORKERS_MOST ? WORKERS_MOST : n;
}

/* A page of 50 objects is a block of some 160 KB. By default malloc maps such blocks and gives them back each time, and every page of the
 * answer faults in anew (a tenth of the request). Blocks up to 4 MiB stay in the heap, which keeps at most 16 MiB that nobody uses. */
static void tune_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

/* Clients get what the limit of open files leaves: without a free one accept would fail, again and again, and so would calls to partners.
 */
static bool raise_limits(app_config_t *config)
{
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file size is a full disk */
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return true;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    uint64_t own = FILES_SERVER + FILES_WORKER * (uint64_t)worker_count(config->workers), all = files.rlim_max;
    uint64_t needed = own + FILES_LEAST;
    if (all < needed) {
        fprintf(stderr, "ocpi-hub: at most %llu files may be open (ulimit -n): %llu or more are needed\n", (unsigned long long)all,
                (unsigned long long)needed);
        return false;
    }
    uint64_t clients = (all - own) / 4 * 3; /* the rest: connections to partners */
    if (config->connection_limit <= clients)
        return true;
    hub_log(HUB_WARN, "connections.limited", HUB_INT("connection_limit", (int64_t)clients), HUB_INT("open_files", (int64_t)all),
            HUB_STR("hint", "raise the limit of open files (ulimit -n)"));
    config->connection_limit = (unsigned)clients;
    return true;
}

static bool set_log(const char *level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < HUB_COUNT(names); i++) {
        if (strcmp(level, names[i]) == 0) {
            hub_log_set(STDERR_FILENO, (hub_level_t)i);
            return true;
        }
    }
    fprintf(stderr, "ocpi-hub: --log-level: debug, info, warn or error expected, not \"%s\"\n", level);
    return false;
}

static void on_commit(void *arg, uint64_t last_seq)
{
    serve_t *serve = arg;
    hub_core_t *core = atomic_load(&serve->core);
    if (core)
        hub_core_on_commit(core, last_seq);
}

static bool open_core(serve_t *serve)
{
    const app_config_t *config = serve->config;
    const hub_core_config_t settings = {.store = serve->data.store,
                                        .crypto = serve->data.crypto,
                                        .public_url = hub_slice_str(config->public_url),
                                        .admin_key = hub_slice_str(config->admin_key),
                                        .insecure_peers = config->insecure_peers,
                                        .workers = serve->workers,
                                        .token_seconds = config->token_seconds,
                                        .audit_days = config->audit_days,
                                        .audit_entries = config->audit_entries,
                                        .utility_cloud_url = hub_slice_str(config->utility_cloud_url),
                                        .version = HUB_SLICE_LIT(HUB_VERSION)};
    char made_key[HUB_TOKEN_LEN + 1] = "";
    hub_core_t *core = NULL;
    hub_err_t err = hub_core_create(&settings, &core, made_key);
    if (err) {
        fprintf(stderr, "ocpi-hub: cannot start: %s\n", hub_err_info(err)->text);
        return false;
    }
    atomic_store(&serve->core, core);
    if (made_key[0])
        fprintf(stderr, "API key with every permission, shown this once: %s\n", made_key);
    return true;
}

static bool open_http(serve_t *serve)
{
    const app_config_t *config = serve->config;
    const hub_http_config_t settings = {.core = atomic_load(&serve->core),
                                        .listen = config->listen,
                                        .tls_cert = config->tls_cert,
                                        .tls_key = config->tls_key,
                                        .spill = config->data,
                                        .workers = serve->workers,
                                        .connection_limit = config->connection_limit,
                                        .idle_ms = config->idle_timeout_ms,
                                        .request_ms = config->request_timeout_ms,
                                        .send_ms = config->send_timeout_ms};
    char why[256] = "";
    if (hub_http_create(&settings, &serve->http, why) == HUB_EOK)
        return true;
    fprintf(stderr, "ocpi-hub: %s\n", why);
    return false;
}

static void start_threads(serve_t *serve)
{
    serve->threads = calloc(serve->workers, sizeof *serve->threads);
    HUB_ASSERT(serve->threads);
    pthread_barrier_init(&serve->gate, NULL, serve->workers + 1);
    for (unsigned i = 0; i < serve->workers; i++) {
        thread_t *thread = &serve->threads[i];
        thread->serve = serve;
        thread->index = i;
        thread->stop.run = on_stop;
        uv_loop_init(&thread->loop);
        uv_async_init(&thread->loop, &thread->mail, on_mail);
        thread->mail.data = thread;
        uv_timer_init(&thread->loop, &thread->tick);
        thread->tick.data = thread;
        thread->mailbox = hub_mailbox_create(wake, thread);
    }
    for (unsigned i = 0; i < serve->workers; i++) {
        int failed = pthread_create(&serve->threads[i].id, NULL, thread_main, &serve->threads[i]);
        HUB_ASSERT(failed == 0);
    }
    pthread_barrier_wait(&serve->gate);
    pthread_barrier_wait(&serve->gate);
}

/* Returns when told to stop. From then on a second signal ends the process at once. */
static void wait_for_signal(const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) != 0) {
    }
    hub_log(HUB_INFO, "stopping", HUB_STR("signal", number == SIGINT ? "SIGINT" : "SIGTERM"));
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

static bool end_threads(serve_t *serve)
{
    bool stuck = false;
    pthread_barrier_wait(&serve->gate);
    for (unsigned i = 0; i < serve->workers; i++) {
        pthread_join(serve->threads[i].id, NULL);
        stuck |= serve->threads[i].stuck;
    }
    return !stuck;
}

static void free_all(serve_t *serve)
{
    hub_http_destroy(serve->http);
    /* The store thread posts to mailboxes: it ends first. */
    hub_store_close(serve->data.store);
    serve->data.store = NULL;
    hub_core_destroy(atomic_load(&serve->core));
    app_store_close(&serve->data);
    for (unsigned i = 0; serve->threads && i < serve->workers; i++)
        hub_mailbox_destroy(serve->threads[i].mailbox);
    if (serve->threads)
        pthread_barrier_destroy(&serve->gate);
    free(serve->threads);
}

static int run(const app_config_t *config)
{
    serve_t serve = {.config = config, .workers = worker_count(config->workers)};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* for the threads too */
    hub_store_config_t store = {.exclusive = true, .on_commit = on_commit, .on_commit_arg = &serve};
    if (!app_store_open(&serve.data, config, &store))
        return APP_FAILED;
    if (!open_core(&serve) || !open_http(&serve)) {
        free_all(&serve);
        return APP_FAILED;
    }
    start_threads(&serve);
    bool failed = atomic_load(&serve.failed);
    if (!failed) {
        hub_log(HUB_INFO, "listening", HUB_STR("listen", config->listen), HUB_INT("port", hub_http_port(serve.http)),
                HUB_INT("workers", serve.workers), HUB_BOOL("tls", config->tls_cert != NULL), HUB_STR("public_url", config->public_url),
                HUB_STR("version", HUB_VERSION), HUB_BOOL("insecure_peers", config->insecure_peers));
        wait_for_signal(&signals);
        for (unsigned i = 0; i < serve.workers; i++)
            hub_mailbox_post(serve.threads[i].mailbox, &serve.threads[i].stop);
    }
    if (!end_threads(&serve)) {
        /* What was acknowledged is on disk; freeing what a request still uses would be wrong. */
        hub_log(HUB_ERROR, "stopped", HUB_STR("detail", "a request was still under way"));
        _exit(failed ? APP_FAILED : APP_OK);
    }
    free_all(&serve);
    hub_log(HUB_INFO, "stopped");
    return failed ? APP_FAILED : APP_OK;
}

static bool check(const app_config_t *config)
{
    if (config->rest_count) {
        fprintf(stderr, "ocpi-hub: serve takes no argument %s\n", config->rest[0]);
        return false;
    }
    if (!app_require(config, APP_SETTING_data, config->data) || !app_require(config, APP_SETTING_public_url, config->public_url))
        return false;
    hub_slice_t url = hub_slice_str(config->public_url);
    if (!hub_slice_starts(url, HUB_SLICE_LIT("http://")) && !hub_slice_starts(url, HUB_SLICE_LIT("https://"))) {
        fprintf(stderr, "ocpi-hub: --public-url: an http:// or https:// URL expected, not \"%s\"\n", config->public_url);
        return false;
    }
    const char *why;
    if (config->utility_cloud_url && !hub_url_check(hub_slice_str(config->utility_cloud_url), config->insecure_peers, &why)) {
        fprintf(stderr, "ocpi-hub: --utility-cloud-url: %s\n", why);
        return false;
    }
    if (!hub_http_listen_ok(config->listen)) {
        fprintf(stderr, "ocpi-hub: --listen: HOST:PORT expected, not \"%s\"\n", config->listen);
        return false;
    }
    if (!config->tls_cert != !config->tls_key) {
        fputs("ocpi-hub: --tls-cert and --tls-key go together\n", stderr);
        return false;
    }
    return set_log(config->log_level);
}

int app_serve(int argc, char **argv)
{
    static const char *const own[] = {"help", NULL};
    app_config_t config;
    if (app_config_read(&config, argc, argv, NULL, own) != APP_OK)
        return APP_USAGE;
    int code = APP_USAGE;
    if (app_config_own(&config, "--help")) {
        puts("ocpi-hub serve: runs the hub until SIGTERM or SIGINT.\nFlags over environment over YAML file (public_url: …) over "
             "defaults.\n");
        app_config_help(NULL);
        code = APP_OK;
    } else if (check(&config)) {
        tune_memory();
        code = raise_limits(&config) ? run(&config) : APP_FAILED;
    }
    app_config_free(&config);
    return code;
}
