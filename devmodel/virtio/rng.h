/*
 * virtio entropy device (virtio 1.2, 5.4): fills buffers from getrandom(2), bounded per request.
 *
 * With a rate it gives that many bytes a second on average, and after a pause a burst at once; requests that
 * are beyond it wait in the queue, as they do while the host itself has no random bytes yet.
 */
#pragma once

#include "common/rate_limiter.h"
#include "devmodel/virtio/device.h"

/* rate: bytes; NULL, or one of zeros: no limit. */
struct virtio_device *virtio_rng_create(const struct rate *rate, const struct guest_memory *memory,
					struct loop *loop, struct error *err);
