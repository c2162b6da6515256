/*
 * A virtqueue, the device's side, in both of its formats: split (virtio 1.2, 2.7) and packed (2.8), with
 * event suppression by index or place (2.7.10, 2.8.10) and indirect descriptors (2.7.5.3, 2.8.7). Which
 * format it is was agreed (VIRTIO_F_RING_PACKED); who serves a queue does not see it.
 *
 *      split: the driver writes                     the device writes
 *      descriptor table     available ring          used ring
 *      +----------------+   +-------------------+   +-------------------+
 *      | addr len f next|<--| ring[idx % size]  |   | ring[idx % size]  |
 *      |      ...       |   | idx, used_event   |   | idx, avail_event  |
 *      +----------------+   +-------------------+   +-------------------+
 *
 *      packed: both write one ring                  the driver's wish    the device's wish
 *      +--------------------------+                 +----------------+   +----------------+
 *      | addr len id f            | available: the  | place, flags   |   | place, flags   |
 *      |      len id f   ...      | flags differ    +----------------+   +----------------+
 *      +--------------------------+ used: they are equal, and as the round is
 *
 * The guest is the enemy. Ring addresses are checked whole when the queue is enabled and reached by pointer
 * afterwards; every descriptor is copied once, then checked; a chain longer than VIRTQ_CHAIN_MAX or than the
 * queue (so every loop), an index outside its table, a nested, ill-sized or misplaced indirect table, a
 * device-readable descriptor after a device-writable one, more than 4 GiB in one chain, more chains at once
 * than the queue has places, an available index that runs ahead by more than the queue's size or a buffer
 * outside memory makes virtq_pop return -EPROTO, and the device then calls virtio_device_broken.
 *
 * A queue that is not enabled is empty and takes nothing: a driver may leave queues out, or stop one while it
 * runs.
 *
 * Lock: the queue's (struct virtio_device). Memory: refers to guest memory, owns nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/guest_memory.h"

struct virtq_ops;
struct vring_desc;
struct vring_avail;
struct vring_used;
struct vring_packed_desc;
struct vring_packed_desc_event;

#define VIRTQ_SIZE_MAX  1024
#define VIRTQ_CHAIN_MAX 256 /* descriptors in one chain; longer ones are refused */

struct virtq_split {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t signalled; /* used_next when virtq_needs_interrupt was last asked */
	bool wrapped;       /* used_next has come round to it: how much is new is unknown */
};

struct virtq_packed {
	struct vring_packed_desc *desc;
	struct vring_packed_desc_event *driver_event;
	struct vring_packed_desc_event *device_event;
	bool avail_wrap; /* 2.8.1: the rounds' counters, for avail_next and used_next */
	bool used_wrap;
	bool unpublished; /* the first place that was filled awaits its flags */
	uint16_t publish_place;
	uint16_t publish_flags;
	uint32_t unsignalled; /* places used since virtq_needs_interrupt was last asked; a round and one, at
				 most */
};

struct virtq {
	/* What the driver sets through the transport. */
	uint16_t size;
	bool enabled;
	uint64_t desc_address;
	uint64_t avail_address; /* packed: the driver's event suppression */
	uint64_t used_address;  /* packed: the device's */

	/* What the transport decides. */
	uint16_t size_max;

	/* Private. */
	const struct virtq_ops *ops; /* its format's */
	const struct guest_memory *memory;
	bool event_index;
	bool indirect;
	uint16_t avail_next; /* the next available entry to take; packed: a place in the ring */
	uint16_t used_next;  /* the next used entry to fill */
	uint32_t in_flight;  /* descriptors of chains that were popped and not given back */
	union {
		struct virtq_split split;
		struct virtq_packed packed;
	};
};

/*
 * Which chain is given back: a device that answers later keeps this, not the chain. Chains may go back in any
 * order, unless the driver agreed to VIRTIO_F_IN_ORDER.
 */
struct virtq_token {
	uint16_t id;          /* the driver's name for it; split: the number of its first descriptor */
	uint16_t descriptors; /* how many places of the queue's own ring it takes; split: one */
};

/*
 * One request: device-readable buffers first, then device-writable ones. Pointers stay valid for the guest's
 * life. The struct is 4 KiB: a device keeps one and pops into it, nothing clears it. iov may be changed by
 * who popped it.
 */
struct virtq_chain {
	struct virtq_token token;
	unsigned readable_count;
	unsigned writable_count;
	size_t readable_len; /* bytes */
	size_t writable_len;
	struct iovec iov[VIRTQ_CHAIN_MAX]; /* readable ones, then writable ones */
};

/* The halves of a ring's address, as transports get them. */
static inline void virtq_set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static inline void virtq_set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & UINT32_MAX) | (uint64_t)value << 32;
}

/* Checks size, alignment and addresses, and makes the queue ready in the format that the agreed features say;
 * -EINVAL leaves it disabled. */
int virtq_enable(struct virtq *queue, const struct guest_memory *memory, uint64_t features);
void virtq_disable(struct virtq *queue);
void virtq_reset(struct virtq *queue); /* back to power-on; size_max stays */

/* Somebody else (vhost) has served a split ring, up to this place: goes on there. */
void virtq_continue(struct virtq *queue, uint16_t avail_next);

/* 1: chain filled; 0: nothing available; -EPROTO: the ring is broken. */
int virtq_pop(struct virtq *queue, struct virtq_chain *chain);
/* Takes the last popped chain back: the next virtq_pop returns it again. Repeated, the ones before it, the
 * last one first. */
void virtq_unpop(struct virtq *queue, struct virtq_token token);
/* Gives a chain back with the number of bytes written into its writable buffers. */
void virtq_push(struct virtq *queue, struct virtq_token token, uint32_t written);
/* The two halves of it, for chains that the driver must see all at once (merged receive buffers, 5.1.6.4). */
void virtq_fill(struct virtq *queue, struct virtq_token token, uint32_t written);
void virtq_publish(struct virtq *queue);

/* Whether the driver wants an interrupt for what was pushed since the last call (2.7.7, 2.7.10). */
bool virtq_needs_interrupt(struct virtq *queue);
/* Asks the driver for a notification; true when buffers came meanwhile: the caller goes on popping. */
bool virtq_enable_notify(struct virtq *queue);
void virtq_disable_notify(struct virtq *queue);

/* Copies between a flat buffer and a chain's readable or writable part, from byte offset on; returns bytes
 * copied. */
size_t virtq_chain_read(const struct virtq_chain *chain, size_t offset, void *into, size_t len);
size_t virtq_chain_write(const struct virtq_chain *chain, size_t offset, const void *from, size_t len);
