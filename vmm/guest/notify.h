/*
 * Listens to what a guest's init says about itself: sd_notify(3) text over vsock, one message a connection,
 * as systemd sends it to vmm.notify_socket.
 *
 *      READY=1          the guest is up
 *      STATUS=text      what it is doing
 *      STOPPING=1       it is going down
 *
 * The guest is the enemy: a message is at most NOTIFY_MESSAGE_MAX bytes, at most NOTIFY_PEERS_MAX come at
 * once, other lines are ignored. Loop thread only.
 */
#pragma once

#include <stdint.h>

#include "common/loop.h"

#define NOTIFY_PORT        9999 /* vsock port on the host, CID 2 */
#define NOTIFY_MESSAGE_MAX 4096
#define NOTIFY_PEERS_MAX   8

struct notify;

/* told is called for each line "KEY=value" of a whole message. NULL when out of memory. */
struct notify *notify_create(struct loop *loop, void (*told)(void *owner, const char *key, const char *value),
			     void *owner);
void notify_destroy(struct notify *notify); /* NULL is allowed */

/* A new connection: returns the guest's end, a connected non-blocking stream socket, or a negative errno. */
int notify_connect(struct notify *notify);
