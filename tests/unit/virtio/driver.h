/*
 * A driver for tests: fake guest memory, a device's loop, and the driver's side of its queues, split or
 * packed (virtio 1.2, 2.7 and 2.8).
 *
 *     struct driver driver;
 *     driver_init(&driver);
 *     device = virtio_rng_create(NULL, &driver.memory, &driver.loop, &err);
 *     driver_attach(&driver, device, 0);                        negotiated, all queues set up, DRIVER_OK
 *     driver_add(&driver, 0, (struct driver_buffer[]){driver_in(&driver, 64)}, 1);
 *     driver_kick(&driver, 0);                                  notified, and the device's loop has run
 *     cr_assert(driver_collect(&driver, 0, &used));
 *     driver_close(&driver);                                    destroys the device
 *
 * What fails here fails the test (cr_assert). A test that wants a ring to be wrong writes to queues[n]
 * itself. The transport is a fake that counts interrupts.
 */
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/guest_memory.h"
#include "common/loop.h"
#include "devmodel/virtio/device.h"

#define DRIVER_RAM_BASE   0x100000ULL
#define DRIVER_RAM_SIZE   (4ULL << 20)
#define DRIVER_QUEUE_SIZE 16
#define DRIVER_PLACES_MAX 1024 /* of a packed queue */

#define DRIVER_VERSION_1   (1ULL << 32) /* driver_attach always accepts it */
#define DRIVER_EVENT_INDEX (1ULL << VIRTIO_RING_F_EVENT_IDX)
#define DRIVER_INDIRECT    (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define DRIVER_PACKED      (1ULL << VIRTIO_F_RING_PACKED)
#define DRIVER_RING_RESET  (1ULL << VIRTIO_F_RING_RESET)

struct driver_buffer {
	uint64_t address; /* guest-physical */
	uint32_t len;
	bool writable; /* by the device */
};

/* What the device gave back. */
struct driver_used {
	uint16_t head;
	uint32_t written;
};

struct driver_queue {
	uint16_t size;
	uint16_t desc_next; /* descriptors are handed out round and round: tests have few in flight */
	uint16_t used_next;
	struct vring_desc *desc; /* these point into the fake memory */
	struct vring_avail *avail;
	struct vring_used *used;
	/* The other format: desc_next is the place of the next descriptor, used_next of the next used one. */
	struct vring_packed_desc *packed; /* NULL: split */
	struct vring_packed_desc_event *driver_event;
	struct vring_packed_desc_event *device_event;
	bool desc_wrap;
	bool used_wrap;
	uint16_t lengths[DRIVER_PLACES_MAX]; /* descriptors of the chain with this id */
	uint64_t desc_address;
	uint64_t avail_address;
	uint64_t used_address;
};

struct driver {
	struct guest_memory memory;
	uint8_t *ram;
	uint64_t heap; /* the next free guest-physical address */
	struct loop loop;
	uint16_t queue_size; /* DRIVER_QUEUE_SIZE until a test says otherwise; at most the queue's size_max is
				used */
	struct virtio_device *device;
	struct virtio_transport transport;
	struct driver_queue queues[VIRTIO_QUEUES_MAX];
	unsigned interrupts[VIRTIO_QUEUES_MAX]; /* that the fake transport saw */
	unsigned config_interrupts;
};

void driver_init(struct driver *driver);
/* Destroys the device, if one was attached, then loop and memory. */
void driver_close(struct driver *driver);

/* Guest memory that nobody has used yet, zeroed, aligned to 16. */
uint64_t driver_alloc(struct driver *driver, uint64_t size);
/* Where a guest-physical range is in this process. */
void *driver_at(struct driver *driver, uint64_t address, uint64_t size);

/* A fresh buffer for the device to write, or to read (holding these bytes). */
struct driver_buffer driver_in(struct driver *driver, uint32_t len);
struct driver_buffer driver_out(struct driver *driver, const void *bytes, uint32_t len);

/* Lays out queue `index` in memory and tells the device's struct virtq where it is; does not enable it. */
void driver_layout_packed(struct driver *driver, struct virtq *virtq, unsigned index, uint16_t size);
void driver_layout(struct driver *driver, struct virtq *virtq, unsigned index, uint16_t size);
/* Plugs the device into the fake transport; its status stays 0. */
void driver_plug(struct driver *driver, struct virtio_device *device);
/* driver_plug, then everything up to DRIVER_OK: VERSION_1 and `features` accepted, all queues enabled. */
void driver_attach(struct driver *driver, struct virtio_device *device, uint64_t features);
/* The same from a reset on, for a device that is plugged: driver_reset, then driver_start. */
void driver_reset(struct driver *driver);
void driver_start(struct driver *driver, uint64_t features);
/* Resets one queue (2.6.1, DRIVER_RING_RESET was agreed) and enables it again, empty. */
void driver_restart_queue(struct driver *driver, unsigned queue);

/* With DRIVER_PACKED in the environment every driver_start agrees to packed rings, which is how a device's
 * tests run once more; one that writes split rings itself begins with this, and is skipped then. */
void driver_needs_split(void);

/* Writes one descriptor chain into the table and makes it available; returns its head. */
uint16_t driver_add(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
		    unsigned count);
/* The same as an indirect table of its own. */
uint16_t driver_add_indirect(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
			     unsigned count);
/* Makes a head available, whatever it is. */
void driver_offer(struct driver *driver, unsigned queue, uint16_t head);

/* Notifies the device and lets its loop run until it has nothing to do. */
void driver_kick(struct driver *driver, unsigned queue);
void driver_run(struct driver *driver);

/* The next used entry, or false when there is none. */
bool driver_collect(struct driver *driver, unsigned queue, struct driver_used *used);

/* The same, waiting for it: the device may need the host for it. */
void driver_await(struct driver *driver, unsigned queue, struct driver_used *used);

/* Whether the device asked for a reset. */
bool driver_sees_broken(const struct driver *driver);
