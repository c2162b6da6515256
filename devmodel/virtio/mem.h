/*
 * virtio memory device (virtio 1.2, 5.15): memory that a guest gets and gives back in blocks while it runs,
 * in a region of its own above its RAM. The host says how much it is to have; the guest's driver plugs and
 * unplugs blocks until it has that, as far as it can.
 *
 *      queue 0  requests: plug, unplug, unplug all, state of a range of blocks
 *
 * The region is one of guest memory's with blocks (common/guest_memory.h), made with it and there from the
 * start: vhost and vhost-user back ends know it, as they know the RAM. What of it is unplugged is
 *
 *      to the vCPUs       not mapped: a guest that touches it is ended by KVM_RUN's EFAULT
 *      to devices         outside of guest memory
 *      to the host        a hole in the memory's file: it takes no memory
 *
 * A reset of the device changes nothing of that (5.15.5.2), one of the machine ends the process.
 *
 * Hostile guests: no request makes more plugged than what is requested, no range outside of the usable region
 * is looked at, and each request costs a few system calls at most. A buffer that is in a block while that is
 * unplugged takes a page of the host's, which the next unplug gives back; the guest's control group counts
 * it.
 */
#pragma once

#include "devmodel/virtio/device.h"

struct virtio_mem_options {
	const char *name;   /* kept; the caller's as long as the device lives */
	uint64_t address;   /* of its region, which gives size and block */
	uint64_t requested; /* bytes that the guest is to have at first, whole blocks */
	uint16_t node;      /* ACPI proximity domain */
	/* A driver has begun to use the device; the loop's thread, with a queue's lock. May be NULL. */
	void (*driver_came)(void *owner);
	void *owner;
};

struct virtio_mem_state {
	bool driver;        /* one is there: it has set DRIVER_OK */
	uint64_t block;     /* bytes, of this and all that follow */
	uint64_t size;      /* of the region */
	uint64_t requested; /* that the guest is to have */
	uint64_t plugged;   /* that it has */
};

/* -EINVAL: no region of blocks begins there. */
struct virtio_device *virtio_mem_create(const struct virtio_mem_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* So much is to be plugged: whole blocks, no more than there are; what is more is left out. Loop thread. */
void virtio_mem_request(struct virtio_device *device, uint64_t bytes);
/* Any thread. */
void virtio_mem_read(const struct virtio_device *device, struct virtio_mem_state *state);
