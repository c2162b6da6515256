/* Split virtqueues: virtio 1.2, 2.7. */
#include <string.h>

#include "devmodel/virtio/queue_ring.h"

/* Where descriptors are taken from: the queue's own table or an indirect one. */
struct desc_table {
	const struct vring_desc *entries;
	uint32_t count;
	bool indirect;
};

/* The two fields of the event index lie behind the rings' entries (2.7.6, 2.7.8). */
static const __le16 *used_event(const struct virtq *queue)
{
	return &queue->split.avail->ring[queue->size];
}

static __le16 *avail_event(const struct virtq *queue)
{
	return (__le16 *)&queue->split.used->ring[queue->size];
}

static int split_enable(struct virtq *queue)
{
	const struct guest_memory *memory = queue->memory;
	const uint64_t event = sizeof(__le16);

	if (queue->size & (queue->size - 1))
		return -EINVAL;
	queue->split.desc = ring_at(memory, queue->desc_address, VRING_DESC_ALIGN_SIZE,
				    sizeof(struct vring_desc) * queue->size);
	queue->split.avail = ring_at(memory, queue->avail_address, VRING_AVAIL_ALIGN_SIZE,
				     sizeof(struct vring_avail) + sizeof(__le16) * queue->size + event);
	queue->split.used =
		ring_at(memory, queue->used_address, VRING_USED_ALIGN_SIZE,
			sizeof(struct vring_used) + sizeof(struct vring_used_elem) * queue->size + event);
	queue->split.signalled = 0;
	queue->split.wrapped = false;
	return queue->split.desc && queue->split.avail && queue->split.used ? 0 : -EINVAL;
}

void virtq_continue(struct virtq *queue, uint16_t avail_next)
{
	if (!queue->enabled)
		return;
	queue->avail_next = avail_next;
	queue->used_next = ring_acquire16(&queue->split.used->idx);
	queue->in_flight = 0;
	queue->split.signalled = queue->used_next;
	queue->split.wrapped = false;
}

/* The guest may write to the original at any time: nobody looks at it twice. */
static struct vring_desc desc_copy(const struct vring_desc *original)
{
	struct vring_desc copy;

	memcpy(&copy, original, sizeof(copy)); /* an indirect table need not be aligned */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return (struct vring_desc){
		.addr = le64toh(copy.addr),
		.len = le32toh(copy.len),
		.flags = le16toh(copy.flags),
		.next = le16toh(copy.next),
	};
}

/* Goes on in the table that an indirect descriptor names (2.7.5.3). */
static int table_enter(struct desc_table *table, const struct virtq *queue, const struct vring_desc *desc)
{
	if (!queue->indirect || table->indirect || desc->flags & VRING_DESC_F_NEXT)
		return -EPROTO;
	table->entries = indirect_table(queue, desc->addr, desc->len, &table->count);
	table->indirect = true;
	return table->entries ? 0 : -EPROTO;
}

static int chain_collect(struct virtq_chain *chain, const struct virtq *queue)
{
	struct desc_table table = {.entries = queue->split.desc, .count = queue->size};
	struct vring_desc desc;
	uint32_t index = chain->token.id;

	chain_clear(chain);
	for (;;) {
		if (index >= table.count)
			return -EPROTO;
		desc = desc_copy(&table.entries[index]);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (table_enter(&table, queue, &desc) < 0)
				return -EPROTO;
			index = 0;
			continue;
		}
		if (chain_append(chain, queue, desc.addr, desc.len, desc.flags) < 0)
			return -EPROTO;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			break;
		index = desc.next;
	}
	return chain_check(chain);
}

static int split_pop(struct virtq *queue, struct virtq_chain *chain)
{
	const struct vring_avail *avail = queue->split.avail;
	uint16_t ready = (uint16_t)(ring_acquire16(&avail->idx) - queue->avail_next);

	if (ready == 0)
		return 0;
	if (ready > queue->size)
		return -EPROTO;
	chain->token.id = ring_load16(&avail->ring[queue->avail_next & (queue->size - 1)]);
	chain->token.descriptors = 1;
	if (chain_collect(chain, queue) < 0)
		return -EPROTO;
	queue->avail_next++;
	return 1;
}

static void split_unpop(struct virtq *queue, struct virtq_token token)
{
	(void)token;
	queue->avail_next--;
}

static void split_fill(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	struct vring_used_elem *entry = &queue->split.used->ring[queue->used_next & (queue->size - 1)];

	entry->id = htole32(token.id);
	entry->len = htole32(written);
	queue->used_next++;
	if (queue->used_next == queue->split.signalled)
		queue->split.wrapped = true;
}

static void split_publish(struct virtq *queue)
{
	ring_release16(&queue->split.used->idx, queue->used_next);
}

static bool split_needs_interrupt(struct virtq *queue)
{
	uint16_t before = queue->split.signalled;
	bool wrapped = queue->split.wrapped;

	if (before == queue->used_next && !wrapped)
		return false;
	queue->split.signalled = queue->used_next;
	queue->split.wrapped = false;
	/* The driver writes its wish, then looks at the used index; we do the reverse: each sees the other's
	 * store. */
	__sync_synchronize();
	if (!queue->event_index)
		return !(ring_load16(&queue->split.avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return wrapped || vring_need_event(ring_load16(used_event(queue)), queue->used_next, before);
}

static bool split_enable_notify(struct virtq *queue)
{
	if (queue->event_index)
		ring_store16(avail_event(queue), queue->avail_next);
	else
		ring_store16(&queue->split.used->flags, 0);
	/* As in split_needs_interrupt: our wish first, then their index. */
	__sync_synchronize();
	return ring_acquire16(&queue->split.avail->idx) != queue->avail_next;
}

/* With the event index nothing is to be done: the driver is past avail_event and stays silent until it is
 * moved. */
static void split_disable_notify(struct virtq *queue)
{
	if (!queue->event_index)
		ring_store16(&queue->split.used->flags, VRING_USED_F_NO_NOTIFY);
}

const struct virtq_ops virtq_split_ops = {
	.enable = split_enable,
	.pop = split_pop,
	.unpop = split_unpop,
	.fill = split_fill,
	.publish = split_publish,
	.needs_interrupt = split_needs_interrupt,
	.enable_notify = split_enable_notify,
	.disable_notify = split_disable_notify,
};
