/* Packed virtqueues: virtio 1.2, 2.8. */
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/queue_ring.h"

#define DESC_ALIGN  16 /* 2.8.10.1 */
#define EVENT_ALIGN 4
#define FLAG_AVAIL  (1U << VRING_PACKED_DESC_F_AVAIL)
#define FLAG_USED   (1U << VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP  (1U << VRING_PACKED_EVENT_F_WRAP_CTR)

static int packed_enable(struct virtq *queue)
{
	const struct guest_memory *memory = queue->memory;
	struct virtq_packed *packed = &queue->packed;

	packed->desc = ring_at(memory, queue->desc_address, DESC_ALIGN,
			       sizeof(struct vring_packed_desc) * queue->size);
	packed->driver_event =
		ring_at(memory, queue->avail_address, EVENT_ALIGN, sizeof(struct vring_packed_desc_event));
	packed->device_event =
		ring_at(memory, queue->used_address, EVENT_ALIGN, sizeof(struct vring_packed_desc_event));
	packed->avail_wrap = true;
	packed->used_wrap = true;
	packed->unsignalled = 0;
	packed->unpublished = false;
	return packed->desc && packed->driver_event && packed->device_event ? 0 : -EINVAL;
}

/* Moves a place in the ring on; the counter of a ring's rounds turns where it begins again. */
static void place_advance(uint16_t *place, bool *wrap, uint16_t by, uint16_t size)
{
	unsigned next = (unsigned)*place + by;

	if (next >= size) {
		next -= size;
		*wrap = !*wrap;
	}
	*place = (uint16_t)next;
}

/* 2.8.1: available when the two flags differ and the first is the round's. */
static bool desc_is_available(uint16_t flags, bool wrap)
{
	return !!(flags & FLAG_AVAIL) == wrap && !!(flags & FLAG_USED) != wrap;
}

static bool next_is_available(const struct virtq *queue)
{
	const struct virtq_packed *packed = &queue->packed;

	return desc_is_available(ring_acquire16(&packed->desc[queue->avail_next].flags), packed->avail_wrap);
}

/* The guest may write to the original at any time: nobody looks at it twice. */
static struct vring_packed_desc desc_copy(const struct vring_packed_desc *original)
{
	struct vring_packed_desc copy;

	memcpy(&copy, original, sizeof(copy)); /* an indirect table need not be aligned */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return (struct vring_packed_desc){
		.addr = le64toh(copy.addr),
		.len = le32toh(copy.len),
		.id = le16toh(copy.id),
		.flags = le16toh(copy.flags),
	};
}

/* 2.8.7: all of the table is the chain, and the only flag in it is the one that says who writes. */
static int chain_collect_table(struct virtq_chain *chain, const struct virtq *queue,
			       const struct vring_packed_desc *desc)
{
	const struct vring_packed_desc *table;
	uint32_t count;

	/* 2.8.19: not as a part of a list */
	if (!queue->indirect || desc->flags & VRING_DESC_F_NEXT)
		return -EPROTO;
	table = indirect_table(queue, desc->addr, desc->len, &count);
	if (!table || count == 0)
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		struct vring_packed_desc entry = desc_copy(&table[i]);

		if (chain_append(chain, queue, entry.addr, entry.len, entry.flags) < 0)
			return -EPROTO;
	}
	chain->token.id = desc->id;
	chain->token.descriptors = 1;
	return 0;
}

/* A list lies in consecutive places, and its last one has the buffer's id (2.8.6). */
static int chain_collect(struct virtq_chain *chain, const struct virtq *queue)
{
	uint16_t place = queue->avail_next;
	bool wrap = queue->packed.avail_wrap;
	struct vring_packed_desc desc;

	chain_clear(chain);
	for (uint16_t count = 1; count <= queue->size; count++) {
		desc = desc_copy(&queue->packed.desc[place]);
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return count == 1 ? chain_collect_table(chain, queue, &desc) : -EPROTO;
		if (chain_append(chain, queue, desc.addr, desc.len, desc.flags) < 0)
			return -EPROTO;
		if (!(desc.flags & VRING_DESC_F_NEXT)) {
			chain->token = (struct virtq_token){.id = desc.id, .descriptors = count};
			return 0;
		}
		place_advance(&place, &wrap, 1, queue->size);
	}
	return -EPROTO;
}

