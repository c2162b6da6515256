/* A queue alone, split or packed: its registers and the whole of guest memory are the input. */
#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/queue.h"
#include "tests/fuzz/virtio/machine.h"

#define RAM_BASE 0x1000
#define RAM_SIZE 0x4000
#define POPS_MAX 64

static uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));

/* What virtq_pop promises about a chain. */
static void check_chain(const struct virtq_chain *chain)
{
	unsigned count = chain->readable_count + chain->writable_count;
	size_t len = 0;

	if (count > VIRTQ_CHAIN_MAX)
		abort();
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *start = chain->iov[i].iov_base;

		if (start < ram || chain->iov[i].iov_len > (size_t)(ram + RAM_SIZE - start))
			abort();
		len += chain->iov[i].iov_len;
	}
	if (len != chain->readable_len + chain->writable_len)
		abort();
}

static void use_chain(struct virtq *queue, const struct virtq_chain *chain)
{
	uint8_t bytes[256];
	size_t offset = chain->token.id;
	size_t got = virtq_chain_read(chain, offset, bytes, sizeof(bytes));
	size_t put;

	if (got != MIN(sizeof(bytes), chain->readable_len - MIN(offset, chain->readable_len)))
		abort();
	put = virtq_chain_write(chain, offset, bytes, got);
	if (put != MIN(got, chain->writable_len - MIN(offset, chain->writable_len)))
		abort();
	virtq_push(queue, chain->token, (uint32_t)put);
	virtq_needs_interrupt(queue);
}

static void serve(struct virtq *queue, bool unpop)
{
	static struct virtq_chain chain;

	for (unsigned i = 0; i < POPS_MAX && virtq_pop(queue, &chain) > 0; i++) {
		check_chain(&chain);
		if (unpop) {
			virtq_unpop(queue, chain.token);
			if (virtq_pop(queue, &chain) <= 0)
				break; /* what was pushed lay over the ring */
			check_chain(&chain);
		}
		use_chain(queue, &chain);
	}
	virtq_disable_notify(queue);
	virtq_enable_notify(queue);
}

static uint64_t queue_features(uint8_t flags)
{
	return (flags & 1 ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0) |
	       (flags & 2 ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0) |
	       (flags & 16 ? 1ULL << VIRTIO_F_RING_PACKED : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_memory memory = {.fd = -1};
	struct fuzz_input input = {data, size};
	struct virtq queue = {.size_max = VIRTQ_SIZE_MAX};
	uint8_t flags = (uint8_t)fuzz_take(&input, 1);

	queue.size = (uint16_t)fuzz_take(&input, 2);
	queue.desc_address = fuzz_take(&input, 8);
	queue.avail_address = fuzz_take(&input, 8);
	queue.used_address = fuzz_take(&input, 8);
	memset(ram, 0, sizeof(ram));
	memcpy(ram, input.data, MIN(input.size, sizeof(ram)));
	guest_memory_add(&memory, RAM_BASE, RAM_SIZE, ram, 0);
	if (virtq_enable(&queue, &memory, queue_features(flags)) < 0)
		return 0;
	if (flags & 4 && !(flags & 16))
		queue.avail_next = queue.used_next = queue.split.signalled = UINT16_MAX;
	serve(&queue, flags & 8);
	virtq_disable(&queue);
	serve(&queue, flags & 8);
	return 0;
}
