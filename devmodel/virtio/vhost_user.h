/*
 * The vhost-user front end (QEMU docs/interop/vhost-user.rst), once for every kind of device: what a device
 * asks goes to a program of its own, the back end, which has a disk format, a file system or the like, and
 * reads and writes guest memory itself.
 *
 *      device --vhost_user_put--> ring (vhost_user_ring.h) --kick--> back end
 *      device <--answered, vhost_user_take------------------call---- back end
 *
 * Connections come through a channel (a SOCK_SEQPACKET socket) from who looks after the back end, as
 * messages:
 *
 *      a number (4 bytes) and a descriptor   a connection to a back end that was just started; the one before
 * is dead text                                  why there is none
 *      <-- a number                          this connection is of no use: the back end behind it, if it
 * lives, is to be killed, and another started
 *
 * The channel's end means that there will be no more.
 *
 * A back end that dies is waited for, and what it has not answered is put to the next one; or, without
 * `reconnect`, is lost, as all is that comes after it: the device then tells its driver of an error. A
 * back end that is wrong in any way (a message that cannot be, a request that it was not asked, silence for
 * VHOST_USER_PATIENCE_MS while it is being set up) is treated as one that has died. How long it takes to
 * answer a request is its own affair: a disk may be slow.
 *
 * The back end gets the guest's memory and the rings', as descriptors; it is as little trusted as the guest.
 *
 * Threads: everything belongs to the thread of the loop, but for put, take, kick and drain, which are any
 * thread's. `answered`, `changed` are called on the loop's thread, with no lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "common/loop.h"
#include "devmodel/virtio/vhost_user_ring.h"

#define VHOST_USER_QUEUES_MAX  16
#define VHOST_USER_PATIENCE_MS 10000
/* How long requests may take that are to be forgotten, and the same again for a back end to die: it may be a
 * vCPU that waits. */
#define VHOST_USER_DRAIN_MS 200

struct vhost_user;

struct vhost_user_options {
	const char *name; /* what sentences begin with: "disk data"; copied */
	int channel;      /* duplicated: who has opened it closes it */
	unsigned queues;
	uint64_t features;    /* of the device, which the back end must have */
	uint32_t config_size; /* bytes of its configuration space to be fetched; 0: none */
	bool reconnect;
	bool waits; /* the loop, which may run already, hears nothing before vhost_user_start */
	const char
		*when_gone; /* what becomes of what the guest asks, without it; NULL: it fails from now on */
	/* There may be answers to take. */
	void (*answered)(void *owner, unsigned queue);
	/* The back end says that its configuration space has changed. May be NULL. */
	void (*changed)(void *owner);
	void *owner;
};

/* Sets the first back end up, which takes as long as that takes, VHOST_USER_PATIENCE_MS at most. memory and
 * loop outlive it. NULL: err says why. */
struct vhost_user *vhost_user_open(const struct vhost_user_options *options,
				   const struct guest_memory *memory, struct loop *loop, struct error *err);
/* answered and changed are called from now on. */
int vhost_user_start(struct vhost_user *front, struct error *err);
/* The back end is told to end in good order, and waited for: VHOST_USER_PATIENCE_MS at most. NULL is allowed.
 */
void vhost_user_close(struct vhost_user *front);

/* The configuration space as it was last fetched, of config_size bytes. */
void vhost_user_config(struct vhost_user *front, void *into);
/* The features that the back end offers. */
uint64_t vhost_user_features(struct vhost_user *front);

/* See vhost_user_ring_put. What was put is told to the back end by vhost_user_kick. */
int vhost_user_put(struct vhost_user *front, unsigned queue, const struct vhost_user_ask *ask);
void vhost_user_kick(struct vhost_user *front, unsigned queue);
/* Has `answered` called. */
void vhost_user_wake(struct vhost_user *front, unsigned queue);
bool vhost_user_take(struct vhost_user *front, unsigned queue, struct vhost_user_answer *answer);
/* Waits for what was put into this queue, and forgets it: when this returns no buffer is touched any more,
 * unless the front end is stuck. A back end that does not come to an end is killed. */
void vhost_user_drain(struct vhost_user *front, unsigned queue);
/* It was drained, and a back end that was killed has not died yet (its host's disk hangs): it may still touch
 * what was put. Any thread. */
bool vhost_user_stuck(struct vhost_user *front);
