#include "devmodel/virtio/rng.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/util.h"

#define RNG_QUEUE_SIZE  16
#define RNG_REQUEST_MAX 4096 /* bytes; a driver that wants more asks again */
#define RNG_RETRY_NS    (100 * 1000000ULL)

struct rng {
	struct virtio_device device;
	struct virtq_chain chain;
	struct loop_timer retry;
	struct rate_limiter limiter;
	size_t request_max; /* bytes: no more than may come at once */
};

/* Early in the host's boot the kernel has no random bytes yet; waiting for them here would hold up the loop.
 */
static size_t fill_random(uint8_t *into, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = getrandom(into + done, len - done, GRND_NONBLOCK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static size_t chain_fill_random(const struct virtq_chain *chain, size_t max)
{
	size_t left = max;

	for (unsigned i = 0; i < chain->writable_count && left; i++) {
		const struct iovec *part = &chain->iov[i];

		size_t len = MIN(part->iov_len, left);
		size_t filled = fill_random(part->iov_base, len);

		left -= filled;
		if (filled < len)
			break;
	}
	return max - left;
}

/* The popped buffer's bytes, as many as there are for it now; 0: it has to wait, and is tried again. */
static size_t rng_fill(struct rng *rng)
{
	uint64_t now = monotonic_ns();
	uint64_t wait = rate_limiter_wait(&rng->limiter, now);
	size_t filled = wait ? 0 : chain_fill_random(&rng->chain, rng->request_max);

	if (filled)
		rate_limiter_take(&rng->limiter, now, filled);
	else
		loop_timer_set(&rng->retry, wait ? wait : RNG_RETRY_NS, 0);
	return filled;
}

/*
 * 5.4.6.1: buffers are for the device to write only; 5.4.6.2: they get at least one byte, and wait in the
 * queue until there is one for them.
 */
static void rng_notify(struct virtio_device *device, unsigned index)
{
	struct rng *rng = CONTAINER_OF(device, struct rng, device);
	struct virtq *queue = &device->queues[index];
	unsigned budget = VIRTIO_BATCH;
	size_t filled;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, &rng->chain, &budget)) {
		if (rng->chain.readable_count || rng->chain.writable_len == 0) {
			virtio_device_broken(device, "a buffer that cannot be filled");
			break;
		}
		filled = rng_fill(rng);
		if (filled == 0) {
			virtq_unpop(queue, rng->chain.token);
			break;
		}
		virtq_push(queue, rng->chain.token, (uint32_t)filled);
		counter_add(&virtio_queue_counters(device, index)->to_guest, filled);
	}
	virtio_interrupt(device, index);
}

/* A kick does nothing when the device was reset meanwhile. */
static void rng_retry(struct loop_timer *timer)
{
	virtio_device_kick(&CONTAINER_OF(timer, struct rng, retry)->device, 0);
}

static void rng_destroy(struct virtio_device *device)
{
	struct rng *rng = CONTAINER_OF(device, struct rng, device);

	loop_timer_close(device->loop, &rng->retry);
	virtio_device_close(device);
	free(rng);
}

static const struct virtio_device_ops rng_ops = {
	.notify = rng_notify,
	.destroy = rng_destroy,
};

static void rng_limit(struct rng *rng, const struct rate *rate)
{
	rng->request_max = RNG_REQUEST_MAX;
	if (!rate)
		return;
	rate_limiter_init(&rng->limiter, rate);
	if (rate->rate && rate->burst)
		rng->request_max = MIN((size_t)RNG_REQUEST_MAX, (size_t)rate->burst);
}

struct virtio_device *virtio_rng_create(const struct rate *rate, const struct guest_memory *memory,
					struct loop *loop, struct error *err)
{
	struct rng *rng = calloc(1, sizeof(*rng));
	int code;

	if (!rng) {
		error_set(err, -ENOMEM, "virtio rng: out of memory");
		return NULL;
	}
	rng->device.ops = &rng_ops;
	rng->device.id = VIRTIO_ID_RNG;
	rng->device.name = "rng";
	rng->device.queue_count = 1;
	rng->device.in_order = true;
	rng_limit(rng, rate);
	if (virtio_device_init(&rng->device, memory, loop, err) < 0) {
		free(rng);
		return NULL;
	}
	code = loop_timer_init(loop, &rng->retry, rng_retry);
	if (code < 0) {
		error_set(err, code, "virtio rng: no timer: %s", strerror(-code));
		virtio_device_close(&rng->device);
		free(rng);
		return NULL;
	}
	rng->device.queues[0].size_max = RNG_QUEUE_SIZE;
	return &rng->device;
}
