/*
 * A virtio device (virtio 1.2, chapter 2), whatever transport it is behind.
 *
 *      guest --registers--> transport --calls--> virtio_device --ops--> blk, net, ...
 *      guest <--interrupt-- transport <--virtio_interrupt-- blk, net, ...
 *
 * A device embeds struct virtio_device first, fills id, name, queue sizes and ops, and calls
 * virtio_device_init. The transport then drives it: feature negotiation, queue set-up, status and reset are
 * done once, here.
 *
 * Threads and locks: `lock` guards the device: status, features, configuration space. Each queue has a lock
 * of its own, and may have a loop of its own (virtio_device_set_queue_loop): queues are then served side by
 * side. Register accesses come on vCPU threads and take the device's lock, queue work runs on the queue's
 * loop and takes the queue's. Outermost first: the device's lock, then queues' locks in their order; so
 * nobody who holds a queue's lock takes the device's.
 *
 *      config_read, config_write          the device's lock
 *      notify                             the queue's lock
 *      queue_reset                        the device's and the queue's
 *      activate, reset                    the device's and all queues'
 *
 * What changes status, features or a queue's set-up holds the device's lock and all queues that it is about:
 * any one of them is enough to look. NEEDS_RESET alone may come at any time. A device's own callbacks (tap
 * readable, request finished) take the lock of the queue they work on with virtio_queue_lock, or all of them
 * with virtio_device_lock when they work on what queues share. State of its own that two queues use it guards
 * itself, when they may be on two loops.
 *
 * Notifications: a guest's kick arrives on an eventfd per queue (KVM ioeventfd; without one the transport
 * writes it). The loop watches it edge triggered and nobody ever reads it: that saves a system call a kick,
 * and a guest that kicks a device which is not live makes no work.
 *
 * Faults: a guest's fault (broken ring, bad request header) ends in virtio_device_broken: DEVICE_NEEDS_RESET
 * is set, the driver is told, it is logged once at a bounded rate, and queues stay untouched until the driver
 * resets the device. A fault of our own is the guest process's end.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/counter.h"
#include "common/error.h"
#include "common/guest_memory.h"
#include "common/log.h"
#include "common/loop.h"
#include "devmodel/virtio/queue.h"

#define VIRTIO_QUEUES_MAX 64
#define VIRTIO_BATCH      32 /* requests after which the driver is told and others get their turn */

struct virtio_device;

struct virtio_device_ops {
	/* The device's own configuration space (5.x.4); [offset, offset + len) lies inside config_size. May
	 * be NULL: then it reads as 0 and writes are ignored. */
	void (*config_read)(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len);
	void (*config_write)(struct virtio_device *device, uint32_t offset, const uint8_t *data,
			     uint32_t len);
	/* DRIVER_OK was set; `features` holds what was agreed. A negative errno makes the device broken. May
	 * be NULL. */
	int (*activate)(struct virtio_device *device);
	/* Forget all requests in flight; nothing may touch the queues afterwards. Also comes when the device
	 * was never active. May be NULL. */
	void (*reset)(struct virtio_device *device);
	/* The same for one queue (2.6.1), which the driver may enable again while the others run. NULL:
	 * nothing need be forgotten. */
	void (*queue_reset)(struct virtio_device *device, unsigned queue);
	/* After either of them: whether somebody may still touch what the driver had given, for that could
	 * not be ended in time. The device is then in DEVICE_NEEDS_RESET until it is over, and its driver
	 * sees that the reset goes on (4.1.4.3.2). May be NULL. */
	bool (*busy)(struct virtio_device *device);
	/* The driver kicked this queue, or had buffers in it before DRIVER_OK; the device is live, the queue
	 * enabled. */
	void (*notify)(struct virtio_device *device, unsigned queue);
	/* Releases everything, the struct included. Called with no lock, on the device's loop or after it has
	 * stopped; vCPUs do not reach the device any more, and loops that queues have of their own have
	 * stopped. */
	void (*destroy)(struct virtio_device *device);
};

