#include "devmodel/virtio/blk_limits.h"

#include "common/clock.h"
#include "common/util.h"

bool blk_rates_any(const struct virtio_blk_rates *rates)
{
	return rates->total.rate || rates->read.rate || rates->write.rate;
}

void blk_limits_init(struct blk_limits *limits)
{
	pthread_mutex_init(&limits->lock, NULL);
}

void blk_limits_close(struct blk_limits *limits)
{
	pthread_mutex_destroy(&limits->lock);
}

static void limiters_set(struct rate_limiter *limiters, const struct virtio_blk_rates *rates)
{
	rate_limiter_init(&limiters[BLK_LIMIT_TOTAL], &rates->total);
	rate_limiter_init(&limiters[BLK_LIMIT_READ], &rates->read);
	rate_limiter_init(&limiters[BLK_LIMIT_WRITE], &rates->write);
}

void blk_limits_set(struct blk_limits *limits, const struct virtio_blk_rates *operations,
		    const struct virtio_blk_rates *bytes)
{
	pthread_mutex_lock(&limits->lock);
	limiters_set(limits->operations, operations);
	limiters_set(limits->bytes, bytes);
	atomic_store(&limits->any, blk_rates_any(operations) || blk_rates_any(bytes));
	pthread_mutex_unlock(&limits->lock);
}

static uint64_t limiters_wait(const struct rate_limiter *limiters, enum blk_limit direction, uint64_t now)
{
	uint64_t total = rate_limiter_wait(&limiters[BLK_LIMIT_TOTAL], now);
	uint64_t own = rate_limiter_wait(&limiters[direction], now);

	return MAX(total, own);
}

static void limiters_take(struct rate_limiter *limiters, enum blk_limit direction, uint64_t now,
			  uint64_t amount)
{
	rate_limiter_take(&limiters[BLK_LIMIT_TOTAL], now, amount);
	rate_limiter_take(&limiters[direction], now, amount);
}

bool blk_limits_wait(struct blk_limits *limits, struct virtio_throttle *throttle, enum blk_limit direction,
		     uint64_t bytes)
{
	uint64_t now, operations_wait, bytes_wait, wait;

	if (!atomic_load_explicit(&limits->any, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&limits->lock);
	now = monotonic_ns();
	operations_wait = limiters_wait(limits->operations, direction, now);
	bytes_wait = bytes ? limiters_wait(limits->bytes, direction, now) : 0;
	wait = MAX(operations_wait, bytes_wait);
	if (!wait) {
		limiters_take(limits->operations, direction, now, 1);
		limiters_take(limits->bytes, direction, now, bytes);
	}
	pthread_mutex_unlock(&limits->lock);
	return virtio_throttle_waits(throttle, wait);
}

void blk_limits_take(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes)
{
	if (!atomic_load_explicit(&limits->any, memory_order_relaxed))
		return;
	pthread_mutex_lock(&limits->lock);
	limiters_take(limits->bytes, direction, monotonic_ns(), bytes);
	pthread_mutex_unlock(&limits->lock);
}
