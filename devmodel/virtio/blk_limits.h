/*
 * A disk's limits: operations and bytes a second, of reads, of writes, and of both together. The lock of the
 * disk's device guards them; one of zeros has none.
 */
#pragma once

#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/throttle.h"

enum blk_limit {
	BLK_LIMIT_TOTAL,
	BLK_LIMIT_READ,
	BLK_LIMIT_WRITE,
	BLK_LIMITS,
};

struct blk_limits {
	struct rate_limiter operations[BLK_LIMITS], bytes[BLK_LIMITS];
	struct virtio_throttle throttle; /* made when there is a limit */
};

/* After virtio_device_init. */
int blk_limits_init(struct blk_limits *limits, const struct virtio_blk_options *options,
		    struct virtio_device *device, struct error *err);
void blk_limits_close(struct blk_limits *limits);
/* False: a read or write of so many bytes may go on, and is counted. True: not now, and queue 0 is kicked
 * when it is time. */
bool blk_limits_wait(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes);
/* Counts bytes of a request that went on: those that come after it wait for them. */
void blk_limits_take(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes);
