#include "devmodel/virtio/blk_limits.h"

#include "common/clock.h"
#include "common/util.h"

static bool limiters_init(struct rate_limiter *limiters, const struct virtio_blk_rates *rates)
{
	rate_limiter_init(&limiters[BLK_LIMIT_TOTAL], &rates->total);
	rate_limiter_init(&limiters[BLK_LIMIT_READ], &rates->read);
	rate_limiter_init(&limiters[BLK_LIMIT_WRITE], &rates->write);
	return rates->total.rate || rates->read.rate || rates->write.rate;
}

int blk_limits_init(struct blk_limits *limits, const struct virtio_blk_options *options,
		    struct virtio_device *device, struct error *err)
{
	bool operations = limiters_init(limits->operations, &options->operations);
	bool bytes = limiters_init(limits->bytes, &options->bytes);

	return operations || bytes ? virtio_throttle_init(&limits->throttle, device, 0, err) : 0;
}

void blk_limits_close(struct blk_limits *limits)
{
	virtio_throttle_close(&limits->throttle);
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

bool blk_limits_wait(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes)
{
	uint64_t now, operations_wait, bytes_wait;

	if (!limits->throttle.device)
		return false;
	now = monotonic_ns();
	operations_wait = limiters_wait(limits->operations, direction, now);
	bytes_wait = bytes ? limiters_wait(limits->bytes, direction, now) : 0;
	if (virtio_throttle_waits(&limits->throttle, MAX(operations_wait, bytes_wait)))
		return true;
	limiters_take(limits->operations, direction, now, 1);
	limiters_take(limits->bytes, direction, now, bytes);
	return false;
}

void blk_limits_take(struct blk_limits *limits, enum blk_limit direction, uint64_t bytes)
{
	if (limits->throttle.device)
		limiters_take(limits->bytes, direction, monotonic_ns(), bytes);
}
