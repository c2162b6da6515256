/*
 * Events over HTTP: a JSON array of what is kept, or, for who takes text/event-stream, that and then each as
 * it happens (HTML, 9.2 "Server-sent events"):
 *
 *      id: 17
 *      event: running
 *      data: {"id":17,"time":"2026-01-31T12:00:00Z","event":"running","guest":"web"}
 *
 * A follower has no queue: what it was not sent yet is in the manager's ring (vmm/manager/events.h). One that
 * is as far behind as the ring is long does not read: it is dropped, and may come again with Last-Event-ID.
 * Internal to vmm/api.
 */
#pragma once

struct api;
struct exchange;
struct follow;

void follow_begin(struct exchange *exchange); /* the route */
/* There is a new event. */
void follow_event(struct exchange *exchange);
/* Once a second: a comment for those who heard nothing for long, so that whatever is between us does not
 * forget them. */
void follow_tick(struct api *api);
void follow_free(struct follow *follow); /* NULL is allowed */