/* How a device reaches its driver; a transport embeds it. Called with any of the device's locks held, by
 * several threads at once. */
struct virtio_transport {
	void (*queue_interrupt)(struct virtio_transport *transport, unsigned queue);
	void (*config_interrupt)(struct virtio_transport *transport);
	/* Writes of the eventfd are the queue's interrupts from now on, without this process where that is
	 * possible; -1: of none any more, before it is closed. Where it is not, the eventfd turns out to be
	 * readable, and who watches it calls queue_interrupt. With the device's lock or the queue's held.
	 * NULL: it never is. */
	void (*queue_call)(struct virtio_transport *transport, unsigned queue, int eventfd);
};

/* What a queue has done; written under its lock, read by any thread at any time. */
struct virtio_counters {
	_Atomic uint64_t notifications; /* the driver's kicks, as many as were heard one by one */
	_Atomic uint64_t requests;      /* requests and buffers taken from the queues */
	_Atomic uint64_t errors;        /* requests that failed, faults that stopped the device */
	_Atomic uint64_t interrupts;
	/* Bytes, headers of virtio's own left out: */
	_Atomic uint64_t to_guest;   /* read from a disk, received from a network */
	_Atomic uint64_t from_guest; /* written, sent */
};

/* Who serves a queue, and when. */
struct virtio_kick {
	struct loop_source source; /* fd: the queue's eventfd */
	struct virtio_device *device;
	unsigned queue;
	struct loop *loop;
	pthread_mutex_t lock;
	struct virtio_counters counters;
};

struct virtio_device {
	/* Set by the device before virtio_device_init. */
	const struct virtio_device_ops *ops;
	uint32_t id;      /* 5: VIRTIO_ID_* of linux/virtio_ids.h */
	const char *name; /* "blk root": for logs; owned by the device */
	uint64_t offered; /* the device's own feature bits; the common ones are added by virtio_device_init */
	unsigned queue_count;
	uint32_t config_size; /* bytes of configuration space */
	bool in_order;        /* it gives every queue's chains back in the order that it took them */

	/* Set by virtio_device_init. */
	pthread_mutex_t lock;
	const struct guest_memory *memory;
	struct loop *loop;
	struct virtio_kick kicks[VIRTIO_QUEUES_MAX];
	struct virtq queues[VIRTIO_QUEUES_MAX]; /* size_max may be lowered by the device after init */

	/* Set by the transport. */
	struct virtio_transport *transport;

	/* State the driver sees. */
	uint64_t features;       /* agreed */
	_Atomic uint32_t status; /* 2.1 */
	_Atomic uint32_t config_generation;
	struct log_limit log_limit;
	_Atomic uint64_t faults; /* those that stopped the device */
};

int virtio_device_init(struct virtio_device *device, const struct guest_memory *memory, struct loop *loop,
		       struct error *err);
/* Has a queue served by a loop of its own. Before virtio_device_init, by the device itself; or later, before
 * the machine starts: neither loop runs, and no vCPU. 0 or a negative errno. */
int virtio_device_set_queue_loop(struct virtio_device *device, unsigned queue, struct loop *loop);
/* Takes these from the features that are offered. Before the device is plugged into a transport. */
void virtio_device_withhold(struct virtio_device *device, uint64_t features);
/* Undoes virtio_device_init; a device's destroy op ends with it and free. */
void virtio_device_close(struct virtio_device *device);
/* Calls ops->destroy; NULL is allowed. */
void virtio_device_destroy(struct virtio_device *device);

static inline void virtio_queue_lock(struct virtio_device *device, unsigned queue)
{
	pthread_mutex_lock(&device->kicks[queue].lock);
}

static inline void virtio_queue_unlock(struct virtio_device *device, unsigned queue)
{
	pthread_mutex_unlock(&device->kicks[queue].lock);
}

/* For who holds a queue's lock and wants an earlier one's, on the same loop: false while somebody else has
 * it, a reset most likely; the queue is then to be kicked instead. */
