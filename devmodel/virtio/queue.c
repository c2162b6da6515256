#include "devmodel/virtio/queue.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/queue_ring.h"

static bool agreed(uint64_t features, unsigned bit)
{
	return features >> bit & 1;
}

int virtq_enable(struct virtq *queue, const struct guest_memory *memory, uint64_t features)
{
	virtq_disable(queue);
	if (queue->size == 0 || queue->size > queue->size_max)
		return -EINVAL;
	queue->memory = memory;
	queue->ops = agreed(features, VIRTIO_F_RING_PACKED) ? &virtq_packed_ops : &virtq_split_ops;
	queue->event_index = agreed(features, VIRTIO_RING_F_EVENT_IDX);
	queue->indirect = agreed(features, VIRTIO_RING_F_INDIRECT_DESC);
	queue->avail_next = 0;
	queue->used_next = 0;
	queue->in_flight = 0;
	if (queue->ops->enable(queue) < 0)
		return -EINVAL;
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

static void give_back(struct virtq *queue, struct virtq_token token)
{
	queue->in_flight -= MIN(queue->in_flight, token.descriptors);
}

int virtq_pop(struct virtq *queue, struct virtq_chain *chain)
{
	int code = queue->enabled ? queue->ops->pop(queue, chain) : 0;

	if (code <= 0)
		return code;
	queue->in_flight += chain->token.descriptors;
	if (queue->in_flight <= queue->size)
		return 1;
	virtq_unpop(queue, chain->token);
	return -EPROTO;
}

void virtq_unpop(struct virtq *queue, struct virtq_token token)
{
	if (!queue->enabled)
		return;
	give_back(queue, token);
	queue->ops->unpop(queue, token);
}

void virtq_fill(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	if (!queue->enabled)
		return;
	give_back(queue, token);
	queue->ops->fill(queue, token, written);
}

void virtq_publish(struct virtq *queue)
{
	if (queue->enabled)
		queue->ops->publish(queue);
}

void virtq_push(struct virtq *queue, struct virtq_token token, uint32_t written)
{
	virtq_fill(queue, token, written);
	virtq_publish(queue);
}

bool virtq_needs_interrupt(struct virtq *queue)
{
	return queue->enabled && queue->ops->needs_interrupt(queue);
}

bool virtq_enable_notify(struct virtq *queue)
{
	return queue->enabled && queue->ops->enable_notify(queue);
}

void virtq_disable_notify(struct virtq *queue)
{
	if (queue->enabled)
		queue->ops->disable_notify(queue);
}

size_t virtq_chain_read(const struct virtq_chain *chain, size_t offset, void *into, size_t len)
{
	return iov_gather(chain->iov, chain->readable_count, offset, into, len);
}

size_t virtq_chain_write(const struct virtq_chain *chain, size_t offset, const void *from, size_t len)
{
	return iov_scatter(&chain->iov[chain->readable_count], chain->writable_count, offset, from, len);
}
