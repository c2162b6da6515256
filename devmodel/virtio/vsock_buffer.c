#include "devmodel/virtio/vsock_buffer.h"

#include <stdlib.h>

#include "common/util.h"
#include "devmodel/virtio/queue.h"

bool vsock_buffer_append(struct vsock_buffer *buffer, const struct virtq_chain *chain, size_t offset,
			 uint32_t len)
{
	uint32_t end = (buffer->start + buffer->used) % buffer->size;
	uint32_t first = MIN(len, buffer->size - end);

	if (!buffer->bytes)
		buffer->bytes = malloc(buffer->size);
	if (!buffer->bytes)
		return false;
	virtq_chain_read(chain, offset, buffer->bytes + end, first);
	virtq_chain_read(chain, offset + first, buffer->bytes, len - first);
	buffer->used += len;
	return true;
}

unsigned vsock_buffer_list(const struct vsock_buffer *buffer, struct iovec iov[2])
{
	uint32_t first = MIN(buffer->used, buffer->size - buffer->start);

	if (buffer->used == 0)
		return 0;
	iov[0] = (struct iovec){.iov_base = buffer->bytes + buffer->start, .iov_len = first};
	iov[1] = (struct iovec){.iov_base = buffer->bytes, .iov_len = buffer->used - first};
	return buffer->used == first ? 1 : 2;
}

void vsock_buffer_take(struct vsock_buffer *buffer, uint32_t len)
{
	buffer->used -= len;
	buffer->start = (buffer->start + len) % buffer->size;
	if (buffer->used)
		return;
	free(buffer->bytes);
	buffer->bytes = NULL;
	buffer->start = 0;
}
