/* What the store costs over LMDB itself: the same bytes put under the same keys with the same number of puts a commit, once with bare
 * LMDB and once as objects with all their indexes.
 *   bench_micro_store [directory, emptied afterwards] [objects] [puts a commit] */
#include <lmdb.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hub/store.h"

#define SIZE 2048

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What this process has written so far: unlike the rate, not disturbed by what else the machine does. */
static double written(void)
{
    unsigned long long bytes = 0;
    char line[128];
    FILE *io = fopen("/proc/self/io", "r");
    while (io && fgets(line, sizeof line, io))
        sscanf(line, "wchar: %llu", &bytes);
    if (io)
        fclose(io);
    return (double)bytes;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct result {
    double rate, kib, us; /* puts a second, KiB written and µs of processor a put */
} result_t;

static result_t began(void)
{
    return (result_t){now(), written(), cpu()};
}

static result_t ended(result_t from, unsigned count)
{
    return (result_t){count / (now() - from.rate), (written() - from.kib) / 1024 / count, (cpu() - from.us) * 1e6 / count};
}

static void check(int rc, const char *what)
{
    if (!rc)
        return;
    fprintf(stderr, "%s: %d\n", what, rc);
    exit(1);
}

static unsigned step_of(unsigned i, unsigned count)
{
    return (unsigned)((uint64_t)i * 2654435761u % count); /* scattered, the same in both runs */
}

static void object_id(unsigned i, char text[32], hub_object_id_t *id)
{
    snprintf(text, 32, "LOC-%09u", i);
    *id = (hub_object_id_t){
        .tenant = 1, .scope = 7, .module = 1, .country = HUB_SLICE_LIT("DE"), .party = HUB_SLICE_LIT("ABC"), .id = hub_slice_str(text)};
}

/* ---- bare LMDB ---- */

static result_t raw_run(MDB_env *env, MDB_dbi dbi, unsigned count, unsigned batch, bool scattered)
{
    static char bytes[SIZE + 80];
    result_t start = began();
    for (unsigned i = 0; i < count;) {
        MDB_txn *txn;
        check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
        for (unsigned n = 0; n < batch && i < count; n++, i++) {
            char text[32];
            hub_object_id_t id;
            hub_key_t key;
            object_id(scattered ? step_of(i, count) : i, text, &id);
            check((int)hub_object_key(&id, &key), "key");
            memset(bytes, 'a' + (int)(i % 26), sizeof bytes);
            MDB_val k = {key.len, key.bytes}, v = {sizeof bytes, bytes};
            check(mdb_put(txn, dbi, &k, &v, 0), "put");
        }
        check(mdb_txn_commit(txn), "commit");
    }
    return ended(start, count);
}

static void raw(const char *path, unsigned count, unsigned batch, result_t out[2])
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    check(mkdir(path, 0700), path);
    check(mdb_env_create(&env), "create");
    check(mdb_env_set_mapsize(env, (size_t)64 << 30), "map");
    check(mdb_env_set_maxdbs(env, 2), "dbs");
    check(mdb_env_open(env, path, MDB_NORDAHEAD, 0600), "open");
    check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    check(mdb_dbi_open(txn, "object", MDB_CREATE, &dbi), "dbi");
    check(mdb_txn_commit(txn), "commit");
    out[0] = raw_run(env, dbi, count, batch, false);
    out[1] = raw_run(env, dbi, count, batch, true);
    mdb_env_close(env);
}

/* ---- the store ---- */

typedef struct put {
    hub_op_t op;
    unsigned i, serial;
    sem_t *free;
} put_t;

static unsigned audiences = 2;

static hub_err_t put_apply(hub_view_t *view, hub_op_t *op)
{
    static char bytes[SIZE];
    put_t *put = (put_t *)op;
    char text[32];
    hub_object_id_t id;
    object_id(put->i, text, &id);
    memset(bytes, 'a' + (int)(put->serial % 26), sizeof bytes);
    hub_object_t object = {.last_updated = 1700000000000 + put->serial,
                           .received_at = 1700000000000 + put->serial,
                           .audience_count = audiences,
                           .audiences = {hub_audience(HUB_AUDIENCE_RECEIVED, 7), hub_audience(HUB_AUDIENCE_RECEIVED_TENANT, 1),
                                         hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, 1)},
                           .bytes = hub_slice(bytes, sizeof bytes)};
    return hub_object_put(view, &id, &object, HUB_CHANGE_OBJECT, HUB_SLICE_NONE);
}

