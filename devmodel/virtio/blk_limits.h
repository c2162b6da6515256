/*
 * A disk's limits: operations and bytes a second, of reads, of writes, and of both together, which its queues
 * share and which may change at any time. They guard themselves; any thread. One of zeros has none.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/throttle.h"

enum blk_limit {
	BLK_LIMIT_TOTAL,
	BLK_LIMIT_READ,
	BLK_LIMIT_WRITE,
	BLK_LIMITS,
};

struct blk_limits {
	pthread_mutex_t lock;
	atomic_bool any;
	struct rate_limiter operations[BLK_LIMITS], bytes[BLK_LIMITS];
};

void blk_limits_init(struct blk_limits *limits);
void blk_limits_close(struct blk_limits *limits);
/* From now on these; each queue has its throttle by then, if there are any. */
void blk_limits_set(struct blk_limits *limits, const struct virtio_blk_rates *operations,
		    const struct virtio_blk_rates *bytes);
bool blk_rates_any(const struct virtio_blk_rates *rates);
/* False: a read or write of so many bytes may go on, and is counted. True: not now, and the throttle's queue
 * is kicked when it is time. */
bool blk_limits_wait(struct blk_limits *limits, struct virtio_throttle *throttle, enum blk_limit direction,
		     uint64_t bytes);
/* Counts bytes of a request that went on: those that come after it wait for them. */
void blk_limits_take(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes);
