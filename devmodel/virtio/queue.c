#include "devmodel/virtio/queue.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "devmodel/virtio/iov.h"

#define VIRTQ_CHAIN_BYTES_MAX (1ULL << 32) /* 2.7.5 */

/* Where virtq_pop takes descriptors from: the queue's own table or an indirect one. */
struct desc_table {
	const struct vring_desc *entries;
	uint32_t count;
	bool indirect;
};

static uint16_t load16(const __virtio16 *field)
{
	return le16toh(__atomic_load_n(field, __ATOMIC_RELAXED));
}

static void store16(__virtio16 *field, uint16_t value)
{
	__atomic_store_n(field, htole16(value), __ATOMIC_RELAXED);
}

/* The driver's index; what it published before is visible afterwards. */
static uint16_t avail_index(const struct virtq *queue)
{
	return le16toh(__atomic_load_n(&queue->avail->idx, __ATOMIC_ACQUIRE));
}

/* The two fields of the event index lie behind the rings' entries (2.7.6, 2.7.8). */
static const __virtio16 *used_event(const struct virtq *queue)
{
	return &queue->avail->ring[queue->size];
}

static __virtio16 *avail_event(const struct virtq *queue)
{
	return (__virtio16 *)&queue->used->ring[queue->size];
}

static bool virtq_size_valid(const struct virtq *queue)
{
	return queue->size && queue->size <= queue->size_max && (queue->size & (queue->size - 1)) == 0;
}

static void *ring_at(const struct guest_memory *memory, uint64_t address, uint64_t alignment, uint64_t size)
{
	return address & (alignment - 1) ? NULL : guest_memory_at(memory, address, size);
}

int virtq_enable(struct virtq *queue, const struct guest_memory *memory, bool event_index, bool indirect)
{
	const uint64_t event = sizeof(__virtio16);

	virtq_disable(queue);
	if (!virtq_size_valid(queue))
		return -EINVAL;
	queue->desc = ring_at(memory, queue->desc_address, VRING_DESC_ALIGN_SIZE,
			      sizeof(struct vring_desc) * queue->size);
	queue->avail = ring_at(memory, queue->avail_address, VRING_AVAIL_ALIGN_SIZE,
			       sizeof(struct vring_avail) + sizeof(__virtio16) * queue->size + event);
	queue->used =
		ring_at(memory, queue->used_address, VRING_USED_ALIGN_SIZE,
			sizeof(struct vring_used) + sizeof(struct vring_used_elem) * queue->size + event);
	if (!queue->desc || !queue->avail || !queue->used)
		return -EINVAL;
	queue->memory = memory;
	queue->event_index = event_index;
	queue->indirect = indirect;
	queue->avail_next = 0;
	queue->used_next = 0;
	queue->used_signalled = 0;
	queue->used_wrapped = false;
	queue->enabled = true;
	return 0;
}

void virtq_disable(struct virtq *queue)
{
	queue->enabled = false;
}

void virtq_reset(struct virtq *queue)
{
	*queue = (struct virtq){.size_max = queue->size_max};
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
	if (desc->len % sizeof(struct vring_desc))
		return -EPROTO;
	table->entries = guest_memory_at(queue->memory, desc->addr, desc->len);
	table->count = (uint32_t)(desc->len / sizeof(struct vring_desc));
	table->indirect = true;
	return table->entries ? 0 : -EPROTO;
}

/* A chain that loops ends here too, when it has VIRTQ_CHAIN_MAX descriptors. */
static int chain_append(struct virtq_chain *chain, const struct virtq *queue, const struct vring_desc *desc)
{
	unsigned count = chain->readable_count + chain->writable_count;
	void *host = guest_memory_at(queue->memory, desc->addr, desc->len);

	if (!host || count == VIRTQ_CHAIN_MAX)
		return -EPROTO;
	if (desc->flags & VRING_DESC_F_WRITE) {
		chain->writable_count++;
		chain->writable_len += desc->len;
	} else {
		if (chain->writable_count)
			return -EPROTO;
		chain->readable_count++;
		chain->readable_len += desc->len;
	}
	chain->iov[count] = (struct iovec){.iov_base = host, .iov_len = desc->len};
	return 0;
}