static void put_done(hub_op_t *op)
{
    check((int)op->err, "store put");
    sem_post(((put_t *)op)->free);
}

static void woken(void *arg)
{
    sem_post(arg);
}

static result_t store_run(hub_store_t *store, unsigned count, unsigned batch, bool scattered)
{
    sem_t wake, free_slots;
    unsigned slots = batch * 2, serial = scattered ? count : 0;
    put_t *puts = calloc(slots, sizeof *puts);
    sem_init(&wake, 0, 0);
    sem_init(&free_slots, 0, slots);
    hub_mailbox_t *box = hub_mailbox_create(woken, &wake);
    result_t start = began();
    for (unsigned i = 0; i < count; i++) {
        while (sem_trywait(&free_slots)) {
            sem_wait(&wake);
            hub_mailbox_drain(box);
        }
        put_t *put = &puts[i % slots]; /* results come back in order */
        *put = (put_t){{.apply = put_apply, .done = put_done, .reply_to = box}, scattered ? step_of(i, count) : i, serial + i, &free_slots};
        check((int)hub_store_submit(store, &put->op), "submit");
    }
    for (unsigned i = 0; i < slots; i++)
        while (sem_trywait(&free_slots)) {
            sem_wait(&wake);
            hub_mailbox_drain(box);
        }
    result_t result = ended(start, count);
    hub_mailbox_destroy(box);
    free(puts);
    return result;
}

/* ns a call, of views and single objects. */
static void print_reads(hub_store_t *store, unsigned count)
{
    hub_view_t *view;
    hub_object_t object;
    unsigned calls = 200000;
    uint64_t sum = 0;
    double start = cpu();
    for (unsigned i = 0; i < calls; i++) {
        check((int)hub_view_open(store, &view), "view");
        hub_view_close(view);
    }
    double opened = cpu();
    check((int)hub_view_open(store, &view), "view");
    for (unsigned i = 0; i < calls; i++) {
        char text[32];
        hub_object_id_t id;
        object_id(step_of(i, count), text, &id);
        check((int)hub_object_get(view, &id, &object), "get");
        sum += object.bytes.len;
    }
    double got = cpu();
    hub_view_close(view);
    printf("view opened and closed: %.0f ns; object found: %.0f ns (%llu MB seen)\n", (opened - start) * 1e9 / calls,
           (got - opened) * 1e9 / calls, (unsigned long long)(sum >> 20));
}

static void stored(const char *path, unsigned count, unsigned batch, result_t out[2])
{
    hub_store_t *store;
    hub_store_config_t config = {.path = path, .batch_limit = batch};
    check((int)hub_store_open(&config, &store, NULL, NULL), "store open");
    out[0] = store_run(store, count, batch, false);
    out[1] = store_run(store, count, batch, true);
    if (audiences == 3)
        print_reads(store, count);
    hub_store_close(store);
}

static void empty(const char *path)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < HUB_COUNT(names); i++) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", path, names[i]);
        unlink(name);
    }
    rmdir(path);
}

int main(int argc, char **argv)
{
    const char *base = argc > 1 ? argv[1] : ".";
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 100000, batch = argc > 3 ? (unsigned)atoi(argv[3]) : 64;
    char path[512];
    result_t bare[2], with[2];
    snprintf(path, sizeof path, "%s/micro_store.%ld", base, (long)getpid());
    raw(path, count, batch, bare);
    empty(path);
    printf("%u objects of %u bytes, %u puts a commit\n", count, SIZE, batch);
    printf("%-10s %-8s %9s %9s %6s | %8s %8s %6s | %8s %8s\n", "audiences", "puts", "LMDB/s", "store/s", "ratio", "LMDB KiB", "KiB/put",
           "ratio", "LMDB us", "us/put");
    for (audiences = 1; audiences <= 3; audiences++) {
        stored(path, count, batch, with);
        empty(path);
        for (int i = 0; i < 2; i++)
            printf("%-10u %-8s %9.0f %9.0f %6.2f | %8.1f %8.1f %6.2f | %8.1f %8.1f\n", audiences, i ? "replace" : "new", bare[i].rate,
                   with[i].rate, with[i].rate / bare[i].rate, bare[i].kib, with[i].kib, bare[i].kib / with[i].kib, bare[i].us, with[i].us);
        fflush(stdout);
    }
    return 0;
}
