/* The port's timers: one libuv timer each, closed and freed when stopped. */
#include <stdlib.h>

#include "peer.h"

static void closed(uv_handle_t *handle)
{
    hub_peer_timer_t *own = handle->data;
    own->peer->handles--;
    free(own);
}

static void close_timer(hub_peer_timer_t *own)
{
    if (own->previous)
        own->previous->next = own->next;
    else
        own->peer->timers = own->next;
    if (own->next)
        own->next->previous = own->previous;
    own->owner->port_data = NULL;
    own->owner = NULL;
    uv_close((uv_handle_t *)&own->handle, closed);
}

static void fired(uv_timer_t *handle)
{
    hub_peer_timer_t *own = handle->data;
    hub_timer_t *timer = own->owner;
    if (timer)
        timer->run(timer); /* may start it again or stop it, which frees `own` */
}

void hub_peer__timer_start(void *self, hub_timer_t *timer, uint64_t ms)
{
    hub_peer_t *peer = self;
    if (peer->stopping)
        return;
    hub_peer_timer_t *own = timer->port_data;
    if (!own) {
        own = calloc(1, sizeof *own);
        HUB_ASSERT(own != NULL);
        HUB_ASSERT(uv_timer_init(peer->loop, &own->handle) == 0);
        own->handle.data = own;
        own->owner = timer;
        own->peer = peer;
        own->next = peer->timers;
        if (own->next)
            own->next->previous = own;
        peer->timers = own;
        peer->handles++;
        timer->port_data = own;
    }
    uv_update_time(peer->loop); /* after a long callback the loop's idea of now is old, and the timer would come early */
    HUB_ASSERT(uv_timer_start(&own->handle, fired, ms, 0) == 0);
}

void hub_peer__timer_stop(void *self, hub_timer_t *timer)
{
    (void)self;
    if (timer->port_data)
        close_timer(timer->port_data);
}

void hub_peer__timers_close(hub_peer_t *peer)
{
    while (peer->timers)
        close_timer(peer->timers);
}
