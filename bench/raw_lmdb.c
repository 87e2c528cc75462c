/* The raw LMDB loop that durable writes are compared with: values of one size put at random keys, one fsync a batch.
 *   raw_lmdb DIR KEYS VALUE_BYTES BATCH SECONDS [LOG_BYTES]     prints "puts/s N"
 * LOG_BYTES: with each put goes an entry of this size at the end of a log, as an audited change has one. */
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(int rc, const char *what)
{
    if (rc) {
        fprintf(stderr, "%s: %s\n", what, mdb_strerror(rc));
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char *value;
static size_t value_size;

static void put(MDB_txn *txn, MDB_dbi dbi, uint64_t n)
{
    unsigned char key[32] = "object-key-of-a-usual-size";
    for (int i = 0; i < 8; i++)
        key[24 + i] = (unsigned char)(n >> (56 - 8 * i));
    memcpy(value, &n, sizeof n);
    MDB_val k = {sizeof key, key}, v = {value_size, value};
    must(mdb_put(txn, dbi, &k, &v, 0), "put");
}

static void append(MDB_txn *txn, MDB_dbi log, uint64_t n, size_t size)
{
    unsigned char key[8];
    for (int i = 0; i < 8; i++)
        key[i] = (unsigned char)(n >> (56 - 8 * i));
    MDB_val k = {sizeof key, key}, v = {size, value};
    must(mdb_put(txn, log, &k, &v, MDB_APPEND), "append");
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7)
        return 2;
    uint64_t keys = strtoull(argv[2], NULL, 10), batch = strtoull(argv[4], NULL, 10), done = 0;
    double limit = atof(argv[5]);
    value_size = strtoul(argv[3], NULL, 10);
    size_t log_size = argc == 7 ? strtoul(argv[6], NULL, 10) : 0;
    value = calloc(1, value_size + log_size + 8);
    MDB_env *env;
    MDB_dbi dbi, log;
    MDB_txn *txn;
    must(mdb_env_create(&env), "create");
    must(mdb_env_set_mapsize(env, (size_t)16 << 30), "map");
    must(mdb_env_set_maxdbs(env, 2), "tables");
    must(mdb_env_open(env, argv[1], MDB_NOTLS, 0600), "open");
    must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
    must(mdb_dbi_open(txn, "value", MDB_CREATE, &dbi), "dbi");
    must(mdb_dbi_open(txn, "log", MDB_CREATE, &log), "dbi");
    for (uint64_t i = 0; i < keys; i++)
        put(txn, dbi, i);
    must(mdb_txn_commit(txn), "fill");
    uint64_t state = 88172645463325252ull;
    double start = seconds();
    while (seconds() - start < limit) {
        must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
        for (uint64_t i = 0; i < batch; i++, done++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            put(txn, dbi, state % keys);
            if (log_size)
                append(txn, log, done, log_size);
        }
        must(mdb_txn_commit(txn), "commit");
    }
    printf("puts/s %.0f\n", (double)done / (seconds() - start));
    mdb_env_close(env);
    return 0;
}
