/*
 * What the two formats of a virtqueue have in common on the inside (queue_split.c, queue_packed.c): how a
 * field of a ring is read once, and how a chain grows by a descriptor that a hostile driver wrote. For
 * queue*.c alone.
 */
#pragma once

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>

#include "devmodel/virtio/queue.h"

#define VIRTQ_CHAIN_BYTES_MAX (1ULL << 32) /* 2.7.5, 2.8.5 */

/* A format of rings. The queue is enabled whenever one of these is called, but for `enable`. */
struct virtq_ops {
	/* Checks size, alignment and addresses and reaches the rings; -EINVAL when they cannot be. */
	int (*enable)(struct virtq *queue);
	int (*pop)(struct virtq *queue, struct virtq_chain *chain);
	void (*unpop)(struct virtq *queue, struct virtq_token token);
	void (*fill)(struct virtq *queue, struct virtq_token token, uint32_t written);
	void (*publish)(struct virtq *queue);
	bool (*needs_interrupt)(struct virtq *queue);
	bool (*enable_notify)(struct virtq *queue);
	void (*disable_notify)(struct virtq *queue);
};

extern const struct virtq_ops virtq_split_ops;
extern const struct virtq_ops virtq_packed_ops;

static inline uint16_t ring_load16(const __le16 *field)
{
	return le16toh(__atomic_load_n(field, __ATOMIC_RELAXED));
}

static inline void ring_store16(__le16 *field, uint16_t value)
{
	__atomic_store_n(field, htole16(value), __ATOMIC_RELAXED);
}

/* What the driver wrote before it wrote this is visible afterwards. */
static inline uint16_t ring_acquire16(const __le16 *field)
{
	return le16toh(__atomic_load_n(field, __ATOMIC_ACQUIRE));
}

/* The driver that sees this sees what was written before. */
static inline void ring_release16(__le16 *field, uint16_t value)
{
	__atomic_store_n(field, htole16(value), __ATOMIC_RELEASE);
}

static inline void *ring_at(const struct guest_memory *memory, uint64_t address, uint64_t alignment,
			    uint64_t size)
{
	return address & (alignment - 1) ? NULL : guest_memory_at(memory, address, size);
}

static inline void chain_clear(struct virtq_chain *chain)
{
	chain->readable_count = 0;
	chain->writable_count = 0;
	chain->readable_len = 0;
	chain->writable_len = 0;
}

/* A chain that loops ends here too, when it has VIRTQ_CHAIN_MAX descriptors. */
static inline int chain_append(struct virtq_chain *chain, const struct virtq *queue, uint64_t address,
			       uint32_t len, uint16_t flags)
{
	unsigned count = chain->readable_count + chain->writable_count;
	void *host = guest_memory_at(queue->memory, address, len);

	if (!host || count == VIRTQ_CHAIN_MAX)
		return -EPROTO;
	if (flags & VRING_DESC_F_WRITE) {
		chain->writable_count++;
		chain->writable_len += len;
	} else {
		if (chain->writable_count)
			return -EPROTO;
		chain->readable_count++;
		chain->readable_len += len;
	}
	chain->iov[count] = (struct iovec){.iov_base = host, .iov_len = len};
	return 0;
}

static inline int chain_check(const struct virtq_chain *chain)
{
	return chain->readable_len + chain->writable_len > VIRTQ_CHAIN_BYTES_MAX ? -EPROTO : 0;
}

/* The table that an indirect descriptor names (2.7.5.3, 2.8.7); NULL: ill-sized, or outside memory. */
static inline const void *indirect_table(const struct virtq *queue, uint64_t address, uint32_t len,
					 uint32_t *count)
{
	*count = (uint32_t)(len / sizeof(struct vring_desc));
	return len % sizeof(struct vring_desc) ? NULL : guest_memory_at(queue->memory, address, len);
}
