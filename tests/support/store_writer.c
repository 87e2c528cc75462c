/* Writes without end until it is killed, or says what a store holds. For tests/crash.
 *   store_writer write DIR SERIAL   every operation is a line on standard output before it is submitted ("i P L7 123") and one after its
 *                                   result has come ("a P L7 123"): put, or delete, of object L7 and its twin, with this serial number
 *   store_writer dump DIR           "L7 123" for every object; then verifies the store: status 1 and the faults on standard error */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub/store.h"

#define SLOTS 128
#define OBJECTS 300

typedef struct step {
    hub_op_t op;
    unsigned object;
    unsigned long serial;
    bool remove;
    hub_change_kind_t kind;
    sem_t *free;
} step_t;

static void say(char when, const step_t *step)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%c %c L%u %lu\n", when, step->remove ? 'D' : 'P', step->object, step->serial);
    if (write(STDOUT_FILENO, line, (size_t)len) != len) /* at once: a killed process keeps no buffer */
        exit(2);
}

static hub_object_id_t identity(char text[32], unsigned object, bool twin)
{
    snprintf(text, 32, "%s%u", twin ? "twin-L" : "L", object);
    return (hub_object_id_t){.tenant = 1,
                             .scope = twin ? 3 : 0,
                             .module = 1,
                             .country = HUB_SLICE_LIT("DE"),
                             .party = HUB_SLICE_LIT("ABC"),
                             .id = hub_slice_str(text)};
}

/* Object and twin in one operation: after a crash both are there in the same state, or the operation never was. */
static hub_err_t step_apply(hub_view_t *view, hub_op_t *op)
{
    const step_t *step = (const step_t *)op;
    char text[32];
    char *bytes = malloc(6000);
    hub_err_t err = HUB_EOK;
    size_t len = 64 + step->serial * 37 % 5000;
    memset(bytes, '.', len);
    snprintf(bytes, len, "%lu ", step->serial);
    for (int twin = 0; twin < 2 && !err; twin++) {
        hub_object_id_t id = identity(text, step->object, twin);
        hub_object_t object = {
            .last_updated = (int64_t)(step->serial / 3),
            .received_at = (int64_t)step->serial,
            .audience_count = 2,
            .audiences = {hub_audience(HUB_AUDIENCE_TENANT_OWN, 1), hub_audience(HUB_AUDIENCE_PARTY_PUBLIC, (uint32_t)(step->serial % 3))},
            .bytes = hub_slice(bytes, len)};
        if (step->remove)
            err = hub_object_delete(view, &id, (int64_t)step->serial);
        else
            err = hub_object_put(view, &id, &object, step->kind, step->kind == HUB_CHANGE_EVSE ? HUB_SLICE_LIT("E1") : HUB_SLICE_NONE);
    }
    free(bytes);
    return err == HUB_ENOT_FOUND ? HUB_EOK : err; /* deleting twice is no failure here */
}

static void step_done(hub_op_t *op)
{
    step_t *step = (step_t *)op;
    if (op->err)
        exit(3);
    say('a', step);
    sem_post(step->free);
}

static void woken(void *arg)
{
    sem_post(arg);
}

static int write_for_ever(hub_store_t *store, unsigned long serial)
{
    static step_t steps[SLOTS];
    sem_t wake, free_slots;
    sem_init(&wake, 0, 0);
    sem_init(&free_slots, 0, SLOTS);
    hub_mailbox_t *box = hub_mailbox_create(woken, &wake);
    for (;; serial++) {
        while (sem_trywait(&free_slots)) {
            sem_wait(&wake);
            hub_mailbox_drain(box);
        }
        step_t *step = &steps[serial % SLOTS]; /* results come in the order of submission */
        uint32_t dice = hub_jitter(10);
        *step = (step_t){.op = {.apply = step_apply, .done = step_done, .reply_to = box},
                         .object = hub_jitter(OBJECTS),
                         .serial = serial,
                         .remove = dice == 0,
                         .kind = dice < 3 ? HUB_CHANGE_EVSE : HUB_CHANGE_OBJECT,
                         .free = &free_slots};
        say('i', step);
        if (hub_store_submit(store, &step->op))
            return 4;
    }
}

static unsigned long serial_of(hub_slice_t bytes)
{
    return strtoul(bytes.ptr, NULL, 10); /* a blank follows the number */
}

static int dump(hub_store_t *store, hub_pool_t *pool)
{
    hub_view_t *view;
    int status = 0;
    if (hub_view_open(store, &view))
        return 1;
    for (unsigned i = 0; i < OBJECTS; i++) {
        hub_object_t own, twin;
        char text[32];
        hub_object_id_t id = identity(text, i, false);
        hub_err_t err = hub_object_get(view, &id, &own);
        id = identity(text, i, true);
        hub_err_t twin_err = hub_object_get(view, &id, &twin);
        if (err != twin_err || (!err && serial_of(own.bytes) != serial_of(twin.bytes))) {
            fprintf(stderr, "L%u and its twin differ\n", i);
            status = 1;
        }
        if (!err)
            printf("L%u %lu\n", i, serial_of(own.bytes));
    }
    hub_view_close(view);
    hub_buf_t report = HUB_BUF_INIT(pool);
    if (hub_store_verify(store, &report)) {
        fprintf(stderr, "%.*s", HUB_SLICE_FMT(hub_buf_slice(&report)));
        status = 1;
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 64;
    hub_log_set(STDERR_FILENO, HUB_WARN);
    hub_store_t *store;
    hub_pool_t *pool = hub_pool_create();
    hub_slice_t why = HUB_SLICE_NONE;
    /* A small map: it grows under load, so that kills hit that as well. */
    hub_store_config_t config = {.path = argv[2], .map_size = 1, .batch_limit = 32, .exclusive = true};
    if (hub_store_open(&config, &store, pool, &why)) {
        fprintf(stderr, "%.*s\n", HUB_SLICE_FMT(why));
        return 1;
    }
    int status = strcmp(argv[1], "dump") == 0 ? dump(store, pool) : write_for_ever(store, argc > 3 ? strtoul(argv[3], NULL, 10) : 1);
    hub_store_close(store);
    hub_pool_destroy(pool);
    return status;
}