static int packed_pop(struct virtq *queue, struct virtq_chain *chain)
{
	if (!next_is_available(queue))
		return 0;
	if (chain_collect(chain, queue) < 0 || chain_check(chain) < 0)
		return -EPROTO;
	place_advance(&queue->avail_next, &queue->packed.avail_wrap, chain->token.descriptors, queue->size);
	return 1;
}

/* Back by n places is on by size - n, one round earlier. */
static void packed_unpop(struct virtq *queue, struct virtq_token token)
{
	struct virtq_packed *packed = &queue->packed;

	place_advance(&queue->avail_next, &packed->avail_wrap, (uint16_t)(queue->size - token.descriptors),
		      queue->size);
	packed->avail_wrap = !packed->avail_wrap;
}

/* The driver looks at one place, the next that will be used: its flags are written last, by packed_publish.
 */
static void packed_fill(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	struct virtq_packed *packed = &queue->packed;
	struct vring_packed_desc *desc = &packed->desc[queue->used_next];
	uint16_t flags = packed->used_wrap ? FLAG_AVAIL | FLAG_USED : 0;

	if (written)
		flags |= VRING_DESC_F_WRITE; /* 2.8.5: only then does the length count */
	desc->id = htole16(token.id);
	desc->len = htole32(written);
	if (packed->unpublished) {
		ring_store16(&desc->flags, flags);
	} else {
		packed->unpublished = true;
		packed->publish_flags = flags;
		packed->publish_place = queue->used_next;
	}
	place_advance(&queue->used_next, &packed->used_wrap, token.descriptors, queue->size);
	packed->unsignalled = MIN(packed->unsignalled + token.descriptors, queue->size + 1U);
}

static void packed_publish(struct virtq *queue)
{
	struct virtq_packed *packed = &queue->packed;

	if (packed->unpublished)
		ring_release16(&packed->desc[packed->publish_place].flags, packed->publish_flags);
	packed->unpublished = false;
}

/* 2.8.10: whether the place that the driver waits for is one of the last `count` used ones. The driver's
 * place is of this round or of the one before; after a whole round and more nobody knows. */
static bool event_is_passed(const struct virtq *queue, uint16_t event, uint32_t count)
{
	int32_t end = queue->used_next;
	int32_t place = event & ~EVENT_WRAP & UINT16_MAX;

	if (!!(event & EVENT_WRAP) != queue->packed.used_wrap)
		place -= queue->size;
	return count > queue->size || (place < end && place >= end - (int32_t)count);
}

static bool packed_needs_interrupt(struct virtq *queue)
{
	struct virtq_packed *packed = &queue->packed;
	uint32_t count = packed->unsignalled;
	uint16_t flags;

	if (count == 0)
		return false;
	packed->unsignalled = 0;
	/* The driver writes its wish, then looks at the ring; we do the reverse: each sees the other's
	 * store. */
	__sync_synchronize();
	flags = ring_acquire16(&packed->driver_event->flags);
	if (flags == VRING_PACKED_EVENT_FLAG_DESC && queue->event_index)
		return event_is_passed(queue, ring_load16(&packed->driver_event->off_wrap), count);
	return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
}

static bool packed_enable_notify(struct virtq *queue)
{
	struct virtq_packed *packed = &queue->packed;

	if (queue->event_index) {
		ring_store16(&packed->device_event->off_wrap,
			     (uint16_t)(queue->avail_next | (packed->avail_wrap ? EVENT_WRAP : 0)));
		ring_release16(&packed->device_event->flags, VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		ring_store16(&packed->device_event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	/* As in packed_needs_interrupt: our wish first, then their descriptor. */
	__sync_synchronize();
	return next_is_available(queue);
}

/* With the event index nothing is to be done: the driver is past the place and stays silent until it is
 * moved. */
static void packed_disable_notify(struct virtq *queue)
{
	if (!queue->event_index)
		ring_store16(&queue->packed.device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

const struct virtq_ops virtq_packed_ops = {
	.enable = packed_enable,
	.pop = packed_pop,
	.unpop = packed_unpop,
	.fill = packed_fill,
	.publish = packed_publish,
	.needs_interrupt = packed_needs_interrupt,
	.enable_notify = packed_enable_notify,
	.disable_notify = packed_disable_notify,
};