static inline bool virtio_queue_trylock(struct virtio_device *device, unsigned queue)
{
	return pthread_mutex_trylock(&device->kicks[queue].lock) == 0;
}

/* The device's lock and all queues'. */
void virtio_device_lock(struct virtio_device *device);
void virtio_device_unlock(struct virtio_device *device);

/* The queue's own counters: its lock is held. */
static inline struct virtio_counters *virtio_queue_counters(struct virtio_device *device, unsigned queue)
{
	return &device->kicks[queue].counters;
}

/* The sum of all queues'. Any thread, no lock. */
void virtio_device_count(const struct virtio_device *device, struct virtio_counters *sum);

/* For transports; the device's lock is held, and none of its queues'. What a driver does in the wrong state
 * (3.1) changes nothing. */
void virtio_device_set_status(struct virtio_device *device, uint32_t status); /* 0 resets */
uint32_t virtio_device_status(struct virtio_device *device);                  /* as its driver reads it */
/* Features 32 * half to 32 * half + 31: what is offered, what the driver has chosen so far. */
uint32_t virtio_device_offered(const struct virtio_device *device, uint32_t half);
uint32_t virtio_device_agreed(const struct virtio_device *device, uint32_t half);
/* The driver's choice of features 32 * half to 32 * half + 31; counts when it sets FEATURES_OK. */
void virtio_device_set_features(struct virtio_device *device, unsigned half, uint32_t features);
/* Whether the driver may lay this queue out and enable it: it is not enabled, and the driver does not run or
 * may start queues while it does (VIRTIO_F_RING_RESET). */
bool virtio_device_queue_is_open(const struct virtio_device *device, unsigned queue);
/* -EBUSY: the features are not agreed, or the queue is not open; -EINVAL: the rings cannot be; the device is
 * then broken. */
int virtio_device_enable_queue(struct virtio_device *device, unsigned queue);
/* What is in flight is forgotten; its rings stay where they are. */
void virtio_device_disable_queue(struct virtio_device *device, unsigned queue);
/* 2.6.1: the same, and the queue is as it was when the device was reset. Without VIRTIO_F_RING_RESET:
 * nothing. */
void virtio_device_reset_queue(struct virtio_device *device, unsigned queue);
/* Any offset and length: bytes outside the configuration space read as 0, writes there are ignored. */
void virtio_device_config_read(struct virtio_device *device, uint64_t offset, uint8_t *data, uint32_t len);
void virtio_device_config_write(struct virtio_device *device, uint64_t offset, const uint8_t *data,
				uint32_t len);

/* Has the loop's thread call ops->notify for this queue; any thread, no lock needed. A device calls it for
 * itself to go on later, so that one busy queue neither keeps the lock nor the loop. */
void virtio_device_kick(struct virtio_device *device, unsigned queue);

/* For devices; the queue's lock is held. */

/*
 * virtq_pop for a notify op, which looks like this:
 *
 *     unsigned budget = VIRTIO_BATCH;
 *
 *     virtq_disable_notify(queue);
 *     while (virtio_device_pop(device, index, &chain, &budget))
 *             virtq_push(queue, chain.token, serve(&chain));
 *     virtio_interrupt(device, index);
 *
 * False when nothing is left (the driver will kick), when the ring is broken (so is the device then), and
 * when the budget is used up: the queue is then kicked, and the loop serves others first.
 */
bool virtio_device_pop(struct virtio_device *device, unsigned queue, struct virtq_chain *chain,
		       unsigned *budget);
void virtio_interrupt(struct virtio_device *device, unsigned queue); /* only when the driver wants it */

/* For devices; any of the device's locks is held. */
void virtio_config_changed(struct virtio_device *device);
void virtio_device_broken(struct virtio_device *device, const char *why);
static inline bool virtio_has(const struct virtio_device *device, unsigned feature_bit)
{
	return (device->features >> feature_bit) & 1;
}
/* True between DRIVER_OK and reset, and not broken: only then may queues be touched. */
bool virtio_device_live(const struct virtio_device *device);
