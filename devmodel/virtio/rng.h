/* virtio entropy device (virtio 1.2, 5.4): fills buffers from getrandom(2), bounded per request. */
#pragma once

#include "devmodel/virtio/device.h"

struct virtio_device *virtio_rng_create(const struct guest_memory *memory, struct loop *loop,
					struct error *err);
