/*
 * A virtio device (virtio 1.2, chapter 2), whatever transport it is behind.
 *
 *      guest --registers--> transport --calls--> virtio_device --ops--> blk, net, ...
 *      guest <--interrupt-- transport <--virtio_interrupt-- blk, net, ...
 *
 * A device embeds struct virtio_device first, fills id, name, queue sizes and ops, and calls virtio_device_init. The
 * transport then drives it: feature negotiation, queue set-up, status and reset are done once, here.
 *
 * Threads and lock: `lock` guards the device and its queues. Register accesses come on vCPU threads, queue work runs on
 * the loop's thread: the transport and the queue's kick take the lock before they call any op, so every op runs with it
 * held. A device's own loop callbacks (tap readable, request finished) take it themselves.
 *
 * Notifications: a guest's kick arrives on an eventfd per queue (KVM ioeventfd; without one the transport writes it).
 *
 * Faults: a guest's fault (broken ring, bad request header) ends in virtio_device_broken: DEVICE_NEEDS_RESET is set, the
 * driver is told, it is logged once at a bounded rate, and queues stay untouched until the driver resets the device. A
 * fault of our own is the guest process's end.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "common/log.h"
#include "common/loop.h"
#include "devmodel/virtio/queue.h"

#define VIRTIO_QUEUES_MAX 8

struct virtio_device;

struct virtio_device_ops {
	/* The device's own configuration space (5.x.4). Out-of-range bytes read as 0, writes there are ignored. */
	void (*config_read)(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len);
	void (*config_write)(struct virtio_device *device, uint32_t offset, const uint8_t *data, uint32_t len);
	/* DRIVER_OK was set; `features` holds what was agreed. A negative errno makes the device broken. */
	int (*activate)(struct virtio_device *device);
	/* Forget all requests in flight; nothing may touch the queues afterwards. */
	void (*reset)(struct virtio_device *device);
	/* The driver kicked this queue. */
	void (*notify)(struct virtio_device *device, unsigned queue);
	/* Releases everything, the struct included. Called with no lock, after the loop and the vCPUs have stopped. */
	void (*destroy)(struct virtio_device *device);
};

/* How a device reaches its driver; a transport embeds it. Called with the device's lock held. */
struct virtio_transport {
	void (*queue_interrupt)(struct virtio_transport *transport, unsigned queue);
	void (*config_interrupt)(struct virtio_transport *transport);
};

struct virtio_kick {
	struct loop_source source; /* fd: the queue's eventfd */
	struct virtio_device *device;
	unsigned queue;
};

struct virtio_device {
	/* Set by the device before virtio_device_init. */
	const struct virtio_device_ops *ops;
	uint32_t id;         /* 5: VIRTIO_ID_* of linux/virtio_ids.h */
	const char *name;    /* "blk root": for logs; owned by the device */
	uint64_t offered;    /* device-specific feature bits; the common ones are added by virtio_device_init */
	unsigned queue_count;
	uint32_t config_size; /* bytes of configuration space */

	/* Set by virtio_device_init. */
	pthread_mutex_t lock;
	const struct guest_memory *memory;
	struct loop *loop;
	struct virtio_kick kicks[VIRTIO_QUEUES_MAX];
	struct virtq queues[VIRTIO_QUEUES_MAX]; /* size_max may be lowered by the device after init */

	/* Set by the transport. */
	struct virtio_transport *transport;

	/* State the driver sees. */
	uint64_t features; /* agreed */
	uint32_t status;   /* 2.1 */
	uint32_t config_generation;
	struct log_limit log_limit;
};

int virtio_device_init(struct virtio_device *device, const struct guest_memory *memory, struct loop *loop,
		       struct error *err);
/* Undoes virtio_device_init; a device's destroy op ends with it and free. */
void virtio_device_close(struct virtio_device *device);
/* Calls ops->destroy; NULL is allowed. */
void virtio_device_destroy(struct virtio_device *device);

/* For transports; the lock is held. */
void virtio_device_set_status(struct virtio_device *device, uint32_t status); /* 3.1; 0 resets */
int virtio_device_enable_queue(struct virtio_device *device, unsigned queue);

/* For devices; the lock is held. */
void virtio_interrupt(struct virtio_device *device, unsigned queue); /* only when the driver wants it */
void virtio_config_changed(struct virtio_device *device);
void virtio_device_broken(struct virtio_device *device, const char *why);
static inline bool virtio_has(const struct virtio_device *device, unsigned feature_bit)
{
	return (device->features >> feature_bit) & 1;
}
/* True between DRIVER_OK and reset, and not broken: only then may queues be touched. */
bool virtio_device_live(const struct virtio_device *device);
