#include "devmodel/virtio/rng.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/random.h>

#include "common/util.h"

#define RNG_QUEUE_SIZE  16
#define RNG_REQUEST_MAX 4096 /* bytes; a driver that wants more asks again */

struct rng {
	struct virtio_device device;
	struct virtq_chain chain;
};

static size_t fill_random(uint8_t *into, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = getrandom(into + done, len - done, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static size_t chain_fill_random(const struct virtq_chain *chain)
{
	size_t left = RNG_REQUEST_MAX;

	for (unsigned i = 0; i < chain->writable_count && left; i++) {
		const struct iovec *part = &chain->iov[i];

		left -= fill_random(part->iov_base, MIN(part->iov_len, left));
	}
	return RNG_REQUEST_MAX - left;
}

/* 5.4.6.1: buffers are for the device to write only; 5.4.6.2: they get at least one byte. */
static void rng_notify(struct virtio_device *device, unsigned index)
{
	struct rng *rng = CONTAINER_OF(device, struct rng, device);
	struct virtq *queue = &device->queues[index];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, &rng->chain, &budget)) {
		if (rng->chain.readable_count || rng->chain.writable_len == 0) {
			virtio_device_broken(device, "a buffer that cannot be filled");
			break;
		}
		virtq_push(queue, rng->chain.head, (uint32_t)chain_fill_random(&rng->chain));
	}
	virtio_interrupt(device, index);
}

static void rng_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
	free(CONTAINER_OF(device, struct rng, device));
}

static const struct virtio_device_ops rng_ops = {
	.notify = rng_notify,
	.destroy = rng_destroy,
};

struct virtio_device *virtio_rng_create(const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct rng *rng = calloc(1, sizeof(*rng));

	if (!rng) {
		error_set(err, -ENOMEM, "virtio rng: out of memory");
		return NULL;
	}
	rng->device.ops = &rng_ops;
	rng->device.id = VIRTIO_ID_RNG;
	rng->device.name = "rng";
	rng->device.queue_count = 1;
	if (virtio_device_init(&rng->device, memory, loop, err) < 0) {
		free(rng);
		return NULL;
	}
	rng->device.queues[0].size_max = RNG_QUEUE_SIZE;
	return &rng->device;
}
