/*
 * What a device does with a rate limit (common/rate_limiter.h): it leaves a queue alone until a time, when
 * the queue is kicked. Chains stay in the queue meanwhile, and the loop serves others.
 *
 *      if (virtio_throttle_waits(&throttle, rate_limiter_wait(&limiter, monotonic_ns())))
 *              return; // the queue's notify op is called when it is time
 *
 * The queue's lock guards it; its timer is on the queue's loop. Only a device that has limits makes one: it
 * costs a timer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devmodel/virtio/device.h"

struct virtio_throttle {
	struct virtio_device *device; /* NULL: not made */
	unsigned queue;
	struct loop_timer timer;
};

/* After virtio_device_init; any thread. */
int virtio_throttle_init(struct virtio_throttle *throttle, struct virtio_device *device, unsigned queue,
			 struct error *err);
/* One that was never made is closed too. */
void virtio_throttle_close(struct virtio_throttle *throttle);
/* 0 ns: false, go on. Else the queue is kicked in so long. */
bool virtio_throttle_waits(struct virtio_throttle *throttle, uint64_t ns);
