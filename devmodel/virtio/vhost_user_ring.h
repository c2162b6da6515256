/*
 * The queue that a vhost-user back end serves: a split virtqueue of our own making (virtio 1.2, 2.7), in
 * memory that is shared with the back end and with nobody else. The driver's side of it is here.
 *
 *      guest's ring --device pops, checks--> request --vhost_user_ring_put--> our ring --> back end
 *      guest's ring <--device pushes-------- answer <--vhost_user_ring_take-- our ring <--
 *
 * The guest's own rings are not given away. So a guest reaches no back end with a ring that is wrong, and a
 * back end no guest; packed rings and whatever else was agreed with the guest are all the same to it; and it
 * is known here, whatever the back end has kept for itself, which requests it has not answered: when it has
 * died they are put again, in their order, and none is lost. (The protocol has a memory of the back end's for
 * that, which qemu-storage-daemon 7.2 does not offer.) What it costs is one thread's turn to and fro a
 * request, or a batch of them. Data is not copied: it goes between the back end and guest memory.
 *
 * A request takes one slot: a descriptor that points to a table of the slot's own (2.7.5.3).
 *
 *      memory   descriptors | available ring | used ring | tables of slots | heads and tails of slots
 *
 * The back end may write whatever it likes there. The index of the used ring and its entries are copied once,
 * then checked; nothing else is read again but tails, which are the answers.
 *
 * Lock: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/guest_memory.h"

#define VHOST_USER_RING_SIZE 128 /* requests at a time; a power of two */
#define VHOST_USER_PARTS_MAX 256 /* buffers of one request */
#define VHOST_USER_HEAD_MAX  32  /* bytes */
#define VHOST_USER_TAIL_MAX  8

/* What is asked: `head`, then `out`, is read by the back end; `in`, then the tail, is written. Buffers lie in
 * guest memory; the lists are not needed afterwards. */
struct vhost_user_ask {
	const void *head;
	uint32_t head_len;
	const struct iovec *out;
	unsigned out_count;
	const struct iovec *in;
	unsigned in_count;
	uint32_t tail_len;
	void *owner; /* comes back with the answer */
};

struct vhost_user_answer {
	void *owner;
	bool lost;         /* there is no back end, and none is waited for */
	uint32_t written;  /* bytes of `in` and the tail, as the back end says; never more than there are */
	uint32_t back_end; /* which of them has answered, when one follows another (vhost_user_take) */
	uint8_t tail[VHOST_USER_TAIL_MAX];
};

struct vhost_user_slot {
	void *owner;
	uint32_t tail_len;
	uint64_t room;   /* bytes that the back end may write, the tail's among them */
	uint64_t number; /* of the request: the order in which they were put; 0: the slot is free */
};

struct vhost_user_ring {
	/* In the shared memory. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_desc *tables;
	uint8_t *ends;
	uint64_t guest; /* the ring's place in the back end's view of guest-physical memory */

	const struct guest_memory *memory;
	uint16_t avail_next, used_next;
	uint64_t last_number;
	unsigned busy; /* slots */
	unsigned idle_count;
	uint8_t idle[VHOST_USER_RING_SIZE];
	struct vhost_user_slot slots[VHOST_USER_RING_SIZE];
};

/* Bytes of shared memory that one ring wants: whole pages. Only what is used of them costs memory. */
uint64_t vhost_user_ring_bytes(void);
void vhost_user_ring_init(struct vhost_user_ring *ring, const struct guest_memory *memory, uint8_t *shared,
			  uint64_t guest);
/* For a new back end: the ring is empty, then all that was not answered is put again. Returns how many that
 * are. */
unsigned vhost_user_ring_renew(struct vhost_user_ring *ring);
/* What was not answered never will be. */
void vhost_user_ring_forget(struct vhost_user_ring *ring);

/* -EBUSY: all slots are taken; -E2BIG: too many parts; -EFAULT: a buffer is not in guest memory. */
int vhost_user_ring_put(struct vhost_user_ring *ring, const struct vhost_user_ask *ask);
/* Whether the back end wants to be told of what was put. */
bool vhost_user_ring_wants_kick(const struct vhost_user_ring *ring);
/* 1: an answer; 0: there is none; -EPROTO: the back end answers what it was not asked. */
int vhost_user_ring_take(struct vhost_user_ring *ring, struct vhost_user_answer *answer);
/* The oldest request that was not answered, which is lost. */
bool vhost_user_ring_take_lost(struct vhost_user_ring *ring, struct vhost_user_answer *answer);