static int chain_collect(struct virtq_chain *chain, const struct virtq *queue)
{
	struct desc_table table = {.entries = queue->desc, .count = queue->size};
	struct vring_desc desc;
	uint32_t index = chain->token.id;

	chain->readable_count = 0;
	chain->writable_count = 0;
	chain->readable_len = 0;
	chain->writable_len = 0;
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
		if (chain_append(chain, queue, &desc) < 0)
			return -EPROTO;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			break;
		index = desc.next;
	}
	return chain->readable_len + chain->writable_len > VIRTQ_CHAIN_BYTES_MAX ? -EPROTO : 0;
}

void virtq_continue(struct virtq *queue, uint16_t avail_next)
{
	if (!queue->enabled)
		return;
	queue->avail_next = avail_next;
	queue->used_next = le16toh(__atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE));
	queue->used_signalled = queue->used_next;
	queue->used_wrapped = false;
}

int virtq_pop(struct virtq *queue, struct virtq_chain *chain)
{
	uint16_t ready;

	if (!queue->enabled)
		return 0;
	ready = (uint16_t)(avail_index(queue) - queue->avail_next);
	if (ready == 0)
		return 0;
	if (ready > queue->size)
		return -EPROTO;
	chain->token.id = load16(&queue->avail->ring[queue->avail_next & (queue->size - 1)]);
	chain->token.descriptors = 1;
	if (chain_collect(chain, queue) < 0)
		return -EPROTO;
	queue->avail_next++;
	return 1;
}

void virtq_unpop(struct virtq *queue, struct virtq_token token)
{
	(void)token;
	queue->avail_next--;
}

void virtq_fill(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	struct vring_used_elem *entry;

	if (!queue->enabled)
		return;
	entry = &queue->used->ring[queue->used_next & (queue->size - 1)];
	entry->id = htole32(token.id);
	entry->len = htole32(written);
	queue->used_next++;
	if (queue->used_next == queue->used_signalled)
		queue->used_wrapped = true;
}

void virtq_publish(struct virtq *queue)
{
	if (queue->enabled)
		__atomic_store_n(&queue->used->idx, htole16(queue->used_next), __ATOMIC_RELEASE);
}

void virtq_push(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	virtq_fill(queue, token, written);
	virtq_publish(queue);
}

bool virtq_needs_interrupt(struct virtq *queue)
{
	uint16_t before = queue->used_signalled;
	bool wrapped = queue->used_wrapped;

	if (!queue->enabled || (before == queue->used_next && !wrapped))
		return false;
	queue->used_signalled = queue->used_next;
	queue->used_wrapped = false;
	/* The driver writes its wish, then looks at the used index; we do the reverse: each sees the other's
	 * store. */
	__sync_synchronize();
	if (!queue->event_index)
		return !(load16(&queue->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return wrapped || vring_need_event(load16(used_event(queue)), queue->used_next, before);
}

bool virtq_enable_notify(struct virtq *queue)
{
	if (!queue->enabled)
		return false;
	if (queue->event_index)
		store16(avail_event(queue), queue->avail_next);
	else
		store16(&queue->used->flags, 0);
	/* As in virtq_needs_interrupt: our wish first, then their index. */
	__sync_synchronize();
	return avail_index(queue) != queue->avail_next;
}

/* With the event index nothing is to be done: the driver is past avail_event and stays silent until it is
 * moved. */
void virtq_disable_notify(struct virtq *queue)
{
	if (queue->enabled && !queue->event_index)
		store16(&queue->used->flags, VRING_USED_F_NO_NOTIFY);
}

size_t virtq_chain_read(const struct virtq_chain *chain, size_t offset, void *into, size_t len)
{
	return iov_gather(chain->iov, chain->readable_count, offset, into, len);
}

size_t virtq_chain_write(const struct virtq_chain *chain, size_t offset, const void *from, size_t len)
{
	return iov_scatter(&chain->iov[chain->readable_count], chain->writable_count, offset, from, len);
}
