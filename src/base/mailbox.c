#include <pthread.h>
#include <stdlib.h>

#include "hub/base.h"

struct hub_mailbox {
    pthread_mutex_t lock; /* of the list; never held while a task runs */
    hub_task_t *first, **last;
    void (*wake)(void *);
    void *arg;
};

hub_mailbox_t *hub_mailbox_create(void (*wake)(void *), void *arg)
{
    hub_mailbox_t *box = calloc(1, sizeof *box);
    HUB_ASSERT(box);
    pthread_mutex_init(&box->lock, NULL);
    box->last = &box->first;
    box->wake = wake;
    box->arg = arg;
    return box;
}

void hub_mailbox_destroy(hub_mailbox_t *box)
{
    if (!box)
        return;
    pthread_mutex_destroy(&box->lock);
    free(box);
}

void hub_mailbox_post(hub_mailbox_t *box, hub_task_t *task)
{
    task->next = NULL;
    pthread_mutex_lock(&box->lock);
    bool was_empty = box->first == NULL;
    *box->last = task;
    box->last = &task->next;
    pthread_mutex_unlock(&box->lock);
    if (was_empty)
        box->wake(box->arg);
}

size_t hub_mailbox_drain(hub_mailbox_t *box)
{
    pthread_mutex_lock(&box->lock);
    hub_task_t *task = box->first;
    box->first = NULL;
    box->last = &box->first;
    pthread_mutex_unlock(&box->lock);
    size_t count = 0;
    while (task) {
        hub_task_t *next = task->next; /* run may free the task */
        task->run(task);
        task = next;
        count++;
    }
    return count;
}
